//! A learner gets at their own work: every attempt and version of theirs, and the ids that lead there.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "conformance cases are tests")]

use super::Harness;
use super::assignments::assign;
use super::quizzes::answer;
use crate::lms::{
    AnswerGrade, AssignmentRules, Extension, GradedItem, NewGrade, NewQuestion, NewQuiz, NewSubmission, QuizRules,
    ScoreCell,
};
use crate::model::question::{Answer, QuestionBody};
use crate::model::{
    AttemptId, AttemptState, BasisPoints, FinishReason, KeptScore, Points, Posting, QuestionId, SubmissionId,
    SubmissionState,
};
use crate::store::{ById, Item};
use crate::testing::Classroom;

/// Every attempt of a learner is listed, the newest first, with the score that its view shows, and nothing is written.
/// rules: A3, A6, A9, A10, Q14, R1
pub async fn a9_a_learner_lists_their_attempts(h: &Harness) {
    let room = h.classroom(1, 3).await;
    let (me, who, teacher) = (room.student(0), room.students[0], room.teacher());
    let half = BasisPoints::percent(50);
    let rules = QuizRules { pass_threshold_bp: half, time_limit_seconds: Some(600), ..QuizRules::default() };
    let quiz = room.add_quiz(room.lessons[0], 4, rules).await.unwrap();
    let mut ids = Vec::new();
    for right in [1, 3, 4] {
        let attempt = me.quizzes().start(quiz.id).await.unwrap();
        answer(&me, &attempt, right).await;
        h.clock.advance(60);
        me.quizzes().submit(attempt.id).await.unwrap();
        ids.push(attempt.id);
    }
    teacher.quizzes().void(ids[2], "a wrong room").await.unwrap();
    let open = me.quizzes().start(quiz.id).await.unwrap();
    ids.push(open.id);
    let list = || async { me.quizzes().attempts(quiz.id, who).await.unwrap() };
    let listed = list().await;
    assert_eq!(listed.iter().map(|a| a.id).collect::<Vec<_>>(), ids.iter().rev().copied().collect::<Vec<_>>());
    assert_eq!(listed.iter().map(|a| a.attempt_no).collect::<Vec<_>>(), [4, 3, 2, 1]);
    let states: Vec<_> = listed.iter().map(|a| a.state).collect();
    assert_eq!(states, [AttemptState::InProgress, AttemptState::Voided, AttemptState::Graded, AttemptState::Graded]);
    assert_eq!(listed.iter().map(|a| a.is_kept).collect::<Vec<_>>(), [false, false, true, false]);
    assert_eq!(listed.iter().map(|a| a.passed).collect::<Vec<_>>(), [None, Some(true), Some(true), Some(false)]);
    assert_eq!((listed[0].started_at, listed[0].deadline), (open.started_at, open.deadline));
    for summary in &listed {
        let view = me.quizzes().view_attempt(summary.id).await.unwrap();
        assert_eq!(
            (summary.state, summary.score, summary.percent, summary.passed, summary.finish_reason),
            (view.state, view.score, view.percent, view.passed, view.finish_reason)
        );
        let times = (summary.started_at, summary.deadline, summary.completed_at, summary.grading_due);
        assert_eq!(times, (view.started_at, view.deadline, view.completed_at, view.grading_due));
    }
    assert_eq!(teacher.quizzes().attempts(quiz.id, who).await.unwrap(), listed, "staff read the same");
    // Overdue, and only listed: it says so, and stays open.
    h.clock.advance(700);
    let written = h.events().await.len();
    let listed = list().await;
    assert!(listed[0].grading_due && listed[0].state == AttemptState::InProgress && listed[0].score.is_none());
    assert!(!listed[1..].iter().any(|a| a.grading_due));
    assert_eq!(h.events().await.len(), written, "a list writes nothing");
    me.quizzes().view_attempt(open.id).await.unwrap();
    assert_eq!(list().await[0].finish_reason, Some(FinishReason::Expired));
    // Others have none, or may not.
    assert_eq!(room.student(1).quizzes().attempts(quiz.id, room.students[1]).await.unwrap(), []);
    assert_eq!(room.student(1).quizzes().attempts(quiz.id, who).await.unwrap_err().code(), "not_found");
    let nobody = teacher.quizzes().attempts(quiz.id, room.instructor).await.unwrap_err();
    assert_eq!(nobody.code(), "not_found", "who was never enrolled has no list");
    me.enrollment().withdraw(room.course, who).await.unwrap();
    assert_eq!(list().await.len(), 4, "who has left still has their own");
}

