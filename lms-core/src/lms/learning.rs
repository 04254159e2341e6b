//! Opening, viewing and completing (P1, P2, P4, V3).

use serde::{Deserialize, Serialize};

use super::learner::{Work, counts, enrolled, open, rights};
use super::{Learning, Planned};
use crate::error::{Error, Refusal};
use crate::model::*;
use crate::rules::permission::Action;
use crate::store::{LearnerScope, LessonWork};

/// Where a learner stands after a step.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct Standing {
    /// The lesson's status, if the step was in one.
    pub lesson: Option<ProgressStatus>,
    /// Completed lessons of the course's published, required ones (P5).
    pub lessons_done: i64,
    /// How many those are.
    pub lessons_total: i64,
    /// The percent shown, truncated (N3); absent for an empty course (P6).
    pub percent: Option<Percent>,
    /// When the course was completed.
    pub completed_at: Option<Timestamp>,
    /// Whether this very step completed it.
    pub just_completed: bool,
}

fn standing(course: &Course, enrollment: &Enrollment, work: Option<&LessonWork>, just: bool) -> Standing {
    Standing {
        lesson: work.and_then(|w| w.progress.as_ref()).map(|p| p.status),
        lessons_done: enrollment.lessons_done,
        lessons_total: course.lessons_total,
        percent: enrollment.percent(course),
        completed_at: enrollment.completed_at,
        just_completed: just,
    }
}

/// An event of opening is written at most once an hour (V3).
fn due(last: Option<Timestamp>, now: Timestamp) -> bool {
    last.is_none_or(|last| last.plus_seconds(3_600) <= now)
}

