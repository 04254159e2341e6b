//! Essay answers graded by AI: applied, suggested, taken back; never over a person (Q12).
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "conformance cases are tests")]

use std::collections::BTreeMap;

use super::Harness;
use super::assignments::{assign, by_ai, suggestion};
use super::atomicity::valid_log;
use super::grading::newer_mark;
use crate::error::Error;
use crate::lms::{
    AiOrigin, AnswerGrade, AnswerMark, AssignmentRules, MarkFilter, MarkedWork, NewGrade, NewQuestion, NewQuiz,
    NewSubmission, QuizRules, RegradePolicy,
};
use crate::model::question::{Answer, QuestionBody};
use crate::model::{
    AiGrading, AiGradingState, AiLogStatus, AttemptId, AttemptState, BasisPoints, EventKind, GradeCause, GraderKind,
    Points, QuestionId, Quiz, Score,
};
use crate::rules::grading::AnswerState;
use crate::testing::Classroom;

const WORK: &str = "A text of some length, so that it is neither nothing nor too short to be graded.";

fn points(whole: i64) -> Points {
    Points::whole(whole).unwrap()
}

fn mark(whole: i64, seen_seq: i64) -> AnswerGrade {
    AnswerGrade { points: points(whole), feedback: Some("Read.".into()), seen_seq }
}

/// A published quiz of so many essays of 10 points.
pub(super) async fn essays(room: &Classroom, n: usize, rules: QuizRules) -> Quiz {
    let body = || QuestionBody::Essay { rubric: None, staff_notes: "SECRET-NOTES".into() };
    let question = |n: usize| NewQuestion { points: points(10), ..NewQuestion::new(format!("Why {n}?"), body()) };
    let new =
        NewQuiz { is_published: true, rules, questions: (0..n).map(question).collect(), ..NewQuiz::titled("Essays") };
    room.teacher().catalog().add_quiz(room.lessons[0], new).await.unwrap()
}

pub(super) fn by(ai_grading: AiGrading) -> QuizRules {
    QuizRules { ai_grading: Some(ai_grading), ..QuizRules::default() }
}

/// Hands answers in, one per question.
pub(super) async fn hand_in(room: &Classroom, n: usize, quiz: &Quiz, texts: &[&str]) -> (AttemptId, Vec<QuestionId>) {
    let me = room.student(n);
    let attempt = me.quizzes().start(quiz.id).await.unwrap();
    let ids: Vec<QuestionId> = attempt.questions.iter().map(|q| QuestionId::from_uuid(q.id)).collect();
    let answers = attempt.questions.iter().zip(texts);
    let answers = answers.map(|(q, text)| (q.id, Some(Answer::Essay { text: (*text).to_owned() }))).collect();
    me.quizzes().save(attempt.id, "tab", 1, answers).await.unwrap();
    me.quizzes().submit(attempt.id).await.unwrap();
    (attempt.id, ids)
}

/// An AI grade of an answer, by an operation of its own.
pub(super) async fn run(
    h: &Harness,
    room: &Classroom,
    at: (AttemptId, QuestionId),
    operation: u128,
    whole: i64,
    review: bool,
) -> Result<AnswerMark, Error> {
    let operation = uuid::Uuid::from_u128(operation);
    let log = valid_log(h, "grade", operation).await;
    let origin = AiOrigin { log_id: log.id, operation_id: operation };
    let session = by_ai(h, room, log.id).await;
    session.quizzes().apply_ai_answer_grade(at.0, at.1, suggestion(whole, review), origin).await
}

async fn status(room: &Classroom, attempt: AttemptId) -> Vec<AiGradingState> {
    let found = room.teacher().quizzes().essays(attempt).await.unwrap();
    found.essays.iter().map(|e| e.record.ai_status).collect()
}

