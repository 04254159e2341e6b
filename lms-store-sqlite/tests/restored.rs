//! A backup that is put back under open subscriptions.
#![allow(clippy::expect_used, clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "these are tests")]

mod support;

use std::time::Duration;

use futures_util::StreamExt as _;
use lms_core::live::LiveStream;
use lms_core::store::EventFilter;
use lms_core::testing::Classroom;
use support::{World, number};

async fn next<T>(stream: &mut LiveStream<T>) -> Result<T, lms_core::Error> {
    tokio::time::timeout(Duration::from_secs(20), stream.next())
        .await
        .expect("within 20 s")
        .expect("the stream goes on")
}

/// The log as it was some events ago, as an older copy of the file holds it.
fn put_back(world: &World, to: i64) {
    let sql = format!(
        "BEGIN IMMEDIATE; DELETE FROM activity_events WHERE position > {to};
         UPDATE sqlite_sequence SET seq = {to} WHERE name = 'activity_events'; COMMIT"
    );
    world.sql().execute_batch(&sql).unwrap();
}

/// Nobody opens a subscription anew after a restore, so the open ones notice by themselves: where the log ends
/// before their place, and where it has grown past it with other events.
/// rules: V4
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn v4_an_open_stream_notices_an_older_backup() {
    for grows in [false, true] {
        let world = World::new().await;
        let room = Classroom::build(&world.lms, 3, 2).await.unwrap();
        let old = world.lms.settle().await.unwrap();
        let live = world.lms.live();
        let mut stream = live.events(&room.teacher(), EventFilter::default(), None).await.unwrap();
        room.student(0).learning().complete_lesson(room.lessons[0]).await.unwrap();
        assert_eq!(next(&mut stream).await.unwrap().event.position, old + 1);
        // A restore takes longer than it takes a stream to look around.
        tokio::time::sleep(Duration::from_secs(if grows { 4 } else { 0 })).await;
        put_back(&world, old);
        if grows {
            for lesson in &room.lessons {
                room.student(1).learning().complete_lesson(*lesson).await.unwrap();
            }
            assert!(number(&world.sql(), "SELECT max(position) FROM activity_events") > old + 1);
        }
        let code = loop {
            // What has grown in the place of what it read may come before it notices.
            if let Err(e) = next(&mut stream).await {
                break e.code();
            }
        };
        assert_eq!(code, "events.resync");
        assert!(stream.next().await.is_none(), "and ends");
    }
}

/// A state rests on no position: it is read anew from what holds now.
/// rules: V4, V5
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn v5_a_state_is_read_anew_after_a_restore() {
    let world = World::new().await;
    let room = Classroom::build(&world.lms, 2, 1).await.unwrap();
    let old = world.lms.settle().await.unwrap();
    room.student(0).learning().complete_lesson(room.lessons[0]).await.unwrap();
    let mut states = world.lms.live().learner_progress(&room.student(0), room.course, room.students[0]).await.unwrap();
    assert_eq!(next(&mut states).await.unwrap().lessons_done, 1);
    put_back(&world, old);
    assert_eq!(next(&mut states).await.unwrap().course_id, room.course, "without any event");
    room.student(0).learning().complete_lesson(room.lessons[1]).await.unwrap();
    assert_eq!(next(&mut states).await.unwrap().lessons_done, 2, "and it follows the log from there");
}

/// The same where the log that was put back has grown past the place with what does not concern the state: the
/// event that stood there is another one.
/// rules: V4, V5
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn v5_a_state_is_read_anew_where_the_log_has_grown_past_it() {
    let world = World::new().await;
    let room = Classroom::build(&world.lms, 3, 1).await.unwrap();
    let other = Classroom::build(&world.lms, 3, 1).await.unwrap();
    let old = world.lms.settle().await.unwrap();
    let (me, course, id) = (room.student(0), room.course, room.students[0]);
    me.learning().complete_lesson(room.lessons[0]).await.unwrap();
    let mut states = world.lms.live().learner_progress(&me, course, id).await.unwrap();
    assert_eq!(next(&mut states).await.unwrap().lessons_done, 1);
    me.learning().complete_lesson(room.lessons[1]).await.unwrap();
    assert_eq!(next(&mut states).await.unwrap().lessons_done, 2);
    let place = world.lms.settle().await.unwrap();
    put_back(&world, old);
    for lesson in &other.lessons {
        other.student(0).learning().complete_lesson(*lesson).await.unwrap();
    }
    assert!(number(&world.sql(), "SELECT max(position) FROM activity_events") > place);
    assert_eq!(next(&mut states).await.unwrap().course_id, course, "without any event of its own");
    me.learning().complete_lesson(room.lessons[2]).await.unwrap();
    assert_eq!(next(&mut states).await.unwrap().lessons_done, 3, "and it follows the log from there");
}

/// And where it has grown past the place with what another learner of the same course did: those events are read,
/// and do not concern the state.
/// rules: V4, V5
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn v5_a_state_is_read_anew_where_others_of_its_course_have_grown_the_log() {
    let world = World::new().await;
    let room = Classroom::build(&world.lms, 4, 2).await.unwrap();
    let old = world.lms.settle().await.unwrap();
    let (me, course, id) = (room.student(0), room.course, room.students[0]);
    let mut states = world.lms.live().learner_progress(&me, course, id).await.unwrap();
    assert_eq!(next(&mut states).await.unwrap().lessons_done, 0);
    me.learning().complete_lesson(room.lessons[0]).await.unwrap();
    assert_eq!(next(&mut states).await.unwrap().lessons_done, 1);
    let place = world.lms.settle().await.unwrap();
    // In one step, so that no look falls between the two.
    let sql = format!(
        "BEGIN IMMEDIATE;
         UPDATE activity_events SET id = randomblob(16), student_id = x'{}' WHERE position > {old};
         INSERT INTO activity_events SELECT position + {place}, randomblob(16), at, kind, actor_kind, actor_id,
                on_behalf_of, course_id, student_id, subject_type, subject_id, learner_initiated, metadata
             FROM activity_events WHERE position > {old};
         COMMIT",
        room.students[1].uuid().simple()
    );
    world.sql().execute_batch(&sql).unwrap();
    assert!(number(&world.sql(), "SELECT max(position) FROM activity_events") > place);
    assert_eq!(next(&mut states).await.unwrap().course_id, course, "without any event of its own");
}
