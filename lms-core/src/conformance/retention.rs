//! Events that are no longer kept (V4).
#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "conformance cases are tests")]

use std::sync::Arc;
use std::time::Duration;

use uuid::Uuid;

use super::Harness;
use super::cancel::{Polls, dropped_after};
use super::events::{next, take};
use super::specimen;
use crate::Lms;
use crate::error::{Error, Refusal};
use crate::live::LiveStream;
use crate::lms::{ConsumerPlace, EnrollOptions, HostEvent, NewCourse, Outline, RosterFilter, Tick, XapiOptions};
use crate::model::{CourseId, Event, EventKind, Id, NewEvent};
use crate::store::{ById, EventFilter, LogEnds, WriteBatch};

const DAY: i64 = 86_400;

/// So many events of the host's own, in one batch.
async fn tell(h: &Harness, count: usize) -> Vec<NewEvent> {
    let events: Vec<_> = (0..count).map(|_| NewEvent { at: h.lms.now(), ..specimen::event(h) }).collect();
    h.store.write(Arc::new(WriteBatch { events: events.clone(), ..WriteBatch::default() })).await.unwrap();
    h.lms.settle().await.unwrap();
    events
}

async fn ends(h: &Harness) -> LogEnds {
    h.store.ends().await.unwrap()
}

fn refused<T>(result: Result<T, Error>) -> Refusal {
    match result.map(|_| ()).unwrap_err() {
        Error::Refused(refusal) => refusal,
        other => panic!("{other}"),
    }
}

/// What is kept is dense from the oldest to the head, and nothing below is found any more.
async fn is_whole(h: &Harness, before: &[Event]) -> LogEnds {
    let ends = ends(h).await;
    let kept = h.events().await;
    let positions: Vec<_> = kept.iter().map(|e| e.position).collect();
    assert_eq!(positions, (ends.oldest..=ends.head).collect::<Vec<_>>());
    for event in before {
        let there = event.position >= ends.oldest;
        assert_eq!(h.store.event_at(event.position).await.unwrap().as_ref(), there.then_some(event));
        assert_eq!(h.store.event(event.event.id).await.unwrap().as_ref(), there.then_some(event));
    }
    let latest = before.iter().filter(|e| e.position < ends.oldest).map(|e| e.event.at).max();
    assert_eq!(ends.gone_until, latest, "the latest of those that went");
    ends
}

/// The oldest go, chunk by chunk, up to the first that is young enough; the others keep their places, and so
/// does the head, also when nothing is left.
/// rules: V4
pub async fn v4_what_is_older_goes_and_the_rest_keeps_its_place(h: &Harness) {
    assert_eq!((ends(h).await.oldest, ends(h).await.gone_until), (1, None));
    assert_eq!(h.store.trim(h.lms.now(), 10).await.unwrap(), 0, "an empty log");
    tell(h, 5).await;
    h.clock.advance(10 * DAY);
    let cut = h.lms.now();
    tell(h, 3).await;
    h.clock.advance(-DAY);
    // One that is older by its own account, behind younger ones: it stays with them.
    tell(h, 1).await;
    h.clock.advance(2 * DAY);
    tell(h, 2).await;
    let all = h.events().await;
    assert_eq!(all.len(), 11);
    let from_before = h.lms.system().activity().events(EventFilter::default(), -1, 100).await;
    assert_eq!(from_before.unwrap(), all, "nothing has gone yet");
    assert_eq!(h.store.trim(all[0].event.at, 10).await.unwrap(), 0, "exactly as old is kept");
    for gone in [2, 2, 1, 0] {
        assert_eq!(h.store.trim(cut, 2).await.unwrap(), gone);
        is_whole(h, &all).await;
    }
    assert_eq!(is_whole(h, &all).await.oldest, 6);
    for filter in [
        EventFilter { course: Some(specimen::course()), ..EventFilter::default() },
        EventFilter { student: Some(specimen::student()), ..EventFilter::default() },
        EventFilter { kinds: vec![EventKind::Other("specimen.event".into())], ..EventFilter::default() },
    ] {
        assert_eq!(h.store.events(0, &filter, 100).await.unwrap(), all[5..], "{filter:?}");
        assert_eq!(h.store.events(7, &filter, 1).await.unwrap(), all[7..8], "{filter:?}");
    }
    h.clock.advance(30 * DAY);
    assert_eq!(h.store.trim(h.lms.now(), 100).await.unwrap(), 6);
    let end = is_whole(h, &all).await;
    assert_eq!((end.oldest, end.head), (12, 11), "nothing is left");
    assert!(h.lms.live().head().await.unwrap().to_string().contains(".11."));
    tell(h, 1).await;
    assert_eq!(h.events().await[0].position, 12, "no position is used twice");
}

