//! GIFT to questions.

use std::collections::BTreeMap;

use super::{GIFT_BYTES, GIFT_QUESTIONS, GiftBank, GiftLoss, GiftNote, GiftQuestion};
use crate::error::Error;
use crate::lms::NewQuestion;
use crate::model::question::{ChoiceMode, Labelled, NumericKey, QuestionBody, TextKey};
use crate::model::{Points, QuestionId, QuizId, Timestamp};
use crate::rules::grading::normalised;

/// A character, and whether it was escaped: then it is text, whatever it is.
type Token = (char, bool);

/// A question that cannot be read, or not as it is meant.
type Left = (GiftLoss, String);

fn left<T>(loss: GiftLoss, message: impl Into<String>) -> Result<T, Left> {
    Err((loss, message.into()))
}

/// Where an unescaped character stands.
fn find(tokens: &[Token], c: char) -> Option<usize> {
    tokens.iter().position(|token| *token == (c, false))
}

/// Where an unescaped run of characters stands.
fn find_run(tokens: &[Token], run: &[char]) -> Option<usize> {
    tokens.windows(run.len()).position(|window| window.iter().zip(run).all(|(token, c)| *token == (*c, false)))
}

fn trim(mut tokens: &[Token]) -> &[Token] {
    let blank = |token: &Token| !token.1 && token.0.is_ascii_whitespace();
    while let [first, rest @ ..] = tokens
        && blank(first)
    {
        tokens = rest;
    }
    while let [rest @ .., last] = tokens
        && blank(last)
    {
        tokens = rest;
    }
    tokens
}

fn before(tokens: &[Token], at: usize) -> &[Token] {
    tokens.get(..at.min(tokens.len())).unwrap_or_default()
}

fn after(tokens: &[Token], at: usize) -> &[Token] {
    tokens.get(at..).unwrap_or_default()
}

/// Text with its escapes resolved. White space at its ends is not kept.
fn text(tokens: &[Token]) -> String {
    trim(tokens).iter().map(|(c, _)| *c).collect::<String>().trim_matches(|c: char| c.is_ascii_whitespace()).to_owned()
}

fn tokens(block: &str) -> Vec<Token> {
    let mut tokens = Vec::with_capacity(block.len());
    let mut chars = block.chars().peekable();
    while let Some(c) = chars.next() {
        let escaped = if c == '\\' { chars.peek().copied() } else { None };
        match escaped {
            Some(next @ ('\\' | ':' | '#' | '=' | '{' | '}' | '~')) => tokens.push((next, true)),
            Some('n') => tokens.push(('\n', true)),
            _ => {
                tokens.push((c, false));
                continue;
            }
        }
        chars.next();
    }
    tokens
}

/// The lines of a text with their numbers, whatever ends them.
fn lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    // A lone carriage return ends a line, too; the one before a line feed leaves an end of line behind.
    text.split('\n')
        .enumerate()
        .flat_map(|(n, line)| line.strip_suffix('\r').unwrap_or(line).split('\r').map(move |part| (n + 1, part)))
}

impl GiftBank {
    /// Reads a GIFT text. Questions stand apart by blank lines; a `// points: 2.5` above one says what
    /// it is worth, else it is worth one point.
    ///
    /// What cannot be read, or not as it is meant, is a note with its line, and the other questions
    /// come over. Options and stems are numbered from 1 in the order of the text, choices in the order of the
    /// alphabet: theirs is the key.
    ///
    /// # Errors
    /// Invalid: `gift.size` above 4 MiB, `gift.too_many` above 5,000 questions.
    pub fn read(text: &str) -> Result<Self, Error> {
        if text.len() > GIFT_BYTES {
            return Err(Error::invalid("gift.size", "text", "must have at most 4 MiB"));
        }
        let mut reader = Reader::default();
        for (number, line) in lines(text) {
            let trimmed = line.trim_matches(|c: char| c.is_ascii_whitespace());
            if let Some(comment) = trimmed.strip_prefix("//") {
                reader.comment(comment);
            } else if trimmed.is_empty() {
                reader.end()?;
            } else if let Some(category) = trimmed.strip_prefix("$CATEGORY:").filter(|_| reader.block.is_empty()) {
                reader.category = Some(category.trim().to_owned());
            } else {
                if reader.block.is_empty() {
                    reader.line = number;
                } else {
                    reader.block.push('\n');
                }
                reader.block.push_str(line);
            }
        }
        reader.end()?;
        Ok(reader.bank)
    }
}

#[derive(Default)]
struct Reader {
    bank: GiftBank,
    category: Option<String>,
    points: Option<Points>,
    block: String,
    line: usize,
    blocks: usize,
}

