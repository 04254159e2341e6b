//! Submissions and the append-only history of their grades.

use super::table::{Json, record, words};
use super::{AiLogId, AssignmentId, AttemptId, CourseId, EnrollmentId, Points, RowId, SubmissionId, Timestamp, UserId};
use uuid::Uuid;

words! {
    /// Where a version stands (S1).
    pub enum SubmissionState {
        /// Still the learner's.
        Draft = "draft",
        /// Handed in; immutable from here.
        Submitted = "submitted",
        /// Graded.
        Graded = "graded",
        /// Given back for another version.
        Returned = "returned",
    }
}
words! {
    /// Who made a mark (S9). Later words have precedence over earlier ones (S10).
    pub enum GraderKind {
        /// A key.
        Auto = "auto",
        /// A model.
        Ai = "ai",
        /// A person.
        Human = "human",
    }
}
words! {
    /// Where AI grading of a version stands (S11).
    pub enum AiGradingState {
        /// Not asked for.
        None = "none",
        /// Waiting for the grader.
        Pending = "pending",
        /// A grade was applied.
        Applied = "applied",
        /// A suggestion waits for a person.
        Suggested = "suggested",
        /// Never sent: only a URL.
        NoText = "no_text",
        /// Never sent: too little text.
        TooShort = "too_short",
        /// The model gave no valid grade; a person must.
        Failed = "failed",
    }
}
impl AiGradingState {
    /// Why the work was never sent, as a code; none where it was, or nobody asked.
    pub const fn never_sent(self) -> Option<&'static str> {
        match self {
            Self::NoText | Self::TooShort => Some(self.as_str()),
            _ => None,
        }
    }
}
words! {
    /// Why `plagiarism_score` is absent, or that it is there (S15).
    pub enum SimilarityStatus {
        /// Not computed yet.
        Pending = "pending",
        /// Too few words.
        TooShort = "too_short",
        /// Nobody to compare with.
        NoPeers = "no_peers",
        /// Computed.
        Checked = "checked",
    }
}

record! {
    /// One version of a learner's work on an assignment (S1).
    pub struct Submission in "submissions" {
        /// The id.
        pub id: SubmissionId,
        /// The assignment.
        pub assignment_id: AssignmentId,
        /// The learner's enrollment.
        pub enrollment_id: EnrollmentId,
        /// The course, copied from the enrollment.
        pub course_id: CourseId,
        /// The learner, copied from the enrollment.
        pub student_id: UserId,
        /// 1 for the first.
        pub version_no: i64,
        /// Where it stands.
        pub state: SubmissionState,
        /// A link to the work.
        pub submission_url: Option<String>,
        /// The work as text, at most 1 MB.
        pub content: Option<String>,
        /// When it was handed in.
        pub submitted_at: Option<Timestamp>,
        /// Seconds late (S5).
        pub late_seconds: i64,
        /// The mark before any penalty.
        pub raw_grade: Option<Points>,
        /// What lateness took off.
        pub deducted: Option<Points>,
        /// The current grade (S9).
        pub grade: Option<Points>,
        /// What the grader wrote.
        pub feedback: Option<String>,
        /// Points per criterion; see [`RubricScores`](super::RubricScores).
        pub rubric_scores: Option<Json>,
        /// Who made the current mark.
        pub graded_by: Option<UserId>,
        /// What kind of grader that was.
        pub grader_kind: Option<GraderKind>,
        /// When the current mark was made.
        pub graded_at: Option<Timestamp>,
        /// When the learner may see it (S14).
        pub posted_at: Option<Timestamp>,
        /// The last entry of its grade history; 0 without one.
        pub history_seq: i64,
        /// Where AI grading stands.
        pub ai_status: AiGradingState,
        /// Why AI gave no grade, as a code; absent where it gave one or was not asked.
        pub ai_code: Option<String>,
        /// The entry of its grade history that waits for a person, if an AI suggestion does: who decides upon it says
        /// which one they have read.
        pub suggested_seq: Option<i64>,
        /// Copied share, 0 to 1; never a model's guess (S15).
        pub plagiarism_score: Option<Points>,
        /// Why there is none, or that there is.
        pub similarity_status: SimilarityStatus,
        /// The row's version.
        pub version: i64,
        /// When the row was made.
        pub created_at: Timestamp,
        /// When the row last changed.
        pub updated_at: Timestamp,
    }
}

