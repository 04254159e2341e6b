//! The reads of the port, each under one look at the tables.

use std::collections::BTreeMap;

use async_trait::async_trait;
use lms_core::model::*;
use lms_core::store::*;
use uuid::Uuid;

use super::MemoryStore;
use super::tables::{Tables, head};

/// One page of what is wanted, by id.
fn page<R: Stored>(t: &Tables, page: ById, id: impl Fn(&R) -> Uuid, wanted: impl Fn(&R) -> bool) -> Vec<R> {
    let after = page.after.unwrap_or_default();
    let limit = usize::try_from(page.limit.clamp(1, 500)).unwrap_or(1);
    t.all::<R>().filter(|r| id(r) > after && wanted(r)).take(limit).cloned().collect()
}

/// The same by another key than the row's own.
fn page_by<R: Stored>(t: &Tables, page: ById, key: impl Fn(&R) -> Uuid, wanted: impl Fn(&R) -> bool) -> Vec<R> {
    let after = page.after.unwrap_or_default();
    first(t.sorted(|r| key(r) > after && wanted(r), &key), page.limit.clamp(1, 500))
}

/// Whether a person was erased: nobody can grade their work any more.
fn erased(t: &Tables, id: UserId) -> bool {
    t.user(Some(id)).is_some_and(|user| user.erased_at.is_some())
}

/// Whether a row stands behind a place in a list by time.
fn behind(after: Option<InTime>, at: Option<Timestamp>, id: impl Into<Uuid>) -> bool {
    after.is_none_or(|after| (at, id.into()) > (Some(after.at), after.id))
}

fn first<R>(mut rows: Vec<R>, limit: u32) -> Vec<R> {
    rows.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
    rows
}

fn heads<R: lms_core::model::table::Record, S: Stored>(rows: Vec<S>, limit: u32) -> Vec<R> {
    first(rows, limit).into_iter().filter_map(head).collect()
}

#[async_trait]
impl PeopleReads for MemoryStore {
    async fn person(&self, actor: Option<UserId>, subject: PersonKey) -> Read<PersonContext> {
        let t = self.read();
        Ok(PersonContext {
            actor: t.user(actor),
            subject: match subject {
                PersonKey::Id(id) => t.user(Some(id)),
                PersonKey::External(id) => t.one(|u: &User| u.external_id.as_ref() == Some(&id)),
                PersonKey::Email(email) => t.one(|u: &User| u.email.as_ref() == Some(&email)),
            },
        })
    }
    async fn users(&self, by: ById) -> Read<Vec<User>> {
        Ok(page(&self.read(), by, |u: &User| u.id.uuid(), |_| true))
    }
    async fn staff(&self, course: CourseId, by: ById) -> Read<Vec<CourseStaff>> {
        Ok(page_by(&self.read(), by, |s: &CourseStaff| s.user_id.uuid(), |s| s.course_id == course))
    }
    async fn names(&self, people: &[UserId]) -> Read<Vec<PersonName>> {
        Ok(self.read().many(|u: &User| people.contains(&u.id)).into_iter().filter_map(head).collect())
    }
}

