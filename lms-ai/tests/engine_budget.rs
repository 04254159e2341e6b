//! What a call may cost is set aside before it, and settled after it; whoever has no room is not let through.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "these are tests")]

#[path = "support/postgres.rs"]
mod postgres;
mod support;

use std::sync::Arc;
use std::time::Duration;

use lms_ai::provider::{Reply, Scripted};
use lms_ai::task::{OutlineIn, OutlineTask};
use lms_ai::{About, AiError};
use lms_core::ai::{AiProvider as _, ModelProfile, Price, ProviderError, ProviderErrorKind as Kind, Retry, Usage};
use lms_core::model::AiLogStatus::{self, *};
use lms_core::model::BudgetScope;
use support::*;
use uuid::Uuid;

const OPERATION: Uuid = Uuid::from_u128(7);
/// Millionths of a dollar a token: 1 in, 10 out.
const PRICE: Price = Price { input: 1_000_000, output: 10_000_000, cache_read: 100_000, cache_write: 1_250_000 };
/// What an answer of the script costs: 100 tokens in, 50 out.
const COST: i64 = 600;

fn priced() -> Scripted {
    let (native_schema, thinking_by_default, max_output) = (true, false, 64_000);
    Scripted::new().with_profile(ModelProfile { native_schema, thinking_by_default, max_output, price: PRICE })
}

fn script(replies: impl IntoIterator<Item = Reply>) -> Script {
    Script::new(replies.into_iter().fold(priced(), Scripted::then))
}

/// (reserved, spent) of a scope today.
async fn used<S: Stamped>(world: &World<S>, scope: BudgetScope) -> (i64, i64) {
    let found = world.lms.system().ai_budgets().spending_of(world.lms.now(), &[scope]).await.unwrap();
    (found[0].reserved, found[0].spent)
}

/// What one call of the outline may cost at the most.
fn worst<S: Stamped>(world: &World<S>) -> i64 {
    let input = OutlineIn { brief: brief().outline, ..OutlineIn::default() };
    let estimate = world.ai(script([])).estimate_call::<OutlineTask>(&input);
    assert!(estimate.output_tokens == 8_000 && estimate.input_tokens > 100, "{estimate:?}");
    i64::try_from(estimate.micro_usd).unwrap()
}

async fn charged<S: Stamped>(world: &World<S>, operation: Uuid) -> Vec<(AiLogStatus, i64, i64)> {
    let rows = world.operation(operation).await;
    rows.iter().map(|row| (row.status, row.cost_micro_usd, row.charged_micro_usd)).collect()
}

async fn the_worst_case_is_set_aside_while_the_model_thinks_and_the_cost_is_spent_after<S: Stamped>() {
    let world = Arc::new(World::<S>::fresh().await);
    let (teacher, worst) = (BudgetScope::Actor(world.room.instructor), worst(&world));
    let theirs = Arc::downgrade(&world);
    let provider = Acting::new(priced().then(Reply::json(&outline())), move |_| {
        let world = theirs.upgrade().unwrap();
        async move {
            for scope in [BudgetScope::All, teacher] {
                assert_eq!(used(&world, scope).await, (worst, 0), "{scope}");
            }
        }
    });
    world.run(&world.ai(provider), What::Outline, OPERATION).await.unwrap();
    assert_eq!(used(&world, teacher).await, (0, COST));
    assert_eq!(charged(&world, OPERATION).await, [(Applied, COST, COST)]);
    // A quiz counts in its course's budget, too.
    let quiz = script([Reply::json(&quiz())]);
    world.run(&world.ai(quiz), What::Quiz, Uuid::from_u128(8)).await.unwrap();
    assert_eq!(used(&world, BudgetScope::Course(world.room.course)).await, (0, COST));
    assert_eq!(used(&world, BudgetScope::All).await, (0, 2 * COST));
}
both!(the_worst_case_is_set_aside_while_the_model_thinks_and_the_cost_is_spent_after);

