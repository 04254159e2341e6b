-- The tables of the Postgres store, version 1: what every column holds and which rules the database
-- keeps by itself, as the last line of defence behind the library.
--
-- Two schemas, names of the host's choice. {lms} holds what client roles may be granted: content,
-- progress, attempts, submissions, certificates. {priv} holds what they may not: revisions with answer
-- keys, the event log, the record of AI calls, bookkeeping, functions. Nothing is granted to PUBLIC.
--
-- How values are written:
--   * instants are timestamptz, in microseconds;
--   * points and grades are numeric(14,5), exact; never a binary float;
--   * words are snake_case text, the same as in JSON, and a CHECK lists them;
--   * documents are json, not jsonb: they are kept as written;
--   * shares named _bp are basis points: 10000 is all of it.
--
-- Every foreign key has an index that begins with its columns. Rows of a learner refer to their
-- enrollment by (enrollment_id, course_id, student_id), so that the copies cannot lie and no shared
-- row of a course or a user is locked. Unique indexes over columns that change are partial, so that an
-- update of them takes the weak row lock.

CREATE SCHEMA IF NOT EXISTS {lms};
CREATE SCHEMA IF NOT EXISTS {priv};

-- Which migrations were applied.
CREATE TABLE {priv}.lms_schema (
    -- The version that the migration leads to.
    version bigint NOT NULL PRIMARY KEY,
    -- The oldest library schema that may still run on it.
    min_reader bigint NOT NULL,
    -- When it was applied.
    applied_at timestamptz NOT NULL
);

-- A user. The row stays for ever; erasing a person blanks it (D5).
CREATE TABLE {lms}.users (
    -- The id; may be given by the host, any UUID version.
    id uuid NOT NULL PRIMARY KEY,
    -- What they may do beyond courses.
    role text NOT NULL CHECK (role IN ('student', 'instructor', 'admin', 'ai')),
    -- The name shown to others.
    display_name text NOT NULL,
    -- The e-mail address, unique where given.
    email text,
    -- The host's own id of this person, unique where given.
    external_id text,
    -- The host's own data, an object of at most 16 KiB, never read by a rule.
    metadata json NOT NULL CHECK (octet_length(metadata::text) <= 16384),
    -- When the person was erased; final.
    erased_at timestamptz,
    -- The row's version (L5).
    version bigint NOT NULL CHECK (version >= 0),
    -- When the row was made.
    created_at timestamptz NOT NULL,
    -- When the row last changed.
    updated_at timestamptz NOT NULL,
    CONSTRAINT users_erased_without_email CHECK (erased_at IS NULL OR email IS NULL)
);
CREATE UNIQUE INDEX users_email ON {lms}.users (email) WHERE email IS NOT NULL;
CREATE UNIQUE INDEX users_external_id ON {lms}.users (external_id) WHERE external_id IS NOT NULL;

-- One wire attempt at an AI call.
CREATE TABLE {priv}.ai_logs (
    -- The id.
    id uuid NOT NULL PRIMARY KEY,
    -- The operation; unique together with `attempt`.
    operation_id uuid NOT NULL,
    -- 1 for the first.
    attempt bigint NOT NULL CHECK (attempt >= 1),
    -- Which task.
    kind text NOT NULL,
    -- Which version of its prompt.
    prompt_version bigint NOT NULL CHECK (prompt_version >= 0),
    -- Where it stands.
    status text NOT NULL CHECK (status IN ('pending', 'valid', 'invalid', 'refused', 'truncated', 'provider_error', 'timeout', 'denied', 'abandoned', 'applied', 'review', 'dropped')),
    -- The provider.
    provider text NOT NULL,
    -- The model asked for.
    model_requested text NOT NULL,
    -- The model that answered.
    model_served text,
    -- The provider's id of the request.
    request_id text,
    -- The provider's id of the answer.
    message_id text,
    -- Why the model stopped, in the provider's word.
    stop_reason text,
    -- The HTTP status.
    http_status bigint,
    -- What kind of failure it was.
    error_kind text,
    -- Codes and places of what was wrong; never the text.
    violations json NOT NULL,
    -- What the engine did out of the ordinary, by code.
    notes json NOT NULL,
    -- SHA-256 of the task's input: another input under the same operation is refused (I3).
    input_sha256 text NOT NULL,
    -- SHA-256 of the whole prompt, before any redaction.
    prompt_sha256 text NOT NULL,
    -- SHA-256 of the prompt's system part.
    system_sha256 text NOT NULL,
    -- SHA-256 of the schema.
    schema_sha256 text NOT NULL,
    -- The prompt; redacted where `redaction` says so.
    prompt_text text,
    -- The answer.
    response_text text,
    -- SHA-256 of the answer.
    response_sha256 text,
    -- full, redacted or metadata.
    redaction text NOT NULL CHECK (redaction IN ('full', 'redacted', 'metadata')),
    -- Tokens in.
    tokens_in bigint NOT NULL CHECK (tokens_in >= 0),
    -- Tokens out.
    tokens_out bigint NOT NULL CHECK (tokens_out >= 0),
    -- Tokens read from the provider's cache.
    tokens_cache_read bigint NOT NULL CHECK (tokens_cache_read >= 0),
    -- Tokens written to the provider's cache.
    tokens_cache_write bigint NOT NULL CHECK (tokens_cache_write >= 0),
    -- Tokens the model thought with.
    tokens_thinking bigint NOT NULL CHECK (tokens_thinking >= 0),
    -- What it cost, in millionths of a US dollar.
    cost_micro_usd bigint NOT NULL CHECK (cost_micro_usd >= 0),
    -- What counts against budgets: the worst case while the call is under way and where what it used stays
    -- unknown, else its cost.
    charged_micro_usd bigint NOT NULL CHECK (charged_micro_usd >= 0),
    -- How long it took, in milliseconds.
    latency_ms bigint CHECK (latency_ms >= 0),
    -- Who asked.
    actor_id uuid REFERENCES {lms}.users (id) ON DELETE RESTRICT,
    -- For which course.
    course_id uuid,
    -- What it was about.
    subject_type text,
    -- Which one.
    subject_id uuid,
    -- When it was sent.
    created_at timestamptz NOT NULL,
    -- When its caller has given up: if it is pending still after that, nobody is at it any more.
    given_up_at timestamptz NOT NULL,
    -- When it was answered.
    completed_at timestamptz,
    -- When its content was written.
    applied_at timestamptz,
    -- When its texts are blanked.
    expires_at timestamptz,
    CONSTRAINT ai_logs_operation_id_attempt_key UNIQUE (operation_id, attempt)
);
CREATE INDEX ai_logs_actor ON {priv}.ai_logs (actor_id, created_at, id);
CREATE UNIQUE INDEX ai_logs_applied ON {priv}.ai_logs (operation_id) WHERE status IN ('applied', 'review');
CREATE INDEX ai_logs_subject ON {priv}.ai_logs (subject_id) WHERE subject_id IS NOT NULL;
CREATE INDEX ai_logs_course ON {priv}.ai_logs (course_id, created_at, id);
CREATE INDEX ai_logs_time ON {priv}.ai_logs (created_at, id);
CREATE INDEX ai_logs_pending ON {priv}.ai_logs (given_up_at) WHERE status = 'pending';
-- Texts whose time is over.
CREATE INDEX ai_logs_expiring ON {priv}.ai_logs (expires_at)
    WHERE expires_at IS NOT NULL AND status <> 'pending' AND (prompt_text IS NOT NULL OR response_text IS NOT NULL);

-- One version of a certificate template (C7). Old certificates keep theirs.
CREATE TABLE {lms}.certificate_templates (
    -- The id of this version.
    id uuid NOT NULL PRIMARY KEY,
    -- The template that this is a version of.
    family_id uuid NOT NULL,
    -- 1 for the first.
    version_no bigint NOT NULL CHECK (version_no >= 1),
    -- A name for staff.
    name text NOT NULL,
    -- What it shows; the certificates crate reads it.
    document json NOT NULL,
    -- Whether it waits for a person to accept it; no course can take it until then.
    is_draft boolean NOT NULL DEFAULT false,
    -- Whether AI wrote its copy (L4).
    is_ai_generated boolean NOT NULL DEFAULT false,
    -- The ai_logs row it came from.
    ai_log_id uuid REFERENCES {priv}.ai_logs (id),
    -- When a person first edited what AI wrote.
    ai_edited_at timestamptz,
    -- When it was archived.
    archived_at timestamptz,
    -- The row's version; that of the template is `version_no`.
    version bigint NOT NULL CHECK (version >= 0),
    -- When the row was made.
    created_at timestamptz NOT NULL,
    -- When the row last changed: a draft was accepted, or the version archived.
    updated_at timestamptz NOT NULL,
    CONSTRAINT certificate_templates_family_id_version_no_key UNIQUE (family_id, version_no)
);
CREATE INDEX certificate_templates_ai_log_id ON {lms}.certificate_templates (ai_log_id);
-- The built-in one, in every database: a course that names none takes it.
INSERT INTO {lms}.certificate_templates (id, family_id, version_no, name, document, version, created_at, updated_at)
SELECT id, id, 1, 'built-in', '{}', 1, now(), now()
FROM (SELECT '6c6d7300-0000-8000-8000-000000000001'::uuid AS id) AS built_in;

