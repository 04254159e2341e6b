//! Courses, their objectives, and jobs that finish a wide change.

use super::table::{Json, record, words};
use super::{AiLogId, AssignmentId, CourseId, JobId, LessonId, ObjectiveId, QuestionId, TemplateId, Timestamp, UserId};

words! {
    /// In which order lessons open (X2).
    pub enum Flow {
        /// Any order.
        Free = "free",
        /// Every earlier required published lesson first.
        Sequential = "sequential",
    }
}
words! {
    /// Who may join (E6).
    pub enum EnrollmentPolicy {
        /// Staff and the system only.
        Closed = "closed",
        /// Any user, while the course is published and has seats.
        Open = "open",
    }
}
words! {
    /// When certificates are issued (C1).
    pub enum CertificatePolicy {
        /// In the very batch that completes the course.
        OnCompletion = "on_completion",
        /// By staff only.
        ByHand = "by_hand",
        /// Never.
        None = "none",
    }
}

record! {
    /// A course, as staff see it.
    pub struct Course in "courses" {
        /// The id.
        pub id: CourseId,
        /// The owner, always an instructor of it.
        pub instructor_id: UserId,
        /// The title, 1 to 200 characters.
        pub title: String,
        /// What it is about, at most 20,000 characters.
        pub description: String,
        /// An https URL or an asset key.
        pub thumbnail_url: Option<String>,
        /// Whether learners can see it (L1).
        pub is_published: bool,
        /// The host's own id of the course, unique where given.
        pub external_id: Option<String>,
        /// For whom it is.
        pub audience: String,
        /// How hard it is, in the instructor's words.
        pub difficulty: String,
        /// How long it takes, in minutes.
        pub estimated_minutes: Option<i64>,
        /// BCP 47.
        pub language: String,
        /// IANA zone name in which dates are shown.
        pub time_zone: String,
        /// The order in which lessons open.
        pub flow: Flow,
        /// Who may join.
        pub enrollment: EnrollmentPolicy,
        /// The most active enrollments, if limited (E3).
        pub capacity: Option<i64>,
        /// Active enrollments now; counted only where capacity is set.
        pub seats_taken: i64,
        /// When certificates are issued.
        pub certificates: CertificatePolicy,
        /// The template version of new certificates; the built-in one when absent.
        pub certificate_template_id: Option<TemplateId>,
        /// Days for which a certificate is valid; for good when absent (C4).
        pub certificate_valid_days: Option<i64>,
        /// When it was archived (L1).
        pub archived_at: Option<Timestamp>,
        /// When it was first published.
        pub published_at: Option<Timestamp>,
        /// Whether AI made it (L4).
        pub is_ai_generated: bool,
        /// The ai_logs row it came from.
        pub ai_log_id: Option<AiLogId>,
        /// When a person first edited what AI made.
        pub ai_edited_at: Option<Timestamp>,
        /// The course it was copied from.
        pub copied_from: Option<CourseId>,
        /// The host's own data (L8).
        pub metadata: Json,
        /// Published required lessons.
        pub lessons_total: i64,
        /// Published required quizzes of published lessons.
        pub quizzes_total: i64,
        /// Published required assignments of published lessons.
        pub assignments_total: i64,
        /// The version of what learners' decisions rest on.
        pub structure_version: i64,
        /// The row's version (L5).
        pub version: i64,
        /// When the row was made.
        pub created_at: Timestamp,
        /// When the row last changed.
        pub updated_at: Timestamp,
    }
}

impl Course {
    /// Readable to its learners: published or archived (L1).
    pub const fn is_readable(&self) -> bool {
        self.is_published || self.archived_at.is_some()
    }
}

record! {
    /// A learning objective of a course (L6).
    pub struct Objective in "objectives" {
        /// The id.
        pub id: ObjectiveId,
        /// The course.
        pub course_id: CourseId,
        /// A short name, unique in the course.
        pub key: String,
        /// What a learner will be able to do.
        pub text: String,
        /// Its place among the course's objectives.
        pub order_index: i64,
        /// The row's version (L5).
        pub version: i64,
        /// When the row was made.
        pub created_at: Timestamp,
        /// When the row last changed.
        pub updated_at: Timestamp,
    }
}
record! {
    /// Links an objective to a lesson that serves it.
    pub struct ObjectiveLesson in "objective_lessons" {
        /// The objective.
        pub objective_id: ObjectiveId,
        /// The lesson.
        pub lesson_id: LessonId,
    }
}
record! {
    /// Links an objective to a question that tests it.
    pub struct ObjectiveQuestion in "objective_questions" {
        /// The objective.
        pub objective_id: ObjectiveId,
        /// The question.
        pub question_id: QuestionId,
    }
}
record! {
    /// Links an objective to an assignment that tests it.
    pub struct ObjectiveAssignment in "objective_assignments" {
        /// The objective.
        pub objective_id: ObjectiveId,
        /// The assignment.
        pub assignment_id: AssignmentId,
    }
}

words! {
    /// What a course job finishes.
    pub enum JobKind {
        /// Re-evaluate every uncompleted enrollment after a change of structure (P9).
        Reevaluate = "reevaluate",
        /// Recount every enrollment and every kept score of the course, also of those who have completed it
        /// (A9, P11).
        Repair = "repair",
        /// Compute lateness, penalty and scale of the versions of an assignment anew (S6, S12).
        Recompute = "recompute",
        /// Regrade the attempts at a quiz (A12).
        Regrade = "regrade",
    }
}
record! {
    /// A wide change that is committed and still being carried to the learners.
    pub struct CourseJob in "course_jobs" {
        /// The id.
        pub id: JobId,
        /// The course.
        pub course_id: CourseId,
        /// What it does.
        pub kind: JobKind,
        /// The time of the change; completions that follow from it carry this time.
        pub at: Timestamp,
        /// What the kind needs to know.
        pub params: Json,
        /// The last enrollment that was done.
        pub cursor: Option<super::EnrollmentId>,
        /// When it was finished.
        pub done_at: Option<Timestamp>,
    }
}
