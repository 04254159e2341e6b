//! The life of a grade after it was given: cleared, returned, posted, reviewed; and many at once.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "conformance cases are tests")]

use super::Harness;
use super::assignments::{assign, by_ai, suggestion};
use super::atomicity::valid_log;
use crate::lms::{
    AiOrigin, AssignmentRules, EnrollOptions, Extension, ManyMode, MarkFilter, MarkPair, MarkedWork, NewGrade,
    NewSubmission, NewUser, OwnDate, ReviewAnswer, UpdateCourse,
};
use crate::model::{
    AiGrading, EnrollmentSource, EventKind, GradeCause, GradeEntry, GraderKind, PenaltyInterval, Points, Posting,
    Resubmission, ReviewState, Role, SubmissionId, SubmissionState, UserId,
};
use crate::store::Item;
use crate::testing::Classroom;

const WORK: &str = "A text of some length, so that it is neither nothing nor too short to be graded.";

fn points(whole: i64) -> Points {
    Points::whole(whole).unwrap()
}

fn grade(whole: i64, seen_seq: i64) -> NewGrade {
    NewGrade { points: Some(points(whole)), feedback: Some("Read.".into()), seen_seq, ..NewGrade::default() }
}

/// The mark that a conflict shows.
pub(super) fn newer_mark(refused: crate::Error) -> GradeEntry {
    let crate::Error::Refused(crate::error::Refusal::GradeNewer { seq, entry }) = refused else { panic!("{refused}") };
    assert_eq!(seq, entry.seq);
    *entry
}

async fn submit(room: &Classroom, n: usize, assignment: crate::model::AssignmentId) -> SubmissionId {
    room.student(n).assignments().submit(assignment, NewSubmission::text(WORK)).await.unwrap().id
}

/// Taking a person's mark back brings the latest mark by AI back, under the terms of now; without one the work
/// is ungraded again.
/// rules: S6, S9, S10
pub async fn s10_clearing_returns_to_the_mark_by_ai(h: &Harness) {
    let room = h.classroom(1, 2).await;
    let due = h.lms.now().plus_seconds(3_600);
    let rules = AssignmentRules {
        ai_grading: Some(AiGrading::Apply),
        due_date: Some(due),
        penalty_bp: crate::model::BasisPoints::percent(10),
        penalty_interval: Some(PenaltyInterval::Day),
        ..AssignmentRules::default()
    };
    let assignment = assign(&room, rules, None).await;
    let teacher = room.teacher();
    h.clock.advance(7_200);
    let id = submit(&room, 0, assignment.id).await;
    let operation = uuid::Uuid::from_u128(500);
    let log = valid_log(h, "grade", operation).await;
    let origin = AiOrigin { log_id: log.id, operation_id: operation };
    by_ai(h, &room, log.id).await.assignments().apply_ai_grade(id, suggestion(70, false), origin).await.unwrap();
    teacher.assignments().grade(id, grade(50, 0)).await.unwrap();
    // The dates change while the person's mark stands.
    let later = Extension { due: OwnDate::At(due.plus_seconds(7_200)), ..Extension::because("agreed") };
    teacher.grants().extend(Item::Assignment(assignment.id), room.students[0], later).await.unwrap();
    let newer = teacher.assignments().clear_grade(id, 0, None).await.unwrap_err();
    let stands = teacher.assignments().history(id).await.unwrap();
    assert_eq!(newer_mark(newer), stands[1], "whoever clears has seen what they clear, and is shown it");
    let cleared = teacher.assignments().clear_grade(id, 2, Some("a mix-up".into())).await.unwrap();
    assert_eq!(cleared.submission.grader_kind, Some(GraderKind::Ai));
    assert_eq!(cleared.submission.grade, Some(points(70)), "without the penalty of the old date");
    let none = teacher.assignments().clear_grade(id, 99, None).await.unwrap_err();
    assert_eq!(none.code(), "grade.nothing_to_clear");
    let causes: Vec<_> = teacher.assignments().history(id).await.unwrap().iter().map(|e| e.cause).collect();
    assert_eq!(causes.last(), Some(&GradeCause::Cleared));
    assert!(causes.len() >= 4, "everything is kept: {causes:?}");

    let other = submit(&room, 1, assignment.id).await;
    teacher.assignments().grade(other, grade(40, 0)).await.unwrap();
    let cleared = teacher.assignments().clear_grade(other, 1, None).await.unwrap().submission;
    assert_eq!((cleared.grade, cleared.state, cleared.posted_at), (None, SubmissionState::Submitted, None));
    teacher.assignments().grade(other, grade(60, 2)).await.unwrap();
}

