//! The jobs, each one operation of the library.

use std::path::Path;

use lms_ai::task::{CallSize, OutlineBrief};
use lms_ai::{About, Ai, AiError, AssignmentBrief, BodiesBrief, CourseBrief, QuizBrief};
use lms_core::Lms;
use lms_core::lms::{NewUser, Session};
use lms_core::model::{CourseId, Lesson, Points, Role, SubjectType, SubmissionId, Topic, TopicId, User};
use lms_core::store::ContentRef;
use lms_examples::source::Source;
use uuid::Uuid;

use crate::End;
use crate::options::{CourseJob, Job, Options, Who};

/// The instructor of a database that has none yet.
const INSTRUCTOR: &str = "Instructor";
/// How much of a prompt the source's headings may take; its instructions need the rest.
const SOURCE_BYTES: usize = 200 * 1024;

/// What is written, in lines, and whether it counts already.
pub(crate) struct Written {
    pub(crate) lines: Vec<String>,
    pub(crate) applied: String,
    /// Why a person must look first.
    pub(crate) review: Option<String>,
}

impl Written {
    fn applied(lines: Vec<String>, applied: String) -> Self {
        Self { lines, applied, review: None }
    }
}

/// Who acts, and as whom it is shown.
pub(crate) async fn session(ai: &Ai, who: &Who, job: &Job) -> Result<(Session, String), End> {
    let lms = ai.lms();
    let system = lms.system();
    let named = |name: String| async move {
        let external = format!("ai_author:{name}");
        let new = NewUser::new(Role::Instructor, name).with_external_id(external);
        lms.system().people().ensure_user(new).await
    };
    let user = match (who, job) {
        (Who::User(id), _) => system.people().user(*id).await?,
        (Who::Instructor(name), _) => named(name.clone()).await?,
        (Who::Nobody, Job::Course(_)) => named(INSTRUCTOR.to_owned()).await?,
        (Who::Nobody, Job::Grade { .. }) => return Ok((system, "the library".to_owned())),
        (Who::Nobody, Job::Body { topic, .. }) => {
            owner(lms, ContentRef::Topic(*topic), SubjectType::Topic, topic.uuid()).await?
        }
        (Who::Nobody, Job::Bodies { course, .. }) => {
            owner(lms, ContentRef::Objectives(*course), SubjectType::Course, course.uuid()).await?
        }
        (Who::Nobody, Job::Quiz { lesson, .. } | Job::Assignment { lesson, .. }) => {
            owner(lms, ContentRef::Lesson(*lesson), SubjectType::Lesson, lesson.uuid()).await?
        }
    };
    Ok((lms.as_user(user.id), format!("{} ({})", user.display_name, user.id)))
}

/// The instructor of the course that something is in.
async fn owner(lms: &Lms, at: ContentRef, what: SubjectType, id: Uuid) -> Result<User, lms_core::Error> {
    let found = lms.store().content(None, at).await?.ok_or_else(|| lms_core::Error::not_found(what, id))?;
    lms.system().people().user(found.course.instructor_id).await
}

/// Does the job as one operation. The source is read before anything is asked.
pub(crate) async fn work(ai: &Ai, session: &Session, options: &Options, operation: Uuid) -> Result<Written, End> {
    let job = &options.job;
    let about = About { operation_id: Some(operation), ..About::default() };
    match job {
        Job::Course(job) => course(ai, session, job, about).await,
        Job::Body { topic, source } => body(ai, session, *topic, source.as_deref(), about).await,
        Job::Bodies { course, source } => bodies(ai, session, *course, source.as_deref(), options).await,
        Job::Quiz { lesson, questions, difficulty } => {
            let brief = QuizBrief { count: *questions, difficulty: difficulty.clone(), ..QuizBrief::default() };
            let quiz = ai.create_quiz(session, *lesson, &brief, about).await?;
            let asked = session.catalog().questions(quiz.id).await?.len();
            let line = format!("quiz {} \"{}\": {asked} questions", quiz.id, quiz.title);
            Ok(Written::applied(vec![line], "the quiz is written; it is unpublished until a person looks".to_owned()))
        }
        Job::Assignment { lesson, points } => {
            let brief = AssignmentBrief { max_points: *points, ..AssignmentBrief::default() };
            let made = ai.create_assignment(session, *lesson, &brief, about).await?;
            let rubric = made.rubric().ok().flatten().unwrap_or_default();
            let mut lines = vec![format!("assignment {} \"{}\": {} points", made.id, made.title, made.max_grade)];
            lines.extend(rubric.criteria.iter().map(|one| format!("  {:>5}  {}", one.max.to_string(), one.title)));
            Ok(Written::applied(lines, "the assignment is written; it is unpublished until a person looks".to_owned()))
        }
        Job::Grade { submission } => grade(ai, session, *submission).await,
    }
}

async fn course(ai: &Ai, session: &Session, job: &CourseJob, about: About) -> Result<Written, End> {
    let source = job.source.as_deref().map(Source::read).transpose().map_err(|e| End::Other(e.to_string()))?;
    let chapters = source.as_ref().map_or(5, |source| source.chapters.len().clamp(1, 300));
    let lessons = job.lessons.unwrap_or(chapters);
    let brief = CourseBrief {
        outline: OutlineBrief {
            topic: job.topic.clone().or(source.as_ref().map(|s| s.title.clone())).unwrap_or_default(),
            audience: job.audience.clone(),
            difficulty: job.difficulty.clone(),
            minutes: job.minutes,
            language: job.language.clone(),
            min_lessons: job.lessons.unwrap_or(1),
            max_lessons: lessons,
            ..OutlineBrief::default()
        },
        source: source.as_ref().map(|source| source.headings().outline_within(SOURCE_BYTES)).unwrap_or_default(),
        size: Some(CallSize {
            input_bytes: if source.is_some() { 256 * 1024 } else { 20 * 1024 },
            max_tokens: u32::try_from(2_000 + lessons * 600).unwrap_or(u32::MAX).clamp(8_000, 32_000),
        }),
    };
    let written = ai.create_course(session, &brief, about).await?;
    let lines = outline(session, written.course_id).await?;
    Ok(Written::applied(lines, "the course is written; it is unpublished until a person looks".to_owned()))
}

