//! Essays, graded by people (Q12).

use super::*;
use crate::error::Refusal;
use crate::lms::assignments::{entry_id, entry_of};
use crate::lms::learner::{Work, rights};
use crate::lms::{Command, Planned};
use crate::model::table::Json;
use crate::rules::grades;
use crate::rules::grading;
use crate::rules::regrade::restored;
use crate::store::{Expect, LearnerScope};

impl Quizzes<'_> {
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
}

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
