//! From the binary form of records: what a learner's command loads comes this way. Documents of JSON cost the
//! server and us about twice as much, and this load stands before every answer that a learner waits for.
//!
//! A load is one value: a record whose fields are read in the order in which its statement names them. A
//! table's row is a record of all its columns in their order, which a test holds to the description; columns
//! that a later version has added stand at its end and are not read.

use std::borrow::Cow;

use lms_core::model::table::{Column, Kind, Record, Value};
use lms_core::model::{Points, Timestamp};
use lms_core::store::{StoreError, StoreErrorKind, Table};
use uuid::Uuid;

use crate::rows::odd;
use crate::sql::from;

type Result<T> = std::result::Result<T, StoreError>;

/// The instant that Postgres counts from: 2000-01-01, in microseconds since 1970.
const EPOCH: i64 = 946_684_800_000_000;

/// The columns of the alias `t`: the row as it is, where the record holds all of it, and else the record's.
fn columns<R: Record>() -> String {
    let whole = |table: &&Table| table.name() == R::TABLE && table.columns().len() == R::COLUMNS.len();
    if Table::ALL.iter().any(|table| whole(&table)) {
        return "t".to_owned();
    }
    let list = R::COLUMNS.iter().map(|c| format!("t.{}", c.name)).collect::<Vec<_>>().join(", ");
    format!("ROW({list})")
}

/// One record, or null; `tail` is all that follows FROM.
pub(crate) fn one<R: Record>(tail: &str) -> String {
    format!("(SELECT {} {} {tail})", columns::<R>(), from::<R>())
}

/// All records, in the order that `tail` says.
pub(crate) fn many<R: Record>(tail: &str) -> String {
    format!("ARRAY(SELECT {} {} {tail})", columns::<R>(), from::<R>())
}

/// The fields of a record that are still to be read.
pub(crate) struct Fields<'a> {
    left: usize,
    bytes: Bytes<'a>,
}

impl<'a> Fields<'a> {
    /// Begins to read a record.
    pub(crate) fn of(bytes: &'a [u8]) -> Result<Self> {
        let mut bytes = Bytes(bytes);
        Ok(Self { left: bytes.length()?, bytes })
    }

    fn next(&mut self) -> Result<Option<&'a [u8]>> {
        self.left = self.left.checked_sub(1).ok_or_else(odd)?;
        self.bytes.take(4)?;
        self.bytes.value()
    }

    fn there(&mut self) -> Result<&'a [u8]> {
        self.next()?.ok_or_else(odd)
    }

    /// A record, or nothing.
    pub(crate) fn one<R: Record>(&mut self) -> Result<Option<R>> {
        self.next()?.map(record).transpose()
    }

    /// A record that must be there.
    pub(crate) fn the<R: Record>(&mut self) -> Result<R> {
        record(self.there()?)
    }

    /// Records.
    pub(crate) fn many<R: Record>(&mut self) -> Result<Vec<R>> {
        elements(self.there()?, record)
    }

    /// A number.
    pub(crate) fn int(&mut self) -> Result<i64> {
        int(self.there()?).ok_or_else(odd)
    }

    /// A record of other fields, which has to be there.
    pub(crate) fn record(&mut self) -> Result<Self> {
        Self::of(self.there()?)
    }

    /// An id, or nothing.
    pub(crate) fn id(&mut self) -> Result<Option<Uuid>> {
        self.next()?.map(id).transpose()
    }

    /// Ids; none for null.
    pub(crate) fn ids(&mut self) -> Result<Vec<Uuid>> {
        self.next()?.map_or(Ok(Vec::new()), |bytes| elements(bytes, id))
    }
}

/// What has not been read yet.
struct Bytes<'a>(&'a [u8]);

impl<'a> Bytes<'a> {
    fn take(&mut self, n: usize) -> Result<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(n).ok_or_else(odd)?;
        self.0 = rest;
        Ok(taken)
    }

    fn int(&mut self) -> Result<i32> {
        self.take(4)?.try_into().map(i32::from_be_bytes).map_err(|_| odd())
    }

    fn length(&mut self) -> Result<usize> {
        usize::try_from(self.int()?).map_err(|_| odd())
    }

    /// A value with its length before it; -1 is null.
    fn value(&mut self) -> Result<Option<&'a [u8]>> {
        match self.int()? {
            -1 => Ok(None),
            n => self.take(usize::try_from(n).map_err(|_| odd())?).map(Some),
        }
    }
}

/// The elements of an array of one dimension.
fn elements<'a, T>(bytes: &'a [u8], read: impl Fn(&'a [u8]) -> Result<T>) -> Result<Vec<T>> {
    let mut bytes = Bytes(bytes);
    let dimensions = bytes.int()?;
    bytes.take(8)?;
    if dimensions == 0 {
        return Ok(Vec::new());
    }
    let n = bytes.length()?;
    bytes.take(4)?;
    // No capacity from a number that was only read.
    let mut found = Vec::new();
    for _ in 0..n {
        found.push(read(bytes.value()?.ok_or_else(odd)?)?);
    }
    Ok(found)
}

