//! Rows by description: one select, one insert, one update, one upsert for every table.

use std::borrow::Cow;
use std::sync::OnceLock;

use lms_core::model::table::{Column, Kind, Record, Value};
use lms_core::model::{Points, Timestamp};
use lms_core::store::{Row, Table};
use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{CachedStatement, Connection, Params, ToSql};
use uuid::Uuid;

use crate::error::{Fault, Result};

/// A parameter, borrowed from the row.
pub(crate) struct Bound<'a>(pub(crate) Value<'a>);

impl ToSql for Bound<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(bound(&self.0))
    }
}

fn bound<'a>(value: &'a Value<'_>) -> ToSqlOutput<'a> {
    ToSqlOutput::Borrowed(match value {
        Value::Null => ValueRef::Null,
        Value::Uuid(uuid) => ValueRef::Blob(uuid.as_bytes()),
        Value::Text(text) | Value::Json(text) => ValueRef::Text(text.as_bytes()),
        Value::Int(n) => ValueRef::Integer(*n),
        Value::Bool(b) => ValueRef::Integer(i64::from(*b)),
        Value::Time(at) => ValueRef::Integer(at.as_micros()),
        Value::Points(points) => ValueRef::Integer(points.units()),
    })
}

/// The parameter of anything that names by UUID.
pub(crate) fn id(uuid: impl Into<Uuid>) -> Bound<'static> {
    Bound(Value::Uuid(uuid.into()))
}

/// The same, or NULL.
pub(crate) fn id_or_null<T: Into<Uuid>>(uuid: Option<T>) -> Bound<'static> {
    Bound(uuid.map_or(Value::Null, |uuid| Value::Uuid(uuid.into())))
}

/// The parameter of an instant.
pub(crate) fn time(at: Timestamp) -> Bound<'static> {
    Bound(Value::Time(at))
}

/// The same, or NULL.
pub(crate) fn time_or_null(at: Option<Timestamp>) -> Bound<'static> {
    Bound(at.map_or(Value::Null, Value::Time))
}

/// The parameter of a word.
pub(crate) fn text(text: &str) -> Bound<'_> {
    Bound(Value::Text(Cow::Borrowed(text)))
}

/// The value of a column; `None` when it is not one of the column's kind.
fn value(column: &Column, stored: ValueRef<'_>) -> Option<Value<'static>> {
    let owned = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).ok().map(Cow::Owned);
    Some(match (column.kind, stored) {
        (_, ValueRef::Null) if column.nullable => Value::Null,
        (Kind::Uuid, ValueRef::Blob(bytes)) => Value::Uuid(Uuid::from_slice(bytes).ok()?),
        (Kind::Text, ValueRef::Text(bytes)) => Value::Text(owned(bytes)?),
        (Kind::Json, ValueRef::Text(bytes)) => Value::Json(owned(bytes)?),
        (Kind::Int, ValueRef::Integer(n)) => Value::Int(n),
        (Kind::Bool, ValueRef::Integer(n @ 0..=1)) => Value::Bool(n == 1),
        (Kind::Time, ValueRef::Integer(n)) => Value::Time(Timestamp::from_micros(n)?),
        (Kind::Points, ValueRef::Integer(n)) => Value::Points(Points::from_units(n)),
        _ => return None,
    })
}

/// The record that stands in a row from column `offset` on.
pub(crate) fn record_at<R: Record>(row: &rusqlite::Row<'_>, offset: usize) -> Result<R> {
    let mut values =
        R::COLUMNS.iter().enumerate().map_while(|(index, column)| value(column, row.get_ref(offset + index).ok()?));
    R::from_values(&mut values).map_err(|column| {
        let own = R::COLUMNS.iter().position(|c| c.name == "id").and_then(|at| row.get_ref(offset + at).ok());
        let id = own.and_then(|id| Uuid::from_slice(id.as_blob().ok()?).ok());
        Fault::corrupt(R::TABLE, column, id)
    })
}

/// The columns of a record as a select list over the alias `t`.
pub(crate) fn columns<R: Record>() -> String {
    let mut list = String::with_capacity(R::COLUMNS.len() * 20);
    for column in R::COLUMNS {
        if !list.is_empty() {
            list.push_str(", ");
        }
        list.push_str("t.");
        list.push_str(column.name);
    }
    list
}

