//! What a certificate template shows (C7).

use serde::{Deserialize, Serialize};

use super::CertificateTemplate;
use super::tolerant::{read_leniently, tolerant};
use crate::error::Problem;
use crate::rules::authoring::Checks;

/// The paper of a certificate, always in landscape.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub enum TemplatePage {
    /// 297 mm × 210 mm.
    #[default]
    A4,
    /// 11 in × 8.5 in.
    Letter,
}

tolerant! {
    strict {
        /// One version of a certificate template: everything on the page that is no fact about the learner. What is
        /// absent is as in the built-in template.
        ///
        /// Headline and body may hold `{{student_name}}`, `{{course_title}}`, `{{completed_on}}`, `{{score}}` and
        /// `{{hours}}`.
        #[derive(Debug, Clone, PartialEq, Eq, Default)]
        #[serde(default)]
        pub struct TemplateDocument {
            /// Who issues it, at most 120 characters.
            pub issuer_name: Option<String>,
            /// The issuer's address, http or https, at most 120 characters.
            pub issuer_url: Option<String>,
            /// The key of the issuer's logo, a PNG.
            pub logo_asset: Option<String>,
            /// The key of the signature, a PNG.
            pub signature_asset: Option<String>,
            /// Who signs, at most 80 characters.
            pub signatory_name: Option<String>,
            /// The office of who signs, at most 120 characters.
            pub signatory_title: Option<String>,
            /// The headline, 1 to 100 characters.
            pub headline: Option<String>,
            /// The text around name and title, at most 600 characters.
            pub body: Option<String>,
            /// The colour of frame, seal and title, `#rrggbb`.
            pub accent_colour: Option<String>,
            /// BCP 47; the course's unless set.
            pub language: Option<String>,
            /// The paper.
            pub page: TemplatePage,
        }
    }
}
read_leniently!(TemplateDocument);

/// What may stand between the braces.
pub const TEMPLATE_PLACEHOLDERS: [&str; 5] = ["student_name", "course_title", "completed_on", "score", "hours"];

impl TemplateDocument {
    /// What is wrong with it: unknown placeholders, lengths, colour, language, address (C7).
    pub fn check(&self) -> Vec<Problem> {
        let mut checks = Checks::default();
        let mut text = |field: &str, text: &Option<String>, least: usize, most: usize| {
            if let Some(text) = text {
                checks.text(field, text, least, most);
            }
        };
        text("issuer_name", &self.issuer_name, 0, 120);
        text("issuer_url", &self.issuer_url, 1, 120);
        text("logo_asset", &self.logo_asset, 1, 500);
        text("signature_asset", &self.signature_asset, 1, 500);
        text("signatory_name", &self.signatory_name, 0, 80);
        text("signatory_title", &self.signatory_title, 0, 120);
        text("headline", &self.headline, 1, 100);
        if let Some(body) = &self.body {
            checks.long_text("body", body, 600);
        }
        for (field, text) in [("headline", &self.headline), ("body", &self.body)] {
            for unknown in text.as_deref().map(unknown_placeholders).unwrap_or_default() {
                checks.add("template.placeholder", field, unknown);
            }
        }
        if let Some(colour) = &self.accent_colour {
            let digits = colour.strip_prefix('#').unwrap_or_default();
            if digits.len() != 6 || !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
                checks.add("template.colour", "accent_colour", "must be #rrggbb");
            }
        }
        if let Some(language) = &self.language {
            checks.language("language", language);
        }
        if self.issuer_url.as_deref().is_some_and(|url| !url.starts_with("https://") && !url.starts_with("http://")) {
            checks.add("url.invalid", "issuer_url", "must begin with https:// or http://");
        }
        checks.problems
    }
}

/// A sentence for each placeholder that there is none of, or that is not closed.
fn unknown_placeholders(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some((_, after)) = rest.split_once("{{") {
        match after.split_once("}}") {
            Some((name, tail)) => {
                let name = name.trim();
                if !TEMPLATE_PLACEHOLDERS.contains(&name) {
                    let name: String = name.chars().take(40).collect();
                    found.push(format!("there is no placeholder {{{{{name}}}}}"));
                }
                rest = tail;
            }
            None => {
                found.push("opens a placeholder with {{ and does not close it".to_owned());
                break;
            }
        }
    }
    found
}

impl CertificateTemplate {
    /// What it shows.
    ///
    /// # Errors
    /// When the stored document is not one.
    pub fn content(&self) -> Result<TemplateDocument, serde_json::Error> {
        self.document.read_leniently()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn c7_unknown_placeholders_and_bad_fields_are_refused() {
        let good = TemplateDocument {
            headline: Some("Well done, {{ student_name }}".into()),
            body: Some("{{course_title}} on {{completed_on}}: {{score}}, {{hours}} hours".into()),
            accent_colour: Some("#1f3B63".into()),
            language: Some("de-AT".into()),
            ..TemplateDocument::default()
        };
        assert!(good.check().is_empty(), "{:?}", good.check());
        let bad = TemplateDocument {
            headline: Some(String::new()),
            body: Some("{{student_email}} and {{open".into()),
            accent_colour: Some("navy".into()),
            language: Some("!".into()),
            issuer_url: Some("javascript:alert(1)".into()),
            ..TemplateDocument::default()
        };
        let codes: Vec<_> = bad.check().iter().map(|p| (p.code, p.field.clone())).collect();
        for (code, field) in [
            ("text.empty", "headline"),
            ("template.placeholder", "body"),
            ("template.colour", "accent_colour"),
            ("language.invalid", "language"),
            ("url.invalid", "issuer_url"),
        ] {
            assert!(codes.iter().any(|(c, f)| *c == code && f == field), "{code} {field}: {codes:?}");
        }
        assert_eq!(codes.iter().filter(|(c, _)| *c == "template.placeholder").count(), 2);
    }
}
