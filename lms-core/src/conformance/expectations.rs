//! Every expectation of a batch: it holds, it fails, and the one that failed is named.
#![expect(clippy::unwrap_used, reason = "conformance cases are tests")]

use std::sync::Arc;

use super::Harness;
use super::specimen::{
    CONSUMER, at, course, dump, event, id_of, nobody, read_back, row, set, student, text, with, world, write,
};
use crate::model::table::Value;
use crate::model::{AiLogStatus, AttemptState, BudgetScope, Enrollment, Id, Points};
use crate::store::{Change, Expect, Item, StoreErrorKind, Table, WorkCounts, WriteBatch};

/// A word for each kind of expectation: a new one has no word, and does not compile.
const fn kind(expect: &Expect) -> &'static str {
    match expect {
        Expect::Structure { .. } => "structure",
        Expect::Enrollment { .. } => "enrollment",
        Expect::Row { .. } => "row",
        Expect::Attempt { .. } => "attempt",
        Expect::Log { .. } => "log",
        Expect::SeatFree { .. } => "seat",
        Expect::JobAt { .. } => "job",
        Expect::Lease { .. } => "lease",
        Expect::NotEnrolled { .. } => "not_enrolled",
        Expect::GradesWithin { .. } => "grades",
        Expect::WorkAtMost { .. } => "work",
        Expect::Budget { .. } => "budget",
    }
}
const KINDS: usize = 12;

/// A day with a budget.
const DAY: &str = "2026-03-01";

/// What holds in the world of specimens. A budget is not among them: no batch takes both a seat and money.
fn holding(counts: WorkCounts) -> Vec<Expect> {
    let id = id_of;
    let rows_with_version = Table::ALL.iter().filter(|t| t.column("version").is_some());
    let mut holding: Vec<Expect> =
        rows_with_version.map(|table| Expect::Row { table: *table, id: id(*table), version: 1 }).collect();
    holding.extend([
        Expect::Structure { course: course(), version: 1 },
        Expect::Enrollment { id: Id::from_uuid(id(Table::Enrollment)), version: 1 },
        Expect::Attempt { id: Id::from_uuid(id(Table::QuizAttempt)), state: AttemptState::InProgress, version: 1 },
        Expect::Log { id: Id::from_uuid(id(Table::AiLog)), status: AiLogStatus::Valid },
        Expect::JobAt { job: Id::from_uuid(id(Table::CourseJob)), cursor: None },
        Expect::Lease { name: CONSUMER.0.into(), token: CONSUMER.1 },
        Expect::NotEnrolled { course: course(), student: Id::from_uuid(nobody()) },
        Expect::NotEnrolled { course: Id::from_uuid(nobody()), student: student() },
        Expect::GradesWithin { assignment: Id::from_uuid(id(Table::Assignment)), max: Points::from_units(100_001) },
        Expect::GradesWithin { assignment: Id::from_uuid(nobody()), max: Points::ZERO },
        Expect::WorkAtMost { item: Item::Course(course()), counts },
        Expect::WorkAtMost {
            item: Item::Quiz(Id::from_uuid(id(Table::Quiz))),
            counts: WorkCounts { questions: 1, attempts: 1, ..WorkCounts::default() },
        },
        Expect::SeatFree { course: course() },
    ]);
    holding
}

