//! What a question must be like to be asked (Q3).

use std::collections::BTreeSet;

use crate::error::Problem;
use crate::model::Points;
use crate::model::question::{Labelled, QuestionBody, TextKey};
use crate::rules::grading::{normalised, numeric_key_problem, text_key_problem};

struct Found(Vec<Problem>);

impl Found {
    fn add(&mut self, code: &'static str, field: impl Into<String>, message: impl Into<String>) {
        self.0.push(Problem::new(code, field, message));
    }

    /// A list of things with ids and texts: so many, ids and texts distinct.
    /// Whether it may be looked at further: a list far too long says nothing more, whatever is in it.
    fn list(&mut self, field: &str, list: &[Labelled], min: usize, max: usize) -> bool {
        if !(min..=max).contains(&list.len()) {
            self.add("question.count", field, format!("must be {min} to {max}"));
        }
        if list.len() > FAR_TOO_MANY {
            return false;
        }
        let (mut ids, mut texts) = (BTreeSet::new(), BTreeSet::new());
        for (n, item) in list.iter().enumerate() {
            if !self.id(&format!("{field}[{n}].id"), &item.id) || !ids.insert(&item.id) {
                self.add("question.id", format!("{field}[{n}].id"), "must be unique and have 1 to 40 characters");
            }
            let folded = normalised(&item.text, false);
            if folded.is_empty() || item.text.chars().count() > 2_000 || item.text.contains('\0') {
                self.add(
                    "question.text",
                    format!("{field}[{n}].text"),
                    "must have 1 to 2000 characters, without U+0000",
                );
            } else if !texts.insert(folded) {
                self.add("question.same_text", format!("{field}[{n}].text"), "says the same as another");
            }
        }
        true
    }

    fn id(&mut self, _field: &str, id: &str) -> bool {
        !id.is_empty() && id.chars().count() <= 40 && !id.chars().any(char::is_control)
    }

    fn texts(&mut self, field: &str, keys: &[TextKey]) {
        if keys.is_empty() || keys.len() > 100 {
            self.add("question.keys", field, "must be 1 to 100");
        }
        if keys.len() > FAR_TOO_MANY {
            return;
        }
        for (n, key) in keys.iter().enumerate() {
            if let Some(message) = text_key_problem(key) {
                self.add("question.text_key", format!("{field}[{n}]"), message);
            }
        }
    }
}

/// A list longer than this is refused by its length alone, so that a hostile one costs nothing.
const FAR_TOO_MANY: usize = 1_000;

/// What is wrong with a question; nothing = it can be asked (Q3). The time that it takes does not grow
/// with how much too long a list is.
pub fn check_question(body: &QuestionBody, text: &str, points: Points) -> Vec<Problem> {
    let mut found = Found(Vec::new());
    if text.trim().is_empty() || text.chars().count() > 10_000 || text.contains('\0') {
        found.add("question.text", "text", "must have 1 to 10000 characters, without U+0000");
    }
    if points < Points::ZERO || points.units() > 10_000_000_000 {
        found.add("question.points", "points", "must be 0 to 100000");
    }
    match body {
        QuestionBody::SingleChoice { options, correct, why } => {
            if !found.list("options", options, 2, 50) {
                return found.0;
            }
            if !options.iter().any(|o| o.id == *correct) {
                found.add("question.key", "correct", "must be the id of an option");
            }
            why_known(&mut found, options, why);
        }
        QuestionBody::TrueFalse { .. } => {}
        QuestionBody::MultipleChoice { options, correct, why, .. } => {
            if !found.list("options", options, 2, 50) {
                return found.0;
            }
            let ids: BTreeSet<&String> = correct.iter().collect();
            let known: BTreeSet<&String> = options.iter().map(|o| &o.id).collect();
            let known = ids.is_subset(&known);
            if correct.is_empty() || ids.len() != correct.len() || !known {
                found.add("question.key", "correct", "must be ids of options, at least one, each once");
            }
            why_known(&mut found, options, why);
        }
        QuestionBody::Numeric { keys, .. } => {
            if keys.is_empty() || keys.len() > 100 {
                found.add("question.keys", "keys", "must be 1 to 100");
            }
            if keys.len() > FAR_TOO_MANY {
                return found.0;
            }
            for (n, key) in keys.iter().enumerate() {
                if let Some(message) = numeric_key_problem(key) {
                    found.add("question.numeric_key", format!("keys[{n}]"), message);
                }
            }
        }
        QuestionBody::ShortText { keys, .. } => found.texts("keys", keys),
        QuestionBody::FillBlanks { blanks, .. } => {
            if blanks.is_empty() || blanks.len() > 100 {
                found.add("question.count", "blanks", "must be 1 to 100");
            }
            if blanks.len() > FAR_TOO_MANY {
                return found.0;
            }
            let mut ids = BTreeSet::new();
            for (n, blank) in blanks.iter().enumerate() {
                if !found.id("", &blank.id) || !ids.insert(&blank.id) {
                    found.add("question.id", format!("blanks[{n}].id"), "must be unique and have 1 to 40 characters");
                }
                found.texts(&format!("blanks[{n}].accepted"), &blank.accepted);
            }
        }
        QuestionBody::Matching { stems, choices, correct } => {
            if !found.list("stems", stems, 2, 100) || !found.list("choices", choices, 2, 100) {
                return found.0;
            }
            let complete = correct.len() == stems.len()
                && stems
                    .iter()
                    .all(|s| correct.get(&s.id).is_some_and(|c| choices.iter().any(|choice| choice.id == *c)));
            if !complete {
                found.add("question.key", "correct", "must name a choice for every stem");
            }
        }
        QuestionBody::Ordering { items, .. } => {
            found.list("items", items, 2, 100);
        }
        QuestionBody::Essay { rubric, staff_notes } => {
            if points <= Points::ZERO {
                found.add("question.points", "points", "an essay is worth more than 0");
            }
            if let Some(rubric) = rubric {
                found.0.extend(rubric.check(Some(points)));
            }
            if staff_notes.chars().count() > 20_000 || staff_notes.contains('\0') {
                found.add("question.staff_notes", "staff_notes", "must have at most 20000 characters, without U+0000");
            }
        }
    }
    found.0
}

