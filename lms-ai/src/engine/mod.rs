//! The one way to an answer that counts: log → call → stop reason → strict read → schema → domain
//! checks → bounded repair → [`Accepted`].

mod asking;
mod call;
mod error_json;
mod estimate;
mod judge;
mod progress;
mod restore;
mod row;
mod samples;
mod standing;

pub(crate) use asking::LONGEST_PAUSE;
pub(crate) use call::{MAX_PROMPT, OPERATION_BUDGET};
pub use estimate::Estimate;
pub(crate) use judge::Judge;
pub use progress::{Stage, Stages};
pub use restore::LoggedPrompt;
pub use row::Redaction;
pub(crate) use row::{parts_of, sha256};
pub(crate) use standing::answers;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use lms_core::ai::{AiProvider, ProviderError, ProviderErrorKind, Usage};
use lms_core::lms::AiOrigin;
use lms_core::model::{AiLogId, CourseId};
use lms_core::{Class, CodeInfo, Lms};
use uuid::Uuid;

use crate::task::NotGraded;
use crate::{ReviewReason, Violation};

/// How the engine works; every number can be set. Its `Debug` hides the secret.
#[derive(Clone)]
#[non_exhaustive]
pub struct AiConfig {
    /// The model to ask.
    pub model: String,
    /// How long an operation may take in all.
    pub operation_deadline: Duration,
    /// How long one attempt may take.
    pub attempt_deadline: Duration,
    /// The most attempts on the wire of one operation, those of its earlier runs that may have been paid for
    /// among them; where a work is graded several times, so many for each of its grades.
    pub max_calls: u32,
    /// The most repairs of an answer that breaks rules.
    pub max_repairs: u32,
    /// The most retries of an attempt that the provider failed.
    pub max_retries: u32,
    /// The model that is asked where `model` has refused, is not to be had, or stays overloaded. What it
    /// answers a person looks at first. Nobody is asked in its place unless set.
    pub fallback_model: Option<String>,
    /// The most that an operation may cost in all its attempts, in millionths of a US dollar; no limit unless
    /// set. A job of many operations is not limited as a whole: of [`Ai::write_bodies`] each topic's text is an
    /// operation of its own. Limits by day are the host's, in [`lms_core::lms::AiBudgets`].
    pub operation_limit_micro_usd: Option<u64>,
    /// What the log keeps of the texts, by the task's kind. Unless set, it is [`Redaction::Redacted`] for tasks
    /// on a student's text and [`Redaction::Full`] for all others.
    pub redaction: BTreeMap<String, Redaction>,
    /// For how many days the log keeps the texts; for ever unless set. Its rows stay.
    pub keep_days: Option<u32>,
    /// How often a work is graded before its grade counts, 1 to 5; once unless set. Each answer is a call of the same
    /// operation; the one in the middle is proposed, and where they lie further apart than
    /// `grade_tolerance_bp` a person looks first. The operation may then make `max_calls` attempts for each of them.
    /// Where what is left of `operation_deadline` is less than `attempt_deadline`, no further one is asked for: the
    /// operation ends with [`AiError::Deadline`], and the next run goes on with those that are there.
    pub grade_samples: u32,
    /// How far several grades of a work may lie apart, in basis points of what can be had; 1,000 unless set.
    pub grade_tolerance_bp: u32,
    /// How long the host's [`TextExtractor`](crate::TextExtractor) may take for one work; 30 seconds unless set.
    pub extract_deadline: Duration,
    /// What the opaque words are derived from by which providers know who asks, so that nobody can tell
    /// whom they stand for.
    pub secret: Vec<u8>,
}

