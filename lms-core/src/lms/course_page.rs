//! The page of a course for people who are not its staff: who thinks of joining it, and who is in it (E6).

use serde::Serialize;

use super::Learning;
use crate::error::Error;
use crate::model::*;
use crate::rules::access::{AccessFacts, LockReason, locks};
use crate::rules::enrollment::{EnrollFacts, enroll_self, is_offered};
use crate::rules::permission::{Action, Rights};
use crate::store::{ById, CourseOffer, PersonKey};

/// A course before its first lesson: what it is about, and whether the reader can join it. Nothing of what stands in
/// its lessons, and nothing that only staff or the host read.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct CoursePage {
    /// The course.
    pub id: CourseId,
    /// Its title.
    pub title: String,
    /// What it is about.
    pub description: String,
    /// A picture: https or an asset key.
    pub thumbnail_url: Option<String>,
    /// For whom it is.
    pub audience: String,
    /// How hard it is, in the instructor's words.
    pub difficulty: String,
    /// How long it takes, in minutes.
    pub estimated_minutes: Option<i64>,
    /// BCP 47.
    pub language: String,
    /// IANA zone name in which dates are shown.
    pub time_zone: String,
    /// The order in which lessons open.
    pub flow: Flow,
    /// When certificates are issued.
    pub certificates: CertificatePolicy,
    /// The owner's name; absent where they were erased.
    pub instructor_name: Option<String>,
    /// How many published lessons it has.
    pub lessons: i64,
    /// Whether it is published; a learner's own course stays theirs when it is not (L1).
    pub is_published: bool,
    /// When it was archived: nobody joins any more (L1).
    pub archived_at: Option<Timestamp>,
    /// Who may join.
    pub enrollment: EnrollmentPolicy,
    /// The most active enrollments, if limited (E3).
    pub capacity: Option<i64>,
    /// How many seats are free, where they are limited.
    pub seats_left: Option<i64>,
    /// The reader's own place in it; absent where they never were in it.
    pub own: Option<OwnPlace>,
    /// Why the course is not open to the reader now; empty = open (X1).
    pub locks: Vec<LockReason>,
    /// What `enroll_self` would refuse with now; absent where it would enroll the reader, and where they are enrolled.
    pub enroll_refused: Option<Error>,
}

/// The reader's own place in a course.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct OwnPlace {
    /// Whether the enrollment can be used.
    pub status: EnrollmentStatus,
    /// Not usable before.
    pub starts_at: Option<Timestamp>,
    /// Not usable from then on.
    pub ends_at: Option<Timestamp>,
    /// The percent shown.
    pub percent: Option<Percent>,
    /// When they completed the course.
    pub completed_at: Option<Timestamp>,
}

impl Learning<'_> {
    /// The page of a course: to anybody, where people may join it by themselves; of any course to who is or was in
    /// it, to its staff, and to the system, which enrolls nobody by themselves. Reading it leaves no trace.
    ///
    /// # Errors
    /// NotFound to everybody else.
    #[tracing::instrument(name = "lms.read_course", skip_all, fields(course, outcome))]
    pub async fn read_course(&self, course: CourseId) -> Result<CoursePage, Error> {
        let missing = || Error::not_found(SubjectType::Course, course);
        let (store, me) = (self.s.store(), self.s.rights_of());
        let context = store.course(me, course, me).await?.ok_or_else(missing)?;
        let (reader, staff) = (context.actor.as_ref(), context.staff.as_ref());
        let rights = Rights::of(&self.s.actor, reader, Some(&context.course), staff).owning(me.is_some());
        let knows = rights.own && (context.enrollment.is_some() || is_offered(&context.course));
        if !(knows || rights.is_staff() || rights.system) {
            return Err(missing());
        }
        let owner = store.person(None, PersonKey::Id(context.course.instructor_id)).await?.subject;
        let offer = CourseOffer {
            instructor_name: owner.map(|owner| owner.display_name).unwrap_or_default(),
            published_lessons: context.published_lessons,
            enrollment: context.enrollment,
            course: context.course,
        };
        Ok(page(offer, rights, context.actor.as_ref(), self.s.lms.now()))
    }

    /// The courses that people may join by themselves, by id, each with its page: published, open and not archived.
    /// To anybody, and to the system. The next page begins above the last id.
    ///
    /// # Errors
    /// Denied to AI, and to who was erased.
    #[tracing::instrument(name = "lms.open_courses", skip_all, fields(course, outcome))]
    pub async fn open_courses(&self, by: ById) -> Result<Vec<CoursePage>, Error> {
        let (store, me) = (self.s.store(), self.s.rights_of());
        let reader = match me {
            Some(me) => store.person(Some(me), PersonKey::Id(me)).await?.actor,
            None => None,
        };
        let rights = Rights::of(&self.s.actor, reader.as_ref(), None, None).owning(me.is_some());
        if !(rights.own || rights.system) {
            return Err(Error::Denied { action: Action::EnrollSelf });
        }
        let now = self.s.lms.now();
        let offers = store.offers(me, by).await?;
        Ok(offers.into_iter().map(|offer| page(offer, rights, reader.as_ref(), now)).collect())
    }
}

fn page(offer: CourseOffer, rights: Rights, reader: Option<&User>, now: Timestamp) -> CoursePage {
    let CourseOffer { course, instructor_name, published_lessons, enrollment } = offer;
    let enrollment = enrollment.as_ref();
    let refused = match reader {
        Some(person) => {
            let facts = EnrollFacts { rights, course: &course, student: person.id, person: Some(person), enrollment };
            enroll_self(&facts).err()
        }
        None => Some(Error::Denied { action: Action::EnrollSelf }),
    };
    CoursePage {
        own: enrollment.map(|e| OwnPlace {
            status: e.status,
            starts_at: e.starts_at,
            ends_at: e.ends_at,
            percent: e.percent(&course),
            completed_at: e.completed_at,
        }),
        locks: locks(&AccessFacts { course: Some(&course), enrollment, ..AccessFacts::default() }, now),
        enroll_refused: refused,
        instructor_name: Some(instructor_name).filter(|name| !name.is_empty()),
        lessons: published_lessons,
        seats_left: course.capacity.map(|capacity| capacity.saturating_sub(course.seats_taken).max(0)),
        id: course.id,
        title: course.title,
        description: course.description,
        thumbnail_url: course.thumbnail_url,
        audience: course.audience,
        difficulty: course.difficulty,
        estimated_minutes: course.estimated_minutes,
        language: course.language,
        time_zone: course.time_zone,
        flow: course.flow,
        certificates: course.certificates,
        is_published: course.is_published,
        archived_at: course.archived_at,
        enrollment: course.enrollment,
        capacity: course.capacity,
    }
}
