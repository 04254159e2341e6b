//! Courses as documents: what leaves one installation can enter another, without its learners.

mod copy_of;
mod export;
mod gift;
mod import;

use serde::{Deserialize, Serialize};

use super::{AssignmentRules, QuizRules};
use crate::error::Error;
use crate::model::question::QuestionBody;
use crate::model::table::Json;
use crate::model::*;

pub(crate) use copy_of::CopyOf;
pub(crate) use export::document_of;
pub use gift::*;
pub use import::ImportOptions;

/// The version of the document that this release writes, and the newest that it reads.
pub const COURSE_DOCUMENT_VERSION: u32 = 1;

/// The longest document that is read, in bytes of JSON.
pub const COURSE_DOCUMENT_BYTES: usize = 64 * 1024 * 1024;

/// A course as one document: all of its content with keys, rubrics and notes, and nothing of its
/// learners, staff, events, AI log or certificates. A staff type.
///
/// Things name one another by keys of the document's own (a lesson by `key`, an objective by its key),
/// never by ids, so that the same content gives the same document wherever it is stored. Order is the
/// order of the lists.
///
/// ```
/// use lms_core::lms::CourseDocument;
///
/// let document = CourseDocument::from_json(r#"{
///   "format": "lms.course", "version": 1,
///   "course": { "title": "Bread" },
///   "lessons": [{ "key": "flour", "title": "Flour" }]
/// }"#)?;
/// assert_eq!(document.lessons[0].title, "Flour");
/// assert_eq!(CourseDocument::from_json(&document.to_json())?, document);
/// # Ok::<(), lms_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct CourseDocument {
    /// What the document is.
    pub format: DocumentFormat,
    /// The version of its shape: 1.
    pub version: u32,
    /// The course's own fields.
    pub course: PortableCourse,
    /// What a learner will be able to do, in order.
    #[serde(default)]
    pub objectives: Vec<PortableObjective>,
    /// The lessons, in order.
    #[serde(default)]
    pub lessons: Vec<PortableLesson>,
}

/// What a document is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub enum DocumentFormat {
    /// A course.
    #[serde(rename = "lms.course")]
    Course,
}

/// A course's own fields. What belongs to one installation stays there: its id and external id, its
/// owner and staff, whether it is published or archived, its certificate template.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct PortableCourse {
    /// The title, 1 to 200 characters.
    pub title: String,
    /// What it is about, at most 20,000 characters.
    #[serde(default)]
    pub description: String,
    /// A picture: https or an asset key.
    #[serde(default)]
    pub thumbnail_url: Option<String>,
    /// For whom it is.
    #[serde(default)]
    pub audience: String,
    /// How hard it is.
    #[serde(default)]
    pub difficulty: String,
    /// How long it takes, in minutes.
    #[serde(default)]
    pub estimated_minutes: Option<i64>,
    /// BCP 47.
    #[serde(default = "english")]
    pub language: String,
    /// IANA zone.
    #[serde(default = "utc")]
    pub time_zone: String,
    /// The order in which lessons open.
    #[serde(default = "free")]
    pub flow: Flow,
    /// Who may join.
    #[serde(default = "closed")]
    pub enrollment: EnrollmentPolicy,
    /// The most active enrollments.
    #[serde(default)]
    pub capacity: Option<i64>,
    /// When certificates are issued.
    #[serde(default = "on_completion")]
    pub certificates: CertificatePolicy,
    /// How many days a certificate is valid; for ever when absent.
    #[serde(default)]
    pub certificate_valid_days: Option<i64>,
    /// The host's own data.
    #[serde(default = "Json::object")]
    pub metadata: Json,
    /// Where it comes from.
    #[serde(default, skip_serializing_if = "Origin::is_human")]
    pub origin: Origin,
}

/// Whether a person or AI made a piece of content (L4). The row of ai_logs stays where it was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Origin {
    /// Whether AI made it.
    pub is_ai_generated: bool,
    /// When a person first edited what AI made.
    #[serde(default)]
    pub ai_edited_at: Option<Timestamp>,
}

