//! Quizzes and their questions: adding, editing, publishing.

use serde::{Deserialize, Serialize};

use super::super::{Catalog, Command, Planned};
use super::assignments::DEFAULT_CONFIDENCE;
use super::{
    StructureEdit, bump_quiz, changed, check_lesson_keeps_its_rule, edited_before, objectives_by_key, same_version,
    touched,
};
use crate::error::Error;
use crate::model::question::QuestionBody;
use crate::model::table::Json;
use crate::model::*;
use crate::rules::authoring::{check_question_count, check_quiz_publishable, check_quiz_questions, refuse};
use crate::rules::order::inserted;
use crate::rules::permission::Action;
use crate::store::{Change, ContentRef, Expect, Siblings, Table, WriteBatch};

/// What a quiz asks of attempts at it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct QuizRules {
    /// Whether it counts for completion.
    pub is_required: bool,
    /// What the kept score must reach.
    pub pass_threshold_bp: Option<BasisPoints>,
    /// How many attempts.
    pub max_attempts: Option<i64>,
    /// Seconds for one attempt.
    pub time_limit_seconds: Option<i64>,
    /// Seconds after the deadline in which work is still taken.
    pub grace_seconds: i64,
    /// Which attempt counts.
    pub kept_score: KeptScore,
    /// When keys are shown.
    pub reveal: Reveal,
    /// Whether questions are shuffled.
    pub shuffle_questions: bool,
    /// Whether options are shuffled.
    pub shuffle_options: bool,
    /// How much it weighs in the course score.
    pub weight: i64,
    /// Whether AI grades its essays; as before, or by who made the quiz, where absent (S11).
    pub ai_grading: Option<AiGrading>,
    /// Below this confidence an AI grade becomes a suggestion; as before, or 70 %, where absent.
    pub ai_confidence_bp: Option<BasisPoints>,
    /// Days within which a learner may ask for a review of a grade; unlimited when absent.
    pub review_days: Option<i64>,
    /// No start before.
    pub opens_at: Option<Timestamp>,
    /// No start and no work after.
    pub closes_at: Option<Timestamp>,
}

impl Default for QuizRules {
    fn default() -> Self {
        Self {
            is_required: true,
            pass_threshold_bp: None,
            max_attempts: None,
            time_limit_seconds: None,
            grace_seconds: 30,
            kept_score: KeptScore::Highest,
            reveal: Reveal::AfterGraded,
            shuffle_questions: false,
            shuffle_options: false,
            weight: 1,
            ai_grading: None,
            ai_confidence_bp: None,
            review_days: None,
            opens_at: None,
            closes_at: None,
        }
    }
}

impl QuizRules {
    fn apply(self, quiz: &mut Quiz) {
        quiz.is_required = self.is_required;
        quiz.pass_threshold_bp = self.pass_threshold_bp;
        quiz.max_attempts = self.max_attempts;
        quiz.time_limit_seconds = self.time_limit_seconds;
        quiz.grace_seconds = self.grace_seconds;
        quiz.kept_score = self.kept_score;
        quiz.reveal = self.reveal;
        quiz.shuffle_questions = self.shuffle_questions;
        quiz.shuffle_options = self.shuffle_options;
        quiz.weight = self.weight;
        quiz.ai_grading = self.ai_grading.unwrap_or(quiz.ai_grading);
        quiz.ai_confidence_bp = self.ai_confidence_bp.unwrap_or(quiz.ai_confidence_bp);
        quiz.review_days = self.review_days;
        quiz.opens_at = self.opens_at;
        quiz.closes_at = self.closes_at;
    }
}

/// The rules that a quiz has, to change some of them and keep the others.
impl From<&Quiz> for QuizRules {
    fn from(quiz: &Quiz) -> Self {
        Self {
            is_required: quiz.is_required,
            pass_threshold_bp: quiz.pass_threshold_bp,
            max_attempts: quiz.max_attempts,
            time_limit_seconds: quiz.time_limit_seconds,
            grace_seconds: quiz.grace_seconds,
            kept_score: quiz.kept_score,
            reveal: quiz.reveal,
            shuffle_questions: quiz.shuffle_questions,
            shuffle_options: quiz.shuffle_options,
            weight: quiz.weight,
            ai_grading: Some(quiz.ai_grading),
            ai_confidence_bp: Some(quiz.ai_confidence_bp),
            review_days: quiz.review_days,
            opens_at: quiz.opens_at,
            closes_at: quiz.closes_at,
        }
    }
}

