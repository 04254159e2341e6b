//! How a store is opened.

use std::time::Duration;

use lms_core::store::{StoreError, StoreErrorKind};
use sqlx::PgPool;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions, PgSslMode};

use crate::error::of_read;
use crate::held::Lines;
use crate::sql::Names;
use crate::{LIMIT, PgStore};

/// What leads to the primary.
#[derive(Clone)]
enum To {
    Url(String),
    Pool(PgPool),
}

/// What a session of the store's own begins with. A plan is kept for as long as the session: one made while a
/// table was empty would go on reading all of it when it has grown. Every read has its index; where a table is
/// so small that reading it whole would be quicker, the difference is not to be seen. What must read a table
/// whole looks dear then, and is not to be compiled for that. One plan serves every parameter: for a list at hand
/// another one always looks cheaper than the one for any list, and would be made in every call.
const SESSION: &str = "SET default_transaction_isolation = 'read committed'; SET synchronous_commit = on; \
    SET enable_seqscan = off; SET jit = off; SET plan_cache_mode = force_generic_plan";

/// Opens a store with options.
#[derive(Clone)]
#[must_use]
pub struct Builder {
    to: To,
    lms: String,
    private: String,
    connections: u32,
    acquire: Duration,
    limit: Duration,
    replica: Option<String>,
    pooled: bool,
    direct: Option<String>,
}

impl std::fmt::Debug for Builder {
    /// Without the URLs: they hold passwords.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Builder")
            .field("lms", &self.lms)
            .field("private", &self.private)
            .field("connections", &self.connections)
            .field("pooled", &self.pooled)
            .finish_non_exhaustive()
    }
}

impl Builder {
    pub(crate) fn new(url: String) -> Self {
        Self::to(To::Url(url))
    }

    pub(crate) fn over(pool: PgPool) -> Self {
        Self::to(To::Pool(pool))
    }

    fn to(to: To) -> Self {
        Self {
            to,
            lms: "lms".into(),
            private: "lms_private".into(),
            connections: 10,
            acquire: Duration::from_secs(5),
            limit: LIMIT,
            replica: None,
            pooled: false,
            direct: None,
        }
    }

    /// The names of the two schemas: what client roles may be granted, and what they may not.
    pub fn schemas(mut self, lms: impl Into<String>, private: impl Into<String>) -> Self {
        self.lms = lms.into();
        self.private = private.into();
        self
    }

    /// How many connections at most; ten unless set, at least one. One more listens for hints. A host's own pool
    /// has its own bound.
    pub const fn max_connections(mut self, connections: u32) -> Self {
        self.connections = if connections == 0 { 1 } else { connections };
        self
    }

    /// How long a caller waits for a connection; five seconds unless set. A host's own pool has its own bound.
    pub const fn acquire_timeout(mut self, timeout: Duration) -> Self {
        self.acquire = timeout;
        self
    }

    /// How long an answer of the server's is waited for; a minute unless set. It is for connections that have
    /// died without a word, and for a server that hangs: no batch of the library's takes that long. A read is
    /// sent again over another connection; of a batch the outcome is then unknown, which the library finds out.
    pub const fn answer_timeout(mut self, timeout: Duration) -> Self {
        self.limit = timeout;
        self
    }

    /// A read replica for analytics. What decides a command, live states and certificates always come
    /// from the primary.
    pub fn replica(mut self, url: impl Into<String>) -> Self {
        self.replica = Some(url.into());
        self
    }

    /// The URL leads to a transaction pooler (PgBouncer, Supavisor): every statement then runs in a
    /// transaction of its own and nothing is kept in sessions. A host's own pool that leads to one should be made
    /// with `statement_cache_capacity(0)`. `direct` is a URL to the server itself,
    /// for LISTEN; without one, hints from other processes are replaced by the poll.
    pub fn pooled(mut self, direct: Option<String>) -> Self {
        self.pooled = true;
        self.direct = direct;
        self
    }

