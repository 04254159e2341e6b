//! The texts of a whole course: topic by topic, resumed where a run died, nothing paid twice.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "these are tests")]

#[path = "support/postgres.rs"]
mod postgres;
mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use lms_ai::provider::{Reply, Scripted};
use lms_ai::{About, BodiesBrief, Stage};
use lms_core::ai::{ProviderError, ProviderErrorKind, Retry};
use lms_core::lms::UpdateTopic;
use lms_core::model::AiLogStatus::Applied;
use lms_core::model::{CourseId, TopicId};
use serde_json::json;
use support::*;
use uuid::Uuid;

/// A course of three lessons with two topics each, outlined by AI.
async fn outlined<S: Stamped>(world: &World<S>) -> (CourseId, Vec<TopicId>) {
    let script = Script::new(Scripted::new().then(Reply::json(&outline())));
    let written = world.ai(script).create_course(&world.teacher(), &brief(), About::default()).await.unwrap();
    (written.course_id, written.lessons.into_iter().flat_map(|(_, topics)| topics).collect())
}

fn bodies(n: usize) -> Scripted {
    (0..n).fold(Scripted::new(), |script, _| script.then(Reply::json(&body())))
}

fn nothing(_: &lms_core::model::Lesson, _: &lms_core::model::Topic) -> Option<String> {
    None
}

/// A run that is killed in the middle goes on where it was: what is written stays, and nothing is paid twice.
// rules: I1, I3
async fn a_run_that_dies_in_the_middle_goes_on_and_pays_nothing_twice<S: Stamped>() {
    let world = Arc::new(World::<S>::fresh().await);
    let (course, topics) = outlined(&world).await;
    let asked = Arc::new(AtomicUsize::new(0));
    let counter = asked.clone();
    // The third call never comes back: its caller is killed meanwhile.
    let provider = Acting::new(bodies(3), move |_| {
        let n = counter.fetch_add(1, Ordering::SeqCst);
        async move {
            if n == 2 {
                tokio::time::sleep(Duration::from_secs(100_000)).await;
            }
        }
    });
    let (theirs, ai) = (world.clone(), world.ai(provider));
    let run = tokio::spawn(async move {
        let brief = BodiesBrief::default();
        ai.write_bodies(&theirs.teacher(), course, brief, nothing).await.map(|report| report.written.len())
    });
    while asked.load(Ordering::SeqCst) < 3 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    run.abort();
    assert!(run.await.unwrap_err().is_cancelled());
    let teacher = world.teacher();
    let ai = world.ai(Script::new(bodies(0)));
    let standing = ai.bodies_standing(&teacher, course, BodiesBrief::default()).await.unwrap();
    assert_eq!((standing.written, standing.open), (2, 4));

    // At once: the topic whose call may still be on its way is left to it, the others are written.
    let script = Script::new(bodies(3));
    let (ai, mut stages) = world.ai(script.clone()).watched();
    let report = ai.write_bodies(&teacher, course, BodiesBrief::default(), nothing).await.unwrap();
    assert_eq!((report.stood, report.under_way), (topics[..2].to_vec(), vec![topics[2]]));
    assert_eq!((report.written, script.calls()), (topics[3..].to_vec(), 3));
    let mut items = Vec::new();
    drop(ai);
    while let Some(stage) = stages.next().await {
        if let Stage::Item { n, of } = stage {
            items.push((n, of));
        }
    }
    assert_eq!(items, [(1, 4), (2, 4), (3, 4), (4, 4)]);

    // Later nobody can be at it any more.
    world.clock.advance(3_600);
    let script = Script::new(bodies(1));
    let ai = world.ai(script.clone());
    let report = ai.write_bodies(&teacher, course, BodiesBrief::default(), nothing).await.unwrap();
    assert!(report.is_complete());
    assert_eq!((report.written, script.calls()), (vec![topics[2]], 1));
    // And again: nothing is left to pay for.
    let idle = Script::new(bodies(0));
    let report = world.ai(idle.clone()).write_bodies(&teacher, course, BodiesBrief::default(), nothing).await.unwrap();
    assert_eq!((report.stood.len(), report.written.len(), idle.calls()), (6, 0, 0));
    let logs = world.logs().await;
    let applied = logs.iter().filter(|row| row.kind == "lesson_body" && row.status == Applied).count();
    assert_eq!((applied, logs.iter().filter(|row| row.kind == "lesson_body").count()), (6, 7), "one died");
}
both!(a_run_that_dies_in_the_middle_goes_on_and_pays_nothing_twice, paused);

