//! Questions: what learners may see of them, their keys, and answers (Q1, Q4, Q14).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::tolerant::{self, read_leniently, tolerant};
use super::{Points, Rubric};
use crate::rules::shuffle::shuffled;

crate::model::table::words! {
    /// The type of a question (Q4).
    pub enum QuestionType {
        /// Exactly one option is right.
        SingleChoice = "single_choice",
        /// A statement that is true or false.
        TrueFalse = "true_false",
        /// Any number of options is right.
        MultipleChoice = "multiple_choice",
        /// A number.
        Numeric = "numeric",
        /// A short text.
        ShortText = "short_text",
        /// Blanks in a text.
        FillBlanks = "fill_blanks",
        /// Stems to choices.
        Matching = "matching",
        /// Items in their right order.
        Ordering = "ordering",
        /// A text that a person or AI grades.
        Essay = "essay",
    }
}
crate::model::table::words! {
    /// How picks of a multiple choice are weighed (Q5).
    pub enum ChoiceMode {
        /// All right and nothing wrong, or nothing.
        AllOrNothing = "all_or_nothing",
        /// Right less wrong picks, of the right options.
        NetCorrect = "net_correct",
        /// Every option, picked or not, is a decision.
        EachOption = "each_option",
        /// Coverage times precision.
        Coverage = "coverage",
    }
}
crate::model::table::words! {
    /// How an order is weighed (Q11).
    pub enum OrderMode {
        /// All right or nothing.
        AllOrNothing = "all_or_nothing",
        /// Items in their right place, of all.
        Absolute = "absolute",
        /// The longest correctly ordered subsequence.
        Subsequence = "subsequence",
    }
}