#[async_trait]
impl CatalogReads for MemoryStore {
    async fn course(
        &self,
        actor: Option<UserId>,
        course: CourseId,
        user: Option<UserId>,
    ) -> Read<Option<CourseContext>> {
        Ok(self.read().course(actor, course, user))
    }
    async fn courses(&self, filter: &CourseFilter, by: ById) -> Read<Vec<Course>> {
        let t = self.read();
        let teaches = |course: &Course, user: UserId| {
            course.instructor_id == user
                || t.staff_of(course.id, Some(user)).is_some_and(|s| s.role == StaffRole::Instructor)
        };
        Ok(page(
            &t,
            by,
            |c: &Course| c.id.uuid(),
            |c| {
                filter.instructor.is_none_or(|user| teaches(c, user))
                    && filter.published.is_none_or(|published| c.is_published == published)
                    && (filter.external_id.is_none() || c.external_id == filter.external_id)
            },
        ))
    }
    async fn offers(&self, reader: Option<UserId>, by: ById) -> Read<Vec<CourseOffer>> {
        let t = self.read();
        let open = EnrollmentPolicy::Open;
        let offered = |c: &Course| c.is_published && c.enrollment == open && c.archived_at.is_none();
        let offer = |course: Course| CourseOffer {
            instructor_name: t.user(Some(course.instructor_id)).map(|u| u.display_name).unwrap_or_default(),
            published_lessons: t.count(|l: &Lesson| l.course_id == course.id && l.is_published),
            enrollment: reader.and_then(|reader| t.enrollment_of(course.id, reader)),
            course,
        };
        Ok(page(&t, by, |c: &Course| c.id.uuid(), offered).into_iter().map(offer).collect())
    }
    async fn content(&self, actor: Option<UserId>, at: ContentRef) -> Read<Option<ContentContext>> {
        Ok(self.read().content(actor, at))
    }
    async fn structure(&self, course: CourseId) -> Read<Option<CourseStructure>> {
        Ok(self.read().structure(course))
    }
    async fn topics(&self, lesson: LessonId) -> Read<Vec<Topic>> {
        Ok(self.read().topics_of(lesson))
    }
    async fn questions(&self, quiz: QuizId) -> Read<Vec<QuizQuestion>> {
        Ok(self.read().questions_of(quiz))
    }
    async fn revision(&self, id: RevisionId) -> Read<Option<QuizRevision>> {
        Ok(self.read().get(id).cloned())
    }
    async fn revision_with(&self, quiz: QuizId, question: QuestionId) -> Read<Option<QuizRevision>> {
        let has = |revision: &QuizRevision| {
            let content = revision.questions();
            revision.quiz_id == quiz && content.is_ok_and(|content| content.questions.iter().any(|q| q.id == question))
        };
        Ok(self.read().sorted(has, |revision| revision.id).into_iter().next())
    }
    async fn work_counts(&self, item: Item) -> Read<WorkCounts> {
        Ok(self.read().work_counts(item))
    }
    async fn template(&self, id: TemplateId) -> Read<Option<CertificateTemplate>> {
        Ok(self.read().get(id).cloned())
    }
    async fn template_versions(&self, of: TemplateId) -> Read<Vec<CertificateTemplate>> {
        let t = self.read();
        let family = t.get::<CertificateTemplate>(of).map(|version| version.family_id);
        Ok(t.sorted(|v: &CertificateTemplate| Some(v.family_id) == family, |v| v.version_no))
    }
    async fn templates(&self, by: ById) -> Read<Vec<CertificateTemplate>> {
        let t = self.read();
        let usable = |c: &CertificateTemplate| !c.is_draft && c.archived_at.is_none();
        let newest = |c: &CertificateTemplate| {
            let newer =
                |n: &CertificateTemplate| n.family_id == c.family_id && n.version_no > c.version_no && usable(n);
            usable(c) && !t.all::<CertificateTemplate>().any(newer)
        };
        Ok(page_by(&t, by, |c: &CertificateTemplate| c.family_id.uuid(), newest))
    }
    async fn objective_links(&self, course: CourseId) -> Read<Vec<(ObjectiveId, Uuid)>> {
        Ok(self.read().links(course))
    }
    async fn course_content(&self, course: CourseId) -> Read<Option<CourseContent>> {
        Ok(self.read().course_content(course))
    }
}

