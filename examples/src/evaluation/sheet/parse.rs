//! From bytes to rows.

use csv::{ErrorKind, ReaderBuilder, StringRecord};
use lms_ai::evaluate::{Marked, Scale};
use lms_core::model::Points;

use super::{Form, Problem, Sheet, SheetError, Wanted, Work, rubric};

/// What stands for a mark that a grader did not give, beside nothing at all.
const FAILED: &str = "failed";
/// How much of a wrong field is shown.
const SHOWN: usize = 40;

/// Where the columns stand.
struct Columns {
    names: Vec<String>,
    id: Option<usize>,
    human: usize,
    second: Option<usize>,
    /// The columns of the runs, by number.
    runs: Vec<usize>,
    text: Option<usize>,
    instructions: Option<usize>,
    rubric: Option<usize>,
    language: Option<usize>,
}

/// A row as it stands in the file.
struct Row<'a> {
    line: u64,
    record: &'a StringRecord,
}

impl Row<'_> {
    fn field(&self, at: usize) -> &str {
        self.record.get(at).unwrap_or_default().trim()
    }
    fn text(&self, at: Option<usize>) -> &str {
        at.map_or("", |at| self.field(at))
    }
}

/// The bytes of a file, which may be gone through more than once.
struct Table<'a> {
    bytes: &'a [u8],
    delimiter: u8,
}

impl Table<'_> {
    fn reader(&self) -> csv::Reader<&[u8]> {
        ReaderBuilder::new().delimiter(self.delimiter).has_headers(false).flexible(false).from_reader(self.bytes)
    }

    fn header(&self) -> Result<StringRecord, SheetError> {
        let mut record = StringRecord::new();
        let found = self.reader().read_record(&mut record).map_err(broken)?;
        let named = found && record.iter().any(|name| !name.trim().is_empty());
        if named { Ok(record) } else { Err(SheetError::Empty) }
    }

    /// Goes through the rows below the header; how many there are, and the line of the last.
    fn each(&self, mut see: impl FnMut(&Row<'_>) -> Result<(), SheetError>) -> Result<(u64, u64), SheetError> {
        let mut reader = self.reader();
        let mut record = StringRecord::new();
        let (mut rows, mut line) = (0, 1);
        reader.read_record(&mut record).map_err(broken)?;
        while reader.read_record(&mut record).map_err(broken)? {
            line = record.position().map_or(line, csv::Position::line);
            // What spreadsheets leave below a table: separators with nothing between them.
            if record.iter().any(|field| !field.trim().is_empty()) {
                rows += 1;
                see(&Row { line, record: &record })?;
            }
        }
        Ok((rows, line))
    }
}

pub(super) fn sheet(bytes: &[u8], wanted: Wanted) -> Result<Sheet, SheetError> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    if let Err(e) = std::str::from_utf8(bytes) {
        let before = bytes.get(..e.valid_up_to()).unwrap_or_default();
        return Err(SheetError::NotUtf8 { line: 1 + count(before, b'\n') });
    }
    let table = Table { bytes, delimiter: delimiter(bytes) };
    // A quote inside of a quoted field is doubled, so that they are even in number.
    if count(bytes, b'"') % 2 == 1 {
        let line = match table.each(|_| Ok(())) {
            Ok((_, line)) | Err(SheetError::FieldCount { line, .. }) => line,
            Err(e) => return Err(e),
        };
        return Err(SheetError::OpenQuote { line });
    }
    let columns = columns(&table.header()?)?;
    if table.each(|_| Ok(()))?.0 == 0 {
        return Err(SheetError::NoRows);
    }
    let scale = scale(&columns, &table, wanted)?;
    let form = if columns.runs.is_empty() {
        if scale.min() != Points::ZERO {
            return Err(SheetError::NotFromZero { min: scale.min() });
        }
        let mut found = Vec::new();
        table.each(|row| work(&columns, row, &scale).map(|work| found.push(work)))?;
        Form::Work(found)
    } else {
        let mut found = Vec::new();
        table.each(|row| marked(&columns, row, &scale).map(|marked| found.push(marked)))?;
        Form::Marks(found)
    };
    Ok(Sheet { scale, scale_told: wanted.range.is_some(), form, unused: columns.unused() })
}

