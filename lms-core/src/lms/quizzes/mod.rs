//! Attempts: starting, saving, handing in, expiring, grading (A, Q12, Q14, Q15).

mod regrade;

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::error::{Error, Problem, Refusal};
use crate::lms::assignments::{entry_id, entry_of};
use crate::lms::learner::{Work, access, enrolled, open, result_of, rights};
use crate::lms::{Command, Planned, Quizzes, Session};
use crate::model::question::{Answer, QuestionView};
use crate::model::table::Json;
use crate::model::*;
use crate::rules::access::effective_cutoff;
use crate::rules::grading::{self, AnswerState};
use crate::rules::permission::Action;
use crate::rules::regrade::{adjust, record_of, restored};
use crate::rules::{grades, shuffle};
use crate::store::{
    AttemptHead, Change, Expect, LearnerContext, LearnerScope, Row, StoreError, StoreErrorKind, Table, WriteBatch,
};

pub use regrade::*;

/// An attempt as its learner sees it: no key, no correctness, no explanation until the quiz's
/// policy reveals them (Q14).
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct AttemptView {
    /// The attempt.
    pub id: AttemptId,
    /// The quiz.
    pub quiz_id: QuizId,
    /// 1 for the first.
    pub attempt_no: i64,
    /// Where it stands.
    pub state: AttemptState,
    /// Whether its time is up and it only waits to be finished (A6).
    pub grading_due: bool,
    /// When it was started.
    pub started_at: Timestamp,
    /// When its time is up.
    pub deadline: Option<Timestamp>,
    /// When it was handed in.
    pub completed_at: Option<Timestamp>,
    /// How it ended.
    pub finish_reason: Option<FinishReason>,
    /// The questions in the order drawn for it (A11).
    pub questions: Vec<QuestionView>,
    /// What was answered.
    pub answers: BTreeMap<Uuid, Answer>,
    /// Earned and possible, once graded.
    pub score: Option<Score>,
    /// The percent shown.
    pub percent: Option<Percent>,
    /// Keys and explanations, once the policy reveals them.
    pub review: Option<Vec<ReviewedAnswer>>,
}

/// One answer with its key, once revealed.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct ReviewedAnswer {
    /// The question.
    pub question_id: QuestionId,
    /// What became of the answer.
    pub state: AnswerState,
    /// What it earned.
    pub earned: Option<Points>,
    /// The key, as the question's type writes it.
    pub key: serde_json::Value,
    /// Why.
    pub explanation: String,
    /// Who graded it (S16).
    pub grader_kind: GraderKind,
    /// What the grader wrote.
    pub feedback: Option<String>,
}

/// What stands after a save, per question (A7).
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct SaveReport {
    /// What stands now for each question of the patch, and from which client.
    pub answers: BTreeMap<Uuid, SavedAnswer>,
    /// Answers that were not saved, and why; the others were.
    pub problems: Vec<Problem>,
    /// Whether the whole patch was older than what this client had sent before: nothing was done.
    pub stale: bool,
}

/// What became of a sweep (A6).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct SweepReport {
    /// Attempts that were finished.
    pub done: u32,
    /// Attempts that somebody else finished first.
    pub skipped: u32,
    /// Attempts that could not be finished.
    pub failed: u32,
}

/// A mark for one answer (Q12).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct AnswerGrade {
    /// What it earns, 0 to the question's points.
    pub points: Points,
    /// What the learner reads.
    #[serde(default)]
    pub feedback: Option<String>,
    /// The newest human entry that the grader has seen (S10); 0 for none.
    #[serde(default)]
    pub seen_seq: i64,
}

fn corrupt(table: &'static str, column: &'static str, row: impl Into<Uuid>) -> Error {
    StoreError::new(StoreErrorKind::Corrupt { table, column, id: Some(row.into()) }).into()
}

