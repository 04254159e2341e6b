//! Content: order, lifecycle, deletion, who may see it.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "conformance cases are tests")]

use super::Harness;
use crate::error::{Error, Refusal};
use crate::lms::{
    NewAssignment, NewCourse, NewLesson, NewQuestion, NewQuiz, NewSubmission, NewTopic, NewUser, QuizRules,
    UpdateCourse, UpdateLesson,
};
use crate::model::question::QuestionBody;
use crate::model::{BasisPoints, EventKind, Flow, LessonId, Points, Role};
use crate::store::{Item, Siblings};
use crate::testing::Classroom;

async fn order(room: &Classroom) -> Vec<LessonId> {
    let structure = room.teacher().catalog().structure(room.course).await.unwrap();
    for (n, lesson) in structure.lessons.iter().enumerate() {
        assert_eq!(lesson.order_index, i64::try_from(n).unwrap(), "dense from 0");
    }
    structure.lessons.iter().map(|l| l.id).collect()
}

/// rules: O1, O3
pub async fn o1_o3_siblings_are_dense_and_sorted(h: &Harness) {
    let room = h.classroom(3, 0).await;
    let catalog = room.teacher();
    let catalog = catalog.catalog();
    let add = |index: i64| NewLesson { index: Some(index), ..NewLesson::titled(format!("at {index}")) };
    let first = catalog.add_lesson(room.course, add(-5)).await.unwrap();
    let middle = catalog.add_lesson(room.course, add(2)).await.unwrap();
    let last = catalog.add_lesson(room.course, add(99)).await.unwrap();
    let expected = [first.id, room.lessons[0], middle.id, room.lessons[1], room.lessons[2], last.id];
    assert_eq!(order(&room).await, expected);
    let plan = catalog.plan_delete(Item::Lesson(middle.id)).await.unwrap();
    catalog.delete(&plan).await.unwrap();
    assert_eq!(order(&room).await, [first.id, room.lessons[0], room.lessons[1], room.lessons[2], last.id]);
    assert!(h.lms.system().activity().audit(room.course).await.unwrap().is_empty());
}

/// rules: O2, O4, O5
pub async fn o2_o5_reorder_is_exact_and_idempotent(h: &Harness) {
    let room = h.classroom(3, 1).await;
    room.student(0).learning().complete_lesson(room.lessons[2]).await.unwrap();
    let teacher = room.teacher();
    let version = room.course().await.unwrap().structure_version;
    let ids: Vec<_> = [2, 0, 1].iter().map(|n: &usize| room.lessons[*n].uuid()).collect();
    let siblings = Siblings::Lessons(room.course);
    let short = teacher.catalog().reorder(siblings, ids[..2].to_vec(), version).await.unwrap_err();
    assert!(matches!(short, Error::Refused(Refusal::OrderMismatch { .. })), "{short}");
    let stale = teacher.catalog().reorder(siblings, ids.clone(), version - 1).await.unwrap_err();
    assert_eq!(stale.code(), "structure.changed");
    teacher.catalog().reorder(siblings, ids.clone(), version).await.unwrap();
    assert_eq!(order(&room).await.iter().map(|l| l.uuid()).collect::<Vec<_>>(), ids);
    let events = h.events().await.len();
    let after = room.course().await.unwrap().structure_version;
    assert_eq!(after, version + 1);
    teacher.catalog().reorder(siblings, ids, after).await.unwrap();
    assert_eq!(h.events().await.len(), events, "the present order is no change");
    assert_eq!(room.course().await.unwrap().structure_version, after);
    let standing = room.student(0).learning().standing(room.course, room.students[0]).await.unwrap();
    assert_eq!(standing.lessons_done, 1, "progress goes along");
}

