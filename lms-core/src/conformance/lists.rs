//! Lists for staff: what they say of each row, whom they answer, and that pages neither skip nor repeat.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "conformance cases are tests")]

use std::future::Future;

use super::Harness;
use super::assignments::{by_ai, suggestion};
use super::atomicity::valid_log;
use crate::error::Error;
use crate::lms::{
    AiOrigin, AnswerGrade, AssignmentRules, EnrollOptions, Extension, Listed, NamedItem, NamedUser, NewAssignment,
    NewGrade, NewQuestion, NewQuiz, NewSubmission, NewUser, QuizRules, UpdateCourse, Validity, Waiting,
};
use crate::model::question::{Answer, QuestionBody};
use crate::model::{
    AiGrading, AssignmentId, AttemptId, Points, QuestionId, QuizId, Role, StaffRole, SubjectType, SubmissionId,
    TemplateDocument, TemplateId, User,
};
use crate::store::{ById, Item};
use crate::testing::Classroom;

const WORK: &str = "A text of some length, so that it is neither nothing nor too short to be graded.";

fn points(whole: i64) -> Points {
    Points::whole(whole).unwrap()
}

async fn assignment(room: &Classroom, title: &str, ai_grading: AiGrading) -> AssignmentId {
    let rules = AssignmentRules { ai_grading: Some(ai_grading), ..AssignmentRules::default() };
    let new = NewAssignment { is_published: true, rules, ..NewAssignment::new(title, points(100)) };
    room.teacher().catalog().add_assignment(room.lessons[0], new).await.unwrap().id
}

/// A quiz of one essay, which AI suggests grades for.
async fn quiz(room: &Classroom, title: &str) -> QuizId {
    let essay = NewQuestion::new("Why?", QuestionBody::Essay { rubric: None, staff_notes: String::new() });
    let rules = QuizRules { ai_grading: Some(AiGrading::Suggest), ..QuizRules::default() };
    let new = NewQuiz { is_published: true, questions: vec![essay], rules, ..NewQuiz::titled(title) };
    room.teacher().catalog().add_quiz(room.lessons[0], new).await.unwrap().id
}

async fn hand_in(room: &Classroom, n: usize, of: AssignmentId) -> SubmissionId {
    room.student(n).assignments().submit(of, NewSubmission::text(WORK)).await.unwrap().id
}

async fn answer(room: &Classroom, n: usize, quiz: QuizId, text: &str) -> (AttemptId, QuestionId) {
    let me = room.student(n);
    let attempt = me.quizzes().start(quiz).await.unwrap();
    let question = attempt.questions[0].id;
    let text = Some(Answer::Essay { text: text.into() });
    me.quizzes().save(attempt.id, "tab", 1, [(question, text)].into()).await.unwrap();
    me.quizzes().submit(attempt.id).await.unwrap();
    (attempt.id, QuestionId::from_uuid(question))
}

/// The learner's name, the kind of item and its title.
fn told<W>(list: &[Waiting<W>]) -> Vec<(&str, SubjectType, &str)> {
    list.iter().map(|w| (&*w.student.name, w.item.kind, &*w.item.title)).collect()
}

