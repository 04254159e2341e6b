//! Submissions and their grades.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "conformance cases are tests")]

use super::Harness;
use super::atomicity::valid_log;
use crate::lms::{AiGrade, AiOrigin, AssignmentRules, NewAssignment, NewGrade, NewSubmission, NewUser, Session};
use crate::model::{
    Actor, AiGrading, AiGradingState, AiLogStatus, Assignment, BasisPoints, Criterion, CriterionScore, EventKind,
    GraderKind, MetBy, PenaltyInterval, Points, Posting, Resubmission, Role, Rubric, SubmissionState,
};
use crate::testing::Classroom;

fn points(whole: i64) -> Points {
    Points::whole(whole).unwrap()
}

pub(super) async fn assign(room: &Classroom, rules: AssignmentRules, rubric: Option<Rubric>) -> Assignment {
    let new = NewAssignment { is_published: true, rules, rubric, ..NewAssignment::new("Essay", points(100)) };
    room.teacher().catalog().add_assignment(room.lessons[0], new).await.unwrap()
}

fn mark(whole: i64, seen_seq: i64) -> NewGrade {
    NewGrade { points: Some(points(whole)), feedback: Some("Well.".into()), seen_seq, ..NewGrade::default() }
}

const WORK: &str = "A text of some length, so that it is neither nothing nor too short to be graded.";

/// rules: S1, S2, S3
pub async fn s1_versions_and_drafts(h: &Harness) {
    let room = h.classroom(1, 1).await;
    let rules = AssignmentRules { max_versions: Some(2), ..AssignmentRules::default() };
    let assignment = assign(&room, rules, None).await;
    let me = room.student(0);
    let draft = me.assignments().save_draft(assignment.id, NewSubmission::text("first")).await.unwrap();
    let same = me.assignments().save_draft(assignment.id, NewSubmission::text("second")).await.unwrap();
    assert_eq!((draft.id, same.state), (same.id, SubmissionState::Draft));
    let nothing = me.assignments().submit(assignment.id, NewSubmission::text("  ")).await;
    let handed = nothing.unwrap();
    assert_eq!((handed.id, handed.content.as_deref()), (draft.id, Some("second")), "the draft is what is handed in");
    room.teacher().assignments().grade(handed.id, mark(80, 0)).await.unwrap();
    let next = me.assignments().submit(assignment.id, NewSubmission::text("third")).await.unwrap();
    assert_eq!((next.version_no, next.state), (2, SubmissionState::Submitted));
    let card = me.overview().scorecard(room.course, room.students[0]).await.unwrap();
    assert_eq!(card.items[0].percent.unwrap().to_string(), "80.00", "the old grade stands");
    assert!(card.items[0].needs_regrading);
    let over = me.assignments().submit(assignment.id, NewSubmission::text("fourth")).await.unwrap_err();
    assert_eq!(over.code(), "submission.versions_used_up");
    let never =
        assign(&room, AssignmentRules { resubmission: Resubmission::Never, ..AssignmentRules::default() }, None).await;
    me.assignments().submit(never.id, NewSubmission::text("one")).await.unwrap();
    let again = me.assignments().submit(never.id, NewSubmission::text("two")).await.unwrap_err();
    assert_eq!(again.code(), "submission.no_resubmission");
    let empty = room
        .student(0)
        .assignments()
        .submit(assign(&room, AssignmentRules::default(), None).await.id, NewSubmission::default())
        .await;
    assert_eq!(empty.unwrap_err().code(), "submission.nothing");
    let _ = h;
}

