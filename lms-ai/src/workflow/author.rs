//! Courses, lesson bodies, quizzes and assignments by AI: proposed, then applied; or both in one call.

use lms_core::lms::{AiSources, AssignmentRules, QuizRules, Session, WrittenCourse};
use lms_core::model::{AiLog, AiLogStatus, Assignment, LessonId, Quiz, Topic, TopicId};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::draft::{body_markdown, course_draft, new_assignment, new_quiz};
use super::proposal::{Proposal, Selection, left, sources};
use super::texts::{lesson_objectives, lesson_text, room_for};
use crate::engine::parts_of;
use crate::task::{
    AssignmentIn, AssignmentTask, BodyIn, BodyTask, CallSize, CriterionRedoTask, OutlineBrief, OutlineIn, OutlineTask,
    Proposable, QuestionRedoTask, QuestionType, QuizIn, QuizTask, SourceSection, shuffle_options,
};
use crate::{About, Ai, AiError};

/// What an instructor asks for: topic, audience, difficulty and length, and a source to teach from.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CourseBrief {
    /// What is asked of the outline.
    pub outline: OutlineBrief,
    /// The headings of a source in reading order; empty without one.
    pub source: Vec<SourceSection>,
    /// How large the prompt and the answer may be, where a long source needs more.
    pub size: Option<CallSize>,
}

/// What is asked of a quiz.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct QuizBrief {
    /// How many questions, 1 to 30; 5 by default.
    pub count: usize,
    /// The types that may be used; all where empty.
    pub types: Vec<QuestionType>,
    /// How hard it is.
    pub difficulty: String,
    /// What it asks of attempts.
    pub rules: QuizRules,
    /// Whether a second call answers the questions without their keys: those that it answers otherwise are
    /// left out, and where fewer than half are left the quiz is refused. Off by default; it costs a call.
    pub check_blind: bool,
}

impl Default for QuizBrief {
    fn default() -> Self {
        let (types, rules) = (Vec::new(), QuizRules::default());
        Self { count: 5, types, difficulty: String::new(), rules, check_blind: false }
    }
}

/// What is asked of an assignment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AssignmentBrief {
    /// What it is worth, in whole points.
    pub max_points: i64,
    /// What it asks of the work handed in.
    pub rules: AssignmentRules,
}

impl Default for AssignmentBrief {
    fn default() -> Self {
        Self { max_points: 100, rules: AssignmentRules::default() }
    }
}

/// Lessons with less text than this have nothing to ask about.
const LEAST_TEXT: usize = 100;

impl Ai {
    /// An outline for a brief, accepted but not written: it waits in ai_logs until it is applied with
    /// [`Ai::apply_course`] or dropped.
    ///
    /// # Errors
    /// See [`AiError`]; before anything is paid for, Denied to whoever may not create courses, and Invalid where no
    /// course could be like that.
    pub async fn propose_course(
        &self,
        session: &Session,
        brief: &CourseBrief,
        about: About,
    ) -> Result<Proposal<OutlineTask>, AiError> {
        session.catalog().require_may_create_course().await?;
        self.propose(session, course_input(brief), about).await
    }

    /// Writes a proposed outline, less what is dropped of it: course, objectives, lessons, topics and links,
    /// and the log row's flip, in one transaction (I1). With a lesson go its topics and the objectives that
    /// no other lesson serves. Applying the same operation again gives what stands.
    ///
    /// # Errors
    /// NoProposal, NoSuchItem; Invalid where what is left breaks a rule; what the library refuses.
    #[tracing::instrument(name = "ai.apply_course", skip_all)]
    pub async fn apply_course(
        &self,
        session: &Session,
        operation: Uuid,
        selection: &Selection,
    ) -> Result<WrittenCourse, AiError> {
        let proposal = self.proposal::<OutlineTask>(session, operation).await?;
        self.write_course(session, &proposal, selection).await
    }

    async fn write_course(
        &self,
        session: &Session,
        proposal: &Proposal<OutlineTask>,
        selection: &Selection,
    ) -> Result<WrittenCourse, AiError> {
        let out = taken(proposal, selection)?;
        let draft = course_draft(&proposal.input().brief, &out);
        self.writing(async { session.catalog().apply_course(draft, proposal.origin()).await }).await
    }

    /// Generates a course from a brief and writes it, whole or not at all.
    ///
    /// # Errors
    /// See [`AiError`]; NeedsReview where a person must look first: it waits as a proposal.
    #[tracing::instrument(name = "ai.create_course", skip_all)]
    pub async fn create_course(
        &self,
        session: &Session,
        brief: &CourseBrief,
        about: About,
    ) -> Result<WrittenCourse, AiError> {
        let proposal = self.propose_course(session, brief, about).await?;
        proposal.may_be_written()?;
        self.write_course(session, &proposal, &Selection::all()).await
    }

