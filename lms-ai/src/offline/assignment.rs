//! An essay over the objectives, with a rubric that names terms.

use super::phrases::{fill, phrases};
use super::plain::{Titles, is_safe, safe};
use crate::task::{AssignmentIn, AssignmentOut, CriterionOut};
use crate::text::{key_terms, markdown_prose, strip_raw_html};

/// An essay task. Each criterion lists terms after a colon, which is what the
/// offline grader looks for.
pub(super) fn assignment(input: &AssignmentIn) -> AssignmentOut {
    let p = phrases(&input.language);
    let b = &input.bounds;
    let context = safe(&input.context_title, 100);
    let objectives: Vec<String> =
        input.objectives.iter().map(|o| safe(&o.text, 300)).filter(|t| !t.is_empty()).collect();
    let prose = markdown_prose(&input.source);
    let text = if prose.is_empty() { format!("{}\n{}", objectives.join("\n"), context) } else { prose };
    let mut terms: Vec<String> = key_terms(&text, 24).into_iter().map(|t| t.text).filter(|t| is_safe(t)).collect();
    if terms.is_empty() {
        terms.push(if context.is_empty() { p.key_points.to_owned() } else { context.clone() });
    }
    let n = count(input, objectives.len());
    let mut titles = Titles::default();
    let mut left = input.max_points;
    let criteria = (0..n)
        .map(|i| {
            let slots = i64::try_from(n - i).unwrap_or(1);
            let max_points = (left + slots - 1) / slots;
            left -= max_points;
            let mut own: Vec<&str> = terms.iter().skip(i).step_by(n).take(4).map(String::as_str).collect();
            if own.is_empty() {
                own.extend(terms.get(i % terms.len()).map(String::as_str));
            }
            let listed = own.join(", ");
            let title = objectives.get(i).cloned().unwrap_or_else(|| listed.clone());
            CriterionOut {
                key: format!("c{}", i + 1),
                title: titles.take(&title, &fill(p.part, &(i + 1).to_string()), 2, 120),
                description: safe(&fill(p.uses, &listed), 800),
                max_points,
            }
        })
        .collect::<Vec<_>>();
    let points: Vec<String> = criteria.iter().map(|c| format!("- {}", markdown_line(&c.description))).collect();
    let about = if context.is_empty() { p.key_points.to_owned() } else { context };
    AssignmentOut {
        title: Titles::default().take(&fill(p.task, &about), p.key_points, 3, 120),
        description: p.note.to_owned(),
        instructions_markdown: strip_raw_html(&format!("{}\n\n{}", p.task_text, points.join("\n"))).trim().to_owned(),
        objective_keys: input.objectives.iter().map(|o| o.key.clone()).take(n).collect(),
        criteria,
        minutes: 90.clamp(1, b.max_minutes.max(1)),
    }
}

/// As many criteria as objectives, as far as the points and the bounds allow.
fn count(input: &AssignmentIn, objectives: usize) -> usize {
    let b = &input.bounds;
    let least = (input.max_points.max(1) as u64).div_ceil(b.max_criterion_points.max(1) as u64);
    let least = usize::try_from(least).unwrap_or(usize::MAX).max(b.min_criteria).min(b.max_criteria.max(1));
    let most = usize::try_from(input.max_points.max(1)).unwrap_or(usize::MAX).min(b.max_criteria.max(1)).max(least);
    objectives.clamp(least, most)
}

fn markdown_line(text: &str) -> String {
    text.replace(['*', '_', '`'], " ")
}
