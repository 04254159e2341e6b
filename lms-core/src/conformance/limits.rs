//! How much a quiz, an answer and a document may hold: what is stored can be used, and what is too much is
//! refused whole.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "conformance cases are tests")]

use std::collections::BTreeMap;

use super::Harness;
use crate::error::Error;
use crate::lms::*;
use crate::model::question::*;
use crate::model::*;
use crate::rules::authoring::QUIZ_QUESTIONS;

/// The codes of a refusal.
fn codes(refused: Error) -> Vec<&'static str> {
    match refused {
        Error::Invalid { problems } => problems.into_iter().map(|p| p.code).collect(),
        other => vec![other.code()],
    }
}

fn statement(text: &str) -> NewQuestion {
    NewQuestion::new(text, QuestionBody::TrueFalse { correct: true })
}

fn worth(points: i64) -> NewQuestion {
    NewQuestion { points: Points::whole(points).unwrap(), ..statement("Is it?") }
}

/// A published quiz does not grow beyond what can be started: neither in number nor in points.
/// rules: L3, N1, Q15
pub async fn l3_q15_what_is_published_can_be_started(h: &Harness) {
    let room = h.classroom(1, 1).await;
    let (teacher, me) = (room.teacher(), room.student(0));
    let catalog = teacher.catalog();
    let published = |questions| NewQuiz { is_published: true, questions, ..NewQuiz::titled("A quiz") };
    let heavy = catalog.add_quiz(room.lessons[0], published(vec![worth(99_999)])).await.unwrap();
    let source = catalog.add_quiz(room.lessons[0], published(vec![worth(2)])).await.unwrap();
    let source = CopySource::Question(catalog.questions(source.id).await.unwrap()[0].id);
    let before = (catalog.quiz(heavy.id).await.unwrap(), h.events().await.len());
    let added = catalog.add_question(heavy.id, worth(2)).await.unwrap_err();
    assert_eq!(codes(added), ["quiz.too_many_points"]);
    let copied = catalog.copy_into(source, CopyTarget::Quiz(heavy.id), None).await.unwrap_err();
    assert_eq!(codes(copied), ["quiz.too_many_points"]);
    assert_eq!((catalog.quiz(heavy.id).await.unwrap(), h.events().await.len()), before, "nothing was written");
    catalog.add_question(heavy.id, worth(1)).await.unwrap();
    assert_eq!(me.quizzes().start(heavy.id).await.unwrap().questions.len(), 2, "100,000 points are not too many");

    let full = catalog.add_quiz(room.lessons[0], published(vec![worth(1); QUIZ_QUESTIONS])).await.unwrap();
    assert_eq!(codes(catalog.add_question(full.id, worth(1)).await.unwrap_err()), ["quiz.too_many_questions"]);
    let copied = catalog.copy_into(source, CopyTarget::Quiz(full.id), None).await.unwrap_err();
    assert_eq!(codes(copied), ["quiz.too_many_questions"]);
    assert_eq!(me.quizzes().start(full.id).await.unwrap().questions.len(), QUIZ_QUESTIONS);
}

/// A draft has as many questions as a quiz may have, on every way by which one comes in.
/// rules: Q15, N1
pub async fn q15_a_draft_has_five_hundred_questions(h: &Harness) {
    let room = h.classroom(1, 0).await;
    let teacher = room.teacher();
    let catalog = teacher.catalog();
    let draft = |count| NewQuiz { questions: vec![worth(1); count], ..NewQuiz::titled("A draft") };
    let refused = catalog.add_quiz(room.lessons[0], draft(QUIZ_QUESTIONS + 1)).await.unwrap_err();
    assert_eq!(codes(refused), ["quiz.too_many_questions"]);
    let full = catalog.add_quiz(room.lessons[0], draft(QUIZ_QUESTIONS)).await.unwrap();
    assert_eq!(codes(catalog.add_question(full.id, worth(1)).await.unwrap_err()), ["quiz.too_many_questions"]);
    let own = CopySource::Question(catalog.questions(full.id).await.unwrap()[0].id);
    let copied = catalog.copy_into(own, CopyTarget::Quiz(full.id), None).await.unwrap_err();
    assert_eq!(codes(copied), ["quiz.too_many_questions"]);
    let gift = catalog.import_gift(full.id, full.version, "More? {T}").await.unwrap_err();
    assert_eq!(codes(gift), ["quiz.too_many_questions"]);
    let mut document = catalog.export_course(room.course).await.unwrap();
    let more = document.lessons[0].quizzes[0].questions[0].clone();
    document.lessons[0].quizzes[0].questions.push(more);
    let imported = catalog.import_course(document, ImportOptions::default()).await.unwrap_err();
    assert_eq!(codes(imported), ["quiz.too_many_questions"]);
    assert_eq!(catalog.questions(full.id).await.unwrap().len(), QUIZ_QUESTIONS);
}

