//! A person's data: given to them, and erased.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "conformance cases are tests")]

use super::Harness;
use super::assignments::assign;
use super::atomicity::valid_log;
use crate::lms::{
    AnswerGrade, AssignmentRules, EnrollOptions, HostEvent, NewGrade, NewQuestion, NewQuiz, NewSubmission, NewUser,
    ReviewAnswer, Validity,
};
use crate::model::question::{Answer, Labelled, QuestionBody};
use crate::model::table::Json;
use crate::model::{AttemptState, Criterion, CriterionScore, EventKind, Points, Posting, Reveal, Role, Rubric, UserId};
use crate::store::{Change, Item, WriteBatch};
use crate::testing::Classroom;

/// What stands in every text of the person, and about them.
const MARK: &str = "GEHEIM";
/// What stands in the keys and in the notes of staff.
const KEY: &str = "STAFF-ONLY";

/// A learner with a word in every text that a person has: profile, answers, work, grades, grants, events.
async fn full(h: &Harness, room: &Classroom) -> (UserId, crate::model::AttemptId) {
    // One after the other, each on the heap: together they are more than a test's stack holds.
    let (who, attempt) = Box::pin(at_work(h, room)).await;
    let other = h.classroom(1, 0).await;
    other.teacher().enrollment().enroll(other.course, who, EnrollOptions::default()).await.unwrap();
    Box::pin(work_that_ended(h, &other, who)).await;
    Box::pin(a_certificate_that_ended(h, &other, who)).await;
    (who, attempt)
}

/// A course that they are at work in, and complete.
async fn at_work(h: &Harness, room: &Classroom) -> (UserId, crate::model::AttemptId) {
    let system = h.lms.system();
    let mut new = NewUser::new(Role::Student, format!("{MARK} Name"));
    new.email = Some(format!("{MARK}@example.org"));
    new.metadata = Some(Json::of(&serde_json::json!({ "note": MARK })));
    let who = system.people().ensure_user(new).await.unwrap().id;
    let options =
        EnrollOptions { metadata: Some(Json::of(&serde_json::json!({ "order": MARK }))), ..EnrollOptions::default() };
    let (teacher, me) = (room.teacher(), h.lms.as_user(who));
    teacher.enrollment().enroll(room.course, who, options).await.unwrap();
    let choice = QuestionBody::SingleChoice {
        options: vec![Labelled::new("right", "The right one"), Labelled::new("wrong", "The wrong one")],
        correct: "right".to_owned(),
        why: [("right".to_owned(), KEY.to_owned())].into(),
    };
    let essay = QuestionBody::Essay { rubric: None, staff_notes: KEY.into() };
    let new = NewQuiz {
        is_published: true,
        questions: vec![NewQuestion::new("Which?", choice), NewQuestion::new("Why?", essay)],
        ..NewQuiz::titled("A quiz")
    };
    let quiz = teacher.catalog().add_quiz(room.lessons[0], new).await.unwrap();
    let attempt = me.quizzes().start(quiz.id).await.unwrap();
    let answers = [
        (attempt.questions[0].id, Some(Answer::Choice { option_id: "right".into() })),
        (attempt.questions[1].id, Some(Answer::Essay { text: format!("{MARK} because") })),
    ];
    let saved = me.quizzes().save(attempt.id, "tab", 1, answers.into()).await.unwrap();
    assert!(saved.problems.is_empty(), "{:?}", saved.problems);
    me.quizzes().submit(attempt.id).await.unwrap();
    let question = crate::model::QuestionId::from_uuid(attempt.questions[1].id);
    let mark = AnswerGrade { points: "0.5".parse().unwrap(), feedback: Some(format!("{MARK} is vague")), seen_seq: 0 };
    teacher.quizzes().grade_answer(attempt.id, question, mark).await.unwrap();

    let rules = AssignmentRules { posting: Posting::Manual, ..AssignmentRules::default() };
    let hidden = assign(room, rules, None).await;
    let shown = assign(room, AssignmentRules::default(), None).await;
    let grade = NewGrade {
        points: Points::whole(70),
        feedback: Some(format!("{MARK} is good")),
        reason: Some(format!("{MARK} was late")),
        ..NewGrade::default()
    };
    for assignment in [hidden.id, shown.id] {
        let work = NewSubmission {
            content: Some(format!("{MARK} wrote this, which is long enough to be graded by anybody.")),
            submission_url: Some(format!("https://example.org/{MARK}")),
        };
        let handed = me.assignments().submit(assignment, work).await.unwrap();
        teacher.assignments().grade(handed.id, grade.clone()).await.unwrap();
        if assignment == shown.id {
            me.assignments().request_review(handed.id, &format!("{MARK} asks")).await.unwrap();
        }
    }
    me.assignments().save_draft(shown.id, NewSubmission::text(format!("{MARK} drafts"))).await.unwrap();
    teacher.grants().excuse(Item::Quiz(quiz.id), who, true, &format!("{MARK} is ill")).await.unwrap();
    teacher.grants().waive(Item::Lesson(room.lessons[0]), who, &format!("{MARK} knows it")).await.unwrap();
    me.activity()
        .record(HostEvent {
            kind: "shop.note".into(),
            course_id: room.course,
            student_id: Some(who),
            learner_initiated: false,
            metadata: Some(Json::of(&serde_json::json!({ "note": MARK }))),
        })
        .await
        .unwrap();
    let mut log = valid_log(h, "grade", uuid::Uuid::from_u128(4_711)).await;
    log.actor_id = Some(who);
    log.violations = Json::of(&[format!("{MARK} is no number")]);
    log.prompt_text = Some(format!("{MARK} asks a model"));
    log.response_text = Some(format!("{MARK} is told"));
    let batch = WriteBatch { changes: vec![Change::Put(log.into())], ..WriteBatch::default() };
    h.store.write(std::sync::Arc::new(batch)).await.unwrap();
    (who, attempt.id)
}

