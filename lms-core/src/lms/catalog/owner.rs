//! Giving a course to another owner (E5).

use super::*;

impl Catalog<'_> {
    /// Gives a course to another owner, who counts as its instructor from then on and whose name its next
    /// certificates print (E5). Who owned it keeps the place in its staff that they have beside that, or none.
    /// Repeating it changes nothing.
    ///
    /// # Errors
    /// Denied to all but admins and the present owner; NotFound for an unknown person, for an AI user and for one
    /// who was erased.
    #[tracing::instrument(name = "lms.set_owner", skip_all, fields(course, outcome))]
    pub async fn set_owner(&self, course: CourseId, owner: UserId) -> Result<Course, Error> {
        self.s
            .run(None, |mut command| async move {
                let load = |person: UserId| self.s.store().course(self.s.rights_of(), course, Some(person));
                let missing = || Error::not_found(SubjectType::Course, course);
                let new = load(owner).await?.ok_or_else(missing)?;
                let before = new.course;
                let gave = |event: &NewEvent| {
                    let given = event.kind == EventKind::StaffAdded && event.course_id == Some(course);
                    given && event.subject_id == owner.uuid()
                };
                if self.s.did(&command, gave).await? {
                    return Ok(Planned::nothing(before));
                }
                let rights = Rights::of(&command.actor, new.actor.as_ref(), Some(&before), new.staff.as_ref());
                rights.require(Action::Manage, false, SubjectType::Course, course)?;
                if !rights.admin && self.s.rights_of() != Some(before.instructor_id) {
                    return Err(Error::Denied { action: Action::Manage });
                }
                if command.done || before.instructor_id == owner {
                    return Ok(Planned::nothing(before));
                }
                let person = new
                    .subject
                    .filter(|person| person.role != Role::Ai && person.erased_at.is_none())
                    .ok_or_else(|| Error::not_found(SubjectType::User, owner))?;
                let old = load(before.instructor_id).await?.ok_or_else(missing)?;
                let mut batch = courses::staffing(&before);
                batch.expect.push(Expect::Row { table: Table::Course, id: course.uuid(), version: before.version });
                batch.expect.push(Expect::Row { table: Table::User, id: owner.uuid(), version: person.version });
                let after = Course {
                    instructor_id: owner,
                    version: before.version + 1,
                    updated_at: command.now,
                    ..before.clone()
                };
                batch.put(after.clone());
                let after = Course { structure_version: before.structure_version + 1, ..after };
                let stays = old.subject_staff.as_ref().map(|staff| staff.role);
                let marked = [(owner, new.enrollment, true), (before.instructor_id, old.enrollment, stays.is_some())];
                for (person, enrollment, is_staff) in marked {
                    courses::mark_staff(&mut batch, course, person, enrollment, is_staff, command.now);
                }
                let instructor = stays == Some(StaffRole::Instructor);
                let told =
                    [(EventKind::StaffAdded, owner, true), (EventKind::StaffRemoved, before.instructor_id, instructor)];
                for (kind, who, instructor) in told {
                    let meta = serde_json::json!({ "instructor": instructor });
                    let mut event = command.event(kind, SubjectType::User, who).course(course).with(&meta);
                    event.student_id = Some(who);
                    batch.events.push(event);
                }
                Ok(Planned { batch, outcome: after })
            })
            .await
    }
}
