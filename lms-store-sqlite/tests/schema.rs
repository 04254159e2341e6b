//! The schema against the design, against the library's description of its rows, and against the
//! committed `schema.sql`.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "these are tests")]

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use lms_core::model::NewEvent;
use lms_core::model::table::{Column, Kind, Record};
use lms_core::store::{OnDelete, Table};
use lms_store_sqlite::driver::Connection;
use support::{World, columns};

/// The tables and columns of the design, whose names are fixed (DESIGN §5).
const DESIGN: &[(&str, &str)] = &[
    ("courses", "id instructor_id title description thumbnail_url is_published"),
    ("lessons", "id course_id title summary order_index"),
    ("topics", "id lesson_id title content_type content_url body order_index"),
    ("quizzes", "id lesson_id title description is_ai_generated"),
    ("quiz_questions", "id quiz_id question_type text options correct_answer order_index"),
    ("quiz_attempts", "id quiz_id student_id score started_at completed_at answers"),
    ("assignments", "id lesson_id title description due_date max_grade is_ai_generated"),
    ("submissions", "id assignment_id student_id submission_url content grade feedback graded_by plagiarism_score"),
    ("certificates", "id course_id student_id template_id certificate_url issued_at"),
    ("lesson_progress", "lesson_id student_id status"),
    ("activity_events", "id position"),
    ("ai_logs", "id"),
    ("users", "id"),
    ("enrollments", "id course_id student_id"),
    ("course_staff", "id course_id user_id"),
    ("objectives", "id course_id"),
    ("objective_lessons", "objective_id lesson_id"),
    ("objective_questions", "objective_id question_id"),
    ("objective_assignments", "objective_id assignment_id"),
    ("topic_views", "topic_id student_id"),
    ("quiz_revisions", "id quiz_id"),
    ("quiz_results", "quiz_id student_id"),
    ("grade_history", "subject_id seq"),
    ("overrides", "enrollment_id"),
    ("waivers", "enrollment_id"),
    ("certificate_templates", "id"),
    ("certificate_revisions", "certificate_id"),
    ("consumers", "name position"),
    ("submission_fingerprints", "scope hash submission_id"),
    ("lms_schema", "version min_reader"),
];

/// Tables without a UUID as their key, with the key that they have (DETAILS 24); the last three are
/// the library's own bookkeeping.
const OTHER_KEYS: &[(&str, &str)] = &[
    ("activity_events", "position"),
    ("submission_fingerprints", "scope hash submission_id pos"),
    ("fingerprint_df", "scope hash"),
    ("objective_lessons", "objective_id lesson_id"),
    ("objective_questions", "objective_id question_id"),
    ("objective_assignments", "objective_id assignment_id"),
    ("lesson_requires", "lesson_id requires_id"),
    ("consumers", "name"),
    ("ai_budgets", "scope"),
    ("ai_spending", "day scope"),
    ("lms_schema", "version"),
    ("lms_log", "one"),
];

/// Tables whose rows are edited: they say when they were made and when they last changed.
const EDITED: &[&str] = &[
    "assignments",
    "certificate_templates",
    "certificates",
    "courses",
    "enrollments",
    "lesson_progress",
    "lessons",
    "objectives",
    "overrides",
    "quiz_attempts",
    "quiz_questions",
    "quizzes",
    "submissions",
    "topics",
    "users",
];

/// Tables whose rows are written once, derived from other rows, or carry instants of their own.
const NOT_EDITED: &[&str] = &[
    "activity_events",
    "ai_budgets",
    "ai_logs",
    "ai_spending",
    "certificate_revisions",
    "consumers",
    "course_jobs",
    "course_staff",
    "fingerprint_df",
    "grade_history",
    "lesson_requires",
    "lms_log",
    "lms_schema",
    "objective_assignments",
    "objective_lessons",
    "objective_questions",
    "quiz_results",
    "quiz_revisions",
    "review_requests",
    "similarity_matches",
    "submission_fingerprints",
    "topic_views",
    "waivers",
];

/// Lists of words that the schema has and no enum of the library's: the first is a plain text of the
/// engine's, the second also takes the host's own "x-…".
const OTHER_WORDS: &[(&str, &str)] = &[("ai_logs", "redaction"), ("topics", "content_type")];

async fn migrated() -> (World, Connection) {
    let world = World::new().await;
    let conn = world.sql();
    (world, conn)
}

fn tables(conn: &Connection) -> Vec<String> {
    let sql = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name";
    strings(conn, sql, "")
}

/// One column of texts; `?1` is `of`.
fn strings(conn: &Connection, sql: &str, of: &str) -> Vec<String> {
    let mut statement = conn.prepare(sql).unwrap();
    let params: &[&dyn lms_store_sqlite::driver::ToSql] = if sql.contains("?1") { &[&of] } else { &[] };
    statement.query_map(params, |row| row.get(0)).unwrap().collect::<Result<_, _>>().unwrap()
}

