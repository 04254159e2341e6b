//! The last line of defence: what the database itself refuses to whoever writes around the library.
//! Beside each refusal stands a control that differs in nothing else and is accepted.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "these are tests")]

mod support;

use lms_core::model::NewEvent;
use lms_core::model::table::{Column, Kind, Record};
use lms_core::store::Table;
use lms_store_sqlite::driver::Connection;
use support::{Course, accepted, copy, lit, refused, rows};

/// A course with something in every table, and a way around the library.
async fn world() -> (Course, Connection) {
    let course = Course::build(true).await;
    let conn = course.world.sql();
    course.fill(&conn);
    (course, conn)
}

/// A statement is refused for the reason given, and its control is accepted.
fn check(conn: &Connection, reason: &str, bad: &str, control: &str) {
    accepted(conn, control);
    let said = refused(conn, bad);
    assert!(said.contains(reason), "refused for another reason: {said}\nwanted: {reason}\nby: {bad}");
}

/// A second row with the same key is refused as a duplicate of these columns; with another key it is not.
fn twice(conn: &Connection, table: &str, wheres: &str, key: &str, same: &[(&str, &str)], other: &[(&str, &str)]) {
    let reason = format!("UNIQUE constraint failed: {key}");
    check(conn, &reason, &copy(table, wheres, same, conn), &copy(table, wheres, other, conn));
}

/// A value is refused by a CHECK that says so, and another is accepted.
fn value(conn: &Connection, table: &str, wheres: &str, reason: &str, bad: &str, good: &str) {
    let set = |to: &str| format!("UPDATE {table} SET {to} WHERE {wheres}");
    check(conn, &format!("CHECK constraint failed: {reason}"), &set(bad), &set(good));
}

#[tokio::test]
async fn e2_one_enrollment_per_course_and_student() {
    let (course, conn) = world().await;
    let wheres = format!("student_id = {}", lit(course.room.students[0]));
    let key = "enrollments.course_id, enrollments.student_id";
    let outsider = [("student_id", lit(course.room.admin))];
    twice(&conn, "enrollments", &wheres, key, &[], &[(outsider[0].0, &outsider[0].1)]);
}

/// rules: E6
#[tokio::test]
async fn e6_one_enrollment_per_order() {
    let (course, conn) = world().await;
    let (first, second) = (lit(course.room.students[0]), lit(course.room.students[1]));
    conn.execute_batch(&format!("UPDATE enrollments SET external_ref = 'order-1' WHERE student_id = {first}")).unwrap();
    let set = |to: &str| format!("UPDATE enrollments SET external_ref = {to} WHERE student_id = {second}");
    let reason = "UNIQUE constraint failed: enrollments.course_id, enrollments.external_ref";
    check(&conn, reason, &set("'order-1'"), &set("'order-2'"));
}

#[tokio::test]
async fn a2_one_open_attempt_and_one_of_each_number() {
    let (course, conn) = world().await;
    let open = format!("student_id = {} AND state = 'in_progress'", lit(course.room.students[1]));
    let key = "quiz_attempts.quiz_id, quiz_attempts.student_id";
    let voided = [("attempt_no", "9"), ("state", "'voided'")];
    twice(&conn, "quiz_attempts", &open, key, &[("attempt_no", "9")], &voided);
    let graded = format!("student_id = {}", lit(course.room.students[0]));
    let key = "quiz_attempts.quiz_id, quiz_attempts.student_id, quiz_attempts.attempt_no";
    twice(&conn, "quiz_attempts", &graded, key, &[], &[("attempt_no", "2")]);
}

#[tokio::test]
async fn a3_a_limit_of_no_attempts_is_none() {
    let (_course, conn) = world().await;
    value(&conn, "quizzes", "1", "max_attempts >= 1", "max_attempts = 0", "max_attempts = 1");
    value(&conn, "quizzes", "1", "time_limit_seconds >= 1", "time_limit_seconds = 0", "time_limit_seconds = NULL");
}

