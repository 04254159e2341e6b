//! What screens read, each in one query per table (G).

mod csv;
mod gradebook;
mod home;
mod named;
mod pairs;
mod roster;
mod waiting;

use std::collections::HashMap;

use serde::Serialize;
use uuid::Uuid;

pub use gradebook::*;
pub use home::*;
pub use named::Waiting;
pub use pairs::*;
pub use roster::*;
pub use waiting::*;

use super::Overview;
use super::learner::{course_score, no_attempts_left, rights};
use super::quizzes::past_grace;
use crate::error::Error;
use crate::model::*;
use crate::rules::access::{AccessFacts, LockReason, effective_cutoff, effective_due, locks};
use crate::rules::completion::{assignment_met, quiz_met, works};
use crate::rules::grades::grader_of_answers;
use crate::rules::kept_score::kept_attempts;
use crate::rules::lateness::late_seconds;
use crate::rules::permission::{Action, Rights};
use crate::store::{
    AnswerEntry, AttemptHead, CourseStructure, LearnerRecord, LearnerScope, LessonWork, SubmissionHead, WeightedScore,
};

/// A course as one learner sees it (G1).
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct Outline {
    /// The course.
    pub course_id: CourseId,
    /// Its title.
    pub title: String,
    /// Completed lessons of total.
    pub lessons_done: i64,
    /// Published, required lessons.
    pub lessons_total: i64,
    /// The percent shown.
    pub percent: Option<Percent>,
    /// When the learner completed it.
    pub completed_at: Option<Timestamp>,
    /// Required lessons that came after the completion (P8).
    pub new_since_completion: i64,
    /// The lessons that the learner can see.
    pub lessons: Vec<OutlineLesson>,
}

/// A lesson of an [`Outline`].
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct OutlineLesson {
    /// The lesson.
    pub id: LessonId,
    /// Its title.
    pub title: String,
    /// Whether it counts.
    pub is_required: bool,
    /// Where the learner stands; absent = not started.
    pub status: Option<ProgressStatus>,
    /// Whether it was waived.
    pub waived: bool,
    /// Why it is locked; empty = open (X1).
    pub locks: Vec<LockReason>,
    /// Its topics.
    pub topics: Vec<OutlineTopic>,
    /// Its quizzes and assignments.
    pub items: Vec<OutlineItem>,
}

/// A quiz or an assignment of an [`OutlineLesson`].
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct OutlineItem {
    /// Where the learner stands with it.
    #[serde(flatten)]
    pub cell: ScoreCell,
    /// Why nothing new can be begun in it, the lesson's reasons among them; empty = open (X1).
    pub locks: Vec<LockReason>,
}

/// A topic of an [`OutlineLesson`].
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct OutlineTopic {
    /// The topic.
    pub id: TopicId,
    /// Its title.
    pub title: String,
    /// What it is.
    pub content_type: ContentType,
    /// Whether the learner has viewed it.
    pub viewed: bool,
}

/// What a graded item is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum GradedItem {
    /// A quiz.
    Quiz,
    /// An assignment.
    Assignment,
}

/// Where a learner stands with a quiz or an assignment (S8); derived, never stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum ItemState {
    /// Nothing handed in.
    NotSubmitted,
    /// An attempt is open, or a draft is kept.
    InProgress,
    /// Handed in, in time.
    Submitted,
    /// Handed in, late.
    Late,
    /// Nothing handed in, and the due date is over.
    Missing,
    /// Graded, as far as the reader may know.
    Graded,
    /// Given back.
    Returned,
    /// Not asked of this learner.
    Excused,
}

