//! From a stored certificate to its file: the named consumer that makes PDFs (C6).

use std::sync::Arc;

use lms_core::assets::{AssetError, Assets};
use lms_core::model::{Certificate, TemplateDocument, TemplatePage};
use lms_core::{Error, Lms};
use sha2::{Digest, Sha256};

use crate::consumer::Rounds;
use crate::settings::{self, SettingsError};
use crate::{CertificateFacts, Fonts, PageSize, RenderError, TemplateVersion, render};

/// Makes the PDFs of certificates and says where they are.
///
/// The certificate is issued before and stands whatever happens here: a crash between making and
/// storing is resumed to the same bytes under the same key, and a page that cannot be made is
/// reported to staff.
#[derive(Clone)]
pub struct Renderer {
    fonts: Arc<Fonts>,
    issuer: TemplateVersion,
    verify_base: Option<String>,
    pub(crate) rounds: Arc<Rounds>,
}

impl std::fmt::Debug for Renderer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Renderer").finish_non_exhaustive()
    }
}

impl Renderer {
    /// Renders with the built-in template for an issuer, and these fonts.
    ///
    /// # Errors
    /// [`SettingsError`] for a name that no certificate could be drawn with: it is empty, too long, or no font has it.
    pub fn new(issuer_name: impl Into<String>, fonts: Fonts) -> Result<Self, SettingsError> {
        let issuer = TemplateVersion { issuer_name: issuer_name.into(), ..TemplateVersion::built_in() };
        settings::check(&issuer, None, &fonts)?;
        Ok(Self { fonts: Arc::new(fonts), issuer, verify_base: None, rounds: Arc::default() })
    }

    /// Prints a code that leads to `base` + the verification code. The route must take both cases.
    ///
    /// # Errors
    /// [`SettingsError`] for an address that is no whole http or https one in ASCII with the place for a code at its
    /// end, such as `https://school.example/verify/`, or that is too long.
    pub fn with_verify_url(mut self, base: impl Into<String>) -> Result<Self, SettingsError> {
        let base = base.into();
        settings::check(&self.issuer, Some(&base), &self.fonts)?;
        self.verify_base = Some(base);
        Ok(self)
    }

    /// The PDF of a certificate: a pure function of the row, its template version with its images, and the
    /// fonts.
    ///
    /// # Errors
    /// Why the page cannot be made.
    pub fn render(
        &self,
        certificate: &Certificate,
        template: &TemplateDocument,
        images: Images,
    ) -> Result<Vec<u8>, RenderError> {
        let snapshot = &certificate.snapshot;
        let template = self.version(template, &snapshot.language, images);
        let facts = CertificateFacts {
            certificate_id: certificate.id.uuid(),
            revision: u32::try_from(certificate.revision_no).unwrap_or(1),
            student_name: snapshot.student_name.clone(),
            course_title: snapshot.course_title.clone(),
            instructor_name: (!snapshot.instructor_name.is_empty()).then(|| snapshot.instructor_name.clone()),
            completed_on: snapshot.completed_on,
            issued_at: certificate.issued_at.datetime(),
            issued_on: snapshot.issued_on,
            expires_on: snapshot.expires_on,
            score_percent: snapshot.final_score.map(|score| without_zeros(&score.to_string())),
            hours: snapshot.estimated_minutes.and_then(hours),
            code: certificate.code.clone(),
            verify_url: self.verify_base.as_ref().map(|base| settings::verify_url(base, &certificate.code)),
            language: snapshot.language.clone(),
        };
        render(&facts, &template, &self.fonts)
    }

    /// How a template document looks, with sample facts: a PDF and no row (C7). `images` are the PNGs of its
    /// logo and signature.
    ///
    /// # Errors
    /// Why the page cannot be made.
    pub fn preview(
        &self,
        document: &TemplateDocument,
        sample: &CertificateFacts,
        images: Images,
    ) -> Result<Vec<u8>, RenderError> {
        render(sample, &self.version(document, &sample.language, images), &self.fonts)
    }

    fn version(&self, document: &TemplateDocument, language: &str, images: Images) -> TemplateVersion {
        let document = document.clone();
        let mut version = TemplateVersion::built_in_for(document.language.as_deref().unwrap_or(language));
        version.issuer_name = document.issuer_name.unwrap_or_else(|| self.issuer.issuer_name.clone());
        version.issuer_url = document.issuer_url;
        version.logo = images.logo;
        version.signature = images.signature;
        version.signatory_name = document.signatory_name;
        version.signatory_title = document.signatory_title;
        version.headline = document.headline.unwrap_or(version.headline);
        version.body = document.body.unwrap_or(version.body);
        version.accent_colour = document.accent_colour.unwrap_or(version.accent_colour);
        version.page = match document.page {
            TemplatePage::A4 => PageSize::A4,
            TemplatePage::Letter => PageSize::Letter,
        };
        version
    }