#[tokio::test]
async fn an_attempt_has_what_its_state_asks_for() {
    let (course, conn) = world().await;
    let open = format!("student_id = {}", lit(course.room.students[1]));
    let graded = format!("student_id = {}", lit(course.room.students[0]));
    let table = "quiz_attempts";
    let reason = "quiz_attempts_open_has_no_result";
    value(&conn, table, &open, reason, "completed_at = started_at", "deadline = started_at");
    let reason = "quiz_attempts_handed_in_has_time";
    value(&conn, table, &open, reason, "state = 'pending_review'", "state = 'voided'");
    let reason = "quiz_attempts_graded_has_score";
    value(&conn, table, &graded, reason, "score = NULL", "state = 'pending_review', score = NULL");
    let reason = "quiz_attempts_ends_after_start";
    value(&conn, table, &graded, reason, "completed_at = started_at - 1", "completed_at = started_at");
}

#[tokio::test]
async fn s1_one_draft_and_one_of_each_version() {
    let (course, conn) = world().await;
    let draft = format!("student_id = {}", lit(course.room.students[1]));
    let key = "submissions.assignment_id, submissions.student_id";
    let handed_in = [("version_no", "9"), ("state", "'submitted'"), ("submitted_at", "created_at")];
    twice(&conn, "submissions", &draft, key, &[("version_no", "9")], &handed_in);
    let graded = format!("student_id = {}", lit(course.room.students[0]));
    let key = "submissions.assignment_id, submissions.student_id, submissions.version_no";
    twice(&conn, "submissions", &graded, key, &[], &[("version_no", "2")]);
    let reason = "submissions_draft_is_not_handed_in";
    value(&conn, "submissions", &draft, reason, "submitted_at = 1", "content = 'more'");
    value(&conn, "submissions", &graded, reason, "submitted_at = NULL", "submitted_at = 1");
}

#[tokio::test]
async fn s9_a_seq_stands_once_in_a_history() {
    let (course, conn) = world().await;
    let wheres = format!("subject_id = {}", lit(course.submission));
    let key = "grade_history.subject_type, grade_history.subject_id, grade_history.question_id, grade_history.seq";
    twice(&conn, "grade_history", &wheres, key, &[], &[("seq", "seq + 1")]);
    value(&conn, "grade_history", &wheres, "seq >= 1", "seq = 0", "seq = 7");
    let reason = "submissions_grade_has_grader";
    value(
        &conn,
        "submissions",
        &format!("id = {}", lit(course.submission)),
        reason,
        "graded_at = NULL",
        "feedback = NULL",
    );
}

/// rules: C2, C3
#[tokio::test]
async fn c2_c3_one_certificate_per_learner_and_one_per_code() {
    let (course, conn) = world().await;
    let other = lit(course.room.students[1]);
    let key = "certificates.course_id, certificates.student_id";
    let code = ("code", "'ABCD-EFGH-JKMN-PQRS'");
    twice(&conn, "certificates", "1", key, &[code], &[code, ("student_id", &other)]);
    let to_other = [("student_id", other.as_str())];
    twice(&conn, "certificates", "1", "certificates.code", &to_other, &[code, to_other[0]]);
    value(&conn, "certificates", "1", "length(code) = 19", "code = 'ABCD'", "code = 'ABCD-EFGH-JKMN-PQRS'");
    let reason = "certificates_ready_has_url";
    value(&conn, "certificates", "1", reason, "rendering = 'ready'", "rendering = 'ready', certificate_url = 'a.pdf'");
}