/// Cut at every await, deleting leaves the log whole, and goes on with the next call.
/// rules: V4
pub async fn v4_deleting_is_whole_wherever_it_is_cut(h: &Harness) {
    let mut polls = Polls::new();
    while let Some(n) = polls.next() {
        tell(h, 4).await;
        h.clock.advance(DAY);
        let before = h.events().await;
        polls.saw(dropped_after(n, h.store.trim(h.lms.now(), 3)).await.is_some());
        // What the dropped future began may still come to its end: then the next ones find less.
        let whole = async || {
            let ends = ends(h).await;
            assert!([0, 3].contains(&(ends.oldest - before[0].position)), "three or none");
        };
        whole().await;
        while h.store.trim(h.lms.now(), 3).await.unwrap() > 0 {}
        let left = ends(h).await;
        assert_eq!((left.oldest, left.gone_until), (left.head + 1, Some(before[0].event.at)));
    }
}

/// A place from which something is gone is refused with the oldest position kept: to subscribers when they
/// come back and while they lag, to readers of pages and to exports. From there on nothing is missing.
/// rules: V4
pub async fn v4_a_place_below_what_is_kept_is_gone(h: &Harness) {
    let (system, live) = (h.lms.system(), h.lms.live());
    tell(h, 1).await;
    let early = live.head().await.unwrap();
    tell(h, 3).await;
    let late = live.head().await.unwrap();
    h.clock.advance(DAY);
    // Behind by more than a subscriber's channel holds.
    let everything = EventFilter::default();
    let filter = EventFilter { kinds: vec![EventKind::Other("specimen.event".into())], ..everything.clone() };
    let mut slow = live.events(&system, everything.clone(), Some(late.clone())).await.unwrap();
    let mut filtered = live.events(&system, filter, Some(late.clone())).await.unwrap();
    tell(h, 1_800).await;
    tokio::time::sleep(Duration::from_millis(700)).await;
    assert_eq!(h.store.trim(h.lms.now(), 2_000).await.unwrap(), 4);
    let gone = Refusal::Gone { oldest: 5 };
    let come_back = live.events(&system, everything.clone(), Some(early)).await;
    assert_eq!(refused(come_back), gone);
    assert_eq!(refused(system.activity().events(everything.clone(), 3, 10).await), gone);
    assert_eq!(refused(system.activity().events(everything.clone(), 0, 10).await), gone);
    let options = XapiOptions::new("https://school.example");
    assert_eq!(refused(system.activity().export_xapi(&options, everything.clone(), 0, 10).await), gone);
    assert_eq!(system.activity().events(everything.clone(), 4, 1).await.unwrap()[0].position, 5);
    // Right below the oldest that is kept nothing is missing.
    let mut whole = live.events(&system, everything.clone(), Some(late)).await.unwrap();
    assert_eq!(take(&mut whole, 1).await[0].event.position, 5);

    h.clock.advance(DAY);
    assert_eq!(h.store.trim(h.lms.now(), 2_000).await.unwrap(), 1_800);
    tell(h, 1).await;
    for stream in [&mut slow, &mut filtered] {
        let mut last = 4;
        let code = loop {
            match next(stream).await {
                Ok(event) => {
                    assert_eq!(event.event.position, last + 1, "never past a gap");
                    last = event.event.position;
                }
                Err(e) => break e.code(),
            }
        };
        assert_eq!(code, "events.gone", "after {last}");
    }
}

/// A state whose place in the log is no longer kept is read anew and sent: what happened beyond the gap shows in
/// it, though nobody can read the events of it any more. So is one whose course was quiet meanwhile, and both go on.
/// rules: V4, V5
pub async fn v5_a_state_whose_place_is_gone_is_read_anew(h: &Harness) {
    let room = h.classroom(3, 1).await;
    let (me, id) = (room.student(0), room.students[0]);
    let quiet = h.classroom(1, 1).await;
    // What the classrooms are made of has its places, and asks for no look of its own.
    h.lms.settle().await.unwrap();
    // Its reader is held up by a subscriber who does not take what it has to give.
    let mut held = h.lms.live().learner_progress(&me, room.course, id).await.unwrap();
    let mut silent = h.lms.live().course_metrics(&quiet.teacher(), quiet.course).await.unwrap();
    assert_eq!(next(&mut silent).await.unwrap().completion.completed, 0);
    me.learning().complete_lesson(room.lessons[0]).await.unwrap();
    tokio::time::sleep(Duration::from_millis(700)).await;
    me.learning().complete_lesson(room.lessons[1]).await.unwrap();
    h.lms.settle().await.unwrap();
    h.clock.advance(DAY);
    while h.store.trim(h.lms.now(), 2_000).await.unwrap() > 0 {}
    let left = ends(h).await;
    assert_eq!(left.oldest, left.head + 1, "no event tells of it any more");
    let done = async |held: &mut LiveStream<Outline>, count: i64| {
        while next(held).await.unwrap().lessons_done != count {}
    };
    done(&mut held, 2).await;
    assert_eq!(next(&mut silent).await.unwrap().completion.completed, 0, "it is told, and nothing has changed");
    // From there on they follow the events as before.
    me.learning().complete_lesson(room.lessons[2]).await.unwrap();
    quiet.student(0).learning().complete_lesson(quiet.lessons[0]).await.unwrap();
    done(&mut held, 3).await;
    while next(&mut silent).await.unwrap().completion.completed != 1 {}
}

