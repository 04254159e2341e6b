//! Deleting: what would go is shown first, and never more goes than was shown (D1–D3).

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::super::{Catalog, Planned};
use super::{StructureEdit, bump_quiz, changed, lesson_shows};
use crate::error::{Error, Refusal};
use crate::model::*;
use crate::rules::permission::Action;
use crate::store::{Change, ContentContext, ContentRef, Expect, Item, Key, Siblings, Table, WorkCounts, WriteBatch};

/// What a deletion would remove. Its token is what [`Catalog::delete`] asks for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct DeletePlan {
    /// The item.
    pub item: Item,
    /// What hangs under it.
    pub counts: WorkCounts,
    /// Whether learners have worked on it while it is published: unpublish it first.
    pub blocked: bool,
}

impl Catalog<'_> {
    /// Counts what deleting an item would remove (D3).
    ///
    /// # Errors
    /// NotFound, also to those who may not delete it.
    pub async fn plan_delete(&self, item: Item) -> Result<DeletePlan, Error> {
        let (at, what, id) = place(item);
        let context = self.content(at, Action::Manage, what, id).await?;
        let counts = self.s.store().work_counts(item).await?;
        let published = is_published(item, &context);
        Ok(DeletePlan { item, counts, blocked: published && counts.has_learner_work() })
    }

    /// Deletes a course, a lesson, a quiz or an assignment with everything under it, in one
    /// transaction; the siblings' gap closes (D1, O3). At most what the plan counted goes.
    ///
    /// # Errors
    /// DeletePublished where learners have worked on it and it is published; DeleteGrown where more
    /// would go than was shown; CourseHasCertificates (D2); Invalid where the lesson completes by its work and
    /// none would be left (P2).
    #[tracing::instrument(name = "lms.delete", skip_all, fields(course, outcome))]
    pub async fn delete(&self, plan: &DeletePlan) -> Result<(), Error> {
        let item = plan.item;
        let shown = plan.counts;
        self.edit(|mut command| async move {
            let (at, what, id) = place(item);
            if command.done {
                return Ok(Planned::nothing(((), None)));
            }
            let context = self.content(at, Action::Manage, what, id).await?;
            let counts = self.s.store().work_counts(item).await?;
            if matches!(item, Item::Course(_)) && counts.certificates > 0 {
                return Err(Refusal::CourseHasCertificates { count: counts.certificates }.into());
            }
            if is_published(item, &context) && counts.has_learner_work() {
                return Err(Refusal::DeletePublished { counts }.into());
            }
            if !counts.at_most(&shown) {
                return Err(Refusal::DeleteGrown { counts }.into());
            }
            let course = &context.course;
            let event = command
                .event(EventKind::ContentChanged, what, id)
                .course(course.id)
                .with(&serde_json::json!({ "action": "deleted", "visible": shows(item, &context), "counts": counts }));
            if let Item::Course(course_id) = item {
                // Under the exclusive lock, so that no learner's work comes between the count and the deletion (D3).
                let StructureEdit { mut batch, .. } = StructureEdit::of(course);
                batch.expect.push(Expect::WorkAtMost { item, counts: shown });
                batch.changes.push(Change::Delete(Key::Id(Table::Course, course_id.uuid())));
                batch.events.push(event);
                return Ok(Planned { batch, outcome: ((), None) });
            }
            let siblings = match (item, &context.lesson) {
                (Item::Lesson(_), _) => Siblings::Lessons(course.id),
                (Item::Quiz(_), Some(lesson)) => Siblings::Quizzes(lesson.id),
                (Item::Assignment(_), Some(lesson)) => Siblings::Assignments(lesson.id),
                _ => return Err(Error::not_found(what, id)),
            };
            let table = match item {
                Item::Lesson(_) => Table::Lesson,
                Item::Quiz(_) => Table::Quiz,
                _ => Table::Assignment,
            };
            let counted = match item {
                Item::Lesson(_) => context.lesson.as_ref().is_some_and(|l| l.is_published),
                Item::Quiz(_) => context.quiz.as_ref().is_some_and(|q| q.is_published),
                _ => context.assignment.as_ref().is_some_and(|a| a.is_published),
            };
            if counted && matches!(item, Item::Quiz(_) | Item::Assignment(_)) {
                let quizzes: Vec<Quiz> = context.quizzes.iter().filter(|q| q.id.uuid() != id).cloned().collect();
                let assignments: Vec<Assignment> =
                    context.assignments.iter().filter(|a| a.id.uuid() != id).cloned().collect();
                super::check_lesson_keeps_its_rule(&context, &quizzes, &assignments)?;
            }
            let mut edit = StructureEdit::of(course);
            edit.batch.expect.push(Expect::WorkAtMost { item, counts: shown });
            edit.batch.changes.push(Change::Delete(Key::Id(table, id)));
            let rest: Vec<Uuid> = context.siblings.iter().copied().filter(|s| *s != id).collect();
            if rest.len() + 1 == context.siblings.len() && context.siblings.last() != Some(&id) {
                edit.batch.changes.push(Change::Order { siblings, ids: rest });
            }
            edit.batch.events.push(event);
            let (batch, job) = edit.finish(&command, context.has_learner_rows, counted);
            Ok(Planned { batch, outcome: ((), job) })
        })
        .await
    }

    /// Deletes a topic; learners' views of it go with it, and the gap closes.
    ///
    /// # Errors
    /// NotFound, also to those who may not.
    #[tracing::instrument(name = "lms.delete_topic", skip_all, fields(course, outcome))]
    pub async fn delete_topic(&self, id: TopicId) -> Result<(), Error> {
        self.edit(|mut command| async move {
            if command.done {
                return Ok(Planned::nothing(((), None)));
            }
            let context = self.content(ContentRef::Topic(id), Action::Manage, SubjectType::Topic, id).await?;
            let lesson = context.lesson.clone().ok_or_else(|| Error::not_found(SubjectType::Topic, id))?;
            super::lessons::check_rule(&lesson, context.topics - 1, &context.quizzes, &context.assignments)?;
            let mut edit = StructureEdit::of(&context.course);
            edit.batch.changes.push(Change::Delete(Key::Id(Table::Topic, id.uuid())));
            let rest: Vec<Uuid> = context.siblings.iter().copied().filter(|s| *s != id.uuid()).collect();
            if context.siblings.last() != Some(&id.uuid()) {
                edit.batch.changes.push(Change::Order { siblings: Siblings::Topics(lesson.id), ids: rest });
            }
            let visible = lesson_shows(&context);
            edit.batch.events.push(changed(
                &mut command,
                context.course.id,
                SubjectType::Topic,
                id,
                "deleted",
                visible,
            ));
            // A lesson that completes by viewing may now be complete for who had seen the rest (P9).
            let eases = lesson.is_published && lesson.completion_rule == CompletionRule::Viewed;
            let (batch, job) = edit.finish(&command, false, eases);
            Ok(Planned { batch, outcome: ((), job) })
        })
        .await
    }

    /// Deletes a question of a quiz's draft; graded attempts keep theirs (D1, Q15).
    ///
    /// # Errors
    /// Invalid where the quiz is published and would be left without a question (L3).
    #[tracing::instrument(name = "lms.delete_question", skip_all, fields(course, outcome))]
    pub async fn delete_question(&self, id: QuestionId) -> Result<(), Error> {
        self.s
            .run(None, |mut command| async move {
                if command.done {
                    return Ok(Planned::nothing(()));
                }
                let context = self.content(ContentRef::Question(id), Action::Manage, SubjectType::Question, id).await?;
                let quiz = context.quiz.clone().ok_or_else(|| Error::not_found(SubjectType::Question, id))?;
                let rest: Vec<QuizQuestion> = context.questions.iter().filter(|q| q.id != id).cloned().collect();
                if quiz.is_published {
                    crate::rules::authoring::refuse(crate::rules::authoring::check_quiz_publishable(&quiz, &rest))?;
                }
                let mut batch = WriteBatch::default();
                let quiz_id = quiz.id;
                bump_quiz(&mut batch, quiz, &command);
                batch.changes.push(Change::Delete(Key::Id(Table::QuizQuestion, id.uuid())));
                if context.siblings.last() != Some(&id.uuid()) {
                    let ids = rest.iter().map(|q| q.id.uuid()).collect();
                    batch.changes.push(Change::Order { siblings: Siblings::Questions(quiz_id), ids });
                }
                let event = changed(&mut command, context.course.id, SubjectType::Question, id, "deleted", false);
                batch.events.push(event);
                Ok(Planned { batch, outcome: () })
            })
            .await
    }
}