fn why_known(found: &mut Found, options: &[Labelled], why: &std::collections::BTreeMap<String, String>) {
    if why.len() > FAR_TOO_MANY {
        found.add("question.why", "why", "must explain options, each once");
        return;
    }
    for (id, text) in why {
        if !options.iter().any(|o| o.id == *id) || text.chars().count() > 5_000 || text.contains('\0') {
            found.add("question.why", format!("why.{id}"), "must explain an option in at most 5000 characters");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::question::{ChoiceMode, NumericKey};
    use std::collections::BTreeMap;

    fn codes(body: &QuestionBody) -> Vec<&'static str> {
        check_question(body, "stem", Points::from_units(100_000)).into_iter().map(|p| p.code).collect()
    }

    #[test]
    fn q3_what_cannot_be_asked_is_refused() {
        let option = |id: &str, text: &str| Labelled::new(id, text);
        let single = |options: Vec<Labelled>, correct: &str| QuestionBody::SingleChoice {
            options,
            correct: correct.into(),
            why: BTreeMap::new(),
        };
        let two = || vec![option("a", "Alpha"), option("b", "Beta")];
        assert!(codes(&single(two(), "a")).is_empty());
        assert_eq!(codes(&single(two(), "z")), ["question.key"]);
        assert_eq!(codes(&single(vec![option("a", "Alpha")], "a")), ["question.count"]);
        assert_eq!(codes(&single(vec![option("a", "Alpha"), option("b", " ALPHA ")], "a")), ["question.same_text"]);
        assert_eq!(codes(&single(vec![option("a", "Alpha"), option("a", "Beta")], "a")), ["question.id"]);
        let many = (0..51).map(|n| option(&n.to_string(), &format!("text {n}"))).collect();
        assert_eq!(codes(&single(many, "1")), ["question.count"]);
        let multiple = |correct: Vec<String>| QuestionBody::MultipleChoice {
            options: two(),
            correct,
            mode: ChoiceMode::NetCorrect,
            why: BTreeMap::new(),
        };
        assert_eq!(codes(&multiple(vec![])), ["question.key"]);
        assert_eq!(codes(&multiple(vec!["a".into(), "a".into()])), ["question.key"]);
        let zero = QuestionBody::Numeric {
            keys: vec![NumericKey::Percent { value: "0".into(), percent: "1".into() }],
            decimal_comma: false,
        };
        assert_eq!(codes(&zero), ["question.numeric_key"]);
        assert_eq!(check_question(&multiple(vec!["a".into()]), "", Points::ZERO).len(), 1);
        assert_eq!(check_question(&multiple(vec!["a".into()]), "x", Points::from_units(-1)).len(), 1);
    }
}
