use super::*;
use crate::model::question::{ChoiceMode, Labelled, NumericKey, OrderMode, TextKey};
use proptest::prelude::*;

const POINT: Points = Points::from_units(100_000);

fn options(n: usize) -> Vec<Labelled> {
    (0..n).map(|i| Labelled::new(letter(i), format!("option {i}"))).collect()
}
fn letter(i: usize) -> String {
    char::from(b'A' + u8::try_from(i).unwrap()).to_string()
}
fn choices(n: usize, correct: &[&str], mode: ChoiceMode) -> QuestionBody {
    QuestionBody::MultipleChoice {
        options: options(n),
        correct: correct.iter().map(ToString::to_string).collect(),
        mode,
        why: BTreeMap::new(),
    }
}
fn picks(ids: &[&str]) -> Answer {
    Answer::Choices { option_ids: ids.iter().map(ToString::to_string).collect() }
}
fn fraction(body: &QuestionBody, answer: &Answer) -> String {
    grade(body, POINT, None, Some(answer)).fraction.unwrap().to_string()
}

#[test]
fn q5_the_table_of_modes() {
    use ChoiceMode::{AllOrNothing, Coverage, EachOption, NetCorrect};
    let table: [(&[&str], [&str; 4]); 6] = [
        (&["A", "B"], ["1/1", "1/1", "1/1", "1/1"]),
        (&["A"], ["0/1", "1/2", "3/4", "1/2"]),
        (&["A", "B", "C"], ["0/1", "1/2", "3/4", "2/3"]),
        (&["A", "C"], ["0/1", "0/1", "1/2", "1/4"]),
        (&["A", "B", "C", "D"], ["0/1", "0/1", "1/2", "1/2"]),
        (&["C"], ["0/1", "0/1", "0/1", "0/1"]),
    ];
    for (picked, wanted) in table {
        for (mode, wanted) in [AllOrNothing, NetCorrect, EachOption, Coverage].into_iter().zip(wanted) {
            assert_eq!(fraction(&choices(4, &["A", "B"], mode), &picks(picked)), wanted, "{picked:?} {mode}");
        }
    }
}

#[test]
fn q6_every_mode_and_every_subset_up_to_six_options() {
    for mode in ChoiceMode::WORDS.iter().map(|w| ChoiceMode::from_word(w).unwrap()) {
        for n in 2..=6_usize {
            for key in 1..(1_u32 << n) {
                let set = |bits: u32| -> Vec<String> { (0..n).filter(|i| bits >> i & 1 == 1).map(letter).collect() };
                let correct = set(key);
                let body = QuestionBody::MultipleChoice {
                    options: options(n),
                    correct: correct.clone(),
                    mode,
                    why: BTreeMap::new(),
                };
                let value = |bits: u32| {
                    grade(&body, POINT, None, Some(&Answer::Choices { option_ids: set(bits) })).fraction.unwrap()
                };
                assert_eq!(value(key), Ratio::one());
                assert_eq!(value(0), Ratio::zero());
                let all = (1_u32 << n) - 1;
                assert_eq!(value(all) == Ratio::one(), key == all);
                for picked in 0..=all {
                    let v = value(picked);
                    assert!(v >= Ratio::zero() && v <= Ratio::one());
                    for wrong in (0..n).filter(|i| key >> i & 1 == 0 && picked >> i & 1 == 0) {
                        assert!(value(picked | 1 << wrong) <= v, "{mode} key {key:b} picked {picked:b}");
                    }
                }
            }
        }
    }
}

#[test]
fn q1_unknown_duplicate_and_misshapen_answers_are_refused() {
    let body = choices(3, &["A"], ChoiceMode::NetCorrect);
    assert_eq!(check_answer(&body, &picks(&["Z"])), Err(AnswerError::UnknownId { id: "Z".into() }));
    assert_eq!(check_answer(&body, &picks(&["A", "A"])), Err(AnswerError::DuplicateId { id: "A".into() }));
    assert_eq!(check_answer(&body, &Answer::Text { text: "A".into() }), Err(AnswerError::Shape));
    let order = QuestionBody::Ordering { items: options(3), mode: OrderMode::Absolute };
    let given = |ids: &[&str]| Answer::Order { item_ids: ids.iter().map(ToString::to_string).collect() };
    assert_eq!(check_answer(&order, &given(&["A", "B"])), Err(AnswerError::NotAPermutation));
    assert_eq!(check_answer(&order, &given(&["A", "B", "B"])), Err(AnswerError::NotAPermutation));
    assert!(check_answer(&order, &given(&["C", "B", "A"])).is_ok());
    let number = QuestionBody::Numeric { keys: vec![], decimal_comma: false };
    let long = Answer::Number { text: "1".repeat(201) };
    assert_eq!(check_answer(&number, &long), Err(AnswerError::TooLong { max: 200 }));
    let essay = QuestionBody::Essay { rubric: None, staff_notes: String::new() };
    assert_eq!(check_answer(&essay, &Answer::Essay { text: "a\0".into() }), Err(AnswerError::Nul));
}

