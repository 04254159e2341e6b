//! Another look at a grade: asked for by the learner, answered by staff (S16).

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::learner::{Work, not_erased, rights};
use super::{AnswerGrade, Assignments, NewGrade, Planned, Quizzes};
use crate::error::{Error, Refusal};
use crate::model::*;
use crate::rules::authoring::Checks;
use crate::rules::grades;
use crate::rules::permission::Action;
use crate::store::{LearnerContext, LearnerScope, WriteBatch};

/// What staff answer to a request for a review. The learner sees the reason.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ReviewAnswer<G> {
    /// Another mark; the grade is kept where it is absent.
    pub change: Option<G>,
    /// Why; 1 to 10,000 characters.
    pub reason: String,
}

impl<G> ReviewAnswer<G> {
    fn check(&self) -> Result<(), Error> {
        let mut checks = Checks::default();
        checks.text("reason", &self.reason, 1, 10_000);
        checks.done()
    }
}

/// The grade that a review is about.
struct Subject {
    what: SubjectType,
    id: Uuid,
    question: Uuid,
    submission: Option<SubmissionId>,
    attempt: Option<AttemptId>,
}

/// Until when a grade that is seen since an instant may be asked about.
fn last_day(seen: Timestamp, days: Option<i64>) -> Option<Timestamp> {
    days.map(|days| seen.plus_seconds(days.saturating_mul(86_400)))
}

/// A request, checked and written with its event; or the one that stands for the same grade.
async fn request(
    session: &super::Session,
    command: super::Command,
    context: &LearnerContext,
    subject: &Subject,
    entry: &GradeEntry,
    until: Option<Timestamp>,
    reason: &str,
) -> Result<Planned<ReviewRequest>, Error> {
    not_erased(context)?;
    let reviews = session.store().reviews_of(subject.id).await?;
    let id = RowId::from_uuid(command.derived("review", 0));
    if let Some(own) = reviews.iter().find(|r| r.id == id) {
        return Ok(Planned::nothing(own.clone()));
    }
    if let Some(stands) = reviews.into_iter().find(|r| r.seq == entry.seq && r.question_id == subject.question) {
        return Ok(Planned::nothing(stands));
    }
    if let Some(until) = until.filter(|until| command.now > *until) {
        return Err(Refusal::ReviewOver { until }.into());
    }
    let enrollment = context.enrollment.clone().ok_or_else(|| Error::not_found(subject.what, subject.id))?;
    let row = ReviewRequest {
        id,
        enrollment_id: enrollment.id,
        course_id: enrollment.course_id,
        student_id: enrollment.student_id,
        submission_id: subject.submission,
        attempt_id: subject.attempt,
        question_id: subject.question,
        seq: entry.seq,
        reason: reason.to_owned(),
        state: ReviewState::Open,
        answer: None,
        answered_by: None,
        answered_at: None,
        created_at: command.now,
        updated_at: command.now,
    };
    let mut work = Work::begin(command, context, enrollment);
    work.batch.insert(row.clone());
    work.touch();
    let event = work
        .event(EventKind::ReviewRequested, subject.what, subject.id)
        .by_learner(true)
        .with(&serde_json::json!({ "seq": row.seq }));
    work.batch.events.push(event);
    let now = work.command.now;
    let batch = work.finish(&session.lms, now).await?;
    Ok(Planned { batch, outcome: row })
}

/// A review is answered by a person, never by AI or the host's jobs.
const fn by_a_person(command: &super::Command) -> Result<UserId, Error> {
    match command.actor {
        Actor::User { id } => Ok(id),
        _ => Err(Error::Denied { action: Action::Grade }),
    }
}

