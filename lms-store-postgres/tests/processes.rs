//! Two processes on one database, and a server that goes away under them.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "these are tests")]

use std::collections::HashMap;
use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use lms_core::Lms;
use lms_core::live::{LiveEvent, LiveStream};
use lms_core::lms::{EnrollOptions, HostEvent, NewCourse, NewUser};
use lms_core::model::{EventKind, Role};
use lms_core::store::{EventFilter, EventLog};
use lms_store_postgres::PgStore;
use lms_store_postgres::testing::Cluster;

async fn two(cluster: &Cluster) -> (PgStore, PgStore) {
    let (lms, private) = Cluster::fresh_schemas();
    let open = || PgStore::builder(cluster.url()).schemas(lms.clone(), private.clone()).connect();
    (open().await.unwrap(), open().await.unwrap())
}

async fn next(stream: &mut LiveStream<LiveEvent>) -> LiveEvent {
    let one = poll_fn(|cx| stream.as_mut().poll_next(cx));
    tokio::time::timeout(Duration::from_secs(30), one).await.unwrap().unwrap().unwrap()
}

/// rules: V4
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_subscriber_sees_what_another_process_commits() {
    let (here, there) = two(Cluster::shared()).await;
    let (here, there) = (Lms::builder(here).build(), Lms::builder(there).build());
    here.migrate().await.unwrap();
    there.migrate().await.unwrap();
    let mut stream = here.live().events(&here.system(), EventFilter::default(), None).await.unwrap();
    let teacher = there.system().people().ensure_user(NewUser::new(Role::Instructor, "T")).await.unwrap();
    let course = there.as_user(teacher.id).catalog().create_course(NewCourse::titled("C")).await.unwrap();
    for n in 0..50 {
        let event = HostEvent {
            kind: "acme.tick".into(),
            course_id: course.id,
            student_id: None,
            learner_initiated: false,
            metadata: Some(lms_core::model::table::Json::of(&serde_json::json!({ "n": n }))),
        };
        there.as_user(teacher.id).activity().record(event).await.unwrap();
    }
    let mut last = None;
    let mut ticks = 0;
    while ticks < 50 {
        let seen = next(&mut stream).await;
        if let Some(last) = last {
            assert_eq!(seen.event.position, last + 1, "dense and in order");
        }
        last = Some(seen.event.position);
        if seen.event.event.kind == EventKind::Other("acme.tick".into()) {
            ticks += 1;
        }
    }
}

/// The server stops as by a power loss and comes back, in the middle of a storm of writes. Every
/// confirmed write is there, no event is missing or twice, and both processes go on by themselves.
///
/// rules: V4
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_server_that_restarts_in_a_storm_loses_nothing() {
    let cluster = Cluster::start(&[]);
    let (a, b) = two(&cluster).await;
    let (here, there) = (Lms::builder(a.clone()).build(), Lms::builder(b).build());
    here.migrate().await.unwrap();
    let teacher = here.system().people().ensure_user(NewUser::new(Role::Instructor, "T")).await.unwrap();
    let course = here.as_user(teacher.id).catalog().create_course(NewCourse::titled("C")).await.unwrap();
    let mut stream = there.live().events(&there.system(), EventFilter::default(), None).await.unwrap();

    let stop = Arc::new(AtomicBool::new(false));
    let mut writers = Vec::new();
    for n in 0..8 {
        let lms = if n % 2 == 0 { here.clone() } else { there.clone() };
        let stop = stop.clone();
        writers.push(tokio::spawn(async move {
            let mut confirmed = Vec::new();
            let mut turn = 0;
            while !stop.load(Ordering::Relaxed) {
                turn += 1;
                // Staff may enroll into a draft; each enrollment is one event.
                let student = NewUser::new(Role::Student, format!("{n}-{turn}"));
                let Ok(student) = lms.system().people().ensure_user(student).await else { continue };
                let enrolled =
                    lms.as_user(teacher.id).enrollment().enroll(course.id, student.id, EnrollOptions::default()).await;
                if let Ok(enrollment) = enrolled {
                    confirmed.push(enrollment.id.uuid());
                }
            }
            confirmed
        }));
    }
    for _ in 0..2 {
        tokio::time::sleep(Duration::from_millis(600)).await;
        tokio::task::block_in_place(|| cluster.restart_immediately());
    }
    tokio::time::sleep(Duration::from_millis(800)).await;
    stop.store(true, Ordering::Relaxed);
    let mut confirmed = Vec::new();
    for writer in writers {
        confirmed.extend(writer.await.unwrap());
    }
    assert!(confirmed.len() > 20, "the storm was a storm: {}", confirmed.len());

    let head = here.settle().await.unwrap();
    let mut seen: HashMap<uuid::Uuid, u32> = HashMap::new();
    let mut position = None;
    loop {
        let one = next(&mut stream).await;
        if let Some(last) = position {
            assert!(one.event.position <= last + 1, "no event is skipped");
            if one.event.position <= last {
                continue;
            }
        }
        position = Some(one.event.position);
        if one.event.event.kind == EventKind::Enrolled {
            *seen.entry(one.event.event.subject_id).or_default() += 1;
        }
        if one.event.position >= head {
            break;
        }
    }
    let stored: Vec<_> = {
        let mut all = Vec::new();
        let mut page = lms_core::store::ById { after: None, limit: 500 };
        loop {
            let rows = here.as_user(teacher.id).enrollment().of_course(course.id, page).await.unwrap();
            let Some(last) = rows.last() else { break };
            page.after = Some(last.id.uuid());
            all.extend(rows.iter().map(|e| e.id.uuid()));
        }
        all
    };
    for id in &confirmed {
        assert!(stored.contains(id), "a confirmed enrollment is gone");
    }
    for id in &stored {
        assert_eq!(seen.get(id), Some(&1), "one event per enrollment");
    }
    assert_eq!(seen.len(), stored.len(), "nothing was delivered that the server then took back");
    assert_eq!(a.ends().await.unwrap().head, head);
    assert!(here.system().activity().audit(course.id).await.unwrap().is_empty(), "no drift");
}

