//! Safety and length checks on generated text.

use std::collections::BTreeSet;

use super::markdown::{Finding, findings};

/// How a field is read, which decides what may stand in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TextStyle {
    /// One line, such as a title.
    Line,
    /// Several lines without blocks of their own, such as an explanation.
    Prose,
    /// CommonMark. Markup inside of code is text and harmless.
    Markdown,
}

/// What a text has to keep.
#[derive(Debug, Clone, Copy)]
pub struct TextRule<'a> {
    /// The least length in characters.
    pub min: usize,
    /// The greatest length in characters.
    pub max: usize,
    /// How the text is read.
    pub style: TextStyle,
    /// The links that may stand in it, from [`urls_in`] over the whole input.
    pub known_urls: &'a BTreeSet<String>,
}

/// A rule that a text breaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum TextFault {
    /// NUL, another control character, a bidirectional override or a tag character.
    ControlCharacter,
    /// White space at an end.
    Untrimmed,
    /// Fewer characters than asked for.
    TooShort,
    /// More characters than allowed.
    TooLong,
    /// A line break in a one-line text.
    LineBreak,
    /// The beginning of a script element.
    ScriptMarkup,
    /// Raw HTML outside of code.
    RawHtml,
    /// A link that runs code or embeds data.
    UnsafeLink,
    /// A link that the input does not hold.
    UnknownUrl,
}

impl TextFault {
    /// The stable code of the fault.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::ControlCharacter => "control_character",
            Self::Untrimmed => "untrimmed",
            Self::TooShort => "too_short",
            Self::TooLong => "too_long",
            Self::LineBreak => "line_break",
            Self::ScriptMarkup => "script_markup",
            Self::RawHtml => "raw_html",
            Self::UnsafeLink => "unsafe_link",
            Self::UnknownUrl => "unknown_url",
        }
    }
}

/// The rules that a text breaks, each once, in a stable order. Bounds are in characters.
#[must_use]
pub fn check_text(text: &str, rule: &TextRule<'_>) -> Vec<TextFault> {
    let mut faults = BTreeSet::new();
    let chars = text.chars().count();
    if chars < rule.min {
        faults.insert(TextFault::TooShort);
    }
    if chars > rule.max {
        faults.insert(TextFault::TooLong);
    }
    if text.trim() != text {
        faults.insert(TextFault::Untrimmed);
    }
    for c in text.chars() {
        match c {
            '\n' | '\u{2028}' | '\u{2029}' if rule.style == TextStyle::Line => {
                faults.insert(TextFault::LineBreak);
            }
            '\n' => {}
            '\t' if rule.style != TextStyle::Line => {}
            c if is_forbidden(c) => {
                faults.insert(TextFault::ControlCharacter);
            }
            _ => {}
        }
    }
    for finding in findings(text) {
        match finding {
            Finding::Html { script: true, .. } => {
                faults.insert(TextFault::ScriptMarkup);
                faults.insert(TextFault::RawHtml);
            }
            Finding::Html { known, .. } if known || rule.style == TextStyle::Markdown => {
                faults.insert(TextFault::RawHtml);
            }
            Finding::Html { .. } => {}
            Finding::Destination(dest) => {
                if is_unsafe_link(&dest) {
                    faults.insert(TextFault::UnsafeLink);
                } else if !dest.starts_with('#') && !dest.is_empty() && !is_known(&dest, rule.known_urls) {
                    faults.insert(TextFault::UnknownUrl);
                }
            }
            Finding::Text(t) => {
                if has_script(&t) {
                    faults.insert(TextFault::ScriptMarkup);
                }
                if has_unsafe_scheme(&t) {
                    faults.insert(TextFault::UnsafeLink);
                }
            }
        }
    }
    if rule.style != TextStyle::Markdown {
        if has_script(text) {
            faults.insert(TextFault::ScriptMarkup);
        }
        if has_unsafe_scheme(text) {
            faults.insert(TextFault::UnsafeLink);
        }
    }
    if raw_urls(text).iter().any(|u| !is_known(u, rule.known_urls)) {
        faults.insert(TextFault::UnknownUrl);
    }
    faults.into_iter().collect()
}

