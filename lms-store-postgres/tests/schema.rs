//! The schema: what the description of the rows says, and who may use it.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "these are tests")]

use std::collections::{BTreeMap, BTreeSet};

use lms_core::Lms;
use lms_core::lms::{NewCourse, NewUser};
use lms_core::model::NewEvent;
use lms_core::model::Role;
use lms_core::model::table::{Kind, Record};
use lms_core::store::{OnDelete, Store, StoreErrorKind, Table};
use lms_core::testing::Classroom;
use lms_store_postgres::PgStore;
use lms_store_postgres::driver::postgres::PgConnectOptions;
use lms_store_postgres::driver::{self, AssertSqlSafe, Connection as _, PgConnection, PgPool, Row as _};
use lms_store_postgres::testing::Cluster;

struct Fresh {
    store: PgStore,
    lms: String,
    private: String,
}

async fn fresh() -> Fresh {
    let (lms, private) = Cluster::fresh_schemas();
    let store = PgStore::builder(Cluster::shared().url()).schemas(&*lms, &*private).connect().await.unwrap();
    store.migrate().await.unwrap();
    Fresh { store, lms, private }
}

impl Fresh {
    async fn rows(&self, sql: &str) -> Vec<Vec<String>> {
        let sql = sql.replace("{lms}", &self.lms).replace("{priv}", &self.private);
        let rows = driver::query(AssertSqlSafe(sql)).fetch_all(self.store.pool()).await.unwrap();
        rows.iter().map(|row| (0..row.len()).map(|n| row.get::<String, _>(n)).collect()).collect()
    }
}

fn sql_type(kind: Kind) -> &'static str {
    match kind {
        Kind::Uuid => "uuid",
        Kind::Text => "text",
        Kind::Int => "bigint",
        Kind::Bool => "boolean",
        Kind::Time => "timestamp with time zone",
        Kind::Points => "numeric",
        Kind::Json => "json",
    }
}

#[tokio::test]
async fn every_column_is_what_its_description_says() {
    let fresh = fresh().await;
    let mut found: BTreeMap<String, BTreeMap<String, (String, bool)>> = BTreeMap::new();
    for row in fresh
        .rows(
            "SELECT table_name::text, column_name::text, data_type::text, is_nullable::text
             FROM information_schema.columns WHERE table_schema IN ('{lms}', '{priv}')",
        )
        .await
    {
        let [table, column, kind, nullable] = <[String; 4]>::try_from(row).unwrap();
        found.entry(table).or_default().insert(column, (kind, nullable == "YES"));
    }
    let described = Table::ALL.iter().map(|t| (t.name(), t.columns())).chain([("activity_events", NewEvent::COLUMNS)]);
    for (table, columns) in described {
        let mut there = found.remove(table).unwrap_or_else(|| panic!("no table {table}"));
        for column in columns {
            let (kind, nullable) =
                there.remove(column.name).unwrap_or_else(|| panic!("no column {table}.{}", column.name));
            assert_eq!(kind, sql_type(column.kind), "{table}.{}", column.name);
            assert_eq!(nullable, column.nullable, "{table}.{} may be NULL", column.name);
        }
        if table == "activity_events" {
            assert!(there.remove("seq").is_some() && there.remove("position").is_some());
        }
        assert!(there.is_empty(), "{table} has columns that nobody describes: {there:?}");
    }
}

/// Whole rows are read by place: a column that a migration adds stands last in the description, too.
#[tokio::test]
async fn the_columns_stand_in_the_order_of_their_description() {
    let fresh = fresh().await;
    let rows = fresh
        .rows(
            "SELECT table_name::text, string_agg(column_name, ' ' ORDER BY ordinal_position)
             FROM information_schema.columns WHERE table_schema IN ('{lms}', '{priv}') GROUP BY table_name",
        )
        .await;
    let found: BTreeMap<&str, &str> = rows.iter().map(|row| (row[0].as_str(), row[1].as_str())).collect();
    for table in Table::ALL {
        let said = table.columns().iter().map(|c| c.name).collect::<Vec<_>>().join(" ");
        assert_eq!(found.get(table.name()).copied(), Some(said.as_str()), "{}", table.name());
    }
}

