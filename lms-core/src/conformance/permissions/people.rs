//! Rows of the table about people: their places in courses, their work and its marks, and what is told of them.

use super::*;
use crate::lms::{AiGrade, ManyReport, MarkFilter, ToGradePlace, XapiOptions};
use crate::model::{AiLog, AiLogStatus, SubjectType};

const AI_FOR_THE_OWNER: &[&str] = &["ai for the owner"];
const AI_AND_SYSTEM: &[&str] = &["ai for the owner", "system"];

/// The error of a report's only row.
fn only<T>(report: ManyReport<T>) -> Result<(), Error> {
    report.rows.into_iter().find_map(|row| row.error).map_or(Ok(()), Err)
}

/// A mark by AI that nobody could take.
fn mark() -> AiGrade {
    AiGrade {
        rubric_scores: None,
        points: Points::whole(1_000).unwrap(),
        feedback: "Read.".into(),
        needs_review: false,
        reasons: Vec::new(),
    }
}

/// The row of a call as it stands.
async fn call(s: &Session, w: World) -> Result<AiLog, Error> {
    s.lms().as_user(w.admin).ai_log().log(w.log).await
}

pub(super) fn rows() -> Vec<Row> {
    rows! {
        "know a person" for PEOPLE => |s, _w| s.people().ensure_user(NewUser::new(Role::Student, "Somebody").with_external_id("somebody"));
        "read a person" for &["admin", "system", "learner"] => |s, w| s.people().user(w.learner);
        // Places in courses.
        "find a course among those one is enrolled in" for LEARNERS => |s, w| async move {
            let mine = s.enrollment().mine().await?;
            mine.into_iter().find(|own| own.course_id == w.course).ok_or_else(|| Error::not_found(SubjectType::Course, w.course))
        };
        "enroll many" for &["admin", "owner", "instructor", "system", "learner"] => |s, w| async move {
            let people = vec![(w.learner, EnrollOptions::default())];
            s.enrollment().enroll_many(w.course, people, ManyMode::BestEffort).await.and_then(only)
        };
        "extend many" for MANAGERS => |s, w| async move {
            let more = Extension::because("ill");
            s.grants().extend_many(Item::Quiz(w.quiz), vec![w.learner], more, ManyMode::BestEffort).await.and_then(only)
        };
        "excuse many" for MANAGERS => |s, w| async move {
            s.grants().excuse_many(Item::Quiz(w.quiz), vec![w.learner], false, "ill", ManyMode::BestEffort).await.and_then(only)
        };
        // One's own work.
        "open a course" for LEARNERS => |s, w| s.learning().open_course(w.course);
        "open a lesson" for LEARNERS => |s, w| s.learning().open_lesson(w.lesson);
        "take one's mark back" for LEARNERS => |s, w| s.learning().undo_complete_lesson(w.lesson);
        "save a draft" for LEARNERS => |s, w| s.assignments().save_draft(w.assignment, NewSubmission::text("A text."));
        "ask for a review of an answer" for LEARNER => |s, w| s.quizzes().request_review(w.attempt, w.question, "please");
        "read the reviews of a work" for READERS_AND_LEARNER => |s, w| s.assignments().reviews(w.submission);
        "read the reviews of an attempt" for READERS_AND_LEARNER => |s, w| s.quizzes().reviews(w.attempt);
        "answer a review of an answer" for GRADERS => |s, w| s.quizzes().answer_review(w.attempt, w.question, ReviewAnswer { change: None, reason: "no".into() });
        "post a grade" for GRADERS => |s, w| s.assignments().post_grade(w.assignment, w.learner);
        // Marks by AI, on work that AI grades.
        "find work for AI to grade" for SYSTEM => |s, _w| s.assignments().awaiting_ai(5);
        "find answers for AI to grade" for SYSTEM => |s, _w| s.quizzes().awaiting_ai(5);
        "mark a work by AI" for AI_FOR_THE_OWNER => |s, w| s.assignments().apply_ai_grade(w.graded_by_ai, mark(), w.spent);
        "mark an answer by AI" for AI_FOR_THE_OWNER => |s, w| s.quizzes().apply_ai_answer_grade(w.essay.0, w.essay.1, mark(), w.spent);
        "give a work up for AI" for AI_AND_SYSTEM => |s, w| s.assignments().ai_grading_failed(w.graded_by_ai, "refused".into());
        "give an answer up for AI" for AI_AND_SYSTEM => |s, w| s.quizzes().ai_answer_grading_failed(w.essay.0, w.essay.1, "refused".into());
        // What is told of the course.
        "read the gradebook as CSV" for READERS => |s, w| s.overview().gradebook_csv(w.course);
        "read the roster as CSV" for READERS => |s, w| s.overview().roster_csv(w.course, RosterFilter::default());
        "read the funnel of lessons" for READERS => |s, w| s.overview().lesson_funnel(w.course);
        "read what else is to be graded" for READERS => |s, w| s.overview().to_grade_after(w.course, ToGradePlace::default(), 5);
        "read marks by AI beside marks by people" for READERS => |s, w| s.overview().mark_pairs(w.course, MarkFilter::default(), None, 5);
        "read completion" for NUMBERS => |s, w| s.analytics().completion(w.course);
        "read who is active" for NUMBERS => |s, w| s.analytics().active_students(Some(w.course), 24);
        "read who is active anywhere" for PEOPLE => |s, _w| s.analytics().active_students(None, 24);
        "read an on-time rate" for NUMBERS => |s, w| s.analytics().on_time(w.assignment);
        "read a course score" for READERS_AND_LEARNER => |s, w| s.analytics().course_score(w.course, w.learner);
        "repair" for NUMBERS => |s, w| s.activity().repair(w.course);
        "export events as xAPI" for NUMBERS => |s, w| async move {
            let options = XapiOptions::new("https://school.example");
            s.activity().export_xapi(&options, EventFilter { course: Some(w.course), ..stale() }, 0, 5).await
        };
        // Certificates.
        "read a certificate" for READERS_AND_LEARNER => |s, w| s.certificates().of(w.course, w.learner);
        "read the revisions of a certificate" for MANAGERS_AND_SYSTEM => |s, w| s.certificates().revisions(w.course, w.learner);
        "issue a certificate anew" for MANAGERS => |s, w| s.certificates().reissue(w.course, w.learner, "another name");
        "draw a certificate again" for MANAGERS => |s, w| s.certificates().retry_rendering(w.course, w.learner);
        "say that a certificate is drawn" for SYSTEM => |s, w| s.certificates().set_ready(w.certificate, 99, "a.pdf".into(), "0".repeat(64));
        "say that a certificate cannot be drawn" for SYSTEM => |s, w| s.certificates().set_failed(w.certificate, 99, "missing_glyphs", "No such letter.");
        "say that a certificate's files are gone" for SYSTEM => |s, w| s.certificates().set_files_deleted(w.certificate);
        "find certificates of the erased" for SYSTEM => |s, _w| s.certificates().erased(ById::default());
        // The record of AI, and what it costs.
        "write that AI is asked" for SYSTEM => |s, w| async move { let row = call(&s, w).await?; s.ai_log().claim(row).await };
        "write what AI answered" for SYSTEM => |s, w| async move { let row = call(&s, w).await?; s.ai_log().finish(row, AiLogStatus::Pending).await };
        "settle what AI cost" for SYSTEM => |s, w| async move { let row = call(&s, w).await?; s.ai_log().settle(row, AiLogStatus::Pending, 0).await };
        "read the calls of one operation of AI" for NUMBERS => |s, w| async move { let row = call(&s, w).await?; s.ai_log().operation(row.operation_id).await };
        "drop what AI answered" for NUMBERS => |s, w| s.ai_log().drop_answer(w.log);
        "read what AI has spent" for PEOPLE => |s, _w| s.ai_budgets().spending(s.lms().now(), None, 5);
        "read what AI has spent on a course" for PEOPLE => |s, w| s.ai_budgets().spending_of(s.lms().now(), &[BudgetScope::Course(w.course)]);
        // At the end: who left has to come back, and staff who join are learners, too.
        "withdraw a learner" for &["admin", "owner", "instructor", "system", "learner"] => |s, w| async move {
            let left = s.enrollment().withdraw(w.course, w.learner).await;
            s.lms().as_user(w.admin).enrollment().enroll(w.course, w.learner, EnrollOptions::default()).await?;
            left
        };
        "join by oneself" for &["admin", "owner", "instructor", "learner", "other learner"] => |s, w| s.enrollment().enroll_self(w.course);
    }
}
