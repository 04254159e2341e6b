//! A disk that takes a while to flush: what a lock held over the flush would cost (B9, B10).

use std::future::poll_fn;
use std::path::Path;

use lms_benches::Failure;
use lms_benches::bars::{Bar, Demand};
use lms_benches::measure::median;
use lms_benches::postgres::{PgWorld, Server};
use lms_benches::seed::Sizes;
use lms_benches::work::complete;
use lms_core::store::EventFilter;

use super::Effort;

const MANY: usize = 32;

/// Takes the events out of the write door, and the work out of the relay step.
async fn without_events(world: &PgWorld) -> Result<(), Failure> {
    for (name, from, to) in [
        ("write_v1", "IF p_events IS NOT NULL THEN", "IF false THEN"),
        ("learner_v1", "IF p_events IS NOT NULL THEN", "IF false THEN"),
        ("learners_v1", "IF p_events IS NOT NULL THEN", "IF false THEN"),
        ("relay_v1", "SELECT head INTO v_head", "RETURN 0; SELECT head INTO v_head"),
    ] {
        let of = format!(
            "SELECT pg_get_functiondef(p.oid) FROM pg_proc AS p JOIN pg_namespace AS n ON n.oid = p.pronamespace
             WHERE n.nspname = '{{priv}}' AND p.proname = '{name}'"
        );
        let text = world.text(&of).await?;
        if !text.contains(from) {
            return Err(format!("{name} is not what this bench knows").into());
        }
        world.sql(&text.replace(from, to)).await?;
    }
    Ok(())
}

/// One hot course, somebody listening: 32 clients against one, and against a world without events. With ten times
/// the flush it is the flush, and no longer the processors, that limits one client.
pub(crate) async fn slow(folder: &Path, milliseconds: u32, effort: Effort) -> Result<Vec<Bar>, Failure> {
    let delay = (milliseconds * 1_000).to_string();
    let server = Server::own(folder, &[("commit_delay", &delay), ("commit_siblings", "0")]);
    let lessons = 20;
    let few = (240 / effort.scale / usize::try_from(milliseconds)?).max(1);
    let many = (3_200 / effort.scale).max(MANY);
    let sizes = |n: usize| Sizes { lessons, learners: (effort.rounds + 1) * n / lessons + lessons, done: 0 };
    let connections = u32::try_from(MANY)?;
    let world = PgWorld::make(server.url(), connections, sizes(2 * many + few)).await?;
    let silent = PgWorld::make(server.url(), connections, sizes(many)).await?;
    without_events(&silent).await?;
    let mut stream = world.lms.live().events(&world.lms.system(), EventFilter::default(), None).await?;
    let listening = tokio::spawn(async move {
        let mut heard = 0_u64;
        while poll_fn(|cx| stream.as_mut().poll_next(cx)).await.is_some_and(|event| event.is_ok()) {
            heard += 1;
        }
        heard
    });
    let (mut pairs, mut others) = (world.pairs(0), silent.pairs(0));
    let mut found: [Vec<f64>; 5] = Default::default();
    for round in 0..=effort.rounds {
        let alone = complete(&world.lms, &pairs.take(few)?, 1).await?;
        let first = complete(&world.lms, &pairs.take(many)?, MANY).await?;
        let without = complete(&silent.lms, &others.take(many)?, MANY).await?;
        let second = complete(&world.lms, &pairs.take(many)?, MANY).await?;
        // The first round warms up.
        if round > 0 {
            let together = (first + second) / 2.0;
            let values = [alone / together, without / together, first / second, 1.0 / together, 1.0 / alone];
            for (list, value) in found.iter_mut().zip(values) {
                list.push(value);
            }
        }
    }
    world.lms.settle().await?;
    world.audit().await?;
    listening.abort();
    let [gain, cost, control, fast, slow] = found.map(|list| median(&list));
    let note = format!("{fast:.0} against {slow:.0} tx/s; 32 clients against themselves {control:.2}");
    let asked = |demand| if milliseconds == 1 { demand } else { Demand::None };
    Ok(vec![
        Bar {
            name: "B9",
            what: format!("flush of {milliseconds} ms, events live, one course: 32 clients / 1 client"),
            value: gain,
            demand: asked(Demand::AtLeast(8.0)),
            note,
        },
        Bar {
            name: "B10",
            what: format!("flush of {milliseconds} ms, 32 clients: events live / no events at all"),
            value: cost,
            demand: asked(Demand::AtLeast(0.60)),
            note: String::new(),
        },
    ])
}
