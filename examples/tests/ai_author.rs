//! The program that writes by AI: every exit code, against a vendor on this machine, and what the database
//! holds after each.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "these are tests")]

#[path = "../../lms-ai/tests/support/answers.rs"]
#[allow(dead_code, reason = "the answers of every task")]
mod answers;
mod support;
mod vendor;

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use lms_ai::Ai;
use lms_ai::offline::{OFFLINE_MODEL, Offline};
use lms_core::Lms;
use lms_core::lms::{AnswerGrade, EnrollOptions, NewQuestion, NewQuiz, NewSubmission, NewUser, QuizRules};
use lms_core::model::question::{Answer, QuestionBody};
use lms_core::model::{AiGrading, AssignmentId, CourseId, Points, QuestionId, Role, SubmissionId};
use lms_core::store::ContentRef;
use lms_store_sqlite::SqliteStore;
use serde_json::{Value, json};
use support::{assert_sound, database, dump, number, text, texts};
use vendor::{Asked, KEY, PROTOCOLS, Protocol, Say, Vendor, environment};

/// A database in a folder of its own, and the program on it.
struct Place {
    folder: tempfile::TempDir,
}

impl Place {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    fn out(&self) -> &Path {
        self.folder.path()
    }

    fn path(&self) -> PathBuf {
        self.out().join("lms.db")
    }

    /// The program, offline whatever the machine's environment says.
    fn program(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ai_author"));
        for variable in [
            "ANTHROPIC_API_KEY",
            "ANTHROPIC_BASE_URL",
            "OPENAI_API_KEY",
            "OPENAI_BASE_URL",
            "LMS_AI_MODEL",
            "LMS_AI_PROVIDER",
        ] {
            command.env_remove(variable);
        }
        command.stdin(Stdio::null()).current_dir(self.out());
        command.arg("--store").arg(format!("sqlite:{}", self.path().display()));
        command
    }

    fn run(&self, environment: &[(&'static str, String)], args: &[&str]) -> Said {
        let output = self.program().args(args).envs(environment.iter().cloned()).output().unwrap();
        Said::of(&output)
    }

    fn count(&self, table: &str) -> i64 {
        number(&database(self.out()), &format!("SELECT count(*) FROM {table}"))
    }

    /// The statuses of the log's rows, in the order in which they were sent.
    fn log(&self) -> Vec<String> {
        texts(&database(self.out()), "SELECT status FROM ai_logs ORDER BY created_at, attempt")
    }

    /// No content is written, and no key stands anywhere.
    fn assert_nothing_written(&self) {
        let conn = database(self.out());
        assert_sound(&conn);
        for (table, rows) in dump(&conn) {
            assert!(rows.is_empty() || !CONTENT.contains(&table.as_str()), "{table}: {rows:?}");
            assert!(!rows.iter().any(|row| row.contains(KEY)), "the key is in {table}");
        }
    }
}

/// The tables of what AI writes.
const CONTENT: &[&str] = &[
    "courses",
    "objectives",
    "objective_lessons",
    "lessons",
    "topics",
    "quizzes",
    "quiz_questions",
    "assignments",
    "activity_events",
];

/// What a run said.
struct Said {
    code: i32,
    out: String,
    err: String,
}

impl Said {
    fn of(output: &Output) -> Self {
        let said = Self { code: output.status.code().unwrap(), out: text(&output.stdout), err: text(&output.stderr) };
        assert!(!said.out.contains(KEY) && !said.err.contains(KEY), "the key is in\n{}\n{}", said.out, said.err);
        said
    }

    /// The run has ended with a code and one line that begins with a word; the line.
    fn ends(&self, code: i32, word: &str) -> String {
        assert_eq!(self.code, code, "{}\n{}", self.out, self.err);
        let line = if code == 0 || code == 4 {
            assert_eq!(self.err, "", "nothing to complain about");
            self.out.lines().last().unwrap().to_owned()
        } else {
            assert_eq!(self.err.lines().count(), 1, "{}", self.err);
            self.err.trim_end().to_owned()
        };
        assert!(line.starts_with(word), "`{line}` does not begin with `{word}`\n{}", self.out);
        line
    }

    /// What stands behind a word at the begin of a line.
    fn line(&self, word: &str) -> &str {
        let found = self.out.lines().find_map(|line| line.strip_prefix(word));
        found.unwrap_or_else(|| panic!("no {word} in\n{}", self.out)).trim()
    }

    /// The ids that are shown behind a word.
    fn ids(&self, word: &str) -> Vec<String> {
        let words: Vec<&str> = self.out.split_whitespace().collect();
        words.windows(2).filter(|pair| pair[0] == word && pair[1].len() == 36).map(|pair| pair[1].to_owned()).collect()
    }
}

const COURSE: [&str; 9] =
    ["course", "--topic", "Plants", "--audience", "beginners", "--difficulty", "easy", "--lessons", "3"];

fn quiz() -> Value {
    let option = |text: &str, right: bool| json!({ "text": text, "is_correct": right, "why": "" });
    json!({
        "title": "What a leaf does",
        "description": "On light and water.",
        "questions": [{
            "source_quote": "The leaf takes in light with a green matter.",
            "question_type": "single_choice",
            "text": "By which means does a leaf catch the sun?",
            "options": [option("A green matter", true), option("A white root", false), option("A dry stem", false)],
            "explanation": "The text names it.",
            "objective_key": "light",
            "difficulty": "easy",
        }],
    })
}

fn assignment() -> Value {
    answers::with(answers::assignment(), "/objective_keys", json!(["light"]))
}

fn grade(asked: &Asked, confidence: i64) -> Say {
    let criterion = |key: &str, quote: &str, points: i64| {
        json!({
            "criterion_key": key, "evidence": [quote], "reasoning": "The passage says it.", "points": points,
            "confidence": confidence,
        })
    };
    let mut grade = answers::grade();
    grade["check_code"] = asked.check_code().into();
    grade["criteria"] = json!([
        criterion("day", "Plants take in light with chlorophyll", 45),
        criterion("night", "They build sugar from water and air", 35),
    ]);
    Say::Text(grade.to_string())
}

/// Publishes the course of an assignment and hands work in on it, as a host would.
fn hand_in(place: &Place, assignment: &str, name: &str) -> SubmissionId {
    let assignment = AssignmentId::from_uuid(assignment.parse().unwrap());
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let lms = Lms::builder(SqliteStore::open(place.path()).await.unwrap()).build();
        lms.expect_ai_grading();
        let system = lms.system();
        let course = lms.store().content(None, ContentRef::Assignment(assignment)).await.unwrap().unwrap().course;
        let (course, teacher) = (course.id, lms.as_user(course.instructor_id));
        for lesson in teacher.catalog().structure(course).await.unwrap().lessons {
            teacher.catalog().publish_lesson(lesson.id, true).await.unwrap();
        }
        teacher.catalog().publish_assignment(assignment, true).await.unwrap();
        teacher.catalog().publish_course(course, true).await.unwrap();
        let new = NewUser::new(Role::Student, name).with_external_id(name);
        let student = system.people().ensure_user(new).await.unwrap().id;
        teacher.enrollment().enroll(course, student, EnrollOptions::default()).await.unwrap();
        let work = NewSubmission::text(answers::ESSAY);
        lms.as_user(student).assignments().submit(assignment, work).await.unwrap().id
    })
}