/// rules: D6
#[tokio::test]
async fn every_foreign_key_has_an_index() {
    let fresh = fresh().await;
    let without = fresh
        .rows(
            "SELECT c.conrelid::regclass::text, c.conname::text FROM pg_constraint AS c
             JOIN pg_namespace AS n ON n.oid = c.connamespace
             WHERE c.contype = 'f' AND n.nspname IN ('{lms}', '{priv}')
               AND NOT EXISTS (
                   SELECT 1 FROM pg_index AS i
                   WHERE i.indrelid = c.conrelid AND i.indpred IS NULL
                     AND (i.indkey::int2[])[0:cardinality(c.conkey) - 1] @> c.conkey)",
        )
        .await;
    assert_eq!(without, Vec::<Vec<String>>::new());
    let keys = fresh
        .rows(
            "SELECT count(*)::text FROM pg_constraint AS c JOIN pg_namespace AS n ON n.oid = c.connamespace
             WHERE c.contype = 'f' AND n.nspname IN ('{lms}', '{priv}')",
        )
        .await;
    assert!(keys[0][0].parse::<i64>().unwrap() > 50, "the query looks at the keys: {keys:?}");
}

/// The keys of the tables as data are the schema's: a store that is no database keeps them by that list.
#[tokio::test]
async fn the_keys_as_data_are_the_keys_of_the_schema() {
    let fresh = fresh().await;
    let references = fresh
        .rows(
            "SELECT t.relname::text, f.relname::text, replace(c.confdeltype::text, 'a', 'r'),
                 (SELECT string_agg(a.attname, ' ' ORDER BY k.n) FROM unnest(c.conkey) WITH ORDINALITY AS k (at, n)
                  JOIN pg_attribute AS a ON a.attrelid = c.conrelid AND a.attnum = k.at),
                 (SELECT string_agg(a.attname, ' ' ORDER BY k.n) FROM unnest(c.confkey) WITH ORDINALITY AS k (at, n)
                  JOIN pg_attribute AS a ON a.attrelid = c.confrelid AND a.attnum = k.at)
             FROM pg_constraint AS c JOIN pg_class AS t ON t.oid = c.conrelid JOIN pg_class AS f ON f.oid = c.confrelid
             JOIN pg_namespace AS n ON n.oid = c.connamespace
             WHERE c.contype = 'f' AND n.nspname IN ('{lms}', '{priv}')",
        )
        .await;
    let uniques = fresh
        .rows(
            "SELECT t.relname::text,
                 (SELECT string_agg(a.attname, ' ' ORDER BY k.n) FROM unnest(i.indkey) WITH ORDINALITY AS k (at, n)
                  JOIN pg_attribute AS a ON a.attrelid = i.indrelid AND a.attnum = k.at WHERE k.n <= i.indnkeyatts)
             FROM pg_index AS i JOIN pg_class AS t ON t.oid = i.indrelid JOIN pg_namespace AS n ON n.oid = t.relnamespace
             WHERE i.indisunique AND n.nspname IN ('{lms}', '{priv}')",
        )
        .await;
    // Of what refuses a delete, one looks at the end of the statement ('a').
    for table in Table::ALL {
        let of = |rows: &[Vec<String>]| -> BTreeSet<Vec<String>> {
            rows.iter().filter(|row| row[0] == table.name()).map(|row| row[1..].to_vec()).collect()
        };
        let said: BTreeSet<Vec<String>> = table
            .references()
            .iter()
            .map(|r| {
                let on_delete = match r.on_delete {
                    OnDelete::Cascade => "c",
                    OnDelete::Restrict => "r",
                    OnDelete::SetNull => "n",
                };
                vec![r.to.name().to_owned(), on_delete.to_owned(), r.columns.join(" "), r.target.join(" ")]
            })
            .collect();
        assert_eq!(of(&references), said, "what `{}` refers to", table.name());
        let said: BTreeSet<Vec<String>> = table.uniques().iter().map(|u| vec![u.columns.join(" ")]).collect();
        let found: BTreeSet<Vec<String>> = of(&uniques)
            .into_iter()
            // What a composite key refers to is unique by its id already.
            .filter(|columns| columns[0] == "id" || !columns[0].split(' ').any(|c| c == "id"))
            .collect();
        assert_eq!(found, said, "what is unique in `{}`", table.name());
    }
}

