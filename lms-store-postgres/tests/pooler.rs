//! Behind a transaction pooler: the whole contract, and the right answers to the right callers.
#![allow(clippy::indexing_slicing, clippy::unwrap_used, reason = "these are tests")]

use std::sync::OnceLock;

use lms_core::store::{PeopleReads, PersonKey};
use lms_core::{Lms, lms::NewUser, model::Role};
use lms_store_postgres::PgStore;
use lms_store_postgres::driver::postgres::{PgConnectOptions, PgPoolOptions};
use lms_store_postgres::testing::{Cluster, Pooler};

lms_core::conformance!(pooled, behind(8).await);

fn pooler() -> &'static Pooler {
    static SHARED: OnceLock<Pooler> = OnceLock::new();
    SHARED.get_or_init(|| Cluster::own().pooler(4))
}

async fn behind(connections: u32) -> PgStore {
    let (lms, private) = Cluster::fresh_schemas();
    PgStore::builder(pooler().url())
        .schemas(lms, private)
        .max_connections(connections)
        .pooled(Some(Cluster::own().url().to_owned()))
        .connect()
        .await
        .unwrap()
}

/// Two statements of the same types in turn, from more clients than the pooler has connections: every
/// answer is the one to the caller's own question.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn every_answer_is_to_the_question_that_was_asked() {
    ask(behind(8).await).await;
}

/// The same over a pool of the host's that leads to the pooler.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_hosts_pool_may_lead_to_a_pooler() {
    let options: PgConnectOptions = pooler().url().parse().unwrap();
    let pool = PgPoolOptions::new().max_connections(8).connect_lazy_with(options.statement_cache_capacity(0));
    let (lms, private) = Cluster::fresh_schemas();
    let builder = PgStore::builder_over(pool).schemas(lms, private);
    let store = builder.pooled(Some(Cluster::own().url().to_owned())).connect().await.unwrap();
    ask(store).await;
}

async fn ask(store: PgStore) {
    let lms = Lms::builder(store.clone()).build();
    lms.migrate().await.unwrap();
    let mut users = Vec::new();
    for n in 0..8 {
        let mut user = NewUser::new(Role::Student, format!("user {n}"));
        user.external_id = Some(format!("host-{n}"));
        users.push(lms.system().people().ensure_user(user).await.unwrap());
    }
    let mut clients = Vec::new();
    for n in 0..8 {
        let (store, users) = (store.clone(), users.clone());
        clients.push(tokio::spawn(async move {
            for turn in 0..100 {
                let user = &users[(n + turn) % users.len()];
                let by_id = store.person(None, PersonKey::Id(user.id)).await.unwrap().subject.unwrap();
                assert_eq!(&by_id, user);
                let external = user.external_id.clone().unwrap();
                let by_name = store.person(Some(user.id), PersonKey::External(external)).await.unwrap();
                assert_eq!((by_name.subject.as_ref(), by_name.actor.as_ref()), (Some(user), Some(user)));
            }
        }));
    }
    for client in clients {
        client.await.unwrap();
    }
}

/// Callers that go away while a transaction is being begun keep no server of the pooler's from the others.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn who_goes_away_keeps_no_server_of_the_poolers() {
    let pooler = Cluster::own().pooler(2);
    let (lms, private) = Cluster::fresh_schemas();
    let store = PgStore::builder(pooler.url())
        .schemas(lms, private)
        .max_connections(8)
        .pooled(Some(Cluster::own().url().to_owned()))
        .connect()
        .await
        .unwrap();
    let lms = Lms::builder(store.clone()).build();
    lms.migrate().await.unwrap();
    let user = lms.system().people().ensure_user(NewUser::new(Role::Student, "Somebody")).await.unwrap();
    let key = || PersonKey::Id(user.id);
    for round in 0..40_u64 {
        let mut leaving = Vec::new();
        for n in 0..8_u64 {
            let (store, key) = (store.clone(), key());
            let wait = std::time::Duration::from_micros(round * 25 + n * 40);
            leaving.push(tokio::spawn(async move {
                let _ = tokio::time::timeout(wait, store.person(None, key)).await;
            }));
        }
        for one in leaving {
            one.await.unwrap();
        }
        // One caller alone: nobody else takes up a connection that was left behind and sets it free by that.
        let alone = tokio::time::timeout(std::time::Duration::from_secs(20), store.person(None, key())).await;
        assert_eq!(alone.expect("an answer within 20 s").unwrap().subject.as_ref(), Some(&user), "round {round}");
    }
}