/// Has an answer to an essay question marked by AI and then by the instructor, as a host would; the question.
fn mark_an_answer(place: &Place, course: &str, name: &str) -> QuestionId {
    let course = CourseId::from_uuid(course.parse().unwrap());
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let lms = Lms::builder(SqliteStore::open(place.path()).await.unwrap()).build();
        let ai = Ai::new(lms.clone(), Offline, OFFLINE_MODEL);
        let structure = lms.store().structure(course).await.unwrap().unwrap();
        let teacher = lms.as_user(structure.course.instructor_id);
        let body = QuestionBody::Essay { rubric: None, staff_notes: String::new() };
        let question = NewQuestion {
            points: Points::whole(10).unwrap(),
            ..NewQuestion::new("How do plants take in light with chlorophyll?", body)
        };
        let rules = QuizRules { ai_grading: Some(AiGrading::Suggest), ..QuizRules::default() };
        let quiz = NewQuiz { is_published: true, rules, questions: vec![question], ..NewQuiz::titled("Light") };
        let quiz = teacher.catalog().add_quiz(structure.lessons[0].id, quiz).await.unwrap();
        let person = NewUser::new(Role::Student, name).with_external_id(name);
        let learner = lms.as_user(lms.system().people().ensure_user(person).await.unwrap().id);
        let attempt = learner.quizzes().start(quiz.id).await.unwrap();
        let question = attempt.questions[0].id;
        let answer = Answer::Essay { text: answers::ESSAY.to_owned() };
        learner.quizzes().save(attempt.id, "tab", 1, [(question, Some(answer))].into()).await.unwrap();
        learner.quizzes().submit(attempt.id).await.unwrap();
        let question = QuestionId::from_uuid(question);
        ai.grade_answer(attempt.id, question).await.unwrap();
        let mark = AnswerGrade { points: Points::whole(4).unwrap(), feedback: None, seen_seq: 0 };
        teacher.quizzes().grade_answer(attempt.id, question, mark).await.unwrap();
        question
    })
}

