//! Which of several attempts counts (A9).

use crate::model::{KeptScore, Points, Score};

/// The kept score over graded, non-voided attempts, given as (number, score): all others come with
/// `None` and do not count. `None` without a graded attempt.
pub fn kept(policy: KeptScore, attempts: impl IntoIterator<Item = (i64, Option<Score>)>) -> Option<Score> {
    let mut graded: Vec<(i64, Score)> =
        attempts.into_iter().filter_map(|(number, score)| score.map(|score| (number, score))).collect();
    graded.sort_by_key(|(number, _)| *number);
    match policy {
        // Of equal ones the earlier stays.
        KeptScore::Highest => graded
            .into_iter()
            .map(|(_, score)| score)
            .reduce(|best, next| if next.compare(best) == std::cmp::Ordering::Greater { next } else { best }),
        KeptScore::Latest => graded.last().map(|(_, score)| *score),
        KeptScore::First => graded.first().map(|(_, score)| *score),
        KeptScore::Average => {
            let sum = |pick: fn(&Score) -> Points| {
                graded.iter().fold(0_i64, |sum, (_, score)| sum.saturating_add(pick(score).units()))
            };
            (!graded.is_empty()).then(|| Score {
                earned: Points::from_units(sum(|s| s.earned)),
                possible: Points::from_units(sum(|s| s.possible)),
            })
        }
    }
}

/// The numbers of the attempts that the kept score is made of, by the same policy.
pub fn kept_attempts(policy: KeptScore, attempts: impl IntoIterator<Item = (i64, Option<Score>)>) -> Vec<i64> {
    let mut graded: Vec<(i64, Score)> =
        attempts.into_iter().filter_map(|(number, score)| score.map(|score| (number, score))).collect();
    graded.sort_by_key(|(number, _)| *number);
    let one = match policy {
        KeptScore::Average => return graded.into_iter().map(|(number, _)| number).collect(),
        // Of equal ones the earlier stays.
        KeptScore::Highest => graded
            .into_iter()
            .reduce(|best, next| if next.1.compare(best.1) == std::cmp::Ordering::Greater { next } else { best }),
        KeptScore::Latest => graded.last().copied(),
        KeptScore::First => graded.first().copied(),
    };
    one.into_iter().map(|(number, _)| number).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn percent(policy: KeptScore, attempts: &[(i64, Option<i64>)]) -> Option<String> {
        let score = |p: i64| Score { earned: Points::from_units(p), possible: Points::from_units(100) };
        kept(policy, attempts.iter().map(|(n, p)| (*n, p.map(score)))).and_then(|s| s.percent()).map(|p| p.to_string())
    }

    #[test]
    fn a9_vector() {
        // 50 %, pending, 80 %, voided 100 %
        let attempts = [(1, Some(50)), (2, None), (3, Some(80)), (4, None)];
        assert_eq!(percent(KeptScore::Highest, &attempts).unwrap(), "80.00");
        assert_eq!(percent(KeptScore::Latest, &attempts).unwrap(), "80.00");
        assert_eq!(percent(KeptScore::First, &attempts).unwrap(), "50.00");
        assert_eq!(percent(KeptScore::Average, &attempts).unwrap(), "65.00");
        assert_eq!(percent(KeptScore::Highest, &[(1, None)]), None);
    }

    #[test]
    fn a9_the_kept_attempts_make_the_kept_score() {
        let score = |p: i64| Score { earned: Points::from_units(p), possible: Points::from_units(100) };
        let all = [(1, Some(50)), (2, None), (3, Some(80)), (4, None), (5, Some(80)), (6, Some(10))];
        for (policy, made_of) in [
            (KeptScore::Highest, vec![3]),
            (KeptScore::Latest, vec![6]),
            (KeptScore::First, vec![1]),
            (KeptScore::Average, vec![1, 3, 5, 6]),
        ] {
            let attempts = || all.iter().map(|(n, p)| (*n, p.map(score)));
            assert_eq!(kept_attempts(policy, attempts()), made_of, "{policy:?}");
            let of_those = attempts().filter(|(n, _)| made_of.contains(n));
            assert_eq!(kept(policy, attempts()), kept(policy, of_those), "{policy:?}");
        }
    }
}
