//! What the model knows: the facts of one course, as plain structs. Nothing derived is kept.

use std::collections::{BTreeMap, BTreeSet};

use lms_core::lms::{AssignmentRules, QuizRules};
use lms_core::model::question::ChoiceMode;
use lms_core::model::{
    AttemptState, CertificatePolicy, CompletionRule, EnrollmentPolicy, EnrollmentStatus, Flow, SubmissionState,
    Timestamp,
};
use uuid::Uuid;

use crate::commands::{Answer, Counts};

/// Units of one point.
pub const POINT: i64 = 100_000;

#[derive(Debug, Clone)]
pub struct Model {
    pub now: Timestamp,
    pub course: Course,
    pub lessons: Vec<Lesson>,
    pub people: Vec<Person>,
    /// What `plan_delete` showed for an item, and nobody has used yet.
    pub plans: BTreeMap<Uuid, Counts>,
    pub fired: Fired,
}

/// How often a transition happened: the events of it are as many.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Fired {
    pub lesson_completed: usize,
    pub course_completed: usize,
    pub certificate_issued: usize,
    pub quiz_passed: usize,
    pub quiz_failed: usize,
}

#[derive(Debug, Clone)]
pub struct Course {
    pub id: Uuid,
    pub published: bool,
    pub archived: bool,
    pub deleted: bool,
    pub capacity: Option<i64>,
    pub enrollment: EnrollmentPolicy,
    pub flow: Flow,
    pub certificates: CertificatePolicy,
    pub valid_days: Option<i64>,
}

#[derive(Debug, Clone)]
pub struct Lesson {
    pub id: Uuid,
    pub published: bool,
    pub required: bool,
    pub rule: CompletionRule,
    pub from: Option<Timestamp>,
    pub requires: BTreeSet<Uuid>,
    pub topics: Vec<Uuid>,
    pub quizzes: Vec<Quiz>,
    pub tasks: Vec<Task>,
}

#[derive(Debug, Clone)]
pub struct Quiz {
    pub id: Uuid,
    pub published: bool,
    pub rules: QuizRules,
    pub questions: Vec<Question>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Two options, one of them right.
    Single,
    /// Five options, the first three right.
    Multiple(ChoiceMode),
    /// A person grades it.
    Essay,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    pub id: Uuid,
    pub kind: Kind,
    pub points: i64,
    pub negative: Option<i64>,
}

#[derive(Debug, Clone)]
pub struct Task {
    pub id: Uuid,
    pub published: bool,
    pub rules: AssignmentRules,
    pub max: i64,
}

#[derive(Debug, Clone)]
pub struct Person {
    pub seat: Option<Seat>,
    /// The last event that they initiated.
    pub active: Option<Timestamp>,
}

/// An enrollment with all work of it.
#[derive(Debug, Clone)]
pub struct Seat {
    pub status: EnrollmentStatus,
    pub since: Timestamp,
    pub starts: Option<Timestamp>,
    pub ends: Option<Timestamp>,
    pub completed: Option<Timestamp>,
    pub opened: Option<Timestamp>,
    pub progress: BTreeMap<Uuid, Progress>,
    pub views: BTreeMap<Uuid, Timestamp>,
    pub attempts: Vec<Attempt>,
    pub versions: Vec<Version>,
    pub waived: BTreeSet<Uuid>,
    pub own: BTreeMap<Uuid, Own>,
    pub certificate: Option<Certificate>,
    /// Lessons that somebody took back although their rule may be met: P3 does not say when the rule
    /// completes them again, so both answers are right.
    pub held: BTreeSet<Uuid>,
    /// Pass as it was after the last command, to see it change.
    pub passed: BTreeMap<Uuid, Option<bool>>,
}

#[derive(Debug, Clone)]
pub struct Progress {
    pub opened: Timestamp,
    pub completed: Option<Timestamp>,
    pub by_mark: bool,
}