/// An answer that was paid for and not written, because its caller died in between, is written without a call,
/// whatever was renamed meanwhile.
// rules: I2, I3
async fn an_answer_that_was_paid_for_is_written_without_a_call<S: Stamped>() {
    let world = World::<S>::fresh().await;
    let (course, topics) = outlined(&world).await;
    let teacher = world.teacher();
    // The database fails when the text is written, after the call.
    world.store.refuse("UPDATE OF body", "topics").await;
    let script = Script::new(bodies(1));
    world.ai(script.clone()).write_bodies(&teacher, course, BodiesBrief::default(), nothing).await.unwrap_err();
    assert_eq!(script.calls(), 1);
    world.store.take_again().await;
    let row = teacher.catalog().topic(topics[0]).await.unwrap();
    let lesson = teacher.catalog().lesson(row.lesson_id).await.unwrap();
    let update = lms_core::lms::UpdateLesson {
        version: lesson.version,
        title: Some("Renamed".into()),
        ..lms_core::lms::UpdateLesson::default()
    };
    teacher.catalog().update_lesson(lesson.id, update).await.unwrap();
    let script = Script::new(bodies(5));
    let report =
        world.ai(script.clone()).write_bodies(&teacher, course, BodiesBrief::default(), nothing).await.unwrap();
    assert_eq!((report.written.len(), script.calls()), (6, 5));
}
both!(an_answer_that_was_paid_for_is_written_without_a_call);

/// What a person has touched is left alone, what breaks the rules keeps its synopsis, and a provider that cannot be
/// used for anything ends the run.
// rules: L4
async fn what_a_person_wrote_stays_and_one_failure_stops_no_other<S: Stamped>() {
    let world = World::<S>::fresh().await;
    let (course, topics) = outlined(&world).await;
    let teacher = world.teacher();
    let mine = teacher.catalog().topic(topics[0]).await.unwrap();
    let update =
        UpdateTopic { version: mine.version, body: Some(Some("My own words.".into())), ..UpdateTopic::default() };
    teacher.catalog().update_topic(topics[0], update).await.unwrap();
    let short = with(body(), "/body_markdown", json!("Short."));
    let reply = |value| Reply::json(&value);
    let provider = Scripted::new().then(reply(short.clone())).then(reply(short)).then(reply(body()));
    let provider = provider.then_error(ProviderError::new(ProviderErrorKind::Auth, Retry::Never));
    let ai = world.ai(Script::new(provider));
    let ended = ai.write_bodies(&teacher, course, BodiesBrief::default(), nothing).await.unwrap_err();
    assert_eq!(ended.code(), "ai.auth");
    // Attempts that have just failed may be another caller's, who is about to try again.
    world.clock.advance(60);
    let script = Script::new(bodies(4));
    let report =
        world.ai(script.clone()).write_bodies(&teacher, course, BodiesBrief::default(), nothing).await.unwrap();
    assert_eq!((report.kept, report.stood), (vec![topics[0]], vec![topics[2]]));
    assert_eq!(report.written.len() + report.failed.len(), 4, "{:?}", report.failed);
    assert_eq!(teacher.catalog().topic(topics[0]).await.unwrap().body.as_deref(), Some("My own words."));
    // One lesson alone, made anew by a run that says its name.
    let lesson = teacher.catalog().topic(topics[4]).await.unwrap().lesson_id;
    let anew = BodiesBrief { run: Some(Uuid::from_u128(9)), lesson: Some(lesson) };
    let script = Script::new(bodies(2));
    let report = world.ai(script.clone()).write_bodies(&teacher, course, anew, nothing).await.unwrap();
    assert_eq!((report.written, script.calls()), (topics[4..].to_vec(), 2));
}
both!(what_a_person_wrote_stays_and_one_failure_stops_no_other);

