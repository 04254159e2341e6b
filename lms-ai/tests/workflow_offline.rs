//! The whole way without a network: from a text to a course that learners take and get marks in.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "these are tests")]

#[path = "support/postgres.rs"]
mod postgres;
mod support;

use lms_ai::offline::{OFFLINE_MODEL, Offline};
use lms_ai::task::{OutlineBrief, Source};
use lms_ai::{About, Ai, AssignmentBrief, CourseBrief, QuizBrief};
use lms_core::lms::{EnrollOptions, NewSubmission, NewUser};
use lms_core::model::{AiGradingState, AiLogStatus, EventKind, Role};
use lms_core::store::EventFilter;
use support::{Stamped, World, both};
use uuid::Uuid;

const TEXT: &str = "# Photosynthesis\n\nPhotosynthesis is how green plants turn light into chemical energy. It shows why nearly all \
life on land depends on light in the end.\n\n## Light reactions\n\nThe light reactions happen in the thylakoid membranes of the \
chloroplast. Chlorophyll absorbs mostly red and blue light, and it reflects green light. The absorbed energy splits water \
molecules and sets oxygen free. Electrons travel through a chain of proteins, which pumps protons across the membrane. The \
gradient of protons drives an enzyme that makes the energy carrier of the cell.\n\n## Calvin cycle\n\nThe Calvin cycle fixes \
carbon dioxide in the stroma of the chloroplast. An enzyme called Rubisco joins carbon dioxide to a sugar with five carbon \
atoms. The cycle spends energy carriers from the light reactions and builds a simple sugar. Plants store the sugar as starch, or \
they turn it into cellulose for their walls.\n\n## Limits\n\nTemperature, light and carbon dioxide limit the rate of \
photosynthesis. At high temperature Rubisco binds oxygen by mistake, which wastes energy. Farmers raise carbon dioxide in \
greenhouses to make plants grow faster.\n";

fn about(n: u128) -> About {
    About { operation_id: Some(Uuid::from_u128(n)), ..About::default() }
}

