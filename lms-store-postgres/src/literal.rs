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
            self.value(value);
        }
        self.text.push_str(")\"");
    }

    fn begin(&mut self) {
        self.text.push(if self.len == 0 { '{' } else { ',' });
        self.text.push_str("\"(");
        self.len += 1;
    }

    fn value(&mut self, value: &Value<'_>) {
        use std::fmt::Write as _;
        match value {
            Value::Null => {}
            // A String takes what is written to it; writing cannot fail.
            Value::Uuid(uuid) => drop(write!(self.text, "{uuid}")),
            Value::Int(n) => drop(write!(self.text, "{n}")),
            Value::Bool(b) => self.text.push(if *b { 't' } else { 'f' }),
            Value::Time(at) => self.text.push_str(&time(*at)),
            Value::Points(points) => self.text.push_str(&decimal(points.units())),
            Value::Text(text) | Value::Json(text) => self.quoted(text),
        }
    }

    /// A quoted field: quotes and backslashes are escaped for the composite, and what that gives for the
    /// array.
    fn quoted(&mut self, text: &str) {
        self.text.reserve(text.len() + text.len() / 8 + 8);
        self.text.push_str("\\\"");
        for c in text.chars() {
            match c {
                '"' => self.text.push_str("\\\"\\\""),
                '\\' => self.text.push_str("\\\\\\\\"),
                other => self.text.push(other),
            }
        }
        self.text.push_str("\\\"");
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

/// An instant as Postgres reads it.
pub(crate) fn time(at: lms_core::model::Timestamp) -> String {
    at.datetime().format("%Y-%m-%dT%H:%M:%S%.6f+00").to_string()
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
        assert_eq!(rows.finish().unwrap(), r#"{"(-5,,\"a\"\"b\\\\c,(d)\",t)","(\"\")"}"#);
    }

    #[test]
    fn numbers_are_exact() {
        assert_eq!(decimal(8_333_333), "83.33333");
        assert_eq!(decimal(-5), "-0.00005");
        assert_eq!(decimal(i64::MIN), "-92233720368547.75808");
        let at = lms_core::model::Timestamp::from_micros(-1).unwrap();
        assert_eq!(time(at), "1969-12-31T23:59:59.999999+00");
    }
}
