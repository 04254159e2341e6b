//! The traits of the port over statements.

use std::sync::Arc;

use async_trait::async_trait;
use lms_core::model::*;
use lms_core::store::*;
use uuid::Uuid;

use crate::error::of_read;
use crate::joined::Load;
use crate::literal;
use crate::reads::{self, above, at_most};
use crate::rows::Doc;
use crate::{Params, PgStore, migrate, relay};

fn id(id: impl Into<Uuid>) -> Option<String> {
    Some(id.into().to_string())
}

fn or_null<T: Into<Uuid>>(id: Option<T>) -> Option<String> {
    id.map(|id| id.into().to_string())
}

fn number(n: impl Into<i64>) -> Option<String> {
    Some(n.into().to_string())
}

fn time(at: Timestamp) -> Option<String> {
    Some(literal::time(at))
}

/// The parameters of a page of what hangs under something.
fn paged(under: Option<String>, page: ById) -> Vec<Option<String>> {
    vec![under, id(above(page)), number(at_most(page))]
}

/// The parameters of a place in a list by time.
fn place(after: Option<InTime>) -> (Option<String>, Option<String>) {
    (after.and_then(|after| time(after.at)), after.map(|after| after.id.to_string()))
}

/// Whether a text can be in the database at all: none with U+0000 is, so nothing is found by one.
fn keepable(text: &str) -> bool {
    !text.contains('\0')
}

/// The document of a load that is always there.
fn there(doc: Option<Doc>) -> Result<Doc, StoreError> {
    doc.ok_or_else(|| StoreError::with_source(StoreErrorKind::Backend, "a load came back empty"))
}

#[async_trait]
impl Store for PgStore {
    async fn write(&self, batch: Arc<WriteBatch>) -> Result<Committed, StoreError> {
        self.require_schema().await?;
        self.apply(&batch).await
    }

    async fn migrate(&self) -> Result<(), StoreError> {
        let mut conn = self.inner.lines.pool().acquire().await.map_err(of_read)?;
        migrate::migrate(&mut conn, &self.inner.names).await?;
        drop(conn);
        self.require_schema().await
    }

    async fn schema_version(&self) -> Result<(i64, i64), StoreError> {
        Ok((self.found().await?.0, migrate::NEEDED))
    }
}

#[async_trait]
impl PeopleReads for PgStore {
    async fn person(&self, actor: Option<UserId>, subject: PersonKey) -> Read<PersonContext> {
        let (user, external) = match subject {
            PersonKey::Id(user) => (id(user), None),
            PersonKey::External(external) => (None, Some(external).filter(|text| keepable(text))),
            PersonKey::Email(email) => {
                let params = vec![or_null(actor), Some(email).filter(|text| keepable(text))];
                let doc = self.doc(&self.inner.statements.person_by_email, params).await?;
                return reads::people::read_person(there(doc)?);
            }
        };
        let doc = self.doc(&self.inner.statements.person, vec![or_null(actor), user, external]).await?;
        reads::people::read_person(there(doc)?)
    }
    async fn users(&self, page: ById) -> Read<Vec<User>> {
        self.list(&self.inner.statements.users, vec![id(above(page)), number(at_most(page))]).await
    }
    async fn staff(&self, course: CourseId, page: ById) -> Read<Vec<CourseStaff>> {
        self.list(&self.inner.statements.staff, paged(id(course), page)).await
    }
    async fn names(&self, people: &[UserId]) -> Read<Vec<PersonName>> {
        self.list(&self.inner.statements.names, vec![Some(reads::learning::listed(people))]).await
    }
}