/// Adds the answer to the batch that may change the grade, or to one of its own.
async fn answered(
    session: &super::Session,
    mut command: super::Command,
    context: &LearnerContext,
    subject: &Subject,
    open: ReviewRequest,
    reason: &str,
    change: Option<WriteBatch>,
) -> Result<Planned<ReviewRequest>, Error> {
    let staff = by_a_person(&command)?;
    not_erased(context)?;
    let row = ReviewRequest {
        state: if change.is_some() { ReviewState::Changed } else { ReviewState::Kept },
        answer: Some(reason.to_owned()),
        answered_by: Some(staff),
        answered_at: Some(command.now),
        updated_at: command.now,
        ..open
    };
    let enrollment = context.enrollment.clone().ok_or_else(|| Error::not_found(subject.what, subject.id))?;
    let changed = change.is_some();
    let event = command
        .event(EventKind::ReviewAnswered, subject.what, subject.id)
        .of(&enrollment)
        .with(&serde_json::json!({ "seq": row.seq, "changed": changed }));
    let mut batch = match change {
        Some(batch) => batch,
        None => {
            let mut work = Work::begin(command, context, enrollment);
            work.touch();
            let now = work.command.now;
            work.finish(&session.lms, now).await?
        }
    };
    batch.put(row.clone());
    batch.events.insert(0, event);
    Ok(Planned { batch, outcome: row })
}

impl Assignments<'_> {
    /// Asks staff to look at a grade again: once per grade, within the assignment's `review_days`. The grade
    /// stands meanwhile. Asking again about the same grade gives the request that stands.
    ///
    /// # Errors
    /// NothingToReview while no grade is posted; ReviewOver; Invalid; NotFound to everybody but the learner.
    #[tracing::instrument(name = "lms.request_review", skip_all, fields(course, outcome))]
    pub async fn request_review(&self, id: SubmissionId, reason: &str) -> Result<ReviewRequest, Error> {
        let mut checks = Checks::default();
        checks.text("reason", reason, 1, 10_000);
        checks.done()?;
        self.s
            .run(None, |command| async move {
                let (context, submission) = self.loaded(id).await?;
                if !rights(self.s, &context).own {
                    return Err(Error::not_found(SubjectType::Submission, id));
                }
                let posted = submission.posted_at.ok_or(Refusal::NothingToReview {})?;
                let entry = grades::current(&context.history).ok_or(Refusal::NothingToReview {})?;
                let days = context.assignment.as_ref().and_then(|a| a.review_days);
                let until = last_day(posted.max(entry.at), days);
                request(self.s, command, &context, &of_submission(id), entry, until, reason).await
            })
            .await
    }

    /// The requests for a review of a submission's grades, with their answers: to the learner and to graders.
    ///
    /// # Errors
    /// NotFound to everybody else.
    pub async fn reviews(&self, id: SubmissionId) -> Result<Vec<ReviewRequest>, Error> {
        let (context, _) = self.loaded(id).await?;
        let rights = rights(self.s, &context);
        if !(rights.own || rights.may(Action::ReadWork)) {
            return Err(Error::not_found(SubjectType::Submission, id));
        }
        Ok(self.s.store().reviews_of(id.uuid()).await?)
    }

    /// Answers a request for a review: the grade is kept, or another mark is written, in one transaction with
    /// the answer.
    ///
    /// # Errors
    /// NoReview; as [`Assignments::grade`] for another mark; Denied to all but graders.
    #[tracing::instrument(name = "lms.answer_review", skip_all, fields(course, outcome))]
    pub async fn answer_review(
        &self,
        id: SubmissionId,
        answer: ReviewAnswer<NewGrade>,
    ) -> Result<ReviewRequest, Error> {
        answer.check()?;
        let answer = &answer;
        self.s
            .run(None, |command| async move {
                let (context, _) = self.loaded(id).await?;
                let rights = rights(self.s, &context);
                rights.require(Action::Grade, rights.own, SubjectType::Submission, id)?;
                by_a_person(&command)?;
                let reviews = self.s.store().reviews_of(id.uuid()).await?;
                if command.done
                    && let Some(last) = reviews.last()
                {
                    return Ok(Planned::nothing(last.clone()));
                }
                let open = reviews.into_iter().find(|r| r.state == ReviewState::Open).ok_or(Refusal::NoReview {})?;
                let change = match &answer.change {
                    Some(grade) => {
                        let mut own = command.clone();
                        own.id = command.derived("review_grade", 0);
                        Some(self.plan_grade(own, id, grade).await?.batch)
                    }
                    None => None,
                };
                answered(self.s, command, &context, &of_submission(id), open, &answer.reason, change).await
            })
            .await
    }

    async fn loaded(&self, id: SubmissionId) -> Result<(LearnerContext, Submission), Error> {
        let context = self.s.learner(LearnerScope::Submission(id), SubjectType::Submission, id.uuid()).await?;
        let submission = context.submission.clone().ok_or_else(|| Error::not_found(SubjectType::Submission, id))?;
        Ok((context, submission))
    }
}

