//! Background work: parts that go on side by side, and consumers whose lease is fenced.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "conformance cases are tests")]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::Notify;
use uuid::Uuid;

use super::Harness;
use crate::error::Error;
use crate::lms::{Consumer, HostEvent, Lease, Lms, NewAssignment, QuizRules, Tick};
use crate::model::table::Json;
use crate::model::{AttemptId, CourseId, CourseJob, EventKind, Id, JobKind, Points};
use crate::store::{Change, EventFilter, WriteBatch};
use crate::testing::Classroom;

/// A consumer made of a function and the number of its calls.
struct Each<F> {
    name: &'static str,
    calls: Arc<AtomicUsize>,
    act: F,
}

#[async_trait]
impl<F> Consumer for Each<F>
where
    F: AsyncStep,
{
    fn name(&self) -> &str {
        self.name
    }
    async fn step(&self, lms: &Lms, lease: &Lease) -> Result<usize, Error> {
        self.calls.fetch_add(1, Ordering::SeqCst);
        self.act.step(lms, lease).await
    }
}

#[async_trait]
trait AsyncStep: Send + Sync {
    async fn step(&self, lms: &Lms, lease: &Lease) -> Result<usize, Error>;
}

/// Fails, always.
struct Fails;
#[async_trait]
impl AsyncStep for Fails {
    async fn step(&self, _: &Lms, _: &Lease) -> Result<usize, Error> {
        Err(Error::Busy)
    }
}

/// Panics, always.
struct Panics;
#[async_trait]
impl AsyncStep for Panics {
    async fn step(&self, _: &Lms, lease: &Lease) -> Result<usize, Error> {
        // After something was awaited, in the middle of a step.
        lease.events(&EventFilter::default(), 1).await?;
        panic!("a bug of the host's")
    }
}

/// Has nothing to do.
struct Idle;
#[async_trait]
impl AsyncStep for Idle {
    async fn step(&self, _: &Lms, _: &Lease) -> Result<usize, Error> {
        Ok(0)
    }
}

/// Begins, and goes on when it is told to.
struct Waits {
    begun: Arc<Notify>,
    go: Arc<Notify>,
}
#[async_trait]
impl AsyncStep for Waits {
    async fn step(&self, _: &Lms, _: &Lease) -> Result<usize, Error> {
        self.begun.notify_one();
        self.go.notified().await;
        Ok(0)
    }
}

fn each<F>(name: &'static str, act: F) -> (Each<F>, Arc<AtomicUsize>) {
    let calls = Arc::new(AtomicUsize::new(0));
    (Each { name, calls: calls.clone(), act }, calls)
}

/// An attempt whose time is up.
async fn overdue(h: &Harness, room: &Classroom) -> AttemptId {
    let rules = QuizRules { time_limit_seconds: Some(60), ..QuizRules::default() };
    let quiz = room.add_quiz(room.lessons[0], 1, rules).await.unwrap();
    let attempt = room.student(0).quizzes().start(quiz.id).await.unwrap();
    h.clock.advance(91);
    attempt.id
}

async fn is_expired(h: &Harness, id: AttemptId) -> bool {
    h.events().await.iter().any(|e| e.event.kind == EventKind::QuizExpired && e.event.subject_id == id.uuid())
}

/// Waits for what another task does.
async fn eventually(mut holds: impl AsyncFnMut() -> bool) {
    let reached = async {
        while !holds().await {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), reached).await.unwrap();
}