-- A course, as staff see it.
CREATE TABLE {lms}.courses (
    -- The id.
    id uuid NOT NULL PRIMARY KEY,
    -- The owner, always an instructor of it.
    instructor_id uuid NOT NULL REFERENCES {lms}.users (id) ON DELETE RESTRICT,
    -- The title, 1 to 200 characters.
    title text NOT NULL CHECK (length(title) BETWEEN 1 AND 200),
    -- What it is about, at most 20,000 characters.
    description text NOT NULL CHECK (length(description) <= 20000),
    -- An https URL or an asset key.
    thumbnail_url text,
    -- Whether learners can see it (L1).
    is_published boolean NOT NULL,
    -- The host's own id of the course, unique where given.
    external_id text,
    -- For whom it is.
    audience text NOT NULL,
    -- How hard it is, in the instructor's words.
    difficulty text NOT NULL,
    -- How long it takes, in minutes.
    estimated_minutes bigint CHECK (estimated_minutes >= 0),
    -- BCP 47.
    language text NOT NULL,
    -- IANA zone name in which dates are shown.
    time_zone text NOT NULL,
    -- The order in which lessons open.
    flow text NOT NULL CHECK (flow IN ('free', 'sequential')),
    -- Who may join.
    enrollment text NOT NULL CHECK (enrollment IN ('closed', 'open')),
    -- The most active enrollments, if limited (E3).
    capacity bigint CHECK (capacity >= 0),
    -- Active enrollments now; counted only where capacity is set.
    seats_taken bigint NOT NULL CHECK (seats_taken >= 0),
    -- When certificates are issued.
    certificates text NOT NULL CHECK (certificates IN ('on_completion', 'by_hand', 'none')),
    -- The template version of new certificates; the built-in one when absent.
    certificate_template_id uuid REFERENCES {lms}.certificate_templates (id) ON DELETE RESTRICT,
    -- Days for which a certificate is valid; for good when absent (C4).
    certificate_valid_days bigint CHECK (certificate_valid_days >= 1),
    -- When it was archived (L1).
    archived_at timestamptz,
    -- When it was first published.
    published_at timestamptz,
    -- Whether AI made it (L4).
    is_ai_generated boolean NOT NULL,
    -- The ai_logs row it came from.
    ai_log_id uuid REFERENCES {priv}.ai_logs (id),
    -- When a person first edited what AI made.
    ai_edited_at timestamptz,
    -- The course it was copied from.
    copied_from uuid REFERENCES {lms}.courses (id) ON DELETE SET NULL,
    -- The host's own data (L8).
    metadata json NOT NULL CHECK (octet_length(metadata::text) <= 16384),
    -- Published required lessons.
    lessons_total bigint NOT NULL CHECK (lessons_total >= 0),
    -- Published required quizzes of published lessons.
    quizzes_total bigint NOT NULL CHECK (quizzes_total >= 0),
    -- Published required assignments of published lessons.
    assignments_total bigint NOT NULL CHECK (assignments_total >= 0),
    -- The version of what learners' decisions rest on.
    structure_version bigint NOT NULL CHECK (structure_version >= 0),
    -- The row's version (L5).
    version bigint NOT NULL CHECK (version >= 0),
    -- When the row was made.
    created_at timestamptz NOT NULL,
    -- When the row last changed.
    updated_at timestamptz NOT NULL
);
CREATE INDEX courses_ai_log_id ON {lms}.courses (ai_log_id);
CREATE INDEX courses_copied_from ON {lms}.courses (copied_from);
CREATE INDEX courses_instructor_id ON {lms}.courses (instructor_id);
CREATE INDEX courses_certificate_template_id ON {lms}.courses (certificate_template_id);
CREATE UNIQUE INDEX courses_external_id ON {lms}.courses (external_id) WHERE external_id IS NOT NULL;
CREATE INDEX courses_offered ON {lms}.courses (id) WHERE is_published AND enrollment = 'open' AND archived_at IS NULL;

-- A member of a course's staff beside its owner (E5).
CREATE TABLE {lms}.course_staff (
    -- The row's id.
    id uuid NOT NULL PRIMARY KEY,
    -- The course.
    course_id uuid NOT NULL REFERENCES {lms}.courses (id) ON DELETE CASCADE,
    -- The member.
    user_id uuid NOT NULL REFERENCES {lms}.users (id) ON DELETE RESTRICT,
    -- What they may do in it.
    role text NOT NULL CHECK (role IN ('instructor', 'grader')),
    -- When they were added.
    created_at timestamptz NOT NULL,
    CONSTRAINT course_staff_course_id_user_id_key UNIQUE (course_id, user_id)
);
CREATE INDEX course_staff_user_id ON {lms}.course_staff (user_id);

-- A wide change that is committed and still being carried to the learners.
CREATE TABLE {priv}.course_jobs (
    -- The id.
    id uuid NOT NULL PRIMARY KEY,
    -- The course.
    course_id uuid NOT NULL REFERENCES {lms}.courses (id) ON DELETE CASCADE,
    -- What it does.
    kind text NOT NULL CHECK (kind IN ('reevaluate', 'repair', 'recompute', 'regrade')),
    -- The time of the change; completions that follow from it carry this time.
    at timestamptz NOT NULL,
    -- What the kind needs to know.
    params json NOT NULL,
    -- The last enrollment that was done.
    cursor uuid,
    -- When it was finished.
    done_at timestamptz
);
CREATE INDEX course_jobs_course_id ON {priv}.course_jobs (course_id);
CREATE INDEX course_jobs_open ON {priv}.course_jobs (at, id) WHERE done_at IS NULL;

-- A lesson, as staff see it.
CREATE TABLE {lms}.lessons (
    -- The id.
    id uuid NOT NULL PRIMARY KEY,
    -- The course; a lesson never leaves it (O4).
    course_id uuid NOT NULL REFERENCES {lms}.courses (id) ON DELETE CASCADE,
    -- The title, 1 to 200 characters.
    title text NOT NULL CHECK (length(title) BETWEEN 1 AND 200),
    -- What it is about, at most 20,000 characters.
    summary text NOT NULL CHECK (length(summary) <= 20000),
    -- Its place among the course's lessons, 0..n−1 (O1).
    order_index bigint NOT NULL,
    -- Whether learners can see it, once the course is published too.
    is_published boolean NOT NULL,
    -- Whether it counts for completion (P5).
    is_required boolean NOT NULL,
    -- When it is complete.
    completion_rule text NOT NULL CHECK (completion_rule IN ('manual', 'viewed', 'work')),
    -- Not open before this instant (X3).
    available_from timestamptz,
    -- How long it takes, in minutes.
    estimated_minutes bigint CHECK (estimated_minutes >= 0),
    -- Whether AI made it (L4).
    is_ai_generated boolean NOT NULL,
    -- The ai_logs row it came from.
    ai_log_id uuid REFERENCES {priv}.ai_logs (id),
    -- When a person first edited what AI made.
    ai_edited_at timestamptz,
    -- The lesson it was copied from.
    copied_from uuid REFERENCES {lms}.lessons (id) ON DELETE SET NULL,
    -- The host's own data (L8).
    metadata json NOT NULL CHECK (octet_length(metadata::text) <= 16384),
    -- The row's version (L5).
    version bigint NOT NULL CHECK (version >= 0),
    -- When the row was made.
    created_at timestamptz NOT NULL,
    -- When the row last changed.
    updated_at timestamptz NOT NULL
);
CREATE INDEX lessons_ai_log_id ON {lms}.lessons (ai_log_id);
CREATE INDEX lessons_copied_from ON {lms}.lessons (copied_from);
CREATE INDEX lessons_course_id ON {lms}.lessons (course_id);
CREATE UNIQUE INDEX lessons_order ON {lms}.lessons (course_id, order_index) WHERE order_index >= 0;

-- A lesson opens only after another of the same course (X2).
CREATE TABLE {lms}.lesson_requires (
    -- The lesson that waits.
    lesson_id uuid NOT NULL REFERENCES {lms}.lessons (id) ON DELETE CASCADE,
    -- The lesson that comes first.
    requires_id uuid NOT NULL REFERENCES {lms}.lessons (id) ON DELETE CASCADE,
    CONSTRAINT lesson_requires_not_itself CHECK (lesson_id <> requires_id),
    PRIMARY KEY (lesson_id, requires_id)
);
CREATE INDEX lesson_requires_requires_id ON {lms}.lesson_requires (requires_id);