    /// The text of a topic, from its part of a source where one is given, accepted but not written.
    ///
    /// # Errors
    /// See [`AiError`].
    pub async fn propose_body(
        &self,
        session: &Session,
        topic: TopicId,
        source: Option<&str>,
        about: About,
    ) -> Result<Proposal<BodyTask>, AiError> {
        self.propose_body_with(session, topic, source, "", about).await
    }

    async fn propose_body_with(
        &self,
        session: &Session,
        topic: TopicId,
        source: Option<&str>,
        hint: &str,
        mut about: About,
    ) -> Result<Proposal<BodyTask>, AiError> {
        let input = self.body_input(session, topic, source, hint, about.operation_id).await?;
        about.course_id =
            Some(session.catalog().lesson(session.catalog().topic(topic).await?.lesson_id).await?.course_id);
        about.subject = Some(("topic", topic.uuid()));
        self.propose(session, input, about).await
    }

    /// Writes a proposed text into its topic, and flips the log row, in one transaction. Key points and terms
    /// may be dropped. Whoever applies it says so now: it replaces what stands, also what a person wrote.
    ///
    /// # Errors
    /// As [`Ai::apply_course`].
    #[tracing::instrument(name = "ai.apply_body", skip_all)]
    pub async fn apply_body(
        &self,
        session: &Session,
        operation: Uuid,
        selection: &Selection,
    ) -> Result<Topic, AiError> {
        let proposal = self.proposal::<BodyTask>(session, operation).await?;
        self.write_proposed_body(session, &proposal, selection, None).await
    }

    /// `seen` is the version of the topic that may be written over; any where absent.
    pub(super) async fn write_proposed_body(
        &self,
        session: &Session,
        proposal: &Proposal<BodyTask>,
        selection: &Selection,
        seen: Option<i64>,
    ) -> Result<Topic, AiError> {
        let topic = TopicId::from_uuid(proposal.subject().ok_or(AiError::NoProposal)?);
        let body = body_markdown(&taken(proposal, selection)?);
        self.writing(async { session.catalog().apply_body(topic, body, seen, proposal.origin()).await }).await
    }

    /// Generates the text of a topic, from its part of a source where one is given, and writes it. What somebody
    /// writes into the topic while the model is asked stands, and the text waits as a proposal.
    ///
    /// # Errors
    /// See [`AiError`]; NeedsReview where a person must look first; VersionStale where somebody was faster.
    #[tracing::instrument(name = "ai.write_body", skip_all)]
    pub async fn write_body(
        &self,
        session: &Session,
        topic: TopicId,
        source: Option<&str>,
        about: About,
    ) -> Result<Topic, AiError> {
        let seen = session.catalog().topic(topic).await?.version;
        let proposal = self.propose_body(session, topic, source, about).await?;
        proposal.may_be_written()?;
        self.write_proposed_body(session, &proposal, &Selection::all(), Some(seen)).await
    }

    /// The text of a topic, made anew with a hint at what is to be better; it waits as a proposal, and the
    /// text that stands stays until it is applied.
    ///
    /// # Errors
    /// See [`AiError`]; InputTooLarge for a hint of more than 1,000 characters.
    pub async fn redo_body(
        &self,
        session: &Session,
        topic: TopicId,
        source: Option<&str>,
        hint: &str,
        about: About,
    ) -> Result<Proposal<BodyTask>, AiError> {
        super::redo::check_hint(hint)?;
        self.propose_body_with(session, topic, source, hint, about).await
    }

    /// What the body task is given for a topic.
    pub(super) async fn body_input(
        &self,
        session: &Session,
        topic: TopicId,
        source: Option<&str>,
        hint: &str,
        operation: Option<Uuid>,
    ) -> Result<BodyIn, AiError> {
        let row = session.catalog().topic(topic).await?;
        let lesson = session.catalog().lesson(row.lesson_id).await?;
        let (course, objectives) = lesson_objectives(self, &lesson).await?;
        let source = source.unwrap_or_default();
        let synopsis = match operation {
            Some(operation) => self.synopsis_before(operation, topic).await?,
            None => None,
        };
        Ok(BodyIn {
            course_title: course.title,
            lesson_title: lesson.title,
            lesson_summary: lesson.summary,
            topic_title: row.title,
            synopsis: synopsis.or(row.body).unwrap_or_default(),
            objectives,
            audience: course.audience,
            difficulty: course.difficulty,
            language: course.language,
            hint: hint.to_owned(),
            source: source.to_owned(),
            size: room_for(BodyIn::default().size, source),
            ..BodyIn::default()
        })
    }