impl Learning<'_> {
    fn me(&self) -> Result<UserId, Error> {
        match &self.s.actor {
            Actor::User { id } => Ok(*id),
            _ => Err(Error::Denied { action: Action::Learn }),
        }
    }

    /// Says that the learner opened the course. Counts once an hour.
    ///
    /// # Errors
    /// Locked with every reason; NotFound.
    #[tracing::instrument(name = "lms.open_course", skip_all, fields(course, outcome))]
    pub async fn open_course(&self, course: CourseId) -> Result<Standing, Error> {
        let me = self.me()?;
        self.s
            .run(Some(me.uuid()), |command| async move {
                let context =
                    self.s.learner(LearnerScope::Course(course, me), SubjectType::Course, course.uuid()).await?;
                let enrollment = enrolled(self.s, &context, SubjectType::Course, course.uuid())?;
                open(&context, command.now)?;
                let shown = standing(&context.course, &enrollment, None, false);
                if command.done || !due(enrollment.opened_at, command.now) {
                    return Ok(Planned::nothing(shown));
                }
                let mut work = Work::begin(command, &context, enrollment);
                work.enrollment.opened_at = Some(work.command.now);
                work.touch();
                let event = work.event(EventKind::CourseOpened, SubjectType::Course, course).by_learner(true);
                work.batch.events.push(event);
                let now = work.command.now;
                let batch = work.finish(&self.s.lms, now).await?;
                Ok(Planned { batch, outcome: shown })
            })
            .await
    }

    /// Says that the learner opened a lesson: not started becomes in progress.
    ///
    /// # Errors
    /// Locked with every reason; NotFound.
    #[tracing::instrument(name = "lms.open_lesson", skip_all, fields(course, outcome))]
    pub async fn open_lesson(&self, lesson: LessonId) -> Result<Standing, Error> {
        let me = self.me()?;
        self.s
            .run(Some(me.uuid()), |command| async move {
                let context =
                    self.s.learner(LearnerScope::Lesson(lesson, me), SubjectType::Lesson, lesson.uuid()).await?;
                let enrollment = enrolled(self.s, &context, SubjectType::Lesson, lesson.uuid())?;
                open(&context, command.now)?;
                let mut lesson_work =
                    context.work.clone().ok_or_else(|| Error::not_found(SubjectType::Lesson, lesson))?;
                if command.done || !due(lesson_work.progress.as_ref().map(|p| p.opened_at), command.now) {
                    let shown = standing(&context.course, &enrollment, Some(&lesson_work), false);
                    return Ok(Planned::nothing(shown));
                }
                let was_complete = enrollment.completed_at.is_some();
                let before = lesson_work.counts();
                let mut work = Work::begin(command, &context, enrollment);
                open_progress(&mut work, &mut lesson_work);
                let now = work.command.now;
                // After a fresh start a lesson whose work is done already is complete when it is opened (P7).
                work.apply_rule(&mut lesson_work, now);
                work.recount(before, lesson_work.counts());
                let batch = work.finish(&self.s.lms, now).await?;
                let enrollment = super::written_enrollment(&batch).unwrap_or_else(|| context_enrollment(&context));
                let just = !was_complete && enrollment.completed_at.is_some();
                Ok(Planned { batch, outcome: standing(&context.course, &enrollment, Some(&lesson_work), just) })
            })
            .await
    }

    /// Says that the learner viewed a topic; where the lesson completes by viewing, the last one
    /// completes it (P2).
    ///
    /// # Errors
    /// Locked with every reason; NotFound.
    #[tracing::instrument(name = "lms.view_topic", skip_all, fields(course, outcome))]
    pub async fn view_topic(&self, topic: TopicId) -> Result<Standing, Error> {
        let me = self.me()?;
        self.s
            .run(Some(me.uuid()), |command| async move {
                let context = self.s.learner(LearnerScope::Topic(topic, me), SubjectType::Topic, topic.uuid()).await?;
                let enrollment = enrolled(self.s, &context, SubjectType::Topic, topic.uuid())?;
                open(&context, command.now)?;
                let mut lesson_work =
                    context.work.clone().ok_or_else(|| Error::not_found(SubjectType::Topic, topic))?;
                let seen = context.topic_view.clone();
                if command.done || !due(seen.as_ref().map(|v| v.viewed_at), command.now) {
                    let shown = standing(&context.course, &enrollment, Some(&lesson_work), false);
                    return Ok(Planned::nothing(shown));
                }
                let was_complete = enrollment.completed_at.is_some();
                let mut work = Work::begin(command, &context, enrollment);
                let now = work.command.now;
                let before = lesson_work.counts();
                if lesson_work.progress.is_none() {
                    open_progress(&mut work, &mut lesson_work);
                }
                work.batch.upsert(TopicView {
                    id: seen.as_ref().map_or_else(|| RowId::from_uuid(work.command.derived("view", 0)), |v| v.id),
                    topic_id: topic,
                    enrollment_id: work.enrollment.id,
                    course_id: work.enrollment.course_id,
                    student_id: me,
                    first_viewed_at: seen.as_ref().map_or(now, |v| v.first_viewed_at),
                    viewed_at: now,
                });
                work.touch();
                let event = work.event(EventKind::TopicViewed, SubjectType::Topic, topic).by_learner(true);
                work.batch.events.push(event);
                if seen.is_none() {
                    lesson_work.topics_viewed += 1;
                }
                work.apply_rule(&mut lesson_work, now);
                work.recount(before, lesson_work.counts());
                let batch = work.finish(&self.s.lms, now).await?;
                let enrollment = super::written_enrollment(&batch).unwrap_or_else(|| context_enrollment(&context));
                let just = !was_complete && enrollment.completed_at.is_some();
                Ok(Planned { batch, outcome: standing(&context.course, &enrollment, Some(&lesson_work), just) })
            })
            .await
    }

    /// Marks a lesson as complete, where it completes by a mark. What that makes true, down to the
    /// course's completion and the certificate, is in the same transaction (P3). A lesson that is
    /// complete stays as it is, and nothing is written.
    ///
    /// # Errors
    /// Locked with every reason; NotByMark; NotFound.
    #[tracing::instrument(name = "lms.complete_lesson", skip_all, fields(course, outcome))]
    pub async fn complete_lesson(&self, lesson: LessonId) -> Result<Standing, Error> {
        let me = self.me()?;
        self.s
            .run(Some(me.uuid()), |command| async move {
                let context =
                    self.s.learner(LearnerScope::Lesson(lesson, me), SubjectType::Lesson, lesson.uuid()).await?;
                let enrollment = enrolled(self.s, &context, SubjectType::Lesson, lesson.uuid())?;
                let mut lesson_work =
                    context.work.clone().ok_or_else(|| Error::not_found(SubjectType::Lesson, lesson))?;
                if command.done || lesson_work.is_completed() {
                    let shown = standing(&context.course, &enrollment, Some(&lesson_work), false);
                    return Ok(Planned::nothing(shown));
                }
                open(&context, command.now)?;
                if lesson_work.lesson.completion_rule != CompletionRule::Manual {
                    return Err(Refusal::NotByMark {}.into());
                }
                let was_complete = enrollment.completed_at.is_some();
                let before = lesson_work.counts();
                let mut work = Work::begin(command, &context, enrollment);
                let now = work.command.now;
                work.complete_lesson(&mut lesson_work, now, true);
                work.recount(before, lesson_work.counts());
                let batch = work.finish(&self.s.lms, now).await?;
                let enrollment = super::written_enrollment(&batch).unwrap_or_else(|| context_enrollment(&context));
                let just = !was_complete && enrollment.completed_at.is_some();
                Ok(Planned { batch, outcome: standing(&context.course, &enrollment, Some(&lesson_work), just) })
            })
            .await
    }

    /// Takes the learner's own mark back (P4).
    ///
    /// # Errors
    /// NothingToUndo where the lesson was not marked; CourseCompleted once the course is complete.
    #[tracing::instrument(name = "lms.undo_complete_lesson", skip_all, fields(course, outcome))]
    pub async fn undo_complete_lesson(&self, lesson: LessonId) -> Result<Standing, Error> {
        let me = self.me()?;
        self.s
            .run(Some(me.uuid()), |command| async move {
                let context =
                    self.s.learner(LearnerScope::Lesson(lesson, me), SubjectType::Lesson, lesson.uuid()).await?;
                let enrollment = enrolled(self.s, &context, SubjectType::Lesson, lesson.uuid())?;
                let mut lesson_work =
                    context.work.clone().ok_or_else(|| Error::not_found(SubjectType::Lesson, lesson))?;
                if command.done {
                    let shown = standing(&context.course, &enrollment, Some(&lesson_work), false);
                    return Ok(Planned::nothing(shown));
                }
                let Some(mut progress) =
                    lesson_work.progress.clone().filter(|p| p.status == ProgressStatus::Completed && p.by_mark)
                else {
                    return Err(Refusal::NothingToUndo {}.into());
                };
                if enrollment.completed_at.is_some() {
                    return Err(Refusal::CourseCompleted {}.into());
                }
                open(&context, command.now)?;
                let before = counts(Some(&lesson_work));
                let mut work = Work::begin(command, &context, enrollment);
                let now = work.command.now;
                progress.status = ProgressStatus::InProgress;
                progress.completed_at = None;
                progress.by_mark = false;
                progress.updated_at = now;
                lesson_work.progress = Some(progress.clone());
                work.batch.upsert(progress);
                work.touch();
                let event = work
                    .event(EventKind::ProgressReset, SubjectType::Lesson, lesson)
                    .by_learner(true)
                    .with(&serde_json::json!({ "own_mark": true }));
                work.batch.events.push(event);
                work.recount(before, lesson_work.counts());
                let shown = standing(&context.course, &work.enrollment, Some(&lesson_work), false);
                let batch = work.finish(&self.s.lms, now).await?;
                Ok(Planned { batch, outcome: shown })
            })
            .await
    }

    /// Where a learner stands in a course: to the learner and to the course's staff.
    ///
    /// # Errors
    /// NotFound to everybody else.
    pub async fn standing(&self, course: CourseId, student: UserId) -> Result<Standing, Error> {
        let context = self.s.learner(LearnerScope::Course(course, student), SubjectType::Course, course.uuid()).await?;
        let rights = rights(self.s, &context);
        match &context.enrollment {
            Some(enrollment) if rights.own || rights.is_staff() || rights.system => {
                Ok(standing(&context.course, enrollment, None, false))
            }
            _ => Err(Error::not_found(SubjectType::Course, course)),
        }
    }
}

