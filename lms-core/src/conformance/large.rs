//! Large texts and large batches.
#![expect(clippy::unwrap_used, reason = "conformance cases are tests")]

use std::sync::Arc;

use uuid::Uuid;

use super::Harness;
use super::specimen::{at, course, dump, event, id_of, read_back, row, second_of, set, text, twin, with, world, write};
use crate::model::table::Value;
use crate::model::{AiLogStatus, Id};
use crate::store::{Change, ContentRef, Expect, Item, Key, Row, Siblings, StoreErrorKind, Table, WriteBatch};

/// The most bytes of a body or of a submission (L7).
const MEGABYTE: usize = 1 << 20;
/// How many lessons a large course has.
const LESSONS: usize = 1_000;
/// How many topics each of them has.
const TOPICS: usize = 2;

/// A text of exactly so many bytes, of characters of one to four bytes.
fn text_of(bytes: usize) -> String {
    let mut text = "aé€👩\n".repeat(bytes / 11);
    text.push_str(&"x".repeat(bytes - text.len()));
    text
}

/// A megabyte in each text that may have one, several of them in one batch; a byte more is refused where the
/// rules say so, and nothing of the batch stands.
/// rules: L7, I1
pub async fn l7_texts_of_a_megabyte(h: &Harness) {
    let rows = world(h).await;
    let large = text_of(MEGABYTE);
    let submission = with(
        &row(Table::Submission),
        &[("state", text("submitted")), ("submitted_at", Value::Time(at())), ("content", text(&large))],
    );
    let body = set(&row(Table::Topic), "body", text(&large)).unwrap();
    let prompt = set(&row(Table::AiLog), "prompt_text", text(&large)).unwrap();
    let answers = format!("{{\"text\":\"{}\"}}", "y".repeat(MEGABYTE));
    let attempt = set(&row(Table::QuizAttempt), "answers", Value::Json(answers.into())).unwrap();
    let written = [submission, body, prompt, attempt];
    write(h, written.iter().cloned().map(Change::Put).collect()).await.unwrap();
    for row in written {
        assert!(read_back(h, &row).await == Some(row.clone()), "{} came back otherwise", row.table().name());
    }
    let before = dump(h, &rows).await;
    let over = twin(&row(Table::Topic), &[("order_index", Value::Int(1)), ("body", text(&text_of(MEGABYTE + 1)))]);
    // The rules refuse it long before; a store may refuse it, too, and then all of the batch.
    let refused =
        write(h, vec![Change::Put(set(&row(Table::Quiz), "title", text("changed")).unwrap()), Change::Insert(over)]);
    if let Err(e) = refused.await {
        assert_eq!(e.kind(), &StoreErrorKind::Backend);
        assert!(dump(h, &rows).await == before);
    }
}

fn lesson(n: usize) -> Uuid {
    Uuid::from_u128((7 << 64) | n as u128)
}
fn topic(n: usize, m: usize) -> Uuid {
    Uuid::from_u128((8 << 64) | (n as u128) << 8 | m as u128)
}

