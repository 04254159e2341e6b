//! Answers looked up in the text of the lesson.

use super::phrases::phrases;
use crate::task::{QuestionType, SolveAnswer, SolveIn, SolveOut, SolveQuestion};
use crate::text::{fold, markdown_to_text, normalise_answer, sentences, tokens};

/// A gap is filled with what stands there in the lesson; a statement is true where the lesson makes it; of
/// anything else the option is chosen whose words stand together with those of the question.
pub(super) fn solve(input: &SolveIn) -> SolveOut {
    let plain = markdown_to_text(&input.lesson_markdown);
    let lines: Vec<String> = sentences(&plain).into_iter().filter_map(|r| plain.get(r)).map(folded).collect();
    let answers = input.questions.iter().map(|question| answer(question, &lines, &input.language)).collect();
    SolveOut { answers }
}

fn folded(text: &str) -> String {
    fold(text).as_str().trim().to_lowercase()
}

fn answer(question: &SolveQuestion, lines: &[String], language: &str) -> SolveAnswer {
    let stem = folded(&question.text);
    // What is asked about stands after the prompt's own question mark.
    let said = stem.split_once("? ").map_or(stem.as_str(), |(_, said)| said);
    let fillers = lines.iter().find_map(|line| fillers(said, line));
    let mut out = SolveAnswer { number: question.number, chosen: Vec::new(), text: String::new() };
    match question.question_type {
        QuestionType::ShortText => {
            let words = fillers.map(|f| f.join(", ")).unwrap_or_default();
            out.text = if words.is_empty() { likely_word(said, lines) } else { words };
        }
        QuestionType::TrueFalse => {
            let p = phrases(language);
            let wanted = if lines.iter().any(|line| line.contains(said)) { p.yes } else { p.no };
            let at = question.options.iter().position(|o| normalise_answer(o) == normalise_answer(wanted));
            let fallback = usize::from(wanted == p.no);
            out.chosen = vec![number(at.unwrap_or(fallback.min(question.options.len().saturating_sub(1))))];
        }
        QuestionType::SingleChoice | QuestionType::MultipleChoice => {
            let wanted: Vec<String> = fillers.unwrap_or_default().iter().map(|f| normalise_answer(f)).collect();
            let of = |(_, option): &(usize, &String)| wanted.contains(&normalise_answer(option));
            out.chosen = question.options.iter().enumerate().filter(of).map(|(n, _)| number(n)).collect();
            let single = question.question_type == QuestionType::SingleChoice;
            if out.chosen.is_empty() || (single && out.chosen.len() > 1) {
                out.chosen = vec![number(likely(said, &question.options, lines))];
            }
        }
    }
    out
}

fn number(place: usize) -> i64 {
    i64::try_from(place).unwrap_or(i64::MAX).saturating_add(1)
}

/// What stands in the gaps of a sentence, where the line is that sentence.
fn fillers(said: &str, line: &str) -> Option<Vec<String>> {
    let mut pieces = said.split("____");
    let mut rest = line.strip_prefix(pieces.next()?)?;
    let mut found = Vec::new();
    for piece in pieces {
        let at = if piece.is_empty() { rest.len() } else { rest.find(piece)? };
        found.push(rest.get(..at)?.to_owned());
        rest = rest.get(at + piece.len()..)?;
    }
    (!found.is_empty() && rest.is_empty()).then_some(found)
}

/// The option whose words share a sentence with most words of the question.
fn likely(said: &str, options: &[String], lines: &[String]) -> usize {
    let asked = tokens(said);
    let score = |option: &String| {
        let own = tokens(option);
        lines
            .iter()
            .map(|line| tokens(line))
            .filter(|line| !own.is_empty() && line.windows(own.len()).any(|w| w == own))
            .map(|line| asked.iter().filter(|word| line.contains(word)).count() + 1)
            .max()
            .unwrap_or(0)
    };
    let best = options.iter().enumerate().rev().max_by_key(|(_, option)| score(option));
    best.map_or(0, |(n, _)| n)
}

/// A word of the sentence that speaks most of what is asked, and is not in the question.
fn likely_word(said: &str, lines: &[String]) -> String {
    let asked = tokens(said);
    let line = lines.iter().max_by_key(|line| tokens(line).iter().filter(|word| asked.contains(word)).count());
    let words = line.map(|line| tokens(line)).unwrap_or_default();
    words
        .into_iter()
        .filter(|word| !asked.contains(word))
        .max_by_key(|word| word.chars().count())
        .unwrap_or_else(|| "?".to_owned())
}
