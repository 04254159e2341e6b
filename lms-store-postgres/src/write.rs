//! A batch as one call of the write door's function.

pub(crate) mod learner;
pub(crate) mod learners;

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use lms_core::model::BudgetScope;
use lms_core::model::table::Value;
use lms_core::store::{Change, Committed, Expect, Item, Key, Row, StoreError, StoreErrorKind, Table, WriteBatch};
use sqlx::postgres::PgArguments;
use sqlx::{Arguments as _, AssertSqlSafe, PgConnection, Row as _};
use uuid::Uuid;

use crate::literal::{Rows, plain};
use crate::sql::{Names, schema_of};

/// How many rows of a table one statement takes.
const GROUP: usize = 10_000;

/// A batch made ready to send.
pub(crate) struct Call {
    sql: Arc<str>,
    params: Vec<String>,
    host: bool,
}

/// What the function said.
pub(crate) enum Answer {
    /// Its word: empty where all is applied.
    Said(String),
    /// The transaction's isolation level gives no fresh snapshots.
    Isolation,
}

struct Builder<'a> {
    names: &'a Names,
    rows: BTreeMap<Table, Rows>,
    ops: Rows,
    /// The operation that neighbours may join: its word, table, first and last row, and the ids in it.
    open: Option<(&'static str, Table, usize, usize, HashSet<Uuid>)>,
}

impl Call {
    /// A batch as parameters. `host` allows a transaction of another isolation level.
    pub(crate) fn of(batch: &WriteBatch, names: &Names, host: bool) -> Result<Self, StoreError> {
        batch.check()?;
        if !host && let Some((sql, params)) = learner::call(batch, names) {
            return Ok(Self { sql, params, host });
        }
        let made: HashSet<Uuid> = batch
            .changes
            .iter()
            .filter_map(|c| match c {
                Change::Insert(Row::Course(course)) => Some(course.id.uuid()),
                _ => None,
            })
            .collect();
        let versionless = |e: &Expect| matches!(e, Expect::Row { table, .. } if table.column("version").is_none());
        if batch.expect.iter().any(versionless) {
            return Err(not_supported());
        }
        let locks = locks(batch, &made);
        let bump: Vec<Uuid> = batch.exclusive.iter().map(|c| c.uuid()).filter(|c| !made.contains(c)).collect();
        let mut builder = Builder { names, rows: BTreeMap::new(), ops: Rows::default(), open: None };
        for change in &batch.changes {
            builder.change(change)?;
        }
        builder.close();

        let mut sql = String::from(
            "SELECT {priv}.write_v1($1::int[], $2::boolean[], $3::uuid[], \
             $4::{priv}.expect_v1[], $5::{priv}.op_v1[], $6::boolean",
        );
        let mut params = vec![
            plain(locks.keys()),
            plain(locks.values().map(|x| if *x { 't' } else { 'f' })),
            plain(bump),
            expectations(batch),
            builder.ops.finish_or_empty(),
            if host { "t".to_owned() } else { "f".to_owned() },
        ];
        if let Some(events) = events_of(batch) {
            params.push(events);
            sql.push_str(&format!(", p_events => ${}::{{priv}}.events_v1[]", params.len()));
        }
        for (table, rows) in builder.rows {
            params.push(rows.finish_or_empty());
            sql.push_str(&format!(", p_{0} => ${1}::{{priv}}.{0}_v1[]", table.name(), params.len()));
        }
        sql.push(')');
        Ok(Self { sql: names.expand(&sql), params, host })
    }

    /// Sends it.
    pub(crate) async fn send(&self, conn: &mut PgConnection, persistent: bool) -> Result<Answer, sqlx::Error> {
        let mut arguments = PgArguments::default();
        for param in &self.params {
            arguments.add(param.as_str()).map_err(sqlx::Error::Encode)?;
        }
        let row =
            sqlx::query_with(AssertSqlSafe(self.sql.clone()), arguments).persistent(persistent).fetch_one(conn).await?;
        let answer: String = row.try_get(0)?;
        Ok(if answer == "isolation" { Answer::Isolation } else { Answer::Said(answer) })
    }

