//! When grades are seen, and work that is given back (S2, S14).

use super::*;
use crate::lms::learner::Work;
use crate::lms::many::{ManyMode, ManyReport, each, many};
use crate::lms::{Planned, Session};
use crate::rules::permission::Rights;
use crate::store::{ById, ContentRef};

impl Assignments<'_> {
    /// Lets a learner see the grades of all their graded versions (S14). Repeating it changes nothing.
    ///
    /// # Errors
    /// Denied to all but graders; NotFound.
    #[tracing::instrument(name = "lms.post_grade", skip_all, fields(course, outcome))]
    pub async fn post_grade(&self, assignment: AssignmentId, student: UserId) -> Result<(), Error> {
        self.s
            .run(Some(student.uuid()), |command| async move {
                let scope = LearnerScope::Assignment(assignment, student);
                let context = self.s.learner(scope, SubjectType::Assignment, assignment.uuid()).await?;
                let rights = rights(self.s, &context);
                rights.require(Action::Grade, rights.own, SubjectType::Assignment, assignment)?;
                if command.done {
                    return Ok(Planned::nothing(()));
                }
                let enrollment =
                    context.enrollment.clone().ok_or_else(|| Error::not_found(SubjectType::Enrollment, student))?;
                let of = enrollment.id;
                let versions = self.s.store().versions(assignment, of, of).await?;
                let mut work = Work::begin(command, &context, enrollment);
                let now = work.command.now;
                let mut latest = None;
                for version in versions {
                    let mut row = version.submission;
                    if row.grade.is_none() || row.posted_at.is_some() {
                        continue;
                    }
                    row.posted_at = Some(now);
                    row.version += 1;
                    row.updated_at = now;
                    latest = Some(row.id);
                    work.batch.put(row);
                    work.touch();
                }
                let Some(latest) = latest else { return Ok(Planned::nothing(())) };
                let event = work
                    .event(EventKind::GradePosted, SubjectType::Submission, latest)
                    .with(&serde_json::json!({ "assignment_id": assignment }));
                work.batch.events.push(event);
                let batch = work.finish(&self.s.lms, now).await?;
                Ok(Planned { batch, outcome: () })
            })
            .await
    }

    /// Lets every learner of an assignment see their grade: one event per person who sees a new one (E7). As far
    /// as it goes, it takes any number of learners.
    ///
    /// # Errors
    /// Denied to all but graders; NotFound; Invalid (`many.too_many`) where all or nothing would be more than
    /// [`MANY_ROWS`](crate::lms::MANY_ROWS) learners in one transaction.
    #[tracing::instrument(name = "lms.post_grades", skip_all, fields(course, outcome))]
    pub async fn post_grades(&self, assignment: AssignmentId, mode: ManyMode) -> Result<ManyReport<()>, Error> {
        let context = self
            .s
            .store()
            .content(self.s.rights_of(), ContentRef::Assignment(assignment))
            .await?
            .ok_or_else(|| Error::not_found(SubjectType::Assignment, assignment))?;
        Rights::of(&self.s.actor, context.actor.as_ref(), Some(&context.course), context.staff.as_ref()).require(
            Action::Grade,
            false,
            SubjectType::Assignment,
            assignment,
        )?;
        let mut rows = Vec::new();
        let mut page = ById { after: None, limit: 500 };
        loop {
            let records = self.s.store().records(context.course.id, false, page).await?;
            rows.extend(
                records
                    .iter()
                    .filter(|record| {
                        let waits = |s: &&SubmissionHead| s.grade.is_some() && s.posted_at.is_none();
                        record.submissions.iter().filter(waits).any(|s| s.assignment_id == assignment)
                    })
                    .map(|record| (record.enrollment.student_id.uuid(), record.enrollment.student_id)),
            );
            match records.last() {
                Some(last) if records.len() == 500 => page.after = Some(last.enrollment.id.uuid()),
                _ => break,
            }
        }
        let post = |s: Session, student| async move { s.assignments().post_grade(assignment, student).await };
        match mode {
            ManyMode::BestEffort => each(self.s, mode, rows, post).await,
            // One transaction has a limit.
            ManyMode::AllOrNothing => many(self.s, mode, rows, post).await,
        }
    }

    /// Grades many submissions by a person: each as [`Assignments::grade`] does (E7).
    ///
    /// # Errors
    /// Invalid for a list that is too long or names one twice; each row's refusal stands in the report.
    #[tracing::instrument(name = "lms.grade_many", skip_all, fields(course, outcome))]
    pub async fn grade_many(
        &self,
        grades: Vec<(SubmissionId, NewGrade)>,
        mode: ManyMode,
    ) -> Result<ManyReport<Graded>, Error> {
        let rows = grades.into_iter().map(|(id, grade)| (id.uuid(), (id, grade))).collect();
        many(self.s, mode, rows, |s, (id, grade)| async move { s.assignments().grade(id, grade).await }).await
    }

    /// Gives work back for another version (S2): where the policy is `after_return`, the learner may hand in
    /// again. A grade that stands stays. Repeating it changes nothing.
    ///
    /// # Errors
    /// SubmissionIsDraft; Denied to all but graders; NotFound.
    #[tracing::instrument(name = "lms.return_submission", skip_all, fields(course, outcome))]
    pub async fn return_for_revision(&self, id: SubmissionId) -> Result<Submission, Error> {
        self.s
            .run(None, |command| async move {
                let (context, mut submission, assignment, _) = self.for_grading(&command, id).await?;
                if command.done || submission.state == SubmissionState::Returned {
                    return Ok(Planned::nothing(submission));
                }
                let enrollment =
                    context.enrollment.clone().ok_or_else(|| Error::not_found(SubjectType::Submission, id))?;
                let mut work = Work::begin(command, &context, enrollment);
                let now = work.command.now;
                submission.state = SubmissionState::Returned;
                submission.version += 1;
                submission.updated_at = now;
                work.batch.put(submission.clone());
                work.touch();
                let event = work
                    .event(EventKind::SubmissionReturned, SubjectType::Submission, id)
                    .with(&serde_json::json!({ "assignment_id": assignment.id }));
                work.batch.events.push(event);
                let batch = super::grade::follow(work, &context, &submission, now, &self.s.lms).await?;
                Ok(Planned { batch, outcome: submission })
            })
            .await
    }
}