/// One graded item of one learner (G3, G4).
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct ScoreCell {
    /// What it is.
    pub kind: GradedItem,
    /// Which one.
    pub id: Uuid,
    /// Its title.
    pub title: String,
    /// Whether it counts for completion.
    pub is_required: bool,
    /// When it is due for this learner.
    pub due: Option<Timestamp>,
    /// Where the learner stands.
    pub state: ItemState,
    /// The attempt in progress, of a quiz.
    pub open_attempt_id: Option<AttemptId>,
    /// The version that was handed in last, of an assignment.
    pub submission_id: Option<SubmissionId>,
    /// The draft, of an assignment.
    pub draft_id: Option<SubmissionId>,
    /// Whether the time of an open attempt is up and it waits to be finished and graded (A6).
    pub grading_due: bool,
    /// Whether it is met, as far as the reader may know: a pass is hidden as long as the grade (S14).
    pub met: bool,
    /// Whether it was waived.
    pub waived: bool,
    /// The kept score or current grade, as far as the reader may know.
    pub score: Option<Score>,
    /// The percent shown.
    pub percent: Option<Percent>,
    /// Whether the kept score or grade passes; absent without a threshold.
    pub passed: Option<bool>,
    /// Seconds late of the counted version.
    pub late_seconds: i64,
    /// Whether newer work waits while an older grade stands (S3).
    pub needs_regrading: bool,
    /// Who graded.
    pub grader_kind: Option<GraderKind>,
    /// What the grader wrote on the version that the score is of; in the scorecard, and nowhere else.
    pub feedback: Option<String>,
}

/// Every graded item of one learner, and the course score (G3).
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct Scorecard {
    /// The course.
    pub course_id: CourseId,
    /// The learner.
    pub student_id: UserId,
    /// The items.
    pub items: Vec<ScoreCell>,
    /// The course score (M7), as far as the reader may know.
    pub score: Option<Score>,
    /// The percent shown.
    pub percent: Option<Percent>,
}

/// The version whose grade a reader sees: the counted one; for a learner, the latest one that is posted (S3, S14).
pub(crate) fn shown_version(of: AssignmentId, versions: &[SubmissionHead], all: bool) -> Option<&SubmissionHead> {
    let seen = |s: &&SubmissionHead| s.assignment_id == of && s.grade.is_some() && (all || s.posted_at.is_some());
    versions.iter().filter(seen).max_by_key(|s| s.version_no)
}

/// The version of an assignment that was handed in last, and the draft (S1).
pub(crate) fn handed_and_draft(
    of: AssignmentId,
    versions: &[SubmissionHead],
) -> (Option<&SubmissionHead>, Option<&SubmissionHead>) {
    let own = || versions.iter().filter(|s| s.assignment_id == of);
    let is_draft = |s: &&SubmissionHead| s.state == SubmissionState::Draft;
    (own().filter(|s| !is_draft(s)).max_by_key(|s| s.version_no), own().find(is_draft))
}

/// The attempt at a quiz that is in progress (A2).
pub(crate) fn open_attempt(of: QuizId, attempts: &[AttemptHead]) -> Option<AttemptId> {
    attempts.iter().find(|a| a.quiz_id == of && a.state == AttemptState::InProgress).map(|a| a.id)
}

/// Who graded answers, by attempt.
type AnswerEntries = HashMap<Uuid, Vec<AnswerEntry>>;

/// Who graded what a quiz's kept score is made of (A9, G3).
fn quiz_grader(quiz: &Quiz, attempts: &[&AttemptHead], entries: &AnswerEntries) -> GraderKind {
    let kept = kept_attempts(quiz.kept_score, attempts.iter().map(|a| (a.attempt_no, a.counted_score())));
    let kept: Vec<Uuid> = attempts.iter().filter(|a| kept.contains(&a.attempt_no)).map(|a| a.id.uuid()).collect();
    let entries: Vec<AnswerEntry> = kept.iter().filter_map(|id| entries.get(id)).flatten().cloned().collect();
    grader_of_answers(&entries)
}

