//! The one evaluator (P3): whatever changes a learner's work ends here, in the same batch.

use super::command::Command;
use super::overview::shown_version;
use super::{Lms, Session};
use crate::error::{Error, Refusal};
use crate::model::table::Json;
use crate::model::*;
use crate::rules::access::{AccessFacts, LockReason, locks};
use crate::rules::completion::Counts;
use crate::rules::enrollment::is_open;
use crate::rules::kept_score;
use crate::rules::local_time::day;
use crate::rules::permission::Rights;
use crate::rules::reveal::revealed;
use crate::rules::{code, completion};
use crate::store::{
    AttemptHead, CertificateFacts, CourseStructure, Expect, LearnerContext, LearnerRecord, LearnerScope, LessonWork,
    StoreError, WeightedScore, WriteBatch,
};

/// The version of the snapshot's shape.
const SNAPSHOT_FORMAT: u32 = 1;

/// The id of the built-in certificate template: the same in every database.
pub(crate) fn built_in_template() -> TemplateId {
    TemplateId::from_uuid(uuid::Uuid::from_u128(0x6c6d_7300_0000_8000_8000_0000_0000_0001))
}

/// The items whose part in the course score this batch changes (M7): what they come to, or nothing.
#[derive(Default)]
pub(crate) struct ChangedScores(Vec<(uuid::Uuid, Option<WeightedScore>)>);

impl ChangedScores {
    fn set(&mut self, item: uuid::Uuid, score: Option<WeightedScore>) {
        self.0.retain(|(changed, _)| *changed != item);
        self.0.push((item, score));
    }

    fn over(&self, stored: &[WeightedScore]) -> Vec<WeightedScore> {
        let stays = |s: &&WeightedScore| !self.0.iter().any(|(item, _)| *item == s.item);
        let stored = stored.iter().filter(stays).cloned();
        stored.chain(self.0.iter().filter_map(|(_, score)| score.clone())).collect()
    }
}

/// One learner's command in the making: the batch grows while facts change.
pub(crate) struct Work {
    pub(crate) command: Command,
    pub(crate) batch: WriteBatch,
    pub(crate) course: Course,
    pub(crate) enrollment: Enrollment,
    /// Kept scores that this batch changes, so that the certificate's score counts them (M7).
    pub(crate) scores: ChangedScores,
    touched: bool,
}

impl Work {
    /// Starts from a load: expects the structure and the enrollment as they were read.
    pub(crate) fn begin(command: Command, context: &LearnerContext, enrollment: Enrollment) -> Self {
        let mut batch = WriteBatch::default();
        batch.expect.push(Expect::Structure { course: context.course.id, version: context.course.structure_version });
        batch.expect.push(Expect::Enrollment { id: enrollment.id, version: enrollment.version });
        Self {
            command,
            batch,
            course: context.course.clone(),
            enrollment,
            scores: ChangedScores::default(),
            touched: false,
        }
    }

    /// Starts inside a batch that expects the structure already (jobs).
    pub(crate) fn resume(command: Command, course: Course, enrollment: Enrollment) -> Self {
        let mut batch = WriteBatch::default();
        batch.expect.push(Expect::Enrollment { id: enrollment.id, version: enrollment.version });
        Self { command, batch, course, enrollment, scores: ChangedScores::default(), touched: false }
    }

    /// Whether the learner's own acts count as learner-initiated (V3): staff in their own course do too.
    pub(crate) fn event(&mut self, kind: EventKind, subject: SubjectType, id: impl Into<uuid::Uuid>) -> NewEvent {
        self.command.event(kind, subject, id).of(&self.enrollment)
    }

    /// The lesson is complete: its progress row and its event.
    pub(crate) fn complete_lesson(&mut self, work: &mut LessonWork, at: Timestamp, by_mark: bool) {
        let progress = LessonProgress {
            id: work.progress.as_ref().map_or_else(
                || RowId::from_uuid(self.command.derived("progress", hash(work.lesson.id.uuid()))),
                |p| p.id,
            ),
            lesson_id: work.lesson.id,
            enrollment_id: self.enrollment.id,
            course_id: self.enrollment.course_id,
            student_id: self.enrollment.student_id,
            status: ProgressStatus::Completed,
            first_opened_at: work.progress.as_ref().map_or(at, |p| p.first_opened_at),
            opened_at: work.progress.as_ref().map_or(at, |p| p.opened_at),
            completed_at: Some(work.progress.as_ref().map_or(at, |p| p.first_opened_at.max(at))),
            by_mark,
            created_at: work.progress.as_ref().map_or(at, |p| p.created_at),
            updated_at: at,
        };
        work.progress = Some(progress.clone());
        self.batch.upsert(progress);
        let event = self.event(EventKind::LessonCompleted, SubjectType::Lesson, work.lesson.id).by_learner(by_mark);
        self.batch.events.push(event);
        self.touched = true;
    }

