//! The table of R1: every action × every actor, on what is one's own and what is another's; and that no answer
//! to a learner holds a key.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "conformance cases are tests")]

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::pin::Pin;

use super::Harness;
use super::assignments::assign;
use super::atomicity::valid_log;
use crate::error::Error;
use crate::lms::{
    AiOrigin, AnswerGrade, AssignmentRules, ChangeMaxGrade, CopyDates, CopySource, CopyTarget, EnrollOptions,
    Extension, HostEvent, ImportOptions, ManyMode, MarksChange, NewAssignment, NewCourse, NewGrade, NewLesson,
    NewQuestion, NewQuiz, NewSubmission, NewTopic, NewUser, QuizRules, RegradePolicy, ReviewAnswer, RosterFilter,
    Session, UpdateAssignment, UpdateCourse, UpdateLesson, UpdateQuiz, UpdateTopic,
};
use crate::model::question::{Labelled, QuestionBody};
use crate::model::{
    Actor, AiGrading, AiLogId, AiLogStatus, AssignmentId, AttemptId, BudgetScope, CertificateId, CourseId, LessonId,
    ObjectiveId, Points, QuestionId, QuizId, Rendering, Reveal, Role, StaffRole, SubmissionId, TemplateId, TopicId,
    UserId,
};
use crate::store::{AiLogFilter, ById, EventFilter, Item, QuizScope, Siblings};
use crate::testing::Classroom;

/// The rows of one list: `"action" for WHO => |session, world| what is asked;`.
macro_rules! rows {
    ($($action:literal for $may:expr => |$s:ident, $w:ident| $call:expr;)*) => {
        vec![$(Row {
            action: $action,
            may: $may,
            act: Box::new(|$s: Session, $w: World| Box::pin(async move { let _ = &$w; $call.await.map(drop) })),
        }),*]
    };
}

mod content;
mod people;

/// What the actions of the table are about.
#[derive(Clone, Copy)]
struct World {
    course: CourseId,
    lesson: LessonId,
    topic: TopicId,
    quiz: QuizId,
    question: QuestionId,
    attempt: AttemptId,
    assignment: AssignmentId,
    submission: SubmissionId,
    owner: UserId,
    learner: UserId,
    log: AiLogId,
    admin: UserId,
    objective: ObjectiveId,
    template: TemplateId,
    certificate: CertificateId,
    /// Work that AI grades.
    graded_by_ai: SubmissionId,
    essay: (AttemptId, QuestionId),
    /// An answer of AI that was applied.
    spent: AiOrigin,
}

type Act = Box<dyn Fn(Session, World) -> Pin<Box<dyn Future<Output = Result<(), Error>> + Send>> + Send + Sync>;

/// One row: the action, who may, what is asked.
struct Row {
    action: &'static str,
    may: &'static [&'static str],
    act: Act,
}

const AUTHORS: &[&str] = &["admin", "owner", "instructor", "ai for the owner"];
const MANAGERS: &[&str] = &["admin", "owner", "instructor"];
const MANAGERS_AND_SYSTEM: &[&str] = &["admin", "owner", "instructor", "system"];
const GRADERS: &[&str] = &["admin", "owner", "instructor", "grader"];
const READERS: &[&str] = &["admin", "owner", "instructor", "grader", "system"];
const NUMBERS: &[&str] = &["admin", "owner", "instructor", "system"];
const READERS_AND_LEARNER: &[&str] = &["admin", "owner", "instructor", "grader", "system", "learner"];
const LEARNER: &[&str] = &["learner"];
const LEARNERS: &[&str] = &["learner", "other learner"];
const ADMIN: &[&str] = &["admin"];
const PEOPLE: &[&str] = &["admin", "system"];
const SYSTEM: &[&str] = &["system"];

fn stale<T: Default>() -> T {
    T::default()
}

