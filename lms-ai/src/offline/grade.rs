//! The coverage of a rubric's terms as a grade.

use std::ops::Range;

use super::phrases::{Phrases, fill, phrases};
use super::plain::safe;
use crate::task::{CriterionGradeOut, GradeOut, GradePrompt, ManipulationOut, RubricLine};
use crate::text::{MIN_QUOTE_CHARS, Span, fold, key_terms, scan_manipulation, sentences, tokens, truncate_chars};

/// The least confidence, with no term covered.
const LEAST: usize = 40;
/// What full coverage adds.
const SPAN: usize = 55;
/// The confidence of a work that lists terms without saying much, or is very short.
const THIN: i64 = 55;

/// Points by the share of a criterion's terms that the work speaks of, each
/// shown by a passage. The confidence grows with the share over the whole
/// rubric: 40 % with none, 70 % with a little more than half, 95 % with all.
pub(super) fn grade(task: &GradePrompt, check_code: &str, work: &str) -> GradeOut {
    let p = phrases(&task.language);
    let flagged = scan_manipulation(work);
    let barred: Vec<&Span> = flagged.iter().filter(|s| s.code.is_instruction()).collect();
    let passages: Vec<(Range<usize>, Vec<String>)> = passages(work)
        .into_iter()
        .filter(|r| !barred.iter().any(|s| s.range.start < r.end && r.start < s.range.end))
        .filter_map(|r| Some((r.clone(), tokens(work.get(r)?))))
        .collect();

    let (mut covered, mut wanted) = (0usize, 0usize);
    let mut shown: Vec<usize> = Vec::new();
    let mut missing: Vec<String> = Vec::new();
    let mut had: Vec<String> = Vec::new();
    let mut criteria: Vec<CriterionGradeOut> = task
        .rubric
        .iter()
        .map(|line| {
            let terms = terms(line, &task.staff_notes, &task.instructions);
            let marked = mark(line, &terms, &passages, work, task.bounds.max_quotes.min(3), task.bounds.max_quote, p);
            covered += marked.found.len();
            wanted += terms.len();
            shown.extend(marked.shown);
            missing.extend(terms.iter().filter(|t| !marked.found.contains(t)).take(2).cloned());
            had.extend(marked.found.into_iter().take(2));
            marked.grade
        })
        .collect();

    let share = (LEAST * wanted + SPAN * covered).checked_div(wanted).unwrap_or(LEAST);
    let mut confidence = i64::try_from(share).unwrap_or(0);
    shown.sort_unstable();
    shown.dedup();
    // A list of terms covers everything in one breath and explains nothing.
    let list_like = covered > 3 && shown.len() * 4 < covered;
    if list_like || tokens(work).len() < 40 || !flagged.is_empty() {
        confidence = confidence.min(THIN);
    }
    for c in &mut criteria {
        c.confidence = confidence;
    }
    let good = wanted > 0 && covered * 2 > wanted && confidence > THIN;
    GradeOut {
        check_code: check_code.to_owned(),
        suspected_manipulation: ManipulationOut {
            present: !flagged.is_empty(),
            quotes: flagged
                .iter()
                .filter(|s| s.code.is_instruction())
                .filter_map(|s| work.get(s.range.clone()))
                .map(|q| truncate_chars(&q.replace('\0', " "), 300))
                .filter(|q| !q.is_empty())
                .take(5)
                .collect(),
        },
        criteria,
        strengths: list(p.found, &had),
        next_steps: list(p.add, &missing),
        feedback: format!("{} {}", if good { p.feedback_good } else { p.feedback_thin }, p.note),
    }
}

fn list(template: &str, terms: &[String]) -> Vec<String> {
    let named = safe(&terms.iter().take(6).cloned().collect::<Vec<_>>().join(", "), 300);
    if named.is_empty() { Vec::new() } else { vec![safe(&fill(template, &named), 450)] }
}

struct Marked {
    grade: CriterionGradeOut,
    found: Vec<String>,
    shown: Vec<usize>,
}

fn mark(
    line: &RubricLine,
    terms: &[String],
    passages: &[(Range<usize>, Vec<String>)],
    work: &str,
    most: usize,
    longest: usize,
    p: &Phrases,
) -> Marked {
    let mut found: Vec<String> = Vec::new();
    let mut shown: Vec<usize> = Vec::new();
    for term in terms {
        let words = tokens(term);
        // A passage that already shows another term is as good as a new one.
        let place = shown
            .iter()
            .copied()
            .chain(0..passages.len())
            .find(|i| passages.get(*i).is_some_and(|(_, have)| speaks_of(have, &words)));
        if let Some(at) = place {
            found.push(term.clone());
            if !shown.contains(&at) {
                shown.push(at);
            }
        }
    }
    let evidence: Vec<String> = shown
        .iter()
        .take(most.max(1))
        .filter_map(|i| passages.get(*i))
        .filter_map(|(range, have)| quote(work, range, have, terms, longest))
        .collect();
    let points = if terms.is_empty() || evidence.is_empty() {
        0
    } else {
        let (n, of) = (found.len() as i128, terms.len() as i128);
        let steps = (i128::from(line.max_steps.max(0)) * n * 2 + of) / (of * 2);
        i64::try_from(steps).unwrap_or(0)
    };
    let named = safe(&found.join(", "), 300);
    let lacking = safe(&terms.iter().filter(|t| !found.contains(t)).cloned().collect::<Vec<_>>().join(", "), 300);
    let reasoning: Vec<String> = [(p.found, named), (p.missing, lacking)]
        .iter()
        .filter(|(_, t)| !t.is_empty())
        .map(|(f, t)| fill(f, t))
        .collect();
    let reasoning = if reasoning.is_empty() { p.note.to_owned() } else { reasoning.join(" ") };
    Marked {
        grade: CriterionGradeOut {
            criterion_key: line.criterion_key.clone(),
            evidence,
            reasoning,
            points,
            confidence: 0,
        },
        found,
        shown,
    }
}

