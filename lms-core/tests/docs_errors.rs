//! docs/errors.md and the code say the same, in both directions.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "these are tests")]

use std::collections::BTreeMap;
use std::path::Path;

use lms_core::rules::access::LockReason;
use lms_core::rules::eligibility::Blocker;
use lms_core::rules::permission::Action;
use lms_core::store::StoreErrorKind;
use lms_core::{Class, Error};
use uuid::Uuid;

const PAGE: &str = include_str!("../../docs/errors.md");

/// The rows of the tables under a heading: their cells, where the first is a code.
fn rows(heading: &str) -> Vec<Vec<String>> {
    let mut inside = false;
    let mut rows = Vec::new();
    for line in PAGE.lines() {
        if let Some(title) = line.strip_prefix("## ") {
            inside = title == heading;
        }
        if !inside || !line.starts_with("| `") {
            continue;
        }
        rows.push(line.trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect());
    }
    assert!(!rows.is_empty(), "docs/errors.md has no table under `{heading}`");
    rows
}

/// `` `a`, `b` `` as a sorted list; a dash is none.
fn words(cell: &str) -> Vec<String> {
    let mut words: Vec<_> = cell.split('`').skip(1).step_by(2).map(str::to_owned).collect();
    assert!(!words.is_empty() || cell == "–", "`{cell}` is neither words nor a dash");
    words.sort();
    words
}

fn class_word(class: Class) -> String {
    serde_json::to_value(class).unwrap().as_str().unwrap().to_owned()
}

/// Code to class and parameters, and that every row has a sentence.
fn listed(heading: &str) -> BTreeMap<String, (String, Vec<String>)> {
    let mut listed = BTreeMap::new();
    for row in rows(heading) {
        let code = words(&row[0]).remove(0);
        assert!(row.last().is_some_and(|sentence| sentence.ends_with(['.', ')'])), "`{code}` has no sentence");
        let twice = listed.insert(code.clone(), (row[1].clone(), words(&row[2])));
        assert!(twice.is_none(), "`{code}` stands twice in docs/errors.md");
    }
    listed
}

#[test]
fn every_code_stands_on_the_page_with_its_class_and_parameters() {
    let page = listed("Codes of the library");
    let code: BTreeMap<_, _> = Error::codes()
        .into_iter()
        .map(|info| {
            let mut params: Vec<_> = info.params.iter().map(|p| (*p).to_owned()).collect();
            params.sort();
            (info.code.to_owned(), (class_word(info.class), params))
        })
        .collect();
    assert_eq!(page, code, "left is docs/errors.md, right is Error::codes()");
}

#[test]
fn a_sentence_uses_no_parameter_that_its_code_does_not_have() {
    for row in rows("Codes of the library") {
        let params = words(&row[2]);
        for named in row.last().unwrap().split('{').skip(1).filter_map(|rest| rest.split('}').next()) {
            assert!(params.iter().any(|p| p == named), "{} has no parameter `{named}`", row[0]);
        }
    }
}

#[test]
fn every_class_stands_on_the_page_with_its_status() {
    for class in [
        Class::Denied,
        Class::NotFound,
        Class::Invalid,
        Class::Conflict,
        Class::Limit,
        Class::Unavailable,
        Class::Internal,
    ] {
        // Exhaustive, so that a new class must be entered above.
        let status = match class {
            Class::Denied => "403",
            Class::NotFound => "404",
            Class::Invalid => "422",
            Class::Conflict => "409",
            Class::Limit => "409 or 429",
            Class::Unavailable => "503",
            Class::Internal => "500",
        };
        let start = format!("| {} | ", class_word(class));
        let row = PAGE.lines().find(|line| line.starts_with(&start)).unwrap_or_else(|| panic!("no row `{start}`"));
        assert!(row.ends_with(&format!("| {status} |")), "{row}");
    }
}

#[test]
fn the_kinds_of_a_stores_error_have_the_codes_that_the_page_gives_them() {
    let kinds = [
        ("Conflict", StoreErrorKind::Conflict { expect: None }),
        ("Duplicate", StoreErrorKind::Duplicate(lms_core::store::Constraint::Id)),
        ("MissingReference", StoreErrorKind::MissingReference),
        ("NotSupported", StoreErrorKind::NotSupported),
        ("Unavailable", StoreErrorKind::Unavailable),
        ("Unconfirmed", StoreErrorKind::Unconfirmed),
        ("Corrupt", StoreErrorKind::Corrupt { table: "users", column: "role", id: None }),
        ("Schema", StoreErrorKind::Schema { found: 0, needed: 1 }),
        ("Backend", StoreErrorKind::Backend),
        ("Invalid", StoreErrorKind::Invalid { table: "users", column: "email" }),
    ];
    let code: BTreeMap<_, _> = kinds
        .into_iter()
        .map(|(name, kind)| (Error::from(lms_core::store::StoreError::new(kind)).code().to_owned(), name.to_owned()))
        .collect();
    let page: BTreeMap<_, _> = rows("Codes of the library")
        .into_iter()
        .filter(|row| row[0].starts_with("`store."))
        .map(|row| (words(&row[0]).remove(0), words(&row[3]).remove(0)))
        .collect();
    assert_eq!(page, code);
}

