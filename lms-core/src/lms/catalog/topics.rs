//! Topics: adding and editing.

use serde::{Deserialize, Serialize};

use super::super::{Catalog, Planned};
use super::{StructureEdit, changed, same_version, touched};
use crate::error::Error;
use crate::model::table::Json;
use crate::model::*;
use crate::rules::authoring::{check_topic, refuse};
use crate::rules::order::inserted;
use crate::rules::permission::Action;
use crate::store::{Change, ContentRef, Expect, Siblings, Table, WriteBatch};

/// A topic to be made.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct NewTopic {
    /// The title, 1 to 200 characters.
    pub title: String,
    /// What it is.
    pub content_type: ContentType,
    /// Where it is, for the media kinds.
    #[serde(default)]
    pub content_url: Option<String>,
    /// CommonMark, for text; a transcript, for media.
    #[serde(default)]
    pub body: Option<String>,
    /// Where it goes; the end unless set.
    #[serde(default)]
    pub index: Option<i64>,
    /// The host's own data.
    #[serde(default)]
    pub metadata: Option<Json>,
}

impl NewTopic {
    /// A text.
    pub fn text(title: impl Into<String>, body: impl Into<String>) -> Self {
        Self {
            title: title.into(),
            content_type: ContentType::Text,
            content_url: None,
            body: Some(body.into()),
            index: None,
            metadata: None,
        }
    }

    /// Something at a URL.
    pub fn media(title: impl Into<String>, content_type: ContentType, url: impl Into<String>) -> Self {
        Self {
            title: title.into(),
            content_type,
            content_url: Some(url.into()),
            body: None,
            index: None,
            metadata: None,
        }
    }

    /// The row of it.
    pub(crate) fn into_topic(
        self,
        id: TopicId,
        lesson: LessonId,
        order_index: i64,
        ai: Option<AiLogId>,
        now: Timestamp,
    ) -> Topic {
        Topic {
            id,
            lesson_id: lesson,
            title: self.title,
            content_type: self.content_type,
            content_url: self.content_url,
            body: self.body,
            order_index,
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

/// An edit of a topic; what is `None` stays.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Default)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct UpdateTopic {
    /// The version that the caller read (L5).
    pub version: i64,
    /// Another title.
    pub title: Option<String>,
    /// Another body; `Some(None)`, in JSON null, takes it away, where the kind of content needs none (L7).
    #[serde(deserialize_with = "crate::lms::given", skip_serializing_if = "Option::is_none")]
    pub body: Option<Option<String>>,
    /// Another address; `Some(None)`, in JSON null, takes it away, where the kind of content needs none (L7).
    #[serde(deserialize_with = "crate::lms::given", skip_serializing_if = "Option::is_none")]
    pub content_url: Option<Option<String>>,
    /// Other data of the host's.
    pub metadata: Option<Json>,
}

impl Catalog<'_> {
    /// Adds a topic to a lesson, at the end or at an index.
    ///
    /// # Errors
    /// Invalid with every problem (L7); NotFound.
    #[tracing::instrument(name = "lms.add_topic", skip_all, fields(course, outcome))]
    pub async fn add_topic(&self, lesson: LessonId, new: NewTopic) -> Result<Topic, Error> {
        self.edit(|mut command| {
            let new = new.clone();
            async move {
                let context = self
                    .content(ContentRef::LessonTopics(lesson), Action::EditContent, SubjectType::Lesson, lesson)
                    .await?;
                let id: TopicId = command.new_id();
                if command.done || context.siblings.contains(&id.uuid()) {
                    return Ok(Planned::nothing((self.topic(id).await?, None)));
                }
                let order = inserted(&context.siblings, id.uuid(), new.index);
                let last = i64::try_from(context.siblings.len()).unwrap_or(i64::MAX);
                let at = i64::try_from(order.iter().position(|s| *s == id.uuid()).unwrap_or(0)).unwrap_or(last);
                let mut topic = new.into_topic(id, lesson, last, None, command.now);
                refuse(check_topic(&topic))?;
                let mut edit = StructureEdit::of(&context.course);
                edit.batch.insert(topic.clone());
                if at != last {
                    edit.batch.changes.push(Change::Order { siblings: Siblings::Topics(lesson), ids: order });
                    topic.order_index = at;
                }
                let visible = context.course.is_readable() && context.lesson.is_some_and(|l| l.is_published);
                edit.batch.events.push(changed(
                    &mut command,
                    context.course.id,
                    SubjectType::Topic,
                    id,
                    "created",
                    visible,
                ));
                Ok(Planned { batch: edit.batch, outcome: (topic, None) })
            }
        })
        .await
    }

    /// A topic, for staff.
    ///
    /// # Errors
    /// NotFound, also to those who are not the course's staff.
    pub async fn topic(&self, id: TopicId) -> Result<Topic, Error> {
        self.content(ContentRef::Topic(id), Action::EditContent, SubjectType::Topic, id)
            .await?
            .topic
            .ok_or_else(|| Error::not_found(SubjectType::Topic, id))
    }

    /// Edits a topic.
    ///
    /// # Errors
    /// VersionStale; Invalid with every problem.
    #[tracing::instrument(name = "lms.update_topic", skip_all, fields(course, outcome))]
    pub async fn update_topic(&self, id: TopicId, update: UpdateTopic) -> Result<Topic, Error> {
        self.s
            .run(None, |mut command| {
                let update = update.clone();
                async move {
                    let context =
                        self.content(ContentRef::Topic(id), Action::EditContent, SubjectType::Topic, id).await?;
                    let before = context.topic.ok_or_else(|| Error::not_found(SubjectType::Topic, id))?;
                    if command.done {
                        return Ok(Planned::nothing(before));
                    }
                    same_version(SubjectType::Topic, update.version, before.version)?;
                    let mut topic = before.clone();
                    topic.title = update.title.unwrap_or(topic.title);
                    topic.body = update.body.unwrap_or(topic.body);
                    topic.content_url = update.content_url.unwrap_or(topic.content_url);
                    topic.metadata = update.metadata.unwrap_or(topic.metadata);
                    refuse(check_topic(&topic))?;
                    if topic == before {
                        return Ok(Planned::nothing(topic));
                    }
                    topic.version += 1;
                    topic.updated_at = command.now;
                    touched(&mut topic.ai_edited_at, topic.is_ai_generated, &command);
                    let mut batch = WriteBatch::default();
                    batch.expect.push(Expect::Row { table: Table::Topic, id: id.uuid(), version: before.version });
                    batch.put(topic.clone());
                    let visible = context.course.is_readable() && context.lesson.is_some_and(|l| l.is_published);
                    let event = changed(&mut command, context.course.id, SubjectType::Topic, id, "updated", visible);
                    batch.events.push(event);
                    Ok(Planned { batch, outcome: topic })
                }
            })
            .await
    }
}