/// Every entry of every queue says whose work it is and at what; and of work that AI gave no grade for, why.
/// rules: G5, S11, Q12
pub async fn g5_the_queues_tell_who_and_what(h: &Harness) {
    let room = h.classroom(1, 3).await;
    let teacher = room.teacher();
    h.lms.expect_ai_grading();
    let by_model = assignment(&room, "By AI", AiGrading::Suggest).await;
    let by_people = assignment(&room, "By people", AiGrading::Off).await;
    let quiz = quiz(&room, "A quiz").await;
    // The first one's work is suggested a grade, the second one's fails, the third one asks for another look.
    let (first, failed) = (hand_in(&room, 0, by_model).await, hand_in(&room, 1, by_model).await);
    let third = hand_in(&room, 2, by_people).await;
    let (answered, question) = answer(&room, 0, quiz, WORK).await;
    let (lost, lost_question) = answer(&room, 1, quiz, WORK).await;
    h.clock.advance(60);
    let (short, short_question) = answer(&room, 2, quiz, "Because.").await;
    let origin = async |n: u128| {
        let operation = uuid::Uuid::from_u128(n);
        AiOrigin { log_id: valid_log(h, "grade", operation).await.id, operation_id: operation }
    };
    let (one, two) = (origin(670).await, origin(671).await);
    by_ai(h, &room, one.log_id).await.assignments().apply_ai_grade(first, suggestion(70, false), one).await.unwrap();
    let ai = by_ai(h, &room, two.log_id).await;
    ai.quizzes().apply_ai_answer_grade(answered, question, suggestion(0, false), two).await.unwrap();
    let system = h.lms.system();
    for code in ["", "Not a code", &"a".repeat(65)] {
        let refused = system.assignments().ai_grading_failed(failed, code.into()).await.unwrap_err();
        assert_eq!(refused.code(), "invalid", "{code}");
        let refused = system.quizzes().ai_answer_grading_failed(lost, lost_question, code.into()).await.unwrap_err();
        assert_eq!(refused.code(), "invalid", "{code}");
    }
    system.assignments().ai_grading_failed(failed, "ai.refused".into()).await.unwrap();
    system.quizzes().ai_answer_grading_failed(lost, lost_question, "ai.truncated".into()).await.unwrap();
    let mark = NewGrade { points: Some(points(50)), ..NewGrade::default() };
    teacher.assignments().grade(third, mark).await.unwrap();
    room.student(2).assignments().request_review(third, "Please look again.").await.unwrap();

    let found = teacher.overview().to_grade(room.course, 100).await.unwrap();
    let (work, essay) = (SubjectType::Assignment, SubjectType::Quiz);
    assert_eq!(told(&found.suggestions), [("Student 1", work, "By AI")]);
    assert_eq!(told(&found.submissions), [("Student 2", work, "By AI")]);
    assert_eq!(told(&found.reviews), [("Student 3", work, "By people")]);
    assert_eq!(told(&found.answer_suggestions), [("Student 1", essay, "A quiz")]);
    assert_eq!(told(&found.attempts), [("Student 2", essay, "A quiz"), ("Student 3", essay, "A quiz")]);
    let entry = &found.submissions[0];
    assert_eq!((entry.student.id, entry.item.id, entry.work.id), (room.students[1], by_model.uuid(), failed));
    let entry = &found.answer_suggestions[0];
    assert_eq!((entry.student.id, entry.item.id, entry.work.id), (room.students[0], quiz.uuid(), answered));
    // A review of an answer, too.
    let mark = AnswerGrade { points: Points::ZERO, feedback: None, seen_seq: 0 };
    teacher.quizzes().grade_answer(short, short_question, mark).await.unwrap();
    h.clock.advance(60);
    room.student(2).quizzes().request_review(short, short_question, "And here.").await.unwrap();
    let again = teacher.overview().to_grade(room.course, 100).await.unwrap();
    assert_eq!(told(&again.reviews)[1], ("Student 3", essay, "A quiz"));

    // Why AI gave no grade stands on the queue, on the version and on the answer, and goes when it gives one.
    let code = async |id| teacher.assignments().submission(id).await.unwrap().ai_code;
    assert_eq!(found.submissions[0].work.ai_code.as_deref(), Some("ai.refused"));
    assert_eq!((code(failed).await.as_deref(), code(first).await), (Some("ai.refused"), None));
    let of_answer = async |id| teacher.quizzes().essays(id).await.unwrap().essays.remove(0).record.ai_code;
    assert_eq!(of_answer(lost).await.as_deref(), Some("ai.truncated"));
    assert_eq!((of_answer(short).await.as_deref(), of_answer(answered).await), (Some("too_short"), None));
    let (three, four) = (origin(672).await, origin(673).await);
    let ai = by_ai(h, &room, three.log_id).await;
    ai.assignments().apply_ai_grade(failed, suggestion(60, false), three).await.unwrap();
    let ai = by_ai(h, &room, four.log_id).await;
    ai.quizzes().apply_ai_answer_grade(lost, lost_question, suggestion(0, false), four).await.unwrap();
    assert_eq!((code(failed).await, of_answer(lost).await), (None, None));
}

