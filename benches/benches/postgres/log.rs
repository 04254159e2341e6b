//! The event log: resuming, delivery, the relay step (B16, B18, B19).

use std::future::poll_fn;
use std::time::{Duration, Instant};

use lms_benches::Failure;
use lms_benches::bars::{Bar, Demand};
use lms_benches::measure::median;
use lms_benches::postgres::{PgWorld, Server};
use lms_benches::seed::Sizes;
use lms_benches::work::{attempts, complete};
use lms_core::model::EventKind;
use lms_core::store::{AnalyticsReads as _, EventFilter, EventLog as _, QuizScope};
use lms_store_postgres::PgStore;
use lms_store_postgres::driver::{self, Connection as _, postgres::PgListener};

use super::Effort;

/// Positioned events two days and more old, every `rare`-th of them of a rare kind.
async fn events(world: &PgWorld, count: usize, rare: usize) -> Result<(), Failure> {
    world.lms.settle().await?;
    world
        .sql(&format!(
            "INSERT INTO {{priv}}.activity_events (position, id, at, kind, actor_kind, actor_id, course_id, student_id,
                 subject_type, subject_id, learner_initiated, metadata)
             SELECT h.head + n, gen_random_uuid(), now() - interval '2 days' - n * interval '1 second', CASE WHEN n % {rare} = 0 THEN 'acme.rare' ELSE 'lesson_opened' END,
                 'user', e.student_id, e.course_id, e.student_id, 'lesson', e.id, true, '{{}}'
             FROM {{priv}}.lms_log AS h, generate_series(1, {count}) AS n
             CROSS JOIN LATERAL (SELECT id, course_id, student_id FROM {{lms}}.enrollments ORDER BY id OFFSET n % 50 LIMIT 1) AS e;
             UPDATE {{priv}}.lms_log SET head = (SELECT max(position) FROM {{priv}}.activity_events);"
        ))
        .await?;
    world.sql("VACUUM ANALYZE {priv}.activity_events").await
}

/// B16: a page of 500 at the beginning of a short and of a long log: of all, and of a kind that is rare in both.
pub(crate) async fn resume(server: &Server, effort: Effort) -> Result<Vec<Bar>, Failure> {
    let sizes = Sizes { lessons: 1, learners: 60, done: 0 };
    let (small, large) = (PgWorld::make(server.url(), 1, sizes).await?, PgWorld::make(server.url(), 1, sizes).await?);
    let (few, many) = (10_000, 1_000_000 / effort.scale);
    // 500 rare events in each.
    events(&small, few, few / 500).await?;
    events(&large, many, many / 500).await?;
    let rare = EventFilter { kinds: vec![EventKind::Other("acme.rare".into())], ..EventFilter::default() };
    let times = 20 / effort.scale.min(4);
    let mut bars = Vec::new();
    for (what, filter) in [("all", EventFilter::default()), ("of a rare kind", rare)] {
        let (mut ratios, mut absolute, mut controls) = (Vec::new(), Vec::new(), Vec::new());
        for round in 0..=effort.rounds {
            let (mut a, mut b, mut c) = (0.0, 0.0, 0.0);
            for _ in 0..times {
                a += page(&small.store, &filter).await?;
                b += page(&large.store, &filter).await?;
                c += page(&small.store, &filter).await?;
            }
            if round > 0 {
                ratios.push(2.0 * b / (a + c));
                controls.push(a / c);
                absolute.push(b / times as f64);
            }
        }
        bars.push(Bar {
            name: "B16",
            what: format!("resume with a page of 500, {what}: 1e4 to {many:.0e} events"),
            value: median(&ratios),
            demand: Demand::AtMost(1.5),
            note: format!("{:.2} ms; 1e4 against itself {:.2}", median(&absolute) * 1e3, median(&controls)),
        });
    }
    Ok(bars)
}

async fn page(store: &PgStore, filter: &EventFilter) -> Result<f64, Failure> {
    let started = Instant::now();
    let page = store.events(0, filter, 500).await?;
    let took = started.elapsed().as_secs_f64();
    if page.len() == 500 { Ok(took) } else { Err(format!("a page of {}", page.len()).into()) }
}

