//! What the log holds of each call: enough to render the prompt again, and nothing secret; and who a
//! student is never leaves the house.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "these are tests")]

mod support;

use lms_ai::offline::{OFFLINE_MODEL, Offline};
use lms_ai::provider::{Reply, Scripted};
use lms_ai::text::Pseudonyms;
use lms_ai::{About, Ai, AiConfig, AssignmentBrief, QuizBrief};
use lms_core::ai::{Part, Trust};
use lms_core::lms::{EnrollOptions, NewSubmission, NewUser};
use lms_core::model::{AiLog, AiLogStatus, CriterionScore, Role};
use serde::Deserialize;
use serde_json::json;
use sha2::{Digest, Sha256};
use support::traces::traced;
use support::*;
use uuid::Uuid;

/// What a log row holds of its prompt.
#[derive(Deserialize)]
struct Logged {
    system: String,
    parts: Vec<Part>,
}

fn hex(bytes: impl AsRef<[u8]>) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The hash of a prompt as the log defines it.
fn prompt_hash(prompt: &Logged) -> String {
    let mut bytes = prompt.system.clone().into_bytes();
    for part in &prompt.parts {
        for field in [&part.label, &part.text] {
            bytes.push(0);
            bytes.extend_from_slice(field.as_bytes());
        }
    }
    hex(bytes)
}

fn logged(row: &AiLog) -> Logged {
    serde_json::from_str(row.prompt_text.as_deref().unwrap()).unwrap()
}

/// From a text to a course with bodies, quizzes, an assignment and a grade, by the offline provider:
/// every row's prompt renders again, byte for byte.
// rules: I2, S11
#[tokio::test]
async fn i2_every_prompt_in_the_log_renders_again_to_its_hash() {
    let world = World::memory().await;
    let teacher = world.teacher();
    let ai = Ai::new(world.lms.clone(), Offline, OFFLINE_MODEL);
    ai.write_body(&teacher, world.topic, Some(LESSON), About::default()).await.unwrap();
    let written = ai.create_course(&teacher, &brief(), About::default()).await.unwrap();
    for (_, topics) in &written.lessons {
        for topic in topics {
            ai.write_body(&teacher, *topic, Some(LESSON), About::default()).await.unwrap();
        }
    }
    let quiz = QuizBrief { count: 1, ..QuizBrief::default() };
    ai.create_quiz(&teacher, world.lesson, &quiz, About::default()).await.unwrap();
    ai.create_assignment(&teacher, world.lesson, &AssignmentBrief::default(), About::default()).await.unwrap();
    let work = world.work(ESSAY).await;
    ai.grade_submission(work).await.unwrap();

    let rows = world.logs().await;
    let kinds = |kind: &str| rows.iter().filter(|row| row.kind == kind).count();
    assert!(kinds("outline") == 1 && kinds("lesson_body") >= 2 && kinds("quiz") == 1, "{}", rows.len());
    assert_eq!((kinds("assignment"), kinds("grade")), (1, 1));
    for row in &rows {
        let mut prompt = logged(row);
        let redacted = if row.kind == "grade" { "redacted" } else { "full" };
        assert_eq!(row.redaction, redacted, "{}", row.kind);
        if row.kind == "grade" {
            assert!(!row.prompt_text.as_deref().unwrap().contains("chlorophyll"), "the work is not in the log twice");
            let code: String = serde_json::from_str(&prompt.parts[1].text).unwrap();
            let frame = format!("UNTRUSTED {code}\n{}\nEND {code}", json!(ESSAY));
            let part = prompt.parts.iter_mut().find(|part| part.trust == Trust::Untrusted).unwrap();
            let placeholder = format!("[sha256={} bytes={} submission={}]", hex(&frame), frame.len(), work.uuid());
            assert_eq!(part.text, placeholder);
            part.text = frame;
        }
        assert_eq!(prompt_hash(&prompt), row.prompt_sha256, "{}", row.kind);
        let answer = row.response_text.as_deref().unwrap();
        assert_eq!(hex(answer), row.response_sha256.clone().unwrap(), "{}", row.kind);
        assert!(matches!(row.status, AiLogStatus::Applied | AiLogStatus::Review), "{}: {:?}", row.kind, row.status);
        assert_eq!((row.provider.as_str(), row.model_served.as_deref()), ("offline", Some(OFFLINE_MODEL)));
        assert!(row.schema_sha256.len() == 64 && row.input_sha256.len() == 64);
        let of_host = row.kind == "grade";
        assert_eq!(row.actor_id.is_none(), of_host, "{}", row.kind);
        assert_eq!(row.subject_type.is_some() && row.course_id.is_some(), row.kind != "outline", "{}", row.kind);
    }
}

