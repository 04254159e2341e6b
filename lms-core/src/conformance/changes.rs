//! Every kind of change: what it does, and that a batch of all of them is whole or nothing.
#![expect(clippy::unwrap_used, reason = "conformance cases are tests")]

use std::sync::Arc;

use uuid::Uuid;

use super::Harness;
use super::specimen::{
    CONSUMER, at, course, dump, event, id_of, insert, nobody, read_back, record, row, second_of, set, student, text,
    twin, with, world, write,
};
use crate::model::table::{Json, Value};
use crate::model::{AiLog, AiLogStatus, BudgetScope, Course, CourseJob, Enrollment, Id, Lesson, QuizAttempt, User};
use crate::store::{Change, Expect, Key, Siblings, StoreErrorKind, Table, WriteBatch};

/// A word for each kind of change: a new one has no word, and does not compile.
const fn kind(change: &Change) -> &'static str {
    match change {
        Change::Insert(_) => "insert",
        Change::Put(_) => "put",
        Change::Upsert(_) => "upsert",
        Change::Ensure(_) => "ensure",
        Change::Delete(_) => "delete",
        Change::Order { .. } => "order",
        Change::Recount { .. } => "recount",
        Change::FreeSeat { .. } => "free seat",
        Change::RecountSeats { .. } => "recount seats",
        Change::SaveAnswers { .. } => "save answers",
        Change::FlipLog { .. } => "flip log",
        Change::AdvanceJob { .. } => "advance job",
        Change::EraseText { .. } => "erase text",
        Change::AdvanceConsumer { .. } => "advance consumer",
        Change::SetBudget { .. } => "set budget",
        Change::SettleBudget { .. } => "settle budget",
        Change::BlankLogs { .. } => "blank logs",
    }
}
const KINDS: usize = 17;

fn lessons_turned() -> Change {
    Change::Order { siblings: Siblings::Lessons(course()), ids: vec![second_of(Table::Lesson), id_of(Table::Lesson)] }
}

/// A change of every kind to the world of specimens, each of which is seen afterwards.
fn every_kind() -> Vec<Change> {
    let attempt = Id::from_uuid(id_of(Table::QuizAttempt));
    vec![
        Change::Insert(twin(&row(Table::Topic), &[("order_index", Value::Int(1))])),
        Change::Put(set(&row(Table::Topic), "title", text("put")).unwrap()),
        Change::SaveAnswers { attempt, answers: Json::parse("{\"a\":1}").unwrap(), version: 2, at: at() },
        Change::Upsert(with(
            &row(Table::LessonProgress),
            &[("status", text("completed")), ("completed_at", Value::Time(at()))],
        )),
        Change::Ensure(twin(&row(Table::QuizRevision), &[])),
        lessons_turned(),
        Change::Recount { course: course(), learners: true },
        Change::RecountSeats { course: course() },
        Change::FreeSeat { course: course() },
        Change::FlipLog {
            id: Id::from_uuid(id_of(Table::AiLog)),
            from: AiLogStatus::Valid,
            to: AiLogStatus::Applied,
            at: at(),
        },
        Change::AdvanceJob {
            job: Id::from_uuid(id_of(Table::CourseJob)),
            cursor: Some(Id::from_uuid(id_of(Table::Enrollment))),
            done_at: None,
        },
        Change::AdvanceConsumer { name: CONSUMER.0.into(), position: 7 },
        Change::SetBudget { scope: BudgetScope::All, limit: Some(10) },
        Change::SettleBudget { scopes: vec![BudgetScope::All], day: "2026-03-01".into(), reserved: 0, spent: 1 },
        Change::BlankLogs { ids: vec![Id::from_uuid(id_of(Table::AiLog))] },
        Change::Delete(Key::Id(Table::Assignment, id_of(Table::Assignment))),
        Change::Delete(Key::Link(Box::new(row(Table::ObjectiveLesson)))),
        Change::EraseText { user: student(), at: at() },
    ]
}

