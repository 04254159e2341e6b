//! The texts of a whole course, topic by topic; a run that was cut short goes on where it was.

use lms_core::Refusal;
use lms_core::ai::{ProviderError, ProviderErrorKind as Kind, Retry};
use lms_core::lms::Session;
use lms_core::model::{AiLogStatus, ContentType, CourseId, Lesson, LessonId, Topic, TopicId};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::proposal::{Selection, derived_operation};
use crate::engine::{LONGEST_PAUSE, OPERATION_BUDGET, answers};
use crate::task::BodyTask;
use crate::{About, Ai, AiError, AiTask, Stage};

/// What is asked of the texts of a course.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct BodiesBrief {
    /// The run: the same one again goes on where it was and pays nothing twice. Derived from the course
    /// where absent, so that simply calling again resumes, and texts that AI wrote before stay. A new one
    /// makes them all anew.
    pub run: Option<Uuid>,
    /// Only the topics of this lesson.
    pub lesson: Option<LessonId>,
}

/// What became of the texts of a course.
#[derive(Debug, Default, Serialize)]
pub struct BodiesReport {
    /// Topics whose text this call wrote.
    pub written: Vec<TopicId>,
    /// Topics that had their text already.
    pub stood: Vec<TopicId>,
    /// Topics that a person wrote or edited, also while this ran, or that are no text: they are left alone.
    pub kept: Vec<TopicId>,
    /// Topics that another caller is at, as far as the log tells: a later call finishes them.
    pub under_way: Vec<TopicId>,
    /// Topics for which there was no answer that counts, or for which one waits as a proposal until a person
    /// has looked at it ([`AiError::NeedsReview`]): they keep their synopsis.
    pub failed: Vec<(TopicId, AiError)>,
}

impl BodiesReport {
    /// Whether every topic that is AI's has its text.
    pub fn is_complete(&self) -> bool {
        self.under_way.is_empty() && self.failed.is_empty()
    }
}

/// How far a run is, without any call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct BodiesStanding {
    /// Topics that have their text.
    pub written: usize,
    /// Topics that it has still to write.
    pub open: usize,
}

impl Ai {
    /// Writes the text of every topic of a course that AI outlined and no person has touched, one operation
    /// per topic, in order. `source` gives a topic its part of a source. Stages tell which topic of how many.
    ///
    /// Each text is written in a transaction of its own, so a run that dies keeps what it has; called again,
    /// it goes on with the rest, however often the provider has failed it. An answer that was paid for and not written
    /// yet is written without a call.
    ///
    /// [`AiConfig::operation_limit_micro_usd`](crate::AiConfig::operation_limit_micro_usd) is what each text may
    /// cost; a run may cost that much for each of its topics. Who wants to bound a run divides what it may cost by
    /// [`BodiesStanding::open`] before it, or sets a budget of the course for the day
    /// ([`AiBudgets::set`](lms_core::lms::AiBudgets::set)), which ends the run where it is.
    ///
    /// # Errors
    /// A provider that cannot be used for anything (its key, its budget, its model) ends the run; so does a
    /// refusal or a failure of the library. What breaks rules, is refused by the model, or is not taken for the
    /// sake of one text alone is in the report.
    pub async fn write_bodies(
        &self,
        session: &Session,
        course: CourseId,
        brief: BodiesBrief,
        source: impl Fn(&Lesson, &Topic) -> Option<String> + Send + Sync,
    ) -> Result<BodiesReport, AiError> {
        let mut report = BodiesReport::default();
        self.write_bodies_into(&mut report, session, course, brief, source).await?;
        Ok(report)
    }

