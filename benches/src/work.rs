//! What the workloads of every store are made of.

use std::collections::BTreeMap;
use std::time::Instant;

use lms_core::Lms;
use lms_core::lms::{CourseDraft, LessonDraft, NewCourse, NewLesson, NewQuestion, NewQuiz, NewTopic};
use lms_core::model::question::{Answer, Labelled, QuestionBody};
use lms_core::model::table::Json;
use lms_core::model::{AiLog, AiLogId, AiLogStatus, AttemptId, LessonId, UserId};

use crate::Failure;
use crate::floor::Outline;

/// A learner and a lesson that they complete.
pub type Pair = (UserId, LessonId);

/// The learners' and lessons' pairs of a course, each taken once.
#[derive(Debug)]
pub struct Pairs {
    all: Vec<Pair>,
    next: usize,
}

impl Pairs {
    /// Learner by learner, as they learn: the last lesson of each completes the course.
    pub fn of(learners: &[UserId], lessons: &[LessonId]) -> Self {
        let all = learners.iter().flat_map(|student| lessons.iter().map(|lesson| (*student, *lesson))).collect();
        Self { all, next: 0 }
    }

    /// The next `n`.
    ///
    /// # Errors
    /// When there are not so many.
    pub fn take(&mut self, n: usize) -> Result<Vec<Pair>, Failure> {
        let taken = self.all.get(self.next..self.next + n).ok_or("the seeded pairs are used up")?.to_vec();
        self.next += n;
        Ok(taken)
    }
}

/// Completes the lessons of pairs through the library, as so many clients at once; seconds each.
///
/// # Errors
/// When the library refuses or the store fails.
pub async fn complete(lms: &Lms, pairs: &[Pair], clients: usize) -> Result<f64, Failure> {
    let started = Instant::now();
    let mut tasks = Vec::new();
    for n in 0..clients {
        let own = share(pairs, clients, n);
        let lms = lms.clone();
        tasks.push(tokio::spawn(async move {
            for (student, lesson) in own {
                lms.as_user(student).learning().complete_lesson(lesson).await?;
            }
            Ok::<_, lms_core::Error>(())
        }));
    }
    for task in tasks {
        task.await??;
    }
    Ok(started.elapsed().as_secs_f64() / pairs.len() as f64)
}

/// The pairs of the n-th client of so many. A learner's own follow each other in one client where they can:
/// two clients on one learner would measure their waiting for one another.
pub fn share(pairs: &[Pair], clients: usize, n: usize) -> Vec<Pair> {
    pairs.chunks(pairs.len().div_ceil(clients)).nth(n).unwrap_or_default().to_vec()
}

/// A course of an outline as a model drafts it.
pub fn draft(outline: Outline) -> CourseDraft {
    CourseDraft {
        course: NewCourse::titled("By AI"),
        objectives: (0..outline.objectives).map(|n| (format!("key{n}"), "Do something".to_owned())).collect(),
        lessons: (0..outline.lessons)
            .map(|n| LessonDraft {
                lesson: NewLesson::titled(format!("Lesson {n}")),
                objectives: vec![format!("key{}", n % outline.objectives.max(1))],
                topics: (0..outline.topics).map(|t| NewTopic::text(format!("Topic {t}"), "Text of a topic.")).collect(),
            })
            .collect(),
    }
}

/// A quiz of so many single choices, whose right option is "right".
pub fn quiz(questions: usize) -> NewQuiz {
    let question = |n: usize| {
        let options = vec![Labelled::new("right", "The right one"), Labelled::new("wrong", "The wrong one")];
        let body = QuestionBody::SingleChoice { options, correct: "right".into(), why: BTreeMap::new() };
        NewQuestion::new(format!("Question {n}"), body)
    };
    NewQuiz { is_published: true, questions: (0..questions).map(question).collect(), ..NewQuiz::titled("Quiz") }
}

/// The record of a call whose answer is valid and not applied yet.
///
/// # Errors
/// When the store fails.
pub async fn log(lms: &Lms) -> Result<AiLog, Failure> {
    let now = lms.now();
    let row = AiLog {
        id: AiLogId::from_uuid(lms.ids().uuid(now)),
        operation_id: lms.ids().uuid(now),
        attempt: 1,
        kind: "outline".into(),
        prompt_version: 1,
        status: AiLogStatus::Valid,
        provider: "bench".into(),
        model_requested: "bench".into(),
        model_served: None,
        request_id: None,
        message_id: None,
        stop_reason: None,
        http_status: None,
        error_kind: None,
        violations: Json::parse("[]")?,
        notes: Json::parse("[]")?,
        input_sha256: "0".repeat(64),
        prompt_sha256: "0".repeat(64),
        system_sha256: "0".repeat(64),
        schema_sha256: "0".repeat(64),
        prompt_text: None,
        response_text: None,
        response_sha256: None,
        redaction: "full".into(),
        tokens_in: 0,
        tokens_out: 0,
        tokens_cache_read: 0,
        tokens_cache_write: 0,
        tokens_thinking: 0,
        cost_micro_usd: 0,
        charged_micro_usd: 0,
        latency_ms: None,
        actor_id: None,
        course_id: None,
        subject_type: None,
        subject_id: None,
        created_at: now,
        given_up_at: now.plus_seconds(3_600),
        completed_at: Some(now),
        applied_at: None,
        expires_at: None,
    };
    lms.system().ai_log().claim(row.clone()).await?;
    Ok(row)
}

/// An open, answered attempt at a new quiz of five questions in this lesson, for each learner.
///
/// # Errors
/// When the library refuses or the store fails.
pub async fn attempts(
    lms: &Lms,
    instructor: UserId,
    lesson: LessonId,
    learners: &[UserId],
) -> Result<Vec<(UserId, AttemptId)>, Failure> {
    let quiz = lms.as_user(instructor).catalog().add_quiz(lesson, quiz(5)).await?;
    let mut open = Vec::with_capacity(learners.len());
    for student in learners {
        let me = lms.as_user(*student);
        let attempt = me.quizzes().start(quiz.id).await?;
        let right = || Some(Answer::Choice { option_id: "right".into() });
        let patch = attempt.questions.iter().map(|q| (q.id, right())).collect();
        me.quizzes().save(attempt.id, "tab", 1, patch).await?;
        open.push((*student, attempt.id));
    }
    Ok(open)
}
