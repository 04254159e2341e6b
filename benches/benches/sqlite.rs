//! The bars of the SQLite store: `cargo bench -p lms-benches` (`-- --quick` for a smoke run).
//!
//! B1–B5, B11, B13 and B20, printed as lines and written to `target/bars.json`.
#![allow(clippy::print_stdout, missing_docs, reason = "a program that reports")]

use std::path::{Path, PathBuf};
use std::time::Instant;

use lms_benches::Failure;
use lms_benches::bars::{Bar, Demand, print, write};
use lms_benches::floor::{Floor, Outline};
use lms_benches::measure::{exponent, median};
use lms_benches::seed::{Sizes, World};
use lms_benches::work::{Pairs, attempts, complete, draft, log};
use lms_core::lms::AiOrigin;
use lms_core::model::{AttemptId, LessonId, UserId};
use lms_core::store::EventLog as _;
use lms_store_sqlite::Durability;

/// How much is done.
struct Effort {
    rounds: usize,
    scale: usize,
}

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let quick = std::env::args().any(|a| a == "--quick" || a == "--test");
    let effort = if quick { Effort { rounds: 3, scale: 10 } } else { Effort { rounds: 11, scale: 1 } };
    let memory = Path::new("/dev/shm");
    let fast = if memory.is_dir() { tempfile::tempdir_in(memory)? } else { tempfile::tempdir()? };
    let disk = tempfile::tempdir_in(std::env::current_dir()?.parent().unwrap_or(Path::new(".")))?;
    println!("CPU bars on {}; {} rounds, medians\n", fast.path().display(), effort.rounds);
    let only = std::env::args().skip_while(|a| a != "--only").nth(1);
    let wanted = |name: &str| only.as_deref().is_none_or(|only| only == name);
    let mut bars = Vec::new();
    let mut report = |new: Vec<Bar>| {
        new.iter().for_each(print);
        bars.extend(new);
    };
    if wanted("B1") {
        report(vec![one_client(fast.path(), &effort).await?]);
    }
    if wanted("B2") {
        report(vec![many_clients("B2", fast.path(), Demand::AtLeast(0.70), 1_600, &effort).await?]);
    }
    if wanted("B3") {
        report(vec![many_clients("B3", disk.path(), Demand::AtLeast(2.5), 640, &effort).await?]);
    }
    if wanted("B4") {
        report(frames(fast.path()).await?);
    }
    if wanted("B5") {
        report(vec![growth(fast.path(), &effort).await?]);
    }
    if wanted("B11") {
        report(vec![completion(fast.path(), &effort).await?]);
    }
    if wanted("B13") {
        report(vec![outline(fast.path(), &effort).await?]);
    }
    if wanted("quiz") {
        report(vec![quiz(fast.path(), &effort).await?]);
    }
    if wanted("B20") {
        report(repeat(fast.path()).await?);
    }
    // One bar alone, or a smoke run, does not take the place of a whole run's figures.
    if only.is_none() && !quick {
        let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../target/bars.json");
        std::fs::create_dir_all(path.parent().unwrap_or(Path::new(".")))?;
        write(&bars, &path)?;
    }
    println!("\n{} of {} bars met", bars.iter().filter(|b| b.met()).count(), bars.len());
    Ok(())
}

async fn ours(world: &World, pairs: &[(UserId, LessonId)], clients: usize) -> Result<f64, Failure> {
    complete(&world.lms, pairs, clients).await
}

fn pairs(world: &World, from_lesson: usize) -> Pairs {
    Pairs::of(&world.learners, world.lessons.get(from_lesson..).unwrap_or_default())
}

fn floor(floor: &mut Floor, world: &World, pairs: &[(UserId, LessonId)]) -> Result<f64, Failure> {
    let now = world.lms.now().as_micros();
    let started = Instant::now();
    for (student, lesson) in pairs {
        floor.complete(world.course, *lesson, *student, now)?;
    }
    Ok(started.elapsed().as_secs_f64() / pairs.len() as f64)
}

