//! A shared store is a store: `Arc<S>` and `Arc<dyn Store>` forward every method.
#![deny(clippy::missing_trait_methods)]

use std::sync::Arc;

use async_trait::async_trait;
use uuid::Uuid;

use super::*;
use crate::model::*;

#[async_trait]
impl<S: PeopleReads + ?Sized> PeopleReads for Arc<S> {
    async fn person(&self, actor: Option<UserId>, subject: PersonKey) -> Read<PersonContext> {
        (**self).person(actor, subject).await
    }
    async fn users(&self, page: ById) -> Read<Vec<User>> {
        (**self).users(page).await
    }
    async fn staff(&self, course: CourseId, page: ById) -> Read<Vec<CourseStaff>> {
        (**self).staff(course, page).await
    }
    async fn names(&self, people: &[UserId]) -> Read<Vec<PersonName>> {
        (**self).names(people).await
    }
}

#[async_trait]
impl<S: CatalogReads + ?Sized> CatalogReads for Arc<S> {
    async fn course(
        &self,
        actor: Option<UserId>,
        course: CourseId,
        user: Option<UserId>,
    ) -> Read<Option<CourseContext>> {
        (**self).course(actor, course, user).await
    }
    async fn courses(&self, filter: &CourseFilter, page: ById) -> Read<Vec<Course>> {
        (**self).courses(filter, page).await
    }
    async fn offers(&self, reader: Option<UserId>, page: ById) -> Read<Vec<CourseOffer>> {
        (**self).offers(reader, page).await
    }
    async fn content(&self, actor: Option<UserId>, at: ContentRef) -> Read<Option<ContentContext>> {
        (**self).content(actor, at).await
    }
    async fn structure(&self, course: CourseId) -> Read<Option<CourseStructure>> {
        (**self).structure(course).await
    }
    async fn topics(&self, lesson: LessonId) -> Read<Vec<Topic>> {
        (**self).topics(lesson).await
    }
    async fn questions(&self, quiz: QuizId) -> Read<Vec<QuizQuestion>> {
        (**self).questions(quiz).await
    }
    async fn revision(&self, id: RevisionId) -> Read<Option<QuizRevision>> {
        (**self).revision(id).await
    }
    async fn revision_with(&self, quiz: QuizId, question: QuestionId) -> Read<Option<QuizRevision>> {
        (**self).revision_with(quiz, question).await
    }
    async fn work_counts(&self, item: Item) -> Read<WorkCounts> {
        (**self).work_counts(item).await
    }
    async fn template(&self, id: TemplateId) -> Read<Option<CertificateTemplate>> {
        (**self).template(id).await
    }
    async fn template_versions(&self, of: TemplateId) -> Read<Vec<CertificateTemplate>> {
        (**self).template_versions(of).await
    }
    async fn templates(&self, page: ById) -> Read<Vec<CertificateTemplate>> {
        (**self).templates(page).await
    }
    async fn objective_links(&self, course: CourseId) -> Read<Vec<(ObjectiveId, Uuid)>> {
        (**self).objective_links(course).await
    }
    async fn course_content(&self, course: CourseId) -> Read<Option<CourseContent>> {
        (**self).course_content(course).await
    }
}