impl std::fmt::Debug for AiConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AiConfig")
            .field("model", &self.model)
            .field("operation_deadline", &self.operation_deadline)
            .field("attempt_deadline", &self.attempt_deadline)
            .field("max_calls", &self.max_calls)
            .field("max_repairs", &self.max_repairs)
            .field("max_retries", &self.max_retries)
            .field("fallback_model", &self.fallback_model)
            .field("operation_limit_micro_usd", &self.operation_limit_micro_usd)
            .field("redaction", &self.redaction)
            .field("keep_days", &self.keep_days)
            .field("grade_samples", &self.grade_samples)
            .field("grade_tolerance_bp", &self.grade_tolerance_bp)
            .field("extract_deadline", &self.extract_deadline)
            .finish_non_exhaustive()
    }
}

impl AiConfig {
    /// The defaults, with a model.
    pub fn new(model: impl Into<String>) -> Self {
        let mut secret = vec![0_u8; 32];
        rand::RngCore::fill_bytes(&mut rand::rng(), &mut secret);
        Self {
            model: model.into(),
            operation_deadline: Duration::from_secs(300),
            attempt_deadline: Duration::from_secs(120),
            max_calls: 6,
            max_repairs: 2,
            max_retries: 2,
            fallback_model: None,
            operation_limit_micro_usd: None,
            redaction: BTreeMap::new(),
            keep_days: None,
            grade_samples: 1,
            grade_tolerance_bp: 1_000,
            extract_deadline: Duration::from_secs(30),
            secret,
        }
    }
}

/// AI over the library: a provider, a model, and the workflows.
#[derive(Clone)]
pub struct Ai {
    pub(crate) lms: Lms,
    pub(crate) provider: Arc<dyn AiProvider>,
    pub(crate) config: Arc<AiConfig>,
    pub(crate) progress: Option<progress::Progress>,
    /// What turns the URL of a submission into text.
    pub(crate) extractor: Option<Arc<dyn crate::TextExtractor>>,
    /// Whether most calls of earlier runs do not count against an operation.
    pub(crate) lenient: bool,
}

impl std::fmt::Debug for Ai {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Ai")
            .field("provider", &self.provider.name())
            .field("model", &self.config.model)
            .finish_non_exhaustive()
    }
}

impl Ai {
    /// AI with a provider and the defaults for a model.
    pub fn new(lms: Lms, provider: impl AiProvider + 'static, model: impl Into<String>) -> Self {
        Self::with_config(lms, provider, AiConfig::new(model))
    }

    /// AI with everything set. From here on, work is queued for it where an assignment asks for that
    /// ([`Lms::expect_ai_grading`]).
    pub fn with_config(lms: Lms, provider: impl AiProvider + 'static, config: AiConfig) -> Self {
        lms.expect_ai_grading();
        let (provider, config) = (Arc::new(provider), Arc::new(config));
        Self { lms, provider, config, progress: None, extractor: None, lenient: false }
    }

    /// The same, for an operation whose earlier calls may all have failed by the provider's fault: only a few of
    /// them count against it.
    pub(crate) fn lenient(&self) -> Self {
        Self { lenient: true, ..self.clone() }
    }

    /// The model that is asked.
    pub fn model(&self) -> &str {
        &self.config.model
    }

    /// The provider's name.
    pub fn provider_name(&self) -> &str {
        self.provider.name()
    }

    /// The library.
    pub const fn lms(&self) -> &Lms {
        &self.lms
    }
}

/// What a call is about, for the log.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct About {
    /// The operation: the same one twice is done and paid once. Drawn anew when absent.
    pub operation_id: Option<Uuid>,
    /// The course.
    pub course_id: Option<CourseId>,
    /// What it is about.
    pub subject: Option<(&'static str, Uuid)>,
}

/// An answer that passed every check. Only the engine makes one.
#[derive(Debug, Clone)]
pub struct Accepted<T> {
    value: T,
    origin: AiOrigin,
    reasons: Vec<ReviewReason>,
    model: String,
    usage: Usage,
    cost_micro_usd: u64,
    calls: u32,
}

