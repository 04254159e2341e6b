//! A course's numbers, by the definitions of M1–M7.

use serde::{Deserialize, Serialize};

use super::Analytics;
use super::learner::{as_shown, course_score};
use crate::error::Error;
use crate::model::*;
use crate::rules::permission::{Action, Rights};
use crate::store::QuizScope;

/// How far a course's learners are (M1): active enrollments, staff left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct Completion {
    /// How many.
    pub enrolled: i64,
    /// How many of them have completed the course.
    pub completed: i64,
    /// The mean of their percents; absent when there are none, or nothing to complete.
    pub mean_percent: Option<Percent>,
    /// Completed of enrolled; absent when there are none.
    pub completed_percent: Option<Percent>,
}

/// A mean of kept scores (M2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct QuizAverage {
    /// Over how many (student, quiz) pairs.
    pub pairs: i64,
    /// The mean, truncated; absent without data.
    pub average: Option<Percent>,
}

/// How much work came in time (M4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct OnTime {
    /// Students whose counted version is on time.
    pub on_time: i64,
    /// Of how many.
    pub of: i64,
    /// The rate; absent when nobody counts.
    pub rate: Option<Percent>,
}

/// How much work for an assignment came in time (M4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct AssignmentOnTime {
    /// The assignment.
    pub assignment_id: AssignmentId,
    /// How much; in JSON its fields stand beside the id.
    #[serde(flatten)]
    pub found: OnTime,
}

/// The numbers of a course in one view.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct CourseMetrics {
    /// The course.
    pub course_id: CourseId,
    /// Completion.
    pub completion: Completion,
    /// The average over its quizzes.
    pub quizzes: QuizAverage,
    /// Distinct students who did something in the last 24 hours (M3).
    pub active_24h: i64,
    /// Of each published assignment.
    pub on_time: Vec<AssignmentOnTime>,
    /// The instant at which this was so.
    pub at: Timestamp,
}

fn percent(part: i64, of: i64) -> Option<Percent> {
    Score { earned: Points::from_units(part), possible: Points::from_units(of) }.percent()
}

