//! Courses and their content, as their authors see them (O, L, D).

mod ai;
mod assignments;
mod copy;
mod courses;
mod delete;
mod lessons;
mod links;
mod owner;
mod quizzes;
mod staff;
mod topics;

use uuid::Uuid;

pub use ai::*;
pub use assignments::*;
pub use copy::*;
pub use courses::*;
pub use delete::*;
pub use lessons::*;
pub use links::*;
pub use quizzes::*;
pub use staff::*;
pub use topics::*;

pub(crate) use courses::{check_course, check_objective, owner_of_new_course};
pub(crate) use lessons::{check_lesson, check_rule};
pub(crate) use quizzes::check_added;

use super::{Catalog, Command, Planned};
use crate::error::{Error, Refusal};
use crate::model::table::Json;
use crate::model::*;
use crate::rules::order::is_permutation;
use crate::rules::permission::{Action, Rights};
use crate::store::{
    ById, Change, ContentContext, ContentRef, CourseFilter, CourseStructure, Expect, Siblings, Table, WriteBatch,
};

/// What came from AI, or from a person: what every piece of content carries (L4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Provenance {
    /// The ai_logs row it came from; `None` for people's work.
    pub ai_log_id: Option<AiLogId>,
}

/// A stale version is a Conflict that says what stands (L5).
pub(crate) fn same_version(what: SubjectType, expected: i64, current: i64) -> Result<(), Error> {
    if expected == current { Ok(()) } else { Err(Refusal::VersionStale { what, expected, current }.into()) }
}

/// Refuses to take the last piece of work out of a lesson that completes by its work (P2).
pub(crate) fn check_lesson_keeps_its_rule(
    context: &ContentContext,
    quizzes: &[Quiz],
    assignments: &[Assignment],
) -> Result<(), Error> {
    match &context.lesson {
        Some(lesson) => check_rule(lesson, context.topics, quizzes, assignments),
        None => Ok(()),
    }
}

/// Stamps an edit by a person on what AI made (L4).
pub(crate) fn touched(ai_edited_at: &mut Option<Timestamp>, is_ai: bool, command: &Command) {
    if is_ai && ai_edited_at.is_none() && !matches!(command.actor, Actor::Ai { .. }) {
        *ai_edited_at = Some(command.now);
    }
}

/// An edit that changes the course's structure: its expectations, and what follows for learners.
pub(crate) struct StructureEdit<'a> {
    pub(crate) batch: WriteBatch,
    course: &'a Course,
}

impl<'a> StructureEdit<'a> {
    pub(crate) fn of(course: &'a Course) -> Self {
        let mut batch = WriteBatch::default();
        batch.expect.push(Expect::Structure { course: course.id, version: course.structure_version });
        batch.exclusive.push(course.id);
        Self { batch, course }
    }

    /// Recounts, and where the change can make a learner qualify, writes the job that looks (P9).
    pub(crate) fn finish(self, command: &Command, learners: bool, may_qualify: bool) -> (WriteBatch, Option<JobId>) {
        self.finish_with(command, learners, may_qualify.then(|| (JobKind::Reevaluate, Json::object())))
    }

    /// Recounts, and writes the job that carries the edit to the learners, if it needs one.
    pub(crate) fn finish_with(
        mut self,
        command: &Command,
        learners: bool,
        job: Option<(JobKind, Json)>,
    ) -> (WriteBatch, Option<JobId>) {
        self.batch.changes.push(Change::Recount { course: self.course.id, learners });
        let id = job.map(|(kind, params)| {
            let id = JobId::from_uuid(command.derived("job", 0));
            self.batch.insert(CourseJob {
                id,
                course_id: self.course.id,
                kind,
                at: command.now,
                params,
                cursor: None,
                done_at: None,
            });
            id
        });
        (self.batch, id)
    }
}

/// What a repeated edit gives (DETAILS 8): what stands now, once the job that the edit may have written
/// is done.
pub(crate) fn edited_before<T>(command: &Command, stands: T) -> Planned<(T, Option<JobId>)> {
    Planned::nothing((stands, Some(JobId::from_uuid(command.derived("job", 0)))))
}

