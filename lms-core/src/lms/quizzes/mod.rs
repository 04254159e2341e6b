//! Attempts: starting, saving, handing in, expiring, grading (A, Q12, Q14, Q15).

mod ai;
mod attempts;
mod deadline;
mod essay;
mod finish;
mod marks;
mod regrade;
mod revision;
mod save;
mod start;
mod sweep;
mod view;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::error::{Error, Problem};
use crate::lms::Quizzes;
use crate::model::question::{Answer, QuestionView};
use crate::model::*;
use crate::rules::grading::AnswerState;
use crate::rules::permission::Action;
use crate::store::{LearnerContext, StoreError, StoreErrorKind};

pub use ai::{AttemptEssays, EssayWork};
pub use attempts::AttemptSummary;
use deadline::{deadline_of, is_gone, overdue};
pub(super) use deadline::{later_deadline, past_grace, seconds_allowed};
pub use regrade::*;
pub(crate) use revision::RevisionCache;
use revision::revision_of;
pub use sweep::{SweepFailure, SweepReport};

/// An attempt as its learner sees it: no key, no correctness, no explanation until the quiz's
/// policy reveals them (Q14).
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct AttemptView {
    /// The attempt.
    pub id: AttemptId,
    /// The quiz.
    pub quiz_id: QuizId,
    /// The quiz's title.
    pub quiz_title: String,
    /// 1 for the first.
    pub attempt_no: i64,
    /// Where it stands.
    pub state: AttemptState,
    /// Whether its time is up and it only waits to be finished (A6).
    pub grading_due: bool,
    /// When it was started.
    pub started_at: Timestamp,
    /// When its time is up.
    pub deadline: Option<Timestamp>,
    /// When it was handed in.
    pub completed_at: Option<Timestamp>,
    /// How it ended.
    pub finish_reason: Option<FinishReason>,
    /// The questions in the order drawn for it (A11).
    pub questions: Vec<QuestionView>,
    /// What was answered.
    pub answers: BTreeMap<Uuid, Answer>,
    /// Earned and possible, once graded.
    pub score: Option<Score>,
    /// The percent shown.
    pub percent: Option<Percent>,
    /// Whether this attempt's own score reaches the threshold; absent without one, and as long as the score is. What
    /// counts for the quiz is the kept score (A10).
    pub passed: Option<bool>,
    /// What the kept score must reach.
    pub pass_threshold_bp: Option<BasisPoints>,
    /// How many more attempts the learner can start, with what was granted to them; as many as they like when absent.
    pub attempts_left: Option<i64>,
    /// Keys and explanations, once the policy reveals them.
    pub review: Option<Vec<ReviewedAnswer>>,
}

/// One answer with its key, once revealed.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct ReviewedAnswer {
    /// The question.
    pub question_id: QuestionId,
    /// What became of the answer.
    pub state: AnswerState,
    /// What it earned.
    pub earned: Option<Points>,
    /// The key, as the question's type writes it.
    pub key: serde_json::Value,
    /// Why.
    pub explanation: String,
    /// Who graded it (S16).
    pub grader_kind: GraderKind,
    /// What the grader wrote.
    pub feedback: Option<String>,
}

/// What stands after a save, per question (A7).
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct SaveReport {
    /// What stands now for each question of the patch, and from which client.
    pub answers: BTreeMap<Uuid, SavedAnswer>,
    /// Answers that were not saved, and why; the others were.
    pub problems: Vec<Problem>,
    /// Whether the whole patch was older than what this client had sent before: nothing was done.
    pub stale: bool,
}

/// A mark for one answer (Q12).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct AnswerGrade {
    /// What it earns, 0 to the question's points.
    pub points: Points,
    /// What the learner reads.
    #[serde(default)]
    pub feedback: Option<String>,
    /// The newest human entry that the grader has seen (S10); 0 for none.
    #[serde(default)]
    pub seen_seq: i64,
}

/// What became of a mark for an answer.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct AnswerMark {
    /// The answer's grading after it.
    pub record: GradedRecord,
    /// Where the attempt stands after it.
    pub attempt_state: AttemptState,
    /// Whether the mark was applied; otherwise it waits as a suggestion.
    pub applied: bool,
}

fn corrupt(table: &'static str, column: &'static str, row: impl Into<Uuid>) -> Error {
    StoreError::new(StoreErrorKind::Corrupt { table, column, id: Some(row.into()) }).into()
}

impl Quizzes<'_> {
    fn me(&self) -> Result<UserId, Error> {
        match &self.s.actor {
            Actor::User { id } => Ok(*id),
            _ => Err(Error::Denied { action: Action::Learn }),
        }
    }

    fn own_attempt(&self, context: &LearnerContext, id: AttemptId, me: UserId) -> Result<QuizAttempt, Error> {
        context
            .attempt
            .clone()
            .filter(|attempt| attempt.student_id == me)
            .ok_or_else(|| Error::not_found(SubjectType::Attempt, id))
    }
}

/// All answers of an attempt together are at most this long.
const MAX_ANSWERS: usize = 4 * 1024 * 1024;