#[async_trait]
impl<S: LearningReads + ?Sized> LearningReads for Arc<S> {
    async fn learner(&self, actor: Option<UserId>, scope: LearnerScope) -> Read<Option<LearnerContext>> {
        (**self).learner(actor, scope).await
    }
    async fn record(&self, course: CourseId, student: UserId) -> Read<Option<LearnerRecord>> {
        (**self).record(course, student).await
    }
    async fn records(&self, course: CourseId, open_only: bool, page: ById) -> Read<Vec<LearnerRecord>> {
        (**self).records(course, open_only, page).await
    }
    async fn home(&self, student: UserId, since: Timestamp) -> Read<HomeRecord> {
        (**self).home(student, since).await
    }
    async fn enrollments_of(&self, student: UserId) -> Read<Vec<Enrollment>> {
        (**self).enrollments_of(student).await
    }
    async fn enrollments(&self, course: CourseId, page: ById) -> Read<Vec<Enrollment>> {
        (**self).enrollments(course, page).await
    }
    async fn overdue_attempts(&self, now: Timestamp, page: ById) -> Read<Vec<AttemptId>> {
        (**self).overdue_attempts(now, page).await
    }
    async fn overrides(&self, course: CourseId, page: ById) -> Read<Vec<Override>> {
        (**self).overrides(course, page).await
    }
    async fn waivers(&self, course: CourseId, page: ById) -> Read<Vec<Waiver>> {
        (**self).waivers(course, page).await
    }
    async fn awaiting_ai(&self, limit: u32) -> Read<Vec<SubmissionHead>> {
        (**self).awaiting_ai(limit).await
    }
    async fn to_grade(
        &self,
        course: CourseId,
        suggested: bool,
        after: Option<InTime>,
        limit: u32,
    ) -> Read<Vec<SubmissionHead>> {
        (**self).to_grade(course, suggested, after, limit).await
    }
    async fn versions(
        &self,
        assignment: AssignmentId,
        from: EnrollmentId,
        to: EnrollmentId,
    ) -> Read<Vec<VersionRecord>> {
        (**self).versions(assignment, from, to).await
    }
    async fn attempts(&self, quiz: QuizId, from: EnrollmentId, to: EnrollmentId) -> Read<Vec<QuizAttempt>> {
        (**self).attempts(quiz, from, to).await
    }
    async fn members(&self, course: CourseId, page: ById) -> Read<Vec<Member>> {
        (**self).members(course, page).await
    }
    async fn open_reviews(&self, course: CourseId, after: Option<InTime>, limit: u32) -> Read<Vec<ReviewRequest>> {
        (**self).open_reviews(course, after, limit).await
    }
    async fn pending_attempts(
        &self,
        course: CourseId,
        suggested: bool,
        after: Option<InTime>,
        limit: u32,
    ) -> Read<Vec<AttemptHead>> {
        (**self).pending_attempts(course, suggested, after, limit).await
    }
    async fn attempts_awaiting_ai(&self, limit: u32) -> Read<Vec<AttemptHead>> {
        (**self).attempts_awaiting_ai(limit).await
    }
    async fn work_of(&self, enrollment: EnrollmentId) -> Read<PersonWork> {
        (**self).work_of(enrollment).await
    }
    async fn feedback_of(&self, enrollment: EnrollmentId) -> Read<Vec<SubmissionFeedback>> {
        (**self).feedback_of(enrollment).await
    }
    async fn answer_entries(&self, course: CourseId, from: EnrollmentId, to: EnrollmentId) -> Read<Vec<AnswerEntry>> {
        (**self).answer_entries(course, from, to).await
    }
    async fn marked_attempts(
        &self,
        course: CourseId,
        from: EnrollmentId,
        to: EnrollmentId,
    ) -> Read<Vec<MarkedAttempt>> {
        (**self).marked_attempts(course, from, to).await
    }
    async fn scored_work(&self, attempts: &[AttemptId], submissions: &[SubmissionId]) -> Read<ScoredWork> {
        (**self).scored_work(attempts, submissions).await
    }
    async fn work_names(&self, attempts: &[AttemptId], submissions: &[SubmissionId]) -> Read<Vec<WorkName>> {
        (**self).work_names(attempts, submissions).await
    }
    async fn reviews_of(&self, subject: Uuid) -> Read<Vec<ReviewRequest>> {
        (**self).reviews_of(subject).await
    }
    async fn grades_above(&self, assignment: AssignmentId, max: Points) -> Read<i64> {
        (**self).grades_above(assignment, max).await
    }
    async fn certificate_facts(&self, course: CourseId, student: UserId) -> Read<Option<CertificateFacts>> {
        (**self).certificate_facts(course, student).await
    }
    async fn open_jobs(&self, after: Option<InTime>, limit: u32) -> Read<Vec<CourseJob>> {
        (**self).open_jobs(after, limit).await
    }
}

#[async_trait]
impl<S: CertificateReads + ?Sized> CertificateReads for Arc<S> {
    async fn certificate(&self, id: CertificateId) -> Read<Option<Certificate>> {
        (**self).certificate(id).await
    }
    async fn certificate_by_code(&self, code: &str) -> Read<Option<Certificate>> {
        (**self).certificate_by_code(code).await
    }
    async fn certificate_of(&self, course: CourseId, student: UserId) -> Read<Option<Certificate>> {
        (**self).certificate_of(course, student).await
    }
    async fn certificates(&self, course: CourseId, page: ById) -> Read<Vec<Certificate>> {
        (**self).certificates(course, page).await
    }
    async fn certificates_of(&self, person: UserId, page: ById) -> Read<Vec<Certificate>> {
        (**self).certificates_of(person, page).await
    }
    async fn certificate_revisions(&self, id: CertificateId) -> Read<Vec<CertificateRevision>> {
        (**self).certificate_revisions(id).await
    }
    async fn renderings(&self, filter: RenderingFilter, page: ById) -> Read<Vec<Certificate>> {
        (**self).renderings(filter, page).await
    }
    async fn erased_renderings(&self, page: ById) -> Read<Vec<Certificate>> {
        (**self).erased_renderings(page).await
    }
}

