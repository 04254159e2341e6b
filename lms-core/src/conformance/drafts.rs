//! What AI writes is a draft until a person publishes it, whatever the draft itself asks for.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "conformance cases are tests")]

use super::Harness;
use super::assignments::by_ai;
use super::atomicity::{draft, valid_log};
use crate::error::{Error, Refusal};
use crate::lms::{
    AiOrigin, EnrollOptions, NewAssignment, NewLesson, NewQuestion, NewQuiz, NewSubmission, NewTopic, Session,
};
use crate::model::question::QuestionBody;
use crate::model::{EventKind, Points};
use crate::rules::access::LockReason;
use crate::testing::Classroom;

/// How everything here is called, so that a learner's answers can be searched for it.
const TITLE: &str = "Written by AI";

/// AI that acts for the instructor, with an accepted answer.
async fn accepted(h: &Harness, room: &Classroom, kind: &str) -> (Session, AiOrigin) {
    let log = valid_log(h, kind, uuid::Uuid::from_u128(900)).await;
    (by_ai(h, room, log.id).await, AiOrigin { log_id: log.id, operation_id: log.operation_id })
}

/// Whether it is refused because nobody has published it.
fn is_draft<T>(outcome: Result<T, Error>) -> bool {
    matches!(outcome, Err(Error::Refused(Refusal::Locked { reasons })) if reasons.contains(&LockReason::NotPublished))
}

/// The learner reads nothing of it, and no event tells learners of it.
async fn is_hidden(h: &Harness, room: &Classroom) {
    let (me, id) = (room.student(0), room.students[0]);
    let outline = me.overview().outline(room.course, id).await.unwrap();
    let card = me.overview().scorecard(room.course, id).await.unwrap();
    let home = me.overview().learner_home(id).await.unwrap();
    let shown = serde_json::to_string(&(outline, card, home)).unwrap();
    assert!(!shown.contains(TITLE), "{shown}");
    let events = h.events().await;
    let told = events.iter().find(|e| e.event.kind == EventKind::AiGenerated).unwrap();
    let meta: serde_json::Value = told.event.metadata.read().unwrap();
    assert_eq!(meta["visible"], false);
    let about = |e: &&crate::model::Event| e.event.subject_id == told.event.subject_id;
    assert_eq!(events.iter().filter(about).count(), 1, "no other event tells of it");
}

/// rules: I1, L2, L4, R1
pub async fn i1_l4_a_quiz_by_ai_waits_to_be_published(h: &Harness) {
    let room = h.classroom(1, 1).await;
    let (ai, origin) = accepted(h, &room, "quiz").await;
    let questions = vec![NewQuestion::new("Is it?", QuestionBody::TrueFalse { correct: true })];
    let asked = NewQuiz { is_published: true, questions, ..NewQuiz::titled(TITLE) };
    let made = ai.catalog().apply_quiz(room.lessons[0], asked, origin.into()).await.unwrap();
    let stands = room.teacher().catalog().quiz(made.id).await.unwrap();
    assert_eq!((made.is_published, stands.is_published, stands.is_ai_generated), (false, false, true));
    is_hidden(h, &room).await;
    assert!(is_draft(room.student(0).quizzes().start(made.id).await));
    assert_eq!(ai.catalog().publish_quiz(made.id, true).await.unwrap_err().code(), "not_found", "AI publishes nothing");
    assert!(is_draft(room.student(0).quizzes().start(made.id).await));
    room.teacher().catalog().publish_quiz(made.id, true).await.unwrap();
    room.student(0).quizzes().start(made.id).await.unwrap();
}

