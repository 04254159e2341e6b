//! What content must be like to be stored, and to be published (L3, L6–L8).

mod text;

pub mod question;

pub use text::*;

use crate::error::Problem;
use crate::model::table::Json;
use crate::model::{Assignment, ContentType, LessonId, Quiz, QuizQuestion, RevisionContent, Topic};

/// The most questions of a quiz, of a draft too (Q15).
pub const QUIZ_QUESTIONS: usize = 500;
/// The most bytes of a quiz's questions, as the document that attempts refer to (Q15).
pub const QUIZ_BYTES: usize = 4 * 1024 * 1024;

/// What is wrong with a topic (L7).
pub fn check_topic(topic: &Topic) -> Vec<Problem> {
    let mut checks = Checks::default();
    checks.text("title", &topic.title, 1, 200);
    if let Some(body) = &topic.body {
        checks.document("body", body, 1_048_576);
    }
    if let Some(url) = &topic.content_url {
        checks.url("content_url", url);
    }
    let empty = |text: &Option<String>| text.as_deref().is_none_or(|text| text.trim().is_empty());
    if topic.content_type == ContentType::Text && empty(&topic.body) {
        checks.add("topic.no_body", "body", "a text topic needs a body");
    }
    if topic.content_type.is_media() && topic.content_url.is_none() {
        checks.add(
            "topic.no_url",
            "content_url",
            format!("a topic of type {} needs a content_url", topic.content_type.as_str()),
        );
    }
    checks.metadata(&topic.metadata);
    checks.problems
}

/// Whether so many questions are too many for a quiz (Q15).
pub fn check_question_count(count: usize) -> Option<Problem> {
    let message = "a quiz has at most 500 questions";
    (count > QUIZ_QUESTIONS).then(|| Problem::new("quiz.too_many_questions", "questions", message))
}

/// What is wrong with a quiz as it stands: a draft may be empty, what is published can be started (L3, Q15).
/// Too many questions are refused by their number alone, so that a hostile list costs nothing.
pub fn check_quiz_questions(quiz: &Quiz, questions: &[QuizQuestion]) -> Vec<Problem> {
    if quiz.is_published {
        return check_quiz_publishable(quiz, questions);
    }
    if let Some(problem) = check_question_count(questions.len()) {
        return vec![problem];
    }
    let mut problems = check_quiz(quiz);
    problems.extend(check_each(questions));
    problems
}

fn check_each(questions: &[QuizQuestion]) -> impl Iterator<Item = Problem> {
    questions.iter().enumerate().flat_map(|(n, question)| {
        question.check().into_iter().map(move |mut problem| {
            problem.field = format!("questions[{n}].{}", problem.field);
            problem
        })
    })
}

/// What keeps a quiz from being published (L3), and so from being started (Q15).
pub fn check_quiz_publishable(quiz: &Quiz, questions: &[QuizQuestion]) -> Vec<Problem> {
    if let Some(problem) = check_question_count(questions.len()) {
        return vec![problem];
    }
    let mut checks = Checks::default();
    if questions.is_empty() {
        checks.add("quiz.no_questions", "questions", "a published quiz has at least one question");
    }
    checks.problems.extend(check_each(questions));
    // A question that cannot be read is among the problems already.
    if RevisionContent::of(questions).is_ok_and(|content| Json::of(&content).as_str().len() > QUIZ_BYTES) {
        checks.add("quiz.too_large", "questions", "the questions of a quiz have at most 4 MiB");
    }
    let possible: i128 = questions.iter().map(|q| i128::from(q.points.units())).sum();
    // A question that a regrade dropped counts for nothing in attempts to come either (N6, A12).
    let dropped = quiz.adjustments.read::<crate::model::Adjustments>().unwrap_or_default();
    let dropped = |q: &QuizQuestion| dropped.questions.get(&q.id.uuid()) == Some(&crate::model::Adjustment::Dropped);
    let worthless = questions.iter().all(|q| q.points.units() <= 0 || dropped(q));
    if quiz.pass_threshold_bp.is_some() && worthless {
        checks.add("quiz.worthless", "pass_threshold_bp", "a quiz worth 0 points cannot have a threshold");
    }
    if possible > 10_000_000_000 {
        checks.add("quiz.too_many_points", "questions", "a quiz is worth at most 100000 points");
    }
    checks.problems.extend(check_quiz(quiz));
    checks.problems
}

