//! Rows as data: every table described once, so that a store binds a handful of value kinds and
//! not a hundred structs.

use std::borrow::Cow;

use uuid::Uuid;

use super::{Id, Points, Timestamp};

/// The kinds of value that a column can hold. A store maps each to a type of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A UUID.
    Uuid,
    /// Text without U+0000.
    Text,
    /// A signed 64-bit integer.
    Int,
    /// True or false.
    Bool,
    /// An instant at microseconds ([`Timestamp`]).
    Time,
    /// An exact number of 1e-5 units ([`Points`]).
    Points,
    /// A JSON document as text; the store keeps it as written.
    Json,
}

/// One value of a row, borrowed where it is large.
#[derive(Debug, Clone, PartialEq)]
pub enum Value<'a> {
    /// SQL NULL.
    Null,
    /// See [`Kind::Uuid`].
    Uuid(Uuid),
    /// See [`Kind::Text`].
    Text(Cow<'a, str>),
    /// See [`Kind::Int`].
    Int(i64),
    /// See [`Kind::Bool`].
    Bool(bool),
    /// See [`Kind::Time`].
    Time(Timestamp),
    /// See [`Kind::Points`].
    Points(Points),
    /// See [`Kind::Json`].
    Json(Cow<'a, str>),
}

impl Value<'_> {
    /// The same value, borrowed from nothing.
    pub fn into_owned(self) -> Value<'static> {
        match self {
            Self::Null => Value::Null,
            Self::Uuid(id) => Value::Uuid(id),
            Self::Text(text) => Value::Text(Cow::Owned(text.into_owned())),
            Self::Int(n) => Value::Int(n),
            Self::Bool(b) => Value::Bool(b),
            Self::Time(at) => Value::Time(at),
            Self::Points(points) => Value::Points(points),
            Self::Json(text) => Value::Json(Cow::Owned(text.into_owned())),
        }
    }
}

/// A column of a table: its name, what it holds, and whether it may be NULL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Column {
    /// The column's name, the same in every store.
    pub name: &'static str,
    /// What it holds.
    pub kind: Kind,
    /// Whether NULL is allowed.
    pub nullable: bool,
    /// The only words that it may hold; empty where it is not a column of words.
    pub words: &'static [&'static str],
}

/// A Rust type that stands in one column.
pub trait Field: Sized {
    /// What the column holds.
    const KIND: Kind;
    /// Whether the column may be NULL.
    const NULLABLE: bool;
    /// The only words that the column may hold; empty where the type is not an enum of words.
    const WORDS: &'static [&'static str] = &[];
    /// The value to write.
    fn to_value(&self) -> Value<'_>;
    /// The value read back; `None` when it is not one of this type's.
    fn from_value(value: Value<'static>) -> Option<Self>;
}

