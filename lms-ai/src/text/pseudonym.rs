//! Names, e-mail addresses and ids of people out of a text, and back into an answer.

use std::ops::Range;

/// The people whose names must not reach a provider. The n-th person is written `[STUDENT_n]`, from 1.
#[derive(Debug, Clone, Default)]
pub struct Pseudonyms {
    /// Longest first, so that a full name goes before a first name.
    needles: Vec<(String, usize)>,
    shown: Vec<String>,
}

/// A text without the people, with the way back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pseudonymised {
    /// The text to send.
    pub text: String,
    /// Whether anything was replaced.
    pub replaced: bool,
    /// Byte in `text`, byte in the original, for the start of each copied or replaced piece.
    pieces: Vec<(usize, usize, bool)>,
    original_len: usize,
}

impl Pseudonyms {
    /// The people, each by every way of writing that identifies them (name,
    /// first name, e-mail address, student number); the first is the one that
    /// [`Pseudonyms::restore`] shows. Entries of fewer than 3 characters are left out:
    /// they would hit too many ordinary words.
    #[must_use]
    pub fn new<S: AsRef<str>>(people: &[Vec<S>]) -> Self {
        let mut needles: Vec<(String, usize)> = Vec::new();
        let mut shown = Vec::new();
        for (n, ways) in people.iter().enumerate() {
            shown.push(ways.first().map(|w| w.as_ref().trim().to_owned()).unwrap_or_default());
            for way in ways {
                let way = way.as_ref().trim();
                if way.chars().count() >= 3 {
                    needles.push((way.to_owned(), n + 1));
                }
            }
        }
        needles.sort_by(|a, b| b.0.len().cmp(&a.0.len()).then_with(|| a.cmp(b)));
        Self { needles, shown }
    }

    /// The text without the people. Any other e-mail address becomes `[EMAIL]`.
    ///
    /// A name is replaced as a whole word, letter case aside.
    #[must_use]
    pub fn apply(&self, text: &str) -> Pseudonymised {
        let mut out = String::with_capacity(text.len());
        let mut pieces = Vec::new();
        let mut replaced = false;
        let mut copied_from: Option<usize> = None;
        let mut at = 0;
        let mut before: Option<char> = None;
        while let Some(rest) = text.get(at..).filter(|r| !r.is_empty()) {
            if let Some((len, label)) = self.hit(rest, before) {
                copied_from = None;
                pieces.push((out.len(), at, true));
                out.push_str(&label);
                before = rest.get(..len).and_then(|r| r.chars().next_back());
                at += len;
                replaced = true;
            } else {
                if copied_from.is_none() {
                    copied_from = Some(at);
                    pieces.push((out.len(), at, false));
                }
                let Some(c) = rest.chars().next() else { break };
                out.push(c);
                before = Some(c);
                at += c.len_utf8();
            }
        }
        Pseudonymised { text: out, replaced, pieces, original_len: text.len() }
    }

    /// An answer with the people put back for their labels.
    #[must_use]
    pub fn restore(&self, text: &str) -> String {
        let mut out = text.to_owned();
        for (n, name) in self.shown.iter().enumerate().rev() {
            if !name.is_empty() {
                out = out.replace(&format!("[STUDENT_{}]", n + 1), name);
            }
        }
        out
    }

    fn hit(&self, rest: &str, before: Option<char>) -> Option<(usize, String)> {
        if before.is_some_and(char::is_alphanumeric) {
            return None;
        }
        for (needle, n) in &self.needles {
            if let Some(len) = starts_with_folded(rest, needle) {
                let next = rest.get(len..).and_then(|r| r.chars().next());
                if !next.is_some_and(char::is_alphanumeric) {
                    return Some((len, format!("[STUDENT_{n}]")));
                }
            }
        }
        email_len(rest).map(|len| (len, "[EMAIL]".to_owned()))
    }
}

impl Pseudonymised {
    /// The byte range in the original text of a byte range in the sent one.
    /// A label in the range stands for all that it replaced.
    #[must_use]
    pub fn original(&self, sent: Range<usize>) -> Range<usize> {
        self.back(sent.start, false)..self.back(sent.end, true)
    }

