//! Content by AI: drafts that passed every check, written whole or not at all (I1–I3).

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::super::{Catalog, Command, Planned};
use super::courses::{check_course, check_objective};
use super::lessons::check_lesson;
use super::{NewAssignment, NewCourse, NewLesson, NewQuiz, NewTopic, StructureEdit, objectives_by_key, same_version};
use crate::error::{Error, Refusal};
use crate::model::*;
use crate::rules::authoring::{check_topic, refuse};
use crate::rules::permission::{Action, may_create_course};
use crate::store::{Change, ContentRef, Expect, PersonKey, Table, WriteBatch};

/// Where accepted AI content comes from: its log row is flipped to `applied` in the very batch that
/// writes the content.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct AiOrigin {
    /// The log row of the answer.
    pub log_id: AiLogId,
    /// The operation.
    pub operation_id: Uuid,
}

/// All log rows that a piece of content comes from: the proposal's, and those of items that were made anew
/// or checked before it was applied. Every one of them is flipped in the batch that writes the content.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct AiSources {
    /// The proposal.
    pub origin: AiOrigin,
    /// What else went into it: the place of the item that it made, where it made one.
    #[serde(default)]
    pub also: Vec<(Option<usize>, AiOrigin)>,
}

impl From<AiOrigin> for AiSources {
    fn from(origin: AiOrigin) -> Self {
        Self { origin, also: Vec::new() }
    }
}

impl AiSources {
    /// The log row that made the n-th item, where it is not the proposal's.
    fn of_item(&self, n: usize) -> Option<AiLogId> {
        self.also.iter().find(|(item, _)| *item == Some(n)).map(|(_, origin)| origin.log_id)
    }
}

/// A course with everything in it, to be written in one transaction.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct CourseDraft {
    /// The course.
    pub course: NewCourse,
    /// Its objectives: (key, text), in order.
    pub objectives: Vec<(String, String)>,
    /// Its lessons, in order.
    pub lessons: Vec<LessonDraft>,
}

/// A lesson of a [`CourseDraft`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct LessonDraft {
    /// The lesson.
    pub lesson: NewLesson,
    /// Keys of the objectives that it serves.
    pub objectives: Vec<String>,
    /// Its topics, in order.
    pub topics: Vec<NewTopic>,
}

/// What was written of a [`CourseDraft`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct WrittenCourse {
    /// The course.
    pub course_id: CourseId,
    /// The lessons with their topics, in order.
    pub lessons: Vec<(LessonId, Vec<TopicId>)>,
}

