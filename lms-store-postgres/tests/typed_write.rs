//! What learners do goes the short way.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "these are tests")]

use lms_core::Lms;
use lms_core::lms::QuizRules;
use lms_core::model::question::Answer;
use lms_core::testing::Classroom;
use lms_store_postgres::PgStore;
use lms_store_postgres::driver::{self, AssertSqlSafe};
use lms_store_postgres::testing::Cluster;

/// What learners do is written by the typed function: it works where the general one cannot be called at all.
/// rules: P10
#[tokio::test]
async fn what_a_learner_does_needs_no_general_write() {
    let (schema, private) = Cluster::fresh_schemas();
    let store = PgStore::builder(Cluster::shared().url()).schemas(schema, &*private).connect().await.unwrap();
    let lms = Lms::builder(store.clone()).build();
    lms.migrate().await.unwrap();
    let room = Classroom::build(&lms, 2, 1).await.unwrap();
    let quiz = room.add_quiz(room.lessons[1], 2, QuizRules::default()).await.unwrap();
    let topic = lms_core::lms::NewTopic::text("T", "Text");
    let topic = room.teacher().catalog().add_topic(room.lessons[0], topic).await.unwrap();
    let me = room.student(0);
    let attempt = me.quizzes().start(quiz.id).await.unwrap();
    let right = || Some(Answer::Choice { option_id: "right".into() });
    let answers = attempt.questions.iter().map(|q| (q.id, right())).collect();
    me.quizzes().save(attempt.id, "tab", 1, answers).await.unwrap();
    let without = format!("ALTER FUNCTION \"{private}\".write_v1 RENAME TO write_v0");
    driver::raw_sql(AssertSqlSafe(without)).execute(store.pool()).await.unwrap();
    me.learning().view_topic(topic.id).await.unwrap();
    me.learning().complete_lesson(room.lessons[0]).await.unwrap();
    me.quizzes().submit(attempt.id).await.unwrap();
    me.learning().complete_lesson(room.lessons[1]).await.unwrap();
    let certificate = me.certificates().of(room.course, room.students[0]).await.unwrap();
    assert_eq!(certificate.student_id, room.students[0]);
}
