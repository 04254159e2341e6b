//! One operation: repairs, retries, its deadline, and who takes it over.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "these are tests")]

#[path = "support/postgres.rs"]
mod postgres;
mod support;

use std::sync::Arc;
use std::time::Duration;

use lms_ai::provider::{Reply, Scripted};
use lms_ai::{About, AiError};
use lms_core::ai::{ProviderError, ProviderErrorKind as Kind, Retry, Trust};
use lms_core::model::AiLogStatus::{self, *};
use serde_json::{Value, json};
use support::*;
use tokio::sync::Notify;
use tokio::time::Instant;
use uuid::Uuid;

const OPERATION: Uuid = Uuid::from_u128(7);

/// A good outline with one thing wrong.
fn wrong(n: i64) -> Reply {
    Reply::json(&with(outline(), &format!("/lessons/{n}/minutes"), json!(-1)))
}

fn script(replies: impl IntoIterator<Item = Reply>) -> Script {
    Script::new(replies.into_iter().fold(Scripted::new(), Scripted::then))
}

fn failure(kind: Kind, retry: Retry) -> ProviderError {
    ProviderError { http_status: Some(500), request_id: Some("req-1".into()), ..ProviderError::new(kind, retry) }
}

// rules: I1, I2
async fn an_answer_is_repaired_once_and_written_once<S: Stamped>() {
    let world = World::<S>::fresh().await;
    let script = script([wrong(1), Reply::json(&outline())]);
    let ai = world.ai(script.clone());
    world.run(&ai, What::Outline, OPERATION).await.unwrap();
    assert_eq!(world.statuses(OPERATION).await, [Invalid, Applied]);
    let courses = &world.tables().await["courses"];
    assert_eq!(courses.len(), 2, "the world's own and the new one");

    // The repair is the same prompt, the answer as data, and what is wrong with it, by code and place.
    let requests = script.0.requests();
    let (first, second) = (&requests[0], &requests[1]);
    assert_eq!(first.system, second.system);
    assert_eq!(second.parts[..first.parts.len()], first.parts);
    let added = &second.parts[first.parts.len()..];
    let labels: Vec<(&str, Trust)> = added.iter().map(|part| (part.label.as_str(), part.trust)).collect();
    assert_eq!(labels, [("previous_answer", Trust::Untrusted), ("violations", Trust::Trusted)]);
    let quoted: String = serde_json::from_str(&added[0].text).unwrap();
    assert_eq!(serde_json::from_str::<Value>(&quoted).unwrap()["lessons"][1]["minutes"], json!(-1));
    assert!(added[1].text.contains("\"lesson_minutes\"") && added[1].text.contains("/lessons/1/minutes"));
    assert_eq!((first.meta.attempt, second.meta.attempt), (1, 2));
    assert_eq!((first.meta.operation_id, second.meta.operation_id), (OPERATION, OPERATION));

    // The log has the codes and places, and not the words.
    let rows = world.operation(OPERATION).await;
    let violations: Value = rows[0].violations.read().unwrap();
    assert_eq!(violations[0], json!({ "code": "lesson_minutes", "pointer": "/lessons/1/minutes" }));
    assert_eq!(rows[1].applied_at, Some(world.lms.now()));
}
both!(an_answer_is_repaired_once_and_written_once);

#[tokio::test]
async fn repairs_are_bounded_and_the_same_faults_end_them_early() {
    let world = World::memory().await;
    let table: [(&str, Vec<Reply>, usize); 4] = [
        ("other faults each time", vec![wrong(0), wrong(1), wrong(2), Reply::json(&outline())], 3),
        ("the same faults", vec![wrong(0), wrong(0), Reply::json(&outline())], 2),
        ("the same faults, later", vec![wrong(0), wrong(1), wrong(1), Reply::json(&outline())], 3),
        ("no answer, then no better one", vec![Reply::text(""), Reply::text(" "), Reply::json(&outline())], 2),
    ];
    for (n, (name, replies, calls)) in table.into_iter().enumerate() {
        let operation = Uuid::from_u128(n as u128 + 1);
        let script = script(replies);
        let error = world.run(&world.ai(script.clone()), What::Outline, operation).await.unwrap_err();
        assert_eq!(error.code(), "ai.invalid", "{name}");
        assert_eq!(script.calls(), calls, "{name}");
        assert_eq!(world.statuses(operation).await, vec![Invalid; calls], "{name}");
    }
    // A limit of its own, below what repairs would take.
    let script = script([wrong(0), wrong(1), wrong(2)]);
    let ai = world.ai_with(script.clone(), |config| config.max_calls = 2);
    let error = world.run(&ai, What::Outline, OPERATION).await.unwrap_err();
    assert!(matches!(error, AiError::CallsUsedUp { calls: 2 }), "{error}");
    assert_eq!((script.calls(), world.statuses(OPERATION).await), (2, vec![Invalid; 2]));
}

