//! The tables and lists of docs/semantics.md against the code that they speak of.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "these are tests")]

use std::collections::{BTreeMap, BTreeSet};

use lms_core::model::question::{Answer, ChoiceMode, Labelled, OrderMode, QuestionBody, QuestionType};
use lms_core::model::*;
use lms_core::rules::grading::grade;
use lms_core::rules::kept_score::kept;
use lms_core::rules::lateness::{Penalty, deduction};

const PAGE: &str = include_str!("../../docs/semantics.md");

/// The text of a rule: from its heading to the next.
fn rule(id: &str) -> &'static str {
    let start = PAGE.find(&format!("\n### {id}. ")).unwrap_or_else(|| panic!("there is no rule {id}"));
    let text = &PAGE[start + 5..];
    &text[..text.find("\n##").unwrap_or(text.len())]
}

/// The rows of a rule's only table, without its head.
fn table(id: &str) -> Vec<Vec<&'static str>> {
    let rows: Vec<Vec<&str>> = rule(id)
        .lines()
        .filter(|line| line.starts_with('|') && !line.starts_with("|-"))
        .map(|line| line.trim_matches('|').split('|').map(str::trim).collect())
        .collect();
    assert!(rows.len() > 1, "rule {id} has no table");
    rows[1..].to_vec()
}

fn words(text: &str) -> BTreeSet<&str> {
    text.split('`').skip(1).step_by(2).collect()
}

fn has_words(id: &str, wanted: &[&str]) {
    let found = words(rule(id));
    for word in wanted {
        assert!(found.contains(word), "rule {id} does not name `{word}`");
    }
}

fn letters(text: &str) -> Vec<String> {
    text.chars().filter(char::is_ascii_uppercase).map(String::from).collect()
}

fn labelled(ids: impl IntoIterator<Item = char>) -> Vec<Labelled> {
    ids.into_iter().map(|id| Labelled::new(id.to_string(), format!("item {id}"))).collect()
}

/// A cell, `1/2` or `1`, as the code writes a fraction.
fn fraction_of(cell: &str) -> String {
    if cell.contains('/') { cell.to_owned() } else { format!("{cell}/1") }
}

fn earned(body: &QuestionBody, answer: &Answer) -> String {
    grade(body, Points::whole(1).unwrap(), None, Some(answer)).fraction.unwrap().to_string()
}

#[test]
fn every_rule_has_a_heading_and_the_ids_are_dense() {
    let mut ids: BTreeMap<char, Vec<u32>> = BTreeMap::new();
    for line in PAGE.lines() {
        let Some(heading) = line.strip_prefix("### ") else { continue };
        let (id, title) = heading.split_once(". ").unwrap_or_else(|| panic!("{line}"));
        assert!(!title.is_empty());
        ids.entry(id.chars().next().unwrap()).or_default().push(id[1..].parse().unwrap());
    }
    let letters: String = ids.keys().collect();
    assert_eq!(letters, "ACDEGILMNOPQRSVX");
    for (letter, numbers) in &ids {
        let dense: Vec<u32> = (1..=u32::try_from(numbers.len()).unwrap()).collect();
        assert_eq!(*numbers, dense, "the rules of {letter}");
    }
    assert_eq!(
        ids.values().map(Vec::len).sum::<usize>(),
        127,
        "a rule was added or lost: tell its tests and the changelog"
    );
}

/// rules: Q5
#[test]
fn q5_the_table_of_modes_is_what_the_code_computes() {
    let rows = table("Q5");
    assert_eq!(rows.len(), 6);
    let modes = ChoiceMode::WORDS.iter().map(|word| ChoiceMode::from_word(word).unwrap());
    for (column, mode) in modes.enumerate() {
        has_words("Q5", &[mode.as_str()]);
        for row in &rows {
            let body = QuestionBody::MultipleChoice {
                options: labelled("ABCD".chars()),
                correct: vec!["A".into(), "B".into()],
                mode,
                why: BTreeMap::new(),
            };
            let picked = letters(row[0].trim_end_matches("or nothing"));
            let answer = Answer::Choices { option_ids: picked };
            assert_eq!(earned(&body, &answer), fraction_of(row[column + 1]), "{mode}: {}", row[0]);
        }
    }
}

/// rules: Q11
#[test]
fn q11_the_table_of_orders_is_what_the_code_computes() {
    for row in table("Q11") {
        for (column, word) in OrderMode::WORDS.iter().enumerate() {
            has_words("Q11", &[word]);
            let mode = OrderMode::from_word(word).unwrap();
            let body = QuestionBody::Ordering { items: labelled("1234".chars()), mode };
            let answer = Answer::Order { item_ids: row[0].chars().map(String::from).collect() };
            assert_eq!(earned(&body, &answer), fraction_of(row[column + 1]), "{mode}: {}", row[0]);
        }
    }
}

