//! Reading an answer strictly: nothing is guessed, closed, or silently dropped (AI engine steps 5–8).

use std::collections::BTreeSet;
use std::fmt;

use serde::de::{self, DeserializeSeed, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

/// The longest answer, in bytes.
pub(crate) const MAX_ANSWER: usize = 512 * 1024;
/// The deepest nesting.
const MAX_DEPTH: u32 = 64;
/// The most values.
const MAX_NODES: u32 = 10_000;

/// Why an answer cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    /// There is nothing.
    #[error("the answer is empty")]
    Empty,
    /// It is too long.
    #[error("the answer is longer than 512 KiB")]
    TooLong,
    /// It holds no JSON object, or a broken one.
    #[error("the answer is not one JSON object")]
    NotJson,
    /// It holds more than one candidate.
    #[error("the answer holds more than one JSON object")]
    Ambiguous,
    /// It is nested too deeply, or holds too many values.
    #[error("the answer is nested too deeply or holds too many values")]
    TooComplex,
    /// It names a key twice in one object.
    #[error("the answer names a key twice in one object")]
    DuplicateKey,
    /// It holds the character U+0000.
    #[error("the answer holds the character U+0000")]
    Nul,
}

impl Unreadable {
    /// The stable code.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Empty => "answer.empty",
            Self::TooLong => "answer.too_long",
            Self::NotJson => "answer.not_json",
            Self::Ambiguous => "answer.ambiguous",
            Self::TooComplex => "answer.too_complex",
            Self::DuplicateKey => "answer.duplicate_key",
            Self::Nul => "answer.nul",
        }
    }
}

/// The one JSON object of an answer, and whether numbers in it that were written with a fraction of nothing
/// (3.0) were read as whole ones.
///
/// # Errors
/// Why there is none.
pub(crate) fn read(text: &str) -> Result<(Value, bool), Unreadable> {
    if text.len() > MAX_ANSWER {
        return Err(Unreadable::TooLong);
    }
    let text = text.trim_start_matches('\u{feff}').trim();
    if text.is_empty() {
        return Err(Unreadable::Empty);
    }
    parse(extract(text)?)
}

/// The whole text, or the only fenced block, or the only balanced object at the top. Open braces are
/// never closed for the model: a cut answer is a broken one.
fn extract(text: &str) -> Result<&str, Unreadable> {
    if text.starts_with('{') && text.ends_with('}') && objects(text).len() == 1 {
        return Ok(text);
    }
    if text.starts_with('[') && text.ends_with(']') {
        // What stands in a list is not at the top.
        return Err(Unreadable::NotJson);
    }
    let fenced = fenced(text);
    let candidates = if fenced.is_empty() { objects(text) } else { fenced };
    match candidates.as_slice() {
        [one] => Ok(one),
        [] => Err(Unreadable::NotJson),
        _ => Err(Unreadable::Ambiguous),
    }
}

/// What stands between fences. A fence begins a line: what a text within the JSON holds of code is no fence,
/// because no line begins within a JSON string.
fn fenced(text: &str) -> Vec<&str> {
    let (mut found, mut open, mut at) = (Vec::new(), None, 0);
    for line in text.split_inclusive('\n') {
        let end = at + line.len();
        if line.trim_start().starts_with("```") {
            match open.take() {
                None => open = Some(end),
                Some(begin) => found.extend(text.get(begin..at).map(str::trim)),
            }
        }
        at = end;
    }
    found
}

/// The balanced objects at the top level of a text.
fn objects(text: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let (mut depth, mut start, mut in_string, mut escaped) = (0_usize, 0_usize, false, false);
    for (at, c) in text.char_indices() {
        if depth > 0 && in_string {
            match c {
                _ if escaped => escaped = false,
                '\\' => escaped = true,
                '"' => in_string = false,
                _ => {}
            }
            continue;
        }
        match c {
            '{' => {
                if depth == 0 {
                    start = at;
                }
                depth += 1;
            }
            '}' if depth > 0 => {
                depth -= 1;
                if depth == 0 {
                    found.extend(text.get(start..=at));
                }
            }
            '"' if depth > 0 => in_string = true,
            _ => {}
        }
    }
    if depth > 0 {
        // Something was begun and not ended: whatever stood before it is not the whole answer.
        found.clear();
    }
    found
}