impl Reader {
    fn comment(&mut self, comment: &str) {
        let Some(points) = comment.trim().strip_prefix("points:") else { return };
        self.points = points.trim().parse().ok().or(self.points);
    }

    fn end(&mut self) -> Result<(), Error> {
        if self.block.is_empty() {
            return Ok(());
        }
        let block = std::mem::take(&mut self.block);
        let points = self.points.take();
        self.blocks += 1;
        if self.blocks > GIFT_QUESTIONS {
            let message = format!("must hold at most {GIFT_QUESTIONS} questions");
            return Err(Error::invalid("gift.too_many", "text", message));
        }
        let mut found = Found::default();
        match question(&tokens(&block), &mut found) {
            Ok((title, mut question)) => {
                question.points = points.unwrap_or(question.points);
                match problem(&question) {
                    None => {
                        let category = self.category.clone();
                        self.bank.questions.push(GiftQuestion { line: self.line, category, title, question });
                    }
                    Some(message) => found.left_out = Some((GiftLoss::Invalid, message)),
                }
            }
            Err(reason) => found.left_out = Some(reason),
        }
        // What was lost of a question that is left out anyway says nothing more.
        if let Some((loss, message)) = found.left_out {
            self.bank.notes.push(GiftNote { line: self.line, left_out: true, loss, message });
        } else {
            for (loss, message) in found.lost {
                self.bank.notes.push(GiftNote { line: self.line, left_out: false, loss, message: message.to_owned() });
            }
        }
        Ok(())
    }
}

/// What authoring would refuse (Q3).
pub(super) fn problem(question: &NewQuestion) -> Option<String> {
    let nobody = (QuestionId::from_uuid(uuid::Uuid::nil()), QuizId::from_uuid(uuid::Uuid::nil()));
    let epoch = Timestamp::from_micros(0)?;
    let row = question.clone().into_question(nobody.0, nobody.1, 0, None, epoch);
    row.check().into_iter().next().map(|p| format!("{}: {}", p.field, p.message))
}

/// What did not come over of the question at hand, once per kind.
#[derive(Default)]
struct Found {
    lost: BTreeMap<GiftLoss, &'static str>,
    left_out: Option<Left>,
}

impl Found {
    fn lose(&mut self, loss: GiftLoss, message: &'static str) {
        self.lost.entry(loss).or_insert(message);
    }

    /// A text without the format that it says it has.
    fn formatted(&mut self, tokens: &[Token]) -> String {
        let tokens = trim(tokens);
        for format in ["[html]", "[moodle]", "[plain]", "[markdown]"] {
            let name: Vec<char> = format.chars().collect();
            if find_run(before(tokens, name.len()), &name) == Some(0) {
                if format == "[html]" {
                    self.lose(GiftLoss::Format, "the text is HTML and was taken over as it is written");
                }
                return text(after(tokens, name.len()));
            }
        }
        text(tokens)
    }
}

fn question(all: &[Token], found: &mut Found) -> Result<(Option<String>, NewQuestion), Left> {
    let mut rest = trim(all);
    let mut title = None;
    if find_run(before(rest, 2), &[':', ':']) == Some(0) {
        let body = after(rest, 2);
        if let Some(end) = find_run(body, &[':', ':']) {
            title = Some(text(before(body, end)));
            rest = after(body, end + 2);
        }
    }
    let Some(open) = find(rest, '{') else {
        return left(GiftLoss::Type, "there is no answer in braces: a text between questions is no question");
    };
    let inside = after(rest, open + 1);
    let Some(close) = find(inside, '}') else {
        return left(GiftLoss::Syntax, "the brace of the answer is not closed before the next blank line");
    };
    let tail = after(inside, close + 1);
    if find(tail, '{').is_some() {
        return left(GiftLoss::Type, "it has more than one answer in braces");
    }
    let mut stem = found.formatted(before(rest, open));
    let tail = text(tail);
    if !tail.is_empty() {
        stem = if stem.is_empty() { format!("_____ {tail}") } else { format!("{stem} _____ {tail}") };
    }
    let mut answer = trim(before(inside, close));
    let mut explanation = String::new();
    // The last one: an empty feedback may stand right before it.
    if let Some(at) = answer.windows(4).rposition(|window| window.iter().all(|token| *token == ('#', false))) {
        explanation = found.formatted(after(answer, at + 4));
        answer = trim(before(answer, at));
    }
    let body = body(answer, found)?;
    Ok((title, NewQuestion { explanation, ..NewQuestion::new(stem, body) }))
}

