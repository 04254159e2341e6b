//! One work, one course or one bad hour holds up nobody else's grade, and costs no more than it may (S11).
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "these are tests")]

#[path = "support/postgres.rs"]
mod postgres;
mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use lms_ai::provider::{Reply, Scripted};
use lms_core::ai::{
    AiProvider, AiRequest, AiResponse, ModelProfile, Price, ProviderError, ProviderErrorKind as Kind, Retry,
};
use lms_core::clock::Clock as _;
use lms_core::lms::{AssignmentRules, NewAssignment, UpdateAssignment};
use lms_core::model::{
    AiGrading, AiGradingState, AiLogStatus, BudgetScope, Criterion, EventKind, Points, Rubric, SubmissionId, Timestamp,
};
use lms_core::store::EventFilter;
use lms_core::testing::{Classroom, FixedClock};
use support::*;

/// Fails for works that hold a word, and grades all others.
#[derive(Clone)]
struct FailsFor {
    word: &'static str,
    error: ProviderError,
    price: Price,
    failed: Arc<AtomicUsize>,
    graded: Arc<AtomicUsize>,
    /// Only before this time, where one is given.
    until: Option<(Arc<FixedClock>, Timestamp)>,
}

impl FailsFor {
    fn new(word: &'static str, error: ProviderError) -> Self {
        let price = Price { input: 1_000_000, output: 10_000_000, cache_read: 0, cache_write: 0 };
        Self { word, error, price, failed: Arc::default(), graded: Arc::default(), until: None }
    }
}

#[async_trait]
impl AiProvider for FailsFor {
    fn name(&self) -> &str {
        "fails_for"
    }
    fn profile(&self, _: &str) -> ModelProfile {
        let (native_schema, thinking_by_default, max_output) = (true, false, 64_000);
        ModelProfile { native_schema, thinking_by_default, max_output, price: self.price }
    }
    async fn complete(&self, request: &AiRequest) -> Result<AiResponse, ProviderError> {
        let is_failing = self.until.as_ref().is_none_or(|(clock, until)| clock.now() < *until);
        if is_failing && request.parts.iter().any(|part| part.text.contains(self.word)) {
            self.failed.fetch_add(1, Ordering::SeqCst);
            return Err(self.error.clone());
        }
        self.graded.fetch_add(1, Ordering::SeqCst);
        Script::new(Scripted::new().then(Reply::json(&grade()))).complete(request).await
    }
}

fn error(kind: Kind, retry: Retry) -> ProviderError {
    ProviderError::new(kind, retry)
}

async fn states<S: Stamped>(world: &World<S>, works: &[SubmissionId]) -> Vec<AiGradingState> {
    let mut found = Vec::new();
    for work in works {
        found.push(world.submission(*work).await.ai_status);
    }
    found
}

/// Works handed in one after another.
async fn hand_in<S: Stamped>(world: &World<S>, texts: &[&str]) -> Vec<SubmissionId> {
    let mut works = Vec::new();
    for text in texts {
        works.push(world.work(text).await);
        world.clock.advance(1);
    }
    works
}

/// Another course, with an assignment that AI grades and a work on it.
async fn elsewhere<S: Stamped>(world: &World<S>) -> SubmissionId {
    let room = Classroom::build(&world.lms, 1, 1).await.unwrap();
    let criterion = |id: &str| Criterion {
        id: id.to_owned(),
        title: id.to_owned(),
        description: "What the work says of it.".to_owned(),
        max: Points::whole(10).unwrap(),
    };
    let new = NewAssignment {
        rubric: Some(Rubric { criteria: vec![criterion("light"), criterion("sugar")], staff_notes: String::new() }),
        is_published: true,
        rules: AssignmentRules { ai_grading: Some(AiGrading::Apply), ..AssignmentRules::default() },
        ..NewAssignment::new("Essay", Points::whole(20).unwrap())
    };
    let assignment = room.teacher().catalog().add_assignment(room.lessons[0], new).await.unwrap().id;
    let student = room.new_student("Of Another Course").await.unwrap();
    let work = lms_core::lms::NewSubmission::text(ESSAY);
    world.lms.as_user(student).assignments().submit(assignment, work).await.unwrap().id
}