impl CourseDocument {
    /// Every date of its items, with the zone in which it is meant: an assignment's own (S4), else the course's.
    pub(crate) fn dates_mut(&mut self) -> impl Iterator<Item = (&str, &mut Option<Timestamp>)> {
        let course = self.course.time_zone.as_str();
        self.lessons.iter_mut().flat_map(move |lesson| {
            let quizzes = lesson.quizzes.iter_mut().flat_map(|q| [&mut q.rules.opens_at, &mut q.rules.closes_at]);
            let by_course = std::iter::once(&mut lesson.available_from).chain(quizzes).map(move |at| (course, at));
            let assignments = lesson.assignments.iter_mut().flat_map(move |a| {
                let AssignmentRules { due_zone, due_date, cutoff_date, available_from, .. } = &mut a.rules;
                let zone = due_zone.as_deref().unwrap_or(course);
                [(zone, due_date), (zone, cutoff_date), (zone, available_from)]
            });
            by_course.chain(assignments)
        })
    }

    /// Without what regrades did: it belongs to the learners' work, not to a copy of the content.
    pub(crate) fn forget_adjustments(&mut self) {
        let questions = self.lessons.iter_mut().flat_map(|l| &mut l.quizzes).flat_map(|q| &mut q.questions);
        questions.for_each(|question| question.adjustment = None);
    }
}

impl Origin {
    /// Nothing to say: a person made it.
    pub const fn is_human(&self) -> bool {
        !self.is_ai_generated && self.ai_edited_at.is_none()
    }
}

/// A learning objective.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct PortableObjective {
    /// A short name, unique in the document.
    pub key: String,
    /// What a learner will be able to do.
    pub text: String,
}

/// A lesson with all that hangs under it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct PortableLesson {
    /// A name for it within the document, unique, 1 to 60 characters.
    pub key: String,
    /// The title, 1 to 200 characters.
    pub title: String,
    /// What it is about.
    #[serde(default)]
    pub summary: String,
    /// Whether learners see it once the course is published.
    #[serde(default)]
    pub is_published: bool,
    /// Whether it counts for completion.
    #[serde(default = "yes")]
    pub is_required: bool,
    /// When it is complete.
    #[serde(default = "manual")]
    pub completion_rule: CompletionRule,
    /// Not open before.
    #[serde(default)]
    pub available_from: Option<Timestamp>,
    /// How long it takes, in minutes.
    #[serde(default)]
    pub estimated_minutes: Option<i64>,
    /// Keys of the lessons that come first (X2).
    #[serde(default)]
    pub requires: Vec<String>,
    /// Keys of the objectives that it serves.
    #[serde(default)]
    pub objectives: Vec<String>,
    /// The host's own data.
    #[serde(default = "Json::object")]
    pub metadata: Json,
    /// Where it comes from.
    #[serde(default, skip_serializing_if = "Origin::is_human")]
    pub origin: Origin,
    /// Its topics, in order.
    #[serde(default)]
    pub topics: Vec<PortableTopic>,
    /// Its quizzes, in order.
    #[serde(default)]
    pub quizzes: Vec<PortableQuiz>,
    /// Its assignments, in order.
    #[serde(default)]
    pub assignments: Vec<PortableAssignment>,
}

/// A topic. Files stay where they are: `content_url` is taken over as written.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct PortableTopic {
    /// The title, 1 to 200 characters.
    pub title: String,
    /// What it is.
    pub content_type: ContentType,
    /// Where it is, for the media kinds.
    #[serde(default)]
    pub content_url: Option<String>,
    /// CommonMark, for text; a transcript, for media.
    #[serde(default)]
    pub body: Option<String>,
    /// The host's own data.
    #[serde(default = "Json::object")]
    pub metadata: Json,
    /// Where it comes from.
    #[serde(default, skip_serializing_if = "Origin::is_human")]
    pub origin: Origin,
}

/// A quiz with its questions.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct PortableQuiz {
    /// The title, 1 to 200 characters.
    pub title: String,
    /// What it is about.
    #[serde(default)]
    pub description: String,
    /// Whether learners see it once its lesson and the course are published.
    #[serde(default)]
    pub is_published: bool,
    /// What it asks of attempts.
    #[serde(default)]
    pub rules: QuizRules,
    /// Its questions, in order.
    #[serde(default)]
    pub questions: Vec<PortableQuestion>,
    /// The host's own data.
    #[serde(default = "Json::object")]
    pub metadata: Json,
    /// Where it comes from.
    #[serde(default, skip_serializing_if = "Origin::is_human")]
    pub origin: Origin,
}

