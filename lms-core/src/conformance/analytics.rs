//! A course's numbers, by their definitions.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "conformance cases are tests")]

use super::Harness;
use super::assignments::assign;
use super::quizzes::answer;
use crate::lms::{AssignmentRules, EnrollOptions, ItemState, NewGrade, NewSubmission, QuizRules};
use crate::model::{Points, ProgressStatus};
use crate::store::QuizScope;

/// rules: M1, E5
pub async fn m1_completion_of_a_course(h: &Harness) {
    let room = h.classroom(3, 4).await;
    let numbers = || async { room.teacher().analytics().completion(room.course).await.unwrap() };
    room.student(0).learning().complete_lesson(room.lessons[0]).await.unwrap();
    for lesson in &room.lessons {
        room.student(1).learning().complete_lesson(*lesson).await.unwrap();
    }
    let all = numbers().await;
    assert_eq!((all.enrolled, all.completed), (4, 1));
    assert_eq!(all.mean_percent.unwrap().to_string(), "33.33");
    assert_eq!(all.completed_percent.unwrap().to_string(), "25.00");
    // Who has withdrawn, and staff, are left out.
    room.teacher().enrollment().withdraw(room.course, room.students[3]).await.unwrap();
    room.teacher().enrollment().enroll(room.course, room.instructor, EnrollOptions::default()).await.unwrap();
    let some = numbers().await;
    assert_eq!((some.enrolled, some.completed), (3, 1));
    assert_eq!(some.mean_percent.unwrap().to_string(), "44.44");
    let empty = h.classroom(1, 0).await;
    let none = empty.teacher().analytics().completion(empty.course).await.unwrap();
    assert_eq!((none.mean_percent, none.completed_percent), (None, None));
}

/// rules: M2
pub async fn m2_quiz_averages(h: &Harness) {
    let room = h.classroom(2, 3).await;
    let first = room.add_quiz(room.lessons[0], 3, QuizRules::default()).await.unwrap();
    let second = room.add_quiz(room.lessons[1], 1, QuizRules::default()).await.unwrap();
    let average = |scope| {
        let teacher = room.teacher();
        async move { teacher.analytics().quiz_average(room.course, scope).await.unwrap() }
    };
    assert_eq!(average(QuizScope::Course(room.course)).await.average, None);
    for (n, right) in [(0, 1), (1, 2), (0, 2)] {
        let me = room.student(n);
        let attempt = me.quizzes().start(first.id).await.unwrap();
        answer(&me, &attempt, right).await;
        me.quizzes().submit(attempt.id).await.unwrap();
    }
    let one = average(QuizScope::Quiz(first.id)).await;
    assert_eq!((one.pairs, one.average.unwrap().to_string()), (2, "66.66".to_owned()), "kept scores, truncated");
    let me = room.student(2);
    let attempt = me.quizzes().start(second.id).await.unwrap();
    me.quizzes().submit(attempt.id).await.unwrap();
    let all = average(QuizScope::Course(room.course)).await;
    assert_eq!((all.pairs, all.average.unwrap().to_string()), (3, "44.44".to_owned()));
    assert_eq!(average(QuizScope::Lesson(room.lessons[1])).await.average.unwrap().to_string(), "0.00");
    let open = room.student(1).quizzes().start(second.id).await.unwrap();
    assert_eq!(average(QuizScope::Quiz(second.id)).await.pairs, 1, "an open attempt does not count");
    let _ = (open, h);
}

/// rules: M3
pub async fn m3_active_students_in_the_window(h: &Harness) {
    let room = h.classroom(2, 3).await;
    let active = || async { room.teacher().analytics().active_students(Some(room.course), 24).await.unwrap() };
    assert_eq!(active().await, 0, "being enrolled by staff is not an act of one's own");
    room.student(0).learning().open_course(room.course).await.unwrap();
    room.student(0).learning().complete_lesson(room.lessons[0]).await.unwrap();
    h.clock.advance(3_600);
    room.student(1).learning().open_lesson(room.lessons[0]).await.unwrap();
    assert_eq!(active().await, 2);
    h.clock.advance(86_400 - 3_600 - 1);
    assert_eq!(active().await, 2);
    h.clock.advance(1);
    assert_eq!(active().await, 1, "exactly 24 hours old is out");
    assert_eq!(h.lms.system().analytics().active_students(None, 48).await.unwrap(), 2);
    assert!(room.student(0).analytics().active_students(None, 24).await.is_err());
}