#[async_trait]
impl LearningReads for MemoryStore {
    async fn learner(&self, actor: Option<UserId>, scope: LearnerScope) -> Read<Option<LearnerContext>> {
        Ok(self.read().learner(actor, scope))
    }
    async fn record(&self, course: CourseId, student: UserId) -> Read<Option<LearnerRecord>> {
        let t = self.read();
        Ok(t.enrollment_of(course, student).map(|enrollment| t.record_of(enrollment)))
    }
    async fn records(&self, course: CourseId, open_only: bool, by: ById) -> Read<Vec<LearnerRecord>> {
        let t = self.read();
        let open = |e: &Enrollment| e.status == EnrollmentStatus::Active && e.completed_at.is_none();
        let wanted = |e: &Enrollment| e.course_id == course && (!open_only || open(e));
        let enrollments = page(&t, by, |e: &Enrollment| e.id.uuid(), wanted);
        Ok(enrollments.into_iter().map(|enrollment| t.record_of(enrollment)).collect())
    }
    async fn home(&self, student: UserId, since: Timestamp) -> Read<HomeRecord> {
        Ok(self.read().home(student, since))
    }
    async fn enrollments_of(&self, student: UserId) -> Read<Vec<Enrollment>> {
        Ok(self.read().many(|e: &Enrollment| e.student_id == student))
    }
    async fn enrollments(&self, course: CourseId, by: ById) -> Read<Vec<Enrollment>> {
        Ok(page(&self.read(), by, |e: &Enrollment| e.id.uuid(), |e| e.course_id == course))
    }
    async fn overdue_attempts(&self, now: Timestamp, by: ById) -> Read<Vec<AttemptId>> {
        let t = self.read();
        let over = |a: &QuizAttempt| {
            let grace = t.get::<Quiz>(a.quiz_id).map_or(0, |q| q.grace_seconds);
            a.deadline.is_some_and(|deadline| deadline < now && deadline.plus_seconds(grace) < now)
                || t.get::<Enrollment>(a.enrollment_id).is_some_and(|e| e.status == EnrollmentStatus::Withdrawn)
                || t.get::<User>(a.student_id).is_some_and(|u| u.erased_at.is_some())
        };
        let overdue = |a: &QuizAttempt| a.state == AttemptState::InProgress && over(a);
        Ok(page(&t, by, |a: &QuizAttempt| a.id.uuid(), overdue).iter().map(|a| a.id).collect())
    }
    async fn overrides(&self, course: CourseId, by: ById) -> Read<Vec<Override>> {
        Ok(page_by(&self.read(), by, |o: &Override| o.id.uuid(), |o| o.course_id == course))
    }
    async fn waivers(&self, course: CourseId, by: ById) -> Read<Vec<Waiver>> {
        Ok(page_by(&self.read(), by, |w: &Waiver| w.id.uuid(), |w| w.course_id == course))
    }
    async fn awaiting_ai(&self, limit: u32) -> Read<Vec<SubmissionHead>> {
        let waits = |s: &Submission| s.ai_status == AiGradingState::Pending;
        Ok(heads(self.read().sorted(waits, |s| s.submitted_at), limit))
    }
    async fn to_grade(
        &self,
        course: CourseId,
        suggested: bool,
        after: Option<InTime>,
        limit: u32,
    ) -> Read<Vec<SubmissionHead>> {
        let t = self.read();
        let waits = |s: &Submission| {
            let for_a_person = s.state == SubmissionState::Submitted && s.ai_status != AiGradingState::Pending;
            s.course_id == course
                && !erased(&t, s.student_id)
                && s.suggested_seq.is_some() == suggested
                && (suggested || for_a_person)
                && behind(after, s.submitted_at, s.id)
        };
        Ok(heads(t.sorted(waits, |s| (s.submitted_at, s.id)), limit))
    }
    async fn versions(
        &self,
        assignment: AssignmentId,
        from: EnrollmentId,
        to: EnrollmentId,
    ) -> Read<Vec<VersionRecord>> {
        let t = self.read();
        let handed_in = |s: &Submission| {
            s.assignment_id == assignment && (from..=to).contains(&s.enrollment_id) && s.state != SubmissionState::Draft
        };
        let history = |id: SubmissionId| {
            let own = |g: &GradeEntry| g.subject_type == GradeSubject::Submission && g.subject_id == id.uuid();
            t.sorted(own, |g| g.seq)
        };
        let versions = t.sorted(handed_in, |s| (s.enrollment_id, s.version_no)).into_iter();
        Ok(versions.map(|submission| VersionRecord { history: history(submission.id), submission }).collect())
    }
    async fn attempts(&self, quiz: QuizId, from: EnrollmentId, to: EnrollmentId) -> Read<Vec<QuizAttempt>> {
        let within = |a: &QuizAttempt| a.quiz_id == quiz && (from..=to).contains(&a.enrollment_id);
        Ok(self.read().sorted(within, |a| (a.enrollment_id, a.attempt_no)))
    }
    async fn members(&self, course: CourseId, by: ById) -> Read<Vec<Member>> {
        let t = self.read();
        let last = |e: &Enrollment| {
            let own = t.events().iter().map(|told| &told.event).filter(|told| {
                told.learner_initiated && told.course_id == Some(course) && told.student_id == Some(e.student_id)
            });
            own.map(|told| told.at).max()
        };
        let enrollments = page(&t, by, |e: &Enrollment| e.id.uuid(), |e| e.course_id == course);
        let member = |e: Enrollment| Member {
            id: e.id,
            course_id: course,
            student_id: e.student_id,
            display_name: t.user(Some(e.student_id)).map_or_else(String::new, |u| u.display_name),
            last_activity: last(&e),
        };
        Ok(enrollments.into_iter().map(member).collect())
    }
    async fn open_reviews(&self, course: CourseId, after: Option<InTime>, limit: u32) -> Read<Vec<ReviewRequest>> {
        let t = self.read();
        let open = |r: &ReviewRequest| {
            r.course_id == course
                && r.state == ReviewState::Open
                && !erased(&t, r.student_id)
                && behind(after, Some(r.created_at), r.id)
        };
        Ok(first(t.sorted(open, |r| (r.created_at, r.id)), limit))
    }
    async fn pending_attempts(
        &self,
        course: CourseId,
        suggested: bool,
        after: Option<InTime>,
        limit: u32,
    ) -> Read<Vec<AttemptHead>> {
        let t = self.read();
        let waits = |a: &QuizAttempt| {
            let for_a_person = a.state == AttemptState::PendingReview && a.ai_pending == 0;
            a.course_id == course
                && !erased(&t, a.student_id)
                && (a.ai_suggested > 0) == suggested
                && (suggested || for_a_person)
                && behind(after, a.completed_at, a.id)
        };
        Ok(heads(t.sorted(waits, |a| (a.completed_at, a.id)), limit))
    }
    async fn attempts_awaiting_ai(&self, limit: u32) -> Read<Vec<AttemptHead>> {
        Ok(heads(self.read().sorted(|a: &QuizAttempt| a.ai_pending > 0, |a| a.completed_at), limit))
    }
    async fn work_of(&self, enrollment: EnrollmentId) -> Read<PersonWork> {
        let t = self.read();
        Ok(PersonWork {
            attempts: t.many(|a: &QuizAttempt| a.enrollment_id == enrollment),
            submissions: t.many(|s: &Submission| s.enrollment_id == enrollment),
            reviews: t.many(|r: &ReviewRequest| r.enrollment_id == enrollment),
        })
    }
    async fn feedback_of(&self, enrollment: EnrollmentId) -> Read<Vec<SubmissionFeedback>> {
        let written = |s: &Submission| s.enrollment_id == enrollment && s.feedback.is_some();
        Ok(self.read().many(written).into_iter().filter_map(head).collect())
    }
    async fn answer_entries(&self, course: CourseId, from: EnrollmentId, to: EnrollmentId) -> Read<Vec<AnswerEntry>> {
        let t = self.read();
        let of = |a: &QuizAttempt| a.course_id == course && a.enrollment_id >= from && a.enrollment_id <= to;
        let attempts = t.many(of);
        let entries = t.many(|e: &GradeEntry| attempts.iter().any(|a| a.id.uuid() == e.subject_id));
        Ok(entries.into_iter().filter_map(head).collect())
    }
    async fn marked_attempts(
        &self,
        course: CourseId,
        from: EnrollmentId,
        to: EnrollmentId,
    ) -> Read<Vec<MarkedAttempt>> {
        let t = self.read();
        let entries = |a: &QuizAttempt| {
            let own = |g: &GradeEntry| g.subject_type == GradeSubject::Answer && g.subject_id == a.id.uuid();
            t.sorted(own, |g| (g.question_id, g.seq))
        };
        let by_ai = |a: &QuizAttempt| entries(a).iter().any(|g| g.grader_kind == GraderKind::Ai);
        let of = |a: &QuizAttempt| a.course_id == course && (from..=to).contains(&a.enrollment_id) && by_ai(a);
        let attempts = t.sorted(of, |a| (a.enrollment_id, a.id));
        let history = attempts.iter().flat_map(entries).collect();
        Ok(MarkedAttempt::each(attempts.into_iter().filter_map(head).collect(), history))
    }
    async fn scored_work(&self, attempts: &[AttemptId], submissions: &[SubmissionId]) -> Read<ScoredWork> {
        let t = self.read();
        let submissions: Vec<Submission> = t.many(|s: &Submission| submissions.contains(&s.id));
        let named = |a: &Assignment| submissions.iter().any(|s| s.assignment_id == a.id);
        Ok(ScoredWork {
            attempts: t.many(|a: &QuizAttempt| attempts.contains(&a.id)).into_iter().filter_map(head).collect(),
            assignments: t.many(named).into_iter().filter_map(head).collect(),
            submissions: submissions.into_iter().filter_map(head).collect(),
        })
    }
    async fn work_names(&self, attempts: &[AttemptId], submissions: &[SubmissionId]) -> Read<Vec<WorkName>> {
        let t = self.read();
        let name = |id: Uuid, student_id: UserId, item_id: Uuid, title: String| {
            let display_name = t.user(Some(student_id)).map_or_else(String::new, |u| u.display_name);
            WorkName { id, student_id, display_name, item_id, title }
        };
        let of_quiz = t.many(|a: &QuizAttempt| attempts.contains(&a.id)).into_iter().filter_map(|a| {
            let quiz = t.get::<Quiz>(a.quiz_id)?;
            Some(name(a.id.uuid(), a.student_id, quiz.id.uuid(), quiz.title.clone()))
        });
        let of_assignment = t.many(|s: &Submission| submissions.contains(&s.id)).into_iter().filter_map(|s| {
            let assignment = t.get::<Assignment>(s.assignment_id)?;
            Some(name(s.id.uuid(), s.student_id, assignment.id.uuid(), assignment.title.clone()))
        });
        Ok(of_quiz.chain(of_assignment).collect())
    }
    async fn reviews_of(&self, subject: Uuid) -> Read<Vec<ReviewRequest>> {
        let about = |r: &ReviewRequest| {
            r.submission_id.map(Id::uuid) == Some(subject) || r.attempt_id.map(Id::uuid) == Some(subject)
        };
        Ok(self.read().sorted(about, |r| r.created_at))
    }
    async fn grades_above(&self, assignment: AssignmentId, max: Points) -> Read<i64> {
        Ok(self.read().count(|s: &Submission| s.assignment_id == assignment && s.raw_grade > Some(max)))
    }
    async fn certificate_facts(&self, course: CourseId, student: UserId) -> Read<Option<CertificateFacts>> {
        Ok(self.read().facts(course, student))
    }
    async fn open_jobs(&self, after: Option<InTime>, limit: u32) -> Read<Vec<CourseJob>> {
        let place = after.map(|after| (after.at, after.id));
        let open = |j: &CourseJob| j.done_at.is_none() && place.is_none_or(|place| (j.at, j.id.uuid()) > place);
        Ok(first(self.read().sorted(open, |j| (j.at, j.id)), limit))
    }
}

