//! The program is killed at any moment, and what it leaves is whole.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "these are tests")]

mod support;

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, ChildStderr, Stdio};
use std::time::Duration;

use lms_core::Lms;
use lms_core::clock::{Ids, RandomIds};
use lms_core::model::CourseId;
use lms_store_sqlite::SqliteStore;
use lms_store_sqlite::driver::Connection;
use serde_json::Value;
use support::{assert_sound, book, database, number, program, run_well, texts};
use uuid::Uuid;

/// How often it is killed, at moments spread over its work.
const KILLS: usize = 12;

// rules: I1, I2, D6, P11
#[test]
fn a_run_that_is_killed_leaves_nothing_half_and_the_next_one_works() {
    let folder = tempfile::tempdir().unwrap();
    let (long, short) = (folder.path().join("long.md"), folder.path().join("short.md"));
    fs::write(&long, book(5)).unwrap();
    fs::write(&short, book(1)).unwrap();
    let (mut whole, log) = start(&long, &folder.path().join("whole"));
    let steps = log.lines().count();
    assert!(whole.wait().unwrap().success());
    assert!(steps > 100, "the log has a line for every use case: {steps}");
    // One folder for all: each run finds what every one before it has left.
    let out = folder.path().join("killed");
    let (mut unfinished, mut begun) = (0, 0);
    for kill in 0..KILLS {
        let courses = if kill > 0 { nothing_is_half(&out) } else { 0 };
        let (mut child, mut log) = start(&long, &out);
        // The first one dies while it opens the database, each of the others in another part of the work.
        let until = steps * kill / KILLS + by_chance(steps / KILLS) * usize::from(kill > 0);
        let mut line = String::new();
        for _ in 0..until {
            log.read_line(&mut line).unwrap();
        }
        std::thread::sleep(Duration::from_micros(by_chance(20_000) as u64));
        child.kill().unwrap();
        unfinished += usize::from(!child.wait().unwrap().success());
        if out.join("lms.db").exists() {
            begun += usize::from(nothing_is_half(&out) > courses);
        }
        run_well(&out, Some(&short), &["--students", "1"]);
        let complete = "SELECT count(*) FROM certificates WHERE rendering = 'ready'";
        assert!(number(&database(&out), complete) > kill as i64, "the run after kill {kill} has its certificate");
    }
    nothing_is_half(&out);
    // A slow reader of the log may be overtaken by the work, but not every time.
    assert!(unfinished > 3, "{unfinished} of {KILLS} were killed before their end");
    assert!(begun > 3, "{begun} of {KILLS} were killed when they had made a course");
}

/// Starts the program with a log that has a line for every use case that is done.
fn start(source: &Path, out: &Path) -> (Child, BufReader<ChildStderr>) {
    let mut command = program();
    command.args(["--students", "2", "--source"]).arg(source).arg("--out").arg(out).env("LMS_LOG", "info");
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let log = BufReader::new(child.stderr.take().unwrap());
    (child, log)
}

/// Background work belongs to one process at a time, for half a minute after it was last heard of.
/// Who was killed meanwhile keeps nobody waiting.
#[test]
fn what_a_killed_process_still_holds_keeps_nobody_waiting() {
    let folder = tempfile::tempdir().unwrap();
    let (source, out) = (folder.path().join("short.md"), folder.path().join("out"));
    fs::write(&source, book(1)).unwrap();
    run_well(&out, Some(&source), &["--students", "2"]);
    let conn = database(&out);
    let held = "UPDATE consumers SET lease_token = randomblob(16), lease_until = 1000000 * (unixepoch() + 3600)";
    assert_eq!(conn.execute(held, []).unwrap(), 2);
    let said = run_well(&out, Some(&source), &["--students", "2"]);
    assert_eq!(said.matches(" points by AI, applied at once").count(), 1, "{said}");
    assert_eq!(said.matches("adopted by").count(), 1, "{said}");
    assert_eq!(number(&conn, "SELECT count(*) FROM certificates WHERE rendering = 'ready'"), 4);
    assert_eq!(number(&conn, "SELECT count(*) FROM consumers WHERE lease_token IS NULL"), 0, "still another's");
}

/// A number below `most`, another one in every run.
fn by_chance(most: usize) -> usize {
    let mut bytes = [0; 4];
    RandomIds::default().fill(&mut bytes);
    u32::from_be_bytes(bytes) as usize % most.max(1)
}

