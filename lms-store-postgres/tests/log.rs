//! The event log under writers of very different length, slow readers, and connections that die.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, reason = "these are tests")]

use std::collections::BTreeSet;
use std::future::poll_fn;
use std::sync::Arc;
use std::time::Duration;

use lms_core::Lms;
use lms_core::live::{LiveEvent, LiveStream};
use lms_core::lms::{HostEvent, Session};
use lms_core::model::table::Json;
use lms_core::model::{ActorKind, CourseId, Event, EventId, EventKind, NewEvent, SubjectType};
use lms_core::store::{EventFilter, Store, WriteBatch};
use lms_core::testing::Classroom;
use lms_store_postgres::PgStore;
use lms_store_postgres::driver::{self, Connection as _, Row as _};
use lms_store_postgres::testing::Cluster;

struct Log {
    stores: Vec<PgStore>,
    processes: Vec<Lms>,
    room: Classroom,
    private: String,
}

impl Log {
    /// So many processes on one log.
    async fn of(processes: usize) -> Self {
        let (name, private) = Cluster::fresh_schemas();
        let mut stores = Vec::new();
        for _ in 0..processes {
            let builder = PgStore::builder(Cluster::shared().url()).schemas(name.as_str(), private.as_str());
            stores.push(builder.max_connections(16).connect().await.unwrap());
        }
        let processes: Vec<Lms> = stores.iter().map(|store| Lms::builder(store.clone()).build()).collect();
        processes[0].migrate().await.unwrap();
        let room = Classroom::build(&processes[0], 1, 0).await.unwrap();
        Self { stores, processes, room, private }
    }

    async fn subscribe(&self, process: usize) -> LiveStream<LiveEvent> {
        let lms = &self.processes[process];
        lms.settle().await.unwrap();
        let from = lms.live().head().await.unwrap();
        lms.live().events(&lms.system(), EventFilter::default(), Some(from)).await.unwrap()
    }
}

async fn next(stream: &mut LiveStream<LiveEvent>) -> Event {
    let one = poll_fn(|cx| stream.as_mut().poll_next(cx));
    let one = tokio::time::timeout(Duration::from_secs(30), one).await.expect("an event within 30 s");
    one.unwrap().unwrap().event
}

/// The next so many events, each one position after the last, none twice.
async fn dense(stream: &mut LiveStream<LiveEvent>, count: usize) -> Vec<uuid::Uuid> {
    let mut ids = Vec::with_capacity(count);
    let mut last = None;
    while ids.len() < count {
        let event = next(stream).await;
        if let Some(last) = last {
            assert_eq!(event.position, last + 1, "dense, in order, none twice");
        }
        last = Some(event.position);
        ids.push(event.event.id.uuid());
    }
    ids
}

fn tick(course: CourseId, n: usize) -> HostEvent {
    HostEvent {
        kind: "acme.tick".into(),
        course_id: course,
        student_id: None,
        learner_initiated: false,
        metadata: Some(Json::of(&serde_json::json!({ "n": n }))),
    }
}

async fn record(teacher: &Session, course: CourseId, n: usize) {
    teacher.activity().record(tick(course, n)).await.unwrap();
}

/// Sixteen writers, some of which take their time between the insert and the commit; a reader at the tail.
/// A reader of insertion order would skip those that come late.
/// rules: V4
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn v4_a_slow_transaction_is_not_skipped() {
    const WRITERS: usize = 16;
    const EACH: usize = 25;
    let log = Log::of(2).await;
    let mut stream = log.subscribe(1).await;
    let mut writers = Vec::new();
    for n in 0..WRITERS {
        let (store, teacher, course) = (log.stores[0].clone(), log.room.teacher(), log.room.course);
        let lms = log.processes[0].clone();
        writers.push(tokio::spawn(async move {
            let mut committed = Vec::new();
            let mut conn = driver::PgConnection::connect(Cluster::shared().url()).await.unwrap();
            for k in 0..EACH {
                let planned =
                    teacher.plan(|s| async move { s.activity().record(tick(course, k)).await }).await.unwrap();
                let mut tx = conn.begin().await.unwrap();
                store.write_in(&mut tx, &planned.batch).await.unwrap();
                if (n + k) % 10 == 0 {
                    tokio::time::sleep(Duration::from_millis(3 + (n as u64 % 4) * 40)).await;
                }
                tx.commit().await.unwrap();
                // Some hosts forget to say so: the poll finds theirs.
                if n % 2 == 0 {
                    lms.committed();
                }
                committed.extend(planned.batch.events.iter().map(|e| e.id.uuid()));
            }
            committed
        }));
    }
    let seen = dense(&mut stream, WRITERS * EACH).await;
    let mut committed = BTreeSet::new();
    for writer in writers {
        committed.extend(writer.await.unwrap());
    }
    assert_eq!(seen.into_iter().collect::<BTreeSet<_>>(), committed, "delivered is what was committed");
}

