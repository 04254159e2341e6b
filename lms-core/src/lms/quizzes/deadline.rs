//! When the time of an attempt is up (A4, A5, A13).

use super::*;
use crate::rules::access::effective_cutoff;

/// When the time of an attempt is up: its limit, with what was granted, and not past the close (A4).
pub(super) fn deadline_of(quiz: &Quiz, own: Option<&Override>, started: Timestamp) -> Option<Timestamp> {
    let limit = seconds_allowed(quiz, own).map(|seconds| started.plus_seconds(seconds));
    match (limit, effective_cutoff(quiz.closes_at, None, own)) {
        (Some(limit), Some(close)) => Some(limit.min(close)),
        (limit, close) => limit.or(close),
    }
}

/// Seconds for one attempt: the quiz's limit × multiplier + extra (A4).
pub(in crate::lms) fn seconds_allowed(quiz: &Quiz, own: Option<&Override>) -> Option<i64> {
    quiz.time_limit_seconds.map(|seconds| {
        let multiplier = own.map_or(10_000, |o| o.time_multiplier_bp);
        let extended = i128::from(seconds) * i128::from(multiplier) / 10_000;
        let extra = own.map_or(0, |o| o.extra_seconds);
        i64::try_from(extended).unwrap_or(i64::MAX).saturating_add(extra)
    })
}

/// The deadline of an open attempt after something else was granted: later by as much as the grant adds,
/// never earlier (A4). An edit of the quiz meanwhile does not count: it is for new attempts.
pub(in crate::lms) fn later_deadline(
    quiz: &Quiz,
    attempt: &QuizAttempt,
    before: Option<&Override>,
    after: &Override,
) -> Option<Timestamp> {
    let stands = attempt.deadline?;
    let new = deadline_of(quiz, Some(after), attempt.started_at)?;
    let later = match deadline_of(quiz, before, attempt.started_at) {
        Some(old) => stands.plus_micros((new.as_micros() - old.as_micros()).max(0)),
        None => new,
    };
    Some(effective_cutoff(quiz.closes_at, None, Some(after)).map_or(later, |close| later.min(close)).max(stands))
}

/// Whether the learner has left: an open attempt of theirs expires at once, whatever its deadline (A13).
pub(super) fn is_gone(context: &LearnerContext) -> bool {
    context.enrollment.as_ref().is_none_or(|e| e.status == EnrollmentStatus::Withdrawn)
        || context.student.as_ref().is_none_or(|student| student.erased_at.is_some())
}

/// Whether the attempt's deadline and grace are over (A5).
pub(super) fn overdue(attempt: &QuizAttempt, quiz: Option<&Quiz>, now: Timestamp) -> bool {
    past_grace(attempt.deadline, quiz.map_or(30, |q| q.grace_seconds), now)
}

/// Whether a deadline and the grace after it are over (A5).
pub(in crate::lms) fn past_grace(deadline: Option<Timestamp>, grace_seconds: i64, now: Timestamp) -> bool {
    deadline.is_some_and(|deadline| now > deadline.plus_seconds(grace_seconds))
}
