//! Connections that die without a word, and answers that never arrive.
#![allow(clippy::unwrap_used, reason = "these are tests")]

use std::future::poll_fn;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::{Duration, Instant};

use lms_core::lms::{EnrollOptions, NewCourse, NewUser};
use lms_core::model::{Role, UserId};
use lms_core::store::{CatalogReads, CourseFilter, EventLog, PeopleReads, PersonKey, StoreErrorKind};
use lms_core::{Error, Lms};
use lms_store_postgres::PgStore;
use lms_store_postgres::driver::postgres::{PgConnectOptions, PgConnection};
use lms_store_postgres::driver::{self, AssertSqlSafe, Connection as _};
use lms_store_postgres::testing::Cluster;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream, UnixStream};

/// What the line does.
const PASS: u8 = 0;
/// Nothing that is sent arrives, and nobody is told: a firewall that forgot the connection.
const SWALLOW: u8 = 1;
/// The next answer to a batch is lost with its connection, and from then on nobody is let in.
const LOSE: u8 = 2;
/// Connections are closed, new ones as soon as they are made.
const REFUSE: u8 = 3;
/// The process behind it stops in the middle of the relay's step, before it commits.
const STOP: u8 = 4;

/// A line to the server, in the hands of the test.
struct Line {
    url: String,
    mode: Arc<AtomicU8>,
}

impl Line {
    async fn start() -> Self {
        let server: PgConnectOptions = Cluster::own().url().parse().unwrap();
        let socket = server.get_socket().unwrap().join(".s.PGSQL.5432");
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("postgres://postgres@{}/postgres?sslmode=disable", listener.local_addr().unwrap());
        let mode = Arc::new(AtomicU8::new(PASS));
        tokio::spawn(accept(listener, socket, mode.clone()));
        Self { url, mode }
    }

    fn is(&self, mode: u8) {
        self.mode.store(mode, Ordering::SeqCst);
    }

    /// A store over the line, with one connection, on a migrated schema; and one that goes to the server itself.
    async fn stores(&self, answer: Duration) -> (PgStore, PgStore) {
        let (lms, private) = Cluster::fresh_schemas();
        let direct = PgStore::builder(Cluster::own().url()).schemas(&*lms, &*private).connect().await.unwrap();
        Lms::builder(direct.clone()).build().migrate().await.unwrap();
        let builder = PgStore::builder(&*self.url).schemas(lms, private).max_connections(1);
        let builder = builder.answer_timeout(answer).acquire_timeout(Duration::from_secs(1));
        (builder.connect().await.unwrap(), direct)
    }
}

async fn accept(listener: TcpListener, socket: PathBuf, mode: Arc<AtomicU8>) {
    while let Ok((client, _)) = listener.accept().await {
        if mode.load(Ordering::SeqCst) == REFUSE {
            continue;
        }
        let server = UnixStream::connect(&socket).await.unwrap();
        tokio::spawn(carry(client, server, mode.clone()));
    }
}

/// Carries both ways until one end closes, or the mode says so.
async fn carry(mut client: TcpStream, mut server: UnixStream, mode: Arc<AtomicU8>) {
    let (mut from_client, mut to_client) = client.split();
    let (mut from_server, mut to_server) = server.split();
    tokio::select! {
        () = pump(&mut from_client, &mut to_server, &mode, false) => {}
        () = pump(&mut from_server, &mut to_client, &mode, true) => {}
        () = async { while mode.load(Ordering::SeqCst) != REFUSE { tokio::time::sleep(Duration::from_millis(1)).await } } => {}
    }
}

async fn pump(
    from: &mut (impl AsyncRead + Unpin),
    to: &mut (impl AsyncWrite + Unpin),
    mode: &AtomicU8,
    are_answers: bool,
) {
    /// A row of one empty text: the function's word that the batch is applied.
    const APPLIED: &[u8] = b"D\0\0\0\x0a\0\x01\0\0\0\0";
    let holds = |chunk: &[u8], what: &[u8]| chunk.windows(what.len()).any(|w| w == what);
    let mut in_step = false;
    let mut bytes = vec![0; 65_536];
    while let Ok(n @ 1..) = from.read(&mut bytes).await {
        let chunk = bytes.get(..n).unwrap();
        match mode.load(Ordering::SeqCst) {
            SWALLOW => continue,
            LOSE if are_answers && holds(chunk, APPLIED) => {
                mode.store(REFUSE, Ordering::SeqCst);
                return;
            }
            STOP if !are_answers && holds(chunk, b"relay_v1") => in_step = true,
            STOP if in_step && holds(chunk, b"COMMIT") => {
                mode.store(SWALLOW, Ordering::SeqCst);
                continue;
            }
            _ => {}
        }
        if to.write_all(chunk).await.is_err() {
            return;
        }
    }
}