#[test]
fn the_first_run_on_an_empty_database_is_one_command_and_the_ids_lead_on() {
    let place = Place::new();
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/data/source.md");
    let said = place.run(&[], &["course", "--source", source]);
    said.ends(0, "applied: the course is written");
    assert!(said.line("AI ").contains("offline") && said.line("As ").starts_with("Instructor ("), "{}", said.out);
    assert_eq!((said.line("Attempts"), said.line("Cost")), ("1: 1 applied", "0.000000 US dollars"));
    let (lessons, topics) = (said.ids("lesson"), said.ids("topic"));
    assert_eq!((place.count("courses"), place.count("lessons")), (1, lessons.len() as i64));
    assert_eq!(place.count("topics"), topics.len() as i64);
    assert_eq!(number(&database(place.out()), "SELECT count(*) FROM courses WHERE is_published"), 0);

    // The lesson's own texts, from the same source; a thin section is refused and stays as it was.
    let mut written = 0;
    for topic in topics.iter().take(4) {
        let said = place.run(&[], &["body", topic, "--source", source]);
        assert!([0, 2].contains(&said.code), "{}\n{}", said.out, said.err);
        written += i32::from(said.code == 0);
    }
    assert!(written > 0, "not one text is written");
    place.run(&[], &["assignment", &lessons[0], "--points", "20"]).ends(0, "applied: the assignment");
    let quiz = place.run(&[], &["quiz", &lessons[0], "--questions", "1"]);
    quiz.ends(0, "applied: the quiz");
    assert_eq!(quiz.ids("quiz").len(), 1);
    assert_eq!((place.count("quizzes"), place.count("assignments"), place.count("users")), (1, 1, 1));
    assert_sound(&database(place.out()));

    // Without a source, too.
    let said = place.run(&[], &COURSE);
    said.ends(0, "applied");
    assert_eq!((said.ids("lesson").len(), place.count("courses"), place.count("users")), (3, 2, 1));
}

fn whole_job(protocol: Protocol) {
    let place = Place::new();
    let answering = |answer: Value| Vendor::saying(protocol, Say::Text(answer.to_string()));
    let vendor = answering(answers::outline());
    let said = place.run(&vendor.environment(), &COURSE);
    said.ends(0, "applied");
    assert_eq!((said.line("Attempts"), vendor.asked().len()), ("1: 1 applied", 1));
    assert!(said.line("Tokens").starts_with("1000 in, 200 out"), "{}", said.out);
    assert!(vendor.asked()[0].key.contains(KEY), "the key goes where it belongs");
    let (lessons, topics) = (said.ids("lesson"), said.ids("topic"));
    assert_eq!((lessons.len(), topics.len(), place.count("courses")), (3, 6, 1));

    place.run(&answering(answers::body()).environment(), &["body", &topics[0]]).ends(0, "applied: the text");
    let said = place.run(&answering(quiz()).environment(), &["quiz", &lessons[0], "--questions", "1"]);
    said.ends(0, "applied: the quiz");
    let said = place.run(&answering(assignment()).environment(), &["assignment", &lessons[0]]);
    said.ends(0, "applied: the assignment");
    assert!(said.out.contains("100 points") && said.out.contains("The night"), "{}", said.out);
    let made = said.ids("assignment").remove(0);

    // A sure grade is applied.
    let submission = hand_in(&place, &made, "ben").to_string();
    let sure = Vendor::with(protocol, |_, asked| grade(asked, 95));
    let said = place.run(&sure.environment(), &["grade", &submission]);
    said.ends(0, "applied: the grade");
    assert!(said.out.contains("80 of 100 points"), "{}", said.out);
    assert!(!said.out.contains("chlorophyll"), "the work is the learner's");
    let operation = said.line("Operation").to_owned();

    // The same version is graded once.
    let again = place.run(&sure.environment(), &["grade", &submission]);
    again.ends(0, "applied: the grade");
    assert_eq!((again.line("Operation"), sure.asked().len()), (operation.as_str(), 1));

    // An unsure one waits for a person, and changes nothing.
    let submission = hand_in(&place, &made, "eve").to_string();
    let unsure = Vendor::with(protocol, |_, asked| grade(asked, 20));
    let said = place.run(&unsure.environment(), &["grade", &submission]);
    let line = said.ends(4, "needs review");
    assert!(line.contains("low_confidence"), "{line}");
    assert!(said.out.contains("80 of 100 points suggested"), "{}", said.out);
    let conn = database(place.out());
    assert_eq!(number(&conn, "SELECT count(*) FROM submissions WHERE grade IS NOT NULL"), 1);
    assert_sound(&conn);

    // A refused grade is no 0.
    let submission = hand_in(&place, &made, "kim").to_string();
    let said = place.run(&answering(json!({})).environment(), &["grade", &submission]);
    said.ends(2, "refused by validation");
    assert_eq!(number(&conn, "SELECT count(*) FROM submissions WHERE grade IS NOT NULL"), 1);
    assert!(!dump(&conn).values().flatten().any(|row| row.contains(KEY)));
}

