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
            Some(code) if is_lost(code) => Remedy::Reconnect,
            _ => Remedy::None,
        },
        Error::Io(_) | Error::Protocol(_) | Error::WorkerCrashed | Error::Tls(_) => Remedy::Reconnect,
        _ => Remedy::None,
    }
}

/// Whether a code says that the connection is of no use any more.
fn is_lost(code: &str) -> bool {
    matches!(
        code,
        // admin_shutdown, crash_shutdown, cannot_connect_now; sessions ended for being idle or for a
        // transaction that took too long; a former primary that only reads now.
        "57P01" | "57P02" | "57P03" | "57P05" | "25P03" | "25P04" | "25006"
    )
        // Connection exceptions, and what a pooler says of the servers behind it.
        || code.starts_with("08")
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
        Error::Database(e) => of_database(e.as_ref(), broken),
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

fn of_database(error: &dyn DatabaseError, broken: StoreErrorKind) -> StoreErrorKind {
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
        "55P03" | "40001" | "40P01" | "53300" | "53200" | "53100" => StoreErrorKind::Unavailable,
        // The server ended the session before the transaction's end, or took no write at all.
        "57P01" | "57P03" | "57P05" | "25P03" | "25P04" | "25006" => StoreErrorKind::Unavailable,
        // The session went away at a time that nobody knows ("server conn crashed?"): a commit may have been on
        // its way.
        code if is_lost(code) => broken,
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::borrow::Cow;

    #[derive(Debug)]
    struct Said(&'static str, &'static str);

    impl std::fmt::Display for Said {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str(self.1)
        }
    }
    impl std::error::Error for Said {}
    impl DatabaseError for Said {
        fn message(&self) -> &str {
            self.1
        }
        fn code(&self) -> Option<Cow<'_, str>> {
            Some(self.0.into())
        }
        fn as_error(&self) -> &(dyn std::error::Error + Send + Sync + 'static) {
            self
        }
        fn as_error_mut(&mut self) -> &mut (dyn std::error::Error + Send + Sync + 'static) {
            self
        }
        fn into_error(self: Box<Self>) -> Box<dyn std::error::Error + Send + Sync + 'static> {
            self
        }
        fn kind(&self) -> sqlx::error::ErrorKind {
            sqlx::error::ErrorKind::Other
        }
    }

    fn said(code: &'static str, message: &'static str) -> Error {
        Error::Database(Box::new(Said(code, message)))
    }

    /// What ends a connection is known to be that: nobody is told of a database error that no second try
    /// mends, and where a commit may have gone through the outcome is unknown.
    #[test]
    fn what_ends_a_connection_is_never_a_plain_database_error() {
        const SENT: StoreErrorKind = StoreErrorKind::Unconfirmed;
        const NOT_SENT: StoreErrorKind = StoreErrorKind::Unavailable;
        let table = [
            ("57P01", "terminating connection due to administrator command", NOT_SENT),
            ("57P02", "terminating connection because of crash of another server process", SENT),
            ("57P03", "the database system is starting up", NOT_SENT),
            ("57P05", "terminating connection due to idle-session timeout", NOT_SENT),
            ("25P03", "terminating connection due to idle-in-transaction timeout", NOT_SENT),
            ("25P04", "terminating connection due to transaction timeout", NOT_SENT),
            ("25006", "cannot execute INSERT in a read-only transaction", NOT_SENT),
            ("08000", "connection_exception", SENT),
            ("08003", "connection_does_not_exist", SENT),
            ("08006", "connection_failure", SENT),
            ("08P01", "server conn crashed?", SENT),
            ("08P01", "server disconnected while query was in progress", SENT),
            ("08P01", "query_wait_timeout", NOT_SENT),
            ("08P01", "no more connections allowed (max_client_conn)", NOT_SENT),
            ("08P01", "server login has been failing, try again later (server_login_retry)", NOT_SENT),
            ("08P01", "pgbouncer cannot connect to server", NOT_SENT),
        ];
        for (code, message, of_a_write) in table {
            assert_eq!(remedy(&said(code, message)), Remedy::Reconnect, "{code} {message}");
            assert_eq!(of_write(said(code, message)).kind(), &of_a_write, "{code} {message}");
            assert_eq!(of_read(said(code, message)).kind(), &StoreErrorKind::Unavailable, "{code} {message}");
        }
        for broken in [|| Error::WorkerCrashed, || Error::Protocol("half a message".into())] {
            assert_eq!(remedy(&broken()), Remedy::Reconnect);
            assert_eq!(of_write(broken()).kind(), &SENT);
            assert_eq!(of_read(broken()).kind(), &NOT_SENT);
        }
        // And what does not end it.
        for (code, kind) in [("40001", NOT_SENT), ("55P03", NOT_SENT), ("42P01", StoreErrorKind::Backend)] {
            assert_ne!(remedy(&said(code, "")), Remedy::Reconnect, "{code}");
            assert_eq!(of_write(said(code, "")).kind(), &kind, "{code}");
        }
    }
}
