//! Titles: one line of plain text, neither too short nor too long, none twice.

use std::collections::HashSet;
use std::path::Path;

/// Shortest title, in characters.
pub(super) const MIN: usize = 3;
/// Longest title, in characters.
pub(super) const MAX: usize = 120;

/// Hands out titles that differ from one another, whatever their case.
#[derive(Default)]
pub(super) struct Titles {
    taken: HashSet<String>,
}

impl Titles {
    /// The wished title, cleaned. `kind` and `number` ("Chapter", 3) stand in for one that is
    /// empty and complete one that is too short.
    pub(super) fn take(&mut self, wish: &str, kind: &str, number: usize) -> String {
        let clean = one_line(wish);
        let base = match clean.chars().count() {
            0 => format!("{kind} {number}"),
            n if n < MIN => format!("{clean} ({kind} {number})"),
            _ => shorten(&clean, MAX),
        };
        let mut title = base.clone();
        let mut copy = 2_usize;
        while !self.taken.insert(title.to_lowercase()) {
            let mark = format!(" ({copy})");
            title = shorten(&base, MAX.saturating_sub(mark.chars().count())) + &mark;
            copy = copy.saturating_add(1);
        }
        title
    }
}

/// A file's name without its extension, as words.
pub(super) fn of_path(path: &Path) -> String {
    let name = path.file_stem().unwrap_or(path.as_os_str());
    of_name(&name.to_string_lossy())
}

/// A name as words: no leading number, no dashes, a capital first.
pub(super) fn of_name(name: &str) -> String {
    let words = name.replace(['-', '_'], " ");
    let unnumbered = words.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.' || c == ' ').trim();
    let chosen = if unnumbered.is_empty() { words.trim() } else { unnumbered };
    let mut letters = chosen.chars();
    match letters.next() {
        Some(first) => first.to_uppercase().chain(letters).collect(),
        None => String::new(),
    }
}

/// White space and control characters collapsed to single spaces; marks without width dropped.
fn one_line(text: &str) -> String {
    text.split(|c: char| c.is_whitespace() || c.is_control())
        .map(|word| word.replace(['\u{200b}', '\u{200e}', '\u{200f}', '\u{2060}', '\u{feff}', '\u{ad}'], ""))
        .filter(|word| !word.is_empty())
        .collect::<Vec<_>>()
        .join(" ")
}

/// At most `max` characters, cut between words where that costs less than half of them.
fn shorten(text: &str, max: usize) -> String {
    if text.chars().count() <= max {
        return text.to_owned();
    }
    let head: String = text.chars().take(max.saturating_sub(1)).collect();
    let kept = match head.rsplit_once(' ') {
        Some((words, _)) if words.chars().count() * 2 >= max => words,
        _ => head.as_str(),
    };
    format!("{}…", kept.trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn titles_are_cleaned_completed_and_made_unique() {
        let mut titles = Titles::default();
        assert_eq!(titles.take("  The\u{200b} \t Moon\n", "Chapter", 1), "The Moon");
        assert_eq!(titles.take("the moon", "Chapter", 2), "the moon (2)");
        assert_eq!(titles.take("THE MOON", "Chapter", 3), "THE MOON (3)");
        assert_eq!(titles.take("", "Chapter", 4), "Chapter 4");
        assert_eq!(titles.take("Go", "Chapter", 5), "Go (Chapter 5)");
        assert_eq!(titles.take("\u{0}\u{7f}", "Section", 6), "Section 6");
    }

    #[test]
    fn long_titles_are_cut_between_words_and_stay_unique() {
        let mut titles = Titles::default();
        let long = "word ".repeat(60);
        let first = titles.take(&long, "Chapter", 1);
        let second = titles.take(&long, "Chapter", 2);
        assert!(first.ends_with("word…"), "{first}");
        assert!(second.ends_with("… (2)"), "{second}");
        assert!(first.chars().count() <= MAX && second.chars().count() <= MAX);
        let unbroken = titles.take(&"x".repeat(500), "Chapter", 3);
        assert_eq!(unbroken.chars().count(), MAX);
    }

    #[test]
    fn a_file_name_becomes_words() {
        assert_eq!(of_path(Path::new("a/02-the_moon.md")), "The moon");
        assert_eq!(of_path(Path::new("2024.md")), "2024");
        assert_eq!(of_path(Path::new("..")), "..");
    }
}
