//! Attempts: started once, saved, handed in once, graded, revealed.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "conformance cases are tests")]

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::sync::Barrier;

use super::{Harness, RACERS};
use crate::lms::{AnswerGrade, AttemptView, NewQuestion, NewQuiz, QuizRules, Session};
use crate::model::question::{Answer, Labelled, OrderMode, QuestionBody};
use crate::model::{AttemptState, BasisPoints, EventKind, FinishReason, Points, Reveal};

/// Answers the first `right` questions of an attempt right and the others wrong.
pub(super) async fn answer(me: &Session, attempt: &AttemptView, right: usize) {
    let patch = attempt
        .questions
        .iter()
        .enumerate()
        .map(|(n, question)| {
            let option_id = if n < right { "right" } else { "wrong" }.to_owned();
            (question.id, Some(Answer::Choice { option_id }))
        })
        .collect();
    let report = me.quizzes().save(attempt.id, "tab", 1, patch).await.unwrap();
    assert!(report.problems.is_empty(), "{:?}", report.problems);
}

/// rules: A2
pub async fn a2_start_is_idempotent(h: &Harness) {
    let room = h.classroom(1, 1).await;
    let quiz = room.add_quiz(room.lessons[0], 2, QuizRules::default()).await.unwrap();
    let barrier = Arc::new(Barrier::new(RACERS));
    let mut races = Vec::new();
    for _ in 0..RACERS {
        let (me, barrier) = (room.student(0), barrier.clone());
        races.push(tokio::spawn(async move {
            barrier.wait().await;
            me.quizzes().start(quiz.id).await.unwrap().id
        }));
    }
    let mut ids = std::collections::BTreeSet::new();
    for race in races {
        ids.insert(race.await.unwrap());
    }
    assert_eq!(ids.len(), 1, "one open attempt");
    assert_eq!(h.count(EventKind::QuizStarted).await, 1);
}

/// rules: A3
pub async fn a3_attempts_are_limited(h: &Harness) {
    let room = h.classroom(1, 1).await;
    let rules = QuizRules { max_attempts: Some(2), ..QuizRules::default() };
    let quiz = room.add_quiz(room.lessons[0], 1, rules).await.unwrap();
    let me = room.student(0);
    for n in 1..=2 {
        let attempt = me.quizzes().start(quiz.id).await.unwrap();
        assert_eq!(attempt.attempt_no, n);
        me.quizzes().submit(attempt.id).await.unwrap();
    }
    assert_eq!(me.quizzes().start(quiz.id).await.unwrap_err().code(), "quiz.attempts_used_up");
    let none = QuizRules { max_attempts: Some(0), ..QuizRules::default() };
    assert_eq!(room.add_quiz(room.lessons[0], 1, none).await.unwrap_err().code(), "invalid");
}

/// rules: A4, A5, A6
pub async fn a4_a5_a6_time_runs_out(h: &Harness) {
    let room = h.classroom(1, 3).await;
    let rules = QuizRules { time_limit_seconds: Some(600), grace_seconds: 30, ..QuizRules::default() };
    let quiz = room.add_quiz(room.lessons[0], 1, rules).await.unwrap();
    let (me, other, third) = (room.student(0), room.student(1), room.student(2));
    let attempt = me.quizzes().start(quiz.id).await.unwrap();
    assert_eq!(attempt.deadline, Some(attempt.started_at.plus_seconds(600)));
    let left = other.quizzes().start(quiz.id).await.unwrap();
    answer(&other, &left, 1).await;
    let swept = third.quizzes().start(quiz.id).await.unwrap();
    h.clock.advance(629);
    answer(&me, &attempt, 1).await;
    let done = me.quizzes().submit(attempt.id).await.unwrap();
    assert_eq!(done.finish_reason, Some(FinishReason::Submitted));
    assert_eq!(done.completed_at, attempt.deadline, "stored at the deadline, not in the grace");
    h.clock.advance(2);
    let late = BTreeMap::from([(left.questions[0].id, None)]);
    let refused = other.quizzes().save(left.id, "tab", 2, late).await.unwrap_err();
    assert_eq!(refused.code(), "attempt.closed");
    // A teacher's look does not write; the owner's does.
    let seen = room.teacher().quizzes().view_attempt(left.id).await.unwrap();
    assert!(seen.grading_due && seen.state == AttemptState::InProgress);
    let due = |card: crate::lms::Scorecard| (card.items[0].state, card.items[0].grading_due);
    for (n, overdue) in [(0, false), (1, true)] {
        let card = room.teacher().overview().scorecard(room.course, room.students[n]).await.unwrap();
        let state = if overdue { crate::lms::ItemState::InProgress } else { crate::lms::ItemState::Graded };
        assert_eq!(due(card), (state, overdue), "learner {n}");
    }
    let seen = other.quizzes().view_attempt(left.id).await.unwrap();
    assert_eq!((seen.state, seen.finish_reason), (AttemptState::Graded, Some(FinishReason::Expired)));
    assert_eq!(seen.completed_at, left.deadline);
    assert_eq!(seen.percent.unwrap().to_string(), "100.00", "what was saved counts");
    let report = h.lms.system().quizzes().expire_due(10).await.unwrap();
    assert_eq!((report.done, report.failed), (1, 0));
    assert_eq!(h.lms.system().quizzes().expire_due(10).await.unwrap().done, 0);
    assert_eq!(third.quizzes().view_attempt(swept.id).await.unwrap().finish_reason, Some(FinishReason::Expired));
    assert_eq!(h.count(EventKind::QuizExpired).await, 2);
}