/// What attempts refer to has at most 4 MiB: more is not published, and what is published does not grow there.
/// rules: Q15, L3
pub async fn q15_a_quiz_of_more_than_four_megabytes_is_not_published(h: &Harness) {
    let room = h.classroom(1, 1).await;
    let teacher = room.teacher();
    let catalog = teacher.catalog();
    let long = || statement(&"x".repeat(10_000));
    let quiz = |count| NewQuiz { questions: vec![long(); count], ..NewQuiz::titled("Long") };
    let large = catalog.add_quiz(room.lessons[0], quiz(430)).await.unwrap();
    assert_eq!(codes(catalog.publish_quiz(large.id, true).await.unwrap_err()), ["quiz.too_large"]);
    let at_once = NewQuiz { is_published: true, ..quiz(430) };
    assert_eq!(codes(catalog.add_quiz(room.lessons[0], at_once).await.unwrap_err()), ["quiz.too_large"]);
    let fits = catalog.add_quiz(room.lessons[0], NewQuiz { is_published: true, ..quiz(400) }).await.unwrap();
    let mut added = 0;
    let refused = loop {
        match catalog.add_question(fits.id, long()).await {
            Ok(_) => added += 1,
            Err(refused) => break refused,
        }
    };
    assert_eq!(codes(refused), ["quiz.too_large"]);
    let attempt = room.student(0).quizzes().start(fits.id).await.unwrap();
    assert_eq!(attempt.questions.len(), 400 + added, "what is published can be started");
    let shorter = catalog.questions(fits.id).await.unwrap()[0].id;
    let version = catalog.quiz(fits.id).await.unwrap().version;
    let grown = NewQuestion { explanation: "y".repeat(10_000), ..long() };
    assert_eq!(codes(catalog.update_question(shorter, version, grown).await.unwrap_err()), ["quiz.too_large"]);
}

fn every_body() -> Vec<QuestionBody> {
    let two = || vec![Labelled::new("a", "A"), Labelled::new("b", "B")];
    let key = || vec![TextKey::Exact { text: "yes".into(), edits: 0 }];
    vec![
        QuestionBody::SingleChoice { options: two(), correct: "a".into(), why: BTreeMap::new() },
        QuestionBody::TrueFalse { correct: true },
        QuestionBody::MultipleChoice {
            options: two(),
            correct: vec!["a".into()],
            mode: ChoiceMode::NetCorrect,
            why: BTreeMap::new(),
        },
        QuestionBody::Numeric {
            keys: vec![NumericKey::Value { value: "1".into(), tolerance: "0".into() }],
            decimal_comma: false,
        },
        QuestionBody::ShortText { keys: key(), case_sensitive: false },
        QuestionBody::FillBlanks { blanks: vec![Blank { id: "a".into(), accepted: key() }], case_sensitive: false },
        QuestionBody::Matching {
            stems: two(),
            choices: vec![Labelled::new("x", "X"), Labelled::new("y", "Y")],
            correct: [("a".to_owned(), "x".to_owned()), ("b".to_owned(), "y".to_owned())].into(),
        },
        QuestionBody::Ordering { items: two(), mode: OrderMode::AllOrNothing },
        QuestionBody::Essay { rubric: None, staff_notes: String::new() },
    ]
}

/// Answers of ten megabytes to a question of each type: the text itself, and lists of that length.
fn huge_answers(question_type: QuestionType) -> Vec<Answer> {
    const BYTES: usize = 10_000_000;
    let text = || "x".repeat(BYTES);
    let ids = || vec!["a".to_owned(); BYTES / 10];
    let many = || (0..BYTES / 20).map(|n| (n.to_string(), "x".to_owned())).collect::<BTreeMap<_, _>>();
    let one = |id: String, value: String| BTreeMap::from([(id, value)]);
    match question_type {
        QuestionType::SingleChoice | QuestionType::TrueFalse => vec![Answer::Choice { option_id: text() }],
        QuestionType::MultipleChoice => {
            vec![Answer::Choices { option_ids: vec![text()] }, Answer::Choices { option_ids: ids() }]
        }
        QuestionType::Numeric => vec![Answer::Number { text: text() }, Answer::Number { text: "9".repeat(BYTES) }],
        QuestionType::ShortText => vec![Answer::Text { text: text() }],
        QuestionType::FillBlanks => vec![
            Answer::Blanks { blanks: one("a".into(), text()) },
            Answer::Blanks { blanks: one(text(), "x".into()) },
            Answer::Blanks { blanks: many() },
        ],
        QuestionType::Matching => vec![
            Answer::Matches { matches: one("a".into(), text()) },
            Answer::Matches { matches: one(text(), "x".into()) },
            Answer::Matches { matches: many() },
        ],
        QuestionType::Ordering => {
            vec![Answer::Order { item_ids: vec![text(), text()] }, Answer::Order { item_ids: ids() }]
        }
        QuestionType::Essay => vec![Answer::Essay { text: text() }],
    }
}

