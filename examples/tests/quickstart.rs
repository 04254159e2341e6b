//! The program as a stranger meets it: what it prints, what it leaves behind, and what it refuses.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "these are tests")]

mod support;

use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::Path;
use std::process::Stdio;

use support::{assert_sound, book, database, dump, number, program, run, run_well, summary, tables, text, texts};

/// What a second run may move on in the rows of the first: where background workers stand.
const MOVES_ON: &[&str] = &["consumers"];

// rules: I1, C2, V1, D6
#[test]
fn a_run_makes_what_it_says_and_another_one_adds_a_course_and_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("a folder/to be made");
    let said = run_well(&out, None, &["--json"]);
    let first = summary(&out);
    let conn = database(&out);
    assert_sound(&conn);
    assert!(number(&conn, "SELECT count(*) FROM lessons") >= 6);
    assert_eq!(number(&conn, "SELECT count(*) FROM courses WHERE is_published = 1"), 1);
    counts_are_the_rows(&conn, &first);
    assert_eq!(first["events"], number(&conn, "SELECT count(*) FROM activity_events"), "every event was received");
    assert!(said.contains("offline"), "it says that no model is asked");
    assert!(!said.contains('\u{1b}'), "plain lines where no person looks on");
    assert!(said.contains("lesson texts: 26/26"), "{said}");
    for stage in ["asking for the outline", "checking the answer", "writing it in one transaction"] {
        assert!(said.contains(stage), "{stage}: {said}");
    }
    assert!(!said.contains("note: "), "nothing of the source is left out: {said}");
    both_ways_of_grading(&conn, &first, &said);
    metrics_hold(&conn, &first, &said);
    certificates_are_there(&conn, &first, &said);

    let before = dump(&conn);
    run_well(&out, None, &["--json"]);
    let second = summary(&out);
    assert_ne!(second["course"]["id"], first["course"]["id"]);
    assert_sound(&conn);
    counts_are_the_rows(&conn, &second);
    certificates_are_there(&conn, &second, &said_again(&second));
    assert_eq!(number(&conn, "SELECT count(*) FROM courses"), 2);
    let old = number(&conn, "SELECT count(*) FROM activity_events") - first["events"].as_i64().unwrap();
    assert_eq!(second["events"], old, "the second subscriber received the second run's events only");
    let after = dump(&conn);
    for (table, rows) in &before {
        if !MOVES_ON.contains(&table.as_str()) {
            let changed: Vec<&String> = rows.difference(&after[table]).collect();
            assert!(changed.is_empty(), "the second run changed or removed rows of {table}: {changed:?}");
        }
    }
    assert_eq!(before["users"], after["users"], "the same people learn again");
}

/// `counts` of a summary are what SQL counts, for every table.
fn counts_are_the_rows(conn: &lms_store_sqlite::driver::Connection, summary: &serde_json::Value) {
    let counted: BTreeSet<(String, i64)> = summary["counts"]
        .as_object()
        .unwrap()
        .iter()
        .map(|(table, count)| (table.clone(), count.as_i64().unwrap()))
        .collect();
    let rows: BTreeSet<(String, i64)> = tables(conn)
        .into_iter()
        .map(|table| {
            let count = number(conn, &format!("SELECT count(*) FROM \"{table}\""));
            (table, count)
        })
        .collect();
    assert_eq!(counted, rows);
    assert!(rows.len() > 25, "all tables: {rows:?}");
}

/// Well covered work is graded by AI at once, thin work by the instructor from AI's suggestion.
fn both_ways_of_grading(conn: &lms_store_sqlite::driver::Connection, summary: &serde_json::Value, said: &str) {
    let by = |role: &str, kind: &str| {
        let sql = format!(
            "SELECT count(*) FROM submissions s JOIN users u ON u.id = s.graded_by
             WHERE u.role = '{role}' AND s.grader_kind = '{kind}' AND s.state = 'graded'"
        );
        number(conn, &sql)
    };
    let grading = &summary["ai_grading"];
    assert_eq!((&grading["applied"], &grading["suggested"], &grading["adopted"]), (&2.into(), &1.into(), &1.into()));
    assert_eq!(by("ai", "ai"), 2);
    assert_eq!(number(conn, "SELECT count(*) FROM grade_history WHERE cause = 'suggested'"), 1);
    let adopted = "SELECT count(*) FROM grade_history h JOIN users u ON u.id = h.actor_id
                   WHERE h.cause = 'adopted' AND u.role = 'instructor'";
    assert_eq!(number(conn, adopted), 1);
    assert_eq!(said.matches("by AI, applied at once").count(), 2, "{said}");
    assert_eq!(said.matches("AI suggests").count(), 1, "{said}");
    assert_eq!(said.matches("adopted by").count(), 1, "{said}");
}

fn metrics_hold(conn: &lms_store_sqlite::driver::Connection, summary: &serde_json::Value, said: &str) {
    let metrics = &summary["metrics"];
    assert_eq!(metrics["completion"]["enrolled"], number(conn, "SELECT count(*) FROM enrollments"));
    let completed = number(conn, "SELECT count(*) FROM enrollments WHERE completed_at IS NOT NULL");
    assert_eq!(metrics["completion"]["completed"], completed);
    assert_eq!(completed, 3);
    assert_eq!(metrics["active_24h"], 3);
    assert_eq!(metrics["quizzes"]["pairs"], number(conn, "SELECT count(*) FROM quiz_results"));
    for shown in ["mean completion", "average quiz score", "essays on time", "live events received"] {
        assert!(said.contains(shown), "{shown}: {said}");
    }
}