-- A topic: the smallest block of content.
CREATE TABLE {lms}.topics (
    -- The id.
    id uuid NOT NULL PRIMARY KEY,
    -- The lesson.
    lesson_id uuid NOT NULL REFERENCES {lms}.lessons (id) ON DELETE CASCADE,
    -- The title, 1 to 200 characters.
    title text NOT NULL CHECK (length(title) BETWEEN 1 AND 200),
    -- What it is.
    content_type text NOT NULL CHECK (content_type IN ('text', 'video', 'audio', 'image', 'file', 'link', 'embed') OR (content_type LIKE 'x-_%' AND length(content_type) <= 40)),
    -- Where it is: https or an asset key.
    content_url text,
    -- CommonMark, at most 1 MB; for media a transcript.
    body text CHECK (octet_length(body) <= 1048576),
    -- Its place among the lesson's topics.
    order_index bigint NOT NULL,
    -- Whether AI made it (L4).
    is_ai_generated boolean NOT NULL,
    -- The ai_logs row it came from.
    ai_log_id uuid REFERENCES {priv}.ai_logs (id),
    -- When a person first edited what AI made.
    ai_edited_at timestamptz,
    -- The topic it was copied from.
    copied_from uuid REFERENCES {lms}.topics (id) ON DELETE SET NULL,
    -- The host's own data (L8).
    metadata json NOT NULL CHECK (octet_length(metadata::text) <= 16384),
    -- The row's version (L5).
    version bigint NOT NULL CHECK (version >= 0),
    -- When the row was made.
    created_at timestamptz NOT NULL,
    -- When the row last changed.
    updated_at timestamptz NOT NULL
);
CREATE INDEX topics_ai_log_id ON {lms}.topics (ai_log_id);
CREATE INDEX topics_copied_from ON {lms}.topics (copied_from);
CREATE INDEX topics_lesson_id ON {lms}.topics (lesson_id);
CREATE UNIQUE INDEX topics_order ON {lms}.topics (lesson_id, order_index) WHERE order_index >= 0;

-- A quiz, as staff see it.
CREATE TABLE {lms}.quizzes (
    -- The id.
    id uuid NOT NULL PRIMARY KEY,
    -- The lesson.
    lesson_id uuid NOT NULL REFERENCES {lms}.lessons (id) ON DELETE CASCADE,
    -- The title, 1 to 200 characters.
    title text NOT NULL CHECK (length(title) BETWEEN 1 AND 200),
    -- What it is about, at most 20,000 characters.
    description text NOT NULL CHECK (length(description) <= 20000),
    -- Its place among the lesson's quizzes.
    order_index bigint NOT NULL,
    -- Whether learners can see it.
    is_published boolean NOT NULL,
    -- Whether it counts for completion (P7).
    is_required boolean NOT NULL,
    -- What the kept score must reach; without one, submitting counts as done (A10).
    pass_threshold_bp bigint CHECK (pass_threshold_bp BETWEEN 0 AND 10000),
    -- How many attempts; unlimited when absent (A3).
    max_attempts bigint CHECK (max_attempts >= 1),
    -- Seconds for one attempt; unlimited when absent (A4).
    time_limit_seconds bigint CHECK (time_limit_seconds >= 1),
    -- Seconds after the deadline in which work is still taken (A5).
    grace_seconds bigint NOT NULL CHECK (grace_seconds >= 0),
    -- Which attempt counts.
    kept_score text NOT NULL CHECK (kept_score IN ('highest', 'latest', 'first', 'average')),
    -- When keys are shown.
    reveal text NOT NULL CHECK (reveal IN ('never', 'after_submit', 'after_graded', 'after_last_attempt_or_pass')),
    -- Whether questions are shuffled for each attempt (A11).
    shuffle_questions boolean NOT NULL,
    -- Whether options are shuffled for each attempt (A11).
    shuffle_options boolean NOT NULL,
    -- How much it weighs in the course score; 0 = not counted (M7).
    weight bigint NOT NULL CHECK (weight >= 0),
    -- Questions that a regrade took out or gave away, for later attempts too (A12).
    adjustments json NOT NULL DEFAULT '{"format":1,"questions":{}}',
    -- Whether AI grades its essays (Q12, S11).
    ai_grading text NOT NULL DEFAULT 'off' CHECK (ai_grading IN ('off', 'suggest', 'apply')),
    -- Below this confidence an AI grade becomes a suggestion.
    ai_confidence_bp bigint NOT NULL DEFAULT 7000 CHECK (ai_confidence_bp BETWEEN 0 AND 10000),
    -- Days within which a learner may ask for a review of a grade; unlimited when absent (S16).
    review_days bigint CHECK (review_days >= 0),
    -- No start before this instant (X3).
    opens_at timestamptz,
    -- No start, and no work, after this instant (X3, A4).
    closes_at timestamptz,
    -- Whether AI made it (L4).
    is_ai_generated boolean NOT NULL,
    -- The ai_logs row it came from.
    ai_log_id uuid REFERENCES {priv}.ai_logs (id),
    -- When a person first edited what AI made.
    ai_edited_at timestamptz,
    -- The quiz it was copied from.
    copied_from uuid REFERENCES {lms}.quizzes (id) ON DELETE SET NULL,
    -- The host's own data (L8).
    metadata json NOT NULL CHECK (octet_length(metadata::text) <= 16384),
    -- The row's version; an edit of a question bumps it too (L5).
    version bigint NOT NULL CHECK (version >= 0),
    -- When the row was made.
    created_at timestamptz NOT NULL,
    -- When the row last changed.
    updated_at timestamptz NOT NULL
);
CREATE INDEX quizzes_ai_log_id ON {lms}.quizzes (ai_log_id);
CREATE INDEX quizzes_copied_from ON {lms}.quizzes (copied_from);
CREATE INDEX quizzes_lesson_id ON {lms}.quizzes (lesson_id);
CREATE UNIQUE INDEX quizzes_order ON {lms}.quizzes (lesson_id, order_index) WHERE order_index >= 0;

-- A question of a quiz's draft, key included: a staff type (Q14).
CREATE TABLE {lms}.quiz_questions (
    -- The id.
    id uuid NOT NULL PRIMARY KEY,
    -- The quiz.
    quiz_id uuid NOT NULL REFERENCES {lms}.quizzes (id) ON DELETE CASCADE,
    -- Its type.
    question_type text NOT NULL CHECK (question_type IN ('single_choice', 'true_false', 'multiple_choice', 'numeric', 'short_text', 'fill_blanks', 'matching', 'ordering', 'essay')),
    -- The stem.
    text text NOT NULL,
    -- What a learner may see: options, stems, items.
    options json NOT NULL,
    -- What a learner may not see: the key, explanations per option, rubric, notes.
    correct_answer json NOT NULL,
    -- What it is worth.
    points numeric(14,5) NOT NULL CHECK (points >= 0),
    -- What a wrong answer takes off (Q13).
    negative_points numeric(14,5) CHECK (negative_points >= 0),
    -- Shown with the key (Q14).
    explanation text NOT NULL,
    -- The sentence of the lesson it was made from.
    source_quote text,
    -- Its place among the quiz's questions.
    order_index bigint NOT NULL,
    -- Whether AI made it (L4).
    is_ai_generated boolean NOT NULL,
    -- The ai_logs row it came from.
    ai_log_id uuid REFERENCES {priv}.ai_logs (id),
    -- When a person first edited what AI made.
    ai_edited_at timestamptz,
    -- The question it was copied from.
    copied_from uuid REFERENCES {lms}.quiz_questions (id) ON DELETE SET NULL,
    -- When the row was made.
    created_at timestamptz NOT NULL,
    -- When the row last changed.
    updated_at timestamptz NOT NULL
);
CREATE INDEX quiz_questions_ai_log_id ON {lms}.quiz_questions (ai_log_id);
CREATE INDEX quiz_questions_copied_from ON {lms}.quiz_questions (copied_from);
CREATE INDEX quiz_questions_quiz_id ON {lms}.quiz_questions (quiz_id);
CREATE UNIQUE INDEX quiz_questions_order ON {lms}.quiz_questions (quiz_id, order_index) WHERE order_index >= 0;

-- A quiz as it was when somebody started it (Q15). Immutable; made once per distinct content.
CREATE TABLE {priv}.quiz_revisions (
    -- Derived from the quiz and the content, so that equal content is one row.
    id uuid NOT NULL PRIMARY KEY,
    -- The quiz.
    quiz_id uuid NOT NULL REFERENCES {lms}.quizzes (id) ON DELETE CASCADE,
    -- The questions with their keys.
    content json NOT NULL,
    -- What all questions together are worth.
    possible numeric(14,5) NOT NULL CHECK (possible BETWEEN 0 AND 100000),
    -- When it was made.
    created_at timestamptz NOT NULL
);
CREATE INDEX quiz_revisions_quiz_id ON {priv}.quiz_revisions (quiz_id);