/// Floor, ours, floor again: the ratio of throughputs, and the control.
async fn against(
    name: &'static str,
    folder: &Path,
    durability: Durability,
    (clients, operations): (usize, usize),
    rounds: usize,
) -> Result<(f64, String), Failure> {
    let lessons = 20;
    let sizes = |share: usize| Sizes { lessons, learners: rounds * operations * share / lessons + lessons, done: 0 };
    let (own, theirs) = (folder.join(format!("{name}-ours.db")), folder.join(format!("{name}-floor.db")));
    let world = World::make(&own, durability, sizes(1)).await?;
    let other = World::make(&theirs, durability, sizes(2)).await?;
    let mut direct = Floor::open(&theirs, durability)?;
    let (mut pairs, mut floors) = (pairs(&world, 0), pairs(&other, 0));
    let (mut ratios, mut controls, mut absolute) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..rounds {
        let before = floor(&mut direct, &other, &floors.take(operations)?)?;
        let us = ours(&world, &pairs.take(operations)?, clients).await?;
        let after = floor(&mut direct, &other, &floors.take(operations)?)?;
        ratios.push((before + after) / 2.0 / us);
        controls.push(before / after);
        absolute.push(us);
    }
    let drift = world.lms.system().activity().audit(world.course).await?;
    if !drift.is_empty() {
        return Err("the course drifts after the run".into());
    }
    let note = format!(
        "{:.0} tx/s, {:.0} us each; floor against itself {:.2}",
        1.0 / median(&absolute),
        median(&absolute) * 1e6,
        median(&controls)
    );
    Ok((median(&ratios), note))
}

async fn one_client(folder: &Path, effort: &Effort) -> Result<Bar, Failure> {
    let (value, note) = against("B1", folder, Durability::Full, (1, 1_000 / effort.scale), effort.rounds).await?;
    Ok(Bar {
        name: "B1",
        what: "complete a lesson, 1 client, CPU: ours / floor".into(),
        value,
        demand: Demand::AtLeast(0.5),
        note,
    })
}

async fn many_clients(
    name: &'static str,
    folder: &Path,
    demand: Demand,
    operations: usize,
    effort: &Effort,
) -> Result<Bar, Failure> {
    let durability = Durability::Full;
    let (value, note) =
        against(name, folder, durability, (64, (operations / effort.scale).max(64)), effort.rounds).await?;
    let place = if name == "B3" { "disk, FULL" } else { "CPU" };
    Ok(Bar { name, what: format!("complete a lesson, 64 clients, {place}: ours / floor"), value, demand, note })
}

/// The size of the write-ahead log in frames.
fn wal_frames(path: &Path) -> Result<f64, Failure> {
    let bytes = std::fs::metadata(path.with_extension("db-wal"))?.len();
    Ok(bytes.saturating_sub(32) as f64 / (4096.0 + 24.0))
}

fn checkpoint(path: &Path) -> Result<(), Failure> {
    let conn = lms_store_sqlite::driver::Connection::open(path)?;
    let _: i64 = conn.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0))?;
    Ok(())
}

/// Frames are counted, not timed.
async fn frames(folder: &Path) -> Result<Vec<Bar>, Failure> {
    let sizes = Sizes { lessons: 20, learners: 400, done: 0 };
    let (own, theirs) = (folder.join("B4-ours.db"), folder.join("B4-floor.db"));
    let world = World::make(&own, Durability::Full, sizes).await?;
    let other = World::make(&theirs, Durability::Full, sizes).await?;
    let mut direct = Floor::open(&theirs, Durability::Full)?;
    // One lesson of many learners: nobody completes the course.
    let pairs = |world: &World, lesson: usize| -> Vec<(UserId, LessonId)> {
        world.learners.iter().take(64).filter_map(|s| Some((*s, *world.lessons.get(lesson)?))).collect()
    };
    checkpoint(&own)?;
    checkpoint(&theirs)?;
    ours(&world, &pairs(&world, 0), 1).await?;
    floor(&mut direct, &other, &pairs(&other, 0))?;
    let (single, hand) = (wal_frames(&own)? / 64.0, wal_frames(&theirs)? / 64.0);
    checkpoint(&own)?;
    // The writer is held up until all 64 wait: they are one group.
    let store = world.store.clone();
    let (ready, go) = (std::sync::Arc::new(std::sync::Barrier::new(2)), std::sync::mpsc::channel::<()>());
    let (sender, receiver) = go;
    let at = ready.clone();
    let hold = tokio::spawn(async move {
        store
            .transaction(move |_| {
                at.wait();
                let _ = receiver.recv();
                Ok::<_, Failure>(())
            })
            .await
    });
    tokio::task::spawn_blocking(move || ready.wait()).await?;
    let mut tasks = Vec::new();
    for (student, lesson) in pairs(&world, 1) {
        let lms = world.lms.clone();
        tasks.push(tokio::spawn(async move { lms.as_user(student).learning().complete_lesson(lesson).await }));
    }
    tokio::time::sleep(std::time::Duration::from_millis(700)).await;
    sender.send(())?;
    for task in tasks {
        task.await??;
    }
    hold.await???;
    let grouped = wal_frames(&own)? / 64.0;
    Ok(vec![
        Bar {
            name: "B4",
            what: "WAL frames per operation, one at a time: ours / floor".into(),
            value: single / hand,
            demand: Demand::AtMost(1.15),
            note: format!("{single:.2} against {hand:.2} frames"),
        },
        Bar {
            name: "B4",
            what: "WAL frames per operation: 64 waiting / one at a time".into(),
            value: grouped / single,
            demand: Demand::AtMost(0.25),
            note: format!("{grouped:.2} frames"),
        },
    ])
}

