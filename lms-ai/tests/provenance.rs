//! What AI made says so, is not published by itself, and names what there is (L4, L6).
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "these are tests")]

mod support;

use std::sync::Arc;

use lms_ai::provider::{Reply, Scripted};
use lms_ai::{About, AssignmentBrief};
use lms_core::lms::{
    AssignmentRules, NewQuestion, NewUser, QuizRules, UpdateAssignment, UpdateCourse, UpdateLesson, UpdateQuiz,
    UpdateTopic,
};
use lms_core::model::{AiGrading, AiLogStatus, EventKind, LessonId, Role};
use lms_core::store::EventFilter;
use serde_json::json;
use support::*;
use uuid::Uuid;

fn script(reply: &serde_json::Value) -> Script {
    Script::new(Scripted::new().then(Reply::json(reply)))
}

fn about(n: u128) -> About {
    About { operation_id: Some(Uuid::from_u128(n)), ..About::default() }
}

// rules: L4, L6
#[tokio::test]
async fn l4_what_ai_made_says_so_is_unpublished_and_keeps_its_origin_when_people_edit() {
    let world = World::memory().await;
    let teacher = world.teacher();
    let catalog = teacher.catalog();
    let written = world.ai(script(&outline())).create_course(&teacher, &brief(), about(1)).await.unwrap();
    let lesson: LessonId = written.lessons[0].0;
    let topic = written.lessons[0].1[0];
    let made = world.operation(Uuid::from_u128(1)).await[0].id;

    let structure = catalog.structure(written.course_id).await.unwrap();
    let course = &structure.course;
    assert!(course.is_ai_generated && !course.is_published && course.published_at.is_none());
    assert_eq!((course.ai_log_id, course.ai_edited_at), (Some(made), None));
    assert_eq!(course.instructor_id, world.room.instructor);
    assert_eq!((course.language.as_str(), course.estimated_minutes), ("en", Some(90)));
    let keys: Vec<&str> = structure.objectives.iter().map(|o| o.key.as_str()).collect();
    assert_eq!(keys, ["light", "water", "soil"], "in the order of the outline");
    assert_eq!((structure.lessons.len(), structure.topics.len()), (3, 6));
    for lesson in &structure.lessons {
        assert!(lesson.is_ai_generated && !lesson.is_published && lesson.ai_log_id == Some(made));
    }
    for (_, topics) in &written.lessons {
        for id in topics {
            let topic = catalog.topic(*id).await.unwrap();
            assert!(topic.is_ai_generated && topic.ai_log_id == Some(made) && topic.ai_edited_at.is_none());
        }
    }
    // Learners see nothing of it, staff do at once, and its event names the row.
    assert!(world.room.student(0).catalog().course(written.course_id).await.is_err());
    let filter = EventFilter { kinds: vec![EventKind::AiGenerated], ..EventFilter::default() };
    let events = world.lms.store().events(0, &filter, 10).await.unwrap();
    let metadata: serde_json::Value = events[0].event.metadata.read().unwrap();
    assert_eq!(metadata, json!({ "kind": "course", "log_id": made, "owner": world.room.instructor, "visible": false }));

    // The body of a topic: another operation, another origin.
    let ai = world.ai(Script::new(Scripted::new().then(Reply::json(&body()))));
    ai.write_body(&teacher, topic, None, about(2)).await.unwrap();
    let bodied = world.operation(Uuid::from_u128(2)).await[0].id;
    let row = catalog.topic(topic).await.unwrap();
    assert_eq!((row.is_ai_generated, row.ai_log_id, row.ai_edited_at), (true, Some(bodied), None));
    assert!(
        row.body.as_deref().unwrap().contains("### Key points") && !catalog.lesson(lesson).await.unwrap().is_published
    );

    // A quiz and an assignment in the lesson with text.
    let quiz = world.ai(script(&quiz())).create_quiz(&teacher, world.lesson, &quiz_brief(), about(3)).await.unwrap();
    let quizzed = world.operation(Uuid::from_u128(3)).await[0].id;
    assert!(quiz.is_ai_generated && !quiz.is_published && quiz.ai_log_id == Some(quizzed));
    let questions = catalog.questions(quiz.id).await.unwrap();
    assert_eq!(questions.len(), 2);
    for question in &questions {
        assert!(question.is_ai_generated && question.ai_log_id == Some(quizzed) && question.source_quote.is_some());
    }
    let ai = world.ai(script(&support::assignment()));
    let assignment = ai.create_assignment(&teacher, world.lesson, &AssignmentBrief::default(), about(4)).await.unwrap();
    let assigned = world.operation(Uuid::from_u128(4)).await[0].id;
    assert!(assignment.is_ai_generated && !assignment.is_published && assignment.ai_log_id == Some(assigned));
    assert_eq!(assignment.ai_grading, AiGrading::Apply, "AI grades what AI made");
    assert!(assignment.due_date.is_none(), "no model sets a date");

    // People edit each of them: the origin stays, and the instant of the edit is kept.
    world.clock.advance(60);
    let now = Some(world.lms.now());
    let version = catalog.course(written.course_id).await.unwrap().version;
    let update = UpdateCourse { version, title: Some("Plants, by hand".into()), ..UpdateCourse::default() };
    let edited = catalog.update_course(written.course_id, update).await.unwrap();
    assert_eq!((edited.is_ai_generated, edited.ai_log_id, edited.ai_edited_at), (true, Some(made), now));

    let version = catalog.lesson(lesson).await.unwrap().version;
    let update = UpdateLesson { version, summary: Some("By hand.".into()), ..UpdateLesson::default() };
    let edited = catalog.update_lesson(lesson, update).await.unwrap();
    assert_eq!((edited.is_ai_generated, edited.ai_log_id, edited.ai_edited_at), (true, Some(made), now));

    let update = UpdateTopic { version: row.version, body: Some(Some("By hand.".into())), ..UpdateTopic::default() };
    let edited = catalog.update_topic(topic, update).await.unwrap();
    assert_eq!((edited.is_ai_generated, edited.ai_log_id, edited.ai_edited_at), (true, Some(bodied), now));

    let update = UpdateAssignment {
        version: assignment.version,
        rules: Some(AssignmentRules { is_required: true, ..AssignmentRules::default() }),
        ..UpdateAssignment::default()
    };
    let edited = catalog.update_assignment(assignment.id, update).await.unwrap();
    assert_eq!((edited.is_ai_generated, edited.ai_log_id, edited.ai_edited_at), (true, Some(assigned), now));

    let new = NewQuestion::new("By hand?", questions[0].body().unwrap());
    let edited = catalog.update_question(questions[0].id, quiz.version, new).await.unwrap();
    assert_eq!((edited.is_ai_generated, edited.ai_log_id, edited.ai_edited_at), (true, Some(quizzed), now));
    let untouched = &catalog.questions(quiz.id).await.unwrap()[1];
    assert_eq!(untouched.ai_edited_at, None);

    let version = catalog.quiz(quiz.id).await.unwrap().version;
    let update =
        UpdateQuiz { version, rules: Some(QuizRules { weight: 3, ..QuizRules::default() }), ..UpdateQuiz::default() };
    let edited = catalog.update_quiz(quiz.id, update).await.unwrap();
    assert_eq!((edited.is_ai_generated, edited.ai_log_id, edited.ai_edited_at), (true, Some(quizzed), now));

    // What people made says nothing of AI.
    let own = catalog.course(world.room.course).await.unwrap();
    assert_eq!((own.is_ai_generated, own.ai_log_id), (false, None));
}

