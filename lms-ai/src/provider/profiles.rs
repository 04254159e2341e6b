//! What models can do and cost, as data.

use std::collections::BTreeMap;

use lms_core::ai::ModelProfile;
use serde::{Deserialize, Serialize};

use super::models;

/// A table of model families: the longest known prefix of a model's id decides.
///
/// A prefix counts only up to a boundary of the id: `claude-sonnet-5` covers `claude-sonnet-5-5` and not
/// `claude-sonnet-50`. A vendor before the id, as in `openai/gpt-5`, does not matter. A model that nobody
/// knows gets the table's fallback. Hosts add rows of their own with [`Profiles::with`], or many from a
/// file with [`Profiles::with_all`]; a later row replaces an earlier one of the same prefix.
///
/// ```
/// use std::collections::BTreeMap;
/// use lms_ai::provider::Profiles;
/// use lms_core::ai::ModelProfile;
///
/// let file = r#"{ "my-model-7b": {
///     "native_schema": false, "thinking_by_default": false, "max_output": 4096,
///     "price": { "input": 200000, "output": 600000, "cache_read": 200000, "cache_write": 200000 }
/// } }"#;
/// let rows: BTreeMap<String, ModelProfile> = serde_json::from_str(file)?;
/// let table = Profiles::openai().with_all(rows);
/// assert_eq!(table.get("my-model-7b-instruct").max_output, 4096);
/// # Ok::<(), serde_json::Error>(())
/// ```
///
/// Prices are millionths of a US dollar per million tokens, as lists gave them in autumn 2026.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Profiles {
    models: BTreeMap<String, ModelProfile>,
    fallback: ModelProfile,
}

impl Profiles {
    /// An empty table: every model is the fallback.
    pub const fn new(fallback: ModelProfile) -> Self {
        Self { models: BTreeMap::new(), fallback }
    }

    /// The models of Anthropic. The fallback is careful: the dearest price known, thinking by default.
    pub fn anthropic() -> Self {
        Self::new(models::careful(15_000, 75_000, 32_000)).with_all(models::anthropic())
    }

    /// The models of OpenAI. The fallback is careful: the dearest price known, thinking by default.
    pub fn openai() -> Self {
        Self::new(models::careful(30_000, 180_000, 16_384)).with_all(models::openai())
    }

    /// The models of both, under the names that OpenRouter gives them, and a careful fallback.
    pub fn openrouter() -> Self {
        Self::openai().with_all(models::anthropic())
    }

    /// Servers of one's own: no call costs money, and every model may be asked to keep to a schema.
    pub const fn own_machine() -> Self {
        Self::new(models::own_machine())
    }

    /// A service that nothing is known of: no model is known to think by default, and each is as dear as
    /// the dearest known, so that budgets hold; set what it costs.
    pub fn unknown() -> Self {
        Self::new(ModelProfile { thinking_by_default: false, ..models::careful(30_000, 180_000, 16_384) })
    }

    /// The table with one more row.
    #[must_use]
    pub fn with(mut self, prefix: impl Into<String>, profile: ModelProfile) -> Self {
        self.models.insert(prefix.into(), profile);
        self
    }

    /// The table with more rows.
    #[must_use]
    pub fn with_all<P: Into<String>>(mut self, rows: impl IntoIterator<Item = (P, ModelProfile)>) -> Self {
        self.models.extend(rows.into_iter().map(|(prefix, profile)| (prefix.into(), profile)));
        self
    }

    /// The table with another fallback.
    #[must_use]
    pub fn with_fallback(mut self, profile: ModelProfile) -> Self {
        self.fallback = profile;
        self
    }

    /// What is known of a model; never fails.
    pub fn get(&self, model: &str) -> ModelProfile {
        self.find(model).unwrap_or(&self.fallback).clone()
    }

    /// Whether the table has a row for a model.
    pub fn knows(&self, model: &str) -> bool {
        self.find(model).is_some()
    }

    fn find(&self, model: &str) -> Option<&ModelProfile> {
        let bare = model.rsplit('/').next().unwrap_or(model);
        // OpenRouter writes `anthropic/claude-sonnet-4.5` for `claude-sonnet-4-5`.
        let dashed = bare.replace('.', "-");
        let named = |prefix: &str| [model, bare, dashed.as_str()].iter().any(|id| covers(prefix, id));
        let rows = self.models.iter().filter(|(prefix, _)| named(prefix));
        rows.max_by_key(|(prefix, _)| prefix.len()).map(|(_, profile)| profile)
    }
}

fn covers(prefix: &str, model: &str) -> bool {
    model.strip_prefix(prefix).is_some_and(|rest| !rest.starts_with(|next: char| next.is_ascii_alphanumeric()))
}
