//! A batch is written whole, or not at all.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "conformance cases are tests")]

use std::sync::Arc;
use std::time::Duration;

use super::Harness;
use crate::lms::{CourseDraft, LessonDraft, NewCourse, NewLesson, NewTopic, NewUser};
use crate::model::table::Json;
use crate::model::{AiLog, AiLogId, AiLogStatus, EnrollmentId, Id, Role};
use crate::store::{ById, Change, CourseFilter, EventFilter, Expect, StoreErrorKind, Table, WriteBatch};

/// A valid log row, ready to be applied.
pub(super) async fn valid_log(h: &Harness, kind: &str, operation: uuid::Uuid) -> AiLog {
    let now = h.lms.now();
    let row = AiLog {
        id: AiLogId::from_uuid(h.lms.ids().uuid(now)),
        operation_id: operation,
        attempt: 1,
        kind: kind.to_owned(),
        prompt_version: 1,
        status: AiLogStatus::Valid,
        provider: "scripted".into(),
        model_requested: "m".into(),
        model_served: None,
        request_id: None,
        message_id: None,
        stop_reason: None,
        http_status: None,
        error_kind: None,
        violations: Json::parse("[]").unwrap(),
        notes: Json::parse("[]").unwrap(),
        input_sha256: "0".repeat(64),
        prompt_sha256: "0".repeat(64),
        system_sha256: "0".repeat(64),
        schema_sha256: "0".repeat(64),
        prompt_text: Some("ask".into()),
        response_text: Some("{}".into()),
        response_sha256: None,
        redaction: "full".into(),
        tokens_in: 0,
        tokens_out: 0,
        tokens_cache_read: 0,
        tokens_cache_write: 0,
        tokens_thinking: 0,
        cost_micro_usd: 0,
        charged_micro_usd: 0,
        latency_ms: None,
        actor_id: None,
        course_id: None,
        subject_type: None,
        subject_id: None,
        created_at: now,
        given_up_at: now.plus_seconds(3_600),
        completed_at: Some(now),
        applied_at: None,
        expires_at: None,
    };
    assert_eq!(h.lms.system().ai_log().claim(row.clone()).await.unwrap(), crate::lms::Claim::Mine);
    row
}

pub(super) fn draft() -> CourseDraft {
    CourseDraft {
        course: NewCourse::titled("By AI"),
        objectives: vec![("one".into(), "Do one thing".into()), ("two".into(), "Do another".into())],
        lessons: (0..3)
            .map(|n| LessonDraft {
                lesson: NewLesson::titled(format!("Lesson {n}")),
                objectives: vec!["one".into()],
                topics: (0..2).map(|t| NewTopic::text(format!("Topic {t}"), "Text.")).collect(),
            })
            .collect(),
    }
}