/// rules: L1, L2, L3
pub async fn l3_what_is_not_ready_is_not_published(h: &Harness) {
    let room = h.classroom(1, 1).await;
    let teacher = room.teacher();
    let catalog = teacher.catalog();
    let draft = catalog.create_course(NewCourse::titled("Empty")).await.unwrap();
    assert_eq!(catalog.publish_course(draft.id, true).await.unwrap_err().code(), "course.no_published_lesson");
    let quiz = catalog.add_quiz(room.lessons[0], NewQuiz::titled("Empty")).await.unwrap();
    assert_eq!(catalog.publish_quiz(quiz.id, true).await.unwrap_err().code(), "invalid");
    let essay =
        NewQuestion { points: Points::ZERO, ..NewQuestion::new("?", QuestionBody::TrueFalse { correct: true }) };
    let worthless = NewQuiz {
        rules: QuizRules { pass_threshold_bp: BasisPoints::percent(50), ..QuizRules::default() },
        questions: vec![essay],
        is_published: true,
        ..NewQuiz::titled("Worth nothing")
    };
    let refused = catalog.add_quiz(room.lessons[0], worthless).await.unwrap_err();
    assert!(serde_json::to_string(&refused).unwrap().contains("quiz.worthless"), "{refused}");
    assert!(catalog.add_assignment(room.lessons[0], NewAssignment::new("Zero", Points::ZERO)).await.is_err());
    // A published quiz cannot be left without a question.
    let quiz = room.add_quiz(room.lessons[0], 1, QuizRules::default()).await.unwrap();
    let question = catalog.questions(quiz.id).await.unwrap().remove(0);
    assert_eq!(catalog.delete_question(question.id).await.unwrap_err().code(), "invalid");
    // Hidden from learners, whatever is done to reach it.
    catalog.publish_lesson(room.lessons[0], false).await.unwrap();
    let me = room.student(0);
    let locked = me.learning().open_lesson(room.lessons[0]).await.unwrap_err();
    assert!(serde_json::to_string(&locked).unwrap().contains("not_published"));
    assert!(me.quizzes().start(quiz.id).await.is_err());
    let outline = me.overview().outline(room.course, room.students[0]).await.unwrap();
    assert!(outline.lessons.is_empty());
}

/// rules: L5
pub async fn l5_a_stale_edit_conflicts(h: &Harness) {
    let room = h.classroom(1, 0).await;
    let teacher = room.teacher();
    let lesson = teacher.catalog().lesson(room.lessons[0]).await.unwrap();
    let edit = |title: &str| UpdateLesson { version: lesson.version, title: Some(title.into()), ..Default::default() };
    let after = teacher.catalog().update_lesson(lesson.id, edit("First")).await.unwrap();
    assert_eq!(after.version, lesson.version + 1);
    let stale = teacher.catalog().update_lesson(lesson.id, edit("Second")).await.unwrap_err();
    assert_eq!(stale.code(), "version.stale");
    assert_eq!(teacher.catalog().lesson(lesson.id).await.unwrap().title, "First");
    let _ = h;
}

/// rules: D1, D3, D4, O3
pub async fn d1_deleting_a_lesson_takes_its_work_along(h: &Harness) {
    let room = h.classroom(2, 1).await;
    let me = room.student(0);
    let quiz = room.add_quiz(room.lessons[0], 1, QuizRules::default()).await.unwrap();
    let attempt = me.quizzes().start(quiz.id).await.unwrap();
    me.quizzes().submit(attempt.id).await.unwrap();
    me.learning().complete_lesson(room.lessons[0]).await.unwrap();
    me.learning().complete_lesson(room.lessons[1]).await.unwrap();
    let catalog = room.teacher();
    let catalog = catalog.catalog();
    catalog.publish_lesson(room.lessons[0], false).await.unwrap();
    let plan = catalog.plan_delete(Item::Lesson(room.lessons[0])).await.unwrap();
    assert_eq!((plan.counts.quizzes, plan.counts.attempts, plan.counts.topics, plan.counts.progress), (1, 1, 1, 1));
    let events = h.events().await.len();
    catalog.delete(&plan).await.unwrap();
    assert!(catalog.lesson(room.lessons[0]).await.is_err());
    assert!(me.quizzes().view_attempt(attempt.id).await.is_err());
    assert_eq!(order(&room).await, [room.lessons[1]]);
    let after = h.events().await;
    assert!(after.len() > events, "events outlive content");
    let told = after.iter().rfind(|e| e.event.subject_id == room.lessons[0].uuid()).unwrap();
    assert_eq!(told.event.kind, EventKind::ContentChanged);
    let meta: serde_json::Value = told.event.metadata.read().unwrap();
    assert_eq!(
        (&meta["action"], &meta["counts"]["attempts"]),
        (&"deleted".into(), &1.into()),
        "who, what and how much"
    );
    let standing = me.learning().standing(room.course, room.students[0]).await.unwrap();
    assert_eq!((standing.lessons_done, standing.lessons_total), (1, 1));
    assert!(me.certificates().of(room.course, room.students[0]).await.is_ok());
    assert!(h.lms.system().activity().audit(room.course).await.unwrap().is_empty());
}