    /// Completes the lesson where its own rule says so now.
    pub(crate) fn apply_rule(&mut self, work: &mut LessonWork, at: Timestamp) {
        if !work.is_completed() && work.rule_met() {
            self.complete_lesson(work, at, false);
        }
    }

    /// Moves the counters from what the lesson gave before to what it gives now.
    pub(crate) fn recount(&mut self, before: Counts, after: Counts) {
        if before != after {
            let counts = self.enrollment.counts() + after - before;
            self.enrollment.set_counts(counts);
            self.touched = true;
        }
    }

    /// Sets the counters to a full recount.
    pub(crate) fn set_counts(&mut self, counts: Counts) {
        if self.enrollment.counts() != counts {
            self.enrollment.set_counts(counts);
            self.touched = true;
        }
    }

    /// The item is out of the course score: excused, waived or voided.
    pub(crate) fn without_score(&mut self, item: uuid::Uuid) {
        self.scores.set(item, None);
    }

    /// What a quiz now adds to the course score (M7).
    pub(crate) fn score_quiz(&mut self, quiz: &Quiz, work: &LessonWork) {
        let out = work.waivers.iter().any(|w| w.quiz_id == Some(quiz.id))
            || work.overrides.iter().any(|o| o.quiz_id == Some(quiz.id) && o.excused);
        let score = work.result(quiz.id).and_then(QuizResult::kept);
        let shown = score.map(|score| score.earned);
        self.score(quiz.id.uuid(), score, shown, quiz.weight, !out && quiz.is_published && work.lesson.is_published);
    }

    /// What an assignment now adds to the course score (M7).
    pub(crate) fn score_assignment(&mut self, assignment: &Assignment, work: &LessonWork) {
        let out = work.waivers.iter().any(|w| w.assignment_id == Some(assignment.id))
            || work.overrides.iter().any(|o| o.assignment_id == Some(assignment.id) && o.excused);
        let counted = completion::counted_version(assignment.id, &work.submissions);
        let score = counted.and_then(|s| s.grade).map(|earned| Score { earned, possible: assignment.max_grade });
        let shown = shown_version(assignment.id, &work.submissions, false).and_then(|s| s.grade);
        let counts = !out && assignment.is_published && work.lesson.is_published;
        self.score(assignment.id.uuid(), score, shown, assignment.weight, counts);
    }

    fn score(&mut self, item: uuid::Uuid, score: Option<Score>, shown: Option<Points>, weight: i64, counts: bool) {
        let score = score.filter(|score| counts && weight > 0 && score.possible > Points::ZERO);
        self.scores.set(item, score.map(|score| WeightedScore { item, score, shown, weight }));
    }

    /// Says that rows under the enrollment's version change, so that it goes up.
    pub(crate) fn touch(&mut self) {
        self.touched = true;
    }

    /// Whether the batch completes the course, so that the certificate's facts are needed.
    pub(crate) fn completes(&self) -> bool {
        self.enrollment.completes(&self.course)
    }

    /// The batch, with the completion and the certificate where they are due. `at` is the time of
    /// the change that completes the course.
    pub(crate) async fn finish(mut self, lms: &Lms, at: Timestamp) -> Result<WriteBatch, Error> {
        if self.completes() {
            self.enrollment.completed_at = Some(at);
            self.touched = true;
            let event = self.event(EventKind::CourseCompleted, SubjectType::Course, self.course.id);
            self.batch.events.push(event);
            if self.course.certificates == CertificatePolicy::OnCompletion {
                let facts = lms.certificate_facts(self.course.id, self.enrollment.student_id).await?;
                // Who was erased has no name to print (D5).
                if facts.certificate.is_none() && !facts.student_name.is_empty() {
                    let certificate =
                        new_certificate(lms, &self.command, &self.course, &self.enrollment, &facts, &self.scores, at);
                    let event = self.event(EventKind::CertificateIssued, SubjectType::Certificate, certificate.id);
                    self.batch.insert(certificate);
                    self.batch.events.push(event);
                }
            }
        }
        if self.enrollment.is_staff {
            // What staff do in their own course is a preview and no learner's activity (E5, M3).
            for event in &mut self.batch.events {
                event.learner_initiated = false;
            }
        }
        if self.touched {
            self.enrollment.version += 1;
            self.enrollment.updated_at = self.command.now;
            self.batch.put(self.enrollment);
        }
        Ok(self.batch)
    }
}