/// Which attempts the kept score is made of, by every policy; one that waits for a grade tells no score and no pass.
/// rules: A9, A10, Q12
pub async fn a9_the_list_says_which_attempts_count(h: &Harness) {
    let room = h.classroom(1, 1).await;
    let (me, who, teacher) = (room.student(0), room.students[0], room.teacher());
    for (policy, kept) in [
        (KeptScore::Highest, [false, true, false]),
        (KeptScore::Latest, [true, false, false]),
        (KeptScore::First, [false, false, true]),
        (KeptScore::Average, [true, true, true]),
    ] {
        let quiz = room.add_quiz(room.lessons[0], 3, QuizRules { kept_score: policy, ..QuizRules::default() }).await;
        let quiz = quiz.unwrap().id;
        for right in [1, 3, 2] {
            let attempt = me.quizzes().start(quiz).await.unwrap();
            answer(&me, &attempt, right).await;
            me.quizzes().submit(attempt.id).await.unwrap();
        }
        let listed = me.quizzes().attempts(quiz, who).await.unwrap();
        assert_eq!(listed.iter().map(|a| a.is_kept).collect::<Vec<_>>(), kept, "{policy}");
        assert!(listed.iter().all(|a| a.passed.is_none()), "there is no threshold");
    }
    let essay = QuestionBody::Essay { rubric: None, staff_notes: String::new() };
    let rules = QuizRules { pass_threshold_bp: BasisPoints::percent(50), ..QuizRules::default() };
    let new = NewQuiz {
        is_published: true,
        rules,
        questions: vec![NewQuestion::new("Why?", essay)],
        ..NewQuiz::titled("Essays")
    };
    let quiz = teacher.catalog().add_quiz(room.lessons[0], new).await.unwrap().id;
    let attempt = me.quizzes().start(quiz).await.unwrap();
    let text = Some(Answer::Essay { text: "Because.".into() });
    me.quizzes().save(attempt.id, "tab", 1, [(attempt.questions[0].id, text)].into()).await.unwrap();
    let handed = me.quizzes().submit(attempt.id).await.unwrap();
    let listed = || async { me.quizzes().attempts(quiz, who).await.unwrap().remove(0) };
    let waits = listed().await;
    assert_eq!((waits.state, waits.score, waits.passed), (AttemptState::PendingReview, None, None));
    assert_eq!((handed.score, handed.passed, waits.is_kept), (None, None, false));
    let grade = AnswerGrade { points: Points::whole(1).unwrap(), feedback: None, seen_seq: 0 };
    let question = QuestionId::from_uuid(attempt.questions[0].id);
    teacher.quizzes().grade_answer(attempt.id, question, grade).await.unwrap();
    let graded = listed().await;
    assert_eq!((graded.state, graded.passed, graded.is_kept), (AttemptState::Graded, Some(true), true));
    assert_eq!(me.quizzes().view_attempt(attempt.id).await.unwrap().passed, Some(true));
}

/// An attempt's view has the quiz's title, what it takes to pass, whether this one does, and what is left.
/// rules: A3, A10, S6
pub async fn a10_an_attempt_says_what_its_learner_asks(h: &Harness) {
    let room = h.classroom(1, 1).await;
    let (me, who) = (room.student(0), room.students[0]);
    let threshold = BasisPoints::percent(70);
    let rules = QuizRules { pass_threshold_bp: threshold, max_attempts: Some(2), ..QuizRules::default() };
    let quiz = room.add_quiz(room.lessons[0], 10, rules).await.unwrap();
    let attempt = me.quizzes().start(quiz.id).await.unwrap();
    assert_eq!((attempt.quiz_title.as_str(), attempt.pass_threshold_bp), ("A quiz", threshold));
    assert_eq!((attempt.passed, attempt.attempts_left), (None, Some(1)), "the open one is used, and has no score");
    answer(&me, &attempt, 7).await;
    assert_eq!(me.quizzes().submit(attempt.id).await.unwrap().passed, Some(true), "on the threshold is enough");
    let extra = Extension { extra_attempts: 2, ..Extension::because("was ill") };
    room.teacher().grants().extend(Item::Quiz(quiz.id), who, extra).await.unwrap();
    assert_eq!(me.quizzes().view_attempt(attempt.id).await.unwrap().attempts_left, Some(3), "with what was granted");
    let next = me.quizzes().start(quiz.id).await.unwrap();
    answer(&me, &next, 6).await;
    let next = me.quizzes().submit(next.id).await.unwrap();
    assert_eq!((next.passed, next.attempts_left), (Some(false), Some(2)), "its own score, not the kept one");
    let card = me.overview().scorecard(room.course, who).await.unwrap();
    assert_eq!(card.items[0].passed, Some(true), "which passes");
    room.teacher().quizzes().void(next.id, "a wrong room").await.unwrap();
    assert_eq!(me.quizzes().view_attempt(next.id).await.unwrap().attempts_left, Some(3), "a voided one is not used");
    let free = room.add_quiz(room.lessons[0], 1, QuizRules::default()).await.unwrap();
    let attempt = me.quizzes().start(free.id).await.unwrap();
    let done = me.quizzes().submit(attempt.id).await.unwrap();
    assert_eq!((done.passed, done.pass_threshold_bp, done.attempts_left), (None, None, None));
}

