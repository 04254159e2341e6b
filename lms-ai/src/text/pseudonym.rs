//! Names, e-mail addresses and ids of people out of a text, and back into an answer.

use std::ops::Range;

use unicode_normalization::char::canonical_combining_class;
use unicode_normalization::{IsNormalized, UnicodeNormalization, is_nfc_quick};

use super::scan::is_stripped;

/// The people whose names must not reach a provider. The n-th person is written `[STUDENT_n]`, from 1.
#[derive(Debug, Clone, Default)]
pub struct Pseudonyms {
    /// Folded, longest first, so that a full name goes before a first name.
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
    /// [`Pseudonyms::restore`] shows. Entries of fewer than 3 characters are left out, because
    /// they would hit too many ordinary words; of fewer than 2 where the script writes words without spaces.
    #[must_use]
    pub fn new<S: AsRef<str>>(people: &[Vec<S>]) -> Self {
        let mut needles: Vec<(String, usize)> = Vec::new();
        let mut shown = Vec::new();
        for (n, ways) in people.iter().enumerate() {
            shown.push(ways.first().map(|w| w.as_ref().trim().to_owned()).unwrap_or_default());
            for way in ways {
                let way = Matched::new(way.as_ref().trim()).text;
                let least = if way.chars().any(is_unspaced) { 2 } else { 3 };
                if way.chars().count() >= least {
                    needles.push((way, n + 1));
                }
            }
        }
        needles.sort_by(|a, b| b.0.len().cmp(&a.0.len()).then_with(|| a.cmp(b)));
        Self { needles, shown }
    }

    /// The text without the people. Any other e-mail address becomes `[EMAIL]`.
    ///
    /// A name is replaced as a whole word, and anywhere where its script, or what stands beside it, writes words
    /// without spaces. Letter case, runs of white space, invisible characters and the two ways to write an accent
    /// make no difference.
    #[must_use]
    pub fn apply(&self, text: &str) -> Pseudonymised {
        let matched = Matched::new(text);
        let mut out = String::with_capacity(text.len());
        let mut pieces = Vec::new();
        let mut replaced = false;
        let (mut copied, mut i, mut before) = (0, 0, None);
        let mut run = Run::default();
        // Where copying goes on from, where the last piece is a copy.
        let mut is_copy = false;
        let copy = |out: &mut String, pieces: &mut Vec<_>, is_copy: &mut bool, from: usize, to: usize| {
            if let Some(piece) = text.get(from..to).filter(|piece| !piece.is_empty()) {
                if !*is_copy {
                    pieces.push((out.len(), from, false));
                }
                out.push_str(piece);
                *is_copy = true;
            }
        };
        while let Some(entry) = matched.entries.get(i) {
            let rest = matched.text.get(entry.at..).unwrap_or_default();
            run.reach(&matched.text, entry.at);
            let Some((len, label)) = self.hit(rest, before, run.address_len(entry.at)) else {
                copy(&mut out, &mut pieces, &mut is_copy, copied, entry.to.max(copied));
                copied = entry.to.max(copied);
                before = rest.chars().next();
                i += 1;
                continue;
            };
            let start = entry.from.max(copied);
            copy(&mut out, &mut pieces, &mut is_copy, copied, start);
            pieces.push((out.len(), start, true));
            is_copy = false;
            out.push_str(&label);
            replaced = true;
            let end = entry.at + len;
            while let Some(entry) = matched.entries.get(i).filter(|entry| entry.at < end) {
                copied = entry.to.max(start);
                i += 1;
            }
            before = rest.get(..len).and_then(|hit| hit.chars().next_back());
        }
        copy(&mut out, &mut pieces, &mut is_copy, copied, text.len());
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

    /// What begins here: its length in the folded text, and what stands for it. `address` is the length of an
    /// e-mail address that would begin here.
    fn hit(&self, rest: &str, before: Option<char>, address: Option<usize>) -> Option<(usize, String)> {
        for (needle, n) in &self.needles {
            let Some(after) = rest.strip_prefix(needle.as_str()) else { continue };
            let (first, last) = (needle.chars().next()?, needle.chars().next_back()?);
            if is_border(first, before) && is_border(last, after.chars().next()) {
                return Some((needle.len(), format!("[STUDENT_{n}]")));
            }
        }
        let begins = !before.is_some_and(|c| c.is_ascii_alphanumeric());
        address.filter(|_| begins).map(|len| (len, "[EMAIL]".to_owned()))
    }
}

/// Whether a word may end between its own character and the one beside it.
fn is_border(own: char, beside: Option<char>) -> bool {
    beside.is_none_or(|beside| !beside.is_alphanumeric() || is_unspaced(own) || is_unspaced(beside))
}

/// Whether a character is of a script that writes words without spaces between them, or puts endings to names
/// without one: Chinese, Japanese, Korean, Thai, Lao, Tibetan, Burmese, Khmer.
fn is_unspaced(c: char) -> bool {
    matches!(c,
        '\u{0e00}'..='\u{0fff}' | '\u{1000}'..='\u{109f}' | '\u{1100}'..='\u{11ff}' | '\u{1780}'..='\u{17ff}'
        | '\u{2e80}'..='\u{2fdf}' | '\u{3005}'..='\u{3007}' | '\u{3021}'..='\u{3029}' | '\u{3040}'..='\u{318f}'
        | '\u{31f0}'..='\u{31ff}' | '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}' | '\u{a960}'..='\u{a97f}'
        | '\u{aa60}'..='\u{aa7f}' | '\u{ac00}'..='\u{d7ff}' | '\u{f900}'..='\u{faff}' | '\u{ff66}'..='\u{ffdc}'
        | '\u{20000}'..='\u{3ffff}')
}

/// A text as names are compared: composed (NFC), in lower case, with single spaces, typewriter's apostrophes and
/// hyphens, without invisible characters; and where each of its characters comes from.
struct Matched {
    text: String,
    entries: Vec<Entry>,
}

#[derive(Clone, Copy)]
struct Entry {
    /// Its byte in the folded text.
    at: usize,
    /// The bytes of the original that it stands for, together with those that it is composed with.
    from: usize,
    to: usize,
}

impl Matched {
    fn new(text: &str) -> Self {
        let mut matched = Self { text: String::with_capacity(text.len()), entries: Vec::with_capacity(text.len()) };
        let (mut segment, mut from, mut to) = (String::new(), 0, 0);
        for (at, c) in text.char_indices().filter(|(_, c)| !is_stripped(*c)) {
            if !segment.is_empty() && begins(c) {
                matched.push(&segment, from, to);
                segment.clear();
            }
            if segment.is_empty() {
                from = at;
            }
            segment.push(c);
            to = at + c.len_utf8();
        }
        matched.push(&segment, from, to);
        matched
    }

