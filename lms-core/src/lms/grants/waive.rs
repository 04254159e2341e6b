//! Counting as met without having been done (P12).

use super::{check_reason, columns, subject};
use crate::error::{Error, Refusal};
use crate::lms::Grants;
use crate::lms::Planned;
use crate::lms::learner::Work;
use crate::model::*;
use crate::rules::permission::Action;
use crate::store::{Change, Item, Key, Table};

impl Grants<'_> {
    /// Waives a lesson, a quiz or an assignment for one learner: it counts as met for completion, is
    /// shown as waived and not as completed, and is left out of scores and averages (P12). What that
    /// completes is in the same transaction. Repeating it changes nothing.
    ///
    /// # Errors
    /// Invalid without a reason, and for a whole course; NothingWaived for a command that is repeated after its
    /// waiver was taken back; Denied to all but instructors; NotFound.
    #[tracing::instrument(name = "lms.waive", skip_all, fields(course, outcome))]
    pub async fn waive(&self, item: Item, student: UserId, reason: &str) -> Result<Waiver, Error> {
        check_reason(reason)?;
        if matches!(item, Item::Course(_)) {
            return Err(Error::invalid("grant.item", "item", "waive a lesson, a quiz or an assignment"));
        }
        self.s
            .run(Some(student.uuid()), |command| async move {
                let (context, enrollment) = self.load(item, student, Action::ManageLearners).await?;
                let (lesson_id, quiz_id, assignment_id) = columns(item);
                let (what, id) = subject(item);
                let mut lesson_work = context.work.clone().ok_or_else(|| Error::not_found(what, id))?;
                if let Some(stands) = lesson_work
                    .waivers
                    .iter()
                    .find(|w| (w.lesson_id, w.quiz_id, w.assignment_id) == (lesson_id, quiz_id, assignment_id))
                {
                    return Ok(Planned::nothing(stands.clone()));
                }
                if command.done {
                    return Err(Refusal::NothingWaived {}.into());
                }
                let granted_by = self.s.rights_of().ok_or_else(|| Error::not_found(what, id))?;
                let waiver = Waiver {
                    id: RowId::from_uuid(command.derived("waiver", 0)),
                    enrollment_id: enrollment.id,
                    course_id: enrollment.course_id,
                    student_id: student,
                    lesson_id,
                    quiz_id,
                    assignment_id,
                    reason: reason.to_owned(),
                    granted_by,
                    created_at: command.now,
                };
                let mut work = Work::begin(command, &context, enrollment);
                let now = work.command.now;
                let before = lesson_work.counts();
                work.batch.insert(waiver.clone());
                work.touch();
                let event =
                    work.event(EventKind::ProgressWaived, what, id).with(&serde_json::json!({ "revoked": false }));
                work.batch.events.push(event);
                lesson_work.waivers.push(waiver.clone());
                work.without_score(id);
                work.apply_rule(&mut lesson_work, now);
                work.recount(before, lesson_work.counts());
                let batch = work.finish(&self.s.lms, now).await?;
                Ok(Planned { batch, outcome: waiver })
            })
            .await
    }

    /// Takes a waiver back, until the course is completed (P12). A lesson that completed meanwhile stays
    /// complete (P4).
    ///
    /// # Errors
    /// NothingWaived; CourseCompleted; Denied to all but instructors; NotFound.
    #[tracing::instrument(name = "lms.revoke_waiver", skip_all, fields(course, outcome))]
    pub async fn revoke_waiver(&self, item: Item, student: UserId) -> Result<(), Error> {
        self.s
            .run(Some(student.uuid()), |command| async move {
                let (context, enrollment) = self.load(item, student, Action::ManageLearners).await?;
                if command.done {
                    return Ok(Planned::nothing(()));
                }
                let key = columns(item);
                let (what, id) = subject(item);
                let mut lesson_work = context.work.clone().ok_or_else(|| Error::not_found(what, id))?;
                let waiver = lesson_work
                    .waivers
                    .iter()
                    .find(|w| (w.lesson_id, w.quiz_id, w.assignment_id) == key)
                    .cloned()
                    .ok_or(Refusal::NothingWaived {})?;
                if enrollment.completed_at.is_some() {
                    return Err(Refusal::CourseCompleted {}.into());
                }
                let mut work = Work::begin(command, &context, enrollment);
                let now = work.command.now;
                let before = lesson_work.counts();
                work.batch.changes.push(Change::Delete(Key::Id(Table::Waiver, waiver.id.uuid())));
                work.touch();
                let event =
                    work.event(EventKind::ProgressWaived, what, id).with(&serde_json::json!({ "revoked": true }));
                work.batch.events.push(event);
                lesson_work.waivers.retain(|w| w.id != waiver.id);
                work.recount(before, lesson_work.counts());
                let batch = work.finish(&self.s.lms, now).await?;
                Ok(Planned { batch, outcome: () })
            })
            .await
    }
}
