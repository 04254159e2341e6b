//! A batch applied: expectations, versions of structures, changes, events.

use lms_core::model::{
    AiLog, AiLogStatus, AttemptState, Course, CourseId, CourseJob, Enrollment, EnrollmentStatus, QuizAttempt,
};
use lms_core::rules::completion;
use lms_core::store::{Change, Committed, Key as Named, Row, StoreError, StoreErrorKind, WriteBatch};
use uuid::Uuid;

use super::tables::{CONFLICT, Changed, Tables, key, value, with};

impl Tables {
    /// Applies a batch, or takes back what it had begun.
    pub(super) fn apply(&mut self, batch: &WriteBatch) -> Result<Committed, StoreError> {
        match self.begin(batch) {
            Ok(committed) => {
                self.keep();
                Ok(committed)
            }
            Err(kind) => {
                self.undo();
                Err(StoreError::new(kind))
            }
        }
    }

    fn begin(&mut self, batch: &WriteBatch) -> Result<Committed, StoreErrorKind> {
        for (n, expect) in batch.expect.iter().enumerate() {
            if !self.holds(expect)? {
                return Err(StoreErrorKind::Conflict { expect: Some(n) });
            }
        }
        for course in &batch.exclusive {
            let made_here =
                || batch.changes.iter().any(|c| matches!(c, Change::Insert(Row::Course(row)) if row.id == *course));
            let bumped = self.edit::<Course>(|c| c.id == *course, |c| c.structure_version += 1);
            if bumped == 0 && !made_here() {
                return Err(CONFLICT);
            }
        }
        batch.changes.iter().try_for_each(|change| self.one_change(change))?;
        let told = batch.events.iter().map(|event| Ok((event.id, Some(self.tell(event.clone())?))));
        Ok(Committed { events: told.collect::<Result<_, StoreErrorKind>>()? })
    }

    fn one_change(&mut self, change: &Change) -> Changed {
        match change {
            Change::Insert(row) => self.insert(row.clone()),
            Change::Put(row) if row.table().is_link() => Err(StoreErrorKind::NotSupported),
            Change::Put(row) => {
                let old = self.row(row.table(), key(row)).ok_or(CONFLICT)?;
                let new = with(old, |c| row.table().is_mutable(c).then(|| value(row, c)))?;
                self.replace(new)
            }
            Change::Upsert(row) => match self.same(row) {
                Some(_) if row.table().is_link() => Ok(()),
                Some(old) => {
                    let table = row.table();
                    let kept = |c: &str| table.natural_key().contains(&c) || c.starts_with("first_");
                    self.replace(with(&old, |c| (table.is_mutable(c) && !kept(c)).then(|| value(row, c)))?)
                }
                None => self.insert(row.clone()),
            },
            Change::Ensure(row) if self.row(row.table(), key(row)).is_some() => Ok(()),
            Change::Ensure(row) => self.insert(row.clone()),
            Change::Delete(Named::Id(table, _)) if table.is_link() => Err(StoreErrorKind::NotSupported),
            Change::Delete(Named::Id(table, id)) => self.delete(*table, (*id, Uuid::nil())),
            Change::Delete(Named::Link(row)) if row.table().is_link() => self.delete(row.table(), key(row)),
            Change::Delete(Named::Link(_)) => Err(StoreErrorKind::NotSupported),
            Change::Order { siblings, ids } => self.order(*siblings, ids),
            Change::Recount { course, learners } => self.recount(*course, *learners),
            Change::FreeSeat { course } => {
                self.edit::<Course>(
                    |c| c.id == *course && c.capacity.is_some() && c.seats_taken > 0,
                    |c| c.seats_taken -= 1,
                );
                Ok(())
            }
            Change::RecountSeats { course } => {
                let active = |e: &Enrollment| e.course_id == *course && e.status == EnrollmentStatus::Active;
                let seats = self.count(active);
                found(self.edit::<Course>(|c| c.id == *course, |c| c.seats_taken = seats))
            }
            Change::SaveAnswers { attempt, answers, version, at } => found(self.edit::<QuizAttempt>(
                |a| a.id == *attempt && a.state == AttemptState::InProgress,
                |a| (a.answers, a.version, a.updated_at) = (answers.clone(), *version, *at),
            )),
            Change::FlipLog { id, from, to, at } => {
                let log = self.get::<AiLog>(*id).filter(|log| log.status == *from).ok_or(CONFLICT)?;
                // An operation has one answer that was applied.
                let mut flipped = AiLog { status: *to, applied_at: Some(*at), ..log.clone() };
                if flipped.redaction == "metadata" {
                    flipped.response_text = None;
                }
                self.replace(flipped.into())
            }
            Change::AdvanceJob { job, cursor, done_at } => found(self.edit::<CourseJob>(
                |j| j.id == *job && j.done_at.is_none(),
                |j| (j.cursor, j.done_at) = (*cursor, *done_at),
            )),
            Change::BlankLogs { ids } => {
                self.edit::<AiLog>(
                    |log| ids.contains(&log.id) && log.status != AiLogStatus::Pending,
                    |log| {
                        (log.prompt_text, log.response_text) = (None, None);
                        if log.status == AiLogStatus::Valid {
                            log.status = AiLogStatus::Dropped;
                        }
                    },
                );
                Ok(())
            }
            Change::SettleBudget { scopes, day, reserved, spent } => {
                self.settle(scopes, day, *reserved, *spent);
                Ok(())
            }
            Change::SetBudget { scope, limit } => {
                self.limit(*scope, *limit);
                Ok(())
            }
            Change::EraseText { user, at } => {
                self.erase(*user, *at);
                Ok(())
            }
            Change::AdvanceConsumer { name, position } => {
                let mut state = self.consumers().get(name).ok_or(CONFLICT)?.clone();
                state.position = Some(*position);
                self.set_consumer(state);
                Ok(())
            }
        }
    }

    /// Counts a course's totals and its learners' counters anew, by the library's own definition.
    fn recount(&mut self, course: CourseId, learners: bool) -> Changed {
        let structure = self.structure(course).ok_or(CONFLICT)?;
        let totals = completion::totals(&structure);
        self.edit::<Course>(
            |c| c.id == course,
            |c| {
                (c.lessons_total, c.quizzes_total, c.assignments_total) =
                    (totals.lessons, totals.quizzes, totals.assignments);
            },
        );
        if learners {
            for enrollment in self.many::<Enrollment>(|e| e.course_id == course) {
                let works = completion::works(&structure, &self.record_of(enrollment.clone()));
                let counts = works.iter().map(|work| work.counts()).fold(completion::Counts::default(), |a, b| a + b);
                self.edit::<Enrollment>(|e| e.id == enrollment.id, |e| e.set_counts(counts));
            }
        }
        Ok(())
    }
}

/// A change that found no row is a Conflict.
const fn found(rows: usize) -> Changed {
    if rows == 0 { Err(CONFLICT) } else { Ok(()) }
}
