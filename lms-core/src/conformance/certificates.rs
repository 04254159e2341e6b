//! Certificates: one per course and student, for ever.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "conformance cases are tests")]

use std::sync::Arc;

use tokio::sync::Barrier;

use super::{Harness, RACERS};
use crate::lms::{QuizRules, UpdateCourse, Validity};
use crate::model::{
    AiLogStatus, BasisPoints, Certificate, CertificatePolicy, EventKind, Rendering, Role, StaffRole, TemplateDocument,
    TemplateId,
};
use crate::rules::eligibility::Blocker;
use crate::store::ById;

/// What is to be drawn.
async fn pending(h: &Harness) -> Vec<Certificate> {
    h.lms.system().certificates().renderings(None, Rendering::Pending, ById::default()).await.unwrap()
}

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

/// The score on a certificate counts the work that completes the course, by its weight.
/// rules: C3, M7
pub async fn c3_the_last_work_counts_by_its_weight(h: &Harness) {
    let room = h.classroom(1, 1).await;
    let (me, id) = (room.student(0), room.students[0]);
    let light = room.add_quiz(room.lessons[0], 2, QuizRules::default()).await.unwrap();
    let heavy = room.add_quiz(room.lessons[0], 2, QuizRules { weight: 3, ..QuizRules::default() }).await.unwrap();
    me.learning().complete_lesson(room.lessons[0]).await.unwrap();
    for (quiz, right) in [(light, 2), (heavy, 1)] {
        let attempt = me.quizzes().start(quiz.id).await.unwrap();
        super::quizzes::answer(&me, &attempt, right).await;
        me.quizzes().submit(attempt.id).await.unwrap();
    }
    let certificate = me.certificates().of(room.course, id).await.unwrap();
    // (2 + 3 × 1) ÷ (2 + 3 × 2)
    assert_eq!(certificate.snapshot.final_score.unwrap().to_string(), "62.50");
    let score = me.overview().scorecard(room.course, id).await.unwrap().percent;
    assert_eq!(score, certificate.snapshot.final_score);
}

/// Where a course gives no certificates, the host's jobs issue none either; staff may, by hand.
/// rules: C1, R1
pub async fn c1_where_none_are_given_none_is_issued(h: &Harness) {
    let room = h.classroom(1, 1).await;
    let (me, id, teacher) = (room.student(0), room.students[0], room.teacher());
    let version = room.course().await.unwrap().version;
    let update = UpdateCourse { version, certificates: Some(CertificatePolicy::None), ..UpdateCourse::default() };
    teacher.catalog().update_course(room.course, update).await.unwrap();
    me.learning().complete_lesson(room.lessons[0]).await.unwrap();
    assert!(me.learning().standing(room.course, id).await.unwrap().completed_at.is_some());
    assert_eq!(me.certificates().eligibility(room.course, id).await.unwrap(), [Blocker::NotOffered]);
    for session in [h.lms.system(), teacher.clone()] {
        let refused = session.certificates().issue(room.course, id, None).await.unwrap_err();
        assert_eq!(refused.code(), "certificate.not_eligible");
    }
    assert_eq!(h.count(EventKind::CertificateIssued).await, 0);
    teacher.certificates().issue(room.course, id, Some("An exception.".into())).await.unwrap();
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
    let version = room.course().await.unwrap().version;
    let update = UpdateCourse { version, estimated_minutes: Some(Some(90)), ..UpdateCourse::default() };
    room.teacher().catalog().update_course(room.course, update).await.unwrap();
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
    assert_eq!(said.estimated_minutes, Some(90), "printed as hours");
    assert_eq!(said.code, certificate.code);
    assert!(nobody.certificates().verify("0000-0000-0000-0000").await.unwrap().is_none());
    assert!(nobody.certificates().verify("' OR 1=1 --").await.unwrap().is_none());
}

