//! A throw-away Postgres server for tests: made from the installed server's programs, in a temporary
//! folder, on a socket of its own, gone with the process however that ends.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use lms_core::store::StoreError;

use crate::PgStore;

/// The environment variable with the URL of a server to use instead of one of our own.
pub const URL_VARIABLE: &str = "LMS_TEST_POSTGRES_URL";

/// What to say where no server is to be had.
const INSTALL: &str = "no Postgres server for the tests: install one (Debian: apt-get install postgresql; macOS: brew \
                       install postgresql; Fedora: dnf install postgresql-server) or set LMS_TEST_POSTGRES_URL";

/// A running server.
#[derive(Debug)]
pub struct Cluster {
    url: String,
    port: String,
    data: Option<PathBuf>,
    bin: Option<PathBuf>,
    // The server stops when this process lets go of the guard's input, by whatever end it comes to.
    _guard: Option<Child>,
}

impl Cluster {
    /// The server of this process, started by the first caller.
    ///
    /// # Panics
    /// When there is no server and none can be started; the message says what to install.
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<Cluster> = OnceLock::new();
        SHARED.get_or_init(|| match std::env::var(URL_VARIABLE) {
            Ok(url) if !url.is_empty() => Self { url, port: String::new(), data: None, bin: None, _guard: None },
            _ => Self::start(&[]),
        })
    }

    /// A server that this process has started, whatever the environment says: for tests that put a pooler
    /// before it. It is [`Cluster::shared`] where that one is ours.
    ///
    /// # Panics
    /// When none can be started; the message says what to install.
    pub fn own() -> &'static Self {
        static OWN: OnceLock<Cluster> = OnceLock::new();
        let shared = Self::shared();
        if shared.data.is_some() { shared } else { OWN.get_or_init(|| Self::start(&[])) }
    }

    /// A server of the caller's own, with settings.
    ///
    /// # Panics
    /// When none can be started; the message says what to install.
    pub fn start(settings: &[(&str, &str)]) -> Self {
        Self::start_in(&std::env::temp_dir(), settings)
    }

    /// The same with its files under a folder of the caller's choice, on a disk or in memory.
    ///
    /// # Panics
    /// When none can be started; the message says what to install.
    #[expect(clippy::panic, reason = "tests cannot go on without a server, and must say so")]
    pub fn start_in(folder: &Path, settings: &[(&str, &str)]) -> Self {
        Self::try_start(folder, settings).unwrap_or_else(|e| panic!("{e}"))
    }

    fn try_start(place: &Path, settings: &[(&str, &str)]) -> Result<Self, String> {
        let bin = programs().ok_or(INSTALL)?;
        let folder = tempfile::Builder::new()
            .prefix("lms-pg-")
            .tempdir_in(place)
            .map_err(|e| format!("no temporary folder: {e}"))?
            .keep();
        let data = folder.join("data");
        let user = unprivileged(&folder)?;
        let run = |program: &str| -> Command {
            match &user {
                Some(user) => {
                    let mut command = Command::new("setpriv");
                    command.args([&format!("--reuid={user}"), &format!("--regid={user}"), "--clear-groups"]);
                    command.arg(bin.join(program));
                    command
                }
                None => Command::new(bin.join(program)),
            }
        };
        let made = run("initdb")
            .args(["--auth=trust", "--username=postgres", "--encoding=UTF8", "--no-locale", "--no-sync", "--pgdata"])
            .arg(&data)
            .current_dir(&folder)
            .output()
            .map_err(|e| format!("initdb does not run: {e}"))?;
        if !made.status.success() {
            return Err(format!("initdb failed: {}", String::from_utf8_lossy(&made.stderr)));
        }
        let mut arguments =
            vec!["-c".to_owned(), "listen_addresses=".to_owned(), "-k".to_owned(), folder.display().to_string()];
        // A socket in a folder of its own needs no port of its own; a server that listens does.
        let port = settings.iter().find(|(name, _)| *name == "port").map_or("5432", |(_, value)| value);
        arguments.extend(["-c".to_owned(), format!("port={port}")]);
        // A test's server need not survive the machine; it does survive `-m immediate`.
        let defaults =
            [("max_connections", "300"), ("fsync", "off"), ("max_wal_size", "1GB"), ("log_min_messages", "fatal")];
        for (name, value) in defaults.iter().chain(settings) {
            arguments.extend(["-c".to_owned(), format!("{name}={value}")]);
        }
        std::fs::write(folder.join("options"), arguments.join("\n")).map_err(|e| e.to_string())?;
        let mut cluster = Self {
            url: format!("postgres://postgres@localhost:{port}/postgres?host={}", folder.display()),
            port: port.to_owned(),
            data: Some(data.clone()),
            bin: Some(bin.clone()),
            _guard: None,
        };
        // The shell waits for the end of its input, which comes with the end of this process.
        let mut guard = match &user {
            Some(user) => {
                let mut command = Command::new("setpriv");
                command.args([&format!("--reuid={user}"), &format!("--regid={user}"), "--clear-groups", "sh"]);
                command
            }
            None => Command::new("sh"),
        };
        guard
            .arg("-c")
            .arg(
                "bin=$1; folder=$2; shift 2
                 \"$bin/pg_ctl\" -D \"$folder/data\" -l \"$folder/log\" -o \"$*\" -w -t 60 start >/dev/null 2>&1
                 cat >/dev/null
                 \"$bin/pg_ctl\" -D \"$folder/data\" -m immediate -w stop >/dev/null 2>&1
                 rm -rf \"$folder\"",
            )
            .arg("sh")
            .arg(&bin)
            .arg(&folder)
            .args(&arguments)
            .current_dir(&folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        // In a group of its own: a signal that ends the tests' group must not end what cleans up after them.
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(&mut guard, 0);
        cluster._guard = Some(guard.spawn().map_err(|e| format!("no shell to start the server with: {e}"))?);
        let started = Instant::now();
        while !cluster.answers() {
            if started.elapsed() > Duration::from_secs(60) {
                let log = std::fs::read_to_string(folder.join("log")).unwrap_or_default();
                return Err(format!("the server did not start within a minute: {log}"));
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(cluster)
    }

    /// The URL of its database.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The folder of its files; none where it is not ours.
    pub fn data(&self) -> Option<&Path> {
        self.data.as_deref()
    }

    /// Stops the server as a power loss would, and starts it again.
    ///
    /// # Panics
    /// When the server is not one of ours, or does not come back.
    #[expect(clippy::panic, reason = "a test helper says what failed")]
    pub fn restart_immediately(&self) {
        let (Some(data), Some(bin)) = (&self.data, &self.bin) else {
            panic!("the server at {URL_VARIABLE} is not the tests' to restart");
        };
        let folder = data.parent().unwrap_or(data);
        let options = std::fs::read_to_string(folder.join("options")).unwrap_or_default().replace('\n', " ");
        let mut command = match unprivileged(folder) {
            Ok(Some(user)) => {
                let mut command = Command::new("setpriv");
                command.args([&format!("--reuid={user}"), &format!("--regid={user}"), "--clear-groups"]);
                command.arg(bin.join("pg_ctl"));
                command
            }
            _ => Command::new(bin.join("pg_ctl")),
        };
        let status = command
            .arg("-D")
            .arg(data)
            .arg("-l")
            .arg(folder.join("log"))
            .args(["-m", "immediate", "-w", "-t", "60", "-o"])
            .arg(options)
            .arg("restart")
            .current_dir(folder)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
        if !status.is_ok_and(|s| s.success()) {
            panic!("the server did not come back");
        }
    }

    fn answers(&self) -> bool {
        let (Some(data), Some(bin)) = (&self.data, &self.bin) else { return true };
        let folder = data.parent().unwrap_or(data);
        Command::new(bin.join("pg_isready"))
            .args(["-q", "-p", &self.port, "-h"])
            .arg(folder)
            .status()
            .is_ok_and(|s| s.success())
    }

    /// A PgBouncer in transaction mode before this server, with a pool of `size` connections, gone with
    /// the value.
    ///
    /// # Panics
    /// When PgBouncer is not installed or does not start, or the server is not one that we have started; the
    /// message says which.
    #[expect(clippy::panic, reason = "tests cannot go on without it, and must say so")]
    pub fn pooler(&self, size: u32) -> Pooler {
        let Some(data) = &self.data else {
            panic!("the server at {URL_VARIABLE} is not the tests' to put a pooler before: take Cluster::own()")
        };
        Pooler::start(data.parent().unwrap_or(data), &self.port, size).unwrap_or_else(|e| panic!("{e}"))
    }

    /// Two schema names that nobody else uses.
    pub fn fresh_schemas() -> (String, String) {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let n = NEXT.fetch_add(1, Ordering::Relaxed);
        let me = std::process::id();
        (format!("t{me}_{n}"), format!("t{me}_{n}_private"))
    }

    /// A store in fresh schemas of this server, not migrated yet.
    ///
    /// # Errors
    /// When the server cannot be reached.
    pub async fn store(&self) -> Result<PgStore, StoreError> {
        let (lms, private) = Self::fresh_schemas();
        PgStore::builder(self.url()).schemas(lms, private).connect().await
    }
}

/// A running PgBouncer.
#[derive(Debug)]
pub struct Pooler {
    url: String,
    _folder: tempfile::TempDir,
    _guard: Child,
}

impl Pooler {
    fn start(server: &Path, port: &str, size: u32) -> Result<Self, String> {
        let folder = tempfile::Builder::new().prefix("lms-pool-").tempdir().map_err(|e| e.to_string())?;
        let at = folder.path().display();
        let settings = format!(
            "[databases]\npostgres = host={} port={port} dbname=postgres user=postgres\n[pgbouncer]\n\
             listen_addr =\nunix_socket_dir = {at}\nlisten_port = 6432\nauth_type = any\n\
             pool_mode = transaction\ndefault_pool_size = {size}\nmax_client_conn = 500\nserver_login_retry = 1\n\
             logfile = {at}/log\npidfile = {at}/pid\nignore_startup_parameters = extra_float_digits\n",
            server.display()
        );
        std::fs::write(folder.path().join("pgbouncer.ini"), settings).map_err(|e| e.to_string())?;
        let user = unprivileged(folder.path())?;
        let mut command = match &user {
            Some(user) => {
                let mut command = Command::new("setpriv");
                command.args([&format!("--reuid={user}"), &format!("--regid={user}"), "--clear-groups", "sh"]);
                command
            }
            None => Command::new("sh"),
        };
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        let guard = command
            .arg("-c")
            .arg(
                "PATH=$PATH:/usr/sbin:/usr/local/sbin:/usr/local/bin:/opt/homebrew/bin; pgbouncer -q \"$1/pgbouncer.ini\" & p=$!; cat >/dev/null; kill -INT $p; wait $p",
            )
            .arg("sh")
            .arg(folder.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|e| format!("no shell to start PgBouncer with: {e}"))?;
        let socket = folder.path().join(".s.PGSQL.6432");
        let started = Instant::now();
        while !socket.exists() {
            if started.elapsed() > Duration::from_secs(20) {
                let log = std::fs::read_to_string(folder.path().join("log")).unwrap_or_default();
                return Err(format!(
                    "PgBouncer does not start; install it (Debian: apt-get install pgbouncer; macOS: brew install \
                     pgbouncer). {log}"
                ));
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        let url = format!("postgres://postgres@localhost:6432/postgres?host={at}");
        Ok(Self { url, _folder: folder, _guard: guard })
    }

    /// The URL through the pooler.
    pub fn url(&self) -> &str {
        &self.url
    }
}

impl PgStore {
    /// Every statement that reads, by name: for tests that prepare and explain them.
    pub fn statements(&self) -> Vec<(&'static str, std::sync::Arc<str>)> {
        self.inner.statements.all()
    }
}

/// The folder of the server's programs, by `pg_config` or where they usually are.
fn programs() -> Option<PathBuf> {
    let has = |folder: &Path| ["initdb", "pg_ctl", "postgres"].iter().all(|p| folder.join(p).exists());
    let by_config = Command::new("pg_config").arg("--bindir").output().ok();
    let said = by_config.map(|o| PathBuf::from(String::from_utf8_lossy(&o.stdout).trim()));
    if let Some(folder) = said.filter(|f| has(f)) {
        return Some(folder);
    }
    let mut found: Vec<PathBuf> = ["/usr/lib/postgresql", "/opt/homebrew/opt", "/usr/local/opt", "/usr"]
        .iter()
        .flat_map(|base| std::fs::read_dir(base).into_iter().flatten().flatten())
        .map(|entry| entry.path().join("bin"))
        .chain(["/usr/bin", "/usr/local/bin"].map(PathBuf::from))
        .filter(|folder| has(folder))
        .collect();
    found.sort_by_key(|folder| version(folder));
    found.pop()
}

/// The version in the name of a folder of programs: of `…/postgresql/9.6/bin` 9 and 6, and less than 16.
fn version(bin: &Path) -> Vec<u32> {
    let name = bin.parent().and_then(Path::file_name).map(|name| name.to_string_lossy().into_owned());
    let digits = name.unwrap_or_default().replace(|c: char| !c.is_ascii_digit(), " ");
    digits.split_whitespace().filter_map(|n| n.parse().ok()).collect()
}

/// Postgres refuses to run as root: the user to run it as then, who gets the folder.
fn unprivileged(folder: &Path) -> Result<Option<String>, String> {
    let me = Command::new("id").arg("-u").output().map_err(|e| format!("id does not run: {e}"))?;
    if String::from_utf8_lossy(&me.stdout).trim() != "0" {
        return Ok(None);
    }
    for user in ["postgres", "nobody"] {
        let given = Command::new("chown").arg("-R").arg(user).arg(folder).stderr(Stdio::null()).status();
        if given.is_ok_and(|s| s.success()) {
            return Ok(Some(user.to_owned()));
        }
    }
    Err("as root, the tests need a user `postgres` or `nobody` to run the server as".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_numbers() {
        let folders =
            ["/usr/bin", "/usr/pgsql-9.6/bin", "/usr/lib/postgresql/15/bin", "/opt/homebrew/opt/postgresql@100/bin"];
        let versions: Vec<_> = folders.iter().map(|folder| version(Path::new(folder))).collect();
        assert_eq!(versions, [vec![], vec![9, 6], vec![15], vec![100]]);
        assert!(versions.is_sorted());
    }
}