/// The codes of a summary are those of the rows, and each PDF is one and begins like one.
fn certificates_are_there(conn: &lms_store_sqlite::driver::Connection, summary: &serde_json::Value, said: &str) {
    let course = summary["course"]["id"].as_str().unwrap().replace('-', "");
    let rows: BTreeSet<String> =
        texts(conn, &format!("SELECT code FROM certificates WHERE course_id = x'{course}'")).into_iter().collect();
    let certificates = summary["certificates"].as_array().unwrap();
    let codes: BTreeSet<String> = certificates.iter().map(|c| c["code"].as_str().unwrap().to_owned()).collect();
    assert_eq!(codes, rows);
    assert_eq!(codes.len(), 3);
    for certificate in certificates {
        let pdf = certificate["pdf"].as_str().unwrap();
        assert!(fs::read(pdf).unwrap().starts_with(b"%PDF-"), "{pdf}");
        assert!(said.contains(pdf), "its path is printed");
    }
    assert_eq!(number(conn, "SELECT count(*) FROM certificates WHERE rendering <> 'ready'"), 0);
}

/// Of a run whose lines are not looked at: what they would be.
fn said_again(summary: &serde_json::Value) -> String {
    summary["certificates"].to_string()
}

#[test]
fn as_many_learners_as_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let source = folder.path().join("rivers.md");
    fs::write(&source, book(1)).unwrap();
    for students in [1, 50] {
        let out = folder.path().join(students.to_string());
        run_well(&out, Some(&source), &["--json", "--students", &students.to_string()]);
        let conn = database(&out);
        assert_sound(&conn);
        assert_eq!(number(&conn, "SELECT count(*) FROM enrollments"), students);
        assert_eq!(number(&conn, "SELECT count(*) FROM certificates WHERE rendering = 'ready'"), students);
        assert_eq!(number(&conn, "SELECT count(DISTINCT display_name) FROM users WHERE role = 'student'"), students);
        let events = summary(&out)["events"].clone();
        assert_eq!(events, number(&conn, "SELECT count(*) FROM activity_events"));
    }
}

#[test]
fn what_it_does_not_understand_is_named_in_one_line() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    let cases: &[(&[&str], &str)] = &[
        (&["--students", "0"], "`0`"),
        (&["--students", "-3"], "`-3`"),
        (&["--students", "201"], "`201`"),
        (&["--students", "99999999999999999999999"], "`99999999999999999999999`"),
        (&["--students", "many"], "`many`"),
        (&["--students"], "--students"),
        (&["--source"], "--source"),
        (&["--colour", "red"], "--colour"),
        (&["book.md"], "book.md"),
        (&["--json=yes"], "--json"),
    ];
    for (args, named) in cases {
        let mut command = program();
        let output = command.arg("--out").arg(&out).args(*args).output().unwrap();
        let complaint = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{args:?}: {complaint}");
        assert!(complaint.starts_with("error: ") && complaint.contains(named), "{args:?}: {complaint}");
        assert_eq!(complaint.lines().count(), 1, "{args:?}: {complaint}");
        assert_eq!(text(&output.stdout), "", "{args:?}");
        assert!(!out.exists(), "{args:?}");
    }
}

#[test]
fn help_names_every_option() {
    for flag in ["--help", "-h"] {
        let output = run([flag]);
        assert!(output.status.success());
        let help = text(&output.stdout);
        for option in ["--source", "--out", "--students", "--json", "ANTHROPIC_API_KEY", "LMS_AI_MODEL", "LMS_LOG"] {
            assert!(help.contains(option), "{option}: {help}");
        }
        assert!(help.lines().all(|line| line.chars().count() <= 100), "it fits a terminal");
    }
}

#[test]
fn a_place_where_nothing_can_be_written_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("taken");
    fs::write(&file, "a file of somebody's").unwrap();
    let no_database = folder.path().join("no database");
    fs::create_dir(&no_database).unwrap();
    fs::write(no_database.join("lms.db"), "this is a text and no database. ".repeat(200)).unwrap();
    for out in [&file, &file.join("below"), &no_database] {
        let output = run(["--out".as_ref(), out.as_os_str()]);
        let complaint = text(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{complaint}");
        assert!(complaint.starts_with("error: ") && complaint.contains(out.to_str().unwrap()), "{complaint}");
        assert_eq!(complaint.lines().count(), 1, "{complaint}");
    }
    assert_eq!(fs::read_to_string(&file).unwrap(), "a file of somebody's");
    assert!(fs::read_to_string(no_database.join("lms.db")).unwrap().starts_with("this is a text"));
}

/// `quickstart | head -1`: the reader goes away, the work is done all the same.
#[test]
fn a_reader_that_goes_away_stops_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let source = folder.path().join("rivers.md");
    fs::write(&source, book(1)).unwrap();
    let out = folder.path().join("out");
    let mut child = program()
        .args(["--source".as_ref(), source.as_os_str(), "--out".as_ref(), out.as_os_str(), "--json".as_ref()])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut first = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut first).unwrap();
    assert!(first.starts_with("Source"), "{first}");
    let mut complaint = String::new();
    child.stderr.take().unwrap().read_to_string(&mut complaint).unwrap();
    assert!(child.wait().unwrap().success(), "{complaint}");
    assert_eq!(complaint, "");
    assert_eq!(summary(&out)["certificates"].as_array().unwrap().len(), 3);
    assert_sound(&database(&out));
    assert!(Path::new(summary(&out)["certificates"][0]["pdf"].as_str().unwrap()).exists());
}
