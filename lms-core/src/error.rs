//! What a use case says when it does not do what was asked.

use serde::Serialize;
use serde::ser::SerializeMap;
use uuid::Uuid;

use crate::model::{GradeEntry, Points, SubjectType, Timestamp};
use crate::rules::access::LockReason;
use crate::store::{StoreError, StoreErrorKind, WorkCounts};

/// The class of an error, for a host's status code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
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
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
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

/// A code with all that a UI or a host can rely on; `docs/errors.md` has a sentence for each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct CodeInfo {
    /// The stable code.
    pub code: &'static str,
    /// The class; a code has one.
    pub class: Class,
    /// The names of its parameters, as they stand under `params` in JSON.
    pub params: &'static [&'static str],
}

macro_rules! refusals {
    ($($(#[$doc:meta])* $variant:ident { $($(#[$fdoc:meta])* $field:ident : $ty:ty),* $(,)? } = $code:literal $class:ident $message:literal;)*) => {
        /// A refusal by a rule of the domain, with what a UI needs to explain it.
        #[derive(Debug, Clone, PartialEq, Serialize, thiserror::Error)]
        #[serde(untagged)]
        #[non_exhaustive]
        pub enum Refusal { $($(#[$doc])* #[error($message)] $variant { $($(#[$fdoc])* $field: $ty),* },)* }
        impl Refusal {
            /// Every code, with its class and parameters.
            pub const CODES: &'static [CodeInfo] = &[$(
                CodeInfo { code: $code, class: Class::$class, params: &[$(stringify!($field)),*] }
            ),*];
            /// The stable code.
            pub const fn code(&self) -> &'static str { match self { $(Self::$variant { .. } => $code,)* } }
            /// The class.
            pub const fn class(&self) -> Class { match self { $(Self::$variant { .. } => Class::$class,)* } }
            /// Every code with the shapes of its parameters.
            #[cfg(feature = "schemars")]
            pub(crate) fn param_schemas(
                generator: &mut schemars::SchemaGenerator,
            ) -> Vec<(CodeInfo, Vec<(&'static str, schemars::Schema)>)> {
                let mut all = Vec::new();
                $(
                    let params = vec![$((stringify!($field), generator.subschema_for::<$ty>())),*];
                    let info = CodeInfo { code: $code, class: Class::$class, params: &[$(stringify!($field)),*] };
                    all.push((info, params));
                )*
                all
            }
            /// The names of its parameters.
            pub const fn params(&self) -> &'static [&'static str] {
                match self { $(Self::$variant { .. } => &[$(stringify!($field)),*],)* }
            }
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
    } = "course.full" Limit "every seat of the course is taken, of {capacity}";
    /// A course with certificates cannot be deleted (D2).
    CourseHasCertificates {
        /// How many.
        count: i64,
    } = "course.has_certificates" Conflict "the course has issued certificates ({count}) and cannot be deleted; archive it instead";
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
    /// There is no grade that the learner can see, so none to review (S16).
    NothingToReview {} = "review.no_grade" Conflict "there is no grade to ask about yet";
    /// The days for asking are over (S16).
    ReviewOver {
        /// Since when.
        until: Timestamp,
    } = "review.over" Conflict "a review could be asked for until {until}";
    /// No request for a review waits (S16).
    NoReview {} = "review.none" Conflict "no request for a review waits here";
    /// There is no waiver to take back (P12).
    NothingWaived {} = "waiver.none" Conflict "nothing is waived here";
    /// Marks stand above the new maximum (S12).
    GradesAboveMax {
        /// How many.
        count: i64,
    } = "grade.above_max" Conflict "marks stand above the new maximum ({count}); rescale them, or change them first";
    /// No attempt is left (A3).
    AttemptsUsedUp {
        /// How many were allowed.
        allowed: i64,
    } = "quiz.attempts_used_up" Limit "every attempt is used up, of {allowed}";
    /// The attempt takes no answers any more (A5).
    AttemptClosed {} = "attempt.closed" Conflict "the attempt is handed in and takes no answers any more";
    /// The answer does not wait for a person (Q12).
    NotGradable {} = "attempt.not_gradable" Conflict "this answer is not one that a person grades";
    /// A newer human mark stands (S10).
    GradeNewer {
        /// Its seq.
        seq: i64,
        /// The entry, as the history holds it.
        entry: Box<GradeEntry>,
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
    } = "submission.versions_used_up" Limit "every version is used up, of {allowed}";
    /// There is no suggestion to adopt or dismiss (S9).
    NoSuggestion {} = "grade.no_suggestion" Conflict "no suggestion waits for a decision";
    /// Another suggestion waits than the one that was read (S9).
    AnotherSuggestion {
        /// Its seq.
        seq: i64,
        /// The suggestion, as the history holds it.
        entry: Box<GradeEntry>,
    } = "grade.another_suggestion" Conflict "another suggestion has come meanwhile (entry {seq}); look at it first";
    /// There is no human mark to take back (S10).
    NothingToClear {} = "grade.nothing_to_clear" Conflict "there is no grade of a person to take back";
    /// An attempt that is graded stays graded: no mark by AI stands below the person's (A1, S10).
    NothingBeneath {} = "grade.nothing_beneath" Conflict "the attempt is graded, and no grade by AI stands below this one; grade it anew instead";
    /// The learner does not qualify for a certificate (C1).
    NotEligible {
        /// Every blocker.
        blockers: Vec<crate::rules::eligibility::Blocker>,
    } = "certificate.not_eligible" Conflict "the course is not complete yet";
    /// There is no certificate yet.
    NoCertificate {} = "certificate.none" NotFound "there is no certificate";
    /// The certificate is revoked (C5).
    CertificateRevoked {} = "certificate.revoked" Conflict "the certificate is revoked";
    /// A course or a certificate uses the template (C7).
    TemplateInUse {} = "template.in_use" Conflict "the template is in use; archive it instead";
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
    /// A window of time begins before what the log keeps (M3, V4).
    WindowGone {
        /// Since when everything is kept.
        kept_since: Timestamp,
    } = "analytics.window_gone" Invalid "the window begins before {kept_since}, and older events are no longer kept";
    /// Another process has taken a consumer over (V6).
    LeaseLost {} = "consumer.lease_lost" Conflict "another process has taken this consumer over";
    /// A right that a subscription rested on was taken away (V7).
    SubscriptionEnded {} = "events.denied" Denied "you may no longer receive these events";
}

/// The error of every use case: what was refused and why.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The actor may not do this here (R1).
    #[error("you may not {}", action.phrase())]
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
    /// Background work panicked: a bug in a host's consumer, clock or store, or in the library. It is tried again
    /// like work that failed.
    #[error("background work panicked")]
    Panicked,
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

    /// The code with its class and the names of its parameters.
    pub fn info(&self) -> CodeInfo {
        let own = match self {
            Self::Denied { .. } => Own::Denied,
            Self::NotFound { .. } => Own::NotFound,
            Self::Invalid { .. } => Own::Invalid,
            Self::Refused(refusal) => {
                return CodeInfo { code: refusal.code(), class: refusal.class(), params: refusal.params() };
            }
            Self::Busy => Own::Busy,
            Self::Panicked => Own::Panicked,
            // Without a wildcard: a new kind of a store's error gets its code, or nothing compiles.
            Self::Store(e) => match e.kind() {
                StoreErrorKind::Conflict { .. } => Own::StoreConflict,
                StoreErrorKind::Duplicate(_) => Own::StoreDuplicate,
                StoreErrorKind::MissingReference => Own::StoreMissingReference,
                StoreErrorKind::NotSupported => Own::StoreNotSupported,
                StoreErrorKind::Unavailable => Own::StoreUnavailable,
                StoreErrorKind::Unconfirmed => Own::StoreUnconfirmed,
                StoreErrorKind::Invalid { .. } => Own::StoreInvalid,
                StoreErrorKind::Corrupt { .. } => Own::StoreCorrupt,
                StoreErrorKind::Schema { .. } => Own::StoreSchema,
                StoreErrorKind::Backend => Own::StoreFailed,
            },
            Self::Asset(_) => Own::AssetFailed,
        };
        own.info()
    }

    /// The stable code: a word per kind of error, or the refusal's own.
    pub fn code(&self) -> &'static str {
        self.info().code
    }

    /// Every code that [`Error::code`] can give, with its class and parameters.
    pub fn codes() -> Vec<CodeInfo> {
        [Own::CODES, Refusal::CODES].concat()
    }

    /// The codes that are no refusal's.
    #[cfg(feature = "schemars")]
    pub(crate) const fn own_codes() -> &'static [CodeInfo] {
        Own::CODES
    }

    /// The class, for a host's status code.
    pub fn class(&self) -> Class {
        self.info().class
    }
}

macro_rules! own_codes {
    ($($name:ident = $code:literal $class:ident [$($param:literal),*];)*) => {
        /// The codes that are no refusal's. [`Error::info`] can give no other, so none can be missing
        /// in the list.
        #[derive(Clone, Copy)]
        enum Own { $($name),* }
        impl Own {
            const CODES: &'static [CodeInfo] =
                &[$(CodeInfo { code: $code, class: Class::$class, params: &[$($param),*] }),*];
            const fn info(self) -> CodeInfo {
                match self {
                    $(Self::$name => CodeInfo { code: $code, class: Class::$class, params: &[$($param),*] },)*
                }
            }
        }
    };
}

own_codes! {
    Denied = "denied" Denied ["action", "phrase"];
    NotFound = "not_found" NotFound ["what", "id"];
    Invalid = "invalid" Invalid ["problems"];
    Busy = "busy" Unavailable [];
    Panicked = "panicked" Internal [];
    StoreConflict = "store.conflict" Unavailable [];
    StoreDuplicate = "store.duplicate" Internal [];
    StoreMissingReference = "store.missing_reference" Internal [];
    StoreNotSupported = "store.not_supported" Internal [];
    StoreUnavailable = "store.unavailable" Unavailable [];
    StoreUnconfirmed = "store.unconfirmed" Internal [];
    StoreInvalid = "store.invalid" Internal ["table", "column"];
    StoreCorrupt = "store.corrupt" Internal ["table", "column", "id"];
    StoreSchema = "store.schema" Internal ["found", "needed"];
    StoreFailed = "store.failed" Internal [];
    AssetFailed = "asset.failed" Unavailable ["key"];
}

/// The parameters of an [`Error`] in JSON.
struct Params<'a>(&'a Error);

