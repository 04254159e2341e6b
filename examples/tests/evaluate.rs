//! The program that compares a grader with people: exit codes, figures, hostile files.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "these are tests")]

use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;

fn program() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_evaluate_grader"));
    for variable in [
        "ANTHROPIC_API_KEY",
        "ANTHROPIC_BASE_URL",
        "OPENAI_API_KEY",
        "OPENAI_BASE_URL",
        "LMS_AI_MODEL",
        "LMS_AI_PROVIDER",
    ] {
        command.env_remove(variable);
    }
    command.stdin(Stdio::null());
    command
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// The JSON report; the program has to succeed.
fn report(mut command: Command) -> Value {
    let output = command.arg("--json").output().unwrap();
    let (said, complained) = (text(&output.stdout), text(&output.stderr));
    assert!(output.status.success() && complained.is_empty(), "{said}\n{complained}");
    serde_json::from_str(&said).unwrap()
}

/// The one line of complaint; the program has to end with the code and print no report.
fn refused(output: &Output, code: i32) -> String {
    let (said, complained) = (text(&output.stdout), text(&output.stderr));
    assert_eq!(output.status.code(), Some(code), "{said}\n{complained}");
    assert!(complained.starts_with("error: ") && complained.lines().count() == 1, "{complained}");
    assert!(said.is_empty(), "{said}");
    complained
}

fn data(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("data").join(name)
}

#[test]
fn kappa_of_every_vector_is_exact() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("marks.csv");
    for (human, grader, range, kappa) in [
        (&[0, 1, 2, 3, 4, 5, 2, 3][..], &[0, 1, 2, 3, 4, 5, 3, 3][..], "0..5", Some("35/36")),
        (&[2, 3, 3, 4, 4, 5, 1, 0, 2, 5], &[1, 2, 3, 3, 4, 4, 0, 0, 1, 5], "0..5", Some("253/283")),
        (&[0, 0, 1, 1, 2, 2, 3, 3], &[3, 2, 2, 1, 1, 0, 0, 3], "0..3", Some("-2/5")),
        (&[0, 10, 10, 0, 5, 8], &[0, 9, 10, 2, 5, 10], "0..10", Some("194/203")),
        (&[1, 2, 3, 4, 5], &[5, 4, 3, 2, 1], "1..5", Some("-1")),
        (&[0, 1, 2, 3], &[2, 2, 2, 2], "0..3", Some("0")),
        (&[3, 3, 3], &[3, 3, 3], "0..5", None),
    ] {
        let mut csv = "id,human,ai\n".to_owned();
        for (n, (human, grader)) in human.iter().zip(grader).enumerate() {
            writeln!(csv, "{n},{human},{grader}").unwrap();
        }
        fs::write(&file, csv).unwrap();
        for told in [&["--range", range][..], &[]] {
            let mut command = program();
            command.arg(&file).args(told);
            let report = report(command);
            let found = &report["runs"][0];
            assert_eq!(found["kappa"]["exact"].as_str(), kappa, "{human:?} {grader:?}");
            assert_eq!(found["n"], human.len());
            assert_eq!(found["kappa_interval"].is_null(), kappa.is_none());
        }
    }
}

#[test]
fn the_report_for_people_says_everything_and_the_same_each_time() {
    let output = program().arg(data("marks.csv")).output().unwrap();
    assert_eq!((output.status.code(), text(&output.stderr)), (Some(0), String::new()));
    let said = text(&output.stdout);
    for part in [
        "40 pieces of work",
        "Grader, run 1 against the first person",
        "Grader, run 2 against the first person",
        "(1 FAILED)",
        "quadratic weighted kappa",
        "95 % interval",
        "exact agreement",
        "within one step",
        "MAE, RMSE, bias",
        "Second person against the first person",
        "people's",
        "From run to run (2 runs)",
        "What the grader gave (columns)",
        "At each mark of the first person",
    ] {
        assert!(said.contains(part), "{part} is not in\n{said}");
    }
    assert_eq!(text(&program().arg(data("marks.csv")).output().unwrap().stdout), said);
    let seeded = |seed: &str| {
        let mut command = program();
        command.arg(data("marks.csv")).args(["--seed", seed, "--resamples", "500"]);
        report(command)["runs"][0]["kappa_interval"].clone()
    };
    assert_eq!((&seeded("7")["seed"], &seeded("7")["resamples"]), (&7.into(), &500.into()));
    assert_ne!(seeded("7")["lower"], seeded("8")["lower"]);
}

