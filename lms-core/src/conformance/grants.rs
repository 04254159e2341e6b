//! What staff grant to one learner, and wide changes of what is due.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "conformance cases are tests")]

use std::collections::BTreeMap;

use super::Harness;
use super::assignments::assign;
use super::quizzes::answer;
use crate::lms::{
    AssignmentRules, ChangeMaxGrade, Extension, MarksChange, NewGrade, NewSubmission, OwnDate, QuizRules,
    UpdateAssignment,
};
use crate::model::{
    AttemptState, BasisPoints, EventKind, FinishReason, GradeCause, PenaltyInterval, Points, SubmissionId,
};
use crate::store::{AnalyticsReads as _, Item, QuizScope};
use crate::testing::Classroom;

const WORK: &str = "A text of some length, so that it is neither nothing nor too short to be graded.";

fn points(whole: i64) -> Points {
    Points::whole(whole).unwrap()
}

async fn mark(room: &Classroom, id: SubmissionId, whole: i64) {
    let grade = NewGrade { points: Some(points(whole)), ..NewGrade::default() };
    room.teacher().assignments().grade(id, grade).await.unwrap();
}

/// A waiver counts as met, is shown as one, is left out of averages, and can be taken back until the course
/// is complete.
/// rules: P12, P3, M2, M7
pub async fn p12_waivers_count_as_met_and_are_no_score(h: &Harness) {
    let room = h.classroom(2, 2).await;
    let rules = QuizRules { pass_threshold_bp: BasisPoints::percent(80), ..QuizRules::default() };
    let quiz = room.add_quiz(room.lessons[1], 2, rules).await.unwrap();
    let (me, teacher) = (room.student(0), room.teacher());
    let who = room.students[0];
    let attempt = me.quizzes().start(quiz.id).await.unwrap();
    answer(&me, &attempt, 0).await;
    me.quizzes().submit(attempt.id).await.unwrap();
    assert_eq!(h.store.quiz_percents(QuizScope::Quiz(quiz.id)).await.unwrap().pairs, 1);
    me.learning().complete_lesson(room.lessons[0]).await.unwrap();

    let nothing = teacher.grants().waive(Item::Quiz(quiz.id), who, " ").await.unwrap_err();
    assert_eq!(nothing.code(), "invalid", "a waiver has a reason");
    let own = me.grants().waive(Item::Quiz(quiz.id), who, "please").await.unwrap_err();
    assert_eq!(own.code(), "denied");
    let stranger = room.student(1).grants().waive(Item::Quiz(quiz.id), who, "please").await.unwrap_err();
    assert_eq!(stranger.code(), "not_found");

    teacher.grants().waive(Item::Quiz(quiz.id), who, "was ill").await.unwrap();
    let again = teacher.grants().waive(Item::Quiz(quiz.id), who, "was ill").await.unwrap();
    assert_eq!(again.reason, "was ill");
    assert_eq!(h.count(EventKind::ProgressWaived).await, 1, "once per transition");
    let card = me.overview().scorecard(room.course, who).await.unwrap();
    assert!(card.items[0].waived && card.items[0].met && card.items[0].passed == Some(false));
    assert_eq!(card.percent, None, "a waived item is in no score");
    assert_eq!(h.store.quiz_percents(QuizScope::Quiz(quiz.id)).await.unwrap().pairs, 0, "nor in an average");

    teacher.grants().revoke_waiver(Item::Quiz(quiz.id), who).await.unwrap();
    let twice = teacher.grants().revoke_waiver(Item::Quiz(quiz.id), who).await.unwrap_err();
    assert_eq!(twice.code(), "waiver.none");
    assert!(h.lms.system().activity().audit(room.course).await.unwrap().is_empty());
    teacher.grants().waive(Item::Quiz(quiz.id), who, "was ill").await.unwrap();

    // A waived lesson is not a completed one, and the last waiver completes the course.
    teacher.grants().waive(Item::Lesson(room.lessons[1]), who, "knows it").await.unwrap();
    let outline = me.overview().outline(room.course, who).await.unwrap();
    assert!(outline.lessons[1].waived && outline.lessons[1].status.is_none());
    assert_eq!(outline.percent.unwrap().to_string(), "100.00");
    assert!(outline.completed_at.is_some());
    assert_eq!(h.count(EventKind::CourseCompleted).await, 1);
    let certificate = me.certificates().of(room.course, who).await.unwrap();
    assert_eq!(certificate.snapshot.final_score, None, "the waived quiz is not on the certificate");
    let late = teacher.grants().revoke_waiver(Item::Quiz(quiz.id), who).await.unwrap_err();
    assert_eq!(late.code(), "course.completed");
    assert!(h.lms.system().activity().audit(room.course).await.unwrap().is_empty());
}

