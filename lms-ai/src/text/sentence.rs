//! A sentence splitter that knows no language.

use std::ops::Range;

/// The sentences of a text as byte ranges, trimmed, in reading order.
///
/// A sentence ends at `.`, `!`, `?`, `…` before white space or the end, at a
/// CJK or Devanagari full stop, or at an empty line. A full stop after a number, a single letter or a
/// short abbreviation before a lower-case word ends nothing.
#[must_use]
pub fn sentences(text: &str) -> Vec<Range<usize>> {
    let mut out = Vec::new();
    let mut start = 0;
    let mut chars = text.char_indices().peekable();
    let mut word = String::new();
    while let Some((at, c)) = chars.next() {
        let next = chars.peek().map(|(_, n)| *n);
        let end = at + c.len_utf8();
        let ends = match c {
            '。' | '！' | '？' | '।' | '॥' | '۔' => true,
            '\n' => text.get(end..).is_some_and(blank_line_follows),
            '!' | '?' | '…' | '؟' => next.is_none_or(char::is_whitespace),
            '.' => next.is_none_or(char::is_whitespace) && !is_abbreviation(&word, text.get(end..).unwrap_or("")),
            _ => false,
        };
        // Closing quotes and brackets belong to the sentence they close.
        if matches!(c, '.' | '!' | '?' | '…') && next.is_some_and(is_closer) {
            let tail = text.get(end..).unwrap_or("");
            let closers: usize = tail.chars().take_while(|c| is_closer(*c)).map(char::len_utf8).sum();
            if tail.get(closers..).is_none_or(|t| t.is_empty() || t.starts_with(char::is_whitespace)) {
                while chars.peek().is_some_and(|(_, n)| is_closer(*n)) {
                    chars.next();
                }
                push(text, start..end + closers, &mut out);
                start = end + closers;
                word.clear();
                continue;
            }
        }
        if ends {
            push(text, start..end, &mut out);
            start = end;
            word.clear();
        } else if c.is_alphanumeric() || c == '.' {
            word.push(c);
        } else {
            word.clear();
        }
    }
    push(text, start..text.len(), &mut out);
    out
}

fn blank_line_follows(rest: &str) -> bool {
    rest.split_inclusive('\n').next().is_some_and(|line| line.ends_with('\n') && line.trim().is_empty())
}

fn is_closer(c: char) -> bool {
    matches!(c, '"' | '\'' | ')' | ']' | '\u{201D}' | '\u{2019}' | '»' | '“' | '*' | '_')
}

fn is_abbreviation(word: &str, rest: &str) -> bool {
    let letters = word.chars().count();
    let next = rest.trim_start().chars().next();
    let lower_follows = next.is_some_and(char::is_lowercase);
    if word.contains('.') && lower_follows {
        return true; // "e.g. a", "z.B. das"
    }
    if word.chars().all(|c| c.is_ascii_digit()) && letters <= 2 {
        return lower_follows || next.is_some_and(|c| c.is_uppercase()) && letters > 0 && is_list_number(word);
    }
    if letters == 1 && word.chars().all(char::is_uppercase) {
        return next.is_some(); // an initial
    }
    (letters <= 4 && lower_follows)
        || matches!(
            word,
            "Dr" | "Mr" | "Mrs" | "Ms" | "Prof" | "St" | "No" | "Nr" | "Fig" | "Abb" | "Hr" | "Fr" | "Sr" | "Sra"
        )
}

fn is_list_number(word: &str) -> bool {
    word.parse::<u8>().is_ok_and(|n| n < 32)
}

fn push(text: &str, range: Range<usize>, out: &mut Vec<Range<usize>>) {
    let Some(slice) = text.get(range.clone()) else {
        return;
    };
    let start = range.start + (slice.len() - slice.trim_start().len());
    let end = start + slice.trim().len();
    if start < end {
        out.push(start..end);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn split(text: &str) -> Vec<&str> {
        sentences(text).into_iter().map(|r| &text[r]).collect()
    }

    #[test]
    fn it_splits_prose() {
        assert_eq!(
            split("Plants make sugar. They need light!\n\nWhy? \"Because.\" Done"),
            vec!["Plants make sugar.", "They need light!", "Why?", "\"Because.\"", "Done"]
        );
    }

    #[test]
    fn abbreviations_and_numbers_do_not_end_a_sentence() {
        assert_eq!(
            split("Use e.g. a list of 3.5 items. Dr. Smith agreed."),
            vec!["Use e.g. a list of 3.5 items.", "Dr. Smith agreed."]
        );
        assert_eq!(split("Am 3. Mai begann es."), vec!["Am 3. Mai begann es."]);
    }

    #[test]
    fn it_splits_text_without_spaces() {
        assert_eq!(split("植物需要光。它们制造糖。"), vec!["植物需要光。", "它们制造糖。"]);
    }

    proptest! {
        #[test]
        fn ranges_are_ordered_and_on_borders(text in any::<String>()) {
            let mut past = 0;
            for r in sentences(&text) {
                prop_assert!(r.start >= past && r.start < r.end);
                prop_assert!(text.get(r.clone()).is_some());
                past = r.end;
            }
        }
    }
}