/// rules: S5, S7
pub async fn s5_cut_off_and_lateness(h: &Harness) {
    let room = h.classroom(1, 2).await;
    let due = h.lms.now().plus_seconds(3_600);
    let rules = AssignmentRules {
        due_date: Some(due),
        cutoff_date: Some(due.plus_seconds(7_200)),
        penalty_bp: BasisPoints::percent(10),
        penalty_interval: Some(PenaltyInterval::Hour),
        ..AssignmentRules::default()
    };
    let assignment = assign(&room, rules, None).await;
    h.clock.advance(3_600);
    let on_time = room.student(0).assignments().submit(assignment.id, NewSubmission::text(WORK)).await.unwrap();
    assert_eq!(on_time.late_seconds, 0);
    h.clock.advance(3_601);
    let late = room.student(1).assignments().submit(assignment.id, NewSubmission::text(WORK)).await.unwrap();
    assert_eq!(late.late_seconds, 3_601);
    let graded = room.teacher().assignments().grade(late.id, mark(80, 0)).await.unwrap();
    assert_eq!((graded.submission.raw_grade, graded.submission.deducted), (Some(points(80)), Some(points(20))));
    assert_eq!(graded.submission.grade, Some(points(60)), "two started hours");
    h.clock.advance(3_600);
    let over = room.student(1).assignments().submit(assignment.id, NewSubmission::text(WORK)).await.unwrap_err();
    assert_eq!(over.code(), "submission.cut_off");
    room.teacher().assignments().grade(on_time.id, mark(90, 0)).await.unwrap();
}

pub(super) async fn by_ai(h: &Harness, room: &Classroom, log: crate::model::AiLogId) -> Session {
    let ai =
        h.lms.system().people().ensure_user(NewUser::new(Role::Ai, "Model").with_external_id("ai:m")).await.unwrap();
    h.lms.act(Actor::Ai { user: ai.id, on_behalf_of: room.instructor, log_id: log })
}

pub(super) fn suggestion(whole: i64, needs_review: bool) -> AiGrade {
    AiGrade {
        rubric_scores: None,
        points: points(whole),
        feedback: "You explain it well.".into(),
        needs_review,
        reasons: if needs_review { vec!["low_confidence".into()] } else { Vec::new() },
    }
}

/// Human over AI, in every order of arrival.
/// rules: S9, S10, S11
pub async fn s9_s10_human_over_ai(h: &Harness) {
    let room = h.classroom(1, 3).await;
    let rules = AssignmentRules { ai_grading: Some(AiGrading::Apply), ..AssignmentRules::default() };
    let assignment = assign(&room, rules, None).await;
    let teacher = room.teacher();
    let alone = room.student(0).assignments().submit(assignment.id, NewSubmission::text(WORK)).await.unwrap();
    assert_eq!(
        teacher.assignments().submission(alone.id).await.unwrap().ai_status,
        AiGradingState::None,
        "without a provider every mode reads as off"
    );
    h.lms.expect_ai_grading();
    let mut handed = Vec::new();
    for n in 0..3 {
        let view = room.student(n).assignments().submit(assignment.id, NewSubmission::text(WORK)).await.unwrap();
        handed.push(view.id);
    }
    assert_eq!(h.lms.system().assignments().awaiting_ai(10).await.unwrap().len(), 3);
    let run = |n: usize, whole: i64, review: bool| {
        let (room, id) = (room.clone(), handed[n]);
        async move {
            let operation = uuid::Uuid::from_u128(1_000 + n as u128);
            let log = valid_log(h, "grade", operation).await;
            let origin = AiOrigin { log_id: log.id, operation_id: operation };
            by_ai(h, &room, log.id).await.assignments().apply_ai_grade(id, suggestion(whole, review), origin).await
        }
    };
    // AI first, then a person: the person's stands.
    assert!(run(0, 70, false).await.unwrap().applied);
    let stands = teacher.assignments().submission(handed[0]).await.unwrap();
    assert_eq!((stands.grade, stands.grader_kind), (Some(points(70)), Some(GraderKind::Ai)));
    teacher.assignments().grade(handed[0], mark(60, 0)).await.unwrap();
    let stands = teacher.assignments().submission(handed[0]).await.unwrap();
    assert_eq!((stands.grade, stands.grader_kind), (Some(points(60)), Some(GraderKind::Human)));
    // A person first, then AI: a suggestion that changes nothing.
    teacher.assignments().grade(handed[1], mark(50, 0)).await.unwrap();
    assert!(!run(1, 90, false).await.unwrap().applied);
    let stands = teacher.assignments().submission(handed[1]).await.unwrap();
    assert_eq!((stands.grade, stands.ai_status), (Some(points(50)), AiGradingState::Suggested));
    // A review trigger: a suggestion, which a person adopts as their own.
    assert!(!run(2, 40, true).await.unwrap().applied);
    let waits = teacher.assignments().submission(handed[2]).await.unwrap();
    assert_eq!((waits.grade, waits.suggested_seq), (None, Some(1)));
    assert!(room.student(2).assignments().adopt_suggestion(handed[2], 1, None).await.is_err());
    let adopted = teacher.assignments().adopt_suggestion(handed[2], 1, None).await.unwrap().submission;
    assert_eq!((adopted.grade, adopted.grader_kind), (Some(points(40)), Some(GraderKind::Human)));
    assert_eq!(adopted.graded_by, Some(room.instructor));
    let history = teacher.assignments().history(handed[2]).await.unwrap();
    assert_eq!((history.len(), history[1].ref_seq), (2, Some(1)));
    assert!(history[1].ai_log_id.is_some());
    assert_eq!(
        teacher.assignments().adopt_suggestion(handed[2], 1, None).await.unwrap_err().code(),
        "grade.no_suggestion"
    );
    // Somebody who has not seen the newest human mark is told.
    assert_eq!(teacher.assignments().grade(handed[0], mark(10, 0)).await.unwrap_err().code(), "grade.newer");
    teacher.assignments().grade(handed[0], mark(65, 2)).await.unwrap();
    assert_eq!(h.count(EventKind::AiGraded).await, 3);
}

