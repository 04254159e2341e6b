//! Deleting by plain SQL: the database carries it out to the end, and `repair` mends what only the
//! library knows.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "these are tests")]

mod support;

use std::collections::BTreeMap;

use lms_core::model::EventKind;
use lms_store_sqlite::driver::Connection;
use support::{Course, lit, number, refused, rows};

/// Tables whose rows hang under a lesson's content.
const UNDER_LESSONS: &[&str] = &[
    "topics",
    "topic_views",
    "quizzes",
    "quiz_questions",
    "quiz_revisions",
    "quiz_attempts",
    "quiz_results",
    "assignments",
    "submissions",
    "submission_fingerprints",
    "similarity_matches",
    "lesson_progress",
    "lesson_requires",
    "overrides",
    "waivers",
    "objective_lessons",
    "objective_questions",
    "objective_assignments",
];
/// Tables whose rows hang under a course beside its lessons.
const UNDER_COURSES: &[&str] = &["lessons", "enrollments", "objectives", "course_staff", "course_jobs"];
/// Tables whose rows outlive content (D4).
const OUTLIVING: &[&str] = &["grade_history", "activity_events", "ai_logs", "users", "certificate_templates"];

fn counted(conn: &Connection, tables: &[&'static str]) -> BTreeMap<&'static str, i64> {
    tables.iter().map(|&table| (table, rows(conn, table))).collect()
}

fn sound(conn: &Connection) {
    let broken = number(conn, "SELECT count(*) FROM pragma_foreign_key_check");
    assert_eq!(broken, 0, "rows point at what is gone");
}

/// rules: D1, D4
#[tokio::test]
async fn d1_d4_a_lesson_takes_along_what_hangs_under_it_and_nothing_else() {
    let course = Course::build(true).await;
    let conn = course.world.sql();
    course.fill(&conn);
    let room = &course.room;
    for (table, rows) in counted(&conn, UNDER_LESSONS) {
        assert!(rows > 0, "`{table}` is empty, so nothing could go");
    }
    let kept = counted(&conn, OUTLIVING);
    assert!(kept.values().all(|&rows| rows > 0), "{kept:?}");

    assert_eq!(conn.execute(&format!("DELETE FROM lessons WHERE id = {}", lit(room.lessons[0])), []).unwrap(), 1);

    // What is left belongs to the second lesson: its topic, and where two learners stand in it.
    let mut left = counted(&conn, UNDER_LESSONS);
    left.retain(|_, rows| *rows > 0);
    assert_eq!(left, BTreeMap::from([("lesson_progress", 2), ("topics", 1)]));
    assert_eq!(number(&conn, "SELECT count(DISTINCT lesson_id) FROM lesson_progress"), 1);
    assert_eq!(counted(&conn, OUTLIVING), kept);
    assert_eq!((rows(&conn, "lessons"), rows(&conn, "enrollments"), rows(&conn, "certificates")), (1, 3, 1));
    sound(&conn);
}

/// rules: D1, P11, O3, P9
#[tokio::test]
async fn p11_repair_mends_gaps_counters_and_totals() {
    let course = Course::build(true).await;
    let conn = course.world.sql();
    let (lms, room) = (&course.world.lms, &course.room);
    let limited = format!("UPDATE courses SET capacity = 9, seats_taken = 7 WHERE id = {}", lit(room.course));
    conn.execute_batch(&limited).unwrap();
    conn.execute_batch(&format!("DELETE FROM lessons WHERE id = {}", lit(room.lessons[0]))).unwrap();
    let audit = || async { lms.system().activity().audit(room.course).await.unwrap() };
    let figures: Vec<_> =
        audit().await.into_iter().map(|drift| (drift.figure, drift.stored, drift.recounted)).collect();
    for wanted in [
        ("courses.lessons_total", 2, 1),
        ("courses.quizzes_total", 1, 0),
        ("courses.assignments_total", 1, 0),
        ("courses.seats_taken", 7, 3),
        ("lessons.order_index", 1, 0),
        ("enrollments.lessons_done", 2, 1),
        ("enrollments.quizzes_met", 1, 0),
        ("enrollments.assignments_met", 1, 0),
    ] {
        assert!(figures.contains(&wanted), "audit does not see {wanted:?}: {figures:?}");
    }
    let before = number(&conn, "SELECT max(position) FROM activity_events");
    let second = lms.as_user(room.students[1]);
    assert!(second.learning().standing(room.course, room.students[1]).await.unwrap().completed_at.is_none());

    assert_eq!(lms.system().activity().repair(room.course).await.unwrap().len(), figures.len());

    assert_eq!(audit().await, []);
    assert_eq!(number(&conn, "SELECT order_index FROM lessons"), 0);
    let told = number(
        &conn,
        &format!("SELECT count(*) FROM activity_events WHERE position > {before} AND metadata LIKE '%repaired%'"),
    );
    assert_eq!(told, 1, "the repair is in the log");
    // The second learner had done all that is left: nobody stays finished but in progress.
    let standing = second.learning().standing(room.course, room.students[1]).await.unwrap();
    assert_eq!(standing.completed_at, Some(lms.now()));
    let third = lms.as_user(room.students[2]);
    assert!(third.learning().standing(room.course, room.students[2]).await.unwrap().completed_at.is_none());
    // Nothing is left to mend, so nothing is written.
    let head = number(&conn, "SELECT max(position) FROM activity_events");
    assert!(lms.system().activity().repair(room.course).await.unwrap().is_empty());
    assert_eq!(number(&conn, "SELECT max(position) FROM activity_events"), head);
}

/// rules: O3, P11
#[tokio::test]
async fn o3_repair_closes_the_gap_of_every_kind_of_sibling() {
    let course = Course::build(false).await;
    let conn = course.world.sql();
    course.fill(&conn);
    let (lms, room) = (&course.world.lms, &course.room);
    let catalog = room.teacher();
    let new = lms_core::lms::NewTopic::text("More", "More to read.");
    catalog.catalog().add_topic(room.lessons[0], new).await.unwrap();
    catalog.catalog().add_objective(room.course, "apply", "Apply it").await.unwrap();
    room.add_quiz(room.lessons[0], 1, lms_core::lms::QuizRules::default()).await.unwrap();
    let max = lms_core::model::Points::whole(10).unwrap();
    let new = lms_core::lms::NewAssignment::new("Another", max);
    catalog.catalog().add_assignment(room.lessons[0], new).await.unwrap();
    for table in ["topics", "objectives", "assignments", "quiz_questions"] {
        let wheres = if table == "quiz_questions" { format!("quiz_id = {}", lit(course.quiz)) } else { "1".into() };
        conn.execute_batch(&format!("DELETE FROM {table} WHERE order_index = 0 AND {wheres}")).unwrap();
    }
    assert!(!lms.system().activity().audit(room.course).await.unwrap().is_empty());
    lms.system().activity().repair(room.course).await.unwrap();
    for (table, parent) in [
        ("topics", "lesson_id"),
        ("objectives", "course_id"),
        ("assignments", "lesson_id"),
        ("quizzes", "lesson_id"),
        ("quiz_questions", "quiz_id"),
    ] {
        let gaps = format!(
            "SELECT count(*) FROM (SELECT 1 FROM {table} GROUP BY {parent}
                 HAVING min(order_index) <> 0 OR max(order_index) <> count(*) - 1)"
        );
        assert_eq!(number(&conn, &gaps), 0, "{table}");
        assert!(rows(&conn, table) > 0, "{table}");
    }
    assert_eq!(lms.system().activity().audit(room.course).await.unwrap(), []);
}

/// rules: D1, Q15
#[tokio::test]
async fn d1_a_question_takes_nothing_from_an_attempt() {
    let course = Course::build(false).await;
    let conn = course.world.sql();
    let attempts = "SELECT group_concat(hex(id) || answers || coalesce(graded, '') || coalesce(score, ''))
                    FROM (SELECT * FROM quiz_attempts ORDER BY id)";
    let of = |sql: &str| conn.query_row(sql, [], |row| row.get::<_, String>(0)).unwrap();
    let (before, revision) = (of(attempts), of("SELECT content FROM quiz_revisions"));
    assert_eq!(conn.execute("DELETE FROM quiz_questions", []).unwrap(), 2);
    assert_eq!((of(attempts), of("SELECT content FROM quiz_revisions")), (before, revision));
    sound(&conn);
}

/// rules: D2
#[tokio::test]
async fn d2_a_course_with_a_certificate_stays() {
    let course = Course::build(true).await;
    let conn = course.world.sql();
    course.fill(&conn);
    let all: Vec<&str> = UNDER_LESSONS.iter().chain(UNDER_COURSES).chain(OUTLIVING).copied().collect();
    let before = counted(&conn, &all);
    let said = refused(&conn, &format!("DELETE FROM courses WHERE id = {}", lit(course.room.course)));
    assert!(said.contains("FOREIGN KEY constraint failed"), "{said}");
    assert_eq!(counted(&conn, &all), before, "nothing of it has gone");
    assert_eq!((rows(&conn, "courses"), rows(&conn, "certificates")), (1, 1));
}

/// rules: D2, D4
#[tokio::test]
async fn d2_a_course_without_certificates_goes_with_everything() {
    let course = Course::build(false).await;
    let conn = course.world.sql();
    course.fill(&conn);
    let under: Vec<&str> = UNDER_LESSONS.iter().chain(UNDER_COURSES).copied().collect();
    for (table, rows) in counted(&conn, &under) {
        assert!(rows > 0, "`{table}` is empty, so nothing could go");
    }
    let kept = counted(&conn, OUTLIVING);
    let copied = lms_core::lms::NewCourse::titled("Copied from it");
    let copy = course.room.teacher().catalog().create_course(copied).await.unwrap();
    let (from, to) = (lit(course.room.course), lit(copy.id));
    conn.execute_batch(&format!("UPDATE courses SET copied_from = {from} WHERE id = {to}")).unwrap();

    assert_eq!(conn.execute(&format!("DELETE FROM courses WHERE id = {from}"), []).unwrap(), 1);

    let left = counted(&conn, &under);
    assert!(left.values().all(|&rows| rows == 0), "{left:?}");
    let mut still = counted(&conn, OUTLIVING);
    // The copy was written after the count, with its event.
    *still.get_mut("activity_events").unwrap() -= 1;
    assert_eq!(still, kept);
    assert_eq!(number(&conn, "SELECT copied_from IS NULL FROM courses"), 1, "a copy stands on its own");
    sound(&conn);
    // Its events are still told.
    let all = course.world.lms.system().activity().events(Default::default(), 0, 500).await.unwrap();
    assert!(all.iter().any(|event| event.event.kind == EventKind::QuizGraded));
}