/// An override replaces each date by itself, and every version's lateness and penalty follow it; the raw mark
/// stays.
/// rules: S6, S7, S8, S9
pub async fn s6_an_override_recomputes_lateness_and_penalty(h: &Harness) {
    let room = h.classroom(1, 1).await;
    let due = h.lms.now().plus_seconds(3_600);
    let rules = AssignmentRules {
        due_date: Some(due),
        cutoff_date: Some(due.plus_seconds(3_600)),
        penalty_bp: BasisPoints::percent(10),
        penalty_interval: Some(PenaltyInterval::Hour),
        ..AssignmentRules::default()
    };
    let assignment = assign(&room, rules, None).await;
    let (me, teacher, who) = (room.student(0), room.teacher(), room.students[0]);
    let item = Item::Assignment(assignment.id);
    h.clock.advance(3_600 + 1_800);
    let late = me.assignments().submit(assignment.id, NewSubmission::text(WORK)).await.unwrap();
    mark(&room, late.id, 80).await;
    let graded = teacher.assignments().submission(late.id).await.unwrap();
    assert_eq!((graded.late_seconds, graded.raw_grade, graded.grade), (1_800, Some(points(80)), Some(points(70))));

    let later = Extension { due: OwnDate::At(due.plus_seconds(1_800)), ..Extension::because("a bus was late") };
    // By another person than the grader: the mark stays the grader's.
    let admin = h.lms.as_user(room.admin);
    admin.grants().extend(item, who, later.clone()).await.unwrap();
    let after = teacher.assignments().submission(late.id).await.unwrap();
    assert_eq!((after.late_seconds, after.raw_grade, after.grade), (0, Some(points(80)), Some(points(80))));
    assert_eq!(after.graded_by, Some(room.instructor));
    let history = teacher.assignments().history(late.id).await.unwrap();
    assert_eq!(history.len(), 2);
    assert_eq!((history[1].cause, history[1].grader_id), (GradeCause::Recomputed, Some(room.instructor)));
    assert_eq!(history[1].actor_id, Some(room.admin));
    assert_eq!(h.count(EventKind::GradeChanged).await, 1);
    teacher.grants().extend(item, who, later).await.unwrap();
    assert_eq!(teacher.assignments().history(late.id).await.unwrap().len(), 2, "the same again changes nothing");

    // The cut-off moves by itself; one that comes before the learner's due date counts as that date.
    h.clock.advance(3_600);
    let shut = me.assignments().submit(assignment.id, NewSubmission::text(WORK)).await.unwrap_err();
    assert_eq!(shut.code(), "submission.cut_off");
    let far = Extension { due: OwnDate::At(due.plus_seconds(36_000)), ..Extension::because("more time") };
    teacher.grants().extend(item, who, far).await.unwrap();
    let second = me.assignments().submit(assignment.id, NewSubmission::text(WORK)).await.unwrap();
    assert_eq!((second.version_no, second.late_seconds), (2, 0));

    // Back to the item's own dates: the penalty is back, on both versions.
    mark(&room, second.id, 90).await;
    teacher.grants().extend(item, who, Extension::because("a mistake")).await.unwrap();
    assert_eq!(teacher.assignments().submission(late.id).await.unwrap().grade, Some(points(70)));
    assert_eq!(teacher.assignments().submission(second.id).await.unwrap().late_seconds, 5_400);
    assert_eq!(teacher.assignments().submission(second.id).await.unwrap().grade, Some(points(70)), "two hours");

    // Excused: no penalty, met, and in no denominator.
    teacher.grants().excuse(item, who, true, "was ill").await.unwrap();
    assert_eq!(teacher.assignments().submission(second.id).await.unwrap().grade, Some(points(90)));
    let card = me.overview().scorecard(room.course, who).await.unwrap();
    assert_eq!(card.items[0].state, crate::lms::ItemState::Excused);
    assert!(card.items[0].met);
    assert_eq!(card.percent, None);
    assert_eq!(h.store.on_time(assignment.id, h.lms.now()).await.unwrap().of, 0);
    let refused = teacher.grants().excuse(Item::Lesson(room.lessons[0]), who, true, "no").await.unwrap_err();
    assert_eq!(refused.code(), "invalid");
    let wrong = Extension { extra_seconds: -1, time_multiplier_bp: 5_000, ..Extension::default() };
    let crate::Error::Invalid { problems } = teacher.grants().extend(item, who, wrong).await.unwrap_err() else {
        unreachable!("an extension that is wrong is Invalid")
    };
    assert_eq!(problems.len(), 5, "each field is named: {problems:?}");
}

