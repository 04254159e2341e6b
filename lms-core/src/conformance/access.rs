//! Whether an item is open: the same answer to who asks and to who acts, with every reason; and what a learner reads.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "conformance cases are tests")]

use super::Harness;
use super::assignments::assign;
use super::quizzes::answer;
use crate::error::{Error, Refusal};
use crate::lms::{
    Access, AssignmentRules, EnrollOptions, Extension, ItemState, NewSubmission, NewUser, OwnDate, QuizRules,
    UpdateCourse, UpdateLesson,
};
use crate::model::{Flow, LessonId, ProgressStatus, QuizId, Role, UserId};
use crate::rules::access::LockReason;
use crate::store::Item;
use crate::testing::Classroom;

/// What a learner is told when they ask.
async fn asked(room: &Classroom, item: Item, who: UserId) -> Vec<LockReason> {
    let read = |access| match access {
        Access::Open => Vec::new(),
        Access::Locked { reasons } => reasons,
    };
    let mine = read(room.lms.as_user(who).learning().access(item, who).await.unwrap());
    let staff = read(room.teacher().learning().access(item, who).await.unwrap());
    assert_eq!(mine, staff, "staff are told the same");
    mine
}

/// What a learner is told when they act.
fn told<T: std::fmt::Debug>(outcome: Result<T, Error>) -> Vec<LockReason> {
    match outcome {
        Err(Error::Refused(Refusal::Locked { reasons })) => reasons,
        Err(Error::Refused(Refusal::AttemptsUsedUp { .. })) => vec![LockReason::NoAttemptsLeft],
        Err(Error::Refused(Refusal::CutOff { cutoff })) => vec![LockReason::Closed { at: cutoff }],
        other => unreachable!("it is locked: {other:?}"),
    }
}

fn codes(reasons: &[LockReason]) -> Vec<&'static str> {
    reasons.iter().map(LockReason::code).collect()
}

/// Each reason, with its parameters, from the read, from the write and in the outline.
/// rules: X1, X3, E2, L2, S6
pub async fn x1_reads_and_writes_give_the_same_reasons(h: &Harness) {
    let room = h.classroom(2, 8).await;
    let rules = QuizRules { max_attempts: Some(1), ..QuizRules::default() };
    let quiz = room.add_quiz(room.lessons[0], 1, rules).await.unwrap().id;
    // In steps: all of it in one function overran a test's stack.
    of_the_enrollment(h, &room, quiz).await;
    of_the_item(h, &room, quiz).await;
    of_the_course(h, &room, quiz).await;
}

/// The enrollment.
async fn of_the_enrollment(h: &Harness, room: &Classroom, quiz: QuizId) {
    let (teacher, now) = (room.teacher(), h.lms.now());
    let (lesson, item) = (room.lessons[0], Item::Quiz(quiz));
    teacher.enrollment().suspend(room.course, room.students[0]).await.unwrap();
    let reasons = asked(room, item, room.students[0]).await;
    assert_eq!(codes(&reasons), ["suspended"]);
    assert_eq!(told(room.student(0).quizzes().start(quiz).await), reasons);
    room.student(1).enrollment().withdraw(room.course, room.students[1]).await.unwrap();
    let reasons = asked(room, item, room.students[1]).await;
    assert_eq!(codes(&reasons), ["not_enrolled"]);
    assert_eq!(told(room.student(1).quizzes().start(quiz).await), reasons);
    let dated = |starts, ends| EnrollOptions { starts_at: starts, ends_at: ends, ..EnrollOptions::default() };
    for (starts, ends, code) in
        [(Some(now.plus_seconds(60)), None, "not_started"), (Some(now.plus_seconds(-60)), Some(now), "ended")]
    {
        let person = NewUser::new(Role::Student, code);
        let who = h.lms.system().people().ensure_user(person).await.unwrap().id;
        teacher.enrollment().enroll(room.course, who, dated(starts, ends)).await.unwrap();
        let reasons = asked(room, item, who).await;
        assert_eq!(codes(&reasons), [code]);
        let me = h.lms.as_user(who);
        assert_eq!(told(me.quizzes().start(quiz).await), reasons);
        assert_eq!(told(me.learning().open_lesson(lesson).await), reasons);
        assert_eq!(me.overview().outline(room.course, who).await.unwrap().lessons[0].locks, reasons);
    }
}