/// rules: D2
pub async fn d2_a_course_with_certificates_stays(h: &Harness) {
    let room = h.classroom(1, 1).await;
    room.student(0).learning().complete_lesson(room.lessons[0]).await.unwrap();
    let catalog = room.teacher();
    let catalog = catalog.catalog();
    catalog.publish_course(room.course, false).await.unwrap();
    let plan = catalog.plan_delete(Item::Course(room.course)).await.unwrap();
    assert_eq!(plan.counts.certificates, 1);
    assert_eq!(catalog.delete(&plan).await.unwrap_err().code(), "course.has_certificates");
    // Also around the library.
    let batch = crate::store::WriteBatch {
        changes: vec![crate::store::Change::Delete(crate::store::Key::Id(
            crate::store::Table::Course,
            room.course.uuid(),
        ))],
        ..Default::default()
    };
    let refused = h.store.write(std::sync::Arc::new(batch)).await.unwrap_err();
    assert_eq!(refused.kind(), &crate::store::StoreErrorKind::MissingReference);
    assert!(catalog.course(room.course).await.is_ok());
    let other = catalog.create_course(NewCourse::titled("Other")).await.unwrap();
    let plan = catalog.plan_delete(Item::Course(other.id)).await.unwrap();
    catalog.delete(&plan).await.unwrap();
    assert_eq!(catalog.course(other.id).await.unwrap_err().code(), "not_found");
}

/// rules: D3
pub async fn d3_nothing_more_goes_than_was_shown(h: &Harness) {
    let room = h.classroom(2, 2).await;
    let catalog = room.teacher();
    let catalog = catalog.catalog();
    let item = Item::Lesson(room.lessons[0]);
    room.student(0).learning().complete_lesson(room.lessons[0]).await.unwrap();
    let plan = catalog.plan_delete(item).await.unwrap();
    assert!(plan.blocked);
    assert_eq!(catalog.delete(&plan).await.unwrap_err().code(), "delete.published");
    let before = catalog.plan_delete(item).await.unwrap();
    room.student(1).learning().complete_lesson(room.lessons[0]).await.unwrap();
    catalog.publish_lesson(room.lessons[0], false).await.unwrap();
    assert_eq!(catalog.delete(&before).await.unwrap_err().code(), "delete.grown");
    let now = catalog.plan_delete(item).await.unwrap();
    assert!(!now.blocked);
    catalog.delete(&now).await.unwrap();
    let told = h.events().await.into_iter().rfind(|e| e.event.subject_id == room.lessons[0].uuid()).unwrap();
    assert!(told.event.metadata.as_str().contains("\"progress\":2"), "{}", told.event.metadata.as_str());
    // The course as a whole goes under the same lock: no work comes between the count and the deletion.
    for item in [Item::Lesson(room.lessons[1]), Item::Course(room.course)] {
        let plan = catalog.plan_delete(item).await.unwrap();
        let delete = |session: crate::lms::Session| async move { session.catalog().delete(&plan).await };
        let planned = room.teacher().plan(delete).await.unwrap();
        assert_eq!(planned.batch.exclusive, [room.course], "{item:?}");
        assert!(planned.batch.expect.iter().any(|e| matches!(e, crate::store::Expect::WorkAtMost { .. })));
    }
}