/// rules: N5
#[tokio::test]
async fn n5_earned_is_never_negative_nor_above_possible() {
    let (course, conn) = world().await;
    let graded = format!("student_id = {}", lit(course.room.students[0]));
    for (table, column, wheres, reason) in [
        ("quiz_attempts", "score", graded.as_str(), "quiz_attempts_earned_within_possible"),
        ("quiz_results", "earned", graded.as_str(), "quiz_results_earned_within_possible"),
    ] {
        for bad in ["possible + 1", "-1"] {
            value(&conn, table, wheres, reason, &format!("{column} = {bad}"), &format!("{column} = possible"));
        }
    }
    let within = "submissions_grade_within_raw";
    value(&conn, "submissions", &graded, within, "grade = raw_grade + 1", "grade = raw_grade");
    value(&conn, "submissions", &graded, "grade >= 0", "grade = -1", "grade = 0");
    value(&conn, "submissions", &graded, "raw_grade >= 0", "raw_grade = -1", "raw_grade = raw_grade + 1");
    value(&conn, "submissions", &graded, "deducted >= 0", "deducted = -1", "deducted = 0");
    let within = "grade_history_final_within_raw";
    value(&conn, "grade_history", "1", within, "final_grade = raw + 1", "final_grade = raw");
    value(&conn, "grade_history", "1", "final_grade >= 0", "final_grade = -1", "final_grade = 0");
    value(&conn, "grade_history", "1", "raw >= 0", "raw = -1", "raw = raw");
    value(&conn, "quiz_results", &graded, "quiz_results_a_pair", "possible = NULL", "possible = possible");
    value(&conn, "quiz_questions", "1", "points >= 0", "points = -1", "points = 0");
    value(&conn, "quiz_questions", "1", "negative_points >= 0", "negative_points = -1", "negative_points = 0");
    let most = "BETWEEN 0 AND 10000000000";
    for (table, column) in [("quiz_revisions", "possible"), ("assignments", "max_grade")] {
        for bad in ["-1", "10000000001"] {
            let good = format!("{column} = 10000000000");
            value(&conn, table, "1", &format!("{column} {most}"), &format!("{column} = {bad}"), &good);
        }
    }
}

/// rules: S15
#[tokio::test]
async fn s15_a_plagiarism_score_is_a_share() {
    let (course, conn) = world().await;
    let wheres = format!("id = {}", lit(course.submission));
    let reason = "plagiarism_score BETWEEN 0 AND 100000";
    let set = |score: i64| format!("similarity_status = 'checked', plagiarism_score = {score}");
    for (bad, good) in [(-1, 0), (100_001, 100_000)] {
        value(&conn, "submissions", &wheres, reason, &set(bad), &set(good));
    }
    let unchecked = "similarity_status = 'no_peers', plagiarism_score = 5";
    value(&conn, "submissions", &wheres, "submissions_score_is_checked", unchecked, &set(5));
    for bad in ["score = -1", "score = 100001"] {
        value(&conn, "similarity_matches", "1", "score BETWEEN 0 AND 100000", bad, "score = 100000");
    }
    twice(
        &conn,
        "similarity_matches",
        "1",
        "similarity_matches.submission_id, similarity_matches.other_id",
        &[],
        &[("submission_id", "other_id"), ("other_id", "submission_id")],
    );
}

/// rules: O1
#[tokio::test]
async fn o1_a_place_is_taken_once_per_parent() {
    let (_course, conn) = world().await;
    for (table, parent) in [
        ("lessons", "course_id"),
        ("objectives", "course_id"),
        ("topics", "lesson_id"),
        ("quizzes", "lesson_id"),
        ("assignments", "lesson_id"),
        ("quiz_questions", "quiz_id"),
    ] {
        let key = format!("{table}.{parent}, {table}.order_index");
        // An objective also has a key of its own.
        let mut same = vec![];
        if table == "objectives" {
            same.push(("key", "'another'"));
        }
        let mut other = same.clone();
        other.push(("order_index", "99"));
        twice(&conn, table, "order_index = 0", &key, &same, &other);
    }
    twice(
        &conn,
        "objectives",
        "1",
        "objectives.course_id, objectives.key",
        &[("order_index", "99")],
        &[("order_index", "99"), ("key", "'another'")],
    );
}

