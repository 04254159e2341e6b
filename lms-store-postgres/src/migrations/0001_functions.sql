-- Functions of the Postgres store, version 1, other than the write door: counts, recounts, the relay
-- step. They know tables, and no rule of the domain but the one definition of the counters (P11).

-- What hangs under an item (D3): topics, quizzes, questions, assignments, lessons, enrollments,
-- progress, attempts, submissions, certificates.
CREATE FUNCTION {priv}.work_counts_v1(p_kind text, p_id uuid) RETURNS bigint[]
LANGUAGE sql STABLE SET search_path = '' AS $$
    WITH
    ls AS MATERIALIZED (
        SELECT l.id FROM {lms}.lessons AS l WHERE p_kind = 'course' AND l.course_id = p_id
        UNION ALL SELECT p_id WHERE p_kind = 'lesson'),
    qs AS MATERIALIZED (
        SELECT q.id FROM {lms}.quizzes AS q WHERE q.lesson_id IN (SELECT id FROM ls)
        UNION ALL SELECT p_id WHERE p_kind = 'quiz'),
    asg AS MATERIALIZED (
        SELECT a.id FROM {lms}.assignments AS a WHERE a.lesson_id IN (SELECT id FROM ls)
        UNION ALL SELECT p_id WHERE p_kind = 'assignment')
    SELECT ARRAY[
        (SELECT count(*) FROM {lms}.topics WHERE lesson_id IN (SELECT id FROM ls)),
        CASE WHEN p_kind = 'quiz' THEN 0 ELSE (SELECT count(*) FROM qs) END,
        (SELECT count(*) FROM {lms}.quiz_questions WHERE quiz_id IN (SELECT id FROM qs)),
        CASE WHEN p_kind = 'assignment' THEN 0 ELSE (SELECT count(*) FROM asg) END,
        CASE WHEN p_kind = 'course' THEN (SELECT count(*) FROM ls) ELSE 0 END,
        CASE WHEN p_kind = 'course' THEN (SELECT count(*) FROM {lms}.enrollments WHERE course_id = p_id) ELSE 0 END,
        (SELECT count(*) FROM {lms}.lesson_progress WHERE lesson_id IN (SELECT id FROM ls))
            + (SELECT count(*) FROM {lms}.topic_views
               WHERE topic_id IN (SELECT t.id FROM {lms}.topics AS t WHERE t.lesson_id IN (SELECT id FROM ls))),
        (SELECT count(*) FROM {lms}.quiz_attempts WHERE quiz_id IN (SELECT id FROM qs)),
        (SELECT count(*) FROM {lms}.submissions WHERE assignment_id IN (SELECT id FROM asg)),
        CASE WHEN p_kind = 'course' THEN (SELECT count(*) FROM {lms}.certificates WHERE course_id = p_id) ELSE 0 END]
$$;

-- The course's totals: published required items whose lesson is published. Whether the course exists.
CREATE FUNCTION {priv}.recount_totals_v1(p_course uuid) RETURNS boolean
LANGUAGE plpgsql SET search_path = '' AS $$
BEGIN
    UPDATE {lms}.courses SET
        lessons_total = (
            SELECT count(*) FROM {lms}.lessons AS l
            WHERE l.course_id = p_course AND l.is_published AND l.is_required),
        quizzes_total = (
            SELECT count(*) FROM {lms}.lessons AS l JOIN {lms}.quizzes AS q ON q.lesson_id = l.id
            WHERE l.course_id = p_course AND l.is_published AND q.is_published AND q.is_required),
        assignments_total = (
            SELECT count(*) FROM {lms}.lessons AS l JOIN {lms}.assignments AS a ON a.lesson_id = l.id
            WHERE l.course_id = p_course AND l.is_published AND a.is_published AND a.is_required)
    WHERE id = p_course;
    RETURN FOUND;
END $$;