/// A student whose name, address and number stand all over the work: none of it is sent, none of it is
/// in the log, and the feedback calls them by their name.
// rules: S11
#[tokio::test]
async fn s11_no_provider_and_no_log_learns_who_the_student_is() {
    let traces = traced();
    let world = World::memory().await;
    let new = NewUser {
        email: Some("zenobia.quillfeather@uni.test".into()),
        ..NewUser::new(Role::Student, "Zenobia Quillfeather").with_external_id("matr-77123")
    };
    let student = world.lms.system().people().ensure_user(new).await.unwrap().id;
    world.teacher().enrollment().enroll(world.room.course, student, EnrollOptions::default()).await.unwrap();
    let text = format!(
        "By Zenobia Quillfeather (ZENOBIA.QUILLFEATHER@uni.test, matr-77123). {ESSAY} Zenobia's leaf was green. \
         Write to me or to my friend at friend@elsewhere.test!"
    );
    let session = world.lms.as_user(student);
    let id = session.assignments().submit(world.assignment, NewSubmission::text(text.clone())).await.unwrap().id;
    let quote = "[STUDENT_1]'s leaf was green";
    let answer = with(grade(), "/criteria/0/evidence", json!([quote]));
    let answer =
        with(answer, "/feedback", json!("[STUDENT_1], you explain well how the light is taken in by the leaf."));
    // A repair, so that what was answered goes out again, too.
    let bad = with(answer.clone(), "/criteria/0/points", json!(11));
    let script = Script::new(Scripted::new().then(Reply::json(&bad)).then(Reply::json(&answer)));
    world.ai(script.clone()).grade_submission(id).await.unwrap();

    let names = ["zenobia", "quillfeather", "matr-77123", "uni.test", "elsewhere.test"];
    let sent = serde_json::to_string(&script.0.requests()).unwrap().to_lowercase();
    let rows = serde_json::to_string(&world.logs().await).unwrap().to_lowercase();
    let traces = traces.text().to_lowercase();
    assert!(sent.contains("[student_1]") && sent.contains("[email]") && rows.contains("\"grade\""));
    assert!(traces.contains("ai.grade"), "the spans are seen at all");
    for name in names {
        assert!(!sent.contains(name), "{name} was sent");
        assert!(!rows.contains(name), "{name} is in the log");
        assert!(!traces.contains(name), "{name} was traced");
    }
    let student = student.uuid().to_string();
    assert!(!sent.contains(&student) && !sent.contains(&student.replace('-', "")), "nor the id");

    let row = world.submission(id).await;
    assert!(row.feedback.as_deref().unwrap().starts_with("Zenobia Quillfeather, you explain well"));
    let scores: Vec<CriterionScore> = row.rubric_scores.unwrap().read().unwrap();
    // The evidence is the work's own words, though the model was shown others; and where they stood is on record.
    assert_eq!(scores[0].evidence, ["Zenobia's leaf was green"]);
    assert!(text.contains(&scores[0].evidence[0]));
    let rows = world.operation(world.operation_of(What::Grade(id), Uuid::nil()).await).await;
    let notes: Vec<String> = rows[1].notes.read().unwrap();
    // The redacted prompt renders again from the work and its author.
    let people =
        vec![vec!["Zenobia Quillfeather", "Zenobia", "Quillfeather", "zenobia.quillfeather@uni.test", "matr-77123"]];
    let work = Pseudonyms::new(&people).apply(&text).text;
    let at = work.find(quote).unwrap();
    let place = format!("evidence:/criteria/0/evidence/0:{at}-{}", at + quote.len());
    assert!(notes.contains(&place), "{notes:?}");
    let first = &rows[0];
    let mut prompt = logged(first);
    let code: String = serde_json::from_str(&prompt.parts[1].text).unwrap();
    prompt.parts[2].text = format!("UNTRUSTED {code}\n{}\nEND {code}", json!(work));
    assert_eq!(prompt_hash(&prompt), first.prompt_sha256);
}

/// Who asks goes to providers as an opaque word, which is another one in another installation.
#[tokio::test]
async fn providers_learn_an_opaque_word_for_who_asks() {
    let world = World::memory().await;
    let id = world.room.instructor.uuid().to_string();
    let mut words = Vec::new();
    for secret in [1_u8, 1, 2] {
        let script = Script::new(Scripted::new().then(Reply::json(&outline())));
        let ai = world.ai_with(script.clone(), |config| config.secret = vec![secret; 32]);
        ai.create_course(&world.teacher(), &brief(), About::default()).await.unwrap();
        let request = script.0.requests().remove(0);
        let sent = serde_json::to_string(&request).unwrap();
        assert!(!sent.contains(&id) && !sent.contains("Ines Instructor"), "{sent}");
        words.push(request.meta.actor);
    }
    assert!(words[0] == words[1] && words[0] != words[2] && words[0].len() == 32, "{words:?}");
}

/// The installation's own secret is none of a debugger's business either.
#[test]
fn the_debug_of_a_configuration_hides_its_secret() {
    let mut config = AiConfig::new(MODEL);
    config.secret = b"hunter2-hunter2-hunter2".to_vec();
    let said = format!("{config:?} {config:#?}");
    assert!(said.contains(MODEL) && said.contains("max_repairs"), "{said}");
    assert!(!said.contains(&format!("{:?}", config.secret)) && !said.contains("104, 117") && !said.contains("hunter"));
    assert!(!said.contains("104,\n"), "{said}");
}
