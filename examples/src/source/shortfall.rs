//! What of a source an outline has joined or left out.

use std::collections::BTreeSet;

use lms_ai::text::normalise_answer;

use super::Source;

/// So many are named; of further ones the number is told.
const NAMED: usize = 5;

/// How the headings of a source fared on their way to a prompt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Headings {
    /// How many there are.
    pub all: usize,
    /// How many were sent.
    pub sent: usize,
    /// Whether each was sent with the whole beginning of its text.
    pub are_whole: bool,
}

impl Source {
    /// Which chapters share a lesson or have none, and which sections have no topic, as lines for whoever asked for
    /// the outline; nothing where every chapter has a lesson and every section a topic. `lessons` are the titles of
    /// lessons, each with those of its topics.
    pub fn shortfall(&self, headings: Headings, lessons: &[(String, Vec<String>)]) -> Vec<String> {
        let mut lines = Vec::new();
        if headings.sent < headings.all {
            lines.push(format!(
                "the source has {} headings; the prompt has room for {} of them, the deepest ones are left out",
                headings.all, headings.sent
            ));
        } else if !headings.are_whole {
            lines.push("the source is long: of the texts below its headings, the prompt has room for less".to_owned());
        }
        let titles: BTreeSet<String> = lessons.iter().flat_map(|(title, _)| names(title)).collect();
        let topics: BTreeSet<String> = lessons.iter().flat_map(|(_, topics)| topics).map(|title| key(title)).collect();
        let (mut joined, mut missing, mut sections) = (Vec::new(), Vec::new(), Vec::new());
        for chapter in &self.chapters {
            let name = key(&chapter.title);
            let own = lessons.iter().any(|(title, _)| is_own(title, &name));
            let inside = |section: &super::Section| topics.contains(&key(&section.title));
            let is_part = titles.contains(&name) || topics.contains(&name) || chapter.sections.iter().any(inside);
            if !own && !is_part {
                missing.push(chapter.title.as_str());
                continue;
            }
            if !own {
                joined.push(chapter.title.as_str());
            }
            let lost = chapter.sections.iter().filter(|section| {
                let title = key(&section.title);
                title != name && !topics.contains(&title) && !titles.contains(&title)
            });
            sections.extend(lost.map(|section| format!("{} ({})", section.title, chapter.title)));
        }
        if !joined.is_empty() {
            lines.push(format!(
                "{} of {} chapters share a lesson with others: {}",
                joined.len(),
                self.chapters.len(),
                named(&joined)
            ));
        }
        if !missing.is_empty() {
            lines.push(format!(
                "{} of {} chapters are in no lesson by name: {}",
                missing.len(),
                self.chapters.len(),
                named(&missing)
            ));
        }
        if !sections.is_empty() {
            let all: usize = self.chapters.iter().map(|chapter| chapter.sections.len()).sum();
            lines.push(format!(
                "{} of {all} sections have no topic of their own: {}",
                sections.len(),
                named(&sections)
            ));
        }
        lines
    }
}

/// Titles as they are compared: without the number that tells equal ones apart.
fn key(title: &str) -> String {
    let bare = title.strip_suffix(')').and_then(|rest| rest.rsplit_once(" ("));
    let bare = bare.filter(|(_, n)| n.bytes().all(|b| b.is_ascii_digit())).map_or(title, |(bare, _)| bare);
    normalise_answer(bare)
}

/// The titles that a lesson is joined from, its own among them.
fn names(title: &str) -> Vec<String> {
    std::iter::once(title).chain(title.split(" – ")).map(key).collect()
}

/// Whether a lesson is the chapter's alone: by its title, or as a part of a chapter that was split.
fn is_own(title: &str, chapter: &str) -> bool {
    if key(title) == chapter {
        return true;
    }
    title.rsplit_once(" – ").is_some_and(|(name, part)| {
        key(name) == chapter
            && part.split_whitespace().next_back().is_some_and(|n| n.bytes().all(|b| b.is_ascii_digit()))
    })
}

fn named<S: AsRef<str>>(titles: &[S]) -> String {
    let first: Vec<String> = titles.iter().take(NAMED).map(|title| format!("\"{}\"", title.as_ref())).collect();
    let more = titles.len().saturating_sub(NAMED);
    if more == 0 { first.join(", ") } else { format!("{}, and {more} more", first.join(", ")) }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;
    use crate::source::{Chapter, Section};

    const WHOLE: Headings = Headings { all: 9, sent: 9, are_whole: true };

    fn source(chapters: &[(&str, &[&str])]) -> Source {
        let section = |title: &&str| Section { title: (*title).to_owned(), markdown: "Text.".to_owned() };
        let chapter = |(title, sections): &(&str, &[&str])| Chapter {
            title: (*title).to_owned(),
            path: PathBuf::new(),
            sections: sections.iter().map(section).collect(),
        };
        Source { title: "Book".to_owned(), chapters: chapters.iter().map(chapter).collect() }
    }

    fn lessons(of: &[(&str, &[&str])]) -> Vec<(String, Vec<String>)> {
        of.iter()
            .map(|(title, topics)| ((*title).to_owned(), topics.iter().map(|t| (*t).to_owned()).collect()))
            .collect()
    }

    #[test]
    fn a_whole_outline_has_nothing_to_say() {
        let book = source(&[("Light", &["Light", "Colour"]), ("Water", &["Rain", "Ice"])]);
        let whole = lessons(&[("Light", &["Light", "Colour"]), ("Water", &["Rain"]), ("Water – Part 2", &["Ice (2)"])]);
        assert_eq!(book.shortfall(WHOLE, &whole), [""; 0]);
    }

    #[test]
    fn what_was_joined_and_cut_is_named_and_counted() {
        let book =
            source(&[("Light", &["Colour"]), ("Water", &["Rain", "Ice"]), ("Soil", &["Sand"]), ("Air", &["Wind"])]);
        let joined = lessons(&[("Light – Water", &["Colour", "Rain"]), ("Soil", &["Sand"])]);
        assert_eq!(
            book.shortfall(Headings { all: 9, sent: 4, are_whole: false }, &joined),
            [
                "the source has 9 headings; the prompt has room for 4 of them, the deepest ones are left out",
                "2 of 4 chapters share a lesson with others: \"Light\", \"Water\"",
                "1 of 4 chapters are in no lesson by name: \"Air\"",
                "1 of 5 sections have no topic of their own: \"Ice (Water)\"",
            ]
        );
        let long = book.shortfall(Headings { are_whole: false, ..WHOLE }, &lessons(&[]));
        assert_eq!(long.len(), 2, "{long:?}");
        let many: Vec<String> = (0..7).map(|n| n.to_string()).collect();
        assert_eq!(named(&many), "\"0\", \"1\", \"2\", \"3\", \"4\", and 2 more");
    }
}