/// rules: I1, L2, L4, R1
pub async fn i1_l4_an_assignment_by_ai_waits_to_be_published(h: &Harness) {
    let room = h.classroom(1, 1).await;
    let (ai, origin) = accepted(h, &room, "assignment").await;
    let asked = NewAssignment { is_published: true, ..NewAssignment::new(TITLE, Points::whole(10).unwrap()) };
    let made = ai.catalog().apply_assignment(room.lessons[0], asked, origin.into()).await.unwrap();
    let stands = room.teacher().catalog().assignment(made.id).await.unwrap();
    assert_eq!((made.is_published, stands.is_published, stands.is_ai_generated), (false, false, true));
    is_hidden(h, &room).await;
    let hand_in = async || room.student(0).assignments().submit(made.id, NewSubmission::text("My work.")).await;
    assert!(is_draft(hand_in().await));
    assert_eq!(ai.catalog().publish_assignment(made.id, true).await.unwrap_err().code(), "not_found");
    assert!(is_draft(hand_in().await));
    room.teacher().catalog().publish_assignment(made.id, true).await.unwrap();
    hand_in().await.unwrap();
}

/// The course, and each of its lessons.
/// rules: I1, L1, L2, L4, R1
pub async fn i1_l4_a_course_by_ai_waits_to_be_published(h: &Harness) {
    let room = h.classroom(1, 1).await;
    let (ai, origin) = accepted(h, &room, "outline").await;
    let mut asked = draft();
    asked.course.title = TITLE.into();
    for lesson in &mut asked.lessons {
        lesson.lesson.is_published = true;
    }
    let made = ai.catalog().apply_course(asked, origin).await.unwrap();
    let teacher = room.teacher();
    let stands = teacher.catalog().structure(made.course_id).await.unwrap();
    assert!(!stands.course.is_published && stands.course.is_ai_generated);
    assert!(stands.lessons.iter().all(|lesson| !lesson.is_published) && stands.lessons.len() == 3);
    is_hidden(h, &room).await;
    // Also to a learner whom its staff has enrolled already (E4).
    let (me, lesson) = (room.student(0), made.lessons[0].0);
    teacher.enrollment().enroll(made.course_id, room.students[0], EnrollOptions::default()).await.unwrap();
    assert!(is_draft(me.learning().open_course(made.course_id).await));
    assert!(is_draft(me.learning().open_lesson(lesson).await));
    assert_eq!(ai.catalog().publish_lesson(lesson, true).await.unwrap_err().code(), "not_found");
    assert_eq!(ai.catalog().publish_course(made.course_id, true).await.unwrap_err().code(), "not_found");
    teacher.catalog().publish_lesson(lesson, true).await.unwrap();
    assert!(is_draft(me.learning().open_lesson(lesson).await), "its course is a draft");
    teacher.catalog().publish_course(made.course_id, true).await.unwrap();
    me.learning().open_lesson(lesson).await.unwrap();
    assert!(is_draft(me.learning().open_lesson(made.lessons[1].0).await), "one by one");
}

/// A text for a topic publishes nothing: its lesson stays the draft that it was.
/// rules: I1, L2, L4, R1
pub async fn i1_l4_a_text_by_ai_publishes_no_lesson(h: &Harness) {
    let room = h.classroom(1, 1).await;
    let teacher = room.teacher();
    let lesson = teacher.catalog().add_lesson(room.course, NewLesson::titled("A draft")).await.unwrap().id;
    let topic = teacher.catalog().add_topic(lesson, NewTopic::text("A topic", "A synopsis.")).await.unwrap();
    let (ai, origin) = accepted(h, &room, "lesson_body").await;
    let text = format!("{TITLE}: all of it.");
    let made = ai.catalog().apply_body(topic.id, text.clone(), Some(topic.version), origin).await.unwrap();
    assert_eq!((made.body.as_ref(), made.is_ai_generated), (Some(&text), true));
    let stands = teacher.catalog().structure(room.course).await.unwrap();
    let published: Vec<_> = stands.lessons.iter().filter(|lesson| lesson.is_published).map(|l| l.id).collect();
    assert_eq!(published, room.lessons);
    let me = room.student(0);
    assert!(is_draft(me.learning().read_lesson(lesson).await));
    assert!(is_draft(me.learning().view_topic(topic.id).await));
    assert_eq!(ai.catalog().publish_lesson(lesson, true).await.unwrap_err().code(), "not_found");
    teacher.catalog().publish_lesson(lesson, true).await.unwrap();
    let read = serde_json::to_string(&me.learning().read_lesson(lesson).await.unwrap()).unwrap();
    assert!(read.contains(&text), "{read}");
}
