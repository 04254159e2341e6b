//! Reads a teacher's Markdown, one file or a whole folder, as chapters and
//! sections that an AI workflow can be given as material.

mod folder;
mod markdown;
mod outline;
mod shortfall;
mod titles;

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

pub use shortfall::Headings;

/// The most Markdown files that [`Source::read`] takes from one folder.
pub const MAX_FILES: usize = 2_000;

/// The most bytes of Markdown, all files together, that [`Source::read`] takes (64 MiB).
pub const MAX_BYTES: u64 = 64 * 1024 * 1024;

/// A text to teach from, in reading order.
///
/// Every title is plain text on one line, 3 to 120 characters long. Chapters have titles that
/// differ from one another, and so have the sections of one chapter (case is ignored). There is
/// at least one chapter, and every chapter has at least one section.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// What the whole text is called.
    pub title: String,
    /// Its chapters in reading order, never empty.
    pub chapters: Vec<Chapter>,
}

/// A chapter: of a single file a part under one heading, of a folder one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chapter {
    /// What the chapter is called.
    pub title: String,
    /// The file that it was read from.
    pub path: PathBuf,
    /// Its sections in reading order, never empty.
    pub sections: Vec<Section>,
}

/// The text under one heading.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Section {
    /// What the section is called.
    pub title: String,
    /// CommonMark without raw HTML, images, links and link definitions; code blocks are kept as
    /// they were written. Deeper headings stay in it. Never empty.
    pub markdown: String,
}

/// Why a text could not be read, and which file was the cause.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SourceError {
    /// There is no file and no folder at the path.
    #[error("no file or folder at `{}`", path.display())]
    NotFound {
        /// The path that was asked for.
        path: PathBuf,
    },
    /// The operating system refused to give the file or the folder, or it is neither of the two.
    #[error("cannot read `{}`: {source}", path.display())]
    Unreadable {
        /// The file or folder.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// The file is not text in UTF-8.
    #[error("`{}` is not UTF-8 text: the first wrong byte is at offset {offset}", path.display())]
    NotUtf8 {
        /// The file.
        path: PathBuf,
        /// How many bytes before it are right.
        offset: usize,
    },
    /// The folder and its subfolders hold no Markdown file.
    #[error("no markdown file (*.md, *.markdown) in the folder `{}`", path.display())]
    NoMarkdown {
        /// The folder.
        path: PathBuf,
    },
    /// Nothing is left to read once front matter, headings, images and HTML are taken away.
    #[error("there is no text to read in `{}`", path.display())]
    Empty {
        /// The file or folder that was asked for.
        path: PathBuf,
    },
    /// There is text but not one heading, so that no chapter can be named.
    #[error("there is no heading in `{}`: write at least one line such as `# Title`", path.display())]
    NoHeadings {
        /// The file or folder that was asked for.
        path: PathBuf,
    },
    /// The table of contents of an mdBook names a file that cannot be read.
    #[error("`{}` lists `{listed}`, which is not a markdown file in the folder", summary.display())]
    ListedButMissing {
        /// The SUMMARY.md.
        summary: PathBuf,
        /// The link's target as written there.
        listed: String,
    },
    /// The folder holds more Markdown files than are taken at once.
    #[error("more than {limit} markdown files in the folder `{}`", path.display())]
    TooManyFiles {
        /// The folder.
        path: PathBuf,
        /// [`MAX_FILES`].
        limit: usize,
    },
    /// The text is longer than is taken at once.
    #[error("more than {limit} bytes of markdown in `{}`", path.display())]
    TooLarge {
        /// The file or folder that was asked for.
        path: PathBuf,
        /// [`MAX_BYTES`].
        limit: u64,
    },
}

