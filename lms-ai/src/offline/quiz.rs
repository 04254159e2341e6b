//! Sentences of a lesson as questions.

use super::phrases::{Phrases, fill, phrases};
use super::plain::{is_safe, safe};
use crate::task::{Difficulty, Objective, OptionOut, QuestionOut, QuestionType, QuizIn, QuizOut, is_longest_correct};
use crate::text::{
    Folded, fold, jaccard, key_terms, markdown_prose, markdown_to_text, normalise_answer, sentences, tidy, tokens,
};

/// A sentence that can be asked about, with the key terms in it that stand there once.
struct Line {
    text: String,
    /// Byte range of the term in the sentence, rank of the term.
    terms: Vec<(std::ops::Range<usize>, usize)>,
}

/// What the builder of a question needs.
struct Makings<'a> {
    input: &'a QuizIn,
    p: &'static Phrases,
    terms: Vec<String>,
}

/// Cloze and true/false questions on sentences spread over the lesson, with
/// wrong options from the same lesson. Fewer than asked for where the lesson
/// does not give more: questions are not made up.
pub(super) fn quiz(input: &QuizIn) -> QuizOut {
    let p = phrases(&input.language);
    let plain = markdown_to_text(&input.lesson_markdown);
    let folded = fold(&plain);
    let prose = markdown_prose(&input.lesson_markdown);
    let terms: Vec<String> = key_terms(&prose, 80).into_iter().map(|t| t.text).filter(|t| is_safe(t)).collect();
    let mut lines = lines(&prose, &terms, &folded, input);
    if lines.len() < input.count {
        lines = self::lines(&plain, &terms, &folded, input);
    }
    let makings = Makings { input, p, terms };
    let types: Vec<QuestionType> = if input.types.is_empty() {
        vec![QuestionType::SingleChoice, QuestionType::TrueFalse, QuestionType::MultipleChoice]
    } else {
        input.types.clone()
    };
    let mut questions: Vec<QuestionOut> = Vec::new();
    let mut used = vec![0usize; lines.len()];
    // Each slot takes the next unused sentence of its share of the lesson; later
    // rounds ask about a sentence again, with another term.
    for round in 0..3usize {
        for slot in 0..input.count {
            if questions.len() >= input.count {
                break;
            }
            let from = slot * lines.len() / input.count.max(1);
            let made = (0..types.len()).find_map(|t| {
                let kind = *types.get((questions.len() + t) % types.len())?;
                (0..lines.len()).find_map(|i| {
                    let at = (from + i) % lines.len();
                    if used.get(at).copied()? > round {
                        return None;
                    }
                    let question = makings.question(lines.get(at)?, kind, questions.len() + round)?;
                    fits(&question, &questions).then_some((at, question))
                })
            });
            if let Some((at, question)) = made {
                if let Some(n) = used.get_mut(at) {
                    *n += 1;
                }
                questions.push(question);
            }
        }
    }
    let title = safe(&fill(p.quiz, &input.lesson_title), 120);
    QuizOut {
        title: if title.chars().count() < 3 { "Quiz".to_owned() } else { title },
        description: p.note.to_owned(),
        questions,
    }
}

fn lines(text: &str, terms: &[String], folded: &Folded, input: &QuizIn) -> Vec<Line> {
    let lower: Vec<String> = terms.iter().map(|t| t.to_lowercase()).collect();
    let longest = input.bounds.max_quote.min(300).min(input.bounds.max_stem.saturating_sub(80));
    sentences(text)
        .into_iter()
        .filter_map(|r| text.get(r))
        .map(|s| tidy(s, usize::MAX))
        .filter(|s| (input.bounds.min_quote.max(20)..=longest).contains(&s.chars().count()))
        .filter(|s| is_safe(s) && !s.contains("__") && folded.places(s).next().is_some())
        .filter(|s| !is_own(s, phrases(&input.language)))
        .filter_map(|s| {
            let terms = places(&s, &lower);
            (!terms.is_empty()).then_some(Line { text: s, terms })
        })
        .collect()
}

