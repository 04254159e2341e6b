//! Certificates: eligibility, issuing, verifying, and the PDF's place (C1–C6).

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use super::learner::{ChangedScores, new_certificate, not_erased, rights};
use super::{Certificates, Planned};
use crate::error::{Error, Refusal};
use crate::model::*;
use crate::rules::authoring::is_code;
use crate::rules::code;
use crate::rules::eligibility::{Blocker, blockers};
use crate::rules::permission::Action;
use crate::store::{Expect, LearnerScope, Table, WriteBatch};

/// What a verification says, in the order of precedence (C4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Validity {
    /// It was revoked.
    Revoked,
    /// Its holder was erased; it was issued.
    HolderErased,
    /// It has run out.
    Expired,
    /// It stands.
    Valid,
}

/// All that a certificate says, from its snapshot alone, to whoever knows its code.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct Verification {
    /// Whether it stands.
    pub validity: Validity,
    /// The code in its canonical form.
    pub code: String,
    /// The holder's name as printed; blank once erased.
    pub student_name: String,
    /// The course's title as printed.
    pub course_title: String,
    /// The instructor's name as printed.
    pub instructor_name: String,
    /// When the course was completed.
    pub completed_at: Option<Timestamp>,
    /// The score as printed.
    pub final_score: Option<Percent>,
    /// The course's length in minutes, which is printed as hours.
    pub estimated_minutes: Option<i64>,
    /// When it was issued.
    pub issued_at: Timestamp,
    /// When it runs out.
    pub expires_at: Option<Timestamp>,
    /// The IANA time zone of the days that are printed.
    pub time_zone: String,
    /// The day of completion as printed.
    #[cfg_attr(feature = "schemars", schemars(with = "Option<String>"))]
    pub completed_on: Option<NaiveDate>,
    /// The day of issue as printed.
    #[cfg_attr(feature = "schemars", schemars(with = "String"))]
    pub issued_on: NaiveDate,
    /// The last day as printed.
    #[cfg_attr(feature = "schemars", schemars(with = "Option<String>"))]
    pub expires_on: Option<NaiveDate>,
    /// When it was revoked.
    pub revoked_at: Option<Timestamp>,
    /// Which revision this is; above 1, earlier ones exist (C5).
    pub revision_no: i64,
    /// Where the PDF is.
    pub certificate_url: Option<String>,
}

/// The first that applies, in the order of precedence (C4).
pub(super) fn validity(certificate: &Certificate, now: Timestamp) -> Validity {
    if certificate.revoked_at.is_some() {
        Validity::Revoked
    } else if certificate.erased_at.is_some() {
        Validity::HolderErased
    } else if certificate.expires_at.is_some_and(|at| at <= now) {
        Validity::Expired
    } else {
        Validity::Valid
    }
}

