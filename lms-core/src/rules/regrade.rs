//! Grading an attempt again: by another key, or with a question out or given away (A12).

use std::collections::BTreeMap;

use uuid::Uuid;

use super::grading::{self, AnswerState, GradedAnswer};
use crate::model::question::QuestionBody;
use crate::model::{
    Adjustment, AiGradingState, GradedAnswers, GradedRecord, GraderKind, Points, QuestionId, Ratio, RevisionContent,
    RevisionQuestion, SavedAnswers, Score,
};

/// What becomes of an attempt.
#[derive(Debug, Clone, PartialEq)]
pub struct Regraded {
    /// Its answers.
    pub answers: GradedAnswers,
    /// Earned; `None` while an answer waits.
    pub earned: Option<Points>,
    /// Possible.
    pub possible: Points,
    /// Questions that the other key does not fit: their type or their ids differ. They are left alone.
    pub not_comparable: Vec<QuestionId>,
}

/// Whether answers to one body can be graded by the other's key.
pub fn comparable(own: &QuestionBody, other: &QuestionBody) -> bool {
    own.question_type() == other.question_type() && own.ids() == other.ids()
}

/// Applies what a regrade did with a question for good.
pub fn adjust(answer: &mut GradedAnswer, adjustment: Option<Adjustment>) {
    match adjustment {
        None => {}
        Some(Adjustment::Dropped) => {
            answer.possible = Points::ZERO;
            answer.earned = Some(Points::ZERO);
            answer.fraction = Some(Ratio::zero());
            answer.penalty = Points::ZERO;
            if answer.state == AnswerState::Pending {
                answer.state = AnswerState::Unanswered;
            }
        }
        Some(Adjustment::FullCredit) => {
            answer.earned = Some(answer.possible);
            answer.fraction = Some(Ratio::one());
            answer.state = AnswerState::Correct;
        }
    }
}

/// A question's record from its grading.
pub fn record_of(question: &RevisionQuestion, graded: &GradedAnswer) -> GradedRecord {
    GradedRecord {
        question_id: question.id,
        state: graded.state,
        fraction: graded.fraction.as_ref().map(ToString::to_string),
        earned: graded.earned,
        possible: graded.possible,
        not_a_number: graded.not_a_number,
        grader_kind: GraderKind::Auto,
        feedback: None,
        ai_status: AiGradingState::None,
        ai_code: None,
        suggested_seq: None,
    }
}

/// An attempt's grading read back; `None` where its record is damaged.
pub fn restored(content: &RevisionContent, record: &GradedRecord) -> Option<GradedAnswer> {
    let question = content.questions.iter().find(|q| q.id == record.question_id);
    // A question that was dropped takes nothing off either.
    let negative = question.and_then(|q| q.negative_points).filter(|_| record.possible > Points::ZERO);
    grading::restored(record.state, record.fraction.as_deref(), record.earned, record.possible, negative)
}

/// Grades an attempt again. `content` is the attempt's own revision: its questions and points stay.
/// `keys` is the revision whose keys count. Marks by a person or by AI are left alone. `None` where the
/// attempt's record is damaged.
pub fn regraded(
    content: &RevisionContent,
    keys: &RevisionContent,
    saved: &SavedAnswers,
    before: &GradedAnswers,
    adjustments: &BTreeMap<Uuid, Adjustment>,
) -> Option<Regraded> {
    let mut not_comparable = Vec::new();
    let mut graded = Vec::with_capacity(before.answers.len());
    let mut records = Vec::with_capacity(before.answers.len());
    for record in &before.answers {
        let marked = record.grader_kind != GraderKind::Auto;
        let own = content.questions.iter().find(|q| q.id == record.question_id);
        let (Some(own), false) = (own, marked) else {
            graded.push(restored(content, record)?);
            records.push(record.clone());
            continue;
        };
        let key = keys.questions.iter().find(|q| q.id == own.id).filter(|q| comparable(&own.body, &q.body));
        let answer = saved.answers.get(&own.id.uuid()).and_then(|s| s.answer.as_ref());
        let mut one = match key {
            Some(key) => grading::grade(&key.body, own.points, own.negative_points, answer),
            None => {
                not_comparable.push(own.id);
                restored(content, record)?
            }
        };
        adjust(&mut one, adjustments.get(&own.id.uuid()).copied());
        let mut after = record_of(own, &one);
        after.suggested_seq = record.suggested_seq;
        // What is dropped or given away waits for nobody any more.
        if one.state == AnswerState::Pending || record.ai_status != AiGradingState::Pending {
            after.ai_status = record.ai_status;
            after.ai_code.clone_from(&record.ai_code);
        }
        records.push(after);
        graded.push(one);
    }
    let total = grading::total(&graded);
    let answers = GradedAnswers { format: before.format, answers: records };
    Some(Regraded { answers, earned: total.earned, possible: total.possible, not_comparable })
}

/// Whether a score is below another: what `only_if_higher` keeps out. A score that waits is below none.
pub fn is_lower(after: Option<Score>, before: Option<Score>) -> bool {
    match (after, before) {
        (Some(after), Some(before)) => after.compare(before) == std::cmp::Ordering::Less,
        _ => false,
    }
}