/// Works that may cost more than an operation may go to people, and the one behind them is graded.
// rules: S11
async fn s11_a_work_above_its_own_limit_blocks_nobody<S: Stamped>() {
    let world = World::<S>::fresh().await;
    let long = format!("{ESSAY} {}", "The leaf is green and it grows. ".repeat(2_000));
    let mut texts = vec![long.as_str(); 12];
    texts.push(ESSAY);
    let works = hand_in(&world, &texts).await;
    let provider = FailsFor::new("no such word", error(Kind::Server, Retry::Never));
    // An answer of 6,000 tokens is 60,000; a prompt of 64,000 bytes is over 21,000 more.
    let ai = world.ai_with(provider.clone(), |config| config.operation_limit_micro_usd = Some(70_000));
    let background = world.lms.background().with(ai.grader());
    for _ in 0..3 {
        background.tick().await.unwrap();
    }
    let found = states(&world, &works).await;
    assert_eq!(found[12], AiGradingState::Applied);
    assert!(found[..12].iter().all(|state| *state == AiGradingState::Failed), "{found:?}");
    assert_eq!(provider.graded.load(Ordering::SeqCst), 1);
}
both!(s11_a_work_above_its_own_limit_blocks_nobody);

/// The budget of a course that is used up for the day stops that course, and no other.
// rules: S11
async fn s11_a_course_without_a_budget_stops_no_other_course<S: Stamped>() {
    let world = World::<S>::fresh().await;
    let works = hand_in(&world, &[ESSAY; 60]).await;
    let other = elsewhere(&world).await;
    let limits = world.lms.system();
    limits.ai_budgets().set(BudgetScope::Course(world.room.course), Some(1)).await.unwrap();
    let provider = FailsFor::new("no such word", error(Kind::Server, Retry::Never));
    let background = world.lms.background().with(world.ai(provider.clone()).grader());
    background.tick().await.unwrap();
    assert_eq!(world.submission(other).await.ai_status, AiGradingState::Applied);
    assert!(states(&world, &works).await.iter().all(|state| *state == AiGradingState::Pending));
    // No more than one of the course was asked about.
    assert_eq!(world.logs().await.len(), 2);
    // The budget of all stops all.
    limits.ai_budgets().set(BudgetScope::Course(world.room.course), None).await.unwrap();
    limits.ai_budgets().set(BudgetScope::All, Some(1)).await.unwrap();
    world.clock.advance(301);
    background.tick().await.unwrap();
    assert_eq!((provider.graded.load(Ordering::SeqCst), world.logs().await.len()), (1, 2));
}
both!(s11_a_course_without_a_budget_stops_no_other_course);

/// As many courses without a budget as a step asks about works hold up no other, and are not asked about at once.
// rules: S11
async fn s11_many_courses_without_a_budget_stop_no_other_course<S: Stamped>() {
    let world = World::<S>::fresh().await;
    let mut poor = Vec::new();
    for _ in 0..12 {
        poor.push(elsewhere(&world).await);
        world.clock.advance(1);
    }
    let budgets = world.lms.system();
    let set = async |limit| {
        for work in &poor {
            let course = world.submission(*work).await.course_id;
            budgets.ai_budgets().set(BudgetScope::Course(course), limit).await.unwrap();
        }
    };
    set(Some(1)).await;
    let rich = world.work(ESSAY).await;
    let provider = FailsFor::new("no such word", error(Kind::Server, Retry::Never));
    let background = world.lms.background().with(world.ai(provider.clone()).grader());
    background.tick().await.unwrap();
    assert_eq!(world.submission(rich).await.ai_status, AiGradingState::Applied);
    assert!(states(&world, &poor).await.iter().all(|state| *state == AiGradingState::Pending));
    // They are remembered for some minutes, and then asked about again.
    set(None).await;
    background.tick().await.unwrap();
    assert_eq!(provider.graded.load(Ordering::SeqCst), 1);
    world.clock.advance(301);
    for _ in 0..2 {
        background.tick().await.unwrap();
    }
    assert!(states(&world, &poor).await.iter().all(|state| *state == AiGradingState::Applied));
}
both!(s11_many_courses_without_a_budget_stop_no_other_course);

