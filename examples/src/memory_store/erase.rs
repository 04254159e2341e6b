//! A person's words blanked, wherever they stand (D5): counts, scores and rows stay.

use lms_core::model::table::Json;
use lms_core::model::*;
use lms_core::store::Stored;

use super::tables::Tables;

impl Tables {
    pub(super) fn erase(&mut self, user: UserId, at: Timestamp) {
        let mut subjects = ids(self, |s: &Submission| s.student_id == user, |s| s.id.uuid());
        subjects.extend(ids(self, |a: &QuizAttempt| a.student_id == user, |a| a.id.uuid()));
        self.edit::<Enrollment>(
            |e| e.student_id == user,
            |e| {
                (e.metadata, e.reset_reason, e.updated_at) = (Json::object(), None, at);
                e.version += 1;
            },
        );
        self.edit::<Override>(|o| o.student_id == user, |o| (o.reason, o.updated_at) = (String::new(), at));
        self.edit::<Waiver>(|w| w.student_id == user, |w| w.reason.clear());
        self.edit::<QuizAttempt>(
            |a| a.student_id == user,
            |a| {
                a.answers = Json::of(&serde_json::json!({ "format": 1, "clients": {}, "answers": {} }));
                a.graded = a.graded.as_ref().map(without_feedback);
                (a.ai_pending, a.ai_suggested) = (0, 0);
                blank(&mut a.void_reason);
                a.version += 1;
                a.updated_at = at;
            },
        );
        self.edit::<Submission>(
            |s| s.student_id == user,
            |s| {
                (s.content, s.submission_url, s.feedback, s.rubric_scores) = (None, None, None, None);
                s.version += 1;
                s.updated_at = at;
            },
        );
        self.edit::<GradeEntry>(
            |g| g.student_id == user,
            |g| (g.feedback, g.reason, g.rubric_scores) = (None, None, None),
        );
        self.edit::<ReviewRequest>(
            |r| r.student_id == user,
            |r| {
                r.reason.clear();
                blank(&mut r.answer);
            },
        );
        let certificates = ids(self, |c: &Certificate| c.student_id == user, |c| c.id);
        self.edit::<CertificateRevision>(
            |r| certificates.contains(&r.certificate_id),
            |r| {
                r.snapshot.student_name.clear();
                (r.certificate_url, r.reason) = (None, String::new());
            },
        );
        self.edit::<Certificate>(
            |c| c.student_id == user,
            |c| {
                c.snapshot.student_name.clear();
                (c.certificate_url, c.rendering_error) = (None, None);
                (c.erased_at, c.updated_at) = (Some(at), at);
                blank(&mut c.issue_reason);
                blank(&mut c.revoke_reason);
                c.version += 1;
            },
        );
        self.edit::<AiLog>(
            |log| log.actor_id == Some(user) || log.subject_id.is_some_and(|id| subjects.contains(&id)),
            |log| {
                (log.prompt_text, log.response_text, log.expires_at) = (None, None, Some(at));
                log.violations = Json::of(&Vec::<String>::new());
                if matches!(log.status, AiLogStatus::Pending | AiLogStatus::Valid | AiLogStatus::Abandoned) {
                    log.status = AiLogStatus::Dropped;
                }
            },
        );
        self.retell(
            |e| e.event.student_id == Some(user) && e.event.kind.as_str().contains('.'),
            |e| e.event.metadata = Json::object(),
        );
    }
}

fn ids<R: Stored, I>(tables: &Tables, wanted: impl Fn(&R) -> bool, id: impl Fn(&R) -> I) -> Vec<I> {
    tables.all::<R>().filter(|r| wanted(r)).map(id).collect()
}

fn blank(text: &mut Option<String>) {
    if let Some(text) = text {
        text.clear();
    }
}

/// What was found of each answer, without the words about it.
fn without_feedback(graded: &Json) -> Json {
    let mut document: serde_json::Value = graded.read().unwrap_or_default();
    if let Some(answers) = document.get_mut("answers").and_then(serde_json::Value::as_array_mut) {
        for answer in answers.iter_mut().filter_map(serde_json::Value::as_object_mut) {
            for words in ["feedback", "ai_status", "ai_code", "suggested_seq"] {
                answer.remove(words);
            }
        }
    }
    Json::of(&document)
}