/// A course of 1,000 lessons as an AI's answer writes it: course, lessons, topics, links, log row and event
/// in one batch. Then it is turned around, published, recounted and deleted, each at once.
/// rules: I1, I2, O1, O2, D1
pub async fn a_course_of_a_thousand_lessons_is_one_batch(h: &Harness) {
    world(h).await;
    let id = |id: Uuid| ("id", Value::Uuid(id));
    let new = second_of(Table::Course);
    let made = twin(&row(Table::Course), &[("external_id", Value::Null), ("capacity", Value::Null)]);
    let objective = twin(&row(Table::Objective), &[("course_id", Value::Uuid(new))]);
    let mut changes = vec![Change::Insert(made), Change::Insert(objective)];
    let place = |n: usize| ("order_index", Value::Int(i64::try_from(n).unwrap()));
    let logged = || ("ai_log_id", Value::Uuid(id_of(Table::AiLog)));
    for n in 0..LESSONS {
        let title = ("title", text(&format!("Lesson {n}")));
        let of = ("course_id", Value::Uuid(new));
        changes.push(Change::Insert(with(
            &row(Table::Lesson),
            &[
                id(lesson(n)),
                of,
                place(n),
                title,
                logged(),
                ("is_published", Value::Bool(true)),
                ("is_required", Value::Bool(true)),
            ],
        )));
    }
    for n in 0..LESSONS {
        for m in 0..TOPICS {
            let of = ("lesson_id", Value::Uuid(lesson(n)));
            let body = ("body", text("Something to read."));
            changes.push(Change::Insert(with(&row(Table::Topic), &[id(topic(n, m)), of, place(m), body, logged()])));
        }
    }
    for n in 0..LESSONS {
        let link = [("objective_id", Value::Uuid(second_of(Table::Objective))), ("lesson_id", Value::Uuid(lesson(n)))];
        changes.push(Change::Insert(with(&row(Table::ObjectiveLesson), &link)));
    }
    let log = Id::from_uuid(id_of(Table::AiLog));
    changes.push(Change::FlipLog { id: log, from: AiLogStatus::Valid, to: AiLogStatus::Applied, at: at() });
    let batch = |changes| WriteBatch {
        expect: vec![Expect::Log { id: log, status: AiLogStatus::Valid }],
        changes,
        events: vec![event(h)],
        exclusive: vec![Id::from_uuid(new)],
    };
    // The very last row is wrong: nothing of four thousand stands.
    let mut poisoned = changes.clone();
    poisoned.push(Change::Insert(with(&row(Table::Lesson), &[id(lesson(0)), place(LESSONS)])));
    let refused = h.store.write(Arc::new(batch(poisoned))).await.unwrap_err();
    assert!(matches!(refused.kind(), StoreErrorKind::Duplicate(_)), "{refused}");
    let course_id = Id::from_uuid(new);
    assert!(h.store.structure(course_id).await.unwrap().is_none());
    assert!(h.events().await.is_empty());

    h.store.write(Arc::new(batch(changes))).await.unwrap();
    let content = h.store.course_content(course_id).await.unwrap().unwrap();
    let lessons =
        |structure: &crate::store::CourseStructure| structure.lessons.iter().map(|l| l.id.uuid()).collect::<Vec<_>>();
    let in_order: Vec<_> = (0..LESSONS).map(lesson).collect();
    assert_eq!(lessons(&content.structure), in_order);
    let topics: Vec<_> = (0..LESSONS).flat_map(|n| (0..TOPICS).map(move |m| topic(n, m))).collect();
    assert_eq!(content.topics.iter().map(|t| t.id.uuid()).collect::<Vec<_>>(), topics);
    assert_eq!(content.links.len(), LESSONS);
    let log_row: crate::model::AiLog = super::specimen::record(&read_back(h, &row(Table::AiLog)).await.unwrap());
    assert_eq!(log_row.status, AiLogStatus::Applied);

    let turned: Vec<_> = in_order.iter().rev().copied().collect();
    let order = Change::Order { siblings: Siblings::Lessons(course_id), ids: turned.clone() };
    write(h, vec![order, Change::Recount { course: course_id, learners: true }]).await.unwrap();
    let structure = h.store.structure(course_id).await.unwrap().unwrap();
    assert_eq!(lessons(&structure), turned);
    assert_eq!(structure.course.lessons_total, i64::try_from(LESSONS).unwrap());
    let siblings = h.store.content(None, ContentRef::Lesson(Id::from_uuid(lesson(0)))).await.unwrap().unwrap().siblings;
    assert_eq!(siblings, turned);
    let counts = h.store.work_counts(Item::Course(course_id)).await.unwrap();
    assert_eq!((counts.lessons, counts.topics), (1_000, 2_000));
    write(h, vec![Change::Delete(Key::Id(Table::Course, new))]).await.unwrap();
    assert!(h.store.course_content(course_id).await.unwrap().is_none());
    assert_eq!(read_back(h, &row(Table::Lesson)).await.map(|r: Row| r.table()), Some(Table::Lesson));
    assert_eq!(h.store.work_counts(Item::Course(course())).await.unwrap().lessons, 2);
}