/// All of a list, page by page of so many.
async fn pages<T, F: Future<Output = Result<Listed<T>, Error>>>(limit: u32, read: impl Fn(ById) -> F) -> Vec<T> {
    let (mut all, mut after) = (Vec::new(), None);
    loop {
        let page = read(ById { after, limit }).await.unwrap();
        assert!(page.rows.len() <= limit as usize);
        all.extend(page.rows);
        assert!(page.next.is_none() || page.next > after, "it goes on");
        after = page.next;
        if after.is_none() {
            return all;
        }
    }
}

/// The owner stands apart, the others by id, each with a name; and it is none of anybody else's business.
/// rules: E5, R1
pub async fn e5_the_staff_of_a_course_by_name(h: &Harness) {
    let (room, other) = (&h.classroom(1, 1).await, h.classroom(1, 0).await);
    let (teacher, system) = (&room.teacher(), &h.lms.system());
    let mut expected = Vec::new();
    for n in 0..5 {
        let new = NewUser::new(Role::Instructor, format!("Colleague {n}"));
        let id = h.lms.system().people().ensure_user(new).await.unwrap().id;
        let role = if n % 2 == 0 { StaffRole::Grader } else { StaffRole::Instructor };
        teacher.catalog().set_staff(room.course, id, Some(role)).await.unwrap();
        expected.push((id, format!("Colleague {n}"), role));
    }
    // The owner is one of them, whatever a row says beside.
    teacher.catalog().set_staff(room.course, room.instructor, Some(StaffRole::Grader)).await.unwrap();
    other.teacher().catalog().set_staff(other.course, expected[0].0, Some(StaffRole::Instructor)).await.unwrap();
    expected.sort();
    let owner = h.lms.system().people().user(room.instructor).await.unwrap();
    let grader = h.lms.as_user(expected.iter().find(|(_, _, role)| *role == StaffRole::Grader).unwrap().0);
    for session in [teacher, &grader, system] {
        let found = pages(2, |page| async move {
            let team = session.catalog().staff(room.course, page).await?;
            assert_eq!(team.owner, NamedUser { id: room.instructor, name: "Ines Instructor".into() });
            Ok(Listed { rows: team.members, next: team.next })
        })
        .await;
        let found: Vec<_> = found.into_iter().map(|m| (m.user.id, m.user.name, m.role)).collect();
        assert_eq!(found, expected);
    }
    assert_eq!(owner.display_name, "Ines Instructor");
    for session in [room.student(0), other.teacher()] {
        let hidden = session.catalog().staff(room.course, ById::default()).await.unwrap_err();
        assert_eq!(hidden.code(), "not_found");
    }
}

