//! Certificate templates with their versions, and new revisions of certificates (C5, C7).

use crate::error::{Error, Refusal};
use crate::lms::catalog::{AiOrigin, same_version};
use crate::lms::learner::expiry;
use crate::lms::{Certificates, Command, Planned};
use crate::model::table::Json;
use crate::model::*;
use crate::rules::authoring::{Checks, refuse};
use crate::rules::local_time::day;
use crate::rules::permission::{Action, Rights};
use crate::store::{Change, Expect, Key, LearnerScope, PersonKey, StoreError, StoreErrorKind, Table, WriteBatch};

impl Certificates<'_> {
    /// Whether the actor may change templates: they are the host's, not one course's.
    async fn require_template_manager(&self) -> Result<(), Error> {
        let rights = match self.s.rights_of() {
            None => Rights::of(&self.s.actor, None, None, None),
            Some(id) => {
                let found = self.s.store().person(Some(id), PersonKey::Id(id)).await?;
                Rights::of(&self.s.actor, found.actor.as_ref(), None, None)
            }
        };
        if rights.may(Action::ManageUsers) { Ok(()) } else { Err(Error::Denied { action: Action::Certify }) }
    }

    /// Saves a template: the first version of a new one, or the next version of the family of `of` (C7).
    /// Versions do not change: certificates and courses keep the one they name.
    ///
    /// # Errors
    /// Invalid with every problem, unknown placeholders among them; Denied to all but admins and the system;
    /// NotFound.
    #[tracing::instrument(name = "lms.save_template", skip_all, fields(course, outcome))]
    pub async fn save_template(
        &self,
        of: Option<TemplateId>,
        name: &str,
        document: TemplateDocument,
    ) -> Result<CertificateTemplate, Error> {
        let mut checks = Checks::default();
        checks.text("name", name, 1, 200);
        checks.problems.extend(document.check());
        refuse(checks.problems)?;
        let document = &document;
        self.s
            .run(None, |command| async move {
                self.require_template_manager().await?;
                let id: TemplateId = command.new_id();
                if let Some(stands) = self.s.store().template(id).await? {
                    return Ok(Planned::nothing(stands));
                }
                let (family_id, version_no) = match of {
                    None => (id, 1),
                    Some(of) => self.next_version(of).await?,
                };
                let row = CertificateTemplate {
                    id,
                    family_id,
                    version_no,
                    name: name.to_owned(),
                    document: Json::of(document),
                    is_draft: false,
                    is_ai_generated: false,
                    ai_log_id: None,
                    ai_edited_at: None,
                    archived_at: None,
                    version: 1,
                    created_at: command.now,
                    updated_at: command.now,
                };
                let mut batch = WriteBatch::default();
                batch.insert(row.clone());
                Ok(Planned { batch, outcome: row })
            })
            .await
    }

    /// The family of a version and the number that its next version has.
    async fn next_version(&self, of: TemplateId) -> Result<(TemplateId, i64), Error> {
        let versions = self.s.store().template_versions(of).await?;
        let last = versions.last().ok_or_else(|| Error::not_found(SubjectType::Certificate, of))?;
        Ok((last.family_id, last.version_no + 1))
    }

    /// Writes accepted certificate copy as the next version of a template, with everything but headline and
    /// body as in the version `of`, and flips its log row, in one transaction. It is a draft: no course can
    /// take it until a person accepts it with [`Certificates::accept_template`] (C7, L4).
    ///
    /// Applying the same operation again returns what stands.
    ///
    /// # Errors
    /// Invalid with every problem; OperationNotValid; Denied to all but admins and the system; NotFound.
    #[tracing::instrument(name = "lms.apply_certificate_copy", skip_all, fields(course, outcome))]
    pub async fn apply_copy(
        &self,
        of: TemplateId,
        headline: String,
        body: String,
        origin: AiOrigin,
    ) -> Result<CertificateTemplate, Error> {
        let (headline, body) = (&headline, &body);
        self.s
            .clone()
            .with_command_id(origin.operation_id)
            .run(None, |mut command| async move {
                self.require_template_manager().await?;
                let id: TemplateId = command.new_id();
                if let Some(stands) = self.s.store().template(id).await? {
                    return Ok(Planned::nothing(stands));
                }
                let missing = || Error::not_found(SubjectType::Certificate, of);
                let before = self.s.store().template(of).await?.ok_or_else(missing)?;
                let mut document = before.content().map_err(|_| corrupt(of))?;
                document.headline = Some(headline.clone());
                document.body = Some(body.clone());
                refuse(document.check())?;
                let (family_id, version_no) = self.next_version(of).await?;
                let mut batch = WriteBatch::default();
                self.s.catalog().claim(&mut batch, origin, &command).await?;
                let row = CertificateTemplate {
                    id,
                    family_id,
                    version_no,
                    name: before.name,
                    document: Json::of(&document),
                    is_draft: true,
                    is_ai_generated: true,
                    ai_log_id: Some(origin.log_id),
                    ai_edited_at: None,
                    archived_at: None,
                    version: 1,
                    created_at: command.now,
                    updated_at: command.now,
                };
                batch.insert(row.clone());
                let event = command
                    .event(EventKind::AiGenerated, SubjectType::Certificate, id)
                    .with(&serde_json::json!({ "kind": "certificate", "log_id": origin.log_id, "visible": false }));
                batch.events.push(event);
                Ok(Planned { batch, outcome: row })
            })
            .await
    }

    /// Accepts a draft that AI wrote, as it is or edited: from now on courses can take it, and it does not
    /// change any more. An edit keeps the provenance and says when it was made (L4). Accepting it again
    /// changes nothing.
    ///
    /// # Errors
    /// VersionStale for an edit of what somebody else has accepted otherwise meanwhile (L5); Invalid with every
    /// problem; Denied to all but admins and the system; NotFound.
    #[tracing::instrument(name = "lms.accept_template", skip_all, fields(course, outcome))]
    pub async fn accept_template(
        &self,
        id: TemplateId,
        edited: Option<TemplateDocument>,
    ) -> Result<CertificateTemplate, Error> {
        if let Some(edited) = &edited {
            refuse(edited.check())?;
        }
        let edited = &edited;
        self.s
            .run(None, |command| async move {
                self.require_template_manager().await?;
                let before =
                    self.s.store().template(id).await?.ok_or_else(|| Error::not_found(SubjectType::Certificate, id))?;
                let other = |edited: &TemplateDocument| before.content().ok().as_ref() != Some(edited);
                if !before.is_draft {
                    // A draft changes only by being accepted: whoever edited it, and comes second, saw the version
                    // before that.
                    if edited.as_ref().is_some_and(other) {
                        same_version(SubjectType::Certificate, before.version - 1, before.version)?;
                    }
                    return Ok(Planned::nothing(before));
                }
                let mut after = CertificateTemplate { is_draft: false, ..before.clone() };
                if let Some(edited) = edited
                    && other(edited)
                {
                    after.document = Json::of(edited);
                    after.ai_edited_at = Some(command.now);
                }
                Ok(edited_template(&command, &before, after))
            })
            .await
    }

    /// The versions of a template, by number: those of the family that this version belongs to.
    ///
    /// # Errors
    /// Denied to students; NotFound.
    pub async fn template_versions(&self, of: TemplateId) -> Result<Vec<CertificateTemplate>, Error> {
        self.require_template_reader().await?;
        let found = self.s.store().template_versions(of).await?;
        if found.is_empty() { Err(Error::not_found(SubjectType::Certificate, of)) } else { Ok(found) }
    }

    /// Refuses who may create no course, and so needs no template.
    pub(super) async fn require_template_reader(&self) -> Result<(), Error> {
        let person = match self.s.rights_of() {
            Some(id) => self.s.store().person(Some(id), PersonKey::Id(id)).await?.actor,
            None => None,
        };
        if crate::rules::permission::may_create_course(&self.s.actor, person.as_ref()) {
            Ok(())
        } else {
            Err(Error::Denied { action: Action::Certify })
        }
    }

    /// Archives a version of a template: no course can take it any more; certificates keep it. Or brings it
    /// back. Repeating it changes nothing.
    ///
    /// # Errors
    /// Denied to all but admins and the system; NotFound.
    #[tracing::instrument(name = "lms.archive_template", skip_all, fields(course, outcome))]
    pub async fn archive_template(&self, id: TemplateId, archive: bool) -> Result<CertificateTemplate, Error> {
        self.s
            .run(None, |command| async move {
                self.require_template_manager().await?;
                let before =
                    self.s.store().template(id).await?.ok_or_else(|| Error::not_found(SubjectType::Certificate, id))?;
                if before.archived_at.is_some() == archive {
                    return Ok(Planned::nothing(before));
                }
                let after = CertificateTemplate { archived_at: archive.then_some(command.now), ..before.clone() };
                Ok(edited_template(&command, &before, after))
            })
            .await
    }

    /// Deletes a version of a template that nothing uses. One in use can be archived only (C7).
    ///
    /// # Errors
    /// TemplateInUse where a course or a certificate names it, and for the built-in one; Denied to all but
    /// admins and the system; NotFound.
    #[tracing::instrument(name = "lms.delete_template", skip_all, fields(course, outcome))]
    pub async fn delete_template(&self, id: TemplateId) -> Result<(), Error> {
        if id == super::learner::built_in_template() {
            return Err(Refusal::TemplateInUse {}.into());
        }
        let deleted = self
            .s
            .run(None, |_command| async move {
                self.require_template_manager().await?;
                self.s.store().template(id).await?.ok_or_else(|| Error::not_found(SubjectType::Certificate, id))?;
                let mut batch = WriteBatch::default();
                batch.changes.push(Change::Delete(Key::Id(Table::CertificateTemplate, id.uuid())));
                Ok(Planned { batch, outcome: () })
            })
            .await;
        match deleted {
            Err(Error::Store(e)) if *e.kind() == StoreErrorKind::MissingReference => {
                Err(Refusal::TemplateInUse {}.into())
            }
            other => other,
        }
    }

    /// Issues a certificate anew, for a corrected name or a renewal (C5): what stood is kept as an earlier
    /// revision, the code stays, and `verify` shows the latest. The new one says the names, the title and the
    /// template of now; completion and score stay as they were; it is issued, and expires, as of now.
    ///
    /// # Errors
    /// NoCertificate; CertificateRevoked; PersonErased; Invalid without a reason; Denied to all but
    /// instructors.
    #[tracing::instrument(name = "lms.reissue_certificate", skip_all, fields(course, outcome))]
    pub async fn reissue(&self, course: CourseId, student: UserId, reason: &str) -> Result<Certificate, Error> {
        let mut checks = Checks::default();
        checks.text("reason", reason, 1, 2_000);
        checks.done()?;
        self.s
            .run(Some(student.uuid()), |mut command| async move {
                let scope = LearnerScope::Course(course, student);
                let context = self.s.learner(scope, SubjectType::Course, course.uuid()).await?;
                let rights = super::learner::rights(self.s, &context);
                rights.require(Action::Certify, rights.own, SubjectType::Course, course)?;
                let before = self.s.store().certificate_of(course, student).await?.ok_or(Refusal::NoCertificate {})?;
                if command.done {
                    return Ok(Planned::nothing(before));
                }
                if before.revoked_at.is_some() {
                    return Err(Refusal::CertificateRevoked {}.into());
                }
                if before.erased_at.is_some() {
                    return Err(Refusal::PersonErased {}.into());
                }
                let facts = self.s.lms.certificate_facts(course, student).await?;
                let now = command.now.max(before.issued_at);
                let template_id =
                    context.course.certificate_template_id.unwrap_or_else(super::learner::built_in_template);
                let old = CertificateRevision {
                    id: RowId::from_uuid(command.derived("revision", 0)),
                    certificate_id: before.id,
                    revision_no: before.revision_no,
                    snapshot: before.snapshot.clone(),
                    issued_at: before.issued_at,
                    certificate_url: before.certificate_url.clone(),
                    reason: reason.to_owned(),
                    created_at: command.now,
                };
                let (zone, expires_at) = (&context.course.time_zone, expiry(&context.course, now));
                let after = Certificate {
                    snapshot: CertificateSnapshot {
                        student_name: facts.student_name,
                        course_title: context.course.title.clone(),
                        instructor_name: facts.instructor_name,
                        language: context.course.language.clone(),
                        time_zone: zone.clone(),
                        completed_on: before.snapshot.completed_at.map(|at| day(at, zone)),
                        issued_on: day(now, zone),
                        expires_on: expires_at.map(|at| day(at, zone)),
                        template_id,
                        ..before.snapshot.clone()
                    },
                    template_id,
                    issued_at: now,
                    expires_at,
                    revision_no: before.revision_no + 1,
                    rendering: Rendering::Pending,
                    rendering_code: None,
                    rendering_error: None,
                    certificate_url: None,
                    pdf_sha256: None,
                    version: before.version + 1,
                    updated_at: command.now,
                    ..before.clone()
                };
                let mut batch = WriteBatch::default();
                batch.expect.push(Expect::Row {
                    table: Table::Certificate,
                    id: before.id.uuid(),
                    version: before.version,
                });
                batch.insert(old);
                batch.put(after.clone());
                let mut event = command.event(EventKind::CertificateReissued, SubjectType::Certificate, before.id);
                event = event.course(course).with(&serde_json::json!({ "revision_no": after.revision_no }));
                event.student_id = Some(student);
                batch.events.push(event);
                Ok(Planned { batch, outcome: after })
            })
            .await
    }

    /// The earlier revisions of a learner's certificate, by number: to the course's instructors, admins and the system.
    ///
    /// # Errors
    /// NoCertificate; Denied to the learner and to graders; NotFound to everybody else.
    pub async fn revisions(&self, course: CourseId, student: UserId) -> Result<Vec<CertificateRevision>, Error> {
        let scope = LearnerScope::Course(course, student);
        let context = self.s.learner(scope, SubjectType::Course, course.uuid()).await?;
        let rights = super::learner::rights(self.s, &context);
        if !rights.system {
            rights.require(Action::Certify, rights.own, SubjectType::Course, course)?;
        }
        let found = self.s.store().certificate_of(course, student).await?.ok_or(Refusal::NoCertificate {})?;
        Ok(self.s.store().certificate_revisions(found.id).await?)
    }
}

/// The change of a version's row; whoever read it earlier and writes later conflicts (L5).
fn edited_template(
    command: &Command,
    before: &CertificateTemplate,
    after: CertificateTemplate,
) -> Planned<CertificateTemplate> {
    let after = CertificateTemplate { version: before.version + 1, updated_at: command.now, ..after };
    let mut batch = WriteBatch::default();
    let (table, id) = (Table::CertificateTemplate, before.id.uuid());
    batch.expect.push(Expect::Row { table, id, version: before.version });
    batch.put(after.clone());
    Planned { batch, outcome: after }
}

fn corrupt(id: TemplateId) -> Error {
    let kind = StoreErrorKind::Corrupt { table: "certificate_templates", column: "document", id: Some(id.uuid()) };
    StoreError::new(kind).into()
}

/// Checks that a course may take a template: it exists, is no draft and is not archived.
pub(super) async fn check_template(session: &super::Session, id: TemplateId) -> Result<(), Error> {
    match session.store().template(id).await? {
        Some(template) if template.archived_at.is_none() && !template.is_draft => Ok(()),
        _ => Err(Error::invalid(
            "course.template",
            "certificate_template_id",
            "must be a version of a template that is accepted and not archived",
        )),
    }
}
