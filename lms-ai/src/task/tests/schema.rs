use schemars::schema_for;
use serde_json::Value;

use crate::task::{
    AssignmentOut, BodyOut, CertificateOut, CriterionRedoOut, GradeOut, OutlineOut, QuestionRedoOut, QuizOut, SolveOut,
};

fn required(schema: &Value, pointer: &str) -> Vec<String> {
    let list = schema.pointer(pointer).and_then(Value::as_array).cloned().unwrap_or_default();
    list.iter().filter_map(|v| v.as_str().map(str::to_owned)).collect()
}

fn all() -> Vec<Value> {
    vec![
        schema_for!(OutlineOut).to_value(),
        schema_for!(BodyOut).to_value(),
        schema_for!(QuizOut).to_value(),
        schema_for!(AssignmentOut).to_value(),
        schema_for!(GradeOut).to_value(),
        schema_for!(CertificateOut).to_value(),
        schema_for!(QuestionRedoOut).to_value(),
        schema_for!(CriterionRedoOut).to_value(),
        schema_for!(SolveOut).to_value(),
    ]
}

/// The `required` list keeps the order of the fields, which is the order to answer in.
#[test]
fn evidence_comes_before_points_and_the_quote_before_the_question() {
    let grade = schema_for!(GradeOut).to_value();
    assert_eq!(
        required(&grade, "/$defs/CriterionGradeOut/required"),
        ["criterion_key", "evidence", "reasoning", "points", "confidence"]
    );
    assert_eq!(required(&grade, "/required").first().map(String::as_str), Some("check_code"));
    let quiz = schema_for!(QuizOut).to_value();
    assert_eq!(required(&quiz, "/$defs/QuestionOut/required")[..3], ["source_quote", "question_type", "text"]);
}

/// What the strict dialects refuse: unions, oneOf, open or optional properties.
#[test]
fn wire_schemas_are_plain() {
    fn walk(value: &Value) {
        if let Some(object) = value.as_object() {
            for word in ["oneOf", "anyOf", "allOf", "default", "minimum", "maximum"] {
                assert!(!object.contains_key(word), "`{word}` in {value}");
            }
            assert!(!object.get("type").is_some_and(Value::is_array), "a union of types in {value}");
            if let Some(properties) = object.get("properties").and_then(Value::as_object) {
                assert_eq!(object.get("additionalProperties"), Some(&Value::Bool(false)), "{value}");
                assert_eq!(required(value, "/required").len(), properties.len(), "{value}");
            }
            object.values().for_each(walk);
        } else if let Some(list) = value.as_array() {
            list.iter().for_each(walk);
        }
    }
    all().iter().for_each(walk);
}
