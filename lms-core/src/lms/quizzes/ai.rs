//! Marks by AI for essay answers (Q12, S10, S11).

use super::*;
use crate::error::Refusal;
use crate::lms::Planned;
use crate::lms::assignments::{AiGrade, Mark, SHORTEST_FOR_AI, check_code, check_words, raw_by, ungraded};
use crate::lms::catalog::AiOrigin;
use crate::lms::learner::{Work, rights};
use crate::model::question::QuestionBody;
use crate::model::table::Json;
use crate::rules::grades;
use crate::store::{AttemptHead, Expect, LearnerScope};

/// The essays of an attempt that was handed in, for graders.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct AttemptEssays {
    /// The attempt.
    pub attempt_id: AttemptId,
    /// 1 for the first.
    pub attempt_no: i64,
    /// Where it stands.
    pub state: AttemptState,
    /// The course.
    pub course_id: CourseId,
    /// The learner.
    pub student_id: UserId,
    /// The quiz.
    pub quiz: Quiz,
    /// What all questions of it together are worth.
    pub possible: Points,
    /// What the answers earned that are graded; the essays among them.
    pub earned: Points,
    /// The essays, in the order of the quiz.
    pub essays: Vec<EssayWork>,
}

/// One essay of an [`AttemptEssays`].
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct EssayWork {
    /// The question.
    pub question_id: QuestionId,
    /// What was asked.
    pub text: String,
    /// What it is marked by.
    pub rubric: Option<Rubric>,
    /// For staff only.
    pub staff_notes: String,
    /// What was answered.
    pub answer: String,
    /// How it is graded now.
    pub record: GradedRecord,
    /// Its grade history, by seq (S9).
    pub history: Vec<GradeEntry>,
}

/// Whether AI grades an essay that was just handed in (S11).
pub(super) fn ai_state(quiz: &Quiz, answer: Option<&Answer>) -> AiGradingState {
    if quiz.ai_grading == AiGrading::Off {
        return AiGradingState::None;
    }
    match answer {
        Some(Answer::Essay { text }) if text.trim().is_empty() => AiGradingState::NoText,
        Some(Answer::Essay { text }) if text.trim().chars().count() < SHORTEST_FOR_AI => AiGradingState::TooShort,
        Some(Answer::Essay { .. }) => AiGradingState::Pending,
        _ => AiGradingState::NoText,
    }
}

