//! Rows of the table about content, and what AI makes of it.

use super::*;
use crate::lms::{CourseDraft, Linked};
use crate::model::{SubjectType, TemplateDocument};
use crate::store::CourseFilter;

/// Who may create courses.
const CREATORS: &[&str] = &["admin", "owner", "instructor", "instructor elsewhere", "ai for the owner"];
/// The same with the system, which says for whom; also who chooses among templates.
const CREATORS_AND_SYSTEM: &[&str] =
    &["admin", "owner", "instructor", "instructor elsewhere", "ai for the owner", "system"];

fn quiz_by_ai() -> NewQuiz {
    NewQuiz { questions: vec![truth()], ..NewQuiz::titled("By AI") }
}

fn truth() -> NewQuestion {
    NewQuestion::new("Is it?", QuestionBody::TrueFalse { correct: true })
}

fn course_by_ai() -> CourseDraft {
    CourseDraft { course: NewCourse::titled("By AI"), objectives: Vec::new(), lessons: Vec::new() }
}

/// What is to be deleted is made by an admin before each try; what is to be applied was applied before.
pub(super) fn rows() -> Vec<Row> {
    rows! {
        "read a course" for AUTHORS => |s, w| s.catalog().course(w.course);
        "read a lesson as its author" for AUTHORS => |s, w| s.catalog().lesson(w.lesson);
        "read the topics of a lesson" for AUTHORS => |s, w| s.catalog().topics(w.lesson);
        "read a topic as its author" for AUTHORS => |s, w| s.catalog().topic(w.topic);
        "read a quiz as its author" for AUTHORS => |s, w| s.catalog().quiz(w.quiz);
        "read an assignment as its author" for AUTHORS => |s, w| s.catalog().assignment(w.assignment);
        "find a course among one's own" for &["admin", "owner", "instructor", "ai for the owner", "system"] => |s, w| async move {
            let found = s.catalog().courses(CourseFilter::default(), ById { after: None, limit: 500 }).await?;
            found.into_iter().find(|course| course.id == w.course).ok_or_else(|| Error::not_found(SubjectType::Course, w.course))
        };
        "ask whether one may create a course" for CREATORS => |s, _w| s.catalog().require_may_create_course();
        "import a course" for CREATORS_AND_SYSTEM => |s, w| async move {
            let document = s.lms().as_user(w.admin).catalog().export_course(w.course).await?;
            s.catalog().import_course(document, ImportOptions::default()).await
        };
        "add an objective" for AUTHORS => |s, w| s.catalog().add_objective(w.course, "known", "Taken.");
        "edit an objective" for AUTHORS => |s, w| s.catalog().update_objective(w.course, w.objective, 99, "known", "Another.");
        "delete an objective" for MANAGERS => |s, w| async move {
            let key = format!("k{}", s.lms().ids().uuid(s.lms().now()).simple());
            let made = s.lms().as_user(w.admin).catalog().add_objective(w.course, key, "For a moment.").await?;
            s.catalog().delete_objective(w.course, made.id).await
        };
        "link objectives to a lesson" for AUTHORS => |s, w| s.catalog().link_objectives(w.lesson, Vec::new());
        "set the objectives of a question" for AUTHORS => |s, w| s.catalog().set_objectives(Linked::Question(w.question), Vec::new());
        "require a lesson before another" for AUTHORS => |s, w| s.catalog().require_lesson(w.lesson, w.lesson, true);
        "add a question" for AUTHORS => |s, w| s.catalog().add_question(w.quiz, truth());
        "delete a question" for MANAGERS => |s, w| async move {
            let made = s.lms().as_user(w.admin).catalog().add_question(w.quiz, truth()).await?;
            s.catalog().delete_question(made.id).await
        };
        "take GIFT in" for AUTHORS => |s, w| s.catalog().import_gift(w.quiz, 99, "? {T}");
        "delete a topic" for MANAGERS => |s, w| async move {
            let made = s.lms().as_user(w.admin).catalog().add_topic(w.lesson, NewTopic::text("For a moment", "A text.")).await?;
            s.catalog().delete_topic(made.id).await
        };
        "delete a lesson" for MANAGERS => |s, w| async move {
            let admin = s.lms().as_user(w.admin);
            let made = admin.catalog().add_lesson(w.course, NewLesson::titled("For a moment")).await?;
            let plan = admin.catalog().plan_delete(Item::Lesson(made.id)).await?;
            s.catalog().delete(&plan).await
        };
        "apply a course by AI" for CREATORS => |s, w| s.catalog().apply_course(course_by_ai(), w.spent);
        "apply a text by AI" for AUTHORS => |s, w| s.catalog().apply_body(w.topic, "By AI.".into(), None, w.spent);
        "apply a quiz by AI" for AUTHORS => |s, w| s.catalog().apply_quiz(w.lesson, quiz_by_ai(), w.spent.into());
        "apply an assignment by AI" for AUTHORS => |s, w| s.catalog().apply_assignment(w.lesson, NewAssignment::new("By AI", Points::whole(5).unwrap()), w.spent.into());
        // Templates are everybody's, so they are an admin's to change.
        "save a template" for PEOPLE => |s, _w| s.certificates().save_template(None, "Another", TemplateDocument::default());
        "apply certificate copy by AI" for PEOPLE => |s, w| s.certificates().apply_copy(w.template, "By AI".into(), "{{student_name}}: {{course_title}}".into(), w.spent);
        "accept a template" for PEOPLE => |s, w| s.certificates().accept_template(w.template, None);
        "archive a template" for PEOPLE => |s, w| s.certificates().archive_template(w.template, false);
        "delete a template" for PEOPLE => |s, w| async move {
            let made = s.lms().as_user(w.admin).certificates().save_template(None, "For a moment", TemplateDocument::default()).await?;
            s.certificates().delete_template(made.id).await
        };
        "read the versions of a template" for CREATORS_AND_SYSTEM => |s, w| s.certificates().template_versions(w.template);
    }
}