#[test]
fn every_command_over_every_protocol() {
    PROTOCOLS.iter().copied().for_each(whole_job);
}

/// What cannot be read after the writing has not undone it.
#[test]
fn what_is_written_and_cannot_be_shown_is_not_called_unwritten() {
    let odd = "CAST(x'ff' AS TEXT)";
    for spoiled in [
        format!("INSERT ON lessons BEGIN UPDATE lessons SET title = {odd} WHERE id = NEW.id; END"),
        format!(
            "UPDATE OF status ON ai_logs WHEN NEW.status = 'applied' BEGIN UPDATE ai_logs SET provider = {odd}; END"
        ),
    ] {
        let place = Place::new();
        let vendor = Vendor::saying(PROTOCOLS[0], Say::Text(answers::outline().to_string()));
        place.run(&vendor.environment(), &COURSE).ends(0, "applied: the course is written");
        let conn = database(place.out());
        conn.execute_batch(&format!("CREATE TRIGGER spoiled AFTER {spoiled}")).unwrap();
        let line = place.run(&vendor.environment(), &COURSE).ends(1, "failed: ");
        assert!(line.contains("is written, but cannot be shown") && !line.contains("nothing was written"), "{line}");
        assert_eq!(number(&conn, "SELECT count(*) FROM courses"), 2);
    }
}

#[test]
fn what_fails_ends_with_its_code_and_writes_nothing() {
    for protocol in PROTOCOLS.iter().copied() {
        let place = Place::new();
        let short = answers::without(answers::outline(), "/lessons/0").to_string();
        let mut sent = 0;
        for (say, code, word, kind, attempts) in [
            (Say::Text("{}".to_owned()), 2, "refused by validation: ", "invalid", 2),
            (Say::Text("I would rather talk.".to_owned()), 2, "refused by validation: ", "invalid", 2),
            (Say::Text(short), 2, "refused by validation: ", "invalid", 2),
            (Say::Cut(answers::outline().to_string()), 3, "the provider failed: ", "truncated", 2),
            (Say::Refusal, 3, "the provider failed: ", "refused", 1),
            (Say::Fails(401), 3, "the provider failed: ", "provider_error", 1),
            (Say::Fails(500), 3, "the provider failed: ", "provider_error", 3),
            (Say::NoModel, 3, "the provider failed: ", "provider_error", 1),
            (Say::Html, 3, "the provider failed: ", "provider_error", 0),
            (Say::Nothing, 3, "the provider failed: ", "provider_error", 3),
        ] {
            let vendor = Vendor::saying(protocol, say.clone());
            let said = place.run(&vendor.environment(), &COURSE);
            let line = said.ends(code, word);
            assert!(line.ends_with("; nothing was written"), "{line}");
            let asked = vendor.asked().len();
            // How often a broken protocol is tried again is the engine's business.
            let attempts = if attempts == 0 { asked } else { attempts };
            assert!(asked == attempts && asked > 0, "{say:?}: {asked}");
            let shown = format!("{attempts}: {attempts} {}", kind.replace('_', " "));
            assert!(said.line("Attempts").starts_with(&shown), "{say:?}: {}", said.line("Attempts"));
            sent += attempts;
            let log = place.log();
            assert_eq!(log.len(), sent, "one row for each attempt on the wire: {log:?}");
            assert!(log.iter().rev().take(attempts).all(|status| status == kind), "{say:?}: {log:?}");
            place.assert_nothing_written();
        }
        // Nobody listens.
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        place.run(&environment(protocol, &format!("http://{port}")), &COURSE).ends(3, "the provider failed: ");
        place.assert_nothing_written();
        // And all is as good as new.
        let vendor = Vendor::saying(protocol, Say::Text(answers::outline().to_string()));
        place.run(&vendor.environment(), &COURSE).ends(0, "applied");
        assert_eq!(place.count("courses"), 1);
    }
}

#[test]
fn a_repaired_answer_is_applied_and_every_attempt_is_paid_for() {
    let place = Place::new();
    let vendor = Vendor::with(Protocol::Anthropic, |number, _| match number {
        0 => Say::Text("{}".to_owned()),
        _ => Say::Text(answers::outline().to_string()),
    });
    let said = place.run(&vendor.environment(), &COURSE);
    said.ends(0, "applied");
    assert_eq!(said.line("Attempts"), "2: 1 applied, 1 invalid");
    assert!(said.line("Tokens").starts_with("2000 in, 400 out"), "{}", said.out);
    // 2 US dollars a million in, 10 out.
    assert_eq!(said.line("Cost"), "0.008000 US dollars");
}