/// B14 and B15: a course's figures, and who was active in the last day, in a short and in a long log.
pub(crate) async fn figures(server: &Server, effort: Effort) -> Result<Vec<Bar>, Failure> {
    let sizes = Sizes { lessons: 4, learners: 1_000, done: 2 };
    let (small, large) = (PgWorld::make(server.url(), 1, sizes).await?, PgWorld::make(server.url(), 1, sizes).await?);
    for world in [&small, &large] {
        // A thousand events of the last day in each, and scores to average.
        let third: Vec<_> =
            world.learners.iter().filter_map(|student| Some((*student, *world.lessons.get(2)?))).collect();
        complete(&world.lms, &third, 1).await?;
        let first = *world.lessons.first().ok_or("the course has lessons")?;
        let some = world.learners.get(..50).unwrap_or_default();
        for (student, attempt) in attempts(&world.lms, world.instructor, first, some).await? {
            world.lms.as_user(student).quizzes().submit(attempt).await?;
        }
    }
    let (few, many) = (10_000, 1_000_000 / effort.scale);
    events(&small, few, few).await?;
    events(&large, many, many).await?;
    for world in [&small, &large] {
        world.sql("VACUUM ANALYZE").await?;
    }
    let until = small.lms.now().plus_seconds(60);
    let since = until.plus_seconds(-24 * 3_600);
    let times = 20 / effort.scale.min(4);
    let mut bars = Vec::new();
    for (name, what) in [("B14", "completion and quiz average of a course"), ("B15", "active in 24 h, one course")] {
        let read = async |world: &PgWorld| {
            let started = Instant::now();
            if name == "B14" {
                world.store.completion(world.course).await?;
                world.store.quiz_percents(QuizScope::Course(world.course)).await?;
            } else {
                let active = world.store.active_students(Some(world.course), since, until).await?;
                if usize::try_from(active)? != world.learners.len() {
                    return Err(format!("{active} are active").into());
                }
            }
            Ok::<_, Failure>(started.elapsed().as_secs_f64())
        };
        let (mut ratios, mut controls, mut absolute) = (Vec::new(), Vec::new(), Vec::new());
        for round in 0..=effort.rounds {
            let (mut a, mut b, mut c) = (0.0, 0.0, 0.0);
            for _ in 0..times {
                a += read(&small).await?;
                b += read(&large).await?;
                c += read(&small).await?;
            }
            if round > 0 {
                ratios.push(2.0 * b / (a + c));
                controls.push(a / c);
                absolute.push(b / times as f64);
            }
        }
        bars.push(Bar {
            name,
            what: format!("{what}: 1e4 to {many:.0e} old events"),
            value: median(&ratios),
            demand: Demand::AtMost(1.5),
            note: format!("{:.2} ms; 1e4 against itself {:.2}", median(&absolute) * 1e3, median(&controls)),
        });
    }
    Ok(bars)
}

