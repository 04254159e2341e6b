//! docs/errors.md and the codes of AI say the same, in both directions.
#![allow(clippy::expect_used, clippy::indexing_slicing, reason = "these are tests")]

use std::collections::BTreeMap;

use lms_ai::AiError;
use lms_core::ai::{ProviderError, ProviderErrorKind, Retry};

const PAGE: &str = include_str!("../../docs/errors.md");

/// Code to class and parameters, as the page says.
fn listed() -> BTreeMap<String, (String, Vec<String>)> {
    let section = PAGE.split("\n## ").find(|section| section.starts_with("Codes of AI\n")).expect("a section on AI");
    let words = |cell: &str| -> Vec<String> { cell.split('`').skip(1).step_by(2).map(str::to_owned).collect() };
    section
        .lines()
        .filter(|line| line.starts_with("| `"))
        .map(|line| {
            let cells: Vec<_> = line.trim_matches('|').split('|').map(str::trim).collect();
            assert!(cells[3].ends_with('.'), "{} has no sentence", cells[0]);
            (words(cells[0]).remove(0), (cells[1].to_owned(), words(cells[2])))
        })
        .collect()
}

#[test]
fn every_code_stands_on_the_page_with_its_class_and_parameters() {
    let code: BTreeMap<_, _> = AiError::codes()
        .iter()
        .map(|info| {
            let class = serde_json::to_value(info.class).unwrap().as_str().unwrap().to_owned();
            (info.code.to_owned(), (class, info.params.iter().map(|p| (*p).to_owned()).collect()))
        })
        .collect();
    assert_eq!(listed(), code, "left is docs/errors.md, right is AiError::codes()");
    assert!(AiError::codes().iter().all(|info| info.code.starts_with("ai.")), "the prefix tells whose code it is");
}

#[test]
fn what_the_library_refuses_keeps_its_code() {
    let refused = AiError::from(lms_core::Error::from(lms_core::Refusal::CourseArchived {}));
    assert_eq!((refused.code(), refused.class()), ("course.archived", lms_core::Class::Conflict));
    let busy = AiError::from(ProviderError::new(ProviderErrorKind::RateLimited, Retry::Never));
    assert_eq!((busy.code(), busy.class()), ("ai.rate_limited", lms_core::Class::Limit));
}
