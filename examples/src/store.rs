//! Which store an example works on: `sqlite:PATH` or a Postgres URL.

use std::path::Path;
use std::sync::Arc;

use lms_core::store::Store;
use lms_store_sqlite::SqliteStore;

use crate::demo::Failure;

/// Opens the store of an argument; the file `lms.db` in `folder` where none is given. Also what to call
/// it: never with a password.
///
/// # Errors
/// When the argument names no store, or the store cannot be opened.
pub async fn open(argument: Option<&str>, folder: &Path) -> Result<(Arc<dyn Store>, String), Failure> {
    match argument {
        None => sqlite(&folder.join("lms.db")).await,
        Some(url) if url.starts_with("postgres://") || url.starts_with("postgresql://") => postgres(url).await,
        Some(path) => match path.strip_prefix("sqlite:") {
            Some(path) if !path.is_empty() => sqlite(Path::new(path.strip_prefix("//").unwrap_or(path))).await,
            _ => Err(format!("--store takes sqlite:PATH or postgres://…, not `{path}`").into()),
        },
    }
}

async fn sqlite(path: &Path) -> Result<(Arc<dyn Store>, String), Failure> {
    Ok((Arc::new(SqliteStore::open(path).await?), path.display().to_string()))
}

#[cfg(feature = "postgres")]
async fn postgres(url: &str) -> Result<(Arc<dyn Store>, String), Failure> {
    let store = lms_store_postgres::PgStore::connect(url).await?;
    let server = url.rsplit('@').next().unwrap_or_default();
    Ok((Arc::new(store), format!("Postgres at {}", server.split('?').next().unwrap_or_default())))
}

#[cfg(not(feature = "postgres"))]
async fn postgres(_: &str) -> Result<(Arc<dyn Store>, String), Failure> {
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
        let (_, name) = open(None, folder.path()).await.unwrap();
        assert!(name.ends_with("lms.db"));
        let at = format!("sqlite:{}", folder.path().join("other.db").display());
        assert!(open(Some(&at), folder.path()).await.unwrap().1.ends_with("other.db"));
    }
}
