//! What a lesson says, cut so that one call takes it, and the objectives that it serves.

use lms_core::lms::Session;
use lms_core::model::{Course, Lesson, LessonId, SubjectType};
use lms_core::store::ContentRef;

use super::draft::without_aids;
use crate::engine::MAX_PROMPT;
use crate::task::{CallSize, Objective};
use crate::{Ai, AiError};

/// The text of a lesson: its topics, each under its title. Of a lesson that is longer than one call takes,
/// every topic gives its beginning, the shorter ones whole; and whether anything was left out.
pub(super) async fn lesson_text(
    session: &Session,
    lesson: LessonId,
    size: CallSize,
) -> Result<(String, bool), AiError> {
    let topics = session.catalog().topics(lesson).await?;
    let parts: Vec<String> = topics
        .iter()
        .filter_map(|topic| Some((&topic.title, without_aids(topic.body.as_deref()?))))
        .map(|(title, body)| format!("## {title}\n\n{body}\n"))
        .collect();
    let fitting = fitting(&parts, size.input_bytes / 4 * 3);
    let is_cut = fitting.iter().zip(&parts).any(|(cut, part)| cut.len() < part.len());
    Ok((fitting.join("\n"), is_cut))
}

/// The parts, cut so that they fit together: the longest are cut first, each after a paragraph.
fn fitting(parts: &[String], bytes: usize) -> Vec<&str> {
    let mut most = parts.iter().map(String::len).max().unwrap_or(0);
    while most > 0 && parts.iter().map(|part| part.len().min(most) + 1).sum::<usize>() > bytes {
        most = most * 9 / 10;
    }
    parts.iter().map(|part| beginning(part, most)).collect()
}

/// At most this many bytes of a text, up to the end of a paragraph, a line or a word.
fn beginning(text: &str, bytes: usize) -> &str {
    if text.len() <= bytes {
        return text;
    }
    let boundary = (0..=bytes).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    let cut = text.get(..boundary).unwrap_or_default();
    let end = ["\n\n", "\n", " "].iter().find_map(|mark| cut.rfind(mark).filter(|at| *at > bytes / 2));
    cut.get(..end.unwrap_or(cut.len())).unwrap_or_default()
}

/// A task's size, widened for a text of the caller's own; the engine's limit stands above it.
pub(super) fn room_for(size: CallSize, text: &str) -> CallSize {
    CallSize { input_bytes: size.input_bytes.max(text.len().saturating_mul(2).min(MAX_PROMPT)), ..size }
}

/// The course of a lesson, and the objectives that the lesson serves; all of the course's where it names
/// none.
pub(super) async fn lesson_objectives(ai: &Ai, lesson: &Lesson) -> Result<(Course, Vec<Objective>), AiError> {
    let (store, course) = (ai.lms.store(), lesson.course_id);
    let found = store.content(None, ContentRef::Objectives(course)).await.map_err(lms_core::Error::from)?;
    let found = found.ok_or_else(|| lms_core::Error::not_found(SubjectType::Course, course))?;
    let links = store.objective_links(course).await.map_err(lms_core::Error::from)?;
    let served = |objective: &lms_core::model::Objective| links.contains(&(objective.id, lesson.id.uuid()));
    let any = found.objectives.iter().any(served);
    let objectives = found
        .objectives
        .iter()
        .filter(|objective| !any || served(objective))
        .map(|objective| Objective { key: objective.key.clone(), text: objective.text.clone() })
        .collect();
    Ok((found.course, objectives))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_parts_give_their_beginnings_and_short_ones_stay_whole() {
        let parts = vec!["short".to_owned(), "One paragraph.\n\n".repeat(100), "Ünïcödé ".repeat(300)];
        let cut = fitting(&parts, 1_000);
        assert_eq!(cut[0], "short");
        assert!(cut[1].ends_with("paragraph.") && cut.iter().map(|c| c.len() + 1).sum::<usize>() <= 1_000);
        assert_eq!(fitting(&parts, 1_000_000), parts);
        assert!(fitting(&parts, 0).iter().all(|part| part.is_empty()));
    }
}
