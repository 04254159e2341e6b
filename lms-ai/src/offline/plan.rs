//! Which headings become lessons and which topics, and how long each lesson takes.

use super::phrases::{Phrases, fill};
use crate::task::{OutlineBounds, OutlineBrief, SourceSection};

/// A lesson or a topic to be.
#[derive(Debug, Clone, Default)]
pub(super) struct Unit {
    pub(super) title: String,
    pub(super) excerpt: String,
    pub(super) words: usize,
    pub(super) topics: Vec<Unit>,
}

/// The title of the whole, its introduction, and the lessons with their topics.
pub(super) fn units(source: &[SourceSection]) -> (String, String, Vec<Unit>) {
    let files = source.iter().filter(|s| s.level == 0).count();
    if files > 1 {
        let mut out: Vec<Unit> = Vec::new();
        for file in source.chunk_by(|_, next| next.level != 0) {
            let Some((head, rest)) = file.split_first() else {
                continue;
            };
            out.push(file_unit(head, rest));
        }
        return (String::new(), out.first().map(|u| u.excerpt.clone()).unwrap_or_default(), out);
    }
    let (loose, rest) = match source.split_first() {
        Some((first, rest)) if first.level == 0 => (Some(first), rest),
        _ => (None, source),
    };
    let single_root = rest.iter().filter(|s| s.level == 1).count() == 1
        && rest.first().is_some_and(|s| s.level == 1)
        && rest.len() > 1;
    let (root, rest) = if single_root { (rest.first(), rest.get(1..).unwrap_or(&[])) } else { (None, rest) };
    let mut out = Vec::new();
    let whole = root.or(loose);
    let intro_words = [root, loose].into_iter().flatten().map(|s| s.words).max().unwrap_or(0);
    let with_text = [root, loose].into_iter().flatten().find(|s| s.words == intro_words);
    let body = lessons_at(rest);
    if let Some(section) = with_text
        && (section.words >= 30 || body.is_empty())
    {
        out.push(leaf(section));
    }
    out.extend(body);
    let title = whole.map(|s| s.title.clone()).unwrap_or_default();
    (title, with_text.map(|s| s.excerpt.clone()).unwrap_or_default(), out)
}

fn leaf(section: &SourceSection) -> Unit {
    Unit { title: section.title.clone(), excerpt: section.excerpt.clone(), words: section.words, topics: Vec::new() }
        .with_self_topic()
}

impl Unit {
    /// A lesson whose own text, if it has some, is its first topic; a lesson is never without one.
    pub(super) fn with_self_topic(mut self) -> Self {
        if !self.excerpt.trim().is_empty() || self.topics.is_empty() {
            let own = Unit {
                title: self.title.clone(),
                excerpt: self.excerpt.clone(),
                words: self.words,
                topics: Vec::new(),
            };
            self.topics.insert(0, own);
        }
        self
    }

    fn total(&self) -> usize {
        self.topics.iter().map(|t| t.words).sum()
    }
}

/// A file as a lesson: a lone heading of level 1 gives its name, the shallowest headings below it the topics.
fn file_unit(head: &SourceSection, rest: &[SourceSection]) -> Unit {
    let lone = rest.first().filter(|s| s.level == 1 && rest.iter().filter(|o| o.level == 1).count() == 1);
    let (own, below) = match lone {
        Some(h1) => (h1, rest.get(1..).unwrap_or(&[])),
        None => (head, rest),
    };
    let (excerpt, words) =
        if own.words >= head.words { (&own.excerpt, own.words) } else { (&head.excerpt, head.words) };
    Unit { title: own.title.clone(), excerpt: excerpt.clone(), words, topics: topics(below) }.with_self_topic()
}

