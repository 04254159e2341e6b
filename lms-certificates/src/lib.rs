//! Certificates of completion as PDFs.
//!
//! One stored certificate gives one page, and the same bytes every time: [`render`] is a pure
//! function of the [`CertificateFacts`] (a snapshot), the [`TemplateVersion`] and the [`Fonts`].
//! It reads no clock, no locale of the host, no installed font, and draws no random number.
//!
//! Everything that can go wrong is found before anything is drawn and comes back as a typed
//! [`RenderError`]; a failed rendering never undoes a certificate.
//!
//! ```
//! use lms_certificates::{CertificateFacts, Fonts, TemplateVersion, render};
//!
//! let facts = CertificateFacts {
//!     certificate_id: uuid::Uuid::from_u128(7),
//!     revision: 1,
//!     student_name: "Ada Lovelace".into(),
//!     course_title: "Analytical Engines".into(),
//!     instructor_name: None,
//!     completed_on: None,
//!     issued_at: chrono::DateTime::from_timestamp(1_773_480_413, 0).unwrap_or_default(),
//!     issued_on: chrono::NaiveDate::from_ymd_opt(2026, 3, 14).unwrap_or_default(),
//!     expires_on: None,
//!     score_percent: Some("92.5".into()),
//!     hours: None,
//!     code: "7K3M-9QX4-TB2W-Z8RA".into(),
//!     verify_url: Some("https://verify.example.org/c/7K3M9QX4TB2WZ8RA".into()),
//!     language: "en".into(),
//! };
//! let template = TemplateVersion { issuer_name: "Example Academy".into(), ..TemplateVersion::built_in() };
//! let pdf = render(&facts, &template, &Fonts::built_in())?;
//! assert!(pdf.starts_with(b"%PDF"));
//! # Ok::<(), lms_certificates::RenderError>(())
//! ```

mod clean;
mod colour;
mod compose;
mod consumer;
mod copytext;
mod error;
mod facts;
mod fonts;
mod footer;
mod image;
mod locale;
mod ornament;
mod pdf;
mod qr;
mod renderer;
mod scene;
mod settings;
mod template;
mod text;

pub use error::RenderError;
pub use facts::CertificateFacts;
pub use fonts::{FontError, FontSource, Fonts};
pub use renderer::{Images, Renderer};
pub use settings::SettingsError;
pub use template::{PageSize, TemplateError, TemplateVersion};

/// The version of the drawing itself: it changes whenever the bytes of any certificate change.
///
/// Store it beside the asset; an asset that is already stored stays authoritative.
pub const RENDERER_VERSION: u32 = 2;

/// Draws one certificate on one page and returns the PDF.
///
/// The same arguments give the same bytes in every process and on every day. Nothing is drawn
/// before all text is laid out and checked.
///
/// # Errors
/// [`RenderError`] says what cannot be printed: the template, an empty or overlong text, a
/// character that no font has, an image that cannot be read, or a URL that no QR code can carry.
pub fn render(facts: &CertificateFacts, template: &TemplateVersion, fonts: &Fonts) -> Result<Vec<u8>, RenderError> {
    template.check()?;
    let scene = compose::compose(facts, template, fonts)?;
    pdf::write(&scene)
}
