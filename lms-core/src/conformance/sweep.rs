//! The sweep of attempts whose time is up, among attempts that nobody can finish.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "conformance cases are tests")]

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;
use uuid::Uuid;

use super::Harness;
use crate::lms::QuizRules;
use crate::model::table::Json;
use crate::model::{AttemptId, AttemptState, QuizAttempt};
use crate::store::{ById, Change, LearnerScope, WriteBatch};
use crate::testing::Classroom;

/// More than are read at once, and than a round of the background tries.
const DAMAGED: usize = 16 * 15;

async fn row(h: &Harness, id: AttemptId) -> QuizAttempt {
    h.store.learner(None, LearnerScope::Attempt(id)).await.unwrap().unwrap().attempt.unwrap()
}

async fn is_graded(h: &Harness, id: AttemptId) -> bool {
    row(h, id).await.state == AttemptState::Graded
}

async fn write(h: &Harness, changes: Vec<Change>) {
    h.store.write(Arc::new(WriteBatch { changes, ..WriteBatch::default() })).await.unwrap();
}

/// Overdue attempts at so many quizzes: those of the first learner as they should be, and in front of them, by id,
/// those of all others with answers that nobody can read.
async fn overdue(h: &Harness, room: &Classroom, quizzes: usize) -> (Vec<AttemptId>, Vec<QuizAttempt>) {
    let (mut good, mut damaged) = (Vec::new(), Vec::new());
    let enrollments = h.store.enrollments(room.course, ById { after: None, limit: 500 }).await.unwrap();
    for _ in 0..quizzes {
        let rules = QuizRules { time_limit_seconds: Some(60), ..QuizRules::default() };
        let quiz = room.add_quiz(room.lessons[0], 1, rules).await.unwrap();
        let attempt = row(h, room.student(0).quizzes().start(quiz.id).await.unwrap().id).await;
        for enrollment in enrollments.iter().filter(|e| e.student_id != room.students[0]) {
            damaged.push(QuizAttempt {
                id: AttemptId::from_uuid(Uuid::from_u128(damaged.len() as u128 + 1)),
                enrollment_id: enrollment.id,
                student_id: enrollment.student_id,
                answers: Json::of(&serde_json::json!("unreadable")),
                ..attempt.clone()
            });
        }
        good.push(attempt.id);
    }
    write(h, damaged.iter().map(|row| Change::Insert(row.clone().into())).collect()).await;
    h.clock.advance(91);
    (good, damaged)
}

/// More attempts than a sweep is to finish cannot be finished, and stand in front of those that can: it goes past
/// them, says which they are and why, and ends.
/// rules: A6
pub async fn a6_what_cannot_be_finished_keeps_no_other_waiting(h: &Harness) {
    let room = h.classroom(1, 4).await;
    let (good, damaged) = overdue(h, &room, 3).await;
    let system = h.lms.system();
    let report = system.quizzes().expire_due(2).await.unwrap();
    assert_eq!((report.done, report.skipped, report.failed), (2, 0, 9));
    let told: Vec<_> = report.failures.iter().map(|failure| (failure.attempt_id, failure.code)).collect();
    assert_eq!(told, damaged.iter().map(|row| (row.id, "store.corrupt")).collect::<Vec<_>>());
    let report = system.quizzes().expire_due(2).await.unwrap();
    assert_eq!((report.done, report.skipped, report.failed), (1, 0, 9));
    for id in &good {
        assert!(is_graded(h, *id).await);
    }
    for before in &damaged {
        assert_eq!(row(h, before.id).await, *before, "nothing is written on what cannot be read");
    }
    // What is mended is finished like any other.
    let mended = QuizAttempt { answers: row(h, good[0]).await.answers, ..damaged[4].clone() };
    write(h, vec![Change::Put(mended.into())]).await;
    let report = system.quizzes().expire_due(2).await.unwrap();
    assert_eq!((report.done, report.failed), (1, 8));
    assert!(is_graded(h, damaged[4].id).await);
}

/// The same in rounds, by hand and in the background: each has its turn, what fails is told of in health, rests, and
/// is forgotten when it is mended.
/// rules: A6, V6
pub async fn a6_v6_the_background_gets_past_damaged_attempts(h: &Harness) {
    let room = h.classroom(1, 16).await;
    let (good, damaged) = overdue(h, &room, 16).await;
    assert_eq!(damaged.len(), DAMAGED);
    let stop = Arc::new(Notify::new());
    let stopping = stop.clone();
    // A pause that nothing here can wait for.
    let background = h.lms.background().pause(Duration::from_secs(600));
    let running = tokio::spawn(async move { background.run(async move { stopping.notified().await }).await });
    let all = async {
        while !is_graded(h, *good.last().unwrap()).await {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), all).await.unwrap();
    stop.notify_one();
    tokio::time::timeout(Duration::from_secs(20), running).await.unwrap().unwrap();
    let failing = async || h.lms.health().await.unwrap().failing;
    let told = failing().await;
    assert_eq!(told.len(), DAMAGED);
    assert!(told.iter().all(|f| (f.what, f.code, f.times) == ("overdue_attempt", "store.corrupt", 1)), "and they rest");
    // By hand everything is tried again, at once.
    let answers = row(h, good[0]).await.answers;
    let mended = damaged.iter().take(3).map(|row| QuizAttempt { answers: answers.clone(), ..row.clone() });
    write(h, mended.map(|row| Change::Put(row.into())).collect()).await;
    let tick = h.lms.tick().await.unwrap();
    assert_eq!((tick.expired, tick.failed), (3, DAMAGED - 3));
    assert_eq!(failing().await.len(), DAMAGED - 3);
}