/// The days that are printed are those of the course's time zone when it was issued, and stay.
/// rules: C3, C4, C5, C6
pub async fn c6_days_are_those_of_the_courses_zone(h: &Harness) {
    let room = h.classroom(1, 2).await;
    let (teacher, who) = (room.teacher(), room.students[0]);
    // The same instant is another day in Auckland, and the clocks there change within a year.
    let noon = crate::rules::local_time::instant("2027-03-14T12:30:00Z", None).unwrap();
    h.clock.advance(noon.floor_seconds() - h.lms.now().floor_seconds());
    let zone = |zone: &'static str| {
        let room = room.clone();
        async move {
            let version = room.course().await.unwrap().version;
            let days = Some(Some(1));
            let update = UpdateCourse {
                version,
                time_zone: Some(zone.into()),
                certificate_valid_days: days,
                ..UpdateCourse::default()
            };
            room.teacher().catalog().update_course(room.course, update).await.unwrap();
        }
    };
    zone("Pacific/Auckland").await;
    room.student(0).learning().complete_lesson(room.lessons[0]).await.unwrap();
    let first = teacher.certificates().of(room.course, who).await.unwrap();
    zone("America/Los_Angeles").await;
    let said = || async { h.lms.system().certificates().verify(&first.code).await.unwrap().unwrap() };
    let printed = |said: &crate::lms::Verification| {
        let days = [said.completed_on, Some(said.issued_on), said.expires_on];
        (said.time_zone.clone(), days.map(|day| day.unwrap().to_string()))
    };
    let there = ["2027-03-15", "2027-03-15", "2027-03-16"].map(str::to_owned);
    assert_eq!(
        printed(&said().await),
        ("Pacific/Auckland".into(), there),
        "another zone of the course changes nothing"
    );
    let stored = h.store.certificate(first.id).await.unwrap().unwrap();
    assert_eq!(stored.snapshot, first.snapshot);
    // Issued anew, it says the days of the zone of now.
    teacher.certificates().reissue(room.course, who, "the zone was wrong").await.unwrap();
    let here = ["2027-03-14", "2027-03-14", "2027-03-15"].map(str::to_owned);
    assert_eq!(printed(&said().await), ("America/Los_Angeles".into(), here));
    // Before completion there is no such day.
    let reason = Some("Did it all on paper.".to_owned());
    let by_hand = teacher.certificates().issue(room.course, room.students[1], reason).await.unwrap();
    assert_eq!((by_hand.snapshot.completed_on, by_hand.snapshot.issued_on.to_string()), (None, "2027-03-14".into()));
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
    let waiting = pending(h).await;
    assert_eq!((waiting.len(), waiting[0].rendering), (1, Rendering::Pending));
    assert!(room.teacher().certificates().set_ready(waiting[0].id, 1, "x".into(), "y".into()).await.is_err());
    for _ in 0..3 {
        let ready =
            system.certificates().set_ready(waiting[0].id, 1, "certificates/a.pdf".into(), "ab".into()).await.unwrap();
        assert_eq!(ready.certificate_url.as_deref(), Some("certificates/a.pdf"));
    }
    assert_eq!(h.count(EventKind::CertificateReady).await, 1);
    assert!(pending(h).await.is_empty());
}

/// What was drawn of a revision says nothing of the next one: it stays pending, with no file and no failure.
/// rules: C5, C6, V6
pub async fn c6_a_page_of_an_earlier_revision_is_not_the_next_ones(h: &Harness) {
    let room = h.classroom(1, 1).await;
    let (teacher, who, system) = (room.teacher(), room.students[0], h.lms.system());
    room.student(0).learning().complete_lesson(room.lessons[0]).await.unwrap();
    let drawn = pending(h).await.remove(0);
    let next = teacher.certificates().reissue(room.course, who, "the name was wrong").await.unwrap();
    let late = system.certificates().set_ready(drawn.id, drawn.revision_no, "one.pdf".into(), "a".repeat(64)).await;
    assert_eq!(late.unwrap(), next, "nothing is written");
    let late = system.certificates().set_failed(drawn.id, drawn.revision_no, "render.glyphs", "no glyphs").await;
    assert_eq!(late.unwrap(), next);
    assert_eq!(pending(h).await, std::slice::from_ref(&next));
    assert_eq!((h.count(EventKind::CertificateReady).await, h.count(EventKind::CertificateFailed).await), (0, 0));
    let ready = system.certificates().set_ready(next.id, 2, "two.pdf".into(), "b".repeat(64)).await.unwrap();
    assert_eq!(ready.certificate_url.as_deref(), Some("two.pdf"));
}

