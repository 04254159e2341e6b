-- The write door of the Postgres store, version 1: applies a batch mechanically, in one call.
--
-- Generated from the tables' description in lms-core; a test holds it to that. Do not edit by hand.
--
-- Order: the courses' advisory locks ascending by key, the expectations as the caller has ordered them
-- (structures, enrollments by id, which locks their rows, all others, seats), the structure versions, the
-- changes in their order, the events. It is VOLATILE: in READ COMMITTED every statement has a snapshot of
-- its own and sees what was committed before the locks were had. A failed expectation is returned (nothing
-- is written then); a row that is gone is raised.
--
-- One row by its id, never a list by ANY: a plan for any list is dearer than one for the list at hand, so
-- the planner would make one in every call.

CREATE TYPE {priv}.users_v1 AS (id uuid, role text, display_name text, email text, external_id text, metadata json, erased_at timestamptz, version bigint, created_at timestamptz, updated_at timestamptz);
CREATE TYPE {priv}.courses_v1 AS (id uuid, instructor_id uuid, title text, description text, thumbnail_url text, is_published boolean, external_id text, audience text, difficulty text, estimated_minutes bigint, language text, time_zone text, flow text, enrollment text, capacity bigint, seats_taken bigint, certificates text, certificate_template_id uuid, certificate_valid_days bigint, archived_at timestamptz, published_at timestamptz, is_ai_generated boolean, ai_log_id uuid, ai_edited_at timestamptz, copied_from uuid, metadata json, lessons_total bigint, quizzes_total bigint, assignments_total bigint, structure_version bigint, version bigint, created_at timestamptz, updated_at timestamptz);
CREATE TYPE {priv}.course_staff_v1 AS (id uuid, course_id uuid, user_id uuid, role text, created_at timestamptz);
CREATE TYPE {priv}.objectives_v1 AS (id uuid, course_id uuid, key text, text text, order_index bigint, version bigint, created_at timestamptz, updated_at timestamptz);
CREATE TYPE {priv}.objective_lessons_v1 AS (objective_id uuid, lesson_id uuid);
CREATE TYPE {priv}.objective_questions_v1 AS (objective_id uuid, question_id uuid);
CREATE TYPE {priv}.objective_assignments_v1 AS (objective_id uuid, assignment_id uuid);
CREATE TYPE {priv}.lessons_v1 AS (id uuid, course_id uuid, title text, summary text, order_index bigint, is_published boolean, is_required boolean, completion_rule text, available_from timestamptz, estimated_minutes bigint, is_ai_generated boolean, ai_log_id uuid, ai_edited_at timestamptz, copied_from uuid, metadata json, version bigint, created_at timestamptz, updated_at timestamptz);
CREATE TYPE {priv}.lesson_requires_v1 AS (lesson_id uuid, requires_id uuid);
CREATE TYPE {priv}.topics_v1 AS (id uuid, lesson_id uuid, title text, content_type text, content_url text, body text, order_index bigint, is_ai_generated boolean, ai_log_id uuid, ai_edited_at timestamptz, copied_from uuid, metadata json, version bigint, created_at timestamptz, updated_at timestamptz);
CREATE TYPE {priv}.quizzes_v1 AS (id uuid, lesson_id uuid, title text, description text, order_index bigint, is_published boolean, is_required boolean, pass_threshold_bp bigint, max_attempts bigint, time_limit_seconds bigint, grace_seconds bigint, kept_score text, reveal text, shuffle_questions boolean, shuffle_options boolean, weight bigint, adjustments json, ai_grading text, ai_confidence_bp bigint, review_days bigint, opens_at timestamptz, closes_at timestamptz, is_ai_generated boolean, ai_log_id uuid, ai_edited_at timestamptz, copied_from uuid, metadata json, version bigint, created_at timestamptz, updated_at timestamptz);
CREATE TYPE {priv}.quiz_questions_v1 AS (id uuid, quiz_id uuid, question_type text, text text, options json, correct_answer json, points numeric(14,5), negative_points numeric(14,5), explanation text, source_quote text, order_index bigint, is_ai_generated boolean, ai_log_id uuid, ai_edited_at timestamptz, copied_from uuid, created_at timestamptz, updated_at timestamptz);
CREATE TYPE {priv}.quiz_revisions_v1 AS (id uuid, quiz_id uuid, content json, possible numeric(14,5), created_at timestamptz);
CREATE TYPE {priv}.assignments_v1 AS (id uuid, lesson_id uuid, title text, description text, due_date timestamptz, due_zone text, cutoff_date timestamptz, available_from timestamptz, max_grade numeric(14,5), order_index bigint, is_published boolean, is_required boolean, met_by text, pass_threshold_bp bigint, resubmission text, max_versions bigint, grace_seconds bigint, penalty_bp bigint, penalty_interval text, penalty_floor_bp bigint, posting text, ai_grading text, ai_confidence_bp bigint, review_days bigint, rubric json, weight bigint, is_ai_generated boolean, ai_log_id uuid, ai_edited_at timestamptz, copied_from uuid, metadata json, version bigint, created_at timestamptz, updated_at timestamptz);
CREATE TYPE {priv}.enrollments_v1 AS (id uuid, course_id uuid, student_id uuid, status text, starts_at timestamptz, ends_at timestamptz, source text, external_ref text, is_staff boolean, lessons_done bigint, quizzes_met bigint, assignments_met bigint, completed_at timestamptz, opened_at timestamptz, reset_reason text, metadata json, version bigint, created_at timestamptz, updated_at timestamptz);
CREATE TYPE {priv}.overrides_v1 AS (id uuid, enrollment_id uuid, course_id uuid, student_id uuid, lesson_id uuid, quiz_id uuid, assignment_id uuid, available_from_mode text, available_from timestamptz, due_mode text, due_date timestamptz, cutoff_mode text, cutoff_date timestamptz, time_multiplier_bp bigint, extra_seconds bigint, extra_attempts bigint, excused boolean, reason text, granted_by uuid, created_at timestamptz, updated_at timestamptz);
CREATE TYPE {priv}.waivers_v1 AS (id uuid, enrollment_id uuid, course_id uuid, student_id uuid, lesson_id uuid, quiz_id uuid, assignment_id uuid, reason text, granted_by uuid, created_at timestamptz);
CREATE TYPE {priv}.lesson_progress_v1 AS (id uuid, lesson_id uuid, enrollment_id uuid, course_id uuid, student_id uuid, status text, first_opened_at timestamptz, opened_at timestamptz, completed_at timestamptz, by_mark boolean, created_at timestamptz, updated_at timestamptz);
CREATE TYPE {priv}.topic_views_v1 AS (id uuid, topic_id uuid, enrollment_id uuid, course_id uuid, student_id uuid, first_viewed_at timestamptz, viewed_at timestamptz);
CREATE TYPE {priv}.quiz_attempts_v1 AS (id uuid, quiz_id uuid, enrollment_id uuid, course_id uuid, student_id uuid, attempt_no bigint, state text, revision_id uuid, seed bigint, score numeric(14,5), possible numeric(14,5), started_at timestamptz, deadline timestamptz, completed_at timestamptz, finish_reason text, answers json, graded json, ai_pending bigint, ai_suggested bigint, graded_with_revision uuid, void_reason text, version bigint, created_at timestamptz, updated_at timestamptz);
CREATE TYPE {priv}.quiz_results_v1 AS (id uuid, quiz_id uuid, enrollment_id uuid, course_id uuid, student_id uuid, earned numeric(14,5), possible numeric(14,5), passed boolean, submitted boolean, updated_at timestamptz);
CREATE TYPE {priv}.submissions_v1 AS (id uuid, assignment_id uuid, enrollment_id uuid, course_id uuid, student_id uuid, version_no bigint, state text, submission_url text, content text, submitted_at timestamptz, late_seconds bigint, raw_grade numeric(14,5), deducted numeric(14,5), grade numeric(14,5), feedback text, rubric_scores json, graded_by uuid, grader_kind text, graded_at timestamptz, posted_at timestamptz, history_seq bigint, ai_status text, ai_code text, suggested_seq bigint, plagiarism_score numeric(14,5), similarity_status text, version bigint, created_at timestamptz, updated_at timestamptz);
CREATE TYPE {priv}.grade_history_v1 AS (id uuid, subject_type text, subject_id uuid, question_id uuid, course_id uuid, student_id uuid, seq bigint, cause text, ref_seq bigint, version_no bigint, raw numeric(14,5), deducted numeric(14,5), final_grade numeric(14,5), feedback text, rubric_scores json, grader_id uuid, grader_kind text, actor_id uuid, reason text, ai_log_id uuid, at timestamptz);
CREATE TYPE {priv}.review_requests_v1 AS (id uuid, enrollment_id uuid, course_id uuid, student_id uuid, submission_id uuid, attempt_id uuid, question_id uuid, seq bigint, reason text, state text, answer text, answered_by uuid, answered_at timestamptz, created_at timestamptz, updated_at timestamptz);
CREATE TYPE {priv}.certificate_templates_v1 AS (id uuid, family_id uuid, version_no bigint, name text, document json, is_draft boolean, is_ai_generated boolean, ai_log_id uuid, ai_edited_at timestamptz, archived_at timestamptz, version bigint, created_at timestamptz, updated_at timestamptz);
CREATE TYPE {priv}.certificates_v1 AS (id uuid, course_id uuid, student_id uuid, template_id uuid, certificate_url text, issued_at timestamptz, expires_at timestamptz, code text, snapshot json, revision_no bigint, rendering text, rendering_code text, rendering_error text, pdf_sha256 text, issued_by uuid, issue_reason text, revoked_at timestamptz, revoked_by uuid, revoke_reason text, erased_at timestamptz, files_deleted_at timestamptz, version bigint, created_at timestamptz, updated_at timestamptz);
CREATE TYPE {priv}.certificate_revisions_v1 AS (id uuid, certificate_id uuid, revision_no bigint, snapshot json, issued_at timestamptz, certificate_url text, reason text, created_at timestamptz);
CREATE TYPE {priv}.ai_logs_v1 AS (id uuid, operation_id uuid, attempt bigint, kind text, prompt_version bigint, status text, provider text, model_requested text, model_served text, request_id text, message_id text, stop_reason text, http_status bigint, error_kind text, violations json, notes json, input_sha256 text, prompt_sha256 text, system_sha256 text, schema_sha256 text, prompt_text text, response_text text, response_sha256 text, redaction text, tokens_in bigint, tokens_out bigint, tokens_cache_read bigint, tokens_cache_write bigint, tokens_thinking bigint, cost_micro_usd bigint, charged_micro_usd bigint, latency_ms bigint, actor_id uuid, course_id uuid, subject_type text, subject_id uuid, created_at timestamptz, given_up_at timestamptz, completed_at timestamptz, applied_at timestamptz, expires_at timestamptz);
CREATE TYPE {priv}.course_jobs_v1 AS (id uuid, course_id uuid, kind text, at timestamptz, params json, cursor uuid, done_at timestamptz);
CREATE TYPE {priv}.events_v1 AS (id uuid, at timestamptz, kind text, actor_kind text, actor_id uuid, on_behalf_of uuid, course_id uuid, student_id uuid, subject_type text, subject_id uuid, learner_initiated boolean, metadata json);
CREATE TYPE {priv}.expect_v1 AS (
    n integer, kind text, tab text, id uuid, version bigint, word text, other uuid, counts bigint[], hold boolean);
CREATE TYPE {priv}.op_v1 AS (
    op text, tab text, lo integer, hi integer, id uuid, other uuid, word text, word2 text, n bigint,
    at timestamptz, flag boolean, ids uuid[], doc text);