    /// The same, telling of each topic when it is done: what is in `report` was so also where the run ends with
    /// an error, or its caller drops it.
    ///
    /// # Errors
    /// As [`Ai::write_bodies`].
    #[tracing::instrument(name = "ai.write_bodies", skip_all)]
    pub async fn write_bodies_into(
        &self,
        report: &mut BodiesReport,
        session: &Session,
        course: CourseId,
        brief: BodiesBrief,
        source: impl Fn(&Lesson, &Topic) -> Option<String> + Send + Sync,
    ) -> Result<(), AiError> {
        let mut todo = Vec::new();
        for (lesson, topic) in self.topics(session, course, brief).await? {
            match self.standing(&topic, course, brief).await? {
                Standing::Stood => report.stood.push(topic.id),
                Standing::Kept => report.kept.push(topic.id),
                Standing::Open(tries) => todo.push((lesson, topic, tries)),
            }
        }
        let of = todo.len();
        for (n, (lesson, topic, tries)) in todo.into_iter().enumerate() {
            self.at(Stage::Item { n: n + 1, of });
            if self.is_under_way(tries.operation()).await? {
                report.under_way.push(topic.id);
                continue;
            }
            match self.write_one(session, course, &topic, tries, source(&lesson, &topic).as_deref()).await {
                Ok(true) => report.written.push(topic.id),
                Ok(false) => report.kept.push(topic.id),
                Err(AiError::InProgress) => report.under_way.push(topic.id),
                Err(e) if ends_the_run(&e) => return Err(e),
                Err(e) => report.failed.push((topic.id, e)),
            }
        }
        Ok(())
    }

    /// How far a run of [`Ai::write_bodies`] is.
    ///
    /// # Errors
    /// When the library refuses or fails.
    pub async fn bodies_standing(
        &self,
        session: &Session,
        course: CourseId,
        brief: BodiesBrief,
    ) -> Result<BodiesStanding, AiError> {
        let mut found = BodiesStanding::default();
        for (_, topic) in self.topics(session, course, brief).await? {
            match self.standing(&topic, course, brief).await? {
                Standing::Stood => found.written += 1,
                Standing::Open(_) => found.open += 1,
                Standing::Kept => {}
            }
        }
        Ok(found)
    }

    pub(super) async fn topics(
        &self,
        session: &Session,
        course: CourseId,
        brief: BodiesBrief,
    ) -> Result<Vec<(Lesson, Topic)>, AiError> {
        let structure = session.catalog().structure(course).await?;
        let mut all = Vec::new();
        for lesson in structure.lessons.into_iter().filter(|l| brief.lesson.is_none_or(|only| only == l.id)) {
            for topic in session.catalog().topics(lesson.id).await? {
                all.push((lesson.clone(), topic));
            }
        }
        Ok(all)
    }

    async fn standing(&self, topic: &Topic, course: CourseId, brief: BodiesBrief) -> Result<Standing, AiError> {
        let store = self.lms.store();
        let mut tries = Tries { run: brief.run.unwrap_or_else(|| course.uuid()), topic: topic.id, n: 0 };
        // What was answered in vain is not paid for ever, however often the provider has failed in between.
        let (mut asked, mut answered) = (None, 0_u32);
        loop {
            let rows = store.ai_operation(tries.operation()).await.map_err(lms_core::Error::from)?;
            if rows.iter().any(|row| row.status == AiLogStatus::Applied) {
                return Ok(Standing::Stood);
            }
            let last = rows.iter().max_by_key(|row| row.attempt).map(|row| row.input_sha256.clone());
            let before = if last == asked { answered } else { 0 };
            (asked, answered) = (last, before.saturating_add(answers(&rows)));
            let (next, is_at_it) = (tries.next(), rows.iter().any(|row| stands(row.status)));
            if rows.is_empty() || is_at_it || !(self.is_worn_out(&rows, answered) || self.has_begun(next).await?) {
                break;
            }
            tries = next;
        }
        if !is_open(topic) {
            return Ok(Standing::Kept);
        }
        // A text that another operation wrote is made anew only by a run that says its name.
        if let (None, Some(log)) = (brief.run, topic.ai_log_id)
            && store.ai_log(log).await.map_err(lms_core::Error::from)?.is_some_and(|row| row.kind == BodyTask::KIND)
        {
            return Ok(Standing::Stood);
        }
        Ok(Standing::Open(tries))
    }