/// rules: M4
pub async fn m4_on_time_rates(h: &Harness) {
    let room = h.classroom(1, 4).await;
    let due = h.lms.now().plus_seconds(3_600);
    let rules = AssignmentRules { due_date: Some(due), ..AssignmentRules::default() };
    let assignment = assign(&room, rules, None).await;
    let rate = || async { room.teacher().analytics().on_time(assignment.id).await.unwrap() };
    assert_eq!((rate().await.of, rate().await.rate), (0, None));
    let submit = |n: usize| {
        let me = room.student(n);
        async move { me.assignments().submit(assignment.id, NewSubmission::text("Work.")).await.unwrap() }
    };
    submit(0).await;
    assert_eq!((rate().await.on_time, rate().await.of), (1, 1));
    h.clock.advance(3_601);
    submit(1).await;
    let now = rate().await;
    assert_eq!((now.on_time, now.of), (1, 4), "the due date is over for all");
    assert_eq!(now.rate.unwrap().to_string(), "25.00");
    // Who joined after the due date and handed nothing in is left out; who withdrew, too.
    room.new_student("Late").await.unwrap();
    assert_eq!(rate().await.of, 4);
    room.teacher().enrollment().withdraw(room.course, room.students[3]).await.unwrap();
    assert_eq!(rate().await.of, 3);
    let undated = assign(&room, AssignmentRules::default(), None).await;
    room.student(0).assignments().submit(undated.id, NewSubmission::text("Work.")).await.unwrap();
    assert_eq!(room.teacher().analytics().on_time(undated.id).await.unwrap().of, 0, "no due date, no rate");
}

/// rules: M7, G3, S8
pub async fn m7_g3_the_course_score_and_the_scorecard(h: &Harness) {
    let room = h.classroom(1, 1).await;
    let quiz = room.add_quiz(room.lessons[0], 4, QuizRules { weight: 25, ..QuizRules::default() }).await.unwrap();
    let assignment = assign(&room, AssignmentRules::default(), None).await;
    let due = h.lms.now().plus_seconds(60);
    let missing = assign(&room, AssignmentRules { due_date: Some(due), ..AssignmentRules::default() }, None).await;
    let (me, id) = (room.student(0), room.students[0]);
    let attempt = me.quizzes().start(quiz.id).await.unwrap();
    answer(&me, &attempt, 2).await;
    me.quizzes().submit(attempt.id).await.unwrap();
    let handed = me.assignments().submit(assignment.id, NewSubmission::text("Work.")).await.unwrap();
    let before = me.overview().scorecard(room.course, id).await.unwrap();
    assert_eq!(before.percent.unwrap().to_string(), "50.00", "what waits for a grade is out");
    let grade = NewGrade { points: Points::whole(80), ..NewGrade::default() };
    room.teacher().assignments().grade(handed.id, grade).await.unwrap();
    h.clock.advance(61);
    let card = me.overview().scorecard(room.course, id).await.unwrap();
    // 25 × 2 of 4 and 80 of 100: 130 of 200.
    assert_eq!(card.percent.unwrap().to_string(), "65.00");
    assert_eq!(card.score, me.analytics().course_score(room.course, id).await.unwrap(), "G8: the same figure");
    let state = |id: uuid::Uuid| card.items.iter().find(|cell| cell.id == id).unwrap().state;
    assert_eq!(state(quiz.id.uuid()), ItemState::Graded);
    assert_eq!(state(assignment.id.uuid()), ItemState::Graded);
    assert_eq!(state(missing.id.uuid()), ItemState::Missing);
}

/// rules: G1, G8
pub async fn g1_g8_the_outline_says_what_the_single_reads_say(h: &Harness) {
    let room = h.classroom(3, 1).await;
    let (me, id) = (room.student(0), room.students[0]);
    let quiz = room.add_quiz(room.lessons[0], 1, QuizRules::default()).await.unwrap();
    me.learning().view_topic(room.topics[0]).await.unwrap();
    me.learning().complete_lesson(room.lessons[0]).await.unwrap();
    me.learning().open_lesson(room.lessons[1]).await.unwrap();
    let outline = me.overview().outline(room.course, id).await.unwrap();
    let statuses: Vec<_> = outline.lessons.iter().map(|l| l.status).collect();
    assert_eq!(statuses, [Some(ProgressStatus::Completed), Some(ProgressStatus::InProgress), None]);
    let standing = me.learning().standing(room.course, id).await.unwrap();
    assert_eq!((outline.lessons_done, outline.percent), (standing.lessons_done, standing.percent));
    assert!(outline.lessons[0].topics[0].viewed && !outline.lessons[1].topics[0].viewed);
    let card = me.overview().scorecard(room.course, id).await.unwrap();
    assert_eq!(outline.lessons[0].items, card.items);
    assert_eq!(card.items[0].id, quiz.id.uuid());
    let staff = room.teacher().overview().outline(room.course, id).await.unwrap();
    assert_eq!(staff, outline);
    let numbers = room.teacher().analytics().completion(room.course).await.unwrap();
    assert_eq!(numbers.mean_percent, standing.percent);
    let _ = h;
}