/// A model that does not take the schema has it in its prompt: that is estimated as it is set aside.
async fn what_is_estimated_is_what_is_set_aside_for_every_model<S: Stamped>() {
    for native_schema in [true, false] {
        let world = Arc::new(World::<S>::fresh().await);
        let profile = ModelProfile { native_schema, ..priced().profile("") };
        let input = OutlineIn { brief: brief().outline, ..OutlineIn::default() };
        let ai = world.ai(Scripted::new().with_profile(profile.clone()));
        let estimate = i64::try_from(ai.estimate_call::<OutlineTask>(&input).micro_usd).unwrap();
        let theirs = Arc::downgrade(&world);
        let script = Scripted::new().with_profile(profile).then(Reply::json(&outline()));
        let provider = Acting::new(script, move |_| {
            let world = theirs.upgrade().unwrap();
            async move { assert_eq!(used(&world, BudgetScope::All).await, (estimate, 0), "native: {native_schema}") }
        });
        world.run(&world.ai(provider.clone()), What::Outline, OPERATION).await.unwrap();
        assert_eq!(provider.calls(), 1);
    }
}
both!(what_is_estimated_is_what_is_set_aside_for_every_model);

// rules: I2
async fn i2_a_call_without_room_is_not_sent_and_stands_in_the_log_once<S: Stamped>() {
    let world = World::<S>::fresh().await;
    let (host, worst) = (world.lms.system(), worst(&world));
    let before = world.tables().await;
    host.ai_budgets().set(BudgetScope::EachActor, Some(u64::try_from(worst - 1).unwrap())).await.unwrap();
    let script = script([Reply::json(&outline())]);
    let ai = world.ai(script.clone());
    // Whoever asks again and again leaves no more than one row.
    for _ in 0..3 {
        let error = world.run(&ai, What::Outline, OPERATION).await.unwrap_err();
        assert_eq!((error.code(), error.class()), ("ai.budget_denied", lms_core::Class::Limit));
        let AiError::BudgetDenied { scope, needed } = error else { panic!("{error}") };
        assert_eq!((scope, needed), (BudgetScope::Actor(world.room.instructor).key(), worst));
    }
    assert_eq!((script.calls(), charged(&world, OPERATION).await), (0, vec![(Denied, 0, 0)]));
    let row = &world.operation(OPERATION).await[0];
    assert_eq!(row.error_kind.as_deref(), Some("budget_denied"));
    let changed = differences(&before, &world.tables().await);
    assert!(changed.iter().all(|(table, ..)| table == "ai_budgets"), "{changed:?}");
    // With room, the same operation goes on.
    host.ai_budgets().set(BudgetScope::EachActor, Some(u64::try_from(worst).unwrap())).await.unwrap();
    world.run(&ai, What::Outline, OPERATION).await.unwrap();
    assert_eq!((script.calls(), world.statuses(OPERATION).await), (1, vec![Denied, Applied]));
    // And what it has cost is missing for the next one, until tomorrow.
    let script = self::script([Reply::json(&outline())]);
    let next = Uuid::from_u128(8);
    assert!(world.run(&world.ai(script.clone()), What::Outline, next).await.is_err());
    world.clock.advance(86_400);
    world.run(&world.ai(script), What::Outline, next).await.unwrap();
}
both!(i2_a_call_without_room_is_not_sent_and_stands_in_the_log_once);

/// An operation has a limit of its own, over all its attempts.
async fn an_operation_costs_no_more_than_its_limit<S: Stamped>() {
    let world = World::<S>::fresh().await;
    let worst = worst(&world);
    let bad = Reply::json(&with(outline(), "/lessons/0/minutes", serde_json::json!(-1)));
    let script = script([bad, Reply::json(&outline())]);
    let limit = u64::try_from(worst + COST - 1).unwrap();
    let ai = world.ai_with(script.clone(), |config| config.operation_limit_micro_usd = Some(limit));
    let error = world.run(&ai, What::Outline, OPERATION).await.unwrap_err();
    assert!(matches!(&error, AiError::BudgetDenied { scope, .. } if scope == "operation"), "{error}");
    assert_eq!((script.calls(), charged(&world, OPERATION).await), (1, vec![(Invalid, COST, COST), (Denied, 0, 0)]));
    assert_eq!(used(&world, BudgetScope::All).await, (0, COST));
    // Asked again, what it has cost counts still.
    let error = world.run(&ai, What::Outline, OPERATION).await.unwrap_err();
    assert_eq!((error.code(), world.operation(OPERATION).await.len()), ("ai.budget_denied", 2));
    // More room, and it goes on.
    let ai = world.ai_with(script.clone(), |config| config.operation_limit_micro_usd = Some(limit * 2));
    world.run(&ai, What::Outline, OPERATION).await.unwrap();
    assert_eq!(world.statuses(OPERATION).await, [Invalid, Denied, Applied]);
}
both!(an_operation_costs_no_more_than_its_limit);

