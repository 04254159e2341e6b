//! A world on Postgres.

use async_trait::async_trait;
use lms_core::store::EventLog as _;
use lms_store_postgres::PgStore;
use lms_store_postgres::driver::{AssertSqlSafe, Row as _, query, raw_sql};
use lms_store_postgres::testing::Cluster;

use crate::support::{Snapshot, Stamped, Tables, World};

impl World<PgStore> {
    /// In schemas of its own.
    pub(crate) async fn postgres() -> Self {
        let world = Self::on(Cluster::shared().store().await.unwrap(), None).await;
        world.store.settle().await.unwrap();
        world
    }
}

#[async_trait]
impl Stamped for PgStore {
    async fn world(_: bool) -> World<Self> {
        World::postgres().await
    }
    async fn run_sql(&self, sql: String) {
        let (lms, private) = schemas(self);
        let sql = format!("BEGIN; SET LOCAL search_path = {lms}, {private}; {sql}; COMMIT");
        raw_sql(AssertSqlSafe(sql)).execute(self.pool()).await.unwrap();
    }
    async fn refuse(&self, writes: &str, table: &str) {
        let (_, private) = schemas(self);
        self.run_sql(format!(
            "CREATE FUNCTION {private}.refused() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
                 RAISE EXCEPTION 'a fault of the test';
             END $$;
             CREATE TRIGGER refused BEFORE {writes} ON {table} FOR EACH ROW EXECUTE FUNCTION {private}.refused()"
        ))
        .await;
    }
    async fn take_again(&self) {
        let (_, private) = schemas(self);
        self.run_sql(format!("DROP FUNCTION {private}.refused() CASCADE")).await;
    }
}

#[async_trait]
impl Snapshot for PgStore {
    async fn snapshot(&self) -> Tables {
        let mut tables = Tables::new();
        for (name, table) in tables_of(self).await {
            if name == "ai_logs" {
                continue;
            }
            // The names come from the catalogue, quoted.
            let rows = query(AssertSqlSafe(format!("SELECT t::text FROM {table} t")));
            let rows = rows.fetch_all(self.pool()).await.unwrap();
            let mut rows: Vec<String> = rows.iter().map(|row| row.try_get(0).unwrap()).collect();
            rows.sort();
            tables.insert(name, rows);
        }
        tables
    }
}

/// The tables of a store: the name of each, alone and with its schema.
pub(crate) async fn tables_of(store: &PgStore) -> Vec<(String, String)> {
    let names = "SELECT c.relname::text, format('%I.%I', n.nspname, c.relname) FROM pg_class c
                 JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = ANY($1) AND c.relkind = 'r'";
    let (lms, private) = schemas(store);
    let rows = query(names).bind(vec![lms, private]).fetch_all(store.pool()).await.unwrap();
    rows.iter().map(|row| (row.try_get(0).unwrap(), row.try_get(1).unwrap())).collect()
}

/// The names of the two schemas, as `Debug` tells them.
pub(crate) fn schemas(store: &PgStore) -> (String, String) {
    let shown = format!("{store:?}");
    let names = shown.split("schemas: \"").nth(1).and_then(|rest| rest.split('"').next()).unwrap();
    let mut names = names.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').filter(|name| !name.is_empty());
    (names.next().unwrap().to_owned(), names.next().unwrap().to_owned())
}
