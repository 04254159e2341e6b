//! Rows by key, with their uniqueness and references, and a way back.

use std::collections::hash_map::RandomState;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::hash::{BuildHasher as _, Hasher as _};

use lms_core::model::table::{Record, Value};
use lms_core::model::{Event, EventId, Timestamp};
use lms_core::store::{ConsumerState, OnDelete, Only, Reference, Row, Siblings, StoreErrorKind, Stored, Table, Unique};
use uuid::Uuid;

use super::budgets::Budgets;

/// What a change fails with.
pub(super) type Changed = Result<(), StoreErrorKind>;

/// Nothing that was looked for is there in the state that it must be in.
pub(super) const CONFLICT: StoreErrorKind = StoreErrorKind::Conflict { expect: None };

/// A row's key: its id, or both ids of a link.
pub(super) type Key = (Uuid, Uuid);

/// How a change is taken back.
enum Undo {
    Row(Table, Key, Box<Option<Row>>),
    Consumer(String, Option<ConsumerState>),
    Budgets(Budgets),
    Told(EventId),
    Event(usize, Event),
}

/// All that the store holds.
pub(super) struct Tables {
    rows: BTreeMap<Table, BTreeMap<Key, Row>>,
    /// Which row has the values of a table's n-th uniqueness.
    taken: HashMap<(Table, usize, String), Key>,
    events: Vec<Event>,
    /// The position of each event.
    told: HashMap<EventId, i64>,
    /// The last position.
    head: i64,
    /// The latest instant of the events that are no longer kept.
    gone_until: Option<Timestamp>,
    consumers: BTreeMap<String, ConsumerState>,
    budgets: Budgets,
    epoch: Uuid,
    undo: Vec<Undo>,
}

impl Default for Tables {
    fn default() -> Self {
        let random = || RandomState::new().build_hasher().finish();
        Self {
            rows: BTreeMap::new(),
            taken: HashMap::new(),
            events: Vec::new(),
            told: HashMap::new(),
            head: 0,
            gone_until: None,
            consumers: BTreeMap::new(),
            budgets: Budgets::default(),
            epoch: Uuid::from_u64_pair(random(), random()),
            undo: Vec::new(),
        }
    }
}

/// The value of a column; NULL where the table has none of that name.
pub(super) fn value<'a>(row: &'a Row, column: &str) -> Value<'a> {
    row.table().column(column).and_then(|n| row.values().into_iter().nth(n)).unwrap_or(Value::Null)
}

fn id(row: &Row, column: &str) -> Uuid {
    match value(row, column) {
        Value::Uuid(id) => id,
        _ => Uuid::nil(),
    }
}

pub(super) fn key(row: &Row) -> Key {
    match row.table().natural_key() {
        [one, other] if row.table().is_link() => (id(row, one), id(row, other)),
        _ => (id(row, "id"), Uuid::nil()),
    }
}

/// The row with other values where `other` has some.
pub(super) fn with<'a>(row: &Row, mut other: impl FnMut(&str) -> Option<Value<'a>>) -> Result<Row, StoreErrorKind> {
    let table = row.table();
    let mut values = table.columns().iter().zip(row.values()).map(|(c, old)| other(c.name).unwrap_or(old).into_owned());
    table.row(&mut values).map_err(|column| StoreErrorKind::Corrupt { table: table.name(), column, id: None })
}

/// A record made of some columns of a row: the head of an attempt from an attempt.
pub(super) fn head<R: Record>(row: impl Into<Row>) -> Option<R> {
    let row = row.into();
    let mut values = R::COLUMNS.iter().map(|column| value(&row, column.name).into_owned());
    R::from_values(&mut values).ok()
}

