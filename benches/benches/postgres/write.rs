//! A learner's write: round trips, time, and bytes of WAL (B6, B7, B8, B20).

use std::time::Duration;

use lms_benches::Failure;
use lms_benches::bars::{Bar, Demand};
use lms_benches::measure::median;
use lms_benches::postgres::{Hand, PgWorld, Server, Way};
use lms_benches::seed::Sizes;
use lms_benches::work::{Pair, attempts, complete};
use lms_core::Lms;
use lms_core::model::LessonId;
use lms_core::store::EventLog as _;
use lms_store_postgres::PgStore;
use lms_store_postgres::driver::{self, Row as _};

use super::Effort;

/// A wire without a delay.
const AT_ONCE: Duration = Duration::ZERO;
/// Half of a round trip of 1 ms.
const HALF: Duration = Duration::from_micros(500);

fn bar(name: &'static str, what: String, value: f64, demand: Demand, note: String) -> Bar {
    Bar { name, what, value, demand, note }
}

/// Pairs of a lesson that completes nobody's course.
fn one_lesson(world: &PgWorld, lesson: usize, learners: usize) -> Vec<Pair> {
    world.learners.iter().take(learners).filter_map(|s| Some((*s, *world.lessons.get(lesson)?))).collect()
}

/// The relay step is not the command's: its trips are counted by the server and taken off.
async fn trips<F: Future<Output = Result<(), Failure>>>(
    server: &Server,
    proxy: &lms_benches::proxy::Proxy,
    (operations, per_step): (usize, f64),
    work: F,
) -> Result<f64, Failure> {
    // What is under way comes to rest first, connections too; and the relay step afterwards.
    tokio::time::sleep(Duration::from_millis(700)).await;
    server.count_anew().await?;
    let before = proxy.round_trips();
    work.await?;
    tokio::time::sleep(Duration::from_millis(60)).await;
    let after = proxy.round_trips();
    let (steps, _) = server.counted("relay_v1").await?;
    Ok(((after - before) as f64 - steps * per_step) / operations as f64)
}

/// B6: counted at the wire, warm, one client.
pub(crate) async fn round_trips(server: &Server) -> Result<Vec<Bar>, Failure> {
    const N: usize = 40;
    let mut bars = Vec::new();
    let (proxy, url) = server.behind(AT_ONCE)?;
    let world = PgWorld::make(&url, 1, Sizes { lessons: 20, learners: 400, done: 0 }).await?;
    let first = *world.lessons.first().ok_or("the course has lessons")?;
    let (some, others) = world.learners.split_at(N);
    let open = attempts(&world.lms, world.instructor, first, some).await?;
    let more = attempts(&world.lms, world.instructor, first, others.get(..N).unwrap_or_default()).await?;
    for pooled in [false, true] {
        let (most, kind) = if pooled { (8.0, "pooled") } else { (2.0, "direct") };
        let per_step = if pooled { 4.0 } else { 1.0 };
        let (lms, open) = if pooled { (pooled_lms(&world, &url).await?, &more) } else { (world.lms.clone(), &open) };
        let lessons = if pooled { [3, 4] } else { [1, 2] };
        // Warm: statements are prepared on both connections, revisions are read.
        complete(&lms, &one_lesson(&world, lessons[0], N), 2).await?;
        let (warm, counted) = open.split_at(N / 2);
        let mut submits = Vec::new();
        for (student, attempt) in warm.iter().copied() {
            let lms = lms.clone();
            submits.push(tokio::spawn(async move { lms.as_user(student).quizzes().submit(attempt).await.map(drop) }));
        }
        for submit in submits {
            submit.await??;
        }
        let progress = trips(server, &proxy, (N, per_step), async {
            complete(&lms, &one_lesson(&world, lessons[1], N), 1).await.map(drop)
        })
        .await?;
        let submit = trips(server, &proxy, (counted.len(), per_step), async {
            for (student, attempt) in counted {
                lms.as_user(*student).quizzes().submit(*attempt).await?;
            }
            Ok(())
        })
        .await?;
        for (what, value) in [("complete a lesson", progress), ("hand in a quiz", submit)] {
            let what = format!("round trips, {what}, {kind}");
            bars.push(bar("B6", what, value, Demand::AtMost(most), String::new()));
        }
    }
    Ok(bars)
}