async fn teacher(store: &PgStore) -> UserId {
    let lms = Lms::builder(store.clone()).build();
    lms.system().people().ensure_user(NewUser::new(Role::Instructor, "T")).await.unwrap().id
}

async fn courses(store: &PgStore) -> usize {
    store.courses(&CourseFilter::default(), lms_core::store::ById { after: None, limit: 10 }).await.unwrap().len()
}

/// A batch came into force, its answer was lost, and the store cannot be asked: nobody is told that nothing was
/// written.
///
/// rules: DETAILS 8
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_outcome_that_cannot_be_looked_up_stays_unknown() {
    let line = Line::start().await;
    let (store, direct) = line.stores(Duration::from_secs(60)).await;
    let teacher = teacher(&direct).await;
    let lms = Lms::builder(store).deadline(Duration::from_millis(100)).build();
    line.is(LOSE);
    let unknown = lms.as_user(teacher).catalog().create_course(NewCourse::titled("C")).await.unwrap_err();
    assert!(matches!(&unknown, Error::Store(e) if e.kind() == &StoreErrorKind::Unconfirmed), "{unknown:?}");
    assert_eq!(courses(&direct).await, 1, "it is there");
}

/// The same where the store comes back before the deadline: the command finds what it wrote, and writes it once.
///
/// rules: DETAILS 8
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_outcome_is_looked_up_until_the_store_is_back() {
    let line = Line::start().await;
    let (store, direct) = line.stores(Duration::from_secs(60)).await;
    let teacher = teacher(&direct).await;
    let lms = Lms::builder(store).deadline(Duration::from_secs(60)).build();
    line.is(LOSE);
    let mode = line.mode.clone();
    let back = tokio::spawn(async move {
        while mode.load(Ordering::SeqCst) != REFUSE {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        // For longer than one read of the store's is patient.
        tokio::time::sleep(Duration::from_secs(7)).await;
        mode.store(PASS, Ordering::SeqCst);
    });
    let course = lms.as_user(teacher).catalog().create_course(NewCourse::titled("C")).await.unwrap();
    back.await.unwrap();
    assert_eq!(courses(&direct).await, 1, "once");
    assert!(direct.course(None, course.id, None).await.unwrap().is_some());
}

/// A line that swallows everything holds nobody for longer than the limit, and keeps no connection of the few.
///
/// rules: DETAILS 17
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dead_line_holds_nobody_for_ever() {
    let line = Line::start().await;
    let (store, direct) = line.stores(Duration::from_secs(1)).await;
    let teacher = teacher(&direct).await;
    let lms = Lms::builder(store.clone()).deadline(Duration::from_millis(100)).build();
    lms.as_user(teacher).catalog().create_course(NewCourse::titled("C")).await.unwrap();
    let dead = Instant::now();
    line.is(SWALLOW);
    let read = store.person(None, PersonKey::Id(teacher)).await.unwrap_err();
    assert_eq!(read.kind(), &StoreErrorKind::Unavailable, "{read:?}");
    let write = lms.as_user(teacher).catalog().create_course(NewCourse::titled("D")).await.unwrap_err();
    assert!(matches!(&write, Error::Store(e) if e.kind() == &StoreErrorKind::Unavailable), "{write:?}");
    assert!(dead.elapsed() < Duration::from_secs(30), "{:?}", dead.elapsed());
    // A caller that is gone before the limit leaves the only connection to be found out.
    line.is(PASS);
    store.person(None, PersonKey::Id(teacher)).await.unwrap();
    line.is(SWALLOW);
    let left = tokio::time::timeout(Duration::from_millis(50), store.person(None, PersonKey::Id(teacher))).await;
    assert!(left.is_err());
    line.is(PASS);
    tokio::time::sleep(Duration::from_millis(1_200)).await;
    store.person(None, PersonKey::Id(teacher)).await.unwrap();
    lms.as_user(teacher).catalog().create_course(NewCourse::titled("E")).await.unwrap();
    assert_eq!(courses(&direct).await, 2);
}

/// A batch that is swallowed has an unknown outcome, and the command finds it out over another connection.
///
/// rules: DETAILS 8, DETAILS 17
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_batch_without_an_answer_is_looked_up_and_sent_again() {
    let line = Line::start().await;
    let (store, direct) = line.stores(Duration::from_secs(1)).await;
    let teacher = teacher(&direct).await;
    let lms = Lms::builder(store.clone()).deadline(Duration::from_secs(30)).build();
    let planned = lms
        .as_user(teacher)
        .plan(|s| async move { s.catalog().create_course(NewCourse::titled("C")).await })
        .await
        .unwrap();
    line.is(SWALLOW);
    let batch = Arc::new(planned.batch);
    let unknown = lms_core::store::Store::write(&store, batch.clone()).await.unwrap_err();
    assert_eq!(unknown.kind(), &StoreErrorKind::Unconfirmed, "{unknown:?}");
    line.is(PASS);
    lms_core::store::Store::write(&store, batch).await.unwrap();
    assert_eq!(courses(&direct).await, 1);
}

/// A process that stops in the middle of the relay's step has its transaction open and the log in its hands. The
/// others say so within their limit instead of asking for ever, and go on once the server has ended that session.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_that_stops_in_its_step_keeps_the_log_from_nobody() {
    let line = Line::start().await;
    let (name, private) = Cluster::fresh_schemas();
    let direct = PgStore::builder(Cluster::own().url()).schemas(&*name, &*private);
    let direct = direct.answer_timeout(Duration::from_secs(1)).connect().await.unwrap();
    let lms = Lms::builder(direct.clone()).build();
    lms.migrate().await.unwrap();
    let stopped = PgStore::builder(&*line.url).schemas(name, private).pooled(None).connect().await.unwrap();
    let teacher = teacher(&direct).await;
    line.is(STOP);
    Lms::builder(stopped.clone())
        .build()
        .as_user(teacher)
        .catalog()
        .create_course(NewCourse::titled("C"))
        .await
        .unwrap();
    let asked = Instant::now();
    while line.mode.load(Ordering::SeqCst) != SWALLOW {
        assert!(asked.elapsed() < Duration::from_secs(20), "it numbers what it has committed");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let told = tokio::time::timeout(Duration::from_secs(5), direct.settle()).await.expect("within its limit");
    assert_eq!(told.unwrap_err().kind(), &StoreErrorKind::Unavailable);
    while direct.settle().await.is_err() {
        assert!(asked.elapsed() < Duration::from_secs(30), "the server ends the session");
    }
    assert!(direct.ends().await.unwrap().head > 0);
}

/// A state that cannot be read for a while is read again: nobody has to come back for the latest.
///
/// rules: V5
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn v5_a_state_outlives_a_store_that_is_away() {
    let (name, private) = Cluster::fresh_schemas();
    let store = PgStore::builder(Cluster::own().url()).schemas(&*name, private);
    let (answer, line) = (Duration::from_millis(200), Duration::from_millis(400));
    let store = store.answer_timeout(answer).acquire_timeout(line).connect().await.unwrap();
    let lms = Lms::builder(store.clone()).build();
    lms.migrate().await.unwrap();
    let me = lms.as_user(teacher(&store).await);
    let course = me.catalog().create_course(NewCourse::titled("C")).await.unwrap().id;
    let learner = lms.system().people().ensure_user(NewUser::new(Role::Student, "L")).await.unwrap().id;
    let mut states = lms.live().course_metrics(&me, course).await.unwrap();
    let mut next = async || {
        let state = tokio::time::timeout(Duration::from_secs(20), poll_fn(|cx| states.as_mut().poll_next(cx))).await;
        state.unwrap().expect("the stream goes on").unwrap()
    };
    next().await;
    // What the state is read from is in the hands of an operator when it is to be read again.
    let mut operator = PgConnection::connect(Cluster::own().url()).await.unwrap();
    let lock = format!("BEGIN; LOCK TABLE {name}.quiz_results IN ACCESS EXCLUSIVE MODE");
    driver::raw_sql(AssertSqlSafe(lock)).execute(&mut operator).await.unwrap();
    me.enrollment().enroll(course, learner, EnrollOptions::default()).await.unwrap();
    // For longer than a read is tried again.
    tokio::time::sleep(Duration::from_secs(7)).await;
    driver::raw_sql("ROLLBACK").execute(&mut operator).await.unwrap();
    // One that was read before may wait in the stream.
    while next().await.completion.enrolled == 0 {}
}
