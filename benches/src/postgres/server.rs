//! A server to measure against, and what it says of itself.

use std::path::{Path, PathBuf};
use std::time::Duration;

use lms_store_postgres::driver::postgres::PgConnectOptions;
use lms_store_postgres::driver::{self, Connection as _, PgConnection, Row as _};
use lms_store_postgres::testing::{Cluster, URL_VARIABLE};

use crate::Failure;
use crate::proxy::{Proxy, Upstream};

/// A server: one that the bench starts, or the one that `LMS_TEST_POSTGRES_URL` names.
#[derive(Debug)]
pub struct Server {
    cluster: Option<Cluster>,
    url: String,
}

impl Server {
    /// Starts one with its files in a folder (in memory, so that a flush costs nothing but its code), durable
    /// as it comes, with statements counted. Or takes the one that the environment names.
    pub fn start(folder: &Path, settings: &[(&str, &str)]) -> Self {
        if let Ok(url) = std::env::var(URL_VARIABLE)
            && !url.is_empty()
        {
            return Self { cluster: None, url };
        }
        Self::own(folder, settings)
    }

    /// Starts one with settings that no other server has.
    pub fn own(folder: &Path, settings: &[(&str, &str)]) -> Self {
        let mut all = vec![
            ("fsync", "on"),
            ("shared_preload_libraries", "pg_stat_statements"),
            ("max_wal_size", "8GB"),
            ("checkpoint_timeout", "1h"),
            ("autovacuum", "off"),
            ("shared_buffers", "512MB"),
        ];
        all.extend(settings);
        let cluster = Cluster::start_in(folder, &all);
        let url = cluster.url().to_owned();
        Self { cluster: Some(cluster), url }
    }

    /// Whether the bench started it, with the settings that it asked for.
    pub fn is_own(&self) -> bool {
        self.cluster.is_some()
    }

    /// Its URL.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// A wire to it with a delay each way, and the URL through it.
    ///
    /// # Errors
    /// When no port is to be had.
    pub fn behind(&self, delay: Duration) -> Result<(Proxy, String), Failure> {
        let options: PgConnectOptions = self.url.parse()?;
        let upstream = match options.get_socket() {
            Some(folder) => Upstream::Unix(PathBuf::from(folder).join(format!(".s.PGSQL.{}", options.get_port()))),
            None if options.get_host().starts_with('/') => {
                Upstream::Unix(PathBuf::from(options.get_host()).join(format!(".s.PGSQL.{}", options.get_port())))
            }
            None => Upstream::Tcp(options.get_host().to_owned(), options.get_port()),
        };
        let proxy = Proxy::start(upstream, delay)?;
        let user = options.get_username();
        let database = options.get_database().unwrap_or(user);
        let url = format!("postgres://{user}@{}/{database}?sslmode=disable", proxy.address());
        Ok((proxy, url))
    }

    /// A session of its own.
    ///
    /// # Errors
    /// When the server cannot be reached.
    pub async fn session(&self) -> Result<PgConnection, Failure> {
        Ok(PgConnection::connect(&self.url).await?)
    }

    /// Begins to count statements anew.
    ///
    /// # Errors
    /// When `pg_stat_statements` is not loaded.
    pub async fn count_anew(&self) -> Result<(), Failure> {
        let mut session = self.session().await?;
        driver::raw_sql("CREATE EXTENSION IF NOT EXISTS pg_stat_statements; SELECT pg_stat_statements_reset()")
            .execute(&mut session)
            .await?;
        session.close().await?;
        Ok(())
    }

    /// Calls and bytes of WAL of the statements whose text holds a word, since the last reset.
    ///
    /// # Errors
    /// When `pg_stat_statements` is not loaded.
    pub async fn counted(&self, word: &str) -> Result<(f64, f64), Failure> {
        let mut session = self.session().await?;
        let row = driver::query(
            "SELECT coalesce(sum(calls), 0)::float8, coalesce(sum(wal_bytes), 0)::float8 FROM pg_stat_statements
             WHERE position($1 IN query) > 0 AND position('pg_stat_statements' IN query) = 0",
        )
        .bind(word)
        .fetch_one(&mut session)
        .await?;
        let counted = (row.try_get(0)?, row.try_get(1)?);
        session.close().await?;
        Ok(counted)
    }
}
