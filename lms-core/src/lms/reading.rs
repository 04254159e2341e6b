//! What a learner reads: whether an item is open, and what a lesson holds (X1, X3, L2). Nothing here writes.

use serde::Serialize;

use super::Learning;
use super::learner::{access, attempts_allowed, attempts_used, enrolled, open, rights};
use super::overview::{handed_and_draft, open_attempt};
use crate::error::{Error, Refusal};
use crate::model::*;
use crate::rules::access::{LockReason, effective_cutoff, effective_due, effective_from, locks};
use crate::rules::permission::Action;
use crate::store::{Item, LearnerContext, LearnerScope, LessonWork, SubmissionHead};

/// Whether a learner can begin something in an item now (X1).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[serde(tag = "access", rename_all = "snake_case")]
pub enum Access {
    /// It is open.
    Open,
    /// It is not.
    Locked {
        /// Every reason.
        reasons: Vec<LockReason>,
    },
}

/// A lesson as its learner reads it: nothing of keys, of notes for staff, or of what is not published (L2, Q14).
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct LessonPage {
    /// The lesson.
    pub id: LessonId,
    /// The course.
    pub course_id: CourseId,
    /// Its title.
    pub title: String,
    /// What it is about.
    pub summary: String,
    /// How long it takes, in minutes.
    pub estimated_minutes: Option<i64>,
    /// When it is complete.
    pub completion_rule: CompletionRule,
    /// Where the learner stands; absent = not started.
    pub status: Option<ProgressStatus>,
    /// Its topics, in order.
    pub topics: Vec<TopicPage>,
    /// Its quizzes, in order.
    pub quizzes: Vec<QuizPage>,
    /// Its assignments, in order.
    pub assignments: Vec<AssignmentPage>,
}

/// A topic of a [`LessonPage`].
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct TopicPage {
    /// The topic.
    pub id: TopicId,
    /// Its title.
    pub title: String,
    /// What it is.
    pub content_type: ContentType,
    /// Where it is: https or an asset key.
    pub content_url: Option<String>,
    /// CommonMark; for media a transcript.
    pub body: Option<String>,
}

/// A quiz of a [`LessonPage`], before it is begun.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct QuizPage {
    /// The quiz.
    pub id: QuizId,
    /// Its title.
    pub title: String,
    /// What it is about.
    pub description: String,
    /// Whether it counts for completion.
    pub is_required: bool,
    /// What the kept score must reach.
    pub pass_threshold_bp: Option<BasisPoints>,
    /// Seconds for one attempt, with what was granted to this learner.
    pub time_limit_seconds: Option<i64>,
    /// When it opens for this learner.
    pub opens_at: Option<Timestamp>,
    /// When it closes for this learner.
    pub closes_at: Option<Timestamp>,
    /// How many attempts this learner has; as many as they like when absent.
    pub attempts_allowed: Option<i64>,
    /// How many of them are used, the open one included.
    pub attempts_used: i64,
    /// The attempt in progress.
    pub open_attempt_id: Option<AttemptId>,
    /// Which attempt counts.
    pub kept_score: KeptScore,
    /// When keys are shown.
    pub reveal: Reveal,
}

/// An assignment of a [`LessonPage`].
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct AssignmentPage {
    /// The assignment.
    pub id: AssignmentId,
    /// Its title.
    pub title: String,
    /// What is to be done, CommonMark.
    pub description: String,
    /// Whether it counts for completion.
    pub is_required: bool,
    /// What it is worth.
    pub max_grade: Points,
    /// What it is marked by, without the notes for staff.
    pub criteria: Vec<Criterion>,
    /// No work before.
    pub available_from: Option<Timestamp>,
    /// When it is due for this learner.
    pub due: Option<Timestamp>,
    /// The zone in which the due date is shown.
    pub due_zone: Option<String>,
    /// After this no work is taken from this learner.
    pub cutoff: Option<Timestamp>,
    /// When a new version may be handed in.
    pub resubmission: Resubmission,
    /// How many versions this learner has; as many as the policy gives when absent.
    pub versions_allowed: Option<i64>,
    /// How many were handed in.
    pub versions_used: i64,
    /// The version that was handed in last.
    pub submission_id: Option<SubmissionId>,
    /// The draft.
    pub draft_id: Option<SubmissionId>,
    /// Off per started interval, in basis points of possible.
    pub penalty_bp: Option<BasisPoints>,
    /// The interval.
    pub penalty_interval: Option<PenaltyInterval>,
    /// The penalty takes nothing below this share of possible.
    pub penalty_floor_bp: Option<BasisPoints>,
}