/// rules: A7, Q1
pub async fn a7_saves_by_client_and_sequence(h: &Harness) {
    let room = h.classroom(1, 1).await;
    let quiz = room.add_quiz(room.lessons[0], 2, QuizRules::default()).await.unwrap();
    let me = room.student(0);
    let attempt = me.quizzes().start(quiz.id).await.unwrap();
    let (first, second) = (attempt.questions[0].id, attempt.questions[1].id);
    let pick = |id: &str| Some(Answer::Choice { option_id: id.to_owned() });
    let save = |client: &'static str, seq: i64, patch: Vec<(uuid::Uuid, Option<Answer>)>| {
        let me = me.clone();
        async move { me.quizzes().save(attempt.id, client, seq, patch.into_iter().collect()).await.unwrap() }
    };
    save("phone", 5, vec![(first, pick("right")), (second, pick("right"))]).await;
    let stale = save("phone", 5, vec![(first, pick("wrong"))]).await;
    assert!(stale.stale);
    assert_eq!(stale.answers[&first].answer, pick("right"));
    let other = save("laptop", 1, vec![(first, pick("wrong"))]).await;
    assert_eq!((other.answers[&first].client.as_str(), &other.answers[&first].answer), ("laptop", &pick("wrong")));
    let mixed = save("phone", 6, vec![(first, pick("nowhere")), (second, None), (uuid::Uuid::nil(), None)]).await;
    assert_eq!(mixed.problems.len(), 2, "{:?}", mixed.problems);
    let seen = me.quizzes().view_attempt(attempt.id).await.unwrap();
    assert_eq!(seen.answers.get(&first), pick("wrong").as_ref(), "a malformed answer changes nothing");
    assert_eq!(seen.answers.get(&second), None, "cleared");
    assert!(seen.score.is_none() && seen.review.is_none());
}

/// rules: A8
pub async fn a8_thirty_two_submits_are_one(h: &Harness) {
    let room = h.classroom(1, 1).await;
    let quiz = room.add_quiz(room.lessons[0], 3, QuizRules::default()).await.unwrap();
    let me = room.student(0);
    let attempt = me.quizzes().start(quiz.id).await.unwrap();
    answer(&me, &attempt, 2).await;
    let barrier = Arc::new(Barrier::new(RACERS));
    let mut races = Vec::new();
    for _ in 0..RACERS {
        let (me, barrier) = (me.clone(), barrier.clone());
        races.push(tokio::spawn(async move {
            barrier.wait().await;
            me.quizzes().submit(attempt.id).await.unwrap()
        }));
    }
    for race in races {
        let seen = race.await.unwrap();
        assert_eq!(seen.state, AttemptState::Graded);
        assert_eq!(seen.percent.unwrap().to_string(), "66.66");
    }
    for kind in [EventKind::QuizSubmitted, EventKind::QuizGraded] {
        assert_eq!(h.count(kind.clone()).await, 1, "{kind:?}");
    }
}

