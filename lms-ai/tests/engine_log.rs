//! What the log keeps of the texts: as much as the host says, for as long as it says, and enough to read a
//! prompt again as it was sent.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "these are tests")]

mod support;

use std::collections::BTreeMap;

use lms_ai::provider::{Reply, Scripted};
use lms_ai::{About, AiError, Redaction};
use lms_core::ai::Trust;
use lms_core::lms::NewUser;
use lms_core::model::AiLogStatus::*;
use lms_core::model::{AiLog, Role};
use serde_json::json;
use support::*;
use uuid::Uuid;

const OPERATION: Uuid = Uuid::from_u128(7);

fn script(replies: impl IntoIterator<Item = Reply>) -> Script {
    Script::new(replies.into_iter().fold(Scripted::new(), Scripted::then))
}

fn keep(kind: &str, redaction: Redaction) -> BTreeMap<String, Redaction> {
    BTreeMap::from([(kind.to_owned(), redaction)])
}

fn texts(row: &AiLog) -> (bool, bool) {
    (row.prompt_text.is_some(), row.response_text.is_some())
}

/// The work of a student is redacted unless the host says otherwise; everything else is whole.
// rules: I2
#[tokio::test]
async fn i2_texts_are_kept_as_the_host_says() {
    let world = World::memory().await;
    for (redaction, word, has_work) in [
        (None, "redacted", false),
        (Some(Redaction::Redacted), "redacted", false),
        (Some(Redaction::Full), "full", true),
        (Some(Redaction::Metadata), "metadata", false),
    ] {
        let work = world.work(ESSAY).await;
        let bad = Reply::json(&with(grade(), "/criteria/0/points", json!(11)));
        let ai = world.ai_with(script([bad, Reply::json(&grade())]), |config| {
            config.redaction = redaction.map(|r| keep("grade", r)).unwrap_or_default();
        });
        ai.grade_submission(work).await.unwrap();
        let rows = world.operation(world.operation_of(What::Grade(work), Uuid::nil()).await).await;
        assert_eq!(rows.iter().map(|row| row.status).collect::<Vec<_>>(), [Invalid, Applied]);
        for row in rows {
            assert_eq!(row.redaction, word, "{redaction:?}");
            let said = row.prompt_text.clone().unwrap_or_default();
            assert_eq!(said.contains("chlorophyll"), has_work, "{redaction:?}");
            let whole = redaction != Some(Redaction::Metadata);
            assert_eq!(texts(&row), (whole, whole), "{redaction:?}");
            let hashes = [&row.prompt_sha256, &row.system_sha256, &row.schema_sha256, &row.input_sha256];
            assert!(hashes.iter().all(|hash| hash.len() == 64) && row.response_sha256.is_some());
        }
    }
    // A setting is for the task that it names.
    let ai = world.ai_with(script([Reply::json(&outline())]), |config| {
        config.redaction = keep("grade", Redaction::Metadata);
    });
    world.run(&ai, What::Outline, OPERATION).await.unwrap();
    let row = &world.operation(OPERATION).await[0];
    assert_eq!((row.redaction.as_str(), texts(row)), ("full", (true, true)));
}

/// Without texts, a proposal still waits in the log until it is applied, without a second call; then only
/// the fact remains that the operation is done.
// rules: I2, I3
#[tokio::test]
async fn i3_without_texts_an_operation_is_done_and_paid_once() {
    let world = World::memory().await;
    let about = About { operation_id: Some(OPERATION), ..About::default() };
    let script = script([Reply::json(&outline())]);
    let ai = world.ai_with(script.clone(), |config| config.redaction = keep("outline", Redaction::Metadata));
    ai.propose_course(&world.teacher(), &brief(), about).await.unwrap();
    assert_eq!(texts(&world.operation(OPERATION).await[0]), (false, true), "it waits to be applied");
    ai.create_course(&world.teacher(), &brief(), about).await.unwrap();
    assert_eq!((script.calls(), texts(&world.operation(OPERATION).await[0])), (1, (false, false)));
    let before = world.tables().await;
    let error = ai.create_course(&world.teacher(), &brief(), about).await.unwrap_err();
    assert_eq!((error.code(), error.class()), ("ai.answer_gone", lms_core::Class::Conflict));
    assert_eq!((script.calls(), differences(&before, &world.tables().await)), (1, vec![]));
}