/// Human over AI on answers, in every order of arrival.
/// rules: Q12, S9, S10, S11
pub async fn q12_s10_human_over_ai(h: &Harness) {
    let room = h.classroom(1, 3).await;
    let teacher = room.teacher();
    let quiz = essays(&room, 1, by(AiGrading::Apply)).await;
    let (off, _) = hand_in(&room, 0, &quiz, &[WORK]).await;
    assert_eq!(status(&room, off).await, [AiGradingState::None], "without a provider every mode reads as off");
    h.lms.expect_ai_grading();
    let mut handed = Vec::new();
    for n in 0..3 {
        let (attempt, ids) = hand_in(&room, n, &quiz, &[WORK]).await;
        handed.push((attempt, ids[0]));
    }
    let waiting = h.lms.system().quizzes().awaiting_ai(10).await.unwrap();
    assert_eq!(waiting.iter().map(|a| a.ai_pending).collect::<Vec<_>>(), [1, 1, 1]);
    assert_eq!(teacher.quizzes().awaiting_ai(10).await.unwrap_err().code(), "denied");
    // AI first, then a person: the person's stands.
    let applied = run(h, &room, handed[0], 1_000, 7, false).await.unwrap();
    assert!(applied.applied && applied.attempt_state == AttemptState::Graded);
    assert_eq!((applied.record.earned, applied.record.grader_kind), (Some(points(7)), GraderKind::Ai));
    let seen = room.student(0).quizzes().view_attempt(handed[0].0).await.unwrap();
    assert_eq!(seen.score, Some(Score { earned: points(7), possible: points(10) }));
    assert_eq!(seen.review.as_ref().unwrap()[0].grader_kind, GraderKind::Ai, "its learner sees who graded (S16)");
    assert!(!serde_json::to_string(&seen).unwrap().contains("SECRET-NOTES"));
    let graded = teacher.quizzes().grade_answer(handed[0].0, handed[0].1, mark(6, 0)).await.unwrap();
    assert_eq!((graded.record.earned, graded.record.grader_kind), (Some(points(6)), GraderKind::Human));
    // A person first, then AI: a suggestion that changes nothing.
    teacher.quizzes().grade_answer(handed[1].0, handed[1].1, mark(5, 0)).await.unwrap();
    assert!(h.lms.system().quizzes().awaiting_ai(10).await.unwrap().iter().all(|a| a.id != handed[1].0));
    let late = run(h, &room, handed[1], 1_001, 9, false).await.unwrap();
    assert!(!late.applied);
    assert_eq!((late.record.earned, late.record.ai_status), (Some(points(5)), AiGradingState::Suggested));
    let dismissed = teacher.quizzes().dismiss_suggestion(handed[1].0, handed[1].1, 2, None).await.unwrap();
    assert_eq!((dismissed.record.earned, dismissed.record.suggested_seq), (Some(points(5)), None));
    // A review trigger: a suggestion, which a person adopts as their own.
    let waits = run(h, &room, handed[2], 1_002, 4, true).await.unwrap();
    assert_eq!((waits.applied, waits.record.earned, waits.record.suggested_seq), (false, None, Some(1)));
    assert_eq!(waits.attempt_state, AttemptState::PendingReview);
    let learner = room.student(2);
    assert_eq!(
        learner.quizzes().adopt_suggestion(handed[2].0, handed[2].1, 1, None).await.unwrap_err().code(),
        "denied"
    );
    let adopted = teacher.quizzes().adopt_suggestion(handed[2].0, handed[2].1, 1, None).await.unwrap();
    assert!(adopted.applied && adopted.attempt_state == AttemptState::Graded);
    assert_eq!((adopted.record.earned, adopted.record.grader_kind), (Some(points(4)), GraderKind::Human));
    let found = teacher.quizzes().essays(handed[2].0).await.unwrap();
    let history = &found.essays[0].history;
    assert_eq!((history.len(), history[1].cause, history[1].ref_seq), (2, GradeCause::Adopted, Some(1)));
    assert_eq!(history[1].ai_log_id, history[0].ai_log_id);
    let again = teacher.quizzes().adopt_suggestion(handed[2].0, handed[2].1, 1, None).await.unwrap_err();
    assert_eq!(again.code(), "grade.no_suggestion");
    // Somebody who has not seen the newest human mark is told; an entry by AI is no reason.
    let newer = teacher.quizzes().grade_answer(handed[0].0, handed[0].1, mark(1, 0)).await.unwrap_err();
    let entry = newer_mark(newer);
    assert_eq!((entry.subject_id, entry.grader_kind), (handed[0].0.uuid(), GraderKind::Human), "it shows the mark");
    teacher.quizzes().grade_answer(handed[1].0, handed[1].1, mark(8, 1)).await.unwrap();
    assert_eq!(h.count(EventKind::AiGraded).await, 3);
    assert_eq!(h.count(EventKind::QuizGraded).await, 3, "once per transition (V2)");
    assert!(h.lms.system().activity().audit(room.course).await.unwrap().is_empty());
}