/// rules: I3
#[tokio::test]
async fn i3_an_attempt_at_a_call_is_claimed_once_and_applied_once() {
    let (_course, conn) = world().await;
    let key = "ai_logs.operation_id, ai_logs.attempt";
    twice(&conn, "ai_logs", "1", key, &[("status", "'invalid'")], &[("status", "'invalid'"), ("attempt", "2")]);
    for applied in ["'applied'", "'review'"] {
        let second = [("attempt", "2"), ("status", applied)];
        let valid = [("attempt", "2"), ("status", "'valid'")];
        twice(&conn, "ai_logs", "1", "ai_logs.operation_id", &second, &valid);
    }
    value(&conn, "ai_logs", "1", "attempt >= 1", "attempt = 0", "attempt = 2");
    for column in ["tokens_in", "tokens_out", "cost_micro_usd"] {
        let (bad, good) = (format!("{column} = -1"), format!("{column} = 0"));
        value(&conn, "ai_logs", "1", &format!("{column} >= 0"), &bad, &good);
    }
}

/// rules: DETAILS 19
#[tokio::test]
async fn a_row_of_a_learner_names_its_own_enrollment() {
    let (course, conn) = world().await;
    let (other, elsewhere) = (lit(course.room.students[2]), "randomblob(16)");
    let own = format!("student_id = {}", lit(course.room.students[0]));
    let enrollment = format!("(SELECT id FROM enrollments WHERE student_id = {other})");
    let tables: Vec<_> =
        Table::ALL.iter().filter(|table| table.columns().iter().any(|c| c.name == "enrollment_id")).collect();
    assert_eq!(tables.len(), 8, "{tables:?}");
    for table in tables {
        let set = |to: &str| format!("UPDATE {} SET {to} WHERE {own}", table.name());
        let control = set(&format!("enrollment_id = {enrollment}, student_id = {other}"));
        for lie in [
            format!("student_id = {other}"),
            format!("enrollment_id = {enrollment}"),
            format!("course_id = {elsewhere}"),
        ] {
            check(&conn, "FOREIGN KEY constraint failed", &set(&lie), &control);
        }
    }
}

/// rules: E1, L8
#[tokio::test]
async fn e1_names_that_the_host_gives_are_unique() {
    let (course, conn) = world().await;
    let wheres = format!("id = {}", lit(course.room.students[0]));
    conn.execute_batch(&format!("UPDATE users SET email = 'a@example.com', external_id = 'u1' WHERE {wheres}"))
        .unwrap();
    let (no_mail, no_id) = (("email", "NULL"), ("external_id", "NULL"));
    twice(&conn, "users", &wheres, "users.email", &[no_id], &[no_id, no_mail]);
    twice(&conn, "users", &wheres, "users.external_id", &[no_mail], &[no_id, no_mail]);
    conn.execute_batch("UPDATE courses SET external_id = 'c1'").unwrap();
    twice(&conn, "courses", "1", "courses.external_id", &[], &[("external_id", "'c2'")]);
    twice(
        &conn,
        "course_staff",
        "1",
        "course_staff.course_id, course_staff.user_id",
        &[],
        &[("user_id", &lit(course.room.students[0]))],
    );
    value(&conn, "users", &wheres, "users_erased_without_email", "erased_at = 1", "erased_at = 1, email = NULL");
}

/// rules: P1
#[tokio::test]
async fn one_row_per_learner_and_item() {
    let (course, conn) = world().await;
    let (own, idle) = (lit(course.room.students[0]), lit(course.room.students[2]));
    let wheres = format!("student_id = {own}");
    let enrollment = format!("(SELECT id FROM enrollments WHERE student_id = {idle})");
    let of_idle = [("student_id", idle.as_str()), ("enrollment_id", enrollment.as_str())];
    for (table, item) in [("lesson_progress", "lesson_id"), ("topic_views", "topic_id"), ("quiz_results", "quiz_id")] {
        twice(&conn, table, &wheres, &format!("{table}.{item}, {table}.student_id"), &[], &of_idle);
    }
    for (table, item, key) in [("overrides", "quiz_id", "quiz_id"), ("waivers", "lesson_id", "lesson_id")] {
        let columns = format!("{table}.enrollment_id, {table}.{key}");
        let to_assignment = [(item, "NULL"), ("assignment_id", "(SELECT id FROM assignments)")];
        twice(&conn, table, "1", &columns, &[], &to_assignment);
        let reason = format!("{table}_one_item");
        let both = "assignment_id = (SELECT id FROM assignments)";
        value(&conn, table, "1", &reason, both, &format!("{item} = NULL, {both}"));
        value(&conn, table, "1", &reason, &format!("{item} = NULL"), &format!("{item} = {item}"));
    }
    // One request for a review of each grade (S16).
    let key = "review_requests.submission_id, review_requests.seq";
    twice(&conn, "review_requests", "1", key, &[], &[("seq", "2")]);
    let subject = "review_requests_one_subject";
    value(&conn, "review_requests", "seq = 1", subject, "submission_id = NULL", "submission_id = submission_id");
    let answered = "review_requests_answered";
    value(&conn, "review_requests", "seq = 1", answered, "state = 'open'", "state = 'changed'");
    let reason = "overrides_value_is_there";
    value(&conn, "overrides", "1", reason, "due_mode = 'value'", "due_mode = 'value', due_date = 5");
    let reason = "lesson_progress_completed_has_time";
    let done = "status = 'completed'";
    value(&conn, "lesson_progress", done, reason, "completed_at = NULL", "completed_at = completed_at + 1");
}

