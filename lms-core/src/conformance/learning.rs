//! Progress and completion, also when everything happens at once.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "conformance cases are tests")]

use std::sync::Arc;

use tokio::sync::Barrier;

use super::{Harness, RACERS};
use crate::error::{Error, Refusal};
use crate::lms::{QuizRules, UpdateLesson};
use crate::model::{CompletionRule, EventKind, ProgressStatus};
use crate::testing::Classroom;

async fn audited(h: &Harness, room: &Classroom) {
    let drift = h.lms.system().activity().audit(room.course).await.unwrap();
    assert!(drift.is_empty(), "{drift:?}");
}

/// rules: P1, P2
pub async fn p1_p2_lessons_complete_by_their_rules(h: &Harness) {
    let room = h.classroom(2, 1).await;
    let me = room.student(0);
    let teacher = room.teacher();
    let shown = me.learning().open_lesson(room.lessons[0]).await.unwrap();
    assert_eq!(shown.lesson, Some(ProgressStatus::InProgress));
    let lesson = teacher.catalog().lesson(room.lessons[0]).await.unwrap();
    let update =
        UpdateLesson { version: lesson.version, completion_rule: Some(CompletionRule::Viewed), ..Default::default() };
    teacher.catalog().update_lesson(lesson.id, update).await.unwrap();
    let refused = me.learning().complete_lesson(room.lessons[0]).await.unwrap_err();
    assert_eq!(refused.code(), "lesson.not_by_mark");
    let second = crate::lms::NewTopic::text("More to see", "A second text.");
    teacher.catalog().add_topic(lesson.id, second).await.unwrap();
    let shown = me.learning().view_topic(room.topics[0]).await.unwrap();
    assert_eq!(shown.lesson, Some(ProgressStatus::InProgress), "one of two topics is not all of them");
    let topics = teacher.catalog().topics(lesson.id).await.unwrap();
    let shown = me.learning().view_topic(topics[1].id).await.unwrap();
    assert_eq!(shown.lesson, Some(ProgressStatus::Completed));
    assert_eq!(shown.percent.unwrap().to_string(), "50.00");

    // Work: a quiz without a threshold counts once it is handed in.
    let quiz = room.add_quiz(room.lessons[1], 1, QuizRules::default()).await.unwrap();
    let lesson = teacher.catalog().lesson(room.lessons[1]).await.unwrap();
    let update =
        UpdateLesson { version: lesson.version, completion_rule: Some(CompletionRule::Work), ..Default::default() };
    teacher.catalog().update_lesson(lesson.id, update).await.unwrap();
    let attempt = me.quizzes().start(quiz.id).await.unwrap();
    me.quizzes().submit(attempt.id).await.unwrap();
    let standing = me.learning().standing(room.course, room.students[0]).await.unwrap();
    assert_eq!((standing.lessons_done, standing.lessons_total), (2, 2));
    assert!(standing.completed_at.is_some());

    // A rule that can never be met is an authoring error.
    let empty = teacher
        .catalog()
        .add_lesson(
            room.course,
            crate::lms::NewLesson {
                completion_rule: CompletionRule::Work,
                ..crate::lms::NewLesson::titled("Empty").published()
            },
        )
        .await
        .unwrap_err();
    assert_eq!(empty.code(), "invalid");
    audited(h, &room).await;
}

/// rules: P5, P6
pub async fn p5_p6_percent_and_the_empty_course(h: &Harness) {
    let room = h.classroom(3, 1).await;
    let me = room.student(0);
    me.learning().complete_lesson(room.lessons[0]).await.unwrap();
    let shown = me.learning().complete_lesson(room.lessons[1]).await.unwrap();
    assert_eq!(shown.percent.unwrap().to_string(), "66.66");
    assert!(shown.completed_at.is_none());
    let teacher = room.teacher();
    for lesson in &room.lessons {
        teacher.catalog().publish_lesson(*lesson, false).await.unwrap();
    }
    let shown = me.learning().standing(room.course, room.students[0]).await.unwrap();
    assert_eq!((shown.percent, shown.lessons_total), (None, 0));
    assert!(shown.completed_at.is_none(), "an empty course is never complete");
    assert_eq!(h.count(EventKind::CertificateIssued).await, 0);
    audited(h, &room).await;
}

