//! The jobs, each one operation of the library.

use std::path::Path;

use lms_ai::task::{CallSize, OutlineBrief};
use lms_ai::{About, Ai, AiError, AssignmentBrief, BodiesBrief, CourseBrief, QuizBrief};
use lms_core::Lms;
use lms_core::lms::{NewUser, Session};
use lms_core::model::{
    Assignment, CourseId, Lesson, Points, Quiz, Role, SubjectType, SubmissionId, Topic, TopicId, User,
};
use lms_core::store::ContentRef;
use lms_examples::source::Source;
use uuid::Uuid;

use crate::options::{CourseJob, Job, Options, Who};
use crate::{End, bodies, proposals};

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
    /// What was shown of it before.
    pub(crate) before: Vec<String>,
}

impl Written {
    pub(crate) fn applied(lines: Vec<String>, applied: String) -> Self {
        Self { lines, applied, review: None, before: Vec::new() }
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
        (Who::Nobody, Job::Apply { operation, .. } | Job::Show { operation }) => asker(lms, *operation).await?,
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

/// Whose it is to look at a proposal: the instructor of its course, or of an outline who asked for it.
async fn asker(lms: &Lms, operation: Uuid) -> Result<User, End> {
    let rows = lms.store().ai_operation(operation).await.map_err(lms_core::Error::from)?;
    let row = rows.first().ok_or(End::Ai(AiError::NoProposal))?;
    match (row.course_id, row.actor_id) {
        (Some(course), _) => Ok(owner(lms, ContentRef::Objectives(course), SubjectType::Course, course.uuid()).await?),
        (None, Some(actor)) => Ok(lms.system().people().user(actor).await?),
        (None, None) => Err(End::Usage("nobody is on record as who asked for it; --as says who acts".to_owned())),
    }
}

/// Does the job as one operation. The source is read before anything is asked.
pub(crate) async fn work(ai: &Ai, session: &Session, options: &Options, operation: Uuid) -> Result<Written, End> {
    let job = &options.job;
    let about = About { operation_id: Some(operation), ..About::default() };
    match job {
        Job::Course(job) => course(ai, session, job, about).await,
        Job::Body { topic, source } => body(ai, session, *topic, source.as_deref(), about).await,
        Job::Bodies { course, source } => bodies::write(ai, session, *course, source.as_deref(), options).await,
        Job::Quiz { lesson, questions, difficulty } => {
            let brief = QuizBrief { count: *questions, difficulty: difficulty.clone(), ..QuizBrief::default() };
            quiz(session, &ai.create_quiz(session, *lesson, &brief, about).await?).await
        }
        Job::Assignment { lesson, points } => {
            let brief = AssignmentBrief { max_points: *points, ..AssignmentBrief::default() };
            Ok(assignment(&ai.create_assignment(session, *lesson, &brief, about).await?))
        }
        Job::Grade { submission } => grade(ai, session, *submission).await,
        Job::Apply { operation, drop } => proposals::apply(ai, session, *operation, drop).await,
        Job::Show { operation } => proposals::show(ai, session, *operation).await,
    }
}

async fn course(ai: &Ai, session: &Session, job: &CourseJob, about: About) -> Result<Written, End> {
    let source = job.source.as_deref().map(Source::read).transpose().map_err(|e| End::Other(e.to_string()))?;
    let chapters = source.as_ref().map_or(5, |source| source.chapters.len().clamp(1, 300));
    let lessons = job.lessons.unwrap_or(chapters);
    let sent = source.as_ref().map(|source| source.outline_within(SOURCE_BYTES));
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
        source: sent.as_ref().map(|(sections, _)| sections.clone()).unwrap_or_default(),
        size: Some(CallSize {
            input_bytes: if source.is_some() { 256 * 1024 } else { 20 * 1024 },
            max_tokens: u32::try_from(2_000 + lessons * 600).unwrap_or(u32::MAX).clamp(8_000, 32_000),
        }),
    };
    let course = ai.create_course(session, &brief, about).await?.course_id;
    let mut written = outline(session, course).await?;
    if let (Some(source), Some((_, told))) = (&source, sent) {
        let all = session.catalog().structure(course).await.map_err(unread)?;
        let topics = |lesson: &Lesson| {
            let own = all.topics.iter().filter(|topic| topic.lesson_id == lesson.id);
            own.map(|topic| topic.title.clone()).collect()
        };
        let outlined: Vec<(String, Vec<String>)> =
            all.lessons.iter().map(|lesson| (lesson.title.clone(), topics(lesson))).collect();
        let lines = source.shortfall(told, &outlined);
        written.lines.extend(lines.into_iter().map(|line| format!("note: {line}")));
    }
    Ok(written)
}

/// A quiz that is written.
pub(crate) async fn quiz(session: &Session, quiz: &Quiz) -> Result<Written, End> {
    let asked = session.catalog().questions(quiz.id).await.map_err(unread)?.len();
    let line = format!("quiz {} \"{}\": {asked} questions", quiz.id, quiz.title);
    Ok(Written::applied(vec![line], "the quiz is written; it is unpublished until a person looks".to_owned()))
}

/// An assignment that is written.
pub(crate) fn assignment(made: &Assignment) -> Written {
    let rubric = made.rubric().ok().flatten().unwrap_or_default();
    let mut lines = vec![format!("assignment {} \"{}\": {} points", made.id, made.title, made.max_grade)];
    lines.extend(rubric.criteria.iter().map(|one| format!("  {:>5}  {}", one.max.to_string(), one.title)));
    Written::applied(lines, "the assignment is written; it is unpublished until a person looks".to_owned())
}

/// The text of a topic that is written.
pub(crate) fn text(topic: &Topic) -> Written {
    let chars = topic.body.as_deref().unwrap_or_default().chars().count();
    let line = format!("topic {} \"{}\": {chars} characters", topic.id, topic.title);
    Written::applied(vec![line], "the text is written".to_owned())
}

/// A course that is written, with the ids that the other commands take.
pub(crate) async fn outline(session: &Session, course: CourseId) -> Result<Written, End> {
    let all = session.catalog().structure(course).await.map_err(unread)?;
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
    Ok(Written::applied(lines, "the course is written; it is unpublished until a person looks".to_owned()))
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
    Ok(self::text(&ai.write_body(session, topic, text.as_deref(), about).await?))
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
    let (submission, assignment) = session.assignments().grading(id).await.map_err(unread)?;
    let max = assignment.max_grade;
    if outcome.graded.applied {
        let grade = submission.grade.unwrap_or(Points::ZERO);
        let line = format!("submission {id}: {grade} of {max} points");
        return Ok(Written::applied(vec![line], "the grade is written".to_owned()));
    }
    let history = session.assignments().history(id).await.map_err(unread)?;
    let suggested = history.iter().rev().find_map(|entry| entry.raw).unwrap_or(Points::ZERO);
    let why = match outcome.reasons.as_slice() {
        [] => "the assignment asks for suggestions, or a person has graded".to_owned(),
        reasons => reasons.join(", "),
    };
    Ok(Written {
        lines: vec![format!("submission {id}: {suggested} of {max} points suggested; the grade is as it was")],
        applied: String::new(),
        review: Some(format!("the grade is a suggestion until a person applies the operation ({why})")),
        before: Vec::new(),
    })
}

/// A failure to read what is written already.
fn unread(error: lms_core::Error) -> End {
    End::Unread(error.to_string())
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