/// rules: Q14
pub async fn q14_keys_stay_hidden_until_revealed(h: &Harness) {
    let room = h.classroom(1, 1).await;
    let rules = QuizRules { max_attempts: Some(2), reveal: Reveal::AfterLastAttemptOrPass, ..QuizRules::default() };
    let quiz = room.add_quiz(room.lessons[0], 1, rules).await.unwrap();
    let me = room.student(0);
    let hidden = |view: &AttemptView| {
        let text = serde_json::to_string(view).unwrap();
        !text.contains("SECRET") && !text.contains("\"key\"")
    };
    let first = me.quizzes().start(quiz.id).await.unwrap();
    assert!(hidden(&first));
    assert!(hidden(&me.quizzes().submit(first.id).await.unwrap()), "an attempt is left");
    let second = me.quizzes().start(quiz.id).await.unwrap();
    let last = me.quizzes().submit(second.id).await.unwrap();
    assert!(serde_json::to_string(&last).unwrap().contains("SECRET-WHY"), "no attempt is left");
    assert!(me.catalog().questions(quiz.id).await.is_err());
    assert!(room.teacher().catalog().questions(quiz.id).await.is_ok());
    let outline = me.overview().outline(room.course, room.students[0]).await.unwrap();
    assert!(!serde_json::to_string(&outline).unwrap().contains("SECRET"));
}

/// Neither what an attempt shows nor what stands in the learners' column has items in the order of the key or
/// choices in the order of their stems, with nothing shuffled by the quiz; and a look shows the same again.
/// rules: Q14, A11
pub async fn q14_no_order_tells_the_key(h: &Harness) {
    let room = h.classroom(1, 8).await;
    let labelled = |ids: [&str; 3]| ids.map(|id| Labelled::new(id, format!("text of {id}"))).to_vec();
    let (items, choices) = (labelled(["x", "m", "c"]), labelled(["z", "k", "b"]));
    let pairs = ["p", "q", "r"].into_iter().zip(["z", "k", "b"]);
    let correct = pairs.map(|(stem, choice)| (stem.to_owned(), choice.to_owned())).collect();
    let matching = QuestionBody::Matching { stems: labelled(["p", "q", "r"]), choices: choices.clone(), correct };
    let questions = vec![
        NewQuestion::new("In order?", QuestionBody::Ordering { items: items.clone(), mode: OrderMode::AllOrNothing }),
        NewQuestion::new("Which to which?", matching),
    ];
    let new = NewQuiz { is_published: true, questions, ..NewQuiz::titled("Keys") };
    let quiz = room.teacher().catalog().add_quiz(room.lessons[0], new).await.unwrap();
    let stored = room.teacher().catalog().questions(quiz.id).await.unwrap();
    let at = |options: &str, id: &str| options.find(&format!("text of {id}")).unwrap();
    let options = stored[0].options.as_str();
    assert!(!(at(options, "x") < at(options, "m") && at(options, "m") < at(options, "c")), "{options}");
    let mut by_stem = 0;
    for n in 0..8 {
        let me = room.student(n);
        let attempt = me.quizzes().start(quiz.id).await.unwrap();
        let (ordering, matching) = (&attempt.questions[0], &attempt.questions[1]);
        assert_ne!(ordering.items, items);
        by_stem += usize::from(matching.choices == choices);
        assert_eq!(me.quizzes().view_attempt(attempt.id).await.unwrap().questions, attempt.questions);
        // Ids are the answer, whatever the order.
        let matches = ["p", "q", "r"].into_iter().zip(["z", "k", "b"]);
        let matches = matches.map(|(stem, choice)| (stem.to_owned(), choice.to_owned())).collect();
        let item_ids = items.iter().map(|item| item.id.clone()).collect();
        let patch = [(ordering.id, Some(Answer::Order { item_ids })), (matching.id, Some(Answer::Matches { matches }))];
        me.quizzes().save(attempt.id, "tab", 1, patch.into_iter().collect()).await.unwrap();
        assert_eq!(me.quizzes().submit(attempt.id).await.unwrap().percent.unwrap().to_string(), "100.00");
    }
    assert!(by_stem < 8, "the choices stand by their stems in every attempt");
}

