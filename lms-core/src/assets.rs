//! Where files go: the PDFs of certificates, and whatever else a host stores beside the rows.

use std::path::PathBuf;

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

/// Files in a folder. Written beside their place and moved there, so that no half file is ever seen.
#[derive(Debug, Clone)]
pub struct Folder {
    root: PathBuf,
    base_url: Option<String>,
}

impl Folder {
    /// Files under `root`, which is made when it is needed. URLs are the files' paths.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into(), base_url: None }
    }

    /// Hands out `base_url` + key instead of paths.
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
        let failed = |e: std::io::Error| AssetError { key: key.to_owned(), message: e.to_string() };
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent).map_err(failed)?;
        }
        let mut part = path.clone().into_os_string();
        part.push(format!(".{}.part", std::process::id()));
        let part = PathBuf::from(part);
        {
            use std::io::Write as _;
            let mut file = std::fs::File::create(&part).map_err(failed)?;
            file.write_all(&bytes).map_err(failed)?;
            file.sync_all().map_err(failed)?;
        }
        std::fs::rename(&part, &path).map_err(failed)?;
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
