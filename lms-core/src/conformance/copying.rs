//! Content that is used again by copying it.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "conformance cases are tests")]

use super::Harness;
use crate::lms::{
    AssignmentRules, CopyDates, CopySource, CopyTarget, ImportOptions, NewAssignment, NewCourse, NewTopic, NewUser,
    QuizRules, UpdateCourse,
};
use crate::model::{AssignmentId, LessonId, Points, QuestionId, QuizId, Role, TemplateDocument, TopicId};
use crate::rules::local_time::instant;
use crate::testing::Classroom;

/// A copy has its own ids, is unpublished, says what it was copied from, and stands where it was put.
/// rules: O6, O3, L4
pub async fn o6_a_copy_is_its_own_and_unpublished(h: &Harness) {
    let room = h.classroom(2, 1).await;
    let teacher = room.teacher();
    let quiz = room.add_quiz(room.lessons[0], 2, QuizRules::default()).await.unwrap();
    let new = NewAssignment { is_published: true, ..NewAssignment::new("Essay", Points::whole(10).unwrap()) };
    let essay = teacher.catalog().add_assignment(room.lessons[0], new).await.unwrap();
    teacher.catalog().add_objective(room.course, "why", "Say why").await.unwrap();
    teacher.catalog().link_objectives(room.lessons[0], vec!["why".into()]).await.unwrap();
    room.student(0).quizzes().start(quiz.id).await.unwrap();
    let copy = |source, target, index| {
        let teacher = room.teacher();
        async move { teacher.catalog().copy_into(source, target, index).await }
    };

    // A topic in front of the other lesson's own.
    let topic = copy(CopySource::Topic(room.topics[0]), CopyTarget::Lesson(room.lessons[1]), Some(0)).await.unwrap();
    let topics = teacher.catalog().topics(room.lessons[1]).await.unwrap();
    assert_eq!(topics.iter().map(|t| t.id).collect::<Vec<_>>(), [TopicId::from_uuid(topic), room.topics[1]]);
    assert_eq!((topics[0].copied_from, topics[0].order_index), (Some(room.topics[0]), 0));

    // A question into another quiz, and a quiz beside itself.
    let other = room.add_quiz(room.lessons[1], 1, QuizRules::default()).await.unwrap();
    let questions = teacher.catalog().questions(quiz.id).await.unwrap();
    let question = copy(CopySource::Question(questions[1].id), CopyTarget::Quiz(other.id), Some(0)).await.unwrap();
    let now = teacher.catalog().questions(other.id).await.unwrap();
    assert_eq!((now.len(), now[0].id, now[0].copied_from), (2, QuestionId::from_uuid(question), Some(questions[1].id)));
    assert_eq!(now[0].correct_answer, questions[1].correct_answer);
    assert_eq!(teacher.catalog().quiz(other.id).await.unwrap().version, other.version + 1, "its quiz was edited (L5)");
    let twin = copy(CopySource::Quiz(quiz.id), CopyTarget::Lesson(room.lessons[0]), None).await.unwrap();
    let twin = teacher.catalog().quiz(QuizId::from_uuid(twin)).await.unwrap();
    assert_eq!((twin.is_published, twin.copied_from, twin.order_index), (false, Some(quiz.id), 1));

    // A lesson with all that is in it, but nothing of its learners.
    let lesson = copy(CopySource::Lesson(room.lessons[0]), CopyTarget::Course(room.course), Some(0)).await.unwrap();
    let structure = teacher.catalog().structure(room.course).await.unwrap();
    assert_eq!(structure.lessons[0].id, LessonId::from_uuid(lesson));
    assert_eq!(structure.lessons.iter().map(|l| l.order_index).collect::<Vec<_>>(), [0, 1, 2]);
    let inside = |id: LessonId| {
        let quizzes = structure.quizzes.iter().filter(|q| q.lesson_id == id).count();
        let assignments: Vec<_> = structure.assignments.iter().filter(|a| a.lesson_id == id).cloned().collect();
        (quizzes, assignments)
    };
    let (quizzes, assignments) = inside(LessonId::from_uuid(lesson));
    assert_eq!((quizzes, assignments.len(), assignments[0].copied_from), (2, 1, Some(essay.id)));
    assert!(!structure.lessons[0].is_published && !assignments[0].is_published);
    let links = h.store.objective_links(room.course).await.unwrap();
    assert!(links.iter().any(|(_, item)| *item == lesson), "the objective is linked again");
    assert_eq!(room.course().await.unwrap().lessons_total, 2, "a copy counts once it is published");
    assert!(h.lms.system().activity().audit(room.course).await.unwrap().is_empty());

    // Wrong places, and courses of others.
    let wrong = copy(CopySource::Question(questions[0].id), CopyTarget::Lesson(room.lessons[0]), None).await;
    assert_eq!(wrong.unwrap_err().code(), "invalid");
    let stranger = NewUser::new(Role::Instructor, "Someone");
    let stranger = h.lms.as_user(h.lms.system().people().ensure_user(stranger).await.unwrap().id);
    let theirs = stranger.catalog().create_course(NewCourse::titled("Theirs")).await.unwrap();
    let out = copy(CopySource::Lesson(room.lessons[0]), CopyTarget::Course(theirs.id), None).await.unwrap_err();
    assert_eq!(out.code(), "not_found", "not into a course that one may not edit");
    let (theirs, ours) = (CopyTarget::Course(theirs.id), CopySource::Topic(room.topics[0]));
    let stolen = stranger.catalog().copy_into(ours, theirs, None).await.unwrap_err();
    assert_eq!(stolen.code(), "not_found", "nor out of one");

    // The same command twice is one copy.
    let id = uuid::Uuid::from_u128(321);
    for _ in 0..2 {
        let session = teacher.clone().with_command_id(id);
        let (source, target) = (CopySource::Assignment(essay.id), CopyTarget::Lesson(room.lessons[1]));
        let made = session.catalog().copy_into(source, target, None).await.unwrap();
        assert!(!teacher.catalog().assignment(AssignmentId::from_uuid(made)).await.unwrap().is_published);
    }
    let structure = teacher.catalog().structure(room.course).await.unwrap();
    assert_eq!(structure.assignments.iter().filter(|a| a.copied_from == Some(essay.id)).count(), 2);
}

