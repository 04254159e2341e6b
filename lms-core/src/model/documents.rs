//! The documents that stand in JSON columns of quizzes and attempts. Each carries a format number.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::question::{Answer, QuestionBody, QuestionView};
use super::table::Json;
use super::tolerant::{read_leniently, tolerant};
use super::{AiGradingState, GraderKind, Points, QuestionId, QuizQuestion, Timestamp};
use crate::error::Problem;
use crate::rules::authoring::question::check_question;
use crate::rules::grading::AnswerState;
use crate::rules::shuffle::shuffled;

tolerant! {
    with { use crate::model::question::lenient::{Answer, QuestionBody}; }
    plain {
        /// One question as it was when an attempt began, key included: private (Q14, Q15).
        #[derive(Debug, Clone, PartialEq)]
        pub struct RevisionQuestion {
            /// The question.
            pub id: QuestionId,
            /// Its text.
            pub text: String,
            /// Type, options and key.
            pub body: QuestionBody,
            /// What it is worth.
            pub points: Points,
            /// What a wrong answer takes off.
            pub negative_points: Option<Points>,
            /// Shown with the key.
            pub explanation: String,
        }

        /// The content of a quiz revision: the questions in order.
        #[derive(Debug, Clone, PartialEq)]
        pub struct RevisionContent {
            /// The version of this document's shape.
            pub format: u32,
            /// The questions.
            pub questions: Vec<RevisionQuestion>,
            /// Whether each attempt has the questions in an order of its own (A11).
            #[serde(default)]
            pub shuffle_questions: bool,
            /// Whether each attempt has the options in an order of its own (A11).
            #[serde(default)]
            pub shuffle_options: bool,
        }

        /// What one learner has answered, with who said so last (A7).
        #[derive(Debug, Clone, PartialEq)]
        pub struct SavedAnswers {
            /// The version of this document's shape.
            pub format: u32,
            /// The last sequence number seen of each client.
            pub clients: BTreeMap<String, i64>,
            /// The version that the attempt had when each client last saved.
            #[serde(default)]
            pub heard: BTreeMap<String, i64>,
            /// The answers by question.
            pub answers: BTreeMap<Uuid, SavedAnswer>,
        }

        /// One saved answer.
        #[derive(Debug, Clone, PartialEq)]
        pub struct SavedAnswer {
            /// The answer; `None` once it was cleared.
            pub answer: Option<Answer>,
            /// The client that said so.
            pub client: String,
            /// When.
            pub at: Timestamp,
        }
    }
}
read_leniently!(RevisionContent, SavedAnswers);

impl RevisionQuestion {
    /// What a learner may see of it in an attempt with this seed.
    pub fn view(&self, seed: i64) -> QuestionView {
        self.body.view(self.id.uuid(), &self.text, self.points, seed)
    }
}

impl RevisionContent {
    /// The content of a quiz's questions as they stand.
    ///
    /// # Errors
    /// The first question whose stored document is none.
    pub fn of(questions: &[super::QuizQuestion]) -> Result<Self, super::QuestionId> {
        let questions = questions.iter().map(|question| question.revised().map_err(|_| question.id));
        let questions = questions.collect::<Result<_, _>>()?;
        Ok(Self { format: 1, questions, shuffle_questions: false, shuffle_options: false })
    }

    /// The questions as an attempt with this seed shows them, the same on every look (A11).
    pub fn views(&self, seed: i64) -> Vec<QuestionView> {
        let mut views: Vec<_> = self.questions.iter().map(|question| question.view(seed)).collect();
        if self.shuffle_questions {
            views = shuffled(views, seed, "questions");
        }
        if self.shuffle_options {
            for view in &mut views {
                view.shuffle_options(seed);
            }
        }
        views
    }
}

impl Default for SavedAnswers {
    fn default() -> Self {
        Self { format: 1, clients: BTreeMap::new(), heard: BTreeMap::new(), answers: BTreeMap::new() }
    }
}

/// How many clients an attempt remembers.
const CLIENTS: usize = 100;

impl SavedAnswers {
    /// A client saved: its sequence is remembered, and of more than 100 clients the one that was not heard for
    /// longest is forgotten (A7).
    pub(crate) fn hear(&mut self, client: &str, seq: i64, version: i64) {
        self.clients.insert(client.to_owned(), seq);
        self.heard.insert(client.to_owned(), version);
        while self.clients.len() > CLIENTS {
            let heard = |client: &String| self.heard.get(client).copied().unwrap_or(0);
            let Some(oldest) = self.clients.keys().min_by_key(|client| heard(client)).cloned() else { break };
            self.clients.remove(&oldest);
            self.heard.remove(&oldest);
        }
    }
}

/// How the answers of an attempt were graded.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct GradedAnswers {
    /// The version of this document's shape.
    pub format: u32,
    /// The answers, in the revision's order.
    pub answers: Vec<GradedRecord>,
}