/// Nobody waits for an hour within a run: the first topic that hears so ends it, and no further one is asked about.
async fn a_provider_that_wants_a_long_pause_ends_the_run<S: Stamped>() {
    let world = World::<S>::fresh().await;
    let (course, _) = outlined(&world).await;
    let error = ProviderError::new(ProviderErrorKind::RateLimited, Retry::After(Duration::from_secs(3_600)));
    let script = Script::new((0..6).fold(Scripted::new(), |script, _| script.then_error(error.clone())));
    let ai = world.ai(script.clone());
    let ended = ai.write_bodies(&world.teacher(), course, BodiesBrief::default(), nothing).await.unwrap_err();
    assert_eq!((ended.code(), script.calls()), ("ai.rate_limited", 1));
}
both!(a_provider_that_wants_a_long_pause_ends_the_run);

/// What is not taken for the sake of one text ends nothing: the others are written.
// rules: L4
async fn one_text_that_is_not_taken_stops_no_other<S: Stamped>() {
    let world = World::<S>::fresh().await;
    let (course, topics) = outlined(&world).await;
    let bad = |kind| ProviderError::new(kind, Retry::Never);
    let script = Scripted::new()
        .then_error(bad(ProviderErrorKind::TooLarge))
        .then_error(bad(ProviderErrorKind::BadRequest { param: None }));
    let script = Script::new((0..4).fold(script, |script, _| script.then(Reply::json(&body()))));
    let ai = world.ai(script.clone());
    let report = ai.write_bodies(&world.teacher(), course, BodiesBrief::default(), nothing).await.unwrap();
    let failed: Vec<TopicId> = report.failed.iter().map(|(topic, _)| *topic).collect();
    assert_eq!((failed, report.written, script.calls()), (topics[..2].to_vec(), topics[2..].to_vec(), 6));
}
both!(one_text_that_is_not_taken_stops_no_other);

/// What a person writes while the run is at work stands: a topic that waits its turn is not asked about, and the
/// text of the topic that is being asked about is not written over theirs.
// rules: L4, L5
async fn what_a_person_writes_during_the_run_stands<S: Stamped>() {
    let world = Arc::new(World::<S>::fresh().await);
    let (course, topics) = outlined(&world).await;
    let (theirs, during, renamed, later) = (Arc::downgrade(&world), topics[1], topics[2], topics[4]);
    let asked = Arc::new(AtomicUsize::new(0));
    let counter = asked.clone();
    let provider = Acting::new(bodies(6), move |_| {
        let (n, world) = (counter.fetch_add(1, Ordering::SeqCst), theirs.upgrade().unwrap());
        async move {
            let teacher = world.teacher();
            let own = async |id| {
                let version = teacher.catalog().topic(id).await.unwrap().version;
                UpdateTopic { version, ..UpdateTopic::default() }
            };
            let words = Some(Some("My own words.".to_owned()));
            match n {
                1 => {
                    for id in [during, later] {
                        let update = UpdateTopic { body: words.clone(), ..own(id).await };
                        teacher.catalog().update_topic(id, update).await.unwrap();
                    }
                }
                // A title is no text: the answer is still wanted, and paid for.
                2 => world.sql("UPDATE topics SET version = version + 1 WHERE ai_edited_at IS NULL").await,
                _ => {}
            }
        }
    });
    let ai = world.ai(provider);
    let teacher = world.teacher();
    let report = ai.write_bodies(&teacher, course, BodiesBrief::default(), nothing).await.unwrap();
    assert_eq!(report.kept, [during, later]);
    assert_eq!(report.written, [topics[0], renamed, topics[3], topics[5]]);
    assert_eq!(asked.load(Ordering::SeqCst), 5, "the one that came too late was paid for, the other not");
    for id in [during, later] {
        assert_eq!(teacher.catalog().topic(id).await.unwrap().body.as_deref(), Some("My own words."));
    }
    // The answer that came too late is there for who wants it all the same.
    let rows = world.logs().await;
    let waiting = rows.iter().find(|row| row.status == lms_core::model::AiLogStatus::Valid).unwrap();
    assert_eq!(waiting.subject_id, Some(during.uuid()));
    let written = ai.apply_body(&teacher, waiting.operation_id, &lms_ai::Selection::all()).await.unwrap();
    assert!(written.body.unwrap().starts_with("## What a leaf does"));
}
both!(what_a_person_writes_during_the_run_stands);