#[test]
fn q2_no_answer_is_unanswered_and_earns_nothing() {
    let body = choices(3, &["A"], ChoiceMode::EachOption);
    for answer in [None, Some(picks(&[]))] {
        let graded = grade(&body, POINT, Some(POINT), answer.as_ref());
        assert_eq!(graded.state, AnswerState::Unanswered);
        assert_eq!(graded.earned, Some(Points::ZERO));
    }
}

#[test]
fn q7_numbers_are_exact_decimals() {
    let body = |key: NumericKey, decimal_comma| QuestionBody::Numeric { keys: vec![key], decimal_comma };
    let right = |body: &QuestionBody, text: &str| {
        grade(body, POINT, None, Some(&Answer::Number { text: text.into() })).state == AnswerState::Correct
    };
    let close = body(NumericKey::Value { value: "-11.7".into(), tolerance: "0.02".into() }, false);
    assert!(right(&close, "-11.72") && right(&close, " -11.68 ") && right(&close, "-1.172e1"));
    assert!(!right(&close, "-11.7201") && !right(&close, "11.72"));
    assert!(!right(&close, "-11,72"));
    let comma = body(NumericKey::Value { value: "-11.7".into(), tolerance: "0.02".into() }, true);
    assert!(right(&comma, "-11,72"));
    let percent = body(NumericKey::Percent { value: "200".into(), percent: "5".into() }, false);
    assert!(right(&percent, "210") && right(&percent, "190.0") && !right(&percent, "210.0001"));
    let range = body(NumericKey::Range { low: "1".into(), high: "2".into() }, false);
    assert!(right(&range, "1") && right(&range, "2") && !right(&range, "2.0000000000000000000000001"));
    let many = "9".repeat(401);
    for text in ["NaN", "inf", "0x10", "1e401", "1e-401", "1.2.3", "--1", "1 000", "e5", ".", many.as_str()] {
        let graded = grade(&range, POINT, None, Some(&Answer::Number { text: text.into() }));
        assert_eq!(graded.state, AnswerState::Wrong, "{text}");
        assert!(graded.not_a_number || text.len() > 200, "{text}");
    }
    assert!(numeric_key_problem(&NumericKey::Percent { value: "0".into(), percent: "5".into() }).is_some());
}

#[test]
fn q8_texts_are_compared_folded_and_never_by_likeness() {
    let body = |key: TextKey| QuestionBody::ShortText { keys: vec![key], case_sensitive: false };
    let right = |body: &QuestionBody, text: &str| {
        grade(body, POINT, None, Some(&Answer::Text { text: text.into() })).state == AnswerState::Correct
    };
    let exact = body(TextKey::Exact { text: "Straße nach Köln".into(), edits: 0 });
    assert!(right(&exact, "  STRASSE   nach ko\u{308}ln "));
    assert!(!right(&exact, "Strase nach Köln"));
    let is = body(TextKey::Exact { text: "it is".into(), edits: 0 });
    assert!(!right(&is, "it is not"));
    let near = body(TextKey::Exact { text: "photosynthesis".into(), edits: 1 });
    assert!(right(&near, "photosyntesis") && !right(&near, "potosyntesis"));
    let short = body(TextKey::Exact { text: "not".into(), edits: 2 });
    assert!(!right(&short, "no"));
    // Edits are for keys of five characters and more.
    let four = body(TextKey::Exact { text: "four".into(), edits: 1 });
    let five = body(TextKey::Exact { text: "fives".into(), edits: 1 });
    assert!(right(&four, "four") && !right(&four, "for") && right(&five, "five"));
    let wild = body(TextKey::Wildcard { pattern: r"the * of \* light*".into() });
    assert!(right(&wild, "The speed of * light") && right(&wild, "the nature of * lights"));
    assert!(!right(&wild, "the speed of light"));
    let regex = body(TextKey::Regex { pattern: "colou?r|tint".into() });
    assert!(right(&regex, "Color") && right(&regex, "tint") && !right(&regex, "a tint"));
    assert!(text_key_problem(&TextKey::Regex { pattern: "(".into() }).is_some());
    assert!(text_key_problem(&TextKey::Regex { pattern: "(a{1000}){1000}".into() }).is_some());
    // A pattern that others take exponential time over.
    let evil = body(TextKey::Regex { pattern: "(a+)+$".into() });
    assert!(!right(&evil, &format!("{}!", "a".repeat(9_000))));
}