/// What cannot be drawn is told to staff, by a code, and is tried again when they say so.
/// rules: C6, V7
pub async fn c6_a_failed_rendering_is_the_staffs_to_mend(h: &Harness) {
    let room = h.classroom(1, 2).await;
    let (me, teacher, who, system) = (room.student(0), room.teacher(), room.students[0], h.lms.system());
    let none = teacher.certificates().retry_rendering(room.course, who).await.unwrap_err();
    assert_eq!(none.code(), "certificate.none");
    me.learning().complete_lesson(room.lessons[0]).await.unwrap();
    let id = me.certificates().of(room.course, who).await.unwrap().id;
    let bad = system.certificates().set_failed(id, 1, "No glyphs!", "a sentence").await.unwrap_err();
    assert_eq!(bad.code(), "invalid");
    let denied = teacher.certificates().set_failed(id, 1, "render.glyphs", "a sentence").await.unwrap_err();
    assert_eq!(denied.code(), "denied");
    let filter = crate::store::EventFilter { course: Some(room.course), ..Default::default() };
    let mut mine = h.lms.live().events(&me, filter.clone(), None).await.unwrap();
    let mut theirs = h.lms.live().events(&teacher, filter, None).await.unwrap();
    let failed = system.certificates().set_failed(id, 1, "render.glyphs", "no font has `x`").await.unwrap();
    assert_eq!((failed.rendering, failed.rendering_code.as_deref()), (Rendering::Failed, Some("render.glyphs")));
    assert!(pending(h).await.is_empty());

    let told = super::events::next(&mut theirs).await.unwrap().event.event;
    let metadata: serde_json::Value = told.metadata.read().unwrap();
    assert_eq!((told.kind, told.subject_id, told.student_id), (EventKind::CertificateFailed, id.uuid(), None));
    assert_eq!(metadata, serde_json::json!({ "code": "render.glyphs", "revision_no": 1 }));
    let seen = teacher.certificates().of(room.course, who).await.unwrap();
    assert_eq!(seen.rendering_error.as_deref(), Some("no font has `x`"));
    let seen = me.certificates().of(room.course, who).await.unwrap();
    assert_eq!((seen.rendering, seen.rendering_code, seen.rendering_error), (Rendering::Failed, None, None));

    for other in [me.clone(), room.student(1)] {
        assert!(other.certificates().retry_rendering(room.course, who).await.is_err());
    }
    for _ in 0..2 {
        let again = teacher.certificates().retry_rendering(room.course, who).await.unwrap();
        assert_eq!((again.rendering, again.version), (Rendering::Pending, failed.version + 1), "once");
        assert_eq!((again.rendering_code, again.rendering_error), (None, None));
    }
    assert_eq!(pending(h).await.len(), 1);
    system.certificates().set_ready(id, 1, "one.pdf".into(), "a".repeat(64)).await.unwrap();
    let told = super::events::next(&mut mine).await.unwrap().event.event.kind;
    assert_eq!(told, EventKind::CertificateReady, "the failure passed them by");
    let ready = teacher.certificates().retry_rendering(room.course, who).await.unwrap();
    assert_eq!(ready.rendering, Rendering::Ready, "what is made is not made again");

    // The sentence may quote the name.
    teacher.certificates().reissue(room.course, who, "a name").await.unwrap();
    system.certificates().set_failed(id, 2, "render.glyphs", "no font has `x`").await.unwrap();
    h.lms.as_user(room.admin).people().erase_person(who).await.unwrap();
    assert_eq!(h.store.certificate(id).await.unwrap().unwrap().rendering_error, None);
    let erased = teacher.certificates().retry_rendering(room.course, who).await.unwrap_err();
    assert_eq!(erased.code(), "person.erased");
}

/// Staff see what could not be made and why, page by page, and have all of it tried again with one call.
/// rules: C6, R1, D5
pub async fn c6_what_failed_is_listed_and_tried_again_together(h: &Harness) {
    let (room, other) = (h.classroom(1, 6).await, h.classroom(1, 1).await);
    let (system, teacher, admin) = (h.lms.system(), room.teacher(), h.lms.as_user(room.admin));
    let mut ids = Vec::new();
    for (room, n) in (0..6).map(|n| (&room, n)).chain([(&other, 0)]) {
        room.student(n).learning().complete_lesson(room.lessons[0]).await.unwrap();
        let id = room.student(n).certificates().of(room.course, room.students[n]).await.unwrap().id;
        system.certificates().set_failed(id, 1, "render.glyphs", "no font has `x`").await.unwrap();
        ids.push(id);
    }
    system.certificates().set_ready(ids[4], 1, "four.pdf".into(), "a".repeat(64)).await.unwrap();
    admin.people().erase_person(room.students[5]).await.unwrap();
    let mut here = ids[..4].to_vec();
    here.sort_unstable();
    let mut everywhere = [&ids[..4], &ids[6..]].concat();
    everywhere.sort_unstable();
    let course = Some(room.course);
    let list = |session: &crate::lms::Session, course, rendering, page| {
        let session = session.clone();
        async move { session.certificates().renderings(course, rendering, page).await }
    };
    let found = |rows: Result<Vec<Certificate>, crate::Error>| rows.unwrap().iter().map(|c| c.id).collect::<Vec<_>>();

    let grader = h.lms.system().people().ensure_user(crate::lms::NewUser::new(Role::Instructor, "G")).await.unwrap();
    teacher.catalog().set_staff(room.course, grader.id, Some(StaffRole::Grader)).await.unwrap();
    let grader = h.lms.as_user(grader.id);
    for who in [&teacher, &grader, &admin, &system] {
        assert_eq!(found(list(who, course, Rendering::Failed, ById::default()).await), here);
        assert_eq!(found(list(who, course, Rendering::Ready, ById::default()).await), ids[4..5]);
        assert!(list(who, course, Rendering::Pending, ById::default()).await.unwrap().is_empty());
    }
    let first = list(&teacher, course, Rendering::Failed, ById::default()).await.unwrap().remove(0);
    assert_eq!(first.rendering_code.as_deref(), Some("render.glyphs"));
    assert_eq!(first.rendering_error.as_deref(), Some("no font has `x`"), "with the reason");
    for who in [&admin, &system] {
        let pages = [(None, 2), (Some(everywhere[1].uuid()), 2), (Some(everywhere[3].uuid()), 2)];
        let mut all = Vec::new();
        for (after, limit) in pages {
            all.push(found(list(who, None, Rendering::Failed, ById { after, limit }).await));
        }
        assert_eq!(all, [&everywhere[..2], &everywhere[2..4], &everywhere[4..]], "page by page");
        assert_eq!(found(list(who, None, Rendering::Ready, ById::default()).await), ids[4..5]);
    }
    assert_eq!(h.lms.health().await.unwrap().failed_certificates, 5);

    // Who may not, sees nothing and changes nothing.
    for (who, of_course) in [(other.teacher(), "not_found"), (room.student(0), "not_found")] {
        let refused = list(&who, course, Rendering::Failed, ById::default()).await.unwrap_err();
        assert_eq!(refused.code(), of_course);
        assert_eq!(who.certificates().retry_failed(course).await.unwrap_err().code(), of_course);
    }
    assert_eq!(grader.certificates().retry_failed(course).await.unwrap_err().code(), "denied");
    for who in [&teacher, &grader, &room.student(0)] {
        let refused = list(who, None, Rendering::Failed, ById::default()).await.unwrap_err();
        assert_eq!(refused.code(), "denied");
        assert_eq!(who.certificates().retry_failed(None).await.unwrap_err().code(), "denied");
    }

    let planned = teacher.plan(move |s| async move { s.certificates().retry_failed(course).await }).await.unwrap();
    assert_eq!((planned.outcome, planned.batch.changes.len()), (4, 4));
    assert_eq!(teacher.certificates().retry_failed(course).await.unwrap(), 4);
    h.store.write(Arc::new(planned.batch)).await.unwrap_err();
    assert_eq!(teacher.certificates().retry_failed(course).await.unwrap(), 0, "once");
    assert_eq!(pending(h).await.iter().map(|c| (c.id, c.version)).collect::<Vec<_>>(), {
        here.iter().map(|id| (*id, first.version + 1)).collect::<Vec<_>>()
    });
    assert!(pending(h).await.iter().all(|c| c.rendering_code.is_none() && c.rendering_error.is_none()));
    assert_eq!(admin.certificates().retry_failed(None).await.unwrap(), 1, "of every course");
    assert_eq!(system.certificates().retry_failed(None).await.unwrap(), 0);
    assert_eq!(found(list(&system, None, Rendering::Pending, ById::default()).await), everywhere);
    assert_eq!(h.lms.health().await.unwrap().failed_certificates, 0);
}

