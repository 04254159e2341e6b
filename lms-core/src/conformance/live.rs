//! What a live subscriber receives: after it was away, of new courses, and while little happens.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "conformance cases are tests")]

use std::future::poll_fn;
use std::time::Duration;

use uuid::Uuid;

use super::Harness;
use super::atomicity::{draft, valid_log};
use super::events::{next, take};
use crate::live::{Cursor, LiveEvent, LiveItem, LiveStream};
use crate::lms::{
    AiOrigin, CopyDates, CopySource, CopyTarget, EnrollOptions, ImportOptions, NewAssignment, NewCourse, NewLesson,
    NewQuiz, NewTopic, NewUser, Session,
};
use crate::model::{CourseId, EventKind, Points, QuizId, Role, StaffRole, TopicId};
use crate::store::{EventFilter, Item, Siblings};

fn of(course: CourseId) -> EventFilter {
    EventFilter { course: Some(course), ..EventFilter::default() }
}

/// Whether a stream says nothing for a while.
async fn is_silent<T>(stream: &mut LiveStream<T>) -> bool {
    let one = poll_fn(|cx| stream.as_mut().poll_next(cx));
    tokio::time::timeout(Duration::from_millis(900), one).await.is_err()
}

/// Reads a stream to its first event of a kind.
async fn until(stream: &mut LiveStream<LiveEvent>, kind: EventKind) -> LiveEvent {
    loop {
        let event = next(stream).await.unwrap();
        if event.event.event.kind == kind {
            return event;
        }
    }
}

/// A right that was taken away and given back, or a role that changed, is history to who comes back with an
/// older cursor: the scope knows how it ended, and the stream goes on past it. What happens after the stream
/// was opened still ends it.
/// rules: V4, V7
pub async fn v7_what_was_taken_and_given_back_ends_no_stream_again(h: &Harness) {
    let room = h.classroom(2, 1).await;
    let (live, teacher, admin) = (h.lms.live(), room.teacher(), h.lms.as_user(room.admin));
    let people = h.lms.system();
    let co = people.people().ensure_user(NewUser::new(Role::Instructor, "Co")).await.unwrap().id;
    teacher.catalog().set_staff(room.course, co, Some(StaffRole::Instructor)).await.unwrap();
    let from = live.head().await.unwrap();

    // Away, all of them, while their rights went and came.
    teacher.enrollment().suspend(room.course, room.students[0]).await.unwrap();
    teacher.enrollment().reactivate(room.course, room.students[0]).await.unwrap();
    teacher.catalog().set_staff(room.course, co, None).await.unwrap();
    teacher.catalog().set_staff(room.course, co, Some(StaffRole::Instructor)).await.unwrap();
    admin.people().set_role(room.instructor, Role::Admin).await.unwrap();
    admin.people().set_role(room.instructor, Role::Instructor).await.unwrap();
    let resume =
        async |who: &Session, filter: &EventFilter| live.events(who, filter.clone(), Some(from.clone())).await.unwrap();
    let learner = room.student(0);
    let mut own = resume(&learner, &of(room.course)).await;
    let mut staff = resume(&h.lms.as_user(co), &of(room.course)).await;
    let mut wide = resume(&teacher, &EventFilter::default()).await;
    learner.learning().complete_lesson(room.lessons[0]).await.unwrap();
    for stream in [&mut own, &mut staff, &mut wide] {
        until(stream, EventKind::LessonCompleted).await;
    }
    // Nor does what was taken for good come back with the past: the scope is that of today.
    teacher.catalog().set_staff(room.course, co, None).await.unwrap();
    let gone = live.events(&h.lms.as_user(co), of(room.course), Some(from.clone())).await.err().unwrap();
    assert_eq!(gone.code(), "not_found");
    let mut after = resume(&h.lms.as_user(co), &EventFilter::default()).await;
    let kinds: Vec<_> = take(&mut after, 3).await.into_iter().map(|e| e.event.event.kind).collect();
    assert_eq!(kinds, [EventKind::StaffRemoved, EventKind::StaffAdded, EventKind::StaffRemoved], "their own alone");

    // What happens under the open streams does end them.
    assert_eq!(until_end(&mut staff).await, "events.denied");
    teacher.enrollment().suspend(room.course, room.students[0]).await.unwrap();
    assert_eq!(until_end(&mut own).await, "events.denied");
    admin.people().set_role(room.instructor, Role::Admin).await.unwrap();
    assert_eq!(until_end(&mut wide).await, "events.denied");
}

