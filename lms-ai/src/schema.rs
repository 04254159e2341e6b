//! Schemas of answers: from Rust types to the portable subset that every provider takes.

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};

/// The canonical schema of a type, with everything inline.
pub fn canonical<T: JsonSchema>() -> Value {
    let settings = SchemaSettings::draft2020_12().with(|s| s.inline_subschemas = true);
    settings.into_generator().into_root_schema_for::<T>().to_value()
}

/// The portable form of a schema: closed objects with every field required, plain enums, no numeric
/// or length keywords. What is dropped goes into the description, so that the model still reads it.
pub fn portable(schema: &Value) -> Value {
    let Value::Object(map) = schema else { return schema.clone() };
    let mut out = Map::new();
    let mut notes: Vec<String> = Vec::new();
    if let Some(words) = enum_of(map) {
        out.insert("type".into(), json!("string"));
        out.insert("enum".into(), words);
    }
    for (key, value) in map {
        match key.as_str() {
            "type" => {
                out.entry("type").or_insert_with(|| value.clone());
            }
            "enum" | "const" => {
                out.entry(key.clone()).or_insert_with(|| value.clone());
            }
            "description" => {}
            "properties" => {
                if let Value::Object(properties) = value {
                    let inner: Map<String, Value> =
                        properties.iter().map(|(name, schema)| (name.clone(), portable(schema))).collect();
                    let names: Vec<Value> = inner.keys().map(|name| json!(name)).collect();
                    out.insert("properties".into(), Value::Object(inner));
                    out.insert("required".into(), Value::Array(names));
                    out.insert("additionalProperties".into(), json!(false));
                }
            }
            "items" => {
                out.insert("items".into(), portable(value));
            }
            "oneOf" | "anyOf" if out.get("enum").is_none() => {
                if let Value::Array(all) = value {
                    out.insert("anyOf".into(), Value::Array(all.iter().map(portable).collect()));
                }
            }
            "minimum" | "maximum" | "minLength" | "maxLength" | "minItems" | "maxItems" => {
                notes.push(format!("{key}: {value}"));
            }
            _ => {}
        }
    }
    let described = map.get("description").and_then(Value::as_str).unwrap_or_default();
    let mut description = described.to_owned();
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

/// What keeps a schema from being portable; nothing = every provider takes it.
pub fn lint(schema: &Value) -> Vec<String> {
    let mut found = Vec::new();
    walk(schema, "", 0, &mut found);
    found
}

fn walk(schema: &Value, at: &str, depth: usize, found: &mut Vec<String>) {
    let Value::Object(map) = schema else {
        found.push(format!("{at}: not a schema"));
        return;
    };
    const TAKEN: [&str; 8] =
        ["type", "enum", "const", "description", "properties", "required", "additionalProperties", "items"];
    for key in map.keys() {
        if !TAKEN.contains(&key.as_str()) {
            found.push(format!("{at}: `{key}`"));
        }
    }
    if !map.get("type").is_some_and(Value::is_string) && !map.contains_key("const") {
        found.push(format!("{at}: no single type"));
    }
    if map.get("type") == Some(&json!("object")) {
        if depth > 5 {
            found.push(format!("{at}: more than 5 levels"));
        }
        let properties = map.get("properties").and_then(Value::as_object);
        let required = map.get("required").and_then(Value::as_array).map_or(0, Vec::len);
        if map.get("additionalProperties") != Some(&json!(false)) || properties.map_or(0, Map::len) != required {
            found.push(format!("{at}: not closed with every field required"));
        }
        for (name, inner) in properties.into_iter().flatten() {
            walk(inner, &format!("{at}/{name}"), depth + 1, found);
        }
    }
    if let Some(items) = map.get("items") {
        walk(items, &format!("{at}/*"), depth + 1, found);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;

    /// A colour.
    #[derive(Deserialize, JsonSchema)]
    #[serde(rename_all = "snake_case")]
    enum Colour {
        /// Like blood.
        Red,
        Green,
    }

    #[derive(Deserialize, JsonSchema)]
    #[expect(dead_code, reason = "only its schema is looked at")]
    struct Inner {
        /// How many.
        #[schemars(range(min = 1, max = 9))]
        count: u32,
        colour: Colour,
    }

    #[derive(Deserialize, JsonSchema)]
    #[expect(dead_code, reason = "only its schema is looked at")]
    struct Outer {
        #[schemars(length(min = 3))]
        title: String,
        inner: Vec<Inner>,
        yes: bool,
    }

    #[test]
    fn derived_shapes_become_portable_and_keep_their_bounds_in_words() {
        let schema = portable(&canonical::<Outer>());
        assert_eq!(lint(&schema), Vec::<String>::new(), "{schema:#}");
        let text = schema.to_string();
        assert!(text.contains("How many. [") && text.contains("minimum: 1") && text.contains("maximum: 9"), "{text}");
        assert!(text.contains("minLength: 3"));
        assert!(
            text.contains("\"enum\":[\"red\",\"green\"]") || text.contains("\"enum\":[\"green\",\"red\"]"),
            "{text}"
        );
    }

    #[test]
    fn what_is_not_portable_is_named() {
        let open = json!({ "type": "object", "properties": { "a": { "type": ["string", "null"] } }, "required": [] });
        let found = lint(&open);
        assert!(found.iter().any(|f| f.contains("closed")) && found.iter().any(|f| f.contains("/a")), "{found:?}");
    }
}
