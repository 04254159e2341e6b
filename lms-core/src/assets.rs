//! Where files go: the PDFs of certificates, and whatever else a host stores beside the rows.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;

/// A file could not be stored or read.
#[derive(Debug, thiserror::Error)]
#[error("asset `{key}`: {message}")]
pub struct AssetError {
    /// Which one.
    pub key: String,
    /// What went wrong.
    pub message: String,
}

/// A place for files, by key.
#[async_trait]
pub trait Assets: Send + Sync {
    /// Stores bytes under a key unless the key exists; returns the URL (or the path) to hand out.
    ///
    /// Keys hold the content's hash, so that storing twice is storing once.
    ///
    /// # Errors
    /// When the bytes could not be stored; the next try starts anew.
    async fn put(&self, key: &str, bytes: Vec<u8>, media_type: &str) -> Result<String, AssetError>;

    /// Deletes every file whose key begins with `folder` and a slash. Nothing there is a success: it is
    /// repeated until it has been done.
    ///
    /// # Errors
    /// When they could not be deleted; it is tried again.
    async fn delete_folder(&self, folder: &str) -> Result<(), AssetError>;

    /// The bytes under a key; `Ok(None)` when there are none.
    ///
    /// # Errors
    /// When they could not be read.
    async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, AssetError>;
}

/// One that is chosen while the program runs: `Arc<dyn Assets>` is one, too.
#[async_trait]
impl<A: Assets + ?Sized> Assets for Arc<A> {
    async fn put(&self, key: &str, bytes: Vec<u8>, media_type: &str) -> Result<String, AssetError> {
        (**self).put(key, bytes, media_type).await
    }
    async fn delete_folder(&self, folder: &str) -> Result<(), AssetError> {
        (**self).delete_folder(folder).await
    }
    async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, AssetError> {
        (**self).get(key).await
    }
}

/// Files in a folder. Written beside their place and moved there, so that no half file is ever seen.
#[derive(Debug, Clone)]
pub struct Folder {
    root: PathBuf,
    base_url: Option<String>,
}

impl Folder {
    /// Files under `root`, which is made when it is needed. URLs are the files' paths: absolute ones, so that
    /// they lead to the file from any working directory. A relative `root` is one of the working directory of
    /// now.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        let root = root.into();
        // Only an empty path, or a working directory that is gone, has no absolute path.
        Self { root: std::path::absolute(&root).unwrap_or(root), base_url: None }
    }

    /// Hands out `base_url` + key instead of paths. A route of the host's answers it with [`Assets::get`] of the key
    /// (`lms.assets()`), and decides who may. A service wants this: the URL of a certificate is shown to whoever
    /// verifies its code, and a path tells how the server's disk is laid out.
    #[must_use]
    pub fn with_base_url(mut self, base_url: impl Into<String>) -> Self {
        self.base_url = Some(base_url.into());
        self
    }

    fn path(&self, key: &str) -> Result<PathBuf, AssetError> {
        let fits = !key.is_empty()
            && key.split('/').all(|part| {
                !part.is_empty()
                    && part != "."
                    && part != ".."
                    && part.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_'))
            });
        if fits {
            Ok(self.root.join(key))
        } else {
            Err(AssetError {
                key: key.to_owned(),
                message: "keys are parts of a-z A-Z 0-9 . - _ between slashes".into(),
            })
        }
    }
}

/// A name beside a file's place that no other writer has, in this process or another.
fn part_of(path: &Path) -> PathBuf {
    static WRITES: AtomicU64 = AtomicU64::new(0);
    let mut part = path.as_os_str().to_owned();
    part.push(format!(".{}.{}.part", std::process::id(), WRITES.fetch_add(1, Ordering::Relaxed)));
    PathBuf::from(part)
}

/// Makes the names in a folder durable; not every system has that.
fn sync_folder(folder: &Path) -> std::io::Result<()> {
    if cfg!(unix) { std::fs::File::open(folder)?.sync_all() } else { Ok(()) }
}