/// The default dates and the penalty are everybody's: every version of every learner follows, but for who has
/// dates of their own.
/// rules: S6, P9
pub async fn s6_other_default_dates_reach_every_learner(h: &Harness) {
    let room = h.classroom(1, 4).await;
    let due = h.lms.now().plus_seconds(3_600);
    let rules = AssignmentRules {
        due_date: Some(due),
        penalty_bp: BasisPoints::percent(50),
        penalty_interval: Some(PenaltyInterval::Day),
        is_required: true,
        met_by: crate::model::MetBy::Passed,
        pass_threshold_bp: BasisPoints::percent(60),
        ..AssignmentRules::default()
    };
    let assignment = assign(&room, rules.clone(), None).await;
    let teacher = room.teacher();
    let own = Extension { due: OwnDate::At(due), ..Extension::because("agreed") };
    teacher.grants().extend(Item::Assignment(assignment.id), room.students[3], own).await.unwrap();
    h.clock.advance(7_200);
    let mut handed = Vec::new();
    for n in 0..4 {
        let me = room.student(n);
        me.learning().complete_lesson(room.lessons[0]).await.unwrap();
        handed.push(me.assignments().submit(assignment.id, NewSubmission::text(WORK)).await.unwrap().id);
        if n != 1 {
            mark(&room, handed[n], 80).await;
        }
    }
    assert_eq!(h.count(EventKind::CourseCompleted).await, 0, "30 of 100 is no pass");
    let now = teacher.catalog().assignment(assignment.id).await.unwrap();
    let update = UpdateAssignment {
        version: now.version,
        rules: Some(AssignmentRules { due_date: Some(due.plus_seconds(7_200)), ..rules }),
        ..UpdateAssignment::default()
    };
    teacher.catalog().update_assignment(assignment.id, update).await.unwrap();
    let grade = |n: usize| {
        let (teacher, id) = (room.teacher(), handed[n]);
        async move {
            let row = teacher.assignments().submission(id).await.unwrap();
            (row.late_seconds, row.grade)
        }
    };
    assert_eq!(grade(0).await, (0, Some(points(80))));
    assert_eq!(grade(1).await, (0, None));
    assert_eq!(grade(3).await, (3_600, Some(points(30))), "dates of one's own stand");
    assert_eq!(h.count(EventKind::CourseCompleted).await, 2, "who passes now completes now");
    assert!(h.lms.system().activity().audit(room.course).await.unwrap().is_empty());
}