/// A batch with a change of every kind, failing at every place in every way: no trace of it is left. Then it
/// is applied, and all of it is there.
/// rules: I1
pub async fn i1_a_batch_of_every_kind_is_whole_or_nothing(h: &Harness) {
    let mut rows = world(h).await;
    let changes = every_kind();
    let kinds: std::collections::BTreeSet<_> = changes.iter().map(kind).collect();
    assert_eq!(kinds.len(), KINDS, "a case for every kind: {kinds:?}");
    rows.extend([twin(&row(Table::Topic), &[]), twin(&row(Table::QuizRevision), &[])]);
    let before = dump(h, &rows).await;
    let ghost = with(&row(Table::Quiz), &[("id", Value::Uuid(nobody()))]);
    let orphan = twin(&row(Table::Objective), &[("course_id", Value::Uuid(nobody()))]);
    let poisons = [
        (Change::Insert(row(Table::CourseStaff)), None),
        (Change::Insert(orphan), Some(StoreErrorKind::MissingReference)),
        (Change::Put(ghost), Some(StoreErrorKind::Conflict { expect: None })),
        (
            Change::Order { siblings: Siblings::Objectives(course()), ids: vec![nobody()] },
            Some(StoreErrorKind::Conflict { expect: None }),
        ),
    ];
    let batch = |changes| WriteBatch {
        expect: vec![Expect::SeatFree { course: course() }],
        changes,
        events: vec![event(h), event(h)],
        exclusive: vec![course()],
    };
    for (poison, refusal) in poisons {
        for place in 0..=changes.len() {
            let mut changes = changes.clone();
            changes.insert(place, poison.clone());
            let failed = h.store.write(Arc::new(batch(changes))).await.unwrap_err();
            match &refusal {
                Some(kind) => assert_eq!(failed.kind(), kind, "{poison:?} at {place}"),
                None => assert!(matches!(failed.kind(), StoreErrorKind::Duplicate(_)), "{failed} at {place}"),
            }
            assert_eq!(dump(h, &rows).await, before, "{poison:?} at {place}");
            assert!(h.store.ai_budgets(None, 10).await.unwrap().is_empty(), "{poison:?} at {place}");
        }
    }
    // An event that exists makes the whole batch a repetition.
    let told = event(h);
    let once = WriteBatch { events: vec![told.clone()], ..WriteBatch::default() };
    h.store.write(Arc::new(once)).await.unwrap();
    let before = dump(h, &rows).await;
    let mut repeated = batch(changes.clone());
    repeated.events.push(told);
    assert!(h.store.write(Arc::new(repeated)).await.is_err());
    assert_eq!(dump(h, &rows).await, before);

    h.store.write(Arc::new(batch(changes))).await.unwrap();
    assert_eq!(h.events().await.len(), 3);
    let now = |table| async move { read_back(h, &row(table)).await };
    let topic: crate::model::Topic = record(&now(Table::Topic).await.unwrap());
    assert_eq!((topic.title.as_str(), topic.order_index), ("put", 0));
    assert!(read_back(h, &twin(&row(Table::Topic), &[])).await.is_some());
    assert!(read_back(h, &twin(&row(Table::QuizRevision), &[])).await.is_some());
    let lesson: Lesson = record(&now(Table::Lesson).await.unwrap());
    assert_eq!(lesson.order_index, 1);
    let found: Course = record(&now(Table::Course).await.unwrap());
    // The seat that was expected, the recount to one active learner, and the seat given back.
    assert_eq!((found.seats_taken, found.structure_version, found.lessons_total), (0, 2, 0));
    let log: AiLog = record(&now(Table::AiLog).await.unwrap());
    assert_eq!((log.status, log.applied_at), (AiLogStatus::Applied, Some(at())));
    assert_eq!((log.prompt_text, log.response_text), (None, None));
    assert_eq!(h.store.ai_budgets(None, 10).await.unwrap().len(), 1);
    let job: CourseJob = record(&now(Table::CourseJob).await.unwrap());
    assert_eq!(job.cursor, Some(Id::from_uuid(id_of(Table::Enrollment))));
    let enrollment: Enrollment = record(&now(Table::Enrollment).await.unwrap());
    assert_eq!((enrollment.lessons_done, enrollment.version), (0, 2), "recounted, and touched by the erasure");
    assert_eq!(h.store.consumers().await.unwrap().first().unwrap().position, Some(7));
    for gone in [Table::Assignment, Table::Submission, Table::ReviewRequest, Table::ObjectiveLesson] {
        assert_eq!(now(gone).await, None, "{}", gone.name());
    }
    let attempt: QuizAttempt = record(&now(Table::QuizAttempt).await.unwrap());
    assert_eq!((attempt.version, attempt.answers.as_str().contains("\"a\"")), (3, false), "saved, then blanked");
}