tolerant! {
    with { use crate::model::rubric::lenient::Rubric; }
    strict {
        /// Something with an id and a text: an option, a stem, an item.
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub struct Labelled {
            /// Stable within the question (Q1).
            pub id: String,
            /// What is shown.
            pub text: String,
        }

        /// What a number must be (Q7). Numbers are decimal text.
        #[derive(Debug, Clone, PartialEq, Eq)]
        #[serde(tag = "kind", rename_all = "snake_case")]
        pub enum NumericKey {
            /// A value, give or take an absolute tolerance; bounds count.
            Value {
                /// The value.
                value: String,
                /// The tolerance.
                #[serde(default = "zero")]
                tolerance: String,
            },
            /// A value, give or take a percent of it; bounds count.
            Percent {
                /// The value, not 0.
                value: String,
                /// The tolerance in percent.
                percent: String,
            },
            /// Any number from low to high; both count.
            Range {
                /// The least.
                low: String,
                /// The greatest.
                high: String,
            },
        }

        /// What a text must be (Q8).
        #[derive(Debug, Clone, PartialEq, Eq)]
        #[serde(tag = "kind", rename_all = "snake_case")]
        pub enum TextKey {
            /// This text; with `edits`, give or take so many edits (off for keys shorter than 5).
            Exact {
                /// The text.
                text: String,
                /// The most edits.
                #[serde(default)]
                edits: u8,
            },
            /// This pattern, where `*` is any text and `\*` a star.
            Wildcard {
                /// The pattern.
                pattern: String,
            },
            /// This regular expression, over the whole answer.
            Regex {
                /// The expression.
                pattern: String,
            },
        }

        /// A blank of a text.
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub struct Blank {
            /// Stable within the question.
            pub id: String,
            /// What may stand in it.
            pub accepted: Vec<TextKey>,
        }

        /// A question's type with its options and its key: a staff type (Q14).
        #[derive(Debug, Clone, PartialEq)]
        #[serde(tag = "type", rename_all = "snake_case")]
        pub enum QuestionBody {
            /// Exactly one option is right.
            SingleChoice {
                /// The options.
                options: Vec<Labelled>,
                /// The id of the right one.
                correct: String,
                /// Why an option is right or wrong, by id; shown with the key.
                #[serde(default)]
                why: BTreeMap<String, String>,
            },
            /// A statement.
            TrueFalse {
                /// Whether it is true.
                correct: bool,
            },
            /// Any number of options is right.
            MultipleChoice {
                /// The options.
                options: Vec<Labelled>,
                /// The ids of the right ones.
                correct: Vec<String>,
                /// How picks are weighed.
                #[serde(default = "net_correct")]
                mode: ChoiceMode,
                /// Why an option is right or wrong, by id; shown with the key.
                #[serde(default)]
                why: BTreeMap<String, String>,
            },
            /// A number.
            Numeric {
                /// What it must be; the best match counts.
                keys: Vec<NumericKey>,
                /// Whether `,` is the decimal mark too.
                #[serde(default)]
                decimal_comma: bool,
            },
            /// A short text.
            ShortText {
                /// What it may be.
                keys: Vec<TextKey>,
                /// Whether case counts.
                #[serde(default)]
                case_sensitive: bool,
            },
            /// Blanks in the question's text.
            FillBlanks {
                /// The blanks.
                blanks: Vec<Blank>,
                /// Whether case counts.
                #[serde(default)]
                case_sensitive: bool,
            },
            /// Stems to choices.
            Matching {
                /// What is to be matched.
                stems: Vec<Labelled>,
                /// What it is matched with; more than stems are allowed. Learners see their ids, too.
                choices: Vec<Labelled>,
                /// The choice of each stem, by ids.
                correct: BTreeMap<String, String>,
            },
            /// Items to be put in order; they stand here in the right one.
            Ordering {
                /// The items. Learners see their ids, too: ids that count up tell the order.
                items: Vec<Labelled>,
                /// How an order is weighed.
                #[serde(default = "all_or_nothing")]
                mode: OrderMode,
            },
            /// A text that a person or AI grades.
            Essay {
                /// What it is marked by.
                #[serde(default)]
                rubric: Option<Rubric>,
                /// For staff only.
                #[serde(default)]
                staff_notes: String,
            },
        }

        /// What a learner answers, always by ids (Q1).
        #[derive(Debug, Clone, PartialEq, Eq)]
        #[serde(tag = "type", rename_all = "snake_case")]
        pub enum Answer {
            /// One option; of a statement "true" or "false".
            Choice {
                /// Its id.
                option_id: String,
            },
            /// Some options.
            Choices {
                /// Their ids.
                option_ids: Vec<String>,
            },
            /// A number, as typed.
            Number {
                /// The text.
                text: String,
            },
            /// A short text.
            Text {
                /// The text.
                text: String,
            },
            /// Texts in blanks.
            Blanks {
                /// By the blanks' ids.
                blanks: BTreeMap<String, String>,
            },
            /// Choices for stems.
            Matches {
                /// Choice ids by stem ids.
                matches: BTreeMap<String, String>,
            },
            /// Items in order.
            Order {
                /// All ids, each once.
                item_ids: Vec<String>,
            },
            /// A longer text.
            Essay {
                /// The text.
                text: String,
            },
        }
    }
    plain {
        /// What a learner may see: the column `options`.
        #[derive(Debug, Clone, PartialEq, Default)]
        pub struct OptionsDoc {
            format: u32,
            #[serde(default, skip_serializing_if = "Vec::is_empty")]
            options: Vec<Labelled>,
            #[serde(default, skip_serializing_if = "Vec::is_empty")]
            stems: Vec<Labelled>,
            #[serde(default, skip_serializing_if = "Vec::is_empty")]
            choices: Vec<Labelled>,
            #[serde(default, skip_serializing_if = "Vec::is_empty")]
            items: Vec<Labelled>,
            #[serde(default, skip_serializing_if = "Vec::is_empty")]
            blanks: Vec<String>,
        }

        /// What a learner may not see: the column `correct_answer`.
        #[derive(Debug, Clone, PartialEq, Default)]
        pub struct KeyDoc {
            format: u32,
            #[serde(default, skip_serializing_if = "Vec::is_empty")]
            correct: Vec<String>,
            #[serde(default, skip_serializing_if = "Option::is_none")]
            truth: Option<bool>,
            #[serde(default, skip_serializing_if = "Option::is_none")]
            choice_mode: Option<ChoiceMode>,
            #[serde(default, skip_serializing_if = "Option::is_none")]
            order_mode: Option<OrderMode>,
            #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
            why: BTreeMap<String, String>,
            #[serde(default, skip_serializing_if = "Vec::is_empty")]
            numbers: Vec<NumericKey>,
            #[serde(default, skip_serializing_if = "Vec::is_empty")]
            texts: Vec<TextKey>,
            #[serde(default, skip_serializing_if = "Vec::is_empty")]
            blanks: Vec<Blank>,
            #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
            pairs: BTreeMap<String, String>,
            #[serde(default, skip_serializing_if = "Vec::is_empty")]
            choices: Vec<String>,
            #[serde(default)]
            decimal_comma: bool,
            #[serde(default)]
            case_sensitive: bool,
            #[serde(default, skip_serializing_if = "Option::is_none")]
            rubric: Option<Rubric>,
            #[serde(default, skip_serializing_if = "String::is_empty")]
            staff_notes: String,
        }
    }
}
read_leniently!(QuestionBody, Answer, OptionsDoc, KeyDoc);

