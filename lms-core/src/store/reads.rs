//! What a store must be able to read. A lookup of what is not there is `Ok(None)`.

use async_trait::async_trait;
use uuid::Uuid;

use super::{
    AnswerEntry, AttemptHead, CertificateFacts, ContentContext, ContentRef, CourseContent, CourseContext, CourseOffer,
    CourseStructure, HomeRecord, Item, LearnerContext, LearnerRecord, LearnerScope, LessonCounts, MarkedAttempt,
    Member, PersonContext, PersonName, PersonWork, ScoredWork, StoreError, SubmissionFeedback, SubmissionHead,
    VersionRecord, WorkCounts, WorkName,
};
use crate::model::*;

/// The result of a read.
pub type Read<T> = Result<T, StoreError>;

/// How a person is named.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PersonKey {
    /// By id.
    Id(UserId),
    /// By the host's own id.
    External(String),
    /// By the e-mail address, to the letter.
    Email(String),
}

/// A page by id: rows with an id above `after`, at most `limit` of them, by id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct ById {
    /// The last id of the page before.
    pub after: Option<Uuid>,
    /// At most this many, 1 to 500; 50 unless set. Above 500 is as 500: a page of 500 is then not the last one.
    pub limit: u32,
}

impl Default for ById {
    fn default() -> Self {
        Self { after: None, limit: 50 }
    }
}

/// A place in a list by time, oldest first, and id: that of its last row so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct InTime {
    /// The row's time.
    pub at: Timestamp,
    /// The row's id.
    pub id: Uuid,
}

/// Reads of people.
#[async_trait]
pub trait PeopleReads: Send + Sync {
    /// The actor and the person.
    async fn person(&self, actor: Option<UserId>, subject: PersonKey) -> Read<PersonContext>;
    /// Users by id.
    async fn users(&self, page: ById) -> Read<Vec<User>>;
    /// The staff of a course as rows say, a page by the id of the person.
    async fn staff(&self, course: CourseId, page: ById) -> Read<Vec<CourseStaff>>;
    /// What these people are called, at most 2,000; those of them that are there, in any order.
    async fn names(&self, people: &[UserId]) -> Read<Vec<PersonName>>;
}

/// Which courses a list holds.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct CourseFilter {
    /// Only those that this user owns.
    pub instructor: Option<UserId>,
    /// Only those that are published, or that are not.
    pub published: Option<bool>,
    /// Only the one with this external id.
    pub external_id: Option<String>,
}

/// Reads of content.
#[async_trait]
pub trait CatalogReads: Send + Sync {
    /// A course with the actor's and one user's place in it.
    async fn course(
        &self,
        actor: Option<UserId>,
        course: CourseId,
        user: Option<UserId>,
    ) -> Read<Option<CourseContext>>;
    /// Courses by id.
    async fn courses(&self, filter: &CourseFilter, page: ById) -> Read<Vec<Course>>;
    /// The courses that people may join by themselves, by id: published, open, not archived.
    async fn offers(&self, reader: Option<UserId>, page: ById) -> Read<Vec<CourseOffer>>;
    /// A piece of content and what decides over it.
    async fn content(&self, actor: Option<UserId>, at: ContentRef) -> Read<Option<ContentContext>>;
    /// The whole structure of a course, one query per table.
    async fn structure(&self, course: CourseId) -> Read<Option<CourseStructure>>;
    /// The topics of a lesson with their bodies, in order.
    async fn topics(&self, lesson: LessonId) -> Read<Vec<Topic>>;
    /// The questions of a quiz's draft, in order.
    async fn questions(&self, quiz: QuizId) -> Read<Vec<QuizQuestion>>;
    /// A revision.
    async fn revision(&self, id: RevisionId) -> Read<Option<QuizRevision>>;
    /// A revision of a quiz that has a question, whichever; `None` where none has it.
    async fn revision_with(&self, quiz: QuizId, question: QuestionId) -> Read<Option<QuizRevision>>;
    /// What hangs under an item.
    async fn work_counts(&self, item: Item) -> Read<WorkCounts>;
    /// A version of a certificate template.
    async fn template(&self, id: TemplateId) -> Read<Option<CertificateTemplate>>;
    /// All versions of the family that a template version belongs to, by number.
    async fn template_versions(&self, of: TemplateId) -> Read<Vec<CertificateTemplate>>;
    /// Of each family the newest version that is accepted and not archived, a page by the id of the family.
    async fn templates(&self, page: ById) -> Read<Vec<CertificateTemplate>>;
    /// The objectives linked to lessons, assignments and questions of a course: (objective, item).
    async fn objective_links(&self, course: CourseId) -> Read<Vec<(ObjectiveId, Uuid)>>;
    /// All content of a course, keys included, in one snapshot and one query per table.
    async fn course_content(&self, course: CourseId) -> Read<Option<CourseContent>>;
}

