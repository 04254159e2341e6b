//! Courses and question banks that come and go as documents, and events that go as statements.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "conformance cases are tests")]

mod random;

use random::Dice;

use super::Harness;
use crate::error::Error;
use crate::lms::*;
use crate::model::question::*;
use crate::model::table::Json;
use crate::model::*;
use crate::store::{ById, CourseContent, CourseFilter};

/// What the tables hold of a course, without what an import draws anew: ids become the places of what
/// they name, and times and versions are left out. Not made of the document, so that a column which the
/// document forgets shows.
async fn content(h: &Harness, course: CourseId) -> serde_json::Value {
    let CourseContent { structure, topics, questions, links } = h.store.course_content(course).await.unwrap().unwrap();
    let mut json = serde_json::json!({
        "objectives": structure.objectives, "lessons": structure.lessons, "topics": topics,
        "quizzes": structure.quizzes, "questions": questions, "assignments": structure.assignments,
    });
    let mut names = std::collections::BTreeMap::new();
    names.insert(course.to_string(), "the course".to_owned());
    for (kind, rows) in json.as_object().unwrap() {
        for (n, row) in rows.as_array().unwrap().iter().enumerate() {
            names.insert(row["id"].as_str().unwrap().to_owned(), format!("{kind} {n}"));
        }
    }
    let mut pairs: Vec<_> =
        links.iter().map(|(o, item)| format!("{} – {}", names[&o.to_string()], names[&item.to_string()])).collect();
    pairs.extend(
        structure
            .requires
            .iter()
            .map(|r| format!("{} waits for {}", names[&r.lesson_id.to_string()], names[&r.requires_id.to_string()])),
    );
    pairs.sort();
    json["course"] = serde_json::to_value(&structure.course).unwrap();
    let drawn_anew = ["created_at", "updated_at", "version", "structure_version", "copied_from", "ai_log_id"];
    fn rename(value: &mut serde_json::Value, names: &std::collections::BTreeMap<String, String>, without: &[&str]) {
        match value {
            serde_json::Value::Object(map) => {
                map.retain(|key, _| !without.contains(&key.as_str()));
                let named = std::mem::take(map).into_iter();
                map.extend(named.map(|(key, value)| (names.get(&key).cloned().unwrap_or(key), value)));
                map.values_mut().for_each(|value| rename(value, names, without));
            }
            serde_json::Value::Array(list) => list.iter_mut().for_each(|value| rename(value, names, without)),
            serde_json::Value::String(text) => {
                if let Some(name) = names.get(text) {
                    *text = name.clone();
                }
            }
            _ => {}
        }
    }
    rename(&mut json, &names, &drawn_anew);
    // The learners' column has an order that is drawn by the question's id (Q14); the author's is in the key.
    for question in json["questions"].as_array_mut().unwrap() {
        for drawn in ["items", "choices"] {
            if let Some(list) = question["options"].get_mut(drawn).and_then(|list| list.as_array_mut()) {
                list.sort_by_key(|one| one["id"].to_string());
            }
        }
    }
    json["pairs"] = serde_json::json!(pairs);
    // What belongs to the installation.
    for field in
        ["external_id", "is_published", "published_at", "archived_at", "seats_taken", "certificate_template_id"]
    {
        json["course"].as_object_mut().unwrap().remove(field);
    }
    json
}

async fn instructor(h: &Harness) -> Session {
    let user = h.lms.system().people().ensure_user(NewUser::new(Role::Instructor, "Ines")).await.unwrap();
    h.lms.as_user(user.id)
}

/// How many courses there are and how many events: what a refused command leaves as it is.
async fn stands(h: &Harness) -> (usize, usize) {
    let page = ById { after: None, limit: 500 };
    let courses = h.lms.system().catalog().courses(CourseFilter::default(), page).await.unwrap();
    (courses.len(), h.events().await.len())
}

/// The codes of a refusal's problems, with their fields.
fn problems(refused: Error) -> Vec<(&'static str, String)> {
    match refused {
        Error::Invalid { problems } => problems.into_iter().map(|p| (p.code, p.field)).collect(),
        other => vec![(other.code(), String::new())],
    }
}

