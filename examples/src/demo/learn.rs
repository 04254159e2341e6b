//! Learners learn: they read, answer, write, and are graded.

use std::collections::BTreeMap;
use std::time::Duration;

use lms_ai::text::{key_terms, markdown_to_text, sentences};
use lms_certificates::{Fonts, Renderer};
use lms_core::lms::{AttemptView, EnrollOptions, NewSubmission, Session};
use lms_core::model::question::{Answer, QuestionBody, TextKey};
use lms_core::model::{
    AiGradingState, AssignmentId, Certificate, GraderKind, Points, QuizQuestion, Rendering, SubmissionId, UserId,
};

use super::{Authored, Counts, Demo, Failure, INSTRUCTOR};

/// What came of the learning.
#[derive(Debug, Clone, Default)]
pub struct Learned {
    /// What became of AI's grades.
    pub grades: Counts,
    /// The certificates.
    pub certificates: Vec<Certificate>,
}

/// What the learners of a course answer and write from.
#[derive(Debug)]
pub struct Keys {
    questions: BTreeMap<uuid::Uuid, QuizQuestion>,
    lesson_text: String,
    asked: String,
}

impl Keys {
    /// Reads a course as its instructor.
    ///
    /// # Errors
    /// When the library refuses or the store fails.
    pub async fn load(demo: &Demo, made: &Authored) -> Result<Self, Failure> {
        let teacher = demo.lms.as_user(demo.instructor);
        let catalog = teacher.catalog();
        let mut questions = BTreeMap::new();
        for quiz in &made.quizzes {
            for question in catalog.questions(*quiz).await? {
                questions.insert(question.id.uuid(), question);
            }
        }
        let assignment = catalog.assignment(made.assignment).await?;
        let topics = catalog.topics(assignment.lesson_id).await?;
        let lesson_text =
            topics.iter().filter_map(|t| t.body.as_deref()).map(markdown_to_text).collect::<Vec<_>>().join("\n");
        let rubric = assignment.rubric()?.unwrap_or_default();
        let asked = rubric.criteria.iter().map(|c| format!("{} {}. ", c.title, c.description)).collect();
        Ok(Self { questions, lesson_text, asked })
    }
}

/// How long a learner takes between two steps.
#[derive(Debug, Clone, Copy, Default)]
pub struct Pace(Option<Duration>);

impl Pace {
    /// So long after every step.
    pub const fn every(pause: Duration) -> Self {
        Self(Some(pause))
    }

    async fn rest(self) {
        if let Some(pause) = self.0 {
            tokio::time::sleep(pause).await;
        }
    }
}

/// Enrolls the learners and lets them work through the course. Each second one writes a thin essay,
/// so that both ways of AI grading show: applied, and suggested to the instructor.
///
/// # Errors
/// When the library refuses or the store fails.
pub async fn learn(demo: &Demo, made: &Authored) -> Result<Learned, Failure> {
    demo.step("Learners read, answer quizzes and write essays").await?;
    let keys = Keys::load(demo, made).await?;
    let mut submissions = Vec::with_capacity(demo.students.len());
    let mut bar = demo.screen.progress("learners", demo.students.len());
    for (n, (student, name)) in demo.students.iter().enumerate() {
        submissions.push((study(demo, made, &keys, (n, *student), Pace::default()).await?, name.as_str()));
        bar.step();
    }
    drop(bar);
    let grades = grade(demo, made.assignment, &submissions).await?;
    let certificates = certify(demo, made).await?;
    Ok(Learned { grades, certificates })
}

/// One learner, the n-th, works through the course; the essay that they hand in.
///
/// # Errors
/// When the library refuses or the store fails.
pub async fn study(
    demo: &Demo,
    made: &Authored,
    keys: &Keys,
    (n, student): (usize, UserId),
    pace: Pace,
) -> Result<SubmissionId, Failure> {
    demo.lms.as_user(demo.instructor).enrollment().enroll(made.course, student, EnrollOptions::default()).await?;
    let me = demo.lms.as_user(student);
    me.learning().open_course(made.course).await?;
    for (lesson, topics) in &made.lessons {
        me.learning().open_lesson(*lesson).await?;
        pace.rest().await;
        for topic in topics {
            me.learning().view_topic(*topic).await?;
            pace.rest().await;
        }
        me.learning().complete_lesson(*lesson).await?;
        pace.rest().await;
    }
    for quiz in &made.quizzes {
        take_quiz(&me, me.quizzes().start(*quiz).await?, &keys.questions, n).await?;
        pace.rest().await;
    }
    let count = if n % 2 == 0 { 24 } else { 2 };
    let essay = essay(&keys.lesson_text, &keys.asked, count);
    Ok(me.assignments().submit(made.assignment, NewSubmission::text(essay)).await?.id)
}

/// Answers a quiz: mostly right, and wrong once where a learner may still pass.
async fn take_quiz(
    me: &Session,
    mut attempt: AttemptView,
    keys: &BTreeMap<uuid::Uuid, QuizQuestion>,
    learner: usize,
) -> Result<(), Failure> {
    for round in 0..2 {
        let slip = round == 0 && learner % 3 == 1;
        let mut patch = BTreeMap::new();
        for (n, question) in attempt.questions.iter().enumerate() {
            let Some(key) = keys.get(&question.id).and_then(|q| q.body().ok()) else { continue };
            patch.insert(question.id, answer(&key, slip && n < 2));
        }
        me.quizzes().save(attempt.id, "demo", i64::from(round) + 1, patch).await?;
        let done = me.quizzes().submit(attempt.id).await?;
        if done.percent.is_some_and(|p| p.hundredths() >= 6_000) {
            return Ok(());
        }
        attempt = me.quizzes().start(attempt.quiz_id).await?;
    }
    Ok(())
}