/// rules: Q15
pub async fn q15_an_attempt_keeps_its_revision(h: &Harness) {
    let room = h.classroom(1, 2).await;
    let quiz = room.add_quiz(room.lessons[0], 1, QuizRules::default()).await.unwrap();
    let (me, other) = (room.student(0), room.student(1));
    let attempt = me.quizzes().start(quiz.id).await.unwrap();
    answer(&me, &attempt, 1).await;
    let teacher = room.teacher();
    let question = teacher.catalog().questions(quiz.id).await.unwrap().remove(0);
    let mut new = NewQuestion::new("Another text", question.body().unwrap());
    if let QuestionBody::SingleChoice { correct, .. } = &mut new.body {
        *correct = "wrong".to_owned();
    }
    let version = teacher.catalog().quiz(quiz.id).await.unwrap().version;
    teacher.catalog().update_question(question.id, version, new).await.unwrap();
    let done = me.quizzes().submit(attempt.id).await.unwrap();
    assert_eq!(done.percent.unwrap().to_string(), "100.00", "graded by the key that it began with");
    assert_eq!(done.questions[0].text, "Question 1");
    let fresh = other.quizzes().start(quiz.id).await.unwrap();
    assert_eq!(fresh.questions[0].text, "Another text");
    answer(&other, &fresh, 1).await;
    assert_eq!(other.quizzes().submit(fresh.id).await.unwrap().percent.unwrap().to_string(), "0.00");
}

/// What a teacher switches during an attempt changes no order in it.
/// rules: A11, Q15
pub async fn a11_shuffling_is_as_it_was_at_the_start(h: &Harness) {
    let room = h.classroom(1, 6).await;
    let plain = room.add_quiz(room.lessons[0], 8, QuizRules::default()).await.unwrap();
    let shuffling = QuizRules { shuffle_questions: true, shuffle_options: true, ..QuizRules::default() };
    let shuffled = room.add_quiz(room.lessons[0], 8, shuffling.clone()).await.unwrap();
    let mut begun = Vec::new();
    for n in 0..6 {
        for quiz in [plain.id, shuffled.id] {
            begun.push((n, room.student(n).quizzes().start(quiz).await.unwrap()));
        }
    }
    for (quiz, rules) in [(plain, shuffling), (shuffled, QuizRules::default())] {
        let update = crate::lms::UpdateQuiz { version: quiz.version, rules: Some(rules), ..Default::default() };
        room.teacher().catalog().update_quiz(quiz.id, update).await.unwrap();
    }
    for (n, attempt) in &begun {
        let seen = room.student(*n).quizzes().view_attempt(attempt.id).await.unwrap();
        assert_eq!(seen.questions, attempt.questions);
    }
    let other = begun.iter().filter(|(_, attempt)| attempt.questions[0].text != "Question 1").count();
    assert!((1..=6).contains(&other), "half of them began shuffled: {other}");
}

/// However many clients save (each load of a page may be one), saving goes on; who saved lately is remembered.
/// rules: A7
pub async fn a7_clients_without_end(h: &Harness) {
    let room = h.classroom(1, 1).await;
    let quiz = room.add_quiz(room.lessons[0], 1, QuizRules::default()).await.unwrap();
    let me = room.student(0);
    let attempt = me.quizzes().start(quiz.id).await.unwrap();
    let question = attempt.questions[0].id;
    let save = |client: String, seq: i64, id: &'static str| {
        let (me, patch) = (me.clone(), BTreeMap::from([(question, Some(Answer::Choice { option_id: id.into() }))]));
        async move { me.quizzes().save(attempt.id, &client, seq, patch).await.unwrap() }
    };
    for n in 0..99 {
        save(format!("page {n}"), 7, "wrong").await;
    }
    // An old tab comes back before the places are taken.
    save("page 0".into(), 8, "wrong").await;
    for n in 99..104 {
        let report = save(format!("page {n}"), 7, "right").await;
        assert!(!report.stale && report.problems.is_empty());
    }
    for (client, seq) in [("page 0", 8), ("page 5", 7), ("page 103", 7)] {
        let report = save(client.into(), seq, "wrong").await;
        assert!(report.stale, "{client} is remembered");
        assert_eq!(report.answers[&question].client, "page 103");
    }
    assert!(!save("page 1".into(), 7, "right").await.stale, "the longest unheard of is forgotten");
}

