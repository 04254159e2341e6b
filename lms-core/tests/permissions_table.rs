//! Every use case has its row in the table of who may do what (R1), which the conformance suite tries with every
//! actor: one that is forgotten there would be tried by nobody.
#![allow(clippy::unwrap_used, clippy::panic, reason = "these are tests")]

mod sources;

use std::collections::BTreeSet;
use std::path::Path;

/// The areas of use cases, and how a session gives them.
const AREAS: &[(&str, &str)] = &[
    ("People", "people"),
    ("Catalog", "catalog"),
    ("Enrollments", "enrollment"),
    ("Learning", "learning"),
    ("Quizzes", "quizzes"),
    ("Assignments", "assignments"),
    ("Grants", "grants"),
    ("Certificates", "certificates"),
    ("Analytics", "analytics"),
    ("Overview", "overview"),
    ("Activity", "activity"),
    ("AiRecord", "ai_log"),
    ("AiBudgets", "ai_budgets"),
];

/// The rows of the table, without the white space: what stands in `rows!` and nothing else.
fn table() -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/conformance");
    let mut files = vec![folder.join("permissions.rs")];
    files.extend(std::fs::read_dir(folder.join("permissions")).unwrap().map(|entry| entry.unwrap().path()));
    let mut rows = String::new();
    for file in files {
        let source = std::fs::read_to_string(&file).unwrap();
        let begins = source.find("\n    rows! {\n").unwrap_or_else(|| panic!("{} has no rows", file.display()));
        let list = &source[begins..];
        rows.push_str(&list[..list.find("\n    }\n").unwrap()]);
    }
    rows.split_whitespace().collect()
}

// rules: R1
#[test]
fn r1_every_use_case_has_a_row() {
    let table = table();
    let mut missing = BTreeSet::new();
    let mut all = 0;
    for (area, call) in AREAS {
        for method in sources::methods(area) {
            all += 1;
            if !table.contains(&format!("s.{call}().{method}(")) {
                missing.insert(format!("{area}::{method}"));
            }
        }
    }
    assert!(all > 170, "only {all} use cases were found");
    assert!(missing.is_empty(), "without a row in src/conformance/permissions: {missing:#?}");
}

/// An area that the library gets is an area here.
#[test]
fn no_area_is_missing_above() {
    let source = include_str!("../src/lms/mod.rs");
    let areas = source.split("\nareas! {\n").nth(1).unwrap().split("\n}\n").next().unwrap();
    let given: BTreeSet<(&str, &str)> = areas
        .lines()
        .filter_map(|line| line.trim().strip_suffix(';')?.split_once(" -> "))
        .map(|(call, area)| (area, call))
        .collect();
    assert_eq!(given, AREAS.iter().copied().collect());
}