    /// Whether it runs in a host's transaction.
    pub(crate) const fn is_hosts(&self) -> bool {
        self.host
    }
}

/// The error in a word of the function's, if it is one: an expectation that did not hold.
pub(crate) fn refused(answer: &str) -> Result<(), StoreError> {
    answer.strip_prefix("conflict:").map_or(Ok(()), |n| Err(stale(n.parse().ok())))
}

/// The error of an expectation that did not hold.
pub(crate) fn stale(expect: Option<usize>) -> StoreError {
    StoreError::new(StoreErrorKind::Conflict { expect })
}

/// What a store without positions says of a batch that it has written.
pub(crate) fn committed(batch: &WriteBatch) -> Committed {
    Committed { events: batch.events.iter().map(|e| (e.id, None)).collect() }
}

/// The events as an array of rows, if there are any.
fn events_of(batch: &WriteBatch) -> Option<String> {
    let mut events = Rows::default();
    for event in &batch.events {
        events.push(&lms_core::model::table::Record::values(event));
    }
    events.finish()
}

/// The locks of the courses that the batch touches, ascending by key; true = exclusive.
fn locks(batch: &WriteBatch, made: &HashSet<Uuid>) -> BTreeMap<i32, bool> {
    let mut locks = BTreeMap::new();
    let mut shared = |course: Uuid| {
        if !made.contains(&course) {
            locks.entry(lock_key(course)).or_insert(false);
        }
    };
    for expect in &batch.expect {
        match expect {
            Expect::Structure { course, .. } | Expect::SeatFree { course } => shared(course.uuid()),
            _ => {}
        }
    }
    for change in &batch.changes {
        match change {
            Change::Insert(row) | Change::Put(row) | Change::Upsert(row) => {
                if let Some(course) = course_of(row) {
                    shared(course);
                }
            }
            Change::Recount { course, .. } | Change::FreeSeat { course } | Change::RecountSeats { course } => {
                shared(course.uuid());
            }
            _ => {}
        }
    }
    for course in &batch.exclusive {
        if !made.contains(&course.uuid()) {
            locks.insert(lock_key(course.uuid()), true);
        }
    }
    locks
}

/// The course that a row hangs under, where the row says so. The record of AI calls and the grade
/// history outlive it and take no lock.
fn course_of(row: &Row) -> Option<Uuid> {
    let table = row.table();
    if matches!(table, Table::AiLog | Table::GradeEntry) {
        return None;
    }
    let column = if table == Table::Course { "id" } else { "course_id" };
    let index = table.columns().iter().position(|c| c.name == column)?;
    match row.values().into_iter().nth(index) {
        Some(Value::Uuid(course)) => Some(course),
        _ => None,
    }
}

/// A course's lock: its last four bytes, which are random in every version that hosts use. Two courses
/// of one key only wait for one another.
fn lock_key(course: Uuid) -> i32 {
    let [.., a, b, c, d] = *course.as_bytes();
    i32::from_be_bytes([a, b, c, d])
}

fn text(text: &str) -> Value<'_> {
    Value::Text(text.into())
}

/// Where an expectation stands: structures first; then enrollments by id, whose rows are locked in that order;
/// those that take a seat or money last, because a failed one must have written nothing.
fn turn(expect: &Expect) -> (u8, Uuid) {
    match expect {
        Expect::Structure { .. } => (0, Uuid::nil()),
        Expect::Enrollment { id, .. } => (1, id.uuid()),
        Expect::Budget { .. } => (3, Uuid::nil()),
        Expect::SeatFree { .. } => (4, Uuid::nil()),
        _ => (2, Uuid::nil()),
    }
}

