//! Objectives, and what is linked to them.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "conformance cases are tests")]

use super::Harness;
use crate::lms::{Linked, NewAssignment, NewCourse, NewQuestion, QuizRules};
use crate::model::Points;
use crate::model::question::QuestionBody;

/// An objective is edited and deleted; what it was linked to stays, unlinked.
/// rules: L6, L5, O3
pub async fn l6_deleting_an_objective_unlinks_it(h: &Harness) {
    let room = h.classroom(1, 1).await;
    let teacher = room.teacher();
    let catalog = teacher.catalog();
    let mut made = Vec::new();
    for key in ["explain", "apply", "judge"] {
        made.push(catalog.add_objective(room.course, key, "Be able to").await.unwrap());
    }
    catalog.link_objectives(room.lessons[0], vec!["explain".into(), "apply".into()]).await.unwrap();
    let quiz = room.add_quiz(room.lessons[0], 1, QuizRules::default()).await.unwrap();
    let question = catalog.questions(quiz.id).await.unwrap()[0].clone();
    let again = NewQuestion {
        objectives: vec!["explain".into()],
        ..NewQuestion::new(question.text.clone(), QuestionBody::TrueFalse { correct: true })
    };
    let version = catalog.quiz(quiz.id).await.unwrap().version;
    catalog.update_question(question.id, version, again).await.unwrap();
    let links = || async { h.store.objective_links(room.course).await.unwrap() };
    assert_eq!(links().await.iter().filter(|(o, _)| *o == made[0].id).count(), 2, "the lesson and the question");
    let edited =
        catalog.update_objective(room.course, made[0].id, made[0].version, "explain-it", "Explain it").await.unwrap();
    assert_eq!((edited.key.as_str(), edited.version), ("explain-it", 2));
    let stale = catalog.update_objective(room.course, made[0].id, 1, "x", "y").await.unwrap_err();
    assert_eq!(stale.code(), "version.stale");
    let taken = catalog.update_objective(room.course, made[0].id, 2, "judge", "y").await.unwrap_err();
    assert_eq!(taken.code(), "objective.key_taken");
    catalog.delete_objective(room.course, made[0].id).await.unwrap();
    assert_eq!(links().await, [(made[1].id, room.lessons[0].uuid())], "other links stand");
    assert_eq!(catalog.questions(quiz.id).await.unwrap().len(), 1, "the work stays");
    let left = catalog.structure(room.course).await.unwrap().objectives;
    assert_eq!(left.iter().map(|o| (o.id, o.order_index)).collect::<Vec<_>>(), [(made[1].id, 0), (made[2].id, 1)]);
    assert_eq!(catalog.delete_objective(room.course, made[0].id).await.unwrap_err().code(), "not_found");
    let other = catalog.create_course(NewCourse::titled("Other")).await.unwrap();
    let elsewhere = catalog.delete_objective(other.id, made[1].id).await.unwrap_err();
    assert_eq!(elsewhere.code(), "not_found", "an objective of another course");
}

/// A lesson, a question and an assignment are linked to exactly what is said: one link goes, the others stay.
/// rules: L6, L5, R1
pub async fn l6_links_are_set_one_by_one(h: &Harness) {
    let room = h.classroom(1, 1).await;
    let teacher = room.teacher();
    let catalog = teacher.catalog();
    for key in ["explain", "apply", "judge"] {
        catalog.add_objective(room.course, key, "Be able to").await.unwrap();
    }
    let quiz = room.add_quiz(room.lessons[0], 1, QuizRules::default()).await.unwrap();
    let question = catalog.questions(quiz.id).await.unwrap()[0].id;
    let new = NewAssignment::new("Essay", Points::from_units(100_000));
    let essay = catalog.add_assignment(room.lessons[0], new).await.unwrap().id;
    let keys = |keys: &[&str]| keys.iter().map(|key| (*key).to_owned()).collect::<Vec<_>>();
    for (of, id) in [
        (Linked::Lesson(room.lessons[0]), room.lessons[0].uuid()),
        (Linked::Question(question), question.uuid()),
        (Linked::Assignment(essay), essay.uuid()),
    ] {
        let linked = || async {
            let objectives = room.teacher().catalog().structure(room.course).await.unwrap().objectives;
            let links = h.store.objective_links(room.course).await.unwrap();
            let named = objectives.into_iter().filter(|o| links.contains(&(o.id, id)));
            named.map(|o| o.key).collect::<Vec<_>>()
        };
        catalog.set_objectives(of, keys(&["explain", "apply"])).await.unwrap();
        assert_eq!(linked().await, ["explain", "apply"]);
        let before = h.events().await.len();
        catalog.set_objectives(of, keys(&["apply", "explain", "apply"])).await.unwrap();
        assert_eq!(h.events().await.len(), before, "nothing changes");
        catalog.set_objectives(of, keys(&["apply", "judge"])).await.unwrap();
        assert_eq!(linked().await, ["apply", "judge"], "one goes, one comes, one stays");
        assert_eq!(h.events().await.len(), before + 1);
        assert_eq!(catalog.set_objectives(of, keys(&["guess"])).await.unwrap_err().code(), "invalid");
        let theirs = room.student(0).catalog().set_objectives(of, Vec::new()).await.unwrap_err();
        assert_eq!(theirs.code(), "not_found");
        assert_eq!(linked().await, ["apply", "judge"]);
        // A command that is repeated when others have written since does nothing (DETAILS 8).
        let command = uuid::Uuid::from_u128(id.as_u128() ^ 1);
        let once = || room.teacher().with_command_id(command);
        once().catalog().set_objectives(of, keys(&["explain"])).await.unwrap();
        catalog.set_objectives(of, Vec::new()).await.unwrap();
        once().catalog().set_objectives(of, keys(&["explain"])).await.unwrap();
        assert!(linked().await.is_empty());
        // Two at once: what one of them said stands, and not what both did.
        let (one, two) = (room.teacher(), room.teacher());
        let (one, two) = (one.catalog(), two.catalog());
        let (one, two) =
            tokio::join!(one.set_objectives(of, keys(&["explain"])), two.set_objectives(of, keys(&["judge"])),);
        one.unwrap();
        two.unwrap();
        assert_eq!(linked().await.len(), 1);
        catalog.set_objectives(of, Vec::new()).await.unwrap();
    }
    let now = catalog.quiz(quiz.id).await.unwrap().version;
    // Two that change something, one of the command, its undoing, two at once, and the last.
    assert_eq!(now, quiz.version + 7, "an edit of a question is one of its quiz");
}
