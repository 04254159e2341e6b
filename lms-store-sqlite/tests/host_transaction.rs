//! The host's own rows and the library's in one transaction: "the order and the enrollment, or
//! neither".
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "these are tests")]

mod support;

use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

use futures_util::{FutureExt, StreamExt};
use lms_core::lms::{EnrollOptions, NewLesson, NewUser, Planned};
use lms_core::model::{Enrollment, EventKind, Role, UserId};
use lms_core::store::{Change, Constraint, EventFilter, Store, StoreError, StoreErrorKind, WriteBatch};
use lms_core::testing::Classroom;
use lms_store_sqlite::driver::{self, Transaction};
use lms_store_sqlite::write_in;
use support::{World, number, person, rows};

/// Why the shop's closure gave up.
#[derive(Debug)]
enum Shop {
    Database(driver::Error),
    Library(StoreError),
    NoMoney,
}

impl From<driver::Error> for Shop {
    fn from(error: driver::Error) -> Self {
        Self::Database(error)
    }
}
impl From<StoreError> for Shop {
    fn from(error: StoreError) -> Self {
        Self::Library(error)
    }
}

/// A course, a buyer who is not in it yet, and the shop's table in the same file.
struct Market {
    world: World,
    room: Classroom,
    buyer: UserId,
}

async fn shop() -> Market {
    let world = World::new().await;
    let room = Classroom::build(&world.lms, 1, 1).await.unwrap();
    let buyer = world.lms.system().people().ensure_user(NewUser::new(Role::Student, "Berta Buyer")).await.unwrap().id;
    let made = world.store.transaction(|tx| {
        tx.execute_batch(
            "CREATE TABLE orders (id INTEGER PRIMARY KEY, number TEXT NOT NULL UNIQUE,
                 student_id BLOB REFERENCES users (id) DEFERRABLE INITIALLY DEFERRED)",
        )
    });
    made.await.unwrap().unwrap();
    Market { world, room, buyer }
}

impl Market {
    async fn plan(&self) -> Planned<Enrollment> {
        self.plan_for("A-1").await
    }

    async fn plan_for(&self, order: &str) -> Planned<Enrollment> {
        let system = self.world.lms.system();
        let options = EnrollOptions { external_ref: Some(order.to_owned()), ..EnrollOptions::default() };
        let (course, buyer) = (self.room.course, self.buyer);
        system.plan(|s| async move { s.enrollment().enroll(course, buyer, options).await }).await.unwrap()
    }

    /// How many orders, enrollments of the buyer, and events there are.
    fn counts(&self) -> (i64, i64, i64) {
        let conn = self.world.sql();
        let of_buyer = "SELECT count(*) FROM enrollments WHERE external_ref = 'A-1'";
        (rows(&conn, "orders"), number(&conn, of_buyer), rows(&conn, "activity_events"))
    }
}

fn order(tx: &Transaction<'_>, number: &str) -> driver::Result<usize> {
    tx.execute("INSERT INTO orders (number) VALUES (?1)", [number])
}

/// rules: DETAILS 25, V1
#[tokio::test]
async fn the_order_and_the_enrollment_are_committed_together() {
    let shop = shop().await;
    let planned = shop.plan().await;
    let (_, _, events) = shop.counts();
    let batch = planned.batch.clone();
    let done = shop.world.store.transaction(move |tx| -> Result<_, Shop> {
        order(tx, "A-1")?;
        Ok(write_in(tx, &batch)?)
    });
    let committed = done.await.unwrap().unwrap();
    assert_eq!(shop.counts(), (1, 1, events + 1));
    assert_eq!(committed.events, [(planned.batch.events[0].id, Some(events + 1))]);
    let student = shop.world.lms.as_user(shop.buyer);
    let mine = student.enrollment().enrollment(shop.room.course, shop.buyer).await.unwrap();
    assert_eq!(mine, planned.outcome);
    // The same order again is the same enrollment: nothing to write.
    assert!(shop.plan().await.batch.is_empty());
}

/// rules: DETAILS 25
#[tokio::test]
async fn neither_stands_when_the_host_gives_up() {
    let shop = shop().await;
    let batch = shop.plan().await.batch;
    let before = shop.counts();
    for late in [false, true] {
        let batch = batch.clone();
        let done = shop.world.store.transaction(move |tx| -> Result<(), Shop> {
            order(tx, "A-1")?;
            write_in(tx, &batch)?;
            if late {
                order(tx, "A-1")?;
            }
            Err(Shop::NoMoney)
        });
        match done.await.unwrap().unwrap_err() {
            Shop::NoMoney => assert!(!late),
            Shop::Database(e) => assert!(late && e.to_string().contains("orders.number"), "{e}"),
            Shop::Library(e) => panic!("{e}"),
        }
        assert_eq!(shop.counts(), before);
    }
}

/// After a Conflict or a Duplicate the transaction stands as before the call.
/// rules: DETAILS 25, E2
#[tokio::test]
async fn what_the_library_refuses_leaves_the_hosts_transaction_whole() {
    let shop = shop().await;
    let stale = shop.plan().await;
    shop.room.teacher().catalog().add_lesson(shop.room.course, NewLesson::titled("Another")).await.unwrap();
    let (_, _, events) = shop.counts();
    // The structure has changed since the plan.
    let conflict = run(&shop, stale.batch, "A-1").await;
    assert_eq!(conflict.kind(), &StoreErrorKind::Conflict { expect: Some(0) });
    assert_eq!(shop.counts(), (2, 0, events), "both orders, and nothing of the library's");

    // Planned twice, written once: the second is a duplicate, after a row of its own was written.
    let (first, mut second) = (shop.plan().await, shop.plan_for("A-2").await);
    shop.world.store.write(first.batch.into()).await.unwrap();
    second.batch.changes.insert(0, Change::Insert(person(&shop.world.lms, "half").into()));
    let duplicate = run(&shop, second.batch, "A-2").await;
    assert_eq!(duplicate.kind(), &StoreErrorKind::Duplicate(Constraint::Enrollment));
    assert_eq!(shop.counts(), (4, 1, events + 1));
    assert_eq!(number(&shop.world.sql(), "SELECT count(*) FROM users WHERE display_name = 'half'"), 0);
}

