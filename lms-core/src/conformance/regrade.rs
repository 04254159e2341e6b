//! Voiding attempts and grading them again.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "conformance cases are tests")]

use super::Harness;
use super::quizzes::answer;
use crate::lms::{AnswerGrade, NewQuestion, NewQuiz, QuizRules, RegradePolicy};
use crate::model::question::{Answer, Labelled, QuestionBody};
use crate::model::{AttemptState, BasisPoints, EventKind, KeptScore, Points, Quiz, QuizQuestion};
use crate::store::ById;
use crate::testing::Classroom;

fn percent(score: Option<crate::model::Score>) -> String {
    score.and_then(|s| s.percent()).map_or_else(|| "-".into(), |p| p.to_string())
}

/// Makes the other option of a question the right one.
async fn turn(room: &Classroom, question: &QuizQuestion, correct: &str) {
    let body = QuestionBody::SingleChoice {
        options: vec![Labelled::new("right", "The right one"), Labelled::new("wrong", "The wrong one")],
        correct: correct.to_owned(),
        why: Default::default(),
    };
    let quiz = room.teacher().catalog().quiz(question.quiz_id).await.unwrap();
    let new = NewQuestion::new(question.text.clone(), body);
    room.teacher().catalog().update_question(question.id, quiz.version, new).await.unwrap();
}

/// One attempt of a learner with so many right answers.
async fn attempt(room: &Classroom, quiz: &Quiz, n: usize, right: usize) -> crate::model::AttemptId {
    let me = room.student(n);
    let attempt = me.quizzes().start(quiz.id).await.unwrap();
    answer(&me, &attempt, right).await;
    me.quizzes().submit(attempt.id).await.unwrap();
    attempt.id
}

/// An attempt that is voided counts for nothing and frees its slot.
/// rules: A1, A3, A9
pub async fn a1_a_voided_attempt_counts_for_nothing(h: &Harness) {
    let room = h.classroom(1, 1).await;
    let rules =
        QuizRules { max_attempts: Some(1), pass_threshold_bp: BasisPoints::percent(50), ..QuizRules::default() };
    let quiz = room.add_quiz(room.lessons[0], 2, rules).await.unwrap();
    let first = attempt(&room, &quiz, 0, 2).await;
    let (me, teacher) = (room.student(0), room.teacher());
    assert_eq!(me.quizzes().void(first, "please").await.unwrap_err().code(), "denied");
    assert_eq!(teacher.quizzes().void(first, "").await.unwrap_err().code(), "invalid");
    teacher.quizzes().void(first, "looked it up").await.unwrap();
    teacher.quizzes().void(first, "looked it up").await.unwrap();
    assert_eq!(h.count(EventKind::AttemptVoided).await, 1);
    let card = me.overview().scorecard(room.course, room.students[0]).await.unwrap();
    assert_eq!((card.items[0].score, card.items[0].passed, card.items[0].met), (None, None, false));
    let second = attempt(&room, &quiz, 0, 1).await;
    let view = me.quizzes().view_attempt(second).await.unwrap();
    assert_eq!((view.attempt_no, percent(view.score)), (2, "50.00".into()), "the slot was free again");
    assert!(h.lms.system().activity().audit(room.course).await.unwrap().is_empty());
}

/// A question is one of the quiz: of its draft, or of what some attempt began with; also where learners have rows.
/// rules: A12, R1
pub async fn a12_only_questions_of_the_quiz(h: &Harness) {
    let room = h.classroom(1, 1).await;
    let quiz = room.add_quiz(room.lessons[0], 2, QuizRules::default()).await.unwrap();
    let other = room.add_quiz(room.lessons[0], 2, QuizRules::default()).await.unwrap();
    let teacher = room.teacher();
    attempt(&room, &quiz, 0, 1).await;
    attempt(&room, &other, 0, 1).await;
    let foreign = teacher.catalog().questions(other.id).await.unwrap().remove(0).id;
    let version = teacher.catalog().quiz(quiz.id).await.unwrap().version;
    for question in [foreign, crate::model::QuestionId::from_uuid(uuid::Uuid::max())] {
        for policy in [RegradePolicy::DropQuestion { question }, RegradePolicy::FullCredit { question }] {
            let refused = teacher.quizzes().preview_regrade(quiz.id, policy, false, ById::default()).await.unwrap_err();
            assert_eq!(refused.code(), "not_found");
            assert_eq!(teacher.quizzes().regrade(quiz.id, policy, false).await.unwrap_err().code(), "not_found");
        }
    }
    assert_eq!(teacher.catalog().quiz(quiz.id).await.unwrap().version, version, "nothing was written");
    let own = teacher.catalog().questions(quiz.id).await.unwrap().remove(1).id;
    teacher.catalog().delete_question(own).await.unwrap();
    teacher.quizzes().regrade(quiz.id, RegradePolicy::DropQuestion { question: own }, false).await.unwrap();
    let card = room.student(0).overview().scorecard(room.course, room.students[0]).await.unwrap();
    let score = card.items.iter().find(|item| item.id == quiz.id.uuid()).unwrap().score;
    assert_eq!(percent(score), "100.00", "a question that left the draft is still one of the attempt's");
    // It is one of the quiz for good.
    teacher.quizzes().regrade(quiz.id, RegradePolicy::FullCredit { question: own }, false).await.unwrap();
}