/// An attempt voided, a review answered, points by a rubric.
async fn work_that_ended(h: &Harness, room: &Classroom, who: UserId) {
    let (teacher, me) = (room.teacher(), h.lms.as_user(who));
    let reason = |what: &str| format!("{MARK} {what}");
    me.learning().open_lesson(room.lessons[0]).await.unwrap();
    let quiz = room.add_quiz(room.lessons[0], 1, crate::lms::QuizRules::default()).await.unwrap();
    let attempt = me.quizzes().start(quiz.id).await.unwrap();
    teacher.quizzes().void(attempt.id, &reason("cheated")).await.unwrap();
    let criterion = Criterion {
        id: "all".into(),
        title: "All of it".into(),
        description: String::new(),
        max: Points::whole(100).unwrap(),
    };
    let rubric = Rubric { criteria: vec![criterion], staff_notes: String::new() };
    let marked = assign(room, AssignmentRules::default(), Some(rubric)).await.id;
    let handed = me.assignments().submit(marked, NewSubmission::text(reason("wrote this too"))).await.unwrap().id;
    let scores = CriterionScore {
        id: "all".into(),
        points: Points::whole(40).unwrap(),
        comment: reason("is thin"),
        evidence: vec![reason("wrote")],
    };
    let grade = NewGrade { points: None, rubric_scores: Some(vec![scores]), ..NewGrade::default() };
    teacher.assignments().grade(handed, grade).await.unwrap();
    me.assignments().request_review(handed, &reason("asks again")).await.unwrap();
    let kept = ReviewAnswer { change: None, reason: reason("is wrong") };
    teacher.assignments().answer_review(handed, kept).await.unwrap();
}

