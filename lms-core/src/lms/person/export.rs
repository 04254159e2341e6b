//! Giving a person their data (D7).

use std::collections::BTreeMap;

use serde::Serialize;
use uuid::Uuid;

use crate::error::Error;
use crate::lms::People;
use crate::lms::assignments::{SubmissionView, view};
use crate::lms::learner::laid_open;
use crate::model::question::{Answer, QuestionView};
use crate::model::*;
use crate::rules::permission::Rights;
use crate::store::{EventFilter, PersonKey};

/// All that concerns one person, for them: no keys, no staff notes, no grade that is not posted, nobody else's
/// data. The reasons for what was decided about them are theirs; who decided is left out, also of the events.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct PersonExport {
    /// The version of this document's shape.
    pub format: u32,
    /// When it was made.
    pub exported_at: Timestamp,
    /// Who they are.
    pub person: User,
    /// What they do, course by course.
    pub courses: Vec<PersonCourse>,
    /// The events about them, by position.
    pub events: Vec<Event>,
    /// AI calls that they made, whole, and those about their work, without the prompt and the answer: these
    /// hold the keys and notes of staff.
    pub ai_logs: Vec<PersonAiLog>,
}

/// One course of a [`PersonExport`].
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct PersonCourse {
    /// Its title.
    pub title: String,
    /// The enrollment.
    pub enrollment: Enrollment,
    /// Progress by lesson.
    pub progress: Vec<LessonProgress>,
    /// Views by topic.
    pub views: Vec<TopicView>,
    /// Attempts with their answers.
    pub attempts: Vec<PersonAttempt>,
    /// Submissions, drafts too, with what is posted of their grades.
    pub submissions: Vec<SubmissionView>,
    /// Requests for a review, with their answers.
    pub reviews: Vec<ReviewRequest>,
    /// What was granted, and why; `granted_by` is the nil id.
    pub overrides: Vec<Override>,
    /// What was waived, and why; `granted_by` is the nil id.
    pub waivers: Vec<Waiver>,
    /// The certificate, with why it was issued by hand or revoked.
    pub certificate: Option<Certificate>,
}

/// One attempt of a [`PersonCourse`].
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct PersonAttempt {
    /// The attempt.
    pub id: AttemptId,
    /// The quiz.
    pub quiz_id: QuizId,
    /// 1 for the first.
    pub attempt_no: i64,
    /// Where it stands.
    pub state: AttemptState,
    /// When it was started.
    pub started_at: Timestamp,
    /// When it was handed in.
    pub completed_at: Option<Timestamp>,
    /// Its score, once graded.
    pub score: Option<Score>,
    /// Why it was taken out, where it was.
    pub void_reason: Option<String>,
    /// What was asked.
    pub questions: Vec<QuestionView>,
    /// What was answered.
    pub answers: BTreeMap<Uuid, Answer>,
    /// What a person or AI gave for an answer, and wrote on it, as far as the quiz shows it to its learner (Q14).
    pub marks: Vec<PersonMark>,
}

/// A mark of a [`PersonAttempt`], by a person or by AI.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct PersonMark {
    /// The question.
    pub question_id: QuestionId,
    /// What the answer earned.
    pub earned: Option<Points>,
    /// Of how many.
    pub possible: Points,
    /// Who graded it.
    pub grader_kind: GraderKind,
    /// What they wrote.
    pub feedback: Option<String>,
}

/// One AI call of a [`PersonExport`].
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct PersonAiLog {
    /// The row.
    pub id: AiLogId,
    /// The task.
    pub kind: String,
    /// Where it stands.
    pub status: AiLogStatus,
    /// The provider.
    pub provider: String,
    /// The model.
    pub model: String,
    /// When.
    pub created_at: Timestamp,
    /// What was sent, where the person asked for it.
    pub prompt_text: Option<String>,
    /// What came back, where the person asked for it.
    pub response_text: Option<String>,
}

