//! A fresh start in a course (P7).

use super::check_reason;
use crate::error::Error;
use crate::lms::Grants;
use crate::lms::Planned;
use crate::lms::learner::Work;
use crate::model::*;
use crate::rules::completion::{Counts, works};
use crate::rules::permission::Action;
use crate::store::{Change, Item, Key, Table};

impl Grants<'_> {
    /// Sets a learner's progress in a course back: lessons count as not started and the completion is
    /// taken away; views, attempts, submissions, waivers and the certificate stay (P7). Completing again
    /// fires course_completed again and issues no second certificate.
    ///
    /// A lesson that completes by its work or by viewing, and whose rule is met already, completes again when
    /// the learner opens it.
    ///
    /// # Errors
    /// Invalid without a reason; Denied to all but instructors; NotFound.
    #[tracing::instrument(name = "lms.reset_progress", skip_all, fields(course, outcome))]
    pub async fn reset_progress(&self, course: CourseId, student: UserId, reason: &str) -> Result<Enrollment, Error> {
        check_reason(reason)?;
        self.s
            .run(Some(student.uuid()), |command| async move {
                let (context, enrollment) = self.load(Item::Course(course), student, Action::Certify).await?;
                if command.done {
                    return Ok(Planned::nothing(enrollment));
                }
                let store = self.s.store();
                let (Some(structure), Some(mut record)) =
                    (store.structure(course).await?, store.record(course, student).await?)
                else {
                    return Err(Error::not_found(SubjectType::Enrollment, student));
                };
                if record.progress.is_empty() && enrollment.completed_at.is_none() {
                    return Ok(Planned::nothing(enrollment));
                }
                let mut work = Work::begin(command, &context, enrollment);
                let now = work.command.now;
                for progress in record.progress.drain(..) {
                    work.batch.changes.push(Change::Delete(Key::Id(Table::LessonProgress, progress.id.uuid())));
                }
                work.enrollment.completed_at = None;
                work.touch();
                let event = work
                    .event(EventKind::ProgressReset, SubjectType::Enrollment, work.enrollment.id)
                    .with(&serde_json::json!({ "own_mark": false }));
                work.batch.events.push(event);
                let counts = works(&structure, &record)
                    .iter()
                    .map(crate::store::LessonWork::counts)
                    .fold(Counts::default(), |sum, one| sum + one);
                work.set_counts(counts);
                work.enrollment.reset_reason = Some(reason.to_owned());
                let batch = work.finish(&self.s.lms, now).await?;
                let outcome = crate::lms::written_enrollment(&batch)
                    .ok_or_else(|| Error::not_found(SubjectType::Enrollment, student))?;
                Ok(Planned { batch, outcome })
            })
            .await
    }
}
