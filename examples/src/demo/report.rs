//! The course's numbers at the end, as a table and as JSON.

use lms_core::model::{Certificate, Percent};
use serde_json::{Value, json};

use super::{Authored, Demo, Failure, Learned};

/// Prints the numbers of a course and where its certificates are, and returns them.
///
/// # Errors
/// When the store fails.
pub async fn report(demo: &Demo, made: &Authored, learned: &Learned) -> Result<Value, Failure> {
    let events = demo.watch.caught_up().await?;
    let teacher = demo.lms.as_user(demo.instructor);
    let metrics = teacher.analytics().course_metrics(made.course).await?;
    let structure = teacher.catalog().structure(made.course).await?;
    let shown = |percent: Option<Percent>| percent.map_or_else(|| "–".to_owned(), |p| format!("{p} %"));
    let on_time = metrics.on_time.first().and_then(|of| of.found.rate);
    demo.screen.heading("The course in numbers");
    let grades = &learned.grades;
    let rows = [
        ("learners", metrics.completion.enrolled.to_string()),
        ("active in the last 24 hours", metrics.active_24h.to_string()),
        ("mean completion", shown(metrics.completion.mean_percent)),
        ("completed the course", shown(metrics.completion.completed_percent)),
        ("average quiz score", shown(metrics.quizzes.average)),
        ("essays on time", shown(on_time)),
        ("AI grades applied / suggested / adopted", {
            format!("{} / {} / {}", grades.applied, grades.suggested, grades.adopted)
        }),
        ("certificates", learned.certificates.len().to_string()),
        ("live events received", events.to_string()),
    ];
    for (name, value) in &rows {
        demo.screen.line(format!("   {name:<42}{value:>12}"));
    }
    if !learned.certificates.is_empty() {
        demo.screen.heading("Certificates");
    }
    for certificate in &learned.certificates {
        let name = &certificate.snapshot.student_name;
        demo.screen.line(format!("   {}  {name}\n      {}", certificate.code, place(certificate)));
    }
    Ok(json!({
        "course": {
            "id": made.course,
            "title": structure.course.title,
            "lessons": structure.lessons.len(),
            "topics": structure.topics.len(),
            "quizzes": structure.quizzes.len(),
            "assignments": structure.assignments.len(),
            "objectives": structure.objectives.len(),
        },
        "ai": { "provider": demo.ai.provider_name(), "model": demo.ai.model() },
        "metrics": metrics,
        "events": events,
        "ai_grading": { "applied": grades.applied, "suggested": grades.suggested, "adopted": grades.adopted },
        "certificates": learned.certificates.iter().map(|c| json!({
            "code": c.code,
            "student": c.snapshot.student_name,
            "pdf": c.certificate_url,
        })).collect::<Vec<_>>(),
    }))
}

/// Where the PDF is, or why there is none.
fn place(certificate: &Certificate) -> String {
    match (&certificate.certificate_url, &certificate.rendering_error) {
        (Some(url), _) => url.clone(),
        (None, Some(why)) => format!("no PDF: {why}"),
        (None, None) => "no PDF yet".to_owned(),
    }
}
