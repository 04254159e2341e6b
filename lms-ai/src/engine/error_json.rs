//! [`AiError`] in JSON, in the shape of the library's own errors.

use serde::ser::{Serialize, SerializeMap, Serializer};

use super::AiError;

/// The parameters of an [`AiError`] in JSON.
struct Params<'a>(&'a AiError);

impl Serialize for Params<'_> {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        let mut map = s.serialize_map(None)?;
        match self.0 {
            AiError::InputTooLarge { bytes, max } => {
                map.serialize_entry("bytes", bytes)?;
                map.serialize_entry("max", max)?;
            }
            AiError::Refused { category } => map.serialize_entry("category", category)?,
            AiError::Stopped { reason } => map.serialize_entry("reason", reason)?,
            AiError::Invalid { violations } => map.serialize_entry("violations", violations)?,
            AiError::CallsUsedUp { calls } => map.serialize_entry("calls", calls)?,
            AiError::BudgetDenied { scope, needed } => {
                map.serialize_entry("scope", scope)?;
                map.serialize_entry("needed", needed)?;
            }
            AiError::NoSuchItem { pointer } => map.serialize_entry("pointer", pointer)?,
            AiError::NeedsReview { operation, reasons } => {
                map.serialize_entry("operation", operation)?;
                map.serialize_entry("reasons", reasons)?;
            }
            AiError::Provider(_)
            | AiError::Truncated
            | AiError::InProgress
            | AiError::OtherInput
            | AiError::Deadline
            | AiError::AnswerGone
            | AiError::NoProposal
            | AiError::NoText(_)
            | AiError::NotGraded(_)
            | AiError::Lms(_) => {}
        }
        map.end()
    }
}

/// `{"code", "class", "message", "params"}`, as [`lms_core::Error`] has it, and exactly that where the library
/// refused or failed. The message is for logs and developers; it holds no key.
impl Serialize for AiError {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        if let Self::Lms(error) = self {
            return error.serialize(s);
        }
        let info = self.info();
        let mut map = s.serialize_map(Some(4))?;
        map.serialize_entry("code", info.code)?;
        map.serialize_entry("class", &info.class)?;
        map.serialize_entry("message", &self.to_string())?;
        map.serialize_entry("params", &Params(self))?;
        map.end()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "these are tests")]
mod tests {
    use lms_core::ai::{ProviderError, ProviderErrorKind as Kind, Retry};
    use serde_json::{Value, json};
    use uuid::Uuid;

    use super::*;
    use crate::Violation;
    use crate::task::NotGraded;

    #[test]
    fn the_parameters_in_json_are_those_that_the_list_names() {
        let provider = |kind| AiError::Provider(ProviderError::new(kind, Retry::Never));
        let violation = Violation { code: "too_short", pointer: "/title".into(), message: "is too short".into() };
        let samples = [
            AiError::InputTooLarge { bytes: 2, max: 1 },
            provider(Kind::ModelUnavailable),
            provider(Kind::Auth),
            provider(Kind::RateLimited),
            provider(Kind::SpendLimit),
            provider(Kind::Server),
            AiError::Refused { category: None },
            AiError::Truncated,
            AiError::Stopped { reason: "filter".into() },
            AiError::Invalid { violations: vec![violation] },
            AiError::InProgress,
            AiError::OtherInput,
            AiError::Deadline,
            AiError::CallsUsedUp { calls: 6 },
            AiError::BudgetDenied { scope: "all".into(), needed: 7 },
            AiError::AnswerGone,
            AiError::NoProposal,
            AiError::NoSuchItem { pointer: "/lessons/9".into() },
            AiError::NeedsReview { operation: Uuid::nil(), reasons: vec!["fallback_model"] },
            AiError::NotGraded(NotGraded::NoText),
        ];
        let codes: Vec<_> = samples.iter().map(AiError::code).collect();
        assert_eq!(codes, AiError::codes().iter().map(|info| info.code).collect::<Vec<_>>(), "one of each, in order");
        for error in samples {
            let json = serde_json::to_value(&error).unwrap();
            let mut found: Vec<_> = json["params"].as_object().unwrap().keys().map(String::as_str).collect();
            let mut listed = error.info().params.to_vec();
            found.sort_unstable();
            listed.sort_unstable();
            assert_eq!((found, &json["code"]), (listed, &Value::from(error.code())));
        }
        let own = || lms_core::Error::from(lms_core::Refusal::CourseArchived {});
        assert_eq!(serde_json::to_value(AiError::from(own())).unwrap(), serde_json::to_value(own()).unwrap());
        let broken = |n| AiError::Invalid {
            violations: vec![Violation { code: "too_short", pointer: "/title".into(), message: String::new() }; n],
        };
        assert_eq!(broken(1).to_string(), "the answer breaks 1 rule: too_short at /title");
        assert!(broken(2).to_string().starts_with("the answer breaks 2 rules: "));
        let review = AiError::NeedsReview { operation: Uuid::nil(), reasons: vec!["fallback_model"] };
        let review = serde_json::to_value(review).unwrap();
        assert_eq!(review["params"], json!({ "operation": Uuid::nil(), "reasons": ["fallback_model"] }));
    }
}
