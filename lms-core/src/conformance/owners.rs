//! Whose a course is, and what it has of its own.
#![expect(clippy::unwrap_used, reason = "conformance cases are tests")]

use std::sync::Arc;

use tokio::sync::Barrier;

use super::{Harness, RACERS};
use crate::lms::{EnrollOptions, NewCourse, NewUser, UpdateCourse};
use crate::model::{EventKind, Role, StaffRole, UserId};

/// A course goes to another owner: by the one who has it, or by an admin where that one is gone.
/// rules: E5, R1, D5, V2
pub async fn e5_a_course_gets_another_owner(h: &Harness) {
    let room = h.classroom(1, 1).await;
    let (course, admin, learner) = (room.course, h.lms.as_user(room.admin), room.students.first().copied().unwrap());
    let person = |name: &'static str| {
        let people = h.lms.system();
        async move { people.people().ensure_user(NewUser::new(Role::Instructor, name)).await.unwrap().id }
    };
    let (next, beside) = (person("Next").await, person("Beside").await);
    room.teacher().catalog().set_staff(course, beside, Some(StaffRole::Instructor)).await.unwrap();
    for (other, code) in [(h.lms.as_user(beside), "denied"), (h.lms.system(), "not_found")] {
        assert_eq!(other.catalog().set_owner(course, beside).await.unwrap_err().code(), code);
    }
    let nobody = UserId::from_uuid(uuid::Uuid::from_u128(404));
    assert_eq!(admin.catalog().set_owner(course, nobody).await.unwrap_err().code(), "not_found");

    let added = h.count(EventKind::StaffAdded).await;
    for _ in 0..2 {
        let given = admin.catalog().set_owner(course, next).await.unwrap();
        assert_eq!(given.instructor_id, next);
    }
    assert_eq!(h.count(EventKind::StaffAdded).await, added + 1, "once per transition");
    assert_eq!(h.count(EventKind::StaffRemoved).await, 1);
    assert_eq!(room.teacher().catalog().course(course).await.unwrap_err().code(), "not_found");
    let owner = h.lms.as_user(next);
    let version = owner.catalog().course(course).await.unwrap().version;
    let update = UpdateCourse { version, title: Some("Taken over".into()), ..UpdateCourse::default() };
    owner.catalog().update_course(course, update).await.unwrap();

    // Somebody who learns in it is staff while it is theirs.
    let is_staff = || async { h.lms.system().enrollment().enrollment(course, learner).await.unwrap().is_staff };
    owner.catalog().set_owner(course, learner).await.unwrap();
    assert!(is_staff().await);
    h.lms.as_user(learner).catalog().set_owner(course, next).await.unwrap();
    assert!(!is_staff().await);
    assert!(h.lms.system().activity().audit(course).await.unwrap().is_empty());

    // Whose owner was erased is no orphan.
    admin.people().erase_person(next).await.unwrap();
    admin.catalog().set_owner(course, beside).await.unwrap();
    assert_eq!(admin.catalog().set_owner(course, next).await.unwrap_err().code(), "not_found");
    // Who has a place in the staff beside owning it keeps that.
    admin.catalog().set_owner(course, room.instructor).await.unwrap();
    assert_eq!(h.lms.as_user(beside).catalog().course(course).await.unwrap().instructor_id, room.instructor);
}

/// Somebody joins a course's staff, leaves it, gets the course or gives it away at the moment when they are enrolled in
/// it: whoever comes first, their enrollment says what they are.
/// rules: E5, M3
pub async fn e5_staff_are_enrolled_at_the_same_moment(h: &Harness) {
    let room = h.classroom(1, 0).await;
    let (course, admin) = (room.course, h.lms.as_user(room.admin));
    for round in 0..RACERS {
        let name = format!("Person {round}");
        let person = h.lms.system().people().ensure_user(NewUser::new(Role::Instructor, name)).await.unwrap().id;
        let (before, after) = [
            (Place::None, Place::Staff),
            (Place::Staff, Place::None),
            (Place::None, Place::Owner),
            (Place::Owner, Place::None),
        ]
        .get(round % 4)
        .copied()
        .unwrap();
        let put = |place: Place, from: Place| {
            let (admin, back) = (admin.clone(), room.instructor);
            async move {
                match (place, from) {
                    (Place::Owner, _) => admin.catalog().set_owner(course, person).await.map(drop),
                    (Place::None, Place::Owner) => admin.catalog().set_owner(course, back).await.map(drop),
                    (Place::Staff, _) => admin.catalog().set_staff(course, person, Some(StaffRole::Grader)).await,
                    (Place::None, _) => admin.catalog().set_staff(course, person, None).await,
                }
            }
        };
        put(before, Place::None).await.unwrap();
        let barrier = Arc::new(Barrier::new(2));
        let (enrolls, starts) = (admin.clone(), barrier.clone());
        let enrolled = tokio::spawn(async move {
            starts.wait().await;
            enrolls.enrollment().enroll(course, person, EnrollOptions::default()).await
        });
        let moves = put(after, before);
        let moved = tokio::spawn(async move {
            barrier.wait().await;
            moves.await
        });
        enrolled.await.unwrap().unwrap();
        moved.await.unwrap().unwrap();
        let stands = h.lms.system().enrollment().enrollment(course, person).await.unwrap();
        assert_eq!(stands.is_staff, after != Place::None, "round {round}: {before:?} to {after:?}");
    }
    let counted = h.lms.system().analytics().course_metrics(course).await.unwrap().completion.enrolled;
    assert_eq!(counted, i64::try_from(RACERS / 4 * 3).unwrap(), "all but the graders");
    assert!(h.lms.system().activity().audit(course).await.unwrap().is_empty());
}

/// Somebody's place in a course.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Place {
    None,
    Staff,
    Owner,
}

/// What a course may do without can be given, and taken away again.
/// rules: L5, L8
pub async fn l5_what_a_course_has_can_be_taken_away(h: &Harness) {
    let room = h.classroom(1, 0).await;
    let (teacher, course) = (room.teacher(), room.course);
    let set = |picture: Option<&str>, minutes: Option<i64>, external: Option<&str>| {
        let (teacher, room) = (room.teacher(), room.clone());
        let (picture, external) = (picture.map(str::to_owned), external.map(str::to_owned));
        async move {
            let update = UpdateCourse {
                version: room.course().await.unwrap().version,
                thumbnail_url: Some(picture),
                estimated_minutes: Some(minutes),
                external_id: Some(external),
                ..UpdateCourse::default()
            };
            let after = teacher.catalog().update_course(course, update).await?;
            Ok::<_, crate::Error>((after.thumbnail_url, after.estimated_minutes, after.external_id))
        }
    };
    let all = set(Some("https://example.org/a.png"), Some(90), Some("host-1")).await.unwrap();
    assert_eq!(all, (Some("https://example.org/a.png".to_owned()), Some(90), Some("host-1".to_owned())));
    let other = NewCourse { external_id: Some("host-2".into()), ..NewCourse::titled("Other") };
    teacher.catalog().create_course(other).await.unwrap();
    assert_eq!(set(None, None, Some("host-2")).await.unwrap_err().code(), "external_id.taken");
    assert_eq!(set(None, None, None).await.unwrap(), (None, None, None));
}
