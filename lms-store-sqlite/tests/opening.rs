//! Opening a file: before its migration, after a newer release's, beside another process, and with
//! rows in it that nobody should have written.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "these are tests")]

mod support;

use std::error::Error as _;
use std::time::Duration;

use futures_util::StreamExt;
use lms_core::lms::NewUser;
use lms_core::model::{EventKind, Role};
use lms_core::store::{EventFilter, EventLog, PeopleReads, Store, StoreError, StoreErrorKind};
use lms_core::testing::Classroom;
use lms_core::{Error, Lms};
use lms_store_sqlite::SqliteStore;
use support::{Course, World, around, lit, number, rows};
use uuid::Uuid;

fn kind(error: Error) -> StoreErrorKind {
    match error {
        Error::Store(e) => e.kind().clone(),
        other => panic!("not an error of the store: {other:?}"),
    }
}

/// rules: DESIGN §5
#[tokio::test]
async fn before_its_migration_every_command_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("lms.db");
    let store = SqliteStore::open(&path).await.unwrap();
    let lms = Lms::builder(store.clone()).build();
    let wanted = StoreErrorKind::Schema { found: 0, needed: 1 };
    let ada = || async { lms.system().people().ensure_user(NewUser::new(Role::Admin, "Ada")).await };
    let refused = ada().await.unwrap_err();
    assert_eq!(refused.code(), "store.schema");
    assert!(refused.to_string().contains("migrate()"), "{refused}");
    assert_eq!(kind(refused), wanted);
    assert_eq!(kind(lms.system().people().users(Default::default()).await.unwrap_err()), wanted);
    assert_eq!(store.write(Default::default()).await.unwrap_err().kind(), &wanted);
    assert_eq!(store.ends().await.unwrap_err().kind(), &wanted);
    assert_eq!(store.schema_version().await.unwrap(), (0, 1));
    // Nothing was made behind the host's back.
    assert_eq!(number(&around(&path), "SELECT count(*) FROM sqlite_schema"), 0);
    // Another process migrates; this one goes on without being opened again.
    Lms::builder(SqliteStore::open(&path).await.unwrap()).build().migrate().await.unwrap();
    assert_eq!(store.schema_version().await.unwrap(), (1, 1));
    ada().await.unwrap();
    // Again it changes nothing.
    lms.migrate().await.unwrap();
    assert_eq!(rows(&around(&path), "lms_schema"), 1);
}

/// rules: DETAILS 20
#[tokio::test]
async fn a_newer_schema_is_refused_with_both_numbers_unless_it_still_takes_us() {
    for (min_reader, readable) in [(2, false), (1, true)] {
        let world = World::new().await;
        let newer = format!("INSERT INTO lms_schema VALUES (7, {min_reader}, 0)");
        world.sql().execute_batch(&newer).unwrap();
        let store = SqliteStore::open(&world.path).await.unwrap();
        let lms = Lms::builder(store.clone()).build();
        assert_eq!(store.schema_version().await.unwrap(), (7, 1));
        let written = lms.system().people().ensure_user(NewUser::new(Role::Admin, "Ada")).await;
        if readable {
            written.unwrap();
            lms.migrate().await.unwrap();
            continue;
        }
        let wanted = StoreErrorKind::Schema { found: 7, needed: 1 };
        let said = written.unwrap_err();
        let text = said.to_string();
        assert!(text.contains('7') && text.contains('1') && !text.contains("migrate()"), "bad advice: {text}");
        assert_eq!(kind(said), wanted);
        assert_eq!(kind(lms.migrate().await.unwrap_err()), wanted);
        assert_eq!((rows(&world.sql(), "users"), rows(&world.sql(), "lms_schema")), (0, 2));
    }
}

/// Whatever stops a migration in the middle, nothing of it stands.
#[tokio::test]
async fn a_migration_is_applied_whole_or_not_at_all() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("lms.db");
    // The host has a table of a name that the last statements of the migration need.
    around(&path).execute_batch("CREATE TABLE similarity_matches (id INTEGER)").unwrap();
    let store = SqliteStore::open(&path).await.unwrap();
    assert_eq!(store.migrate().await.unwrap_err().kind(), &StoreErrorKind::Backend);
    let conn = around(&path);
    assert_eq!(number(&conn, "SELECT count(*) FROM sqlite_schema"), 1, "the host's table alone");
    conn.execute_batch("DROP TABLE similarity_matches").unwrap();
    store.migrate().await.unwrap();
}

