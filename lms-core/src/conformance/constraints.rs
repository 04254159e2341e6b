//! What a store refuses by itself, in the words of the port: the last line of defence behind the rules.
#![expect(clippy::unwrap_used, clippy::panic, reason = "conformance cases are tests")]

use uuid::Uuid;

use super::Harness;
use super::specimen::{
    at, dump, event, id_of, insert, nobody, read_back, row, second_of, set, text, twin, world, write,
};
use crate::model::table::Value;
use crate::store::{Change, Constraint, Key, OnDelete, Row, StoreErrorKind, Table, WriteBatch};

/// A row that breaks a constraint and no other one.
fn breaks(constraint: Constraint) -> Vec<Row> {
    let teacher = || Value::Uuid(second_of(Table::User));
    let specimen = |table, changes: &[(&str, Value<'static>)]| vec![twin(&row(table), changes)];
    match constraint {
        Constraint::Enrollment => specimen(Table::Enrollment, &[("external_ref", Value::Null)]),
        Constraint::ExternalRef => specimen(Table::Enrollment, &[("student_id", teacher())]),
        Constraint::OpenAttempt => specimen(Table::QuizAttempt, &[("attempt_no", Value::Int(2))]),
        Constraint::AttemptNo => specimen(Table::QuizAttempt, &[("state", text("voided"))]),
        Constraint::Draft => specimen(Table::Submission, &[("version_no", Value::Int(2))]),
        Constraint::VersionNo => {
            specimen(Table::Submission, &[("state", text("submitted")), ("submitted_at", Value::Time(at()))])
        }
        Constraint::GradeSeq => specimen(Table::GradeEntry, &[]),
        Constraint::Certificate => specimen(Table::Certificate, &[("code", text("ZZZZ-ZZZZ-ZZZZ-ZZZZ"))]),
        Constraint::CertificateCode => specimen(Table::Certificate, &[("student_id", teacher())]),
        Constraint::Operation => specimen(Table::AiLog, &[("status", text("pending"))]),
        // Events are no rows of a table; their case stands by itself.
        Constraint::Event => Vec::new(),
        Constraint::UserExternalId => specimen(Table::User, &[("id", Value::Uuid(nobody())), ("email", Value::Null)]),
        Constraint::UserEmail => specimen(Table::User, &[("id", Value::Uuid(nobody())), ("external_id", Value::Null)]),
        Constraint::CourseExternalId => specimen(Table::Course, &[]),
        Constraint::ObjectiveKey => specimen(Table::Objective, &[("order_index", Value::Int(1))]),
        Constraint::Staff => specimen(Table::CourseStaff, &[]),
        Constraint::Order => vec![
            twin(&row(Table::Objective), &[("key", text("other"))]),
            twin(&row(Table::Lesson), &[("id", Value::Uuid(nobody()))]),
            twin(&row(Table::Topic), &[]),
            twin(&row(Table::Quiz), &[]),
            twin(&row(Table::QuizQuestion), &[]),
            twin(&row(Table::Assignment), &[]),
        ],
        Constraint::Id => {
            let same = |table, changes: &[(&str, Value<'static>)]| super::specimen::with(&row(table), changes);
            let order = || ("order_index", Value::Int(7));
            vec![
                same(Table::User, &[("email", Value::Null), ("external_id", Value::Null)]),
                same(Table::Course, &[("external_id", Value::Null)]),
                same(Table::Lesson, &[order()]),
                same(Table::Topic, &[order()]),
                same(Table::Quiz, &[order()]),
                same(Table::QuizQuestion, &[order()]),
                same(Table::Assignment, &[order()]),
                row(Table::QuizRevision),
                row(Table::CourseJob),
                // The natural keys that have no word of their own.
                twin(&row(Table::LessonProgress), &[]),
                twin(&row(Table::TopicView), &[]),
                twin(&row(Table::QuizResult), &[]),
                twin(&row(Table::Override), &[]),
                twin(&row(Table::Waiver), &[]),
                twin(&row(Table::ReviewRequest), &[]),
                twin(&row(Table::CertificateTemplate), &[]),
                twin(&row(Table::CertificateRevision), &[]),
                row(Table::ObjectiveLesson),
                row(Table::ObjectiveQuestion),
                row(Table::ObjectiveAssignment),
                row(Table::LessonRequirement),
            ]
        }
    }
}

/// Every constraint of the port; a new one has no place in `breaks` and does not compile.
const ALL: [Constraint; 18] = [
    Constraint::Enrollment,
    Constraint::ExternalRef,
    Constraint::OpenAttempt,
    Constraint::AttemptNo,
    Constraint::Draft,
    Constraint::VersionNo,
    Constraint::GradeSeq,
    Constraint::Certificate,
    Constraint::CertificateCode,
    Constraint::Operation,
    Constraint::Event,
    Constraint::UserExternalId,
    Constraint::UserEmail,
    Constraint::CourseExternalId,
    Constraint::ObjectiveKey,
    Constraint::Staff,
    Constraint::Order,
    Constraint::Id,
];

/// Each unique constraint is reported by its word, and the batch that broke it left nothing.
/// rules: A2, C2, C3, E1, E2, E5, E6, I3, L6, L8, O1, S1, S9
pub async fn every_unique_constraint_is_reported_by_its_word(h: &Harness) {
    let rows = world(h).await;
    let before = dump(h, &rows).await;
    for constraint in ALL {
        for broken in breaks(constraint) {
            let table = broken.table().name();
            let refused = insert(h, [broken]).await.map_err(|e| e.kind().clone());
            assert_eq!(refused, Err(StoreErrorKind::Duplicate(constraint)), "{table}");
        }
    }
    // Two applied answers of one operation.
    let log = row(Table::AiLog);
    let applied = |n: i64, id: Uuid, status| {
        super::specimen::with(&log, &[("id", Value::Uuid(id)), ("attempt", Value::Int(n)), ("status", text(status))])
    };
    let twice = [applied(2, nobody(), "applied"), applied(3, second_of(Table::AiLog), "review")];
    let refused = insert(h, twice).await.unwrap_err();
    assert_eq!(refused.kind(), &StoreErrorKind::Duplicate(Constraint::Operation));
    // An event that was written: the command was done.
    let event = event(h);
    let once = || std::sync::Arc::new(WriteBatch { events: vec![event.clone()], ..WriteBatch::default() });
    assert_eq!(dump(h, &rows).await, before);
    h.store.write(once()).await.unwrap();
    let again = h.store.write(once()).await.unwrap_err();
    assert_eq!(again.kind(), &StoreErrorKind::Duplicate(Constraint::Event));
    assert_eq!(h.events().await.len(), 1);
    // A Put meets constraints as an Insert does.
    let taken = twin(&row(Table::User), &[("role", text("instructor")), ("external_id", Value::Null)]);
    let refused = write(h, vec![Change::Put(taken)]).await.unwrap_err();
    assert_eq!(refused.kind(), &StoreErrorKind::Duplicate(Constraint::UserEmail));
}

/// A row that refers to what is not there is refused, for every reference of every table, also where only
/// one of three columns lies.
/// rules: D1, D2
pub async fn every_reference_must_lead_somewhere(h: &Harness) {
    let rows = world(h).await;
    let before = dump(h, &rows).await;
    for table in Table::ALL {
        for reference in table.references() {
            for column in reference.columns {
                let mut broken = row(*table);
                if !table.is_link() {
                    broken = super::specimen::with(&broken, &[("id", Value::Uuid(Uuid::from_u128(7)))]);
                }
                broken = free(broken);
                // Of the items of which exactly one is named, this one.
                if matches!(*column, "lesson_id" | "quiz_id" | "assignment_id" | "submission_id" | "attempt_id") {
                    for other in ["lesson_id", "quiz_id", "assignment_id", "submission_id", "attempt_id"] {
                        let nullable =
                            table.column(other).and_then(|n| table.columns().get(n)).is_some_and(|c| c.nullable);
                        if nullable {
                            broken = set(&broken, other, Value::Null).unwrap();
                        }
                    }
                }
                if *column == "answered_by" {
                    let answered = [("state", text("kept")), ("answered_at", Value::Time(at()))];
                    broken = super::specimen::with(&broken, &answered);
                }
                if *table == Table::Certificate {
                    // One per course and learner: this one would be the teacher's.
                    broken = set(&broken, "student_id", Value::Uuid(second_of(Table::User))).unwrap();
                }
                broken = set(&broken, column, Value::Uuid(nobody())).unwrap();
                let place = format!("{}.{column}", table.name());
                // One row per learner and item: the specimen makes room for it.
                let mut changes = Vec::new();
                if table.uniques().iter().filter(|u| u.constraint == Constraint::Id).count() > 1 && !table.is_link() {
                    changes.push(Change::Delete(Key::Id(*table, id_of(*table))));
                }
                changes.push(Change::Insert(broken));
                let refused = write(h, changes).await.map_err(|e| e.kind().clone());
                assert_eq!(refused, Err(StoreErrorKind::MissingReference), "{place}");
            }
        }
    }
    assert_eq!(dump(h, &rows).await, before);
}

/// The row with its unique columns moved out of the way of the specimen's.
fn free(mut row: Row) -> Row {
    for (column, value) in [
        ("email", Value::Null),
        ("external_id", Value::Null),
        ("external_ref", Value::Null),
        ("order_index", Value::Int(9)),
        ("attempt_no", Value::Int(9)),
        ("version_no", Value::Int(9)),
        ("revision_no", Value::Int(9)),
        ("seq", Value::Int(9)),
        ("attempt", Value::Int(9)),
        ("key", text("free")),
        ("code", text("FREE-FREE-FREE-FREE")),
    ] {
        if row.table().column(column).is_some() {
            row = set(&row, column, value).unwrap();
        }
    }
    if row.table() == Table::QuizAttempt {
        row = set(&row, "state", text("voided")).unwrap();
    }
    if row.table() == Table::Submission {
        row = super::specimen::with(&row, &[("state", text("submitted")), ("submitted_at", Value::Time(at()))]);
    }
    row
}

/// What goes with a deleted row, what keeps it from going, and what only forgets it.
/// rules: D1, D2, C5
pub async fn deletes_do_what_each_reference_says(h: &Harness) {
    let rows = world(h).await;
    let before = dump(h, &rows).await;
    // Whatever still points there keeps a row from going, and nothing is half gone.
    for held in [Table::User, Table::Course, Table::CertificateTemplate, Table::Certificate] {
        let refused = write(h, vec![Change::Delete(Key::Id(held, id_of(held)))]).await.map_err(|e| e.kind().clone());
        assert_eq!(refused, Err(StoreErrorKind::MissingReference), "{}", held.name());
    }
    assert_eq!(dump(h, &rows).await, before);
    // A copy forgets what it was copied from.
    for table in [Table::Topic, Table::QuizQuestion, Table::Quiz, Table::Assignment] {
        let Some(reference) = table.references().iter().find(|r| r.on_delete == OnDelete::SetNull) else {
            panic!("copies of {} know their origin", table.name())
        };
        assert_eq!(reference.columns, ["copied_from"]);
        let copy = twin(&row(table), &[("order_index", Value::Int(1)), ("copied_from", Value::Uuid(id_of(table)))]);
        insert(h, [copy.clone()]).await.unwrap();
        write(h, vec![Change::Delete(Key::Id(table, id_of(table)))]).await.unwrap();
        assert_eq!(read_back(h, &row(table)).await, None, "{}", table.name());
        assert_eq!(read_back(h, &copy).await, set(&copy, "copied_from", Value::Null), "{}", table.name());
    }
    // What hung under the quiz and the assignment went with them.
    for gone in [
        Table::QuizRevision,
        Table::QuizAttempt,
        Table::QuizResult,
        Table::Submission,
        Table::ReviewRequest,
        Table::ObjectiveQuestion,
        Table::ObjectiveAssignment,
        Table::TopicView,
    ] {
        assert_eq!(read_back(h, &row(gone)).await, None, "{}", gone.name());
    }
    write(h, vec![Change::Delete(Key::Id(Table::Lesson, id_of(Table::Lesson)))]).await.unwrap();
    for gone in [
        Table::Lesson,
        Table::LessonProgress,
        Table::Override,
        Table::Waiver,
        Table::ObjectiveLesson,
        Table::LessonRequirement,
    ] {
        assert_eq!(read_back(h, &row(gone)).await, None, "{}", gone.name());
    }
    for stays in [Table::Enrollment, Table::Objective, Table::Certificate, Table::AiLog, Table::CourseJob] {
        assert_eq!(read_back(h, &row(stays)).await, Some(row(stays)), "{}", stays.name());
    }
    // A row that is gone cannot be deleted.
    let again = write(h, vec![Change::Delete(Key::Id(Table::Lesson, id_of(Table::Lesson)))]).await.unwrap_err();
    assert_eq!(again.kind(), &StoreErrorKind::Conflict { expect: None });
}

/// A course without certificates goes, with everything in it and nothing of another one.
/// rules: D2
pub async fn d2_a_course_goes_with_all_that_is_in_it(h: &Harness) {
    let rows = rows_without_certificates();
    insert(h, rows.clone()).await.unwrap();
    write(h, vec![Change::Delete(Key::Id(Table::Course, id_of(Table::Course)))]).await.unwrap();
    for row in &rows {
        let stays = matches!(row.table(), Table::User | Table::AiLog | Table::CertificateTemplate);
        // The history of grades outlives its subject; no read leads there any more.
        if row.table() != Table::GradeEntry {
            assert_eq!(read_back(h, row).await, stays.then(|| row.clone()), "{}", row.table().name());
        }
    }
}

fn rows_without_certificates() -> Vec<Row> {
    let mut rows = super::specimen::rows();
    rows.retain(|row| !matches!(row.table(), Table::Certificate | Table::CertificateRevision));
    rows
}