/// A struct that is one row of a table.
pub trait Record: Sized {
    /// The table.
    const TABLE: &'static str;
    /// The columns, in the order of [`Record::values`].
    const COLUMNS: &'static [Column];
    /// The values, one per column.
    fn values(&self) -> Vec<Value<'_>>;
    /// The row made of one value per column.
    ///
    /// # Errors
    /// The name of the first column whose value is not one of its type's, or is missing.
    fn from_values(values: &mut dyn Iterator<Item = Value<'static>>) -> Result<Self, &'static str>;
}

impl<T> Field for Id<T> {
    const KIND: Kind = Kind::Uuid;
    const NULLABLE: bool = false;
    fn to_value(&self) -> Value<'_> {
        Value::Uuid(self.uuid())
    }
    fn from_value(value: Value<'static>) -> Option<Self> {
        match value {
            Value::Uuid(uuid) => Some(Self::from_uuid(uuid)),
            _ => None,
        }
    }
}
impl Field for Uuid {
    const KIND: Kind = Kind::Uuid;
    const NULLABLE: bool = false;
    fn to_value(&self) -> Value<'_> {
        Value::Uuid(*self)
    }
    fn from_value(value: Value<'static>) -> Option<Self> {
        match value {
            Value::Uuid(uuid) => Some(uuid),
            _ => None,
        }
    }
}
impl Field for String {
    const KIND: Kind = Kind::Text;
    const NULLABLE: bool = false;
    fn to_value(&self) -> Value<'_> {
        Value::Text(Cow::Borrowed(self))
    }
    fn from_value(value: Value<'static>) -> Option<Self> {
        match value {
            Value::Text(text) => Some(text.into_owned()),
            _ => None,
        }
    }
}
impl Field for i64 {
    const KIND: Kind = Kind::Int;
    const NULLABLE: bool = false;
    fn to_value(&self) -> Value<'_> {
        Value::Int(*self)
    }
    fn from_value(value: Value<'static>) -> Option<Self> {
        match value {
            Value::Int(n) => Some(n),
            _ => None,
        }
    }
}
impl Field for u32 {
    const KIND: Kind = Kind::Int;
    const NULLABLE: bool = false;
    fn to_value(&self) -> Value<'_> {
        Value::Int(i64::from(*self))
    }
    fn from_value(value: Value<'static>) -> Option<Self> {
        match value {
            Value::Int(n) => u32::try_from(n).ok(),
            _ => None,
        }
    }
}
impl Field for bool {
    const KIND: Kind = Kind::Bool;
    const NULLABLE: bool = false;
    fn to_value(&self) -> Value<'_> {
        Value::Bool(*self)
    }
    fn from_value(value: Value<'static>) -> Option<Self> {
        match value {
            Value::Bool(b) => Some(b),
            _ => None,
        }
    }
}
impl Field for Timestamp {
    const KIND: Kind = Kind::Time;
    const NULLABLE: bool = false;
    fn to_value(&self) -> Value<'_> {
        Value::Time(*self)
    }
    fn from_value(value: Value<'static>) -> Option<Self> {
        match value {
            Value::Time(t) => Some(t),
            _ => None,
        }
    }
}
impl Field for Points {
    const KIND: Kind = Kind::Points;
    const NULLABLE: bool = false;
    fn to_value(&self) -> Value<'_> {
        Value::Points(*self)
    }
    fn from_value(value: Value<'static>) -> Option<Self> {
        match value {
            Value::Points(p) => Some(p),
            _ => None,
        }
    }
}
impl Field for super::BasisPoints {
    const KIND: Kind = Kind::Int;
    const NULLABLE: bool = false;
    fn to_value(&self) -> Value<'_> {
        Value::Int(i64::from(self.get()))
    }
    fn from_value(value: Value<'static>) -> Option<Self> {
        match value {
            Value::Int(n) => u16::try_from(n).ok().and_then(Self::new),
            _ => None,
        }
    }
}
impl<T: Field> Field for Option<T> {
    const KIND: Kind = T::KIND;
    const NULLABLE: bool = true;
    const WORDS: &'static [&'static str] = T::WORDS;
    fn to_value(&self) -> Value<'_> {
        self.as_ref().map_or(Value::Null, Field::to_value)
    }
    fn from_value(value: Value<'static>) -> Option<Self> {
        match value {
            Value::Null => Some(None),
            other => T::from_value(other).map(Some),
        }
    }
}

/// A JSON document in a column: any serde type, kept as written.
///
/// In JSON it is the document itself, not a string that holds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Json(String);

impl serde::Serialize for Json {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        serde_json::from_str::<serde_json::Value>(&self.0).map_err(serde::ser::Error::custom)?.serialize(s)
    }
}
impl<'de> serde::Deserialize<'de> for Json {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        Ok(Self(serde_json::Value::deserialize(d)?.to_string()))
    }
}

impl Json {
    /// Writes `value` as JSON. A value that serde cannot write (a map with odd keys) becomes `null`;
    /// none of the library's own types is one.
    pub fn of<T: serde::Serialize>(value: &T) -> Self {
        Self(serde_json::to_string(value).unwrap_or_else(|_| "null".to_owned()))
    }

    /// The empty object.
    pub fn object() -> Self {
        Self("{}".to_owned())
    }

    /// Reads the document as a `T`.
    ///
    /// # Errors
    /// When the text is not JSON of that shape.
    pub fn read<T: serde::de::DeserializeOwned>(&self) -> Result<T, serde_json::Error> {
        serde_json::from_str(&self.0)
    }

    /// Reads a document of a row as a `T`, and passes over fields that nobody knows.
    pub(crate) fn read_leniently<T: super::tolerant::Tolerant>(&self) -> Result<T, serde_json::Error> {
        super::tolerant::read(&self.0)
    }

