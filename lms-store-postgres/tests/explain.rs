//! Every read behind a use case walks an index on tables of realistic size.
#![allow(clippy::unwrap_used, clippy::panic, reason = "these are tests")]

use lms_core::Lms;
use lms_core::store::Store;
use lms_store_postgres::PgStore;
use lms_store_postgres::driver::{self, AssertSqlSafe, PgConnection, Row as _};
use lms_store_postgres::testing::Cluster;

/// Rows by SQL, in sizes at which a scan would show: 20,000 learners in 1,000 courses.
const SEED: &str = "
INSERT INTO {lms}.users SELECT md5('u' || n)::uuid, CASE WHEN n <= 200 THEN 'instructor' ELSE 'student' END, 'u' || n,
    NULL, 'x' || n, '{}', NULL, 1, now(), now() FROM generate_series(1, 20000) AS n;
INSERT INTO {lms}.courses (id, external_id, instructor_id, title, description, is_published, audience, difficulty, language, time_zone,
    flow, enrollment, seats_taken, certificates, is_ai_generated, metadata, lessons_total, quizzes_total,
    assignments_total, structure_version, version, created_at, updated_at)
    SELECT md5('c' || n)::uuid, 'x' || n, md5('u' || 1 + n % 200)::uuid, 'c' || n, '', true, '', '', 'en', 'UTC', 'free',
    CASE WHEN n % 10 = 0 THEN 'open' ELSE 'closed' END, 0,
    'on_completion', false, '{}', 20, 20, 20, 1, 1, now(), now() FROM generate_series(1, 1000) AS n;
INSERT INTO {lms}.lessons (id, course_id, title, summary, order_index, is_published, is_required, completion_rule,
    is_ai_generated, metadata, version, created_at, updated_at)
    SELECT md5('l' || c || '-' || n)::uuid, md5('c' || c)::uuid, 'l', '', n, true, true, 'manual', false, '{}', 1, now(),
    now() FROM generate_series(1, 1000) AS c, generate_series(0, 19) AS n;
INSERT INTO {lms}.topics (id, lesson_id, title, content_type, body, order_index, is_ai_generated, metadata, version,
    created_at, updated_at)
    SELECT md5('t' || l.id || n)::uuid, l.id, 't', 'text', 'body', n, false, '{}', 1, now(), now()
    FROM {lms}.lessons AS l, generate_series(0, 1) AS n;
INSERT INTO {lms}.quizzes (id, lesson_id, title, description, order_index, is_published, is_required, grace_seconds,
    kept_score, reveal, shuffle_questions, shuffle_options, weight, is_ai_generated, metadata, version, created_at,
    updated_at)
    SELECT md5('q' || id)::uuid, id, 'q', '', 0, true, true, 30, 'highest', 'never', false, false, 1, false, '{}', 1,
    now(), now() FROM {lms}.lessons;
INSERT INTO {lms}.quiz_questions (id, quiz_id, question_type, text, options, correct_answer, points, explanation,
    order_index, is_ai_generated, created_at, updated_at)
    SELECT md5('qq' || q.id || n)::uuid, q.id, 'essay', 'w', '{}', '{}', 1, '', n, false, now(), now()
    FROM {lms}.quizzes AS q, generate_series(0, 1) AS n;
INSERT INTO {priv}.quiz_revisions SELECT md5('r' || id)::uuid, id, '{}', 5, now() FROM {lms}.quizzes;
INSERT INTO {lms}.assignments (id, lesson_id, title, description, due_date, max_grade, order_index, is_published,
    is_required, met_by, resubmission, grace_seconds, posting, ai_grading, ai_confidence_bp, weight, is_ai_generated,
    metadata, version, created_at, updated_at)
    SELECT md5('a' || id)::uuid, id, 'a', '', now(), 10, 0, true, true, 'submitted', 'never', 0, 'auto', 'off', 0, 1,
    false, '{}', 1, now(), now() FROM {lms}.lessons;
