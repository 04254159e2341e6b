//! Who is where in a course (G6, G7).

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::csv::Csv;
use super::{AnswerEntries, ItemState, cells, score_of};
use crate::error::Error;
use crate::lms::Overview;
use crate::model::*;
use crate::rules::completion::works;
use crate::store::{ById, LessonWork};

/// Which learners a roster holds; all that are set must fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct RosterFilter {
    /// Only who has opened no lesson and handed in nothing.
    pub not_started: bool,
    /// Only who has done nothing since this instant.
    pub inactive_since: Option<Timestamp>,
    /// Only who misses work whose due date is over.
    pub behind: bool,
}

/// A page of a course's learners.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct Roster {
    /// The learners, by enrollment.
    pub rows: Vec<RosterRow>,
    /// Where the next page begins; absent after the last one.
    pub next: Option<Uuid>,
}

/// A learner of a [`Roster`].
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct RosterRow {
    /// The learner.
    pub student_id: UserId,
    /// Their name.
    pub name: String,
    /// Whether the enrollment can be used.
    pub status: EnrollmentStatus,
    /// When they enrolled.
    pub enrolled_at: Timestamp,
    /// The percent of the course (P5).
    pub percent: Option<Percent>,
    /// When they completed it.
    pub completed_at: Option<Timestamp>,
    /// The course score (M7).
    pub score: Option<Percent>,
    /// When they last did something in it (M3), as far as events are kept.
    pub last_activity: Option<Timestamp>,
    /// Items that are missing (S8).
    pub missing: i64,
    /// Assignments whose counted or latest version is late.
    pub late: i64,
}

/// How many learners stand where in a lesson (G7): active enrollments, without staff.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct LessonFunnel {
    /// The lesson, in the order of the course; published ones only.
    pub lesson_id: LessonId,
    /// Its title.
    pub title: String,
    /// Who has not opened it.
    pub not_started: i64,
    /// Who has, and has not completed it.
    pub in_progress: i64,
    /// Who has completed it.
    pub completed: i64,
}

impl Overview<'_> {
    /// A page of a course's learners, for graders (G6). A page looks at up to `limit` enrollments and holds
    /// those that the filter wants; staff in their own course and who has withdrawn are left out.
    ///
    /// # Errors
    /// NotFound to everybody else; WindowGone where `inactive_since` is before what the log keeps.
    #[tracing::instrument(name = "lms.roster", skip_all, fields(course, outcome))]
    pub async fn roster(&self, course: CourseId, filter: RosterFilter, page: ById) -> Result<Roster, Error> {
        self.require_grader(course).await?;
        let page = ById { limit: page.limit.clamp(1, 500), ..page };
        let store = self.s.store();
        let structure = store.structure(course).await?.ok_or_else(|| Error::not_found(SubjectType::Course, course))?;
        let records = store.records(course, false, page).await?;
        let members = store.members(course, page).await?;
        if let Some(since) = filter.inactive_since {
            crate::lms::retention::require_kept_since(store, since.plus_micros(-1)).await?;
        }
        let now = self.s.lms.now();
        let next = (records.len() == page.limit as usize).then(|| records.last().map(|r| r.enrollment.id.uuid()));
        let mut rows = Vec::new();
        for record in &records {
            let enrollment = &record.enrollment;
            if enrollment.is_staff || enrollment.status == EnrollmentStatus::Withdrawn {
                continue;
            }
            let member = members.iter().find(|m| m.id == enrollment.id);
            let visible: Vec<LessonWork> =
                works(&structure, record).into_iter().filter(|w| w.lesson.is_published).collect();
            let all: Vec<_> = visible.iter().flat_map(|w| cells(w, record, &AnswerEntries::new(), now, true)).collect();
            let count = |n: usize| i64::try_from(n).unwrap_or(i64::MAX);
            let row = RosterRow {
                student_id: enrollment.student_id,
                name: member.map(|m| m.display_name.clone()).unwrap_or_default(),
                status: enrollment.status,
                enrolled_at: enrollment.created_at,
                percent: enrollment.percent(&structure.course),
                completed_at: enrollment.completed_at,
                score: score_of(&all, &visible).and_then(|s| s.percent()),
                last_activity: member.and_then(|m| m.last_activity),
                missing: count(all.iter().filter(|c| c.state == ItemState::Missing && !c.waived).count()),
                late: count(all.iter().filter(|c| c.late_seconds > 0).count()),
            };
            let handed = record.submissions.iter().any(|s| s.state != SubmissionState::Draft);
            let started = !record.progress.is_empty() || !record.attempts.is_empty() || handed;
            let wanted = (!filter.not_started || !started)
                && filter.inactive_since.is_none_or(|since| row.last_activity.is_none_or(|at| at < since))
                && (!filter.behind || row.missing > 0);
            if wanted {
                rows.push(row);
            }
        }
        Ok(Roster { rows, next: next.flatten() })
    }

    /// The whole roster as CSV (RFC 4180, UTF-8), times in RFC 3339. Cells that a spreadsheet would take for a
    /// formula are written as text.
    ///
    /// # Errors
    /// As [`Overview::roster`].
    #[tracing::instrument(name = "lms.roster_csv", skip_all, fields(course, outcome))]
    pub async fn roster_csv(&self, course: CourseId, filter: RosterFilter) -> Result<String, Error> {
        let mut csv = Csv::default();
        let head = "student_id,name,status,enrolled_at,percent,completed_at,score,last_activity,missing,late";
        csv.line(head.split(',').map(str::to_owned));
        let mut page = ById { after: None, limit: 500 };
        loop {
            let roster = self.roster(course, filter, page).await?;
            for row in roster.rows {
                let time = |at: Option<Timestamp>| at.map(|at| at.to_string()).unwrap_or_default();
                let percent = |p: Option<Percent>| p.map(|p| p.to_string()).unwrap_or_default();
                csv.line([
                    row.student_id.to_string(),
                    row.name,
                    row.status.to_string(),
                    row.enrolled_at.to_string(),
                    percent(row.percent),
                    time(row.completed_at),
                    percent(row.score),
                    time(row.last_activity),
                    row.missing.to_string(),
                    row.late.to_string(),
                ]);
            }
            match roster.next {
                Some(after) => page.after = Some(after),
                None => return Ok(csv.finish()),
            }
        }
    }

    /// How many learners stand where, lesson by lesson, for the course's staff (G7).
    ///
    /// # Errors
    /// NotFound to everybody else.
    #[tracing::instrument(name = "lms.lesson_funnel", skip_all, fields(course, outcome))]
    pub async fn lesson_funnel(&self, course: CourseId) -> Result<Vec<LessonFunnel>, Error> {
        self.require_grader(course).await?;
        let store = self.s.store();
        let missing = || Error::not_found(SubjectType::Course, course);
        let structure = store.structure(course).await?.ok_or_else(missing)?;
        let enrolled = store.completion(course).await?.ok_or_else(missing)?.enrolled;
        let counts = store.lesson_counts(course).await?;
        Ok(structure
            .lessons
            .iter()
            .filter(|lesson| lesson.is_published)
            .map(|lesson| {
                let found = counts.iter().find(|c| c.lesson_id == lesson.id);
                let (in_progress, completed) = found.map_or((0, 0), |c| (c.in_progress, c.completed));
                LessonFunnel {
                    lesson_id: lesson.id,
                    title: lesson.title.clone(),
                    not_started: (enrolled - in_progress - completed).max(0),
                    in_progress,
                    completed,
                }
            })
            .collect())
    }
}
