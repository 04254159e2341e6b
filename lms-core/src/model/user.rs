//! People and what they may do beyond courses.

use super::table::{Json, record, words};
use super::{CourseId, RowId, Timestamp, UserId};

words! {
    /// What a user may do beyond courses (E1). Being a learner comes from an enrollment.
    pub enum Role {
        /// Nothing beyond their own enrollments.
        Student = "student",
        /// May create courses.
        Instructor = "instructor",
        /// May do everything.
        Admin = "admin",
        /// The author of an AI's grades; never signs in.
        Ai = "ai",
    }
}

words! {
    /// What a member of a course's staff may do (E5).
    pub enum StaffRole {
        /// Everything in the course.
        Instructor = "instructor",
        /// Reads submissions and keys, and grades; nothing else.
        Grader = "grader",
    }
}

record! {
    /// A user. The row stays for ever; erasing a person blanks it (D5).
    pub struct User in "users" {
        /// The id; may be given by the host, any UUID version.
        pub id: UserId,
        /// What they may do beyond courses.
        pub role: Role,
        /// The name shown to others.
        pub display_name: String,
        /// The e-mail address, unique where given.
        pub email: Option<String>,
        /// The host's own id of this person, unique where given.
        pub external_id: Option<String>,
        /// The host's own data, an object of at most 16 KiB, never read by a rule.
        pub metadata: Json,
        /// When the person was erased; final.
        pub erased_at: Option<Timestamp>,
        /// The row's version (L5).
        pub version: i64,
        /// When the row was made.
        pub created_at: Timestamp,
        /// When the row last changed.
        pub updated_at: Timestamp,
    }
}

record! {
    /// A member of a course's staff beside its owner (E5).
    pub struct CourseStaff in "course_staff" {
        /// The row's id.
        pub id: RowId,
        /// The course.
        pub course_id: CourseId,
        /// The member.
        pub user_id: UserId,
        /// What they may do in it.
        pub role: StaffRole,
        /// When they were added.
        pub created_at: Timestamp,
    }
}
