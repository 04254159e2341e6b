//! Marks by AI beside marks by people, as the library keeps them, on their way to [`evaluate`](super::evaluate()).

use lms_core::lms::MarkPair;
use lms_core::model::Points;

use super::{EvaluateError, Marked, Scale};

/// Steps that people mark in, the coarsest first, in units of 1e-5 points.
const STEPS: [i64; 7] = [100_000, 50_000, 10_000, 5_000, 1_000, 100, 1];

/// The pairs of one assignment, or of one essay question, as they are compared: on a scale from 0 to what can be had,
/// in the coarsest step that holds every mark. Where that would be too many levels, in the finest step that is not,
/// and each mark is rounded to it.
///
/// # Errors
/// Empty without pairs; TooManyLevels where what can be had is too much, or too odd, for every step.
pub fn from_pairs(pairs: &[MarkPair]) -> Result<(Scale, Vec<Marked>), EvaluateError> {
    let max = pairs.iter().map(|pair| pair.max_grade).max().ok_or(EvaluateError::Empty)?;
    let marks = || pairs.iter().flat_map(|pair| [pair.ai_points, pair.human_points]);
    let scale_of = |step: i64| Scale::new(Points::ZERO, max, Points::from_units(step));
    let mut scales = STEPS.into_iter().filter_map(|step| scale_of(step).ok());
    let mut finest = None;
    let whole = scales.find(|scale| {
        finest = Some(*scale);
        marks().all(|mark| mark.units() % scale.step().units() == 0)
    });
    if let Some(scale) = whole {
        return Ok((scale, pairs.iter().map(Marked::from).collect()));
    }
    let scale = finest.map_or_else(|| scale_of(1), Ok)?;
    let rounded = |mark: Points| {
        let step = scale.step().units();
        Points::from_units(mark.units().saturating_add(step / 2) / step * step)
    };
    let marked = |pair: &MarkPair| Marked {
        human: rounded(pair.human_points),
        second: None,
        runs: vec![Some(rounded(pair.ai_points))],
    };
    Ok((scale, pairs.iter().map(marked).collect()))
}

impl From<&MarkPair> for Marked {
    fn from(pair: &MarkPair) -> Self {
        Self { human: pair.human_points, second: None, runs: vec![Some(pair.ai_points)] }
    }
}

#[cfg(test)]
mod tests {
    use lms_core::lms::MarkedWork;
    use lms_core::model::{AssignmentId, SubmissionId, Timestamp, UserId};
    use uuid::Uuid;

    use super::*;

    fn pair(max: i64, ai: i64, human: i64) -> MarkPair {
        MarkPair {
            work: MarkedWork::Submission {
                assignment_id: AssignmentId::from_uuid(Uuid::nil()),
                version_no: 1,
                submission_id: SubmissionId::from_uuid(Uuid::nil()),
            },
            student_id: UserId::from_uuid(Uuid::nil()),
            max_grade: Points::from_units(max),
            ai_points: Points::from_units(ai),
            human_points: Points::from_units(human),
            final_points: None,
            was_adopted: false,
            ai_came_first: true,
            reason: None,
            reviewer_id: None,
            ai_log_id: None,
            at: Timestamp::from_micros(0).unwrap(),
        }
    }

    #[test]
    fn marks_that_are_too_fine_for_a_scale_are_rounded() {
        let step_and_marks = |pairs: &[MarkPair]| {
            let (scale, marked) = from_pairs(pairs).unwrap();
            let first = marked.first().unwrap();
            (scale.step().units(), first.human.units(), first.runs.first().unwrap().unwrap().units())
        };
        let whole = 2_000_000;
        assert_eq!(step_and_marks(&[pair(whole, 700_000, 800_000)]), (100_000, 800_000, 700_000));
        assert_eq!(step_and_marks(&[pair(whole, 750_000, 800_000)]), (50_000, 800_000, 750_000));
        // A third of a point: in steps of 1e-5 it would be 2,000,000 levels.
        assert_eq!(step_and_marks(&[pair(whole, 733_333, 766_667)]), (100, 766_700, 733_300));
        assert_eq!(step_and_marks(&[pair(whole, 1_999_999, 1)]), (100, 0, whole));
        assert!(matches!(from_pairs(&[]), Err(EvaluateError::Empty)));
    }
}
