//! Typed ids: a UUID that knows what it names.

use std::{fmt, marker::PhantomData, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use uuid::Uuid;

/// What an [`Id`] names; the tag shows in `Debug`.
pub trait Tag {
    /// The word shown before the UUID in `Debug`.
    const NAME: &'static str;
}

/// A UUID that names one kind of thing.
///
/// Two ids of different kinds never compare or convert by accident. On the wire it is a plain
/// UUID string.
pub struct Id<T>(Uuid, PhantomData<fn() -> T>);

impl<T> Id<T> {
    /// Takes a UUID as the id of a `T`. Nothing is checked: whether it exists is the store's to say.
    pub const fn from_uuid(uuid: Uuid) -> Self {
        Self(uuid, PhantomData)
    }

    /// The UUID itself.
    pub const fn uuid(self) -> Uuid {
        self.0
    }
}

impl<T> Clone for Id<T> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<T> Copy for Id<T> {}
impl<T> PartialEq for Id<T> {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}
impl<T> Eq for Id<T> {}
impl<T> PartialOrd for Id<T> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl<T> Ord for Id<T> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.cmp(&other.0)
    }
}
impl<T> std::hash::Hash for Id<T> {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.0.hash(state);
    }
}
impl<T: Tag> fmt::Debug for Id<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}({})", T::NAME, self.0)
    }
}
impl<T> fmt::Display for Id<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
impl<T> From<Uuid> for Id<T> {
    fn from(uuid: Uuid) -> Self {
        Self::from_uuid(uuid)
    }
}
impl<T> From<Id<T>> for Uuid {
    fn from(id: Id<T>) -> Self {
        id.0
    }
}
impl<T> FromStr for Id<T> {
    type Err = uuid::Error;
    fn from_str(s: &str) -> Result<Self, Self::Err> {
        Ok(Self::from_uuid(Uuid::parse_str(s)?))
    }
}
impl<T> Serialize for Id<T> {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(s)
    }
}
impl<'de, T> Deserialize<'de> for Id<T> {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        Ok(Self::from_uuid(Uuid::deserialize(d)?))
    }
}

macro_rules! ids {
    ($($(#[$doc:meta])* $alias:ident = $tag:ident;)*) => {
        /// The tags of the ids; never values.
        pub mod tag {
            $(
                #[doc = concat!("The tag of [`", stringify!($alias), "`](super::", stringify!($alias), ").")]
                #[derive(Debug)]
                pub enum $tag {}
                impl super::Tag for $tag { const NAME: &'static str = stringify!($tag); }
            )*
        }
        $( $(#[$doc])* pub type $alias = Id<tag::$tag>; )*
    };
}

ids! {
    /// Names a user.
    UserId = User;
    /// Names a course.
    CourseId = Course;
    /// Names a learning objective of a course.
    ObjectiveId = Objective;
    /// Names a lesson.
    LessonId = Lesson;
    /// Names a topic.
    TopicId = Topic;
    /// Names a quiz.
    QuizId = Quiz;
    /// Names a question of a quiz.
    QuestionId = Question;
    /// Names an immutable revision of a quiz.
    RevisionId = Revision;
    /// Names one attempt at a quiz.
    AttemptId = Attempt;
    /// Names an assignment.
    AssignmentId = Assignment;
    /// Names one version of a submission.
    SubmissionId = Submission;
    /// Names an enrollment.
    EnrollmentId = Enrollment;
    /// Names a certificate.
    CertificateId = Certificate;
    /// Names one version of a certificate template.
    TemplateId = Template;
    /// Names an event.
    EventId = Event;
    /// Names a row of ai_logs.
    AiLogId = AiLog;
    /// Names a course job.
    JobId = Job;
    /// Names a row that needs no name of its own elsewhere (progress, views, results, ...).
    RowId = Row;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_a_plain_uuid_on_the_wire_and_tagged_in_debug() {
        let id = CourseId::from_uuid(Uuid::nil());
        assert_eq!(serde_json::to_string(&id).unwrap(), format!("\"{}\"", Uuid::nil()));
        assert!(format!("{id:?}").starts_with("Course("));
        assert_eq!(id.to_string().parse::<CourseId>().unwrap(), id);
    }
}
