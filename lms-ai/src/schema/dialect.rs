//! What each provider takes of a schema.

use serde_json::{Map, Value, json};

use super::{Ordered, portable};

/// A form of a schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Dialect {
    /// What Anthropic takes, and with it every other: the portable subset.
    Portable,
    /// OpenAI's strict form: the same without constants.
    OpenAiStrict,
    /// The same for the grammar of Ollama.
    OllamaFormat,
}

/// A schema in a dialect: nothing of it is refused for its form.
pub fn in_dialect(schema: &Value, dialect: Dialect) -> Value {
    let portable = portable(schema);
    match dialect {
        Dialect::Portable => portable,
        Dialect::OpenAiStrict | Dialect::OllamaFormat => without_constants(portable),
    }
}

/// A constant as an enum of one.
fn without_constants(schema: Value) -> Value {
    match schema {
        Value::Object(map) => {
            let mut out = Map::new();
            for (key, value) in map {
                match key.as_str() {
                    "const" => {
                        if value.is_string() {
                            out.insert("type".to_owned(), json!("string"));
                        }
                        out.insert("enum".to_owned(), Value::Array(vec![value]));
                    }
                    "properties" => {
                        let inner = value.as_object().cloned().unwrap_or_default();
                        let inner: Map<String, Value> =
                            inner.into_iter().map(|(name, schema)| (name, without_constants(schema))).collect();
                        out.insert(key, Value::Object(inner));
                    }
                    "items" | "anyOf" => {
                        out.insert(key, without_constants(value));
                    }
                    _ => {
                        out.insert(key, value);
                    }
                }
            }
            Value::Object(out)
        }
        Value::Array(list) => Value::Array(list.into_iter().map(without_constants).collect()),
        plain => plain,
    }
}

/// A schema as text for a prompt: indented, with the fields in the order in which they are to be answered.
pub fn printed(schema: &Value) -> String {
    // A schema is an object of texts, numbers and lists: it always has a JSON form.
    serde_json::to_string_pretty(&Ordered(schema)).unwrap_or_default()
}