INSERT INTO {lms}.enrollments (id, course_id, student_id, status, source, is_staff, lessons_done, quizzes_met,
    assignments_met, metadata, version, created_at, updated_at)
    SELECT md5('e' || n)::uuid, md5('c' || 1 + n % 1000)::uuid, md5('u' || n)::uuid, 'active', 'self', false, 2, 2, 2,
    '{}', 1, now(), now() FROM generate_series(201, 20000) AS n;
INSERT INTO {lms}.lesson_progress (id, lesson_id, enrollment_id, course_id, student_id, status, first_opened_at,
    opened_at, completed_at, by_mark, created_at, updated_at)
    SELECT md5('p' || e.id || l.id)::uuid, l.id, e.id, e.course_id, e.student_id, 'completed', now(), now(), now(), true,
    now(), now() FROM {lms}.enrollments AS e JOIN {lms}.lessons AS l ON l.course_id = e.course_id AND l.order_index < 2;
INSERT INTO {lms}.topic_views
    SELECT md5('v' || p.id || t.id)::uuid, t.id, p.enrollment_id, p.course_id, p.student_id, now(), now()
    FROM {lms}.lesson_progress AS p JOIN {lms}.topics AS t ON t.lesson_id = p.lesson_id AND t.order_index = 0;
INSERT INTO {lms}.quiz_attempts (id, quiz_id, enrollment_id, course_id, student_id, attempt_no, state, revision_id, seed,
    score, possible, started_at, completed_at, finish_reason, answers, version, created_at, updated_at)
    SELECT md5('at' || p.id)::uuid, q.id, p.enrollment_id, p.course_id, p.student_id, 1, 'graded', md5('r' || q.id)::uuid,
    1, 3, 5, now(), now(), 'submitted', '{}', 1, now(), now()
    FROM {lms}.lesson_progress AS p JOIN {lms}.quizzes AS q ON q.lesson_id = p.lesson_id;
INSERT INTO {lms}.quiz_results
    SELECT md5('re' || id)::uuid, quiz_id, enrollment_id, course_id, student_id, 3, 5, NULL, true, now()
    FROM {lms}.quiz_attempts;
INSERT INTO {lms}.overrides (id, enrollment_id, course_id, student_id, quiz_id, available_from_mode, due_mode, cutoff_mode,
    time_multiplier_bp, extra_seconds, extra_attempts, excused, reason, granted_by, created_at, updated_at)
    SELECT md5('o' || id)::uuid, enrollment_id, course_id, student_id, quiz_id, 'inherit', 'inherit', 'inherit', 10000, 0,
    1, false, 'ill', md5('u1')::uuid, now(), now() FROM {lms}.quiz_results;
INSERT INTO {lms}.waivers (id, enrollment_id, course_id, student_id, quiz_id, reason, granted_by, created_at)
    SELECT md5('w' || id)::uuid, enrollment_id, course_id, student_id, quiz_id, 'ill', md5('u1')::uuid, now()
    FROM {lms}.quiz_results;
INSERT INTO {lms}.submissions (id, assignment_id, enrollment_id, course_id, student_id, version_no, state, content,
    submitted_at, late_seconds, history_seq, ai_status, similarity_status, version, created_at, updated_at)
    SELECT md5('s' || p.id)::uuid, a.id, p.enrollment_id, p.course_id, p.student_id, 1, 'submitted', 'text', now(), 0, 0,
    'none', 'pending', 1, now(), now()
    FROM {lms}.lesson_progress AS p JOIN {lms}.assignments AS a ON a.lesson_id = p.lesson_id;
INSERT INTO {lms}.certificate_templates (id, family_id, version_no, name, document, version, created_at,
    updated_at)
    VALUES (md5('ct')::uuid, md5('ctf')::uuid, 1, 'T', '{}', 1, now(), now())
    ON CONFLICT DO NOTHING;