/// A Put writes what may change and leaves keys, counters and the time of making; an Upsert goes by the
/// natural key; an Ensure leaves what is there.
/// rules: L5, P11
pub async fn rows_are_put_upserted_and_ensured_by_their_keys(h: &Harness) {
    world(h).await;
    let other_time = Value::Time(at().plus_seconds(5));
    let course_row = with(
        &row(Table::Course),
        &[
            ("title", text("put")),
            ("seats_taken", Value::Int(5)),
            ("lessons_total", Value::Int(5)),
            ("structure_version", Value::Int(5)),
            ("created_at", other_time.clone()),
            ("version", Value::Int(9)),
        ],
    );
    let moved =
        with(&row(Table::LessonProgress), &[("enrollment_id", Value::Uuid(nobody())), ("by_mark", Value::Bool(false))]);
    write(h, vec![Change::Put(course_row), Change::Put(moved)]).await.unwrap();
    let expected = with(&row(Table::Course), &[("title", text("put")), ("version", Value::Int(9))]);
    assert_eq!(read_back(h, &expected).await, Some(expected));
    assert_eq!(read_back(h, &row(Table::LessonProgress)).await, Some(row(Table::LessonProgress)));

    // The row with the same natural key keeps its id, its first time and its making.
    for (table, column, first) in
        [(Table::LessonProgress, "opened_at", "first_opened_at"), (Table::TopicView, "viewed_at", "first_viewed_at")]
    {
        let again = twin(&row(table), &[(column, other_time.clone()), (first, other_time.clone())]);
        write(h, vec![Change::Upsert(again)]).await.unwrap();
        let expected = set(&row(table), column, other_time.clone()).unwrap();
        assert_eq!(read_back(h, &expected).await, Some(expected), "{}", table.name());
    }
    let result = twin(&row(Table::QuizResult), &[("submitted", Value::Bool(true))]);
    write(h, vec![Change::Upsert(result)]).await.unwrap();
    let expected = set(&row(Table::QuizResult), "submitted", Value::Bool(true)).unwrap();
    assert_eq!(read_back(h, &expected).await, Some(expected));
    // And where there is none, it is new.
    let other = with(
        &row(Table::LessonProgress),
        &[("id", Value::Uuid(nobody())), ("lesson_id", Value::Uuid(second_of(Table::Lesson)))],
    );
    write(h, vec![Change::Upsert(other.clone())]).await.unwrap();
    assert_eq!(read_back(h, &other).await, Some(other));
    for link in [Table::ObjectiveLesson, Table::ObjectiveQuestion, Table::ObjectiveAssignment, Table::LessonRequirement]
    {
        write(h, vec![Change::Ensure(row(link)), Change::Upsert(row(link))]).await.unwrap();
    }

    let another = set(&row(Table::QuizRevision), "content", Value::Json("{\"other\":1}".into())).unwrap();
    write(h, vec![Change::Ensure(another.clone()), Change::Ensure(another)]).await.unwrap();
    assert_eq!(read_back(h, &row(Table::QuizRevision)).await, Some(row(Table::QuizRevision)));
    // A link has no id to be deleted by, and a row that is not a link is not deleted by its columns.
    let by_id = Change::Delete(Key::Id(Table::ObjectiveLesson, id_of(Table::Objective)));
    assert_eq!(write(h, vec![by_id]).await.unwrap_err().kind(), &StoreErrorKind::NotSupported);
    let link = || Change::Delete(Key::Link(Box::new(row(Table::ObjectiveLesson))));
    write(h, vec![link()]).await.unwrap();
    assert_eq!(write(h, vec![link()]).await.unwrap_err().kind(), &StoreErrorKind::Conflict { expect: None });
}