/// A service that refuses a call bills nothing; of one that broke off, or does not count, nobody knows.
async fn what_nobody_knows_counts_as_the_worst<S: Stamped>() {
    let world = World::<S>::fresh().await;
    let worst = worst(&world);
    let free = [
        Kind::RateLimited,
        Kind::Overloaded,
        Kind::SpendLimit,
        Kind::Auth,
        Kind::BadRequest { param: None },
        Kind::ModelUnavailable,
        Kind::TooLarge,
        Kind::CircuitOpen,
    ];
    let unknown = [Kind::Connect, Kind::Timeout, Kind::Server, Kind::Protocol, Kind::Cancelled];
    let cases = free.iter().map(|kind| (kind, 0)).chain(unknown.iter().map(|kind| (kind, worst)));
    for (n, (kind, charge)) in cases.enumerate() {
        let operation = Uuid::from_u128(n as u128 + 1);
        let before = used(&world, BudgetScope::All).await;
        let script = Script::new(priced().then_error(ProviderError::new(kind.clone(), Retry::Never)));
        world.run(&world.ai(script), What::Outline, operation).await.unwrap_err();
        assert_eq!(charged(&world, operation).await.iter().map(|row| row.2).sum::<i64>(), charge, "{kind:?}");
        assert_eq!(used(&world, BudgetScope::All).await, (0, before.1 + charge), "{kind:?}");
    }
    // The same, in the midst of a success: it has begun to count, and counts as a call.
    for (n, kind) in free.iter().enumerate().take_while(|(_, kind)| **kind != Kind::CircuitOpen) {
        let operation = Uuid::from_u128(n as u128 + 51);
        let before = used(&world, BudgetScope::All).await;
        let broken = ProviderError { http_status: Some(200), ..ProviderError::new(kind.clone(), Retry::Never) };
        let script = Script::new((0..9).fold(priced(), |script, _| script.then_error(broken.clone())));
        let mut codes = Vec::new();
        for _ in 0..8 {
            let error = world.run(&world.ai(script.clone()), What::Outline, operation).await.unwrap_err();
            codes.push(error.code());
            world.clock.advance(60);
        }
        assert_eq!(codes[6..], ["ai.calls_used_up"; 2], "{kind:?}");
        let rows = charged(&world, operation).await;
        assert_eq!((rows.len(), rows.iter().map(|row| row.2).sum::<i64>()), (6, 6 * worst), "{kind:?}");
        assert_eq!(used(&world, BudgetScope::All).await, (0, before.1 + 6 * worst), "{kind:?}");
    }
    let silent = Reply::json(&outline()).usage(Usage::default());
    let (operation, before) = (Uuid::from_u128(99), used(&world, BudgetScope::All).await);
    world.run(&world.ai(script([silent])), What::Outline, operation).await.unwrap();
    assert_eq!(charged(&world, operation).await, [(Applied, 0, worst)]);
    assert_eq!(used(&world, BudgetScope::All).await, (0, before.1 + worst));
}
both!(what_nobody_knows_counts_as_the_worst, paused);

