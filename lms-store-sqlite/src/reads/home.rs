//! What a learner sees first: one query per table, however many courses they have (G2).

use lms_core::model::table::Record;
use lms_core::model::*;
use lms_core::store::{AttemptHead, CourseStructure, HomeRecord, LearnerRecord, SubmissionHead, TopicHead};
use rusqlite::{Connection, params};

use super::learning::own;
use crate::error::Result;
use crate::rows::{id, select, time};

/// The courses that the learner ?1 is active in.
const COURSES: &str = "SELECT course_id FROM enrollments WHERE student_id = ?1 AND status = 'active'";

/// The rows of those courses.
struct Courses<'c> {
    conn: &'c Connection,
    student: UserId,
}

impl Courses<'_> {
    /// Those that name their course.
    fn own<R: Record>(&self, order: &str) -> Result<Vec<R>> {
        select(self.conn, &format!("WHERE t.course_id IN ({COURSES}) ORDER BY {order}"), [id(self.student)])
    }

    /// Those that name a lesson of it, by lesson.
    fn of_lessons<R: Record>(&self, order: &str) -> Result<Vec<R>> {
        let tail = format!(
            "JOIN lessons AS l ON l.id = t.lesson_id WHERE l.course_id IN ({COURSES}) ORDER BY t.lesson_id, {order}"
        );
        select(self.conn, &tail, [id(self.student)])
    }

    /// What the learner has in it, by enrollment.
    fn of_learner<R: Record>(&self, order: &str) -> Result<Vec<R>> {
        let tail = format!(
            "JOIN enrollments AS e ON e.id = t.enrollment_id
             WHERE e.student_id = ?1 AND e.status = 'active' ORDER BY t.enrollment_id, {order}"
        );
        select(self.conn, &tail, [id(self.student)])
    }
}

pub(crate) fn home(conn: &Connection, student: UserId, since: Timestamp) -> Result<HomeRecord> {
    let certificates: Vec<Certificate> =
        select(conn, "WHERE t.student_id = ?1 ORDER BY t.issued_at, t.id", [id(student)])?;
    let marks = select(
        conn,
        "WHERE t.student_id = ?1 AND t.subject_type = 'answer'
           AND t.subject_id IN (SELECT g.subject_id FROM grade_history AS g
                                WHERE g.student_id = ?1 AND g.subject_type = 'answer' AND g.at >= ?2)
         ORDER BY t.subject_id, t.question_id, t.seq",
        params![id(student), time(since)],
    )?;
    let reviews = select(
        conn,
        "JOIN enrollments AS e ON e.id = t.enrollment_id
         WHERE e.student_id = ?1 AND t.answered_at >= ?2 ORDER BY t.id",
        params![id(student), time(since)],
    )?;
    Ok(HomeRecord { courses: courses(conn, student, &certificates)?, marks, reviews, certificates })
}

fn courses(
    conn: &Connection,
    student: UserId,
    certificates: &[Certificate],
) -> Result<Vec<(CourseStructure, LearnerRecord)>> {
    let enrollments: Vec<Enrollment> =
        select(conn, "WHERE t.student_id = ?1 AND t.status = 'active' ORDER BY t.id", [id(student)])?;
    if enrollments.is_empty() {
        return Ok(Vec::new());
    }
    let of = Courses { conn, student };
    let courses: Vec<Course> = select(conn, &format!("WHERE t.id IN ({COURSES})"), [id(student)])?;
    let objectives: Vec<Objective> = of.own("t.course_id, t.order_index")?;
    let lessons: Vec<Lesson> = of.own("t.course_id, t.order_index")?;
    let requires: Vec<LessonRequirement> = of.of_lessons("t.requires_id")?;
    let topics: Vec<TopicHead> = of.of_lessons("t.order_index")?;
    let quizzes: Vec<Quiz> = of.of_lessons("t.order_index")?;
    let assignments: Vec<Assignment> = of.of_lessons("t.order_index")?;
    let progress: Vec<LessonProgress> = of.of_learner("t.id")?;
    let views: Vec<TopicView> = of.of_learner("t.id")?;
    let results: Vec<QuizResult> = of.of_learner("t.id")?;
    let attempts: Vec<AttemptHead> = of.of_learner("t.quiz_id, t.attempt_no")?;
    let submissions: Vec<SubmissionHead> = of.of_learner("t.assignment_id, t.version_no")?;
    let waivers: Vec<Waiver> = of.of_learner("t.id")?;
    let overrides: Vec<Override> = of.of_learner("t.id")?;
    let mut found = Vec::with_capacity(enrollments.len());
    for enrollment in enrollments {
        let (course, key) = (enrollment.course_id, enrollment.id);
        let Some(row) = courses.iter().find(|c| c.id == course) else { continue };
        let lessons = own(&lessons, course, |l| l.course_id);
        // In the order of the lessons, as everywhere.
        let structure = CourseStructure {
            course: row.clone(),
            objectives: own(&objectives, course, |o| o.course_id),
            requires: {
                let mut ids: Vec<LessonId> = lessons.iter().map(|l| l.id).collect();
                ids.sort_unstable();
                ids.into_iter().flat_map(|lesson| own(&requires, lesson, |r| r.lesson_id)).collect()
            },
            topics: lessons.iter().flat_map(|l| own(&topics, l.id, |t| t.lesson_id)).collect(),
            quizzes: lessons.iter().flat_map(|l| own(&quizzes, l.id, |q| q.lesson_id)).collect(),
            assignments: lessons.iter().flat_map(|l| own(&assignments, l.id, |a| a.lesson_id)).collect(),
            lessons,
        };
        let record = LearnerRecord {
            progress: own(&progress, key, |r| r.enrollment_id),
            views: own(&views, key, |r| r.enrollment_id),
            results: own(&results, key, |r| r.enrollment_id),
            attempts: own(&attempts, key, |r| r.enrollment_id),
            submissions: own(&submissions, key, |r| r.enrollment_id),
            waivers: own(&waivers, key, |r| r.enrollment_id),
            overrides: own(&overrides, key, |r| r.enrollment_id),
            certificate: certificates.iter().find(|c| c.course_id == course).cloned(),
            enrollment,
        };
        found.push((structure, record));
    }
    Ok(found)
}