/// Staff see a quiz as a learner gets it, draft or not, and nothing comes of it.
/// rules: R1, L2, Q14
pub async fn l2_a_preview_of_a_quiz_leaves_nothing(h: &Harness) {
    let room = h.classroom(1, 1).await;
    let quiz = room.add_quiz(room.lessons[0], 3, QuizRules::default()).await.unwrap();
    let teacher = room.teacher();
    let seen = teacher.quizzes().preview_quiz(quiz.id).await.unwrap();
    let texts: Vec<_> = seen.iter().map(|question| question.text.as_str()).collect();
    assert_eq!(texts, ["Question 1", "Question 2", "Question 3"]);
    assert!(!serde_json::to_string(&seen).unwrap().contains("SECRET"));
    assert!(room.student(0).quizzes().preview_quiz(quiz.id).await.is_err());
    assert_eq!(h.count(EventKind::QuizStarted).await, 0);
    assert_eq!(room.student(0).quizzes().start(quiz.id).await.unwrap().attempt_no, 1);
    let rules = QuizRules { shuffle_questions: true, ..QuizRules::default() };
    let shuffled = room.add_quiz(room.lessons[0], 8, rules).await.unwrap();
    teacher.catalog().publish_quiz(shuffled.id, false).await.unwrap();
    let mut orders = std::collections::BTreeSet::new();
    for _ in 0..8 {
        let seen = teacher.quizzes().preview_quiz(shuffled.id).await.unwrap();
        orders.insert(seen.into_iter().map(|question| question.text).collect::<Vec<_>>());
    }
    assert!(orders.len() > 1, "shuffled as the quiz says");
}

/// rules: Q12, S9
pub async fn q12_an_essay_waits_for_a_person(h: &Harness) {
    let room = h.classroom(1, 1).await;
    let essay = NewQuestion::new("Say why.", QuestionBody::Essay { rubric: None, staff_notes: "SECRET-NOTE".into() });
    let new = NewQuiz {
        is_published: true,
        rules: QuizRules { pass_threshold_bp: BasisPoints::percent(50), ..QuizRules::default() },
        questions: vec![essay],
        ..NewQuiz::titled("An essay")
    };
    let quiz = room.teacher().catalog().add_quiz(room.lessons[0], new).await.unwrap();
    let me = room.student(0);
    me.learning().complete_lesson(room.lessons[0]).await.unwrap();
    let attempt = me.quizzes().start(quiz.id).await.unwrap();
    let question = attempt.questions[0].id;
    let patch = BTreeMap::from([(question, Some(Answer::Essay { text: "Because of light.".into() }))]);
    me.quizzes().save(attempt.id, "tab", 1, patch).await.unwrap();
    let waits = me.quizzes().submit(attempt.id).await.unwrap();
    assert_eq!((waits.state, waits.score), (AttemptState::PendingReview, None));
    let id = crate::model::QuestionId::from_uuid(question);
    let half = AnswerGrade { points: Points::from_units(50_000), feedback: Some("Half of it.".into()), seen_seq: 0 };
    assert!(me.quizzes().grade_answer(attempt.id, id, half.clone()).await.is_err());
    let teacher = room.teacher();
    let much = AnswerGrade { points: Points::from_units(100_001), ..half.clone() };
    assert_eq!(teacher.quizzes().grade_answer(attempt.id, id, much).await.unwrap_err().code(), "grade.out_of_range");
    let long = AnswerGrade { feedback: Some("x".repeat(100_001)), ..half.clone() };
    assert_eq!(teacher.quizzes().grade_answer(attempt.id, id, long).await.unwrap_err().code(), "invalid");
    teacher.quizzes().grade_answer(attempt.id, id, half.clone()).await.unwrap();
    let seen = me.quizzes().view_attempt(attempt.id).await.unwrap();
    assert_eq!((seen.state, seen.percent.unwrap().to_string()), (AttemptState::Graded, "50.00".to_owned()));
    assert!(!serde_json::to_string(&seen).unwrap().contains("SECRET-NOTE"));
    assert!(me.learning().standing(room.course, room.students[0]).await.unwrap().completed_at.is_some());
    assert_eq!(teacher.quizzes().grade_answer(attempt.id, id, half).await.unwrap_err().code(), "grade.newer");
}