#[async_trait]
impl CatalogReads for PgStore {
    async fn course(
        &self,
        actor: Option<UserId>,
        course: CourseId,
        user: Option<UserId>,
    ) -> Read<Option<CourseContext>> {
        let params = vec![or_null(actor), id(course), or_null(user)];
        self.doc(&self.inner.statements.course, params).await?.map(reads::catalog::read_course).transpose()
    }
    async fn courses(&self, filter: &CourseFilter, page: ById) -> Read<Vec<Course>> {
        if !filter.external_id.as_deref().is_none_or(keepable) {
            return Ok(Vec::new());
        }
        let s = &self.inner.statements;
        let mut params = vec![id(above(page)), filter.published.map(|p| p.to_string()), number(at_most(page))];
        let sql = match (&filter.external_id, filter.instructor) {
            (Some(external), instructor) => {
                params.extend([Some(external.clone()), or_null(instructor)]);
                &s.courses_external_id
            }
            (None, Some(instructor)) => {
                params.push(id(instructor));
                &s.courses_instructor
            }
            (None, None) => &s.courses_all,
        };
        self.list(sql, params).await
    }
    async fn offers(&self, reader: Option<UserId>, page: ById) -> Read<Vec<CourseOffer>> {
        let params = vec![or_null(reader), id(above(page)), number(at_most(page))];
        reads::catalog::read_offers(there(self.doc(&self.inner.statements.offers, params).await?)?)
    }
    async fn content(&self, actor: Option<UserId>, at: ContentRef) -> Read<Option<ContentContext>> {
        use reads::content::Place;
        let s = &self.inner.statements;
        let (place, key) = reads::content::place(at);
        let sql = match place {
            Place::Course => &s.content_course,
            Place::Objectives => &s.content_objectives,
            Place::Lesson => &s.content_lesson,
            Place::LessonTopics => &s.content_lesson_topics,
            Place::LessonQuizzes => &s.content_lesson_quizzes,
            Place::LessonAssignments => &s.content_lesson_assignments,
            Place::Topic => &s.content_topic,
            Place::Quiz => &s.content_quiz,
            Place::QuizQuestions => &s.content_quiz_questions,
            Place::Question => &s.content_question,
            Place::Assignment => &s.content_assignment,
        };
        self.doc(sql, vec![or_null(actor), id(key)]).await?.map(reads::content::read).transpose()
    }
    async fn structure(&self, course: CourseId) -> Read<Option<CourseStructure>> {
        let doc = self.doc(&self.inner.statements.structure, vec![id(course)]).await?;
        doc.map(reads::catalog::read_structure).transpose()
    }
    async fn topics(&self, lesson: LessonId) -> Read<Vec<Topic>> {
        self.list(&self.inner.statements.topics, vec![id(lesson)]).await
    }
    async fn questions(&self, quiz: QuizId) -> Read<Vec<QuizQuestion>> {
        self.list(&self.inner.statements.questions, vec![id(quiz)]).await
    }
    async fn revision(&self, revision: RevisionId) -> Read<Option<QuizRevision>> {
        Ok(self.list(&self.inner.statements.revision, vec![id(revision)]).await?.pop())
    }
    async fn revision_with(&self, quiz: QuizId, question: QuestionId) -> Read<Option<QuizRevision>> {
        Ok(self.list(&self.inner.statements.revision_with, vec![id(quiz), id(question)]).await?.pop())
    }
    async fn work_counts(&self, item: Item) -> Read<WorkCounts> {
        let (kind, key) = crate::write::item_parts(item);
        let doc = self.doc(&self.inner.statements.work_counts, vec![Some(kind.to_owned()), id(key)]).await?;
        reads::catalog::read_work_counts(there(doc)?)
    }
    async fn template(&self, template: TemplateId) -> Read<Option<CertificateTemplate>> {
        Ok(self.list(&self.inner.statements.template, vec![id(template)]).await?.pop())
    }
    async fn template_versions(&self, of: TemplateId) -> Read<Vec<CertificateTemplate>> {
        self.list(&self.inner.statements.template_versions, vec![id(of)]).await
    }
    async fn templates(&self, page: ById) -> Read<Vec<CertificateTemplate>> {
        self.list(&self.inner.statements.templates, vec![id(above(page)), number(at_most(page))]).await
    }
    async fn objective_links(&self, course: CourseId) -> Read<Vec<(ObjectiveId, Uuid)>> {
        reads::catalog::read_links(there(self.doc(&self.inner.statements.objective_links, vec![id(course)]).await?)?)
    }
    async fn course_content(&self, course: CourseId) -> Read<Option<CourseContent>> {
        let doc = self.doc(&self.inner.statements.course_content, vec![id(course)]).await?;
        doc.map(reads::catalog::read_content).transpose()
    }
}

