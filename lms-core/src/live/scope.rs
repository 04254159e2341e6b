//! Who may receive which event (V7): loaded once, kept current from the events that pass.

use std::collections::BTreeSet;

use crate::error::Error;
use crate::lms::Session;
use crate::model::{Actor, CourseId, EnrollmentStatus, Event, EventKind, Role, SubjectType, UserId};
use crate::rules::permission::{Action, Rights};
use crate::store::{ById, CourseFilter, EventFilter, PersonKey};

/// A flag of an event's metadata.
fn flag(event: &Event, name: &str) -> bool {
    let meta = event.event.metadata.read::<serde_json::Value>();
    meta.is_ok_and(|meta| meta.get(name).and_then(serde_json::Value::as_bool) == Some(true))
}

/// Whose course an event tells of the making of.
fn owner(event: &Event) -> Option<UserId> {
    if !matches!(event.event.kind, EventKind::ContentChanged | EventKind::AiGenerated) {
        return None;
    }
    let meta = event.event.metadata.read::<serde_json::Value>().ok()?;
    serde_json::from_value(meta.get("owner")?.clone()).ok()
}

/// What an actor may receive.
#[derive(Debug, Clone, Default)]
pub(crate) struct Scope {
    me: Option<UserId>,
    everything: bool,
    teaches: BTreeSet<CourseId>,
    learns: BTreeSet<CourseId>,
    /// The course that the filter names: losing it ends the stream.
    asked: Option<CourseId>,
    /// What stands in the log up to here was in the rows that the scope was loaded from.
    known_to: i64,
}

impl Scope {
    /// Loads it from the present rows; `known_to` is where the log ended before.
    pub(crate) async fn load(session: &Session, filter: &EventFilter, known_to: i64) -> Result<Self, Error> {
        let Some(me) = session.actor().rights_of() else {
            return Ok(Self { everything: true, known_to, ..Self::default() });
        };
        // A model grades what it is handed, and listens to nobody (R1).
        if matches!(session.actor(), Actor::Ai { .. }) {
            return Err(Error::Denied { action: Action::ReadAnalytics });
        }
        let store = session.lms().store();
        let person = store.person(Some(me), PersonKey::Id(me)).await?;
        if !Rights::of(session.actor(), person.actor.as_ref(), None, None).present {
            return Err(Error::not_found(SubjectType::User, me));
        }
        let mut scope = Self {
            me: Some(me),
            everything: person.actor.is_some_and(|user| user.role == Role::Admin),
            asked: filter.course,
            known_to,
            ..Self::default()
        };
        if scope.everything {
            return Ok(scope);
        }
        for enrollment in store.enrollments_of(me).await? {
            if enrollment.status == EnrollmentStatus::Active {
                scope.learns.insert(enrollment.course_id);
            }
        }
        if let Some(course) = filter.course {
            if let Some(context) = store.course(Some(me), course, None).await? {
                let staff = context.staff.as_ref();
                let rights = Rights::of(session.actor(), context.actor.as_ref(), Some(&context.course), staff);
                if rights.instructs() {
                    scope.teaches.insert(course);
                } else if rights.is_staff() && !scope.learns.contains(&course) {
                    // A grader sees the course, and does not listen to it (R1).
                    return Err(Error::Denied { action: Action::ReadAnalytics });
                }
            }
            if !scope.teaches.contains(&course) && !scope.learns.contains(&course) {
                return Err(Error::not_found(SubjectType::Course, course));
            }
            return Ok(scope);
        }
        let mine = CourseFilter { instructor: Some(me), ..CourseFilter::default() };
        let mut page = ById { after: None, limit: 500 };
        loop {
            let courses = store.courses(&mine, page).await?;
            scope.teaches.extend(courses.iter().map(|c| c.id));
            match courses.last() {
                Some(last) if courses.len() == 500 => page.after = Some(last.id.uuid()),
                _ => return Ok(scope),
            }
        }
    }

    /// The filter for the store: wider than the subscriber's, so that events which move the scope
    /// are seen too. The system needs no such events.
    pub(crate) fn widened(&self, filter: &EventFilter) -> EventFilter {
        if self.me.is_none() { filter.clone() } else { EventFilter::default() }
    }

    /// Whether the actor may receive the event.
    pub(crate) fn allows(&self, event: &Event) -> bool {
        if self.everything {
            return true;
        }
        let row = &event.event;
        match row.course_id {
            Some(course) if self.teaches.contains(&course) => true,
            Some(course) if self.learns.contains(&course) => {
                row.student_id == self.me || (row.kind == EventKind::ContentChanged && flag(event, "visible"))
            }
            _ => row.student_id.is_some() && row.student_id == self.me,
        }
    }

    /// Keeps the scope current from an event; whether the subscription has no right left.
    ///
    /// An event of the past, read again from an older cursor, moves nothing: what it did is in the scope, and
    /// so is what came after it.
    pub(crate) fn ends_with(&mut self, event: &Event) -> bool {
        let row = &event.event;
        if self.me.is_none() || event.position <= self.known_to {
            return false;
        }
        if let Some(course) = row.course_id
            && row.subject_type == SubjectType::Course
            && owner(event) == self.me
        {
            self.teaches.insert(course);
        }
        if row.student_id != self.me {
            return false;
        }
        let asked = row.course_id.is_some() && row.course_id == self.asked;
        match (&row.kind, row.course_id) {
            // A changed role changes what the whole subscription rests on: it is to be opened anew.
            (EventKind::PersonErased | EventKind::RoleChanged, _) => true,
            // A grader reads submissions and grades; the course's events are its instructors' (R1).
            (EventKind::StaffAdded | EventKind::StaffRemoved, Some(course)) => {
                if flag(event, "instructor") {
                    self.teaches.insert(course);
                } else {
                    self.teaches.remove(&course);
                }
                asked && !self.everything && !self.teaches.contains(&course) && !self.learns.contains(&course)
            }
            (EventKind::Enrolled | EventKind::Reactivated, Some(course)) => {
                self.learns.insert(course);
                false
            }
            (EventKind::Withdrawn | EventKind::Suspended, Some(course)) => {
                self.learns.remove(&course);
                asked && !self.everything && !self.teaches.contains(&course)
            }
            _ => false,
        }
    }
}
