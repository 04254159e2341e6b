//! What follows from what: pure functions, no I/O.

pub mod access;
pub mod authoring;
pub mod code;
pub mod completion;
pub mod eligibility;
pub mod enrollment;
pub mod gift;
pub mod grades;
pub mod grading;
pub mod kept_score;
pub mod lateness;
pub mod local_time;
pub mod order;
pub mod pairs;
pub mod permission;
pub mod regrade;
pub mod reveal;
pub mod shuffle;
