//! Certificates: one per course and student, for ever.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "conformance cases are tests")]

use std::sync::Arc;

use tokio::sync::Barrier;

use super::{Harness, RACERS};
use crate::lms::{QuizRules, UpdateCourse, Validity};
use crate::model::{BasisPoints, CertificatePolicy, EventKind, Rendering};
use crate::rules::eligibility::Blocker;

/// rules: C1
pub async fn c1_eligibility_names_every_blocker(h: &Harness) {
    let room = h.classroom(2, 1).await;
    let rules = QuizRules { pass_threshold_bp: BasisPoints::percent(50), ..QuizRules::default() };
    let quiz = room.add_quiz(room.lessons[0], 1, rules).await.unwrap();
    let (me, id) = (room.student(0), room.students[0]);
    let found = me.certificates().eligibility(room.course, id).await.unwrap();
    let lessons = room.lessons.iter().map(|l| l.uuid()).collect();
    assert_eq!(found, [Blocker::LessonsLeft { ids: lessons }, Blocker::QuizzesNotPassed { ids: vec![quiz.id.uuid()] }]);
    let refused = h.lms.system().certificates().issue(room.course, id, None).await.unwrap_err();
    assert_eq!(refused.code(), "certificate.not_eligible");
    assert!(me.certificates().issue(room.course, id, Some("please".into())).await.is_err());
    // By hand, with a reason, before completion: it stays, and completing issues nothing more.
    let by_hand =
        room.teacher().certificates().issue(room.course, id, Some("Did it all on paper.".into())).await.unwrap();
    for lesson in &room.lessons {
        me.learning().complete_lesson(*lesson).await.unwrap();
    }
    let attempt = me.quizzes().start(quiz.id).await.unwrap();
    super::quizzes::answer(&me, &attempt, 1).await;
    me.quizzes().submit(attempt.id).await.unwrap();
    assert!(me.learning().standing(room.course, id).await.unwrap().completed_at.is_some());
    assert_eq!(me.certificates().of(room.course, id).await.unwrap().id, by_hand.id);
    assert_eq!(h.count(EventKind::CertificateIssued).await, 1);
    assert!(me.certificates().eligibility(room.course, id).await.unwrap().is_empty());
}

/// rules: C2
pub async fn c2_thirty_two_issues_are_one(h: &Harness) {
    let room = h.classroom(1, 1).await;
    let version = room.course().await.unwrap().version;
    let update = UpdateCourse { version, certificates: Some(CertificatePolicy::ByHand), ..UpdateCourse::default() };
    room.teacher().catalog().update_course(room.course, update).await.unwrap();
    room.student(0).learning().complete_lesson(room.lessons[0]).await.unwrap();
    assert_eq!(h.count(EventKind::CertificateIssued).await, 0);
    let barrier = Arc::new(Barrier::new(RACERS));
    let mut races = Vec::new();
    for _ in 0..RACERS {
        let (system, barrier) = (h.lms.system(), barrier.clone());
        let (course, student) = (room.course, room.students[0]);
        races.push(tokio::spawn(async move {
            barrier.wait().await;
            system.certificates().issue(course, student, None).await.unwrap().code
        }));
    }
    let mut codes = std::collections::BTreeSet::new();
    for race in races {
        codes.insert(race.await.unwrap());
    }
    assert_eq!(codes.len(), 1);
    assert_eq!(h.count(EventKind::CertificateIssued).await, 1);
}

/// rules: C3, C4
pub async fn c3_c4_the_snapshot_is_what_verifies(h: &Harness) {
    let room = h.classroom(1, 1).await;
    let me = room.student(0);
    me.learning().complete_lesson(room.lessons[0]).await.unwrap();
    let certificate = me.certificates().of(room.course, room.students[0]).await.unwrap();
    let version = room.course().await.unwrap().version;
    let update = UpdateCourse { version, title: Some("Another title".into()), ..UpdateCourse::default() };
    room.teacher().catalog().update_course(room.course, update).await.unwrap();
    let typed = certificate.code.to_lowercase().replace('-', " ").replace('0', "o").replace('1', "l");
    let nobody = h.lms.as_user(crate::model::UserId::from_uuid(uuid::Uuid::from_u128(1)));
    let said = nobody.certificates().verify(&typed).await.unwrap().unwrap();
    assert_eq!(said.validity, Validity::Valid);
    assert_eq!((said.student_name.as_str(), said.course_title.as_str()), ("Student 1", "How Things Work"));
    assert_eq!(said.completed_at, Some(h.lms.now()));
    assert_eq!(said.code, certificate.code);
    assert!(nobody.certificates().verify("0000-0000-0000-0000").await.unwrap().is_none());
    assert!(nobody.certificates().verify("' OR 1=1 --").await.unwrap().is_none());
}

/// rules: C5, C4
pub async fn c5_revoking_keeps_the_row(h: &Harness) {
    let room = h.classroom(2, 1).await;
    let (me, id) = (room.student(0), room.students[0]);
    for lesson in &room.lessons {
        me.learning().complete_lesson(*lesson).await.unwrap();
    }
    let before = me.certificates().of(room.course, id).await.unwrap();
    assert!(me.certificates().revoke(room.course, id, "no".into()).await.is_err());
    h.clock.advance(60);
    let after = room.teacher().certificates().revoke(room.course, id, "Plagiarism.".into()).await.unwrap();
    assert_eq!((after.id, after.issued_at, &after.code), (before.id, before.issued_at, &before.code));
    let said = me.certificates().verify(&before.code).await.unwrap().unwrap();
    assert_eq!(said.validity, Validity::Revoked);
    // Issuing again gives the revoked one: nothing is issued anew or dated anew.
    let again = h.lms.system().certificates().issue(room.course, id, None).await.unwrap();
    assert!(again.revoked_at.is_some());
    assert_eq!(h.count(EventKind::CertificateIssued).await, 1);
    assert_eq!(h.count(EventKind::CertificateRevoked).await, 1);
}

/// rules: C6
pub async fn c6_ready_is_written_once(h: &Harness) {
    let room = h.classroom(1, 1).await;
    room.student(0).learning().complete_lesson(room.lessons[0]).await.unwrap();
    let system = h.lms.system();
    let pending = system.certificates().pending(10).await.unwrap();
    assert_eq!((pending.len(), pending[0].rendering), (1, Rendering::Pending));
    assert!(room.teacher().certificates().set_ready(pending[0].id, "x".into(), "y".into()).await.is_err());
    for _ in 0..3 {
        let ready =
            system.certificates().set_ready(pending[0].id, "certificates/a.pdf".into(), "ab".into()).await.unwrap();
        assert_eq!(ready.certificate_url.as_deref(), Some("certificates/a.pdf"));
    }
    assert_eq!(h.count(EventKind::CertificateReady).await, 1);
    assert!(system.certificates().pending(10).await.unwrap().is_empty());
}
