//! Two processes on one database, and a server that goes away under them.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "these are tests")]

use std::collections::BTreeSet;
use std::future::poll_fn;
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use lms_core::Lms;
use lms_core::live::{LiveEvent, LiveStream};
use lms_core::lms::{EnrollOptions, HostEvent, NewCourse, NewUser};
use lms_core::model::{CourseId, EventKind, Role, UserId};
use lms_core::store::{ById, EventFilter, EventLog};
use lms_store_postgres::PgStore;
use lms_store_postgres::testing::Cluster;
use tokio::task::JoinHandle;
use uuid::Uuid;

async fn two(cluster: &Cluster) -> (PgStore, PgStore) {
    let (lms, private) = Cluster::fresh_schemas();
    let open = || PgStore::builder(cluster.url()).schemas(lms.clone(), private.clone()).connect();
    (open().await.unwrap(), open().await.unwrap())
}

async fn next(stream: &mut LiveStream<LiveEvent>) -> LiveEvent {
    let one = poll_fn(|cx| stream.as_mut().poll_next(cx));
    tokio::time::timeout(Duration::from_secs(30), one).await.unwrap().unwrap().unwrap()
}

/// rules: V4
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_subscriber_sees_what_another_process_commits() {
    let (here, there) = two(Cluster::shared()).await;
    let (here, there) = (Lms::builder(here).build(), Lms::builder(there).build());
    here.migrate().await.unwrap();
    there.migrate().await.unwrap();
    let mut stream = here.live().events(&here.system(), EventFilter::default(), None).await.unwrap();
    let teacher = there.system().people().ensure_user(NewUser::new(Role::Instructor, "T")).await.unwrap();
    let course = there.as_user(teacher.id).catalog().create_course(NewCourse::titled("C")).await.unwrap();
    for n in 0..50 {
        let event = HostEvent {
            kind: "acme.tick".into(),
            course_id: course.id,
            student_id: None,
            learner_initiated: false,
            metadata: Some(lms_core::model::table::Json::of(&serde_json::json!({ "n": n }))),
        };
        there.as_user(teacher.id).activity().record(event).await.unwrap();
    }
    let mut last = None;
    let mut ticks = 0;
    while ticks < 50 {
        let seen = next(&mut stream).await;
        if let Some(last) = last {
            assert_eq!(seen.event.position, last + 1, "dense and in order");
        }
        last = Some(seen.event.position);
        if seen.event.event.kind == EventKind::Other("acme.tick".into()) {
            ticks += 1;
        }
    }
}

/// The server stops as by a power loss and comes back, twice, in the middle of a storm of writes by two
/// processes. Every confirmed write is there; a subscriber in each process sees every event of both, in order,
/// none missing or twice; and both go on by themselves.
///
/// rules: V1, V4, P11
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_server_that_restarts_in_a_storm_loses_nothing() {
    if let Ok(place) = std::env::var(PLACE) {
        return be_the_other_process(&place).await;
    }
    let cluster = Cluster::start(&[]);
    let (schema, private) = Cluster::fresh_schemas();
    let store = PgStore::builder(cluster.url()).schemas(schema.clone(), private.clone()).connect().await.unwrap();
    let here = Lms::builder(store.clone()).build();
    here.migrate().await.unwrap();
    let teacher = here.system().people().ensure_user(NewUser::new(Role::Instructor, "T")).await.unwrap().id;
    let course = here.as_user(teacher).catalog().create_course(NewCourse::titled("C")).await.unwrap().id;

    // Both say what they confirm and see: this one at once, the other by its output.
    let (ours, theirs) = (Arc::new(Side::default()), Arc::new(Side::default()));
    let place = [cluster.url(), &schema, &private, &course.uuid().to_string(), &teacher.uuid().to_string()].join("|");
    let mut child = start(&place, theirs.clone());
    let stop = Arc::new(AtomicBool::new(false));
    let tell = ours.clone();
    let (writers, subscriber) = storm(&here, course, teacher, stop.clone(), move |line| tell.take(line)).await;

    let sides = [&ours, &theirs];
    for round in 0..=2 {
        if round > 0 {
            tokio::task::block_in_place(|| cluster.restart_immediately());
        }
        // Nobody tells them to: each confirms new writes, and each sees new events of both.
        let wanted = sides.map(|side| (side.confirmed().len() + 15, side.seen().len() + 40));
        until("both processes go on", || {
            sides
                .iter()
                .zip(wanted)
                .all(|(side, (confirmed, seen))| side.confirmed().len() >= confirmed && side.seen().len() >= seen)
        })
        .await;
    }
    stop.store(true, Ordering::Relaxed);
    let mut input = child.stdin.take().unwrap();
    writeln!(input, "stop").unwrap();
    for writer in writers {
        writer.await.unwrap();
    }
    until("the other process has stopped", || theirs.stopped.load(Ordering::Relaxed)).await;
    let head = here.settle().await.unwrap();
    for side in sides {
        until("the subscriber sees the last event", || side.seen().last().is_some_and(|seen| seen.0 >= head)).await;
    }
    subscriber.abort();
    drop(input);
    assert!(child.wait().unwrap().success());

    let stored = enrolled(&here, course, teacher).await;
    let log = log_of(&store, head).await;
    for side in sides {
        let (confirmed, seen) = (side.confirmed(), side.seen());
        for (_, id) in &confirmed {
            assert!(stored.contains(id), "a confirmed enrollment is gone");
        }
        let from = usize::try_from(seen[0].0).unwrap() - 1;
        assert_eq!(seen[..], log[from..], "in order, none missing, none twice");
        let place_of = |id: &Uuid| log.iter().position(|(_, _, of)| of.as_ref() == Some(id));
        // Who confirmed one after the other finds them so in the log, whichever process reads it.
        for other in sides {
            for writer in 0..WRITERS {
                let places: Vec<_> =
                    other.confirmed().iter().filter(|(by, _)| *by == writer).map(|(_, id)| place_of(id)).collect();
                assert!(places.iter().all(Option::is_some) && places.is_sorted(), "{places:?}");
            }
        }
    }
    let of_log: Vec<Uuid> = log.iter().filter_map(|(_, _, of)| *of).collect();
    assert_eq!(of_log.len(), stored.len(), "an event for each enrollment");
    assert_eq!(of_log.into_iter().collect::<BTreeSet<_>>(), stored, "and one only");
    assert!(here.system().activity().audit(course).await.unwrap().is_empty(), "no drift");
}