/// rules: S13
pub async fn s13_rubrics_sum_and_are_complete(h: &Harness) {
    let room = h.classroom(1, 1).await;
    let criterion = |id: &str, max: i64| Criterion {
        id: id.into(),
        title: id.into(),
        description: String::new(),
        max: points(max),
    };
    let rubric =
        |a, b| Rubric { criteria: vec![criterion("idea", a), criterion("form", b)], staff_notes: "SECRET".into() };
    let wrong = NewAssignment { rubric: Some(rubric(60, 30)), ..NewAssignment::new("Essay", points(100)) };
    assert!(room.teacher().catalog().add_assignment(room.lessons[0], wrong).await.is_err(), "does not add up");
    let assignment = assign(&room, AssignmentRules::default(), Some(rubric(60, 40))).await;
    let me = room.student(0);
    let handed = me.assignments().submit(assignment.id, NewSubmission::text(WORK)).await.unwrap();
    let score = |id: &str, n: i64| CriterionScore {
        id: id.into(),
        points: points(n),
        comment: String::new(),
        evidence: Vec::new(),
    };
    let give = |scores: Vec<CriterionScore>| NewGrade { rubric_scores: Some(scores), ..NewGrade::default() };
    let grade = |scores| {
        let (teacher, id) = (room.teacher(), handed.id);
        async move { teacher.assignments().grade(id, give(scores)).await }
    };
    assert_eq!(grade(vec![score("idea", 10)]).await.unwrap_err().code(), "grade.rubric");
    assert_eq!(grade(vec![score("idea", 10), score("form", 41)]).await.unwrap_err().code(), "grade.rubric");
    assert_eq!(
        grade(vec![score("idea", 10), score("form", 4), score("style", 1)]).await.unwrap_err().code(),
        "grade.rubric"
    );
    let graded = grade(vec![score("form", 30), score("idea", 45)]).await.unwrap();
    assert_eq!(graded.submission.grade, Some(points(75)));
    let seen = serde_json::to_string(&me.assignments().view(handed.id).await.unwrap()).unwrap();
    assert!(!seen.contains("SECRET"));
    let _ = h;
}

/// rules: S14, S16, M7
pub async fn s14_unposted_grades_stay_hidden(h: &Harness) {
    let room = h.classroom(1, 1).await;
    let rules = AssignmentRules {
        posting: Posting::Manual,
        is_required: true,
        met_by: MetBy::Passed,
        pass_threshold_bp: BasisPoints::percent(50),
        ..AssignmentRules::default()
    };
    let assignment = assign(&room, rules, None).await;
    let me = room.student(0);
    me.learning().complete_lesson(room.lessons[0]).await.unwrap();
    let handed = me.assignments().submit(assignment.id, NewSubmission::text(WORK)).await.unwrap();
    room.teacher().assignments().grade(handed.id, mark(88, 0)).await.unwrap();
    let seen = me.assignments().view(handed.id).await.unwrap();
    assert_eq!(
        (seen.state, seen.grade, seen.feedback, seen.grader_kind),
        (SubmissionState::Submitted, None, None, None)
    );
    assert_eq!(me.analytics().course_score(room.course, room.students[0]).await.unwrap(), None);
    let card = me.overview().scorecard(room.course, room.students[0]).await.unwrap();
    assert_eq!((card.items[0].score, card.items[0].met, card.score), (None, false, None));
    let card = room.teacher().overview().scorecard(room.course, room.students[0]).await.unwrap();
    assert!(card.items[0].met && card.items[0].score.is_some(), "staff see it");
    assert!(room.teacher().analytics().course_score(room.course, room.students[0]).await.unwrap().is_some());
    // Posting does not hold completion up.
    assert!(me.learning().standing(room.course, room.students[0]).await.unwrap().completed_at.is_some());
    assert_eq!(h.count(EventKind::GradePosted).await, 0);
    // What is printed, and shown to whoever verifies the code, is what the learner knows.
    let certificate = me.certificates().of(room.course, room.students[0]).await.unwrap();
    assert_eq!(certificate.snapshot.final_score, None);
}