/// The expectations in the order of their turns.
fn expectations(batch: &WriteBatch) -> String {
    let mut rows = Rows::default();
    let mut expect: Vec<_> = batch.expect.iter().enumerate().collect();
    expect.sort_by_key(|(_, expect)| turn(expect));
    for (n, expect) in expect {
        let n = Value::Int(i64::try_from(n).unwrap_or(i64::MAX));
        let null = Value::Null;
        // n, kind, tab, id, version, word, other, counts, hold
        let row = match expect {
            Expect::Structure { course, version } => [
                n,
                text("structure"),
                null.clone(),
                Value::Uuid(course.uuid()),
                Value::Int(*version),
                null.clone(),
                null.clone(),
                null,
                Value::Bool(false),
            ],
            Expect::Enrollment { id, version } => [
                n,
                text("enrollment"),
                null.clone(),
                Value::Uuid(id.uuid()),
                Value::Int(*version),
                null.clone(),
                null.clone(),
                null,
                Value::Bool(true),
            ],
            Expect::Row { table, id, version } => {
                let hold = batch.changes.iter().any(|c| writes(c, *table, *id));
                [
                    n,
                    text("row"),
                    text(table.name()),
                    Value::Uuid(*id),
                    Value::Int(*version),
                    null.clone(),
                    null.clone(),
                    null,
                    Value::Bool(hold),
                ]
            }
            Expect::Attempt { id, state, version } => [
                n,
                text("attempt"),
                null.clone(),
                Value::Uuid(id.uuid()),
                Value::Int(*version),
                text(state.as_str()),
                null.clone(),
                null,
                Value::Bool(true),
            ],
            Expect::Log { id, status } => [
                n,
                text("log"),
                null.clone(),
                Value::Uuid(id.uuid()),
                null.clone(),
                text(status.as_str()),
                null.clone(),
                null,
                Value::Bool(true),
            ],
            Expect::SeatFree { course } => [
                n,
                text("seat"),
                null.clone(),
                Value::Uuid(course.uuid()),
                null.clone(),
                null.clone(),
                null.clone(),
                null,
                Value::Bool(true),
            ],
            Expect::JobAt { job, cursor } => {
                let cursor = cursor.map_or(Value::Null, |c| Value::Uuid(c.uuid()));
                [
                    n,
                    text("job"),
                    null.clone(),
                    Value::Uuid(job.uuid()),
                    null.clone(),
                    null.clone(),
                    cursor,
                    null,
                    Value::Bool(true),
                ]
            }
            Expect::Lease { name, token } => [
                n,
                text("lease"),
                null.clone(),
                null.clone(),
                null.clone(),
                text(name),
                Value::Uuid(*token),
                null,
                Value::Bool(true),
            ],
            Expect::Budget { scopes, day, amount } => [
                n,
                text("budget"),
                text(day),
                null.clone(),
                Value::Int(*amount),
                Value::Text(scope_list(scopes).into()),
                null.clone(),
                null,
                Value::Bool(true),
            ],
            Expect::NotEnrolled { course, student } => [
                n,
                text("not_enrolled"),
                null.clone(),
                Value::Uuid(course.uuid()),
                null.clone(),
                null.clone(),
                Value::Uuid(student.uuid()),
                null,
                Value::Bool(false),
            ],
            Expect::GradesWithin { assignment, max } => [
                n,
                text("grades"),
                null.clone(),
                Value::Uuid(assignment.uuid()),
                Value::Int(max.units()),
                null.clone(),
                null.clone(),
                null,
                Value::Bool(false),
            ],
            Expect::WorkAtMost { item, counts } => {
                let (kind, id) = item_parts(*item);
                let c = counts;
                let most = plain([
                    c.topics,
                    c.quizzes,
                    c.questions,
                    c.assignments,
                    c.lessons,
                    c.enrollments,
                    c.progress,
                    c.attempts,
                    c.submissions,
                    c.certificates,
                ]);
                [
                    n,
                    text("work"),
                    null.clone(),
                    Value::Uuid(id),
                    null.clone(),
                    text(kind),
                    null,
                    Value::Text(most.into()),
                    Value::Bool(true),
                ]
            }
        };
        rows.push(&row);
    }
    rows.finish_or_empty()
}

