//! What the library tells of its work, at the highest level of detail, gives nobody away.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "these are tests")]

mod support;

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};

use support::{book, database, dump, number, program, text, texts};

/// The shortest piece of a text that is looked for: shorter ones are words that any line may hold.
const PIECE: usize = 24;

#[test]
fn the_whole_log_of_a_run_holds_no_person_no_work_no_prompt_and_no_key() {
    let folder = tempfile::tempdir().unwrap();
    let (source, out) = (folder.path().join("rivers.md"), folder.path().join("out"));
    fs::write(&source, book(2)).unwrap();
    let output = program()
        .args(["--students", "4", "--source"])
        .arg(&source)
        .arg("--out")
        .arg(&out)
        .env("LMS_LOG", "trace")
        .output()
        .unwrap();
    assert!(output.status.success());
    let log = text(&output.stderr);
    for told in ["lms.complete_lesson", "lms.submit_attempt", "lms.apply_course", "ai.run", "ai.grade"] {
        assert!(log.contains(told), "the log is told of {told}");
    }
    assert!(!text(&output.stdout).contains("lms.complete_lesson"), "the log stays out of what is shown");
    // The span of a command ends with its course and its outcome.
    let conn = database(&out);
    let course = texts(&conn, "SELECT lower(hex(id)) FROM courses").remove(0);
    let ended = |span: &str| {
        let mut lines = log.lines().filter(|line| line.contains(span) && line.contains("close"));
        lines.any(|line| line.contains("outcome=\"ok\"") && line.replace('-', "").contains(&format!("course={course}")))
    };
    for span in ["lms.complete_lesson", "lms.submit_attempt", "lms.enroll", "lms.apply_course"] {
        assert!(ended(span), "{span} says course and outcome");
    }

    let people = texts(
        &conn,
        "SELECT display_name FROM users UNION SELECT external_id FROM users WHERE external_id IS NOT NULL",
    );
    assert!(people.len() > 8);
    let mut secrets: Vec<String> = people.clone();
    secrets
        .extend(people.iter().flat_map(|name| name.split([' ', ':'])).filter(|part| part.len() > 4).map(String::from));
    secrets.retain(|name| !["offline", "offline-1"].contains(&name.as_str()));
    secrets.extend(texts(&conn, "SELECT code FROM certificates"));
    for column in [
        "SELECT prompt_text FROM ai_logs",
        "SELECT response_text FROM ai_logs",
        "SELECT content FROM submissions",
        "SELECT feedback FROM submissions WHERE feedback IS NOT NULL",
        "SELECT answers FROM quiz_attempts",
        "SELECT correct_answer FROM quiz_questions",
        "SELECT text FROM quiz_questions",
        "SELECT body FROM topics",
        "SELECT title FROM courses",
    ] {
        let found = texts(&conn, column);
        assert!(!found.is_empty(), "{column}");
        secrets.extend(found.iter().flat_map(|whole| pieces(whole)));
    }
    assert!(secrets.len() > 300, "{}", secrets.len());
    for secret in &secrets {
        assert!(!log.contains(secret.as_str()), "the log holds `{secret}`");
    }
}

/// A long text in pieces, each long enough that no line of a log holds it by chance.
fn pieces(whole: &str) -> Vec<String> {
    let chars: Vec<char> = whole.chars().collect();
    if chars.len() < PIECE { vec![] } else { chars.chunks_exact(PIECE).map(|piece| piece.iter().collect()).collect() }
}

/// A key goes to the provider and nowhere else, also where the provider sends it back.
#[test]
fn a_key_is_never_shown() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    let key = "sk-ant-a-key-that-nobody-may-read-0123456789";
    let server = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", server.local_addr().unwrap());
    let heard = std::thread::spawn(move || refuse(&server.accept().unwrap().0, key));
    let output = program()
        .arg("--out")
        .arg(&out)
        .env("LMS_LOG", "trace")
        .env("ANTHROPIC_API_KEY", key)
        .env("ANTHROPIC_BASE_URL", address)
        .output()
        .unwrap();
    assert!(heard.join().unwrap().contains(key), "the key was sent");
    let (said, log) = (text(&output.stdout), text(&output.stderr));
    assert_eq!(output.status.code(), Some(1), "{said}\n{log}");
    assert!(said.contains("Claude"), "it says who is asked: {said}");
    assert!(log.lines().any(|line| line.starts_with("error: ")), "{log}");
    assert!(!said.contains(key) && !log.contains(key), "the key is shown: {said}\n{log}");
    let conn = database(&out);
    for (table, rows) in &dump(&conn) {
        assert!(!rows.iter().any(|row| row.contains(key)), "{table} holds the key");
    }
    assert_eq!(number(&conn, "SELECT count(*) FROM ai_logs"), 1);
    assert_eq!(number(&conn, "SELECT count(*) FROM courses"), 0);
}

/// Reads the head of a request and refuses it, with the key in the answer; what it read.
fn refuse(stream: &TcpStream, key: &str) -> String {
    let mut reader = BufReader::new(stream);
    let (mut head, mut length) = (String::new(), 0);
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        if let Some(bytes) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = bytes.trim().parse().unwrap();
        }
        if line.trim().is_empty() {
            break;
        }
        head.push_str(&line);
    }
    reader.read_exact(&mut vec![0; length]).unwrap();
    let body =
        format!(r#"{{"type":"error","error":{{"type":"authentication_error","message":"invalid x-api-key {key}"}}}}"#);
    let answer = format!(
        "HTTP/1.1 401 Unauthorized\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    let mut writer = stream;
    writer.write_all(answer.as_bytes()).unwrap();
    head
}

#[test]
fn a_wish_for_a_log_that_cannot_be_read_is_named() {
    let mut command = program();
    let output = command.args(["--out", "never made"]).env("LMS_LOG", "a=b=c").output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let complaint = text(&output.stderr);
    assert!(complaint.starts_with("error: LMS_LOG") && complaint.lines().count() == 1, "{complaint}");
    assert!(!fs::exists("never made").unwrap());
}