/// The score on a certificate is over the grades that are posted: of versions, the latest of those.
/// rules: S14, M7, C3
pub async fn s14_a_certificate_tells_no_unposted_grade(h: &Harness) {
    let room = h.classroom(1, 1).await;
    let (me, who, teacher) = (room.student(0), room.students[0], room.teacher());
    let again = AssignmentRules {
        posting: Posting::Manual,
        resubmission: Resubmission::UntilCutoff,
        ..AssignmentRules::default()
    };
    let versions = assign(&room, again.clone(), None).await;
    let hidden = assign(&room, again, None).await;
    let first = me.assignments().submit(versions.id, NewSubmission::text(WORK)).await.unwrap();
    teacher.assignments().grade(first.id, mark(40, 0)).await.unwrap();
    teacher.assignments().post_grade(versions.id, who).await.unwrap();
    let second = me.assignments().submit(versions.id, NewSubmission::text("Better work")).await.unwrap();
    teacher.assignments().grade(second.id, mark(90, 0)).await.unwrap();
    let other = me.assignments().submit(hidden.id, NewSubmission::text(WORK)).await.unwrap();
    teacher.assignments().grade(other.id, mark(10, 0)).await.unwrap();
    me.learning().complete_lesson(room.lessons[0]).await.unwrap();
    let certificate = me.certificates().of(room.course, who).await.unwrap();
    assert_eq!(certificate.snapshot.final_score.unwrap().to_string(), "40.00");
    let told = me.analytics().course_score(room.course, who).await.unwrap().unwrap();
    assert_eq!(told.percent(), certificate.snapshot.final_score);
    let all = teacher.analytics().course_score(room.course, who).await.unwrap().unwrap();
    assert_eq!(all.percent().unwrap().to_string(), "50.00", "(90 + 10) of 200");
}

/// rules: I2, I3, S11
pub async fn i2_ai_grades_flip_their_log(h: &Harness) {
    h.lms.expect_ai_grading();
    let room = h.classroom(1, 1).await;
    let off = assign(&room, AssignmentRules::default(), None).await;
    let rules = AssignmentRules { ai_grading: Some(AiGrading::Suggest), ..AssignmentRules::default() };
    let assignment = assign(&room, rules, None).await;
    let me = room.student(0);
    let handed = me.assignments().submit(assignment.id, NewSubmission::text(WORK)).await.unwrap();
    let operation = uuid::Uuid::from_u128(5);
    let log = valid_log(h, "grade", operation).await;
    let origin = AiOrigin { log_id: log.id, operation_id: operation };
    let ai = by_ai(h, &room, log.id).await;
    let much = ai.assignments().apply_ai_grade(handed.id, suggestion(101, false), origin).await.unwrap_err();
    assert_eq!(much.code(), "grade.out_of_range", "refused, never clamped");
    assert_eq!(h.store.ai_log(log.id).await.unwrap().unwrap().status, AiLogStatus::Valid);
    let mut races = Vec::new();
    for _ in 0..16 {
        let (ai, id) = (ai.clone(), handed.id);
        races.push(tokio::spawn(
            async move { ai.assignments().apply_ai_grade(id, suggestion(77, false), origin).await },
        ));
    }
    for race in races {
        assert!(!race.await.unwrap().unwrap().applied, "this assignment only takes suggestions");
    }
    assert_eq!(room.teacher().assignments().history(handed.id).await.unwrap().len(), 1);
    assert_eq!(h.store.ai_log(log.id).await.unwrap().unwrap().status, AiLogStatus::Review);
    let other = me.assignments().submit(off.id, NewSubmission::text(WORK)).await.unwrap();
    let second = valid_log(h, "grade", uuid::Uuid::from_u128(6)).await;
    let origin = AiOrigin { log_id: second.id, operation_id: second.operation_id };
    let denied =
        by_ai(h, &room, second.id).await.assignments().apply_ai_grade(other.id, suggestion(5, false), origin).await;
    assert_eq!(denied.unwrap_err().code(), "denied");
    // Too little text is never sent; a link alone neither.
    let short = me.assignments().submit(assignment.id, NewSubmission::text("No.")).await.unwrap();
    assert_eq!(room.teacher().assignments().submission(short.id).await.unwrap().ai_status, AiGradingState::TooShort);
    let link = NewSubmission { content: None, submission_url: Some("https://example.org/work".into()) };
    let link = me.assignments().submit(assignment.id, link).await.unwrap();
    assert_eq!(room.teacher().assignments().submission(link.id).await.unwrap().ai_status, AiGradingState::NoText);
}

