//! The same operation, many times: one paid call, one set of rows (I3).
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "these are tests")]

#[path = "support/postgres.rs"]
mod postgres;
mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use lms_ai::provider::{Reply, Scripted};
use lms_ai::{About, AiError, Selection};
use lms_core::ai::{ProviderErrorKind as Kind, Stop};
use lms_core::model::AiLogStatus::{self, *};
use lms_core::model::EventKind;
use lms_core::store::EventFilter;
use support::*;
use uuid::Uuid;

const OPERATION: Uuid = Uuid::from_u128(7);

fn script(replies: impl IntoIterator<Item = Reply>) -> Script {
    Script::new(replies.into_iter().fold(Scripted::new(), Scripted::then))
}

/// The five workflows; the body last, as it changes the text that the quiz is about.
async fn workflows<S: Stamped>(world: &World<S>) -> [What; 5] {
    [What::Outline, What::Quiz, What::Assignment, What::Grade(world.work(ESSAY).await), What::Body]
}

/// How many events tell of what AI has done.
async fn generated<S: Stamped>(world: &World<S>) -> usize {
    world.store.settle().await.unwrap();
    let filter = EventFilter { kinds: vec![EventKind::AiGenerated, EventKind::AiGraded], ..EventFilter::default() };
    world.store.events(0, &filter, 500).await.unwrap().len()
}

// rules: I2, I3
async fn i3_sixteen_callers_at_once_pay_once_and_get_the_same<S: Stamped>() {
    let world = Arc::new(World::<S>::shared().await);
    for (n, what) in workflows(&world).await.into_iter().enumerate() {
        let operation = Uuid::from_u128(n as u128 + 1);
        let (before, said) = (world.tables().await, generated(&world).await);
        // One answer, which takes a while: whoever does not wait for it asks in vain.
        let script = script([Reply::json(&what.good()).delay(Duration::from_millis(40))]);
        let mut callers = Vec::new();
        for _ in 0..16 {
            let (world, ai) = (world.clone(), world.ai(script.clone()));
            callers.push(tokio::spawn(async move { world.run(&ai, what, operation).await }));
        }
        let mut outcomes = Vec::new();
        for caller in callers {
            outcomes.push(caller.await.unwrap().unwrap_or_else(|e| panic!("{what:?}: {e}")));
        }
        assert!(outcomes.windows(2).all(|pair| pair[0] == pair[1]), "{what:?}: {outcomes:#?}");
        assert_eq!(script.calls(), 1, "{what:?}");
        let operation = world.operation_of(what, operation).await;
        assert_eq!(world.statuses(operation).await, [Applied], "{what:?}");
        let after = world.tables().await;
        let new = |table: &str| after[table].len() - before[table].len();
        let rows = [new("courses"), new("quizzes"), new("assignments"), new("grade_history")];
        let expected = match what {
            What::Outline => [1, 0, 0, 0],
            What::Body => [0, 0, 0, 0],
            What::Quiz => [0, 1, 0, 0],
            What::Assignment => [0, 0, 1, 0],
            What::Grade(_) => [0, 0, 0, 1],
        };
        assert_eq!(rows, expected, "{what:?}");
        assert_eq!(generated(&world).await - said, 1, "{what:?}");
    }
}
both!(i3_sixteen_callers_at_once_pay_once_and_get_the_same, threads);