/// rules: L6, L7, L8
pub async fn l6_objectives_are_known_or_refused(h: &Harness) {
    let room = h.classroom(1, 0).await;
    let catalog = room.teacher();
    let catalog = catalog.catalog();
    catalog.add_objective(room.course, "explain", "Explain how it works").await.unwrap();
    let twice = catalog.add_objective(room.course, "explain", "Again").await.unwrap_err();
    assert_eq!(twice.code(), "objective.key_taken");
    catalog.link_objectives(room.lessons[0], vec!["explain".into()]).await.unwrap();
    let unknown = catalog.link_objectives(room.lessons[0], vec!["guess".into()]).await.unwrap_err();
    assert!(serde_json::to_string(&unknown).unwrap().contains("objective.unknown"));
    let assignment =
        NewAssignment { objectives: vec!["guess".into()], ..NewAssignment::new("Essay", Points::from_units(100_000)) };
    assert!(catalog.add_assignment(room.lessons[0], assignment).await.is_err());
    let no_body = NewTopic { body: None, ..NewTopic::text("Text", "") };
    assert!(catalog.add_topic(room.lessons[0], no_body).await.is_err());
    let video = NewTopic::media("Film", crate::model::ContentType::Video, "http://example.org/film.mp4");
    assert!(catalog.add_topic(room.lessons[0], video).await.is_err(), "https only");
    let big = crate::model::table::Json::parse(format!("{{\"a\":\"{}\"}}", "x".repeat(17_000))).unwrap();
    let update =
        UpdateCourse { version: room.course().await.unwrap().version, metadata: Some(big), ..Default::default() };
    assert!(catalog.update_course(room.course, update).await.is_err());
    let _ = h;
}

/// rules: R1
pub async fn r1_who_may_not_see_it_hears_not_found(h: &Harness) {
    let room = h.classroom(1, 1).await;
    let stranger = h.lms.system().people().ensure_user(NewUser::new(Role::Instructor, "Other")).await.unwrap();
    let other = h.lms.as_user(stranger.id);
    let nobody = h.lms.as_user(crate::model::UserId::from_uuid(uuid::Uuid::from_u128(3)));
    for session in [&other, &nobody] {
        assert_eq!(session.catalog().course(room.course).await.unwrap_err().code(), "not_found");
        assert_eq!(session.catalog().publish_course(room.course, false).await.unwrap_err().code(), "not_found");
        assert_eq!(session.learning().complete_lesson(room.lessons[0]).await.unwrap_err().code(), "not_found");
        assert!(session.overview().outline(room.course, room.students[0]).await.is_err());
        assert!(session.analytics().completion(room.course).await.is_err());
        assert!(session.enrollment().of_course(room.course, Default::default()).await.is_err());
    }
    let me = room.student(0);
    assert!(me.catalog().publish_course(room.course, false).await.is_err());
    assert!(me.catalog().add_lesson(room.course, NewLesson::titled("Mine")).await.is_err());
    assert!(me.analytics().completion(room.course).await.is_err());
    // A grader grades and reads, and does nothing else.
    room.teacher().catalog().set_staff(room.course, stranger.id, Some(crate::model::StaffRole::Grader)).await.unwrap();
    assert!(other.enrollment().of_course(room.course, Default::default()).await.is_ok());
    assert_eq!(other.catalog().publish_course(room.course, false).await.unwrap_err().code(), "denied");
    room.teacher().catalog().set_staff(room.course, stranger.id, None).await.unwrap();
    assert_eq!(other.catalog().publish_course(room.course, false).await.unwrap_err().code(), "not_found");
    assert_eq!((h.count(EventKind::StaffAdded).await, h.count(EventKind::StaffRemoved).await), (1, 1));
    assert!(h.lms.as_user(room.admin).catalog().course(room.course).await.is_ok());
}

