-- The current schema of the SQLite store: what the migrations reach. A test compares the two, and
-- writes this file anew with UPDATE_SCHEMA=1.
--
-- How values are written:
--   * ids are UUIDs, as BLOBs of 16 bytes;
--   * instants are INTEGER microseconds since 1970-01-01T00:00:00Z;
--   * points and grades are INTEGER counts of 1e-5 points: 8333333 is 83.33333 points; never a binary float;
--   * truth is 0 or 1;
--   * words are snake_case TEXT, the same as in JSON, and a CHECK lists them, as comparisons: for an IN list of
--     more than two SQLite builds a table anew at every row that is written;
--   * documents are JSON as TEXT, kept as written;
--   * shares named _bp are basis points: 10000 is all of it.
--
-- Every foreign key has an index that begins with its columns. Rows of a learner refer to their
-- enrollment by (enrollment_id, course_id, student_id), so that the copies cannot lie. Narrow tables
-- are WITHOUT ROWID; tables with texts are not.

-- The one log behind real time, audit and analytics. Its ids are plain: events outlive what they tell
-- of. Positions are dense and never used twice.
CREATE TABLE activity_events (
    -- Its place: dense, the same for every subscriber.
    position INTEGER PRIMARY KEY AUTOINCREMENT,
    -- The id; of a command's first event, the command's id.
    id BLOB NOT NULL UNIQUE CHECK (length(id) = 16),
    -- When.
    at INTEGER NOT NULL,
    -- What happened.
    kind TEXT NOT NULL CHECK (length(kind) BETWEEN 1 AND 200),
    -- What kind of actor did it.
    actor_kind TEXT NOT NULL CHECK (actor_kind = 'user' OR actor_kind = 'system' OR actor_kind = 'ai'),
    -- Who did it.
    actor_id BLOB CHECK (length(actor_id) = 16),
    -- For whom, where AI did it.
    on_behalf_of BLOB CHECK (length(on_behalf_of) = 16),
    -- In which course.
    course_id BLOB CHECK (length(course_id) = 16),
    -- To which learner.
    student_id BLOB CHECK (length(student_id) = 16),
    -- What it tells of.
    subject_type TEXT NOT NULL
        CHECK (subject_type = 'user' OR subject_type = 'course' OR subject_type = 'objective' OR
            subject_type = 'lesson' OR subject_type = 'topic' OR subject_type = 'quiz' OR subject_type = 'question' OR
            subject_type = 'attempt' OR subject_type = 'assignment' OR subject_type = 'submission' OR
            subject_type = 'enrollment' OR subject_type = 'certificate' OR subject_type = 'ai_log' OR
            subject_type = 'other'),
    -- Which one.
    subject_id BLOB NOT NULL CHECK (length(subject_id) = 16),
    -- Whether a learner did it (V3, M3).
    learner_initiated INTEGER NOT NULL CHECK (learner_initiated IN (0, 1)),
    -- Ids, numbers and flags that every addressee may know (V7).
    metadata TEXT NOT NULL CHECK (json_valid(metadata))
) STRICT;
CREATE INDEX activity_events_active ON activity_events (at, student_id) WHERE learner_initiated = 1;
CREATE INDEX activity_events_active_course ON activity_events (course_id, at, student_id) WHERE learner_initiated = 1;
CREATE INDEX activity_events_course ON activity_events (course_id, position) WHERE course_id IS NOT NULL;
CREATE INDEX activity_events_kind ON activity_events (kind, position);
CREATE INDEX activity_events_student ON activity_events (student_id, position) WHERE student_id IS NOT NULL;

-- What AI may cost in a day (UTC), in millionths of a US dollar, as a host set it.
CREATE TABLE ai_budgets (
    -- What it limits: all, courses, actors, course:ID, actor:ID.
    scope TEXT NOT NULL PRIMARY KEY CHECK (length(scope) BETWEEN 1 AND 100),
    -- How much a day may cost.
    limit_micro_usd INTEGER NOT NULL CHECK (limit_micro_usd >= 0)
) STRICT, WITHOUT ROWID;

-- One wire attempt at an AI call.
CREATE TABLE ai_logs (
    -- The id.
    id BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    -- The operation; unique together with `attempt`.
    operation_id BLOB NOT NULL CHECK (length(operation_id) = 16),
    -- 1 for the first.
    attempt INTEGER NOT NULL CHECK (attempt >= 1),
    -- Which task.
    kind TEXT NOT NULL,
    -- Which version of its prompt.
    prompt_version INTEGER NOT NULL CHECK (prompt_version >= 0),
    -- Where it stands.
    status TEXT NOT NULL
        CHECK (status = 'pending' OR status = 'valid' OR status = 'invalid' OR status = 'refused' OR
            status = 'truncated' OR status = 'provider_error' OR status = 'timeout' OR status = 'denied' OR
            status = 'abandoned' OR status = 'applied' OR status = 'review' OR status = 'dropped'),
    -- The provider.
    provider TEXT NOT NULL,
    -- The model asked for.
    model_requested TEXT NOT NULL,
    -- The model that answered.
    model_served TEXT,
    -- The provider's id of the request.
    request_id TEXT,
    -- The provider's id of the answer.
    message_id TEXT,
    -- Why the model stopped, in the provider's word.
    stop_reason TEXT,
    -- The HTTP status.
    http_status INTEGER,
    -- What kind of failure it was.
    error_kind TEXT,
    -- Codes and places of what was wrong; never the text.
    violations TEXT NOT NULL CHECK (json_valid(violations)),
    -- What the engine did out of the ordinary, by code.
    notes TEXT NOT NULL CHECK (json_valid(notes)),
    -- SHA-256 of the task's input: another input under the same operation is refused (I3).
    input_sha256 TEXT NOT NULL,
    -- SHA-256 of the whole prompt, before any redaction.
    prompt_sha256 TEXT NOT NULL,
    -- SHA-256 of the prompt's system part.
    system_sha256 TEXT NOT NULL,
    -- SHA-256 of the schema.
    schema_sha256 TEXT NOT NULL,
    -- The prompt; redacted where `redaction` says so.
    prompt_text TEXT,
    -- The answer.
    response_text TEXT,
    -- SHA-256 of the answer.
    response_sha256 TEXT,
    -- full, redacted or metadata.
    redaction TEXT NOT NULL CHECK (redaction = 'full' OR redaction = 'redacted' OR redaction = 'metadata'),
    -- Tokens in.
    tokens_in INTEGER NOT NULL CHECK (tokens_in >= 0),
    -- Tokens out.
    tokens_out INTEGER NOT NULL CHECK (tokens_out >= 0),
    -- Tokens read from the provider's cache.
    tokens_cache_read INTEGER NOT NULL CHECK (tokens_cache_read >= 0),
    -- Tokens written to the provider's cache.
    tokens_cache_write INTEGER NOT NULL CHECK (tokens_cache_write >= 0),
    -- Tokens the model thought with.
    tokens_thinking INTEGER NOT NULL CHECK (tokens_thinking >= 0),
    -- What it cost, in millionths of a US dollar.
    cost_micro_usd INTEGER NOT NULL CHECK (cost_micro_usd >= 0),
    -- What counts against budgets: the worst case while the call is under way and where what it used stays
    -- unknown, else its cost.
    charged_micro_usd INTEGER NOT NULL CHECK (charged_micro_usd >= 0),
    -- How long it took, in milliseconds.
    latency_ms INTEGER CHECK (latency_ms >= 0),
    -- Who asked.
    actor_id BLOB CHECK (length(actor_id) = 16) REFERENCES users (id) ON DELETE RESTRICT,
    -- For which course.
    course_id BLOB CHECK (length(course_id) = 16),
    -- What it was about.
    subject_type TEXT,
    -- Which one.
    subject_id BLOB CHECK (length(subject_id) = 16),
    -- When it was sent.
    created_at INTEGER NOT NULL,
    -- When its caller has given up: if it is pending still after that, nobody is at it any more.
    given_up_at INTEGER NOT NULL,
    -- When it was answered.
    completed_at INTEGER,
    -- When its content was written.
    applied_at INTEGER,
    -- When its texts are blanked.
    expires_at INTEGER,
    UNIQUE (operation_id, attempt)
) STRICT;
CREATE INDEX ai_logs_actor ON ai_logs (actor_id, created_at, id);
CREATE UNIQUE INDEX ai_logs_applied ON ai_logs (operation_id) WHERE status IN ('applied', 'review');
CREATE INDEX ai_logs_course ON ai_logs (course_id, created_at, id);
CREATE INDEX ai_logs_expiring ON ai_logs (expires_at)
    WHERE expires_at IS NOT NULL AND status <> 'pending' AND (prompt_text IS NOT NULL OR response_text IS NOT NULL);
CREATE INDEX ai_logs_pending ON ai_logs (given_up_at) WHERE status = 'pending';
CREATE INDEX ai_logs_subject ON ai_logs (subject_id) WHERE subject_id IS NOT NULL;
CREATE INDEX ai_logs_time ON ai_logs (created_at, id);

-- What AI cost in a day, per scope, in millionths of a US dollar.
CREATE TABLE ai_spending (
    -- Whose: all, course:ID, actor:ID.
    scope TEXT NOT NULL CHECK (length(scope) BETWEEN 1 AND 100),
    -- The day (UTC), as 2026-03-01.
    day TEXT NOT NULL CHECK (length(day) = 10),
    -- Set aside for calls that are under way.
    reserved INTEGER NOT NULL CHECK (reserved >= 0),
    -- Spent.
    spent INTEGER NOT NULL CHECK (spent >= 0),
    PRIMARY KEY (day, scope)
) STRICT, WITHOUT ROWID;

