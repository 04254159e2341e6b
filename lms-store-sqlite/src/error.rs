//! From the driver's errors to the one error of a store.

use lms_core::store::{Constraint, StoreError, StoreErrorKind};
use rusqlite::{Error, ErrorCode, ffi};
use uuid::Uuid;

/// What this crate fails with inside; [`Fault::into_store`] is the only way out.
#[derive(Debug)]
pub(crate) enum Fault {
    /// Already said in the terms of the port.
    Store(StoreError),
    /// As the driver said it.
    Driver(Error),
}

pub(crate) type Result<T> = std::result::Result<T, Fault>;

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        Self::Driver(error)
    }
}
impl From<StoreError> for Fault {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}
impl From<StoreErrorKind> for Fault {
    fn from(kind: StoreErrorKind) -> Self {
        Self::Store(StoreError::new(kind))
    }
}

impl Fault {
    pub(crate) fn conflict() -> Self {
        StoreErrorKind::Conflict { expect: None }.into()
    }

    pub(crate) fn corrupt(table: &'static str, column: &'static str, id: Option<Uuid>) -> Self {
        StoreErrorKind::Corrupt { table, column, id }.into()
    }

    pub(crate) fn into_store(self) -> StoreError {
        match self {
            Self::Store(error) => error,
            Self::Driver(error) => from_driver(error),
        }
    }
}

/// An error that is not the driver's, in words.
pub(crate) fn backend(message: &'static str) -> StoreError {
    StoreError::with_source(StoreErrorKind::Backend, message)
}

/// The library's error for the driver's.
pub(crate) fn from_driver(error: Error) -> StoreError {
    let kind = match &error {
        Error::SqliteFailure(code, message) => kind_of(code, message.as_deref().unwrap_or_default()),
        _ => StoreErrorKind::Backend,
    };
    StoreError::with_source(kind, error)
}

/// The error of a COMMIT: the database may or may not hold the write, unless the code excludes it.
pub(crate) fn from_commit(error: &Error) -> StoreError {
    let kind = match error {
        // A key of the host's that is looked at when the transaction ends.
        Error::SqliteFailure(code, message) if code.code == ErrorCode::ConstraintViolation => {
            kind_of(code, message.as_deref().unwrap_or_default())
        }
        _ => match error.sqlite_error_code() {
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked | ErrorCode::DiskFull) => {
                StoreErrorKind::Unavailable
            }
            _ => StoreErrorKind::Unconfirmed,
        },
    };
    StoreError::with_source(kind, error.to_string())
}

fn kind_of(code: &ffi::Error, message: &str) -> StoreErrorKind {
    match code.code {
        ErrorCode::ConstraintViolation => match code.extended_code {
            ffi::SQLITE_CONSTRAINT_UNIQUE | ffi::SQLITE_CONSTRAINT_PRIMARYKEY | ffi::SQLITE_CONSTRAINT_ROWID => {
                unique(message).map_or(StoreErrorKind::Backend, StoreErrorKind::Duplicate)
            }
            ffi::SQLITE_CONSTRAINT_FOREIGNKEY => StoreErrorKind::MissingReference,
            // ON DELETE RESTRICT is carried out by a trigger of SQLite's own.
            ffi::SQLITE_CONSTRAINT_TRIGGER if message.contains("FOREIGN KEY") => StoreErrorKind::MissingReference,
            _ => StoreErrorKind::Backend,
        },
        ErrorCode::DatabaseBusy
        | ErrorCode::DatabaseLocked
        | ErrorCode::DiskFull
        | ErrorCode::CannotOpen
        | ErrorCode::OutOfMemory
        | ErrorCode::FileLockingProtocolFailed
        | ErrorCode::SystemIoFailure => StoreErrorKind::Unavailable,
        _ => StoreErrorKind::Backend,
    }
}

/// Which unique constraint it was, by the columns that SQLite names.
fn unique(message: &str) -> Option<Constraint> {
    let columns = message.split_once("failed: ")?.1;
    Some(match columns {
        "enrollments.course_id, enrollments.student_id" => Constraint::Enrollment,
        "enrollments.course_id, enrollments.external_ref" => Constraint::ExternalRef,
        "quiz_attempts.quiz_id, quiz_attempts.student_id" => Constraint::OpenAttempt,
        "quiz_attempts.quiz_id, quiz_attempts.student_id, quiz_attempts.attempt_no" => Constraint::AttemptNo,
        "submissions.assignment_id, submissions.student_id" => Constraint::Draft,
        "submissions.assignment_id, submissions.student_id, submissions.version_no" => Constraint::VersionNo,
        "grade_history.subject_type, grade_history.subject_id, grade_history.question_id, grade_history.seq" => {
            Constraint::GradeSeq
        }
        "certificates.course_id, certificates.student_id" => Constraint::Certificate,
        "certificates.code" => Constraint::CertificateCode,
        "ai_logs.operation_id" | "ai_logs.operation_id, ai_logs.attempt" => Constraint::Operation,
        "activity_events.id" => Constraint::Event,
        "users.external_id" => Constraint::UserExternalId,
        "users.email" => Constraint::UserEmail,
        "courses.external_id" => Constraint::CourseExternalId,
        "objectives.course_id, objectives.key" => Constraint::ObjectiveKey,
        "course_staff.course_id, course_staff.user_id" => Constraint::Staff,
        _ if columns.ends_with(".order_index") => Constraint::Order,
        _ if columns.ends_with(".id") && !columns.contains(", ") => Constraint::Id,
        // The natural keys of rows that have no name in the port: one row per learner and item.
        _ => return natural(columns),
    })
}

/// A row whose natural key exists, in tables for which the port has no constraint of their own.
fn natural(columns: &str) -> Option<Constraint> {
    const TABLES: &[&str] = &[
        "lesson_progress.",
        "topic_views.",
        "quiz_results.",
        "waivers.",
        "overrides.",
        "objective_lessons.",
        "objective_questions.",
        "objective_assignments.",
        "lesson_requires.",
        "review_requests.",
        "certificate_revisions.",
        "certificate_templates.",
    ];
    TABLES.iter().any(|table| columns.starts_with(table)).then_some(Constraint::Id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_columns_that_sqlite_names_say_which_constraint_it_was() {
        let of = |columns: &str| unique(&format!("UNIQUE constraint failed: {columns}"));
        assert_eq!(of("users.email"), Some(Constraint::UserEmail));
        assert_eq!(of("lessons.course_id, lessons.order_index"), Some(Constraint::Order));
        assert_eq!(of("lessons.id"), Some(Constraint::Id));
        assert_eq!(of("waivers.enrollment_id, waivers.lesson_id"), Some(Constraint::Id));
        assert_eq!(of("review_requests.submission_id, review_requests.seq"), Some(Constraint::Id));
        assert_eq!(of("host_table.name"), None);
    }
}