/// More than one transaction holds are put back by one call, and who calls at the same time puts back the rest.
/// rules: C6
pub async fn c6_six_hundred_are_tried_again_with_one_call(h: &Harness) {
    let room = h.classroom(1, 1).await;
    room.student(0).learning().complete_lesson(room.lessons[0]).await.unwrap();
    let one = room.teacher().certificates().of(room.course, room.students[0]).await.unwrap();
    let mut batch = crate::store::WriteBatch::default();
    for n in 1..=600_u128 {
        let id = uuid::Uuid::from_u128(one.id.uuid().as_u128() + n);
        let user = h.lms.system().people().user(room.students[0]).await.unwrap();
        batch.insert(crate::model::User { id: crate::model::UserId::from_uuid(id), ..user });
        batch.insert(Certificate {
            id: crate::model::CertificateId::from_uuid(id),
            student_id: crate::model::UserId::from_uuid(id),
            code: format!("{:04}-{n:04}-TB2W-Z8RA", 0),
            rendering: Rendering::Failed,
            rendering_code: Some("render.glyphs".into()),
            ..one.clone()
        });
    }
    h.store.write(Arc::new(batch)).await.unwrap();
    let calls = (0..4).map(|_| {
        let teacher = room.teacher();
        tokio::spawn(async move { teacher.certificates().retry_failed(Some(room.course)).await.unwrap() })
    });
    let mut put_back = 0;
    for call in calls.collect::<Vec<_>>() {
        put_back += call.await.unwrap();
    }
    assert_eq!(put_back, 600, "each once");
    assert_eq!(h.lms.health().await.unwrap().failed_certificates, 0);
    let planned = room.teacher().plan(move |s| async move { s.certificates().retry_failed(None).await }).await;
    assert_eq!(planned.unwrap_err().code(), "denied");
}

