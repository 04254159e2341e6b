//! The event log under writers whose transactions are of very different length.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "conformance cases are tests")]

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use uuid::Uuid;

use super::specimen::{event, row, with, world};
use super::{Harness, RACERS};
use crate::model::table::Value;
use crate::model::{Event, EventId, NewEvent};
use crate::store::{Change, EventFilter, Store, Table, WriteBatch};

/// How many rows the batches of a writer have, in turn: from none to a long transaction.
const LENGTHS: [u128; 6] = [0, 300, 1, 40, 3, 0];
/// How many readers follow the log meanwhile.
const FOLLOWERS: usize = 3;
/// How many events a follower takes at once.
const PAGE: u32 = 50;

/// A batch as its writer saw it: when it began, when it was confirmed, and its events.
struct Written {
    writer: usize,
    began: u64,
    confirmed: u64,
    events: Vec<EventId>,
}

fn batch(writer: usize, turn: usize, events: Vec<NewEvent>) -> WriteBatch {
    let rows = LENGTHS[(writer + turn) % LENGTHS.len()];
    let user = row(Table::User);
    let changes = (0..rows)
        .map(|n| {
            let id = ((writer as u128 + 1) << 64) | ((turn as u128) << 32) | n;
            Change::Insert(with(
                &user,
                &[("id", Value::Uuid(Uuid::from_u128(id))), ("email", Value::Null), ("external_id", Value::Null)],
            ))
        })
        .collect();
    WriteBatch { changes, events, ..WriteBatch::default() }
}

/// Follows the log from its beginning until it has seen so many events.
async fn follow(store: Arc<dyn Store>, expected: usize, done: Arc<AtomicBool>) -> Vec<Event> {
    let mut seen: Vec<Event> = Vec::new();
    while seen.len() < expected {
        let last = done.load(Ordering::Acquire);
        let after = seen.last().map_or(0, |e| e.position);
        store.settle().await.unwrap();
        let page = store.events(after, &EventFilter::default(), PAGE).await.unwrap();
        assert!(!page.is_empty() || !last, "the log ends at {} of {expected} events", seen.len());
        if page.is_empty() {
            let _ = tokio::time::timeout(Duration::from_millis(5), store.wait()).await;
        }
        seen.extend(page);
    }
    seen
}

/// 32 writers, followers beside them: every event that was committed comes once, positions are dense from 1
/// and never change, what was confirmed before another began stands before it, and a batch's events stand in
/// its order.
/// rules: V4
pub async fn v4_order_and_completeness_under_writers_of_every_length(h: &Harness) {
    world(h).await;
    let ticks = Arc::new(AtomicU64::new(0));
    let done = Arc::new(AtomicBool::new(false));
    let per_batch = |writer: usize, turn: usize| 1 + (writer + turn) % 3;
    let turns = LENGTHS.len();
    let expected = (0..RACERS).flat_map(|w| (0..turns).map(move |t| (w, t))).map(|(w, t)| per_batch(w, t)).sum();
    let followers: Vec<_> =
        (0..FOLLOWERS).map(|_| tokio::spawn(follow(h.store.clone(), expected, done.clone()))).collect();
    let mut writers = Vec::new();
    for writer in 0..RACERS {
        let (store, ticks) = (h.store.clone(), ticks.clone());
        let batches: Vec<_> = (0..turns)
            .map(|turn| batch(writer, turn, (0..per_batch(writer, turn)).map(|_| event(h)).collect()))
            .collect();
        writers.push(tokio::spawn(async move {
            let mut written = Vec::new();
            for batch in batches {
                let events: Vec<_> = batch.events.iter().map(|e| e.id).collect();
                let began = ticks.fetch_add(1, Ordering::SeqCst);
                let committed = store.write(Arc::new(batch)).await.unwrap();
                let confirmed = ticks.fetch_add(1, Ordering::SeqCst);
                assert_eq!(committed.events.iter().map(|e| e.0).collect::<Vec<_>>(), events);
                written.push(Written { writer, began, confirmed, events });
            }
            written
        }));
    }
    let mut written = Vec::new();
    for writer in writers {
        written.extend(writer.await.unwrap());
    }
    done.store(true, Ordering::Release);
    let mut logs = Vec::new();
    for follower in followers {
        logs.push(follower.await.unwrap());
    }
    let log = logs.remove(0);
    assert!(logs.iter().all(|other| *other == log), "every follower sees the same log");
    let positions: Vec<_> = log.iter().map(|e| e.position).collect();
    assert_eq!(positions, (1..=i64::try_from(expected).unwrap()).collect::<Vec<_>>(), "dense from 1");
    let place: BTreeMap<EventId, i64> = log.iter().map(|e| (e.event.id, e.position)).collect();
    assert_eq!(place.len(), expected, "each once");
    for batch in &written {
        let places: Vec<_> = batch.events.iter().map(|id| place[id]).collect();
        assert!(places.windows(2).all(|pair| pair[0] < pair[1]), "the events of a batch, in its order");
    }
    for earlier in &written {
        for later in &written {
            if earlier.confirmed < later.began {
                let (last, first) = (place[earlier.events.last().unwrap()], place[&later.events[0]]);
                assert!(last < first, "writer {} was confirmed before {} began", earlier.writer, later.writer);
            }
        }
    }
    // Single looks say the same as the pages.
    let ends = h.store.ends().await.unwrap();
    assert_eq!((ends.oldest, ends.head), (1, i64::try_from(expected).unwrap()));
    for event in log.iter().step_by(17) {
        assert_eq!(h.store.event(event.event.id).await.unwrap().as_ref(), Some(event));
        assert_eq!(h.store.event_at(event.position).await.unwrap().as_ref(), Some(event));
    }
}

/// The filters of the log agree with a look at every event.
/// rules: V4
pub async fn v4_filters_find_exactly_their_events(h: &Harness) {
    let room = h.classroom(2, 3).await;
    for n in 0..3 {
        room.student(n).learning().complete_lesson(room.lessons[0]).await.unwrap();
    }
    let all = h.events().await;
    let (course, student) = (Some(room.course), Some(room.students[1]));
    let kinds = || vec![crate::model::EventKind::Enrolled, crate::model::EventKind::LessonCompleted];
    let none = crate::model::Id::from_uuid(Uuid::nil());
    for filter in [
        EventFilter::default(),
        EventFilter { course, ..EventFilter::default() },
        EventFilter { student, ..EventFilter::default() },
        EventFilter { kinds: kinds(), ..EventFilter::default() },
        EventFilter { course, student, kinds: vec![] },
        EventFilter { course, student: None, kinds: kinds() },
        EventFilter { course: None, student, kinds: kinds() },
        EventFilter { course, student, kinds: kinds() },
        EventFilter { course: Some(none), ..EventFilter::default() },
    ] {
        for after in [0, 3, all.len() / 2, all.len()] {
            let after = i64::try_from(after).unwrap();
            let found = h.store.events(after, &filter, 2_000).await.unwrap();
            let expected: Vec<_> =
                all.iter().filter(|e| e.position > after && filter.wants(&e.event)).cloned().collect();
            assert_eq!(found, expected, "{filter:?} after {after}");
            let first = h.store.events(after, &filter, 1).await.unwrap();
            assert_eq!(first.first(), expected.first(), "{filter:?} after {after}");
        }
    }
}