/// The quiz: used up, closed, not yet, not published; each with its own parameter, and all at once. And an assignment.
async fn of_the_item(h: &Harness, room: &Classroom, quiz: QuizId) {
    let (teacher, now) = (room.teacher(), h.lms.now());
    let item = Item::Quiz(quiz);
    let (me, who) = (room.student(2), room.students[2]);
    let attempt = me.quizzes().start(quiz).await.unwrap();
    assert!(asked(room, item, who).await.is_empty(), "one that is open can be gone on with");
    me.quizzes().submit(attempt.id).await.unwrap();
    let reasons = asked(room, item, who).await;
    assert_eq!(codes(&reasons), ["no_attempts_left"]);
    assert_eq!(told(me.quizzes().start(quiz).await), reasons);
    let outline = me.overview().outline(room.course, who).await.unwrap();
    assert_eq!(outline.lessons[0].items[0].locks, reasons);
    assert!(outline.lessons[0].locks.is_empty(), "the lesson itself is open");
    let own = |from, until| Extension { available_from: from, cutoff: until, ..Extension::because("agreed") };
    let until = now.plus_seconds(-5);
    teacher.grants().extend(item, who, own(OwnDate::Inherit, OwnDate::At(until))).await.unwrap();
    teacher.catalog().publish_quiz(quiz, false).await.unwrap();
    let reasons = asked(room, item, who).await;
    assert_eq!(codes(&reasons), ["not_published", "closed", "no_attempts_left"], "every reason at once");
    assert!(reasons.contains(&LockReason::Closed { at: until }));
    assert_eq!(told(me.quizzes().start(quiz).await), reasons);
    teacher.catalog().publish_quiz(quiz, true).await.unwrap();
    let (me, who) = (room.student(3), room.students[3]);
    let from = now.plus_seconds(5);
    teacher.grants().extend(item, who, own(OwnDate::At(from), OwnDate::Inherit)).await.unwrap();
    let reasons = asked(room, item, who).await;
    assert_eq!(reasons, [LockReason::NotYet { at: from }]);
    assert_eq!(told(me.quizzes().start(quiz).await), reasons);
    assert!(asked(room, item, room.students[4]).await.is_empty(), "nobody else's dates changed");

    // An assignment after its cut-off.
    let cutoff = now.plus_seconds(-1);
    let rules = AssignmentRules { due_date: Some(cutoff), cutoff_date: Some(cutoff), ..AssignmentRules::default() };
    let assignment = assign(room, rules, None).await;
    let reasons = asked(room, Item::Assignment(assignment.id), room.students[4]).await;
    assert_eq!(reasons, [LockReason::Closed { at: cutoff }]);
    let late = room.student(4).assignments().submit(assignment.id, NewSubmission::text("late")).await;
    assert_eq!(told(late), reasons);
}

/// The order of lessons and what they require, and a course that is hidden.
async fn of_the_course(h: &Harness, room: &Classroom, quiz: QuizId) {
    let (teacher, lesson, other) = (room.teacher(), room.lessons[0], room.lessons[1]);
    teacher.catalog().require_lesson(other, lesson, true).await.unwrap();
    let version = room.course().await.unwrap().version;
    let update = UpdateCourse { version, flow: Some(Flow::Sequential), ..UpdateCourse::default() };
    teacher.catalog().update_course(room.course, update).await.unwrap();
    let (me, who) = (room.student(5), room.students[5]);
    let reasons = asked(room, Item::Lesson(other), who).await;
    assert_eq!(reasons, [LockReason::EarlierLesson { id: lesson }, LockReason::Requires { ids: vec![lesson] }]);
    assert_eq!(told(me.learning().complete_lesson(other).await), reasons);
    assert_eq!(told(me.learning().read_lesson(other).await), reasons);
    assert_eq!(told(me.learning().view_topic(room.topics[1]).await), reasons);
    assert_eq!(me.overview().outline(room.course, who).await.unwrap().lessons[1].locks, reasons);

    // A hidden course.
    teacher.catalog().publish_course(room.course, false).await.unwrap();
    assert_eq!(codes(&asked(room, Item::Course(room.course), who).await), ["not_published"]);
    assert_eq!(codes(&told(me.learning().open_course(room.course).await)), ["not_published"]);
    // Who may not know of it hears that there is none.
    let stranger = h.lms.system().people().ensure_user(NewUser::new(Role::Student, "S")).await.unwrap().id;
    for (asker, about) in [(h.lms.as_user(stranger), stranger), (room.student(6), who)] {
        let hidden = asker.learning().access(Item::Quiz(quiz), about).await.unwrap_err();
        assert_eq!(hidden.code(), "not_found");
    }
}

