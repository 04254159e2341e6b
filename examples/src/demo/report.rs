//! The course's numbers at the end, as a table and as JSON.

use lms_core::store::ById;
use serde_json::{Value, json};

use super::{Authored, Demo, Failure, Learned};

/// Prints the numbers of a course, and returns them.
///
/// # Errors
/// When the store fails.
pub async fn report(demo: &Demo, made: &Authored, learned: &Learned, events: usize) -> Result<Value, Failure> {
    let teacher = demo.lms.as_user(demo.instructor);
    let metrics = teacher.analytics().course_metrics(made.course).await?;
    let structure = teacher.catalog().structure(made.course).await?;
    let shown =
        |percent: Option<lms_core::model::Percent>| percent.map_or_else(|| "–".to_owned(), |p| format!("{p} %"));
    demo.screen.heading("The course in numbers");
    let rows = [
        ("learners", metrics.completion.enrolled.to_string()),
        ("mean completion", shown(metrics.completion.mean_percent)),
        ("completed the course", shown(metrics.completion.completed_percent)),
        ("average quiz score", shown(metrics.quizzes.average)),
        ("active in the last 24 h", metrics.active_24h.to_string()),
        (
            "AI grades applied / suggested / adopted",
            format!("{} / {} / {}", learned.grades.applied, learned.grades.suggested, learned.grades.adopted),
        ),
        ("live events received", events.to_string()),
        ("certificates", learned.certificates.len().to_string()),
    ];
    for (name, value) in &rows {
        demo.screen.line(format!("   {name:<42}{value:>14}"));
    }
    let system = demo.lms.system();
    let enrollments = teacher.enrollment().of_course(made.course, ById { after: None, limit: 500 }).await?;
    let logs = system.ai_log().logs(Default::default(), ById { after: None, limit: 500 }).await?;
    Ok(json!({
        "course": structure.course.title,
        "course_id": made.course,
        "counts": {
            "lessons": structure.lessons.len(),
            "topics": structure.topics.len(),
            "quizzes": structure.quizzes.len(),
            "assignments": structure.assignments.len(),
            "objectives": structure.objectives.len(),
            "enrollments": enrollments.len(),
            "certificates": learned.certificates.len(),
            "ai_logs_of_all_courses_at_most_500": logs.len(),
        },
        "metrics": metrics,
        "events": events,
        "ai_grading": {
            "applied": learned.grades.applied,
            "suggested": learned.grades.suggested,
            "adopted": learned.grades.adopted,
        },
        "certificates": learned.certificates.iter().map(|c| json!({
            "code": c.code,
            "student": c.snapshot.student_name,
            "url": c.certificate_url,
        })).collect::<Vec<_>>(),
    }))
}