words! {
    /// What a grade belongs to (S9).
    pub enum GradeSubject {
        /// A version of a submission.
        Submission = "submission",
        /// One answer of an attempt.
        Answer = "answer",
    }
}
words! {
    /// Why an entry of the grade history exists (S9).
    pub enum GradeCause {
        /// A mark was given.
        Graded = "graded",
        /// AI suggests a mark.
        Suggested = "suggested",
        /// A person took over a suggestion.
        Adopted = "adopted",
        /// A person refused a suggestion.
        Dismissed = "dismissed",
        /// A person took the human marks back.
        Cleared = "cleared",
        /// Dates or penalty changed.
        Recomputed = "recomputed",
        /// The maximum changed.
        Rescaled = "rescaled",
    }
}

record! {
    /// One entry of the append-only grade history (S9). Subject ids are plain: entries outlive content (D4).
    pub struct GradeEntry in "grade_history" {
        /// The row's id.
        pub id: RowId,
        /// What the grade belongs to.
        pub subject_type: GradeSubject,
        /// The submission or the attempt.
        pub subject_id: Uuid,
        /// The question of the attempt; the nil UUID for a submission.
        pub question_id: Uuid,
        /// The course.
        pub course_id: CourseId,
        /// The learner.
        pub student_id: UserId,
        /// 1 for the first; unique per subject.
        pub seq: i64,
        /// Why the entry exists.
        pub cause: GradeCause,
        /// The entry that was adopted or dismissed.
        pub ref_seq: Option<i64>,
        /// The version of the submission, or the number of the attempt.
        pub version_no: i64,
        /// The mark before any penalty.
        pub raw: Option<Points>,
        /// What lateness took off.
        pub deducted: Option<Points>,
        /// What counts.
        pub final_grade: Option<Points>,
        /// What the grader wrote.
        pub feedback: Option<String>,
        /// Points per criterion.
        pub rubric_scores: Option<Json>,
        /// Who made the raw mark.
        pub grader_id: Option<UserId>,
        /// What kind of grader that was.
        pub grader_kind: GraderKind,
        /// Who caused the entry.
        pub actor_id: Option<UserId>,
        /// Why, in the actor's words.
        pub reason: Option<String>,
        /// The ai_logs row it came from.
        pub ai_log_id: Option<AiLogId>,
        /// When.
        pub at: Timestamp,
    }
}

words! {
    /// Where a request for a review stands (S16).
    pub enum ReviewState {
        /// It waits for staff.
        Open = "open",
        /// Staff kept the grade.
        Kept = "kept",
        /// Staff changed the grade.
        Changed = "changed",
    }
}

record! {
    /// A learner asked for another look at a grade (S16): once per grade.
    pub struct ReviewRequest in "review_requests" {
        /// The row's id.
        pub id: RowId,
        /// The learner's enrollment.
        pub enrollment_id: EnrollmentId,
        /// The course, copied from the enrollment.
        pub course_id: CourseId,
        /// The learner, copied from the enrollment.
        pub student_id: UserId,
        /// The version, where the grade is one of a submission.
        pub submission_id: Option<SubmissionId>,
        /// The attempt, where the grade is one of an answer.
        pub attempt_id: Option<AttemptId>,
        /// The question of the attempt; the nil UUID for a submission.
        pub question_id: Uuid,
        /// The entry of the grade history that it is about.
        pub seq: i64,
        /// Why, in the learner's words.
        pub reason: String,
        /// Where it stands.
        pub state: ReviewState,
        /// What staff answered; the learner sees it.
        pub answer: Option<String>,
        /// Who answered.
        pub answered_by: Option<UserId>,
        /// When.
        pub answered_at: Option<Timestamp>,
        /// When it was asked for.
        pub created_at: Timestamp,
        /// When the row last changed.
        pub updated_at: Timestamp,
    }
}