/// A question to be made.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct NewQuestion {
    /// The stem, 1 to 10,000 characters.
    pub text: String,
    /// Type, options and key.
    pub body: QuestionBody,
    /// What it is worth; 1 point unless said.
    #[serde(default = "one_point")]
    pub points: Points,
    /// What a wrong answer takes off.
    #[serde(default)]
    pub negative_points: Option<Points>,
    /// Shown with the key.
    #[serde(default)]
    pub explanation: String,
    /// The sentence of the lesson that it was made from.
    #[serde(default)]
    pub source_quote: Option<String>,
    /// Keys of objectives that it tests.
    #[serde(default)]
    pub objectives: Vec<String>,
}

const fn one_point() -> Points {
    Points::from_units(100_000)
}

impl NewQuestion {
    /// A question worth one point.
    pub fn new(text: impl Into<String>, body: QuestionBody) -> Self {
        Self {
            text: text.into(),
            body,
            points: one_point(),
            negative_points: None,
            explanation: String::new(),
            source_quote: None,
            objectives: Vec::new(),
        }
    }

    /// The row of it.
    pub(crate) fn into_question(
        self,
        id: QuestionId,
        quiz: QuizId,
        order_index: i64,
        ai: Option<AiLogId>,
        now: Timestamp,
    ) -> QuizQuestion {
        let (options, key) = self.body.split(id.uuid());
        QuizQuestion {
            id,
            quiz_id: quiz,
            question_type: self.body.question_type(),
            text: self.text,
            options: Json::of(&options),
            correct_answer: Json::of(&key),
            points: self.points,
            negative_points: self.negative_points,
            explanation: self.explanation,
            source_quote: self.source_quote,
            order_index,
            is_ai_generated: ai.is_some(),
            ai_log_id: ai,
            ai_edited_at: None,
            copied_from: None,
            created_at: now,
            updated_at: now,
        }
    }
}

/// A quiz to be made, unpublished unless said otherwise.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct NewQuiz {
    /// The title, 1 to 200 characters.
    pub title: String,
    /// What it is about.
    #[serde(default)]
    pub description: String,
    /// Where it goes among the lesson's quizzes; the end unless set.
    #[serde(default)]
    pub index: Option<i64>,
    /// Whether learners see it at once.
    #[serde(default)]
    pub is_published: bool,
    /// What it asks of attempts.
    #[serde(default)]
    pub rules: QuizRules,
    /// Its questions, in order.
    #[serde(default)]
    pub questions: Vec<NewQuestion>,
    /// The host's own data.
    #[serde(default)]
    pub metadata: Option<Json>,
}

impl NewQuiz {
    /// A quiz with a title and every default.
    pub fn titled(title: impl Into<String>) -> Self {
        Self {
            title: title.into(),
            description: String::new(),
            index: None,
            is_published: false,
            rules: QuizRules::default(),
            questions: Vec::new(),
            metadata: None,
        }
    }

    /// Its rows: the quiz, its questions, and which objectives each question tests.
    pub(crate) fn into_rows(
        self,
        command: &Command,
        lesson: LessonId,
        order_index: i64,
        ai: Option<AiLogId>,
        objectives: &[Objective],
    ) -> Result<(Quiz, Vec<QuizQuestion>, Vec<ObjectiveQuestion>), Error> {
        refuse(check_question_count(self.questions.len()).into_iter().collect())?;
        let now = command.now;
        let id: QuizId = command.new_id();
        let mut quiz = Quiz {
            adjustments: Json::of(&Adjustments::default()),
            ai_grading: if ai.is_some() { AiGrading::Apply } else { AiGrading::Off },
            ai_confidence_bp: DEFAULT_CONFIDENCE,
            review_days: None,
            id,
            lesson_id: lesson,
            title: self.title,
            description: self.description,
            order_index,
            is_published: self.is_published,
            is_required: true,
            pass_threshold_bp: None,
            max_attempts: None,
            time_limit_seconds: None,
            grace_seconds: 30,
            kept_score: KeptScore::Highest,
            reveal: Reveal::AfterGraded,
            shuffle_questions: false,
            shuffle_options: false,
            weight: 1,
            opens_at: None,
            closes_at: None,
            is_ai_generated: ai.is_some(),
            ai_log_id: ai,
            ai_edited_at: None,
            copied_from: None,
            metadata: self.metadata.unwrap_or_else(Json::object),
            version: 1,
            created_at: now,
            updated_at: now,
        };
        self.rules.apply(&mut quiz);
        let mut questions = Vec::with_capacity(self.questions.len());
        let mut links = Vec::new();
        for (n, new) in self.questions.into_iter().enumerate() {
            let question_id = QuestionId::from_uuid(command.derived("question", n as u64));
            for objective in objectives_by_key(objectives, &new.objectives, &format!("questions[{n}].objectives"))? {
                links.push(ObjectiveQuestion { objective_id: ObjectiveId::from_uuid(objective), question_id });
            }
            questions.push(new.into_question(question_id, id, i64::try_from(n).unwrap_or(i64::MAX), ai, now));
        }
        refuse(check_quiz_questions(&quiz, &questions))?;
        Ok((quiz, questions, links))
    }
}