// rules: I1, I2, L4, S11, S15
async fn a_text_becomes_a_course_that_a_learner_is_graded_in<S: Stamped>() {
    let world = World::<S>::fresh().await;
    let teacher = world.teacher();
    let catalog = teacher.catalog();
    let ai = Ai::new(world.lms.clone(), Offline, OFFLINE_MODEL);
    let source = Source::new(vec![("photosynthesis.md".into(), TEXT.into())]);
    let brief = CourseBrief {
        outline: OutlineBrief { topic: "Photosynthesis".into(), minutes: 60, ..OutlineBrief::default() },
        source: source.outline(400),
        ..CourseBrief::default()
    };

    // The outline, then the bodies, topic by topic: each an operation of its own.
    let written = ai.create_course(&teacher, &brief, about(1)).await.unwrap();
    let structure = catalog.structure(written.course_id).await.unwrap();
    assert!(!structure.lessons.is_empty() && structure.objectives.len() >= 3);
    let mut operation = 100;
    for (lesson, topics) in &written.lessons {
        let title = catalog.lesson(*lesson).await.unwrap().title;
        for topic in topics {
            let row = catalog.topic(*topic).await.unwrap();
            let text = source.text_for(&title, &row.title).unwrap_or_else(|| TEXT.to_owned());
            let written = ai.write_body(&teacher, *topic, Some(&text), about(operation)).await.unwrap();
            assert!(written.body.as_deref().is_some_and(|body| body.len() > 100), "{}", row.title);
            operation += 1;
        }
    }
    // A quiz and an assignment in the lesson with the most text.
    let mut lesson = (0, written.lessons[0].0);
    for (id, _) in &written.lessons {
        let topics = catalog.topics(*id).await.unwrap();
        let length = topics.iter().map(|topic| topic.body.as_deref().map_or(0, str::len)).sum();
        lesson = lesson.max((length, *id));
    }
    let lesson = lesson.1;
    let quiz =
        ai.create_quiz(&teacher, lesson, &QuizBrief { count: 2, ..QuizBrief::default() }, about(2)).await.unwrap();
    let assignment = ai.create_assignment(&teacher, lesson, &AssignmentBrief::default(), about(3)).await.unwrap();
    assert_eq!(catalog.questions(quiz.id).await.unwrap().len(), 2);

    // People publish it; a model never does.
    assert!(!catalog.course(written.course_id).await.unwrap().is_published);
    for (id, _) in &written.lessons {
        catalog.publish_lesson(*id, true).await.unwrap();
    }
    catalog.publish_quiz(quiz.id, true).await.unwrap();
    catalog.publish_assignment(assignment.id, true).await.unwrap();
    catalog.publish_course(written.course_id, true).await.unwrap();

    // A learner hands in the text of the lesson, which covers all that is asked for.
    let student =
        world.lms.system().people().ensure_user(NewUser::new(Role::Student, "Mira Learner")).await.unwrap().id;
    teacher.enrollment().enroll(written.course_id, student, EnrollOptions::default()).await.unwrap();
    let me = world.lms.as_user(student);
    let work = TEXT.replace(['#', '\n'], " ");
    let id = me.assignments().submit(assignment.id, NewSubmission::text(work)).await.unwrap().id;
    let tick = world.lms.background().with(ai.grader()).tick().await.unwrap();
    assert_eq!(tick.consumed, 1);
    let row = world.submission(id).await;
    assert!(matches!(row.ai_status, AiGradingState::Applied | AiGradingState::Suggested), "{:?}", row.ai_status);
    assert_eq!(row.plagiarism_score, None, "a model never says");
    let history = world.lms.system().assignments().history(id).await.unwrap();
    assert_eq!(history.len(), 1);
    assert!(history[0].raw.is_some_and(|raw| raw.units() > 0), "{history:?}");

    // Nothing is left half done, and each step is in the log once.
    let logs = world.logs().await;
    assert!(logs.iter().all(|row| matches!(row.status, AiLogStatus::Applied | AiLogStatus::Review)));
    let topics: usize = written.lessons.iter().map(|(_, topics)| topics.len()).sum();
    assert_eq!(logs.len(), 1 + topics + 3);
    let filter = EventFilter { kinds: vec![EventKind::AiGenerated, EventKind::AiGraded], ..EventFilter::default() };
    world.lms.settle().await.unwrap();
    assert_eq!(world.lms.store().events(0, &filter, 100).await.unwrap().len(), logs.len());
    assert!(world.lms.system().activity().audit(written.course_id).await.unwrap().is_empty());
}
both!(a_text_becomes_a_course_that_a_learner_is_graded_in);

/// The same text and brief give the same course, whatever the store's ids are.
#[tokio::test]
async fn the_offline_course_is_the_same_each_time() {
    let mut answers = Vec::new();
    for _ in 0..2 {
        let world = World::memory().await;
        let ai = Ai::new(world.lms.clone(), Offline, OFFLINE_MODEL);
        let source = Source::new(vec![("a.md".into(), TEXT.into())]);
        let brief = CourseBrief { source: source.outline(400), ..CourseBrief::default() };
        ai.create_course(&world.teacher(), &brief, about(1)).await.unwrap();
        answers.push(world.operation(Uuid::from_u128(1)).await.remove(0).response_text);
    }
    assert!(answers[0].is_some() && answers[0] == answers[1]);
}

/// What the lesson does not hold cannot be asked about.
async fn a_lesson_without_text_gets_no_quiz_and_no_call<S: Stamped>() {
    let world = World::<S>::fresh().await;
    let lesson = world.room.add_lesson("Empty").await.unwrap().id;
    let ai = Ai::new(world.lms.clone(), Offline, OFFLINE_MODEL);
    let before = world.tables().await;
    let error = ai.create_quiz(&world.teacher(), lesson, &QuizBrief::default(), about(1)).await.unwrap_err();
    assert_eq!(error.code(), "ai.no_text");
    assert!(world.logs().await.is_empty());
    assert_eq!(support::differences(&before, &world.tables().await), []);
}
both!(a_lesson_without_text_gets_no_quiz_and_no_call);