// rules: I3
#[test]
fn i3_an_operation_that_is_repeated_is_asked_paid_and_written_once() {
    let place = Place::new();
    let vendor = Vendor::saying(Protocol::Anthropic, Say::Text(answers::outline().to_string()));
    let operation = "0198c0de-0000-7000-8000-000000000001";
    let with = |args: &[&'static str]| [args, &["--operation", operation]].concat();
    let first = place.run(&vendor.environment(), &with(&COURSE));
    first.ends(0, "applied");
    let before = dump(&database(place.out()));
    let again = place.run(&vendor.environment(), &with(&COURSE));
    again.ends(0, "applied");
    assert_eq!((again.line("Operation"), again.line("Written")), (operation, first.line("Written")));
    assert!(again.line("Attempts").contains("1 of them before this run"), "{}", again.out);
    assert_eq!((vendor.asked().len(), dump(&database(place.out()))), (1, before));

    let mut other = with(&COURSE);
    other[2] = "Animals";
    let line = place.run(&vendor.environment(), &other).ends(1, "failed");
    assert!(line.contains("another input"), "{line}");
    assert_eq!((vendor.asked().len(), place.count("courses")), (1, 1));
}

#[test]
fn who_acts_is_told_and_held_to() {
    let place = Place::new();
    let said = place.run(&[], &[&COURSE[..], &["--instructor", "Ada"]].concat());
    said.ends(0, "applied");
    let lesson = said.ids("lesson").remove(0);
    let ada = said.line("As ").trim_start_matches("Ada (").trim_end_matches(')').to_owned();
    // Whoever made the course goes on with it, by default and by id.
    let said = place.run(&[], &["assignment", &lesson]);
    assert!(said.line("As ").starts_with("Ada ("), "{}", said.out);
    place.run(&[], &[&COURSE[..], &["--as", &ada]].concat()).ends(0, "applied");
    assert_eq!(place.count("users"), 1);
    // Another instructor has no rights in it.
    let assignments = place.count("assignments");
    place.run(&[], &["assignment", &lesson, "--instructor", "Mallory"]).ends(1, "failed");
    let nobody = "0198c0de-0000-7000-8000-00000000dead";
    place.run(&[], &[&COURSE[..], &["--as", nobody]].concat()).ends(1, "failed");
    for command in ["body", "quiz", "assignment", "grade", "apply", "show"] {
        place.run(&[], &[command, nobody]).ends(1, "failed");
    }
    assert_eq!((place.count("courses"), place.count("assignments")), (2, assignments));
}

#[test]
fn a_command_or_an_environment_that_is_wrong_ends_with_sixty_four_and_touches_nothing() {
    let place = Place::new();
    let id = "0198c0de-0000-7000-8000-000000000001";
    for args in [
        &[][..],
        &["curse"],
        &["course"],
        &["course", "--topic", ""],
        &["course", "--topic", "x", "--topic", "y"],
        &["course", "--topic", "x", "--lessons", "0"],
        &["course", "--topic", "x", "--lessons", "many"],
        &["course", "--topic", "x", id],
        &["course", "--topic", "x", "--points", "10"],
        &["course", "--topic", "x", "--as", "ben"],
        &["course", "--topic", "x", "--as", id, "--instructor", "Ada"],
        &["course", "--topic", "x", "--operation", "1"],
        &["course", "--topic", "x", "--store", "lms.db"],
        &["course", "--topic"],
        &["quiz"],
        &["quiz", "7"],
        &["quiz", id, "--questions", "31"],
        &["quiz", id, id],
        &["grade", id, "--operation", id],
        &["apply"],
        &["apply", id, "--drop", "x"],
        &["show", id, "--drop", "1"],
        &["--unknown"],
    ] {
        place.run(&[], args).ends(64, "usage: ");
    }
    for (name, value) in
        [("LMS_AI_PROVIDER", "nobody"), ("LMS_AI_PROVIDER", "anthropic"), ("ANTHROPIC_BASE_URL", "http://127.0.0.1:9")]
    {
        place.run(&[(name, value.to_owned())], &COURSE).ends(64, "usage: ");
    }
    assert!(!place.path().exists(), "nothing was done");
    // A database that is not there is not made for work on what is in it.
    place.run(&[], &["quiz", id]).ends(1, "failed: there is no database");
    assert!(!place.path().exists());
    let missing = place.run(&[], &["course", "--source", "none.md"]);
    missing.ends(1, "failed: no file or folder at `none.md`");

    let help = place.run(&[], &["--help"]);
    assert_eq!(help.code, 0);
    for word in ["course", "body", "quiz", "assignment", "grade", "--operation", "--as", "64", "LMS_AI_PROVIDER"] {
        assert!(help.out.contains(word), "{word}");
    }
}

/// What waits for a person is shown with its items by number, and applied less some of them, once.
// rules: I2, I3
#[test]
fn what_waits_for_a_person_is_shown_and_applied_by_its_operation() {
    let place = Place::new();
    let other = Vendor::saying(PROTOCOLS[0], Say::Other(answers::outline().to_string()));
    let said = place.run(&other.environment(), &COURSE);
    let line = said.ends(4, "needs review: nothing was written");
    let operation = said.line("Operation").to_owned();
    assert!(line.contains(&operation) && line.contains("fallback_model"), "{line}");
    place.assert_nothing_written();
    let shown = place.run(&[], &["show", &operation]);
    shown.ends(4, "needs review: nothing was written");
    for wanted in ["1 lesson: Light", "2   topic: Basics", "7 lesson: Soil", "10 objective: Explain what light does"] {
        assert!(said.out.contains(wanted) && shown.out.contains(wanted), "{wanted}: {}", shown.out);
    }
    assert_eq!(shown.line("Look"), "fallback_model");
    // What is not there cannot be dropped, and what is left must stand on its own.
    for (drop, code, word) in [("13", 64, "usage: "), ("0", 64, "usage: "), ("1,4,7", 2, "refused by validation: ")] {
        place.run(&[], &["apply", &operation, "--drop", drop]).ends(code, word);
    }
    place.run(&[], &["apply", &operation, "--instructor", "Mallory"]).ends(1, "failed: there is no such proposal");
    assert_eq!(place.count("courses"), 0);
    // Without the second lesson, with its topics, and the last one's first topic.
    let made = place.run(&[], &["apply", &operation, "--drop", "4", "--drop", "8"]);
    made.ends(0, "applied: the course is written");
    assert!(made.line("As ").starts_with("Instructor ("), "who asked for it acts: {}", made.out);
    assert!(made.out.contains("lesson: Water  (dropped)"), "{}", made.out);
    assert_eq!((made.ids("lesson").len(), made.ids("topic").len(), other.asked().len()), (2, 3, 1));
    // Once more shows what stands.
    let again = place.run(&[], &["apply", &operation]);
    again.ends(0, "applied");
    assert_eq!((again.line("Written"), place.count("courses")), (made.line("Written"), 1));
    place.run(&[], &["show", &operation]).ends(0, "applied: it waits for nobody");
    // What stands is not said to be dropped.
    let late = place.run(&[], &["apply", &operation, "--drop", "1"]);
    assert!(late.ends(64, "usage: ").contains("was applied already"), "{}", late.err);
    assert!(!late.out.contains("(dropped)"), "{}", late.out);
    let nobody = "0198c0de-0000-7000-8000-00000000dead";
    place.run(&[], &["apply", nobody]).ends(1, "failed: there is no such proposal");

    // A text, a quiz and an assignment alike, by the instructor of the course.
    let (lesson, topic) = (made.ids("lesson").remove(0), made.ids("topic").remove(0));
    let other = |answer: Value| Vendor::saying(PROTOCOLS[0], Say::Other(answer.to_string())).environment();
    for (answer, args, drop, applied, wanted) in [
        (answers::body(), vec!["body", &topic], "3", "applied: the text", "key point: Sugar is the store of energy."),
        (quiz(), vec!["quiz", &lesson, "--questions", "1"], "", "applied: the quiz", "question: By which means"),
        (assignment(), vec!["assignment", &lesson], "2", "applied: the assignment", "criterion: The night"),
    ] {
        let waits = place.run(&other(answer), &args);
        waits.ends(4, "needs review: nothing was written");
        assert!(waits.out.contains(wanted), "{}", waits.out);
        let mut apply = vec!["apply", waits.line("Operation")];
        apply.extend(["--drop", drop].iter().filter(|_| !drop.is_empty()));
        place.run(&[], &apply).ends(0, applied);
    }
    assert_eq!((place.count("quizzes"), place.count("assignments")), (1, 1));
    assert_sound(&database(place.out()));
}

/// A suggested grade becomes the grade of the person who acts.
// rules: S9, S11
#[test]
fn s11_a_suggested_grade_is_applied_by_its_operation() {
    let place = Place::new();
    let answering = |answer: Value| Vendor::saying(PROTOCOLS[0], Say::Text(answer.to_string())).environment();
    let outline = place.run(&answering(answers::outline()), &COURSE);
    let (course, lesson) = (outline.ids("course").remove(0), outline.ids("lesson").remove(0));
    let made = place.run(&answering(assignment()), &["assignment", &lesson]).ids("assignment").remove(0);
    let submission = hand_in(&place, &made, "eve").to_string();
    let unsure = Vendor::with(PROTOCOLS[0], |_, asked| grade(asked, 20));
    let said = place.run(&unsure.environment(), &["grade", &submission]);
    said.ends(4, "needs review: the grade is a suggestion");
    let operation = said.line("Operation").to_owned();
    let shown = place.run(&[], &["show", &operation]);
    shown.ends(4, "needs review");
    assert!(shown.out.contains("80 of 100 points"), "{}", shown.out);
    // Why it waits, and what the learner would read.
    assert!(shown.line("Look").contains("low_confidence"), "{}", shown.out);
    assert!(!shown.line("Feedback").is_empty(), "{}", shown.out);
    for wanted in ["45 of ", "35 of ", "The passage says it.", "\"Plants take in light with chlorophyll\""] {
        assert!(shown.out.contains(wanted), "{wanted}: {}", shown.out);
    }
    place.run(&[], &["apply", &operation, "--drop", "1"]).ends(64, "usage: ");
    let graded = place.run(&[], &["apply", &operation]);
    graded.ends(0, "applied: the grade is written");
    let conn = database(place.out());
    assert_eq!(texts(&conn, "SELECT grader_kind FROM submissions WHERE grade IS NOT NULL"), ["human"]);
    place.run(&[], &["apply", &operation]).ends(1, "failed: there is no such proposal");
    assert_sound(&conn);

    // Both marks stand side by side, and are compared.
    let store = format!("sqlite:{}", place.path().display());
    let evaluate = |args: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_evaluate_grader"));
        command.args(args).current_dir(place.out()).stdin(Stdio::null()).output().unwrap()
    };
    let report = evaluate(&["--store", &store, "--course", &course, "--json"]);
    assert_eq!(text(&report.stderr), "");
    let report: Value = serde_json::from_slice(&report.stdout).unwrap();
    assert_eq!(
        (&report[0]["n"], &report[0]["taken_over"], &report[0]["marked_before_ai"]),
        (&json!(1), &json!(1), &json!(0))
    );
    assert_eq!(report[0]["assignment_id"], json!(made));
    let shown = text(&evaluate(&["--store", &store, "--course", &course]).stdout);
    assert!(
        shown.contains("took over 1 as suggested") && shown.contains("Scale      0 to 100 in steps of 1"),
        "{shown}"
    );
    // And so do those of an answer to an essay question, on a scale of its own.
    let question = mark_an_answer(&place, &course, "eve");
    let report = evaluate(&["--store", &store, "--course", &course, "--json"]);
    let report: Value = serde_json::from_slice(&report.stdout).unwrap();
    let told = |n: usize| (&report[n]["n"], &report[n]["taken_over"], &report[n]["title"]);
    assert_eq!(report[0]["assignment_id"], json!(made));
    assert_eq!(report[1]["question_id"], json!(question), "{report}");
    assert_eq!(told(1), (&json!(1), &json!(0), &json!("How do plants take in light with chlorophyll?")));
    let shown = text(&evaluate(&["--store", &store, "--course", &course]).stdout);
    assert!(shown.contains(&format!("Question {question} ")) && shown.contains("Scale      0 to 10 in"), "{shown}");
    let nobody = "0198c0de-0000-7000-8000-00000000dead";
    for (args, code) in [
        (&["--store", &store, "--course", nobody][..], 1),
        (&["--store", "sqlite:none.db", "--course", &course], 1),
        (&["--store", &store], 64),
        (&["--store", &store, "--course", &course, "--runs", "2"], 64),
        (&["marks.csv", "--course", &course], 64),
    ] {
        let said = evaluate(args);
        assert_eq!((said.status.code(), text(&said.stderr).lines().count()), (Some(code), 1), "{args:?}");
    }
}

