//! Reads marks or work from CSV.

mod parse;
mod rubric;

use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use lms_ai::evaluate::{EvaluateError, Marked, Scale};
use lms_core::model::Points;

pub use rubric::Criterion;

/// The largest file, in bytes.
pub const MAX_BYTES: u64 = 256 * 1024 * 1024;

/// What of the scale is known before the file is read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Wanted {
    /// The least and the greatest mark; from 0 to the greatest mark of the file where it is not given.
    pub range: Option<(Points, Points)>,
    /// The step; whole points where it is not given.
    pub step: Option<Points>,
}

/// What a file holds.
#[derive(Debug, Clone, PartialEq)]
pub struct Sheet {
    /// The scale of the marks.
    pub scale: Scale,
    /// Whether the scale was told; else it is that of the marks that occur.
    pub scale_told: bool,
    /// The rows.
    pub form: Form,
    /// Columns that nobody reads.
    pub unused: Vec<String>,
}

/// Rows of one of the two forms.
#[derive(Debug, Clone, PartialEq)]
pub enum Form {
    /// Marks by people and by a grader.
    Marks(Vec<Marked>),
    /// Work with marks by people, for a grader to be run on.
    Work(Vec<Work>),
}

/// A piece of work that people have marked.
#[derive(Debug, Clone, PartialEq)]
pub struct Work {
    /// What the file calls it; the number of its line where it has no name.
    pub id: String,
    /// The mark of the person whom the grader is compared with.
    pub human: Points,
    /// The mark of a second person.
    pub second: Option<Points>,
    /// The work.
    pub text: String,
    /// What was asked for.
    pub instructions: String,
    /// The language of the feedback.
    pub language: String,
    /// The rubric; one criterion where the file has none.
    pub criteria: Vec<Criterion>,
}

/// Why a file cannot be used, and where.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SheetError {
    /// The operating system does not give it.
    #[error("cannot read `{}`: {source}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// It is too large.
    #[error("`{}` has more than {limit} bytes", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// [`MAX_BYTES`].
        limit: u64,
    },
    /// It is not UTF-8.
    #[error("line {line}: the file is not UTF-8 text; save it as UTF-8")]
    NotUtf8 {
        /// The line with the first wrong byte.
        line: u64,
    },
    /// There is not even a header.
    #[error("the file is empty; its first line has to name the columns, such as `id,human,ai`")]
    Empty,
    /// There is a header and nothing below it.
    #[error("the file has a header and no rows")]
    NoRows,
    /// A column is missing.
    #[error("line 1: there is no column {wanted}; the header has {}", listed(found))]
    MissingColumn {
        /// What is looked for.
        wanted: &'static str,
        /// What is there.
        found: Vec<String>,
    },
    /// A column is there twice.
    #[error("line 1: the column `{column}` is there twice")]
    DuplicateColumn {
        /// Its name.
        column: String,
    },
    /// A row has more or fewer fields than the header.
    #[error("line {line}: {found} fields, the header has {expected}")]
    FieldCount {
        /// The line in which the row begins.
        line: u64,
        /// How many it has.
        found: u64,
        /// How many the header has.
        expected: u64,
    },
    /// A quoted field has no end.
    #[error("line {line}: a quote is opened here or below and never closed")]
    OpenQuote {
        /// The line in which the last row begins.
        line: u64,
    },
    /// A field holds what it may not.
    #[error("line {line}, column `{column}`: {problem}")]
    Field {
        /// The line in which the row begins.
        line: u64,
        /// The column.
        column: String,
        /// What is wrong.
        problem: Problem,
    },
    /// The scale is none.
    #[error(transparent)]
    Scale(#[from] EvaluateError),
    /// A grader marks from 0 upwards.
    #[error("a grader that is run marks from 0, so that the range has to begin there, not at {min}")]
    NotFromZero {
        /// Where the range begins.
        min: Points,
    },
}

/// What is wrong with a field.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Problem {
    /// It is empty.
    #[error("there is nothing")]
    Missing,
    /// It is no mark.
    #[error("`{said}` is no mark: a mark is a decimal number such as 3 or 3.5")]
    NotAMark {
        /// What stands there, shortened.
        said: String,
    },
    /// The mark is not on the scale.
    #[error("{mark} is not on the scale from {} to {} in steps of {}", scale.min(), scale.max(), scale.step())]
    OffScale {
        /// The mark.
        mark: Points,
        /// The scale.
        scale: Scale,
    },
    /// Marks below 0 need a range that is told.
    #[error("{mark} is below 0; tell the range of the rubric with --range")]
    BelowZero {
        /// The mark.
        mark: Points,
    },
    /// The rubric cannot be read.
    #[error("criterion {number} is not `title | points | description` with points above 0")]
    NotACriterion {
        /// Which line of the rubric, from 1.
        number: usize,
    },
    /// Two criteria have one title.
    #[error("criterion {number} has the title of another")]
    SameCriterion {
        /// Which line of the rubric, from 1.
        number: usize,
    },
    /// The points of the rubric are not those of the scale.
    #[error("the criteria are worth {total} points together, the greatest mark is {max}")]
    OtherTotal {
        /// Their sum.
        total: Points,
        /// The end of the scale.
        max: Points,
    },
}

fn listed(names: &[String]) -> String {
    names.iter().take(20).map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

impl Sheet {
    /// Reads a file; `-` is standard input. See `evaluate_grader --help` for what it may hold.
    ///
    /// # Errors
    /// See [`SheetError`]; nothing is guessed and no row is left out.
    pub fn read(path: &Path, wanted: Wanted) -> Result<Self, SheetError> {
        let failed = |source| SheetError::Unreadable { path: path.to_path_buf(), source };
        let mut bytes = Vec::new();
        let most = MAX_BYTES.saturating_add(1);
        if path.as_os_str() == "-" {
            io::stdin().lock().take(most).read_to_end(&mut bytes).map_err(failed)?;
        } else {
            File::open(path).map_err(failed)?.take(most).read_to_end(&mut bytes).map_err(failed)?;
        }
        if bytes.len() as u64 > MAX_BYTES {
            return Err(SheetError::TooLarge { path: path.to_path_buf(), limit: MAX_BYTES });
        }
        Self::parse(&bytes, wanted)
    }

    /// The same from the bytes of a file.
    ///
    /// # Errors
    /// See [`SheetError`].
    pub fn parse(bytes: &[u8], wanted: Wanted) -> Result<Self, SheetError> {
        parse::sheet(bytes, wanted)
    }
}

#[cfg(test)]
mod tests;
