//! Reuse by copy: a piece of content, or a whole course (O6).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::super::{Catalog, Command, Planned};
use super::{StructureEdit, bump_quiz, changed, check_added, lesson_shows};
use crate::error::Error;
use crate::lms::portable::{CopyOf, ImportOptions};
use crate::model::table::Json;
use crate::model::*;
use crate::rules::local_time::plus_days;
use crate::rules::order::inserted;
use crate::rules::permission::Action;
use crate::store::{Change, ContentContext, ContentRef, Expect, Siblings, Table, WriteBatch};

/// What is copied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[serde(tag = "type", content = "id", rename_all = "snake_case")]
pub enum CopySource {
    /// A lesson with its topics, quizzes and assignments, into a course.
    Lesson(LessonId),
    /// A topic, into a lesson.
    Topic(TopicId),
    /// A quiz with its questions, into a lesson.
    Quiz(QuizId),
    /// A question, into a quiz.
    Question(QuestionId),
    /// An assignment, into a lesson.
    Assignment(AssignmentId),
}

/// Where a copy goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[serde(tag = "type", content = "id", rename_all = "snake_case")]
pub enum CopyTarget {
    /// A course, for lessons.
    Course(CourseId),
    /// A lesson, for topics, quizzes and assignments.
    Lesson(LessonId),
    /// A quiz, for questions.
    Quiz(QuizId),
}

/// What becomes of the dates of a course that is copied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum CopyDates {
    /// They are taken away.
    #[default]
    Clear,
    /// They move by so many days, at the same local time: of an assignment's own zone where it has one (S4), else
    /// of the course's.
    ShiftDays(i64),
}

/// One copy in the making: the rows of the new content.
struct Copying<'a> {
    command: &'a Command,
    batch: WriteBatch,
    /// The objectives of the target course that stand for those of the source.
    objectives: BTreeMap<Uuid, ObjectiveId>,
    /// The source's links: (objective, item).
    links: Vec<(ObjectiveId, Uuid)>,
}

impl Copying<'_> {
    fn id<T>(&self, label: &str, of: impl Into<Uuid>) -> Id<T> {
        let of: Uuid = of.into();
        Id::from_uuid(self.command.derived(&format!("copy_{label}_{of}"), 0))
    }

    fn linked(&self, item: Uuid) -> Vec<ObjectiveId> {
        let of_item = self.links.iter().filter(|(_, linked)| *linked == item);
        of_item.filter_map(|(objective, _)| self.objectives.get(&objective.uuid()).copied()).collect()
    }

    fn topic(&mut self, from: Topic, id: TopicId, lesson: LessonId, order_index: i64) {
        let now = self.command.now;
        self.batch.insert(Topic {
            id,
            lesson_id: lesson,
            order_index,
            copied_from: Some(from.id),
            version: 1,
            created_at: now,
            updated_at: now,
            ..from
        });
    }

    fn quiz(&mut self, from: Quiz, questions: Vec<QuizQuestion>, id: QuizId, lesson: LessonId, order_index: i64) {
        let now = self.command.now;
        self.batch.expect.push(Expect::Row { table: Table::Quiz, id: from.id.uuid(), version: from.version });
        self.batch.insert(Quiz {
            id,
            lesson_id: lesson,
            order_index,
            is_published: false,
            adjustments: Json::of(&Adjustments::default()),
            copied_from: Some(from.id),
            version: 1,
            created_at: now,
            updated_at: now,
            ..from
        });
        for (n, question) in questions.into_iter().enumerate() {
            let question_id = self.id("question", question.id);
            self.question(question, question_id, id, i64::try_from(n).unwrap_or(i64::MAX));
        }
    }

    fn question(&mut self, from: QuizQuestion, id: QuestionId, quiz: QuizId, order_index: i64) {
        let now = self.command.now;
        let links = self.linked(from.id.uuid());
        self.batch.insert(QuizQuestion {
            id,
            quiz_id: quiz,
            order_index,
            copied_from: Some(from.id),
            created_at: now,
            updated_at: now,
            ..from
        });
        for objective_id in links {
            self.batch.insert(ObjectiveQuestion { objective_id, question_id: id });
        }
    }

    fn assignment(&mut self, from: Assignment, id: AssignmentId, lesson: LessonId, order_index: i64) {
        let now = self.command.now;
        let links = self.linked(from.id.uuid());
        self.batch.insert(Assignment {
            id,
            lesson_id: lesson,
            order_index,
            is_published: false,
            copied_from: Some(from.id),
            version: 1,
            created_at: now,
            updated_at: now,
            ..from
        });
        for objective_id in links {
            self.batch.insert(ObjectiveAssignment { objective_id, assignment_id: id });
        }
    }
}

