//! How the library is.

use serde::Serialize;

use super::{Failing, Lms};
use crate::error::Error;
use crate::model::Rendering;
use crate::store::{ById, RenderingFilter};

/// How the library is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct Health {
    /// The schema's version in the database.
    pub schema_version: i64,
    /// The version that this library needs.
    pub schema_needed: i64,
    /// The last position of the event log.
    pub head: i64,
    /// The oldest position that is kept; head + 1 when none is.
    pub oldest: i64,
    /// Events that were committed and had no position yet when this was asked for; they have one now.
    pub unnumbered: i64,
    /// Wide changes that are not carried to every learner yet; counted up to 500.
    pub open_jobs: usize,
    /// Certificates whose file is not made yet; counted up to 500.
    pub pending_certificates: usize,
    /// Certificates whose file could not be made; counted up to 500. `Certificates::renderings` says why, and
    /// `Certificates::retry_failed` has them tried again.
    pub failed_certificates: usize,
    /// Submissions and attempts that wait for an AI grade; each counted up to 500.
    pub awaiting_ai: usize,
    /// The named consumers and how far they are in the log.
    pub consumers: Vec<ConsumerPlace>,
    /// The consumer that is furthest behind in the log, if any is behind: what it has yet to handle is kept.
    pub slowest: Option<String>,
    /// Background work of this process that failed when it was last tried.
    pub failing: Vec<Failing>,
}

/// How far a named consumer is in the log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct ConsumerPlace {
    /// Its name.
    pub name: String,
    /// The last position that it has handled; absent for one that finds its work in rows.
    pub position: Option<i64>,
}

/// Up to where it counts.
const COUNTED: u32 = 500;

impl Lms {
    /// How the library is: schema, log, jobs, what waits for the consumers.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn health(&self) -> Result<Health, Error> {
        let store = self.store();
        let (schema_version, schema_needed) = store.schema_version().await?;
        let before = store.ends().await?.head;
        store.settle().await?;
        let ends = store.ends().await?;
        let head = ends.head;
        let consumers = store.consumers().await?;
        let awaiting_ai = store.awaiting_ai(COUNTED).await?.len() + store.attempts_awaiting_ai(COUNTED).await?.len();
        let behind = consumers.iter().filter_map(|c| Some((c.position.filter(|at| *at < head)?, &c.name)));
        let counted = async |rendering| {
            let page = ById { limit: COUNTED, ..ById::default() };
            store.renderings(RenderingFilter { course: None, rendering }, page).await.map(|found| found.len())
        };
        let slowest = behind.min().map(|(_, name)| name.clone());
        Ok(Health {
            schema_version,
            schema_needed,
            head,
            oldest: ends.oldest,
            unnumbered: head - before,
            open_jobs: store.open_jobs(None, COUNTED).await?.len(),
            pending_certificates: counted(Rendering::Pending).await?,
            failed_certificates: counted(Rendering::Failed).await?,
            awaiting_ai,
            consumers: consumers.into_iter().map(|c| ConsumerPlace { name: c.name, position: c.position }).collect(),
            slowest,
            failing: self.inner.failing.list(),
        })
    }
}