/// One text alone is not written over what a person wrote meanwhile either.
// rules: L5
async fn one_text_does_not_replace_what_was_written_meanwhile<S: Stamped>() {
    let world = Arc::new(World::<S>::fresh().await);
    let (theirs, topic) = (Arc::downgrade(&world), world.topic);
    let provider = Acting::new(bodies(1), move |_| {
        let world = theirs.upgrade().unwrap();
        async move {
            let teacher = world.teacher();
            let version = teacher.catalog().topic(topic).await.unwrap().version;
            let update = UpdateTopic { version, body: Some(Some("My own words.".into())), ..UpdateTopic::default() };
            teacher.catalog().update_topic(topic, update).await.unwrap();
        }
    });
    let error = world.ai(provider).write_body(&world.teacher(), topic, None, About::default()).await.unwrap_err();
    assert_eq!(error.code(), "version.stale", "{error}");
    assert_eq!(world.teacher().catalog().topic(topic).await.unwrap().body.as_deref(), Some("My own words."));
}
both!(one_text_does_not_replace_what_was_written_meanwhile);

/// A text by another model than the configured one waits for a person, in every run, and holds up no other.
// rules: L4
async fn a_text_by_another_model_waits_for_a_person<S: Stamped>() {
    let world = World::<S>::fresh().await;
    let (course, topics) = outlined(&world).await;
    let good = || Reply::json(&body());
    let script = Scripted::new().then(good().model("another-model")).then(good()).then(good());
    let script = Script::new(script.then(good()).then(good()).then(good()));
    let ai = world.ai(script.clone());
    for _ in 0..2 {
        let report = ai.write_bodies(&world.teacher(), course, BodiesBrief::default(), nothing).await.unwrap();
        let [(topic, lms_ai::AiError::NeedsReview { reasons, .. })] = report.failed.as_slice() else {
            panic!("{:?}", report.failed)
        };
        assert_eq!((*topic, reasons.as_slice()), (topics[0], ["fallback_model"].as_slice()));
        assert_eq!((report.written.len() + report.stood.len(), script.calls()), (5, 6));
    }
}
both!(a_text_by_another_model_waits_for_a_person);

/// An outage of any number of runs keeps no text from being written after it, also where a title changed meanwhile;
/// what another run has written is not paid again.
// rules: I3, S11
async fn a_run_goes_on_after_any_outage<S: Stamped>() {
    let world = World::<S>::fresh().await;
    let (course, topics) = outlined(&world).await;
    let teacher = world.teacher();
    let lesson = teacher.catalog().topic(topics[0]).await.unwrap().lesson_id;
    let brief = BodiesBrief { lesson: Some(lesson), ..BodiesBrief::default() };
    let error = ProviderError::new(ProviderErrorKind::Server, Retry::Now);
    for run in 0..5 {
        let script = Script::new((0..6).fold(Scripted::new(), |script, _| script.then_error(error.clone())));
        let report = world.ai(script.clone()).write_bodies(&teacher, course, brief, nothing).await.unwrap();
        let codes: Vec<&str> = report.failed.iter().map(|(_, e)| e.code()).collect();
        assert_eq!((codes, script.calls()), (vec!["ai.provider"; 2], 6), "run {run}");
        world.clock.advance(60);
        if run == 3 {
            rename(&world, lesson).await;
        }
    }
    let script = Script::new(bodies(2));
    let ai = world.ai(script.clone());
    assert_eq!(ai.bodies_standing(&teacher, course, brief).await.unwrap().open, 2);
    let report = ai.write_bodies(&teacher, course, brief, nothing).await.unwrap();
    assert_eq!((report.written.as_slice(), script.calls()), (&topics[..2], 2), "{:?}", report.failed);
    let report = ai.write_bodies(&teacher, course, brief, nothing).await.unwrap();
    assert_eq!((report.stood.as_slice(), script.calls()), (&topics[..2], 2));
    assert_eq!(ai.bodies_standing(&teacher, course, brief).await.unwrap().written, 2);
}
both!(a_run_goes_on_after_any_outage, paused);