impl Labelled {
    /// An id and a text.
    pub fn new(id: impl Into<String>, text: impl Into<String>) -> Self {
        Self { id: id.into(), text: text.into() }
    }
}

fn zero() -> String {
    "0".to_owned()
}

const fn net_correct() -> ChoiceMode {
    ChoiceMode::NetCorrect
}
const fn all_or_nothing() -> OrderMode {
    OrderMode::AllOrNothing
}

/// A question as a learner sees it: it has no place for a key, an explanation or a note (Q14).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct QuestionView {
    /// The question.
    pub id: Uuid,
    /// Its type.
    pub question_type: QuestionType,
    /// Its text.
    pub text: String,
    /// What it is worth.
    pub points: Points,
    /// Options to pick from.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub options: Vec<Labelled>,
    /// Stems to match.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub stems: Vec<Labelled>,
    /// Choices to match them with.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub choices: Vec<Labelled>,
    /// Items to put in order, in an order of chance.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub items: Vec<Labelled>,
    /// Ids of the blanks.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub blanks: Vec<String>,
}

impl QuestionView {
    /// Puts the options in the order that the seed draws; the same on every look (A11).
    pub fn shuffle_options(&mut self, seed: i64) {
        let label = self.id.to_string();
        self.options = shuffled(std::mem::take(&mut self.options), seed, &label);
    }
}

/// An order of chance that says nothing of the one they came in, not even to who knows the seed: they are
/// sorted by their texts before it is drawn.
fn disordered(mut all: Vec<Labelled>, seed: i64, label: &str) -> Vec<Labelled> {
    all.sort_by(|a, b| (&a.text, &a.id).cmp(&(&b.text, &b.id)));
    shuffled(all, seed, label)
}

/// [`disordered`], and not as they came: an order that is handed in untouched is not the right one. Two items
/// are left to chance, because there the other order would be the right one.
fn out_of_order(items: &[Labelled], seed: i64, label: &str) -> Vec<Labelled> {
    let mut drawn = disordered(items.to_vec(), seed, label);
    for again in 1..=32 {
        if items.len() < 3 || drawn != items {
            break;
        }
        drawn = disordered(items.to_vec(), seed, &format!("{label} {again}"));
    }
    drawn
}

/// The seed of the order in the learners' column; attempts have seeds of their own.
const COLUMN: i64 = 0;

/// What is shown, in the order in which the key lists it.
fn as_listed(shown: &[Labelled], ids: &[String]) -> Option<Vec<Labelled>> {
    // By a map: a list far too long is read once, too, before it is refused.
    let mut by_id = BTreeMap::new();
    for one in shown {
        by_id.entry(one.id.as_str()).or_insert(one);
    }
    ids.iter().map(|id| by_id.get(id.as_str()).map(|one| (*one).clone())).collect()
}