/// A job that cannot be done, and a consumer that always fails, keep nothing else from being done; the round
/// says that it failed.
/// rules: V6, C6, A6
pub async fn v6_what_fails_keeps_nothing_else_waiting(h: &Harness) {
    let room = h.classroom(1, 1).await;
    let attempt = overdue(h, &room).await;
    let damaged = CourseJob {
        id: Id::from_uuid(Uuid::from_u128(41)),
        course_id: h.classroom(1, 0).await.course,
        kind: JobKind::Recompute,
        at: h.lms.now(),
        params: Json::object(),
        cursor: None,
        done_at: None,
    };
    let batch = WriteBatch { changes: vec![Change::Insert(damaged.into())], ..WriteBatch::default() };
    h.store.write(Arc::new(batch)).await.unwrap();
    let (failing, failed) = each("fails", Fails);
    let (idle, seen) = each("idle", Idle);
    let background = h.lms.background().with(failing).with(idle).pause(Duration::from_millis(20));
    let round = background.tick().await.unwrap();
    assert_eq!(round, Tick { expired: 1, failed: 2, ..Tick::default() });
    assert_eq!((failed.load(Ordering::SeqCst), seen.load(Ordering::SeqCst)), (1, 1));
    assert!(is_expired(h, attempt).await);
    let nothing = background.tick().await.unwrap_err();
    assert_eq!(nothing.code(), "store.corrupt", "nothing was done, and this failed first: the job");
    let failing = h.lms.health().await.unwrap().failing;
    let told: Vec<_> = failing.iter().map(|f| (f.what, f.which.as_deref(), f.code, f.times)).collect();
    let id = Uuid::from_u128(41).to_string();
    assert_eq!(told, [("consumer", Some("fails"), "busy", 2), ("course_job", Some(&*id), "store.corrupt", 2)]);

    // The same for as long as it runs.
    let second = overdue(h, &room).await;
    let stop = Arc::new(Notify::new());
    let stopping = stop.clone();
    let running = tokio::spawn(async move { background.run(async move { stopping.notified().await }).await });
    eventually(async || seen.load(Ordering::SeqCst) > 3 && failed.load(Ordering::SeqCst) > 3).await;
    eventually(async || is_expired(h, second).await).await;
    stop.notify_one();
    tokio::time::timeout(Duration::from_secs(20), running).await.unwrap().unwrap();
    // With the job its failure is gone.
    let done = Change::AdvanceJob { job: Id::from_uuid(Uuid::from_u128(41)), cursor: None, done_at: Some(h.lms.now()) };
    h.store.write(Arc::new(WriteBatch { changes: vec![done], ..WriteBatch::default() })).await.unwrap();
    h.lms.tick().await.unwrap();
    assert!(h.lms.health().await.unwrap().failing.iter().all(|f| f.what == "consumer"));
}

/// A consumer that panics has failed: it is told of, its turn is over, and it is tried again; the others and the
/// library's own work go on.
/// rules: V6, A6
pub async fn v6_a_panic_ends_nothing_beside_it(h: &Harness) {
    let room = h.classroom(1, 1).await;
    let (panics, panicked) = each("panics", Panics);
    let (idle, seen) = each("idle", Idle);
    let background = h.lms.background().with(panics).with(idle).pause(Duration::from_millis(20));
    for times in 1..=2 {
        assert_eq!(background.tick().await.unwrap_err().code(), "panicked", "nothing was done beside it");
        assert_eq!(panicked.load(Ordering::SeqCst), times, "its lease is no hindrance to the next try");
        let failing = h.lms.health().await.unwrap().failing;
        let told: Vec<_> = failing.iter().map(|f| (f.what, f.which.as_deref(), f.code, f.times)).collect();
        assert_eq!(told, [("consumer", Some("panics"), "panicked", u64::try_from(times).unwrap())]);
    }
    let stop = Arc::new(Notify::new());
    let stopping = stop.clone();
    let running = tokio::spawn(async move { background.run(async move { stopping.notified().await }).await });
    eventually(async || panicked.load(Ordering::SeqCst) > 4).await;
    let (attempt, before) = (overdue(h, &room).await, seen.load(Ordering::SeqCst));
    eventually(async || is_expired(h, attempt).await && seen.load(Ordering::SeqCst) > before).await;
    assert!(!running.is_finished());
    stop.notify_one();
    tokio::time::timeout(Duration::from_secs(20), running).await.unwrap().unwrap();
}

fn open_job(n: u128, room: &Classroom, kind: JobKind, params: Json) -> CourseJob {
    CourseJob {
        id: Id::from_uuid(Uuid::from_u128(n)),
        course_id: room.course,
        kind,
        at: room.lms.now(),
        params,
        cursor: None,
        done_at: None,
    }
}