/// Reads of learners' work.
#[async_trait]
pub trait LearningReads: Send + Sync {
    /// One piece of one learner's work and what decides over it.
    async fn learner(&self, actor: Option<UserId>, scope: LearnerScope) -> Read<Option<LearnerContext>>;
    /// Everything that one learner has in a course.
    async fn record(&self, course: CourseId, student: UserId) -> Read<Option<LearnerRecord>>;
    /// The same for a page of the enrollments of a course, by enrollment id; where `open_only`, of
    /// the active ones that have not completed it.
    async fn records(&self, course: CourseId, open_only: bool, page: ById) -> Read<Vec<LearnerRecord>>;
    /// What a learner sees first, with what was marked and answered at an instant or later; in a number of
    /// queries that does not grow with their courses.
    async fn home(&self, student: UserId, since: Timestamp) -> Read<HomeRecord>;
    /// The enrollments of a person.
    async fn enrollments_of(&self, student: UserId) -> Read<Vec<Enrollment>>;
    /// The enrollments of a course, by id.
    async fn enrollments(&self, course: CourseId, page: ById) -> Read<Vec<Enrollment>>;
    /// Open attempts whose deadline and grace are over, and those of learners who were withdrawn or erased, by id.
    async fn overdue_attempts(&self, now: Timestamp, page: ById) -> Read<Vec<AttemptId>>;
    /// What was granted to the learners of a course, by id.
    async fn overrides(&self, course: CourseId, page: ById) -> Read<Vec<Override>>;
    /// What was waived for the learners of a course, by id.
    async fn waivers(&self, course: CourseId, page: ById) -> Read<Vec<Waiver>>;
    /// Versions that wait for AI grading, oldest first.
    async fn awaiting_ai(&self, limit: u32) -> Read<Vec<SubmissionHead>>;
    /// Versions of a course that wait for a person, by the time at which they were handed in and id, behind a
    /// place: those with an AI suggestion, or those that wait for a grade.
    async fn to_grade(
        &self,
        course: CourseId,
        suggested: bool,
        after: Option<InTime>,
        limit: u32,
    ) -> Read<Vec<SubmissionHead>>;
    /// The versions of an assignment that were handed in, whole, of the enrollments with ids from `from`
    /// to `to`, by enrollment and number.
    async fn versions(
        &self,
        assignment: AssignmentId,
        from: EnrollmentId,
        to: EnrollmentId,
    ) -> Read<Vec<VersionRecord>>;
    /// The attempts at a quiz, whole, of the enrollments with ids from `from` to `to`, by enrollment and
    /// number.
    async fn attempts(&self, quiz: QuizId, from: EnrollmentId, to: EnrollmentId) -> Read<Vec<QuizAttempt>>;
    /// The people of a course, by enrollment id: the same page as [`LearningReads::records`] of all.
    async fn members(&self, course: CourseId, page: ById) -> Read<Vec<Member>>;
    /// Requests for a review that wait in a course, by the time at which they were made and id, behind a place.
    async fn open_reviews(&self, course: CourseId, after: Option<InTime>, limit: u32) -> Read<Vec<ReviewRequest>>;
    /// Attempts of a course with an answer that waits for a person, by the time at which they were handed in and
    /// id, behind a place: those with an AI suggestion, or those that wait for a grade while no answer of theirs
    /// waits for AI.
    async fn pending_attempts(
        &self,
        course: CourseId,
        suggested: bool,
        after: Option<InTime>,
        limit: u32,
    ) -> Read<Vec<AttemptHead>>;
    /// Attempts with an answer that waits for AI grading, oldest first.
    async fn attempts_awaiting_ai(&self, limit: u32) -> Read<Vec<AttemptHead>>;
    /// All work of one enrollment, whole: attempts, submissions with their drafts, requests for a review.
    async fn work_of(&self, enrollment: EnrollmentId) -> Read<PersonWork>;
    /// What graders wrote on the versions of one enrollment, where they wrote something.
    async fn feedback_of(&self, enrollment: EnrollmentId) -> Read<Vec<SubmissionFeedback>>;
    /// Who graded the answers of attempts by hand or by AI: the entries of their histories, of the enrollments
    /// of a course with ids from `from` to `to`, in any order.
    async fn answer_entries(&self, course: CourseId, from: EnrollmentId, to: EnrollmentId) -> Read<Vec<AnswerEntry>>;
    /// The attempts of a course of which AI marked an answer, of the enrollments with ids from `from` to `to`, by
    /// enrollment and id, each with the histories of its answers, by question and seq. In a number of queries that
    /// does not grow with the quizzes.
    async fn marked_attempts(&self, course: CourseId, from: EnrollmentId, to: EnrollmentId)
    -> Read<Vec<MarkedAttempt>>;
    /// These attempts and submissions, those of them that are there, in any order: for a page of events, at most
    /// 2,000 of each. One query a table, never one an id.
    async fn scored_work(&self, attempts: &[AttemptId], submissions: &[SubmissionId]) -> Read<ScoredWork>;
    /// Whose work these attempts and submissions are, and at what, those of them that are there, in any order: at
    /// most 2,000 of each. One query a table, never one an id.
    async fn work_names(&self, attempts: &[AttemptId], submissions: &[SubmissionId]) -> Read<Vec<WorkName>>;
    /// The requests for a review of a submission's grade, or of the grades of an attempt's answers, by time.
    async fn reviews_of(&self, subject: Uuid) -> Read<Vec<ReviewRequest>>;
    /// How many versions of an assignment have a raw mark above a maximum.
    async fn grades_above(&self, assignment: AssignmentId, max: Points) -> Read<i64>;
    /// Facts for the certificate of a learner.
    async fn certificate_facts(&self, course: CourseId, student: UserId) -> Read<Option<CertificateFacts>>;
    /// Jobs that are not done, oldest first, after a place.
    async fn open_jobs(&self, after: Option<InTime>, limit: u32) -> Read<Vec<CourseJob>>;
}