-- An assignment, as staff see it.
CREATE TABLE {lms}.assignments (
    -- The id.
    id uuid NOT NULL PRIMARY KEY,
    -- The lesson.
    lesson_id uuid NOT NULL REFERENCES {lms}.lessons (id) ON DELETE CASCADE,
    -- The title, 1 to 200 characters.
    title text NOT NULL CHECK (length(title) BETWEEN 1 AND 200),
    -- What is to be done, CommonMark.
    description text NOT NULL,
    -- When it is due, an instant (S4).
    due_date timestamptz,
    -- IANA zone in which the due date is shown.
    due_zone text,
    -- After this no new work is taken (S5).
    cutoff_date timestamptz,
    -- No work before this instant.
    available_from timestamptz,
    -- What it is worth.
    max_grade numeric(14,5) NOT NULL CHECK (max_grade BETWEEN 0 AND 100000),
    -- Its place among the lesson's assignments.
    order_index bigint NOT NULL,
    -- Whether learners can see it.
    is_published boolean NOT NULL,
    -- Whether it counts for completion (P7).
    is_required boolean NOT NULL,
    -- When it counts as met.
    met_by text NOT NULL CHECK (met_by IN ('submitted', 'passed')),
    -- What the grade must reach where `met_by` is passed.
    pass_threshold_bp bigint CHECK (pass_threshold_bp BETWEEN 0 AND 10000),
    -- When a new version may be handed in.
    resubmission text NOT NULL CHECK (resubmission IN ('never', 'until_due', 'until_cutoff', 'after_return', 'until_pass')),
    -- How many versions; unlimited when absent.
    max_versions bigint CHECK (max_versions >= 1),
    -- Seconds after due that still count as on time (S5).
    grace_seconds bigint NOT NULL CHECK (grace_seconds >= 0),
    -- Off per started interval, in basis points of possible (S7).
    penalty_bp bigint CHECK (penalty_bp BETWEEN 0 AND 10000),
    -- The interval.
    penalty_interval text CHECK (penalty_interval IN ('hour', 'day')),
    -- The penalty takes nothing below this share of possible.
    penalty_floor_bp bigint CHECK (penalty_floor_bp BETWEEN 0 AND 10000),
    -- When grades are shown.
    posting text NOT NULL CHECK (posting IN ('auto', 'manual')),
    -- Whether AI grades.
    ai_grading text NOT NULL CHECK (ai_grading IN ('off', 'suggest', 'apply')),
    -- Below this confidence an AI grade becomes a suggestion.
    ai_confidence_bp bigint NOT NULL CHECK (ai_confidence_bp BETWEEN 0 AND 10000),
    -- Days within which a learner may ask for a review of a grade; unlimited when absent (S16).
    review_days bigint CHECK (review_days >= 0),
    -- The rubric; see Rubric.
    rubric json,
    -- How much it weighs in the course score; 0 = not counted (M7).
    weight bigint NOT NULL CHECK (weight >= 0),
    -- Whether AI made it (L4).
    is_ai_generated boolean NOT NULL,
    -- The ai_logs row it came from.
    ai_log_id uuid REFERENCES {priv}.ai_logs (id),
    -- When a person first edited what AI made.
    ai_edited_at timestamptz,
    -- The assignment it was copied from.
    copied_from uuid REFERENCES {lms}.assignments (id) ON DELETE SET NULL,
    -- The host's own data (L8).
    metadata json NOT NULL CHECK (octet_length(metadata::text) <= 16384),
    -- The row's version (L5).
    version bigint NOT NULL CHECK (version >= 0),
    -- When the row was made.
    created_at timestamptz NOT NULL,
    -- When the row last changed.
    updated_at timestamptz NOT NULL,
    CONSTRAINT assignments_penalty_has_interval CHECK ((penalty_bp IS NULL) = (penalty_interval IS NULL)),
    CONSTRAINT assignments_published_is_gradable CHECK (NOT is_published OR max_grade > 0),
    CONSTRAINT assignments_due_before_cutoff
        CHECK (NOT is_published OR due_date IS NULL OR cutoff_date IS NULL OR due_date <= cutoff_date)
);
CREATE INDEX assignments_ai_log_id ON {lms}.assignments (ai_log_id);
CREATE INDEX assignments_copied_from ON {lms}.assignments (copied_from);
CREATE INDEX assignments_lesson_id ON {lms}.assignments (lesson_id);
CREATE UNIQUE INDEX assignments_order ON {lms}.assignments (lesson_id, order_index) WHERE order_index >= 0;

-- A learning objective of a course (L6).
CREATE TABLE {lms}.objectives (
    -- The id.
    id uuid NOT NULL PRIMARY KEY,
    -- The course.
    course_id uuid NOT NULL REFERENCES {lms}.courses (id) ON DELETE CASCADE,
    -- A short name, unique in the course.
    key text NOT NULL,
    -- What a learner will be able to do.
    text text NOT NULL,
    -- Its place among the course's objectives.
    order_index bigint NOT NULL,
    -- The row's version (L5).
    version bigint NOT NULL CHECK (version >= 0),
    -- When the row was made.
    created_at timestamptz NOT NULL,
    -- When the row last changed.
    updated_at timestamptz NOT NULL,
    CONSTRAINT objectives_course_id_key_key UNIQUE (course_id, key)
);
CREATE UNIQUE INDEX objectives_order ON {lms}.objectives (course_id, order_index) WHERE order_index >= 0;

-- Links an objective to a lesson that serves it.
CREATE TABLE {lms}.objective_lessons (
    -- The objective.
    objective_id uuid NOT NULL REFERENCES {lms}.objectives (id) ON DELETE CASCADE,
    -- The lesson.
    lesson_id uuid NOT NULL REFERENCES {lms}.lessons (id) ON DELETE CASCADE,
    PRIMARY KEY (objective_id, lesson_id)
);
CREATE INDEX objective_lessons_lesson_id ON {lms}.objective_lessons (lesson_id);

-- Links an objective to a question that tests it.
CREATE TABLE {lms}.objective_questions (
    -- The objective.
    objective_id uuid NOT NULL REFERENCES {lms}.objectives (id) ON DELETE CASCADE,
    -- The question.
    question_id uuid NOT NULL REFERENCES {lms}.quiz_questions (id) ON DELETE CASCADE,
    PRIMARY KEY (objective_id, question_id)
);
CREATE INDEX objective_questions_question_id ON {lms}.objective_questions (question_id);

-- Links an objective to an assignment that tests it.
CREATE TABLE {lms}.objective_assignments (
    -- The objective.
    objective_id uuid NOT NULL REFERENCES {lms}.objectives (id) ON DELETE CASCADE,
    -- The assignment.
    assignment_id uuid NOT NULL REFERENCES {lms}.assignments (id) ON DELETE CASCADE,
    PRIMARY KEY (objective_id, assignment_id)
);
CREATE INDEX objective_assignments_assignment_id ON {lms}.objective_assignments (assignment_id);

-- One person in one course (E2): everything that they do in it hangs here.
CREATE TABLE {lms}.enrollments (
    -- The id.
    id uuid NOT NULL PRIMARY KEY,
    -- The course.
    course_id uuid NOT NULL REFERENCES {lms}.courses (id) ON DELETE CASCADE,
    -- The learner.
    student_id uuid NOT NULL REFERENCES {lms}.users (id) ON DELETE RESTRICT,
    -- Whether it can be used.
    status text NOT NULL CHECK (status IN ('active', 'suspended', 'withdrawn')),
    -- Not usable before.
    starts_at timestamptz,
    -- Not usable from then on.
    ends_at timestamptz,
    -- Where it came from.
    source text NOT NULL CHECK (source IN ('self', 'staff', 'system', 'import')),
    -- The host's own reference (an order id), unique per course where given.
    external_ref text,
    -- Staff in their own course: left out of analytics (E5).
    is_staff boolean NOT NULL,
    -- Published required lessons that are completed or waived.
    lessons_done bigint NOT NULL CHECK (lessons_done >= 0),
    -- Published required quizzes that are met.
    quizzes_met bigint NOT NULL CHECK (quizzes_met >= 0),
    -- Published required assignments that are met.
    assignments_met bigint NOT NULL CHECK (assignments_met >= 0),
    -- When the course was completed; sticky (P7).
    completed_at timestamptz,
    -- When course_opened was last written (V3).
    opened_at timestamptz,
    -- Why staff last set the progress back (P7).
    reset_reason text,
    -- The host's own data (L8).
    metadata json NOT NULL CHECK (octet_length(metadata::text) <= 16384),
    -- The version of everything this learner does in the course.
    version bigint NOT NULL CHECK (version >= 0),
    -- When the row was made.
    created_at timestamptz NOT NULL,
    -- When the row last changed.
    updated_at timestamptz NOT NULL,
    CONSTRAINT enrollments_course_id_student_id_key UNIQUE (course_id, student_id),
    CONSTRAINT enrollments_id_course_id_student_id_key UNIQUE (id, course_id, student_id)
);
CREATE INDEX enrollments_student_id ON {lms}.enrollments (student_id);
CREATE UNIQUE INDEX enrollments_external_ref ON {lms}.enrollments (course_id, external_ref) WHERE external_ref IS NOT NULL;
-- Pages of a course's enrollments.
CREATE INDEX enrollments_page ON {lms}.enrollments (course_id, id);