-- An assignment, as staff see it.
CREATE TABLE assignments (
    -- The id.
    id BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    -- The lesson.
    lesson_id BLOB NOT NULL CHECK (length(lesson_id) = 16) REFERENCES lessons (id) ON DELETE CASCADE,
    -- The title, 1 to 200 characters.
    title TEXT NOT NULL CHECK (length(title) BETWEEN 1 AND 200),
    -- What is to be done, CommonMark.
    description TEXT NOT NULL,
    -- When it is due, an instant (S4).
    due_date INTEGER,
    -- IANA zone in which the due date is shown.
    due_zone TEXT,
    -- After this no new work is taken (S5).
    cutoff_date INTEGER,
    -- No work before this instant.
    available_from INTEGER,
    -- What it is worth.
    max_grade INTEGER NOT NULL CHECK (max_grade BETWEEN 0 AND 10000000000),
    -- Its place among the lesson's assignments.
    order_index INTEGER NOT NULL,
    -- Whether learners can see it.
    is_published INTEGER NOT NULL CHECK (is_published IN (0, 1)),
    -- Whether it counts for completion (P7).
    is_required INTEGER NOT NULL CHECK (is_required IN (0, 1)),
    -- When it counts as met.
    met_by TEXT NOT NULL CHECK (met_by IN ('submitted', 'passed')),
    -- What the grade must reach where `met_by` is passed.
    pass_threshold_bp INTEGER CHECK (pass_threshold_bp BETWEEN 0 AND 10000),
    -- When a new version may be handed in.
    resubmission TEXT NOT NULL
        CHECK (resubmission = 'never' OR resubmission = 'until_due' OR resubmission = 'until_cutoff' OR
            resubmission = 'after_return' OR resubmission = 'until_pass'),
    -- How many versions; unlimited when absent.
    max_versions INTEGER CHECK (max_versions >= 1),
    -- Seconds after due that still count as on time (S5).
    grace_seconds INTEGER NOT NULL CHECK (grace_seconds >= 0),
    -- Off per started interval, in basis points of possible (S7).
    penalty_bp INTEGER CHECK (penalty_bp BETWEEN 0 AND 10000),
    -- The interval.
    penalty_interval TEXT CHECK (penalty_interval IN ('hour', 'day')),
    -- The penalty takes nothing below this share of possible.
    penalty_floor_bp INTEGER CHECK (penalty_floor_bp BETWEEN 0 AND 10000),
    -- When grades are shown.
    posting TEXT NOT NULL CHECK (posting IN ('auto', 'manual')),
    -- Whether AI grades.
    ai_grading TEXT NOT NULL CHECK (ai_grading = 'off' OR ai_grading = 'suggest' OR ai_grading = 'apply'),
    -- Below this confidence an AI grade becomes a suggestion.
    ai_confidence_bp INTEGER NOT NULL CHECK (ai_confidence_bp BETWEEN 0 AND 10000),
    -- Days within which a learner may ask for a review of a grade; unlimited when absent (S16).
    review_days INTEGER CHECK (review_days >= 0),
    -- The rubric; see Rubric.
    rubric TEXT CHECK (rubric IS NULL OR json_valid(rubric)),
    -- How much it weighs in the course score; 0 = not counted (M7).
    weight INTEGER NOT NULL CHECK (weight >= 0),
    -- Whether AI made it (L4).
    is_ai_generated INTEGER NOT NULL CHECK (is_ai_generated IN (0, 1)),
    -- The ai_logs row it came from.
    ai_log_id BLOB CHECK (length(ai_log_id) = 16) REFERENCES ai_logs (id),
    -- When a person first edited what AI made.
    ai_edited_at INTEGER,
    -- The assignment it was copied from.
    copied_from BLOB CHECK (length(copied_from) = 16) REFERENCES assignments (id) ON DELETE SET NULL,
    -- The host's own data (L8).
    metadata TEXT NOT NULL CHECK (json_valid(metadata) AND length(CAST(metadata AS BLOB)) <= 16384),
    -- The row's version (L5).
    version INTEGER NOT NULL CHECK (version >= 0),
    -- When the row was made.
    created_at INTEGER NOT NULL,
    -- When the row last changed.
    updated_at INTEGER NOT NULL,
    CONSTRAINT assignments_penalty_has_interval CHECK ((penalty_bp IS NULL) = (penalty_interval IS NULL)),
    CONSTRAINT assignments_published_is_gradable CHECK (is_published = 0 OR max_grade > 0),
    CONSTRAINT assignments_due_before_cutoff
        CHECK (is_published = 0 OR due_date IS NULL OR cutoff_date IS NULL OR due_date <= cutoff_date)
) STRICT;
CREATE INDEX assignments_ai_log_id ON assignments (ai_log_id);
CREATE INDEX assignments_copied_from ON assignments (copied_from);
CREATE INDEX assignments_lesson_id ON assignments (lesson_id);
CREATE UNIQUE INDEX assignments_order ON assignments (lesson_id, order_index) WHERE order_index >= 0;

-- An earlier state of a certificate that was reissued (C5).
CREATE TABLE certificate_revisions (
    -- The row's id.
    id BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    -- The certificate.
    certificate_id BLOB NOT NULL
        CHECK (length(certificate_id) = 16) REFERENCES certificates (id) ON DELETE RESTRICT,
    -- Which revision this was.
    revision_no INTEGER NOT NULL CHECK (revision_no >= 1),
    -- What it said.
    snapshot TEXT NOT NULL CHECK (json_valid(snapshot)),
    -- When it was issued.
    issued_at INTEGER NOT NULL,
    -- Where its PDF is.
    certificate_url TEXT,
    -- Why it was replaced.
    reason TEXT NOT NULL,
    -- When the row was made.
    created_at INTEGER NOT NULL,
    UNIQUE (certificate_id, revision_no)
) STRICT;

-- One version of a certificate template (C7). Old certificates keep theirs.
CREATE TABLE certificate_templates (
    -- The id of this version.
    id BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    -- The template that this is a version of.
    family_id BLOB NOT NULL CHECK (length(family_id) = 16),
    -- 1 for the first.
    version_no INTEGER NOT NULL CHECK (version_no >= 1),
    -- A name for staff.
    name TEXT NOT NULL,
    -- What it shows; the certificates crate reads it.
    document TEXT NOT NULL CHECK (json_valid(document)),
    -- Whether it waits for a person to accept it; no course can take it until then.
    is_draft INTEGER NOT NULL DEFAULT 0 CHECK (is_draft IN (0, 1)),
    -- Whether AI wrote its copy (L4).
    is_ai_generated INTEGER NOT NULL DEFAULT 0 CHECK (is_ai_generated IN (0, 1)),
    -- The ai_logs row it came from.
    ai_log_id BLOB CHECK (length(ai_log_id) = 16) REFERENCES ai_logs (id),
    -- When a person first edited what AI wrote.
    ai_edited_at INTEGER,
    -- When it was archived.
    archived_at INTEGER,
    -- The row's version; that of the template is `version_no`.
    version INTEGER NOT NULL CHECK (version >= 0),
    -- When the row was made.
    created_at INTEGER NOT NULL,
    -- When the row last changed: a draft was accepted, or the version archived.
    updated_at INTEGER NOT NULL,
    UNIQUE (family_id, version_no)
) STRICT;
CREATE INDEX certificate_templates_ai_log_id ON certificate_templates (ai_log_id);

-- One certificate; one per course and student (C2).
CREATE TABLE certificates (
    -- The id.
    id BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    -- The course.
    course_id BLOB NOT NULL CHECK (length(course_id) = 16) REFERENCES courses (id) ON DELETE RESTRICT,
    -- The learner.
    student_id BLOB NOT NULL CHECK (length(student_id) = 16) REFERENCES users (id) ON DELETE RESTRICT,
    -- The template version it is made with.
    template_id BLOB NOT NULL
        CHECK (length(template_id) = 16) REFERENCES certificate_templates (id) ON DELETE RESTRICT,
    -- Where the PDF is, once it is.
    certificate_url TEXT,
    -- When it was issued.
    issued_at INTEGER NOT NULL,
    -- When it ends, if it does.
    expires_at INTEGER,
    -- The verification code: 16 Crockford base32 characters in groups of four.
    code TEXT NOT NULL CHECK (length(code) = 19),
    -- What it says.
    snapshot TEXT NOT NULL CHECK (json_valid(snapshot)),
    -- 1 for the first; reissuing counts up (C5).
    revision_no INTEGER NOT NULL CHECK (revision_no >= 1),
    -- Where the PDF stands.
    rendering TEXT NOT NULL CHECK (rendering = 'pending' OR rendering = 'ready' OR rendering = 'failed'),
    -- Why the PDF could not be made, as a code.
    rendering_code TEXT,
    -- Why the PDF could not be made, in a sentence for staff; it may quote what the page says.
    rendering_error TEXT,
    -- SHA-256 of the PDF, in hex.
    pdf_sha256 TEXT,
    -- Who issued it by hand; absent where completion did.
    issued_by BLOB CHECK (length(issued_by) = 16) REFERENCES users (id) ON DELETE RESTRICT,
    -- Why it was issued by hand.
    issue_reason TEXT,
    -- When it was revoked.
    revoked_at INTEGER,
    -- By whom.
    revoked_by BLOB CHECK (length(revoked_by) = 16) REFERENCES users (id) ON DELETE RESTRICT,
    -- Why.
    revoke_reason TEXT,
    -- When its holder was erased (D5).
    erased_at INTEGER,
    -- When the files of all its revisions were deleted after that.
    files_deleted_at INTEGER,
    -- The row's version.
    version INTEGER NOT NULL CHECK (version >= 0),
    -- When the row was made.
    created_at INTEGER NOT NULL,
    -- When the row last changed.
    updated_at INTEGER NOT NULL,
    CONSTRAINT certificates_ready_has_url
        CHECK (rendering <> 'ready' OR certificate_url IS NOT NULL OR erased_at IS NOT NULL),
    UNIQUE (course_id, student_id),
    UNIQUE (code)
) STRICT;
CREATE INDEX certificates_erased ON certificates (id)
    WHERE erased_at IS NOT NULL AND files_deleted_at IS NULL;