/// Every table that the library describes as rows, with its columns.
fn described() -> Vec<(&'static str, &'static [Column])> {
    let all = Table::ALL.iter().map(|table| (table.name(), table.columns()));
    all.chain([(NewEvent::TABLE, NewEvent::COLUMNS)]).collect()
}

#[tokio::test]
async fn the_tables_and_columns_of_the_design_are_there() {
    let (_world, conn) = migrated().await;
    for (table, wanted) in DESIGN {
        let there = columns(&conn, table);
        for column in wanted.split(' ') {
            assert!(there.iter().any(|c| c == column), "`{table}` has no `{column}`: {there:?}");
        }
    }
}

#[tokio::test]
async fn every_table_has_the_columns_of_its_record_and_no_others() {
    let (_world, conn) = migrated().await;
    let mut statement = conn.prepare("SELECT name, type, \"notnull\", pk FROM pragma_table_info(?1)").unwrap();
    for (table, described) in described() {
        let found = statement.query_map([table], |row| {
            Ok((row.get::<_, String>(0)?, (row.get::<_, String>(1)?, row.get::<_, bool>(2)?)))
        });
        let mut found: BTreeMap<String, (String, bool)> = found.unwrap().collect::<Result<_, _>>().unwrap();
        if table == NewEvent::TABLE {
            assert!(found.remove("position").is_some(), "the log gives each event its position");
        }
        for column in described {
            let kind = match column.kind {
                Kind::Uuid => "BLOB",
                Kind::Text | Kind::Json => "TEXT",
                Kind::Int | Kind::Bool | Kind::Time | Kind::Points => "INTEGER",
            };
            let there = found.remove(column.name).unwrap_or_else(|| panic!("`{table}` has no `{}`", column.name));
            assert_eq!(there, (kind.to_owned(), !column.nullable), "{table}.{}", column.name);
        }
        assert!(found.is_empty(), "no record of `{table}` knows {found:?}");
    }
}

#[tokio::test]
async fn every_table_is_strict_and_has_one_uuid_as_its_key() {
    let (_world, conn) = migrated().await;
    let sql = "SELECT name FROM pragma_table_list WHERE schema = 'main' AND type = 'table' AND NOT strict
               AND name NOT LIKE 'sqlite_%'";
    assert_eq!(strings(&conn, sql, ""), [""; 0], "tables that are not STRICT");
    let others: BTreeMap<&str, &str> = OTHER_KEYS.iter().copied().collect();
    for table in tables(&conn) {
        let key = strings(&conn, "SELECT name FROM pragma_table_info(?1) WHERE pk > 0 ORDER BY pk", &table).join(" ");
        let wanted = others.get(table.as_str()).copied().unwrap_or("id");
        assert_eq!(key, wanted, "the key of `{table}`");
        if wanted == "id" {
            let sql = "SELECT type FROM pragma_table_info(?1) WHERE name = 'id'";
            assert_eq!(strings(&conn, sql, &table), ["BLOB"], "{table}.id");
            let text = strings(&conn, "SELECT sql FROM sqlite_schema WHERE type = 'table' AND name = ?1", &table);
            assert!(text[0].contains("id BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16)"), "{table}.id");
        }
    }
}

#[tokio::test]
async fn every_edited_table_says_when_it_was_made_and_changed() {
    let (_world, conn) = migrated().await;
    let known: BTreeSet<String> = EDITED.iter().chain(NOT_EDITED).map(|&name| name.to_owned()).collect();
    assert_eq!(known, tables(&conn).into_iter().collect(), "every table is in exactly one of the two lists");
    for table in tables(&conn) {
        let there = columns(&conn, &table);
        let has = |name: &str| there.iter().any(|column| column == name);
        if EDITED.contains(&table.as_str()) {
            assert!(has("created_at") && has("updated_at"), "{table}");
        } else {
            assert!(table == "lms_schema" || !has("version"), "`{table}` has a version, so it is edited (L5)");
        }
    }
}

