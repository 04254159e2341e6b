//! Which suggestion of AI a person decides upon: the one that they have read, and no other.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "conformance cases are tests")]

use super::Harness;
use super::assignments::{assign, by_ai, suggestion};
use super::atomicity::valid_log;
use super::essays::{by, essays, hand_in, run};
use crate::error::{Error, Refusal};
use crate::lms::{AiOrigin, AssignmentRules, ChangeMaxGrade, Graded, MarksChange, NewGrade, NewSubmission, Session};
use crate::model::{AiGrading, GradeCause, GradeEntry, GraderKind, Points, SubmissionId};
use crate::testing::Classroom;

const WORK: &str = "A text of some length, so that it is neither nothing nor too short to be graded.";
/// How many works are raced for.
const RACES: usize = 6;

fn points(whole: i64) -> Points {
    Points::whole(whole).unwrap()
}

/// The suggestion that a refusal shows.
fn other(refused: Error) -> GradeEntry {
    let Error::Refused(Refusal::AnotherSuggestion { seq, entry }) = refused else { panic!("{refused}") };
    assert_eq!((seq, entry.cause), (entry.seq, GradeCause::Suggested));
    *entry
}

async fn submit(room: &Classroom, n: usize, rules: AssignmentRules) -> (crate::model::Assignment, SubmissionId) {
    let assignment = assign(room, rules, None).await;
    let handed = room.student(n).assignments().submit(assignment.id, NewSubmission::text(WORK)).await.unwrap();
    (assignment, handed.id)
}

fn suggested() -> AssignmentRules {
    AssignmentRules { ai_grading: Some(AiGrading::Suggest), ..AssignmentRules::default() }
}

/// AI that has marked a work and is about to say so.
async fn marked_by_ai(h: &Harness, room: &Classroom, operation: u128) -> (Session, AiOrigin) {
    let operation_id = uuid::Uuid::from_u128(operation);
    let log = valid_log(h, "grade", operation_id).await;
    (by_ai(h, room, log.id).await, AiOrigin { log_id: log.id, operation_id })
}

async fn says(h: &Harness, room: &Classroom, id: SubmissionId, operation: u128, whole: i64, review: bool) -> Graded {
    let (ai, origin) = marked_by_ai(h, room, operation).await;
    ai.assignments().apply_ai_grade(id, suggestion(whole, review), origin).await.unwrap()
}

/// Who has read one suggestion decides upon no other one; a mark by AI that came since is no reason to refuse.
/// rules: S9, S10, S12
pub async fn s9_s10_another_suggestion_is_not_adopted_unread(h: &Harness) {
    h.lms.expect_ai_grading();
    let room = h.classroom(1, 1).await;
    let teacher = room.teacher();
    let (assignment, id) = submit(&room, 0, suggested()).await;
    let read = says(h, &room, id, 1, 70, false).await.submission;
    assert_eq!(read.suggested_seq, Some(1), "what a grader reads says which suggestion waits");
    let waiting = teacher.overview().to_grade(room.course, 10).await.unwrap().suggestions;
    assert_eq!(waiting.iter().map(|head| head.work.suggested_seq).collect::<Vec<_>>(), [Some(1)]);
    says(h, &room, id, 2, 40, false).await;
    let before = (teacher.assignments().submission(id).await.unwrap(), 2);
    let shown = other(teacher.assignments().adopt_suggestion(id, 1, None).await.unwrap_err());
    assert_eq!((shown.seq, shown.raw), (2, Some(points(40))), "the refusal shows it");
    let shown = other(teacher.assignments().dismiss_suggestion(id, 1, None).await.unwrap_err());
    assert_eq!(shown.seq, 2);
    other(teacher.assignments().adopt_suggestion(id, 0, None).await.unwrap_err());
    let entries = teacher.assignments().history(id).await.unwrap().len();
    assert_eq!((teacher.assignments().submission(id).await.unwrap(), entries), before, "nothing was written");

    // On another scale it is another suggestion.
    let rescale = ChangeMaxGrade {
        version: assignment.version,
        max_grade: points(50),
        marks: MarksChange::Rescale,
        rubric: None,
    };
    teacher.catalog().set_max_grade(assignment.id, rescale).await.unwrap();
    let shown = other(teacher.assignments().adopt_suggestion(id, 2, None).await.unwrap_err());
    assert_eq!((shown.seq, shown.raw), (3, Some(points(20))));
    // The same command again gives what stands, whatever was suggested since.
    for _ in 0..2 {
        let session = teacher.clone().with_command_id(uuid::Uuid::from_u128(800));
        let adopted = session.assignments().adopt_suggestion(id, 3, None).await.unwrap();
        assert_eq!(adopted.submission.grade, Some(points(20)));
        if adopted.applied && adopted.submission.suggested_seq.is_none() {
            says(h, &room, id, 3, 10, false).await;
        }
    }
    let causes: Vec<_> = teacher.assignments().history(id).await.unwrap().iter().map(|e| e.cause).collect();
    assert_eq!(causes[3..], [GradeCause::Adopted, GradeCause::Suggested]);
    teacher.assignments().dismiss_suggestion(id, 5, None).await.unwrap();
    let gone = teacher.assignments().dismiss_suggestion(id, 5, None).await.unwrap_err();
    assert_eq!(gone.code(), "grade.no_suggestion");

    // A mark that AI gave meanwhile, and that counts by now, keeps nobody from the suggestion that they have read.
    let apply = AssignmentRules { ai_grading: Some(AiGrading::Apply), ..AssignmentRules::default() };
    let (_, id) = submit(&room, 0, apply).await;
    says(h, &room, id, 10, 30, true).await;
    assert!(says(h, &room, id, 11, 60, false).await.applied);
    let adopted = teacher.assignments().adopt_suggestion(id, 1, None).await.unwrap().submission;
    assert_eq!((adopted.grade, adopted.grader_kind), (Some(points(30)), Some(GraderKind::Human)));
}

