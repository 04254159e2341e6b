//! Short texts (Q8): never a percentage of likeness.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock};

use regex::{Regex, RegexBuilder};
use unicode_normalization::UnicodeNormalization as _;

use crate::model::question::TextKey;

/// NFC, trimmed, inner white space as one space, and without case unless it counts.
pub fn normalised(text: &str, case_sensitive: bool) -> String {
    let composed: String = text.nfc().collect();
    let spaced = composed.split_whitespace().collect::<Vec<_>>().join(" ");
    if case_sensitive { spaced } else { caseless::default_case_fold_str(&spaced).nfc().collect() }
}

/// Whether a text is what one of the keys asks for.
pub(super) fn matches_any(keys: &[TextKey], text: &str, case_sensitive: bool) -> bool {
    let given = normalised(text, case_sensitive);
    keys.iter().any(|key| match key {
        TextKey::Exact { text, edits } => {
            let key = normalised(text, case_sensitive);
            let allowed = if key.chars().count() < 5 { 0 } else { usize::from(*edits) };
            key == given || (allowed > 0 && within(&key, &given, allowed))
        }
        TextKey::Wildcard { pattern } => wildcard(&normalised(pattern, case_sensitive), &given),
        TextKey::Regex { pattern } => compiled(pattern, case_sensitive).is_some_and(|regex| {
            // The expression sees the text as typed, but for white space and NFC: its own flags rule case.
            regex.is_match(&normalised(text, true))
        }),
    })
}

/// Whether two texts are at most `most` edits apart (Levenshtein), in a band of that width.
fn within(a: &str, b: &str, most: usize) -> bool {
    let a: Vec<char> = a.chars().collect();
    let b: Vec<char> = b.chars().collect();
    if a.len().abs_diff(b.len()) > most {
        return false;
    }
    let far = most + 1;
    let mut row: Vec<usize> = (0..=b.len()).map(|n| n.min(far)).collect();
    let mut next = vec![far; b.len() + 1];
    for (i, x) in a.iter().enumerate() {
        let first = i.saturating_sub(most);
        let last = (i + most + 1).min(b.len());
        // The cell left of the band: the edge of the table, or out of reach. No row reads further out, so a row
        // costs the width of the band, however long the texts are.
        if let Some(cell) = next.get_mut(first) {
            *cell = if first == 0 { (i + 1).min(far) } else { far };
        }
        for j in first..last {
            let get = |cells: &[usize], at: usize| cells.get(at).copied().unwrap_or(far);
            let same = b.get(j) == Some(x);
            let change = get(&row, j) + usize::from(!same);
            let cost = change.min(get(&row, j + 1) + 1).min(get(&next, j) + 1).min(far);
            if let Some(cell) = next.get_mut(j + 1) {
                *cell = cost;
            }
        }
        // Right of the band nothing is in reach.
        if let Some(cell) = next.get_mut(last + 1) {
            *cell = far;
        }
        std::mem::swap(&mut row, &mut next);
    }
    row.last().is_some_and(|cost| *cost <= most)
}

/// Whether a text is of a pattern where `*` is any text and `\*` a star.
fn wildcard(pattern: &str, text: &str) -> bool {
    let mut parts: Vec<String> = vec![String::new()];
    let mut chars = pattern.chars().peekable();
    while let Some(c) = chars.next() {
        let star_follows = c == '\\' && chars.peek() == Some(&'*');
        match (c, parts.last_mut()) {
            ('*', _) => parts.push(String::new()),
            (_, Some(part)) if star_follows => {
                chars.next();
                part.push('*');
            }
            (c, Some(part)) => part.push(c),
            (_, None) => {}
        }
    }
    let [first, .., last] = parts.as_slice() else {
        return parts.first().is_some_and(|only| only == text);
    };
    let Some(rest) = text.strip_prefix(first.as_str()) else { return false };
    let Some(mut rest) = rest.strip_suffix(last.as_str()) else { return false };
    // The parts between, each at its first place: greedy is enough, and linear.
    for part in parts.iter().skip(1).take(parts.len() - 2) {
        match rest.find(part.as_str()) {
            Some(at) => rest = rest.get(at + part.len()..).unwrap_or_default(),
            None => return false,
        }
    }
    true
}

/// How large a compiled expression may be.
const REGEX_SIZE: usize = 256 * 1024;
/// How long an expression may be, in characters.
const PATTERN_LENGTH: usize = 1_000;

fn build(pattern: &str, case_sensitive: bool) -> Option<Regex> {
    if pattern.chars().count() > PATTERN_LENGTH {
        return None;
    }
    let build = |pattern: &str| {
        RegexBuilder::new(pattern)
            .case_insensitive(!case_sensitive)
            .size_limit(REGEX_SIZE)
            .dfa_size_limit(REGEX_SIZE)
            .nest_limit(50)
            .build()
            .ok()
    };
    let composed: String = pattern.nfc().collect();
    // By itself first: `a)|(b` is no expression, but would be one between the brackets, and not of the whole
    // text.
    build(&composed)?;
    build(&format!(r"\A(?:{composed})\z"))
}

/// An expression over the whole text, compiled once per process: grading a class compiles it once.
fn compiled(pattern: &str, case_sensitive: bool) -> Option<Arc<Regex>> {
    type Cache = Mutex<HashMap<(String, bool), Arc<Regex>>>;
    static CACHE: OnceLock<Cache> = OnceLock::new();
    let lock = || match CACHE.get_or_init(Cache::default).lock() {
        Ok(guard) => guard,
        Err(poisoned) => poisoned.into_inner(),
    };
    let key = (pattern.to_owned(), case_sensitive);
    if let Some(found) = lock().get(&key) {
        return Some(found.clone());
    }
    let built = Arc::new(build(pattern, case_sensitive)?);
    let mut cache = lock();
    if cache.len() >= 256 {
        cache.clear();
    }
    cache.insert(key, built.clone());
    Some(built)
}

/// What is wrong with a key (Q3, Q8); `None` when nothing is.
pub fn key_problem(key: &TextKey) -> Option<&'static str> {
    match key {
        TextKey::Exact { text, edits } => {
            if normalised(text, false).is_empty() || text.chars().count() > 1_000 {
                Some("must have 1 to 1000 characters")
            } else {
                (*edits > 5).then_some("allows at most 5 edits")
            }
        }
        TextKey::Wildcard { pattern } => (normalised(pattern, false).is_empty()
            || pattern.chars().count() > PATTERN_LENGTH)
            .then_some("must have 1 to 1000 characters"),
        // In both forms: without regard to case an expression is larger.
        TextKey::Regex { pattern } => (pattern.is_empty()
            || [true, false].iter().any(|case_sensitive| build(pattern, *case_sensitive).is_none()))
        .then_some("must be a regular expression of at most 1000 characters that is not too large"),
    }
}
