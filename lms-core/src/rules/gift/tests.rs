use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::model::Points;
use crate::model::question::{Blank, ChoiceMode, Labelled, NumericKey, OrderMode, QuestionBody, TextKey};
use crate::rules::grading::numeric_bounds;

fn one(text: &str) -> NewQuestion {
    let bank = GiftBank::read(text).unwrap();
    assert!(bank.notes.is_empty(), "{:?}", bank.notes);
    assert_eq!(bank.questions.len(), 1, "{text}");
    bank.questions.into_iter().next().unwrap().question
}

/// The notes of a text: line, whether left out, what.
fn notes(text: &str) -> Vec<(usize, bool, GiftLoss)> {
    GiftBank::read(text).unwrap().notes.into_iter().map(|note| (note.line, note.left_out, note.loss)).collect()
}

fn labelled(texts: &[&str]) -> Vec<Labelled> {
    texts.iter().enumerate().map(|(n, text)| Labelled::new((n + 1).to_string(), *text)).collect()
}

fn exact(text: &str) -> TextKey {
    TextKey::Exact { text: text.to_owned(), edits: 0 }
}

/// The examples that the format's own documentation gives.
#[test]
fn q4_the_examples_of_the_format_are_read() {
    let grant = one(
        "// question: 1 name: Grants tomb\n::Grants tomb::Who is buried in Grant's tomb in New York City? {\n=Grant\n~No one\n#Was true for 12 years.\n~Napoleon\n}",
    );
    assert_eq!(grant.text, "Who is buried in Grant's tomb in New York City?");
    let QuestionBody::SingleChoice { options, correct, why } = grant.body else { panic!() };
    assert_eq!((options, correct.as_str()), (labelled(&["Grant", "No one", "Napoleon"]), "1"));
    assert_eq!(why, BTreeMap::from([("2".to_owned(), "Was true for 12 years.".to_owned())]));

    assert_eq!(one("The sun rises in the east.{T}").body, QuestionBody::TrueFalse { correct: true });
    assert_eq!(one("1+1\\=3 {false}").text, "1+1=3");
    let keys = vec![exact("Grant"), exact("Ulysses S. Grant")];
    let body = QuestionBody::ShortText { keys, case_sensitive: false };
    assert_eq!(one("Who's buried in Grant's tomb?{=Grant =Ulysses S. Grant}").body, body);

    let multiple = one(
        "What two people are entombed in Grant's tomb? {~%-50%No one ~%50%Grant ~%50%Grant's wife ~%-50%Grant's father}",
    );
    let QuestionBody::MultipleChoice { correct, mode, .. } = multiple.body else { panic!() };
    assert_eq!((correct, mode), (vec!["2".to_owned(), "3".to_owned()], ChoiceMode::NetCorrect));

    let matching = one("Match. {\n=cat -> cat food\n=dog -> dog food\n=puppy -> dog food\n= -> hay\n}");
    let QuestionBody::Matching { stems, choices, correct } = matching.body else { panic!() };
    assert_eq!((stems, choices), (labelled(&["cat", "dog", "puppy"]), labelled(&["cat food", "dog food", "hay"])));
    assert_eq!(correct.values().collect::<Vec<_>>(), ["1", "2", "2"]);

    // Neither the order nor the ids of the choices are those of the stems (Q14).
    let matching = one("Match. {\n=France -> Paris\n=Italy -> Rome\n=Germany -> Berlin\n}");
    let QuestionBody::Matching { choices, correct, .. } = matching.body else { panic!() };
    assert_eq!(choices, labelled(&["Berlin", "Paris", "Rome"]));
    assert_eq!(correct.values().collect::<Vec<_>>(), ["2", "3", "1"]);

    let number = |value: &str, tolerance: &str| NumericKey::Value { value: value.into(), tolerance: tolerance.into() };
    let numeric = |text: &str| match one(text).body {
        QuestionBody::Numeric { keys, .. } => keys,
        other => panic!("{other:?}"),
    };
    assert_eq!(numeric("When was Ulysses S. Grant born?{#1822:5}"), [number("1822", "5")]);
    assert_eq!(numeric("Pi? {#3.141..3.142}"), [NumericKey::Range { low: "3.141".into(), high: "3.142".into() }]);
    assert_eq!(numeric("Two? {#=2:0.1 =3..4}").len(), 2);
    assert!(matches!(one("Write a short biography {}").body, QuestionBody::Essay { rubric: None, .. }));

    let missing = one("Moodle costs {~lots of money =nothing ~a small amount} to download from moodle.org.");
    assert_eq!(missing.text, "Moodle costs _____ to download from moodle.org.");
    let feedback = one("Two plus two? {=4 ~5 ####It is four.}");
    assert_eq!(feedback.explanation, "It is four.");
    let two = GiftBank::read("$CATEGORY: a/b\n\n// points: 2.5\n::T::[markdown]One {T}\r\n\r\nTwo {F}").unwrap();
    assert_eq!(two.questions.len(), 2);
    let first = &two.questions[0];
    assert_eq!((first.line, first.category.as_deref(), first.title.as_deref()), (4, Some("a/b"), Some("T")));
    assert_eq!(first.question.points, "2.5".parse::<Points>().unwrap());
    assert_eq!(two.questions[1].question.points, Points::from_units(100_000), "it stood above the other");
    assert_eq!((two.questions[1].line, two.questions[1].question.text.as_str()), (6, "Two"));
}