/// A course that is copied moves its dates in local time, or loses them.
/// rules: O6, S4
pub async fn o6_a_course_is_copied_with_its_dates(h: &Harness) {
    let room = h.classroom(1, 1).await;
    let teacher = room.teacher();
    let course = room.course().await.unwrap();
    let update = crate::lms::UpdateCourse {
        version: course.version,
        time_zone: Some("Europe/Berlin".into()),
        ..crate::lms::UpdateCourse::default()
    };
    teacher.catalog().update_course(room.course, update).await.unwrap();
    let at = |text: &str| instant(text, Some("Europe/Berlin")).unwrap();
    let rules = AssignmentRules {
        due_date: Some(at("2026-03-23")),
        cutoff_date: Some(at("2026-03-24")),
        due_zone: Some("Europe/Berlin".into()),
        ..AssignmentRules::default()
    };
    let new = NewAssignment { rules, is_published: true, ..NewAssignment::new("Essay", Points::whole(10).unwrap()) };
    let essay = teacher.catalog().add_assignment(room.lessons[0], new).await.unwrap();
    let opens = QuizRules { opens_at: Some(at("2026-03-20T09:00")), ..QuizRules::default() };
    let quiz = room.add_quiz(room.lessons[0], 2, opens).await.unwrap();
    teacher.catalog().add_topic(room.lessons[0], NewTopic::text("More", "More to read.")).await.unwrap();

    let admin = h.lms.as_user(room.admin);
    let template = admin.certificates().save_template(None, "Gold", TemplateDocument::default()).await.unwrap().id;
    let version = room.course().await.unwrap().version;
    let update = UpdateCourse { version, certificate_template_id: Some(Some(template)), ..UpdateCourse::default() };
    teacher.catalog().update_course(room.course, update).await.unwrap();

    let options = ImportOptions { title: Some("Next year".into()), ..ImportOptions::default() };
    let moved = teacher.catalog().copy_course(room.course, CopyDates::ShiftDays(14), options).await.unwrap();
    assert_eq!((moved.title.as_str(), moved.is_published, moved.copied_from), ("Next year", false, Some(room.course)));
    assert_eq!(moved.certificate_template_id, Some(template), "its certificates look the same");
    let structure = teacher.catalog().structure(moved.id).await.unwrap();
    assert_eq!(structure.course, moved);
    let copied = &structure.assignments[0];
    // Summer time begins on 29 March: the end of the day stays the end of the day, nine o'clock nine o'clock.
    assert_eq!(copied.due_date, Some(at("2026-04-06")));
    assert_eq!(copied.cutoff_date, Some(at("2026-04-07")));
    assert_eq!(structure.quizzes[0].opens_at, Some(at("2026-04-03T09:00")));
    assert_eq!((copied.copied_from, structure.quizzes[0].copied_from), (Some(essay.id), Some(quiz.id)));
    assert_eq!(structure.lessons[0].copied_from, Some(room.lessons[0]));
    let topics = teacher.catalog().topics(structure.lessons[0].id).await.unwrap();
    assert_eq!((topics.len(), topics[0].copied_from), (2, Some(room.topics[0])));
    let questions = teacher.catalog().questions(structure.quizzes[0].id).await.unwrap();
    let sources = teacher.catalog().questions(quiz.id).await.unwrap();
    assert_eq!(
        questions.iter().map(|q| q.copied_from).collect::<Vec<_>>(),
        sources.iter().map(|q| Some(q.id)).collect::<Vec<_>>()
    );
    assert!(h.lms.system().activity().audit(moved.id).await.unwrap().is_empty());

    admin.certificates().archive_template(template, true).await.unwrap();
    let bare = teacher.catalog().copy_course(room.course, CopyDates::Clear, ImportOptions::default()).await.unwrap();
    let structure = teacher.catalog().structure(bare.id).await.unwrap();
    assert_eq!((structure.assignments[0].due_date, structure.quizzes[0].opens_at), (None, None));
    assert_eq!(structure.course.certificate_template_id, None, "what is archived is taken by no new course");
    let far =
        teacher.catalog().copy_course(room.course, CopyDates::ShiftDays(i64::MAX), ImportOptions::default()).await;
    assert_eq!(far.unwrap_err().code(), "invalid");
    assert_eq!(denied(&room).await, "not_found");
}