/// The rows of a record's table, which stands as `t`; `tail` is all that follows FROM.
pub(crate) fn select<R: Record>(conn: &Connection, tail: &str, params: impl Params) -> Result<Vec<R>> {
    of_query(conn, &format!("SELECT {} FROM {} AS t {tail}", columns::<R>(), R::TABLE), params)
}

/// The rows of a query that names a record's columns in their order.
pub(crate) fn of_query<R: Record>(conn: &Connection, sql: &str, params: impl Params) -> Result<Vec<R>> {
    let mut statement = conn.prepare_cached(sql)?;
    let mut rows = statement.query(params)?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        found.push(record_at(row, 0)?);
    }
    Ok(found)
}

/// The first of [`select`].
pub(crate) fn first<R: Record>(conn: &Connection, tail: &str, params: impl Params) -> Result<Option<R>> {
    let sql = format!("SELECT {} FROM {} AS t {tail}", columns::<R>(), R::TABLE);
    let mut statement = conn.prepare_cached(&sql)?;
    let mut rows = statement.query(params)?;
    rows.next()?.map(|row| record_at(row, 0)).transpose()
}

/// The row with this id.
pub(crate) fn by_id<R: Record>(conn: &Connection, key: impl Into<Uuid>) -> Result<Option<R>> {
    first(conn, "WHERE t.id = ?1", [id(key)])
}

/// One number.
pub(crate) fn count(conn: &Connection, sql: &str, params: impl Params) -> Result<i64> {
    Ok(conn.prepare_cached(sql)?.query_row(params, |row| row.get(0))?)
}

/// One number, where there is a row.
pub(crate) fn number(conn: &Connection, sql: &str, params: impl Params) -> Result<Option<i64>> {
    let mut statement = conn.prepare_cached(sql)?;
    let mut rows = statement.query(params)?;
    Ok(rows.next()?.map(|row| row.get(0)).transpose()?)
}

/// One column of ids, of `table`.
pub(crate) fn uuids(conn: &Connection, table: &'static str, sql: &str, params: impl Params) -> Result<Vec<Uuid>> {
    let mut statement = conn.prepare_cached(sql)?;
    let mut rows = statement.query(params)?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        found.push(uuid_at(row, 0, (table, "id"))?);
    }
    Ok(found)
}

/// The id in a column of the result, which comes from that column of that table.
pub(crate) fn uuid_at(
    row: &rusqlite::Row<'_>,
    index: usize,
    (table, column): (&'static str, &'static str),
) -> Result<Uuid> {
    let bytes = row.get_ref(index)?.as_blob().ok();
    bytes.and_then(|bytes| Uuid::from_slice(bytes).ok()).ok_or_else(|| Fault::corrupt(table, column, None))
}

/// Runs a statement; how many rows it touched.
pub(crate) fn execute(conn: &Connection, sql: &str, params: impl Params) -> Result<usize> {
    Ok(conn.prepare_cached(sql)?.execute(params)?)
}

/// A statement of a table and which values of the row it takes, in order.
struct Statement {
    sql: String,
    takes: Vec<usize>,
}

struct Statements {
    insert: Statement,
    put: Option<Statement>,
    upsert: Statement,
    ensure: Statement,
    unlink: Statement,
}

/// The statements of a table, made once.
fn statements(table: Table) -> Option<&'static Statements> {
    static ALL: OnceLock<Vec<Statements>> = OnceLock::new();
    ALL.get_or_init(|| Table::ALL.iter().map(|table| Statements::of(*table)).collect()).get(table as usize)
}

