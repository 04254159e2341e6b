//! What the tests share: a world on a database file, and a second connection that goes around the
//! library.
#![allow(dead_code, reason = "every test file takes what it needs")]

use std::path::{Path, PathBuf};
use std::sync::Arc;

use lms_core::Lms;
use lms_core::lms::{AssignmentRules, NewAssignment, NewGrade, NewSubmission, QuizRules};
use lms_core::model::question::Answer;
use lms_core::model::{AssignmentId, BasisPoints, MetBy, Points, QuizId, SubmissionId, Timestamp, User, UserId};
use lms_core::testing::{Classroom, FixedClock};
use lms_store_sqlite::SqliteStore;
use lms_store_sqlite::driver::Connection;
use tempfile::TempDir;
use uuid::Uuid;

/// A migrated database file with the library on it.
pub(crate) struct World {
    pub(crate) lms: Lms,
    pub(crate) store: SqliteStore,
    pub(crate) clock: Arc<FixedClock>,
    pub(crate) path: PathBuf,
    /// Removes the file; last, so that the store closes first.
    _folder: TempDir,
}

impl World {
    pub(crate) async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lms.db");
        let store = SqliteStore::open(&path).await.unwrap();
        let clock = Arc::new(FixedClock::noon());
        let lms = Lms::builder(store.clone()).clock(clock.clone()).build();
        lms.migrate().await.unwrap();
        Self { lms, store, clock, path, _folder: folder }
    }

    /// A connection of its own to the same file, as an operator's shell would have.
    pub(crate) fn sql(&self) -> Connection {
        around(&self.path)
    }
}

/// A connection around the library, with foreign keys on.
pub(crate) fn around(path: &Path) -> Connection {
    let conn = Connection::open(path).unwrap();
    conn.execute_batch("PRAGMA foreign_keys = ON; PRAGMA busy_timeout = 20000").unwrap();
    conn
}

/// An id as SQL.
pub(crate) fn lit(id: impl Into<Uuid>) -> String {
    format!("x'{}'", id.into().simple())
}

/// One number.
pub(crate) fn number(conn: &Connection, sql: &str) -> i64 {
    conn.query_row(sql, [], |row| row.get(0)).unwrap_or_else(|e| panic!("{sql}: {e}"))
}

/// The rows of a table.
pub(crate) fn rows(conn: &Connection, table: &str) -> i64 {
    number(conn, &format!("SELECT count(*) FROM {table}"))
}

/// The names of a table's columns, in order.
pub(crate) fn columns(conn: &Connection, table: &str) -> Vec<String> {
    let mut statement = conn.prepare("SELECT name FROM pragma_table_info(?1) ORDER BY cid").unwrap();
    statement.query_map([table], |row| row.get(0)).unwrap().collect::<Result<_, _>>().unwrap()
}

/// A copy of the row `wheres` names, under a new id, with some columns given as SQL expressions.
pub(crate) fn copy(table: &str, wheres: &str, with: &[(&str, &str)], conn: &Connection) -> String {
    let names = columns(conn, table);
    let values: Vec<String> = names
        .iter()
        .map(|name| match with.iter().find(|(column, _)| column == name) {
            Some((_, expression)) => (*expression).to_owned(),
            None if name == "id" => "randomblob(16)".to_owned(),
            None if name == "position" => "NULL".to_owned(),
            None => name.clone(),
        })
        .collect();
    format!(
        "INSERT INTO {table} ({}) SELECT {} FROM {table} WHERE {wheres} LIMIT 1",
        names.join(", "),
        values.join(", ")
    )
}

/// What the database says to a statement that it refuses. Nothing of it stands.
pub(crate) fn refused(conn: &Connection, sql: &str) -> String {
    match conn.execute(sql, []) {
        Ok(rows) => panic!("the database accepted it ({rows} rows): {sql}"),
        Err(e) => e.to_string(),
    }
}

/// Runs a statement that the database must accept, touching a row at least, and takes it back.
pub(crate) fn accepted(conn: &Connection, sql: &str) {
    conn.execute_batch("SAVEPOINT control").unwrap();
    let done = conn.execute(sql, []);
    conn.execute_batch("ROLLBACK TO control; RELEASE control").unwrap();
    match done {
        Ok(0) => panic!("it touched nothing: {sql}"),
        Ok(_) => {}
        Err(e) => panic!("the database refused the control: {e}: {sql}"),
    }
}

/// A person whose row depends on nothing.
pub(crate) fn person(lms: &Lms, name: &str) -> User {
    let now = lms.now();
    User {
        id: UserId::from_uuid(lms.ids().uuid(now)),
        role: lms_core::model::Role::Student,
        display_name: name.to_owned(),
        email: None,
        external_id: None,
        metadata: lms_core::model::table::Json::object(),
        erased_at: None,
        version: 1,
        created_at: now,
        updated_at: now,
    }
}

/// A course in which something of every kind has happened.
pub(crate) struct Course {
    pub(crate) world: World,
    /// Two lessons. The first student has done all the first one asks for, the second has an open
    /// attempt and a draft there and has completed the second lesson, the third has done nothing.
    pub(crate) room: Classroom,
    pub(crate) quiz: QuizId,
    pub(crate) assignment: AssignmentId,
    pub(crate) submission: SubmissionId,
}

