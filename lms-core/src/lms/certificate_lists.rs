//! Lists of certificates and of their templates (C3–C7).

use serde::Serialize;

use super::Certificates;
use super::certificates::{Validity, validity};
use super::listed::{Listed, NamedUser};
use crate::error::Error;
use crate::model::*;
use crate::rules::permission::{Action, Rights};
use crate::store::{ById, PersonKey};

/// A certificate, as lists show it.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct CertificateEntry {
    /// The certificate.
    pub id: CertificateId,
    /// The verification code.
    pub code: String,
    /// Whether it stands.
    pub validity: Validity,
    /// The course.
    pub course_id: CourseId,
    /// Its title as printed.
    pub course_title: String,
    /// The holder, with their name as printed; blank once they were erased.
    pub student: NamedUser,
    /// When it was issued.
    pub issued_at: Timestamp,
    /// When it runs out.
    pub expires_at: Option<Timestamp>,
    /// When it was revoked.
    pub revoked_at: Option<Timestamp>,
    /// Which revision this is; above 1, earlier ones exist (C5).
    pub revision_no: i64,
    /// Where its PDF stands.
    pub rendering: Rendering,
    /// Where the PDF is, once it is.
    pub certificate_url: Option<String>,
}

fn entry(certificate: &Certificate, now: Timestamp) -> CertificateEntry {
    CertificateEntry {
        id: certificate.id,
        code: certificate.code.clone(),
        validity: validity(certificate, now),
        course_id: certificate.course_id,
        course_title: certificate.snapshot.course_title.clone(),
        student: NamedUser { id: certificate.student_id, name: certificate.snapshot.student_name.clone() },
        issued_at: certificate.issued_at,
        expires_at: certificate.expires_at,
        revoked_at: certificate.revoked_at,
        revision_no: certificate.revision_no,
        rendering: certificate.rendering,
        certificate_url: certificate.certificate_url.clone(),
    }
}

impl Certificates<'_> {
    /// The certificates of a course, whatever became of them: a page by the id of the holder, to the course's staff.
    ///
    /// # Errors
    /// NotFound to everybody else.
    #[tracing::instrument(name = "lms.course_certificates", skip_all, fields(course, outcome))]
    pub async fn of_course(&self, course: CourseId, page: ById) -> Result<Listed<CertificateEntry>, Error> {
        self.s.course_for_graders(course).await?;
        let found = self.s.store().certificates(course, page).await?;
        let now = self.s.lms.now();
        let rows = found.iter().map(|certificate| entry(certificate, now)).collect();
        Ok(Listed::of(&found, page, |last| last.student_id.uuid(), rows))
    }

    /// The certificates of a person in all courses, whatever became of them: a page by id, to the person, to admins
    /// and to the system.
    ///
    /// # Errors
    /// NotFound to everybody else.
    #[tracing::instrument(name = "lms.person_certificates", skip_all, fields(course, outcome))]
    pub async fn of_person(&self, person: UserId, page: ById) -> Result<Listed<CertificateEntry>, Error> {
        let found = self.s.store().person(self.s.rights_of(), PersonKey::Id(person)).await?;
        let rights =
            Rights::of(&self.s.actor, found.actor.as_ref(), None, None).owning(self.s.rights_of() == Some(person));
        if found.subject.is_none() || !(rights.own || rights.may(Action::ManageUsers)) {
            return Err(Error::not_found(SubjectType::User, person));
        }
        let found = self.s.store().certificates_of(person, page).await?;
        let now = self.s.lms.now();
        let rows = found.iter().map(|certificate| entry(certificate, now)).collect();
        Ok(Listed::of(&found, page, |last| last.id.uuid(), rows))
    }

    /// The templates that a course can take: the newest version of each that is accepted and not archived (C7). A
    /// page by the id of the family ([`CertificateTemplate::family_id`]), to whoever may create courses.
    ///
    /// # Errors
    /// Denied to everybody else.
    #[tracing::instrument(name = "lms.templates", skip_all, fields(course, outcome))]
    pub async fn templates(&self, page: ById) -> Result<Listed<CertificateTemplate>, Error> {
        self.require_template_reader().await?;
        let found = self.s.store().templates(page).await?;
        let rows = found.clone();
        Ok(Listed::of(&found, page, |last| last.family_id.uuid(), rows))
    }
}
