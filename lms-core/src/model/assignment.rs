//! Assignments.

use super::table::{Json, record, words};
use super::{AiLogId, AssignmentId, BasisPoints, LessonId, Points, Timestamp};

words! {
    /// When an assignment counts as met (P2).
    pub enum MetBy {
        /// Handing in is enough.
        Submitted = "submitted",
        /// The current grade must reach the pass mark.
        Passed = "passed",
    }
}
words! {
    /// When a new version may be handed in (S2).
    pub enum Resubmission {
        /// Never.
        Never = "never",
        /// Until the due instant.
        UntilDue = "until_due",
        /// Until the cut-off.
        UntilCutoff = "until_cutoff",
        /// After the work was returned.
        AfterReturn = "after_return",
        /// Until passed.
        UntilPass = "until_pass",
    }
}
words! {
    /// When a learner sees the grade (S14).
    pub enum Posting {
        /// At once.
        Auto = "auto",
        /// When staff post it.
        Manual = "manual",
    }
}
words! {
    /// Whether AI grades (S11).
    pub enum AiGrading {
        /// Never.
        Off = "off",
        /// AI suggests, a person decides.
        Suggest = "suggest",
        /// AI grades; a review trigger makes it a suggestion.
        Apply = "apply",
    }
}
words! {
    /// The interval of a late penalty (S7).
    pub enum PenaltyInterval {
        /// Per started hour.
        Hour = "hour",
        /// Per started day.
        Day = "day",
    }
}

record! {
    /// An assignment, as staff see it.
    pub struct Assignment in "assignments" {
        /// The id.
        pub id: AssignmentId,
        /// The lesson.
        pub lesson_id: LessonId,
        /// The title, 1 to 200 characters.
        pub title: String,
        /// What is to be done, CommonMark.
        pub description: String,
        /// When it is due, an instant (S4).
        pub due_date: Option<Timestamp>,
        /// IANA zone in which the due date is shown.
        pub due_zone: Option<String>,
        /// After this no new work is taken (S5).
        pub cutoff_date: Option<Timestamp>,
        /// No work before this instant.
        pub available_from: Option<Timestamp>,
        /// What it is worth.
        pub max_grade: Points,
        /// Its place among the lesson's assignments.
        pub order_index: i64,
        /// Whether learners can see it.
        pub is_published: bool,
        /// Whether it counts for completion (P7).
        pub is_required: bool,
        /// When it counts as met.
        pub met_by: MetBy,
        /// What the grade must reach where `met_by` is passed.
        pub pass_threshold_bp: Option<BasisPoints>,
        /// When a new version may be handed in.
        pub resubmission: Resubmission,
        /// How many versions; unlimited when absent.
        pub max_versions: Option<i64>,
        /// Seconds after due that still count as on time (S5).
        pub grace_seconds: i64,
        /// Off per started interval, in basis points of possible (S7).
        pub penalty_bp: Option<BasisPoints>,
        /// The interval.
        pub penalty_interval: Option<PenaltyInterval>,
        /// The penalty takes nothing below this share of possible.
        pub penalty_floor_bp: Option<BasisPoints>,
        /// When grades are shown.
        pub posting: Posting,
        /// Whether AI grades.
        pub ai_grading: AiGrading,
        /// Below this confidence an AI grade becomes a suggestion.
        pub ai_confidence_bp: BasisPoints,
        /// Days within which a learner may ask for a review of a grade; unlimited when absent (S16).
        pub review_days: Option<i64>,
        /// The rubric; see [`Rubric`](super::Rubric).
        pub rubric: Option<Json>,
        /// How much it weighs in the course score; 0 = not counted (M7).
        pub weight: i64,
        /// Whether AI made it (L4).
        pub is_ai_generated: bool,
        /// The ai_logs row it came from.
        pub ai_log_id: Option<AiLogId>,
        /// When a person first edited what AI made.
        pub ai_edited_at: Option<Timestamp>,
        /// The assignment it was copied from.
        pub copied_from: Option<AssignmentId>,
        /// The host's own data (L8).
        pub metadata: Json,
        /// The row's version (L5).
        pub version: i64,
        /// When the row was made.
        pub created_at: Timestamp,
        /// When the row last changed.
        pub updated_at: Timestamp,
    }
}
