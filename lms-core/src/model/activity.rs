//! Events: the one log behind real time, audit and analytics (V1).

use super::table::{Field, Json, Kind, Value, words};
use super::{AiLogId, CourseId, EventId, Timestamp, UserId};
use uuid::Uuid;

/// Who does something (R1).
#[derive(Debug, Clone, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Actor {
    /// A person.
    User {
        /// Who.
        id: UserId,
    },
    /// The host or the library itself.
    System {
        /// Which of its jobs, for the record.
        job: String,
    },
    /// A model, for a person.
    Ai {
        /// The AI user that grades.
        user: UserId,
        /// Whose rights count, at the time of applying.
        on_behalf_of: UserId,
        /// The log row of the answer.
        log_id: AiLogId,
    },
}

impl Actor {
    /// The user whose rights count: the person, or the one whom the AI acts for.
    pub const fn rights_of(&self) -> Option<UserId> {
        match self {
            Self::User { id } => Some(*id),
            Self::Ai { on_behalf_of, .. } => Some(*on_behalf_of),
            Self::System { .. } => None,
        }
    }

    /// The user that events name.
    pub const fn user(&self) -> Option<UserId> {
        match self {
            Self::User { id } => Some(*id),
            Self::Ai { user, .. } => Some(*user),
            Self::System { .. } => None,
        }
    }
}

macro_rules! kinds {
    ($($(#[$doc:meta])* $variant:ident = $word:literal,)*) => {
        /// What happened (V2).
        #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[non_exhaustive]
        pub enum EventKind {
            $($(#[$doc])* $variant,)*
            /// The host's own kind, "vendor.kind", or one of a later release.
            Other(String),
        }
        impl EventKind {
            /// Every kind of the library's own.
            pub const WORDS: &'static [&'static str] = &[$($word),*];
            /// The word.
            pub fn as_str(&self) -> &str {
                match self { $(Self::$variant => $word,)* Self::Other(word) => word }
            }
            /// The kind of a word; one that is not the library's own is [`EventKind::Other`].
            pub fn from_word(word: &str) -> Self {
                match word { $($word => Self::$variant,)* other => Self::Other(other.to_owned()) }
            }
        }
    };
}
kinds! {
    /// A person joined a course.
    Enrolled = "enrolled",
    /// A person gave a course up.
    Withdrawn = "withdrawn",
    /// An enrollment was suspended.
    Suspended = "suspended",
    /// An enrollment came back.
    Reactivated = "reactivated",
    /// A learner opened a course.
    CourseOpened = "course_opened",
    /// A learner opened a lesson.
    LessonOpened = "lesson_opened",
    /// A learner viewed a topic.
    TopicViewed = "topic_viewed",
    /// A lesson was completed.
    LessonCompleted = "lesson_completed",
    /// A course was completed.
    CourseCompleted = "course_completed",
    /// An attempt began.
    QuizStarted = "quiz_started",
    /// An attempt was handed in.
    QuizSubmitted = "quiz_submitted",
    /// An attempt ran out of time.
    QuizExpired = "quiz_expired",
    /// An attempt was graded.
    QuizGraded = "quiz_graded",
    /// The kept score came to reach the threshold.
    QuizPassed = "quiz_passed",
    /// The kept score came to miss the threshold.
    QuizFailed = "quiz_failed",
    /// Work was handed in.
    AssignmentSubmitted = "assignment_submitted",
    /// Work got its first grade.
    AssignmentGraded = "assignment_graded",
    /// A grade changed.
    GradeChanged = "grade_changed",
    /// A grade became visible to its learner.
    GradePosted = "grade_posted",
    /// Staff reset a learner's progress.
    ProgressReset = "progress_reset",
    /// Something was waived for a learner.
    ProgressWaived = "progress_waived",
    /// A certificate was issued.
    CertificateIssued = "certificate_issued",
    /// The PDF of a certificate is there.
    CertificateReady = "certificate_ready",
    /// The PDF of a certificate could not be made.
    CertificateFailed = "certificate_failed",
    /// A certificate was issued anew, as another revision.
    CertificateReissued = "certificate_reissued",
    /// A certificate was revoked.
    CertificateRevoked = "certificate_revoked",
    /// A learner asked for another look at a grade.
    ReviewRequested = "review_requested",
    /// Staff answered a request for a review.
    ReviewAnswered = "review_answered",
    /// Staff granted a learner dates, time or attempts of their own, or an excuse.
    OverrideGranted = "override_granted",
    /// Staff took an attempt out.
    AttemptVoided = "attempt_voided",
    /// Staff gave work back for another version.
    SubmissionReturned = "submission_returned",
    /// A user's role changed.
    RoleChanged = "role_changed",
    /// A member joined a course's staff.
    StaffAdded = "staff_added",
    /// A member left a course's staff.
    StaffRemoved = "staff_removed",
    /// A person was erased.
    PersonErased = "person_erased",
    /// Content was created, edited, published, moved or deleted.
    ContentChanged = "content_changed",
    /// AI wrote content.
    AiGenerated = "ai_generated",
    /// AI graded or suggested a grade.
    AiGraded = "ai_graded",
    /// An AI answer was refused.
    AiRejected = "ai_rejected",
}
impl serde::Serialize for EventKind {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(self.as_str())
    }
}
impl<'de> serde::Deserialize<'de> for EventKind {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        Ok(Self::from_word(&<String as serde::Deserialize>::deserialize(d)?))
    }
}
impl Field for EventKind {
    const KIND: Kind = Kind::Text;
    const NULLABLE: bool = false;
    fn to_value(&self) -> Value<'_> {
        Value::Text(self.as_str().into())
    }
    fn from_value(value: Value<'static>) -> Option<Self> {
        match value {
            Value::Text(word) => Some(Self::from_word(&word)),
            _ => None,
        }
    }
}