/// An attempt goes forward only: what was handed in takes no more answers, and handing in again or
/// starting again changes nothing about it.
/// rules: A1
pub async fn a1_an_attempt_goes_forward_only(h: &Harness) {
    let room = h.classroom(1, 1).await;
    let quiz = room.add_quiz(room.lessons[0], 2, QuizRules::default()).await.unwrap();
    let me = room.student(0);
    let open = me.quizzes().start(quiz.id).await.unwrap();
    assert_eq!(open.state, AttemptState::InProgress);
    let id = crate::model::QuestionId::from_uuid(open.questions[0].id);
    let grade = AnswerGrade { points: Points::from_units(0), feedback: None, seen_seq: 0 };
    let early = room.teacher().quizzes().grade_answer(open.id, id, grade).await.unwrap_err();
    assert_eq!(early.code(), "attempt.not_gradable", "nothing is graded before it is handed in");
    answer(&me, &open, 1).await;
    let first = me.quizzes().submit(open.id).await.unwrap();
    assert_eq!(first.state, AttemptState::Graded);
    let patch = BTreeMap::from([(open.questions[1].id, None)]);
    assert_eq!(me.quizzes().save(open.id, "tab", 9, patch).await.unwrap_err().code(), "attempt.closed");
    me.quizzes().start(quiz.id).await.unwrap();
    assert_eq!(me.quizzes().submit(open.id).await.unwrap(), first);
    assert_eq!(me.quizzes().view_attempt(open.id).await.unwrap().state, AttemptState::Graded);
}

/// rules: A10, A9, V2
pub async fn a10_passing_and_the_events_of_it(h: &Harness) {
    let room = h.classroom(1, 1).await;
    let rules = QuizRules { pass_threshold_bp: BasisPoints::percent(70), ..QuizRules::default() };
    let quiz = room.add_quiz(room.lessons[0], 3, rules).await.unwrap();
    let me = room.student(0);
    for right in [1, 3, 3] {
        let attempt = me.quizzes().start(quiz.id).await.unwrap();
        answer(&me, &attempt, right).await;
        me.quizzes().submit(attempt.id).await.unwrap();
    }
    assert_eq!(h.count(EventKind::QuizFailed).await, 1);
    assert_eq!(h.count(EventKind::QuizPassed).await, 1, "once, when it changes");
    let card = me.overview().scorecard(room.course, room.students[0]).await.unwrap();
    assert_eq!((card.items[0].passed, card.items[0].met), (Some(true), true));
    assert_eq!(card.items[0].percent.unwrap().to_string(), "100.00");
}

/// Keys of an earlier attempt stay hidden while there is another to come, and while it is open; once it is handed
/// in, or the quiz is passed, they are shown, of the earlier attempt too.
/// rules: Q14, A3
pub async fn q14_keys_of_earlier_attempts(h: &Harness) {
    let room = h.classroom(1, 2).await;
    let rules = QuizRules {
        reveal: Reveal::AfterLastAttemptOrPass,
        max_attempts: Some(2),
        pass_threshold_bp: BasisPoints::percent(50),
        ..QuizRules::default()
    };
    let quiz = room.add_quiz(room.lessons[0], 2, rules).await.unwrap();
    let me = room.student(0);
    let shown = |id| {
        let me = room.student(0);
        async move {
            let view = me.quizzes().view_attempt(id).await.unwrap();
            let hidden = !serde_json::to_string(&view).unwrap().contains("SECRET-WHY");
            assert_eq!(view.review.is_none(), hidden);
            !hidden
        }
    };
    let first = me.quizzes().start(quiz.id).await.unwrap();
    me.quizzes().submit(first.id).await.unwrap();
    assert!(!shown(first.id).await, "there is another attempt");
    let second = me.quizzes().start(quiz.id).await.unwrap();
    assert!(!shown(first.id).await, "the last one is open");
    assert!(!shown(second.id).await);
    me.quizzes().submit(second.id).await.unwrap();
    assert!(shown(second.id).await && shown(first.id).await, "there is none left");
    room.teacher().quizzes().void(second.id, "a mistake").await.unwrap();
    assert!(!shown(first.id).await, "there is one again");
    // Passing shows them, with an attempt left.
    let other = room.student(1);
    let attempt = other.quizzes().start(quiz.id).await.unwrap();
    answer(&other, &attempt, 2).await;
    assert!(other.quizzes().submit(attempt.id).await.unwrap().review.is_some());
}
