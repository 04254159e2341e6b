//! Marks by AI beside marks by people: what tells how well AI grades (S9, S10, Q12).

use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::lms::Overview;
use crate::model::*;
use crate::rules::pairs::{Pair, pair};
use crate::store::{ById, ContentRef, MarkedAttempt, StoreError, StoreErrorKind, VersionRecord};

/// A piece of work that AI and a person have marked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum MarkedWork {
    /// A version of a submission.
    Submission {
        /// The assignment.
        assignment_id: AssignmentId,
        /// Its version.
        version_no: i64,
        /// The submission.
        submission_id: SubmissionId,
    },
    /// The answer to an essay question (Q12).
    Answer {
        /// The quiz.
        quiz_id: QuizId,
        /// The question.
        question_id: QuestionId,
        /// Which attempt of the learner's it is.
        attempt_no: i64,
        /// The attempt.
        attempt_id: AttemptId,
    },
}

/// A mark by AI and the mark by a person that counts, of one piece of work and on one scale.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct MarkPair {
    /// What was marked.
    pub work: MarkedWork,
    /// The learner.
    pub student_id: UserId,
    /// The most that can be had.
    pub max_grade: Points,
    /// What AI gave, applied or suggested, before any penalty.
    pub ai_points: Points,
    /// What the person gave, before any penalty.
    pub human_points: Points,
    /// What counts.
    pub final_points: Option<Points>,
    /// Whether the person took over the suggestion as it was.
    pub was_adopted: bool,
    /// Whether the mark by AI was there before the person's, who may have seen it.
    pub ai_came_first: bool,
    /// Why, in the person's words.
    pub reason: Option<String>,
    /// The person.
    pub reviewer_id: Option<UserId>,
    /// The call of AI.
    pub ai_log_id: Option<AiLogId>,
    /// When the person's mark was written.
    pub at: Timestamp,
}

/// Which pairs are wanted: all of the course, or those of the assignment and the quiz that are named.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct MarkFilter {
    /// The submissions to this assignment.
    pub assignment: Option<AssignmentId>,
    /// The answers to the essay questions of this quiz.
    pub quiz: Option<QuizId>,
}

impl MarkFilter {
    /// Whether nothing is named, so that all is wanted.
    const fn is_open(self) -> bool {
        self.assignment.is_none() && self.quiz.is_none()
    }
}

/// A page of pairs: of so many learners, in the order of their enrollments.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct MarkPairs {
    /// The pairs, by enrollment: submissions by assignment and version, then answers by quiz, question and attempt.
    /// There may be none, and more to come.
    pub pairs: Vec<MarkPair>,
    /// What the next page comes after; none on the last one.
    pub next: Option<EnrollmentId>,
}

/// How many learners a page is about at the most: their work is read whole.
const MOST: u32 = 100;