/// Which certificates a list by their PDFs holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RenderingFilter {
    /// Only those of this course.
    pub course: Option<CourseId>,
    /// Those whose PDF stands so.
    pub rendering: Rendering,
}

/// Reads of certificates.
#[async_trait]
pub trait CertificateReads: Send + Sync {
    /// By id.
    async fn certificate(&self, id: CertificateId) -> Read<Option<Certificate>>;
    /// By code, in its canonical form.
    async fn certificate_by_code(&self, code: &str) -> Read<Option<Certificate>>;
    /// Of a learner in a course.
    async fn certificate_of(&self, course: CourseId, student: UserId) -> Read<Option<Certificate>>;
    /// Those of a course, a page by the id of the learner.
    async fn certificates(&self, course: CourseId, page: ById) -> Read<Vec<Certificate>>;
    /// Those of a person, by id.
    async fn certificates_of(&self, person: UserId, page: ById) -> Read<Vec<Certificate>>;
    /// Its earlier revisions, by number.
    async fn certificate_revisions(&self, id: CertificateId) -> Read<Vec<CertificateRevision>>;
    /// Those whose PDF stands so, by id; none of erased people.
    async fn renderings(&self, filter: RenderingFilter, page: ById) -> Read<Vec<Certificate>>;
    /// Those of erased people whose files are not known to be deleted, by id.
    async fn erased_renderings(&self, page: ById) -> Read<Vec<Certificate>>;
}

/// Over which enrollments completion is counted (M1): active, not staff.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CompletionCounts {
    /// Enrollments.
    pub enrolled: i64,
    /// Those with completed_at.
    pub completed: i64,
    /// The sum of their lessons_done.
    pub lessons_done: i64,
    /// The course's lessons_total.
    pub lessons_total: i64,
}

/// What average quiz scores are taken over (M2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum QuizScope {
    /// One quiz.
    Quiz(QuizId),
    /// The quizzes of a lesson.
    Lesson(LessonId),
    /// The quizzes of a course.
    Course(CourseId),
}

/// A sum of kept percents (M2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PercentSum {
    /// How many (student, quiz) pairs.
    pub pairs: i64,
    /// The sum over them of floor(earned × 10^8 ÷ possible).
    pub sum_e8: i64,
}