async fn pooled_lms(world: &PgWorld, url: &str) -> Result<Lms, Failure> {
    let (name, private) = &world.names;
    let builder = PgStore::builder(url).schemas(name.as_str(), private.as_str()).max_connections(2);
    let store = builder.pooled(Some(url.to_owned())).connect().await?;
    Ok(Lms::builder(store).build())
}

/// B7 without a delay: floor, ours, statements, floor.
pub(crate) async fn against(server: &Server, clients: usize, effort: Effort) -> Result<Vec<Bar>, Failure> {
    let operations = (if clients == 1 { 400 } else { 1_600 } / effort.scale).max(clients);
    let demands = (Demand::AtLeast(0.55), Demand::AtLeast(1.0));
    ratios(server, server.url(), "", demands, (clients, operations), effort).await
}

/// The same on a server whose flushes cost nothing: figures to know.
pub(crate) async fn in_memory(server: &Server, clients: usize, effort: Effort) -> Result<Vec<Bar>, Failure> {
    let operations = (if clients == 1 { 400 } else { 1_600 } / effort.scale).max(clients);
    let demands = (Demand::None, Demand::None);
    ratios(server, server.url(), ", no flush", demands, (clients, operations), effort).await
}

/// B7 with a round trip of 1 ms.
pub(crate) async fn over_a_wire(server: &Server, clients: usize, effort: Effort) -> Result<Vec<Bar>, Failure> {
    let (_proxy, url) = server.behind(HALF)?;
    let operations = (if clients == 1 { 80 } else { 800 } / effort.scale).max(clients);
    let demands = (Demand::None, Demand::AtLeast(2.0));
    ratios(server, &url, ", 1 ms away", demands, (clients, operations), effort).await
}

async fn ratios(
    server: &Server,
    url: &str,
    place: &str,
    (over_call, over_statements): (Demand, Demand),
    (clients, operations): (usize, usize),
    effort: Effort,
) -> Result<Vec<Bar>, Failure> {
    let lessons = 20;
    let connections = u32::try_from(clients)?;
    let world = |share: usize| {
        let learners = (effort.rounds + 1) * operations * share / lessons + lessons;
        PgWorld::make(server.url(), connections, Sizes { lessons, learners, done: 0 })
    };
    let (own, theirs) = (world(1).await?, world(3).await?);
    let (_, lms) = own.through(url, connections).await?;
    let hand = Hand::new(&theirs, url, connections).await?;
    let (mut ours, mut floors) = (own.pairs(0), theirs.pairs(0));
    let mut found: [Vec<f64>; 4] = Default::default();
    for round in 0..=effort.rounds {
        let call = hand.complete(&theirs, Way::Call, &floors.take(operations)?, clients).await?;
        let us = complete(&lms, &ours.take(operations)?, clients).await?;
        let statements = hand.complete(&theirs, Way::Statements, &floors.take(operations)?, clients).await?;
        let again = hand.complete(&theirs, Way::Call, &floors.take(operations)?, clients).await?;
        // The first round warms up.
        if round > 0 {
            let floor = (call + again) / 2.0;
            for (list, value) in found.iter_mut().zip([floor / us, statements / us, call / again, us]) {
                list.push(value);
            }
        }
    }
    own.audit().await?;
    theirs.audit().await?;
    let [to_call, to_statements, control, absolute] = found.map(|list| median(&list));
    let note = format!(
        "{:.0} tx/s, {:.0} us each; call {:.0}/s, statements {:.0}/s; floor against itself {control:.2}",
        1.0 / absolute,
        absolute * 1e6 * clients as f64,
        1.0 / (absolute * to_call),
        1.0 / (absolute * to_statements),
    );
    let of = |floor: &str| format!("complete a lesson, {clients} clients{place}: ours / {floor}");
    Ok(vec![
        bar("B7", of("one call by hand"), to_call, over_call, note),
        bar("B7", of("statements by hand"), to_statements, over_statements, String::new()),
    ])
}