/// What a learner has begun stays readable when a date or an order comes in its way; an override opens a lesson
/// for one learner alone.
/// rules: X3, S6, P5
pub async fn x3_what_was_begun_stays_readable(h: &Harness) {
    let room = h.classroom(1, 3).await;
    let teacher = room.teacher();
    let lesson = room.lessons[0];
    room.student(0).learning().open_lesson(lesson).await.unwrap();
    let at = h.lms.now().plus_seconds(3_600);
    let row = teacher.catalog().lesson(lesson).await.unwrap();
    let update = UpdateLesson { version: row.version, available_from: Some(Some(at)), ..UpdateLesson::default() };
    teacher.catalog().update_lesson(lesson, update).await.unwrap();
    assert!(asked(&room, Item::Lesson(lesson), room.students[0]).await.is_empty());
    room.student(0).learning().read_lesson(lesson).await.unwrap();
    assert_eq!(told(room.student(1).learning().read_lesson(lesson).await), [LockReason::NotYet { at }]);
    let own = Extension { available_from: OwnDate::None, ..Extension::because("travels") };
    teacher.grants().extend(Item::Lesson(lesson), room.students[2], own).await.unwrap();
    room.student(2).learning().read_lesson(lesson).await.unwrap();
    room.student(2).learning().complete_lesson(lesson).await.unwrap();
    let shown = room.student(1).overview().outline(room.course, room.students[1]).await.unwrap();
    assert_eq!(shown.lessons_total, 1, "a locked lesson counts");
    h.clock.advance(3_600);
    room.student(1).learning().read_lesson(lesson).await.unwrap();
}

/// A requirement on a lesson that is hidden, optional or gone asks for nothing; no circle is taken, however long.
/// rules: X2
pub async fn x2_a_requirement_that_cannot_be_met_asks_for_nothing(h: &Harness) {
    let room = h.classroom(5, 1).await;
    let (me, teacher) = (room.student(0), room.teacher());
    let (last, rest) = room.lessons.split_last().unwrap();
    for pair in room.lessons.windows(2) {
        teacher.catalog().require_lesson(pair[1], pair[0], true).await.unwrap();
    }
    let circle = teacher.catalog().require_lesson(room.lessons[0], *last, true).await.unwrap_err();
    assert!(serde_json::to_string(&circle).unwrap().contains("lesson.requires_cycle"));
    let itself = teacher.catalog().require_lesson(*last, *last, true).await.unwrap_err();
    assert_eq!(itself.code(), "invalid");
    let required = room.lessons[3];
    let locked = |ids: Vec<LessonId>| if ids.is_empty() { vec![] } else { vec![LockReason::Requires { ids }] };
    let now_locked = || async { asked(&room, Item::Lesson(*last), room.students[0]).await };
    assert_eq!(now_locked().await, locked(vec![required]));
    // Optional.
    let row = teacher.catalog().lesson(required).await.unwrap();
    let update = UpdateLesson { version: row.version, is_required: Some(false), ..UpdateLesson::default() };
    teacher.catalog().update_lesson(required, update).await.unwrap();
    assert_eq!(now_locked().await, locked(vec![]));
    let row = teacher.catalog().lesson(required).await.unwrap();
    let update = UpdateLesson { version: row.version, is_required: Some(true), ..UpdateLesson::default() };
    teacher.catalog().update_lesson(required, update).await.unwrap();
    // Hidden.
    teacher.catalog().publish_lesson(required, false).await.unwrap();
    assert_eq!(now_locked().await, locked(vec![]));
    // Gone.
    teacher.catalog().publish_lesson(required, true).await.unwrap();
    assert_eq!(now_locked().await, locked(vec![required]));
    let plan = teacher.catalog().plan_delete(Item::Lesson(required)).await.unwrap();
    teacher.catalog().delete(&plan).await.unwrap();
    assert_eq!(now_locked().await, locked(vec![]));
    me.learning().open_lesson(*last).await.unwrap();
    assert!(rest.contains(&required));
}