fn place(item: Item) -> (ContentRef, SubjectType, Uuid) {
    match item {
        Item::Course(id) => (ContentRef::Course(id), SubjectType::Course, id.uuid()),
        Item::Lesson(id) => (ContentRef::Lesson(id), SubjectType::Lesson, id.uuid()),
        Item::Quiz(id) => (ContentRef::Quiz(id), SubjectType::Quiz, id.uuid()),
        Item::Assignment(id) => (ContentRef::Assignment(id), SubjectType::Assignment, id.uuid()),
    }
}

/// Whether learners see it: then it is published, and what goes with it holds no work of theirs (D3), so that
/// the counts are of content alone. Who hears of a course's own end is its staff.
fn shows(item: Item, context: &ContentContext) -> bool {
    match item {
        Item::Course(_) => false,
        Item::Lesson(_) => lesson_shows(context),
        Item::Quiz(_) | Item::Assignment(_) => lesson_shows(context) && is_published(item, context),
    }
}

fn is_published(item: Item, context: &ContentContext) -> bool {
    match item {
        Item::Course(_) => context.course.is_published,
        Item::Lesson(_) => context.lesson.as_ref().is_some_and(|l| l.is_published),
        Item::Quiz(_) => context.quiz.as_ref().is_some_and(|q| q.is_published),
        Item::Assignment(_) => context.assignment.as_ref().is_some_and(|a| a.is_published),
    }
}
