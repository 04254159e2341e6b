//! Other ways to an answer: another model, the schema in the prompt, more room; each once, each on record.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "these are tests")]

mod support;

use std::time::Duration;

use lms_ai::provider::{Reply, Scripted};
use lms_ai::{AiError, Selection};
use lms_core::ai::{AiRequest, ModelProfile, Price, ProviderError, ProviderErrorKind as Kind, Retry, Stop};
use lms_core::model::AiLogStatus::*;
use lms_core::model::{AiGradingState, AiLog};
use serde_json::{Value, json};
use support::*;
use uuid::Uuid;

const OPERATION: Uuid = Uuid::from_u128(7);
const OTHER: &str = "other-model-1";

fn failure(kind: Kind, retry: Retry) -> ProviderError {
    ProviderError::new(kind, retry)
}

fn refusal() -> Reply {
    Reply::text("").stop(Stop::Refused { category: Some("harm".into()) })
}

fn models(script: &Script) -> Vec<String> {
    script.0.requests().into_iter().map(|request| request.model).collect()
}

fn notes(row: &AiLog) -> Vec<String> {
    row.notes.read().unwrap()
}

/// A model that has refused, that is gone, or that stays overloaded, is not asked again; the fallback is, once.
// rules: I2
#[tokio::test(start_paused = true)]
async fn i2_the_fallback_answers_where_the_model_does_not() {
    let world = World::memory().await;
    let good = || Reply::json(&outline());
    let busy = || failure(Kind::Overloaded, Retry::Now);
    let gone = || failure(Kind::ModelUnavailable, Retry::Never);
    let cases: Vec<(&str, Scripted, usize)> = vec![
        ("refused", Scripted::new().then(refusal()).then(good()), 1),
        ("gone", Scripted::new().then_error(gone()).then(good()), 1),
        ("circuit open", Scripted::new().then_error(failure(Kind::CircuitOpen, Retry::Never)).then(good()), 1),
        ("overloaded", Scripted::new().then_error(busy()).then_error(busy()).then_error(busy()).then(good()), 3),
    ];
    for (n, (name, scripted, before)) in cases.into_iter().enumerate() {
        let operation = Uuid::from_u128(n as u128 + 1);
        let script = Script::new(scripted);
        let ai = world.ai_with(script.clone(), |config| config.fallback_model = Some(OTHER.into()));
        let about = lms_ai::About { operation_id: Some(operation), ..Default::default() };
        let accepted = ai.propose_course(&world.teacher(), &brief(), about).await.unwrap();
        let asked: Vec<String> = (0..before).map(|_| MODEL.to_owned()).chain([OTHER.to_owned()]).collect();
        assert_eq!(models(&script), asked, "{name}");
        let codes = |reasons: &[lms_ai::ReviewReason]| reasons.iter().map(|r| r.code()).collect::<Vec<_>>();
        assert_eq!(codes(accepted.review_reasons()), ["fallback_model"], "{name}");
        let rows = world.operation(operation).await;
        assert_eq!(rows.iter().map(|row| row.model_requested.clone()).collect::<Vec<_>>(), asked, "{name}");
        let why: Vec<String> = rows[..before].iter().flat_map(notes).collect();
        assert_eq!(why, if name == "refused" { vec!["refused:harm"] } else { vec![] }, "{name}");
        assert_eq!(notes(&rows[before]), ["fallback_model"], "{name}");
        // Applied from the log later, by whatever instance, it still is the other model's.
        let idle = world.ai(Script::new(Scripted::new()));
        let stored = idle.propose_course(&world.teacher(), &brief(), about).await.unwrap();
        assert_eq!(codes(stored.review_reasons()), ["fallback_model"], "{name}");
        assert_eq!(stored.calls(), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn without_a_fallback_or_after_it_a_failure_is_final() {
    let world = World::memory().await;
    let gone = || failure(Kind::ModelUnavailable, Retry::Never);
    let both = || Scripted::new().then(refusal()).then(refusal()).then(Reply::json(&outline()));
    for (n, (scripted, fallback, code, calls)) in [
        (both(), None, "ai.refused", 1),
        (both(), Some(OTHER), "ai.refused", 2),
        (both(), Some(MODEL), "ai.refused", 1),
        (Scripted::new().then_error(gone()).then_error(gone()), Some(OTHER), "ai.model_unavailable", 2),
        (Scripted::new().then(refusal()).then_error(gone()), Some(OTHER), "ai.model_unavailable", 2),
        // What is no fault of the model's is none of another model's.
        (Scripted::new().then_error(failure(Kind::Auth, Retry::Never)), Some(OTHER), "ai.auth", 1),
        (
            Scripted::new().then_error(failure(Kind::RateLimited, Retry::After(Duration::from_secs(90)))),
            Some(OTHER),
            "ai.rate_limited",
            1,
        ),
    ]
    .into_iter()
    .enumerate()
    {
        let script = Script::new(scripted);
        let ai = world.ai_with(script.clone(), |config| config.fallback_model = fallback.map(str::to_owned));
        let error = world.run(&ai, What::Outline, Uuid::from_u128(n as u128 + 1)).await.unwrap_err();
        assert_eq!((error.code(), script.calls()), (code, calls), "case {n}");
    }
}

/// What another model answers is not written by itself: it waits as a proposal, for a person to apply.
// rules: L4
#[tokio::test]
async fn content_by_another_model_waits_for_a_person() {
    let world = World::memory().await;
    let teacher = world.teacher();
    for (n, what) in [What::Outline, What::Quiz, What::Assignment, What::Body].into_iter().enumerate() {
        let operation = Uuid::from_u128(n as u128 + 1);
        let script = Script::new(Scripted::new().then(Reply::json(&what.good()).model(OTHER)));
        let ai = world.ai(script.clone());
        let before = world.tables().await;
        for _ in 0..2 {
            let error = world.run(&ai, what, operation).await.unwrap_err();
            assert_eq!((error.code(), error.class()), ("ai.needs_review", lms_core::Class::Conflict), "{what:?}");
            let AiError::NeedsReview { operation: found, reasons } = error else { panic!("{error}") };
            assert_eq!((found, reasons), (operation, vec!["fallback_model"]), "{what:?}");
        }
        assert_eq!(differences(&before, &world.tables().await), [], "{what:?}");
        assert_eq!((script.calls(), world.statuses(operation).await), (1, vec![Valid]), "{what:?}");
        let all = Selection::all();
        match what {
            What::Outline => ai.apply_course(&teacher, operation, &all).await.map(drop),
            What::Quiz => ai.apply_quiz(&teacher, operation, &all, Default::default()).await.map(drop),
            What::Assignment => ai.apply_assignment(&teacher, operation, &all, Default::default()).await.map(drop),
            _ => ai.apply_body(&teacher, operation, &all).await.map(drop),
        }
        .unwrap_or_else(|e| panic!("{what:?}: {e}"));
        assert_eq!(world.statuses(operation).await, [Applied], "{what:?}");
        // Asked for again, it is what stands.
        world.run(&ai, what, operation).await.unwrap_or_else(|e| panic!("{what:?}: {e}"));
        assert_eq!(script.calls(), 1, "{what:?}");
    }
}

/// A grade by the fallback is a suggestion, whatever the assignment says.
// rules: S11
#[tokio::test]
async fn s11_a_grade_by_the_fallback_waits_for_a_person() {
    let world = World::memory().await;
    let work = world.work(ESSAY).await;
    let script = Script::new(Scripted::new().then(refusal()).then(Reply::json(&grade())));
    let ai = world.ai_with(script, |config| config.fallback_model = Some(OTHER.into()));
    let outcome = ai.grade_submission(work).await.unwrap();
    assert_eq!(outcome.reasons, ["fallback_model"]);
    // It is by the user of the model that gave it.
    let entry = world.lms.system().assignments().history(work).await.unwrap().remove(0);
    let grader = world.lms.system().people().user(entry.grader_id.unwrap()).await.unwrap();
    assert_eq!(grader.external_id.as_deref(), Some("ai:scripted:other-model-1"));
    assert_eq!(world.submission(work).await.ai_status, AiGradingState::Suggested);
}

/// A quote that does not stand in the work, and still does not after the repairs, is for a person to judge:
/// never applied, and on record. Beside any other fault it is refused.
// rules: S11
#[tokio::test]
async fn s11_evidence_that_stays_unverified_waits_for_a_person() {
    let world = World::memory().await;
    let invented = with(grade(), "/criteria/0/evidence", json!(["Plants drink the light of the moon"]));
    let worse = with(invented.clone(), "/criteria/0/points", json!(11));
    for (n, (replies, last)) in [
        (vec![invented.clone(), invented.clone()], Review),
        (vec![worse.clone(), invented.clone(), invented.clone()], Review),
        (vec![invented.clone(), grade()], Applied),
        (vec![invented.clone(), worse.clone(), worse.clone()], Invalid),
    ]
    .into_iter()
    .enumerate()
    {
        let work = world.work(ESSAY).await;
        let calls = replies.len();
        let script = Script::new(replies.iter().fold(Scripted::new(), |s, reply| s.then(Reply::json(reply))));
        let outcome = world.ai(script.clone()).grade_submission(work).await;
        let rows = world.operation(world.operation_of(What::Grade(work), Uuid::nil()).await).await;
        assert_eq!((script.calls(), rows.len(), rows[calls - 1].status), (calls, calls, last), "case {n}");
        let waits = last == Review;
        assert_eq!(outcome.is_ok(), last != Invalid, "case {n}");
        if waits {
            assert_eq!(outcome.unwrap().reasons, ["unverified_evidence"], "case {n}");
            let kept: Value = rows[calls - 1].violations.read().unwrap();
            assert_eq!(kept[0]["code"], "evidence_unverified", "case {n}");
        }
        let row = world.submission(work).await;
        assert_eq!((row.grade.is_some(), row.suggested_seq.is_some()), (last == Applied, waits), "case {n}");
    }
}

fn prints_schema(request: &AiRequest) -> bool {
    request.system.contains("fits this schema") && request.system.contains("objective_keys")
}

/// A schema that the provider does not take goes into the prompt: once, without costing a retry, on record.
// rules: I2
#[tokio::test(start_paused = true)]
async fn i2_a_schema_that_is_refused_goes_into_the_prompt_once() {
    let world = World::memory().await;
    let refuses = |param: &str| failure(Kind::BadRequest { param: Some(param.to_owned()) }, Retry::Never);
    let script = Script::new(
        Scripted::new()
            .then_error(refuses("output_config.format.schema"))
            .then(Reply::json(&with(outline(), "/lessons/0/minutes", json!(-1))))
            .then(Reply::json(&outline())),
    );
    let ai = world.ai_with(script.clone(), |config| config.max_retries = 0);
    world.run(&ai, What::Outline, OPERATION).await.unwrap();
    let requests = script.0.requests();
    assert!(!prints_schema(&requests[0]) && requests[0].schema.json.is_object());
    for request in &requests[1..] {
        assert!(prints_schema(request), "from then on it is printed");
        assert_eq!(request.schema.json, Value::Null, "and not sent as such");
        assert!(request.system.starts_with(&requests[0].system), "behind the policy");
    }
    let rows = world.operation(OPERATION).await;
    assert_eq!(rows.iter().map(|row| row.status).collect::<Vec<_>>(), [ProviderError, Invalid, Applied]);
    assert_eq!(
        rows.iter().map(notes).collect::<Vec<_>>(),
        [vec!["bad_request:output_config.format.schema"], vec!["schema_in_prompt"], vec!["schema_in_prompt"]]
    );
    // The log holds each prompt as it was sent, and hashes that.
    for (row, request) in rows.iter().zip(&requests) {
        let logged: Value = serde_json::from_str(row.prompt_text.as_deref().unwrap()).unwrap();
        assert_eq!(logged["system"], json!(request.system));
        let hash = <sha2::Sha256 as sha2::Digest>::digest(&request.system);
        assert_eq!(row.system_sha256, hash.iter().map(|byte| format!("{byte:02x}")).collect::<String>());
        assert!(ai.logged_prompt(&world.lms.system(), row.id).await.unwrap().whole);
    }
    assert_ne!(rows[0].prompt_sha256, rows[1].prompt_sha256);
    assert_eq!(rows[0].input_sha256, rows[1].input_sha256, "what was asked is the same");

    // Refused again, it is what it is; and what is printed from the start cannot be printed once more.
    let unable =
        ModelProfile { native_schema: false, thinking_by_default: false, max_output: 64_000, price: Price::default() };
    for (n, (scripted, calls)) in [
        (Scripted::new().then_error(refuses("response_format")).then_error(refuses("response_format")), 2),
        (Scripted::new().with_profile(unable).then_error(refuses("schema")), 1),
        (Scripted::new().then_error(refuses("messages.0")), 1),
    ]
    .into_iter()
    .enumerate()
    {
        let script = Script::new(scripted);
        let error = world.run(&world.ai(script.clone()), What::Outline, Uuid::from_u128(n as u128 + 20)).await;
        assert_eq!((error.unwrap_err().code(), script.calls()), ("ai.provider", calls), "case {n}");
        // Printed from the start, it is noted from the start.
        let rows = world.operation(Uuid::from_u128(n as u128 + 20)).await;
        for (row, request) in rows.iter().zip(script.0.requests()) {
            assert_eq!(notes(row).contains(&"schema_in_prompt".to_owned()), prints_schema(&request), "case {n}");
        }
    }
}

/// A cut answer gets twice the room, once, as far as the model goes.
#[tokio::test]
async fn a_cut_answer_gets_twice_the_room_once() {
    let world = World::memory().await;
    let cut = || Reply::text("{\"title\":").stop(Stop::Truncated);
    let profile = |max_output| ModelProfile {
        native_schema: true,
        thinking_by_default: false,
        max_output,
        price: Price::default(),
    };
    for (n, (most, replies, tokens, code)) in [
        (64_000, vec![cut(), Reply::json(&outline())], vec![8_000, 16_000], None),
        (64_000, vec![cut(), cut(), Reply::json(&outline())], vec![8_000, 16_000], Some("ai.truncated")),
        (10_000, vec![cut(), Reply::json(&outline())], vec![8_000, 10_000], None),
        (8_000, vec![cut(), Reply::json(&outline())], vec![8_000], Some("ai.truncated")),
    ]
    .into_iter()
    .enumerate()
    {
        let operation = Uuid::from_u128(n as u128 + 1);
        let script = Script::new(replies.into_iter().fold(Scripted::new().with_profile(profile(most)), Scripted::then));
        let outcome = world.run(&world.ai(script.clone()), What::Outline, operation).await;
        assert_eq!(outcome.err().map(|e| e.code()), code, "case {n}");
        let asked: Vec<u32> = script.0.requests().iter().map(|request| request.max_tokens).collect();
        assert_eq!(asked, tokens, "case {n}");
        let rows = world.operation(operation).await;
        assert_eq!(rows[0].status, Truncated);
        if rows.len() == 2 {
            assert_eq!(notes(&rows[1]), ["more_tokens"]);
        }
    }
}

/// What is put right before an answer is read stands in the log.
// rules: I2
#[tokio::test]
async fn i2_what_was_put_right_in_an_answer_stands_in_the_log() {
    let world = World::memory().await;
    let text = outline().to_string();
    let minutes = text.find("\"minutes\":").unwrap() + "\"minutes\":".len();
    let end = minutes + text[minutes..].find(|c: char| !c.is_ascii_digit()).unwrap();
    let odd = format!("{}.0{}", &text[..end], &text[end..]).replace(":\"text\"", ":\"Text\"");
    assert!(odd.contains(".0") && odd.contains(":\"Text\""), "{odd}");
    let script = Script::new(Scripted::new().then(Reply::text(odd)));
    let outcome = world.run(&world.ai(script), What::Outline, OPERATION).await;
    let row = &world.operation(OPERATION).await[0];
    assert!(outcome.is_ok(), "{outcome:?}");
    assert_eq!(notes(row), ["whole_floats", "enum_case"]);
}

/// An operation makes at most six calls, whatever happens in it.
#[tokio::test(start_paused = true)]
async fn an_operation_makes_at_most_six_calls() {
    let world = World::memory().await;
    let busy = || failure(Kind::Overloaded, Retry::Now);
    let bad = |n: i64| Reply::json(&with(outline(), &format!("/lessons/{n}/minutes"), json!(-1)));
    let script = Script::new(
        Scripted::new()
            .then_error(busy())
            .then_error(failure(Kind::BadRequest { param: Some("schema".into()) }, Retry::Never))
            .then(Reply::text("{").stop(Stop::Truncated))
            .then(bad(0))
            .then(refusal())
            .then_error(busy())
            .then(Reply::json(&outline())),
    );
    let ai = world.ai_with(script.clone(), |config| config.fallback_model = Some(OTHER.into()));
    let error = world.run(&ai, What::Outline, OPERATION).await.unwrap_err();
    assert!(matches!(error, lms_ai::AiError::CallsUsedUp { calls: 6 }), "{error}");
    assert_eq!((script.calls(), world.operation(OPERATION).await.len()), (6, 6));
    assert_eq!(models(&script)[4..], [MODEL, OTHER]);
    // The system part is the task's in every one of them: nothing that came back has changed it.
    let requests = script.0.requests();
    let policy = &requests[0].system;
    assert!(requests.iter().all(|request| request.system.starts_with(policy)));
}