/// A subscriber that lies ten thousand events behind reads them all from the table, in order; what it has not
/// taken waits there and not in memory (its channel holds one page).
/// rules: V4
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn v4_a_subscriber_far_behind_misses_nothing() {
    const BATCHES: usize = 100;
    const EACH: usize = 100;
    let log = Log::of(1).await;
    let mut stream = log.subscribe(0).await;
    let (lms, store) = (&log.processes[0], &log.stores[0]);
    let mut written = Vec::new();
    for _ in 0..BATCHES {
        let events = (0..EACH)
            .map(|_| NewEvent {
                id: EventId::from_uuid(lms.ids().uuid(lms.now())),
                at: lms.now(),
                kind: EventKind::Other("acme.tick".into()),
                actor_kind: ActorKind::System,
                actor_id: None,
                on_behalf_of: None,
                course_id: Some(log.room.course),
                student_id: None,
                subject_type: SubjectType::Course,
                subject_id: log.room.course.uuid(),
                learner_initiated: false,
                metadata: Json::object(),
            })
            .collect();
        let batch = WriteBatch { events, ..WriteBatch::default() };
        written.extend(batch.events.iter().map(|e| e.id.uuid()));
        store.write(Arc::new(batch)).await.unwrap();
    }
    // Nobody has taken one yet.
    lms.settle().await.unwrap();
    tokio::time::sleep(Duration::from_millis(300)).await;
    let seen = dense(&mut stream, BATCHES * EACH).await;
    assert_eq!(seen, written, "all of them, in the order in which one writer wrote them");
}

/// The session that listens is ended by the server in mid-stream: what is sent meanwhile is found in the table.
/// rules: V4
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn v4_a_listener_that_dies_loses_nothing() {
    const EVENTS: usize = 150;
    let log = Log::of(2).await;
    let mut stream = log.subscribe(1).await;
    let (teacher, course) = (log.room.teacher(), log.room.course);
    let writer = tokio::spawn(async move {
        for n in 0..EVENTS {
            record(&teacher, course, n).await;
        }
    });
    let mut killer = driver::PgConnection::connect(Cluster::shared().url()).await.unwrap();
    let killing = tokio::spawn(async move {
        let mut killed = 0;
        for _ in 0..8 {
            tokio::time::sleep(Duration::from_millis(60)).await;
            let sql = "SELECT count(*) FROM (SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                       WHERE query LIKE 'LISTEN%' AND pid <> pg_backend_pid()) AS k";
            killed += driver::query(sql).fetch_one(&mut killer).await.unwrap().get::<i64, _>(0);
        }
        killed
    });
    assert_eq!(dense(&mut stream, EVENTS).await.len(), EVENTS);
    writer.await.unwrap();
    assert!(killing.await.unwrap() > 0, "a listener was killed");
}

/// After a failover the log is another one: who holds a stream over it hears so, without asking.
/// rules: V4
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn v4_an_open_stream_notices_another_log() {
    let log = Log::of(1).await;
    let mut stream = log.subscribe(0).await;
    let mut states = log.processes[0].live().course_metrics(&log.room.teacher(), log.room.course).await.unwrap();
    // Each of these waits for the numbers: two changes at once would be one reading.
    let mut state = async || {
        let state = poll_fn(|cx| states.as_mut().poll_next(cx));
        tokio::time::timeout(Duration::from_secs(30), state).await.expect("a state").unwrap().unwrap();
    };
    state().await;
    record(&log.room.teacher(), log.room.course, 0).await;
    next(&mut stream).await;
    state().await;
    let mut conn = driver::PgConnection::connect(Cluster::shared().url()).await.unwrap();
    let sql = format!("UPDATE {}.lms_log SET epoch = gen_random_uuid()", log.private);
    assert_eq!(driver::query(driver::AssertSqlSafe(sql)).execute(&mut conn).await.unwrap().rows_affected(), 1);
    let one = poll_fn(|cx| stream.as_mut().poll_next(cx));
    let one = tokio::time::timeout(Duration::from_secs(30), one).await.expect("never silence").unwrap();
    assert_eq!(one.unwrap_err().code(), "events.resync");
    // They are read anew, whatever the log.
    state().await;
}
