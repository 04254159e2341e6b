//! Schemas of answers: from Rust types to the portable subset that every provider takes, and to what each
//! takes of it.

mod dialect;
mod lint;
mod ordered;
mod portable;
#[cfg(test)]
mod tests;

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde_json::Value;

pub use dialect::{Dialect, in_dialect, printed};
pub use lint::lint;
pub(crate) use ordered::Ordered;
pub use portable::portable;

/// The canonical schema of a type, with everything inline.
pub fn canonical<T: JsonSchema>() -> Value {
    let settings = SchemaSettings::draft2020_12().with(|s| s.inline_subschemas = true);
    settings.into_generator().into_root_schema_for::<T>().to_value()
}
