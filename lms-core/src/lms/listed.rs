//! What lists for staff have in common: whom they answer, their pages, and the names in them.

use std::collections::{BTreeSet, HashMap};

use serde::Serialize;
use uuid::Uuid;

use super::Session;
use crate::error::Error;
use crate::model::*;
use crate::rules::permission::{Action, Rights};
use crate::store::{ById, CourseStructure};

/// A page of a list.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct Listed<T> {
    /// The rows.
    pub rows: Vec<T>,
    /// Where the next page begins ([`ById::after`]); absent after the last one.
    pub next: Option<Uuid>,
}

impl<T> Listed<T> {
    /// A page of what was read for it; the last row's key says where the next one begins.
    pub(crate) fn of<R>(read: &[R], page: ById, key: impl Fn(&R) -> Uuid, rows: Vec<T>) -> Self {
        let is_full = read.len() >= page.limit.clamp(1, 500) as usize;
        Self { rows, next: read.last().filter(|_| is_full).map(key) }
    }
}

/// A person, as lists name them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct NamedUser {
    /// The person.
    pub id: UserId,
    /// Their name; blank once they were erased.
    pub name: String,
}

/// A lesson, a quiz or an assignment, as lists name it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct NamedItem {
    /// What it is.
    pub kind: SubjectType,
    /// Which one.
    pub id: Uuid,
    /// Its title.
    pub title: String,
}

impl NamedItem {
    /// The item that a row names by one of three columns.
    pub(crate) fn of(
        structure: &CourseStructure,
        (lesson, quiz, assignment): (Option<LessonId>, Option<QuizId>, Option<AssignmentId>),
    ) -> Option<Self> {
        let (kind, id, title) = match (lesson, quiz, assignment) {
            (Some(id), ..) => {
                (SubjectType::Lesson, id.uuid(), structure.lessons.iter().find(|l| l.id == id).map(|l| &l.title)?)
            }
            (_, Some(id), _) => {
                (SubjectType::Quiz, id.uuid(), structure.quizzes.iter().find(|q| q.id == id).map(|q| &q.title)?)
            }
            (.., id) => {
                let found = structure.assignments.iter().find(|a| Some(a.id) == id)?;
                (SubjectType::Assignment, found.id.uuid(), &found.title)
            }
        };
        Some(Self { kind, id, title: title.clone() })
    }
}

/// The names of the people of a page.
pub(crate) struct Names(HashMap<UserId, String>);

impl Names {
    pub(crate) fn named(&self, id: UserId) -> NamedUser {
        NamedUser { id, name: self.0.get(&id).cloned().unwrap_or_default() }
    }
}

impl Session {
    /// What these people are called, in one query.
    pub(crate) async fn names(&self, people: impl IntoIterator<Item = UserId>) -> Result<Names, Error> {
        let each: BTreeSet<UserId> = people.into_iter().collect();
        let found = self.store().names(&Vec::from_iter(each)).await?;
        Ok(Names(found.into_iter().map(|name| (name.id, name.display_name)).collect()))
    }

    /// The course, to who may read its learners' work (R1).
    ///
    /// # Errors
    /// NotFound to everybody else.
    pub(crate) async fn course_for_graders(&self, course: CourseId) -> Result<Course, Error> {
        let missing = || Error::not_found(SubjectType::Course, course);
        let context = self.store().course(self.rights_of(), course, None).await?.ok_or_else(missing)?;
        Rights::of(&self.actor, context.actor.as_ref(), Some(&context.course), context.staff.as_ref()).require(
            Action::ReadWork,
            false,
            SubjectType::Course,
            course,
        )?;
        Ok(context.course)
    }
}
