//! Every public future of the use cases is Send, so that a host may spawn it on any runtime. The proof is
//! that this file compiles.
#![allow(clippy::unwrap_used, clippy::panic, reason = "these are tests")]

mod sources;

use std::future::Future;
use std::sync::Arc;

use lms_core::Lms;
use lms_core::lms::{DeletePlan, Session};
use lms_core::store::Store;

/// A value of any type, for code that is compiled and never run.
fn any<T>() -> T {
    panic!("this is compiled, not run")
}

fn send<F: Future + Send>(_: F) {}

fn shared<T: Clone + Send + Sync + 'static>() {}

/// The library over a store that is known at run time only: a host's code needs no type parameter.
fn over_any_store(store: Arc<dyn Store>) -> Lms {
    shared::<Lms>();
    shared::<Session>();
    shared::<Arc<dyn Store>>();
    Lms::over(store).build()
}

fn people(s: &Session) {
    send(s.people().ensure_user(any()));
    send(s.people().user(any()));
    send(s.people().user_by_external_id(""));
    send(s.people().user_by_email(""));
    send(s.people().users(any()));
    send(s.people().update_user(any(), any()));
    send(s.people().set_role(any(), any()));
    send(s.people().erase_person(any()));
    send(s.people().export_person(any()));
}

fn catalog(s: &Session) {
    send(s.catalog().apply_course(any(), any()));
    send(s.catalog().require_may_create_course());
    send(s.catalog().apply_body(any(), any(), any(), any()));
    send(s.catalog().apply_quiz(any(), any(), any()));
    send(s.catalog().apply_assignment(any(), any(), any()));
    send(s.catalog().add_assignment(any(), any()));
    send(s.catalog().assignment(any()));
    send(s.catalog().update_assignment(any(), any()));
    send(s.catalog().publish_assignment(any(), any()));
    send(s.catalog().set_max_grade(any(), any()));
    send(s.catalog().create_course(any()));
    send(s.catalog().update_course(any(), any()));
    send(s.catalog().publish_course(any(), any()));
    send(s.catalog().archive_course(any(), any()));
    send(s.catalog().add_objective(any(), "key", "text"));
    send(s.catalog().update_objective(any(), any(), any(), "key", "text"));
    send(s.catalog().delete_objective(any(), any()));
    send(s.catalog().plan_unpublish(any()));
    send(s.catalog().set_staff(any(), any(), any()));
    send(s.catalog().set_owner(any(), any()));
    send(s.catalog().staff(any(), any()));
    send(s.catalog().plan_delete(any()));
    send(s.catalog().delete(&any::<DeletePlan>()));
    send(s.catalog().delete_topic(any()));
    send(s.catalog().delete_question(any()));
    send(s.catalog().add_lesson(any(), any()));
    send(s.catalog().lesson(any()));
    send(s.catalog().update_lesson(any(), any()));
    send(s.catalog().publish_lesson(any(), any()));
    send(s.catalog().require_lesson(any(), any(), any()));
    send(s.catalog().set_objectives(any(), any()));
    send(s.catalog().link_objectives(any(), any()));
    send(s.catalog().reorder(any(), any(), any()));
    send(s.catalog().course(any()));
    send(s.catalog().structure(any()));
    send(s.catalog().courses(any(), any()));
    send(s.catalog().topics(any()));
    send(s.catalog().questions(any()));
    send(s.catalog().add_quiz(any(), any()));
    send(s.catalog().quiz(any()));
    send(s.catalog().update_quiz(any(), any()));
    send(s.catalog().publish_quiz(any(), any()));
    send(s.catalog().add_question(any(), any()));
    send(s.catalog().update_question(any(), any(), any()));
    send(s.catalog().add_topic(any(), any()));
    send(s.catalog().topic(any()));
    send(s.catalog().update_topic(any(), any()));
    send(s.catalog().copy_into(any(), any(), any()));
    send(s.catalog().copy_course(any(), any(), any()));
    send(s.catalog().export_course(any()));
    send(s.catalog().import_course(any(), any()));
    send(s.catalog().export_gift(any()));
    send(s.catalog().import_gift(any(), any(), ""));
}

fn enrollment(s: &Session) {
    send(s.enrollment().enroll_self(any()));
    send(s.enrollment().enroll(any(), any(), any()));
    send(s.enrollment().enroll_many(any(), any(), any()));
    send(s.enrollment().withdraw(any(), any()));
    send(s.enrollment().suspend(any(), any()));
    send(s.enrollment().reactivate(any(), any()));
    send(s.enrollment().enrollment(any(), any()));
    send(s.enrollment().of_course(any(), any()));
    send(s.enrollment().mine());
}