/// Another maximum keeps the points or rescales the marks, and never leaves one above it.
/// rules: S12, S9, N5
pub async fn s12_another_maximum_keeps_or_rescales(h: &Harness) {
    let room = h.classroom(1, 2).await;
    let assignment = assign(&room, AssignmentRules::default(), None).await;
    let teacher = room.teacher();
    let mut handed = Vec::new();
    for n in 0..2 {
        let view = room.student(n).assignments().submit(assignment.id, NewSubmission::text(WORK)).await.unwrap();
        handed.push(view.id);
    }
    mark(&room, handed[0], 85).await;
    mark(&room, handed[1], 33).await;
    let change = |version, max, marks| ChangeMaxGrade { version, max_grade: points(max), marks, rubric: None };
    let now = teacher.catalog().assignment(assignment.id).await.unwrap().version;
    let refused =
        teacher.catalog().set_max_grade(assignment.id, change(now, 50, MarksChange::KeepPoints)).await.unwrap_err();
    assert_eq!(refused.code(), "grade.above_max");
    assert_eq!(serde_json::to_value(&refused).unwrap()["params"]["count"], 1);
    assert_eq!(teacher.catalog().assignment(assignment.id).await.unwrap().max_grade, points(100), "nothing changed");
    let stale = change(now + 7, 50, MarksChange::Rescale);
    assert_eq!(teacher.catalog().set_max_grade(assignment.id, stale).await.unwrap_err().code(), "version.stale");
    teacher.catalog().set_max_grade(assignment.id, change(now, 30, MarksChange::Rescale)).await.unwrap();
    let first = teacher.assignments().submission(handed[0]).await.unwrap();
    assert_eq!((first.raw_grade, first.grade), (Some("25.5".parse().unwrap()), Some("25.5".parse().unwrap())));
    let second = teacher.assignments().submission(handed[1]).await.unwrap();
    assert_eq!(second.grade, Some("9.9".parse().unwrap()));
    let history = teacher.assignments().history(handed[0]).await.unwrap();
    assert_eq!((history.len(), history[1].cause), (2, GradeCause::Rescaled));
    let card = room.student(0).overview().scorecard(room.course, room.students[0]).await.unwrap();
    assert_eq!(card.items[0].percent.unwrap().to_string(), "85.00", "the share is what it was");
    let now = teacher.catalog().assignment(assignment.id).await.unwrap().version;
    teacher.catalog().set_max_grade(assignment.id, change(now, 60, MarksChange::KeepPoints)).await.unwrap();
    let kept = teacher.assignments().submission(handed[0]).await.unwrap();
    assert_eq!(kept.grade, Some("25.5".parse().unwrap()));
}

/// More time and more attempts: the open deadline moves later, never earlier.
/// rules: A3, A4, S6, X3
pub async fn a4_extensions_move_open_deadlines_later(h: &Harness) {
    let room = h.classroom(1, 1).await;
    let rules = QuizRules { time_limit_seconds: Some(600), max_attempts: Some(1), ..QuizRules::default() };
    let quiz = room.add_quiz(room.lessons[0], 1, rules).await.unwrap();
    let (me, teacher, who) = (room.student(0), room.teacher(), room.students[0]);
    let attempt = me.quizzes().start(quiz.id).await.unwrap();
    let deadline = attempt.deadline.unwrap();
    let grant = |multiplier: i64, extra: i64, attempts: i64| Extension {
        time_multiplier_bp: multiplier,
        extra_seconds: extra,
        extra_attempts: attempts,
        ..Extension::because("a right to more time")
    };
    let item = Item::Quiz(quiz.id);
    teacher.grants().extend(item, who, grant(15_000, 60, 0)).await.unwrap();
    let view = me.quizzes().view_attempt(attempt.id).await.unwrap();
    assert_eq!(view.deadline, Some(deadline.plus_seconds(300 + 60)));
    teacher.grants().extend(item, who, grant(10_000, 0, 0)).await.unwrap();
    let view = me.quizzes().view_attempt(attempt.id).await.unwrap();
    assert_eq!(view.deadline, Some(deadline.plus_seconds(360)), "never earlier");
    me.quizzes().submit(attempt.id).await.unwrap();
    assert_eq!(me.quizzes().start(quiz.id).await.unwrap_err().code(), "quiz.attempts_used_up");
    teacher.grants().extend(item, who, grant(20_000, 0, 1)).await.unwrap();
    let second = me.quizzes().start(quiz.id).await.unwrap();
    assert_eq!((second.attempt_no, second.deadline), (2, Some(h.lms.now().plus_seconds(1_200))));
}

/// A fresh start clears what was completed and keeps the work and the certificate.
/// rules: P4, P7, C2
pub async fn p7_a_reset_keeps_work_and_certificate(h: &Harness) {
    let room = h.classroom(2, 1).await;
    let (me, teacher, who) = (room.student(0), room.teacher(), room.students[0]);
    for lesson in &room.lessons {
        me.learning().complete_lesson(*lesson).await.unwrap();
    }
    let certificate = me.certificates().of(room.course, who).await.unwrap();
    assert_eq!(me.grants().reset_progress(room.course, who, "again").await.unwrap_err().code(), "denied");
    let enrollment = teacher.grants().reset_progress(room.course, who, "a new year").await.unwrap();
    assert_eq!((enrollment.completed_at, enrollment.lessons_done), (None, 0));
    assert_eq!(enrollment.reset_reason.as_deref(), Some("a new year"));
    assert!(h.lms.system().activity().audit(room.course).await.unwrap().is_empty());
    for lesson in &room.lessons {
        me.learning().complete_lesson(*lesson).await.unwrap();
    }
    assert_eq!(h.count(EventKind::CourseCompleted).await, 2, "it is completed again");
    assert_eq!(h.count(EventKind::CertificateIssued).await, 1, "and issues nothing");
    assert_eq!(me.certificates().of(room.course, who).await.unwrap().code, certificate.code);
}

