//! Enrollments, and what staff grant to one learner.

use super::table::{Json, record, words};
use super::{AssignmentId, CourseId, EnrollmentId, LessonId, QuizId, RowId, Timestamp, UserId};

words! {
    /// Whether an enrollment can be used (E2).
    pub enum EnrollmentStatus {
        /// Yes, within its dates.
        Active = "active",
        /// Not now.
        Suspended = "suspended",
        /// Given up; everything is kept.
        Withdrawn = "withdrawn",
    }
}
words! {
    /// Where an enrollment came from (E6).
    pub enum EnrollmentSource {
        /// The learner.
        SelfEnrolled = "self",
        /// The course's staff.
        Staff = "staff",
        /// A shop or another part of the host.
        System = "system",
        /// An import.
        Import = "import",
    }
}

record! {
    /// One person in one course (E2): everything that they do in it hangs here.
    pub struct Enrollment in "enrollments" {
        /// The id.
        pub id: EnrollmentId,
        /// The course.
        pub course_id: CourseId,
        /// The learner.
        pub student_id: UserId,
        /// Whether it can be used.
        pub status: EnrollmentStatus,
        /// Not usable before.
        pub starts_at: Option<Timestamp>,
        /// Not usable from then on.
        pub ends_at: Option<Timestamp>,
        /// Where it came from.
        pub source: EnrollmentSource,
        /// The host's own reference (an order id), unique per course where given.
        pub external_ref: Option<String>,
        /// Staff in their own course: left out of analytics (E5).
        pub is_staff: bool,
        /// Published required lessons that are completed or waived.
        pub lessons_done: i64,
        /// Published required quizzes that are met.
        pub quizzes_met: i64,
        /// Published required assignments that are met.
        pub assignments_met: i64,
        /// When the course was completed; sticky (P7).
        pub completed_at: Option<Timestamp>,
        /// When course_opened was last written (V3).
        pub opened_at: Option<Timestamp>,
        /// Why staff last set the progress back (P7).
        pub reset_reason: Option<String>,
        /// The host's own data (L8).
        pub metadata: Json,
        /// The version of everything this learner does in the course.
        pub version: i64,
        /// When the row was made.
        pub created_at: Timestamp,
        /// When the row last changed.
        pub updated_at: Timestamp,
    }
}

words! {
    /// Where a date of a learner comes from (S6).
    pub enum OverrideMode {
        /// From the item.
        Inherit = "inherit",
        /// There is none for this learner.
        None = "none",
        /// From the override.
        Value = "value",
    }
}

record! {
    /// What staff granted one learner for one item (S6): dates of their own, more time, more attempts, or nothing due.
    pub struct Override in "overrides" {
        /// The row's id.
        pub id: RowId,
        /// The learner's enrollment.
        pub enrollment_id: EnrollmentId,
        /// The course, copied from the enrollment.
        pub course_id: CourseId,
        /// The learner, copied from the enrollment.
        pub student_id: UserId,
        /// The lesson, where it is one.
        pub lesson_id: Option<LessonId>,
        /// The quiz, where it is one.
        pub quiz_id: Option<QuizId>,
        /// The assignment, where it is one.
        pub assignment_id: Option<AssignmentId>,
        /// Where `available_from` comes from.
        pub available_from_mode: OverrideMode,
        /// The learner's own opening instant.
        pub available_from: Option<Timestamp>,
        /// Where `due_date` comes from.
        pub due_mode: OverrideMode,
        /// The learner's own due instant.
        pub due_date: Option<Timestamp>,
        /// Where `cutoff_date` comes from; for a quiz its close.
        pub cutoff_mode: OverrideMode,
        /// The learner's own cut-off.
        pub cutoff_date: Option<Timestamp>,
        /// The time limit is multiplied by this, in basis points; 10000 = as it is.
        pub time_multiplier_bp: i64,
        /// Seconds added to the time limit.
        pub extra_seconds: i64,
        /// Attempts added to the limit.
        pub extra_attempts: i64,
        /// Whether the learner is excused from the item (S8).
        pub excused: bool,
        /// Why.
        pub reason: String,
        /// Who granted it.
        pub granted_by: UserId,
        /// When the row was made.
        pub created_at: Timestamp,
        /// When the row last changed.
        pub updated_at: Timestamp,
    }
}

record! {
    /// Counts as met without having been done (P12).
    pub struct Waiver in "waivers" {
        /// The row's id.
        pub id: RowId,
        /// The learner's enrollment.
        pub enrollment_id: EnrollmentId,
        /// The course, copied from the enrollment.
        pub course_id: CourseId,
        /// The learner, copied from the enrollment.
        pub student_id: UserId,
        /// The lesson, where it is one.
        pub lesson_id: Option<LessonId>,
        /// The quiz, where it is one.
        pub quiz_id: Option<QuizId>,
        /// The assignment, where it is one.
        pub assignment_id: Option<AssignmentId>,
        /// Why.
        pub reason: String,
        /// Who granted it.
        pub granted_by: UserId,
        /// When.
        pub created_at: Timestamp,
    }
}
