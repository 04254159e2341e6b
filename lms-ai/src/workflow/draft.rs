//! From what a model proposed to what the library writes: pure.

use std::collections::BTreeMap;

use lms_core::lms::{
    AssignmentRules, CourseDraft, LessonDraft, NewAssignment, NewCourse, NewLesson, NewQuestion, NewQuiz, NewTopic,
    QuizRules,
};
use lms_core::model::question::{ChoiceMode, Labelled, QuestionBody, TextKey};
use lms_core::model::{BasisPoints, ContentType, Criterion, Points, Rubric};

use crate::AiError;
use crate::task::{AssignmentOut, BodyOut, OptionOut, OutlineBrief, OutlineOut, QuestionOut, QuestionType, QuizOut};

pub(super) fn course_draft(brief: &OutlineBrief, out: &OutlineOut) -> CourseDraft {
    let minutes: i64 = out.lessons.iter().map(|lesson| lesson.minutes).sum();
    CourseDraft {
        course: NewCourse {
            description: out.description.clone(),
            audience: brief.audience.clone(),
            difficulty: brief.difficulty.clone(),
            estimated_minutes: (minutes > 0).then_some(minutes),
            language: brief.language.clone(),
            ..NewCourse::titled(out.title.clone())
        },
        objectives: out.objectives.iter().map(|o| (o.key.clone(), o.text.clone())).collect(),
        lessons: out
            .lessons
            .iter()
            .map(|lesson| LessonDraft {
                lesson: NewLesson {
                    summary: lesson.summary.clone(),
                    estimated_minutes: (lesson.minutes > 0).then_some(lesson.minutes),
                    ..NewLesson::titled(lesson.title.clone())
                },
                objectives: lesson.objective_keys.clone(),
                topics: lesson
                    .topics
                    .iter()
                    .map(|topic| NewTopic {
                        content_type: ContentType::Text,
                        ..NewTopic::text(topic.title.clone(), topic.synopsis.clone())
                    })
                    .collect(),
            })
            .collect(),
    }
}

/// Stands between a text and its key points.
const KEY_POINTS: &str = "\n\n### Key points\n\n";
/// Stands between a text or its key points and its terms.
const TERMS: &str = "\n### Terms\n\n";

/// The text of a topic without the key points and terms that [`body_markdown`] has put below it: they
/// say again, and not word for word, what the text says, so that nothing is to be asked about them.
pub(super) fn without_aids(body: &str) -> &str {
    let cut = |body, mark: &str| match str::rfind(body, mark) {
        Some(at) if is_list(body.get(at + mark.len()..).unwrap_or_default()) => body.get(..at).unwrap_or(body),
        _ => body,
    };
    cut(cut(body, TERMS).trim_end(), KEY_POINTS).trim_end()
}

fn is_list(text: &str) -> bool {
    text.lines().all(|line| line.is_empty() || line.starts_with("- "))
}

/// The body of a topic as it is stored: the text, its key points, its terms.
pub(super) fn body_markdown(out: &BodyOut) -> String {
    let mut body = out.body_markdown.trim().to_owned();
    if !out.key_points.is_empty() {
        body.push_str(KEY_POINTS);
        for point in &out.key_points {
            body.push_str(&format!("- {point}\n"));
        }
    }
    if !out.glossary.is_empty() {
        body.push_str(TERMS);
        for entry in &out.glossary {
            body.push_str(&format!("- **{}**: {}\n", entry.term, entry.definition));
        }
    }
    body
}

pub(super) fn new_quiz(out: &QuizOut, rules: QuizRules) -> NewQuiz {
    NewQuiz {
        description: out.description.clone(),
        rules,
        questions: out.questions.iter().map(new_question).collect(),
        ..NewQuiz::titled(out.title.clone())
    }
}

fn new_question(out: &QuestionOut) -> NewQuestion {
    let id = |n: usize| format!("o{}", n + 1);
    let options = || out.options.iter().enumerate().map(|(n, o)| Labelled::new(id(n), o.text.clone())).collect();
    let right = || out.options.iter().enumerate().filter(|(_, o)| o.is_correct).map(|(n, _)| id(n));
    let why = || -> BTreeMap<String, String> {
        let said = |o: &OptionOut| !o.why.is_empty();
        out.options.iter().enumerate().filter(|(_, o)| said(o)).map(|(n, o)| (id(n), o.why.clone())).collect()
    };
    let body = match out.question_type {
        QuestionType::SingleChoice | QuestionType::TrueFalse => {
            QuestionBody::SingleChoice { options: options(), correct: right().next().unwrap_or_default(), why: why() }
        }
        QuestionType::MultipleChoice => QuestionBody::MultipleChoice {
            options: options(),
            correct: right().collect(),
            mode: ChoiceMode::NetCorrect,
            why: why(),
        },
        QuestionType::ShortText => QuestionBody::ShortText {
            keys: out.options.iter().map(|o| TextKey::Exact { text: o.text.clone(), edits: 0 }).collect(),
            case_sensitive: false,
        },
    };
    NewQuestion {
        explanation: out.explanation.clone(),
        source_quote: Some(out.source_quote.clone()),
        objectives: if out.objective_key.is_empty() { Vec::new() } else { vec![out.objective_key.clone()] },
        ..NewQuestion::new(out.text.clone(), body)
    }
}

pub(super) fn new_assignment(out: &AssignmentOut, rules: &AssignmentRules) -> Result<NewAssignment, AiError> {
    // The task's own checks have bounded the points; whole points always count in units.
    let points = |whole: i64| Points::whole(whole).ok_or(AiError::NoText("the points are out of range"));
    let mut criteria = Vec::with_capacity(out.criteria.len());
    for criterion in &out.criteria {
        criteria.push(Criterion {
            id: criterion.key.clone(),
            title: criterion.title.clone(),
            description: criterion.description.clone(),
            max: points(criterion.max_points)?,
        });
    }
    // After criteria were dropped the work is worth what is left.
    let max = out.criteria.iter().fold(0_i64, |sum, criterion| sum.saturating_add(criterion.max_points));
    let mut rules = rules.clone();
    if rules.ai_confidence_bp.is_none() {
        rules.ai_confidence_bp = BasisPoints::percent(70);
    }
    Ok(NewAssignment {
        description: format!("{}\n\n{}", out.description.trim(), out.instructions_markdown.trim()),
        rubric: Some(Rubric { criteria, staff_notes: String::new() }),
        rules,
        objectives: out.objective_keys.clone(),
        ..NewAssignment::new(out.title.clone(), points(max)?)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn aids_below_a_text_are_told_from_the_text() {
        let term = |term: &str| crate::task::GlossaryOut { term: term.into(), definition: "So it is.".into() };
        let out = |key_points: &[&str], glossary| BodyOut {
            body_markdown: "One.\n\n### Terms\n\nTwo.".into(),
            key_points: key_points.iter().map(ToString::to_string).collect(),
            glossary,
            minutes: 1,
        };
        for stored in [out(&["One."], vec![term("a")]), out(&[], vec![term("a")]), out(&["One."], vec![])] {
            let body = body_markdown(&stored);
            assert!(body.len() > stored.body_markdown.len());
            assert_eq!(without_aids(&body), stored.body_markdown);
            let edited = format!("{body}\nA teacher's own words.");
            assert_eq!(without_aids(&edited), edited, "what a person wrote stays");
        }
        assert_eq!(without_aids("Nothing added."), "Nothing added.");
    }
}