impl Catalog<'_> {
    /// Copies a piece of content to another place, in the same course or in another one that the actor may
    /// edit: new ids, unpublished, with `copied_from` and its provenance, and nothing of learners (O6). Links
    /// to objectives follow where the target's course has an objective of the same key. Gives the copy's id.
    ///
    /// # Errors
    /// Invalid where the place is none for it (a question goes into a quiz); Denied; NotFound.
    #[tracing::instrument(name = "lms.copy_into", skip_all, fields(course, outcome))]
    pub async fn copy_into(&self, source: CopySource, target: CopyTarget, index: Option<i64>) -> Result<Uuid, Error> {
        self.edit(|command| self.plan_copy(command, source, target, index)).await
    }

    async fn plan_copy(
        &self,
        mut command: Command,
        source: CopySource,
        target: CopyTarget,
        index: Option<i64>,
    ) -> Result<Planned<(Uuid, Option<JobId>)>, Error> {
        let (from_ref, what, from_id) = source_ref(source);
        let from = self.content(from_ref, Action::EditContent, what, from_id).await?;
        let (to_ref, to_what, to_id, siblings) = target_ref(source, target)?;
        let to = self.content(to_ref, Action::EditContent, to_what, to_id).await?;
        let id = command.derived("copy", 0);
        if command.done || to.siblings.contains(&id) {
            return Ok(Planned::nothing((id, None)));
        }
        let last = i64::try_from(to.siblings.len()).unwrap_or(i64::MAX);
        let order = inserted(&to.siblings, id, index);
        let at_end = order.last() == Some(&id);
        let mut copying = Copying {
            command: &command,
            batch: WriteBatch::default(),
            objectives: same_objectives(&from, &to),
            links: self.s.store().objective_links(from.course.id).await?,
        };
        let gone = || Error::not_found(what, from_id);
        match source {
            CopySource::Topic(_) => {
                let row = from.topic.clone().ok_or_else(gone)?;
                copying.topic(row, TopicId::from_uuid(id), LessonId::from_uuid(to_id), last);
            }
            CopySource::Quiz(_) => {
                let row = from.quiz.clone().ok_or_else(gone)?;
                let questions = from.questions.clone();
                copying.quiz(row, questions, QuizId::from_uuid(id), LessonId::from_uuid(to_id), last);
            }
            CopySource::Assignment(_) => {
                let row = from.assignment.clone().ok_or_else(gone)?;
                copying.assignment(row, AssignmentId::from_uuid(id), LessonId::from_uuid(to_id), last);
            }
            CopySource::Question(_) => {
                let row = from.question.clone().ok_or_else(gone)?;
                let quiz = to.quiz.clone().ok_or_else(|| Error::not_found(to_what, to_id))?;
                check_added(&quiz, &to.questions, &row)?;
                copying.question(row, QuestionId::from_uuid(id), QuizId::from_uuid(to_id), last);
            }
            CopySource::Lesson(lesson) => self.copy_lesson(&mut copying, &from, lesson, id, to.course.id, last).await?,
        }
        let mut edit = StructureEdit::of(&to.course);
        if from.course.id != to.course.id {
            let (course, version) = (from.course.id, from.course.structure_version);
            edit.batch.expect.push(Expect::Structure { course, version });
        }
        edit.batch.expect.append(&mut copying.batch.expect);
        edit.batch.changes.append(&mut copying.batch.changes);
        if let (CopySource::Question(_), Some(quiz)) = (source, to.quiz.clone()) {
            bump_quiz(&mut edit.batch, quiz, &command);
        }
        if !at_end {
            edit.batch.changes.push(Change::Order { siblings, ids: order });
        }
        // A topic is shown with its lesson; everything else is a draft yet.
        let visible = matches!(source, CopySource::Topic(_)) && lesson_shows(&to);
        let event = changed(&mut command, to.course.id, what, id, "copied", visible);
        edit.batch.events.push(event);
        let (batch, job) = edit.finish(&command, false, false);
        Ok(Planned { batch, outcome: (id, job) })
    }

    async fn copy_lesson(
        &self,
        copying: &mut Copying<'_>,
        from: &ContentContext,
        lesson: LessonId,
        id: Uuid,
        course: CourseId,
        order_index: i64,
    ) -> Result<(), Error> {
        let row = from.lesson.clone().ok_or_else(|| Error::not_found(SubjectType::Lesson, lesson))?;
        let now = copying.command.now;
        let id = LessonId::from_uuid(id);
        let links = copying.linked(lesson.uuid());
        copying.batch.insert(Lesson {
            id,
            course_id: course,
            order_index,
            is_published: false,
            copied_from: Some(lesson),
            version: 1,
            created_at: now,
            updated_at: now,
            ..row
        });
        for objective_id in links {
            copying.batch.insert(ObjectiveLesson { objective_id, lesson_id: id });
        }
        for (n, topic) in self.s.store().topics(lesson).await?.into_iter().enumerate() {
            let topic_id = copying.id("topic", topic.id);
            copying.topic(topic, topic_id, id, i64::try_from(n).unwrap_or(i64::MAX));
        }
        for (n, quiz) in from.quizzes.clone().into_iter().enumerate() {
            let questions = self.s.store().questions(quiz.id).await?;
            let quiz_id = copying.id("quiz", quiz.id);
            copying.quiz(quiz, questions, quiz_id, id, i64::try_from(n).unwrap_or(i64::MAX));
        }
        for (n, assignment) in from.assignments.clone().into_iter().enumerate() {
            let assignment_id = copying.id("assignment", assignment.id);
            copying.assignment(assignment, assignment_id, id, i64::try_from(n).unwrap_or(i64::MAX));
        }
        Ok(())
    }

    /// Copies a whole course as a new draft of the actor's, with everything in it but its learners, its staff
    /// and its own publication (O6). The dates of its items move by a number of days, in local time, or are
    /// taken away.
    ///
    /// # Errors
    /// Denied to those who may not create courses, or not edit this one; Invalid where a date leaves the years
    /// that the library keeps; NotFound.
    #[tracing::instrument(name = "lms.copy_course", skip_all, fields(course, outcome))]
    pub async fn copy_course(&self, id: CourseId, dates: CopyDates, options: ImportOptions) -> Result<Course, Error> {
        let options = &options;
        self.s
            .run(None, |command| async move {
                self.content(ContentRef::Course(id), Action::EditContent, SubjectType::Course, id).await?;
                let content = self
                    .s
                    .store()
                    .course_content(id)
                    .await?
                    .ok_or_else(|| Error::not_found(SubjectType::Course, id))?;
                let origin = CopyOf::new(&content);
                // One that was archived is taken by no new course (C7).
                let template = match content.structure.course.certificate_template_id {
                    Some(id) => self.s.store().template(id).await?.filter(|t| t.archived_at.is_none()).map(|t| t.id),
                    None => None,
                };
                let mut document = crate::lms::portable::document_of(content)?;
                document.forget_adjustments();
                for (zone, at) in document.dates_mut() {
                    *at = match (dates, at.take()) {
                        (CopyDates::ShiftDays(days), Some(from)) => Some(
                            plus_days(from, days, zone)
                                .map_err(|e| Error::invalid("copy.date", "dates", e.to_string()))?,
                        ),
                        _ => None,
                    };
                }
                let mut planned = self.plan_import(command, &document, options).await?;
                planned.outcome = origin.mark(&mut planned.batch, planned.outcome, template);
                Ok(planned)
            })
            .await
    }
}