/// The two columns of a question do not fit together.
#[derive(Debug, thiserror::Error)]
#[error("the stored question is not of its type: {0}")]
pub struct NotAQuestion(String);

impl QuestionBody {
    /// Its type.
    pub const fn question_type(&self) -> QuestionType {
        match self {
            Self::SingleChoice { .. } => QuestionType::SingleChoice,
            Self::TrueFalse { .. } => QuestionType::TrueFalse,
            Self::MultipleChoice { .. } => QuestionType::MultipleChoice,
            Self::Numeric { .. } => QuestionType::Numeric,
            Self::ShortText { .. } => QuestionType::ShortText,
            Self::FillBlanks { .. } => QuestionType::FillBlanks,
            Self::Matching { .. } => QuestionType::Matching,
            Self::Ordering { .. } => QuestionType::Ordering,
            Self::Essay { .. } => QuestionType::Essay,
        }
    }

    /// The ids that an answer to it may name, of whatever kind, in order.
    pub(crate) fn ids(&self) -> Vec<String> {
        let shown = self.split(Uuid::nil()).0;
        let kinds =
            [("option", shown.options), ("stem", shown.stems), ("choice", shown.choices), ("item", shown.items)];
        let labelled = kinds
            .into_iter()
            .flat_map(|(kind, all)| all.into_iter().map(move |one| format!("{kind}:{}", one.id)).collect::<Vec<_>>());
        let mut all: Vec<_> = labelled.chain(shown.blanks.into_iter().map(|id| format!("blank:{id}"))).collect();
        all.sort_unstable();
        all
    }

    /// Its two columns: what learners may see, and the key. Items and choices stand in the former in an order
    /// that is drawn by the question's id, for theirs may be the key (Q14).
    pub fn split(&self, id: Uuid) -> (OptionsDoc, KeyDoc) {
        let mut shown = OptionsDoc { format: 1, ..OptionsDoc::default() };
        let mut key = KeyDoc { format: 1, ..KeyDoc::default() };
        match self.clone() {
            Self::SingleChoice { options, correct, why } => {
                shown.options = options;
                key.correct = vec![correct];
                key.why = why;
            }
            Self::TrueFalse { correct } => key.truth = Some(correct),
            Self::MultipleChoice { options, correct, mode, why } => {
                shown.options = options;
                key.correct = correct;
                key.choice_mode = Some(mode);
                key.why = why;
            }
            Self::Numeric { keys, decimal_comma } => {
                key.numbers = keys;
                key.decimal_comma = decimal_comma;
            }
            Self::ShortText { keys, case_sensitive } => {
                key.texts = keys;
                key.case_sensitive = case_sensitive;
            }
            Self::FillBlanks { blanks, case_sensitive } => {
                shown.blanks = blanks.iter().map(|b| b.id.clone()).collect();
                key.blanks = blanks;
                key.case_sensitive = case_sensitive;
            }
            Self::Matching { stems, choices, correct } => {
                shown.stems = stems;
                key.choices = choices.iter().map(|c| c.id.clone()).collect();
                shown.choices = disordered(choices, COLUMN, &id.to_string());
                key.pairs = correct;
            }
            Self::Ordering { items, mode } => {
                key.correct = items.iter().map(|i| i.id.clone()).collect();
                key.order_mode = Some(mode);
                shown.items = out_of_order(&items, COLUMN, &id.to_string());
            }
            Self::Essay { rubric, staff_notes } => {
                key.rubric = rubric;
                key.staff_notes = staff_notes;
            }
        }
        (shown, key)
    }