/// A learner who listens to all of their courses hears of one no more while they are suspended in it, and again
/// once they are back.
/// rules: V7
pub async fn v7_who_is_suspended_hears_of_the_course_no_more(h: &Harness) {
    let room = h.classroom(1, 1).await;
    let (teacher, who) = (room.teacher(), room.students[0]);
    let mut stream = h.lms.live().events(&room.student(0), EventFilter::default(), None).await.unwrap();
    room.add_lesson("Before").await.unwrap();
    teacher.enrollment().suspend(room.course, who).await.unwrap();
    room.add_lesson("Meanwhile").await.unwrap();
    teacher.enrollment().reactivate(room.course, who).await.unwrap();
    room.add_lesson("After").await.unwrap();
    let kinds: Vec<_> = take(&mut stream, 4).await.into_iter().map(|e| e.event.event.kind).collect();
    let heard = [EventKind::ContentChanged, EventKind::Suspended, EventKind::Reactivated, EventKind::ContentChanged];
    assert_eq!(kinds, heard);
}

async fn until_end(stream: &mut LiveStream<LiveEvent>) -> &'static str {
    loop {
        if let Err(e) = next(stream).await {
            return e.code();
        }
    }
}

/// An instructor who listens to all of their courses hears of one that is made afterwards, whichever way.
/// rules: V7
pub async fn v7_a_new_course_is_its_owners_at_once(h: &Harness) {
    let room = h.classroom(1, 0).await;
    let (live, teacher) = (h.lms.live(), room.teacher());
    let document = teacher.catalog().export_course(room.course).await.unwrap();
    let mut stream = live.events(&teacher, EventFilter::default(), None).await.unwrap();
    let other = h.lms.system().people().ensure_user(NewUser::new(Role::Instructor, "Other")).await.unwrap();
    let other = h.lms.as_user(other.id);
    let mut others = live.events(&other, EventFilter::default(), None).await.unwrap();

    let created = teacher.catalog().create_course(NewCourse::titled("Made")).await.unwrap().id;
    let copied =
        teacher.catalog().copy_course(room.course, CopyDates::Clear, ImportOptions::default()).await.unwrap().id;
    let imported = teacher.catalog().import_course(document, ImportOptions::default()).await.unwrap().id;
    let operation = Uuid::from_u128(700);
    let origin = AiOrigin { log_id: valid_log(h, "course", operation).await.id, operation_id: operation };
    let ai = super::assignments::by_ai(h, &room, origin.log_id).await;
    let applied = ai.catalog().apply_course(draft(), origin).await.unwrap().course_id;
    for (course, kind) in [
        (created, EventKind::ContentChanged),
        (copied, EventKind::ContentChanged),
        (imported, EventKind::ContentChanged),
        (applied, EventKind::AiGenerated),
    ] {
        let told = next(&mut stream).await.unwrap().event.event;
        assert_eq!((told.course_id, told.kind), (Some(course), kind));
    }
    // And of what happens in it.
    let learner = h.lms.system().people().ensure_user(NewUser::new(Role::Student, "L")).await.unwrap();
    for course in [created, copied, imported, applied] {
        teacher.enrollment().enroll(course, learner.id, EnrollOptions::default()).await.unwrap();
        let told = next(&mut stream).await.unwrap().event.event;
        assert_eq!((told.course_id, told.kind), (Some(course), EventKind::Enrolled));
    }
    // Nobody else hears of them but by their own.
    let theirs = other.catalog().create_course(NewCourse::titled("Theirs")).await.unwrap().id;
    assert_eq!(next(&mut others).await.unwrap().event.event.course_id, Some(theirs));
    assert!(is_silent(&mut stream).await);
    // An administrator makes one for somebody.
    let named = NewCourse { instructor_id: Some(room.instructor), ..NewCourse::titled("For Ines") };
    let named = h.lms.as_user(room.admin).catalog().create_course(named).await.unwrap().id;
    assert_eq!(next(&mut stream).await.unwrap().event.event.course_id, Some(named));
}

