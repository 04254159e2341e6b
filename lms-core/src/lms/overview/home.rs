//! Where a learner goes on (G2).

use serde::Serialize;
use uuid::Uuid;

use super::{AnswerEntries, GradedItem, ItemState, outline_of};
use crate::error::Error;
use crate::lms::Overview;
use crate::lms::learner::laid_open;
use crate::model::*;
use crate::rules::access::{AccessFacts, LockReason, locks};
use crate::rules::grades;
use crate::rules::permission::Rights;
use crate::store::{CourseStructure, LearnerRecord, PersonKey};

/// How far ahead a learner is told what is due, in seconds.
const AHEAD: i64 = 7 * 86_400;
/// For how long feedback counts as new, in seconds.
const NEW: i64 = 7 * 86_400;

/// What a learner sees first (G2).
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct LearnerHome {
    /// The learner.
    pub student_id: UserId,
    /// The courses that they are active in, by enrollment; those that are closed to them say why.
    pub courses: Vec<HomeCourse>,
    /// What is overdue, the longest first.
    pub overdue: Vec<DueItem>,
    /// What is due within 7 days, the soonest first.
    pub due_soon: Vec<DueItem>,
    /// What became visible within the last 7 days, the newest first: grades of work and of answers, posted or
    /// changed, and answers to requests for a review.
    pub new_feedback: Vec<NewFeedback>,
    /// Their certificates that stand, by when they were issued: of every course, also of one that they have left
    /// or that is closed to them.
    pub certificates: Vec<HomeCertificate>,
}

/// One course of a [`LearnerHome`].
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct HomeCourse {
    /// The course.
    pub course_id: CourseId,
    /// Its title.
    pub title: String,
    /// The percent shown.
    pub percent: Option<Percent>,
    /// When it was completed.
    pub completed_at: Option<Timestamp>,
    /// Why it is locked, such as `not_published`; empty = open (X1, L1).
    pub locks: Vec<LockReason>,
    /// The first lesson that is open and neither completed nor waived.
    pub next_lesson: Option<LessonId>,
}

/// A certificate of a [`LearnerHome`].
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct HomeCertificate {
    /// The course.
    pub course_id: CourseId,
    /// The course's title as printed.
    pub course_title: String,
    /// The verification code.
    pub code: String,
    /// When it was issued.
    pub issued_at: Timestamp,
    /// When it runs out.
    pub expires_at: Option<Timestamp>,
    /// Where the PDF is, once it is.
    pub certificate_url: Option<String>,
}

/// Something that is due.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct DueItem {
    /// The course.
    pub course_id: CourseId,
    /// What it is.
    pub kind: GradedItem,
    /// Which one.
    pub id: Uuid,
    /// Its title.
    pub title: String,
    /// When it is due for this learner.
    pub due: Timestamp,
    /// The attempt in progress, of a quiz.
    pub open_attempt_id: Option<AttemptId>,
    /// The draft, of an assignment.
    pub draft_id: Option<SubmissionId>,
}

/// What kind of feedback is new.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum FeedbackKind {
    /// The grade of a version was posted, or changed since.
    Submission,
    /// A person or AI marked answers of an attempt.
    Attempt,
    /// A request for a review was answered.
    Review,
}

/// Feedback that has become visible.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct NewFeedback {
    /// The course.
    pub course_id: CourseId,
    /// What it is.
    pub kind: FeedbackKind,
    /// What kind of item it belongs to.
    pub item: GradedItem,
    /// The assignment or the quiz.
    pub item_id: Uuid,
    /// The version of the submission, or the attempt.
    pub work_id: Uuid,
    /// The question, of a review of an answer.
    pub question_id: Option<QuestionId>,
    /// When it became visible.
    pub at: Timestamp,
}