/// Each policy of another version, on drafts and on what is handed in; what is granted to one learner comes beside
/// it, and nothing earlier is lost.
/// rules: S2, S6, S5
pub async fn s2_every_policy_of_another_version(h: &Harness) {
    let room = h.classroom(1, 1).await;
    let (me, teacher, who) = (room.student(0), room.teacher(), room.students[0]);
    let due = h.lms.now().plus_seconds(600);
    let of = |resubmission: Resubmission| AssignmentRules {
        resubmission,
        due_date: Some(due),
        cutoff_date: Some(due.plus_seconds(600)),
        pass_threshold_bp: BasisPoints::percent(50),
        ..AssignmentRules::default()
    };
    let mut tasks = Vec::new();
    for policy in [
        Resubmission::Never,
        Resubmission::UntilDue,
        Resubmission::UntilCutoff,
        Resubmission::AfterReturn,
        Resubmission::UntilPass,
    ] {
        tasks.push(assign(&room, of(policy), None).await.id);
    }
    let hand = |n: usize| {
        let (me, id) = (room.student(0), tasks[n]);
        async move { me.assignments().submit(id, NewSubmission::text(WORK)).await }
    };
    let code = |outcome: Result<crate::lms::SubmissionView, crate::Error>| match outcome {
        Ok(view) => view.version_no.to_string(),
        Err(e) => e.code().to_owned(),
    };
    let mut first = Vec::new();
    for n in 0..5 {
        first.push(hand(n).await.unwrap().id);
    }
    let no = "submission.no_resubmission";
    assert_eq!(code(hand(0).await), no, "never");
    assert_eq!(code(hand(1).await), "2", "until due");
    assert_eq!(code(hand(2).await), "2", "until the cut-off");
    assert_eq!(code(hand(3).await), no, "after a return");
    assert_eq!(code(hand(4).await), "2", "until a pass");
    teacher.assignments().return_for_revision(first[3]).await.unwrap();
    assert_eq!(code(hand(3).await), "2");
    assert_eq!(code(hand(3).await), no, "once per return");
    teacher.assignments().grade(first[4], mark(40, 0)).await.unwrap();
    assert_eq!(code(hand(4).await), "3", "40 of 100 is no pass");
    // A draft that was begun in time is not a way around the policy.
    for n in [1, 4] {
        me.assignments().save_draft(tasks[n], NewSubmission::text(WORK)).await.unwrap();
    }
    teacher.assignments().grade(first[4], mark(60, 1)).await.unwrap();
    assert_eq!(code(hand(4).await), no, "passed meanwhile");
    // What is not posted is not told by what may be done next (S14).
    let rules = AssignmentRules { posting: Posting::Manual, ..of(Resubmission::UntilPass) };
    let hidden = assign(&room, rules, None).await.id;
    let again = || async { me.assignments().submit(hidden, NewSubmission::text(WORK)).await };
    let handed = again().await.unwrap().id;
    teacher.assignments().grade(handed, mark(60, 0)).await.unwrap();
    assert_eq!(code(again().await), "2", "the pass is not posted");
    teacher.assignments().post_grade(hidden, who).await.unwrap();
    assert_eq!(code(again().await), no, "now it is");
    h.clock.advance(601);
    assert_eq!(code(hand(1).await), no, "due meanwhile");
    assert_eq!(code(hand(2).await), "3", "late, and before the cut-off");
    // What is granted to this learner.
    let more = |n: i64| crate::lms::Extension { extra_attempts: n, ..crate::lms::Extension::because("agreed") };
    teacher.grants().extend(crate::store::Item::Assignment(tasks[0]), who, more(1)).await.unwrap();
    assert_eq!(code(hand(0).await), "2", "one more than never");
    assert_eq!(code(hand(0).await), no);
    h.clock.advance(600);
    for (n, handed) in first.iter().enumerate() {
        assert_eq!(code(hand(n).await), "submission.cut_off", "task {n}");
        assert!(me.assignments().view(*handed).await.unwrap().content.is_some(), "what was handed in stays");
    }
    let limited = assign(&room, AssignmentRules { max_versions: Some(1), ..AssignmentRules::default() }, None).await.id;
    me.assignments().submit(limited, NewSubmission::text(WORK)).await.unwrap();
    let over = me.assignments().submit(limited, NewSubmission::text(WORK)).await.unwrap_err();
    assert_eq!(over.code(), "submission.versions_used_up");
    teacher.grants().extend(crate::store::Item::Assignment(limited), who, more(1)).await.unwrap();
    assert_eq!(me.assignments().submit(limited, NewSubmission::text(WORK)).await.unwrap().version_no, 2);
}