/// The cells of one lesson. `all` shows unposted grades too (staff). `entries` says who graded answers of quizzes;
/// where nobody reads that, there are none.
fn cells(
    work: &LessonWork,
    record: &LearnerRecord,
    entries: &AnswerEntries,
    now: Timestamp,
    all: bool,
) -> Vec<ScoreCell> {
    let mut found = Vec::new();
    for quiz in work.quizzes.iter().filter(|q| q.is_published) {
        let result = work.result(quiz.id);
        let attempts: Vec<&AttemptHead> = record.attempts.iter().filter(|a| a.quiz_id == quiz.id).collect();
        let own = work.overrides.iter().find(|o| o.quiz_id == Some(quiz.id));
        let excused = own.is_some_and(|o| o.excused);
        let closes = effective_cutoff(quiz.closes_at, None, own);
        let score = result.and_then(QuizResult::kept);
        let state = if excused {
            ItemState::Excused
        } else if score.is_some() {
            ItemState::Graded
        } else if attempts.iter().any(|a| a.state == AttemptState::PendingReview) {
            ItemState::Submitted
        } else if attempts.iter().any(|a| a.state == AttemptState::InProgress) {
            ItemState::InProgress
        } else if closes.is_some_and(|at| at <= now) {
            ItemState::Missing
        } else {
            ItemState::NotSubmitted
        };
        found.push(ScoreCell {
            kind: GradedItem::Quiz,
            id: quiz.id.uuid(),
            title: quiz.title.clone(),
            is_required: quiz.is_required,
            due: closes,
            state,
            open_attempt_id: open_attempt(quiz.id, &record.attempts),
            submission_id: None,
            draft_id: None,
            grading_due: attempts.iter().any(|a| {
                let over = past_grace(a.deadline, quiz.grace_seconds, now);
                a.state == AttemptState::InProgress && (over || record.enrollment.status == EnrollmentStatus::Withdrawn)
            }),
            met: quiz_met(quiz, result, &work.waivers, &work.overrides),
            waived: work.waivers.iter().any(|w| w.quiz_id == Some(quiz.id)),
            percent: score.and_then(|s| s.percent()),
            passed: result.and_then(|r| r.passed),
            score,
            late_seconds: 0,
            needs_regrading: false,
            grader_kind: score.map(|_| quiz_grader(quiz, &attempts, entries)),
            feedback: None,
        });
    }
    for assignment in work.assignments.iter().filter(|a| a.is_published) {
        let own = work.overrides.iter().find(|o| o.assignment_id == Some(assignment.id));
        let due = effective_due(assignment.due_date, own);
        let versions: Vec<&SubmissionHead> =
            work.submissions.iter().filter(|s| s.assignment_id == assignment.id).collect();
        let (handed, draft) = handed_and_draft(assignment.id, &work.submissions);
        let shown = shown_version(assignment.id, &work.submissions, all);
        let score = shown.and_then(|s| s.grade).map(|earned| Score { earned, possible: assignment.max_grade });
        // Whether they passed is the grade's to tell, and hidden as long (S14).
        let is_told = |s: &SubmissionHead| all || assignment.met_by != MetBy::Passed || s.posted_at.is_some();
        let told: Vec<SubmissionHead> = versions.iter().filter(|s| is_told(s)).copied().cloned().collect();
        let state = if own.is_some_and(|o| o.excused) {
            ItemState::Excused
        } else {
            match handed {
                Some(s) if s.state == SubmissionState::Returned => ItemState::Returned,
                Some(s) if s.grade.is_some() && (all || s.posted_at.is_some()) => ItemState::Graded,
                Some(s) if s.late_seconds > 0 => ItemState::Late,
                Some(_) => ItemState::Submitted,
                None if late_seconds(now, due, assignment.grace_seconds) > 0 => ItemState::Missing,
                None if draft.is_some() => ItemState::InProgress,
                None => ItemState::NotSubmitted,
            }
        };
        found.push(ScoreCell {
            kind: GradedItem::Assignment,
            id: assignment.id.uuid(),
            title: assignment.title.clone(),
            is_required: assignment.is_required,
            due,
            state,
            open_attempt_id: None,
            submission_id: handed.map(|s| s.id),
            draft_id: draft.map(|s| s.id),
            grading_due: false,
            met: assignment_met(assignment, &told, &work.waivers, &work.overrides),
            waived: work.waivers.iter().any(|w| w.assignment_id == Some(assignment.id)),
            percent: score.and_then(|s| s.percent()),
            passed: match (score, assignment.pass_threshold_bp) {
                (Some(score), Some(bp)) => score.passes(bp),
                _ => None,
            },
            score,
            late_seconds: shown.or(handed).map_or(0, |s| s.late_seconds),
            needs_regrading: match (shown, handed) {
                (Some(shown), Some(handed)) => handed.version_no > shown.version_no,
                _ => false,
            },
            grader_kind: shown.and_then(|s| s.grader_kind),
            feedback: None,
        });
    }
    found
}