fn lessons_at(sections: &[SourceSection]) -> Vec<Unit> {
    let Some(level) = sections.iter().map(|s| s.level).min() else {
        return Vec::new();
    };
    sections
        .chunk_by(|_, next| next.level > level)
        .filter_map(|group| {
            let (head, rest) = group.split_first()?;
            Some(
                Unit {
                    title: head.title.clone(),
                    excerpt: head.excerpt.clone(),
                    words: head.words,
                    topics: topics(rest),
                }
                .with_self_topic(),
            )
        })
        .collect()
}

/// The shallowest headings as topics; what stands below them belongs to them.
fn topics(sections: &[SourceSection]) -> Vec<Unit> {
    let Some(level) = sections.iter().map(|s| s.level).min() else {
        return Vec::new();
    };
    sections
        .chunk_by(|_, next| next.level > level)
        .filter_map(|group| {
            let (head, _) = group.split_first()?;
            let excerpt = group.iter().map(|s| s.excerpt.as_str()).find(|e| !e.is_empty()).unwrap_or("");
            Some(Unit {
                title: head.title.clone(),
                excerpt: excerpt.to_owned(),
                words: group.iter().map(|s| s.words).sum(),
                topics: Vec::new(),
            })
        })
        .collect()
}

/// Lessons from the brief alone.
pub(super) fn without_source(brief: &OutlineBrief, p: &Phrases) -> Vec<Unit> {
    let by_time = usize::try_from(brief.minutes.max(0) / 45).unwrap_or(0);
    let n = by_time.clamp(brief.min_lessons.max(1), brief.max_lessons.max(1)).min(12.max(brief.min_lessons));
    (0..n)
        .map(|i| {
            let title = match i {
                0 => fill(p.intro, &brief.topic),
                i if i + 1 == n => fill(p.practice, &brief.topic),
                i => format!("{}: {}", brief.topic, fill(p.part, &i.to_string())),
            };
            Unit { title, ..Unit::default() }.with_self_topic()
        })
        .collect()
}

pub(super) fn most_lessons(brief: &OutlineBrief, bounds: &OutlineBounds) -> usize {
    let by_count = brief.max_lessons.max(1);
    if brief.minutes <= 0 || bounds.min_lesson_minutes <= 0 {
        return by_count;
    }
    let by_time = brief.minutes.saturating_mul(5) / 4 / bounds.min_lesson_minutes;
    by_count.min(usize::try_from(by_time.max(1)).unwrap_or(usize::MAX)).max(brief.min_lessons).max(1)
}

/// As many lessons as are asked for, and as the time needs.
pub(super) fn least_lessons(brief: &OutlineBrief, bounds: &OutlineBounds) -> usize {
    let longest = bounds.max_lesson_minutes.max(1);
    let by_time = brief.minutes.clamp(0, 1_000_000).saturating_add(longest - 1) / longest;
    usize::try_from(by_time).unwrap_or(1).max(brief.min_lessons).min(10_000)
}

/// A lesson with too many topics becomes several of nearly equal size.
pub(super) fn split_wide(unit: Unit, most: usize, p: &Phrases) -> Vec<Unit> {
    let n = unit.topics.len().div_ceil(most);
    if n <= 1 {
        return vec![unit];
    }
    let size = unit.topics.len().div_ceil(n);
    unit.topics
        .chunks(size)
        .enumerate()
        .map(|(i, topics)| Unit {
            title: if i == 0 {
                unit.title.clone()
            } else {
                format!("{} – {}", unit.title, fill(p.part, &(i + 1).to_string()))
            },
            excerpt: topics.iter().map(|t| t.excerpt.as_str()).find(|e| !e.is_empty()).unwrap_or("").to_owned(),
            words: unit.words,
            topics: topics.to_vec(),
        })
        .collect()
}