/// rules: DESIGN §5
#[tokio::test]
async fn an_operator_may_run_the_printed_migrations_by_hand() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("lms.db");
    let store = SqliteStore::open(&path).await.unwrap();
    assert_eq!(store.pending().await.unwrap().concat(), SqliteStore::print_sql());
    lms_store_sqlite::driver::Connection::open(&path).unwrap().execute_batch(&SqliteStore::print_sql()).unwrap();
    assert!(store.pending().await.unwrap().is_empty(), "nothing is left to do");
    // `lms.migrate()` is never called: who serves may not be who migrates.
    let lms = Lms::builder(store).build();
    let room = Classroom::build(&lms, 1, 1).await.unwrap();
    let done = lms.as_user(room.students[0]).learning().complete_lesson(room.lessons[0]).await.unwrap();
    assert!(done.just_completed, "the course is complete, and its certificate needs the built-in template");
    assert_eq!(rows(&around(&path), "certificates"), 1);
}

/// A database in memory is each connection's own, so that readers would find it empty.
#[tokio::test]
async fn a_name_that_is_no_files_is_refused() {
    for name in [":memory:", "", "file::memory:", "file:shared?mode=memory&cache=shared"] {
        let said = SqliteStore::open(name).await.unwrap_err();
        assert_eq!(said.kind(), &StoreErrorKind::NotSupported, "{name}");
        assert!(said.source().unwrap().to_string().contains("in_memory()"), "{name}: {said:?}");
    }
}

/// A URI is a file's name, too, and its log is found beside the file.
#[tokio::test]
async fn a_uri_names_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("lms.db");
    let store = SqliteStore::open(format!("file:{}?mode=rwc", path.display())).await.unwrap();
    let lms = Lms::builder(store.clone()).build();
    lms.migrate().await.unwrap();
    assert!(store.wal_bytes() > 0);
    assert_eq!(rows(&around(&path), "certificate_templates"), 1);
}

/// A command that meets a file which another process keeps locked says so at its deadline, once, in the store's words.
/// rules: DETAILS 24
#[tokio::test]
async fn a_command_on_a_locked_file_ends_at_its_deadline() {
    let world = World::new().await;
    let room = Classroom::build(&world.lms, 1, 1).await.unwrap();
    let patience = Duration::from_millis(50);
    let store = SqliteStore::builder(&world.path).busy_timeout(patience).open().await.unwrap();
    let lms = Lms::builder(store).deadline(Duration::from_millis(300)).clock(world.clock.clone()).build();
    let other = around(&world.path);
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let me = lms.as_user(room.students[0]);
    let began = std::time::Instant::now();
    let said = me.learning().complete_lesson(room.lessons[0]).await.unwrap_err();
    // Sixty-four tries, as for data that others keep changing, would be more than three seconds.
    assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
    assert_eq!(said.code(), "store.unavailable");
    assert!(said.source().unwrap().to_string().contains("locked"), "{said:?}");
    other.execute_batch("ROLLBACK").unwrap();
    me.learning().complete_lesson(room.lessons[0]).await.unwrap();
}

#[tokio::test]
async fn what_is_no_database_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("notes.txt");
    std::fs::write(&path, "These are notes, not a database. ".repeat(50)).unwrap();
    let said = SqliteStore::open(&path).await.unwrap_err();
    assert_eq!(said.kind(), &StoreErrorKind::Backend);
    assert!(said.source().unwrap().to_string().contains("not a database"));
    let nowhere = SqliteStore::open(folder.path().join("no").join("such").join("folder.db")).await.unwrap_err();
    assert_eq!(nowhere.kind(), &StoreErrorKind::Unavailable);
}

