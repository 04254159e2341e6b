//! Grading of submissions by AI (S10, S11).

use async_trait::async_trait;
use lms_core::Lms;
use lms_core::lms::{AiGrade, Consumer, Graded, NewUser, SHORTEST_FOR_AI};
use lms_core::model::{Actor, AiGrading, Course, CriterionScore, Points, Role, Submission, SubmissionId, UserId};
use lms_core::store::PersonKey;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::task::{GradeCriterion, GradeIn, GradeOut, GradeTask};
use crate::text::Pseudonyms;
use crate::{About, Ai, AiError, Nonce};

/// What became of one submission.
#[derive(Debug, Clone)]
pub struct GradeOutcome {
    /// The submission after it.
    pub graded: Graded,
    /// Why a person must look first; nothing = the grade was applied.
    pub reasons: Vec<&'static str>,
}

impl Ai {
    /// The user that AI grades are by: one per provider and model (E1).
    ///
    /// # Errors
    /// When the store fails.
    pub async fn ai_user(&self) -> Result<UserId, AiError> {
        let name = format!("{} {}", self.provider.name(), self.config.model);
        let external = format!("ai:{}:{}", self.provider.name(), self.config.model);
        let new = NewUser::new(Role::Ai, name).with_external_id(external);
        Ok(self.lms.system().people().ensure_user(new).await?.id)
    }

    /// Grades one version of a submission. A grade that passes every check is applied where the
    /// assignment says so; where a review trigger fires it becomes a suggestion; a human grade is
    /// never touched. The same version is asked and paid once.
    ///
    /// # Errors
    /// See [`AiError`]. A failure never becomes a grade.
    #[tracing::instrument(name = "ai.grade", skip_all)]
    pub async fn grade_submission(&self, id: SubmissionId) -> Result<GradeOutcome, AiError> {
        let system = self.lms.system();
        let (submission, assignment) = system.assignments().grading(id).await?;
        if assignment.ai_grading == AiGrading::Off {
            return Err(AiError::NoText("AI does not grade this assignment"));
        }
        let text = submission.content.clone().unwrap_or_default();
        let rubric = assignment
            .rubric()
            .map_err(|_| AiError::NoText("the assignment's rubric cannot be read"))?
            .ok_or(AiError::NoText("the assignment has no rubric to grade by"))?;
        let operation = operation_of(submission.id, submission.version_no);
        let people = self.names(&submission).await?;
        let names = Pseudonyms::new(&[people]);
        let sent = names.apply(&text);
        let input = GradeIn {
            instructions: assignment.description.clone(),
            criteria: rubric
                .criteria
                .iter()
                .map(|c| GradeCriterion {
                    key: c.id.clone(),
                    title: c.title.clone(),
                    description: c.description.clone(),
                    max_units: c.max.units(),
                })
                .collect(),
            step_units: step(&rubric.criteria.iter().map(|c| c.max.units()).collect::<Vec<_>>()),
            // The learner reads the feedback in the language of the course.
            language: self.course(&submission).await?.language,
            submission: sent.text.clone(),
            min_chars: SHORTEST_FOR_AI,
            // No text can hold the hash of itself, so no work can close its own frame.
            nonce: Nonce::derive(text.as_bytes(), operation),
            pass_mark_units: assignment.pass_threshold_bp.map(|bp| {
                let product = i128::from(assignment.max_grade.units()) * i128::from(bp.get()) / 10_000;
                i64::try_from(product).unwrap_or(i64::MAX)
            }),
            confidence_threshold: i64::from(assignment.ai_confidence_bp.get()) / 100,
            ..GradeIn::default()
        };
        if input.not_graded().is_some() {
            return Err(AiError::NoText("the work has too little text"));
        }
        let about = About {
            operation_id: Some(operation),
            course_id: Some(submission.course_id),
            subject: Some(("submission", id.uuid())),
        };
        let accepted = self.run::<GradeTask>(&system, &input, about).await?;
        let reasons: Vec<&'static str> = accepted.review_reasons().iter().map(|r| r.code()).collect();
        let grade = ai_grade(accepted.value(), &input, &names, &reasons)?;
        // Whose rights count is settled now, not when the model was asked.
        let owner = self.course(&submission).await?.instructor_id;
        let actor = Actor::Ai { user: self.ai_user().await?, on_behalf_of: owner, log_id: accepted.log_id() };
        let graded = self.lms.act(actor).assignments().apply_ai_grade(id, grade, accepted.origin()).await?;
        Ok(GradeOutcome { graded, reasons })
    }

    /// The named consumer that grades submissions as they arrive; for `lms.background().with(…)`.
    pub fn grader(&self) -> Grader {
        Grader { ai: self.clone() }
    }

