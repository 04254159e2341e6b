//! The template version that a certificate is printed with.

use crate::colour::Colour;
use crate::copytext;

/// The paper, always in landscape.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum PageSize {
    /// 297 mm × 210 mm.
    #[default]
    A4,
    /// 11 in × 8.5 in.
    Letter,
}

impl PageSize {
    /// Width and height in points.
    pub(crate) fn points(self) -> (f32, f32) {
        match self {
            Self::A4 => (841.89, 595.28),
            Self::Letter => (792.0, 612.0),
        }
    }
}

/// One version of a template: everything on the page that is not a fact about the learner.
///
/// Headline and body may hold `{{student_name}}`, `{{course_title}}`, `{{completed_on}}`,
/// `{{score}}` and `{{hours}}`. In the body the name and the title are set large where they are
/// named first. A clause (between commas, semicolons, dashes or parentheses) whose value is
/// missing is left out; a sentence that loses all its clauses is left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TemplateVersion {
    /// Who issues the certificate, at most 120 characters; empty prints none.
    pub issuer_name: String,
    /// The issuer's web address, http or https, at most 120 characters; the issuer's name links to
    /// it.
    pub issuer_url: Option<String>,
    /// A PNG of the issuer's logo.
    pub logo: Option<Vec<u8>>,
    /// A PNG of the signature, best with a transparent background.
    pub signature: Option<Vec<u8>>,
    /// Who signs, at most 80 characters.
    pub signatory_name: Option<String>,
    /// The office of the person who signs, at most 120 characters.
    pub signatory_title: Option<String>,
    /// The headline, at most 100 characters.
    pub headline: String,
    /// The text around the name and the title, at most 600 characters.
    pub body: String,
    /// The colour of frame, seal and title, as `#rrggbb`.
    pub accent_colour: String,
    /// The language of the template's words and dates, such as `en` or `de-AT`.
    pub language: String,
    /// The paper.
    pub page: PageSize,
}

/// Why a template version is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TemplateError {
    /// A placeholder that does not exist.
    #[error("`{field}` has the unknown placeholder `{name}`")]
    UnknownPlaceholder {
        /// `headline` or `body`.
        field: &'static str,
        /// What stands between the braces.
        name: String,
    },
    /// A `{{` without its `}}`.
    #[error("`{field}` opens a placeholder with `{{{{` and does not close it")]
    UnclosedPlaceholder {
        /// `headline` or `body`.
        field: &'static str,
    },
    /// The accent colour is not `#rrggbb`.
    #[error("`accent_colour` must be `#rrggbb`, not `{value}`")]
    BadColour {
        /// The value as given.
        value: String,
    },
    /// A text has more characters than its place can hold.
    #[error("`{field}` has {length} characters, at most {max} are allowed")]
    TooLong {
        /// The name of the field.
        field: &'static str,
        /// Its length in characters.
        length: usize,
        /// The most that are allowed.
        max: usize,
    },
    /// The issuer's address is no `http` or `https` URL in ASCII.
    #[error("`issuer_url` must be an http(s) URL in ASCII, not `{value}`")]
    BadUrl {
        /// The value as given.
        value: String,
    },
    /// The headline is empty.
    #[error("`headline` is empty")]
    EmptyHeadline,
    /// The language is not a language tag.
    #[error("`language` must be a language tag such as `en` or `de-AT`, not `{value}`")]
    BadLanguage {
        /// The value as given.
        value: String,
    },
}

impl TemplateVersion {
    /// The template to use where there is none: English, A4, navy. Set `issuer_name`.
    pub fn built_in() -> Self {
        Self::built_in_for("en")
    }

