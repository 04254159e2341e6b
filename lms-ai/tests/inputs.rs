//! What could never be written is not paid for first.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "these are tests")]

mod support;

use lms_ai::provider::{Reply, Scripted};
use lms_ai::task::{OutlineBrief, SourceSection};
use lms_ai::{About, AiError, AssignmentBrief, CourseBrief, QuizBrief};
use support::*;

fn script() -> Script {
    Script::new((0..20).fold(Scripted::new(), |script, _| script.then(Reply::json(&outline()))))
}

/// The field that an input is refused for.
fn field(error: &AiError) -> String {
    let AiError::Lms(lms_core::Error::Invalid { problems }) = error else { panic!("{error}") };
    assert_eq!(problems.len(), 1, "{problems:?}");
    problems[0].field.clone()
}

/// What is asked for comes as JSON, too: what is not said is as usual, and a word that nobody knows is refused.
#[test]
fn briefs_come_and_go_as_json() {
    use lms_ai::BodiesBrief;
    use serde_json::{from_value, json, to_value};
    let brief: CourseBrief = from_value(json!({ "outline": { "topic": "Bees", "min_lessons": 2 } })).unwrap();
    assert_eq!((brief.outline.topic.as_str(), brief.outline.min_lessons), ("Bees", 2));
    assert_eq!(brief.outline.max_lessons, OutlineBrief::default().max_lessons);
    assert_eq!(from_value::<CourseBrief>(to_value(&brief).unwrap()).unwrap(), brief);
    let quiz: QuizBrief = from_value(json!({ "types": ["true_false"], "check_blind": true })).unwrap();
    assert_eq!((quiz.count, quiz.types.len()), (5, 1));
    assert_eq!(from_value::<QuizBrief>(to_value(&quiz).unwrap()).unwrap(), quiz);
    let assignment: AssignmentBrief = from_value(json!({ "rules": { "is_required": true } })).unwrap();
    assert_eq!((assignment.max_points, assignment.rules.is_required), (100, true));
    assert_eq!(from_value::<AssignmentBrief>(to_value(&assignment).unwrap()).unwrap(), assignment);
    assert_eq!(from_value::<BodiesBrief>(json!({})).unwrap(), BodiesBrief::default());
    for wrong in [json!({ "topic": "Bees" }), json!({ "outline": { "lessons": 3 } })] {
        assert!(from_value::<CourseBrief>(wrong).is_err());
    }
    assert!(from_value::<QuizBrief>(json!({ "questions": 3 })).is_err());
}

#[tokio::test]
async fn what_no_course_could_be_like_is_not_asked_for() {
    let world = World::memory().await;
    let script = script();
    let ai = world.ai(script.clone());
    let good = || brief().outline;
    let table: Vec<(&str, OutlineBrief)> = vec![
        ("topic", OutlineBrief { topic: " ".into(), ..good() }),
        ("topic", OutlineBrief { topic: "x".repeat(2_001), ..good() }),
        ("audience", OutlineBrief { audience: "x".repeat(501), ..good() }),
        ("difficulty", OutlineBrief { difficulty: "hard\nand long".into(), ..good() }),
        ("language", OutlineBrief { language: "English, please".into(), ..good() }),
        ("min_lessons", OutlineBrief { min_lessons: 5, max_lessons: 4, minutes: 0, ..good() }),
        ("max_lessons", OutlineBrief { min_lessons: 0, max_lessons: 0, minutes: 0, ..good() }),
        ("max_topics", OutlineBrief { max_topics: 0, ..good() }),
        ("content_types", OutlineBrief { content_types: Vec::new(), ..good() }),
        ("minutes", OutlineBrief { minutes: -1, ..good() }),
        ("minutes", OutlineBrief { minutes: 2_000, max_lessons: 5, ..good() }),
        ("minutes", OutlineBrief { minutes: 10, min_lessons: 10, ..good() }),
    ];
    for (name, outline) in table {
        let brief = CourseBrief { outline, ..CourseBrief::default() };
        let error = ai.create_course(&world.teacher(), &brief, About::default()).await.unwrap_err();
        assert_eq!((field(&error), error.code()), (name.to_owned(), "invalid"), "{error}");
    }
    assert_eq!((script.calls(), world.logs().await.len()), (0, 0));
    // What a source is about need not be said.
    let source = vec![SourceSection { title: "Plants".into(), ..SourceSection::default() }];
    let brief = CourseBrief { source, ..CourseBrief::default() };
    ai.create_course(&world.teacher(), &brief, About::default()).await.unwrap();
}

#[tokio::test]
async fn who_may_not_create_a_course_pays_for_none() {
    let world = World::memory().await;
    let script = script();
    let ai = world.ai(script.clone());
    for session in [world.room.student(0), world.lms.system()] {
        for error in [
            ai.propose_course(&session, &brief(), About::default()).await.map(drop).unwrap_err(),
            ai.create_course(&session, &brief(), About::default()).await.map(drop).unwrap_err(),
        ] {
            assert_eq!(error.code(), "denied");
        }
        // Of what is in a course its staff alone knows.
        let error = ai.create_quiz(&session, world.lesson, &quiz_brief(), About::default()).await;
        if session.actor() != world.lms.system().actor() {
            assert_eq!(error.unwrap_err().code(), "not_found");
        }
    }
    assert_eq!(world.logs().await.iter().filter(|row| row.kind == "outline").count(), 0);
}

#[tokio::test]
async fn numbers_that_no_answer_can_keep_are_not_asked_for() {
    let world = World::memory().await;
    let script = script();
    let ai = world.ai(script.clone());
    let (teacher, lesson) = (world.teacher(), world.lesson);
    for count in [0, 31] {
        let brief = QuizBrief { count, ..QuizBrief::default() };
        let error = ai.create_quiz(&teacher, lesson, &brief, About::default()).await.unwrap_err();
        assert_eq!(field(&error), "count");
    }
    // Two criteria at least, eight at most, of 1 to 100 points each.
    for max_points in [-5, 0, 1, 801, i64::MAX] {
        let brief = AssignmentBrief { max_points, ..AssignmentBrief::default() };
        let error = ai.create_assignment(&teacher, lesson, &brief, About::default()).await.unwrap_err();
        assert_eq!(field(&error), "max_points");
    }
    assert_eq!((script.calls(), world.logs().await.len()), (0, 0));
}