    fn push(&mut self, segment: &str, from: usize, to: usize) {
        for c in segment.nfc() {
            if c.is_whitespace() {
                if self.text.ends_with(' ') {
                    if let Some(last) = self.entries.last_mut() {
                        last.to = to;
                    }
                    continue;
                }
                self.entries.push(Entry { at: self.text.len(), from, to });
                self.text.push(' ');
                continue;
            }
            // Capitals do not tell the two small sigmas apart, nor a sharp s from two.
            for c in c.to_lowercase() {
                let (c, more) = match c {
                    'ς' => ('σ', None),
                    'ß' => ('s', Some('s')),
                    _ => (typed(c), None),
                };
                for c in std::iter::once(c).chain(more) {
                    self.entries.push(Entry { at: self.text.len(), from, to });
                    self.text.push(c);
                }
            }
        }
    }
}

/// An apostrophe or a hyphen as a keyboard has it: word processors and telephones write others into names.
const fn typed(c: char) -> char {
    match c {
        '`'
        | '\u{b4}'
        | '\u{2b9}'
        | '\u{2bb}'
        | '\u{2bc}'
        | '\u{2bd}'
        | '\u{2018}'..='\u{201b}'
        | '\u{2032}'
        | '\u{2035}'
        | '\u{ff07}' => '\'',
        // No dash: one stands between two words, and in front of an e-mail address it is no part of it.
        '\u{2010}'..='\u{2013}' | '\u{2212}' | '\u{fe63}' | '\u{ff0d}' => '-',
        _ => c,
    }
}

/// Whether a character composes with nothing that stands before it.
fn begins(c: char) -> bool {
    canonical_combining_class(c) == 0 && is_nfc_quick(std::iter::once(c)) == IsNormalized::Yes
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

/// A run of characters that may stand before the `@` of an e-mail address. It is read once, however many places in
/// it an address could begin at, so that the time that a text takes grows with its length and no faster.
#[derive(Debug, Default)]
struct Run {
    /// The byte after it.
    end: usize,
    /// The byte after the address whose local part ends with it.
    address_end: Option<usize>,
}

impl Run {
    /// Goes on to the run that holds a byte, where that one is behind this run.
    fn reach(&mut self, text: &str, at: usize) {
        if at < self.end {
            return;
        }
        let rest = text.get(at..).unwrap_or_default();
        let len = rest.find(|c: char| !(c.is_ascii_alphanumeric() || "._%+-".contains(c))).unwrap_or(rest.len());
        let after = rest.get(len..).and_then(|after| after.strip_prefix('@')).filter(|_| len > 0);
        self.end = at + len;
        self.address_end = after.and_then(host_len).map(|host| self.end + 1 + host);
    }

    /// The length of the address that would begin at a byte of it.
    fn address_len(&self, at: usize) -> Option<usize> {
        self.address_end.filter(|_| at < self.end).map(|end| end - at)
    }
}

/// The length of the name of a host that a text begins with.
fn host_len(text: &str) -> Option<usize> {
    let end = text.find(|c: char| !(c.is_alphanumeric() || c == '.' || c == '-')).unwrap_or(text.len());
    let host = text.get(..end)?.trim_end_matches(['.', '-']);
    let (name, top) = host.rsplit_once('.')?;
    (!name.is_empty() && top.chars().count() >= 2).then_some(host.len())
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

    fn label(name: &str, text: &str) -> String {
        Pseudonyms::new(&[vec![name]]).apply(text).text
    }

    #[test]
    fn names_are_found_in_every_script_and_form() {
        let nfd = "Jose\u{301} Nu\u{301}n\u{303}ez";
        for (name, text, sent) in [
            ("Jos\u{e9} N\u{fa}\u{f1}ez", format!("By {nfd}."), "By [STUDENT_1]."),
            (nfd, "By JOS\u{c9} \u{a0} N\u{da}\u{d1}EZ.".into(), "By [STUDENT_1]."),
            ("Jos\u{e9}", "Jose wrote to Josefa.".into(), "Jose wrote to Josefa."),
            ("Ann", "A\u{200b}n\u{ad}n wrote, not Anna.".into(), "[STUDENT_1] wrote, not Anna."),
            ("王伟", "我叫王伟，今年十岁。".into(), "我叫[STUDENT_1]，今年十岁。"),
            ("山田太郎", "私は山田太郎です。".into(), "私は[STUDENT_1]です。"),
            ("Ann", "私はAnnです。".into(), "私は[STUDENT_1]です。"),
            ("김민수", "김민수는 학생이다".into(), "[STUDENT_1]는 학생이다"),
            ("\u{1100}\u{1175}\u{11b7}", "김은".into(), "김은"),
            ("\u{1100}\u{1175}\u{11b7}민수", "김민수는".into(), "[STUDENT_1]는"),
            ("สมชาย", "ผมชื่อสมชายครับ".into(), "ผมชื่อ[STUDENT_1]ครับ"),
            ("Bo", "Bo wrote a book.".into(), "Bo wrote a book."),
            ("Νίκος", "Ο ΝΊΚΟΣ έγραψε.".into(), "Ο [STUDENT_1] έγραψε."),
            ("STRAUSS", "Von Strauß.".into(), "Von [STUDENT_1]."),
            ("Sean O'Brien", "By Sean O\u{2019}Brien, SEAN O\u{2bc}BRIEN.".into(), "By [STUDENT_1], [STUDENT_1]."),
            ("O\u{2019}Brien", "O'Brien, O`Brien, O\u{b4}Brien.".into(), "[STUDENT_1], [STUDENT_1], [STUDENT_1]."),
            (
                "Anne-Marie",
                "Anne\u{2010}Marie, anne\u{2011}marie, Anne\u{2013}Marie.".into(),
                "[STUDENT_1], [STUDENT_1], [STUDENT_1].",
            ),
            (
                "Ann",
                "\u{2018}Ann\u{2019} wrote: \u{201c}it\u{2019}s\u{201d} \u{2013} 3\u{2013}4.".into(),
                "\u{2018}[STUDENT_1]\u{2019} wrote: \u{201c}it\u{2019}s\u{201d} \u{2013} 3\u{2013}4.",
            ),
            ("Strauß", "Von STRAUSS und STRAU\u{1e9e}.".into(), "Von [STUDENT_1] und [STUDENT_1]."),
        ] {
            assert_eq!(label(name, &text), sent, "{name}");
        }
    }

    /// Every character of these could begin an address: looked at anew from each, they would take hours.
    #[test]
    fn a_long_text_is_read_once() {
        for run in ["a", "_", ".", "a_", "a@", "@"] {
            let text = run.repeat(1024 * 1024 / run.len());
            assert_eq!(people().apply(&text).text, text, "{run}");
        }
        let half = 512 * 1024;
        let text = format!("{}@{}", "_".repeat(half), "b".repeat(half));
        assert_eq!(people().apply(&text).text, text);
        assert_eq!(people().apply(&format!("{}@x.org", "_".repeat(half))).text, "[EMAIL]");
    }

    #[test]
    fn an_address_begins_after_any_mark_and_a_name_within_it_is_found() {
        for (text, sent) in [
            ("ann.smith@x.org", "[STUDENT_1].[EMAIL]"),
            ("(._a+b@x.org), b@y.org.", "([EMAIL]), [EMAIL]."),
            ("a@b c@d@e.org", "a@b c@[EMAIL]"),
            ("\u{e9}a.b@x.org", "\u{e9}[EMAIL]"),
        ] {
            assert_eq!(label("Ann", text), sent);
        }
    }

    /// A text in one of its two forms, with something invisible in every place of a name.
    fn written(name: &str, decomposed: bool, upper: bool, hidden: bool) -> String {
        let name = if upper { name.to_uppercase() } else { name.to_owned() };
        let name: String = if decomposed { name.nfd().collect() } else { name.nfc().collect() };
        if hidden { name.chars().flat_map(|c| ['\u{200b}', c]).collect() } else { name }
    }

    proptest! {
        /// However a name is written, and whatever stands around it, it is not sent; and all the rest is.
        #[test]
        fn no_name_of_any_script_is_left(
            which in 0_usize..11, apostrophe in "['`\u{b4}\u{2bc}\u{2018}\u{2019}\u{2032}\u{ff07}]",
            hyphen in "[-\u{2010}\u{2011}\u{2012}\u{2013}\u{2212}\u{ff0d}]", decomposed: bool, upper: bool, hidden: bool, spaces in "[ \u{a0}\n.,!]{1,3}",
            before in "[a-z我は가ก ]{0,10}", after in "[a-z我は가ก ]{0,10}",
        ) {
            let names = ["Jos\u{e9} N\u{fa}\u{f1}ez", "Zo\u{eb}", "王伟", "山田太郎", "김민수", "สมชาย", "Nguy\u{1ec5}n", "Γιώργος", "Strauß", "Sean O'Brien", "Anne-Marie Lee"];
            let Some(name) = names.get(which) else { return Ok(()) };
            let between = if name.chars().all(is_unspaced) { "" } else { spaces.as_str() };
            let marked = name.replace('\'', &apostrophe).replace('-', &hyphen);
            let text = format!("{before}{between}{}{between}{after}", written(&marked, decomposed, upper, hidden));
            let sent = Pseudonyms::new(&[vec![*name]]).apply(&text);
            prop_assert!(!Matched::new(&sent.text).text.contains(&Matched::new(name).text), "{}", sent.text);
            prop_assert_eq!(sent.text.matches("[STUDENT_1]").count(), 1, "{}", &sent.text);
            prop_assert!(sent.text.starts_with(before.as_str()) && sent.text.ends_with(after.as_str()));
            // The label stands for the whole name, in the original's own bytes.
            let at = sent.text.find("[STUDENT_1]").unwrap_or_default();
            let original = text.get(sent.original(at..at + "[STUDENT_1]".len())).unwrap_or_default();
            prop_assert_eq!(Matched::new(original).text, Matched::new(name).text);
        }

        #[test]
        fn a_text_without_people_is_sent_as_it_is(text in "\\PC{0,60}") {
            let sent = Pseudonyms::new(&[vec!["Quillfeather"]]).apply(&text);
            if !sent.replaced {
                prop_assert_eq!(&sent.text, &text);
            }
        }

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