/// The counts of an on-time rate (M4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct OnTimeCounts {
    /// Students whose counted version is on time.
    pub on_time: i64,
    /// Students who submitted or whose effective due has passed, less those that M4 leaves out.
    pub of: i64,
}

/// The queries behind the course's numbers: set-based, never one per student (M5).
#[async_trait]
pub trait AnalyticsReads: Send + Sync {
    /// Completion of a course.
    async fn completion(&self, course: CourseId) -> Read<Option<CompletionCounts>>;
    /// Where active learners, staff not among them, stand in each lesson of a course.
    async fn lesson_counts(&self, course: CourseId) -> Read<Vec<LessonCounts>>;
    /// Kept percents.
    async fn quiz_percents(&self, scope: QuizScope) -> Read<PercentSum>;
    /// Distinct students with a learner-initiated event in (after, until], in one course or in all.
    async fn active_students(&self, course: Option<CourseId>, after: Timestamp, until: Timestamp) -> Read<i64>;
    /// The on-time counts of an assignment at an instant.
    async fn on_time(&self, assignment: AssignmentId, now: Timestamp) -> Read<OnTimeCounts>;
}

/// Which events a reader wants. An empty list means all.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct EventFilter {
    /// Only of this course.
    pub course: Option<CourseId>,
    /// Only of this student.
    pub student: Option<UserId>,
    /// Only of these kinds.
    pub kinds: Vec<EventKind>,
}

impl EventFilter {
    /// Whether an event is wanted.
    pub fn wants(&self, event: &NewEvent) -> bool {
        self.course.is_none_or(|course| event.course_id == Some(course))
            && self.student.is_none_or(|student| event.student_id == Some(student))
            && (self.kinds.is_empty() || self.kinds.contains(&event.kind))
    }
}

/// The ends of the event log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogEnds {
    /// Made anew when the log is another one (a restore, a failover).
    pub epoch: Uuid,
    /// The oldest position that is kept; head + 1 when none is.
    pub oldest: i64,
    /// The last position; 0 before the first event.
    pub head: i64,
    /// The latest instant of the events that are no longer kept; none while all are. Whatever happened after
    /// it is kept.
    pub gone_until: Option<Timestamp>,
}

/// A named consumer's place in the log (V6).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConsumerState {
    /// Its name.
    pub name: String,
    /// The last position that it has handled; none for one that has no place in the log, because it finds its
    /// work in rows.
    pub position: Option<i64>,
    /// Who holds it now.
    pub lease_token: Option<Uuid>,
    /// Until when.
    pub lease_until: Option<Timestamp>,
}

/// The event log.
#[async_trait]
pub trait EventLog: Send + Sync {
    /// Its ends.
    async fn ends(&self) -> Read<LogEnds>;
    /// Resolves when every event that was committed before the call has its position: at once on stores
    /// that number events as they are written.
    async fn settle(&self) -> Read<()>;
    /// Events above a position, by position, at most `limit` (≤ 2,000).
    async fn events(&self, after: i64, filter: &EventFilter, limit: u32) -> Read<Vec<Event>>;
    /// The event with this id; at position 0 while it is committed and not numbered yet.
    async fn event(&self, id: EventId) -> Read<Option<Event>>;
    /// The event at this position.
    async fn event_at(&self, position: i64) -> Read<Option<Event>>;
    /// Takes or renews a consumer's lease by compare-and-set: free, over, or already under this
    /// token. `None` when another holds it. Makes the consumer, without a place in the log, when it is new.
    async fn lease(&self, name: &str, token: Uuid, now: Timestamp, until: Timestamp) -> Read<Option<ConsumerState>>;
    /// Gives a lease back, if it is still held under this token.
    async fn release(&self, name: &str, token: Uuid) -> Read<()>;
    /// The places of all consumers.
    async fn consumers(&self) -> Read<Vec<ConsumerState>>;
    /// Forgets a consumer and its place, unless somebody holds its lease at this instant; whether it did.
    async fn forget_consumer(&self, name: &str, now: Timestamp) -> Read<bool>;
    /// Deletes the oldest events, at most `limit`, in one transaction: from the oldest one up, as long as each
    /// happened before `before` and every consumer with a place has handled it. Says how many. Neither
    /// the head nor any position that is kept MUST move, also when nothing is kept; events without a position stay.
    async fn trim(&self, before: Timestamp, limit: u32) -> Read<u64>;
    /// Resolves after a commit that may have added events, by this process or, as far as the store
    /// can tell, by another. May resolve without cause.
    async fn wait(&self);
    /// A hint that a host's own transaction has committed what [`EventLog::wait`] tells of. A store that sees such
    /// commits by itself has nothing to do.
    fn committed(&self);
}