-- What staff granted one learner for one item (S6): dates of their own, more time, more attempts, or
-- nothing due.
CREATE TABLE {lms}.overrides (
    -- The row's id.
    id uuid NOT NULL PRIMARY KEY,
    -- The learner's enrollment.
    enrollment_id uuid NOT NULL,
    -- The course, copied from the enrollment.
    course_id uuid NOT NULL,
    -- The learner, copied from the enrollment.
    student_id uuid NOT NULL,
    -- The lesson, where it is one.
    lesson_id uuid REFERENCES {lms}.lessons (id) ON DELETE CASCADE,
    -- The quiz, where it is one.
    quiz_id uuid REFERENCES {lms}.quizzes (id) ON DELETE CASCADE,
    -- The assignment, where it is one.
    assignment_id uuid REFERENCES {lms}.assignments (id) ON DELETE CASCADE,
    -- Where `available_from` comes from.
    available_from_mode text NOT NULL CHECK (available_from_mode IN ('inherit', 'none', 'value')),
    -- The learner's own opening instant.
    available_from timestamptz,
    -- Where `due_date` comes from.
    due_mode text NOT NULL CHECK (due_mode IN ('inherit', 'none', 'value')),
    -- The learner's own due instant.
    due_date timestamptz,
    -- Where `cutoff_date` comes from; for a quiz its close.
    cutoff_mode text NOT NULL CHECK (cutoff_mode IN ('inherit', 'none', 'value')),
    -- The learner's own cut-off.
    cutoff_date timestamptz,
    -- The time limit is multiplied by this, in basis points; 10000 = as it is.
    time_multiplier_bp bigint NOT NULL CHECK (time_multiplier_bp >= 1),
    -- Seconds added to the time limit.
    extra_seconds bigint NOT NULL CHECK (extra_seconds >= 0),
    -- Attempts added to the limit.
    extra_attempts bigint NOT NULL CHECK (extra_attempts >= 0),
    -- Whether the learner is excused from the item (S8).
    excused boolean NOT NULL,
    -- Why.
    reason text NOT NULL,
    -- Who granted it.
    granted_by uuid NOT NULL REFERENCES {lms}.users (id) ON DELETE RESTRICT,
    -- When the row was made.
    created_at timestamptz NOT NULL,
    -- When the row last changed.
    updated_at timestamptz NOT NULL,
    CONSTRAINT overrides_one_item
        CHECK (num_nonnulls(lesson_id, quiz_id, assignment_id) = 1),
    CONSTRAINT overrides_value_is_there CHECK ((available_from_mode <> 'value' OR available_from IS NOT NULL)
        AND (due_mode <> 'value' OR due_date IS NOT NULL)
        AND (cutoff_mode <> 'value' OR cutoff_date IS NOT NULL)),
    FOREIGN KEY (enrollment_id, course_id, student_id)
        REFERENCES {lms}.enrollments (id, course_id, student_id) ON DELETE CASCADE
);
CREATE INDEX overrides_enrollment ON {lms}.overrides (enrollment_id, course_id, student_id);
CREATE INDEX overrides_page ON {lms}.overrides (course_id, id);
CREATE INDEX overrides_granted_by ON {lms}.overrides (granted_by);
CREATE INDEX overrides_lesson_id ON {lms}.overrides (lesson_id);
CREATE INDEX overrides_quiz_id ON {lms}.overrides (quiz_id);
CREATE INDEX overrides_assignment_id ON {lms}.overrides (assignment_id);
CREATE UNIQUE INDEX overrides_lesson_once ON {lms}.overrides (enrollment_id, lesson_id) WHERE lesson_id IS NOT NULL;
CREATE UNIQUE INDEX overrides_quiz_once ON {lms}.overrides (enrollment_id, quiz_id) WHERE quiz_id IS NOT NULL;
CREATE UNIQUE INDEX overrides_assignment_once ON {lms}.overrides (enrollment_id, assignment_id) WHERE assignment_id IS NOT NULL;

-- Counts as met without having been done (P12).
CREATE TABLE {lms}.waivers (
    -- The row's id.
    id uuid NOT NULL PRIMARY KEY,
    -- The learner's enrollment.
    enrollment_id uuid NOT NULL,
    -- The course, copied from the enrollment.
    course_id uuid NOT NULL,
    -- The learner, copied from the enrollment.
    student_id uuid NOT NULL,
    -- The lesson, where it is one.
    lesson_id uuid REFERENCES {lms}.lessons (id) ON DELETE CASCADE,
    -- The quiz, where it is one.
    quiz_id uuid REFERENCES {lms}.quizzes (id) ON DELETE CASCADE,
    -- The assignment, where it is one.
    assignment_id uuid REFERENCES {lms}.assignments (id) ON DELETE CASCADE,
    -- Why.
    reason text NOT NULL,
    -- Who granted it.
    granted_by uuid NOT NULL REFERENCES {lms}.users (id) ON DELETE RESTRICT,
    -- When.
    created_at timestamptz NOT NULL,
    CONSTRAINT waivers_one_item
        CHECK (num_nonnulls(lesson_id, quiz_id, assignment_id) = 1),
    FOREIGN KEY (enrollment_id, course_id, student_id)
        REFERENCES {lms}.enrollments (id, course_id, student_id) ON DELETE CASCADE
);
CREATE INDEX waivers_enrollment ON {lms}.waivers (enrollment_id, course_id, student_id);
CREATE INDEX waivers_page ON {lms}.waivers (course_id, id);
CREATE INDEX waivers_granted_by ON {lms}.waivers (granted_by);
CREATE INDEX waivers_lesson_id ON {lms}.waivers (lesson_id);
CREATE INDEX waivers_quiz_id ON {lms}.waivers (quiz_id);
CREATE INDEX waivers_assignment_id ON {lms}.waivers (assignment_id);
CREATE UNIQUE INDEX waivers_lesson_once ON {lms}.waivers (enrollment_id, lesson_id) WHERE lesson_id IS NOT NULL;
CREATE UNIQUE INDEX waivers_quiz_once ON {lms}.waivers (enrollment_id, quiz_id) WHERE quiz_id IS NOT NULL;
CREATE UNIQUE INDEX waivers_assignment_once ON {lms}.waivers (enrollment_id, assignment_id) WHERE assignment_id IS NOT NULL;

-- Where one learner stands in one lesson (P1).
CREATE TABLE {lms}.lesson_progress (
    -- The row's id.
    id uuid NOT NULL PRIMARY KEY,
    -- The lesson.
    lesson_id uuid NOT NULL REFERENCES {lms}.lessons (id) ON DELETE CASCADE,
    -- The learner's enrollment.
    enrollment_id uuid NOT NULL,
    -- The course, copied from the enrollment.
    course_id uuid NOT NULL,
    -- The learner, copied from the enrollment.
    student_id uuid NOT NULL,
    -- Where they stand.
    status text NOT NULL CHECK (status IN ('in_progress', 'completed')),
    -- When it was first opened.
    first_opened_at timestamptz NOT NULL,
    -- When lesson_opened was last written (V3).
    opened_at timestamptz NOT NULL,
    -- When it was completed.
    completed_at timestamptz,
    -- Whether the learner's own mark completed it, so that it can be undone (P4).
    by_mark boolean NOT NULL,
    -- When the row was made.
    created_at timestamptz NOT NULL,
    -- When the row last changed.
    updated_at timestamptz NOT NULL,
    CONSTRAINT lesson_progress_completed_has_time CHECK ((status = 'completed') = (completed_at IS NOT NULL)),
    CONSTRAINT lesson_progress_mark_completes CHECK (NOT by_mark OR status = 'completed'),
    CONSTRAINT lesson_progress_lesson_id_student_id_key UNIQUE (lesson_id, student_id),
    FOREIGN KEY (enrollment_id, course_id, student_id)
        REFERENCES {lms}.enrollments (id, course_id, student_id) ON DELETE CASCADE
);
CREATE INDEX lesson_progress_enrollment ON {lms}.lesson_progress (enrollment_id, course_id, student_id);

-- One learner has seen one topic (P2).
CREATE TABLE {lms}.topic_views (
    -- The row's id.
    id uuid NOT NULL PRIMARY KEY,
    -- The topic.
    topic_id uuid NOT NULL REFERENCES {lms}.topics (id) ON DELETE CASCADE,
    -- The learner's enrollment.
    enrollment_id uuid NOT NULL,
    -- The course, copied from the enrollment.
    course_id uuid NOT NULL,
    -- The learner, copied from the enrollment.
    student_id uuid NOT NULL,
    -- When it was first seen.
    first_viewed_at timestamptz NOT NULL,
    -- When topic_viewed was last written (V3).
    viewed_at timestamptz NOT NULL,
    CONSTRAINT topic_views_topic_id_student_id_key UNIQUE (topic_id, student_id),
    FOREIGN KEY (enrollment_id, course_id, student_id)
        REFERENCES {lms}.enrollments (id, course_id, student_id) ON DELETE CASCADE
);
CREATE INDEX topic_views_enrollment ON {lms}.topic_views (enrollment_id, course_id, student_id);