/// A provider that is gone for more than an hour, however it fails, hands nothing to people: when it is back, all
/// is graded.
// rules: S11, I3
#[tokio::test(start_paused = true)]
async fn s11_an_outage_hands_no_work_to_people() {
    for kind in [Kind::Server, Kind::Timeout, Kind::Connect] {
        for count in [1, 5] {
            let world = World::memory().await;
            let works = hand_in(&world, &[ESSAY; 5][..count]).await;
            let back = world.clock.now().plus_seconds(4_500);
            let mut provider = FailsFor::new("", error(kind.clone(), Retry::Now));
            provider.until = Some((world.clock.clone(), back));
            let background = world.lms.background().with(world.ai(provider.clone()).grader());
            while world.clock.now() < back {
                background.tick().await.unwrap();
                world.clock.advance(30);
            }
            assert!(states(&world, &works).await.iter().all(|s| *s == AiGradingState::Pending), "{kind:?}");
            let failed = provider.failed.load(Ordering::SeqCst);
            assert!((7..100).contains(&failed), "it is asked again and again, and less and less: {failed}");
            for _ in 0..300 {
                background.tick().await.unwrap();
                world.clock.advance(30);
            }
            assert!(states(&world, &works).await.iter().all(|s| *s == AiGradingState::Applied), "{kind:?}");
        }
    }
}

/// An assignment that is put right while its works wait for the provider, or for the budget, hands none of them to
/// people.
// rules: S11, I3
async fn s11_what_is_mended_during_an_outage_is_graded_after_it<S: Stamped>() {
    let world = World::<S>::fresh().await;
    let describe = async |description: &str| {
        let version = world.teacher().catalog().assignment(world.assignment).await.unwrap().version;
        let update =
            UpdateAssignment { version, description: Some(description.to_owned()), ..UpdateAssignment::default() };
        world.teacher().catalog().update_assignment(world.assignment, update).await.unwrap();
    };
    let works = hand_in(&world, &[ESSAY; 2]).await;
    let limits = world.lms.system();
    limits.ai_budgets().set(BudgetScope::All, Some(1)).await.unwrap();
    let provider = FailsFor::new("no such word", error(Kind::Server, Retry::Never));
    let background = world.lms.background().with(world.ai(provider).grader());
    background.tick().await.unwrap();
    assert_eq!(world.logs().await.len(), 1, "the first was denied");
    limits.ai_budgets().set(BudgetScope::All, None).await.unwrap();
    describe("Explain how plants live, without the typo.").await;
    let mut failing = FailsFor::new("", error(Kind::Server, Retry::Never));
    failing.until = Some((world.clock.clone(), world.clock.now().plus_seconds(5)));
    let background = world.lms.background().with(world.ai(failing.clone()).grader());
    background.tick().await.unwrap();
    assert_eq!(failing.failed.load(Ordering::SeqCst), 2);
    describe("Explain how plants live, in your own words.").await;
    world.clock.advance(3_601);
    for _ in 0..3 {
        background.tick().await.unwrap();
    }
    assert!(states(&world, &works).await.iter().all(|state| *state == AiGradingState::Applied));
    let filter = EventFilter { kinds: vec![EventKind::AiRejected], ..EventFilter::default() };
    world.lms.settle().await.unwrap();
    assert_eq!(world.lms.store().events(0, &filter, 500).await.unwrap().len(), 0);
}
both!(s11_what_is_mended_during_an_outage_is_graded_after_it);

