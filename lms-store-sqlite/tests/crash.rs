//! A process that is killed in the middle of its work has lost nothing that it had confirmed.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "these are tests")]

mod support;

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use lms_core::Lms;
use lms_core::lms::{EnrollOptions, NewLesson, NewUser};
use lms_core::model::{CourseId, LessonId, Role, UserId};
use lms_core::store::CatalogReads;
use lms_core::testing::Classroom;
use lms_store_sqlite::{SqliteStore, driver, write_in};
use support::{around, number, rows};
use uuid::Uuid;

/// Names the database to the process that is to be killed: this same test, started again.
const DATABASE: &str = "LMS_CRASH_DATABASE";
/// The test's own name, by which it is started again.
const MYSELF: &str = "a_killed_process_has_lost_nothing_that_it_confirmed";
/// After how many confirmed writes each process is killed, and then a little later by chance.
const ROUNDS: &[usize] = &[1, 5, 17, 40, 80, 120];
/// The lesson that comes and goes while learners finish the others.
const MOVING: &str = "Now and then";

/// rules: P9, P11, V1
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_process_has_lost_nothing_that_it_confirmed() {
    if let Some(path) = std::env::var_os(DATABASE) {
        return work_until_killed(Path::new(&path)).await;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("lms.db");
    let (course, teacher) = prepare(&path).await;
    let mut confirmed = BTreeSet::new();
    for (round, &lines) in ROUNDS.iter().enumerate() {
        let (mut child, told) = start(&path);
        for _ in 0..lines {
            // A process that ends by itself has failed; its own words are on standard error.
            let line = told.recv_timeout(Duration::from_secs(60)).expect("a confirmed write within 60 s");
            confirmed.insert(line);
        }
        std::thread::sleep(Duration::from_micros(by_chance(20_000)));
        child.kill().unwrap();
        assert!(!child.wait().unwrap().success());
        // What it could still say counts as well.
        confirmed.extend(told.iter());
        let conn = around(&path);
        sound(&conn, round);
        for line in &confirmed {
            stands(&conn, line, round);
        }
        let lms = Lms::builder(SqliteStore::open(&path).await.unwrap()).build();
        assert_eq!(lms.system().activity().audit(course).await.unwrap(), [], "round {round}");
    }
    assert!(confirmed.len() > ROUNDS.iter().sum(), "every round confirmed what it was asked for");
    finish(&path, course, teacher).await;
}

/// A number below `most`, another one in every run.
fn by_chance(most: u64) -> u64 {
    let mut bytes = [0; 8];
    lms_core::clock::Ids::fill(&lms_core::clock::RandomIds::default(), &mut bytes);
    u64::from_be_bytes(bytes) % most
}

/// A course of three lessons and one that comes and goes, and a table of the host's.
async fn prepare(path: &Path) -> (CourseId, UserId) {
    let store = SqliteStore::open(path).await.unwrap();
    let lms = Lms::builder(store.clone()).build();
    lms.migrate().await.unwrap();
    let room = Classroom::build(&lms, 3, 0).await.unwrap();
    room.teacher().catalog().add_lesson(room.course, NewLesson::titled(MOVING)).await.unwrap();
    let orders = "CREATE TABLE orders (enrollment_id BLOB PRIMARY KEY)";
    store.transaction(move |tx| tx.execute_batch(orders)).await.unwrap().unwrap();
    (room.course, room.instructor)
}

/// Starts this test again as the process that is to be killed, and reads what it confirms.
fn start(path: &Path) -> (Child, Receiver<String>) {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args([MYSELF, "--exact", "--nocapture", "--test-threads=1"])
        .env(DATABASE, path)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut out = BufReader::new(child.stdout.take().unwrap());
    let (tell, told) = channel();
    std::thread::spawn(move || {
        let mut line = String::new();
        while out.read_line(&mut line).is_ok_and(|bytes| bytes > 0) {
            // A line without its end was cut off by the kill. Before the first stand the harness's words.
            if let Some((_, write)) = line.split_once("confirmed: ")
                && let Some(write) = write.strip_suffix('\n')
                && tell.send(write.to_owned()).is_err()
            {
                return;
            }
            line.clear();
        }
    });
    (child, told)
}

/// Learners join, learn and finish, a shop sells, a teacher changes her mind: each says what was confirmed.
async fn work_until_killed(path: &Path) {
    let store = SqliteStore::open(path).await.unwrap();
    let lms = Lms::builder(store.clone()).build();
    let system = lms.system();
    let course = system.catalog().courses(Default::default(), Default::default()).await.unwrap().remove(0);
    let lessons = store.structure(course.id).await.unwrap().unwrap().lessons;
    let moving = lessons.iter().find(|lesson| lesson.title == MOVING).unwrap().id;
    let lessons: Vec<LessonId> = lessons.iter().map(|lesson| lesson.id).filter(|id| *id != moving).collect();
    let mut all = tokio::task::JoinSet::new();
    for _ in 0..5 {
        all.spawn(learn(lms.clone(), course.id, lessons.clone()));
    }
    all.spawn(sell(lms.clone(), store, course.id));
    all.spawn(change(lms.as_user(course.instructor_id), moving));
    // None of them ends but by a fault, which ends the process.
    all.join_next().await.unwrap().unwrap();
}

async fn learn(lms: Lms, course: CourseId, lessons: Vec<LessonId>) {
    let command = || lms.ids().uuid(lms.now());
    loop {
        let user = lms.system().people().ensure_user(NewUser::new(Role::Student, "Learner")).await.unwrap().id;
        println!("confirmed: user {user}");
        let id = command();
        let system = lms.system().with_command_id(id);
        let enrollment = system.enrollment().enroll(course, user, EnrollOptions::default()).await.unwrap().id;
        println!("confirmed: enrollment {enrollment}\nconfirmed: event {id}");
        for lesson in &lessons {
            let id = command();
            lms.as_user(user).with_command_id(id).learning().complete_lesson(*lesson).await.unwrap();
            println!("confirmed: lesson {user} {lesson}\nconfirmed: event {id}");
        }
    }
}

async fn sell(lms: Lms, store: SqliteStore, course: CourseId) {
    loop {
        let user = lms.system().people().ensure_user(NewUser::new(Role::Student, "Buyer")).await.unwrap().id;
        let system = lms.system();
        let enroll =
            system.plan(|s| async move { s.enrollment().enroll(course, user, EnrollOptions::default()).await });
        let planned = enroll.await.unwrap();
        let enrollment = planned.outcome.id;
        let sold = store.transaction(move |tx| {
            let order = "INSERT INTO orders VALUES (?1)";
            tx.execute(order, [enrollment.uuid().as_bytes().as_slice()]).unwrap();
            write_in(tx, &planned.batch)
        });
        // The teacher may have changed the course meanwhile: then neither stands, and the next one buys.
        if sold.await.unwrap().is_ok() {
            println!("confirmed: order {enrollment}\nconfirmed: enrollment {enrollment}");
        }
    }
}

async fn change(teacher: lms_core::lms::Session, moving: LessonId) {
    for publish in [true, false].into_iter().cycle() {
        teacher.catalog().publish_lesson(moving, publish).await.unwrap();
        // Others get their turn.
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// The file is whole, and so are its rows.
fn sound(conn: &driver::Connection, round: usize) {
    let said: String = conn.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
    assert_eq!(said, "ok", "round {round}");
    for (wanted, sql) in [
        ("every row points at one that is there", "SELECT count(*) FROM pragma_foreign_key_check"),
        (
            "an order has its enrollment",
            "SELECT count(*) FROM orders WHERE enrollment_id NOT IN (SELECT id FROM enrollments)",
        ),
        ("positions are dense", "SELECT max(position) - min(position) + 1 - count(*) FROM activity_events"),
        (
            "who completed the course has a certificate, and nobody else",
            "SELECT (SELECT count(*) FROM enrollments WHERE completed_at IS NOT NULL) - (SELECT count(*) FROM certificates)",
        ),
        (
            "a completion is told once",
            "SELECT (SELECT count(*) FROM activity_events WHERE kind = 'course_completed') - (SELECT count(*) FROM certificates)",
        ),
        (
            "a completed lesson is told once",
            "SELECT (SELECT count(*) FROM activity_events WHERE kind = 'lesson_completed')
                - (SELECT count(*) FROM lesson_progress WHERE status = 'completed')",
        ),
        (
            "an enrollment is told once",
            "SELECT (SELECT count(*) FROM activity_events WHERE kind = 'enrolled') - (SELECT count(*) FROM enrollments)",
        ),
    ] {
        assert_eq!(number(conn, sql), 0, "round {round}: {wanted}");
    }
}

/// A confirmed write is there.
fn stands(conn: &driver::Connection, line: &str, round: usize) {
    let (what, ids) = line.split_once(' ').unwrap();
    let ids: Vec<[u8; 16]> = ids.split(' ').map(|id| Uuid::parse_str(id).unwrap().into_bytes()).collect();
    let sql = match what {
        "user" => "SELECT 1 FROM users WHERE id = ?1",
        "enrollment" => "SELECT 1 FROM enrollments WHERE id = ?1",
        "event" => "SELECT 1 FROM activity_events WHERE id = ?1",
        "order" => "SELECT 1 FROM orders WHERE enrollment_id = ?1",
        "lesson" => "SELECT 1 FROM lesson_progress WHERE student_id = ?1 AND lesson_id = ?2 AND status = 'completed'",
        other => panic!("it confirmed {other}"),
    };
    let params = driver::params_from_iter(ids.iter().map(<[u8; 16]>::as_slice));
    assert!(
        conn.prepare_cached(sql).unwrap().exists(params).unwrap(),
        "round {round}: {line} was confirmed and is gone"
    );
}

/// What a killed process left undone is finished by the next one: nobody stays finished but in progress.
async fn finish(path: &Path, course: CourseId, teacher: UserId) {
    let lms = Lms::builder(SqliteStore::open(path).await.unwrap()).build();
    lms.tick().await.unwrap();
    let conn = around(path);
    assert_eq!(number(&conn, "SELECT count(*) FROM course_jobs WHERE done_at IS NULL"), 0);
    let structure = lms.store().structure(course).await.unwrap().unwrap();
    let moving = structure.lessons.iter().find(|lesson| lesson.title == MOVING).unwrap().id;
    lms.as_user(teacher).catalog().publish_lesson(moving, false).await.unwrap();
    let left_behind = "SELECT count(*) FROM enrollments AS e WHERE completed_at IS NULL AND 3 = (
        SELECT count(*) FROM lesson_progress AS p WHERE p.enrollment_id = e.id AND p.status = 'completed')";
    assert_eq!(number(&conn, left_behind), 0);
    assert!(rows(&conn, "certificates") > 0, "somebody has finished");
    sound(&conn, ROUNDS.len());
    assert_eq!(lms.system().activity().audit(course).await.unwrap(), []);
}
