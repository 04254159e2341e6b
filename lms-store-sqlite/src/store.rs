//! The traits of the port over the threads.

use std::sync::Arc;

use async_trait::async_trait;
use lms_core::model::*;
use lms_core::store::*;
use rusqlite::Connection;
use uuid::Uuid;

use crate::connection::snapshot;
use crate::error::Fault;
use crate::readers::Length;
use crate::writer::Touches;
use crate::{SqliteStore, migrate, reads};

impl SqliteStore {
    /// A read of any length, on a thread of its own.
    async fn read<T, F>(&self, read: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T, Fault> + Send + 'static,
    {
        self.writer.require_schema().await?;
        let _call = self.writer.company.enter();
        self.elsewhere(Length::Any, read).await
    }

    /// A read of a bounded number of rows by their keys that a learner's command or page needs: never behind a report,
    /// and not in place, since the rows may be some hundreds.
    async fn keyed<T, F>(&self, read: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T, Fault> + Send + 'static,
    {
        self.writer.require_schema().await?;
        let _call = self.writer.company.enter();
        self.elsewhere(Length::Short, read).await
    }

    /// A read of a bounded number of rows by their keys: in place for a caller who is alone.
    async fn short<T, F>(&self, read: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T, Fault> + Send + 'static,
    {
        self.writer.require_schema().await?;
        let _call = self.writer.company.enter();
        match self.writer.read_here(read) {
            Ok(done) => done,
            Err(read) => self.elsewhere(Length::Short, read).await,
        }
    }

    async fn elsewhere<T, F>(&self, length: Length, read: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T, Fault> + Send + 'static,
    {
        match &self.readers {
            Some(readers) => readers.run(length, read).await,
            None => self.writer.run(Touches::Nothing, move |conn| snapshot(conn, read)).await,
        }
    }
}

#[async_trait]
impl Store for SqliteStore {
    async fn write(&self, batch: Arc<WriteBatch>) -> Result<Committed, StoreError> {
        batch.check()?;
        self.writer.require_schema().await?;
        self.writer.write(batch).await
    }

    async fn migrate(&self) -> Result<(), StoreError> {
        self.writer.run(Touches::Events, migrate::migrate).await?;
        self.writer.require_schema().await
    }

    async fn schema_version(&self) -> Result<(i64, i64), StoreError> {
        self.writer.run(Touches::Nothing, |conn| Ok((migrate::found(conn)?.0, migrate::NEEDED))).await
    }
}

#[async_trait]
impl PeopleReads for SqliteStore {
    async fn person(&self, actor: Option<UserId>, subject: PersonKey) -> Read<PersonContext> {
        self.short(move |conn| reads::people::person(conn, actor, &subject)).await
    }
    async fn users(&self, page: ById) -> Read<Vec<User>> {
        self.read(move |conn| reads::people::users(conn, page)).await
    }
    async fn staff(&self, course: CourseId, page: ById) -> Read<Vec<CourseStaff>> {
        self.read(move |conn| reads::people::staff(conn, course, page)).await
    }
    async fn names(&self, people: &[UserId]) -> Read<Vec<PersonName>> {
        let people = people.to_vec();
        self.read(move |conn| reads::people::names(conn, &people)).await
    }
}

#[async_trait]
impl CatalogReads for SqliteStore {
    async fn course(
        &self,
        actor: Option<UserId>,
        course: CourseId,
        user: Option<UserId>,
    ) -> Read<Option<CourseContext>> {
        self.short(move |conn| reads::catalog::course(conn, actor, course, user)).await
    }
    async fn courses(&self, filter: &CourseFilter, page: ById) -> Read<Vec<Course>> {
        let filter = filter.clone();
        self.read(move |conn| reads::catalog::courses(conn, &filter, page)).await
    }
    async fn offers(&self, reader: Option<UserId>, page: ById) -> Read<Vec<CourseOffer>> {
        self.read(move |conn| reads::catalog::offers(conn, reader, page)).await
    }
    async fn content(&self, actor: Option<UserId>, at: ContentRef) -> Read<Option<ContentContext>> {
        self.short(move |conn| reads::content::content(conn, actor, at)).await
    }
    async fn structure(&self, course: CourseId) -> Read<Option<CourseStructure>> {
        self.keyed(move |conn| reads::catalog::structure(conn, course)).await
    }
    async fn topics(&self, lesson: LessonId) -> Read<Vec<Topic>> {
        self.keyed(move |conn| reads::catalog::topics(conn, lesson)).await
    }
    async fn questions(&self, quiz: QuizId) -> Read<Vec<QuizQuestion>> {
        self.keyed(move |conn| reads::catalog::questions(conn, quiz)).await
    }
    async fn revision(&self, id: RevisionId) -> Read<Option<QuizRevision>> {
        self.short(move |conn| crate::rows::by_id(conn, id)).await
    }
    async fn revision_with(&self, quiz: QuizId, question: QuestionId) -> Read<Option<QuizRevision>> {
        self.read(move |conn| reads::catalog::revision_with(conn, quiz, question)).await
    }
    async fn work_counts(&self, item: Item) -> Read<WorkCounts> {
        self.read(move |conn| reads::work_counts(conn, item)).await
    }
    async fn template(&self, id: TemplateId) -> Read<Option<CertificateTemplate>> {
        self.short(move |conn| crate::rows::by_id(conn, id)).await
    }
    async fn template_versions(&self, of: TemplateId) -> Read<Vec<CertificateTemplate>> {
        self.read(move |conn| reads::certificates::template_versions(conn, of)).await
    }
    async fn templates(&self, page: ById) -> Read<Vec<CertificateTemplate>> {
        self.read(move |conn| reads::certificates::templates(conn, page)).await
    }
    async fn objective_links(&self, course: CourseId) -> Read<Vec<(ObjectiveId, Uuid)>> {
        self.read(move |conn| reads::catalog::objective_links(conn, course)).await
    }
    async fn course_content(&self, course: CourseId) -> Read<Option<CourseContent>> {
        self.read(move |conn| reads::catalog::content(conn, course)).await
    }
}

#[async_trait]
impl LearningReads for SqliteStore {
    async fn learner(&self, actor: Option<UserId>, scope: LearnerScope) -> Read<Option<LearnerContext>> {
        self.short(move |conn| reads::learner::learner(conn, actor, scope)).await
    }
    async fn record(&self, course: CourseId, student: UserId) -> Read<Option<LearnerRecord>> {
        self.short(move |conn| reads::learning::record(conn, course, student)).await
    }
    async fn records(&self, course: CourseId, open_only: bool, page: ById) -> Read<Vec<LearnerRecord>> {
        self.read(move |conn| reads::learning::records(conn, course, open_only, page)).await
    }
    async fn home(&self, student: UserId, since: Timestamp) -> Read<HomeRecord> {
        self.keyed(move |conn| reads::home::home(conn, student, since)).await
    }
    async fn enrollments_of(&self, student: UserId) -> Read<Vec<Enrollment>> {
        self.read(move |conn| reads::learning::enrollments_of(conn, student)).await
    }
    async fn enrollments(&self, course: CourseId, page: ById) -> Read<Vec<Enrollment>> {
        self.read(move |conn| reads::learning::enrollments(conn, course, page)).await
    }
    async fn overdue_attempts(&self, now: Timestamp, page: ById) -> Read<Vec<AttemptId>> {
        self.read(move |conn| reads::learning::overdue_attempts(conn, now, page)).await
    }
    async fn overrides(&self, course: CourseId, page: ById) -> Read<Vec<Override>> {
        self.read(move |conn| reads::learning::of_course(conn, course, page)).await
    }
    async fn waivers(&self, course: CourseId, page: ById) -> Read<Vec<Waiver>> {
        self.read(move |conn| reads::learning::of_course(conn, course, page)).await
    }
    async fn awaiting_ai(&self, limit: u32) -> Read<Vec<SubmissionHead>> {
        self.read(move |conn| reads::learning::awaiting_ai(conn, limit)).await
    }
    async fn to_grade(
        &self,
        course: CourseId,
        suggested: bool,
        after: Option<InTime>,
        limit: u32,
    ) -> Read<Vec<SubmissionHead>> {
        self.read(move |conn| reads::learning::to_grade(conn, course, suggested, after, limit)).await
    }
    async fn certificate_facts(&self, course: CourseId, student: UserId) -> Read<Option<CertificateFacts>> {
        self.short(move |conn| reads::certificates::facts(conn, course, student)).await
    }
    async fn versions(
        &self,
        assignment: AssignmentId,
        from: EnrollmentId,
        to: EnrollmentId,
    ) -> Read<Vec<VersionRecord>> {
        self.read(move |conn| reads::learning::versions(conn, assignment, from, to)).await
    }
    async fn attempts(&self, quiz: QuizId, from: EnrollmentId, to: EnrollmentId) -> Read<Vec<QuizAttempt>> {
        self.read(move |conn| reads::learning::attempts(conn, quiz, from, to)).await
    }
    async fn members(&self, course: CourseId, page: ById) -> Read<Vec<Member>> {
        self.read(move |conn| reads::learning::members(conn, course, page)).await
    }
    async fn open_reviews(&self, course: CourseId, after: Option<InTime>, limit: u32) -> Read<Vec<ReviewRequest>> {
        self.read(move |conn| reads::learning::open_reviews(conn, course, after, limit)).await
    }
    async fn pending_attempts(
        &self,
        course: CourseId,
        suggested: bool,
        after: Option<InTime>,
        limit: u32,
    ) -> Read<Vec<AttemptHead>> {
        self.read(move |conn| reads::learning::pending_attempts(conn, course, suggested, after, limit)).await
    }
    async fn attempts_awaiting_ai(&self, limit: u32) -> Read<Vec<AttemptHead>> {
        self.read(move |conn| reads::learning::attempts_awaiting_ai(conn, limit)).await
    }
    async fn work_of(&self, enrollment: EnrollmentId) -> Read<PersonWork> {
        self.read(move |conn| reads::learning::work_of(conn, enrollment)).await
    }
    async fn feedback_of(&self, enrollment: EnrollmentId) -> Read<Vec<SubmissionFeedback>> {
        self.read(move |conn| reads::learning::feedback_of(conn, enrollment)).await
    }
    async fn answer_entries(&self, course: CourseId, from: EnrollmentId, to: EnrollmentId) -> Read<Vec<AnswerEntry>> {
        self.read(move |conn| reads::learning::answer_entries(conn, course, from, to)).await
    }
    async fn marked_attempts(
        &self,
        course: CourseId,
        from: EnrollmentId,
        to: EnrollmentId,
    ) -> Read<Vec<MarkedAttempt>> {
        self.read(move |conn| reads::learning::marked_attempts(conn, course, from, to)).await
    }
    async fn scored_work(&self, attempts: &[AttemptId], submissions: &[SubmissionId]) -> Read<ScoredWork> {
        let (attempts, submissions) = (attempts.to_vec(), submissions.to_vec());
        self.read(move |conn| reads::learning::scored_work(conn, &attempts, &submissions)).await
    }
    async fn work_names(&self, attempts: &[AttemptId], submissions: &[SubmissionId]) -> Read<Vec<WorkName>> {
        let (attempts, submissions) = (attempts.to_vec(), submissions.to_vec());
        self.read(move |conn| reads::learning::work_names(conn, &attempts, &submissions)).await
    }
    async fn reviews_of(&self, subject: Uuid) -> Read<Vec<ReviewRequest>> {
        self.keyed(move |conn| reads::learning::reviews_of(conn, subject)).await
    }
    async fn grades_above(&self, assignment: AssignmentId, max: Points) -> Read<i64> {
        self.read(move |conn| reads::learning::grades_above(conn, assignment, max)).await
    }
    async fn open_jobs(&self, after: Option<InTime>, limit: u32) -> Read<Vec<CourseJob>> {
        self.read(move |conn| reads::learning::open_jobs(conn, after, limit)).await
    }
}

#[async_trait]
impl CertificateReads for SqliteStore {
    async fn certificate(&self, id: CertificateId) -> Read<Option<Certificate>> {
        self.short(move |conn| crate::rows::by_id(conn, id)).await
    }
    async fn certificate_by_code(&self, code: &str) -> Read<Option<Certificate>> {
        let code = code.to_owned();
        self.short(move |conn| reads::certificates::by_code(conn, &code)).await
    }
    async fn certificate_of(&self, course: CourseId, student: UserId) -> Read<Option<Certificate>> {
        self.short(move |conn| reads::certificates::of(conn, course, student)).await
    }
    async fn certificates(&self, course: CourseId, page: ById) -> Read<Vec<Certificate>> {
        self.read(move |conn| reads::certificates::of_course(conn, course, page)).await
    }
    async fn certificates_of(&self, person: UserId, page: ById) -> Read<Vec<Certificate>> {
        self.read(move |conn| reads::certificates::of_person(conn, person, page)).await
    }
    async fn certificate_revisions(&self, id: CertificateId) -> Read<Vec<CertificateRevision>> {
        self.read(move |conn| reads::certificates::revisions(conn, id)).await
    }
    async fn renderings(&self, filter: RenderingFilter, page: ById) -> Read<Vec<Certificate>> {
        self.read(move |conn| reads::certificates::renderings(conn, filter, page)).await
    }
    async fn erased_renderings(&self, page: ById) -> Read<Vec<Certificate>> {
        self.read(move |conn| reads::certificates::erased(conn, page)).await
    }
}

#[async_trait]
impl AnalyticsReads for SqliteStore {
    async fn completion(&self, course: CourseId) -> Read<Option<CompletionCounts>> {
        self.read(move |conn| reads::analytics::completion(conn, course)).await
    }
    async fn lesson_counts(&self, course: CourseId) -> Read<Vec<LessonCounts>> {
        self.read(move |conn| reads::analytics::lesson_counts(conn, course)).await
    }
    async fn quiz_percents(&self, scope: QuizScope) -> Read<PercentSum> {
        self.read(move |conn| reads::analytics::quiz_percents(conn, scope)).await
    }
    async fn active_students(&self, course: Option<CourseId>, after: Timestamp, until: Timestamp) -> Read<i64> {
        self.read(move |conn| reads::analytics::active_students(conn, course, after, until)).await
    }
    async fn on_time(&self, assignment: AssignmentId, now: Timestamp) -> Read<OnTimeCounts> {
        self.read(move |conn| reads::analytics::on_time(conn, assignment, now)).await
    }
}

#[async_trait]
impl EventLog for SqliteStore {
    async fn ends(&self) -> Read<LogEnds> {
        self.short(reads::events::ends).await
    }
    async fn settle(&self) -> Read<()> {
        Ok(())
    }
    async fn events(&self, after: i64, filter: &EventFilter, limit: u32) -> Read<Vec<Event>> {
        let filter = filter.clone();
        self.read(move |conn| reads::events::events(conn, after, &filter, limit)).await
    }
    async fn event(&self, id: EventId) -> Read<Option<Event>> {
        self.short(move |conn| reads::events::event(conn, id)).await
    }
    async fn event_at(&self, position: i64) -> Read<Option<Event>> {
        self.short(move |conn| reads::events::event_at(conn, position)).await
    }
    async fn lease(&self, name: &str, token: Uuid, now: Timestamp, until: Timestamp) -> Read<Option<ConsumerState>> {
        check_consumer(name)?;
        self.writer.require_schema().await?;
        let name = name.to_owned();
        self.writer
            .run(Touches::Nothing, move |conn| {
                reads::events::lease(conn, &name, token, now, until).map_err(Fault::into_store)
            })
            .await
    }
    async fn release(&self, name: &str, token: Uuid) -> Read<()> {
        self.writer.require_schema().await?;
        let name = name.to_owned();
        self.writer
            .run(Touches::Nothing, move |conn| reads::events::release(conn, &name, token).map_err(Fault::into_store))
            .await
    }
    async fn consumers(&self) -> Read<Vec<ConsumerState>> {
        self.read(reads::events::consumers).await
    }
    async fn forget_consumer(&self, name: &str, now: Timestamp) -> Read<bool> {
        self.writer.require_schema().await?;
        let name = name.to_owned();
        self.writer
            .run(Touches::Nothing, move |conn| {
                reads::events::forget_consumer(conn, &name, now).map_err(Fault::into_store)
            })
            .await
    }
    async fn trim(&self, before: Timestamp, limit: u32) -> Read<u64> {
        self.writer.require_schema().await?;
        self.writer
            .run(Touches::Nothing, move |conn| reads::events::trim(conn, before, limit).map_err(Fault::into_store))
            .await
    }
    async fn wait(&self) {
        self.writer.committed.notified().await;
    }
    fn committed(&self) {
        self.writer.committed.notify_waiters();
    }
}

#[async_trait]
impl AiLogReads for SqliteStore {
    async fn ai_log(&self, id: AiLogId) -> Read<Option<AiLog>> {
        self.read(move |conn| crate::rows::by_id(conn, id)).await
    }
    async fn ai_operation(&self, operation: Uuid) -> Read<Vec<AiLog>> {
        self.read(move |conn| reads::ai_logs::operation(conn, operation)).await
    }
    async fn ai_logs(&self, filter: &AiLogFilter, page: ById) -> Read<Vec<AiLog>> {
        let filter = filter.clone();
        self.read(move |conn| reads::ai_logs::logs(conn, &filter, page)).await
    }
    async fn ai_costs(&self, filter: &AiLogFilter) -> Read<Vec<AiCost>> {
        let filter = filter.clone();
        self.read(move |conn| reads::ai_logs::costs(conn, &filter)).await
    }
    async fn expired_ai_logs(&self, now: Timestamp, limit: u32) -> Read<Vec<AiLogId>> {
        self.read(move |conn| reads::ai_logs::expired(conn, now, limit)).await
    }
    async fn ai_logs_of(&self, person: UserId) -> Read<Vec<AiLog>> {
        self.read(move |conn| reads::ai_logs::of(conn, person)).await
    }
    async fn stale_ai_logs(&self, now: Timestamp, limit: u32) -> Read<Vec<AiLog>> {
        self.read(move |conn| reads::ai_logs::stale(conn, now, limit)).await
    }
}

#[async_trait]
impl AiBudgetReads for SqliteStore {
    async fn ai_budgets(&self, after: Option<BudgetScope>, limit: u32) -> Read<Vec<AiBudget>> {
        self.read(move |conn| reads::ai_budgets::budgets(conn, after, limit)).await
    }
    async fn ai_spending(&self, day: &str, after: Option<BudgetScope>, limit: u32) -> Read<Vec<AiSpending>> {
        let day = day.to_owned();
        self.read(move |conn| reads::ai_budgets::spending(conn, &day, after, limit)).await
    }
    async fn ai_spending_of(&self, day: &str, scopes: &[BudgetScope]) -> Read<Vec<AiSpending>> {
        let (day, scopes) = (day.to_owned(), scopes.to_owned());
        self.read(move |conn| reads::ai_budgets::spending_of(conn, &day, &scopes)).await
    }
}
