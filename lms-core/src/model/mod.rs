//! What a thing is: one file per aggregate.

pub mod table;

mod activity;
mod ai_budget;
mod ai_log;
mod assignment;
mod attempt;
mod certificate;
mod course;
mod documents;
mod enrollment;
mod id;
mod lesson;
pub mod points;
mod progress;
pub mod question;
mod quiz;
mod rubric;
mod submission;
mod template;
mod time;
pub(crate) mod tolerant;
mod user;

pub use activity::*;
pub use ai_budget::*;
pub use ai_log::*;
pub use assignment::*;
pub use attempt::*;
pub use certificate::*;
pub use course::*;
pub use documents::*;
pub use enrollment::*;
pub use id::*;
pub use lesson::*;
pub use points::*;
pub use progress::*;
pub use question::*;
pub use quiz::*;
pub use rubric::*;
pub use submission::*;
pub use template::*;
pub use time::Timestamp;
pub use user::*;
