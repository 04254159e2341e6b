//! Voiding an attempt, and grading attempts again (A1, A12).

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{corrupt, revision_of};
use crate::error::Error;
use crate::lms::catalog::{StructureEdit, changed};
use crate::lms::jobs::RegradeParams;
use crate::lms::learner::{Work, not_erased, rights};
use crate::lms::{Planned, Quizzes};
use crate::model::table::Json;
use crate::model::*;
use crate::rules::authoring::Checks;
use crate::rules::permission::Action;
use crate::rules::regrade::{Regraded, is_lower, regraded};
use crate::store::{
    ById, Change, ContentContext, ContentRef, CourseStructure, Expect, LearnerRecord, LearnerScope, Row, Table,
};

/// What counts when attempts are graded again (A12).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[serde(tag = "policy", rename_all = "snake_case", deny_unknown_fields)]
pub enum RegradePolicy {
    /// The quiz's keys as they are now.
    CurrentKey,
    /// Everybody has full marks for a question, also in later attempts.
    FullCredit {
        /// The question.
        question: QuestionId,
    },
    /// A question counts for nothing, also in later attempts.
    DropQuestion {
        /// The question.
        question: QuestionId,
    },
}

/// What a regrade would do to one attempt.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct RegradeChange {
    /// The attempt.
    pub attempt_id: AttemptId,
    /// The learner.
    pub student_id: UserId,
    /// 1 for the first.
    pub attempt_no: i64,
    /// Its score now; absent while an answer waits.
    pub before: Option<Score>,
    /// Its score afterwards.
    pub after: Option<Score>,
    /// Questions that the present key does not fit, because their type or their ids differ: left alone.
    pub not_comparable: Vec<QuestionId>,
}

/// A page of what a regrade would do.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct RegradePreview {
    /// The attempts that were handed in, of the page's enrollments; unchanged ones too.
    pub attempts: Vec<RegradeChange>,
    /// Where the next page begins; absent after the last one.
    pub next: Option<Uuid>,
}

/// The revisions that a chunk of a regrade grades by.
pub(crate) struct RegradeKeys {
    adjustments: BTreeMap<Uuid, Adjustment>,
    by_id: BTreeMap<RevisionId, Arc<RevisionContent>>,
}

impl RegradeKeys {
    fn content(&self, id: RevisionId) -> Result<&RevisionContent, Error> {
        self.by_id.get(&id).map(AsRef::as_ref).ok_or_else(|| corrupt("quiz_revisions", "id", id))
    }
}

/// An attempt graded again: what it comes to, and by which revision; `None` where it stays as it is.
fn grade_again(
    attempt: &QuizAttempt,
    revision: Option<RevisionId>,
    only_if_higher: bool,
    keys: &RegradeKeys,
) -> Result<Option<(Regraded, Option<RevisionId>)>, Error> {
    if !matches!(attempt.state, AttemptState::PendingReview | AttemptState::Graded) {
        return Ok(None);
    }
    let damaged = || corrupt("quiz_attempts", "graded", attempt.id);
    let saved = attempt.saved().map_err(|_| corrupt("quiz_attempts", "answers", attempt.id))?;
    let before = attempt.graded_answers().map_err(|_| damaged())?.ok_or_else(damaged)?;
    // A full credit or a drop grades by the keys of the last regrade, so that it takes nothing back.
    let by = revision.or(attempt.graded_with_revision);
    let (own, other) = (keys.content(attempt.revision_id)?, keys.content(by.unwrap_or(attempt.revision_id))?);
    let after = regraded(own, other, &saved, &before, &keys.adjustments).ok_or_else(damaged)?;
    let score = after.earned.map(|earned| Score { earned, possible: after.possible });
    if only_if_higher && is_lower(score, attempt.graded_score()) {
        return Ok(None);
    }
    Ok(Some((after, by)))
}