/// Every version of a learner is listed with the draft, the newest first, and with no grade that its view hides.
/// rules: S1, S3, S5, S14, S16, R1
pub async fn s1_s14_a_learner_lists_their_versions(h: &Harness) {
    let room = h.classroom(1, 2).await;
    let (me, who, teacher) = (room.student(0), room.students[0], room.teacher());
    let due = Some(h.lms.now().plus_seconds(60));
    let rules = AssignmentRules { due_date: due, posting: Posting::Manual, ..AssignmentRules::default() };
    let assignment = assign(&room, rules, None).await;
    let other = assign(&room, AssignmentRules::default(), None).await;
    me.assignments().submit(other.id, NewSubmission::text("Another work.")).await.unwrap();
    let list = || async { me.assignments().submissions(assignment.id, who).await.unwrap() };
    assert_eq!(list().await, []);
    let grade = |whole| NewGrade { points: Points::whole(whole), ..NewGrade::default() };
    let hand_in = || async { me.assignments().submit(assignment.id, NewSubmission::text("My own work on it.")).await };
    let first = hand_in().await.unwrap();
    teacher.assignments().grade(first.id, grade(40)).await.unwrap();
    let hidden = list().await.remove(0);
    assert_eq!((hidden.state, hidden.grade, hidden.grader_kind), (SubmissionState::Submitted, None, None));
    assert!(hidden.is_current && !hidden.is_counted, "it is not posted, so it does not count yet for the learner");
    teacher.assignments().post_grade(assignment.id, who).await.unwrap();
    h.clock.advance(3_660);
    let second = hand_in().await.unwrap();
    teacher.assignments().grade(second.id, grade(90)).await.unwrap();
    let draft = me.assignments().save_draft(assignment.id, NewSubmission::text("Not done.")).await.unwrap();
    let listed = list().await;
    assert_eq!(listed.iter().map(|s| s.id).collect::<Vec<_>>(), [draft.id, second.id, first.id]);
    assert_eq!(listed.iter().map(|s| s.version_no).collect::<Vec<_>>(), [3, 2, 1]);
    let states: Vec<_> = listed.iter().map(|s| s.state).collect();
    assert_eq!(states, [SubmissionState::Draft, SubmissionState::Submitted, SubmissionState::Graded]);
    assert_eq!(listed.iter().map(|s| s.is_current).collect::<Vec<_>>(), [false, true, false]);
    assert_eq!(listed.iter().map(|s| s.is_counted).collect::<Vec<_>>(), [false, false, true]);
    assert_eq!(listed.iter().map(|s| s.grade).collect::<Vec<_>>(), [None, None, Points::whole(40)]);
    assert_eq!(listed.iter().map(|s| s.late_seconds).collect::<Vec<_>>(), [0, 3_600, 0]);
    for summary in &listed {
        let view = me.assignments().view(summary.id).await.unwrap();
        assert_eq!(
            (summary.state, summary.submitted_at, summary.late_seconds),
            (view.state, view.submitted_at, view.late_seconds)
        );
        let grades = (summary.grade, summary.max_grade, summary.grader_kind);
        assert_eq!(grades, (view.grade, view.max_grade, view.grader_kind));
    }
    assert_eq!(teacher.assignments().submissions(assignment.id, who).await.unwrap(), listed, "staff read the same");
    assert_eq!(room.student(1).assignments().submissions(assignment.id, room.students[1]).await.unwrap(), []);
    let theirs = room.student(1).assignments().submissions(assignment.id, who).await.unwrap_err();
    assert_eq!(theirs.code(), "not_found");
    let nobody = teacher.assignments().submissions(assignment.id, room.instructor).await.unwrap_err();
    assert_eq!(nobody.code(), "not_found", "who was never enrolled has no list");
    teacher.assignments().post_grade(assignment.id, who).await.unwrap();
    assert_eq!(list().await.iter().map(|s| s.is_counted).collect::<Vec<_>>(), [false, true, false]);
}

