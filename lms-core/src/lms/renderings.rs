//! Where the PDFs of certificates stand: what is to be made, what could not be made, and trying again (C6).

use super::learner::rights;
use super::{Certificates, Planned};
use crate::error::{Error, Refusal};
use crate::model::*;
use crate::rules::permission::{Action, Rights};
use crate::store::{ById, Expect, LearnerScope, PersonKey, RenderingFilter, Table, WriteBatch};

/// Certificates that are put back in one transaction.
const BATCH: u32 = 500;

impl Certificates<'_> {
    /// Certificates by where their PDF stands, by id: of a course, to its staff; of all courses, to administrators.
    /// Those that failed say why, by a code and in a sentence (C6). None of erased people.
    ///
    /// # Errors
    /// NotFound for a course to everybody else, and Denied for all courses.
    pub async fn renderings(
        &self,
        course: Option<CourseId>,
        rendering: Rendering,
        page: ById,
    ) -> Result<Vec<Certificate>, Error> {
        let rights = self.rights_over(course).await?;
        match course {
            Some(course) if !rights.may(Action::ReadWork) => {
                return Err(Error::not_found(SubjectType::Course, course));
            }
            None if !(rights.system || rights.may(Action::Certify)) => {
                return Err(Error::Denied { action: Action::Certify });
            }
            _ => {}
        }
        Ok(self.s.store().renderings(RenderingFilter { course, rendering }, page).await?)
    }

    /// Certificates of erased people whose files are not known to be deleted, whether they have any or not, by id:
    /// a file can stand there that no row tells of. For the renderer (D5).
    ///
    /// # Errors
    /// Denied to all but the system.
    pub async fn erased(&self, page: ById) -> Result<Vec<Certificate>, Error> {
        self.require_system()?;
        Ok(self.s.store().erased_renderings(page).await?)
    }

    /// Has every PDF tried again that could not be made, of a course or of all courses, once what was wrong is
    /// mended: an address, a font, a template. Says how many were put back. They are put back in transactions of
    /// 500; one that broke off is called again, and goes on with what is left.
    ///
    /// # Errors
    /// Denied to all but the course's instructors and the system, and for all courses to all but administrators and
    /// the system; NotFound.
    #[tracing::instrument(name = "lms.retry_failed", skip_all, fields(course, outcome))]
    pub async fn retry_failed(&self, course: Option<CourseId>) -> Result<u64, Error> {
        let filter = RenderingFilter { course, rendering: Rendering::Failed };
        let mut put_back_in_all = 0;
        let mut after = None;
        loop {
            // By id, so that one that fails again meanwhile is not put back twice.
            let page = ById { after, limit: BATCH };
            let (count, last) = self
                .s
                .run(None, |command| async move {
                    self.require_certifier(course).await?;
                    let failed = self.s.store().renderings(filter, page).await?;
                    let outcome = (failed.len(), failed.last().map(|last| last.id.uuid()));
                    let mut batch = WriteBatch::default();
                    for before in failed {
                        put_back(&mut batch, before, command.now);
                    }
                    Ok(Planned { batch, outcome })
                })
                .await?;
            put_back_in_all += count as u64;
            if count < BATCH as usize {
                return Ok(put_back_in_all);
            }
            after = last;
        }
    }

    /// Has the PDF of a certificate tried again that could not be made, once what was wrong is mended. One that
    /// has not failed stays as it is.
    ///
    /// # Errors
    /// NoCertificate; PersonErased; Denied to all but instructors.
    #[tracing::instrument(name = "lms.retry_rendering", skip_all, fields(course, outcome))]
    pub async fn retry_rendering(&self, course: CourseId, student: UserId) -> Result<Certificate, Error> {
        self.s
            .run(Some(student.uuid()), |command| async move {
                let scope = LearnerScope::Course(course, student);
                let context = self.s.learner(scope, SubjectType::Course, course.uuid()).await?;
                let rights = rights(self.s, &context);
                rights.require(Action::Certify, rights.own, SubjectType::Course, course)?;
                let before = self.s.store().certificate_of(course, student).await?.ok_or(Refusal::NoCertificate {})?;
                if before.erased_at.is_some() {
                    return Err(Refusal::PersonErased {}.into());
                }
                if before.rendering != Rendering::Failed {
                    return Ok(Planned::nothing(before));
                }
                let mut batch = WriteBatch::default();
                let after = put_back(&mut batch, before, command.now);
                Ok(Planned { batch, outcome: after })
            })
            .await
    }

    /// What the actor is to a course, or to all of them.
    async fn rights_over(&self, course: Option<CourseId>) -> Result<Rights, Error> {
        let (store, actor) = (self.s.store(), self.s.rights_of());
        let Some(course) = course else {
            let user = match actor {
                Some(id) => store.person(actor, PersonKey::Id(id)).await?.actor,
                None => None,
            };
            return Ok(Rights::of(&self.s.actor, user.as_ref(), None, None));
        };
        let context =
            store.course(actor, course, None).await?.ok_or_else(|| Error::not_found(SubjectType::Course, course))?;
        Ok(Rights::of(&self.s.actor, context.actor.as_ref(), Some(&context.course), context.staff.as_ref()))
    }

    async fn require_certifier(&self, course: Option<CourseId>) -> Result<(), Error> {
        let rights = self.rights_over(course).await?;
        match course {
            _ if rights.system || rights.may(Action::Certify) => Ok(()),
            Some(course) => rights.require(Action::Certify, false, SubjectType::Course, course),
            None => Err(Error::Denied { action: Action::Certify }),
        }
    }
}

/// A certificate whose PDF is to be tried again.
fn put_back(batch: &mut WriteBatch, before: Certificate, now: Timestamp) -> Certificate {
    batch.expect.push(Expect::Row { table: Table::Certificate, id: before.id.uuid(), version: before.version });
    let after = Certificate {
        rendering: Rendering::Pending,
        rendering_code: None,
        rendering_error: None,
        version: before.version + 1,
        updated_at: now,
        ..before
    };
    batch.put(after.clone());
    after
}