/// Two other suggestions come at the instant at which two people take over the one that both have read: it is taken
/// over once, or not at all, and no other one is.
/// rules: S9, S10
pub async fn s9_adopting_while_other_suggestions_come(h: &Harness) {
    h.lms.expect_ai_grading();
    let room = h.classroom(1, RACES).await;
    for n in 0..RACES {
        let (_, id) = submit(&room, n, suggested()).await;
        let base = 100 * (n as u128 + 1);
        says(h, &room, id, base, 70, false).await;
        let mut models = Vec::new();
        for (model, whole) in [(1, 40), (2, 20)] {
            let (ai, origin) = marked_by_ai(h, &room, base + model).await;
            models.push(tokio::spawn(async move {
                ai.assignments().apply_ai_grade(id, suggestion(whole, false), origin).await.map(|_| ())
            }));
        }
        let mut people = Vec::new();
        for person in [room.teacher(), h.lms.as_user(room.admin)] {
            people.push(tokio::spawn(async move { person.assignments().adopt_suggestion(id, 1, None).await }));
        }
        for model in models {
            model.await.unwrap().unwrap();
        }
        let mut adopted = 0;
        for person in people {
            match person.await.unwrap() {
                Ok(graded) => {
                    assert_eq!(graded.submission.grade, Some(points(70)));
                    adopted += 1;
                }
                Err(Error::Refused(Refusal::NoSuggestion {})) => {}
                Err(refused) => assert_ne!(other(refused).seq, 1),
            }
        }
        let history = room.teacher().assignments().history(id).await.unwrap();
        let taken: Vec<_> = history.iter().filter(|e| e.cause == GradeCause::Adopted).collect();
        assert!(taken.iter().all(|e| (e.ref_seq, e.raw) == (Some(1), Some(points(70)))), "{taken:?}");
        assert_eq!((taken.len(), history.len()), (adopted, 3 + adopted));
        assert!(adopted < 2, "it is taken over once");
    }
}

/// The same for an answer to an essay question.
/// rules: Q12, S9, S10
pub async fn q12_s9_another_suggestion_for_an_answer_is_not_adopted_unread(h: &Harness) {
    h.lms.expect_ai_grading();
    let room = h.classroom(1, RACES).await;
    let teacher = room.teacher();
    let quiz = essays(&room, 1, by(AiGrading::Suggest)).await;
    for n in 0..RACES {
        let (attempt, ids) = hand_in(&room, n, &quiz, &[WORK]).await;
        let (question, base) = (ids[0], 100 * (n as u128 + 1));
        let first = run(h, &room, (attempt, question), base, 7, false).await.unwrap();
        assert_eq!(first.record.suggested_seq, Some(1));
        let quizzes = teacher.quizzes();
        if n == 0 {
            run(h, &room, (attempt, question), base + 1, 4, false).await.unwrap();
            let read = quizzes.essays(attempt).await.unwrap();
            assert_eq!(read.essays[0].record.suggested_seq, Some(2), "what a grader reads says which one waits");
            let shown = other(quizzes.adopt_suggestion(attempt, question, 1, None).await.unwrap_err());
            assert_eq!((shown.seq, shown.raw), (2, Some(points(4))));
            other(quizzes.dismiss_suggestion(attempt, question, 1, None).await.unwrap_err());
            assert_eq!(quizzes.essays(attempt).await.unwrap(), read, "nothing was written");
            let dismissed = quizzes.dismiss_suggestion(attempt, question, 2, None).await.unwrap();
            assert_eq!((dismissed.record.earned, dismissed.record.suggested_seq), (None, None));
            continue;
        }
        let log = valid_log(h, "grade", uuid::Uuid::from_u128(base + 1)).await;
        let origin = AiOrigin { log_id: log.id, operation_id: log.operation_id };
        let (ai, person) = (by_ai(h, &room, log.id).await, teacher.clone());
        let model = tokio::spawn(async move {
            ai.quizzes().apply_ai_answer_grade(attempt, question, suggestion(4, false), origin).await
        });
        let person = tokio::spawn(async move { person.quizzes().adopt_suggestion(attempt, question, 1, None).await });
        model.await.unwrap().unwrap();
        let earned = match person.await.unwrap() {
            Ok(mark) => mark.record.earned,
            Err(refused) => {
                assert_eq!(other(refused).seq, 2);
                None
            }
        };
        let stands = quizzes.essays(attempt).await.unwrap();
        assert_eq!(stands.essays[0].record.earned, earned);
        assert!(earned.is_none_or(|earned| earned == points(7)), "{earned:?}");
    }
    assert!(h.lms.system().activity().audit(room.course).await.unwrap().is_empty());
}

/// Who marks a work by themselves needs no suggestion, and has answered it.
/// rules: S9
pub async fn s9_a_suggestion_that_was_answered_is_not_decided_upon(h: &Harness) {
    h.lms.expect_ai_grading();
    let room = h.classroom(1, 1).await;
    let teacher = room.teacher();
    let (_, id) = submit(&room, 0, suggested()).await;
    says(h, &room, id, 1, 70, false).await;
    let own = NewGrade { points: Some(points(55)), seen_seq: 0, ..NewGrade::default() };
    teacher.assignments().grade(id, own).await.unwrap();
    for refused in [
        teacher.assignments().adopt_suggestion(id, 1, None).await,
        teacher.assignments().dismiss_suggestion(id, 1, None).await,
    ] {
        assert_eq!(refused.unwrap_err().code(), "grade.no_suggestion");
    }
}
