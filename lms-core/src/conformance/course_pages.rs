//! The page of a course for people who are not its staff: who may read it, what it shows, and what it says of joining.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "conformance cases are tests")]

use super::Harness;
use crate::error::Error;
use crate::lms::{CoursePage, EnrollOptions, NewCourse, NewLesson, NewUser, UpdateCourse};
use crate::model::{Actor, CourseId, EnrollmentPolicy, EnrollmentStatus, Role, StaffRole, UserId};
use crate::store::ById;
use crate::testing::Classroom;

async fn person(h: &Harness, name: &str) -> UserId {
    h.lms.system().people().ensure_user(NewUser::new(Role::Student, name)).await.unwrap().id
}

async fn set(room: &Classroom, enrollment: EnrollmentPolicy, capacity: Option<i64>) {
    let version = room.course().await.unwrap().version;
    let (enrollment, capacity) = (Some(enrollment), Some(capacity));
    let update = UpdateCourse { version, enrollment, capacity, ..UpdateCourse::default() };
    room.teacher().catalog().update_course(room.course, update).await.unwrap();
}

fn code<T>(outcome: &Result<T, Error>) -> &'static str {
    outcome.as_ref().map_or_else(Error::code, |_| "ok")
}

/// What the page says of joining, or why there is none; and what joining then says. Who has joined leaves again.
async fn asked(h: &Harness, course: CourseId, who: UserId) -> (&'static str, &'static str) {
    let me = h.lms.as_user(who);
    let page = me.learning().read_course(course).await;
    let said = page.as_ref().map_or_else(Error::code, |page| page.enroll_refused.as_ref().map_or("ok", Error::code));
    let was_in = page.is_ok_and(|page| page.own.is_some_and(|own| own.status != EnrollmentStatus::Withdrawn));
    let done = me.enrollment().enroll_self(course).await;
    if done.is_ok() && !was_in {
        me.enrollment().withdraw(course, who).await.unwrap();
    }
    (said, code(&done))
}

/// The page says beforehand what joining says, for whoever may read it; who may not know of the course reads none.
/// rules: E2, E3, E4, E6, L1, R1
pub async fn e6_a_page_says_what_joining_says(h: &Harness) {
    let room = h.classroom(1, 3).await;
    let (course, teacher) = (room.course, room.teacher());
    let (stranger, grader) = (person(h, "Stranger").await, person(h, "Grader").await);
    teacher.catalog().set_staff(course, grader, Some(StaffRole::Grader)).await.unwrap();
    let (learner, left, suspended) = (room.students[0], room.students[1], room.students[2]);
    h.lms.as_user(left).enrollment().withdraw(course, left).await.unwrap();
    teacher.enrollment().suspend(course, suspended).await.unwrap();
    // Of a closed course a stranger reads nothing, though joining says that it is closed.
    assert_eq!(asked(h, course, stranger).await, ("not_found", "course.closed"));
    for (who, said) in [(learner, "ok"), (left, "course.closed"), (suspended, "ok"), (grader, "course.closed")] {
        assert_eq!(asked(h, course, who).await, (said, said), "closed");
    }
    assert_eq!(asked(h, course, room.admin).await, ("ok", "ok"), "staff enroll whom they like");
    let everybody = [stranger, left, grader, room.admin];
    set(&room, EnrollmentPolicy::Open, None).await;
    for who in everybody {
        assert_eq!(asked(h, course, who).await, ("ok", "ok"), "open");
    }
    set(&room, EnrollmentPolicy::Open, Some(1)).await;
    for who in everybody {
        assert_eq!(asked(h, course, who).await, ("course.full", "course.full"), "full");
    }
    for who in [learner, suspended] {
        assert_eq!(asked(h, course, who).await, ("ok", "ok"), "who is in it needs no seat");
    }
    set(&room, EnrollmentPolicy::Open, None).await;
    teacher.catalog().archive_course(course, true).await.unwrap();
    for who in everybody {
        assert_eq!(asked(h, course, who).await, ("course.archived", "course.archived"), "archived");
    }
    assert_eq!(asked(h, course, learner).await, ("ok", "ok"));
    teacher.catalog().archive_course(course, false).await.unwrap();
    teacher.catalog().publish_course(course, false).await.unwrap();
    let unheard = person(h, "Unheard").await;
    assert_eq!(asked(h, course, unheard).await, ("not_found", "not_found"), "a draft");
    for (who, said) in [(left, "course.not_published"), (grader, "course.not_published"), (learner, "ok")] {
        assert_eq!(asked(h, course, who).await, (said, said), "not published");
    }
    assert_eq!(asked(h, course, room.admin).await, ("ok", "ok"), "staff may be early");
    teacher.catalog().archive_course(course, true).await.unwrap();
    assert_eq!(asked(h, course, unheard).await, ("not_found", "course.archived"), "a draft that is archived");
}

