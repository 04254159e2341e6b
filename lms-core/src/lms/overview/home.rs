//! Where a learner goes on (G2).

use serde::Serialize;
use uuid::Uuid;

use super::{AnswerEntries, GradedItem, ItemState, outline_of};
use crate::error::Error;
use crate::lms::Overview;
use crate::model::*;
use crate::rules::permission::Rights;
use crate::store::PersonKey;

/// How far ahead a learner is told what is due, in seconds.
const AHEAD: i64 = 7 * 86_400;
/// For how long feedback counts as new, in seconds.
const NEW: i64 = 7 * 86_400;

/// What a learner sees first (G2).
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct LearnerHome {
    /// The learner.
    pub student_id: UserId,
    /// Their courses that are open to them, by enrollment.
    pub courses: Vec<HomeCourse>,
    /// What is overdue, the longest first.
    pub overdue: Vec<DueItem>,
    /// What is due within 7 days, the soonest first.
    pub due_soon: Vec<DueItem>,
    /// Grades that became visible within the last 7 days, the newest first.
    pub new_feedback: Vec<NewFeedback>,
}

/// One course of a [`LearnerHome`].
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct HomeCourse {
    /// The course.
    pub course_id: CourseId,
    /// Its title.
    pub title: String,
    /// The percent shown.
    pub percent: Option<Percent>,
    /// When it was completed.
    pub completed_at: Option<Timestamp>,
    /// The first lesson that is open and neither completed nor waived.
    pub next_lesson: Option<LessonId>,
    /// The code of the certificate, where there is one that stands.
    pub certificate: Option<String>,
}

/// Something that is due.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct DueItem {
    /// The course.
    pub course_id: CourseId,
    /// What it is.
    pub kind: GradedItem,
    /// Which one.
    pub id: Uuid,
    /// Its title.
    pub title: String,
    /// When it is due for this learner.
    pub due: Timestamp,
}

/// A grade that has become visible.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct NewFeedback {
    /// The course.
    pub course_id: CourseId,
    /// The assignment.
    pub assignment_id: AssignmentId,
    /// The version.
    pub submission_id: SubmissionId,
    /// When it became visible.
    pub posted_at: Timestamp,
}

impl Overview<'_> {
    /// Where a learner goes on: next lessons, what is overdue or due within 7 days, new feedback, and
    /// certificates (G2). To the learner and to admins.
    ///
    /// # Errors
    /// NotFound to everybody else.
    #[tracing::instrument(name = "lms.learner_home", skip_all, fields(course, outcome))]
    pub async fn learner_home(&self, student: UserId) -> Result<LearnerHome, Error> {
        let store = self.s.store();
        let found = store.person(self.s.rights_of(), PersonKey::Id(student)).await?;
        let rights = Rights::of(&self.s.actor, found.actor.as_ref(), None, None);
        let own = rights.present && !rights.ai && self.s.rights_of() == Some(student);
        if found.subject.is_none() || !(own || rights.admin || rights.system) {
            return Err(Error::not_found(SubjectType::User, student));
        }
        let now = self.s.lms.now();
        let mut home = LearnerHome {
            student_id: student,
            courses: Vec::new(),
            overdue: Vec::new(),
            due_soon: Vec::new(),
            new_feedback: Vec::new(),
        };
        for enrollment in store.enrollments_of(student).await? {
            if enrollment.status != EnrollmentStatus::Active {
                continue;
            }
            let course = enrollment.course_id;
            let (Some(structure), Some(record)) =
                (store.structure(course).await?, store.record(course, student).await?)
            else {
                continue;
            };
            if !structure.course.is_readable() {
                continue;
            }
            let outline = outline_of(&structure, &record, &AnswerEntries::new(), now, false);
            let certificate = record.certificate.as_ref().filter(|c| c.revoked_at.is_none()).map(|c| c.code.clone());
            let next = outline
                .lessons
                .iter()
                .find(|l| l.locks.is_empty() && l.status != Some(ProgressStatus::Completed) && !l.waived);
            home.courses.push(HomeCourse {
                course_id: course,
                title: structure.course.title.clone(),
                percent: outline.percent,
                completed_at: outline.completed_at,
                next_lesson: next.map(|l| l.id),
                certificate,
            });
            for cell in outline.lessons.iter().filter(|l| l.locks.is_empty()).flat_map(|l| &l.items) {
                let cell = &cell.cell;
                let open = matches!(cell.state, ItemState::NotSubmitted | ItemState::InProgress | ItemState::Missing);
                let Some(due) = cell.due.filter(|_| open && !cell.met) else { continue };
                let item = DueItem { course_id: course, kind: cell.kind, id: cell.id, title: cell.title.clone(), due };
                if due < now {
                    home.overdue.push(item);
                } else if due <= now.plus_seconds(AHEAD) {
                    home.due_soon.push(item);
                }
            }
            home.new_feedback.extend(record.submissions.iter().filter_map(|s| {
                let posted_at = s.posted_at.filter(|at| s.grade.is_some() && *at > now.plus_seconds(-NEW))?;
                Some(NewFeedback { course_id: course, assignment_id: s.assignment_id, submission_id: s.id, posted_at })
            }));
        }
        home.overdue.sort_by_key(|item| (item.due, item.id));
        home.due_soon.sort_by_key(|item| (item.due, item.id));
        home.new_feedback.sort_by_key(|item| (std::cmp::Reverse(item.posted_at), item.submission_id));
        Ok(home)
    }
}