/// Whether another version is taken says nothing of a grade that is not posted.
/// rules: S14, S2
pub async fn s14_handing_in_again_tells_no_grade(h: &Harness) {
    let room = h.classroom(1, 2).await;
    let rules = AssignmentRules {
        resubmission: Resubmission::UntilPass,
        posting: Posting::Manual,
        pass_threshold_bp: BasisPoints::percent(50),
        ..AssignmentRules::default()
    };
    let assignment = assign(&room, rules, None).await.id;
    let teacher = room.teacher();
    for (n, whole) in [(0, 90), (1, 10)] {
        let me = room.student(n);
        let hand = || async { me.assignments().submit(assignment, NewSubmission::text(WORK)).await };
        let handed = hand().await.unwrap();
        teacher.assignments().grade(handed.id, mark(whole, 0)).await.unwrap();
        assert_eq!(hand().await.unwrap().version_no, 2, "passed or not");
        teacher.assignments().post_grade(assignment, room.students[n]).await.unwrap();
        assert_eq!(hand().await.is_ok(), whole == 10, "once they know");
    }
}

/// Where due and cut-off are the same second, work within that second is on time, and nobody is shut out of it.
/// rules: S5, S4
pub async fn s5_the_last_second_is_in_time(h: &Harness) {
    let room = h.classroom(1, 2).await;
    let due = h.lms.now().plus_seconds(60);
    let rules = AssignmentRules { due_date: Some(due), cutoff_date: Some(due), ..AssignmentRules::default() };
    let assignment = assign(&room, rules, None).await;
    h.clock.advance_micros(60_999_999);
    let handed = room.student(0).assignments().submit(assignment.id, NewSubmission::text(WORK)).await.unwrap();
    assert_eq!(handed.late_seconds, 0);
    h.clock.advance_micros(1);
    let over = room.student(1).assignments().submit(assignment.id, NewSubmission::text(WORK)).await.unwrap_err();
    assert_eq!(over.code(), "submission.cut_off");
    let draft = room.student(1).assignments().save_draft(assignment.id, NewSubmission::text(WORK)).await.unwrap_err();
    assert_eq!(draft.code(), "submission.cut_off");
    room.teacher().assignments().grade(handed.id, mark(90, 0)).await.unwrap();
}

