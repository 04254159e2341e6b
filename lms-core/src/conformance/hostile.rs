//! Input that means harm, over the whole library: a typed error, bounded time and memory, nothing written.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "conformance cases are tests")]

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;

use super::Harness;
use crate::error::{Class, Error};
use crate::live::Cursor;
use crate::lms::*;
use crate::model::question::*;
use crate::model::table::Json;
use crate::model::*;
use crate::store::{ById, CourseFilter, EventFilter, Item, Siblings};
use crate::testing::Classroom;

/// Ten megabytes of a text.
fn huge() -> String {
    "x".repeat(10_000_000)
}

/// What is refused, as a word and what an error says of it: never as long as the input was.
fn refused<T>(what: &str, result: Result<T, Error>) {
    let Err(error) = result else { panic_with(what, "was taken") };
    let wrong = matches!(error.class(), Class::Internal | Class::Unavailable);
    if wrong || matches!(error, Error::Store(_)) {
        panic_with(what, &error.to_string());
    }
    let said = serde_json::to_string(&error).unwrap();
    if said.len() > 200_000 {
        panic_with(what, &format!("the error has {} bytes", said.len()));
    }
}

#[expect(clippy::panic, reason = "conformance cases are tests")]
fn panic_with(what: &str, how: &str) -> ! {
    panic!("{what}: {how}")
}

/// All that a course and the log hold, to see that nothing was written.
async fn all(h: &Harness, room: &Classroom) -> String {
    let courses =
        h.lms.system().catalog().courses(CourseFilter::default(), ById { after: None, limit: 500 }).await.unwrap();
    let users = h.lms.system().people().users(ById { after: None, limit: 500 }).await.unwrap();
    let records = h.store.records(room.course, false, ById { after: None, limit: 500 }).await.unwrap();
    let content = h.store.course_content(room.course).await.unwrap();
    format!("{courses:?} {users:?} {records:?} {content:?} {:?}", h.events().await)
}

/// A call on the heap: what all calls of a case take on its stack, where nothing is optimised, is more than a thread
/// has.
fn on_heap<F: Future>(call: impl FnOnce() -> F) -> Pin<Box<F>> {
    Box::pin(call())
}

/// Each is refused, and nothing of them stays.
macro_rules! refuse_all {
    ($h:expr, $room:expr, { $($what:literal => $call:expr;)* }) => {{
        let before = all($h, $room).await;
        $( refused($what, on_heap(|| async { $call.await }).await); )*
        assert_eq!(all($h, $room).await, before);
    }};
}

