//! Whether a learner can reach an item now (X1). Reads and writes use the same function.

use serde::Serialize;

use crate::model::{
    Assignment, Course, Enrollment, EnrollmentStatus, Lesson, LessonId, Override, OverrideMode, Quiz, Timestamp,
};

/// Why an item is locked, with what a UI needs to say so.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[serde(tag = "code", rename_all = "snake_case")]
pub enum LockReason {
    /// The learner is not enrolled, or has withdrawn.
    NotEnrolled,
    /// The enrollment has not begun.
    NotStarted {
        /// When it does.
        at: Timestamp,
    },
    /// The enrollment is over.
    Ended {
        /// Since when.
        at: Timestamp,
    },
    /// The enrollment is suspended.
    Suspended,
    /// The item, or something above it, is not published.
    NotPublished,
    /// It opens later.
    NotYet {
        /// When.
        at: Timestamp,
    },
    /// It is closed.
    Closed {
        /// Since when.
        at: Timestamp,
    },
    /// An earlier lesson comes first (X2).
    EarlierLesson {
        /// The first that is not complete.
        id: LessonId,
    },
    /// Other lessons come first (X2).
    Requires {
        /// Those that are not complete.
        ids: Vec<LessonId>,
    },
    /// Every attempt is used up.
    NoAttemptsLeft,
}

impl LockReason {
    /// The stable word.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NotEnrolled => "not_enrolled",
            Self::NotStarted { .. } => "not_started",
            Self::Ended { .. } => "ended",
            Self::Suspended => "suspended",
            Self::NotPublished => "not_published",
            Self::NotYet { .. } => "not_yet",
            Self::Closed { .. } => "closed",
            Self::EarlierLesson { .. } => "earlier_lesson",
            Self::Requires { .. } => "requires",
            Self::NoAttemptsLeft => "no_attempts_left",
        }
    }
}

/// What decides over access, taken from one load.
#[derive(Debug, Clone, Copy, Default)]
pub struct AccessFacts<'a> {
    /// The course.
    pub course: Option<&'a Course>,
    /// The learner's enrollment.
    pub enrollment: Option<&'a Enrollment>,
    /// The lesson, where the item is one or hangs under one.
    pub lesson: Option<&'a Lesson>,
    /// The learner's override for the lesson.
    pub lesson_override: Option<&'a Override>,
    /// Whether the lesson is begun or complete: what was begun stays readable (X3).
    pub begun: bool,
    /// The first earlier required lesson that is not complete.
    pub earlier: Option<LessonId>,
    /// The unmet requirements.
    pub requires: &'a [LessonId],
    /// The quiz, where the item is one.
    pub quiz: Option<&'a Quiz>,
    /// The assignment, where the item is one.
    pub assignment: Option<&'a Assignment>,
    /// The learner's override for the quiz or assignment.
    pub item_override: Option<&'a Override>,
    /// Whether every attempt at the quiz is used up, and none is open (A3).
    pub no_attempts_left: bool,
}

/// Whether an instant is over, in whole seconds: what comes within the last second comes in time (S5). A due
/// date and a cut-off at the same instant so agree on every submission.
pub const fn is_over(at: Timestamp, now: Timestamp) -> bool {
    now.floor_seconds().saturating_mul(1_000_000) > at.as_micros()
}

fn picked(mode: OverrideMode, own: Option<Timestamp>, default: Option<Timestamp>) -> Option<Timestamp> {
    match mode {
        OverrideMode::Inherit => default,
        OverrideMode::None => None,
        OverrideMode::Value => own,
    }
}

/// When an item opens for a learner (S6).
pub fn effective_from(default: Option<Timestamp>, own: Option<&Override>) -> Option<Timestamp> {
    own.map_or(default, |o| picked(o.available_from_mode, o.available_from, default))
}

/// When an item is due for a learner (S6).
pub fn effective_due(default: Option<Timestamp>, own: Option<&Override>) -> Option<Timestamp> {
    own.map_or(default, |o| picked(o.due_mode, o.due_date, default))
}

/// When an item closes for a learner; never before it is due (S6).
pub fn effective_cutoff(
    default: Option<Timestamp>,
    due: Option<Timestamp>,
    own: Option<&Override>,
) -> Option<Timestamp> {
    let cutoff = own.map_or(default, |o| picked(o.cutoff_mode, o.cutoff_date, default));
    match (cutoff, due) {
        (Some(cutoff), Some(due)) => Some(cutoff.max(due)),
        (cutoff, _) => cutoff,
    }
}

/// Every reason why the enrollment cannot be used now (E2).
pub fn enrollment_locks(enrollment: Option<&Enrollment>, now: Timestamp) -> Vec<LockReason> {
    let Some(enrollment) = enrollment else { return vec![LockReason::NotEnrolled] };
    let mut reasons = Vec::new();
    match enrollment.status {
        EnrollmentStatus::Active => {}
        EnrollmentStatus::Suspended => reasons.push(LockReason::Suspended),
        EnrollmentStatus::Withdrawn => return vec![LockReason::NotEnrolled],
    }
    if let Some(at) = enrollment.starts_at.filter(|at| now < *at) {
        reasons.push(LockReason::NotStarted { at });
    }
    if let Some(at) = enrollment.ends_at.filter(|at| now >= *at) {
        reasons.push(LockReason::Ended { at });
    }
    reasons
}

/// Every reason why a learner cannot reach the item now; none = open (X1).
pub fn locks(facts: &AccessFacts<'_>, now: Timestamp) -> Vec<LockReason> {
    let mut reasons = enrollment_locks(facts.enrollment, now);
    let published = facts.course.is_some_and(Course::is_readable)
        && facts.lesson.is_none_or(|lesson| lesson.is_published)
        && facts.quiz.is_none_or(|quiz| quiz.is_published)
        && facts.assignment.is_none_or(|assignment| assignment.is_published);
    if !published {
        reasons.push(LockReason::NotPublished);
    }
    if let Some(lesson) = facts.lesson
        && !facts.begun
    {
        if let Some(at) = effective_from(lesson.available_from, facts.lesson_override).filter(|at| now < *at) {
            reasons.push(LockReason::NotYet { at });
        }
        if let Some(id) = facts.earlier {
            reasons.push(LockReason::EarlierLesson { id });
        }
        if !facts.requires.is_empty() {
            reasons.push(LockReason::Requires { ids: facts.requires.to_vec() });
        }
    }
    if let Some(quiz) = facts.quiz {
        if let Some(at) = effective_from(quiz.opens_at, facts.item_override).filter(|at| now < *at) {
            reasons.push(LockReason::NotYet { at });
        }
        if let Some(at) = effective_cutoff(quiz.closes_at, None, facts.item_override).filter(|at| now >= *at) {
            reasons.push(LockReason::Closed { at });
        }
        if facts.no_attempts_left {
            reasons.push(LockReason::NoAttemptsLeft);
        }
    }
    if let Some(assignment) = facts.assignment {
        if let Some(at) = effective_from(assignment.available_from, facts.item_override).filter(|at| now < *at) {
            reasons.push(LockReason::NotYet { at });
        }
        let due = effective_due(assignment.due_date, facts.item_override);
        if let Some(at) =
            effective_cutoff(assignment.cutoff_date, due, facts.item_override).filter(|at| is_over(*at, now))
        {
            reasons.push(LockReason::Closed { at });
        }
    }
    reasons
}
