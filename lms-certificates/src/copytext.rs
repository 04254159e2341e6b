//! Headline and body: placeholders, and what is left when a value is missing.
//!
//! A clause is the text between commas, semicolons, dashes or parentheses of one sentence. A
//! clause whose placeholder has no value is left out with its separator; a sentence that loses
//! every clause is left out with its full stop. So no blank and no stray comma is ever printed.

use crate::template::TemplateError;

/// What a template may ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Placeholder {
    StudentName,
    CourseTitle,
    CompletedOn,
    Score,
    Hours,
}

impl Placeholder {
    fn named(name: &str) -> Option<Self> {
        Some(match name {
            "student_name" => Self::StudentName,
            "course_title" => Self::CourseTitle,
            "completed_on" => Self::CompletedOn,
            "score" => Self::Score,
            "hours" => Self::Hours,
            _ => return None,
        })
    }
}

/// The values of the placeholders, ready to print; empty means that there is none.
#[derive(Debug, Clone, Default)]
pub(crate) struct Values {
    pub(crate) student_name: String,
    pub(crate) course_title: String,
    pub(crate) completed_on: String,
    pub(crate) score: String,
    pub(crate) hours: String,
}

impl Values {
    fn get(&self, placeholder: Placeholder) -> &str {
        match placeholder {
            Placeholder::StudentName => &self.student_name,
            Placeholder::CourseTitle => &self.course_title,
            Placeholder::CompletedOn => &self.completed_on,
            Placeholder::Score => &self.score,
            Placeholder::Hours => &self.hours,
        }
    }
}

/// A part of the body in reading order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Piece {
    /// Running text.
    Text(String),
    /// The learner's name, to be set large.
    Name,
    /// The course title, to be set large.
    Title,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Token {
    Char(char),
    Field(Placeholder),
}

/// One clause with what stands before it.
#[derive(Debug, Clone, Default)]
struct Clause {
    lead: String,
    tokens: Vec<Token>,
}

/// Checks that every `{{…}}` is closed and known.
pub(crate) fn check(field: &'static str, text: &str) -> Result<(), TemplateError> {
    tokens(field, text).map(|_| ())
}

fn tokens(field: &'static str, text: &str) -> Result<Vec<Token>, TemplateError> {
    let mut out = Vec::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("{{") {
        out.extend(before.chars().map(Token::Char));
        let Some((name, after)) = after.split_once("}}") else {
            return Err(TemplateError::UnclosedPlaceholder { field });
        };
        let name = name.trim();
        let Some(placeholder) = Placeholder::named(name) else {
            let name = name.chars().take(60).collect();
            return Err(TemplateError::UnknownPlaceholder { field, name });
        };
        out.push(Token::Field(placeholder));
        rest = after;
    }
    out.extend(rest.chars().map(Token::Char));
    Ok(out)
}

/// The text on one line, every placeholder replaced by its value.
pub(crate) fn line(field: &'static str, text: &str, values: &Values) -> Result<String, TemplateError> {
    let kept = kept_tokens(field, text, values)?;
    let mut out = String::new();
    for token in kept {
        match token {
            Token::Char(c) => out.push(c),
            Token::Field(placeholder) => out.push_str(values.get(placeholder)),
        }
    }
    Ok(out.trim().to_owned())
}

/// The body in reading order. Name and title appear exactly once as their own piece, wherever the
/// template names them first; one that it does not name is put where a reader expects it.
pub(crate) fn pieces(field: &'static str, text: &str, values: &Values) -> Result<Vec<Piece>, TemplateError> {
    let mut out: Vec<Piece> = Vec::new();
    let mut run = String::new();
    for token in kept_tokens(field, text, values)? {
        let display = match token {
            Token::Field(Placeholder::StudentName) if !out.contains(&Piece::Name) => Piece::Name,
            Token::Field(Placeholder::CourseTitle) if !out.contains(&Piece::Title) => Piece::Title,
            Token::Field(placeholder) => {
                run.push_str(values.get(placeholder));
                continue;
            }
            Token::Char(c) => {
                run.push(c);
                continue;
            }
        };
        push_text(&mut out, &run);
        run.clear();
        out.push(display);
    }
    push_text(&mut out, &run);
    if !out.contains(&Piece::Name) {
        out.insert(0, Piece::Name);
    }
    if !out.contains(&Piece::Title) {
        let name = out.iter().position(|piece| *piece == Piece::Name).unwrap_or(0);
        out.insert(name + 1, Piece::Title);
    }
    Ok(out)
}