impl Overview<'_> {
    /// The marks by AI beside those by people in a course, for graders: one page of `limit` (1 to 100) learners
    /// with ids of enrollments after `after`. Of submissions, and of answers to essay questions.
    ///
    /// A piece of work is there where a person's mark counts and AI marked it, too, before or after; a mark that was
    /// taken back is none, and neither is one on a maximum that has changed since, or above the one of now. Answers of
    /// a voided attempt count for nothing, here as elsewhere.
    /// Where a change of the maximum has rescaled nothing of a work (its marks are 0 and a suggestion that was answered
    /// before, or the points were kept), nobody can tell; the pair is there as it stands.
    ///
    /// # Errors
    /// NotFound to everybody else, and where the assignment or the quiz is not of the course.
    #[tracing::instrument(name = "lms.mark_pairs", skip_all, fields(course, outcome))]
    pub async fn mark_pairs(
        &self,
        course: CourseId,
        filter: MarkFilter,
        after: Option<EnrollmentId>,
        limit: u32,
    ) -> Result<MarkPairs, Error> {
        self.require_grader(course).await?;
        let assignments = self.assignments_of(course, filter).await?;
        if let Some(quiz) = filter.quiz {
            let found = self.s.store().content(None, ContentRef::Quiz(quiz)).await?;
            found.filter(|found| found.course.id == course).ok_or_else(|| Error::not_found(SubjectType::Quiz, quiz))?;
        }
        let limit = limit.clamp(1, MOST);
        let page = ById { after: after.map(EnrollmentId::uuid), limit };
        let store = self.s.store();
        let learners = store.enrollments(course, page).await?;
        let (Some(first), Some(last)) = (learners.first(), learners.last()) else { return Ok(MarkPairs::default()) };
        let is_full = learners.len() >= usize::try_from(limit).unwrap_or(usize::MAX);
        let mut found = Vec::new();
        for assignment in &assignments {
            for version in store.versions(assignment.id, first.id, last.id).await? {
                let enrollment = version.submission.enrollment_id;
                found.extend(of_version(assignment, &version).map(|pair| (enrollment, pair)));
            }
        }
        if filter.is_open() || filter.quiz.is_some() {
            for marked in store.marked_attempts(course, first.id, last.id).await? {
                if filter.quiz.is_none_or(|quiz| quiz == marked.attempt.quiz_id) {
                    let enrollment = marked.attempt.enrollment_id;
                    found.extend(of_attempt(&marked)?.into_iter().map(|pair| (enrollment, pair)));
                }
            }
        }
        found.sort_by_key(|(enrollment, pair)| (*enrollment, pair.work));
        Ok(MarkPairs { pairs: found.into_iter().map(|(_, pair)| pair).collect(), next: is_full.then_some(last.id) })
    }

    /// The assignments whose submissions are wanted.
    async fn assignments_of(&self, course: CourseId, filter: MarkFilter) -> Result<Vec<Assignment>, Error> {
        let store = self.s.store();
        if let Some(id) = filter.assignment {
            let found = store.content(None, ContentRef::Assignment(id)).await?;
            let found = found.filter(|found| found.course.id == course).and_then(|found| found.assignment);
            return Ok(vec![found.ok_or_else(|| Error::not_found(SubjectType::Assignment, id))?]);
        }
        if !filter.is_open() {
            return Ok(Vec::new());
        }
        Ok(store.structure(course).await?.map(|all| all.assignments).unwrap_or_default())
    }
}

fn of_version(assignment: &Assignment, version: &VersionRecord) -> Option<MarkPair> {
    let VersionRecord { submission, history } = version;
    let work = MarkedWork::Submission {
        assignment_id: assignment.id,
        version_no: submission.version_no,
        submission_id: submission.id,
    };
    of_pair(work, submission.student_id, assignment.max_grade, pair(history, assignment.max_grade)?)
}

/// The pairs of an attempt, one an answer: each on the points that its question is worth in this attempt.
fn of_attempt(marked: &MarkedAttempt) -> Result<Vec<MarkPair>, Error> {
    let MarkedAttempt { attempt, history } = marked;
    let Some(graded) = attempt.graded.as_ref().filter(|_| attempt.state != AttemptState::Voided) else {
        return Ok(Vec::new());
    };
    let graded: GradedAnswers = graded.read().map_err(|_| {
        let kind = StoreErrorKind::Corrupt { table: "quiz_attempts", column: "graded", id: Some(attempt.id.uuid()) };
        Error::Store(StoreError::new(kind))
    })?;
    let mut pairs = Vec::new();
    for own in history.chunk_by(|a, b| a.question_id == b.question_id) {
        let Some(entry) = own.first() else { continue };
        let question_id = QuestionId::from_uuid(entry.question_id);
        let Some(record) = graded.answers.iter().find(|record| record.question_id == question_id) else { continue };
        let work = MarkedWork::Answer {
            quiz_id: attempt.quiz_id,
            question_id,
            attempt_no: attempt.attempt_no,
            attempt_id: attempt.id,
        };
        pairs.extend(
            pair(own, record.possible).and_then(|found| of_pair(work, entry.student_id, record.possible, found)),
        );
    }
    Ok(pairs)
}

fn of_pair(work: MarkedWork, student_id: UserId, max_grade: Points, found: Pair<'_>) -> Option<MarkPair> {
    Some(MarkPair {
        work,
        student_id,
        max_grade,
        ai_points: found.ai.raw?,
        human_points: found.human.raw?,
        final_points: found.human.final_grade,
        was_adopted: found.was_adopted,
        ai_came_first: found.ai_came_first,
        reason: found.human.reason.clone(),
        reviewer_id: found.human.grader_id,
        ai_log_id: found.ai.ai_log_id,
        at: found.human.at,
    })
}
