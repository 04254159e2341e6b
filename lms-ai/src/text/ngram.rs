//! Tokens, answer normalisation and the overlap of character n-grams.

use std::cmp::Ordering;

/// The words of a text in lower case; each character of a script without word
/// spaces (Han, Kana, Thai, Lao, Khmer, Burmese) is a word of its own.
#[must_use]
pub fn tokens(text: &str) -> Vec<String> {
    let mut out = Vec::new();
    let mut word = String::new();
    for c in text.chars() {
        if super::fold::is_dropped(c) {
            continue;
        }
        if is_unspaced(c) {
            flush(&mut word, &mut out);
            out.push(c.to_string());
        } else if c.is_alphanumeric() || is_mark(c) {
            word.extend(c.to_lowercase());
        } else {
            flush(&mut word, &mut out);
        }
    }
    flush(&mut word, &mut out);
    out
}

fn flush(word: &mut String, out: &mut Vec<String>) {
    if !word.is_empty() {
        out.push(std::mem::take(word));
    }
}

/// Combining marks belong to the word they stand in.
fn is_mark(c: char) -> bool {
    unicode_normalization::char::is_combining_mark(c)
}

pub(super) fn is_unspaced(c: char) -> bool {
    matches!(
        c,
        '\u{0E00}'..='\u{0EFF}'
            | '\u{1000}'..='\u{109F}'
            | '\u{1780}'..='\u{17FF}'
            | '\u{3040}'..='\u{30FF}'
            | '\u{3400}'..='\u{4DBF}'
            | '\u{4E00}'..='\u{9FFF}'
            | '\u{F900}'..='\u{FAFF}'
            | '\u{20000}'..='\u{3FFFF}'
    )
}

/// An answer in the form in which two of them are compared: lower case, without
/// white space and punctuation. An answer made of symbols alone (`+`, `<=`)
/// keeps them, so that two operators stay two answers.
#[must_use]
pub fn normalise_answer(text: &str) -> String {
    let words = tokens(text).concat();
    if words.is_empty() {
        return text.chars().filter(|c| !c.is_whitespace()).collect();
    }
    words
}

/// The share of character n-grams that two texts have in common, 0 to 1, after
/// lower case and with punctuation as spaces. Two texts that are equal then give 1.
#[must_use]
pub fn jaccard(a: &str, b: &str, n: usize) -> f64 {
    Grams::of(a, n).jaccard(&Grams::of(b, n))
}

/// The character n-grams of a text, for whoever compares it with many others.
#[derive(Debug, Clone)]
pub(crate) struct Grams {
    /// The text that they are of, without case and punctuation.
    text: String,
    /// Each of them once, in order.
    grams: Vec<Vec<char>>,
}

impl Grams {
    pub(crate) fn of(text: &str, n: usize) -> Self {
        let text = tokens(text).join(" ");
        let chars: Vec<char> = text.chars().collect();
        let n = n.clamp(1, chars.len().max(1));
        let mut grams: Vec<Vec<char>> = chars.windows(n).map(<[char]>::to_vec).collect();
        grams.sort_unstable();
        grams.dedup();
        Self { text, grams }
    }

    /// See [`jaccard`].
    pub(crate) fn jaccard(&self, other: &Self) -> f64 {
        if self.text == other.text {
            return 1.0;
        }
        let shared = self.shared(other);
        let all = self.grams.len() + other.grams.len() - shared;
        if all == 0 {
            return 0.0;
        }
        #[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
        let share = shared as f64 / all as f64;
        share
    }

    /// How many both have: both are in order, so one walk over the two finds them.
    fn shared(&self, other: &Self) -> usize {
        let (mut ours, mut theirs) = (self.grams.iter().peekable(), other.grams.iter().peekable());
        let mut shared = 0;
        while let (Some(a), Some(b)) = (ours.peek(), theirs.peek()) {
            match a.cmp(b) {
                Ordering::Less => drop(ours.next()),
                Ordering::Greater => drop(theirs.next()),
                Ordering::Equal => {
                    shared += 1;
                    ours.next();
                    theirs.next();
                }
            }
        }
        shared
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_compare_without_case_space_and_punctuation() {
        assert_eq!(normalise_answer(" The  Cell-Wall. "), normalise_answer("the cell wall"));
        assert_ne!(normalise_answer("<="), normalise_answer("<"));
    }

    #[test]
    fn near_duplicates_score_high() {
        assert!((jaccard("What is a cell?", "what is a CELL", 3) - 1.0).abs() < 1e-9);
        assert!(jaccard("Which organ pumps blood in mammals?", "Which organ pumps blood in a mammal?", 3) > 0.7);
        assert!(jaccard("Which organ pumps blood?", "Name the capital of France.", 3) < 0.2);
        assert!(jaccard("", "abc", 3) < 0.01);
        assert!((jaccard("", "", 3) - 1.0).abs() < 1e-9 && (jaccard("ab", "AB!", 3) - 1.0).abs() < 1e-9);
        // abcd has abc and bcd; abce has abc and bce.
        assert!((jaccard("abcd", "abce", 3) - 1.0 / 3.0).abs() < 1e-9);
    }

    #[test]
    fn scripts_without_spaces_give_one_token_a_character() {
        assert_eq!(tokens("光合作用 is"), vec!["光", "合", "作", "用", "is"]);
    }
}