impl Quizzes<'_> {
    fn me(&self) -> Result<UserId, Error> {
        match &self.s.actor {
            Actor::User { id } => Ok(*id),
            _ => Err(Error::Denied { action: Action::Learn }),
        }
    }

    /// Starts an attempt, or returns the one that is open (A2).
    ///
    /// # Errors
    /// Locked with every reason; AttemptsUsedUp; NotFound.
    #[tracing::instrument(name = "lms.start_attempt", skip_all)]
    pub async fn start(&self, quiz: QuizId) -> Result<AttemptView, Error> {
        let me = self.me()?;
        let scope = LearnerScope::Quiz(quiz, me);
        let present = self.s.learner(scope, SubjectType::Quiz, quiz.uuid()).await?;
        if let Some(attempt) = present.attempt.as_ref().filter(|a| overdue(a, present.quiz.as_ref(), self.s.lms.now()))
        {
            self.finish(attempt.id, None).await?;
        }
        let attempt = self.s.run(Some(me.uuid()), |command| self.plan_start(command, quiz, me)).await?;
        self.view(attempt).await
    }

    async fn plan_start(&self, command: Command, quiz_id: QuizId, me: UserId) -> Result<Planned<AttemptId>, Error> {
        let context = self.s.learner(LearnerScope::Quiz(quiz_id, me), SubjectType::Quiz, quiz_id.uuid()).await?;
        let enrollment = enrolled(self.s, &context, SubjectType::Quiz, quiz_id.uuid())?;
        let quiz = context.quiz.clone().ok_or_else(|| Error::not_found(SubjectType::Quiz, quiz_id))?;
        if let Some(attempt) = &context.attempt {
            return Ok(Planned::nothing(attempt.id));
        }
        open(&context, command.now)?;
        let facts = access(&context);
        let own = facts.item_override;
        let used = context.attempts.iter().filter(|a| a.state != AttemptState::Voided).count();
        if let Some(max) = quiz.max_attempts {
            let allowed = max.saturating_add(own.map_or(0, |o| o.extra_attempts));
            if i64::try_from(used).unwrap_or(i64::MAX) >= allowed {
                return Err(Refusal::AttemptsUsedUp { allowed }.into());
            }
        }
        let questions = self.s.store().questions(quiz_id).await?;
        let revision = revision_of(&quiz, &questions, command.now)?;
        let deadline = deadline_of(&quiz, own, command.now);
        let mut seed = [0_u8; 8];
        self.s.lms.ids().fill(&mut seed);
        let attempt = QuizAttempt {
            id: command.new_id(),
            quiz_id,
            enrollment_id: enrollment.id,
            course_id: enrollment.course_id,
            student_id: enrollment.student_id,
            attempt_no: context.attempts.iter().map(|a| a.attempt_no).max().unwrap_or(0) + 1,
            state: AttemptState::InProgress,
            revision_id: revision.id,
            seed: i64::from_be_bytes(seed),
            score: None,
            possible: None,
            started_at: command.now,
            deadline,
            completed_at: None,
            finish_reason: None,
            answers: Json::of(&SavedAnswers::default()),
            graded: None,
            graded_with_revision: None,
            void_reason: None,
            version: 1,
            created_at: command.now,
            updated_at: command.now,
        };
        let mut work = Work::begin(command, &context, enrollment);
        work.batch.expect.push(Expect::Row { table: Table::Quiz, id: quiz_id.uuid(), version: quiz.version });
        work.batch.changes.push(Change::Ensure(Row::QuizRevision(revision)));
        let id = attempt.id;
        work.batch.insert(attempt);
        work.touch();
        let event = work
            .event(EventKind::QuizStarted, SubjectType::Attempt, id)
            .by_learner(true)
            .with(&serde_json::json!({ "quiz_id": quiz_id }));
        work.batch.events.push(event);
        let now = work.command.now;
        let batch = work.finish(&self.s.lms, now).await?;
        Ok(Planned { batch, outcome: id })
    }

    /// Saves answers while the attempt is open: a partial patch, `None` clears an answer (A7).
    ///
    /// `client` names the tab or device and `seq` counts up within it: what is not newer than the
    /// last seen of the same client is a success that does nothing.
    ///
    /// # Errors
    /// AttemptClosed once it is handed in or its time and grace are over; NotFound.
    #[tracing::instrument(name = "lms.save_answers", skip_all)]
    pub async fn save(
        &self,
        attempt: AttemptId,
        client: &str,
        seq: i64,
        patch: BTreeMap<Uuid, Option<Answer>>,
    ) -> Result<SaveReport, Error> {
        let me = self.me()?;
        if client.is_empty() || client.chars().count() > 100 || client.contains('\0') {
            return Err(Error::invalid("attempt.client", "client", "must have 1 to 100 characters"));
        }
        let patch = &patch;
        self.s
            .run(Some(me.uuid()), |command| async move {
                let context =
                    self.s.learner(LearnerScope::Attempt(attempt), SubjectType::Attempt, attempt.uuid()).await?;
                let row = self.own_attempt(&context, attempt, me)?;
                if row.state != AttemptState::InProgress
                    || is_gone(&context)
                    || overdue(&row, context.quiz.as_ref(), command.now)
                {
                    return Err(Refusal::AttemptClosed {}.into());
                }
                let mut saved = row.saved().map_err(|_| corrupt("quiz_attempts", "answers", row.id))?;
                let mut report = SaveReport { answers: BTreeMap::new(), problems: Vec::new(), stale: false };
                if saved.clients.get(client).is_some_and(|last| seq <= *last) {
                    report.stale = true;
                } else {
                    let content = self.revision(row.revision_id).await?;
                    for (id, answer) in patch {
                        let Some(question) = content.questions.iter().find(|q| q.id.uuid() == *id) else {
                            report.problems.push(Problem::new(
                                "answer.unknown_question",
                                format!("answers.{id}"),
                                "the attempt has no such question",
                            ));
                            continue;
                        };
                        if let Some(answer) = answer
                            && let Err(e) = grading::check_answer(&question.body, answer)
                        {
                            report.problems.push(Problem::new(e.code(), format!("answers.{id}"), e.to_string()));
                            continue;
                        }
                        saved.answers.insert(
                            *id,
                            SavedAnswer { answer: answer.clone(), client: client.to_owned(), at: command.now },
                        );
                    }
                    saved.clients.insert(client.to_owned(), seq);
                    if saved.clients.len() > 100 {
                        return Err(Error::invalid("attempt.clients", "client", "an attempt has at most 100 clients"));
                    }
                }
                for id in patch.keys() {
                    if let Some(stands) = saved.answers.get(id) {
                        report.answers.insert(*id, stands.clone());
                    }
                }
                if report.stale {
                    return Ok(Planned::nothing(report));
                }
                let answers = Json::of(&saved);
                if answers.as_str().len() > MAX_ANSWERS {
                    return Err(Error::invalid("attempt.answers", "answers", "all answers together are at most 4 MiB"));
                }
                let mut batch = WriteBatch::default();
                batch.expect.push(Expect::Attempt {
                    id: attempt,
                    state: AttemptState::InProgress,
                    version: row.version,
                });
                batch.changes.push(Change::SaveAnswers { attempt, answers, version: row.version + 1, at: command.now });
                Ok(Planned { batch, outcome: report })
            })
            .await
    }

    /// Hands an attempt in. A repeat (double click, lost response, other tab) returns the first
    /// result (A8). Questions with a key are graded at once; an essay waits for a person or AI.
    ///
    /// # Errors
    /// NotFound, also to everybody but the learner.
    #[tracing::instrument(name = "lms.submit_attempt", skip_all)]
    pub async fn submit(&self, attempt: AttemptId) -> Result<AttemptView, Error> {
        let me = self.me()?;
        self.finish(attempt, Some(me)).await?;
        self.view(attempt).await
    }

    /// Finishes the open attempts of a learner who has left (A13).
    pub(crate) async fn finish_all_of(&self, course: CourseId, student: UserId) -> Result<(), Error> {
        let Some(record) = self.s.store().record(course, student).await? else { return Ok(()) };
        for attempt in record.attempts.iter().filter(|a| a.state == AttemptState::InProgress) {
            self.finish(attempt.id, None).await?;
        }
        Ok(())
    }

    /// Finishes an attempt: handed in by its learner, or expired. Returns whether this call did.
    async fn finish(&self, attempt: AttemptId, learner: Option<UserId>) -> Result<bool, Error> {
        self.s.run(learner.map(Id::uuid), |command| self.plan_finish(command, attempt, learner)).await
    }

    /// Handing in as a plan.
    pub(crate) async fn plan_finish(
        &self,
        command: Command,
        attempt: AttemptId,
        learner: Option<UserId>,
    ) -> Result<Planned<bool>, Error> {
        let context = self.s.learner(LearnerScope::Attempt(attempt), SubjectType::Attempt, attempt.uuid()).await?;
        let row = match learner {
            Some(me) => self.own_attempt(&context, attempt, me)?,
            None => context.attempt.clone().ok_or_else(|| Error::not_found(SubjectType::Attempt, attempt))?,
        };
        if row.state != AttemptState::InProgress {
            return Ok(Planned::nothing(false));
        }
        let expired = is_gone(&context) || overdue(&row, context.quiz.as_ref(), command.now);
        if learner.is_none() && !expired {
            return Ok(Planned::nothing(false));
        }
        let content = self.revision(row.revision_id).await?;
        let saved = row.saved().map_err(|_| corrupt("quiz_attempts", "answers", row.id))?;
        let adjustments = context.quiz.as_ref().map(regrade::adjustments_of).transpose()?.unwrap_or_default();
        let mut records = Vec::with_capacity(content.questions.len());
        let mut graded = Vec::with_capacity(content.questions.len());
        for question in &content.questions {
            let answer = saved.answers.get(&question.id.uuid()).and_then(|s| s.answer.as_ref());
            let mut one = grading::grade(&question.body, question.points, question.negative_points, answer);
            adjust(&mut one, adjustments.questions.get(&question.id.uuid()).copied());
            records.push(record_of(question, &one));
            graded.push(one);
        }
        let total = grading::total(&graded);
        let enrollment = context.enrollment.clone().ok_or_else(|| Error::not_found(SubjectType::Attempt, attempt))?;
        let mut work = Work::begin(command, &context, enrollment);
        let now = work.command.now;
        work.batch.expect.push(Expect::Attempt { id: row.id, state: row.state, version: row.version });
        let mut after = row.clone();
        after.completed_at = Some(row.deadline.map_or(now, |deadline| deadline.min(now)).max(row.started_at));
        after.finish_reason = Some(if expired { FinishReason::Expired } else { FinishReason::Submitted });
        after.state = if total.earned.is_some() { AttemptState::Graded } else { AttemptState::PendingReview };
        after.score = total.earned;
        after.possible = Some(total.possible);
        after.graded = Some(Json::of(&GradedAnswers { format: 1, answers: records }));
        let kind = if expired { EventKind::QuizExpired } else { EventKind::QuizSubmitted };
        let meta = serde_json::json!({ "quiz_id": row.quiz_id });
        let event = work.event(kind, SubjectType::Attempt, row.id).by_learner(!expired).with(&meta);
        work.batch.events.push(event);
        let batch = self.settle(work, &context, after, now).await?;
        Ok(Planned { batch, outcome: true })
    }

    /// Writes a changed attempt, its kept score, and all that follows from it.
    async fn settle(
        &self,
        mut work: Work,
        context: &LearnerContext,
        mut attempt: QuizAttempt,
        at: Timestamp,
    ) -> Result<WriteBatch, Error> {
        let before = context.attempt.as_ref().map_or(AttemptState::InProgress, |a| a.state);
        if before != attempt.state && !before.may_become(attempt.state) {
            return Err(Refusal::AttemptClosed {}.into());
        }
        attempt.version += 1;
        attempt.updated_at = work.command.now;
        work.touch();
        if attempt.state == AttemptState::Graded {
            let event = work
                .event(EventKind::QuizGraded, SubjectType::Attempt, attempt.id)
                .with(&serde_json::json!({ "quiz_id": attempt.quiz_id }));
            work.batch.events.push(event);
        }
        let head = AttemptHead {
            id: attempt.id,
            quiz_id: attempt.quiz_id,
            enrollment_id: attempt.enrollment_id,
            attempt_no: attempt.attempt_no,
            state: attempt.state,
            score: attempt.score,
            possible: attempt.possible,
            deadline: attempt.deadline,
            completed_at: attempt.completed_at,
        };
        let mut heads: Vec<AttemptHead> = context.attempts.iter().filter(|a| a.id != attempt.id).cloned().collect();
        heads.push(head);
        work.batch.put(attempt.clone());
        if let (Some(quiz), Some(mut lesson_work)) = (context.quiz.as_ref(), context.work.clone()) {
            let before_counts = lesson_work.counts();
            let before = lesson_work.result(quiz.id).cloned();
            let id = RowId::from_uuid(work.command.derived("result", 0));
            let result = result_of(quiz, &heads, before.as_ref(), &work.enrollment, id, work.command.now);
            if result.passed != before.as_ref().and_then(|r| r.passed)
                && let Some(passed) = result.passed
            {
                let kind = if passed { EventKind::QuizPassed } else { EventKind::QuizFailed };
                let event = work.event(kind, SubjectType::Quiz, quiz.id);
                work.batch.events.push(event);
            }
            lesson_work.results.retain(|r| r.quiz_id != quiz.id);
            lesson_work.results.push(result.clone());
            work.batch.upsert(result);
            work.score_quiz(quiz, &lesson_work);
            work.apply_rule(&mut lesson_work, at);
            work.recount(before_counts, lesson_work.counts());
        }
        work.finish(&self.s.lms, at).await
    }

    /// An attempt: to its learner, and to the course's staff. Reading never writes, but for its
    /// owner's look at an overdue one, which finishes it (A6).
    ///
    /// # Errors
    /// NotFound to everybody else.
    #[tracing::instrument(name = "lms.view_attempt", skip_all)]
    pub async fn view_attempt(&self, attempt: AttemptId) -> Result<AttemptView, Error> {
        let context = self.s.learner(LearnerScope::Attempt(attempt), SubjectType::Attempt, attempt.uuid()).await?;
        let rights = rights(self.s, &context);
        let row = context.attempt.as_ref().ok_or_else(|| Error::not_found(SubjectType::Attempt, attempt))?;
        if rights.own
            && row.state == AttemptState::InProgress
            && (is_gone(&context) || overdue(row, context.quiz.as_ref(), self.s.lms.now()))
        {
            self.finish(attempt, None).await?;
        }
        self.view(attempt).await
    }

    async fn view(&self, attempt: AttemptId) -> Result<AttemptView, Error> {
        let context = self.s.learner(LearnerScope::Attempt(attempt), SubjectType::Attempt, attempt.uuid()).await?;
        let rights = rights(self.s, &context);
        if !(rights.own || rights.may(Action::ReadWork)) {
            return Err(Error::not_found(SubjectType::Attempt, attempt));
        }
        let row = context.attempt.clone().ok_or_else(|| Error::not_found(SubjectType::Attempt, attempt))?;
        let content = self.revision(row.revision_id).await?;
        let quiz = context.quiz.as_ref();
        let saved = row.saved().map_err(|_| corrupt("quiz_attempts", "answers", row.id))?;
        let graded = row.graded_answers().map_err(|_| corrupt("quiz_attempts", "graded", row.id))?;
        let mut questions: Vec<QuestionView> = content.questions.iter().map(RevisionQuestion::view).collect();
        if quiz.is_some_and(|q| q.shuffle_questions) {
            questions = shuffle::shuffled(questions, row.seed, "questions");
        }
        if quiz.is_some_and(|q| q.shuffle_options) {
            for question in &mut questions {
                question.shuffle_options(row.seed);
            }
        }
        let finished = row.state != AttemptState::InProgress;
        let passed = context.work.as_ref().and_then(|w| w.result(row.quiz_id)).and_then(|r| r.passed).unwrap_or(false);
        let no_attempt_left = quiz.and_then(|q| q.max_attempts).is_some_and(|max| {
            let extra = access(&context).item_override.map_or(0, |o| o.extra_attempts);
            let used = context.attempts.iter().filter(|a| a.state != AttemptState::Voided).count();
            i64::try_from(used).unwrap_or(i64::MAX) >= max.saturating_add(extra)
        });
        let revealed = rights.may(Action::ReadWork)
            || quiz.is_some_and(|q| match q.reveal {
                Reveal::Never => false,
                Reveal::AfterSubmit => finished,
                Reveal::AfterGraded => row.state == AttemptState::Graded,
                Reveal::AfterLastAttemptOrPass => finished && (passed || no_attempt_left),
            });
        let score = row.graded_score();
        let review = match (revealed, &graded) {
            (true, Some(graded)) => Some(
                graded
                    .answers
                    .iter()
                    .filter_map(|record| {
                        let question = content.questions.iter().find(|q| q.id == record.question_id)?;
                        Some(ReviewedAnswer {
                            question_id: record.question_id,
                            state: record.state,
                            earned: record.earned,
                            key: question.body.learner_key(),
                            explanation: question.explanation.clone(),
                            grader_kind: record.grader_kind,
                            feedback: record.feedback.clone(),
                        })
                    })
                    .collect(),
            ),
            _ => None,
        };
        Ok(AttemptView {
            id: row.id,
            quiz_id: row.quiz_id,
            attempt_no: row.attempt_no,
            state: row.state,
            grading_due: !finished && (is_gone(&context) || overdue(&row, quiz, self.s.lms.now())),
            started_at: row.started_at,
            deadline: row.deadline,
            completed_at: row.completed_at,
            finish_reason: row.finish_reason,
            questions,
            answers: saved.answers.into_iter().filter_map(|(id, s)| s.answer.map(|a| (id, a))).collect(),
            score,
            percent: score.and_then(|s| s.percent()),
            review,
        })
    }

    /// Finishes attempts whose deadline and grace are over, at most `limit` of them (A6). Their
    /// finish time is the deadline; what follows for lesson and course happens now.
    ///
    /// # Errors
    /// Denied to all but the system.
    #[tracing::instrument(name = "lms.expire_due", skip_all)]
    pub async fn expire_due(&self, limit: u32) -> Result<SweepReport, Error> {
        if !matches!(self.s.actor, Actor::System { .. }) {
            return Err(Error::Denied { action: Action::Learn });
        }
        let mut report = SweepReport::default();
        for id in self.s.store().overdue_attempts(self.s.lms.now(), limit.clamp(1, 1_000)).await? {
            match self.finish(id, None).await {
                Ok(true) => report.done += 1,
                Ok(false) | Err(Error::NotFound { .. } | Error::Busy) => report.skipped += 1,
                Err(e) => {
                    tracing::warn!(code = e.code(), "an overdue attempt could not be finished");
                    report.failed += 1;
                }
            }
        }
        Ok(report)
    }

    /// Grades one essay answer by a person (Q12). The last one that waits moves the attempt to
    /// graded, and all that follows is in the same transaction.
    ///
    /// # Errors
    /// NotGradable; GradeOutOfRange; GradeNewer where somebody graded it since (S10); Denied.
    #[tracing::instrument(name = "lms.grade_answer", skip_all)]
    pub async fn grade_answer(
        &self,
        attempt: AttemptId,
        question: QuestionId,
        grade: AnswerGrade,
    ) -> Result<(), Error> {
        let grade = &grade;
        self.s.run(None, |command| self.plan_grade(command, attempt, question, grade)).await
    }

    /// Grading an answer as a plan.
    pub(crate) async fn plan_grade(
        &self,
        command: Command,
        attempt: AttemptId,
        question: QuestionId,
        grade: &AnswerGrade,
    ) -> Result<Planned<()>, Error> {
        let context = self.s.learner(LearnerScope::Attempt(attempt), SubjectType::Attempt, attempt.uuid()).await?;
        let rights = rights(self.s, &context);
        rights.require(Action::Grade, rights.own, SubjectType::Attempt, attempt)?;
        let Actor::User { id: grader } = command.actor.clone() else {
            return Err(Error::Denied { action: Action::Grade });
        };
        if entry_of(&command, &context.history).is_some() {
            return Ok(Planned::nothing(()));
        }
        let row = context.attempt.clone().ok_or_else(|| Error::not_found(SubjectType::Attempt, attempt))?;
        if !matches!(row.state, AttemptState::PendingReview | AttemptState::Graded) {
            return Err(Refusal::NotGradable {}.into());
        }
        let content = self.revision(row.revision_id).await?;
        let mut graded = row
            .graded_answers()
            .map_err(|_| corrupt("quiz_attempts", "graded", row.id))?
            .ok_or(Refusal::NotGradable {})?;
        let Some(record) = graded.answers.iter_mut().find(|r| r.question_id == question) else {
            return Err(Error::not_found(SubjectType::Question, question));
        };
        let essay = content
            .questions
            .iter()
            .any(|q| q.id == question && q.body.question_type() == crate::model::question::QuestionType::Essay);
        if !essay {
            return Err(Refusal::NotGradable {}.into());
        }
        if grade.points < Points::ZERO || grade.points > record.possible {
            return Err(Refusal::GradeOutOfRange { max: record.possible }.into());
        }
        let history: Vec<GradeEntry> =
            context.history.iter().filter(|e| e.question_id == question.uuid()).cloned().collect();
        if let Some(seq) = grades::newest_human(&history).filter(|seq| *seq > grade.seen_seq) {
            return Err(Refusal::GradeNewer { seq }.into());
        }
        record.earned = Some(grade.points);
        record.state = AnswerState::of_points(grade.points, record.possible);
        record.fraction = None;
        record.grader_kind = GraderKind::Human;
        record.feedback = grade.feedback.clone();
        let possible = record.possible;
        let enrollment = context.enrollment.clone().ok_or_else(|| Error::not_found(SubjectType::Attempt, attempt))?;
        let mut work = Work::begin(command, &context, enrollment);
        let now = work.command.now;
        work.batch.expect.push(Expect::Attempt { id: row.id, state: row.state, version: row.version });
        work.batch.insert(GradeEntry {
            id: entry_id(&work.command),
            subject_type: GradeSubject::Answer,
            subject_id: attempt.uuid(),
            question_id: question.uuid(),
            course_id: row.course_id,
            student_id: row.student_id,
            seq: grades::next_seq(&history),
            cause: GradeCause::Graded,
            ref_seq: None,
            version_no: row.attempt_no,
            raw: Some(grade.points),
            deducted: Some(Points::ZERO),
            final_grade: Some(grade.points.min(possible)),
            feedback: grade.feedback.clone(),
            rubric_scores: None,
            grader_id: Some(grader),
            grader_kind: GraderKind::Human,
            actor_id: Some(grader),
            reason: None,
            ai_log_id: None,
            at: now,
        });
        let mut after = row.clone();
        let waits = graded.answers.iter().any(|r| r.earned.is_none());
        if !waits {
            after.state = AttemptState::Graded;
            after.score = Some(total_of(after.id, &content, &graded)?);
        }
        after.graded = Some(Json::of(&graded));
        let kind = if history.is_empty() { EventKind::AssignmentGraded } else { EventKind::GradeChanged };
        if kind == EventKind::GradeChanged {
            let event = work
                .event(kind, SubjectType::Attempt, attempt)
                .with(&serde_json::json!({ "quiz_id": row.quiz_id, "question_id": question }));
            work.batch.events.push(event);
        }
        let batch = self.settle(work, &context, after, now).await?;
        Ok(Planned { batch, outcome: () })
    }

    fn own_attempt(&self, context: &LearnerContext, id: AttemptId, me: UserId) -> Result<QuizAttempt, Error> {
        context
            .attempt
            .clone()
            .filter(|attempt| attempt.student_id == me)
            .ok_or_else(|| Error::not_found(SubjectType::Attempt, id))
    }

    pub(crate) async fn revision(&self, id: RevisionId) -> Result<Arc<RevisionContent>, Error> {
        self.s.lms.inner.revisions.get(self.s, id).await
    }
}