impl Catalog<'_> {
    /// Whether the session's actor may create a course now: to be asked before a model is paid for one.
    ///
    /// # Errors
    /// Denied where they may not.
    pub async fn require_may_create_course(&self) -> Result<(), Error> {
        let denied = Error::Denied { action: Action::CreateCourse };
        let Some(owner) = self.s.rights_of() else { return Err(denied) };
        let person = self.s.store().person(Some(owner), PersonKey::Id(owner)).await?;
        if may_create_course(&self.s.actor, person.actor.as_ref()) { Ok(()) } else { Err(denied) }
    }

    /// Writes an accepted course: course, objectives, lessons, topics and links, and flips its log
    /// row, in one transaction (I1). The session's actor owns the course and must be allowed to
    /// create one now, not when the model was called. Everything is unpublished (L4).
    ///
    /// Applying the same operation again returns what stands.
    ///
    /// # Errors
    /// Denied; Invalid with every problem; OperationNotValid when the log row is not `valid`.
    #[tracing::instrument(name = "lms.apply_course", skip_all, fields(course, outcome))]
    pub async fn apply_course(&self, draft: CourseDraft, origin: AiOrigin) -> Result<WrittenCourse, Error> {
        self.s
            .clone()
            .with_command_id(origin.operation_id)
            .catalog()
            .s
            .run(None, |command| self.plan_apply_course(command, draft.clone(), origin))
            .await
    }

    async fn plan_apply_course(
        &self,
        mut command: Command,
        draft: CourseDraft,
        origin: AiOrigin,
    ) -> Result<Planned<WrittenCourse>, Error> {
        let id: CourseId = command.new_id();
        let written = WrittenCourse {
            course_id: id,
            lessons: draft
                .lessons
                .iter()
                .enumerate()
                .map(|(l, lesson)| {
                    let lesson_id = LessonId::from_uuid(command.derived("lesson", l as u64));
                    let topics = (0..lesson.topics.len())
                        .map(|t| TopicId::from_uuid(command.derived("topic", (l as u64) << 32 | t as u64)))
                        .collect();
                    (lesson_id, topics)
                })
                .collect(),
        };
        if command.done {
            return Ok(Planned::nothing(self.written(id).await?));
        }
        let Some(owner) = self.s.rights_of() else {
            return Err(Error::Denied { action: Action::CreateCourse });
        };
        let person = self.s.store().person(Some(owner), PersonKey::Id(owner)).await?;
        if !may_create_course(&command.actor, person.actor.as_ref()) {
            return Err(Error::Denied { action: Action::CreateCourse });
        }
        let mut batch = WriteBatch::default();
        let now = command.now;
        self.claim(&mut batch, origin, &command).await?;
        let ai = Some(origin.log_id);
        let course = draft.course.into_course(id, owner, ai, now);
        check_course(&course)?;
        batch.insert(course);
        let mut objectives = Vec::with_capacity(draft.objectives.len());
        for (n, (key, text)) in draft.objectives.into_iter().enumerate() {
            check_objective(&key, &text)?;
            if objectives.iter().any(|o: &Objective| o.key == key) {
                return Err(Refusal::ObjectiveKeyTaken { key }.into());
            }
            let objective = Objective {
                id: ObjectiveId::from_uuid(command.derived("objective", n as u64)),
                course_id: id,
                key,
                text,
                order_index: i64::try_from(n).unwrap_or(i64::MAX),
                version: 1,
                created_at: now,
                updated_at: now,
            };
            objectives.push(objective.clone());
            batch.insert(objective);
        }
        for (n, (draft, (lesson_id, topic_ids))) in draft.lessons.into_iter().zip(&written.lessons).enumerate() {
            let place = i64::try_from(n).unwrap_or(i64::MAX);
            let mut new = draft.lesson;
            new.is_published = false;
            let lesson = new.into_lesson(*lesson_id, id, place, ai, now);
            check_lesson(&lesson)?;
            batch.insert(lesson);
            for objective in objectives_by_key(&objectives, &draft.objectives, &format!("lessons[{n}].objectives"))? {
                batch
                    .insert(ObjectiveLesson { objective_id: ObjectiveId::from_uuid(objective), lesson_id: *lesson_id });
            }
            for (t, (new, topic_id)) in draft.topics.into_iter().zip(topic_ids).enumerate() {
                let topic = new.into_topic(*topic_id, *lesson_id, i64::try_from(t).unwrap_or(i64::MAX), ai, now);
                refuse(check_topic(&topic))?;
                batch.insert(topic);
            }
        }
        let made = serde_json::json!({ "kind": "course", "log_id": origin.log_id, "visible": false, "owner": owner });
        batch.events.push(command.event(EventKind::AiGenerated, SubjectType::Course, id).course(id).with(&made));
        Ok(Planned { batch, outcome: written })
    }

    /// What stands of a course that was written before.
    async fn written(&self, course_id: CourseId) -> Result<WrittenCourse, Error> {
        let structure = self.structure(course_id).await?;
        let topics_of = |lesson: LessonId| {
            structure.topics.iter().filter(|t| t.lesson_id == lesson).map(|t| t.id).collect::<Vec<_>>()
        };
        let lessons = structure.lessons.iter().map(|l| (l.id, topics_of(l.id))).collect();
        Ok(WrittenCourse { course_id, lessons })
    }

    /// Writes an accepted body into a topic, and flips its log row, in one transaction. With `seen`, the version
    /// of the topic that the body was made for, what somebody wrote since stands; without it the body replaces
    /// whatever stands now.
    ///
    /// # Errors
    /// Denied; VersionStale when somebody edited the topic since; Invalid; OperationNotValid.
    #[tracing::instrument(name = "lms.apply_body", skip_all, fields(course, outcome))]
    pub async fn apply_body(
        &self,
        id: TopicId,
        body: String,
        seen: Option<i64>,
        origin: AiOrigin,
    ) -> Result<Topic, Error> {
        self.s
            .clone()
            .with_command_id(origin.operation_id)
            .run(None, |mut command| {
                let body = body.clone();
                async move {
                    let context =
                        self.content(ContentRef::Topic(id), Action::EditContent, SubjectType::Topic, id).await?;
                    let before = context.topic.ok_or_else(|| Error::not_found(SubjectType::Topic, id))?;
                    if command.done {
                        return Ok(Planned::nothing(before));
                    }
                    if let Some(seen) = seen {
                        same_version(SubjectType::Topic, seen, before.version)?;
                    }
                    let mut batch = WriteBatch::default();
                    self.claim(&mut batch, origin, &command).await?;
                    let mut topic = before.clone();
                    topic.body = Some(body);
                    topic.is_ai_generated = true;
                    topic.ai_log_id = Some(origin.log_id);
                    topic.version += 1;
                    topic.updated_at = command.now;
                    refuse(check_topic(&topic))?;
                    batch.expect.push(Expect::Row { table: Table::Topic, id: id.uuid(), version: before.version });
                    batch.put(topic.clone());
                    batch.events.push(generated(
                        &mut command,
                        context.course.id,
                        SubjectType::Topic,
                        id,
                        origin,
                        "body",
                    ));
                    Ok(Planned { batch, outcome: topic })
                }
            })
            .await
    }

    /// Writes an accepted quiz with its questions into a lesson, unpublished, and flips its log row,
    /// in one transaction.
    ///
    /// # Errors
    /// Denied; Invalid with every problem; OperationNotValid.
    #[tracing::instrument(name = "lms.apply_quiz", skip_all, fields(course, outcome))]
    pub async fn apply_quiz(&self, lesson: LessonId, quiz: NewQuiz, sources: AiSources) -> Result<Quiz, Error> {
        let (sources, origin) = (&sources, sources.origin);
        self.s
            .clone()
            .with_command_id(origin.operation_id)
            .run(None, |mut command| {
                let mut new = quiz.clone();
                async move {
                    new.is_published = false;
                    new.rules.ai_grading.get_or_insert(self.s.lms.inner.ai_grading_of_ai_content);
                    let id: QuizId = command.new_id();
                    if command.done {
                        return Ok(Planned::nothing(self.quiz(id).await?));
                    }
                    let at = ContentRef::LessonQuizzes(lesson);
                    let context = self.content(at, Action::EditContent, SubjectType::Lesson, lesson).await?;
                    let last = i64::try_from(context.siblings.len()).unwrap_or(i64::MAX);
                    let (quiz, questions, links) =
                        new.into_rows(&command, lesson, last, Some(origin.log_id), &context.objectives)?;
                    let mut edit = StructureEdit::of(&context.course);
                    self.claim_all(&mut edit.batch, sources, &command).await?;
                    edit.batch.insert(quiz.clone());
                    for (n, mut question) in questions.into_iter().enumerate() {
                        question.ai_log_id = sources.of_item(n).or(question.ai_log_id);
                        edit.batch.insert(question);
                    }
                    for link in links {
                        edit.batch.insert(link);
                    }
                    let event = generated(&mut command, context.course.id, SubjectType::Quiz, id, origin, "quiz");
                    edit.batch.events.push(event);
                    Ok(Planned { batch: edit.batch, outcome: quiz })
                }
            })
            .await
    }

    /// Writes an accepted assignment into a lesson, unpublished, and flips its log row, in one
    /// transaction. AI grades work on it unless the draft says otherwise (S11).
    ///
    /// # Errors
    /// Denied; Invalid with every problem; OperationNotValid.
    #[tracing::instrument(name = "lms.apply_assignment", skip_all, fields(course, outcome))]
    pub async fn apply_assignment(
        &self,
        lesson: LessonId,
        assignment: NewAssignment,
        sources: AiSources,
    ) -> Result<Assignment, Error> {
        let (sources, origin) = (&sources, sources.origin);
        self.s
            .clone()
            .with_command_id(origin.operation_id)
            .run(None, |mut command| {
                let mut new = assignment.clone();
                async move {
                    new.is_published = false;
                    new.rules.ai_grading.get_or_insert(self.s.lms.inner.ai_grading_of_ai_content);
                    let id: AssignmentId = command.new_id();
                    if command.done {
                        return Ok(Planned::nothing(self.assignment(id).await?));
                    }
                    let at = ContentRef::LessonAssignments(lesson);
                    let context = self.content(at, Action::EditContent, SubjectType::Lesson, lesson).await?;
                    let last = i64::try_from(context.siblings.len()).unwrap_or(i64::MAX);
                    let (assignment, links) =
                        new.into_rows(&command, lesson, last, Some(origin.log_id), &context.objectives)?;
                    let mut edit = StructureEdit::of(&context.course);
                    self.claim_all(&mut edit.batch, sources, &command).await?;
                    edit.batch.insert(assignment.clone());
                    for link in links {
                        edit.batch.insert(link);
                    }
                    let event =
                        generated(&mut command, context.course.id, SubjectType::Assignment, id, origin, "assignment");
                    edit.batch.events.push(event);
                    Ok(Planned { batch: edit.batch, outcome: assignment })
                }
            })
            .await
    }

    async fn claim_all(&self, batch: &mut WriteBatch, sources: &AiSources, command: &Command) -> Result<(), Error> {
        self.claim(batch, sources.origin, command).await?;
        for (_, origin) in &sources.also {
            self.claim(batch, *origin, command).await?;
        }
        Ok(())
    }

    /// Expects the log row to be `valid` and flips it to `applied` in the same batch (I2).
    pub(crate) async fn claim(&self, batch: &mut WriteBatch, origin: AiOrigin, command: &Command) -> Result<(), Error> {
        let log = self
            .s
            .store()
            .ai_log(origin.log_id)
            .await?
            .filter(|log| log.operation_id == origin.operation_id)
            .ok_or_else(|| Error::not_found(SubjectType::AiLog, origin.log_id))?;
        if log.status != AiLogStatus::Valid {
            return Err(Refusal::OperationNotValid { status: log.status }.into());
        }
        batch.expect.push(Expect::Log { id: origin.log_id, status: AiLogStatus::Valid });
        batch.changes.push(Change::FlipLog {
            id: origin.log_id,
            from: AiLogStatus::Valid,
            to: AiLogStatus::Applied,
            at: command.now,
        });
        Ok(())
    }
}

/// ai_generated: what was written, and from which log row.
fn generated(
    command: &mut Command,
    course: CourseId,
    subject: SubjectType,
    id: impl Into<Uuid>,
    origin: AiOrigin,
    kind: &str,
) -> NewEvent {
    command
        .event(EventKind::AiGenerated, subject, id)
        .course(course)
        .with(&serde_json::json!({ "kind": kind, "log_id": origin.log_id, "visible": false }))
}
