//! What a learner does, as one call of the typed function: less for the server to take apart than a list of
//! operations. A batch of any other shape goes the general way.

use lms_core::model::Enrollment;
use lms_core::store::{Change, Expect, Row, Table, WriteBatch};
use uuid::Uuid;

use super::{course_of, events_of, lock_key};
use crate::literal;
use crate::sql::Names;

/// Put under an expectation of its own.
pub(crate) const ATTEMPT: Table = Table::QuizAttempt;
/// Upserted, one row each.
pub(crate) const UPSERTED: &[Table] = &[Table::LessonProgress, Table::TopicView, Table::QuizResult];
/// Inserted, one row each.
pub(crate) const INSERTED: &[Table] = &[Table::Certificate];

/// The parts of a batch of this shape.
pub(super) struct Parts<'a> {
    pub(super) course: Uuid,
    pub(super) structure: i64,
    pub(super) version: i64,
    pub(super) enrollment: &'a Enrollment,
    pub(super) attempt: Option<(&'a str, i64)>,
    pub(super) rows: Vec<&'a Row>,
}

/// The statement and its parameters; `None` for a batch of another shape.
pub(super) fn call(batch: &WriteBatch, names: &Names) -> Option<(std::sync::Arc<str>, Vec<String>)> {
    let parts = parts(batch)?;
    let mut sql = String::from(
        "SELECT {priv}.learner_v1($1::integer, $2::uuid, $3::bigint, $4::bigint, $5::{priv}.enrollments_v1",
    );
    let mut params = vec![
        lock_key(parts.course).to_string(),
        parts.course.to_string(),
        parts.structure.to_string(),
        parts.version.to_string(),
        literal::row(&lms_core::model::table::Record::values(parts.enrollment)),
    ];
    let mut named = |name: &str, kind: &str, value: String| {
        params.push(value);
        sql.push_str(&format!(", p_{name} => ${}::{kind}", params.len()));
    };
    if let Some((state, version)) = parts.attempt {
        named("attempt_state", "text", state.to_owned());
        named("attempt_version", "bigint", version.to_string());
    }
    if let Some(events) = events_of(batch) {
        named("events", "{priv}.events_v1[]", events);
    }
    for row in parts.rows {
        let table = row.table().name();
        named(table, &format!("{{priv}}.{table}_v1"), literal::row(&row.values()));
    }
    sql.push(')');
    Some((names.expand(&sql), params))
}

pub(super) fn parts(batch: &WriteBatch) -> Option<Parts<'_>> {
    let (course, structure, enrollment, version, attempt) = match batch.expect.as_slice() {
        [Expect::Structure { course, version }, Expect::Enrollment { id, version: own }] => {
            (course.uuid(), *version, *id, *own, None)
        }
        [
            Expect::Structure { course, version },
            Expect::Enrollment { id, version: own },
            Expect::Attempt { id: attempt, state, version: at },
        ] => (course.uuid(), *version, *id, *own, Some((*attempt, state.as_str(), *at))),
        _ => return None,
    };
    if !batch.exclusive.is_empty() {
        return None;
    }
    let (mut put, mut rows): (Option<&Enrollment>, Vec<&Row>) = (None, Vec::new());
    for change in &batch.changes {
        let row = match change {
            Change::Put(Row::Enrollment(row))
                if put.is_none() && row.id == enrollment && row.course_id.uuid() == course =>
            {
                put = Some(row);
                continue;
            }
            Change::Put(row @ Row::QuizAttempt(one)) if attempt.is_some_and(|(id, ..)| id == one.id) => row,
            Change::Upsert(row) if UPSERTED.contains(&row.table()) => row,
            Change::Insert(row) if INSERTED.contains(&row.table()) => row,
            _ => return None,
        };
        // One row of a table, and under the course whose lock is taken.
        if rows.iter().any(|other| other.table() == row.table()) || course_of(row).is_some_and(|own| own != course) {
            return None;
        }
        rows.push(row);
    }
    let written = rows.iter().any(|row| row.table() == ATTEMPT);
    if attempt.is_some() != written {
        return None;
    }
    let attempt = attempt.map(|(_, state, version)| (state, version));
    Some(Parts { course, structure, version, enrollment: put?, attempt, rows })
}
