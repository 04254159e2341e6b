//! The tasks: what is asked, what comes back over the wire, and the rules that
//! an answer has to keep before it counts.
//!
//! Each task renders the same prompt for the same input and checks an answer
//! by deterministic rules, each with a stable code. Numbers in bounds are
//! inclusive.

mod assignment;
mod body;
mod certificate;
mod checker;
mod grade;
mod grade_rules;
mod outline;
mod proposable;
mod quiz;
mod redo;
mod solve;
mod source;

pub use assignment::{AssignmentBounds, AssignmentIn, AssignmentOut, AssignmentTask, CriterionOut};
pub use body::{BodyBounds, BodyIn, BodyOut, BodyTask, GlossaryOut};
pub use certificate::{CertificateBounds, CertificateIn, CertificateOut, CertificateTask};
pub use grade::{
    CriterionGradeOut, Evidence, GradeBounds, GradeCriterion, GradeIn, GradeOut, GradeTask, ManipulationOut, NotGraded,
};
pub(crate) use grade::{GradePrompt, RubricLine};
pub(crate) use grade_rules::is_near;
pub use outline::{
    ContentType, LessonOut, ObjectiveOut, OutlineBounds, OutlineBrief, OutlineIn, OutlineOut, OutlineTask, TopicOut,
};
pub use proposable::Proposable;
pub(crate) use proposable::part;
pub(crate) use quiz::is_longest_correct;
pub use quiz::{
    Difficulty, OptionOut, QuestionOut, QuestionType, QuizBounds, QuizIn, QuizOut, QuizTask, shuffle_options,
};
pub use redo::{
    CriterionRedoIn, CriterionRedoOut, CriterionRedoTask, QuestionRedoIn, QuestionRedoOut, QuestionRedoTask,
};
pub use solve::{SolveAnswer, SolveIn, SolveOut, SolveQuestion, SolveTask};
pub use source::{Source, SourceSection};

use lms_core::ai::{Part, Trust};
use serde::{Deserialize, Serialize};

use crate::task_trait::{Limits, Nonce, Prompt, Violation};

/// An objective of a course.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Objective {
    /// Its key in the course.
    pub key: String,
    /// What a learner can do.
    pub text: String,
}

/// The size of a prompt and of an answer, as settings of a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallSize {
    /// The prompt, in bytes.
    pub input_bytes: usize,
    /// The answer, in tokens.
    pub max_tokens: u32,
}

impl CallSize {
    const fn kib(kib: usize, max_tokens: u32) -> Self {
        Self { input_bytes: kib * 1024, max_tokens }
    }

    fn limits(self) -> Limits {
        Limits { input_bytes: self.input_bytes, max_tokens: self.max_tokens }
    }
}

fn violation(code: &'static str, pointer: String, message: String) -> Violation {
    Violation { code, pointer, message }
}

/// A prompt with the fixed policy of a task.
fn title_frame(system: &str, parts: Vec<Part>) -> Prompt {
    Prompt { system: system.to_owned(), parts }
}

/// A part that our own code wrote, as JSON, without the fields that have parts of their own.
fn json_part<T: Serialize>(label: &str, value: &T, without: &[&str]) -> Part {
    // The values are structs of texts, numbers and lists: they always have a JSON form.
    let mut json = serde_json::to_value(value).unwrap_or_default();
    if let Some(object) = json.as_object_mut() {
        for field in without {
            object.remove(*field);
        }
    }
    Part { label: label.to_owned(), text: json.to_string(), trust: Trust::Trusted }
}

/// A part that the asking staff chose as material: a source, a lesson. The policy
/// says that it is no instruction; the log keeps it whole, as it keeps no student's text.
fn source_part(text: &str) -> Part {
    Part { label: "source".to_owned(), text: text.to_owned(), trust: Trust::Trusted }
}

/// A part that a student wrote: one JSON string in a frame that only we can close.
pub(crate) fn untrusted_part(label: &str, nonce: &Nonce, text: &str) -> Part {
    Part {
        label: label.to_owned(),
        text: format!("UNTRUSTED {n}\n{quoted}\nEND {n}", n = nonce.as_str(), quoted = json_string(text)),
        trust: Trust::Untrusted,
    }
}

/// A text as one JSON string on one line.
pub(crate) fn json_string(text: &str) -> String {
    // JSON leaves these line ends as they are; escaped, the text stays one line for every reader.
    serde_json::Value::from(text)
        .to_string()
        .replace('\u{85}', "\\u0085")
        .replace('\u{2028}', "\\u2028")
        .replace('\u{2029}', "\\u2029")
}

#[cfg(test)]
mod tests;