/// The grade and its log row are one; whatever was refused left nothing; what is never sent waits for a person.
/// rules: I2, I3, Q12, S11
pub async fn q12_i2_ai_answer_grades_flip_their_log(h: &Harness) {
    h.lms.expect_ai_grading();
    let room = h.classroom(1, 3).await;
    let quiz = essays(&room, 1, by(AiGrading::Suggest)).await;
    let (attempt, ids) = hand_in(&room, 0, &quiz, &[WORK]).await;
    let operation = uuid::Uuid::from_u128(5);
    let log = valid_log(h, "grade", operation).await;
    let origin = AiOrigin { log_id: log.id, operation_id: operation };
    let ai = by_ai(h, &room, log.id).await;
    let much = ai.quizzes().apply_ai_answer_grade(attempt, ids[0], suggestion(11, false), origin).await.unwrap_err();
    assert_eq!(much.code(), "grade.out_of_range", "refused, never clamped");
    let person = room.teacher().quizzes().apply_ai_answer_grade(attempt, ids[0], suggestion(1, false), origin).await;
    assert_eq!(person.unwrap_err().code(), "denied");
    assert_eq!(h.store.ai_log(log.id).await.unwrap().unwrap().status, AiLogStatus::Valid);
    let mut races = Vec::new();
    for _ in 0..16 {
        let (ai, question) = (ai.clone(), ids[0]);
        races.push(tokio::spawn(async move {
            ai.quizzes().apply_ai_answer_grade(attempt, question, suggestion(7, false), origin).await
        }));
    }
    for race in races {
        assert!(!race.await.unwrap().unwrap().applied, "this quiz only takes suggestions");
    }
    assert_eq!(room.teacher().quizzes().essays(attempt).await.unwrap().essays[0].history.len(), 1);
    assert_eq!(h.store.ai_log(log.id).await.unwrap().unwrap().status, AiLogStatus::Review);
    // Too little is never sent, and a quiz that AI does not grade is denied to it.
    let (short, _) = hand_in(&room, 1, &quiz, &["Because."]).await;
    assert_eq!(status(&room, short).await, [AiGradingState::TooShort]);
    let plain = essays(&room, 1, QuizRules::default()).await;
    assert_eq!(plain.ai_grading, AiGrading::Off, "of a quiz that a person made");
    let (own, own_ids) = hand_in(&room, 1, &plain, &[WORK]).await;
    assert_eq!(run(h, &room, (own, own_ids[0]), 6, 5, false).await.unwrap_err().code(), "denied");
    // A failure is never a 0: the answer waits for a person.
    let (failed, failed_ids) = hand_in(&room, 2, &quiz, &[WORK]).await;
    let system = h.lms.system();
    for _ in 0..2 {
        system.quizzes().ai_answer_grading_failed(failed, failed_ids[0], "ai.invalid".into()).await.unwrap();
    }
    assert_eq!(status(&room, failed).await, [AiGradingState::Failed]);
    assert!(system.quizzes().awaiting_ai(10).await.unwrap().is_empty());
    assert_eq!(h.count(EventKind::AiRejected).await, 1);
    let denied = room.teacher().quizzes().ai_answer_grading_failed(failed, failed_ids[0], "x".into()).await;
    assert_eq!(denied.unwrap_err().code(), "denied");
    let seen = room.student(2).quizzes().view_attempt(failed).await.unwrap();
    assert_eq!((seen.state, seen.score), (AttemptState::PendingReview, None));
}