/// Splits the lesson with the most topics in two; `false` where none has two.
pub(super) fn split_largest(units: &mut Vec<Unit>, part: usize, p: &Phrases) -> bool {
    let Some(at) = (0..units.len()).rev().max_by_key(|i| units.get(*i).map_or(0, |u| u.topics.len())) else {
        return false;
    };
    let Some(unit) = units.get_mut(at).filter(|u| u.topics.len() > 1) else {
        return false;
    };
    let tail = unit.topics.split_off(unit.topics.len() / 2);
    let title = format!("{} – {}", unit.title, fill(p.part, &(part + 1).to_string()));
    let excerpt = tail.first().map(|t| t.excerpt.clone()).unwrap_or_default();
    units.insert(at + 1, Unit { title, excerpt, words: 0, topics: tail });
    true
}

/// Joins neighbours so that there are at most `most` lessons, and the one with
/// the most topics has as few of them as can be.
pub(super) fn merge_down(units: Vec<Unit>, most: usize) -> Vec<Unit> {
    let most = most.max(1);
    if units.len() <= most {
        return units;
    }
    let sizes: Vec<usize> = units.iter().map(|u| u.topics.len()).collect();
    let groups = |cap: usize| {
        let (mut n, mut size) = (1usize, 0usize);
        for s in &sizes {
            if size > 0 && size + s > cap {
                n += 1;
                size = 0;
            }
            size += s;
        }
        n
    };
    let (mut low, mut high) = (sizes.iter().copied().max().unwrap_or(1), sizes.iter().sum::<usize>().max(1));
    while low < high {
        let middle = low + (high - low) / 2;
        if groups(middle) <= most { high = middle } else { low = middle + 1 }
    }
    let mut out: Vec<Unit> = Vec::new();
    for unit in units {
        match out.last_mut() {
            Some(last) if last.topics.len() + unit.topics.len() <= low => {
                last.title = format!("{} – {}", last.title, unit.title);
                last.topics.extend(unit.topics);
            }
            _ => out.push(unit),
        }
    }
    out
}

/// Where topics cannot go into lessons of their own, the last one names the rest.
pub(super) fn cut_topics(unit: &mut Unit, most: usize) {
    if unit.topics.len() > most {
        let rest = unit.topics.split_off(most);
        if let Some(last) = unit.topics.last_mut() {
            last.words += rest.iter().map(|t| t.words).sum::<usize>();
            let names: Vec<&str> = rest.iter().map(|t| t.title.as_str()).collect();
            last.excerpt = format!("{} · {}", last.title, names.join(" · "));
        }
    }
}

/// Minutes by the length of the text, near the sum that is asked for.
pub(super) fn minutes(units: &[Unit], brief: &OutlineBrief, bounds: &OutlineBounds) -> Vec<i64> {
    let (low, high) = (bounds.min_lesson_minutes, bounds.max_lesson_minutes.max(bounds.min_lesson_minutes));
    let weight = |u: &Unit| i64::try_from(u.total()).unwrap_or(i64::MAX / 1_000_000).clamp(0, 1_000_000) + 50;
    if brief.minutes <= 0 {
        return units.iter().map(|u| (weight(u) / 100).clamp(low, high)).collect();
    }
    let all: i64 = units.iter().map(weight).sum::<i64>().max(1);
    let ask = brief.minutes.min(10_000_000);
    let mut out: Vec<i64> = units.iter().map(|u| (ask.saturating_mul(weight(u)) / all).clamp(low, high)).collect();
    // What the bounds took or gave is spread over the lessons that have room.
    for _ in 0..64 {
        let gap = ask - out.iter().sum::<i64>();
        let room = out.iter().filter(|m| if gap > 0 { **m < high } else { **m > low }).count();
        let Ok(room) = i64::try_from(room) else { break };
        if gap == 0 || room == 0 {
            break;
        }
        let share = if gap.abs() < room { gap.signum() } else { gap / room };
        let mut left = gap;
        for m in &mut out {
            let fits = if gap > 0 { *m < high } else { *m > low };
            if left != 0 && fits {
                let next = (*m + share).clamp(low, high);
                left -= next - *m;
                *m = next;
            }
        }
    }
    out
}