fn score_of(cells: &[ScoreCell], works: &[LessonWork]) -> Option<Score> {
    let weight = |id: Uuid| {
        works.iter().find_map(|w| {
            let quiz = w.quizzes.iter().find(|q| q.id.uuid() == id).map(|q| q.weight);
            quiz.or_else(|| w.assignments.iter().find(|a| a.id.uuid() == id).map(|a| a.weight))
        })
    };
    let scores: Vec<WeightedScore> = cells
        .iter()
        .filter(|cell| !cell.waived && cell.state != ItemState::Excused)
        .filter_map(|cell| {
            let score = cell.score.filter(|s| s.possible > Points::ZERO)?;
            let weight = weight(cell.id).filter(|w| *w > 0)?;
            Some(WeightedScore { item: cell.id, score, shown: Some(score.earned), weight })
        })
        .collect();
    course_score(&scores)
}

/// Why nothing new can be begun in an item, given what decides over its lesson.
fn item_locks(
    cell: &ScoreCell,
    work: &LessonWork,
    record: &LearnerRecord,
    lesson: AccessFacts<'_>,
    now: Timestamp,
) -> Vec<LockReason> {
    let quiz = work.quizzes.iter().find(|q| q.id.uuid() == cell.id);
    let assignment = work.assignments.iter().find(|a| a.id.uuid() == cell.id);
    let item_override = work.overrides.iter().find(|o| {
        quiz.is_some_and(|q| o.quiz_id == Some(q.id)) || assignment.is_some_and(|a| o.assignment_id == Some(a.id))
    });
    let no_attempts_left = quiz.is_some_and(|quiz| {
        let own: Vec<_> = record.attempts.iter().filter(|a| a.quiz_id == quiz.id).cloned().collect();
        no_attempts_left(quiz, item_override, &own)
    });
    locks(&AccessFacts { quiz, assignment, item_override, no_attempts_left, ..lesson }, now)
}

/// A course as one learner sees it. `all_grades` shows unposted ones too (staff).
fn outline_of(
    structure: &CourseStructure,
    record: &LearnerRecord,
    entries: &AnswerEntries,
    now: Timestamp,
    all_grades: bool,
) -> Outline {
    let all = works(structure, record);
    let mut earlier: Option<LessonId> = None;
    let mut lessons = Vec::new();
    for work in all.iter().filter(|w| w.lesson.is_published) {
        let lesson = &work.lesson;
        let requires: Vec<LessonId> = structure
            .requires
            .iter()
            .filter(|r| r.lesson_id == lesson.id)
            .filter(|r| all.iter().any(|w| w.lesson.id == r.requires_id && w.lesson.counts() && !w.lesson_done()))
            .map(|r| r.requires_id)
            .collect();
        let facts = AccessFacts {
            course: Some(&structure.course),
            enrollment: Some(&record.enrollment),
            lesson: Some(lesson),
            lesson_override: work.overrides.iter().find(|o| o.lesson_id == Some(lesson.id)),
            begun: work.progress.is_some(),
            earlier: if structure.course.flow == Flow::Sequential { earlier } else { None },
            requires: &requires,
            ..AccessFacts::default()
        };
        lessons.push(OutlineLesson {
            id: lesson.id,
            title: lesson.title.clone(),
            is_required: lesson.is_required,
            status: work.progress.as_ref().map(|p| p.status),
            waived: work.waivers.iter().any(|w| w.lesson_id == Some(lesson.id)),
            locks: locks(&facts, now),
            topics: structure
                .topics
                .iter()
                .filter(|t| t.lesson_id == lesson.id)
                .map(|t| OutlineTopic {
                    id: t.id,
                    title: t.title.clone(),
                    content_type: t.content_type.clone(),
                    viewed: record.views.iter().any(|v| v.topic_id == t.id),
                })
                .collect(),
            items: cells(work, record, entries, now, all_grades)
                .into_iter()
                .map(|cell| OutlineItem { locks: item_locks(&cell, work, record, facts, now), cell })
                .collect(),
        });
        if earlier.is_none() && lesson.counts() && !work.lesson_done() {
            earlier = Some(lesson.id);
        }
    }
    let new_since = all
        .iter()
        .filter(|w| record.enrollment.completed_at.is_some() && w.lesson.counts() && !w.lesson_done())
        .count();
    Outline {
        course_id: structure.course.id,
        title: structure.course.title.clone(),
        lessons_done: record.enrollment.lessons_done,
        lessons_total: structure.course.lessons_total,
        percent: record.enrollment.percent(&structure.course),
        completed_at: record.enrollment.completed_at,
        new_since_completion: i64::try_from(new_since).unwrap_or(i64::MAX),
        lessons,
    }
}

