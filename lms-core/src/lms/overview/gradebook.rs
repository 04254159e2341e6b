//! Learners × graded items (G4).

use serde::Serialize;
use uuid::Uuid;

use super::csv::Csv;
use super::{GradedItem, ScoreCell, cells, score_of};
use crate::error::Error;
use crate::lms::Overview;
use crate::model::*;
use crate::rules::completion::works;
use crate::store::{ById, LessonWork};

/// A page of a course's gradebook.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct Gradebook {
    /// The course.
    pub course_id: CourseId,
    /// The published quizzes and assignments, in the order of the course: the columns.
    pub items: Vec<GradebookItem>,
    /// The learners of the page, by enrollment.
    pub rows: Vec<GradebookRow>,
    /// Where the next page begins; absent after the last one.
    pub next: Option<Uuid>,
}

/// A column of a [`Gradebook`].
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct GradebookItem {
    /// What it is.
    pub kind: GradedItem,
    /// Which one.
    pub id: Uuid,
    /// Its title.
    pub title: String,
    /// How much it weighs in the course score; 0 = not counted.
    pub weight: i64,
}

/// A learner of a [`Gradebook`].
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct GradebookRow {
    /// The learner.
    pub student_id: UserId,
    /// Their name.
    pub name: String,
    /// Whether the enrollment can be used.
    pub status: EnrollmentStatus,
    /// One cell per item, in the order of the items: those of the scorecard.
    pub cells: Vec<ScoreCell>,
    /// The course score (M7).
    pub score: Option<Score>,
    /// Its percent.
    pub percent: Option<Percent>,
}

impl Overview<'_> {
    /// A page of learners and their cells, for graders (G4). A page looks at up to `limit` enrollments; staff
    /// in their own course and who has withdrawn are left out. The number of queries is the same whatever the
    /// size.
    ///
    /// # Errors
    /// NotFound to everybody else.
    #[tracing::instrument(name = "lms.gradebook", skip_all, fields(course, outcome))]
    pub async fn gradebook(&self, course: CourseId, page: ById) -> Result<Gradebook, Error> {
        self.require_grader(course).await?;
        let page = ById { limit: page.limit.clamp(1, 500), ..page };
        let store = self.s.store();
        let structure = store.structure(course).await?.ok_or_else(|| Error::not_found(SubjectType::Course, course))?;
        let records = store.records(course, false, page).await?;
        let entries = self.answer_entries(course, &records).await?;
        let members = store.members(course, page).await?;
        let now = self.s.lms.now();
        let published = |lesson: LessonId| structure.lessons.iter().any(|l| l.id == lesson && l.is_published);
        let mut items = Vec::new();
        for lesson in structure.lessons.iter().filter(|l| published(l.id)) {
            let quizzes = structure.quizzes.iter().filter(|q| q.lesson_id == lesson.id && q.is_published);
            items.extend(quizzes.map(|q| GradebookItem {
                kind: GradedItem::Quiz,
                id: q.id.uuid(),
                title: q.title.clone(),
                weight: q.weight,
            }));
            let assignments = structure.assignments.iter().filter(|a| a.lesson_id == lesson.id && a.is_published);
            items.extend(assignments.map(|a| GradebookItem {
                kind: GradedItem::Assignment,
                id: a.id.uuid(),
                title: a.title.clone(),
                weight: a.weight,
            }));
        }
        let next = (records.len() == page.limit as usize).then(|| records.last().map(|r| r.enrollment.id.uuid()));
        let rows = records
            .iter()
            .filter(|r| !r.enrollment.is_staff && r.enrollment.status != EnrollmentStatus::Withdrawn)
            .map(|record| {
                let visible: Vec<LessonWork> =
                    works(&structure, record).into_iter().filter(|w| w.lesson.is_published).collect();
                let all: Vec<ScoreCell> = visible.iter().flat_map(|w| cells(w, record, &entries, now, true)).collect();
                let score = score_of(&all, &visible);
                let name = members.iter().find(|m| m.id == record.enrollment.id).map(|m| m.display_name.clone());
                GradebookRow {
                    student_id: record.enrollment.student_id,
                    name: name.unwrap_or_default(),
                    status: record.enrollment.status,
                    cells: all,
                    score,
                    percent: score.and_then(|s| s.percent()),
                }
            })
            .collect();
        Ok(Gradebook { course_id: course, items, rows, next: next.flatten() })
    }

    /// The whole gradebook as CSV (RFC 4180, UTF-8): a line per learner, a column of points per item, and the
    /// course percent. Cells that a spreadsheet would take for a formula are written as text.
    ///
    /// # Errors
    /// As [`Overview::gradebook`].
    #[tracing::instrument(name = "lms.gradebook_csv", skip_all, fields(course, outcome))]
    pub async fn gradebook_csv(&self, course: CourseId) -> Result<String, Error> {
        let mut csv = Csv::default();
        let mut page = ById { after: None, limit: 500 };
        let mut first = true;
        loop {
            let book = self.gradebook(course, page).await?;
            if first {
                let head = ["student_id", "name", "status"].map(str::to_owned).into_iter();
                csv.line(head.chain(book.items.iter().map(|i| i.title.clone())).chain(["percent".to_owned()]));
                first = false;
            }
            for row in &book.rows {
                let shown = |cell: &ScoreCell| match (cell.state, cell.score) {
                    (super::ItemState::Excused, _) => "excused".to_owned(),
                    (_, Some(score)) => score.earned.to_string(),
                    _ => String::new(),
                };
                let head = [row.student_id.to_string(), row.name.clone(), row.status.to_string()].into_iter();
                let percent = row.percent.map(|p| p.to_string()).unwrap_or_default();
                csv.line(head.chain(row.cells.iter().map(shown)).chain([percent]));
            }
            match book.next {
                Some(after) => page.after = Some(after),
                None => return Ok(csv.finish()),
            }
        }
    }
}
