//! Multiple choice in four modes (Q5).

use super::of;
use crate::model::Ratio;
use crate::model::question::ChoiceMode;

/// The fraction for some picks of N options: t right and w wrong picks, C right options.
pub(super) fn fraction(mode: ChoiceMode, options: usize, correct: &[String], picked: &[String]) -> Ratio {
    let right = picked.iter().filter(|id| correct.contains(id)).count();
    let wrong = picked.len() - right;
    let all = correct.len();
    match mode {
        ChoiceMode::AllOrNothing => Ratio::new(i64::from(right == all && wrong == 0), 1),
        ChoiceMode::NetCorrect => of(right.saturating_sub(wrong), all),
        ChoiceMode::EachOption if right == 0 => Ratio::zero(),
        ChoiceMode::EachOption => of(right + options.saturating_sub(all).saturating_sub(wrong), options),
        ChoiceMode::Coverage if right == 0 => Ratio::zero(),
        ChoiceMode::Coverage => of(right, all).times(&of(right, right + wrong)),
    }
}
