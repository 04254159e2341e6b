//! Many at once, and readers among them who never see half of what is written.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "conformance cases are tests")]

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use tokio::sync::Barrier;

use super::atomicity::valid_log;
use super::{Harness, RACERS};
use crate::lms::{AiOrigin, CourseDraft, LessonDraft, NewCourse, NewLesson, NewTopic};
use crate::model::{CourseId, EventKind, ProgressStatus, UserId};
use crate::store::{ById, ContentRef, CourseFilter, EventFilter, LearnerRecord, LearnerScope, Siblings, Store};
use crate::testing::Classroom;

/// How many readers look on.
const READERS: usize = 4;
/// How many lessons the room has, which 32 learners complete.
const LESSONS: usize = 4;
/// How many lessons a course by AI has, written in one batch.
const DRAFTED: usize = 8;

/// 32 devices of one learner complete the same lesson: it is completed once.
/// rules: P1, P10, V2
pub async fn p1_many_devices_complete_the_same_lesson(h: &Harness) {
    let room = h.classroom(2, 1).await;
    let barrier = Arc::new(Barrier::new(RACERS));
    let mut races = Vec::new();
    for _ in 0..RACERS {
        let (device, barrier, lesson) = (room.student(0), barrier.clone(), room.lessons[0]);
        races.push(tokio::spawn(async move {
            barrier.wait().await;
            device.learning().complete_lesson(lesson).await.unwrap()
        }));
    }
    for race in races {
        let shown = race.await.unwrap();
        assert_eq!((shown.lessons_done, shown.lesson), (1, Some(ProgressStatus::Completed)));
    }
    assert_eq!(h.count(EventKind::LessonCompleted).await, 1);
    let seen = h.store.record(room.course, room.students[0]).await.unwrap().unwrap();
    assert_eq!((seen.progress.len(), seen.enrollment.lessons_done), (1, 1));
    assert!(h.lms.system().activity().audit(room.course).await.unwrap().is_empty());
}

/// What must be true of one learner's record whenever it is read.
fn is_whole(seen: &LearnerRecord) {
    let done = seen.progress.iter().filter(|p| p.status == ProgressStatus::Completed).count();
    let enrollment = &seen.enrollment;
    assert_eq!(usize::try_from(enrollment.lessons_done).unwrap(), done, "counter and rows");
    assert_eq!(enrollment.completed_at.is_some(), done == LESSONS, "completed with the last lesson");
    assert_eq!(seen.certificate.is_some(), enrollment.completed_at.is_some(), "the certificate comes with completion");
}

/// One look at everything; how much of it there was.
async fn look(store: &Arc<dyn Store>, room: &Classroom, student: UserId) -> usize {
    if let Some(seen) = store.record(room.course, student).await.unwrap() {
        is_whole(&seen);
    }
    for seen in store.records(room.course, false, ById { after: None, limit: 500 }).await.unwrap() {
        is_whole(&seen);
    }
    // The order of lessons is dense at every instant, while they change places.
    let structure = store.structure(room.course).await.unwrap().unwrap();
    let places: Vec<i64> = structure.lessons.iter().map(|l| l.order_index).collect();
    assert_eq!(places, (0..4).collect::<Vec<_>>());
    let content = store.content(None, ContentRef::Course(room.course)).await.unwrap().unwrap();
    assert_eq!(content.siblings.len(), LESSONS);
    let scope = LearnerScope::Lesson(room.lessons[0], student);
    let one = store.learner(None, scope).await.unwrap().unwrap();
    let (enrollment, progress) = (one.enrollment.unwrap(), one.work.unwrap().progress);
    assert!(progress.is_none_or(|p| p.status != ProgressStatus::Completed) || enrollment.lessons_done > 0);
    // A course by AI is there with all of its lessons, or not at all.
    let mut drafted = 0;
    for course in store.courses(&CourseFilter::default(), ById { after: None, limit: 500 }).await.unwrap() {
        if course.id != room.course {
            let content = store.course_content(course.id).await.unwrap().unwrap();
            let counts = (content.structure.lessons.len(), content.topics.len(), content.links.len());
            assert_eq!(counts, (DRAFTED, DRAFTED, DRAFTED));
            drafted += 1;
        }
    }
    // What an event tells of can be read by then.
    let told = EventFilter { kinds: vec![EventKind::LessonCompleted], ..EventFilter::default() };
    if let Some(last) = store.events(0, &told, 2_000).await.unwrap().last() {
        let learner = last.event.student_id.unwrap();
        let seen = store.record(room.course, learner).await.unwrap().unwrap();
        let done = |p: &crate::model::LessonProgress| {
            p.lesson_id.uuid() == last.event.subject_id && p.status == ProgressStatus::Completed
        };
        assert!(seen.progress.iter().any(done), "an event without its row");
    }
    drafted
}

fn draft() -> CourseDraft {
    CourseDraft {
        course: NewCourse::titled("By AI"),
        objectives: vec![("one".into(), "Do one thing".into())],
        lessons: (0..DRAFTED)
            .map(|n| LessonDraft {
                lesson: NewLesson::titled(format!("Lesson {n}")),
                objectives: vec!["one".into()],
                topics: vec![NewTopic::text("Topic", "Text.")],
            })
            .collect(),
    }
}

