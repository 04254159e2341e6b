//! From the driver's errors to the one error of a store.

use lms_core::store::{Constraint, StoreError, StoreErrorKind};
use sqlx::Error;
use sqlx::error::DatabaseError;

/// What to do about an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Remedy {
    /// The database undid the transaction and asks for another try: a deadlock, a serialization failure.
    Again,
    /// The connection is gone, or the server says that it goes.
    Reconnect,
    /// Nothing.
    None,
}

/// Whether the statement can be sent again.
pub(crate) fn remedy(error: &Error) -> Remedy {
    match error {
        Error::Database(e) => match e.code().as_deref() {
            Some("40001" | "40P01") => Remedy::Again,
            // admin_shutdown, crash_shutdown, cannot_connect_now, idle sessions that were ended
            Some("57P01" | "57P02" | "57P03" | "57P05" | "25P03") => Remedy::Reconnect,
            _ => Remedy::None,
        },
        Error::Io(_) | Error::Protocol(_) | Error::WorkerCrashed | Error::Tls(_) => Remedy::Reconnect,
        _ => Remedy::None,
    }
}

/// The library's error for a failed read.
pub(crate) fn of_read(error: Error) -> StoreError {
    convert(error, StoreErrorKind::Unavailable)
}

/// The library's error for a failed write: where the connection broke, the outcome is unknown.
pub(crate) fn of_write(error: Error) -> StoreError {
    convert(error, StoreErrorKind::Unconfirmed)
}

fn convert(error: Error, broken: StoreErrorKind) -> StoreError {
    let kind = match &error {
        Error::Database(e) => of_database(e.as_ref()),
        Error::PoolTimedOut | Error::PoolClosed => StoreErrorKind::Unavailable,
        Error::Io(_) | Error::Protocol(_) | Error::WorkerCrashed | Error::Tls(_) => broken,
        _ => StoreErrorKind::Backend,
    };
    // The driver's DETAIL repeats values of the row: personal data has no place in an error. Its code
    // and the constraint say what happened.
    let source = match error {
        Error::Database(e) => {
            let code = e.code().unwrap_or_default().into_owned();
            let constraint = e.constraint().map(|c| format!(", constraint {c}")).unwrap_or_default();
            format!("{} (SQLSTATE {code}{constraint})", message(e.as_ref()))
        }
        other => other.to_string(),
    };
    StoreError::with_source(kind, source)
}

/// The server's message, where it cannot hold a value of a row.
fn message(error: &dyn DatabaseError) -> String {
    match error.code().as_deref().unwrap_or_default() {
        // Data exceptions quote the offending text.
        code if code.starts_with("22") => "a value that the database does not take".to_owned(),
        _ => error.message().to_owned(),
    }
}

fn of_database(error: &dyn DatabaseError) -> StoreErrorKind {
    match error.code().as_deref().unwrap_or_default() {
        // Raised where something is to be taken back: with the place of the expectation, or of a row that is gone.
        "LM001" => {
            StoreErrorKind::Conflict { expect: error.message().strip_prefix("conflict:").and_then(|n| n.parse().ok()) }
        }
        "23505" => error.constraint().and_then(unique).map_or(StoreErrorKind::Backend, StoreErrorKind::Duplicate),
        "23503" | "23001" => StoreErrorKind::MissingReference,
        // A pooler that had no server for the statement in time, or none at all: nothing was sent on.
        "08P01" if from_pooler(error.message()) => StoreErrorKind::Unavailable,
        // A lock that was not had in time, and what a try again may mend.
        "55P03" | "40001" | "40P01" | "57P01" | "57P02" | "57P03" | "53300" | "53200" | "53100" => {
            StoreErrorKind::Unavailable
        }
        _ => StoreErrorKind::Backend,
    }
}

/// Whether a protocol violation is a pooler's word for "no server for you": PgBouncer gives every refusal of
/// its own this code.
fn from_pooler(message: &str) -> bool {
    ["query_wait_timeout", "no more connections allowed", "server login has been failing", "pgbouncer cannot connect"]
        .iter()
        .any(|refusal| message.contains(refusal))
}

/// Which unique constraint it was, by its name.
fn unique(name: &str) -> Option<Constraint> {
    Some(match name {
        "enrollments_course_id_student_id_key" => Constraint::Enrollment,
        "enrollments_external_ref" => Constraint::ExternalRef,
        "quiz_attempts_open" => Constraint::OpenAttempt,
        "quiz_attempts_quiz_id_student_id_attempt_no_key" => Constraint::AttemptNo,
        "submissions_draft" => Constraint::Draft,
        "submissions_assignment_id_student_id_version_no_key" => Constraint::VersionNo,
        "grade_history_subject_type_subject_id_question_id_seq_key" => Constraint::GradeSeq,
        "certificates_course_id_student_id_key" => Constraint::Certificate,
        "certificates_code_key" => Constraint::CertificateCode,
        "ai_logs_applied" | "ai_logs_operation_id_attempt_key" => Constraint::Operation,
        "activity_events_id_key" => Constraint::Event,
        "users_external_id" => Constraint::UserExternalId,
        "users_email" => Constraint::UserEmail,
        "courses_external_id" => Constraint::CourseExternalId,
        "objectives_course_id_key_key" => Constraint::ObjectiveKey,
        "course_staff_course_id_user_id_key" => Constraint::Staff,
        name if name.ends_with("_order") => Constraint::Order,
        // Primary keys, and the natural keys of rows that have no name in the port.
        name if name.ends_with("_pkey") || name.ends_with("_key") || name.ends_with("_once") => Constraint::Id,
        _ => return None,
    })
}
