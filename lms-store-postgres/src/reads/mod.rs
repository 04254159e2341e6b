//! Reads: every load is one statement that answers with one JSON document, so that it is one round trip
//! and one snapshot.

pub(crate) mod ai_budgets;
pub(crate) mod ai_logs;
pub(crate) mod analytics;
pub(crate) mod catalog;
pub(crate) mod certificates;
pub(crate) mod content;
pub(crate) mod events;
pub(crate) mod home;
pub(crate) mod learner;
pub(crate) mod learning;
pub(crate) mod people;

use std::sync::Arc;

use lms_core::model::{Enrollment, Override, Rendering, Waiver};
use lms_core::store::ById;
use uuid::Uuid;

use crate::sql::Names;

macro_rules! statements {
    ($($(#[$doc:meta])* $name:ident = $text:expr;)*) => {
        /// Every statement that reads, expanded once.
        pub(crate) struct Statements { $($(#[$doc])* pub(crate) $name: Arc<str>,)* }
        impl Statements {
            pub(crate) fn new(names: &Names) -> Self {
                Self { $($name: names.expand(&$text),)* }
            }
            /// All of them by name, for the tests that prepare and explain each.
            #[cfg(feature = "testing")]
            pub(crate) fn all(&self) -> Vec<(&'static str, Arc<str>)> {
                vec![$((stringify!($name), self.$name.clone()),)*]
            }
        }
    };
}

statements! {
    person = people::person();
    person_by_email = people::person_by_email();
    users = people::users();
    staff = people::staff();
    names = people::names();
    course = catalog::course();
    courses_all = catalog::courses(&catalog::CoursesBy::Id);
    courses_instructor = catalog::courses(&catalog::CoursesBy::Instructor);
    courses_external_id = catalog::courses(&catalog::CoursesBy::ExternalId);
    offers = catalog::offers();
    structure = catalog::structure();
    topics = catalog::topics();
    questions = catalog::questions();
    revision = catalog::revision();
    revision_with = catalog::revision_with();
    template = catalog::template();
    templates = certificates::templates();
    work_counts = catalog::work_counts();
    objective_links = catalog::objective_links();
    course_content = catalog::course_content();
    content_course = content::statement(content::Place::Course);
    content_objectives = content::statement(content::Place::Objectives);
    content_lesson = content::statement(content::Place::Lesson);
    content_lesson_topics = content::statement(content::Place::LessonTopics);
    content_lesson_quizzes = content::statement(content::Place::LessonQuizzes);
    content_lesson_assignments = content::statement(content::Place::LessonAssignments);
    content_topic = content::statement(content::Place::Topic);
    content_quiz = content::statement(content::Place::Quiz);
    content_quiz_questions = content::statement(content::Place::QuizQuestions);
    content_question = content::statement(content::Place::Question);
    content_assignment = content::statement(content::Place::Assignment);
    learner_course = learner::statement(learner::Place::Course);
    learner_lesson = learner::statement(learner::Place::Lesson);
    learner_topic = learner::statement(learner::Place::Topic);
    learner_quiz = learner::statement(learner::Place::Quiz);
    learner_attempt = learner::statement(learner::Place::Attempt);
    learner_assignment = learner::statement(learner::Place::Assignment);
    learner_submission = learner::statement(learner::Place::Submission);
    learners_course = learner::statement_of_many(learner::Place::Course);
    learners_lesson = learner::statement_of_many(learner::Place::Lesson);
    learners_topic = learner::statement_of_many(learner::Place::Topic);
    learners_quiz = learner::statement_of_many(learner::Place::Quiz);
    learners_attempt = learner::statement_of_many(learner::Place::Attempt);
    learners_assignment = learner::statement_of_many(learner::Place::Assignment);
    learners_submission = learner::statement_of_many(learner::Place::Submission);
    record = learning::record();
    records = learning::records();
    home = home::home();
    enrollments_of = learning::enrollments_of();
    enrollments = learning::of_course::<Enrollment>();
    overrides = learning::of_course::<Override>();
    waivers = learning::of_course::<Waiver>();
    overdue_attempts = learning::overdue_attempts();
    awaiting_ai = learning::awaiting_ai();
    to_grade = learning::to_grade();
    versions = learning::versions();
    attempts = learning::attempts();
    members = learning::members();
    open_reviews = learning::open_reviews();
    pending_attempts = learning::pending_attempts();
    feedback_of = learning::feedback_of();
    attempts_awaiting_ai = learning::attempts_awaiting_ai();
    work_of = learning::work_of();
    answer_entries = learning::answer_entries();
    marked_attempts = learning::marked_attempts();
    scored_work = learning::scored_work();
    work_names = learning::work_names();
    reviews_of = learning::reviews_of();
    grades_above = learning::grades_above();
    open_jobs = learning::open_jobs();
    certificate = certificates::by("t.id = $1::uuid");
    certificate_by_code = certificates::by("t.code = $1");
    certificate_of = certificates::by("t.course_id = $1::uuid AND t.student_id = $2::uuid");
    certificates = certificates::of_course();
    certificates_of = certificates::of_person();
    renderings_pending = certificates::renderings(Rendering::Pending, false);
    renderings_pending_course = certificates::renderings(Rendering::Pending, true);
    renderings_ready = certificates::renderings(Rendering::Ready, false);
    renderings_ready_course = certificates::renderings(Rendering::Ready, true);
    renderings_failed = certificates::renderings(Rendering::Failed, false);
    renderings_failed_course = certificates::renderings(Rendering::Failed, true);
    certificate_revisions = certificates::revisions();
    template_versions = certificates::template_versions();
    erased_renderings = certificates::erased();
    certificate_facts = certificates::facts();
    completion = analytics::completion();
    lesson_counts = analytics::lesson_counts();
    quiz_percents_quiz = analytics::quiz_percents("r.quiz_id = $1::uuid");
    quiz_percents_lesson =
        analytics::quiz_percents("r.quiz_id IN (SELECT id FROM {lms}.quizzes WHERE lesson_id = $1::uuid)");
    quiz_percents_course = analytics::quiz_percents("e.course_id = $1::uuid");
    active_students_course = analytics::active_students(true);
    active_students_all = analytics::active_students(false);
    on_time = analytics::on_time();
    ends = events::ends();
    events_all = events::page(events::Key::All);
    events_course = events::page(events::Key::Course);
    events_student = events::page(events::Key::Student);
    events_kinds = events::kinds();
    event = events::one("t.id = $1::uuid");
    event_at = events::one("t.position = $1::bigint");
    consumers = events::consumers();
    lease = events::lease();
    release = events::release();
    forget_consumer = events::forget_consumer();
    trim = events::trim();
    ai_log = ai_logs::by_id();
    ai_operation = ai_logs::operation();
    ai_logs_all = ai_logs::page(ai_logs::Key::All, false);
    ai_logs_course = ai_logs::page(ai_logs::Key::Course, false);
    ai_logs_actor = ai_logs::page(ai_logs::Key::Actor, false);
    ai_logs_all_newest = ai_logs::page(ai_logs::Key::All, true);
    ai_logs_course_newest = ai_logs::page(ai_logs::Key::Course, true);
    ai_logs_actor_newest = ai_logs::page(ai_logs::Key::Actor, true);
    ai_costs_all = ai_logs::costs(ai_logs::Key::All);
    ai_costs_course = ai_logs::costs(ai_logs::Key::Course);
    ai_costs_actor = ai_logs::costs(ai_logs::Key::Actor);
    expired_ai_logs = ai_logs::expired();
    ai_budgets = ai_budgets::budgets();
    ai_spending = ai_budgets::spending();
    ai_spending_of = ai_budgets::spending_of();
    ai_logs_of = ai_logs::of();
    stale_ai_logs = ai_logs::stale();
}

/// The least id: a page begins above it.
pub(crate) fn above(page: ById) -> Uuid {
    page.after.unwrap_or(Uuid::nil())
}

/// At most this many rows.
pub(crate) fn at_most(page: ById) -> i64 {
    i64::from(page.limit.clamp(1, 500))
}

/// A statement that answers with one list.
fn listing(list: &str) -> String {
    format!("SELECT {list}::text")
}

/// A user by a parameter that may be null.
fn user(param: &str) -> String {
    crate::sql::one::<lms_core::model::User>(&format!("WHERE t.id = {param}"))
}

/// A user's place in the staff of a course.
fn staff_of(course: &str, user: &str) -> String {
    crate::sql::one::<lms_core::model::CourseStaff>(&format!("WHERE t.course_id = {course} AND t.user_id = {user}"))
}
