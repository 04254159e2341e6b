//! What a host says once, for all certificates; what is wrong with it is said when it is said.

use chrono::{DateTime, NaiveDate};

use crate::clean::{clean, is_visible};
use crate::error::{RenderError, list};
use crate::{CertificateFacts, Fonts, PageSize, TemplateVersion, render};

/// Why the settings of a [`Renderer`](crate::Renderer) are refused: with them no certificate could be drawn.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SettingsError {
    /// Nothing visible is in the issuer's name.
    #[error("say who issues the certificates: the issuer's name is empty")]
    NoIssuer,
    /// The issuer's name has more than 120 characters, or does not fit.
    #[error("the issuer's name is too long to be printed: at most 120 characters, on two lines")]
    IssuerTooLong,
    /// No font has these characters of the issuer's name.
    #[error("no font has these characters of the issuer's name: {}; add a font that has them", list(chars))]
    IssuerNotInFonts {
        /// The characters, in ascending order, each once.
        chars: Vec<char>,
    },
    /// The address is no absolute one.
    #[error("the address for verification must be whole, such as https://school.example/verify/, and not `{value}`")]
    BadVerifyUrl {
        /// What was given, at most its first 60 characters.
        value: String,
    },
    /// With a code behind it the address has more than 300 characters, or does not fit.
    #[error("the address for verification is too long to be printed")]
    VerifyUrlTooLong,
    /// The plainest certificate cannot be drawn.
    #[error("no certificate can be drawn with these settings: {0}")]
    CannotDraw(RenderError),
}

/// Draws a plain certificate on both papers, so that what would fail on every one fails here.
///
/// # Errors
/// What is wrong with the issuer or the address.
pub(crate) fn check(issuer: &TemplateVersion, verify_base: Option<&str>, fonts: &Fonts) -> Result<(), SettingsError> {
    if !is_visible(&clean(&issuer.issuer_name)) {
        return Err(SettingsError::NoIssuer);
    }
    if let Some(base) = verify_base
        && (place(base).is_none() || place(base) != place(&verify_url(base, CODE)))
    {
        return Err(SettingsError::BadVerifyUrl { value: base.chars().take(60).collect() });
    }
    for page in [PageSize::A4, PageSize::Letter] {
        render(&sample(verify_base), &TemplateVersion { page, ..issuer.clone() }, fonts).map_err(of)?;
    }
    Ok(())
}

fn of(error: RenderError) -> SettingsError {
    use crate::TemplateError;
    match error {
        RenderError::MissingGlyphs { chars } => SettingsError::IssuerNotInFonts { chars },
        RenderError::TextTooLong { field: "issuer_name" | "signatory_name" }
        | RenderError::BadTemplate(TemplateError::TooLong { field: "issuer_name", .. }) => SettingsError::IssuerTooLong,
        RenderError::TextTooLong { field: "verify_url" } | RenderError::BadVerifyUrl => SettingsError::VerifyUrlTooLong,
        other => SettingsError::CannotDraw(other),
    }
}

/// The host and port of an address; a code behind it is not to change them.
fn place(url: &str) -> Option<(String, u16)> {
    let url = crate::qr::web_address(url)?;
    Some((url.host_str()?.to_owned(), url.port_or_known_default()?))
}

/// Where a certificate with this code is verified.
pub(crate) fn verify_url(base: &str, code: &str) -> String {
    format!("{base}{}", code.replace('-', ""))
}

const CODE: &str = "7K3M-9QX4-TB2W-Z8RA";

fn sample(verify_base: Option<&str>) -> CertificateFacts {
    CertificateFacts {
        certificate_id: uuid::Uuid::nil(),
        revision: 1,
        student_name: "A".to_owned(),
        course_title: "A".to_owned(),
        instructor_name: None,
        completed_on: None,
        issued_at: DateTime::UNIX_EPOCH,
        issued_on: NaiveDate::default(),
        expires_on: None,
        score_percent: None,
        hours: None,
        code: CODE.to_owned(),
        verify_url: verify_base.map(|base| verify_url(base, CODE)),
        language: "en".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checked(issuer: &str, base: Option<&str>) -> Result<(), SettingsError> {
        let issuer = TemplateVersion { issuer_name: issuer.to_owned(), ..TemplateVersion::built_in() };
        check(&issuer, base, &Fonts::built_in())
    }

    #[test]
    fn c6_what_would_fail_on_every_certificate_is_refused_at_once() {
        for none in ["", " \t", "\u{200B}\u{202E}"] {
            assert_eq!(checked(none, None), Err(SettingsError::NoIssuer), "{none:?}");
        }
        assert_eq!(checked(&"x".repeat(121), None), Err(SettingsError::IssuerTooLong));
        assert_eq!(checked(&"W".repeat(120), None), Err(SettingsError::IssuerTooLong), "it is wider than two lines");
        let missing = checked("学 Academy", None).unwrap_err();
        assert_eq!(missing, SettingsError::IssuerNotInFonts { chars: vec!['学'] });
        assert!(missing.to_string().contains("`学` (U+5B66)"), "{missing}");
        assert_eq!(checked("Académie Ž", Some("https://verify.example.org/c/")), Ok(()));
        assert_eq!(checked("Academy", Some("http://[::1]:8080/verify?code=")), Ok(()));
        assert_eq!(checked("Academy", Some("HTTPS://school.example/#/verify/")), Ok(()));
    }

    #[test]
    fn c6_an_address_that_leads_nowhere_is_refused() {
        for bad in [
            "",
            "verify.example.org/c/",
            "/verify/",
            "//school.example/",
            "ftp://school.example/",
            "https://",
            "https:///verify/",
            "https://?code=",
            "https://:8080/",
            "https://school.example:port/",
            "https://school.example:99999/",
            "https://school.example:",
            "https://school example/",
            "https://schöol.example/",
            "https://[::zz]/",
            "javascript:alert(1)//",
        ] {
            let value = bad.to_owned();
            assert_eq!(checked("Academy", Some(bad)), Err(SettingsError::BadVerifyUrl { value }), "{bad}");
        }
        // A code that becomes part of the host's name.
        assert!(matches!(checked("Academy", Some("https://school.example")), Err(SettingsError::BadVerifyUrl { .. })));
        let long = format!("https://school.example/{}/", "a".repeat(280));
        assert_eq!(checked("Academy", Some(&long)), Err(SettingsError::VerifyUrlTooLong));
    }
}