fn count(bytes: &[u8], wanted: u8) -> u64 {
    bytes.iter().filter(|byte| **byte == wanted).count() as u64
}

/// What separates the columns: in the header line, whichever of them stands there most often.
fn delimiter(bytes: &[u8]) -> u8 {
    let end = bytes.iter().position(|byte| *byte == b'\n').unwrap_or(bytes.len());
    let header = bytes.get(..end).unwrap_or(bytes);
    [b'\t', b';', b','].into_iter().max_by_key(|mark| count(header, *mark)).unwrap_or(b',')
}

fn broken(error: csv::Error) -> SheetError {
    let at = |pos: &Option<csv::Position>| pos.as_ref().map_or(1, csv::Position::line);
    match error.into_kind() {
        ErrorKind::UnequalLengths { pos, expected_len, len } => {
            SheetError::FieldCount { line: at(&pos), found: len, expected: expected_len }
        }
        ErrorKind::Utf8 { pos, .. } => SheetError::NotUtf8 { line: at(&pos) },
        // The bytes are in memory, are UTF-8 and are not deserialized: no other kind is left.
        _ => SheetError::Empty,
    }
}

fn columns(header: &StringRecord) -> Result<Columns, SheetError> {
    let names: Vec<String> = header.iter().map(|name| name.trim().to_lowercase()).collect();
    for (at, name) in names.iter().enumerate() {
        if !name.is_empty() && names.iter().take(at).any(|other| other == name) {
            return Err(SheetError::DuplicateColumn { column: name.clone() });
        }
    }
    let find = |wanted: &str| names.iter().position(|name| name == wanted);
    let missing = |wanted| SheetError::MissingColumn { wanted, found: names.clone() };
    let mut runs: Vec<(u32, usize)> =
        names.iter().enumerate().filter_map(|(at, name)| Some((run_number(name)?, at))).collect();
    runs.sort_unstable();
    let human = find("human").ok_or_else(|| missing("`human`"))?;
    let text = find("text");
    if runs.is_empty() && text.is_none() {
        return Err(missing("`ai` (the grader's marks) or `text` (the work, for a grader to be run on)"));
    }
    if runs.is_empty() && find("instructions").is_none() {
        return Err(missing("`instructions` (what was asked for), which a grader needs beside `text`"));
    }
    Ok(Columns {
        id: find("id"),
        human,
        second: find("human2"),
        runs: runs.into_iter().map(|(_, at)| at).collect(),
        text,
        instructions: find("instructions"),
        rubric: find("rubric"),
        language: find("language"),
        names,
    })
}

/// `ai` is the first run; `ai2`, `ai3` and so on are the others.
fn run_number(name: &str) -> Option<u32> {
    let digits = name.strip_prefix("ai")?;
    if digits.is_empty() { Some(1) } else { digits.parse().ok() }
}

impl Columns {
    fn name(&self, at: usize) -> String {
        self.names.get(at).cloned().unwrap_or_default()
    }

    /// The columns of marks.
    fn marks(&self) -> impl Iterator<Item = usize> {
        [Some(self.human), self.second].into_iter().flatten().chain(self.runs.iter().copied())
    }

    fn unused(&self) -> Vec<String> {
        let work = [self.text, self.instructions, self.rubric, self.language];
        let work = work.into_iter().flatten().filter(|_| self.runs.is_empty());
        let used: Vec<usize> = self.marks().chain(self.id).chain(work).collect();
        let unused = self.names.iter().enumerate().filter(|(at, name)| !used.contains(at) && !name.is_empty());
        unused.map(|(_, name)| name.clone()).collect()
    }

    fn problem(&self, row: &Row<'_>, at: usize, problem: Problem) -> SheetError {
        SheetError::Field { line: row.line, column: self.name(at), problem }
    }

