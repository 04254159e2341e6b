//! What the tests of the program share: running it, and looking at its database from outside.
#![allow(dead_code, reason = "every test file takes what it needs")]

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use lms_store_sqlite::driver::{Connection, OpenFlags};

/// The program, offline and silent whatever the machine's environment says.
pub(crate) fn program() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_quickstart"));
    for (variable, _) in std::env::vars_os() {
        let name = variable.to_string_lossy();
        if ["ANTHROPIC_", "OPENAI_", "LMS_AI_", "LMS_LOG"].iter().any(|start| name.starts_with(start)) {
            command.env_remove(&variable);
        }
    }
    command.stdin(Stdio::null());
    command
}

/// Runs the program to its end.
pub(crate) fn run<S: AsRef<OsStr>>(args: impl IntoIterator<Item = S>) -> Output {
    program().args(args).output().unwrap()
}

/// Runs the program on a source into a folder; it has to succeed.
pub(crate) fn run_well(out: &Path, source: Option<&Path>, more: &[&str]) -> String {
    let mut command = program();
    command.arg("--out").arg(out).args(more);
    if let Some(source) = source {
        command.arg("--source").arg(source);
    }
    let output = command.output().unwrap();
    let (said, complained) = (text(&output.stdout), text(&output.stderr));
    assert!(output.status.success(), "{said}\n{complained}");
    assert_eq!(complained, "", "nothing to complain about");
    said
}

/// What was printed.
pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// The summary that `--json` wrote.
pub(crate) fn summary(out: &Path) -> serde_json::Value {
    serde_json::from_str(&fs::read_to_string(out.join("summary.json")).unwrap()).unwrap()
}

/// The database of a folder, from outside.
pub(crate) fn database(out: &Path) -> Connection {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    Connection::open_with_flags(out.join("lms.db"), flags).unwrap()
}

/// One number.
pub(crate) fn number(conn: &Connection, sql: &str) -> i64 {
    conn.query_row(sql, [], |row| row.get(0)).unwrap_or_else(|e| panic!("{sql}: {e}"))
}

/// One column of texts.
pub(crate) fn texts(conn: &Connection, sql: &str) -> Vec<String> {
    let mut statement = conn.prepare(sql).unwrap_or_else(|e| panic!("{sql}: {e}"));
    statement.query_map([], |row| row.get(0)).unwrap().collect::<Result<_, _>>().unwrap()
}

/// The names of all tables.
pub(crate) fn tables(conn: &Connection) -> Vec<String> {
    texts(conn, "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name")
}

/// Every row of every table, as SQL would write it.
pub(crate) fn dump(conn: &Connection) -> BTreeMap<String, BTreeSet<String>> {
    tables(conn)
        .into_iter()
        .map(|table| {
            let columns = texts(conn, &format!("SELECT name FROM pragma_table_info('{table}') ORDER BY cid"));
            let quoted: Vec<String> = columns.iter().map(|column| format!("quote(\"{column}\")")).collect();
            let rows = texts(conn, &format!("SELECT {} FROM \"{table}\"", quoted.join(" || ', ' || ")));
            (table, rows.into_iter().collect())
        })
        .collect()
}

/// Both checks of SQLite itself: every reference leads somewhere, and the file is whole.
pub(crate) fn assert_sound(conn: &Connection) {
    let mut dangling = conn.prepare("PRAGMA foreign_key_check").unwrap();
    assert!(!dangling.exists([]).unwrap(), "a foreign key leads nowhere");
    assert_eq!(texts(conn, "PRAGMA integrity_check"), ["ok"]);
}

/// A book of so many chapters with two sections each, every sentence of it another one.
pub(crate) fn book(chapters: usize) -> String {
    let mut book = String::from("# A Book of Rivers\n");
    for chapter in 0..chapters {
        let river = ["Danube", "Volga", "Loire", "Ebro", "Vistula", "Tagus", "Oder", "Rhone"][chapter % 8];
        book.push_str(&format!("\n## The {river}, part {chapter}\n"));
        for section in ["Course", "People"] {
            book.push_str(&format!("\n### {section} of stretch {chapter}\n\n"));
            for n in 0..6 {
                let (km, year) = (chapter * 37 + n * 11 + 5, 1200 + chapter * 13 + n);
                book.push_str(&format!(
                    "At kilometre {km} the {river} meets the village that merchants founded in {year} beside a \
                     {} bridge. ",
                    ["wooden", "stone", "covered", "narrow", "roman", "floating"][n]
                ));
            }
            book.push('\n');
        }
    }
    book
}
