//! Who is in which course.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "conformance cases are tests")]

use std::sync::Arc;

use tokio::sync::Barrier;

use super::{Harness, RACERS};
use crate::lms::{EnrollOptions, NewCourse, NewUser, UpdateCourse};
use crate::model::table::Json;
use crate::model::{EnrollmentPolicy, EnrollmentStatus, EventKind, Role, UserId};
use crate::testing::Classroom;

async fn open(h: &Harness, room: &Classroom, capacity: Option<i64>) {
    let version = room.course().await.unwrap().version;
    let update = UpdateCourse {
        version,
        enrollment: Some(EnrollmentPolicy::Open),
        capacity: Some(capacity),
        ..UpdateCourse::default()
    };
    room.teacher().catalog().update_course(room.course, update).await.unwrap();
    let _ = h;
}

async fn person(h: &Harness, n: usize) -> UserId {
    let new = NewUser::new(Role::Student, format!("Person {n}")).with_external_id(format!("person-{n}"));
    h.lms.system().people().ensure_user(new).await.unwrap().id
}

/// rules: E2
pub async fn e2_enrolling_twice_is_one_enrollment(h: &Harness) {
    let room = h.classroom(1, 0).await;
    open(h, &room, None).await;
    let me = person(h, 0).await;
    let barrier = Arc::new(Barrier::new(RACERS));
    let mut races = Vec::new();
    for _ in 0..RACERS {
        let (session, barrier, course) = (h.lms.as_user(me), barrier.clone(), room.course);
        races.push(tokio::spawn(async move {
            barrier.wait().await;
            session.enrollment().enroll_self(course).await.unwrap().id
        }));
    }
    let mut ids = std::collections::BTreeSet::new();
    for race in races {
        ids.insert(race.await.unwrap());
    }
    assert_eq!(ids.len(), 1);
    assert_eq!(h.count(EventKind::Enrolled).await, 1);
}

/// rules: E3
pub async fn e3_the_last_seats_go_to_as_many(h: &Harness) {
    let room = h.classroom(1, 0).await;
    open(h, &room, Some(10)).await;
    let barrier = Arc::new(Barrier::new(RACERS));
    let mut races = Vec::new();
    for n in 0..RACERS {
        let (session, barrier, course) = (h.lms.as_user(person(h, n).await), barrier.clone(), room.course);
        races.push(tokio::spawn(async move {
            barrier.wait().await;
            session.enrollment().enroll_self(course).await.map_err(|e| e.code())
        }));
    }
    let (mut joined, mut full) = (Vec::new(), 0);
    for race in races {
        match race.await.unwrap() {
            Ok(enrollment) => joined.push(enrollment.student_id),
            Err(code) => {
                assert_eq!(code, "course.full");
                full += 1;
            }
        }
    }
    assert_eq!((joined.len(), full), (10, RACERS - 10));
    assert_eq!(room.course().await.unwrap().seats_taken, 10);
    // A seat that is given back is free for one.
    h.lms.as_user(joined[0]).enrollment().withdraw(room.course, joined[0]).await.unwrap();
    let late = h.lms.as_user(person(h, 99).await);
    late.enrollment().enroll_self(room.course).await.unwrap();
    let back = h.lms.as_user(joined[0]).enrollment().enroll_self(room.course).await.unwrap_err();
    assert_eq!(back.code(), "course.full");
    // Staff may exceed the limit by saying so; the system may not.
    let options = EnrollOptions { exceed_capacity: true, ..EnrollOptions::default() };
    let system = h.lms.system().enrollment().enroll(room.course, joined[0], options.clone()).await.unwrap_err();
    assert_eq!(system.code(), "course.full");
    room.teacher().enrollment().enroll(room.course, joined[0], options).await.unwrap();
    assert_eq!(room.course().await.unwrap().seats_taken, 11);
    assert!(h.lms.system().activity().audit(room.course).await.unwrap().is_empty());
}

/// rules: E4, E6
pub async fn e4_e6_who_may_join(h: &Harness) {
    let room = h.classroom(1, 0).await;
    let me = person(h, 0).await;
    let session = h.lms.as_user(me);
    assert_eq!(session.enrollment().enroll_self(room.course).await.unwrap_err().code(), "course.closed");
    let draft = room.teacher().catalog().create_course(NewCourse::titled("Draft")).await.unwrap();
    assert_eq!(session.enrollment().enroll_self(draft.id).await.unwrap_err().code(), "not_found");
    let system = h.lms.system();
    let early = system.enrollment().enroll(draft.id, me, EnrollOptions::default()).await.unwrap_err();
    assert_eq!(early.code(), "course.not_published");
    room.teacher().enrollment().enroll(draft.id, me, EnrollOptions::default()).await.unwrap();
    open(h, &room, None).await;
    room.teacher().catalog().archive_course(room.course, true).await.unwrap();
    assert_eq!(session.enrollment().enroll_self(room.course).await.unwrap_err().code(), "course.archived");
    room.teacher().catalog().archive_course(room.course, false).await.unwrap();
    session.enrollment().enroll_self(room.course).await.unwrap();
    let other = person(h, 1).await;
    assert!(session.enrollment().enroll(room.course, other, EnrollOptions::default()).await.is_err());
}