/// B8: bytes of WAL of our statement and of the hand-written one, on the same schema.
pub(crate) async fn wal(server: &Server) -> Result<Vec<Bar>, Failure> {
    const N: usize = 400;
    let sizes = Sizes { lessons: 20, learners: N + 20, done: 0 };
    let (own, theirs) = (PgWorld::make(server.url(), 1, sizes).await?, PgWorld::make(server.url(), 1, sizes).await?);
    let hand = Hand::new(&theirs, server.url(), 1).await?;
    // The first change of a page after a checkpoint writes the page: those are not the command's.
    let checkpoint = || async { own.sql("CHECKPOINT").await };
    checkpoint().await?;
    complete(&own.lms, &one_lesson(&own, 0, N), 1).await?;
    hand.complete(&theirs, Way::Call, &one_lesson(&theirs, 0, N), 1).await?;
    own.lms.settle().await?;
    server.count_anew().await?;
    complete(&own.lms, &one_lesson(&own, 1, N), 1).await?;
    hand.complete(&theirs, Way::Call, &one_lesson(&theirs, 1, N), 1).await?;
    own.lms.settle().await?;
    let per = |bytes: f64| bytes / N as f64;
    let (ours, floor, relay) = (
        per(server.counted("learner_v1").await?.1),
        per(server.counted("by_hand").await?.1),
        per(server.counted("relay_v1").await?.1),
    );
    let note = format!("{ours:.0} against {floor:.0} bytes");
    let beside = format!("{relay:.0} bytes, by the step that gives positions");
    Ok(vec![
        bar("B8", "WAL of completing a lesson: ours / by hand".into(), ours / floor, Demand::AtMost(1.15), note),
        bar("B8", "WAL of the relay / of the command".into(), relay / ours, Demand::None, beside),
    ])
}

/// B20: no transaction id is assigned, no byte of WAL and no event is written.
pub(crate) async fn repeat(server: &Server) -> Result<Vec<Bar>, Failure> {
    let world = PgWorld::make(server.url(), 8, Sizes { lessons: 3, learners: 40, done: 2 }).await?;
    let lesson: LessonId = *world.lessons.first().ok_or("the course has lessons")?;
    let pairs: Vec<Pair> = world.learners.iter().map(|student| (*student, lesson)).collect();
    world.lms.settle().await?;
    // What the seed has left to tidy up, a reader would tidy up.
    world.sql("VACUUM").await?;
    server.count_anew().await?;
    let next = || async {
        let sql = "SELECT pg_snapshot_xmax(pg_current_snapshot())::text::float8";
        Ok::<f64, Failure>(driver::query(sql).fetch_one(world.store.pool()).await?.try_get(0)?)
    };
    let before = (next().await?, world.store.ends().await?.head);
    complete(&world.lms, &pairs, 1).await?;
    complete(&world.lms, &pairs, 8).await?;
    world.lms.settle().await?;
    let after = (next().await?, world.store.ends().await?.head);
    // Of every statement that names our schemas.
    let (_, bytes) = server.counted(&world.names.0).await?;
    let of = |what: &str| format!("repeat of a completed lesson: {what}");
    let none = Demand::AtMost(0.0);
    Ok(vec![
        bar("B20", of("transaction ids"), after.0 - before.0, none, String::new()),
        bar("B20", of("bytes of WAL"), bytes, none, String::new()),
        bar("B20", of("events"), (after.1 - before.1) as f64, none, String::new()),
    ])
}