/// What grading could not compile is refused by authoring: without regard to case an expression is larger.
#[test]
fn q3_an_expression_is_checked_in_the_form_that_runs() {
    let sized = |n: usize| TextKey::Regex { pattern: format!("(?:ks){{{n}}}|yes") };
    let first_refused = (51..40_000).step_by(50).find(|n| text_key_problem(&sized(*n)).is_some()).unwrap();
    let question = |n: usize, case_sensitive: bool| QuestionBody::ShortText { keys: vec![sized(n)], case_sensitive };
    for n in [1, first_refused - 50] {
        for case_sensitive in [true, false] {
            let answer = Answer::Text { text: "yes".into() };
            let graded = grade(&question(n, case_sensitive), POINT, None, Some(&answer));
            assert_eq!(graded.state, AnswerState::Correct, "{n} {case_sensitive}");
        }
    }
}

#[test]
fn q8_an_expression_is_of_the_whole_text_however_it_is_written() {
    let body = |pattern: &str| QuestionBody::ShortText {
        keys: vec![TextKey::Regex { pattern: pattern.into() }],
        case_sensitive: false,
    };
    let right = |body: &QuestionBody, text: &str| {
        grade(body, POINT, None, Some(&Answer::Text { text: text.into() })).state == AnswerState::Correct
    };
    // No expression by itself, though it would be one between brackets.
    let breaks_out = "yes)|(?:.*";
    assert!(text_key_problem(&TextKey::Regex { pattern: breaks_out.into() }).is_some());
    assert!(!right(&body(breaks_out), "anything at all"));
    assert!(!right(&body("(?m)^yes$"), "no\nyes"));
    // Both sides are composed: an accent that was typed by itself is the same letter.
    assert!(right(&body("cafe\u{301}+"), "caf\u{e9}") && right(&body("caf\u{e9}+"), "CAFE\u{301}\u{e9}"));
}

#[test]
fn q8_long_texts_cost_time_in_their_length() {
    let long = |n: usize| "ab".repeat(n / 2);
    let keys = vec![
        TextKey::Exact { text: long(1_000), edits: 5 },
        TextKey::Wildcard { pattern: "*a".repeat(499) + "*" },
        TextKey::Regex { pattern: "(a|b|ab)*c".into() },
    ];
    let body = QuestionBody::ShortText { keys, case_sensitive: false };
    let started = std::time::Instant::now();
    for n in [996, 1_000, 1_004, 10_000] {
        let _ = grade(&body, POINT, None, Some(&Answer::Text { text: long(n) + "!" }));
    }
    // Quadratic work would take minutes in a debug build.
    assert!(started.elapsed() < std::time::Duration::from_secs(20), "{:?}", started.elapsed());
}

// rules: Q9, Q10
#[test]
fn q9_q10_blanks_and_matches_earn_their_share() {
    let key = |t: &str| vec![TextKey::Exact { text: t.into(), edits: 0 }];
    let body = QuestionBody::FillBlanks {
        blanks: vec![
            Blank { id: "1".into(), accepted: key("red, green") },
            Blank { id: "2".into(), accepted: key("blue") },
        ],
        case_sensitive: false,
    };
    let answer =
        Answer::Blanks { blanks: BTreeMap::from([("1".into(), "Red, Green".into()), ("2".into(), "red".into())]) };
    assert_eq!(fraction(&body, &answer), "1/2");
    let body = QuestionBody::Matching {
        stems: options(3),
        choices: (0..4).map(|i| Labelled::new(format!("c{i}"), format!("choice {i}"))).collect(),
        correct: (0..3).map(|i| (letter(i), format!("c{i}"))).collect(),
    };
    let answer = Answer::Matches { matches: BTreeMap::from([("A".into(), "c0".into()), ("B".into(), "c3".into())]) };
    assert_eq!(fraction(&body, &answer), "1/3");
}

