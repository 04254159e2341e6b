//! The seeds and the floors go with the schema: what nobody runs between two measurements would rot.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "these are tests")]

use std::path::Path;

use lms_benches::floor::{Floor, Outline};
use lms_benches::postgres::{Hand, PgWorld, Way};
use lms_benches::seed::{Sizes, World};
use lms_benches::work::{Pairs, attempts, complete, log};
use lms_store_postgres::testing::Cluster;
use lms_store_sqlite::Durability;

const SIZES: Sizes = Sizes { lessons: 2, learners: 4, done: 1 };
const OUTLINE: Outline = Outline { lessons: 2, topics: 2, objectives: 1 };

/// Both ways lead to the same state, as far as the audit can tell.
#[tokio::test]
async fn by_hand_is_as_by_the_library_on_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    let path: &Path = &folder.path().join("lms.db");
    let world = World::make(path, Durability::Normal, SIZES).await.unwrap();
    let mut floor = Floor::open(path, Durability::Normal).unwrap();
    let now = world.lms.now().as_micros();
    let (ours, theirs) = world.learners.split_at(2);
    complete(&world.lms, &Pairs::of(ours, &world.lessons[1..]).take(2).unwrap(), 2).await.unwrap();
    for student in theirs {
        floor.complete(world.course, world.lessons[1], *student, now).unwrap();
    }
    assert!(world.lms.system().activity().audit(world.course).await.unwrap().is_empty());
    let mut open = attempts(&world.lms, world.instructor, world.lessons[0], ours).await.unwrap();
    let now = world.lms.now().as_micros();
    floor.submit(open.pop().unwrap().1, now).unwrap();
    let row = log(&world.lms).await.unwrap();
    floor.outline(world.instructor, row.id.uuid(), OUTLINE, now).unwrap();
}

#[tokio::test]
async fn by_hand_is_as_by_the_library_on_postgres() {
    let url = Cluster::shared().url();
    let world = PgWorld::make(url, 2, SIZES).await.unwrap();
    let hand = Hand::new(&world, url, 2).await.unwrap();
    let mut pairs = Pairs::of(&world.learners, &world.lessons[1..]);
    complete(&world.lms, &pairs.take(2).unwrap(), 2).await.unwrap();
    hand.complete(&world, Way::Call, &pairs.take(1).unwrap(), 1).await.unwrap();
    hand.complete(&world, Way::Statements, &pairs.take(1).unwrap(), 1).await.unwrap();
    world.audit().await.unwrap();
    let row = log(&world.lms).await.unwrap();
    hand.outline(world.instructor, row.id.uuid(), OUTLINE).await.unwrap();
}
