//! The dashboard's WebSocket and SSE, over a real socket: who receives what, and that nothing is missed.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "these are tests")]

use std::time::Duration;

use futures_util::StreamExt as _;
use lms_core::Lms;
use lms_core::model::UserId;
use lms_core::testing::Classroom;
use lms_examples::dashboard::router;
use lms_store_sqlite::SqliteStore;
use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

const PATIENCE: Duration = Duration::from_secs(20);

struct Served {
    lms: Lms,
    room: Classroom,
    address: String,
}

async fn served(lessons: usize, students: usize) -> Served {
    let lms = Lms::builder(SqliteStore::in_memory().await.unwrap()).build();
    lms.migrate().await.unwrap();
    let room = Classroom::build(&lms, lessons, students).await.unwrap();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let service = router(lms.clone());
    tokio::spawn(async move { axum::serve(listener, service).await });
    Served { lms, room, address }
}

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

impl Served {
    fn path(&self, what: &str, who: UserId, after: Option<&str>) -> String {
        let after = after.map(|cursor| format!("&after={cursor}")).unwrap_or_default();
        format!("/api/courses/{}/{what}?as={who}{after}", self.room.course)
    }

    async fn socket(&self, who: UserId, after: Option<&str>) -> Result<Socket, Error> {
        let url = format!("ws://{}{}", self.address, self.path("ws", who, after));
        connect_async(url).await.map(|(socket, _)| socket)
    }

    /// The status of a refused socket.
    async fn refused(&self, who: UserId, after: Option<&str>) -> u16 {
        match self.socket(who, after).await {
            Err(Error::Http(answer)) => answer.status().as_u16(),
            other => panic!("not refused: {other:?}"),
        }
    }
}

/// What comes until one fits; the last is that one.
async fn until(socket: &mut Socket, fits: impl Fn(&Value) -> bool) -> Vec<Value> {
    let mut all = Vec::new();
    loop {
        let message = timeout(PATIENCE, socket.next()).await.unwrap_or_else(|_| panic!("in vain; so far {all:?}"));
        if let Message::Text(text) = message.unwrap().unwrap() {
            all.push(serde_json::from_str(&text).unwrap());
            if fits(all.last().unwrap()) {
                return all;
            }
        }
    }
}