/// The page has what one wants to know before joining, nothing of what stands in the lessons, and one's own place.
/// rules: E2, E3, L2, D5, Q14, R1, X1
pub async fn e6_a_page_shows_what_may_be_known_before_joining(h: &Harness) {
    let room = h.classroom(2, 2).await;
    let (course, teacher, who) = (room.course, room.teacher(), room.students[0]);
    teacher.catalog().add_lesson(course, NewLesson::titled("A draft of a lesson")).await.unwrap();
    let update = UpdateCourse {
        version: room.course().await.unwrap().version,
        description: Some("All about it.".into()),
        thumbnail_url: Some(Some("https://school.example/how.png".into())),
        external_id: Some(Some("host-42".into())),
        ..UpdateCourse::default()
    };
    teacher.catalog().update_course(course, update).await.unwrap();
    set(&room, EnrollmentPolicy::Open, Some(5)).await;
    let stranger = h.lms.as_user(person(h, "Stranger").await);
    let written = h.events().await.len();
    let page = stranger.learning().read_course(course).await.unwrap();
    assert_eq!((page.id, page.title.as_str(), page.description.as_str()), (course, "How Things Work", "All about it."));
    assert_eq!(page.thumbnail_url.as_deref(), Some("https://school.example/how.png"));
    assert_eq!(page.instructor_name.as_deref(), Some("Ines Instructor"));
    assert_eq!((page.lessons, page.capacity, page.seats_left), (2, Some(5), Some(3)), "two of five are taken");
    assert_eq!((page.own.clone(), page.is_published, page.archived_at), (None, true, None));
    let codes = |page: &CoursePage| page.locks.iter().map(|lock| lock.code()).collect::<Vec<_>>();
    assert_eq!(codes(&page), ["not_enrolled"]);
    let json = serde_json::to_string(&page).unwrap();
    for hidden in ["A text to read.", "A draft of a lesson", "Lesson 1", "host-42", "metadata"] {
        assert!(!json.contains(hidden), "{hidden}: {json}");
    }
    assert_eq!(h.events().await.len(), written, "reading writes nothing");
    // One's own place, and why it cannot be used.
    room.student(0).learning().complete_lesson(room.lessons[0]).await.unwrap();
    let own = |who: UserId| async move { h.lms.as_user(who).learning().read_course(course).await.unwrap() };
    let page = own(who).await;
    let place = page.own.clone().unwrap();
    let standing = room.student(0).learning().standing(course, who).await.unwrap();
    assert_eq!((place.status, place.percent), (EnrollmentStatus::Active, standing.percent));
    assert_eq!(place.percent.unwrap().to_string(), "50.00");
    assert!(page.locks.is_empty());
    let ends = h.lms.now().plus_seconds(60);
    let dated = person(h, "Dated").await;
    let options = EnrollOptions { ends_at: Some(ends), ..EnrollOptions::default() };
    teacher.enrollment().enroll(course, dated, options).await.unwrap();
    h.clock.advance(60);
    let page = own(dated).await;
    assert_eq!((page.own.clone().unwrap().ends_at, codes(&page)), (Some(ends), vec!["ended"]));
    teacher.enrollment().suspend(course, who).await.unwrap();
    assert_eq!(codes(&own(who).await), ["suspended"]);
    assert_eq!(own(room.students[1]).await.seats_left, Some(3), "the suspended hold no seat");
    set(&room, EnrollmentPolicy::Open, Some(1)).await;
    assert_eq!(own(who).await.seats_left, Some(0), "never below none");
    teacher.catalog().publish_course(course, false).await.unwrap();
    assert_eq!(codes(&own(room.students[1]).await), ["not_published"]);
    // The host reads any page, and joins nothing; AI and the erased read none.
    let host = h.lms.system().learning().read_course(course).await.unwrap();
    assert_eq!(host.enroll_refused.as_ref().map(Error::code), Some("denied"));
    let refused = h.lms.system().enrollment().enroll_self(course).await;
    assert_eq!(code(&refused), "denied");
    let ai = h.lms.system().people().ensure_user(NewUser::new(Role::Ai, "Model")).await.unwrap().id;
    let log = super::atomicity::valid_log(h, "outline", uuid::Uuid::from_u128(77)).await;
    teacher.catalog().publish_course(course, true).await.unwrap();
    h.lms.as_user(room.admin).people().erase_person(room.instructor).await.unwrap();
    assert_eq!(own(who).await.instructor_name, None, "an erased owner has no name");
    let erased = h.lms.as_user(room.instructor);
    let by_ai = h.lms.act(Actor::Ai { user: ai, on_behalf_of: who, log_id: log.id });
    for session in [erased, h.lms.as_user(ai), by_ai] {
        assert_eq!(code(&session.learning().read_course(course).await), "not_found");
        assert_eq!(code(&session.learning().open_courses(ById::default()).await), "denied");
    }
}