/// A failure is paid once, too: one caller learns of it, and the others do not ask again behind its back.
// rules: I3
async fn i3_sixteen_callers_at_once_pay_once_for_a_refusal<S: Stamped>() {
    let world = Arc::new(World::<S>::shared().await);
    let refusal = Reply::text("").stop(Stop::Refused { category: None });
    let refusals = (0..16).fold(Scripted::new(), |script, _| script.then(refusal.clone()));
    let here = Arc::new(AtomicUsize::new(0));
    let all = here.clone();
    let script = Acting::new(refusals, move |_| {
        let all = all.clone();
        async move {
            // The model thinks until every caller is there.
            while all.load(Ordering::SeqCst) < 16 {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            tokio::time::sleep(Duration::from_secs(2)).await;
        }
    });
    let mut callers = Vec::new();
    for _ in 0..16 {
        let ai = world.ai_with(script.clone(), |config| config.operation_deadline = Duration::from_secs(20));
        let (world, here) = (world.clone(), here.clone());
        callers.push(tokio::spawn(async move {
            here.fetch_add(1, Ordering::SeqCst);
            world.run(&ai, What::Outline, OPERATION).await
        }));
    }
    while world.statuses(OPERATION).await != [Refused] {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    // Long enough that no repair or retry of the one who asked is to be expected any more.
    world.clock.advance(11);
    let mut codes = Vec::new();
    for caller in callers {
        codes.push(caller.await.unwrap().unwrap_err().code());
    }
    codes.sort_unstable();
    assert_eq!(codes[..15], ["ai.in_progress"; 15]);
    assert_eq!((codes[15], script.calls()), ("ai.refused", 1));
    // Whoever asks the same later hears the same: a model that has refused is not asked again.
    assert_eq!(world.run(&world.ai(script.clone()), What::Outline, OPERATION).await.unwrap_err().code(), "ai.refused");
    assert_eq!((script.calls(), world.statuses(OPERATION).await), (1, vec![Refused]));
}
both!(i3_sixteen_callers_at_once_pay_once_for_a_refusal, threads);

/// A refusal holds for the operation and the model: another model may be asked, also in a later run.
// rules: I3
async fn a_model_that_has_refused_is_not_asked_again_in_any_run<S: Stamped>() {
    let world = World::<S>::fresh().await;
    let refusal = || Reply::text("").stop(Stop::Refused { category: Some("harm".into()) });
    let about = About { operation_id: Some(OPERATION), ..About::default() };
    let propose = async |ai: lms_ai::Ai| ai.propose_course(&world.teacher(), &brief(), about).await.map(|p| p.calls());
    let first = script([refusal()]);
    for _ in 0..2 {
        let error = propose(world.ai(first.clone())).await.unwrap_err();
        assert!(matches!(&error, AiError::Refused { category } if category.as_deref() == Some("harm")), "{error}");
        world.clock.advance(60);
    }
    assert_eq!(first.calls(), 1);
    let other =
        |script: &Script| world.ai_with(script.clone(), |config| config.fallback_model = Some("other-model-1".into()));
    // The fallback refuses, too; then neither is asked.
    let second = script([refusal()]);
    for _ in 0..2 {
        assert_eq!(propose(other(&second)).await.unwrap_err().code(), "ai.refused");
        world.clock.advance(60);
    }
    let models = |script: &Script| script.0.requests().into_iter().map(|r| r.model).collect::<Vec<_>>();
    assert_eq!(models(&second), ["other-model-1"]);
    // A third model may.
    let third = script([Reply::json(&outline())]);
    let ai = world.ai_with(third.clone(), |config| config.model = "model-3".into());
    assert_eq!(propose(ai).await.unwrap(), 1);
    assert_eq!(world.statuses(OPERATION).await, [Refused, Refused, Valid]);
}
both!(a_model_that_has_refused_is_not_asked_again_in_any_run);

/// The limit of calls is the operation's, whoever runs it: what always fails is not paid for ever. Whoever drops
/// an answer wants another one, and starts to count anew.
// rules: I3
async fn the_limit_of_calls_holds_over_all_runs<S: Stamped>() {
    let world = World::<S>::fresh().await;
    let about = About { operation_id: Some(OPERATION), ..About::default() };
    let error = lms_core::ai::ProviderError::new(lms_core::ai::ProviderErrorKind::Timeout, lms_core::ai::Retry::Now);
    let script = Script::new((0..20).fold(Scripted::new(), |script, _| script.then_error(error.clone())));
    for code in ["ai.provider", "ai.provider", "ai.calls_used_up", "ai.calls_used_up"] {
        let found = world.ai(script.clone()).propose_course(&world.teacher(), &brief(), about).await.unwrap_err();
        assert_eq!(found.code(), code);
        world.clock.advance(60);
    }
    assert_eq!((script.calls(), world.statuses(OPERATION).await), (6, vec![Timeout; 6]));

    let about = About { operation_id: Some(Uuid::from_u128(8)), ..About::default() };
    for n in 1..=8 {
        let script = self::script([Reply::json(&outline())]);
        let proposal = world.ai(script).propose_course(&world.teacher(), &brief(), about).await;
        let proposal = proposal.unwrap_or_else(|e| panic!("{n}: {e}"));
        assert!(world.teacher().ai_log().drop_answer(proposal.log_id()).await.unwrap());
    }
}
both!(the_limit_of_calls_holds_over_all_runs, paused);

// rules: I3
async fn i3_a_repeated_operation_returns_what_stands_without_a_call<S: Stamped>() {
    let world = World::<S>::fresh().await;
    for (n, what) in workflows(&world).await.into_iter().enumerate() {
        let operation = Uuid::from_u128(n as u128 + 1);
        let script = script([Reply::json(&what.good())]);
        let first = world.run(&world.ai(script.clone()), what, operation).await.unwrap();
        let (before, logs) = (world.tables().await, world.logs().await);
        // A minute later, by another instance, with nothing to say.
        world.clock.advance(60);
        let idle = Script::new(Scripted::new());
        let again = world.run(&world.ai(idle.clone()), what, operation).await;
        assert_eq!(again.unwrap_or_else(|e| panic!("{what:?}: {e}")), first, "{what:?}");
        assert_eq!((script.calls(), idle.calls()), (1, 0), "{what:?}");
        assert_eq!(differences(&before, &world.tables().await), [], "{what:?}");
        assert_eq!(world.logs().await, logs, "{what:?}");
    }
}
both!(i3_a_repeated_operation_returns_what_stands_without_a_call);

// rules: I3
async fn i3_another_input_under_the_same_id_is_refused_by_name<S: Stamped>() {
    let world = World::<S>::fresh().await;
    let about = About { operation_id: Some(OPERATION), ..About::default() };
    let script = script([Reply::json(&outline())]);
    let ai = world.ai(script.clone());
    ai.create_course(&world.teacher(), &brief(), about).await.unwrap();
    let before = world.tables().await;

    let mut other = brief();
    other.outline.audience = "Adults".to_owned();
    let error = ai.create_course(&world.teacher(), &other, about).await.unwrap_err();
    assert!(matches!(error, AiError::OtherInput), "{error}");
    assert_eq!(error.code(), "ai.other_input");
    // Another task is another input, too.
    for what in [What::Body, What::Quiz, What::Assignment] {
        let error = world.run(&ai, what, OPERATION).await.unwrap_err();
        assert!(matches!(error, AiError::OtherInput), "{what:?}: {error}");
    }
    assert_eq!(script.calls(), 1);
    assert_eq!(differences(&before, &world.tables().await), []);

    // Of a body: what was asked for is compared with what was there before the body stood.
    let operation = Uuid::from_u128(8);
    let about = About { operation_id: Some(operation), ..About::default() };
    let ai = world.ai(self::script([Reply::json(&body())]));
    ai.write_body(&world.teacher(), world.topic, None, about).await.unwrap();
    let error = ai.write_body(&world.teacher(), world.topic, Some(ESSAY), about).await.unwrap_err();
    assert!(matches!(error, AiError::OtherInput), "{error}");
}
both!(i3_another_input_under_the_same_id_is_refused_by_name);

/// What brought no answer does not bind the operation to its input: that may be mended before the next run. An answer
/// binds it, also one that broke rules; so does a call that is under way.
// rules: I3
async fn i3_an_input_is_bound_by_an_answer_and_not_by_a_failure<S: Stamped>() {
    let world = World::<S>::fresh().await;
    let about = |n| About { operation_id: Some(Uuid::from_u128(n)), ..About::default() };
    let mut mended = brief();
    mended.outline.audience = "Adults".to_owned();
    let failures = [
        (Kind::Server, ProviderError),
        (Kind::Timeout, Timeout),
        (Kind::Connect, ProviderError),
        (Kind::Auth, ProviderError),
        (Kind::CircuitOpen, Denied),
    ];
    for (n, (kind, status)) in (1..).zip(failures) {
        let error = lms_core::ai::ProviderError::new(kind.clone(), lms_core::ai::Retry::Never);
        let failing = Script::new(Scripted::new().then_error(error));
        world.ai(failing).propose_course(&world.teacher(), &brief(), about(n)).await.unwrap_err();
        world.clock.advance(11);
        // Another task under the same id is never what was meant.
        let error = world.run(&world.ai(script([])), What::Body, Uuid::from_u128(n)).await.unwrap_err();
        assert!(matches!(error, AiError::OtherInput), "{kind:?}: {error}");
        let ai = world.ai(script([Reply::json(&outline())]));
        let found = ai.propose_course(&world.teacher(), &mended, about(n)).await;
        assert_eq!(found.unwrap_or_else(|e| panic!("{kind:?}: {e}")).calls(), 1);
        assert_eq!(world.statuses(Uuid::from_u128(n)).await, [status, Valid], "{kind:?}");
        // Now it is bound, to what was answered.
        let error = ai.propose_course(&world.teacher(), &brief(), about(n)).await.unwrap_err();
        assert!(matches!(error, AiError::OtherInput), "{kind:?}: {error}");
    }
    let answers = [
        (Reply::text("no"), "ai.invalid"),
        (Reply::text("").stop(Stop::Refused { category: None }), "ai.refused"),
        (Reply::text("").stop(Stop::Truncated), "ai.truncated"),
    ];
    for (n, (answer, code)) in (11..).zip(answers) {
        let ai = world.ai(script([answer.clone(), answer]));
        let error = ai.propose_course(&world.teacher(), &brief(), about(n)).await.unwrap_err();
        assert_eq!(error.code(), code);
        world.clock.advance(11);
        let error = ai.propose_course(&world.teacher(), &mended, about(n)).await.unwrap_err();
        assert!(matches!(error, AiError::OtherInput), "{code}: {error}");
    }
    let asked = Arc::new(tokio::sync::Notify::new());
    let told = asked.clone();
    let ai = world.ai(Acting::new(Scripted::new(), move |_| {
        told.notify_one();
        std::future::pending()
    }));
    let (teacher, other) = (world.teacher(), world.ai(script([Reply::json(&outline())])));
    let caller = tokio::spawn(async move { ai.propose_course(&teacher, &brief(), about(21)).await.map(|p| p.calls()) });
    asked.notified().await;
    let error = other.propose_course(&world.teacher(), &mended, about(21)).await.unwrap_err();
    assert!(matches!(error, AiError::OtherInput), "{error}");
    caller.abort();
    // Nobody can be at it any more.
    world.clock.advance(361);
    other.propose_course(&world.teacher(), &mended, about(21)).await.unwrap();
    assert_eq!(world.statuses(Uuid::from_u128(21)).await, [Abandoned, Valid]);
}
both!(i3_an_input_is_bound_by_an_answer_and_not_by_a_failure);

/// An answer that nobody applied, because its caller died in between, is applied from the log.
// rules: I2, I3
async fn i3_a_valid_answer_that_was_not_applied_is_applied_without_a_call<S: Stamped>() {
    let world = World::<S>::fresh().await;
    let about = About { operation_id: Some(OPERATION), ..About::default() };
    let script = script([Reply::json(&outline())]);
    let accepted = world.ai(script.clone()).propose_course(&world.teacher(), &brief(), about).await.unwrap();
    assert_eq!((accepted.calls(), world.statuses(OPERATION).await), (1, vec![Valid]));
    drop(accepted);

    world.clock.advance(3_600);
    let idle = Script::new(Scripted::new());
    let ai = world.ai(idle.clone());
    let stored = ai.propose_course(&world.teacher(), &brief(), about).await.unwrap();
    assert_eq!((stored.calls(), stored.usage().input, stored.cost_micro_usd()), (0, 0, 0));
    let written = ai.create_course(&world.teacher(), &brief(), about).await.unwrap();
    assert_eq!((script.calls(), idle.calls()), (1, 0));
    assert_eq!(world.statuses(OPERATION).await, [Applied]);
    let course = world.teacher().catalog().course(written.course_id).await.unwrap();
    assert_eq!(course.ai_log_id, Some(stored.log_id()));
}
both!(i3_a_valid_answer_that_was_not_applied_is_applied_without_a_call);

/// What was dropped is never applied, also not by who still holds it.
// rules: I2
async fn a_dropped_answer_cannot_be_applied<S: Stamped>() {
    let world = World::<S>::fresh().await;
    let about = About { operation_id: Some(OPERATION), ..About::default() };
    let ai = world.ai(script([Reply::json(&outline())]));
    let accepted = ai.propose_course(&world.teacher(), &brief(), about).await.unwrap();
    assert!(world.teacher().ai_log().drop_answer(accepted.log_id()).await.unwrap());
    let before = world.tables().await;
    let error = ai.apply_course(&world.teacher(), OPERATION, &Selection::all()).await.unwrap_err();
    assert_eq!(error.code(), "operation.not_valid");
    assert_eq!(differences(&before, &world.tables().await), []);
    assert_eq!(world.statuses(OPERATION).await, [Dropped]);
}
both!(a_dropped_answer_cannot_be_applied);

/// An operation without an id of the caller's is a new one each time.
async fn without_an_id_every_call_is_an_operation_of_its_own<S: Stamped>() {
    let world = World::<S>::fresh().await;
    let ai = world.ai(script([Reply::json(&outline()), Reply::json(&outline())]));
    let first = ai.create_course(&world.teacher(), &brief(), About::default()).await.unwrap();
    let second = ai.create_course(&world.teacher(), &brief(), About::default()).await.unwrap();
    assert_ne!(first.course_id, second.course_id);
    let statuses: Vec<AiLogStatus> = world.logs().await.iter().map(|row| row.status).collect();
    assert_eq!(statuses, [Applied, Applied]);
}
both!(without_an_id_every_call_is_an_operation_of_its_own);