fn hash(id: uuid::Uuid) -> u64 {
    id.as_u64_pair().0 ^ id.as_u64_pair().1
}

/// The certificate of a learner, as things stand at `at` (C3).
pub(crate) fn new_certificate(
    lms: &Lms,
    command: &Command,
    course: &Course,
    enrollment: &Enrollment,
    facts: &CertificateFacts,
    changed: &ChangedScores,
    at: Timestamp,
) -> Certificate {
    let mut bits = [0_u8; 10];
    lms.ids().fill(&mut bits);
    // Learners, and all who verify the code, read it: grades that are not posted have no part in it (S14).
    let scores = as_shown(&changed.over(&facts.scores));
    let template_id = course.certificate_template_id.unwrap_or_else(built_in_template);
    let expires_at = expiry(course, at);
    Certificate {
        id: CertificateId::from_uuid(command.derived("certificate", hash(enrollment.id.uuid()))),
        course_id: course.id,
        student_id: enrollment.student_id,
        template_id,
        certificate_url: None,
        issued_at: at,
        expires_at,
        code: code::format(bits),
        snapshot: CertificateSnapshot {
            format: SNAPSHOT_FORMAT,
            student_name: facts.student_name.clone(),
            course_title: course.title.clone(),
            instructor_name: facts.instructor_name.clone(),
            completed_at: enrollment.completed_at,
            final_score: course_score(&scores).and_then(|score| score.percent()),
            estimated_minutes: course.estimated_minutes,
            language: course.language.clone(),
            time_zone: course.time_zone.clone(),
            completed_on: enrollment.completed_at.map(|at| day(at, &course.time_zone)),
            issued_on: day(at, &course.time_zone),
            expires_on: expires_at.map(|at| day(at, &course.time_zone)),
            template_id,
        },
        revision_no: 1,
        rendering: Rendering::Pending,
        rendering_code: None,
        rendering_error: None,
        pdf_sha256: None,
        issued_by: None,
        issue_reason: None,
        revoked_at: None,
        revoked_by: None,
        revoke_reason: None,
        erased_at: None,
        files_deleted_at: None,
        version: 1,
        created_at: command.now,
        updated_at: command.now,
    }
}

/// Until when a certificate of the course is valid that is issued at an instant.
pub(crate) fn expiry(course: &Course, issued: Timestamp) -> Option<Timestamp> {
    course.certificate_valid_days.map(|days| issued.plus_seconds(days.saturating_mul(86_400)))
}

/// The items as the learner knows them, without those of which they know nothing.
pub(crate) fn as_shown(scores: &[WeightedScore]) -> Vec<WeightedScore> {
    let shown =
        |s: &WeightedScore| s.shown.map(|earned| WeightedScore { score: Score { earned, ..s.score }, ..s.clone() });
    scores.iter().filter_map(shown).collect()
}

/// The course score: Σ weight × earned ÷ Σ weight × possible (M7); `None` when nothing counts.
pub(crate) fn course_score(scores: &[WeightedScore]) -> Option<Score> {
    let sum = |pick: fn(&Score) -> Points| {
        scores.iter().map(|s| i128::from(pick(&s.score).units()) * i128::from(s.weight)).sum::<i128>()
    };
    let (mut earned, mut possible) = (sum(|s| s.earned), sum(|s| s.possible));
    // Far beyond any real course the pair is scaled down, so that it stays a pair of points.
    while possible > i128::from(i64::MAX) {
        earned /= 2;
        possible /= 2;
    }
    if possible == 0 {
        return None;
    }
    Some(Score {
        earned: Points::from_units(i64::try_from(earned).ok()?),
        possible: Points::from_units(i64::try_from(possible).ok()?),
    })
}

