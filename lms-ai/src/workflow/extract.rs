//! The text behind the URL of a submission: the host's to fetch, bounded here (S11).

use std::sync::Arc;

use async_trait::async_trait;
use lms_core::model::{AssignmentId, CourseId, Submission, SubmissionId};
use tokio::task::JoinSet;

use crate::reader::truncate_bytes;
use crate::task::NotGraded;
use crate::{Ai, AiError};

/// Work of which a learner has handed in a URL.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct UrlWork {
    /// Where the work is, in the learner's words: an absolute `http` or `https` URL of any host.
    pub url: String,
    /// The submission.
    pub submission: SubmissionId,
    /// Its version.
    pub version_no: i64,
    /// The assignment.
    pub assignment: AssignmentId,
    /// The course.
    pub course: CourseId,
    /// No more bytes than this are read of the text.
    pub max_bytes: usize,
}

/// Turns the URL of a submission into text for AI. The library fetches nothing by itself: what may be fetched, from
/// where and as whom is the host's to say.
///
/// A learner chooses the URL. An implementation must not reach what the learner may not reach, such as addresses
/// of the host's own network, and must give the same text for the same version: another text under the
/// same operation is refused, and a person grades. Work that blocks belongs on a thread of its own
/// (`tokio::task::spawn_blocking`).
///
/// It is asked about every submission with a URL, also where the learner has typed a text as well: both are graded as
/// one work.
///
/// What it gives is the learner's text like any other: framed, scanned, without names. A text of
/// [`UrlWork::max_bytes`] or more counts as cut, and then a person looks first. Where it fails, panics or takes longer than
/// [`AiConfig::extract_deadline`](crate::AiConfig::extract_deadline), a person grades.
#[async_trait]
pub trait TextExtractor: Send + Sync {
    /// The text, as plain as can be.
    ///
    /// # Errors
    /// Where there is none; the word goes into the host's traces, and a person grades.
    async fn text(&self, work: &UrlWork) -> Result<String, ExtractError>;
}

/// Why there is no text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ExtractError {
    /// Nothing is there, or not any more.
    #[error("nothing is there")]
    NotFound,
    /// It may not be fetched.
    #[error("it may not be fetched")]
    Denied,
    /// It is no text, and none can be made of it.
    #[error("it is no text")]
    NotText,
    /// It is larger than the host takes.
    #[error("it is too large")]
    TooLarge,
    /// The place is not to be reached.
    #[error("the place is not to be reached")]
    Unavailable,
}

/// The most of an extracted text that is sent, in bytes: as much as a work that was typed in.
const MAX_TEXT: usize = 120 * 1024;

/// The text of a work, and where it comes from.
pub(super) struct WorkText {
    pub(super) text: String,
    /// Whether a part of it stands nowhere in the database.
    pub(super) extracted: bool,
    pub(super) truncated: bool,
}

impl Ai {
    /// The same AI, which reads work that is only a URL through the host's extractor. From here on, such work
    /// is queued for it where an assignment asks for AI
    /// ([`Lms::expect_text_extraction`](lms_core::Lms::expect_text_extraction)).
    #[must_use]
    pub fn with_extractor(&self, extractor: impl TextExtractor + 'static) -> Self {
        self.lms.expect_text_extraction();
        let mut ai = self.clone();
        ai.extractor = Some(Arc::new(extractor));
        ai
    }

    /// What is graded of a submission: its own text, with what its URL leads to. A text of its own may be a mere note
    /// to that, however long it is.
    pub(super) async fn work_text(&self, submission: &Submission) -> Result<WorkText, AiError> {
        let own = submission.content.clone().unwrap_or_default();
        let (Some(url), Some(extractor)) = (&submission.submission_url, &self.extractor) else {
            return Ok(WorkText { text: own, extracted: false, truncated: false });
        };
        let work = UrlWork {
            url: url.clone(),
            submission: submission.id,
            version_no: submission.version_no,
            assignment: submission.assignment_id,
            course: submission.course_id,
            max_bytes: MAX_TEXT,
        };
        let found = self.extract(extractor.clone(), work).await.map_err(|why| {
            tracing::warn!(why, submission = %submission.id, "no text was extracted from the URL of a submission");
            AiError::NotGraded(NotGraded::NotExtracted)
        })?;
        let (found, truncated) = bounded(&found);
        let text = if own.trim().is_empty() { found } else { format!("{}\n\n{found}", own.trim()) };
        Ok(WorkText { text, extracted: true, truncated })
    }

    /// In a task of its own, which is let go of when the time is over: a host's that waits or panics does not hold up
    /// the grader. One that blocks its thread does where there is no other.
    async fn extract(&self, extractor: Arc<dyn TextExtractor>, work: UrlWork) -> Result<String, String> {
        let mut task = JoinSet::new();
        task.spawn(async move { extractor.text(&work).await });
        match tokio::time::timeout(self.config.extract_deadline, task.join_next()).await {
            Ok(Some(Ok(found))) => found.map_err(|e| e.to_string()),
            Ok(Some(Err(_)) | None) => Err("the extractor panicked".to_owned()),
            Err(_) => Err("the time was over".to_owned()),
        }
    }
}

/// No more than fits, and whether that may be a part only: a host that reads no more than it is told to gives just so
/// much of a longer text. No control characters but line ends and tabs: a text as a learner could have typed it.
fn bounded(text: &str) -> (String, bool) {
    let truncated = text.len() >= MAX_TEXT;
    let plain = |c: char| if c.is_control() && !matches!(c, '\n' | '\t') { ' ' } else { c };
    (truncate_bytes(text, MAX_TEXT).chars().map(plain).collect(), truncated)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_cut_between_two_characters_and_plain() {
        let (text, cut) = bounded(&"ß".repeat(MAX_TEXT));
        assert!(cut && text.len() == MAX_TEXT && text.chars().all(|c| c == 'ß'));
        let (text, cut) = bounded(&format!("x{}", "ß".repeat(MAX_TEXT)));
        assert!(cut && text.len() == MAX_TEXT - 1);
        // A host that reads max_bytes of a longer text gives exactly so many.
        assert!(bounded(&"x".repeat(MAX_TEXT)).1 && !bounded(&"x".repeat(MAX_TEXT - 1)).1);
        assert_eq!(bounded("a\0b\r\nc\td\u{1b}"), ("a b \nc\td ".into(), false));
    }
}