/// Texts of ten megabytes wherever a text goes.
///
/// rules: Q3, L7, L8, E1, E6, V3, N1
pub async fn texts_of_ten_megabytes(h: &Harness) {
    let room = h.classroom(1, 1).await;
    let (teacher, me, system) = (room.teacher(), room.student(0), h.lms.system());
    let (catalog, lesson) = (teacher.catalog(), room.lessons[0]);
    let quiz = room.add_quiz(lesson, 1, QuizRules::default()).await.unwrap();
    let new = NewAssignment { is_published: true, ..NewAssignment::new("Essay", Points::from_units(1_000_000)) };
    let assignment = catalog.add_assignment(lesson, new).await.unwrap();
    let handed = me.assignments().submit(assignment.id, NewSubmission::text("My own work on it.")).await.unwrap();
    let metadata = || Some(Json::of(&serde_json::json!({ "x": huge() })));
    let event = |kind: String, metadata| HostEvent {
        kind,
        course_id: room.course,
        student_id: None,
        learner_initiated: false,
        metadata,
    };
    let mark = NewGrade { points: Some(Points::ZERO), ..NewGrade::default() };
    refuse_all!(h, &room, {
        "a course's title" => catalog.create_course(NewCourse::titled(huge()));
        "a course's zone" => catalog.create_course(NewCourse { time_zone: huge(), ..NewCourse::titled("C") });
        "a course's language" => catalog.create_course(NewCourse { language: huge(), ..NewCourse::titled("C") });
        "an external id" => catalog.create_course(NewCourse { external_id: Some(huge()), ..NewCourse::titled("C") });
        "metadata" => catalog.create_course(NewCourse { metadata: metadata(), ..NewCourse::titled("C") });
        "a lesson's summary" => catalog.add_lesson(room.course, NewLesson { summary: huge(), ..NewLesson::titled("L") });
        "an objective's key" => catalog.add_objective(room.course, huge(), "text");
        "a link to an objective" => catalog.link_objectives(lesson, vec![huge()]);
        "a topic's body" => catalog.add_topic(lesson, NewTopic::text("T", huge()));
        "a topic's URL" => catalog.add_topic(lesson, NewTopic::media("T", ContentType::Video, format!("https://{}", huge())));
        "a question's text" => catalog.add_question(quiz.id, NewQuestion::new(huge(), QuestionBody::TrueFalse { correct: true }));
        "a question's source" => catalog.add_question(quiz.id, NewQuestion { source_quote: Some(huge()), ..NewQuestion::new("?", QuestionBody::TrueFalse { correct: true }) });
        "a GIFT text" => catalog.import_gift(quiz.id, quiz.version, &huge());
        "an assignment" => catalog.add_assignment(lesson, NewAssignment { description: huge(), ..NewAssignment::new("A", Points::from_units(5)) });
        "a submission" => me.assignments().submit(assignment.id, NewSubmission::text(huge()));
        "feedback" => teacher.assignments().grade(handed.id, NewGrade { feedback: Some(huge()), ..mark.clone() });
        "a reason" => teacher.assignments().grade(handed.id, NewGrade { reason: Some(huge()), ..mark.clone() });
        "a name" => system.people().ensure_user(NewUser::new(Role::Student, huge()));
        "an e-mail address" => system.people().ensure_user(NewUser { email: Some(format!("a@{}", huge())), ..NewUser::new(Role::Student, "N") });
        "an order id" => system.enrollment().enroll(room.course, room.admin, EnrollOptions { external_ref: Some(huge()), ..EnrollOptions::default() });
        "an event's kind" => system.activity().record(event(format!("a.{}", huge()), None));
        "an event's metadata" => system.activity().record(event("a.b".into(), metadata()));
        "a certificate's reason" => teacher.certificates().issue(room.course, room.students[0], Some(huge()));
    });
    let before = all(h, &room).await;
    let import = catalog.import_gift(quiz.id, quiz.version, &format!("{} {{T}}", "x".repeat(3_000_000))).await.unwrap();
    assert_eq!((import.questions.len(), import.notes[0].loss), (0, GiftLoss::Invalid));
    assert_eq!(all(h, &room).await, before);
    // What is looked up is not there, and nothing more.
    assert!(system.certificates().verify(&huge()).await.unwrap().is_none());
    assert!(huge().parse::<Cursor>().is_err());
    assert!(CourseDocument::from_json(&huge()).is_err());
    let kinds = (0..2_000).map(|n| EventKind::Other(format!("a.b{n}"))).collect();
    assert!(
        system
            .activity()
            .events(EventFilter { kinds, ..EventFilter::default() }, 0, u32::MAX)
            .await
            .unwrap()
            .is_empty()
    );
}