const fn of_submission(id: SubmissionId) -> Subject {
    Subject { what: SubjectType::Submission, id: id.uuid(), question: Uuid::nil(), submission: Some(id), attempt: None }
}

impl Quizzes<'_> {
    /// Asks staff to look at the grade of an essay answer again (S16, Q12): as
    /// [`Assignments::request_review`], within the quiz's `review_days`.
    ///
    /// # Errors
    /// NothingToReview while no person or AI has graded the answer; ReviewOver; Invalid; NotFound to
    /// everybody but the learner.
    #[tracing::instrument(name = "lms.request_answer_review", skip_all, fields(course, outcome))]
    pub async fn request_review(
        &self,
        attempt: AttemptId,
        question: QuestionId,
        reason: &str,
    ) -> Result<ReviewRequest, Error> {
        let mut checks = Checks::default();
        checks.text("reason", reason, 1, 10_000);
        checks.done()?;
        self.s
            .run(None, |command| async move {
                let context = self.review_context(attempt).await?;
                if !rights(self.s, &context).own {
                    return Err(Error::not_found(SubjectType::Attempt, attempt));
                }
                let history = history_of(&context, question);
                let entry = grades::current(&history).ok_or(Refusal::NothingToReview {})?;
                let days = context.quiz.as_ref().and_then(|q| q.review_days);
                let until = last_day(entry.at, days);
                request(self.s, command, &context, &of_answer(attempt, question), entry, until, reason).await
            })
            .await
    }

    /// The requests for a review of an attempt's answers: to the learner and to graders.
    ///
    /// # Errors
    /// NotFound to everybody else.
    pub async fn reviews(&self, attempt: AttemptId) -> Result<Vec<ReviewRequest>, Error> {
        let context = self.review_context(attempt).await?;
        let rights = rights(self.s, &context);
        if !(rights.own || rights.may(Action::ReadWork)) {
            return Err(Error::not_found(SubjectType::Attempt, attempt));
        }
        Ok(self.s.store().reviews_of(attempt.uuid()).await?)
    }

    /// Answers a request for a review of an essay answer.
    ///
    /// # Errors
    /// NoReview; as [`Quizzes::grade_answer`] for another mark; Denied to all but graders.
    #[tracing::instrument(name = "lms.answer_answer_review", skip_all, fields(course, outcome))]
    pub async fn answer_review(
        &self,
        attempt: AttemptId,
        question: QuestionId,
        answer: ReviewAnswer<AnswerGrade>,
    ) -> Result<ReviewRequest, Error> {
        answer.check()?;
        let answer = &answer;
        self.s
            .run(None, |command| async move {
                let context = self.review_context(attempt).await?;
                let rights = rights(self.s, &context);
                rights.require(Action::Grade, rights.own, SubjectType::Attempt, attempt)?;
                by_a_person(&command)?;
                let mut reviews = self.s.store().reviews_of(attempt.uuid()).await?;
                reviews.retain(|r| r.question_id == question.uuid());
                if command.done
                    && let Some(last) = reviews.last()
                {
                    return Ok(Planned::nothing(last.clone()));
                }
                let open = reviews.into_iter().find(|r| r.state == ReviewState::Open).ok_or(Refusal::NoReview {})?;
                let change = match &answer.change {
                    Some(grade) => {
                        let mut own = command.clone();
                        own.id = command.derived("review_grade", 0);
                        Some(self.plan_grade(own, attempt, question, grade).await?.batch)
                    }
                    None => None,
                };
                answered(self.s, command, &context, &of_answer(attempt, question), open, &answer.reason, change).await
            })
            .await
    }

    async fn review_context(&self, attempt: AttemptId) -> Result<LearnerContext, Error> {
        self.s.learner(LearnerScope::Attempt(attempt), SubjectType::Attempt, attempt.uuid()).await
    }
}

const fn of_answer(attempt: AttemptId, question: QuestionId) -> Subject {
    Subject {
        what: SubjectType::Attempt,
        id: attempt.uuid(),
        question: question.uuid(),
        submission: None,
        attempt: Some(attempt),
    }
}

fn history_of(context: &LearnerContext, question: QuestionId) -> Vec<GradeEntry> {
    context.history.iter().filter(|e| e.question_id == question.uuid()).cloned().collect()
}
