//! What a run has reached, so that it cannot pass by doing nothing.

use std::collections::BTreeMap;
use std::fmt;

use lms_core::model::{EventKind, NewEvent};

use crate::commands::Act;
use crate::state::Fired;

#[derive(Debug, Default)]
pub struct Coverage {
    commands: usize,
    accepted: BTreeMap<String, usize>,
    refused: BTreeMap<&'static str, usize>,
    events: BTreeMap<String, usize>,
}

/// Commands that must have been accepted, and how often at least.
const ACCEPTED: &[(&str, usize)] = &[
    ("AddLesson", 50),
    ("AddQuestion", 2),
    ("AddQuiz", 30),
    ("AddTask", 30),
    ("AddTopic", 30),
    ("ArchiveCourse", 5),
    ("Clear", 2),
    ("Complete", 40),
    ("Delete", 5),
    ("DeleteTopic", 3),
    ("Draft", 5),
    ("Enroll", 60),
    ("Excuse", 8),
    ("Expire", 5),
    ("Extend", 15),
    ("Grade", 20),
    ("GradeAnswer", 3),
    ("HandIn", 20),
    ("Issue", 3),
    ("OpenCourse", 5),
    ("OpenLesson", 8),
    ("PlanDelete", 3),
    ("Post", 4),
    ("PublishCourse", 40),
    ("PublishLesson", 10),
    ("PublishQuiz", 4),
    ("PublishTask", 2),
    ("Reorder", 8),
    ("Require", 3),
    ("Reset", 4),
    ("Return", 2),
    ("RevokeCertificate", 1),
    ("Save", 20),
    ("SetCapacity", 3),
    ("SetCertificates", 2),
    ("SetEnrollment", 2),
    ("SetFlow", 2),
    ("SetMaxGrade", 2),
    ("SetStatus", 15),
    ("Start", 30),
    ("Submit", 15),
    ("Tick", 40),
    ("Undo", 2),
    ("UpdateLesson", 12),
    ("UpdateQuiz", 4),
    ("UpdateTask", 3),
    ("View", 15),
    ("ViewAttempt", 2),
    ("Void", 1),
    ("Waive", 8),
];
/// Refusals that must have been heard.
const REFUSED: &[&str] = &[
    "attempt.closed",
    "certificate.none",
    "certificate.not_eligible",
    "course.completed",
    "course.has_certificates",
    "delete.published",
    "grade.newer",
    "invalid",
    "lesson.nothing_to_undo",
    "locked",
    "submission.no_resubmission",
    "version.stale",
    "waiver.none",
];
/// Events that must have been written, and how many at least.
const EVENTS: &[(&str, usize)] = &[
    ("assignment_graded", 8),
    ("assignment_submitted", 20),
    ("attempt_voided", 1),
    ("certificate_issued", 15),
    ("content_changed", 200),
    ("course_completed", 15),
    ("course_opened", 5),
    ("enrolled", 50),
    ("grade_changed", 3),
    ("grade_posted", 5),
    ("lesson_completed", 40),
    ("lesson_opened", 15),
    ("override_granted", 20),
    ("progress_reset", 5),
    ("progress_waived", 8),
    ("quiz_expired", 1),
    ("quiz_failed", 2),
    ("quiz_graded", 10),
    ("quiz_passed", 2),
    ("quiz_started", 25),
    ("quiz_submitted", 12),
    ("reactivated", 1),
    ("submission_returned", 1),
    ("suspended", 1),
    ("topic_viewed", 15),
    ("withdrawn", 2),
];

impl Coverage {
    pub fn count(&mut self, act: &Act, verdict: Result<(), &'static str>) {
        self.commands += 1;
        match verdict {
            Ok(()) => *self.accepted.entry(act.word()).or_default() += 1,
            Err(code) => *self.refused.entry(code).or_default() += 1,
        }
    }

    pub fn events(&mut self, log: &[NewEvent]) {
        for event in log {
            *self.events.entry(event.kind.as_str().to_owned()).or_default() += 1;
        }
    }

    pub fn add(&mut self, other: Self) {
        self.commands += other.commands;
        for (to, from) in [(&mut self.accepted, other.accepted), (&mut self.events, other.events)] {
            for (word, n) in from {
                *to.entry(word).or_default() += n;
            }
        }
        for (code, n) in other.refused {
            *self.refused.entry(code).or_default() += n;
        }
    }

    /// Fails where something was hardly reached.
    pub fn check(&self) {
        let found = |map: &BTreeMap<String, usize>, word: &str| map.get(word).copied().unwrap_or(0);
        for (word, least) in ACCEPTED {
            assert!(found(&self.accepted, word) >= *least, "`{word}` was accepted fewer than {least} times");
        }
        for (word, least) in EVENTS {
            assert!(found(&self.events, word) >= *least, "there were fewer than {least} events `{word}`");
        }
        for code in REFUSED {
            assert!(self.refused.contains_key(code), "nothing was refused with `{code}`");
        }
    }
}

impl fmt::Display for Coverage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} commands", self.commands)?;
        writeln!(f, "accepted: {:?}", self.accepted)?;
        writeln!(f, "refused: {:?}", self.refused)?;
        writeln!(f, "events: {:?}", self.events)
    }
}

/// The transitions that a log tells of.
pub fn fired(log: &[NewEvent]) -> Fired {
    let count = |kind: &EventKind| log.iter().filter(|e| e.kind == *kind).count();
    Fired {
        lesson_completed: count(&EventKind::LessonCompleted),
        course_completed: count(&EventKind::CourseCompleted),
        certificate_issued: count(&EventKind::CertificateIssued),
        quiz_passed: count(&EventKind::QuizPassed),
        quiz_failed: count(&EventKind::QuizFailed),
    }
}