impl Course {
    /// With `complete` the first student completes the course and has a certificate.
    pub(crate) async fn build(complete: bool) -> Self {
        let world = World::new().await;
        let room = Classroom::build(&world.lms, 2, 3).await.unwrap();
        let rules = QuizRules { pass_threshold_bp: BasisPoints::percent(50), ..QuizRules::default() };
        let quiz = room.add_quiz(room.lessons[0], 2, rules).await.unwrap().id;
        let rules = AssignmentRules { is_required: true, met_by: MetBy::Submitted, ..AssignmentRules::default() };
        let max = Points::whole(100).unwrap();
        let new = NewAssignment { is_published: true, rules, ..NewAssignment::new("Essay", max) };
        let assignment = room.teacher().catalog().add_assignment(room.lessons[0], new).await.unwrap().id;

        let first = room.student(0);
        first.learning().view_topic(room.topics[0]).await.unwrap();
        let attempt = first.quizzes().start(quiz).await.unwrap();
        let right = |id| (id, Some(Answer::Choice { option_id: "right".to_owned() }));
        let patch = attempt.questions.iter().map(|question| right(question.id)).collect();
        first.quizzes().save(attempt.id, "tab", 1, patch).await.unwrap();
        first.quizzes().submit(attempt.id).await.unwrap();
        let submission = first.assignments().submit(assignment, NewSubmission::text("What I think.")).await.unwrap().id;
        let grade = NewGrade { points: Some(Points::whole(80).unwrap()), ..NewGrade::default() };
        room.teacher().assignments().grade(submission, grade).await.unwrap();
        first.learning().complete_lesson(room.lessons[0]).await.unwrap();

        let second = room.student(1);
        second.quizzes().start(quiz).await.unwrap();
        second.assignments().save_draft(assignment, NewSubmission::text("Not yet")).await.unwrap();
        second.learning().complete_lesson(room.lessons[1]).await.unwrap();
        if complete {
            first.learning().complete_lesson(room.lessons[1]).await.unwrap();
            first.certificates().of(room.course, room.students[0]).await.unwrap();
        }
        Self { world, room, quiz, assignment, submission }
    }

    /// Rows of what the library writes elsewhere, or not yet, so that no table is empty.
    pub(crate) fn fill(&self, conn: &Connection) {
        let room = &self.room;
        let (course, lesson, other) = (lit(room.course), lit(room.lessons[0]), lit(room.lessons[1]));
        let (quiz, assignment, submission) = (lit(self.quiz), lit(self.assignment), lit(self.submission));
        let (student, teacher) = (lit(room.students[0]), lit(room.instructor));
        let enrollment = format!("(SELECT id FROM enrollments WHERE student_id = {student})");
        let question = format!("(SELECT id FROM quiz_questions WHERE quiz_id = {quiz} ORDER BY order_index LIMIT 1)");
        let hash = "0".repeat(64);
        let draft = format!("(SELECT id FROM submissions WHERE student_id = {})", lit(room.students[1]));
        conn.execute_batch(&format!(
            "INSERT INTO course_staff VALUES (randomblob(16), {course}, {}, 'grader', 0);
             INSERT INTO objectives VALUES (x'{objective}', {course}, 'explain', 'Explain it', 0, 1, 0, 0);
             INSERT INTO objective_lessons VALUES (x'{objective}', {lesson});
             INSERT INTO objective_questions VALUES (x'{objective}', {question});
             INSERT INTO objective_assignments VALUES (x'{objective}', {assignment});
             INSERT INTO lesson_requires VALUES ({other}, {lesson});
             INSERT INTO overrides VALUES (randomblob(16), {enrollment}, {course}, {student}, NULL, {quiz}, NULL,
                 'inherit', NULL, 'inherit', NULL, 'inherit', NULL, 10000, 0, 1, 0, 'ill', {teacher}, 0, 0);
             INSERT INTO waivers VALUES (randomblob(16), {enrollment}, {course}, {student}, {lesson}, NULL, NULL,
                 'knows it', {teacher}, 0);
             INSERT INTO review_requests VALUES (randomblob(16), {enrollment}, {course}, {student}, {submission}, NULL,
                 zeroblob(16), 1, 'please', 'kept', 'no', {teacher}, 0, 0, 0);
             INSERT INTO ai_logs (id, operation_id, attempt, kind, prompt_version, status, provider, model_requested,
                 violations, notes, input_sha256, prompt_sha256, system_sha256, schema_sha256, redaction, tokens_in, tokens_out,
                 tokens_cache_read, tokens_cache_write, tokens_thinking, cost_micro_usd, charged_micro_usd, latency_ms, actor_id,
                 course_id, subject_type, subject_id, created_at, given_up_at)
             VALUES (randomblob(16), randomblob(16), 1, 'grade', 1, 'applied', 'p', 'm', '[]', '[]', '{hash}', '{hash}',
                 '{hash}', '{hash}', 'full', 1, 1, 0, 0, 0, 5, 5, 9, {teacher}, {course}, 'submission', {submission}, 0, 0);
             INSERT INTO course_jobs VALUES (randomblob(16), {course}, 'reevaluate', 0, '{{}}', NULL, 1);
             INSERT INTO ai_budgets VALUES ('all', 100);
             INSERT INTO ai_spending VALUES ('all', '2026-03-01', 0, 5);
             INSERT INTO consumers VALUES ('certificates', 0, NULL, NULL);
             INSERT INTO submission_fingerprints VALUES ({assignment}, 7, {submission}, 0);
             INSERT INTO fingerprint_df VALUES ({assignment}, 7, 1);
             INSERT INTO similarity_matches VALUES (randomblob(16), {submission}, {draft}, 50000, 1, 2, '[]', 1, 0);",
            lit(room.admin),
            objective = "0b".repeat(16),
        ))
        .unwrap();
        conn.execute_batch(
            "INSERT INTO certificate_revisions
             SELECT randomblob(16), id, 1, snapshot, issued_at, NULL, 'name', 0 FROM certificates LIMIT 1",
        )
        .unwrap();
    }
}

/// An instant as the database writes it.
pub(crate) const fn micros(at: Timestamp) -> i64 {
    at.as_micros()
}
