//! Wide changes carried to every learner, in chunks that a crash cannot lose (DETAILS 2).

use std::sync::Arc;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use super::assignments::{Recompute, recompute_versions};
use super::command::Command;
use super::failing::Round;
use super::learner::{Work, result_of};
use super::quizzes::{RegradeKeys, regrade_attempts};
use super::turn::{Due, Moved, Step};
use super::{Lms, Session};
use crate::error::Error;
use crate::model::*;
use crate::rules::completion::{Counts, works};
use crate::store::{
    ById, Change, CourseStructure, Expect, InTime, LearnerRecord, StoreError, StoreErrorKind, VersionRecord, WriteBatch,
};

/// What a recomputation needs to know (S6, S12).
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct RecomputeParams {
    pub(crate) assignment: AssignmentId,
    /// The maximum before and now, where the marks change their scale.
    pub(crate) rescale: Option<(Points, Points)>,
    pub(crate) actor: Option<UserId>,
}

/// What a regrade needs to know (A12).
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct RegradeParams {
    pub(crate) quiz: QuizId,
    /// The revision whose keys count; each attempt's own where absent.
    pub(crate) revision: Option<RevisionId>,
    pub(crate) only_if_higher: bool,
}

/// What a job does, read from its row.
enum Kind {
    Reevaluate,
    Repair,
    Recompute(RecomputeParams),
    Regrade(RegradeParams),
}

impl Kind {
    fn of(job: &CourseJob) -> Result<Self, Error> {
        let damaged = |_| {
            let kind = StoreErrorKind::Corrupt { table: "course_jobs", column: "params", id: Some(job.id.uuid()) };
            Error::Store(StoreError::new(kind))
        };
        Ok(match job.kind {
            JobKind::Reevaluate => Self::Reevaluate,
            JobKind::Repair => Self::Repair,
            JobKind::Recompute => Self::Recompute(job.params.read().map_err(damaged)?),
            JobKind::Regrade => Self::Regrade(job.params.read().map_err(damaged)?),
        })
    }

    /// Enrollments per chunk. Whole submissions and attempts may be long, so they come in smaller ones.
    const fn chunk(&self) -> u32 {
        match self {
            Self::Reevaluate | Self::Repair => 500,
            Self::Recompute(_) | Self::Regrade(_) => 50,
        }
    }

    /// Whether it looks at those only that have not completed the course.
    const fn open_only(&self) -> bool {
        matches!(self, Self::Reevaluate)
    }
}

/// What a chunk of a job loads beside the records of its learners.
enum Loaded {
    Nothing,
    Versions(Vec<VersionRecord>),
    Attempts(Vec<QuizAttempt>, RegradeKeys),
}

/// Whether an open job has not yet reached a learner whom it concerns.
pub(crate) fn is_behind(job: &CourseJob, enrollment: &Enrollment) -> bool {
    let concerns = job.kind != JobKind::Reevaluate
        || (enrollment.completed_at.is_none() && enrollment.status == EnrollmentStatus::Active);
    concerns && job.cursor.is_none_or(|cursor| cursor < enrollment.id)
}

/// Open jobs per read.
const PAGE: u32 = 500;

fn place_of(job: &CourseJob) -> InTime {
    InTime { at: job.at, id: job.id.uuid() }
}

/// How many jobs a round moves on by a chunk; in the background also how many it tries.
const JOBS: usize = 16;

/// The open jobs.
struct OpenJobs<'a>(&'a Lms);

#[async_trait]
impl Due for OpenJobs<'_> {
    const WHAT: &'static str = "course_job";
    const PAGE: usize = PAGE as usize;
    type One = CourseJob;
    type Place = InTime;

    async fn page(&self, after: Option<InTime>) -> Result<Vec<CourseJob>, Error> {
        Ok(self.0.inner.store.open_jobs(after, PAGE).await?)
    }
    fn place(job: &CourseJob) -> InTime {
        place_of(job)
    }
    fn id(job: &CourseJob) -> String {
        job.id.to_string()
    }
    async fn step(&self, job: &CourseJob) -> Result<Step, Error> {
        Ok(if self.0.step_job(job).await? { Step::Done } else { Step::Again })
    }
}

impl Lms {
    /// The open jobs' turn: each is moved on by a chunk.
    pub(super) async fn jobs_turn(&self, round: &mut Round<'_>) -> Result<Moved, Error> {
        self.inner.job_turn.lock().await.go_around(&OpenJobs(self), JOBS, round).await
    }