/// The result of a learner at a quiz after their attempts changed (A9, A10).
pub(crate) fn result_of(
    quiz: &Quiz,
    attempts: &[AttemptHead],
    before: Option<&QuizResult>,
    enrollment: &Enrollment,
    id: RowId,
    now: Timestamp,
) -> QuizResult {
    let kept = kept_score::kept(quiz.kept_score, attempts.iter().map(|a| (a.attempt_no, a.counted_score())));
    QuizResult {
        id: before.map_or(id, |r| r.id),
        quiz_id: quiz.id,
        enrollment_id: enrollment.id,
        course_id: enrollment.course_id,
        student_id: enrollment.student_id,
        earned: kept.map(|k| k.earned),
        possible: kept.map(|k| k.possible),
        passed: match (kept, quiz.pass_threshold_bp) {
            (Some(kept), Some(threshold)) => kept.passes(threshold),
            _ => None,
        },
        submitted: attempts.iter().any(|a| matches!(a.state, AttemptState::Graded | AttemptState::PendingReview)),
        updated_at: now,
    }
}

impl Lms {
    pub(crate) async fn certificate_facts(&self, course: CourseId, student: UserId) -> Result<CertificateFacts, Error> {
        self.inner
            .store
            .certificate_facts(course, student)
            .await?
            .ok_or_else(|| Error::not_found(SubjectType::Course, course))
    }

    /// Makes the built-in template's row where the store's own migration has not, once per database.
    pub(crate) async fn ensure_built_in_template(&self) -> Result<(), Error> {
        let id = built_in_template();
        if self.inner.store.template(id).await?.is_some() {
            return Ok(());
        }
        let now = self.now();
        let mut batch = WriteBatch::default();
        batch.changes.push(crate::store::Change::Ensure(
            CertificateTemplate {
                id,
                family_id: id,
                version_no: 1,
                name: "built-in".to_owned(),
                document: Json::object(),
                is_draft: false,
                is_ai_generated: false,
                ai_log_id: None,
                ai_edited_at: None,
                archived_at: None,
                version: 1,
                created_at: now,
                updated_at: now,
            }
            .into(),
        ));
        self.inner.store.write(std::sync::Arc::new(batch)).await.map(|_| ()).map_err(StoreError::into)
    }
}

impl Session {
    /// Loads what decides over one learner's work. Where a wide change of the course is still being
    /// carried to its learners, this learner is brought up to date first (DETAILS 2).
    pub(crate) async fn learner(
        &self,
        scope: LearnerScope,
        what: SubjectType,
        id: uuid::Uuid,
    ) -> Result<LearnerContext, Error> {
        for round in 0..8 {
            let context =
                self.store().learner(self.rights_of(), scope).await?.ok_or_else(|| Error::not_found(what, id))?;
            let behind = match (&context.job, &context.enrollment) {
                (Some(job), Some(enrollment)) => super::jobs::is_behind(job, enrollment),
                _ => false,
            };
            if !behind || round == 7 {
                return Ok(context);
            }
            if let Some(job) = &context.job
                && !self.lms.reevaluate_one(job, context.enrollment.as_ref()).await?
            {
                return Ok(context);
            }
        }
        Err(Error::Busy)
    }
}

/// The actor's rights over the learner's work at hand.
pub(crate) fn rights(session: &Session, context: &LearnerContext) -> Rights {
    let own = context.enrollment.as_ref().is_some_and(|e| session.rights_of() == Some(e.student_id));
    Rights::of(&session.actor, context.actor.as_ref(), Some(&context.course), context.staff.as_ref()).owning(own)
}

/// What decides over access to the item at hand.
pub(crate) fn access(context: &LearnerContext) -> AccessFacts<'_> {
    let work = context.work.as_ref();
    let item_override = work.and_then(|work| {
        work.overrides.iter().find(|o| {
            context.quiz.as_ref().is_some_and(|q| o.quiz_id == Some(q.id))
                || context.assignment.as_ref().is_some_and(|a| o.assignment_id == Some(a.id))
        })
    });
    let no_attempts_left =
        context.quiz.as_ref().is_some_and(|quiz| no_attempts_left(quiz, item_override, &context.attempts));
    AccessFacts {
        course: Some(&context.course),
        enrollment: context.enrollment.as_ref(),
        no_attempts_left,
        lesson: work.map(|work| &work.lesson),
        lesson_override: work.and_then(|work| work.overrides.iter().find(|o| o.lesson_id == Some(work.lesson.id))),
        begun: work.is_some_and(|work| work.progress.is_some()),
        earlier: (context.course.flow == Flow::Sequential).then_some(context.earlier_unfinished).flatten(),
        requires: &context.unmet_requires,
        quiz: context.quiz.as_ref(),
        assignment: context.assignment.as_ref(),
        item_override,
    }
}