/// B18: from the COMMIT to the subscriber, one at a time, against a NOTIFY inside the transaction.
///
/// The server tells a listener before it answers the writer, so that the answer is no beginning to count from: from
/// there the floor is nothing.
pub(crate) async fn delivery(server: &Server, effort: Effort) -> Result<Vec<Bar>, Failure> {
    let times = 200 / effort.scale;
    let world = PgWorld::make(server.url(), 2, Sizes { lessons: 3, learners: times + 20, done: 0 }).await?;
    let lesson = *world.lessons.first().ok_or("the course has lessons")?;
    world.lms.settle().await?;
    let mut stream = world.lms.live().events(&world.lms.system(), EventFilter::default(), None).await?;
    let mut listener = PgListener::connect(server.url()).await?;
    listener.listen("by_hand").await?;
    let mut session = server.session().await?;
    world.sql("CREATE TABLE {lms}.told (n bigint)").await?;
    let insert = world.expand("INSERT INTO {lms}.told VALUES ($1)");
    let (mut ours, mut raw, mut commits) = (Vec::new(), Vec::new(), Vec::new());
    for (n, student) in world.learners.iter().enumerate().take(times) {
        // Idle in between, as a quiet school is.
        tokio::time::sleep(Duration::from_millis(20)).await;
        let heard = tokio::spawn(async move {
            let event = poll_fn(|cx| stream.as_mut().poll_next(cx)).await;
            (Instant::now(), event.is_some_and(|event| event.is_ok()), stream)
        });
        world.lms.as_user(*student).learning().complete_lesson(lesson).await?;
        let committed = Instant::now();
        let (at, good, back) = heard.await?;
        stream = back;
        if !good {
            return Err("the subscription ended".into());
        }
        ours.push(at.saturating_duration_since(committed).as_secs_f64());

        tokio::time::sleep(Duration::from_millis(20)).await;
        let heard = tokio::spawn(async move {
            let told = listener.recv().await.map(drop);
            (Instant::now(), told, listener)
        });
        let mut tx = session.begin().await?;
        driver::query(driver::AssertSqlSafe(insert.clone())).bind(i64::try_from(n)?).execute(&mut *tx).await?;
        driver::query("SELECT pg_notify('by_hand', 'x')").execute(&mut *tx).await?;
        let committing = Instant::now();
        tx.commit().await?;
        commits.push(committing.elapsed().as_secs_f64());
        let (at, told, back) = heard.await?;
        told?;
        listener = back;
        raw.push(at.saturating_duration_since(committing).as_secs_f64());
    }
    // Ours is known from the answer to the commit on; the commit itself costs both the same.
    let (p50, floor) = (median(&ours) + median(&commits), median(&raw));
    Ok(vec![Bar {
        name: "B18",
        what: "commit to delivery, idle, p50: ours / NOTIFY in the transaction".into(),
        value: p50 / floor,
        demand: Demand::AtMost(15.0),
        note: format!(
            "{:.0} us against {:.0} us, of both {:.0} us for the COMMIT",
            p50 * 1e6,
            floor * 1e6,
            median(&commits) * 1e6
        ),
    }])
}

/// B19: how fast positions are given, against how fast events can be written.
pub(crate) async fn drain(server: &Server, effort: Effort) -> Result<Vec<Bar>, Failure> {
    let (clients, count) = (32, 100_000 / effort.scale);
    let operations = (3_200 / effort.scale).max(clients);
    let lessons = 20;
    let learners = (effort.rounds + 1) * operations / lessons + 80;
    let world = PgWorld::make(server.url(), u32::try_from(clients)?, Sizes { lessons, learners, done: 0 }).await?;
    let mut pairs = world.pairs(0);
    let mut rates = Vec::new();
    for _ in 0..=effort.rounds {
        let head = world.lms.settle().await?;
        let started = Instant::now();
        complete(&world.lms, &pairs.take(operations)?, clients).await?;
        let took = started.elapsed().as_secs_f64();
        rates.push((world.lms.settle().await? - head) as f64 / took);
    }
    let peak = rates.iter().copied().fold(0.0, f64::max);
    // A store that numbers nothing by itself meanwhile: the clock of an idle one is slow.
    let mut drains = Vec::new();
    for _ in 0..3 {
        world
            .sql(&format!(
                "INSERT INTO {{priv}}.activity_events (id, at, kind, actor_kind, actor_id, course_id, student_id, subject_type,
                     subject_id, learner_initiated, metadata)
                 SELECT gen_random_uuid(), now(), 'lesson_opened', 'user', e.student_id, e.course_id, e.student_id, 'lesson', e.id,
                     true, '{{}}'
                 FROM {{lms}}.enrollments AS e, generate_series(1, {count} / 50) WHERE e.id IN
                     (SELECT id FROM {{lms}}.enrollments ORDER BY id LIMIT 50)"
            ))
            .await?;
        let head = world.store.ends().await?.head;
        let started = Instant::now();
        let end = world.lms.settle().await?;
        drains.push((end - head) as f64 / started.elapsed().as_secs_f64());
    }
    Ok(vec![Bar {
        name: "B19",
        what: "events numbered a second / the most that 32 clients write a second".into(),
        value: median(&drains) / peak,
        demand: Demand::AtLeast(2.0),
        note: format!("{:.0} against {peak:.0} events/s", median(&drains)),
    }])
}