/// Extensions, excuses and waivers of a course and of one learner in it, with who, at what and by whom.
/// rules: S6, S8, P12, R1
pub async fn s6_p12_what_was_granted_is_listed(h: &Harness) {
    let (room, other) = (&h.classroom(2, 3).await, h.classroom(1, 1).await);
    let (teacher, admin, system) = (&room.teacher(), &h.lms.as_user(room.admin), &h.lms.system());
    let essay = assignment(room, "Essay", AiGrading::Off).await;
    let quiz = quiz(room, "A quiz").await;
    let own = assignment(&other, "Elsewhere", AiGrading::Off).await;
    other.teacher().grants().excuse(Item::Assignment(own), other.students[0], true, "ill").await.unwrap();
    other.teacher().grants().waive(Item::Assignment(own), other.students[0], "ill").await.unwrap();
    for n in 0..3 {
        let who = room.students[n];
        let later = Extension { extra_attempts: 1, ..Extension::because(format!("extended {n}")) };
        teacher.grants().extend(Item::Quiz(quiz), who, later).await.unwrap();
        teacher.grants().excuse(Item::Assignment(essay), who, true, &format!("excused {n}")).await.unwrap();
        teacher.grants().waive(Item::Lesson(room.lessons[1]), who, &format!("waived {n}")).await.unwrap();
    }
    let shown = |student: &NamedUser, item: &NamedItem, by: &NamedUser, reason: &str| {
        let item = (item.kind, item.title.clone(), item.id);
        (student.name.clone(), item, by.name.clone(), reason.to_owned())
    };
    let (quizzes, works) = ((SubjectType::Quiz, "A quiz"), (SubjectType::Assignment, "Essay"));
    for session in [teacher, admin, system] {
        let found = pages(2, |page| async move { session.grants().overrides(room.course, None, page).await }).await;
        assert!(found.windows(2).all(|pair| pair[0].grant.id < pair[1].grant.id), "by id");
        let mut told: Vec<_> = found.iter().map(|g| shown(&g.student, &g.item, &g.by, &g.grant.reason)).collect();
        told.sort_by_key(|(_, _, _, reason)| reason.clone());
        let mut expected = Vec::new();
        for (verb, (kind, title), id) in [("excused", works, essay.uuid()), ("extended", quizzes, quiz.uuid())] {
            for n in 0..3 {
                let item = (kind, title.to_owned(), id);
                expected.push((
                    format!("Student {}", n + 1),
                    item,
                    "Ines Instructor".to_owned(),
                    format!("{verb} {n}"),
                ));
            }
        }
        assert_eq!(told, expected);
        let found = pages(2, |page| async move { session.grants().waivers(room.course, None, page).await }).await;
        let mut told: Vec<_> = found.iter().map(|g| shown(&g.student, &g.item, &g.by, &g.grant.reason)).collect();
        told.sort_by_key(|(_, _, _, reason)| reason.clone());
        let item = (SubjectType::Lesson, "Lesson 2".to_owned(), room.lessons[1].uuid());
        let expected: Vec<_> = (0..3)
            .map(|n| (format!("Student {}", n + 1), item.clone(), "Ines Instructor".to_owned(), format!("waived {n}")))
            .collect();
        assert_eq!(told, expected);
    }
    // One learner's are those of the course's that are theirs.
    let who = room.students[1];
    let all = pages(500, |page| async move { teacher.grants().overrides(room.course, None, page).await }).await;
    let theirs: Vec<_> = all.into_iter().filter(|g| g.student.id == who).collect();
    assert_eq!(
        (
            pages(1, |page| async move { teacher.grants().overrides(room.course, Some(who), page).await }).await,
            theirs.len()
        ),
        (theirs, 2)
    );
    let all = pages(500, |page| async move { teacher.grants().waivers(room.course, None, page).await }).await;
    let theirs: Vec<_> = all.into_iter().filter(|g| g.student.id == who).collect();
    assert_eq!(
        (
            pages(1, |page| async move { teacher.grants().waivers(room.course, Some(who), page).await }).await,
            theirs.len()
        ),
        (theirs, 1)
    );
    // What was taken back: an excuse stands there and grants nothing, a waiver is gone.
    teacher.grants().excuse(Item::Assignment(essay), who, false, "well again").await.unwrap();
    teacher.grants().revoke_waiver(Item::Lesson(room.lessons[1]), who).await.unwrap();
    let left = teacher.grants().overrides(room.course, Some(who), ById::default()).await.unwrap().rows;
    assert_eq!(left.iter().filter(|g| g.grant.excused).count(), 0);
    assert!(teacher.grants().waivers(room.course, Some(who), ById::default()).await.unwrap().rows.is_empty());
    // Whose business it is not.
    for session in [room.student(1), other.teacher()] {
        for student in [None, Some(who)] {
            let hidden = session.grants().overrides(room.course, student, ById::default()).await.unwrap_err();
            assert_eq!(hidden.code(), "not_found");
            let hidden = session.grants().waivers(room.course, student, ById::default()).await.unwrap_err();
            assert_eq!(hidden.code(), "not_found");
        }
    }
}