impl People<'_> {
    /// All that concerns a person, as one document: for themselves, or an admin on their behalf (D7).
    ///
    /// # Errors
    /// NotFound to everybody else.
    #[tracing::instrument(name = "lms.export_person", skip_all, fields(course, outcome))]
    pub async fn export_person(&self, id: UserId) -> Result<PersonExport, Error> {
        let store = self.s.store();
        let found = store.person(self.s.rights_of(), PersonKey::Id(id)).await?;
        let rights = Rights::of(&self.s.actor, found.actor.as_ref(), None, None);
        let own = self.s.rights_of() == Some(id) && rights.present && !rights.ai;
        let person = match found.subject {
            Some(user) if own || (rights.admin && !rights.ai) => user,
            _ => return Err(Error::not_found(SubjectType::User, id)),
        };
        let mut courses = Vec::new();
        for enrollment in store.enrollments_of(id).await? {
            courses.push(self.course_of(id, enrollment).await?);
        }
        let filter = EventFilter { student: Some(id), ..EventFilter::default() };
        let mut events: Vec<Event> = Vec::new();
        loop {
            let after = events.last().map_or(0, |e| e.position);
            let page = store.events(after, &filter, 2_000).await?;
            let full = page.len() == 2_000;
            events.extend(page);
            if !full {
                break;
            }
        }
        for Event { event, .. } in &mut events {
            event.actor_id = event.actor_id.filter(|actor| *actor == id);
            event.on_behalf_of = event.on_behalf_of.filter(|actor| *actor == id);
        }
        let ai_logs = store.ai_logs_of(id).await?.into_iter().map(|log| personal(log, id)).collect();
        Ok(PersonExport { format: 1, exported_at: self.s.lms.now(), person, courses, events, ai_logs })
    }

    async fn course_of(&self, id: UserId, enrollment: Enrollment) -> Result<PersonCourse, Error> {
        let store = self.s.store();
        let course = enrollment.course_id;
        let missing = || Error::not_found(SubjectType::Course, course);
        let structure = store.structure(course).await?.ok_or_else(missing)?;
        let record = store.record(course, id).await?.ok_or_else(missing)?;
        let work = store.work_of(enrollment.id).await?;
        let mut attempts = Vec::with_capacity(work.attempts.len());
        for attempt in &work.attempts {
            let content = self.s.quizzes().revision(attempt.revision_id).await?;
            let saved = attempt.saved().unwrap_or_default();
            let graded = attempt.graded_answers().ok().flatten().map(|graded| graded.answers).unwrap_or_default();
            let shown = laid_open(&structure, &record, attempt.quiz_id, attempt.state);
            attempts.push(PersonAttempt {
                id: attempt.id,
                quiz_id: attempt.quiz_id,
                attempt_no: attempt.attempt_no,
                state: attempt.state,
                started_at: attempt.started_at,
                completed_at: attempt.completed_at,
                score: attempt.graded_score(),
                void_reason: attempt.void_reason.clone(),
                questions: content.questions.iter().map(|question| question.view(attempt.seed)).collect(),
                answers: saved.answers.into_iter().filter_map(|(q, s)| s.answer.map(|a| (q, a))).collect(),
                marks: graded
                    .into_iter()
                    .filter(|record| shown && record.grader_kind != GraderKind::Auto)
                    .map(|record| PersonMark {
                        question_id: record.question_id,
                        earned: record.earned,
                        possible: record.possible,
                        grader_kind: record.grader_kind,
                        feedback: record.feedback,
                    })
                    .collect(),
            });
        }
        let submissions = work
            .submissions
            .iter()
            .filter_map(|s| structure.assignments.iter().find(|a| a.id == s.assignment_id).map(|a| view(s, a)))
            .collect();
        Ok(PersonCourse {
            title: structure.course.title,
            enrollment,
            progress: record.progress,
            views: record.views,
            attempts,
            submissions,
            reviews: work.reviews.into_iter().map(|r| ReviewRequest { answered_by: None, ..r }).collect(),
            overrides: record.overrides.into_iter().map(|o| Override { granted_by: nobody(), ..o }).collect(),
            waivers: record.waivers.into_iter().map(|w| Waiver { granted_by: nobody(), ..w }).collect(),
            certificate: record.certificate.map(theirs),
        })
    }
}

/// In the place of the id of somebody else.
const fn nobody() -> UserId {
    UserId::from_uuid(Uuid::nil())
}

/// A certificate without who decided about it, and without what the drawing of its PDF told staff.
fn theirs(certificate: Certificate) -> Certificate {
    Certificate { issued_by: None, revoked_by: None, rendering_code: None, rendering_error: None, ..certificate }
}

fn personal(log: AiLog, id: UserId) -> PersonAiLog {
    let own = log.actor_id == Some(id);
    PersonAiLog {
        id: log.id,
        kind: log.kind,
        status: log.status,
        provider: log.provider,
        model: log.model_served.unwrap_or(log.model_requested),
        created_at: log.created_at,
        prompt_text: log.prompt_text.filter(|_| own),
        response_text: log.response_text.filter(|_| own),
    }
}
