//! Which store an example works on: `sqlite:PATH` or a Postgres URL.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use lms_core::store::Store;
#[cfg(feature = "postgres")]
use lms_store_postgres::PgStore;
use lms_store_sqlite::{SqliteStore, driver};

use crate::demo::Failure;

/// A store that is open, and what to call it: never with a password.
#[derive(Debug, Clone)]
pub struct Opened {
    name: String,
    kind: Kind,
}

#[derive(Debug, Clone)]
enum Kind {
    Sqlite(SqliteStore),
    #[cfg(feature = "postgres")]
    Postgres(PgStore),
}

impl Opened {
    /// The store.
    pub fn store(&self) -> Arc<dyn Store> {
        match &self.kind {
            Kind::Sqlite(store) => Arc::new(store.clone()),
            #[cfg(feature = "postgres")]
            Kind::Postgres(store) => Arc::new(store.clone()),
        }
    }

    /// What to call it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// How many rows each table has, of whichever course: a look past the library, by SQL.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn count_rows(&self) -> Result<BTreeMap<String, i64>, Failure> {
        match &self.kind {
            Kind::Sqlite(store) => Ok(store.transaction(count_in_sqlite).await??),
            #[cfg(feature = "postgres")]
            Kind::Postgres(store) => count_in_postgres(store).await,
        }
    }
}

/// Opens the store of an argument; the file `lms.db` in `folder` where none is given.
///
/// # Errors
/// When the argument names no store, or the store cannot be opened.
pub async fn open(argument: Option<&str>, folder: &Path) -> Result<Opened, Failure> {
    match argument {
        None => sqlite(&folder.join("lms.db")).await,
        Some(url) if url.starts_with("postgres://") || url.starts_with("postgresql://") => postgres(url).await,
        Some(path) => match path.strip_prefix("sqlite:") {
            Some(path) if !path.is_empty() => sqlite(Path::new(path.strip_prefix("//").unwrap_or(path))).await,
            _ => Err(format!("--store takes sqlite:PATH or postgres://…, not `{path}`").into()),
        },
    }
}

async fn sqlite(path: &Path) -> Result<Opened, Failure> {
    let name = path.display().to_string();
    let store = SqliteStore::open(path).await.map_err(|e| format!("cannot open `{name}`: {e}"))?;
    Ok(Opened { name, kind: Kind::Sqlite(store) })
}

fn count_in_sqlite(tx: &driver::Transaction<'_>) -> Result<BTreeMap<String, i64>, driver::Error> {
    let tables = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'";
    let names: Vec<String> = tx.prepare(tables)?.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?;
    names
        .into_iter()
        .map(|name| {
            let count = tx.query_row(&format!("SELECT count(*) FROM \"{name}\""), [], |row| row.get(0))?;
            Ok((name, count))
        })
        .collect()
}

#[cfg(feature = "postgres")]
async fn postgres(url: &str) -> Result<Opened, Failure> {
    let server = url.rsplit('@').next().unwrap_or_default();
    let name = format!("Postgres at {}", server.split('?').next().unwrap_or_default());
    let store = PgStore::connect(url).await.map_err(|e| format!("cannot open `{name}`: {e}"))?;
    Ok(Opened { name, kind: Kind::Postgres(store) })
}

#[cfg(feature = "postgres")]
async fn count_in_postgres(store: &PgStore) -> Result<BTreeMap<String, i64>, Failure> {
    use lms_store_postgres::driver::{AssertSqlSafe, Row as _, query};
    let tables = "SELECT format('%I.%I', n.nspname, c.relname), c.relname::text FROM pg_class c
                  JOIN pg_namespace n ON n.oid = c.relnamespace
                  WHERE n.nspname IN ('lms', 'lms_private') AND c.relkind IN ('r', 'p') AND NOT c.relispartition";
    let mut counts = BTreeMap::new();
    for row in query(tables).fetch_all(store.pool()).await? {
        let (table, name): (String, String) = (row.try_get(0)?, row.try_get(1)?);
        // The names come from the catalogue, quoted.
        let count = query(AssertSqlSafe(format!("SELECT count(*) FROM {table}"))).fetch_one(store.pool()).await?;
        counts.insert(name, count.try_get(0)?);
    }
    Ok(counts)
}

#[cfg(not(feature = "postgres"))]
async fn postgres(_: &str) -> Result<Opened, Failure> {
    Err("this was built without Postgres; add `--features postgres` to the cargo command".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_argument_that_names_no_store_is_said_so() {
        let folder = tempfile::tempdir().unwrap();
        for wrong in ["mysql://x", "sqlite:", "lms.db"] {
            let said = open(Some(wrong), folder.path()).await.map(|_| ()).unwrap_err().to_string();
            assert!(said.contains("--store takes"), "{said}");
        }
        assert!(open(None, folder.path()).await.unwrap().name().ends_with("lms.db"));
        let at = format!("sqlite:{}", folder.path().join("other.db").display());
        assert!(open(Some(&at), folder.path()).await.unwrap().name().ends_with("other.db"));
    }
}