/// rules: P7, P3
pub async fn p7_completion_fires_once(h: &Harness) {
    let room = h.classroom(2, 1).await;
    let me = room.student(0);
    me.learning().complete_lesson(room.lessons[0]).await.unwrap();
    let shown = me.learning().complete_lesson(room.lessons[1]).await.unwrap();
    assert!(shown.just_completed);
    for lesson in &room.lessons {
        assert!(!me.learning().complete_lesson(*lesson).await.unwrap().just_completed);
    }
    assert_eq!(h.count(EventKind::LessonCompleted).await, 2);
    // Whatever is done in the course afterwards is evaluated too, and completes nothing again.
    h.clock.advance(60);
    let teacher = room.teacher();
    let optional = room.add_quiz(room.lessons[0], 1, QuizRules { is_required: false, ..QuizRules::default() });
    let attempt = me.quizzes().start(optional.await.unwrap().id).await.unwrap();
    me.quizzes().submit(attempt.id).await.unwrap();
    teacher.enrollment().suspend(room.course, room.students[0]).await.unwrap();
    teacher.enrollment().reactivate(room.course, room.students[0]).await.unwrap();
    room.add_lesson("One more").await.unwrap();
    teacher.catalog().publish_lesson(room.lessons[1], false).await.unwrap();
    let after = me.learning().standing(room.course, room.students[0]).await.unwrap();
    assert_eq!(after.completed_at, shown.completed_at);
    assert_eq!(h.count(EventKind::CourseCompleted).await, 1);
    assert_eq!(h.count(EventKind::CertificateIssued).await, 1);
    let certificate = me.certificates().of(room.course, room.students[0]).await.unwrap();
    assert_eq!(Some(certificate.issued_at), shown.completed_at);
    audited(h, &room).await;
}

/// Who is suspended may hand in what they began, and completes the course only when they are back.
/// rules: P7, A13, E2
pub async fn p7_who_is_suspended_completes_on_coming_back(h: &Harness) {
    let room = h.classroom(1, 1).await;
    let (me, teacher, who) = (room.student(0), room.teacher(), room.students[0]);
    let quiz = room.add_quiz(room.lessons[0], 1, QuizRules::default()).await.unwrap();
    me.learning().complete_lesson(room.lessons[0]).await.unwrap();
    let attempt = me.quizzes().start(quiz.id).await.unwrap();
    teacher.enrollment().suspend(room.course, who).await.unwrap();
    me.quizzes().submit(attempt.id).await.unwrap();
    assert_eq!(me.learning().standing(room.course, who).await.unwrap().completed_at, None);
    assert_eq!(h.count(EventKind::CourseCompleted).await + h.count(EventKind::CertificateIssued).await, 0);
    h.clock.advance(60);
    teacher.enrollment().reactivate(room.course, who).await.unwrap();
    assert_eq!(me.learning().standing(room.course, who).await.unwrap().completed_at, Some(h.lms.now()));
    assert_eq!((h.count(EventKind::CourseCompleted).await, h.count(EventKind::CertificateIssued).await), (1, 1));
    audited(h, &room).await;
}

/// rules: P8, P4
pub async fn p8_new_lessons_do_not_take_completion_away(h: &Harness) {
    let room = h.classroom(1, 1).await;
    let me = room.student(0);
    let before = me.learning().complete_lesson(room.lessons[0]).await.unwrap();
    room.add_lesson("One more").await.unwrap();
    let outline = me.overview().outline(room.course, room.students[0]).await.unwrap();
    assert_eq!(outline.completed_at, before.completed_at);
    assert_eq!(outline.percent.unwrap().to_string(), "50.00");
    assert_eq!(outline.new_since_completion, 1);
    assert!(me.certificates().of(room.course, room.students[0]).await.is_ok());
    audited(h, &room).await;
}

