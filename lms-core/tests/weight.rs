//! The core stays light: what a host takes on when it links lms-core and a store.
#![allow(clippy::unwrap_used, clippy::panic, reason = "these are tests")]

use std::collections::BTreeSet;
use std::process::Command;

/// The packages that these crates of ours need at run time, on this target, by name and version.
///
/// A tree that cannot be read is a failure, never a pass.
fn tree(packages: &[&str]) -> BTreeSet<String> {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.current_dir(env!("CARGO_MANIFEST_DIR")).args([
        "tree",
        "--locked",
        "--offline",
        "--edges",
        "normal",
        "--prefix",
        "none",
        "--format",
        "{p}",
    ]);
    for package in packages {
        cargo.args(["--package", package]);
    }
    let out = cargo.output().unwrap_or_else(|e| panic!("cargo tree cannot be started, so nothing is proven: {e}"));
    assert!(
        out.status.success(),
        "cargo tree failed, so nothing is proven about the weight of {packages:?}:\n{}",
        String::from_utf8_lossy(&out.stderr)
    );
    let text = String::from_utf8(out.stdout).unwrap();
    let found: BTreeSet<String> = text
        .lines()
        .filter(|line| !line.trim().is_empty())
        .map(|line| line.split_whitespace().take(2).collect::<Vec<_>>().join(" "))
        .collect();
    for package in packages {
        assert!(found.iter().any(|p| p.starts_with(&format!("{package} "))), "cargo tree does not show {package}");
    }
    found
}

fn name(package: &str) -> &str {
    package.split(' ').next().unwrap()
}

/// Database drivers, HTTP clients and servers, web frameworks, TLS.
const FORBIDDEN: &[&str] = &[
    "actix-http",
    "actix-web",
    "axum",
    "axum-core",
    "curl",
    "deadpool",
    "diesel",
    "h2",
    "hyper",
    "hyper-util",
    "isahc",
    "libsqlite3-sys",
    "mongodb",
    "mysql",
    "mysql_async",
    "native-tls",
    "openssl",
    "poem",
    "postgres",
    "redis",
    "reqwest",
    "rocket",
    "rusqlite",
    "rustls",
    "sea-orm",
    "sqlx",
    "sqlx-core",
    "surf",
    "tide",
    "tiberius",
    "tokio-postgres",
    "tonic",
    "tower-http",
    "ureq",
    "warp",
];

#[test]
fn the_core_has_no_driver_no_http_client_and_no_web_framework() {
    let found = tree(&["lms-core"]);
    let heavy: Vec<_> = found.iter().filter(|package| FORBIDDEN.contains(&name(package))).collect();
    assert!(heavy.is_empty(), "lms-core must not depend on {heavy:?}");
    // The store does need its driver: the list above is not a list of names that nothing has.
    let store = tree(&["lms-store-sqlite"]);
    assert!(store.iter().any(|package| name(package) == "rusqlite"));
    assert!(FORBIDDEN.contains(&"rusqlite"));
}

#[test]
fn the_core_is_not_tied_to_a_reactor() {
    // `net` and `fs` would bring these; DETAILS 9 allows sync, time, rt and macros.
    let found = tree(&["lms-core"]);
    let reactor: Vec<_> = found.iter().filter(|p| ["mio", "socket2"].contains(&name(p))).collect();
    assert!(reactor.is_empty(), "lms-core's tokio has grown features: {reactor:?}");
}

#[test]
fn core_and_embedded_store_stay_under_ninety_crates() {
    let found = tree(&["lms-core", "lms-store-sqlite"]);
    assert!(found.len() < 90, "{} crates, too many: {found:#?}", found.len());
    assert!(found.len() > 20, "the tree is not read: {found:?}");
}
