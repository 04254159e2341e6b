//! The portable subset.

use serde_json::{Map, Value, json};

/// The keywords that no provider is sure to take; what they say goes into the description.
const NOTED: &[&str] = &[
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "multipleOf",
    "minLength",
    "maxLength",
    "minItems",
    "maxItems",
    "uniqueItems",
    "pattern",
];

/// The portable form of a schema: closed objects with every field required, plain enums, no references, no
/// numeric or length keywords. What is dropped goes into the description, so that the model still reads it.
/// The portable form of a portable schema is itself.
pub fn portable(schema: &Value) -> Value {
    let root = schema.as_object().cloned().unwrap_or_default();
    node(&root, schema, &mut Vec::new())
}

/// `open` are the references that are being put in place: one that holds itself stays a reference, which
/// the linter names.
fn node(root: &Map<String, Value>, schema: &Value, open: &mut Vec<String>) -> Value {
    let Value::Object(map) = schema else { return schema.clone() };
    if let Some(whole) = merged(root, map, open) {
        let (whole, name) = whole;
        open.extend(name.clone());
        let out = node(root, &Value::Object(whole), open);
        open.truncate(open.len() - usize::from(name.is_some()));
        return out;
    }
    let mut out = Map::new();
    let mut notes: Vec<String> = Vec::new();
    if let Some(words) = enum_of(map) {
        out.insert("type".into(), json!("string"));
        out.insert("enum".into(), words);
    }
    for (key, value) in map {
        match key.as_str() {
            "type" | "enum" | "const" | "$ref" => {
                out.entry(key.clone()).or_insert_with(|| value.clone());
            }
            "properties" => {
                if let Value::Object(properties) = value {
                    let inner: Map<String, Value> =
                        properties.iter().map(|(name, schema)| (name.clone(), node(root, schema, open))).collect();
                    out.insert("required".into(), in_order(&inner, map.get("required")));
                    out.insert("properties".into(), Value::Object(inner));
                    out.insert("additionalProperties".into(), json!(false));
                }
            }
            "items" => {
                out.insert("items".into(), node(root, value, open));
            }
            "oneOf" | "anyOf" if !out.contains_key("enum") => {
                if let Value::Array(all) = value {
                    let all = all.iter().map(|one| node(root, one, open)).collect();
                    out.insert("anyOf".into(), Value::Array(all));
                }
            }
            "format" if map.get("type") == Some(&json!("string")) => notes.push(note(key, value)),
            key if NOTED.contains(&key) => notes.push(note(key, value)),
            _ => {}
        }
    }
    let mut description = map.get("description").and_then(Value::as_str).unwrap_or_default().to_owned();
    if !notes.is_empty() {
        if !description.is_empty() {
            description.push(' ');
        }
        description.push_str(&format!("[{}]", notes.join(", ")));
    }
    if !description.is_empty() {
        out.insert("description".into(), json!(description));
    }
    Value::Object(out)
}

fn note(key: &str, value: &Value) -> String {
    value.as_str().map_or_else(|| format!("{key}: {value}"), |text| format!("{key}: {text}"))
}

/// What a reference, or an `allOf` of one, stands for, with what is said beside it; and the reference.
fn merged(
    root: &Map<String, Value>,
    map: &Map<String, Value>,
    open: &[String],
) -> Option<(Map<String, Value>, Option<String>)> {
    let (key, target, name) = if let Some(reference) = map.get("$ref").and_then(Value::as_str) {
        if open.iter().any(|name| name == reference) {
            return None;
        }
        let target = Value::Object(root.clone()).pointer(reference.strip_prefix('#')?)?.as_object()?.clone();
        ("$ref", target, Some(reference.to_owned()))
    } else {
        let [one] = map.get("allOf")?.as_array()?.as_slice() else { return None };
        ("allOf", one.as_object()?.clone(), None)
    };
    let mut whole = target;
    whole.extend(map.iter().filter(|(other, _)| *other != key).map(|(name, value)| (name.clone(), value.clone())));
    Some((whole, name))
}

/// Every field: those of the list first, in its order.
fn in_order(properties: &Map<String, Value>, required: Option<&Value>) -> Value {
    let listed: Vec<&str> =
        required.and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect();
    let first = listed.iter().filter(|name| properties.contains_key(**name)).copied();
    let rest = properties.keys().map(String::as_str).filter(|name| !listed.contains(name));
    first.chain(rest).map(Value::from).collect()
}

/// The words of an enum that schemars wrote as alternatives of constants.
fn enum_of(map: &Map<String, Value>) -> Option<Value> {
    let all = map.get("oneOf").or_else(|| map.get("anyOf"))?.as_array()?;
    let mut words = Vec::new();
    for one in all {
        match (one.get("const"), one.get("enum").and_then(Value::as_array)) {
            (Some(Value::String(word)), _) => words.push(json!(word)),
            (_, Some(list)) if list.iter().all(Value::is_string) => words.extend(list.iter().cloned()),
            _ => return None,
        }
    }
    Some(Value::Array(words))
}