/// rules: P9
pub async fn p9_easing_the_course_completes_who_now_qualifies(h: &Harness) {
    let room = h.classroom(3, 3).await;
    for n in 0..2 {
        room.student(n).learning().complete_lesson(room.lessons[0]).await.unwrap();
    }
    room.student(0).learning().complete_lesson(room.lessons[1]).await.unwrap();
    h.clock.advance(60);
    let teacher = room.teacher();
    // Made optional: who has the other two is done now.
    let lesson = teacher.catalog().lesson(room.lessons[2]).await.unwrap();
    let update = UpdateLesson { version: lesson.version, is_required: Some(false), ..Default::default() };
    teacher.catalog().update_lesson(lesson.id, update).await.unwrap();
    let first = me(&room, 0).await;
    assert_eq!(first.completed_at, Some(h.lms.now()), "completed at the time of the change");
    assert!(me(&room, 1).await.completed_at.is_none());
    // Deleted: the second learner is done too. The third has done nothing and is not.
    h.clock.advance(60);
    teacher.catalog().publish_lesson(room.lessons[1], false).await.unwrap();
    assert_eq!(me(&room, 1).await.completed_at, Some(h.lms.now()));
    assert!(me(&room, 2).await.completed_at.is_none());
    assert_eq!(h.count(EventKind::CertificateIssued).await, 2);
    // A threshold lowered below the kept score passes.
    let quiz = room
        .add_quiz(
            room.lessons[0],
            2,
            QuizRules { pass_threshold_bp: crate::model::BasisPoints::percent(100), ..QuizRules::default() },
        )
        .await
        .unwrap();
    let third = room.student(2);
    third.learning().complete_lesson(room.lessons[0]).await.unwrap();
    let attempt = third.quizzes().start(quiz.id).await.unwrap();
    super::quizzes::answer(&third, &attempt, 1).await;
    third.quizzes().submit(attempt.id).await.unwrap();
    assert!(me(&room, 2).await.completed_at.is_none());
    let row = teacher.catalog().quiz(quiz.id).await.unwrap();
    let rules = QuizRules { pass_threshold_bp: crate::model::BasisPoints::percent(50), ..QuizRules::default() };
    let update = crate::lms::UpdateQuiz { version: row.version, rules: Some(rules), ..Default::default() };
    teacher.catalog().update_quiz(quiz.id, update).await.unwrap();
    assert!(me(&room, 2).await.completed_at.is_some());
    assert!(h.store.open_jobs(None, 10).await.unwrap().is_empty());
    audited(h, &room).await;
}

async fn me(room: &Classroom, n: usize) -> crate::lms::Standing {
    room.student(n).learning().standing(room.course, room.students[n]).await.unwrap()
}

/// Two devices of one learner finish the last two lessons at the same instant, again and again.
/// rules: P10
pub async fn p10_two_devices_finish_the_last_two_lessons(h: &Harness) {
    let room = h.classroom(2, RACERS).await;
    let mut races = Vec::new();
    for n in 0..RACERS {
        let barrier = Arc::new(Barrier::new(2));
        for lesson in room.lessons.clone() {
            let (device, barrier) = (room.student(n), barrier.clone());
            races.push(tokio::spawn(async move {
                barrier.wait().await;
                device.learning().complete_lesson(lesson).await.unwrap().just_completed
            }));
        }
    }
    let mut finished = 0;
    for race in races {
        finished += usize::from(race.await.unwrap());
    }
    assert_eq!(finished, RACERS, "each learner's course is completed by exactly one of the two");
    assert_eq!(h.count(EventKind::CourseCompleted).await, RACERS);
    assert_eq!(h.count(EventKind::CertificateIssued).await, RACERS);
    for n in 0..RACERS {
        assert!(room.student(n).certificates().of(room.course, room.students[n]).await.is_ok());
    }
    audited(h, &room).await;
}

