//! What a learner has opened and completed.

use super::table::{record, words};
use super::{CourseId, EnrollmentId, LessonId, RowId, Timestamp, TopicId, UserId};

words! {
    /// Where a learner stands in a lesson (P1). No row means not started.
    pub enum ProgressStatus {
        /// Opened.
        InProgress = "in_progress",
        /// Complete; never reverts by itself (P4).
        Completed = "completed",
    }
}

record! {
    /// Where one learner stands in one lesson (P1).
    pub struct LessonProgress in "lesson_progress" {
        /// The row's id.
        pub id: RowId,
        /// The lesson.
        pub lesson_id: LessonId,
        /// The learner's enrollment.
        pub enrollment_id: EnrollmentId,
        /// The course, copied from the enrollment.
        pub course_id: CourseId,
        /// The learner, copied from the enrollment.
        pub student_id: UserId,
        /// Where they stand.
        pub status: ProgressStatus,
        /// When it was first opened.
        pub first_opened_at: Timestamp,
        /// When lesson_opened was last written (V3).
        pub opened_at: Timestamp,
        /// When it was completed.
        pub completed_at: Option<Timestamp>,
        /// Whether the learner's own mark completed it, so that it can be undone (P4).
        pub by_mark: bool,
        /// When the row was made.
        pub created_at: Timestamp,
        /// When the row last changed.
        pub updated_at: Timestamp,
    }
}

record! {
    /// One learner has seen one topic (P2).
    pub struct TopicView in "topic_views" {
        /// The row's id.
        pub id: RowId,
        /// The topic.
        pub topic_id: TopicId,
        /// The learner's enrollment.
        pub enrollment_id: EnrollmentId,
        /// The course, copied from the enrollment.
        pub course_id: CourseId,
        /// The learner, copied from the enrollment.
        pub student_id: UserId,
        /// When it was first seen.
        pub first_viewed_at: Timestamp,
        /// When topic_viewed was last written (V3).
        pub viewed_at: Timestamp,
    }
}