/// The documented current schema is what migrations reach: it is their very text, held here.
#[test]
fn the_documented_schema_is_what_migrations_run() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/schema.sql");
    let printed = PgStore::print_sql("lms", "lms_private").unwrap();
    if std::env::var_os("UPDATE_SQL").is_some() {
        std::fs::write(path, &printed).unwrap();
    }
    let committed = std::fs::read_to_string(path).unwrap_or_default();
    assert!(committed == printed, "schema.sql is not what migrations run; run this test with UPDATE_SQL=1");
}

#[tokio::test]
async fn a_role_that_cannot_migrate_serves() {
    let fresh = fresh().await;
    let (lms, private) = (&fresh.lms, &fresh.private);
    let role = format!("{lms}_app");
    // The statements of docs/postgres.md.
    let grants = format!(
        "CREATE ROLE {role} LOGIN PASSWORD 'only a test';
         GRANT USAGE ON SCHEMA {lms}, {private} TO {role};
         GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA {lms}, {private} TO {role};
         GRANT USAGE ON ALL SEQUENCES IN SCHEMA {private} TO {role};
         GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA {private} TO {role};"
    );
    driver::raw_sql(AssertSqlSafe(grants)).execute(fresh.store.pool()).await.unwrap();
    // Wherever the server is, and whoever the tests are there.
    let options: PgConnectOptions = Cluster::shared().url().parse().unwrap();
    let as_role = || PgPool::connect_lazy_with(options.clone().username(&role).password("only a test"));
    let who = "SELECT current_user::text = $1";
    let (is_role,): (bool,) = driver::query_as(who).bind(&role).fetch_one(&as_role()).await.unwrap();
    assert!(is_role);
    let store = PgStore::with_pool(as_role(), lms, private).unwrap();
    let library = Lms::builder(store.clone()).build();
    library.migrate().await.unwrap();
    let teacher = library.system().people().ensure_user(NewUser::new(Role::Instructor, "T")).await.unwrap();
    library.as_user(teacher.id).catalog().create_course(NewCourse::titled("C")).await.unwrap();
    assert!(library.settle().await.unwrap() > 0);
    assert!(store.pending().await.unwrap().is_empty());
    // It cannot migrate a schema of its own.
    let (other, other_private) = Cluster::fresh_schemas();
    let own = PgStore::with_pool(as_role(), &other, &other_private).unwrap();
    assert!(own.migrate().await.is_err());
}

#[tokio::test]
async fn nobody_else_may_call_the_functions() {
    let fresh = fresh().await;
    let open = fresh
        .rows(
            "SELECT p.proname::text FROM pg_proc AS p JOIN pg_namespace AS n ON n.oid = p.pronamespace
             WHERE n.nspname IN ('{lms}', '{priv}')
               AND (p.proacl IS NULL OR EXISTS (SELECT 1 FROM aclexplode(p.proacl) AS a WHERE a.grantee = 0))",
        )
        .await;
    assert_eq!(open, Vec::<Vec<String>>::new());
}

#[tokio::test]
async fn a_schema_of_another_age_is_refused_with_both_versions() {
    let (lms, private) = Cluster::fresh_schemas();
    let store = PgStore::builder(Cluster::shared().url()).schemas(&*lms, &*private).connect().await.unwrap();
    let library = Lms::builder(store.clone()).build();
    let early = library.system().people().ensure_user(NewUser::new(Role::Student, "S")).await.unwrap_err();
    assert!(early.to_string().contains("schema version 0"), "{early}");
    store.migrate().await.unwrap();
    // A later release that this library may not read.
    let later = format!("INSERT INTO {private}.lms_schema VALUES (9, 7, now())");
    driver::raw_sql(AssertSqlSafe(later)).execute(store.pool()).await.unwrap();
    let again = PgStore::builder(Cluster::shared().url()).schemas(&*lms, &*private).connect().await.unwrap();
    let refused = again.migrate().await.unwrap_err();
    assert_eq!(refused.kind(), &StoreErrorKind::Schema { found: 9, needed: 1 });
    // One that only adds does not shut this one out.
    let compatible = format!("UPDATE {private}.lms_schema SET min_reader = 1 WHERE version = 9");
    driver::raw_sql(AssertSqlSafe(compatible)).execute(store.pool()).await.unwrap();
    again.migrate().await.unwrap();
    Lms::builder(again).build().system().people().ensure_user(NewUser::new(Role::Student, "S")).await.unwrap();
}

