//! A course source: Markdown files, their headings, and the way from a topic back to its text.

use std::ops::Range;

use serde::{Deserialize, Serialize};

use crate::text::{Section, markdown_to_text, normalise_answer, sections, tidy, tokens};

/// A heading of a source with the beginning of its text.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceSection {
    /// 0 for a file, 1 to 6 for a heading in it.
    pub level: u8,
    /// The heading, or the title of the file.
    pub title: String,
    /// The beginning of the text under the heading; empty where none stands there.
    pub excerpt: String,
    /// The number of words under the heading, up to the next one.
    pub words: usize,
}

/// A source of one or more Markdown files in reading order.
#[derive(Debug, Clone, Default)]
pub struct Source {
    files: Vec<(String, String)>,
    /// File, level, title, byte range of the text.
    index: Vec<(usize, u8, String, Range<usize>)>,
    /// The titles as they are compared, one per entry of the index.
    keys: Vec<String>,
}

impl Source {
    /// Reads the files, each as (name, Markdown), in reading order.
    #[must_use]
    pub fn new(files: Vec<(String, String)>) -> Self {
        let mut index = Vec::new();
        for (n, (name, markdown)) in files.iter().enumerate() {
            let found = sections(markdown);
            let intro = found.first().filter(|s| s.level == 0).map_or(0..0, |s| s.body.clone());
            index.push((n, 0, file_title(name, &found), intro));
            index.extend(found.into_iter().filter(|s| s.level > 0).map(|s| (n, s.level, s.title, s.body)));
        }
        let keys = index.iter().map(|(_, _, title, _)| key(title)).collect();
        Self { files, index, keys }
    }

    /// The headings in reading order, each with at most `excerpt_chars` characters of its text.
    ///
    /// A file stands as a section of level 0 where there is more than one file,
    /// or where text stands before its first heading.
    #[must_use]
    pub fn outline(&self, excerpt_chars: usize) -> Vec<SourceSection> {
        self.index
            .iter()
            .filter(|(_, level, _, range)| {
                *level > 0 || self.files.len() > 1 || !range.is_empty() || self.index.len() == 1
            })
            .map(|(file, level, title, range)| {
                let text = markdown_to_text(self.slice(*file, range));
                SourceSection {
                    level: *level,
                    title: tidy(title, 120),
                    words: tokens(&text).len(),
                    excerpt: tidy(&text, excerpt_chars),
                }
            })
            .collect()
    }

    /// The outline with as much of the text as fits: shorter beginnings first, then without the deepest
    /// headings, until its JSON has at most `bytes` bytes. The headings of files and of level 1 always
    /// stay.
    #[must_use]
    pub fn outline_within(&self, bytes: usize) -> Vec<SourceSection> {
        let size = |sections: &[SourceSection]| serde_json::to_string(sections).map_or(0, |json| json.len());
        let mut sections = Vec::new();
        for excerpt in [160, 80, 40, 0] {
            sections = self.outline(excerpt);
            if size(&sections) <= bytes {
                return sections;
            }
        }
        for deepest in (1..6).rev() {
            sections.retain(|section| section.level <= deepest);
            if size(&sections) <= bytes {
                break;
            }
        }
        sections
    }

    /// The Markdown that belongs to a topic of an outline over this source: the
    /// section with the title of the topic inside of the one with the title of
    /// the lesson, with the sections below it. `None` where no heading matches.
    ///
    /// A topic that has the title of its lesson means the text between the
    /// heading of the lesson and the next heading.
    #[must_use]
    pub fn text_for(&self, lesson: &str, topic: &str) -> Option<String> {
        let lesson_at = self.locate(0..self.index.len(), lesson);
        if let Some(at) = lesson_at {
            let (file, _, title, range) = self.index.get(at)?;
            if key(topic) == key(lesson) || key(topic) == key(title) {
                let own = self.slice(*file, range).trim();
                if !own.is_empty() {
                    return Some(own.to_owned());
                }
                // A file and its own heading share a title; the one with text is meant.
                let (file, _, next, range) = self.index.get(at + 1)?;
                let text = self.slice(*file, range).trim();
                return (key(next) == key(title) && !text.is_empty()).then(|| text.to_owned());
            }
        }
        let inside = lesson_at.map_or(0..0, |at| at + 1..self.end_of(at));
        let at = self.locate(inside, topic).or_else(|| self.locate(0..self.index.len(), topic))?;
        self.text_under(at)
    }

    /// The Markdown of a whole lesson: the section with its title and all below it.
    #[must_use]
    pub fn text_for_lesson(&self, lesson: &str) -> Option<String> {
        self.text_under(self.locate(0..self.index.len(), lesson)?)
    }

    /// The text of a section and of all below it.
    fn text_under(&self, at: usize) -> Option<String> {
        let (file, _, _, range) = self.index.get(at)?;
        let end = self.index.get(at..self.end_of(at))?.iter().map(|(_, _, _, r)| r.end).max()?;
        Some(self.slice(*file, &(range.start..end)).trim().to_owned()).filter(|t| !t.is_empty())
    }