/// What was started may be finished, whatever is closed meanwhile; a learner who leaves is finished at once.
/// rules: A13, A6
pub async fn a13_what_was_started_may_be_finished(h: &Harness) {
    let room = h.classroom(1, 2).await;
    let quiz = room.add_quiz(room.lessons[0], 1, QuizRules::default()).await.unwrap();
    let (me, teacher, who) = (room.student(0), room.teacher(), room.students[0]);
    let attempt = me.quizzes().start(quiz.id).await.unwrap();
    teacher.catalog().publish_quiz(quiz.id, false).await.unwrap();
    teacher.catalog().publish_lesson(room.lessons[0], false).await.unwrap();
    teacher.catalog().publish_course(room.course, false).await.unwrap();
    teacher.enrollment().suspend(room.course, who).await.unwrap();
    answer(&me, &attempt, 1).await;
    let done = me.quizzes().submit(attempt.id).await.unwrap();
    assert_eq!((done.state, done.finish_reason), (AttemptState::Graded, Some(FinishReason::Submitted)));
    assert_eq!(me.quizzes().start(quiz.id).await.unwrap_err().code(), "locked", "but nothing new begins");

    teacher.catalog().publish_course(room.course, true).await.unwrap_err();
    teacher.catalog().publish_lesson(room.lessons[0], true).await.unwrap();
    teacher.catalog().publish_quiz(quiz.id, true).await.unwrap();
    teacher.catalog().publish_course(room.course, true).await.unwrap();
    let other = room.student(1);
    let open = other.quizzes().start(quiz.id).await.unwrap();
    answer(&other, &open, 1).await;
    other.enrollment().withdraw(room.course, room.students[1]).await.unwrap();
    let shut = other.quizzes().save(open.id, "tab", 9, BTreeMap::new()).await.unwrap_err();
    assert_eq!(shut.code(), "attempt.closed");
    let seen = teacher.quizzes().view_attempt(open.id).await.unwrap();
    assert_eq!((seen.state, seen.finish_reason), (AttemptState::Graded, Some(FinishReason::Expired)));
    assert_eq!(seen.answers.len(), 1, "the answers are kept");
    assert_eq!(seen.percent.unwrap().to_string(), "100.00");
    assert_eq!(h.count(EventKind::QuizExpired).await, 1);
    other.enrollment().enroll_self(room.course).await.unwrap_err();
    teacher.enrollment().reactivate(room.course, room.students[1]).await.unwrap();
    let next = other.quizzes().start(quiz.id).await.unwrap();
    assert_eq!(next.attempt_no, 2, "the one that expired stays expired");
}

/// Marks that are given while the maximum is lowered: whichever comes first, none ends above it.
/// rules: S12, N5
pub async fn s12_marks_and_a_lower_maximum_at_once(h: &Harness) {
    let room = h.classroom(1, 8).await;
    for round in 0..3 {
        let assignment = assign(&room, AssignmentRules::default(), None).await;
        let mut handed = Vec::new();
        for n in 0..8 {
            let me = room.student(n);
            handed.push(me.assignments().submit(assignment.id, NewSubmission::text(WORK)).await.unwrap().id);
        }
        let barrier = std::sync::Arc::new(tokio::sync::Barrier::new(9));
        let mut graders = Vec::new();
        for id in handed.clone() {
            let (teacher, barrier) = (room.teacher(), barrier.clone());
            graders.push(tokio::spawn(async move {
                barrier.wait().await;
                let grade = NewGrade { points: Some(points(90)), ..NewGrade::default() };
                teacher.assignments().grade(id, grade).await.map(drop)
            }));
        }
        barrier.wait().await;
        let change = ChangeMaxGrade {
            version: assignment.version,
            max_grade: points(50),
            marks: MarksChange::KeepPoints,
            rubric: None,
        };
        let lowered = room.teacher().catalog().set_max_grade(assignment.id, change).await;
        let mut codes = std::collections::BTreeSet::new();
        for grader in graders {
            if let Err(e) = grader.await.unwrap() {
                codes.insert(e.code());
            }
        }
        let max = room.teacher().catalog().assignment(assignment.id).await.unwrap().max_grade;
        assert_eq!(max, if lowered.is_ok() { points(50) } else { points(100) }, "round {round}: {lowered:?}");
        assert!(codes.iter().all(|code| *code == "grade.out_of_range"), "{codes:?}");
        for id in handed {
            let row = room.teacher().assignments().submission(id).await.unwrap();
            assert!(row.raw_grade.is_none_or(|raw| raw <= max), "{:?} of {max}", row.raw_grade);
        }
    }
    assert!(h.lms.system().activity().audit(room.course).await.unwrap().is_empty());
}