/// What leads to a learner's work: the open attempt, the version handed in last, the draft.
type Leads = (Option<AttemptId>, Option<SubmissionId>, Option<SubmissionId>);

/// The same in the scorecard, the outline, the gradebook and on the lesson's page: of the quiz, of the assignment.
async fn leads(room: &Classroom) -> (Leads, Leads) {
    let (me, who) = (room.student(0), room.students[0]);
    let of = |cells: &[ScoreCell], kind| {
        let cell = cells.iter().find(|cell| cell.kind == kind).unwrap();
        (cell.open_attempt_id, cell.submission_id, cell.draft_id)
    };
    let both = |cells: &[ScoreCell]| (of(cells, GradedItem::Quiz), of(cells, GradedItem::Assignment));
    let card = me.overview().scorecard(room.course, who).await.unwrap();
    let found = both(&card.items);
    let outline = me.overview().outline(room.course, who).await.unwrap();
    let cells: Vec<ScoreCell> = outline.lessons.into_iter().flat_map(|l| l.items).map(|item| item.cell).collect();
    assert_eq!(both(&cells), found, "the outline");
    let book = room.teacher().overview().gradebook(room.course, ById::default()).await.unwrap();
    let row = book.rows.iter().find(|row| row.student_id == who).unwrap();
    assert_eq!(both(&row.cells), found, "the gradebook");
    let page = me.learning().read_lesson(room.lessons[0]).await.unwrap();
    let (quiz, assignment) = (&page.quizzes[0], &page.assignments[0]);
    let on_page = ((quiz.open_attempt_id, None, None), (None, assignment.submission_id, assignment.draft_id));
    assert_eq!(on_page, found, "the lesson's page");
    found
}

/// Wherever a learner reads of a quiz or an assignment stands the id of what they have under way or handed in.
/// rules: G1, G2, G3, G4, G8, X3
pub async fn g3_what_is_read_leads_to_the_work(h: &Harness) {
    let room = h.classroom(1, 2).await;
    let (me, other) = (room.student(0), room.student(1));
    let (soon, later) = (h.lms.now().plus_seconds(60), h.lms.now().plus_seconds(120));
    let rules = QuizRules { closes_at: Some(later), ..QuizRules::default() };
    let quiz = room.add_quiz(room.lessons[0], 1, rules).await.unwrap();
    let assignment = assign(&room, AssignmentRules { due_date: Some(soon), ..AssignmentRules::default() }, None).await;
    let theirs = other.quizzes().start(quiz.id).await.unwrap();
    other.assignments().save_draft(assignment.id, NewSubmission::text("Not mine.")).await.unwrap();
    assert_eq!(leads(&room).await, Default::default(), "nobody else's");
    let attempt = me.quizzes().start(quiz.id).await.unwrap();
    let draft = me.assignments().save_draft(assignment.id, NewSubmission::text("Not done.")).await.unwrap();
    assert_ne!(attempt.id, theirs.id);
    assert_eq!(leads(&room).await, ((Some(attempt.id), None, None), (None, None, Some(draft.id))));
    let home = me.overview().learner_home(room.students[0]).await.unwrap();
    let due: Vec<_> = home.due_soon.iter().map(|item| (item.open_attempt_id, item.draft_id)).collect();
    assert_eq!(due, [(None, Some(draft.id)), (Some(attempt.id), None)], "what is due, the soonest first");
    me.quizzes().submit(attempt.id).await.unwrap();
    let handed = me.assignments().submit(assignment.id, NewSubmission::text("Done.")).await.unwrap();
    assert_eq!(leads(&room).await, ((None, None, None), (None, Some(handed.id), None)));
    let next = me.quizzes().start(quiz.id).await.unwrap();
    let draft = me.assignments().save_draft(assignment.id, NewSubmission::text("Again.")).await.unwrap();
    assert_eq!(leads(&room).await, ((Some(next.id), None, None), (None, Some(handed.id), Some(draft.id))));
    let last = me.assignments().submit(assignment.id, NewSubmission::text("Done again.")).await.unwrap();
    assert_eq!(leads(&room).await.1, (None, Some(last.id), None), "the one that was handed in last");
}
