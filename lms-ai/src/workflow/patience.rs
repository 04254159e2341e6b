//! What a failure means for the other work that waits, and how long nobody asks again.

use std::collections::HashMap;
use std::time::Duration;

use lms_core::ai::{ProviderErrorKind as Kind, Retry};
use lms_core::model::{BudgetScope, CourseId, Timestamp};
use uuid::Uuid;

use crate::AiError;
use crate::engine::OPERATION_BUDGET;

/// What a step does after a failure.
#[derive(Debug)]
pub(super) enum After {
    /// The work keeps waiting; the next one is looked at.
    Waits,
    /// The same, and it may be the provider's fault.
    Fails,
    /// The work of this course waits; the next one of another is looked at.
    Course(CourseId),
    /// Nobody has a budget: the step ends.
    Everybody,
    /// The provider needs a pause, of this length where it says so: the step ends.
    Pause(Option<Duration>),
    /// A person must grade it, for this reason.
    Person(&'static str),
    /// The same, and the provider has answered.
    Answered(&'static str),
    /// The step cannot go on.
    Ends(lms_core::Error),
}

/// Whom a failure concerns: one work, all work of a course, or everybody.
pub(super) fn after(error: AiError) -> After {
    match error {
        AiError::InProgress | AiError::Deadline => After::Waits,
        AiError::BudgetDenied { scope, .. } => {
            tracing::warn!(scope, "AI grading waits for its budget");
            match scope.parse() {
                _ if scope == OPERATION_BUDGET => After::Person("ai.budget_denied"),
                Ok(BudgetScope::Course(course)) => After::Course(course),
                Ok(BudgetScope::All) => After::Everybody,
                // A person's budget: whose work is asked about for somebody else goes on.
                _ => After::Waits,
            }
        }
        AiError::Provider(e) => {
            let kind = e.kind.as_str();
            let wait = match e.retry {
                Retry::After(wait) => Some(wait),
                Retry::Now | Retry::Never => None,
            };
            match e.kind {
                // What is asked for is refused: it would be the next time.
                Kind::TooLarge | Kind::BadRequest { .. } => After::Person(AiError::Provider(e).code()),
                Kind::Connect | Kind::Timeout | Kind::Server | Kind::Protocol | Kind::Cancelled if wait.is_none() => {
                    tracing::warn!(kind, "AI grading of a work failed and is tried again");
                    After::Fails
                }
                // The key, the money, the model, the number of calls, or what nobody knows: it is not the work.
                _ => {
                    tracing::warn!(kind, "AI grading waits for its provider");
                    After::Pause(wait)
                }
            }
        }
        AiError::Invalid { .. } | AiError::Refused { .. } | AiError::Truncated | AiError::Stopped { .. } => {
            After::Answered(error.code())
        }
        AiError::NotGraded(why) => After::Person(why.code()),
        AiError::Lms(e) if e.class() == lms_core::Class::Unavailable => After::Ends(e),
        e => After::Person(e.code()),
    }
}

/// The first pause, in seconds; each further one is twice as long.
const FIRST: i64 = 30;
/// The longest pause that nobody asked for, in seconds.
const LONGEST: i64 = 3_600;
/// A work waits for so many times as long as everybody does, so that another one is tried first.
const BEHIND: i64 = 2;
/// How long a course without a budget is left alone, in seconds: somebody may raise it, and a new day does.
const WITHOUT_BUDGET: i64 = 300;

/// Until when somebody waits, and how often they have had to.
#[derive(Debug, Clone, Copy)]
struct Wait {
    until: Timestamp,
    /// The pause, in seconds.
    pause: i64,
    times: u32,
}

impl Wait {
    fn longer(before: Option<Self>, at_least: Option<Duration>, now: Timestamp) -> Self {
        let times = before.map_or(0, |wait| wait.times);
        let own = (FIRST << times.min(10)).min(LONGEST);
        let said = at_least.map_or(0, |wait| i64::try_from(wait.as_secs().saturating_add(1)).unwrap_or(LONGEST));
        let pause = own.max(said.min(86_400));
        Self { until: now.plus_seconds(pause), pause, times: times.saturating_add(1) }
    }
}

/// A work that has failed.
#[derive(Debug, Clone, Copy)]
struct Held {
    wait: Wait,
    /// How many answers there had been when it failed last.
    answers: u64,
    /// Whether it has failed again although another work had been answered: it may be the work.
    is_suspect: bool,
}

/// Who is not asked about before when. It lives with its consumer: one that starts anew asks at once.
#[derive(Debug, Default)]
pub(super) struct Patience {
    closed: Option<Wait>,
    works: HashMap<Uuid, Held>,
    courses: HashMap<CourseId, Timestamp>,
    /// How often the provider has answered.
    answers: u64,
}

impl Patience {
    /// Whether nobody is asked.
    pub(super) fn is_closed(&mut self, now: Timestamp) -> bool {
        // What has not failed for a day is forgotten.
        self.works.retain(|_, held| now < held.wait.until.plus_seconds(86_400));
        self.courses.retain(|_, until| now < *until);
        self.closed.is_some_and(|wait| now < wait.until)
    }

    /// Whether a work waits.
    pub(super) fn holds(&self, operation: Uuid, now: Timestamp) -> bool {
        self.works.get(&operation).is_some_and(|held| now < held.wait.until)
    }

    /// Whether nothing speaks for it that the failures of a work are its own.
    pub(super) fn excuses(&self, operation: Uuid) -> bool {
        self.works.get(&operation).is_none_or(|held| !held.is_suspect)
    }

    /// Whether any course waits.
    pub(super) fn holds_courses(&self) -> bool {
        !self.courses.is_empty()
    }

    /// Whether a course waits.
    pub(super) fn holds_course(&self, course: CourseId, now: Timestamp) -> bool {
        self.courses.get(&course).is_some_and(|until| now < *until)
    }

    /// A course has no budget.
    pub(super) fn hold_course(&mut self, course: CourseId, now: Timestamp) {
        self.courses.insert(course, now.plus_seconds(WITHOUT_BUDGET));
    }

    /// Nobody is asked for a while.
    pub(super) fn close(&mut self, at_least: Option<Duration>, now: Timestamp) {
        self.closed = Some(Wait::longer(self.closed, at_least, now));
    }

    /// Nobody is asked for a while, and these, which have failed, not at once after it.
    pub(super) fn close_after(&mut self, failed: &[Uuid], now: Timestamp) {
        self.close(None, now);
        let Some(closed) = self.closed else { return };
        let until = now.plus_seconds(closed.pause * BEHIND);
        for operation in failed {
            if let Some(held) = self.works.get_mut(operation) {
                held.wait.until = held.wait.until.max(until);
            }
        }
    }

    /// A work waits for a while.
    pub(super) fn hold(&mut self, operation: Uuid, now: Timestamp) {
        let before = self.works.get(&operation);
        let mut wait = Wait::longer(before.map(|held| held.wait), None, now);
        wait.until = now.plus_seconds(wait.pause * BEHIND);
        let is_suspect = before.is_some_and(|held| held.is_suspect || held.answers != self.answers);
        self.works.insert(operation, Held { wait, answers: self.answers, is_suspect });
    }

    /// A work is nobody's to ask about any more.
    pub(super) fn forget(&mut self, operation: Uuid) {
        self.works.remove(&operation);
    }

    /// A work has its answer, so that the provider is there.
    pub(super) fn answered(&mut self, operation: Uuid) {
        self.forget(operation);
        self.closed = None;
        self.answers = self.answers.saturating_add(1);
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "these are tests")]
mod tests {
    use lms_core::ai::ProviderError;

    use super::*;

    fn provider(kind: Kind, retry: Retry) -> After {
        after(AiError::Provider(ProviderError::new(kind, retry)))
    }

    #[test]
    fn s11_a_failure_concerns_as_many_as_it_does() {
        for kind in [Kind::Auth, Kind::SpendLimit, Kind::ModelUnavailable, Kind::CircuitOpen] {
            assert!(matches!(provider(kind, Retry::Never), After::Pause(None)), "it is not the work");
        }
        let hour = Duration::from_secs(3_600);
        for kind in [Kind::RateLimited, Kind::Overloaded, Kind::Server] {
            assert!(matches!(provider(kind, Retry::After(hour)), After::Pause(Some(wait)) if wait == hour));
        }
        for kind in [Kind::Timeout, Kind::Connect, Kind::Server, Kind::Protocol] {
            assert!(matches!(provider(kind, Retry::Now), After::Fails));
        }
        for kind in [Kind::TooLarge, Kind::BadRequest { param: None }] {
            assert!(matches!(provider(kind, Retry::Never), After::Person("ai.provider")));
        }
        let denied = |scope: String| after(AiError::BudgetDenied { scope, needed: 1 });
        let course = CourseId::from_uuid(Uuid::from_u128(7));
        assert!(matches!(denied(BudgetScope::Course(course).key()), After::Course(found) if found == course));
        assert!(matches!(denied("all".into()), After::Everybody));
        assert!(matches!(denied("operation".into()), After::Person("ai.budget_denied")));
    }

    #[test]
    fn pauses_grow_and_end_with_an_answer() {
        let now = Timestamp::from_micros(0).unwrap();
        let (one, mut patience) = (Uuid::from_u128(1), Patience::default());
        for seconds in [30, 60, 120] {
            patience.close(None, now);
            assert!(
                patience.is_closed(now.plus_seconds(seconds - 1)) && !patience.is_closed(now.plus_seconds(seconds))
            );
            patience.hold(one, now);
            let twice = 2 * seconds;
            assert!(patience.holds(one, now.plus_seconds(twice - 1)) && !patience.holds(one, now.plus_seconds(twice)));
        }
        for _ in 0..50 {
            patience.close(None, now);
        }
        assert!(!patience.is_closed(now.plus_seconds(LONGEST)));
        patience.close(Some(Duration::from_secs(7_200)), now);
        assert!(patience.is_closed(now.plus_seconds(7_200)), "as long as it was told");
        patience.forget(one);
        assert!(
            patience.is_closed(now) && !patience.holds(one, now),
            "to hand over a work says nothing of the provider"
        );
        patience.hold(one, now);
        patience.answered(one);
        assert!(!patience.is_closed(now) && !patience.holds(one, now));
    }

    #[test]
    fn a_work_waits_for_longer_than_everybody_and_is_suspect_beside_answers() {
        let now = Timestamp::from_micros(0).unwrap();
        let (one, other, mut patience) = (Uuid::from_u128(1), Uuid::from_u128(2), Patience::default());
        for _ in 0..4 {
            patience.close(None, now);
        }
        patience.hold(one, now);
        patience.close_after(&[one], now);
        assert!(!patience.is_closed(now.plus_seconds(480)) && patience.holds(one, now.plus_seconds(959)));
        for _ in 0..5 {
            patience.hold(one, now);
            assert!(patience.excuses(one), "nobody has been answered");
        }
        patience.answered(other);
        assert!(patience.excuses(one), "it has not been asked about since");
        patience.hold(one, now);
        assert!(!patience.excuses(one) && patience.excuses(other));
    }
}
