//! Who is in which course (E2–E6).

use serde::{Deserialize, Serialize};

use super::learner::Work;
use super::many::{ManyMode, ManyReport, many};
use super::{Command, Enrollments, Planned};
use crate::error::{Error, Refusal};
use crate::model::table::Json;
use crate::model::*;
use crate::rules::access::LockReason;
use crate::rules::enrollment::{EnrollFacts, Enrolling, enrolling, seat_free};
use crate::rules::permission::{Action, Rights};
use crate::store::{
    ById, Change, CourseContext, Expect, LearnerScope, PersonKey, StoreError, StoreErrorKind, Table, WriteBatch,
};

/// How somebody is enrolled by staff or by the system.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Default)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct EnrollOptions {
    /// Not usable before.
    pub starts_at: Option<Timestamp>,
    /// Not usable from then on.
    pub ends_at: Option<Timestamp>,
    /// The host's own reference (an order id): the same one twice is the same enrollment (E6).
    pub external_ref: Option<String>,
    /// Whether staff take a seat beyond the limit (E3); the system may not.
    pub exceed_capacity: bool,
    /// The host's own data.
    pub metadata: Option<Json>,
}

impl Enrollments<'_> {
    /// Enrolls the actor in an open, published course with seats (E6). Enrolling twice returns the
    /// enrollment that stands; after a withdrawal it comes back with its progress (E2).
    ///
    /// # Errors
    /// CourseClosed, CourseNotPublished, CourseArchived, CourseFull; NotFound.
    #[tracing::instrument(name = "lms.enroll_self", skip_all, fields(course, outcome))]
    pub async fn enroll_self(&self, course: CourseId) -> Result<Enrollment, Error> {
        let Some(student) = self.s.rights_of() else {
            return Err(Error::Denied { action: Action::EnrollSelf });
        };
        self.s
            .run(Some(student.uuid()), |command| self.plan_enroll(command, course, student, EnrollOptions::default()))
            .await
    }

    /// Enrolls a person: by the course's staff, or by the system (a shop after payment).
    ///
    /// # Errors
    /// As [`Enrollments::enroll_self`], but for the policy; ExternalIdTaken where the reference is another
    /// person's; NotFound for an unknown person.
    #[tracing::instrument(name = "lms.enroll", skip_all, fields(course, outcome))]
    pub async fn enroll(&self, course: CourseId, student: UserId, options: EnrollOptions) -> Result<Enrollment, Error> {
        self.s.run(Some(student.uuid()), |command| self.plan_enroll(command, course, student, options.clone())).await
    }

    /// Enrolls many people alike (E7): each as [`Enrollments::enroll`] does.
    ///
    /// # Errors
    /// CourseFull where all or nothing asks for more seats than are free; each row's refusal stands in the
    /// report.
    #[tracing::instrument(name = "lms.enroll_many", skip_all, fields(course, outcome))]
    pub async fn enroll_many(
        &self,
        course: CourseId,
        people: Vec<(UserId, EnrollOptions)>,
        mode: ManyMode,
    ) -> Result<ManyReport<Enrollment>, Error> {
        let rows = people.into_iter().map(|(student, options)| (student.uuid(), (student, options))).collect();
        many(self.s, mode, rows, |s, (student, options)| async move {
            s.enrollment().enroll(course, student, options).await
        })
        .await
    }

    async fn plan_enroll(
        &self,
        mut command: Command,
        course: CourseId,
        student: UserId,
        options: EnrollOptions,
    ) -> Result<Planned<Enrollment>, Error> {
        let context = self
            .s
            .store()
            .course(self.s.rights_of(), course, Some(student))
            .await?
            .ok_or_else(|| Error::not_found(SubjectType::Course, course))?;
        let rights = self.rights(&context, student);
        let row = &context.course;
        let by_staff = rights.may(Action::EnrollOthers);
        if command.done
            && (by_staff || rights.own)
            && let Some(stands) = &context.enrollment
        {
            return Ok(Planned::nothing(stands.clone()));
        }
        let facts = EnrollFacts {
            rights,
            course: row,
            student,
            person: context.subject.as_ref(),
            enrollment: context.enrollment.as_ref(),
        };
        let enrolling = enrolling(&facts)?;
        if !by_staff
            && enrolling == Enrolling::Stands
            && let Some(stands) = &context.enrollment
        {
            return Ok(Planned::nothing(stands.clone()));
        }
        let person = context.subject.as_ref().ok_or_else(|| Error::not_found(SubjectType::User, student))?;
        if let (Some(starts), Some(ends)) = (options.starts_at, options.ends_at)
            && starts >= ends
        {
            return Err(Error::invalid("enrollment.dates", "ends_at", "an enrollment ends after it starts"));
        }
        if let Some(reference) = &options.external_ref {
            let mut checks = crate::rules::authoring::Checks::default();
            checks.text("external_ref", reference, 1, 200);
            checks.done()?;
        }
        if let Some(metadata) = &options.metadata {
            let mut checks = crate::rules::authoring::Checks::default();
            checks.metadata(metadata);
            checks.done()?;
        }
        let source = if rights.system {
            EnrollmentSource::System
        } else if by_staff && !rights.own {
            EnrollmentSource::Staff
        } else {
            EnrollmentSource::SelfEnrolled
        };
        let mut batch = WriteBatch::default();
        batch.expect.push(Expect::Structure { course, version: row.structure_version });
        batch.expect.push(Expect::Row { table: Table::User, id: student.uuid(), version: person.version });
        if row.capacity.is_some() && !(options.exceed_capacity && by_staff && !rights.system) {
            batch.expect.push(Expect::SeatFree { course });
        }
        let needs_seat = matches!(batch.expect.last(), Some(Expect::SeatFree { .. }));
        let (enrollment, kind) = match context.enrollment.clone() {
            Some(enrollment) if enrollment.status != EnrollmentStatus::Withdrawn => {
                return Ok(with_order(&command, batch, enrollment, options));
            }
            // The same order again brings nobody back: a notice that comes late is no new one (E6).
            Some(enrollment) if by_staff && same_order(&enrollment, &options) => {
                return Ok(Planned::nothing(enrollment));
            }
            Some(mut enrollment) => {
                self.end_attempts(&enrollment).await?;
                if needs_seat {
                    seat_free(row)?;
                }
                // Coming back goes the way of every change of a learner's state (P7).
                enrollment.status = EnrollmentStatus::Active;
                // Who comes back by themselves comes back to the dates that they were given.
                if by_staff {
                    enrollment.starts_at = options.starts_at;
                    enrollment.ends_at = options.ends_at;
                }
                if options.external_ref.is_some() {
                    enrollment.external_ref = options.external_ref;
                }
                if let Some(metadata) = options.metadata {
                    enrollment.metadata = metadata;
                }
                let planned = self.plan_return(command, &context, enrollment, batch).await?;
                return Ok(planned);
            }
            None => {
                if needs_seat {
                    seat_free(row)?;
                }
                let enrollment = Enrollment {
                    id: command.new_id(),
                    course_id: course,
                    student_id: student,
                    status: EnrollmentStatus::Active,
                    starts_at: options.starts_at,
                    ends_at: options.ends_at,
                    source,
                    external_ref: options.external_ref,
                    is_staff: row.instructor_id == student || context.subject_staff.is_some(),
                    lessons_done: 0,
                    quizzes_met: 0,
                    assignments_met: 0,
                    completed_at: None,
                    opened_at: None,
                    reset_reason: None,
                    metadata: options.metadata.unwrap_or_else(Json::object),
                    version: 1,
                    created_at: command.now,
                    updated_at: command.now,
                };
                batch.insert(enrollment.clone());
                (enrollment, EventKind::Enrolled)
            }
        };
        if row.capacity.is_some() && !needs_seat {
            batch.changes.push(Change::RecountSeats { course });
        }
        let event = command
            .event(kind, SubjectType::Enrollment, enrollment.id)
            .of(&enrollment)
            .by_learner(source == EnrollmentSource::SelfEnrolled && !enrollment.is_staff);
        batch.events.push(event);
        Ok(Planned { batch, outcome: enrollment })
    }

    async fn plan_return(
        &self,
        mut command: Command,
        context: &CourseContext,
        enrollment: Enrollment,
        seat: WriteBatch,
    ) -> Result<Planned<Enrollment>, Error> {
        let student = enrollment.student_id;
        let kind = EventKind::Reactivated;
        let own = self.s.rights_of() == Some(student);
        let event = command.event(kind, SubjectType::Enrollment, enrollment.id).of(&enrollment).by_learner(own);
        let mut work = Work::resume(command, context.course.clone(), enrollment);
        work.batch.events.push(event);
        work.touch();
        let now = work.command.now;
        let outcome = work.enrollment.clone();
        let mut batch = self.evaluated(work, now).await?;
        let mut expect = seat.expect;
        expect.append(&mut batch.expect);
        batch.expect = expect;
        let mut changes = seat.changes;
        changes.append(&mut batch.changes);
        batch.changes = changes;
        if context.course.capacity.is_some() && !batch.expect.iter().any(|e| matches!(e, Expect::SeatFree { .. })) {
            batch.changes.push(Change::RecountSeats { course: context.course.id });
        }
        let outcome = written_enrollment(&batch).unwrap_or(outcome);
        Ok(Planned { batch, outcome })
    }

    /// Gives a course up: by the learner, or for them by staff. Everything is kept (E2).
    ///
    /// # Errors
    /// Locked for a learner who is suspended: they do not lift it by leaving and coming back. NotFound where there is
    /// no enrollment that the actor may see.
    #[tracing::instrument(name = "lms.withdraw", skip_all, fields(course, outcome))]
    pub async fn withdraw(&self, course: CourseId, student: UserId) -> Result<Enrollment, Error> {
        let enrollment = self.set_status(course, student, EnrollmentStatus::Withdrawn, EventKind::Withdrawn).await?;
        self.end_attempts(&enrollment).await?;
        Ok(enrollment)
    }

    /// Suspends an enrollment: nothing can be done in it until it is reactivated.
    ///
    /// # Errors
    /// Denied to learners; NotFound.
    #[tracing::instrument(name = "lms.suspend", skip_all, fields(course, outcome))]
    pub async fn suspend(&self, course: CourseId, student: UserId) -> Result<Enrollment, Error> {
        self.set_status(course, student, EnrollmentStatus::Suspended, EventKind::Suspended).await
    }

    /// Brings a suspended or withdrawn enrollment back, if a seat is free (E3). Who meets everything
    /// completes the course now (P7).
    ///
    /// # Errors
    /// CourseFull; Denied to learners; NotFound.
    #[tracing::instrument(name = "lms.reactivate", skip_all, fields(course, outcome))]
    pub async fn reactivate(&self, course: CourseId, student: UserId) -> Result<Enrollment, Error> {
        self.set_status(course, student, EnrollmentStatus::Active, EventKind::Reactivated).await
    }

    /// The open attempts of a learner who has withdrawn expire at once, with their answers (A13). What a
    /// crash leaves is finished by the sweep, or here when the learner comes back.
    async fn end_attempts(&self, enrollment: &Enrollment) -> Result<(), Error> {
        if enrollment.status != EnrollmentStatus::Withdrawn || self.s.is_planning() {
            return Ok(());
        }
        let system = self.s.lms.act(Actor::System { job: "expire".to_owned() });
        system.quizzes().finish_all_of(enrollment.course_id, enrollment.student_id).await
    }

    async fn set_status(
        &self,
        course: CourseId,
        student: UserId,
        status: EnrollmentStatus,
        kind: EventKind,
    ) -> Result<Enrollment, Error> {
        let kind = &kind;
        self.s
            .run(Some(student.uuid()), |mut command| async move {
                let context =
                    self.s.learner(LearnerScope::Course(course, student), SubjectType::Course, course.uuid()).await?;
                let rights = super::learner::rights(self.s, &context);
                let Some(before) = context.enrollment.clone() else {
                    rights.require(Action::EnrollOthers, false, SubjectType::Course, course)?;
                    return Err(Error::not_found(SubjectType::Enrollment, course));
                };
                if !(rights.own && status == EnrollmentStatus::Withdrawn) {
                    rights.require(Action::EnrollOthers, false, SubjectType::Course, course)?;
                }
                let suspended = before.status == EnrollmentStatus::Suspended;
                if suspended && !command.done && !rights.may(Action::EnrollOthers) {
                    return Err(Refusal::Locked { reasons: vec![LockReason::Suspended] }.into());
                }
                if command.done
                    || before.status == status
                    || (before.status == EnrollmentStatus::Withdrawn && status == EnrollmentStatus::Suspended)
                {
                    return Ok(Planned::nothing(before));
                }
                if status == EnrollmentStatus::Active && context.student.as_ref().is_none_or(|u| u.erased_at.is_some())
                {
                    return Err(Refusal::PersonErased {}.into());
                }
                let event = command
                    .event(kind.clone(), SubjectType::Enrollment, before.id)
                    .of(&before)
                    .by_learner(rights.own && !rights.is_staff());
                let was_active = before.status == EnrollmentStatus::Active;
                self.end_attempts(&before).await?;
                let mut work = Work::begin(command, &context, before);
                work.batch.events.push(event);
                work.enrollment.status = status;
                work.touch();
                if context.course.capacity.is_some() {
                    if status == EnrollmentStatus::Active {
                        seat_free(&context.course)?;
                        work.batch.expect.push(Expect::SeatFree { course });
                    } else if was_active {
                        work.batch.changes.push(Change::FreeSeat { course });
                    }
                }
                let now = work.command.now;
                let batch = if status == EnrollmentStatus::Active {
                    self.evaluated(work, now).await?
                } else {
                    work.finish(&self.s.lms, now).await?
                };
                let outcome =
                    written_enrollment(&batch).ok_or_else(|| Error::Store(StoreError::new(StoreErrorKind::Backend)))?;
                Ok(Planned { batch, outcome })
            })
            .await
    }

    /// The batch of a learner who comes back: what the course has become while they were away counts for them
    /// now (P7, P9).
    async fn evaluated(&self, work: Work, at: Timestamp) -> Result<WriteBatch, Error> {
        let (course, student) = (work.enrollment.course_id, work.enrollment.student_id);
        let store = self.s.store();
        let (Some(structure), Some(record)) = (store.structure(course).await?, store.record(course, student).await?)
        else {
            return Err(Error::not_found(SubjectType::Enrollment, course));
        };
        self.s.lms.evaluate(&structure, &record, work, at).await
    }

    /// An enrollment: to the learner and to the course's staff.
    ///
    /// # Errors
    /// NotFound to everybody else, and where there is none.
    pub async fn enrollment(&self, course: CourseId, student: UserId) -> Result<Enrollment, Error> {
        let context = self.s.learner(LearnerScope::Course(course, student), SubjectType::Course, course.uuid()).await?;
        let rights = super::learner::rights(self.s, &context);
        match context.enrollment {
            Some(enrollment) if rights.own || rights.is_staff() || rights.system => Ok(enrollment),
            _ => Err(Error::not_found(SubjectType::Enrollment, course)),
        }
    }

    /// The enrollments of a course by id, for its staff.
    ///
    /// # Errors
    /// NotFound to everybody else.
    pub async fn of_course(&self, course: CourseId, page: ById) -> Result<Vec<Enrollment>, Error> {
        let context = self
            .s
            .store()
            .course(self.s.rights_of(), course, None)
            .await?
            .ok_or_else(|| Error::not_found(SubjectType::Course, course))?;
        let rights = Rights::of(&self.s.actor, context.actor.as_ref(), Some(&context.course), context.staff.as_ref());
        rights.require(Action::ReadWork, false, SubjectType::Course, course)?;
        Ok(self.s.store().enrollments(course, page).await?)
    }

    /// The person's own enrollments; none for the system, for who was erased, and for AI, whoever it acts for.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn mine(&self) -> Result<Vec<Enrollment>, Error> {
        let Actor::User { id } = self.s.actor else { return Ok(Vec::new()) };
        let person = self.s.store().person(Some(id), PersonKey::Id(id)).await?;
        if !Rights::of(&self.s.actor, person.actor.as_ref(), None, None).present {
            return Ok(Vec::new());
        }
        Ok(self.s.store().enrollments_of(id).await?)
    }

    fn rights(&self, context: &CourseContext, student: UserId) -> Rights {
        Rights::of(&self.s.actor, context.actor.as_ref(), Some(&context.course), context.staff.as_ref())
            .owning(self.s.rights_of() == Some(student))
    }
}