#[test]
fn what_does_not_come_over_is_said_with_its_line() {
    use GiftLoss::*;
    assert_eq!(notes("A description.\n\nIs it? {T}"), [(1, true, Type)]);
    assert_eq!(notes("Is it? {T}\n\n\nOpen {=a\n\nNext {T}"), [(4, true, Syntax)]);
    assert_eq!(notes("One {=a} and two {=b}"), [(1, true, Type)]);
    assert_eq!(notes("What? {a =b}"), [(1, true, Syntax)]);
    assert_eq!(notes("What? {=a -> b =c}"), [(1, true, Syntax)]);
    assert_eq!(notes("Same {=a ~a}"), [(1, true, Invalid)]);
    assert_eq!(notes("None {~a ~b}"), [(1, true, Key)]);
    assert_eq!(notes("Both {=a =b ~c}"), [(1, true, Key)]);
    assert_eq!(notes("Some {=a ~%50%b}"), [(1, false, Credit)]);
    assert_eq!(notes("Some {~%50%a ~%50%b ~%0%c}"), [(1, false, Credit)]);
    assert_eq!(notes("Some {=%50%a =b}"), [(1, false, Credit)]);
    assert_eq!(notes("Some {=%50%a}"), [(1, true, Key)]);
    assert_eq!(notes("Why {=a#because}"), [(1, false, Feedback)]);
    assert_eq!(notes("Why {T#no#yes}"), [(1, false, Feedback)]);
    assert_eq!(notes("[html]<p>Why</p> {T}"), [(1, false, Format)]);
    assert_eq!(notes("\nNumber {#x}"), [(2, true, Invalid)]);
    assert_eq!(GiftBank::read(&"x".repeat(GIFT_BYTES + 1)).unwrap_err().code(), "invalid");
    assert!(GiftBank::read(&"x {T}\n\n".repeat(GIFT_QUESTIONS + 1)).is_err());

    let lost = |body: QuestionBody| {
        let gift = gift_text(&[
            NewQuestion::new("Before", QuestionBody::TrueFalse { correct: true }),
            NewQuestion::new("?", body),
        ]);
        let lines: Vec<&str> = gift.text.lines().collect();
        for note in &gift.notes {
            assert_eq!(lines[note.line - 1].starts_with("// left out: question 2 ("), note.left_out, "{gift:?}");
            assert_eq!(lines[note.line - 1].starts_with("? {"), !note.left_out, "{gift:?}");
        }
        gift.notes.into_iter().map(|note| (note.left_out, note.loss)).collect::<Vec<_>>()
    };
    let items = || labelled(&["a", "b"]);
    assert_eq!(lost(QuestionBody::Ordering { items: items(), mode: OrderMode::Absolute }), [(true, Type)]);
    let blanks = vec![Blank { id: "b".into(), accepted: vec![exact("a")] }];
    assert_eq!(lost(QuestionBody::FillBlanks { blanks, case_sensitive: false }), [(true, Type)]);
    let short = |keys: Vec<TextKey>, case_sensitive| QuestionBody::ShortText { keys, case_sensitive };
    let regex = || TextKey::Regex { pattern: "a+".into() };
    assert_eq!(lost(short(vec![regex()], false)), [(true, Key)]);
    assert_eq!(lost(short(vec![regex(), exact("a")], true)), [(false, Side), (false, Key)]);
    assert_eq!(lost(short(vec![exact("a -> b")], false)), [(true, Key)]);
    assert_eq!(lost(short(vec![TextKey::Exact { text: "abcdef".into(), edits: 1 }], false)), [(false, Key)]);
    let mode = QuestionBody::MultipleChoice {
        options: items(),
        correct: vec!["1".into()],
        mode: ChoiceMode::Coverage,
        why: BTreeMap::new(),
    };
    assert_eq!(lost(mode), [(false, Credit)]);
    let stems = labelled(&["a -> b", "c"]);
    let correct = BTreeMap::from([("1".to_owned(), "1".to_owned()), ("2".to_owned(), "2".to_owned())]);
    assert_eq!(lost(QuestionBody::Matching { stems, choices: items(), correct }), [(true, Key)]);
    let notes = QuestionBody::Essay { rubric: None, staff_notes: "hush".into() };
    assert_eq!(lost(notes), [(false, Side)]);
    let key = |value: &str| NumericKey::Value { value: value.into(), tolerance: "0".into() };
    assert_eq!(lost(QuestionBody::Numeric { keys: vec![key("1e400")], decimal_comma: true }), [(true, Key)]);
    assert_eq!(lost(QuestionBody::Numeric { keys: vec![key("1e20")], decimal_comma: true }), [(false, Side)]);
    assert!(lost(QuestionBody::TrueFalse { correct: true }).is_empty());
}