CREATE FUNCTION {priv}.write_v1(
    p_locks integer[], p_exclusive boolean[], p_bump uuid[],
    p_expect {priv}.expect_v1[], p_ops {priv}.op_v1[], p_host boolean DEFAULT false,
    p_events {priv}.events_v1[] DEFAULT NULL,
    p_users {priv}.users_v1[] DEFAULT NULL,
    p_courses {priv}.courses_v1[] DEFAULT NULL,
    p_course_staff {priv}.course_staff_v1[] DEFAULT NULL,
    p_objectives {priv}.objectives_v1[] DEFAULT NULL,
    p_objective_lessons {priv}.objective_lessons_v1[] DEFAULT NULL,
    p_objective_questions {priv}.objective_questions_v1[] DEFAULT NULL,
    p_objective_assignments {priv}.objective_assignments_v1[] DEFAULT NULL,
    p_lessons {priv}.lessons_v1[] DEFAULT NULL,
    p_lesson_requires {priv}.lesson_requires_v1[] DEFAULT NULL,
    p_topics {priv}.topics_v1[] DEFAULT NULL,
    p_quizzes {priv}.quizzes_v1[] DEFAULT NULL,
    p_quiz_questions {priv}.quiz_questions_v1[] DEFAULT NULL,
    p_quiz_revisions {priv}.quiz_revisions_v1[] DEFAULT NULL,
    p_assignments {priv}.assignments_v1[] DEFAULT NULL,
    p_enrollments {priv}.enrollments_v1[] DEFAULT NULL,
    p_overrides {priv}.overrides_v1[] DEFAULT NULL,
    p_waivers {priv}.waivers_v1[] DEFAULT NULL,
    p_lesson_progress {priv}.lesson_progress_v1[] DEFAULT NULL,
    p_topic_views {priv}.topic_views_v1[] DEFAULT NULL,
    p_quiz_attempts {priv}.quiz_attempts_v1[] DEFAULT NULL,
    p_quiz_results {priv}.quiz_results_v1[] DEFAULT NULL,
    p_submissions {priv}.submissions_v1[] DEFAULT NULL,
    p_grade_history {priv}.grade_history_v1[] DEFAULT NULL,
    p_review_requests {priv}.review_requests_v1[] DEFAULT NULL,
    p_certificate_templates {priv}.certificate_templates_v1[] DEFAULT NULL,
    p_certificates {priv}.certificates_v1[] DEFAULT NULL,
    p_certificate_revisions {priv}.certificate_revisions_v1[] DEFAULT NULL,
    p_ai_logs {priv}.ai_logs_v1[] DEFAULT NULL,
    p_course_jobs {priv}.course_jobs_v1[] DEFAULT NULL
) RETURNS text LANGUAGE plpgsql SET search_path = '' SET lock_timeout = '5s' AS $$
DECLARE
    e {priv}.expect_v1;
    o {priv}.op_v1;
    v_rows bigint := 0;
    v_seats integer := 0;
    v_limited boolean;
    v_scope text;