fn table() -> Vec<Row> {
    rows! {
        // Create and edit content. Edits are stale on purpose: whoever may, is told so.
        "edit a course" for AUTHORS => |s, w| s.catalog().update_course(w.course, UpdateCourse { version: 99, ..stale() });
        "add a lesson" for AUTHORS => |s, w| s.catalog().add_lesson(w.course, NewLesson::titled("Another"));
        "edit a lesson" for AUTHORS => |s, w| s.catalog().update_lesson(w.lesson, UpdateLesson { version: 99, ..stale() });
        "add a topic" for AUTHORS => |s, w| s.catalog().add_topic(w.lesson, NewTopic::text("A topic", "A text."));
        "edit a topic" for AUTHORS => |s, w| s.catalog().update_topic(w.topic, UpdateTopic { version: 99, ..stale() });
        "add a quiz" for AUTHORS => |s, w| s.catalog().add_quiz(w.lesson, NewQuiz::titled("Another"));
        "edit a quiz" for AUTHORS => |s, w| s.catalog().update_quiz(w.quiz, UpdateQuiz { version: 99, ..stale() });
        "edit a question" for AUTHORS => |s, w| s.catalog().update_question(w.question, 99, NewQuestion::new("?", QuestionBody::TrueFalse { correct: true }));
        "add an assignment" for AUTHORS => |s, w| s.catalog().add_assignment(w.lesson, NewAssignment::new("Another", Points::whole(5).unwrap()));
        "edit an assignment" for AUTHORS => |s, w| s.catalog().update_assignment(w.assignment, UpdateAssignment { version: 99, ..stale() });
        "copy a topic" for AUTHORS => |s, w| s.catalog().copy_into(CopySource::Topic(w.topic), CopyTarget::Lesson(w.lesson), None);
        "export a course" for MANAGERS => |s, w| s.catalog().export_course(w.course);
        "read a course as its author" for AUTHORS => |s, w| s.catalog().structure(w.course);
        "create a course" for &["admin", "owner", "instructor", "instructor elsewhere", "ai for the owner", "system"] => |s, _w| {
            let named = NewCourse { instructor_id: s.actor().rights_of().is_none().then_some(_w.learner), ..NewCourse::titled("A course") };
            async move { s.catalog().create_course(named).await }
        };
        "copy a course" for AUTHORS => |s, w| s.catalog().copy_course(w.course, CopyDates::Clear, ImportOptions::default());
        // Publish, delete, reorder, enroll others.
        "publish a course" for MANAGERS => |s, w| s.catalog().publish_course(w.course, true);
        "publish a lesson" for MANAGERS => |s, w| s.catalog().publish_lesson(w.lesson, true);
        "publish a quiz" for MANAGERS => |s, w| s.catalog().publish_quiz(w.quiz, true);
        "publish an assignment" for MANAGERS => |s, w| s.catalog().publish_assignment(w.assignment, true);
        "archive a course" for MANAGERS => |s, w| s.catalog().archive_course(w.course, false);
        "plan a deletion" for MANAGERS => |s, w| s.catalog().plan_delete(Item::Lesson(w.lesson));
        "reorder" for MANAGERS => |s, w| s.catalog().reorder(Siblings::Questions(w.quiz), Vec::new(), 0);
        "change a maximum" for MANAGERS => |s, w| s.catalog().set_max_grade(w.assignment, ChangeMaxGrade { version: 99, max_grade: Points::whole(5).unwrap(), marks: MarksChange::Rescale, rubric: None });
        "change the staff" for MANAGERS => |s, w| s.catalog().set_staff(w.course, w.learner, None);
        "give the course away" for &["admin", "owner"] => |s, w| s.catalog().set_owner(w.course, w.owner);
        "enroll the learner" for &["admin", "owner", "instructor", "system", "learner"] => |s, w| s.enrollment().enroll(w.course, w.learner, EnrollOptions::default());
        "suspend a learner" for MANAGERS_AND_SYSTEM => |s, w| async move { s.enrollment().suspend(w.course, w.learner).await?; s.enrollment().reactivate(w.course, w.learner).await };
        // Read keys, notes, all submissions.
        "read keys" for READERS => |s, w| s.catalog().questions(w.quiz);
        "read a submission whole" for READERS => |s, w| s.assignments().submission(w.submission);
        "read work to grade it" for READERS => |s, w| s.assignments().grading(w.submission);
        "read essays to grade them" for READERS => |s, w| s.quizzes().essays(w.attempt);
        "preview a quiz" for READERS => |s, w| s.quizzes().preview_quiz(w.quiz);
        "read questions as GIFT" for READERS => |s, w| s.catalog().export_gift(w.quiz);
        "read where a learner stands" for READERS_AND_LEARNER => |s, w| s.learning().standing(w.course, w.learner);
        "read an enrollment" for READERS_AND_LEARNER => |s, w| s.enrollment().enrollment(w.course, w.learner);
        "read what could not be drawn" for READERS => |s, w| s.certificates().renderings(Some(w.course), Rendering::Failed, ById::default());
        "draw again what could not be drawn" for MANAGERS_AND_SYSTEM => |s, w| s.certificates().retry_failed(Some(w.course));
        "read what keeps a certificate back" for READERS_AND_LEARNER => |s, w| s.certificates().eligibility(w.course, w.learner);
        "read a grade history" for READERS => |s, w| s.assignments().history(w.submission);
        "read a submission" for READERS_AND_LEARNER => |s, w| s.assignments().view(w.submission);
        "read an attempt" for READERS_AND_LEARNER => |s, w| s.quizzes().view_attempt(w.attempt);
        "list a learner's attempts" for READERS_AND_LEARNER => |s, w| s.quizzes().attempts(w.quiz, w.learner);
        "list a learner's versions" for READERS_AND_LEARNER => |s, w| s.assignments().submissions(w.assignment, w.learner);
        "read a scorecard" for READERS_AND_LEARNER => |s, w| s.overview().scorecard(w.course, w.learner);
        "read an outline" for READERS_AND_LEARNER => |s, w| s.overview().outline(w.course, w.learner);
        "ask whether it is open" for READERS_AND_LEARNER => |s, w| s.learning().access(Item::Quiz(w.quiz), w.learner);
        "read a lesson" for &["admin", "owner", "instructor", "grader", "learner", "other learner"] => |s, w| s.learning().read_lesson(w.lesson);
        "read the page of a course" for &["admin", "owner", "instructor", "grader", "system", "learner", "other learner"] => |s, w| s.learning().read_course(w.course);
        "list the open courses" for &["admin", "owner", "instructor", "grader", "system", "learner", "other learner", "stranger", "instructor elsewhere"] => |s, _w| s.learning().open_courses(ById::default());
        "plan to hide a course" for MANAGERS => |s, w| s.catalog().plan_unpublish(w.course);
        "read the gradebook" for READERS => |s, w| s.overview().gradebook(w.course, ById::default());
        "read the roster" for READERS => |s, w| s.overview().roster(w.course, RosterFilter::default(), ById::default());
        "read what is to be graded" for READERS => |s, w| s.overview().to_grade(w.course, 5);
        "read the enrollments" for READERS => |s, w| s.enrollment().of_course(w.course, ById::default());
        "read the numbers" for NUMBERS => |s, w| s.analytics().course_metrics(w.course);
        "read an average" for NUMBERS => |s, w| s.analytics().quiz_average(w.course, QuizScope::Course(w.course));
        "audit" for NUMBERS => |s, w| s.activity().audit(w.course);
        "read the events" for NUMBERS => |s, w| s.activity().events(EventFilter { course: Some(w.course), ..stale() }, 0, 5);
        // Grade; extend, excuse, waive, void, regrade.
        "read the staff" for READERS => |s, w| s.catalog().staff(w.course, ById::default());
        "read what was granted" for READERS => |s, w| s.grants().overrides(w.course, None, ById::default());
        "read what was granted to a learner" for READERS => |s, w| s.grants().overrides(w.course, Some(w.learner), ById::default());
        "read what was waived" for READERS => |s, w| s.grants().waivers(w.course, None, ById::default());
        "read what was waived for a learner" for READERS => |s, w| s.grants().waivers(w.course, Some(w.learner), ById::default());
        "read the course's certificates" for READERS => |s, w| s.certificates().of_course(w.course, ById::default());
        "grade" for GRADERS => |s, w| s.assignments().grade(w.submission, NewGrade { points: Points::whole(1_000), seen_seq: 99, ..stale() });
        "grade many" for GRADERS => |s, w| async move {
            let grade = NewGrade { points: Points::whole(1_000), seen_seq: 99, ..stale() };
            let mut report = s.assignments().grade_many(vec![(w.submission, grade)], ManyMode::BestEffort).await?;
            report.rows.remove(0).error.map_or(Ok(()), Err)
        };
        "grade an answer" for GRADERS => |s, w| s.quizzes().grade_answer(w.attempt, w.question, AnswerGrade { points: Points::ZERO, feedback: None, seen_seq: 0 });
        "adopt a suggestion" for GRADERS => |s, w| s.assignments().adopt_suggestion(w.submission, 1, None);
        "dismiss a suggestion" for GRADERS => |s, w| s.assignments().dismiss_suggestion(w.submission, 1, None);
        "adopt a suggestion for an answer" for GRADERS => |s, w| s.quizzes().adopt_suggestion(w.attempt, w.question, 1, None);
        "dismiss a suggestion for an answer" for GRADERS => |s, w| s.quizzes().dismiss_suggestion(w.attempt, w.question, 1, None);
        "clear the grade of an answer" for GRADERS => |s, w| s.quizzes().clear_answer(w.attempt, w.question, 99, None);
        "read essays" for READERS => |s, w| s.quizzes().essays(w.attempt);
        "post grades" for GRADERS => |s, w| s.assignments().post_grades(w.assignment, ManyMode::BestEffort);
        "clear a grade" for GRADERS => |s, w| s.assignments().clear_grade(w.submission, 99, None);
        "return work" for GRADERS => |s, w| s.assignments().return_for_revision(w.submission);
        "answer a review" for GRADERS => |s, w| s.assignments().answer_review(w.submission, ReviewAnswer { change: None, reason: "no".into() });
        "extend" for MANAGERS => |s, w| s.grants().extend(Item::Quiz(w.quiz), w.learner, Extension::because("ill"));
        "excuse" for MANAGERS => |s, w| s.grants().excuse(Item::Quiz(w.quiz), w.learner, false, "ill");
        "waive" for MANAGERS => |s, w| s.grants().waive(Item::Quiz(w.quiz), w.learner, "ill");
        "take a waiver back" for MANAGERS => |s, w| s.grants().revoke_waiver(Item::Assignment(w.assignment), w.learner);
        "preview a regrade" for MANAGERS => |s, w| s.quizzes().preview_regrade(w.quiz, RegradePolicy::CurrentKey, true, ById::default());
        "regrade" for MANAGERS => |s, w| s.quizzes().regrade(w.quiz, RegradePolicy::CurrentKey, true);
        "void an attempt" for MANAGERS => |s, w| s.quizzes().void(w.attempt, "a reason");
        // Attempt, submit, mark progress: one's own.
        "start an attempt" for LEARNERS => |s, w| s.quizzes().start(w.quiz);
        "save answers" for LEARNER => |s, w| s.quizzes().save(w.attempt, "tab", 9, BTreeMap::new());
        "hand an attempt in" for LEARNER => |s, w| s.quizzes().submit(w.attempt);
        "hand work in" for LEARNERS => |s, w| s.assignments().submit(w.assignment, NewSubmission::text("A text."));
        "ask for a review" for LEARNER => |s, w| s.assignments().request_review(w.submission, "please");
        "complete a lesson" for LEARNERS => |s, w| s.learning().complete_lesson(w.lesson);
        "view a topic" for LEARNERS => |s, w| s.learning().view_topic(w.topic);
        "expire attempts" for SYSTEM => |s, _w| s.quizzes().expire_due(5);
        // Certificates and progress.
        "issue a certificate by hand" for MANAGERS_AND_SYSTEM => |s, w| s.certificates().issue(w.course, w.learner, Some("by hand".into()));
        "revoke a certificate" for MANAGERS => |s, w| s.certificates().revoke(w.course, w.learner, "a reason".into());
        "reset progress" for MANAGERS => |s, w| s.grants().reset_progress(w.course, w.learner, "a reason");
        // People and the record of AI.
        "change a role" for PEOPLE => |s, w| s.people().set_role(w.learner, Role::Student);
        "rename a person" for PEOPLE => |s, w| s.people().update_user(w.learner, crate::lms::UpdateUser { version: 99, ..stale() });
        "list people" for PEOPLE => |s, _w| s.people().users(ById::default());
        "find a person by the host's id" for PEOPLE => |s, _w| s.people().user_by_external_id("known to the host");
        "find a person by e-mail" for PEOPLE => |s, _w| s.people().user_by_email("learner@example.org");
        "read a person's certificates" for &["admin", "learner", "system"] => |s, w| s.certificates().of_person(w.learner, ById::default());
        "read the templates" for &["admin", "owner", "instructor elsewhere", "instructor", "ai for the owner", "system"] => |s, _w| s.certificates().templates(ById::default());
        "export a person" for &["admin", "learner"] => |s, w| s.people().export_person(w.learner);
        "read a learner's home" for &["admin", "learner", "system"] => |s, w| s.overview().learner_home(w.learner);
        "read all AI calls" for PEOPLE => |s, _w| s.ai_log().logs(AiLogFilter::default(), ById::default());
        "read the course's AI calls" for NUMBERS => |s, w| s.ai_log().logs(AiLogFilter { course: Some(w.course), ..stale() }, ById::default());
        "read what all AI cost" for PEOPLE => |s, _w| s.ai_log().costs(AiLogFilter::default());
        "read what the course's AI cost" for NUMBERS => |s, w| s.ai_log().costs(AiLogFilter { course: Some(w.course), ..stale() });
        "set an AI budget" for PEOPLE => |s, w| s.ai_budgets().set(BudgetScope::Course(w.course), None);
        "read AI budgets" for PEOPLE => |s, _w| s.ai_budgets().limits(None, 5);
        "sweep AI calls" for SYSTEM => |s, _w| s.ai_log().sweep();
        "blank AI calls" for SYSTEM => |s, _w| s.ai_log().blank_expired();
        "read one AI call" for NUMBERS => |s, w| s.ai_log().log(w.log);
        "record an event" for &["admin", "owner", "instructor", "ai for the owner", "system", "learner"] => |s, w| s.activity().record(HostEvent {
            kind: "shop.note".into(), course_id: w.course, student_id: Some(w.learner), learner_initiated: false, metadata: None,
        });
        "verify a code" for &["admin", "owner", "instructor", "grader", "learner", "other learner", "stranger", "instructor elsewhere", "ai", "ai for the owner", "ai for the learner", "erased", "system"] => |s, _w| s.certificates().verify("0000-0000-0000-0000");
        // Last, for it is final; asked for somebody who is not there, so that nobody is erased.
        "erase a person" for ADMIN => |s, w| async move {
            match s.people().erase_person(UserId::from_uuid(uuid::Uuid::from_u128(1))).await {
                // Only who may is told that there is nobody.
                Err(Error::NotFound { .. }) => Ok(()),
                other => other.map(|_| w).map(drop),
            }
        };
    }
}

