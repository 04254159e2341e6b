//! The collector of violations that all tasks share.

use std::collections::BTreeSet;

use crate::task_trait::Violation;
use crate::text::{
    TextFault, TextRule, TextStyle, check_text, guess_language, guess_language_beside, normalise_answer, same_language,
    urls_in,
};

/// Collects violations with their JSON pointers.
pub(super) struct Checker {
    known_urls: BTreeSet<String>,
    found: Vec<Violation>,
}

impl Checker {
    /// A checker that lets pass the links which stand in `inputs`.
    pub(super) fn new(inputs: &[&str]) -> Self {
        Self { known_urls: inputs.iter().flat_map(|i| urls_in(i)).collect(), found: Vec::new() }
    }

    /// Adds a violation.
    pub(super) fn add(&mut self, code: &'static str, pointer: impl Into<String>, message: impl Into<String>) {
        self.found.push(super::violation(code, pointer.into(), message.into()));
    }

    /// Checks form, safety and length of a text; bounds are in characters.
    pub(super) fn text(&mut self, pointer: impl Into<String>, text: &str, min: usize, max: usize, style: TextStyle) {
        let pointer = pointer.into();
        let rule = TextRule { min, max, style, known_urls: &self.known_urls };
        for fault in check_text(text, &rule) {
            let message = match fault {
                TextFault::ControlCharacter => "holds a control character".to_owned(),
                TextFault::Untrimmed => "begins or ends with white space".to_owned(),
                TextFault::TooShort => format!("has {} characters, at least {min} are asked for", text.chars().count()),
                TextFault::TooLong => format!("has {} characters, at most {max} are allowed", text.chars().count()),
                TextFault::LineBreak => "must be one line".to_owned(),
                TextFault::ScriptMarkup => "holds a script element".to_owned(),
                TextFault::RawHtml => "holds raw html; put markup that is shown into a code span".to_owned(),
                TextFault::UnsafeLink => "holds a link that runs code or embeds data".to_owned(),
                TextFault::UnknownUrl => "holds a link that the input does not hold; leave links out".to_owned(),
            };
            self.add(fault.code(), pointer.clone(), message);
        }
    }

    /// Checks a one-line text.
    pub(super) fn line(&mut self, pointer: impl Into<String>, text: &str, min: usize, max: usize) {
        self.text(pointer, text, min, max, TextStyle::Line);
    }

    /// Checks a text of several lines.
    pub(super) fn prose(&mut self, pointer: impl Into<String>, text: &str, min: usize, max: usize) {
        self.text(pointer, text, min, max, TextStyle::Prose);
    }

    /// Checks a number of items against an inclusive range.
    pub(super) fn count(
        &mut self,
        code: &'static str,
        pointer: impl Into<String>,
        what: &str,
        n: usize,
        min: usize,
        max: usize,
    ) {
        if n < min || n > max {
            self.add(code, pointer, format!("{n} {what}, asked for are {min} to {max}"));
        }
    }

    /// Checks a number against an inclusive range.
    pub(super) fn range(&mut self, code: &'static str, pointer: impl Into<String>, n: i64, min: i64, max: i64) {
        if n < min || n > max {
            self.add(code, pointer, format!("{n} is not in {min} to {max}"));
        }
    }

    /// Checks that texts differ once case, white space and punctuation are gone.
    pub(super) fn unique<'a>(
        &mut self,
        code: &'static str,
        what: &str,
        texts: impl Iterator<Item = (String, &'a str)>,
    ) {
        let mut seen = BTreeSet::new();
        for (pointer, text) in texts {
            if !seen.insert(normalise_answer(text)) {
                self.add(code, pointer, format!("this {what} is there twice"));
            }
        }
    }

    /// Checks objective keys against the known ones: each known, none twice.
    pub(super) fn objective_keys(&mut self, pointer: &str, keys: &[String], known: &BTreeSet<&str>) {
        let mut seen = BTreeSet::new();
        for (i, key) in keys.iter().enumerate() {
            if !known.contains(key.as_str()) {
                self.add("objective_unknown", format!("{pointer}/{i}"), "no objective has this key");
            } else if !seen.insert(key.as_str()) {
                self.add("objective_duplicate", format!("{pointer}/{i}"), "this key is there twice");
            }
        }
    }

    /// Checks that prose is not clearly in another language than the asked one.
    /// Words of the source do not count: quoting it is no mistake.
    pub(super) fn language(&mut self, pointer: &str, prose: &str, asked: &str, source: &str) {
        if let Some(guess) = guess_language(prose)
            && !same_language(guess, asked)
            && guess_language_beside(prose, source) == Some(guess)
        {
            self.add("wrong_language", pointer, format!("the text must be written in `{asked}`"));
        }
    }

    /// All that was found, in the order in which it was found.
    pub(super) fn finish(self) -> Vec<Violation> {
        self.found
    }
}