/// Two stores on one file share nothing but the file, as two processes do.
/// rules: V4, DESIGN §6
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn v4_two_processes_write_one_file_and_see_each_other() {
    const EACH: usize = 20;
    let world = World::new().await;
    let room = Classroom::build(&world.lms, 1, 2 * EACH).await.unwrap();
    let other = Lms::builder(SqliteStore::open(&world.path).await.unwrap()).clock(world.clock.clone()).build();
    let live = other.live();
    let watching = other.system();
    let filter = EventFilter { kinds: vec![EventKind::LessonCompleted], ..EventFilter::default() };
    let mut stream = live.events(&watching, filter, Some(live.head().await.unwrap())).await.unwrap();
    let mut learners = Vec::new();
    for (n, student) in room.students.iter().enumerate() {
        let lms = if n < EACH { &world.lms } else { &other };
        let (me, lesson) = (lms.as_user(*student), room.lessons[0]);
        learners.push(tokio::spawn(async move { me.learning().complete_lesson(lesson).await.unwrap() }));
    }
    for learner in learners {
        learner.await.unwrap();
    }
    let mut seen = Vec::new();
    let mut last = 0;
    while seen.len() < 2 * EACH {
        let next = tokio::time::timeout(Duration::from_secs(20), stream.next()).await.expect("an event within 20 s");
        let event = next.unwrap().unwrap().event;
        assert!(event.position > last, "in the order of the log");
        last = event.position;
        seen.push(event.event.student_id.unwrap());
    }
    seen.sort();
    let mut all = room.students.clone();
    all.sort();
    assert_eq!(seen, all, "each one's, whichever process wrote it");
    for lms in [&world.lms, &other] {
        assert_eq!(lms.system().activity().audit(room.course).await.unwrap(), []);
    }
    let done = "SELECT count(*) FROM enrollments WHERE completed_at IS NOT NULL";
    assert_eq!(number(&world.sql(), done), 2 * EACH as i64);
}

/// A write lock that another process holds too long is an error that names itself retryable.
#[tokio::test]
async fn a_file_that_another_process_keeps_locked_is_unavailable() {
    let world = World::new().await;
    let store = SqliteStore::builder(&world.path).busy_timeout(Duration::from_millis(10)).open().await.unwrap();
    store.migrate().await.unwrap();
    let other = world.sql();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let batch = || {
        let row = support::person(&world.lms, "Ada").into();
        let changes = vec![lms_core::store::Change::Insert(row)];
        std::sync::Arc::new(lms_core::store::WriteBatch { changes, ..Default::default() })
    };
    let refused = store.write(batch()).await.unwrap_err();
    assert_eq!(refused.kind(), &StoreErrorKind::Unavailable);
    assert!(refused.is_retryable());
    // Readers do not wait for writers.
    assert!(store.users(Default::default()).await.unwrap().is_empty());
    other.execute_batch("ROLLBACK").unwrap();
    store.write(batch()).await.unwrap();
}

/// What a column holds that it may not, and the row that the error must name.
struct Nonsense {
    table: &'static str,
    column: &'static str,
    value: &'static str,
    id: Uuid,
}