/// A certificate issued by hand, reissued, not drawn and revoked; and a fresh start.
async fn a_certificate_that_ended(h: &Harness, room: &Classroom, who: UserId) {
    let (teacher, system) = (room.teacher(), h.lms.system());
    let reason = |what: &str| format!("{MARK} {what}");
    let certificate = teacher.certificates().issue(room.course, who, Some(reason("did it on paper"))).await.unwrap();
    system.certificates().set_ready(certificate.id, 1, reason("1.pdf"), "a".repeat(64)).await.unwrap();
    teacher.certificates().reissue(room.course, who, &reason("is the new name")).await.unwrap();
    system.certificates().set_ready(certificate.id, 2, reason("2.pdf"), "b".repeat(64)).await.unwrap();
    teacher.certificates().reissue(room.course, who, &reason("is newer")).await.unwrap();
    let sentence = reason("cannot be printed");
    system.certificates().set_failed(certificate.id, 3, "render.missing_glyphs", &sentence).await.unwrap();
    teacher.certificates().revoke(room.course, who, reason("copied it")).await.unwrap();
    teacher.grants().reset_progress(room.course, who, &reason("begins anew")).await.unwrap();
}

/// A learner with [`PERSON_MARK`] in every text that a person has, in a course of their own: for a store's test that
/// looks into every row of every table, also those that no read gives. The one who may erase them comes along.
pub async fn a_person_with_a_word_everywhere(h: &Harness) -> (UserId, UserId) {
    let room = h.classroom(1, 1).await;
    let (who, _) = Box::pin(full(h, &room)).await;
    (who, room.admin)
}

/// What stands in every text of [`a_person_with_a_word_everywhere`].
pub const PERSON_MARK: &str = MARK;

/// The columns that hold a word of a person's or about them; all of them are blank once they are erased (D5). The
/// passages of the similarity check, which no use case writes, are for the store's test to fill.
pub const PERSON_TEXTS: &[&str] = &[
    "activity_events.metadata",
    "ai_logs.prompt_text",
    "ai_logs.response_text",
    "ai_logs.violations",
    "certificate_revisions.certificate_url",
    "certificate_revisions.reason",
    "certificate_revisions.snapshot",
    "certificates.issue_reason",
    "certificates.rendering_error",
    "certificates.revoke_reason",
    "certificates.snapshot",
    "enrollments.metadata",
    "enrollments.reset_reason",
    "grade_history.feedback",
    "grade_history.reason",
    "grade_history.rubric_scores",
    "overrides.reason",
    "quiz_attempts.answers",
    "quiz_attempts.graded",
    "quiz_attempts.void_reason",
    "review_requests.answer",
    "review_requests.reason",
    "similarity_matches.passages",
    "submissions.content",
    "submissions.feedback",
    "submissions.rubric_scores",
    "submissions.submission_url",
    "users.display_name",
    "users.email",
    "users.metadata",
    "waivers.reason",
];

/// A mark stands in the export once its learner sees it in the quiz, and not before.
/// rules: D7, Q14
pub async fn d7_an_export_holds_only_marks_that_are_shown(h: &Harness) {
    let essay = |text: &str| NewQuestion::new(text, QuestionBody::Essay { rubric: None, staff_notes: String::new() });
    let reveals = [Reveal::Never, Reveal::AfterSubmit, Reveal::AfterGraded, Reveal::AfterLastAttemptOrPass];
    // How many marks are there after the first essay is marked, and after the second.
    for (reveal, shown) in reveals.into_iter().zip([[0, 0], [1, 2], [0, 2], [1, 2]]) {
        let room = h.classroom(1, 1).await;
        let (me, teacher, who) = (room.student(0), room.teacher(), room.students[0]);
        let rules = crate::lms::QuizRules { reveal, max_attempts: Some(1), ..crate::lms::QuizRules::default() };
        let questions = vec![essay("Why?"), essay("How?")];
        let new = NewQuiz { is_published: true, rules, questions, ..NewQuiz::titled("Essays") };
        let quiz = teacher.catalog().add_quiz(room.lessons[0], new).await.unwrap();
        let attempt = me.quizzes().start(quiz.id).await.unwrap();
        let words = |text: &str| Some(Answer::Essay { text: text.into() });
        let answers = [(attempt.questions[0].id, words("Because.")), (attempt.questions[1].id, words("So."))];
        me.quizzes().save(attempt.id, "tab", 1, answers.into()).await.unwrap();
        me.quizzes().submit(attempt.id).await.unwrap();
        for (n, shown) in shown.into_iter().enumerate() {
            let question = crate::model::QuestionId::from_uuid(attempt.questions[n].id);
            let mark = AnswerGrade { points: "0.5".parse().unwrap(), feedback: Some(KEY.into()), seen_seq: 0 };
            teacher.quizzes().grade_answer(attempt.id, question, mark).await.unwrap();
            let seen = me.quizzes().view_attempt(attempt.id).await.unwrap().review.unwrap_or_default();
            let seen = seen.iter().filter(|a| a.feedback.is_some()).count();
            for asks in [me.clone(), h.lms.as_user(room.admin)] {
                let export = asks.people().export_person(who).await.unwrap();
                let marks = &export.courses[0].attempts[0].marks;
                let marked = marks.iter().filter(|m| m.feedback.is_some()).count();
                assert_eq!((marked, seen), (shown, shown), "{reveal:?}, {} marked", n + 1);
                assert_eq!(serde_json::to_string(&export).unwrap().contains(KEY), shown > 0);
            }
        }
    }
}

