//! Lessons: adding, editing, publishing, requiring.

use serde::{Deserialize, Serialize};

use super::super::{Catalog, Command, Planned};
use super::{StructureEdit, changed, edited_before, same_version, touched};
use crate::error::{Error, Refusal};
use crate::model::table::Json;
use crate::model::*;
use crate::rules::authoring::{Checks, would_cycle};
use crate::rules::order::inserted;
use crate::rules::permission::Action;
use crate::store::{Change, ContentRef, Expect, Key, Row, Siblings, Table};

/// A lesson to be made: unpublished, required, completed by marking it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct NewLesson {
    /// The title, 1 to 200 characters.
    pub title: String,
    /// What it is about.
    #[serde(default)]
    pub summary: String,
    /// Where it goes; the end unless set; clamped (O3).
    #[serde(default)]
    pub index: Option<i64>,
    /// Whether learners see it at once.
    #[serde(default)]
    pub is_published: bool,
    /// Whether it counts for completion.
    #[serde(default = "yes")]
    pub is_required: bool,
    /// When it is complete.
    #[serde(default = "manual")]
    pub completion_rule: CompletionRule,
    /// Not open before.
    #[serde(default)]
    pub available_from: Option<Timestamp>,
    /// How long it takes, in minutes.
    #[serde(default)]
    pub estimated_minutes: Option<i64>,
    /// The host's own data.
    #[serde(default)]
    pub metadata: Option<Json>,
}

const fn yes() -> bool {
    true
}
const fn manual() -> CompletionRule {
    CompletionRule::Manual
}

impl NewLesson {
    /// A lesson with a title and every default.
    pub fn titled(title: impl Into<String>) -> Self {
        Self {
            title: title.into(),
            summary: String::new(),
            index: None,
            is_published: false,
            is_required: true,
            completion_rule: manual(),
            available_from: None,
            estimated_minutes: None,
            metadata: None,
        }
    }

    /// The same, visible at once.
    #[must_use]
    pub const fn published(mut self) -> Self {
        self.is_published = true;
        self
    }

    /// The row of it.
    pub(crate) fn into_lesson(
        self,
        id: LessonId,
        course: CourseId,
        order_index: i64,
        ai: Option<AiLogId>,
        now: Timestamp,
    ) -> Lesson {
        Lesson {
            id,
            course_id: course,
            title: self.title,
            summary: self.summary,
            order_index,
            is_published: self.is_published,
            is_required: self.is_required,
            completion_rule: self.completion_rule,
            available_from: self.available_from,
            estimated_minutes: self.estimated_minutes,
            is_ai_generated: ai.is_some(),
            ai_log_id: ai,
            ai_edited_at: None,
            copied_from: None,
            metadata: self.metadata.unwrap_or_else(Json::object),
            version: 1,
            created_at: now,
            updated_at: now,
        }
    }
}

/// An edit of a lesson; what is `None` stays.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Default)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct UpdateLesson {
    /// The version that the caller read (L5).
    pub version: i64,
    /// Another title.
    pub title: Option<String>,
    /// Another summary.
    pub summary: Option<String>,
    /// Whether it counts for completion.
    pub is_required: Option<bool>,
    /// Another rule of completion.
    pub completion_rule: Option<CompletionRule>,
    /// Another opening; `Some(None)`, in JSON null, takes it away.
    #[serde(deserialize_with = "crate::lms::given", skip_serializing_if = "Option::is_none")]
    pub available_from: Option<Option<Timestamp>>,
    /// Another estimate; `Some(None)`, in JSON null, takes it away.
    #[serde(deserialize_with = "crate::lms::given", skip_serializing_if = "Option::is_none")]
    pub estimated_minutes: Option<Option<i64>>,
    /// Other data of the host's.
    pub metadata: Option<Json>,
}

/// What is wrong with a lesson's own fields.
pub(crate) fn check_lesson(lesson: &Lesson) -> Result<(), Error> {
    let mut checks = Checks::default();
    checks.text("title", &lesson.title, 1, 200);
    checks.long_text("summary", &lesson.summary, 20_000);
    checks.range("estimated_minutes", lesson.estimated_minutes, 1, 1_000_000);
    checks.metadata(&lesson.metadata);
    checks.done()
}

/// A rule of completion that could never be met is refused where learners would meet it (P2).
pub(crate) fn check_rule(
    lesson: &Lesson,
    topics: i64,
    quizzes: &[Quiz],
    assignments: &[Assignment],
) -> Result<(), Error> {
    if !lesson.is_published {
        return Ok(());
    }
    let impossible = match lesson.completion_rule {
        CompletionRule::Manual => false,
        CompletionRule::Viewed => topics == 0,
        CompletionRule::Work => {
            !quizzes.iter().any(|q| q.is_published && q.is_required)
                && !assignments.iter().any(|a| a.is_published && a.is_required)
        }
    };
    if impossible {
        let message = match lesson.completion_rule {
            CompletionRule::Viewed => "a lesson that completes by viewing needs a topic",
            _ => "a lesson that completes by its work needs a published, required quiz or assignment",
        };
        return Err(Error::invalid("lesson.rule_never_met", "completion_rule", message));
    }
    Ok(())
}