/// A course with the ids that the other commands take.
async fn outline(session: &Session, course: CourseId) -> Result<Vec<String>, lms_core::Error> {
    let all = session.catalog().structure(course).await?;
    let mut lines = vec![format!(
        "course {} \"{}\": {} lessons, {} topics, {} objectives",
        all.course.id,
        all.course.title,
        all.lessons.len(),
        all.topics.len(),
        all.objectives.len()
    )];
    for lesson in &all.lessons {
        lines.push(format!("  lesson {} {}", lesson.id, lesson.title));
        let topics = all.topics.iter().filter(|topic| topic.lesson_id == lesson.id);
        lines.extend(topics.map(|topic| format!("    topic {} {}", topic.id, topic.title)));
    }
    Ok(lines)
}

async fn body(ai: &Ai, session: &Session, topic: TopicId, source: Option<&Path>, about: About) -> Result<Written, End> {
    let text = match source {
        None => None,
        Some(path) => {
            let headings = Source::read(path).map_err(|e| End::Other(e.to_string()))?.headings();
            let row = session.catalog().topic(topic).await?;
            let lesson = session.catalog().lesson(row.lesson_id).await?;
            let found = headings.text_for(&lesson.title, &row.title);
            let found = found.or_else(|| headings.text_for_lesson(&lesson.title));
            let missing = || format!("`{}` has no heading for the topic \"{}\"", path.display(), row.title);
            Some(found.ok_or_else(|| End::Other(missing()))?)
        }
    };
    let written = ai.write_body(session, topic, text.as_deref(), about).await?;
    let chars = written.body.as_deref().unwrap_or_default().chars().count();
    let line = format!("topic {} \"{}\": {chars} characters", written.id, written.title);
    Ok(Written::applied(vec![line], "the text is written".to_owned()))
}

/// The texts of a course. What the command may cost is shared out among the topics that are still open, so that
/// all of them together cost no more.
async fn bodies(
    ai: &Ai,
    session: &Session,
    course: CourseId,
    source: Option<&Path>,
    options: &Options,
) -> Result<Written, End> {
    let headings = match source {
        None => None,
        Some(path) => Some(Source::read(path).map_err(|e| End::Other(e.to_string()))?.headings()),
    };
    let text = |lesson: &Lesson, topic: &Topic| {
        let headings = headings.as_ref()?;
        headings.text_for(&lesson.title, &topic.title).or_else(|| headings.text_for_lesson(&lesson.title))
    };
    let brief = BodiesBrief { run: options.operation, lesson: None };
    let report = ai.write_bodies(session, course, brief, text).await?;
    let mut lines = vec![format!("texts of course {course}: {} written", report.written.len())];
    for (topics, what) in [
        (report.stood.len(), "had their text"),
        (report.kept.len(), "are a person's, or no text"),
        (report.under_way.len(), "are being written by somebody else"),
    ] {
        if topics > 0 {
            lines.push(format!("  {topics:>5}  {what}"));
        }
    }
    for (topic, error) in &report.failed {
        lines.push(format!("  topic {topic}: {error}"));
    }
    let waits = report.failed.iter().filter(|(_, e)| matches!(e, AiError::NeedsReview { .. })).count();
    if waits < report.failed.len() {
        return Err(End::Partly { lines, failed: report.failed.len() - waits });
    }
    let review = (waits > 0).then(|| format!("{waits} texts are proposals until a person applies them"));
    Ok(Written { lines, applied: "the texts are written".to_owned(), review })
}

/// How many operations the command is: one, or one for each text that is still to be written.
pub(crate) async fn operations(ai: &Ai, session: &Session, options: &Options) -> Result<u64, End> {
    let Job::Bodies { course, .. } = &options.job else { return Ok(1) };
    let brief = BodiesBrief { run: options.operation, lesson: None };
    let standing = ai.bodies_standing(session, *course, brief).await?;
    Ok(u64::try_from(standing.open).unwrap_or(u64::MAX).max(1))
}

async fn grade(ai: &Ai, session: &Session, id: SubmissionId) -> Result<Written, End> {
    let outcome = ai.grade_submission(id).await?;
    let (submission, assignment) = session.assignments().grading(id).await?;
    let max = assignment.max_grade;
    if outcome.graded.applied {
        let grade = submission.grade.unwrap_or(Points::ZERO);
        let line = format!("submission {id}: {grade} of {max} points");
        return Ok(Written::applied(vec![line], "the grade is written".to_owned()));
    }
    let history = session.assignments().history(id).await?;
    let suggested = history.iter().rev().find_map(|entry| entry.raw).unwrap_or(Points::ZERO);
    let why = match outcome.reasons.as_slice() {
        [] => "the assignment asks for suggestions, or a person has graded".to_owned(),
        reasons => reasons.join(", "),
    };
    Ok(Written {
        lines: vec![format!("submission {id}: {suggested} of {max} points suggested; the grade is as it was")],
        applied: String::new(),
        review: Some(format!("the grade is a suggestion until a person adopts it ({why})")),
    })
}

impl From<lms_core::Error> for End {
    fn from(error: lms_core::Error) -> Self {
        Self::Other(error.to_string())
    }
}

impl From<AiError> for End {
    fn from(error: AiError) -> Self {
        Self::Ai(error)
    }
}