impl Serialize for Params<'_> {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        if let Error::Refused(refusal) = self.0 {
            return refusal.serialize(s);
        }
        let mut map = s.serialize_map(None)?;
        match self.0 {
            Error::Denied { action } => {
                map.serialize_entry("action", action)?;
                map.serialize_entry("phrase", action.phrase())?;
            }
            Error::NotFound { what, id } => {
                map.serialize_entry("what", what)?;
                map.serialize_entry("id", id)?;
            }
            Error::Invalid { problems } => map.serialize_entry("problems", problems)?,
            Error::Store(e) => match e.kind() {
                StoreErrorKind::Invalid { table, column } => {
                    map.serialize_entry("table", table)?;
                    map.serialize_entry("column", column)?;
                }
                StoreErrorKind::Corrupt { table, column, id } => {
                    map.serialize_entry("table", table)?;
                    map.serialize_entry("column", column)?;
                    map.serialize_entry("id", id)?;
                }
                StoreErrorKind::Schema { found, needed } => {
                    map.serialize_entry("found", found)?;
                    map.serialize_entry("needed", needed)?;
                }
                _ => {}
            },
            Error::Asset(e) => map.serialize_entry("key", &e.key)?,
            Error::Refused(_) | Error::Busy | Error::Panicked => {}
        }
        map.end()
    }
}