/// More damaged jobs than are read at once, all older than a good one, and older than one that an edit writes and
/// waits for: both are done, by hand and in the background.
/// rules: V6, P9
pub async fn v6_damaged_jobs_in_front_starve_none(h: &Harness) {
    let (room, other) = (h.classroom(1, 1).await, h.classroom(2, 1).await);
    let insert = async |jobs: Vec<CourseJob>| {
        let changes = jobs.into_iter().map(|job| Change::Insert(job.into())).collect();
        h.store.write(Arc::new(WriteBatch { changes, ..WriteBatch::default() })).await.unwrap();
        h.clock.advance(1);
    };
    let damaged = (1..=600).map(|n| open_job(n, &room, JobKind::Recompute, Json::object())).collect();
    insert(damaged).await;
    let good = |n| open_job(n, &other, JobKind::Repair, Json::object());
    insert(vec![good(1_001)]).await;
    let open = async || {
        let first = h.store.open_jobs(None, 500).await.unwrap();
        let after = first.last().map(|job| crate::store::InTime { at: job.at, id: job.id.uuid() });
        first.len() + h.store.open_jobs(after, 500).await.unwrap().len()
    };
    assert_eq!(open().await, 601);
    let round = h.lms.tick().await.unwrap();
    assert_eq!((round.jobs, round.failed, open().await), (1, 600, 600));
    // An edit carries its own job to its end.
    let me = other.student(0);
    me.learning().complete_lesson(other.lessons[0]).await.unwrap();
    other.teacher().catalog().publish_lesson(other.lessons[1], false).await.unwrap();
    let stands = h.lms.system().enrollment().enrollment(other.course, other.students[0]).await.unwrap();
    assert!(stands.completed_at.is_some());
    assert_eq!(open().await, 600);
    insert(vec![good(1_002)]).await;
    let stop = Arc::new(Notify::new());
    let stopping = stop.clone();
    // A pause that nothing here can wait for.
    let background = h.lms.background().pause(Duration::from_secs(600));
    let running = tokio::spawn(async move { background.run(async move { stopping.notified().await }).await });
    eventually(async || open().await == 600).await;
    stop.notify_one();
    tokio::time::timeout(Duration::from_secs(20), running).await.unwrap().unwrap();
}

/// Long jobs do not keep those behind them waiting until they are done: each in its turn is moved on by a chunk.
/// rules: V6, P9
pub async fn v6_long_jobs_take_turns(h: &Harness) {
    let room = h.classroom(1, 120).await;
    let essay = NewAssignment::new("Essay", Points::from_units(1_000_000));
    let assignment = room.teacher().catalog().add_assignment(room.lessons[0], essay).await.unwrap().id;
    let params = Json::of(&serde_json::json!({ "assignment": assignment, "rescale": null, "actor": null }));
    let jobs = (1..=20).map(|n| open_job(n, &room, JobKind::Recompute, params.clone()));
    let changes = jobs.map(|job| Change::Insert(job.into())).collect();
    h.store.write(Arc::new(WriteBatch { changes, ..WriteBatch::default() })).await.unwrap();
    let untouched = async || {
        let open = h.store.open_jobs(None, 100).await.unwrap();
        (open.len(), open.iter().filter(|job| job.cursor.is_none()).count())
    };
    assert_eq!(h.lms.tick().await.unwrap().jobs, 16);
    assert_eq!(untouched().await, (20, 4));
    assert_eq!(h.lms.tick().await.unwrap().jobs, 16);
    assert_eq!(untouched().await, (20, 0), "the last four before the first get their second turn");
    for left in [12, 0] {
        h.lms.tick().await.unwrap();
        assert_eq!(untouched().await.0, left);
    }
}