/// 32 learners finish a course while its lessons change places and AI writes others; readers look on.
/// rules: P10, C2, O2, I1, DETAILS 23
pub async fn readers_never_see_half_a_batch(h: &Harness) {
    let room = Arc::new(h.classroom(LESSONS, RACERS).await);
    let done = Arc::new(AtomicBool::new(false));
    let looks = Arc::new(AtomicUsize::new(0));
    let mut readers = Vec::new();
    for reader in 0..READERS {
        let (store, room, done, looks) = (h.store.clone(), room.clone(), done.clone(), looks.clone());
        readers.push(tokio::spawn(async move {
            let mut turn = reader;
            loop {
                let last = done.load(Ordering::Relaxed);
                look(&store, &room, room.students[turn % RACERS]).await;
                looks.fetch_add(1, Ordering::Relaxed);
                turn += READERS;
                if last {
                    break;
                }
                // A store whose reads never wait must not keep the writers from their turn.
                tokio::task::yield_now().await;
            }
        }));
    }
    let mut writers = Vec::new();
    for n in 0..RACERS {
        let (me, lessons) = (room.student(n), room.lessons.clone());
        writers.push(tokio::spawn(async move {
            for lesson in lessons {
                me.learning().complete_lesson(lesson).await.unwrap();
            }
        }));
    }
    let (editor, course, mut order) = (room.clone(), room.course, room.lessons.clone());
    writers.push(tokio::spawn(async move {
        for turn in 0..8 {
            order.rotate_left(1 + turn % 2);
            let version = editor.course().await.unwrap().structure_version;
            let ids = order.iter().map(|l| l.uuid()).collect();
            editor.teacher().catalog().reorder(Siblings::Lessons(course), ids, version).await.unwrap();
        }
    }));
    let mut origins = Vec::new();
    for n in 0..6 {
        let operation_id = uuid::Uuid::from_u128(n + 1);
        origins.push(AiOrigin { log_id: valid_log(h, "outline", operation_id).await.id, operation_id });
    }
    let teacher = room.teacher();
    writers.push(tokio::spawn(async move {
        for origin in origins {
            teacher.catalog().apply_course(draft(), origin).await.unwrap();
        }
    }));
    for writer in writers {
        writer.await.unwrap();
    }
    done.store(true, Ordering::Relaxed);
    for reader in readers {
        reader.await.unwrap();
    }
    assert!(looks.load(Ordering::Relaxed) >= 2 * READERS, "readers were not kept out");
    assert_eq!(look(&h.store, &room, room.students[0]).await, 6);
    assert_eq!(h.count(EventKind::CertificateIssued).await, RACERS);
    assert!(h.lms.system().activity().audit(room.course).await.unwrap().is_empty());
}

/// Batches of one course with and without its lock taken alone: whoever relied on the structure before a
/// change of it is told, whoever came after sees it, and nobody is lost.
/// rules: P10, O2
pub async fn structure_changes_and_learners_exclude_each_other(h: &Harness) {
    use super::specimen::{event, id_of, row, set, world};
    use crate::model::table::Value;
    use crate::store::{Change, Expect, StoreErrorKind, Table, WriteBatch};
    world(h).await;
    let course: CourseId = super::specimen::course();
    let enrollment = crate::model::Id::from_uuid(id_of(Table::Enrollment));
    let barrier = Arc::new(Barrier::new(RACERS));
    let mut races = Vec::new();
    for n in 0..RACERS {
        let (store, barrier, events) = (h.store.clone(), barrier.clone(), (event(h), event(h)));
        races.push(tokio::spawn(async move {
            barrier.wait().await;
            let mut tries = 0;
            loop {
                tries += 1;
                let structure = store.course(None, course, None).await.unwrap().unwrap().course.structure_version;
                let own = store.enrollments_of(super::specimen::student()).await.unwrap().remove(0);
                let batch = if n % 4 == 0 {
                    WriteBatch {
                        expect: vec![Expect::Structure { course, version: structure }],
                        events: vec![events.0.clone()],
                        exclusive: vec![course],
                        ..WriteBatch::default()
                    }
                } else {
                    // The counter holds what the learner saw of the structure, plus one for each write.
                    let mut next = set(&row(Table::Enrollment), "version", Value::Int(own.version + 1)).unwrap();
                    next = set(&next, "quizzes_met", Value::Int(structure)).unwrap();
                    next = set(&next, "lessons_done", Value::Int(own.lessons_done + 1)).unwrap();
                    WriteBatch {
                        expect: vec![
                            Expect::Structure { course, version: structure },
                            Expect::Enrollment { id: enrollment, version: own.version },
                        ],
                        changes: vec![Change::Put(next)],
                        events: vec![events.1.clone()],
                        ..WriteBatch::default()
                    }
                };
                match store.write(Arc::new(batch)).await {
                    Ok(_) => return tries,
                    Err(e) => assert!(e.is_retryable() && *e.kind() != StoreErrorKind::NotSupported, "{e}"),
                }
                tokio::task::yield_now().await;
            }
        }));
    }
    for race in races {
        race.await.unwrap();
    }
    let own = h.store.enrollments_of(super::specimen::student()).await.unwrap().remove(0);
    let learners = i64::try_from(RACERS - RACERS / 4).unwrap();
    assert_eq!((own.version, own.lessons_done), (1 + learners, 1 + learners), "no write was lost");
    let structure = h.store.course(None, course, None).await.unwrap().unwrap().course.structure_version;
    assert_eq!(structure, 1 + i64::try_from(RACERS / 4).unwrap());
    assert!(own.quizzes_met <= structure);
    let kinds: BTreeMap<_, usize> = h.events().await.iter().fold(BTreeMap::new(), |mut kinds, e| {
        *kinds.entry(e.event.kind.clone()).or_default() += 1;
        kinds
    });
    assert_eq!(kinds.values().sum::<usize>(), RACERS);
}