/// Whether the provider put the sentence under a thin text itself: it says nothing to ask about.
fn is_own(sentence: &str, p: &Phrases) -> bool {
    [p.note, p.covers, p.explain, p.remember, p.question]
        .iter()
        .filter_map(|template| template.split("{}").next())
        .any(|begin| sentence.starts_with(begin.trim_end()))
}

/// The terms that stand in a sentence exactly once, the weightiest first.
fn places(sentence: &str, terms: &[String]) -> Vec<(std::ops::Range<usize>, usize)> {
    let mut found: Vec<(std::ops::Range<usize>, usize)> = Vec::new();
    for (rank, term) in terms.iter().enumerate() {
        let mut places = words(sentence).filter(|r| sentence.get(r.clone()).is_some_and(|w| w.to_lowercase() == *term));
        let first = places.next();
        let again = places.next().is_some();
        if let Some(range) = first.filter(|_| !again) {
            found.push((range, rank));
        } else if found.is_empty() && term.chars().count() == 2 && sentence.matches(term.as_str()).count() == 1 {
            // A pair of characters of a script without word spaces.
            found.extend(sentence.find(term.as_str()).map(|at| (at..at + term.len(), rank)));
        }
    }
    found
}

fn words(text: &str) -> impl Iterator<Item = std::ops::Range<usize>> + '_ {
    let mut from = 0;
    text.split(|c: char| !(c.is_alphanumeric() || unicode_normalization::char::is_combining_mark(c))).filter_map(
        move |w| {
            let at = from;
            from += w.len() + text.get(at + w.len()..).and_then(|r| r.chars().next()).map_or(0, char::len_utf8);
            (!w.is_empty()).then_some(at..at + w.len())
        },
    )
}

impl Makings<'_> {
    fn question(&self, line: &Line, kind: QuestionType, turn: usize) -> Option<QuestionOut> {
        let (range, rank) = line.terms.get(turn / 3 % line.terms.len())?;
        match kind {
            QuestionType::SingleChoice => self.cloze(line, std::slice::from_ref(range), kind, *rank),
            QuestionType::ShortText => self.short(line, range, *rank),
            QuestionType::TrueFalse => self.true_false(line, range, *rank, turn),
            QuestionType::MultipleChoice => {
                let (other, _) = line.terms.iter().find(|(r, _)| r.end < range.start || r.start > range.end)?;
                let mut both = [range.clone(), other.clone()];
                both.sort_by_key(|r| r.start);
                self.cloze(line, &both, kind, *rank)
            }
        }
    }

    fn cloze(
        &self,
        line: &Line,
        gaps: &[std::ops::Range<usize>],
        kind: QuestionType,
        rank: usize,
    ) -> Option<QuestionOut> {
        let right: Vec<String> = gaps.iter().filter_map(|g| line.text.get(g.clone()).map(str::to_owned)).collect();
        let longest = right.iter().map(|r| r.chars().count()).max()?;
        let wanted = if gaps.len() == 1 { 3 } else { 2 };
        let wanted = wanted.min(self.input.bounds.max_options.saturating_sub(right.len()));
        let wrong = self.distractors(line, longest, wanted);
        if wrong.len() + right.len() < self.input.bounds.min_options {
            return None;
        }
        let stem = if gaps.len() == 1 { self.p.fill_one } else { self.p.fill_many };
        let options = right
            .iter()
            .map(|t| OptionOut { text: t.clone(), is_correct: true, why: String::new() })
            .chain(wrong.into_iter().map(|t| OptionOut { text: t, is_correct: false, why: String::new() }))
            .collect();
        Some(self.finish(line, kind, format!("{stem} {}", gapped(&line.text, gaps, "____")), options, rank))
    }

    fn short(&self, line: &Line, gap: &std::ops::Range<usize>, rank: usize) -> Option<QuestionOut> {
        let options =
            vec![OptionOut { text: line.text.get(gap.clone())?.to_owned(), is_correct: true, why: String::new() }];
        let text = format!("{} {}", self.p.fill_one, gapped(&line.text, std::slice::from_ref(gap), "____"));
        Some(self.finish(line, QuestionType::ShortText, text, options, rank))
    }

    fn true_false(&self, line: &Line, gap: &std::ops::Range<usize>, rank: usize, turn: usize) -> Option<QuestionOut> {
        let holds = turn.is_multiple_of(2);
        let statement = if holds {
            line.text.clone()
        } else {
            let term = line.text.get(gap.clone())?;
            let other = self.distractors(line, term.chars().count(), 1).into_iter().next()?;
            gapped(&line.text, std::slice::from_ref(gap), &other)
        };
        let option = |text: &str, is_correct| OptionOut { text: text.to_owned(), is_correct, why: String::new() };
        let options = vec![option(self.p.yes, holds), option(self.p.no, !holds)];
        Some(self.finish(line, QuestionType::TrueFalse, format!("{} {statement}", self.p.true_false), options, rank))
    }

    /// Terms of the lesson that do not stand in the sentence, of about the wanted
    /// length; none is another form of a term that stands there, or of another option.
    fn distractors(&self, line: &Line, chars: usize, n: usize) -> Vec<String> {
        let here = tokens(&line.text);
        let mut all: Vec<&String> = self
            .terms
            .iter()
            .filter(|t| {
                let lower = t.to_lowercase();
                !line.text.to_lowercase().contains(&lower) && !here.iter().any(|h| akin(h, &lower))
            })
            .collect();
        all.sort_by_key(|t| t.chars().count().abs_diff(chars));
        let mut out: Vec<String> = Vec::new();
        for term in all {
            if out.len() == n {
                break;
            }
            if term.chars().count() <= self.input.bounds.max_option
                && !out.iter().any(|o| akin(&o.to_lowercase(), &term.to_lowercase()))
            {
                out.push(term.clone());
            }
        }
        out
    }

    fn finish(
        &self,
        line: &Line,
        question_type: QuestionType,
        text: String,
        options: Vec<OptionOut>,
        rank: usize,
    ) -> QuestionOut {
        let difficulty = match rank {
            0..=7 => Difficulty::Easy,
            8..=24 => Difficulty::Medium,
            _ => Difficulty::Hard,
        };
        QuestionOut {
            source_quote: line.text.clone(),
            question_type,
            text,
            options,
            explanation: fill(self.p.says, &line.text),
            objective_key: objective(&line.text, &self.input.objectives),
            difficulty,
        }
    }
}

