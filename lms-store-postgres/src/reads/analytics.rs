//! The queries behind a course's numbers (M1–M4): set-based, on covering indexes.

/// $1 course.
pub(super) fn completion() -> String {
    "SELECT json_build_object('enrolled', count(e.id), 'completed', count(e.completed_at),
         'lessons_done', coalesce(sum(least(e.lessons_done, c.lessons_total)), 0)::bigint,
         'lessons_total', c.lessons_total)::text
     FROM {lms}.courses AS c
     LEFT JOIN {lms}.enrollments AS e ON e.course_id = c.id AND e.status = 'active' AND NOT e.is_staff
     WHERE c.id = $1::uuid GROUP BY c.id"
        .to_owned()
}

/// $1 course.
pub(super) fn lesson_counts() -> String {
    super::listing(&crate::sql::list(
        "SELECT json_build_array(p.lesson_id, count(*) FILTER (WHERE p.status = 'in_progress'),
                count(*) FILTER (WHERE p.status = 'completed'))
         FROM {lms}.enrollments AS e JOIN {lms}.lesson_progress AS p ON p.enrollment_id = e.id
         WHERE e.course_id = $1::uuid AND e.status = 'active' AND NOT e.is_staff GROUP BY p.lesson_id",
    ))
}

/// $1 the quiz, the lesson or the course. div() cuts off exactly, where / would round.
pub(super) fn quiz_percents(filter: &str) -> String {
    format!(
        "SELECT json_build_object('pairs', count(*),
             'sum_e8', coalesce(sum(div(r.earned * 100000000, r.possible)), 0)::bigint)::text
         FROM {{lms}}.quiz_results AS r JOIN {{lms}}.enrollments AS e ON e.id = r.enrollment_id
         WHERE {filter} AND r.earned IS NOT NULL AND r.possible > 0 AND e.status = 'active' AND NOT e.is_staff
           AND NOT EXISTS (SELECT 1 FROM {{lms}}.overrides AS o
                           WHERE o.quiz_id = r.quiz_id AND o.enrollment_id = e.id AND o.excused)
           AND NOT EXISTS (SELECT 1 FROM {{lms}}.waivers AS w
                           WHERE w.quiz_id = r.quiz_id AND w.enrollment_id = e.id)"
    )
}

/// $1 after, $2 until, $3 course.
pub(super) fn active_students(of_course: bool) -> String {
    let course = if of_course { "AND course_id = $3::uuid" } else { "" };
    format!(
        "SELECT json_build_object('students', count(DISTINCT student_id))::text FROM {{priv}}.activity_events
         WHERE learner_initiated AND at > $1::timestamptz AND at <= $2::timestamptz {course}"
    )
}

/// $1 assignment, $2 now. Of the students with an effective due date, active and not staff: the counted
/// version is the latest graded one, else the latest handed in; it is on time when it is not late.
pub(super) fn on_time() -> String {
    "WITH due (enrollment_id, enrolled_at, due) AS (
         SELECT e.id, e.created_at,
                CASE coalesce(o.due_mode, 'inherit')
                    WHEN 'inherit' THEN a.due_date WHEN 'value' THEN o.due_date ELSE NULL END
         FROM {lms}.assignments AS a
         JOIN {lms}.lessons AS l ON l.id = a.lesson_id
         JOIN {lms}.enrollments AS e ON e.course_id = l.course_id
         LEFT JOIN {lms}.overrides AS o ON o.assignment_id = a.id AND o.enrollment_id = e.id
         WHERE a.id = $1::uuid AND e.status = 'active' AND NOT e.is_staff AND NOT coalesce(o.excused, false)
           AND NOT EXISTS (SELECT 1 FROM {lms}.waivers AS w
                           WHERE w.assignment_id = a.id AND w.enrollment_id = e.id)),
     counted (enrollment_id, late) AS (
         SELECT DISTINCT ON (s.student_id) s.enrollment_id, s.late_seconds
         FROM {lms}.submissions AS s
         WHERE s.assignment_id = $1::uuid AND s.state <> 'draft'
         ORDER BY s.student_id, (s.grade IS NOT NULL) DESC, s.version_no DESC)
     SELECT json_build_object('on_time', count(*) FILTER (WHERE c.late = 0), 'of', count(*))::text
     FROM due AS d LEFT JOIN counted AS c ON c.enrollment_id = d.enrollment_id
     WHERE d.due IS NOT NULL
       AND (c.enrollment_id IS NOT NULL OR (d.due < $2::timestamptz AND d.enrolled_at <= d.due))"
        .to_owned()
}
