//! Whether an answer shows a secret.

/// Whether a secret stands in a text, as it is or in the escapes of JSON: what is taken out of an answer has
/// none of those left.
pub(super) fn shows(text: &str, secret: &str) -> bool {
    text.contains(secret) || text.contains('\\') && unescaped(text).contains(secret)
}

/// A text without the escapes of JSON, wherever they stand. What is none stays, and so does half a surrogate.
fn unescaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('\\') {
        out.push_str(before);
        let code = after.strip_prefix('u').and_then(|hex| Some((hex.get(..4)?, hex.get(4..)?)));
        let code = code.and_then(|(hex, rest)| Some((char::from_u32(u32::from_str_radix(hex, 16).ok()?)?, rest)));
        let mark = || after.chars().next().filter(|c| matches!(c, '"' | '\\' | '/'));
        if let Some((c, after)) = code {
            out.push(c);
            rest = after;
        } else if let Some(c) = mark() {
            out.push(c);
            rest = after.get(c.len_utf8()..).unwrap_or_default();
        } else {
            out.push('\\');
            rest = after;
        }
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_secret_is_seen_as_it_is_and_through_escapes() {
        let secret = "sk-a/b\"c\\d";
        for text in [
            secret,
            r#"{"x":"sk-a/b\"c\\d"}"#,
            r#"{"x":"\u0073k-a\/b\"c\\d"}"#,
            r#"and \q \u12 "\u0073\u006B\u002d\u0061\/b\u0022c\u005Cd"#,
        ] {
            assert!(shows(text, secret), "{text}");
        }
        for text in ["", "\\", r#"{"x":"\\u0073k-a/b"}"#, r"\ud800\u", r"\u00e", "\\ä"] {
            assert!(!shows(text, secret), "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_json_says_is_what_is_looked_at(
            before in "[a-zé\\\\\"/\u{0}-\u{1f}]{0,8}", escaped in prop::collection::vec(any::<bool>(), 12),
        ) {
            let secret = "sk-Secret_01";
            let hidden: String = secret.chars().zip(escaped)
                .map(|(c, escaped)| if escaped { format!("\\u{:04x}", u32::from(c)) } else { c.to_string() })
                .collect();
            let before = serde_json::to_string(&before).unwrap();
            let text = format!("[{before},\"{hidden}\"]");
            let read: Vec<String> = serde_json::from_str(&text).unwrap();
            prop_assert_eq!(read[1].as_str(), secret);
            prop_assert!(shows(&text, secret));
        }
    }
}