/// Taking a person's mark back brings AI's back. While the attempt waits, an answer may wait again; a graded
/// attempt stays graded.
/// rules: A1, Q12, S10
pub async fn q12_s10_clearing_an_answer(h: &Harness) {
    h.lms.expect_ai_grading();
    let room = h.classroom(1, 1).await;
    let quiz = essays(&room, 2, by(AiGrading::Apply)).await;
    let (attempt, ids) = hand_in(&room, 0, &quiz, &[WORK, WORK]).await;
    let teacher = room.teacher();
    // Before the other answer is graded, this one may go back to waiting.
    teacher.quizzes().grade_answer(attempt, ids[0], mark(3, 0)).await.unwrap();
    let none = teacher.quizzes().clear_answer(attempt, ids[1], 9, None).await.unwrap_err();
    assert_eq!(none.code(), "grade.nothing_to_clear");
    let newer = teacher.quizzes().clear_answer(attempt, ids[0], 0, None).await.unwrap_err();
    assert_eq!(newer.code(), "grade.newer", "whoever clears has seen what they clear");
    let cleared = teacher.quizzes().clear_answer(attempt, ids[0], 1, Some("a mix-up".into())).await.unwrap();
    assert_eq!((cleared.record.earned, cleared.record.state), (None, AnswerState::Pending));
    assert_eq!(cleared.record.grader_kind, GraderKind::Auto);
    run(h, &room, (attempt, ids[0]), 20, 7, false).await.unwrap();
    let over = teacher.quizzes().grade_answer(attempt, ids[0], mark(2, 2)).await.unwrap();
    assert_eq!(over.attempt_state, AttemptState::PendingReview);
    teacher.quizzes().grade_answer(attempt, ids[1], mark(9, 0)).await.unwrap();
    let seen = room.student(0).quizzes().view_attempt(attempt).await.unwrap();
    assert_eq!(seen.score.map(|s| s.earned), Some(points(11)));
    // Now it is graded: AI's mark comes back, and where there is none nothing changes.
    let beneath = teacher.quizzes().clear_answer(attempt, ids[1], 1, None).await.unwrap_err();
    assert_eq!(beneath.code(), "grade.nothing_beneath");
    let cleared = teacher.quizzes().clear_answer(attempt, ids[0], 4, None).await.unwrap();
    assert_eq!((cleared.record.earned, cleared.record.grader_kind), (Some(points(7)), GraderKind::Ai));
    assert_eq!(cleared.attempt_state, AttemptState::Graded);
    let seen = room.student(0).quizzes().view_attempt(attempt).await.unwrap();
    assert_eq!(seen.score.map(|s| s.earned), Some(points(16)));
    assert_eq!(h.count(EventKind::QuizGraded).await, 1);
    assert!(h.lms.system().activity().audit(room.course).await.unwrap().is_empty());
}