/// A subscriber to whom little happens learns how far the log was read for them, and resumes from there.
/// rules: V7
pub async fn v7_a_quiet_stream_gets_on(h: &Harness) {
    let room = h.classroom(3, 3).await;
    let (live, me) = (h.lms.live(), room.student(0));
    let mut items = live.follow(&me, of(room.course), None).await.unwrap();
    let rare = EventFilter { kinds: vec![EventKind::CertificateRevoked], ..EventFilter::default() };
    let mut rarely = live.follow(&h.lms.system(), rare, None).await.unwrap();
    let before = live.head().await.unwrap();
    for n in [1, 2] {
        for lesson in &room.lessons {
            room.student(n).learning().complete_lesson(*lesson).await.unwrap();
        }
    }
    let head = h.lms.settle().await.unwrap();
    for stream in [&mut items, &mut rarely] {
        let mut places = Vec::new();
        loop {
            let LiveItem::Reached(place) = next(stream).await.unwrap() else { unreachable!("nothing of theirs") };
            assert_eq!(place.cursor.to_string().split('.').nth(1), Some(place.scanned_to.to_string().as_str()));
            places.push(place);
            if places.last().unwrap().scanned_to == head {
                break;
            }
        }
        assert!(places.windows(2).all(|pair| pair[0].scanned_to < pair[1].scanned_to), "each is news");
        assert!(places.len() <= 6, "{} places for {head} events", places.len());
        assert!(is_silent(stream).await, "a place is told once");
        let last = places.pop().unwrap().cursor;
        assert_eq!(last, live.head().await.unwrap(), "the next time it reads from there");
        assert_ne!(last, before);
    }
    // An event comes as an event; the same subscriber from the last place and from the beginning miss nothing.
    let from: Cursor = live.head().await.unwrap().to_string().parse().unwrap();
    me.learning().complete_lesson(room.lessons[0]).await.unwrap();
    let LiveItem::Event(first) = next(&mut items).await.unwrap() else { unreachable!("an event of theirs") };
    assert_eq!(first.event.event.kind, EventKind::LessonCompleted);
    let mut again = live.events(&me, of(room.course), Some(from)).await.unwrap();
    assert_eq!(next(&mut again).await.unwrap().event, first.event);
    let mut all = live.events(&me, of(room.course), Some(before)).await.unwrap();
    assert_eq!(next(&mut all).await.unwrap().event, first.event, "without places between");
}