/// Two forms of one word: equal, or alike but for an ending.
fn akin(a: &str, b: &str) -> bool {
    let shared = a.chars().zip(b.chars()).take_while(|(x, y)| x == y).count();
    let short = a.chars().count().min(b.chars().count());
    a == b || shared >= 4 && shared + 2 >= short
}

fn gapped(text: &str, gaps: &[std::ops::Range<usize>], with: &str) -> String {
    let mut out = String::new();
    let mut past = 0;
    for gap in gaps {
        out.push_str(text.get(past..gap.start).unwrap_or(""));
        out.push_str(with);
        past = gap.end;
    }
    out.push_str(text.get(past..).unwrap_or(""));
    out
}

/// The objective that shares the most words with the sentence; the first where none does.
fn objective(sentence: &str, objectives: &[Objective]) -> String {
    let here = tokens(sentence);
    objectives
        .iter()
        .rev()
        .max_by_key(|o| tokens(&o.text).iter().filter(|t| t.chars().count() > 3 && here.contains(t)).count())
        .map(|o| o.key.clone())
        .unwrap_or_default()
}

/// Whether a question may stand beside the others.
fn fits(q: &QuestionOut, others: &[QuestionOut]) -> bool {
    let stem = tokens(&q.text);
    let choice = q.question_type != QuestionType::TrueFalse;
    let mut normal: Vec<String> = q.options.iter().map(|o| normalise_answer(&o.text)).collect();
    normal.sort();
    let all = normal.len();
    normal.dedup();
    normal.len() == all
        && is_safe(&q.text)
        && q.options.iter().all(|o| is_safe(&o.text) && !o.text.is_empty())
        && !(choice && is_longest_correct(q))
        && !(choice
            && q.options.iter().filter(|o| o.is_correct).any(|o| {
                let part = tokens(&o.text);
                part.is_empty() || stem.windows(part.len()).any(|w| w == part)
            }))
        && !others.iter().any(|o| jaccard(&o.text, &q.text, 3) >= 0.8)
}
