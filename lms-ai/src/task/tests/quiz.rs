use super::{codes, each_change_gives_its_code};
use crate::task::{
    Difficulty, Objective, OptionOut, QuestionOut, QuestionType, QuizIn, QuizOut, QuizTask, shuffle_options,
};
use crate::task_trait::AiTask;

const LESSON: &str = "# Cells\n\nThe **nucleus** holds the genes of the cell. A membrane surrounds the cell and lets some matter pass.\n\nPlants have a wall of cellulose. Mitochondria release energy from sugar.";

fn input() -> QuizIn {
    QuizIn {
        lesson_title: "Cells".into(),
        lesson_markdown: LESSON.into(),
        count: 4,
        objectives: vec![Objective { key: "cells".into(), text: "Name the parts of a cell".into() }],
        ..QuizIn::default()
    }
}

fn option(text: &str, is_correct: bool) -> OptionOut {
    OptionOut { text: text.into(), is_correct, why: String::new() }
}

fn question(kind: QuestionType, quote: &str, text: &str, options: Vec<OptionOut>) -> QuestionOut {
    QuestionOut {
        source_quote: quote.into(),
        question_type: kind,
        text: text.into(),
        options,
        explanation: "See the text.".into(),
        objective_key: "cells".into(),
        difficulty: Difficulty::Easy,
    }
}

fn good() -> QuizOut {
    QuizOut {
        title: "Cells".into(),
        description: "The parts of a cell.".into(),
        questions: vec![
            question(
                QuestionType::SingleChoice,
                "The nucleus holds the genes of the cell.",
                "Where are the genes kept?",
                vec![option("In the nucleus", true), option("In the wall", false), option("In the sugar", false)],
            ),
            question(
                QuestionType::MultipleChoice,
                "A membrane surrounds the cell and lets some matter pass.",
                "What does a membrane do?",
                vec![
                    option("It surrounds", true),
                    option("It lets matter pass", true),
                    option("It makes sugar", false),
                ],
            ),
            question(
                QuestionType::TrueFalse,
                "Plants have a wall of cellulose.",
                "Animals have walls of cellulose.",
                vec![option("True", false), option("False", true)],
            ),
            question(
                QuestionType::ShortText,
                "Mitochondria release energy from sugar.",
                "What releases energy?",
                vec![option("Mitochondria", true)],
            ),
        ],
    }
}

#[test]
fn q3_l6_each_quiz_rule_has_its_code() {
    each_change_gives_its_code::<QuizTask>(
        &input(),
        &good(),
        &[
            ("question_count", |q| {
                q.questions.pop();
            }),
            ("source_quote_unverified", |q| {
                q.questions[0].source_quote = "The nucleus keeps the genes of the cell.".into()
            }),
            ("source_quote_unverified", |q| q.questions[0].source_quote = "nucleus".into()),
            ("too_short", |q| q.questions[0].source_quote = "nucleus".into()),
            ("too_short", |q| q.questions[0].text = "What?".into()),
            ("too_long", |q| q.questions[0].options[0].text = "x".repeat(201)),
            ("objective_unknown", |q| q.questions[0].objective_key = "other".into()),
            ("objective_unknown", |q| q.questions[0].objective_key = String::new()),
            ("option_count", |q| {
                q.questions[0].options.pop();
            }),
            ("option_count", |q| q.questions[0].options.extend((0..4).map(|n| option(&format!("More {n}"), false)))),
            ("option_count", |q| q.questions[2].options.push(option("Perhaps", false))),
            ("option_count", |q| q.questions[3].options.clear()),
            ("option_duplicate", |q| q.questions[0].options[1].text = "in the NUCLEUS.".into()),
            ("correct_count", |q| q.questions[0].options[1].is_correct = true),
            ("correct_count", |q| q.questions[0].options[0].is_correct = false),
            ("correct_count", |q| q.questions[1].options[2].is_correct = true),
            ("correct_count", |q| q.questions[1].options.iter_mut().for_each(|o| o.is_correct = false)),
            ("correct_count", |q| q.questions[2].options[0].is_correct = true),
            ("correct_count", |q| q.questions[3].options[0].is_correct = false),
            ("option_refers_to_others", |q| q.questions[0].options[2].text = "None of the above".into()),
            ("option_refers_to_others", |q| {
                q.questions[0].options[2].text = "Alle der genannten".replace("Alle der", "Keine der")
            }),
            ("correct_in_stem", |q| q.questions[0].text = "Are the genes in the nucleus or not?".into()),
            ("stem_duplicate", |q| q.questions[1].text = "Where are the genes kept".into()),
            ("longest_is_correct", |q| {
                q.questions[0].options[0].text = "In the nucleus, which a double membrane surrounds".into();
                q.questions[1].options[0].text = "It surrounds all that is in the cell and holds it".into();
            }),
            ("unknown_url", |q| q.questions[0].explanation = "See https://invented.dev".into()),
            ("control_character", |q| q.questions[0].options[0].why = "a\u{7}".into()),
        ],
    );
}

#[test]
fn a_type_that_was_not_asked_for_is_a_fault() {
    let given =
        QuizIn { types: vec![QuestionType::SingleChoice, QuestionType::TrueFalse, QuestionType::ShortText], ..input() };
    assert_eq!(codes(&QuizTask::check(&given, &good())), vec!["question_type_not_allowed"]);
}

#[test]
fn one_telling_item_of_two_is_let_pass() {
    let mut out = good();
    out.questions[0].options[0].text = "In the nucleus, which a double membrane surrounds".into();
    assert!(QuizTask::check(&input(), &out).is_empty());
}

#[test]
fn a_quote_may_carry_the_markup_of_the_lesson() {
    let mut out = good();
    out.questions[0].source_quote = "The **nucleus** holds  the genes of the cell.".into();
    assert!(QuizTask::check(&input(), &out).is_empty());
}

#[test]
fn shuffling_is_stable_and_keeps_what_is_right() {
    let quiz = good();
    let once = shuffle_options(&quiz, 7);
    assert_eq!(once, shuffle_options(&quiz, 7));
    assert_eq!(once, shuffle_options(&once, 7));
    // Pinned: a seed that is stored must give the same order for ever.
    let texts: Vec<&str> = once.questions[0].options.iter().map(|o| o.text.as_str()).collect();
    assert_eq!(texts, PINNED);
    assert!((0..20).any(|seed| shuffle_options(&quiz, seed).questions[0].options[0].text != "In the nucleus"));
    assert_eq!(once.questions[2], quiz.questions[2]);
    for (a, b) in quiz.questions.iter().zip(&once.questions) {
        let right = |q: &QuestionOut| {
            q.options.iter().filter(|o| o.is_correct).map(|o| o.text.clone()).collect::<std::collections::BTreeSet<_>>()
        };
        assert_eq!(right(a), right(b));
    }
}

const PINNED: [&str; 3] = ["In the nucleus", "In the sugar", "In the wall"];
