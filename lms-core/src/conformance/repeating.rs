//! A command that comes again under its id, after others have changed what it did: what stands is given, nothing is
//! written, and nobody waits (DETAILS 8).
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "conformance cases are tests")]

use uuid::Uuid;

use super::Harness;
use super::assignments::assign;
use crate::lms::{
    AssignmentRules, EnrollOptions, Extension, ManyMode, NewGrade, NewLesson, NewSubmission, NewUser, OwnDate,
};
use crate::model::{AssignmentId, EnrollmentStatus, Points, Posting, Role, StaffRole, SubmissionId, UserId};
use crate::store::Item;
use crate::testing::Classroom;

const WORK: &str = "A text of some length, so that it is neither nothing nor too short to be graded.";

fn command(n: u128) -> Uuid {
    Uuid::from_u128(0x0198_0000_0000_7000_8000_0000_00ee_0000 + n)
}

async fn graded(room: &Classroom, n: usize, assignment: AssignmentId) -> SubmissionId {
    let id = room.student(n).assignments().submit(assignment, NewSubmission::text(WORK)).await.unwrap().id;
    let grade = NewGrade { points: Points::whole(70), ..NewGrade::default() };
    room.teacher().assignments().grade(id, grade).await.unwrap();
    id
}

/// rules: E2, E7
pub async fn who_is_enrolled_stays_as_the_last_command_left_it(h: &Harness) {
    let room = h.classroom(1, 1).await;
    let (course, id) = (room.course, room.students[0]);
    let again = |n: u128| room.teacher().with_command_id(command(n));
    let suspend = || async { again(1).enrollment().suspend(course, id).await.unwrap().status };
    let reactivate = || async { again(2).enrollment().reactivate(course, id).await.unwrap().status };
    let withdraw = || async { again(3).enrollment().withdraw(course, id).await.unwrap().status };
    let enroll = || async { again(4).enrollment().enroll(course, id, EnrollOptions::default()).await.unwrap().status };
    assert_eq!(suspend().await, EnrollmentStatus::Suspended);
    assert_eq!(reactivate().await, EnrollmentStatus::Active);
    assert_eq!(suspend().await, EnrollmentStatus::Active);
    assert_eq!(withdraw().await, EnrollmentStatus::Withdrawn);
    assert_eq!(reactivate().await, EnrollmentStatus::Withdrawn);
    assert_eq!(enroll().await, EnrollmentStatus::Active);
    assert_eq!(withdraw().await, EnrollmentStatus::Active);
    room.teacher().enrollment().withdraw(course, id).await.unwrap();
    assert_eq!(enroll().await, EnrollmentStatus::Withdrawn);
    let many = vec![(id, EnrollOptions::default())];
    let report = again(5).enrollment().enroll_many(course, many.clone(), ManyMode::AllOrNothing).await.unwrap();
    assert_eq!(report.rows[0].outcome.as_ref().unwrap().status, EnrollmentStatus::Active);
    room.teacher().enrollment().suspend(course, id).await.unwrap();
    for mode in [ManyMode::AllOrNothing, ManyMode::BestEffort] {
        let report = again(5).enrollment().enroll_many(course, many.clone(), mode).await.unwrap();
        assert_eq!(report.rows[0].outcome.as_ref().unwrap().status, EnrollmentStatus::Suspended);
    }
}