/// Every certificate of an erased person is one whose files are to be deleted, until they are: also where the row
/// tells of no file, for one may stand there.
/// rules: D5, C5
pub async fn d5_files_of_the_erased_are_found_whatever_the_row_says(h: &Harness) {
    let room = h.classroom(1, 4).await;
    let (teacher, system, admin) = (room.teacher(), h.lms.system(), h.lms.as_user(room.admin));
    let mut ids = Vec::new();
    for n in 0..4 {
        room.student(n).learning().complete_lesson(room.lessons[0]).await.unwrap();
        ids.push(room.student(n).certificates().of(room.course, room.students[n]).await.unwrap().id);
    }
    for id in [ids[0], ids[1], ids[3]] {
        system.certificates().set_ready(id, 1, "one.pdf".into(), "a".repeat(64)).await.unwrap();
    }
    // The second was reissued since, so that its row knows of no file; the third was never said to be ready.
    teacher.certificates().reissue(room.course, room.students[1], "a name").await.unwrap();
    for who in &room.students[..3] {
        admin.people().erase_person(*who).await.unwrap();
        h.clock.advance(1);
    }
    let found = |limit| async move {
        let rows = h.lms.system().certificates().erased(ById { after: None, limit }).await.unwrap();
        rows.into_iter().map(|c| c.id).collect::<Vec<_>>()
    };
    let sorted = |of: &[crate::model::CertificateId]| {
        let mut of = of.to_vec();
        of.sort_unstable();
        of
    };
    assert_eq!(found(10).await, sorted(&ids[..3]), "by id");
    assert_eq!(found(1).await, sorted(&ids[..3])[..1]);
    for _ in 0..2 {
        system.certificates().set_files_deleted(ids[0]).await.unwrap();
        system.certificates().set_files_deleted(ids[3]).await.unwrap();
    }
    assert_eq!(found(10).await, sorted(&ids[1..3]));
    let (gone, stays) = (h.store.certificate(ids[0]).await.unwrap(), h.store.certificate(ids[3]).await.unwrap());
    assert_eq!(gone.map(|c| (c.pdf_sha256, c.files_deleted_at)), Some((None, Some(h.lms.now()))));
    assert!(stays.is_some_and(|c| c.pdf_sha256.is_some() && c.files_deleted_at.is_none()), "nobody was erased");
}

/// Two who accept one draft at once, or archive it meanwhile, do not write over one another.
/// rules: L5, C7
pub async fn l5_a_template_is_accepted_once(h: &Harness) {
    let room = h.classroom(1, 0).await;
    let admin = h.lms.as_user(room.admin);
    let first = admin.certificates().save_template(None, "Gold", TemplateDocument::default()).await.unwrap();
    let copy = |origin| {
        let admin = admin.clone();
        let body = "{{course_title}}".to_owned();
        async move { admin.certificates().apply_copy(first.id, "Done".into(), body, origin).await.unwrap() }
    };
    let log = super::atomicity::valid_log(h, "certificate", uuid::Uuid::from_u128(71)).await;
    let origin = crate::lms::AiOrigin { log_id: log.id, operation_id: log.operation_id };
    let draft = copy(origin).await;
    assert_eq!((draft.version, draft.updated_at), (1, draft.created_at));
    let edited =
        |headline: &str| TemplateDocument { headline: Some(headline.into()), ..draft.content().unwrap().clone() };
    h.clock.advance(5);
    let id = draft.id;
    let accept = |document: TemplateDocument| {
        admin.plan(move |s| async move { s.certificates().accept_template(id, Some(document)).await })
    };
    let (one, two) = (accept(edited("One")).await.unwrap(), accept(edited("Two")).await.unwrap());
    let archive = admin.plan(move |s| async move { s.certificates().archive_template(id, true).await });
    let archived = archive.await.unwrap();
    h.store.write(Arc::new(one.batch)).await.unwrap();
    for late in [two.batch, archived.batch] {
        let refused = h.store.write(Arc::new(late)).await.unwrap_err();
        assert!(refused.is_retryable(), "{refused:?}");
    }
    let stands = h.store.template(draft.id).await.unwrap().unwrap();
    assert_eq!(stands, one.outcome);
    assert_eq!((stands.version, stands.updated_at), (2, h.lms.now()));
    // With a barrier in place of a plan.
    let operation = uuid::Uuid::from_u128(72);
    let log = super::atomicity::valid_log(h, "certificate", operation).await;
    let origin = crate::lms::AiOrigin { log_id: log.id, operation_id: operation };
    let draft = copy(origin).await;
    let barrier = Arc::new(Barrier::new(RACERS));
    let mut races = Vec::new();
    for n in 0..RACERS {
        let (admin, barrier, document) = (admin.clone(), barrier.clone(), edited(&format!("Number {n}")));
        let id = draft.id;
        races.push(tokio::spawn(async move {
            barrier.wait().await;
            admin.certificates().accept_template(id, Some(document)).await
        }));
    }
    let (mut told, mut refused) = (Vec::new(), Vec::new());
    for race in races {
        match race.await.unwrap() {
            Ok(template) => told.push(template),
            Err(e) => refused.push(e.code()),
        }
    }
    let stands = h.store.template(draft.id).await.unwrap().unwrap();
    assert_eq!(told, std::slice::from_ref(&stands), "one edit is kept, and nobody else is told that theirs was");
    assert_eq!(refused, ["version.stale"; RACERS - 1]);
    // The edit that stands, and no edit at all, are no other.
    for edit in [Some(stands.content().unwrap()), None] {
        assert_eq!(admin.certificates().accept_template(draft.id, edit).await.unwrap(), stands);
    }
}