/// What is wrong with a quiz's own fields.
pub fn check_quiz(quiz: &Quiz) -> Vec<Problem> {
    let mut checks = Checks::default();
    checks.text("title", &quiz.title, 1, 200);
    checks.long_text("description", &quiz.description, 20_000);
    checks.range("max_attempts", quiz.max_attempts, 1, 1_000);
    checks.range("time_limit_seconds", quiz.time_limit_seconds, 1, 31_536_000);
    checks.range("grace_seconds", Some(quiz.grace_seconds), 0, 86_400);
    checks.range("review_days", quiz.review_days, 0, 3_650);
    checks.range("weight", Some(quiz.weight), 0, 1_000);
    if let (Some(opens), Some(closes)) = (quiz.opens_at, quiz.closes_at)
        && opens >= closes
    {
        checks.add("quiz.dates", "closes_at", "a quiz closes after it opens");
    }
    checks.metadata(&quiz.metadata);
    checks.problems
}

/// What is wrong with an assignment's own fields (L3, S5, S13).
pub fn check_assignment(assignment: &Assignment) -> Vec<Problem> {
    let mut checks = Checks::default();
    checks.text("title", &assignment.title, 1, 200);
    checks.long_text("description", &assignment.description, 100_000);
    if assignment.max_grade.units() <= 0 || assignment.max_grade.units() > 10_000_000_000 {
        checks.add("assignment.max_grade", "max_grade", "an assignment is worth more than 0 and at most 100000 points");
    }
    if let (Some(due), Some(cutoff)) = (assignment.due_date, assignment.cutoff_date)
        && due > cutoff
    {
        checks.add("assignment.cutoff", "cutoff_date", "the cut-off is not before the due date");
    }
    if let Some(zone) = &assignment.due_zone {
        checks.zone("due_zone", zone);
    }
    if assignment.met_by == crate::model::MetBy::Passed && assignment.pass_threshold_bp.is_none() {
        checks.add(
            "assignment.pass_threshold",
            "pass_threshold_bp",
            "an assignment that is met by passing has a threshold",
        );
    }
    if assignment.penalty_bp.is_some() != assignment.penalty_interval.is_some() {
        checks.add("assignment.penalty", "penalty_interval", "a late penalty has an amount and an interval");
    }
    checks.range("max_versions", assignment.max_versions, 1, 1_000);
    checks.range("review_days", assignment.review_days, 0, 3_650);
    checks.range("grace_seconds", Some(assignment.grace_seconds), 0, 31_536_000);
    checks.range("weight", Some(assignment.weight), 0, 1_000);
    match assignment.rubric() {
        Ok(Some(rubric)) => checks.problems.extend(rubric.check(Some(assignment.max_grade))),
        Ok(None) => {}
        Err(e) => checks.add("assignment.rubric", "rubric", format!("not a rubric: {e}")),
    }
    checks.metadata(&assignment.metadata);
    checks.problems
}

/// Whether a lesson may wait for `requires`: never for itself, and never in a circle (X2).
pub fn would_cycle(lesson: LessonId, requires: LessonId, edges: &[(LessonId, LessonId)]) -> bool {
    let mut open = vec![requires];
    let mut seen = std::collections::BTreeSet::new();
    while let Some(at) = open.pop() {
        if at == lesson {
            return true;
        }
        if seen.insert(at) {
            open.extend(edges.iter().filter(|(from, _)| *from == at).map(|(_, to)| *to));
        }
    }
    false
}