words! {
    /// What an event tells of.
    pub enum SubjectType {
        /// A user.
        User = "user",
        /// A course.
        Course = "course",
        /// An objective.
        Objective = "objective",
        /// A lesson.
        Lesson = "lesson",
        /// A topic.
        Topic = "topic",
        /// A quiz.
        Quiz = "quiz",
        /// A question.
        Question = "question",
        /// An attempt.
        Attempt = "attempt",
        /// An assignment.
        Assignment = "assignment",
        /// A submission.
        Submission = "submission",
        /// An enrollment.
        Enrollment = "enrollment",
        /// A certificate.
        Certificate = "certificate",
        /// A row of ai_logs.
        AiLog = "ai_log",
        /// The host's own.
        Other = "other",
    }
}
words! {
    /// What kind of actor an event names.
    pub enum ActorKind {
        /// A person.
        User = "user",
        /// The host or the library.
        System = "system",
        /// A model.
        Ai = "ai",
    }
}

super::table::record! {
    /// An event as it is written; its position comes with the commit.
    pub struct NewEvent in "activity_events" {
        /// The id; of a command's first event, the command's id.
        pub id: EventId,
        /// When.
        pub at: Timestamp,
        /// What happened.
        pub kind: EventKind,
        /// What kind of actor did it.
        pub actor_kind: ActorKind,
        /// Who did it.
        pub actor_id: Option<UserId>,
        /// For whom, where AI did it.
        pub on_behalf_of: Option<UserId>,
        /// In which course.
        pub course_id: Option<CourseId>,
        /// To which learner.
        pub student_id: Option<UserId>,
        /// What it tells of.
        pub subject_type: SubjectType,
        /// Which one.
        pub subject_id: Uuid,
        /// Whether a learner did it (V3, M3).
        pub learner_initiated: bool,
        /// Ids, numbers and flags that every addressee may know (V7).
        pub metadata: Json,
    }
}

/// An event with its place in the log.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct Event {
    /// Its place: dense, the same for every subscriber (V4).
    pub position: i64,
    /// The event.
    #[serde(flatten)]
    pub event: NewEvent,
}
