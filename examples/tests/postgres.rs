//! The program on a Postgres server.
#![cfg(feature = "postgres")]
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "these are tests")]

mod support;

use std::fs;

use lms_store_postgres::testing::Cluster;
use support::{book, program, summary, text};

#[test]
fn a_server_gets_the_same_course_and_its_log_names_nobody() {
    let server = Cluster::start(&[]);
    let folder = tempfile::tempdir().unwrap();
    let (source, out) = (folder.path().join("rivers.md"), folder.path().join("out"));
    let book = book(2);
    fs::write(&source, &book).unwrap();
    let output = program()
        .args(["--json", "--students", "2", "--store", server.url(), "--source"])
        .arg(&source)
        .arg("--out")
        .arg(&out)
        .env("LMS_LOG", "trace")
        .output()
        .unwrap();
    let (said, log) = (text(&output.stdout), text(&output.stderr));
    assert!(output.status.success(), "{said}\n{log}");
    assert!(said.contains("Database  Postgres at "), "{said}");
    let summary = summary(&out);
    let counts = &summary["counts"];
    assert_eq!((&counts["courses"], &counts["lessons"], &counts["enrollments"]), (&1.into(), &2.into(), &2.into()));
    assert_eq!(counts["activity_events"], summary["events"], "every event was received");
    assert_eq!(counts["certificates"], 2);
    for certificate in summary["certificates"].as_array().unwrap() {
        assert!(fs::read(certificate["pdf"].as_str().unwrap()).unwrap().starts_with(b"%PDF-"));
    }
    assert!(!out.join("lms.db").exists());

    assert!(log.contains("lms.complete_lesson"), "the log is told of the work");
    for name in ["Amélie", "Wiśniewski", "Okafor", "quickstart-student"] {
        assert!(!log.contains(name), "the log names {name}");
    }
    let chars: Vec<char> = book.chars().collect();
    for piece in chars.chunks_exact(30) {
        let piece: String = piece.iter().collect();
        assert!(!log.contains(&piece), "the log holds `{piece}`");
    }
}

/// The host's order and the library's enrollment commit or fail together, on both stores.
#[test]
fn an_order_and_an_enrollment_go_together() {
    let server = Cluster::start(&[]);
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_host_transaction")).arg(server.url()).output().unwrap();
    let said = text(&output.stdout);
    assert!(output.status.success(), "{said}\n{}", text(&output.stderr));
    let lines: Vec<&str> = said.lines().map(str::trim).collect();
    let neither = "the card was refused   orders: 0, enrolled: no";
    let both = "paid                   orders: 1, enrolled: yes";
    assert_eq!(lines, ["SQLite", neither, both, "Postgres", neither, both]);
}