/// One learner, 32 lessons, 32 tasks: nothing is lost, one completion, one certificate.
/// rules: P10, C2
pub async fn p10_many_learners_finish_at_once(h: &Harness) {
    let room = h.classroom(RACERS, 1).await;
    let barrier = Arc::new(Barrier::new(RACERS));
    let mut races = Vec::new();
    for lesson in room.lessons.clone() {
        let (device, barrier) = (room.student(0), barrier.clone());
        races.push(tokio::spawn(async move {
            barrier.wait().await;
            device.learning().complete_lesson(lesson).await.unwrap().just_completed
        }));
    }
    let mut finished = 0;
    for race in races {
        finished += usize::from(race.await.unwrap());
    }
    assert_eq!(finished, 1);
    let standing = me(&room, 0).await;
    assert_eq!((standing.lessons_done, standing.lessons_total), (32, 32));
    assert_eq!(h.count(EventKind::LessonCompleted).await, RACERS);
    assert_eq!(h.count(EventKind::CourseCompleted).await, 1);
    assert_eq!(h.count(EventKind::CertificateIssued).await, 1);
    audited(h, &room).await;
}

/// rules: P10
pub async fn p10_a_lesson_and_a_quiz_at_the_same_instant(h: &Harness) {
    let room = h.classroom(1, RACERS).await;
    let quiz = room
        .add_quiz(
            room.lessons[0],
            1,
            QuizRules { pass_threshold_bp: crate::model::BasisPoints::percent(50), ..QuizRules::default() },
        )
        .await
        .unwrap();
    let mut races = Vec::new();
    for n in 0..RACERS {
        let student = room.student(n);
        let attempt = student.quizzes().start(quiz.id).await.unwrap();
        super::quizzes::answer(&student, &attempt, 1).await;
        let barrier = Arc::new(Barrier::new(2));
        let (a, b, lesson) = (student.clone(), student, room.lessons[0]);
        let other = barrier.clone();
        races.push(tokio::spawn(async move {
            barrier.wait().await;
            a.learning().complete_lesson(lesson).await.map(|_| ())
        }));
        races.push(tokio::spawn(async move {
            other.wait().await;
            b.quizzes().submit(attempt.id).await.map(|_| ())
        }));
    }
    for race in races {
        race.await.unwrap().unwrap();
    }
    assert_eq!(h.count(EventKind::CourseCompleted).await, RACERS);
    assert_eq!(h.count(EventKind::CertificateIssued).await, RACERS);
    audited(h, &room).await;
}

/// A teacher unpublishes the last lesson at the instant at which learners finish the one before it.
/// rules: P10, P9
pub async fn p10_unpublish_against_finish(h: &Harness) {
    let room = h.classroom(2, RACERS).await;
    let barrier = Arc::new(Barrier::new(RACERS + 1));
    let mut races = Vec::new();
    for n in 0..RACERS {
        let (student, barrier, lesson) = (room.student(n), barrier.clone(), room.lessons[0]);
        races.push(tokio::spawn(async move {
            barrier.wait().await;
            student.learning().complete_lesson(lesson).await.map(|_| ())
        }));
    }
    let (teacher, last) = (room.teacher(), room.lessons[1]);
    races.push(tokio::spawn(async move {
        barrier.wait().await;
        teacher.catalog().publish_lesson(last, false).await.map(|_| ())
    }));
    for race in races {
        race.await.unwrap().unwrap();
    }
    for n in 0..RACERS {
        assert!(me(&room, n).await.completed_at.is_some(), "learner {n} is finished but not complete");
    }
    assert_eq!(h.count(EventKind::CourseCompleted).await, RACERS);
    assert_eq!(h.count(EventKind::CertificateIssued).await, RACERS);
    audited(h, &room).await;
}

