//! An erased person leaves no word in any row of any table, also in those that no read gives.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "these are tests")]

mod support;

use std::collections::BTreeSet;
use std::sync::Arc;

use lms_core::conformance::Harness;
use lms_core::conformance::person::{PERSON_MARK, PERSON_TEXTS, a_person_with_a_word_everywhere};
use lms_store_sqlite::driver::Connection;
use support::{World, columns};

/// The columns, of all tables, that hold the mark.
fn marked(conn: &Connection) -> BTreeSet<String> {
    let sql = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'";
    let mut statement = conn.prepare(sql).unwrap();
    let tables: Vec<String> = statement.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
    let mut found = BTreeSet::new();
    for table in tables {
        for column in columns(conn, &table) {
            let sql = format!("SELECT count(*) FROM {table} WHERE instr(CAST({column} AS TEXT), ?1) > 0");
            if conn.query_row(&sql, [PERSON_MARK], |row| row.get::<_, i64>(0)).unwrap() > 0 {
                found.insert(format!("{table}.{column}"));
            }
        }
    }
    found
}

/// rules: D5
#[tokio::test]
async fn d5_no_row_of_any_table_holds_a_word_of_an_erased_person() {
    let world = World::new().await;
    let h = Harness::over(Arc::new(world.store.clone())).await;
    let (who, admin) = a_person_with_a_word_everywhere(&h).await;
    let conn = world.sql();
    for column in ["submission_id", "other_id"] {
        let other = if column == "other_id" { "submission_id" } else { "other_id" };
        let sql = format!(
            "INSERT INTO similarity_matches (id, {column}, {other}, score, matched, eligible, passages, algo_version,
                 created_at)
             SELECT randomblob(16), min(id), max(id), 1, 1, 1, json_array('{PERSON_MARK}'), 1, 0 FROM submissions"
        );
        assert_eq!(conn.execute(&sql, []).unwrap(), 1);
    }
    let expected: BTreeSet<String> = PERSON_TEXTS.iter().map(|&column| column.to_owned()).collect();
    assert_eq!(marked(&conn), expected, "left is what holds a word, right is what D5 names");
    h.lms.as_user(admin).people().erase_person(who).await.unwrap();
    assert_eq!(marked(&conn), BTreeSet::new());
}
