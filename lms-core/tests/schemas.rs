//! docs/schema holds the published JSON shapes; a shape that changes is noticed here.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "these are tests")]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use lms_core::json_schema::documents;
use lms_core::model::{Actor, ContentType, EventKind, Percent, Points, SubjectType, Timestamp};
use lms_core::rules::access::LockReason;
use lms_core::rules::permission::Action;
use lms_core::store::{StoreError, StoreErrorKind, WorkCounts};
use lms_core::{Error, Problem, Refusal};
use serde_json::{Map, Value};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn folder() -> PathBuf {
    root().join("docs/schema")
}

/// The text of a document as it stands in its file.
fn text(document: &Value) -> String {
    let mut text = serde_json::to_string_pretty(document).unwrap();
    text.push('\n');
    text
}

/// The definitions of a document without what is said about them.
fn shapes(document: &Value) -> Map<String, Value> {
    fn strip(value: &mut Value) {
        match value {
            Value::Object(map) => {
                // A property may be called so, too; then it is a schema and not a text.
                if map.get("description").is_some_and(Value::is_string) {
                    map.remove("description");
                }
                map.values_mut().for_each(strip);
            }
            Value::Array(list) => list.iter_mut().for_each(strip),
            _ => {}
        }
    }
    let mut shapes = document["$defs"].clone();
    strip(&mut shapes);
    shapes.as_object().cloned().unwrap_or_default()
}

/// With `LMS_WRITE_SCHEMAS` set (see scripts/schemas) the files are written instead of compared.
#[test]
fn the_published_shapes_are_the_codes() {
    let documents = documents();
    if std::env::var_os("LMS_WRITE_SCHEMAS").is_some() {
        std::fs::create_dir_all(folder()).unwrap();
        for (name, document) in &documents {
            std::fs::write(folder().join(format!("{name}.json")), text(document)).unwrap();
        }
    }
    for (name, document) in &documents {
        let file = folder().join(format!("{name}.json"));
        let published = std::fs::read_to_string(&file).unwrap_or_default();
        let published: Value = serde_json::from_str(&published).unwrap_or_default();
        let (old, new) = (shapes(&published), shapes(document));
        let names: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
        let changed: Vec<_> = names.into_iter().filter(|name| old.get(*name) != new.get(*name)).collect();
        assert!(
            changed.is_empty(),
            "docs/schema/{name}.json is not what the code reads and writes; changed: {changed:?}.\n\
             If this change of a published JSON shape is meant, run scripts/schemas and add a line to CHANGELOG.md, \
             under Changed, that names each of them."
        );
        assert!(published == *document, "descriptions in docs/schema/{name}.json are out of date: run scripts/schemas");
    }
    let files: BTreeSet<String> = std::fs::read_dir(folder())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.ends_with(".json"))
        .collect();
    assert_eq!(files, documents.keys().map(|name| format!("{name}.json")).collect(), "a file without its document");
}

/// Every type of the use cases that has a JSON form is published.
#[test]
fn no_type_of_the_use_cases_is_missing() {
    fn read(folder: &Path, text: &mut String) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                read(&path, text);
            } else {
                text.push_str(&std::fs::read_to_string(&path).unwrap());
            }
        }
    }
    let mut source = String::new();
    read(&root().join("lms-core/src/lms"), &mut source);
    let declared = regex::Regex::new(
        r"(?m)^#\[derive\([^\n]*(?:Serialize|Deserialize)[^\n]*\)\]\n(?:#\[[^\n]*\n)*pub (?:struct|enum) (\w+)",
    )
    .unwrap();
    let documents = documents();
    let mut found = 0;
    for name in declared.captures_iter(&source).map(|found| found[1].to_owned()) {
        found += 1;
        let published = documents.values().any(|document| document["$defs"].get(&name).is_some());
        assert!(published, "{name} has a JSON form and no schema: add it to lms-core/src/json_schema.rs");
    }
    assert!(found > 40, "the sources are not read: {found}");
}

/// A field that a command does not know is refused, so that a typing error is no silent default.
#[test]
fn commands_refuse_unknown_fields() {
    let documents = documents();
    let types = documents["commands"]["$defs"].as_object().unwrap();
    let mut open = Vec::new();
    for (name, schema) in types {
        let command = ["New", "Update"].iter().any(|prefix| name.starts_with(prefix))
            || ["EnrollOptions", "AnswerGrade", "AiGrade", "CourseDraft", "LessonDraft", "HostEvent"]
                .contains(&name.as_str());
        if command && schema["additionalProperties"] != Value::Bool(false) {
            open.push(name);
        }
    }
    assert!(open.is_empty(), "these take unknown fields in silence: {open:?}");
}

/// Every reference leads to a definition of the same document.
#[test]
fn references_lead_somewhere() {
    fn walk(value: &Value, check: &mut dyn FnMut(&str)) {
        match value {
            Value::Object(map) => {
                if let Some(Value::String(target)) = map.get("$ref") {
                    check(target);
                }
                map.values().for_each(|value| walk(value, check));
            }
            Value::Array(list) => list.iter().for_each(|value| walk(value, check)),
            _ => {}
        }
    }
    let mut seen = 0;
    for (name, document) in documents() {
        walk(&document, &mut |target| {
            seen += 1;
            let pointer = target.strip_prefix('#').unwrap_or_else(|| panic!("{name}: {target}"));
            assert!(document.pointer(pointer).is_some(), "{name}: {target} leads nowhere");
        });
    }
    assert!(seen > 100);
}

