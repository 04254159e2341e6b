//! Who may be enrolled in which course: what the commands decide by, and what a page says beforehand (E2–E6).

use crate::error::{Error, Refusal};
use crate::model::{Course, Enrollment, EnrollmentPolicy, EnrollmentStatus, Role, SubjectType, User, UserId};
use crate::rules::permission::{Action, Rights};

/// What decides over an enrollment, taken from one load.
#[derive(Debug, Clone, Copy)]
pub struct EnrollFacts<'a> {
    /// What the actor is to the course, knowing whether they enroll themselves.
    pub rights: Rights,
    /// The course.
    pub course: &'a Course,
    /// Who is to be enrolled.
    pub student: UserId,
    /// Their row.
    pub person: Option<&'a User>,
    /// Their enrollment, whatever its status.
    pub enrollment: Option<&'a Enrollment>,
}

/// What enrolling comes to where nothing refuses it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Enrolling {
    /// The person is in the course, active or suspended: the enrollment stands (E2).
    Stands,
    /// They join, or come back, and need a seat where seats are counted (E3).
    Joins,
}

/// Whether people who are not in a course may know that there is one: they are told why it does not take them (E4, E6).
pub fn is_open(course: &Course) -> bool {
    course.is_readable() && course.enrollment == EnrollmentPolicy::Open
}

/// Whether everybody may read what a course is about: it is open, and was not archived as a draft (E6, L1).
pub fn is_offered(course: &Course) -> bool {
    course.is_published && is_open(course)
}

/// Whether a person may be enrolled, seats aside.
///
/// # Errors
/// NotFound to who may not know of the course, and for an unknown person; CourseClosed, PersonErased, CourseArchived,
/// CourseNotPublished.
pub fn enrolling(facts: &EnrollFacts<'_>) -> Result<Enrolling, Error> {
    let EnrollFacts { rights, course, student, person, enrollment } = *facts;
    let by_staff = rights.may(Action::EnrollOthers);
    let is_in = enrollment.is_some_and(|e| e.status != EnrollmentStatus::Withdrawn);
    if !by_staff {
        if !rights.own {
            return Err(Error::not_found(SubjectType::Course, course.id));
        }
        if is_in {
            return Ok(Enrolling::Stands);
        }
        if !is_open(course) && enrollment.is_none() && !course.is_published {
            // Who may not see the course hears nothing of it, except that a published one is closed.
            return Err(Error::not_found(SubjectType::Course, course.id));
        }
        if course.enrollment != EnrollmentPolicy::Open {
            return Err(Refusal::CourseClosed {}.into());
        }
    }
    let person = person.filter(|user| user.role != Role::Ai);
    let person = person.ok_or_else(|| Error::not_found(SubjectType::User, student))?;
    if person.erased_at.is_some() {
        return Err(Refusal::PersonErased {}.into());
    }
    if course.archived_at.is_some() {
        return Err(Refusal::CourseArchived {}.into());
    }
    let may_enroll_early = by_staff && !rights.system;
    if !course.is_published && !may_enroll_early {
        return Err(Refusal::CourseNotPublished {}.into());
    }
    Ok(if is_in { Enrolling::Stands } else { Enrolling::Joins })
}

/// Refuses where every seat is taken (E3).
///
/// # Errors
/// CourseFull.
pub fn seat_free(course: &Course) -> Result<(), Refusal> {
    match course.capacity {
        Some(capacity) if course.seats_taken >= capacity => Err(Refusal::CourseFull { capacity }),
        _ => Ok(()),
    }
}

/// What somebody is told who enrolls themselves now.
///
/// # Errors
/// As [`enrolling`] and [`seat_free`].
pub fn enroll_self(facts: &EnrollFacts<'_>) -> Result<(), Error> {
    match enrolling(facts)? {
        Enrolling::Stands => Ok(()),
        Enrolling::Joins => Ok(seat_free(facts.course)?),
    }
}