impl Catalog<'_> {
    /// Adds a lesson to a course, at the end or at an index.
    ///
    /// # Errors
    /// Invalid with every problem; NotFound.
    #[tracing::instrument(name = "lms.add_lesson", skip_all, fields(course, outcome))]
    pub async fn add_lesson(&self, course: CourseId, new: NewLesson) -> Result<Lesson, Error> {
        self.edit(|mut command| {
            let new = new.clone();
            async move {
                let context =
                    self.content(ContentRef::Course(course), Action::EditContent, SubjectType::Course, course).await?;
                let id: LessonId = command.new_id();
                if command.done || context.siblings.contains(&id.uuid()) {
                    return Ok(Planned::nothing((self.lesson(id).await?, None)));
                }
                let order = inserted(&context.siblings, id.uuid(), new.index);
                let last = i64::try_from(context.siblings.len()).unwrap_or(i64::MAX);
                let at = i64::try_from(order.iter().position(|s| *s == id.uuid()).unwrap_or(0)).unwrap_or(last);
                let mut lesson = new.into_lesson(id, course, last, None, command.now);
                check_lesson(&lesson)?;
                check_rule(&lesson, 0, &[], &[])?;
                let mut edit = StructureEdit::of(&context.course);
                edit.batch.insert(lesson.clone());
                if at != last {
                    edit.batch.changes.push(Change::Order { siblings: Siblings::Lessons(course), ids: order });
                    lesson.order_index = at;
                }
                let visible = context.course.is_readable() && lesson.is_published;
                edit.batch.events.push(changed(&mut command, course, SubjectType::Lesson, id, "created", visible));
                let (batch, job) = edit.finish(&command, false, false);
                Ok(Planned { batch, outcome: (lesson, job) })
            }
        })
        .await
    }

    /// A lesson, for staff.
    ///
    /// # Errors
    /// NotFound, also to those who are not the course's staff.
    pub async fn lesson(&self, id: LessonId) -> Result<Lesson, Error> {
        self.content(ContentRef::Lesson(id), Action::EditContent, SubjectType::Lesson, id)
            .await?
            .lesson
            .ok_or_else(|| Error::not_found(SubjectType::Lesson, id))
    }

    /// Edits a lesson. Making it optional, or easing its rule, completes whoever now qualifies (P9).
    ///
    /// # Errors
    /// VersionStale; Invalid with every problem.
    #[tracing::instrument(name = "lms.update_lesson", skip_all, fields(course, outcome))]
    pub async fn update_lesson(&self, id: LessonId, update: UpdateLesson) -> Result<Lesson, Error> {
        self.change_lesson(id, Action::EditContent, "updated", move |lesson, version| {
            same_version(SubjectType::Lesson, update.version, version)?;
            let update = update.clone();
            macro_rules! set {
                ($($field:ident),*) => { $( if let Some(value) = update.$field { lesson.$field = value; } )* };
            }
            set!(title, summary, is_required, completion_rule, available_from, estimated_minutes, metadata);
            Ok(())
        })
        .await
    }

    /// Makes a lesson visible, or hides it again. Repeating it changes nothing. Hiding one completes
    /// whoever now qualifies (P9).
    ///
    /// # Errors
    /// Invalid where its rule could never be met.
    #[tracing::instrument(name = "lms.publish_lesson", skip_all, fields(course, outcome))]
    pub async fn publish_lesson(&self, id: LessonId, publish: bool) -> Result<Lesson, Error> {
        let action = if publish { "published" } else { "unpublished" };
        self.change_lesson(id, Action::Manage, action, move |lesson, _| {
            lesson.is_published = publish;
            Ok(())
        })
        .await
    }

    async fn change_lesson<F>(
        &self,
        id: LessonId,
        action: Action,
        word: &'static str,
        change: F,
    ) -> Result<Lesson, Error>
    where
        F: Fn(&mut Lesson, i64) -> Result<(), Error> + Send + Sync,
    {
        let change = &change;
        self.edit(|mut command| async move {
            let context = self.content(ContentRef::Lesson(id), action, SubjectType::Lesson, id).await?;
            let before = context.lesson.clone().ok_or_else(|| Error::not_found(SubjectType::Lesson, id))?;
            if command.done {
                return Ok(edited_before(&command, before));
            }
            let mut lesson = before.clone();
            change(&mut lesson, before.version)?;
            if lesson == before {
                return Ok(Planned::nothing((lesson, None)));
            }
            check_lesson(&lesson)?;
            check_rule(&lesson, context.topics, &context.quizzes, &context.assignments)?;
            lesson.version += 1;
            lesson.updated_at = command.now;
            touched(&mut lesson.ai_edited_at, lesson.is_ai_generated, &command);
            let structural = lesson.is_published != before.is_published
                || lesson.is_required != before.is_required
                || lesson.completion_rule != before.completion_rule
                || lesson.available_from != before.available_from;
            let visible = context.course.is_readable() && (lesson.is_published || before.is_published);
            let event = changed(&mut command, context.course.id, SubjectType::Lesson, id, word, visible);
            let expect = Expect::Row { table: Table::Lesson, id: id.uuid(), version: before.version };
            let (batch, job) = if structural {
                let mut edit = StructureEdit::of(&context.course);
                edit.batch.expect.push(expect);
                edit.batch.put(lesson.clone());
                edit.batch.events.push(event);
                // An optional lesson that goes takes its required quizzes and assignments along.
                let eases = (before.is_published && !lesson.is_published)
                    || (before.counts() && !lesson.counts())
                    || lesson.completion_rule != before.completion_rule
                    || (lesson.is_published && !before.is_published && context.has_learner_rows);
                edit.finish(&command, context.has_learner_rows, eases)
            } else {
                let mut batch = crate::store::WriteBatch::default();
                batch.expect.push(expect);
                batch.put(lesson.clone());
                batch.events.push(event);
                (batch, None)
            };
            Ok(Planned { batch, outcome: (lesson, job) })
        })
        .await
    }

    /// Makes a lesson wait for another of the same course, or no longer (X2).
    ///
    /// # Errors
    /// Invalid where the lessons are of different courses or would wait for one another in a circle.
    #[tracing::instrument(name = "lms.require_lesson", skip_all, fields(course, outcome))]
    pub async fn require_lesson(&self, lesson: LessonId, requires: LessonId, on: bool) -> Result<(), Error> {
        self.edit(|mut command| async move {
            let context =
                self.content(ContentRef::Lesson(lesson), Action::EditContent, SubjectType::Lesson, lesson).await?;
            if command.done {
                return Ok(Planned::nothing(((), None)));
            }
            let course = &context.course;
            let structure = self
                .s
                .store()
                .structure(course.id)
                .await?
                .ok_or_else(|| Error::not_found(SubjectType::Course, course.id))?;
            if structure.course.structure_version != course.structure_version {
                return Err(Refusal::StructureChanged {
                    present_version: structure.course.structure_version,
                    present: context.siblings,
                }
                .into());
            }
            let edges: Vec<_> = structure.requires.iter().map(|r| (r.lesson_id, r.requires_id)).collect();
            let present = edges.contains(&(lesson, requires));
            if present == on {
                return Ok(Planned::nothing(((), None)));
            }
            let mut edit = StructureEdit::of(course);
            let row = LessonRequirement { lesson_id: lesson, requires_id: requires };
            if on {
                if !structure.lessons.iter().any(|l| l.id == requires) {
                    return Err(Error::invalid("lesson.requires", "requires", "must be a lesson of the same course"));
                }
                if would_cycle(lesson, requires, &edges) {
                    return Err(Error::invalid(
                        "lesson.requires_cycle",
                        "requires",
                        "the lessons would wait for one another",
                    ));
                }
                edit.batch.insert(row);
            } else {
                edit.batch.changes.push(Change::Delete(Key::Link(Box::new(Row::LessonRequirement(row)))));
            }
            let visible = super::lesson_shows(&context);
            edit.batch.events.push(changed(&mut command, course.id, SubjectType::Lesson, lesson, "requires", visible));
            Ok(Planned { batch: edit.batch, outcome: ((), None) })
        })
        .await
    }

    /// Links a lesson to objectives of its course, by their keys; links that exist stay.
    ///
    /// # Errors
    /// Invalid where a key is unknown (L6).
    #[tracing::instrument(name = "lms.link_objectives", skip_all, fields(course, outcome))]
    pub async fn link_objectives(&self, lesson: LessonId, keys: Vec<String>) -> Result<(), Error> {
        self.s
            .run(None, |mut command: Command| {
                let keys = keys.clone();
                async move {
                    let context = self
                        .content(ContentRef::Lesson(lesson), Action::EditContent, SubjectType::Lesson, lesson)
                        .await?;
                    if command.done {
                        return Ok(Planned::nothing(()));
                    }
                    let present = self.s.store().objective_links(context.course.id).await?;
                    let mut batch = crate::store::WriteBatch::default();
                    for id in super::objectives_by_key(&context.objectives, &keys, "keys")? {
                        let objective = ObjectiveId::from_uuid(id);
                        if !present.contains(&(objective, lesson.uuid())) {
                            batch.insert(ObjectiveLesson { objective_id: objective, lesson_id: lesson });
                        }
                    }
                    if !batch.is_empty() {
                        batch.events.push(changed(
                            &mut command,
                            context.course.id,
                            SubjectType::Lesson,
                            lesson,
                            "objectives",
                            false,
                        ));
                    }
                    Ok(Planned { batch, outcome: () })
                }
            })
            .await
    }
}
