//! Forgetting a person (D5).

use crate::error::Error;
use crate::lms::ai_log::settled;
use crate::lms::{People, Planned};
use crate::model::table::Json;
use crate::model::*;
use crate::rules::permission::{Action, Rights};
use crate::store::{Change, Expect, PersonKey, Table, WriteBatch};

impl People<'_> {
    /// Erases a person, for good: their name and e-mail, their free text, answers and submissions, the
    /// feedback and reasons on their work, the host's data on them, their name on certificates, and the texts
    /// of AI calls about them are blanked in one transaction (D5). Counts, scores and certificates stay; a
    /// certificate then verifies as "holder erased". A write of theirs that is under way is refused, and an
    /// open attempt expires.
    ///
    /// The files (PDFs) are deleted by the background worker that follows this, through
    /// [`Assets::delete_folder`](crate::assets::Assets::delete_folder); files that the host stored itself it
    /// deletes when `person_erased` comes.
    ///
    /// Repeating it changes nothing.
    ///
    /// # Errors
    /// Denied to all but admins; NotFound.
    #[tracing::instrument(name = "lms.erase_person", skip_all, fields(course, outcome))]
    pub async fn erase_person(&self, id: UserId) -> Result<User, Error> {
        let user = self
            .s
            .run(Some(id.uuid()), |mut command| async move {
                let found = self.s.store().person(self.s.rights_of(), PersonKey::Id(id)).await?;
                let rights = Rights::of(&command.actor, found.actor.as_ref(), None, None);
                if !rights.admin || rights.ai {
                    return Err(Error::Denied { action: Action::ManageUsers });
                }
                let mut user = found.subject.ok_or_else(|| Error::not_found(SubjectType::User, id))?;
                if user.erased_at.is_some() {
                    return Ok(Planned::nothing(user));
                }
                let mut batch = WriteBatch::default();
                batch.expect.push(Expect::Row { table: Table::User, id: id.uuid(), version: user.version });
                for enrollment in self.s.store().enrollments_of(id).await? {
                    batch.expect.push(Expect::Enrollment { id: enrollment.id, version: enrollment.version });
                }
                for log in self.s.store().ai_logs_of(id).await?.iter().filter(|l| l.status == AiLogStatus::Pending) {
                    // Its answer will find no row to stand in; what was set aside for it is spent.
                    batch.expect.push(Expect::Log { id: log.id, status: AiLogStatus::Pending });
                    batch.changes.extend(settled(log, log.charged_micro_usd));
                }
                batch.changes.push(Change::EraseText { user: id, at: command.now });
                user.display_name = String::new();
                user.email = None;
                user.metadata = Json::object();
                user.erased_at = Some(command.now);
                user.version += 1;
                user.updated_at = command.now;
                batch.put(user.clone());
                let mut event = command.event(EventKind::PersonErased, SubjectType::User, id);
                event.student_id = Some(id);
                batch.events.push(event);
                Ok(Planned { batch, outcome: user })
            })
            .await?;
        if !self.s.is_planning() {
            // Their open attempts expire (A13); what a crash leaves is the sweep's.
            let system = self.s.lms.act(Actor::System { job: "expire".to_owned() });
            for enrollment in self.s.store().enrollments_of(id).await? {
                system.quizzes().finish_all_of(enrollment.course_id, id).await?;
            }
        }
        Ok(user)
    }
}
