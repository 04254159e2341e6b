//! What the model is told of a piece of work, and what its answer comes to: shared by submissions and essays.

use std::ops::Range;

use lms_core::lms::AiGrade;
use lms_core::model::{Course, CourseId, CriterionScore, Points, Rubric, UserId};
use lms_core::store::PersonKey;

use crate::task::{GradeCriterion, GradeIn, GradeOut};
use crate::text::{Pseudonymised, Pseudonyms, TextRule, TextStyle, check_text, urls_in};
use crate::{Ai, AiError};

/// The criterion of work without a rubric.
const WHOLE: &str = "answer";

/// What the work is marked by: its rubric, or one criterion worth all of it.
pub(super) fn criteria(rubric: Option<&Rubric>, max: Points) -> Vec<GradeCriterion> {
    match rubric {
        Some(rubric) => rubric
            .criteria
            .iter()
            .map(|c| GradeCriterion {
                key: c.id.clone(),
                title: c.title.clone(),
                description: c.description.clone(),
                max_units: c.max.units(),
            })
            .collect(),
        None => vec![GradeCriterion {
            key: WHOLE.to_owned(),
            title: "Answer".to_owned(),
            description: String::new(),
            max_units: max.units(),
        }],
    }
}

/// The step of a rubric: whole points where every maximum is whole, else hundredths, else the unit.
pub(super) fn step(criteria: &[GradeCriterion]) -> i64 {
    [100_000, 1_000].into_iter().find(|step| criteria.iter().all(|c| c.max_units % step == 0)).unwrap_or(1)
}

/// The points that a pass mark of so many basis points comes to.
pub(super) fn pass_mark(possible: i64, bp: i64) -> i64 {
    i64::try_from(i128::from(possible) * i128::from(bp) / 10_000).unwrap_or(i64::MAX)
}

/// A work as it was handed in, and as it was sent.
pub(super) struct Sent {
    original: String,
    names: Pseudonyms,
    pub(super) text: Pseudonymised,
}

impl Sent {
    pub(super) fn new(original: String, names: Pseudonyms) -> Self {
        let text = names.apply(&original);
        Self { original, names, text }
    }

    /// A quote in the work's own bytes, where it stands there; not where so much that nobody sees stands between
    /// its characters that the grade would carry it.
    fn verbatim(&self, quote: &str, place: Option<Range<usize>>) -> String {
        let most = quote.len().saturating_mul(4).saturating_add(200);
        let found = place.and_then(|place| self.original.get(self.text.original(place)));
        let found = found.filter(|found| found.len() <= most);
        found.map_or_else(|| self.restored(quote), str::to_owned)
    }

    /// A text of the answer with the names back. The label stays where a name brings in what no answer may hold,
    /// such as markup or a link: names are the learners' own words.
    fn restored(&self, text: &str) -> String {
        let restored = self.names.restore(text);
        // What was checked with the answer counts as known.
        let known_urls = &urls_in(text);
        let rule = TextRule { min: 0, max: usize::MAX, style: TextStyle::Prose, known_urls };
        let before = check_text(text, &rule);
        if check_text(&restored, &rule).iter().all(|fault| before.contains(fault)) { restored } else { text.to_owned() }
    }
}

pub(super) fn ai_grade(
    out: &GradeOut,
    input: &GradeIn,
    sent: &Sent,
    reasons: &[&str],
    by_rubric: bool,
) -> Result<AiGrade, AiError> {
    let total = out.total(input).ok_or(AiError::NoText("the grade has no total"))?;
    let scores = || {
        out.criteria
            .iter()
            .zip(out.places(input))
            .map(|(criterion, places)| CriterionScore {
                id: criterion.criterion_key.clone(),
                points: Points::from_units(criterion.points.saturating_mul(input.step_units)),
                comment: sent.restored(&criterion.reasoning),
                evidence: criterion.evidence.iter().zip(places).map(|(quote, at)| sent.verbatim(quote, at)).collect(),
            })
            .collect()
    };
    Ok(AiGrade {
        rubric_scores: by_rubric.then(scores),
        points: Points::from_units(total),
        feedback: sent.restored(&out.feedback),
        needs_review: !reasons.is_empty(),
        reasons: reasons.iter().map(ToString::to_string).collect(),
    })
}

impl Ai {
    pub(super) async fn course_of(&self, id: CourseId) -> Result<Course, AiError> {
        let context = self.lms.store().course(None, id, None).await.map_err(lms_core::Error::from)?;
        Ok(context.ok_or(AiError::NoText("the course is gone"))?.course)
    }

    /// What a student's work may call its author.
    pub(crate) async fn names_of(&self, student: UserId) -> Result<Vec<String>, AiError> {
        let person =
            self.lms.store().person(None, PersonKey::Id(student)).await.map_err(lms_core::Error::from)?.subject;
        Ok(person.map_or_else(Vec::new, |user| {
            let mut names = vec![user.display_name.clone()];
            names.extend(user.display_name.split_whitespace().map(str::to_owned));
            names.extend(user.email);
            names.extend(user.external_id);
            names
        }))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "these are tests")]
mod tests {
    use super::*;

    fn of(max_units: i64) -> GradeCriterion {
        GradeCriterion { max_units, ..GradeCriterion::default() }
    }

    #[test]
    fn a_quote_is_the_works_own_unless_it_hides_much() {
        let quote = "Leaves of Ann are green";
        for (hidden, own) in [(0, true), (60, true), (300_000, false)] {
            let work = format!("So: Leaves{} of Ann are green.", "\u{200b}".repeat(hidden));
            let sent = Sent::new(work.clone(), Pseudonyms::new(&[vec!["Ann"]]));
            let text = &sent.text.text;
            let place = text.find("Leaves").unwrap()..text.len() - 1;
            let found = sent.verbatim("Leaves of [STUDENT_1] are green", Some(place));
            assert_eq!(found, if own { &work[4..work.len() - 1] } else { quote });
        }
    }

    #[test]
    fn a_name_comes_back_unless_it_brings_in_what_no_answer_may_hold() {
        let restored = |name: &str, text: &str| Sent::new(String::new(), Pseudonyms::new(&[vec![name]])).restored(text);
        let praise = "[STUDENT_1], you explain it well.";
        for name in ["Ann Lee", "O'Brien", "Núñez-García", "王伟", "J. R. & Sons", "Ann <3"] {
            assert_eq!(restored(name, praise), format!("{name}, you explain it well."));
        }
        for name in [
            "<img src=x onerror=alert(1)>",
            "<script>alert(1)</script>",
            "[Ann](javascript:alert(1))",
            "https://made.up/prize",
            "Ann\u{202e}eeL",
        ] {
            assert_eq!(restored(name, praise), praise, "{name}");
        }
        // Half of it stands in the text already.
        let half = "See [this]([STUDENT_1]) again.";
        assert_eq!(restored("javascript:alert(1)", half), half);
        let link = "See https://plants.example/ again, [STUDENT_1].";
        assert_eq!(restored("Ann", link), "See https://plants.example/ again, Ann.");
    }

    #[test]
    fn the_step_of_a_rubric_is_the_coarsest_that_every_maximum_stands_on() {
        assert_eq!(step(&[of(500_000), of(1_000_000)]), 100_000);
        assert_eq!(step(&[of(550_000)]), 1_000);
        assert_eq!(step(&[of(550_001)]), 1);
    }
}