/// All answers of an attempt together are at most this long.
const MAX_ANSWERS: usize = 4 * 1024 * 1024;

/// The total of an attempt whose essays were graded by people: keyed answers by their exact
/// fractions, essays by their marks, summed once (N1), never below 0 (Q13).
fn total_of(attempt: AttemptId, content: &RevisionContent, graded: &GradedAnswers) -> Result<Points, Error> {
    let answers = graded
        .answers
        .iter()
        .map(|record| restored(content, record))
        .collect::<Option<Vec<_>>>()
        .ok_or_else(|| corrupt("quiz_attempts", "graded", attempt))?;
    grading::total(&answers).earned.ok_or_else(|| corrupt("quiz_attempts", "graded", attempt))
}

/// When the time of an attempt is up: its limit, with what was granted, and not past the close (A4).
fn deadline_of(quiz: &Quiz, own: Option<&Override>, started: Timestamp) -> Option<Timestamp> {
    let limit = quiz.time_limit_seconds.map(|seconds| {
        let multiplier = own.map_or(10_000, |o| o.time_multiplier_bp);
        let extended = i128::from(seconds) * i128::from(multiplier) / 10_000;
        let extra = own.map_or(0, |o| o.extra_seconds);
        started.plus_seconds(i64::try_from(extended).unwrap_or(i64::MAX).saturating_add(extra))
    });
    match (limit, effective_cutoff(quiz.closes_at, None, own)) {
        (Some(limit), Some(close)) => Some(limit.min(close)),
        (limit, close) => limit.or(close),
    }
}