BEGIN
    IF current_setting('transaction_isolation') <> 'read committed' AND NOT p_host THEN
        RETURN 'isolation';
    END IF;
    FOR i IN 1 .. coalesce(array_length(p_locks, 1), 0) LOOP
        IF p_exclusive[i] THEN
            PERFORM pg_advisory_xact_lock({class}, p_locks[i]);
        ELSE
            PERFORM pg_advisory_xact_lock_shared({class}, p_locks[i]);
        END IF;
    END LOOP;
    FOREACH e IN ARRAY p_expect LOOP
        CASE e.kind
        WHEN 'structure' THEN
            IF p_host AND current_setting('transaction_isolation') <> 'read committed' THEN
                PERFORM 1 FROM {lms}.courses WHERE id = e.id AND structure_version = e.version FOR SHARE;
            ELSE
                PERFORM 1 FROM {lms}.courses WHERE id = e.id AND structure_version = e.version;
            END IF;
        WHEN 'enrollment' THEN
            -- After a wait the row is looked at again as it then is: another version is not found.
            PERFORM 1 FROM {lms}.enrollments WHERE id = e.id AND version = e.version FOR NO KEY UPDATE;
        WHEN 'attempt' THEN
            IF e.hold THEN
                PERFORM 1 FROM {lms}.quiz_attempts WHERE id = e.id AND state = e.word AND version = e.version
                    FOR NO KEY UPDATE;
            ELSE
                PERFORM 1 FROM {lms}.quiz_attempts WHERE id = e.id AND state = e.word AND version = e.version;
            END IF;
        WHEN 'row' THEN CASE e.tab
            WHEN 'users' THEN
                IF e.hold THEN
                    PERFORM 1 FROM {lms}.users WHERE id = e.id AND version = e.version FOR NO KEY UPDATE;
                ELSE
                    PERFORM 1 FROM {lms}.users WHERE id = e.id AND version = e.version;
                END IF;
            WHEN 'courses' THEN
                IF e.hold THEN
                    PERFORM 1 FROM {lms}.courses WHERE id = e.id AND version = e.version FOR NO KEY UPDATE;
                ELSE
                    PERFORM 1 FROM {lms}.courses WHERE id = e.id AND version = e.version;
                END IF;
            WHEN 'objectives' THEN
                IF e.hold THEN
                    PERFORM 1 FROM {lms}.objectives WHERE id = e.id AND version = e.version FOR NO KEY UPDATE;
                ELSE
                    PERFORM 1 FROM {lms}.objectives WHERE id = e.id AND version = e.version;
                END IF;
            WHEN 'lessons' THEN
                IF e.hold THEN
                    PERFORM 1 FROM {lms}.lessons WHERE id = e.id AND version = e.version FOR NO KEY UPDATE;
                ELSE
                    PERFORM 1 FROM {lms}.lessons WHERE id = e.id AND version = e.version;
                END IF;
            WHEN 'topics' THEN
                IF e.hold THEN
                    PERFORM 1 FROM {lms}.topics WHERE id = e.id AND version = e.version FOR NO KEY UPDATE;
                ELSE
                    PERFORM 1 FROM {lms}.topics WHERE id = e.id AND version = e.version;
                END IF;
            WHEN 'quizzes' THEN
                IF e.hold THEN
                    PERFORM 1 FROM {lms}.quizzes WHERE id = e.id AND version = e.version FOR NO KEY UPDATE;
                ELSE
                    PERFORM 1 FROM {lms}.quizzes WHERE id = e.id AND version = e.version;
                END IF;
            WHEN 'assignments' THEN
                IF e.hold THEN
                    PERFORM 1 FROM {lms}.assignments WHERE id = e.id AND version = e.version FOR NO KEY UPDATE;
                ELSE
                    PERFORM 1 FROM {lms}.assignments WHERE id = e.id AND version = e.version;
                END IF;
            WHEN 'enrollments' THEN
                IF e.hold THEN
                    PERFORM 1 FROM {lms}.enrollments WHERE id = e.id AND version = e.version FOR NO KEY UPDATE;
                ELSE
                    PERFORM 1 FROM {lms}.enrollments WHERE id = e.id AND version = e.version;
                END IF;
            WHEN 'quiz_attempts' THEN
                IF e.hold THEN
                    PERFORM 1 FROM {lms}.quiz_attempts WHERE id = e.id AND version = e.version FOR NO KEY UPDATE;
                ELSE
                    PERFORM 1 FROM {lms}.quiz_attempts WHERE id = e.id AND version = e.version;
                END IF;
            WHEN 'submissions' THEN
                IF e.hold THEN
                    PERFORM 1 FROM {lms}.submissions WHERE id = e.id AND version = e.version FOR NO KEY UPDATE;
                ELSE
                    PERFORM 1 FROM {lms}.submissions WHERE id = e.id AND version = e.version;
                END IF;
            WHEN 'certificate_templates' THEN
                IF e.hold THEN
                    PERFORM 1 FROM {lms}.certificate_templates WHERE id = e.id AND version = e.version FOR NO KEY UPDATE;
                ELSE
                    PERFORM 1 FROM {lms}.certificate_templates WHERE id = e.id AND version = e.version;
                END IF;
            WHEN 'certificates' THEN
                IF e.hold THEN
                    PERFORM 1 FROM {lms}.certificates WHERE id = e.id AND version = e.version FOR NO KEY UPDATE;
                ELSE
                    PERFORM 1 FROM {lms}.certificates WHERE id = e.id AND version = e.version;
                END IF;
            END CASE;
        WHEN 'log' THEN
            PERFORM 1 FROM {priv}.ai_logs WHERE id = e.id AND status = e.word FOR NO KEY UPDATE;
        WHEN 'job' THEN
            PERFORM 1 FROM {priv}.course_jobs
                WHERE id = e.id AND cursor IS NOT DISTINCT FROM e.other AND done_at IS NULL FOR NO KEY UPDATE;
        WHEN 'lease' THEN
            PERFORM 1 FROM {priv}.consumers WHERE name = e.word AND lease_token = e.other FOR NO KEY UPDATE;
        WHEN 'budget' THEN
            PERFORM 1 WHERE {priv}.reserve_v1(string_to_array(e.word, ','), e.tab, e.version);
            IF FOUND THEN
                v_seats := v_seats + 1;
                CONTINUE;
            END IF;
        WHEN 'not_enrolled' THEN
            PERFORM 1 WHERE NOT EXISTS (
                SELECT 1 FROM {lms}.enrollments WHERE course_id = e.id AND student_id = e.other);
        WHEN 'grades' THEN
            PERFORM 1 WHERE NOT EXISTS (
                SELECT 1 FROM {lms}.submissions
                WHERE assignment_id = e.id AND raw_grade > e.version::numeric / 100000);
        WHEN 'work' THEN
            PERFORM 1 WHERE NOT EXISTS (
                SELECT 1 FROM unnest({priv}.work_counts_v1(e.word, e.id), e.counts) AS c (found, most)
                WHERE c.found > c.most);
        WHEN 'seat' THEN
            SELECT capacity IS NOT NULL INTO v_limited FROM {lms}.courses WHERE id = e.id;
            IF FOUND AND v_limited THEN
                UPDATE {lms}.courses SET seats_taken = seats_taken + 1 WHERE id = e.id AND seats_taken < capacity;
                IF FOUND THEN
                    v_seats := v_seats + 1;
                ELSIF v_seats > 0 THEN
                    RAISE EXCEPTION 'conflict:%', e.n USING ERRCODE = 'LM001';
                ELSE
                    RETURN 'conflict:' || e.n;
                END IF;
                CONTINUE;
            END IF;
        END CASE;
        IF NOT FOUND THEN
            IF v_seats > 0 THEN
                RAISE EXCEPTION 'conflict:%', e.n USING ERRCODE = 'LM001';
            END IF;
            RETURN 'conflict:' || e.n;
        END IF;
    END LOOP;
    IF array_length(p_bump, 1) > 0 THEN
        UPDATE {lms}.courses SET structure_version = structure_version + 1 WHERE id = ANY (p_bump);
        GET DIAGNOSTICS v_rows = ROW_COUNT;
        IF v_rows <> array_length(p_bump, 1) THEN
            RAISE EXCEPTION 'a course is gone' USING ERRCODE = 'LM001';
        END IF;
    END IF;
    FOREACH o IN ARRAY p_ops LOOP
        CASE o.op
        WHEN 'insert' THEN CASE o.tab
            WHEN 'users' THEN
                INSERT INTO {lms}.users (id, role, display_name, email, external_id, metadata, erased_at, version, created_at, updated_at) SELECT r.id, r.role, r.display_name, r.email, r.external_id, r.metadata, r.erased_at, r.version, r.created_at, r.updated_at FROM unnest(p_users[o.lo:o.hi]) AS r;
            WHEN 'courses' THEN
                INSERT INTO {lms}.courses (id, instructor_id, title, description, thumbnail_url, is_published, external_id, audience, difficulty, estimated_minutes, language, time_zone, flow, enrollment, capacity, seats_taken, certificates, certificate_template_id, certificate_valid_days, archived_at, published_at, is_ai_generated, ai_log_id, ai_edited_at, copied_from, metadata, lessons_total, quizzes_total, assignments_total, structure_version, version, created_at, updated_at) SELECT r.id, r.instructor_id, r.title, r.description, r.thumbnail_url, r.is_published, r.external_id, r.audience, r.difficulty, r.estimated_minutes, r.language, r.time_zone, r.flow, r.enrollment, r.capacity, r.seats_taken, r.certificates, r.certificate_template_id, r.certificate_valid_days, r.archived_at, r.published_at, r.is_ai_generated, r.ai_log_id, r.ai_edited_at, r.copied_from, r.metadata, r.lessons_total, r.quizzes_total, r.assignments_total, r.structure_version, r.version, r.created_at, r.updated_at FROM unnest(p_courses[o.lo:o.hi]) AS r;
            WHEN 'course_staff' THEN
                INSERT INTO {lms}.course_staff (id, course_id, user_id, role, created_at) SELECT r.id, r.course_id, r.user_id, r.role, r.created_at FROM unnest(p_course_staff[o.lo:o.hi]) AS r;
            WHEN 'objectives' THEN
                INSERT INTO {lms}.objectives (id, course_id, key, text, order_index, version, created_at, updated_at) SELECT r.id, r.course_id, r.key, r.text, r.order_index, r.version, r.created_at, r.updated_at FROM unnest(p_objectives[o.lo:o.hi]) AS r;
            WHEN 'objective_lessons' THEN
                INSERT INTO {lms}.objective_lessons (objective_id, lesson_id) SELECT r.objective_id, r.lesson_id FROM unnest(p_objective_lessons[o.lo:o.hi]) AS r;
            WHEN 'objective_questions' THEN
                INSERT INTO {lms}.objective_questions (objective_id, question_id) SELECT r.objective_id, r.question_id FROM unnest(p_objective_questions[o.lo:o.hi]) AS r;
            WHEN 'objective_assignments' THEN
                INSERT INTO {lms}.objective_assignments (objective_id, assignment_id) SELECT r.objective_id, r.assignment_id FROM unnest(p_objective_assignments[o.lo:o.hi]) AS r;
            WHEN 'lessons' THEN
                INSERT INTO {lms}.lessons (id, course_id, title, summary, order_index, is_published, is_required, completion_rule, available_from, estimated_minutes, is_ai_generated, ai_log_id, ai_edited_at, copied_from, metadata, version, created_at, updated_at) SELECT r.id, r.course_id, r.title, r.summary, r.order_index, r.is_published, r.is_required, r.completion_rule, r.available_from, r.estimated_minutes, r.is_ai_generated, r.ai_log_id, r.ai_edited_at, r.copied_from, r.metadata, r.version, r.created_at, r.updated_at FROM unnest(p_lessons[o.lo:o.hi]) AS r;
            WHEN 'lesson_requires' THEN
                INSERT INTO {lms}.lesson_requires (lesson_id, requires_id) SELECT r.lesson_id, r.requires_id FROM unnest(p_lesson_requires[o.lo:o.hi]) AS r;
            WHEN 'topics' THEN
                INSERT INTO {lms}.topics (id, lesson_id, title, content_type, content_url, body, order_index, is_ai_generated, ai_log_id, ai_edited_at, copied_from, metadata, version, created_at, updated_at) SELECT r.id, r.lesson_id, r.title, r.content_type, r.content_url, r.body, r.order_index, r.is_ai_generated, r.ai_log_id, r.ai_edited_at, r.copied_from, r.metadata, r.version, r.created_at, r.updated_at FROM unnest(p_topics[o.lo:o.hi]) AS r;
            WHEN 'quizzes' THEN
                INSERT INTO {lms}.quizzes (id, lesson_id, title, description, order_index, is_published, is_required, pass_threshold_bp, max_attempts, time_limit_seconds, grace_seconds, kept_score, reveal, shuffle_questions, shuffle_options, weight, adjustments, ai_grading, ai_confidence_bp, review_days, opens_at, closes_at, is_ai_generated, ai_log_id, ai_edited_at, copied_from, metadata, version, created_at, updated_at) SELECT r.id, r.lesson_id, r.title, r.description, r.order_index, r.is_published, r.is_required, r.pass_threshold_bp, r.max_attempts, r.time_limit_seconds, r.grace_seconds, r.kept_score, r.reveal, r.shuffle_questions, r.shuffle_options, r.weight, r.adjustments, r.ai_grading, r.ai_confidence_bp, r.review_days, r.opens_at, r.closes_at, r.is_ai_generated, r.ai_log_id, r.ai_edited_at, r.copied_from, r.metadata, r.version, r.created_at, r.updated_at FROM unnest(p_quizzes[o.lo:o.hi]) AS r;
            WHEN 'quiz_questions' THEN
                INSERT INTO {lms}.quiz_questions (id, quiz_id, question_type, text, options, correct_answer, points, negative_points, explanation, source_quote, order_index, is_ai_generated, ai_log_id, ai_edited_at, copied_from, created_at, updated_at) SELECT r.id, r.quiz_id, r.question_type, r.text, r.options, r.correct_answer, r.points, r.negative_points, r.explanation, r.source_quote, r.order_index, r.is_ai_generated, r.ai_log_id, r.ai_edited_at, r.copied_from, r.created_at, r.updated_at FROM unnest(p_quiz_questions[o.lo:o.hi]) AS r;
            WHEN 'quiz_revisions' THEN
                INSERT INTO {priv}.quiz_revisions (id, quiz_id, content, possible, created_at) SELECT r.id, r.quiz_id, r.content, r.possible, r.created_at FROM unnest(p_quiz_revisions[o.lo:o.hi]) AS r;
            WHEN 'assignments' THEN
                INSERT INTO {lms}.assignments (id, lesson_id, title, description, due_date, due_zone, cutoff_date, available_from, max_grade, order_index, is_published, is_required, met_by, pass_threshold_bp, resubmission, max_versions, grace_seconds, penalty_bp, penalty_interval, penalty_floor_bp, posting, ai_grading, ai_confidence_bp, review_days, rubric, weight, is_ai_generated, ai_log_id, ai_edited_at, copied_from, metadata, version, created_at, updated_at) SELECT r.id, r.lesson_id, r.title, r.description, r.due_date, r.due_zone, r.cutoff_date, r.available_from, r.max_grade, r.order_index, r.is_published, r.is_required, r.met_by, r.pass_threshold_bp, r.resubmission, r.max_versions, r.grace_seconds, r.penalty_bp, r.penalty_interval, r.penalty_floor_bp, r.posting, r.ai_grading, r.ai_confidence_bp, r.review_days, r.rubric, r.weight, r.is_ai_generated, r.ai_log_id, r.ai_edited_at, r.copied_from, r.metadata, r.version, r.created_at, r.updated_at FROM unnest(p_assignments[o.lo:o.hi]) AS r;
            WHEN 'enrollments' THEN
                INSERT INTO {lms}.enrollments (id, course_id, student_id, status, starts_at, ends_at, source, external_ref, is_staff, lessons_done, quizzes_met, assignments_met, completed_at, opened_at, reset_reason, metadata, version, created_at, updated_at) SELECT r.id, r.course_id, r.student_id, r.status, r.starts_at, r.ends_at, r.source, r.external_ref, r.is_staff, r.lessons_done, r.quizzes_met, r.assignments_met, r.completed_at, r.opened_at, r.reset_reason, r.metadata, r.version, r.created_at, r.updated_at FROM unnest(p_enrollments[o.lo:o.hi]) AS r;
            WHEN 'overrides' THEN
                INSERT INTO {lms}.overrides (id, enrollment_id, course_id, student_id, lesson_id, quiz_id, assignment_id, available_from_mode, available_from, due_mode, due_date, cutoff_mode, cutoff_date, time_multiplier_bp, extra_seconds, extra_attempts, excused, reason, granted_by, created_at, updated_at) SELECT r.id, r.enrollment_id, r.course_id, r.student_id, r.lesson_id, r.quiz_id, r.assignment_id, r.available_from_mode, r.available_from, r.due_mode, r.due_date, r.cutoff_mode, r.cutoff_date, r.time_multiplier_bp, r.extra_seconds, r.extra_attempts, r.excused, r.reason, r.granted_by, r.created_at, r.updated_at FROM unnest(p_overrides[o.lo:o.hi]) AS r;
            WHEN 'waivers' THEN
                INSERT INTO {lms}.waivers (id, enrollment_id, course_id, student_id, lesson_id, quiz_id, assignment_id, reason, granted_by, created_at) SELECT r.id, r.enrollment_id, r.course_id, r.student_id, r.lesson_id, r.quiz_id, r.assignment_id, r.reason, r.granted_by, r.created_at FROM unnest(p_waivers[o.lo:o.hi]) AS r;
            WHEN 'lesson_progress' THEN
                INSERT INTO {lms}.lesson_progress (id, lesson_id, enrollment_id, course_id, student_id, status, first_opened_at, opened_at, completed_at, by_mark, created_at, updated_at) SELECT r.id, r.lesson_id, r.enrollment_id, r.course_id, r.student_id, r.status, r.first_opened_at, r.opened_at, r.completed_at, r.by_mark, r.created_at, r.updated_at FROM unnest(p_lesson_progress[o.lo:o.hi]) AS r;
            WHEN 'topic_views' THEN
                INSERT INTO {lms}.topic_views (id, topic_id, enrollment_id, course_id, student_id, first_viewed_at, viewed_at) SELECT r.id, r.topic_id, r.enrollment_id, r.course_id, r.student_id, r.first_viewed_at, r.viewed_at FROM unnest(p_topic_views[o.lo:o.hi]) AS r;
            WHEN 'quiz_attempts' THEN
                INSERT INTO {lms}.quiz_attempts (id, quiz_id, enrollment_id, course_id, student_id, attempt_no, state, revision_id, seed, score, possible, started_at, deadline, completed_at, finish_reason, answers, graded, ai_pending, ai_suggested, graded_with_revision, void_reason, version, created_at, updated_at) SELECT r.id, r.quiz_id, r.enrollment_id, r.course_id, r.student_id, r.attempt_no, r.state, r.revision_id, r.seed, r.score, r.possible, r.started_at, r.deadline, r.completed_at, r.finish_reason, r.answers, r.graded, r.ai_pending, r.ai_suggested, r.graded_with_revision, r.void_reason, r.version, r.created_at, r.updated_at FROM unnest(p_quiz_attempts[o.lo:o.hi]) AS r;
            WHEN 'quiz_results' THEN
                INSERT INTO {lms}.quiz_results (id, quiz_id, enrollment_id, course_id, student_id, earned, possible, passed, submitted, updated_at) SELECT r.id, r.quiz_id, r.enrollment_id, r.course_id, r.student_id, r.earned, r.possible, r.passed, r.submitted, r.updated_at FROM unnest(p_quiz_results[o.lo:o.hi]) AS r;
            WHEN 'submissions' THEN
                INSERT INTO {lms}.submissions (id, assignment_id, enrollment_id, course_id, student_id, version_no, state, submission_url, content, submitted_at, late_seconds, raw_grade, deducted, grade, feedback, rubric_scores, graded_by, grader_kind, graded_at, posted_at, history_seq, ai_status, ai_code, suggested_seq, plagiarism_score, similarity_status, version, created_at, updated_at) SELECT r.id, r.assignment_id, r.enrollment_id, r.course_id, r.student_id, r.version_no, r.state, r.submission_url, r.content, r.submitted_at, r.late_seconds, r.raw_grade, r.deducted, r.grade, r.feedback, r.rubric_scores, r.graded_by, r.grader_kind, r.graded_at, r.posted_at, r.history_seq, r.ai_status, r.ai_code, r.suggested_seq, r.plagiarism_score, r.similarity_status, r.version, r.created_at, r.updated_at FROM unnest(p_submissions[o.lo:o.hi]) AS r;
            WHEN 'grade_history' THEN
                INSERT INTO {lms}.grade_history (id, subject_type, subject_id, question_id, course_id, student_id, seq, cause, ref_seq, version_no, raw, deducted, final_grade, feedback, rubric_scores, grader_id, grader_kind, actor_id, reason, ai_log_id, at) SELECT r.id, r.subject_type, r.subject_id, r.question_id, r.course_id, r.student_id, r.seq, r.cause, r.ref_seq, r.version_no, r.raw, r.deducted, r.final_grade, r.feedback, r.rubric_scores, r.grader_id, r.grader_kind, r.actor_id, r.reason, r.ai_log_id, r.at FROM unnest(p_grade_history[o.lo:o.hi]) AS r;
            WHEN 'review_requests' THEN
                INSERT INTO {lms}.review_requests (id, enrollment_id, course_id, student_id, submission_id, attempt_id, question_id, seq, reason, state, answer, answered_by, answered_at, created_at, updated_at) SELECT r.id, r.enrollment_id, r.course_id, r.student_id, r.submission_id, r.attempt_id, r.question_id, r.seq, r.reason, r.state, r.answer, r.answered_by, r.answered_at, r.created_at, r.updated_at FROM unnest(p_review_requests[o.lo:o.hi]) AS r;
            WHEN 'certificate_templates' THEN
                INSERT INTO {lms}.certificate_templates (id, family_id, version_no, name, document, is_draft, is_ai_generated, ai_log_id, ai_edited_at, archived_at, version, created_at, updated_at) SELECT r.id, r.family_id, r.version_no, r.name, r.document, r.is_draft, r.is_ai_generated, r.ai_log_id, r.ai_edited_at, r.archived_at, r.version, r.created_at, r.updated_at FROM unnest(p_certificate_templates[o.lo:o.hi]) AS r;
            WHEN 'certificates' THEN
                INSERT INTO {lms}.certificates (id, course_id, student_id, template_id, certificate_url, issued_at, expires_at, code, snapshot, revision_no, rendering, rendering_code, rendering_error, pdf_sha256, issued_by, issue_reason, revoked_at, revoked_by, revoke_reason, erased_at, files_deleted_at, version, created_at, updated_at) SELECT r.id, r.course_id, r.student_id, r.template_id, r.certificate_url, r.issued_at, r.expires_at, r.code, r.snapshot, r.revision_no, r.rendering, r.rendering_code, r.rendering_error, r.pdf_sha256, r.issued_by, r.issue_reason, r.revoked_at, r.revoked_by, r.revoke_reason, r.erased_at, r.files_deleted_at, r.version, r.created_at, r.updated_at FROM unnest(p_certificates[o.lo:o.hi]) AS r;
            WHEN 'certificate_revisions' THEN
                INSERT INTO {lms}.certificate_revisions (id, certificate_id, revision_no, snapshot, issued_at, certificate_url, reason, created_at) SELECT r.id, r.certificate_id, r.revision_no, r.snapshot, r.issued_at, r.certificate_url, r.reason, r.created_at FROM unnest(p_certificate_revisions[o.lo:o.hi]) AS r;
            WHEN 'ai_logs' THEN
                INSERT INTO {priv}.ai_logs (id, operation_id, attempt, kind, prompt_version, status, provider, model_requested, model_served, request_id, message_id, stop_reason, http_status, error_kind, violations, notes, input_sha256, prompt_sha256, system_sha256, schema_sha256, prompt_text, response_text, response_sha256, redaction, tokens_in, tokens_out, tokens_cache_read, tokens_cache_write, tokens_thinking, cost_micro_usd, charged_micro_usd, latency_ms, actor_id, course_id, subject_type, subject_id, created_at, given_up_at, completed_at, applied_at, expires_at) SELECT r.id, r.operation_id, r.attempt, r.kind, r.prompt_version, r.status, r.provider, r.model_requested, r.model_served, r.request_id, r.message_id, r.stop_reason, r.http_status, r.error_kind, r.violations, r.notes, r.input_sha256, r.prompt_sha256, r.system_sha256, r.schema_sha256, r.prompt_text, r.response_text, r.response_sha256, r.redaction, r.tokens_in, r.tokens_out, r.tokens_cache_read, r.tokens_cache_write, r.tokens_thinking, r.cost_micro_usd, r.charged_micro_usd, r.latency_ms, r.actor_id, r.course_id, r.subject_type, r.subject_id, r.created_at, r.given_up_at, r.completed_at, r.applied_at, r.expires_at FROM unnest(p_ai_logs[o.lo:o.hi]) AS r;
            WHEN 'course_jobs' THEN
                INSERT INTO {priv}.course_jobs (id, course_id, kind, at, params, cursor, done_at) SELECT r.id, r.course_id, r.kind, r.at, r.params, r.cursor, r.done_at FROM unnest(p_course_jobs[o.lo:o.hi]) AS r;
            END CASE;
        WHEN 'put' THEN
            CASE o.tab
            WHEN 'users' THEN
                UPDATE {lms}.users AS t SET role = r.role, display_name = r.display_name, email = r.email, external_id = r.external_id, metadata = r.metadata, erased_at = r.erased_at, version = r.version, updated_at = r.updated_at FROM unnest(p_users[o.lo:o.hi]) AS r WHERE t.id = r.id;
                GET DIAGNOSTICS v_rows = ROW_COUNT;
            WHEN 'courses' THEN
                UPDATE {lms}.courses AS t SET instructor_id = r.instructor_id, title = r.title, description = r.description, thumbnail_url = r.thumbnail_url, is_published = r.is_published, external_id = r.external_id, audience = r.audience, difficulty = r.difficulty, estimated_minutes = r.estimated_minutes, language = r.language, time_zone = r.time_zone, flow = r.flow, enrollment = r.enrollment, capacity = r.capacity, certificates = r.certificates, certificate_template_id = r.certificate_template_id, certificate_valid_days = r.certificate_valid_days, archived_at = r.archived_at, published_at = r.published_at, is_ai_generated = r.is_ai_generated, ai_log_id = r.ai_log_id, ai_edited_at = r.ai_edited_at, copied_from = r.copied_from, metadata = r.metadata, version = r.version, updated_at = r.updated_at FROM unnest(p_courses[o.lo:o.hi]) AS r WHERE t.id = r.id;
                GET DIAGNOSTICS v_rows = ROW_COUNT;
            WHEN 'course_staff' THEN
                UPDATE {lms}.course_staff AS t SET course_id = r.course_id, user_id = r.user_id, role = r.role FROM unnest(p_course_staff[o.lo:o.hi]) AS r WHERE t.id = r.id;
                GET DIAGNOSTICS v_rows = ROW_COUNT;
            WHEN 'objectives' THEN
                UPDATE {lms}.objectives AS t SET course_id = r.course_id, key = r.key, text = r.text, order_index = r.order_index, version = r.version, updated_at = r.updated_at FROM unnest(p_objectives[o.lo:o.hi]) AS r WHERE t.id = r.id;
                GET DIAGNOSTICS v_rows = ROW_COUNT;
            WHEN 'lessons' THEN
                UPDATE {lms}.lessons AS t SET course_id = r.course_id, title = r.title, summary = r.summary, order_index = r.order_index, is_published = r.is_published, is_required = r.is_required, completion_rule = r.completion_rule, available_from = r.available_from, estimated_minutes = r.estimated_minutes, is_ai_generated = r.is_ai_generated, ai_log_id = r.ai_log_id, ai_edited_at = r.ai_edited_at, copied_from = r.copied_from, metadata = r.metadata, version = r.version, updated_at = r.updated_at FROM unnest(p_lessons[o.lo:o.hi]) AS r WHERE t.id = r.id;
                GET DIAGNOSTICS v_rows = ROW_COUNT;
            WHEN 'topics' THEN
                UPDATE {lms}.topics AS t SET lesson_id = r.lesson_id, title = r.title, content_type = r.content_type, content_url = r.content_url, body = r.body, order_index = r.order_index, is_ai_generated = r.is_ai_generated, ai_log_id = r.ai_log_id, ai_edited_at = r.ai_edited_at, copied_from = r.copied_from, metadata = r.metadata, version = r.version, updated_at = r.updated_at FROM unnest(p_topics[o.lo:o.hi]) AS r WHERE t.id = r.id;
                GET DIAGNOSTICS v_rows = ROW_COUNT;
            WHEN 'quizzes' THEN
                UPDATE {lms}.quizzes AS t SET lesson_id = r.lesson_id, title = r.title, description = r.description, order_index = r.order_index, is_published = r.is_published, is_required = r.is_required, pass_threshold_bp = r.pass_threshold_bp, max_attempts = r.max_attempts, time_limit_seconds = r.time_limit_seconds, grace_seconds = r.grace_seconds, kept_score = r.kept_score, reveal = r.reveal, shuffle_questions = r.shuffle_questions, shuffle_options = r.shuffle_options, weight = r.weight, adjustments = r.adjustments, ai_grading = r.ai_grading, ai_confidence_bp = r.ai_confidence_bp, review_days = r.review_days, opens_at = r.opens_at, closes_at = r.closes_at, is_ai_generated = r.is_ai_generated, ai_log_id = r.ai_log_id, ai_edited_at = r.ai_edited_at, copied_from = r.copied_from, metadata = r.metadata, version = r.version, updated_at = r.updated_at FROM unnest(p_quizzes[o.lo:o.hi]) AS r WHERE t.id = r.id;
                GET DIAGNOSTICS v_rows = ROW_COUNT;
            WHEN 'quiz_questions' THEN
                UPDATE {lms}.quiz_questions AS t SET quiz_id = r.quiz_id, question_type = r.question_type, text = r.text, options = r.options, correct_answer = r.correct_answer, points = r.points, negative_points = r.negative_points, explanation = r.explanation, source_quote = r.source_quote, order_index = r.order_index, is_ai_generated = r.is_ai_generated, ai_log_id = r.ai_log_id, ai_edited_at = r.ai_edited_at, copied_from = r.copied_from, updated_at = r.updated_at FROM unnest(p_quiz_questions[o.lo:o.hi]) AS r WHERE t.id = r.id;
                GET DIAGNOSTICS v_rows = ROW_COUNT;
            WHEN 'quiz_revisions' THEN
                UPDATE {priv}.quiz_revisions AS t SET quiz_id = r.quiz_id, content = r.content, possible = r.possible FROM unnest(p_quiz_revisions[o.lo:o.hi]) AS r WHERE t.id = r.id;
                GET DIAGNOSTICS v_rows = ROW_COUNT;
            WHEN 'assignments' THEN
                UPDATE {lms}.assignments AS t SET lesson_id = r.lesson_id, title = r.title, description = r.description, due_date = r.due_date, due_zone = r.due_zone, cutoff_date = r.cutoff_date, available_from = r.available_from, max_grade = r.max_grade, order_index = r.order_index, is_published = r.is_published, is_required = r.is_required, met_by = r.met_by, pass_threshold_bp = r.pass_threshold_bp, resubmission = r.resubmission, max_versions = r.max_versions, grace_seconds = r.grace_seconds, penalty_bp = r.penalty_bp, penalty_interval = r.penalty_interval, penalty_floor_bp = r.penalty_floor_bp, posting = r.posting, ai_grading = r.ai_grading, ai_confidence_bp = r.ai_confidence_bp, review_days = r.review_days, rubric = r.rubric, weight = r.weight, is_ai_generated = r.is_ai_generated, ai_log_id = r.ai_log_id, ai_edited_at = r.ai_edited_at, copied_from = r.copied_from, metadata = r.metadata, version = r.version, updated_at = r.updated_at FROM unnest(p_assignments[o.lo:o.hi]) AS r WHERE t.id = r.id;
                GET DIAGNOSTICS v_rows = ROW_COUNT;
            WHEN 'enrollments' THEN
                UPDATE {lms}.enrollments AS t SET status = r.status, starts_at = r.starts_at, ends_at = r.ends_at, source = r.source, external_ref = r.external_ref, is_staff = r.is_staff, lessons_done = r.lessons_done, quizzes_met = r.quizzes_met, assignments_met = r.assignments_met, completed_at = r.completed_at, opened_at = r.opened_at, reset_reason = r.reset_reason, metadata = r.metadata, version = r.version, updated_at = r.updated_at FROM unnest(p_enrollments[o.lo:o.hi]) AS r WHERE t.id = r.id;
                GET DIAGNOSTICS v_rows = ROW_COUNT;
            WHEN 'overrides' THEN
                UPDATE {lms}.overrides AS t SET lesson_id = r.lesson_id, quiz_id = r.quiz_id, assignment_id = r.assignment_id, available_from_mode = r.available_from_mode, available_from = r.available_from, due_mode = r.due_mode, due_date = r.due_date, cutoff_mode = r.cutoff_mode, cutoff_date = r.cutoff_date, time_multiplier_bp = r.time_multiplier_bp, extra_seconds = r.extra_seconds, extra_attempts = r.extra_attempts, excused = r.excused, reason = r.reason, granted_by = r.granted_by, updated_at = r.updated_at FROM unnest(p_overrides[o.lo:o.hi]) AS r WHERE t.id = r.id;
                GET DIAGNOSTICS v_rows = ROW_COUNT;
            WHEN 'waivers' THEN
                UPDATE {lms}.waivers AS t SET lesson_id = r.lesson_id, quiz_id = r.quiz_id, assignment_id = r.assignment_id, reason = r.reason, granted_by = r.granted_by FROM unnest(p_waivers[o.lo:o.hi]) AS r WHERE t.id = r.id;
                GET DIAGNOSTICS v_rows = ROW_COUNT;
            WHEN 'lesson_progress' THEN
                UPDATE {lms}.lesson_progress AS t SET lesson_id = r.lesson_id, status = r.status, first_opened_at = r.first_opened_at, opened_at = r.opened_at, completed_at = r.completed_at, by_mark = r.by_mark, updated_at = r.updated_at FROM unnest(p_lesson_progress[o.lo:o.hi]) AS r WHERE t.id = r.id;
                GET DIAGNOSTICS v_rows = ROW_COUNT;
            WHEN 'topic_views' THEN
                UPDATE {lms}.topic_views AS t SET topic_id = r.topic_id, first_viewed_at = r.first_viewed_at, viewed_at = r.viewed_at FROM unnest(p_topic_views[o.lo:o.hi]) AS r WHERE t.id = r.id;
                GET DIAGNOSTICS v_rows = ROW_COUNT;
            WHEN 'quiz_attempts' THEN
                UPDATE {lms}.quiz_attempts AS t SET quiz_id = r.quiz_id, attempt_no = r.attempt_no, state = r.state, revision_id = r.revision_id, seed = r.seed, score = r.score, possible = r.possible, started_at = r.started_at, deadline = r.deadline, completed_at = r.completed_at, finish_reason = r.finish_reason, answers = r.answers, graded = r.graded, ai_pending = r.ai_pending, ai_suggested = r.ai_suggested, graded_with_revision = r.graded_with_revision, void_reason = r.void_reason, version = r.version, updated_at = r.updated_at FROM unnest(p_quiz_attempts[o.lo:o.hi]) AS r WHERE t.id = r.id;
                GET DIAGNOSTICS v_rows = ROW_COUNT;
            WHEN 'quiz_results' THEN
                UPDATE {lms}.quiz_results AS t SET quiz_id = r.quiz_id, earned = r.earned, possible = r.possible, passed = r.passed, submitted = r.submitted, updated_at = r.updated_at FROM unnest(p_quiz_results[o.lo:o.hi]) AS r WHERE t.id = r.id;
                GET DIAGNOSTICS v_rows = ROW_COUNT;
            WHEN 'submissions' THEN
                UPDATE {lms}.submissions AS t SET assignment_id = r.assignment_id, version_no = r.version_no, state = r.state, submission_url = r.submission_url, content = r.content, submitted_at = r.submitted_at, late_seconds = r.late_seconds, raw_grade = r.raw_grade, deducted = r.deducted, grade = r.grade, feedback = r.feedback, rubric_scores = r.rubric_scores, graded_by = r.graded_by, grader_kind = r.grader_kind, graded_at = r.graded_at, posted_at = r.posted_at, history_seq = r.history_seq, ai_status = r.ai_status, ai_code = r.ai_code, suggested_seq = r.suggested_seq, plagiarism_score = r.plagiarism_score, similarity_status = r.similarity_status, version = r.version, updated_at = r.updated_at FROM unnest(p_submissions[o.lo:o.hi]) AS r WHERE t.id = r.id;
                GET DIAGNOSTICS v_rows = ROW_COUNT;
            WHEN 'grade_history' THEN
                UPDATE {lms}.grade_history AS t SET subject_type = r.subject_type, subject_id = r.subject_id, question_id = r.question_id, course_id = r.course_id, student_id = r.student_id, seq = r.seq, cause = r.cause, ref_seq = r.ref_seq, version_no = r.version_no, raw = r.raw, deducted = r.deducted, final_grade = r.final_grade, feedback = r.feedback, rubric_scores = r.rubric_scores, grader_id = r.grader_id, grader_kind = r.grader_kind, actor_id = r.actor_id, reason = r.reason, ai_log_id = r.ai_log_id, at = r.at FROM unnest(p_grade_history[o.lo:o.hi]) AS r WHERE t.id = r.id;
                GET DIAGNOSTICS v_rows = ROW_COUNT;
            WHEN 'review_requests' THEN
                UPDATE {lms}.review_requests AS t SET submission_id = r.submission_id, attempt_id = r.attempt_id, question_id = r.question_id, seq = r.seq, reason = r.reason, state = r.state, answer = r.answer, answered_by = r.answered_by, answered_at = r.answered_at, updated_at = r.updated_at FROM unnest(p_review_requests[o.lo:o.hi]) AS r WHERE t.id = r.id;
                GET DIAGNOSTICS v_rows = ROW_COUNT;
            WHEN 'certificate_templates' THEN
                UPDATE {lms}.certificate_templates AS t SET family_id = r.family_id, version_no = r.version_no, name = r.name, document = r.document, is_draft = r.is_draft, is_ai_generated = r.is_ai_generated, ai_log_id = r.ai_log_id, ai_edited_at = r.ai_edited_at, archived_at = r.archived_at, version = r.version, updated_at = r.updated_at FROM unnest(p_certificate_templates[o.lo:o.hi]) AS r WHERE t.id = r.id;
                GET DIAGNOSTICS v_rows = ROW_COUNT;
            WHEN 'certificates' THEN
                UPDATE {lms}.certificates AS t SET course_id = r.course_id, student_id = r.student_id, template_id = r.template_id, certificate_url = r.certificate_url, issued_at = r.issued_at, expires_at = r.expires_at, code = r.code, snapshot = r.snapshot, revision_no = r.revision_no, rendering = r.rendering, rendering_code = r.rendering_code, rendering_error = r.rendering_error, pdf_sha256 = r.pdf_sha256, issued_by = r.issued_by, issue_reason = r.issue_reason, revoked_at = r.revoked_at, revoked_by = r.revoked_by, revoke_reason = r.revoke_reason, erased_at = r.erased_at, files_deleted_at = r.files_deleted_at, version = r.version, updated_at = r.updated_at FROM unnest(p_certificates[o.lo:o.hi]) AS r WHERE t.id = r.id;
                GET DIAGNOSTICS v_rows = ROW_COUNT;
            WHEN 'certificate_revisions' THEN
                UPDATE {lms}.certificate_revisions AS t SET certificate_id = r.certificate_id, revision_no = r.revision_no, snapshot = r.snapshot, issued_at = r.issued_at, certificate_url = r.certificate_url, reason = r.reason FROM unnest(p_certificate_revisions[o.lo:o.hi]) AS r WHERE t.id = r.id;
                GET DIAGNOSTICS v_rows = ROW_COUNT;
            WHEN 'ai_logs' THEN
                UPDATE {priv}.ai_logs AS t SET operation_id = r.operation_id, attempt = r.attempt, kind = r.kind, prompt_version = r.prompt_version, status = r.status, provider = r.provider, model_requested = r.model_requested, model_served = r.model_served, request_id = r.request_id, message_id = r.message_id, stop_reason = r.stop_reason, http_status = r.http_status, error_kind = r.error_kind, violations = r.violations, notes = r.notes, input_sha256 = r.input_sha256, prompt_sha256 = r.prompt_sha256, system_sha256 = r.system_sha256, schema_sha256 = r.schema_sha256, prompt_text = r.prompt_text, response_text = r.response_text, response_sha256 = r.response_sha256, redaction = r.redaction, tokens_in = r.tokens_in, tokens_out = r.tokens_out, tokens_cache_read = r.tokens_cache_read, tokens_cache_write = r.tokens_cache_write, tokens_thinking = r.tokens_thinking, cost_micro_usd = r.cost_micro_usd, charged_micro_usd = r.charged_micro_usd, latency_ms = r.latency_ms, actor_id = r.actor_id, course_id = r.course_id, subject_type = r.subject_type, subject_id = r.subject_id, given_up_at = r.given_up_at, completed_at = r.completed_at, applied_at = r.applied_at, expires_at = r.expires_at FROM unnest(p_ai_logs[o.lo:o.hi]) AS r WHERE t.id = r.id;
                GET DIAGNOSTICS v_rows = ROW_COUNT;
            WHEN 'course_jobs' THEN
                UPDATE {priv}.course_jobs AS t SET course_id = r.course_id, kind = r.kind, at = r.at, params = r.params, cursor = r.cursor, done_at = r.done_at FROM unnest(p_course_jobs[o.lo:o.hi]) AS r WHERE t.id = r.id;
                GET DIAGNOSTICS v_rows = ROW_COUNT;
            END CASE;
            IF v_rows <> o.hi - o.lo + 1 THEN
                RAISE EXCEPTION 'a row is gone' USING ERRCODE = 'LM001';
            END IF;
        WHEN 'upsert' THEN CASE o.tab
            WHEN 'overrides' THEN
                INSERT INTO {lms}.overrides (id, enrollment_id, course_id, student_id, lesson_id, quiz_id, assignment_id, available_from_mode, available_from, due_mode, due_date, cutoff_mode, cutoff_date, time_multiplier_bp, extra_seconds, extra_attempts, excused, reason, granted_by, created_at, updated_at) SELECT r.id, r.enrollment_id, r.course_id, r.student_id, r.lesson_id, r.quiz_id, r.assignment_id, r.available_from_mode, r.available_from, r.due_mode, r.due_date, r.cutoff_mode, r.cutoff_date, r.time_multiplier_bp, r.extra_seconds, r.extra_attempts, r.excused, r.reason, r.granted_by, r.created_at, r.updated_at FROM unnest(p_overrides[o.lo:o.hi]) AS r ON CONFLICT (id) DO UPDATE SET lesson_id = excluded.lesson_id, quiz_id = excluded.quiz_id, assignment_id = excluded.assignment_id, available_from_mode = excluded.available_from_mode, available_from = excluded.available_from, due_mode = excluded.due_mode, due_date = excluded.due_date, cutoff_mode = excluded.cutoff_mode, cutoff_date = excluded.cutoff_date, time_multiplier_bp = excluded.time_multiplier_bp, extra_seconds = excluded.extra_seconds, extra_attempts = excluded.extra_attempts, excused = excluded.excused, reason = excluded.reason, granted_by = excluded.granted_by, updated_at = excluded.updated_at;
            WHEN 'waivers' THEN
                INSERT INTO {lms}.waivers (id, enrollment_id, course_id, student_id, lesson_id, quiz_id, assignment_id, reason, granted_by, created_at) SELECT r.id, r.enrollment_id, r.course_id, r.student_id, r.lesson_id, r.quiz_id, r.assignment_id, r.reason, r.granted_by, r.created_at FROM unnest(p_waivers[o.lo:o.hi]) AS r ON CONFLICT (id) DO UPDATE SET lesson_id = excluded.lesson_id, quiz_id = excluded.quiz_id, assignment_id = excluded.assignment_id, reason = excluded.reason, granted_by = excluded.granted_by;
            WHEN 'lesson_progress' THEN
                INSERT INTO {lms}.lesson_progress (id, lesson_id, enrollment_id, course_id, student_id, status, first_opened_at, opened_at, completed_at, by_mark, created_at, updated_at) SELECT r.id, r.lesson_id, r.enrollment_id, r.course_id, r.student_id, r.status, r.first_opened_at, r.opened_at, r.completed_at, r.by_mark, r.created_at, r.updated_at FROM unnest(p_lesson_progress[o.lo:o.hi]) AS r ON CONFLICT (lesson_id, student_id) DO UPDATE SET status = excluded.status, opened_at = excluded.opened_at, completed_at = excluded.completed_at, by_mark = excluded.by_mark, updated_at = excluded.updated_at;
            WHEN 'topic_views' THEN
                INSERT INTO {lms}.topic_views (id, topic_id, enrollment_id, course_id, student_id, first_viewed_at, viewed_at) SELECT r.id, r.topic_id, r.enrollment_id, r.course_id, r.student_id, r.first_viewed_at, r.viewed_at FROM unnest(p_topic_views[o.lo:o.hi]) AS r ON CONFLICT (topic_id, student_id) DO UPDATE SET viewed_at = excluded.viewed_at;
            WHEN 'quiz_results' THEN
                INSERT INTO {lms}.quiz_results (id, quiz_id, enrollment_id, course_id, student_id, earned, possible, passed, submitted, updated_at) SELECT r.id, r.quiz_id, r.enrollment_id, r.course_id, r.student_id, r.earned, r.possible, r.passed, r.submitted, r.updated_at FROM unnest(p_quiz_results[o.lo:o.hi]) AS r ON CONFLICT (quiz_id, student_id) DO UPDATE SET earned = excluded.earned, possible = excluded.possible, passed = excluded.passed, submitted = excluded.submitted, updated_at = excluded.updated_at;
            END CASE;
        WHEN 'ensure' THEN CASE o.tab
            WHEN 'users' THEN
                INSERT INTO {lms}.users (id, role, display_name, email, external_id, metadata, erased_at, version, created_at, updated_at) SELECT r.id, r.role, r.display_name, r.email, r.external_id, r.metadata, r.erased_at, r.version, r.created_at, r.updated_at FROM unnest(p_users[o.lo:o.hi]) AS r ON CONFLICT (id) DO NOTHING;
            WHEN 'courses' THEN
                INSERT INTO {lms}.courses (id, instructor_id, title, description, thumbnail_url, is_published, external_id, audience, difficulty, estimated_minutes, language, time_zone, flow, enrollment, capacity, seats_taken, certificates, certificate_template_id, certificate_valid_days, archived_at, published_at, is_ai_generated, ai_log_id, ai_edited_at, copied_from, metadata, lessons_total, quizzes_total, assignments_total, structure_version, version, created_at, updated_at) SELECT r.id, r.instructor_id, r.title, r.description, r.thumbnail_url, r.is_published, r.external_id, r.audience, r.difficulty, r.estimated_minutes, r.language, r.time_zone, r.flow, r.enrollment, r.capacity, r.seats_taken, r.certificates, r.certificate_template_id, r.certificate_valid_days, r.archived_at, r.published_at, r.is_ai_generated, r.ai_log_id, r.ai_edited_at, r.copied_from, r.metadata, r.lessons_total, r.quizzes_total, r.assignments_total, r.structure_version, r.version, r.created_at, r.updated_at FROM unnest(p_courses[o.lo:o.hi]) AS r ON CONFLICT (id) DO NOTHING;
            WHEN 'course_staff' THEN
                INSERT INTO {lms}.course_staff (id, course_id, user_id, role, created_at) SELECT r.id, r.course_id, r.user_id, r.role, r.created_at FROM unnest(p_course_staff[o.lo:o.hi]) AS r ON CONFLICT (id) DO NOTHING;
            WHEN 'objectives' THEN
                INSERT INTO {lms}.objectives (id, course_id, key, text, order_index, version, created_at, updated_at) SELECT r.id, r.course_id, r.key, r.text, r.order_index, r.version, r.created_at, r.updated_at FROM unnest(p_objectives[o.lo:o.hi]) AS r ON CONFLICT (id) DO NOTHING;
            WHEN 'objective_lessons' THEN
                INSERT INTO {lms}.objective_lessons (objective_id, lesson_id) SELECT r.objective_id, r.lesson_id FROM unnest(p_objective_lessons[o.lo:o.hi]) AS r ON CONFLICT (objective_id, lesson_id) DO NOTHING;
            WHEN 'objective_questions' THEN
                INSERT INTO {lms}.objective_questions (objective_id, question_id) SELECT r.objective_id, r.question_id FROM unnest(p_objective_questions[o.lo:o.hi]) AS r ON CONFLICT (objective_id, question_id) DO NOTHING;
            WHEN 'objective_assignments' THEN
                INSERT INTO {lms}.objective_assignments (objective_id, assignment_id) SELECT r.objective_id, r.assignment_id FROM unnest(p_objective_assignments[o.lo:o.hi]) AS r ON CONFLICT (objective_id, assignment_id) DO NOTHING;
            WHEN 'lessons' THEN
                INSERT INTO {lms}.lessons (id, course_id, title, summary, order_index, is_published, is_required, completion_rule, available_from, estimated_minutes, is_ai_generated, ai_log_id, ai_edited_at, copied_from, metadata, version, created_at, updated_at) SELECT r.id, r.course_id, r.title, r.summary, r.order_index, r.is_published, r.is_required, r.completion_rule, r.available_from, r.estimated_minutes, r.is_ai_generated, r.ai_log_id, r.ai_edited_at, r.copied_from, r.metadata, r.version, r.created_at, r.updated_at FROM unnest(p_lessons[o.lo:o.hi]) AS r ON CONFLICT (id) DO NOTHING;
            WHEN 'lesson_requires' THEN
                INSERT INTO {lms}.lesson_requires (lesson_id, requires_id) SELECT r.lesson_id, r.requires_id FROM unnest(p_lesson_requires[o.lo:o.hi]) AS r ON CONFLICT (lesson_id, requires_id) DO NOTHING;
            WHEN 'topics' THEN
                INSERT INTO {lms}.topics (id, lesson_id, title, content_type, content_url, body, order_index, is_ai_generated, ai_log_id, ai_edited_at, copied_from, metadata, version, created_at, updated_at) SELECT r.id, r.lesson_id, r.title, r.content_type, r.content_url, r.body, r.order_index, r.is_ai_generated, r.ai_log_id, r.ai_edited_at, r.copied_from, r.metadata, r.version, r.created_at, r.updated_at FROM unnest(p_topics[o.lo:o.hi]) AS r ON CONFLICT (id) DO NOTHING;
            WHEN 'quizzes' THEN
                INSERT INTO {lms}.quizzes (id, lesson_id, title, description, order_index, is_published, is_required, pass_threshold_bp, max_attempts, time_limit_seconds, grace_seconds, kept_score, reveal, shuffle_questions, shuffle_options, weight, adjustments, ai_grading, ai_confidence_bp, review_days, opens_at, closes_at, is_ai_generated, ai_log_id, ai_edited_at, copied_from, metadata, version, created_at, updated_at) SELECT r.id, r.lesson_id, r.title, r.description, r.order_index, r.is_published, r.is_required, r.pass_threshold_bp, r.max_attempts, r.time_limit_seconds, r.grace_seconds, r.kept_score, r.reveal, r.shuffle_questions, r.shuffle_options, r.weight, r.adjustments, r.ai_grading, r.ai_confidence_bp, r.review_days, r.opens_at, r.closes_at, r.is_ai_generated, r.ai_log_id, r.ai_edited_at, r.copied_from, r.metadata, r.version, r.created_at, r.updated_at FROM unnest(p_quizzes[o.lo:o.hi]) AS r ON CONFLICT (id) DO NOTHING;
            WHEN 'quiz_questions' THEN
                INSERT INTO {lms}.quiz_questions (id, quiz_id, question_type, text, options, correct_answer, points, negative_points, explanation, source_quote, order_index, is_ai_generated, ai_log_id, ai_edited_at, copied_from, created_at, updated_at) SELECT r.id, r.quiz_id, r.question_type, r.text, r.options, r.correct_answer, r.points, r.negative_points, r.explanation, r.source_quote, r.order_index, r.is_ai_generated, r.ai_log_id, r.ai_edited_at, r.copied_from, r.created_at, r.updated_at FROM unnest(p_quiz_questions[o.lo:o.hi]) AS r ON CONFLICT (id) DO NOTHING;
            WHEN 'quiz_revisions' THEN
                INSERT INTO {priv}.quiz_revisions (id, quiz_id, content, possible, created_at) SELECT r.id, r.quiz_id, r.content, r.possible, r.created_at FROM unnest(p_quiz_revisions[o.lo:o.hi]) AS r ON CONFLICT (id) DO NOTHING;
            WHEN 'assignments' THEN
                INSERT INTO {lms}.assignments (id, lesson_id, title, description, due_date, due_zone, cutoff_date, available_from, max_grade, order_index, is_published, is_required, met_by, pass_threshold_bp, resubmission, max_versions, grace_seconds, penalty_bp, penalty_interval, penalty_floor_bp, posting, ai_grading, ai_confidence_bp, review_days, rubric, weight, is_ai_generated, ai_log_id, ai_edited_at, copied_from, metadata, version, created_at, updated_at) SELECT r.id, r.lesson_id, r.title, r.description, r.due_date, r.due_zone, r.cutoff_date, r.available_from, r.max_grade, r.order_index, r.is_published, r.is_required, r.met_by, r.pass_threshold_bp, r.resubmission, r.max_versions, r.grace_seconds, r.penalty_bp, r.penalty_interval, r.penalty_floor_bp, r.posting, r.ai_grading, r.ai_confidence_bp, r.review_days, r.rubric, r.weight, r.is_ai_generated, r.ai_log_id, r.ai_edited_at, r.copied_from, r.metadata, r.version, r.created_at, r.updated_at FROM unnest(p_assignments[o.lo:o.hi]) AS r ON CONFLICT (id) DO NOTHING;
            WHEN 'enrollments' THEN
                INSERT INTO {lms}.enrollments (id, course_id, student_id, status, starts_at, ends_at, source, external_ref, is_staff, lessons_done, quizzes_met, assignments_met, completed_at, opened_at, reset_reason, metadata, version, created_at, updated_at) SELECT r.id, r.course_id, r.student_id, r.status, r.starts_at, r.ends_at, r.source, r.external_ref, r.is_staff, r.lessons_done, r.quizzes_met, r.assignments_met, r.completed_at, r.opened_at, r.reset_reason, r.metadata, r.version, r.created_at, r.updated_at FROM unnest(p_enrollments[o.lo:o.hi]) AS r ON CONFLICT (id) DO NOTHING;
            WHEN 'overrides' THEN
                INSERT INTO {lms}.overrides (id, enrollment_id, course_id, student_id, lesson_id, quiz_id, assignment_id, available_from_mode, available_from, due_mode, due_date, cutoff_mode, cutoff_date, time_multiplier_bp, extra_seconds, extra_attempts, excused, reason, granted_by, created_at, updated_at) SELECT r.id, r.enrollment_id, r.course_id, r.student_id, r.lesson_id, r.quiz_id, r.assignment_id, r.available_from_mode, r.available_from, r.due_mode, r.due_date, r.cutoff_mode, r.cutoff_date, r.time_multiplier_bp, r.extra_seconds, r.extra_attempts, r.excused, r.reason, r.granted_by, r.created_at, r.updated_at FROM unnest(p_overrides[o.lo:o.hi]) AS r ON CONFLICT (id) DO NOTHING;
            WHEN 'waivers' THEN
                INSERT INTO {lms}.waivers (id, enrollment_id, course_id, student_id, lesson_id, quiz_id, assignment_id, reason, granted_by, created_at) SELECT r.id, r.enrollment_id, r.course_id, r.student_id, r.lesson_id, r.quiz_id, r.assignment_id, r.reason, r.granted_by, r.created_at FROM unnest(p_waivers[o.lo:o.hi]) AS r ON CONFLICT (id) DO NOTHING;
            WHEN 'lesson_progress' THEN
                INSERT INTO {lms}.lesson_progress (id, lesson_id, enrollment_id, course_id, student_id, status, first_opened_at, opened_at, completed_at, by_mark, created_at, updated_at) SELECT r.id, r.lesson_id, r.enrollment_id, r.course_id, r.student_id, r.status, r.first_opened_at, r.opened_at, r.completed_at, r.by_mark, r.created_at, r.updated_at FROM unnest(p_lesson_progress[o.lo:o.hi]) AS r ON CONFLICT (lesson_id, student_id) DO NOTHING;
            WHEN 'topic_views' THEN
                INSERT INTO {lms}.topic_views (id, topic_id, enrollment_id, course_id, student_id, first_viewed_at, viewed_at) SELECT r.id, r.topic_id, r.enrollment_id, r.course_id, r.student_id, r.first_viewed_at, r.viewed_at FROM unnest(p_topic_views[o.lo:o.hi]) AS r ON CONFLICT (topic_id, student_id) DO NOTHING;
            WHEN 'quiz_attempts' THEN
                INSERT INTO {lms}.quiz_attempts (id, quiz_id, enrollment_id, course_id, student_id, attempt_no, state, revision_id, seed, score, possible, started_at, deadline, completed_at, finish_reason, answers, graded, ai_pending, ai_suggested, graded_with_revision, void_reason, version, created_at, updated_at) SELECT r.id, r.quiz_id, r.enrollment_id, r.course_id, r.student_id, r.attempt_no, r.state, r.revision_id, r.seed, r.score, r.possible, r.started_at, r.deadline, r.completed_at, r.finish_reason, r.answers, r.graded, r.ai_pending, r.ai_suggested, r.graded_with_revision, r.void_reason, r.version, r.created_at, r.updated_at FROM unnest(p_quiz_attempts[o.lo:o.hi]) AS r ON CONFLICT (id) DO NOTHING;
            WHEN 'quiz_results' THEN
                INSERT INTO {lms}.quiz_results (id, quiz_id, enrollment_id, course_id, student_id, earned, possible, passed, submitted, updated_at) SELECT r.id, r.quiz_id, r.enrollment_id, r.course_id, r.student_id, r.earned, r.possible, r.passed, r.submitted, r.updated_at FROM unnest(p_quiz_results[o.lo:o.hi]) AS r ON CONFLICT (quiz_id, student_id) DO NOTHING;
            WHEN 'submissions' THEN
                INSERT INTO {lms}.submissions (id, assignment_id, enrollment_id, course_id, student_id, version_no, state, submission_url, content, submitted_at, late_seconds, raw_grade, deducted, grade, feedback, rubric_scores, graded_by, grader_kind, graded_at, posted_at, history_seq, ai_status, ai_code, suggested_seq, plagiarism_score, similarity_status, version, created_at, updated_at) SELECT r.id, r.assignment_id, r.enrollment_id, r.course_id, r.student_id, r.version_no, r.state, r.submission_url, r.content, r.submitted_at, r.late_seconds, r.raw_grade, r.deducted, r.grade, r.feedback, r.rubric_scores, r.graded_by, r.grader_kind, r.graded_at, r.posted_at, r.history_seq, r.ai_status, r.ai_code, r.suggested_seq, r.plagiarism_score, r.similarity_status, r.version, r.created_at, r.updated_at FROM unnest(p_submissions[o.lo:o.hi]) AS r ON CONFLICT (id) DO NOTHING;
            WHEN 'grade_history' THEN
                INSERT INTO {lms}.grade_history (id, subject_type, subject_id, question_id, course_id, student_id, seq, cause, ref_seq, version_no, raw, deducted, final_grade, feedback, rubric_scores, grader_id, grader_kind, actor_id, reason, ai_log_id, at) SELECT r.id, r.subject_type, r.subject_id, r.question_id, r.course_id, r.student_id, r.seq, r.cause, r.ref_seq, r.version_no, r.raw, r.deducted, r.final_grade, r.feedback, r.rubric_scores, r.grader_id, r.grader_kind, r.actor_id, r.reason, r.ai_log_id, r.at FROM unnest(p_grade_history[o.lo:o.hi]) AS r ON CONFLICT (id) DO NOTHING;
            WHEN 'review_requests' THEN
                INSERT INTO {lms}.review_requests (id, enrollment_id, course_id, student_id, submission_id, attempt_id, question_id, seq, reason, state, answer, answered_by, answered_at, created_at, updated_at) SELECT r.id, r.enrollment_id, r.course_id, r.student_id, r.submission_id, r.attempt_id, r.question_id, r.seq, r.reason, r.state, r.answer, r.answered_by, r.answered_at, r.created_at, r.updated_at FROM unnest(p_review_requests[o.lo:o.hi]) AS r ON CONFLICT (id) DO NOTHING;
            WHEN 'certificate_templates' THEN
                INSERT INTO {lms}.certificate_templates (id, family_id, version_no, name, document, is_draft, is_ai_generated, ai_log_id, ai_edited_at, archived_at, version, created_at, updated_at) SELECT r.id, r.family_id, r.version_no, r.name, r.document, r.is_draft, r.is_ai_generated, r.ai_log_id, r.ai_edited_at, r.archived_at, r.version, r.created_at, r.updated_at FROM unnest(p_certificate_templates[o.lo:o.hi]) AS r ON CONFLICT (id) DO NOTHING;
            WHEN 'certificates' THEN
                INSERT INTO {lms}.certificates (id, course_id, student_id, template_id, certificate_url, issued_at, expires_at, code, snapshot, revision_no, rendering, rendering_code, rendering_error, pdf_sha256, issued_by, issue_reason, revoked_at, revoked_by, revoke_reason, erased_at, files_deleted_at, version, created_at, updated_at) SELECT r.id, r.course_id, r.student_id, r.template_id, r.certificate_url, r.issued_at, r.expires_at, r.code, r.snapshot, r.revision_no, r.rendering, r.rendering_code, r.rendering_error, r.pdf_sha256, r.issued_by, r.issue_reason, r.revoked_at, r.revoked_by, r.revoke_reason, r.erased_at, r.files_deleted_at, r.version, r.created_at, r.updated_at FROM unnest(p_certificates[o.lo:o.hi]) AS r ON CONFLICT (id) DO NOTHING;
            WHEN 'certificate_revisions' THEN
                INSERT INTO {lms}.certificate_revisions (id, certificate_id, revision_no, snapshot, issued_at, certificate_url, reason, created_at) SELECT r.id, r.certificate_id, r.revision_no, r.snapshot, r.issued_at, r.certificate_url, r.reason, r.created_at FROM unnest(p_certificate_revisions[o.lo:o.hi]) AS r ON CONFLICT (id) DO NOTHING;
            WHEN 'ai_logs' THEN
                INSERT INTO {priv}.ai_logs (id, operation_id, attempt, kind, prompt_version, status, provider, model_requested, model_served, request_id, message_id, stop_reason, http_status, error_kind, violations, notes, input_sha256, prompt_sha256, system_sha256, schema_sha256, prompt_text, response_text, response_sha256, redaction, tokens_in, tokens_out, tokens_cache_read, tokens_cache_write, tokens_thinking, cost_micro_usd, charged_micro_usd, latency_ms, actor_id, course_id, subject_type, subject_id, created_at, given_up_at, completed_at, applied_at, expires_at) SELECT r.id, r.operation_id, r.attempt, r.kind, r.prompt_version, r.status, r.provider, r.model_requested, r.model_served, r.request_id, r.message_id, r.stop_reason, r.http_status, r.error_kind, r.violations, r.notes, r.input_sha256, r.prompt_sha256, r.system_sha256, r.schema_sha256, r.prompt_text, r.response_text, r.response_sha256, r.redaction, r.tokens_in, r.tokens_out, r.tokens_cache_read, r.tokens_cache_write, r.tokens_thinking, r.cost_micro_usd, r.charged_micro_usd, r.latency_ms, r.actor_id, r.course_id, r.subject_type, r.subject_id, r.created_at, r.given_up_at, r.completed_at, r.applied_at, r.expires_at FROM unnest(p_ai_logs[o.lo:o.hi]) AS r ON CONFLICT (id) DO NOTHING;
            WHEN 'course_jobs' THEN
                INSERT INTO {priv}.course_jobs (id, course_id, kind, at, params, cursor, done_at) SELECT r.id, r.course_id, r.kind, r.at, r.params, r.cursor, r.done_at FROM unnest(p_course_jobs[o.lo:o.hi]) AS r ON CONFLICT (id) DO NOTHING;
            END CASE;
        WHEN 'unlink' THEN
            CASE o.tab
            WHEN 'objective_lessons' THEN
                DELETE FROM {lms}.objective_lessons AS t USING unnest(p_objective_lessons[o.lo:o.hi]) AS r WHERE t.objective_id = r.objective_id AND t.lesson_id = r.lesson_id;
                GET DIAGNOSTICS v_rows = ROW_COUNT;
            WHEN 'objective_questions' THEN
                DELETE FROM {lms}.objective_questions AS t USING unnest(p_objective_questions[o.lo:o.hi]) AS r WHERE t.objective_id = r.objective_id AND t.question_id = r.question_id;
                GET DIAGNOSTICS v_rows = ROW_COUNT;
            WHEN 'objective_assignments' THEN
                DELETE FROM {lms}.objective_assignments AS t USING unnest(p_objective_assignments[o.lo:o.hi]) AS r WHERE t.objective_id = r.objective_id AND t.assignment_id = r.assignment_id;
                GET DIAGNOSTICS v_rows = ROW_COUNT;
            WHEN 'lesson_requires' THEN
                DELETE FROM {lms}.lesson_requires AS t USING unnest(p_lesson_requires[o.lo:o.hi]) AS r WHERE t.lesson_id = r.lesson_id AND t.requires_id = r.requires_id;
                GET DIAGNOSTICS v_rows = ROW_COUNT;
            END CASE;
            IF v_rows <> o.hi - o.lo + 1 THEN
                RAISE EXCEPTION 'a row is gone' USING ERRCODE = 'LM001';
            END IF;
        WHEN 'delete' THEN
            EXECUTE format('DELETE FROM %s WHERE id = ANY ($1)', o.word::regclass) USING o.ids;
            GET DIAGNOSTICS v_rows = ROW_COUNT;
            IF v_rows <> array_length(o.ids, 1) THEN
                RAISE EXCEPTION 'a row is gone' USING ERRCODE = 'LM001';
            END IF;
        WHEN 'order' THEN
            EXECUTE format(
                'SELECT (SELECT count(*) FROM %1$s AS t WHERE t.%2$I = $1) = cardinality($2)
                    AND (SELECT count(*) FROM %1$s AS t WHERE t.%2$I = $1 AND t.id = ANY ($2)) = cardinality($2)',
                o.word::regclass, o.word2) INTO v_limited USING o.id, o.ids;
            IF NOT v_limited THEN
                RAISE EXCEPTION 'the siblings are others' USING ERRCODE = 'LM001';
            END IF;
            EXECUTE format(
                'UPDATE %s AS t SET order_index = -x.place FROM unnest($2) WITH ORDINALITY AS x (id, place)
                 WHERE t.id = x.id AND t.%I = $1 AND t.order_index <> x.place - 1', o.word::regclass, o.word2)
                USING o.id, o.ids;
            EXECUTE format(
                'UPDATE %s AS t SET order_index = -1 - order_index WHERE t.%I = $1 AND order_index < 0',
                o.word::regclass, o.word2)
                USING o.id;
        WHEN 'recount' THEN
            IF NOT {priv}.recount_totals_v1(o.id) THEN
                RAISE EXCEPTION 'the course is gone' USING ERRCODE = 'LM001';
            END IF;
            IF o.flag THEN
                PERFORM {priv}.recount_learners_v1(o.id);
            END IF;
        WHEN 'free_seat' THEN
            UPDATE {lms}.courses SET seats_taken = seats_taken - 1
                WHERE id = o.id AND capacity IS NOT NULL AND seats_taken > 0;
        WHEN 'recount_seats' THEN
            UPDATE {lms}.courses SET seats_taken = (
                SELECT count(*) FROM {lms}.enrollments WHERE course_id = o.id AND status = 'active')
                WHERE id = o.id;
            IF NOT FOUND THEN
                RAISE EXCEPTION 'the course is gone' USING ERRCODE = 'LM001';
            END IF;
        WHEN 'save_answers' THEN
            UPDATE {lms}.quiz_attempts SET answers = o.doc::json, version = o.n, updated_at = o.at
                WHERE id = o.id AND state = 'in_progress';
            IF NOT FOUND THEN
                RAISE EXCEPTION 'the attempt is over' USING ERRCODE = 'LM001';
            END IF;
        WHEN 'flip_log' THEN
            UPDATE {priv}.ai_logs SET status = o.word2, applied_at = o.at,
                    response_text = CASE WHEN redaction = 'metadata' THEN NULL ELSE response_text END
                WHERE id = o.id AND status = o.word;
            IF NOT FOUND THEN
                RAISE EXCEPTION 'the log row has moved on' USING ERRCODE = 'LM001';
            END IF;
        WHEN 'blank_logs' THEN
            UPDATE {priv}.ai_logs SET prompt_text = NULL, response_text = NULL,
                    status = CASE WHEN status = 'valid' THEN 'dropped' ELSE status END
                WHERE id = ANY (o.ids) AND status <> 'pending';
        WHEN 'settle_budget' THEN
            FOREACH v_scope IN ARRAY string_to_array(o.word, ',') LOOP
                UPDATE {priv}.ai_spending SET reserved = greatest(reserved - o.n, 0), spent = spent + o.doc::bigint
                    WHERE day = o.word2 AND scope = v_scope;
            END LOOP;
        WHEN 'set_budget' THEN
            IF o.n IS NULL THEN
                DELETE FROM {priv}.ai_budgets WHERE scope = o.word;
            ELSE
                INSERT INTO {priv}.ai_budgets (scope, limit_micro_usd) VALUES (o.word, o.n)
                    ON CONFLICT (scope) DO UPDATE SET limit_micro_usd = excluded.limit_micro_usd;
            END IF;
        WHEN 'advance_job' THEN
            UPDATE {priv}.course_jobs SET cursor = o.other, done_at = o.at WHERE id = o.id AND done_at IS NULL;
            IF NOT FOUND THEN
                RAISE EXCEPTION 'the job is done' USING ERRCODE = 'LM001';
            END IF;
        WHEN 'erase_text' THEN
            PERFORM {priv}.erase_text_v1(o.id, o.at);
        WHEN 'advance_consumer' THEN
            UPDATE {priv}.consumers SET position = o.n WHERE name = o.word;
            IF NOT FOUND THEN
                RAISE EXCEPTION 'the consumer is gone' USING ERRCODE = 'LM001';
            END IF;
        END CASE;
    END LOOP;
    IF p_events IS NOT NULL THEN
        INSERT INTO {priv}.activity_events (id, at, kind, actor_kind, actor_id, on_behalf_of, course_id, student_id, subject_type, subject_id, learner_initiated, metadata)
            SELECT r.id, r.at, r.kind, r.actor_kind, r.actor_id, r.on_behalf_of, r.course_id, r.student_id, r.subject_type, r.subject_id, r.learner_initiated, r.metadata FROM unnest(p_events) WITH ORDINALITY AS r ORDER BY r.ordinality;
    END IF;
    RETURN '';
END $$;

-- The same for what a learner does (decision 0011): one enrollment, at most one row of each table, and no
-- list to walk. The enrollment's row is locked, compared, and written in one statement; what the course's
-- structure is then is read under the course's lock. A failed expectation of these two is returned, before
-- anything is written; that of the attempt is raised.

CREATE FUNCTION {priv}.learner_v1(
    p_lock integer, p_course uuid, p_structure bigint, p_version bigint, p_enrollments {priv}.enrollments_v1,
    p_attempt_state text DEFAULT NULL, p_attempt_version bigint DEFAULT NULL,
    p_events {priv}.events_v1[] DEFAULT NULL,
    p_quiz_attempts {priv}.quiz_attempts_v1 DEFAULT NULL,
    p_lesson_progress {priv}.lesson_progress_v1 DEFAULT NULL,
    p_topic_views {priv}.topic_views_v1 DEFAULT NULL,
    p_quiz_results {priv}.quiz_results_v1 DEFAULT NULL,
    p_certificates {priv}.certificates_v1 DEFAULT NULL
) RETURNS text LANGUAGE plpgsql
    SET search_path = '' SET lock_timeout = '5s' SET enable_seqscan = off AS $$
BEGIN
    IF current_setting('transaction_isolation') <> 'read committed' THEN
        RETURN 'isolation';
    END IF;
    PERFORM pg_advisory_xact_lock_shared({class}, p_lock);
    UPDATE {lms}.enrollments AS t SET status = p_enrollments.status, starts_at = p_enrollments.starts_at, ends_at = p_enrollments.ends_at, source = p_enrollments.source, external_ref = p_enrollments.external_ref, is_staff = p_enrollments.is_staff, lessons_done = p_enrollments.lessons_done, quizzes_met = p_enrollments.quizzes_met, assignments_met = p_enrollments.assignments_met, completed_at = p_enrollments.completed_at, opened_at = p_enrollments.opened_at, reset_reason = p_enrollments.reset_reason, metadata = p_enrollments.metadata, version = p_enrollments.version, updated_at = p_enrollments.updated_at
        WHERE t.id = p_enrollments.id AND t.version = p_version
          AND EXISTS (SELECT 1 FROM {lms}.courses AS c WHERE c.id = p_course AND c.structure_version = p_structure);
    IF NOT FOUND THEN
        PERFORM 1 FROM {lms}.courses WHERE id = p_course AND structure_version = p_structure;
        RETURN CASE WHEN FOUND THEN 'conflict:1' ELSE 'conflict:0' END;
    END IF;
    IF p_quiz_attempts.id IS NOT NULL THEN
        UPDATE {lms}.quiz_attempts AS t SET quiz_id = p_quiz_attempts.quiz_id, attempt_no = p_quiz_attempts.attempt_no, state = p_quiz_attempts.state, revision_id = p_quiz_attempts.revision_id, seed = p_quiz_attempts.seed, score = p_quiz_attempts.score, possible = p_quiz_attempts.possible, started_at = p_quiz_attempts.started_at, deadline = p_quiz_attempts.deadline, completed_at = p_quiz_attempts.completed_at, finish_reason = p_quiz_attempts.finish_reason, answers = p_quiz_attempts.answers, graded = p_quiz_attempts.graded, ai_pending = p_quiz_attempts.ai_pending, ai_suggested = p_quiz_attempts.ai_suggested, graded_with_revision = p_quiz_attempts.graded_with_revision, void_reason = p_quiz_attempts.void_reason, version = p_quiz_attempts.version, updated_at = p_quiz_attempts.updated_at
            WHERE t.id = p_quiz_attempts.id AND t.state = p_attempt_state AND t.version = p_attempt_version;
        IF NOT FOUND THEN
            RAISE EXCEPTION 'conflict:2' USING ERRCODE = 'LM001';
        END IF;
    END IF;
    IF p_lesson_progress.id IS NOT NULL THEN
        INSERT INTO {lms}.lesson_progress (id, lesson_id, enrollment_id, course_id, student_id, status, first_opened_at, opened_at, completed_at, by_mark, created_at, updated_at)
            VALUES (p_lesson_progress.id, p_lesson_progress.lesson_id, p_lesson_progress.enrollment_id, p_lesson_progress.course_id, p_lesson_progress.student_id, p_lesson_progress.status, p_lesson_progress.first_opened_at, p_lesson_progress.opened_at, p_lesson_progress.completed_at, p_lesson_progress.by_mark, p_lesson_progress.created_at, p_lesson_progress.updated_at)
            ON CONFLICT (lesson_id, student_id) DO UPDATE SET status = excluded.status, opened_at = excluded.opened_at, completed_at = excluded.completed_at, by_mark = excluded.by_mark, updated_at = excluded.updated_at;
    END IF;
    IF p_topic_views.id IS NOT NULL THEN
        INSERT INTO {lms}.topic_views (id, topic_id, enrollment_id, course_id, student_id, first_viewed_at, viewed_at)
            VALUES (p_topic_views.id, p_topic_views.topic_id, p_topic_views.enrollment_id, p_topic_views.course_id, p_topic_views.student_id, p_topic_views.first_viewed_at, p_topic_views.viewed_at)
            ON CONFLICT (topic_id, student_id) DO UPDATE SET viewed_at = excluded.viewed_at;
    END IF;
    IF p_quiz_results.id IS NOT NULL THEN
        INSERT INTO {lms}.quiz_results (id, quiz_id, enrollment_id, course_id, student_id, earned, possible, passed, submitted, updated_at)
            VALUES (p_quiz_results.id, p_quiz_results.quiz_id, p_quiz_results.enrollment_id, p_quiz_results.course_id, p_quiz_results.student_id, p_quiz_results.earned, p_quiz_results.possible, p_quiz_results.passed, p_quiz_results.submitted, p_quiz_results.updated_at)
            ON CONFLICT (quiz_id, student_id) DO UPDATE SET earned = excluded.earned, possible = excluded.possible, passed = excluded.passed, submitted = excluded.submitted, updated_at = excluded.updated_at;
    END IF;
    IF p_certificates.id IS NOT NULL THEN
        INSERT INTO {lms}.certificates (id, course_id, student_id, template_id, certificate_url, issued_at, expires_at, code, snapshot, revision_no, rendering, rendering_code, rendering_error, pdf_sha256, issued_by, issue_reason, revoked_at, revoked_by, revoke_reason, erased_at, files_deleted_at, version, created_at, updated_at)
            VALUES (p_certificates.id, p_certificates.course_id, p_certificates.student_id, p_certificates.template_id, p_certificates.certificate_url, p_certificates.issued_at, p_certificates.expires_at, p_certificates.code, p_certificates.snapshot, p_certificates.revision_no, p_certificates.rendering, p_certificates.rendering_code, p_certificates.rendering_error, p_certificates.pdf_sha256, p_certificates.issued_by, p_certificates.issue_reason, p_certificates.revoked_at, p_certificates.revoked_by, p_certificates.revoke_reason, p_certificates.erased_at, p_certificates.files_deleted_at, p_certificates.version, p_certificates.created_at, p_certificates.updated_at);
    END IF;
    IF p_events IS NOT NULL THEN
        INSERT INTO {priv}.activity_events (id, at, kind, actor_kind, actor_id, on_behalf_of, course_id, student_id, subject_type, subject_id, learner_initiated, metadata)
            SELECT r.id, r.at, r.kind, r.actor_kind, r.actor_id, r.on_behalf_of, r.course_id, r.student_id, r.subject_type, r.subject_id, r.learner_initiated, r.metadata FROM unnest(p_events) WITH ORDINALITY AS r ORDER BY r.ordinality;
    END IF;
    RETURN '';
END $$;

-- The same for many learners at once (decision 0013): n batches of that shape, none with an attempt and no
-- enrollment twice; rows and events say by number whose they are. Nothing here waits for somebody else: a batch
-- whose course or enrollment is held by another transaction is left out, and its caller sends it alone. The answer
-- is empty where all are applied, else a word for each.

CREATE FUNCTION {priv}.learners_v1(
    p_locks integer[], p_lock integer[], p_course uuid[], p_structure bigint[], p_version bigint[],
    p_ids uuid[], p_enrollments {priv}.enrollments_v1[], p_events_of integer[] DEFAULT NULL, p_events {priv}.events_v1[] DEFAULT NULL,
    p_lesson_progress_of integer[] DEFAULT NULL, p_lesson_progress {priv}.lesson_progress_v1[] DEFAULT NULL,
    p_topic_views_of integer[] DEFAULT NULL, p_topic_views {priv}.topic_views_v1[] DEFAULT NULL,
    p_quiz_results_of integer[] DEFAULT NULL, p_quiz_results {priv}.quiz_results_v1[] DEFAULT NULL,
    p_certificates_of integer[] DEFAULT NULL, p_certificates {priv}.certificates_v1[] DEFAULT NULL
) RETURNS text LANGUAGE plpgsql
    SET search_path = '' SET lock_timeout = '5s' SET enable_seqscan = off SET plan_cache_mode = force_generic_plan AS $$
DECLARE
    v_lock integer;
    v_held integer[] := '{}';
    v_free integer[];
    v_done integer[];
BEGIN
    IF current_setting('transaction_isolation') <> 'read committed' THEN
        RETURN 'isolation';
    END IF;
    FOREACH v_lock IN ARRAY p_locks LOOP
        IF pg_try_advisory_xact_lock_shared({class}, v_lock) THEN
            v_held := v_held || v_lock;
        END IF;
    END LOOP;
    v_free := ARRAY(
        SELECT q.n FROM unnest(p_lock, p_ids) WITH ORDINALITY AS q (lock, id, n)
        JOIN {lms}.enrollments AS t ON t.id = q.id
        WHERE q.lock = ANY (v_held) FOR NO KEY UPDATE OF t SKIP LOCKED);
    WITH done AS (
        UPDATE {lms}.enrollments AS t SET status = q.status, starts_at = q.starts_at, ends_at = q.ends_at, source = q.source, external_ref = q.external_ref, is_staff = q.is_staff, lessons_done = q.lessons_done, quizzes_met = q.quizzes_met, assignments_met = q.assignments_met, completed_at = q.completed_at, opened_at = q.opened_at, reset_reason = q.reset_reason, metadata = q.metadata, version = q.version, updated_at = q.updated_at
        FROM unnest(p_course, p_structure, p_version, p_enrollments) WITH ORDINALITY
            AS q (in_course, structure, expected, id, course_id, student_id, status, starts_at, ends_at, source, external_ref, is_staff, lessons_done, quizzes_met, assignments_met, completed_at, opened_at, reset_reason, metadata, version, created_at, updated_at, n)
        WHERE t.id = q.id AND t.version = q.expected AND q.n = ANY (v_free)
          AND EXISTS (SELECT 1 FROM {lms}.courses AS c WHERE c.id = q.in_course AND c.structure_version = q.structure)
        RETURNING q.n)
    SELECT coalesce(array_agg(n), '{}') INTO v_done FROM done;
    IF p_lesson_progress IS NOT NULL THEN
        INSERT INTO {lms}.lesson_progress (id, lesson_id, enrollment_id, course_id, student_id, status, first_opened_at, opened_at, completed_at, by_mark, created_at, updated_at)
            SELECT r.id, r.lesson_id, r.enrollment_id, r.course_id, r.student_id, r.status, r.first_opened_at, r.opened_at, r.completed_at, r.by_mark, r.created_at, r.updated_at FROM unnest(p_lesson_progress_of, p_lesson_progress) AS r (of, id, lesson_id, enrollment_id, course_id, student_id, status, first_opened_at, opened_at, completed_at, by_mark, created_at, updated_at) WHERE r.of = ANY (v_done)
            ON CONFLICT (lesson_id, student_id) DO UPDATE SET status = excluded.status, opened_at = excluded.opened_at, completed_at = excluded.completed_at, by_mark = excluded.by_mark, updated_at = excluded.updated_at;
    END IF;
    IF p_topic_views IS NOT NULL THEN
        INSERT INTO {lms}.topic_views (id, topic_id, enrollment_id, course_id, student_id, first_viewed_at, viewed_at)
            SELECT r.id, r.topic_id, r.enrollment_id, r.course_id, r.student_id, r.first_viewed_at, r.viewed_at FROM unnest(p_topic_views_of, p_topic_views) AS r (of, id, topic_id, enrollment_id, course_id, student_id, first_viewed_at, viewed_at) WHERE r.of = ANY (v_done)
            ON CONFLICT (topic_id, student_id) DO UPDATE SET viewed_at = excluded.viewed_at;
    END IF;
    IF p_quiz_results IS NOT NULL THEN
        INSERT INTO {lms}.quiz_results (id, quiz_id, enrollment_id, course_id, student_id, earned, possible, passed, submitted, updated_at)
            SELECT r.id, r.quiz_id, r.enrollment_id, r.course_id, r.student_id, r.earned, r.possible, r.passed, r.submitted, r.updated_at FROM unnest(p_quiz_results_of, p_quiz_results) AS r (of, id, quiz_id, enrollment_id, course_id, student_id, earned, possible, passed, submitted, updated_at) WHERE r.of = ANY (v_done)
            ON CONFLICT (quiz_id, student_id) DO UPDATE SET earned = excluded.earned, possible = excluded.possible, passed = excluded.passed, submitted = excluded.submitted, updated_at = excluded.updated_at;
    END IF;
    IF p_certificates IS NOT NULL THEN
        INSERT INTO {lms}.certificates (id, course_id, student_id, template_id, certificate_url, issued_at, expires_at, code, snapshot, revision_no, rendering, rendering_code, rendering_error, pdf_sha256, issued_by, issue_reason, revoked_at, revoked_by, revoke_reason, erased_at, files_deleted_at, version, created_at, updated_at)
            SELECT r.id, r.course_id, r.student_id, r.template_id, r.certificate_url, r.issued_at, r.expires_at, r.code, r.snapshot, r.revision_no, r.rendering, r.rendering_code, r.rendering_error, r.pdf_sha256, r.issued_by, r.issue_reason, r.revoked_at, r.revoked_by, r.revoke_reason, r.erased_at, r.files_deleted_at, r.version, r.created_at, r.updated_at FROM unnest(p_certificates_of, p_certificates) AS r (of, id, course_id, student_id, template_id, certificate_url, issued_at, expires_at, code, snapshot, revision_no, rendering, rendering_code, rendering_error, pdf_sha256, issued_by, issue_reason, revoked_at, revoked_by, revoke_reason, erased_at, files_deleted_at, version, created_at, updated_at) WHERE r.of = ANY (v_done);
    END IF;
    IF p_events IS NOT NULL THEN
        INSERT INTO {priv}.activity_events (id, at, kind, actor_kind, actor_id, on_behalf_of, course_id, student_id, subject_type, subject_id, learner_initiated, metadata)
            SELECT r.id, r.at, r.kind, r.actor_kind, r.actor_id, r.on_behalf_of, r.course_id, r.student_id, r.subject_type, r.subject_id, r.learner_initiated, r.metadata FROM unnest(p_events_of, p_events) WITH ORDINALITY AS r (of, id, at, kind, actor_kind, actor_id, on_behalf_of, course_id, student_id, subject_type, subject_id, learner_initiated, metadata, ordinality)
            WHERE r.of = ANY (v_done) ORDER BY r.ordinality;
    END IF;
    IF cardinality(v_done) = cardinality(p_ids) THEN
        RETURN '';
    END IF;
    RETURN (SELECT string_agg(CASE
            WHEN q.n = ANY (v_done) THEN 'done'
            WHEN NOT q.n = ANY (v_free) AND EXISTS (SELECT 1 FROM {lms}.enrollments AS t WHERE t.id = q.id) THEN 'busy'
            WHEN EXISTS (SELECT 1 FROM {lms}.courses AS c WHERE c.id = q.in_course AND c.structure_version = q.structure)
                THEN 'conflict:1'
            ELSE 'conflict:0' END, ',' ORDER BY q.n)
        FROM unnest(p_course, p_structure, p_ids) WITH ORDINALITY AS q (in_course, structure, id, n));
END $$;