/// Lists of a hundred thousand, expressions that would not end, nesting without a floor.
///
/// rules: Q3, Q8, Q10, Q11, S13, L6, O2
pub async fn lists_and_nesting_without_end(h: &Harness) {
    let room = h.classroom(2, 1).await;
    let teacher = room.teacher();
    let (catalog, lesson) = (teacher.catalog(), room.lessons[0]);
    let quiz = room.add_quiz(lesson, 1, QuizRules::default()).await.unwrap();
    let many = |text: &str| -> Vec<Labelled> {
        (0..100_000)
            .map(|n| Labelled::new(n.to_string(), format!("{text}{}", if text.is_empty() { n } else { 0 })))
            .collect()
    };
    let ids = || -> Vec<String> { (0..100_000).map(|n| n.to_string()).collect() };
    let pairs = || -> BTreeMap<String, String> { ids().into_iter().map(|id| (id.clone(), id)).collect() };
    let add = |body: QuestionBody| catalog.add_question(quiz.id, NewQuestion::new("?", body));
    let regex =
        |pattern: String| QuestionBody::ShortText { keys: vec![TextKey::Regex { pattern }], case_sensitive: false };
    let number = |value: &str| QuestionBody::Numeric {
        keys: vec![NumericKey::Value { value: value.to_owned(), tolerance: "0".into() }],
        decimal_comma: false,
    };
    let criterion = |n: usize| Criterion {
        id: n.to_string(),
        title: "T".into(),
        description: String::new(),
        max: Points::from_units(1),
    };
    let rubric = || Some(Rubric { criteria: (0..100_000).map(criterion).collect(), staff_notes: String::new() });
    let few = || vec![Labelled::new("a", "A"), Labelled::new("b", "B")];
    let blanks = || (0..100_000).map(|n| Blank { id: n.to_string(), accepted: Vec::new() }).collect();
    let keys = || vec![TextKey::Exact { text: "same".into(), edits: 0 }; 100_000];
    let version = room.course().await.unwrap().structure_version;
    let lessons: Vec<_> = (0..100_000).map(|_| room.lessons[0].uuid()).collect();
    refuse_all!(h, &room, {
        "single choice" => add(QuestionBody::SingleChoice { options: many(""), correct: "5".into(), why: pairs() });
        "the same option, often" => add(QuestionBody::SingleChoice { options: many("same"), correct: "5".into(), why: pairs() });
        "multiple choice" => add(QuestionBody::MultipleChoice { options: many(""), correct: ids(), mode: ChoiceMode::Coverage, why: pairs() });
        "right options of two" => add(QuestionBody::MultipleChoice { options: few(), correct: ids(), mode: ChoiceMode::Coverage, why: pairs() });
        "matching" => add(QuestionBody::Matching { stems: many(""), choices: many(""), correct: pairs() });
        "ordering" => add(QuestionBody::Ordering { items: many(""), mode: OrderMode::Subsequence });
        "blanks" => add(QuestionBody::FillBlanks { blanks: blanks(), case_sensitive: false });
        "keys" => add(QuestionBody::ShortText { keys: keys(), case_sensitive: false });
        "numbers" => add(QuestionBody::Numeric { keys: vec![NumericKey::Range { low: "x".into(), high: "y".into() }; 100_000], decimal_comma: false });
        "a rubric" => add(QuestionBody::Essay { rubric: rubric(), staff_notes: String::new() });
        "an assignment's rubric" => catalog.add_assignment(lesson, NewAssignment { rubric: rubric(), ..NewAssignment::new("A", Points::from_units(100_000)) });
        "an expression that grows" => add(regex("((a{1000}){1000}){1000}".into()));
        "an expression that nests" => add(regex(format!("{}a{}", "(".repeat(490), ")".repeat(490))));
        "an expression of megabytes" => add(regex("(a+)+".repeat(1_000_000)));
        "an expression that is none" => add(regex("(?P<".into()));
        "a number without end" => add(number(&"9".repeat(10_000_000)));
        "an exponent" => add(number("1e999999999"));
        "no number" => add(number("NaN"));
        "siblings" => catalog.reorder(Siblings::Lessons(room.course), lessons, version);
        "questions" => catalog.add_quiz(lesson, NewQuiz { questions: vec![NewQuestion::new("Is it so?", QuestionBody::TrueFalse { correct: true }); 100_000], ..NewQuiz::titled("Q") });
        "keys of objectives" => catalog.link_objectives(lesson, ids());
    });
    // An expression that takes other engines for ever is one like any other here.
    let slow = add(regex("(a+)+$|(a|aa)+b|(.*)*x".into())).await.unwrap();
    let attempt = room.student(0).quizzes().start(quiz.id).await.unwrap();
    let answer = Answer::Text { text: format!("{}!", "a".repeat(150)) };
    let student = room.student(0);
    student.quizzes().save(attempt.id, "tab", 1, BTreeMap::from([(slow.id.uuid(), Some(answer))])).await.unwrap();
    student.quizzes().submit(attempt.id).await.unwrap();

    // A hundred thousand levels of JSON: refused by the reader, before anything is built.
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    let course = format!(r#"{{ "title": "Deep", "metadata": {{ "x": {deep} }} }}"#);
    assert!(serde_json::from_str::<NewCourse>(&course).is_err());
    let document = format!(r#"{{ "format": "lms.course", "version": 1, "course": {course} }}"#);
    assert!(CourseDocument::from_json(&document).is_err());
    assert!(CourseDocument::from_json(&deep).is_err());
    assert!(serde_json::from_str::<HostEvent>(&course).is_err());
    for text in ["{", "null", "[]", "{\"format\":5}", "{\"format\":\"lms.course\",\"version\":-1}", "\u{0}"] {
        assert!(CourseDocument::from_json(text).is_err(), "{text}");
    }
}

/// Zones that are none, dates that cannot be, and dates at the ends of time.
///
/// rules: L6, S4, S5, X3
pub async fn zones_and_dates_that_cannot_be(h: &Harness) {
    let room = h.classroom(1, 1).await;
    let teacher = room.teacher();
    let (catalog, lesson) = (teacher.catalog(), room.lessons[0]);
    let zoned = |zone: &str| catalog.create_course(NewCourse { time_zone: zone.to_owned(), ..NewCourse::titled("C") });
    let due = |rules: AssignmentRules| {
        catalog.add_assignment(lesson, NewAssignment { rules, ..NewAssignment::new("A", Points::from_units(100_000)) })
    };
    let zone = |zone: &str| AssignmentRules { due_zone: Some(zone.to_owned()), ..AssignmentRules::default() };
    let early = Timestamp::from_micros(-62_135_596_800_000_000).unwrap();
    let late = Timestamp::from_micros(253_402_300_799_999_999).unwrap();
    let open = |opens_at, closes_at| {
        let rules = QuizRules { opens_at: Some(opens_at), closes_at: Some(closes_at), ..QuizRules::default() };
        catalog.add_quiz(lesson, NewQuiz { rules, ..NewQuiz::titled("Q") })
    };
    refuse_all!(h, &room, {
        "no zone" => zoned("");
        "another planet" => zoned("Mars/Olympus_Mons");
        "a path" => zoned("../../etc/passwd");
        "an offset" => zoned("+25:00");
        "NUL" => zoned("UTC\0");
        "a due zone" => due(zone("Europe/Atlantis"));
        "cut off before due" => due(AssignmentRules { due_date: Some(late), cutoff_date: Some(early), ..AssignmentRules::default() });
        "closed before open" => open(late, early);
    });
    for text in [
        "2026-02-30T00:00:00Z",
        "2026-13-01T00:00:00Z",
        "2026-01-01T25:00:00Z",
        "2026-01-01T00:00:00",
        "10000-01-01T00:00:00Z",
        "0000-01-01T00:00:00Z",
        "-2026-01-01T00:00:00Z",
        "2026-01-01",
        "now",
        "",
        "1e9",
        "2026-01-01T00:00:00+99:00",
    ] {
        assert!(serde_json::from_value::<Timestamp>(serde_json::json!(text)).is_err(), "{text}");
    }
    // Both ends of time are dates like others, also with seconds added to them.
    let rules = AssignmentRules {
        due_date: Some(late),
        cutoff_date: Some(late),
        available_from: Some(early),
        grace_seconds: 31_536_000,
        penalty_bp: BasisPoints::percent(10),
        penalty_interval: Some(PenaltyInterval::Hour),
        ..AssignmentRules::default()
    };
    let assignment = due(rules).await.unwrap();
    catalog.publish_assignment(assignment.id, true).await.unwrap();
    let rules = QuizRules {
        opens_at: Some(early),
        closes_at: Some(late),
        time_limit_seconds: Some(31_536_000),
        grace_seconds: 86_400,
        ..QuizRules::default()
    };
    let quiz = room.add_quiz(lesson, 1, rules).await.unwrap();
    let me = room.student(0);
    let attempt = me.quizzes().start(quiz.id).await.unwrap();
    me.quizzes().submit(attempt.id).await.unwrap();
    let handed = me.assignments().submit(assignment.id, NewSubmission::text("At the end of time.")).await.unwrap();
    let grade = NewGrade { points: Some(Points::from_units(100_000)), ..NewGrade::default() };
    teacher.assignments().grade(handed.id, grade).await.unwrap();
    assert!(me.overview().outline(room.course, room.students[0]).await.is_ok());
    let document = catalog.export_course(room.course).await.unwrap();
    assert_eq!(CourseDocument::from_json(&document.to_json()).unwrap(), document);
}

/// Ids of another course, and ids of nothing, wherever an id goes: not found, as if it were not there.
///
/// rules: R1, O2, O4, L6, D3, X2, S10
pub async fn ids_of_another_course(h: &Harness) {
    let room = h.classroom(2, 1).await;
    let other = h.classroom(2, 1).await;
    let (teacher, lesson, course) = (room.teacher(), other.lessons[0], other.course);
    let catalog = teacher.catalog();
    let me = room.student(0);
    let quiz = other.add_quiz(lesson, 1, QuizRules::default()).await.unwrap();
    let question = other.teacher().catalog().questions(quiz.id).await.unwrap().remove(0);
    let new = || NewAssignment { is_published: true, ..NewAssignment::new("Essay", Points::from_units(1_000_000)) };
    let assignment = other.teacher().catalog().add_assignment(lesson, new()).await.unwrap();
    let them = other.student(0);
    let attempt = them.quizzes().start(quiz.id).await.unwrap();
    let handed = them.assignments().submit(assignment.id, NewSubmission::text("Their own work.")).await.unwrap();
    let own = room.add_quiz(room.lessons[0], 1, QuizRules::default()).await.unwrap();
    let own_attempt = me.quizzes().start(own.id).await.unwrap();
    let stranger = other.students[0];
    let plan = other.teacher().catalog().plan_delete(Item::Lesson(other.lessons[1])).await.unwrap();
    let version = room.course().await.unwrap().structure_version;
    let mixed = vec![room.lessons[0].uuid(), lesson.uuid()];
    let mark = NewGrade { points: Some(Points::ZERO), ..NewGrade::default() };
    let foreign =
        |question: uuid::Uuid| BTreeMap::from([(question, Some(Answer::Choice { option_id: "right".into() }))]);
    let told = |student: Option<UserId>| HostEvent {
        kind: "a.b".into(),
        course_id: room.course,
        student_id: student,
        learner_initiated: true,
        metadata: None,
    };
    let statement = || NewQuestion::new("?", QuestionBody::TrueFalse { correct: true });
    let both = (all(h, &room).await, all(h, &other).await);
    refuse_all!(h, &room, {
        "a course" => catalog.update_course(course, UpdateCourse { version: 1, ..UpdateCourse::default() });
        "an export" => catalog.export_course(course);
        "a lesson" => catalog.update_lesson(lesson, UpdateLesson { version: 1, ..UpdateLesson::default() });
        "a lesson into it" => catalog.add_lesson(course, NewLesson::titled("L"));
        "a topic" => catalog.update_topic(other.topics[0], UpdateTopic { version: 1, ..UpdateTopic::default() });
        "a topic into it" => catalog.add_topic(lesson, NewTopic::text("T", "t"));
        "a quiz into it" => catalog.add_quiz(lesson, NewQuiz::titled("Q"));
        "an assignment into it" => catalog.add_assignment(lesson, new());
        "a question into it" => catalog.add_question(quiz.id, statement());
        "a question" => catalog.update_question(question.id, quiz.version, statement());
        "a question's end" => catalog.delete_question(question.id);
        "GIFT into it" => catalog.import_gift(quiz.id, quiz.version, "? {T}");
        "GIFT out of it" => catalog.export_gift(quiz.id);
        "a quiz's face" => catalog.publish_quiz(quiz.id, false);
        "an order" => catalog.reorder(Siblings::Lessons(room.course), mixed, version);
        "an order of theirs" => catalog.reorder(Siblings::Topics(lesson), vec![other.topics[0].uuid()], 1);
        "a requirement" => catalog.require_lesson(room.lessons[1], lesson, true);
        "a requirement of theirs" => catalog.require_lesson(lesson, room.lessons[0], true);
        "an objective" => catalog.link_objectives(lesson, Vec::new());
        "a deletion" => catalog.delete(&plan);
        "a deletion's plan" => catalog.plan_delete(Item::Course(course));
        "staff" => catalog.set_staff(course, room.instructor, Some(StaffRole::Instructor));
        "an owner" => catalog.set_owner(course, room.instructor);
        "their staff" => catalog.staff(course, ById::default());
        "what was granted there" => teacher.grants().overrides(course, None, ById::default());
        "what was granted to who is not in it" => teacher.grants().overrides(room.course, Some(stranger), ById::default());
        "what was waived there" => teacher.grants().waivers(course, None, ById::default());
        "what was waived for who is not in it" => teacher.grants().waivers(room.course, Some(stranger), ById::default());
        "their certificates" => teacher.certificates().of_course(course, ById::default());
        "a stranger's certificates" => teacher.certificates().of_person(stranger, ById::default());
        "a stranger by e-mail" => teacher.people().user_by_email("nobody@example.org");
        "what could not be drawn" => teacher.certificates().renderings(Some(course), Rendering::Failed, ById::default());
        "drawing again" => teacher.certificates().retry_failed(Some(course));
        "an enrollment" => teacher.enrollment().enroll(course, room.students[0], EnrollOptions::default());
        "a withdrawal" => teacher.enrollment().withdraw(course, stranger);
        "who is not in it" => teacher.enrollment().suspend(room.course, stranger);
        "a course to read" => me.learning().read_course(course);
        "a course of nowhere" => me.learning().read_course(CourseId::from_uuid(uuid::Uuid::max()));
        "a lesson to read" => me.learning().open_lesson(lesson);
        "a lesson to complete" => me.learning().complete_lesson(lesson);
        "a topic to view" => me.learning().view_topic(other.topics[0]);
        "a quiz to start" => me.quizzes().start(quiz.id);
        "an attempt to save" => me.quizzes().save(attempt.id, "tab", 1, BTreeMap::new());
        "an attempt to submit" => me.quizzes().submit(attempt.id);
        "an attempt to see" => me.quizzes().view_attempt(attempt.id);
        "a question to drop" => teacher.quizzes().regrade(own.id, RegradePolicy::DropQuestion { question: question.id }, false);
        "a quiz to preview" => teacher.quizzes().preview_quiz(quiz.id);
        "an answer to grade" => teacher.quizzes().grade_answer(attempt.id, question.id, AnswerGrade { points: Points::ZERO, feedback: None, seen_seq: 0 });
        "attempts to list" => me.quizzes().attempts(quiz.id, room.students[0]);
        "their attempts to list" => teacher.quizzes().attempts(quiz.id, stranger);
        "who is not in it, to list" => teacher.quizzes().attempts(own.id, stranger);
        "versions to list" => me.assignments().submissions(assignment.id, room.students[0]);
        "their versions to list" => teacher.assignments().submissions(assignment.id, stranger);
        "work to hand in" => me.assignments().submit(assignment.id, NewSubmission::text("Mine."));
        "work to see" => me.assignments().view(handed.id);
        "work to read" => teacher.assignments().submission(handed.id);
        "work to grade" => teacher.assignments().grade(handed.id, mark);
        "a certificate" => teacher.certificates().issue(course, stranger, Some("because".into()));
        "a certificate for who is not in it" => teacher.certificates().issue(room.course, stranger, Some("because".into()));
        "an event" => teacher.activity().record(HostEvent { course_id: course, ..told(None) });
        "an event of who is not in it" => teacher.activity().record(told(Some(stranger)));
        "numbers" => teacher.analytics().course_metrics(course);
        "a scorecard" => teacher.overview().scorecard(room.course, stranger);
        "an audit" => teacher.activity().audit(course);
        "what is to be graded" => teacher.overview().to_grade(course, 10);
        "a lesson of nowhere" => catalog.lesson(LessonId::from_uuid(uuid::Uuid::max()));
        "a quiz of nowhere" => me.quizzes().start(QuizId::from_uuid(uuid::Uuid::nil()));
    });
    assert_eq!((all(h, &room).await, all(h, &other).await), both, "nor in the other course");
    // Saving tells of each answer by itself.
    let report = me.quizzes().save(own_attempt.id, "tab", 1, foreign(question.id.uuid())).await.unwrap();
    assert_eq!((report.problems.len(), report.answers.len()), (1, 0));
}

/// Marks of another course, and suggestions of AI for them: not found, and nothing is decided upon.
///
/// rules: R1, S9, S10, Q12
pub async fn marks_of_another_course(h: &Harness) {
    let (room, other) = (h.classroom(1, 1).await, h.classroom(1, 1).await);
    let teacher = room.teacher();
    let quiz = other.add_quiz(other.lessons[0], 1, QuizRules::default()).await.unwrap();
    let question = other.teacher().catalog().questions(quiz.id).await.unwrap().remove(0).id;
    let essay = NewAssignment { is_published: true, ..NewAssignment::new("Essay", Points::from_units(1_000_000)) };
    let assignment = other.teacher().catalog().add_assignment(other.lessons[0], essay).await.unwrap();
    let them = other.student(0);
    let attempt = them.quizzes().start(quiz.id).await.unwrap().id;
    let handed = them.assignments().submit(assignment.id, NewSubmission::text("Their own work.")).await.unwrap().id;
    let of_quiz = MarkFilter { quiz: Some(quiz.id), assignment: None };
    let of_assignment = MarkFilter { quiz: None, assignment: Some(assignment.id) };
    let before = all(h, &other).await;
    refuse_all!(h, &room, {
        "a suggestion to adopt" => teacher.assignments().adopt_suggestion(handed, 1, None);
        "a suggestion to dismiss" => teacher.assignments().dismiss_suggestion(handed, 1, None);
        "a mark to take back" => teacher.assignments().clear_grade(handed, 1, None);
        "an answer's suggestion to adopt" => teacher.quizzes().adopt_suggestion(attempt, question, 1, None);
        "an answer's suggestion to dismiss" => teacher.quizzes().dismiss_suggestion(attempt, question, 1, None);
        "an answer's mark to take back" => teacher.quizzes().clear_answer(attempt, question, 1, None);
        "marks beside marks of theirs" => teacher.overview().mark_pairs(other.course, MarkFilter::default(), None, 10);
        "of a quiz of theirs" => teacher.overview().mark_pairs(room.course, of_quiz, None, 10);
        "of an assignment of theirs" => teacher.overview().mark_pairs(room.course, of_assignment, None, 10);
    });
    assert_eq!(all(h, &other).await, before, "nor in the other course");
}