/// Adds running text, without the punctuation that clung to a name or title set on its own line.
fn push_text(out: &mut Vec<Piece>, run: &str) {
    let mut text = run.trim();
    if !out.is_empty() {
        text = text.trim_start_matches(|c: char| {
            c.is_whitespace() || matches!(c, ',' | ';' | ':' | '.' | '!' | '?' | '，' | '、' | '。' | '”' | '»' | '"')
        });
    }
    let text = text.trim_end_matches(['“', '«', '„', ' ']);
    if text.chars().any(char::is_alphanumeric) {
        out.push(Piece::Text(text.to_owned()));
    }
}

fn kept_tokens(field: &'static str, text: &str, values: &Values) -> Result<Vec<Token>, TemplateError> {
    let mut out: Vec<Token> = Vec::new();
    for sentence in sentences(tokens(field, text)?) {
        let kept = keep(sentence, values);
        if kept.is_empty() {
            continue;
        }
        if !out.is_empty() {
            out.push(Token::Char(' '));
        }
        out.extend(kept);
    }
    Ok(out)
}

/// Splits at `.`, `!`, `?`, `…` before a space or the end, at their ideographic forms, and at
/// line breaks.
fn sentences(tokens: Vec<Token>) -> Vec<Vec<Token>> {
    let mut out = Vec::new();
    let mut sentence = Vec::new();
    let mut tokens = tokens.into_iter().peekable();
    while let Some(token) = tokens.next() {
        let ends = match token {
            Token::Char('\n' | '\r') => {
                out.push(std::mem::take(&mut sentence));
                continue;
            }
            Token::Char('。' | '！' | '？') => true,
            Token::Char('.' | '!' | '?' | '…') => match tokens.peek() {
                None => true,
                Some(Token::Char(next)) => next.is_whitespace(),
                Some(Token::Field(_)) => false,
            },
            _ => false,
        };
        sentence.push(token);
        if ends {
            out.push(std::mem::take(&mut sentence));
        }
    }
    out.push(sentence);
    out.into_iter().map(trimmed).filter(|sentence| !sentence.is_empty()).collect()
}

fn trimmed(mut tokens: Vec<Token>) -> Vec<Token> {
    let is_space = |token: &Token| matches!(token, Token::Char(c) if c.is_whitespace());
    while tokens.last().is_some_and(is_space) {
        tokens.pop();
    }
    let start = tokens.iter().position(|token| !is_space(token)).unwrap_or(0);
    tokens.split_off(start)
}

fn keep(mut sentence: Vec<Token>, values: &Values) -> Vec<Token> {
    let complete = |tokens: &[Token]| {
        tokens.iter().all(|token| match token {
            Token::Char(_) => true,
            Token::Field(placeholder) => !values.get(*placeholder).is_empty(),
        })
    };
    if complete(&sentence) {
        return sentence;
    }
    let end = match sentence.last() {
        Some(Token::Char(c @ ('.' | '!' | '?' | '…' | '。' | '！' | '？'))) => {
            let c = *c;
            sentence.pop();
            Some(c)
        }
        _ => None,
    };
    let mut out: Vec<Token> = Vec::new();
    let mut dropped_first = false;
    for (index, clause) in clauses(sentence).into_iter().enumerate() {
        if !complete(&clause.tokens) || trimmed(clause.tokens.clone()).is_empty() {
            dropped_first |= index == 0;
            continue;
        }
        if out.is_empty() {
            out = trimmed(clause.tokens);
        } else {
            out.extend(clause.lead.chars().map(Token::Char));
            out.extend(clause.tokens);
        }
    }
    if out.is_empty() {
        return out;
    }
    if dropped_first && let Some(Token::Char(first)) = out.first().cloned() {
        out.splice(0..1, first.to_uppercase().map(Token::Char));
    }
    let mut out = trimmed(out);
    out.extend(end.map(Token::Char));
    out
}