CREATE INDEX certificates_failed ON certificates (id) WHERE rendering = 'failed' AND erased_at IS NULL;
CREATE INDEX certificates_issued_by ON certificates (issued_by);
CREATE INDEX certificates_pending ON certificates (id) WHERE rendering = 'pending' AND erased_at IS NULL;
CREATE INDEX certificates_revoked_by ON certificates (revoked_by);
CREATE INDEX certificates_student_id ON certificates (student_id);
CREATE INDEX certificates_template_id ON certificates (template_id);

-- Where each named background worker stands in the log, and who runs it now.
CREATE TABLE consumers (
    -- Its name.
    name TEXT NOT NULL PRIMARY KEY CHECK (length(name) BETWEEN 1 AND 200),
    -- The last position that it has handled; NULL for one that finds its work in rows.
    position INTEGER CHECK (position >= 0),
    -- Who holds it now; every batch of the holder names this token.
    lease_token BLOB CHECK (length(lease_token) = 16),
    -- Until when.
    lease_until INTEGER,
    CONSTRAINT consumers_lease CHECK ((lease_token IS NULL) = (lease_until IS NULL))
) STRICT;

-- A wide change that is committed and still being carried to the learners.
CREATE TABLE course_jobs (
    -- The id.
    id BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    -- The course.
    course_id BLOB NOT NULL CHECK (length(course_id) = 16) REFERENCES courses (id) ON DELETE CASCADE,
    -- What it does.
    kind TEXT NOT NULL CHECK (kind = 'reevaluate' OR kind = 'repair' OR kind = 'recompute' OR kind = 'regrade'),
    -- The time of the change; completions that follow from it carry this time.
    at INTEGER NOT NULL,
    -- What the kind needs to know.
    params TEXT NOT NULL CHECK (json_valid(params)),
    -- The last enrollment that was done.
    cursor BLOB CHECK (length(cursor) = 16),
    -- When it was finished.
    done_at INTEGER
) STRICT;
CREATE INDEX course_jobs_course_id ON course_jobs (course_id);
CREATE INDEX course_jobs_open ON course_jobs (at, id) WHERE done_at IS NULL;

-- A member of a course's staff beside its owner (E5).
CREATE TABLE course_staff (
    -- The row's id.
    id BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    -- The course.
    course_id BLOB NOT NULL CHECK (length(course_id) = 16) REFERENCES courses (id) ON DELETE CASCADE,
    -- The member.
    user_id BLOB NOT NULL CHECK (length(user_id) = 16) REFERENCES users (id) ON DELETE RESTRICT,
    -- What they may do in it.
    role TEXT NOT NULL CHECK (role IN ('instructor', 'grader')),
    -- When they were added.
    created_at INTEGER NOT NULL,
    UNIQUE (course_id, user_id)
) STRICT;
CREATE INDEX course_staff_user_id ON course_staff (user_id);

-- A course, as staff see it.
CREATE TABLE courses (
    -- The id.
    id BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    -- The owner, always an instructor of it.
    instructor_id BLOB NOT NULL CHECK (length(instructor_id) = 16) REFERENCES users (id) ON DELETE RESTRICT,
    -- The title, 1 to 200 characters.
    title TEXT NOT NULL CHECK (length(title) BETWEEN 1 AND 200),
    -- What it is about, at most 20,000 characters.
    description TEXT NOT NULL CHECK (length(description) <= 20000),
    -- An https URL or an asset key.
    thumbnail_url TEXT,
    -- Whether learners can see it (L1).
    is_published INTEGER NOT NULL CHECK (is_published IN (0, 1)),
    -- The host's own id of the course, unique where given.
    external_id TEXT,
    -- For whom it is.
    audience TEXT NOT NULL,
    -- How hard it is, in the instructor's words.
    difficulty TEXT NOT NULL,
    -- How long it takes, in minutes.
    estimated_minutes INTEGER CHECK (estimated_minutes >= 0),
    -- BCP 47.
    language TEXT NOT NULL,
    -- IANA zone name in which dates are shown.
    time_zone TEXT NOT NULL,
    -- The order in which lessons open.
    flow TEXT NOT NULL CHECK (flow IN ('free', 'sequential')),
    -- Who may join.
    enrollment TEXT NOT NULL CHECK (enrollment IN ('closed', 'open')),
    -- The most active enrollments, if limited (E3).
    capacity INTEGER CHECK (capacity >= 0),
    -- Active enrollments now; counted only where capacity is set.
    seats_taken INTEGER NOT NULL CHECK (seats_taken >= 0),
    -- When certificates are issued.
    certificates TEXT NOT NULL
        CHECK (certificates = 'on_completion' OR certificates = 'by_hand' OR certificates = 'none'),
    -- The template version of new certificates; the built-in one when absent.
    certificate_template_id BLOB
        CHECK (length(certificate_template_id) = 16)
        REFERENCES certificate_templates (id) ON DELETE RESTRICT,
    -- Days for which a certificate is valid; for good when absent (C4).
    certificate_valid_days INTEGER CHECK (certificate_valid_days >= 1),
    -- When it was archived (L1).
    archived_at INTEGER,
    -- When it was first published.
    published_at INTEGER,
    -- Whether AI made it (L4).
    is_ai_generated INTEGER NOT NULL CHECK (is_ai_generated IN (0, 1)),
    -- The ai_logs row it came from.
    ai_log_id BLOB CHECK (length(ai_log_id) = 16) REFERENCES ai_logs (id),
    -- When a person first edited what AI made.
    ai_edited_at INTEGER,
    -- The course it was copied from.
    copied_from BLOB CHECK (length(copied_from) = 16) REFERENCES courses (id) ON DELETE SET NULL,
    -- The host's own data (L8).
    metadata TEXT NOT NULL CHECK (json_valid(metadata) AND length(CAST(metadata AS BLOB)) <= 16384),
    -- Published required lessons.
    lessons_total INTEGER NOT NULL CHECK (lessons_total >= 0),
    -- Published required quizzes of published lessons.
    quizzes_total INTEGER NOT NULL CHECK (quizzes_total >= 0),
    -- Published required assignments of published lessons.
    assignments_total INTEGER NOT NULL CHECK (assignments_total >= 0),
    -- The version of what learners' decisions rest on.
    structure_version INTEGER NOT NULL CHECK (structure_version >= 0),
    -- The row's version (L5).
    version INTEGER NOT NULL CHECK (version >= 0),
    -- When the row was made.
    created_at INTEGER NOT NULL,
    -- When the row last changed.
    updated_at INTEGER NOT NULL
) STRICT;
CREATE INDEX courses_ai_log_id ON courses (ai_log_id);
CREATE INDEX courses_certificate_template_id ON courses (certificate_template_id);
CREATE INDEX courses_copied_from ON courses (copied_from);
CREATE UNIQUE INDEX courses_external_id ON courses (external_id) WHERE external_id IS NOT NULL;
CREATE INDEX courses_instructor_id ON courses (instructor_id);
CREATE INDEX courses_offered ON courses (id) WHERE is_published = 1 AND enrollment = 'open' AND archived_at IS NULL;

-- One person in one course (E2): everything that they do in it hangs here.
CREATE TABLE enrollments (
    -- The id.
    id BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    -- The course.
    course_id BLOB NOT NULL CHECK (length(course_id) = 16) REFERENCES courses (id) ON DELETE CASCADE,
    -- The learner.
    student_id BLOB NOT NULL CHECK (length(student_id) = 16) REFERENCES users (id) ON DELETE RESTRICT,
    -- Whether it can be used.
    status TEXT NOT NULL CHECK (status = 'active' OR status = 'suspended' OR status = 'withdrawn'),
    -- Not usable before.
    starts_at INTEGER,
    -- Not usable from then on.
    ends_at INTEGER,
    -- Where it came from.
    source TEXT NOT NULL CHECK (source = 'self' OR source = 'staff' OR source = 'system' OR source = 'import'),
    -- The host's own reference (an order id), unique per course where given.
    external_ref TEXT,
    -- Staff in their own course: left out of analytics (E5).
    is_staff INTEGER NOT NULL CHECK (is_staff IN (0, 1)),
    -- Published required lessons that are completed or waived.
    lessons_done INTEGER NOT NULL CHECK (lessons_done >= 0),
    -- Published required quizzes that are met.
    quizzes_met INTEGER NOT NULL CHECK (quizzes_met >= 0),
    -- Published required assignments that are met.
    assignments_met INTEGER NOT NULL CHECK (assignments_met >= 0),
    -- When the course was completed; sticky (P7).
    completed_at INTEGER,
    -- When course_opened was last written (V3).
    opened_at INTEGER,
    -- Why staff last set the progress back (P7).
    reset_reason TEXT,
    -- The host's own data (L8).
    metadata TEXT NOT NULL CHECK (json_valid(metadata) AND length(CAST(metadata AS BLOB)) <= 16384),
    -- The version of everything this learner does in the course.
    version INTEGER NOT NULL CHECK (version >= 0),
    -- When the row was made.
    created_at INTEGER NOT NULL,
    -- When the row last changed.
    updated_at INTEGER NOT NULL,
    UNIQUE (course_id, student_id),
    UNIQUE (id, course_id, student_id)
) STRICT;
CREATE UNIQUE INDEX enrollments_external_ref ON enrollments (course_id, external_ref) WHERE external_ref IS NOT NULL;
CREATE INDEX enrollments_page ON enrollments (course_id, id);
CREATE INDEX enrollments_student_id ON enrollments (student_id);