-- One attempt at a quiz.
CREATE TABLE {lms}.quiz_attempts (
    -- The id.
    id uuid NOT NULL PRIMARY KEY,
    -- The quiz.
    quiz_id uuid NOT NULL REFERENCES {lms}.quizzes (id) ON DELETE CASCADE,
    -- The learner's enrollment.
    enrollment_id uuid NOT NULL,
    -- The course, copied from the enrollment.
    course_id uuid NOT NULL,
    -- The learner, copied from the enrollment.
    student_id uuid NOT NULL,
    -- 1 for the first.
    attempt_no bigint NOT NULL CHECK (attempt_no >= 1),
    -- Where it stands.
    state text NOT NULL CHECK (state IN ('in_progress', 'pending_review', 'graded', 'voided')),
    -- The questions as they were at the start (Q15).
    revision_id uuid NOT NULL REFERENCES {priv}.quiz_revisions (id),
    -- What questions and options are shuffled by (A11).
    seed bigint NOT NULL,
    -- Points earned; absent until graded.
    score numeric(14,5),
    -- Points possible; absent until handed in.
    possible numeric(14,5) CHECK (possible >= 0),
    -- When it was started.
    started_at timestamptz NOT NULL,
    -- When its time is up (A4).
    deadline timestamptz,
    -- When it was handed in, at the latest its deadline (A5).
    completed_at timestamptz,
    -- How it ended.
    finish_reason text CHECK (finish_reason IN ('submitted', 'expired')),
    -- What was answered; see SavedAnswers.
    answers json NOT NULL,
    -- How each answer was graded; see GradedAnswers.
    graded json,
    -- Answers that wait for the AI grader (Q12).
    ai_pending bigint NOT NULL DEFAULT 0 CHECK (ai_pending >= 0),
    -- Answers with an AI suggestion that waits for a person (Q12, S10).
    ai_suggested bigint NOT NULL DEFAULT 0 CHECK (ai_suggested >= 0),
    -- The revision by whose keys it was last regraded (A12).
    graded_with_revision uuid,
    -- Why it was voided.
    void_reason text,
    -- The row's version: every save bumps it.
    version bigint NOT NULL CHECK (version >= 0),
    -- When the row was made.
    created_at timestamptz NOT NULL,
    -- When the row last changed.
    updated_at timestamptz NOT NULL,
    CONSTRAINT quiz_attempts_earned_within_possible
        CHECK (score IS NULL OR (possible IS NOT NULL AND score BETWEEN 0 AND possible)),
    CONSTRAINT quiz_attempts_open_has_no_result
        CHECK (state <> 'in_progress' OR (completed_at IS NULL AND finish_reason IS NULL AND score IS NULL)),
    CONSTRAINT quiz_attempts_handed_in_has_time
        CHECK (state NOT IN ('pending_review', 'graded') OR completed_at IS NOT NULL),
    CONSTRAINT quiz_attempts_graded_has_score CHECK (state <> 'graded' OR score IS NOT NULL),
    CONSTRAINT quiz_attempts_ends_after_start CHECK (completed_at IS NULL OR completed_at >= started_at),
    CONSTRAINT quiz_attempts_quiz_id_student_id_attempt_no_key UNIQUE (quiz_id, student_id, attempt_no),
    FOREIGN KEY (enrollment_id, course_id, student_id)
        REFERENCES {lms}.enrollments (id, course_id, student_id) ON DELETE CASCADE
);
CREATE INDEX quiz_attempts_enrollment ON {lms}.quiz_attempts (enrollment_id, course_id, student_id);
CREATE INDEX quiz_attempts_revision_id ON {lms}.quiz_attempts (revision_id);
CREATE UNIQUE INDEX quiz_attempts_open ON {lms}.quiz_attempts (quiz_id, student_id) WHERE state = 'in_progress';
-- Essays that wait for a grade or a decision (G5).
CREATE INDEX quiz_attempts_to_grade ON {lms}.quiz_attempts (course_id, completed_at)
    WHERE state = 'pending_review' OR ai_suggested > 0;
-- Essays that wait for the AI grader (Q12).
CREATE INDEX quiz_attempts_awaiting_ai ON {lms}.quiz_attempts (completed_at) WHERE ai_pending > 0;
-- The sweep of overdue attempts.
CREATE INDEX quiz_attempts_sweep ON {lms}.quiz_attempts (id) WHERE state = 'in_progress';

-- What is kept of one learner's attempts at one quiz (A9, A10).
CREATE TABLE {lms}.quiz_results (
    -- The row's id.
    id uuid NOT NULL PRIMARY KEY,
    -- The quiz.
    quiz_id uuid NOT NULL REFERENCES {lms}.quizzes (id) ON DELETE CASCADE,
    -- The learner's enrollment.
    enrollment_id uuid NOT NULL,
    -- The course, copied from the enrollment.
    course_id uuid NOT NULL,
    -- The learner, copied from the enrollment.
    student_id uuid NOT NULL,
    -- Points earned of the kept score; absent without a graded attempt.
    earned numeric(14,5),
    -- Points possible of the kept score.
    possible numeric(14,5) CHECK (possible >= 0),
    -- Whether the kept score reaches the threshold; absent without a threshold or a score.
    passed boolean,
    -- Whether a non-voided attempt was handed in.
    submitted boolean NOT NULL,
    -- When the row last changed.
    updated_at timestamptz NOT NULL,
    CONSTRAINT quiz_results_a_pair CHECK ((earned IS NULL) = (possible IS NULL)),
    CONSTRAINT quiz_results_earned_within_possible CHECK (earned IS NULL OR earned BETWEEN 0 AND possible),
    CONSTRAINT quiz_results_passed_has_score CHECK (passed IS NULL OR earned IS NOT NULL),
    CONSTRAINT quiz_results_quiz_id_student_id_key UNIQUE (quiz_id, student_id),
    FOREIGN KEY (enrollment_id, course_id, student_id)
        REFERENCES {lms}.enrollments (id, course_id, student_id) ON DELETE CASCADE
);
CREATE INDEX quiz_results_enrollment ON {lms}.quiz_results (enrollment_id, course_id, student_id);

-- One version of a learner's work on an assignment (S1).
CREATE TABLE {lms}.submissions (
    -- The id.
    id uuid NOT NULL PRIMARY KEY,
    -- The assignment.
    assignment_id uuid NOT NULL REFERENCES {lms}.assignments (id) ON DELETE CASCADE,
    -- The learner's enrollment.
    enrollment_id uuid NOT NULL,
    -- The course, copied from the enrollment.
    course_id uuid NOT NULL,
    -- The learner, copied from the enrollment.
    student_id uuid NOT NULL,
    -- 1 for the first.
    version_no bigint NOT NULL CHECK (version_no >= 1),
    -- Where it stands.
    state text NOT NULL CHECK (state IN ('draft', 'submitted', 'graded', 'returned')),
    -- A link to the work.
    submission_url text,
    -- The work as text, at most 1 MB.
    content text CHECK (octet_length(content) <= 1048576),
    -- When it was handed in.
    submitted_at timestamptz,
    -- Seconds late (S5).
    late_seconds bigint NOT NULL CHECK (late_seconds >= 0),
    -- The mark before any penalty.
    raw_grade numeric(14,5) CHECK (raw_grade >= 0),
    -- What lateness took off.
    deducted numeric(14,5) CHECK (deducted >= 0),
    -- The current grade (S9).
    grade numeric(14,5) CHECK (grade >= 0),
    -- What the grader wrote.
    feedback text,
    -- Points per criterion; see RubricScores.
    rubric_scores json,
    -- Who made the current mark.
    graded_by uuid REFERENCES {lms}.users (id) ON DELETE RESTRICT,
    -- What kind of grader that was.
    grader_kind text CHECK (grader_kind IN ('auto', 'ai', 'human')),
    -- When the current mark was made.
    graded_at timestamptz,
    -- When the learner may see it (S14).
    posted_at timestamptz,
    -- The last entry of its grade history; 0 without one.
    history_seq bigint NOT NULL CHECK (history_seq >= 0),
    -- Where AI grading stands.
    ai_status text NOT NULL CHECK (ai_status IN ('none', 'pending', 'applied', 'suggested', 'no_text', 'too_short', 'failed')),
    -- Why AI gave no grade, as a code.
    ai_code text,
    -- The entry that waits for a person, if an AI suggestion does.
    suggested_seq bigint,
    -- Copied share, 0 to 1; never a model's guess (S15).
    plagiarism_score numeric(14,5) CHECK (plagiarism_score BETWEEN 0 AND 1),
    -- Why there is none, or that there is.
    similarity_status text NOT NULL CHECK (similarity_status IN ('pending', 'too_short', 'no_peers', 'checked')),
    -- The row's version.
    version bigint NOT NULL CHECK (version >= 0),
    -- When the row was made.
    created_at timestamptz NOT NULL,
    -- When the row last changed.
    updated_at timestamptz NOT NULL,
    CONSTRAINT submissions_draft_is_not_handed_in CHECK ((state = 'draft') = (submitted_at IS NULL)),
    CONSTRAINT submissions_draft_has_no_grade CHECK (state <> 'draft' OR grade IS NULL),
    CONSTRAINT submissions_grade_within_raw
        CHECK (grade IS NULL OR (raw_grade IS NOT NULL AND grade <= raw_grade)),
    CONSTRAINT submissions_grade_has_grader
        CHECK (grade IS NULL OR (grader_kind IS NOT NULL AND graded_at IS NOT NULL)),
    CONSTRAINT submissions_score_is_checked CHECK (plagiarism_score IS NULL OR similarity_status = 'checked'),
    CONSTRAINT submissions_assignment_id_student_id_version_no_key UNIQUE (assignment_id, student_id, version_no),
    FOREIGN KEY (enrollment_id, course_id, student_id)
        REFERENCES {lms}.enrollments (id, course_id, student_id) ON DELETE CASCADE
);
CREATE INDEX submissions_enrollment ON {lms}.submissions (enrollment_id, course_id, student_id);
CREATE INDEX submissions_graded_by ON {lms}.submissions (graded_by);
CREATE UNIQUE INDEX submissions_draft ON {lms}.submissions (assignment_id, student_id) WHERE state = 'draft';
-- What waits for a grader.
CREATE INDEX submissions_to_grade ON {lms}.submissions (course_id, submitted_at)
    WHERE state = 'submitted' OR suggested_seq IS NOT NULL;
