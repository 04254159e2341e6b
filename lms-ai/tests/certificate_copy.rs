//! Certificate copy: once per course and template version, a draft until a person accepts it (C7).
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "these are tests")]

#[path = "support/postgres.rs"]
mod postgres;
mod support;

use lms_ai::offline::{OFFLINE_MODEL, Offline};
use lms_ai::provider::{Reply, Scripted};
use lms_ai::{About, Ai, Job, Selection};
use lms_core::lms::UpdateCourse;
use lms_core::model::{AiLogStatus, TemplateDocument};
use serde_json::{Value, json};
use support::*;

fn copy(body: &str) -> Value {
    json!({ "headline": "Certificate of completion", "body_template": body, "skills": ["What light does"] })
}

const BODY: &str = "This certifies that {{student_name}} has completed the course {{course_title}}.";

// rules: C7, I2, I3
async fn c7_copy_is_made_once_shown_and_accepted_by_staff<S: Stamped>() {
    let world = World::<S>::fresh().await;
    let admin = world.lms.as_user(world.room.admin);
    let document = TemplateDocument { issuer_name: Some("The School".into()), ..TemplateDocument::default() };
    let template = admin.certificates().save_template(None, "Gold", document).await.unwrap();
    let script = Script::new(Scripted::new().then(Reply::json(&copy(BODY))));
    let ai = world.ai(script.clone());
    let course = world.room.course;
    let outsider = world.room.new_student("Nobody").await.unwrap();
    let denied = ai.propose_certificate(&world.lms.as_user(outsider), course, template.id, About::default()).await;
    assert!(denied.is_err() && script.calls() == 0);
    ai.estimate(&admin, Job::Certificate(course, template.id)).await.unwrap();
    let first = ai.propose_certificate(&admin, course, template.id, About::default()).await.unwrap();
    let again = ai.propose_certificate(&admin, course, template.id, About::default()).await.unwrap();
    assert_eq!((first.operation_id(), script.calls()), (again.operation_id(), 1), "once per course and version");
    // The title and the objectives are told, and nobody's name.
    let request = serde_json::to_string(&script.0.requests()[0].parts).unwrap();
    assert!(request.contains("How Things Work") && request.contains("Explain what light does"));
    assert!(!request.contains("Student 1") && !request.contains("Ines") && !request.contains("Nobody"));
    let denied = ai.apply_certificate(&world.teacher(), first.operation_id(), &Selection::all()).await.unwrap_err();
    assert_eq!(denied.code(), "denied", "templates are the host's");
    let draft = ai.apply_certificate(&admin, first.operation_id(), &Selection::all()).await.unwrap();
    assert!(draft.is_draft && draft.version_no == 2 && draft.ai_log_id == Some(first.log_id()));
    let shown = draft.content().unwrap();
    assert_eq!((shown.body.as_deref(), shown.issuer_name.as_deref()), (Some(BODY), Some("The School")));
    assert_eq!(world.statuses(first.operation_id()).await, [AiLogStatus::Applied]);
    let accepted = admin.certificates().accept_template(draft.id, None).await.unwrap();
    let version = world.room.course().await.unwrap().version;
    let update = UpdateCourse { version, certificate_template_id: Some(Some(accepted.id)), ..UpdateCourse::default() };
    world.teacher().catalog().update_course(course, update).await.unwrap();
}
both!(c7_copy_is_made_once_shown_and_accepted_by_staff);

/// Each rule of the copy has its code.
// rules: C7
#[tokio::test]
async fn c7_each_rule_of_the_copy_has_its_code() {
    use lms_ai::AiTask;
    use lms_ai::task::{CertificateIn, CertificateOut, CertificateTask};
    let input = CertificateIn {
        course_title: "Plants".into(),
        skills: vec!["Explain what light does".into()],
        ..CertificateIn::default()
    };
    let out = |body: &str| CertificateOut {
        headline: "Certificate of completion".into(),
        body_template: body.into(),
        skills: vec!["What light does".into()],
    };
    let codes = |input: &CertificateIn, out: &CertificateOut| {
        CertificateTask::check(input, out).into_iter().map(|v| v.code).collect::<Vec<_>>()
    };
    assert_eq!(codes(&input, &out(BODY)), Vec::<&str>::new());
    let table: [(String, &str); 7] = [
        (BODY.replace("{{student_name}}", "Mira Learner"), "placeholder_missing"),
        (BODY.replace("{{course_title}}", "Plants"), "placeholder_missing"),
        (format!("{BODY} {{{{student_email}}}}"), "placeholder_unknown"),
        (format!("{BODY} {{{{score"), "placeholder_unknown"),
        (format!("{BODY} It took {{{{hours}}}} hours."), "placeholder_unknown"),
        (format!("{BODY} The course is fully accredited."), "claim_not_given"),
        (format!("{BODY} <b>Well done</b>"), "raw_html"),
    ];
    for (body, code) in &table {
        assert!(codes(&input, &out(body)).contains(code), "{body}: {:?}", codes(&input, &out(body)));
    }
    let timed = CertificateIn { has_hours: true, ..input.clone() };
    assert!(codes(&timed, &out(&table[4].0)).is_empty(), "the course has a length");
    let named = CertificateIn { issuer: "The Accredited School".into(), ..input.clone() };
    assert!(codes(&named, &out(&table[5].0)).is_empty(), "the input says so");
    let claims = CertificateOut { skills: vec!["Licensed gardener".into()], ..out(BODY) };
    assert_eq!(codes(&input, &claims), ["claim_not_given"]);
    let short = CertificateOut { headline: "Well".into(), ..out("{{student_name}} {{course_title}}") };
    assert_eq!(codes(&input, &short), ["too_short", "too_short"]);
}

/// The offline provider's copy passes the same rules in each of its languages.
async fn offline_copy_passes_the_checks<S: Stamped>() {
    for language in ["en", "de", "fr", "es"] {
        let world = World::<S>::fresh().await;
        let admin = world.lms.as_user(world.room.admin);
        let document = TemplateDocument { language: Some(language.into()), ..TemplateDocument::default() };
        let template = admin.certificates().save_template(None, "Plain", document).await.unwrap();
        let ai = Ai::new(world.lms.clone(), Offline, OFFLINE_MODEL);
        let found = ai.propose_certificate(&admin, world.room.course, template.id, About::default()).await.unwrap();
        assert_eq!(found.value().skills.len(), 2, "{language}");
        ai.apply_certificate(&admin, found.operation_id(), &Selection::all()).await.unwrap();
    }
}
both!(offline_copy_passes_the_checks);
