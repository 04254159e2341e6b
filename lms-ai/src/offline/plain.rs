//! Text from a source, made fit for a field.

use std::collections::BTreeSet;

use crate::text::{TextFault, TextRule, TextStyle, check_text, normalise_answer, tidy};

/// The text as one line of at most `max` characters that passes every check on
/// safety, or an empty text where nothing is left of it.
pub(super) fn safe(text: &str, max: usize) -> String {
    let mut out = tidy(text, max);
    if faults(&out).is_empty() {
        return out;
    }
    let words: Vec<&str> = out.split(' ').filter(|w| !has_link(w)).collect();
    out = words.join(" ").replace('<', "‹").replace('>', "›").replace("](", "] (").replace("]:", "] :");
    if faults(&out).is_empty() {
        return out;
    }
    out = out.replace(['[', ']', '`', '&', '\\'], " ").replace(':', " ");
    out = tidy(&out, max);
    if faults(&out).is_empty() { out } else { String::new() }
}

/// Whether a text passes every check on safety as it is; no link is known.
pub(super) fn is_safe(text: &str) -> bool {
    faults(text).is_empty()
}

fn faults(text: &str) -> Vec<TextFault> {
    let none = BTreeSet::new();
    check_text(text, &TextRule { min: 0, max: usize::MAX, style: TextStyle::Line, known_urls: &none })
}

fn has_link(word: &str) -> bool {
    let word = word.to_ascii_lowercase();
    ["://", "www.", "mailto:", "script:", "data:"].iter().any(|m| word.contains(m))
}

/// The text, or the first of the others that is long enough, or the last one.
pub(super) fn long_enough<const N: usize>(min: usize, choices: [String; N]) -> String {
    let mut last = String::new();
    for text in choices {
        if text.chars().count() >= min {
            return text;
        }
        if text.chars().count() > last.chars().count() {
            last = text;
        }
    }
    last
}

/// Titles that differ: a second one of the same name gets a number.
#[derive(Debug, Default)]
pub(super) struct Titles(BTreeSet<String>);

impl Titles {
    /// The title within `min` to `max` characters, with a number where it is taken.
    pub(super) fn take(&mut self, title: &str, fallback: &str, min: usize, max: usize) -> String {
        let title = safe(title, max);
        let mut title = if normalise_answer(&title).is_empty() { safe(fallback, max) } else { title };
        if title.chars().count() < min {
            title = tidy(&format!("{} {title}", safe(fallback, max)), max);
        }
        while title.chars().count() < min {
            title.push('·');
        }
        let mut n = 1usize;
        let mut shown = title.clone();
        while !self.0.insert(normalise_answer(&shown)) {
            n += 1;
            let number = format!(" ({n})");
            shown = format!("{}{number}", tidy(&title, max.saturating_sub(number.len())));
        }
        shown
    }
}