fn parse(text: &str) -> Result<(Value, bool), Unreadable> {
    let mut de = serde_json::Deserializer::from_str(text);
    let mut budget = Budget { nodes: MAX_NODES, fault: None, floats: false };
    let value = Strict { depth: 0, budget: &mut budget }.deserialize(&mut de);
    let value = match (value, budget.fault) {
        (_, Some(fault)) => return Err(fault),
        (Ok(value), None) => value,
        (Err(_), None) => return Err(Unreadable::NotJson),
    };
    de.end().map_err(|_| Unreadable::NotJson)?;
    if value.is_object() { Ok((value, budget.floats)) } else { Err(Unreadable::NotJson) }
}

struct Budget {
    nodes: u32,
    fault: Option<Unreadable>,
    floats: bool,
}

struct Strict<'a> {
    depth: u32,
    budget: &'a mut Budget,
}

impl Strict<'_> {
    fn fail<E: de::Error>(&mut self, fault: Unreadable) -> E {
        self.budget.fault.get_or_insert(fault);
        E::custom("refused")
    }
    fn text<E: de::Error>(&mut self, text: String) -> Result<Value, E> {
        if text.contains('\0') { Err(self.fail(Unreadable::Nul)) } else { Ok(Value::String(text)) }
    }
}

impl<'de> DeserializeSeed<'de> for Strict<'_> {
    type Value = Value;
    fn deserialize<D: de::Deserializer<'de>>(mut self, d: D) -> Result<Value, D::Error> {
        if self.depth > MAX_DEPTH || self.budget.nodes == 0 {
            return Err(self.fail(Unreadable::TooComplex));
        }
        self.budget.nodes -= 1;
        d.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict<'_> {
    type Value = Value;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }
    fn visit_bool<E>(self, b: bool) -> Result<Value, E> {
        Ok(Value::Bool(b))
    }
    fn visit_i64<E>(self, n: i64) -> Result<Value, E> {
        Ok(n.into())
    }
    fn visit_u64<E>(self, n: u64) -> Result<Value, E> {
        Ok(n.into())
    }
    fn visit_f64<E>(self, n: f64) -> Result<Value, E> {
        // 3.0 is an integer to JSON Schema and none to serde: one form for both.
        let whole = n.fract() == 0.0 && n.abs() < 9e15;
        self.budget.floats |= whole;
        #[expect(clippy::cast_possible_truncation, reason = "whole and below 2^53")]
        let value = if whole { Value::from(n as i64) } else { Number::from_f64(n).map_or(Value::Null, Value::Number) };
        Ok(value)
    }
    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }
    fn visit_str<E: de::Error>(mut self, s: &str) -> Result<Value, E> {
        self.text(s.to_owned())
    }
    fn visit_string<E: de::Error>(mut self, s: String) -> Result<Value, E> {
        self.text(s)
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(value) = seq.next_element_seed(Strict { depth: self.depth + 1, budget: &mut *self.budget })? {
            list.push(value);
        }
        Ok(Value::Array(list))
    }
    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<Value, A::Error> {
        let mut out = Map::new();
        let mut seen = BTreeSet::new();
        while let Some(key) = map.next_key::<String>()? {
            if key.contains('\0') {
                return Err(self.fail(Unreadable::Nul));
            }
            if !seen.insert(key.clone()) {
                return Err(self.fail(Unreadable::DuplicateKey));
            }
            let value = map.next_value_seed(Strict { depth: self.depth + 1, budget: &mut *self.budget })?;
            out.insert(key, value);
        }
        Ok(Value::Object(out))
    }
}

/// The start of a text, at most `max` bytes, cut between characters.
pub(crate) fn truncate_bytes(text: &str, max: usize) -> &str {
    let mut end = max.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or(text)
}