/// rules: X1, X2, X3
pub async fn x2_lessons_open_in_their_order(h: &Harness) {
    let room = h.classroom(3, 1).await;
    let (me, teacher) = (room.student(0), room.teacher());
    let locked = |e: Error| serde_json::to_string(&e).unwrap();
    let update = UpdateCourse {
        version: room.course().await.unwrap().version,
        flow: Some(Flow::Sequential),
        ..Default::default()
    };
    teacher.catalog().update_course(room.course, update).await.unwrap();
    let why = locked(me.learning().complete_lesson(room.lessons[1]).await.unwrap_err());
    assert!(why.contains("earlier_lesson") && why.contains(&room.lessons[0].to_string()), "{why}");
    let outline = me.overview().outline(room.course, room.students[0]).await.unwrap();
    assert_eq!(outline.lessons.iter().map(|l| l.locks.len()).collect::<Vec<_>>(), [0, 1, 1]);
    me.learning().complete_lesson(room.lessons[0]).await.unwrap();
    me.learning().complete_lesson(room.lessons[1]).await.unwrap();
    let update =
        UpdateCourse { version: room.course().await.unwrap().version, flow: Some(Flow::Free), ..Default::default() };
    teacher.catalog().update_course(room.course, update).await.unwrap();
    // Requirements, without circles.
    let fourth = room.add_lesson("Fourth").await.unwrap();
    teacher.catalog().require_lesson(fourth.id, room.lessons[2], true).await.unwrap();
    assert!(teacher.catalog().require_lesson(room.lessons[2], fourth.id, true).await.is_err());
    let why = locked(me.learning().open_lesson(fourth.id).await.unwrap_err());
    assert!(why.contains("requires") && why.contains(&room.lessons[2].to_string()), "{why}");
    // Opening times.
    let later = h.lms.now().plus_seconds(3_600);
    let lesson = teacher.catalog().lesson(room.lessons[2]).await.unwrap();
    let update = UpdateLesson { version: lesson.version, available_from: Some(Some(later)), ..Default::default() };
    teacher.catalog().update_lesson(lesson.id, update).await.unwrap();
    let why = locked(me.learning().complete_lesson(room.lessons[2]).await.unwrap_err());
    assert!(why.contains("not_yet"), "{why}");
    h.clock.advance(3_600);
    me.learning().complete_lesson(room.lessons[2]).await.unwrap();
    me.learning().open_lesson(fourth.id).await.unwrap();
}

/// A command that is repeated with its id finds the first outcome.
pub async fn a_command_id_is_done_once(h: &Harness) {
    let room = h.classroom(1, 1).await;
    let id = uuid::Uuid::from_u128(0x1234_5678_9abc_7def_8123_4567_89ab_cdef);
    let teacher = || room.teacher().with_command_id(id);
    let first = teacher().catalog().create_course(NewCourse::titled("Once")).await.unwrap();
    let again = teacher().catalog().create_course(NewCourse::titled("Once")).await.unwrap();
    assert_eq!(first.id, again.id);
    let other = uuid::Uuid::from_u128(0x1234_5678_9abc_7def_8123_4567_89ab_cdee);
    let add =
        || async { room.teacher().with_command_id(other).catalog().add_lesson(first.id, NewLesson::titled("L")).await };
    assert_eq!(add().await.unwrap().id, add().await.unwrap().id);
    assert_eq!(room.teacher().catalog().structure(first.id).await.unwrap().lessons.len(), 1);
    let assignment = room
        .teacher()
        .catalog()
        .add_assignment(
            room.lessons[0],
            NewAssignment { is_published: true, ..NewAssignment::new("Essay", Points::from_units(100_000)) },
        )
        .await
        .unwrap();
    let third = uuid::Uuid::from_u128(0x1234_5678_9abc_7def_8123_4567_89ab_cded);
    let submit = || async {
        room.student(0).with_command_id(third).assignments().submit(assignment.id, NewSubmission::text("Work.")).await
    };
    assert_eq!(submit().await.unwrap().id, submit().await.unwrap().id);
    assert_eq!(h.count(EventKind::AssignmentSubmitted).await, 1);
}

