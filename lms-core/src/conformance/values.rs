//! Every value of every column comes back as it went in, or is refused with a type: texts, documents,
//! instants, points and numbers at their ends.
#![expect(clippy::unwrap_used, reason = "conformance cases are tests")]

use std::sync::Arc;

use super::Harness;
use super::specimen::{
    CONSUMER, at, course, dump, event, id_of, nobody, read_back, row, set, student, text, twin, with, world, write,
};
use crate::model::table::{Column, Json, Kind, Value};
use crate::model::{EventKind, Points, Timestamp};
use crate::store::{
    AiLogFilter, ById, Change, CourseFilter, EventFilter, MOST_POINTS, PersonKey, Row, StoreErrorKind, Table,
    WriteBatch,
};

/// Combining marks, both directions, joined emoji, a byte order mark, controls, line ends of every kind,
/// what is special to SQL, to literals and to formats, the last code point, and white space at both ends.
const ODD: &str = " \u{feff}e\u{301} \u{202e}rtl\u{202c} 👩‍👩‍👧 ﷽ Ω≈ç\u{1}\u{7f}\u{85}\u{2028}\r\n\t'q' \"d\" \\ \\u0000 \\N {a,NULL} %s $1 ?1 :x (\"y\") \u{10ffff}\u{a0} ";

/// A document that a reader who knows better would write otherwise: order, space, a key twice, numbers.
const ODD_JSON: &str = "{ \"b\" : 1.0, \"a\":[12345678901234567890.10, -0.0 ,1E-7], \"a\":\"x\\u0000\\ud83d\\udc69 \\\\ 'q'\",\n \"\u{202e}\":null}";

/// What became of a row with one column changed.
#[derive(Debug, Clone, PartialEq)]
enum Outcome {
    /// It is there as it was written.
    Faithful,
    /// It was refused.
    Refused(StoreErrorKind),
    /// The column's own type has no such value.
    NoSuchValue,
}

async fn put(h: &Harness, table: Table, column: &Column, value: Value<'static>) -> Outcome {
    let Some(changed) = set(&row(table), column.name, value.clone()) else { return Outcome::NoSuchValue };
    match write(h, vec![Change::Put(changed.clone())]).await {
        Ok(()) => {
            // A job that is done is in no list any more.
            if (table, column.name) != (Table::CourseJob, "done_at") {
                assert_eq!(read_back(h, &changed).await, Some(changed), "{}.{}", table.name(), column.name);
            }
            Outcome::Faithful
        }
        Err(e) => Outcome::Refused(e.kind().clone()),
    }
}

/// The columns of a kind that a Put writes.
fn columns(kind: Kind) -> impl Iterator<Item = (Table, &'static Column)> {
    Table::ALL.iter().flat_map(move |table| {
        table.columns().iter().filter(move |c| c.kind == kind && table.is_mutable(c.name)).map(|c| (*table, c))
    })
}

/// Texts with a shape of their own.
fn shaped(table: Table, column: &str) -> Option<&'static str> {
    match (table, column) {
        // Nineteen characters, whichever they are.
        (Table::Certificate, "code") => Some("'\\\"👩\u{301}${}-ABC DEFGHI"),
        (Table::AiLog, "redaction") => Some("metadata"),
        _ => None,
    }
}

