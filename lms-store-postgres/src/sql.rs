//! Statement texts: templates with the names of the two schemas, expanded once per store.

use std::fmt;
use std::sync::Arc;

use lms_core::model::table::{Column, Kind, Record};
use lms_core::store::{StoreError, StoreErrorKind};
use sha2::{Digest, Sha256};

/// The tables that client roles may not be granted.
const PRIVATE: &[&str] =
    &["ai_logs", "ai_spending", "course_jobs", "quiz_revisions", "activity_events", "consumers", "lms_log", "members"];

/// The schema of a table, as it stands in templates.
pub(crate) fn schema_of(table: &str) -> &'static str {
    if PRIVATE.contains(&table) { "{priv}" } else { "{lms}" }
}

/// The names of the two schemas of a store, and what follows from them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Names {
    lms: String,
    private: String,
    /// The class of the courses' advisory locks.
    class: String,
    channel: String,
}

impl Names {
    /// Checks the names: `[a-z_][a-z0-9_]{0,40}`, and different from one another.
    pub(crate) fn new(lms: &str, private: &str) -> Result<Self, StoreError> {
        for name in [lms, private] {
            let mut chars = name.chars();
            let starts = chars.next().is_some_and(|c| c.is_ascii_lowercase() || c == '_');
            let rest = chars.all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
            if !starts || !rest || name.len() > 41 || name.starts_with("pg_") {
                let message = format!(
                    "`{}` is not a schema name: up to 41 of a-z, 0-9 and _, beginning with a letter or _, not with pg_",
                    name.chars().take(60).collect::<String>()
                );
                return Err(StoreError::with_source(StoreErrorKind::NotSupported, message));
            }
        }
        if lms == private {
            return Err(StoreError::with_source(StoreErrorKind::NotSupported, "the two schemas need different names"));
        }
        let hash = |what: &str| Sha256::digest(format!("{what}\0{lms}\0{private}"));
        let class = hash("lock").iter().take(4).fold(0_u32, |all, byte| all << 8 | u32::from(*byte));
        let hex: String = hash("channel").iter().take(6).map(|b| format!("{b:02x}")).collect();
        Ok(Self {
            lms: lms.to_owned(),
            private: private.to_owned(),
            class: class.cast_signed().to_string(),
            channel: format!("lms_{hex}"),
        })
    }

    /// A template with the names in it.
    pub(crate) fn expand(&self, template: &str) -> Arc<str> {
        template
            .replace("{lms}", &format!("\"{}\"", self.lms))
            .replace("{priv}", &format!("\"{}\"", self.private))
            .replace("{class}", &self.class)
            .replace("{channel}", &self.channel)
            .into()
    }

    /// The channel of the hints. Channels are a database's; the schema tells tenants of one apart.
    pub(crate) fn channel(&self) -> String {
        self.channel.clone()
    }
}

impl fmt::Display for Names {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, {}", self.lms, self.private)
    }
}

/// How a column is read: as a JSON value that keeps it exact.
fn read(column: &Column) -> String {
    let name = column.name;
    match column.kind {
        Kind::Uuid | Kind::Text | Kind::Int | Kind::Bool => format!("t.{name}"),
        Kind::Time => format!("(extract(epoch from t.{name}) * 1000000)::bigint"),
        Kind::Points => format!("(t.{name} * 100000)::bigint"),
        Kind::Json => format!("t.{name}::text"),
    }
}

/// A record of the alias `t` as a JSON array of its columns.
pub(crate) fn array<R: Record>() -> String {
    format!("json_build_array({})", R::COLUMNS.iter().map(read).collect::<Vec<_>>().join(", "))
}

/// FROM the record's table, as `t`.
pub(crate) fn from<R: Record>() -> String {
    format!("FROM {}.{} AS t", schema_of(R::TABLE), R::TABLE)
}

/// One record, or null; `tail` is all that follows FROM.
pub(crate) fn one<R: Record>(tail: &str) -> String {
    format!("(SELECT {} {} {tail})", array::<R>(), from::<R>())
}

/// All records, in the order that `tail` says.
pub(crate) fn many<R: Record>(tail: &str) -> String {
    format!(
        "(SELECT coalesce(json_agg(x.r), '[]'::json) FROM (SELECT {} AS r {} {tail}) AS x)",
        array::<R>(),
        from::<R>()
    )
}

/// One column of values, in the order that the query says.
pub(crate) fn list(query: &str) -> String {
    format!("(SELECT coalesce(json_agg(x.v), '[]'::json) FROM ({query}) AS x (v))")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn schema_names_are_checked_and_quoted() {
        assert!(Names::new("lms", "lms_private").is_ok());
        for wrong in ["", "Lms", "1a", "a-b", "a\"b", "pg_x", &"a".repeat(42), "ä"] {
            assert!(Names::new(wrong, "other").is_err(), "{wrong}");
        }
        assert!(Names::new("same", "same").is_err());
        let names = Names::new("a", "b").unwrap();
        assert_eq!(&*names.expand("{lms}.x {priv}.y"), "\"a\".x \"b\".y");
        assert_ne!(names.channel(), Names::new("a", "c").unwrap().channel());
    }
}
