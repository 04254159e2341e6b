//! The workflows: an answer that counts, written by the library's use cases in one transaction.

mod answers;
mod author;
mod blind;
mod bodies;
mod certificate;
mod draft;
mod estimate;
mod extract;
mod grade;
mod grader;
mod marking;
mod patience;
mod proposal;
mod redo;
mod samples;
mod texts;

pub use answers::AnswerOutcome;
pub use author::{AssignmentBrief, CourseBrief, QuizBrief};
pub use bodies::{BodiesBrief, BodiesReport, BodiesStanding};
pub use estimate::Job;
pub use extract::{ExtractError, TextExtractor, UrlWork};
pub use grade::GradeOutcome;
pub use grader::Grader;
pub use proposal::{Proposal, Selection};