fn learning(s: &Session) {
    send(s.learning().open_course(any()));
    send(s.learning().open_lesson(any()));
    send(s.learning().view_topic(any()));
    send(s.learning().complete_lesson(any()));
    send(s.learning().undo_complete_lesson(any()));
    send(s.learning().standing(any(), any()));
    send(s.learning().access(any(), any()));
    send(s.learning().read_lesson(any()));
    send(s.learning().read_course(any()));
    send(s.learning().open_courses(any()));
}

fn quizzes(s: &Session) {
    send(s.quizzes().start(any()));
    send(s.quizzes().save(any(), "", any(), any()));
    send(s.quizzes().submit(any()));
    send(s.quizzes().view_attempt(any()));
    send(s.quizzes().attempts(any(), any()));
    send(s.quizzes().preview_quiz(any()));
    send(s.quizzes().expire_due(any()));
    send(s.quizzes().grade_answer(any(), any(), any()));
    send(s.quizzes().adopt_suggestion(any(), any(), any(), any()));
    send(s.quizzes().dismiss_suggestion(any(), any(), any(), any()));
    send(s.quizzes().clear_answer(any(), any(), any(), any()));
    send(s.quizzes().apply_ai_answer_grade(any(), any(), any(), any()));
    send(s.quizzes().ai_answer_grading_failed(any(), any(), any()));
    send(s.quizzes().awaiting_ai(any()));
    send(s.quizzes().essays(any()));
    send(s.quizzes().void(any(), ""));
    send(s.quizzes().preview_regrade(any(), any(), any(), any()));
    send(s.quizzes().regrade(any(), any(), any()));
    send(s.quizzes().request_review(any(), any(), ""));
    send(s.quizzes().reviews(any()));
    send(s.quizzes().answer_review(any(), any(), any()));
}

fn assignments(s: &Session) {
    send(s.assignments().save_draft(any(), any()));
    send(s.assignments().submit(any(), any()));
    send(s.assignments().view(any()));
    send(s.assignments().submissions(any(), any()));
    send(s.assignments().submission(any()));
    send(s.assignments().history(any()));
    send(s.assignments().grading(any()));
    send(s.assignments().awaiting_ai(any()));
    send(s.assignments().grade(any(), any()));
    send(s.assignments().apply_ai_grade(any(), any(), any()));
    send(s.assignments().ai_grading_failed(any(), any()));
    send(s.assignments().adopt_suggestion(any(), any(), any()));
    send(s.assignments().dismiss_suggestion(any(), any(), any()));
    send(s.assignments().clear_grade(any(), any(), any()));
    send(s.assignments().return_for_revision(any()));
    send(s.assignments().post_grade(any(), any()));
    send(s.assignments().post_grades(any(), any()));
    send(s.assignments().grade_many(any(), any()));
    send(s.assignments().request_review(any(), ""));
    send(s.assignments().reviews(any()));
    send(s.assignments().answer_review(any(), any()));
}

fn grants(s: &Session) {
    send(s.grants().extend(any(), any(), any()));
    send(s.grants().extend_many(any(), any(), any(), any()));
    send(s.grants().excuse(any(), any(), any(), ""));
    send(s.grants().excuse_many(any(), any(), any(), "", any()));
    send(s.grants().waive(any(), any(), ""));
    send(s.grants().revoke_waiver(any(), any()));
    send(s.grants().overrides(any(), any(), any()));
    send(s.grants().waivers(any(), any(), any()));
    send(s.grants().reset_progress(any(), any(), ""));
}

fn certificates(s: &Session) {
    send(s.certificates().eligibility(any(), any()));
    send(s.certificates().issue(any(), any(), any()));
    send(s.certificates().of(any(), any()));
    send(s.certificates().verify(""));
    send(s.certificates().revoke(any(), any(), any()));
    send(s.certificates().renderings(any(), any(), any()));
    send(s.certificates().retry_failed(any()));
    send(s.certificates().set_ready(any(), any(), any(), any()));
    send(s.certificates().set_failed(any(), any(), "", ""));
    send(s.certificates().retry_rendering(any(), any()));
    send(s.certificates().erased(any()));
    send(s.certificates().save_template(any(), "", any()));
    send(s.certificates().template_versions(any()));
    send(s.certificates().templates(any()));
    send(s.certificates().of_course(any(), any()));
    send(s.certificates().of_person(any(), any()));
    send(s.certificates().apply_copy(any(), any(), any(), any()));
    send(s.certificates().accept_template(any(), any()));
    send(s.certificates().archive_template(any(), any()));
    send(s.certificates().delete_template(any()));
    send(s.certificates().reissue(any(), any(), ""));
    send(s.certificates().revisions(any(), any()));
    send(s.certificates().set_files_deleted(any()));
}

fn analytics(s: &Session) {
    send(s.analytics().completion(any()));
    send(s.analytics().quiz_average(any(), any()));
    send(s.analytics().active_students(any(), any()));
    send(s.analytics().on_time(any()));
    send(s.analytics().course_metrics(any()));
    send(s.analytics().course_score(any(), any()));
}