/// rules: L3, X2
#[tokio::test]
async fn content_that_could_not_work_is_refused() {
    let (course, conn) = world().await;
    value(
        &conn,
        "assignments",
        "1",
        "assignments_published_is_gradable",
        "max_grade = 0",
        "max_grade = 0, is_published = 0",
    );
    let dates = "assignments_due_before_cutoff";
    value(&conn, "assignments", "1", dates, "due_date = 2, cutoff_date = 1", "due_date = 1, cutoff_date = 1");
    let penalty = "assignments_penalty_has_interval";
    value(&conn, "assignments", "1", penalty, "penalty_bp = 5", "penalty_bp = 5, penalty_interval = 'day'");
    let itself =
        format!("UPDATE lesson_requires SET requires_id = lesson_id WHERE lesson_id = {}", lit(course.room.lessons[1]));
    assert!(refused(&conn, &itself).contains("lesson_requires_not_itself"));
    for (column, table) in [("pass_threshold_bp", "quizzes"), ("pass_threshold_bp", "assignments")] {
        for bad in ["-1", "10001"] {
            let reason = format!("{column} BETWEEN 0 AND 10000");
            value(&conn, table, "1", &reason, &format!("{column} = {bad}"), &format!("{column} = 10000"));
        }
    }
}

/// rules: L7, L8
#[tokio::test]
async fn l7_texts_have_their_limits() {
    let (course, conn) = world().await;
    let chars = |n: usize| format!("printf('%.*c', {n}, 'x')");
    // 200 characters of three bytes each: lengths are counted in characters.
    let wide = format!("'{}'", "語".repeat(200));
    for table in ["courses", "lessons", "topics", "quizzes", "assignments"] {
        let reason = "length(title) BETWEEN 1 AND 200";
        value(&conn, table, "1", reason, &format!("title = {}", chars(201)), &format!("title = {wide}"));
        value(&conn, table, "1", reason, "title = ''", "title = 'x'");
    }
    for (table, column) in [("courses", "description"), ("quizzes", "description"), ("lessons", "summary")] {
        let reason = format!("length({column}) <= 20000");
        let set = |n: usize| format!("{column} = {}", chars(n));
        value(&conn, table, "1", &reason, &set(20_001), &set(20_000));
    }
    let work = format!("id = {}", lit(course.submission));
    for (table, column, wheres) in [("topics", "body", "1"), ("submissions", "content", work.as_str())] {
        let reason = format!("length(CAST({column} AS BLOB)) <= 1048576");
        let set = |n: usize| format!("{column} = {}", chars(n));
        value(&conn, table, wheres, &reason, &set(1_048_577), &set(1_048_576));
    }
    // {"a":"…"} is eight bytes around the text.
    for table in ["users", "courses", "lessons", "topics", "quizzes", "assignments", "enrollments"] {
        let set = |n: usize| format!("metadata = '{{\"a\":\"' || {} || '\"}}'", chars(n));
        let reason = "json_valid(metadata) AND length(CAST(metadata AS BLOB)) <= 16384";
        value(&conn, table, "1", reason, &set(16_377), &set(16_376));
    }
    value(&conn, "topics", "1", "content_type =", "content_type = 'x-'", "content_type = 'x-lab'");
    value(&conn, "topics", "1", "content_type =", "content_type = 'hologram'", "content_type = 'embed'");
}

