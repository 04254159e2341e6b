//! One row of every table, made from the description of the tables: a new column is in every case at once.
#![expect(clippy::unwrap_used, reason = "conformance cases are tests")]

use std::collections::BTreeSet;
use std::sync::Arc;

use uuid::Uuid;

use super::Harness;
use crate::model::table::{Column, Json, Kind, Value};
use crate::model::{Actor, CertificateSnapshot, CourseId, Event, Id, NewEvent, Points, TemplateId, Timestamp, UserId};
use crate::store::{
    AiLogFilter, ById, Change, ConsumerState, ContentRef, Item, LearnerScope, PersonKey, Row, Stored, Table,
    WorkCounts, WriteBatch,
};

/// The instant at which the specimens were made: with microseconds.
pub(super) const AT: i64 = 1_772_452_800_123_457;
/// The consumer of the world, and its token.
pub(super) const CONSUMER: (&str, Uuid) = ("specimen", Uuid::from_u128(0xC0));

/// The id of the specimen of a table.
pub(super) fn id_of(table: Table) -> Uuid {
    Uuid::from_u128(0x0198_0000_0000_7000_8000_0000_0000_0100 + table as u128)
}
/// The id of a second row, where there is one: of a user, a course, a lesson.
pub(super) fn second_of(table: Table) -> Uuid {
    Uuid::from_u128(0x0198_0000_0000_7000_8000_0000_0000_0200 + table as u128)
}
/// An id of nothing.
pub(super) fn nobody() -> Uuid {
    Uuid::from_u128(0x0198_0000_0000_7000_8000_0000_0000_0fff)
}
/// The learner of the world; its teacher is the second user.
pub(super) fn student() -> UserId {
    Id::from_uuid(id_of(Table::User))
}
/// The course of the world.
pub(super) fn course() -> CourseId {
    Id::from_uuid(id_of(Table::Course))
}
pub(super) fn at() -> Timestamp {
    Timestamp::from_micros(AT).unwrap()
}
pub(super) fn text(text: &str) -> Value<'static> {
    Value::Text(text.to_owned().into())
}

/// The row with one column changed; `None` where the column's type has no such value.
pub(super) fn set(row: &Row, column: &str, value: Value<'static>) -> Option<Row> {
    let place = row.table().column(column).unwrap();
    let mut value = Some(value);
    let mut changed = row.values().into_iter().enumerate().map(|(n, old)| match (n == place, value.take()) {
        (true, Some(new)) => new,
        (_, kept) => {
            value = kept;
            old.into_owned()
        }
    });
    row.table().row(&mut changed).ok()
}