    /// The synopsis that this very operation has replaced by its body: who repeats the operation asks the
    /// same again (I3), and the topic no longer has it. The log does.
    async fn synopsis_before(&self, operation: Uuid, topic: TopicId) -> Result<Option<String>, AiError> {
        let rows = self.lms.store().ai_operation(operation).await.map_err(lms_core::Error::from)?;
        let applied = |row: &&AiLog| row.status == AiLogStatus::Applied && row.subject_id == Some(topic.uuid());
        let asked = rows.iter().find(applied).and_then(parts_of).and_then(|parts| BodyTask::restore(&parts));
        Ok(asked.map(|asked| asked.synopsis))
    }

    /// A quiz from the text of a lesson, accepted but not written.
    ///
    /// # Errors
    /// See [`AiError`]; NoText where the lesson has too little text to ask about.
    pub async fn propose_quiz(
        &self,
        session: &Session,
        lesson: LessonId,
        brief: &QuizBrief,
        mut about: About,
    ) -> Result<Proposal<QuizTask>, AiError> {
        let input = self.quiz_input(session, lesson, brief).await?;
        about.course_id = Some(session.catalog().lesson(lesson).await?.course_id);
        about.subject = Some(("lesson", lesson.uuid()));
        let mut proposal = self.propose::<QuizTask>(session, input, about).await?;
        if brief.check_blind {
            self.check_blind(session, &mut proposal, about).await?;
        }
        Ok(proposal)
    }

    pub(super) async fn quiz_input(
        &self,
        session: &Session,
        lesson: LessonId,
        brief: &QuizBrief,
    ) -> Result<QuizIn, AiError> {
        let row = session.catalog().lesson(lesson).await?;
        let (course, objectives) = lesson_objectives(self, &row).await?;
        let (text, truncated) = lesson_text(session, lesson, QuizIn::default().size).await?;
        if text.trim().chars().count() < LEAST_TEXT {
            return Err(AiError::NoText("write the lesson's topics first"));
        }
        Ok(QuizIn {
            lesson_title: row.title,
            lesson_markdown: text,
            truncated,
            language: course.language,
            check_blind: brief.check_blind,
            count: brief.count,
            types: brief.types.clone(),
            objectives,
            difficulty: brief.difficulty.clone(),
            ..QuizIn::default()
        })
    }

    /// Writes a proposed quiz into its lesson, unpublished, less what is dropped of it and with what was made
    /// anew; every log row that it comes from is flipped in the same transaction. Options are shuffled here.
    /// Questions that a blind solver doubts are left out; where it was to be asked and has not answered, it is asked
    /// first.
    ///
    /// # Errors
    /// As [`Ai::apply_course`], and what keeps the blind solver from an answer.
    #[tracing::instrument(name = "ai.apply_quiz", skip_all)]
    pub async fn apply_quiz(
        &self,
        session: &Session,
        operation: Uuid,
        selection: &Selection,
        rules: QuizRules,
    ) -> Result<Quiz, AiError> {
        let mut proposal = self.proposal::<QuizTask>(session, operation).await?;
        self.read_blind(session, &mut proposal).await?;
        self.write_quiz(session, &proposal, selection, rules).await
    }

    async fn write_quiz(
        &self,
        session: &Session,
        proposal: &Proposal<QuizTask>,
        selection: &Selection,
        rules: QuizRules,
    ) -> Result<Quiz, AiError> {
        let lesson = LessonId::from_uuid(proposal.subject().ok_or(AiError::NoProposal)?);
        let current = |redo: &crate::task::QuestionRedoIn| (redo.current == *proposal.value()).then_some(redo.index);
        let redone = self.redone::<QuestionRedoTask>(session, selection, "/questions/", "question", current).await?;
        let mut selection = selection.clone();
        // What was made anew answers the doubt.
        let doubted = proposal.doubts().iter().filter(|pointer| !selection.redone.contains_key(*pointer)).cloned();
        let doubted: Vec<String> = doubted.collect();
        selection.dropped.extend(doubted);
        let out = left::<QuizTask>(proposal.input().clone(), proposal.value(), &selection, &redone)?;
        let seed = proposal.operation_id().as_u64_pair().1;
        let quiz = new_quiz(&shuffle_options(&out, seed), rules);
        let sources = sources(proposal.origin(), &selection, &redone, proposal.checked);
        self.writing(async { session.catalog().apply_quiz(lesson, quiz, sources).await }).await
    }

    /// Generates a quiz from the text of a lesson and writes it, unpublished, whole or not at all.
    /// Its options are shuffled here.
    ///
    /// # Errors
    /// See [`AiError`]; NoText where the lesson has too little text to ask about; NeedsReview where a person must
    /// look first: it waits as a proposal.
    #[tracing::instrument(name = "ai.create_quiz", skip_all)]
    pub async fn create_quiz(
        &self,
        session: &Session,
        lesson: LessonId,
        brief: &QuizBrief,
        about: About,
    ) -> Result<Quiz, AiError> {
        let proposal = self.propose_quiz(session, lesson, brief, about).await?;
        proposal.may_be_written()?;
        self.write_quiz(session, &proposal, &Selection::all(), brief.rules.clone()).await
    }

