//! Saving answers (A7).

use super::*;
use crate::error::Refusal;
use crate::lms::Planned;
use crate::model::table::Json;
use crate::rules::authoring::QUIZ_QUESTIONS;
use crate::rules::grading;
use crate::store::{Change, Expect, LearnerScope, WriteBatch};

impl Quizzes<'_> {
    /// Saves answers while the attempt is open: a partial patch, `None` clears an answer (A7).
    ///
    /// `client` names the tab or device and `seq` counts up within it: what is not newer than the
    /// last seen of the same client is a success that does nothing. An attempt remembers the 100 clients that
    /// saved last.
    ///
    /// # Errors
    /// Invalid: `attempt.too_many_answers` above 500 at once; AttemptClosed once it is handed in or its time and grace are over; NotFound.
    #[tracing::instrument(name = "lms.save_answers", skip_all, fields(course, outcome))]
    pub async fn save(
        &self,
        attempt: AttemptId,
        client: &str,
        seq: i64,
        patch: BTreeMap<Uuid, Option<Answer>>,
    ) -> Result<SaveReport, Error> {
        let me = self.me()?;
        if client.is_empty() || client.chars().count() > 100 || client.contains('\0') {
            return Err(Error::invalid("attempt.client", "client", "must have 1 to 100 characters"));
        }
        if patch.len() > QUIZ_QUESTIONS {
            return Err(Error::invalid("attempt.too_many_answers", "answers", "at most 500 answers are saved at once"));
        }
        let patch = &patch;
        self.s
            .run(Some(me.uuid()), |command| async move {
                let context =
                    self.s.learner(LearnerScope::Attempt(attempt), SubjectType::Attempt, attempt.uuid()).await?;
                let row = self.own_attempt(&context, attempt, me)?;
                if row.state != AttemptState::InProgress
                    || is_gone(&context)
                    || overdue(&row, context.quiz.as_ref(), command.now)
                {
                    return Err(Refusal::AttemptClosed {}.into());
                }
                let mut saved = row.saved().map_err(|_| corrupt("quiz_attempts", "answers", row.id))?;
                let mut report = SaveReport { answers: BTreeMap::new(), problems: Vec::new(), stale: false };
                if saved.clients.get(client).is_some_and(|last| seq <= *last) {
                    report.stale = true;
                } else {
                    let content = self.revision(row.revision_id).await?;
                    let questions: BTreeMap<Uuid, _> = content.questions.iter().map(|q| (q.id.uuid(), q)).collect();
                    for (id, answer) in patch {
                        let Some(question) = questions.get(id) else {
                            report.problems.push(Problem::new(
                                "answer.unknown_question",
                                format!("answers.{id}"),
                                "the attempt has no such question",
                            ));
                            continue;
                        };
                        if let Some(answer) = answer
                            && let Err(e) = grading::check_answer(&question.body, answer)
                        {
                            report.problems.push(Problem::new(e.code(), format!("answers.{id}"), e.to_string()));
                            continue;
                        }
                        saved.answers.insert(
                            *id,
                            SavedAnswer { answer: answer.clone(), client: client.to_owned(), at: command.now },
                        );
                    }
                    saved.hear(client, seq, row.version + 1);
                }
                for id in patch.keys() {
                    if let Some(stands) = saved.answers.get(id) {
                        report.answers.insert(*id, stands.clone());
                    }
                }
                if report.stale {
                    return Ok(Planned::nothing(report));
                }
                let answers = Json::of(&saved);
                if answers.as_str().len() > MAX_ANSWERS {
                    return Err(Error::invalid("attempt.answers", "answers", "all answers together are at most 4 MiB"));
                }
                let mut batch = WriteBatch::default();
                batch.expect.push(Expect::Attempt {
                    id: attempt,
                    state: AttemptState::InProgress,
                    version: row.version,
                });
                batch.changes.push(Change::SaveAnswers { attempt, answers, version: row.version + 1, at: command.now });
                Ok(Planned { batch, outcome: report })
            })
            .await
    }
}
