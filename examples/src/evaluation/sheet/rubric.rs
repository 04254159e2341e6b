//! The rubric of a row: one criterion a line.

use lms_ai::evaluate::Scale;
use lms_core::model::Points;

use super::Problem;

/// A criterion of a rubric.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Criterion {
    /// What it is called.
    pub title: String,
    /// What it is worth.
    pub max: Points,
    /// What full points ask for.
    pub description: String,
}

/// Lines of `title | points | description`; without any, one criterion for everything.
pub(super) fn criteria(text: &str, instructions: &str, scale: &Scale) -> Result<Vec<Criterion>, Problem> {
    let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    if lines.is_empty() {
        let all = Criterion {
            title: "The whole".to_owned(),
            max: scale.max(),
            description: format!("How well the work does what was asked for. {instructions}"),
        };
        return Ok(vec![all]);
    }
    let mut found: Vec<Criterion> = Vec::with_capacity(lines.len());
    for (n, line) in lines.iter().enumerate() {
        let criterion = criterion(line).ok_or(Problem::NotACriterion { number: n + 1 })?;
        if found.iter().any(|other| other.title == criterion.title) {
            return Err(Problem::SameCriterion { number: n + 1 });
        }
        found.push(criterion);
    }
    let total = total(&found);
    if total != Some(scale.max()) {
        return Err(Problem::OtherTotal { total: total.unwrap_or(scale.max()), max: scale.max() });
    }
    Ok(found)
}

/// The sum of the points of a rubric, whatever the scale; `None` where it cannot be read or is empty.
pub(super) fn worth(text: &str) -> Option<Points> {
    let found: Option<Vec<Criterion>> =
        text.lines().map(str::trim).filter(|line| !line.is_empty()).map(criterion).collect();
    found.filter(|criteria| !criteria.is_empty()).and_then(|criteria| total(&criteria))
}

fn total(criteria: &[Criterion]) -> Option<Points> {
    let sum = criteria.iter().try_fold(0_i64, |sum, criterion| sum.checked_add(criterion.max.units()));
    sum.map(Points::from_units)
}

fn criterion(line: &str) -> Option<Criterion> {
    let mut parts = line.splitn(3, '|').map(str::trim);
    let (title, points, description) = (parts.next()?, parts.next()?, parts.next().unwrap_or_default());
    let max: Points = points.parse().ok()?;
    (!title.is_empty() && max > Points::ZERO).then(|| Criterion {
        title: title.to_owned(),
        max,
        description: description.to_owned(),
    })
}
