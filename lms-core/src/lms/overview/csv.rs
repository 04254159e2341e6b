//! Tables for spreadsheets.

/// A CSV text in the making (RFC 4180).
pub(super) struct Csv(csv::Writer<Vec<u8>>);

impl Default for Csv {
    fn default() -> Self {
        // Lines may differ in length where the columns changed between two pages.
        Self(csv::WriterBuilder::new().flexible(true).terminator(csv::Terminator::CRLF).from_writer(Vec::new()))
    }
}

impl Csv {
    /// One line. A cell that a spreadsheet would run as a formula gets an apostrophe, which spreadsheets take as
    /// "this is text".
    pub(super) fn line(&mut self, cells: impl IntoIterator<Item = String>) {
        // Writing into memory does not fail.
        let _ = self.0.write_record(cells.into_iter().map(guarded));
    }

    pub(super) fn finish(self) -> String {
        String::from_utf8(self.0.into_inner().unwrap_or_default()).unwrap_or_default()
    }
}

fn guarded(cell: String) -> String {
    if cell.starts_with(['=', '+', '-', '@', '\t', '\r']) { format!("'{cell}") } else { cell }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn g4_cells_are_quoted_and_never_formulas() {
        let mut csv = Csv::default();
        csv.line(["a,b", "say \"no\"", "=HYPERLINK(1)", "@x", "-1", "two\nlines", ""].map(str::to_owned));
        assert_eq!(csv.finish(), "\"a,b\",\"say \"\"no\"\"\",'=HYPERLINK(1),'@x,'-1,\"two\nlines\",\r\n");
    }
}