/// A question with its key.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct PortableQuestion {
    /// The stem, 1 to 10,000 characters.
    pub text: String,
    /// Type, options and key.
    pub body: QuestionBody,
    /// What it is worth.
    pub points: Points,
    /// What a wrong answer takes off.
    #[serde(default)]
    pub negative_points: Option<Points>,
    /// Shown with the key.
    #[serde(default)]
    pub explanation: String,
    /// The sentence of the lesson that it was made from.
    #[serde(default)]
    pub source_quote: Option<String>,
    /// Keys of the objectives that it tests.
    #[serde(default)]
    pub objectives: Vec<String>,
    /// What a regrade did with it for good (A12): attempts to come are graded by it, too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub adjustment: Option<Adjustment>,
    /// Where it comes from.
    #[serde(default, skip_serializing_if = "Origin::is_human")]
    pub origin: Origin,
}

/// An assignment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct PortableAssignment {
    /// The title, 1 to 200 characters.
    pub title: String,
    /// What is to be done, CommonMark.
    #[serde(default)]
    pub description: String,
    /// What it is worth, above 0.
    pub max_grade: Points,
    /// What it is marked by.
    #[serde(default)]
    pub rubric: Option<Rubric>,
    /// Whether learners see it once its lesson and the course are published.
    #[serde(default)]
    pub is_published: bool,
    /// What it asks.
    #[serde(default)]
    pub rules: AssignmentRules,
    /// Keys of the objectives that it tests.
    #[serde(default)]
    pub objectives: Vec<String>,
    /// The host's own data.
    #[serde(default = "Json::object")]
    pub metadata: Json,
    /// Where it comes from.
    #[serde(default, skip_serializing_if = "Origin::is_human")]
    pub origin: Origin,
}

fn english() -> String {
    "en".to_owned()
}
fn utc() -> String {
    "UTC".to_owned()
}
const fn free() -> Flow {
    Flow::Free
}
const fn closed() -> EnrollmentPolicy {
    EnrollmentPolicy::Closed
}
const fn on_completion() -> CertificatePolicy {
    CertificatePolicy::OnCompletion
}
const fn yes() -> bool {
    true
}
const fn manual() -> CompletionRule {
    CompletionRule::Manual
}

/// What a document says of itself before anything else of it is read.
#[derive(Deserialize)]
struct Heading {
    format: Option<serde_json::Value>,
    version: Option<serde_json::Value>,
}

impl CourseDocument {
    /// Reads a document, strictly: an unknown field, a field twice, a wrong type are errors that name
    /// line and column. What the content must be like is checked when it is imported.
    ///
    /// # Errors
    /// Invalid with one problem: `document.size` above 64 MiB, `document.json` where it is not JSON or
    /// not of this shape (nesting deeper than 128 among it), `document.format` where it is something
    /// else, `document.version` where a later release wrote it.
    pub fn from_json(text: &str) -> Result<Self, Error> {
        if text.len() > COURSE_DOCUMENT_BYTES {
            return Err(Error::invalid("document.size", "", "a course document has at most 64 MiB"));
        }
        let unreadable = |e: serde_json::Error| {
            let mut message = e.to_string();
            // A message can quote the document; what is long in it says nothing more.
            if message.chars().count() > 500 {
                message = message.chars().take(500).chain("…".chars()).collect();
            }
            Error::invalid("document.json", "", message)
        };
        let heading: Heading = serde_json::from_str(text).map_err(unreadable)?;
        if heading.format.as_ref().and_then(|f| f.as_str()) != Some("lms.course") {
            return Err(Error::invalid("document.format", "format", "must be `lms.course`"));
        }
        match heading.version.as_ref().and_then(serde_json::Value::as_u64) {
            Some(version) if version == u64::from(COURSE_DOCUMENT_VERSION) => {}
            Some(version) => return Err(unknown_version(version)),
            None => return Err(Error::invalid("document.version", "version", "must be a whole number")),
        }
        serde_json::from_str(text).map_err(unreadable)
    }

    /// The document as JSON, indented, the same text for the same content.
    pub fn to_json(&self) -> String {
        // Every field is a type that serde writes; metadata that is no JSON cannot be stored.
        serde_json::to_string_pretty(self).unwrap_or_default()
    }
}

fn unknown_version(version: u64) -> Error {
    Error::invalid(
        "document.version",
        "version",
        format!("this release reads version {COURSE_DOCUMENT_VERSION}; the document is of version {version}"),
    )
}
