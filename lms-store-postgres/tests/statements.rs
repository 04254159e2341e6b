//! What screens read takes the same number of statements whatever the size of the course.
#![allow(clippy::unwrap_used, reason = "these are tests")]

use std::cell::Cell;
use std::sync::{Arc, Once};

use lms_core::Lms;
use lms_core::lms::{EnrollOptions, ManyMode, NewAssignment, QuizRules, RosterFilter};
use lms_core::model::table::Json;
use lms_core::model::{Points, Role, User, UserId};
use lms_core::store::{ById, Store, WriteBatch};
use lms_core::testing::Classroom;
use lms_store_postgres::PgStore;
use lms_store_postgres::testing::Cluster;
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

thread_local! {
    static EXECUTED: Cell<usize> = const { Cell::new(0) };
}

/// Counts what the driver says it has executed, for each thread by itself: a test is a thread. It is the
/// process's one subscriber, because what a callsite remembers of subscribers that come and go is not certain.
#[derive(Clone, Default)]
struct Statements;

impl Statements {
    fn count() {
        static ONCE: Once = Once::new();
        ONCE.call_once(|| tracing::subscriber::set_global_default(Self).unwrap());
    }
}

/// How many statements this thread's tests have executed.
fn executed() -> usize {
    EXECUTED.get()
}

impl Subscriber for Statements {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == "sqlx::query"
    }
    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }
    fn record(&self, _: &Id, _: &Record<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn event(&self, _: &Event<'_>) {
        EXECUTED.set(EXECUTED.get() + 1);
    }
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

/// A course with so many learners, with items, and some of them at work.
async fn course(lms: &Lms, store: &PgStore, learners: usize) -> Classroom {
    let mut room = Classroom::build(lms, 3, 0).await.unwrap();
    let lesson = *room.lessons.first().unwrap();
    room.add_quiz(lesson, 3, QuizRules::default()).await.unwrap();
    let essay = NewAssignment { is_published: true, ..NewAssignment::new("Essay", Points::whole(10).unwrap()) };
    room.teacher().catalog().add_assignment(lesson, essay).await.unwrap();
    let now = lms.now();
    let mut batch = WriteBatch::default();
    for n in 0..learners {
        let id = UserId::from_uuid(lms.ids().uuid(now));
        room.students.push(id);
        let user = User {
            id,
            role: Role::Student,
            display_name: format!("Student {n}"),
            email: None,
            external_id: None,
            metadata: Json::object(),
            erased_at: None,
            version: 1,
            created_at: now,
            updated_at: now,
        };
        batch.changes.push(lms_core::store::Change::Insert(user.into()));
    }
    store.write(Arc::new(batch)).await.unwrap();
    let all = room.students.iter().map(|id| (*id, EnrollOptions::default())).collect();
    let report = room.teacher().enrollment().enroll_many(room.course, all, ManyMode::AllOrNothing).await.unwrap();
    assert!(report.done);
    for n in 0..5 {
        room.student(n).learning().complete_lesson(lesson).await.unwrap();
    }
    room
}

/// The statements of each screen, by name.
async fn counts(room: &Classroom) -> Vec<(&'static str, usize)> {
    let (teacher, me) = (room.teacher(), room.student(0));
    let (course, who) = (room.course, *room.students.first().unwrap());
    let lesson = *room.lessons.first().unwrap();
    let structure = teacher.catalog().structure(course).await.unwrap();
    let (quiz, essay) = (structure.quizzes.first().unwrap().id, structure.assignments.first().unwrap().id);
    let page = ById { after: None, limit: 500 };
    let mut found = Vec::new();
    macro_rules! count {
        ($($name:literal => $call:expr;)*) => {$(
            let mut least = usize::MAX;
            // The store's own relay may look for events meanwhile: the least of three tries is the screen's.
            for _ in 0..3 {
                let before = executed();
                $call.await.unwrap();
                least = least.min(executed() - before);
            }
            found.push(($name, least));
        )*};
    }
    count! {
        "outline" => me.overview().outline(course, who);
        "learner_home" => me.overview().learner_home(who);
        "scorecard" => teacher.overview().scorecard(course, who);
        "read_course" => me.learning().read_course(course);
        "open_courses" => me.learning().open_courses(page);
        "read_lesson" => me.learning().read_lesson(lesson);
        "attempts" => me.quizzes().attempts(quiz, who);
        "submissions" => me.assignments().submissions(essay, who);
        "gradebook" => teacher.overview().gradebook(course, page);
        "to_grade" => teacher.overview().to_grade(course, 100);
        "staff" => teacher.catalog().staff(course, page);
        "overrides" => teacher.grants().overrides(course, None, page);
        "overrides of one" => teacher.grants().overrides(course, Some(who), page);
        "waivers" => teacher.grants().waivers(course, None, page);
        "certificates" => teacher.certificates().of_course(course, page);
        "roster" => teacher.overview().roster(course, RosterFilter::default(), page);
        "lesson_funnel" => teacher.overview().lesson_funnel(course);
        "course_metrics" => teacher.analytics().course_metrics(course);
    }
    found
}

/// rules: G2
#[tokio::test]
async fn g2_a_home_takes_as_many_statements_for_twelve_courses_as_for_one() {
    let (schema, private) = Cluster::fresh_schemas();
    let store = PgStore::builder(Cluster::shared().url()).schemas(schema, private).connect().await.unwrap();
    let lms = Lms::builder(store.clone()).build();
    lms.migrate().await.unwrap();
    let room = course(&lms, &store, 10).await;
    let who = *room.students.first().unwrap();
    lms.settle().await.unwrap();
    Statements::count();
    let mut found = Vec::new();
    for courses in [1, 12] {
        for _ in 1..courses {
            let other = Classroom::build(&lms, 3, 0).await.unwrap();
            other.teacher().enrollment().enroll(other.course, who, EnrollOptions::default()).await.unwrap();
        }
        lms.settle().await.unwrap();
        let mut least = usize::MAX;
        for _ in 0..3 {
            let before = executed();
            let home = room.student(0).overview().learner_home(who).await.unwrap();
            assert_eq!(home.courses.len(), courses);
            least = least.min(executed() - before);
        }
        found.push(least);
    }
    assert!(found.first() == found.last() && found.first().is_some_and(|n| (1..=4).contains(n)), "{found:?}");
}

/// rules: G1, G2, G3, G4, G5, G6, G7, M5
#[tokio::test]
async fn g1_to_g7_take_as_many_statements_for_a_thousand_learners_as_for_ten() {
    let (schema, private) = Cluster::fresh_schemas();
    let store = PgStore::builder(Cluster::shared().url()).schemas(schema, private).connect().await.unwrap();
    let lms = Lms::builder(store.clone()).build();
    lms.migrate().await.unwrap();
    let (small, large) = (course(&lms, &store, 10).await, course(&lms, &store, 1_000).await);
    lms.settle().await.unwrap();
    Statements::count();
    let (few, many) = (counts(&small).await, counts(&large).await);
    assert_eq!(few, many);
    for (name, count) in few {
        assert!((1..=8).contains(&count), "{name} takes {count} statements");
    }
}