/// The row with columns changed.
pub(super) fn with(row: &Row, changes: &[(&str, Value<'static>)]) -> Row {
    changes.iter().fold(row.clone(), |row, (column, value)| set(&row, column, value.clone()).unwrap())
}

/// The row under another id.
pub(super) fn twin(row: &Row, changes: &[(&str, Value<'static>)]) -> Row {
    with(&with(row, &[("id", Value::Uuid(second_of(row.table())))]), changes)
}

/// The record of a row that is one.
pub(super) fn record<R: Stored>(row: &Row) -> R {
    R::of(row).cloned().unwrap()
}

fn snapshot() -> CertificateSnapshot {
    CertificateSnapshot {
        format: 1,
        student_name: "Sam".into(),
        course_title: "How".into(),
        instructor_name: "Ines".into(),
        completed_at: Some(at()),
        final_score: None,
        estimated_minutes: Some(90),
        language: "en".into(),
        time_zone: "Asia/Tokyo".into(),
        completed_on: Some(crate::rules::local_time::day(at(), "Asia/Tokyo")),
        issued_on: crate::rules::local_time::day(at(), "Asia/Tokyo"),
        expires_on: None,
        template_id: TemplateId::from_uuid(id_of(Table::CertificateTemplate)),
    }
}

/// What stands in a column of the specimen of a table.
fn value(table: Table, column: &Column) -> Value<'static> {
    let of = |table| Value::Uuid(id_of(table));
    match (table, column.name) {
        (_, "id") => of(table),
        (Table::User, "email") => text("sam@school.example"),
        (Table::User, "external_id") => text("host-1"),
        (Table::Course, "external_id") => text("course-1"),
        (Table::Course, "capacity") => Value::Int(10),
        (Table::Enrollment, "external_ref") => text("order-1"),
        (Table::AiLog, "status") => text("valid"),
        (Table::AiLog, "redaction") => text("full"),
        (Table::AiLog, "violations") => Value::Json("[]".into()),
        (Table::Topic, "content_type") => text("text"),
        (Table::Certificate, "code") => text("0123-4567-89AB-CDEF"),
        (Table::Certificate | Table::CertificateRevision, "snapshot") => {
            Value::Json(serde_json::to_string(&snapshot()).unwrap().into())
        }
        (Table::Override | Table::Waiver, "lesson_id") => of(Table::Lesson),
        (Table::ReviewRequest, "submission_id") => of(Table::Submission),
        (Table::GradeEntry, "subject_id") => of(Table::Submission),
        (_, "order_index" | "seats_taken" | "history_seq") => Value::Int(0),
        (_, "course_id") => of(Table::Course),
        (_, "lesson_id") if !column.nullable => of(Table::Lesson),
        (_, "requires_id") => Value::Uuid(second_of(Table::Lesson)),
        (_, "topic_id") => of(Table::Topic),
        (_, "quiz_id") if !column.nullable => of(Table::Quiz),
        (Table::ObjectiveQuestion, "question_id") => of(Table::QuizQuestion),
        (_, "revision_id") => of(Table::QuizRevision),
        (_, "assignment_id") if !column.nullable => of(Table::Assignment),
        (_, "objective_id") => of(Table::Objective),
        (_, "enrollment_id") => of(Table::Enrollment),
        (_, "certificate_id") => of(Table::Certificate),
        (_, "template_id") => of(Table::CertificateTemplate),
        (_, "student_id" | "user_id") => of(Table::User),
        (_, "instructor_id" | "granted_by") => Value::Uuid(second_of(Table::User)),
        _ if column.nullable => Value::Null,
        _ => match column.kind {
            Kind::Uuid => Value::Uuid(nobody()),
            Kind::Text => text(column.words.first().copied().unwrap_or("text")),
            Kind::Int => Value::Int(1),
            Kind::Bool => Value::Bool(false),
            Kind::Time => Value::Time(at()),
            Kind::Points => Value::Points(Points::from_units(100_001)),
            Kind::Json => Value::Json("{}".into()),
        },
    }
}

/// The specimen of a table.
pub(super) fn row(table: Table) -> Row {
    let mut values = table.columns().iter().map(|column| value(table, column));
    table.row(&mut values).map_err(|column| format!("{}.{column}", table.name())).unwrap()
}

/// A row of every table and the few seconds that they need, parents first.
pub(super) fn rows() -> Vec<Row> {
    let mut rows = Vec::new();
    let mut done = BTreeSet::new();
    while done.len() < Table::ALL.len() {
        for table in Table::ALL {
            let waits =
                table.references().iter().any(|r| r.to != *table && !done.contains(&r.to) && is_set(*table, r.columns));
            if waits || !done.insert(*table) {
                continue;
            }
            rows.push(row(*table));
            match table {
                Table::User => rows.push(twin(
                    &row(*table),
                    &[("role", text("instructor")), ("email", Value::Null), ("external_id", Value::Null)],
                )),
                Table::Lesson => rows.push(twin(&row(*table), &[("order_index", Value::Int(1))])),
                _ => {}
            }
        }
    }
    // A user is there before the first row that names the second one.
    rows.sort_by_key(|row| row.table() != Table::User);
    rows
}

fn is_set(table: Table, columns: &[&str]) -> bool {
    let row = row(table);
    let values = row.values();
    columns.iter().all(|c| table.column(c).and_then(|n| values.get(n)) != Some(&Value::Null))
}

/// An event about the world.
pub(super) fn event(h: &Harness) -> NewEvent {
    NewEvent {
        id: Id::from_uuid(h.lms.ids().uuid(h.lms.now())),
        at: at(),
        kind: crate::model::EventKind::Other("specimen.event".into()),
        actor_kind: crate::model::ActorKind::System,
        actor_id: Actor::System { job: String::new() }.user(),
        on_behalf_of: None,
        course_id: Some(course()),
        student_id: Some(student()),
        subject_type: crate::model::SubjectType::Course,
        subject_id: course().uuid(),
        learner_initiated: false,
        metadata: Json::object(),
    }
}

/// Writes rows, and nothing else.
pub(super) async fn insert(h: &Harness, rows: impl IntoIterator<Item = Row>) -> Result<(), crate::store::StoreError> {
    write(h, rows.into_iter().map(Change::Insert).collect()).await
}

/// Writes changes, and nothing else.
pub(super) async fn write(h: &Harness, changes: Vec<Change>) -> Result<(), crate::store::StoreError> {
    h.store.write(Arc::new(WriteBatch { changes, ..WriteBatch::default() })).await.map(drop)
}

/// Puts a row of every table into a fresh store, and a consumer beside them.
pub(super) async fn world(h: &Harness) -> Vec<Row> {
    let rows = rows();
    insert(h, rows.clone()).await.unwrap();
    let (name, token) = CONSUMER;
    h.store.lease(name, token, at(), at().plus_seconds(60)).await.unwrap().unwrap();
    rows
}

fn find<R: Stored>(rows: impl IntoIterator<Item = R>, same: impl Fn(&R) -> bool) -> Option<Row> {
    rows.into_iter().find(same).map(Into::into)
}

/// The row as the store has it now; `None` where it is gone.
pub(super) async fn read_back(h: &Harness, row: &Row) -> Option<Row> {
    let s = &h.store;
    let content = |at| async move { s.content(None, at).await.unwrap() };
    let record = |course, student| async move { s.record(course, student).await.unwrap() };
    let link = |course, objective: Uuid, item: Uuid| async move {
        s.objective_links(course).await.unwrap().contains(&(Id::from_uuid(objective), item))
    };
    match row {
        Row::User(r) => s.person(None, PersonKey::Id(r.id)).await.unwrap().subject.map(Into::into),
        Row::Course(r) => s.course(None, r.id, None).await.unwrap().map(|c| c.course.into()),
        Row::CourseStaff(r) => {
            find(s.staff(r.course_id, ById { after: None, limit: 500 }).await.unwrap(), |x| x.id == r.id)
        }
        Row::Objective(r) => find(content(ContentRef::Objectives(r.course_id)).await?.objectives, |x| x.id == r.id),
        Row::ObjectiveLesson(r) => link(course(), r.objective_id.uuid(), r.lesson_id.uuid()).await.then(|| row.clone()),
        Row::ObjectiveQuestion(r) => {
            link(course(), r.objective_id.uuid(), r.question_id.uuid()).await.then(|| row.clone())
        }
        Row::ObjectiveAssignment(r) => {
            link(course(), r.objective_id.uuid(), r.assignment_id.uuid()).await.then(|| row.clone())
        }
        Row::Lesson(r) => content(ContentRef::Lesson(r.id)).await?.lesson.map(Into::into),
        Row::LessonRequirement(r) => find(s.structure(course()).await.unwrap()?.requires, |x| x == r),
        Row::Topic(r) => content(ContentRef::Topic(r.id)).await?.topic.map(Into::into),
        Row::Quiz(r) => content(ContentRef::Quiz(r.id)).await?.quiz.map(Into::into),
        Row::QuizQuestion(r) => content(ContentRef::Question(r.id)).await?.question.map(Into::into),
        Row::QuizRevision(r) => s.revision(r.id).await.unwrap().map(Into::into),
        Row::Assignment(r) => content(ContentRef::Assignment(r.id)).await?.assignment.map(Into::into),
        Row::Enrollment(r) => find(s.enrollments_of(r.student_id).await.unwrap(), |x| x.id == r.id),
        Row::Override(r) => find(record(r.course_id, r.student_id).await?.overrides, |x| x.id == r.id),
        Row::Waiver(r) => find(record(r.course_id, r.student_id).await?.waivers, |x| x.id == r.id),
        Row::LessonProgress(r) => find(record(r.course_id, r.student_id).await?.progress, |x| x.id == r.id),
        Row::TopicView(r) => find(record(r.course_id, r.student_id).await?.views, |x| x.id == r.id),
        Row::QuizResult(r) => find(record(r.course_id, r.student_id).await?.results, |x| x.id == r.id),
        Row::QuizAttempt(r) => find(s.work_of(r.enrollment_id).await.unwrap().attempts, |x| x.id == r.id),
        Row::Submission(r) => find(s.work_of(r.enrollment_id).await.unwrap().submissions, |x| x.id == r.id),
        Row::GradeEntry(r) => {
            let scope = LearnerScope::Submission(Id::from_uuid(r.subject_id));
            find(s.learner(None, scope).await.unwrap()?.history, |x| x.id == r.id)
        }
        Row::ReviewRequest(r) => find(s.work_of(r.enrollment_id).await.unwrap().reviews, |x| x.id == r.id),
        Row::CertificateTemplate(r) => s.template(r.id).await.unwrap().map(Into::into),
        Row::Certificate(r) => s.certificate(r.id).await.unwrap().map(Into::into),
        Row::CertificateRevision(r) => find(s.certificate_revisions(r.certificate_id).await.unwrap(), |x| x.id == r.id),
        Row::AiLog(r) => s.ai_log(r.id).await.unwrap().map(Into::into),
        Row::CourseJob(r) => find(s.open_jobs(None, 500).await.unwrap(), |x| x.id == r.id),
    }
}

/// All that the store holds of the world.
#[derive(Debug, PartialEq)]
pub(super) struct Dump {
    rows: Vec<Option<Row>>,
    work: WorkCounts,
    logs: usize,
    users: usize,
    events: Vec<Event>,
    consumers: Vec<ConsumerState>,
}

/// Reads all that the store holds of some rows, and counts the others.
pub(super) async fn dump(h: &Harness, rows: &[Row]) -> Dump {
    let mut found = Vec::new();
    for row in rows {
        found.push(read_back(h, row).await);
    }
    let all = ById { after: None, limit: 500 };
    Dump {
        rows: found,
        work: h.store.work_counts(Item::Course(course())).await.unwrap(),
        logs: h.store.ai_logs(&AiLogFilter::default(), all).await.unwrap().len(),
        users: h.store.users(all).await.unwrap().len(),
        events: h.events().await,
        consumers: h.store.consumers().await.unwrap(),
    }
}