/// Templates come in versions that do not change; one in use is archived, never deleted.
/// rules: C7, C3
pub async fn c7_templates_come_in_versions(h: &Harness) {
    let room = h.classroom(1, 2).await;
    let (admin, teacher) = (h.lms.as_user(room.admin), room.teacher());
    let document = |headline: &str| TemplateDocument { headline: Some(headline.into()), ..TemplateDocument::default() };
    let bad = admin.certificates().save_template(None, "T", document("{{student_email}}")).await.unwrap_err();
    assert_eq!(bad.code(), "invalid");
    let denied = teacher.certificates().save_template(None, "T", document("Done")).await.unwrap_err();
    assert_eq!(denied.code(), "denied");
    let first = admin.certificates().save_template(None, "Plain", document("Done")).await.unwrap();
    let take = |id: Option<crate::model::TemplateId>, days: Option<i64>| {
        let room = room.clone();
        async move {
            let version = room.course().await.unwrap().version;
            let update = UpdateCourse {
                version,
                certificate_template_id: Some(id),
                certificate_valid_days: Some(days),
                ..UpdateCourse::default()
            };
            room.teacher().catalog().update_course(room.course, update).await
        }
    };
    take(Some(first.id), Some(365)).await.unwrap();
    room.student(0).learning().complete_lesson(room.lessons[0]).await.unwrap();
    let mine = room.student(0).certificates().of(room.course, room.students[0]).await.unwrap();
    assert_eq!((mine.template_id, mine.snapshot.template_id), (first.id, first.id));

    let second = admin.certificates().save_template(Some(first.id), "Plain", document("Well done")).await.unwrap();
    assert_eq!((second.family_id, second.version_no), (first.id, 2));
    let versions = teacher.certificates().template_versions(second.id).await.unwrap();
    assert_eq!(versions.iter().map(|v| v.version_no).collect::<Vec<_>>(), [1, 2]);
    assert_eq!(versions[0].content().unwrap().headline.as_deref(), Some("Done"), "the first one is what it was");
    take(Some(second.id), None).await.unwrap();
    room.student(1).learning().complete_lesson(room.lessons[0]).await.unwrap();
    let other = room.student(1).certificates().of(room.course, room.students[1]).await.unwrap();
    assert_eq!((other.template_id, other.expires_at), (second.id, None));
    let kept = room.student(0).certificates().of(room.course, room.students[0]).await.unwrap();
    assert_eq!(kept, mine, "old certificates keep theirs");

    let in_use = admin.certificates().delete_template(first.id).await.unwrap_err();
    assert_eq!(in_use.code(), "template.in_use");
    let built_in =
        crate::model::TemplateId::from_uuid(uuid::Uuid::from_u128(0x6c6d_7300_0000_8000_8000_0000_0000_0001));
    assert_eq!(admin.certificates().delete_template(built_in).await.unwrap_err().code(), "template.in_use");
    admin.certificates().archive_template(first.id, true).await.unwrap();
    assert_eq!(take(Some(first.id), None).await.unwrap_err().code(), "invalid", "an archived one is taken no more");
    let unused = admin.certificates().save_template(None, "Unused", document("Unused")).await.unwrap();
    admin.certificates().delete_template(unused.id).await.unwrap();
    assert_eq!(admin.certificates().template_versions(unused.id).await.unwrap_err().code(), "not_found");

    // Expiry is computed when it is read, and a revocation stands above it (C4).
    let state = || async { h.lms.system().certificates().verify(&mine.code).await.unwrap().unwrap().validity };
    assert_eq!(mine.expires_at, Some(mine.issued_at.plus_seconds(365 * 86_400)));
    assert_eq!(state().await, Validity::Valid);
    h.clock.advance(366 * 86_400);
    assert_eq!(state().await, Validity::Expired);
    teacher.certificates().revoke(room.course, room.students[0], "a mistake".into()).await.unwrap();
    assert_eq!(state().await, Validity::Revoked);
}

/// A corrected name or a renewal is another revision under the same code; what stood is kept.
/// rules: C5, C4, C2
pub async fn c5_a_reissue_is_a_revision_under_the_same_code(h: &Harness) {
    let room = h.classroom(1, 1).await;
    let (me, teacher, who) = (room.student(0), room.teacher(), room.students[0]);
    let none = teacher.certificates().reissue(room.course, who, "a name").await.unwrap_err();
    assert_eq!(none.code(), "certificate.none");
    me.learning().complete_lesson(room.lessons[0]).await.unwrap();
    let first = me.certificates().of(room.course, who).await.unwrap();
    let system = h.lms.system();
    system.certificates().set_ready(first.id, 1, "one.pdf".into(), "a".repeat(64)).await.unwrap();
    assert_eq!(me.certificates().reissue(room.course, who, "mine").await.unwrap_err().code(), "denied");
    h.clock.advance(86_400);
    let version = room.course().await.unwrap().version;
    let update = UpdateCourse { version, title: Some("How Things Really Work".into()), ..UpdateCourse::default() };
    teacher.catalog().update_course(room.course, update).await.unwrap();
    let printed = system.certificates().verify(&first.code).await.unwrap().unwrap();
    assert_eq!(printed.course_title, "How Things Work", "a rename changes nothing that was printed");
    let second = teacher.certificates().reissue(room.course, who, "the title was wrong").await.unwrap();
    assert_eq!((second.id, &second.code, second.revision_no), (first.id, &first.code, 2));
    assert_eq!((second.rendering, second.certificate_url.as_deref()), (Rendering::Pending, None));
    assert_eq!(second.snapshot.completed_at, first.snapshot.completed_at, "completion is what it was");
    assert!(second.issued_at > first.issued_at);
    let printed = system.certificates().verify(&first.code).await.unwrap().unwrap();
    assert_eq!((printed.course_title.as_str(), printed.revision_no), ("How Things Really Work", 2));
    let earlier = teacher.certificates().revisions(room.course, who).await.unwrap();
    assert_eq!(earlier.len(), 1);
    assert_eq!((earlier[0].revision_no, earlier[0].certificate_url.as_deref()), (1, Some("one.pdf")));
    assert_eq!(earlier[0].snapshot.course_title, "How Things Work");
    system.certificates().set_ready(first.id, 2, "two.pdf".into(), "b".repeat(64)).await.unwrap();
    assert_eq!(h.count(EventKind::CertificateReady).await, 2, "once per revision");
    assert_eq!((h.count(EventKind::CertificateIssued).await, h.count(EventKind::CertificateReissued).await), (1, 1));
    teacher.certificates().revoke(room.course, who, "a mistake".into()).await.unwrap();
    let revoked = teacher.certificates().reissue(room.course, who, "again").await.unwrap_err();
    assert_eq!(revoked.code(), "certificate.revoked");
}