fn context_enrollment(context: &crate::store::LearnerContext) -> Enrollment {
    // `enrolled` has returned it before any batch was made.
    #[expect(clippy::expect_used, reason = "`enrolled` has refused every context without an enrollment")]
    context.enrollment.clone().expect("an enrolled learner has an enrollment")
}

/// The progress row of an opened lesson, and its event.
fn open_progress(work: &mut Work, lesson_work: &mut LessonWork) {
    let now = work.command.now;
    let lesson = lesson_work.lesson.id;
    let progress = match lesson_work.progress.clone() {
        Some(mut progress) => {
            progress.opened_at = now;
            progress.updated_at = now;
            progress
        }
        None => LessonProgress {
            id: RowId::from_uuid(work.command.derived("progress", 0)),
            lesson_id: lesson,
            enrollment_id: work.enrollment.id,
            course_id: work.enrollment.course_id,
            student_id: work.enrollment.student_id,
            status: ProgressStatus::InProgress,
            first_opened_at: now,
            opened_at: now,
            completed_at: None,
            by_mark: false,
            created_at: now,
            updated_at: now,
        },
    };
    lesson_work.progress = Some(progress.clone());
    work.batch.upsert(progress);
    work.touch();
    let event = work.event(EventKind::LessonOpened, SubjectType::Lesson, lesson).by_learner(true);
    work.batch.events.push(event);
}