async fn growth(folder: &Path, effort: &Effort) -> Result<Bar, Failure> {
    let operations = 400 / effort.scale;
    // 20,000 learners with all but the last lessons done are 4e5 rows of progress.
    let many = 20_000 / effort.scale;
    let small = World::make(
        &folder.join("B5-small.db"),
        Durability::Full,
        Sizes { lessons: 21, learners: 5_000 / effort.scale, done: 0 },
    )
    .await?;
    let large =
        World::make(&folder.join("B5-large.db"), Durability::Full, Sizes { lessons: 21, learners: many, done: 20 })
            .await?;
    // The small one has as many learners as are needed, and few rows of progress: each is taken once.
    let (mut few, mut lots) = (pairs(&small, 20), pairs(&large, 20));
    let (mut a, mut b) = (Vec::new(), Vec::new());
    for _ in 0..effort.rounds {
        a.push(ours(&small, &few.take(operations)?, 1).await?);
        b.push(ours(&large, &lots.take(operations)?, 1).await?);
    }
    // The large one completes the course with every lesson, which the small one does not: the bar is
    // against us.
    let rows = (1_000.0, many as f64 * 20.0);
    Ok(Bar {
        name: "B5",
        what: format!("complete a lesson, 1e3 to {:.0e} rows of progress: exponent", rows.1),
        value: exponent((rows.0, median(&a)), (rows.1, median(&b))),
        demand: Demand::AtMost(0.20),
        note: format!("{:.0} us, {:.0} us with the certificate", median(&a) * 1e6, median(&b) * 1e6),
    })
}

async fn completion(folder: &Path, effort: &Effort) -> Result<Bar, Failure> {
    let operations = 100 / effort.scale.min(5);
    let learners = operations * effort.rounds;
    let small =
        World::make(&folder.join("B11-small.db"), Durability::Full, Sizes { lessons: 10, learners, done: 9 }).await?;
    let large =
        World::make(&folder.join("B11-large.db"), Durability::Full, Sizes { lessons: 1_000, learners, done: 999 })
            .await?;
    let (mut few, mut lots) = (pairs(&small, 9), pairs(&large, 999));
    let (mut a, mut b) = (Vec::new(), Vec::new());
    for _ in 0..effort.rounds {
        a.push(ours(&small, &few.take(operations)?, 1).await?);
        b.push(ours(&large, &lots.take(operations)?, 1).await?);
    }
    Ok(Bar {
        name: "B11",
        what: "complete the course, 10 to 1,000 lessons: exponent".into(),
        value: exponent((10.0, median(&a)), (1_000.0, median(&b))),
        demand: Demand::AtMost(0.15),
        note: format!("{:.0} us, {:.0} us", median(&a) * 1e6, median(&b) * 1e6),
    })
}

