//! Whether an answer counts, and what the model is told where it does not.

use lms_core::ai::{AiResponse, Part, Stop, Trust};
use serde_json::Value;

use super::AiError;
use crate::reader::{fold_enum_case, read, truncate_bytes};
use crate::task::json_string;
use crate::{AiTask, Prompt, Violation};

/// How much of a bad answer goes into the repair.
const MAX_QUOTED: usize = 16 * 1024;
/// Violations shown to the model and kept in the log.
pub(super) const MAX_VIOLATIONS: usize = 20;

/// What one attempt came to.
pub(super) enum Outcome<T> {
    Good(Judged<T>),
    Bad(Rejected<T>),
    Cut,
    Refused(Option<String>),
    Ends(AiError),
}

/// An answer that counts, and what was put right before it was read.
pub(crate) struct Judged<T> {
    pub(crate) value: T,
    pub(super) notes: Vec<String>,
    /// Rules that it breaks all the same, of those that a person may judge.
    pub(super) violations: Vec<Violation>,
}

/// An answer that does not count.
pub(crate) struct Rejected<T> {
    pub(crate) violations: Vec<Violation>,
    /// The answer, where a person may judge each of its faults.
    pub(super) tolerable: Option<Judged<T>>,
}

impl<T> Rejected<T> {
    fn one(code: &'static str, message: String) -> Self {
        Self::of(vec![Violation { code, pointer: String::new(), message }])
    }

    const fn of(violations: Vec<Violation>) -> Self {
        Self { violations, tolerable: None }
    }
}

/// What answers of a task are held against.
pub(crate) struct Judge {
    /// The schema of the task's own types.
    pub(crate) canonical: Value,
    /// What the provider is given of it.
    pub(crate) wire: Value,
}

impl Judge {
    /// The stop reason comes before the text: a refusal or a cut is never read as an answer.
    pub(super) fn outcome<T: AiTask>(&self, input: &T::In, response: &AiResponse) -> Outcome<T::Out> {
        match &response.stop {
            Stop::Complete => match self.judge::<T>(input, &response.text) {
                Ok(judged) => Outcome::Good(judged),
                Err(rejected) => Outcome::Bad(rejected),
            },
            Stop::Truncated => Outcome::Cut,
            Stop::Refused { category } => Outcome::Refused(category.clone()),
            Stop::ContextFull | Stop::Filtered | Stop::Other => {
                Outcome::Ends(AiError::Stopped { reason: response.raw_stop.clone() })
            }
        }
    }

    /// Strict read, schema, types, domain checks.
    pub(crate) fn judge<T: AiTask>(&self, input: &T::In, text: &str) -> Result<Judged<T::Out>, Rejected<T::Out>> {
        let (mut value, floats) = read(text).map_err(|e| Rejected::one(e.code(), e.to_string()))?;
        let mut notes = Vec::new();
        if floats {
            notes.push("whole_floats".to_owned());
        }
        if fold_enum_case(&mut value, &self.wire) {
            notes.push("enum_case".to_owned());
        }
        let validator = jsonschema::validator_for(&self.canonical)
            .map_err(|_| Rejected::one("schema.broken", "the schema itself is broken".to_owned()))?;
        let found: Vec<Violation> = validator
            .iter_errors(&value)
            .take(MAX_VIOLATIONS)
            .map(|error| Violation {
                // The validator's messages quote values: only kind and place go on.
                code: "schema",
                pointer: error.instance_path().to_string(),
                message: format!("does not fit the schema ({})", error.kind().keyword()),
            })
            .collect();
        if !found.is_empty() {
            return Err(Rejected::of(found));
        }
        let out: T::Out =
            serde_json::from_value(value).map_err(|_| Rejected::one("schema", "does not fit the schema".to_owned()))?;
        let violations = T::check(input, &out);
        notes.extend(T::notes(input, &out));
        let judged = Judged { value: out, notes, violations: violations.clone() };
        if violations.is_empty() {
            return Ok(judged);
        }
        let tolerable = violations.iter().all(T::is_tolerable).then_some(judged);
        Err(Rejected { violations, tolerable })
    }
}

/// The last bad answer, as the repair quotes it: one JSON string on one line, so that nothing in it can pass
/// for a rule.
pub(super) fn quoted(answer: &str) -> Part {
    Part {
        label: "previous_answer".to_owned(),
        text: json_string(truncate_bytes(answer, MAX_QUOTED)),
        trust: Trust::Untrusted,
    }
}

/// The original prompt, the last bad answer as quoted data, and what is wrong with it: one turn, so
/// that repairs cost no more each time.
pub(super) fn repair(original: &Prompt, answer: &str, violations: &[Violation]) -> Prompt {
    let mut parts = original.parts.clone();
    parts.push(quoted(answer));
    let shown: Vec<&Violation> = violations.iter().take(MAX_VIOLATIONS).collect();
    parts.push(Part {
        label: "violations".to_owned(),
        text: format!(
            "Your previous answer breaks the rules listed here. Answer again with the whole JSON object. Fix only \
             these; do not invent items.\n{}",
            serde_json::to_string(&shown).unwrap_or_default()
        ),
        trust: Trust::Trusted,
    });
    Prompt { system: original.system.clone(), parts }
}

pub(super) fn same_faults(a: &[Violation], b: &[Violation]) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.code == b.code && a.pointer == b.pointer)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "these are tests")]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// No answer can change the policy or the task, or pass for a rule, in the repair that quotes it.
        #[test]
        fn no_answer_leaves_its_quotation(answer in "\\PC{0,80}|(END |UNTRUSTED |\n|\r|\u{2028}|\u{85}|\"|\\\\|\\\\n|violations|system:|\0){0,14}") {
            let part = Part { label: "task".into(), text: "the task".into(), trust: Trust::Trusted };
            let original = Prompt { system: "the policy".into(), parts: vec![part] };
            let fault = Violation { code: "too_long", pointer: "/title".into(), message: "is too long".into() };
            let repaired = repair(&original, &answer, std::slice::from_ref(&fault));
            let other = repair(&original, "", &[fault]);
            prop_assert_eq!(&repaired.system, "the policy");
            prop_assert_eq!(repaired.parts.len(), 3);
            prop_assert_eq!((&repaired.parts[0], &repaired.parts[2]), (&other.parts[0], &other.parts[2]));
            let quotation = &repaired.parts[1];
            prop_assert_eq!((quotation.label.as_str(), quotation.trust), ("previous_answer", Trust::Untrusted));
            let breaks = ['\n', '\r', '\u{85}', '\u{2028}', '\u{2029}', '\u{b}', '\u{c}'];
            prop_assert!(!quotation.text.contains(breaks), "one line");
            prop_assert_eq!(serde_json::from_str::<String>(&quotation.text).unwrap(), answer);
        }
    }
}