/// Odd text in every text of every table, event and consumer comes back as it went in.
pub async fn odd_text_round_trips_in_every_column(h: &Harness) {
    world(h).await;
    let mut texts = 0;
    for (table, column) in columns(Kind::Text).filter(|(_, c)| c.words.is_empty()) {
        let odd = shaped(table, column.name).unwrap_or(ODD);
        let outcome = put(h, table, column, text(odd)).await;
        let typed = (table, column.name) == (Table::Topic, "content_type");
        let expected = if typed { Outcome::NoSuchValue } else { Outcome::Faithful };
        assert_eq!(outcome, expected, "{}.{}", table.name(), column.name);
        texts += 1;
    }
    assert!(texts > 60, "{texts} texts");
    for (table, column) in columns(Kind::Json) {
        // A column of a type of its own writes the document anew.
        let typed = column.name == "snapshot";
        let outcome = put(h, table, column, Value::Json(ODD_JSON.into())).await;
        let expected = if typed { Outcome::NoSuchValue } else { Outcome::Faithful };
        assert_eq!(outcome, expected, "{}.{}", table.name(), column.name);
    }
    // New rows, upserted and ensured ones take the same way in as those that are put.
    let user =
        twin(&row(Table::User), &[("id", Value::Uuid(nobody())), ("email", text(ODD)), ("external_id", text(ODD))]);
    let user = set(&user, "display_name", text(ODD)).unwrap();
    let revision = twin(&row(Table::QuizRevision), &[("content", Value::Json(ODD_JSON.into()))]);
    write(h, vec![Change::Insert(user.clone()), Change::Ensure(revision.clone())]).await.unwrap();
    assert_eq!(read_back(h, &user).await, Some(user.clone()));
    assert_eq!(read_back(h, &revision).await, Some(revision));
    let answers = Json::parse(ODD_JSON).unwrap();
    let attempt = crate::model::Id::from_uuid(id_of(Table::QuizAttempt));
    write(h, vec![Change::Put(row(Table::QuizAttempt))]).await.unwrap();
    write(h, vec![Change::SaveAnswers { attempt, answers, version: 1, at: at() }]).await.unwrap();
    let saved = set(&row(Table::QuizAttempt), "answers", Value::Json(ODD_JSON.into())).unwrap();
    assert_eq!(read_back(h, &saved).await, Some(saved));
    // Odd keys find what is there.
    let found = h.store.person(None, PersonKey::External(ODD.into())).await.unwrap();
    assert_eq!(found.subject.map(Row::from), Some(user));
    let mut told = event(h);
    told.kind = EventKind::Other(ODD.into());
    told.metadata = Json::parse(ODD_JSON).unwrap();
    h.store.write(Arc::new(WriteBatch { events: vec![told.clone()], ..WriteBatch::default() })).await.unwrap();
    h.lms.settle().await.unwrap();
    let filter = EventFilter { kinds: vec![EventKind::Enrolled, told.kind.clone()], ..EventFilter::default() };
    let found = h.store.events(0, &filter, 10).await.unwrap();
    assert_eq!(found.iter().map(|e| &e.event).collect::<Vec<_>>(), [&told]);
    assert!(h.store.lease(ODD, CONSUMER.1, at(), at().plus_seconds(1)).await.unwrap().is_some());
    write(h, vec![Change::AdvanceConsumer { name: ODD.into(), position: 1 }]).await.unwrap();
    assert!(h.store.consumers().await.unwrap().iter().any(|c| c.name == ODD && c.position == Some(1)));
}

/// U+0000 in any text is refused by its place and writes nothing; as a key it finds nothing.
pub async fn nul_is_refused_in_every_column_and_finds_nothing(h: &Harness) {
    let rows = world(h).await;
    let before = dump(h, &rows).await;
    for (table, column) in columns(Kind::Text).filter(|(_, c)| c.words.is_empty()) {
        for nul in ["\0", "a\0b", "a\0"] {
            let outcome = put(h, table, column, text(nul)).await;
            let refused = Outcome::Refused(StoreErrorKind::Invalid { table: table.name(), column: column.name });
            let typed = (table, column.name) == (Table::Topic, "content_type");
            assert_eq!(outcome, if typed { Outcome::NoSuchValue } else { refused }, "{}.{}", table.name(), column.name);
        }
    }
    let mut told = event(h);
    told.kind = EventKind::Other("vendor.a\0b".into());
    let refused =
        h.store.write(Arc::new(WriteBatch { events: vec![told], ..WriteBatch::default() })).await.unwrap_err();
    assert_eq!(refused.kind(), &StoreErrorKind::Invalid { table: "activity_events", column: "kind" });
    let named = StoreErrorKind::Invalid { table: "consumers", column: "name" };
    let leased = h.store.lease("a\0b", CONSUMER.1, at(), at()).await.map_err(|e| e.kind().clone());
    assert_eq!(leased, Err(named.clone()));
    let advanced = write(h, vec![Change::AdvanceConsumer { name: "a\0b".into(), position: 1 }]).await;
    assert_eq!(advanced.map_err(|e| e.kind().clone()), Err(named));
    assert_eq!(dump(h, &rows).await, before);

    let key = || "host-1\0".to_owned();
    assert!(h.store.person(None, PersonKey::External(key())).await.unwrap().subject.is_none());
    assert!(h.store.certificate_by_code("0123-4567-89AB-CDEF\0").await.unwrap().is_none());
    let page = ById::default;
    let courses = CourseFilter { external_id: Some("course-1\0".into()), ..CourseFilter::default() };
    assert!(h.store.courses(&courses, page()).await.unwrap().is_empty());
    let logs = AiLogFilter { kind: Some("text\0".into()), ..AiLogFilter::default() };
    assert!(h.store.ai_logs(&logs, page()).await.unwrap().is_empty());
    h.store.write(Arc::new(WriteBatch { events: vec![event(h)], ..WriteBatch::default() })).await.unwrap();
    h.lms.settle().await.unwrap();
    let kinds = EventFilter { kinds: vec![EventKind::Other("specimen.event\0".into())], ..EventFilter::default() };
    assert!(h.store.events(0, &kinds, 10).await.unwrap().is_empty());
    h.store.release("specimen\0", CONSUMER.1).await.unwrap();
}