/// Learners hear of changes to what they see, before or afterwards, and of nothing else: no id of a draft
/// reaches them.
/// rules: V7
pub async fn v7_learners_hear_of_what_they_see_and_of_nothing_else(h: &Harness) {
    let room = h.classroom(3, 1).await;
    let (teacher, course, [first, second, third]) = (room.teacher(), room.course, [0, 1, 2].map(|n| room.lessons[n]));
    let mut stream = h.lms.live().events(&room.student(0), of(course), None).await.unwrap();
    let catalog = teacher.catalog();
    let mut heard: Vec<(&str, Uuid)> = Vec::new();
    let version = async || room.course().await.unwrap().structure_version;
    let delete = async |item: Item| catalog.delete(&catalog.plan_delete(item).await.unwrap()).await.unwrap();

    // A draft of a lesson with everything in it comes and goes.
    let draft = catalog.add_lesson(course, NewLesson::titled("Draft")).await.unwrap().id;
    let topics = [catalog.add_topic(draft, NewTopic::text("A", "A")).await.unwrap().id.uuid(), {
        catalog.copy_into(CopySource::Topic(room.topics[0]), CopyTarget::Lesson(draft), None).await.unwrap()
    }];
    catalog.require_lesson(draft, first, true).await.unwrap();
    let [a, b] = topics;
    catalog.reorder(Siblings::Topics(draft), vec![b, a], version().await).await.unwrap();
    catalog.delete_topic(TopicId::from_uuid(a)).await.unwrap();
    delete(Item::Lesson(draft)).await;
    // In a lesson that is shown, a quiz and an assignment that are not.
    let quiz = catalog.add_quiz(first, NewQuiz::titled("Draft")).await.unwrap().id;
    let new = NewAssignment::new("Draft", Points::whole(1).unwrap());
    let assignment = catalog.add_assignment(first, new.clone()).await.unwrap().id;
    catalog.copy_into(CopySource::Quiz(quiz), CopyTarget::Lesson(first), None).await.unwrap();
    delete(Item::Quiz(quiz)).await;
    delete(Item::Assignment(assignment)).await;

    // What is shown, and what was.
    catalog.require_lesson(second, first, true).await.unwrap();
    heard.push(("requires", second.uuid()));
    let topic = catalog.copy_into(CopySource::Topic(room.topics[0]), CopyTarget::Lesson(first), None).await.unwrap();
    heard.push(("copied", topic));
    catalog.reorder(Siblings::Topics(first), vec![topic, room.topics[0].uuid()], version().await).await.unwrap();
    heard.push(("reordered", first.uuid()));
    catalog.delete_topic(TopicId::from_uuid(topic)).await.unwrap();
    heard.push(("deleted", topic));
    let quiz = room.add_quiz(first, 1, crate::lms::QuizRules::default()).await.unwrap().id.uuid();
    heard.push(("created", quiz));
    delete(Item::Quiz(QuizId::from_uuid(quiz))).await;
    heard.push(("deleted", quiz));
    let new = NewAssignment { is_published: true, ..new };
    let assignment = catalog.add_assignment(first, new).await.unwrap().id;
    heard.push(("created", assignment.uuid()));
    delete(Item::Assignment(assignment)).await;
    heard.push(("deleted", assignment.uuid()));
    let order = [third, second, first].map(|lesson| lesson.uuid()).to_vec();
    catalog.reorder(Siblings::Lessons(course), order, version().await).await.unwrap();
    heard.push(("reordered", course.uuid()));
    delete(Item::Lesson(third)).await;
    heard.push(("deleted", third.uuid()));
    catalog.publish_course(course, false).await.unwrap();
    heard.push(("unpublished", course.uuid()));
    // Nothing is shown now.
    catalog.require_lesson(second, first, false).await.unwrap();
    catalog.publish_course(course, true).await.unwrap();
    heard.push(("published", course.uuid()));

    for (word, id) in heard {
        let told = next(&mut stream).await.unwrap().event.event;
        assert_eq!((told.kind, told.subject_id), (EventKind::ContentChanged, id), "{word}");
        let meta: serde_json::Value = told.metadata.read().unwrap();
        assert_eq!(meta["action"], word);
        // Of a deletion, content alone is counted.
        for of_people in ["enrollments", "progress", "attempts", "submissions", "certificates"] {
            assert!(meta["counts"].is_null() || meta["counts"][of_people] == 0, "{meta}");
        }
    }
    assert!(is_silent(&mut stream).await);
}

/// A learner's page is read anew for their own events and the course's, not for those of every other learner.
/// rules: V5
pub async fn v5_a_learners_page_is_read_for_their_own_events(h: &Harness) {
    let room = h.classroom(2, 2).await;
    let (me, other) = (room.student(0), room.student(1));
    // What made the course has its positions before.
    h.lms.settle().await.unwrap();
    let mut states = h.lms.live().learner_progress(&me, room.course, room.students[0]).await.unwrap();
    assert_eq!(next(&mut states).await.unwrap().lessons_done, 0);
    other.learning().complete_lesson(room.lessons[0]).await.unwrap();
    other.learning().complete_lesson(room.lessons[1]).await.unwrap();
    h.lms.settle().await.unwrap();
    assert!(is_silent(&mut states).await, "another's");
    me.learning().complete_lesson(room.lessons[0]).await.unwrap();
    h.lms.settle().await.unwrap();
    assert_eq!(next(&mut states).await.unwrap().lessons_done, 1);
    room.add_lesson("One more").await.unwrap();
    h.lms.settle().await.unwrap();
    assert_eq!(next(&mut states).await.unwrap().lessons.len(), 3, "what is new for everyone");
}
