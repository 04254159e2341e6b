//! Folding of typography, and the verbatim match of a quote in a text.

use std::ops::Range;

/// The least length of a quote in folded characters, unless the whole text is shorter.
pub const MIN_QUOTE_CHARS: usize = 12;

/// A folded text that remembers where each of its characters came from.
///
/// Runs of white space are one space, curly quotes are straight, en and em
/// dashes are `-`, and invisible format characters are gone. Letter case stays.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Folded {
    text: String,
    /// One entry a folded character: its byte in `text`, and its byte range in the original.
    table: Vec<Entry>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Entry {
    at: usize,
    from: usize,
    to: usize,
}

impl Folded {
    /// The folded text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The number of folded characters.
    #[must_use]
    pub fn chars(&self) -> usize {
        self.table.len()
    }

    /// The byte range in the original text of a byte range in the folded one.
    ///
    /// `None` when the range is empty, reversed, or does not lie on character borders.
    #[must_use]
    pub fn original(&self, folded: Range<usize>) -> Option<Range<usize>> {
        if folded.start >= folded.end {
            return None;
        }
        let first = self.table.binary_search_by_key(&folded.start, |e| e.at).ok()?;
        let past = if folded.end == self.text.len() {
            self.table.len()
        } else {
            self.table.binary_search_by_key(&folded.end, |e| e.at).ok()?
        };
        let last = past.checked_sub(1)?;
        Some(self.table.get(first)?.from..self.table.get(last)?.to)
    }

    /// Every place, in reading order, where the folded `quote` stands in this
    /// text, as byte ranges of the original. Overlapping places are all given.
    ///
    /// A quote of fewer than [`MIN_QUOTE_CHARS`] folded characters has no place,
    /// unless it is the whole (trimmed) text.
    pub fn places<'a>(&'a self, quote: &str) -> impl Iterator<Item = Range<usize>> + 'a {
        let quote = fold(quote).text.trim().to_owned();
        let chars = quote.chars().count();
        let usable = chars >= MIN_QUOTE_CHARS || (chars > 0 && quote == self.text.trim());
        let mut from = 0;
        std::iter::from_fn(move || {
            if !usable {
                return None;
            }
            let rest = self.text.get(from..)?;
            let at = from + rest.find(&quote)?;
            from = at + quote.chars().next().map_or(1, char::len_utf8);
            self.original(at..at + quote.len())
        })
    }
}

/// Folds a text; see [`Folded`]. Takes time and memory linear in the text.
#[must_use]
pub fn fold(text: &str) -> Folded {
    fold_without(text, is_dropped)
}

/// Like [`fold`], for a text that was sent without its invisible characters:
/// tag characters are gone too, as they are from what a model could quote.
pub(crate) fn fold_stripped(text: &str) -> Folded {
    fold_without(text, super::scan::is_stripped)
}

fn fold_without(text: &str, dropped: impl Fn(char) -> bool) -> Folded {
    let mut out = String::with_capacity(text.len());
    let mut table: Vec<Entry> = Vec::with_capacity(text.len());
    let mut in_space = false;
    for (from, c) in text.char_indices() {
        if dropped(c) {
            continue;
        }
        let to = from + c.len_utf8();
        if c.is_whitespace() {
            if in_space {
                if let Some(last) = table.last_mut() {
                    last.to = to;
                }
                continue;
            }
            in_space = true;
            table.push(Entry { at: out.len(), from, to });
            out.push(' ');
            continue;
        }
        in_space = false;
        table.push(Entry { at: out.len(), from, to });
        out.push(fold_char(c));
    }
    Folded { text: out, table }
}

/// The byte range in `text` of the first place where `quote` stands verbatim,
/// typography aside; `None` when it does not, or is too short to prove anything.
///
/// There is no fuzzy matching: one changed word is a failure.
#[must_use]
pub fn find_evidence(quote: &str, text: &str) -> Option<Range<usize>> {
    fold(text).places(quote).next()
}

pub(super) fn is_dropped(c: char) -> bool {
    matches!(
        c,
        '\u{00AD}'
            | '\u{200B}'..='\u{200F}'
            | '\u{202A}'..='\u{202E}'
            | '\u{2060}'..='\u{2069}'
            | '\u{FEFF}'
    )
}

fn fold_char(c: char) -> char {
    match c {
        '\u{2018}' | '\u{2019}' | '\u{201A}' | '\u{201B}' => '\'',
        '\u{201C}' | '\u{201D}' | '\u{201E}' | '\u{201F}' => '"',
        '\u{2013}' | '\u{2014}' => '-',
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn evidence_matches_across_typography() {
        let text = "He said:\n\u{201C}plants\u{00A0}need \u{200B}light\u{201D} \u{2014} and it\u{2019}s true.";
        let range = find_evidence("\"plants need light\" - and it's", text).expect("found");
        assert_eq!(&text[range], "\u{201C}plants\u{00A0}need \u{200B}light\u{201D} \u{2014} and it\u{2019}s");
    }

    #[test]
    fn evidence_keeps_case_and_words() {
        let text = "Photosynthesis turns light into sugar.";
        assert!(find_evidence("photosynthesis turns light", text).is_none());
        assert!(find_evidence("Photosynthesis turned light", text).is_none());
        assert!(find_evidence("Photosynthesis turns light", text).is_some());
    }

    #[test]
    fn short_quotes_prove_nothing_unless_they_are_the_whole_text() {
        assert!(find_evidence("turns light", "Photosynthesis turns light into").is_none());
        assert_eq!(find_evidence("forty two", "  forty\ttwo "), Some(2..11));
        assert!(find_evidence("", "").is_none());
        assert!(find_evidence(" ", " ").is_none());
    }

    #[test]
    fn the_offsets_skip_soft_hyphens_and_marks() {
        let text = "\u{FEFF}Chloro\u{00AD}phyll absorbs\u{202E} light\u{2066}.";
        let range = find_evidence("Chlorophyll absorbs light.", text).expect("found");
        assert_eq!(range.start, '\u{FEFF}'.len_utf8());
        assert_eq!(range.end, text.len());
    }

    #[test]
    fn all_places_are_given() {
        let places: Vec<_> = fold("abcabcabcabcabcabc").places("abcabcabcabc").collect();
        assert_eq!(places, vec![0..12, 3..15, 6..18]);
    }

    proptest! {
        #[test]
        fn the_original_range_folds_to_the_quote(text in "\\PC{0,80}|[ a-c\u{200B}\u{2019}\u{00A0}\n]{0,80}", a in 0usize..80, n in 1usize..40) {
            let folded = fold(&text);
            let quote: String = folded.as_str().chars().skip(a).take(n).collect();
            if let Some(range) = find_evidence(&quote, &text) {
                let slice = text.get(range).expect("on character borders");
                let again = fold(slice);
                prop_assert_eq!(again.as_str().trim(), quote.trim());
            } else {
                let q = quote.trim();
                prop_assert!(q.chars().count() < MIN_QUOTE_CHARS);
            }
        }

        #[test]
        fn folding_is_idempotent(text in any::<String>()) {
            let once = fold(&text);
            let twice = fold(once.as_str());
            prop_assert_eq!(twice.as_str(), once.as_str());
        }
    }
}
