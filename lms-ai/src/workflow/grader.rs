//! The named consumer that grades what is handed in (S11, Q12).

use async_trait::async_trait;
use lms_core::Lms;
use lms_core::lms::Consumer;
use lms_core::model::AiGradingState;

use super::answers::answer_operation;
use super::grade::submission_operation;
use crate::{Ai, AiError};

/// Grades submissions and essay answers as they arrive, in the background, in one process at a time.
///
/// What waits stands in the rows of the work itself, so nothing is lost when it dies at any point: an answer
/// of the model that was paid for is applied by the next step without a call.
#[derive(Debug, Clone)]
pub struct Grader {
    ai: Ai,
}

/// How much of each kind one step takes.
const STEP: u32 = 10;

/// What a step does after a failure.
enum After {
    /// The work keeps waiting; the next one is looked at.
    Waits,
    /// The provider or the budget needs a pause: the step ends.
    Pause,
    /// A person must grade it, for this reason.
    Person(&'static str),
    /// The step cannot go on.
    Ends(lms_core::Error),
}

fn after(error: AiError) -> After {
    match error {
        // Later it may work: the work keeps waiting.
        AiError::InProgress | AiError::Deadline => After::Waits,
        AiError::BudgetDenied { scope, .. } => {
            tracing::warn!(scope, "AI grading waits for its budget");
            After::Pause
        }
        AiError::Provider(e) if !matches!(e.retry, lms_core::ai::Retry::Never) => {
            tracing::warn!(kind = e.kind.as_str(), "AI grading waits for its provider");
            After::Pause
        }
        AiError::Lms(e) if e.class() == lms_core::Class::Unavailable => After::Ends(e),
        e => After::Person(e.code()),
    }
}

impl Ai {
    /// The named consumer that grades submissions and essay answers as they arrive; for
    /// `lms.background().with(…)`.
    pub fn grader(&self) -> Grader {
        Grader { ai: self.clone() }
    }
}

impl Grader {
    /// Whether the step may go on to essays.
    async fn submissions(&self, lms: &Lms, done: &mut usize) -> Result<bool, lms_core::Error> {
        let system = lms.system();
        for head in system.assignments().awaiting_ai(STEP).await? {
            // A call that somebody is at, or died at, is looked at again in a later step: to wait for it
            // here would keep everybody else's work waiting, too.
            if self.ai.is_under_way(submission_operation(head.id, head.version_no)).await? {
                continue;
            }
            match self.ai.grade_submission(head.id).await.map_err(after) {
                Ok(_) => *done += 1,
                Err(After::Waits) => {}
                Err(After::Pause) => return Ok(false),
                Err(After::Person(code)) => {
                    system.assignments().ai_grading_failed(head.id, code.to_owned()).await?;
                    *done += 1;
                }
                Err(After::Ends(e)) => return Err(e),
            }
        }
        Ok(true)
    }

    async fn answers(&self, lms: &Lms, done: &mut usize) -> Result<(), lms_core::Error> {
        let system = lms.system();
        for head in system.quizzes().awaiting_ai(STEP).await? {
            let essays = system.quizzes().essays(head.id).await?.essays;
            for essay in essays.into_iter().filter(|e| e.record.ai_status == AiGradingState::Pending) {
                if self.ai.is_under_way(answer_operation(head.id, essay.question_id)).await? {
                    continue;
                }
                match self.ai.grade_answer(head.id, essay.question_id).await.map_err(after) {
                    Ok(_) => *done += 1,
                    Err(After::Waits) => {}
                    Err(After::Pause) => return Ok(()),
                    Err(After::Person(code)) => {
                        let (id, code) = (essay.question_id, code.to_owned());
                        system.quizzes().ai_answer_grading_failed(head.id, id, code).await?;
                        *done += 1;
                    }
                    Err(After::Ends(e)) => return Err(e),
                }
            }
        }
        Ok(())
    }
}

#[async_trait]
impl Consumer for Grader {
    fn name(&self) -> &str {
        "ai_grader"
    }

    async fn step(&self, lms: &Lms, _: &lms_core::lms::Lease) -> Result<usize, lms_core::Error> {
        let mut done = 0;
        if self.submissions(lms, &mut done).await? {
            self.answers(lms, &mut done).await?;
        }
        // What its callers left behind is marked, so that nothing stands as pending for ever.
        let old = i64::try_from(self.ai.given_up_after().as_secs()).unwrap_or(i64::MAX);
        lms.system().ai_log().sweep(old).await?;
        Ok(done)
    }
}