/// The last answer that waits moves the attempt to graded and completes what follows, also by AI; what waits
/// for staff shows suggestions apart and nothing that AI is about to grade; a dropped question waits for nobody.
/// rules: A12, G5, P3, Q12
pub async fn q12_p3_the_last_answer_by_ai_completes(h: &Harness) {
    h.lms.expect_ai_grading();
    let room = h.classroom(1, 2).await;
    let rules = QuizRules { pass_threshold_bp: BasisPoints::percent(50), ..by(AiGrading::Apply) };
    let quiz = essays(&room, 2, rules).await;
    room.student(0).learning().complete_lesson(room.lessons[0]).await.unwrap();
    let (attempt, ids) = hand_in(&room, 0, &quiz, &[WORK, WORK]).await;
    let teacher = room.teacher();
    let waiting = teacher.overview().to_grade(room.course, 10).await.unwrap();
    assert!(waiting.attempts.is_empty() && waiting.answer_suggestions.is_empty(), "AI is about to grade it");
    run(h, &room, (attempt, ids[0]), 30, 6, true).await.unwrap();
    let waiting = teacher.overview().to_grade(room.course, 10).await.unwrap();
    let shown: Vec<_> =
        waiting.answer_suggestions.iter().map(|a| (a.work.id, a.work.ai_suggested, a.work.ai_pending)).collect();
    assert_eq!((shown, waiting.attempts.len()), (vec![(attempt, 1, 1)], 0));
    teacher.quizzes().adopt_suggestion(attempt, ids[0], 1, None).await.unwrap();
    let standing = |n: usize| {
        let me = room.student(n);
        let (course, student) = (room.course, room.students[n]);
        async move { me.learning().standing(course, student).await.unwrap().completed_at }
    };
    assert_eq!(standing(0).await, None);
    let last = run(h, &room, (attempt, ids[1]), 31, 5, false).await.unwrap();
    assert!(last.applied && last.attempt_state == AttemptState::Graded);
    assert!(standing(0).await.is_some(), "it completes the course in the same transaction");
    assert_eq!(h.count(EventKind::QuizPassed).await, 1);
    // A question that is dropped while AI has it waits no more, and a late grade finds no points.
    let (second, ids) = hand_in(&room, 1, &quiz, &[WORK, WORK]).await;
    teacher.quizzes().regrade(quiz.id, RegradePolicy::DropQuestion { question: ids[0] }, false).await.unwrap();
    let pending = h.lms.system().quizzes().awaiting_ai(10).await.unwrap();
    assert_eq!(pending.iter().map(|a| (a.id, a.ai_pending)).collect::<Vec<_>>(), [(second, 1)]);
    teacher.quizzes().void(second, "a mix-up").await.unwrap();
    assert!(h.lms.system().quizzes().awaiting_ai(10).await.unwrap().is_empty());
    assert_eq!(run(h, &room, (second, ids[1]), 32, 5, false).await.unwrap_err().code(), "attempt.not_gradable");
    assert!(h.lms.system().activity().audit(room.course).await.unwrap().is_empty());
}