#[tokio::test]
async fn d6_every_foreign_key_is_indexed() {
    let (_world, conn) = migrated().await;
    let mut keys = 0;
    for table in tables(&conn) {
        let mut statement =
            conn.prepare("SELECT id, \"from\" FROM pragma_foreign_key_list(?1) ORDER BY id, seq").unwrap();
        let mut foreign: BTreeMap<i64, BTreeSet<String>> = BTreeMap::new();
        let found = statement.query_map([&table], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
        for (key, column) in found.map(Result::unwrap) {
            foreign.entry(key).or_default().insert(column);
        }
        // A partial index does not help: deleting the parent looks at every child.
        let indexes = strings(&conn, "SELECT name FROM pragma_index_list(?1) WHERE NOT partial", &table);
        let leading = |index: &String, n: usize| -> BTreeSet<String> {
            let all = strings(&conn, "SELECT name FROM pragma_index_info(?1) ORDER BY seqno", index);
            all.into_iter().take(n).collect()
        };
        for columns in foreign.values() {
            keys += 1;
            let covered = indexes.iter().any(|index| leading(index, columns.len()) == *columns);
            assert!(covered, "no index of `{table}` begins with {columns:?}");
        }
    }
    assert!(keys > 50, "only {keys} foreign keys were found");
}

/// Columns, the table that they refer to, its columns, what a delete does.
type Key = (Vec<String>, String, Vec<String>, String);

fn references(conn: &Connection, table: &str) -> BTreeSet<Key> {
    let sql = "SELECT id, \"from\", \"table\", \"to\", on_delete FROM pragma_foreign_key_list(?1) ORDER BY id, seq";
    let mut statement = conn.prepare(sql).unwrap();
    let mut keys: BTreeMap<i64, Key> = BTreeMap::new();
    let mut rows = statement.query([table]).unwrap();
    while let Some(row) = rows.next().unwrap() {
        let key = keys.entry(row.get(0).unwrap()).or_default();
        key.0.push(row.get(1).unwrap());
        key.1 = row.get(2).unwrap();
        key.2.push(row.get(3).unwrap());
        let on_delete: String = row.get(4).unwrap();
        // Both refuse; one looks at the end of the statement.
        key.3 = on_delete.replace("NO ACTION", "RESTRICT");
    }
    keys.into_values().collect()
}

/// The keys of the tables as data are the schema's: a store that is no database keeps them by that list.
#[tokio::test]
async fn the_keys_as_data_are_the_keys_of_the_schema() {
    let (_world, conn) = migrated().await;
    let own = |columns: &[&str]| columns.iter().map(|c| (*c).to_owned()).collect::<Vec<_>>();
    for table in Table::ALL {
        let said: BTreeSet<Key> = table
            .references()
            .iter()
            .map(|r| {
                let on_delete = match r.on_delete {
                    OnDelete::Cascade => "CASCADE",
                    OnDelete::Restrict => "RESTRICT",
                    OnDelete::SetNull => "SET NULL",
                };
                (own(r.columns), r.to.name().to_owned(), own(r.target), on_delete.to_owned())
            })
            .collect();
        assert_eq!(references(&conn, table.name()), said, "what `{}` refers to", table.name());
        let said: BTreeSet<Vec<String>> = table.uniques().iter().map(|u| own(u.columns)).collect();
        let unique = strings(&conn, "SELECT name FROM pragma_index_list(?1) WHERE \"unique\"", table.name());
        let found: BTreeSet<Vec<String>> = unique
            .iter()
            .map(|index| strings(&conn, "SELECT name FROM pragma_index_info(?1) ORDER BY seqno", index))
            // What a composite key refers to is unique by its id already.
            .filter(|columns| columns.len() == 1 || !columns.iter().any(|c| c == "id"))
            .collect();
        assert_eq!(found, said, "what is unique in `{}`", table.name());
    }
}

/// rules: DETAILS 48
#[tokio::test]
async fn the_words_of_every_check_are_the_words_of_the_library() {
    let (_world, conn) = migrated().await;
    let mut listed: BTreeMap<(String, String), BTreeSet<String>> = BTreeMap::new();
    for table in tables(&conn) {
        let text = strings(&conn, "SELECT sql FROM sqlite_schema WHERE type = 'table' AND name = ?1", &table);
        for (column, words) in word_lists(&text[0]) {
            assert!(
                listed.insert((table.clone(), column.clone()), words).is_none(),
                "{table}.{column} is listed twice"
            );
        }
    }
    for (table, column) in OTHER_WORDS {
        assert!(listed.remove(&((*table).to_owned(), (*column).to_owned())).is_some(), "{table}.{column}");
    }
    for (table, described) in described() {
        for column in described.iter().filter(|column| !column.words.is_empty()) {
            let words: BTreeSet<String> = column.words.iter().map(|&word| word.to_owned()).collect();
            let there = listed.remove(&(table.to_owned(), column.name.to_owned()));
            assert_eq!(there, Some(words), "the CHECK of {table}.{}", column.name);
        }
    }
    assert!(listed.is_empty(), "the library has no words for {listed:?}");
}

/// The lists of words of a table: `CHECK (column = 'a' OR column = 'b')`, or `IN ('a', 'b')` of two.
fn word_lists(sql: &str) -> Vec<(String, BTreeSet<String>)> {
    let plain: Vec<&str> = sql.lines().filter(|line| !line.trim_start().starts_with("--")).map(str::trim).collect();
    let plain = plain.join(" ");
    let lists = plain.split("CHECK (").skip(1).filter_map(|check| {
        let (column, rest) = check.split_once(' ')?;
        let words: BTreeSet<String> = match rest.strip_prefix("IN (") {
            Some(list) => list.split_once(')')?.0.split(", ").filter_map(quoted).collect(),
            None => {
                let same = |test: &str| test.strip_prefix(column)?.strip_prefix(" = ").and_then(quoted);
                // One comparison is a rule over several columns, not a list.
                check.split(" OR ").map_while(same).collect::<BTreeSet<_>>()
            }
        };
        (words.len() > usize::from(!rest.starts_with("IN ("))).then(|| (column.to_owned(), words))
    });
    lists.collect()
}

/// The word in quotes with which a text begins.
fn quoted(text: &str) -> Option<String> {
    text.strip_prefix('\'')?.split_once('\'').map(|(word, _)| word.to_owned())
}

/// rules: DESIGN §5
// SQLite before 3.45 says that json_valid(NULL) is 0, not NULL: a CHECK that leans on NULL would make the
// integrity check of such a shell complain of rows that are right.
#[tokio::test]
async fn a_document_that_may_be_missing_says_so_in_its_check() {
    let (_world, conn) = migrated().await;
    let mut looked_at = 0;
    for (table, described) in described() {
        let sql = strings(&conn, "SELECT sql FROM sqlite_schema WHERE name = ?1", table).concat();
        for column in described.iter().filter(|column| column.kind == Kind::Json && column.nullable) {
            let check = format!("CHECK ({name} IS NULL OR json_valid({name}))", name = column.name);
            assert!(sql.contains(&check), "{table}.{}", column.name);
            looked_at += 1;
        }
    }
    assert!(looked_at >= 4, "{looked_at}");
}

#[tokio::test]
async fn migrations_reach_exactly_the_documented_schema() {
    let (_world, conn) = migrated().await;
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("schema.sql");
    let reached = documented(&conn);
    if std::env::var_os("UPDATE_SCHEMA").is_some() {
        fs::write(&file, &reached).unwrap();
    }
    let committed = fs::read_to_string(&file).unwrap_or_default();
    let differs = committed.lines().zip(reached.lines()).position(|(a, b)| a != b);
    assert!(
        committed == reached,
        "schema.sql is not what the migrations reach (first difference: line {}). If the change is meant, run\n    \
         UPDATE_SCHEMA=1 cargo test -p lms-store-sqlite --test schema\nand commit the file.",
        differs.unwrap_or_else(|| committed.lines().count().min(reached.lines().count())) + 1
    );
    // It is a program too: an empty database that runs it has the same schema.
    let empty = Connection::open_in_memory().unwrap();
    empty.execute_batch(&committed).unwrap();
    assert_eq!(documented(&empty), committed);
}

/// The current schema as text: each table with its indexes after it, tables by name. Comments inside a
/// table are part of what the database keeps; those above it are taken from the migrations.
fn documented(conn: &Connection) -> String {
    let mut folder: Vec<_> = fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/migrations"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    folder.sort();
    let migrations: String = folder.iter().map(|path| fs::read_to_string(path).unwrap()).collect();
    let (head, _) = migrations.split_once("CREATE TABLE").unwrap();
    let (head, _) = head.rsplit_once("\n\n").unwrap();
    let head: String =
        head.lines().skip_while(|line| !line.starts_with("-- How values")).map(|l| format!("{l}\n")).collect();
    let mut text = format!(
        "-- The current schema of the SQLite store: what the migrations reach. A test compares the two, and\n\
         -- writes this file anew with UPDATE_SCHEMA=1.\n--\n{head}"
    );
    let mut statement = conn
        .prepare(
            "SELECT tbl_name, sql, type = 'table' FROM sqlite_schema WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite_%'
             ORDER BY tbl_name, type <> 'table', name",
        )
        .unwrap();
    let mut rows = statement.query([]).unwrap();
    while let Some(row) = rows.next().unwrap() {
        let (table, sql): (String, String) = (row.get(0).unwrap(), row.get(1).unwrap());
        if row.get(2).unwrap() {
            text.push_str(&format!("\n{}", above(&migrations, &table)));
        }
        text.push_str(&format!("{sql};\n"));
    }
    text
}

/// The comment above a table in the migrations.
fn above(migrations: &str, table: &str) -> String {
    let mut comment = String::new();
    for line in migrations.lines() {
        if line == format!("CREATE TABLE {table} (") {
            return comment;
        }
        if line.starts_with("--") { comment.push_str(&format!("{line}\n")) } else { comment.clear() }
    }
    String::new()
}