impl Learning<'_> {
    /// Whether a learner can begin something in an item now, with every reason why not: what a write would
    /// say, asked beforehand (X1). To the learner, to the course's staff and to the system; to anybody about
    /// an open course of which they are no member.
    ///
    /// # Errors
    /// NotFound to everybody else.
    pub async fn access(&self, item: Item, student: UserId) -> Result<Access, Error> {
        let (scope, what, id): (_, _, uuid::Uuid) = match item {
            Item::Course(id) => (LearnerScope::Course(id, student), SubjectType::Course, id.uuid()),
            Item::Lesson(id) => (LearnerScope::Lesson(id, student), SubjectType::Lesson, id.uuid()),
            Item::Quiz(id) => (LearnerScope::Quiz(id, student), SubjectType::Quiz, id.uuid()),
            Item::Assignment(id) => (LearnerScope::Assignment(id, student), SubjectType::Assignment, id.uuid()),
        };
        let context = self.s.learner(scope, what, id).await?;
        let rights = rights(self.s, &context);
        let mine = self.s.rights_of() == Some(student) && !rights.ai;
        if mine && context.enrollment.is_none() {
            // Says NotFound to who may not even know of the course.
            return match enrolled(self.s, &context, what, id) {
                Err(Error::Refused(Refusal::Locked { reasons })) => Ok(Access::Locked { reasons }),
                Err(e) => Err(e),
                Ok(_) => Ok(Access::Open),
            };
        }
        if !(rights.own || rights.is_staff() || rights.system) {
            return Err(Error::not_found(what, id));
        }
        let reasons = locks(&access(&context), self.s.lms.now());
        Ok(if reasons.is_empty() { Access::Open } else { Access::Locked { reasons } })
    }

    /// A lesson with the texts of its topics and what its quizzes and assignments ask: to a learner for whom it
    /// is open or who has begun it (X3), and to the course's staff, who see it as a learner would without a
    /// lock in the way. Reading it leaves no trace; `open_lesson` and `view_topic` tell of it.
    ///
    /// # Errors
    /// Locked with every reason; NotFound.
    #[tracing::instrument(name = "lms.read_lesson", skip_all, fields(course, outcome))]
    pub async fn read_lesson(&self, lesson: LessonId) -> Result<LessonPage, Error> {
        let Some(me) = self.s.rights_of() else {
            return Err(Error::Denied { action: Action::Learn });
        };
        let context = self.s.learner(LearnerScope::Lesson(lesson, me), SubjectType::Lesson, lesson.uuid()).await?;
        let rights = rights(self.s, &context);
        if !rights.is_staff() {
            enrolled(self.s, &context, SubjectType::Lesson, lesson.uuid())?;
            if !rights.own {
                return Err(Error::Denied { action: Action::Learn });
            }
            open(&context, self.s.lms.now())?;
        }
        let topics = self.s.store().topics(lesson).await?;
        let record = self.s.store().record(context.course.id, me).await?;
        let attempts = record.map(|r| r.attempts).unwrap_or_default();
        page(&context, topics, &attempts).ok_or_else(|| Error::not_found(SubjectType::Lesson, lesson))
    }
}

fn page(context: &LearnerContext, topics: Vec<Topic>, attempts: &[crate::store::AttemptHead]) -> Option<LessonPage> {
    let work = context.work.as_ref()?;
    let lesson = &work.lesson;
    Some(LessonPage {
        id: lesson.id,
        course_id: context.course.id,
        title: lesson.title.clone(),
        summary: lesson.summary.clone(),
        estimated_minutes: lesson.estimated_minutes,
        completion_rule: lesson.completion_rule,
        status: work.progress.as_ref().map(|p| p.status),
        topics: topics
            .into_iter()
            .map(|t| TopicPage {
                id: t.id,
                title: t.title,
                content_type: t.content_type,
                content_url: t.content_url,
                body: t.body,
            })
            .collect(),
        quizzes: work
            .quizzes
            .iter()
            .filter(|q| q.is_published)
            .map(|quiz| {
                let of_quiz: Vec<_> = attempts.iter().filter(|a| a.quiz_id == quiz.id).cloned().collect();
                quiz_page(quiz, work, &of_quiz)
            })
            .collect(),
        assignments: work
            .assignments
            .iter()
            .filter(|a| a.is_published)
            .map(|assignment| assignment_page(assignment, work))
            .collect(),
    })
}

fn quiz_page(quiz: &Quiz, work: &LessonWork, attempts: &[crate::store::AttemptHead]) -> QuizPage {
    let own = work.overrides.iter().find(|o| o.quiz_id == Some(quiz.id));
    QuizPage {
        id: quiz.id,
        title: quiz.title.clone(),
        description: quiz.description.clone(),
        is_required: quiz.is_required,
        pass_threshold_bp: quiz.pass_threshold_bp,
        time_limit_seconds: super::quizzes::seconds_allowed(quiz, own),
        opens_at: effective_from(quiz.opens_at, own),
        closes_at: effective_cutoff(quiz.closes_at, None, own),
        attempts_allowed: attempts_allowed(quiz, own),
        attempts_used: attempts_used(attempts),
        open_attempt_id: open_attempt(quiz.id, attempts),
        kept_score: quiz.kept_score,
        reveal: quiz.reveal,
    }
}

fn assignment_page(assignment: &Assignment, work: &LessonWork) -> AssignmentPage {
    let own = work.overrides.iter().find(|o| o.assignment_id == Some(assignment.id));
    let due = effective_due(assignment.due_date, own);
    let is_handed = |s: &&SubmissionHead| s.assignment_id == assignment.id && s.state != SubmissionState::Draft;
    let (handed, draft) = handed_and_draft(assignment.id, &work.submissions);
    AssignmentPage {
        id: assignment.id,
        title: assignment.title.clone(),
        description: assignment.description.clone(),
        is_required: assignment.is_required,
        max_grade: assignment.max_grade,
        criteria: assignment.rubric().ok().flatten().map(|rubric| rubric.criteria).unwrap_or_default(),
        available_from: effective_from(assignment.available_from, own),
        due,
        due_zone: assignment.due_zone.clone(),
        cutoff: effective_cutoff(assignment.cutoff_date, due, own),
        resubmission: assignment.resubmission,
        versions_allowed: assignment.max_versions.map(|max| max.saturating_add(own.map_or(0, |o| o.extra_attempts))),
        versions_used: i64::try_from(work.submissions.iter().filter(is_handed).count()).unwrap_or(i64::MAX),
        submission_id: handed.map(|s| s.id),
        draft_id: draft.map(|s| s.id),
        penalty_bp: assignment.penalty_bp,
        penalty_interval: assignment.penalty_interval,
        penalty_floor_bp: assignment.penalty_floor_bp,
    }
}
