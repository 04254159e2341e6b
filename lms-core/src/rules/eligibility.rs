//! Whether a learner qualifies for a certificate, and what is missing (C1).

use serde::Serialize;
use uuid::Uuid;

use super::completion::{assignment_met, quiz_met, works};
use crate::model::{CertificatePolicy, EnrollmentStatus};
use crate::store::{CourseStructure, LearnerRecord};

/// One thing that keeps a learner from a certificate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[serde(tag = "code", rename_all = "snake_case")]
pub enum Blocker {
    /// The course gives no certificates.
    NotOffered,
    /// Not enrolled, or not actively.
    Enrollment,
    /// The course has no published required lesson.
    NoContent,
    /// Lessons are not complete.
    LessonsLeft {
        /// Which.
        ids: Vec<Uuid>,
    },
    /// Quizzes are not met.
    QuizzesNotPassed {
        /// Which.
        ids: Vec<Uuid>,
    },
    /// Assignments are not met.
    AssignmentsLeft {
        /// Which.
        ids: Vec<Uuid>,
    },
    /// Work is handed in and waits for a grade.
    GradesPending {
        /// Which quizzes and assignments.
        ids: Vec<Uuid>,
    },
}

/// Every blocker; none = eligible. Completion is sticky: who completed once stays eligible (P4).
pub fn blockers(structure: &CourseStructure, record: Option<&LearnerRecord>) -> Vec<Blocker> {
    let mut found = Vec::new();
    if structure.course.certificates == CertificatePolicy::None {
        found.push(Blocker::NotOffered);
    }
    let Some(record) = record else {
        found.push(Blocker::Enrollment);
        return found;
    };
    if record.enrollment.completed_at.is_some() {
        return found;
    }
    if record.enrollment.status != EnrollmentStatus::Active {
        found.push(Blocker::Enrollment);
    }
    if !structure.lessons.iter().any(crate::model::Lesson::counts) {
        found.push(Blocker::NoContent);
    }
    let (mut lessons, mut quizzes, mut assignments, mut pending) = (vec![], vec![], vec![], vec![]);
    for work in works(structure, record).iter().filter(|w| w.lesson.is_published) {
        if work.lesson.is_required && !work.lesson_done() {
            lessons.push(work.lesson.id.uuid());
        }
        for quiz in work.quizzes.iter().filter(|q| q.is_published && q.is_required) {
            if !quiz_met(quiz, work.result(quiz.id), &work.waivers, &work.overrides) {
                quizzes.push(quiz.id.uuid());
                if record
                    .attempts
                    .iter()
                    .any(|a| a.quiz_id == quiz.id && a.state == crate::model::AttemptState::PendingReview)
                {
                    pending.push(quiz.id.uuid());
                }
            }
        }
        for assignment in work.assignments.iter().filter(|a| a.is_published && a.is_required) {
            if !assignment_met(assignment, &work.submissions, &work.waivers, &work.overrides) {
                assignments.push(assignment.id.uuid());
                if work
                    .submissions
                    .iter()
                    .any(|s| s.assignment_id == assignment.id && s.state == crate::model::SubmissionState::Submitted)
                {
                    pending.push(assignment.id.uuid());
                }
            }
        }
    }
    if !lessons.is_empty() {
        found.push(Blocker::LessonsLeft { ids: lessons });
    }
    if !quizzes.is_empty() {
        found.push(Blocker::QuizzesNotPassed { ids: quizzes });
    }
    if !assignments.is_empty() {
        found.push(Blocker::AssignmentsLeft { ids: assignments });
    }
    if !pending.is_empty() {
        found.push(Blocker::GradesPending { ids: pending });
    }
    found
}