    /// Connects. The schema is `migrate()`'s.
    ///
    /// # Errors
    /// When a URL cannot be read, a name is not a schema name, or the server cannot be reached in time.
    pub async fn connect(self) -> Result<PgStore, StoreError> {
        let store = self.open()?;
        store.inner.lines.take().await.map_err(of_read)?;
        Ok(store)
    }

    /// The store, whose first use connects.
    pub(crate) fn open(self) -> Result<PgStore, StoreError> {
        let names = Names::new(&self.lms, &self.private)?;
        let (lines, options) = match &self.to {
            To::Url(url) => {
                let options = parse(url)?;
                (self.lines(options.clone()), options)
            }
            To::Pool(pool) => (Lines::hosts(pool.clone(), self.limit), pool.connect_options().as_ref().clone()),
        };
        let listening = match (&self.direct, self.pooled) {
            (Some(direct), _) => Some(single(parse(direct)?)),
            (None, true) => {
                tracing::warn!("behind a pooler and without a direct URL, other processes' events come by polling");
                None
            }
            (None, false) => Some(single(options)),
        };
        let replica = match &self.replica {
            Some(url) => Some(self.lines(parse(url)?)),
            None => None,
        };
        Ok(PgStore::start(lines, replica, listening, self.pooled, self.limit, names))
    }

    fn lines(&self, options: PgConnectOptions) -> Lines {
        Lines::own(self.pool(options), self.connections, self.acquire, self.limit)
    }

    fn pool(&self, options: PgConnectOptions) -> PgPool {
        // A ping before every use would double the round trips: a broken connection shows itself, and
        // the store knows what to do then.
        let pool = PgPoolOptions::new()
            .max_connections(self.connections)
            .min_connections(0)
            .acquire_timeout(self.acquire)
            .idle_timeout(Duration::from_secs(600))
            .max_lifetime(Duration::from_secs(1_800))
            .test_before_acquire(false);
        if self.pooled {
            return pool.connect_lazy_with(options.statement_cache_capacity(0));
        }
        pool.after_connect(|conn, _| Box::pin(async move { sqlx::raw_sql(SESSION).execute(conn).await.map(drop) }))
            .connect_lazy_with(options)
    }
}

fn parse(url: &str) -> Result<PgConnectOptions, StoreError> {
    // The parser's own message may repeat the URL, and with it a password.
    let options: PgConnectOptions = url.parse().map_err(|_: sqlx::Error| {
        StoreError::with_source(StoreErrorKind::NotSupported, "the URL is not one of a Postgres server")
    })?;
    check_tls(options.get_ssl_mode(), cfg!(feature = "tls"))?;
    Ok(options)
}

/// Refuses to ask for an encrypted connection where none can be made, with the words for what to do.
fn check_tls(wanted: PgSslMode, can: bool) -> Result<(), StoreError> {
    if can || matches!(wanted, PgSslMode::Disable | PgSslMode::Allow | PgSslMode::Prefer) {
        return Ok(());
    }
    Err(StoreError::with_source(
        StoreErrorKind::NotSupported,
        "the URL asks for TLS (sslmode), and this was built without it: add the feature `tls` of lms-store-postgres",
    ))
}

/// A pool of one, for a session that listens.
pub(crate) fn single(options: PgConnectOptions) -> PgPool {
    PgPoolOptions::new()
        .max_connections(1)
        .acquire_timeout(Duration::from_secs(5))
        .idle_timeout(None)
        .max_lifetime(None)
        .connect_lazy_with(options)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "these are tests")]
mod tests {
    use super::*;

    #[test]
    fn without_tls_a_url_that_asks_for_it_is_refused_with_the_feature() {
        for wanted in [PgSslMode::Require, PgSslMode::VerifyCa, PgSslMode::VerifyFull] {
            let refused = check_tls(wanted, false).unwrap_err();
            let why = std::error::Error::source(&refused).unwrap().to_string();
            assert!(why.contains("the feature `tls` of lms-store-postgres"), "{why}");
            check_tls(wanted, true).unwrap();
        }
        check_tls(PgSslMode::Prefer, false).unwrap();
    }
}