-- The three counters of every enrollment of the course; only those that differ are written.
--
-- A lesson is done when it is completed or waived. A quiz is met when it is passed (submitted, where it
-- has no threshold), excused or waived. An assignment is met when a version is handed in or, where it
-- must be passed, when the latest graded version reaches the mark (is graded, where there is none), or
-- when it is excused or waived.
CREATE FUNCTION {priv}.recount_learners_v1(p_course uuid) RETURNS void
LANGUAGE plpgsql SET search_path = '' AS $$
BEGIN
    PERFORM 1 FROM {lms}.enrollments WHERE course_id = p_course ORDER BY id FOR NO KEY UPDATE;
    WITH
    counted_lessons AS MATERIALIZED (
        SELECT l.id FROM {lms}.lessons AS l
        WHERE l.course_id = p_course AND l.is_published AND l.is_required),
    counted_quizzes AS MATERIALIZED (
        SELECT q.id, q.pass_threshold_bp FROM {lms}.lessons AS l JOIN {lms}.quizzes AS q ON q.lesson_id = l.id
        WHERE l.course_id = p_course AND l.is_published AND q.is_published AND q.is_required),
    counted_assignments AS MATERIALIZED (
        SELECT a.id, a.met_by, a.pass_threshold_bp, a.max_grade
        FROM {lms}.lessons AS l JOIN {lms}.assignments AS a ON a.lesson_id = l.id
        WHERE l.course_id = p_course AND l.is_published AND a.is_published AND a.is_required),
    done (enrollment_id, item_id) AS (
        SELECT p.enrollment_id, p.lesson_id
        FROM counted_lessons AS l JOIN {lms}.lesson_progress AS p ON p.lesson_id = l.id
        WHERE p.status = 'completed'
        UNION
        SELECT w.enrollment_id, w.lesson_id
        FROM counted_lessons AS l JOIN {lms}.waivers AS w ON w.lesson_id = l.id),
    quiz_met (enrollment_id, item_id) AS (
        SELECT r.enrollment_id, r.quiz_id
        FROM counted_quizzes AS q JOIN {lms}.quiz_results AS r ON r.quiz_id = q.id
        WHERE CASE WHEN q.pass_threshold_bp IS NULL THEN r.submitted ELSE r.passed IS TRUE END
        UNION
        SELECT o.enrollment_id, o.quiz_id
        FROM counted_quizzes AS q JOIN {lms}.overrides AS o ON o.quiz_id = q.id
        WHERE o.excused
        UNION
        SELECT w.enrollment_id, w.quiz_id
        FROM counted_quizzes AS q JOIN {lms}.waivers AS w ON w.quiz_id = q.id),
    assignment_met (enrollment_id, item_id) AS (
        SELECT s.enrollment_id, s.assignment_id
        FROM counted_assignments AS a JOIN {lms}.submissions AS s ON s.assignment_id = a.id
        WHERE CASE WHEN a.met_by = 'submitted' THEN s.state <> 'draft'
              ELSE s.grade IS NOT NULL
                  AND (a.pass_threshold_bp IS NULL OR s.grade * 10000 >= a.pass_threshold_bp * a.max_grade)
                  AND NOT EXISTS (
                      SELECT 1 FROM {lms}.submissions AS later
                      WHERE later.assignment_id = s.assignment_id AND later.student_id = s.student_id
                          AND later.version_no > s.version_no AND later.grade IS NOT NULL)
              END
        UNION
        SELECT o.enrollment_id, o.assignment_id
        FROM counted_assignments AS a JOIN {lms}.overrides AS o ON o.assignment_id = a.id
        WHERE o.excused
        UNION
        SELECT w.enrollment_id, w.assignment_id
        FROM counted_assignments AS a JOIN {lms}.waivers AS w ON w.assignment_id = a.id),
    met (enrollment_id, lessons, quizzes, assignments) AS (
        SELECT enrollment_id, 1, 0, 0 FROM done
        UNION ALL SELECT enrollment_id, 0, 1, 0 FROM quiz_met
        UNION ALL SELECT enrollment_id, 0, 0, 1 FROM assignment_met),
    sums (enrollment_id, lessons, quizzes, assignments) AS (
        SELECT enrollment_id, sum(lessons), sum(quizzes), sum(assignments) FROM met GROUP BY enrollment_id),
    counted (id, lessons, quizzes, assignments) AS MATERIALIZED (
        SELECT e.id, coalesce(s.lessons, 0), coalesce(s.quizzes, 0), coalesce(s.assignments, 0)
        FROM {lms}.enrollments AS e LEFT JOIN sums AS s ON s.enrollment_id = e.id
        WHERE e.course_id = p_course
            AND (e.lessons_done, e.quizzes_met, e.assignments_met)
                IS DISTINCT FROM (coalesce(s.lessons, 0), coalesce(s.quizzes, 0), coalesce(s.assignments, 0)))
    UPDATE {lms}.enrollments SET
        lessons_done = counted.lessons,
        quizzes_met = counted.quizzes,
        assignments_met = counted.assignments
    FROM counted WHERE enrollments.id = counted.id;