/// Set-based changes find their rows in the state that they need, or the batch is a Conflict.
/// rules: A7, I2, O2
pub async fn changes_that_find_another_state_are_conflicts(h: &Harness) {
    let rows = world(h).await;
    let graded = with(
        &row(Table::QuizAttempt),
        &[
            ("state", text("graded")),
            ("completed_at", Value::Time(at())),
            ("score", Value::Points(crate::model::Points::ZERO)),
            ("possible", Value::Points(crate::model::Points::ZERO)),
        ],
    );
    let done = set(&row(Table::CourseJob), "done_at", Value::Time(at())).unwrap();
    write(h, vec![Change::Put(graded), Change::Put(done)]).await.unwrap();
    let before = dump(h, &rows).await;
    let order = |siblings, ids: &[Uuid]| Change::Order { siblings, ids: ids.to_vec() };
    let (one, two) = (id_of(Table::Lesson), second_of(Table::Lesson));
    let lessons = Siblings::Lessons(course());
    let log = |from, id| Change::FlipLog { id: Id::from_uuid(id), from, to: AiLogStatus::Applied, at: at() };
    for stale in [
        Change::SaveAnswers {
            attempt: Id::from_uuid(id_of(Table::QuizAttempt)),
            answers: Json::object(),
            version: 2,
            at: at(),
        },
        log(AiLogStatus::Pending, id_of(Table::AiLog)),
        log(AiLogStatus::Valid, nobody()),
        Change::AdvanceJob { job: Id::from_uuid(id_of(Table::CourseJob)), cursor: None, done_at: None },
        Change::AdvanceJob { job: Id::from_uuid(nobody()), cursor: None, done_at: None },
        Change::AdvanceConsumer { name: "nobody".into(), position: 1 },
        Change::Recount { course: Id::from_uuid(nobody()), learners: true },
        Change::RecountSeats { course: Id::from_uuid(nobody()) },
        Change::Delete(Key::Id(Table::Topic, nobody())),
        order(lessons, &[one]),
        order(lessons, &[one, one]),
        order(lessons, &[one, nobody()]),
        order(lessons, &[one, two, nobody()]),
        order(lessons, &[]),
        order(Siblings::Lessons(Id::from_uuid(nobody())), &[one]),
    ] {
        let refused = write(h, vec![stale.clone()]).await.map_err(|e| e.kind().clone());
        assert_eq!(refused, Err(StoreErrorKind::Conflict { expect: None }), "{stale:?}");
    }
    assert_eq!(dump(h, &rows).await, before);
    // A course whose structure is said to change and that is not there is a Conflict, too.
    let batch =
        WriteBatch { exclusive: vec![Id::from_uuid(nobody())], events: vec![event(h)], ..WriteBatch::default() };
    let refused = h.store.write(Arc::new(batch)).await.unwrap_err();
    assert_eq!(refused.kind(), &StoreErrorKind::Conflict { expect: None });
    // Giving back a seat that nobody has is nothing.
    write(h, vec![Change::FreeSeat { course: course() }]).await.unwrap();
    assert_eq!(dump(h, &rows).await, before);
}

/// A delete makes room for an insert of the same key, and parents come before children, in one batch.
pub async fn changes_apply_in_their_order(h: &Harness) {
    world(h).await;
    let user = |n: u128, email: &str| {
        twin(
            &row(Table::User),
            &[("id", Value::Uuid(Uuid::from_u128(n))), ("email", text(email)), ("external_id", Value::Null)],
        )
    };
    insert(h, [user(1, "one@x.example")]).await.unwrap();
    let swap = vec![
        Change::Delete(Key::Id(Table::User, Uuid::from_u128(1))),
        Change::Insert(user(2, "one@x.example")),
        Change::Put(user(2, "two@x.example")),
        Change::Insert(user(1, "one@x.example")),
        Change::Put(user(2, "three@x.example")),
    ];
    write(h, swap).await.unwrap();
    let found: User = record(&read_back(h, &user(2, "")).await.unwrap());
    assert_eq!(found.email.as_deref(), Some("three@x.example"));
    // All siblings of every kind in another order, while a new one comes in between.
    for (table, siblings) in [
        (Table::Topic, Siblings::Topics(Id::from_uuid(id_of(Table::Lesson)))),
        (Table::Quiz, Siblings::Quizzes(Id::from_uuid(id_of(Table::Lesson)))),
        (Table::Assignment, Siblings::Assignments(Id::from_uuid(id_of(Table::Lesson)))),
        (Table::QuizQuestion, Siblings::Questions(Id::from_uuid(id_of(Table::Quiz)))),
        (Table::Objective, Siblings::Objectives(course())),
    ] {
        let mut changes = vec![Change::Insert(twin(&row(table), &[("order_index", Value::Int(1))]))];
        if table == Table::Objective {
            changes = vec![Change::Insert(twin(&row(table), &[("order_index", Value::Int(1)), ("key", text("b"))]))];
        }
        changes.push(Change::Order { siblings, ids: vec![second_of(table), id_of(table)] });
        write(h, changes).await.unwrap();
        let place = |row: &crate::store::Row| {
            let n = table.column("order_index").unwrap();
            row.values().swap_remove(n).into_owned()
        };
        let first = read_back(h, &twin(&row(table), &[])).await.unwrap();
        let second = read_back(h, &row(table)).await.unwrap();
        assert_eq!((place(&first), place(&second)), (Value::Int(0), Value::Int(1)), "{}", table.name());
    }
}