fn body(answer: &[Token], found: &mut Found) -> Result<QuestionBody, Left> {
    match answer.first() {
        None => return Ok(QuestionBody::Essay { rubric: None, staff_notes: String::new() }),
        Some(('#', false)) => return numeric(after(answer, 1), found),
        Some(_) => {}
    }
    if find(answer, '~').is_some() {
        return choice(&items(answer)?, found);
    }
    let word = text(find(answer, '#').map_or(answer, |at| before(answer, at))).to_ascii_uppercase();
    if let "T" | "TRUE" | "F" | "FALSE" = word.as_str() {
        if find(answer, '#').is_some() {
            found.lose(GiftLoss::Feedback, "feedback on an answer of this type has no place here");
        }
        return Ok(QuestionBody::TrueFalse { correct: word.starts_with('T') });
    }
    let items = items(answer)?;
    let pairs = items.iter().any(|item| find_run(item.text, &['-', '>']).is_some());
    if pairs { matching(&items, found) } else { short_text(&items, found) }
}

/// One `=answer` or `~answer`.
struct Item<'a> {
    right: bool,
    /// Hundred-thousandths of a percent, where one is stated.
    weight: Option<i64>,
    text: &'a [Token],
    feedback: &'a [Token],
}

/// `%50%` or `%-33.33333%` before an answer.
fn weight(tokens: &[Token]) -> Option<(i64, &[Token])> {
    let [('%', false), rest @ ..] = tokens else { return None };
    let end = find(before(rest, 14), '%')?;
    let mut number: String = before(rest, end).iter().map(|(c, _)| *c).collect();
    // A percent is written as points are; more than five decimals of it say nothing.
    if let Some((whole, part)) = number.split_once('.') {
        number = format!("{whole}.{}", part.get(..5).unwrap_or(part));
    }
    let points: Points = number.parse().ok()?;
    (points.units().abs() <= 10_000_000).then(|| (points.units(), after(rest, end + 1)))
}

fn items(answer: &[Token]) -> Result<Vec<Item<'_>>, Left> {
    let marks: Vec<usize> =
        answer.iter().enumerate().filter(|(_, t)| matches!(t, ('=' | '~', false))).map(|(n, _)| n).collect();
    if marks.first() != Some(&0) {
        return left(GiftLoss::Syntax, "an answer begins with `=` or `~`");
    }
    let ends = marks.iter().skip(1).copied().chain([answer.len()]);
    let mut items = Vec::with_capacity(marks.len());
    for (start, end) in marks.iter().copied().zip(ends) {
        let right = answer.get(start).is_some_and(|(c, _)| *c == '=');
        let item = trim(answer.get(start + 1..end).unwrap_or_default());
        let (weight, item) = weight(item).map_or((None, item), |(weight, rest)| (Some(weight), trim(rest)));
        let (text, feedback) = match find(item, '#') {
            Some(at) => (before(item, at), after(item, at + 1)),
            None => (item, &[][..]),
        };
        items.push(Item { right, weight, text, feedback });
    }
    Ok(items)
}

const FULL: i64 = 10_000_000;

fn choice(items: &[Item<'_>], found: &mut Found) -> Result<QuestionBody, Left> {
    let mut options = Vec::with_capacity(items.len());
    let mut why = BTreeMap::new();
    for (n, item) in items.iter().enumerate() {
        let id = (n + 1).to_string();
        let feedback = found.formatted(item.feedback);
        if !feedback.is_empty() {
            why.insert(id.clone(), feedback);
        }
        options.push(Labelled::new(id, found.formatted(item.text)));
    }
    let ids = |wanted: &dyn Fn(&Item<'_>) -> bool| -> Vec<String> {
        items.iter().zip(&options).filter(|(item, _)| wanted(item)).map(|(_, option)| option.id.clone()).collect()
    };
    if items.iter().any(|item| item.right) {
        let partly = |item: &Item<'_>| item.weight.is_some_and(|w| w != if item.right { FULL } else { 0 });
        if items.iter().any(partly) {
            found.lose(GiftLoss::Credit, "one option is right here and the others give nothing");
        }
        let mut right = ids(&|item| item.right && item.weight.unwrap_or(FULL) == FULL);
        let (Some(correct), true) = (right.pop(), right.is_empty()) else {
            return left(GiftLoss::Key, "exactly one option is right where one is picked");
        };
        return Ok(QuestionBody::SingleChoice { options, correct, why });
    }
    let correct = ids(&|item| item.weight.is_some_and(|w| w > 0));
    if correct.is_empty() {
        return left(GiftLoss::Key, "no option is right");
    }
    // Right less wrong picks, of the right options: each is worth the same share, up or down.
    let share = FULL / i64::try_from(correct.len()).unwrap_or(i64::MAX);
    let near = |w: i64, to: i64| w.abs_diff(to) <= 1_000;
    let net = items.iter().all(|item| {
        let w = item.weight.unwrap_or(0);
        if w > 0 { near(w, share) } else { near(w, -share) }
    });
    if !net {
        found.lose(GiftLoss::Credit, "a wrong pick takes off here what a right one gives");
    }
    Ok(QuestionBody::MultipleChoice { options, correct, mode: ChoiceMode::NetCorrect, why })
}

/// Which answers count in full; the others have no place.
fn full<'a, 'b>(items: &'b [Item<'a>], found: &mut Found) -> Result<Vec<&'b Item<'a>>, Left> {
    if items.iter().any(|item| !item.feedback.is_empty()) {
        found.lose(GiftLoss::Feedback, "feedback on an answer of this type has no place here");
    }
    let full: Vec<_> = items.iter().filter(|item| item.weight.unwrap_or(FULL) == FULL).collect();
    if full.len() < items.len() {
        found.lose(GiftLoss::Credit, "an answer that is partly right has no place here");
    }
    if full.is_empty() { left(GiftLoss::Key, "no answer is right in full") } else { Ok(full) }
}