/// What does not, each in its own way.
fn failing(counts: WorkCounts) -> Vec<Expect> {
    let none = nobody();
    let id = id_of;
    let mut failing = Vec::new();
    for table in Table::ALL.iter().filter(|t| t.column("version").is_some()) {
        failing.extend([
            Expect::Row { table: *table, id: id(*table), version: 2 },
            Expect::Row { table: *table, id: id(*table), version: 0 },
            Expect::Row { table: *table, id: none, version: 1 },
        ]);
    }
    let attempt = Id::from_uuid(id(Table::QuizAttempt));
    let enrollment = Id::from_uuid(id(Table::Enrollment));
    let job = Id::from_uuid(id(Table::CourseJob));
    let grown = |change: fn(&mut WorkCounts) -> &mut i64| {
        let mut counts = counts;
        *change(&mut counts) -= 1;
        Expect::WorkAtMost { item: Item::Course(course()), counts }
    };
    failing.extend([
        Expect::Structure { course: course(), version: 0 },
        Expect::Structure { course: course(), version: 2 },
        Expect::Structure { course: Id::from_uuid(none), version: 1 },
        Expect::Enrollment { id: enrollment, version: 0 },
        Expect::Enrollment { id: enrollment, version: 2 },
        Expect::Enrollment { id: Id::from_uuid(none), version: 1 },
        Expect::Attempt { id: attempt, state: AttemptState::Graded, version: 1 },
        Expect::Attempt { id: attempt, state: AttemptState::InProgress, version: 2 },
        Expect::Attempt { id: Id::from_uuid(none), state: AttemptState::InProgress, version: 1 },
        Expect::Log { id: Id::from_uuid(id(Table::AiLog)), status: AiLogStatus::Applied },
        Expect::Log { id: Id::from_uuid(none), status: AiLogStatus::Valid },
        Expect::JobAt { job, cursor: Some(enrollment) },
        Expect::JobAt { job: Id::from_uuid(none), cursor: None },
        Expect::Lease { name: CONSUMER.0.into(), token: none },
        Expect::Lease { name: "nobody".into(), token: CONSUMER.1 },
        Expect::NotEnrolled { course: course(), student: student() },
        Expect::GradesWithin { assignment: Id::from_uuid(id(Table::Assignment)), max: Points::from_units(100_000) },
        Expect::SeatFree { course: Id::from_uuid(none) },
        Expect::Budget { scopes: vec![BudgetScope::All, BudgetScope::Course(course())], day: DAY.into(), amount: 11 },
        grown(|c| &mut c.topics),
        grown(|c| &mut c.quizzes),
        grown(|c| &mut c.questions),
        grown(|c| &mut c.assignments),
        grown(|c| &mut c.lessons),
        grown(|c| &mut c.enrollments),
        grown(|c| &mut c.progress),
        grown(|c| &mut c.attempts),
        grown(|c| &mut c.submissions),
        grown(|c| &mut c.certificates),
    ]);
    failing
}

/// The world, with a mark of 1.00001 on the one submission.
async fn graded(h: &Harness) -> (Vec<crate::store::Row>, WorkCounts) {
    let rows = world(h).await;
    let mark = Value::Points(Points::from_units(100_001));
    let submitted = with(
        &row(Table::Submission),
        &[("state", text("submitted")), ("submitted_at", Value::Time(at())), ("raw_grade", mark)],
    );
    let limit = Change::SetBudget { scope: BudgetScope::Course(course()), limit: Some(10) };
    write(h, vec![Change::Put(submitted), limit]).await.unwrap();
    let counts = h.store.work_counts(Item::Course(course())).await.unwrap();
    (rows, counts)
}

/// Whatever fails is named by its place among others that hold, also after one that takes a seat, and
/// nothing is written: no change, no event, no seat, no version of the structure.
/// rules: L5, D3, E3, I2, S12, V6
pub async fn every_expectation_that_fails_is_named(h: &Harness) {
    let (rows, counts) = graded(h).await;
    let before = dump(h, &rows).await;
    let holds = holding(counts);
    let kinds: std::collections::BTreeSet<_> = failing(counts).iter().map(kind).collect();
    assert_eq!(kinds.len(), KINDS, "a case for every kind: {kinds:?}");
    let renamed = set(&row(Table::Topic), "title", text("changed")).unwrap();
    for fails in failing(counts) {
        for place in [0, 1, holds.len()] {
            let mut expect = holds.clone();
            expect.insert(place, fails.clone());
            let batch = WriteBatch {
                expect,
                changes: vec![Change::Put(renamed.clone())],
                events: vec![event(h)],
                exclusive: vec![course()],
            };
            let refused = h.store.write(Arc::new(batch)).await.map_err(|e| (e.kind().clone(), e.is_retryable()));
            let named = StoreErrorKind::Conflict { expect: Some(place) };
            assert_eq!(refused, Err((named, true)), "{fails:?}");
        }
    }
    assert_eq!(dump(h, &rows).await, before);
    assert!(h.store.ai_spending(DAY, None, 10).await.unwrap().iter().all(|s| (s.reserved, s.spent) == (0, 0)));
}