impl Source {
    /// Reads a Markdown file, or every `*.md` and `*.markdown` file below a folder, into chapters
    /// and sections. Either all of it is read or an error names the file that prevented it.
    ///
    /// **A file:** its only level-1 heading is the title, level 2 begins a chapter and level 3 a
    /// section. A file that uses other levels is read by the levels that it has: the highest
    /// below the title begins chapters, the next sections. Without a title heading the title is
    /// the `title` of the front matter, else the file's name.
    ///
    /// **A folder:** each file is a chapter, named by its first heading (by front matter or the
    /// file's name where it has none); level 2 begins a section. Folders are read in natural order
    /// (`2-x` before `10-x`), README, index and SUMMARY first. Where there is an mdBook's
    /// SUMMARY.md, its links are the order and what it does not list is no part of the book.
    /// Hidden entries and symbolic links inside the folder are left out.
    ///
    /// Text before the first heading of a section is a section named like its chapter. What has
    /// no prose of its own (a heading over nothing, or over code alone) is merged into its
    /// neighbour.
    ///
    /// # Errors
    /// See [`SourceError`]; limits are [`MAX_FILES`] and [`MAX_BYTES`].
    pub fn read(path: impl AsRef<Path>) -> Result<Self, SourceError> {
        let path = path.as_ref();
        let kind = fs::metadata(path).map_err(|error| io_error(path, error))?;
        if kind.is_dir() {
            return folder::read(path);
        }
        if !kind.is_file() {
            return Err(SourceError::Unreadable {
                path: path.to_path_buf(),
                source: io::Error::new(io::ErrorKind::InvalidInput, "neither a file nor a folder"),
            });
        }
        let text = Budget::new(path).read(path)?;
        outline::of_file(path, &text)
    }

    /// The same as AI workflows take it: a chapter is a file, a section a heading of level 2.
    #[must_use]
    pub fn headings(&self) -> lms_ai::task::Source {
        let files = self.chapters.iter().map(|chapter| {
            let sections: Vec<String> =
                chapter.sections.iter().map(|s| format!("## {}\n\n{}\n", s.title, s.markdown.trim())).collect();
            (chapter.title.clone(), format!("# {}\n\n{}", chapter.title, sections.join("\n")))
        });
        lms_ai::task::Source::new(files.collect())
    }

    /// Which headings a prompt of so many bytes has room for, and how they fared.
    #[must_use]
    pub fn outline_within(&self, bytes: usize) -> (Vec<lms_ai::task::SourceSection>, Headings) {
        let headings = self.headings();
        let sent = headings.outline_within(bytes);
        let whole = headings.outline(160);
        let told = Headings { all: whole.len(), sent: sent.len(), are_whole: sent == whole };
        (sent, told)
    }
}

/// How many bytes may still be read on behalf of one call.
struct Budget<'a> {
    root: &'a Path,
    left: u64,
}

impl<'a> Budget<'a> {
    fn new(root: &'a Path) -> Self {
        Self { root, left: MAX_BYTES }
    }

    /// The text of one file, never more of it than the budget allows.
    fn read(&mut self, path: &Path) -> Result<String, SourceError> {
        let file = File::open(path).map_err(|error| io_error(path, error))?;
        let mut bytes = Vec::new();
        file.take(self.left.saturating_add(1)).read_to_end(&mut bytes).map_err(|error| io_error(path, error))?;
        let length = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        self.left = self
            .left
            .checked_sub(length)
            .ok_or_else(|| SourceError::TooLarge { path: self.root.to_path_buf(), limit: MAX_BYTES })?;
        String::from_utf8(bytes).map_err(|error| SourceError::NotUtf8 {
            path: path.to_path_buf(),
            offset: error.utf8_error().valid_up_to(),
        })
    }
}

fn io_error(path: &Path, source: io::Error) -> SourceError {
    let path = path.to_path_buf();
    if source.kind() == io::ErrorKind::NotFound {
        SourceError::NotFound { path }
    } else {
        SourceError::Unreadable { path, source }
    }
}

#[cfg(test)]
mod tests;