/// An outline that had to join or leave out chapters of its source says which; a whole one says nothing.
#[test]
fn what_an_outline_joined_or_left_out_is_said() {
    let place = Place::new();
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/data/source.md");
    let whole = place.run(&[], &["course", "--source", source]);
    whole.ends(0, "applied");
    assert!(!whole.out.contains("note: "), "{}", whole.out);
    let joined = place.run(&[], &["course", "--source", source, "--lessons", "2"]);
    joined.ends(0, "applied");
    assert_eq!(joined.ids("lesson").len(), 2);
    let note = joined.out.lines().find(|line| line.contains("note: ")).unwrap();
    let chapters = whole.ids("lesson").len();
    assert!(note.contains(&format!("{chapters} of {chapters} chapters share a lesson with others: ")), "{note}");
}

/// The code of the texts is that of the first that is not written, and the line says exactly how many are.
#[test]
fn the_texts_of_a_course_say_what_was_written_and_end_with_the_first_failure() {
    type Answer = fn(usize) -> Say;
    fn text() -> Say {
        Say::Text(answers::body().to_string())
    }
    let table: [(Answer, i32, &str, &str, i64); 6] = [
        (|_| text(), 0, "applied: all texts are written", "", 6),
        // The second text breaks the rules, also when it is repaired; the others are written.
        (
            |n| if n == 1 || n == 2 { Say::Text("{}".to_owned()) } else { text() },
            2,
            "refused by validation: ",
            "5 texts were written, 1 is not",
            5,
        ),
        (
            |n| if n == 2 { Say::Refusal } else { text() },
            3,
            "the provider failed: ",
            "5 texts were written, 1 is not",
            5,
        ),
        (
            |n| if n == 0 { Say::Other(answers::body().to_string()) } else { text() },
            4,
            "needs review: ",
            "5 texts were written, 1 is not",
            5,
        ),
        // A key that is turned down in the middle ends the run, and what was written stays.
        (
            |n| if n == 1 { Say::Fails(401) } else { text() },
            3,
            "the provider failed: ",
            "1 text was written, 5 are not",
            1,
        ),
        // The first text that is not written gives the code, whatever ends the run after it.
        (
            |n| if n < 2 { Say::Text("{}".to_owned()) } else { Say::Fails(401) },
            2,
            "refused by validation: ",
            "nothing was written, 6 are not",
            0,
        ),
    ];
    for (answer, code, word, told, written) in table {
        let place = Place::new();
        let outline = Vendor::saying(PROTOCOLS[0], Say::Text(answers::outline().to_string()));
        let course = place.run(&outline.environment(), &COURSE).ids("course").remove(0);
        let vendor = Vendor::with(PROTOCOLS[0], move |number, _| answer(number));
        let said = place.run(&vendor.environment(), &["bodies", &course]);
        let line = said.ends(code, word);
        assert!(line.contains(told), "{line}");
        assert!(said.out.contains(&format!("texts of course {course}: {written} written")), "{}", said.out);
        let applied = "SELECT count(*) FROM ai_logs WHERE kind = 'lesson_body' AND status = 'applied'";
        assert_eq!(number(&database(place.out()), applied), written, "{line}");
    }
    // Where nothing was written, it says so.
    let place = Place::new();
    let outline = Vendor::saying(PROTOCOLS[0], Say::Text(answers::outline().to_string()));
    let course = place.run(&outline.environment(), &COURSE).ids("course").remove(0);
    let vendor = Vendor::saying(PROTOCOLS[0], Say::Fails(401));
    let line = place.run(&vendor.environment(), &["bodies", &course]).ends(3, "the provider failed: ");
    assert!(line.contains("nothing was written"), "{line}");
}

