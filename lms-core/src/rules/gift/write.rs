//! Questions to GIFT.

use num_bigint::BigInt;
use num_rational::BigRational;
use serde::{Deserialize, Serialize};

use super::{GiftLoss, GiftNote};
use crate::lms::NewQuestion;
use crate::model::UNITS_PER_POINT;
use crate::model::question::{ChoiceMode, Labelled, NumericKey, QuestionBody, TextKey};
use crate::rules::grading::numeric_bounds;

/// A question bank as GIFT text, and what GIFT cannot say of it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct GiftText {
    /// The text.
    pub text: String,
    /// What did not come over, by line of the text.
    pub notes: Vec<GiftNote>,
}

/// The questions as GIFT: one block each, in order, under a `// points:` where it is not worth one point.
///
/// A question without a form in GIFT (`fill_blanks`, `ordering`, a key of regular expressions alone)
/// leaves a comment that says so. What GIFT has no place for is a note; the fully right answer of a
/// question that is written is always right in GIFT, too. White space at the ends of a text is not kept.
pub fn gift_text(questions: &[NewQuestion]) -> GiftText {
    let mut out = Writer { gift: GiftText::default(), line: 1 };
    for (n, question) in questions.iter().enumerate() {
        if n > 0 {
            out.push("\n");
        }
        out.question(n, question);
    }
    out.gift
}

struct Writer {
    gift: GiftText,
    line: usize,
}

/// The parts of one question's answer block, and what could not be said in it.
#[derive(Default)]
struct Answer {
    inline: String,
    items: Vec<String>,
    lost: Vec<(GiftLoss, &'static str)>,
}

fn trimmed(text: &str) -> &str {
    text.trim_matches(|c: char| c.is_ascii_whitespace())
}

/// A text with everything escaped that GIFT would read.
fn escaped(text: &str) -> String {
    let text = trimmed(text);
    let mut out = String::with_capacity(text.len() + 8);
    // The name of a format in front would be read as one.
    if ["[html]", "[moodle]", "[plain]", "[markdown]"].iter().any(|format| text.starts_with(format)) {
        out.push_str("[plain]");
    }
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\\' | ':' | '#' | '=' | '{' | '}' | '~' => out.extend(['\\', c]),
            '\n' => out.push_str("\\n"),
            '\r' => {
                if chars.peek() != Some(&'\n') {
                    out.push_str("\\n");
                }
            }
            c => out.push(c),
        }
    }
    out
}

/// An answer with its mark; a text that would be read as a weight gets the weight that it has.
fn item(mark: char, weight: &str, plain: &str, text: &str) -> String {
    let weight = if weight.is_empty() && text.starts_with('%') { plain } else { weight };
    format!("{mark}{weight}{text}")
}

fn with_why(mut item: String, why: Option<&String>) -> String {
    if let Some(why) = why.map(|why| escaped(why)).filter(|why| !why.is_empty()) {
        item.push('#');
        item.push_str(&why);
    }
    item
}