/// A row that somebody spoilt around the library is an error that says where, never a panic.
/// rules: DESIGN §4
#[tokio::test]
async fn a_spoilt_row_is_an_error_that_says_where() {
    let course = Course::build(false).await;
    let (lms, room) = (&course.world.lms, &course.room);
    let teacher = room.teacher();
    let me = lms.as_user(room.students[0]);
    let conn = course.world.sql();
    conn.execute_batch("PRAGMA foreign_keys = OFF; PRAGMA ignore_check_constraints = ON").unwrap();
    let id = |sql: &str| -> Uuid {
        let bytes: Vec<u8> = conn.query_row(sql, [], |row| row.get(0)).unwrap();
        Uuid::from_slice(&bytes).unwrap()
    };
    let open = id("SELECT id FROM quiz_attempts WHERE state = 'in_progress'");
    let graded = id("SELECT id FROM quiz_attempts WHERE state = 'graded'");
    let question = id("SELECT id FROM quiz_questions ORDER BY order_index LIMIT 1");
    let (in_course, lesson, quiz) = (room.course.uuid(), room.lessons[0].uuid(), course.quiz.uuid());
    let spoil = |table, column, value, id| Nonsense { table, column, value, id };
    let spoilt = [
        spoil("courses", "metadata", "'{\"a\":'", in_course),
        spoil("courses", "ai_log_id", "x'0102'", in_course),
        spoil("courses", "flow", "'backwards'", in_course),
        spoil("courses", "is_published", "7", in_course),
        spoil("lessons", "completion_rule", "'by_magic'", lesson),
        spoil("lessons", "copied_from", "x''", lesson),
        spoil("quizzes", "kept_score", "'worst'", quiz),
        spoil("quizzes", "pass_threshold_bp", "10001", quiz),
        spoil("assignments", "rubric", "'nonsense'", course.assignment.uuid()),
        spoil("submissions", "state", "'lost'", course.submission.uuid()),
        spoil("quiz_attempts", "answers", "'nonsense'", open),
        spoil("quiz_attempts", "answers", "'[]'", open),
        spoil("quiz_attempts", "graded", "'{}'", graded),
        spoil("quiz_questions", "correct_answer", "'{}'", question),
        spoil("users", "role", "'god'", room.students[0].uuid()),
    ];
    for Nonsense { table, column, value, id } in spoilt {
        let at = format!("{table}.{column} = {value}");
        conn.execute_batch("CREATE TEMP TABLE IF NOT EXISTS kept (value)").unwrap();
        conn.execute_batch(&format!(
            "DELETE FROM kept; INSERT INTO kept SELECT {column} FROM {table} WHERE id = {row};
             UPDATE {table} SET {column} = {value} WHERE id = {row}",
            row = lit(id)
        ))
        .unwrap();
        let attempt = lms_core::model::AttemptId::from_uuid;
        let said: Error = match table {
            "courses" => teacher.catalog().course(room.course).await.map(drop),
            "lessons" => teacher.catalog().lesson(room.lessons[0]).await.map(drop),
            "quizzes" => me.quizzes().start(course.quiz).await.map(drop),
            "assignments" => {
                let grade = lms_core::lms::NewGrade { seen_seq: 1, ..Default::default() };
                teacher.assignments().grade(course.submission, grade).await.map(drop)
            }
            "submissions" => me.assignments().view(course.submission).await.map(drop),
            "quiz_attempts" => {
                let student = room.students[usize::from(id == open)];
                lms.as_user(student).quizzes().view_attempt(attempt(id)).await.map(drop)
            }
            "quiz_questions" => me.quizzes().start(course.quiz).await.map(drop),
            "users" => lms.system().people().user(room.students[0]).await.map(drop),
            other => panic!("no read of {other}"),
        }
        .expect_err(&at);
        assert_eq!(said.code(), "store.corrupt", "{at}: {said:?}");
        let text = said.to_string();
        assert!(text.contains(table) && text.contains(column) && text.contains(&id.to_string()), "{at}: {text}");
        assert_eq!(kind(said), StoreErrorKind::Corrupt { table, column, id: Some(id) }, "{at}");
        let mend = format!("UPDATE {table} SET {column} = (SELECT value FROM kept) WHERE id = {}", lit(id));
        conn.execute_batch(&mend).unwrap();
    }
    // The store is none the worse for it.
    teacher.catalog().course(room.course).await.unwrap();
    me.quizzes().start(course.quiz).await.unwrap();
}

/// An id that is none cannot be named; the table and the column still are.
/// rules: DESIGN §4
#[tokio::test]
async fn an_id_that_is_none_is_said_too() {
    let world = World::new().await;
    let conn = world.sql();
    conn.execute_batch(
        "PRAGMA ignore_check_constraints = ON;
         INSERT INTO users VALUES (x'ff01', 'student', 'Nobody', NULL, NULL, '{}', NULL, 1, 0, 0)",
    )
    .unwrap();
    let said: StoreError = world.store.users(Default::default()).await.unwrap_err();
    assert_eq!(said.kind(), &StoreErrorKind::Corrupt { table: "users", column: "id", id: None });
}
