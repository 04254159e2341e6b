//! Edits of content: what is named changes, what may be missing can be taken away, all else stays.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "conformance cases are tests")]

use super::Harness;
use crate::lms::{
    AssignmentRules, NewAssignment, NewLesson, NewTopic, QuizRules, UpdateAssignment, UpdateLesson, UpdateQuiz,
    UpdateTopic,
};
use crate::model::{AiGrading, BasisPoints, ContentType, PenaltyInterval, Points, Posting, Resubmission};

/// rules: L5, L7
pub async fn l5_an_edit_takes_away_what_may_be_missing(h: &Harness) {
    let room = h.classroom(1, 0).await;
    let teacher = room.teacher();
    let catalog = teacher.catalog();
    let timed = NewLesson { estimated_minutes: Some(20), ..NewLesson::titled("Timed") };
    let lesson = catalog.add_lesson(room.course, timed).await.unwrap();
    let away = UpdateLesson { version: lesson.version, estimated_minutes: Some(None), ..Default::default() };
    assert_eq!(catalog.update_lesson(lesson.id, away).await.unwrap().estimated_minutes, None);
    assert_eq!(catalog.lesson(lesson.id).await.unwrap().estimated_minutes, None);

    let film = NewTopic::media("Film", ContentType::Video, "https://example.org/film.mp4");
    let film = NewTopic { body: Some("What is said in it.".into()), ..film };
    let film = catalog.add_topic(lesson.id, film).await.unwrap();
    let edit = |version, body, content_url| UpdateTopic { version, body, content_url, ..UpdateTopic::default() };
    let mute = catalog.update_topic(film.id, edit(film.version, Some(None), None)).await.unwrap();
    assert_eq!((mute.body, mute.content_url.is_some()), (None, true));
    let nowhere = catalog.update_topic(film.id, edit(mute.version, None, Some(None))).await.unwrap_err();
    assert_eq!(nowhere.code(), "invalid", "a film needs an address");
    let text = catalog.add_topic(lesson.id, NewTopic::text("Text", "Words.")).await.unwrap();
    let blank = catalog.update_topic(text.id, edit(text.version, Some(None), None)).await.unwrap_err();
    assert_eq!(blank.code(), "invalid", "a text needs its words");
    assert_eq!(catalog.topic(text.id).await.unwrap(), text);
}

/// rules: L5
pub async fn l5_rules_begin_with_those_that_stand(h: &Harness) {
    let room = h.classroom(1, 0).await;
    let teacher = room.teacher();
    let catalog = teacher.catalog();
    let at = h.lms.now().plus_seconds(3_600);
    let rules = QuizRules {
        is_required: false,
        max_attempts: Some(3),
        time_limit_seconds: Some(60),
        shuffle_options: true,
        ai_grading: Some(AiGrading::Suggest),
        ai_confidence_bp: BasisPoints::new(6_000),
        review_days: Some(5),
        closes_at: Some(at),
        ..QuizRules::default()
    };
    let quiz = room.add_quiz(room.lessons[0], 1, rules.clone()).await.unwrap();
    assert_eq!(QuizRules::from(&quiz), rules);
    let more = QuizRules { max_attempts: Some(4), ..QuizRules::from(&quiz) };
    let more = UpdateQuiz { version: quiz.version, rules: Some(more), ..UpdateQuiz::default() };
    let after = catalog.update_quiz(quiz.id, more).await.unwrap();
    assert_eq!(QuizRules::from(&after), QuizRules { max_attempts: Some(4), ..rules });

    let rules = AssignmentRules {
        is_required: true,
        due_date: Some(at),
        due_zone: Some("Europe/Berlin".into()),
        cutoff_date: Some(at.plus_seconds(60)),
        resubmission: Resubmission::UntilDue,
        max_versions: Some(2),
        penalty_bp: BasisPoints::percent(10),
        penalty_interval: Some(PenaltyInterval::Day),
        posting: Posting::Manual,
        ai_grading: Some(AiGrading::Off),
        ai_confidence_bp: BasisPoints::new(6_000),
        weight: 3,
        ..AssignmentRules::default()
    };
    let new = NewAssignment { rules: rules.clone(), ..NewAssignment::new("Essay", Points::whole(10).unwrap()) };
    let row = catalog.add_assignment(room.lessons[0], new).await.unwrap();
    assert_eq!(AssignmentRules::from(&row), rules);
    let heavier = AssignmentRules { weight: 5, ..AssignmentRules::from(&row) };
    let heavier = UpdateAssignment { version: row.version, rules: Some(heavier), ..UpdateAssignment::default() };
    let after = catalog.update_assignment(row.id, heavier).await.unwrap();
    assert_eq!(AssignmentRules::from(&after), AssignmentRules { weight: 5, ..rules });
}
