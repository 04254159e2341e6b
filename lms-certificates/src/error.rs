//! Why a certificate cannot be drawn.

use crate::template::TemplateError;

/// Why a certificate could not be rendered. Rendering it again gives the same error, until the
/// facts, the template or the fonts change.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RenderError {
    /// No font has these characters. Add a [`FontSource`](crate::FontSource) that has them.
    #[error("no font has the characters {}", list(chars))]
    MissingGlyphs {
        /// The characters, in ascending order, each once.
        chars: Vec<char>,
    },
    /// The learner's name has more than 200 characters or does not fit on three lines.
    #[error("the student name is too long to be printed")]
    NameTooLong,
    /// Nothing visible is left of the learner's name after cleaning.
    #[error("the student name is empty")]
    EmptyName,
    /// Nothing visible is left of another text that must be printed.
    #[error("`{field}` is empty")]
    EmptyText {
        /// The fact's name, such as `course_title`.
        field: &'static str,
    },
    /// Another text is too long for its place.
    #[error("`{field}` is too long to be printed")]
    TextTooLong {
        /// The fact's or template field's name, such as `course_title`.
        field: &'static str,
    },
    /// The template does not pass [`TemplateVersion::check`](crate::TemplateVersion::check).
    #[error("the template cannot be used")]
    BadTemplate(#[from] TemplateError),
    /// An image of the template cannot be drawn.
    #[error("the {which} image cannot be used: {reason}")]
    BadImage {
        /// `logo` or `signature`.
        which: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// The verification URL is no `http` or `https` URL in ASCII of at most 300 characters.
    #[error("`verify_url` is no http(s) URL in ASCII of at most 300 characters")]
    BadVerifyUrl,
    /// The template's stored document cannot be read.
    #[error("the template cannot be read")]
    UnreadableTemplate,
    /// A picture that the template names is not among the files.
    #[error("the template's picture `{key}` is not there")]
    MissingImage {
        /// Its key.
        key: String,
    },
    /// The PDF could not be written, for instance because a font of the host is damaged.
    #[error("the PDF could not be written: {0}")]
    Pdf(String),
}

impl RenderError {
    /// Every code, each with its line in `docs/errors.md`.
    pub const CODES: &[&str] = &[
        "render.missing_glyphs",
        "render.name_too_long",
        "render.name_empty",
        "render.text_empty",
        "render.text_too_long",
        "render.template",
        "render.image",
        "render.verify_url",
        "render.image_missing",
        "render.pdf",
    ];

    /// The stable code that stands in the certificate's row and in `certificate_failed`.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::MissingGlyphs { .. } => "render.missing_glyphs",
            Self::NameTooLong => "render.name_too_long",
            Self::EmptyName => "render.name_empty",
            Self::EmptyText { .. } => "render.text_empty",
            Self::TextTooLong { .. } => "render.text_too_long",
            Self::BadTemplate(_) | Self::UnreadableTemplate => "render.template",
            Self::BadImage { .. } => "render.image",
            Self::BadVerifyUrl => "render.verify_url",
            Self::MissingImage { .. } => "render.image_missing",
            Self::Pdf(_) => "render.pdf",
        }
    }
}

pub(crate) fn list(chars: &[char]) -> String {
    let shown: Vec<String> = chars.iter().take(20).map(|c| format!("`{c}` (U+{:04X})", u32::from(*c))).collect();
    let more = if chars.len() > shown.len() { ", …" } else { "" };
    format!("{}{more}", shown.join(", "))
}