/// One document holds all of a person's, and nothing that is not theirs to see.
/// rules: D7, Q14, S14
pub async fn d7_an_export_holds_what_is_theirs(h: &Harness) {
    let room = h.classroom(1, 1).await;
    let (who, _) = Box::pin(full(h, &room)).await;
    let export = h.lms.as_user(who).people().export_person(who).await.unwrap();
    let text = serde_json::to_string(&export).unwrap();
    for theirs in
        [" Name", "@example.org", " because", " wrote this", " drafts", " asks", " is ill", " knows it", " is told"]
            .into_iter()
            .chain([" cheated", " did it on paper", " copied it", " begins anew", " is wrong"])
    {
        assert!(text.contains(&format!("{MARK}{theirs}")), "{theirs}");
    }
    assert!(!text.contains(KEY), "no keys and no notes of staff");
    let posted: Vec<_> = export.courses[0].submissions.iter().map(|s| s.grade.is_some()).collect();
    assert_eq!(posted.iter().filter(|p| **p).count(), 1, "what is not posted is not there");
    assert!(export.courses[0].certificate.is_some(), "the waiver completed the course");
    for other in [room.students[0], room.instructor, room.admin] {
        assert!(!text.contains(&other.to_string()), "nobody else's data");
    }
    assert!(export.events.iter().any(|e| e.event.actor_id == Some(who)), "what they did themselves says so");
    assert!(export.events.iter().all(|e| e.event.student_id == Some(who)));
    let admin = h.lms.as_user(room.admin).people().export_person(who).await.unwrap();
    assert_eq!(serde_json::to_string(&admin.courses).unwrap(), serde_json::to_string(&export.courses).unwrap());
    for other in [room.teacher(), room.student(0)] {
        assert_eq!(other.people().export_person(who).await.unwrap_err().code(), "not_found");
    }
}