/// Each blocker, with its parameters, while it is one.
/// rules: C1, P6, P7, E2
pub async fn c1_each_blocker_while_it_stands(h: &Harness) {
    use crate::lms::{AssignmentRules, NewGrade, NewQuestion, NewQuiz, NewSubmission};
    use crate::model::question::{Answer, QuestionBody};
    use crate::model::{MetBy, Points};
    let room = h.classroom(1, 1).await;
    let (me, teacher, id) = (room.student(0), room.teacher(), room.students[0]);
    let found = || async { me.certificates().eligibility(room.course, id).await.unwrap() };
    let essay = QuestionBody::Essay { rubric: None, staff_notes: String::new() };
    let new =
        NewQuiz { is_published: true, questions: vec![NewQuestion::new("Why?", essay)], ..NewQuiz::titled("Essay") };
    let new =
        NewQuiz { rules: QuizRules { pass_threshold_bp: BasisPoints::percent(50), ..QuizRules::default() }, ..new };
    let quiz = teacher.catalog().add_quiz(room.lessons[0], new).await.unwrap();
    let rules = AssignmentRules {
        is_required: true,
        met_by: MetBy::Passed,
        pass_threshold_bp: BasisPoints::percent(50),
        ..AssignmentRules::default()
    };
    let task = super::assignments::assign(&room, rules, None).await;
    me.learning().complete_lesson(room.lessons[0]).await.unwrap();
    let (quizzes, tasks) = (vec![quiz.id.uuid()], vec![task.id.uuid()]);
    let open = [Blocker::QuizzesNotPassed { ids: quizzes.clone() }, Blocker::AssignmentsLeft { ids: tasks.clone() }];
    assert_eq!(found().await, open);
    // Handed in, they wait for a grade.
    let attempt = me.quizzes().start(quiz.id).await.unwrap();
    let words = [(attempt.questions[0].id, Some(Answer::Essay { text: "Because.".into() }))];
    me.quizzes().save(attempt.id, "tab", 1, words.into()).await.unwrap();
    me.quizzes().submit(attempt.id).await.unwrap();
    let handed = me.assignments().submit(task.id, NewSubmission::text("Here it is.")).await.unwrap();
    let pending = Blocker::GradesPending { ids: vec![quiz.id.uuid(), task.id.uuid()] };
    assert_eq!(found().await, [open[0].clone(), open[1].clone(), pending]);
    // Not active, or nothing to complete.
    teacher.enrollment().suspend(room.course, id).await.unwrap();
    assert_eq!(found().await[0], Blocker::Enrollment);
    teacher.enrollment().withdraw(room.course, id).await.unwrap();
    assert_eq!(h.lms.system().certificates().eligibility(room.course, id).await.unwrap()[0], Blocker::Enrollment);
    teacher.enrollment().reactivate(room.course, id).await.unwrap();
    teacher.catalog().publish_lesson(room.lessons[0], false).await.unwrap();
    assert_eq!(found().await, [Blocker::NoContent]);
    teacher.catalog().publish_lesson(room.lessons[0], true).await.unwrap();
    // One after the other they go.
    let grade = NewGrade { points: Points::whole(50), ..NewGrade::default() };
    teacher.assignments().grade(handed.id, grade).await.unwrap();
    assert_eq!(found().await, [open[0].clone(), Blocker::GradesPending { ids: quizzes }]);
    let question = crate::model::QuestionId::from_uuid(attempt.questions[0].id);
    let mark = crate::lms::AnswerGrade { points: Points::whole(1).unwrap(), feedback: None, seen_seq: 0 };
    teacher.quizzes().grade_answer(attempt.id, question, mark).await.unwrap();
    assert!(found().await.is_empty());
    assert_eq!(h.count(EventKind::CertificateIssued).await, 1);
    let new = crate::lms::NewUser::new(crate::model::Role::Student, "S");
    let stranger = h.lms.as_user(h.lms.system().people().ensure_user(new).await.unwrap().id);
    assert_eq!(stranger.certificates().eligibility(room.course, id).await.unwrap_err().code(), "not_found");
}