/// rules: E2, P4
pub async fn e2_withdrawing_keeps_everything(h: &Harness) {
    let room = h.classroom(2, 1).await;
    let (me, id) = (room.student(0), room.students[0]);
    me.learning().complete_lesson(room.lessons[0]).await.unwrap();
    me.enrollment().withdraw(room.course, id).await.unwrap();
    assert!(me.learning().complete_lesson(room.lessons[1]).await.is_err());
    let back = room.teacher().enrollment().enroll(room.course, id, EnrollOptions::default()).await.unwrap();
    assert_eq!((back.status, back.lessons_done), (EnrollmentStatus::Active, 1));
    room.teacher().enrollment().suspend(room.course, id).await.unwrap();
    let locked = me.learning().complete_lesson(room.lessons[1]).await.unwrap_err();
    assert_eq!(locked.code(), "locked");
    assert!(serde_json::to_string(&locked).unwrap().contains("suspended"));
    room.teacher().enrollment().reactivate(room.course, id).await.unwrap();
    assert!(me.learning().complete_lesson(room.lessons[1]).await.unwrap().just_completed);
}

/// Who is suspended does not get in again by leaving and joining; staff bring them back.
/// rules: E2, R1
pub async fn e2_r1_the_suspended_do_not_let_themselves_in(h: &Harness) {
    let room = h.classroom(1, 1).await;
    open(h, &room, None).await;
    let (me, id, teacher) = (room.student(0), room.students[0], room.teacher());
    teacher.enrollment().suspend(room.course, id).await.unwrap();
    let left = me.enrollment().withdraw(room.course, id).await.unwrap_err();
    assert_eq!(left.code(), "locked");
    assert!(serde_json::to_string(&left).unwrap().contains("suspended"));
    let joined = me.enrollment().enroll_self(room.course).await.unwrap();
    assert_eq!(joined.status, EnrollmentStatus::Suspended);
    assert!(me.learning().complete_lesson(room.lessons[0]).await.is_err());
    // Staff may take them out.
    let gone = teacher.enrollment().withdraw(room.course, id).await.unwrap();
    assert_eq!(gone.status, EnrollmentStatus::Withdrawn);
}

/// Who leaves and joins again by themselves has the dates that staff gave them.
/// rules: E2
pub async fn e2_coming_back_by_oneself_keeps_the_dates(h: &Harness) {
    let room = h.classroom(1, 0).await;
    open(h, &room, None).await;
    let me = person(h, 0).await;
    let ends = h.lms.now().plus_seconds(3_600);
    let options = EnrollOptions { ends_at: Some(ends), ..EnrollOptions::default() };
    room.teacher().enrollment().enroll(room.course, me, options).await.unwrap();
    let session = h.lms.as_user(me);
    session.enrollment().withdraw(room.course, me).await.unwrap();
    let back = session.enrollment().enroll_self(room.course).await.unwrap();
    assert_eq!((back.status, back.ends_at), (EnrollmentStatus::Active, Some(ends)));
    h.clock.advance(3_600);
    assert_eq!(session.learning().complete_lesson(room.lessons[0]).await.unwrap_err().code(), "locked");
    // Staff give other ones, and other data of the host's.
    session.enrollment().withdraw(room.course, me).await.unwrap();
    let metadata = Some(Json::of(&serde_json::json!({ "term": 2 })));
    let options = EnrollOptions { metadata: metadata.clone(), ..EnrollOptions::default() };
    let again = room.teacher().enrollment().enroll(room.course, me, options).await.unwrap();
    assert_eq!((again.ends_at, Some(again.metadata)), (None, metadata));
}