/// The same behind a transaction pooler, which says in words of its own that its servers have gone.
///
/// rules: V1, V4, V5, P11
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_server_that_restarts_behind_a_pooler_loses_nothing() {
    let cluster = Cluster::start(&[]);
    let pooler = cluster.pooler(4);
    let (schema, private) = Cluster::fresh_schemas();
    let store = PgStore::builder(pooler.url())
        .schemas(schema, private)
        .pooled(Some(cluster.url().to_owned()))
        .connect()
        .await
        .unwrap();
    let lms = Lms::builder(store.clone()).build();
    lms.migrate().await.unwrap();
    let teacher = lms.system().people().ensure_user(NewUser::new(Role::Instructor, "T")).await.unwrap().id;
    let course = lms.as_user(teacher).catalog().create_course(NewCourse::titled("C")).await.unwrap().id;
    let (side, stop) = (Arc::new(Side::default()), Arc::new(AtomicBool::new(false)));
    let tell = side.clone();
    let (writers, subscriber) = storm(&lms, course, teacher, stop.clone(), move |line| tell.take(line)).await;
    let mut states = lms.live().course_metrics(&lms.as_user(teacher), course).await.unwrap();
    let enrolled_by_state = Arc::new(AtomicUsize::new(0));
    let latest = enrolled_by_state.clone();
    let state = tokio::spawn(async move {
        while let Some(metrics) = poll_fn(|cx| states.as_mut().poll_next(cx)).await {
            let enrolled = metrics.unwrap().completion.enrolled;
            latest.store(usize::try_from(enrolled).unwrap(), Ordering::Relaxed);
        }
    });
    for round in 0..=3 {
        if round > 0 {
            tokio::task::block_in_place(|| cluster.restart_immediately());
        }
        let wanted = (side.confirmed().len() + 15, side.seen().len() + 40);
        until("it goes on by itself", || side.confirmed().len() >= wanted.0 && side.seen().len() >= wanted.1).await;
    }
    stop.store(true, Ordering::Relaxed);
    for writer in writers {
        writer.await.unwrap();
    }
    let head = lms.settle().await.unwrap();
    until("the subscriber sees the last event", || side.seen().last().is_some_and(|seen| seen.0 >= head)).await;
    assert!(!subscriber.is_finished(), "no subscription ended for a server that went away");
    subscriber.abort();
    let all = enrolled(&lms, course, teacher).await.len();
    until("the state ends on the latest", || enrolled_by_state.load(Ordering::Relaxed) == all).await;
    assert!(!state.is_finished());
    state.abort();

    let stored = enrolled(&lms, course, teacher).await;
    for (_, id) in side.confirmed() {
        assert!(stored.contains(&id), "a confirmed enrollment is gone");
    }
    let (seen, log) = (side.seen(), log_of(&store, head).await);
    let from = usize::try_from(seen[0].0).unwrap() - 1;
    assert_eq!(seen[..], log[from..], "in order, none missing, none twice");
    let of_log: Vec<Uuid> = log.iter().filter_map(|(_, _, of)| *of).collect();
    assert_eq!(of_log.len(), stored.len(), "an event for each enrollment");
    assert_eq!(of_log.into_iter().collect::<BTreeSet<_>>(), stored, "and one only");
}