/// An enrollment that stands, with the order that is given where it had none (E6).
fn with_order(
    command: &Command,
    mut batch: WriteBatch,
    before: Enrollment,
    options: EnrollOptions,
) -> Planned<Enrollment> {
    if options.external_ref.is_none() || before.external_ref.is_some() {
        return Planned::nothing(before);
    }
    // It has its seat, or needs none.
    batch.expect.retain(|expect| !matches!(expect, Expect::SeatFree { .. }));
    batch.expect.push(Expect::Enrollment { id: before.id, version: before.version });
    let after = Enrollment {
        external_ref: options.external_ref,
        version: before.version + 1,
        updated_at: command.now,
        ..before
    };
    batch.put(after.clone());
    Planned { batch, outcome: after }
}

/// Whether an enrollment came of the very order that is given.
fn same_order(enrollment: &Enrollment, options: &EnrollOptions) -> bool {
    options.external_ref.is_some() && options.external_ref == enrollment.external_ref
}

/// The enrollment as a batch writes it.
pub(crate) fn written_enrollment(batch: &WriteBatch) -> Option<Enrollment> {
    batch.changes.iter().rev().find_map(|change| match change {
        Change::Put(crate::store::Row::Enrollment(enrollment))
        | Change::Insert(crate::store::Row::Enrollment(enrollment)) => Some(enrollment.clone()),
        _ => None,
    })
}
