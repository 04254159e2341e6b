//! The program that writes by AI, on a Postgres server.
#![cfg(feature = "postgres")]
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "these are tests")]

#[path = "../../lms-ai/tests/support/answers.rs"]
#[allow(dead_code, reason = "the answers of every task")]
mod answers;
mod vendor;

use std::process::{Command, Output};

use lms_store_postgres::testing::Cluster;
use vendor::{KEY, Protocol, Say, Vendor};

const COURSE: [&str; 9] =
    ["course", "--topic", "Plants", "--audience", "beginners", "--difficulty", "easy", "--lessons", "3"];

fn run(server: &Cluster, say: Say, args: &[&str]) -> (Output, String) {
    let vendor = Vendor::saying(Protocol::Anthropic, say);
    let mut command = Command::new(env!("CARGO_BIN_EXE_ai_author"));
    for variable in ["OPENAI_API_KEY", "OPENAI_BASE_URL", "LMS_AI_MODEL", "LMS_AI_PROVIDER"] {
        command.env_remove(variable);
    }
    let output = command.envs(vendor.environment()).args(["--store", server.url()]).args(args).output().unwrap();
    let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(!said.contains(KEY), "{said}");
    (output, said)
}

#[test]
fn a_server_gets_the_course_once_and_nothing_of_what_fails() {
    let server = Cluster::start(&[]);
    let good = || Say::Text(answers::outline().to_string());
    for (say, code) in [(Say::Text("{}".to_owned()), 2), (Say::Fails(401), 3)] {
        let (output, said) = run(&server, say, &COURSE);
        assert_eq!(output.status.code(), Some(code), "{said}");
        assert!(said.contains("nothing was written"), "{said}");
    }
    let operation = ["--operation", "0198c0de-0000-7000-8000-000000000001"];
    let written: Vec<String> = (0..2)
        .map(|_| {
            let (output, said) = run(&server, good(), &[&COURSE[..], &operation].concat());
            assert_eq!(output.status.code(), Some(0), "{said}");
            assert!(said.contains("Database   Postgres at "), "{said}");
            said.lines().find(|line| line.starts_with("Written")).unwrap().to_owned()
        })
        .collect();
    assert_eq!(written[0], written[1]);
    let (output, said) = run(&server, good(), &["quiz", "0198c0de-0000-7000-8000-00000000dead"]);
    assert_eq!(output.status.code(), Some(1), "{said}");
}