    /// Makes and stores the PDF of one certificate, and writes where it is.
    ///
    /// # Errors
    /// When there is no place for files, a file could not be read or stored, or the store fails: the
    /// certificate stays pending, and is tried again. A page that cannot be made is no error:
    /// certificate_failed says why.
    pub async fn render_one(&self, lms: &Lms, certificate: &Certificate) -> Result<Certificate, Error> {
        let system = lms.system();
        let (id, revision) = (certificate.id, certificate.revision_no);
        let assets = place(lms, certificate)?;
        let pdf = match self.page(lms, assets, certificate).await? {
            Ok(pdf) => pdf,
            Err(e) => return system.certificates().set_failed(id, revision, e.code(), &e.to_string()).await,
        };
        let sha256: String = Sha256::digest(&pdf).iter().map(|byte| format!("{byte:02x}")).collect();
        let key = format!("{}/{sha256}.pdf", folder(certificate));
        let url = assets.put(&key, pdf, "application/pdf").await?;
        let ready = system.certificates().set_ready(id, revision, url, sha256).await?;
        if ready.erased_at.is_some() {
            // The holder was erased while the page was made.
            assets.delete_folder(&folder(certificate)).await?;
        }
        Ok(ready)
    }

    /// The page, or why it cannot be made; the outer error passes by itself.
    async fn page(
        &self,
        lms: &Lms,
        assets: &Arc<dyn Assets>,
        certificate: &Certificate,
    ) -> Result<Result<Vec<u8>, RenderError>, Error> {
        let template = lms.store().template(certificate.template_id).await?;
        let Ok(document) = template.map(|row| row.content()).transpose().map(Option::unwrap_or_default) else {
            return Ok(Err(RenderError::UnreadableTemplate));
        };
        Ok(match images_of(assets, &document).await? {
            Ok(images) => self.render_apart(certificate, document, images).await,
            Err(e) => Err(e),
        })
    }

    /// The page, made on a thread for long work: it takes longer than a thread that serves others may be held.
    async fn render_apart(
        &self,
        certificate: &Certificate,
        document: TemplateDocument,
        images: Images,
    ) -> Result<Vec<u8>, RenderError> {
        let (renderer, certificate) = (self.clone(), certificate.clone());
        let made = move || renderer.render(&certificate, &document, images);
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return made() };
        match runtime.spawn_blocking(made).await {
            Ok(page) => page,
            Err(e) => match e.try_into_panic() {
                Ok(panic) => std::panic::resume_unwind(panic),
                // The runtime ends, and with it this future.
                Err(_) => std::future::pending().await,
            },
        }
    }

    /// Deletes the files of an erased person's certificate, those of all its revisions.
    pub(crate) async fn clear(&self, lms: &Lms, certificate: &Certificate) -> Result<(), Error> {
        place(lms, certificate)?.delete_folder(&folder(certificate)).await?;
        lms.system().certificates().set_files_deleted(certificate.id).await
    }
}

/// Where files go; an error where nowhere is configured, so that nothing is taken for done.
fn place<'l>(lms: &'l Lms, certificate: &Certificate) -> Result<&'l Arc<dyn Assets>, Error> {
    let nowhere = || AssetError { key: folder(certificate), message: "no place for files is configured".to_owned() };
    Ok(lms.assets().ok_or_else(nowhere)?)
}

/// The pictures of a template, PNGs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Images {
    /// The issuer's logo.
    pub logo: Option<Vec<u8>>,
    /// The signature.
    pub signature: Option<Vec<u8>>,
}

/// The pictures that a template names, or which of them is not there.
async fn images_of(
    assets: &Arc<dyn Assets>,
    document: &TemplateDocument,
) -> Result<Result<Images, RenderError>, AssetError> {
    let mut images = Images::default();
    for (key, image) in [(&document.logo_asset, &mut images.logo), (&document.signature_asset, &mut images.signature)] {
        let Some(key) = key else { continue };
        *image = assets.get(key).await?;
        if image.is_none() {
            return Ok(Err(RenderError::MissingImage { key: key.clone() }));
        }
    }
    Ok(Ok(images))
}

/// Where the files of a certificate are, of all its revisions.
fn folder(certificate: &Certificate) -> String {
    format!("certificates/{}", certificate.id)
}

/// Minutes as hours, to the nearest quarter: "1.5" for 90; none where nothing is left.
fn hours(minutes: i64) -> Option<String> {
    let quarters = minutes.saturating_add(7) / 15;
    let hundredths = quarters.saturating_mul(25);
    (quarters > 0).then(|| without_zeros(&format!("{}.{:02}", hundredths / 100, hundredths % 100)))
}

/// A decimal as people write it: "92.5" for "92.50", "100" for "100.00".
fn without_zeros(decimal: &str) -> String {
    match decimal.split_once('.') {
        Some(_) => decimal.trim_end_matches('0').trim_end_matches('.').to_owned(),
        None => decimal.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_length_is_printed_in_hours_to_the_nearest_quarter() {
        let minutes = [-30, 0, 7, 8, 30, 45, 60, 67, 68, 90, 100, 119, 120, 1440, i64::MAX];
        let shown = minutes.map(|minutes| hours(minutes).unwrap_or_default());
        let expected = ["", "", "", "0.25", "0.5", "0.75", "1", "1", "1.25", "1.5", "1.75", "2", "2", "24"];
        assert_eq!(shown[..14], expected);
        assert!(!shown[14].is_empty());
    }

    #[test]
    fn a_score_is_printed_without_idle_zeros() {
        let shown = |hundredths| without_zeros(&lms_core::model::Percent::from_hundredths(hundredths).to_string());
        assert_eq!(shown(10_000), "100");
        assert_eq!(shown(9_250), "92.5");
        assert_eq!(shown(8_333), "83.33");
        assert_eq!(shown(0), "0");
        assert_eq!(without_zeros("100"), "100");
    }
}