/// After the days that the host set, the background work blanks the texts; a proposal that nobody applied
/// is asked for anew.
// rules: DETAILS 52
#[tokio::test]
async fn texts_are_kept_for_as_many_days_as_the_host_says() {
    let world = World::memory().await;
    let about = About { operation_id: Some(OPERATION), ..About::default() };
    let script = script([Reply::json(&outline()), Reply::json(&outline())]);
    let ai = world.ai_with(script.clone(), |config| config.keep_days = Some(30));
    ai.propose_course(&world.teacher(), &brief(), about).await.unwrap();
    let row = &world.operation(OPERATION).await[0];
    assert_eq!(row.expires_at, Some(world.lms.now().plus_seconds(30 * 86_400)));
    world.clock.advance(30 * 86_400 - 1);
    assert_eq!(world.lms.tick().await.unwrap().blanked, 0);
    world.clock.advance(1);
    assert_eq!(world.lms.tick().await.unwrap().blanked, 1);
    let row = &world.operation(OPERATION).await[0];
    assert_eq!((row.status, texts(row)), (Dropped, (false, false)));
    assert_eq!((row.tokens_in, row.prompt_sha256.len()), (100, 64), "its numbers stay");
    ai.create_course(&world.teacher(), &brief(), about).await.unwrap();
    assert_eq!((script.calls(), world.statuses(OPERATION).await), (2, vec![Dropped, Applied]));
    // Unless the host says so, texts stay.
    let ai = world.ai(self::script([Reply::json(&outline())]));
    world.run(&ai, What::Outline, Uuid::from_u128(8)).await.unwrap();
    assert_eq!(world.operation(Uuid::from_u128(8)).await[0].expires_at, None);
}

/// An admin reads a redacted prompt as it was sent: the work without its author's name, and what the repair
/// quoted.
// rules: I2, D5
#[tokio::test]
async fn i2_a_redacted_prompt_is_read_again_as_it_was_sent() {
    let world = World::memory().await;
    let work = world.work(&format!("By Somebody Else. {ESSAY}")).await;
    let bad = Reply::json(&with(grade(), "/criteria/0/points", json!(11)));
    let script = script([bad, Reply::json(&grade())]);
    let ai = world.ai(script.clone());
    ai.grade_submission(work).await.unwrap();
    let rows = world.operation(world.operation_of(What::Grade(work), Uuid::nil()).await).await;
    let admin = world.lms.as_user(world.room.admin);
    for (row, request) in rows.iter().zip(script.0.requests()) {
        for session in [&admin, &world.teacher(), &world.lms.system()] {
            let read = ai.logged_prompt(session, row.id).await.unwrap();
            assert!(read.whole);
            assert_eq!((read.system.as_str(), &read.parts), (request.system.as_str(), &request.parts));
        }
        assert!(request.parts.iter().any(|part| part.text.contains("By [STUDENT_1].")));
    }
    // Nobody else reads it: not its author, not another teacher.
    let stranger = world.lms.system().people().ensure_user(NewUser::new(Role::Instructor, "Else")).await.unwrap().id;
    let student = world.submission(work).await.student_id;
    for who in [stranger, student] {
        let error = ai.logged_prompt(&world.lms.as_user(who), rows[0].id).await.unwrap_err();
        assert_eq!(error.code(), "not_found");
    }
    // A whole prompt is whole.
    world.run(&world.ai(self::script([Reply::json(&outline())])), What::Outline, OPERATION).await.unwrap();
    let outline = &world.operation(OPERATION).await[0];
    assert!(ai.logged_prompt(&admin, outline.id).await.unwrap().whole);
    // Once the author is forgotten there is nothing to put back.
    admin.people().erase_person(student).await.unwrap();
    let error = ai.logged_prompt(&admin, rows[0].id).await.unwrap_err();
    assert!(matches!(error, AiError::AnswerGone), "{error}");
    assert!(world.operation(rows[0].operation_id).await.iter().all(|row| texts(row) == (false, false)));
}

/// What cannot be put back stays a placeholder, and the prompt does not pass for whole.
#[tokio::test]
async fn a_prompt_that_cannot_be_put_together_again_says_so() {
    let world = World::memory().await;
    let work = world.work(ESSAY).await;
    let ai = world.ai(script([Reply::json(&grade())]));
    ai.grade_submission(work).await.unwrap();
    let row = &world.operation(world.operation_of(What::Grade(work), Uuid::nil()).await).await[0];
    // Somebody changes the work around the library.
    world.sql("UPDATE submissions SET content = 'Something else altogether, about plants and their light.'").await;
    let read = ai.logged_prompt(&world.teacher(), row.id).await.unwrap();
    assert!(!read.whole);
    let part = read.parts.iter().find(|part| part.trust == Trust::Untrusted).unwrap();
    assert!(part.text.starts_with("[sha256=") && part.text.contains(&work.uuid().to_string()), "{}", part.text);
}

/// An answer for a person who was forgotten meanwhile leaves its numbers and none of its words.
// rules: D5
#[tokio::test]
async fn d5_an_answer_that_comes_after_the_person_was_forgotten_is_not_kept() {
    let world = std::sync::Arc::new(World::memory().await);
    let work = world.work(ESSAY).await;
    let student = world.submission(work).await.student_id;
    let theirs = std::sync::Arc::downgrade(&world);
    let provider = Acting::new(Scripted::new().then(Reply::json(&grade())), move |_| {
        let world = theirs.upgrade().unwrap();
        async move {
            world.lms.as_user(world.room.admin).people().erase_person(student).await.unwrap();
        }
    });
    let error = world.ai(provider).grade_submission(work).await.unwrap_err();
    assert!(matches!(error, AiError::InProgress), "{error}");
    let row = &world.operation(world.operation_of(What::Grade(work), Uuid::nil()).await).await[0];
    assert_eq!((row.status, texts(row), row.tokens_in), (Dropped, (false, false), 100));
    assert_eq!(world.submission(work).await.grade, None);
}
