//! The prompts, pinned: none changes by a byte without a new version of its task.
#![allow(clippy::unwrap_used, clippy::panic, reason = "these are tests")]

use lms_ai::task::{
    AssignmentTask, BodyTask, CertificateTask, CriterionRedoTask, GradeTask, OutlineTask, QuestionRedoTask, QuizTask,
    SolveTask,
};
use lms_ai::{AiTask, Prompt};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

/// The version and the hash of each task's prompt over the input below. Whoever changes a prompt gives it a new
/// version: answers in the log belong to the prompt that asked for them.
const PINNED: [(&str, &str); 9] = [
    ("outline_v1", "fa2e4160ea045d7fad433caf1dfc5ecd07724e1fd8fa6be40ac1c4b53b10f718"),
    ("lesson_body_v1", "cc5690829badaed258c8b087626a3e6d65cd1d35b83fbeb5fa44df32535e99ae"),
    ("quiz_v1", "bacbe04e904d969129b685ecaf2dd17e467b78b34e45feb510f634802b6efa59"),
    ("assignment_v1", "b5e994142a61e348d0052d0589b49ef61a185e7a8fb480f3dc2e213d9461a6c5"),
    ("certificate_v1", "aa566fd422523cee4608e2112741a85f9298fe2443fe48c2f36130f74b67cacf"),
    ("grade_v1", "28d1cb48bfbfdfebdcd2d17d8a81263aa77c0259063a93672eaf7f2894038cdb"),
    ("quiz_check_v1", "f70853e73d21de89f94c516a6c0f6be2a15c5dc11c3994b649a733e67811998b"),
    ("quiz_question_v1", "a8323a79347f64b651dec7bdfe2d800fa19174c65ebe9511c1ab55bd6889004e"),
    ("assignment_criterion_v1", "56d856e9f0677ab320cfb880c1e101d5d78f4153e3e4b23539ecda5f5657eeed"),
];

fn hash(prompt: &Prompt) -> String {
    let mut hash = Sha256::new();
    hash.update(&prompt.system);
    for part in &prompt.parts {
        hash.update(format!("\0{}\0{:?}\0{}", part.label, part.trust, part.text));
    }
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// An input of a task: its defaults, with these fields.
fn pinned<T: AiTask>(input: &Value) -> (String, String)
where
    T::In: DeserializeOwned,
{
    let input: T::In = serde_json::from_value(input.clone()).unwrap_or_else(|e| panic!("{}: {e}", T::KIND));
    (T::PROMPT_VERSION.to_owned(), hash(&T::render(&input)))
}

/// The fields of one value in those of another.
fn over<T: serde::Serialize>(defaults: &T, fields: &Value) -> Value {
    let mut all = serde_json::to_value(defaults).unwrap();
    let all_fields: &mut Map<String, Value> = all.as_object_mut().unwrap();
    all_fields.extend(fields.as_object().unwrap().clone());
    all
}

#[test]
fn no_prompt_changes_without_a_new_version() {
    use lms_ai::task::{AssignmentIn, BodyIn, CertificateIn, GradeIn, OutlineBrief, OutlineIn, QuizIn};
    let text = "The leaf takes in light with a green matter. Roots take up water.";
    let objectives = json!([{ "key": "light", "text": "Explain what light does" }]);
    let brief = over(&OutlineBrief::default(), &json!({ "topic": "Plants", "audience": "Children", "minutes": 60 }));
    let quiz = over(
        &QuizIn::default(),
        &json!({ "lesson_title": "Leaves", "lesson_markdown": text, "objectives": objectives, "count": 1 }),
    );
    let assignment = over(
        &AssignmentIn::default(),
        &json!({ "context_title": "Leaves", "source": text, "objectives": objectives, "max_points": 20 }),
    );
    let option = |text: &str, right: bool| json!({ "text": text, "is_correct": right, "why": "" });
    let question = json!({
        "source_quote": "Roots take up water.", "question_type": "single_choice", "text": "What do roots take up?",
        "options": [option("Water", true), option("Light", false), option("Air", false)],
        "explanation": "The text says it.", "objective_key": "light", "difficulty": "easy",
    });
    let questions = json!({ "title": "Leaves", "description": "On leaves.", "questions": [question] });
    let criterion = |key: &str| json!({ "key": key, "title": key, "description": "It is said.", "max_points": 10 });
    let made = json!({
        "title": "Leaves", "description": "On leaves.", "instructions_markdown": "Write on leaves.",
        "objective_keys": ["light"], "criteria": [criterion("light"), criterion("water")], "minutes": 30,
    });
    let grade = over(
        &GradeIn::default(),
        &json!({
            "instructions": "Write on leaves.", "submission": text, "nonce": "0123456789abcdef01234567",
            "criteria": [{ "key": "light", "title": "Light", "description": "It is said.", "max_units": 1_000_000 }],
        }),
    );
    let solve = lms_ai::task::SolveIn::blind(&serde_json::from_value(questions.clone()).unwrap(), text, "en");
    let found = [
        pinned::<OutlineTask>(&over(&OutlineIn::default(), &json!({ "brief": brief }))),
        pinned::<BodyTask>(&over(
            &BodyIn::default(),
            &json!({ "course_title": "Plants", "lesson_title": "Leaves", "topic_title": "Light", "source": text }),
        )),
        pinned::<QuizTask>(&quiz),
        pinned::<AssignmentTask>(&assignment),
        pinned::<CertificateTask>(&over(
            &CertificateIn::default(),
            &json!({ "course_title": "Plants", "skills": ["Explain what light does"] }),
        )),
        pinned::<GradeTask>(&grade),
        pinned::<SolveTask>(&serde_json::to_value(&solve).unwrap()),
        pinned::<QuestionRedoTask>(&json!({ "quiz": quiz, "current": questions, "index": 0, "hint": "Harder." })),
        pinned::<CriterionRedoTask>(
            &json!({ "assignment": assignment, "current": made, "index": 0, "hint": "Harder." }),
        ),
    ];
    let shown: Vec<(&str, &str)> = found.iter().map(|(version, hash)| (version.as_str(), hash.as_str())).collect();
    assert_eq!(shown, PINNED, "a prompt has changed: give it a new version, and pin that");
}
