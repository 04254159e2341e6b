//! Bars: what was measured, what was demanded, and whether it holds.

use std::path::Path;

use crate::Failure;

/// What a bar demands.
#[derive(Debug, Clone, Copy)]
pub enum Demand {
    /// At least this.
    AtLeast(f64),
    /// At most this.
    AtMost(f64),
    /// Nothing: a figure to know.
    None,
}

/// One line of the report.
#[derive(Debug, Clone)]
pub struct Bar {
    /// Its name in the list of bars.
    pub name: &'static str,
    /// What was measured.
    pub what: String,
    /// The value.
    pub value: f64,
    /// The demand.
    pub demand: Demand,
    /// What else to know: absolute figures, the control.
    pub note: String,
}

impl Bar {
    /// Whether the demand holds.
    pub fn met(&self) -> bool {
        match self.demand {
            Demand::AtLeast(least) => self.value >= least,
            Demand::AtMost(most) => self.value <= most,
            Demand::None => true,
        }
    }
}

/// Prints a bar as a line.
#[expect(clippy::print_stdout, reason = "this is the report")]
pub fn print(bar: &Bar) {
    let demand = match bar.demand {
        Demand::AtLeast(least) => format!(">= {least}"),
        Demand::AtMost(most) => format!("<= {most}"),
        Demand::None => "-".to_owned(),
    };
    let met = if bar.met() { "met" } else { "NOT MET" };
    println!("{:<5} {:<62} {:>9.3}  {:<8} {:<8} {}", bar.name, bar.what, bar.value, demand, met, bar.note);
}

/// Writes the bars as JSON: name, value, demand, met.
///
/// # Errors
/// When the file cannot be written.
pub fn write(bars: &[Bar], path: &Path) -> Result<(), Failure> {
    let list: Vec<_> = bars
        .iter()
        .map(|bar| {
            let demand = match bar.demand {
                Demand::AtLeast(least) => serde_json::json!({ "at_least": least }),
                Demand::AtMost(most) => serde_json::json!({ "at_most": most }),
                Demand::None => serde_json::Value::Null,
            };
            serde_json::json!({
                "name": bar.name, "what": bar.what, "value": bar.value, "demand": demand, "met": bar.met(),
                "note": bar.note,
            })
        })
        .collect();
    std::fs::write(path, serde_json::to_string_pretty(&list)?)?;
    Ok(())
}
