//! A work that is graded several times: the answer in the middle, and whether they agree (S11).
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "these are tests")]

#[path = "support/postgres.rs"]
mod postgres;
mod support;

use lms_ai::provider::{Reply, Scripted};
use lms_ai::{Ai, Job};
use lms_core::ai::{ModelProfile, Price, ProviderError, ProviderErrorKind as Kind, Retry, Stop};
use lms_core::model::AiLogStatus::{self, *};
use lms_core::model::{AiGradingState, Points, SubmissionId};
use serde_json::{Value, json};
use support::*;
use uuid::Uuid;

/// A grade of so many points of 20.
fn of(points: i64) -> Value {
    let first = points.min(10);
    with(with(grade(), "/criteria/0/points", json!(first)), "/criteria/1/points", json!(points - first))
}

fn script(points: &[i64]) -> Script {
    Script::new(points.iter().fold(Scripted::new(), |script, points| script.then(Reply::json(&of(*points)))))
}

fn thrice<S: Stamped>(world: &World<S>, script: &Script) -> Ai {
    world.ai_with(script.clone(), |config| config.grade_samples = 3)
}

async fn statuses<S: Stamped>(world: &World<S>, id: SubmissionId) -> Vec<AiLogStatus> {
    world.statuses(world.operation_of(What::Grade(id), Uuid::nil()).await).await
}

/// Each sample is a call and a row of the same operation; the one in the middle counts, and a spread beyond what is
/// tolerated is a person's to look at.
// rules: S11, I2, I3
async fn s11_the_grade_in_the_middle_counts_where_they_agree<S: Stamped>() {
    let world = World::<S>::fresh().await;
    for (given, middle, applied, rows) in [
        ([14, 13, 15], 14, true, [Applied, Dropped, Dropped]),
        ([15, 13, 14], 14, true, [Dropped, Dropped, Applied]),
        // 10 percent of 20 are tolerated, and no more.
        ([12, 14, 13], 13, true, [Dropped, Dropped, Applied]),
        ([11, 14, 13], 13, false, [Dropped, Dropped, Review]),
        ([20, 5, 5], 5, false, [Dropped, Dropped, Review]),
    ] {
        let id = world.work(ESSAY).await;
        let script = script(&given);
        let outcome = thrice(&world, &script).grade_submission(id).await.unwrap();
        assert_eq!((outcome.graded.applied, script.calls()), (applied, 3), "{given:?}");
        let expected: &[&str] = if applied { &[] } else { &["sample_spread"] };
        assert_eq!(outcome.reasons, expected, "{given:?}");
        let history = world.lms.system().assignments().history(id).await.unwrap();
        assert_eq!((history.len(), history[0].raw), (1, Points::whole(middle)), "{given:?}");
        assert_eq!(statuses(&world, id).await, rows, "{given:?}");
        let operation = world.operation(world.operation_of(What::Grade(id), Uuid::nil()).await).await;
        assert_eq!(operation.iter().map(|row| row.attempt).collect::<Vec<_>>(), [1, 2, 3]);
        // Once more: what stands.
        let again = thrice(&world, &script).grade_submission(id).await.unwrap();
        assert_eq!((again.graded.applied, script.calls()), (applied, 3), "{given:?}");
        assert_eq!(world.lms.system().assignments().history(id).await.unwrap().len(), 1);
    }
}
both!(s11_the_grade_in_the_middle_counts_where_they_agree);

/// What gives one of the answers reason for a look gives all of them; a tolerance is the host's to set.
// rules: S11
async fn s11_a_reason_of_one_answer_is_a_reason<S: Stamped>() {
    let world = World::<S>::fresh().await;
    let unsure = with(of(14), "/criteria/1/confidence", json!(10));
    let id = world.work(ESSAY).await;
    let replies = [of(14), unsure, of(15)];
    let script = Script::new(replies.iter().fold(Scripted::new(), |script, reply| script.then(Reply::json(reply))));
    assert_eq!(thrice(&world, &script).grade_submission(id).await.unwrap().reasons, ["low_confidence"]);
    for (tolerance, reasons) in [(0, &["sample_spread"][..]), (5_000, &[])] {
        let id = world.work(ESSAY).await;
        let script = self::script(&[10, 14]);
        let ai =
            world.ai_with(script.clone(), |config| (config.grade_samples, config.grade_tolerance_bp) = (2, tolerance));
        assert_eq!(ai.grade_submission(id).await.unwrap().reasons, reasons);
        let history = world.lms.system().assignments().history(id).await.unwrap();
        assert_eq!(history[0].raw, Points::whole(10), "the lower one of two");
    }
}
both!(s11_a_reason_of_one_answer_is_a_reason);