/// Three relays number the same log, one of them killed in its step again and again: positions are dense,
/// unique, and never change once they were delivered.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn relays_of_many_processes_number_each_event_once() {
    let cluster = Cluster::shared();
    let (a, b) = two(cluster).await;
    let lms = Lms::builder(a.clone()).build();
    lms.migrate().await.unwrap();
    let teacher = lms.system().people().ensure_user(NewUser::new(Role::Instructor, "T")).await.unwrap();
    let course = lms.as_user(teacher.id).catalog().create_course(NewCourse::titled("C")).await.unwrap();
    let stop = Arc::new(AtomicBool::new(false));
    let mut relays = Vec::new();
    for store in [a.clone(), b.clone(), b.clone()] {
        let stop = stop.clone();
        relays.push(tokio::spawn(async move {
            let mut n = 0_u64;
            while !stop.load(Ordering::Relaxed) {
                n += 1;
                // A caller that goes away in the middle of the step.
                let _ = tokio::time::timeout(Duration::from_micros(n * 137 % 1_500), store.settle()).await;
            }
        }));
    }
    let mut writers = Vec::new();
    for n in 0..32 {
        let lms = lms.clone();
        writers.push(tokio::spawn(async move {
            for k in 0..10 {
                let event = HostEvent {
                    kind: "acme.tick".into(),
                    course_id: course.id,
                    student_id: None,
                    learner_initiated: false,
                    metadata: Some(lms_core::model::table::Json::of(&serde_json::json!({ "n": n, "k": k }))),
                };
                lms.as_user(teacher.id).activity().record(event).await.unwrap();
            }
        }));
    }
    let mut delivered: Vec<(i64, uuid::Uuid)> = Vec::new();
    let collect = |delivered: &mut Vec<(i64, uuid::Uuid)>, page: Vec<lms_core::model::Event>| {
        for event in page {
            assert_eq!(event.position, delivered.last().map_or(event.position, |(p, _)| p + 1), "dense");
            delivered.push((event.position, event.event.id.uuid()));
        }
    };
    while writers.iter().any(|w| !w.is_finished()) {
        let after = delivered.last().map_or(0, |(p, _)| *p);
        collect(&mut delivered, a.events(after, &EventFilter::default(), 500).await.unwrap());
    }
    for writer in writers {
        writer.await.unwrap();
    }
    stop.store(true, Ordering::Relaxed);
    for relay in relays {
        relay.await.unwrap();
    }
    let head = lms.settle().await.unwrap();
    let mut again = Vec::new();
    while again.last().map_or(0, |(p, _)| *p) < head {
        let after = again.last().map_or(0, |(p, _)| *p);
        collect(&mut again, b.events(after, &EventFilter::default(), 500).await.unwrap());
    }
    assert_eq!(again[..delivered.len()], delivered[..], "a position never changes");
    assert!(again.len() >= 320);
}
