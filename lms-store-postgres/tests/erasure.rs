//! An erased person leaves no word in any row of any table, also in those that no read gives.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "these are tests")]

use std::collections::BTreeSet;
use std::sync::Arc;

use lms_core::conformance::Harness;
use lms_core::conformance::person::{PERSON_MARK, PERSON_TEXTS, a_person_with_a_word_everywhere};
use lms_store_postgres::PgStore;
use lms_store_postgres::driver::{self, AssertSqlSafe, Row as _};
use lms_store_postgres::testing::Cluster;

/// The columns, of all tables of two schemas, that hold the mark.
async fn marked(store: &PgStore, schemas: [&str; 2]) -> BTreeSet<String> {
    let sql = format!(
        "SELECT c.table_schema::text, c.table_name::text, c.column_name::text FROM information_schema.columns AS c
         JOIN information_schema.tables AS t USING (table_schema, table_name)
         WHERE t.table_type = 'BASE TABLE' AND c.table_schema IN ('{}', '{}')",
        schemas[0], schemas[1]
    );
    let mut found = BTreeSet::new();
    for row in driver::query(AssertSqlSafe(sql)).fetch_all(store.pool()).await.unwrap() {
        let [schema, table, column] = [0, 1, 2].map(|n| row.get::<String, _>(n));
        let sql = format!(
            "SELECT EXISTS (SELECT 1 FROM {schema}.{table} WHERE position('{PERSON_MARK}' IN {column}::text) > 0)"
        );
        if driver::query(AssertSqlSafe(sql)).fetch_one(store.pool()).await.unwrap().get::<bool, _>(0) {
            found.insert(format!("{table}.{column}"));
        }
    }
    found
}

/// rules: D5
#[tokio::test]
async fn d5_no_row_of_any_table_holds_a_word_of_an_erased_person() {
    let (lms, private) = Cluster::fresh_schemas();
    let store = PgStore::builder(Cluster::shared().url()).schemas(&*lms, &*private).connect().await.unwrap();
    let h = Harness::over(Arc::new(store.clone())).await;
    let (who, admin) = a_person_with_a_word_everywhere(&h).await;
    for order in ["ASC", "DESC"] {
        let sql = format!(
            "INSERT INTO {private}.similarity_matches (id, submission_id, other_id, score, matched, eligible, passages,
                 algo_version, created_at)
             SELECT gen_random_uuid(), (SELECT id FROM {lms}.submissions ORDER BY id {order} LIMIT 1),
                 (SELECT id FROM {lms}.submissions ORDER BY id {order} LIMIT 1 OFFSET 1), 0, 1, 1,
                 json_build_array('{PERSON_MARK}'), 1, now()"
        );
        driver::query(AssertSqlSafe(sql)).execute(store.pool()).await.unwrap();
    }
    let expected: BTreeSet<String> = PERSON_TEXTS.iter().map(|&column| column.to_owned()).collect();
    let there = marked(&store, [&lms, &private]).await;
    assert_eq!(there, expected, "left is what holds a word, right is what D5 names");
    h.lms.as_user(admin).people().erase_person(who).await.unwrap();
    assert_eq!(marked(&store, [&lms, &private]).await, BTreeSet::new());
}