/// The certificates of a course for its staff, and a person's own over all courses, each with its state.
/// rules: C4, C5, D5, R1
pub async fn c4_certificates_are_listed_with_their_state(h: &Harness) {
    let (room, other) = (&h.classroom(1, 4).await, h.classroom(1, 0).await);
    let (teacher, system) = (&room.teacher(), &h.lms.system());
    let version = room.course().await.unwrap().version;
    let days = UpdateCourse { version, certificate_valid_days: Some(Some(10)), ..UpdateCourse::default() };
    teacher.catalog().update_course(room.course, days).await.unwrap();
    let who = room.students[0];
    other.teacher().enrollment().enroll(other.course, who, EnrollOptions::default()).await.unwrap();
    for n in 0..4 {
        room.student(n).learning().complete_lesson(room.lessons[0]).await.unwrap();
    }
    room.student(0).learning().complete_lesson(other.lessons[0]).await.unwrap();
    teacher.certificates().revoke(room.course, room.students[1], "a mistake".into()).await.unwrap();
    h.lms.as_user(room.admin).people().erase_person(room.students[2]).await.unwrap();
    h.clock.advance(11 * 86_400);
    teacher.certificates().reissue(room.course, room.students[3], "a renewal").await.unwrap();
    let found = pages(3, |page| async move { teacher.certificates().of_course(room.course, page).await }).await;
    let mut expected = vec![
        (room.students[0], "Student 1", Validity::Expired, 1),
        (room.students[1], "Student 2", Validity::Revoked, 1),
        (room.students[2], "", Validity::HolderErased, 1),
        (room.students[3], "Student 4", Validity::Valid, 2),
    ];
    expected.sort_by_key(|(student, ..)| *student);
    let told: Vec<_> = found.iter().map(|c| (c.student.id, &*c.student.name, c.validity, c.revision_no)).collect();
    assert_eq!(told, expected);
    // Each says what its code says.
    for entry in &found {
        let said = system.certificates().verify(&entry.code).await.unwrap().unwrap();
        assert_eq!(
            (said.validity, said.code, said.course_title),
            (entry.validity, entry.code.clone(), entry.course_title.clone())
        );
        let dates = (said.issued_at, said.expires_at, said.revoked_at);
        assert_eq!(dates, (entry.issued_at, entry.expires_at, entry.revoked_at));
    }
    for session in [room.student(0), other.teacher()] {
        let hidden = session.certificates().of_course(room.course, ById::default()).await.unwrap_err();
        assert_eq!(hidden.code(), "not_found");
    }
    // A person's own, of every course.
    let me = &room.student(0);
    let mine = pages(1, |page| async move { me.certificates().of_person(who, page).await }).await;
    let mut courses: Vec<_> = mine.iter().map(|c| c.course_id).collect();
    courses.sort();
    let mut both = [room.course, other.course];
    both.sort();
    assert_eq!(courses, both);
    assert!(mine.contains(found.iter().find(|c| c.student.id == who).unwrap()), "the same that staff see");
    assert_eq!(pages(500, |page| async move { system.certificates().of_person(who, page).await }).await, mine);
    for session in [&room.student(1), teacher] {
        let hidden = session.certificates().of_person(who, ById::default()).await.unwrap_err();
        assert_eq!(hidden.code(), "not_found");
    }
}