#[async_trait]
impl LearningReads for PgStore {
    async fn learner(&self, actor: Option<UserId>, scope: LearnerScope) -> Read<Option<LearnerContext>> {
        // On the heap: it stands in this future twice, and in those of all callers.
        let alone = Box::pin(async {
            let (place, key, student) = reads::learner::place(scope);
            let mut params: Params = vec![or_null(actor), id(key)];
            if student.is_some() {
                params.push(or_null(student));
            }
            let sql = self.inner.statements.learner(place);
            self.record(sql, params, |fields| reads::learner::read(place, fields)).await
        });
        self.require_schema().await?;
        if !self.inner.lines.are_own() {
            return alone.await;
        }
        match Load::of(self, actor, scope) {
            Ok(place) => place.hold(alone).await,
            Err(answer) => match answer.await {
                Some(answer) => answer,
                None => alone.await,
            },
        }
    }
    async fn record(&self, course: CourseId, student: UserId) -> Read<Option<LearnerRecord>> {
        let doc = self.doc(&self.inner.statements.record, vec![id(course), id(student)]).await?;
        doc.map(reads::learning::read_record).transpose()
    }
    async fn records(&self, course: CourseId, open_only: bool, page: ById) -> Read<Vec<LearnerRecord>> {
        let params = vec![id(course), Some(open_only.to_string()), id(above(page)), number(at_most(page))];
        reads::learning::read_records(there(self.doc(&self.inner.statements.records, params).await?)?)
    }
    async fn home(&self, student: UserId, since: Timestamp) -> Read<HomeRecord> {
        let doc = self.doc(&self.inner.statements.home, vec![id(student), time(since)]).await?;
        reads::home::read(there(doc)?)
    }
    async fn enrollments_of(&self, student: UserId) -> Read<Vec<Enrollment>> {
        self.list(&self.inner.statements.enrollments_of, vec![id(student)]).await
    }
    async fn enrollments(&self, course: CourseId, page: ById) -> Read<Vec<Enrollment>> {
        let params = vec![id(course), id(above(page)), number(at_most(page))];
        self.list(&self.inner.statements.enrollments, params).await
    }
    async fn overdue_attempts(&self, now: Timestamp, page: ById) -> Read<Vec<AttemptId>> {
        let params = vec![time(now), id(above(page)), number(at_most(page))];
        let doc = self.doc(&self.inner.statements.overdue_attempts, params).await?;
        Ok(there(doc)?.ids("ids")?.into_iter().map(AttemptId::from_uuid).collect())
    }
    async fn overrides(&self, course: CourseId, page: ById) -> Read<Vec<Override>> {
        self.list(&self.inner.statements.overrides, paged(id(course), page)).await
    }
    async fn waivers(&self, course: CourseId, page: ById) -> Read<Vec<Waiver>> {
        self.list(&self.inner.statements.waivers, paged(id(course), page)).await
    }
    async fn awaiting_ai(&self, limit: u32) -> Read<Vec<SubmissionHead>> {
        self.list(&self.inner.statements.awaiting_ai, vec![number(limit)]).await
    }
    async fn to_grade(
        &self,
        course: CourseId,
        suggested: bool,
        after: Option<InTime>,
        limit: u32,
    ) -> Read<Vec<SubmissionHead>> {
        let (at, behind) = place(after);
        let params = vec![id(course), Some(suggested.to_string()), at, behind, number(limit)];
        self.list(&self.inner.statements.to_grade, params).await
    }
    async fn versions(
        &self,
        assignment: AssignmentId,
        from: EnrollmentId,
        to: EnrollmentId,
    ) -> Read<Vec<VersionRecord>> {
        let params = vec![id(assignment), id(from), id(to)];
        reads::learning::read_versions(there(self.doc(&self.inner.statements.versions, params).await?)?)
    }
    async fn attempts(&self, quiz: QuizId, from: EnrollmentId, to: EnrollmentId) -> Read<Vec<QuizAttempt>> {
        self.list(&self.inner.statements.attempts, vec![id(quiz), id(from), id(to)]).await
    }
    async fn members(&self, course: CourseId, page: ById) -> Read<Vec<Member>> {
        let params = vec![id(course), id(reads::above(page)), number(reads::at_most(page))];
        self.list(&self.inner.statements.members, params).await
    }
    async fn open_reviews(&self, course: CourseId, after: Option<InTime>, limit: u32) -> Read<Vec<ReviewRequest>> {
        let (at, behind) = place(after);
        self.list(&self.inner.statements.open_reviews, vec![id(course), at, behind, number(limit)]).await
    }
    async fn pending_attempts(
        &self,
        course: CourseId,
        suggested: bool,
        after: Option<InTime>,
        limit: u32,
    ) -> Read<Vec<AttemptHead>> {
        let (at, behind) = place(after);
        let params = vec![id(course), Some(suggested.to_string()), at, behind, number(limit)];
        self.list(&self.inner.statements.pending_attempts, params).await
    }
    async fn attempts_awaiting_ai(&self, limit: u32) -> Read<Vec<AttemptHead>> {
        self.list(&self.inner.statements.attempts_awaiting_ai, vec![number(limit)]).await
    }
    async fn work_of(&self, enrollment: EnrollmentId) -> Read<PersonWork> {
        reads::learning::read_work(there(self.doc(&self.inner.statements.work_of, vec![id(enrollment)]).await?)?)
    }
    async fn feedback_of(&self, enrollment: EnrollmentId) -> Read<Vec<SubmissionFeedback>> {
        self.list(&self.inner.statements.feedback_of, vec![id(enrollment)]).await
    }
    async fn answer_entries(&self, course: CourseId, from: EnrollmentId, to: EnrollmentId) -> Read<Vec<AnswerEntry>> {
        self.list(&self.inner.statements.answer_entries, vec![id(course), id(from), id(to)]).await
    }
    async fn marked_attempts(
        &self,
        course: CourseId,
        from: EnrollmentId,
        to: EnrollmentId,
    ) -> Read<Vec<MarkedAttempt>> {
        let doc = self.doc(&self.inner.statements.marked_attempts, vec![id(course), id(from), id(to)]).await?;
        reads::learning::read_marked_attempts(there(doc)?)
    }
    async fn scored_work(&self, attempts: &[AttemptId], submissions: &[SubmissionId]) -> Read<ScoredWork> {
        let params = vec![Some(reads::learning::listed(attempts)), Some(reads::learning::listed(submissions))];
        let doc = self.doc(&self.inner.statements.scored_work, params).await?;
        reads::learning::read_scored_work(there(doc)?)
    }
    async fn work_names(&self, attempts: &[AttemptId], submissions: &[SubmissionId]) -> Read<Vec<WorkName>> {
        let params = vec![Some(reads::learning::listed(attempts)), Some(reads::learning::listed(submissions))];
        self.list(&self.inner.statements.work_names, params).await
    }
    async fn reviews_of(&self, subject: Uuid) -> Read<Vec<ReviewRequest>> {
        self.list(&self.inner.statements.reviews_of, vec![id(subject)]).await
    }
    async fn grades_above(&self, assignment: AssignmentId, max: Points) -> Read<i64> {
        let params = vec![id(assignment), number(max.units())];
        there(self.doc(&self.inner.statements.grades_above, params).await?)?.int("count")
    }
    async fn certificate_facts(&self, course: CourseId, student: UserId) -> Read<Option<CertificateFacts>> {
        let doc = self.doc(&self.inner.statements.certificate_facts, vec![id(course), id(student)]).await?;
        doc.map(reads::certificates::read_facts).transpose()
    }
    async fn open_jobs(&self, after: Option<InTime>, limit: u32) -> Read<Vec<CourseJob>> {
        let (at, behind) = place(after);
        self.list(&self.inner.statements.open_jobs, vec![at, behind, number(limit)]).await
    }
}