/// Text of the characters that GIFT reads, and some that it does not.
fn words(max: usize) -> impl Strategy<Value = String> {
    let chars = prop::sample::select(vec![
        'a', 'B', ' ', '\n', '\r', '\t', '\\', ':', '#', '=', '~', '{', '}', '%', '5', '0', '-', '*', '/', '$', '[',
        'n', 'é', '水', '🙂', '\u{feff}', '\u{85}', '\u{a0}', '<', '"',
    ]);
    let piece = prop_oneof![
        6 => chars.prop_map(|c| c.to_string()),
        1 => prop::sample::select(vec!["[html]", "//", "%50%", "####", "::", "$CATEGORY:", "\\n", "TRUE", "\\*", "\r\n"])
            .prop_map(str::to_owned),
    ];
    prop::collection::vec(piece, 1..max).prop_map(|pieces| pieces.concat())
}

/// As a text comes back: without white space at its ends, with one kind of line end.
fn kept(text: &str) -> String {
    let text = text.trim_matches(|c: char| c.is_ascii_whitespace());
    text.replace("\r\n", "\n").replace('\r', "\n")
}

fn options(least: usize) -> impl Strategy<Value = Vec<Labelled>> {
    prop::collection::vec(words(8), least..6).prop_map(|texts| {
        let mut seen = std::collections::BTreeSet::new();
        let mut list = Vec::new();
        for (n, text) in texts.into_iter().enumerate() {
            // Distinct, as authoring asks.
            let text = format!("{text}{n}x");
            if seen.insert(text.clone()) {
                list.push(Labelled::new(format!("id{}", 9 - n), text));
            }
        }
        list
    })
}