fn clauses(sentence: Vec<Token>) -> Vec<Clause> {
    let mut out = Vec::new();
    let mut clause = Clause::default();
    let mut tokens = sentence.into_iter().peekable();
    let mut after_space = false;
    while let Some(token) = tokens.next() {
        let Token::Char(c) = token else {
            clause.tokens.push(token);
            after_space = false;
            continue;
        };
        let before_space = matches!(tokens.peek(), Some(Token::Char(next)) if next.is_whitespace());
        let splits = match c {
            ',' | ';' => before_space,
            '–' | '—' => before_space && after_space,
            '，' | '、' | '；' => true,
            _ => false,
        };
        after_space = c.is_whitespace();
        if splits {
            let lead = if matches!(c, '–' | '—') { format!(" {c}") } else { c.to_string() };
            let mut done = std::mem::replace(&mut clause, Clause { lead, tokens: Vec::new() });
            while matches!(done.tokens.last(), Some(Token::Char(' '))) {
                done.tokens.pop();
            }
            out.push(done);
        } else if c == '(' {
            let spaced = matches!(clause.tokens.last(), Some(Token::Char(' ')));
            if spaced {
                clause.tokens.pop();
            }
            let lead = if spaced { " " } else { "" }.to_owned();
            let opened = Clause { lead, tokens: vec![Token::Char(c)] };
            out.push(std::mem::replace(&mut clause, opened));
        } else if c == ')' {
            clause.tokens.push(Token::Char(c));
            out.push(std::mem::take(&mut clause));
        } else {
            clause.tokens.push(Token::Char(c));
        }
    }
    out.push(clause);
    out.retain(|clause| !clause.tokens.is_empty());
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values() -> Values {
        Values {
            student_name: "Ada".into(),
            course_title: "Engines".into(),
            completed_on: "14 March 2026".into(),
            score: "92%".into(),
            hours: String::new(),
        }
    }

    fn plain(text: &str) -> String {
        line("body", text, &values()).unwrap()
    }

    #[test]
    fn c7_unknown_and_unclosed_placeholders_are_refused() {
        assert_eq!(
            check("body", "Dear {{ name }}"),
            Err(TemplateError::UnknownPlaceholder { field: "body", name: "name".into() })
        );
        assert_eq!(check("headline", "{{score"), Err(TemplateError::UnclosedPlaceholder { field: "headline" }));
        assert_eq!(check("body", "{{ score }} {{hours}} }} {"), Ok(()));
    }

    #[test]
    fn c7_a_missing_value_takes_its_clause_with_it() {
        assert_eq!(
            plain("Done on {{completed_on}}, in {{hours}} hours, with {{score}}."),
            "Done on 14 March 2026, with 92%."
        );
        assert_eq!(plain("In {{hours}} hours, with {{score}}."), "With 92%.");
        assert_eq!(plain("Score {{score}} ({{hours}} hours) reached."), "Score 92% reached.");
        assert_eq!(plain("Well done! It took {{hours}} hours. Bravo!"), "Well done! Bravo!");
        assert_eq!(plain("Score {{score}} – {{hours}} h – and more."), "Score 92% – and more.");
        assert_eq!(plain("{{hours}} hours"), "");
        assert_eq!(plain("Nach {{hours}} Std.\nNote: {{score}}"), "Note: 92%");
        assert_eq!(plain("总分{{score}}，共{{hours}}小时。"), "总分92%。");
    }

    #[test]
    fn c7_name_and_title_stand_once_in_reading_order() {
        let text = |text: &str| Piece::Text(text.into());
        assert_eq!(
            pieces("body", "This is to certify that {{student_name}}, has completed {{course_title}}. {{student_name}} got {{score}}.", &values()).unwrap(),
            [text("This is to certify that"), Piece::Name, text("has completed"), Piece::Title, text("Ada got 92%.")]
        );
        assert_eq!(
            pieces("body", "{{student_name}} took {{hours}} hours.", &values()).unwrap(),
            [Piece::Name, Piece::Title]
        );
        assert_eq!(
            pieces("body", "Congratulations!", &values()).unwrap(),
            [Piece::Name, Piece::Title, text("Congratulations!")]
        );
    }

    #[test]
    fn c7_a_value_is_never_read_as_a_template() {
        let values = Values { student_name: "{{score}}, {{nope}}.".into(), ..values() };
        assert_eq!(line("body", "Hi {{student_name}}", &values).unwrap(), "Hi {{score}}, {{nope}}.");
    }
}
