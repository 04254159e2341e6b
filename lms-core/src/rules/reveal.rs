//! When a learner sees keys, marks and explanations (Q14).

use crate::model::{AttemptState, Reveal};

/// Whether an attempt is laid open to its learner. `passed`: the quiz is passed; `no_attempt_left`: every attempt
/// is used, and none is open.
pub const fn revealed(reveal: Reveal, state: AttemptState, passed: bool, no_attempt_left: bool) -> bool {
    let finished = !matches!(state, AttemptState::InProgress);
    match reveal {
        Reveal::Never => false,
        Reveal::AfterSubmit => finished,
        Reveal::AfterGraded => matches!(state, AttemptState::Graded),
        Reveal::AfterLastAttemptOrPass => finished && (passed || no_attempt_left),
    }
}
