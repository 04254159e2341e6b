//! Headings to an outline.

use super::phrases::{Phrases, fill, phrases};
use super::plain::{Titles, long_enough, safe};
use super::plan::{
    Unit, cut_topics, least_lessons, merge_down, minutes, most_lessons, split_largest, split_wide, units,
    without_source,
};
use crate::task::{
    ContentType, LessonOut, ObjectiveOut, OutlineBounds, OutlineBrief, OutlineOut, SourceSection, TopicOut,
};
use crate::text::{key_terms, sentences};

/// An outline in the reading order of the source: files or the shallowest
/// headings are lessons, the headings below them topics.
pub(super) fn outline(brief: &OutlineBrief, bounds: &OutlineBounds, source: &[SourceSection]) -> OutlineOut {
    let p = phrases(&brief.language);
    let (title, intro, mut units) = units(source);
    let title = if title.is_empty() { brief.topic.clone() } else { title };
    if units.is_empty() {
        units = without_source(brief, p);
    }
    let most = most_lessons(brief, bounds);
    units = units.into_iter().flat_map(|u| split_wide(u, brief.max_topics.max(1), p)).collect();
    let least = least_lessons(brief, bounds).min(most);
    let mut part = 1;
    while units.len() < least && split_largest(&mut units, part, p) {
        part += 1;
    }
    let lessons = units.len();
    for i in 0..least.saturating_sub(lessons) {
        // The source has no more headings: practice of what is there fills the time.
        let what = units.get(i % lessons.max(1)).map_or_else(|| brief.topic.clone(), |u| u.title.clone());
        units.push(Unit { title: fill(p.practice, &what), ..Unit::default() }.with_self_topic());
    }
    units = merge_down(units, most);
    for unit in &mut units {
        cut_topics(unit, brief.max_topics.max(1));
    }
    let minutes = minutes(&units, brief, bounds);
    let course = Titles::default().take(&title, &brief.topic, bounds.min_title, bounds.max_title);
    let mut titles = Titles::default();
    let mut lessons: Vec<LessonOut> = units
        .iter()
        .zip(minutes)
        .enumerate()
        .map(|(n, (unit, minutes))| lesson(n, unit, minutes, &mut titles, brief, bounds, p))
        .collect();
    let objectives = objectives(&mut lessons, &course, &units, bounds, p);
    let about = long_enough(
        bounds.min_summary,
        [
            join(&safe(&lead(&intro), 400), p.note),
            join(
                &safe(
                    &fill(p.covers, &lessons.iter().take(8).map(|l| l.title.as_str()).collect::<Vec<_>>().join(" · ")),
                    1_000,
                ),
                p.note,
            ),
        ],
    );
    OutlineOut { title: course, description: safe(&about, bounds.max_description), objectives, lessons }
}

fn join(a: &str, b: &str) -> String {
    if a.is_empty() { b.to_owned() } else { format!("{a} {b}") }
}

/// The first sentences, up to about 300 characters.
fn lead(text: &str) -> String {
    let mut out = String::new();
    for range in sentences(text) {
        let Some(s) = text.get(range) else { continue };
        if !out.is_empty() && out.chars().count() + s.chars().count() > 300 {
            break;
        }
        if !out.is_empty() {
            out.push(' ');
        }
        out.push_str(s);
    }
    out
}

fn lesson(
    n: usize,
    unit: &Unit,
    minutes: i64,
    titles: &mut Titles,
    brief: &OutlineBrief,
    bounds: &OutlineBounds,
    p: &Phrases,
) -> LessonOut {
    let title = titles.take(&unit.title, &fill(p.part, &(n + 1).to_string()), bounds.min_title, bounds.max_title);
    let mut own = Titles::default();
    let content_type = if brief.content_types.contains(&ContentType::Text) {
        ContentType::Text
    } else {
        brief.content_types.first().copied().unwrap_or(ContentType::Text)
    };
    let topics: Vec<TopicOut> = unit
        .topics
        .iter()
        .enumerate()
        .map(|(i, t)| {
            let title = own.take(&t.title, &fill(p.part, &(i + 1).to_string()), bounds.min_title, bounds.max_title);
            let synopsis = long_enough(
                3,
                [
                    safe(&lead(&t.excerpt), bounds.max_synopsis.min(400)),
                    safe(&fill(p.covers, &title), bounds.max_synopsis),
                ],
            );
            TopicOut { title, content_type, synopsis }
        })
        .collect();
    let names: Vec<&str> = topics.iter().map(|t| t.title.as_str()).collect();
    let first = unit.topics.iter().map(|t| t.excerpt.as_str()).find(|e| !e.trim().is_empty()).unwrap_or("");
    let own_text = if unit.excerpt.trim().is_empty() { first } else { &unit.excerpt };
    let covers = fill(p.covers, &names.join(" · "));
    let summary = long_enough(
        bounds.min_summary,
        [
            safe(&lead(own_text), bounds.max_summary.min(400)),
            safe(&covers, bounds.max_summary),
            safe(&format!("{covers} {}", p.note), bounds.max_summary),
        ],
    );
    LessonOut { title, summary, objective_keys: Vec::new(), minutes, topics }
}

/// Objectives over the lessons in order. With fewer lessons than objectives,
/// topics and key terms give more of them.
fn objectives(
    lessons: &mut [LessonOut],
    course: &str,
    units: &[Unit],
    bounds: &OutlineBounds,
    p: &Phrases,
) -> Vec<ObjectiveOut> {
    let least = bounds.min_objectives;
    let most = bounds.max_objectives.max(least).max(1);
    let n = lessons.len().clamp(least.max(1), most);
    let mut out = Vec::new();
    if lessons.is_empty() {
        return out;
    }
    if n <= lessons.len() {
        let total = lessons.len();
        for j in 0..n {
            let key = format!("o{}", j + 1);
            let (from, to) = (j * total / n, (j + 1) * total / n);
            let mut names = Vec::new();
            for lesson in lessons.iter_mut().take(to).skip(from) {
                lesson.objective_keys.push(key.clone());
                names.push(lesson.title.clone());
            }
            out.push(ObjectiveOut { key, text: safe(&fill(p.explain, &names.join(" · ")), 300) });
        }
        return out;
    }
    let text: String = units.iter().flat_map(|u| u.topics.iter().map(|t| format!("{}\n", t.excerpt))).collect();
    let mut seen = Titles::default();
    let names: Vec<(usize, String)> = lessons
        .iter()
        .enumerate()
        .map(|(i, l)| (i, l.title.clone()))
        .chain(lessons.iter().enumerate().flat_map(|(i, l)| l.topics.iter().map(move |t| (i, t.title.clone()))))
        .chain(key_terms(&text, 12).into_iter().map(|t| (0, t.text)))
        .chain((1..).map(|i| (0, format!("{course} – {}", fill(p.part, &i.to_string())))))
        .take(n * 4 + lessons.len())
        .collect();
    for (i, name) in names {
        if out.len() == n {
            break;
        }
        // A name that had to be numbered is already an objective.
        if seen.take(&name, course, 1, 250) != safe(&name, 250) {
            continue;
        }
        let key = format!("o{}", out.len() + 1);
        if let Some(lesson) = lessons.get_mut(i) {
            lesson.objective_keys.push(key.clone());
        }
        out.push(ObjectiveOut { key, text: safe(&fill(p.explain, &name), 300) });
    }
    out
}