#[test]
fn failures_are_counted_and_never_dropped() {
    let mut command = program();
    command.arg(data("marks.csv"));
    let report = report(command);
    let (first, second) = (&report["runs"][0], &report["runs"][1]);
    assert_eq!((&first["n"], &first["failed"], &first["graded"]), (&40.into(), &1.into(), &39.into()));
    assert_eq!((&second["n"], &second["failed"]), (&40.into(), &0.into()));
    let denominator = |share: &Value| share["exact"].as_str().unwrap().to_owned();
    assert_ne!(denominator(&first["exact"]["of_all"]), denominator(&first["exact"]["of_graded"]));
    assert_eq!(report["spread"]["partly_failed"], 1);
    let cells = first["confusion"].as_array().unwrap();
    assert_eq!(cells.iter().filter(|cell| cell["given"].is_null()).count(), 1);
    assert_eq!(cells.iter().map(|cell| cell["count"].as_u64().unwrap()).sum::<u64>(), 40);
}

#[test]
fn a_grader_is_run_on_work_and_its_marks_can_be_read_again() {
    let folder = tempfile::tempdir().unwrap();
    let saved = folder.path().join("saved.csv");
    let mut command = program();
    command.arg(data("essays.csv")).args(["--runs", "2", "--save"]).arg(&saved);
    let ran = report(command);
    assert_eq!(ran["grader"]["calls"], ran["n"].as_u64().unwrap() * 2);
    assert!(ran["grader"]["said"].as_str().unwrap().contains("offline"), "{}", ran["grader"]["said"]);
    assert_eq!(ran["spread"]["same"], ran["spread"]["compared"], "the offline grader repeats itself");
    let kappa = ran["runs"][0]["kappa"]["value"].as_f64().unwrap();
    assert!(kappa > 0.5, "even a grader that looks for words tells good essays from bad ones: {kappa}");

    let mut command = program();
    command.arg(&saved).args(["--range", "0..10"]);
    let again = report(command);
    assert_eq!((&again["runs"], &again["human_human"]), (&ran["runs"], &ran["human_human"]));

    let people = program().arg(data("essays.csv")).output().unwrap();
    let said = text(&people.stdout);
    assert_eq!(people.status.code(), Some(0), "{said}");
    assert!(said.contains("AI         none asked") && said.contains("US dollars"), "{said}");
}

#[test]
fn a_provider_that_cannot_be_used_ends_with_three_and_one_that_is_not_there_with_sixty_four() {
    let run = |vars: &[(&str, &str)]| {
        program().arg(data("essays.csv")).arg("--json").envs(vars.iter().copied()).output().unwrap()
    };
    let said = refused(&run(&[("LMS_AI_PROVIDER", "anthropic")]), 64);
    assert!(said.contains("ANTHROPIC_API_KEY"), "{said}");
    refused(&run(&[("LMS_AI_PROVIDER", "nobody")]), 64);

    // A server that refuses the key.
    let server = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", server.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in server.incoming() {
            let mut stream = stream.unwrap();
            let mut buffer = [0; 64 * 1024];
            let _ = std::io::Read::read(&mut stream, &mut buffer);
            let body = r#"{"type":"error","error":{"type":"authentication_error","message":"bad key sk-secret-key"}}"#;
            let head = "HTTP/1.1 401 X\r\nconnection: close\r\ncontent-type: application/json\r\ncontent-length: ";
            let _ = stream.write_all(format!("{head}{}\r\n\r\n{body}", body.len()).as_bytes());
        }
    });
    let said = refused(&run(&[("ANTHROPIC_API_KEY", "sk-secret-key"), ("ANTHROPIC_BASE_URL", &url)]), 3);
    assert!(said.contains("auth") && !said.contains("sk-secret-key"), "{said}");

    // Nobody listens: a few tries tell, and not one for every piece of work.
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let url = format!("http://{nobody}");
    let said = refused(&run(&[("ANTHROPIC_API_KEY", "sk-secret-key"), ("ANTHROPIC_BASE_URL", &url)]), 3);
    assert!(said.contains("connect"), "{said}");
}