#[async_trait]
impl CertificateReads for MemoryStore {
    async fn certificate(&self, id: CertificateId) -> Read<Option<Certificate>> {
        Ok(self.read().get(id).cloned())
    }
    async fn certificate_by_code(&self, code: &str) -> Read<Option<Certificate>> {
        Ok(self.read().one(|c: &Certificate| c.code == code))
    }
    async fn certificate_of(&self, course: CourseId, student: UserId) -> Read<Option<Certificate>> {
        Ok(self.read().certificate_of(course, student))
    }
    async fn certificates(&self, course: CourseId, by: ById) -> Read<Vec<Certificate>> {
        Ok(page_by(&self.read(), by, |c: &Certificate| c.student_id.uuid(), |c| c.course_id == course))
    }
    async fn certificates_of(&self, person: UserId, by: ById) -> Read<Vec<Certificate>> {
        Ok(page(&self.read(), by, |c: &Certificate| c.id.uuid(), |c| c.student_id == person))
    }
    async fn certificate_revisions(&self, id: CertificateId) -> Read<Vec<CertificateRevision>> {
        Ok(self.read().sorted(|r: &CertificateRevision| r.certificate_id == id, |r| r.revision_no))
    }
    async fn renderings(&self, filter: RenderingFilter, by: ById) -> Read<Vec<Certificate>> {
        let there = |c: &Certificate| filter.course.is_none_or(|course| c.course_id == course);
        let stands = |c: &Certificate| c.rendering == filter.rendering && c.erased_at.is_none();
        Ok(page(&self.read(), by, |c: &Certificate| c.id.uuid(), |c| there(c) && stands(c)))
    }
    async fn erased_renderings(&self, by: ById) -> Read<Vec<Certificate>> {
        let left = |c: &Certificate| c.erased_at.is_some() && c.files_deleted_at.is_none();
        Ok(page(&self.read(), by, |c: &Certificate| c.id.uuid(), left))
    }
}