INSERT INTO {lms}.certificates (id, course_id, student_id, template_id, issued_at, code, snapshot, revision_no, rendering,
    certificate_url, version, created_at, updated_at)
    SELECT md5('ce' || id)::uuid, course_id, student_id, md5('ct')::uuid, now(), left(md5(id::text), 19), '{}', 1,
    'ready', 'x', 1, now(), now() FROM {lms}.enrollments;
INSERT INTO {lms}.certificate_revisions
    SELECT md5('cr' || id)::uuid, id, 1, '{}', now(), NULL, 'a name', now() FROM {lms}.certificates;
INSERT INTO {lms}.review_requests (id, enrollment_id, course_id, student_id, submission_id, question_id, seq, reason, state,
    answer, answered_by, answered_at, created_at, updated_at)
    SELECT md5('rv' || id)::uuid, enrollment_id, course_id, student_id, id, '00000000-0000-0000-0000-000000000000', 1,
    'please', 'kept', 'no', student_id, now(), now(), now() FROM {lms}.submissions;
INSERT INTO {lms}.grade_history (id, subject_type, subject_id, question_id, course_id, student_id, seq, cause, version_no,
    raw, final_grade, grader_kind, at)
    SELECT md5('g' || id)::uuid, 'submission', id, '00000000-0000-0000-0000-000000000000', course_id, student_id, 1,
    'graded', 1, 5, 5, 'human', now() FROM {lms}.submissions;
INSERT INTO {priv}.ai_logs (id, operation_id, attempt, kind, prompt_version, status, provider, model_requested,
    violations, notes, input_sha256, prompt_sha256, system_sha256, schema_sha256, redaction, tokens_in, tokens_out,
    tokens_cache_read, tokens_cache_write, tokens_thinking, cost_micro_usd, charged_micro_usd, actor_id, course_id,
    created_at, given_up_at)
    SELECT md5('al' || n)::uuid, md5('op' || n)::uuid, 1, 'grade', 1, 'applied', 'p', 'm', '[]', '[]', '', '', '', '',
    'full', 0, 0, 0, 0, 0, 0, 0, md5('u' || n)::uuid, md5('c' || 1 + n % 1000)::uuid, now() - n * interval '1 minute',
    now() - n * interval '1 minute' FROM generate_series(1, 20000) AS n;
INSERT INTO {priv}.ai_spending SELECT 'actor:' || md5('u' || n)::uuid, to_char(now() - n % 100 * interval '1 day',
    'YYYY-MM-DD'), 0, n FROM generate_series(1, 20000) AS n;
INSERT INTO {priv}.activity_events (position, id, at, kind, actor_kind, actor_id, course_id, student_id, subject_type,
    subject_id, learner_initiated, metadata)
    SELECT n, md5('ev' || n)::uuid, now() - n * interval '1 minute', 'lesson_opened', 'user', md5('u' || n % 20000)::uuid,
    md5('c' || 1 + n % 200)::uuid, md5('u' || n % 20000)::uuid, 'lesson', md5('l' || n)::uuid, true, '{}'
    FROM generate_series(1, 200000) AS n;
UPDATE {priv}.lms_log SET head = 200000;
ANALYZE;
";

/// Tables that stay small: rows of a tenant's configuration and of what is under way.
const SMALL: &[&str] = &[
    "ai_budgets",
    "lms_log",
    "lms_schema",
    "consumers",
    "course_jobs",
    "course_staff",
    "certificate_templates",
    "objectives",
    "objective_lessons",
    "objective_questions",
    "objective_assignments",
    "lesson_requires",
];

/// Reads whose filter has an index of its own: a walk along the keys would be no scan either, and as long.
const BY_INDEX: &[(&str, &str)] = &[
    ("courses_external_id", "courses_external_id"),
    ("courses_instructor", "courses_instructor_id"),
    ("offers", "courses_offered"),
    ("overdue_attempts", "quiz_attempts_sweep"),
    ("person_by_email", "users_email"),
    ("overrides", "overrides_page"),
    ("waivers", "waivers_page"),
    ("certificates", "certificates_course_id_student_id_key"),
    ("certificates_of", "certificates_student_id"),
];

