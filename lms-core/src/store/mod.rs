//! What a backend must do: one write door, and reads.

mod batch;
mod context;
mod error;
mod forward;
mod fresh;
mod keys;
mod reads;

use std::sync::Arc;

use async_trait::async_trait;

pub use batch::*;
pub use context::*;
pub use error::*;
pub(crate) use fresh::fresh;
pub use fresh::must_be_fresh;
pub use keys::*;
pub use reads::*;

/// Where the domain lives.
///
/// An implementation MUST apply a batch whole or not at all, MUST check every expectation inside the
/// batch's own transaction, MUST refuse what the constraints of the schema refuse, and MUST NOT
/// confirm a batch that a crash could take back. The conformance suite (feature `conformance`) says
/// the rest; a store that passes it is right.
#[async_trait]
pub trait Store:
    PeopleReads
    + CatalogReads
    + LearningReads
    + CertificateReads
    + AnalyticsReads
    + EventLog
    + AiLogReads
    + AiBudgetReads
    + 'static
{
    /// Applies the whole batch atomically, or nothing.
    ///
    /// # Errors
    /// Conflict and Duplicate when the decision is out of date; nothing was written then.
    async fn write(&self, batch: Arc<WriteBatch>) -> Result<Committed, StoreError>;

    /// Brings the schema to this library's version, under a lock; does nothing when it is there.
    ///
    /// # Errors
    /// `Schema` when the database is newer than this library can run on.
    async fn migrate(&self) -> Result<(), StoreError>;

    /// The schema's version in the database, and the one that this library needs.
    ///
    /// # Errors
    /// When the database cannot be read.
    async fn schema_version(&self) -> Result<(i64, i64), StoreError>;
}
