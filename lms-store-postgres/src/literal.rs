//! Rows as text literals of arrays of composites: `{"(a,b)","(c,d)"}`. One parameter carries any number
//! of rows of a table, and no type of the driver's is needed for it.

use lms_core::model::table::Value;

/// An array of composites under construction.
#[derive(Default)]
pub(crate) struct Rows {
    text: String,
    len: usize,
}

impl Rows {
    /// How many rows it holds.
    pub(crate) const fn len(&self) -> usize {
        self.len
    }

    /// Adds a row.
    pub(crate) fn push(&mut self, values: &[Value<'_>]) {
        self.begin();
        for (n, value) in values.iter().enumerate() {
            if n > 0 {
                self.text.push(',');
            }
            field(&mut self.text, value, twice);
        }
        self.text.push_str(")\"");
    }

    fn begin(&mut self) {
        self.text.push(if self.len == 0 { '{' } else { ',' });
        self.text.push_str("\"(");
        self.len += 1;
    }

    /// The literal; `None` when there is no row.
    pub(crate) fn finish(self) -> Option<String> {
        if self.len == 0 {
            return None;
        }
        let mut text = self.text;
        text.push('}');
        Some(text)
    }

    /// The literal, also of no row.
    pub(crate) fn finish_or_empty(self) -> String {
        self.finish().unwrap_or_else(|| "{}".to_owned())
    }
}

/// One row as a literal of a composite.
pub(crate) fn row(values: &[Value<'_>]) -> String {
    let mut text = String::with_capacity(values.len() * 24);
    text.push('(');
    for (n, value) in values.iter().enumerate() {
        if n > 0 {
            text.push(',');
        }
        field(&mut text, value, once);
    }
    text.push(')');
    text
}

/// A field of a row; texts are quoted as the caller says.
fn field(out: &mut String, value: &Value<'_>, quoted: fn(&mut String, &str)) {
    use std::fmt::Write as _;
    match value {
        Value::Null => {}
        // A String takes what is written to it; writing cannot fail.
        Value::Uuid(uuid) => drop(write!(out, "{}", uuid.hyphenated())),
        Value::Int(n) => drop(write!(out, "{n}")),
        Value::Bool(b) => out.push(if *b { 't' } else { 'f' }),
        Value::Time(at) => out.push_str(&time(*at)),
        Value::Points(points) => out.push_str(&decimal(points.units())),
        Value::Text(text) | Value::Json(text) => quoted(out, text),
    }
}

/// A quoted field of a composite: quotes and backslashes are doubled.
fn once(out: &mut String, text: &str) {
    out.reserve(text.len() + text.len() / 8 + 2);
    out.push('"');
    for c in text.chars() {
        if matches!(c, '"' | '\\') {
            out.push(c);
        }
        out.push(c);
    }
    out.push('"');
}

/// A quoted field of a composite in an array: what doubling gives is escaped for the array.
fn twice(out: &mut String, text: &str) {
    out.reserve(text.len() + text.len() / 8 + 8);
    out.push_str("\\\"");
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\"\\\""),
            '\\' => out.push_str("\\\\\\\\"),
            other => out.push(other),
        }
    }
    out.push_str("\\\"");
}

/// An instant as Postgres reads it.
pub(crate) fn time(at: lms_core::model::Timestamp) -> String {
    at.datetime().to_rfc3339_opts(lms_core::chrono::SecondsFormat::Micros, true)
}

/// A count of 1e-5 units as a decimal number.
fn decimal(units: i64) -> String {
    let sign = if units < 0 { "-" } else { "" };
    let units = units.unsigned_abs();
    format!("{sign}{}.{:05}", units / 100_000, units % 100_000)
}

/// An array of numbers, words or ids, none of which needs quotes.
pub(crate) fn plain<T: std::fmt::Display>(items: impl IntoIterator<Item = T>) -> String {
    let list = items.into_iter().map(|item| item.to_string()).collect::<Vec<_>>().join(",");
    format!("{{{list}}}")
}

/// An array of any texts.
pub(crate) fn texts<'a>(items: impl IntoIterator<Item = &'a str>) -> String {
    let quote = |item: &str| format!("\"{}\"", item.replace('\\', "\\\\").replace('"', "\\\""));
    format!("{{{}}}", items.into_iter().map(quote).collect::<Vec<_>>().join(","))
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use super::*;

    #[test]
    fn rows_are_escaped_twice() {
        let mut rows = Rows::default();
        rows.push(&[Value::Int(-5), Value::Null, Value::Text(Cow::Borrowed("a\"b\\c,(d)")), Value::Bool(true)]);
        rows.push(&[Value::Text(Cow::Borrowed(""))]);
        let one = [Value::Text(Cow::Borrowed("a\"b\\c,(d)")), Value::Null, Value::Bool(false)];
        assert_eq!(row(&one), r#"("a""b\\c,(d)",,f)"#);
        assert_eq!(rows.finish().unwrap(), r#"{"(-5,,\"a\"\"b\\\\c,(d)\",t)","(\"\")"}"#);
    }

    #[test]
    fn numbers_are_exact() {
        assert_eq!(decimal(8_333_333), "83.33333");
        assert_eq!(decimal(-5), "-0.00005");
        assert_eq!(decimal(i64::MIN), "-92233720368547.75808");
        let at = lms_core::model::Timestamp::from_micros(-1).unwrap();
        assert_eq!(time(at), "1969-12-31T23:59:59.999999Z");
    }
}