/// Scopes as one text, in the order in which every batch locks them.
fn scope_list(scopes: &[BudgetScope]) -> String {
    let mut keys: Vec<String> = scopes.iter().map(BudgetScope::key).collect();
    keys.sort_unstable();
    keys.join(",")
}

/// The word and the id of an item.
pub(crate) const fn item_parts(item: Item) -> (&'static str, Uuid) {
    match item {
        Item::Course(id) => ("course", id.uuid()),
        Item::Lesson(id) => ("lesson", id.uuid()),
        Item::Quiz(id) => ("quiz", id.uuid()),
        Item::Assignment(id) => ("assignment", id.uuid()),
    }
}

/// Whether a change writes this row: its version is then held until the commit.
fn writes(change: &Change, table: Table, id: Uuid) -> bool {
    match change {
        Change::Put(row) => row.table() == table && row_id(row) == Some(id),
        Change::Delete(Key::Id(of, which)) => *of == table && *which == id,
        _ => false,
    }
}

fn row_id(row: &Row) -> Option<Uuid> {
    let index = row.table().columns().iter().position(|c| c.name == "id")?;
    match row.values().into_iter().nth(index) {
        Some(Value::Uuid(id)) => Some(id),
        _ => None,
    }
}

/// The fields of an operation that rows do not carry.
#[derive(Default)]
struct Fields<'a> {
    id: Option<Uuid>,
    other: Option<Uuid>,
    word: Option<&'a str>,
    word2: Option<&'a str>,
    n: Option<i64>,
    at: Option<lms_core::model::Timestamp>,
    flag: bool,
    ids: Option<&'a [Uuid]>,
    doc: Option<&'a str>,
}