/// An edit or a grade whose answer was lost is found, not refused for the version that it made itself.
///
/// rules: L5, S10
pub async fn a_repeated_edit_finds_what_it_wrote(h: &Harness) {
    let room = h.classroom(1, 1).await;
    let again = |n: u128| room.teacher().with_command_id(uuid::Uuid::from_u128(0x1234_5678_9abc_7def_8123 << 48 | n));
    let lesson = room.teacher().catalog().lesson(room.lessons[0]).await.unwrap();
    let update =
        || crate::lms::UpdateLesson { version: lesson.version, title: Some("Twice".into()), ..Default::default() };
    let first = again(1).catalog().update_lesson(lesson.id, update()).await.unwrap();
    assert_eq!(again(1).catalog().update_lesson(lesson.id, update()).await.unwrap(), first);
    assert_eq!(again(2).catalog().update_lesson(lesson.id, update()).await.unwrap_err().code(), "version.stale");

    let topic = room.teacher().catalog().topic(room.topics[0]).await.unwrap();
    let update =
        || crate::lms::UpdateTopic { version: topic.version, title: Some("Twice".into()), ..Default::default() };
    let first = again(3).catalog().update_topic(topic.id, update()).await.unwrap();
    assert_eq!(again(3).catalog().update_topic(topic.id, update()).await.unwrap(), first);

    let course = room.course().await.unwrap();
    let update =
        || crate::lms::UpdateCourse { version: course.version, title: Some("Twice".into()), ..Default::default() };
    let first = again(4).catalog().update_course(course.id, update()).await.unwrap();
    assert_eq!(again(4).catalog().update_course(course.id, update()).await.unwrap().version, first.version);

    let quiz = room.add_quiz(room.lessons[0], 1, crate::lms::QuizRules::default()).await.unwrap();
    let update = || crate::lms::UpdateQuiz { version: quiz.version, title: Some("Twice".into()), ..Default::default() };
    let first = again(5).catalog().update_quiz(quiz.id, update()).await.unwrap();
    assert_eq!(again(5).catalog().update_quiz(quiz.id, update()).await.unwrap(), first);

    let new = NewAssignment { is_published: true, ..NewAssignment::new("Essay", Points::from_units(1_000_000)) };
    let assignment = room.teacher().catalog().add_assignment(room.lessons[0], new).await.unwrap();
    let update = || crate::lms::UpdateAssignment {
        version: assignment.version,
        title: Some("Twice".into()),
        ..Default::default()
    };
    let first = again(6).catalog().update_assignment(assignment.id, update()).await.unwrap();
    assert_eq!(again(6).catalog().update_assignment(assignment.id, update()).await.unwrap(), first);

    let work = room.student(0).assignments().submit(assignment.id, NewSubmission::text("Work.")).await.unwrap();
    let grade = || crate::lms::NewGrade { points: Points::whole(7), ..Default::default() };
    let first = again(7).assignments().grade(work.id, grade()).await.unwrap();
    assert_eq!(again(7).assignments().grade(work.id, grade()).await.unwrap(), first);
    assert_eq!(again(8).assignments().grade(work.id, grade()).await.unwrap_err().code(), "grade.newer");
    assert_eq!(room.teacher().assignments().history(work.id).await.unwrap().len(), 1);
}

/// Hiding a running course: staff know beforehand whom it meets, learners keep everything and are told why.
/// rules: L1, C5
pub async fn l1_hiding_a_running_course_changes_nothing_of_its_learners(h: &Harness) {
    let room = h.classroom(1, 3).await;
    let teacher = room.teacher();
    room.student(0).learning().complete_lesson(room.lessons[0]).await.unwrap();
    room.student(2).enrollment().withdraw(room.course, room.students[2]).await.unwrap();
    let plan = teacher.catalog().plan_unpublish(room.course).await.unwrap();
    assert_eq!((plan.learners, plan.certificates), (2, 1));
    assert_eq!(room.student(1).catalog().plan_unpublish(room.course).await.unwrap_err().code(), "not_found");
    let rows = |n: usize| {
        let (store, course, who) = (h.store.clone(), room.course, room.students[n]);
        async move { store.record(course, who).await.unwrap().unwrap() }
    };
    let before = rows(0).await;
    teacher.catalog().publish_course(room.course, false).await.unwrap();
    assert_eq!(rows(0).await, before, "nothing is computed anew");
    let told = room.student(1).learning().complete_lesson(room.lessons[0]).await.unwrap_err();
    assert!(serde_json::to_string(&told).unwrap().contains("not_published"));
    let code = before.certificate.unwrap().code;
    let seen = h.lms.system().certificates().verify(&code).await.unwrap().unwrap();
    assert_eq!(seen.validity, crate::lms::Validity::Valid);
    // Archived, it is readable again and takes nobody new.
    teacher.catalog().archive_course(room.course, true).await.unwrap();
    room.student(1).learning().complete_lesson(room.lessons[0]).await.unwrap();
    let new = h.lms.system().people().ensure_user(NewUser::new(Role::Student, "N")).await.unwrap().id;
    let refused = teacher.enrollment().enroll(room.course, new, Default::default()).await.unwrap_err();
    assert_eq!(refused.code(), "course.archived");
    teacher.catalog().archive_course(room.course, false).await.unwrap();
    teacher.enrollment().enroll(room.course, new, Default::default()).await.unwrap();
}