/// The present key, tried first and then applied: what a preview says is what the job does, once.
/// rules: A12, Q15, P9, P11
pub async fn a12_regrading_by_the_present_key(h: &Harness) {
    let room = h.classroom(1, 3).await;
    let rules = QuizRules { pass_threshold_bp: BasisPoints::percent(100), ..QuizRules::default() };
    let quiz = room.add_quiz(room.lessons[0], 2, rules).await.unwrap();
    let teacher = room.teacher();
    // None, one and both right; the key of the second question is then found to be the wrong way round.
    let mut attempts = Vec::new();
    for n in 0..3 {
        room.student(n).learning().complete_lesson(room.lessons[0]).await.unwrap();
        attempts.push(attempt(&room, &quiz, n, n).await);
    }
    let questions = teacher.catalog().questions(quiz.id).await.unwrap();
    turn(&room, &questions[1], "wrong").await;
    let policy = RegradePolicy::CurrentKey;
    let seen = |page: crate::lms::RegradePreview| {
        let mut all: Vec<_> =
            page.attempts.iter().map(|a| (a.attempt_id, percent(a.before), percent(a.after))).collect();
        all.sort_by_key(|(id, ..)| attempts.iter().position(|a| a == id));
        all.into_iter().map(|(_, before, after)| (before, after)).collect::<Vec<_>>()
    };
    let pair = |a: &str, b: &str| (a.to_owned(), b.to_owned());
    let preview = teacher.quizzes().preview_regrade(quiz.id, policy, false, ById::default()).await.unwrap();
    assert_eq!(preview.next, None);
    assert_eq!(seen(preview), [pair("0.00", "50.00"), pair("50.00", "100.00"), pair("100.00", "50.00")]);
    let kept = teacher.quizzes().preview_regrade(quiz.id, policy, true, ById::default()).await.unwrap();
    assert_eq!(seen(kept)[2], pair("100.00", "100.00"), "only if higher");
    let first =
        teacher.quizzes().preview_regrade(quiz.id, policy, false, ById { after: None, limit: 2 }).await.unwrap();
    let next = teacher.quizzes().preview_regrade(quiz.id, policy, false, ById { after: first.next, limit: 2 }).await;
    assert_eq!((first.attempts.len(), next.unwrap().attempts.len()), (2, 1), "page by page");
    assert_eq!(h.count(EventKind::GradeChanged).await, 0, "a preview writes nothing");
    assert_eq!(room.student(0).quizzes().regrade(quiz.id, policy, true).await.unwrap_err().code(), "not_found");

    let id = uuid::Uuid::from_u128(77);
    let job = teacher.clone().with_command_id(id).quizzes().regrade(quiz.id, policy, true).await.unwrap();
    let again = teacher.clone().with_command_id(id).quizzes().regrade(quiz.id, policy, true).await.unwrap();
    assert_eq!(job, again, "repeating it is the same job");
    assert_eq!(h.count(EventKind::GradeChanged).await, 2, "one event per attempt that changed");
    assert_eq!(h.count(EventKind::CourseCompleted).await, 2, "who passes by it completes the course");
    for (n, expected) in ["50.00", "100.00", "100.00"].into_iter().enumerate() {
        let view = room.student(n).quizzes().view_attempt(attempts[n]).await.unwrap();
        assert_eq!(percent(view.score), expected);
        let raw =
            h.store.attempts(quiz.id, enrollment(h, &room, n).await, enrollment(h, &room, n).await).await.unwrap();
        assert_eq!(raw[0].graded_with_revision.is_some(), n != 2, "the attempt keeps its own revision beside it");
    }
    assert!(h.lms.system().activity().audit(room.course).await.unwrap().is_empty());

    // A question with other ids is not comparable, and left alone.
    let body = QuestionBody::SingleChoice {
        options: vec![Labelled::new("a", "Another"), Labelled::new("b", "And another")],
        correct: "a".to_owned(),
        why: Default::default(),
    };
    let version = teacher.catalog().quiz(quiz.id).await.unwrap().version;
    let new = NewQuestion::new("Another question", body);
    teacher.catalog().update_question(questions[0].id, version, new).await.unwrap();
    let preview = teacher.quizzes().preview_regrade(quiz.id, policy, false, ById::default()).await.unwrap();
    assert!(preview.attempts.iter().all(|a| a.not_comparable == [questions[0].id]));
}

