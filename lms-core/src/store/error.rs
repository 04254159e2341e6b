//! The one error of a store.

use std::fmt;

use uuid::Uuid;

/// What went wrong in a store.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum StoreErrorKind {
    /// An expectation of the batch did not hold; its index in [`WriteBatch::expect`](super::WriteBatch),
    /// or `None` where a change found its row gone. Load again and decide again.
    Conflict {
        /// Which expectation.
        expect: Option<usize>,
    },
    /// A unique constraint refused a row.
    Duplicate(Constraint),
    /// A foreign key refused a row: what it points to is gone, or something still points to it.
    MissingReference,
    /// The store cannot do this.
    NotSupported,
    /// Nothing was written, and later it may work.
    Unavailable,
    /// The batch was sent and its outcome is unknown: look before trying again.
    Unconfirmed,
    /// The batch holds a value that not every store can keep ([`WriteBatch::check`](super::WriteBatch::check)).
    /// Nothing was written.
    Invalid {
        /// The table.
        table: &'static str,
        /// The column.
        column: &'static str,
    },
    /// A row holds what it may not.
    Corrupt {
        /// The table.
        table: &'static str,
        /// The column.
        column: &'static str,
        /// The row, where its id can be read.
        id: Option<Uuid>,
    },
    /// The schema in the database is not the one this library needs.
    Schema {
        /// The version found; 0 for an empty database.
        found: i64,
        /// The version needed.
        needed: i64,
    },
    /// Anything else that the driver reports.
    Backend,
}

/// The unique constraints that a use case answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Constraint {
    /// One enrollment per course and student (E2).
    Enrollment,
    /// One enrollment per external reference and course (E6).
    ExternalRef,
    /// One open attempt per quiz and student (A2).
    OpenAttempt,
    /// One attempt per quiz, student and number (A2).
    AttemptNo,
    /// One draft per assignment and student (S1).
    Draft,
    /// One version per assignment, student and number (S1).
    VersionNo,
    /// One entry per subject and seq (S9).
    GradeSeq,
    /// One certificate per course and student (C2).
    Certificate,
    /// One certificate per code (C3).
    CertificateCode,
    /// One wire attempt per operation and number; one applied row per operation (I3).
    Operation,
    /// One event per id: the command was done already (DETAILS 8).
    Event,
    /// One user per external id (E1).
    UserExternalId,
    /// One user per e-mail address.
    UserEmail,
    /// One course per external id (L8).
    CourseExternalId,
    /// One objective per course and key (L6).
    ObjectiveKey,
    /// One member of staff per course and user (E5).
    Staff,
    /// One place per sibling (O1).
    Order,
    /// One row per id.
    Id,
}

/// The error of a store: a kind to decide by, and the driver's own error as its source.
#[derive(Debug)]
pub struct StoreError {
    kind: StoreErrorKind,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl StoreError {
    /// An error without a source.
    pub const fn new(kind: StoreErrorKind) -> Self {
        Self { kind, source: None }
    }

    /// An error with the driver's own as its source.
    pub fn with_source(kind: StoreErrorKind, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self { kind, source: Some(source.into()) }
    }

    /// What went wrong.
    pub const fn kind(&self) -> &StoreErrorKind {
        &self.kind
    }

    /// Whether the same call may work when it is made again, after a new load.
    pub const fn is_retryable(&self) -> bool {
        matches!(self.kind, StoreErrorKind::Conflict { .. } | StoreErrorKind::Unavailable)
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            StoreErrorKind::Conflict { .. } => f.write_str("the data changed meanwhile"),
            StoreErrorKind::Duplicate(constraint) => write!(f, "a row with the same key exists ({constraint:?})"),
            StoreErrorKind::MissingReference => {
                f.write_str("a row that is referred to is missing, or still referred to")
            }
            StoreErrorKind::NotSupported => f.write_str("the store cannot do this"),
            StoreErrorKind::Unavailable => f.write_str("the store is not available; nothing was written"),
            StoreErrorKind::Unconfirmed => f.write_str("the write was sent and its outcome is unknown"),
            StoreErrorKind::Invalid { table, column } => {
                write!(f, "`{column}` of `{table}` cannot hold that value; nothing was written")
            }
            StoreErrorKind::Corrupt { table, column, id: Some(id) } => {
                write!(f, "row {id} of `{table}` holds an invalid `{column}`")
            }
            StoreErrorKind::Corrupt { table, column, id: None } => {
                write!(f, "a row of `{table}` holds an invalid `{column}`")
            }
            StoreErrorKind::Schema { found, needed } if found > needed => {
                write!(
                    f,
                    "the database has schema version {found} and this library knows {needed}; use a newer release of the library"
                )
            }
            StoreErrorKind::Schema { found, needed } => {
                write!(f, "the database has schema version {found} and this library needs {needed}; run migrate()")
            }
            StoreErrorKind::Backend => match &self.source {
                Some(source) => write!(f, "the database reports: {source}"),
                None => f.write_str("the database reports an error"),
            },
        }
    }
}

impl std::error::Error for StoreError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}