#[tokio::test]
async fn many_processes_migrate_at_once() {
    let (lms, private) = Cluster::fresh_schemas();
    let mut racers = Vec::new();
    for _ in 0..8 {
        let (lms, private) = (lms.clone(), private.clone());
        racers.push(tokio::spawn(async move {
            let store = PgStore::builder(Cluster::shared().url()).schemas(lms, private).connect().await.unwrap();
            store.migrate().await.unwrap();
            assert_eq!(store.schema_version().await.unwrap(), (1, 1));
        }));
    }
    for racer in racers {
        racer.await.unwrap();
    }
}

/// The host's sessions may begin in another level: each look at the version is still as fresh as the lock.
#[tokio::test]
async fn many_processes_migrate_at_once_in_any_level() {
    for level in ["repeatable read", "serializable"] {
        let (lms, private) = Cluster::fresh_schemas();
        let mut racers = Vec::new();
        for _ in 0..8 {
            let (lms, private) = (lms.clone(), private.clone());
            racers.push(tokio::spawn(async move {
                let options: PgConnectOptions = Cluster::shared().url().parse().unwrap();
                let options = options.options([("default_transaction_isolation", level)]);
                let store = PgStore::with_pool(PgPool::connect_lazy_with(options), &lms, &private).unwrap();
                let (said,): (String,) =
                    driver::query_as("SHOW transaction_isolation").fetch_one(store.pool()).await.unwrap();
                assert_eq!(said, level);
                store.migrate().await.unwrap();
                assert_eq!(store.schema_version().await.unwrap(), (1, 1));
            }));
        }
        for racer in racers {
            racer.await.unwrap();
        }
    }
}

/// The printed schema is all or nothing, as a script that goes on after an error runs it.
#[tokio::test]
async fn a_script_that_breaks_off_leaves_nothing() {
    let (lms, private) = Cluster::fresh_schemas();
    let printed = PgStore::print_sql(&lms, &private).unwrap();
    let mut statements = PgConnection::connect(Cluster::shared().url()).await.unwrap();
    let (before, after) = printed.split_once("CREATE FUNCTION").unwrap();
    let mut failed = false;
    for part in [before, "SELECT 1 / 0;", "COMMIT;"] {
        failed |= driver::raw_sql(AssertSqlSafe(part.to_owned())).execute(&mut statements).await.is_err();
    }
    assert!(failed && after.ends_with("COMMIT;\n"));
    let there = format!("SELECT to_regnamespace('{lms}') IS NOT NULL");
    let (there,): (bool,) = driver::query_as(AssertSqlSafe(there)).fetch_one(&mut statements).await.unwrap();
    assert!(!there, "half a schema");
    driver::raw_sql(AssertSqlSafe(printed)).execute(&mut statements).await.unwrap();
    let store = PgStore::builder(Cluster::shared().url()).schemas(lms, private).connect().await.unwrap();
    assert_eq!(store.schema_version().await.unwrap(), (1, 1));
    assert!(store.pending().await.unwrap().is_empty()); // `lms.migrate()` is never called: a lesser role than the one that migrates may serve.
    let lms = Lms::builder(store).build();
    let room = Classroom::build(&lms, 1, 1).await.unwrap();
    let done = room.student(0).learning().complete_lesson(room.lessons[0]).await.unwrap();
    assert!(done.just_completed, "and the certificate of it needs the built-in template");
}