#[async_trait]
impl CertificateReads for PgStore {
    async fn certificate(&self, certificate: CertificateId) -> Read<Option<Certificate>> {
        Ok(self.list(&self.inner.statements.certificate, vec![id(certificate)]).await?.pop())
    }
    async fn certificate_by_code(&self, code: &str) -> Read<Option<Certificate>> {
        if !keepable(code) {
            return Ok(None);
        }
        Ok(self.list(&self.inner.statements.certificate_by_code, vec![Some(code.to_owned())]).await?.pop())
    }
    async fn certificate_of(&self, course: CourseId, student: UserId) -> Read<Option<Certificate>> {
        Ok(self.list(&self.inner.statements.certificate_of, vec![id(course), id(student)]).await?.pop())
    }
    async fn certificates(&self, course: CourseId, page: ById) -> Read<Vec<Certificate>> {
        self.list(&self.inner.statements.certificates, paged(id(course), page)).await
    }
    async fn certificates_of(&self, person: UserId, page: ById) -> Read<Vec<Certificate>> {
        self.list(&self.inner.statements.certificates_of, paged(id(person), page)).await
    }
    async fn certificate_revisions(&self, certificate: CertificateId) -> Read<Vec<CertificateRevision>> {
        self.list(&self.inner.statements.certificate_revisions, vec![id(certificate)]).await
    }
    async fn renderings(&self, filter: RenderingFilter, page: ById) -> Read<Vec<Certificate>> {
        let all = &self.inner.statements;
        let (everywhere, in_course) = match filter.rendering {
            Rendering::Pending => (&all.renderings_pending, &all.renderings_pending_course),
            Rendering::Ready => (&all.renderings_ready, &all.renderings_ready_course),
            Rendering::Failed => (&all.renderings_failed, &all.renderings_failed_course),
        };
        let mut params = vec![id(above(page)), number(at_most(page))];
        let Some(course) = filter.course else { return self.list(everywhere, params).await };
        params.push(id(course));
        self.list(in_course, params).await
    }
    async fn erased_renderings(&self, page: ById) -> Read<Vec<Certificate>> {
        self.list(&self.inner.statements.erased_renderings, vec![id(above(page)), number(at_most(page))]).await
    }
}