impl Overview<'_> {
    /// Where a learner goes on: next lessons, what is overdue or due within 7 days, new feedback, and
    /// certificates (G2). To the learner and to admins.
    ///
    /// # Errors
    /// NotFound to everybody else.
    #[tracing::instrument(name = "lms.learner_home", skip_all, fields(course, outcome))]
    pub async fn learner_home(&self, student: UserId) -> Result<LearnerHome, Error> {
        let store = self.s.store();
        let found = store.person(self.s.rights_of(), PersonKey::Id(student)).await?;
        let rights = Rights::of(&self.s.actor, found.actor.as_ref(), None, None);
        let own = rights.present && !rights.ai && self.s.rights_of() == Some(student);
        if found.subject.is_none() || !(own || rights.admin || rights.system) {
            return Err(Error::not_found(SubjectType::User, student));
        }
        let now = self.s.lms.now();
        let since = now.plus_seconds(-NEW);
        let found = store.home(student, since).await?;
        let mut home = LearnerHome {
            student_id: student,
            courses: Vec::new(),
            overdue: Vec::new(),
            due_soon: Vec::new(),
            new_feedback: Vec::new(),
            certificates: found.certificates.iter().filter(|c| c.revoked_at.is_none()).map(shown).collect(),
        };
        for (structure, record) in &found.courses {
            let course = structure.course.id;
            let outline = outline_of(structure, record, &AnswerEntries::new(), now, false);
            let next = outline
                .lessons
                .iter()
                .find(|l| l.locks.is_empty() && l.status != Some(ProgressStatus::Completed) && !l.waived);
            let facts = AccessFacts {
                course: Some(&structure.course),
                enrollment: Some(&record.enrollment),
                ..AccessFacts::default()
            };
            home.courses.push(HomeCourse {
                course_id: course,
                title: structure.course.title.clone(),
                percent: outline.percent,
                completed_at: outline.completed_at,
                locks: locks(&facts, now),
                next_lesson: next.map(|l| l.id),
            });
            for cell in outline.lessons.iter().filter(|l| l.locks.is_empty()).flat_map(|l| &l.items) {
                let cell = &cell.cell;
                let open = matches!(cell.state, ItemState::NotSubmitted | ItemState::InProgress | ItemState::Missing);
                let Some(due) = cell.due.filter(|_| open && !cell.met) else { continue };
                let item = DueItem {
                    course_id: course,
                    kind: cell.kind,
                    id: cell.id,
                    title: cell.title.clone(),
                    due,
                    open_attempt_id: cell.open_attempt_id,
                    draft_id: cell.draft_id,
                };
                if due < now {
                    home.overdue.push(item);
                } else if due <= now.plus_seconds(AHEAD) {
                    home.due_soon.push(item);
                }
            }
            home.new_feedback.extend(graded_work(record));
            home.new_feedback.extend(graded_answers(structure, record, &found.marks));
            home.new_feedback.extend(answered_reviews(record, &found.reviews));
        }
        home.new_feedback.retain(|feedback| feedback.at > since);
        home.overdue.sort_by_key(|item| (item.due, item.id));
        home.due_soon.sort_by_key(|item| (item.due, item.id));
        home.new_feedback.sort_by_key(|item| (std::cmp::Reverse(item.at), item.kind, item.work_id, item.question_id));
        Ok(home)
    }
}

fn shown(certificate: &Certificate) -> HomeCertificate {
    HomeCertificate {
        course_id: certificate.course_id,
        course_title: certificate.snapshot.course_title.clone(),
        code: certificate.code.clone(),
        issued_at: certificate.issued_at,
        expires_at: certificate.expires_at,
        certificate_url: certificate.certificate_url.clone(),
    }
}

/// Versions with a posted grade: new when it was posted, and again when it was changed.
fn graded_work(record: &LearnerRecord) -> impl Iterator<Item = NewFeedback> {
    record.submissions.iter().filter_map(|s| {
        let posted = s.posted_at.filter(|_| s.grade.is_some())?;
        Some(NewFeedback {
            course_id: record.enrollment.course_id,
            kind: FeedbackKind::Submission,
            item: GradedItem::Assignment,
            item_id: s.assignment_id.uuid(),
            work_id: s.id.uuid(),
            question_id: None,
            at: s.graded_at.map_or(posted, |graded| graded.max(posted)),
        })
    })
}

/// Attempts whose answers a person or AI has marked, as far as the quiz shows it (Q12, Q14).
fn graded_answers(structure: &CourseStructure, record: &LearnerRecord, marks: &[GradeEntry]) -> Vec<NewFeedback> {
    let attempts = record.attempts.iter().filter(|a| laid_open(structure, record, a.quiz_id, a.state));
    attempts
        .filter_map(|attempt| {
            let own: Vec<&GradeEntry> = marks.iter().filter(|e| e.subject_id == attempt.id.uuid()).collect();
            let of_answers = own.chunk_by(|a, b| a.question_id == b.question_id);
            // What is shown once all answers are marked is new with the last of them.
            let last = of_answers.filter_map(|history| {
                let history: Vec<GradeEntry> = history.iter().copied().cloned().collect();
                grades::current(&history).filter(|mark| mark.grader_kind != GraderKind::Auto).map(|mark| mark.at)
            });
            Some(NewFeedback {
                course_id: record.enrollment.course_id,
                kind: FeedbackKind::Attempt,
                item: GradedItem::Quiz,
                item_id: attempt.quiz_id.uuid(),
                work_id: attempt.id.uuid(),
                question_id: None,
                at: last.max()?,
            })
        })
        .collect()
}

/// Requests for a review that were answered, whether the grade was changed or kept (S16).
fn answered_reviews(record: &LearnerRecord, reviews: &[ReviewRequest]) -> impl Iterator<Item = NewFeedback> {
    reviews.iter().filter(|r| r.enrollment_id == record.enrollment.id).filter_map(|review| {
        let submission = record.submissions.iter().find(|s| Some(s.id) == review.submission_id);
        let attempt = record.attempts.iter().find(|a| Some(a.id) == review.attempt_id);
        let (item, item_id, work_id) = match (submission, attempt) {
            (Some(s), _) => (GradedItem::Assignment, s.assignment_id.uuid(), s.id.uuid()),
            (_, Some(a)) => (GradedItem::Quiz, a.quiz_id.uuid(), a.id.uuid()),
            _ => return None,
        };
        Some(NewFeedback {
            course_id: review.course_id,
            kind: FeedbackKind::Review,
            item,
            item_id,
            work_id,
            question_id: attempt.map(|_| QuestionId::from_uuid(review.question_id)),
            at: review.answered_at?,
        })
    })
}