/// What a code says when several things are true of it: revoked before erased before expired before valid.
/// rules: C4, C3, D5
pub async fn c4_the_first_that_applies_is_said(h: &Harness) {
    let room = h.classroom(1, 2).await;
    let teacher = room.teacher();
    let version = room.course().await.unwrap().version;
    let update = crate::lms::UpdateCourse { version, certificate_valid_days: Some(Some(1)), ..Default::default() };
    teacher.catalog().update_course(room.course, update).await.unwrap();
    let mut codes = Vec::new();
    for n in 0..2 {
        room.student(n).learning().complete_lesson(room.lessons[0]).await.unwrap();
        codes.push(room.student(n).certificates().of(room.course, room.students[n]).await.unwrap().code);
    }
    let said = |n: usize| {
        let (lms, code) = (h.lms.clone(), codes[n].clone());
        async move { lms.system().certificates().verify(&code).await.unwrap().unwrap().validity }
    };
    h.clock.advance(86_399);
    assert_eq!(said(0).await, Validity::Valid, "to the last second");
    h.clock.advance(1);
    assert_eq!(said(0).await, Validity::Expired);
    teacher.certificates().revoke(room.course, room.students[1], "a mistake".into()).await.unwrap();
    for who in &room.students {
        h.lms.as_user(room.admin).people().erase_person(*who).await.unwrap();
    }
    assert_eq!(said(0).await, Validity::HolderErased, "erased stands above expired");
    assert_eq!(said(1).await, Validity::Revoked, "and revoked above erased");
    let unknown = h.lms.system().certificates().verify("0000-0000-0000-0000").await.unwrap();
    assert!(unknown.is_none());
}

/// Copy by AI is a draft version that no course can take until a person accepts it, as it is or edited.
/// rules: C7, I2, L4
pub async fn c7_copy_by_ai_is_a_draft_until_accepted(h: &Harness) {
    let room = h.classroom(1, 0).await;
    let admin = h.lms.as_user(room.admin);
    let document = TemplateDocument { issuer_name: Some("The School".into()), ..TemplateDocument::default() };
    let first = admin.certificates().save_template(None, "Gold", document.clone()).await.unwrap();
    let operation = uuid::Uuid::from_u128(70);
    let log = super::atomicity::valid_log(h, "certificate", operation).await;
    let origin = crate::lms::AiOrigin { log_id: log.id, operation_id: operation };
    let body = "{{student_name}} has completed {{course_title}}.";
    let copy = |session: crate::lms::Session, body: &str| {
        let body = body.to_owned();
        async move { session.certificates().apply_copy(first.id, "Well done".into(), body, origin).await }
    };
    assert_eq!(copy(room.teacher(), body).await.unwrap_err().code(), "denied");
    assert_eq!(copy(admin.clone(), "{{student_email}}").await.unwrap_err().code(), "invalid");
    assert_eq!(h.store.ai_log(log.id).await.unwrap().unwrap().status, AiLogStatus::Valid);
    let draft = copy(admin.clone(), body).await.unwrap();
    assert_eq!(copy(admin.clone(), body).await.unwrap(), draft, "once");
    assert_eq!((draft.version_no, draft.family_id), (2, first.family_id));
    assert!(draft.is_draft && draft.is_ai_generated && draft.ai_log_id == Some(log.id));
    assert_eq!(draft.content().unwrap().issuer_name.as_deref(), Some("The School"), "the rest is as it was");
    assert_eq!(h.store.ai_log(log.id).await.unwrap().unwrap().status, AiLogStatus::Applied);
    let room = &room;
    let take = |id: TemplateId| {
        let teacher = room.teacher();
        async move {
            let version = room.course().await.unwrap().version;
            let update = UpdateCourse { version, certificate_template_id: Some(Some(id)), ..UpdateCourse::default() };
            teacher.catalog().update_course(room.course, update).await
        }
    };
    assert_eq!(take(draft.id).await.unwrap_err().code(), "invalid", "nobody has accepted it");
    let edited =
        TemplateDocument { body: Some("{{student_name}}: {{course_title}}".into()), ..draft.content().unwrap() };
    assert_eq!(room.teacher().certificates().accept_template(draft.id, None).await.unwrap_err().code(), "denied");
    h.clock.advance(5);
    let accepted = admin.certificates().accept_template(draft.id, Some(edited.clone())).await.unwrap();
    assert!(!accepted.is_draft && accepted.is_ai_generated && accepted.ai_edited_at == Some(h.lms.now()));
    assert_eq!(accepted.content().unwrap(), edited);
    let again = admin.certificates().accept_template(draft.id, Some(document)).await.unwrap_err();
    assert_eq!(again.code(), "version.stale", "what is accepted does not change any more");
    take(draft.id).await.unwrap();
}
