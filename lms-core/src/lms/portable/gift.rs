//! The questions of a quiz as GIFT, and GIFT as questions of a quiz.

use super::*;
use crate::lms::catalog::{bump_quiz, changed, same_version};
use crate::lms::{Catalog, NewQuestion, Planned};
use crate::rules::authoring::{check_question_count, check_quiz_publishable, refuse};
use crate::rules::permission::Action;
use crate::store::{ContentRef, WriteBatch};

pub use crate::rules::gift::{GiftBank, GiftLoss, GiftNote, GiftQuestion, GiftText, gift_text};

/// What [`Catalog::import_gift`] did.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct GiftImport {
    /// The new questions, at the end of the quiz, in the order of the text.
    pub questions: Vec<QuestionId>,
    /// What did not come over, by line of the text.
    pub notes: Vec<GiftNote>,
}

/// What was not read in vain but has no place in a quiz: titles and categories.
fn unnamed(question: &GiftQuestion) -> impl Iterator<Item = GiftNote> {
    let line = question.line;
    let lost = [
        (question.title.is_some(), "the question's title has no place in a quiz"),
        (question.category.is_some(), "the question's category has no place in a quiz"),
    ];
    let lost = lost.into_iter().filter(|(there, _)| *there);
    lost.map(move |(_, message)| GiftNote { line, left_out: false, loss: GiftLoss::Name, message: message.to_owned() })
}

impl Catalog<'_> {
    /// The questions of a quiz's draft as GIFT, with their keys, and what GIFT cannot say of them.
    ///
    /// # Errors
    /// NotFound to those who are not the course's staff.
    #[tracing::instrument(name = "lms.export_gift", skip_all, fields(course, outcome))]
    pub async fn export_gift(&self, quiz: QuizId) -> Result<GiftText, Error> {
        let context = self.content(ContentRef::Quiz(quiz), Action::ReadWork, SubjectType::Quiz, quiz).await?;
        let mut objectives: std::collections::BTreeSet<_> = std::collections::BTreeSet::new();
        objectives.extend(self.s.store().objective_links(context.course.id).await?.into_iter().map(|(_, item)| item));
        let mut questions = Vec::with_capacity(context.questions.len());
        for row in context.questions {
            let body = row.body().map_err(|_| {
                let id = Some(row.id.uuid());
                let kind = crate::store::StoreErrorKind::Corrupt { table: "quiz_questions", column: "options", id };
                Error::Store(crate::store::StoreError::new(kind))
            })?;
            questions.push(NewQuestion {
                text: row.text,
                body,
                points: row.points,
                negative_points: row.negative_points,
                explanation: row.explanation,
                source_quote: row.source_quote,
                // Whether there are any is all that the text says of them.
                objectives: if objectives.contains(&row.id.uuid()) { vec![String::new()] } else { Vec::new() },
            });
        }
        Ok(gift_text(&questions))
    }

    /// Adds the questions of a GIFT text at the end of a quiz's draft, in one transaction. What cannot
    /// come over is in the notes with its line, and the rest does: to decide before, read the text with
    /// [`GiftBank::read`]. Attempts that have begun do not see them (Q15). `quiz_version` is the
    /// version of the quiz that the caller read (L5).
    ///
    /// # Errors
    /// VersionStale; Invalid: `gift.size`, `gift.too_many`, `quiz.too_many_questions` above 500, and
    /// what keeps a published quiz from staying published (L3).
    #[tracing::instrument(name = "lms.import_gift", skip_all, fields(course, outcome))]
    pub async fn import_gift(&self, quiz: QuizId, quiz_version: i64, text: &str) -> Result<GiftImport, Error> {
        let bank = GiftBank::read(text)?;
        let bank = &bank;
        self.s
            .run(None, |mut command| async move {
                let at = ContentRef::QuizQuestions(quiz);
                let context = self.content(at, Action::EditContent, SubjectType::Quiz, quiz).await?;
                let row = context.quiz.clone().ok_or_else(|| Error::not_found(SubjectType::Quiz, quiz))?;
                let id = |n: usize| QuestionId::from_uuid(command.derived("question", n as u64));
                let ids: Vec<_> = (0..bank.questions.len()).map(id).collect();
                let mut notes: Vec<_> =
                    bank.notes.iter().cloned().chain(bank.questions.iter().flat_map(unnamed)).collect();
                notes.sort_by_key(|note| note.line);
                let outcome = GiftImport { questions: ids.clone(), notes };
                if command.done || ids.is_empty() {
                    return Ok(Planned::nothing(outcome));
                }
                same_version(SubjectType::Quiz, quiz_version, row.version)?;
                let mut all = context.questions;
                refuse(check_question_count(all.len() + ids.len()).into_iter().collect())?;
                let mut batch = WriteBatch::default();
                let (published, course) = (row.is_published, context.course.id);
                bump_quiz(&mut batch, row.clone(), &command);
                for (new, id) in bank.questions.iter().zip(ids) {
                    let place = i64::try_from(all.len()).unwrap_or(i64::MAX);
                    let question = new.question.clone().into_question(id, quiz, place, None, command.now);
                    batch.insert(question.clone());
                    all.push(question);
                }
                if published {
                    refuse(check_quiz_publishable(&row, &all))?;
                }
                batch.events.push(changed(&mut command, course, SubjectType::Quiz, quiz, "imported", false));
                Ok(Planned { batch, outcome })
            })
            .await
    }
}
