//! What staff grant to one learner: dates of their own, more time, excuses, waivers, a fresh start (S6, S8, P12, P7).

mod extend;
mod lists;
mod reset;
mod waive;

use uuid::Uuid;

pub use extend::*;
pub use lists::Granted;

use super::Grants;
use super::learner::{not_erased, rights};
use crate::error::Error;
use crate::model::*;
use crate::rules::authoring::Checks;
use crate::rules::permission::Action;
use crate::store::{Item, LearnerContext, LearnerScope};

impl Grants<'_> {
    /// The learner's work at the item, to those who manage learners (R1).
    async fn load(&self, item: Item, student: UserId, action: Action) -> Result<(LearnerContext, Enrollment), Error> {
        let (scope, what, id): (_, _, Uuid) = match item {
            Item::Course(id) => (LearnerScope::Course(id, student), SubjectType::Course, id.uuid()),
            Item::Lesson(id) => (LearnerScope::Lesson(id, student), SubjectType::Lesson, id.uuid()),
            Item::Quiz(id) => (LearnerScope::Quiz(id, student), SubjectType::Quiz, id.uuid()),
            Item::Assignment(id) => (LearnerScope::Assignment(id, student), SubjectType::Assignment, id.uuid()),
        };
        let context = self.s.learner(scope, what, id).await?;
        let rights = rights(self.s, &context);
        rights.require(action, rights.own, what, id)?;
        not_erased(&context)?;
        let enrollment =
            context.enrollment.clone().ok_or_else(|| Error::not_found(SubjectType::Enrollment, student))?;
        Ok((context, enrollment))
    }
}

/// The item's kind and id, as events and rows name it.
fn subject(item: Item) -> (SubjectType, Uuid) {
    match item {
        Item::Course(id) => (SubjectType::Course, id.uuid()),
        Item::Lesson(id) => (SubjectType::Lesson, id.uuid()),
        Item::Quiz(id) => (SubjectType::Quiz, id.uuid()),
        Item::Assignment(id) => (SubjectType::Assignment, id.uuid()),
    }
}

/// The three columns by which a row names its item.
fn columns(item: Item) -> (Option<LessonId>, Option<QuizId>, Option<AssignmentId>) {
    match item {
        Item::Course(_) => (None, None, None),
        Item::Lesson(id) => (Some(id), None, None),
        Item::Quiz(id) => (None, Some(id), None),
        Item::Assignment(id) => (None, None, Some(id)),
    }
}

/// A reason, which everything that staff grant has.
fn check_reason(reason: &str) -> Result<(), Error> {
    let mut checks = Checks::default();
    checks.text("reason", reason, 1, 2_000);
    checks.done()
}