/// All texts of a course in one command, within a limit: again, it goes on with what is missing.
#[test]
fn the_texts_of_a_course_are_one_command_within_a_limit() {
    let place = Place::new();
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/data/source.md");
    let said = place.run(&[], &["course", "--source", source, "--max-cost", "0.01"]);
    said.ends(0, "applied: the course is written");
    let (course, topics) = (said.ids("course").remove(0), said.ids("topic"));
    let first = place.run(&[], &["bodies", &course, "--source", source]);
    assert!([0, 2].contains(&first.code), "{}\n{}", first.out, first.err);
    let conn = database(place.out());
    let applied = "SELECT count(*) FROM ai_logs WHERE kind = 'lesson_body' AND status = 'applied'";
    let written = number(&conn, applied);
    assert!(written > 0 && written <= topics.len() as i64, "{}", first.out);
    assert!(first.out.contains(&format!("texts of course {course}: {written} written")), "{}", first.out);
    let again = place.run(&[], &["bodies", &course, "--source", source]);
    assert!(again.out.contains(&format!("{written}  had their text")), "{}", again.out);
    assert_sound(&conn);

    // Nothing is sent that may cost more than the command may.
    let place = Place::new();
    let vendor = Vendor::with(PROTOCOLS[0], |_, _| Say::Text(answers::outline().to_string()));
    let args: Vec<&str> = COURSE.into_iter().chain(["--max-cost", "0.000001"]).collect();
    let said = place.run(&vendor.environment(), &args);
    assert!(said.ends(1, "failed").contains("operation"), "{}", said.err);
    assert_eq!(vendor.asked().len(), 0);
    place.assert_nothing_written();
    for wrong in ["0", "-1", "free", "1e9", "0.0000001"] {
        let args: Vec<&str> = COURSE.into_iter().chain(["--max-cost", wrong]).collect();
        place.run(&[], &args).ends(64, "usage: --max-cost");
    }
}