    /// The mark in a column; none where nothing stands there.
    fn mark(&self, row: &Row<'_>, at: usize) -> Result<Option<Points>, SheetError> {
        let said = row.field(at);
        if said.is_empty() || (self.runs.contains(&at) && said.eq_ignore_ascii_case(FAILED)) {
            return Ok(None);
        }
        let shown = || said.chars().take(SHOWN).filter(|c| !c.is_control()).collect();
        said.parse().map(Some).map_err(|_| self.problem(row, at, Problem::NotAMark { said: shown() }))
    }

    /// The same, on the scale.
    fn on_scale(&self, row: &Row<'_>, at: usize, scale: &Scale) -> Result<Option<Points>, SheetError> {
        let mark = self.mark(row, at)?;
        if let Some(mark) = mark.filter(|mark| scale.level(*mark).is_none()) {
            return Err(self.problem(row, at, Problem::OffScale { mark, scale: *scale }));
        }
        Ok(mark)
    }

    /// The mark that no row may lack.
    fn human(&self, row: &Row<'_>, scale: &Scale) -> Result<Points, SheetError> {
        self.on_scale(row, self.human, scale)?.ok_or_else(|| self.problem(row, self.human, Problem::Missing))
    }

    fn second(&self, row: &Row<'_>, scale: &Scale) -> Result<Option<Points>, SheetError> {
        self.second.map_or(Ok(None), |at| self.on_scale(row, at, scale))
    }
}

/// The scale that was told; else from 0 to the worth of the rubric, or to the greatest mark.
fn scale(columns: &Columns, table: &Table<'_>, wanted: Wanted) -> Result<Scale, SheetError> {
    let step = wanted.step.unwrap_or(Points::from_units(lms_core::model::UNITS_PER_POINT));
    if let Some((min, max)) = wanted.range {
        return Ok(Scale::new(min, max, step)?);
    }
    let mut max = Points::ZERO;
    let mut worth = None;
    let rubric = columns.rubric.filter(|_| columns.runs.is_empty());
    table.each(|row| {
        worth = worth.or_else(|| rubric::worth(row.text(rubric)));
        for at in columns.marks() {
            let Some(mark) = columns.mark(row, at)? else { continue };
            if mark < Points::ZERO {
                return Err(columns.problem(row, at, Problem::BelowZero { mark }));
            }
            max = max.max(mark);
        }
        Ok(())
    })?;
    let units = worth.unwrap_or(max).units();
    let width = step.units().max(1);
    // A mark between two steps is said to be off the scale, and not the scale to be none.
    let whole = units.div_euclid(width).saturating_mul(width);
    Ok(Scale::new(Points::ZERO, Points::from_units(whole), step)?)
}

fn marked(columns: &Columns, row: &Row<'_>, scale: &Scale) -> Result<Marked, SheetError> {
    Ok(Marked {
        human: columns.human(row, scale)?,
        second: columns.second(row, scale)?,
        runs: columns.runs.iter().map(|at| columns.on_scale(row, *at, scale)).collect::<Result<_, _>>()?,
    })
}

fn work(columns: &Columns, row: &Row<'_>, scale: &Scale) -> Result<Work, SheetError> {
    let needed = |at: Option<usize>| {
        let at = at.unwrap_or_default();
        match row.field(at) {
            "" => Err(columns.problem(row, at, Problem::Missing)),
            text => Ok(text.to_owned()),
        }
    };
    let instructions = needed(columns.instructions)?;
    let rubric = row.text(columns.rubric);
    let criteria = rubric::criteria(rubric, &instructions, scale)
        .map_err(|problem| columns.problem(row, columns.rubric.unwrap_or_default(), problem))?;
    let id = Some(row.text(columns.id)).filter(|id| !id.is_empty());
    let language = Some(row.text(columns.language)).filter(|language| !language.is_empty());
    Ok(Work {
        id: id.map_or_else(|| format!("line {}", row.line), str::to_owned),
        human: columns.human(row, scale)?,
        second: columns.second(row, scale)?,
        text: needed(columns.text)?,
        instructions,
        language: language.unwrap_or("en").to_owned(),
        criteria,
    })
}