async fn enrollment(h: &Harness, room: &Classroom, n: usize) -> crate::model::EnrollmentId {
    let s = h.lms.system();
    s.enrollment().enrollment(room.course, room.students[n]).await.unwrap().id
}

/// Full credit and a dropped question stay with the quiz; marks by people are left alone.
/// rules: A12, N6, Q12
pub async fn a12_full_credit_and_dropped_questions(h: &Harness) {
    let room = h.classroom(1, 2).await;
    let rules = QuizRules { kept_score: KeptScore::Latest, ..QuizRules::default() };
    let essay = NewQuestion::new("Explain.", QuestionBody::Essay { rubric: None, staff_notes: String::new() });
    let choice = |text: &str| {
        NewQuestion::new(
            text,
            QuestionBody::SingleChoice {
                options: vec![Labelled::new("right", "The right one"), Labelled::new("wrong", "The wrong one")],
                correct: "right".to_owned(),
                why: Default::default(),
            },
        )
    };
    let new = NewQuiz {
        is_published: true,
        rules,
        questions: vec![choice("One"), choice("Two"), essay],
        ..NewQuiz::titled("A quiz")
    };
    let teacher = room.teacher();
    let quiz = teacher.catalog().add_quiz(room.lessons[0], new).await.unwrap();
    let ids: Vec<_> = teacher.catalog().questions(quiz.id).await.unwrap().iter().map(|q| q.id).collect();
    let me = room.student(0);
    let open = me.quizzes().start(quiz.id).await.unwrap();
    let wrong = || Some(Answer::Choice { option_id: "wrong".into() });
    let patch = [
        (ids[0].uuid(), wrong()),
        (ids[1].uuid(), wrong()),
        (ids[2].uuid(), Some(Answer::Essay { text: "Because.".into() })),
    ];
    me.quizzes().save(open.id, "tab", 1, patch.clone().into()).await.unwrap();
    me.quizzes().submit(open.id).await.unwrap();
    let half = AnswerGrade { points: "0.5".parse().unwrap(), feedback: None, seen_seq: 0 };
    teacher.quizzes().grade_answer(open.id, ids[2], half).await.unwrap();
    let score = |view: crate::lms::AttemptView| view.score.map(|s| (s.earned.to_string(), s.possible.to_string()));
    let pair = |a: &str, b: &str| Some((a.to_owned(), b.to_owned()));
    assert_eq!(score(me.quizzes().view_attempt(open.id).await.unwrap()), pair("0.5", "3"));

    teacher.quizzes().regrade(quiz.id, RegradePolicy::FullCredit { question: ids[0] }, false).await.unwrap();
    assert_eq!(score(me.quizzes().view_attempt(open.id).await.unwrap()), pair("1.5", "3"));
    teacher.quizzes().regrade(quiz.id, RegradePolicy::DropQuestion { question: ids[1] }, false).await.unwrap();
    assert_eq!(score(me.quizzes().view_attempt(open.id).await.unwrap()), pair("1.5", "2"));
    teacher.quizzes().regrade(quiz.id, RegradePolicy::FullCredit { question: ids[2] }, false).await.unwrap();
    assert_eq!(
        score(me.quizzes().view_attempt(open.id).await.unwrap()),
        pair("1.5", "2"),
        "what a person has marked is left alone"
    );

    // A later attempt has both, and its essay is given away before anybody reads it.
    let other = room.student(1);
    let later = other.quizzes().start(quiz.id).await.unwrap();
    other.quizzes().save(later.id, "tab", 1, patch.into()).await.unwrap();
    let done = other.quizzes().submit(later.id).await.unwrap();
    assert_eq!((done.state, score(done)), (AttemptState::Graded, pair("2", "2")));
    assert!(h.lms.system().activity().audit(room.course).await.unwrap().is_empty());

    // A quiz with a threshold keeps something to reach.
    let rules = QuizRules { pass_threshold_bp: BasisPoints::percent(50), ..QuizRules::default() };
    let single = room.add_quiz(room.lessons[0], 1, rules).await.unwrap();
    let question = teacher.catalog().questions(single.id).await.unwrap()[0].id;
    let refused = teacher.quizzes().regrade(single.id, RegradePolicy::DropQuestion { question }, false).await;
    assert_eq!(refused.unwrap_err().code(), "invalid");
    let unknown =
        RegradePolicy::DropQuestion { question: crate::model::QuestionId::from_uuid(uuid::Uuid::from_u128(5)) };
    assert_eq!(teacher.quizzes().regrade(single.id, unknown, false).await.unwrap_err().code(), "not_found");
    let _ = Points::ZERO;
}