#[test]
fn q11_the_vectors_of_ordering() {
    let body = |mode| QuestionBody::Ordering {
        items: (1..=4).map(|i| Labelled::new(i.to_string(), i.to_string())).collect(),
        mode,
    };
    let answer = |text: &str| Answer::Order { item_ids: text.chars().map(|c| c.to_string()).collect() };
    for (given, all, absolute, subsequence) in [
        ("2341", "0/1", "0/1", "2/3"),
        ("1243", "0/1", "1/2", "2/3"),
        ("4321", "0/1", "0/1", "0/1"),
        ("1234", "1/1", "1/1", "1/1"),
    ] {
        assert_eq!(fraction(&body(OrderMode::AllOrNothing), &answer(given)), all);
        assert_eq!(fraction(&body(OrderMode::Absolute), &answer(given)), absolute);
        assert_eq!(fraction(&body(OrderMode::Subsequence), &answer(given)), subsequence);
    }
}

#[test]
fn q12_an_essay_waits_and_the_total_with_it() {
    let essay = QuestionBody::Essay { rubric: None, staff_notes: String::new() };
    let graded = grade(&essay, POINT, None, Some(&Answer::Essay { text: "words".into() }));
    assert_eq!((graded.state, graded.earned), (AnswerState::Pending, None));
    let right = grade(&choices(2, &["A"], ChoiceMode::AllOrNothing), POINT, None, Some(&picks(&["A"])));
    assert_eq!(total(&[graded, right.clone()]).earned, None);
    let empty = grade(&essay, POINT, None, None);
    assert_eq!(total(&[empty, right]).earned, Some(POINT));
}

#[test]
fn q13_negative_marks_for_wrong_not_for_missing_and_never_below_zero() {
    let body = choices(2, &["A"], ChoiceMode::AllOrNothing);
    let half = Points::from_units(50_000);
    let right = grade(&body, POINT, Some(half), Some(&picks(&["A"])));
    let wrong = grade(&body, POINT, Some(half), Some(&picks(&["B"])));
    let missing = grade(&body, POINT, Some(half), None);
    assert_eq!(total(&[right.clone(), wrong.clone(), missing.clone()]).earned, Some(half));
    assert_eq!(total(&[wrong.clone(), wrong, missing]).earned, Some(Points::ZERO));
    assert_eq!(total(&[right]).earned, Some(POINT));
}

#[test]
fn n1_a_quiz_of_thirds_totals_exactly() {
    let body = QuestionBody::Matching {
        stems: options(3),
        choices: options(3),
        correct: (0..3).map(|i| (letter(i), letter(i))).collect(),
    };
    let third = Answer::Matches { matches: BTreeMap::from([("A".into(), "A".into())]) };
    let graded: Vec<GradedAnswer> = (0..3).map(|_| grade(&body, POINT, None, Some(&third))).collect();
    assert_eq!(total(&graded).earned.unwrap().to_string(), "1");
}

