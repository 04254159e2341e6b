//! Another question and another criterion from the same source.

use super::phrases::{fill, phrases};
use super::plain::{is_safe, safe};
use super::quiz::quiz;
use crate::task::{
    CriterionOut, CriterionRedoIn, CriterionRedoOut, QuestionRedoIn, QuestionRedoOut, QuestionRedoTask, QuizIn,
};
use crate::task_trait::AiTask;
use crate::text::{key_terms, markdown_prose};

/// The first question that the lesson gives beside those of the quiz, of the same type where there is one;
/// the old one where there is none.
pub(super) fn question(input: &QuestionRedoIn) -> Option<QuestionRedoOut> {
    let old = input.current.questions.get(input.index)?;
    let types = [vec![old.question_type], input.quiz.types.clone()];
    let more = input.current.questions.len().saturating_mul(2).saturating_add(4);
    let found = types.into_iter().find_map(|types| {
        let wide = QuizIn { count: more, types, ..input.quiz.clone() };
        quiz(&wide)
            .questions
            .into_iter()
            .map(|question| QuestionRedoOut { question })
            .find(|out| QuestionRedoTask::check(input, out).is_empty())
    });
    Some(found.unwrap_or_else(|| QuestionRedoOut { question: old.clone() }))
}

/// A criterion about terms that no criterion names yet, worth the same.
pub(super) fn criterion(input: &CriterionRedoIn) -> Option<CriterionRedoOut> {
    let old = input.current.criteria.get(input.index)?;
    let p = phrases(&input.assignment.language);
    let named: String = input.current.criteria.iter().map(|c| c.description.to_lowercase()).collect();
    let prose = markdown_prose(&input.assignment.source);
    let text = if prose.is_empty() { input.assignment.context_title.clone() } else { prose };
    let terms: Vec<String> = key_terms(&text, 60)
        .into_iter()
        .map(|t| t.text)
        .filter(|t| is_safe(t) && !named.contains(&t.to_lowercase()))
        .take(3)
        .collect();
    if terms.is_empty() {
        return Some(CriterionRedoOut { criterion: old.clone() });
    }
    let listed = terms.join(", ");
    let criterion = CriterionOut {
        key: old.key.clone(),
        title: safe(&listed, 120),
        description: safe(&fill(p.uses, &listed), 800),
        max_points: old.max_points,
    };
    Some(CriterionRedoOut { criterion })
}