#[async_trait]
impl<S: AnalyticsReads + ?Sized> AnalyticsReads for Arc<S> {
    async fn completion(&self, course: CourseId) -> Read<Option<CompletionCounts>> {
        (**self).completion(course).await
    }
    async fn lesson_counts(&self, course: CourseId) -> Read<Vec<LessonCounts>> {
        (**self).lesson_counts(course).await
    }
    async fn quiz_percents(&self, scope: QuizScope) -> Read<PercentSum> {
        (**self).quiz_percents(scope).await
    }
    async fn active_students(&self, course: Option<CourseId>, after: Timestamp, until: Timestamp) -> Read<i64> {
        (**self).active_students(course, after, until).await
    }
    async fn on_time(&self, assignment: AssignmentId, now: Timestamp) -> Read<OnTimeCounts> {
        (**self).on_time(assignment, now).await
    }
}

#[async_trait]
impl<S: EventLog + ?Sized> EventLog for Arc<S> {
    async fn ends(&self) -> Read<LogEnds> {
        (**self).ends().await
    }
    async fn settle(&self) -> Read<()> {
        (**self).settle().await
    }
    async fn events(&self, after: i64, filter: &EventFilter, limit: u32) -> Read<Vec<Event>> {
        (**self).events(after, filter, limit).await
    }
    async fn event(&self, id: EventId) -> Read<Option<Event>> {
        (**self).event(id).await
    }
    async fn event_at(&self, position: i64) -> Read<Option<Event>> {
        (**self).event_at(position).await
    }
    async fn lease(&self, name: &str, token: Uuid, now: Timestamp, until: Timestamp) -> Read<Option<ConsumerState>> {
        (**self).lease(name, token, now, until).await
    }
    async fn release(&self, name: &str, token: Uuid) -> Read<()> {
        (**self).release(name, token).await
    }
    async fn consumers(&self) -> Read<Vec<ConsumerState>> {
        (**self).consumers().await
    }
    async fn forget_consumer(&self, name: &str, now: Timestamp) -> Read<bool> {
        (**self).forget_consumer(name, now).await
    }
    async fn trim(&self, before: Timestamp, limit: u32) -> Read<u64> {
        (**self).trim(before, limit).await
    }
    async fn wait(&self) {
        (**self).wait().await
    }
    fn committed(&self) {
        (**self).committed();
    }
}

#[async_trait]
impl<S: AiLogReads + ?Sized> AiLogReads for Arc<S> {
    async fn ai_log(&self, id: AiLogId) -> Read<Option<AiLog>> {
        (**self).ai_log(id).await
    }
    async fn ai_operation(&self, operation: Uuid) -> Read<Vec<AiLog>> {
        (**self).ai_operation(operation).await
    }
    async fn ai_logs(&self, filter: &AiLogFilter, page: ById) -> Read<Vec<AiLog>> {
        (**self).ai_logs(filter, page).await
    }
    async fn ai_costs(&self, filter: &AiLogFilter) -> Read<Vec<AiCost>> {
        (**self).ai_costs(filter).await
    }
    async fn expired_ai_logs(&self, now: Timestamp, limit: u32) -> Read<Vec<AiLogId>> {
        (**self).expired_ai_logs(now, limit).await
    }
    async fn ai_logs_of(&self, person: UserId) -> Read<Vec<AiLog>> {
        (**self).ai_logs_of(person).await
    }
    async fn stale_ai_logs(&self, now: Timestamp, limit: u32) -> Read<Vec<AiLog>> {
        (**self).stale_ai_logs(now, limit).await
    }
}

#[async_trait]
impl<S: AiBudgetReads + ?Sized> AiBudgetReads for Arc<S> {
    async fn ai_budgets(&self, after: Option<BudgetScope>, limit: u32) -> Read<Vec<AiBudget>> {
        (**self).ai_budgets(after, limit).await
    }
    async fn ai_spending(&self, day: &str, after: Option<BudgetScope>, limit: u32) -> Read<Vec<AiSpending>> {
        (**self).ai_spending(day, after, limit).await
    }
    async fn ai_spending_of(&self, day: &str, scopes: &[BudgetScope]) -> Read<Vec<AiSpending>> {
        (**self).ai_spending_of(day, scopes).await
    }
}

#[async_trait]
impl<S: Store + ?Sized> Store for Arc<S> {
    async fn write(&self, batch: Arc<WriteBatch>) -> Result<Committed, StoreError> {
        (**self).write(batch).await
    }
    async fn migrate(&self) -> Result<(), StoreError> {
        (**self).migrate().await
    }
    async fn schema_version(&self) -> Result<(i64, i64), StoreError> {
        (**self).schema_version().await
    }
}