fn is(push: &Value, kind: &str) -> bool {
    push["type"] == "event" && push["kind"] == kind
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn v4_v5_the_instructor_sees_every_event_once_and_ends_on_the_latest_numbers() {
    let s = served(2, 1).await;
    let mut socket = s.socket(s.room.instructor, None).await.unwrap();
    let first = until(&mut socket, |push| push["type"] == "metrics").await;
    assert_eq!(first.last().unwrap()["completion"]["completed"], 0);
    let me = s.room.student(0);
    me.learning().complete_lesson(s.room.lessons[0]).await.unwrap();
    let seen = until(&mut socket, |push| is(push, "lesson_completed")).await;
    let cursor = seen.last().unwrap()["cursor"].as_str().unwrap().to_owned();
    drop(socket);

    // While nobody looked on, the course was completed.
    me.learning().complete_lesson(s.room.lessons[1]).await.unwrap();
    let mut socket = s.socket(s.room.instructor, Some(&cursor)).await.unwrap();
    let missed = until(&mut socket, |push| is(push, "certificate_issued")).await;
    let kinds: Vec<&str> =
        missed.iter().filter(|push| push["type"] == "event").map(|push| push["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["lesson_completed", "course_completed", "certificate_issued"]);
    if !missed.iter().any(|push| push["type"] == "metrics" && push["completion"]["completed"] == 1) {
        until(&mut socket, |push| push["type"] == "metrics" && push["completion"]["completed"] == 1).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn v7_a_learner_receives_their_own_and_nobody_elses() {
    let s = served(2, 2).await;
    let mut socket = s.socket(s.room.students[0], None).await.unwrap();
    s.room.student(1).learning().complete_lesson(s.room.lessons[0]).await.unwrap();
    s.room.student(0).learning().complete_lesson(s.room.lessons[0]).await.unwrap();
    let seen = until(&mut socket, |push| is(push, "lesson_completed")).await;
    let mine = s.room.students[0].to_string();
    assert!(seen.iter().all(|push| push["type"] != "event" || push["student_id"] == mine), "{seen:?}");
    assert!(seen.iter().all(|push| push["type"] != "metrics"), "the course's numbers are staff's");
    if !seen.iter().any(|push| push["type"] == "progress" && push["percent"] == "50.00") {
        until(&mut socket, |push| push["type"] == "progress" && push["percent"] == "50.00").await;
    }

    // A right that is taken away ends the subscription, and says why.
    s.room.teacher().enrollment().withdraw(s.room.course, s.room.students[0]).await.unwrap();
    let closed = loop {
        match timeout(PATIENCE, socket.next()).await.unwrap() {
            Some(Ok(Message::Close(frame))) => break frame.unwrap(),
            Some(Ok(_)) => {}
            other => panic!("no reason was given: {other:?}"),
        }
    };
    assert_eq!(u16::from(closed.code), 4000);
    assert!(!closed.reason.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn v7_a_page_to_which_nothing_happens_gets_newer_places_to_come_back_to() {
    let s = served(2, 2).await;
    let begin = s.lms.live().head().await.unwrap().to_string();
    let mut socket = s.socket(s.room.students[0], None).await.unwrap();
    s.room.student(1).learning().complete_lesson(s.room.lessons[0]).await.unwrap();
    let head = s.lms.live().head().await.unwrap().to_string();
    let seen = until(&mut socket, |push| push["type"] == "reached").await;
    assert_eq!(seen.last().unwrap()["cursor"], head.as_str());
    assert!(seen.iter().all(|push| push["type"] != "event"), "{seen:?}");

    // A browser keeps the id of a message without data, and its page hears nothing of it.
    let mut stream = TcpStream::connect(&s.address).await.unwrap();
    let path = s.path("events", s.room.students[0], Some(&begin));
    stream.write_all(format!("GET {path} HTTP/1.1\r\nhost: localhost\r\n\r\n").as_bytes()).await.unwrap();
    let mut lines = BufReader::new(stream.take(1 << 20)).lines();
    loop {
        let line = timeout(PATIENCE, lines.next_line()).await.unwrap().unwrap().unwrap();
        assert!(!line.starts_with("data:"), "{line}");
        if line.strip_prefix("id: ").is_some_and(|id| id == head) {
            break;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn v4_v7_who_may_not_and_what_cannot_be_resumed_is_refused_before_the_socket_opens() {
    let s = served(1, 1).await;
    let stranger = lms_core::lms::NewUser::new(lms_core::model::Role::Student, "A stranger");
    let stranger = s.lms.system().people().ensure_user(stranger).await.unwrap();
    assert_eq!(s.refused(stranger.id, None).await, 404);
    assert_eq!(s.refused(s.room.instructor, Some("nonsense")).await, 422);
    let other = served(1, 1).await;
    let foreign = other.lms.live().head().await.unwrap().to_string();
    assert_eq!(s.refused(s.room.instructor, Some(&foreign)).await, 409);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn v4_server_sent_events_resume_after_the_last_event_id() {
    let s = served(2, 1).await;
    let begin = s.lms.live().head().await.unwrap().to_string();
    s.room.student(0).learning().complete_lesson(s.room.lessons[0]).await.unwrap();
    s.room.student(0).learning().complete_lesson(s.room.lessons[1]).await.unwrap();
    let all = sse(&s, &begin, 4).await;
    assert_eq!(kinds(&all), ["lesson_completed", "lesson_completed", "course_completed", "certificate_issued"]);
    let rest = sse(&s, &all[1].0, 2).await;
    assert_eq!(rest, all[2..]);
}

fn kinds(events: &[(String, Value)]) -> Vec<&str> {
    events.iter().map(|(_, event)| event["kind"].as_str().unwrap()).collect()
}

/// So many events as a browser reads them: the id of each, and its data.
async fn sse(s: &Served, last: &str, count: usize) -> Vec<(String, Value)> {
    let mut stream = TcpStream::connect(&s.address).await.unwrap();
    let path = s.path("events", s.room.instructor, None);
    let request = format!("GET {path} HTTP/1.1\r\nhost: localhost\r\nlast-event-id: {last}\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut lines = BufReader::new(stream.take(1 << 20)).lines();
    let (mut events, mut id) = (Vec::new(), String::new());
    while events.len() < count {
        let line = timeout(PATIENCE, lines.next_line()).await.unwrap().unwrap().unwrap();
        if let Some(text) = line.strip_prefix("id: ") {
            text.clone_into(&mut id);
        } else if let Some(data) = line.strip_prefix("data: ") {
            events.push((id.clone(), serde_json::from_str(data).unwrap()));
        }
    }
    events
        .into_iter()
        .map(|(id, event): (String, Value)| {
            assert_eq!(event["cursor"], id);
            (id, event)
        })
        .collect()
}