CREATE INDEX submissions_awaiting_ai ON {lms}.submissions (submitted_at) WHERE ai_status = 'pending';

-- One entry of the append-only grade history (S9). Subject ids are plain: entries outlive content
-- (D4).
CREATE TABLE {lms}.grade_history (
    -- The row's id.
    id uuid NOT NULL PRIMARY KEY,
    -- What the grade belongs to.
    subject_type text NOT NULL CHECK (subject_type IN ('submission', 'answer')),
    -- The submission or the attempt.
    subject_id uuid NOT NULL,
    -- The question of the attempt; the nil UUID for a submission.
    question_id uuid NOT NULL,
    -- The course.
    course_id uuid NOT NULL,
    -- The learner.
    student_id uuid NOT NULL REFERENCES {lms}.users (id) ON DELETE RESTRICT,
    -- 1 for the first; unique per subject.
    seq bigint NOT NULL CHECK (seq >= 1),
    -- Why the entry exists.
    cause text NOT NULL CHECK (cause IN ('graded', 'suggested', 'adopted', 'dismissed', 'cleared', 'recomputed', 'rescaled')),
    -- The entry that was adopted or dismissed.
    ref_seq bigint,
    -- The version of the submission, or the number of the attempt.
    version_no bigint NOT NULL CHECK (version_no >= 1),
    -- The mark before any penalty.
    raw numeric(14,5) CHECK (raw >= 0),
    -- What lateness took off.
    deducted numeric(14,5) CHECK (deducted >= 0),
    -- What counts.
    final_grade numeric(14,5) CHECK (final_grade >= 0),
    -- What the grader wrote.
    feedback text,
    -- Points per criterion.
    rubric_scores json,
    -- Who made the raw mark.
    grader_id uuid REFERENCES {lms}.users (id) ON DELETE RESTRICT,
    -- What kind of grader that was.
    grader_kind text NOT NULL CHECK (grader_kind IN ('auto', 'ai', 'human')),
    -- Who caused the entry.
    actor_id uuid REFERENCES {lms}.users (id) ON DELETE RESTRICT,
    -- Why, in the actor's words.
    reason text,
    -- The ai_logs row it came from.
    ai_log_id uuid REFERENCES {priv}.ai_logs (id),
    -- When.
    at timestamptz NOT NULL,
    CONSTRAINT grade_history_final_within_raw
        CHECK (final_grade IS NULL OR (raw IS NOT NULL AND final_grade <= raw)),
    CONSTRAINT grade_history_subject_type_subject_id_question_id_seq_key UNIQUE (subject_type, subject_id, question_id, seq)
);
CREATE INDEX grade_history_ai_log_id ON {lms}.grade_history (ai_log_id);
CREATE INDEX grade_history_student_id ON {lms}.grade_history (student_id);
CREATE INDEX grade_history_grader_id ON {lms}.grade_history (grader_id);
CREATE INDEX grade_history_actor_id ON {lms}.grade_history (actor_id);

-- A learner asked for another look at a grade (S16): once per grade.
CREATE TABLE {lms}.review_requests (
    -- The row's id.
    id uuid NOT NULL PRIMARY KEY,
    -- The learner's enrollment.
    enrollment_id uuid NOT NULL,
    -- The course, copied from the enrollment.
    course_id uuid NOT NULL,
    -- The learner, copied from the enrollment.
    student_id uuid NOT NULL,
    -- The version, where the grade is one of a submission.
    submission_id uuid REFERENCES {lms}.submissions (id) ON DELETE CASCADE,
    -- The attempt, where the grade is one of an answer.
    attempt_id uuid REFERENCES {lms}.quiz_attempts (id) ON DELETE CASCADE,
    -- The question of the attempt; the nil UUID for a submission.
    question_id uuid NOT NULL,
    -- The entry of the grade history that it is about.
    seq bigint NOT NULL CHECK (seq >= 1),
    -- Why, in the learner's words.
    reason text NOT NULL,
    -- Where it stands.
    state text NOT NULL CHECK (state IN ('open', 'kept', 'changed')),
    -- What staff answered; the learner sees it.
    answer text,
    -- Who answered.
    answered_by uuid REFERENCES {lms}.users (id) ON DELETE RESTRICT,
    -- When.
    answered_at timestamptz,
    -- When it was asked for.
    created_at timestamptz NOT NULL,
    -- When the row last changed.
    updated_at timestamptz NOT NULL,
    CONSTRAINT review_requests_one_subject CHECK (num_nonnulls(submission_id, attempt_id) = 1),
    CONSTRAINT review_requests_answered
        CHECK ((state = 'open') = (answered_by IS NULL) AND (answered_by IS NULL) = (answered_at IS NULL)),
    FOREIGN KEY (enrollment_id, course_id, student_id)
        REFERENCES {lms}.enrollments (id, course_id, student_id) ON DELETE CASCADE
);
CREATE INDEX review_requests_enrollment ON {lms}.review_requests (enrollment_id, course_id, student_id);
CREATE INDEX review_requests_answered_by ON {lms}.review_requests (answered_by);
CREATE UNIQUE INDEX review_requests_submission_once ON {lms}.review_requests (submission_id, seq);
CREATE UNIQUE INDEX review_requests_answer_once ON {lms}.review_requests (attempt_id, question_id, seq);
-- What waits for staff, oldest first (G5).
CREATE INDEX review_requests_open ON {lms}.review_requests (course_id, created_at) WHERE state = 'open';

-- One certificate; one per course and student (C2).
CREATE TABLE {lms}.certificates (
    -- The id.
    id uuid NOT NULL PRIMARY KEY,
    -- The course.
    course_id uuid NOT NULL REFERENCES {lms}.courses (id) ON DELETE RESTRICT,
    -- The learner.
    student_id uuid NOT NULL REFERENCES {lms}.users (id) ON DELETE RESTRICT,
    -- The template version it is made with.
    template_id uuid NOT NULL REFERENCES {lms}.certificate_templates (id) ON DELETE RESTRICT,
    -- Where the PDF is, once it is.
    certificate_url text,
    -- When it was issued.
    issued_at timestamptz NOT NULL,
    -- When it ends, if it does.
    expires_at timestamptz,
    -- The verification code: 16 Crockford base32 characters in groups of four.
    code text NOT NULL CHECK (length(code) = 19),
    -- What it says.
    snapshot json NOT NULL,
    -- 1 for the first; reissuing counts up (C5).
    revision_no bigint NOT NULL CHECK (revision_no >= 1),
    -- Where the PDF stands.
    rendering text NOT NULL CHECK (rendering IN ('pending', 'ready', 'failed')),
    -- Why the PDF could not be made, as a code.
    rendering_code text,
    -- Why the PDF could not be made, in a sentence for staff; it may quote what the page says.
    rendering_error text,
    -- SHA-256 of the PDF, in hex.
    pdf_sha256 text,
    -- Who issued it by hand; absent where completion did.
    issued_by uuid REFERENCES {lms}.users (id) ON DELETE RESTRICT,
    -- Why it was issued by hand.
    issue_reason text,
    -- When it was revoked.
    revoked_at timestamptz,
    -- By whom.
    revoked_by uuid REFERENCES {lms}.users (id) ON DELETE RESTRICT,
    -- Why.
    revoke_reason text,
    -- When its holder was erased (D5).
    erased_at timestamptz,
    -- When the files of all its revisions were deleted after that.
    files_deleted_at timestamptz,
    -- The row's version.
    version bigint NOT NULL CHECK (version >= 0),
    -- When the row was made.
    created_at timestamptz NOT NULL,
    -- When the row last changed.
    updated_at timestamptz NOT NULL,
    CONSTRAINT certificates_ready_has_url
        CHECK (rendering <> 'ready' OR certificate_url IS NOT NULL OR erased_at IS NOT NULL),
    CONSTRAINT certificates_course_id_student_id_key UNIQUE (course_id, student_id),
    CONSTRAINT certificates_code_key UNIQUE (code)
);
CREATE INDEX certificates_student_id ON {lms}.certificates (student_id);
CREATE INDEX certificates_template_id ON {lms}.certificates (template_id);
CREATE INDEX certificates_issued_by ON {lms}.certificates (issued_by);
CREATE INDEX certificates_revoked_by ON {lms}.certificates (revoked_by);
-- Files of erased people that are to be deleted (D5).
CREATE INDEX certificates_erased ON {lms}.certificates (id)
    WHERE erased_at IS NOT NULL AND files_deleted_at IS NULL;
