//! Random sequences of commands on SQLite, on a real Postgres and on a simple model of the rules. After every
//! command all three agree, and audit() finds no drift.
//!
//! The same cases each time, from PROPTEST_RNG_SEED. To go further:
//! `LMS_MODEL_SEED=7 LMS_MODEL_COMMANDS=50000 cargo test -p lms-store-postgres --test model`. With
//! LMS_MODEL_KEEP_GOING it prints every disagreement instead of stopping at the first.
#![allow(
    unreachable_pub,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "these are tests"
)]

mod apply;
mod commands;
mod compare;
mod coverage;
mod figures;
mod play;
mod state;

use std::sync::Arc;
use std::time::{Duration, Instant};

use lms_core::Lms;
use lms_core::model::{CertificatePolicy, EnrollmentPolicy, Flow, Timestamp};
use lms_core::store::{EventFilter, Store};
use lms_core::testing::{FixedClock, SeededIds};
use lms_store_postgres::testing::Cluster;
use lms_store_sqlite::SqliteStore;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use uuid::Uuid;

use commands::{Act, Group, Raw, draw, resolve};
use coverage::Coverage;
use play::Room;
use state::{Course, Model, Person};

/// How many commands a run has unless LMS_MODEL_COMMANDS says otherwise.
const COMMANDS: usize = 2_400;
/// How many a case has.
const LENGTH: usize = 75;
/// How many learners a case has.
const LEARNERS: usize = 3;
/// How many cases run beside one another, each on stores of its own.
const WORKERS: usize = 2;
/// How long a failing case is made smaller.
const SHRINKING: Duration = Duration::from_secs(30);

/// Two stores under one clock.
struct Stage {
    sqlite: Arc<dyn Store>,
    postgres: Arc<dyn Store>,
    clock: Arc<FixedClock>,
    /// Runs so far: every run has ids of its own.
    runs: u64,
}

impl Stage {
    async fn new() -> Self {
        let sqlite: Arc<dyn Store> = Arc::new(SqliteStore::in_memory().await.unwrap());
        let postgres: Arc<dyn Store> = Arc::new(Cluster::shared().store().await.unwrap());
        let clock = Arc::new(FixedClock::noon());
        for store in [&sqlite, &postgres] {
            Lms::over(store.clone()).clock(clock.clone()).build().migrate().await.unwrap();
        }
        Self { sqlite, postgres, clock, runs: 0 }
    }

    /// Plays raw commands from the beginning; on the first disagreement, what it is and what was played.
    async fn run(&mut self, seed: u64, raws: &[Raw], coverage: &mut Coverage) -> Result<(), (Vec<Act>, String)> {
        self.runs += 1;
        let key = seed ^ self.runs.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let mut rng = StdRng::seed_from_u64(key);
        let people: Vec<Uuid> = (0..=LEARNERS).map(|_| Uuid::from_u128(rng.random())).collect();
        let room = |store: &Arc<dyn Store>| {
            let lms = Lms::over(store.clone()).clock(self.clock.clone()).ids(SeededIds::new(key)).build();
            Room::new(lms, &people)
        };
        let (mut sqlite, mut postgres) = (room(&self.sqlite).await, room(&self.postgres).await);
        let mut model = empty(sqlite.course.uuid(), &people, sqlite.lms.now());
        let mut played = Vec::new();
        for (n, raw) in raws.iter().enumerate() {
            let Some(act) = resolve(*raw, &model) else { continue };
            played.push(act.clone());
            if let Act::Tick { seconds } = act {
                self.clock.advance(seconds);
            }
            let last = n + 1 == raws.len();
            let done = step(&mut sqlite, &mut postgres, &mut model, &act, last || n % 10 == 0, coverage).await;
            if let Err(e) = done {
                return Err((played, e));
            }
        }
        end(&mut sqlite, &mut postgres, &mut model, coverage).await.map_err(|e| (played, e))
    }
}

fn empty(course: Uuid, people: &[Uuid], now: Timestamp) -> Model {
    let people = people.iter().skip(1).map(|_| Person { seat: None, active: None }).collect();
    Model {
        now,
        course: Course {
            id: course,
            published: false,
            archived: false,
            deleted: false,
            capacity: None,
            enrollment: EnrollmentPolicy::Closed,
            flow: Flow::Free,
            certificates: CertificatePolicy::OnCompletion,
            valid_days: None,
        },
        lessons: Vec::new(),
        people,
        plans: Default::default(),
        fired: Default::default(),
    }
}

/// One command on all three, and what they read after it.
async fn step(
    sqlite: &mut Room,
    postgres: &mut Room,
    model: &mut Model,
    act: &Act,
    wide: bool,
    coverage: &mut Coverage,
) -> Result<(), String> {
    let (one, other) = (sqlite.play(act, model).await, postgres.play(act, model).await);
    let text = |r: &Result<Vec<Uuid>, lms_core::error::Error>| match r {
        Ok(ids) => format!("{ids:?}"),
        Err(e) => serde_json::to_string(e).unwrap(),
    };
    if text(&one) != text(&other) {
        return Err(format!("SQLite answers {}\n   Postgres {}", text(&one), text(&other)));
    }
    let touched = act.touches(model);
    let verdict = model.apply(act, one.as_deref().unwrap_or_default());
    let found = one.as_ref().map(drop).map_err(|e| e.code());
    if found != verdict {
        return Err(format!("the stores answer {}, the model {verdict:?}", text(&one)));
    }
    coverage.count(act, found);
    if model.course.deleted {
        return Ok(());
    }
    compare::stores(sqlite, postgres, touched, wide).await?;
    compare::figures(sqlite, model).await
}