/// The share of one right option of so many, as GIFT writes it: "100", "33.33333".
fn share(right: usize) -> String {
    let units = 10_000_000 / right.max(1);
    let text = format!("{}.{:05}", units / 100_000, units % 100_000);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// An exact decimal, without an exponent.
fn decimal(mut number: BigRational) -> Option<String> {
    let mut decimals = 0_usize;
    while !number.is_integer() {
        // 400 digits and an exponent of 400, twice: more cannot be.
        if decimals > 2_000 {
            return None;
        }
        number *= BigInt::from(10);
        decimals += 1;
    }
    let digits = number.to_integer().magnitude().to_string();
    let sign = if number < BigRational::from_integer(BigInt::from(0)) { "-" } else { "" };
    if decimals == 0 {
        return Some(format!("{sign}{digits}"));
    }
    let digits = format!("{digits:0>width$}", width = decimals + 1);
    let (whole, part) = digits.split_at_checked(digits.len() - decimals)?;
    Some(format!("{sign}{whole}.{part}"))
}

/// Whether a number is written as every reader of GIFT takes it.
fn plain_number(text: &str) -> bool {
    let digits = |t: &str| !t.is_empty() && t.bytes().all(|b| b.is_ascii_digit());
    let text = text.strip_prefix('-').unwrap_or(text);
    match text.split_once('.') {
        Some((whole, part)) => digits(whole) && digits(part),
        None => digits(text),
    }
}

fn numeric_key(key: &NumericKey) -> Option<String> {
    match key {
        NumericKey::Value { value, tolerance } if plain_number(value) && plain_number(tolerance) => {
            Some(if tolerance == "0" { value.clone() } else { format!("{value}:{tolerance}") })
        }
        NumericKey::Range { low, high } if plain_number(low) && plain_number(high) => Some(format!("{low}..{high}")),
        // A percent, an exponent: the same bounds in plain digits, as far as they can be read back.
        key => {
            let (low, high) = numeric_bounds(key)?;
            let (low, high) = (decimal(low)?, decimal(high)?);
            (low.len() <= 400 && high.len() <= 400).then(|| format!("{low}..{high}"))
        }
    }
}

/// What a short text may be, as GIFT says it; a regular expression it cannot say.
fn text_key(key: &TextKey) -> Option<String> {
    match key {
        TextKey::Exact { text, .. } => Some(escaped(&text.replace('*', "\\*"))),
        TextKey::Wildcard { pattern } => Some(escaped(pattern)),
        TextKey::Regex { .. } => None,
    }
}

const ARROW: &str = "->";

/// The answer block of a question, or why there is none.
fn answer(body: &QuestionBody) -> Result<Answer, (GiftLoss, &'static str)> {
    let mut out = Answer::default();
    match body {
        QuestionBody::SingleChoice { options, correct, why } => {
            for option in options {
                let (mark, plain) = if option.id == *correct { ('=', "%100%") } else { ('~', "%0%") };
                out.items.push(with_why(item(mark, "", plain, &escaped(&option.text)), why.get(&option.id)));
            }
        }
        QuestionBody::TrueFalse { correct } => out.inline = if *correct { "TRUE" } else { "FALSE" }.to_owned(),
        QuestionBody::MultipleChoice { options, correct, mode, why } => {
            if *mode != ChoiceMode::NetCorrect {
                out.lost.push((GiftLoss::Credit, "in GIFT a wrong pick takes off what a right one gives"));
            }
            let share = share(correct.len());
            for option in options {
                let sign = if correct.contains(&option.id) { "" } else { "-" };
                let text = item('~', &format!("%{sign}{share}%"), "", &escaped(&option.text));
                out.items.push(with_why(text, why.get(&option.id)));
            }
        }
        QuestionBody::Numeric { keys, decimal_comma } => {
            if *decimal_comma {
                out.lost.push((GiftLoss::Side, "GIFT does not say that `,` is the decimal mark, too"));
            }
            let written: Vec<_> = keys.iter().filter_map(numeric_key).collect();
            if written.len() < keys.len() {
                return Err((GiftLoss::Key, "its key has too many digits for GIFT"));
            }
            match written.as_slice() {
                [one] => out.inline = format!("#{one}"),
                _ => {
                    out.inline = "#".to_owned();
                    out.items = written.into_iter().map(|key| format!("={key}")).collect();
                }
            }
        }
        QuestionBody::ShortText { keys, case_sensitive } => {
            if *case_sensitive {
                out.lost.push((GiftLoss::Side, "GIFT does not say that case counts"));
            }
            if keys.iter().any(|key| matches!(key, TextKey::Exact { edits: 1.., .. })) {
                out.lost.push((GiftLoss::Key, "GIFT does not allow for typing errors"));
            }
            let said: Vec<_> = keys.iter().filter_map(text_key).filter(|key| !key.contains(ARROW)).collect();
            if said.is_empty() {
                return Err((GiftLoss::Key, "GIFT has no regular expressions, and no `->` in a short text"));
            }
            if said.len() < keys.len() {
                out.lost.push((GiftLoss::Key, "GIFT has no regular expressions, and no `->` in a short text"));
            }
            out.items = said.iter().map(|key| item('=', "", "%100%", key)).collect();
        }
        QuestionBody::Matching { stems, choices, correct } => {
            if stems.iter().any(|stem| stem.text.contains(ARROW)) {
                return Err((GiftLoss::Key, "in GIFT the left side of a pair cannot hold `->`"));
            }
            let choice = |id: &String| choices.iter().find(|choice| choice.id == *id);
            for stem in stems {
                let right = correct.get(&stem.id).and_then(choice).map_or("", |choice| choice.text.as_str());
                out.items.push(item('=', "", "%100%", &pair(&stem.text, right)));
            }
            for extra in choices.iter().filter(|choice| !correct.values().any(|id| *id == choice.id)) {
                out.items.push(pair_without_stem(extra));
            }
        }
        QuestionBody::Essay { rubric, staff_notes } => {
            if rubric.is_some() || !staff_notes.is_empty() {
                out.lost.push((GiftLoss::Side, "GIFT has no place for a rubric or for notes to staff"));
            }
        }
        QuestionBody::FillBlanks { .. } => return Err((GiftLoss::Type, "GIFT has no questions with several blanks")),
        QuestionBody::Ordering { .. } => return Err((GiftLoss::Type, "GIFT has no questions of order")),
    }
    Ok(out)
}

fn pair(stem: &str, choice: &str) -> String {
    format!("{} -> {}", escaped(stem), escaped(choice))
}

fn pair_without_stem(choice: &Labelled) -> String {
    format!("= -> {}", escaped(&choice.text))
}

impl Writer {
    fn push(&mut self, text: &str) {
        self.line += text.bytes().filter(|b| *b == b'\n').count();
        self.gift.text.push_str(text);
    }

    fn note(&mut self, line: usize, left_out: bool, loss: GiftLoss, message: &str) {
        self.gift.notes.push(GiftNote { line, left_out, loss, message: message.to_owned() });
    }

    fn question(&mut self, n: usize, question: &NewQuestion) {
        let mut block = match answer(&question.body) {
            Ok(block) => block,
            Err((loss, message)) => {
                self.note(self.line, true, loss, message);
                let kind = question.body.question_type();
                self.push(&format!("// left out: question {} ({kind}): {message}\n", n + 1));
                return;
            }
        };
        let side = question.negative_points.is_some_and(|p| p.units() > 0)
            || question.source_quote.is_some()
            || !question.objectives.is_empty();
        if side {
            let message = "GIFT has no place for points off, the source or objectives";
            block.lost.push((GiftLoss::Side, message));
        }
        if question.points.units() != UNITS_PER_POINT {
            self.push(&format!("// points: {}\n", question.points));
        }
        let line = self.line;
        for (loss, message) in &block.lost {
            self.note(line, false, *loss, message);
        }
        let stem = escaped(&question.text);
        // What would be read as a comment or a category is said to be text first.
        if stem.starts_with("//") || stem.starts_with(['$', '\u{feff}']) {
            self.push("[plain]");
        }
        self.push(&stem);
        self.push(" {");
        self.push(&block.inline);
        for item in &block.items {
            self.push("\n\t");
            self.push(item);
        }
        let explanation = escaped(&question.explanation);
        if !explanation.is_empty() {
            self.push("\n\t####");
            self.push(&explanation);
        }
        self.push(if block.items.is_empty() && explanation.is_empty() { "}\n" } else { "\n}\n" });
    }
}