    /// The question put together again from its type and its two columns.
    ///
    /// # Errors
    /// When they do not fit together.
    pub fn join(question_type: QuestionType, options: &str, key: &str) -> Result<Self, NotAQuestion> {
        let fail = |e: &dyn std::fmt::Display| NotAQuestion(e.to_string());
        let shown: OptionsDoc = tolerant::read(options).map_err(|e| fail(&e))?;
        let key: KeyDoc = tolerant::read(key).map_err(|e| fail(&e))?;
        let missing = |what: &str| NotAQuestion(format!("no {what}"));
        Ok(match question_type {
            QuestionType::SingleChoice => Self::SingleChoice {
                options: shown.options,
                correct: key.correct.into_iter().next().ok_or_else(|| missing("key"))?,
                why: key.why,
            },
            QuestionType::TrueFalse => Self::TrueFalse { correct: key.truth.ok_or_else(|| missing("key"))? },
            QuestionType::MultipleChoice => Self::MultipleChoice {
                options: shown.options,
                correct: key.correct,
                mode: key.choice_mode.ok_or_else(|| missing("mode"))?,
                why: key.why,
            },
            QuestionType::Numeric => Self::Numeric { keys: key.numbers, decimal_comma: key.decimal_comma },
            QuestionType::ShortText => Self::ShortText { keys: key.texts, case_sensitive: key.case_sensitive },
            QuestionType::FillBlanks => Self::FillBlanks { blanks: key.blanks, case_sensitive: key.case_sensitive },
            QuestionType::Matching => Self::Matching {
                stems: shown.stems,
                choices: as_listed(&shown.choices, &key.choices).ok_or_else(|| missing("choice"))?,
                correct: key.pairs,
            },
            QuestionType::Ordering => Self::Ordering {
                items: as_listed(&shown.items, &key.correct).ok_or_else(|| missing("item"))?,
                mode: key.order_mode.ok_or_else(|| missing("mode"))?,
            },
            QuestionType::Essay => Self::Essay { rubric: key.rubric, staff_notes: key.staff_notes },
        })
    }

    /// What a learner may see of it (Q14), with items and choices in the order that the seed draws (A11).
    pub fn view(&self, id: Uuid, text: &str, points: Points, seed: i64) -> QuestionView {
        let (mut shown, _) = self.split(id);
        let label = id.to_string();
        match self {
            Self::TrueFalse { .. } => {
                shown.options = vec![Labelled::new("true", "true"), Labelled::new("false", "false")];
            }
            Self::Matching { .. } => shown.choices = disordered(shown.choices, seed, &label),
            Self::Ordering { items, .. } => shown.items = out_of_order(items, seed, &label),
            _ => {}
        }
        QuestionView {
            id,
            question_type: self.question_type(),
            text: text.to_owned(),
            points,
            options: shown.options,
            stems: shown.stems,
            choices: shown.choices,
            items: shown.items,
            blanks: shown.blanks,
        }
    }