/// A text made fit for a field of at most `max` characters: forbidden characters
/// are gone, white space runs are one space, and it is cut at a word with `…`.
#[must_use]
pub fn tidy(text: &str, max: usize) -> String {
    let mut out = String::new();
    for word in text.split_whitespace() {
        let word: String = word.chars().filter(|c| !is_forbidden(*c)).collect();
        if word.is_empty() {
            continue;
        }
        if !out.is_empty() {
            out.push(' ');
        }
        out.push_str(&word);
    }
    truncate_chars(&out, max)
}

/// A text cut to at most `max` characters, at a word where one ends in the last third, with `…`.
#[must_use]
pub fn truncate_chars(text: &str, max: usize) -> String {
    if text.chars().count() <= max {
        return text.trim().to_owned();
    }
    let keep = max.saturating_sub(1);
    let cut: String = text.chars().take(keep).collect();
    let at_word =
        cut.rfind(char::is_whitespace).filter(|at| cut.get(..*at).is_some_and(|s| s.chars().count() * 3 >= keep * 2));
    let mut out = at_word.and_then(|at| cut.get(..at)).unwrap_or(&cut).trim().to_owned();
    if max > 0 {
        out.push('…');
    }
    out
}

/// The links of a text: absolute ones wherever they stand, and the targets of Markdown links and images.
#[must_use]
pub fn urls_in(text: &str) -> BTreeSet<String> {
    let mut out: BTreeSet<String> = raw_urls(text).into_iter().map(|u| trim_url(&u).to_owned()).collect();
    for finding in findings(text) {
        if let Finding::Destination(dest) = finding {
            out.insert(trim_url(&dest).to_owned());
        }
    }
    out
}

/// Whether a character may stand in no generated text.
pub(super) fn is_forbidden(c: char) -> bool {
    (c.is_control() && c != '\n' && c != '\t')
        || matches!(c, '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}' | '\u{E0000}'..='\u{E007F}' | '\u{FFFE}' | '\u{FFFF}')
}

/// Whether a link target runs code or embeds data.
pub(super) fn is_unsafe_link(dest: &str) -> bool {
    let clean: String =
        dest.chars().filter(|c| !c.is_whitespace() && !c.is_control()).collect::<String>().to_lowercase();
    ["javascript:", "data:", "vbscript:"].iter().any(|s| clean.starts_with(s))
}

pub(super) fn has_script(text: &str) -> bool {
    let lower = text.to_lowercase();
    lower.split('<').skip(1).any(|rest| rest.trim_start_matches('/').starts_with("script"))
}

/// `javascript:x` and `data:image/png`, but not the word in a sentence ("the data: a list").
pub(super) fn has_unsafe_scheme(text: &str) -> bool {
    let lower = text.to_lowercase();
    ["javascript:", "vbscript:"].iter().any(|s| {
        lower.split(s).skip(1).any(|rest| rest.starts_with(|c: char| c.is_alphanumeric() || c == '/' || c == '('))
    }) || lower.split("data:").skip(1).any(|rest| {
        let kind: String = rest.chars().take_while(|c| c.is_ascii_alphanumeric()).collect();
        matches!(kind.as_str(), "text" | "image" | "application" | "audio" | "video" | "font")
            && rest.get(kind.len()..).is_some_and(|r| r.starts_with('/'))
    })
}

fn raw_urls(text: &str) -> Vec<String> {
    let mut out = Vec::new();
    let lower = text.to_ascii_lowercase();
    for mark in ["http://", "https://", "ftp://", "mailto:", "www."] {
        for (at, _) in lower.match_indices(mark) {
            let before = lower.get(..at).and_then(|s| s.chars().next_back());
            if before.is_some_and(|c| c.is_alphanumeric()) || (mark == "www." && before == Some('/')) {
                continue;
            }
            let rest = text.get(at..).unwrap_or("");
            let end = rest.find(|c: char| c.is_whitespace() || "<>\"'`)]}|\\^“”’»".contains(c)).unwrap_or(rest.len());
            let url = trim_url(rest.get(..end).unwrap_or(""));
            if url.len() > mark.len() {
                out.push(url.to_owned());
            }
        }
    }
    out
}

fn trim_url(url: &str) -> &str {
    url.trim_end_matches(['.', ',', ';', ':', '!', '?', '*', '_', '/', '…', '。', '，'])
}

fn is_known(url: &str, known: &BTreeSet<String>) -> bool {
    let url = trim_url(url);
    if known.contains(url) || is_reserved(url) {
        return true;
    }
    // A target with brackets is cut where plain text would end.
    let cut = raw_urls(url);
    !cut.is_empty() && cut.iter().all(|u| known.contains(u.as_str()))
}