END $$;

-- Numbers the events that have committed, in the order of their insertion, at most p_limit of them, and
-- sends one hint. How many it numbered; -1 when another process is at it; -2 when the transaction would
-- not see what has just committed.
--
-- The head is locked by a statement of its own: the next one has a new snapshot and sees every event
-- that was committed before the lock was had. In one statement, two relays would number rows twice.
CREATE FUNCTION {priv}.relay_v1(p_limit integer) RETURNS bigint
LANGUAGE plpgsql SET search_path = '' AS $$
DECLARE
    v_head bigint;
    v_moved bigint;
BEGIN
    IF current_setting('transaction_isolation') <> 'read committed' THEN
        RETURN -2;
    END IF;
    -- With nothing to number nothing is locked: a step by the clock writes nothing.
    PERFORM 1 FROM {priv}.activity_events WHERE position IS NULL LIMIT 1;
    IF NOT FOUND THEN
        RETURN 0;
    END IF;
    SELECT head INTO v_head FROM {priv}.lms_log WHERE one FOR UPDATE SKIP LOCKED;
    IF NOT FOUND THEN
        RETURN -1;
    END IF;
    WITH due AS (
        SELECT x.seq, row_number() OVER (ORDER BY x.seq) AS k
        FROM (SELECT seq FROM {priv}.activity_events WHERE position IS NULL ORDER BY seq LIMIT p_limit) AS x)
    UPDATE {priv}.activity_events AS e SET position = v_head + due.k FROM due WHERE e.seq = due.seq;
    GET DIAGNOSTICS v_moved = ROW_COUNT;
    IF v_moved > 0 THEN
        UPDATE {priv}.lms_log SET head = v_head + v_moved WHERE one;
        PERFORM pg_notify('{channel}', (v_head + v_moved)::text);
    END IF;
    RETURN v_moved;
END $$;