/// rules: N2, N3
#[test]
fn n3_the_table_of_percents_is_what_the_code_shows() {
    let threshold = BasisPoints::percent(70).unwrap();
    for row in table("N3") {
        let score = match row[0].split_once(" of ") {
            Some((earned, possible)) => Score {
                earned: Points::whole(earned.parse().unwrap()).unwrap(),
                possible: Points::whole(possible.parse().unwrap()).unwrap(),
            },
            None => {
                let thousandths: i64 = row[0].trim_end_matches(" %").replace('.', "").parse().unwrap();
                Score { earned: Points::from_units(thousandths), possible: Points::from_units(100_000) }
            }
        };
        assert_eq!(score.percent().unwrap().to_string(), row[1], "{}", row[0]);
        let said = if score.passes(threshold).unwrap() { "passes" } else { "fails" };
        assert_eq!(said, row[2], "{}", row[0]);
    }
}

/// rules: N6, A9
#[test]
fn a9_n6_the_kept_scores_are_what_the_code_keeps() {
    let score = |earned: i64, possible: i64| Score {
        earned: Points::whole(earned).unwrap(),
        possible: Points::whole(possible).unwrap(),
    };
    let rows = table("A9");
    let attempts: Vec<(i64, Option<Score>)> = rows[0][0]
        .split(',')
        .enumerate()
        .map(|(n, attempt)| {
            // What is pending or voided does not count.
            let percent = attempt.trim().strip_suffix(" %").and_then(|percent| percent.parse().ok());
            (i64::try_from(n).unwrap(), percent.map(|percent| score(percent, 100)))
        })
        .collect();
    for (policy, cell) in KeptScore::WORDS.iter().map(|word| KeptScore::from_word(word).unwrap()).zip(&rows[0][1..]) {
        let kept = kept(policy, attempts.iter().copied()).unwrap().percent().unwrap().to_string();
        assert_eq!(kept, format!("{cell}.00"), "{policy}");
    }
    let grown = [(1, Some(score(1, 3))), (2, Some(score(9, 10)))];
    let average = kept(KeptScore::Average, grown).unwrap();
    assert_eq!(average, score(10, 13));
    assert!(rule("N6").contains(&format!("shown as {};", average.percent().unwrap())));
}

/// rules: S7
#[test]
fn s7_the_table_of_penalties_is_what_the_code_deducts() {
    let penalty = Some(Penalty {
        per_interval: BasisPoints::percent(10).unwrap(),
        interval: PenaltyInterval::Day,
        floor: BasisPoints::percent(50),
    });
    let mut seen = 0;
    for row in table("S7") {
        // "none": a version without a mark has nothing to take off.
        let Ok(raw) = row[0].parse::<i64>() else { continue };
        let late = match row[1].split_once(' ').unwrap() {
            ("any", _) => 12_345_678,
            (days, "days") => days.parse::<i64>().unwrap() * 86_400,
            _ => row[1].chars().filter(char::is_ascii_digit).collect::<String>().parse().unwrap(),
        };
        let raw = Points::whole(raw).unwrap();
        let taken = deduction(raw, Points::whole(100).unwrap(), late, penalty);
        let left = Points::from_units(raw.units() - taken.units());
        assert_eq!(left, Points::whole(row[2].parse().unwrap()).unwrap(), "{row:?}");
        seen += 1;
    }
    assert_eq!(seen, 5);
}

/// rules: V2
#[test]
fn v2_the_vocabulary_is_the_codes() {
    let page: BTreeSet<&str> = table("V2").iter().flat_map(|row| words(row[1])).filter(|w| *w != "visible").collect();
    let code: BTreeSet<&str> = EventKind::WORDS.iter().copied().collect();
    assert_eq!(page, code, "left is docs/semantics.md, right is EventKind");
}

/// The words that rules list are the ones that the database and JSON hold.
///
/// rules: Q4
#[test]
fn q4_the_lists_of_words_are_the_codes() {
    assert_eq!(words(rule("Q4")), QuestionType::WORDS.iter().copied().collect());
    has_words("Q14", Reveal::WORDS);
    has_words("S2", Resubmission::WORDS);
    has_words("C1", CertificatePolicy::WORDS);
    for (id, list) in [
        ("S9", GradeCause::WORDS),
        ("S9", GraderKind::WORDS),
        ("S11", AiGrading::WORDS),
        ("A9", KeptScore::WORDS),
        ("E2", EnrollmentStatus::WORDS),
        ("E6", EnrollmentSource::WORDS),
        ("E1", Role::WORDS),
        ("X2", Flow::WORDS),
        ("A1", FinishReason::WORDS),
        ("A1", AttemptState::WORDS),
    ] {
        let text = rule(id);
        for word in list {
            assert!(
                text.split(|c: char| !c.is_alphanumeric() && c != '_').any(|found| found == *word),
                "rule {id} does not name {word}"
            );
        }
    }
}