/// The values that no other row may have; `None` where the row is not among those that are compared.
fn signature(row: &Row, unique: &Unique) -> Option<String> {
    let compared = match unique.only {
        Only::All => true,
        Only::Word(column, words) => matches!(value(row, column), Value::Text(word) if words.contains(&&*word)),
        Only::NotNegative(column) => matches!(value(row, column), Value::Int(n) if n >= 0),
    };
    let values: Vec<_> = unique.columns.iter().map(|column| value(row, column)).collect();
    (compared && !values.contains(&Value::Null)).then(|| format!("{values:?}"))
}

impl Tables {
    // Looking

    pub(super) const fn epoch(&self) -> Uuid {
        self.epoch
    }
    pub(super) fn events(&self) -> &[Event] {
        &self.events
    }
    pub(super) fn event(&self, id: EventId) -> Option<&Event> {
        self.told.get(&id).and_then(|position| self.event_at(*position))
    }
    /// Positions are dense: the event at one stands as far behind the oldest.
    pub(super) fn event_at(&self, position: i64) -> Option<&Event> {
        usize::try_from(position - self.oldest()).ok().and_then(|n| self.events.get(n))
    }
    pub(super) fn oldest(&self) -> i64 {
        self.events.first().map_or(self.head + 1, |event| event.position)
    }
    pub(super) const fn head(&self) -> i64 {
        self.head
    }
    pub(super) const fn gone_until(&self) -> Option<Timestamp> {
        self.gone_until
    }
    pub(super) const fn consumers(&self) -> &BTreeMap<String, ConsumerState> {
        &self.consumers
    }

    pub(super) const fn budgets(&self) -> &Budgets {
        &self.budgets
    }

    fn table(&self, table: Table) -> impl Iterator<Item = (&Key, &Row)> {
        self.rows.get(&table).into_iter().flatten()
    }

    pub(super) fn row(&self, table: Table, key: Key) -> Option<&Row> {
        self.rows.get(&table)?.get(&key)
    }

    /// All records of a kind, by id.
    pub(super) fn all<R: Stored>(&self) -> impl Iterator<Item = &R> {
        self.table(R::IN).filter_map(|(_, row)| R::of(row))
    }

    /// Those that are wanted, by id.
    pub(super) fn many<R: Stored>(&self, wanted: impl Fn(&R) -> bool) -> Vec<R> {
        self.all().filter(|r| wanted(r)).cloned().collect()
    }

    /// Those that are wanted, by another order; by id where it leaves one open.
    pub(super) fn sorted<R: Stored, K: Ord>(&self, wanted: impl Fn(&R) -> bool, order: impl Fn(&R) -> K) -> Vec<R> {
        let mut found = self.many(wanted);
        found.sort_by_key(order);
        found
    }

    /// The first that is wanted.
    pub(super) fn one<R: Stored>(&self, wanted: impl Fn(&R) -> bool) -> Option<R> {
        self.all().find(|r| wanted(r)).cloned()
    }

    pub(super) fn get<R: Stored>(&self, id: impl Into<Uuid>) -> Option<&R> {
        R::of(self.row(R::IN, (id.into(), Uuid::nil()))?)
    }

    pub(super) fn count<R: Stored>(&self, wanted: impl Fn(&R) -> bool) -> i64 {
        i64::try_from(self.all().filter(|r| wanted(r)).count()).unwrap_or(i64::MAX)
    }

    // Changing

    /// Puts a row into its place, or takes the one there away; nothing is checked.
    fn place(&mut self, table: Table, key: Key, row: Option<Row>) -> Option<Row> {
        let rows = self.rows.entry(table).or_default();
        let old = rows.remove(&key);
        for (n, unique) in table.uniques().iter().enumerate() {
            if let Some(taken) = old.as_ref().and_then(|old| signature(old, unique)) {
                let taken = (table, n, taken);
                // While siblings change places, another may have taken it already.
                if self.taken.get(&taken) == Some(&key) {
                    self.taken.remove(&taken);
                }
            }
            if let Some(taken) = row.as_ref().and_then(|row| signature(row, unique)) {
                self.taken.insert((table, n, taken), key);
            }
        }
        if let Some(row) = row {
            rows.insert(key, row);
        }
        old
    }

