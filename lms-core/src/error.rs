//! What a use case says when it does not do what was asked.

use serde::Serialize;
use serde::ser::SerializeMap;
use uuid::Uuid;

use crate::model::{Points, SubjectType, Timestamp};
use crate::rules::access::LockReason;
use crate::store::{StoreError, StoreErrorKind, WorkCounts};

/// The class of an error, for a host's status code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Class {
    /// The actor may not (403).
    Denied,
    /// There is no such thing, or the actor may not see it (404).
    NotFound,
    /// The input breaks a rule (422).
    Invalid,
    /// The data is not as the caller thought (409).
    Conflict,
    /// A limit is reached (409 or 429).
    Limit,
    /// Later it may work (503).
    Unavailable,
    /// A fault of ours or of the database's (500).
    Internal,
}

/// One thing that is wrong with an input: which rule, where, and in words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// A stable word, "title.length".
    pub code: &'static str,
    /// The field, as a path: `questions[2].options`.
    pub field: String,
    /// What is wrong, for a person.
    pub message: String,
}

impl Problem {
    /// A problem.
    pub fn new(code: &'static str, field: impl Into<String>, message: impl Into<String>) -> Self {
        Self { code, field: field.into(), message: message.into() }
    }
}

macro_rules! refusals {
    ($($(#[$doc:meta])* $variant:ident { $($(#[$fdoc:meta])* $field:ident : $ty:ty),* $(,)? } = $code:literal $class:ident $message:literal;)*) => {
        /// A refusal by a rule of the domain, with what a UI needs to explain it.
        #[derive(Debug, Clone, PartialEq, Serialize, thiserror::Error)]
        #[serde(untagged)]
        #[non_exhaustive]
        pub enum Refusal { $($(#[$doc])* #[error($message)] $variant { $($(#[$fdoc])* $field: $ty),* },)* }
        impl Refusal {
            /// Every code.
            pub const CODES: &'static [&'static str] = &[$($code),*];
            /// The stable code.
            pub const fn code(&self) -> &'static str { match self { $(Self::$variant { .. } => $code,)* } }
            /// The class.
            pub const fn class(&self) -> Class { match self { $(Self::$variant { .. } => Class::$class,)* } }
        }
    };
}

refusals! {
    /// The order given does not hold each sibling once (O2).
    OrderMismatch {
        /// The siblings in their present order.
        present: Vec<Uuid>,
    } = "order.mismatch" Invalid "the list must hold each of the present items exactly once";
    /// The course's structure has changed since it was read (O2).
    StructureChanged {
        /// The version now.
        present_version: i64,
        /// The siblings in their present order.
        present: Vec<Uuid>,
    } = "structure.changed" Conflict "the course has been changed meanwhile; its structure is at version {present_version}";
    /// The row has changed since it was read (L5).
    VersionStale {
        /// What it is.
        what: SubjectType,
        /// The version that the caller read.
        expected: i64,
        /// The version now.
        current: i64,
    } = "version.stale" Conflict "the {what} has been changed meanwhile: you read version {expected}, it is at {current}";
    /// A course without a published lesson cannot be published (L3).
    CourseWithoutLesson {} = "course.no_published_lesson" Invalid "publish at least one lesson first";
    /// Archived courses take no new work of this kind (L1).
    CourseArchived {} = "course.archived" Conflict "the course is archived";
    /// Learners cannot join a course that is not published (E4).
    CourseNotPublished {} = "course.not_published" Conflict "the course is not published";
    /// Learners cannot join a closed course by themselves (E6).
    CourseClosed {} = "course.closed" Denied "the course is closed; its staff enroll learners";
    /// Every seat is taken (E3).
    CourseFull {
        /// How many there are.
        capacity: i64,
    } = "course.full" Limit "all {capacity} seats of the course are taken";
    /// A course with certificates cannot be deleted (D2).
    CourseHasCertificates {
        /// How many.
        count: i64,
    } = "course.has_certificates" Conflict "the course has {count} certificates and cannot be deleted; archive it instead";
    /// A published item with learners' work cannot be deleted (D3).
    DeletePublished {
        /// What would go.
        counts: WorkCounts,
    } = "delete.published" Conflict "learners have worked on it; unpublish it first, then delete it";
    /// More would go than the caller was shown (D3).
    DeleteGrown {
        /// What would go now.
        counts: WorkCounts,
    } = "delete.grown" Conflict "more would be deleted than you were shown; look at the new counts";
    /// The token is none of plan_delete's, or of another item (D3).
    DeleteToken {} = "delete.token" Invalid "the token does not belong to this deletion; call plan_delete first";
    /// The learner cannot reach the item now (X1).
    Locked {
        /// Every reason.
        reasons: Vec<LockReason>,
    } = "locked" Denied "it is not open to you now";
    /// The lesson completes by its rule, not by a mark (P2).
    NotByMark {} = "lesson.not_by_mark" Conflict "the lesson completes by its own rule, not by marking it";
    /// There is no own mark to undo (P4).
    NothingToUndo {} = "lesson.nothing_to_undo" Conflict "you have not marked this lesson as complete";
    /// The course is complete, so a mark cannot be undone (P4).
    CourseCompleted {} = "course.completed" Conflict "the course is complete";
    /// No attempt is left (A3).
    AttemptsUsedUp {
        /// How many were allowed.
        allowed: i64,
    } = "quiz.attempts_used_up" Limit "all {allowed} attempts are used up";
    /// The attempt takes no answers any more (A5).
    AttemptClosed {} = "attempt.closed" Conflict "the attempt is handed in and takes no answers any more";
    /// The answer does not wait for a person (Q12).
    NotGradable {} = "attempt.not_gradable" Conflict "this answer is not one that a person grades";
    /// A newer human mark stands (S10).
    GradeNewer {
        /// Its seq.
        seq: i64,
    } = "grade.newer" Conflict "someone has graded it meanwhile (entry {seq}); look at that grade first";
    /// The mark is outside 0..=max.
    GradeOutOfRange {
        /// The maximum.
        max: Points,
    } = "grade.out_of_range" Invalid "the grade must be between 0 and {max}";
    /// A rubric score is missing, unknown or outside its criterion (S13).
    RubricMismatch {
        /// The criterion.
        criterion: String,
    } = "grade.rubric" Invalid "criterion `{criterion}` must be scored once, between 0 and its maximum";
    /// Nothing was handed in.
    NothingSubmitted {} = "submission.nothing" Invalid "give a text or a link";
    /// The version is still a draft (S1).
    SubmissionIsDraft {} = "submission.draft" Conflict "the work is still a draft";
    /// The cut-off is over (S5).
    CutOff {
        /// When it was.
        cutoff: Timestamp,
    } = "submission.cut_off" Denied "no work is taken after {cutoff}";
    /// The policy allows no other version (S2).
    NoResubmission {
        /// The policy.
        policy: crate::model::Resubmission,
    } = "submission.no_resubmission" Conflict "another version is not allowed now (policy {policy})";
    /// Every version is used up (S2).
    VersionsUsedUp {
        /// How many were allowed.
        allowed: i64,
    } = "submission.versions_used_up" Limit "all {allowed} versions are used up";
    /// There is no suggestion to adopt or dismiss (S9).
    NoSuggestion {} = "grade.no_suggestion" Conflict "no suggestion waits for a decision";
    /// There is no human mark to take back (S10).
    NothingToClear {} = "grade.nothing_to_clear" Conflict "there is no grade of a person to take back";
    /// The learner does not qualify for a certificate (C1).
    NotEligible {
        /// Every blocker.
        blockers: Vec<crate::rules::eligibility::Blocker>,
    } = "certificate.not_eligible" Conflict "the course is not complete yet";
    /// There is no certificate yet.
    NoCertificate {} = "certificate.none" NotFound "there is no certificate";
    /// The user's external id belongs to another (E1).
    ExternalIdTaken {} = "external_id.taken" Conflict "another row has this external id";
    /// The e-mail address belongs to another user.
    EmailTaken {} = "user.email_taken" Conflict "another user has this e-mail address";
    /// The objective's key exists in the course (L6).
    ObjectiveKeyTaken {
        /// The key.
        key: String,
    } = "objective.key_taken" Conflict "the course has an objective `{key}` already";
    /// The person was erased (D5).
    PersonErased {} = "person.erased" Conflict "the person has been erased";
    /// Another input came under the same operation id (I3).
    OperationOtherInput {} = "operation.other_input" Conflict "this operation id was used with another input";
    /// The answer is not one that can be applied (I2).
    OperationNotValid {
        /// Where its log row stands.
        status: crate::model::AiLogStatus,
    } = "operation.not_valid" Conflict "the answer cannot be applied: its log row is `{status}`";
    /// The use case writes more than one batch and cannot be planned as one.
    NotOneBatch {} = "plan.not_one_batch" Invalid "this cannot be planned as one write; plan its parts one by one";
    /// A subscription's cursor belongs to another log (V4).
    Resync {} = "events.resync" Conflict "the cursor does not belong to this log; read the present state and start anew";
    /// A subscription's cursor is older than the oldest event kept (V4).
    Gone {
        /// Where to begin instead.
        oldest: i64,
    } = "events.gone" Conflict "events before position {oldest} are no longer kept";
    /// A right that a subscription rested on was taken away (V7).
    SubscriptionEnded {} = "events.denied" Denied "you may no longer receive these events";
}

/// The error of every use case: what was refused and why.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The actor may not do this here (R1).
    #[error("you may not {action}")]
    Denied {
        /// What.
        action: crate::rules::permission::Action,
    },
    /// There is no such thing, or the actor may not see it.
    #[error("there is no such {what}")]
    NotFound {
        /// What it would be.
        what: SubjectType,
        /// Its id.
        id: Uuid,
    },
    /// The input breaks rules; all that were found.
    #[error("{}", invalid(problems))]
    Invalid {
        /// What is wrong, and where.
        problems: Vec<Problem>,
    },
    /// A rule of the domain refused.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// Others kept changing the same data until the deadline; nothing was written.
    #[error("others keep changing the same data; try again")]
    Busy,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A file could not be stored or read.
    #[error(transparent)]
    Asset(#[from] crate::assets::AssetError),
}

fn invalid(problems: &[Problem]) -> String {
    let mut text = String::from("invalid input");
    for (n, problem) in problems.iter().take(3).enumerate() {
        text.push_str(if n == 0 { ": " } else { "; " });
        text.push_str(&format!("{}: {}", problem.field, problem.message));
    }
    if problems.len() > 3 {
        text.push_str(&format!("; and {} more", problems.len() - 3));
    }
    text
}

impl Error {
    /// One problem.
    pub(crate) fn invalid(code: &'static str, field: impl Into<String>, message: impl Into<String>) -> Self {
        Self::Invalid { problems: vec![Problem::new(code, field, message)] }
    }

    /// No such thing.
    /// There is no such thing, or the actor may not see it.
    pub fn not_found(what: SubjectType, id: impl Into<Uuid>) -> Self {
        Self::NotFound { what, id: id.into() }
    }

    /// The stable code: a word per kind of error, or the refusal's own.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Denied { .. } => "denied",
            Self::NotFound { .. } => "not_found",
            Self::Invalid { .. } => "invalid",
            Self::Refused(refusal) => refusal.code(),
            Self::Busy => "busy",
            Self::Store(e) => match e.kind() {
                StoreErrorKind::Unavailable => "store.unavailable",
                StoreErrorKind::Unconfirmed => "store.unconfirmed",
                StoreErrorKind::Schema { .. } => "store.schema",
                StoreErrorKind::Corrupt { .. } => "store.corrupt",
                StoreErrorKind::NotSupported => "store.not_supported",
                _ => "store.failed",
            },
            Self::Asset(_) => "asset.failed",
        }
    }

    /// Every code that [`Error::code`] can give.
    pub fn codes() -> Vec<&'static str> {
        let mut codes = vec![
            "denied",
            "not_found",
            "invalid",
            "busy",
            "store.unavailable",
            "store.unconfirmed",
            "store.schema",
            "store.corrupt",
            "store.not_supported",
            "store.failed",
            "asset.failed",
        ];
        codes.extend(Refusal::CODES);
        codes
    }

    /// The class, for a host's status code.
    pub fn class(&self) -> Class {
        match self {
            Self::Denied { .. } => Class::Denied,
            Self::NotFound { .. } => Class::NotFound,
            Self::Invalid { .. } => Class::Invalid,
            Self::Refused(refusal) => refusal.class(),
            Self::Busy => Class::Unavailable,
            Self::Store(e) if e.is_retryable() => Class::Unavailable,
            Self::Store(_) => Class::Internal,
            Self::Asset(_) => Class::Unavailable,
        }
    }
}

impl Serialize for Error {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        let mut map = s.serialize_map(None)?;
        map.serialize_entry("code", self.code())?;
        map.serialize_entry("class", &self.class())?;
        map.serialize_entry("message", &self.to_string())?;
        match self {
            Self::Denied { action } => map.serialize_entry("action", action)?,
            Self::NotFound { what, id } => {
                map.serialize_entry("what", what)?;
                map.serialize_entry("id", id)?;
            }
            Self::Invalid { problems } => map.serialize_entry("problems", problems)?,
            Self::Refused(refusal) => map.serialize_entry("params", refusal)?,
            Self::Busy | Self::Store(_) | Self::Asset(_) => {}
        }
        map.end()
    }
}
