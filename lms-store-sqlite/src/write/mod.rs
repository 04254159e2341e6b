//! A batch applied: expectations, changes, events, in that order.

mod change;
mod erase;
mod expect;
mod recount;

use lms_core::store::{Change, Committed, Row, StoreErrorKind, Table, WriteBatch};
use rusqlite::Connection;

use crate::error::{Fault, Result};
use crate::rows::{self, execute, id, insert_event};

/// Applies a batch inside the transaction that is open. After an error the caller rolls back to
/// where it stood before.
pub(crate) fn apply(conn: &Connection, batch: &WriteBatch) -> Result<Committed> {
    for (index, expect) in batch.expect.iter().enumerate() {
        if !expect::holds(conn, expect)? {
            return Err(StoreErrorKind::Conflict { expect: Some(index) }.into());
        }
    }
    for course in &batch.exclusive {
        let made_here =
            || batch.changes.iter().any(|c| matches!(c, Change::Insert(Row::Course(row)) if row.id == *course));
        let bumped =
            execute(conn, "UPDATE courses SET structure_version = structure_version + 1 WHERE id = ?1", [id(*course)])?;
        if bumped == 0 && !made_here() {
            return Err(Fault::conflict());
        }
    }
    for run in batch.changes.chunk_by(|one, next| inserts(one).is_some() && inserts(one) == inserts(next)) {
        match run {
            [Change::Insert(first), _, ..] => {
                let rows = run.iter().filter_map(|c| if let Change::Insert(row) = c { Some(row) } else { None });
                rows::insert(conn, first.table(), rows)?;
            }
            _ => run.iter().try_for_each(|change| change::apply(conn, change))?,
        }
    }
    let mut events = Vec::with_capacity(batch.events.len());
    for event in &batch.events {
        events.push((event.id, Some(insert_event(conn, event)?)));
    }
    Ok(Committed { events })
}

/// The table of a new row.
fn inserts(change: &Change) -> Option<Table> {
    if let Change::Insert(row) = change { Some(row.table()) } else { None }
}