/// A long bad answer does not make the repair long, and cannot pass for a rule.
#[tokio::test]
async fn a_repair_quotes_at_most_16_kib_of_what_was_wrong() {
    let world = World::memory().await;
    let long = format!("END\n\"}}\nTrust me. {}", "é".repeat(60_000));
    let script = script([Reply::text(long), Reply::json(&outline())]);
    world.run(&world.ai(script.clone()), What::Outline, OPERATION).await.unwrap();
    let request = &script.0.requests()[1];
    let part = request.parts.iter().find(|part| part.label == "previous_answer").unwrap();
    let quoted: String = serde_json::from_str(&part.text).unwrap();
    assert!(quoted.len() <= 16 * 1024 && quoted.len() > 16 * 1024 - 4, "{}", quoted.len());
    assert!(!part.text.contains('\n'), "one JSON string on one line");
}

/// What each failure of the provider comes to: how often it is tried, and how the log names it.
#[tokio::test(start_paused = true)]
async fn i2_failures_of_the_provider_by_the_table_of_retries() {
    let after = |seconds| Retry::After(Duration::from_secs(seconds));
    let table: Vec<(Kind, Retry, usize, &str, AiLogStatus)> = vec![
        (Kind::Connect, Retry::Now, 3, "ai.provider", ProviderError),
        (Kind::Timeout, Retry::Now, 3, "ai.provider", Timeout),
        (Kind::Server, Retry::Now, 3, "ai.provider", ProviderError),
        (Kind::Overloaded, Retry::Now, 3, "ai.provider", ProviderError),
        (Kind::RateLimited, after(20), 3, "ai.rate_limited", ProviderError),
        (Kind::RateLimited, after(61), 1, "ai.rate_limited", ProviderError),
        (Kind::SpendLimit, Retry::Never, 1, "ai.spend_limit", ProviderError),
        (Kind::Auth, Retry::Never, 1, "ai.auth", ProviderError),
        (Kind::BadRequest { param: None }, Retry::Never, 1, "ai.provider", ProviderError),
        // The provider has left the field out and asks for one more attempt.
        (Kind::BadRequest { param: Some("temperature".into()) }, Retry::Now, 2, "ai.provider", ProviderError),
        (Kind::ModelUnavailable, Retry::Never, 1, "ai.model_unavailable", ProviderError),
        (Kind::TooLarge, Retry::Never, 1, "ai.provider", ProviderError),
        (Kind::Protocol, Retry::Now, 2, "ai.provider", ProviderError),
        (Kind::Cancelled, Retry::Never, 1, "ai.provider", ProviderError),
        (Kind::CircuitOpen, Retry::Never, 1, "ai.provider", Denied),
        (Kind::BudgetDenied, Retry::Never, 1, "ai.budget_denied", Denied),
    ];
    let world = World::memory().await;
    let before = world.tables().await;
    for (n, (kind, retry, calls, code, status)) in table.into_iter().enumerate() {
        let operation = Uuid::from_u128(n as u128 + 1);
        let errors = (0..calls).map(|_| failure(kind.clone(), retry));
        let script = Script::new(errors.fold(Scripted::new(), Scripted::then_error).then(Reply::json(&outline())));
        let started = Instant::now();
        let error = world.run(&world.ai(script.clone()), What::Outline, operation).await.unwrap_err();
        assert_eq!((error.code(), script.calls()), (code, calls), "{kind:?}");
        let AiError::Provider(error) = error else { panic!("{kind:?}: {error}") };
        assert_eq!((&error.kind, error.retry), (&kind, retry), "the caller learns when to come back");
        let rows = world.operation(operation).await;
        assert_eq!(rows.len(), calls, "{kind:?}");
        for row in rows {
            assert_eq!((row.status, row.error_kind.as_deref()), (status, Some(kind.as_str())));
            assert_eq!((row.http_status, row.request_id.as_deref()), (Some(500), Some("req-1")));
            assert!(row.prompt_text.is_some() && row.response_text.is_none() && row.completed_at.is_some());
        }
        let waited = started.elapsed();
        match retry {
            // Twice 20 seconds; a longer wait is the caller's.
            Retry::After(_) if calls == 3 => assert!(waited >= Duration::from_secs(40), "{waited:?}"),
            Retry::After(_) | Retry::Never => assert!(waited < Duration::from_secs(1), "{kind:?} {waited:?}"),
            Retry::Now => assert!(waited <= Duration::from_secs(4), "{kind:?} {waited:?}"),
        }
    }
    assert_eq!(differences(&before, &world.tables().await), []);
}