impl Quizzes<'_> {
    /// Attempts with an answer that waits for AI, oldest first: for the grading consumer.
    ///
    /// # Errors
    /// Denied to all but the system.
    pub async fn awaiting_ai(&self, limit: u32) -> Result<Vec<AttemptHead>, Error> {
        match self.s.actor {
            Actor::System { .. } => Ok(self.s.store().attempts_awaiting_ai(limit.clamp(1, 5_000)).await?),
            _ => Err(Error::Denied { action: Action::Grade }),
        }
    }

    /// The essays of an attempt with what graders need: question, rubric, answer, suggestions and history. To AI
    /// that acts for a grader, where AI grades the quiz.
    ///
    /// # Errors
    /// NotFound to everybody else; NotGradable while the attempt is open.
    #[tracing::instrument(name = "lms.essays", skip_all, fields(course, outcome))]
    pub async fn essays(&self, attempt: AttemptId) -> Result<AttemptEssays, Error> {
        let context = self.s.learner(LearnerScope::Attempt(attempt), SubjectType::Attempt, attempt.uuid()).await?;
        let missing = || Error::not_found(SubjectType::Attempt, attempt);
        let rights = rights(self.s, &context);
        if context.quiz.as_ref().is_some_and(|quiz| quiz.ai_grading != AiGrading::Off) && rights.ai {
            rights.require_ai_grader(SubjectType::Attempt, attempt)?;
        } else {
            rights.require(Action::ReadWork, false, SubjectType::Attempt, attempt)?;
        }
        let row = context.attempt.clone().ok_or_else(missing)?;
        let quiz = context.quiz.clone().ok_or_else(missing)?;
        let graded = row.graded_answers().map_err(|_| corrupt("quiz_attempts", "graded", row.id))?;
        let graded = graded.ok_or(Refusal::NotGradable {})?;
        let saved = row.saved().map_err(|_| corrupt("quiz_attempts", "answers", row.id))?;
        let content = self.revision(row.revision_id).await?;
        let mut essays = Vec::new();
        for question in &content.questions {
            let QuestionBody::Essay { rubric, staff_notes } = &question.body else { continue };
            let Some(record) = graded.answers.iter().find(|r| r.question_id == question.id) else { continue };
            let answer = match saved.answers.get(&question.id.uuid()).and_then(|s| s.answer.as_ref()) {
                Some(Answer::Essay { text }) => text.clone(),
                _ => String::new(),
            };
            essays.push(EssayWork {
                question_id: question.id,
                text: question.text.clone(),
                rubric: rubric.clone(),
                staff_notes: staff_notes.clone(),
                answer,
                record: record.clone(),
                history: context.history.iter().filter(|e| e.question_id == question.id.uuid()).cloned().collect(),
            });
        }
        let sum = |of: fn(&GradedRecord) -> Points| {
            Points::from_units(graded.answers.iter().map(|r| of(r).units()).fold(0, i64::saturating_add))
        };
        Ok(AttemptEssays {
            attempt_id: row.id,
            attempt_no: row.attempt_no,
            state: row.state,
            course_id: row.course_id,
            student_id: row.student_id,
            quiz,
            possible: sum(|r| r.possible),
            earned: sum(|r| r.earned.unwrap_or(Points::ZERO)),
            essays,
        })
    }

    /// Writes an AI grade of an essay answer that passed every check, and flips its log row, in one
    /// transaction. It is applied where the quiz says so and no person has graded the answer; otherwise,
    /// and where a review trigger fired, it is stored as a suggestion and changes nothing (S10, S11).
    ///
    /// # Errors
    /// Denied where AI does not grade this quiz; OperationNotValid when the log row is not `valid`;
    /// NotGradable; GradeOutOfRange; RubricMismatch.
    #[tracing::instrument(name = "lms.apply_ai_answer_grade", skip_all, fields(course, outcome))]
    pub async fn apply_ai_answer_grade(
        &self,
        attempt: AttemptId,
        question: QuestionId,
        grade: AiGrade,
        origin: AiOrigin,
    ) -> Result<AnswerMark, Error> {
        let grade = &grade;
        self.s
            .clone()
            .with_command_id(origin.operation_id)
            .run(None, |command| async move {
                let Actor::Ai { user: grader, .. } = command.actor.clone() else {
                    return Err(Error::Denied { action: Action::Grade });
                };
                let answer = self.essay(attempt, question).await?;
                if let Some(stands) = answer.done_before(&command)? {
                    return Ok(Planned::nothing(stands));
                }
                let ai_grading = answer.context.quiz.as_ref().map_or(AiGrading::Off, |quiz| quiz.ai_grading);
                if ai_grading == AiGrading::Off {
                    return Err(Error::Denied { action: Action::Grade });
                }
                let log = self
                    .s
                    .store()
                    .ai_log(origin.log_id)
                    .await?
                    .filter(|log| log.operation_id == origin.operation_id)
                    .ok_or_else(|| Error::not_found(SubjectType::AiLog, origin.log_id))?;
                if log.status != AiLogStatus::Valid {
                    return Err(Refusal::OperationNotValid { status: log.status }.into());
                }
                check_words(Some(&grade.feedback), None)?;
                let max = answer.record()?.possible;
                let scores = grade.rubric_scores.as_ref();
                let raw = raw_by(answer.rubric(), max, Some(grade.points), scores)?;
                let by_human = grades::current(&answer.history).is_some_and(|e| e.grader_kind == GraderKind::Human);
                let apply = ai_grading == AiGrading::Apply && !grade.needs_review && !by_human;
                let mark = Mark {
                    cause: if apply { GradeCause::Graded } else { GradeCause::Suggested },
                    ref_seq: None,
                    raw,
                    feedback: Some(grade.feedback.clone()),
                    rubric_scores: scores.map(Json::of),
                    grader_id: grader,
                    kind: GraderKind::Ai,
                    reason: (!grade.reasons.is_empty()).then(|| grade.reasons.join(", ")),
                    ai_log_id: Some(origin.log_id),
                };
                self.write_answer_mark(command, answer, mark, Some(origin)).await
            })
            .await
    }

    /// Says that AI gave no valid grade for an answer: a person must grade it, and a failure is never a 0
    /// (S11). The answer keeps the code of why for its graders (`ai_code`).
    ///
    /// # Errors
    /// Denied to all but the system and AI; Invalid for a code that is none; NotFound.
    #[tracing::instrument(name = "lms.ai_answer_grading_failed", skip_all, fields(course, outcome))]
    pub async fn ai_answer_grading_failed(
        &self,
        attempt: AttemptId,
        question: QuestionId,
        code: String,
    ) -> Result<(), Error> {
        if matches!(self.s.actor, Actor::User { .. }) {
            return Err(Error::Denied { action: Action::Grade });
        }
        check_code(&code)?;
        let code = &code;
        self.s
            .run(None, |command| async move {
                let scope = LearnerScope::Attempt(attempt);
                let context = self.s.learner(scope, SubjectType::Attempt, attempt.uuid()).await?;
                let missing = || Error::not_found(SubjectType::Attempt, attempt);
                if matches!(self.s.actor, Actor::Ai { .. }) {
                    rights(self.s, &context).require_ai_grader(SubjectType::Attempt, attempt)?;
                }
                let before = context.attempt.clone().ok_or_else(missing)?;
                let graded = before.graded_answers().map_err(|_| corrupt("quiz_attempts", "graded", before.id))?;
                let Some(mut graded) = graded else { return Ok(Planned::nothing(())) };
                let waiting =
                    |r: &&mut GradedRecord| r.question_id == question && r.ai_status == AiGradingState::Pending;
                let Some(record) = graded.answers.iter_mut().find(waiting) else { return Ok(Planned::nothing(())) };
                record.ai_status = ungraded(code);
                record.ai_code = Some(code.clone());
                let enrollment = context.enrollment.clone().ok_or_else(missing)?;
                let mut work = Work::begin(command, &context, enrollment);
                let now = work.command.now;
                let (id, state, version) = (before.id, before.state, before.version);
                work.batch.expect.push(Expect::Attempt { id, state, version });
                let mut after = before;
                after.ai_pending = graded.ai_pending();
                after.graded = Some(Json::of(&graded));
                after.version += 1;
                after.updated_at = now;
                work.batch.put(after);
                work.touch();
                let event = work
                    .event(EventKind::AiRejected, SubjectType::Attempt, attempt)
                    .with(&serde_json::json!({ "code": code, "question_id": question }));
                work.batch.events.push(event);
                let batch = work.finish(&self.s.lms, now).await?;
                Ok(Planned { batch, outcome: () })
            })
            .await
    }
}