-- What is to be drawn, and what staff are to mend.
CREATE INDEX certificates_pending ON {lms}.certificates (id) WHERE rendering = 'pending' AND erased_at IS NULL;
CREATE INDEX certificates_failed ON {lms}.certificates (id) WHERE rendering = 'failed' AND erased_at IS NULL;

-- An earlier state of a certificate that was reissued (C5).
CREATE TABLE {lms}.certificate_revisions (
    -- The row's id.
    id uuid NOT NULL PRIMARY KEY,
    -- The certificate.
    certificate_id uuid NOT NULL REFERENCES {lms}.certificates (id) ON DELETE RESTRICT,
    -- Which revision this was.
    revision_no bigint NOT NULL CHECK (revision_no >= 1),
    -- What it said.
    snapshot json NOT NULL,
    -- When it was issued.
    issued_at timestamptz NOT NULL,
    -- Where its PDF is.
    certificate_url text,
    -- Why it was replaced.
    reason text NOT NULL,
    -- When the row was made.
    created_at timestamptz NOT NULL,
    CONSTRAINT certificate_revisions_certificate_id_revision_no_key UNIQUE (certificate_id, revision_no)
);

-- The one log behind real time, audit and analytics. Its ids are plain: events outlive what they tell
-- of. Positions are dense and never used twice.
CREATE TABLE {priv}.activity_events (
    -- The order in which rows were inserted; not that of the commits.
    seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    -- Its place: dense, the same for every subscriber. Given by the relay step, after the commit.
    position bigint,
    -- The id; of a command's first event, the command's id.
    id uuid NOT NULL CONSTRAINT activity_events_id_key UNIQUE,
    -- When.
    at timestamptz NOT NULL,
    -- What happened.
    kind text NOT NULL CHECK (length(kind) BETWEEN 1 AND 200),
    -- What kind of actor did it.
    actor_kind text NOT NULL CHECK (actor_kind IN ('user', 'system', 'ai')),
    -- Who did it.
    actor_id uuid,
    -- For whom, where AI did it.
    on_behalf_of uuid,
    -- In which course.
    course_id uuid,
    -- To which learner.
    student_id uuid,
    -- What it tells of.
    subject_type text NOT NULL CHECK (subject_type IN ('user', 'course', 'objective', 'lesson', 'topic', 'quiz', 'question', 'attempt', 'assignment', 'submission', 'enrollment', 'certificate', 'ai_log', 'other')),
    -- Which one.
    subject_id uuid NOT NULL,
    -- Whether a learner did it (V3, M3).
    learner_initiated boolean NOT NULL,
    -- Ids, numbers and flags that every addressee may know (V7).
    metadata json NOT NULL
);
CREATE UNIQUE INDEX activity_events_position ON {priv}.activity_events (position) WHERE position IS NOT NULL;
-- What the relay step has yet to number.
CREATE INDEX activity_events_unnumbered ON {priv}.activity_events (seq) WHERE position IS NULL;
CREATE INDEX activity_events_course ON {priv}.activity_events (course_id, position) WHERE course_id IS NOT NULL;
CREATE INDEX activity_events_student ON {priv}.activity_events (student_id, position) WHERE student_id IS NOT NULL;
-- Of an expression, so that only this index gives a kind's events in order: the planner does not know how rare
-- a kind is, and would walk the whole log by position for the few events of one.
CREATE INDEX activity_events_kind ON {priv}.activity_events (kind, (position + 0));
-- Active students: an index range of the window, without a look at the table.
CREATE INDEX activity_events_active_course ON {priv}.activity_events (course_id, at, student_id) WHERE learner_initiated;
CREATE INDEX activity_events_active ON {priv}.activity_events (at, student_id) WHERE learner_initiated;

-- Which log this is, and the last position given: a cursor of another epoch is refused. One row.
CREATE TABLE {priv}.lms_log (
    one boolean NOT NULL PRIMARY KEY CHECK (one),
    epoch uuid NOT NULL,
    head bigint NOT NULL CHECK (head >= 0),
    -- The latest instant of the events that are no longer kept.
    gone_until timestamptz
);
INSERT INTO {priv}.lms_log (one, epoch, head) VALUES (true, gen_random_uuid(), 0);

-- Where each named background worker stands in the log, and who runs it now.
CREATE TABLE {priv}.consumers (
    -- Its name.
    name text NOT NULL PRIMARY KEY CHECK (length(name) BETWEEN 1 AND 200),
    -- The last position that it has handled; NULL for one that finds its work in rows.
    position bigint CHECK (position >= 0),
    -- Who holds it now; every batch of the holder names this token.
    lease_token uuid,
    -- Until when.
    lease_until timestamptz,
    CONSTRAINT consumers_lease CHECK ((lease_token IS NULL) = (lease_until IS NULL))
);

-- What AI may cost in a day (UTC), in millionths of a US dollar, as a host set it.
CREATE TABLE {priv}.ai_budgets (
    -- What it limits: all, courses, actors, course:ID, actor:ID.
    scope text NOT NULL PRIMARY KEY CHECK (length(scope) BETWEEN 1 AND 100),
    -- How much a day may cost.
    limit_micro_usd bigint NOT NULL CHECK (limit_micro_usd >= 0)
);

-- What AI cost in a day, per scope, in millionths of a US dollar.
CREATE TABLE {priv}.ai_spending (
    -- Whose: all, course:ID, actor:ID.
    scope text NOT NULL CHECK (length(scope) BETWEEN 1 AND 100),
    -- The day (UTC), as 2026-03-01.
    day text NOT NULL CHECK (length(day) = 10),
    -- Set aside for calls that are under way.
    reserved bigint NOT NULL CHECK (reserved >= 0),
    -- Spent.
    spent bigint NOT NULL CHECK (spent >= 0),
    PRIMARY KEY (day, scope)
);

-- The inverted index of similarity: which hash of words stands where.
CREATE TABLE {priv}.submission_fingerprints (
    -- The assignment or the course in which submissions are compared.
    scope uuid NOT NULL,
    -- The hash of a run of words.
    hash bigint NOT NULL,
    -- The version that holds it.
    submission_id uuid NOT NULL REFERENCES {lms}.submissions (id) ON DELETE CASCADE,
    -- At which word.
    pos bigint NOT NULL CHECK (pos >= 0),
    PRIMARY KEY (scope, hash, submission_id, pos)
);
CREATE INDEX submission_fingerprints_submission_id ON {priv}.submission_fingerprints (submission_id);

-- In how many submissions of a scope a hash stands.
CREATE TABLE {priv}.fingerprint_df (
    scope uuid NOT NULL,
    hash bigint NOT NULL,
    df bigint NOT NULL CHECK (df >= 0),
    PRIMARY KEY (scope, hash)
);

-- The evidence of a similarity: passages of one submission that stand in another.
CREATE TABLE {priv}.similarity_matches (
    id uuid NOT NULL PRIMARY KEY,
    -- Whose score it is.
    submission_id uuid NOT NULL REFERENCES {lms}.submissions (id) ON DELETE CASCADE,
    -- The other one.
    other_id uuid NOT NULL REFERENCES {lms}.submissions (id) ON DELETE CASCADE,
    -- Copied share, 0 to 1, in units of 1e-5.
    score numeric(14,5) NOT NULL CHECK (score BETWEEN 0 AND 1),
    -- Words in matched passages.
    matched bigint NOT NULL CHECK (matched >= 0),
    -- Words that could have matched.
    eligible bigint NOT NULL CHECK (eligible >= 0),
    -- Byte ranges on both sides.
    passages json NOT NULL,
    -- Which version of the measure.
    algo_version bigint NOT NULL,
    created_at timestamptz NOT NULL,
    CONSTRAINT similarity_matches_words CHECK (matched <= eligible),
    CONSTRAINT similarity_matches_submission_id_other_id_key UNIQUE (submission_id, other_id)
);
CREATE INDEX similarity_matches_other_id ON {priv}.similarity_matches (other_id);

-- What a client role may be granted of questions: everything but the key and what explains it (Q14).
CREATE VIEW {lms}.quiz_question_views AS
    SELECT id, quiz_id, question_type, text, options, points, order_index, created_at, updated_at
    FROM {lms}.quiz_questions;

-- The people of a course as lists show them: not a table, and nothing that the others do not hold.
CREATE VIEW {priv}.members AS
    SELECT e.id, e.course_id, e.student_id, u.display_name,
        (SELECT max(v.at) FROM {priv}.activity_events AS v
         WHERE v.student_id = e.student_id AND v.course_id = e.course_id AND v.learner_initiated) AS last_activity
    FROM {lms}.enrollments AS e JOIN {lms}.users AS u ON u.id = e.student_id;
