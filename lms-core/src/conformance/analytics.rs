//! A course's numbers, by their definitions.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "conformance cases are tests")]

use super::Harness;
use super::assignments::assign;
use super::quizzes::answer;
use crate::lms::{
    AssignmentOnTime, AssignmentRules, EnrollOptions, ItemState, NewGrade, NewLesson, NewSubmission, QuizRules, Session,
};
use crate::model::{Points, ProgressStatus};
use crate::store::{Item, QuizScope};

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
    room.teacher().grants().waive(Item::Assignment(assignment.id), room.students[2], "knows it").await.unwrap();
    assert_eq!(rate().await.of, 2, "who is waived is out, though the due date is over (P12)");
    room.teacher().grants().waive(Item::Assignment(assignment.id), room.students[1], "knows it").await.unwrap();
    let now = rate().await;
    assert_eq!((now.on_time, now.of), (1, 1), "and who handed in late and is waived");
    room.teacher().grants().revoke_waiver(Item::Assignment(assignment.id), room.students[1]).await.unwrap();
    assert_eq!(rate().await.of, 2, "until the waiver is taken back");
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
    let cells: Vec<_> = outline.lessons[0].items.iter().map(|item| item.cell.clone()).collect();
    assert_eq!(cells, card.items);
    assert_eq!(card.items[0].id, quiz.id.uuid());
    let staff = room.teacher().overview().outline(room.course, id).await.unwrap();
    assert_eq!(staff, outline);
    let numbers = room.teacher().analytics().completion(room.course).await.unwrap();
    assert_eq!(numbers.mean_percent, standing.percent);
    let _ = h;
}

/// The example that the documentation of [`Analytics`](crate::lms::Analytics) works out by hand.
///
/// rules: M6, M1, M2, M3, M4, M7, E5, N3
pub async fn m6_the_worked_example_of_the_documentation(h: &Harness) {
    let room = h.classroom(4, 4).await;
    let (ann, ben, cem, dora) = (room.student(0), room.student(1), room.student(2), room.student(3));
    let teacher = room.teacher();
    let optional = NewLesson { is_required: false, ..NewLesson::titled("For the curious").published() };
    let optional = teacher.catalog().add_lesson(room.course, optional).await.unwrap();
    let rules = |weight| QuizRules { weight, ..QuizRules::default() };
    let a = room.add_quiz(room.lessons[0], 3, rules(10)).await.unwrap();
    let b = room.add_quiz(room.lessons[1], 7, rules(0)).await.unwrap();
    let due = h.lms.now().plus_seconds(3_600);
    let essay = assign(&room, AssignmentRules { due_date: Some(due), ..AssignmentRules::default() }, None).await;
    let take = |me: Session, quiz, right| async move {
        let attempt = me.quizzes().start(quiz).await.unwrap();
        answer(&me, &attempt, right).await;
        me.quizzes().submit(attempt.id).await.unwrap();
    };
    let submit =
        |me: Session| async move { me.assignments().submit(essay.id, NewSubmission::text("Work.")).await.unwrap() };
    let complete = |me: Session, from: usize, to: usize| {
        let lessons = room.lessons[from..to].to_vec();
        async move {
            for lesson in lessons {
                me.learning().complete_lesson(lesson).await.unwrap();
            }
        }
    };

    // Monday, 12:00:00.
    take(dora.clone(), a.id, 3).await;
    complete(dora.clone(), 0, 2).await;
    take(ann.clone(), a.id, 2).await;
    take(ann.clone(), b.id, 6).await;
    complete(ann.clone(), 0, 4).await;
    ann.learning().complete_lesson(optional.id).await.unwrap();
    h.clock.advance(1);
    take(ben.clone(), a.id, 1).await;
    take(ben.clone(), a.id, 3).await;
    complete(ben.clone(), 0, 3).await;
    teacher.enrollment().enroll(room.course, room.instructor, EnrollOptions::default()).await.unwrap();
    teacher.learning().complete_lesson(room.lessons[0]).await.unwrap();
    h.clock.advance(1_799);
    submit(ann.clone()).await;
    teacher.enrollment().withdraw(room.course, room.students[3]).await.unwrap();
    h.clock.advance(1_801);
    let late = submit(ben.clone()).await;
    let grade = NewGrade { points: Points::whole(80), ..NewGrade::default() };
    teacher.assignments().grade(late.id, grade).await.unwrap();
    h.clock.advance(3_599);
    room.new_student("Finn").await.unwrap();
    h.clock.advance(3_600);
    cem.quizzes().start(a.id).await.unwrap();
    // Tuesday, 12:00:00.
    h.clock.advance(75_600);

    let numbers = teacher.analytics();
    let shown = |percent: Option<crate::model::Percent>| percent.map(|p| p.to_string()).unwrap_or_default();
    let completion = numbers.completion(room.course).await.unwrap();
    assert_eq!((completion.enrolled, completion.completed), (4, 1));
    assert_eq!(shown(completion.mean_percent), "43.75");
    assert_eq!(shown(completion.completed_percent), "25.00");
    let average = |scope| async move { shown(numbers.quiz_average(room.course, scope).await.unwrap().average) };
    assert_eq!(average(QuizScope::Quiz(a.id)).await, "83.33");
    assert_eq!(average(QuizScope::Lesson(room.lessons[1])).await, "85.71");
    assert_eq!(average(QuizScope::Course(room.course)).await, "84.12");
    assert_eq!(numbers.active_students(Some(room.course), 24).await.unwrap(), 3);
    assert_eq!(numbers.active_students(Some(room.course), 25).await.unwrap(), 4);
    let on_time = numbers.on_time(essay.id).await.unwrap();
    assert_eq!((on_time.on_time, on_time.of, shown(on_time.rate)), (1, 3, "33.33".to_owned()));
    let score = |student| async move {
        numbers.course_score(room.course, student).await.unwrap().map(|score| shown(score.percent()))
    };
    assert_eq!(score(room.students[0]).await.as_deref(), Some("66.66"));
    assert_eq!(score(room.students[1]).await.as_deref(), Some("84.61"));
    assert_eq!(score(room.students[2]).await, None);
    let at_once = numbers.course_metrics(room.course).await.unwrap();
    assert_eq!((at_once.completion, at_once.active_24h), (completion, 3));
    let of_essay = AssignmentOnTime { assignment_id: essay.id, found: on_time };
    assert_eq!((shown(at_once.quizzes.average), &*at_once.on_time), ("84.12".to_owned(), &[of_essay][..]));
    let json = serde_json::to_value(of_essay).unwrap();
    let expected = serde_json::json!({ "assignment_id": essay.id, "on_time": 1, "of": 3, "rate": "33.33" });
    assert_eq!(json, expected);
}
