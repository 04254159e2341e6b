//! Rows that a newer version of the library has written, while a deploy rolls.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "conformance cases are tests")]

use std::sync::Arc;

use serde_json::Value;

use super::Harness;
use super::assignments::assign;
use crate::Lms;
use crate::lms::{AssignmentRules, NewGrade, NewQuestion, NewQuiz, NewSubmission};
use crate::model::question::{Answer, Labelled, QuestionBody};
use crate::model::table::Json;
use crate::model::{AttemptState, Criterion, CriterionScore, Points, Rubric, TemplateDocument};
use crate::store::{Change, ContentRef, Row, WriteBatch};

/// The document with a field that nobody knows in the objects at these places.
fn newer(document: &Json, places: &[&str]) -> Json {
    let mut document: Value = document.read().unwrap();
    for place in places {
        let object = document.pointer_mut(place).and_then(Value::as_object_mut).unwrap();
        object.insert("from_a_later_version".to_owned(), serde_json::json!([{ "deep": 1 }]));
    }
    Json::of(&document)
}

async fn put(h: &Harness, row: impl Into<Row>) {
    let batch = WriteBatch { changes: vec![Change::Put(row.into())], ..WriteBatch::default() };
    h.store.write(Arc::new(batch)).await.unwrap();
}

/// Fields that nobody knows are passed over in every document of a row, down to its last part.
/// rules: DESIGN §4a
pub async fn rows_of_a_later_version_are_read(h: &Harness) {
    let room = h.classroom(1, 1).await;
    let (teacher, me, who) = (room.teacher(), room.student(0), room.students[0]);
    let admin = h.lms.as_user(room.admin);

    let document = TemplateDocument { headline: Some("Done".into()), ..TemplateDocument::default() };
    let mut template = admin.certificates().save_template(None, "Gold", document.clone()).await.unwrap();
    template.document = newer(&template.document, &[""]);
    put(h, template.clone()).await;
    let versions = admin.certificates().template_versions(template.id).await.unwrap();
    assert_eq!(versions[0].content().unwrap(), document);

    let max = Points::whole(100).unwrap();
    let criterion = Criterion { id: "all".into(), title: "All".into(), description: String::new(), max };
    let rubric = Rubric { criteria: vec![criterion], staff_notes: String::new() };
    let mut marked = assign(&room, AssignmentRules::default(), Some(rubric.clone())).await;
    marked.rubric = marked.rubric.map(|document| newer(&document, &["", "/criteria/0"]));
    put(h, marked.clone()).await;
    let handed = me.assignments().submit(marked.id, NewSubmission::text("My work.")).await.unwrap().id;
    let scores = vec![CriterionScore { id: "all".into(), points: max, comment: String::new(), evidence: vec![] }];
    let grade = NewGrade { rubric_scores: Some(scores), ..NewGrade::default() };
    let graded = teacher.assignments().grade(handed, grade).await.unwrap();
    assert_eq!(graded.submission.grade, Some(max));

    let body = QuestionBody::SingleChoice {
        options: vec![Labelled::new("right", "Right"), Labelled::new("wrong", "Wrong")],
        correct: "right".to_owned(),
        why: Default::default(),
    };
    let essay = QuestionBody::Essay { rubric: Some(rubric), staff_notes: String::new() };
    let essay = NewQuestion { points: max, ..NewQuestion::new("Why?", essay) };
    let questions = vec![NewQuestion::new("Which?", body), essay];
    let quiz = NewQuiz { is_published: true, questions, ..NewQuiz::titled("A quiz") };
    let quiz = teacher.catalog().add_quiz(room.lessons[0], quiz).await.unwrap();
    for mut question in h.store.questions(quiz.id).await.unwrap() {
        let essay = question.order_index == 1;
        question.options = newer(&question.options, if essay { &[""] } else { &["", "/options/0"] });
        let key: &[_] = if essay { &["", "/rubric", "/rubric/criteria/0"] } else { &[""] };
        question.correct_answer = newer(&question.correct_answer, key);
        put(h, question.clone()).await;
        let at = ContentRef::Question(question.id);
        let stands = h.store.content(None, at).await.unwrap().unwrap().question.unwrap();
        assert!(stands.body().is_ok() && stands.correct_answer.as_str().contains("from_a_later_version"));
    }
    let attempt = me.quizzes().start(quiz.id).await.unwrap();
    let answer = |n: usize, answer: Answer| (attempt.questions[n].id, Some(answer));
    let answers =
        [answer(0, Answer::Choice { option_id: "right".into() }), answer(1, Answer::Essay { text: "Because.".into() })];
    me.quizzes().save(attempt.id, "tab", 1, answers.into()).await.unwrap();

    let enrollment = h.lms.system().enrollment().enrollment(room.course, who).await.unwrap().id;
    let mut row = h.store.work_of(enrollment).await.unwrap().attempts.remove(0);
    let mut revision = h.store.revision(row.revision_id).await.unwrap().unwrap();
    let places =
        ["", "/questions/0", "/questions/0/body", "/questions/0/body/options/1", "/questions/1/body/rubric/criteria/0"];
    revision.content = newer(&revision.content, &places);
    put(h, revision).await;
    let (one, two) = (format!("/answers/{}", attempt.questions[0].id), format!("/answers/{}", attempt.questions[1].id));
    row.answers = newer(&row.answers, &["", &one, &format!("{one}/answer"), &format!("{two}/answer")]);
    put(h, row).await;
    // A process that has read nothing of it before.
    let fresh = Lms::over(h.store.clone()).clock(h.clock.clone()).build();
    let me = fresh.as_user(who);
    let seen = me.quizzes().view_attempt(attempt.id).await.unwrap();
    assert_eq!((seen.questions, seen.answers.len()), (attempt.questions.clone(), 2));
    let outcome = me.quizzes().submit(attempt.id).await.unwrap();
    assert_eq!(outcome.state, AttemptState::PendingReview);
    let export = me.people().export_person(who).await.unwrap();
    assert_eq!(export.courses[0].attempts[0].answers.len(), 2);
}