impl Builder<'_> {
    fn change(&mut self, change: &Change) -> Result<(), StoreError> {
        match change {
            Change::Insert(row) => self.row("insert", row),
            Change::Put(row) if row.table().is_link() => return Err(not_supported()),
            Change::Put(row) => self.row("put", row),
            // A link has nothing but its key.
            Change::Upsert(row) if row.table().is_link() => self.row("ensure", row),
            Change::Upsert(row) => self.row("upsert", row),
            Change::Ensure(row) => self.row("ensure", row),
            Change::Delete(Key::Link(row)) if row.table().is_link() => self.row("unlink", row),
            Change::Delete(Key::Link(_)) => return Err(not_supported()),
            Change::Delete(Key::Id(table, _)) if table.is_link() => return Err(not_supported()),
            Change::Delete(Key::Id(table, id)) => {
                let name = self.qualified(*table);
                self.op("delete", &Fields { word: Some(&name), ids: Some(&[*id]), ..Fields::default() });
            }
            Change::Order { siblings, ids } => {
                let (table, column, parent) = siblings.parts();
                let name = self.qualified(table);
                let fields = Fields {
                    id: Some(parent),
                    word: Some(&name),
                    word2: Some(column),
                    ids: Some(ids),
                    ..Fields::default()
                };
                self.op("order", &fields);
            }
            Change::Recount { course, learners } => {
                self.op("recount", &Fields { id: Some(course.uuid()), flag: *learners, ..Fields::default() });
            }
            Change::FreeSeat { course } => {
                self.op("free_seat", &Fields { id: Some(course.uuid()), ..Fields::default() });
            }
            Change::RecountSeats { course } => {
                self.op("recount_seats", &Fields { id: Some(course.uuid()), ..Fields::default() });
            }
            Change::SaveAnswers { attempt, answers, version, at } => {
                let fields = Fields {
                    id: Some(attempt.uuid()),
                    n: Some(*version),
                    at: Some(*at),
                    doc: Some(answers.as_str()),
                    ..Fields::default()
                };
                self.op("save_answers", &fields);
            }
            Change::FlipLog { id, from, to, at } => {
                let fields = Fields {
                    id: Some(id.uuid()),
                    word: Some(from.as_str()),
                    word2: Some(to.as_str()),
                    at: Some(*at),
                    ..Fields::default()
                };
                self.op("flip_log", &fields);
            }
            Change::AdvanceJob { job, cursor, done_at } => {
                let fields =
                    Fields { id: Some(job.uuid()), other: cursor.map(|c| c.uuid()), at: *done_at, ..Fields::default() };
                self.op("advance_job", &fields);
            }
            Change::SettleBudget { scopes, day, reserved, spent } => {
                let (scopes, spent) = (scope_list(scopes), spent.to_string());
                let fields = Fields {
                    word: Some(&scopes),
                    word2: Some(day),
                    n: Some(*reserved),
                    doc: Some(&spent),
                    ..Fields::default()
                };
                self.op("settle_budget", &fields);
            }
            Change::SetBudget { scope, limit } => {
                let scope = scope.key();
                self.op("set_budget", &Fields { word: Some(&scope), n: *limit, ..Fields::default() });
            }
            Change::BlankLogs { ids } => {
                let ids: Vec<Uuid> = ids.iter().map(|id| id.uuid()).collect();
                self.op("blank_logs", &Fields { ids: Some(&ids), ..Fields::default() });
            }
            Change::EraseText { user, at } => {
                self.op("erase_text", &Fields { id: Some(user.uuid()), at: Some(*at), ..Fields::default() });
            }
            Change::AdvanceConsumer { name, position } => {
                self.op("advance_consumer", &Fields { word: Some(name), n: Some(*position), ..Fields::default() });
            }
        }
        Ok(())
    }

    /// A table's full name.
    fn qualified(&self, table: Table) -> Arc<str> {
        self.names.expand(&format!("{}.{}", schema_of(table.name()), table.name()))
    }

    /// A row joins its neighbours of the same kind and table, unless its id is among them already.
    fn row(&mut self, op: &'static str, row: &Row) {
        let table = row.table();
        let id = row_id(row);
        let joins = self.open.as_ref().is_some_and(|(o, t, lo, hi, ids)| {
            *o == op && *t == table && hi - lo + 1 < GROUP && id.is_none_or(|id| !ids.contains(&id))
        });
        if !joins {
            self.close();
        }
        let rows = self.rows.entry(table).or_default();
        rows.push(&row.values());
        let place = rows.len();
        let open = self.open.get_or_insert_with(|| (op, table, place, place, HashSet::new()));
        open.3 = place;
        open.4.extend(id);
    }

    fn close(&mut self) {
        if let Some((op, table, lo, hi, _)) = self.open.take() {
            self.push(op, Some(table.name()), Some((lo, hi)), &Fields::default());
        }
    }

    fn op(&mut self, op: &'static str, fields: &Fields<'_>) {
        self.close();
        self.push(op, None, None, fields);
    }

    fn push(&mut self, op: &'static str, table: Option<&'static str>, slice: Option<(usize, usize)>, f: &Fields<'_>) {
        let int = |n: usize| Value::Int(i64::try_from(n).unwrap_or(i64::MAX));
        let ids = f.ids.map(|ids| plain(ids.iter()));
        // op, tab, lo, hi, id, other, word, word2, n, at, flag, ids, doc
        self.ops.push(&[
            text(op),
            table.map_or(Value::Null, text),
            slice.map_or(Value::Null, |(lo, _)| int(lo)),
            slice.map_or(Value::Null, |(_, hi)| int(hi)),
            f.id.map_or(Value::Null, Value::Uuid),
            f.other.map_or(Value::Null, Value::Uuid),
            f.word.map_or(Value::Null, text),
            f.word2.map_or(Value::Null, text),
            f.n.map_or(Value::Null, Value::Int),
            f.at.map_or(Value::Null, Value::Time),
            Value::Bool(f.flag),
            ids.map_or(Value::Null, |ids| Value::Text(ids.into())),
            f.doc.map_or(Value::Null, text),
        ]);
    }
}

fn not_supported() -> StoreError {
    StoreError::new(StoreErrorKind::NotSupported)
}
