//! What a model may send back, and that none of it reaches the domain's tables.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "these are tests")]

mod hostile;
mod support;

use hostile::On;
use lms_ai::AiError;
use lms_ai::provider::{Reply, Scripted};
use lms_core::ai::{Stop, Usage};
use lms_core::model::AiLogStatus::{Applied, Invalid};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use support::*;
use uuid::Uuid;

const KIB: usize = 1024;

// rules: I1, I2, L6, S11, S15
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn i1_i2_no_hostile_answer_changes_a_row_and_each_is_in_the_log() {
    let cases = hostile::cases();
    assert!(cases.len() >= 110, "{}", cases.len());
    let world = World::memory().await;
    let mut failures = Vec::new();
    for (n, case) in cases.into_iter().enumerate() {
        let name = case.name;
        if let Err(what) = try_case(&world, case, Uuid::from_u128(n as u128 + 1)).await {
            failures.push(format!("{name}: {what}"));
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

async fn try_case(world: &World, case: hostile::Case, operation: Uuid) -> Result<(), String> {
    let what = match case.on {
        On::Outline => What::Outline,
        On::Body => What::Body,
        On::Quiz => What::Quiz,
        On::Assignment => What::Assignment,
        On::Grade => What::Grade(world.work(ESSAY).await),
    };
    let mut script = Scripted::new();
    for (text, stop) in &case.replies {
        script = script.then(Reply::text(text.clone()).stop(stop.clone()));
    }
    let script = Script::new(script);
    let ai = world.ai(script.clone());
    let (before, logs) = (world.tables().await, world.logs().await.len());
    let Err(error) = world.run(&ai, what, operation).await else { return Err("it was accepted".into()) };
    let changed = differences(&before, &world.tables().await);
    if !changed.is_empty() {
        return Err(format!("it changed {changed:?}"));
    }
    let code = match &error {
        AiError::Invalid { violations } => violations[0].code,
        _ => "",
    };
    if (error.code(), code) != (case.error, case.code) {
        return Err(format!("{} {code}, not {} {}: {error}", error.code(), case.error, case.code));
    }
    // One row per attempt on the wire, and nothing of what came is lost.
    let rows = world.operation(world.operation_of(what, operation).await).await;
    let statuses: Vec<_> = rows.iter().map(|row| row.status).collect();
    if statuses != case.log || script.calls() != rows.len() || world.logs().await.len() != logs + rows.len() {
        return Err(format!("the log has {statuses:?} for {} calls", script.calls()));
    }
    for ((row, request), number) in rows.iter().zip(script.0.requests()).zip(1..) {
        let (text, _) = &case.replies[usize::try_from(number).unwrap() - 1];
        let came = check_code(&request).map_or_else(|| text.clone(), |code| text.replace("$CHECK", &code));
        let kept: String = came.chars().filter(|c| *c != '\0').take(512 * KIB).collect();
        let whole = Sha256::digest(came.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        if row.attempt != number || row.response_text.as_deref() != Some(&kept) {
            return Err(format!("attempt {number} does not hold its answer"));
        }
        if row.response_sha256.as_deref() != Some(&whole) || row.completed_at.is_none() || row.applied_at.is_some() {
            return Err(format!("attempt {number} is not closed as it should be"));
        }
        let logged: Value = serde_json::from_str(row.prompt_text.as_deref().unwrap_or_default()).unwrap();
        if logged["system"] != json!(request.system) {
            return Err(format!("attempt {number} does not hold its prompt"));
        }
        let violations: Vec<Value> = row.violations.read().unwrap();
        let expected = row.status == Invalid && case.error == "ai.invalid";
        if expected == violations.is_empty() || violations.len() > 20 {
            return Err(format!("attempt {number} has {} violations", violations.len()));
        }
    }
    Ok(())
}

/// What a reader could take for hostile and is not: read as it is meant.
#[tokio::test]
async fn odd_but_whole_answers_count() {
    let text = outline().to_string();
    let points = |json: &str| raw(&grade(), "\"points\":9", json);
    let absurd =
        Usage { input: u64::MAX, output: u64::MAX, cache_read: u64::MAX, cache_write: u64::MAX, thinking: u64::MAX };
    let world = World::memory().await;
    let work = world.work(ESSAY).await;
    let other = world.work(ESSAY).await;
    let cases: Vec<(&str, What, Vec<Reply>)> = vec![
        ("a byte order mark", What::Outline, vec![Reply::text(format!("\u{feff}{text}"))]),
        ("a fence", What::Outline, vec![Reply::text(format!("```json\n{text}\n```"))]),
        ("prose around it", What::Outline, vec![Reply::text(format!("Here it is:\n{text}\nGood luck!"))]),
        ("a brace in a text", What::Outline, vec![Reply::text(raw(&outline(), "How plants", "How } and { plants"))]),
        ("a word in another case", What::Quiz, vec![Reply::text(raw(&quiz(), "single_choice", "SINGLE_CHOICE"))]),
        ("30.0 minutes", What::Outline, vec![Reply::text(raw(&outline(), "\"minutes\":30", "\"minutes\":30.0"))]),
        ("minus zero points", What::Grade(work), vec![Reply::text(points("\"points\":-0"))]),
        (
            "absurd numbers of tokens, twice",
            What::Outline,
            vec![Reply::text("no").usage(absurd), Reply::text(text.clone()).usage(absurd)],
        ),
        (
            "cut at first, whole with more room",
            What::Grade(other),
            vec![Reply::json(&grade()).stop(Stop::Truncated), Reply::json(&grade())],
        ),
    ];
    for (n, (name, what, replies)) in cases.into_iter().enumerate() {
        let script = Script::new(replies.iter().cloned().fold(Scripted::new(), Scripted::then));
        let ai = world.ai(script.clone());
        let operation = Uuid::from_u128(n as u128 + 1);
        let done = world.run(&ai, what, operation).await;
        assert!(done.is_ok(), "{name}: {done:?}");
        let rows = world.operation(world.operation_of(what, operation).await).await;
        assert_eq!(rows.len(), replies.len(), "{name}");
        assert_eq!(rows.last().unwrap().status, Applied, "{name}");
        if name.starts_with("absurd") {
            // So many that a sum over many rows is a number yet.
            let most = 1_000_000_000_000;
            assert!(rows.iter().all(|row| row.tokens_in == most && row.tokens_thinking == most));
            let costs = world.lms.system().ai_log().costs(Default::default()).await.unwrap();
            assert!(costs.iter().any(|cost| cost.tokens_in >= most), "{costs:?}");
        }
        if name.starts_with("cut") {
            let tokens: Vec<u32> = script.0.requests().iter().map(|request| request.max_tokens).collect();
            assert_eq!(tokens, [6_000, 12_000], "the second time there is more room");
        }
    }
    assert_eq!(world.submission(work).await.raw_grade, lms_core::model::Points::whole(5));
}