/// Columns whose values hang together with others of their row: a database may refuse one alone.
const CHECKED: [(Table, &str); 15] = [
    (Table::User, "erased_at"),
    (Table::Assignment, "penalty_bp"),
    (Table::LessonProgress, "by_mark"),
    (Table::LessonProgress, "completed_at"),
    (Table::QuizAttempt, "completed_at"),
    (Table::QuizAttempt, "score"),
    (Table::QuizResult, "earned"),
    (Table::QuizResult, "possible"),
    (Table::QuizResult, "passed"),
    (Table::Submission, "submitted_at"),
    (Table::Submission, "grade"),
    (Table::Submission, "plagiarism_score"),
    (Table::GradeEntry, "final_grade"),
    (Table::ReviewRequest, "answered_at"),
    (Table::CourseJob, "done_at"),
];

async fn ends(h: &Harness, kind: Kind, values: &[Value<'static>]) -> usize {
    let mut faithful = 0;
    for (table, column) in columns(kind) {
        for value in values {
            // Below zero most columns have no meaning, and a database may say so; so may it of a mark of
            // more points than anything can be worth.
            let negative = match value {
                Value::Int(n) => *n < 1,
                Value::Points(p) => *p < Points::ZERO || *p > Points::from_units(10_000_000_000),
                _ => false,
            };
            let may_refuse = negative || CHECKED.contains(&(table, column.name));
            match put(h, table, column, value.clone()).await {
                Outcome::Faithful => faithful += 1,
                Outcome::NoSuchValue => {}
                Outcome::Refused(StoreErrorKind::Backend) if may_refuse => {}
                Outcome::Refused(kind) => {
                    assert!(may_refuse, "{}.{} refuses {value:?}: {kind:?}", table.name(), column.name);
                    assert_eq!(kind, StoreErrorKind::Backend, "{}.{}: {value:?}", table.name(), column.name);
                }
            }
        }
    }
    faithful
}

/// The first and the last instant, and a microsecond on both sides of zero, in every column of time.
/// rules: S4
pub async fn instants_round_trip_to_the_microsecond(h: &Harness) {
    world(h).await;
    let first = Timestamp::from_micros(-62_135_596_800_000_000).unwrap();
    let last = Timestamp::from_micros(253_402_300_799_999_999).unwrap();
    let micros = |n| Timestamp::from_micros(n).unwrap();
    let values = [first, first.plus_micros(1), micros(-1), micros(1), last.plus_micros(-1), last];
    let faithful = ends(h, Kind::Time, &values.map(Value::Time)).await;
    assert!(faithful > 6 * 25, "{faithful}");
    for (n, at) in (0_u128..).zip(values) {
        let id = Value::Uuid(uuid::Uuid::from_u128(n + 1));
        let new = with(
            &row(Table::User),
            &[("id", id), ("email", Value::Null), ("external_id", Value::Null), ("created_at", Value::Time(at))],
        );
        write(h, vec![Change::Insert(new.clone())]).await.unwrap();
        assert_eq!(read_back(h, &new).await, Some(new));
        let mut told = event(h);
        told.at = at;
        h.store.write(Arc::new(WriteBatch { events: vec![told.clone()], ..WriteBatch::default() })).await.unwrap();
        h.lms.settle().await.unwrap();
        assert_eq!(h.store.event(told.id).await.unwrap().unwrap().event, told);
    }
    // Windows of time are half open to the microsecond (M3).
    let mut told = event(h);
    told.learner_initiated = true;
    h.store.write(Arc::new(WriteBatch { events: vec![told], ..WriteBatch::default() })).await.unwrap();
    h.lms.settle().await.unwrap();
    for (after, until, active) in [(-1, 0, 1), (0, 0, 0), (0, 1, 0), (-2, -1, 0)] {
        let found = h.store.active_students(Some(course()), at().plus_micros(after), at().plus_micros(until)).await;
        assert_eq!(found.unwrap(), active, "({after}, {until}]");
    }
}

/// Points are counts of 1e-5, exact from one unit to the most; beyond the most every store refuses.
/// rules: N1
pub async fn points_and_numbers_are_exact_to_their_ends(h: &Harness) {
    world(h).await;
    let points =
        [0, 1, 3, 33_333, 8_333_333, 9_999_999_999, 10_000_000_000].map(|n| Value::Points(Points::from_units(n)));
    let faithful = ends(h, Kind::Points, &points).await;
    assert!(faithful > 7 * 8, "{faithful}");
    // What only staff may set, or nobody: faithful or refused, on either side of zero.
    let far = [MOST_POINTS.units(), -MOST_POINTS.units(), -1];
    ends(h, Kind::Points, &far.map(|n| Value::Points(Points::from_units(n)))).await;
    let raw = set(&row(Table::GradeEntry), "raw", Value::Points(MOST_POINTS)).unwrap();
    write(h, vec![Change::Put(raw.clone())]).await.unwrap();
    assert_eq!(read_back(h, &raw).await, Some(raw));
    for units in [MOST_POINTS.units() + 1, -MOST_POINTS.units() - 1, i64::MAX, i64::MIN] {
        for (table, column) in columns(Kind::Points) {
            let outcome = put(h, table, column, Value::Points(Points::from_units(units))).await;
            let invalid = StoreErrorKind::Invalid { table: table.name(), column: column.name };
            assert_eq!(outcome, Outcome::Refused(invalid), "{}.{}", table.name(), column.name);
        }
    }
    // One is a place that another lesson has.
    let numbers = [2, 3, i64::from(i32::MAX) + 1, (1 << 53) + 1, i64::MAX, 0, -1, i64::MIN].map(Value::Int);
    let faithful = ends(h, Kind::Int, &numbers).await;
    assert!(faithful > 5 * 30, "{faithful}");
    // The seed of an attempt is any number there is.
    for n in [i64::MIN, -1, 0, i64::MAX] {
        let seed = set(&row(Table::QuizAttempt), "seed", Value::Int(n)).unwrap();
        write(h, vec![Change::Put(seed.clone())]).await.unwrap();
        assert_eq!(read_back(h, &seed).await, Some(seed));
    }
    ends(h, Kind::Bool, &[Value::Bool(true), Value::Bool(false)]).await;
}

/// Every word of every column of words is taken, and comes back as itself.
pub async fn every_word_of_every_column_is_known(h: &Harness) {
    world(h).await;
    let mut words = 0;
    for (table, column) in columns(Kind::Text).filter(|(_, c)| !c.words.is_empty()) {
        for word in column.words {
            let mut changed = set(&row(table), column.name, text(word)).unwrap();
            // What some words ask of the rest of the row.
            let also: &[(&str, Value<'static>)] = match (table, column.name, *word) {
                (Table::QuizAttempt, "state", "graded" | "pending_review") => &[
                    ("completed_at", Value::Time(at())),
                    ("score", Value::Points(Points::ZERO)),
                    ("possible", Value::Points(Points::ZERO)),
                ],
                (Table::QuizAttempt, "finish_reason", _) => {
                    &[("state", Value::Text(std::borrow::Cow::Borrowed("voided")))]
                }
                (Table::Submission, "state", "submitted" | "graded" | "returned") => {
                    &[("submitted_at", Value::Time(at()))]
                }
                (Table::LessonProgress, "status", "completed") => &[("completed_at", Value::Time(at()))],
                (Table::Assignment, "penalty_interval", _) => &[("penalty_bp", Value::Int(1))],
                (Table::Certificate, "rendering", "ready") => {
                    &[("certificate_url", Value::Text(std::borrow::Cow::Borrowed("https://x.example")))]
                }
                (Table::ReviewRequest, "state", "kept" | "changed") => {
                    &[("answered_by", Value::Uuid(student().uuid())), ("answered_at", Value::Time(at()))]
                }
                (Table::Override, "available_from_mode", "value") => &[("available_from", Value::Time(at()))],
                (Table::Override, "due_mode", "value") => &[("due_date", Value::Time(at()))],
                (Table::Override, "cutoff_mode", "value") => &[("cutoff_date", Value::Time(at()))],
                _ => &[],
            };
            changed = with(&changed, also);
            let place = format!("{}.{} = {word}", table.name(), column.name);
            write(h, vec![Change::Put(changed.clone())]).await.map_err(|e| format!("{place}: {e}")).unwrap();
            // The history of an answer is read with its attempt.
            if (table, *word) != (Table::GradeEntry, "answer") {
                assert_eq!(read_back(h, &changed).await, Some(changed), "{place}");
            }
            words += 1;
        }
    }
    assert!(words > 70, "{words}");
}