/// A threshold needs points: also when the last question that has some is dropped by a regrade, or deleted after
/// the others were.
/// rules: N6, A12, L3
pub async fn n6_a_threshold_needs_points_that_are_not_dropped(h: &Harness) {
    use crate::lms::{QuizRules, RegradePolicy};
    let room = h.classroom(1, 1).await;
    let teacher = room.teacher();
    let rules = QuizRules { pass_threshold_bp: crate::model::BasisPoints::percent(50), ..QuizRules::default() };
    let quiz = room.add_quiz(room.lessons[0], 2, rules).await.unwrap();
    let questions = teacher.catalog().questions(quiz.id).await.unwrap();
    let drop = |question| RegradePolicy::DropQuestion { question };
    teacher.quizzes().regrade(quiz.id, drop(questions[0].id), false).await.unwrap();
    let worthless = |e: Error| assert!(serde_json::to_string(&e).unwrap().contains("quiz.worthless"), "{e:?}");
    worthless(teacher.quizzes().regrade(quiz.id, drop(questions[1].id), false).await.unwrap_err());
    worthless(teacher.catalog().delete_question(questions[1].id).await.unwrap_err());
    let me = room.student(0);
    let attempt = me.quizzes().start(quiz.id).await.unwrap();
    super::quizzes::answer(&me, &attempt, 2).await;
    let done = me.quizzes().submit(attempt.id).await.unwrap();
    assert_eq!(done.score.unwrap().possible, Points::from_units(100_000), "the dropped one is out of later attempts");
}