    fn job_session(&self) -> Session {
        self.act(Actor::System { job: "course_job".to_owned() })
    }

    /// Finishes the open jobs of the course that this job belongs to.
    pub(crate) async fn finish_job(&self, job: JobId) -> Result<(), Error> {
        while let Some(open) = self.open_job(job).await? {
            self.step_job(&open).await?;
        }
        Ok(())
    }

    /// A job, if it is not done. The newest ones stand last.
    async fn open_job(&self, id: JobId) -> Result<Option<CourseJob>, Error> {
        let mut after = None;
        loop {
            let page = self.inner.store.open_jobs(after, PAGE).await?;
            after = page.last().map(place_of);
            let is_last = page.len() < PAGE as usize;
            if let Some(found) = page.into_iter().find(|job| job.id == id) {
                return Ok(Some(found));
            }
            if is_last {
                return Ok(None);
            }
        }
    }

    /// One chunk of a job: loads learners, runs the one evaluator, writes what changed and moves the
    /// job's cursor in the same batch. Whether it did: a conflict means that somebody else changed something, and
    /// that it is to be looked at again.
    pub(crate) async fn step_job(&self, job: &CourseJob) -> Result<bool, Error> {
        let Some(structure) = self.inner.store.structure(job.course_id).await? else { return Ok(false) };
        let kind = Kind::of(job)?;
        let page = ById { after: job.cursor.map(Id::uuid), limit: kind.chunk() };
        let records = self.inner.store.records(job.course_id, kind.open_only(), page).await?;
        let done = records.len() < kind.chunk() as usize;
        let mut batch = WriteBatch::default();
        batch.expect.push(Expect::Structure { course: job.course_id, version: structure.course.structure_version });
        batch.expect.push(Expect::JobAt { job: job.id, cursor: job.cursor });
        let mut loaded = self.load_for(&kind, &structure, &records).await?;
        for record in &records {
            // Each learner's ids are derived from a command of their own.
            let command = self.job_session().command();
            let one = self.carry(&structure, record, job, &kind, &mut loaded, command).await?;
            batch.expect.extend(one.expect);
            batch.changes.extend(one.changes);
            batch.events.extend(one.events);
        }
        batch.changes.push(Change::AdvanceJob {
            job: job.id,
            cursor: records.last().map(|r| r.enrollment.id).or(job.cursor),
            done_at: done.then(|| self.now()),
        });
        match self.inner.store.write(Arc::new(batch)).await {
            Ok(_) => {
                self.wrote();
                Ok(true)
            }
            Err(e) if matches!(e.kind(), StoreErrorKind::Conflict { .. } | StoreErrorKind::Duplicate(_)) => Ok(false),
            Err(e) => Err(e.into()),
        }
    }

    async fn load_for(
        &self,
        kind: &Kind,
        structure: &CourseStructure,
        records: &[LearnerRecord],
    ) -> Result<Loaded, Error> {
        let (Some(first), Some(last)) = (records.first(), records.last()) else { return Ok(Loaded::Nothing) };
        let (from, to) = (first.enrollment.id, last.enrollment.id);
        Ok(match kind {
            Kind::Reevaluate | Kind::Repair => Loaded::Nothing,
            Kind::Recompute(params) => Loaded::Versions(self.inner.store.versions(params.assignment, from, to).await?),
            Kind::Regrade(params) => {
                let attempts = self.inner.store.attempts(params.quiz, from, to).await?;
                let keys = self.job_session().quizzes().keys_for(structure, params, &attempts).await?;
                Loaded::Attempts(attempts, keys)
            }
        })
    }