/// Erased: no text of theirs is left anywhere, what was counted is counted still, and it is final.
/// rules: D5, C4, A13, S9
pub async fn d5_erasing_blanks_texts_and_keeps_counts(h: &Harness) {
    let room = h.classroom(1, 1).await;
    let (who, attempt) = Box::pin(full(h, &room)).await;
    let (me, admin) = (h.lms.as_user(who), h.lms.as_user(room.admin));
    let code = me.certificates().of(room.course, who).await.unwrap().code;
    let before = room.teacher().overview().scorecard(room.course, who).await.unwrap();
    let quiz = room.add_quiz(room.lessons[0], 1, crate::lms::QuizRules::default()).await.unwrap();
    let open = me.quizzes().start(quiz.id).await.unwrap();
    // A write that was decided before and comes after it.
    let lesson = room.lessons[0];
    let planned = me.plan(|s| async move { s.learning().complete_lesson(lesson).await }).await.unwrap();

    for other in [me.clone(), room.teacher(), h.lms.system()] {
        assert_eq!(other.people().erase_person(who).await.unwrap_err().code(), "denied");
    }
    admin.people().erase_person(who).await.unwrap();
    admin.people().erase_person(who).await.unwrap();
    assert_eq!(h.count(EventKind::PersonErased).await, 1);
    let stale = h.store.write(std::sync::Arc::new(planned.batch)).await.unwrap_err();
    assert!(stale.is_retryable(), "a write in flight conflicts: {stale:?}");

    let left = serde_json::to_string(&admin.people().export_person(who).await.unwrap()).unwrap();
    assert!(!left.contains(MARK), "{}", &left[left.find(MARK).unwrap_or(0).saturating_sub(300)..]);
    let seen = room.teacher().quizzes().view_attempt(attempt).await.unwrap();
    assert!(!serde_json::to_string(&seen).unwrap().contains(MARK));
    let after = room.teacher().overview().scorecard(room.course, who).await.unwrap();
    for item in &before.items {
        let now = after.items.iter().find(|i| i.id == item.id).unwrap();
        assert_eq!((now.score, now.met), (item.score, item.met), "scores stay");
    }
    for item in &h.store.work_of(enrollment(h, &room, who).await).await.unwrap().submissions {
        let history = room.teacher().assignments().history(item.id).await.unwrap();
        assert!(history.iter().all(|e| e.feedback.is_none() && e.reason.is_none()));
        assert!(item.content.is_none() && item.feedback.is_none());
    }
    let ended = room.teacher().quizzes().view_attempt(open.id).await.unwrap();
    assert_eq!(ended.state, AttemptState::Graded, "the open attempt expired");
    let certificate = h.lms.system().certificates().verify(&code).await.unwrap().unwrap();
    assert_eq!((certificate.validity, certificate.student_name.as_str()), (Validity::HolderErased, ""));
    assert_eq!(certificate.certificate_url, None);
    assert!(h.lms.system().activity().audit(room.course).await.unwrap().is_empty());

    // It is final: nothing of theirs can be done or read any more.
    assert_eq!(me.learning().open_course(room.course).await.unwrap_err().code(), "person.erased");
    assert_eq!(me.people().export_person(who).await.unwrap_err().code(), "not_found");
    assert_eq!(me.quizzes().view_attempt(attempt).await.unwrap_err().code(), "not_found");
    let again = room.teacher().enrollment().enroll(room.course, who, EnrollOptions::default()).await;
    assert_eq!(again.unwrap_err().code(), "person.erased");
    let stands = room.teacher().enrollment().enrollment(room.course, who).await.unwrap();
    assert_eq!(stands.metadata.as_str(), "{}");
}

async fn enrollment(h: &Harness, room: &Classroom, who: UserId) -> crate::model::EnrollmentId {
    h.lms.system().enrollment().enrollment(room.course, who).await.unwrap().id
}

/// A person who is erased while they write leaves no word behind, on whichever side each write falls.
/// rules: D5
pub async fn d5_erasing_while_the_person_writes(h: &Harness) {
    let room = h.classroom(1, 1).await;
    let who = room.students[0];
    let assignment = assign(&room, AssignmentRules::default(), None).await.id;
    let quiz = room.add_quiz(room.lessons[0], 1, crate::lms::QuizRules::default()).await.unwrap();
    let attempt = room.student(0).quizzes().start(quiz.id).await.unwrap();
    let barrier = std::sync::Arc::new(tokio::sync::Barrier::new(super::RACERS + 1));
    let mut writers = Vec::new();
    for n in 0..super::RACERS {
        let (me, barrier, attempt) = (room.student(0), barrier.clone(), attempt.clone());
        writers.push(tokio::spawn(async move {
            barrier.wait().await;
            if n % 2 == 0 {
                let work = NewSubmission::text(format!("{MARK} wrote version {n}, long enough for anybody."));
                me.assignments().submit(assignment, work).await.map(drop)
            } else {
                let choice = Some(Answer::Choice { option_id: "right".into() });
                let patch = [(attempt.questions[0].id, choice)].into();
                me.quizzes().save(attempt.id, &format!("{MARK}{n}"), 1, patch).await.map(drop)
            }
        }));
    }
    barrier.wait().await;
    h.lms.as_user(room.admin).people().erase_person(who).await.unwrap();
    for writer in writers {
        let outcome = writer.await.unwrap();
        let codes = ["person.erased", "attempt.closed", "not_found", "busy"];
        assert!(outcome.as_ref().map_or_else(|e| codes.contains(&e.code()), |()| true), "{outcome:?}");
    }
    let work = h.store.work_of(enrollment(h, &room, who).await).await.unwrap();
    for submission in &work.submissions {
        assert_eq!(submission.content, None, "version {}", submission.version_no);
    }
    let left = format!("{:?}", work.attempts);
    assert!(!left.contains(MARK), "{left}");
    assert!(h.lms.system().activity().audit(room.course).await.unwrap().is_empty());
}