/// How one answer was graded.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct GradedRecord {
    /// The question.
    pub question_id: QuestionId,
    /// What became of the answer.
    pub state: AnswerState,
    /// Its share of the question's points as an exact fraction "num/den"; absent while it waits.
    pub fraction: Option<String>,
    /// What it earned, rounded for showing; the total is summed exactly (N1).
    pub earned: Option<Points>,
    /// What it could earn.
    pub possible: Points,
    /// Whether a numeric answer was no number (Q7).
    #[serde(default)]
    pub not_a_number: bool,
    /// Who graded it.
    pub grader_kind: GraderKind,
    /// What the grader wrote.
    #[serde(default)]
    pub feedback: Option<String>,
    /// Where AI grading of it stands (Q12, S11).
    #[serde(default = "no_ai")]
    pub ai_status: AiGradingState,
    /// Why AI gave no grade, as a code; absent where it gave one or was not asked.
    #[serde(default)]
    pub ai_code: Option<String>,
    /// The entry of its history that waits for a person, if an AI suggestion does.
    #[serde(default)]
    pub suggested_seq: Option<i64>,
}

const fn no_ai() -> AiGradingState {
    AiGradingState::None
}

impl GradedAnswers {
    /// How many of the answers wait for the AI grader.
    pub fn ai_pending(&self) -> i64 {
        count(self.answers.iter().filter(|r| r.ai_status == AiGradingState::Pending).count())
    }

    /// How many of the answers have an AI suggestion that waits for a person.
    pub fn ai_suggested(&self) -> i64 {
        count(self.answers.iter().filter(|r| r.suggested_seq.is_some()).count())
    }
}

fn count(n: usize) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}

/// What a regrade did with a question for good (A12).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Adjustment {
    /// It counts for nothing: neither earned nor possible.
    Dropped,
    /// Everybody has full marks for it.
    FullCredit,
}

/// The adjustments of a quiz, by question.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct Adjustments {
    /// The version of this document's shape.
    pub format: u32,
    /// The questions.
    pub questions: BTreeMap<Uuid, Adjustment>,
}

impl Default for Adjustments {
    fn default() -> Self {
        Self { format: 1, questions: BTreeMap::new() }
    }
}

impl QuizQuestion {
    /// The question's type, options and key, put together from their two columns.
    ///
    /// # Errors
    /// When the columns do not fit together.
    pub fn body(&self) -> Result<QuestionBody, String> {
        QuestionBody::join(self.question_type, self.options.as_str(), self.correct_answer.as_str())
            .map_err(|e| e.to_string())
    }

    /// What is wrong with it (Q3).
    pub fn check(&self) -> Vec<Problem> {
        match self.body() {
            Ok(body) => {
                let mut problems: Vec<Problem> = check_question(&body, &self.text, self.points)
                    .into_iter()
                    .map(|p| Problem::new(p.code, p.field, p.message))
                    .collect();
                if self.explanation.chars().count() > 10_000 || self.explanation.contains('\0') {
                    problems.push(Problem::new(
                        "question.explanation",
                        "explanation",
                        "must have at most 10000 characters and no U+0000",
                    ));
                }
                let quote = self.source_quote.as_deref().unwrap_or_default();
                if quote.chars().count() > 10_000 || quote.contains('\0') {
                    problems.push(Problem::new(
                        "question.source_quote",
                        "source_quote",
                        "must have at most 10000 characters and no U+0000",
                    ));
                }
                if self.negative_points.is_some_and(|p| p.units() < 0 || p.units() > self.points.units()) {
                    problems.push(Problem::new(
                        "question.negative_points",
                        "negative_points",
                        "must be between 0 and the question's points",
                    ));
                }
                problems
            }
            Err(message) => vec![Problem::new("question.body", "body", message)],
        }
    }

    /// The question as a revision keeps it.
    ///
    /// # Errors
    /// When the columns do not fit together.
    pub fn revised(&self) -> Result<RevisionQuestion, String> {
        Ok(RevisionQuestion {
            id: self.id,
            text: self.text.clone(),
            body: self.body()?,
            points: self.points,
            negative_points: self.negative_points,
            explanation: self.explanation.clone(),
        })
    }
}

impl super::QuizAttempt {
    /// What was answered.
    ///
    /// # Errors
    /// When the stored document is not one.
    pub fn saved(&self) -> Result<SavedAnswers, serde_json::Error> {
        self.answers.read_leniently()
    }

    /// How it was graded, once it was handed in.
    ///
    /// # Errors
    /// When the stored document is not one.
    pub fn graded_answers(&self) -> Result<Option<GradedAnswers>, serde_json::Error> {
        self.graded.as_ref().map(Json::read).transpose()
    }
}

impl super::QuizRevision {
    /// What was asked.
    ///
    /// # Errors
    /// When the stored document is not one.
    pub fn questions(&self) -> Result<RevisionContent, serde_json::Error> {
        self.content.read_leniently()
    }
}