/// At the end of a case: the two logs are one, hold what happened, and the course may go.
async fn end(sqlite: &mut Room, postgres: &mut Room, model: &mut Model, coverage: &mut Coverage) -> Result<(), String> {
    let delete = Act::Delete { item: sqlite.whole() };
    let unpublish = Act::PublishCourse { on: false };
    for act in [unpublish, delete] {
        step(sqlite, postgres, model, &act, false, coverage).await.map_err(|e| format!("at the end, {act:?}: {e}"))?;
    }
    let mut logs = Vec::new();
    for room in [&*sqlite, &*postgres] {
        room.lms.settle().await.unwrap();
        let filter = EventFilter { course: Some(room.course), ..EventFilter::default() };
        let events = room.store.events(0, &filter, 2_000).await.unwrap();
        logs.push(events.into_iter().map(|e| e.event).collect::<Vec<_>>());
    }
    if logs[0] != logs[1] {
        let at = logs[0].iter().zip(&logs[1]).position(|(a, b)| a != b);
        return Err(format!("the logs differ at {at:?}: {} and {} events", logs[0].len(), logs[1].len()));
    }
    coverage.events(&logs[0]);
    let fired = coverage::fired(&logs[0]);
    if fired != model.fired {
        return Err(format!("fired {fired:?}\n   by the model {:?}", model.fired));
    }
    Ok(())
}

/// Leaves out what is not needed for the disagreement.
async fn shrink(stage: &mut Stage, seed: u64, raws: Vec<Raw>, found: (Vec<Act>, String)) -> (Vec<Act>, String) {
    let start = Instant::now();
    let limit = if std::env::var_os("LMS_MODEL_KEEP_GOING").is_some() { SHRINKING / 6 } else { SHRINKING };
    let (mut raws, mut found) = (raws, found);
    let mut size = raws.len() / 2;
    while size > 0 {
        let mut at = 0;
        while at < raws.len() && start.elapsed() < limit {
            let mut fewer = raws.clone();
            fewer.drain(at..(at + size).min(raws.len()));
            match stage.run(seed, &fewer, &mut Coverage::default()).await {
                Err(smaller) => (raws, found) = (fewer, smaller),
                Ok(()) => at += size,
            }
        }
        size /= 2;
    }
    found
}

/// rules: A1–A10, A13, C1, C2, D1–D3, E2–E4, E6, L1–L3, M1–M5, M7, N1–N6, O1–O5, P1–P12, Q2, Q5, Q12, Q13, Q15,
/// S1–S3, S5–S10, S12, S14, X1–X3
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn three_agree_after_every_command() {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let seed = number("LMS_MODEL_SEED").or(number("PROPTEST_RNG_SEED")).unwrap_or(20_261_124);
    let commands = number("LMS_MODEL_COMMANDS").map_or(COMMANDS, |n| usize::try_from(n).unwrap());
    let cases = commands.div_ceil(LENGTH);
    let keep_going = std::env::var_os("LMS_MODEL_KEEP_GOING").is_some();
    let mut workers = Vec::new();
    for worker in 0..WORKERS {
        workers.push(tokio::spawn(async move {
            let mut stage = Stage::new().await;
            let mut coverage = Coverage::default();
            for case in (worker..cases).step_by(WORKERS) {
                let seed = seed.wrapping_add(u64::try_from(case).unwrap());
                let raws = draw(&mut StdRng::seed_from_u64(seed), LENGTH);
                if let Err(found) = stage.run(seed, &raws, &mut coverage).await {
                    let (acts, error) = shrink(&mut stage, seed, raws, found).await;
                    let acts: String = acts.iter().map(|act| format!("\n  {act:?}")).collect();
                    let message = format!("LMS_MODEL_SEED={seed} LMS_MODEL_COMMANDS=1 shows:{acts}\n{error}");
                    assert!(keep_going, "{message}");
                    println!("{message}\n");
                }
            }
            coverage
        }));
    }
    let mut all = Coverage::default();
    for worker in workers {
        all.add(worker.await.unwrap());
    }
    println!("{all}");
    if commands >= COMMANDS {
        all.check();
    }
}

/// A sequence from which some are left out is still one.
#[test]
fn a_raw_command_is_read_against_what_exists() {
    let model = empty(Uuid::nil(), &[Uuid::nil(), Uuid::max()], Timestamp::from_micros(0).unwrap());
    for seed in 0..1_000 {
        let act = resolve(Raw { group: Group::Any, seed }, &model);
        assert!(!matches!(act, Some(Act::Submit { .. } | Act::Grade { .. } | Act::DeleteTopic { .. })), "{act:?}");
    }
}