    /// The key as it is shown once the policy reveals it: without rubric and staff notes.
    pub fn learner_key(&self) -> serde_json::Value {
        let (_, mut key) = self.split(Uuid::nil());
        key.choices = Vec::new();
        key.rubric = None;
        key.staff_notes = String::new();
        serde_json::to_value(key).unwrap_or(serde_json::Value::Null)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn q14_the_learner_column_and_view_hold_no_key() {
        let body = QuestionBody::MultipleChoice {
            options: vec![Labelled::new("a", "Alpha"), Labelled::new("b", "Beta")],
            correct: vec!["b".into()],
            mode: ChoiceMode::NetCorrect,
            why: BTreeMap::from([("b".into(), "SECRET-WHY".into())]),
        };
        let (shown, key) = body.split(Uuid::nil());
        let shown = serde_json::to_string(&shown).unwrap();
        assert!(!shown.contains("SECRET") && !shown.contains("correct"));
        let view = serde_json::to_string(&body.view(Uuid::nil(), "?", Points::ZERO, 1)).unwrap();
        assert!(!view.contains("SECRET") && !view.contains("correct"));
        let back = QuestionBody::join(QuestionType::MultipleChoice, &shown, &serde_json::to_string(&key).unwrap());
        assert_eq!(back.unwrap(), body);
    }

    fn labelled(ids: impl Iterator<Item = usize>) -> Vec<Labelled> {
        ids.map(|n| Labelled::new(n.to_string(), format!("text {n}"))).collect()
    }

    fn columns(body: &QuestionBody, id: Uuid) -> (OptionsDoc, String, String) {
        let (shown, key) = body.split(id);
        let texts = (serde_json::to_string(&shown).unwrap(), serde_json::to_string(&key).unwrap());
        (shown, texts.0, texts.1)
    }

    #[test]
    fn q14_an_ordering_is_never_shown_in_the_order_of_its_key() {
        for n in 2..=100_usize {
            // The key goes down, so that an order of the texts is not the key either.
            let items = labelled((0..n).rev());
            let body = QuestionBody::Ordering { items: items.clone(), mode: OrderMode::Absolute };
            let (mut shown_as, mut seen_as) = (std::collections::BTreeSet::new(), std::collections::BTreeSet::new());
            for seed in 1..=40_u128 {
                let id = Uuid::from_u128(seed);
                let (shown, options, key) = columns(&body, id);
                assert_eq!(QuestionBody::join(QuestionType::Ordering, &options, &key).unwrap(), body);
                let seen = body.view(Uuid::nil(), "?", Points::ZERO, i64::try_from(seed).unwrap()).items;
                if n > 2 {
                    assert_ne!(shown.items, items, "{n} items, question {id}");
                    assert_ne!(seen, items, "{n} items, seed {seed}");
                }
                let ids = |list: Vec<Labelled>| list.into_iter().map(|l| l.id).collect::<Vec<_>>();
                shown_as.insert(ids(shown.items));
                seen_as.insert(ids(seen));
            }
            // Neither is there one order for all: of two items both are seen.
            let least = [2, 5].get(n - 2).copied().unwrap_or(10);
            assert!(shown_as.len() >= least && seen_as.len() >= least, "{n} items: {shown_as:?}");
        }
    }

    /// The same items with another key look the same, so that who knows how orders are drawn learns nothing.
    #[test]
    fn q14_what_is_shown_does_not_hang_on_the_key() {
        let (one, other) = (labelled(0..6), labelled([3, 1, 5, 0, 2, 4].into_iter()));
        let ordering = |items: &[Labelled]| QuestionBody::Ordering { items: items.to_vec(), mode: OrderMode::Absolute };
        let matching = |choices: &[Labelled]| QuestionBody::Matching {
            stems: labelled(10..16),
            correct: (10..16).zip(choices).map(|(stem, choice)| (stem.to_string(), choice.id.clone())).collect(),
            choices: choices.to_vec(),
        };
        for seed in 1..=40_u128 {
            let id = Uuid::from_u128(seed);
            for (a, b) in [(ordering(&one), ordering(&other)), (matching(&one), matching(&other))] {
                assert_eq!(a.split(id).0, b.split(id).0);
                let view = |body: &QuestionBody| body.view(id, "?", Points::ZERO, i64::try_from(seed).unwrap());
                assert_eq!(view(&a), view(&b));
            }
        }
    }

    #[test]
    fn q14_choices_are_never_shown_by_their_stems() {
        for n in 2..=20_usize {
            let choices = labelled((0..n).rev());
            let correct = (0..n).map(|at| (at.to_string(), (n - 1 - at).to_string())).collect();
            let body = QuestionBody::Matching { stems: labelled(0..n), choices: choices.clone(), correct };
            let (mut shown_right, mut seen_right) = (0, 0);
            for seed in 1..=60_u128 {
                let (shown, options, key) = columns(&body, Uuid::from_u128(seed));
                assert_eq!(QuestionBody::join(QuestionType::Matching, &options, &key).unwrap(), body);
                shown_right += usize::from(shown.choices == choices);
                let seen = body.view(Uuid::nil(), "?", Points::ZERO, i64::try_from(seed).unwrap());
                seen_right += usize::from(seen.choices == choices);
            }
            let most = if n == 2 { 45 } else { 25 };
            assert!(shown_right < most && seen_right < most, "{n} choices: {shown_right}, {seen_right} of 60");
            assert!(!body.learner_key().to_string().contains("choices"), "the key is the pairs");
        }
    }
}
