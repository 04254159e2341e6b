//! The main job in steps: a text becomes a course, learners learn, certificates are made.

mod author;
mod learn;
mod report;
mod watch;

use lms_ai::Ai;
use lms_core::Lms;
use lms_core::lms::NewUser;
use lms_core::model::{Role, UserId};

pub use author::{Authored, author};
pub use learn::{Keys, Learned, Pace, learn, study};
pub use report::report;
pub use watch::Watch;

use crate::output::Screen;

/// A failure of a demo, in words for whoever ran it.
pub type Failure = Box<dyn std::error::Error + Send + Sync>;

/// What the steps share.
#[derive(Debug)]
pub struct Demo {
    /// The library.
    pub lms: Lms,
    /// AI over it.
    pub ai: Ai,
    /// Where lines go.
    pub screen: Screen,
    /// Shows the events as they arrive.
    pub watch: Watch,
    /// The instructor.
    pub instructor: UserId,
    /// The learners, and what they are called.
    pub students: Vec<(UserId, String)>,
}

/// Who teaches.
pub const INSTRUCTOR: &str = "Grace Okafor";
/// Names for learners; further ones are numbered.
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
    /// Begins to watch the events, and makes the people, once per database.
    ///
    /// # Errors
    /// When the library refuses or the store fails.
    pub async fn start(lms: Lms, ai: Ai, screen: Screen, students: usize) -> Result<Self, Failure> {
        let watch = Watch::start(&lms, &screen).await?;
        let system = lms.system();
        let people = system.people();
        let instructor = NewUser::new(Role::Instructor, INSTRUCTOR).with_external_id("quickstart-instructor");
        let instructor = people.ensure_user(instructor).await?.id;
        let mut made = Vec::with_capacity(students);
        for n in 0..students {
            let first = NAMES.get(n % NAMES.len()).copied().unwrap_or("A learner");
            let name = if n < NAMES.len() { first.to_owned() } else { format!("{first} {}", n / NAMES.len() + 1) };
            let new = NewUser::new(Role::Student, name).with_external_id(format!("quickstart-student-{n}"));
            let user = people.ensure_user(new).await?;
            made.push((user.id, user.display_name));
        }
        Ok(Self { lms, ai, screen, watch, instructor, students: made })
    }

    /// The heading of the next step, once every event of the step before is shown.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn step(&self, heading: &str) -> Result<(), Failure> {
        self.watch.caught_up().await?;
        self.screen.heading(heading);
        Ok(())
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