/// Writes what changes of one learner's attempts; their kept score is the evaluator's.
pub(crate) fn regrade_attempts(
    work: &mut Work,
    params: &RegradeParams,
    keys: &RegradeKeys,
    attempts: Vec<QuizAttempt>,
    record: &mut LearnerRecord,
) -> Result<(), Error> {
    let now = work.command.now;
    for attempt in attempts {
        let Some((after, by)) = grade_again(&attempt, params.revision, params.only_if_higher, keys)? else { continue };
        let mut row = attempt.clone();
        row.graded = Some(Json::of(&after.answers));
        row.ai_pending = after.answers.ai_pending();
        row.ai_suggested = after.answers.ai_suggested();
        row.graded_with_revision = by;
        row.possible = Some(after.possible);
        row.score = after.earned;
        if after.earned.is_some() {
            row.state = AttemptState::Graded;
        }
        let changed = (row.score, row.possible, row.state) != (attempt.score, attempt.possible, attempt.state)
            || attempt.graded != row.graded;
        if !changed && row == attempt {
            continue;
        }
        row.version += 1;
        row.updated_at = now;
        work.batch.expect.push(Expect::Attempt { id: row.id, state: attempt.state, version: attempt.version });
        if changed {
            let event = work
                .event(EventKind::GradeChanged, SubjectType::Attempt, row.id)
                .with(&serde_json::json!({ "quiz_id": row.quiz_id }));
            work.batch.events.push(event);
        }
        for head in record.attempts.iter_mut().filter(|head| head.id == row.id) {
            (head.state, head.score, head.possible) = (row.state, row.score, row.possible);
            (head.ai_pending, head.ai_suggested) = (row.ai_pending, row.ai_suggested);
        }
        work.batch.put(row);
        work.touch();
    }
    Ok(())
}