fn short_text(items: &[Item<'_>], found: &mut Found) -> Result<QuestionBody, Left> {
    let mut keys = Vec::new();
    for item in full(items, found)? {
        keys.push(text_key(found.formatted(item.text)));
    }
    Ok(QuestionBody::ShortText { keys, case_sensitive: false })
}

/// `*` is any text and `\*` a star; without the former it is a text like any other.
fn text_key(pattern: String) -> TextKey {
    let mut exact = String::with_capacity(pattern.len());
    let mut chars = pattern.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '*' => return TextKey::Wildcard { pattern },
            '\\' if chars.peek() == Some(&'*') => {
                chars.next();
                exact.push('*');
            }
            c => exact.push(c),
        }
    }
    TextKey::Exact { text: exact, edits: 0 }
}

fn matching(items: &[Item<'_>], found: &mut Found) -> Result<QuestionBody, Left> {
    let mut pairs = Vec::with_capacity(items.len());
    let mut known = BTreeMap::new();
    for item in items {
        if item.weight.is_some_and(|weight| weight != FULL) {
            found.lose(GiftLoss::Credit, "every pair is worth the same here");
        }
        if !item.feedback.is_empty() {
            found.lose(GiftLoss::Feedback, "feedback on an answer of this type has no place here");
        }
        let Some(arrow) = find_run(item.text, &['-', '>']) else {
            return left(GiftLoss::Syntax, "a pair is written `=left -> right`");
        };
        let (stem, choice) = (found.formatted(before(item.text, arrow)), found.formatted(after(item.text, arrow + 2)));
        let same = normalised(&choice, false);
        known.entry(same.clone()).or_insert(choice);
        pairs.push((stem, same));
    }
    // Their ids and their order say no more than their texts do.
    let mut ids = BTreeMap::new();
    let mut choices = Vec::with_capacity(known.len());
    for (n, (same, text)) in known.into_iter().enumerate() {
        let id = (n + 1).to_string();
        choices.push(Labelled::new(id.clone(), text));
        ids.insert(same, id);
    }
    let (mut stems, mut correct) = (Vec::new(), BTreeMap::new());
    for (stem, same) in pairs {
        // A choice without a stem is one more to choose from.
        if !stem.is_empty()
            && let Some(choice) = ids.get(&same)
        {
            let stem = Labelled::new((stems.len() + 1).to_string(), stem);
            correct.insert(stem.id.clone(), choice.clone());
            stems.push(stem);
        }
    }
    Ok(QuestionBody::Matching { stems, choices, correct })
}

fn numeric(answer: &[Token], found: &mut Found) -> Result<QuestionBody, Left> {
    let answer = trim(answer);
    let key = |tokens: &[Token]| -> NumericKey {
        let colon = find(tokens, ':');
        let dots = find_run(tokens, &['.', '.']);
        match (colon, dots) {
            (_, Some(at)) => NumericKey::Range { low: text(before(tokens, at)), high: text(after(tokens, at + 2)) },
            (Some(at), None) => {
                NumericKey::Value { value: text(before(tokens, at)), tolerance: text(after(tokens, at + 1)) }
            }
            (None, None) => NumericKey::Value { value: text(tokens), tolerance: "0".to_owned() },
        }
    };
    let keys = if find(answer, '=').is_some() {
        full(&items(answer)?, found)?.into_iter().map(|item| key(item.text)).collect()
    } else {
        let tokens = match find(answer, '#') {
            Some(at) => {
                found.lose(GiftLoss::Feedback, "feedback on an answer of this type has no place here");
                before(answer, at)
            }
            None => answer,
        };
        vec![key(tokens)]
    };
    Ok(QuestionBody::Numeric { keys, decimal_comma: false })
}
