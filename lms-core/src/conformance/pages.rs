//! Pages by key: what was there from the beginning comes once and in order, whatever is written meanwhile.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "conformance cases are tests")]

use std::collections::BTreeSet;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use uuid::Uuid;

use super::Harness;
use super::specimen::{at, course, event, id_of, insert, row, set, text, with, world, write};
use crate::model::table::Value;
use crate::store::{AiLogFilter, ById, Change, CourseFilter, EventFilter, Row, Store, Table, WriteBatch};

/// How many rows there are of each kind before the first page is read.
const ROWS: u128 = 60;
/// How many a page has: no divisor of the number of rows.
const PAGE: u32 = 7;
/// How many writers are at work meanwhile.
const WRITERS: u128 = 4;
/// How much each of them writes at most: a list that grows faster than it is read has no end.
const WRITES: u128 = 60;
/// How often each list is read.
const ROUNDS: usize = 3;

/// A user in the course with a course and a log of their own, all under ids that sort by `n`.
fn person(n: u128) -> Vec<Row> {
    let id = |kind: u128| Uuid::from_u128((n << 64) | (0x7000_8000 << 32) | kind);
    let mut rows = vec![with(
        &row(Table::User),
        &[("id", Value::Uuid(id(1))), ("email", Value::Null), ("external_id", Value::Null)],
    )];
    let offered = [("is_published", Value::Bool(true)), ("enrollment", text("open"))];
    let course = with(&row(Table::Course), &[("id", Value::Uuid(id(2))), ("external_id", Value::Null)]);
    rows.push(with(&course, &offered));
    rows.push(with(
        &row(Table::Enrollment),
        &[("id", Value::Uuid(id(3))), ("student_id", Value::Uuid(id(1))), ("external_ref", Value::Null)],
    ));
    rows.push(with(&row(Table::AiLog), &[("id", Value::Uuid(id(4))), ("operation_id", Value::Uuid(id(4)))]));
    rows
}

/// The place of the n-th person of the beginning: far apart, so that others come in between.
const fn place(n: u128) -> u128 {
    (n + 1) << 24
}

/// One list, page by page.
async fn pages<F: Future<Output = Vec<Uuid>>>(read: impl Fn(ById) -> F, list: &str) -> BTreeSet<Uuid> {
    let mut seen = Vec::new();
    let mut after = None;
    loop {
        let page = read(ById { after, limit: PAGE }).await;
        assert!(page.len() <= PAGE as usize, "{list}");
        let Some(last) = page.last() else { break };
        // Here, and not after the walk: one that stays where it is would never end.
        assert!(page.iter().all(|id| after.is_none_or(|after| *id > after)), "{list}: a page begins above the last");
        after = Some(*last);
        seen.extend(page);
    }
    assert!(seen.windows(2).all(|pair| pair[0] < pair[1]), "{list}: in order, and none twice");
    seen.into_iter().collect()
}

/// Every list that comes in pages by id.
async fn read_all(store: &Arc<dyn Store>, list: &str) -> BTreeSet<Uuid> {
    let (courses, logs) = (CourseFilter::default(), AiLogFilter::default());
    let published = CourseFilter { published: Some(true), ..CourseFilter::default() };
    let of_course = AiLogFilter { kind: Some("text".into()), ..AiLogFilter::default() };
    let course = course();
    match list {
        "users" => {
            pages(|p| async move { store.users(p).await.unwrap().iter().map(|x| x.id.uuid()).collect() }, list).await
        }
        "courses" => {
            let filter = &courses;
            pages(
                |p| async move { store.courses(filter, p).await.unwrap().iter().map(|x| x.id.uuid()).collect() },
                list,
            )
            .await
        }
        "courses by state" => {
            let filter = &published;
            pages(
                |p| async move { store.courses(filter, p).await.unwrap().iter().map(|x| x.id.uuid()).collect() },
                list,
            )
            .await
        }
        "offers" => {
            pages(
                |p| async move { store.offers(None, p).await.unwrap().iter().map(|x| x.course.id.uuid()).collect() },
                list,
            )
            .await
        }
        "enrollments" => {
            pages(
                |p| async move { store.enrollments(course, p).await.unwrap().iter().map(|x| x.id.uuid()).collect() },
                list,
            )
            .await
        }
        "members" => {
            pages(
                |p| async move { store.members(course, p).await.unwrap().iter().map(|x| x.id.uuid()).collect() },
                list,
            )
            .await
        }
        "records" | "open records" => {
            let open = list == "open records";
            let read = |p| async move {
                store.records(course, open, p).await.unwrap().iter().map(|x| x.enrollment.id.uuid()).collect()
            };
            pages(read, list).await
        }
        _ => {
            let filter = if list == "logs" { &logs } else { &of_course };
            pages(
                |p| async move { store.ai_logs(filter, p).await.unwrap().iter().map(|x| x.id.uuid()).collect() },
                list,
            )
            .await
        }
    }
}

const LISTS: [(&str, Table); 10] = [
    ("users", Table::User),
    ("courses", Table::Course),
    ("courses by state", Table::Course),
    ("offers", Table::Course),
    ("enrollments", Table::Enrollment),
    ("members", Table::Enrollment),
    ("records", Table::Enrollment),
    ("open records", Table::Enrollment),
    ("logs", Table::AiLog),
    ("logs by kind", Table::AiLog),
];