/// `{"code", "class", "message", "params"}`: the message is for logs and developers, the code and its
/// parameters are what a UI makes its own sentence of.
impl Serialize for Error {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        let info = self.info();
        let mut map = s.serialize_map(Some(4))?;
        map.serialize_entry("code", info.code)?;
        map.serialize_entry("class", &info.class)?;
        map.serialize_entry("message", &self.to_string())?;
        map.serialize_entry("params", &Params(self))?;
        map.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Constraint;

    /// One of each error that is no refusal.
    fn samples() -> Vec<Error> {
        let store = |kind| Error::Store(StoreError::new(kind));
        vec![
            Error::Denied { action: crate::rules::permission::Action::Grade },
            Error::not_found(SubjectType::Course, Uuid::nil()),
            Error::invalid("text.empty", "title", "must not be empty"),
            Error::Busy,
            Error::Panicked,
            store(StoreErrorKind::Conflict { expect: None }),
            store(StoreErrorKind::Duplicate(Constraint::Id)),
            store(StoreErrorKind::MissingReference),
            store(StoreErrorKind::NotSupported),
            store(StoreErrorKind::Unavailable),
            store(StoreErrorKind::Unconfirmed),
            store(StoreErrorKind::Invalid { table: "users", column: "display_name" }),
            store(StoreErrorKind::Corrupt { table: "users", column: "role", id: None }),
            store(StoreErrorKind::Schema { found: 1, needed: 2 }),
            store(StoreErrorKind::Backend),
            crate::assets::AssetError { key: "a".into(), message: "full".into() }.into(),
        ]
    }

