//! The copy of a certificate template, once per course and template version (C7).

use lms_core::lms::Session;
use lms_core::model::{CertificateTemplate, CourseId, SubjectType, TemplateDocument, TemplateId};
use lms_core::store::ContentRef;
use uuid::Uuid;

use super::proposal::{Proposal, Selection, derived_operation, left};
use crate::task::{CertificateIn, CertificateTask};
use crate::{About, Ai, AiError};

impl Ai {
    /// Headline and body for a version of a certificate template, from the title and the objectives of a
    /// course; no learner's name is ever seen. It waits until it is applied with [`Ai::apply_certificate`].
    /// Asked again for the same course and version it is the same proposal, unless it was dropped or
    /// `about` names an operation of its own. Never on the path of issuing.
    ///
    /// # Errors
    /// See [`AiError`]; NotFound to those who are not the course's staff.
    #[tracing::instrument(name = "ai.propose_certificate", skip_all)]
    pub async fn propose_certificate(
        &self,
        session: &Session,
        course: CourseId,
        template: TemplateId,
        mut about: About,
    ) -> Result<Proposal<CertificateTask>, AiError> {
        let input = self.certificate_input(session, course, template).await?;
        let operation = derived_operation("certificate", &[course.uuid().as_bytes(), template.uuid().as_bytes()]);
        about.operation_id.get_or_insert(operation);
        about.course_id = Some(course);
        about.subject = Some(("certificate_template", template.uuid()));
        self.propose(session, input, about).await
    }

    pub(super) async fn certificate_input(
        &self,
        session: &Session,
        course: CourseId,
        template: TemplateId,
    ) -> Result<CertificateIn, AiError> {
        // Who may not see the course hears so here; its staff read on.
        let row = session.catalog().course(course).await?;
        let store = self.lms.store();
        let found = store.content(None, ContentRef::Objectives(course)).await.map_err(lms_core::Error::from)?;
        let found = found.ok_or_else(|| lms_core::Error::not_found(SubjectType::Course, course))?;
        let version = store.template(template).await.map_err(lms_core::Error::from)?;
        let version = version.ok_or_else(|| lms_core::Error::not_found(SubjectType::Certificate, template))?;
        let document: TemplateDocument = version.content().unwrap_or_default();
        Ok(CertificateIn {
            course_title: row.title,
            skills: found.objectives.into_iter().map(|o| o.text).collect(),
            audience: row.audience,
            difficulty: row.difficulty,
            issuer: document.issuer_name.unwrap_or_default(),
            has_hours: row.estimated_minutes.is_some(),
            language: document.language.unwrap_or(row.language),
            ..CertificateIn::default()
        })
    }

    /// Writes proposed copy as the next version of its template, a draft that no course can take until a
    /// person accepts it, as it is or edited (`Certificates::accept_template`); and flips the log row, in
    /// one transaction.
    ///
    /// # Errors
    /// NoProposal, NoSuchItem; Denied to all but admins and the system.
    #[tracing::instrument(name = "ai.apply_certificate", skip_all)]
    pub async fn apply_certificate(
        &self,
        session: &Session,
        operation: Uuid,
        selection: &Selection,
    ) -> Result<CertificateTemplate, AiError> {
        let proposal = self.proposal::<CertificateTask>(session, operation).await?;
        if let Some(pointer) = selection.redone.keys().next() {
            return Err(AiError::NoSuchItem { pointer: pointer.clone() });
        }
        let out = left::<CertificateTask>(proposal.input().clone(), proposal.value(), selection, &[])?;
        let template = TemplateId::from_uuid(proposal.subject().ok_or(AiError::NoProposal)?);
        let origin = proposal.origin();
        let write =
            async { session.certificates().apply_copy(template, out.headline, out.body_template, origin).await };
        self.writing(write).await
    }
}