impl Statements {
    fn of(table: Table) -> Self {
        let (name, columns, key) = (table.name(), table.columns(), table.natural_key());
        let all: Vec<usize> = (0..columns.len()).collect();
        let names = columns.iter().map(|c| c.name).collect::<Vec<_>>().join(", ");
        let marks = vec!["?"; columns.len()].join(", ");
        let insert = format!("INSERT INTO {name} ({names}) VALUES ({marks})");

        let settable = || columns.iter().enumerate().filter(|(_, c)| table.is_mutable(c.name));
        let sets = settable().map(|(_, c)| format!("{} = ?", c.name)).collect::<Vec<_>>().join(", ");
        let id_index = columns.iter().position(|c| c.name == "id");
        let put = id_index.map(|id_index| Statement {
            sql: format!("UPDATE {name} SET {sets} WHERE id = ?"),
            takes: settable().map(|(index, _)| index).chain([id_index]).collect(),
        });

        let replaced = settable()
            .filter(|(_, c)| !key.contains(&c.name) && !c.name.starts_with("first_"))
            .map(|(_, c)| format!("{0} = excluded.{0}", c.name))
            .collect::<Vec<_>>()
            .join(", ");
        let key_list = key.join(", ");
        let resolve = if replaced.is_empty() { "NOTHING".to_owned() } else { format!("UPDATE SET {replaced}") };
        let upsert = format!("{insert} ON CONFLICT ({key_list}) DO {resolve}");
        let ensure = format!("{insert} ON CONFLICT ({key_list}) DO NOTHING");
        let wheres = key.iter().map(|c| format!("{c} = ?")).collect::<Vec<_>>().join(" AND ");
        let unlink = Statement {
            sql: format!("DELETE FROM {name} WHERE {wheres}"),
            takes: key.iter().filter_map(|k| columns.iter().position(|c| c.name == *k)).collect(),
        };
        Self {
            insert: Statement { sql: insert, takes: all.clone() },
            put,
            upsert: Statement { sql: upsert, takes: all.clone() },
            ensure: Statement { sql: ensure, takes: all },
            unlink,
        }
    }
}

fn run(conn: &Connection, statement: &Statement, row: &Row) -> Result<usize> {
    step(&mut conn.prepare_cached(&statement.sql)?, statement, row)
}

fn step(prepared: &mut CachedStatement<'_>, statement: &Statement, row: &Row) -> Result<usize> {
    let values = row.values();
    for (place, index) in statement.takes.iter().enumerate() {
        prepared
            .raw_bind_parameter(place + 1, values.get(*index).map_or(ToSqlOutput::Borrowed(ValueRef::Null), bound))?;
    }
    Ok(prepared.raw_execute()?)
}

fn of(table: Table) -> Result<&'static Statements> {
    statements(table).ok_or_else(|| crate::error::backend("a table without statements").into())
}

/// New rows of one table.
pub(crate) fn insert<'a>(conn: &Connection, table: Table, rows: impl Iterator<Item = &'a Row>) -> Result<()> {
    let statement = &of(table)?.insert;
    let mut prepared = conn.prepare_cached(&statement.sql)?;
    for row in rows {
        step(&mut prepared, statement, row)?;
    }
    Ok(())
}

/// Every mutable column of the row with this id; a Conflict when there is none.
pub(crate) fn put(conn: &Connection, row: &Row) -> Result<()> {
    let Some(statement) = &of(row.table())?.put else {
        return Err(lms_core::store::StoreErrorKind::NotSupported.into());
    };
    touched(run(conn, statement, row)?)
}

/// A new row, or every mutable column of the one with the same natural key.
pub(crate) fn upsert(conn: &Connection, row: &Row) -> Result<()> {
    run(conn, &of(row.table())?.upsert, row).map(drop)
}

/// A new row, unless one with its key exists.
pub(crate) fn ensure(conn: &Connection, row: &Row) -> Result<()> {
    run(conn, &of(row.table())?.ensure, row).map(drop)
}

/// Removes a link; a Conflict when there is none.
pub(crate) fn unlink(conn: &Connection, row: &Row) -> Result<()> {
    touched(run(conn, &of(row.table())?.unlink, row)?)
}

/// A Conflict, unless a row was touched.
pub(crate) fn touched(rows: usize) -> Result<()> {
    if rows == 0 { Err(Fault::conflict()) } else { Ok(()) }
}

/// An event; its position.
pub(crate) fn insert_event(conn: &Connection, event: &lms_core::model::NewEvent) -> Result<i64> {
    static SQL: OnceLock<String> = OnceLock::new();
    let sql = SQL.get_or_init(|| {
        let columns = lms_core::model::NewEvent::COLUMNS;
        let names = columns.iter().map(|c| c.name).collect::<Vec<_>>().join(", ");
        format!("INSERT INTO activity_events ({names}) VALUES ({})", vec!["?"; columns.len()].join(", "))
    });
    let values = event.values();
    let bound = values.into_iter().map(Bound);
    conn.prepare_cached(sql)?.execute(rusqlite::params_from_iter(bound))?;
    Ok(conn.last_insert_rowid())
}