    #[test]
    fn the_parameters_in_json_are_those_that_the_list_names() {
        let samples = samples();
        let codes: Vec<_> = samples.iter().map(Error::code).collect();
        assert_eq!(codes, Own::CODES.iter().map(|info| info.code).collect::<Vec<_>>(), "a sample of each, in order");
        for error in samples {
            let json = serde_json::to_value(&error).unwrap();
            let mut found: Vec<_> = json["params"].as_object().unwrap().keys().map(String::as_str).collect();
            let mut listed = error.info().params.to_vec();
            found.sort_unstable();
            listed.sort_unstable();
            assert_eq!(found, listed, "{}", error.code());
            assert_eq!(json["code"], error.code());
        }
        let full = serde_json::to_value(Error::from(Refusal::CourseFull { capacity: 10 })).unwrap();
        assert_eq!(full["params"], serde_json::json!({ "capacity": 10 }));
        assert_eq!((&full["code"], &full["class"]), (&"course.full".into(), &"limit".into()));
    }

    #[test]
    fn a_denial_names_its_action_by_a_code_and_in_words() {
        let denied = Error::Denied { action: crate::rules::permission::Action::ManageLearners };
        let json = serde_json::to_value(&denied).unwrap();
        assert_eq!(json["params"], serde_json::json!({ "action": "manage_learners", "phrase": "manage learners" }));
        assert_eq!(json["message"], "you may not manage learners");
    }

    /// One of something is said as one: "breaks 1 rules" is no sentence.
    #[test]
    fn sentences_are_right_for_one() {
        let of_one = [
            Refusal::CourseFull { capacity: 1 },
            Refusal::CourseHasCertificates { count: 1 },
            Refusal::GradesAboveMax { count: 1 },
            Refusal::AttemptsUsedUp { allowed: 1 },
            Refusal::VersionsUsedUp { allowed: 1 },
        ];
        for refusal in of_one {
            let text = refusal.to_string();
            let words: Vec<&str> = text.split(' ').collect();
            let counted = words.windows(2).find(|pair| pair[0] == "1" && pair[1].ends_with('s'));
            assert_eq!(counted, None, "{text}");
        }
    }

    #[test]
    fn a_code_is_one_of_a_kind() {
        let codes = Error::codes();
        let distinct: std::collections::BTreeSet<_> = codes.iter().map(|info| info.code).collect();
        assert_eq!(distinct.len(), codes.len());
    }
}