/// The batch of an AI course, poisoned at every position: nothing of it stands, and then it works once.
/// rules: I1, I2, I3, L4
pub async fn i1_a_batch_that_fails_anywhere_leaves_nothing(h: &Harness) {
    let teacher = h.lms.system().people().ensure_user(NewUser::new(Role::Instructor, "T")).await.unwrap();
    let session = h.lms.as_user(teacher.id);
    let operation = uuid::Uuid::from_u128(77);
    let log = valid_log(h, "outline", operation).await;
    let origin = crate::lms::AiOrigin { log_id: log.id, operation_id: operation };
    let planned = session.plan(|s| async move { s.catalog().apply_course(draft(), origin).await }).await.unwrap();
    let poison = Change::Insert(teacher.clone().into());
    for position in 0..=planned.batch.changes.len() {
        let mut batch = planned.batch.clone();
        batch.changes.insert(position, poison.clone());
        let failed = h.store.write(Arc::new(batch)).await.unwrap_err();
        assert!(matches!(failed.kind(), StoreErrorKind::Duplicate(_)), "{failed}");
        let courses = h.store.courses(&CourseFilter::default(), ById::default()).await.unwrap();
        assert!(courses.is_empty(), "position {position}");
        assert!(h.store.events(0, &EventFilter::default(), 10).await.unwrap().is_empty());
        assert_eq!(h.store.ai_log(log.id).await.unwrap().unwrap().status, AiLogStatus::Valid);
    }
    // Sixteen at once: one course.
    let mut races = Vec::new();
    for _ in 0..16 {
        let session = session.clone();
        races.push(tokio::spawn(async move { session.catalog().apply_course(draft(), origin).await.unwrap() }));
    }
    let mut written = Vec::new();
    for race in races {
        written.push(race.await.unwrap());
    }
    assert!(written.windows(2).all(|pair| pair[0] == pair[1]));
    assert_eq!(h.store.courses(&CourseFilter::default(), ById::default()).await.unwrap().len(), 1);
    let after = h.store.ai_log(log.id).await.unwrap().unwrap();
    assert_eq!((after.status, after.applied_at), (AiLogStatus::Applied, Some(h.lms.now())));
    let structure = session.catalog().structure(written[0].course_id).await.unwrap();
    assert_eq!((structure.lessons.len(), structure.topics.len(), structure.objectives.len()), (3, 6, 2));
    assert!(structure.lessons.iter().all(|l| l.is_ai_generated && !l.is_published && l.ai_log_id == Some(log.id)));
    assert_eq!(h.count(crate::model::EventKind::AiGenerated).await, 1);
    // A person's edit leaves the provenance and says that it happened (L4).
    let lesson = structure.lessons[0].clone();
    assert_eq!(lesson.ai_edited_at, None);
    let update =
        crate::lms::UpdateLesson { version: lesson.version, title: Some("By hand".into()), ..Default::default() };
    let edited = session.catalog().update_lesson(lesson.id, update).await.unwrap();
    assert_eq!(
        (edited.is_ai_generated, edited.ai_log_id, edited.ai_edited_at),
        (true, Some(log.id), Some(h.lms.now()))
    );
}

/// Every kind of expectation that does not hold makes the batch a Conflict that names it.
pub async fn stale_expectations_conflict_and_write_nothing(h: &Harness) {
    let room = h.classroom(1, 1).await;
    let course = room.course().await.unwrap();
    let enrollment = room.student(0).enrollment().enrollment(room.course, room.students[0]).await.unwrap();
    let none = uuid::Uuid::from_u128(99);
    let stale = [
        Expect::Structure { course: course.id, version: course.structure_version + 1 },
        Expect::Structure { course: Id::from_uuid(none), version: 1 },
        Expect::Enrollment { id: enrollment.id, version: enrollment.version - 1 },
        Expect::Enrollment { id: EnrollmentId::from_uuid(none), version: 1 },
        Expect::Row { table: Table::Course, id: course.id.uuid(), version: course.version + 1 },
        Expect::Log { id: Id::from_uuid(none), status: AiLogStatus::Valid },
        Expect::JobAt { job: Id::from_uuid(none), cursor: None },
        Expect::Lease { name: "nobody".into(), token: none },
        Expect::SeatFree { course: Id::from_uuid(none) },
    ];
    let before = h.events().await.len();
    for expect in stale {
        let holds = Expect::Enrollment { id: enrollment.id, version: enrollment.version };
        let mut changed = enrollment.clone();
        changed.lessons_done = 7;
        let batch = WriteBatch {
            expect: vec![holds, expect.clone()],
            changes: vec![Change::Put(changed.into())],
            ..WriteBatch::default()
        };
        let refused = h.store.write(Arc::new(batch)).await.unwrap_err();
        assert_eq!(refused.kind(), &StoreErrorKind::Conflict { expect: Some(1) }, "{expect:?}");
        assert!(refused.is_retryable());
    }
    let after = room.student(0).enrollment().enrollment(room.course, room.students[0]).await.unwrap();
    assert_eq!(after, enrollment);
    assert_eq!(h.events().await.len(), before);
    // A row that is gone is a Conflict too.
    let mut ghost = enrollment;
    ghost.id = EnrollmentId::from_uuid(none);
    let batch = WriteBatch { changes: vec![Change::Put(ghost.into())], ..WriteBatch::default() };
    let refused = h.store.write(Arc::new(batch)).await.unwrap_err();
    assert_eq!(refused.kind(), &StoreErrorKind::Conflict { expect: None });
}