async fn world(h: &Harness) -> (Classroom, World) {
    let room = h.classroom(1, 2).await;
    let teacher = room.teacher();
    let quiz =
        room.add_quiz(room.lessons[0], 1, QuizRules { reveal: Reveal::Never, ..QuizRules::default() }).await.unwrap();
    let question = teacher.catalog().questions(quiz.id).await.unwrap()[0].id;
    let assignment = assign(&room, AssignmentRules::default(), None).await.id;
    let me = room.student(0);
    let attempt = me.quizzes().start(quiz.id).await.unwrap().id;
    let submission = me.assignments().submit(assignment, NewSubmission::text("A text.")).await.unwrap().id;
    let known = crate::lms::UpdateUser {
        version: 1,
        email: Some(Some("learner@example.org".into())),
        external_id: Some(Some("known to the host".into())),
        ..stale()
    };
    h.lms.system().people().update_user(room.students[0], known).await.unwrap();
    let mut log = valid_log(h, "outline", uuid::Uuid::from_u128(1_234)).await;
    log.course_id = Some(room.course);
    let log_id = log.id;
    let batch = crate::store::WriteBatch {
        changes: vec![crate::store::Change::Put(log.into())],
        ..crate::store::WriteBatch::default()
    };
    h.store.write(std::sync::Arc::new(batch)).await.unwrap();
    let mut spent = valid_log(h, "quiz", uuid::Uuid::from_u128(1_235)).await;
    spent.status = AiLogStatus::Applied;
    h.lms.system().ai_log().finish(spent.clone(), AiLogStatus::Valid).await.unwrap();
    let on = AssignmentRules { ai_grading: Some(AiGrading::Suggest), ..AssignmentRules::default() };
    let by_ai = assign(&room, on, None).await.id;
    let text = NewSubmission::text("A text that is long enough to be graded by somebody who reads.");
    let graded_by_ai = room.student(1).assignments().submit(by_ai, text).await.unwrap().id;
    let rules = QuizRules { ai_grading: Some(AiGrading::Suggest), ..QuizRules::default() };
    let essays = super::essays::essays(&room, 1, rules).await;
    let (essay, questions) = super::essays::hand_in(&room, 1, &essays, &["Because."]).await;
    let essay_question = questions[0];
    let because = Some("by hand".to_owned());
    let certificate = teacher.certificates().issue(room.course, room.students[1], because).await.unwrap();
    let template = certificate.template_id;
    let world = World {
        course: room.course,
        lesson: room.lessons[0],
        topic: room.topics[0],
        quiz: quiz.id,
        question,
        attempt,
        assignment,
        submission,
        owner: room.instructor,
        learner: room.students[0],
        log: log_id,
        admin: room.admin,
        objective: teacher.catalog().add_objective(room.course, "known", "Known.").await.unwrap().id,
        template,
        certificate: certificate.id,
        graded_by_ai,
        essay: (essay, essay_question),
        spent: AiOrigin { log_id: spent.id, operation_id: spent.operation_id },
    };
    (room, world)
}

