//! Learners learn: they read, answer, write, and are graded.

use std::collections::BTreeMap;

use lms_ai::text::{key_terms, markdown_to_text, sentences};
use lms_certificates::{Fonts, Renderer};
use lms_core::lms::{AttemptView, EnrollOptions, NewSubmission, Session};
use lms_core::model::question::{Answer, QuestionBody, QuestionType};
use lms_core::model::{Certificate, QuizQuestion, SubmissionState};

use super::{Authored, Counts, Demo, Failure};

/// What came of the learning.
#[derive(Debug, Clone, Default)]
pub struct Learned {
    /// What became of AI's grades.
    pub grades: Counts,
    /// The certificates.
    pub certificates: Vec<Certificate>,
}

/// Enrolls the learners and lets them work through the course. Each second one writes a thin essay,
/// so that both ways of AI grading show: applied, and suggested to the instructor.
///
/// # Errors
/// When the library refuses or the store fails.
pub async fn learn(demo: &Demo, made: &Authored) -> Result<Learned, Failure> {
    demo.screen.heading("Learners learn; every step is a live event");
    let teacher = demo.lms.as_user(demo.instructor);
    let catalog = teacher.catalog();
    let mut keys: BTreeMap<uuid::Uuid, QuizQuestion> = BTreeMap::new();
    for quiz in &made.quizzes {
        for question in catalog.questions(*quiz).await? {
            keys.insert(question.id.uuid(), question);
        }
    }
    let assignment = catalog.assignment(made.assignment).await?;
    let lesson_text = {
        let topics = catalog.topics(assignment.lesson_id).await?;
        topics.iter().filter_map(|t| t.body.as_deref()).map(markdown_to_text).collect::<Vec<_>>().join("\n")
    };
    let rubric = assignment.rubric()?.unwrap_or_default();
    let asked: String = rubric.criteria.iter().map(|c| format!("{} {}. ", c.title, c.description)).collect::<String>();
    for (n, student) in demo.students.iter().enumerate() {
        teacher.enrollment().enroll(made.course, *student, EnrollOptions::default()).await?;
        let me = demo.lms.as_user(*student);
        me.learning().open_course(made.course).await?;
        for (lesson, topics) in &made.lessons {
            me.learning().open_lesson(*lesson).await?;
            for topic in topics {
                me.learning().view_topic(*topic).await?;
            }
            me.learning().complete_lesson(*lesson).await?;
        }
        for quiz in &made.quizzes {
            take_quiz(&me, me.quizzes().start(*quiz).await?, &keys, n).await?;
        }
        let essay = if n % 2 == 0 { essay(&lesson_text, &asked, 24) } else { essay(&lesson_text, &asked, 2) };
        me.assignments().submit(made.assignment, NewSubmission::text(essay)).await?;
    }
    let grades = grade(demo, made).await?;
    let certificates = certify(demo, made).await?;
    Ok(Learned { grades, certificates })
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
        QuestionBody::ShortText { keys, .. } if !wrong => keys.first().and_then(|key| match key {
            lms_core::model::question::TextKey::Exact { text, .. } => Some(Answer::Text { text: text.clone() }),
            _ => None,
        }),
        other => {
            debug_assert_ne!(other.question_type(), QuestionType::SingleChoice);
            None
        }
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
async fn grade(demo: &Demo, made: &Authored) -> Result<Counts, Failure> {
    demo.screen.heading("Essays, graded by AI");
    let background = demo.lms.background().with(demo.ai.grader());
    while background.tick().await?.consumed > 0 {}
    let mut counts = Counts::default();
    let teacher = demo.lms.as_user(demo.instructor);
    for head in demo.lms.as_user(demo.instructor).overview().to_grade(made.course, 500).await? {
        let history = teacher.assignments().history(head.id).await?;
        if head.suggested_seq.is_none() {
            demo.screen.line("   one work waits for a person: AI gave no grade");
            continue;
        }
        counts.suggested += 1;
        let why = history.last().and_then(|entry| entry.reason.clone()).unwrap_or_default();
        let graded = teacher.assignments().adopt_suggestion(head.id, Some("looked at it, agreed".to_owned())).await?;
        counts.adopted += 1;
        let grade = graded.submission.grade.map(|g| g.to_string()).unwrap_or_default();
        demo.screen.line(format!("   suggested ({why}), then adopted by the instructor: {grade} points"));
    }
    for student in &demo.students {
        let card = teacher.overview().scorecard(made.course, *student).await?;
        let by_ai = card
            .items
            .iter()
            .filter(|cell| cell.id == made.assignment.uuid())
            .find(|cell| cell.grader_kind == Some(lms_core::model::GraderKind::Ai));
        if let Some(cell) = by_ai {
            counts.applied += 1;
            let grade = cell.score.map(|s| s.earned.to_string()).unwrap_or_default();
            demo.screen.line(format!("   applied at once: {grade} points"));
        }
    }
    debug_assert_eq!(SubmissionState::WORDS.len(), 4);
    Ok(counts)
}

/// PDFs of the certificates that completing the course has issued.
async fn certify(demo: &Demo, made: &Authored) -> Result<Vec<Certificate>, Failure> {
    demo.screen.heading("Certificates");
    let renderer =
        Renderer::new("Quickstart Academy", Fonts::built_in()).with_verify_url("https://example.org/verify/");
    let background = demo.lms.background().with(renderer);
    while background.tick().await?.consumed > 0 {}
    let mut found = Vec::new();
    for student in &demo.students {
        let system = demo.lms.system();
        match system.certificates().of(made.course, *student).await {
            Ok(certificate) => {
                let place = certificate
                    .certificate_url
                    .clone()
                    .unwrap_or_else(|| format!("no PDF: {}", certificate.rendering_error.clone().unwrap_or_default()));
                demo.screen.line(format!("   {}  {}  {place}", certificate.code, certificate.snapshot.student_name));
                found.push(certificate);
            }
            Err(e) if e.code() == "certificate.none" => {}
            Err(e) => return Err(e.into()),
        }
    }
    Ok(found)
}