/// Answers that AI and a person have marked stand beside submissions, each on what its question is worth; those of a
/// voided attempt, and marks that were taken back, do not.
/// rules: A1, Q12, S9, S10
pub async fn q12_s10_marks_of_answers_beside_marks_by_people(h: &Harness) {
    h.lms.expect_ai_grading();
    let room = h.classroom(1, 4).await;
    let teacher = room.teacher();
    let (quiz, other) = (essays(&room, 2, by(AiGrading::Apply)).await, essays(&room, 1, by(AiGrading::Apply)).await);
    let mut handed = Vec::new();
    for n in 0..4 {
        handed.push(hand_in(&room, n, &quiz, &[WORK, WORK]).await);
    }
    let ids = handed[0].1.clone();
    let of = |n: usize, question: usize| (handed[n].0, handed[n].1[question]);
    let by_person = async |at: (AttemptId, QuestionId), whole| {
        teacher.quizzes().grade_answer(at.0, at.1, mark(whole, 99)).await.unwrap();
    };
    // Overruled, and taken over as it was; marked before AI was asked; by nobody else; voided.
    run(h, &room, of(0, 0), 1, 7, false).await.unwrap();
    by_person(of(0, 0), 5).await;
    run(h, &room, of(0, 1), 2, 6, true).await.unwrap();
    teacher.quizzes().adopt_suggestion(handed[0].0, ids[1], 1, None).await.unwrap();
    by_person(of(1, 0), 4).await;
    run(h, &room, of(1, 0), 3, 9, false).await.unwrap();
    run(h, &room, of(1, 1), 4, 8, false).await.unwrap();
    by_person(of(2, 0), 1).await;
    run(h, &room, of(3, 0), 5, 2, false).await.unwrap();
    by_person(of(3, 0), 3).await;
    teacher.quizzes().void(handed[3].0, "a mix-up").await.unwrap();
    // Another quiz, and a submission beside it.
    let (alone, alone_ids) = hand_in(&room, 1, &other, &[WORK]).await;
    run(h, &room, (alone, alone_ids[0]), 6, 10, false).await.unwrap();
    by_person((alone, alone_ids[0]), 0).await;
    let rules = AssignmentRules { ai_grading: Some(AiGrading::Apply), ..AssignmentRules::default() };
    let assignment = assign(&room, rules, None).await.id;
    let work = room.student(1).assignments().submit(assignment, NewSubmission::text(WORK)).await.unwrap().id;
    let log = valid_log(h, "grade", uuid::Uuid::from_u128(7)).await;
    let origin = AiOrigin { log_id: log.id, operation_id: log.operation_id };
    by_ai(h, &room, log.id).await.assignments().apply_ai_grade(work, suggestion(70, false), origin).await.unwrap();
    let grade = NewGrade { points: Some(points(60)), seen_seq: 99, ..NewGrade::default() };
    teacher.assignments().grade(work, grade).await.unwrap();

    let whole = teacher.overview().mark_pairs(room.course, MarkFilter::default(), None, 100).await.unwrap();
    let answer = |n: usize, question: usize| MarkedWork::Answer {
        quiz_id: quiz.id,
        question_id: handed[n].1[question],
        attempt_no: 1,
        attempt_id: handed[n].0,
    };
    let of_other =
        MarkedWork::Answer { quiz_id: other.id, question_id: alone_ids[0], attempt_no: 1, attempt_id: alone };
    let submission = MarkedWork::Submission { assignment_id: assignment, version_no: 1, submission_id: work };
    let told: BTreeMap<_, _> = whole
        .pairs
        .iter()
        .map(|p| (p.work, (p.max_grade, p.ai_points, p.human_points, p.was_adopted, p.ai_came_first)))
        .collect();
    let expected = BTreeMap::from([
        (answer(0, 0), (points(10), points(7), points(5), false, true)),
        (answer(0, 1), (points(10), points(6), points(6), true, true)),
        (answer(1, 0), (points(10), points(9), points(4), false, false)),
        (of_other, (points(10), points(10), points(0), false, true)),
        (submission, (points(100), points(70), points(60), false, true)),
    ]);
    assert_eq!(told, expected);
    let first = whole.pairs.iter().find(|pair| pair.work == answer(0, 0)).unwrap();
    assert_eq!((first.student_id, first.reviewer_id), (room.students[0], Some(room.instructor)));
    assert_eq!((first.final_points, first.ai_log_id.is_some()), (Some(points(5)), true));
    let enrolled = h.store.enrollments(room.course, crate::store::ById::default()).await.unwrap();
    let place = |pair: &crate::lms::MarkPair| enrolled.iter().position(|e| e.student_id == pair.student_id);
    assert!(whole.pairs.is_sorted_by_key(place), "by enrollment");

    // Of one quiz, of one assignment, of both; page by page the same.
    let pairs = async |filter: MarkFilter| {
        let (mut all, mut after) = (Vec::new(), None);
        loop {
            let page = teacher.overview().mark_pairs(room.course, filter, after, 1).await.unwrap();
            all.extend(page.pairs);
            after = page.next;
            if after.is_none() {
                return all;
            }
        }
    };
    let works = |pairs: &[crate::lms::MarkPair]| pairs.iter().map(|pair| pair.work).collect::<Vec<_>>();
    assert_eq!(pairs(MarkFilter::default()).await, whole.pairs);
    let of_quiz = MarkFilter { quiz: Some(other.id), assignment: None };
    assert_eq!(works(&pairs(of_quiz).await), [of_other]);
    let of_assignment = MarkFilter { assignment: Some(assignment), quiz: None };
    assert_eq!(works(&pairs(of_assignment).await), [submission]);
    let both = MarkFilter { assignment: Some(assignment), quiz: Some(other.id) };
    assert_eq!(works(&pairs(both).await), [submission, of_other]);
    let elsewhere = h.classroom(1, 1).await;
    let error = elsewhere.teacher().overview().mark_pairs(elsewhere.course, of_quiz, None, 100).await.unwrap_err();
    assert_eq!(error.code(), "not_found");

    // What is taken back.
    let left = async || works(&pairs(MarkFilter { quiz: Some(quiz.id), assignment: None }).await);
    teacher.quizzes().clear_answer(handed[0].0, ids[0], 99, None).await.unwrap();
    let left: std::collections::BTreeSet<_> = left().await.into_iter().collect();
    assert_eq!(left, [answer(0, 1), answer(1, 0)].into());
}