/// # What the numbers mean
///
/// - **Completion** (M1): over active enrollments of people who are not staff of the course. *Mean percent*
///   = the mean of completed ÷ total published, required lessons. *Completed percent* = enrollments with
///   `completed_at` ÷ all of them. Absent when there are none.
/// - **Average quiz score** (M2): of a quiz the mean of its students' kept percents; of a lesson or a course
///   the mean over its (student, quiz) pairs. Each kept percent is floor(earned × 10⁸ ÷ possible), the
///   mean Σ ÷ n, both in whole numbers and truncated. Attempts that are open, wait for a grade or are
///   voided do not count. Absent without data.
/// - **Active students** (M3): distinct students with an event of their own doing in (now − 24 h, now]. An
///   event that is exactly 24 h old is out. The window is a parameter.
/// - **On-time rate** (M4): students whose counted version is on time ÷ students who submitted or whose
///   effective due date is over. The counted version is the latest graded one, else the latest submitted.
///   Left out: who is excused, has withdrawn, has no due date, is staff, or enrolled after the due date and
///   submitted nothing. Absent when nobody is left.
/// - **Course score** (M7): Σ weight × earned ÷ Σ weight × possible over published, graded items: quizzes by
///   kept score, assignments by current grade. Waived, excused, pending and ungraded items are out, and so
///   is what has weight 0. Absent when nothing counts; to learners over posted grades only.
///
/// A percent is cut off after two decimals, never rounded (N3).
///
/// # An example, worked out by hand
///
/// A course has four required lessons and one that is optional. Quiz A (3 questions of 1 point, weight 10) and
/// quiz B (7 questions, weight 0) stand in its first and second lesson; an essay (100 points, weight 1) is
/// due at 13:00 of Monday.
///
/// | | lessons | quiz A | quiz B | essay | last seen |
/// |---|---|---|---|---|---|
/// | Ann | 4 and the optional one: complete | 2 of 3 | 6 of 7 | 12:30, not graded | 12:30 |
/// | Ben | 3 | 1 of 3, then 3 of 3 | – | 13:00:01, 80 points | 13:00:01 |
/// | Cem | 0 | an attempt is open | – | – | 15:00 |
/// | Dora | 2; withdraws at 12:30 | 3 of 3 | – | – | 12:00:00 |
/// | Finn | 0; is enrolled at 14:00 | – | – | – | never |
/// | Ines | 1; she teaches the course | – | – | – | 12:00:01 |
///
/// On Tuesday at 12:00:00:
///
/// | number | worked out | is |
/// |---|---|---|
/// | mean percent | (4 + 3 + 0 + 0) ÷ (4 × 4) = 7 ÷ 16 | 43.75 |
/// | completed percent | Ann of Ann, Ben, Cem, Finn = 1 ÷ 4 | 25.00 |
/// | average of quiz A | (66 666 666 + 100 000 000) ÷ 2 = 83 333 333 | 83.33 |
/// | average of lesson 2 | 6 × 10⁸ ÷ 7 = 85 714 285 | 85.71 |
/// | average of the course | (66 666 666 + 85 714 285 + 100 000 000) ÷ 3 = 84 126 983 | 84.12 |
/// | active in 24 h | Ann, Ben, Cem; Dora's last event is exactly 24 h old | 3 |
/// | active in 25 h | Dora as well | 4 |
/// | on-time rate | Ann of Ann, Ben, Cem = 1 ÷ 3 | 33.33 |
/// | Ann's course score | 10 × 2 ÷ 10 × 3 = 20 ÷ 30 | 66.66 |
/// | Ben's course score | (10 × 3 + 80) ÷ (10 × 3 + 100) = 110 ÷ 130 | 84.61 |
/// | Cem's course score | nothing counts | absent |
///
/// The conformance case `m6_the_worked_example_of_the_documentation` builds this course on every store.
impl Analytics<'_> {
    async fn allow(&self, course: CourseId) -> Result<(), Error> {
        let context = self
            .s
            .store()
            .course(self.s.rights_of(), course, None)
            .await?
            .ok_or_else(|| Error::not_found(SubjectType::Course, course))?;
        Rights::of(&self.s.actor, context.actor.as_ref(), Some(&context.course), context.staff.as_ref()).require(
            Action::ReadAnalytics,
            false,
            SubjectType::Course,
            course,
        )
    }

    /// Completion of a course (M1), for its instructors.
    ///
    /// # Errors
    /// NotFound to everybody else.
    pub async fn completion(&self, course: CourseId) -> Result<Completion, Error> {
        self.allow(course).await?;
        self.completion_of(course).await
    }

    async fn completion_of(&self, course: CourseId) -> Result<Completion, Error> {
        let counts =
            self.s.store().completion(course).await?.ok_or_else(|| Error::not_found(SubjectType::Course, course))?;
        Ok(Completion {
            enrolled: counts.enrolled,
            completed: counts.completed,
            // Every learner has the same denominator, so the mean of shares is the share of sums.
            mean_percent: percent(counts.lessons_done, counts.lessons_total.saturating_mul(counts.enrolled)),
            completed_percent: percent(counts.completed, counts.enrolled),
        })
    }

    /// The average kept score of a quiz, a lesson or a course (M2), for the course's instructors.
    /// `course` is the course that it belongs to.
    ///
    /// # Errors
    /// NotFound to everybody else.
    pub async fn quiz_average(&self, course: CourseId, scope: QuizScope) -> Result<QuizAverage, Error> {
        self.allow(course).await?;
        let structure = match scope {
            QuizScope::Course(id) => (id == course).then_some(()),
            QuizScope::Lesson(_) | QuizScope::Quiz(_) => {
                let structure = self.s.store().structure(course).await?;
                structure.and_then(|s| match scope {
                    QuizScope::Lesson(id) => s.lessons.iter().any(|l| l.id == id).then_some(()),
                    QuizScope::Quiz(id) => s.quizzes.iter().any(|q| q.id == id).then_some(()),
                    QuizScope::Course(_) => None,
                })
            }
        };
        structure.ok_or_else(|| Error::not_found(SubjectType::Course, course))?;
        self.average(scope).await
    }

    async fn average(&self, scope: QuizScope) -> Result<QuizAverage, Error> {
        let sum = self.s.store().quiz_percents(scope).await?;
        let average = (sum.pairs > 0).then(|| Percent::from_hundredths((sum.sum_e8 / sum.pairs).div_euclid(10_000)));
        Ok(QuizAverage { pairs: sum.pairs, average })
    }

    /// Distinct students with an event of their own in the last `hours` (M3): in a course for its
    /// instructors, over all courses for admins and the system.
    ///
    /// # Errors
    /// Denied, NotFound; WindowGone where the window begins before what the log keeps
    /// ([`Builder::keep_events`](super::Builder::keep_events)).
    pub async fn active_students(&self, course: Option<CourseId>, hours: u32) -> Result<i64, Error> {
        match course {
            Some(course) => self.allow(course).await?,
            None => {
                if let Some(id) = self.s.rights_of() {
                    let person = self.s.store().person(Some(id), crate::store::PersonKey::Id(id)).await?;
                    if person.actor.is_none_or(|user| user.role != Role::Admin) {
                        return Err(Error::Denied { action: Action::ReadAnalytics });
                    }
                }
            }
        }
        let now = self.s.lms.now();
        let after = now.plus_seconds(-i64::from(hours) * 3_600);
        let students = self.s.store().active_students(course, after, now).await?;
        super::retention::require_kept_since(self.s.store(), after).await?;
        Ok(students)
    }

    /// The on-time rate of an assignment (M4), for the course's instructors.
    ///
    /// # Errors
    /// NotFound to everybody else.
    pub async fn on_time(&self, assignment: AssignmentId) -> Result<OnTime, Error> {
        let context = self
            .s
            .store()
            .content(self.s.rights_of(), crate::store::ContentRef::Assignment(assignment))
            .await?
            .ok_or_else(|| Error::not_found(SubjectType::Assignment, assignment))?;
        Rights::of(&self.s.actor, context.actor.as_ref(), Some(&context.course), context.staff.as_ref()).require(
            Action::ReadAnalytics,
            false,
            SubjectType::Assignment,
            assignment,
        )?;
        self.on_time_of(assignment).await
    }

    async fn on_time_of(&self, assignment: AssignmentId) -> Result<OnTime, Error> {
        let counts = self.s.store().on_time(assignment, self.s.lms.now()).await?;
        Ok(OnTime { on_time: counts.on_time, of: counts.of, rate: percent(counts.on_time, counts.of) })
    }

    /// All of a course's numbers in one view, for its instructors.
    ///
    /// # Errors
    /// NotFound to everybody else.
    #[tracing::instrument(name = "lms.course_metrics", skip_all, fields(course, outcome))]
    pub async fn course_metrics(&self, course: CourseId) -> Result<CourseMetrics, Error> {
        self.allow(course).await?;
        let structure =
            self.s.store().structure(course).await?.ok_or_else(|| Error::not_found(SubjectType::Course, course))?;
        let mut on_time = Vec::new();
        for assignment in structure.assignments.iter().filter(|a| a.is_published) {
            let found = self.on_time_of(assignment.id).await?;
            on_time.push(AssignmentOnTime { assignment_id: assignment.id, found });
        }
        let now = self.s.lms.now();
        Ok(CourseMetrics {
            course_id: course,
            completion: self.completion_of(course).await?,
            quizzes: self.average(QuizScope::Course(course)).await?,
            active_24h: self.s.store().active_students(Some(course), now.plus_seconds(-86_400), now).await?,
            on_time,
            at: now,
        })
    }

    /// A learner's score in a course (M7): to the learner over posted grades only, to staff over all.
    ///
    /// # Errors
    /// NotFound to everybody else.
    pub async fn course_score(&self, course: CourseId, student: UserId) -> Result<Option<Score>, Error> {
        let context = self
            .s
            .learner(crate::store::LearnerScope::Course(course, student), SubjectType::Course, course.uuid())
            .await?;
        let rights = super::learner::rights(self.s, &context);
        if !(rights.own || rights.is_staff() || rights.system) {
            return Err(Error::not_found(SubjectType::Course, course));
        }
        let facts = self.s.lms.certificate_facts(course, student).await?;
        let all = rights.is_staff() || rights.system;
        let scores = if all { facts.scores } else { as_shown(&facts.scores) };
        Ok(course_score(&scores))
    }
}