impl<T> Accepted<T> {
    /// The answer.
    pub const fn value(&self) -> &T {
        &self.value
    }
    /// The answer itself.
    pub fn into_value(self) -> T {
        self.value
    }
    /// The log row and the operation, for the use case that writes it.
    pub const fn origin(&self) -> AiOrigin {
        self.origin
    }
    /// The log row.
    pub const fn log_id(&self) -> AiLogId {
        self.origin.log_id
    }
    /// The model that was asked for it: the configured one, or its fallback.
    pub fn model(&self) -> &str {
        &self.model
    }
    /// Why a person must look first; nothing = it may be applied.
    pub fn review_reasons(&self) -> &[ReviewReason] {
        &self.reasons
    }
    /// The tokens of all attempts.
    pub const fn usage(&self) -> Usage {
        self.usage
    }
    /// What all attempts cost, in millionths of a US dollar.
    pub const fn cost_micro_usd(&self) -> u64 {
        self.cost_micro_usd
    }
    /// Attempts on the wire; 0 where a stored answer was used.
    pub const fn calls(&self) -> u32 {
        self.calls
    }
}

/// Why there is no answer that counts. Nothing was written but the log.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AiError {
    /// The prompt is too long.
    #[error("the input has {bytes} bytes; at most {max} are sent")]
    InputTooLarge {
        /// How long it is.
        bytes: usize,
        /// How long it may be.
        max: usize,
    },
    /// The provider failed.
    #[error(transparent)]
    Provider(#[from] ProviderError),
    /// The model refused.
    #[error("the model refused to answer")]
    Refused {
        /// Why, in the provider's word.
        category: Option<String>,
    },
    /// The answer did not fit, also not with more room.
    #[error("the answer was cut off; ask for less")]
    Truncated,
    /// The prompt does not fit the model, or a filter cut the answer.
    #[error("the model stopped: {reason}")]
    Stopped {
        /// Why, in the provider's word.
        reason: String,
    },
    /// The answer broke rules, also after the repairs.
    #[error("the answer breaks {}", codes(violations))]
    Invalid {
        /// Which, and where.
        violations: Vec<Violation>,
    },
    /// Another caller is at the same operation.
    #[error("the operation is in progress")]
    InProgress,
    /// Another input came under the same operation id, which was answered or is in progress (I3).
    #[error("this operation id was used with another input")]
    OtherInput,
    /// The operation took too long.
    #[error("the operation took too long")]
    Deadline,
    /// Too many attempts.
    #[error("no valid answer within the calls that are allowed ({calls})")]
    CallsUsedUp {
        /// How many there were.
        calls: u32,
    },
    /// A budget has no room for what the call may cost. Nothing was sent.
    #[error("the budget `{scope}` has no room for {needed} millionths of a US dollar")]
    BudgetDenied {
        /// Which: `operation`, or as [`BudgetScope::key`](lms_core::model::BudgetScope::key) writes it.
        scope: String,
        /// What the call may cost, in millionths of a US dollar.
        needed: i64,
    },
    /// The operation was done, and what it answered is not kept any more.
    #[error("the operation is done, and its answer is not kept any more")]
    AnswerGone,
    /// There is no proposal of this kind under the operation, or not for this actor.
    #[error("there is no such proposal")]
    NoProposal,
    /// The selection names something that the proposal does not hold.
    #[error("the proposal has no `{pointer}` to drop or replace")]
    NoSuchItem {
        /// What it names.
        pointer: String,
    },
    /// The answer counts, and a person must look at it before it is written: it waits as a proposal.
    #[error("a person must look at the proposal {operation} first ({})", reasons.join(", "))]
    NeedsReview {
        /// What it is applied or dropped by.
        operation: Uuid,
        /// Why, as [`ReviewReason::code`] says it.
        reasons: Vec<&'static str>,
    },
    /// There is no text to work on.
    #[error("there is not enough text: {0}")]
    NoText(&'static str),
    /// The work of a learner has too little text to be graded.
    #[error("there is not enough text: {}", .0.code())]
    NotGraded(NotGraded),
    /// The library refused or failed.
    #[error(transparent)]
    Lms(#[from] lms_core::Error),
}

/// How many rules are broken, and the first five with where.
fn codes(violations: &[Violation]) -> String {
    let rules = if violations.len() == 1 { "rule" } else { "rules" };
    let shown = violations.iter().take(5).map(|v| format!("{} at {}", v.code, v.pointer)).collect::<Vec<_>>();
    format!("{} {rules}: {}", violations.len(), shown.join(", "))
}

impl AiError {
    /// The code with its class and the names of its parameters.
    pub fn info(&self) -> CodeInfo {
        let own = match self {
            Self::InputTooLarge { .. } => Own::InputTooLarge,
            Self::Provider(e) => match e.kind {
                ProviderErrorKind::ModelUnavailable => Own::ModelUnavailable,
                ProviderErrorKind::Auth => Own::Auth,
                ProviderErrorKind::RateLimited => Own::RateLimited,
                ProviderErrorKind::SpendLimit => Own::SpendLimit,
                ProviderErrorKind::BudgetDenied => Own::BudgetDenied,
                _ => Own::Provider,
            },
            Self::Refused { .. } => Own::Refused,
            Self::Truncated => Own::Truncated,
            Self::Stopped { .. } => Own::Stopped,
            Self::Invalid { .. } => Own::Invalid,
            Self::InProgress => Own::InProgress,
            Self::OtherInput => Own::OtherInput,
            Self::Deadline => Own::Deadline,
            Self::CallsUsedUp { .. } => Own::CallsUsedUp,
            Self::BudgetDenied { .. } => Own::BudgetDenied,
            Self::AnswerGone => Own::AnswerGone,
            Self::NoProposal => Own::NoProposal,
            Self::NoSuchItem { .. } => Own::NoSuchItem,
            Self::NeedsReview { .. } => Own::NeedsReview,
            Self::NoText(_) | Self::NotGraded(_) => Own::NoText,
            Self::Lms(e) => return e.info(),
        };
        own.info()
    }

    /// The stable code.
    pub fn code(&self) -> &'static str {
        self.info().code
    }

    /// The class, for a host's status code.
    pub fn class(&self) -> Class {
        self.info().class
    }

    /// Every code of this crate, with its class and parameters. Beside them [`AiError::code`] gives
    /// those of [`lms_core::Error::codes`], where the library refused or failed.
    pub const fn codes() -> &'static [CodeInfo] {
        Own::CODES
    }
}

