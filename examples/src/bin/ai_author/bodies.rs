//! The texts of a whole course, and what became of each.

use std::path::Path;

use lms_ai::{Ai, AiError, BodiesBrief, BodiesReport};
use lms_core::lms::Session;
use lms_core::model::{CourseId, Lesson, Topic, TopicId};
use lms_examples::source::Source;

use crate::End;
use crate::jobs::Written;
use crate::options::Options;

/// Texts of which not all are written.
pub(crate) struct Partly {
    /// What became of each.
    pub(crate) lines: Vec<String>,
    /// The first failure: it is the command's.
    pub(crate) first: AiError,
    /// The topic that it is about; none where it ended the run.
    pub(crate) topic: Option<TopicId>,
    /// How many texts this run wrote.
    written: usize,
    /// How many it has still to write; none where nobody knows.
    open: Option<usize>,
}

impl Partly {
    /// One line that says what was written, what was not, and why.
    pub(crate) fn line(&self, word: &str) -> String {
        let written = match self.written {
            0 => "nothing was written".to_owned(),
            1 => "1 text was written".to_owned(),
            n => format!("{n} texts were written"),
        };
        let open = match self.open {
            None => String::new(),
            Some(1) => ", 1 is not".to_owned(),
            Some(n) => format!(", {n} are not"),
        };
        format!("{word}: {}; {written}{open}; the same command again goes on", self.first)
    }
}

/// Writes the texts of a course. What the command may cost is shared out among the topics that are still open, so
/// that all of them together cost no more.
pub(crate) async fn write(
    ai: &Ai,
    session: &Session,
    course: CourseId,
    source: Option<&Path>,
    options: &Options,
) -> Result<Written, End> {
    let headings = match source {
        None => None,
        Some(path) => Some(Source::read(path).map_err(|e| End::Other(e.to_string()))?.headings()),
    };
    let text = |lesson: &Lesson, topic: &Topic| {
        let headings = headings.as_ref()?;
        headings.text_for(&lesson.title, &topic.title).or_else(|| headings.text_for_lesson(&lesson.title))
    };
    let brief = BodiesBrief { run: options.operation, lesson: None };
    let mut report = BodiesReport::default();
    let ended = ai.write_bodies_into(&mut report, session, course, brief, text).await;
    let lines = lines(course, &report);
    let written = report.written.len();
    let missing = report.failed.len() + report.under_way.len();
    let partly =
        |first, topic, open| Err(End::Partly(Box::new(Partly { lines: lines.clone(), first, topic, written, open })));
    if let Err(error) = ended {
        // What could not even be begun says it as every other command does.
        if written + missing + report.stood.len() + report.kept.len() == 0 {
            return Err(End::Ai(error));
        }
        let open = ai.bodies_standing(session, course, brief).await.ok().map(|standing| standing.open);
        // A text that failed before the run ended was the first that is not written.
        let (first, topic) = match report.failed.into_iter().next() {
            Some((topic, failed)) => (failed, Some(topic)),
            None => (error, None),
        };
        return partly(first, topic, open);
    }
    if report.is_complete() {
        return Ok(Written::applied(lines, "all texts are written".to_owned()));
    }
    match report.failed.into_iter().next() {
        Some((topic, error)) => partly(error, Some(topic), Some(missing)),
        None => partly(AiError::InProgress, None, Some(missing)),
    }
}

fn lines(course: CourseId, report: &BodiesReport) -> Vec<String> {
    let mut lines = vec![format!("texts of course {course}: {} written", report.written.len())];
    for (topics, what) in [
        (report.stood.len(), "had their text"),
        (report.kept.len(), "are a person's, or no text"),
        (report.under_way.len(), "are being written by somebody else"),
    ] {
        if topics > 0 {
            lines.push(format!("  {topics:>5}  {what}"));
        }
    }
    lines.extend(report.failed.iter().map(|(topic, error)| format!("  topic {topic}: {error}")));
    lines
}