    /// The same, remembering the way back.
    fn set(&mut self, table: Table, key: Key, row: Option<Row>) {
        let old = self.place(table, key, row);
        self.undo.push(Undo::Row(table, key, Box::new(old)));
    }

    /// What a row must meet before it stands: nobody has its keys, and what it refers to is there.
    fn fits(&self, row: &Row) -> Changed {
        for (n, unique) in row.table().uniques().iter().enumerate() {
            let other = signature(row, unique).and_then(|taken| self.taken.get(&(row.table(), n, taken)));
            if other.is_some_and(|other| *other != key(row)) {
                return Err(StoreErrorKind::Duplicate(unique.constraint));
            }
        }
        let leads = |reference: &Reference| {
            let values: Vec<_> = reference.columns.iter().map(|column| value(row, column)).collect();
            let [Value::Uuid(id), ..] = values.as_slice() else { return true };
            let target = self.row(reference.to, (*id, Uuid::nil()));
            target
                .is_some_and(|there| reference.target.iter().zip(&values).all(|(column, v)| value(there, column) == *v))
        };
        if row.table().references().iter().all(leads) { Ok(()) } else { Err(StoreErrorKind::MissingReference) }
    }

    pub(super) fn insert(&mut self, row: Row) -> Changed {
        if self.row(row.table(), key(&row)).is_some() {
            return Err(StoreErrorKind::Duplicate(lms_core::store::Constraint::Id));
        }
        self.fits(&row)?;
        self.set(row.table(), key(&row), Some(row));
        Ok(())
    }

    /// Another state of a row that is there.
    pub(super) fn replace(&mut self, row: Row) -> Changed {
        self.fits(&row)?;
        self.set(row.table(), key(&row), Some(row));
        Ok(())
    }

    /// Changes every record that is wanted; how many there were.
    pub(super) fn edit<R: Stored>(&mut self, wanted: impl Fn(&R) -> bool, change: impl Fn(&mut R)) -> usize {
        let found = self.many(wanted);
        let edited = found.len();
        for mut record in found {
            change(&mut record);
            let row: Row = record.into();
            self.set(R::IN, key(&row), Some(row));
        }
        edited
    }

    /// The row that an upsert goes to: the one with the same natural key.
    pub(super) fn same(&self, row: &Row) -> Option<Row> {
        let table = row.table();
        let natural = table.uniques().iter().enumerate().find(|(_, unique)| unique.columns == table.natural_key());
        let (n, unique) = natural?;
        let key = self.taken.get(&(table, n, signature(row, unique)?))?;
        self.row(table, *key).cloned()
    }

    /// Deletes a row with all that goes with it; whatever only points there forgets it, or keeps it.
    pub(super) fn delete(&mut self, table: Table, key: Key) -> Changed {
        self.row(table, key).ok_or(CONFLICT)?;
        let mut gone = BTreeSet::from([(table, key)]);
        let mut front = gone.clone();
        let (mut held, mut forget) = (Vec::new(), Vec::new());
        while !front.is_empty() {
            let mut next = BTreeSet::new();
            for from in Table::ALL {
                for reference in from.references().iter().filter(|r| front.iter().any(|(t, _)| *t == r.to)) {
                    let [column, ..] = reference.columns else { continue };
                    for (own, row) in self.table(*from) {
                        if !front.contains(&(reference.to, (id(row, column), Uuid::nil()))) {
                            continue;
                        }
                        match reference.on_delete {
                            OnDelete::Cascade => {
                                next.insert((*from, *own));
                            }
                            OnDelete::Restrict => held.push((*from, *own)),
                            OnDelete::SetNull => forget.push((*from, *own, *column)),
                        }
                    }
                }
            }
            front = next.difference(&gone).copied().collect();
            gone.extend(&front);
        }
        if held.iter().any(|row| !gone.contains(row)) {
            return Err(StoreErrorKind::MissingReference);
        }
        for (table, key, forgotten) in forget.into_iter().filter(|(t, k, _)| !gone.contains(&(*t, *k))) {
            if let Some(row) = self.row(table, key) {
                let row = with(row, |column| (column == forgotten).then_some(Value::Null))?;
                self.set(table, key, Some(row));
            }
        }
        for (table, key) in gone {
            self.set(table, key, None);
        }
        Ok(())
    }