/// Each check of authoring, by its code and the field that it names; nothing is written.
/// rules: L3, L6, L7, L8, S5, S7, P2
pub async fn l3_every_check_of_authoring_names_its_field(h: &Harness) {
    use crate::lms::{AssignmentRules, NewQuiz, QuizRules};
    use crate::model::{BasisPoints, ContentType, MetBy, PenaltyInterval};
    let room = h.classroom(1, 1).await;
    let teacher = room.teacher();
    let catalog = teacher.catalog();
    let lesson = room.lessons[0];
    let now = h.lms.now();
    let written = h.events().await.len();
    let found = |outcome: Result<(), Error>| match outcome {
        Err(Error::Invalid { problems }) => {
            problems.into_iter().map(|p| format!("{} {}", p.code, p.field)).collect::<Vec<_>>()
        }
        other => unreachable!("it is invalid: {other:?}"),
    };
    let task = |rules: AssignmentRules| {
        let new = NewAssignment { rules, ..NewAssignment::new("Essay", Points::from_units(100_000)) };
        async move { catalog.add_assignment(lesson, new).await.map(drop) }
    };
    let date = |seconds: i64| Some(now.plus_seconds(seconds));
    let none = AssignmentRules::default;
    let cases: Vec<(AssignmentRules, &str)> = vec![
        (AssignmentRules { due_date: date(1), cutoff_date: date(0), ..none() }, "assignment.cutoff cutoff_date"),
        (AssignmentRules { penalty_bp: BasisPoints::percent(1), ..none() }, "assignment.penalty penalty_interval"),
        (
            AssignmentRules { penalty_interval: Some(PenaltyInterval::Day), ..none() },
            "assignment.penalty penalty_interval",
        ),
        (AssignmentRules { met_by: MetBy::Passed, ..none() }, "assignment.pass_threshold pass_threshold_bp"),
        (AssignmentRules { due_zone: Some("Mars/Base".into()), ..none() }, "zone.unknown due_zone"),
        (AssignmentRules { max_versions: Some(0), ..none() }, "number.range max_versions"),
        (AssignmentRules { grace_seconds: -1, ..none() }, "number.range grace_seconds"),
        (AssignmentRules { weight: -1, ..none() }, "number.range weight"),
        (AssignmentRules { review_days: Some(-1), ..none() }, "number.range review_days"),
    ];
    for (rules, wanted) in cases {
        assert_eq!(found(task(rules).await), [wanted]);
    }
    let free = NewAssignment::new("Essay", Points::ZERO);
    assert_eq!(found(catalog.add_assignment(lesson, free).await.map(drop)), ["assignment.max_grade max_grade"]);
    let quiz = |rules: QuizRules| {
        let new = NewQuiz { rules, ..NewQuiz::titled("A quiz") };
        async move { catalog.add_quiz(lesson, new).await.map(drop) }
    };
    let none = QuizRules::default;
    for (rules, wanted) in [
        (QuizRules { opens_at: date(1), closes_at: date(1), ..none() }, "quiz.dates closes_at"),
        (QuizRules { max_attempts: Some(0), ..none() }, "number.range max_attempts"),
        (QuizRules { time_limit_seconds: Some(0), ..none() }, "number.range time_limit_seconds"),
        (QuizRules { grace_seconds: -1, ..none() }, "number.range grace_seconds"),
    ] {
        assert_eq!(found(quiz(rules).await), [wanted]);
    }
    let true_false =
        || crate::lms::NewQuestion::new("?", crate::model::question::QuestionBody::TrueFalse { correct: true });
    let of = |questions, rules| {
        let new = NewQuiz { is_published: true, questions, rules, ..NewQuiz::titled("A quiz") };
        async move { catalog.add_quiz(lesson, new).await.map(drop) }
    };
    assert_eq!(found(of(vec![], none()).await), ["quiz.no_questions questions"]);
    let nothing = crate::lms::NewQuestion { points: Points::ZERO, ..true_false() };
    let strict = QuizRules { pass_threshold_bp: BasisPoints::percent(50), ..none() };
    assert_eq!(found(of(vec![nothing], strict).await), ["quiz.worthless pass_threshold_bp"]);
    let rich = crate::lms::NewQuestion { points: Points::whole(60_000).unwrap(), ..true_false() };
    assert_eq!(found(of(vec![rich.clone(), rich], none()).await), ["quiz.too_many_points questions"]);
    // L7: each kind of topic.
    let topic = |new: NewTopic| async move { catalog.add_topic(lesson, new).await.map(drop) };
    for kind in ["video", "audio", "image", "file", "link", "embed"] {
        let kind = ContentType::from_word(kind).unwrap();
        let new = NewTopic { content_type: kind, ..NewTopic::text("T", "a transcript") };
        assert_eq!(found(topic(new).await), ["topic.no_url content_url"]);
    }
    assert_eq!(found(topic(NewTopic::text("T", " ")).await), ["topic.no_body body"]);
    let own =
        NewTopic { content_type: ContentType::from_word("x-board").unwrap(), body: None, ..NewTopic::text("T", "") };
    topic(own).await.unwrap();
    for word in ["x-", "X-board", "board", "x-Board"] {
        assert!(ContentType::from_word(word).is_none(), "{word}");
    }
    let megabyte = |bytes: usize| NewTopic::text("T", "x".repeat(bytes));
    assert_eq!(found(topic(megabyte(1_048_577)).await), ["text.length body"]);
    topic(megabyte(1_048_576)).await.unwrap();
    let ftp = NewTopic::media("T", ContentType::Link, "ftp://example.org");
    assert_eq!(found(topic(ftp).await), ["url.invalid content_url"]);
    // L8: metadata up to its limit, an object, the host's own; external ids are unique.
    let meta =
        |bytes: usize| crate::model::table::Json::parse(format!("{{\"a\":\"{}\"}}", "x".repeat(bytes - 8))).unwrap();
    let with = |metadata| NewTopic { metadata: Some(metadata), ..NewTopic::text("T", "text") };
    topic(with(meta(16 * 1024))).await.unwrap();
    assert_eq!(found(topic(with(meta(16 * 1024 + 1))).await), ["metadata.size metadata"]);
    let list = crate::model::table::Json::parse("[1]".to_owned()).unwrap();
    assert_eq!(found(topic(with(list)).await), ["metadata.object metadata"]);
    let named = || NewCourse { external_id: Some("host:1".into()), ..NewCourse::titled("One") };
    catalog.create_course(named()).await.unwrap();
    assert_eq!(catalog.create_course(named()).await.unwrap_err().code(), "external_id.taken");
    let bad = NewCourse { language: "not a tag".into(), time_zone: "Nowhere".into(), ..NewCourse::titled("Two") };
    assert_eq!(
        found(catalog.create_course(bad).await.map(drop)),
        ["language.invalid language", "zone.unknown time_zone"]
    );
    // What is published cannot be edited into what could not be.
    let made = room.add_quiz(lesson, 1, none()).await.unwrap();
    let question = catalog.questions(made.id).await.unwrap()[0].id;
    assert_eq!(found(catalog.delete_question(question).await), ["quiz.no_questions questions"]);
    assert_eq!(h.events().await.len(), written + 5, "three topics, a course and a quiz, and nothing that was refused");
}