#[async_trait]
impl EventLog for MemoryStore {
    async fn ends(&self) -> Read<LogEnds> {
        let t = self.read();
        Ok(LogEnds { epoch: t.epoch(), oldest: t.oldest(), head: t.head(), gone_until: t.gone_until() })
    }
    async fn settle(&self) -> Read<()> {
        Ok(())
    }
    async fn events(&self, after: i64, filter: &EventFilter, limit: u32) -> Read<Vec<Event>> {
        let t = self.read();
        // Positions are dense: so many of those that are kept stand up to this one.
        let from = usize::try_from(after.saturating_add(1).saturating_sub(t.oldest())).unwrap_or(0);
        let limit = usize::try_from(limit.clamp(1, 2_000)).unwrap_or(1);
        Ok(t.events().iter().skip(from).filter(|e| filter.wants(&e.event)).take(limit).cloned().collect())
    }
    async fn event(&self, id: EventId) -> Read<Option<Event>> {
        Ok(self.read().event(id).cloned())
    }
    async fn event_at(&self, position: i64) -> Read<Option<Event>> {
        Ok(self.read().event_at(position).cloned())
    }
    async fn lease(&self, name: &str, token: Uuid, now: Timestamp, until: Timestamp) -> Read<Option<ConsumerState>> {
        check_consumer(name)?;
        let mut t = self.change();
        let state = t.consumers().get(name).cloned();
        let held = |s: &ConsumerState| s.lease_token.is_some_and(|t| t != token) && s.lease_until > Some(now);
        if state.as_ref().is_some_and(held) {
            return Ok(None);
        }
        let position = state.and_then(|s| s.position);
        let (lease_token, lease_until) = (Some(token), Some(until));
        let state = ConsumerState { name: name.to_owned(), position, lease_token, lease_until };
        t.set_consumer(state.clone());
        t.keep();
        Ok(Some(state))
    }
    async fn release(&self, name: &str, token: Uuid) -> Read<()> {
        let mut t = self.change();
        if let Some(state) = t.consumers().get(name).filter(|s| s.lease_token == Some(token)).cloned() {
            t.set_consumer(ConsumerState { lease_token: None, lease_until: None, ..state });
            t.keep();
        }
        Ok(())
    }
    async fn consumers(&self) -> Read<Vec<ConsumerState>> {
        Ok(self.read().consumers().values().cloned().collect())
    }
    async fn forget_consumer(&self, name: &str, now: Timestamp) -> Read<bool> {
        let mut t = self.change();
        let free = t.consumers().get(name).is_some_and(|s| s.lease_until.is_none_or(|until| until <= now));
        if free {
            t.forget_consumer(name);
        }
        Ok(free)
    }
    async fn trim(&self, before: Timestamp, limit: u32) -> Read<u64> {
        let mut t = self.change();
        // One whose place is below what is kept has nothing left to keep.
        let kept = t.oldest() - 1;
        let slowest = t.consumers().values().filter_map(|s| s.position).filter(|place| *place >= kept).min();
        let keep = |e: &Event| e.event.at >= before || slowest.is_some_and(|handled| e.position > handled);
        let gone = t.trim(usize::try_from(limit).unwrap_or(usize::MAX), keep);
        Ok(u64::try_from(gone).unwrap_or(u64::MAX))
    }
    async fn wait(&self) {
        self.committed.notified().await;
    }
    // Nobody else has a transaction in here.
    fn committed(&self) {}
}

