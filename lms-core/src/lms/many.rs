//! One call for many people: a result per row, all or nothing or as far as it goes (E7).

use std::collections::BTreeSet;
use std::future::Future;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::command::derived;
use super::{Planned, Session};
use crate::error::{Error, Refusal};
use crate::store::{Expect, WriteBatch};

/// Whether one refused row keeps the others out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum ManyMode {
    /// Every row is done, in one transaction, or none is.
    #[default]
    AllOrNothing,
    /// Each row is done by itself.
    BestEffort,
}

/// What became of one row.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct RowReport<T> {
    /// Whom or what it is about.
    pub key: Uuid,
    /// What was done; absent where nothing was.
    pub outcome: Option<T>,
    /// Why it was refused; absent where it was not.
    pub error: Option<Error>,
}

/// What became of all rows, in the order in which they were given.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct ManyReport<T> {
    /// Whether every row was done. Where it is false and the mode is all or nothing, none was.
    pub done: bool,
    /// The rows.
    pub rows: Vec<RowReport<T>>,
}

/// The most rows of one call.
pub const MANY_ROWS: usize = 10_000;

/// Runs a use case for each row. Rows have command ids of their own, which follow from the call's: the whole
/// call can be repeated.
pub(super) async fn many<R, T, F, Fut>(
    session: &Session,
    mode: ManyMode,
    rows: Vec<(Uuid, R)>,
    run: F,
) -> Result<ManyReport<T>, Error>
where
    R: Clone + Send + Sync,
    T: Send,
    F: Fn(Session, R) -> Fut + Send + Sync,
    Fut: Future<Output = Result<T, Error>> + Send,
{
    few_enough(rows.len())?;
    each(session, mode, rows, run).await
}

fn few_enough(rows: usize) -> Result<(), Error> {
    if rows > MANY_ROWS {
        return Err(Error::invalid("many.too_many", "rows", format!("at most {MANY_ROWS} rows in one call")));
    }
    Ok(())
}

/// [`many`] without its limit, for rows that the library found itself: no caller has a list to split.
pub(super) async fn each<R, T, F, Fut>(
    session: &Session,
    mode: ManyMode,
    rows: Vec<(Uuid, R)>,
    run: F,
) -> Result<ManyReport<T>, Error>
where
    R: Clone + Send + Sync,
    T: Send,
    F: Fn(Session, R) -> Fut + Send + Sync,
    Fut: Future<Output = Result<T, Error>> + Send,
{
    let mut seen = BTreeSet::new();
    if let Some(n) = rows.iter().position(|(key, _)| !seen.insert(*key)) {
        return Err(Error::invalid("many.twice", format!("rows[{n}]"), "is in the list already"));
    }
    let (rows, run) = (&rows, &run);
    match mode {
        ManyMode::BestEffort => {
            let mut report = ManyReport { done: true, rows: Vec::with_capacity(rows.len()) };
            for (key, row) in rows {
                let mut own = session.clone();
                own.command_id = session.command_id.map(|id| row_id(id, *key));
                let (outcome, error) = split(run(own, row.clone()).await)?;
                report.done &= error.is_none();
                report.rows.push(RowReport { key: *key, outcome, error });
            }
            Ok(report)
        }
        ManyMode::AllOrNothing => {
            session
                .run(None, |command| async move {
                    let mut batch = WriteBatch::default();
                    let mut report = ManyReport { done: true, rows: Vec::with_capacity(rows.len()) };
                    let mut learners = BTreeSet::new();
                    for (n, (key, row)) in rows.iter().enumerate() {
                        let mut own = session.clone();
                        own.command_id = Some(row_id(command.id, *key));
                        let row = row.clone();
                        let (planned, mut error) = split(own.plan(|s| run(s, row)).await)?;
                        let mut outcome = None;
                        if let Some(planned) = planned {
                            if twice(&planned.batch, &mut learners) {
                                let message = "is the same learner as an earlier row; give them one by one";
                                error = Some(Error::invalid("many.same_learner", format!("rows[{n}]"), message));
                            } else {
                                merge(&mut batch, planned.batch);
                                outcome = Some(planned.outcome);
                            }
                        }
                        report.done &= error.is_none();
                        report.rows.push(RowReport { key: *key, outcome, error });
                    }
                    if report.done {
                        seats(session, &batch).await?;
                        return Ok(Planned { batch, outcome: report });
                    }
                    for row in &mut report.rows {
                        row.outcome = None;
                    }
                    Ok(Planned::nothing(report))
                })
                .await
        }
    }
}

/// A row's command id hangs on whom it is about, not on its place: the rows of a repeated call may be others.
fn row_id(command: Uuid, key: Uuid) -> Uuid {
    derived(command, &format!("many {key}"), 0)
}

/// A refusal is the row's; what no row can help ends the call.
fn split<T>(result: Result<T, Error>) -> Result<(Option<T>, Option<Error>), Error> {
    match result {
        Ok(outcome) => Ok((Some(outcome), None)),
        Err(e @ (Error::Denied { .. } | Error::NotFound { .. } | Error::Invalid { .. } | Error::Refused(_))) => {
            Ok((None, Some(e)))
        }
        Err(e) => Err(e),
    }
}

/// Whether a row changes a learner whom an earlier row changes: both were decided on the same state.
fn twice(batch: &WriteBatch, learners: &mut BTreeSet<Uuid>) -> bool {
    let mut again = false;
    for expect in &batch.expect {
        if let Expect::Enrollment { id, .. } = expect {
            again |= !learners.insert(id.uuid());
        }
    }
    again
}

/// Refuses a batch that takes more seats than are free: each row alone saw a free one.
async fn seats(session: &Session, batch: &WriteBatch) -> Result<(), Error> {
    let mut wanted = std::collections::BTreeMap::new();
    for expect in &batch.expect {
        if let Expect::SeatFree { course } = expect {
            *wanted.entry(*course).or_insert(0_i64) += 1;
        }
    }
    for (course, wanted) in wanted {
        if let Some(context) = session.store().course(None, course, None).await?
            && let Some(capacity) = context.course.capacity
            && context.course.seats_taken + wanted > capacity
        {
            return Err(Refusal::CourseFull { capacity }.into());
        }
    }
    Ok(())
}

fn merge(into: &mut WriteBatch, one: WriteBatch) {
    for expect in one.expect {
        // A seat is taken by each; everything else is looked at once.
        if matches!(expect, Expect::SeatFree { .. }) || !into.expect.contains(&expect) {
            into.expect.push(expect);
        }
    }
    into.changes.extend(one.changes);
    into.events.extend(one.events);
    for course in one.exclusive {
        if !into.exclusive.contains(&course) {
            into.exclusive.push(course);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// rules: E7
    #[test]
    fn a_list_has_an_end() {
        assert!(few_enough(MANY_ROWS).is_ok());
        assert_eq!(few_enough(MANY_ROWS + 1).unwrap_err().code(), "invalid");
    }

    /// A row of a repeated call is the same wherever it stands.
    /// rules: E7
    #[test]
    fn e7_a_rows_command_follows_from_its_key() {
        let (command, one, two) = (Uuid::from_u128(7 << 80), Uuid::from_u128(1), Uuid::from_u128(2));
        assert_eq!(row_id(command, one), row_id(command, one));
        assert_ne!(row_id(command, one), row_id(command, two));
        assert_ne!(row_id(command, two), row_id(Uuid::from_u128(8 << 80), two));
    }
}