    fn back(&self, byte: usize, is_end: bool) -> usize {
        if byte >= self.text.len() {
            return self.original_len;
        }
        let i = self.pieces.partition_point(|(sent, _, _)| if is_end { *sent < byte } else { *sent <= byte });
        let Some((sent, original, label)) = i.checked_sub(1).and_then(|i| self.pieces.get(i)) else {
            return 0;
        };
        match (label, is_end) {
            (false, _) => original + (byte - sent),
            (true, false) => *original,
            (true, true) => self.pieces.get(i).map_or(self.original_len, |(_, o, _)| *o),
        }
    }
}

/// The length in bytes of the beginning of `text` that equals `needle`, case and runs of spaces aside.
fn starts_with_folded(text: &str, needle: &str) -> Option<usize> {
    let mut left = text.char_indices().peekable();
    let mut end = 0;
    let mut want = needle.chars().peekable();
    while let Some(w) = want.next() {
        let (at, c) = left.next()?;
        end = at + c.len_utf8();
        if w.is_whitespace() {
            if !c.is_whitespace() {
                return None;
            }
            while want.peek().is_some_and(|c| c.is_whitespace()) {
                want.next();
            }
            while let Some((at, c)) = left.peek().copied().filter(|(_, c)| c.is_whitespace()) {
                end = at + c.len_utf8();
                left.next();
            }
        } else if !w.to_lowercase().eq(c.to_lowercase()) {
            return None;
        }
    }
    Some(end)
}

fn email_len(rest: &str) -> Option<usize> {
    let local = rest.find(|c: char| !(c.is_ascii_alphanumeric() || "._%+-".contains(c)))?;
    let after = rest.get(local..)?.strip_prefix('@').filter(|_| local > 0)?;
    let host_end = after.find(|c: char| !(c.is_alphanumeric() || c == '.' || c == '-')).unwrap_or(after.len());
    let host = after.get(..host_end)?.trim_end_matches(['.', '-']);
    let (name, top) = host.rsplit_once('.')?;
    (!name.is_empty() && top.chars().count() >= 2).then_some(local + 1 + host.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn people() -> Pseudonyms {
        Pseudonyms::new(&[vec!["Ann Lee", "Ann", "ann@uni.org", "s1234"], vec!["Bob Ray"]])
    }

    #[test]
    fn people_become_labels_and_come_back() {
        let sent = people().apply("ANN  lee and Bob Ray wrote; annual plan, s1234, mail x.y@z.org or Ann@uni.org.");
        assert_eq!(
            sent.text,
            "[STUDENT_1] and [STUDENT_2] wrote; annual plan, [STUDENT_1], mail [EMAIL] or [STUDENT_1]."
        );
        assert!(sent.replaced);
        assert_eq!(people().restore("Well done, [STUDENT_1]!"), "Well done, Ann Lee!");
    }

    #[test]
    fn ranges_map_back_to_the_original() {
        let text = "Dear Ann, plants need light.";
        let sent = people().apply(text);
        let at = sent.text.find("plants need").expect("kept");
        assert_eq!(&text[sent.original(at..at + 11)], "plants need");
        assert_eq!(&text[sent.original(5..16)], "Ann");
        assert_eq!(&text[sent.original(0..sent.text.len())], text);
    }

    proptest! {
        #[test]
        fn no_name_is_left_and_ranges_lie_in_the_text(text in "[Anbo@. le\u{e9}]{0,50}", a in 0usize..60, n in 1usize..20) {
            let sent = people().apply(&text);
            let end = (a + n).min(sent.text.len());
            if a < end && sent.text.is_char_boundary(a) && sent.text.is_char_boundary(end) {
                let r = sent.original(a..end);
                prop_assert!(r.start <= r.end && r.end <= text.len());
            }
            prop_assert!(!sent.text.split(|c: char| !c.is_alphanumeric()).any(|w| w.eq_ignore_ascii_case("ann")));
        }
    }
}