impl Overview<'_> {
    async fn load(&self, course: CourseId, student: UserId) -> Result<(CourseStructure, LearnerRecord, Rights), Error> {
        let context = self.s.learner(LearnerScope::Course(course, student), SubjectType::Course, course.uuid()).await?;
        let rights = rights(self.s, &context);
        if !(rights.own || rights.may(Action::ReadWork)) {
            return Err(Error::not_found(SubjectType::Course, course));
        }
        let structure = self.s.store().structure(course).await?;
        let record = self.s.store().record(course, student).await?;
        match (structure, record) {
            (Some(structure), Some(record)) => Ok((structure, record, rights)),
            _ => Err(Error::not_found(SubjectType::Enrollment, course)),
        }
    }

    /// A course as one learner sees it: the tree with status, percent, due dates and locks (G1). To
    /// the learner and to the course's staff.
    ///
    /// # Errors
    /// NotFound to everybody else, and where the learner is not enrolled.
    #[tracing::instrument(name = "lms.outline", skip_all, fields(course, outcome))]
    pub async fn outline(&self, course: CourseId, student: UserId) -> Result<Outline, Error> {
        let (structure, record, rights) = self.load(course, student).await?;
        let entries = self.answer_entries(course, std::slice::from_ref(&record)).await?;
        Ok(outline_of(&structure, &record, &entries, self.s.lms.now(), rights.may(Action::ReadWork)))
    }

    /// Every graded item of one learner, with the course score (G3): to the learner over posted
    /// grades, to staff over all.
    ///
    /// # Errors
    /// NotFound to everybody else, and where the learner is not enrolled.
    #[tracing::instrument(name = "lms.scorecard", skip_all, fields(course, outcome))]
    pub async fn scorecard(&self, course: CourseId, student: UserId) -> Result<Scorecard, Error> {
        let (structure, record, rights) = self.load(course, student).await?;
        let now = self.s.lms.now();
        let visible: Vec<LessonWork> =
            works(&structure, &record).into_iter().filter(|w| w.lesson.is_published).collect();
        let all = rights.may(Action::ReadWork);
        let entries = self.answer_entries(course, std::slice::from_ref(&record)).await?;
        let mut items: Vec<ScoreCell> = visible.iter().flat_map(|w| cells(w, &record, &entries, now, all)).collect();
        let words = self.s.store().feedback_of(record.enrollment.id).await?;
        for cell in items.iter_mut().filter(|cell| cell.kind == GradedItem::Assignment) {
            let of = AssignmentId::from_uuid(cell.id);
            let shown = shown_version(of, &record.submissions, all).map(|s| s.id);
            cell.feedback = words.iter().find(|f| Some(f.id) == shown).and_then(|f| f.feedback.clone());
        }
        let score = score_of(&items, &visible);
        Ok(Scorecard { course_id: course, student_id: student, items, score, percent: score.and_then(|s| s.percent()) })
    }

    /// Who graded the answers of a page of learners, which is in the order of its ids.
    async fn answer_entries(&self, course: CourseId, page: &[LearnerRecord]) -> Result<AnswerEntries, Error> {
        let mut entries = AnswerEntries::new();
        if let (Some(from), Some(to)) = (page.first(), page.last()) {
            for entry in self.s.store().answer_entries(course, from.enrollment.id, to.enrollment.id).await? {
                entries.entry(entry.subject_id).or_default().push(entry);
            }
        }
        Ok(entries)
    }

    /// Refuses who may not read the course's work.
    async fn require_grader(&self, course: CourseId) -> Result<(), Error> {
        let context = self
            .s
            .store()
            .course(self.s.rights_of(), course, None)
            .await?
            .ok_or_else(|| Error::not_found(SubjectType::Course, course))?;
        Rights::of(&self.s.actor, context.actor.as_ref(), Some(&context.course), context.staff.as_ref()).require(
            Action::ReadWork,
            false,
            SubjectType::Course,
            course,
        )
    }
}
