//! The copy of a certificate in fixed words.

use super::phrases::phrases;
use super::plain::safe;
use crate::task::{CertificateIn, CertificateOut};
use crate::text::normalise_answer;

/// The same sentences for every course; the skills are its objectives.
pub(super) fn certificate(input: &CertificateIn) -> CertificateOut {
    let p = phrases(&input.language);
    let mut skills: Vec<String> = Vec::new();
    for skill in &input.skills {
        let skill = safe(skill, 110);
        let known = skills.iter().any(|s| normalise_answer(s) == normalise_answer(&skill));
        if skills.len() < input.bounds.max_skills && skill.chars().count() >= 3 && !known {
            skills.push(skill);
        }
    }
    CertificateOut { headline: p.certificate.to_owned(), body_template: p.certifies.to_owned(), skills }
}
