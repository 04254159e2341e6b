//! Every code that a check can give has a case here: a rule that nobody breaks in a test is no rule.

use std::collections::BTreeSet;

/// What the checks are made of.
const SOURCES: &[&str] = &[
    include_str!("../assignment.rs"),
    include_str!("../body.rs"),
    include_str!("../certificate.rs"),
    include_str!("../checker.rs"),
    include_str!("../grade.rs"),
    include_str!("../grade_rules.rs"),
    include_str!("../outline.rs"),
    include_str!("../quiz.rs"),
    include_str!("../redo.rs"),
    include_str!("../solve.rs"),
];
/// What a text can have wrong.
const FAULTS: &str = include_str!("../../text/check.rs");
/// The cases.
const CASES: &[&str] = &[
    include_str!("authoring.rs"),
    include_str!("grading.rs"),
    include_str!("others.rs"),
    include_str!("outline.rs"),
    include_str!("quiz.rs"),
    include_str!("../../text/check.rs"),
];

fn halves(source: &str) -> (&str, &str) {
    source.split_once("#[cfg(test)]").unwrap_or((source, ""))
}

/// The word in quotes that a text begins with.
fn word(text: &str) -> Option<&str> {
    let word = text.strip_prefix('"')?.split('"').next()?;
    (!word.is_empty() && word.chars().all(|c| c.is_ascii_lowercase() || "_.".contains(c))).then_some(word)
}

#[test]
fn every_code_of_every_check_has_a_case() {
    let mut codes = BTreeSet::new();
    for source in SOURCES {
        let dense: String = halves(source).0.chars().filter(|c| !c.is_whitespace()).collect();
        for call in [".add(", ".count(", ".range(", ".unique("] {
            for (at, _) in dense.match_indices(call) {
                // Those of an input are the library's own codes.
                if dense.get(..at).is_some_and(|before| before.ends_with("checks")) {
                    continue;
                }
                codes.extend(dense.get(at + call.len()..).and_then(word).map(str::to_owned));
            }
        }
    }
    let faults: String = halves(FAULTS).0.chars().filter(|c| !c.is_whitespace()).collect();
    for (at, _) in faults.match_indices("=>\"") {
        codes.extend(faults.get(at + 2..).and_then(word).map(str::to_owned));
    }
    assert!(codes.len() > 55, "the sources are read at all: {codes:?}");
    let cases: String = CASES.iter().enumerate().map(|(n, text)| if n < 5 { *text } else { halves(text).1 }).collect();
    let without: Vec<&String> = codes.iter().filter(|code| !cases.contains(&format!("\"{code}\""))).collect();
    assert!(without.is_empty(), "no case for {without:?}");
}
