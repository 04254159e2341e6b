//! A section of the source as a lesson body.

use std::collections::BTreeSet;

use super::phrases::{fill, phrases};
use super::plain::{is_safe, safe};
use crate::task::{BodyIn, BodyOut, GlossaryOut};
use crate::text::{
    key_terms, markdown_prose, markdown_to_text, normalise_answer, sentences, strip_raw_html, tidy, tokens, urls_in,
};

/// The section's own text in clean Markdown, with its weightiest sentences as
/// key points and its key terms as a glossary.
pub(super) fn body(input: &BodyIn) -> BodyOut {
    let p = phrases(&input.language);
    let clean = clean(&input.source);
    let prose = markdown_prose(&clean);
    let terms = key_terms(&prose, 12);
    let lines: Vec<String> =
        sentences(&prose).into_iter().filter_map(|r| prose.get(r)).map(|s| tidy(s, usize::MAX)).collect();

    let mut seen = BTreeSet::new();
    let mut key_points: Vec<String> =
        weightiest(&lines, &terms.iter().map(|t| t.text.to_lowercase()).collect::<Vec<_>>(), 5)
            .into_iter()
            .filter(|s| seen.insert(normalise_answer(s)))
            .take(input.bounds.max_key_points)
            .collect();
    let title = safe(&input.topic_title, 120);
    let more = input
        .objectives
        .iter()
        .map(|o| o.text.clone())
        .chain([input.synopsis.clone(), input.lesson_summary.clone()])
        .chain([fill(p.remember, &title), fill(p.explain, &title), fill(p.question, &title)])
        .chain(terms.iter().map(|t| fill(p.remember, &t.text)))
        .chain((1..).map(|n| format!("{} – {}", fill(p.remember, &title), fill(p.part, &n.to_string()))))
        .take(60 + input.bounds.min_key_points);
    for point in more {
        if key_points.len() >= input.bounds.min_key_points {
            break;
        }
        let point = safe(&point, 300);
        if point.chars().count() >= 3 && seen.insert(normalise_answer(&point)) {
            key_points.push(point);
        }
    }

    let mut known = BTreeSet::new();
    let glossary: Vec<GlossaryOut> = terms
        .iter()
        .filter_map(|t| {
            let lower = t.text.to_lowercase();
            let says = lines
                .iter()
                .find(|s| tokens(s).contains(&lower) && (12..=400).contains(&s.chars().count()) && is_safe(s))?;
            known
                .insert(normalise_answer(&t.text))
                .then(|| GlossaryOut { term: safe(&t.text, 80), definition: says.clone() })
        })
        .filter(|g| !g.term.is_empty())
        .take(input.bounds.max_glossary.min(8))
        .collect();

    let words = tokens(&markdown_to_text(&clean)).len();
    let reading = i64::try_from(words / 130 + 1).unwrap_or(i64::MAX);
    let minutes = if input.minutes > 0 { input.minutes } else { reading }.clamp(1, input.bounds.max_minutes.max(1));
    BodyOut { body_markdown: filled(clean, input, &key_points), key_points, glossary, minutes }
}

/// Clean Markdown in which every link stands in the source as it is.
fn clean(source: &str) -> String {
    let known = urls_in(source);
    let mut out = strip_raw_html(source);
    for url in urls_in(&out).difference(&known) {
        if !url.is_empty() && !url.starts_with('#') {
            out = out.replace(url.as_str(), "");
        }
    }
    out.trim().to_owned()
}

/// The `n` sentences that hold the most terms, in reading order.
fn weightiest(lines: &[String], terms: &[String], n: usize) -> Vec<String> {
    let mut scored: Vec<(usize, usize)> = lines
        .iter()
        .enumerate()
        .filter(|(_, s)| (20..=280).contains(&s.chars().count()) && is_safe(s))
        .map(|(i, s)| (tokens(s).iter().filter(|t| terms.contains(t)).count(), i))
        .collect();
    scored.sort_by(|a, b| b.0.cmp(&a.0).then(a.1.cmp(&b.1)));
    let mut chosen: Vec<usize> = scored.into_iter().take(n).map(|(_, i)| i).collect();
    chosen.sort_unstable();
    chosen.into_iter().filter_map(|i| lines.get(i).cloned()).collect()
}

/// A body that is too short gets the key points and questions to think about.
fn filled(clean: String, input: &BodyIn, key_points: &[String]) -> String {
    let p = phrases(&input.language);
    let (min, max) = input.body_bounds();
    let mut out = clean;
    let short = |s: &str| s.trim().chars().count() < min;
    if out.is_empty() {
        let synopsis = safe(&input.synopsis, 600);
        out.push_str(if synopsis.is_empty() { p.note } else { &synopsis });
    }
    if short(&out) {
        out.push_str(&format!("\n\n## {}\n\n", p.key_points));
        for point in key_points {
            out.push_str(&format!("- {point}\n"));
        }
    }
    let asked: Vec<String> = [safe(&input.topic_title, 120), safe(&input.lesson_title, 120)]
        .into_iter()
        .chain(input.objectives.iter().map(|o| safe(&o.text, 300)))
        .filter(|s| !s.is_empty())
        .collect();
    let mut n = 0usize;
    while short(&out) && n < 10_000 {
        let what = if asked.is_empty() { p.key_points } else { asked.get(n % asked.len()).map_or("", String::as_str) };
        n += 1;
        out.push_str(&format!("\n{n}. {}\n", fill(p.question, what)));
    }
    if out.chars().count() > max {
        out = crate::text::truncate_chars(&out, max);
    }
    // What was added or cut may read as markup in its new place.
    strip_raw_html(&out).trim().to_owned()
}
