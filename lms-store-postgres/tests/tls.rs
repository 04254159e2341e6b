//! An encrypted connection, and the certificate behind it.
#![allow(clippy::unwrap_used, reason = "these are tests")]

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::Path;
use std::time::{Duration, Instant};

use lms_core::lms::NewUser;
use lms_core::model::Role;
use lms_core::{Error, Lms};
use lms_store_postgres::PgStore;
use lms_store_postgres::driver::{self, AssertSqlSafe};
use lms_store_postgres::testing::Cluster;

/// A server that listens on a port and has this certificate for `localhost`.
async fn server(certificate: &str, key: &str) -> (Cluster, u16) {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let cluster = Cluster::start(&[("listen_addresses", "127.0.0.1"), ("port", &port.to_string())]);
    let data = cluster.data().unwrap();
    let owner = fs::metadata(data).unwrap();
    for (name, text) in [("server.crt", certificate), ("server.key", key)] {
        let path = data.join(name);
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        // The server's user, where the tests are root.
        let _ = std::os::unix::fs::chown(&path, Some(owner.uid()), Some(owner.gid()));
    }
    let admin = driver::PgPool::connect(cluster.url()).await.unwrap();
    driver::raw_sql("ALTER SYSTEM SET ssl = on").execute(&admin).await.unwrap();
    driver::raw_sql("SELECT pg_reload_conf()").execute(&admin).await.unwrap();
    let asked = Instant::now();
    loop {
        let (on,): (String,) = driver::query_as("SHOW ssl").fetch_one(&admin).await.unwrap();
        if on == "on" {
            return (cluster, port);
        }
        assert!(asked.elapsed() < Duration::from_secs(20), "the server takes the certificate");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

fn made(folder: &Path, name: &str) -> (String, String, String) {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let path = folder.join(name);
    fs::write(&path, made.cert.pem()).unwrap();
    (made.cert.pem(), made.signing_key.serialize_pem(), path.display().to_string())
}

async fn is_encrypted(store: &PgStore) -> bool {
    let sql = "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()";
    let (ssl,): (bool,) = driver::query_as(sql).fetch_one(store.pool()).await.unwrap();
    ssl
}

/// The whole way over TLS, with the server's name and certificate looked at; another certificate, or another
/// name, is refused.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_certificate_is_verified() {
    let folder = tempfile::tempdir().unwrap();
    let (certificate, key, root) = made(folder.path(), "root.pem");
    let (_, _, other) = made(folder.path(), "other.pem");
    let (_cluster, port) = server(&certificate, &key).await;
    let (lms, private) = Cluster::fresh_schemas();
    let open = |host: &str, rest: String| {
        let url = format!("postgres://postgres@{host}:{port}/postgres?{rest}");
        PgStore::builder(url).schemas(&*lms, &*private).acquire_timeout(Duration::from_secs(10)).connect()
    };

    let store = open("localhost", format!("sslmode=verify-full&sslrootcert={root}")).await.unwrap();
    assert!(is_encrypted(&store).await);
    let library = Lms::builder(store.clone()).build();
    library.migrate().await.unwrap();
    library.system().people().ensure_user(NewUser::new(Role::Student, "S")).await.unwrap();

    // Whoever does not ask gets it where the server has it, and not without the server's word.
    assert!(is_encrypted(&open("localhost", String::new()).await.unwrap()).await);
    assert!(!is_encrypted(&open("localhost", "sslmode=disable".into()).await.unwrap()).await);

    for (host, root) in [("localhost", &other), ("127.0.0.1", &root)] {
        let refused = open(host, format!("sslmode=verify-full&sslrootcert={root}")).await;
        let refused: Error = refused.expect_err("it is not the server that was asked for").into();
        assert!(matches!(refused, Error::Store(_)), "{refused:?}");
    }
    let drop = format!("DROP SCHEMA {lms}, {private} CASCADE");
    driver::raw_sql(AssertSqlSafe(drop)).execute(store.pool()).await.unwrap();
}