/// Every action × every actor. Who may is not refused for who they are; who may not is, and whoever does not
/// even see the thing hears that there is none.
/// rules: R1, E5, D5
pub async fn r1_every_action_for_every_actor(h: &Harness) {
    let (room, world) = world(h).await;
    let system = h.lms.system();
    let person = |role, name: &'static str| {
        let system = system.clone();
        async move { system.people().ensure_user(NewUser::new(role, name)).await.unwrap().id }
    };
    let (co, grader) = (person(Role::Instructor, "Co").await, person(Role::Student, "Grader").await);
    room.teacher().catalog().set_staff(room.course, co, Some(StaffRole::Instructor)).await.unwrap();
    room.teacher().catalog().set_staff(room.course, grader, Some(StaffRole::Grader)).await.unwrap();
    let elsewhere = person(Role::Instructor, "Elsewhere").await;
    h.lms.as_user(elsewhere).catalog().create_course(NewCourse::titled("Another")).await.unwrap();
    let (stranger, ai) = (person(Role::Student, "Stranger").await, person(Role::Ai, "Model").await);
    let erased = room.new_student("Erased").await.unwrap();
    h.lms.as_user(room.admin).people().erase_person(erased).await.unwrap();
    let by_ai = |who| h.lms.act(Actor::Ai { user: ai, on_behalf_of: who, log_id: world.log });
    // The learner comes last but for the system: what they do changes what there is.
    let actors: Vec<(&str, Session)> = vec![
        ("stranger", h.lms.as_user(stranger)),
        ("erased", h.lms.as_user(erased)),
        ("ai", h.lms.as_user(ai)),
        ("ai for the learner", by_ai(world.learner)),
        ("instructor elsewhere", h.lms.as_user(elsewhere)),
        ("other learner", room.student(1)),
        ("grader", h.lms.as_user(grader)),
        ("ai for the owner", by_ai(room.instructor)),
        ("admin", h.lms.as_user(room.admin)),
        ("owner", room.teacher()),
        ("instructor", h.lms.as_user(co)),
        ("learner", room.student(0)),
        ("system", system.clone()),
    ];
    let outside: BTreeSet<&str> = ["stranger", "erased", "ai", "instructor elsewhere"].into();
    // What anyone may be told is theirs alone to do, not whether a thing exists.
    let general: BTreeSet<&str> = [
        "create a course",
        "list the open courses",
        "change a role",
        "list people",
        "rename a person",
        "read all AI calls",
        "expire attempts",
        "erase a person",
        "record an event",
        "read the course's AI calls",
        "read what all AI cost",
        "read what the course's AI cost",
        "set an AI budget",
        "read the templates",
        "read AI budgets",
        "sweep AI calls",
        "blank AI calls",
        "enroll the learner",
        "join by oneself",
        "know a person",
        "ask whether one may create a course",
        "import a course",
        "apply a course by AI",
        "save a template",
        "apply certificate copy by AI",
        "accept a template",
        "archive a template",
        "delete a template",
        "read the versions of a template",
        "find work for AI to grade",
        "find answers for AI to grade",
        "mark a work by AI",
        "mark an answer by AI",
        "give a work up for AI",
        "give an answer up for AI",
        "read who is active anywhere",
        "say that a certificate is drawn",
        "say that a certificate cannot be drawn",
        "say that a certificate's files are gone",
        "find certificates of the erased",
        "write that AI is asked",
        "write what AI answered",
        "settle what AI cost",
        "read what AI has spent",
        "read what AI has spent on a course",
    ]
    .into();
    let mut wrong = Vec::new();
    for row in [content::rows(), table(), people::rows()].into_iter().flatten() {
        for (name, session) in &actors {
            let outcome = (row.act)(session.clone(), world).await;
            let code = outcome.as_ref().map_or_else(Error::code, |()| "ok");
            let may =
                !matches!(code, "denied" | "not_found" | "course.closed" | "person.erased") && !is_locked(&outcome);
            if may != row.may.contains(name) {
                wrong.push(format!("{name}: {} → {code}", row.action));
            }
            let hidden = matches!(code, "not_found" | "person.erased") || general.contains(row.action);
            if !may && outside.contains(name) && !hidden && !is_locked(&outcome) {
                wrong.push(format!("{name}: {} → {code}, which tells that it exists", row.action));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// AI reads, of all learners' work, the item that it grades, where it grades it, for a person who may.
/// rules: R1, S11
pub async fn r1_ai_reads_only_what_it_grades(h: &Harness) {
    let (room, world) = world(h).await;
    h.lms.expect_ai_grading();
    let ai = h.lms.system().people().ensure_user(NewUser::new(Role::Ai, "Model")).await.unwrap().id;
    let by_ai = |who| h.lms.act(Actor::Ai { user: ai, on_behalf_of: who, log_id: world.log });
    let owner = by_ai(room.instructor);
    let refused = owner.assignments().grading(world.submission).await.unwrap_err();
    assert_eq!(refused.code(), "not_found", "AI does not grade this assignment");
    let on = AssignmentRules { ai_grading: Some(AiGrading::Suggest), ..AssignmentRules::default() };
    let assignment = assign(&room, on, None).await.id;
    let text = NewSubmission::text("A text that is long enough to be graded by somebody who reads.");
    let submission = room.student(0).assignments().submit(assignment, text).await.unwrap().id;
    assert_eq!(owner.assignments().grading(submission).await.unwrap().0.id, submission);
    assert_eq!(owner.assignments().submission(submission).await.unwrap_err().code(), "not_found");
    assert_eq!(owner.assignments().history(submission).await.unwrap_err().code(), "not_found");
    assert_eq!(owner.assignments().view(submission).await.unwrap_err().code(), "not_found");
    let rules = QuizRules { ai_grading: Some(AiGrading::Suggest), ..QuizRules::default() };
    let essay = QuestionBody::Essay { rubric: None, staff_notes: String::new() };
    let questions = vec![NewQuestion::new("Why?", essay)];
    let new = NewQuiz { is_published: true, rules, questions, ..NewQuiz::titled("Essays") };
    let quiz = room.teacher().catalog().add_quiz(room.lessons[0], new).await.unwrap();
    let attempt = room.student(0).quizzes().start(quiz.id).await.unwrap();
    room.student(0).quizzes().submit(attempt.id).await.unwrap();
    assert_eq!(owner.quizzes().essays(attempt.id).await.unwrap().attempt_id, attempt.id);
    assert_eq!(owner.quizzes().view_attempt(attempt.id).await.unwrap_err().code(), "not_found");
    let listening = h.lms.live().events(&owner, EventFilter::default(), None).await;
    assert!(matches!(listening.err(), Some(Error::Denied { .. })), "AI listens to nobody");
    // For a learner it reads nothing, not even what it may grade for others; and it cannot give up for them.
    let learner = by_ai(world.learner);
    assert_eq!(learner.assignments().grading(submission).await.unwrap_err().code(), "not_found");
    assert_eq!(learner.quizzes().essays(attempt.id).await.unwrap_err().code(), "not_found");
    let failed = learner.assignments().ai_grading_failed(submission, "refused".into()).await.unwrap_err();
    assert_eq!(failed.code(), "not_found");
    let question = attempt.questions[0].id;
    let quizzes = learner.quizzes();
    let failed = quizzes.ai_answer_grading_failed(attempt.id, QuestionId::from_uuid(question), "no".into()).await;
    assert_eq!(failed.unwrap_err().code(), "not_found");
    assert_eq!(h.count(crate::model::EventKind::AiRejected).await, 0);
    owner.assignments().ai_grading_failed(submission, "refused".into()).await.unwrap();
    assert_eq!(h.count(crate::model::EventKind::AiRejected).await, 1);
}

/// Whether learners' work is refused to who is not enrolled.
fn is_locked(outcome: &Result<(), Error>) -> bool {
    matches!(outcome, Err(Error::Refused(crate::error::Refusal::Locked { reasons }))
        if reasons.contains(&crate::rules::access::LockReason::NotEnrolled))
}

/// Every answer that a learner can get of a course, searched for keys, explanations and notes.
/// rules: Q14, R1
pub async fn q14_no_answer_to_a_learner_holds_a_key(h: &Harness) {
    const KEY: &str = "KEY-OF-STAFF";
    let room = h.classroom(1, 1).await;
    let teacher = room.teacher();
    let me = room.student(0);
    let who = room.students[0];
    let bodies = vec![
        QuestionBody::SingleChoice {
            options: vec![Labelled::new("a", "One"), Labelled::new("b", "Two")],
            correct: "a".into(),
            why: [("a".to_owned(), KEY.to_owned())].into(),
        },
        QuestionBody::ShortText {
            keys: vec![crate::model::question::TextKey::Exact { text: KEY.into(), edits: 0 }],
            case_sensitive: false,
        },
        QuestionBody::FillBlanks {
            blanks: vec![crate::model::question::Blank {
                id: "x".into(),
                accepted: vec![crate::model::question::TextKey::Exact { text: KEY.into(), edits: 0 }],
            }],
            case_sensitive: false,
        },
        QuestionBody::Essay { rubric: None, staff_notes: KEY.into() },
    ];
    let questions = bodies
        .into_iter()
        .enumerate()
        .map(|(n, body)| NewQuestion { explanation: KEY.into(), ..NewQuestion::new(format!("Question {n}"), body) })
        .collect();
    let rules = QuizRules { reveal: Reveal::Never, ..QuizRules::default() };
    let new = NewQuiz { is_published: true, rules, questions, ..NewQuiz::titled("A quiz") };
    let quiz = teacher.catalog().add_quiz(room.lessons[0], new).await.unwrap();
    let rubric = crate::model::Rubric {
        criteria: vec![crate::model::Criterion {
            id: "c".into(),
            title: "Clear".into(),
            description: String::new(),
            max: Points::whole(100).unwrap(),
        }],
        staff_notes: KEY.into(),
    };
    let assignment = assign(&room, AssignmentRules::default(), Some(rubric)).await;
    let mut live = h.lms.live().events(&me, EventFilter { course: Some(room.course), ..stale() }, None).await.unwrap();
    let mut seen = Vec::new();
    let mut keep = |what: &'static str, json: serde_json::Value| seen.push((what, json.to_string()));
    macro_rules! see {
        ($what:literal, $call:expr) => {{
            let answer = $call.await;
            keep(
                $what,
                match &answer {
                    Ok(answer) => serde_json::to_value(answer).unwrap(),
                    Err(e) => serde_json::to_value(e).unwrap(),
                },
            );
            answer
        }};
    }
    let attempt = see!("start", me.quizzes().start(quiz.id)).unwrap();
    let wrong = [(attempt.questions[0].id, Some(crate::model::question::Answer::Choice { option_id: "zzz".into() }))];
    see!("save", me.quizzes().save(attempt.id, "tab", 1, wrong.into())).unwrap();
    see!("attempt", me.quizzes().view_attempt(attempt.id)).unwrap();
    see!("submit", me.quizzes().submit(attempt.id)).unwrap();
    see!("attempt", me.quizzes().view_attempt(attempt.id)).unwrap();
    let handed = see!("work", me.assignments().submit(assignment.id, NewSubmission::text("A text."))).unwrap();
    see!("work", me.assignments().view(handed.id)).unwrap();
    see!("attempts", me.quizzes().attempts(quiz.id, who)).unwrap();
    see!("versions", me.assignments().submissions(assignment.id, who)).unwrap();
    see!("outline", me.overview().outline(room.course, who)).unwrap();
    see!("scorecard", me.overview().scorecard(room.course, who)).unwrap();
    see!("home", me.overview().learner_home(who)).unwrap();
    see!("standing", me.learning().standing(room.course, who)).unwrap();
    see!("lesson", me.learning().read_lesson(room.lessons[0])).unwrap();
    see!("course", me.learning().read_course(room.course)).unwrap();
    see!("open courses", me.learning().open_courses(ById::default())).unwrap();
    see!("access", me.learning().access(Item::Quiz(quiz.id), who)).unwrap();
    see!("topic", me.learning().view_topic(room.topics[0])).unwrap();
    see!("lesson", me.learning().complete_lesson(room.lessons[0])).unwrap();
    see!("enrollment", me.enrollment().enrollment(room.course, who)).unwrap();
    see!("mine", me.enrollment().mine()).unwrap();
    see!("certificates", me.certificates().of_person(who, ById::default())).unwrap();
    see!("eligibility", me.certificates().eligibility(room.course, who)).unwrap();
    see!("reviews", me.quizzes().reviews(attempt.id)).unwrap();
    see!("person", me.people().export_person(who)).unwrap();
    see!("questions", me.catalog().questions(quiz.id)).unwrap_err();
    see!("quiz", me.catalog().quiz(quiz.id)).unwrap_err();
    see!("document", me.catalog().export_course(room.course)).unwrap_err();
    h.lms.settle().await.unwrap();
    loop {
        let next = std::future::poll_fn(|cx| live.as_mut().poll_next(cx));
        let Ok(Some(event)) = tokio::time::timeout(std::time::Duration::from_millis(300), next).await else { break };
        seen.push(("live", format!("{event:?}")));
    }
    assert!(seen.len() > 25, "{}", seen.len());
    for (what, json) in &seen {
        assert!(!json.contains(KEY), "{what} shows {KEY}: {json}");
        assert!(!json.contains("staff_notes") && !json.contains("\"correct\""), "{what}: {json}");
    }
    // And what it would look like: the same words are there once the policy reveals them to staff.
    let shown = serde_json::to_string(&teacher.quizzes().view_attempt(attempt.id).await.unwrap()).unwrap();
    assert!(shown.contains(KEY), "the search would find it");
}