fn record<R: Record>(bytes: &[u8]) -> Result<R> {
    let mut fields = Fields::of(bytes)?;
    let mut cells = Vec::with_capacity(R::COLUMNS.len());
    for _ in R::COLUMNS {
        cells.push(fields.next()?);
    }
    let own = R::COLUMNS.iter().position(|c| c.name == "id").and_then(|at| cells.get(at).copied().flatten());
    let id = own.and_then(|id| Uuid::from_slice(id).ok());
    let mut values = R::COLUMNS.iter().zip(cells).map_while(|(column, cell)| value(column, cell));
    R::from_values(&mut values)
        .map_err(|column| StoreError::new(StoreErrorKind::Corrupt { table: R::TABLE, column, id }))
}

/// The value of a column; `None` when it is not one of the column's kind.
fn value(column: &Column, cell: Option<&[u8]>) -> Option<Value<'static>> {
    let Some(bytes) = cell else { return column.nullable.then_some(Value::Null) };
    let text = || std::str::from_utf8(bytes).ok().map(|text| Cow::Owned(text.to_owned()));
    Some(match column.kind {
        Kind::Uuid => Value::Uuid(Uuid::from_slice(bytes).ok()?),
        Kind::Text => Value::Text(text()?),
        Kind::Json => Value::Json(text()?),
        Kind::Int => Value::Int(int(bytes)?),
        Kind::Bool => Value::Bool(flag(bytes)?),
        Kind::Time => Value::Time(Timestamp::from_micros(int(bytes)?.checked_add(EPOCH)?)?),
        Kind::Points => Value::Points(Points::from_units(points(bytes)?)),
    })
}

fn id(bytes: &[u8]) -> Result<Uuid> {
    Uuid::from_slice(bytes).map_err(|_| odd())
}

fn int(bytes: &[u8]) -> Option<i64> {
    bytes.try_into().ok().map(i64::from_be_bytes)
}

fn flag(bytes: &[u8]) -> Option<bool> {
    match bytes {
        [byte] => Some(*byte != 0),
        _ => None,
    }
}

/// A decimal number in units of 1e-5: digits to the base of 10,000, the weight of the first, and a sign.
fn points(bytes: &[u8]) -> Option<i64> {
    let word = |at: usize| Some(i16::from_be_bytes(bytes.get(2 * at..2 * at + 2)?.try_into().ok()?));
    let (digits, weight, sign) = (usize::try_from(word(0)?).ok()?, i32::from(word(1)?), word(2)?);
    let negative = match sign {
        0 => false,
        0x4000 => true,
        // Not a number, or endless.
        _ => return None,
    };
    // In 1e-8, the scale of two digits after the point; i128 holds what 18 digits before it give.
    let mut all: i128 = 0;
    for at in 0..digits {
        let power = weight.checked_sub(i32::try_from(at).ok()?)?.checked_add(2)?;
        let digit = i128::from(word(4 + at)?);
        if power < 0 {
            // Finer than 1e-8: not one of ours.
            return None;
        }
        all = all.checked_add(digit.checked_mul(10_000_i128.checked_pow(u32::try_from(power).ok()?)?)?)?;
    }
    if all % 1_000 != 0 {
        return None;
    }
    let units = i64::try_from(all / 1_000).ok()?;
    Some(if negative { -units } else { units })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(weight: i16, sign: u16, digits: &[i16]) -> Vec<u8> {
        let mut bytes = Vec::new();
        for word in [i16::try_from(digits.len()).unwrap(), weight] {
            bytes.extend(word.to_be_bytes());
        }
        bytes.extend(sign.to_be_bytes());
        bytes.extend(5_i16.to_be_bytes());
        digits.iter().for_each(|digit| bytes.extend(digit.to_be_bytes()));
        bytes
    }

    #[test]
    fn points_are_exact() {
        assert_eq!(points(&number(0, 0, &[])), Some(0));
        assert_eq!(points(&number(0, 0, &[83, 3333, 3000])), Some(8_333_333));
        assert_eq!(points(&number(-1, 0x4000, &[0, 5000])), Some(-5));
        assert_eq!(points(&number(2, 0, &[9, 9999, 9999, 9999, 9000])), Some(99_999_999_999_999));
        assert_eq!(points(&number(0, 0xC000, &[])), None, "NaN");
        assert_eq!(points(&number(-3, 0, &[1])), None, "finer than 1e-5");
        assert_eq!(points(&number(100, 0, &[1])), None, "too large");
        assert_eq!(points(&[0, 9]), None);
    }

    #[test]
    fn bytes_that_end_too_early_are_an_error() {
        let whole = [0, 0, 0, 1, 0, 0, 0, 20, 0, 0, 0, 8, 0, 0, 0, 0, 0, 0, 0, 7];
        assert_eq!(Fields::of(&whole).unwrap().int().unwrap(), 7);
        for end in 0..whole.len() {
            assert!(Fields::of(&whole[..end]).and_then(|mut fields| fields.int()).is_err(), "{end}");
        }
        let mut fields = Fields::of(&whole).unwrap();
        fields.int().unwrap();
        assert!(fields.int().is_err(), "there is one field");
        // An array that says it has very many elements.
        let array = [0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 11, 134, 127, 255, 255, 255, 0, 0, 0, 1];
        assert!(elements(&array, |_| Ok(())).is_err());
    }
}
