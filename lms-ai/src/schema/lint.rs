//! What keeps a schema from being portable.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

/// The most objects within objects.
const LEVELS: usize = 4;
/// What a portable schema is made of.
const TAKEN: [&str; 8] =
    ["type", "enum", "const", "description", "properties", "required", "additionalProperties", "items"];

/// What keeps a schema from being portable; nothing = every provider takes it.
pub fn lint(schema: &Value) -> Vec<String> {
    let mut found = Vec::new();
    if schema.get("type") != Some(&json!("object")) {
        found.push(": not an object".to_owned());
    }
    walk(schema, "", 1, &mut found);
    found
}

fn walk(schema: &Value, at: &str, level: usize, found: &mut Vec<String>) {
    let Value::Object(map) = schema else {
        found.push(format!("{at}: not a schema"));
        return;
    };
    for key in map.keys() {
        if !TAKEN.contains(&key.as_str()) {
            found.push(format!("{at}: `{key}`"));
        }
    }
    if !map.get("type").is_some_and(Value::is_string) && !map.contains_key("const") {
        found.push(format!("{at}: no single type"));
    }
    if let Some(words) = map.get("enum") {
        let words: Option<Vec<&str>> = words.as_array().map(|all| all.iter().filter_map(Value::as_str).collect());
        let all = map.get("enum").and_then(Value::as_array).map_or(0, Vec::len);
        let cases: BTreeSet<String> = words.into_iter().flatten().map(str::to_lowercase).collect();
        // Providers do not promise the case of a word.
        if cases.len() != all || all == 0 {
            found.push(format!("{at}: an enum of other than texts that differ by more than case"));
        }
    }
    if map.get("type") == Some(&json!("object")) {
        if level > LEVELS {
            found.push(format!("{at}: more than {LEVELS} levels"));
        }
        let properties = map.get("properties").and_then(Value::as_object);
        let required: BTreeSet<&str> =
            map.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect();
        let all: BTreeSet<&str> =
            properties.map(|p: &Map<_, _>| p.keys().map(String::as_str).collect()).unwrap_or_default();
        if map.get("additionalProperties") != Some(&json!(false)) || required != all {
            found.push(format!("{at}: not closed with every field required"));
        }
        for (name, inner) in properties.into_iter().flatten() {
            walk(inner, &format!("{at}/{name}"), level + 1, found);
        }
    }
    if map.get("type") == Some(&json!("array")) && !map.contains_key("items") {
        found.push(format!("{at}: a list of anything"));
    }
    if let Some(items) = map.get("items") {
        walk(items, &format!("{at}/*"), level, found);
    }
}