/// An order, the batch that is refused, another order; the error of the batch.
async fn run(shop: &Market, batch: WriteBatch, number: &'static str) -> StoreError {
    let done = shop.world.store.transaction(move |tx| -> Result<_, Shop> {
        order(tx, number)?;
        let refused = write_in(tx, &batch).unwrap_err();
        order(tx, &format!("{number} without a course"))?;
        Ok(refused)
    });
    done.await.unwrap().unwrap()
}

/// rules: DETAILS 25
#[tokio::test]
async fn a_host_that_panics_is_rolled_back_and_the_writer_lives_on() {
    let shop = shop().await;
    let planned = shop.plan().await;
    let before = shop.counts();
    let batch = planned.batch.clone();
    let done = shop.world.store.transaction(move |tx| -> Result<(), Shop> {
        order(tx, "A-1")?;
        write_in(tx, &batch)?;
        std::panic::resume_unwind(Box::new("the host's own mistake"));
    });
    let said = done.await.unwrap_err();
    assert_eq!(said.kind(), &StoreErrorKind::Backend, "{said}");
    assert_eq!(shop.counts(), before);
    shop.world.store.write(planned.batch.into()).await.unwrap();
    assert_eq!(shop.counts(), (0, 1, before.2 + 1));
}

/// A commit that the database refuses is no open question: nothing was written.
#[tokio::test]
async fn a_refused_commit_is_no_unconfirmed_write() {
    let shop = shop().await;
    let batch = shop.plan().await.batch;
    let before = shop.counts();
    let done = shop.world.store.transaction(move |tx| -> Result<(), Shop> {
        // The shop's own key is looked at when the transaction ends.
        tx.execute("INSERT INTO orders (number, student_id) VALUES ('A-1', randomblob(16))", [])?;
        write_in(tx, &batch)?;
        Ok(())
    });
    let refused = done.await.unwrap_err();
    assert_eq!(refused.kind(), &StoreErrorKind::MissingReference, "{refused:?}");
    assert_eq!(shop.counts(), before);
}

/// When the database rolls everything back by itself, the host hears the cause, and its own rows are
/// not committed one by one.
#[tokio::test]
async fn a_lost_transaction_is_said_with_its_cause() {
    let shop = shop().await;
    let bomb = "CREATE TRIGGER bomb BEFORE INSERT ON enrollments BEGIN SELECT RAISE(ROLLBACK, 'it went off'); END";
    shop.world.sql().execute_batch(bomb).unwrap();
    let batch = shop.plan().await.batch;
    let before = shop.counts();
    let done = shop.world.store.transaction(move |tx| -> Result<(), Shop> {
        order(tx, "A-1")?;
        write_in(tx, &batch)?;
        Ok(())
    });
    match done.await.unwrap().unwrap_err() {
        Shop::Library(e) => assert!(e.to_string().contains("it went off"), "{e}"),
        other => panic!("{other:?}"),
    }
    assert_eq!(shop.counts(), before);
}

/// The clock of the runtime stands still while a blocking task runs, so that nobody polls: only
/// being woken brings the event.
/// rules: V4
#[tokio::test(start_paused = true)]
async fn v4_a_hosts_transaction_reaches_live_subscribers() {
    let shop = shop().await;
    let live = shop.world.lms.live();
    let system = shop.world.lms.system();
    let filter = EventFilter { course: Some(shop.room.course), ..EventFilter::default() };
    let mut stream = live.events(&system, filter, Some(live.head().await.unwrap())).await.unwrap();
    let (release, released) = channel::<()>();
    let frozen = tokio::task::spawn_blocking(move || released.recv_timeout(Duration::from_secs(20)));
    let stood = tokio::time::Instant::now();
    // The subscriber has looked, found nothing, and waits.
    assert!(stream.next().now_or_never().is_none());
    let batch = shop.plan().await.batch;
    let done = shop.world.store.transaction(move |tx| write_in(tx, &batch));
    done.await.unwrap().unwrap();
    shop.world.lms.committed();
    let told = stream.next().await.unwrap().unwrap();
    assert_eq!((told.event.event.kind, told.event.event.student_id), (EventKind::Enrolled, Some(shop.buyer)));
    assert_eq!(stood.elapsed(), Duration::ZERO, "the poll behind the hints brought it");
    release.send(()).unwrap();
    assert_ne!(frozen.await.unwrap(), Err(RecvTimeoutError::Timeout));
}

/// A transaction that the host has ended by an SQL text is none: nothing is written, let alone committed.
#[tokio::test]
async fn an_ended_transaction_takes_no_batch() {
    let shop = shop().await;
    let batch = shop.plan().await.batch;
    let refused = shop.world.store.transaction(move |tx| {
        tx.execute_batch("ROLLBACK")?;
        write_in(tx, &batch)?;
        Ok::<_, Shop>(())
    });
    let refused = refused.await.unwrap().unwrap_err();
    assert!(matches!(&refused, Shop::Library(e) if e.kind() == &StoreErrorKind::NotSupported), "{refused:?}");
    // The plan is as good as before: nobody has carried it out.
    let batch = shop.plan().await.batch;
    let written = shop.world.store.transaction(move |tx| write_in(tx, &batch).map(drop));
    written.await.unwrap().unwrap();
}
