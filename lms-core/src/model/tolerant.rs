//! Documents that a newer version of the library may have written.
//!
//! What a host or AI hands in is read strictly: a field that nobody knows is a mistake. What stands in a row is
//! read leniently, so that while a deploy rolls, the old processes read what the new ones write. One definition
//! gives both readings.

use serde::Serialize;
use serde::de::DeserializeOwned;

/// A type whose documents stand in rows.
pub(crate) trait Tolerant: Serialize + DeserializeOwned {
    /// The same type without `deny_unknown_fields`, down to the last part.
    type Lenient: Serialize + DeserializeOwned;
}

impl<T: Tolerant> Tolerant for Vec<T> {
    type Lenient = Vec<T::Lenient>;
}

/// Reads a document of a row; fields that nobody knows are passed over.
///
/// # Errors
/// When it is no such document; with the first reading's words.
pub(crate) fn read<T: Tolerant>(text: &str) -> Result<T, serde_json::Error> {
    // Nearly always nothing is unknown, and the document is read once.
    serde_json::from_str(text).or_else(|error| {
        let Ok(known) = serde_json::from_str::<T::Lenient>(text) else { return Err(error) };
        serde_json::from_value(serde_json::to_value(known)?)
    })
}

/// Defines types whose documents stand in rows: those under `strict` refuse unknown fields when a host hands them
/// in, those under `plain` never do. `with` imports the parts that another file defines.
macro_rules! tolerant {
    ($(with { $($with:item)* })? $(strict { $($strict:item)* })? $(plain { $($plain:item)* })?) => {
        $($(
            #[derive(serde::Serialize, serde::Deserialize)]
            #[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
            #[serde(deny_unknown_fields)]
            $strict
        )*)?
        $($(
            #[derive(serde::Serialize, serde::Deserialize)]
            #[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
            $plain
        )*)?
        /// The same types, as rows are read.
        #[allow(unreachable_pub, unused_imports, reason = "each file takes what its types need")]
        pub(crate) mod lenient {
            use super::*;
            $($($with)*)?
            $($(
                #[derive(serde::Serialize, serde::Deserialize)]
                $strict
            )*)?
            $($(
                #[derive(serde::Serialize, serde::Deserialize)]
                $plain
            )*)?
        }
    };
}
pub(crate) use tolerant;

/// Says of types that [`tolerant!`] has defined that they are read so.
macro_rules! read_leniently {
    ($($name:ident),* $(,)?) => {
        $(impl $crate::model::tolerant::Tolerant for $name {
            type Lenient = lenient::$name;
        })*
    };
}
pub(crate) use read_leniently;

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::model::question::{Answer, QuestionBody};
    use crate::model::{CriterionScore, Rubric, RubricScores, SavedAnswers, TemplateDocument};

    /// The document with a field more in every object of it that has fields of the library's own.
    fn newer(document: &Value) -> Value {
        match document {
            Value::Object(fields) => {
                let mut fields: serde_json::Map<_, _> = fields.iter().map(|(k, v)| (k.clone(), newer(v))).collect();
                fields.insert("from_a_later_version".to_owned(), json!({ "deep": [1] }));
                Value::Object(fields)
            }
            Value::Array(items) => items.iter().map(newer).collect(),
            other => other.clone(),
        }
    }

    fn holds<T: Tolerant + PartialEq + std::fmt::Debug>(document: &Value) {
        let plain = document.to_string();
        let known: T = serde_json::from_str(&plain).unwrap();
        let later = newer(document).to_string();
        assert_eq!(read::<T>(&plain).unwrap(), known);
        assert_eq!(read::<T>(&later).unwrap(), known, "{later}");
        let strict = serde_json::from_str::<T>(&later).unwrap_err().to_string();
        assert!(strict.contains("unknown field"), "what is handed in is read strictly: {strict}");
        assert!(read::<T>("[7]").is_err() && read::<T>("{").is_err());
    }

    // rules: DESIGN §4a
    #[test]
    fn rows_of_a_later_version_are_read_and_input_stays_strict() {
        let rubric = json!({
            "criteria": [{ "id": "a", "title": "A", "description": "", "max": "5" }], "staff_notes": "n"
        });
        holds::<Rubric>(&rubric);
        holds::<RubricScores>(&json!([{ "id": "a", "points": "5", "comment": "c", "evidence": ["e"] }]));
        holds::<CriterionScore>(&json!({ "id": "a", "points": "5" }));
        holds::<TemplateDocument>(&json!({ "headline": "Done", "page": "Letter" }));
        for body in [
            json!({ "type": "true_false", "correct": true }),
            json!({ "type": "single_choice", "options": [{ "id": "a", "text": "A" }], "correct": "a" }),
            json!({ "type": "numeric", "keys": [{ "kind": "value", "value": "1" }, { "kind": "range", "low": "0",
                "high": "2" }] }),
            json!({ "type": "short_text", "keys": [{ "kind": "exact", "text": "x", "edits": 1 }] }),
            json!({ "type": "fill_blanks", "blanks": [{ "id": "b", "accepted": [{ "kind": "regex", "pattern": "x" }] }] }),
            json!({ "type": "ordering", "items": [{ "id": "a", "text": "A" }] }),
            json!({ "type": "essay", "rubric": rubric }),
        ] {
            holds::<QuestionBody>(&body);
        }
        holds::<Answer>(&json!({ "type": "choice", "option_id": "a" }));
        holds::<Answer>(&json!({ "type": "choices", "option_ids": ["a", "b"] }));
    }

    // rules: DESIGN §4a
    #[test]
    fn what_was_saved_is_read_down_to_the_last_part() {
        let answer = json!({ "type": "essay", "text": "Because.", "from_a_later_version": 1 });
        let saved = json!({ "answer": answer, "client": "tab", "at": "2026-03-01T12:00:00Z", "more": null });
        let id = "01980000-0000-7000-8000-000000000001";
        let text = json!({ "format": 1, "clients": { "tab": 1 }, "answers": { id: saved }, "more": 1 }).to_string();
        assert!(serde_json::from_str::<SavedAnswers>(&text).is_err());
        let read = read::<SavedAnswers>(&text).unwrap();
        let answer = read.answers.values().next().unwrap().answer.clone();
        assert_eq!(answer, Some(Answer::Essay { text: "Because.".into() }));
    }
}