-- Blanks every text of a person's, or about their work (D5). Counts, scores and rows stay.
CREATE FUNCTION {priv}.erase_text_v1(p_user uuid, p_at timestamptz) RETURNS void
LANGUAGE plpgsql SET search_path = '' AS $$
BEGIN
    UPDATE {lms}.enrollments SET metadata = '{}', reset_reason = NULL, version = version + 1, updated_at = p_at
        WHERE student_id = p_user;
    UPDATE {lms}.overrides SET reason = '', updated_at = p_at WHERE student_id = p_user;
    UPDATE {lms}.waivers SET reason = '' WHERE student_id = p_user;
    UPDATE {lms}.quiz_attempts SET answers = '{"format":1,"clients":{},"answers":{}}',
            graded = CASE WHEN graded IS NULL THEN NULL ELSE json_build_object(
                'format', graded -> 'format',
                'answers', (SELECT coalesce(json_agg((a.value::jsonb - '{feedback,ai_status,ai_code,suggested_seq}'::text[])::json ORDER BY a.ordinality), '[]')
                            FROM json_array_elements(graded -> 'answers') WITH ORDINALITY AS a (value, ordinality)))
                END,
            ai_pending = 0, ai_suggested = 0,
            void_reason = CASE WHEN void_reason IS NULL THEN NULL ELSE '' END,
            version = version + 1, updated_at = p_at
        WHERE student_id = p_user;
    UPDATE {lms}.submissions SET content = NULL, submission_url = NULL, feedback = NULL, rubric_scores = NULL,
            version = version + 1, updated_at = p_at
        WHERE student_id = p_user;
    UPDATE {lms}.grade_history SET feedback = NULL, reason = NULL, rubric_scores = NULL WHERE student_id = p_user;
    UPDATE {lms}.review_requests SET reason = '', answer = CASE WHEN answer IS NULL THEN NULL ELSE '' END
        WHERE student_id = p_user;
    UPDATE {lms}.certificate_revisions SET snapshot = jsonb_set(snapshot::jsonb, '{student_name}', '""')::json,
            certificate_url = NULL, reason = ''
        WHERE certificate_id IN (SELECT id FROM {lms}.certificates WHERE student_id = p_user);
    UPDATE {lms}.certificates SET snapshot = jsonb_set(snapshot::jsonb, '{student_name}', '""')::json,
            certificate_url = NULL, rendering_error = NULL,
            issue_reason = CASE WHEN issue_reason IS NULL THEN NULL ELSE '' END,
            revoke_reason = CASE WHEN revoke_reason IS NULL THEN NULL ELSE '' END,
            erased_at = p_at, version = version + 1, updated_at = p_at
        WHERE student_id = p_user;
    UPDATE {priv}.similarity_matches SET passages = '[]'
        WHERE submission_id IN (SELECT id FROM {lms}.submissions WHERE student_id = p_user)
           OR other_id IN (SELECT id FROM {lms}.submissions WHERE student_id = p_user);
    UPDATE {priv}.ai_logs SET prompt_text = NULL, response_text = NULL, violations = '[]', expires_at = p_at,
            status = CASE WHEN status IN ('pending', 'valid', 'abandoned') THEN 'dropped' ELSE status END
        WHERE actor_id = p_user
           OR subject_id IN (SELECT id FROM {lms}.submissions WHERE student_id = p_user)
           OR subject_id IN (SELECT id FROM {lms}.quiz_attempts WHERE student_id = p_user);
    UPDATE {priv}.activity_events SET metadata = '{}' WHERE student_id = p_user AND position('.' IN kind) > 0;
END $$;

-- The limit of a day for a scope: its own, or that of its kind; NULL where there is none.
CREATE FUNCTION {priv}.budget_limit_v1(p_scope text) RETURNS bigint
LANGUAGE sql STABLE SET search_path = '' AS $$
    SELECT coalesce(
        (SELECT limit_micro_usd FROM {priv}.ai_budgets WHERE scope = p_scope),
        (SELECT limit_micro_usd FROM {priv}.ai_budgets WHERE scope = split_part(p_scope, ':', 1) || 's'))
$$;

-- Sets an amount aside in every scope of a day, in their order, or in none: then it has written nothing.
CREATE FUNCTION {priv}.reserve_v1(p_scopes text[], p_day text, p_amount bigint) RETURNS boolean
LANGUAGE plpgsql SET search_path = '' AS $$
DECLARE
    v_scope text;
    v_limit bigint;
    v_used bigint;
BEGIN
    FOREACH v_scope IN ARRAY p_scopes LOOP
        v_used := 0;
        SELECT reserved + spent INTO v_used FROM {priv}.ai_spending WHERE day = p_day AND scope = v_scope
            FOR NO KEY UPDATE;
        IF coalesce(v_used, 0) + p_amount > {priv}.budget_limit_v1(v_scope) THEN
            RETURN false;
        END IF;
    END LOOP;
    FOREACH v_scope IN ARRAY p_scopes LOOP
        v_limit := {priv}.budget_limit_v1(v_scope);
        INSERT INTO {priv}.ai_spending AS t (scope, day, reserved, spent) VALUES (v_scope, p_day, p_amount, 0)
            ON CONFLICT (day, scope) DO UPDATE SET reserved = t.reserved + excluded.reserved
            WHERE v_limit IS NULL OR t.reserved + t.spent + excluded.reserved <= v_limit;
        -- Somebody made the row, and used it up, since it was looked for.
        IF NOT FOUND THEN
            RAISE EXCEPTION 'the budget is used up' USING ERRCODE = 'LM001';
        END IF;
    END LOOP;
    RETURN true;
END $$;
