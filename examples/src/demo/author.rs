//! A text becomes a course.

use lms_ai::task::{CallSize, OutlineBrief};
use lms_ai::{About, AiError, AssignmentBrief, CourseBrief, QuizBrief, Selection, Stage, Stages};
use lms_core::lms::{AssignmentRules, QuizRules};
use lms_core::model::{AssignmentId, BasisPoints, CourseId, LessonId, QuizId, TopicId};

use super::{Demo, Failure, INSTRUCTOR};
use crate::output::Screen;
use crate::source::Source;

/// The course that was made.
#[derive(Debug, Clone)]
pub struct Authored {
    /// The course.
    pub course: CourseId,
    /// Its lessons with their topics.
    pub lessons: Vec<(LessonId, Vec<TopicId>)>,
    /// Its quizzes.
    pub quizzes: Vec<QuizId>,
    /// Its assignment.
    pub assignment: AssignmentId,
}

/// How much of a prompt the source's headings may take; its instructions need the rest.
const SOURCE_BYTES: usize = 200 * 1024;
/// The most lessons that an outline is asked for.
const MAX_LESSONS: usize = 300;
/// The most topics of a lesson.
const MAX_TOPICS: usize = 40;

/// How long learners have for the assignment: two weeks.
const DUE_SECONDS: i64 = 14 * 86_400;

/// Writes a course from a source: outline, texts, quizzes, an assignment, each by AI in a
/// transaction of its own, and publishes it.
///
/// # Errors
/// When AI gives no answer that counts, the library refuses, or the store fails.
pub async fn author(demo: &Demo, source: &Source) -> Result<Authored, Failure> {
    let teacher = demo.lms.as_user(demo.instructor);
    let headings = source.headings();
    let (sent, told) = source.outline_within(SOURCE_BYTES);
    demo.step("The course, written by AI from the source").await?;
    // A chapter is a lesson; one with very many sections is several.
    let lessons = source.chapters.iter().map(|c| c.sections.len().div_ceil(MAX_TOPICS).max(1)).sum::<usize>();
    let brief = CourseBrief {
        outline: OutlineBrief {
            topic: source.title.clone(),
            audience: "curious adults without prior knowledge".to_owned(),
            difficulty: "introductory".to_owned(),
            max_lessons: lessons.clamp(1, MAX_LESSONS),
            max_topics: MAX_TOPICS,
            ..OutlineBrief::default()
        },
        source: sent,
        size: Some(CallSize { input_bytes: 256 * 1024, max_tokens: 32_000 }),
    };
    let (ai, stages) = demo.ai.watched();
    let shown = tokio::spawn(show(demo.screen.clone(), stages));
    let written = ai.create_course(&teacher, &brief, About::default()).await;
    // The stages end with the AI that tells them.
    drop(ai);
    shown.await?;
    let written = written?;
    let structure = teacher.catalog().structure(written.course_id).await?;
    demo.screen.line(format!(
        "   \"{}\"\n   {} lessons, {} topics and {} objectives, in one transaction",
        structure.course.title,
        structure.lessons.len(),
        structure.topics.len(),
        structure.objectives.len()
    ));
    let outlined: Vec<(String, Vec<String>)> = structure
        .lessons
        .iter()
        .map(|lesson| {
            let topics = structure.topics.iter().filter(|topic| topic.lesson_id == lesson.id);
            (lesson.title.clone(), topics.map(|topic| topic.title.clone()).collect())
        })
        .collect();
    source.shortfall(told, &outlined).iter().for_each(|line| demo.screen.line(format!("   note: {line}")));
    let mut bar = demo.screen.progress("lesson texts", structure.topics.len());
    let mut thin = 0;
    for lesson in &structure.lessons {
        for topic in structure.topics.iter().filter(|t| t.lesson_id == lesson.id) {
            let text =
                headings.text_for(&lesson.title, &topic.title).or_else(|| headings.text_for_lesson(&lesson.title));
            let about = About { course_id: Some(written.course_id), ..About::default() };
            match demo.ai.write_body(&teacher, topic.id, text.as_deref(), about).await {
                Ok(_) => {}
                // A section that is too thin to rework keeps its synopsis.
                Err(AiError::Invalid { .. }) => thin += 1,
                Err(e) => return Err(e.into()),
            }
            bar.step();
        }
    }
    drop(bar);
    let note = if thin > 0 { format!("; {thin} sections are too thin and keep their synopsis") } else { String::new() };
    demo.screen.line(format!("   {} lesson texts, one per topic{note}", structure.topics.len() - thin));
    let lessons: Vec<LessonId> = structure.lessons.iter().map(|l| l.id).collect();
    let quizzes = quizzes(demo, &lessons).await?;
    let assignment = assignment(demo, &lessons).await?;
    publish(demo, written.course_id, &quizzes, assignment).await?;
    Ok(Authored { course: written.course_id, lessons: written.lessons, quizzes, assignment })
}

