//! Every public future is Send, so that a host may spawn it on any runtime. The proof is that this file compiles.
#![allow(clippy::unwrap_used, clippy::panic, reason = "these are tests")]

use std::path::Path;

use lms_store_postgres::PgStore;
use lms_store_postgres::testing::Cluster;

/// A value of any type, for code that is compiled and never run.
fn any<T>() -> T {
    panic!("this is compiled, not run")
}

fn send<F: Future + Send>(_: F) {}

fn calls(store: &PgStore, cluster: &Cluster) {
    fn shared<T: Clone + Send + Sync + 'static>() {}
    shared::<PgStore>();
    send(PgStore::connect(""));
    send(PgStore::builder("").connect());
    send(store.pending());
    send(store.write_in(any(), any()));
    send(store.write_structure_in(any(), any()));
    send(cluster.store());
}

/// The public async methods of the sources.
fn methods(folder: &Path, found: &mut Vec<String>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            methods(&path, found);
            continue;
        }
        let source = std::fs::read_to_string(&path).unwrap();
        let public = source.lines().filter_map(|line| line.trim_start().strip_prefix("pub async fn "));
        found.extend(public.map(|rest| rest.split(['(', '<']).next().unwrap().to_owned()));
    }
}

#[test]
fn no_public_future_is_missing_above() {
    let _: fn(&PgStore, &Cluster) = calls;
    let named: String = include_str!("send.rs").split_whitespace().collect();
    let mut found = Vec::new();
    methods(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut found);
    assert!(found.len() >= 6, "only {found:?} were found");
    for method in &found {
        let is_named = named
            .split("send(")
            .any(|call| call.split('(').next().is_some_and(|path| path.split(['.', ':']).any(|part| part == method)));
        assert!(is_named, "{method} is not held to be Send");
    }
}