    /// What a job comes to for one learner.
    async fn carry(
        &self,
        structure: &CourseStructure,
        record: &LearnerRecord,
        job: &CourseJob,
        kind: &Kind,
        loaded: &mut Loaded,
        command: Command,
    ) -> Result<WriteBatch, Error> {
        let mut record = record.clone();
        let mut work = Work::resume(command, structure.course.clone(), record.enrollment.clone());
        match (kind, loaded) {
            (Kind::Recompute(params), Loaded::Versions(versions)) => {
                let own: Vec<VersionRecord> =
                    versions.extract_if(.., |v| v.submission.enrollment_id == record.enrollment.id).collect();
                let of = structure.assignments.iter().find(|a| a.id == params.assignment);
                let lesson =
                    of.and_then(|a| works(structure, &record).into_iter().find(|w| w.lesson.id == a.lesson_id));
                if let (Some(assignment), Some(mut lesson)) = (of, lesson) {
                    let granted = record.overrides.iter().find(|o| o.assignment_id == Some(assignment.id)).cloned();
                    let what = Recompute {
                        assignment,
                        own: granted.as_ref(),
                        rescale: params.rescale,
                        key: job.id.uuid(),
                        actor: params.actor,
                        reason: None,
                    };
                    recompute_versions(&mut work, &what, own, &mut lesson);
                    record.submissions.retain(|s| !lesson.submissions.iter().any(|new| new.id == s.id));
                    record.submissions.append(&mut lesson.submissions);
                }
            }
            (Kind::Regrade(params), Loaded::Attempts(attempts, keys)) => {
                let own: Vec<QuizAttempt> =
                    attempts.extract_if(.., |a| a.enrollment_id == record.enrollment.id).collect();
                regrade_attempts(&mut work, params, keys, own, &mut record)?;
            }
            _ => {}
        }
        self.evaluate(structure, &record, work, job.at).await
    }

    /// What a learner's work comes to under the present structure.
    pub(crate) async fn evaluate(
        &self,
        structure: &CourseStructure,
        record: &LearnerRecord,
        mut work: Work,
        at: Timestamp,
    ) -> Result<WriteBatch, Error> {
        let mut all = works(structure, record);
        for each in &mut all {
            for quiz in each.quizzes.clone() {
                let attempts: Vec<_> = record.attempts.iter().filter(|a| a.quiz_id == quiz.id).cloned().collect();
                let before = each.result(quiz.id).cloned();
                if attempts.is_empty() && before.is_none() {
                    continue;
                }
                let id = RowId::from_uuid(work.command.derived("result", quiz.id.uuid().as_u64_pair().1));
                let mut after = result_of(&quiz, &attempts, before.as_ref(), &record.enrollment, id, work.command.now);
                if let Some(before) = &before {
                    after.updated_at = before.updated_at;
                }
                if before.as_ref() != Some(&after) {
                    after.updated_at = work.command.now;
                    let passed = before.as_ref().and_then(|r| r.passed);
                    if after.passed != passed
                        && let Some(now_passed) = after.passed
                    {
                        let kind = if now_passed { EventKind::QuizPassed } else { EventKind::QuizFailed };
                        let event = work.event(kind, SubjectType::Quiz, quiz.id);
                        work.batch.events.push(event);
                    }
                    each.results.retain(|r| r.quiz_id != quiz.id);
                    each.results.push(after.clone());
                    work.batch.upsert(after);
                    work.score_quiz(&quiz, each);
                    work.touch();
                }
            }
            if each.lesson.is_published {
                work.apply_rule(each, at);
            }
        }
        let counts = all.iter().map(crate::store::LessonWork::counts).fold(Counts::default(), |sum, one| sum + one);
        work.set_counts(counts);
        let batch = work.finish(self, at).await?;
        Ok(if batch.changes.is_empty() { WriteBatch::default() } else { batch })
    }

    /// Brings one learner up to date with an open job, ahead of its turn. Whether anything changed,
    /// so that the caller loads again.
    pub(crate) async fn reevaluate_one(&self, job: &CourseJob, enrollment: Option<&Enrollment>) -> Result<bool, Error> {
        let Some(enrollment) = enrollment else { return Ok(false) };
        let store = &self.inner.store;
        let (Some(structure), Some(record)) =
            (store.structure(job.course_id).await?, store.record(job.course_id, enrollment.student_id).await?)
        else {
            return Ok(false);
        };
        let kind = Kind::of(job)?;
        let mut loaded = self.load_for(&kind, &structure, std::slice::from_ref(&record)).await?;
        let command = self.job_session().command();
        let mut batch = self.carry(&structure, &record, job, &kind, &mut loaded, command).await?;
        if batch.is_empty() {
            return Ok(false);
        }
        batch.expect.push(Expect::Structure { course: job.course_id, version: structure.course.structure_version });
        match store.write(Arc::new(batch)).await {
            Ok(_) => self.wrote(),
            Err(e) if matches!(e.kind(), StoreErrorKind::Conflict { .. } | StoreErrorKind::Duplicate(_)) => {}
            Err(e) => return Err(e.into()),
        }
        Ok(true)
    }
}
