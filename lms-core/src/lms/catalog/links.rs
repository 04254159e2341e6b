//! Which objectives lessons, questions and assignments are linked to (L6).

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::super::{Catalog, Planned};
use super::{StructureEdit, bump_quiz, changed, objectives_by_key};
use crate::error::Error;
use crate::model::*;
use crate::rules::permission::Action;
use crate::store::{Change, ContentRef, Key, Row};

/// What can be linked to objectives of its course.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[serde(tag = "type", content = "id", rename_all = "snake_case")]
pub enum Linked {
    /// A lesson.
    Lesson(LessonId),
    /// A question of a quiz.
    Question(QuestionId),
    /// An assignment.
    Assignment(AssignmentId),
}

impl Linked {
    fn place(self) -> (ContentRef, SubjectType, Uuid) {
        match self {
            Self::Lesson(id) => (ContentRef::Lesson(id), SubjectType::Lesson, id.uuid()),
            Self::Question(id) => (ContentRef::Question(id), SubjectType::Question, id.uuid()),
            Self::Assignment(id) => (ContentRef::Assignment(id), SubjectType::Assignment, id.uuid()),
        }
    }

    fn link(self, objective_id: ObjectiveId) -> Row {
        match self {
            Self::Lesson(lesson_id) => ObjectiveLesson { objective_id, lesson_id }.into(),
            Self::Question(question_id) => ObjectiveQuestion { objective_id, question_id }.into(),
            Self::Assignment(assignment_id) => ObjectiveAssignment { objective_id, assignment_id }.into(),
        }
    }
}

impl Catalog<'_> {
    /// Links an item to exactly these objectives of its course, by their keys: what is missing is added, every
    /// other link goes. The links that stand already are no change. An edit of a question is one of its quiz
    /// (L5).
    ///
    /// # Errors
    /// Invalid where a key is unknown (L6); NotFound, also to those who may not edit it.
    #[tracing::instrument(name = "lms.set_objectives", skip_all, fields(course, outcome))]
    pub async fn set_objectives(&self, of: Linked, keys: Vec<String>) -> Result<(), Error> {
        let keys = &keys;
        let (at, what, id) = of.place();
        self.s
            .run(None, |mut command| async move {
                let context = self.content(at, Action::EditContent, what, id).await?;
                if command.done {
                    return Ok(Planned::nothing(()));
                }
                let present = self.s.store().objective_links(context.course.id).await?;
                let wanted: Vec<_> = objectives_by_key(&context.objectives, keys, "keys")?
                    .into_iter()
                    .map(ObjectiveId::from_uuid)
                    .collect();
                let present: Vec<_> = present.iter().filter(|(_, item)| *item == id).map(|(o, _)| *o).collect();
                let gone = present.iter().filter(|objective| !wanted.contains(objective));
                let new = wanted.iter().filter(|objective| !present.contains(objective));
                let mut changes: Vec<_> =
                    gone.map(|objective| Change::Delete(Key::Link(Box::new(of.link(*objective))))).collect();
                changes.extend(new.map(|objective| Change::Insert(of.link(*objective))));
                if changes.is_empty() {
                    return Ok(Planned::nothing(()));
                }
                // Two who set the links at once: the later one sees those of the first.
                let mut batch = StructureEdit::of(&context.course).batch;
                if let (Linked::Question(_), Some(quiz)) = (of, context.quiz.clone()) {
                    bump_quiz(&mut batch, quiz, &command);
                }
                batch.changes.append(&mut changes);
                batch.events.push(changed(&mut command, context.course.id, what, id, "objectives", false));
                Ok(Planned { batch, outcome: () })
            })
            .await
    }
}