/// Which rows of ai_logs a list or a sum holds.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct AiLogFilter {
    /// Only of this course.
    pub course: Option<CourseId>,
    /// Only what this person asked for.
    pub actor: Option<UserId>,
    /// Only with this status.
    pub status: Option<AiLogStatus>,
    /// Only of this task.
    pub kind: Option<String>,
    /// Only what was sent at this instant or later.
    pub from: Option<Timestamp>,
    /// Only what was sent before this instant.
    pub until: Option<Timestamp>,
    /// The newest first; unless set, the oldest.
    pub newest_first: bool,
    /// Without prompts and answers, which can be long.
    pub without_texts: bool,
}

/// Reads of ai_logs.
#[async_trait]
pub trait AiLogReads: Send + Sync {
    /// By id.
    async fn ai_log(&self, id: AiLogId) -> Read<Option<AiLog>>;
    /// All attempts of an operation, by number.
    async fn ai_operation(&self, operation: Uuid) -> Read<Vec<AiLog>>;
    /// By the instant at which they were sent, then by id; the page goes on after the row `after`.
    async fn ai_logs(&self, filter: &AiLogFilter, page: ById) -> Read<Vec<AiLog>>;
    /// Sums by day and task, in this order.
    async fn ai_costs(&self, filter: &AiLogFilter) -> Read<Vec<AiCost>>;
    /// Rows with a text whose expires_at is not after an instant, soonest first; pending ones not among
    /// them.
    async fn expired_ai_logs(&self, now: Timestamp, limit: u32) -> Read<Vec<AiLogId>>;
    /// All rows of a person: that they caused, or that are about their submissions and attempts; by id.
    async fn ai_logs_of(&self, person: UserId) -> Read<Vec<AiLog>>;
    /// Pending rows whose given_up_at is before an instant, soonest first.
    async fn stale_ai_logs(&self, now: Timestamp, limit: u32) -> Read<Vec<AiLog>>;
}

/// Reads of what AI may cost, and does.
#[async_trait]
pub trait AiBudgetReads: Send + Sync {
    /// The limits that are set, by [`BudgetScope::key`], above `after`.
    async fn ai_budgets(&self, after: Option<BudgetScope>, limit: u32) -> Read<Vec<AiBudget>>;
    /// What a day cost in each scope that had a call, by [`BudgetScope::key`], above `after`; with the limits
    /// in force now.
    async fn ai_spending(&self, day: &str, after: Option<BudgetScope>, limit: u32) -> Read<Vec<AiSpending>>;
    /// The same of some scopes, in their order, also where nothing was spent.
    async fn ai_spending_of(&self, day: &str, scopes: &[BudgetScope]) -> Read<Vec<AiSpending>>;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Siblings;

    /// As they come with the query of a URL: whatever is left out is as if nobody had asked for it.
    #[test]
    fn pages_and_filters_are_read_as_far_as_they_are_given() {
        let page = |json: &str| serde_json::from_str::<ById>(json);
        assert_eq!(page("{}").unwrap(), ById::default());
        assert_eq!(page(r#"{"limit": 7}"#).unwrap(), ById { after: None, limit: 7 });
        assert!(page(r#"{"size": 7}"#).is_err());
        let filter: CourseFilter = serde_json::from_str(r#"{"published": true}"#).unwrap();
        assert_eq!(filter, CourseFilter { published: Some(true), ..CourseFilter::default() });
        let filter: EventFilter = serde_json::from_str(r#"{"kinds": ["enrolled"]}"#).unwrap();
        assert_eq!(filter, EventFilter { kinds: vec![EventKind::Enrolled], ..EventFilter::default() });
        let filter: AiLogFilter = serde_json::from_str(r#"{"newest_first": true}"#).unwrap();
        assert_eq!(filter, AiLogFilter { newest_first: true, ..AiLogFilter::default() });
        let siblings = Siblings::Topics(LessonId::from_uuid(Uuid::nil()));
        let json = serde_json::json!({ "of": "topics", "id": Uuid::nil() });
        assert_eq!(serde_json::to_value(siblings).unwrap(), json);
        assert_eq!(serde_json::from_value::<Siblings>(json).unwrap(), siblings);
    }
}
