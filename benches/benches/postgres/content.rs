//! Content in one batch (B13).

use std::time::{Duration, Instant};

use lms_benches::Failure;
use lms_benches::bars::{Bar, Demand};
use lms_benches::floor::Outline;
use lms_benches::measure::{exponent, median};
use lms_benches::postgres::{Hand, PgWorld, Server};
use lms_benches::seed::Sizes;
use lms_benches::work::{draft, log, quiz};
use lms_core::lms::AiOrigin;

use super::Effort;

/// B13: an AI course against a statement per table; and that ten times the rows are no more round trips.
pub(crate) async fn outline(server: &Server, effort: Effort) -> Result<Vec<Bar>, Failure> {
    // 1 course, 5 objectives, 20 lessons, 160 topics, 20 links: 206 rows.
    let shape = Outline { lessons: 20, topics: 8, objectives: 5 };
    let world = PgWorld::make(server.url(), 1, Sizes { lessons: 2, learners: 1, done: 0 }).await?;
    let hand = Hand::new(&world, server.url(), 1).await?;
    let teacher = world.lms.as_user(world.instructor);
    let times = 10 / effort.scale.min(5);
    let (mut ratios, mut controls, mut absolute) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..=effort.rounds {
        // Taken in turns, so that a noisy moment meets all.
        let (mut before, mut us, mut after) = (0.0, 0.0, 0.0);
        for _ in 0..times {
            let (first, own, second) = (log(&world.lms).await?, log(&world.lms).await?, log(&world.lms).await?);
            let draft = draft(shape);
            world.lms.settle().await?;
            let started = Instant::now();
            hand.outline(world.instructor, first.id.uuid(), shape).await?;
            before += started.elapsed().as_secs_f64();
            let origin = AiOrigin { log_id: own.id, operation_id: own.operation_id };
            let started = Instant::now();
            teacher.catalog().apply_course(draft, origin).await?;
            us += started.elapsed().as_secs_f64();
            let started = Instant::now();
            hand.outline(world.instructor, second.id.uuid(), shape).await?;
            after += started.elapsed().as_secs_f64();
        }
        if round > 0 {
            ratios.push(2.0 * us / (before + after));
            controls.push(before / after);
            absolute.push(us / times as f64);
        }
    }
    let note = format!("{:.2} ms; floor against itself {:.2}", median(&absolute) * 1e3, median(&controls));
    let mut bars = vec![Bar {
        name: "B13",
        what: "write an AI course of 206 rows: time of ours / statements by table".into(),
        value: median(&ratios),
        demand: Demand::AtMost(1.4),
        note,
    }];
    bars.push(growth(server, &world).await?);
    Ok(bars)
}

/// Round trips of a quiz of 5 questions and of one of 50, and of a course and of one with ten times the topics.
async fn growth(server: &Server, world: &PgWorld) -> Result<Bar, Failure> {
    let (proxy, url) = server.behind(Duration::ZERO)?;
    let (_, lms) = world.through(&url, 1).await?;
    let teacher = lms.as_user(world.instructor);
    let lesson = *world.lessons.first().ok_or("the course has lessons")?;
    let mut found = Vec::new();
    for (round, times) in [(0, 1), (0, 1), (0, 1), (1, 1), (2, 10)] {
        let (first, second) = (log(&world.lms).await?, log(&world.lms).await?);
        let origin = |log: &lms_core::model::AiLog| AiOrigin { log_id: log.id, operation_id: log.operation_id };
        tokio::time::sleep(Duration::from_millis(700)).await;
        server.count_anew().await?;
        let before = proxy.round_trips();
        teacher.catalog().apply_quiz(lesson, quiz(5 * times), origin(&first).into()).await?;
        let shape = Outline { lessons: 4, topics: 4 * times, objectives: 2 };
        teacher.catalog().apply_course(draft(shape), origin(&second)).await?;
        tokio::time::sleep(Duration::from_millis(60)).await;
        let trips = (proxy.round_trips() - before) as f64 - server.counted("relay_v1").await?.0;
        // The first round prepares the statements.
        if round > 0 {
            found.push(trips);
        }
    }
    let [one, ten] = <[f64; 2]>::try_from(found).map_err(|_| "two counts")?;
    Ok(Bar {
        name: "B13",
        what: "round trips of an AI quiz and course: ten times the rows / once".into(),
        value: ten / one,
        demand: Demand::AtMost(1.0),
        note: format!("{ten:.0} and {one:.0} round trips"),
    })
}

/// B12: publishing and unpublishing a lesson, without learners' rows and with them, as enrollments grow.
pub(crate) async fn publish(server: &Server, effort: Effort) -> Result<Vec<Bar>, Failure> {
    let (few, many) = (1_000, 100_000 / effort.scale);
    // Everybody has done the first lesson of three: the second and the third complete nobody.
    let sizes = |learners: usize| Sizes { lessons: 3, learners, done: 1 };
    let small = PgWorld::make(server.url(), 1, sizes(few)).await?;
    let large = PgWorld::make(server.url(), 1, sizes(many)).await?;
    let mut bars = Vec::new();
    for (lesson, what, most, rounds) in
        [(2, "without learners' rows", 0.10, effort.rounds), (0, "with learners' rows", 1.1, 3)]
    {
        let toggle = async |world: &PgWorld| {
            let lesson = *world.lessons.get(lesson).ok_or("the course has lessons")?;
            let teacher = world.lms.as_user(world.instructor);
            let started = Instant::now();
            teacher.catalog().publish_lesson(lesson, false).await?;
            teacher.catalog().publish_lesson(lesson, true).await?;
            Ok::<_, Failure>(started.elapsed().as_secs_f64())
        };
        let (mut a, mut b) = (Vec::new(), Vec::new());
        for round in 0..=rounds {
            let (x, y) = (toggle(&small).await?, toggle(&large).await?);
            if round > 0 {
                a.push(x);
                b.push(y);
            }
        }
        bars.push(Bar {
            name: "B12",
            what: format!("unpublish and publish a lesson {what}, 1e3 to {many:.0e} enrollments: exponent"),
            value: exponent((few as f64, median(&a)), (many as f64, median(&b))),
            demand: Demand::AtMost(most),
            note: format!("{:.1} ms, {:.1} ms", median(&a) * 1e3, median(&b) * 1e3),
        });
    }
    small.audit().await?;
    large.audit().await?;
    Ok(bars)
}