/// Whether a quiz counts in its lesson.
const fn counted(quiz: &Quiz) -> bool {
    quiz.is_published && quiz.is_required
}

/// Refuses what may not stand in a quiz beside its other questions: one too many, and in a published quiz
/// whatever would keep learners from starting it (L3, Q15).
pub(crate) fn check_added(quiz: &Quiz, present: &[QuizQuestion], new: &QuizQuestion) -> Result<(), Error> {
    refuse(check_question_count(present.len() + 1).into_iter().collect())?;
    if !quiz.is_published {
        return Ok(());
    }
    let all: Vec<QuizQuestion> = present.iter().chain([new]).cloned().collect();
    refuse(check_quiz_publishable(quiz, &all))
}

/// An edit of a quiz; what is `None` stays.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Default)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct UpdateQuiz {
    /// The version that the caller read (L5).
    pub version: i64,
    /// Another title.
    pub title: Option<String>,
    /// Another description.
    pub description: Option<String>,
    /// Other rules, all of them: in JSON too, what is left out becomes its default and does not stay. To change some,
    /// begin with those that the quiz has: `QuizRules { max_attempts: Some(3), ..QuizRules::from(&quiz) }`.
    pub rules: Option<QuizRules>,
    /// Other data of the host's.
    pub metadata: Option<Json>,
}

