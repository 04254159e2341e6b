//! Schemas as text, with the fields in the order in which they are to be answered.

use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::{Map, Value};

/// A schema whose properties are written in the order of its `required` list: models answer in the order
/// that they read, and evidence is to come before points. A JSON object here sorts its keys by name.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ordered<'a>(pub(crate) &'a Value);

struct Properties<'a> {
    all: &'a Map<String, Value>,
    required: &'a [Value],
}

impl Serialize for Ordered<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Value::Object(map) => {
                let required = map.get("required").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
                let mut out = serializer.serialize_map(Some(map.len()))?;
                for (key, value) in map {
                    match value {
                        Value::Object(all) if key == "properties" => {
                            out.serialize_entry(key, &Properties { all, required })?;
                        }
                        value => out.serialize_entry(key, &Ordered(value))?,
                    }
                }
                out.end()
            }
            Value::Array(list) => serializer.collect_seq(list.iter().map(Ordered)),
            plain => plain.serialize(serializer),
        }
    }
}

impl Serialize for Properties<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut out = serializer.serialize_map(Some(self.all.len()))?;
        let named: Vec<&str> = self.required.iter().filter_map(Value::as_str).collect();
        let first = named.iter().filter_map(|name| self.all.get_key_value(*name));
        let rest = self.all.iter().filter(|(name, _)| !named.contains(&name.as_str()));
        for (name, schema) in first.chain(rest) {
            out.serialize_entry(name, &Ordered(schema))?;
        }
        out.end()
    }
}