/// Tells the other process where the database is: it is this same test, started again.
const PLACE: &str = "LMS_STORM_PLACE";
/// The test's own name, by which it is started again.
const MYSELF: &str = "a_server_that_restarts_in_a_storm_loses_nothing";
/// Writers in each process.
const WRITERS: usize = 4;

/// An event as a subscriber saw it: position, id, and the enrollment that it tells of.
type Seen = (i64, Uuid, Option<Uuid>);

/// What a process confirmed, by writer, and what its subscriber saw.
#[derive(Default)]
struct Side {
    confirmed: Mutex<Vec<(usize, Uuid)>>,
    seen: Mutex<Vec<Seen>>,
    stopped: AtomicBool,
}

#[derive(Clone, Copy)]
enum Line {
    Confirmed(usize, Uuid),
    Saw(Seen),
    Stopped,
}

impl Side {
    fn take(&self, line: Line) {
        match line {
            Line::Confirmed(writer, id) => self.confirmed.lock().unwrap().push((writer, id)),
            Line::Saw(seen) => self.seen.lock().unwrap().push(seen),
            Line::Stopped => self.stopped.store(true, Ordering::Relaxed),
        }
    }
    fn confirmed(&self) -> Vec<(usize, Uuid)> {
        self.confirmed.lock().unwrap().clone()
    }
    fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }
}

impl Line {
    fn print(self) {
        match self {
            Self::Confirmed(writer, id) => println!("> confirmed {writer} {id}"),
            Self::Saw((position, id, Some(of))) => println!("> saw {position} {id} {of}"),
            Self::Saw((position, id, None)) => println!("> saw {position} {id}"),
            Self::Stopped => println!("> stopped"),
        }
    }

    fn read(line: &str) -> Option<Self> {
        let words: Vec<&str> = line.split_once("> ")?.1.split_whitespace().collect();
        let id = |n: usize| words.get(n).and_then(|word| word.parse().ok());
        match *words.first()? {
            "confirmed" => Some(Self::Confirmed(words[1].parse().ok()?, id(2)?)),
            "saw" => Some(Self::Saw((words[1].parse().ok()?, id(2)?, id(3)))),
            "stopped" => Some(Self::Stopped),
            _ => None,
        }
    }
}

/// Starts this test again as the other process, and follows what it says.
fn start(place: &str, side: Arc<Side>) -> Child {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args([MYSELF, "--exact", "--nocapture", "--test-threads=1"])
        .env(PLACE, place)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let out = BufReader::new(child.stdout.take().unwrap());
    std::thread::spawn(move || {
        for line in out.lines().map_while(Result::ok) {
            if let Some(line) = Line::read(&line) {
                side.take(line);
            }
        }
    });
    child
}

/// The other process: the same storm, until it is told to stop; it reads on until its input ends.
async fn be_the_other_process(place: &str) {
    let words: Vec<&str> = place.split('|').collect();
    let store = PgStore::builder(words[0]).schemas(words[1], words[2]).connect().await.unwrap();
    let lms = Lms::builder(store).build();
    let (course, teacher) =
        (CourseId::from_uuid(words[3].parse().unwrap()), UserId::from_uuid(words[4].parse().unwrap()));
    let stop = Arc::new(AtomicBool::new(false));
    let (writers, subscriber) = storm(&lms, course, teacher, stop.clone(), Line::print).await;
    let line = || tokio::task::spawn_blocking(|| std::io::stdin().read_line(&mut String::new()).unwrap());
    line().await.unwrap();
    stop.store(true, Ordering::Relaxed);
    for writer in writers {
        writer.await.unwrap();
    }
    Line::Stopped.print();
    assert_eq!(line().await.unwrap(), 0, "the end of its input");
    subscriber.abort();
}

/// Writers that enroll new people one after the other, each one event, and a subscriber to all events.
async fn storm(
    lms: &Lms,
    course: CourseId,
    teacher: UserId,
    stop: Arc<AtomicBool>,
    tell: impl Fn(Line) + Clone + Send + 'static,
) -> (Vec<JoinHandle<()>>, JoinHandle<()>) {
    let mut stream = lms.live().events(&lms.system(), EventFilter::default(), None).await.unwrap();
    let told = tell.clone();
    let subscriber = tokio::spawn(async move {
        loop {
            let one = next(&mut stream).await.event;
            let of = (one.event.kind == EventKind::Enrolled).then_some(one.event.subject_id);
            told(Line::Saw((one.position, one.event.id.uuid(), of)));
        }
    });
    let mut writers = Vec::new();
    for writer in 0..WRITERS {
        let (lms, stop, tell) = (lms.clone(), stop.clone(), tell.clone());
        writers.push(tokio::spawn(async move {
            while !stop.load(Ordering::Relaxed) {
                // Staff may enroll into a draft.
                let student = NewUser::new(Role::Student, "Somebody");
                let Ok(student) = lms.system().people().ensure_user(student).await else { continue };
                let teacher = lms.as_user(teacher);
                if let Ok(done) = teacher.enrollment().enroll(course, student.id, EnrollOptions::default()).await {
                    tell(Line::Confirmed(writer, done.id.uuid()));
                }
            }
        }));
    }
    (writers, subscriber)
}

