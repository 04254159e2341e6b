//! What was granted, in a course and to one learner in it (S6, S8, P12).

use serde::Serialize;
use uuid::Uuid;

use super::Grants;
use crate::error::Error;
use crate::lms::listed::{Listed, NamedItem, NamedUser};
use crate::model::*;
use crate::store::ById;

/// Something that staff granted to a learner, with whose it is, at what, and who granted it.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct Granted<G> {
    /// The learner.
    pub student: NamedUser,
    /// The lesson, the quiz or the assignment.
    pub item: NamedItem,
    /// Who granted it.
    pub by: NamedUser,
    /// What was granted.
    pub grant: G,
}

/// What lists need of a grant.
trait Grant: Clone + Send + Sync {
    fn key(&self) -> Uuid;
    fn people(&self) -> [UserId; 2];
    fn item(&self) -> (Option<LessonId>, Option<QuizId>, Option<AssignmentId>);
}

impl Grant for Override {
    fn key(&self) -> Uuid {
        self.id.uuid()
    }
    fn people(&self) -> [UserId; 2] {
        [self.student_id, self.granted_by]
    }
    fn item(&self) -> (Option<LessonId>, Option<QuizId>, Option<AssignmentId>) {
        (self.lesson_id, self.quiz_id, self.assignment_id)
    }
}

impl Grant for Waiver {
    fn key(&self) -> Uuid {
        self.id.uuid()
    }
    fn people(&self) -> [UserId; 2] {
        [self.student_id, self.granted_by]
    }
    fn item(&self) -> (Option<LessonId>, Option<QuizId>, Option<AssignmentId>) {
        (self.lesson_id, self.quiz_id, self.assignment_id)
    }
}

impl Grants<'_> {
    /// The dates, time and attempts of their own and the excuses that learners of a course have (S6, S8), or one
    /// learner of it: a page by id, to the course's staff. One that was taken back is still there and grants nothing.
    ///
    /// # Errors
    /// NotFound to everybody else, and for who is not enrolled in the course.
    #[tracing::instrument(name = "lms.overrides", skip_all, fields(course, outcome))]
    pub async fn overrides(
        &self,
        course: CourseId,
        student: Option<UserId>,
        page: ById,
    ) -> Result<Listed<Granted<Override>>, Error> {
        self.s.course_for_graders(course).await?;
        let found = match student {
            None => self.s.store().overrides(course, page).await?,
            Some(student) => cut(self.record(course, student).await?.overrides, page),
        };
        self.named(course, found, page).await
    }

    /// What was waived in a course (P12), or for one learner of it: a page by id, to the course's staff.
    ///
    /// # Errors
    /// NotFound to everybody else, and for who is not enrolled in the course.
    #[tracing::instrument(name = "lms.waivers", skip_all, fields(course, outcome))]
    pub async fn waivers(
        &self,
        course: CourseId,
        student: Option<UserId>,
        page: ById,
    ) -> Result<Listed<Granted<Waiver>>, Error> {
        self.s.course_for_graders(course).await?;
        let found = match student {
            None => self.s.store().waivers(course, page).await?,
            Some(student) => cut(self.record(course, student).await?.waivers, page),
        };
        self.named(course, found, page).await
    }

    async fn record(&self, course: CourseId, student: UserId) -> Result<crate::store::LearnerRecord, Error> {
        let missing = || Error::not_found(SubjectType::Enrollment, student);
        self.s.store().record(course, student).await?.ok_or_else(missing)
    }

    async fn named<G: Grant>(&self, course: CourseId, found: Vec<G>, page: ById) -> Result<Listed<Granted<G>>, Error> {
        let missing = || Error::not_found(SubjectType::Course, course);
        let structure = self.s.store().structure(course).await?.ok_or_else(missing)?;
        let names = self.s.names(found.iter().flat_map(Grant::people)).await?;
        let granted = |grant: &G| {
            let [student, by] = grant.people().map(|person| names.named(person));
            // What was deleted since the list was read takes its grants along.
            let item = NamedItem::of(&structure, grant.item())?;
            Some(Granted { student, item, by, grant: grant.clone() })
        };
        let rows = found.iter().filter_map(granted).collect();
        Ok(Listed::of(&found, page, Grant::key, rows))
    }
}

/// A page of one learner's grants, of which there is at most one an item.
fn cut<G: Grant>(mut all: Vec<G>, page: ById) -> Vec<G> {
    all.retain(|grant| page.after.is_none_or(|after| grant.key() > after));
    all.sort_by_key(Grant::key);
    all.truncate(page.limit.clamp(1, 500) as usize);
    all
}
