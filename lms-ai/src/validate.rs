//! Whether an answer counts: strict read, schema, types, the rules of the task.

use crate::engine::Judge;
use crate::{AiTask, Violation, schema};

/// The answer of a task, if it passes every check that the engine makes; else all that is wrong with it.
///
/// An answer is read strictly (one whole JSON object, no key twice, bounded in length, depth and number
/// of values), then held against the schema, then against the rules of the task. Nothing is guessed or
/// mended but the case of the words of an enum.
///
/// # Errors
/// Each violation with its code and its place. The messages quote no text of the answer.
pub fn validate<T: AiTask>(input: &T::In, answer: &str) -> Result<T::Out, Vec<Violation>> {
    let canonical = schema::canonical::<T::Out>();
    let wire = schema::portable(&canonical);
    let judged = Judge { canonical, wire }.judge::<T>(input, answer);
    judged.map(|judged| judged.value).map_err(|rejected| rejected.violations)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::task::{BodyIn, BodyTask};

    fn answer() -> Value {
        json!({
            "key_points": ["Light drives the leaf.", "Water comes from the roots.", "Sugar is the store of energy."],
            "body_markdown": "The leaf takes in light. ".repeat(20).trim_end(),
            "glossary": [],
            "minutes": 10,
        })
    }

    fn codes(answer: &str) -> Vec<(&'static str, String)> {
        let found = validate::<BodyTask>(&BodyIn::default(), answer).map(|_| ()).unwrap_err();
        found.into_iter().map(|violation| (violation.code, violation.pointer)).collect()
    }

    // rules: I1
    #[test]
    fn i1_an_answer_passes_the_reader_the_schema_and_the_rules_or_not_at_all() {
        let good = answer();
        let read = validate::<BodyTask>(&BodyIn::default(), &good.to_string()).unwrap();
        assert_eq!(serde_json::to_value(read).unwrap(), good);
        assert_eq!(codes("no"), [("answer.not_json", String::new())]);
        assert_eq!(codes("{}").first().map(|(code, _)| *code), Some("schema"));
        let with = |field: &str, value: Value| {
            let mut answer = answer();
            answer[field] = value;
            answer.to_string()
        };
        assert_eq!(codes(&with("minutes", json!("ten"))), [("schema", "/minutes".to_owned())]);
        assert_eq!(codes(&with("more", json!(1))), [("schema", String::new())]);
        assert!(codes(&with("body_markdown", json!("Short."))).contains(&("too_short", "/body_markdown".to_owned())));
    }

    #[test]
    fn no_violation_quotes_the_answer() {
        let secret = "a text that nobody should read twice";
        let mut answer = answer();
        answer["minutes"] = json!(secret);
        answer[secret] = json!(secret);
        let found = validate::<BodyTask>(&BodyIn::default(), &answer.to_string()).unwrap_err();
        assert!(!format!("{found:?}").contains(secret), "{found:?}");
    }
}