/// Looks at a database that a killed process has left; how many courses it holds.
fn nothing_is_half(out: &Path) -> i64 {
    let conn = database(out);
    assert_sound(&conn);
    if texts(&conn, "SELECT name FROM sqlite_schema WHERE name = 'ai_logs'").is_empty() {
        return 0;
    }
    answers_stand_whole(&conn);
    let none = |what: &str, sql: &str| assert_eq!(number(&conn, sql), 0, "{what}");
    none("a course without its outline", "SELECT count(*) FROM courses WHERE ai_log_id IS NULL");
    for table in ["courses", "lessons", "topics", "quizzes", "quiz_questions", "assignments"] {
        none(
            &format!("content in {table} of an answer that is not applied"),
            &format!("SELECT count(*) FROM {table} c JOIN ai_logs a ON a.id = c.ai_log_id WHERE a.status <> 'applied'"),
        );
    }
    none(
        "a completed course without its certificate",
        "SELECT count(*) FROM enrollments e WHERE completed_at IS NOT NULL AND NOT EXISTS
         (SELECT 1 FROM certificates c WHERE c.course_id = e.course_id AND c.student_id = e.student_id)",
    );
    none("a gap in the event log", "SELECT coalesce(max(position), 0) - count(*) FROM activity_events");
    for url in texts(&conn, "SELECT certificate_url FROM certificates WHERE rendering = 'ready'") {
        assert!(fs::read(&url).unwrap().starts_with(b"%PDF-"), "{url}");
    }
    let courses = texts(&conn, "SELECT hex(id) FROM courses");
    drop(conn);
    no_figure_drifts(out, &courses);
    i64::try_from(courses.len()).unwrap()
}

/// Every answer that counts as applied stands in the rows, and every row of it is there.
fn answers_stand_whole(conn: &Connection) {
    let mut statement = conn
        .prepare("SELECT hex(id), kind, response_text FROM ai_logs WHERE status = 'applied' AND kind <> 'grade'")
        .unwrap();
    let applied: Vec<(String, String, String)> = statement
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
        .unwrap()
        .collect::<Result<_, _>>()
        .unwrap();
    for (id, kind, answer) in applied {
        let answer: Value = serde_json::from_str(&answer).unwrap();
        let all = |list: &Value, name: &str| -> Vec<String> {
            list.as_array().unwrap().iter().map(|entry| entry[name].as_str().unwrap().to_owned()).collect()
        };
        let of = |table: &str| number(conn, &format!("SELECT count(*) FROM {table} WHERE ai_log_id = x'{id}'"));
        match kind.as_str() {
            "outline" => {
                assert_eq!(of("courses"), 1);
                let course = format!("(SELECT id FROM courses WHERE ai_log_id = x'{id}')");
                let lessons = format!("SELECT title FROM lessons WHERE course_id = {course} ORDER BY order_index");
                assert_eq!(texts(conn, &lessons), all(&answer["lessons"], "title"));
                let objectives = format!("SELECT text FROM objectives WHERE course_id = {course} ORDER BY order_index");
                assert_eq!(texts(conn, &objectives), all(&answer["objectives"], "text"));
                let topics: Vec<String> = answer["lessons"]
                    .as_array()
                    .unwrap()
                    .iter()
                    .flat_map(|lesson| all(&lesson["topics"], "title"))
                    .collect();
                let stored = format!(
                    "SELECT t.title FROM topics t JOIN lessons l ON l.id = t.lesson_id WHERE l.course_id = {course}
                     ORDER BY l.order_index, t.order_index"
                );
                assert_eq!(texts(conn, &stored), topics);
            }
            "lesson_body" => {
                let bodies = texts(conn, &format!("SELECT body FROM topics WHERE ai_log_id = x'{id}'"));
                assert_eq!(bodies.len(), 1);
                assert!(bodies[0].starts_with(answer["body_markdown"].as_str().unwrap().trim()), "{}", bodies[0]);
            }
            "quiz" => {
                assert_eq!(of("quizzes"), 1);
                let quiz = format!("(SELECT id FROM quizzes WHERE ai_log_id = x'{id}')");
                let questions = format!("SELECT text FROM quiz_questions WHERE quiz_id = {quiz} ORDER BY order_index");
                assert_eq!(texts(conn, &questions), all(&answer["questions"], "text"));
            }
            "assignment" => assert_eq!(of("assignments"), 1),
            other => panic!("an answer of a kind that nobody looks at here: {other}"),
        }
    }
    let grades = "SELECT count(*) FROM ai_logs a WHERE a.kind = 'grade' AND a.status IN ('applied', 'review')
                  AND NOT EXISTS (SELECT 1 FROM grade_history h WHERE h.ai_log_id = a.id)";
    assert_eq!(number(conn, grades), 0, "a grade that counts as applied stands in the history");
}

/// Every derived figure equals its recount from the rows.
fn no_figure_drifts(out: &Path, courses: &[String]) {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let lms = Lms::builder(SqliteStore::open(out.join("lms.db")).await.unwrap()).build();
        for course in courses {
            let id = CourseId::from_uuid(Uuid::parse_str(course).unwrap());
            assert_eq!(lms.system().activity().audit(id).await.unwrap(), []);
        }
    });
}
