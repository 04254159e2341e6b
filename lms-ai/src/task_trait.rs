//! What a task is to the engine.

use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use lms_core::ai::Part;

/// A task: how its prompt is made, and what its answer must keep.
///
/// Both are pure: the same input gives the same prompt, byte for byte, and the same verdict.
pub trait AiTask: Send + Sync {
    /// What is given.
    type In: Serialize + Send + Sync;
    /// What comes back.
    type Out: DeserializeOwned + Serialize + JsonSchema + Clone + Send + Sync;
    /// A short name, for the log.
    const KIND: &'static str;
    /// The version of its prompt; changes with every byte of it.
    const PROMPT_VERSION: &'static str;

    /// The prompt.
    fn render(input: &Self::In) -> Prompt;

    /// Refuses what no answer could fit, or what could never be written: nothing is asked or paid for then.
    ///
    /// # Errors
    /// Invalid, with every problem.
    fn check_input(_input: &Self::In) -> Result<(), lms_core::Error> {
        Ok(())
    }

    /// What is wrong with an answer, beyond its shape.
    fn check(input: &Self::In, out: &Self::Out) -> Vec<Violation>;

    /// Why a person must look at an answer that passed every check.
    fn review(_input: &Self::In, _out: &Self::Out) -> Vec<ReviewReason> {
        Vec::new()
    }

    /// Whether an answer that breaks this rule still, when the repairs are used up, may be shown to a person
    /// in place of none. It never counts by itself: [`AiTask::review`] must give a reason for it.
    fn is_tolerable(_violation: &Violation) -> bool {
        false
    }

    /// What the log row of an answer that counts keeps beside it, each in one short line.
    fn notes(_input: &Self::In, _out: &Self::Out) -> Vec<String> {
        Vec::new()
    }

    /// Whether the untrusted text of the prompt stands in the database already, so that the log needs no copy of it.
    fn is_kept_elsewhere(_input: &Self::In) -> bool {
        true
    }

    /// What the call may be long.
    fn limits(_input: &Self::In) -> Limits {
        Limits::default()
    }
}

/// How long a prompt and an answer may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The prompt, in bytes.
    pub input_bytes: usize,
    /// The answer, in tokens.
    pub max_tokens: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self { input_bytes: 256 * 1024, max_tokens: 8_000 }
    }
}

/// A prompt: the policy, and the parts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prompt {
    /// The policy; fixed for a version of the prompt.
    pub system: String,
    /// The task and its data, in order.
    pub parts: Vec<Part>,
}

impl Prompt {
    /// Its length in bytes, labels aside.
    pub(crate) fn bytes(&self) -> usize {
        self.system.len() + self.parts.iter().map(|part| part.text.len()).sum::<usize>()
    }
}

/// One rule that an answer breaks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Violation {
    /// A stable word.
    #[serde(skip_deserializing)]
    pub code: &'static str,
    /// Where, as a JSON pointer.
    pub pointer: String,
    /// What is wrong, for the model; never the student's text.
    pub message: String,
}

/// Why a person must look before an AI grade counts (S11).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReviewReason {
    /// The model says that the work tries to steer its grader.
    ManipulationByModel,
    /// Our scanner says so.
    ManipulationByScanner,
    /// A quote was not found in the work.
    UnverifiedEvidence,
    /// The model is not sure.
    LowConfidence,
    /// The work is very short.
    TooShort,
    /// The work was cut to fit.
    InputTruncated,
    /// The grade is close to the pass mark.
    NearPassMark,
    /// Another model than asked for answered.
    FallbackModel,
    /// Several answers to the same question lie further apart than is tolerated.
    SampleSpread,
    /// There are fewer answers to the same question than were wanted.
    FewerSamples,
}

impl ReviewReason {
    /// The stable word.
    pub const fn code(self) -> &'static str {
        match self {
            Self::ManipulationByModel => "manipulation_by_model",
            Self::ManipulationByScanner => "manipulation_by_scanner",
            Self::UnverifiedEvidence => "unverified_evidence",
            Self::LowConfidence => "low_confidence",
            Self::TooShort => "too_short",
            Self::InputTruncated => "input_truncated",
            Self::NearPassMark => "near_pass_mark",
            Self::FallbackModel => "fallback_model",
            Self::SampleSpread => "sample_spread",
            Self::FewerSamples => "fewer_samples",
        }
    }
}

/// A random code of one request: it frames untrusted text, so that no text can close its frame.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Nonce(pub String);

impl Nonce {
    /// The code of an operation: the same for every attempt, so that rendering again gives the same
    /// prompt. `secret` keeps it from being guessed by who knows the operation's id.
    pub fn derive(secret: &[u8], operation: uuid::Uuid) -> Self {
        use sha2::{Digest, Sha256};
        let mut hash = Sha256::new();
        hash.update(secret);
        hash.update(operation.as_bytes());
        Self(hash.finalize().iter().take(12).map(|byte| format!("{byte:02x}")).collect())
    }

    /// The code.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}