    /// All siblings in another order.
    pub(super) fn order(&mut self, siblings: Siblings, ids: &[Uuid]) -> Changed {
        let (table, column, parent) = siblings.parts();
        let now: BTreeSet<Uuid> =
            self.table(table).filter(|(_, row)| id(row, column) == parent).map(|(key, _)| key.0).collect();
        if ids.len() != now.len() || ids.iter().collect::<BTreeSet<_>>() != now.iter().collect() {
            return Err(CONFLICT);
        }
        for (place, id) in (0..).zip(ids) {
            let row = self.row(table, (*id, Uuid::nil())).ok_or(CONFLICT)?;
            let row = with(row, |column| (column == "order_index").then_some(Value::Int(place)))?;
            self.set(table, key(&row), Some(row));
        }
        Ok(())
    }

    pub(super) fn tell(&mut self, event: lms_core::model::NewEvent) -> Result<i64, StoreErrorKind> {
        if self.told.contains_key(&event.id) {
            return Err(StoreErrorKind::Duplicate(lms_core::store::Constraint::Event));
        }
        self.head += 1;
        self.told.insert(event.id, self.head);
        self.undo.push(Undo::Told(event.id));
        self.events.push(Event { position: self.head, event });
        Ok(self.head)
    }

    /// Drops the oldest events, at most `limit`, up to the first that is to be kept.
    pub(super) fn trim(&mut self, limit: usize, keep: impl Fn(&Event) -> bool) -> usize {
        let count = self.events.iter().take(limit).take_while(|event| !keep(event)).count();
        for event in self.events.drain(..count) {
            self.told.remove(&event.event.id);
            self.gone_until = self.gone_until.max(Some(event.event.at));
        }
        count
    }

    /// Changes events that were told; their places stay.
    pub(super) fn retell(&mut self, wanted: impl Fn(&Event) -> bool, change: impl Fn(&mut Event)) {
        for (n, event) in self.events.iter_mut().enumerate().filter(|(_, event)| wanted(event)) {
            self.undo.push(Undo::Event(n, event.clone()));
            change(event);
        }
    }

    pub(super) fn set_consumer(&mut self, state: ConsumerState) {
        let name = state.name.clone();
        let old = self.consumers.insert(name.clone(), state);
        self.undo.push(Undo::Consumer(name, old));
    }

    pub(super) fn forget_consumer(&mut self, name: &str) {
        self.consumers.remove(name);
    }

    pub(super) fn change_budgets(&mut self, change: impl FnOnce(&mut Budgets)) {
        self.undo.push(Undo::Budgets(self.budgets.clone()));
        change(&mut self.budgets);
    }

    /// What was changed stands.
    pub(super) fn keep(&mut self) {
        self.undo.clear();
    }

    /// What was changed since the last [`Tables::keep`] is taken back.
    pub(super) fn undo(&mut self) {
        while let Some(undo) = self.undo.pop() {
            match undo {
                Undo::Row(table, key, old) => drop(self.place(table, key, *old)),
                Undo::Consumer(name, Some(old)) => drop(self.consumers.insert(name, old)),
                Undo::Consumer(name, None) => drop(self.consumers.remove(&name)),
                Undo::Budgets(old) => self.budgets = old,
                Undo::Told(id) => {
                    self.told.remove(&id);
                    self.events.pop();
                    self.head -= 1;
                }
                Undo::Event(n, old) => {
                    if let Some(event) = self.events.get_mut(n) {
                        *event = old;
                    }
                }
            }
        }
    }
}