/// Whether a value fits a type of a document.
fn fits(document: &str, of: &str, value: &Value) -> bool {
    let document = &documents()[document];
    assert!(document["$defs"].get(of).is_some(), "there is no {of}");
    let schema = serde_json::json!({ "$ref": format!("#/$defs/{of}"), "$defs": document["$defs"] });
    jsonschema::validator_for(&schema).unwrap().is_valid(value)
}

fn json(value: impl serde::Serialize) -> Value {
    serde_json::to_value(value).unwrap()
}

/// What the library writes fits what it publishes, where the shapes are written by hand.
#[test]
fn what_is_written_fits_its_schema() {
    let id = uuid::Uuid::from_u128(7);
    let error = |error: Error| {
        let value = json(&error);
        assert!(fits("error", "Error", &value), "{value}");
        value
    };
    error(Error::Denied { action: Action::Grade });
    error(Error::NotFound { what: SubjectType::Course, id });
    error(Error::Invalid { problems: vec![Problem::new("text.empty", "title", "must not be empty")] });
    error(Error::Busy);
    error(Error::Panicked);
    error(StoreError::new(StoreErrorKind::Schema { found: 1, needed: 2 }).into());
    error(StoreError::new(StoreErrorKind::Corrupt { table: "users", column: "role", id: Some(id) }).into());
    error(StoreError::new(StoreErrorKind::Corrupt { table: "users", column: "role", id: None }).into());
    error(Refusal::GradeOutOfRange { max: Points::from_units(8_333_333) }.into());
    error(Refusal::CutOff { cutoff: Timestamp::from_micros(0).unwrap() }.into());
    error(Refusal::DeleteGrown { counts: WorkCounts::default() }.into());
    error(Refusal::Locked { reasons: vec![LockReason::Suspended, LockReason::Requires { ids: vec![] }] }.into());
    let mut full = error(Refusal::CourseFull { capacity: 10 }.into());
    full["params"] = serde_json::json!({});
    assert!(!fits("error", "Error", &full), "a parameter that is missing is noticed");
    full["params"] = serde_json::json!({ "capacity": 10 });
    full["class"] = "denied".into();
    assert!(!fits("error", "Error", &full), "a code has one class");

    let text = |of, value: Value| assert!(fits("records", of, &value), "{of}: {value}");
    for points in [0, 1, -1, 100_000, 8_333_333, i64::MIN] {
        text("Points", json(Points::from_units(points)));
    }
    text("Timestamp", json(Timestamp::from_micros(1).unwrap()));
    for word in ["text", "x-quiz-game"] {
        text("ContentType", json(ContentType::from_word(word).unwrap()));
    }
    assert!(!fits("records", "Points", &serde_json::json!(1.5)), "a number is no text");
    assert!(!fits("records", "ContentType", &"y".into()));
    for hundredths in [0, 5, 6_666, 10_000] {
        assert!(fits("views", "Percent", &json(Percent::from_hundredths(hundredths))));
    }
    for kind in [EventKind::Enrolled, EventKind::Other("shop.paid".into())] {
        assert!(fits("events", "EventKind", &json(kind)));
    }
    assert!(fits("events", "Actor", &json(Actor::System { job: "host".into() })));
}

/// What fits a command's schema is read by the library, and what it refuses does not fit.
#[test]
fn what_fits_a_command_is_read() {
    let least = serde_json::json!({ "title": "Rust" });
    assert!(fits("commands", "NewCourse", &least));
    assert!(serde_json::from_value::<lms_core::lms::NewCourse>(least).is_ok());
    let typing_error = serde_json::json!({ "title": "Rust", "desciption": "…" });
    assert!(!fits("commands", "NewCourse", &typing_error));
    assert!(serde_json::from_value::<lms_core::lms::NewCourse>(typing_error).is_err());
}

/// In JSON a question is worth what it is worth in Rust where nobody says.
#[test]
fn a_question_is_worth_one_point_unless_said() {
    let json = serde_json::json!({ "text": "Is it so?", "body": { "type": "true_false", "correct": true } });
    assert!(fits("commands", "NewQuestion", &json));
    let body = lms_core::model::question::QuestionBody::TrueFalse { correct: true };
    let read: lms_core::lms::NewQuestion = serde_json::from_value(json).unwrap();
    assert_eq!(read, lms_core::lms::NewQuestion::new("Is it so?", body));
    assert_eq!(Some(read.points), Points::whole(1));
}

#[test]
fn codes_of_errors_are_all_published() {
    let document = &documents()["error"];
    let published: BTreeSet<&str> = document["$defs"]["Error"]["oneOf"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["properties"]["code"]["const"].as_str().unwrap())
        .collect();
    let codes = Error::codes();
    assert_eq!(published, codes.iter().map(|info| info.code).collect());
}
