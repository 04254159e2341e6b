//! The copy of a certificate template: headline and body, never about one learner.

use std::collections::BTreeSet;

use lms_core::model::TEMPLATE_PLACEHOLDERS;
use lms_core::rules::authoring::Checks;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::checker::Checker;
use super::{CallSize, json_part, title_frame};
use crate::task_trait::{AiTask, Limits, Prompt, Violation};
use crate::text::tokens;

/// The bounds of certificate copy. Lengths are in characters.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CertificateBounds {
    /// Shortest headline.
    pub min_headline: usize,
    /// Longest headline.
    pub max_headline: usize,
    /// Shortest body.
    pub min_body: usize,
    /// Longest body.
    pub max_body: usize,
    /// The greatest number of skills.
    pub max_skills: usize,
}

impl Default for CertificateBounds {
    fn default() -> Self {
        Self { min_headline: 5, max_headline: 80, min_body: 40, max_body: 400, max_skills: 8 }
    }
}

/// What the certificate task is given: the course and what it teaches. No field is about a learner.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CertificateIn {
    /// The title of the course.
    pub course_title: String,
    /// What the course teaches: its objectives.
    pub skills: Vec<String>,
    /// For whom the course is.
    pub audience: String,
    /// How hard it is, in the host's words.
    pub difficulty: String,
    /// Who issues the certificate; may be empty.
    pub issuer: String,
    /// Whether the course has a stated length, which `{{hours}}` prints.
    pub has_hours: bool,
    /// The language to write in, as a BCP 47 tag.
    pub language: String,
    /// The bounds of the answer.
    pub bounds: CertificateBounds,
    /// The size of the prompt and of the answer; 8 KiB, of which 4 are the input's, and 1,500 tokens by default.
    #[serde(default = "default_size")]
    pub size: CallSize,
}

const fn default_size() -> CallSize {
    CallSize::kib(8, 1_500)
}

impl Default for CertificateIn {
    fn default() -> Self {
        Self {
            course_title: String::new(),
            skills: Vec::new(),
            audience: String::new(),
            difficulty: String::new(),
            issuer: String::new(),
            has_hours: false,
            language: "en".to_owned(),
            bounds: CertificateBounds::default(),
            size: default_size(),
        }
    }
}

/// Certificate copy as it comes over the wire.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CertificateOut {
    /// The headline.
    pub headline: String,
    /// The sentences of the certificate, with the placeholders of TASK.
    pub body_template: String,
    /// What who completes the course can do, in short words.
    pub skills: Vec<String>,
}

/// The task: the copy of a certificate template.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CertificateTask;

const SYSTEM: &str = "\
You write the copy of a certificate of completion. Output only the JSON object asked for.
One text serves every learner of the course: you know no learner, and write no name of one.
body_template holds {{student_name}} and {{course_title}} exactly so, and may hold the other placeholders of TASK; there are no more.
It says that the course was completed, and nothing that the course does not give: no degree, no accreditation, no licence, no grade in words.
skills are short, and only what TASK.skills names. No links, no html.
Write in the language of TASK, formal and plain, within its bounds.";

/// Words that promise what a certificate of completion does not give, in the languages of the phrases.
const CLAIMS: &[&str] = &[
    "accredit",
    "degree",
    "diploma",
    "licens",
    "licenc",
    "bachelor",
    "master's",
    "doctorate",
    "akkredit",
    "lizenz",
    "diplom",
    "hochschulabschluss",
    "staatlich",
    "accrédit",
    "diplôm",
    "licenci",
    "agréé",
    "acredit",
    "titulación",
    "grado universitario",
];

#[derive(Serialize)]
struct Task<'a> {
    #[serde(flatten)]
    input: &'a CertificateIn,
    placeholders: Vec<String>,
}

impl CertificateIn {
    fn placeholders(&self) -> impl Iterator<Item = &'static str> {
        let hours = self.has_hours;
        TEMPLATE_PLACEHOLDERS.into_iter().filter(move |name| hours || *name != "hours")
    }
}

impl AiTask for CertificateTask {
    type In = CertificateIn;
    type Out = CertificateOut;
    const KIND: &'static str = "certificate";
    const PROMPT_VERSION: &'static str = "certificate_v1";

    fn render(input: &CertificateIn) -> Prompt {
        let placeholders = input.placeholders().map(|name| format!("{{{{{name}}}}}")).collect();
        title_frame(SYSTEM, vec![json_part("task", &Task { input, placeholders }, &["size"])])
    }

    fn check_input(input: &CertificateIn) -> Result<(), lms_core::Error> {
        let mut checks = Checks::default();
        checks.language("language", &input.language);
        checks.done()
    }

    fn check(input: &CertificateIn, out: &CertificateOut) -> Vec<Violation> {
        let b = &input.bounds;
        let mut given = vec![input.course_title.as_str(), &input.issuer, &input.audience];
        given.extend(input.skills.iter().map(String::as_str));
        let mut c = Checker::new(&given);
        c.line("/headline", &out.headline, b.min_headline, b.max_headline);
        c.prose("/body_template", &out.body_template, b.min_body, b.max_body);
        c.count("skill_count", "/skills", "skills", out.skills.len(), 0, b.max_skills);
        for (i, skill) in out.skills.iter().enumerate() {
            c.line(format!("/skills/{i}"), skill, 3, 120);
        }
        c.unique(
            "skill_duplicate",
            "skill",
            out.skills.iter().enumerate().map(|(i, s)| (format!("/skills/{i}"), s.as_str())),
        );
        let known: BTreeSet<&str> = input.placeholders().collect();
        let mut used = BTreeSet::new();
        for (at, text) in [("/headline", &out.headline), ("/body_template", &out.body_template)] {
            for name in placeholders(text) {
                match name {
                    Some(name) if known.contains(name) => drop(used.insert(name)),
                    _ => c.add("placeholder_unknown", at, "only the placeholders of TASK may stand between {{ and }}"),
                }
            }
        }
        for name in ["student_name", "course_title"] {
            if !placeholders(&out.body_template).contains(&Some(name)) {
                c.add("placeholder_missing", "/body_template", format!("{{{{{name}}}}} is missing"));
            }
        }
        let given = given.join("\n").to_lowercase();
        let texts = [("/headline".to_owned(), &out.headline), ("/body_template".to_owned(), &out.body_template)];
        let texts = texts.into_iter().chain(out.skills.iter().enumerate().map(|(i, s)| (format!("/skills/{i}"), s)));
        for (at, text) in texts {
            let text = text.to_lowercase();
            let says = |claim: &&str| if claim.contains(' ') { text.contains(*claim) } else { stands(&text, claim) };
            if CLAIMS.iter().filter(|claim| !given.contains(**claim)).any(says) {
                c.add(
                    "claim_not_given",
                    at,
                    "promises a degree, an accreditation or a licence that the input does not name",
                );
            }
        }
        let prose = format!("{}\n{}", out.headline, out.body_template);
        c.language("/body_template", &prose, &input.language, &given);
        c.finish()
    }

    fn limits(input: &CertificateIn) -> Limits {
        input.size.limits()
    }
}

/// Whether a word of the text begins with the claim.
fn stands(text: &str, claim: &str) -> bool {
    tokens(text).iter().any(|word| word.starts_with(claim))
}

/// What stands between double braces; `None` for one that is not closed.
fn placeholders(text: &str) -> Vec<Option<&str>> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some((_, after)) = rest.split_once("{{") {
        match after.split_once("}}") {
            Some((name, tail)) => {
                found.push(Some(name.trim()));
                rest = tail;
            }
            None => {
                found.push(None);
                break;
            }
        }
    }
    found
}
