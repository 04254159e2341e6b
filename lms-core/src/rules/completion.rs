//! What counts as met, when a lesson is complete, and when the course is (P2, P5–P7).

use crate::model::{
    Assignment, AssignmentId, CompletionRule, Course, Enrollment, EnrollmentStatus, MetBy, Override, ProgressStatus,
    Quiz, QuizId, QuizResult, Score, SubmissionState, Waiver,
};
use crate::store::{CourseStructure, LearnerRecord, LessonWork, SubmissionHead};

/// The three counters of an enrollment (DETAILS 3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Published required lessons, completed or waived.
    pub lessons: i64,
    /// Published required quizzes of published lessons, met.
    pub quizzes: i64,
    /// Published required assignments of published lessons, met.
    pub assignments: i64,
}

impl std::ops::Add for Counts {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self {
            lessons: self.lessons + other.lessons,
            quizzes: self.quizzes + other.quizzes,
            assignments: self.assignments + other.assignments,
        }
    }
}
impl std::ops::Sub for Counts {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        Self {
            lessons: self.lessons - other.lessons,
            quizzes: self.quizzes - other.quizzes,
            assignments: self.assignments - other.assignments,
        }
    }
}

/// Whether a quiz is met: passed, or handed in where it has no threshold; excused or waived.
pub fn quiz_met(quiz: &Quiz, result: Option<&QuizResult>, waivers: &[Waiver], overrides: &[Override]) -> bool {
    waivers.iter().any(|w| w.quiz_id == Some(quiz.id))
        || overrides.iter().any(|o| o.quiz_id == Some(quiz.id) && o.excused)
        || result.is_some_and(|result| match quiz.pass_threshold_bp {
            Some(_) => result.passed == Some(true),
            None => result.submitted,
        })
}

/// The counted version of an assignment: the latest graded one (S3).
pub fn counted_version(assignment: AssignmentId, submissions: &[SubmissionHead]) -> Option<&SubmissionHead> {
    submissions.iter().filter(|s| s.assignment_id == assignment && s.grade.is_some()).max_by_key(|s| s.version_no)
}

/// Whether an assignment is met: handed in, or graded at the pass mark or above, as it asks;
/// excused or waived.
pub fn assignment_met(
    assignment: &Assignment,
    submissions: &[SubmissionHead],
    waivers: &[Waiver],
    overrides: &[Override],
) -> bool {
    if waivers.iter().any(|w| w.assignment_id == Some(assignment.id))
        || overrides.iter().any(|o| o.assignment_id == Some(assignment.id) && o.excused)
    {
        return true;
    }
    match assignment.met_by {
        MetBy::Submitted => {
            submissions.iter().any(|s| s.assignment_id == assignment.id && s.state != SubmissionState::Draft)
        }
        MetBy::Passed => counted_version(assignment.id, submissions).and_then(|s| s.grade).is_some_and(|grade| {
            assignment.pass_threshold_bp.is_none_or(|threshold| {
                Score { earned: grade, possible: assignment.max_grade }.passes(threshold) == Some(true)
            })
        }),
    }
}

impl LessonWork {
    /// Whether the lesson itself is complete or waived.
    pub fn lesson_done(&self) -> bool {
        self.is_completed() || self.waivers.iter().any(|w| w.lesson_id == Some(self.lesson.id))
    }

    /// Whether the learner has completed the lesson.
    pub fn is_completed(&self) -> bool {
        self.progress.as_ref().is_some_and(|p| p.status == ProgressStatus::Completed)
    }

    /// The learner's result at one of its quizzes.
    pub fn result(&self, quiz: QuizId) -> Option<&QuizResult> {
        self.results.iter().find(|r| r.quiz_id == quiz)
    }

    /// What the lesson adds to the learner's counters.
    pub fn counts(&self) -> Counts {
        if !self.lesson.is_published {
            return Counts::default();
        }
        let quizzes = self
            .quizzes
            .iter()
            .filter(|q| q.is_published && q.is_required)
            .filter(|q| quiz_met(q, self.result(q.id), &self.waivers, &self.overrides))
            .count();
        let assignments = self
            .assignments
            .iter()
            .filter(|a| a.is_published && a.is_required)
            .filter(|a| assignment_met(a, &self.submissions, &self.waivers, &self.overrides))
            .count();
        Counts {
            lessons: i64::from(self.lesson.is_required && self.lesson_done()),
            quizzes: i64::try_from(quizzes).unwrap_or(i64::MAX),
            assignments: i64::try_from(assignments).unwrap_or(i64::MAX),
        }
    }