/// The deadline of an open attempt after something else was granted: later by as much as the grant adds,
/// never earlier (A4). An edit of the quiz meanwhile does not count: it is for new attempts.
pub(super) fn later_deadline(
    quiz: &Quiz,
    attempt: &QuizAttempt,
    before: Option<&Override>,
    after: &Override,
) -> Option<Timestamp> {
    let stands = attempt.deadline?;
    let new = deadline_of(quiz, Some(after), attempt.started_at)?;
    let later = match deadline_of(quiz, before, attempt.started_at) {
        Some(old) => stands.plus_micros((new.as_micros() - old.as_micros()).max(0)),
        None => new,
    };
    Some(effective_cutoff(quiz.closes_at, None, Some(after)).map_or(later, |close| later.min(close)).max(stands))
}

/// Whether the learner has left: an open attempt of theirs expires at once, whatever its deadline (A13).
fn is_gone(context: &LearnerContext) -> bool {
    context.enrollment.as_ref().is_none_or(|e| e.status == EnrollmentStatus::Withdrawn)
        || context.student.as_ref().is_none_or(|student| student.erased_at.is_some())
}

/// Whether the attempt's deadline and grace are over (A5).
fn overdue(attempt: &QuizAttempt, quiz: Option<&Quiz>, now: Timestamp) -> bool {
    let grace = quiz.map_or(30, |q| q.grace_seconds);
    attempt.deadline.is_some_and(|deadline| now > deadline.plus_seconds(grace))
}

/// The revision of a quiz's present content; its id is derived from it, so that equal content is one row (Q15).
fn revision_of(quiz: &Quiz, questions: &[QuizQuestion], now: Timestamp) -> Result<QuizRevision, Error> {
    let content = RevisionContent {
        format: 1,
        questions: questions
            .iter()
            .map(|question| question.revised().map_err(|_| corrupt("quiz_questions", "correct_answer", question.id)))
            .collect::<Result<_, _>>()?,
    };
    let json = Json::of(&content);
    if json.as_str().len() > MAX_ANSWERS || questions.len() > 500 {
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
            Arc::new(row.content.read().map_err(|_| corrupt("quiz_revisions", "content", id))?);
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