#[async_trait]
impl AnalyticsReads for PgStore {
    async fn completion(&self, course: CourseId) -> Read<Option<CompletionCounts>> {
        let Some(mut doc) = self.stale_doc(&self.inner.statements.completion, vec![id(course)]).await? else {
            return Ok(None);
        };
        Ok(Some(CompletionCounts {
            enrolled: doc.int("enrolled")?,
            completed: doc.int("completed")?,
            lessons_done: doc.int("lessons_done")?,
            lessons_total: doc.int("lessons_total")?,
        }))
    }
    async fn lesson_counts(&self, course: CourseId) -> Read<Vec<LessonCounts>> {
        self.stale_list(&self.inner.statements.lesson_counts, vec![id(course)]).await
    }
    async fn quiz_percents(&self, scope: QuizScope) -> Read<PercentSum> {
        let s = &self.inner.statements;
        let (sql, key) = match scope {
            QuizScope::Quiz(quiz) => (&s.quiz_percents_quiz, quiz.uuid()),
            QuizScope::Lesson(lesson) => (&s.quiz_percents_lesson, lesson.uuid()),
            QuizScope::Course(course) => (&s.quiz_percents_course, course.uuid()),
        };
        let mut doc = there(self.stale_doc(sql, vec![id(key)]).await?)?;
        Ok(PercentSum { pairs: doc.int("pairs")?, sum_e8: doc.int("sum_e8")? })
    }
    async fn active_students(&self, course: Option<CourseId>, after: Timestamp, until: Timestamp) -> Read<i64> {
        let s = &self.inner.statements;
        let mut params = vec![time(after), time(until)];
        let sql = match course {
            Some(course) => {
                params.push(id(course));
                &s.active_students_course
            }
            None => &s.active_students_all,
        };
        there(self.stale_doc(sql, params).await?)?.int("students")
    }
    async fn on_time(&self, assignment: AssignmentId, now: Timestamp) -> Read<OnTimeCounts> {
        let doc = self.stale_doc(&self.inner.statements.on_time, vec![id(assignment), time(now)]).await?;
        let mut doc = there(doc)?;
        Ok(OnTimeCounts { on_time: doc.int("on_time")?, of: doc.int("of")? })
    }
}