fn shared_body() -> impl Strategy<Value = QuestionBody> {
    let why = |options: &[Labelled], picks: u8| -> BTreeMap<String, String> {
        options
            .iter()
            .enumerate()
            .filter(|(n, _)| picks >> n & 1 == 1)
            .map(|(_, o)| (o.id.clone(), format!("why {}", o.text)))
            .collect()
    };
    let single = (options(2), any::<prop::sample::Index>(), any::<u8>()).prop_map(move |(options, at, picks)| {
        let (correct, why) = (options[at.index(options.len())].id.clone(), why(&options, picks));
        QuestionBody::SingleChoice { options, correct, why }
    });
    let multiple = (options(2), any::<u8>(), any::<u8>()).prop_map(move |(options, right, picks)| {
        let mut correct: Vec<String> =
            options.iter().enumerate().filter(|(n, _)| right >> n & 1 == 1).map(|(_, o)| o.id.clone()).collect();
        if correct.is_empty() {
            correct.push(options[0].id.clone());
        }
        let why = why(&options, picks);
        QuestionBody::MultipleChoice { options, correct, mode: ChoiceMode::NetCorrect, why }
    });
    let number = || {
        (-999i32..999, 0u32..999, any::<bool>()).prop_map(|(whole, part, exponent)| {
            if exponent { format!("{whole}.{part}e-3") } else { format!("{whole}.{part}") }
        })
    };
    let key = prop_oneof![
        (number(), 0u32..99).prop_map(|(value, t)| NumericKey::Value { value, tolerance: format!("0.{t}") }),
        (1i32..999, 0u32..99).prop_map(|(v, p)| NumericKey::Percent { value: v.to_string(), percent: p.to_string() }),
        number().prop_map(|low| NumericKey::Range { low, high: "1000.5".into() }),
    ];
    let numeric =
        prop::collection::vec(key, 1..4).prop_map(|keys| QuestionBody::Numeric { keys, decimal_comma: false });
    let text_key = prop_oneof![
        words(8).prop_map(|text| TextKey::Exact { text: format!("{text}x"), edits: 0 }),
        words(8).prop_map(|text| TextKey::Wildcard { pattern: format!("{text}*x") }),
    ];
    let no_arrow = |text: &str| !text.contains("->");
    let short = prop::collection::vec(text_key, 1..4)
        .prop_filter("no arrow", move |keys| {
            keys.iter().all(|key| match key {
                TextKey::Exact { text, .. } => no_arrow(text),
                TextKey::Wildcard { pattern } => no_arrow(pattern),
                TextKey::Regex { .. } => false,
            })
        })
        .prop_map(|keys| QuestionBody::ShortText { keys, case_sensitive: false });
    let matching = (options(2), options(2), any::<[prop::sample::Index; 6]>())
        .prop_filter("no arrow", move |(stems, _, _)| stems.iter().all(|stem| no_arrow(&stem.text)))
        .prop_map(|(stems, choices, at)| {
            let correct =
                stems.iter().zip(at).map(|(s, at)| (s.id.clone(), choices[at.index(choices.len())].id.clone()));
            let correct = correct.collect();
            QuestionBody::Matching { stems, choices, correct }
        });
    prop_oneof![
        single,
        multiple,
        numeric,
        short,
        matching,
        any::<bool>().prop_map(|correct| QuestionBody::TrueFalse { correct }),
        Just(QuestionBody::Essay { rubric: None, staff_notes: String::new() }),
    ]
}

/// What a question says, without ids and the order of a matching's choices.
fn said(question: &NewQuestion) -> String {
    let text = |list: &[Labelled], id: &str| list.iter().find(|l| l.id == id).map(|l| kept(&l.text)).unwrap();
    let pattern = |key: &TextKey| match key {
        TextKey::Exact { text, .. } => kept(text).replace('*', "\\*"),
        TextKey::Wildcard { pattern } => kept(pattern),
        TextKey::Regex { pattern } => panic!("{pattern}"),
    };
    let body = match &question.body {
        QuestionBody::SingleChoice { options, correct, why } => {
            let all: Vec<_> =
                options.iter().map(|o| (kept(&o.text), o.id == *correct, why.get(&o.id).map(|w| kept(w)))).collect();
            format!("single {all:?}")
        }
        QuestionBody::MultipleChoice { options, correct, mode, why } => {
            let all: Vec<_> = options
                .iter()
                .map(|o| (kept(&o.text), correct.contains(&o.id), why.get(&o.id).map(|w| kept(w))))
                .collect();
            format!("multiple {mode} {all:?}")
        }
        QuestionBody::Numeric { keys, decimal_comma } => {
            format!("numeric {decimal_comma} {:?}", keys.iter().map(numeric_bounds).collect::<Vec<_>>())
        }
        QuestionBody::ShortText { keys, case_sensitive } => {
            format!("short {case_sensitive} {:?}", keys.iter().map(pattern).collect::<Vec<_>>())
        }
        QuestionBody::Matching { stems, choices, correct } => {
            let pairs: Vec<_> = stems.iter().map(|s| (kept(&s.text), text(choices, &correct[&s.id]))).collect();
            let mut choices: Vec<_> = choices.iter().map(|c| kept(&c.text)).collect();
            choices.sort();
            format!("matching {pairs:?} {choices:?}")
        }
        other => format!("{other:?}"),
    };
    format!("{} | {} | {} | {body}", kept(&question.text), question.points, kept(&question.explanation))
}

