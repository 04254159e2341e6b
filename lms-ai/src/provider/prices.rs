//! What models can do and cost, as data.

use lms_core::ai::{ModelProfile, Price};

/// A table of model families: the longest known prefix of a model's id decides.
///
/// A prefix counts only up to a boundary of the id: `claude-sonnet-5` covers `claude-sonnet-5-5` and not
/// `claude-sonnet-50`. A model that nobody knows gets the table's fallback. Hosts add rows of their own
/// with [`Profiles::with`]; a later row replaces an earlier one of the same prefix.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Profiles {
    rows: Vec<(String, ModelProfile)>,
    fallback: ModelProfile,
}

impl Profiles {
    /// An empty table: every model is the fallback.
    pub const fn new(fallback: ModelProfile) -> Self {
        Self { rows: Vec::new(), fallback }
    }

    /// The models of Anthropic. The fallback is careful: the dearest price known, thinking by default.
    pub fn anthropic() -> Self {
        let mut table = Self::new(row(true, true, 32_000, 15, 75));
        for &(prefix, native, thinking, max_output, input, output) in ANTHROPIC {
            table = table.with(prefix, row(native, thinking, max_output, input, output));
        }
        table
    }

    /// The table with one more row.
    #[must_use]
    pub fn with(mut self, prefix: impl Into<String>, profile: ModelProfile) -> Self {
        let prefix = prefix.into();
        self.rows.retain(|(known, _)| *known != prefix);
        self.rows.push((prefix, profile));
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
        self.rows
            .iter()
            .filter(|(prefix, _)| covers(prefix, model))
            .max_by_key(|(prefix, _)| prefix.len())
            .map(|(_, profile)| profile)
    }
}

fn covers(prefix: &str, model: &str) -> bool {
    model.strip_prefix(prefix).is_some_and(|rest| !rest.starts_with(|next: char| next.is_ascii_alphanumeric()))
}

/// Prefix, native schema, thinking by default, most output tokens, US dollars per million in and out.
///
/// Limits of output are the smallest that the family is known to take.
const ANTHROPIC: &[(&str, bool, bool, u32, u64, u64)] = &[
    ("claude-sonnet-5", true, true, 64_000, 2, 10),
    ("claude-sonnet-4-6", true, false, 64_000, 3, 15),
    ("claude-sonnet-4-5", true, false, 64_000, 3, 15),
    ("claude-haiku-4-5", true, false, 64_000, 1, 5),
    ("claude-opus-5", true, true, 64_000, 5, 25),
    ("claude-opus-4-8", true, false, 64_000, 5, 25),
    ("claude-opus-4-7", true, false, 64_000, 5, 25),
    ("claude-opus-4-6", true, false, 64_000, 5, 25),
    ("claude-opus-4-5", true, false, 64_000, 5, 25),
    // Before structured outputs: the schema must be in the prompt.
    ("claude-opus-4-1", false, false, 32_000, 15, 75),
    ("claude-opus-4-0", false, false, 32_000, 15, 75),
    ("claude-opus-4-20250514", false, false, 32_000, 15, 75),
    ("claude-sonnet-4-0", false, false, 64_000, 3, 15),
    ("claude-sonnet-4-20250514", false, false, 64_000, 3, 15),
    ("claude-3", false, false, 4_096, 15, 75),
];

/// A profile with Anthropic's ratios of the cache: reading costs a tenth, writing a quarter more.
const fn row(native_schema: bool, thinking_by_default: bool, max_output: u32, input: u64, output: u64) -> ModelProfile {
    ModelProfile {
        native_schema,
        thinking_by_default,
        max_output,
        price: Price {
            input: input * 1_000_000,
            output: output * 1_000_000,
            cache_read: input * 100_000,
            cache_write: input * 1_250_000,
        },
    }
}
