//! The contract of a store over a host's own pool whose sessions begin in another isolation level.
#![allow(clippy::unwrap_used, reason = "these are tests")]

use lms_store_postgres::PgStore;
use lms_store_postgres::driver::postgres::{PgConnectOptions, PgPoolOptions};
use lms_store_postgres::testing::Cluster;

lms_core::conformance!(repeatable_read, in_level("repeatable read").await);
lms_core::conformance!(serializable, in_level("serializable").await);

async fn in_level(level: &'static str) -> PgStore {
    let options: PgConnectOptions = Cluster::shared().url().parse().unwrap();
    let pool = PgPoolOptions::new()
        .max_connections(10)
        .after_connect(move |conn, _| {
            Box::pin(async move {
                let set = format!("SET default_transaction_isolation = '{level}'");
                lms_store_postgres::driver::raw_sql(lms_store_postgres::driver::AssertSqlSafe(set))
                    .execute(conn)
                    .await
                    .map(drop)
            })
        })
        .connect_with(options)
        .await
        .unwrap();
    let (lms, private) = Cluster::fresh_schemas();
    PgStore::with_pool(pool, &lms, &private).unwrap()
}