fn overview(s: &Session) {
    send(s.overview().outline(any(), any()));
    send(s.overview().scorecard(any(), any()));
    send(s.overview().to_grade(any(), any()));
    send(s.overview().to_grade_after(any(), any(), any()));
    send(s.overview().learner_home(any()));
    send(s.overview().gradebook(any(), any()));
    send(s.overview().gradebook_csv(any()));
    send(s.overview().mark_pairs(any(), any(), any(), 1));
    send(s.overview().roster(any(), any(), any()));
    send(s.overview().roster_csv(any(), any()));
    send(s.overview().lesson_funnel(any()));
}

fn activity(s: &Session) {
    send(s.activity().record(any()));
    send(s.activity().events(any(), any(), any()));
    send(s.activity().audit(any()));
    send(s.activity().repair(any()));
    send(s.activity().export_xapi(any(), any(), any(), any()));
}

fn ai_log(s: &Session) {
    send(s.ai_log().claim(any()));
    send(s.ai_log().finish(any(), any()));
    send(s.ai_log().settle(any(), any(), any()));
    send(s.ai_log().costs(any()));
    send(s.ai_log().blank_expired());
    send(s.ai_log().drop_answer(any()));
    send(s.ai_log().log(any()));
    send(s.ai_log().operation(any()));
    send(s.ai_log().logs(any(), any()));
    send(s.ai_log().sweep());
}

fn ai_budgets(s: &Session) {
    send(s.ai_budgets().set(any(), any()));
    send(s.ai_budgets().limits(any(), any()));
    send(s.ai_budgets().spending(any(), any(), any()));
    send(s.ai_budgets().spending_of(any(), any()));
}

fn library(lms: &Lms) {
    send(lms.tick());
    send(lms.health());
    send(lms.migrate());
    send(lms.settle());
    send(lms.forget_consumer("consumer"));
    send(lms.background().run(std::future::pending()));
    send(lms.background().tick());
    send(lms.live().head());
    send(lms.live().events(&any::<Session>(), any(), any()));
    send(lms.live().follow(&any::<Session>(), any(), any()));
    send(lms.lease(any()));
    let lease = any::<lms_core::lms::Lease>();
    send(lease.events(any(), any()));
    send(lease.write(any(), any()));
    send(lease.renew());
    send(lease.release());
    send(lms.live().course_metrics(&any::<Session>(), any()));
    send(lms.live().learner_progress(&any::<Session>(), any(), any()));
}

fn planning(s: &Session) {
    send(s.plan(|s| async move { s.people().user(any()).await }));
}

/// A stream of live things is Send as well.
fn streams(s: &Session) {
    fn send<T: Send>(_: T) {}
    send(any::<lms_core::live::LiveStream<lms_core::live::LiveEvent>>());
    send(any::<lms_core::live::LiveStream<lms_core::live::LiveItem>>());
    send(s.clone());
}

/// An area, how it is called, and the function that names its futures.
type Area = (&'static str, &'static str, fn(&Session));
const AREAS: &[Area] = &[
    ("People", "s.people()", people),
    ("Catalog", "s.catalog()", catalog),
    ("Enrollments", "s.enrollment()", enrollment),
    ("Learning", "s.learning()", learning),
    ("Quizzes", "s.quizzes()", quizzes),
    ("Assignments", "s.assignments()", assignments),
    ("Grants", "s.grants()", grants),
    ("Certificates", "s.certificates()", certificates),
    ("Analytics", "s.analytics()", analytics),
    ("Overview", "s.overview()", overview),
    ("Activity", "s.activity()", activity),
    ("AiRecord", "s.ai_log()", ai_log),
    ("AiBudgets", "s.ai_budgets()", ai_budgets),
];
const LIBRARY: fn(&Lms) = library;
const PLANNING: fn(&Session) = planning;
const STREAMS: fn(&Session) = streams;
const OVER: fn(Arc<dyn Store>) -> Lms = over_any_store;

#[test]
fn no_public_future_is_missing_above() {
    let _ = (LIBRARY, STREAMS, OVER, PLANNING);
    let named: String = include_str!("send.rs").split_whitespace().collect();
    let areas = AREAS.iter().map(|(area, call, _)| (*area, *call));
    let library = [
        ("Session", "s"),
        ("Lms", "lms"),
        ("Background", "lms.background()"),
        ("Live", "lms.live()"),
        ("Lease", "lease"),
    ];
    let mut all = 0;
    for (of, call) in areas.chain(library) {
        let found = sources::methods(of);
        for method in &found {
            assert!(named.contains(&format!("send({call}.{method}(")), "{of}::{method} is not held to be Send");
        }
        all += found.len();
    }
    assert!(all > 100, "only {all} futures were found");
}