async fn rename<S: Stamped>(world: &World<S>, lesson: lms_core::model::LessonId) {
    let catalog = world.teacher();
    let version = catalog.catalog().lesson(lesson).await.unwrap().version;
    let title = Some(format!("Renamed from {version}"));
    let update = lms_core::lms::UpdateLesson { version, title, ..lms_core::lms::UpdateLesson::default() };
    catalog.catalog().update_lesson(lesson, update).await.unwrap();
}

/// A text that is answered in vain has an end of its calls, also where the provider fails in between, run after run.
// rules: I3
async fn a_text_answered_in_vain_has_an_end_whatever_fails_between<S: Stamped>() {
    let world = World::<S>::fresh().await;
    let (course, topics) = outlined(&world).await;
    let teacher = world.teacher();
    let lesson = teacher.catalog().topic(topics[0]).await.unwrap().lesson_id;
    let brief = BodiesBrief { lesson: Some(lesson), ..BodiesBrief::default() };
    let short = Reply::json(&with(body(), "/body_markdown", json!("Short.")));
    let error = ProviderError::new(ProviderErrorKind::Server, Retry::Now);
    let script = (0..200).fold(Scripted::new(), |script, n| match n % 4 {
        0 => script.then_error(error.clone()),
        _ => script.then(short.clone()),
    });
    let script = Script::new(script);
    let ai = world.ai(script.clone());
    let mut calls = Vec::new();
    for _ in 0..14 {
        ai.write_bodies(&teacher, course, brief, nothing).await.unwrap();
        calls.push(script.calls());
        world.clock.advance(60);
    }
    assert!(calls[7] <= 4 * 6, "{calls:?}");
    assert_eq!(calls[7], calls[13], "nothing more is paid: {calls:?}");
}
both!(a_text_answered_in_vain_has_an_end_whatever_fails_between, paused);

/// A text that is always answered in vain is not paid for ever; who changes what is asked gets other answers.
// rules: I3
async fn a_text_answered_in_vain_is_asked_again_when_something_else_is_asked<S: Stamped>() {
    let world = World::<S>::fresh().await;
    let (course, topics) = outlined(&world).await;
    let teacher = world.teacher();
    let lesson = teacher.catalog().topic(topics[0]).await.unwrap().lesson_id;
    let brief = BodiesBrief { lesson: Some(lesson), ..BodiesBrief::default() };
    let short = Reply::json(&with(body(), "/body_markdown", json!("Short.")));
    let script = Script::new((0..30).fold(Scripted::new(), |script, _| script.then(short.clone())));
    let ai = world.ai(script.clone());
    let mut codes = Vec::new();
    for _ in 0..6 {
        let report = ai.write_bodies(&teacher, course, brief, nothing).await.unwrap();
        codes.push(report.failed[0].1.code());
        world.clock.advance(60);
    }
    assert_eq!(codes, [["ai.invalid"; 3], ["ai.calls_used_up"; 3]].concat());
    assert_eq!(script.calls(), 12, "six for each text");
    for again in 1..=2 {
        rename(&world, lesson).await;
        let report = ai.write_bodies(&teacher, course, brief, nothing).await.unwrap();
        assert_eq!((report.failed[0].1.code(), script.calls()), ("ai.invalid", 12 + 4 * again));
        world.clock.advance(60);
    }
    rename(&world, lesson).await;
    let script = Script::new(bodies(2));
    let report = world.ai(script.clone()).write_bodies(&teacher, course, brief, nothing).await.unwrap();
    assert_eq!((report.written.as_slice(), script.calls()), (&topics[..2], 2), "{:?}", report.failed);
}
both!(a_text_answered_in_vain_is_asked_again_when_something_else_is_asked, paused);