fn answer(body: &QuestionBody, wrong: bool) -> Option<Answer> {
    match body {
        QuestionBody::SingleChoice { options, correct, .. } => {
            let other = options.iter().find(|o| o.id != *correct).filter(|_| wrong);
            Some(Answer::Choice { option_id: other.map_or_else(|| correct.clone(), |o| o.id.clone()) })
        }
        QuestionBody::MultipleChoice { options, correct, .. } => Some(Answer::Choices {
            option_ids: if wrong { options.iter().map(|o| o.id.clone()).collect() } else { correct.clone() },
        }),
        QuestionBody::ShortText { keys, .. } if !wrong => keys.iter().find_map(|key| match key {
            TextKey::Exact { text, .. } => Some(Answer::Text { text: text.clone() }),
            _ => None,
        }),
        // What is left open counts as wrong.
        _ => None,
    }
}

/// An essay of so many sentences of the lesson, those first that speak of what is asked.
fn essay(lesson: &str, asked: &str, count: usize) -> String {
    let terms: Vec<String> = key_terms(asked, 60).into_iter().map(|term| term.text.to_lowercase()).collect();
    let mut found: Vec<(usize, usize, &str)> = sentences(lesson)
        .into_iter()
        .enumerate()
        .filter_map(|(n, range)| {
            let sentence = lesson.get(range)?.trim();
            let lower = sentence.to_lowercase();
            let hits = terms.iter().filter(|term| lower.contains(term.as_str())).count();
            (sentence.chars().count() > 20).then_some((hits, n, sentence))
        })
        .collect();
    found.sort_by_key(|(hits, n, _)| (std::cmp::Reverse(*hits), *n));
    found.truncate(count);
    found.sort_by_key(|(_, n, _)| *n);
    let body: Vec<&str> = found.into_iter().map(|(_, _, sentence)| sentence).collect();
    format!("What I have learned from this lesson: {}", body.join(" "))
}

/// AI grades what was handed in; what it only suggests waits for the instructor, who adopts it here.
async fn grade(demo: &Demo, assignment: AssignmentId, submissions: &[(SubmissionId, &str)]) -> Result<Counts, Failure> {
    demo.step("AI grades the essays").await?;
    let background = demo.lms.background().with(demo.ai.grader());
    while background.tick().await?.consumed > 0 {}
    let teacher = demo.lms.as_user(demo.instructor);
    let max = teacher.catalog().assignment(assignment).await?.max_grade;
    let mut counts = Counts::default();
    let mut waiting = Vec::new();
    for (id, name) in submissions {
        let mut submission = teacher.assignments().submission(*id).await?;
        if submission.ai_status == AiGradingState::Pending {
            // The lease of the background is another process's, of one that was killed perhaps.
            submission = demo.ai.grade_submission(*id).await?.graded.submission;
        }
        match (submission.grade, submission.suggested_seq) {
            (Some(grade), _) if submission.grader_kind == Some(GraderKind::Ai) => {
                counts.applied += 1;
                demo.screen.line(format!("   {name}: {} by AI, applied at once", of(grade, max)));
            }
            (_, Some(seq)) => waiting.push((*id, *name, seq)),
            _ => demo.screen.line(format!("   {name}: AI gave no grade; the work waits for a person")),
        }
    }
    if waiting.is_empty() {
        return Ok(counts);
    }
    demo.step(&format!("Where AI is not sure, {INSTRUCTOR} decides")).await?;
    for (id, name, seq) in waiting {
        counts.suggested += 1;
        let history = teacher.assignments().history(id).await?;
        let Some(suggestion) = history.iter().find(|entry| entry.seq == seq) else { continue };
        let suggested = suggestion.raw.unwrap_or(Points::ZERO);
        let why = suggestion.reason.as_deref().unwrap_or("no reason given").replace('_', " ");
        demo.screen.line(format!("   {name}: AI suggests {} ({why})", of(suggested, max)));
        let graded = teacher.assignments().adopt_suggestion(id, seq, Some("read it, agreed".to_owned())).await?;
        counts.adopted += 1;
        let grade = graded.submission.grade.unwrap_or(Points::ZERO);
        demo.screen.line(format!("   {name}: {} adopted by {INSTRUCTOR}", of(grade, max)));
    }
    Ok(counts)
}

fn of(grade: Points, max: Points) -> String {
    format!("{grade} of {max} points")
}

/// PDFs of the certificates that completing the course has issued.
async fn certify(demo: &Demo, made: &Authored) -> Result<Vec<Certificate>, Failure> {
    demo.step("Who finished gets a certificate").await?;
    let renderer =
        Renderer::new("Quickstart Academy", Fonts::built_in())?.with_verify_url("https://example.org/verify/")?;
    let background = demo.lms.background().with(renderer.clone());
    while background.tick().await?.consumed > 0 {}
    let mut found = Vec::new();
    for (student, name) in &demo.students {
        match demo.lms.system().certificates().of(made.course, *student).await {
            // As above: another process may hold the lease.
            Ok(certificate) if certificate.rendering == Rendering::Pending => {
                found.push(renderer.render_one(&demo.lms, &certificate).await?);
            }
            Ok(certificate) => found.push(certificate),
            Err(e) if e.code() == "certificate.none" => demo.screen.line(format!("   {name} has not finished")),
            Err(e) => return Err(e.into()),
        }
    }
    Ok(found)
}