/// Of each template the newest version that a course can take: no draft, and none that is archived.
/// rules: C7
pub async fn c7_templates_are_listed_by_their_newest_version(h: &Harness) {
    let room = h.classroom(1, 1).await;
    let (admin, teacher) = (h.lms.as_user(room.admin), &room.teacher());
    let built_in = pages(500, |page| async move { teacher.certificates().templates(page).await }).await;
    assert_eq!(built_in.len(), 1, "the one that is there from the beginning");
    let save = async |of: Option<TemplateId>, headline: &str| {
        let document = TemplateDocument { headline: Some(headline.into()), ..TemplateDocument::default() };
        admin.certificates().save_template(of, headline, document).await.unwrap()
    };
    let mut newest = vec![built_in[0].id];
    for n in 0..4 {
        let first = save(None, &format!("First of {n}")).await;
        newest.push(save(Some(first.id), &format!("Second of {n}")).await.id);
    }
    // One whose newest is archived falls back, one with none left is not there, and a draft is none yet.
    let first = save(None, "Stays").await;
    let second = save(Some(first.id), "Goes").await;
    admin.certificates().archive_template(second.id, true).await.unwrap();
    newest.push(first.id);
    let gone = save(None, "Gone").await;
    admin.certificates().archive_template(gone.id, true).await.unwrap();
    let operation = uuid::Uuid::from_u128(681);
    let origin = AiOrigin { log_id: valid_log(h, "certificate", operation).await.id, operation_id: operation };
    let by_ai = admin.certificates();
    let draft = by_ai.apply_copy(first.id, "By AI".into(), "Well done.".into(), origin).await.unwrap();
    let list = async || {
        let found = pages(2, |page| async move { teacher.certificates().templates(page).await }).await;
        assert!(found.windows(2).all(|pair| pair[0].family_id < pair[1].family_id), "by family");
        let mut ids: Vec<_> = found.iter().map(|t| t.id).collect();
        ids.sort();
        ids
    };
    newest.sort();
    assert_eq!(list().await, newest);
    admin.certificates().accept_template(draft.id, None).await.unwrap();
    newest.retain(|id| *id != first.id);
    newest.push(draft.id);
    newest.sort();
    assert_eq!(list().await, newest);
    let denied = room.student(0).certificates().templates(ById::default()).await.unwrap_err();
    assert_eq!(denied.code(), "denied");
}

/// To the letter, for those who manage people; to all others there is nobody, whether there is or not.
/// rules: E1, R1
pub async fn e1_a_person_is_found_by_what_the_host_knows(h: &Harness) {
    let room = h.classroom(1, 1).await;
    let system = h.lms.system();
    let new = NewUser {
        email: Some("Ann@Example.org".into()),
        ..NewUser::new(Role::Student, "Ann").with_external_id("Crm-7")
    };
    let ann = system.people().ensure_user(new).await.unwrap();
    let admin = h.lms.as_user(room.admin);
    for session in [&system, &admin] {
        assert_eq!(session.people().user_by_email("Ann@Example.org").await.unwrap(), ann);
        assert_eq!(session.people().user_by_external_id("Crm-7").await.unwrap(), ann);
        for nobody in ["ann@example.org", "Ann@Example.org ", "Ann%", "", "a\0b", "Crm-7"] {
            assert_eq!(session.people().user_by_email(nobody).await.unwrap_err().code(), "not_found", "{nobody}");
        }
        for nobody in ["crm-7", "Crm-7 ", "Crm-_", "", "a\0b", "Ann@Example.org"] {
            let missing = session.people().user_by_external_id(nobody).await.unwrap_err();
            assert_eq!(missing.code(), "not_found", "{nobody}");
        }
    }
    let json = |found: Result<User, Error>| serde_json::to_value(found.unwrap_err()).unwrap();
    let nobody = json(admin.people().user_by_email("nobody@example.org").await);
    for session in [room.teacher(), room.student(0), h.lms.as_user(ann.id)] {
        for email in ["Ann@Example.org", "nobody@example.org"] {
            assert_eq!(json(session.people().user_by_email(email).await), nobody, "{email}");
        }
        for external in ["Crm-7", "nobody"] {
            assert_eq!(json(session.people().user_by_external_id(external).await), nobody, "{external}");
        }
    }
    // Who was erased has no address any more; what the host calls them stays.
    admin.people().erase_person(ann.id).await.unwrap();
    assert_eq!(admin.people().user_by_email("Ann@Example.org").await.unwrap_err().code(), "not_found");
    assert_eq!(admin.people().user_by_external_id("Crm-7").await.unwrap().display_name, "");
}
