//! From the JSON of a load to records.

use std::borrow::Cow;

use lms_core::model::table::{Column, Kind, Record, Value};
use lms_core::model::{Points, Timestamp};
use lms_core::store::{StoreError, StoreErrorKind};
use serde_json::{Map, Value as Json};
use uuid::Uuid;

type Result<T> = std::result::Result<T, StoreError>;

/// A load that is not what its statement builds: the function of another version, or a foreign hand.
pub(crate) fn odd() -> StoreError {
    StoreError::with_source(StoreErrorKind::Backend, "a load is not of the shape that this library reads")
}

/// A load: an object of named records, lists and numbers.
pub(crate) struct Doc(Map<String, Json>);

impl Doc {
    /// Takes the answer of a load apart; `None` for null.
    pub(crate) fn parse(text: Option<&str>) -> Result<Option<Self>> {
        let Some(text) = text else { return Ok(None) };
        match serde_json::from_str(text).map_err(|_| odd())? {
            Json::Null => Ok(None),
            Json::Object(map) => Ok(Some(Self(map))),
            _ => Err(odd()),
        }
    }

    /// A document inside of another.
    pub(crate) fn of(json: Json) -> Result<Self> {
        match json {
            Json::Object(map) => Ok(Self(map)),
            _ => Err(odd()),
        }
    }

    fn take(&mut self, name: &str) -> Result<Json> {
        self.0.remove(name).ok_or_else(odd)
    }

    /// A record, or nothing.
    pub(crate) fn one<R: Record>(&mut self, name: &str) -> Result<Option<R>> {
        match self.take(name)? {
            Json::Null => Ok(None),
            row => record(row).map(Some),
        }
    }

    /// A record that must be there: the statement returns nothing at all without it.
    pub(crate) fn the<R: Record>(&mut self, name: &str) -> Result<R> {
        self.one(name)?.ok_or_else(odd)
    }

    /// Records.
    pub(crate) fn many<R: Record>(&mut self, name: &str) -> Result<Vec<R>> {
        records(self.take(name)?)
    }

    /// A number.
    pub(crate) fn int(&mut self, name: &str) -> Result<i64> {
        self.take(name)?.as_i64().ok_or_else(odd)
    }

    /// An instant in microseconds, or none.
    pub(crate) fn micros(&mut self, name: &str) -> Result<Option<Timestamp>> {
        Ok(self.take(name)?.as_i64().and_then(Timestamp::from_micros))
    }

    /// A text.
    pub(crate) fn text(&mut self, name: &str) -> Result<String> {
        match self.take(name)? {
            Json::String(text) => Ok(text),
            _ => Err(odd()),
        }
    }

    /// True or false.
    pub(crate) fn flag(&mut self, name: &str) -> Result<bool> {
        self.take(name)?.as_bool().ok_or_else(odd)
    }

    /// An id.
    pub(crate) fn id(&mut self, name: &str) -> Result<Uuid> {
        uuid(&self.take(name)?)
    }

    /// Ids.
    pub(crate) fn ids(&mut self, name: &str) -> Result<Vec<Uuid>> {
        self.rows(name)?.iter().map(uuid).collect()
    }

    /// Anything else, by element.
    pub(crate) fn rows(&mut self, name: &str) -> Result<Vec<Json>> {
        match self.take(name)? {
            Json::Array(items) => Ok(items),
            _ => Err(odd()),
        }
    }
}

/// An id.
pub(crate) fn uuid(json: &Json) -> Result<Uuid> {
    json.as_str().and_then(|text| Uuid::try_parse(text).ok()).ok_or_else(odd)
}

/// A number.
pub(crate) fn int(json: &Json) -> Result<i64> {
    json.as_i64().ok_or_else(odd)
}

/// The records of a list.
pub(crate) fn records<R: Record>(json: Json) -> Result<Vec<R>> {
    match json {
        Json::Array(rows) => rows.into_iter().map(record).collect(),
        Json::Null => Ok(Vec::new()),
        _ => Err(odd()),
    }
}

/// The record of an array of its columns.
pub(crate) fn record<R: Record>(json: Json) -> Result<R> {
    let Json::Array(cells) = json else { return Err(odd()) };
    let own = R::COLUMNS.iter().position(|c| c.name == "id").and_then(|at| cells.get(at));
    let id = own.and_then(|id| uuid(id).ok());
    let mut values = R::COLUMNS.iter().zip(cells).map_while(|(column, cell)| value(column, cell));
    R::from_values(&mut values)
        .map_err(|column| StoreError::new(StoreErrorKind::Corrupt { table: R::TABLE, column, id }))
}

/// The value of a column; `None` when it is not one of the column's kind.
fn value(column: &Column, cell: Json) -> Option<Value<'static>> {
    Some(match (column.kind, cell) {
        (_, Json::Null) if column.nullable => Value::Null,
        (Kind::Uuid, Json::String(text)) => Value::Uuid(Uuid::try_parse(&text).ok()?),
        (Kind::Text, Json::String(text)) => Value::Text(Cow::Owned(text)),
        (Kind::Json, Json::String(text)) => Value::Json(Cow::Owned(text)),
        (Kind::Int, Json::Number(n)) => Value::Int(n.as_i64()?),
        (Kind::Bool, Json::Bool(b)) => Value::Bool(b),
        (Kind::Time, Json::Number(n)) => Value::Time(Timestamp::from_micros(n.as_i64()?)?),
        (Kind::Points, Json::Number(n)) => Value::Points(Points::from_units(n.as_i64()?)),
        _ => return None,
    })
}