proptest! {
    /// Sums of fractions against whole numbers over one denominator: exact, and rounded once, half up.
    #[test]
    fn n1_totals_are_exact_over_random_weights(
        parts in proptest::collection::vec((0_i64..=12, 1_i64..=12, 0_i64..3_000_000), 0..40)
    ) {
        // Divisible by every denominator from 1 to 12.
        const COMMON: i128 = 27_720;
        let answers: Vec<GradedAnswer> = parts
            .iter()
            .map(|(num, den, units)| GradedAnswer {
                state: AnswerState::Partial,
                fraction: Some(Ratio::new((*num).min(*den), *den)),
                earned: None,
                possible: Points::from_units(*units),
                penalty: Points::ZERO,
                not_a_number: false,
            })
            .collect();
        let sum: i128 = parts
            .iter()
            .map(|(num, den, units)| i128::from((*num).min(*den)) * (COMMON / i128::from(*den)) * i128::from(*units))
            .sum();
        let expected = (2 * sum + COMMON).div_euclid(2 * COMMON);
        prop_assert_eq!(i128::from(total(&answers).earned.unwrap().units()), expected);
    }

    #[test]
    fn q8_no_text_makes_grading_panic(key in ".{0,40}", text in ".{0,200}", edits in 0_u8..6) {
        let keys = vec![
            TextKey::Exact { text: key.clone(), edits },
            TextKey::Wildcard { pattern: key.clone() },
            TextKey::Regex { pattern: key.clone() },
        ];
        let body = QuestionBody::ShortText { keys, case_sensitive: false };
        let _ = grade(&body, POINT, None, Some(&Answer::Text { text: text.clone() }));
        let same = grade(&body, POINT, None, Some(&Answer::Text { text: key.clone() }));
        prop_assert!(key.trim().is_empty() || key.contains('\0') || same.state == AnswerState::Correct);
        let number = QuestionBody::Numeric { keys: vec![NumericKey::Value { value: key, tolerance: text.clone() }], decimal_comma: true };
        let _ = grade(&number, POINT, None, Some(&Answer::Number { text }));
    }

    /// Against the textbook's table, whole and slow.
    #[test]
    fn q8_edits_are_counted_as_levenshtein_does(
        key in "[abc]{5,12}", text in "[abc]{0,14}", edits in 0_u8..=5
    ) {
        let (a, b): (Vec<char>, Vec<char>) = (key.chars().collect(), text.chars().collect());
        let mut table = vec![vec![0_usize; b.len() + 1]; a.len() + 1];
        for i in 0..=a.len() {
            for j in 0..=b.len() {
                table[i][j] = match (i, j) {
                    (0, n) | (n, 0) => n,
                    _ => (table[i - 1][j - 1] + usize::from(a[i - 1] != b[j - 1]))
                        .min(table[i - 1][j] + 1)
                        .min(table[i][j - 1] + 1),
                };
            }
        }
        let wanted = !b.is_empty() && table[a.len()][b.len()] <= usize::from(edits);
        let body = QuestionBody::ShortText { keys: vec![TextKey::Exact { text: key, edits }], case_sensitive: false };
        let graded = grade(&body, POINT, None, Some(&Answer::Text { text }));
        prop_assert_eq!(graded.state == AnswerState::Correct, wanted);
    }

    /// The number as exact decimals say it, whatever the exponent, against its bounds; no text panics.
    #[test]
    fn q7_a_number_is_right_exactly_within_its_bounds(
        value in -5_000_i64..5_000, tolerance in 0_i64..200, given in -6_000_i64..6_000, shift in 0_usize..30
    ) {
        let text = |n: i64| format!("{}{}.{:03}", if n < 0 { "-" } else { "" }, n.abs() / 1_000, n.abs() % 1_000);
        let key = NumericKey::Value { value: text(value), tolerance: text(tolerance) };
        let body = QuestionBody::Numeric { keys: vec![key], decimal_comma: false };
        // The same number with its point moved by an exponent.
        let moved = format!("{}{}e-{}", given, "0".repeat(shift), 3 + shift);
        for answer in [text(given), moved] {
            let graded = grade(&body, POINT, None, Some(&Answer::Number { text: answer }));
            prop_assert_eq!(graded.state == AnswerState::Correct, (value - given).abs() <= tolerance);
            prop_assert!(!graded.not_a_number);
        }
    }

    /// The longest rising run of picks, by trying every subset.
    #[test]
    fn q11_the_subsequence_is_the_longest_there_is(order in Just((0..7_usize).collect::<Vec<_>>()).prop_shuffle()) {
        let longest = (0_u32..1 << 7)
            .filter_map(|picks| {
                let picked: Vec<usize> =
                    order.iter().enumerate().filter(|(n, _)| picks >> n & 1 == 1).map(|(_, place)| *place).collect();
                picked.is_sorted().then_some(picked.len())
            })
            .max()
            .unwrap();
        let items: Vec<Labelled> = (0..7).map(|n| Labelled::new(n.to_string(), format!("item {n}"))).collect();
        let body = QuestionBody::Ordering { items, mode: OrderMode::Subsequence };
        let answer = Answer::Order { item_ids: order.iter().map(ToString::to_string).collect() };
        let expected = Ratio::new(i64::try_from(longest - 1).unwrap(), 6);
        prop_assert_eq!(grade(&body, POINT, None, Some(&answer)).fraction.unwrap(), expected);
    }

    #[test]
    fn n5_earned_lies_between_nothing_and_possible(
        marks in proptest::collection::vec((0_usize..4, 0_i64..500_000, 0_i64..500_000), 0..30)
    ) {
        let body = choices(3, &["A", "B"], ChoiceMode::Coverage);
        let answers: Vec<GradedAnswer> = marks.into_iter().map(|(pick, points, negative)| {
            let picked: [&[&str]; 4] = [&["A", "B"], &["A"], &["C"], &[]];
            grade(&body, Points::from_units(points), Some(Points::from_units(negative)), Some(&picks(picked[pick])))
        }).collect();
        let sum = total(&answers);
        let earned = sum.earned.unwrap();
        prop_assert!(earned >= Points::ZERO && earned <= sum.possible);
    }
}