impl Quizzes<'_> {
    /// Takes an attempt out, with a reason: it counts for nothing any more and its slot is free again
    /// (A1, A3). What was completed stays completed (P4). Repeating it changes nothing.
    ///
    /// # Errors
    /// Invalid without a reason; Denied to all but instructors; NotFound.
    #[tracing::instrument(name = "lms.void_attempt", skip_all, fields(course, outcome))]
    pub async fn void(&self, attempt: AttemptId, reason: &str) -> Result<(), Error> {
        let mut checks = Checks::default();
        checks.text("reason", reason, 1, 2_000);
        checks.done()?;
        self.s
            .run(None, |command| async move {
                let context =
                    self.s.learner(LearnerScope::Attempt(attempt), SubjectType::Attempt, attempt.uuid()).await?;
                let rights = rights(self.s, &context);
                rights.require(Action::ManageLearners, rights.own, SubjectType::Attempt, attempt)?;
                let row = context.attempt.clone().ok_or_else(|| Error::not_found(SubjectType::Attempt, attempt))?;
                if row.state == AttemptState::Voided {
                    return Ok(Planned::nothing(()));
                }
                not_erased(&context)?;
                let enrollment =
                    context.enrollment.clone().ok_or_else(|| Error::not_found(SubjectType::Attempt, attempt))?;
                let mut work = Work::begin(command, &context, enrollment);
                let now = work.command.now;
                work.batch.expect.push(Expect::Attempt { id: row.id, state: row.state, version: row.version });
                let event = work
                    .event(EventKind::AttemptVoided, SubjectType::Attempt, attempt)
                    .with(&serde_json::json!({ "quiz_id": row.quiz_id }));
                work.batch.events.push(event);
                let mut after = row;
                after.state = AttemptState::Voided;
                after.void_reason = Some(reason.to_owned());
                // What counts for nothing waits for nobody.
                (after.ai_pending, after.ai_suggested) = (0, 0);
                let batch = self.settle(work, &context, after, now).await?;
                Ok(Planned { batch, outcome: () })
            })
            .await
    }

    async fn quiz_for_regrade(&self, quiz: QuizId) -> Result<(ContentContext, Quiz), Error> {
        let context =
            self.s.catalog().content(ContentRef::Quiz(quiz), Action::ManageLearners, SubjectType::Quiz, quiz).await?;
        let row = context.quiz.clone().ok_or_else(|| Error::not_found(SubjectType::Quiz, quiz))?;
        Ok((context, row))
    }

    /// The quiz with what the policy adds to it. A question that left the draft is still one of the quiz where
    /// an attempt began with it.
    async fn adjusted(&self, context: &ContentContext, quiz: &Quiz, policy: RegradePolicy) -> Result<Quiz, Error> {
        let (question, adjustment) = match policy {
            RegradePolicy::CurrentKey => return Ok(quiz.clone()),
            RegradePolicy::FullCredit { question } => (question, Adjustment::FullCredit),
            RegradePolicy::DropQuestion { question } => (question, Adjustment::Dropped),
        };
        let mut adjustments = adjustments_of(quiz)?;
        if !context.questions.iter().any(|q| q.id == question)
            && !adjustments.questions.contains_key(&question.uuid())
            && self.s.store().revision_with(quiz.id, question).await?.is_none()
        {
            return Err(Error::not_found(SubjectType::Question, question));
        }
        adjustments.questions.insert(question.uuid(), adjustment);
        let dropped = |q: &QuizQuestion| adjustments.questions.get(&q.id.uuid()) == Some(&Adjustment::Dropped);
        if quiz.pass_threshold_bp.is_some()
            && context.questions.iter().filter(|q| !dropped(q)).all(|q| q.points == Points::ZERO)
        {
            let message = "without this question the quiz is worth 0 points and cannot have a threshold";
            return Err(Error::invalid("quiz.worthless", "question", message));
        }
        Ok(Quiz { adjustments: Json::of(&adjustments), ..quiz.clone() })
    }

    /// What a regrade would do, page by page over the quiz's learners, and nothing written (A12).
    ///
    /// # Errors
    /// Denied to all but instructors; NotFound; Invalid where the quiz would be worth nothing (N6).
    #[tracing::instrument(name = "lms.preview_regrade", skip_all, fields(course, outcome))]
    pub async fn preview_regrade(
        &self,
        quiz: QuizId,
        policy: RegradePolicy,
        only_if_higher: bool,
        page: ById,
    ) -> Result<RegradePreview, Error> {
        let (context, row) = self.quiz_for_regrade(quiz).await?;
        let after = self.adjusted(&context, &row, policy).await?;
        let limit = page.limit.clamp(1, 50);
        let enrollments = self.s.store().enrollments(context.course.id, ById { after: page.after, limit }).await?;
        let (Some(first), Some(last)) = (enrollments.first(), enrollments.last()) else {
            return Ok(RegradePreview { attempts: Vec::new(), next: None });
        };
        let attempts = self.s.store().attempts(quiz, first.id, last.id).await?;
        let mut keys = RegradeKeys { adjustments: adjustments_of(&after)?.questions, by_id: BTreeMap::new() };
        let revision = match policy {
            RegradePolicy::CurrentKey => {
                let current = revision_of(&row, &context.questions, self.s.lms.now())?;
                let content = current.questions().map_err(|_| corrupt("quiz_revisions", "content", current.id))?;
                keys.by_id.insert(current.id, Arc::new(content));
                Some(current.id)
            }
            _ => None,
        };
        self.fill(&mut keys, &attempts).await?;
        let mut found = Vec::new();
        for attempt in &attempts {
            if !matches!(attempt.state, AttemptState::PendingReview | AttemptState::Graded) {
                continue;
            }
            let before = attempt.graded_score();
            let again = grade_again(attempt, revision, only_if_higher, &keys)?;
            found.push(RegradeChange {
                attempt_id: attempt.id,
                student_id: attempt.student_id,
                attempt_no: attempt.attempt_no,
                before,
                after: match &again {
                    Some((after, _)) => after.earned.map(|earned| Score { earned, possible: after.possible }),
                    None => before,
                },
                not_comparable: again.map(|(after, _)| after.not_comparable).unwrap_or_default(),
            });
        }
        let next = (enrollments.len() == limit as usize).then(|| last.id.uuid());
        Ok(RegradePreview { attempts: found, next })
    }

    /// Grades every attempt at a quiz again (A12): as a job, each attempt with its kept score and what it
    /// completes in one transaction, one event per attempt that changes. Marks by people are left alone.
    /// The call returns when the job is done; a job that was cut short goes on in the background.
    ///
    /// Each attempt keeps the questions and points of its own revision. Full credit and a dropped question
    /// stay with the quiz and count for later attempts too.
    ///
    /// # Errors
    /// Denied to all but instructors; NotFound; Invalid where the quiz would be worth nothing (N6).
    #[tracing::instrument(name = "lms.regrade", skip_all, fields(course, outcome))]
    pub async fn regrade(&self, quiz: QuizId, policy: RegradePolicy, only_if_higher: bool) -> Result<JobId, Error> {
        self.s
            .catalog()
            .edit(|mut command| async move {
                let (context, row) = self.quiz_for_regrade(quiz).await?;
                let job = JobId::from_uuid(command.derived("job", 0));
                if command.done {
                    return Ok(Planned::nothing((job, Some(job))));
                }
                let mut after = self.adjusted(&context, &row, policy).await?;
                let mut edit = StructureEdit::of(&context.course);
                edit.batch.expect.push(Expect::Row { table: Table::Quiz, id: quiz.uuid(), version: row.version });
                let revision = match policy {
                    RegradePolicy::CurrentKey => {
                        let current = revision_of(&row, &context.questions, command.now)?;
                        let id = current.id;
                        edit.batch.changes.push(Change::Ensure(Row::QuizRevision(current)));
                        Some(id)
                    }
                    _ => None,
                };
                if after.adjustments != row.adjustments {
                    after.version += 1;
                    after.updated_at = command.now;
                    edit.batch.put(after);
                }
                let event = changed(&mut command, context.course.id, SubjectType::Quiz, quiz, "regraded", false);
                edit.batch.events.push(event);
                let params = RegradeParams { quiz, revision, only_if_higher };
                let (batch, job_id) = edit.finish_with(&command, false, Some((JobKind::Regrade, Json::of(&params))));
                Ok(Planned { batch, outcome: (job, job_id) })
            })
            .await
    }

    /// What a chunk of a regrade grades by.
    pub(crate) async fn keys_for(
        &self,
        structure: &CourseStructure,
        params: &RegradeParams,
        attempts: &[QuizAttempt],
    ) -> Result<RegradeKeys, Error> {
        let quiz = structure.quizzes.iter().find(|q| q.id == params.quiz);
        let adjustments = quiz.map(adjustments_of).transpose()?.unwrap_or_default();
        let mut keys = RegradeKeys { adjustments: adjustments.questions, by_id: BTreeMap::new() };
        if let Some(id) = params.revision.filter(|_| !attempts.is_empty()) {
            keys.by_id.insert(id, self.revision(id).await?);
        }
        self.fill(&mut keys, attempts).await?;
        Ok(keys)
    }

    async fn fill(&self, keys: &mut RegradeKeys, attempts: &[QuizAttempt]) -> Result<(), Error> {
        let mut wanted = std::collections::BTreeSet::new();
        for attempt in attempts {
            wanted.insert(attempt.revision_id);
            wanted.extend(attempt.graded_with_revision);
        }
        for id in wanted {
            if let std::collections::btree_map::Entry::Vacant(free) = keys.by_id.entry(id) {
                free.insert(self.revision(id).await?);
            }
        }
        Ok(())
    }
}

/// What regrades did with questions of the quiz for good.
pub(super) fn adjustments_of(quiz: &Quiz) -> Result<Adjustments, Error> {
    quiz.adjustments.read().map_err(|_| corrupt("quizzes", "adjustments", quiz.id))
}