/// An answer of ten megabytes to a question of each type is a problem of that answer, said in a few words, and
/// nothing of it is kept; a patch of more answers than a quiz has questions is refused whole.
/// rules: A7, Q1, Q15
pub async fn a7_answers_of_ten_megabytes(h: &Harness) {
    let room = h.classroom(1, 1).await;
    let me = room.student(0);
    let questions = every_body().into_iter().map(|body| NewQuestion::new("?", body)).collect();
    let new = NewQuiz { is_published: true, questions, ..NewQuiz::titled("Every type") };
    let quiz = room.teacher().catalog().add_quiz(room.lessons[0], new).await.unwrap();
    let attempt = me.quizzes().start(quiz.id).await.unwrap();
    assert_eq!(attempt.questions.len(), QuestionType::WORDS.len());
    let mut seq = 0;
    for question in &attempt.questions {
        for answer in huge_answers(question.question_type) {
            seq += 1;
            let began = std::time::Instant::now();
            let patch = BTreeMap::from([(question.id, Some(answer))]);
            let report = me.quizzes().save(attempt.id, "tab", seq, patch).await.unwrap();
            let said = serde_json::to_string(&report).unwrap();
            assert_eq!((report.problems.len(), report.answers.len()), (1, 0), "{said}");
            assert!(said.len() < 500, "{:?}: {} bytes", question.question_type, said.len());
            assert!(began.elapsed() < std::time::Duration::from_secs(20), "{:?}", question.question_type);
        }
    }
    let kept = h.store.work_of(me_in(h, &room).await).await.unwrap().attempts.remove(0);
    assert!(kept.saved().unwrap().answers.is_empty() && kept.answers.as_str().len() < 500, "nothing of it is kept");

    let many = |count: u128| (0..count).map(|n| (uuid::Uuid::from_u128(n), None)).collect::<BTreeMap<_, _>>();
    let refused = me.quizzes().save(attempt.id, "tab", seq + 1, many(501)).await.unwrap_err();
    assert_eq!(codes(refused), ["attempt.too_many_answers"]);
    let after = h.store.work_of(me_in(h, &room).await).await.unwrap().attempts.remove(0);
    assert_eq!(after, kept, "nothing was written");
    let report = me.quizzes().save(attempt.id, "tab", seq + 1, many(500)).await.unwrap();
    assert_eq!(report.problems.len(), 500, "each is told of by itself");
}

async fn me_in(h: &Harness, room: &crate::testing::Classroom) -> EnrollmentId {
    h.store.enrollments_of(room.students[0]).await.unwrap()[0].id
}

/// Requirements and links to objectives of a document are counted before they are looked at.
/// rules: X2, L6
pub async fn x2_l6_links_of_a_document_have_their_bound(h: &Harness) {
    let room = h.classroom(2, 0).await;
    let teacher = room.teacher();
    let catalog = teacher.catalog();
    catalog.add_objective(room.course, "bake", "Bake").await.unwrap();
    room.add_quiz(room.lessons[0], 1, QuizRules::default()).await.unwrap();
    let new = NewAssignment::new("Essay", Points::whole(10).unwrap());
    catalog.add_assignment(room.lessons[0], new).await.unwrap();
    let document = catalog.export_course(room.course).await.unwrap();
    let before = h.events().await.len();
    type Fill = fn(&mut CourseDocument) -> &mut Vec<String>;
    let places: [Fill; 4] = [
        |d| &mut d.lessons[1].requires,
        |d| &mut d.lessons[0].objectives,
        |d| &mut d.lessons[0].quizzes[0].questions[0].objectives,
        |d| &mut d.lessons[0].assignments[0].objectives,
    ];
    for (n, place) in places.into_iter().enumerate() {
        let key = if n == 0 { "lesson-1" } else { "bake" };
        let mut over = document.clone();
        *place(&mut over) = vec![key.to_owned(); 100_001];
        let refused = catalog.import_course(over, ImportOptions::default()).await.unwrap_err();
        assert_eq!(codes(refused), ["document.too_many"], "place {n}");
    }
    assert_eq!(h.events().await.len(), before, "nothing was written");
    let mut most = document;
    *places[0](&mut most) = vec!["lesson-1".to_owned(); 100_000];
    catalog.import_course(most, ImportOptions::default()).await.unwrap();
}