/// Panics for works that hold a word, and grades all others.
struct PanicsFor(&'static str, FailsFor);

#[async_trait]
impl AiProvider for PanicsFor {
    fn name(&self) -> &str {
        self.1.name()
    }
    fn profile(&self, model: &str) -> ModelProfile {
        self.1.profile(model)
    }
    async fn complete(&self, request: &AiRequest) -> Result<AiResponse, ProviderError> {
        let is_bad = request.parts.iter().any(|part| part.text.contains(self.0));
        tokio::task::yield_now().await;
        assert!(!is_bad, "SECRET-OF-THE-PANIC");
        self.1.complete(request).await
    }
}

/// A provider that panics has failed: its row is settled, its worst case counts, the other works are graded, the rest
/// of the background goes on, and the work goes to a person some time.
// rules: S11, I2
async fn s11_a_provider_that_panics_stops_nobody_else<S: Stamped>() {
    let world = World::<S>::fresh().await;
    let bad = format!("{ESSAY} Zugzwang.");
    let works = hand_in(&world, &[&bad, ESSAY]).await;
    let provider = FailsFor::new("no such word", error(Kind::Server, Retry::Never));
    let ai = world.ai(PanicsFor("Zugzwang", provider.clone()));
    let failure = ai.grade_submission(works[0]).await.unwrap_err();
    assert!(matches!(&failure, lms_ai::AiError::Provider(e) if e.kind == Kind::Protocol), "{failure:?}");
    assert!(!format!("{failure:?}").contains("SECRET"));
    world.clock.advance(11);
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let background = world.lms.background().pause(Duration::from_millis(5)).with(ai.grader());
    let running = tokio::spawn(background.run(async {
        stopped.await.ok();
    }));
    let ends = async |until: AiGradingState, of: usize| {
        for _ in 0..6_000 {
            if states(&world, &works).await[of] == until {
                return;
            }
            world.clock.advance(5);
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        panic!("{:?}", states(&world, &works).await);
    };
    ends(AiGradingState::Applied, 1).await;
    ends(AiGradingState::Failed, 0).await;
    stop.send(()).unwrap();
    running.await.unwrap();
    assert_eq!(provider.graded.load(Ordering::SeqCst), 1);
    let rows: Vec<_> = world.logs().await.into_iter().filter(|row| row.error_kind.is_some()).collect();
    for row in &rows {
        assert_eq!((row.status, row.error_kind.as_deref()), (AiLogStatus::ProviderError, Some("protocol")));
        assert!(row.charged_micro_usd > 0 && row.completed_at.is_some());
        assert_eq!(row.notes.read::<Vec<String>>().unwrap(), ["panic"]);
    }
    assert!((6..=48).contains(&rows.len()), "{}", rows.len());
    let spending = world.lms.system().ai_budgets().spending(world.lms.now(), None, 10).await.unwrap();
    assert!(spending.iter().all(|all| all.reserved == 0), "{spending:?}");
}
both!(s11_a_provider_that_panics_stops_nobody_else);

/// A call that reached nobody is not counted against its operation, in whatever run, and costs nothing.
// rules: I3
#[tokio::test(start_paused = true)]
async fn i3_calls_that_reached_nobody_do_not_count() {
    let world = World::memory().await;
    let work = world.work(ESSAY).await;
    let failures = [
        (Kind::Connect, "not connected: connection refused"),
        (Kind::Timeout, "timed out while connecting"),
        (Kind::Timeout, "no other call ended in time to make room for this one"),
    ];
    for (kind, excerpt) in failures {
        let error = ProviderError { excerpt: excerpt.to_owned(), ..error(kind, Retry::Now) };
        let ai = world.ai(FailsFor::new("", error));
        assert_eq!(ai.grade_submission(work).await.unwrap_err().code(), "ai.provider");
        world.clock.advance(60);
    }
    let logs = world.logs().await;
    assert_eq!((logs.len(), logs.iter().map(|row| row.charged_micro_usd).sum::<i64>()), (9, 0));
    let provider = FailsFor::new("no such word", error(Kind::Server, Retry::Never));
    world.ai(provider).grade_submission(work).await.unwrap();
    assert_eq!(world.submission(work).await.ai_status, AiGradingState::Applied);
}

/// Work that nobody else's answers speak against goes to a person all the same, some time.
// rules: S11
#[tokio::test(start_paused = true)]
async fn s11_a_single_work_that_always_fails_is_not_paid_for_ever() {
    let world = World::memory().await;
    let work = world.work(ESSAY).await;
    let provider = FailsFor::new("", error(Kind::Timeout, Retry::Now));
    let background = world.lms.background().with(world.ai(provider.clone()).grader());
    for _ in 0..30 {
        background.tick().await.unwrap();
        world.clock.advance(7_201);
    }
    assert_eq!(world.submission(work).await.ai_status, AiGradingState::Failed);
    assert_eq!(provider.failed.load(Ordering::SeqCst), 48);
}

/// Works whose call always times out let the others go first, and are paid for six times and no more.
// rules: S11, I3
#[tokio::test(start_paused = true)]
async fn s11_works_that_always_time_out_starve_nobody_and_end() {
    let world = World::memory().await;
    let bad = format!("{ESSAY} Zugzwang.");
    let works = hand_in(&world, &[&bad, &bad, &bad, &bad, ESSAY]).await;
    let provider = FailsFor::new("Zugzwang", error(Kind::Timeout, Retry::Now));
    let background = world.lms.background().with(world.ai(provider.clone()).grader());
    background.tick().await.unwrap();
    // Three in a row: it may be the provider, which is left alone for half a minute.
    let failed = || provider.failed.load(Ordering::SeqCst);
    assert_eq!(failed(), 9);
    background.tick().await.unwrap();
    assert_eq!(failed(), 9);
    // Then those that have not failed come first: the good one is graded.
    world.clock.advance(29);
    background.tick().await.unwrap();
    world.clock.advance(2);
    background.tick().await.unwrap();
    assert_eq!(states(&world, &works[4..]).await, [AiGradingState::Applied]);
    for _ in 0..12 {
        world.clock.advance(3_601);
        background.tick().await.unwrap();
    }
    let found = states(&world, &works).await;
    assert_eq!(found[4], AiGradingState::Applied);
    assert!(found[..4].iter().all(|state| *state == AiGradingState::Failed), "{found:?}");
    assert_eq!(failed(), 4 * 6, "each as often as an operation is asked at the most");
}

/// What is wrong with the key, the money or the model is nobody's work to grade.
// rules: S11
async fn s11_a_wrong_key_hands_no_work_to_people<S: Stamped>() {
    let world = World::<S>::fresh().await;
    let works = hand_in(&world, &[ESSAY; 3]).await;
    for kind in [Kind::Auth, Kind::SpendLimit, Kind::ModelUnavailable, Kind::CircuitOpen] {
        let provider = FailsFor::new("", error(kind.clone(), Retry::Never));
        let background = world.lms.background().with(world.ai(provider.clone()).grader());
        for _ in 0..5 {
            background.tick().await.unwrap();
        }
        assert_eq!(provider.failed.load(Ordering::SeqCst), 1, "{kind:?}: one call, and then a pause");
        assert!(states(&world, &works).await.iter().all(|s| *s == AiGradingState::Pending), "{kind:?}");
        world.clock.advance(60);
    }
    // With a right key the same works are graded.
    let provider = FailsFor::new("no such word", error(Kind::Server, Retry::Never));
    let background = world.lms.background().with(world.ai(provider).grader());
    background.tick().await.unwrap();
    assert!(states(&world, &works).await.iter().all(|s| *s == AiGradingState::Applied));
    let filter = EventFilter { kinds: vec![EventKind::AiRejected], ..EventFilter::default() };
    world.lms.settle().await.unwrap();
    assert_eq!(world.lms.store().events(0, &filter, 500).await.unwrap().len(), 0);
}
both!(s11_a_wrong_key_hands_no_work_to_people);

/// A service that says when to come back is asked then, and not before.
// rules: S11
async fn s11_nobody_is_asked_before_the_provider_said<S: Stamped>() {
    let world = World::<S>::fresh().await;
    let work = world.work(ESSAY).await;
    let limited = error(Kind::RateLimited, Retry::After(Duration::from_secs(600)));
    let script = Script::new(Scripted::new().then_error(limited).then(Reply::json(&grade())));
    let background = world.lms.background().with(world.ai(script.clone()).grader());
    for _ in 0..20 {
        background.tick().await.unwrap();
        world.clock.advance(29);
    }
    assert_eq!(script.calls(), 1);
    world.clock.advance(60);
    background.tick().await.unwrap();
    assert_eq!((script.calls(), world.submission(work).await.ai_status), (2, AiGradingState::Applied));
}
both!(s11_nobody_is_asked_before_the_provider_said, paused);