/// Shows where AI is, stage by stage, until it is done.
async fn show(screen: Screen, mut stages: Stages) {
    while let Some(stage) = stages.next().await {
        let said = match stage {
            Stage::Asking { call: 1 } => "asking for the outline".to_owned(),
            Stage::Asking { call } => format!("asking again (call {call})"),
            Stage::Checking => "checking the answer".to_owned(),
            Stage::Repairing { n } => format!("the answer breaks rules: repair {n}"),
            Stage::Writing => "writing it in one transaction".to_owned(),
            _ => continue,
        };
        screen.line(format!("   … {said}"));
    }
}

async fn quizzes(demo: &Demo, lessons: &[LessonId]) -> Result<Vec<QuizId>, Failure> {
    let teacher = demo.lms.as_user(demo.instructor);
    let mut made = Vec::new();
    let mut bar = demo.screen.progress("quizzes", lessons.len());
    let (mut thin, mut in_part) = (0, 0);
    for lesson in lessons {
        let rules =
            QuizRules { pass_threshold_bp: BasisPoints::percent(60), shuffle_questions: true, ..QuizRules::default() };
        let mut count = 3;
        loop {
            let brief = QuizBrief { count, rules: rules.clone(), ..QuizBrief::default() };
            match demo.ai.create_quiz(&teacher, *lesson, &brief, About::default()).await {
                Ok(quiz) => made.push(quiz.id),
                // A lesson longer than the prompt was asked about in part: the instructor looks, and takes it.
                Err(AiError::NeedsReview { operation, .. }) => {
                    let quiz = demo.ai.apply_quiz(&teacher, operation, &Selection::default(), rules.clone()).await?;
                    made.push(quiz.id);
                    in_part += 1;
                }
                // A short lesson gives fewer questions, or none.
                Err(AiError::Invalid { .. }) if count > 1 => {
                    count -= 1;
                    continue;
                }
                Err(AiError::Invalid { .. } | AiError::NoText(_)) => thin += 1,
                Err(e) => return Err(e.into()),
            }
            break;
        }
        bar.step();
    }
    drop(bar);
    let thin = if thin > 0 { format!("; {thin} lessons have too few sentences to ask about") } else { String::new() };
    let in_part = if in_part > 0 {
        format!("; {in_part} of lessons longer than a prompt, looked at by {INSTRUCTOR}")
    } else {
        String::new()
    };
    demo.screen.line(format!("   {} quizzes{thin}{in_part}", made.len()));
    Ok(made)
}

/// The assignment goes to the first lesson that has enough text for one.
async fn assignment(demo: &Demo, lessons: &[LessonId]) -> Result<AssignmentId, Failure> {
    let teacher = demo.lms.as_user(demo.instructor);
    let due = demo.lms.now().plus_seconds(DUE_SECONDS);
    let mut last: Option<AiError> = None;
    for lesson in lessons {
        let rules = AssignmentRules { is_required: true, due_date: Some(due), ..AssignmentRules::default() };
        let brief = AssignmentBrief { max_points: 20, rules: rules.clone() };
        let mut made = demo.ai.create_assignment(&teacher, *lesson, &brief, About::default()).await;
        if let Err(AiError::NeedsReview { operation, .. }) = made {
            // Made from a part of a long lesson: the instructor looks, and takes it.
            made = demo.ai.apply_assignment(&teacher, operation, &Selection::default(), rules).await;
        }
        match made {
            Ok(assignment) => {
                demo.screen.line(format!("   1 assignment with a rubric, due in two weeks: \"{}\"", assignment.title));
                return Ok(assignment.id);
            }
            Err(e @ (AiError::Invalid { .. } | AiError::NoText(_))) => last = Some(e),
            Err(e) => return Err(e.into()),
        }
    }
    Err(last.map_or_else(|| "the source has no lesson".into(), Failure::from))
}

/// What AI made is unpublished until a person looks (L4); here the instructor publishes it all.
async fn publish(demo: &Demo, course: CourseId, quizzes: &[QuizId], assignment: AssignmentId) -> Result<(), Failure> {
    let teacher = demo.lms.as_user(demo.instructor);
    let catalog = teacher.catalog();
    let structure = catalog.structure(course).await?;
    for lesson in &structure.lessons {
        catalog.publish_lesson(lesson.id, true).await?;
    }
    for quiz in quizzes {
        catalog.publish_quiz(*quiz, true).await?;
    }
    catalog.publish_assignment(assignment, true).await?;
    catalog.publish_course(course, true).await?;
    demo.screen.line(format!("   published by the instructor, {INSTRUCTOR}"));
    Ok(())
}