    /// The text as stored.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Takes a text that is JSON already.
    ///
    /// # Errors
    /// When it is not JSON.
    pub fn parse(text: impl Into<String>) -> Result<Self, serde_json::Error> {
        let text = text.into();
        serde_json::from_str::<serde::de::IgnoredAny>(&text)?;
        Ok(Self(text))
    }
}
impl Field for Json {
    const KIND: Kind = Kind::Json;
    const NULLABLE: bool = false;
    fn to_value(&self) -> Value<'_> {
        Value::Json(Cow::Borrowed(&self.0))
    }
    fn from_value(value: Value<'static>) -> Option<Self> {
        match value {
            // Nobody should be able to store anything else; what somebody did all the same is found here.
            Value::Json(text) => Self::parse(text).ok(),
            _ => None,
        }
    }
}

/// Makes serde types stand in a JSON column.
macro_rules! json_field {
    ($($t:ty),* $(,)?) => {$(
        impl $crate::model::table::Field for $t {
            const KIND: $crate::model::table::Kind = $crate::model::table::Kind::Json;
            const NULLABLE: bool = false;
            fn to_value(&self) -> $crate::model::table::Value<'_> {
                $crate::model::table::Value::Json(std::borrow::Cow::Owned(
                    serde_json::to_string(self).unwrap_or_else(|_| "null".to_owned()),
                ))
            }
            fn from_value(value: $crate::model::table::Value<'static>) -> Option<Self> {
                match value {
                    $crate::model::table::Value::Json(text) => serde_json::from_str(&text).ok(),
                    _ => None,
                }
            }
        }
    )*};
}
pub(crate) use json_field;

/// An enum of words: the same snake_case text in JSON, in the database and in `Display`.
macro_rules! words {
    ($(#[$doc:meta])* $vis:vis enum $name:ident { $($(#[$vdoc:meta])* $variant:ident = $word:literal,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
        #[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
        $vis enum $name { $($(#[$vdoc])* #[serde(rename = $word)] $variant,)* }
        impl $name {
            /// Every word, in the order of declaration.
            pub const WORDS: &'static [&'static str] = &[$($word),*];
            /// The word.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word,)* }
            }
            /// The variant of a word.
            pub fn from_word(word: &str) -> Option<Self> {
                match word { $($word => Some(Self::$variant),)* _ => None }
            }
        }
        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result { f.write_str(self.as_str()) }
        }
        impl $crate::model::table::Field for $name {
            const KIND: $crate::model::table::Kind = $crate::model::table::Kind::Text;
            const NULLABLE: bool = false;
            const WORDS: &'static [&'static str] = Self::WORDS;
            fn to_value(&self) -> $crate::model::table::Value<'_> {
                $crate::model::table::Value::Text(std::borrow::Cow::Borrowed(self.as_str()))
            }
            fn from_value(value: $crate::model::table::Value<'static>) -> Option<Self> {
                match value {
                    $crate::model::table::Value::Text(word) => Self::from_word(&word),
                    _ => None,
                }
            }
        }
    };
}
pub(crate) use words;

/// Declares a struct that is a row.
macro_rules! record {
    ($(#[$doc:meta])* pub struct $name:ident in $table:literal { $($(#[$fdoc:meta])* pub $field:ident : $ty:ty,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
        #[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
        pub struct $name { $($(#[$fdoc])* pub $field: $ty,)* }
        impl $crate::model::table::Record for $name {
            const TABLE: &'static str = $table;
            const COLUMNS: &'static [$crate::model::table::Column] = &[$(
                $crate::model::table::Column {
                    name: stringify!($field),
                    kind: <$ty as $crate::model::table::Field>::KIND,
                    nullable: <$ty as $crate::model::table::Field>::NULLABLE,
                    words: <$ty as $crate::model::table::Field>::WORDS,
                },
            )*];
            fn values(&self) -> Vec<$crate::model::table::Value<'_>> {
                vec![$($crate::model::table::Field::to_value(&self.$field),)*]
            }
            fn from_values(
                values: &mut dyn Iterator<Item = $crate::model::table::Value<'static>>,
            ) -> Result<Self, &'static str> {
                Ok(Self { $(
                    $field: values
                        .next()
                        .and_then(<$ty as $crate::model::table::Field>::from_value)
                        .ok_or(stringify!($field))?,
                )* })
            }
        }
    };
}
pub(crate) use record;
