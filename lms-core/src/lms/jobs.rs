//! Wide changes carried to every learner, in chunks that a crash cannot lose (DETAILS 2).

use std::sync::Arc;

use super::command::Command;
use super::learner::{Work, result_of};
use super::{Lms, Session};
use crate::error::Error;
use crate::model::*;
use crate::rules::completion::{Counts, works};
use crate::store::{ById, Change, CourseStructure, Expect, LearnerRecord, StoreErrorKind, WriteBatch};

/// Enrollments per chunk.
const CHUNK: u32 = 500;

impl Lms {
    fn job_session(&self) -> Session {
        self.act(Actor::System { job: "course_job".to_owned() })
    }

    /// Finishes the open jobs of the course that this job belongs to.
    pub(crate) async fn finish_job(&self, job: JobId) -> Result<(), Error> {
        loop {
            let open = self.inner.store.open_jobs(500).await?;
            let Some(found) = open.iter().find(|j| j.id == job) else { return Ok(()) };
            self.step_job(found).await?;
        }
    }

    /// One chunk of a job: loads learners, runs the one evaluator, writes what changed and moves the
    /// job's cursor in the same batch. A conflict means that somebody else did: look again.
    pub(crate) async fn step_job(&self, job: &CourseJob) -> Result<(), Error> {
        let Some(structure) = self.inner.store.structure(job.course_id).await? else { return Ok(()) };
        let page = ById { after: job.cursor.map(Id::uuid), limit: CHUNK };
        let records = self.inner.store.records(job.course_id, true, page).await?;
        let done = records.len() < CHUNK as usize;
        let mut batch = WriteBatch::default();
        batch.expect.push(Expect::Structure { course: job.course_id, version: structure.course.structure_version });
        batch.expect.push(Expect::JobAt { job: job.id, cursor: job.cursor });
        let mut command = self.job_session().command();
        for record in &records {
            let one = self.reevaluate(&structure, record, job.at, &command).await?;
            if !one.is_empty() {
                batch.expect.extend(one.expect);
                batch.changes.extend(one.changes);
                batch.events.extend(one.events);
            }
            // Each learner's ids are derived from a command of their own.
            command = self.job_session().command();
        }
        batch.changes.push(Change::AdvanceJob {
            job: job.id,
            cursor: records.last().map(|r| r.enrollment.id).or(job.cursor),
            done_at: done.then(|| self.now()),
        });
        match self.inner.store.write(Arc::new(batch)).await {
            Ok(_) => {
                self.committed();
                Ok(())
            }
            Err(e) if matches!(e.kind(), StoreErrorKind::Conflict { .. } | StoreErrorKind::Duplicate(_)) => Ok(()),
            Err(e) => Err(e.into()),
        }
    }

    /// What a learner's work comes to under the present structure.
    async fn reevaluate(
        &self,
        structure: &CourseStructure,
        record: &LearnerRecord,
        at: Timestamp,
        command: &Command,
    ) -> Result<WriteBatch, Error> {
        let mut all = works(structure, record);
        let mut work = Work::resume(
            command.clone(),
            structure.course.clone(),
            record.enrollment.clone(),
            record.certificate.is_some(),
        );
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
        let command = self.job_session().command();
        let mut batch = self.reevaluate(&structure, &record, job.at, &command).await?;
        if batch.is_empty() {
            return Ok(false);
        }
        batch.expect.push(Expect::Structure { course: job.course_id, version: structure.course.structure_version });
        match store.write(Arc::new(batch)).await {
            Ok(_) => self.committed(),
            Err(e) if matches!(e.kind(), StoreErrorKind::Conflict { .. } | StoreErrorKind::Duplicate(_)) => {}
            Err(e) => return Err(e.into()),
        }
        Ok(true)
    }
}