/// A document holds all that a course is.
///
/// rules: O1, L4, L6, L8, P11
pub async fn random_courses_come_back_as_they_left(h: &Harness) {
    let teacher = instructor(h).await;
    let catalog = teacher.catalog();
    for seed in 0..20 {
        let written = Dice(seed).course();
        let first = catalog.import_course(written.clone(), ImportOptions::default()).await.unwrap();
        assert_eq!((first.is_published, first.seats_taken), (false, 0), "a new draft");
        assert_eq!(first, catalog.course(first.id).await.unwrap(), "what is said is what stands");
        let left = catalog.export_course(first.id).await.unwrap();
        assert_eq!(serde_json::to_value(&left).unwrap(), serde_json::to_value(&written).unwrap(), "seed {seed}");
        // Through text, as it travels.
        let read = CourseDocument::from_json(&left.to_json()).unwrap();
        assert_eq!(read, left, "seed {seed}");
        let second = catalog.import_course(read, ImportOptions::default()).await.unwrap();
        assert_ne!(first.id, second.id);
        assert_eq!(content(h, first.id).await, content(h, second.id).await, "seed {seed}");
        assert_eq!(catalog.export_course(second.id).await.unwrap(), left, "seed {seed}");
        let drift = h.lms.system().activity().audit(second.id).await.unwrap();
        assert!(drift.is_empty(), "seed {seed}: {drift:?}");
    }
}

/// A course that was written by commands, with learners in it, leaves without them.
///
/// rules: R1, L6, X2
pub async fn an_export_holds_the_content_and_nobodys_work(h: &Harness) {
    let room = h.classroom(3, 1).await;
    let teacher = room.teacher();
    let catalog = teacher.catalog();
    catalog.add_objective(room.course, "bake", "Bake a loaf").await.unwrap();
    catalog.link_objectives(room.lessons[0], vec!["bake".into()]).await.unwrap();
    catalog.require_lesson(room.lessons[2], room.lessons[0], true).await.unwrap();
    let quiz = room.add_quiz(room.lessons[1], 2, QuizRules::default()).await.unwrap();
    let new = NewAssignment { is_published: true, ..NewAssignment::new("Essay", Points::from_units(1_000_000)) };
    let assignment = catalog.add_assignment(room.lessons[1], new).await.unwrap();
    let me = room.student(0);
    let attempt = me.quizzes().start(quiz.id).await.unwrap();
    me.quizzes().submit(attempt.id).await.unwrap();
    me.assignments().submit(assignment.id, NewSubmission::text("MY-OWN-WORDS")).await.unwrap();
    // What a regrade decided for good is part of the quiz, and how long certificates are valid of the course.
    let questions = catalog.questions(quiz.id).await.unwrap();
    teacher.quizzes().regrade(quiz.id, RegradePolicy::DropQuestion { question: questions[1].id }, false).await.unwrap();
    let version = room.course().await.unwrap().version;
    let update = UpdateCourse { version, certificate_valid_days: Some(Some(30)), ..UpdateCourse::default() };
    catalog.update_course(room.course, update).await.unwrap();
    let document = catalog.export_course(room.course).await.unwrap();
    let text = document.to_json();
    for id in
        [room.course.uuid(), room.lessons[0].uuid(), quiz.id.uuid(), room.students[0].uuid(), room.instructor.uuid()]
    {
        assert!(!text.contains(&id.to_string()), "no id of this installation");
    }
    assert!(!text.contains("MY-OWN-WORDS") && !text.contains("Student 1") && !text.contains("Ines"));
    assert!(text.contains("SECRET-WHY"), "keys belong to it");
    assert_eq!(document.lessons[2].requires, ["lesson-1"]);
    assert_eq!(document.lessons[0].objectives, ["bake"]);
    let copy = catalog.import_course(document, ImportOptions::default()).await.unwrap();
    assert_eq!(content(h, copy.id).await, content(h, room.course).await);
    assert_eq!(copy.certificate_valid_days, Some(30));
    let copied = catalog.structure(copy.id).await.unwrap().quizzes.remove(0);
    let its_questions = catalog.questions(copied.id).await.unwrap();
    let adjusted: Adjustments = copied.adjustments.read().unwrap();
    assert_eq!(adjusted.questions, [(its_questions[1].id.uuid(), Adjustment::Dropped)].into(), "its own question");
    assert_eq!((copy.lessons_total, copy.quizzes_total), (3, 1));
    // The draft works: it can be published and learnt in.
    catalog.publish_course(copy.id, true).await.unwrap();
    // Graders read work and not the course as a whole; others do not even hear that it is there.
    let grader = h.lms.system().people().ensure_user(NewUser::new(Role::Student, "Gus")).await.unwrap();
    catalog.set_staff(room.course, grader.id, Some(StaffRole::Grader)).await.unwrap();
    let denied = h.lms.as_user(grader.id).catalog().export_course(room.course).await.unwrap_err();
    assert_eq!(denied.code(), "denied");
    let hidden = room.student(0).catalog().export_course(room.course).await.unwrap_err();
    assert_eq!(hidden.code(), "not_found");
    assert!(h.lms.as_user(room.admin).catalog().export_course(room.course).await.is_ok());
}