    /// The section with a title: as it is, or as the n-th of its name for
    /// `Name (n)`, or the one before a dash for a lesson that was split or joined.
    fn locate(&self, range: Range<usize>, title: &str) -> Option<usize> {
        let find = |title: &str, nth: usize| {
            let wanted = key(title);
            let found: Vec<usize> = self
                .index
                .iter()
                .enumerate()
                .take(range.end)
                .skip(range.start)
                .filter(|(i, _)| self.keys.get(*i).is_some_and(|key| !wanted.is_empty() && *key == wanted))
                .filter(|(i, (_, level, t, _))| {
                    let named_by_file = *level > 0
                        && i.checked_sub(1)
                            .and_then(|i| self.index.get(i))
                            .is_some_and(|(_, l, above, _)| *l == 0 && above == t);
                    !named_by_file
                })
                .map(|(i, _)| i)
                .collect();
            found.get(nth).or(found.last()).copied()
        };
        find(title, 0)
            .or_else(|| {
                let (name, n) = title.strip_suffix(')')?.rsplit_once(" (")?;
                find(name, n.parse::<usize>().ok()?.checked_sub(1)?)
            })
            .or_else(|| title.rmatch_indices(" – ").find_map(|(at, _)| find(title.get(..at)?, 0)))
    }

    /// The index past the last section below the one at `at`.
    fn end_of(&self, at: usize) -> usize {
        let Some((file, level, _, _)) = self.index.get(at) else {
            return at;
        };
        let below = self.index.iter().skip(at + 1).take_while(|(f, l, _, _)| f == file && l > level).count();
        at + 1 + below
    }

    fn slice(&self, file: usize, range: &Range<usize>) -> &str {
        self.files.get(file).and_then(|(_, text)| text.get(range.clone())).unwrap_or("")
    }
}

/// Titles are compared as the outline writes them: without case, space and
/// punctuation, and without the number that tells equal titles apart.
fn key(title: &str) -> String {
    normalise_answer(&tidy(title, 120))
}

/// The first heading of level 1, else the name without folders, extension and leading number.
fn file_title(name: &str, found: &[Section]) -> String {
    if let Some(section) = found.iter().find(|s| s.level == 1 && !s.title.is_empty()) {
        return section.title.clone();
    }
    let base = name.rsplit(['/', '\\']).next().unwrap_or(name);
    let stem = base.rsplit_once('.').map_or(base, |(s, _)| s);
    let words = stem
        .trim_start_matches(|c: char| c.is_ascii_digit() || c == '-' || c == '_' || c == ' ')
        .replace(['-', '_'], " ");
    if words.trim().is_empty() { stem.to_owned() } else { words.trim().to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn source() -> Source {
        Source::new(vec![
            ("a/01-plants.md".into(), "# Plants\n\nIntro of plants.\n\n## Light\n\nText of light.\n\n### Colour\n\nGreen.\n\n## Water\n\nText of water.\n".into()),
            ("02_soil-types.md".into(), "Loose text.\n\n## Light\n\nLight in soil.\n".into()),
        ])
    }

    #[test]
    fn the_outline_follows_files_and_headings() {
        let shape: Vec<_> = source().outline(40).into_iter().map(|s| (s.level, s.title, s.words)).collect();
        assert_eq!(
            shape,
            vec![
                (0, "Plants".into(), 0),
                (1, "Plants".into(), 3),
                (2, "Light".into(), 3),
                (3, "Colour".into(), 1),
                (2, "Water".into(), 3),
                (0, "soil types".into(), 2),
                (2, "Light".into(), 3),
            ]
        );
    }

    #[test]
    fn an_outline_fits_where_it_can() {
        let files = (0..200).map(|n| {
            let deep: String =
                (0..20).map(|k| format!("### Part {k}\n\nSome words about part {k} of {n}.\n\n")).collect();
            (format!("{n}.md"), format!("# Chapter {n}\n\n## Section\n\n{deep}"))
        });
        let source = Source::new(files.collect());
        let size = |s: &[SourceSection]| serde_json::to_string(s).unwrap().len();
        let whole = source.outline(160);
        assert_eq!(source.outline_within(usize::MAX), whole);
        let shorter = source.outline_within(size(&whole) - 1);
        assert_eq!(shorter.len(), whole.len());
        let fewer = source.outline_within(60_000);
        assert!(size(&fewer) <= 60_000 && fewer.iter().all(|s| s.level < 3));
        assert_eq!(fewer.iter().filter(|s| s.level == 1).count(), 200);
    }

    #[test]
    fn a_topic_finds_its_text_inside_of_its_lesson() {
        let s = source();
        assert_eq!(s.text_for("Plants", "Light").as_deref(), Some("Text of light.\n\n### Colour\n\nGreen."));
        assert_eq!(s.text_for("soil types", "light").as_deref(), Some("Light in soil."));
        assert_eq!(s.text_for("Plants", "Plants").as_deref(), Some("Intro of plants."));
        assert_eq!(s.text_for("Plants", "Nothing"), None);
        assert_eq!(s.text_for("Nothing", "Light (2)").as_deref(), Some("Light in soil."));
        assert_eq!(s.text_for("Plants – Part 2", "Water").as_deref(), Some("Text of water."));
        assert!(s.text_for_lesson("Water").is_some_and(|t| t == "Text of water."));
    }

    proptest! {
        #[test]
        fn odd_markdown_never_panics(text in "[#\n a-c`=-]{0,80}", lesson in "[a-c ]{0,4}", topic in "[a-c ]{0,4}") {
            let s = Source::new(vec![(String::new(), text.clone()), ("x.md".into(), text)]);
            let _ = s.text_for(&lesson, &topic);
            let _ = s.text_for_lesson(&lesson);
            prop_assert!(s.outline(20).iter().all(|o| o.excerpt.chars().count() <= 20));
        }
    }
}