/// rules: S6, P12, E1, E5
pub async fn rights_and_grants_stay_as_they_were_left(h: &Harness) {
    let room = h.classroom(1, 1).await;
    let (teacher, id) = (room.teacher(), room.students[0]);
    let again = |n: u128| room.teacher().with_command_id(command(n));
    let assignment = assign(&room, AssignmentRules::default(), None).await.id;
    let item = Item::Assignment(assignment);
    let due = |hours: i64| OwnDate::At(h.lms.now().plus_seconds(3_600 * hours));
    let first = Extension { due: due(1), ..Extension::because("one") };
    let other = Extension { due: due(2), ..Extension::because("two") };
    again(1).grants().extend(item, id, first.clone()).await.unwrap();
    let stands = teacher.grants().extend(item, id, other).await.unwrap();
    assert_eq!(again(1).grants().extend(item, id, first).await.unwrap().due_date, stands.due_date);
    assert!(again(2).grants().excuse(item, id, true, "ill").await.unwrap().excused);
    teacher.grants().excuse(item, id, false, "well").await.unwrap();
    assert!(!again(2).grants().excuse(item, id, true, "ill").await.unwrap().excused);
    again(3).grants().waive(item, id, "knows it").await.unwrap();
    teacher.grants().revoke_waiver(item, id).await.unwrap();
    let gone = again(3).grants().waive(item, id, "knows it").await.unwrap_err();
    assert_eq!(gone.code(), "waiver.none");

    let new = NewUser::new(Role::Student, "Somebody");
    let who: UserId = h.lms.system().people().ensure_user(new).await.unwrap().id;
    let role = |n: u128, role: Role| {
        let session = h.lms.system().with_command_id(command(n));
        async move { session.people().set_role(who, role).await.unwrap().role }
    };
    assert_eq!(role(4, Role::Instructor).await, Role::Instructor);
    assert_eq!(role(5, Role::Student).await, Role::Student);
    assert_eq!(role(4, Role::Instructor).await, Role::Student);
    again(6).catalog().set_staff(room.course, who, Some(StaffRole::Grader)).await.unwrap();
    again(7).catalog().set_staff(room.course, who, None).await.unwrap();
    again(6).catalog().set_staff(room.course, who, Some(StaffRole::Grader)).await.unwrap();
    assert!(h.store.course(None, room.course, Some(who)).await.unwrap().unwrap().subject_staff.is_none());
}

/// Who takes their own rights away hears, when the answer was lost, that it was done; another event's id opens
/// nothing.
/// rules: E5, R1
pub async fn what_took_ones_own_rights_is_found_done(h: &Harness) {
    let room = h.classroom(1, 1).await;
    let course = room.course;
    let person = |role: Role| {
        let system = h.lms.system();
        async move { system.people().ensure_user(NewUser::new(role, "Somebody")).await.unwrap().id }
    };
    let (next, beside, admin) =
        (person(Role::Instructor).await, person(Role::Instructor).await, person(Role::Admin).await);
    room.teacher().catalog().set_staff(course, beside, Some(StaffRole::Instructor)).await.unwrap();
    for _ in 0..2 {
        let leaving = h.lms.as_user(beside).with_command_id(command(1));
        leaving.catalog().set_staff(course, beside, None).await.unwrap();
        let giving = room.teacher().with_command_id(command(2));
        assert_eq!(giving.catalog().set_owner(course, next).await.unwrap().instructor_id, next);
        let stepping_down = h.lms.as_user(admin).with_command_id(command(3));
        assert_eq!(stepping_down.people().set_role(admin, Role::Student).await.unwrap().role, Role::Student);
    }
    // Without the id, or with that of another deed, of one's own or of somebody else's, nothing is said.
    let learner = |n: u128| room.student(0).with_command_id(command(n));
    learner(4).learning().complete_lesson(room.lessons[0]).await.unwrap();
    for session in [room.teacher(), room.teacher().with_command_id(command(1)), learner(4), learner(2)] {
        assert!(session.catalog().set_owner(course, next).await.is_err());
        assert!(session.catalog().set_staff(course, beside, None).await.is_err());
        assert!(session.people().set_role(admin, Role::Admin).await.is_err());
    }
}

/// rules: E7, S14
pub async fn e7_posting_again_posts_what_waits(h: &Harness) {
    let room = h.classroom(1, 3).await;
    let rules = AssignmentRules { posting: Posting::Manual, ..AssignmentRules::default() };
    let assignment = assign(&room, rules, None).await.id;
    let again = |n: u128| room.teacher().with_command_id(command(n));
    let first = graded(&room, 0, assignment).await;
    let all = || async { again(1).assignments().post_grades(assignment, ManyMode::BestEffort).await.unwrap() };
    assert_eq!(all().await.rows.len(), 1);
    // The rows of the same call are others by now.
    for n in 1..3 {
        graded(&room, n, assignment).await;
    }
    let report = all().await;
    assert_eq!((report.done, report.rows.len()), (true, 2));
    assert_eq!(all().await.rows.len(), 0, "nobody waits any more");

    // The same learner has a new grade to post.
    again(2).assignments().post_grade(assignment, room.students[0]).await.unwrap();
    let seen = room.teacher().assignments().submission(first).await.unwrap().history_seq;
    room.teacher().assignments().clear_grade(first, seen, None).await.unwrap();
    let grade = NewGrade { points: Points::whole(80), seen_seq: seen + 1, ..NewGrade::default() };
    room.teacher().assignments().grade(first, grade).await.unwrap();
    again(3).assignments().post_grade(assignment, room.students[0]).await.unwrap();
    let seen = room.teacher().assignments().submission(first).await.unwrap();
    assert!(seen.posted_at.is_some());
    room.teacher().assignments().clear_grade(first, seen.history_seq, None).await.unwrap();
    let grade = NewGrade { points: Points::whole(90), seen_seq: seen.history_seq + 1, ..NewGrade::default() };
    room.teacher().assignments().grade(first, grade).await.unwrap();
    again(3).assignments().post_grade(assignment, room.students[0]).await.unwrap();
    assert!(room.teacher().assignments().submission(first).await.unwrap().posted_at.is_none());
}