    async fn course(&self, submission: &Submission) -> Result<Course, AiError> {
        let context = self.lms.store().course(None, submission.course_id, None).await.map_err(lms_core::Error::from)?;
        Ok(context.ok_or(AiError::NoText("the course is gone"))?.course)
    }

    /// What a student's work may call its author.
    pub(crate) async fn names(&self, submission: &Submission) -> Result<Vec<String>, AiError> {
        let person = self
            .lms
            .store()
            .person(None, PersonKey::Id(submission.student_id))
            .await
            .map_err(lms_core::Error::from)?
            .subject;
        Ok(person.map_or_else(Vec::new, |user| {
            let mut names = vec![user.display_name.clone()];
            names.extend(user.display_name.split_whitespace().map(str::to_owned));
            names.extend(user.email);
            names.extend(user.external_id);
            names
        }))
    }
}

/// The operation of a version: derived, so that a redelivered version is graded once (DETAILS 11).
fn operation_of(submission: SubmissionId, version_no: i64) -> Uuid {
    let mut hash = Sha256::new();
    hash.update(b"grade");
    hash.update(submission.uuid().as_bytes());
    hash.update(version_no.to_be_bytes());
    let mut bytes = [0_u8; 16];
    for (to, from) in bytes.iter_mut().zip(hash.finalize().iter()) {
        *to = *from;
    }
    Uuid::new_v8(bytes)
}

/// The step of a rubric: whole points where every maximum is whole, else hundredths, else the unit.
fn step(maxima: &[i64]) -> i64 {
    [100_000, 1_000].into_iter().find(|step| maxima.iter().all(|max| max % step == 0)).unwrap_or(1)
}

fn ai_grade(out: &GradeOut, input: &GradeIn, names: &Pseudonyms, reasons: &[&str]) -> Result<AiGrade, AiError> {
    let total = out.total(input).ok_or(AiError::NoText("the grade has no total"))?;
    let scores = out
        .criteria
        .iter()
        .map(|criterion| CriterionScore {
            id: criterion.criterion_key.clone(),
            points: Points::from_units(criterion.points.saturating_mul(input.step_units)),
            comment: names.restore(&criterion.reasoning),
            evidence: criterion.evidence.iter().map(|quote| names.restore(quote)).collect(),
        })
        .collect();
    Ok(AiGrade {
        rubric_scores: Some(scores),
        points: Points::from_units(total),
        feedback: names.restore(&out.feedback),
        needs_review: !reasons.is_empty(),
        reasons: reasons.iter().map(ToString::to_string).collect(),
    })
}

/// Grades submissions as they arrive, in the background, in one process at a time.
#[derive(Debug, Clone)]
pub struct Grader {
    ai: Ai,
}

#[async_trait]
impl Consumer for Grader {
    fn name(&self) -> &str {
        "ai_grader"
    }

    async fn step(&self, lms: &Lms) -> Result<usize, lms_core::Error> {
        let mut done = 0;
        for head in lms.system().assignments().awaiting_ai(10).await? {
            // A call that somebody is at, or died at, is looked at again in a later step: to wait for it
            // here would keep everybody else's work waiting, too.
            if self.ai.is_under_way(operation_of(head.id, head.version_no)).await? {
                continue;
            }
            match self.ai.grade_submission(head.id).await {
                Ok(_) => done += 1,
                // Later it may work: the work keeps waiting.
                Err(AiError::InProgress | AiError::Deadline) => {}
                Err(AiError::BudgetDenied { scope, .. }) => {
                    tracing::warn!(scope, "AI grading waits for its budget");
                    break;
                }
                Err(AiError::Provider(e)) if !matches!(e.retry, lms_core::ai::Retry::Never) => {
                    tracing::warn!(kind = e.kind.as_str(), "AI grading waits for its provider");
                    break;
                }
                Err(AiError::Lms(e)) if e.class() == lms_core::Class::Unavailable => return Err(e),
                Err(e) => {
                    lms.system().assignments().ai_grading_failed(head.id, e.code().to_owned()).await?;
                    done += 1;
                }
            }
        }
        // What its callers left behind is marked, so that nothing stands as pending for ever.
        let old = i64::try_from(self.ai.given_up_after().as_secs()).unwrap_or(i64::MAX);
        lms.system().ai_log().sweep(old).await?;
        Ok(done)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_step_of_a_rubric_is_the_coarsest_that_every_maximum_stands_on() {
        assert_eq!(step(&[500_000, 1_000_000]), 100_000);
        assert_eq!(step(&[550_000]), 1_000);
        assert_eq!(step(&[550_001]), 1);
    }
}