fn small() -> CourseDocument {
    CourseDocument::from_json(
        r#"{ "format": "lms.course", "version": 1, "course": { "title": "Bread" }, "objectives": [],
             "lessons": [{ "key": "a", "title": "Flour" }, { "key": "b", "title": "Water", "requires": ["a"] }] }"#,
    )
    .unwrap()
}

/// rules: R1, E1, L3, L6, X2, N1
pub async fn an_import_is_checked_as_authoring_is_and_writes_all_or_nothing(h: &Harness) {
    let teacher = instructor(h).await;
    let catalog = teacher.catalog();
    let student = h.lms.system().people().ensure_user(NewUser::new(Role::Student, "Sam")).await.unwrap();
    let before = stands(h).await;
    let denied = h.lms.as_user(student.id).catalog().import_course(small(), ImportOptions::default()).await;
    assert_eq!(denied.unwrap_err().code(), "denied");
    let theirs = ImportOptions { instructor_id: Some(student.id), ..ImportOptions::default() };
    assert_eq!(catalog.import_course(small(), theirs).await.unwrap_err().code(), "denied");

    type Damage = fn(&mut CourseDocument);
    let single = |correct: &str| QuestionBody::SingleChoice {
        options: vec![Labelled::new("a", "A"), Labelled::new("b", "B")],
        correct: correct.to_owned(),
        why: Default::default(),
    };
    let question = serde_json::to_value(NewQuestion::new("?", single("z"))).unwrap();
    let damages: &[(&str, &str, Damage)] = &[
        ("document.version", "version", |d| d.version = 2),
        ("text.empty", "course.title", |d| d.course.title = " ".into()),
        ("zone.unknown", "course.time_zone", |d| d.course.time_zone = "Mars/Olympus".into()),
        ("language.invalid", "course.language", |d| d.course.language = "_".into()),
        ("metadata.object", "course.metadata", |d| d.course.metadata = Json::of(&5)),
        ("text.length", "lessons[1].title", |d| d.lessons[1].title = "x".repeat(201)),
        ("document.key", "lessons[1].key", |d| d.lessons[1].key = "a".into()),
        ("document.key", "lessons[0].key", |d| d.lessons[0].key = String::new()),
        ("lesson.requires", "lessons[1].requires[0]", |d| d.lessons[1].requires = vec!["of another course".into()]),
        ("lesson.requires_cycle", "lessons[0].requires", |d| d.lessons[0].requires = vec!["b".into()]),
        ("objective.unknown", "lessons[0].objectives[0]", |d| d.lessons[0].objectives = vec!["?".into()]),
        ("document.key", "objectives[1].key", |d| {
            d.objectives = vec![PortableObjective { key: "o".into(), text: "t".into() }; 2];
        }),
        ("lesson.rule_never_met", "lessons[0].completion_rule", |d| {
            d.lessons[0].is_published = true;
            d.lessons[0].completion_rule = CompletionRule::Work;
        }),
        ("topic.no_body", "lessons[1].topics[0].body", |d| {
            d.lessons[1].topics = serde_json::from_str(r#"[{ "title": "T", "content_type": "text" }]"#).unwrap();
        }),
        ("quiz.no_questions", "lessons[0].quizzes[0].questions", |d| {
            d.lessons[0].quizzes = serde_json::from_str(r#"[{ "title": "Q", "is_published": true }]"#).unwrap();
        }),
        ("assignment.max_grade", "lessons[0].assignments[0].max_grade", |d| {
            d.lessons[0].assignments = serde_json::from_str(r#"[{ "title": "A", "max_grade": "0" }]"#).unwrap();
        }),
        ("document.too_many", "lessons", |d| d.lessons = vec![d.lessons[0].clone(); 5_001]),
    ];
    for (code, field, damage) in damages {
        let mut document = small();
        damage(&mut document);
        let found = problems(catalog.import_course(document, ImportOptions::default()).await.unwrap_err());
        assert!(found.iter().any(|(c, f)| c == code && f == field), "{code} at {field}, found {found:?}");
    }
    // Every problem at once, each with its place.
    let mut document = small();
    document.course.title = String::new();
    document.lessons[0].quizzes =
        serde_json::from_value(serde_json::json!([{ "title": "Q", "questions": [question] }])).unwrap();
    let found = problems(catalog.import_course(document, ImportOptions::default()).await.unwrap_err());
    let expected = [
        ("text.empty", "course.title".to_owned()),
        ("question.key", "lessons[0].quizzes[0].questions[0].correct".to_owned()),
    ];
    assert_eq!(found, expected);
    // A thousand problems are enough to hear of.
    let mut document = small();
    document.lessons[0].objectives = vec!["?".into(); 90_000];
    assert_eq!(problems(catalog.import_course(document, ImportOptions::default()).await.unwrap_err()).len(), 1_000);
    assert_eq!(stands(h).await, before, "nothing of all that was written");

    let options =
        ImportOptions { external_id: Some("sku-1".into()), title: Some("Bread, autumn".into()), ..Default::default() };
    let course = catalog.import_course(small(), options.clone()).await.unwrap();
    assert_eq!((course.title.as_str(), course.external_id.as_deref()), ("Bread, autumn", Some("sku-1")));
    let taken = catalog.import_course(small(), options).await.unwrap_err();
    assert_eq!(taken.code(), "external_id.taken");
    assert_eq!(stands(h).await.0, before.0 + 1);
    let imported = h.events().await.pop().unwrap().event;
    assert_eq!((imported.kind, imported.course_id), (EventKind::ContentChanged, Some(course.id)));
    // The same command twice is one course.
    let id = h.lms.ids().uuid(h.lms.now());
    let again = || teacher.clone().with_command_id(id);
    let once = again().catalog().import_course(small(), ImportOptions::default()).await.unwrap();
    let twice = again().catalog().import_course(small(), ImportOptions::default()).await.unwrap();
    assert_eq!(once.id, twice.id);
    assert_eq!(stands(h).await.0, before.0 + 2);
}

/// Random questions of the types that both sides have, out of one quiz and into another.
///
/// rules: Q3, Q4, L5, R1, O1
pub async fn question_banks_go_and_come_as_gift(h: &Harness) {
    let room = h.classroom(1, 1).await;
    let teacher = room.teacher();
    let catalog = teacher.catalog();
    let mut dice = Dice(7);
    let mut questions = Vec::new();
    while questions.len() < 60 {
        let points = Points::from_units(dice.between(1, 500_000));
        let question = NewQuestion { points, ..NewQuestion::new(dice.text(), dice.body(points)) };
        questions.push(question);
    }
    let one = catalog.add_quiz(room.lessons[0], NewQuiz { questions, ..NewQuiz::titled("One") }).await.unwrap();
    let left = catalog.export_gift(one.id).await.unwrap();
    let rows = catalog.questions(one.id).await.unwrap();
    let two = catalog.add_quiz(room.lessons[0], NewQuiz::titled("Two")).await.unwrap();
    let came = catalog.import_gift(two.id, two.version, &left.text).await.unwrap();
    assert!(came.notes.is_empty(), "what was written can be read: {:?}\n{}", came.notes, left.text);
    let left_out = left.notes.iter().filter(|note| note.left_out).count();
    assert_eq!(came.questions.len() + left_out, rows.len(), "each came or was said to be left out");
    assert!(left_out > 5 && came.questions.len() > 20);
    let copies = catalog.questions(two.id).await.unwrap();
    assert_eq!(copies.iter().map(|q| q.id).collect::<Vec<_>>(), came.questions);
    let lines: Vec<&str> = left.text.lines().collect();
    let mut written = rows.iter().enumerate().filter(|(n, _)| {
        let out = format!("// left out: question {} (", n + 1);
        !lines.iter().any(|line| line.starts_with(&out))
    });
    for copy in &copies {
        let (_, row) = written.next().unwrap();
        assert_eq!((copy.question_type, &copy.text, copy.points), (row.question_type, &row.text, row.points));
    }
    assert_eq!(written.next(), None);
    // What is written from the copy is the same text: nothing more is lost on a second way.
    let again = catalog.export_gift(two.id).await.unwrap();
    let third = catalog.add_quiz(room.lessons[0], NewQuiz::titled("Three")).await.unwrap();
    catalog.import_gift(third.id, third.version, &again.text).await.unwrap();
    assert_eq!(catalog.export_gift(third.id).await.unwrap(), again);
    assert!(again.notes.is_empty(), "{:?}", again.notes);

    // An edit like others: by version, by staff who may, at the end, not beyond what a quiz can hold.
    let stale = catalog.import_gift(two.id, two.version, "More? {T}").await.unwrap_err();
    assert_eq!(stale.code(), "version.stale");
    let now = catalog.quiz(two.id).await.unwrap().version;
    let before = h.events().await.len();
    let full = "More? {T}\n\n".repeat(500);
    assert_eq!(problems(catalog.import_gift(two.id, now, &full).await.unwrap_err())[0].0, "quiz.too_many_questions");
    assert_eq!(room.student(0).catalog().import_gift(two.id, now, "More? {T}").await.unwrap_err().code(), "not_found");
    assert_eq!(room.student(0).catalog().export_gift(two.id).await.unwrap_err().code(), "not_found");
    let nothing = catalog.import_gift(two.id, now, "No question.").await.unwrap();
    assert_eq!((nothing.questions.len(), nothing.notes.len()), (0, 1));
    assert_eq!(h.events().await.len(), before, "nothing was written");
    let mixed = catalog.import_gift(two.id, now, "\nMore? {T}\n\nBroken {").await.unwrap();
    assert_eq!((mixed.questions.len(), mixed.notes[0].line, mixed.notes[0].left_out), (1, 4, true));
    let rows = catalog.questions(two.id).await.unwrap();
    assert_eq!(rows.last().map(|q| (q.id, q.order_index)), Some((mixed.questions[0], copies.len() as i64)));
    // What a quiz has no place for is said, too.
    let named = "$CATEGORY: Bread\n\n::Yeast::Is it alive? {T}\n\nBroken {\n\n$CATEGORY:\n\nIs it? {F}";
    let named = catalog.import_gift(third.id, catalog.quiz(third.id).await.unwrap().version, named).await.unwrap();
    let said: Vec<_> = named.notes.iter().map(|note| (note.line, note.loss, note.left_out)).collect();
    let name = GiftLoss::Name;
    assert_eq!(said, [(3, name, false), (3, name, false), (5, GiftLoss::Syntax, true), (9, name, false)]);
}

/// What makes a line of JSON a statement of xAPI 1.0.3.
fn assert_statement(statement: &serde_json::Value, home: &str) {
    let text = |pointer: &str| statement.pointer(pointer).and_then(|v| v.as_str()).unwrap_or_default().to_owned();
    let iri = |text: &str| text.starts_with("https://") || text.starts_with("http://");
    let keys = ["id", "actor", "verb", "object", "result", "context", "timestamp", "version"];
    assert!(statement.as_object().unwrap().keys().all(|key| keys.contains(&key.as_str())), "{statement}");
    assert!(text("/id").parse::<uuid::Uuid>().is_ok(), "{statement}");
    assert_eq!((text("/actor/objectType").as_str(), text("/object/objectType").as_str()), ("Agent", "Activity"));
    assert_eq!(text("/actor/account/homePage"), home);
    assert!(!text("/actor/account/name").is_empty() && iri(&text("/verb/id")) && !text("/verb/display/en").is_empty());
    assert!(text("/object/id").starts_with(home), "{statement}");
    assert!(text("/timestamp").parse::<Timestamp>().is_ok() && text("/version") == "1.0.3");
    let extensions = statement["context"]["extensions"].as_object().unwrap();
    assert!(extensions.keys().all(|key| iri(key)), "{statement}");
    // Null stands nowhere but in extensions.
    let mut outside = statement.clone();
    outside["context"].as_object_mut().unwrap().remove("extensions");
    assert!(!outside.to_string().contains("null"), "{statement}");
}

/// rules: V2, V3, V7, R1
pub async fn v2_events_leave_as_xapi_statements(h: &Harness) {
    let room = h.classroom(1, 1).await;
    let me = room.student(0);
    let half = QuizRules { pass_threshold_bp: BasisPoints::percent(50), ..QuizRules::default() };
    let quiz = room.add_quiz(room.lessons[0], 1, half).await.unwrap();
    let new = NewAssignment { is_published: true, ..NewAssignment::new("Essay", Points::from_units(1_000_000)) };
    let assignment = room.teacher().catalog().add_assignment(room.lessons[0], new).await.unwrap();
    me.learning().open_lesson(room.lessons[0]).await.unwrap();
    let attempt = me.quizzes().start(quiz.id).await.unwrap();
    let question = attempt.questions[0].id;
    let right = Answer::Choice { option_id: "right".into() };
    let answers = std::collections::BTreeMap::from([(question, Some(right))]);
    me.quizzes().save(attempt.id, "tab", 1, answers).await.unwrap();
    me.quizzes().submit(attempt.id).await.unwrap();
    let submission = me.assignments().submit(assignment.id, NewSubmission::text("My work")).await.unwrap();
    let grade = NewGrade { points: Some(Points::from_units(500_000)), ..NewGrade::default() };
    room.teacher().assignments().grade(submission.id, grade).await.unwrap();
    me.learning().complete_lesson(room.lessons[0]).await.unwrap();
    let host = |kind: &str, student: Option<UserId>| HostEvent {
        kind: kind.to_owned(),
        course_id: room.course,
        student_id: student,
        learner_initiated: student.is_some(),
        metadata: Some(Json::of(&serde_json::json!({ "seconds": 7, "note": null }))),
    };
    me.activity().record(host("acme.video_paused", Some(room.students[0]))).await.unwrap();
    h.lms.system().activity().record(host("acme.unheard", None)).await.unwrap();
    h.lms.settle().await.unwrap();

    let home = "https://school.example";
    let mut options = XapiOptions::new(home);
    let paused = XapiVerb { id: "https://w3id.org/xapi/video/verbs/paused".into(), display: "paused".into() };
    options.verbs.insert("acme.video_paused".into(), paused);
    let filter = || crate::store::EventFilter { course: Some(room.course), ..Default::default() };
    let teacher = room.teacher();
    let activity = teacher.activity();
    let whole = activity.export_xapi(&options, filter(), 0, 2_000).await.unwrap();
    let statements: Vec<serde_json::Value> =
        whole.lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(statements.len(), whole.statements);
    let events = activity.events(filter(), 0, 2_000).await.unwrap();
    assert_eq!(whole.statements + whole.skipped, events.len());
    assert_eq!(whole.read_to, events.last().map(|event| event.position));
    let mut verbs = std::collections::BTreeSet::new();
    for statement in &statements {
        assert_statement(statement, home);
        verbs.insert(statement["verb"]["display"]["en"].as_str().unwrap().to_owned());
        assert_eq!(statement["actor"]["account"]["name"], room.students[0].to_string(), "the learner");
    }
    let expected =
        ["attempted", "completed", "earned", "experienced", "passed", "paused", "registered", "scored", "submitted"];
    assert_eq!(verbs.iter().map(String::as_str).collect::<Vec<_>>(), expected);
    let of = |kind: &str| {
        let is = |s: &&serde_json::Value| s["context"]["extensions"][format!("{home}/xapi/event-kind")] == kind;
        statements.iter().find(is).unwrap().clone()
    };
    let passed = of("quiz_passed");
    assert_eq!(
        (&passed["object"]["id"], &passed["result"]["success"]),
        (&format!("{home}/quiz/{}", quiz.id).into(), &true.into())
    );
    let started = of("quiz_started");
    assert_eq!(started["object"]["id"], format!("{home}/quiz/{}", quiz.id));
    assert_eq!(started["context"]["extensions"][format!("{home}/xapi/attempt")], attempt.id.to_string());
    let full = serde_json::json!({ "scaled": 1, "raw": 1, "min": 0, "max": 1 });
    assert_eq!(of("quiz_graded")["result"]["score"], full);
    let graded = of("assignment_graded");
    assert_eq!(graded["result"]["score"], serde_json::json!({ "scaled": 0.5, "raw": 5, "min": 0, "max": 10 }));
    let scored = |s: &serde_json::Value| !s["result"]["score"].is_null();
    assert_eq!(statements.iter().filter(|s| scored(s)).count(), 2, "what was scored, and nothing else");
    assert_eq!(graded["object"]["id"], format!("{home}/assignment/{}", assignment.id));
    assert_eq!(graded["context"]["instructor"]["account"]["name"], room.instructor.to_string());
    assert_eq!(graded["context"]["contextActivities"]["grouping"][0]["id"], format!("{home}/course/{}", room.course));
    let own = of("acme.video_paused");
    assert_eq!(own["context"]["extensions"][format!("{home}/xapi/metadata")]["seconds"], 7);
    assert_eq!(of("course_completed")["result"]["completion"], true);
    for private in ["My work", "Student 1", "Ines", "right"] {
        assert!(!whole.lines.contains(private), "{private}");
    }
    // Page by page it is the same.
    let (mut lines, mut after) = (String::new(), 0);
    while let Some(read_to) = {
        let page = activity.export_xapi(&options, filter(), after, 2).await.unwrap();
        lines.push_str(&page.lines);
        page.read_to
    } {
        after = read_to;
    }
    assert_eq!(lines, whole.lines);
    let bad = activity.export_xapi(&XapiOptions::new("school"), filter(), 0, 10).await.unwrap_err();
    assert_eq!(problems(bad), [("xapi.iri", "home_page".to_owned())]);
    assert_eq!(me.activity().export_xapi(&options, filter(), 0, 10).await.unwrap_err().code(), "denied");
}

/// A score stands in the export as it stands, exact to the last decimal that there is; an unposted one too, for
/// only staff may export. What is voided has none.
/// rules: V7, S14, N1, N3
pub async fn v7_the_export_joins_the_scores(h: &Harness) {
    let room = h.classroom(1, 3).await;
    let teacher = room.teacher();
    let quiz = room.add_quiz(room.lessons[0], 3, QuizRules::default()).await.unwrap();
    let rules = AssignmentRules { posting: Posting::Manual, ..AssignmentRules::default() };
    let third = Points::from_units(33_333);
    let new = NewAssignment { is_published: true, rules, ..NewAssignment::new("Essay", Points::whole(1).unwrap()) };
    let assignment = teacher.catalog().add_assignment(room.lessons[0], new).await.unwrap();
    let mut attempts = Vec::new();
    for n in 0..3 {
        let me = room.student(n);
        let attempt = me.quizzes().start(quiz.id).await.unwrap();
        let right = |id| (id, Some(Answer::Choice { option_id: "right".into() }));
        let answers = attempt.questions.iter().take(n).map(|q| right(q.id)).collect();
        me.quizzes().save(attempt.id, "tab", 1, answers).await.unwrap();
        me.quizzes().submit(attempt.id).await.unwrap();
        attempts.push(attempt.id);
        let handed = me.assignments().submit(assignment.id, NewSubmission::text("My work")).await.unwrap();
        if n == 0 {
            let grade = NewGrade { points: Some(third), ..NewGrade::default() };
            teacher.assignments().grade(handed.id, grade).await.unwrap();
            assert_eq!(me.assignments().view(handed.id).await.unwrap().grade, None, "the learner does not see it yet");
        }
    }
    teacher.quizzes().void(attempts[1], "a mistake").await.unwrap();
    h.lms.settle().await.unwrap();
    let options = XapiOptions::new("https://school.example");
    let filter = crate::store::EventFilter { course: Some(room.course), ..Default::default() };
    let page = teacher.activity().export_xapi(&options, filter, 0, 2_000).await.unwrap();
    let mut scores = Vec::new();
    for line in page.lines.lines() {
        let statement: serde_json::Value = serde_json::from_str(line).unwrap();
        if statement["verb"]["display"]["en"] == "scored" {
            scores.push(statement["result"]["score"].clone());
        }
    }
    let expected = [
        serde_json::json!({ "scaled": 0, "raw": 0, "min": 0, "max": 3 }),
        serde_json::json!({ "scaled": 0.33333, "raw": 0.33333, "min": 0, "max": 1 }),
        serde_json::Value::Null,
        serde_json::json!({ "scaled": 0.66666, "raw": 2, "min": 0, "max": 3 }),
    ];
    assert_eq!(scores, expected);
    // The port: what is not there is left out, and nothing is asked for nothing.
    let nowhere = AttemptId::from_uuid(uuid::Uuid::from_u128(9));
    let found = h.store.scored_work(&[attempts[2], nowhere], &[]).await.unwrap();
    assert_eq!(found.attempts.iter().map(|a| a.id).collect::<Vec<_>>(), [attempts[2]]);
    assert!(found.submissions.is_empty() && found.assignments.is_empty());
    assert_eq!(h.store.scored_work(&[], &[]).await.unwrap(), crate::store::ScoredWork::default());
}