fn wanted(filter: &AiLogFilter, log: &AiLog) -> bool {
    (filter.course.is_none() || log.course_id == filter.course)
        && (filter.actor.is_none() || log.actor_id == filter.actor)
        && filter.status.is_none_or(|status| log.status == status)
        && filter.kind.as_ref().is_none_or(|kind| log.kind == *kind)
        && filter.from.is_none_or(|from| log.created_at >= from)
        && filter.until.is_none_or(|until| log.created_at < until)
}

#[async_trait]
impl AiLogReads for MemoryStore {
    async fn ai_log(&self, id: AiLogId) -> Read<Option<AiLog>> {
        Ok(self.read().get(id).cloned())
    }
    async fn ai_operation(&self, operation: Uuid) -> Read<Vec<AiLog>> {
        Ok(self.read().sorted(|log: &AiLog| log.operation_id == operation, |log| log.attempt))
    }
    async fn ai_logs(&self, filter: &AiLogFilter, by: ById) -> Read<Vec<AiLog>> {
        let t = self.read();
        let place = |log: &AiLog| (log.created_at, log.id);
        let mut found = t.sorted(|log: &AiLog| wanted(filter, log), place);
        if filter.newest_first {
            found.reverse();
        }
        if let Some(after) = by.after {
            let Some(after) = t.get::<AiLog>(after).map(place) else { return Ok(Vec::new()) };
            found.retain(|log| if filter.newest_first { place(log) < after } else { place(log) > after });
        }
        if filter.without_texts {
            found.iter_mut().for_each(|log| (log.prompt_text, log.response_text) = (None, None));
        }
        Ok(first(found, by.limit.clamp(1, 500)))
    }
    async fn ai_costs(&self, filter: &AiLogFilter) -> Read<Vec<AiCost>> {
        let mut costs = BTreeMap::<(String, String), AiCost>::new();
        for log in self.read().all::<AiLog>().filter(|log| wanted(filter, log)) {
            let (day, kind) = (BudgetScope::day(log.created_at), log.kind.clone());
            let none = AiCost {
                day: day.clone(),
                kind: kind.clone(),
                calls: 0,
                tokens_in: 0,
                tokens_out: 0,
                cost_micro_usd: 0,
                charged_micro_usd: 0,
            };
            let sum = costs.entry((day, kind)).or_insert(none);
            sum.calls += 1;
            sum.tokens_in += log.tokens_in + log.tokens_cache_read + log.tokens_cache_write;
            sum.tokens_out += log.tokens_out;
            sum.cost_micro_usd += log.cost_micro_usd;
            sum.charged_micro_usd += log.charged_micro_usd;
        }
        Ok(costs.into_values().collect())
    }
    async fn expired_ai_logs(&self, now: Timestamp, limit: u32) -> Read<Vec<AiLogId>> {
        let expired = |log: &AiLog| {
            log.expires_at.is_some_and(|at| at <= now)
                && log.status != AiLogStatus::Pending
                && (log.prompt_text.is_some() || log.response_text.is_some())
        };
        let found = self.read().sorted(expired, |log| log.expires_at);
        Ok(first(found, limit).into_iter().map(|log| log.id).collect())
    }
    async fn ai_logs_of(&self, person: UserId) -> Read<Vec<AiLog>> {
        let t = self.read();
        let about = |id: Uuid| {
            t.get::<Submission>(id).is_some_and(|s| s.student_id == person)
                || t.get::<QuizAttempt>(id).is_some_and(|a| a.student_id == person)
        };
        Ok(t.many(|log: &AiLog| log.actor_id == Some(person) || log.subject_id.is_some_and(about)))
    }
    async fn stale_ai_logs(&self, now: Timestamp, limit: u32) -> Read<Vec<AiLog>> {
        let stale = |log: &AiLog| log.status == AiLogStatus::Pending && log.given_up_at < now;
        Ok(first(self.read().sorted(stale, |log| log.given_up_at), limit))
    }
}
