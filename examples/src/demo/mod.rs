//! The main job in steps: a text becomes a course, learners learn, certificates are made.

mod author;
mod learn;
mod report;

use std::path::PathBuf;

use lms_ai::Ai;
use lms_core::Lms;
use lms_core::lms::NewUser;
use lms_core::model::{CourseId, Role, UserId};

pub use author::{Authored, author};
pub use learn::{Learned, learn};
pub use report::report;

use crate::output::Screen;

/// A failure of a demo, in words for whoever ran it.
pub type Failure = Box<dyn std::error::Error + Send + Sync>;

/// What the steps share.
#[derive(Debug, Clone)]
pub struct Demo {
    /// The library.
    pub lms: Lms,
    /// AI over it.
    pub ai: Ai,
    /// Where lines go.
    pub screen: Screen,
    /// Where files go.
    pub out: PathBuf,
    /// The instructor.
    pub instructor: UserId,
    /// The learners.
    pub students: Vec<UserId>,
}

/// Names for learners; as many as anyone will ask for.
const NAMES: &[&str] = &[
    "Amélie Dubois",
    "Jakub Wiśniewski",
    "Nguyễn Thị Mai",
    "Søren Kierulf",
    "Ελένη Παππά",
    "Ольга Смирнова",
    "Tomás Ó Briain",
    "Zoë Müller",
];

impl Demo {
    /// Makes the people, once per database.
    ///
    /// # Errors
    /// When the library refuses or the store fails.
    pub async fn with_people(lms: Lms, ai: Ai, screen: Screen, out: PathBuf, students: usize) -> Result<Self, Failure> {
        let system = lms.system();
        let people = system.people();
        let instructor = NewUser::new(Role::Instructor, "Grace Okafor").with_external_id("quickstart-instructor");
        let instructor = people.ensure_user(instructor).await?.id;
        let mut ids = Vec::with_capacity(students);
        for n in 0..students {
            let first = NAMES.get(n % NAMES.len()).copied().unwrap_or("A learner");
            let name = if n < NAMES.len() { first.to_owned() } else { format!("{first} {}", n / NAMES.len() + 1) };
            let new = NewUser::new(Role::Student, name).with_external_id(format!("quickstart-student-{n}"));
            ids.push(people.ensure_user(new).await?.id);
        }
        Ok(Self { lms, ai, screen, out, instructor, students: ids })
    }
}

/// What a step says it did, for the summary.
#[derive(Debug, Clone, Copy, Default)]
pub struct Counts {
    /// AI grades that were applied.
    pub applied: usize,
    /// AI grades that became suggestions.
    pub suggested: usize,
    /// Suggestions that the instructor adopted.
    pub adopted: usize,
}

/// The course that a demo made.
#[derive(Debug, Clone, Copy)]
pub struct Made {
    /// The course.
    pub course: CourseId,
}