/// Every table that the library describes, with its columns.
fn described() -> impl Iterator<Item = (&'static str, &'static [Column])> {
    let all = Table::ALL.iter().map(|table| (table.name(), table.columns()));
    all.chain([(NewEvent::TABLE, NewEvent::COLUMNS)])
}

/// Every column refuses what is not of its kind: another word, another truth, half an id, no JSON,
/// nothing.
#[tokio::test]
async fn no_column_takes_what_is_not_of_its_kind() {
    let (_course, conn) = world().await;
    // Only what the column itself says is asked here; keys have tests of their own.
    conn.execute_batch("PRAGMA foreign_keys = OFF").unwrap();
    for (table, columns) in described() {
        assert!(rows(&conn, table) > 0, "`{table}` is empty, so nothing would be refused");
        let first = format!("SELECT * FROM {table} LIMIT 1");
        for column in columns {
            let name = column.name;
            let set = |to: &str| {
                let keys: Vec<_> = columns.iter().filter(|c| c.name == "id").map(|c| c.name).collect();
                match keys.first() {
                    Some(id) => format!("UPDATE {table} SET {name} = {to} WHERE {id} = (SELECT {id} FROM ({first}))"),
                    None => format!("UPDATE {table} SET {name} = {to}"),
                }
            };
            let refuse = |to: &str, reason: &str| {
                let said = refused(&conn, &set(to));
                assert!(said.contains(reason) && said.contains(name), "{table}.{name} = {to}: {said}");
            };
            if !column.nullable {
                refuse("NULL", "NOT NULL constraint failed");
            }
            match column.kind {
                Kind::Uuid => {
                    refuse("x'0102'", &format!("length({name}) = 16"));
                    refuse("'0123456789abcdef'", "cannot store TEXT value in BLOB column");
                }
                Kind::Bool => {
                    refuse("2", &format!("{name} IN (0, 1)"));
                    refuse("'true'", "cannot store TEXT value in INTEGER column");
                }
                Kind::Json => refuse("'{\"a\":'", &format!("json_valid({name})")),
                Kind::Int | Kind::Time | Kind::Points => {
                    refuse("0.5", "cannot store REAL value in INTEGER column");
                    refuse("'soon'", "cannot store TEXT value in INTEGER column");
                }
                Kind::Text => {
                    refuse("x'00'", "cannot store BLOB value in TEXT column");
                    if !column.words.is_empty() {
                        let test = if column.words.len() > 2 { "=" } else { "IN (" };
                        refuse("'nonsense'", &format!("{name} {test}"));
                    }
                }
            }
        }
    }
}

/// A row of a person's or of the log's outlives nothing that it needs: what is referred to cannot go.
/// rules: D2, D4
#[tokio::test]
async fn what_others_need_cannot_be_deleted() {
    let (course, conn) = world().await;
    let room = &course.room;
    for sql in [
        format!("DELETE FROM users WHERE id = {}", lit(room.students[0])),
        format!("DELETE FROM users WHERE id = {}", lit(room.instructor)),
        "DELETE FROM certificate_templates".to_owned(),
        "DELETE FROM certificates".to_owned(),
        "DELETE FROM quiz_revisions".to_owned(),
        format!("DELETE FROM courses WHERE id = {}", lit(room.course)),
    ] {
        let said = refused(&conn, &sql);
        assert!(said.contains("FOREIGN KEY constraint failed"), "{sql}: {said}");
    }
    conn.execute_batch("UPDATE lessons SET ai_log_id = (SELECT id FROM ai_logs)").unwrap();
    assert!(refused(&conn, "DELETE FROM ai_logs").contains("FOREIGN KEY constraint failed"));
}