/// A caller that is gone holds its reservation until its row is swept; then it is spent, for the call may
/// have been paid.
async fn the_reservation_of_a_dead_caller_is_spent_when_its_row_is_swept<S: Stamped>() {
    let world = Arc::new(World::<S>::fresh().await);
    let worst = worst(&world);
    let asked = Arc::new(tokio::sync::Notify::new());
    let told = asked.clone();
    let provider = Acting::new(priced(), move |_| {
        told.notify_one();
        std::future::pending()
    });
    let (ai, theirs) = (world.ai(provider), world.clone());
    let caller = tokio::spawn(async move { theirs.run(&ai, What::Outline, OPERATION).await });
    asked.notified().await;
    caller.abort();
    assert!(caller.await.unwrap_err().is_cancelled());
    assert_eq!(used(&world, BudgetScope::All).await, (worst, 0));
    world.lms.tick().await.unwrap();
    assert_eq!(used(&world, BudgetScope::All).await, (worst, 0), "it may still be on its way");
    // Whoever takes the operation over settles it, as the sweeper of the background work does.
    world.clock.advance(361);
    world.run(&world.ai(script([Reply::json(&outline())])), What::Outline, OPERATION).await.unwrap();
    assert_eq!(used(&world, BudgetScope::All).await, (0, worst + COST));
    assert_eq!(charged(&world, OPERATION).await, [(Abandoned, 0, worst), (Applied, COST, COST)]);
    world.clock.advance(3_600);
    assert_eq!(world.lms.tick().await.unwrap().abandoned, 0);
}
both!(the_reservation_of_a_dead_caller_is_spent_when_its_row_is_swept, paused);

/// Work to be graded waits for its budget, and is graded when there is one again.
// rules: S11
async fn s11_work_waits_for_its_budget<S: Stamped>() {
    let world = World::<S>::fresh().await;
    let work = world.work(ESSAY).await;
    world.lms.system().ai_budgets().set(BudgetScope::EachCourse, Some(1)).await.unwrap();
    let script = script([Reply::json(&grade())]);
    let background = world.lms.background().with(world.ai(script.clone()).grader());
    for _ in 0..3 {
        background.tick().await.unwrap();
    }
    let state = async || world.submission(work).await.ai_status;
    assert_eq!((state().await, script.calls()), (lms_core::model::AiGradingState::Pending, 0));
    assert_eq!(world.logs().await.iter().map(|row| row.status).collect::<Vec<_>>(), [Denied]);
    world.lms.system().ai_budgets().set(BudgetScope::EachCourse, None).await.unwrap();
    // A course without a budget is looked at again after some minutes.
    world.clock.advance(300);
    background.tick().await.unwrap();
    assert_eq!((state().await, script.calls()), (lms_core::model::AiGradingState::Applied, 1));
}
both!(s11_work_waits_for_its_budget);

/// Many at once never pass a limit, and what is let through is paid.
async fn sixteen_operations_at_once_stay_within_the_limit<S: Stamped>() {
    let world = Arc::new(World::<S>::shared().await);
    let worst = worst(&world);
    let limit = worst * 3 + worst / 2;
    world.lms.system().ai_budgets().set(BudgetScope::All, Some(u64::try_from(limit).unwrap())).await.unwrap();
    let mut callers = Vec::new();
    for n in 1..=16 {
        // Slow enough that all of them ask before the first is answered.
        let script = script([Reply::json(&outline()).delay(Duration::from_secs(2))]);
        let (world, ai) = (world.clone(), world.ai(script));
        callers.push(tokio::spawn(async move { world.run(&ai, What::Outline, Uuid::from_u128(n)).await }));
    }
    let (mut done, mut denied) = (0, 0);
    for caller in callers {
        match caller.await.unwrap() {
            Ok(_) => done += 1,
            Err(error) => {
                assert_eq!(error.code(), "ai.budget_denied");
                denied += 1;
            }
        }
    }
    assert_eq!((done, denied), (3, 13));
    assert_eq!(used(&world, BudgetScope::All).await, (0, 3 * COST));
    let about = About::default();
    assert!(
        world.ai(script([Reply::json(&outline())])).propose_course(&world.teacher(), &brief(), about).await.is_ok()
    );
}
both!(sixteen_operations_at_once_stay_within_the_limit, threads);