/// What a consumer has yet to handle is kept, whether it runs or not; one that finds its work in rows holds
/// nothing up. health() names the slowest, and one that runs no longer can be forgotten.
/// rules: V4, V6
pub async fn v4_nothing_goes_that_a_consumer_has_yet_to_handle(h: &Harness) {
    let health = async || h.lms.health().await.unwrap();
    let all = EventFilter::default();
    tell(h, 6).await;
    let of_rows = h.lms.lease("rows").await.unwrap().unwrap();
    let reader = h.lms.lease("reader").await.unwrap().unwrap();
    assert_eq!((reader.position(), health().await.slowest), (0, None));
    assert_eq!(reader.events(&all, 2).await.unwrap().len(), 2);
    assert_eq!(health().await.slowest.as_deref(), Some("reader"), "from its first look on");
    h.clock.advance(DAY);
    let now = h.lms.now();
    assert_eq!(h.store.trim(now, 10).await.unwrap(), 0);
    reader.write(WriteBatch::default(), 2).await.unwrap();
    assert_eq!(h.store.trim(now, 1).await.unwrap(), 1, "no more than was asked");
    assert_eq!(h.store.trim(now, 10).await.unwrap(), 1);
    assert!(!h.lms.forget_consumer("nobody").await.unwrap());
    let reader = h.lms.lease("reader").await.unwrap().unwrap();
    assert!(!h.lms.forget_consumer("reader").await.unwrap(), "it runs");
    reader.write(WriteBatch::default(), 3).await.unwrap();
    reader.release().await.unwrap();
    of_rows.release().await.unwrap();
    assert_eq!(h.store.trim(now, 10).await.unwrap(), 1, "nobody runs it now, and its place holds");
    let standing = health().await;
    assert_eq!((standing.oldest, standing.head, standing.slowest.as_deref()), (4, 6, Some("reader")));
    let place = |name: &str, position| ConsumerPlace { name: name.to_owned(), position };
    assert_eq!(standing.consumers, [place("reader", Some(3)), place("rows", None)]);
    let json = serde_json::to_value(&standing.consumers).unwrap();
    assert_eq!(json[0], serde_json::json!({ "name": "reader", "position": 3 }));

    // One that is new begins with what is kept.
    let second = h.lms.lease("second").await.unwrap().unwrap();
    assert_eq!(second.events(&all, 1).await.unwrap()[0].position, 4);
    assert_eq!(second.position(), 3);
    second.write(WriteBatch::default(), 6).await.unwrap();
    let late = h.lms.lease("reader").await.unwrap().unwrap();
    h.clock.advance(31);
    assert!(h.lms.forget_consumer("reader").await.unwrap(), "a lease that is over holds nothing");
    assert_eq!(h.store.trim(now, 10).await.unwrap(), 3);
    assert_eq!(refused(late.events(&all, 1).await), Refusal::Gone { oldest: 7 });
    assert_eq!(refused(late.write(WriteBatch::default(), 6).await), Refusal::LeaseLost {});
    assert_eq!(health().await.slowest, None, "nobody is behind");
    assert!(!late.renew().await.unwrap(), "what is forgotten is not renewed");
    assert_eq!(refused(late.write(WriteBatch::default(), 6).await), Refusal::LeaseLost {});

    // One that lost what it had yet to handle keeps nothing more, until it goes on with what there is.
    let behind = h.lms.lease("behind").await.unwrap().unwrap();
    behind.write(WriteBatch::default(), 0).await.unwrap();
    tell(h, 2).await;
    second.write(WriteBatch::default(), 8).await.unwrap();
    h.clock.advance(DAY);
    assert_eq!(h.store.trim(h.lms.now(), 1).await.unwrap(), 1);
    let behind = h.lms.lease("behind").await.unwrap().unwrap();
    assert_eq!(refused(behind.events(&all, 1).await), Refusal::Gone { oldest: 8 });
    behind.write(WriteBatch::default(), 7).await.unwrap();
    assert_eq!(behind.events(&all, 1).await.unwrap()[0].position, 8);
    assert_eq!(h.store.trim(h.lms.now(), 10).await.unwrap(), 0, "which is kept for it now");
}