/// Where AI and a person have marked the same version, both marks are read side by side, page by page.
/// rules: S9, S10, S12
pub async fn s9_s10_marks_by_ai_beside_marks_by_people(h: &Harness) {
    let room = h.classroom(1, 5).await;
    let apply = || AssignmentRules { ai_grading: Some(AiGrading::Apply), ..AssignmentRules::default() };
    let (one, two) = (assign(&room, apply(), None).await, assign(&room, apply(), None).await);
    let teacher = room.teacher();
    let by_model = async |id: SubmissionId, n: u128, whole: i64, review: bool| {
        let operation = uuid::Uuid::from_u128(700 + n);
        let log = valid_log(h, "grade", operation).await;
        let origin = AiOrigin { log_id: log.id, operation_id: operation };
        let session = by_ai(h, &room, log.id).await;
        session.assignments().apply_ai_grade(id, suggestion(whole, review), origin).await.unwrap();
        log.id
    };
    // Overruled; taken over; marked before AI was asked; not looked at yet; another assignment.
    let mut works = Vec::new();
    for n in 0..4 {
        works.push(submit(&room, n, one.id).await);
    }
    let log = by_model(works[0], 0, 70, false).await;
    let because = NewGrade { reason: Some("too kind".into()), ..grade(50, 0) };
    teacher.assignments().grade(works[0], because).await.unwrap();
    by_model(works[1], 1, 60, true).await;
    teacher.assignments().adopt_suggestion(works[1], 1, None).await.unwrap();
    teacher.assignments().grade(works[2], grade(40, 0)).await.unwrap();
    by_model(works[2], 2, 45, false).await;
    by_model(works[3], 3, 90, false).await;
    let other = submit(&room, 4, two.id).await;
    by_model(other, 4, 10, false).await;
    teacher.assignments().grade(other, grade(20, 0)).await.unwrap();

    let submission = |pair: &MarkPair| match pair.work {
        MarkedWork::Submission { submission_id, .. } => submission_id,
        MarkedWork::Answer { .. } => panic!("there is no quiz: {pair:?}"),
    };
    let only = |id| MarkFilter { assignment: Some(id), quiz: None };
    let whole = teacher.overview().mark_pairs(room.course, MarkFilter::default(), None, 100).await.unwrap();
    assert_eq!((whole.pairs.len(), whole.next), (4, None));
    let of = |id: SubmissionId| whole.pairs.iter().find(|pair| submission(pair) == id).unwrap();
    let told = |id: SubmissionId| {
        let pair = of(id);
        (pair.ai_points, pair.human_points, pair.was_adopted, pair.ai_came_first)
    };
    assert_eq!(told(works[0]), (points(70), points(50), false, true));
    assert_eq!(told(works[1]), (points(60), points(60), true, true));
    assert_eq!(told(works[2]), (points(45), points(40), false, false));
    assert_eq!(told(other), (points(10), points(20), false, true));
    let first = of(works[0]);
    assert_eq!((first.ai_log_id, first.reviewer_id), (Some(log), Some(room.instructor)));
    assert_eq!((first.reason.as_deref(), first.final_points), (Some("too kind"), Some(points(50))));
    assert_eq!((first.max_grade, first.student_id), (points(100), room.students[0]));
    let work = MarkedWork::Submission { assignment_id: one.id, version_no: 1, submission_id: works[0] };
    assert_eq!(first.work, work);

    // A page at a time, and of one assignment, the same.
    let mut paged = Vec::new();
    let mut after = None;
    for _ in 0..6 {
        let page = teacher.overview().mark_pairs(room.course, MarkFilter::default(), after, 1).await.unwrap();
        paged.extend(page.pairs);
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!((paged, after), (whole.pairs.clone(), None));
    let alone = teacher.overview().mark_pairs(room.course, only(two.id), None, 100).await.unwrap();
    assert_eq!(alone.pairs, [of(other).clone()]);

    // What is taken back is no mark, and marks on an old maximum are not compared with marks on the new.
    teacher.assignments().clear_grade(works[2], 1, None).await.unwrap();
    let fewer = teacher.overview().mark_pairs(room.course, only(one.id), None, 100).await.unwrap();
    let ids: Vec<SubmissionId> = fewer.pairs.iter().map(submission).collect();
    assert!(ids.len() == 2 && !ids.contains(&works[2]), "{ids:?}");

    // To nobody but graders.
    let error = room.student(0).overview().mark_pairs(room.course, MarkFilter::default(), None, 100).await.unwrap_err();
    assert_eq!(error.code(), "not_found");
    let elsewhere = h.classroom(1, 1).await;
    let error =
        elsewhere.teacher().overview().mark_pairs(room.course, MarkFilter::default(), None, 100).await.unwrap_err();
    assert_eq!(error.code(), "not_found");
    let error = elsewhere.teacher().overview().mark_pairs(elsewhere.course, only(one.id), None, 100).await.unwrap_err();
    assert_eq!(error.code(), "not_found");
}

/// Work that is given back may be handed in again.
/// rules: S1, S2, S3
pub async fn s2_returned_work_comes_back_as_another_version(h: &Harness) {
    let room = h.classroom(1, 1).await;
    let rules = AssignmentRules { resubmission: Resubmission::AfterReturn, ..AssignmentRules::default() };
    let assignment = assign(&room, rules, None).await;
    let (me, teacher) = (room.student(0), room.teacher());
    let id = submit(&room, 0, assignment.id).await;
    teacher.assignments().grade(id, grade(40, 0)).await.unwrap();
    let early = me.assignments().submit(assignment.id, NewSubmission::text(WORK)).await.unwrap_err();
    assert_eq!(early.code(), "submission.no_resubmission");
    assert_eq!(me.assignments().return_for_revision(id).await.unwrap_err().code(), "denied");
    let back = teacher.assignments().return_for_revision(id).await.unwrap();
    teacher.assignments().return_for_revision(id).await.unwrap();
    assert_eq!((back.state, back.grade), (SubmissionState::Returned, Some(points(40))));
    assert_eq!(h.count(EventKind::SubmissionReturned).await, 1);
    let second = submit(&room, 0, assignment.id).await;
    let card = me.overview().scorecard(room.course, room.students[0]).await.unwrap();
    assert!(card.items[0].needs_regrading);
    assert_eq!(card.items[0].percent.unwrap().to_string(), "40.00", "the old grade stands meanwhile");
    teacher.assignments().grade(second, grade(90, 0)).await.unwrap();
    let card = me.overview().scorecard(room.course, room.students[0]).await.unwrap();
    assert_eq!(card.items[0].percent.unwrap().to_string(), "90.00");
}

/// Posting shows every grade at once, one event per person, and again does nothing.
/// rules: S14, E7
pub async fn s14_e7_posting_everybodys_grades(h: &Harness) {
    let room = h.classroom(1, 4).await;
    let rules = AssignmentRules { posting: Posting::Manual, ..AssignmentRules::default() };
    let assignment = assign(&room, rules, None).await;
    let teacher = room.teacher();
    let mut rows = Vec::new();
    for n in 0..3 {
        rows.push((submit(&room, n, assignment.id).await, grade(60 + i64::try_from(n).unwrap(), 0)));
    }
    let all = teacher.assignments().grade_many(rows.clone(), ManyMode::AllOrNothing).await.unwrap();
    assert!(all.done && all.rows.iter().all(|row| row.outcome.as_ref().unwrap().applied));
    let view = room.student(1).assignments().view(rows[1].0).await.unwrap();
    assert_eq!((view.grade, view.feedback, view.state), (None, None, SubmissionState::Submitted));
    assert_eq!(h.count(EventKind::GradePosted).await, 0);
    let refused = room.student(1).assignments().post_grades(assignment.id, ManyMode::BestEffort).await.unwrap_err();
    assert_eq!(refused.code(), "not_found");
    let posted = teacher.assignments().post_grades(assignment.id, ManyMode::AllOrNothing).await.unwrap();
    assert_eq!((posted.done, posted.rows.len()), (true, 3));
    let again = teacher.assignments().post_grades(assignment.id, ManyMode::BestEffort).await.unwrap();
    assert_eq!((again.done, again.rows.len()), (true, 0));
    assert_eq!(h.count(EventKind::GradePosted).await, 3, "one per person");
    let view = room.student(1).assignments().view(rows[1].0).await.unwrap();
    assert_eq!((view.grade, view.grader_kind), (Some(points(61)), Some(GraderKind::Human)));
}

/// Many at once: all or nothing leaves nothing when one row is refused; best effort does the others; the same
/// command again does nothing.
/// rules: E7, E3, E6
pub async fn e7_many_at_once(h: &Harness) {
    let room = h.classroom(1, 0).await;
    let teacher = room.teacher();
    let mut people: Vec<UserId> = Vec::new();
    for n in 0..5 {
        let user = NewUser::new(Role::Student, format!("Person {n}"));
        people.push(h.lms.system().people().ensure_user(user).await.unwrap().id);
    }
    let unknown = UserId::from_uuid(uuid::Uuid::from_u128(404));
    let list = |ids: &[UserId]| ids.iter().map(|id| (*id, EnrollOptions::default())).collect::<Vec<_>>();
    let with_unknown = list(&[people[0], unknown, people[1]]);
    let report =
        teacher.enrollment().enroll_many(room.course, with_unknown.clone(), ManyMode::AllOrNothing).await.unwrap();
    assert!(!report.done);
    let errors: Vec<_> = report.rows.iter().map(|row| row.error.as_ref().map(crate::Error::code)).collect();
    assert_eq!(errors, [None, Some("not_found"), None]);
    assert!(report.rows.iter().all(|row| row.outcome.is_none()));
    assert_eq!(h.count(EventKind::Enrolled).await, 0, "nothing was done");
    let report = teacher.enrollment().enroll_many(room.course, with_unknown, ManyMode::BestEffort).await.unwrap();
    assert!(!report.done);
    assert_eq!(report.rows.iter().filter(|row| row.outcome.is_some()).count(), 2);
    assert_eq!(report.rows[0].outcome.as_ref().unwrap().source, EnrollmentSource::Staff);
    let twice = teacher.enrollment().enroll_many(room.course, list(&[people[2], people[2]]), ManyMode::default()).await;
    assert_eq!(twice.unwrap_err().code(), "invalid");

    // Seats: three rows for two seats are refused together.
    let course = room.course().await.unwrap();
    let update = UpdateCourse { version: course.version, capacity: Some(Some(4)), ..UpdateCourse::default() };
    teacher.catalog().update_course(room.course, update).await.unwrap();
    let rest = list(&people[2..]);
    let full = teacher.enrollment().enroll_many(room.course, rest.clone(), ManyMode::AllOrNothing).await.unwrap_err();
    assert_eq!(full.code(), "course.full");
    let some = teacher.enrollment().enroll_many(room.course, rest, ManyMode::BestEffort).await.unwrap();
    let codes: Vec<_> = some.rows.iter().map(|row| row.error.as_ref().map(crate::Error::code)).collect();
    assert_eq!(codes, [None, None, Some("course.full")]);

    // The same command twice is one.
    let assignment = assign(&room, AssignmentRules::default(), None).await;
    let id = uuid::Uuid::from_u128(900);
    let item = Item::Assignment(assignment.id);
    let students = people[..3].to_vec();
    for _ in 0..2 {
        let session = teacher.clone().with_command_id(id);
        let excused =
            session.grants().excuse_many(item, students.clone(), true, "a trip", ManyMode::AllOrNothing).await.unwrap();
        assert!(excused.done);
    }
    assert_eq!(h.count(EventKind::OverrideGranted).await, 3, "one event per person");
    let more = Extension { due: OwnDate::At(h.lms.now().plus_seconds(60)), ..Extension::because("a trip") };
    let extended = teacher.grants().extend_many(item, students, more, ManyMode::BestEffort).await.unwrap();
    assert!(extended.rows.iter().all(|row| row.outcome.as_ref().unwrap().excused), "the excuse stays beside it");
    assert!(h.lms.system().activity().audit(room.course).await.unwrap().is_empty());
}

/// One refused row of grades or of extensions keeps all others out, and what was refused can be done by itself.
/// rules: E7, S1
pub async fn e7_one_refused_row_keeps_all_out(h: &Harness) {
    let room = h.classroom(1, 3).await;
    let teacher = room.teacher();
    let assignment = assign(&room, AssignmentRules::default(), None).await;
    let handed = [submit(&room, 0, assignment.id).await, submit(&room, 1, assignment.id).await];
    let draft = room.student(2).assignments().save_draft(assignment.id, NewSubmission::text(WORK)).await.unwrap().id;
    let one = teacher.assignments().grade(draft, grade(50, 0)).await.unwrap_err();
    assert_eq!(one.code(), "submission.draft", "a draft is nobody's to grade");
    let events = h.events().await.len();
    let rows = vec![(handed[0], grade(50, 0)), (draft, grade(60, 0)), (handed[1], grade(70, 0))];
    let report = teacher.assignments().grade_many(rows.clone(), ManyMode::AllOrNothing).await.unwrap();
    let codes: Vec<_> = report.rows.iter().map(|row| row.error.as_ref().map(crate::Error::code)).collect();
    assert_eq!((report.done, codes), (false, vec![None, Some("submission.draft"), None]));
    assert!(report.rows.iter().all(|row| row.outcome.is_none()));
    for id in handed {
        assert!(teacher.assignments().history(id).await.unwrap().is_empty(), "nothing was written");
    }
    let stranger = h.lms.system().people().ensure_user(NewUser::new(Role::Student, "Stranger")).await.unwrap().id;
    let students = vec![room.students[0], stranger, room.students[1]];
    let item = Item::Assignment(assignment.id);
    let more = || Extension { due: OwnDate::At(h.lms.now().plus_seconds(60)), ..Extension::because("a trip") };
    let report = teacher.grants().extend_many(item, students.clone(), more(), ManyMode::AllOrNothing).await.unwrap();
    let codes: Vec<_> = report.rows.iter().map(|row| row.error.as_ref().map(crate::Error::code)).collect();
    assert_eq!((report.done, codes), (false, vec![None, Some("not_found"), None]));
    assert_eq!(h.events().await.len(), events, "nothing was written");
    let records = h.store.records(room.course, false, Default::default()).await.unwrap();
    assert!(records.iter().all(|record| record.overrides.is_empty()));

    let report = teacher.assignments().grade_many(rows, ManyMode::BestEffort).await.unwrap();
    assert_eq!(report.rows.iter().filter(|row| row.outcome.is_some()).count(), 2);
    let report = teacher.grants().extend_many(item, students, more(), ManyMode::BestEffort).await.unwrap();
    assert_eq!(report.rows.iter().filter(|row| row.outcome.is_some()).count(), 2);
    let all = teacher.grants().extend_many(item, room.students.clone(), more(), ManyMode::AllOrNothing).await.unwrap();
    assert!(all.done && all.rows.iter().all(|row| row.outcome.is_some()));
    assert!(h.lms.system().activity().audit(room.course).await.unwrap().is_empty());
}

/// A plan is one batch: a use case that would write a second one is refused, and nothing of it is written.
/// rules: E7
pub async fn a_plan_is_one_batch(h: &Harness) {
    let room = h.classroom(1, 2).await;
    let before = h.events().await.len();
    let (course, students) = (room.course, room.students.clone());
    let two = |s: crate::lms::Session| async move {
        s.enrollment().suspend(course, students[0]).await?;
        s.enrollment().suspend(course, students[1]).await
    };
    assert_eq!(room.teacher().plan(two).await.unwrap_err().code(), "plan.not_one_batch");
    assert_eq!(h.events().await.len(), before);
    let who = room.students[0];
    let one = |s: crate::lms::Session| async move { s.enrollment().suspend(course, who).await };
    let planned = room.teacher().plan(one).await.unwrap();
    assert_eq!(h.events().await.len(), before, "a plan writes nothing");
    h.store.write(std::sync::Arc::new(planned.batch)).await.unwrap();
    assert_eq!(h.events().await.len(), before + 1);
}

/// A learner asks once per grade for another look; the grade stands until staff answer, with a reason that the
/// learner reads.
/// rules: S16, Q12
pub async fn s16_a_learner_asks_for_another_look(h: &Harness) {
    let room = h.classroom(1, 2).await;
    let rules = AssignmentRules { review_days: Some(7), ..AssignmentRules::default() };
    let assignment = assign(&room, rules, None).await;
    let (me, teacher) = (room.student(0), room.teacher());
    let id = submit(&room, 0, assignment.id).await;
    let early = me.assignments().request_review(id, "Please.").await.unwrap_err();
    assert_eq!(early.code(), "review.no_grade");
    teacher.assignments().grade(id, grade(40, 0)).await.unwrap();
    let other = room.student(1).assignments().request_review(id, "Please.").await.unwrap_err();
    assert_eq!(other.code(), "not_found");
    let asked = me.assignments().request_review(id, "You missed page two.").await.unwrap();
    let again = me.assignments().request_review(id, "And page three.").await.unwrap();
    assert_eq!((asked.id, again.reason.as_str()), (again.id, "You missed page two."), "once per grade");
    assert_eq!(h.count(EventKind::ReviewRequested).await, 1);
    assert_eq!(me.assignments().view(id).await.unwrap().grade, Some(points(40)), "it stands meanwhile");
    assert_eq!(me.assignments().answer_review(id, keep("no")).await.unwrap_err().code(), "denied");
    let kept = teacher.assignments().answer_review(id, keep("Page two is copied.")).await.unwrap();
    assert_eq!(kept.state, ReviewState::Kept);
    assert_eq!(teacher.assignments().answer_review(id, keep("Again")).await.unwrap_err().code(), "review.none");
    assert_eq!(
        me.assignments().reviews(id).await.unwrap()[0].answer.as_deref(),
        Some("Page two is copied."),
        "the learner reads why"
    );

    // Another grade may be asked about again, and a change is one transaction with its answer.
    teacher.assignments().grade(id, grade(45, 1)).await.unwrap();
    me.assignments().request_review(id, "Still page two.").await.unwrap();
    let change = ReviewAnswer { change: Some(grade(70, 2)), reason: "You are right.".into() };
    let changed = teacher.assignments().answer_review(id, change).await.unwrap();
    assert_eq!(changed.state, ReviewState::Changed);
    assert_eq!(me.assignments().view(id).await.unwrap().grade, Some(points(70)));
    let answers: Vec<_> = h.events().await.into_iter().filter(|e| e.event.kind == EventKind::ReviewAnswered).collect();
    assert_eq!(answers.len(), 2);
    assert!(!answers[1].event.metadata.as_str().contains("right"), "no words in the log");

    h.clock.advance(8 * 86_400);
    let late = me.assignments().request_review(id, "One more thing.").await.unwrap_err();
    assert_eq!(late.code(), "review.over");
}

fn keep(reason: &str) -> ReviewAnswer<NewGrade> {
    ReviewAnswer { change: None, reason: reason.into() }
}
