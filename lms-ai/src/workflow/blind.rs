//! The blind check of a quiz: a second call answers it without the keys.

use lms_core::lms::Session;
use lms_core::model::AiLogStatus;

use super::proposal::{Proposal, derived_operation, too_few};
use crate::task::{QuizTask, SolveIn, SolveTask};
use crate::{About, Ai, AiError};

impl Ai {
    /// Lets the model answer the proposed questions without their keys, and notes those that it answers
    /// otherwise. Its call has a log row of its own kind.
    pub(super) async fn check_blind(
        &self,
        session: &Session,
        proposal: &mut Proposal<QuizTask>,
        about: About,
    ) -> Result<(), AiError> {
        let asked = proposal.input();
        let input = SolveIn::blind(proposal.value(), &asked.lesson_markdown, &asked.language);
        let operation_id = Some(blind_operation(proposal));
        let solved = self.propose::<SolveTask>(session, input, About { operation_id, ..about }).await?;
        doubt(proposal, &solved);
        let (all, doubted) = (proposal.value().questions.len(), proposal.doubts.len());
        if (all - doubted) * 2 < all {
            return Err(too_few("/questions", all - doubted, all.div_ceil(2)));
        }
        Ok(())
    }

    /// Reads what an earlier blind check of the proposal came to; makes up for it where it was asked for and has
    /// failed, before anything is written.
    pub(super) async fn read_blind(&self, session: &Session, proposal: &mut Proposal<QuizTask>) -> Result<(), AiError> {
        match self.proposal::<SolveTask>(session, blind_operation(proposal)).await {
            Ok(solved) => doubt(proposal, &solved),
            Err(AiError::NoProposal) if proposal.input().check_blind && proposal.status() == AiLogStatus::Valid => {
                let subject = proposal.subject().map(|lesson| ("lesson", lesson));
                let about = About { operation_id: None, course_id: proposal.course_id(), subject };
                return self.check_blind(session, proposal, about).await;
            }
            Err(AiError::NoProposal) => {}
            Err(e) => return Err(e),
        }
        Ok(())
    }
}

fn blind_operation(proposal: &Proposal<QuizTask>) -> uuid::Uuid {
    derived_operation("quiz_check", &[proposal.operation_id().as_bytes()])
}

fn doubt(proposal: &mut Proposal<QuizTask>, solved: &Proposal<SolveTask>) {
    let wrong = solved.value().mismatches(proposal.value());
    proposal.doubts = wrong.into_iter().map(|n| format!("/questions/{n}")).collect();
    proposal.checked = Some(solved.origin());
}