/// Hosts that are set aside for examples and name nobody.
fn is_reserved(url: &str) -> bool {
    let rest = url.split_once("://").map_or(url, |(_, r)| r);
    let host = rest.split(['/', ':', '?', '#']).next().unwrap_or("").to_ascii_lowercase();
    let host = host.strip_prefix("www.").unwrap_or(&host);
    matches!(host, "localhost" | "127.0.0.1")
        || ["example.com", "example.org", "example.net"].iter().any(|e| host == *e || host.ends_with(&format!(".{e}")))
        || [".example", ".invalid", ".test"].iter().any(|e| host.ends_with(e))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn faults(text: &str, style: TextStyle) -> Vec<&'static str> {
        let known = urls_in("see https://kept.dev/page and [a](img/a.png) https://w.org/A_(b)");
        let rule = TextRule { min: 1, max: 60, style, known_urls: &known };
        check_text(text, &rule).into_iter().map(TextFault::code).collect()
    }

    #[test]
    fn each_fault_has_a_text_that_shows_it() {
        for (text, style, code) in [
            ("a\u{0}b", TextStyle::Line, "control_character"),
            ("a\u{202E}b", TextStyle::Markdown, "control_character"),
            (" a", TextStyle::Line, "untrimmed"),
            ("", TextStyle::Line, "too_short"),
            ("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", TextStyle::Line, "too_long"),
            ("a\nb", TextStyle::Line, "line_break"),
            ("x <SCRIPT src=a>", TextStyle::Line, "script_markup"),
            ("x </script>", TextStyle::Markdown, "script_markup"),
            ("x <b>y</b>", TextStyle::Prose, "raw_html"),
            ("x <foo>y</foo>", TextStyle::Markdown, "raw_html"),
            ("<!-- hidden -->", TextStyle::Markdown, "raw_html"),
            ("[a](JavaScript:alert(1))", TextStyle::Markdown, "unsafe_link"),
            ("[a](javascript&#58;alert(1))", TextStyle::Markdown, "unsafe_link"),
            ("![a](data:image/png;base64,AA)", TextStyle::Markdown, "unsafe_link"),
            ("go to javascript:alert(1)", TextStyle::Line, "unsafe_link"),
            ("see https://made.up/x", TextStyle::Line, "unknown_url"),
            ("see www.made.up", TextStyle::Prose, "unknown_url"),
            ("[a](other.png)", TextStyle::Markdown, "unknown_url"),
        ] {
            assert!(faults(text, style).contains(&code), "{text:?} must show {code}: {:?}", faults(text, style));
        }
    }

    #[test]
    fn honest_texts_pass() {
        for (text, style) in [
            ("The data: a list of image/png names", TextStyle::Line),
            ("Vec<String> holds `<p>` tags", TextStyle::Line),
            ("`<script>` in code\n\n    <script>", TextStyle::Markdown),
            ("See https://kept.dev/page.", TextStyle::Prose),
            ("[a](https://w.org/A_(b)) and [b](#top)", TextStyle::Markdown),
            ("![a](img/a.png) and http://localhost:8080/x", TextStyle::Markdown),
            ("if a < b and c > d", TextStyle::Line),
        ] {
            assert_eq!(faults(text, style), Vec::<&str>::new(), "{text:?}");
        }
    }

    #[test]
    fn a_longer_or_shorter_link_is_another_link() {
        assert_eq!(faults("https://kept.dev/pa", TextStyle::Line), vec!["unknown_url"]);
        assert_eq!(faults("https://kept.dev/page2", TextStyle::Line), vec!["unknown_url"]);
    }

    proptest! {
        #[test]
        fn a_tidied_text_has_no_fault_of_form(text in any::<String>(), max in 1usize..90) {
            let out = tidy(&text, max);
            prop_assert!(out.chars().count() <= max);
            let none = BTreeSet::new();
            let rule = TextRule { min: 0, max, style: TextStyle::Line, known_urls: &none };
            for fault in check_text(&out, &rule) {
                prop_assert!(!matches!(fault, TextFault::ControlCharacter | TextFault::Untrimmed | TextFault::TooLong | TextFault::LineBreak), "{fault:?} {out:?}");
            }
        }
    }
}
