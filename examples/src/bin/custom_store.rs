//! The library on a store of one's own: a course, a learner and a certificate, kept in plain rows in memory.
//! The store is `examples/src/memory_store`; `examples/tests/custom_store.rs` holds it to the contract.
//!
//! ```sh
//! cargo run -p lms-examples --bin custom_store
//! ```

use lms_core::Lms;
use lms_core::lms::{EnrollOptions, NewCourse, NewLesson, NewTopic, NewUser};
use lms_core::model::Role;
use lms_core::store::{EventFilter, EventLog as _};
use lms_examples::demo::Failure;
use lms_examples::memory_store::MemoryStore;

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let store = MemoryStore::new();
    let lms = Lms::builder(store.clone()).build();
    lms.migrate().await?;
    let people = lms.system();
    let teacher = people.people().ensure_user(NewUser::new(Role::Instructor, "Ines Instructor")).await?;
    let learner = people.people().ensure_user(NewUser::new(Role::Student, "Sam Student")).await?;

    let desk = lms.as_user(teacher.id);
    let course = desk.catalog().create_course(NewCourse::titled("Stores from scratch")).await?;
    let mut lessons = Vec::new();
    for title in ["Rows", "Batches", "Proof"] {
        let lesson = desk.catalog().add_lesson(course.id, NewLesson::titled(title).published()).await?;
        desk.catalog().add_topic(lesson.id, NewTopic::text(title, "Read this.")).await?;
        lessons.push(lesson);
    }
    desk.catalog().publish_course(course.id, true).await?;
    desk.enrollment().enroll(course.id, learner.id, EnrollOptions::default()).await?;
    println!("{} teaches {:?} in {} lessons", teacher.display_name, course.title, lessons.len());

    let me = lms.as_user(learner.id);
    for lesson in &lessons {
        let standing = me.learning().complete_lesson(lesson.id).await?;
        let percent = standing.percent.map_or_else(|| "nothing".to_owned(), |p| format!("{p} %"));
        println!("{} completed {:?}: {percent} of the course", learner.display_name, lesson.title);
    }
    let certificate = me.certificates().of(course.id, learner.id).await?;
    let verified = lms.system().certificates().verify(&certificate.code).await?;
    let validity = verified.map_or_else(|| "unknown".to_owned(), |found| format!("{:?}", found.validity));
    println!("certificate {} verifies as {validity}", certificate.code);
    let drift = lms.system().activity().audit(course.id).await?;
    println!("audit: {} differences", drift.len());

    println!("what happened:");
    for event in store.events(0, &EventFilter::default(), 100).await? {
        println!("{:>4}  {}", event.position, event.event.kind.as_str());
    }
    Ok(())
}