/// An objective that goes away while the model writes for it: nothing is written.
// rules: L6, I1
#[tokio::test]
async fn l6_work_on_an_objective_that_is_gone_is_refused_when_it_is_written() {
    for what in [What::Quiz, What::Assignment] {
        let world = Arc::new(World::memory().await);
        let theirs = Arc::downgrade(&world);
        let provider = Acting::new(Scripted::new().then(Reply::json(&what.good())), move |_| {
            let world = theirs.upgrade().unwrap();
            async move { world.sql("DELETE FROM objectives WHERE key = 'water'").await }
        });
        let ai = world.ai(provider.clone());
        let before = world.tables().await;
        let error = world.run(&ai, what, Uuid::from_u128(1)).await.unwrap_err();
        assert_eq!(error.code(), "invalid", "{what:?}: {error}");
        let changed: Vec<String> =
            differences(&before, &world.tables().await).into_iter().map(|(table, ..)| table).collect();
        assert_eq!(changed, ["objective_lessons", "objectives"], "{what:?}: only what the test took away");
        assert_eq!(world.statuses(Uuid::from_u128(1)).await, [AiLogStatus::Valid], "{what:?}");
        assert_eq!(provider.calls(), 1);
    }
}

/// The rights that count are those at the time of writing (R1), not those at the time of asking.
// rules: L4
#[tokio::test]
async fn who_may_no_longer_edit_writes_nothing() {
    let world = Arc::new(World::memory().await);
    let new = NewUser::new(Role::Instructor, "Somebody Else");
    let stranger = world.lms.system().people().ensure_user(new).await.unwrap().id;
    let theirs = Arc::downgrade(&world);
    let provider = Acting::new(Scripted::new().then(Reply::json(&quiz())), move |_| {
        let world = theirs.upgrade().unwrap();
        async move {
            let stranger = stranger.uuid().simple().to_string();
            let course = world.room.course.uuid().simple().to_string();
            world.sql(format!("UPDATE courses SET instructor_id = x'{stranger}' WHERE id = x'{course}'")).await;
        }
    });
    let before = world.tables().await["quizzes"].len();
    let error = world.run(&world.ai(provider), What::Quiz, Uuid::from_u128(1)).await.unwrap_err();
    assert!(matches!(error.code(), "denied" | "not_found"), "{error}");
    assert_eq!(world.tables().await["quizzes"].len(), before);
}