#[derive(Debug, Clone)]
pub struct Attempt {
    pub id: Uuid,
    pub quiz: Uuid,
    pub number: i64,
    pub state: AttemptState,
    /// The questions as they were at the start (Q15).
    pub questions: Vec<Question>,
    pub started: Timestamp,
    pub deadline: Option<Timestamp>,
    /// The limit in force at the start (A4).
    pub limit: Option<i64>,
    pub finished: Option<Timestamp>,
    pub expired: bool,
    pub answers: BTreeMap<Uuid, Answer>,
    pub clients: BTreeMap<u32, i64>,
    /// Points that a person gave.
    pub marks: BTreeMap<Uuid, i64>,
}

#[derive(Debug, Clone)]
pub struct Version {
    pub id: Uuid,
    pub task: Uuid,
    pub number: i64,
    pub state: SubmissionState,
    pub content: bool,
    pub submitted: Option<Timestamp>,
    /// The raw mark that stands.
    pub raw: Option<i64>,
    /// Whether a person has marked or cleared it: who has not seen that is refused (S10).
    pub human: bool,
    pub posted: bool,
}

/// What a learner was granted for an item (S6): each date inherits, is none, or is a value.
#[derive(Debug, Clone, Default)]
pub struct Own {
    pub from: Option<Option<Timestamp>>,
    pub due: Option<Option<Timestamp>>,
    pub cutoff: Option<Option<Timestamp>>,
    /// Basis points on top of the whole.
    pub more_time_bp: i64,
    pub extra_seconds: i64,
    pub extra_attempts: i64,
    pub excused: bool,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Certificate {
    pub issued: Timestamp,
    pub completed: Option<Timestamp>,
    pub score: Option<i64>,
    pub expires: Option<Timestamp>,
    pub revoked: bool,
}

impl Model {
    pub fn quiz(&self, id: Uuid) -> Option<(&Lesson, &Quiz)> {
        self.lessons.iter().find_map(|l| l.quizzes.iter().find(|q| q.id == id).map(|q| (l, q)))
    }
    pub fn task(&self, id: Uuid) -> Option<(&Lesson, &Task)> {
        self.lessons.iter().find_map(|l| l.tasks.iter().find(|t| t.id == id).map(|t| (l, t)))
    }
    pub fn lesson(&self, id: Uuid) -> Option<&Lesson> {
        self.lessons.iter().find(|l| l.id == id)
    }
    pub fn lesson_mut(&mut self, id: Uuid) -> &mut Lesson {
        self.lessons.iter_mut().find(|l| l.id == id).unwrap()
    }
    pub fn quiz_mut(&mut self, id: Uuid) -> &mut Quiz {
        self.lessons.iter_mut().flat_map(|l| &mut l.quizzes).find(|q| q.id == id).unwrap()
    }
    pub fn task_mut(&mut self, id: Uuid) -> &mut Task {
        self.lessons.iter_mut().flat_map(|l| &mut l.tasks).find(|t| t.id == id).unwrap()
    }
    pub fn seats(&self) -> impl Iterator<Item = (&Person, &Seat)> {
        self.people.iter().filter_map(|p| p.seat.as_ref().map(|s| (p, s)))
    }
    pub fn seat_mut(&mut self, person: usize) -> Option<&mut Seat> {
        self.people[person].seat.as_mut()
    }
    /// Whose attempt it is, and the attempt.
    pub fn attempt(&self, id: Uuid) -> Option<(usize, &Attempt)> {
        self.people
            .iter()
            .enumerate()
            .find_map(|(n, p)| p.seat.as_ref().and_then(|s| s.attempts.iter().find(|a| a.id == id)).map(|a| (n, a)))
    }
    pub fn version(&self, id: Uuid) -> Option<(usize, &Version)> {
        self.people
            .iter()
            .enumerate()
            .find_map(|(n, p)| p.seat.as_ref().and_then(|s| s.versions.iter().find(|v| v.id == id)).map(|v| (n, v)))
    }
}