    /// An assignment with a rubric, tied to objectives of the course, accepted but not written.
    ///
    /// # Errors
    /// See [`AiError`].
    pub async fn propose_assignment(
        &self,
        session: &Session,
        lesson: LessonId,
        brief: &AssignmentBrief,
        mut about: About,
    ) -> Result<Proposal<AssignmentTask>, AiError> {
        let input = self.assignment_input(session, lesson, brief).await?;
        about.course_id = Some(session.catalog().lesson(lesson).await?.course_id);
        about.subject = Some(("lesson", lesson.uuid()));
        self.propose(session, input, about).await
    }

    pub(super) async fn assignment_input(
        &self,
        session: &Session,
        lesson: LessonId,
        brief: &AssignmentBrief,
    ) -> Result<AssignmentIn, AiError> {
        let row = session.catalog().lesson(lesson).await?;
        let (course, objectives) = lesson_objectives(self, &row).await?;
        let (source, truncated) = lesson_text(session, lesson, AssignmentIn::default().size).await?;
        Ok(AssignmentIn {
            context_title: row.title,
            source,
            truncated,
            objectives,
            max_points: brief.max_points,
            audience: course.audience,
            difficulty: course.difficulty,
            language: course.language,
            ..AssignmentIn::default()
        })
    }

    /// Writes a proposed assignment into its lesson, unpublished, less what is dropped of its criteria and
    /// with what was made anew; it is worth what its criteria are. Every log row that it comes from is
    /// flipped in the same transaction. AI grades work on it, unless the rules say otherwise (S11).
    ///
    /// # Errors
    /// As [`Ai::apply_course`].
    #[tracing::instrument(name = "ai.apply_assignment", skip_all)]
    pub async fn apply_assignment(
        &self,
        session: &Session,
        operation: Uuid,
        selection: &Selection,
        rules: AssignmentRules,
    ) -> Result<Assignment, AiError> {
        let proposal = self.proposal::<AssignmentTask>(session, operation).await?;
        self.write_assignment(session, &proposal, selection, &rules).await
    }

    async fn write_assignment(
        &self,
        session: &Session,
        proposal: &Proposal<AssignmentTask>,
        selection: &Selection,
        rules: &AssignmentRules,
    ) -> Result<Assignment, AiError> {
        let lesson = LessonId::from_uuid(proposal.subject().ok_or(AiError::NoProposal)?);
        let current = |redo: &crate::task::CriterionRedoIn| (redo.current == *proposal.value()).then_some(redo.index);
        let redone = self.redone::<CriterionRedoTask>(session, selection, "/criteria/", "criterion", current).await?;
        let out = left::<AssignmentTask>(proposal.input().clone(), proposal.value(), selection, &redone)?;
        let assignment = new_assignment(&out, rules)?;
        let sources: AiSources = sources(proposal.origin(), selection, &redone, None);
        self.writing(async { session.catalog().apply_assignment(lesson, assignment, sources).await }).await
    }

    /// Generates an assignment with a rubric, tied to objectives of the course, and writes it into a
    /// lesson, unpublished. AI grades work on it, unless the brief's rules say otherwise (S11).
    ///
    /// # Errors
    /// See [`AiError`]; NeedsReview where a person must look first: it waits as a proposal.
    #[tracing::instrument(name = "ai.create_assignment", skip_all)]
    pub async fn create_assignment(
        &self,
        session: &Session,
        lesson: LessonId,
        brief: &AssignmentBrief,
        about: About,
    ) -> Result<Assignment, AiError> {
        let proposal = self.propose_assignment(session, lesson, brief, about).await?;
        proposal.may_be_written()?;
        self.write_assignment(session, &proposal, &Selection::all(), &brief.rules).await
    }
}

/// What the outline task is given for a brief.
pub(super) fn course_input(brief: &CourseBrief) -> OutlineIn {
    let mut input = OutlineIn { brief: brief.outline.clone(), source: brief.source.clone(), ..OutlineIn::default() };
    if let Some(size) = brief.size {
        input.size = size;
    }
    input
}

/// What is taken of a proposal whose items cannot be made anew one by one.
fn taken<T: Proposable>(proposal: &Proposal<T>, selection: &Selection) -> Result<T::Out, AiError>
where
    T::In: Clone,
{
    if let Some(pointer) = selection.redone.keys().next() {
        return Err(AiError::NoSuchItem { pointer: pointer.clone() });
    }
    left::<T>(proposal.input().clone(), proposal.value(), selection, &[])
}