/// Clocks change at other times in New York than in Berlin: each date keeps the local time that it is meant in.
/// rules: O6, S4
pub async fn o6_a_date_moves_in_its_own_zone(h: &Harness) {
    let room = h.classroom(1, 0).await;
    let teacher = room.teacher();
    let version = room.course().await.unwrap().version;
    let berlin = Some("Europe/Berlin".to_owned());
    let update = crate::lms::UpdateCourse { version, time_zone: berlin, ..crate::lms::UpdateCourse::default() };
    teacher.catalog().update_course(room.course, update).await.unwrap();
    // New York changes its clocks on 8 March 2026, Berlin on the 29th.
    let in_york = |text: &str| instant(text, Some("America/New_York")).unwrap();
    let in_berlin = |text: &str| instant(text, Some("Europe/Berlin")).unwrap();
    for (title, zone, at) in [
        ("There", Some("America/New_York".to_owned()), in_york("2026-03-05T18:00")),
        ("Here", None, in_berlin("2026-03-05T18:00")),
    ] {
        let rules = AssignmentRules {
            due_date: Some(at),
            cutoff_date: Some(at),
            available_from: Some(at),
            due_zone: zone,
            ..AssignmentRules::default()
        };
        let new = NewAssignment { rules, ..NewAssignment::new(title, Points::whole(10).unwrap()) };
        teacher.catalog().add_assignment(room.lessons[0], new).await.unwrap();
    }
    for (days, there, here) in [
        (7, in_york("2026-03-12T18:00"), in_berlin("2026-03-12T18:00")),
        (28, in_york("2026-04-02T18:00"), in_berlin("2026-04-02T18:00")),
    ] {
        let options = ImportOptions::default();
        let moved = teacher.catalog().copy_course(room.course, CopyDates::ShiftDays(days), options).await.unwrap();
        let copied = teacher.catalog().structure(moved.id).await.unwrap().assignments;
        for (assignment, at) in copied.iter().zip([there, here]) {
            let dates = [assignment.due_date, assignment.cutoff_date, assignment.available_from];
            assert_eq!(dates, [Some(at); 3], "{} after {days} days", assignment.title);
        }
    }
}

async fn denied(room: &Classroom) -> &'static str {
    let copy = room.student(0).catalog().copy_course(room.course, CopyDates::Clear, ImportOptions::default()).await;
    copy.unwrap_err().code()
}
