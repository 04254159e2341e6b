//! Quizzes, their questions, and the immutable revisions that attempts refer to.

use super::question::QuestionType;
use super::table::{Json, record, words};
use super::{AiGrading, AiLogId, BasisPoints, LessonId, Points, QuestionId, QuizId, RevisionId, Timestamp};

words! {
    /// Which attempt counts (A9).
    pub enum KeptScore {
        /// The best.
        Highest = "highest",
        /// The last by number.
        Latest = "latest",
        /// The first by number.
        First = "first",
        /// All together.
        Average = "average",
    }
}
words! {
    /// When a learner sees keys and explanations (Q14).
    pub enum Reveal {
        /// Never.
        Never = "never",
        /// Once the attempt is submitted.
        AfterSubmit = "after_submit",
        /// Once the attempt is graded.
        AfterGraded = "after_graded",
        /// Once no attempt is left, or the quiz is passed.
        AfterLastAttemptOrPass = "after_last_attempt_or_pass",
    }
}

record! {
    /// A quiz, as staff see it.
    pub struct Quiz in "quizzes" {
        /// The id.
        pub id: QuizId,
        /// The lesson.
        pub lesson_id: LessonId,
        /// The title, 1 to 200 characters.
        pub title: String,
        /// What it is about, at most 20,000 characters.
        pub description: String,
        /// Its place among the lesson's quizzes.
        pub order_index: i64,
        /// Whether learners can see it.
        pub is_published: bool,
        /// Whether it counts for completion (P7).
        pub is_required: bool,
        /// What the kept score must reach; without one, submitting counts as done (A10).
        pub pass_threshold_bp: Option<BasisPoints>,
        /// How many attempts; unlimited when absent (A3).
        pub max_attempts: Option<i64>,
        /// Seconds for one attempt; unlimited when absent (A4).
        pub time_limit_seconds: Option<i64>,
        /// Seconds after the deadline in which work is still taken (A5).
        pub grace_seconds: i64,
        /// Which attempt counts.
        pub kept_score: KeptScore,
        /// When keys are shown.
        pub reveal: Reveal,
        /// Whether questions are shuffled for each attempt (A11).
        pub shuffle_questions: bool,
        /// Whether options are shuffled for each attempt (A11).
        pub shuffle_options: bool,
        /// How much it weighs in the course score; 0 = not counted (M7).
        pub weight: i64,
        /// Questions that a regrade took out or gave away, for later attempts too (A12); see
        /// [`Adjustments`](super::Adjustments).
        pub adjustments: Json,
        /// Whether AI grades its essays (Q12, S11).
        pub ai_grading: AiGrading,
        /// Below this confidence an AI grade becomes a suggestion.
        pub ai_confidence_bp: BasisPoints,
        /// Days within which a learner may ask for a review of a grade; unlimited when absent (S16).
        pub review_days: Option<i64>,
        /// No start before this instant (X3).
        pub opens_at: Option<Timestamp>,
        /// No start, and no work, after this instant (X3, A4).
        pub closes_at: Option<Timestamp>,
        /// Whether AI made it (L4).
        pub is_ai_generated: bool,
        /// The ai_logs row it came from.
        pub ai_log_id: Option<AiLogId>,
        /// When a person first edited what AI made.
        pub ai_edited_at: Option<Timestamp>,
        /// The quiz it was copied from.
        pub copied_from: Option<QuizId>,
        /// The host's own data (L8).
        pub metadata: Json,
        /// The row's version; an edit of a question bumps it too (L5).
        pub version: i64,
        /// When the row was made.
        pub created_at: Timestamp,
        /// When the row last changed.
        pub updated_at: Timestamp,
    }
}

record! {
    /// A question of a quiz's draft, key included: a staff type (Q14).
    pub struct QuizQuestion in "quiz_questions" {
        /// The id.
        pub id: QuestionId,
        /// The quiz.
        pub quiz_id: QuizId,
        /// Its type.
        pub question_type: QuestionType,
        /// The stem.
        pub text: String,
        /// What a learner may see: options, stems, items.
        pub options: Json,
        /// What a learner may not see: the key, explanations per option, rubric, notes.
        pub correct_answer: Json,
        /// What it is worth.
        pub points: Points,
        /// What a wrong answer takes off (Q13).
        pub negative_points: Option<Points>,
        /// Shown with the key (Q14).
        pub explanation: String,
        /// The sentence of the lesson it was made from.
        pub source_quote: Option<String>,
        /// Its place among the quiz's questions.
        pub order_index: i64,
        /// Whether AI made it (L4).
        pub is_ai_generated: bool,
        /// The ai_logs row it came from.
        pub ai_log_id: Option<AiLogId>,
        /// When a person first edited what AI made.
        pub ai_edited_at: Option<Timestamp>,
        /// The question it was copied from.
        pub copied_from: Option<QuestionId>,
        /// When the row was made.
        pub created_at: Timestamp,
        /// When the row last changed.
        pub updated_at: Timestamp,
    }
}

record! {
    /// A quiz as it was when somebody started it (Q15). Immutable; made once per distinct content.
    pub struct QuizRevision in "quiz_revisions" {
        /// Derived from the quiz and the content, so that equal content is one row.
        pub id: RevisionId,
        /// The quiz.
        pub quiz_id: QuizId,
        /// The questions with their keys; see [`RevisionContent`](super::RevisionContent).
        pub content: Json,
        /// What all questions together are worth.
        pub possible: Points,
        /// When it was made.
        pub created_at: Timestamp,
    }
}
