//! Rubrics and the points given by them (S13).

use super::table::Json;
use super::tolerant::{read_leniently, tolerant};
use super::{Assignment, Points};
use crate::error::Problem;

tolerant! {
    strict {
        /// One criterion of a rubric.
        #[derive(Debug, Clone, PartialEq)]
        pub struct Criterion {
            /// A short name, unique in the rubric.
            pub id: String,
            /// What it is called.
            pub title: String,
            /// What full marks ask for.
            #[serde(default)]
            pub description: String,
            /// What it is worth.
            pub max: Points,
        }

        /// What work is marked by: the score is the sum over the criteria.
        #[derive(Debug, Clone, PartialEq, Default)]
        pub struct Rubric {
            /// The criteria, in order.
            pub criteria: Vec<Criterion>,
            /// For staff only.
            #[serde(default)]
            pub staff_notes: String,
        }

        /// Points for one criterion.
        #[derive(Debug, Clone, PartialEq)]
        pub struct CriterionScore {
            /// The criterion.
            pub id: String,
            /// Its points.
            pub points: Points,
            /// Why, for the learner.
            #[serde(default)]
            pub comment: String,
            /// Passages of the work that bear on it.
            #[serde(default)]
            pub evidence: Vec<String>,
        }
    }
}
read_leniently!(Rubric, CriterionScore);

impl Rubric {
    /// What is wrong with it; the maxima add up to `max_grade` where one is given.
    pub fn check(&self, max_grade: Option<Points>) -> Vec<Problem> {
        let mut problems = Vec::new();
        if self.criteria.is_empty() || self.criteria.len() > 100 {
            problems.push(Problem::new("rubric.criteria", "rubric.criteria", "a rubric has 1 to 100 criteria"));
        }
        // One far too long is refused by its length alone.
        if self.criteria.len() > 1_000 {
            return problems;
        }
        let mut sum = 0_i128;
        for (n, criterion) in self.criteria.iter().enumerate() {
            let field = |name: &str| format!("rubric.criteria[{n}].{name}");
            let id = &criterion.id;
            if id.is_empty() || id.chars().count() > 40 || self.criteria.iter().filter(|c| c.id == *id).count() > 1 {
                problems.push(Problem::new("rubric.id", field("id"), "must be unique and have 1 to 40 characters"));
            }
            if criterion.title.trim().is_empty() || criterion.title.chars().count() > 200 {
                problems.push(Problem::new("rubric.title", field("title"), "must have 1 to 200 characters"));
            }
            if criterion.description.chars().count() > 5_000 {
                problems.push(Problem::new(
                    "rubric.description",
                    field("description"),
                    "must have at most 5000 characters",
                ));
            }
            if criterion.max.units() <= 0 {
                problems.push(Problem::new("rubric.max", field("max"), "must be above 0"));
            }
            let texts = [&criterion.id, &criterion.title, &criterion.description];
            if texts.iter().any(|text| text.contains('\0')) {
                problems.push(Problem::new("text.nul", field("title"), "must not hold the character U+0000"));
            }
            sum += i128::from(criterion.max.units());
        }
        if max_grade.is_some_and(|max| i128::from(max.units()) != sum) {
            problems.push(Problem::new(
                "rubric.sum",
                "rubric.criteria",
                "the criteria's maxima must add up to the maximum grade",
            ));
        }
        problems
    }
}

/// Points per criterion: every criterion exactly once.
pub type RubricScores = Vec<CriterionScore>;

impl Assignment {
    /// The rubric, if there is one.
    ///
    /// # Errors
    /// When the stored document is not a rubric.
    pub fn rubric(&self) -> Result<Option<Rubric>, serde_json::Error> {
        self.rubric.as_ref().map(Json::read_leniently).transpose()
    }
}