/// A round deletes what is older than the days that are kept; without the setting nothing goes. What looks
/// back further is refused, and what rests on a command's id knows it for as long.
/// rules: V4, M3
pub async fn v4_a_round_deletes_what_is_older_than_is_kept(h: &Harness) {
    let room = h.classroom(2, 2).await;
    let keeping = Lms::over(h.store.clone()).clock(h.clock.clone()).keep_events(7).build();
    let host = keeping.system();
    let once = |id: u128| keeping.system().with_command_id(Uuid::from_u128(id));
    let told = HostEvent {
        kind: "acme.paid".to_owned(),
        course_id: room.course,
        student_id: None,
        learner_initiated: false,
        metadata: None,
    };
    let enroll = async || {
        let person = room.admin;
        once(1).enrollment().enroll(room.course, person, EnrollOptions::default()).await.map(|e| e.id)
    };
    let record = async || once(2).activity().record(told.clone()).await.unwrap();
    let create = async || {
        keeping
            .as_user(room.instructor)
            .with_command_id(Uuid::from_u128(3))
            .catalog()
            .create_course(NewCourse::titled("Two"))
            .await
    };
    let paid = EventKind::Other("acme.paid".into());
    let (enrolled, course): (_, CourseId) = (enroll().await.unwrap(), create().await.unwrap().id);
    record().await;
    record().await;
    assert_eq!(h.count(paid.clone()).await, 1, "once while it is known");
    room.student(0).learning().complete_lesson(room.lessons[0]).await.unwrap();
    h.clock.advance(7 * DAY);
    room.student(1).learning().complete_lesson(room.lessons[0]).await.unwrap();
    assert_eq!(keeping.tick().await.unwrap(), Tick::default(), "seven days and no more");
    h.clock.advance(1);
    assert_eq!(h.lms.tick().await.unwrap(), Tick::default(), "kept for good unless set");
    let all = h.events().await;
    let round = keeping.tick().await.unwrap();
    let left = is_whole(h, &all).await;
    assert_eq!(i64::try_from(round.trimmed).unwrap(), left.oldest - 1);
    assert!(h.events().await.iter().all(|e| e.event.student_id == Some(room.students[1])));
    assert_eq!(keeping.tick().await.unwrap(), Tick::default());

    // The last 24 hours are whole, and so is what is kept; a longer window says since when.
    let active = async |hours| host.analytics().active_students(Some(room.course), hours).await;
    assert_eq!(active(24).await.unwrap(), 1);
    assert_eq!(active(7 * 24).await.unwrap(), 1);
    let kept_since = left.gone_until.unwrap();
    assert_eq!(refused(active(7 * 24 + 1).await), Refusal::WindowGone { kept_since });
    assert_eq!(host.analytics().course_metrics(room.course).await.unwrap().active_24h, 1);
    let page = ById::default();
    let roster = host.overview().roster(room.course, RosterFilter::default(), page).await.unwrap();
    let seen = |n: usize| roster.rows.iter().find(|row| row.student_id == room.students[n]).unwrap().last_activity;
    assert_eq!((seen(0), seen(1).is_some()), (None, true), "the last activity that is kept");

    let inactive = async |since| {
        let filter = RosterFilter { inactive_since: Some(since), ..RosterFilter::default() };
        host.overview().roster(room.course, filter, page).await
    };
    assert_eq!(refused(inactive(kept_since).await), Refusal::WindowGone { kept_since });
    let quiet = inactive(kept_since.plus_micros(1)).await.unwrap();
    assert!(quiet.rows.iter().all(|row| row.student_id != room.students[1]) && quiet.rows.len() == 2);

    // A command's id is forgotten with its event.
    assert_eq!(enroll().await.unwrap(), enrolled, "found by what it wrote");
    assert_eq!(create().await.unwrap_err().code(), "store.duplicate", "never made twice");
    assert_eq!(keeping.as_user(room.instructor).catalog().course(course).await.unwrap().title, "Two");
    record().await;
    assert_eq!(h.count(paid).await, 1, "told again");
    assert_eq!(h.events().await.last().unwrap().event.id, Id::from_uuid(Uuid::from_u128(2)));
}