macro_rules! own_codes {
    ($($name:ident = $code:literal $class:ident [$($param:literal),*];)*) => {
        /// The codes of this crate. [`AiError::info`] can give no other but the library's, so none can
        /// be missing in the list.
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
    InputTooLarge = "ai.input_too_large" Invalid ["bytes", "max"];
    ModelUnavailable = "ai.model_unavailable" Internal [];
    Auth = "ai.auth" Internal [];
    RateLimited = "ai.rate_limited" Limit [];
    SpendLimit = "ai.spend_limit" Limit [];
    Provider = "ai.provider" Unavailable [];
    Refused = "ai.refused" Invalid ["category"];
    Truncated = "ai.truncated" Invalid [];
    Stopped = "ai.stopped" Invalid ["reason"];
    Invalid = "ai.invalid" Unavailable ["violations"];
    InProgress = "ai.in_progress" Conflict [];
    OtherInput = "ai.other_input" Conflict [];
    Deadline = "ai.deadline" Unavailable [];
    CallsUsedUp = "ai.calls_used_up" Unavailable ["calls"];
    BudgetDenied = "ai.budget_denied" Limit ["scope", "needed"];
    AnswerGone = "ai.answer_gone" Conflict [];
    NoProposal = "ai.no_proposal" NotFound [];
    NoSuchItem = "ai.no_such_item" Invalid ["pointer"];
    NeedsReview = "ai.needs_review" Conflict ["operation", "reasons"];
    NoText = "ai.no_text" Invalid [];
}