/// The list has the courses that anybody may join, each as its own page says, page by page.
/// rules: E4, E6, L1, G8
pub async fn e6_the_open_courses_come_in_pages(h: &Harness) {
    let mut rooms = Vec::new();
    for n in 0..8 {
        let room = h.classroom(1 + n % 3, 1).await;
        set(&room, EnrollmentPolicy::Open, (n % 2 == 0).then_some(1)).await;
        rooms.push(room);
    }
    set(&rooms[1], EnrollmentPolicy::Closed, None).await;
    rooms[2].teacher().catalog().publish_course(rooms[2].course, false).await.unwrap();
    rooms[3].teacher().catalog().archive_course(rooms[3].course, true).await.unwrap();
    rooms[4].teacher().catalog().add_lesson(rooms[4].course, NewLesson::titled("Hidden")).await.unwrap();
    rooms[4].teacher().catalog().create_course(NewCourse::titled("A draft")).await.unwrap();
    let (me, joined) = (rooms[0].students[0], rooms[5].course);
    h.lms.as_user(me).enrollment().enroll_self(joined).await.unwrap();
    let mut expected: Vec<CourseId> = [0, 4, 5, 6, 7].map(|n: usize| rooms[n].course).into();
    expected.sort_unstable();
    for session in [h.lms.as_user(me), h.lms.as_user(rooms[0].admin), rooms[6].teacher(), h.lms.system()] {
        let mut listed = Vec::new();
        let mut page = ById { after: None, limit: 2 };
        loop {
            let found = session.learning().open_courses(page).await.unwrap();
            let Some(last) = found.last() else { break };
            assert!(found.len() <= 2);
            page.after = Some(last.id.uuid());
            listed.extend(found);
        }
        assert_eq!(listed.iter().map(|page| page.id).collect::<Vec<_>>(), expected);
        for listed in listed {
            let single = session.learning().read_course(listed.id).await.unwrap();
            assert_eq!(serde_json::to_value(&listed).unwrap(), serde_json::to_value(&single).unwrap());
        }
    }
    let mine = h.lms.as_user(me).learning().open_courses(ById::default()).await.unwrap();
    let own: Vec<CourseId> = mine.iter().filter(|page| page.own.is_some()).map(|page| page.id).collect();
    assert_eq!((own.len(), own.contains(&joined)), (2, true), "one's own say so");
    let full: Vec<_> = mine.iter().filter(|page| page.enroll_refused.is_some()).map(|page| page.id).collect();
    let mut expected = [4, 6].map(|n: usize| rooms[n].course);
    expected.sort_unstable();
    assert_eq!(full, expected);
}