/// A damaged job, tried again for as long as it is there, slows down nothing beside it: a job of many chunks goes
/// on without a rest, and what falls due is done at the next commit, not after the pause.
/// rules: V6, A6
pub async fn v6_a_damaged_job_slows_nothing_down(h: &Harness) {
    let room = h.classroom(1, 120).await;
    let other = h.classroom(1, 0).await.course;
    let job = |n: u128, course_id, kind| CourseJob {
        id: Id::from_uuid(Uuid::from_u128(n)),
        course_id,
        kind,
        at: h.lms.now(),
        params: Json::object(),
        cursor: None,
        done_at: None,
    };
    let assignment = room
        .teacher()
        .catalog()
        .add_assignment(room.lessons[0], NewAssignment::new("Essay", Points::from_units(1_000_000)))
        .await;
    let params = Json::of(&serde_json::json!({ "assignment": assignment.unwrap().id, "rescale": null, "actor": null }));
    let good = CourseJob { params, ..job(42, room.course, JobKind::Recompute) };
    let changes = [job(41, other, JobKind::Regrade), good].into_iter().map(|job| Change::Insert(job.into())).collect();
    h.store.write(Arc::new(WriteBatch { changes, ..WriteBatch::default() })).await.unwrap();
    let stop = Arc::new(Notify::new());
    let stopping = stop.clone();
    // A pause that nothing here can wait for.
    let background = h.lms.background().pause(Duration::from_secs(600));
    let running = tokio::spawn(async move { background.run(async move { stopping.notified().await }).await });
    eventually(async || h.store.open_jobs(None, 10).await.unwrap().len() == 1).await;
    let failing = h.lms.health().await.unwrap().failing;
    assert_eq!(failing.iter().map(|f| (f.what, f.times)).collect::<Vec<_>>(), [("course_job", 1)], "and it rests");
    let attempt = overdue(h, &room).await;
    eventually(async || {
        room.student(1).learning().open_course(room.course).await.unwrap();
        h.clock.advance(3_600);
        is_expired(h, attempt).await
    })
    .await;
    assert_eq!(h.lms.health().await.unwrap().failing[0].times, 1, "not at every commit");
    stop.notify_one();
    tokio::time::timeout(Duration::from_secs(20), running).await.unwrap().unwrap();
}

/// A consumer in the middle of a long step holds up neither the library's own work nor other consumers; a
/// shutdown waits for the step, and begins no other.
/// rules: V6, C6, A6
pub async fn v6_a_slow_consumer_holds_nobody_up(h: &Harness) {
    let room = h.classroom(1, 1).await;
    let (begun, go) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (slow, slowly) = each("slow", Waits { begun: begun.clone(), go: go.clone() });
    let (idle, seen) = each("idle", Idle);
    let background = h.lms.background().with(slow).with(idle).pause(Duration::from_millis(20));
    let stop = Arc::new(Notify::new());
    let stopping = stop.clone();
    let running = tokio::spawn(async move { background.run(async move { stopping.notified().await }).await });
    begun.notified().await;
    let attempt = overdue(h, &room).await;
    let before = seen.load(Ordering::SeqCst);
    eventually(async || is_expired(h, attempt).await && seen.load(Ordering::SeqCst) > before + 3).await;
    assert_eq!(slowly.load(Ordering::SeqCst), 1, "it is still at its first step");
    stop.notify_one();
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert!(!running.is_finished(), "a step is not cut off");
    go.notify_one();
    tokio::time::timeout(Duration::from_secs(20), running).await.unwrap().unwrap();
    assert_eq!(slowly.load(Ordering::SeqCst), 1, "and no other begins");
    assert_eq!(h.lms.background().tick().await.unwrap(), Tick::default(), "all was done");
}

/// A host's consumer: for every completed course one event of its own, with its place in the same batch.
struct Greets {
    course: CourseId,
    /// Where one process stops before it writes.
    paused: Option<Waits>,
}
#[async_trait]
impl AsyncStep for Greets {
    async fn step(&self, lms: &Lms, lease: &Lease) -> Result<usize, Error> {
        let filter = EventFilter {
            course: Some(self.course),
            kinds: vec![EventKind::CourseCompleted],
            ..EventFilter::default()
        };
        let events = lease.events(&filter, 10).await?;
        if let (Some(pause), false) = (&self.paused, events.is_empty()) {
            pause.step(lms, lease).await?;
        }
        for told in &events {
            let greeting = HostEvent {
                kind: "acme.greeted".to_owned(),
                course_id: self.course,
                student_id: told.event.student_id,
                learner_initiated: false,
                metadata: None,
            };
            let planned = lms.system().plan(|s| async move { s.activity().record(greeting).await }).await?;
            lease.write(planned.batch, told.position).await?;
        }
        Ok(events.len())
    }
}