async fn until(what: &str, is: impl Fn() -> bool) {
    let start = Instant::now();
    while !is() {
        assert!(start.elapsed() < Duration::from_secs(60), "within a minute: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Every enrollment of the course.
async fn enrolled(lms: &Lms, course: CourseId, teacher: UserId) -> BTreeSet<Uuid> {
    let mut all = BTreeSet::new();
    let mut page = ById { after: None, limit: 500 };
    loop {
        let rows = lms.as_user(teacher).enrollment().of_course(course, page).await.unwrap();
        let Some(last) = rows.last() else { return all };
        page.after = Some(last.id.uuid());
        all.extend(rows.iter().map(|e| e.id.uuid()));
    }
}

/// The whole log as it stands.
async fn log_of(store: &PgStore, head: i64) -> Vec<Seen> {
    let mut all: Vec<Seen> = Vec::new();
    while all.len() < usize::try_from(head).unwrap() {
        let after = all.last().map_or(0, |seen| seen.0);
        for event in store.events(after, &EventFilter::default(), 500).await.unwrap() {
            assert_eq!(event.position, all.last().map_or(1, |seen| seen.0 + 1), "dense");
            let of = (event.event.kind == EventKind::Enrolled).then_some(event.event.subject_id);
            all.push((event.position, event.event.id.uuid(), of));
        }
    }
    all
}

/// Three relays number the same log, one of them killed in its step again and again: positions are dense,
/// unique, and never change once they were delivered.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn relays_of_many_processes_number_each_event_once() {
    let cluster = Cluster::shared();
    let (a, b) = two(cluster).await;
    let lms = Lms::builder(a.clone()).build();
    lms.migrate().await.unwrap();
    let teacher = lms.system().people().ensure_user(NewUser::new(Role::Instructor, "T")).await.unwrap();
    let course = lms.as_user(teacher.id).catalog().create_course(NewCourse::titled("C")).await.unwrap();
    let stop = Arc::new(AtomicBool::new(false));
    let mut relays = Vec::new();
    for store in [a.clone(), b.clone(), b.clone()] {
        let stop = stop.clone();
        relays.push(tokio::spawn(async move {
            let mut n = 0_u64;
            while !stop.load(Ordering::Relaxed) {
                n += 1;
                // A caller that goes away in the middle of the step.
                let _ = tokio::time::timeout(Duration::from_micros(n * 137 % 1_500), store.settle()).await;
            }
        }));
    }
    let mut writers = Vec::new();
    for n in 0..32 {
        let lms = lms.clone();
        writers.push(tokio::spawn(async move {
            for k in 0..10 {
                let event = HostEvent {
                    kind: "acme.tick".into(),
                    course_id: course.id,
                    student_id: None,
                    learner_initiated: false,
                    metadata: Some(lms_core::model::table::Json::of(&serde_json::json!({ "n": n, "k": k }))),
                };
                lms.as_user(teacher.id).activity().record(event).await.unwrap();
            }
        }));
    }
    let mut delivered: Vec<(i64, uuid::Uuid)> = Vec::new();
    let collect = |delivered: &mut Vec<(i64, uuid::Uuid)>, page: Vec<lms_core::model::Event>| {
        for event in page {
            assert_eq!(event.position, delivered.last().map_or(event.position, |(p, _)| p + 1), "dense");
            delivered.push((event.position, event.event.id.uuid()));
        }
    };
    while writers.iter().any(|w| !w.is_finished()) {
        let after = delivered.last().map_or(0, |(p, _)| *p);
        collect(&mut delivered, a.events(after, &EventFilter::default(), 500).await.unwrap());
    }
    for writer in writers {
        writer.await.unwrap();
    }
    stop.store(true, Ordering::Relaxed);
    for relay in relays {
        relay.await.unwrap();
    }
    let head = lms.settle().await.unwrap();
    let mut again = Vec::new();
    while again.last().map_or(0, |(p, _)| *p) < head {
        let after = again.last().map_or(0, |(p, _)| *p);
        collect(&mut again, b.events(after, &EventFilter::default(), 500).await.unwrap());
    }
    assert_eq!(again[..delivered.len()], delivered[..], "a position never changes");
    assert!(again.len() >= 320);
}
