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
const ACCEPTED: &[(&str, usize)] = &[];
/// Refusals that must have been heard.
const REFUSED: &[&str] = &[];
/// Events that must have been written, and how many at least.
const EVENTS: &[(&str, usize)] = &[];

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
