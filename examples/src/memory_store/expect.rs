//! What a decision relied on, looked at again before the changes.

use lms_core::model::table::Value;
use lms_core::model::{AiLog, Course, CourseJob, Enrollment, QuizAttempt, Submission};
use lms_core::store::{Expect, StoreErrorKind};
use uuid::Uuid;

use super::tables::{Tables, value};

impl Tables {
    /// Whether it holds. A seat that is expected is taken, money set aside.
    pub(super) fn holds(&mut self, expect: &Expect) -> Result<bool, StoreErrorKind> {
        Ok(match expect {
            Expect::Structure { course, version } => {
                self.get::<Course>(*course).is_some_and(|c| c.structure_version == *version)
            }
            Expect::Enrollment { id, version } => self.get::<Enrollment>(*id).is_some_and(|e| e.version == *version),
            Expect::Row { table, id, version } => {
                table.column("version").ok_or(StoreErrorKind::NotSupported)?;
                let row = self.row(*table, (*id, Uuid::nil()));
                row.is_some_and(|row| value(row, "version") == Value::Int(*version))
            }
            Expect::Attempt { id, state, version } => {
                self.get::<QuizAttempt>(*id).is_some_and(|a| a.state == *state && a.version == *version)
            }
            Expect::Log { id, status } => self.get::<AiLog>(*id).is_some_and(|log| log.status == *status),
            Expect::SeatFree { course } => match self.get::<Course>(*course).map(|c| (c.capacity, c.seats_taken)) {
                None => false,
                Some((None, _)) => true,
                Some((Some(capacity), taken)) => {
                    taken < capacity && self.edit::<Course>(|c| c.id == *course, |c| c.seats_taken += 1) == 1
                }
            },
            Expect::JobAt { job, cursor } => {
                self.get::<CourseJob>(*job).is_some_and(|j| j.cursor == *cursor && j.done_at.is_none())
            }
            Expect::Lease { name, token } => {
                self.consumers().get(name).is_some_and(|state| state.lease_token == Some(*token))
            }
            Expect::Budget { scopes, day, amount } => self.reserve(scopes, day, *amount),
            Expect::NotEnrolled { course, student } => {
                !self.all::<Enrollment>().any(|e| e.course_id == *course && e.student_id == *student)
            }
            Expect::GradesWithin { assignment, max } => {
                !self.all::<Submission>().any(|s| s.assignment_id == *assignment && s.raw_grade > Some(*max))
            }
            Expect::WorkAtMost { item, counts } => self.work_counts(*item).at_most(counts),
        })
    }
}