impl Catalog<'_> {
    /// Adds a quiz with its questions to a lesson, in one transaction.
    ///
    /// # Errors
    /// Invalid with every problem of the quiz and of each question (Q3); NotFound.
    #[tracing::instrument(name = "lms.add_quiz", skip_all, fields(course, outcome))]
    pub async fn add_quiz(&self, lesson: LessonId, new: NewQuiz) -> Result<Quiz, Error> {
        self.edit(|mut command| {
            let mut new = new.clone();
            new.rules.ai_grading.get_or_insert(self.s.lms.inner.ai_grading_of_own_content);
            async move {
                let context = self
                    .content(ContentRef::LessonQuizzes(lesson), Action::EditContent, SubjectType::Lesson, lesson)
                    .await?;
                let id: QuizId = command.new_id();
                if command.done || context.siblings.contains(&id.uuid()) {
                    return Ok(Planned::nothing((self.quiz(id).await?, None)));
                }
                let order = inserted(&context.siblings, id.uuid(), new.index);
                let last = i64::try_from(context.siblings.len()).unwrap_or(i64::MAX);
                let at = i64::try_from(order.iter().position(|s| *s == id.uuid()).unwrap_or(0)).unwrap_or(last);
                let (mut quiz, questions, links) = new.into_rows(&command, lesson, last, None, &context.objectives)?;
                let mut edit = StructureEdit::of(&context.course);
                edit.batch.insert(quiz.clone());
                for question in questions {
                    edit.batch.insert(question);
                }
                for link in links {
                    edit.batch.insert(link);
                }
                if at != last {
                    edit.batch.changes.push(Change::Order { siblings: Siblings::Quizzes(lesson), ids: order });
                    quiz.order_index = at;
                }
                let visible = quiz.is_published
                    && context.course.is_readable()
                    && context.lesson.as_ref().is_some_and(|l| l.is_published);
                edit.batch.events.push(changed(
                    &mut command,
                    context.course.id,
                    SubjectType::Quiz,
                    id,
                    "created",
                    visible,
                ));
                let (batch, job) = edit.finish(&command, false, false);
                Ok(Planned { batch, outcome: (quiz, job) })
            }
        })
        .await
    }

    /// A quiz, for staff.
    ///
    /// # Errors
    /// NotFound, also to those who are not the course's staff.
    pub async fn quiz(&self, id: QuizId) -> Result<Quiz, Error> {
        self.content(ContentRef::Quiz(id), Action::EditContent, SubjectType::Quiz, id)
            .await?
            .quiz
            .ok_or_else(|| Error::not_found(SubjectType::Quiz, id))
    }

    /// Edits a quiz. Easing it completes whoever now qualifies (P9).
    ///
    /// # Errors
    /// VersionStale; Invalid with every problem.
    #[tracing::instrument(name = "lms.update_quiz", skip_all, fields(course, outcome))]
    pub async fn update_quiz(&self, id: QuizId, update: UpdateQuiz) -> Result<Quiz, Error> {
        self.change_quiz(id, Action::EditContent, "updated", move |quiz| {
            same_version(SubjectType::Quiz, update.version, quiz.version)?;
            let update = update.clone();
            quiz.title = update.title.unwrap_or_else(|| quiz.title.clone());
            quiz.description = update.description.unwrap_or_else(|| quiz.description.clone());
            quiz.metadata = update.metadata.unwrap_or_else(|| quiz.metadata.clone());
            if let Some(rules) = update.rules {
                rules.apply(quiz);
            }
            Ok(())
        })
        .await
    }

    /// Makes a quiz visible, or hides it again. Repeating it changes nothing.
    ///
    /// # Errors
    /// Invalid with every problem that keeps it from being published (L3).
    #[tracing::instrument(name = "lms.publish_quiz", skip_all, fields(course, outcome))]
    pub async fn publish_quiz(&self, id: QuizId, publish: bool) -> Result<Quiz, Error> {
        let word = if publish { "published" } else { "unpublished" };
        self.change_quiz(id, Action::Manage, word, move |quiz| {
            quiz.is_published = publish;
            Ok(())
        })
        .await
    }

    async fn change_quiz<F>(&self, id: QuizId, action: Action, word: &'static str, change: F) -> Result<Quiz, Error>
    where
        F: Fn(&mut Quiz) -> Result<(), Error> + Send + Sync,
    {
        let change = &change;
        self.edit(|mut command| async move {
            let context = self.content(ContentRef::Quiz(id), action, SubjectType::Quiz, id).await?;
            let before = context.quiz.clone().ok_or_else(|| Error::not_found(SubjectType::Quiz, id))?;
            if command.done {
                return Ok(edited_before(&command, before));
            }
            let mut quiz = before.clone();
            change(&mut quiz)?;
            if quiz == before {
                return Ok(Planned::nothing((quiz, None)));
            }
            refuse(check_quiz_questions(&quiz, &context.questions))?;
            if counted(&before) && !counted(&quiz) {
                // The lesson must not be left with a rule that nobody can meet (P2, L3).
                let others: Vec<Quiz> = context.quizzes.iter().filter(|q| q.id != id).cloned().collect();
                check_lesson_keeps_its_rule(&context, &others, &context.assignments)?;
            }
            quiz.version += 1;
            quiz.updated_at = command.now;
            touched(&mut quiz.ai_edited_at, quiz.is_ai_generated, &command);
            let lesson_published = context.lesson.as_ref().is_some_and(|l| l.is_published);
            let visible =
                context.course.is_readable() && lesson_published && (quiz.is_published || before.is_published);
            let event = changed(&mut command, context.course.id, SubjectType::Quiz, id, word, visible);
            let rescored = quiz.kept_score != before.kept_score || quiz.pass_threshold_bp != before.pass_threshold_bp;
            let structural = rescored
                || quiz.is_published != before.is_published
                || quiz.is_required != before.is_required
                || quiz.weight != before.weight
                || quiz.max_attempts != before.max_attempts
                || quiz.opens_at != before.opens_at
                || quiz.closes_at != before.closes_at;
            let expect = Expect::Row { table: Table::Quiz, id: id.uuid(), version: before.version };
            let (batch, job) = if structural {
                let mut edit = StructureEdit::of(&context.course);
                edit.batch.expect.push(expect);
                edit.batch.put(quiz.clone());
                edit.batch.events.push(event);
                let eases = (counted(&before) && !counted(&quiz))
                    || rescored
                    || (counted(&quiz) && !counted(&before) && context.has_learner_rows);
                // Another kept score or threshold is another result of everybody who has one, also of who has
                // completed the course (A9, P11).
                let job = if rescored {
                    Some(JobKind::Repair)
                } else {
                    (eases && lesson_published).then_some(JobKind::Reevaluate)
                };
                edit.finish_with(&command, context.has_learner_rows, job.map(|kind| (kind, Json::object())))
            } else {
                let mut batch = WriteBatch::default();
                batch.expect.push(expect);
                batch.put(quiz.clone());
                batch.events.push(event);
                (batch, None)
            };
            Ok(Planned { batch, outcome: (quiz, job) })
        })
        .await
    }

    /// Adds a question at the end of a quiz's draft. Attempts that have begun do not see it (Q15).
    ///
    /// # Errors
    /// Invalid with every problem (Q3): `quiz.too_many_questions` above 500, and what keeps a published quiz
    /// from staying published (L3).
    #[tracing::instrument(name = "lms.add_question", skip_all, fields(course, outcome))]
    pub async fn add_question(&self, quiz: QuizId, new: NewQuestion) -> Result<QuizQuestion, Error> {
        self.s
            .run(None, |mut command| {
                let new = new.clone();
                async move {
                    let context = self
                        .content(ContentRef::QuizQuestions(quiz), Action::EditContent, SubjectType::Quiz, quiz)
                        .await?;
                    let row = context.quiz.clone().ok_or_else(|| Error::not_found(SubjectType::Quiz, quiz))?;
                    let id: QuestionId = command.new_id();
                    if let Some(found) = context.questions.iter().find(|q| q.id == id) {
                        return Ok(Planned::nothing(found.clone()));
                    }
                    if command.done {
                        return Err(Error::not_found(SubjectType::Question, id));
                    }
                    let links = objectives_by_key(&context.objectives, &new.objectives, "objectives")?;
                    let last = i64::try_from(context.questions.len()).unwrap_or(i64::MAX);
                    let question = new.into_question(id, quiz, last, None, command.now);
                    refuse(question.check())?;
                    check_added(&row, &context.questions, &question)?;
                    let mut batch = WriteBatch::default();
                    bump_quiz(&mut batch, row, &command);
                    batch.insert(question.clone());
                    for objective in links {
                        batch.insert(ObjectiveQuestion {
                            objective_id: ObjectiveId::from_uuid(objective),
                            question_id: id,
                        });
                    }
                    let event = changed(&mut command, context.course.id, SubjectType::Question, id, "created", false);
                    batch.events.push(event);
                    Ok(Planned { batch, outcome: question })
                }
            })
            .await
    }

    /// Replaces a question's text, body, points and explanation, and links it to the objectives that are named;
    /// links that exist stay. Attempts that have begun keep what they started with (Q15). `quiz_version` is the
    /// version of the quiz that the caller read (L5).
    ///
    /// # Errors
    /// VersionStale; Invalid with every problem.
    #[tracing::instrument(name = "lms.update_question", skip_all, fields(course, outcome))]
    pub async fn update_question(
        &self,
        id: QuestionId,
        quiz_version: i64,
        new: NewQuestion,
    ) -> Result<QuizQuestion, Error> {
        self.s
            .run(None, |mut command| {
                let new = new.clone();
                async move {
                    let context =
                        self.content(ContentRef::Question(id), Action::EditContent, SubjectType::Question, id).await?;
                    let before = context.question.clone().ok_or_else(|| Error::not_found(SubjectType::Question, id))?;
                    if command.done {
                        return Ok(Planned::nothing(before));
                    }
                    let quiz =
                        context.quiz.clone().ok_or_else(|| Error::not_found(SubjectType::Quiz, before.quiz_id))?;
                    same_version(SubjectType::Quiz, quiz_version, quiz.version)?;
                    let links = objectives_by_key(&context.objectives, &new.objectives, "objectives")?;
                    let present = self.s.store().objective_links(context.course.id).await?;
                    let links: Vec<ObjectiveId> = links.into_iter().map(ObjectiveId::from_uuid).collect();
                    let links: Vec<_> = links.into_iter().filter(|o| !present.contains(&(*o, id.uuid()))).collect();
                    let mut question =
                        new.into_question(id, before.quiz_id, before.order_index, before.ai_log_id, before.created_at);
                    question.ai_edited_at = before.ai_edited_at;
                    question.copied_from = before.copied_from;
                    question.updated_at = before.updated_at;
                    refuse(question.check())?;
                    if question == before && links.is_empty() {
                        return Ok(Planned::nothing(question));
                    }
                    touched(&mut question.ai_edited_at, question.is_ai_generated, &command);
                    question.updated_at = command.now;
                    if quiz.is_published {
                        let mut all = context.questions.clone();
                        for each in all.iter_mut().filter(|q| q.id == id) {
                            *each = question.clone();
                        }
                        refuse(check_quiz_publishable(&quiz, &all))?;
                    }
                    let mut batch = WriteBatch::default();
                    bump_quiz(&mut batch, quiz, &command);
                    batch.put(question.clone());
                    for objective_id in links {
                        batch.insert(ObjectiveQuestion { objective_id, question_id: id });
                    }
                    let event = changed(&mut command, context.course.id, SubjectType::Question, id, "updated", false);
                    batch.events.push(event);
                    Ok(Planned { batch, outcome: question })
                }
            })
            .await
    }
}