-- In how many submissions of a scope a hash stands.
CREATE TABLE fingerprint_df (
    scope BLOB NOT NULL CHECK (length(scope) = 16),
    hash INTEGER NOT NULL,
    df INTEGER NOT NULL CHECK (df >= 0),
    PRIMARY KEY (scope, hash)
) STRICT, WITHOUT ROWID;

-- One entry of the append-only grade history (S9). Subject ids are plain: entries outlive content
-- (D4).
CREATE TABLE grade_history (
    -- The row's id.
    id BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    -- What the grade belongs to.
    subject_type TEXT NOT NULL CHECK (subject_type IN ('submission', 'answer')),
    -- The submission or the attempt.
    subject_id BLOB NOT NULL CHECK (length(subject_id) = 16),
    -- The question of the attempt; the nil UUID for a submission.
    question_id BLOB NOT NULL CHECK (length(question_id) = 16),
    -- The course.
    course_id BLOB NOT NULL CHECK (length(course_id) = 16),
    -- The learner.
    student_id BLOB NOT NULL CHECK (length(student_id) = 16) REFERENCES users (id) ON DELETE RESTRICT,
    -- 1 for the first; unique per subject.
    seq INTEGER NOT NULL CHECK (seq >= 1),
    -- Why the entry exists.
    cause TEXT NOT NULL
        CHECK (cause = 'graded' OR cause = 'suggested' OR cause = 'adopted' OR cause = 'dismissed' OR
            cause = 'cleared' OR cause = 'recomputed' OR cause = 'rescaled'),
    -- The entry that was adopted or dismissed.
    ref_seq INTEGER,
    -- The version of the submission, or the number of the attempt.
    version_no INTEGER NOT NULL CHECK (version_no >= 1),
    -- The mark before any penalty.
    raw INTEGER CHECK (raw >= 0),
    -- What lateness took off.
    deducted INTEGER CHECK (deducted >= 0),
    -- What counts.
    final_grade INTEGER CHECK (final_grade >= 0),
    -- What the grader wrote.
    feedback TEXT,
    -- Points per criterion.
    rubric_scores TEXT CHECK (rubric_scores IS NULL OR json_valid(rubric_scores)),
    -- Who made the raw mark.
    grader_id BLOB CHECK (length(grader_id) = 16) REFERENCES users (id) ON DELETE RESTRICT,
    -- What kind of grader that was.
    grader_kind TEXT NOT NULL CHECK (grader_kind = 'auto' OR grader_kind = 'ai' OR grader_kind = 'human'),
    -- Who caused the entry.
    actor_id BLOB CHECK (length(actor_id) = 16) REFERENCES users (id) ON DELETE RESTRICT,
    -- Why, in the actor's words.
    reason TEXT,
    -- The ai_logs row it came from.
    ai_log_id BLOB CHECK (length(ai_log_id) = 16) REFERENCES ai_logs (id),
    -- When.
    at INTEGER NOT NULL,
    CONSTRAINT grade_history_final_within_raw
        CHECK (final_grade IS NULL OR (raw IS NOT NULL AND final_grade <= raw)),
    UNIQUE (subject_type, subject_id, question_id, seq)
) STRICT;
CREATE INDEX grade_history_actor_id ON grade_history (actor_id);
CREATE INDEX grade_history_ai_log_id ON grade_history (ai_log_id);
CREATE INDEX grade_history_grader_id ON grade_history (grader_id);
CREATE INDEX grade_history_student_id ON grade_history (student_id);

