use std::collections::BTreeSet;

use serde::Deserialize;
use serde_json::json;

use super::*;
use crate::task::{
    AssignmentTask, BodyTask, CertificateTask, CriterionRedoTask, GradeTask, OutlineTask, QuestionRedoTask, QuizTask,
    SolveTask,
};
use crate::{AiTask, schema};

/// A colour.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Colour {
    /// Like blood.
    Red,
    Green,
}

#[derive(Deserialize, JsonSchema)]
#[expect(dead_code, reason = "only its schema is looked at")]
struct Inner {
    /// How many.
    #[schemars(range(min = 1, max = 9))]
    count: u32,
    colour: Colour,
}

#[derive(Deserialize, JsonSchema)]
#[expect(dead_code, reason = "only its schema is looked at")]
struct Outer {
    #[schemars(length(min = 3))]
    title: String,
    inner: Vec<Inner>,
    yes: bool,
    again: Inner,
}

/// Name, schema: of every task. A task that is not here fails the test below.
fn tasks() -> Vec<(&'static str, Value)> {
    fn of<T: AiTask>(name: &'static str) -> (&'static str, Value) {
        (name, canonical::<T::Out>())
    }
    vec![
        of::<OutlineTask>("OutlineTask"),
        of::<BodyTask>("BodyTask"),
        of::<QuizTask>("QuizTask"),
        of::<AssignmentTask>("AssignmentTask"),
        of::<GradeTask>("GradeTask"),
        of::<CertificateTask>("CertificateTask"),
        of::<QuestionRedoTask>("QuestionRedoTask"),
        of::<CriterionRedoTask>("CriterionRedoTask"),
        of::<SolveTask>("SolveTask"),
    ]
}

#[test]
fn every_task_is_known_here() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/task");
    let mut found = BTreeSet::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            let text = std::fs::read_to_string(&path).unwrap();
            let implemented = text.split("impl AiTask for ").skip(1);
            found.extend(implemented.map(|rest| rest.split([' ', '{', '\n']).next().unwrap().to_owned()));
        }
    }
    let known: BTreeSet<String> = tasks().into_iter().map(|(name, _)| name.to_owned()).collect();
    assert_eq!(known, found, "left is the list of this test, right is what src/task has");
}

#[test]
fn every_task_has_a_schema_that_every_provider_takes() {
    for (name, schema) in tasks() {
        for dialect in [Dialect::Portable, Dialect::OpenAiStrict, Dialect::OllamaFormat] {
            let taken = in_dialect(&schema, dialect);
            assert_eq!(lint(&taken), Vec::<String>::new(), "{name} in {dialect:?}: {taken:#}");
            assert_eq!(in_dialect(&taken, dialect), taken, "{name} in {dialect:?} stays what it is");
            if dialect != Dialect::Portable {
                assert!(!taken.to_string().contains("\"const\""), "{name}");
            }
        }
        // What the model gives is judged by the canonical schema: it must allow what the wire one allows.
        jsonschema::validator_for(&portable(&schema)).unwrap();
        jsonschema::validator_for(&schema).unwrap();
    }
}

#[test]
fn the_fields_stand_in_the_order_of_the_answer() {
    let grade = portable(&canonical::<<GradeTask as AiTask>::Out>());
    for text in [printed(&grade), serde_json::to_string(&Ordered(&grade)).unwrap()] {
        let at = |word: &str| text.find(word).unwrap_or_else(|| panic!("{word} is not in {text}"));
        assert!(at("\"criterion_key\":") < at("\"evidence\":"), "{text}");
        assert!(at("\"evidence\":") < at("\"reasoning\":") && at("\"reasoning\":") < at("\"points\":"), "{text}");
        assert!(at("\"points\":") < at("\"confidence\":"), "{text}");
        let read: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(read, grade, "only the order differs");
    }
    let quiz = printed(&portable(&canonical::<<QuizTask as AiTask>::Out>()));
    assert!(quiz.find("\"source_quote\":").unwrap() < quiz.find("\"is_correct\":").unwrap());
}

#[test]
fn derived_shapes_become_portable_and_keep_their_bounds_in_words() {
    let schema = portable(&canonical::<Outer>());
    assert_eq!(lint(&schema), Vec::<String>::new(), "{schema:#}");
    let text = schema.to_string();
    assert!(text.contains("How many. [") && text.contains("minimum: 1") && text.contains("maximum: 9"), "{text}");
    assert!(text.contains("minLength: 3"));
    let colours = &schema["properties"]["again"]["properties"]["colour"]["enum"];
    let words: BTreeSet<&str> = colours.as_array().unwrap().iter().filter_map(Value::as_str).collect();
    assert_eq!(words, BTreeSet::from(["red", "green"]));
    assert_eq!(schema["required"], json!(["title", "inner", "yes", "again"]));
    assert_eq!(portable(&schema), schema);
}

#[test]
fn references_are_put_in_place() {
    let schema = schemars::schema_for!(Outer).to_value();
    assert!(schema.to_string().contains("$ref"), "{schema}");
    assert_eq!(portable(&schema), portable(&schema::canonical::<Outer>()));
    // One that holds itself cannot be: the linter says so.
    let node = json!({ "type": "object", "properties": { "next": { "$ref": "#/$defs/Node" } }, "required": ["next"] });
    let endless = json!({ "$ref": "#/$defs/Node", "$defs": { "Node": node } });
    let found = lint(&portable(&endless));
    assert!(found.iter().any(|f| f.contains("`$ref`")), "{found:?}");
}

#[test]
fn constants_are_enums_of_one_where_constants_are_not_taken() {
    let schema = json!({
        "type": "object", "required": ["const"],
        "properties": { "const": { "const": "a", "description": "The word `const`." } },
    });
    let strict = in_dialect(&schema, Dialect::OpenAiStrict);
    let expected = json!({ "type": "string", "enum": ["a"], "description": "The word `const`." });
    assert_eq!(strict["properties"]["const"], expected);
    assert_eq!(in_dialect(&schema, Dialect::Portable)["properties"]["const"]["const"], "a");
}

#[test]
fn what_is_not_portable_is_named() {
    let object = |properties: Value, required: Value| {
        json!({
            "type": "object", "properties": properties, "required": required, "additionalProperties": false,
        })
    };
    let open = json!({ "type": "object", "properties": { "a": { "type": ["string", "null"] } }, "required": [] });
    let mut deep = json!({ "type": "string" });
    for _ in 0..5 {
        deep = object(json!({ "a": deep }), json!(["a"]));
    }
    for (schema, word) in [
        (open.clone(), "closed"),
        (open, "/a: no single type"),
        (json!({ "type": "array", "items": { "type": "string" } }), "not an object"),
        (object(json!({ "a": { "type": "string", "enum": ["x", "X"] } }), json!(["a"])), "/a: an enum"),
        (object(json!({ "a": { "type": "string", "enum": [1] } }), json!(["a"])), "/a: an enum"),
        (object(json!({ "a": { "type": "array" } }), json!(["a"])), "/a: a list of anything"),
        (object(json!({ "a": { "type": "integer", "minimum": 1 } }), json!(["a"])), "/a: `minimum`"),
        (object(json!({ "a": { "type": "string" } }), json!(["b"])), "closed"),
        (object(json!({ "a": true }), json!(["a"])), "/a: not a schema"),
        (deep, "more than 4 levels"),
    ] {
        let found = lint(&schema);
        assert!(found.iter().any(|f| f.contains(word)), "{word}: {found:?}");
    }
}
