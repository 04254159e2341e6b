//! Runs a grader on work: each piece in an operation of its own, as the library grades a submission.

use std::collections::BTreeMap;

use lms_ai::evaluate::{Marked, Scale};
use lms_ai::task::{GradeCriterion, GradeIn, GradeTask};
use lms_ai::{About, Ai, AiError, Nonce};
use lms_core::ai::ProviderErrorKind;
use lms_core::model::Points;

use super::Work;

/// What running a grader came to.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Ran {
    /// The marks, in the order of the work.
    pub marked: Vec<Marked>,
    /// Why there is no mark, by the code of the failure.
    pub failures: BTreeMap<String, u64>,
    /// How many marks would have waited for a person, by why.
    pub reviews: BTreeMap<&'static str, u64>,
    /// Marks that would have waited for a person.
    pub to_review: u64,
    /// Calls on the wire.
    pub calls: u64,
    /// Tokens in, those of the cache included.
    pub tokens_in: u64,
    /// Tokens out.
    pub tokens_out: u64,
    /// What it cost, in millionths of a US dollar.
    pub cost_micro_usd: u64,
}

/// How often in a row a provider may fail that has never answered.
const PATIENCE: u32 = 3;

/// Grades every piece of work so many times. A failure is no mark, and stands in the report as one.
///
/// # Errors
/// What no further call can mend: the key, the model, the budget, a provider that is not there.
pub async fn grade_all(
    ai: &Ai,
    work: &[Work],
    scale: &Scale,
    runs: usize,
    mut step: impl FnMut(),
) -> Result<Ran, AiError> {
    let mut ran = Ran::default();
    let (mut answered, mut in_a_row) = (false, 0);
    for piece in work {
        let mut marked = Marked { human: piece.human, second: piece.second, runs: Vec::with_capacity(runs) };
        for _ in 0..runs {
            let given = match grade(ai, piece, scale, &mut ran).await {
                Ok((mark, reasons)) => {
                    ran.to_review += u64::from(!reasons.is_empty());
                    for reason in reasons {
                        *ran.reviews.entry(reason).or_default() += 1;
                    }
                    answered = true;
                    Some(mark)
                }
                Err(e) if is_final(&e) => return Err(e),
                Err(e) => {
                    in_a_row = if matches!(e, AiError::Provider(_)) { in_a_row + 1 } else { 0 };
                    if !answered && in_a_row >= PATIENCE {
                        return Err(e);
                    }
                    *ran.failures.entry(e.code().to_owned()).or_default() += 1;
                    None
                }
            };
            marked.runs.push(given);
            step();
        }
        ran.marked.push(marked);
    }
    Ok(ran)
}

pub(super) fn is_final(error: &AiError) -> bool {
    let AiError::Provider(e) = error else { return matches!(error, AiError::Lms(_)) };
    matches!(
        e.kind,
        ProviderErrorKind::Auth
            | ProviderErrorKind::ModelUnavailable
            | ProviderErrorKind::SpendLimit
            | ProviderErrorKind::BudgetDenied
    )
}

/// The mark of a piece of work, and why it would wait for a person.
pub(super) async fn grade(
    ai: &Ai,
    piece: &Work,
    scale: &Scale,
    ran: &mut Ran,
) -> Result<(Points, Vec<&'static str>), AiError> {
    let lms = ai.lms();
    let operation = lms.ids().uuid(lms.now());
    let input = GradeIn {
        instructions: piece.instructions.clone(),
        criteria: piece
            .criteria
            .iter()
            .enumerate()
            .map(|(n, criterion)| GradeCriterion {
                key: format!("c{}", n + 1),
                title: criterion.title.clone(),
                description: criterion.description.clone(),
                max_units: criterion.max.units(),
            })
            .collect(),
        step_units: scale.step().units(),
        language: piece.language.clone(),
        submission: piece.text.clone(),
        nonce: Nonce::derive(piece.text.as_bytes(), operation),
        ..GradeIn::default()
    };
    if input.not_graded().is_some() {
        return Err(AiError::NoText("the work has too little text"));
    }
    let about = About { operation_id: Some(operation), ..About::default() };
    let answer = ai.run::<GradeTask>(&lms.system(), &input, about).await;
    // What a failure has cost is in the log, too.
    for row in lms.system().ai_log().operation(operation).await.unwrap_or_default() {
        let count = |tokens: i64| u64::try_from(tokens).unwrap_or(0);
        ran.calls += 1;
        ran.tokens_in += count(row.tokens_in) + count(row.tokens_cache_read) + count(row.tokens_cache_write);
        ran.tokens_out += count(row.tokens_out);
        ran.cost_micro_usd += count(row.cost_micro_usd);
    }
    let answer = answer?;
    let total = answer.value().total(&input).ok_or(AiError::NoText("the grade has no total"))?;
    let reasons: Vec<&'static str> = answer.review_reasons().iter().map(|reason| reason.code()).collect();
    Ok((Points::from_units(total), reasons))
}