/// content_changed: what, and whether learners can see it (V7).
pub(crate) fn changed(
    command: &mut Command,
    course: CourseId,
    subject: SubjectType,
    id: impl Into<Uuid>,
    action: &str,
    visible: bool,
) -> NewEvent {
    command
        .event(EventKind::ContentChanged, subject, id)
        .course(course)
        .with(&serde_json::json!({ "action": action, "visible": visible }))
}

/// Whether learners see the lesson at hand.
pub(crate) fn lesson_shows(context: &ContentContext) -> bool {
    context.course.is_readable() && context.lesson.as_ref().is_some_and(|lesson| lesson.is_published)
}

/// content_changed of a course that is new; it says whose, so that what its owner listens to takes it in (V7).
pub(crate) fn made(command: &mut Command, course: &Course, action: &str) -> NewEvent {
    command
        .event(EventKind::ContentChanged, SubjectType::Course, course.id)
        .course(course.id)
        .with(&serde_json::json!({ "action": action, "visible": false, "owner": course.instructor_id }))
}

impl Catalog<'_> {
    /// Loads a piece of content and checks that the actor may edit it.
    pub(crate) async fn content(
        &self,
        at: ContentRef,
        action: Action,
        what: SubjectType,
        id: impl Into<Uuid>,
    ) -> Result<ContentContext, Error> {
        let id = id.into();
        let context =
            self.s.store().content(self.s.rights_of(), at).await?.ok_or_else(|| Error::not_found(what, id))?;
        let rights = Rights::of(&self.s.actor, context.actor.as_ref(), Some(&context.course), context.staff.as_ref());
        rights.require(action, false, what, id)?;
        Ok(context)
    }

    /// Runs an edit whose plan may have written a job, and finishes the job.
    pub(crate) async fn edit<T, F, Fut>(&self, plan: F) -> Result<T, Error>
    where
        F: Fn(Command) -> Fut + Send + Sync,
        Fut: Future<Output = Result<Planned<(T, Option<JobId>)>, Error>> + Send,
        T: Send,
    {
        let (outcome, job) = self.s.run(None, plan).await?;
        if let Some(job) = job
            && !self.s.is_planning()
        {
            self.s.lms.finish_job(job).await?;
        }
        Ok(outcome)
    }

    /// Puts siblings in order (O2). The present order is no change: no version bump, no event (O5).
    ///
    /// # Errors
    /// OrderMismatch when `ids` is not exactly the siblings, StructureChanged when
    /// `structure_version` is not the course's.
    #[tracing::instrument(name = "lms.reorder", skip_all, fields(course, outcome))]
    pub async fn reorder(&self, siblings: Siblings, ids: Vec<Uuid>, structure_version: i64) -> Result<(), Error> {
        self.edit(|mut command| {
            let ids = ids.clone();
            async move {
                let (at, what, parent): (_, _, Uuid) = match siblings {
                    Siblings::Lessons(id) => (ContentRef::Course(id), SubjectType::Course, id.uuid()),
                    Siblings::Objectives(id) => (ContentRef::Objectives(id), SubjectType::Course, id.uuid()),
                    Siblings::Topics(id) => (ContentRef::LessonTopics(id), SubjectType::Lesson, id.uuid()),
                    Siblings::Quizzes(id) => (ContentRef::LessonQuizzes(id), SubjectType::Lesson, id.uuid()),
                    Siblings::Assignments(id) => (ContentRef::LessonAssignments(id), SubjectType::Lesson, id.uuid()),
                    Siblings::Questions(id) => (ContentRef::QuizQuestions(id), SubjectType::Quiz, id.uuid()),
                };
                let context = self.content(at, Action::Manage, what, parent).await?;
                if command.done {
                    return Ok(edited_before(&command, ()));
                }
                if context.siblings == ids {
                    return Ok(Planned::nothing(((), None)));
                }
                if context.course.structure_version != structure_version {
                    return Err(Refusal::StructureChanged {
                        present_version: context.course.structure_version,
                        present: context.siblings,
                    }
                    .into());
                }
                if !is_permutation(&context.siblings, &ids) {
                    return Err(Refusal::OrderMismatch { present: context.siblings }.into());
                }
                let mut edit = StructureEdit::of(&context.course);
                edit.batch.changes.push(Change::Order { siblings, ids });
                if let (Siblings::Questions(_), Some(quiz)) = (siblings, context.quiz.clone()) {
                    bump_quiz(&mut edit.batch, quiz, &command);
                }
                // Objectives and the drafts of questions are not shown to learners.
                let visible = match siblings {
                    Siblings::Lessons(_) => context.course.is_readable(),
                    Siblings::Topics(_) | Siblings::Quizzes(_) | Siblings::Assignments(_) => lesson_shows(&context),
                    Siblings::Objectives(_) | Siblings::Questions(_) => false,
                };
                edit.batch.events.push(changed(&mut command, context.course.id, what, parent, "reordered", visible));
                Ok(Planned { batch: edit.batch, outcome: ((), None) })
            }
        })
        .await
    }

    /// A course as its staff see it; as its learners see it, use the overview, and as anybody does who may join it,
    /// [`Learning::read_course`](crate::lms::Learning::read_course).
    ///
    /// # Errors
    /// NotFound, also to those who are not its staff.
    pub async fn course(&self, id: CourseId) -> Result<Course, Error> {
        Ok(self.content(ContentRef::Course(id), Action::EditContent, SubjectType::Course, id).await?.course)
    }

    /// The whole structure of a course, for its staff.
    ///
    /// # Errors
    /// NotFound, also to those who are not its staff.
    pub async fn structure(&self, id: CourseId) -> Result<CourseStructure, Error> {
        self.content(ContentRef::Course(id), Action::EditContent, SubjectType::Course, id).await?;
        self.s.store().structure(id).await?.ok_or_else(|| Error::not_found(SubjectType::Course, id))
    }

    /// Courses by id: all of them to admins and the system, their own to others.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn courses(&self, filter: CourseFilter, page: ById) -> Result<Vec<Course>, Error> {
        let mut filter = filter;
        if let Some(id) = self.s.rights_of() {
            let person = self.s.store().person(Some(id), crate::store::PersonKey::Id(id)).await?;
            if person.actor.is_none_or(|user| user.role != Role::Admin) {
                filter.instructor = Some(id);
            }
        }
        Ok(self.s.store().courses(&filter, page).await?)
    }

    /// The topics of a lesson with their bodies, for staff.
    ///
    /// # Errors
    /// NotFound, also to those who are not the course's staff.
    pub async fn topics(&self, lesson: LessonId) -> Result<Vec<Topic>, Error> {
        self.content(ContentRef::Lesson(lesson), Action::EditContent, SubjectType::Lesson, lesson).await?;
        Ok(self.s.store().topics(lesson).await?)
    }

    /// The questions of a quiz with their keys, for staff.
    ///
    /// # Errors
    /// NotFound, also to those who are not the course's staff.
    pub async fn questions(&self, quiz: QuizId) -> Result<Vec<QuizQuestion>, Error> {
        let context = self.content(ContentRef::Quiz(quiz), Action::ReadWork, SubjectType::Quiz, quiz).await?;
        Ok(context.questions)
    }
}

/// An edit of a question is an edit of its quiz (L5, DETAILS 7).
pub(crate) fn bump_quiz(batch: &mut WriteBatch, mut quiz: Quiz, command: &Command) {
    batch.expect.push(Expect::Row { table: Table::Quiz, id: quiz.id.uuid(), version: quiz.version });
    quiz.version += 1;
    quiz.updated_at = command.now;
    touched(&mut quiz.ai_edited_at, quiz.is_ai_generated, command);
    batch.put(quiz);
}