/// rules: P4
pub async fn p4_own_marks_can_be_undone(h: &Harness) {
    let room = h.classroom(2, 1).await;
    let me = room.student(0);
    let nothing = me.learning().undo_complete_lesson(room.lessons[0]).await.unwrap_err();
    assert_eq!(nothing.code(), "lesson.nothing_to_undo");
    me.learning().complete_lesson(room.lessons[0]).await.unwrap();
    let shown = me.learning().undo_complete_lesson(room.lessons[0]).await.unwrap();
    assert_eq!((shown.lessons_done, shown.lesson), (0, Some(ProgressStatus::InProgress)));
    me.learning().complete_lesson(room.lessons[0]).await.unwrap();
    me.learning().complete_lesson(room.lessons[1]).await.unwrap();
    let late = me.learning().undo_complete_lesson(room.lessons[0]).await.unwrap_err();
    assert!(matches!(late, Error::Refused(Refusal::CourseCompleted {})), "{late}");
    audited(h, &room).await;
}

/// rules: P1, V2
pub async fn b20_repeating_a_completed_lesson_writes_nothing(h: &Harness) {
    let room = h.classroom(2, 1).await;
    let me = room.student(0);
    me.learning().complete_lesson(room.lessons[0]).await.unwrap();
    let before = h.events().await.len();
    let version = me.enrollment().enrollment(room.course, room.students[0]).await.unwrap().version;
    for _ in 0..5 {
        me.learning().complete_lesson(room.lessons[0]).await.unwrap();
    }
    assert_eq!(h.events().await.len(), before);
    assert_eq!(me.enrollment().enrollment(room.course, room.students[0]).await.unwrap().version, version);
}

/// rules: P11
pub async fn p11_audit_finds_what_was_written_around(h: &Harness) {
    let room = h.classroom(2, 2).await;
    room.student(0).learning().complete_lesson(room.lessons[0]).await.unwrap();
    audited(h, &room).await;
    // A batch that lies about the counters, as an operator's SQL might.
    let mut enrollment = room.student(0).enrollment().enrollment(room.course, room.students[0]).await.unwrap();
    enrollment.lessons_done = 2;
    let batch =
        crate::store::WriteBatch { changes: vec![crate::store::Change::Put(enrollment.into())], ..Default::default() };
    h.store.write(Arc::new(batch)).await.unwrap();
    let drift = h.lms.system().activity().audit(room.course).await.unwrap();
    assert_eq!(drift.len(), 1);
    assert_eq!((drift[0].figure, drift[0].stored, drift[0].recounted), ("enrollments.lessons_done", 2, 1));
    h.lms.system().activity().repair(room.course).await.unwrap();
    audited(h, &room).await;
    assert!(me(&room, 0).await.completed_at.is_none());
}

/// Another kept score or threshold is another result of everybody, also of who has completed the course, who
/// stays complete.
/// rules: A9, A10, P4, P11, M2
pub async fn a9_another_kept_score_reaches_who_has_completed(h: &Harness) {
    let room = h.classroom(1, 1).await;
    let (me, teacher, who) = (room.student(0), room.teacher(), room.students[0]);
    let rules = QuizRules { pass_threshold_bp: crate::model::BasisPoints::percent(50), ..QuizRules::default() };
    let quiz = room.add_quiz(room.lessons[0], 2, rules.clone()).await.unwrap();
    for right in [2, 1] {
        let attempt = me.quizzes().start(quiz.id).await.unwrap();
        super::quizzes::answer(&me, &attempt, right).await;
        me.quizzes().submit(attempt.id).await.unwrap();
    }
    me.learning().complete_lesson(room.lessons[0]).await.unwrap();
    let done = self::me(&room, 0).await.completed_at;
    assert!(done.is_some());
    let shown = || async {
        let card = me.overview().scorecard(room.course, who).await.unwrap();
        (card.items[0].percent.unwrap().to_string(), card.items[0].passed)
    };
    assert_eq!(shown().await, ("100.00".to_owned(), Some(true)));
    let edit = |rules: QuizRules| async {
        let version = teacher.catalog().quiz(quiz.id).await.unwrap().version;
        let update = crate::lms::UpdateQuiz { version, rules: Some(rules), ..Default::default() };
        teacher.catalog().update_quiz(quiz.id, update).await.unwrap();
    };
    edit(QuizRules { kept_score: crate::model::KeptScore::Latest, ..rules.clone() }).await;
    assert_eq!(shown().await, ("50.00".to_owned(), Some(true)));
    audited(h, &room).await;
    edit(QuizRules {
        kept_score: crate::model::KeptScore::Latest,
        pass_threshold_bp: crate::model::BasisPoints::percent(80),
        ..rules
    })
    .await;
    assert_eq!(shown().await.1, Some(false));
    assert_eq!(self::me(&room, 0).await.completed_at, done, "completed is completed");
    assert_eq!(h.count(EventKind::QuizFailed).await, 1);
    audited(h, &room).await;
}