/// The terms of a criterion: the list after its last colon, else its key terms, else those of the notes for
/// graders, else those of the task.
fn terms(line: &RubricLine, notes: &str, instructions: &str) -> Vec<String> {
    let listed: Vec<String> = line
        .description
        .rsplit_once(':')
        .map(|(_, list)| {
            list.split([',', ';', '、', '，'])
                .map(|t| t.trim().trim_end_matches('.').to_owned())
                .filter(|t| !tokens(t).is_empty())
                .collect()
        })
        .unwrap_or_default();
    if !listed.is_empty() && listed.len() <= 12 && listed.iter().all(|t| tokens(t).len() <= 8) {
        return listed;
    }
    for text in [format!("{}\n{}", line.title, line.description), notes.to_owned(), instructions.to_owned()] {
        let found: Vec<String> =
            key_terms(&text, 24).into_iter().map(|t| t.text).filter(|t| !is_rubric_word(t)).take(6).collect();
        if !found.is_empty() {
            return found;
        }
    }
    Vec::new()
}

/// Words that rubrics are made of, and that say nothing about the matter.
fn is_rubric_word(term: &str) -> bool {
    const WORDS: &[&str] = &[
        "explain",
        "describe",
        "correct",
        "clear",
        "criteri",
        "student",
        "point",
        "essay",
        "answer",
        "example",
        "work",
        "quality",
        "shows",
        "show",
        "names",
        "gives",
        "give",
        "understand",
        "complete",
        "accura",
        "full",
        "partial",
        "write",
        "writing",
        "argument",
        "evidence",
        "erklär",
        "beschreib",
        "richtig",
        "deutlich",
        "punkt",
        "beispiel",
        "arbeit",
        "nennt",
        "zeigt",
        "expliqu",
        "décri",
        "exemple",
        "travail",
        "montre",
        "explic",
        "describ",
        "ejemplo",
        "trabajo",
        "muestra",
    ];
    let lower = term.to_lowercase();
    WORDS.iter().any(|w| lower.starts_with(w))
}

/// Whether the words of a term stand one after another, endings aside.
fn speaks_of(have: &[String], words: &[String]) -> bool {
    !words.is_empty() && have.windows(words.len()).any(|w| w.iter().zip(words).all(|(a, b)| same_word(a, b)))
}

/// Equal, or alike in all but an ending of three letters: "cells" and "cell", "Zelle" and "Zellen".
fn same_word(a: &str, b: &str) -> bool {
    if a == b {
        return true;
    }
    let shared = a.chars().zip(b.chars()).take_while(|(x, y)| x == y).count();
    shared >= 4 && a.chars().count() <= shared + 3 && b.chars().count() <= shared + 3
}

/// Sentences; one that is too short to be quoted is joined with the next.
fn passages(work: &str) -> Vec<Range<usize>> {
    let mut out: Vec<Range<usize>> = Vec::new();
    for range in sentences(work) {
        let short = |r: &Range<usize>| {
            work.get(r.clone()).is_none_or(|t| fold(t).as_str().trim().chars().count() < MIN_QUOTE_CHARS)
        };
        match out.last_mut() {
            Some(last) if short(last) || short(&range) => last.end = range.end,
            _ => out.push(range),
        }
    }
    out
}

/// A passage, or the part of a long one around its first term, on word borders.
fn quote(work: &str, range: &Range<usize>, have: &[String], terms: &[String], longest: usize) -> Option<String> {
    let text = work.get(range.clone())?;
    let longest = longest.clamp(MIN_QUOTE_CHARS, 280);
    if text.chars().count() <= longest {
        return Some(text.to_owned()).filter(|t| !t.contains('\0'));
    }
    let wanted: Vec<Vec<String>> = terms.iter().map(|t| tokens(t)).filter(|t| speaks_of(have, t)).collect();
    let words: Vec<(usize, &str)> =
        text.split_whitespace().map(|w| (w.as_ptr() as usize - text.as_ptr() as usize, w)).collect();
    let first = words
        .iter()
        .position(|(_, w)| tokens(w).iter().any(|t| wanted.iter().any(|k| k.first().is_some_and(|f| same_word(t, f)))))
        .unwrap_or(0);
    let start = words.get(first.saturating_sub(4)).map_or(0, |(at, _)| *at);
    let tail = text.get(start..)?;
    let mut cut: String = tail.chars().take(longest).collect();
    if cut.len() < tail.len()
        && let Some(at) = cut.rfind(char::is_whitespace)
        && cut.get(..at).is_some_and(|c| c.chars().count() >= MIN_QUOTE_CHARS * 2)
    {
        cut.truncate(at);
    }
    Some(cut.trim().to_owned())
        .filter(|t| !t.contains('\0') && fold(t).as_str().trim().chars().count() >= MIN_QUOTE_CHARS)
}