/// After an erasure nobody writes a word about the person any more, on any path, and nothing new is issued to them.
/// rules: D5
pub async fn d5_nothing_is_written_about_who_was_erased(h: &Harness) {
    let room = h.classroom(1, 1).await;
    let (who, attempt) = Box::pin(full(h, &room)).await;
    let (teacher, admin) = (room.teacher(), h.lms.as_user(room.admin));
    let of = enrollment(h, &room, who).await;
    let work = h.store.work_of(of).await.unwrap();
    let submission = work.submissions.iter().find(|s| s.submitted_at.is_some()).unwrap();
    let essay = h.store.revision(work.attempts[0].revision_id).await.unwrap().unwrap();
    let essay: crate::model::RevisionContent = essay.content.read().unwrap();
    let question = essay.questions[1].id;
    let quiz = work.attempts[0].quiz_id;
    let review = h.store.reviews_of(submission.id.uuid()).await.unwrap();
    admin.people().erase_person(who).await.unwrap();
    let before = h.events().await.len();
    let grade = NewGrade { points: Points::whole(1), feedback: Some(MARK.into()), seen_seq: 9, ..NewGrade::default() };
    let mark = AnswerGrade { points: Points::ZERO, feedback: Some(MARK.into()), seen_seq: 9 };
    let extension = crate::lms::Extension::because(MARK);
    let words = || Some(MARK.to_owned());
    let mut codes = vec![
        teacher.assignments().grade(submission.id, grade).await.map(drop),
        teacher.assignments().clear_grade(submission.id, 9, words()).await.map(drop),
        teacher.assignments().return_for_revision(submission.id).await.map(drop),
        teacher.quizzes().grade_answer(attempt, question, mark).await.map(drop),
        teacher.quizzes().void(attempt, MARK).await,
        teacher.grants().extend(Item::Assignment(submission.assignment_id), who, extension).await.map(drop),
        teacher.grants().excuse(Item::Quiz(quiz), who, true, MARK).await.map(drop),
        teacher.grants().waive(Item::Quiz(quiz), who, MARK).await.map(drop),
        teacher.grants().reset_progress(room.course, who, MARK).await.map(drop),
        teacher.certificates().reissue(room.course, who, MARK).await.map(drop),
        teacher.enrollment().reactivate(room.course, who).await.map(drop),
        teacher
            .activity()
            .record(HostEvent {
                kind: "shop.note".into(),
                course_id: room.course,
                student_id: Some(who),
                learner_initiated: false,
                metadata: Some(Json::of(&serde_json::json!({ "note": MARK }))),
            })
            .await
            .map(drop),
    ];
    if !review.is_empty() {
        let answer = crate::lms::ReviewAnswer { change: None, reason: MARK.into() };
        codes.push(teacher.assignments().answer_review(submission.id, answer).await.map(drop));
    }
    for (n, outcome) in codes.into_iter().enumerate() {
        match outcome {
            // Reactivating who is active is nothing to do.
            Ok(()) if n == 10 => {}
            other => assert_eq!(other.unwrap_err().code(), "person.erased", "path {n}"),
        }
    }
    assert_eq!(h.events().await.len(), before, "and nothing was written");
    Box::pin(after_an_erasure(h, &room, who)).await;
}