    /// Whether the lesson's own rule completes it now (P2). Never by a manual rule.
    pub fn rule_met(&self) -> bool {
        match self.lesson.completion_rule {
            CompletionRule::Manual => false,
            CompletionRule::Viewed => self.topics > 0 && self.topics_viewed >= self.topics,
            CompletionRule::Work => {
                let mut any = false;
                let quizzes = self.quizzes.iter().filter(|q| q.is_published && q.is_required).all(|q| {
                    any = true;
                    quiz_met(q, self.result(q.id), &self.waivers, &self.overrides)
                });
                let assignments = self.assignments.iter().filter(|a| a.is_published && a.is_required).all(|a| {
                    any = true;
                    assignment_met(a, &self.submissions, &self.waivers, &self.overrides)
                });
                any && quizzes && assignments
            }
        }
    }
}

/// The totals of a course, from its structure: the recount that audit() compares with (P11).
pub fn totals(structure: &CourseStructure) -> Counts {
    let published = |lesson: crate::model::LessonId| structure.lessons.iter().any(|l| l.id == lesson && l.is_published);
    let count = |n: usize| i64::try_from(n).unwrap_or(i64::MAX);
    Counts {
        lessons: count(structure.lessons.iter().filter(|l| l.counts()).count()),
        quizzes: count(
            structure.quizzes.iter().filter(|q| q.is_published && q.is_required && published(q.lesson_id)).count(),
        ),
        assignments: count(
            structure.assignments.iter().filter(|a| a.is_published && a.is_required && published(a.lesson_id)).count(),
        ),
    }
}

/// One learner's work lesson by lesson, from the structure and the record.
pub fn works(structure: &CourseStructure, record: &LearnerRecord) -> Vec<LessonWork> {
    structure
        .lessons
        .iter()
        .map(|lesson| {
            let quizzes: Vec<Quiz> = structure.quizzes.iter().filter(|q| q.lesson_id == lesson.id).cloned().collect();
            let assignments: Vec<Assignment> =
                structure.assignments.iter().filter(|a| a.lesson_id == lesson.id).cloned().collect();
            let has_quiz = |id: Option<QuizId>| id.is_some_and(|id| quizzes.iter().any(|q| q.id == id));
            let has_assignment = |id: Option<AssignmentId>| id.is_some_and(|id| assignments.iter().any(|a| a.id == id));
            let topics: Vec<_> = structure.topics.iter().filter(|t| t.lesson_id == lesson.id).map(|t| t.id).collect();
            let viewed = record.views.iter().filter(|v| topics.contains(&v.topic_id)).count();
            LessonWork {
                lesson: lesson.clone(),
                progress: record.progress.iter().find(|p| p.lesson_id == lesson.id).cloned(),
                topics: i64::try_from(topics.len()).unwrap_or(i64::MAX),
                topics_viewed: i64::try_from(viewed).unwrap_or(i64::MAX),
                results: record.results.iter().filter(|r| has_quiz(Some(r.quiz_id))).cloned().collect(),
                submissions: record
                    .submissions
                    .iter()
                    .filter(|s| has_assignment(Some(s.assignment_id)))
                    .cloned()
                    .collect(),
                waivers: record
                    .waivers
                    .iter()
                    .filter(|w| {
                        w.lesson_id == Some(lesson.id) || has_quiz(w.quiz_id) || has_assignment(w.assignment_id)
                    })
                    .cloned()
                    .collect(),
                overrides: record
                    .overrides
                    .iter()
                    .filter(|o| {
                        o.lesson_id == Some(lesson.id) || has_quiz(o.quiz_id) || has_assignment(o.assignment_id)
                    })
                    .cloned()
                    .collect(),
                quizzes,
                assignments,
            }
        })
        .collect()
}

/// Whether the counters say that the course is complete (P6, P7): something to complete, and all of it.
pub const fn is_complete(totals: Counts, done: Counts) -> bool {
    totals.lessons > 0
        && totals.lessons == done.lessons
        && totals.quizzes == done.quizzes
        && totals.assignments == done.assignments
}

impl Course {
    /// Its three totals.
    pub const fn totals(&self) -> Counts {
        Counts { lessons: self.lessons_total, quizzes: self.quizzes_total, assignments: self.assignments_total }
    }
}

impl Enrollment {
    /// Its three counters.
    pub const fn counts(&self) -> Counts {
        Counts { lessons: self.lessons_done, quizzes: self.quizzes_met, assignments: self.assignments_met }
    }

    /// Sets its three counters.
    pub const fn set_counts(&mut self, counts: Counts) {
        self.lessons_done = counts.lessons;
        self.quizzes_met = counts.quizzes;
        self.assignments_met = counts.assignments;
    }

    /// Whether it completes the course now: active, not completed before, and everything met (P7).
    pub fn completes(&self, course: &Course) -> bool {
        self.status == EnrollmentStatus::Active
            && self.completed_at.is_none()
            && is_complete(course.totals(), self.counts())
    }

    /// Completed lessons of total lessons, for the shown percent (P5); `None` for an empty course (P6).
    pub fn percent(&self, course: &Course) -> Option<crate::model::Percent> {
        Score {
            earned: crate::model::Points::from_units(self.lessons_done.clamp(0, course.lessons_total)),
            possible: crate::model::Points::from_units(course.lessons_total),
        }
        .percent()
    }
}