impl Certificates<'_> {
    /// What keeps a learner from a certificate; nothing = eligible (C1). To the learner and staff.
    ///
    /// # Errors
    /// NotFound to everybody else.
    pub async fn eligibility(&self, course: CourseId, student: UserId) -> Result<Vec<Blocker>, Error> {
        let context = self.s.learner(LearnerScope::Course(course, student), SubjectType::Course, course.uuid()).await?;
        let rights = rights(self.s, &context);
        if !(rights.own || rights.is_staff() || rights.system) {
            return Err(Error::not_found(SubjectType::Course, course));
        }
        let structure =
            self.s.store().structure(course).await?.ok_or_else(|| Error::not_found(SubjectType::Course, course))?;
        let record = self.s.store().record(course, student).await?;
        Ok(blockers(&structure, record.as_ref()))
    }

    /// Issues a certificate, or gets the one that stands: any number of parallel calls make one row
    /// and one event (C2). The system issues to who is eligible, also where the course's policy is `by_hand`; where
    /// it is `none`, nobody is. Staff issue by hand, with a reason, whatever stands in the way.
    ///
    /// # Errors
    /// NotEligible with every blocker; Denied to learners.
    #[tracing::instrument(name = "lms.issue_certificate", skip_all, fields(course, outcome))]
    pub async fn issue(&self, course: CourseId, student: UserId, reason: Option<String>) -> Result<Certificate, Error> {
        if let Some(reason) = &reason {
            let mut checks = crate::rules::authoring::Checks::default();
            checks.text("reason", reason, 1, 2_000);
            checks.done()?;
        }
        self.s
            .run(Some(student.uuid()), |mut command| {
                let reason = reason.clone();
                async move {
                    let context = self
                        .s
                        .learner(LearnerScope::Course(course, student), SubjectType::Course, course.uuid())
                        .await?;
                    let rights = rights(self.s, &context);
                    if !rights.system {
                        rights.require(Action::Certify, rights.own, SubjectType::Course, course)?;
                    }
                    if let Some(found) = self.s.store().certificate_of(course, student).await? {
                        return Ok(Planned::nothing(found));
                    }
                    not_erased(&context)?;
                    let enrollment = context
                        .enrollment
                        .clone()
                        .ok_or_else(|| Refusal::NotEligible { blockers: vec![Blocker::Enrollment] })?;
                    if reason.is_none() || rights.system {
                        let found = self.eligibility(course, student).await?;
                        if !found.is_empty() {
                            return Err(Refusal::NotEligible { blockers: found }.into());
                        }
                    }
                    let facts = self.s.lms.certificate_facts(course, student).await?;
                    let mut certificate = new_certificate(
                        &self.s.lms,
                        &command,
                        &context.course,
                        &enrollment,
                        &facts,
                        &ChangedScores::default(),
                        command.now,
                    );
                    certificate.issued_by = self.s.rights_of();
                    certificate.issue_reason = reason;
                    let mut batch = WriteBatch::default();
                    batch.expect.push(Expect::Enrollment { id: enrollment.id, version: enrollment.version });
                    batch.events.push(
                        command
                            .event(EventKind::CertificateIssued, SubjectType::Certificate, certificate.id)
                            .of(&enrollment),
                    );
                    batch.insert(certificate.clone());
                    Ok(Planned { batch, outcome: certificate })
                }
            })
            .await
    }

    /// The certificate of a learner: to the learner and to the course's staff. Why it was issued by hand or
    /// revoked, and why its PDF could not be made, is for staff here (C6); `export_person` gives a person the first
    /// two (D7).
    ///
    /// # Errors
    /// NoCertificate where there is none; NotFound to everybody else.
    pub async fn of(&self, course: CourseId, student: UserId) -> Result<Certificate, Error> {
        let context = self.s.learner(LearnerScope::Course(course, student), SubjectType::Course, course.uuid()).await?;
        let rights = rights(self.s, &context);
        if !(rights.own || rights.is_staff() || rights.system) {
            return Err(Error::not_found(SubjectType::Course, course));
        }
        match self.s.store().certificate_of(course, student).await? {
            Some(certificate) if rights.is_staff() || rights.system => Ok(certificate),
            Some(certificate) => Ok(for_learner(certificate)),
            None => Err(Refusal::NoCertificate {}.into()),
        }
    }

    /// What the certificate with this code says; `None` for an unknown code (C4). Anyone may ask;
    /// the code is read as people type it (C3).
    ///
    /// # Errors
    /// When the store fails.
    pub async fn verify(&self, typed: &str) -> Result<Option<Verification>, Error> {
        let Some(code) = code::parse(typed) else { return Ok(None) };
        let Some(found) = self.s.store().certificate_by_code(&code).await? else { return Ok(None) };
        Ok(Some(Verification {
            validity: validity(&found, self.s.lms.now()),
            code: found.code,
            student_name: found.snapshot.student_name,
            course_title: found.snapshot.course_title,
            instructor_name: found.snapshot.instructor_name,
            completed_at: found.snapshot.completed_at,
            final_score: found.snapshot.final_score,
            estimated_minutes: found.snapshot.estimated_minutes,
            issued_at: found.issued_at,
            expires_at: found.expires_at,
            time_zone: found.snapshot.time_zone,
            completed_on: found.snapshot.completed_on,
            issued_on: found.snapshot.issued_on,
            expires_on: found.snapshot.expires_on,
            revoked_at: found.revoked_at,
            revision_no: found.revision_no,
            certificate_url: found.certificate_url,
        }))
    }

    /// Revokes a certificate; the row stays (C5). Of a person who was erased no reason is kept (D5). Repeating it
    /// changes nothing.
    ///
    /// # Errors
    /// Denied to learners; NoCertificate.
    #[tracing::instrument(name = "lms.revoke_certificate", skip_all, fields(course, outcome))]
    pub async fn revoke(&self, course: CourseId, student: UserId, reason: String) -> Result<Certificate, Error> {
        let mut checks = crate::rules::authoring::Checks::default();
        checks.text("reason", &reason, 1, 2_000);
        checks.done()?;
        self.s
            .run(Some(student.uuid()), |mut command| {
                let reason = reason.clone();
                async move {
                    let context = self
                        .s
                        .learner(LearnerScope::Course(course, student), SubjectType::Course, course.uuid())
                        .await?;
                    rights(self.s, &context).require(Action::Certify, false, SubjectType::Course, course)?;
                    let Some(before) = self.s.store().certificate_of(course, student).await? else {
                        return Err(Refusal::NoCertificate {}.into());
                    };
                    if before.revoked_at.is_some() {
                        return Ok(Planned::nothing(before));
                    }
                    let mut certificate = before.clone();
                    certificate.revoked_at = Some(command.now.max(before.issued_at));
                    certificate.revoked_by = self.s.rights_of();
                    // No word about who was erased comes back (D5).
                    certificate.revoke_reason = Some(if before.erased_at.is_some() { String::new() } else { reason });
                    let batch = self.change(&mut command, &before, &mut certificate, EventKind::CertificateRevoked);
                    Ok(Planned { batch, outcome: certificate })
                }
            })
            .await
    }

    /// Says where the PDF of a revision of a certificate is: certificate_url and certificate_ready in one
    /// batch, once per revision (C6). `revision_no` is the revision that was drawn: when it was reissued
    /// meanwhile nothing is written, and the new one stays pending.
    ///
    /// # Errors
    /// Denied to all but the system; NotFound.
    #[tracing::instrument(name = "lms.certificate_ready", skip_all, fields(course, outcome))]
    pub async fn set_ready(
        &self,
        id: CertificateId,
        revision_no: i64,
        url: String,
        pdf_sha256: String,
    ) -> Result<Certificate, Error> {
        self.rendered(id, revision_no, move |certificate| {
            certificate.certificate_url = Some(url.clone());
            certificate.pdf_sha256 = Some(pdf_sha256.clone());
            certificate.rendering = Rendering::Ready;
            certificate.rendering_code = None;
            certificate.rendering_error = None;
            EventKind::CertificateReady
        })
        .await
    }

    /// Says that the files of an erased person's certificate are deleted, those of earlier revisions too.
    ///
    /// # Errors
    /// Denied to all but the system; NotFound.
    pub async fn set_files_deleted(&self, id: CertificateId) -> Result<(), Error> {
        self.require_system()?;
        self.s
            .run(None, |command| async move {
                let before = self
                    .s
                    .store()
                    .certificate(id)
                    .await?
                    .ok_or_else(|| Error::not_found(SubjectType::Certificate, id))?;
                if before.erased_at.is_none() || before.files_deleted_at.is_some() {
                    return Ok(Planned::nothing(()));
                }
                let mut batch = WriteBatch::default();
                batch.expect.push(Expect::Row { table: Table::Certificate, id: id.uuid(), version: before.version });
                batch.put(Certificate {
                    pdf_sha256: None,
                    files_deleted_at: Some(command.now),
                    version: before.version + 1,
                    updated_at: command.now,
                    ..before
                });
                Ok(Planned { batch, outcome: () })
            })
            .await
    }

    /// Says why the PDF of a revision of a certificate could not be made: a code of lower-case words, and a
    /// sentence for staff. The certificate stands all the same, and is not tried again until staff say so
    /// ([`Certificates::retry_rendering`]): what may pass by itself is no failure, and stays pending. The event
    /// holds the code and goes to staff alone (C6).
    ///
    /// As [`Certificates::set_ready`] where it was reissued meanwhile.
    ///
    /// # Errors
    /// Denied to all but the system; Invalid for a code that is none; NotFound.
    #[tracing::instrument(name = "lms.certificate_failed", skip_all, fields(course, outcome))]
    pub async fn set_failed(
        &self,
        id: CertificateId,
        revision_no: i64,
        code: &str,
        message: &str,
    ) -> Result<Certificate, Error> {
        if !is_code(code) {
            return Err(Error::invalid("rendering.code", "code", "must be 1 to 64 of a-z, 0-9, `.` and `_`"));
        }
        let message: String = message.chars().filter(|c| *c != '\0').take(2_000).collect();
        self.rendered(id, revision_no, move |certificate| {
            certificate.rendering = Rendering::Failed;
            certificate.rendering_code = Some(code.to_owned());
            certificate.rendering_error = Some(message.clone());
            EventKind::CertificateFailed
        })
        .await
    }

    async fn rendered<F>(&self, id: CertificateId, revision_no: i64, change: F) -> Result<Certificate, Error>
    where
        F: Fn(&mut Certificate) -> EventKind + Send + Sync,
    {
        self.require_system()?;
        let change = &change;
        self.s
            .run(None, |mut command| async move {
                let before = self
                    .s
                    .store()
                    .certificate(id)
                    .await?
                    .ok_or_else(|| Error::not_found(SubjectType::Certificate, id))?;
                // A page made while its holder was erased is thrown away by whoever made it; one of an earlier
                // revision says the old name.
                let other = before.revision_no != revision_no;
                if command.done || other || before.rendering == Rendering::Ready || before.erased_at.is_some() {
                    return Ok(Planned::nothing(before));
                }
                let mut certificate = before.clone();
                let kind = change(&mut certificate);
                if certificate == before {
                    return Ok(Planned::nothing(before));
                }
                let batch = self.change(&mut command, &before, &mut certificate, kind);
                Ok(Planned { batch, outcome: certificate })
            })
            .await
    }

    fn change(
        &self,
        command: &mut super::Command,
        before: &Certificate,
        after: &mut Certificate,
        kind: EventKind,
    ) -> WriteBatch {
        after.version += 1;
        after.updated_at = command.now;
        let mut batch = WriteBatch::default();
        batch.expect.push(Expect::Row { table: Table::Certificate, id: before.id.uuid(), version: before.version });
        batch.put(after.clone());
        let mut event = command.event(kind, SubjectType::Certificate, before.id).course(before.course_id);
        if event.kind == EventKind::CertificateFailed {
            // It names no learner: what names one goes to them too (V7).
            let (code, revision_no) = (&after.rendering_code, after.revision_no);
            event = event.with(&serde_json::json!({ "code": code, "revision_no": revision_no }));
        } else {
            event.student_id = Some(before.student_id);
        }
        batch.events.push(event);
        batch
    }

    pub(super) fn require_system(&self) -> Result<(), Error> {
        match self.s.actor {
            Actor::System { .. } => Ok(()),
            _ => Err(Error::Denied { action: Action::Certify }),
        }
    }
}

/// A certificate without what is for staff alone.
pub(super) fn for_learner(certificate: Certificate) -> Certificate {
    Certificate { issue_reason: None, revoke_reason: None, rendering_code: None, rendering_error: None, ..certificate }
}