#[async_trait]
impl EventLog for PgStore {
    async fn ends(&self) -> Read<LogEnds> {
        reads::events::read_ends(there(self.doc(&self.inner.statements.ends, vec![]).await?)?)
    }
    async fn settle(&self) -> Read<()> {
        self.require_schema().await?;
        relay::drain(&self.inner).await
    }
    async fn events(&self, after: i64, filter: &EventFilter, limit: u32) -> Read<Vec<Event>> {
        let s = &self.inner.statements;
        let kinds = match filter.kinds.as_slice() {
            [] => None,
            kinds => Some(literal::texts(kinds.iter().map(EventKind::as_str).filter(|kind| keepable(kind)))),
        };
        let mut params = vec![number(after), number(limit.clamp(1, 2_000)), kinds];
        let sql = match (filter.course, filter.student) {
            (Some(course), student) => {
                params.extend([id(course), or_null(student)]);
                &s.events_course
            }
            (None, Some(student)) => {
                params.push(id(student));
                &s.events_student
            }
            (None, None) if filter.kinds.is_empty() => &s.events_all,
            (None, None) => &s.events_kinds,
        };
        reads::events::read_events(there(self.doc(sql, params).await?)?)
    }
    async fn event(&self, event: EventId) -> Read<Option<Event>> {
        let doc = self.doc(&self.inner.statements.event, vec![id(event)]).await?;
        Ok(reads::events::read_events(there(doc)?)?.pop())
    }
    async fn event_at(&self, position: i64) -> Read<Option<Event>> {
        let doc = self.doc(&self.inner.statements.event_at, vec![number(position)]).await?;
        Ok(reads::events::read_events(there(doc)?)?.pop())
    }
    async fn lease(&self, name: &str, token: Uuid, now: Timestamp, until: Timestamp) -> Read<Option<ConsumerState>> {
        check_consumer(name)?;
        let params = vec![Some(name.to_owned()), id(token), time(now), time(until)];
        let doc = self.doc(&self.inner.statements.lease, params).await?;
        Ok(reads::events::read_consumers(there(doc)?)?.pop())
    }
    async fn release(&self, name: &str, token: Uuid) -> Read<()> {
        if !keepable(name) {
            return Ok(());
        }
        self.doc(&self.inner.statements.release, vec![Some(name.to_owned()), id(token)]).await.map(drop)
    }
    async fn consumers(&self) -> Read<Vec<ConsumerState>> {
        reads::events::read_consumers(there(self.doc(&self.inner.statements.consumers, vec![]).await?)?)
    }
    async fn forget_consumer(&self, name: &str, now: Timestamp) -> Read<bool> {
        if !keepable(name) {
            return Ok(false);
        }
        let doc = self.doc(&self.inner.statements.forget_consumer, vec![Some(name.to_owned()), time(now)]).await?;
        Ok(there(doc)?.int("gone")? > 0)
    }
    async fn trim(&self, before: Timestamp, limit: u32) -> Read<u64> {
        let doc = self.doc(&self.inner.statements.trim, vec![time(before), number(limit)]).await?;
        Ok(u64::try_from(there(doc)?.int("gone")?).unwrap_or_default())
    }
    async fn wait(&self) {
        self.hint().await;
    }
    fn committed(&self) {
        self.inner.hints.committed();
    }
}