/// The limit, times the multiplier, plus the extra, and never past the close; the close of one's own moves it.
/// rules: A4, A13, S6, X3
pub async fn a4_a_deadline_is_not_past_the_close(h: &Harness) {
    let room = h.classroom(1, 3).await;
    let close = h.lms.now().plus_seconds(1_000);
    let rules =
        QuizRules { time_limit_seconds: Some(600), closes_at: Some(close), grace_seconds: 0, ..QuizRules::default() };
    let quiz = room.add_quiz(room.lessons[0], 1, rules.clone()).await.unwrap();
    let teacher = room.teacher();
    let now = h.lms.now();
    let item = Item::Quiz(quiz.id);
    let grant = |multiplier: i64, extra: i64, cutoff: OwnDate| Extension {
        time_multiplier_bp: multiplier,
        extra_seconds: extra,
        cutoff,
        ..Extension::because("a right to more time")
    };
    let start = |n: usize| {
        let me = room.student(n);
        async move { me.quizzes().start(quiz.id).await.unwrap() }
    };
    let first = start(0).await;
    assert_eq!(first.deadline, Some(now.plus_seconds(600)));
    teacher.grants().extend(item, room.students[0], grant(15_000, 200, OwnDate::Inherit)).await.unwrap();
    let view = |n: usize, id| {
        let me = room.student(n);
        async move { me.quizzes().view_attempt(id).await.unwrap() }
    };
    assert_eq!(view(0, first.id).await.deadline, Some(close), "1,100 seconds would be past the close");
    let far = close.plus_seconds(500);
    teacher.grants().extend(item, room.students[0], grant(15_000, 200, OwnDate::At(far))).await.unwrap();
    assert_eq!(view(0, first.id).await.deadline, Some(now.plus_seconds(1_100)));
    teacher.grants().extend(item, room.students[1], grant(12_500, 7, OwnDate::Inherit)).await.unwrap();
    assert_eq!(start(1).await.deadline, Some(now.plus_seconds(757)));
    // Another limit is for attempts to come.
    let version = teacher.catalog().quiz(quiz.id).await.unwrap().version;
    let shorter = QuizRules { time_limit_seconds: Some(10), ..rules };
    let update = crate::lms::UpdateQuiz { version, rules: Some(shorter), ..Default::default() };
    teacher.catalog().update_quiz(quiz.id, update).await.unwrap();
    assert_eq!(view(0, first.id).await.deadline, Some(now.plus_seconds(1_100)));
    assert_eq!(start(2).await.deadline, Some(now.plus_seconds(10)));
    // What is added to a deadline that stands is not past the close either, and a close that comes earlier takes
    // nothing from it.
    teacher.grants().extend(item, room.students[0], grant(15_000, 700, OwnDate::At(far))).await.unwrap();
    assert_eq!(view(0, first.id).await.deadline, Some(far), "500 seconds more would be past the close");
    let near = OwnDate::At(now.plus_seconds(1_200));
    teacher.grants().extend(item, room.students[0], grant(15_000, 1_200, near)).await.unwrap();
    assert_eq!(view(0, first.id).await.deadline, Some(far), "never earlier");
    // Without a limit and a close there is no deadline.
    let free = room.add_quiz(room.lessons[0], 1, QuizRules::default()).await.unwrap();
    assert_eq!(room.student(0).quizzes().start(free.id).await.unwrap().deadline, None);
}