/// A process that was paused in the middle of a step writes nothing after its successor has taken over: what
/// it was about to write, its successor has written once, and the place is the successor's.
/// rules: V6
pub async fn v6_who_was_overtaken_cannot_write(h: &Harness) {
    let room = h.classroom(1, 3).await;
    let greeted = EventKind::Other("acme.greeted".into());
    let (begun, go) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let paused = Some(Waits { begun: begun.clone(), go: go.clone() });
    let (first, _) = each("greeter", Greets { course: room.course, paused });
    let (second, _) = each("greeter", Greets { course: room.course, paused: None });
    let second = h.lms.background().with(second);
    for n in [0, 1] {
        room.student(n).learning().complete_lesson(room.lessons[0]).await.unwrap();
    }
    let one = h.lms.background().with(first);
    let one = tokio::spawn(async move { one.tick().await });
    begun.notified().await;
    assert_eq!(second.tick().await.unwrap().consumed, 0, "while another holds the lease");
    assert_eq!(h.count(greeted.clone()).await, 0);

    h.clock.advance(31);
    assert_eq!(second.tick().await.unwrap().consumed, 2, "taken over");
    let place = h.store.consumers().await.unwrap().into_iter().find(|c| c.name == "greeter").unwrap().position;
    go.notify_one();
    assert_eq!(one.await.unwrap().unwrap_err().code(), "consumer.lease_lost");
    assert_eq!(h.count(greeted.clone()).await, 2, "each once");
    // It goes on from the successor's place, in either process.
    room.student(2).learning().complete_lesson(room.lessons[0]).await.unwrap();
    assert_eq!(second.tick().await.unwrap().consumed, 1);
    assert_eq!(second.tick().await.unwrap().consumed, 0);
    assert_eq!(h.count(greeted.clone()).await, 3);
    let now = h.store.consumers().await.unwrap().into_iter().find(|c| c.name == "greeter").unwrap().position;
    assert!(now > place, "{now:?} is after {place:?}");

    // By hand: while the lease stands, who took it writes; a batch that is out of date moves nothing.
    let mine = h.lms.lease("by_hand").await.unwrap().unwrap();
    assert!(h.lms.lease("by_hand").await.unwrap().is_none());
    mine.write(WriteBatch::default(), 3).await.unwrap();
    assert_eq!(mine.position(), 3);
    h.clock.advance(31);
    assert!(mine.renew().await.unwrap(), "over, and nobody took it");
    h.clock.advance(31);
    let theirs = h.lms.lease("by_hand").await.unwrap().unwrap();
    assert_eq!(theirs.position(), 3, "the place is kept");
    assert!(!mine.renew().await.unwrap());
    let late = mine.write(WriteBatch::default(), 9).await.unwrap_err();
    assert_eq!((late.code(), mine.position()), ("consumer.lease_lost", 3));
    // Giving back what is another's leaves it theirs.
    mine.release().await.unwrap();
    theirs.write(WriteBatch::default(), 4).await.unwrap();
    theirs.release().await.unwrap();
    assert_eq!(h.lms.lease("by_hand").await.unwrap().unwrap().position(), 4);
}

/// What waits is counted.
/// rules: V6, C6, S11
pub async fn v6_health_counts_what_waits(h: &Harness) {
    let room = h.classroom(1, 2).await;
    for n in [0, 1] {
        room.student(n).learning().complete_lesson(room.lessons[0]).await.unwrap();
    }
    let health = h.lms.health().await.unwrap();
    assert_eq!((health.pending_certificates, health.awaiting_ai, health.open_jobs), (2, 0, 0));
    assert_eq!(health.head, i64::try_from(h.events().await.len()).unwrap());
    assert!(health.unnumbered <= health.head);
    assert_eq!(h.lms.health().await.unwrap().unnumbered, 0);
}
