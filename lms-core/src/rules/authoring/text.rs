//! Checks of single fields, collected so that a caller hears of all at once.

use crate::error::{Error, Problem};
use crate::model::table::Json;

/// Whether a word is a code of why something failed: 1 to 64 of a-z, 0-9, `.` and `_`.
pub fn is_code(code: &str) -> bool {
    let of_code = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '.' | '_');
    (1..=64).contains(&code.len()) && code.chars().all(of_code)
}

/// Collects problems.
#[derive(Debug, Default)]
pub struct Checks {
    /// What was found.
    pub problems: Vec<Problem>,
}

impl Checks {
    /// Adds one.
    pub fn add(&mut self, code: &'static str, field: impl Into<String>, message: impl Into<String>) {
        self.problems.push(Problem::new(code, field, message));
    }

    /// A line of text: `min` to `max` characters after trimming, no control characters.
    pub fn text(&mut self, field: &str, text: &str, min: usize, max: usize) {
        let count = text.trim().chars().count();
        if count < min && min == 1 {
            self.add("text.empty", field, "must not be empty");
        } else if count < min || text.chars().count() > max {
            self.add("text.length", field, format!("must have {min} to {max} characters"));
        }
        if text.chars().any(char::is_control) {
            self.add("text.control", field, "must not hold control characters");
        }
    }

    /// A longer text of at most `max` characters; no U+0000.
    pub fn long_text(&mut self, field: &str, text: &str, max: usize) {
        if text.len() > max && text.chars().count() > max {
            self.add("text.length", field, format!("must have at most {max} characters"));
        }
        if text.contains('\0') {
            self.add("text.nul", field, "must not hold the character U+0000");
        }
    }

    /// A whole document of at most `max` bytes of UTF-8; no U+0000 (L7).
    pub fn document(&mut self, field: &str, text: &str, max: usize) {
        if text.len() > max {
            self.add("text.length", field, format!("must have at most {max} bytes"));
        }
        if text.contains('\0') {
            self.add("text.nul", field, "must not hold the character U+0000");
        }
    }

    /// A number within bounds, where there is one.
    pub fn range(&mut self, field: &str, value: Option<i64>, min: i64, max: i64) {
        if value.is_some_and(|value| !(min..=max).contains(&value)) {
            self.add("number.range", field, format!("must be between {min} and {max}"));
        }
    }

    /// An https URL or an asset key.
    pub fn url(&mut self, field: &str, url: &str) {
        let scheme_free = !url.contains(':') && !url.starts_with('/');
        let fits = (url.starts_with("https://") && url.len() > 8) || scheme_free;
        if !fits || url.is_empty() || url.len() > 2_000 || url.chars().any(|c| c.is_control() || c.is_whitespace()) {
            self.add("url.invalid", field, "must be an https URL or an asset key of at most 2000 characters");
        }
    }

    /// An IANA zone name.
    pub fn zone(&mut self, field: &str, zone: &str) {
        if zone.parse::<chrono_tz::Tz>().is_err() {
            self.add("zone.unknown", field, format!("`{}` is not an IANA time zone", clipped(zone)));
        }
    }

    /// A BCP 47 tag, by its form.
    pub fn language(&mut self, field: &str, tag: &str) {
        let mut parts = tag.split('-');
        let first = parts.next().unwrap_or_default();
        let fits = (2..=8).contains(&first.len())
            && first.bytes().all(|b| b.is_ascii_alphabetic())
            && parts.all(|p| (1..=8).contains(&p.len()) && p.bytes().all(|b| b.is_ascii_alphanumeric()))
            && tag.len() <= 35;
        if !fits {
            self.add("language.invalid", field, format!("`{}` is not a language tag (BCP 47)", clipped(tag)));
        }
    }

    /// A JSON object of at most 16 KiB (L8).
    pub fn metadata(&mut self, json: &Json) {
        if json.as_str().len() > 16 * 1024 {
            self.add("metadata.size", "metadata", "must be at most 16 KiB");
        } else if !json.read::<serde_json::Value>().is_ok_and(|value| value.is_object()) {
            self.add("metadata.object", "metadata", "must be a JSON object");
        } else if json.as_str().contains("\\u0000") {
            self.add("text.nul", "metadata", "must not hold the character U+0000");
        }
    }

    /// Nothing found, or the error that lists it all.
    ///
    /// # Errors
    /// Invalid with every problem.
    pub fn done(self) -> Result<(), Error> {
        refuse(self.problems)
    }
}

/// What an error quotes of an input: its first 60 characters, so that an error is never as long as what
/// it refuses.
pub(crate) fn clipped(text: &str) -> std::borrow::Cow<'_, str> {
    match text.char_indices().nth(60) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()).into(),
        None => text.into(),
    }
}

/// An error lists no more problems than this.
pub(crate) const PROBLEMS: usize = 1_000;

/// No problems, or the error that lists them.
///
/// # Errors
/// Invalid with every problem, up to the thousandth.
pub fn refuse(mut problems: Vec<Problem>) -> Result<(), Error> {
    problems.truncate(PROBLEMS);
    if problems.is_empty() { Ok(()) } else { Err(Error::Invalid { problems }) }
}