/// The code and the parameters of a value that is tagged by `code` in JSON.
fn tagged(value: &impl serde::Serialize) -> (String, Vec<String>) {
    let json = serde_json::to_value(value).unwrap();
    let code = json["code"].as_str().unwrap().to_owned();
    let mut params: Vec<_> = json.as_object().unwrap().keys().filter(|k| *k != "code").cloned().collect();
    params.sort();
    (code, params)
}

fn sub_codes(heading: &str) -> BTreeMap<String, Vec<String>> {
    rows(heading).into_iter().map(|row| (words(&row[0]).remove(0), words(&row[1]))).collect()
}

/// rules: R1
#[test]
fn every_action_that_can_be_denied_stands_on_the_page() {
    let page: BTreeMap<_, _> =
        rows("Actions of `denied`").into_iter().map(|row| (words(&row[0]).remove(0), row[1].clone())).collect();
    let code: BTreeMap<_, _> = Action::WORDS
        .iter()
        .map(|word| {
            let action = Action::from_word(word).unwrap();
            ((*word).to_owned(), format!("You may not {}.", action.phrase()))
        })
        .collect();
    assert_eq!(page, code);
}

/// rules: X1
#[test]
fn every_reason_of_a_lock_stands_on_the_page() {
    let at = lms_core::model::Timestamp::from_micros(0).unwrap();
    let id = lms_core::model::LessonId::from_uuid(Uuid::nil());
    let all = [
        LockReason::NotEnrolled,
        LockReason::NotStarted { at },
        LockReason::Ended { at },
        LockReason::Suspended,
        LockReason::NotPublished,
        LockReason::NotYet { at },
        LockReason::Closed { at },
        LockReason::EarlierLesson { id },
        LockReason::Requires { ids: vec![id] },
        LockReason::NoAttemptsLeft,
    ];
    for reason in &all {
        // Exhaustive, so that a new reason must be entered above.
        match reason {
            LockReason::NotEnrolled
            | LockReason::NotStarted { .. }
            | LockReason::Ended { .. }
            | LockReason::Suspended
            | LockReason::NotPublished
            | LockReason::NotYet { .. }
            | LockReason::Closed { .. }
            | LockReason::EarlierLesson { .. }
            | LockReason::Requires { .. }
            | LockReason::NoAttemptsLeft => {}
        }
    }
    assert_eq!(sub_codes("Reasons of `locked`"), all.iter().map(tagged).collect());
}

/// rules: C1
#[test]
fn every_blocker_of_a_certificate_stands_on_the_page() {
    let ids = vec![Uuid::nil()];
    let all = [
        Blocker::NotOffered,
        Blocker::Enrollment,
        Blocker::NoContent,
        Blocker::LessonsLeft { ids: ids.clone() },
        Blocker::QuizzesNotPassed { ids: ids.clone() },
        Blocker::AssignmentsLeft { ids: ids.clone() },
        Blocker::GradesPending { ids },
    ];
    for blocker in &all {
        // Exhaustive, so that a new blocker must be entered above.
        match blocker {
            Blocker::NotOffered
            | Blocker::Enrollment
            | Blocker::NoContent
            | Blocker::LessonsLeft { .. }
            | Blocker::QuizzesNotPassed { .. }
            | Blocker::AssignmentsLeft { .. }
            | Blocker::GradesPending { .. } => {}
        }
    }
    assert_eq!(sub_codes("Blockers of `certificate.not_eligible`"), all.iter().map(tagged).collect());
}

fn sources(folder: &Path, text: &mut String) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, text);
        } else if path.extension().is_some_and(|ext| ext == "rs") {
            let source = std::fs::read_to_string(&path).unwrap();
            // Tests stand at the end of a file and make problems of their own.
            text.push_str(source.split("#[cfg(test)]").next().unwrap());
        }
    }
}

/// The codes of problems are words beside the checks that give them, so they are read from there.
#[test]
fn every_code_of_a_problem_stands_on_the_page() {
    let mut text = String::new();
    sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut text);
    let given = regex::Regex::new(
        r#"(?:(?:Problem::new|\.add|Error::invalid)\(\s*"([a-z_]+\.[a-z_]+)")|(?:=> "(answer\.[a-z_]+)")"#,
    )
    .unwrap();
    let mut code: Vec<_> = given
        .captures_iter(&text)
        .filter_map(|found| found.get(1).or_else(|| found.get(2)))
        .map(|found| found.as_str().to_owned())
        .collect();
    code.sort();
    code.dedup();
    assert!(code.len() > 50, "the checks are not where this test looks for them: {code:?}");
    let mut page: Vec<_> = rows("Problems of `invalid`").iter().map(|row| words(&row[0]).remove(0)).collect();
    page.sort();
    assert_eq!(page, code, "left is docs/errors.md, right are the checks");
}
