//! A grader against people: marks from a CSV file, or a grader that is really run on the work in it.

mod attack;
mod run;
mod sheet;
mod show;

pub use attack::{Attacked, TIMES, attack_all};
pub use run::{Ran, grade_all};
pub use sheet::{Criterion, Form, MAX_BYTES, Problem, Sheet, SheetError, Wanted, Work};
pub use show::lines;