async fn outline(folder: &Path, effort: &Effort) -> Result<Bar, Failure> {
    // 1 course, 5 objectives, 20 lessons, 160 topics, 20 links: 206 rows.
    let shape = Outline { lessons: 20, topics: 8, objectives: 5 };
    let sizes = Sizes { lessons: 1, learners: 1, done: 0 };
    let (own, theirs) = (folder.join("B13-ours.db"), folder.join("B13-floor.db"));
    let world = World::make(&own, Durability::Full, sizes).await?;
    let other = World::make(&theirs, Durability::Full, sizes).await?;
    let mut direct = Floor::open(&theirs, Durability::Full)?;
    let teacher = world.lms.as_user(world.instructor);
    let times = 20 / effort.scale.min(5);
    let (mut ratios, mut absolute) = (Vec::new(), Vec::new());
    for _ in 0..effort.rounds {
        // Taken in turns, so that a noisy moment meets both.
        let (mut hand, mut us) = (0.0, 0.0);
        for _ in 0..times {
            let (own, theirs) = (log(&world.lms).await?, log(&other.lms).await?.id.uuid());
            let (draft, now) = (draft(shape), other.lms.now().as_micros());
            let started = Instant::now();
            direct.outline(other.instructor, theirs, shape, now)?;
            hand += started.elapsed().as_secs_f64();
            let origin = AiOrigin { log_id: own.id, operation_id: own.operation_id };
            let started = Instant::now();
            teacher.catalog().apply_course(draft, origin).await?;
            us += started.elapsed().as_secs_f64();
        }
        ratios.push(us / hand);
        absolute.push(us / times as f64);
    }
    Ok(Bar {
        name: "B13",
        what: "write an AI course of 206 rows: time of ours / floor".into(),
        value: median(&ratios),
        demand: Demand::AtMost(1.4),
        note: format!("{:.2} ms", median(&absolute) * 1e3),
    })
}

async fn open_attempts(world: &World) -> Result<Vec<(UserId, AttemptId)>, Failure> {
    let lesson = *world.lessons.first().ok_or("the course has a lesson")?;
    attempts(&world.lms, world.instructor, lesson, &world.learners).await
}

async fn quiz(folder: &Path, effort: &Effort) -> Result<Bar, Failure> {
    let operations = 200 / effort.scale;
    let sizes = Sizes { lessons: 3, learners: operations * effort.rounds, done: 0 };
    let (own, theirs) = (folder.join("quiz-ours.db"), folder.join("quiz-floor.db"));
    let world = World::make(&own, Durability::Full, sizes).await?;
    let other = World::make(&theirs, Durability::Full, sizes).await?;
    let (open, direct_open) = (open_attempts(&world).await?, open_attempts(&other).await?);
    let mut direct = Floor::open(&theirs, Durability::Full)?;
    let (mut ratios, mut absolute) = (Vec::new(), Vec::new());
    for (ours, theirs) in open.chunks(operations).zip(direct_open.chunks(operations)) {
        let now = other.lms.now().as_micros();
        let started = Instant::now();
        for (_, attempt) in theirs {
            direct.submit(*attempt, now)?;
        }
        let hand = started.elapsed().as_secs_f64();
        let started = Instant::now();
        for (student, attempt) in ours {
            world.lms.as_user(*student).quizzes().submit(*attempt).await?;
        }
        let us = started.elapsed().as_secs_f64();
        ratios.push(hand / us);
        absolute.push(us / operations as f64);
    }
    Ok(Bar {
        name: "quiz",
        what: "hand in a quiz of 5 questions, 1 client, CPU: ours / floor".into(),
        value: median(&ratios),
        demand: Demand::None,
        note: format!("{:.0} us each", median(&absolute) * 1e6),
    })
}

async fn repeat(folder: &Path) -> Result<Vec<Bar>, Failure> {
    let path = folder.join("B20.db");
    let world = World::make(&path, Durability::Full, Sizes { lessons: 3, learners: 8, done: 2 }).await?;
    checkpoint(&path)?;
    let before =
        (std::fs::metadata(path.with_extension("db-wal")).map_or(0, |m| m.len()), world.store.ends().await?.head);
    let pairs: Vec<_> = world.learners.iter().filter_map(|student| Some((*student, *world.lessons.first()?))).collect();
    ours(&world, &pairs, 1).await?;
    ours(&world, &pairs, 8).await?;
    let after =
        (std::fs::metadata(path.with_extension("db-wal")).map_or(0, |m| m.len()), world.store.ends().await?.head);
    let bar = |what: &str, value: f64| Bar {
        name: "B20",
        what: format!("repeat of a completed lesson: {what}"),
        value,
        demand: Demand::AtMost(0.0),
        note: String::new(),
    };
    Ok(vec![bar("bytes of WAL", (after.0 - before.0) as f64), bar("events", (after.1 - before.1) as f64)])
}