-- Where one learner stands in one lesson (P1).
CREATE TABLE lesson_progress (
    -- The row's id.
    id BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    -- The lesson.
    lesson_id BLOB NOT NULL CHECK (length(lesson_id) = 16) REFERENCES lessons (id) ON DELETE CASCADE,
    -- The learner's enrollment.
    enrollment_id BLOB NOT NULL CHECK (length(enrollment_id) = 16),
    -- The course, copied from the enrollment.
    course_id BLOB NOT NULL CHECK (length(course_id) = 16),
    -- The learner, copied from the enrollment.
    student_id BLOB NOT NULL CHECK (length(student_id) = 16),
    -- Where they stand.
    status TEXT NOT NULL CHECK (status IN ('in_progress', 'completed')),
    -- When it was first opened.
    first_opened_at INTEGER NOT NULL,
    -- When lesson_opened was last written (V3).
    opened_at INTEGER NOT NULL,
    -- When it was completed.
    completed_at INTEGER,
    -- Whether the learner's own mark completed it, so that it can be undone (P4).
    by_mark INTEGER NOT NULL CHECK (by_mark IN (0, 1)),
    -- When the row was made.
    created_at INTEGER NOT NULL,
    -- When the row last changed.
    updated_at INTEGER NOT NULL,
    CONSTRAINT lesson_progress_completed_has_time CHECK ((status = 'completed') = (completed_at IS NOT NULL)),
    CONSTRAINT lesson_progress_mark_completes CHECK (by_mark = 0 OR status = 'completed'),
    UNIQUE (lesson_id, student_id),
    FOREIGN KEY (enrollment_id, course_id, student_id)
        REFERENCES enrollments (id, course_id, student_id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
CREATE INDEX lesson_progress_enrollment ON lesson_progress (enrollment_id, course_id, student_id);

-- A lesson opens only after another of the same course (X2).
CREATE TABLE lesson_requires (
    -- The lesson that waits.
    lesson_id BLOB NOT NULL CHECK (length(lesson_id) = 16) REFERENCES lessons (id) ON DELETE CASCADE,
    -- The lesson that comes first.
    requires_id BLOB NOT NULL CHECK (length(requires_id) = 16) REFERENCES lessons (id) ON DELETE CASCADE,
    CONSTRAINT lesson_requires_not_itself CHECK (lesson_id <> requires_id),
    PRIMARY KEY (lesson_id, requires_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX lesson_requires_requires_id ON lesson_requires (requires_id);

-- A lesson, as staff see it.
CREATE TABLE lessons (
    -- The id.
    id BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    -- The course; a lesson never leaves it (O4).
    course_id BLOB NOT NULL CHECK (length(course_id) = 16) REFERENCES courses (id) ON DELETE CASCADE,
    -- The title, 1 to 200 characters.
    title TEXT NOT NULL CHECK (length(title) BETWEEN 1 AND 200),
    -- What it is about, at most 20,000 characters.
    summary TEXT NOT NULL CHECK (length(summary) <= 20000),
    -- Its place among the course's lessons, 0..n−1 (O1).
    order_index INTEGER NOT NULL,
    -- Whether learners can see it, once the course is published too.
    is_published INTEGER NOT NULL CHECK (is_published IN (0, 1)),
    -- Whether it counts for completion (P5).
    is_required INTEGER NOT NULL CHECK (is_required IN (0, 1)),
    -- When it is complete.
    completion_rule TEXT NOT NULL
        CHECK (completion_rule = 'manual' OR completion_rule = 'viewed' OR completion_rule = 'work'),
    -- Not open before this instant (X3).
    available_from INTEGER,
    -- How long it takes, in minutes.
    estimated_minutes INTEGER CHECK (estimated_minutes >= 0),
    -- Whether AI made it (L4).
    is_ai_generated INTEGER NOT NULL CHECK (is_ai_generated IN (0, 1)),
    -- The ai_logs row it came from.
    ai_log_id BLOB CHECK (length(ai_log_id) = 16) REFERENCES ai_logs (id),
    -- When a person first edited what AI made.
    ai_edited_at INTEGER,
    -- The lesson it was copied from.
    copied_from BLOB CHECK (length(copied_from) = 16) REFERENCES lessons (id) ON DELETE SET NULL,
    -- The host's own data (L8).
    metadata TEXT NOT NULL CHECK (json_valid(metadata) AND length(CAST(metadata AS BLOB)) <= 16384),
    -- The row's version (L5).
    version INTEGER NOT NULL CHECK (version >= 0),
    -- When the row was made.
    created_at INTEGER NOT NULL,
    -- When the row last changed.
    updated_at INTEGER NOT NULL
) STRICT;
CREATE INDEX lessons_ai_log_id ON lessons (ai_log_id);
CREATE INDEX lessons_copied_from ON lessons (copied_from);
CREATE INDEX lessons_course_id ON lessons (course_id);
CREATE UNIQUE INDEX lessons_order ON lessons (course_id, order_index) WHERE order_index >= 0;

-- Which log this is: a cursor of another epoch is refused. One row.
CREATE TABLE lms_log (
    one INTEGER NOT NULL PRIMARY KEY CHECK (one = 1),
    epoch BLOB NOT NULL CHECK (length(epoch) = 16),
    -- The latest instant of the events that are no longer kept.
    gone_until INTEGER
) STRICT;

-- Which migrations were applied.
CREATE TABLE lms_schema (
    -- The version that the migration leads to.
    version INTEGER NOT NULL PRIMARY KEY,
    -- The oldest library schema that may still run on it.
    min_reader INTEGER NOT NULL,
    -- When it was applied.
    applied_at INTEGER NOT NULL
) STRICT;
CREATE VIEW members AS
    SELECT e.id, e.course_id, e.student_id, u.display_name,
        (SELECT max(v.at) FROM activity_events AS v
         WHERE v.student_id = e.student_id AND v.course_id = e.course_id AND v.learner_initiated = 1) AS last_activity
    FROM enrollments AS e JOIN users AS u ON u.id = e.student_id;

-- Links an objective to an assignment that tests it.
CREATE TABLE objective_assignments (
    -- The objective.
    objective_id BLOB NOT NULL CHECK (length(objective_id) = 16) REFERENCES objectives (id) ON DELETE CASCADE,
    -- The assignment.
    assignment_id BLOB NOT NULL CHECK (length(assignment_id) = 16) REFERENCES assignments (id) ON DELETE CASCADE,
    PRIMARY KEY (objective_id, assignment_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX objective_assignments_assignment_id ON objective_assignments (assignment_id);

-- Links an objective to a lesson that serves it.
CREATE TABLE objective_lessons (
    -- The objective.
    objective_id BLOB NOT NULL CHECK (length(objective_id) = 16) REFERENCES objectives (id) ON DELETE CASCADE,
    -- The lesson.
    lesson_id BLOB NOT NULL CHECK (length(lesson_id) = 16) REFERENCES lessons (id) ON DELETE CASCADE,
    PRIMARY KEY (objective_id, lesson_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX objective_lessons_lesson_id ON objective_lessons (lesson_id);

-- Links an objective to a question that tests it.
CREATE TABLE objective_questions (
    -- The objective.
    objective_id BLOB NOT NULL CHECK (length(objective_id) = 16) REFERENCES objectives (id) ON DELETE CASCADE,
    -- The question.
    question_id BLOB NOT NULL CHECK (length(question_id) = 16) REFERENCES quiz_questions (id) ON DELETE CASCADE,
    PRIMARY KEY (objective_id, question_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX objective_questions_question_id ON objective_questions (question_id);

-- A learning objective of a course (L6).
CREATE TABLE objectives (
    -- The id.
    id BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    -- The course.
    course_id BLOB NOT NULL CHECK (length(course_id) = 16) REFERENCES courses (id) ON DELETE CASCADE,
    -- A short name, unique in the course.
    key TEXT NOT NULL,
    -- What a learner will be able to do.
    text TEXT NOT NULL,
    -- Its place among the course's objectives.
    order_index INTEGER NOT NULL,
    -- The row's version (L5).
    version INTEGER NOT NULL CHECK (version >= 0),
    -- When the row was made.
    created_at INTEGER NOT NULL,
    -- When the row last changed.
    updated_at INTEGER NOT NULL,
    UNIQUE (course_id, key)
) STRICT;
CREATE UNIQUE INDEX objectives_order ON objectives (course_id, order_index) WHERE order_index >= 0;

-- What staff granted one learner for one item (S6): dates of their own, more time, more attempts, or
-- nothing due.
CREATE TABLE overrides (
    -- The row's id.
    id BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    -- The learner's enrollment.
    enrollment_id BLOB NOT NULL CHECK (length(enrollment_id) = 16),
    -- The course, copied from the enrollment.
    course_id BLOB NOT NULL CHECK (length(course_id) = 16),
    -- The learner, copied from the enrollment.
    student_id BLOB NOT NULL CHECK (length(student_id) = 16),
    -- The lesson, where it is one.
    lesson_id BLOB CHECK (length(lesson_id) = 16) REFERENCES lessons (id) ON DELETE CASCADE,
    -- The quiz, where it is one.
    quiz_id BLOB CHECK (length(quiz_id) = 16) REFERENCES quizzes (id) ON DELETE CASCADE,
    -- The assignment, where it is one.
    assignment_id BLOB CHECK (length(assignment_id) = 16) REFERENCES assignments (id) ON DELETE CASCADE,
    -- Where `available_from` comes from.
    available_from_mode TEXT NOT NULL
        CHECK (available_from_mode = 'inherit' OR available_from_mode = 'none' OR available_from_mode = 'value'),
    -- The learner's own opening instant.
    available_from INTEGER,
    -- Where `due_date` comes from.
    due_mode TEXT NOT NULL CHECK (due_mode = 'inherit' OR due_mode = 'none' OR due_mode = 'value'),
    -- The learner's own due instant.
    due_date INTEGER,
    -- Where `cutoff_date` comes from; for a quiz its close.
    cutoff_mode TEXT NOT NULL CHECK (cutoff_mode = 'inherit' OR cutoff_mode = 'none' OR cutoff_mode = 'value'),
    -- The learner's own cut-off.
    cutoff_date INTEGER,
    -- The time limit is multiplied by this, in basis points; 10000 = as it is.
    time_multiplier_bp INTEGER NOT NULL CHECK (time_multiplier_bp >= 1),
    -- Seconds added to the time limit.
    extra_seconds INTEGER NOT NULL CHECK (extra_seconds >= 0),
    -- Attempts added to the limit.
    extra_attempts INTEGER NOT NULL CHECK (extra_attempts >= 0),
    -- Whether the learner is excused from the item (S8).
    excused INTEGER NOT NULL CHECK (excused IN (0, 1)),
    -- Why.
    reason TEXT NOT NULL,
    -- Who granted it.
    granted_by BLOB NOT NULL CHECK (length(granted_by) = 16) REFERENCES users (id) ON DELETE RESTRICT,
    -- When the row was made.
    created_at INTEGER NOT NULL,
    -- When the row last changed.
    updated_at INTEGER NOT NULL,
    CONSTRAINT overrides_one_item
        CHECK ((lesson_id IS NOT NULL) + (quiz_id IS NOT NULL) + (assignment_id IS NOT NULL) = 1),
    CONSTRAINT overrides_value_is_there CHECK ((available_from_mode <> 'value' OR available_from IS NOT NULL)
        AND (due_mode <> 'value' OR due_date IS NOT NULL)
        AND (cutoff_mode <> 'value' OR cutoff_date IS NOT NULL)),
    FOREIGN KEY (enrollment_id, course_id, student_id)
        REFERENCES enrollments (id, course_id, student_id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
CREATE INDEX overrides_assignment_id ON overrides (assignment_id);
CREATE UNIQUE INDEX overrides_assignment_once ON overrides (enrollment_id, assignment_id) WHERE assignment_id IS NOT NULL;
CREATE INDEX overrides_enrollment ON overrides (enrollment_id, course_id, student_id);
CREATE INDEX overrides_granted_by ON overrides (granted_by);
CREATE INDEX overrides_lesson_id ON overrides (lesson_id);
CREATE UNIQUE INDEX overrides_lesson_once ON overrides (enrollment_id, lesson_id) WHERE lesson_id IS NOT NULL;
CREATE INDEX overrides_page ON overrides (course_id, id);
CREATE INDEX overrides_quiz_id ON overrides (quiz_id);
CREATE UNIQUE INDEX overrides_quiz_once ON overrides (enrollment_id, quiz_id) WHERE quiz_id IS NOT NULL;

-- One attempt at a quiz.
CREATE TABLE quiz_attempts (
    -- The id.
    id BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    -- The quiz.
    quiz_id BLOB NOT NULL CHECK (length(quiz_id) = 16) REFERENCES quizzes (id) ON DELETE CASCADE,
    -- The learner's enrollment.
    enrollment_id BLOB NOT NULL CHECK (length(enrollment_id) = 16),
    -- The course, copied from the enrollment.
    course_id BLOB NOT NULL CHECK (length(course_id) = 16),
    -- The learner, copied from the enrollment.
    student_id BLOB NOT NULL CHECK (length(student_id) = 16),
    -- 1 for the first.
    attempt_no INTEGER NOT NULL CHECK (attempt_no >= 1),
    -- Where it stands.
    state TEXT NOT NULL
        CHECK (state = 'in_progress' OR state = 'pending_review' OR state = 'graded' OR state = 'voided'),
    -- The questions as they were at the start (Q15).
    revision_id BLOB NOT NULL CHECK (length(revision_id) = 16) REFERENCES quiz_revisions (id),
    -- What questions and options are shuffled by (A11).
    seed INTEGER NOT NULL,
    -- Points earned; absent until graded.
    score INTEGER,
    -- Points possible; absent until handed in.
    possible INTEGER CHECK (possible >= 0),
    -- When it was started.
    started_at INTEGER NOT NULL,
    -- When its time is up (A4).
    deadline INTEGER,
    -- When it was handed in, at the latest its deadline (A5).
    completed_at INTEGER,
    -- How it ended.
    finish_reason TEXT CHECK (finish_reason IN ('submitted', 'expired')),
    -- What was answered; see SavedAnswers.
    answers TEXT NOT NULL CHECK (json_valid(answers)),
    -- How each answer was graded; see GradedAnswers.
    graded TEXT CHECK (graded IS NULL OR json_valid(graded)),
    -- Answers that wait for the AI grader (Q12).
    ai_pending INTEGER NOT NULL DEFAULT 0 CHECK (ai_pending >= 0),
    -- Answers with an AI suggestion that waits for a person (Q12, S10).
    ai_suggested INTEGER NOT NULL DEFAULT 0 CHECK (ai_suggested >= 0),
    -- The revision by whose keys it was last regraded (A12).
    graded_with_revision BLOB CHECK (length(graded_with_revision) = 16),
    -- Why it was voided.
    void_reason TEXT,
    -- The row's version: every save bumps it.
    version INTEGER NOT NULL CHECK (version >= 0),
    -- When the row was made.
    created_at INTEGER NOT NULL,
    -- When the row last changed.
    updated_at INTEGER NOT NULL,
    CONSTRAINT quiz_attempts_earned_within_possible
        CHECK (score IS NULL OR (possible IS NOT NULL AND score BETWEEN 0 AND possible)),
    CONSTRAINT quiz_attempts_open_has_no_result
        CHECK (state <> 'in_progress' OR (completed_at IS NULL AND finish_reason IS NULL AND score IS NULL)),
    CONSTRAINT quiz_attempts_handed_in_has_time
        CHECK (state NOT IN ('pending_review', 'graded') OR completed_at IS NOT NULL),
    CONSTRAINT quiz_attempts_graded_has_score CHECK (state <> 'graded' OR score IS NOT NULL),
    CONSTRAINT quiz_attempts_ends_after_start CHECK (completed_at IS NULL OR completed_at >= started_at),
    UNIQUE (quiz_id, student_id, attempt_no),
    FOREIGN KEY (enrollment_id, course_id, student_id)
        REFERENCES enrollments (id, course_id, student_id) ON DELETE CASCADE
) STRICT;
CREATE INDEX quiz_attempts_awaiting_ai ON quiz_attempts (completed_at) WHERE ai_pending > 0;
CREATE INDEX quiz_attempts_enrollment ON quiz_attempts (enrollment_id, course_id, student_id);
CREATE UNIQUE INDEX quiz_attempts_open ON quiz_attempts (quiz_id, student_id) WHERE state = 'in_progress';
CREATE INDEX quiz_attempts_revision_id ON quiz_attempts (revision_id);
CREATE INDEX quiz_attempts_sweep ON quiz_attempts (id) WHERE state = 'in_progress';
CREATE INDEX quiz_attempts_to_grade ON quiz_attempts (course_id, completed_at)
    WHERE state = 'pending_review' OR ai_suggested > 0;

-- A question of a quiz's draft, key included: a staff type (Q14).
CREATE TABLE quiz_questions (
    -- The id.
    id BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    -- The quiz.
    quiz_id BLOB NOT NULL CHECK (length(quiz_id) = 16) REFERENCES quizzes (id) ON DELETE CASCADE,
    -- Its type.
    question_type TEXT NOT NULL
        CHECK (question_type = 'single_choice' OR question_type = 'true_false' OR question_type = 'multiple_choice' OR
            question_type = 'numeric' OR question_type = 'short_text' OR question_type = 'fill_blanks' OR
            question_type = 'matching' OR question_type = 'ordering' OR question_type = 'essay'),
    -- The stem.
    text TEXT NOT NULL,
    -- What a learner may see: options, stems, items.
    options TEXT NOT NULL CHECK (json_valid(options)),
    -- What a learner may not see: the key, explanations per option, rubric, notes.
    correct_answer TEXT NOT NULL CHECK (json_valid(correct_answer)),
    -- What it is worth.
    points INTEGER NOT NULL CHECK (points >= 0),
    -- What a wrong answer takes off (Q13).
    negative_points INTEGER CHECK (negative_points >= 0),
    -- Shown with the key (Q14).
    explanation TEXT NOT NULL,
    -- The sentence of the lesson it was made from.
    source_quote TEXT,
    -- Its place among the quiz's questions.
    order_index INTEGER NOT NULL,
    -- Whether AI made it (L4).
    is_ai_generated INTEGER NOT NULL CHECK (is_ai_generated IN (0, 1)),
    -- The ai_logs row it came from.
    ai_log_id BLOB CHECK (length(ai_log_id) = 16) REFERENCES ai_logs (id),
    -- When a person first edited what AI made.
    ai_edited_at INTEGER,
    -- The question it was copied from.
    copied_from BLOB CHECK (length(copied_from) = 16) REFERENCES quiz_questions (id) ON DELETE SET NULL,
    -- When the row was made.
    created_at INTEGER NOT NULL,
    -- When the row last changed.
    updated_at INTEGER NOT NULL
) STRICT;
CREATE INDEX quiz_questions_ai_log_id ON quiz_questions (ai_log_id);
CREATE INDEX quiz_questions_copied_from ON quiz_questions (copied_from);
CREATE UNIQUE INDEX quiz_questions_order ON quiz_questions (quiz_id, order_index) WHERE order_index >= 0;
CREATE INDEX quiz_questions_quiz_id ON quiz_questions (quiz_id);

-- What is kept of one learner's attempts at one quiz (A9, A10).
CREATE TABLE quiz_results (
    -- The row's id.
    id BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    -- The quiz.
    quiz_id BLOB NOT NULL CHECK (length(quiz_id) = 16) REFERENCES quizzes (id) ON DELETE CASCADE,
    -- The learner's enrollment.
    enrollment_id BLOB NOT NULL CHECK (length(enrollment_id) = 16),
    -- The course, copied from the enrollment.
    course_id BLOB NOT NULL CHECK (length(course_id) = 16),
    -- The learner, copied from the enrollment.
    student_id BLOB NOT NULL CHECK (length(student_id) = 16),
    -- Points earned of the kept score; absent without a graded attempt.
    earned INTEGER,
    -- Points possible of the kept score.
    possible INTEGER CHECK (possible >= 0),
    -- Whether the kept score reaches the threshold; absent without a threshold or a score.
    passed INTEGER CHECK (passed IN (0, 1)),
    -- Whether a non-voided attempt was handed in.
    submitted INTEGER NOT NULL CHECK (submitted IN (0, 1)),
    -- When the row last changed.
    updated_at INTEGER NOT NULL,
    CONSTRAINT quiz_results_a_pair CHECK ((earned IS NULL) = (possible IS NULL)),
    CONSTRAINT quiz_results_earned_within_possible CHECK (earned IS NULL OR earned BETWEEN 0 AND possible),
    CONSTRAINT quiz_results_passed_has_score CHECK (passed IS NULL OR earned IS NOT NULL),
    UNIQUE (quiz_id, student_id),
    FOREIGN KEY (enrollment_id, course_id, student_id)
        REFERENCES enrollments (id, course_id, student_id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
CREATE INDEX quiz_results_enrollment ON quiz_results (enrollment_id, course_id, student_id);

-- A quiz as it was when somebody started it (Q15). Immutable; made once per distinct content.
CREATE TABLE quiz_revisions (
    -- Derived from the quiz and the content, so that equal content is one row.
    id BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    -- The quiz.
    quiz_id BLOB NOT NULL CHECK (length(quiz_id) = 16) REFERENCES quizzes (id) ON DELETE CASCADE,
    -- The questions with their keys.
    content TEXT NOT NULL CHECK (json_valid(content)),
    -- What all questions together are worth.
    possible INTEGER NOT NULL CHECK (possible BETWEEN 0 AND 10000000000),
    -- When it was made.
    created_at INTEGER NOT NULL
) STRICT;
CREATE INDEX quiz_revisions_quiz_id ON quiz_revisions (quiz_id);

-- A quiz, as staff see it.
CREATE TABLE quizzes (
    -- The id.
    id BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    -- The lesson.
    lesson_id BLOB NOT NULL CHECK (length(lesson_id) = 16) REFERENCES lessons (id) ON DELETE CASCADE,
    -- The title, 1 to 200 characters.
    title TEXT NOT NULL CHECK (length(title) BETWEEN 1 AND 200),
    -- What it is about, at most 20,000 characters.
    description TEXT NOT NULL CHECK (length(description) <= 20000),
    -- Its place among the lesson's quizzes.
    order_index INTEGER NOT NULL,
    -- Whether learners can see it.
    is_published INTEGER NOT NULL CHECK (is_published IN (0, 1)),
    -- Whether it counts for completion (P7).
    is_required INTEGER NOT NULL CHECK (is_required IN (0, 1)),
    -- What the kept score must reach; without one, submitting counts as done (A10).
    pass_threshold_bp INTEGER CHECK (pass_threshold_bp BETWEEN 0 AND 10000),
    -- How many attempts; unlimited when absent (A3).
    max_attempts INTEGER CHECK (max_attempts >= 1),
    -- Seconds for one attempt; unlimited when absent (A4).
    time_limit_seconds INTEGER CHECK (time_limit_seconds >= 1),
    -- Seconds after the deadline in which work is still taken (A5).
    grace_seconds INTEGER NOT NULL CHECK (grace_seconds >= 0),
    -- Which attempt counts.
    kept_score TEXT NOT NULL
        CHECK (kept_score = 'highest' OR kept_score = 'latest' OR kept_score = 'first' OR kept_score = 'average'),
    -- When keys are shown.
    reveal TEXT NOT NULL
        CHECK (reveal = 'never' OR reveal = 'after_submit' OR reveal = 'after_graded' OR
            reveal = 'after_last_attempt_or_pass'),
    -- Whether questions are shuffled for each attempt (A11).
    shuffle_questions INTEGER NOT NULL CHECK (shuffle_questions IN (0, 1)),
    -- Whether options are shuffled for each attempt (A11).
    shuffle_options INTEGER NOT NULL CHECK (shuffle_options IN (0, 1)),
    -- How much it weighs in the course score; 0 = not counted (M7).
    weight INTEGER NOT NULL CHECK (weight >= 0),
    -- Questions that a regrade took out or gave away, for later attempts too (A12).
    adjustments TEXT NOT NULL DEFAULT '{"format":1,"questions":{}}' CHECK (json_valid(adjustments)),
    -- Whether AI grades its essays (Q12, S11).
    ai_grading TEXT NOT NULL DEFAULT 'off'
        CHECK (ai_grading = 'off' OR ai_grading = 'suggest' OR ai_grading = 'apply'),
    -- Below this confidence an AI grade becomes a suggestion.
    ai_confidence_bp INTEGER NOT NULL DEFAULT 7000 CHECK (ai_confidence_bp BETWEEN 0 AND 10000),
    -- Days within which a learner may ask for a review of a grade; unlimited when absent (S16).
    review_days INTEGER CHECK (review_days >= 0),
    -- No start before this instant (X3).
    opens_at INTEGER,
    -- No start, and no work, after this instant (X3, A4).
    closes_at INTEGER,
    -- Whether AI made it (L4).
    is_ai_generated INTEGER NOT NULL CHECK (is_ai_generated IN (0, 1)),
    -- The ai_logs row it came from.
    ai_log_id BLOB CHECK (length(ai_log_id) = 16) REFERENCES ai_logs (id),
    -- When a person first edited what AI made.
    ai_edited_at INTEGER,
    -- The quiz it was copied from.
    copied_from BLOB CHECK (length(copied_from) = 16) REFERENCES quizzes (id) ON DELETE SET NULL,
    -- The host's own data (L8).
    metadata TEXT NOT NULL CHECK (json_valid(metadata) AND length(CAST(metadata AS BLOB)) <= 16384),
    -- The row's version; an edit of a question bumps it too (L5).
    version INTEGER NOT NULL CHECK (version >= 0),
    -- When the row was made.
    created_at INTEGER NOT NULL,
    -- When the row last changed.
    updated_at INTEGER NOT NULL
) STRICT;
CREATE INDEX quizzes_ai_log_id ON quizzes (ai_log_id);
CREATE INDEX quizzes_copied_from ON quizzes (copied_from);
CREATE INDEX quizzes_lesson_id ON quizzes (lesson_id);
CREATE UNIQUE INDEX quizzes_order ON quizzes (lesson_id, order_index) WHERE order_index >= 0;

-- A learner asked for another look at a grade (S16): once per grade.
CREATE TABLE review_requests (
    -- The row's id.
    id BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    -- The learner's enrollment.
    enrollment_id BLOB NOT NULL CHECK (length(enrollment_id) = 16),
    -- The course, copied from the enrollment.
    course_id BLOB NOT NULL CHECK (length(course_id) = 16),
    -- The learner, copied from the enrollment.
    student_id BLOB NOT NULL CHECK (length(student_id) = 16),
    -- The version, where the grade is one of a submission.
    submission_id BLOB CHECK (length(submission_id) = 16) REFERENCES submissions (id) ON DELETE CASCADE,
    -- The attempt, where the grade is one of an answer.
    attempt_id BLOB CHECK (length(attempt_id) = 16) REFERENCES quiz_attempts (id) ON DELETE CASCADE,
    -- The question of the attempt; the nil UUID for a submission.
    question_id BLOB NOT NULL CHECK (length(question_id) = 16),
    -- The entry of the grade history that it is about.
    seq INTEGER NOT NULL CHECK (seq >= 1),
    -- Why, in the learner's words.
    reason TEXT NOT NULL,
    -- Where it stands.
    state TEXT NOT NULL CHECK (state = 'open' OR state = 'kept' OR state = 'changed'),
    -- What staff answered; the learner sees it.
    answer TEXT,
    -- Who answered.
    answered_by BLOB CHECK (length(answered_by) = 16) REFERENCES users (id) ON DELETE RESTRICT,
    -- When.
    answered_at INTEGER,
    -- When it was asked for.
    created_at INTEGER NOT NULL,
    -- When the row last changed.
    updated_at INTEGER NOT NULL,
    CONSTRAINT review_requests_one_subject CHECK ((submission_id IS NOT NULL) + (attempt_id IS NOT NULL) = 1),
    CONSTRAINT review_requests_answered
        CHECK ((state = 'open') = (answered_by IS NULL) AND (answered_by IS NULL) = (answered_at IS NULL)),
    FOREIGN KEY (enrollment_id, course_id, student_id)
        REFERENCES enrollments (id, course_id, student_id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX review_requests_answer_once ON review_requests (attempt_id, question_id, seq);
CREATE INDEX review_requests_answered_by ON review_requests (answered_by);
CREATE INDEX review_requests_enrollment ON review_requests (enrollment_id, course_id, student_id);
CREATE INDEX review_requests_open ON review_requests (course_id, created_at) WHERE state = 'open';
CREATE UNIQUE INDEX review_requests_submission_once ON review_requests (submission_id, seq);

-- The evidence of a similarity: passages of one submission that stand in another.
CREATE TABLE similarity_matches (
    id BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    -- Whose score it is.
    submission_id BLOB NOT NULL CHECK (length(submission_id) = 16) REFERENCES submissions (id) ON DELETE CASCADE,
    -- The other one.
    other_id BLOB NOT NULL CHECK (length(other_id) = 16) REFERENCES submissions (id) ON DELETE CASCADE,
    -- Copied share, 0 to 1, in units of 1e-5.
    score INTEGER NOT NULL CHECK (score BETWEEN 0 AND 100000),
    -- Words in matched passages.
    matched INTEGER NOT NULL CHECK (matched >= 0),
    -- Words that could have matched.
    eligible INTEGER NOT NULL CHECK (eligible >= 0),
    -- Byte ranges on both sides.
    passages TEXT NOT NULL CHECK (json_valid(passages)),
    -- Which version of the measure.
    algo_version INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    CONSTRAINT similarity_matches_words CHECK (matched <= eligible),
    UNIQUE (submission_id, other_id)
) STRICT;
CREATE INDEX similarity_matches_other_id ON similarity_matches (other_id);

-- The inverted index of similarity: which hash of words stands where.
CREATE TABLE submission_fingerprints (
    -- The assignment or the course in which submissions are compared.
    scope BLOB NOT NULL CHECK (length(scope) = 16),
    -- The hash of a run of words.
    hash INTEGER NOT NULL,
    -- The version that holds it.
    submission_id BLOB NOT NULL CHECK (length(submission_id) = 16) REFERENCES submissions (id) ON DELETE CASCADE,
    -- At which word.
    pos INTEGER NOT NULL CHECK (pos >= 0),
    PRIMARY KEY (scope, hash, submission_id, pos)
) STRICT, WITHOUT ROWID;
CREATE INDEX submission_fingerprints_submission_id ON submission_fingerprints (submission_id);

-- One version of a learner's work on an assignment (S1).
CREATE TABLE submissions (
    -- The id.
    id BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    -- The assignment.
    assignment_id BLOB NOT NULL CHECK (length(assignment_id) = 16) REFERENCES assignments (id) ON DELETE CASCADE,
    -- The learner's enrollment.
    enrollment_id BLOB NOT NULL CHECK (length(enrollment_id) = 16),
    -- The course, copied from the enrollment.
    course_id BLOB NOT NULL CHECK (length(course_id) = 16),
    -- The learner, copied from the enrollment.
    student_id BLOB NOT NULL CHECK (length(student_id) = 16),
    -- 1 for the first.
    version_no INTEGER NOT NULL CHECK (version_no >= 1),
    -- Where it stands.
    state TEXT NOT NULL CHECK (state = 'draft' OR state = 'submitted' OR state = 'graded' OR state = 'returned'),
    -- A link to the work.
    submission_url TEXT,
    -- The work as text, at most 1 MB.
    content TEXT CHECK (length(CAST(content AS BLOB)) <= 1048576),
    -- When it was handed in.
    submitted_at INTEGER,
    -- Seconds late (S5).
    late_seconds INTEGER NOT NULL CHECK (late_seconds >= 0),
    -- The mark before any penalty.
    raw_grade INTEGER CHECK (raw_grade >= 0),
    -- What lateness took off.
    deducted INTEGER CHECK (deducted >= 0),
    -- The current grade (S9).
    grade INTEGER CHECK (grade >= 0),
    -- What the grader wrote.
    feedback TEXT,
    -- Points per criterion; see RubricScores.
    rubric_scores TEXT CHECK (rubric_scores IS NULL OR json_valid(rubric_scores)),
    -- Who made the current mark.
    graded_by BLOB CHECK (length(graded_by) = 16) REFERENCES users (id) ON DELETE RESTRICT,
    -- What kind of grader that was.
    grader_kind TEXT CHECK (grader_kind = 'auto' OR grader_kind = 'ai' OR grader_kind = 'human'),
    -- When the current mark was made.
    graded_at INTEGER,
    -- When the learner may see it (S14).
    posted_at INTEGER,
    -- The last entry of its grade history; 0 without one.
    history_seq INTEGER NOT NULL CHECK (history_seq >= 0),
    -- Where AI grading stands.
    ai_status TEXT NOT NULL
        CHECK (ai_status = 'none' OR ai_status = 'pending' OR ai_status = 'applied' OR ai_status = 'suggested' OR
            ai_status = 'no_text' OR ai_status = 'too_short' OR ai_status = 'failed'),
    -- Why AI gave no grade, as a code.
    ai_code TEXT,
    -- The entry that waits for a person, if an AI suggestion does.
    suggested_seq INTEGER,
    -- Copied share, 0 to 1; never a model's guess (S15).
    plagiarism_score INTEGER CHECK (plagiarism_score BETWEEN 0 AND 100000),
    -- Why there is none, or that there is.
    similarity_status TEXT NOT NULL
        CHECK (similarity_status = 'pending' OR similarity_status = 'too_short' OR similarity_status = 'no_peers' OR
            similarity_status = 'checked'),
    -- The row's version.
    version INTEGER NOT NULL CHECK (version >= 0),
    -- When the row was made.
    created_at INTEGER NOT NULL,
    -- When the row last changed.
    updated_at INTEGER NOT NULL,
    CONSTRAINT submissions_draft_is_not_handed_in CHECK ((state = 'draft') = (submitted_at IS NULL)),
    CONSTRAINT submissions_draft_has_no_grade CHECK (state <> 'draft' OR grade IS NULL),
    CONSTRAINT submissions_grade_within_raw
        CHECK (grade IS NULL OR (raw_grade IS NOT NULL AND grade <= raw_grade)),
    CONSTRAINT submissions_grade_has_grader
        CHECK (grade IS NULL OR (grader_kind IS NOT NULL AND graded_at IS NOT NULL)),
    CONSTRAINT submissions_score_is_checked CHECK (plagiarism_score IS NULL OR similarity_status = 'checked'),
    UNIQUE (assignment_id, student_id, version_no),
    FOREIGN KEY (enrollment_id, course_id, student_id)
        REFERENCES enrollments (id, course_id, student_id) ON DELETE CASCADE
) STRICT;
CREATE INDEX submissions_awaiting_ai ON submissions (submitted_at) WHERE ai_status = 'pending';
CREATE UNIQUE INDEX submissions_draft ON submissions (assignment_id, student_id) WHERE state = 'draft';
CREATE INDEX submissions_enrollment ON submissions (enrollment_id, course_id, student_id);
CREATE INDEX submissions_graded_by ON submissions (graded_by);
CREATE INDEX submissions_to_grade ON submissions (course_id, submitted_at)
    WHERE state = 'submitted' OR suggested_seq IS NOT NULL;

-- One learner has seen one topic (P2).
CREATE TABLE topic_views (
    -- The row's id.
    id BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    -- The topic.
    topic_id BLOB NOT NULL CHECK (length(topic_id) = 16) REFERENCES topics (id) ON DELETE CASCADE,
    -- The learner's enrollment.
    enrollment_id BLOB NOT NULL CHECK (length(enrollment_id) = 16),
    -- The course, copied from the enrollment.
    course_id BLOB NOT NULL CHECK (length(course_id) = 16),
    -- The learner, copied from the enrollment.
    student_id BLOB NOT NULL CHECK (length(student_id) = 16),
    -- When it was first seen.
    first_viewed_at INTEGER NOT NULL,
    -- When topic_viewed was last written (V3).
    viewed_at INTEGER NOT NULL,
    UNIQUE (topic_id, student_id),
    FOREIGN KEY (enrollment_id, course_id, student_id)
        REFERENCES enrollments (id, course_id, student_id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
CREATE INDEX topic_views_enrollment ON topic_views (enrollment_id, course_id, student_id);

-- A topic: the smallest block of content.
CREATE TABLE topics (
    -- The id.
    id BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    -- The lesson.
    lesson_id BLOB NOT NULL CHECK (length(lesson_id) = 16) REFERENCES lessons (id) ON DELETE CASCADE,
    -- The title, 1 to 200 characters.
    title TEXT NOT NULL CHECK (length(title) BETWEEN 1 AND 200),
    -- What it is.
    content_type TEXT NOT NULL
        CHECK (content_type = 'text' OR content_type = 'video' OR content_type = 'audio' OR content_type = 'image' OR
            content_type = 'file' OR content_type = 'link' OR content_type = 'embed' OR
            (content_type GLOB 'x-?*' AND length(content_type) <= 40)),
    -- Where it is: https or an asset key.
    content_url TEXT,
    -- CommonMark, at most 1 MB; for media a transcript.
    body TEXT CHECK (length(CAST(body AS BLOB)) <= 1048576),
    -- Its place among the lesson's topics.
    order_index INTEGER NOT NULL,
    -- Whether AI made it (L4).
    is_ai_generated INTEGER NOT NULL CHECK (is_ai_generated IN (0, 1)),
    -- The ai_logs row it came from.
    ai_log_id BLOB CHECK (length(ai_log_id) = 16) REFERENCES ai_logs (id),
    -- When a person first edited what AI made.
    ai_edited_at INTEGER,
    -- The topic it was copied from.
    copied_from BLOB CHECK (length(copied_from) = 16) REFERENCES topics (id) ON DELETE SET NULL,
    -- The host's own data (L8).
    metadata TEXT NOT NULL CHECK (json_valid(metadata) AND length(CAST(metadata AS BLOB)) <= 16384),
    -- The row's version (L5).
    version INTEGER NOT NULL CHECK (version >= 0),
    -- When the row was made.
    created_at INTEGER NOT NULL,
    -- When the row last changed.
    updated_at INTEGER NOT NULL
) STRICT;
CREATE INDEX topics_ai_log_id ON topics (ai_log_id);
CREATE INDEX topics_copied_from ON topics (copied_from);
CREATE INDEX topics_lesson_id ON topics (lesson_id);
CREATE UNIQUE INDEX topics_order ON topics (lesson_id, order_index) WHERE order_index >= 0;

-- A user. The row stays for ever; erasing a person blanks it (D5).
CREATE TABLE users (
    -- The id; may be given by the host, any UUID version.
    id BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    -- What they may do beyond courses.
    role TEXT NOT NULL CHECK (role = 'student' OR role = 'instructor' OR role = 'admin' OR role = 'ai'),
    -- The name shown to others.
    display_name TEXT NOT NULL,
    -- The e-mail address, unique where given.
    email TEXT,
    -- The host's own id of this person, unique where given.
    external_id TEXT,
    -- The host's own data, an object of at most 16 KiB, never read by a rule.
    metadata TEXT NOT NULL CHECK (json_valid(metadata) AND length(CAST(metadata AS BLOB)) <= 16384),
    -- When the person was erased; final.
    erased_at INTEGER,
    -- The row's version (L5).
    version INTEGER NOT NULL CHECK (version >= 0),
    -- When the row was made.
    created_at INTEGER NOT NULL,
    -- When the row last changed.
    updated_at INTEGER NOT NULL,
    CONSTRAINT users_erased_without_email CHECK (erased_at IS NULL OR email IS NULL)
) STRICT;
CREATE UNIQUE INDEX users_email ON users (email) WHERE email IS NOT NULL;
CREATE UNIQUE INDEX users_external_id ON users (external_id) WHERE external_id IS NOT NULL;

-- Counts as met without having been done (P12).
CREATE TABLE waivers (
    -- The row's id.
    id BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    -- The learner's enrollment.
    enrollment_id BLOB NOT NULL CHECK (length(enrollment_id) = 16),
    -- The course, copied from the enrollment.
    course_id BLOB NOT NULL CHECK (length(course_id) = 16),
    -- The learner, copied from the enrollment.
    student_id BLOB NOT NULL CHECK (length(student_id) = 16),
    -- The lesson, where it is one.
    lesson_id BLOB CHECK (length(lesson_id) = 16) REFERENCES lessons (id) ON DELETE CASCADE,
    -- The quiz, where it is one.
    quiz_id BLOB CHECK (length(quiz_id) = 16) REFERENCES quizzes (id) ON DELETE CASCADE,
    -- The assignment, where it is one.
    assignment_id BLOB CHECK (length(assignment_id) = 16) REFERENCES assignments (id) ON DELETE CASCADE,
    -- Why.
    reason TEXT NOT NULL,
    -- Who granted it.
    granted_by BLOB NOT NULL CHECK (length(granted_by) = 16) REFERENCES users (id) ON DELETE RESTRICT,
    -- When.
    created_at INTEGER NOT NULL,
    CONSTRAINT waivers_one_item
        CHECK ((lesson_id IS NOT NULL) + (quiz_id IS NOT NULL) + (assignment_id IS NOT NULL) = 1),
    FOREIGN KEY (enrollment_id, course_id, student_id)
        REFERENCES enrollments (id, course_id, student_id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
CREATE INDEX waivers_assignment_id ON waivers (assignment_id);
CREATE UNIQUE INDEX waivers_assignment_once ON waivers (enrollment_id, assignment_id) WHERE assignment_id IS NOT NULL;
CREATE INDEX waivers_enrollment ON waivers (enrollment_id, course_id, student_id);
CREATE INDEX waivers_granted_by ON waivers (granted_by);
CREATE INDEX waivers_lesson_id ON waivers (lesson_id);
CREATE UNIQUE INDEX waivers_lesson_once ON waivers (enrollment_id, lesson_id) WHERE lesson_id IS NOT NULL;
CREATE INDEX waivers_page ON waivers (course_id, id);
CREATE INDEX waivers_quiz_id ON waivers (quiz_id);
CREATE UNIQUE INDEX waivers_quiz_once ON waivers (enrollment_id, quiz_id) WHERE quiz_id IS NOT NULL;