/// Who comes back finds the course as it has become, and completes it where nothing is missing.
/// rules: P7, P9, E2
pub async fn p7_coming_back_counts_what_the_course_has_become(h: &Harness) {
    let room = h.classroom(1, 3).await;
    let teacher = room.teacher();
    let rules = || QuizRules { pass_threshold_bp: crate::model::BasisPoints::percent(100), ..QuizRules::default() };
    let first = room.add_quiz(room.lessons[0], 1, rules()).await.unwrap();
    let second = room.add_quiz(room.lessons[0], 1, rules()).await.unwrap();
    let lesson = teacher.catalog().lesson(room.lessons[0]).await.unwrap();
    let update =
        UpdateLesson { version: lesson.version, completion_rule: Some(CompletionRule::Work), ..Default::default() };
    teacher.catalog().update_lesson(lesson.id, update).await.unwrap();
    for n in 0..3 {
        let attempt = room.student(n).quizzes().start(first.id).await.unwrap();
        super::quizzes::answer(&room.student(n), &attempt, 1).await;
        room.student(n).quizzes().submit(attempt.id).await.unwrap();
    }
    teacher.enrollment().suspend(room.course, room.students[0]).await.unwrap();
    room.student(1).enrollment().withdraw(room.course, room.students[1]).await.unwrap();
    teacher.catalog().publish_quiz(second.id, false).await.unwrap();
    assert!(me(&room, 2).await.completed_at.is_some(), "who is there completes at once");
    assert!(me(&room, 0).await.completed_at.is_none(), "only active enrollments complete");
    h.clock.advance(60);
    teacher.enrollment().reactivate(room.course, room.students[0]).await.unwrap();
    teacher.enrollment().enroll(room.course, room.students[1], Default::default()).await.unwrap();
    for n in 0..2 {
        let back = me(&room, n).await;
        assert_eq!((back.lessons_done, back.completed_at), (1, Some(h.lms.now())), "learner {n}");
    }
    assert_eq!(h.count(EventKind::CourseCompleted).await, 3);
    audited(h, &room).await;
}