#[async_trait]
impl AiLogReads for PgStore {
    async fn ai_log(&self, log: AiLogId) -> Read<Option<AiLog>> {
        Ok(self.list(&self.inner.statements.ai_log, vec![id(log)]).await?.pop())
    }
    async fn ai_operation(&self, operation: Uuid) -> Read<Vec<AiLog>> {
        self.list(&self.inner.statements.ai_operation, vec![id(operation)]).await
    }
    async fn ai_logs(&self, filter: &AiLogFilter, page: ById) -> Read<Vec<AiLog>> {
        if !filter.kind.as_deref().is_none_or(keepable) {
            return Ok(Vec::new());
        }
        let s = &self.inner.statements;
        let (key, mut params) = log_filter(filter);
        let sql = match (key, filter.newest_first) {
            (reads::ai_logs::Key::All, false) => &s.ai_logs_all,
            (reads::ai_logs::Key::Course, false) => &s.ai_logs_course,
            (reads::ai_logs::Key::Actor, false) => &s.ai_logs_actor,
            (reads::ai_logs::Key::All, true) => &s.ai_logs_all_newest,
            (reads::ai_logs::Key::Course, true) => &s.ai_logs_course_newest,
            (reads::ai_logs::Key::Actor, true) => &s.ai_logs_actor_newest,
        };
        params.extend([or_null(page.after), number(at_most(page)), Some(filter.without_texts.to_string())]);
        self.list(sql, params).await
    }
    async fn ai_costs(&self, filter: &AiLogFilter) -> Read<Vec<AiCost>> {
        if !filter.kind.as_deref().is_none_or(keepable) {
            return Ok(Vec::new());
        }
        let s = &self.inner.statements;
        let (key, params) = log_filter(filter);
        let sql = match key {
            reads::ai_logs::Key::All => &s.ai_costs_all,
            reads::ai_logs::Key::Course => &s.ai_costs_course,
            reads::ai_logs::Key::Actor => &s.ai_costs_actor,
        };
        self.list(sql, params).await
    }
    async fn expired_ai_logs(&self, now: Timestamp, limit: u32) -> Read<Vec<AiLogId>> {
        let doc = self.doc(&self.inner.statements.expired_ai_logs, vec![time(now), number(limit)]).await?;
        Ok(there(doc)?.ids("ids")?.into_iter().map(AiLogId::from_uuid).collect())
    }
    async fn ai_logs_of(&self, person: UserId) -> Read<Vec<AiLog>> {
        self.list(&self.inner.statements.ai_logs_of, vec![id(person)]).await
    }
    async fn stale_ai_logs(&self, now: Timestamp, limit: u32) -> Read<Vec<AiLog>> {
        self.list(&self.inner.statements.stale_ai_logs, vec![time(now), number(limit)]).await
    }
}

/// The index that a filter of the log goes by, and the parameters of its conditions.
fn log_filter(filter: &AiLogFilter) -> (reads::ai_logs::Key, Params) {
    let mut params = vec![
        filter.status.map(|s| s.as_str().to_owned()),
        filter.kind.clone(),
        filter.from.map(literal::time),
        filter.until.map(literal::time),
    ];
    let key = match (filter.course, filter.actor) {
        (Some(course), actor) => {
            params.extend([id(course), or_null(actor)]);
            reads::ai_logs::Key::Course
        }
        (None, Some(actor)) => {
            params.push(id(actor));
            reads::ai_logs::Key::Actor
        }
        (None, None) => reads::ai_logs::Key::All,
    };
    (key, params)
}

#[async_trait]
impl AiBudgetReads for PgStore {
    async fn ai_budgets(&self, after: Option<BudgetScope>, limit: u32) -> Read<Vec<AiBudget>> {
        let params = vec![Some(above_scope(after)), number(limit.clamp(1, 500))];
        reads::ai_budgets::read_budgets(there(self.doc(&self.inner.statements.ai_budgets, params).await?)?)
    }
    async fn ai_spending(&self, day: &str, after: Option<BudgetScope>, limit: u32) -> Read<Vec<AiSpending>> {
        let params = vec![Some(day.to_owned()), Some(above_scope(after)), number(limit.clamp(1, 500))];
        reads::ai_budgets::read_spending(there(self.doc(&self.inner.statements.ai_spending, params).await?)?, day)
    }
    async fn ai_spending_of(&self, day: &str, scopes: &[BudgetScope]) -> Read<Vec<AiSpending>> {
        let list = scopes.iter().map(BudgetScope::key).collect::<Vec<_>>().join(",");
        let doc = self.doc(&self.inner.statements.ai_spending_of, vec![Some(day.to_owned()), Some(list)]).await?;
        reads::ai_budgets::read_spending(there(doc)?, day)
    }
}

/// A list of scopes begins above it.
fn above_scope(after: Option<BudgetScope>) -> String {
    after.map_or_else(String::new, |scope| scope.key())
}