fn id(row: &Row) -> Uuid {
    match row.values().into_iter().nth(row.table().column("id").unwrap()) {
        Some(Value::Uuid(id)) => id,
        _ => Uuid::nil(),
    }
}

/// rules: V4 for the log; DETAILS 49 for lists
pub async fn pages_neither_skip_nor_repeat_under_writes(h: &Harness) {
    world(h).await;
    let first: Vec<Row> = (0..ROWS).flat_map(|n| person(place(n))).collect();
    insert(h, first.clone()).await.unwrap();
    let done = Arc::new(AtomicBool::new(false));
    let mut writers = Vec::new();
    for writer in 0..WRITERS {
        let (store, done, first) = (h.store.clone(), done.clone(), first.clone());
        let events: Vec<_> = (0..3 * WRITES).map(|_| event(h)).collect();
        writers.push(tokio::spawn(async move {
            let mut written = 0_u128;
            let mut events = events.into_iter();
            while written < WRITES && !done.load(Ordering::Relaxed) {
                // Before, between and behind what is there; and what is there changes.
                let near = place((written * 7 + writer * 13) % ROWS) + (written << 3) + writer + 1;
                let mut changes: Vec<Change> = person(near).into_iter().map(Change::Insert).collect();
                let touched = &first[usize::try_from(written * 5 + writer).unwrap() % first.len()];
                let moved = match touched.table() {
                    Table::User => set(touched, "display_name", text("renamed")),
                    Table::Course => set(touched, "title", text("renamed")),
                    Table::Enrollment => set(touched, "lessons_done", Value::Int(2)),
                    _ => set(touched, "provider", text("another")),
                };
                changes.push(Change::Put(moved.unwrap()));
                let batch = WriteBatch { changes, events: events.by_ref().take(3).collect(), ..WriteBatch::default() };
                store.write(Arc::new(batch)).await.unwrap();
                written += 1;
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
            written
        }));
    }
    for _ in 0..ROUNDS {
        for (list, table) in LISTS {
            let seen = read_all(&h.store, list).await;
            for expected in first.iter().filter(|row| row.table() == table) {
                assert!(seen.contains(&id(expected)), "{list} skipped {}", id(expected));
            }
        }
        // The log, page by page: dense, whatever is being appended.
        let (mut after, mut pages) = (0, 0);
        loop {
            let page = h.store.events(after, &EventFilter::default(), PAGE).await.unwrap();
            let Some(last) = page.last() else { break };
            let positions: Vec<_> = page.iter().map(|e| e.position).collect();
            assert_eq!(positions, (after + 1..=last.position).collect::<Vec<_>>(), "the log is dense");
            (after, pages) = (last.position, pages + 1);
            if pages == 60 {
                break;
            }
        }
    }
    done.store(true, Ordering::Relaxed);
    let mut written = 0;
    for writer in writers {
        written += writer.await.unwrap();
    }
    assert!(written > WRITERS, "somebody wrote meanwhile: {written}");
    // Now that nobody writes, the pages are the whole list.
    let people = usize::try_from(ROWS + written).unwrap();
    for (list, table) in LISTS {
        // The world's own rows beside them: two users, a course that is a draft, an enrollment, a log.
        let own = match (list, table) {
            ("courses by state" | "offers", _) => 0,
            (_, Table::User) => 2,
            _ => 1,
        };
        assert_eq!(read_all(&h.store, list).await.len(), people + own, "{list}");
    }
}

/// A page of none is one of one, and none is longer than 500; after the last there is nothing.
pub async fn pages_have_their_bounds(h: &Harness) {
    world(h).await;
    let rows: Vec<Row> = (0..510).flat_map(|n| person(place(n))).collect();
    insert(h, rows).await.unwrap();
    let store = &h.store;
    for (limit, most) in [(0, 1), (1, 1), (500, 500), (u32::MAX, 500)] {
        let page = ById { after: None, limit };
        let lengths = [
            store.users(page).await.unwrap().len(),
            store.courses(&CourseFilter::default(), page).await.unwrap().len(),
            store.offers(None, page).await.unwrap().len(),
            store.enrollments(course(), page).await.unwrap().len(),
            store.members(course(), page).await.unwrap().len(),
            store.records(course(), false, page).await.unwrap().len(),
            store.ai_logs(&AiLogFilter::default(), page).await.unwrap().len(),
        ];
        assert_eq!(lengths, [most; 7], "limit {limit}");
    }
    let last = ById { after: Some(Uuid::max()), limit: 10 };
    assert!(store.users(last).await.unwrap().is_empty());
    assert!(store.records(course(), false, last).await.unwrap().is_empty());
    let nothing = ById::default();
    assert!(store.enrollments(crate::model::Id::from_uuid(Uuid::max()), nothing).await.unwrap().is_empty());
    // A filter counts before the page is cut.
    write(h, vec![Change::Put(set(&row(Table::Enrollment), "completed_at", Value::Time(at())).unwrap())])
        .await
        .unwrap();
    let open = store.records(course(), true, ById { after: None, limit: 500 }).await.unwrap();
    assert!(open.len() == 500 && open.iter().all(|r| r.enrollment.id.uuid() != id_of(Table::Enrollment)));
}