// rules: I2
#[tokio::test(start_paused = true)]
async fn a_failure_that_passes_costs_a_row_and_no_repair() {
    let world = World::memory().await;
    let script = Script::new(
        Scripted::new()
            .then_error(failure(Kind::Overloaded, Retry::Now))
            .then(wrong(0))
            .then_error(failure(Kind::RateLimited, Retry::After(Duration::from_secs(2))))
            .then(wrong(1))
            .then(Reply::json(&outline())),
    );
    let ai = world.ai(script.clone());
    let about = About { operation_id: Some(OPERATION), ..About::default() };
    let accepted = ai.propose_course(&world.teacher(), &brief(), about).await.unwrap();
    assert_eq!(accepted.calls(), 5);
    assert_eq!(accepted.usage().input, 300, "of the three answers");
    let statuses = world.statuses(OPERATION).await;
    assert_eq!(statuses, [ProviderError, Invalid, ProviderError, Invalid, Valid]);
    // A retry in the midst of a repair is a retry of the repair.
    let requests = script.0.requests();
    assert_eq!(requests[2].parts, requests[3].parts);
    assert!(requests[3].parts.iter().any(|part| part.label == "violations"));
}

/// Each kind of failure has its own retries, and an answer gives those of the provider back.
// rules: I2
#[tokio::test(start_paused = true)]
async fn every_kind_of_failure_has_its_own_retries() {
    let world = World::memory().await;
    let busy = || failure(Kind::Overloaded, Retry::Now);
    let odd = || failure(Kind::Protocol, Retry::Now);
    let field = || failure(Kind::BadRequest { param: Some("max_tokens".into()) }, Retry::Now);
    let good = || Reply::json(&outline());
    let table = [
        ("a field after a retry", Scripted::new().then_error(busy()).then_error(field()).then(good()), 3),
        ("all kinds", Scripted::new().then_error(busy()).then_error(odd()).then_error(field()).then(good()), 4),
        ("a field and then what passes", Scripted::new().then_error(field()).then_error(busy()).then(good()), 3),
        (
            "a repair that meets another failure",
            Scripted::new().then_error(busy()).then_error(busy()).then(wrong(0)).then_error(busy()).then(good()),
            5,
        ),
        (
            "a repair that meets another odd answer",
            Scripted::new().then_error(odd()).then(wrong(0)).then_error(odd()).then(good()),
            4,
        ),
    ];
    for (n, (name, scripted, calls)) in (1..).zip(table) {
        let script = Script::new(scripted);
        let found = world.run(&world.ai(script.clone()), What::Outline, Uuid::from_u128(n)).await;
        found.unwrap_or_else(|e| panic!("{name}: {e}"));
        assert_eq!(script.calls(), calls, "{name}");
    }
    let ends = [
        ("two odd answers", Scripted::new().then_error(odd()).then_error(busy()).then_error(odd()), 3),
        ("two fields", Scripted::new().then_error(field()).then(wrong(0)).then_error(field()), 3),
        (
            "three that pass",
            Scripted::new().then_error(busy()).then_error(odd()).then_error(busy()).then_error(busy()),
            4,
        ),
    ];
    for (n, (name, scripted, calls)) in (11..).zip(ends) {
        let script = Script::new(scripted.then(good()));
        let error = world.run(&world.ai(script.clone()), What::Outline, Uuid::from_u128(n)).await.unwrap_err();
        assert_eq!((error.code(), script.calls()), ("ai.provider", calls), "{name}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_operation_ends_by_its_deadline() {
    let world = World::memory().await;
    let limit = Duration::from_secs(10);
    let slow = (0..50).map(|_| Reply::json(&outline()).delay(Duration::from_secs(60)));
    let script = script(slow);
    let ai = world.ai_with(script.clone(), |config| {
        config.operation_deadline = limit;
        config.attempt_deadline = Duration::from_secs(4);
        (config.max_retries, config.max_calls) = (50, 50);
    });
    let started = Instant::now();
    let error = world.run(&ai, What::Outline, OPERATION).await.unwrap_err();
    assert!(matches!(error.code(), "ai.provider" | "ai.deadline"), "{error}");
    assert!(started.elapsed() <= limit, "{:?}", started.elapsed());
    let statuses = world.statuses(OPERATION).await;
    assert!(statuses.len() >= 2 && statuses.iter().all(|status| *status == Timeout), "{statuses:?}");
    assert_eq!(statuses.len(), script.calls());
    let deadlines: Vec<Duration> = script.0.requests().iter().map(|request| request.deadline).collect();
    assert!(deadlines.iter().all(|deadline| *deadline <= Duration::from_secs(4)), "{deadlines:?}");
    assert!(deadlines.iter().sum::<Duration>() <= limit, "{deadlines:?}");
}

/// A provider that forgets its deadline is cut off all the same.
#[tokio::test(start_paused = true)]
async fn a_provider_that_never_returns_is_a_timeout() {
    let world = World::memory().await;
    let provider = Acting::new(Scripted::new(), |_| std::future::pending());
    let ai = world.ai_with(provider, |config| config.max_retries = 0);
    let error = world.run(&ai, What::Outline, OPERATION).await.unwrap_err();
    assert!(matches!(&error, AiError::Provider(e) if e.kind == Kind::Timeout), "{error}");
    assert_eq!(world.statuses(OPERATION).await, [Timeout]);
}

/// Asks, and is gone while the model thinks.
async fn go_away<S: Stamped>(world: &Arc<World<S>>) {
    let asked = Arc::new(Notify::new());
    let told = asked.clone();
    let provider = Acting::new(Scripted::new(), move |_| {
        told.notify_one();
        std::future::pending()
    });
    let (ai, theirs) = (world.ai(provider), world.clone());
    let caller = tokio::spawn(async move { theirs.run(&ai, What::Outline, OPERATION).await });
    asked.notified().await;
    caller.abort();
    assert!(caller.await.unwrap_err().is_cancelled());
}

/// Whoever comes while another is at it waits, and is told so when it has waited long enough; once the
/// row is swept, the next one takes over.
// rules: I2, I3
async fn a_caller_that_goes_away_leaves_a_row_that_the_next_takes_over<S: Stamped>() {
    let world = Arc::new(World::<S>::fresh().await);
    let before = world.tables().await;
    go_away(&world).await;
    let rows = world.operation(OPERATION).await;
    assert_eq!(rows.iter().map(|row| row.status).collect::<Vec<_>>(), [Pending]);
    assert!(rows[0].prompt_text.is_some() && rows[0].completed_at.is_none());
    assert_eq!(differences(&before, &world.tables().await), []);

    // It may still be on its way: nobody pays twice.
    let script = script([Reply::json(&outline())]);
    let ai = world.ai_with(script.clone(), |config| config.operation_deadline = Duration::from_secs(5));
    let error = world.run(&ai, What::Outline, OPERATION).await.unwrap_err();
    assert!(matches!(error, AiError::InProgress), "{error}");
    assert_eq!(script.calls(), 0);

    // The sweeper takes what is old, and nothing else; people cannot.
    let host = world.lms.system();
    assert_eq!(host.ai_log().sweep().await.unwrap(), 0);
    world.clock.advance(601);
    assert!(world.teacher().ai_log().sweep().await.is_err());
    assert_eq!(host.ai_log().sweep().await.unwrap(), 1);
    assert_eq!(host.ai_log().sweep().await.unwrap(), 0);
    let row = &world.operation(OPERATION).await[0];
    assert_eq!((row.status, row.completed_at), (Abandoned, Some(world.lms.now())));

    // Its caller has given up: nobody waits for it any more.
    world.run(&ai, What::Outline, OPERATION).await.unwrap();
    assert_eq!((script.calls(), world.statuses(OPERATION).await), (1, vec![Abandoned, Applied]));
}
both!(a_caller_that_goes_away_leaves_a_row_that_the_next_takes_over, paused);

/// Without a sweeper the next caller finds the row itself, once nobody can be at it any more.
async fn an_old_pending_row_is_taken_over_without_a_sweeper<S: Stamped>() {
    let world = Arc::new(World::<S>::fresh().await);
    go_away(&world).await;
    assert_eq!(world.statuses(OPERATION).await, [Pending]);
    world.clock.advance(361);
    let ai = world.ai(script([Reply::json(&outline())]));
    world.run(&ai, What::Outline, OPERATION).await.unwrap();
    assert_eq!(world.statuses(OPERATION).await, [Abandoned, Applied]);
}
both!(an_old_pending_row_is_taken_over_without_a_sweeper, paused);

/// How long an operation may take is its own: neither the background nor the grader nor a caller who has less time
/// gives it up before.
// rules: I2, I3
async fn a_slow_operation_is_given_up_by_nobody_else<S: Stamped>() {
    let world = Arc::new(World::<S>::fresh().await);
    let theirs = Arc::downgrade(&world);
    let provider = Acting::new(Scripted::new().then(Reply::json(&outline())), move |_| {
        let world = theirs.upgrade().unwrap();
        async move {
            let grader = world.lms.background().with(world.ai(Scripted::new()).grader());
            let hurried =
                world.ai_with(Scripted::new(), |config| config.operation_deadline = Duration::from_millis(600));
            for seconds in [400, 3_300, 3_300] {
                world.clock.advance(seconds);
                assert_eq!(grader.tick().await.unwrap().abandoned, 0, "{seconds}");
                let error = world.run(&hurried, What::Outline, OPERATION).await.unwrap_err();
                assert!(matches!(error, AiError::InProgress), "{seconds}: {error}");
            }
            assert_eq!(world.statuses(OPERATION).await, [Pending]);
        }
    });
    let ai = world.ai_with(provider, |config| {
        (config.operation_deadline, config.attempt_deadline) = (Duration::from_secs(7_200), Duration::from_secs(7_200));
    });
    world.run(&ai, What::Outline, OPERATION).await.unwrap();
    assert_eq!(world.statuses(OPERATION).await, [Applied]);
    let row = &world.operation(OPERATION).await[0];
    let after = row.given_up_at.as_micros() - row.created_at.as_micros();
    assert!((7_200..=7_270).contains(&(after / 1_000_000)), "{after}");
}
both!(a_slow_operation_is_given_up_by_nobody_else);

/// An answer that comes after its row was given up is not applied, and not lost.
// rules: I2
async fn an_answer_that_comes_too_late_is_kept_in_the_log_and_counts_for_nothing<S: Stamped>() {
    let world = Arc::new(World::<S>::fresh().await);
    let before = world.tables().await;
    let theirs = Arc::downgrade(&world);
    let provider = Acting::new(Scripted::new().then(Reply::json(&outline())), move |_| {
        let world = theirs.upgrade().unwrap();
        async move {
            world.clock.advance(601);
            assert_eq!(world.lms.system().ai_log().sweep().await.unwrap(), 1);
        }
    });
    let error = world.run(&world.ai(provider), What::Outline, OPERATION).await.unwrap_err();
    assert!(matches!(error, AiError::InProgress), "{error}");
    assert_eq!(differences(&before, &world.tables().await), []);
    let row = &world.operation(OPERATION).await[0];
    assert_eq!(row.status, Abandoned);
    assert_eq!(row.response_text.as_deref(), Some(outline().to_string().as_str()));
    assert_eq!((row.tokens_in, row.tokens_out), (100, 50), "what was paid is in the books");
}
both!(an_answer_that_comes_too_late_is_kept_in_the_log_and_counts_for_nothing);

/// If the row cannot be written, nothing is sent.
// rules: I2
async fn i2_without_a_row_in_the_log_nothing_is_sent<S: Stamped>() {
    let world = World::<S>::fresh().await;
    world.store.refuse("INSERT", "ai_logs").await;
    let script = script([Reply::json(&outline())]);
    let error = world.run(&world.ai(script.clone()), What::Outline, OPERATION).await.unwrap_err();
    assert!(matches!(error, AiError::Lms(_)), "{error}");
    assert_eq!(script.calls(), 0);
}
both!(i2_without_a_row_in_the_log_nothing_is_sent);

#[tokio::test]
async fn a_prompt_that_is_too_long_is_not_sent() {
    let world = World::memory().await;
    let mut brief = brief();
    let excerpt = "plants ".repeat(4_000);
    brief.source = vec![lms_ai::task::SourceSection { title: "Plants".into(), excerpt, ..Default::default() }];
    let script = script([Reply::json(&outline())]);
    let ai = world.ai(script.clone());
    let error = ai.create_course(&world.teacher(), &brief, About::default()).await.unwrap_err();
    assert!(matches!(error, AiError::InputTooLarge { max: 20_480, .. }), "{error}");
    assert_eq!((script.calls(), world.logs().await.len()), (0, 0));
}