    /// The built-in template in the given language: `en`, `de`, `fr` or `es`, with or without a
    /// region; English for any other.
    pub fn built_in_for(language: &str) -> Self {
        let primary = language.split(['-', '_']).next().unwrap_or_default().to_ascii_lowercase();
        let (language, headline, body) = match primary.as_str() {
            "de" => (
                language,
                "Zertifikat",
                "Hiermit wird bescheinigt, dass {{student_name}} den folgenden Kurs erfolgreich \
                 abgeschlossen hat: {{course_title}}. Abgeschlossen am {{completed_on}}, \
                 Ergebnis: {{score}}, Umfang: {{hours}}\u{a0}h.",
            ),
            "fr" => (
                language,
                "Certificat de réussite",
                "Nous certifions que {{student_name}} a suivi et réussi la formation \
                 {{course_title}}. Formation achevée le {{completed_on}}, résultat final : \
                 {{score}}, durée : {{hours}}\u{a0}h.",
            ),
            "es" => (
                language,
                "Certificado de finalización",
                "Se certifica que {{student_name}} ha completado con éxito el curso \
                 {{course_title}}. Finalizado el {{completed_on}}, calificación final: \
                 {{score}}, duración: {{hours}}\u{a0}h.",
            ),
            "en" => (language, EN_HEADLINE, EN_BODY),
            _ => ("en", EN_HEADLINE, EN_BODY),
        };
        Self {
            issuer_name: String::new(),
            issuer_url: None,
            logo: None,
            signature: None,
            signatory_name: None,
            signatory_title: None,
            headline: headline.to_owned(),
            body: body.to_owned(),
            accent_colour: "#1f3b63".to_owned(),
            language: language.to_owned(),
            page: PageSize::A4,
        }
    }

    /// Checks all that can be known before a certificate is printed: placeholders, the colour, the
    /// language and the lengths. Call it when a template is saved; [`render`](crate::render) calls
    /// it too.
    ///
    /// # Errors
    /// The first [`TemplateError`] found.
    pub fn check(&self) -> Result<(), TemplateError> {
        copytext::check("headline", &self.headline)?;
        copytext::check("body", &self.body)?;
        if Colour::parse(&self.accent_colour).is_none() {
            let value = self.accent_colour.chars().take(60).collect();
            return Err(TemplateError::BadColour { value });
        }
        if !is_language_tag(&self.language) {
            let value = self.language.chars().take(60).collect();
            return Err(TemplateError::BadLanguage { value });
        }
        if !crate::clean::is_visible(&crate::clean::clean(&self.headline)) {
            return Err(TemplateError::EmptyHeadline);
        }
        if let Some(url) = self.issuer_url.as_deref().filter(|url| !crate::qr::is_url(url)) {
            return Err(TemplateError::BadUrl { value: url.chars().take(60).collect() });
        }
        let none = String::new();
        for (field, text, max) in [
            ("issuer_name", &self.issuer_name, 120),
            ("issuer_url", self.issuer_url.as_ref().unwrap_or(&none), 120),
            ("signatory_name", self.signatory_name.as_ref().unwrap_or(&none), 80),
            ("signatory_title", self.signatory_title.as_ref().unwrap_or(&none), 120),
            ("headline", &self.headline, 100),
            ("body", &self.body, 600),
        ] {
            let length = text.chars().count();
            if length > max {
                return Err(TemplateError::TooLong { field, length, max });
            }
        }
        Ok(())
    }
}

const EN_HEADLINE: &str = "Certificate of Completion";
const EN_BODY: &str = "This is to certify that {{student_name}} has successfully completed the course \
     {{course_title}}. Completed on {{completed_on}}, with a final score of {{score}}, \
     course length: {{hours}}\u{a0}h.";

/// Whether the text looks like a language tag: letters and digits in parts of one to eight.
pub(crate) fn is_language_tag(text: &str) -> bool {
    let mut parts = text.split('-');
    let primary = parts.next().unwrap_or_default();
    (2..=8).contains(&primary.len())
        && primary.bytes().all(|b| b.is_ascii_alphabetic())
        && text.len() <= 35
        && parts.all(|part| (1..=8).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_alphanumeric()))
}