/// How many attempts a learner has at a quiz, with what was granted; `None` = as many as they like (A3).
pub(crate) fn attempts_allowed(quiz: &Quiz, own: Option<&Override>) -> Option<i64> {
    quiz.max_attempts.map(|max| max.saturating_add(own.map_or(0, |o| o.extra_attempts)))
}

/// How many of them are used: all but the voided ones, the open one included (A3).
pub(crate) fn attempts_used(attempts: &[AttemptHead]) -> i64 {
    let used = attempts.iter().filter(|a| a.state != AttemptState::Voided).count();
    i64::try_from(used).unwrap_or(i64::MAX)
}

/// How many more attempts a learner can start; `None` = as many as they like (A3).
pub(crate) fn attempts_left(quiz: &Quiz, own: Option<&Override>, attempts: &[AttemptHead]) -> Option<i64> {
    attempts_allowed(quiz, own).map(|allowed| allowed.saturating_sub(attempts_used(attempts)).max(0))
}

/// Whether a learner has used every attempt at a quiz, and none is open (X1).
pub(crate) fn no_attempts_left(quiz: &Quiz, own: Option<&Override>, attempts: &[AttemptHead]) -> bool {
    let open = attempts.iter().any(|a| a.state == AttemptState::InProgress);
    !open && attempts_left(quiz, own, attempts) == Some(0)
}

/// Whether the marks of a learner's attempt are shown to them (Q14), from all that they have in the course.
pub(crate) fn laid_open(
    structure: &CourseStructure,
    record: &LearnerRecord,
    quiz: QuizId,
    state: AttemptState,
) -> bool {
    let Some(quiz) = structure.quizzes.iter().find(|q| q.id == quiz) else { return false };
    let own = record.overrides.iter().find(|o| o.quiz_id == Some(quiz.id));
    let attempts: Vec<AttemptHead> = record.attempts.iter().filter(|a| a.quiz_id == quiz.id).cloned().collect();
    let passed = record.results.iter().any(|r| r.quiz_id == quiz.id && r.passed == Some(true));
    revealed(quiz.reveal, state, passed, no_attempts_left(quiz, own, &attempts))
}

/// Refuses what is locked, with every reason (X1).
pub(crate) fn open(context: &LearnerContext, now: Timestamp) -> Result<(), Error> {
    let reasons = locks(&access(context), now);
    if reasons.is_empty() { Ok(()) } else { Err(Refusal::Locked { reasons }.into()) }
}

/// Refuses to write about a person who was erased: no word about them comes back (D5).
pub(crate) fn not_erased(context: &LearnerContext) -> Result<(), Error> {
    match &context.student {
        Some(student) if student.erased_at.is_some() => Err(Refusal::PersonErased {}.into()),
        _ => Ok(()),
    }
}

/// A learner of the course, or NotFound to those who may not see it.
pub(crate) fn enrolled(
    session: &Session,
    context: &LearnerContext,
    what: SubjectType,
    id: uuid::Uuid,
) -> Result<Enrollment, Error> {
    not_erased(context)?;
    match &context.enrollment {
        Some(enrollment) if enrollment.status != EnrollmentStatus::Withdrawn => Ok(enrollment.clone()),
        _ => {
            let rights = rights(session, context);
            let sees = rights.is_staff() || context.enrollment.is_some() || is_open(&context.course);
            if sees {
                Err(Refusal::Locked { reasons: vec![LockReason::NotEnrolled] }.into())
            } else {
                Err(Error::not_found(what, id))
            }
        }
    }
}

/// The counts of a lesson's work, or none where there is no lesson.
pub(crate) fn counts(work: Option<&LessonWork>) -> Counts {
    work.map_or_else(completion::Counts::default, LessonWork::counts)
}
