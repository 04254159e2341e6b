//! The write-ahead log starts over, or somebody hears why it does not.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rusqlite::Connection;

/// From here on the log is made to start over. SQLite copies it into the database by itself every thousand
/// pages, but begins it anew only in a moment without any reader, and readers that overlap leave none.
const LARGE: u64 = 32 * 1024 * 1024;
/// How often the writer looks.
const EVERY: Duration = Duration::from_millis(500);
/// How long it waits for the readers of the moment. New ones read past the log meanwhile.
const PATIENCE: Duration = Duration::from_millis(100);

/// What the writer thread knows of the log's file.
pub(crate) struct Wal {
    path: PathBuf,
    busy: Duration,
    looked: Instant,
}

impl Wal {
    /// The log of a database file, and the connection's own patience.
    pub(crate) fn of(database: &Path, busy: Duration) -> Self {
        Self { path: log_of(database), busy, looked: Instant::now() }
    }

    /// Between two commits: makes a large log start over.
    pub(crate) fn look(&mut self, conn: &Connection) {
        if self.looked.elapsed() < EVERY {
            return;
        }
        self.looked = Instant::now();
        let bytes = size(&self.path);
        if bytes < LARGE {
            return;
        }
        let restart = || {
            conn.busy_timeout(PATIENCE)?;
            conn.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get::<_, i64>(0))
        };
        match restart() {
            Ok(0) => {}
            Ok(_) => tracing::warn!(bytes, "a reader keeps the write-ahead log from starting over"),
            Err(error) => tracing::warn!(bytes, %error, "the write-ahead log cannot be started over"),
        }
        if let Err(error) = conn.busy_timeout(self.busy) {
            tracing::warn!(%error, "the busy timeout cannot be set back");
        }
    }
}

/// The log's file beside the database's.
pub(crate) fn log_of(database: &Path) -> PathBuf {
    let mut name = database.as_os_str().to_owned();
    name.push("-wal");
    name.into()
}

/// Bytes of a file; none where there is none.
pub(crate) fn size(path: &Path) -> u64 {
    std::fs::metadata(path).map_or(0, |file| file.len())
}
