//! The immutable revisions that attempts refer to (Q15).

use super::*;
use crate::lms::Session;
use crate::model::table::Json;
use crate::rules::authoring::{QUIZ_BYTES, QUIZ_QUESTIONS};
use sha2::{Digest, Sha256};
use std::sync::Arc;

impl Quizzes<'_> {
    pub(crate) async fn revision(&self, id: RevisionId) -> Result<Arc<RevisionContent>, Error> {
        self.s.lms.inner.revisions.get(self.s, id).await
    }
}

/// The revision of a quiz's present content; its id is derived from it, so that equal content is one row (Q15).
pub(super) fn revision_of(quiz: &Quiz, questions: &[QuizQuestion], now: Timestamp) -> Result<QuizRevision, Error> {
    let content = RevisionContent::of(questions).map_err(|id| corrupt("quiz_questions", "correct_answer", id))?;
    let RevisionContent { format, questions: asked, .. } = content;
    let (shuffle_questions, shuffle_options) = (quiz.shuffle_questions, quiz.shuffle_options);
    let content = RevisionContent { format, questions: asked, shuffle_questions, shuffle_options };
    let json = Json::of(&content);
    if json.as_str().len() > QUIZ_BYTES || questions.len() > QUIZ_QUESTIONS {
        return Err(Error::invalid("quiz.too_large", "questions", "a quiz has at most 500 questions and 4 MiB"));
    }
    let mut hash = Sha256::new();
    hash.update(quiz.id.uuid().as_bytes());
    hash.update(json.as_str().as_bytes());
    let digest = hash.finalize();
    let mut bytes = [0_u8; 16];
    for (to, from) in bytes.iter_mut().zip(digest.iter()) {
        *to = *from;
    }
    let possible = questions.iter().map(|q| q.points.units()).sum();
    Ok(QuizRevision {
        id: RevisionId::from_uuid(Uuid::new_v8(bytes)),
        quiz_id: quiz.id,
        content: json,
        possible: Points::from_units(possible),
        created_at: now,
    })
}

/// Revisions are immutable, so a process keeps the ones it has read, up to 64 MiB (DETAILS 42).
#[derive(Default)]
pub(crate) struct RevisionCache {
    kept: std::sync::Mutex<Kept>,
}

#[derive(Default)]
struct Kept {
    bytes: usize,
    by_id: BTreeMap<RevisionId, (Arc<RevisionContent>, usize)>,
    order: std::collections::VecDeque<RevisionId>,
}

const CACHE_BYTES: usize = 64 * 1024 * 1024;

impl RevisionCache {
    fn lock(&self) -> std::sync::MutexGuard<'_, Kept> {
        match self.kept.lock() {
            Ok(guard) => guard,
            Err(poisoned) => poisoned.into_inner(),
        }
    }

    async fn get(&self, session: &Session, id: RevisionId) -> Result<Arc<RevisionContent>, Error> {
        if let Some((content, _)) = self.lock().by_id.get(&id) {
            return Ok(content.clone());
        }
        let row = session.store().revision(id).await?.ok_or_else(|| corrupt("quiz_revisions", "id", id))?;
        let content: Arc<RevisionContent> =
            Arc::new(row.questions().map_err(|_| corrupt("quiz_revisions", "content", id))?);
        let size = row.content.as_str().len();
        let mut kept = self.lock();
        if kept.by_id.insert(id, (content.clone(), size)).is_none() {
            kept.bytes += size;
            kept.order.push_back(id);
        }
        while kept.bytes > CACHE_BYTES {
            let Some(oldest) = kept.order.pop_front() else { break };
            if let Some((_, size)) = kept.by_id.remove(&oldest) {
                kept.bytes -= size;
            }
        }
        Ok(content)
    }
}