fn scans(plan: &serde_json::Value, found: &mut Vec<String>) {
    match plan {
        serde_json::Value::Object(node) => {
            let of = |key: &str| node.get(key).and_then(|v| v.as_str()).unwrap_or_default();
            if of("Node Type") == "Seq Scan" && !SMALL.contains(&of("Relation Name")) {
                found.push(of("Relation Name").to_owned());
            }
            node.values().for_each(|v| scans(v, found));
        }
        serde_json::Value::Array(items) => items.iter().for_each(|v| scans(v, found)),
        _ => {}
    }
}

async fn plan(conn: &mut PgConnection, name: &str, sql: &str) -> serde_json::Value {
    let params = (1..=9).filter(|n| sql.contains(&format!("${n}"))).count();
    let types = vec!["text"; params].join(", ");
    let nulls = vec!["NULL"; params].join(", ");
    let with = |list: &str| if params == 0 { String::new() } else { format!("({list})") };
    let prepare = format!("PREPARE {name}_s {} AS {sql}", with(&types));
    driver::raw_sql(AssertSqlSafe(prepare)).execute(&mut *conn).await.unwrap_or_else(|e| panic!("{name}: {e}"));
    let explain = format!("EXPLAIN (FORMAT JSON) EXECUTE {name}_s{}", with(&nulls));
    let row = driver::raw_sql(AssertSqlSafe(explain)).fetch_one(&mut *conn).await.unwrap();
    let text: String = row.try_get_unchecked(0).unwrap();
    serde_json::from_str(&text).unwrap()
}

#[tokio::test]
async fn every_read_walks_an_index() {
    let (lms, private) = Cluster::fresh_schemas();
    let store = PgStore::builder(Cluster::shared().url()).schemas(&*lms, &*private).connect().await.unwrap();
    store.migrate().await.unwrap();
    let seed = SEED.replace("{lms}", &lms).replace("{priv}", &private);
    driver::raw_sql(AssertSqlSafe(seed)).execute(store.pool()).await.unwrap();
    let statements = store.statements();
    assert!(statements.len() > 50);
    let mut conn = store.pool().acquire().await.unwrap();
    // The plan that serves every caller, not one made for these parameters.
    driver::raw_sql("SET plan_cache_mode = force_generic_plan").execute(&mut *conn).await.unwrap();
    let mut bad = Vec::new();
    let inner = driver::query_as(
        "SELECT prosrc FROM pg_proc WHERE proname = 'work_counts_v1' AND pronamespace = $1::regnamespace",
    );
    let (counts,): (String,) = inner.bind(&private).fetch_one(&mut *conn).await.unwrap();
    let counts = counts.replace("p_kind", "$1").replace("p_id", "$2::uuid");
    assert!(counts.contains("quiz_attempts"), "the statement inside the function: {counts}");
    let functions = [("work_counts_v1", std::sync::Arc::from(counts))];
    for (name, sql) in statements.iter().chain(&functions) {
        if *name == "work_counts_v1" {
            // A course has hundreds of rows: on tables of this size a scan costs about as much as the index where
            // the price of a random page is that of a turning disk, and the sample of ANALYZE would decide.
            driver::raw_sql("SET random_page_cost = 1.1").execute(&mut *conn).await.unwrap();
        }
        let mut found = Vec::new();
        let plan = plan(&mut conn, name, sql).await;
        scans(&plan, &mut found);
        let plan = plan.to_string();
        for (_, index) in BY_INDEX.iter().filter(|(read, _)| read == name) {
            if !plan.contains(&format!("\"Index Name\":\"{index}\"")) {
                bad.push(format!("{name} does not go by {index}: {plan}"));
            }
        }
        if !found.is_empty() {
            bad.push(format!("{name} scans {}", found.join(", ")));
        }
    }
    assert!(bad.is_empty(), "{}", bad.join("\n"));
    // The seed is a course like others: counters and rows agree as far as they were seeded.
    assert!(Lms::builder(store).build().health().await.is_ok());
}