/// A lesson that completes by its work is never left without any: not by hiding, easing or deleting the last.
/// rules: P2, L3
pub async fn p2_the_last_work_of_a_lesson_stays(h: &Harness) {
    let room = h.classroom(1, 1).await;
    let teacher = room.teacher();
    let quiz = room.add_quiz(room.lessons[0], 1, QuizRules::default()).await.unwrap();
    let rules = crate::lms::AssignmentRules { is_required: true, ..Default::default() };
    let task = super::assignments::assign(&room, rules, None).await;
    let room = &room;
    let set = |to: CompletionRule| async move {
        let row = room.teacher().catalog().lesson(room.lessons[0]).await.unwrap();
        let update = UpdateLesson { version: row.version, completion_rule: Some(to), ..Default::default() };
        room.teacher().catalog().update_lesson(row.id, update).await.unwrap();
    };
    set(CompletionRule::Work).await;
    teacher.catalog().publish_assignment(task.id, false).await.unwrap();
    let never = |e: Error| assert!(serde_json::to_string(&e).unwrap().contains("lesson.rule_never_met"), "{e:?}");
    never(teacher.catalog().publish_quiz(quiz.id, false).await.unwrap_err());
    let version = teacher.catalog().quiz(quiz.id).await.unwrap().version;
    let optional = QuizRules { is_required: false, ..QuizRules::default() };
    let update = crate::lms::UpdateQuiz { version, rules: Some(optional), ..Default::default() };
    never(teacher.catalog().update_quiz(quiz.id, update).await.unwrap_err());
    let plan = teacher.catalog().plan_delete(crate::store::Item::Quiz(quiz.id)).await.unwrap();
    never(teacher.catalog().delete(&plan).await.unwrap_err());
    // With the assignment back there is other work, and then the assignment is the last.
    teacher.catalog().publish_assignment(task.id, true).await.unwrap();
    teacher.catalog().publish_quiz(quiz.id, false).await.unwrap();
    never(teacher.catalog().publish_assignment(task.id, false).await.unwrap_err());
    set(CompletionRule::Manual).await;
    teacher.catalog().publish_assignment(task.id, false).await.unwrap();
    audited(h, room).await;
}

/// After a fresh start a lesson whose rule is met already is complete again when it is opened: nobody is stuck
/// for want of another attempt.
/// rules: P7, P2
pub async fn p7_after_a_reset_opening_is_enough_for_work_that_is_done(h: &Harness) {
    let room = h.classroom(1, 1).await;
    let (me, teacher, who) = (room.student(0), room.teacher(), room.students[0]);
    let rules = QuizRules { max_attempts: Some(1), ..QuizRules::default() };
    let quiz = room.add_quiz(room.lessons[0], 1, rules).await.unwrap();
    let row = teacher.catalog().lesson(room.lessons[0]).await.unwrap();
    let update =
        UpdateLesson { version: row.version, completion_rule: Some(CompletionRule::Work), ..Default::default() };
    teacher.catalog().update_lesson(row.id, update).await.unwrap();
    let attempt = me.quizzes().start(quiz.id).await.unwrap();
    me.quizzes().submit(attempt.id).await.unwrap();
    assert!(self::me(&room, 0).await.completed_at.is_some());
    teacher.grants().reset_progress(room.course, who, "once more").await.unwrap();
    assert!(self::me(&room, 0).await.completed_at.is_none());
    let shown = me.learning().open_lesson(room.lessons[0]).await.unwrap();
    assert!(shown.just_completed);
    assert_eq!(h.count(EventKind::CourseCompleted).await, 2);
    assert_eq!(h.count(EventKind::CertificateIssued).await, 1, "and no second certificate");
    audited(h, &room).await;
}

/// An optional lesson that is unpublished takes its required quiz along, and with it the last thing to do.
/// rules: P9, P7
pub async fn p9_an_optional_lesson_takes_its_work_along(h: &Harness) {
    let room = h.classroom(2, 1).await;
    let teacher = room.teacher();
    let optional = teacher.catalog().lesson(room.lessons[1]).await.unwrap();
    let update = UpdateLesson { version: optional.version, is_required: Some(false), ..Default::default() };
    teacher.catalog().update_lesson(optional.id, update).await.unwrap();
    room.add_quiz(optional.id, 1, QuizRules::default()).await.unwrap();
    room.student(0).learning().complete_lesson(room.lessons[0]).await.unwrap();
    assert!(me(&room, 0).await.completed_at.is_none(), "the quiz is still to do");
    teacher.catalog().publish_lesson(optional.id, false).await.unwrap();
    assert!(me(&room, 0).await.completed_at.is_some());
    audited(h, &room).await;
}