/// rules: V3, P4, A2, S16
pub async fn a_learners_acts_are_done_once(h: &Harness) {
    let room = h.classroom(2, 1).await;
    let again = |n: u128| room.student(0).with_command_id(command(n));
    let quiz = room.add_quiz(room.lessons[1], 1, crate::lms::QuizRules::default()).await.unwrap();
    for round in 0..2 {
        again(1).learning().open_course(room.course).await.unwrap();
        again(2).learning().open_lesson(room.lessons[0]).await.unwrap();
        again(3).learning().view_topic(room.topics[0]).await.unwrap();
        again(4).learning().complete_lesson(room.lessons[0]).await.unwrap();
        again(5).learning().undo_complete_lesson(room.lessons[0]).await.unwrap();
        let attempt = again(6).quizzes().start(quiz.id).await.unwrap();
        if round == 0 {
            room.student(0).quizzes().submit(attempt.id).await.unwrap();
        }
        // After an hour they would count again.
        h.clock.advance(3_601);
    }
    let kinds: Vec<_> = h.events().await.into_iter().filter(|e| e.event.learner_initiated).collect();
    let ids: std::collections::BTreeSet<_> = kinds.iter().map(|e| e.event.id).collect();
    for n in 1..=6 {
        assert!(ids.contains(&crate::model::EventId::from_uuid(command(n))), "{n}");
    }
    assert_eq!(room.student(0).learning().standing(room.course, room.students[0]).await.unwrap().lessons_done, 0);

    let assignment = assign(&room, AssignmentRules::default(), None).await.id;
    let work = graded(&room, 0, assignment).await;
    let asked = again(7).assignments().request_review(work, "why?").await.unwrap();
    let grade = NewGrade { points: Points::whole(75), seen_seq: asked.seq, ..NewGrade::default() };
    room.teacher().assignments().grade(work, grade).await.unwrap();
    assert_eq!(again(7).assignments().request_review(work, "why?").await.unwrap().id, asked.id);
}

/// rules: X2, D1
pub async fn what_was_added_and_deleted_stays_deleted(h: &Harness) {
    let room = h.classroom(2, 0).await;
    let teacher = room.teacher();
    let again = |n: u128| room.teacher().with_command_id(command(n));
    let add = || async { again(1).catalog().add_lesson(room.course, NewLesson::titled("Third")).await };
    let item = Item::Lesson(add().await.unwrap().id);
    let plan = teacher.catalog().plan_delete(item).await.unwrap();
    teacher.catalog().delete(&plan).await.unwrap();
    assert_eq!(add().await.unwrap_err().code(), "not_found");
    let objective = || async { again(2).catalog().add_objective(room.course, "one", "Do one thing").await };
    teacher.catalog().delete_objective(room.course, objective().await.unwrap().id).await.unwrap();
    assert_eq!(objective().await.unwrap_err().code(), "not_found");
    let requires = |n: u128, on: bool| {
        let session = again(n);
        let (second, first) = (room.lessons[1], room.lessons[0]);
        async move { session.catalog().require_lesson(second, first, on).await.unwrap() }
    };
    requires(3, true).await;
    requires(4, false).await;
    requires(3, true).await;
    assert!(teacher.catalog().structure(room.course).await.unwrap().requires.is_empty());
}