/// A learner goes on seeing the grade that is posted, with its words, until the newer one is posted too; every
/// figure that they get is over what is posted.
/// rules: S3, S14, M7, G3, N3
pub async fn s3_the_posted_grade_stands_until_the_next_is_posted(h: &Harness) {
    let room = h.classroom(1, 1).await;
    let (me, teacher, who) = (room.student(0), room.teacher(), room.students[0]);
    let rules = AssignmentRules { posting: Posting::Manual, ..AssignmentRules::default() };
    let assignment = assign(&room, rules, None).await;
    let first = me.assignments().submit(assignment.id, NewSubmission::text(WORK)).await.unwrap();
    let words = |whole: i64, words: &str| NewGrade {
        points: Some(points(whole)),
        feedback: Some(words.into()),
        ..NewGrade::default()
    };
    teacher.assignments().grade(first.id, words(40, "Try again.")).await.unwrap();
    teacher.assignments().post_grade(assignment.id, who).await.unwrap();
    let second = me.assignments().submit(assignment.id, NewSubmission::text(WORK)).await.unwrap();
    teacher.assignments().grade(second.id, words(90, "Much better.")).await.unwrap();
    for (session, percent, said, waits) in
        [(&me, "40.00", "Try again.", true), (&teacher, "90.00", "Much better.", false)]
    {
        let card = session.overview().scorecard(room.course, who).await.unwrap();
        let cell = &card.items[0];
        assert_eq!(cell.percent.unwrap().to_string(), percent);
        assert_eq!(cell.feedback.as_deref(), Some(said));
        assert_eq!(cell.needs_regrading, waits);
        assert_eq!(card.percent.unwrap().to_string(), percent);
        let score = session.analytics().course_score(room.course, who).await.unwrap().unwrap();
        assert_eq!(score.percent().unwrap().to_string(), percent);
    }
    let seen = serde_json::to_string(&me.assignments().view(second.id).await.unwrap()).unwrap();
    // The mark as JSON has it: its digits alone may stand in an id.
    assert!(!seen.contains("Much better") && !seen.contains("\"90\""), "{seen}");
    teacher.assignments().post_grade(assignment.id, who).await.unwrap();
    let card = me.overview().scorecard(room.course, who).await.unwrap();
    assert_eq!(card.items[0].feedback.as_deref(), Some("Much better."));
    assert!(!card.items[0].needs_regrading);
}

/// A person who marks the work has answered the suggestion that was there: it waits no longer, and cannot be taken
/// over on top of their mark.
/// rules: S9, S10, G5
pub async fn s9_a_mark_by_a_person_answers_the_suggestion(h: &Harness) {
    let room = h.classroom(1, 1).await;
    let rules = AssignmentRules { ai_grading: Some(AiGrading::Suggest), ..AssignmentRules::default() };
    let assignment = assign(&room, rules, None).await;
    h.lms.expect_ai_grading();
    let teacher = room.teacher();
    let id = room.student(0).assignments().submit(assignment.id, NewSubmission::text(WORK)).await.unwrap().id;
    let run = |n: u128, whole: i64| {
        let room = room.clone();
        async move {
            let operation = uuid::Uuid::from_u128(9_000 + n);
            let log = valid_log(h, "grade", operation).await;
            let origin = AiOrigin { log_id: log.id, operation_id: operation };
            by_ai(h, &room, log.id)
                .await
                .assignments()
                .apply_ai_grade(id, suggestion(whole, false), origin)
                .await
                .unwrap()
        }
    };
    assert!(!run(1, 70).await.applied);
    let waits = || async { teacher.overview().to_grade(room.course, 10).await.unwrap().suggestions.len() };
    assert_eq!(waits().await, 1);
    teacher.assignments().grade(id, mark(55, 0)).await.unwrap();
    assert_eq!(waits().await, 0);
    assert_eq!(teacher.assignments().adopt_suggestion(id, 1, None).await.unwrap_err().code(), "grade.no_suggestion");
    assert_eq!(teacher.assignments().submission(id).await.unwrap().grade, Some(points(55)));
    // One that comes afterwards waits, changes nothing, and can be taken over knowingly.
    assert!(!run(2, 80).await.applied);
    assert_eq!(waits().await, 1);
    assert_eq!(teacher.assignments().submission(id).await.unwrap().grade, Some(points(55)));
    let long = Some("x".repeat(2_001));
    assert_eq!(teacher.assignments().adopt_suggestion(id, 3, long).await.unwrap_err().code(), "invalid");
    teacher.assignments().adopt_suggestion(id, 3, Some("agreed".into())).await.unwrap();
    let row = teacher.assignments().submission(id).await.unwrap();
    assert_eq!((row.grade, row.grader_kind), (Some(points(80)), Some(GraderKind::Human)));
    assert_eq!(waits().await, 0);
}
