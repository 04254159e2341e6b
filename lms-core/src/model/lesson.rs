//! Lessons and topics.

use super::table::{Json, record, words};
use super::{AiLogId, CourseId, LessonId, Timestamp, TopicId};

words! {
    /// When a lesson is complete (P2).
    pub enum CompletionRule {
        /// The learner marks it.
        Manual = "manual",
        /// Every topic was viewed at least once.
        Viewed = "viewed",
        /// Every required quiz and assignment of it is met.
        Work = "work",
    }
}

record! {
    /// A lesson, as staff see it.
    pub struct Lesson in "lessons" {
        /// The id.
        pub id: LessonId,
        /// The course; a lesson never leaves it (O4).
        pub course_id: CourseId,
        /// The title, 1 to 200 characters.
        pub title: String,
        /// What it is about, at most 20,000 characters.
        pub summary: String,
        /// Its place among the course's lessons, 0..n−1 (O1).
        pub order_index: i64,
        /// Whether learners can see it, once the course is published too.
        pub is_published: bool,
        /// Whether it counts for completion (P5).
        pub is_required: bool,
        /// When it is complete.
        pub completion_rule: CompletionRule,
        /// Not open before this instant (X3).
        pub available_from: Option<Timestamp>,
        /// How long it takes, in minutes.
        pub estimated_minutes: Option<i64>,
        /// Whether AI made it (L4).
        pub is_ai_generated: bool,
        /// The ai_logs row it came from.
        pub ai_log_id: Option<AiLogId>,
        /// When a person first edited what AI made.
        pub ai_edited_at: Option<Timestamp>,
        /// The lesson it was copied from.
        pub copied_from: Option<LessonId>,
        /// The host's own data (L8).
        pub metadata: Json,
        /// The row's version (L5).
        pub version: i64,
        /// When the row was made.
        pub created_at: Timestamp,
        /// When the row last changed.
        pub updated_at: Timestamp,
    }
}

impl Lesson {
    /// Whether it counts in the course's completion: published and required.
    pub const fn counts(&self) -> bool {
        self.is_published && self.is_required
    }
}

record! {
    /// A lesson opens only after another of the same course (X2).
    pub struct LessonRequirement in "lesson_requires" {
        /// The lesson that waits.
        pub lesson_id: LessonId,
        /// The lesson that comes first.
        pub requires_id: LessonId,
    }
}

/// What a topic is (L7): one of the library's words or the host's own "x-…".
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum ContentType {
    /// CommonMark in `body`.
    Text,
    /// A film at `content_url`.
    Video,
    /// Sound at `content_url`.
    Audio,
    /// A picture at `content_url`.
    Image,
    /// A file at `content_url`.
    File,
    /// A page at `content_url`.
    Link,
    /// Something embedded from `content_url`.
    Embed,
    /// The host's own kind; starts with "x-".
    Custom(String),
}

impl ContentType {
    /// The word.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Text => "text",
            Self::Video => "video",
            Self::Audio => "audio",
            Self::Image => "image",
            Self::File => "file",
            Self::Link => "link",
            Self::Embed => "embed",
            Self::Custom(word) => word,
        }
    }

    /// The type of a word; `None` for a word that is neither ours nor "x-" and 1 to 38 of `a-z0-9-`.
    pub fn from_word(word: &str) -> Option<Self> {
        Some(match word {
            "text" => Self::Text,
            "video" => Self::Video,
            "audio" => Self::Audio,
            "image" => Self::Image,
            "file" => Self::File,
            "link" => Self::Link,
            "embed" => Self::Embed,
            _ => {
                let rest = word.strip_prefix("x-")?;
                let fits = !rest.is_empty()
                    && rest.len() <= 38
                    && rest.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
                if !fits {
                    return None;
                }
                Self::Custom(word.to_owned())
            }
        })
    }

    /// Whether `content_url` is required.
    pub const fn is_media(&self) -> bool {
        !matches!(self, Self::Text | Self::Custom(_))
    }
}
impl serde::Serialize for ContentType {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(self.as_str())
    }
}
impl<'de> serde::Deserialize<'de> for ContentType {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let word = <String as serde::Deserialize>::deserialize(d)?;
        Self::from_word(&word).ok_or_else(|| serde::de::Error::custom(format!("`{word}` is no content type")))
    }
}
impl super::table::Field for ContentType {
    const KIND: super::table::Kind = super::table::Kind::Text;
    const NULLABLE: bool = false;
    fn to_value(&self) -> super::table::Value<'_> {
        super::table::Value::Text(self.as_str().into())
    }
    fn from_value(value: super::table::Value<'static>) -> Option<Self> {
        match value {
            super::table::Value::Text(word) => Self::from_word(&word),
            _ => None,
        }
    }
}

record! {
    /// A topic: the smallest block of content.
    pub struct Topic in "topics" {
        /// The id.
        pub id: TopicId,
        /// The lesson.
        pub lesson_id: LessonId,
        /// The title, 1 to 200 characters.
        pub title: String,
        /// What it is.
        pub content_type: ContentType,
        /// Where it is: https or an asset key.
        pub content_url: Option<String>,
        /// CommonMark, at most 1 MB; for media a transcript.
        pub body: Option<String>,
        /// Its place among the lesson's topics.
        pub order_index: i64,
        /// Whether AI made it (L4).
        pub is_ai_generated: bool,
        /// The ai_logs row it came from.
        pub ai_log_id: Option<AiLogId>,
        /// When a person first edited what AI made.
        pub ai_edited_at: Option<Timestamp>,
        /// The topic it was copied from.
        pub copied_from: Option<TopicId>,
        /// The host's own data (L8).
        pub metadata: Json,
        /// The row's version (L5).
        pub version: i64,
        /// When the row was made.
        pub created_at: Timestamp,
        /// When the row last changed.
        pub updated_at: Timestamp,
    }
}