/// A learner reads texts and tasks, of what is published, and leaves no trace; staff look without being learners.
/// rules: L2, Q14, A6, S6, E5
pub async fn l2_a_learner_reads_a_lesson(h: &Harness) {
    let room = h.classroom(1, 2).await;
    let (me, teacher, who) = (room.student(0), room.teacher(), room.students[0]);
    let lesson = room.lessons[0];
    let close = h.lms.now().plus_seconds(600);
    let rules = QuizRules {
        max_attempts: Some(2),
        time_limit_seconds: Some(100),
        closes_at: Some(close),
        ..QuizRules::default()
    };
    let quiz = room.add_quiz(lesson, 1, rules).await.unwrap();
    let hidden = room.add_quiz(lesson, 1, QuizRules::default()).await.unwrap();
    teacher.catalog().publish_quiz(hidden.id, false).await.unwrap();
    let task = assign(&room, AssignmentRules { due_date: Some(close), ..AssignmentRules::default() }, None).await;
    let more = Extension {
        time_multiplier_bp: 15_000,
        extra_seconds: 10,
        extra_attempts: 1,
        cutoff: OwnDate::At(close.plus_seconds(60)),
        ..Extension::because("a right to more time")
    };
    teacher.grants().extend(Item::Quiz(quiz.id), who, more).await.unwrap();
    let written = h.events().await.len();
    let page = me.learning().read_lesson(lesson).await.unwrap();
    assert_eq!(page.topics[0].body.as_deref(), Some("A text to read."));
    assert_eq!(page.status, None);
    assert_eq!(page.quizzes.len(), 1, "what is hidden is not there");
    let shown = &page.quizzes[0];
    assert_eq!((shown.time_limit_seconds, shown.attempts_allowed, shown.attempts_used), (Some(160), Some(3), 0));
    assert_eq!(shown.closes_at, Some(close.plus_seconds(60)));
    assert_eq!((page.assignments[0].id, page.assignments[0].due), (task.id, Some(close)));
    let plain = room.student(1).learning().read_lesson(lesson).await.unwrap();
    assert_eq!((plain.quizzes[0].time_limit_seconds, plain.quizzes[0].attempts_allowed), (Some(100), Some(2)));
    teacher.learning().read_lesson(lesson).await.unwrap();
    assert_eq!(h.events().await.len(), written, "reading writes nothing");
    assert!(h.store.record(room.course, who).await.unwrap().unwrap().progress.is_empty());

    // The learner's own close is what the outline and the home go by.
    h.clock.advance(630);
    let state = |outline: crate::lms::Outline| outline.lessons[0].items[0].cell.state;
    assert_eq!(state(me.overview().outline(room.course, who).await.unwrap()), ItemState::NotSubmitted);
    let other = room.student(1).overview().outline(room.course, room.students[1]).await.unwrap();
    assert_eq!(state(other), ItemState::Missing);
    let due: Vec<_> = me.overview().learner_home(who).await.unwrap().overdue.iter().map(|d| d.id).collect();
    assert_eq!(due, [task.id.uuid()], "the quiz is still open for this learner");
    let attempt = me.quizzes().start(quiz.id).await.unwrap();
    answer(&me, &attempt, 1).await;

    let stranger = h.lms.system().people().ensure_user(NewUser::new(Role::Student, "S")).await.unwrap().id;
    let hidden = h.lms.as_user(stranger).learning().read_lesson(lesson).await.unwrap_err();
    assert_eq!(hidden.code(), "not_found");
    teacher.catalog().publish_lesson(lesson, false).await.unwrap();
    assert_eq!(codes(&told(me.learning().read_lesson(lesson).await)), ["not_published"]);
    assert_eq!(
        teacher.learning().read_lesson(lesson).await.unwrap().status,
        None::<ProgressStatus>,
        "staff look ahead"
    );
}