fn shared_question() -> impl Strategy<Value = NewQuestion> {
    (words(20), shared_body(), words(12), 1i64..1_000_000).prop_map(|(text, body, explanation, points)| NewQuestion {
        points: Points::from_units(points),
        explanation,
        ..NewQuestion::new(format!("{text}?"), body)
    })
}

proptest! {
    /// Every type that both sides have, with any text in it, comes back as it went.
    #[test]
    fn what_gift_can_say_comes_back(questions in prop::collection::vec(shared_question(), 0..4)) {
        let gift = gift_text(&questions);
        prop_assert!(gift.notes.is_empty(), "{:?}", gift);
        let bank = GiftBank::read(&gift.text).unwrap();
        // Two texts that differ in white space or case alone may meet as the same option: authoring
        // refuses that on either side.
        prop_assume!(questions.iter().all(|q| super::read::problem(q).is_none()));
        prop_assert!(bank.notes.is_empty(), "{}\n{:?}", gift.text, bank.notes);
        let went: Vec<_> = questions.iter().map(said).collect();
        let came: Vec<_> = bank.questions.iter().map(|q| said(&q.question)).collect();
        prop_assert_eq!(went, came, "{}", gift.text);
    }

    /// No text makes reading panic, and every block of it is a question or is left out with its line.
    #[test]
    fn any_text_is_read_or_said_to_be_left_out(text in words(120)) {
        let bank = GiftBank::read(&text).unwrap();
        let mut lines: Vec<_> = bank.questions.iter().map(|q| q.line).collect();
        lines.extend(bank.notes.iter().filter(|note| note.left_out).map(|note| note.line));
        lines.sort_unstable();
        let mut blocks = Vec::new();
        let mut inside = false;
        let bare = text.strip_prefix('\u{feff}').unwrap_or(&text).replace("\r\n", "\n");
        for (n, whole) in bare.split('\n').enumerate() {
            for line in whole.split('\r') {
                let line = line.trim_matches(|c: char| c.is_ascii_whitespace());
                if line.is_empty() {
                    inside = false;
                } else if !line.starts_with("//") && (inside || !line.starts_with("$CATEGORY:")) {
                    if !inside {
                        blocks.push(n + 1);
                    }
                    inside = true;
                }
            }
        }
        prop_assert_eq!(lines, blocks);
    }
}

/// A quarter of a million of each kind of trouble. What is worse than linear would not come to an end.
#[test]
fn hostile_text_ends_soon() {
    for piece in [
        "{", "}", "=", "~", "#", "%", "->", "\\", "::", ":", "\n", "\r", "//\n", "=a -> b", "=%50%a#b", "~%1%",
        "[html]", "0..", "####", "\\n",
    ] {
        let fill = piece.repeat(GIFT_BYTES / 16 / piece.len());
        for text in [fill.clone(), format!("q {{{fill}}}"), format!("q {{#{fill}}}"), format!("q {{={fill}}}")] {
            let bank = GiftBank::read(&text);
            assert!(
                bank.is_err() || bank.is_ok_and(|bank| bank.questions.len() + bank.notes.len() < 2 * GIFT_QUESTIONS)
            );
        }
    }
}