/// What was paid for is used, whoever asked for it and whatever failed: a provider that is gone is asked for the rest
/// later, and one that will not answer leaves what there is to a person.
// rules: S11, I3
async fn s11_samples_that_were_paid_for_are_used<S: Stamped>() {
    let world = World::<S>::fresh().await;
    let id = world.work(ESSAY).await;
    let gone = ProviderError::new(Kind::Auth, Retry::Never);
    let script = Script::new(Scripted::new().then(Reply::json(&of(14))).then_error(gone));
    assert_eq!(thrice(&world, &script).grade_submission(id).await.unwrap_err().code(), "ai.auth");
    assert_eq!((statuses(&world, id).await, world.submission(id).await.grade), (vec![Valid, ProviderError], None));
    world.clock.advance(60);
    let rest = self::script(&[15, 13]);
    assert!(thrice(&world, &rest).grade_submission(id).await.unwrap().graded.applied);
    assert_eq!((rest.calls(), world.submission(id).await.grade), (2, Points::whole(14)));
    assert_eq!(statuses(&world, id).await, [Applied, ProviderError, Dropped, Dropped]);

    let id = world.work(ESSAY).await;
    let refusal = Reply::text("").stop(Stop::Refused { category: None });
    let script = Script::new(Scripted::new().then(Reply::json(&of(14))).then(refusal));
    let outcome = thrice(&world, &script).grade_submission(id).await.unwrap();
    assert_eq!((outcome.reasons.as_slice(), outcome.graded.applied), (["fewer_samples"].as_slice(), false));
    assert_eq!(statuses(&world, id).await, [Review, Refused]);

    // The same where the operation may not cost more; an answer that is not there is no grade.
    let price = Price { input: 1_000_000, output: 10_000_000, ..Price::default() };
    let profile = ModelProfile { native_schema: true, thinking_by_default: false, max_output: 64_000, price };
    let priced = || Script::new(Scripted::new().with_profile(profile.clone()).then(Reply::json(&of(14))));
    let one = world.ai(priced()).estimate(&world.teacher(), Job::Grade(id)).await.unwrap();
    let three = thrice(&world, &priced()).estimate(&world.teacher(), Job::Grade(id)).await.unwrap();
    assert_eq!(three.micro_usd, one.micro_usd * 3);
    let id = world.work(ESSAY).await;
    let ai = world.ai_with(priced(), |config| {
        (config.grade_samples, config.operation_limit_micro_usd) = (3, Some(one.micro_usd + 100));
    });
    let outcome = ai.grade_submission(id).await.unwrap();
    assert_eq!(
        (outcome.reasons.as_slice(), statuses(&world, id).await),
        (["fewer_samples"].as_slice(), vec![Review, Denied])
    );
    let id = world.work(ESSAY).await;
    let ai = world.ai_with(priced(), |config| {
        (config.grade_samples, config.operation_limit_micro_usd) = (3, Some(1));
    });
    assert_eq!(ai.grade_submission(id).await.unwrap_err().code(), "ai.budget_denied");
    assert_eq!(world.submission(id).await.grade, None);
}
both!(s11_samples_that_were_paid_for_are_used);

/// Eight at once grade once: three calls, and one mark.
// rules: S9, S11, I3
async fn s11_samples_are_paid_once_by_many_at_once<S: Stamped>() {
    let world = World::<S>::shared().await;
    let id = world.work(ESSAY).await;
    let script = script(&[14, 13, 15]);
    eight_at_once(&world.lms, id, || thrice(&world, &script)).await;
    assert_eq!((script.calls(), world.lms.system().assignments().history(id).await.unwrap().len()), (3, 1));
    assert_eq!(world.submission(id).await.ai_status, AiGradingState::Applied);
}
both!(s11_samples_are_paid_once_by_many_at_once, threads);

/// A sample that could only run out of time is not asked for: it is not paid, the grader waits for the work and for no
/// other, and the next run goes on with what is there.
// rules: S11, I3
async fn s11_no_sample_is_asked_for_without_time_for_it<S: Stamped>() {
    let world = World::<S>::fresh().await;
    let id = world.work(ESSAY).await;
    let script = script(&[14, 13, 15]);
    let ai = world.ai_with(script.clone(), |config| {
        config.grade_samples = 3;
        // Whatever the first one takes, less than an attempt is left after it.
        config.operation_deadline = config.attempt_deadline;
    });
    for calls in 1..3 {
        assert_eq!(ai.grade_submission(id).await.unwrap_err().code(), "ai.deadline");
        assert_eq!((statuses(&world, id).await, script.calls()), (vec![Valid; calls], calls));
        world.clock.advance(60);
    }
    assert!(ai.grade_submission(id).await.unwrap().graded.applied);
    assert_eq!((script.calls(), world.submission(id).await.grade), (3, Points::whole(14)));
}
both!(s11_no_sample_is_asked_for_without_time_for_it);

/// The cap on attempts is for each sample: one bad answer before each of five good ones leaves nothing to a person.
// rules: S11
async fn s11_the_cap_on_attempts_is_for_each_sample<S: Stamped>() {
    let world = World::<S>::fresh().await;
    let id = world.work(ESSAY).await;
    let turns = (0..5).fold(Scripted::new(), |script, _| script.then(Reply::text("no")).then(Reply::json(&of(14))));
    let script = Script::new(turns);
    let ai = world.ai_with(script.clone(), |config| (config.grade_samples, config.max_calls) = (5, 2));
    let outcome = ai.grade_submission(id).await.unwrap();
    assert_eq!((outcome.graded.applied, outcome.reasons, script.calls()), (true, vec![], 10));
    // An operation that always fails still ends.
    let id = world.work(ESSAY).await;
    let script = Script::new((0..9).fold(Scripted::new(), |script, _| script.then(Reply::text("no"))));
    let ai = world.ai_with(script.clone(), |config| {
        (config.grade_samples, config.max_calls, config.max_repairs) = (5, 1, 0);
    });
    for _ in 0..7 {
        assert_eq!(ai.grade_submission(id).await.unwrap_err().code(), "ai.invalid");
        world.clock.advance(60);
        if script.calls() == 5 {
            break;
        }
    }
    assert_eq!(ai.grade_submission(id).await.unwrap_err().code(), "ai.calls_used_up");
    assert_eq!(script.calls(), 5);
}
both!(s11_the_cap_on_attempts_is_for_each_sample);