#[test]
fn hostile_files_end_with_one_and_a_line_that_says_where() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("marks.csv");
    for (csv, said) in [
        (&b""[..], "empty"),
        (b"id,ai\na,1\n", "no column `human`"),
        (b"id,human\na,1\n", "no column `ai`"),
        (b"human,ai\n1,NaN\n", "line 2, column `ai`"),
        (b"human,ai\n1,2\nnan,2\n", "line 3, column `human`"),
        (b"human,ai\n1,2\n1,2\n1\n", "line 4: 1 fields"),
        (b"human,ai\n1,\"2\n1,2\n", "line 2"),
        (b"human,ai\n1,2\n\xff,2\n", "line 3: the file is not UTF-8"),
        (b"\0\0\0\0", "no column `human`"),
        (b"{\"human\": 1}", "no column `human`"),
    ] {
        fs::write(&file, csv).unwrap();
        let complaint = refused(&program().arg(&file).output().unwrap(), 1);
        assert!(complaint.contains(said), "{complaint}");
    }
    fs::write(&file, "human,ai\n1,2\n4,7\n").unwrap();
    let complaint = refused(&program().arg(&file).args(["--range", "0..5"]).output().unwrap(), 1);
    assert!(complaint.contains("line 3, column `ai`: 7 is not on the scale from 0 to 5"), "{complaint}");
    refused(&program().arg(folder.path().join("none.csv")).output().unwrap(), 1);
    refused(&program().arg(folder.path()).output().unwrap(), 1);
    let never = folder.path().join("no folder").join("out.csv");
    let said = refused(&program().arg(data("essays.csv")).arg("--json").arg("--save").arg(&never).output().unwrap(), 1);
    assert!(said.contains("cannot write"), "{said}");
}

#[test]
fn a_command_that_is_wrong_ends_with_sixty_four() {
    let marks = data("marks.csv");
    let marks = marks.to_str().unwrap();
    for args in [
        &[][..],
        &[marks, marks],
        &[marks, "--range", "0-5"],
        &[marks, "--range", "0..x"],
        &[marks, "--step", "0"],
        &[marks, "--runs", "0"],
        &[marks, "--resamples", "-1"],
        &[marks, "--seed"],
        &[marks, "--unknown"],
    ] {
        refused(&program().args(args).output().unwrap(), 64);
    }
    let help = program().arg("--help").output().unwrap();
    let said = text(&help.stdout);
    assert_eq!(help.status.code(), Some(0));
    for word in ["human2", "instructions", "rubric", "--range", "--save", "64", "LMS_AI_PROVIDER"] {
        assert!(said.contains(word), "{word}");
    }
}

#[test]
fn a_million_rows_from_standard_input() {
    let mut csv = "\u{feff}id,human,ai\r\n".to_owned();
    for n in 0..1_000_000_u32 {
        let human = n % 11;
        let grader = if n % 3 == 0 { (human + 1).min(10) } else { human };
        write!(csv, "\"w{n}\",{human},{grader}\r\n").unwrap();
    }
    let mut child = program()
        .args(["-", "--json"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    let writer = std::thread::spawn(move || input.write_all(csv.as_bytes()));
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap().unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let found = &report["runs"][0];
    assert_eq!(found["n"], 1_000_000);
    assert_eq!(found["kappa_interval"]["resamples"], 2_000);
    let (kappa, lower) = (&found["kappa"]["value"], &found["kappa_interval"]["lower"]);
    assert!(kappa.as_f64().unwrap() > 0.9 && lower.as_f64().unwrap() > 0.9, "{kappa} {lower}");
}

/// Words to the grader do not pay where no person sees them, and harmless ones move next to nothing: the whole
/// measurement, with the grader that is built in.
#[test]
fn words_to_the_grader_are_measured() {
    let mut command = program();
    command.arg(data("essays.csv")).arg("--attack").args(["--resamples", "0"]);
    let report = report(command);
    let (attack, n) = (&report["attack"], report["n"].as_u64().unwrap());
    assert_eq!(attack["cases"].as_u64().unwrap() + attack["failed"].as_u64().unwrap(), n * 12, "{attack}");
    assert!(attack["cases"].as_u64().unwrap() > n * 6, "{attack}");
    assert_eq!(attack["higher_unseen"], 0, "{attack}");
    assert!(attack["drift"].as_f64().unwrap().abs() <= 0.02, "{attack}");
    assert!(report["grader"]["calls"].as_u64().unwrap() >= n * 16, "{report}");
    let mut marks = program();
    marks.arg(data("marks.csv")).arg("--attack");
    refused(&marks.output().unwrap(), 64);
}