impl Folder {
    /// Writes a file so that it is there whole, and after a power failure too, or not at all.
    fn write(&self, path: &Path, bytes: &[u8]) -> std::io::Result<()> {
        use std::io::Write as _;
        let part = part_of(path);
        let Some(parent) = path.parent() else { return Err(std::io::ErrorKind::InvalidInput.into()) };
        // What is made anew between the root and the file is a name in the folder above it.
        let made: Vec<&Path> = parent.ancestors().take_while(|folder| !folder.exists()).collect();
        std::fs::create_dir_all(parent)?;
        let written = (|| {
            let mut file = std::fs::File::create(&part)?;
            file.write_all(bytes)?;
            file.sync_all()?;
            std::fs::rename(&part, path)
        })();
        if written.is_err() {
            let _ = std::fs::remove_file(&part);
        }
        written?;
        sync_folder(parent)?;
        made.iter().filter_map(|folder| folder.parent()).try_for_each(sync_folder)
    }
}

#[async_trait]
impl Assets for Folder {
    async fn put(&self, key: &str, bytes: Vec<u8>, _media_type: &str) -> Result<String, AssetError> {
        let path = self.path(key)?;
        let shown = match &self.base_url {
            Some(base) => format!("{}/{key}", base.trim_end_matches('/')),
            None => path.display().to_string(),
        };
        if path.exists() {
            return Ok(shown);
        }
        // A disk that is slow to flush holds up nobody else.
        let files = self.clone();
        let written = tokio::task::spawn_blocking(move || files.write(&path, &bytes)).await;
        let failed = |message: String| AssetError { key: key.to_owned(), message };
        written.map_err(|e| failed(e.to_string()))?.map_err(|e| failed(e.to_string()))?;
        Ok(shown)
    }

    async fn delete_folder(&self, folder: &str) -> Result<(), AssetError> {
        match std::fs::remove_dir_all(self.path(folder)?) {
            Err(e) if e.kind() != std::io::ErrorKind::NotFound => {
                Err(AssetError { key: folder.to_owned(), message: e.to_string() })
            }
            _ => Ok(()),
        }
    }

    async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, AssetError> {
        match std::fs::read(self.path(key)?) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(e) => Err(AssetError { key: key.to_owned(), message: e.to_string() }),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[tokio::test]
    async fn c6_the_url_is_an_absolute_path() {
        let here = std::env::current_dir().unwrap();
        assert_eq!(Folder::new("some/files").path("a/b.pdf").unwrap(), here.join("some/files/a/b.pdf"));
        let root = tempfile::tempdir().unwrap();
        let url = Folder::new(root.path()).put("a/b.pdf", b"one".to_vec(), "application/pdf").await.unwrap();
        assert_eq!(std::fs::read(url).unwrap(), b"one");
        let base = Folder::new(root.path()).with_base_url("https://files.example.org/");
        let url = base.put("a/b.pdf", b"one".to_vec(), "application/pdf").await.unwrap();
        assert_eq!(url, "https://files.example.org/a/b.pdf");
    }

    #[tokio::test]
    async fn c6_many_store_the_same_file_at_once() {
        let root = tempfile::tempdir().unwrap();
        let files = Folder::new(root.path());
        for round in 0..30 {
            let barrier = Arc::new(std::sync::Barrier::new(4));
            let mut writers = Vec::new();
            for _ in 0..4 {
                let (files, barrier) = (files.clone(), barrier.clone());
                writers.push(std::thread::spawn(move || {
                    let path = files.path(&format!("{round}/same.pdf")).unwrap();
                    barrier.wait();
                    files.write(&path, &[7; 100_000])
                }));
            }
            for writer in writers {
                writer.join().unwrap().unwrap();
            }
            assert_eq!(files.get(&format!("{round}/same.pdf")).await.unwrap().unwrap().len(), 100_000);
            let left = std::fs::read_dir(root.path().join(round.to_string())).unwrap().count();
            assert_eq!(left, 1, "no part of a file is left");
        }
    }
}