/// What holds lets the batch through; seats are taken one by one until there is none.
/// rules: E3
pub async fn every_expectation_that_holds_lets_the_batch_through(h: &Harness) {
    let (_, counts) = graded(h).await;
    let kinds: std::collections::BTreeSet<_> = holding(counts).iter().map(kind).collect();
    assert_eq!(kinds.len(), KINDS - 1, "a case for every kind but the budget: {kinds:?}");
    let budget = |amount| WriteBatch {
        expect: vec![Expect::Budget { scopes: vec![BudgetScope::Course(course())], day: DAY.into(), amount }],
        events: vec![event(h)],
        ..WriteBatch::default()
    };
    h.store.write(Arc::new(budget(10))).await.unwrap();
    let over = h.store.write(Arc::new(budget(1))).await.unwrap_err();
    assert_eq!(over.kind(), &StoreErrorKind::Conflict { expect: Some(0) });
    for (n, expect) in holding(counts).into_iter().enumerate() {
        let renamed = set(&row(Table::Topic), "title", text(&format!("changed {n}"))).unwrap();
        let batch =
            WriteBatch { expect: vec![expect], changes: vec![Change::Put(renamed.clone())], ..WriteBatch::default() };
        h.store.write(Arc::new(batch)).await.unwrap();
        assert_eq!(read_back(h, &renamed).await, Some(renamed));
    }
    // Nine of ten seats are left, and the tenth try is too many.
    let seat = || WriteBatch {
        expect: vec![Expect::SeatFree { course: course() }],
        events: vec![event(h)],
        ..WriteBatch::default()
    };
    for _ in 0..9 {
        h.store.write(Arc::new(seat())).await.unwrap();
    }
    let full = h.store.write(Arc::new(seat())).await.unwrap_err();
    assert_eq!(full.kind(), &StoreErrorKind::Conflict { expect: Some(0) });
    write(h, vec![Change::FreeSeat { course: course() }]).await.unwrap();
    h.store.write(Arc::new(seat())).await.unwrap();
    // Without a limit nobody counts.
    let context = h.store.course(None, course(), None).await.unwrap().unwrap();
    assert_eq!(context.course.seats_taken, 10);
    let open = set(&row(Table::Course), "capacity", Value::Null).unwrap();
    write(h, vec![Change::Put(open)]).await.unwrap();
    for _ in 0..3 {
        h.store.write(Arc::new(seat())).await.unwrap();
    }
    let context = h.store.course(None, course(), None).await.unwrap().unwrap();
    assert_eq!(context.course.seats_taken, 10, "no limit, nothing to take");
    // A row without a version cannot be expected by one.
    let expect = Expect::Row { table: Table::LessonProgress, id: id_of(Table::LessonProgress), version: 1 };
    let batch = WriteBatch { expect: vec![expect], ..seat() };
    assert_eq!(h.store.write(Arc::new(batch)).await.unwrap_err().kind(), &StoreErrorKind::NotSupported);
}

/// Of 32 batches that expect the same version and write it, one passes.
/// rules: L5
pub async fn one_of_many_that_expect_the_same_passes(h: &Harness) {
    graded(h).await;
    let enrollment: Enrollment = super::specimen::record(&row(Table::Enrollment));
    let expectations = [
        Expect::Enrollment { id: enrollment.id, version: 1 },
        Expect::Row { table: Table::Topic, id: id_of(Table::Topic), version: 1 },
        Expect::Log { id: Id::from_uuid(id_of(Table::AiLog)), status: AiLogStatus::Valid },
        Expect::JobAt { job: Id::from_uuid(id_of(Table::CourseJob)), cursor: None },
        Expect::Attempt { id: Id::from_uuid(id_of(Table::QuizAttempt)), state: AttemptState::InProgress, version: 1 },
    ];
    for expect in expectations {
        let mut races = Vec::new();
        for n in 0..super::RACERS {
            let change = match &expect {
                Expect::Enrollment { .. } => {
                    Change::Put(set(&row(Table::Enrollment), "version", Value::Int(2)).unwrap())
                }
                Expect::Row { .. } => Change::Put(with(
                    &row(Table::Topic),
                    &[("version", Value::Int(2)), ("title", text(&format!("by {n}")))],
                )),
                Expect::Log { id, .. } => {
                    Change::FlipLog { id: *id, from: AiLogStatus::Valid, to: AiLogStatus::Applied, at: at() }
                }
                Expect::JobAt { job, .. } => {
                    Change::AdvanceJob { job: *job, cursor: Some(enrollment.id), done_at: None }
                }
                _ => Change::SaveAnswers {
                    attempt: Id::from_uuid(id_of(Table::QuizAttempt)),
                    answers: crate::model::table::Json::parse(format!("{{\"by\":{n}}}")).unwrap(),
                    version: 2,
                    at: at(),
                },
            };
            let batch = WriteBatch {
                expect: vec![expect.clone()],
                changes: vec![change],
                events: vec![event(h)],
                ..WriteBatch::default()
            };
            let store = h.store.clone();
            races.push(tokio::spawn(async move { store.write(Arc::new(batch)).await.map(drop) }));
        }
        let mut passed = 0;
        for race in races {
            match race.await.unwrap() {
                Ok(()) => passed += 1,
                Err(e) => assert!(matches!(e.kind(), StoreErrorKind::Conflict { .. }), "{expect:?}: {e}"),
            }
        }
        assert_eq!(passed, 1, "{expect:?}");
    }
    assert_eq!(h.events().await.len(), 5);
}