fn source_ref(source: CopySource) -> (ContentRef, SubjectType, Uuid) {
    match source {
        CopySource::Lesson(id) => (ContentRef::Lesson(id), SubjectType::Lesson, id.uuid()),
        CopySource::Topic(id) => (ContentRef::Topic(id), SubjectType::Topic, id.uuid()),
        CopySource::Quiz(id) => (ContentRef::Quiz(id), SubjectType::Quiz, id.uuid()),
        CopySource::Question(id) => (ContentRef::Question(id), SubjectType::Question, id.uuid()),
        CopySource::Assignment(id) => (ContentRef::Assignment(id), SubjectType::Assignment, id.uuid()),
    }
}

fn target_ref(source: CopySource, target: CopyTarget) -> Result<(ContentRef, SubjectType, Uuid, Siblings), Error> {
    Ok(match (source, target) {
        (CopySource::Lesson(_), CopyTarget::Course(id)) => {
            (ContentRef::Course(id), SubjectType::Course, id.uuid(), Siblings::Lessons(id))
        }
        (CopySource::Topic(_), CopyTarget::Lesson(id)) => {
            (ContentRef::LessonTopics(id), SubjectType::Lesson, id.uuid(), Siblings::Topics(id))
        }
        (CopySource::Quiz(_), CopyTarget::Lesson(id)) => {
            (ContentRef::LessonQuizzes(id), SubjectType::Lesson, id.uuid(), Siblings::Quizzes(id))
        }
        (CopySource::Assignment(_), CopyTarget::Lesson(id)) => {
            (ContentRef::LessonAssignments(id), SubjectType::Lesson, id.uuid(), Siblings::Assignments(id))
        }
        (CopySource::Question(_), CopyTarget::Quiz(id)) => {
            (ContentRef::QuizQuestions(id), SubjectType::Quiz, id.uuid(), Siblings::Questions(id))
        }
        _ => {
            let message =
                "a lesson goes into a course; a topic, quiz or assignment into a lesson; a question into a quiz";
            return Err(Error::invalid("copy.target", "target", message));
        }
    })
}

/// The target's objectives that stand for the source's: they themselves, or those of the same key.
fn same_objectives(from: &ContentContext, to: &ContentContext) -> BTreeMap<Uuid, ObjectiveId> {
    let of_key = |key: &str| to.objectives.iter().find(|o| o.key == key).map(|o| o.id);
    from.objectives.iter().filter_map(|o| of_key(&o.key).map(|id| (o.id.uuid(), id))).collect()
}
