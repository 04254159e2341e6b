//! Lateness and its penalty (S5, S7).

use super::access::is_over;
use crate::model::{Assignment, BasisPoints, Override, PenaltyInterval, Points, Timestamp};

/// Seconds late: 0 when on time. The grace spares, it does not shift (S5).
pub fn late_seconds(submitted: Timestamp, due: Option<Timestamp>, grace_seconds: i64) -> i64 {
    let Some(due) = due else { return 0 };
    let late = submitted.floor_seconds() - due.floor_seconds();
    // Due may carry a fraction of a second; the comparison is of whole seconds against the instant.
    if is_over(due.plus_seconds(grace_seconds), submitted) { late.max(1) } else { 0 }
}

/// A late penalty: a share of possible per started interval, never below a floor (S7).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Penalty {
    /// Off per started interval.
    pub per_interval: BasisPoints,
    /// The interval.
    pub interval: PenaltyInterval,
    /// It takes nothing below this share of possible.
    pub floor: Option<BasisPoints>,
}

/// What lateness takes off a raw mark: min(n·p·possible, max(0, raw − floor·possible)), rounded half up (S7).
pub fn deduction(raw: Points, possible: Points, late_seconds: i64, penalty: Option<Penalty>) -> Points {
    let Some(penalty) = penalty.filter(|_| late_seconds > 0) else { return Points::ZERO };
    let length: i64 = match penalty.interval {
        PenaltyInterval::Hour => 3_600,
        PenaltyInterval::Day => 86_400,
    };
    let intervals = i128::from(late_seconds.div_euclid(length) + i64::from(late_seconds.rem_euclid(length) > 0));
    // In units of 1e-5 points × 1e-4: exact until the one rounding at the end.
    let possible = i128::from(possible.units());
    let wanted = intervals * i128::from(penalty.per_interval.get()) * possible;
    let floor = penalty.floor.map_or(0, |floor| i128::from(floor.get()) * possible);
    let above = (i128::from(raw.units()) * 10_000 - floor).max(0);
    let taken = wanted.min(above);
    let rounded = (taken + 5_000).div_euclid(10_000).min(i128::from(raw.units()));
    Points::from_units(i64::try_from(rounded).unwrap_or(raw.units()))
}

/// What lateness takes off a raw mark of an assignment, for a learner: nothing where they are excused (S7).
pub fn taken(raw: Points, assignment: &Assignment, own: Option<&Override>, late_seconds: i64) -> Points {
    let penalty = || {
        Some(Penalty {
            per_interval: assignment.penalty_bp?,
            interval: assignment.penalty_interval?,
            floor: assignment.penalty_floor_bp,
        })
    };
    match own {
        Some(own) if own.excused => Points::ZERO,
        _ => deduction(raw, assignment.max_grade, late_seconds, penalty()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_micros(seconds * 1_000_000).unwrap()
    }

    #[test]
    fn s5_on_time_is_decided_in_whole_seconds_and_grace_spares() {
        let due = Some(at(1_000));
        assert_eq!(late_seconds(at(1_000), due, 0), 0);
        assert_eq!(late_seconds(at(1_000).plus_micros(999_999), due, 0), 0);
        assert_eq!(late_seconds(at(1_001), due, 0), 1);
        assert_eq!(late_seconds(at(1_010), due, 10), 0);
        assert_eq!(late_seconds(at(1_011), due, 10), 11);
        assert_eq!(late_seconds(at(9_999), None, 0), 0);
    }

    #[test]
    fn s7_vectors() {
        let points = |n: i64| Points::from_units(n * 100_000);
        let penalty = Some(Penalty {
            per_interval: BasisPoints::new(1_000).unwrap(),
            interval: PenaltyInterval::Day,
            floor: BasisPoints::new(5_000),
        });
        let left = |raw, late| raw - deduction(points(raw), points(100), late, penalty).units() / 100_000;
        assert_eq!(left(80, 1), 70);
        assert_eq!(left(80, 86_400), 70);
        assert_eq!(left(80, 86_401), 60);
        assert_eq!(left(80, 864_000), 50);
        assert_eq!(left(40, 864_000), 40);
        assert_eq!(left(80, 0), 80);
    }
}