    async fn has_begun(&self, tries: Tries) -> Result<bool, AiError> {
        Ok(!self.lms.store().ai_operation(tries.operation()).await.map_err(lms_core::Error::from)?.is_empty())
    }

    /// Whether it is written; not where a person wrote it meanwhile.
    async fn write_one(
        &self,
        session: &Session,
        course: CourseId,
        topic: &Topic,
        mut tries: Tries,
        source: Option<&str>,
    ) -> Result<bool, AiError> {
        loop {
            let operation = tries.operation();
            // Other topics took their time: what stands now counts, and no call is paid for nothing.
            let now = session.catalog().topic(topic.id).await?;
            if !is_open(&now) {
                return Ok(false);
            }
            let rows = self.lms.store().ai_operation(operation).await.map_err(lms_core::Error::from)?;
            let proposal = if rows.iter().any(|row| row.status == AiLogStatus::Valid) {
                // Paid for already; titles may have changed since, the answer stands all the same.
                self.proposal::<BodyTask>(session, operation).await?
            } else {
                let about = About { operation_id: Some(operation), course_id: Some(course), subject: None };
                match self.propose_body(session, topic.id, source, about).await {
                    // It was answered in vain, and is asked otherwise now.
                    Err(AiError::OtherInput) => {
                        let rows = self.lms.store().ai_operation(operation).await.map_err(lms_core::Error::from)?;
                        if rows.iter().any(|row| stands(row.status)) {
                            return Err(AiError::InProgress);
                        }
                        tries = tries.next();
                        continue;
                    }
                    proposed => proposed?,
                }
            };
            proposal.may_be_written()?;
            match self.write_proposed_body(session, &proposal, &Selection::all(), Some(now.version)).await {
                Ok(_) => return Ok(true),
                // Somebody has changed the topic while the model was asked: by hand, or only its title.
                Err(AiError::Lms(lms_core::Error::Refused(Refusal::VersionStale { .. }))) => {}
                Err(e) => return Err(e),
            }
        }
    }
}

enum Standing {
    Stood,
    Kept,
    Open(Tries),
}

/// The operations of a topic's text in a run: another one where the provider has failed the last too often, or where
/// that was answered in vain and something else is asked now.
#[derive(Clone, Copy)]
struct Tries {
    run: Uuid,
    topic: TopicId,
    /// The last one's number, from 0.
    n: u32,
}

impl Tries {
    fn operation(self) -> Uuid {
        let (run, topic, n) = (self.run.as_bytes(), self.topic.uuid(), self.n.to_be_bytes());
        let all: [&[u8]; 3] = [run, topic.as_bytes(), &n];
        derived_operation("lesson_body", if self.n == 0 { &all[..2] } else { &all })
    }

    const fn next(self) -> Self {
        Self { n: self.n.saturating_add(1), ..self }
    }
}

/// Whether an attempt has an answer that counts, or may have one yet.
const fn stands(status: AiLogStatus) -> bool {
    matches!(status, AiLogStatus::Pending | AiLogStatus::Valid | AiLogStatus::Applied | AiLogStatus::Review)
}

/// Whether a topic waits for its text: AI made it, and no person has touched it.
pub(super) fn is_open(topic: &Topic) -> bool {
    topic.content_type == ContentType::Text && topic.is_ai_generated && topic.ai_edited_at.is_none()
}

/// Whether the next topic would meet the same failure.
fn ends_the_run(error: &AiError) -> bool {
    match error {
        // What one text may cost at the most is its own affair.
        AiError::BudgetDenied { scope, .. } => scope != OPERATION_BUDGET,
        // What one text asks for is refused, and not what the others do.
        AiError::Provider(ProviderError { kind: Kind::BadRequest { .. } | Kind::TooLarge, .. }) => false,
        AiError::Lms(lms_core::Error::Invalid { .. }) => false,
        AiError::Provider(e) => match e.retry {
            Retry::Never => true,
            Retry::Now => false,
            // Nobody waits for that long within a run.
            Retry::After(wait) => wait > LONGEST_PAUSE,
        },
        AiError::Lms(_) => true,
        _ => false,
    }
}