/// What staff and courses do afterwards.
async fn after_an_erasure(h: &Harness, room: &Classroom, who: UserId) {
    let (teacher, admin, words) = (room.teacher(), h.lms.as_user(room.admin), Some(MARK.to_owned()));
    // A certificate can be revoked, as one of anybody's; why is not kept.
    let revoked = teacher.certificates().revoke(room.course, who, MARK.into()).await.unwrap();
    assert_eq!((revoked.revoked_at.is_some(), revoked.revoke_reason.as_deref()), (true, Some("")));
    let left = serde_json::to_string(&admin.people().export_person(who).await.unwrap()).unwrap();
    assert!(!left.contains(MARK));
    // What would complete the course of anybody else issues nothing to nobody.
    let other = room.new_student("Another").await.unwrap();
    let open = room.add_lesson("One more").await.unwrap();
    h.lms.as_user(other).learning().complete_lesson(room.lessons[0]).await.unwrap();
    admin.people().erase_person(other).await.unwrap();
    teacher.catalog().publish_lesson(open.id, false).await.unwrap();
    assert!(h.store.certificate_of(room.course, other).await.unwrap().is_none());
    let by_hand = teacher.certificates().issue(room.course, other, words).await.unwrap_err();
    assert_eq!(by_hand.code(), "person.erased");
}

/// Another name is another name from then on; what was printed keeps the old one.
/// rules: E1, L5, C4
pub async fn e1_a_person_gets_another_name(h: &Harness) {
    let room = h.classroom(1, 1).await;
    let who = room.students[0];
    room.student(0).learning().complete_lesson(room.lessons[0]).await.unwrap();
    let code = room.student(0).certificates().of(room.course, who).await.unwrap().code;
    let system = h.lms.system();
    let before = system.people().user(who).await.unwrap();
    let update = crate::lms::UpdateUser {
        version: before.version,
        display_name: Some("Another Name".into()),
        email: Some(Some("another@example.org".into())),
        external_id: Some(Some("host:7".into())),
        ..Default::default()
    };
    let after = system.people().update_user(who, update.clone()).await.unwrap();
    assert_eq!((after.display_name.as_str(), after.version), ("Another Name", before.version + 1));
    assert_eq!(system.people().update_user(who, update.clone()).await.unwrap_err().code(), "version.stale");
    let bad = crate::lms::UpdateUser { version: after.version, display_name: Some(" ".into()), ..Default::default() };
    assert_eq!(system.people().update_user(who, bad).await.unwrap_err().code(), "invalid");
    for (field, code) in [("email", "user.email_taken"), ("external_id", "external_id.taken")] {
        let other = room.new_student("Other").await.unwrap();
        let mut taken = crate::lms::UpdateUser { version: 1, ..Default::default() };
        if field == "email" {
            taken.email = update.email.clone();
        } else {
            taken.external_id = update.external_id.clone();
        }
        let refused = system.people().update_user(other, taken).await.unwrap_err();
        assert_eq!(refused.code(), code);
    }
    for session in [room.student(0), room.teacher()] {
        assert_eq!(session.people().update_user(who, update.clone()).await.unwrap_err().code(), "denied");
    }
    let seen = system.certificates().verify(&code).await.unwrap().unwrap();
    assert_eq!(seen.student_name, "Student 1", "the certificate says what it said");
    room.teacher().certificates().reissue(room.course, who, "married").await.unwrap();
    let seen = system.certificates().verify(&code).await.unwrap().unwrap();
    assert_eq!((seen.student_name.as_str(), seen.revision_no), ("Another Name", 2));
    h.lms.as_user(room.admin).people().erase_person(who).await.unwrap();
    let version = system.people().user(who).await.unwrap().version;
    let again = crate::lms::UpdateUser { version, display_name: Some("Back".into()), ..Default::default() };
    assert_eq!(system.people().update_user(who, again).await.unwrap_err().code(), "person.erased");
}