/// The order of somebody who is enrolled without one is kept: after they have left, its notice brings nobody back.
/// rules: E6
pub async fn e6_an_order_of_who_is_there_is_kept(h: &Harness) {
    let room = h.classroom(1, 2).await;
    let (system, id) = (h.lms.system(), room.students[0]);
    let order = |n: u32| EnrollOptions { external_ref: Some(format!("order-{n}")), ..EnrollOptions::default() };
    let kept = system.enrollment().enroll(room.course, id, order(7)).await.unwrap();
    assert_eq!(kept.external_ref.as_deref(), Some("order-7"));
    // One order is one person's here as well, and a second order does not take the first one's place.
    let taken = system.enrollment().enroll(room.course, room.students[1], order(7)).await.unwrap_err();
    assert_eq!(taken.code(), "external_id.taken");
    let second = system.enrollment().enroll(room.course, id, order(8)).await.unwrap();
    assert_eq!((second.external_ref, second.version), (kept.external_ref, kept.version));
    system.enrollment().enroll(room.course, id, order(7)).await.unwrap();
    room.teacher().enrollment().withdraw(room.course, id).await.unwrap();
    let late = system.enrollment().enroll(room.course, id, order(7)).await.unwrap();
    assert_eq!(late.status, EnrollmentStatus::Withdrawn);
    assert!(h.lms.system().activity().audit(room.course).await.unwrap().is_empty());
}

/// rules: E6
pub async fn e6_an_order_id_is_one_enrollment(h: &Harness) {
    let room = h.classroom(1, 0).await;
    let me = person(h, 0).await;
    let options = EnrollOptions { external_ref: Some("order-1".into()), ..EnrollOptions::default() };
    let first = h.lms.system().enrollment().enroll(room.course, me, options.clone()).await.unwrap();
    let again = h.lms.system().enrollment().enroll(room.course, me, options.clone()).await.unwrap();
    assert_eq!(first.id, again.id);
    assert_eq!(first.external_ref.as_deref(), Some("order-1"));
    assert_eq!(h.count(EventKind::Enrolled).await, 1);
    // A notice that comes again after the learner has left brings nobody back; another order does.
    room.teacher().enrollment().withdraw(room.course, me).await.unwrap();
    let late = h.lms.system().enrollment().enroll(room.course, me, options.clone()).await.unwrap();
    assert_eq!((late.id, late.status), (first.id, crate::model::EnrollmentStatus::Withdrawn));
    let next = EnrollOptions { external_ref: Some("order-2".into()), ..EnrollOptions::default() };
    let back = h.lms.system().enrollment().enroll(room.course, me, next).await.unwrap();
    assert_eq!((back.id, back.status), (first.id, crate::model::EnrollmentStatus::Active));
    // One order is one person's: it does not bring another one in, and says so at once.
    let options = EnrollOptions { external_ref: Some("order-2".into()), ..EnrollOptions::default() };
    let other = person(h, 1).await;
    let taken = h.lms.system().enrollment().enroll(room.course, other, options.clone()).await.unwrap_err();
    assert_eq!(taken.code(), "external_id.taken");
    // In another course it is another order.
    let course =
        room.teacher().catalog().copy_course(room.course, Default::default(), Default::default()).await.unwrap();
    room.teacher().enrollment().enroll(course.id, other, options).await.unwrap();
}

/// rules: E1
pub async fn e1_ensure_user_is_one_row(h: &Harness) {
    let mut races = Vec::new();
    for _ in 0..RACERS {
        let lms = h.lms.clone();
        races.push(tokio::spawn(async move {
            let new = NewUser::new(Role::Student, "One").with_external_id("one");
            lms.system().people().ensure_user(new).await.unwrap().id
        }));
    }
    let mut ids = std::collections::BTreeSet::new();
    for race in races {
        ids.insert(race.await.unwrap());
    }
    assert_eq!(ids.len(), 1);
    let me = h.lms.as_user(ids.into_iter().next().unwrap());
    let denied = me.people().ensure_user(NewUser::new(Role::Admin, "Me")).await.unwrap_err();
    assert_eq!(denied.code(), "denied");
    // Being a learner comes from an enrollment; a student's role creates no course.
    assert_eq!(me.catalog().create_course(NewCourse::titled("Mine")).await.unwrap_err().code(), "denied");
}

/// Unpublished is unpublished, also for who was there before; staff may let them in.
/// rules: E4, E2
pub async fn e4_nobody_comes_back_into_a_draft(h: &Harness) {
    let room = h.classroom(1, 1).await;
    open(h, &room, None).await;
    let (me, id) = (room.student(0), room.students[0]);
    me.enrollment().withdraw(room.course, id).await.unwrap();
    room.teacher().catalog().publish_course(room.course, false).await.unwrap();
    assert_eq!(me.enrollment().enroll_self(room.course).await.unwrap_err().code(), "course.not_published");
    let system = h.lms.system().enrollment().enroll(room.course, id, EnrollOptions::default()).await.unwrap_err();
    assert_eq!(system.code(), "course.not_published");
    room.teacher().enrollment().enroll(room.course, id, EnrollOptions::default()).await.unwrap();
}