/// A caller that goes away at any moment leaves the command done or not done, and the store at work.
/// rules: P10
pub async fn a_cancelled_caller_leaves_all_or_nothing(h: &Harness) {
    let room = h.classroom(40, 1).await;
    for (n, lesson) in room.lessons.iter().enumerate() {
        let me = room.student(0);
        let wait = Duration::from_micros(u64::try_from(n).unwrap() * 40);
        let lesson = *lesson;
        let _ = tokio::time::timeout(wait, async move { me.learning().complete_lesson(lesson).await }).await;
    }
    let me = room.student(0);
    let events = || async { h.count(crate::model::EventKind::LessonCompleted).await };
    let standing = me.learning().standing(room.course, room.students[0]).await.unwrap();
    assert!(h.lms.system().activity().audit(room.course).await.unwrap().is_empty());
    let _ = standing;
    for lesson in &room.lessons {
        me.learning().complete_lesson(*lesson).await.unwrap();
    }
    assert_eq!(events().await, 40, "each exactly once, however often it was tried");
    let standing = me.learning().standing(room.course, room.students[0]).await.unwrap();
    assert!(standing.completed_at.is_some());
    assert_eq!(h.count(crate::model::EventKind::CertificateIssued).await, 1);
}

/// Odd and large texts come back as they went in; U+0000 is refused before the store.
pub async fn host_text_round_trips_or_is_refused(h: &Harness) {
    let room = h.classroom(1, 0).await;
    let teacher = room.teacher();
    let odd = "e\u{301} \u{202e}rtl\u{202c} 👩‍👩‍👧 \u{feff} 'quote' \"double\" \\ %s {} \u{10ffff} Ω≈ç√ ﷽";
    let large = "long text – ".repeat(70_000);
    for body in [odd.to_owned(), large] {
        let topic = teacher.catalog().add_topic(room.lessons[0], NewTopic::text("Text", body.clone())).await.unwrap();
        assert_eq!(teacher.catalog().topic(topic.id).await.unwrap().body, Some(body));
    }
    let nul = teacher.catalog().add_topic(room.lessons[0], NewTopic::text("Text", "a\0b")).await.unwrap_err();
    assert_eq!(nul.code(), "invalid");
    assert!(serde_json::to_string(&nul).unwrap().contains("text.nul"));
    let title = teacher.catalog().add_topic(room.lessons[0], NewTopic::text("a\0b", "text")).await.unwrap_err();
    assert_eq!(title.code(), "invalid");
    // Microseconds round-trip.
    let at = crate::model::Timestamp::from_micros(1_772_452_800_123_457).unwrap();
    let lesson = teacher.catalog().lesson(room.lessons[0]).await.unwrap();
    let update =
        crate::lms::UpdateLesson { version: lesson.version, available_from: Some(Some(at)), ..Default::default() };
    teacher.catalog().update_lesson(lesson.id, update).await.unwrap();
    assert_eq!(teacher.catalog().lesson(lesson.id).await.unwrap().available_from, Some(at));
}

/// A look-up of what is not there is None, not an error.
pub async fn missing_rows_are_none(h: &Harness) {
    let none = uuid::Uuid::from_u128(404);
    assert!(h.store.structure(Id::from_uuid(none)).await.unwrap().is_none());
    assert!(h.store.course(None, Id::from_uuid(none), None).await.unwrap().is_none());
    assert!(h.store.record(Id::from_uuid(none), Id::from_uuid(none)).await.unwrap().is_none());
    assert!(h.store.certificate(Id::from_uuid(none)).await.unwrap().is_none());
    assert!(h.store.certificate_by_code("0000-0000-0000-0000").await.unwrap().is_none());
    assert!(h.store.ai_log(Id::from_uuid(none)).await.unwrap().is_none());
    assert!(h.store.event(Id::from_uuid(none)).await.unwrap().is_none());
    assert!(h.store.event_at(5).await.unwrap().is_none());
    assert!(h.store.revision(Id::from_uuid(none)).await.unwrap().is_none());
    let ends = h.store.ends().await.unwrap();
    assert_eq!((ends.head, ends.oldest), (0, 1));
}
