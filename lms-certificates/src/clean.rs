//! The text policy: what becomes of a string before it is laid out.

use unicode_normalization::UnicodeNormalization as _;
use unicode_normalization::char::canonical_combining_class;

/// At most this many stacked marks stay on one base character. Real writing needs four at most;
/// more would climb over the lines above.
const MAX_STACKED_MARKS: usize = 4;

/// The string as it may be printed: NFC; tabs, line and paragraph breaks are spaces; controls,
/// bidi controls, soft hyphens and other invisible format characters are gone; joiners (ZWJ,
/// ZWNJ) and variation selectors stay; no space at either end and no two in a row.
pub(crate) fn clean(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut stacked = 0;
    for c in text.nfc() {
        let c = if is_break(c) { ' ' } else { c };
        if is_dropped(c) {
            continue;
        }
        if c == ' ' && (out.is_empty() || out.ends_with(' ')) {
            continue;
        }
        stacked = if canonical_combining_class(c) == 0 { 0 } else { stacked + 1 };
        if stacked <= MAX_STACKED_MARKS {
            out.push(c);
        }
    }
    let trimmed = out.trim_end_matches(' ').len();
    out.truncate(trimmed);
    // Dropping a character may have brought a base and a mark together.
    out.nfc().collect()
}

/// Whether anything of the text would be seen on paper.
pub(crate) fn is_visible(text: &str) -> bool {
    text.chars().any(|c| !c.is_whitespace() && !is_ignorable(c))
}

fn is_break(c: char) -> bool {
    matches!(c, '\t'..='\r' | '\u{85}' | '\u{2028}' | '\u{2029}')
}

fn is_dropped(c: char) -> bool {
    c.is_control()
        || matches!(
            u32::from(c),
            0x00AD | 0x061C
                | 0x200B
                | 0x200E..=0x200F
                | 0x202A..=0x202E
                | 0x2060..=0x206F
                | 0xFEFF
                | 0xFFF0..=0xFFFB
                | 0xE0000..=0xE00FF
        )
        || u32::from(c) & 0xFFFE == 0xFFFE
        || matches!(u32::from(c), 0xFDD0..=0xFDEF)
}

/// Whether Unicode says that a font need not show the character (`Default_Ignorable_Code_Point`).
pub(crate) fn is_ignorable(c: char) -> bool {
    matches!(
        u32::from(c),
        0x00AD | 0x034F | 0x061C | 0x115F..=0x1160 | 0x17B4..=0x17B5 | 0x180B..=0x180F
            | 0x200B..=0x200F | 0x202A..=0x202E | 0x2060..=0x206F | 0x3164 | 0xFE00..=0xFE0F
            | 0xFEFF | 0xFFA0 | 0xFFF0..=0xFFF8 | 0x1BCA0..=0x1BCA3 | 0x1D173..=0x1D17A
            | 0xE0000..=0xE0FFF
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn c6_bidi_override_is_dropped_and_joiners_stay() {
        assert_eq!(clean("\u{202E}Mallory\u{202C}"), "Mallory");
        assert_eq!(clean("\u{2067}Eve\u{2069}\u{200F}"), "Eve");
        assert_eq!(clean("क्\u{200D}ष"), "क्\u{200D}ष");
        assert_eq!(clean("می\u{200C}خواهم"), "می\u{200C}خواهم");
        assert_eq!(clean("葛\u{E0100}"), "葛\u{E0100}");
    }

    #[test]
    fn c6_breaks_become_single_spaces_and_controls_vanish() {
        assert_eq!(clean(" Ada\t\r\n Love\u{0}lace\u{7}\u{85}"), "Ada Lovelace");
        assert_eq!(clean("A\u{2028}B"), "A B");
    }

    #[test]
    fn c6_names_are_composed() {
        assert_eq!(clean("Zoe\u{308}"), "Zoë");
        assert_eq!(clean("e\u{AD}\u{301}"), "é");
    }

    #[test]
    fn c6_stacked_marks_are_bounded() {
        let zalgo = format!("x{}", "\u{301}".repeat(150));
        assert_eq!(clean(&zalgo).chars().count(), 1 + MAX_STACKED_MARKS);
        // Hebrew with a vowel point, a dagesh and a cantillation mark is left alone.
        let pointed = "בּ\u{5B8}\u{591}";
        assert_eq!(clean(pointed).chars().count(), 4);
    }

    #[test]
    fn c6_invisible_is_empty() {
        assert!(!is_visible(&clean("\u{200D}\u{FE0F} \u{3164}")));
        assert!(!is_visible(""));
        assert!(is_visible("a"));
    }
}