/// Taken only where it raises the score, in each policy: a drop that would lower somebody's score leaves that
/// attempt as it is, full credit never lowers one.
/// rules: A12, N6
pub async fn a12_only_if_higher_in_every_policy(h: &Harness) {
    let room = h.classroom(1, 3).await;
    let quiz = room.add_quiz(room.lessons[0], 3, QuizRules::default()).await.unwrap();
    let teacher = room.teacher();
    let ids: Vec<_> = teacher.catalog().questions(quiz.id).await.unwrap().iter().map(|q| q.id).collect();
    // Right in the first question alone, in the last alone, in nothing.
    let mut attempts = Vec::new();
    for (n, right) in [Some(0), Some(2), None].into_iter().enumerate() {
        let me = room.student(n);
        let attempt = me.quizzes().start(quiz.id).await.unwrap();
        let patch: Vec<_> = ids
            .iter()
            .enumerate()
            .map(|(q, id)| {
                let picked = if right == Some(q) { "right" } else { "wrong" };
                (id.uuid(), Some(Answer::Choice { option_id: picked.into() }))
            })
            .collect();
        me.quizzes().save(attempt.id, "tab", 1, patch.into_iter().collect()).await.unwrap();
        me.quizzes().submit(attempt.id).await.unwrap();
        attempts.push(attempt.id);
    }
    let scores = || async {
        let mut all = Vec::new();
        for (n, id) in attempts.iter().enumerate() {
            let score = room.student(n).quizzes().view_attempt(*id).await.unwrap().score.unwrap();
            all.push((score.earned.to_string(), score.possible.to_string()));
        }
        all
    };
    let pairs = |all: &[(&str, &str)]| all.iter().map(|(e, p)| ((*e).to_owned(), (*p).to_owned())).collect::<Vec<_>>();
    assert_eq!(scores().await, pairs(&[("1", "3"), ("1", "3"), ("0", "3")]));
    let drop_first = RegradePolicy::DropQuestion { question: ids[0] };
    let page = crate::store::ById::default();
    let shown = teacher.quizzes().preview_regrade(quiz.id, drop_first, true, page).await.unwrap();
    teacher.quizzes().regrade(quiz.id, drop_first, true).await.unwrap();
    // 1 of 3 would become 0 of 2; 1 of 3 becomes 1 of 2; 0 of 3 and 0 of 2 are the same score.
    let after = scores().await;
    assert_eq!(after[0], ("1".to_owned(), "3".to_owned()), "it would be lower");
    assert_eq!(after[1], ("1".to_owned(), "2".to_owned()), "it is higher");
    assert_eq!(after[2].0, "0");
    let changed: Vec<_> = shown.attempts.iter().filter(|c| c.after != c.before).map(|c| c.attempt_id).collect();
    assert!(changed.contains(&attempts[1]) && !changed.contains(&attempts[0]), "the dry run says the same");
    let full = RegradePolicy::FullCredit { question: ids[2] };
    teacher.quizzes().regrade(quiz.id, full, true).await.unwrap();
    let last = scores().await;
    assert_eq!(last[1], after[1], "it had that credit");
    assert_eq!(last[2].0, "1");
    assert!(h.lms.system().activity().audit(room.course).await.unwrap().is_empty());
}