/// Puts words of enums in the case that the schema spells them in; vendors do not promise it. Whether any
/// was written in another.
pub(crate) fn fold_enum_case(value: &mut Value, schema: &Value) -> bool {
    let mut folded = false;
    match value {
        Value::String(word) => {
            let words = schema.get("enum").and_then(Value::as_array).into_iter().flatten();
            let found = words.filter_map(Value::as_str).find(|w| w.eq_ignore_ascii_case(word));
            if let Some(found) = found.filter(|found| found != word) {
                *word = found.to_owned();
                folded = true;
            }
        }
        Value::Array(list) => {
            if let Some(items) = schema.get("items") {
                for each in list {
                    folded |= fold_enum_case(each, items);
                }
            }
        }
        Value::Object(map) => {
            for (key, each) in map {
                if let Some(inner) = schema.get("properties").and_then(|p| p.get(key)) {
                    folded |= fold_enum_case(each, inner);
                }
            }
        }
        _ => {}
    }
    folded
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    // rules: I1
    #[test]
    fn i1_only_one_whole_object_is_an_answer() {
        let object = serde_json::json!({ "a": 1 });
        for good in [
            "{\"a\":1}",
            "\u{feff} {\"a\": 1.0} ",
            "Here you are:\n```json\n{\"a\":1}\n```\nAnything else?",
            "Sure! {\"a\":1} Done.",
            "```json\n{\"a\":1}```",
        ] {
            assert_eq!(read(good), Ok((object.clone(), good.contains("1.0"))), "{good}");
        }
        // A text that holds a block of code, in a fence of its own, whole and over several lines.
        let code = "Run:\n```sh\nls\n```\nDone.";
        let object = serde_json::json!({ "a": code, "b": "```" });
        for json in [object.to_string(), serde_json::to_string_pretty(&object).unwrap_or_default()] {
            for good in [json.clone(), format!("```json\n{json}\n```"), format!("Here:\n\n  ```\n{json}\n  ```\nBye")] {
                assert_eq!(read(&good), Ok((object.clone(), false)), "{good}");
            }
        }
        let deep = format!("{{\"a\":{}1{}}}", "[".repeat(70), "]".repeat(70));
        let wide = format!("{{\"a\":[{}1]}}", "1,".repeat(20_001));
        let long = format!("{{\"a\":\"{}\"}}", "x".repeat(MAX_ANSWER));
        for (bad, fault) in [
            ("", Unreadable::Empty),
            ("no", Unreadable::NotJson),
            ("[1]", Unreadable::NotJson),
            ("[{\"a\":1}]", Unreadable::NotJson),
            ("{\"a\":1", Unreadable::NotJson),
            ("{\"a\":1} {\"a\":2", Unreadable::NotJson),
            ("{\"a\":1}{\"a\":2}", Unreadable::Ambiguous),
            ("```\n{\"a\":1}\n```\n```\n{\"a\":1}\n```", Unreadable::Ambiguous),
            ("{\"a\":1,\"a\":2}", Unreadable::DuplicateKey),
            ("{\"b\":{\"a\":1,\"a\":1}}", Unreadable::DuplicateKey),
            ("{\"a\":NaN}", Unreadable::NotJson),
            ("{\"a\":1e999}", Unreadable::NotJson),
            ("{\"a\":\"\\u0000\"}", Unreadable::Nul),
            ("{\"a\":\"\\ud800\"}", Unreadable::NotJson),
            (deep.as_str(), Unreadable::TooComplex),
            (wide.as_str(), Unreadable::TooComplex),
            (long.as_str(), Unreadable::TooLong),
        ] {
            assert_eq!(read(bad), Err(fault), "{}", bad.chars().take(60).collect::<String>());
        }
    }

    #[test]
    fn enum_words_are_read_in_any_case() {
        let schema = serde_json::json!({ "properties": { "k": { "enum": ["single_choice"] } } });
        let mut value = serde_json::json!({ "k": "Single_Choice" });
        assert!(fold_enum_case(&mut value, &schema));
        assert_eq!(value, serde_json::json!({ "k": "single_choice" }));
        assert!(!fold_enum_case(&mut value, &schema), "as it should be");
    }

    proptest! {
        #[test]
        fn no_answer_makes_the_reader_panic(text in ".{0,300}") {
            let _ = read(&text);
            let _ = read(&format!("{{{text}}}"));
        }
    }
}
