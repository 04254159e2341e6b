//! Proposals: shown, cut down, made anew in part, loaded again, applied once or dropped.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "these are tests")]

#[path = "support/postgres.rs"]
mod postgres;
mod support;

use lms_ai::provider::{Reply, Scripted};
use lms_ai::task::{AssignmentTask, OutlineTask, QuizTask};
use lms_ai::{About, AiError, AssignmentBrief, Job, QuizBrief, Selection, Stage};
use lms_core::ai::{ModelProfile, Price};
use lms_core::lms::{AssignmentRules, NewUser, QuizRules};
use lms_core::model::AiLogStatus::{Applied, Dropped, Valid};
use lms_core::model::{AiGrading, Points, Role};
use serde_json::{Value, json};
use support::*;
use uuid::Uuid;

const OPERATION: Uuid = Uuid::from_u128(77);
const REDO: Uuid = Uuid::from_u128(78);

fn about(operation: Uuid) -> About {
    About { operation_id: Some(operation), ..About::default() }
}

fn script(replies: impl IntoIterator<Item = Value>) -> Script {
    Script::new(replies.into_iter().fold(Scripted::new(), |script, reply| script.then(Reply::json(&reply))))
}

fn idle() -> Script {
    Script::new(Scripted::new())
}

fn codes(error: AiError) -> Vec<&'static str> {
    let AiError::Invalid { violations } = error else { panic!("{error}") };
    violations.iter().map(|v| v.code).collect()
}

/// Without a lesson go its topics and the objective that only it served; another process applies it, once.
// rules: I1, I2, I3
async fn an_outline_is_cut_down_and_applied_by_another_process<S: Stamped>() {
    let world = World::<S>::fresh().await;
    let teacher = world.teacher();
    let proposed = world.ai(script([outline()])).propose_course(&teacher, &brief(), about(OPERATION)).await.unwrap();
    assert_eq!((proposed.status(), proposed.value().lessons.len()), (Valid, 3));
    drop(proposed);

    let later = world.ai(idle());
    let loaded = later.proposal::<OutlineTask>(&teacher, OPERATION).await.unwrap();
    assert_eq!((loaded.calls(), loaded.input().brief.topic.as_str()), (0, "Plants"));
    let less = Selection::without(["/lessons/1", "/lessons/0/topics/1"]);
    let written = later.apply_course(&teacher, OPERATION, &less).await.unwrap();
    let structure = teacher.catalog().structure(written.course_id).await.unwrap();
    let titles: Vec<&str> = structure.lessons.iter().map(|l| l.title.as_str()).collect();
    assert_eq!(titles, ["Light", "Soil"]);
    assert_eq!(structure.objectives.iter().map(|o| o.key.as_str()).collect::<Vec<_>>(), ["light", "soil"]);
    assert_eq!(written.lessons.iter().map(|(_, topics)| topics.len()).collect::<Vec<_>>(), [1, 2]);
    assert_eq!(world.statuses(OPERATION).await, [Applied]);
    // Again, and with another selection: what stands.
    for selection in [less, Selection::all()] {
        assert_eq!(later.apply_course(&teacher, OPERATION, &selection).await.unwrap(), written);
    }
    let stands = later.propose_course(&teacher, &brief(), about(OPERATION)).await.unwrap();
    assert_eq!((stands.status(), stands.calls()), (Applied, 0));
}
both!(an_outline_is_cut_down_and_applied_by_another_process);

/// What is left passes the checks again, counted by what is left; what is refused changes nothing.
// rules: I1
async fn what_is_left_must_stand_on_its_own<S: Stamped>() {
    let world = World::<S>::fresh().await;
    let teacher = world.teacher();
    let ai = world.ai(script([outline()]));
    ai.propose_course(&teacher, &brief(), about(OPERATION)).await.unwrap();
    let before = world.tables().await;
    let all = Selection::without(["/lessons/0", "/lessons/1", "/lessons/2"]);
    assert!(codes(ai.apply_course(&teacher, OPERATION, &all).await.unwrap_err()).contains(&"lesson_count"));
    let empty = Selection::without(["/lessons/0/topics/0", "/lessons/0/topics/1"]);
    assert_eq!(codes(ai.apply_course(&teacher, OPERATION, &empty).await.unwrap_err()), ["lesson_empty"]);
    for pointer in ["/lessons/3", "/title", "/lessons/0/title", "lessons/0", "/lessons/-", "/lessons/00"] {
        let error = ai.apply_course(&teacher, OPERATION, &Selection::without([pointer])).await.unwrap_err();
        assert_eq!(error.code(), "ai.no_such_item", "{pointer}");
    }
    let redo = Selection::all().with_redone("/lessons/0", REDO);
    assert_eq!(ai.apply_course(&teacher, OPERATION, &redo).await.unwrap_err().code(), "ai.no_such_item");
    assert_eq!(differences(&before, &world.tables().await), []);
    assert_eq!(world.statuses(OPERATION).await, [Valid], "it still waits");
    // An objective goes from the lessons that name it.
    let written = ai.apply_course(&teacher, OPERATION, &Selection::without(["/objectives/0"])).await.unwrap();
    let structure = teacher.catalog().structure(written.course_id).await.unwrap();
    assert_eq!((structure.lessons.len(), structure.objectives.len()), (3, 2));
}
both!(what_is_left_must_stand_on_its_own);

/// Who asked may load it, and the course's instructors; to others there is no such proposal.
// rules: R1
async fn a_proposal_is_for_whom_it_concerns<S: Stamped>() {
    let world = World::<S>::fresh().await;
    let ai = world.ai(script([quiz()]));
    ai.propose_quiz(&world.teacher(), world.lesson, &quiz_brief(), about(OPERATION)).await.unwrap();
    let other = NewUser::new(Role::Instructor, "Somebody Else");
    let other = world.lms.system().people().ensure_user(other).await.unwrap().id;
    for session in [world.room.student(0), world.lms.as_user(other)] {
        let load = ai.proposal::<QuizTask>(&session, OPERATION).await.unwrap_err();
        let apply = ai.apply_quiz(&session, OPERATION, &Selection::all(), QuizRules::default()).await.unwrap_err();
        let dropped = ai.drop_proposal(&session, OPERATION).await.unwrap_err();
        assert_eq!([load.code(), apply.code(), dropped.code()], ["ai.no_proposal"; 3]);
    }
    let admin = world.lms.as_user(world.room.admin);
    ai.proposal::<QuizTask>(&admin, OPERATION).await.unwrap();
    let wrong = ai.proposal::<AssignmentTask>(&admin, OPERATION).await.unwrap_err();
    assert_eq!(wrong.code(), "ai.no_proposal", "it is a quiz");
}
both!(a_proposal_is_for_whom_it_concerns);

/// A question is dropped, another made anew with a hint; every log row that the quiz comes from is applied.
// rules: I2, L4
async fn a_question_is_made_anew_and_another_dropped<S: Stamped>() {
    let world = World::<S>::fresh().await;
    let teacher = world.teacher();
    let mut three = quiz();
    let third = json!({
        "source_quote": "At night the plant spends a part of the sugar.",
        "question_type": "true_false",
        "text": "Is a part of the sugar spent in darkness?",
        "options": [{ "text": "Yes", "is_correct": true, "why": "" }, { "text": "No", "is_correct": false, "why": "" }],
        "explanation": "The text says so.",
        "objective_key": "light",
        "difficulty": "easy",
    });
    three["questions"].as_array_mut().unwrap().push(third);
    let anew = json!({ "question": with(with(quiz()["questions"][0].clone(), "/text", json!("What is the green matter of leaves called?")), "/difficulty", json!("hard")) });
    let same = json!({ "question": quiz()["questions"][1].clone() });
    let script = script([three, same, anew]);
    let ai = world.ai(script.clone());
    let brief = QuizBrief { count: 3, ..QuizBrief::default() };
    ai.propose_quiz(&teacher, world.lesson, &brief, about(OPERATION)).await.unwrap();
    let none = ai.redo_question(&teacher, OPERATION, 9, "", about(REDO)).await.unwrap_err();
    assert_eq!(none.code(), "ai.no_such_item");
    let long = ai.redo_question(&teacher, OPERATION, 0, &"x".repeat(1_001), about(REDO)).await.unwrap_err();
    assert_eq!(long.code(), "ai.input_too_large");
    let redo = ai.redo_question(&teacher, OPERATION, 0, "Ask for the name.", about(REDO)).await.unwrap();
    assert_eq!(redo.calls(), 2, "a question that the quiz has already is repaired");
    let request = &script.0.requests()[1];
    assert!(request.parts.iter().any(|part| part.text.contains("Ask for the name.")));
    let selection = Selection::without(["/questions/1"]).with_redone("/questions/0", REDO);
    let elsewhere = Selection::all().with_redone("/questions/2", REDO);
    let error = ai.apply_quiz(&teacher, OPERATION, &elsewhere, QuizRules::default()).await.unwrap_err();
    assert_eq!(error.code(), "ai.no_such_item", "it was made for another place");
    let before = world.tables().await;
    let made = ai.apply_quiz(&teacher, OPERATION, &selection, QuizRules::default()).await.unwrap();
    assert!(differences(&before, &world.tables().await).len() >= 3);
    let questions = teacher.catalog().questions(made.id).await.unwrap();
    let texts: Vec<&str> = questions.iter().map(|q| q.text.as_str()).collect();
    assert_eq!(texts, ["What is the green matter of leaves called?", "Is a part of the sugar spent in darkness?"]);
    assert_eq!(questions[0].ai_log_id, Some(redo.log_id()), "it says where it comes from");
    assert_eq!(questions[1].ai_log_id, made.ai_log_id);
    assert_eq!(made.ai_grading, AiGrading::Apply, "essays that a person adds are graded by AI (S11)");
    assert_eq!(world.statuses(OPERATION).await, [Applied]);
    assert_eq!(world.statuses(REDO).await.last(), Some(&Applied));
    assert_eq!(ai.apply_quiz(&teacher, OPERATION, &selection, QuizRules::default()).await.unwrap().id, made.id);
}
both!(a_question_is_made_anew_and_another_dropped);

// rules: S13
async fn an_assignment_without_a_criterion_is_worth_less_and_one_made_anew_is_worth_the_same<S: Stamped>() {
    let world = World::<S>::fresh().await;
    let teacher = world.teacher();
    let criterion = |points: i64| json!({ "criterion": { "key": "dark", "title": "In darkness", "description": "The work says what happens at night.", "max_points": points } });
    let ai = world.ai(script([assignment(), criterion(40), criterion(50)]));
    let brief = AssignmentBrief::default();
    ai.propose_assignment(&teacher, world.lesson, &brief, about(OPERATION)).await.unwrap();
    let redo = ai.redo_criterion(&teacher, OPERATION, 1, "Shorter.", about(REDO)).await.unwrap();
    assert_eq!(redo.calls(), 2, "its points stay");
    let selection = Selection::without(["/criteria/0"]).with_redone("/criteria/1", REDO);
    let made = ai.apply_assignment(&teacher, OPERATION, &selection, AssignmentRules::default()).await.unwrap();
    assert_eq!(made.max_grade, Points::whole(50).unwrap());
    let rubric = made.rubric().unwrap().unwrap();
    assert_eq!(rubric.criteria.iter().map(|c| c.id.as_str()).collect::<Vec<_>>(), ["dark"]);
    assert_eq!(world.statuses(REDO).await.last(), Some(&Applied));
}
both!(an_assignment_without_a_criterion_is_worth_less_and_one_made_anew_is_worth_the_same);

/// A dropped proposal is gone for good, and its operation asks anew.
// rules: I2, I3
async fn a_dropped_proposal_is_asked_for_anew<S: Stamped>() {
    let world = World::<S>::fresh().await;
    let teacher = world.teacher();
    let script = script([quiz(), quiz()]);
    let ai = world.ai(script.clone());
    ai.propose_quiz(&teacher, world.lesson, &quiz_brief(), about(OPERATION)).await.unwrap();
    assert!(ai.drop_proposal(&teacher, OPERATION).await.unwrap());
    assert!(!ai.drop_proposal(&teacher, OPERATION).await.unwrap());
    let error = ai.apply_quiz(&teacher, OPERATION, &Selection::all(), QuizRules::default()).await.unwrap_err();
    assert_eq!(error.code(), "operation.not_valid");
    ai.create_quiz(&teacher, world.lesson, &quiz_brief(), about(OPERATION)).await.unwrap();
    assert_eq!((script.calls(), world.statuses(OPERATION).await), (2, vec![Dropped, Applied]));
    let unknown = ai.drop_proposal(&teacher, Uuid::from_u128(1)).await.unwrap_err();
    assert_eq!(unknown.code(), "ai.no_proposal");
}
both!(a_dropped_proposal_is_asked_for_anew);

/// A text is made anew with a hint, and the one that stands stays until the new one is applied.
async fn a_text_is_made_anew_with_a_hint<S: Stamped>() {
    let world = World::<S>::fresh().await;
    let teacher = world.teacher();
    let script = script([body(), with(body(), "/minutes", json!(12))]);
    let ai = world.ai(script.clone());
    let first = ai.write_body(&teacher, world.topic, None, about(OPERATION)).await.unwrap();
    let redo = ai.redo_body(&teacher, world.topic, None, "More on roots.", about(REDO)).await.unwrap();
    assert_eq!(teacher.catalog().topic(world.topic).await.unwrap(), first);
    assert!(script.0.requests()[1].parts[0].text.contains("More on roots."));
    assert!(!script.0.requests()[0].parts[0].text.contains("\"hint\""));
    let kept = Selection::without(["/key_points/2"]);
    let after = ai.apply_body(&teacher, redo.operation_id(), &kept).await.unwrap();
    assert_eq!(after.ai_log_id, Some(redo.log_id()));
    assert!(!after.body.unwrap().contains("Sugar is the store of energy.\n"), "a key point was dropped");
}
both!(a_text_is_made_anew_with_a_hint);

/// An estimate says what would be reserved, and neither calls nor writes.
async fn an_estimate_calls_nobody<S: Stamped>() {
    let world = World::<S>::fresh().await;
    let teacher = world.teacher();
    let price = Price { input: 3_000_000, output: 15_000_000, ..Price::default() };
    let profile = ModelProfile { native_schema: true, thinking_by_default: false, max_output: 64_000, price };
    let script = Script::new(Scripted::new().with_profile(profile));
    let ai = world.ai(script.clone());
    let quiz = ai.estimate(&teacher, Job::Quiz(world.lesson, &quiz_brief())).await.unwrap();
    assert_eq!(quiz.output_tokens, 8_000);
    assert!(quiz.input_tokens > 300 && quiz.micro_usd == quiz.input_tokens * 3 + 120_000, "{quiz:?}");
    let blind = QuizBrief { check_blind: true, ..quiz_brief() };
    let blind = ai.estimate(&teacher, Job::Quiz(world.lesson, &blind)).await.unwrap();
    assert!(blind.output_tokens == 12_000 && blind.micro_usd > quiz.micro_usd);
    let brief = brief();
    let assignment = AssignmentBrief::default();
    let jobs = [
        Job::Course(&brief),
        Job::Body(world.topic, Some("A text to teach from.")),
        Job::Assignment(world.lesson, &assignment),
    ];
    for job in jobs {
        assert!(ai.estimate(&teacher, job).await.unwrap().micro_usd > 60_000, "{job:?}");
    }
    assert_eq!(ai.estimate(&teacher, Job::Bodies(world.room.course, Default::default())).await.unwrap().micro_usd, 0);
    assert_eq!(script.calls(), 0);
    assert!(world.logs().await.is_empty());
}
both!(an_estimate_calls_nobody);

/// The stages of a workflow, as a stream; a listener that is gone holds nothing up.
async fn stages_are_told_in_order<S: Stamped>() {
    let world = World::<S>::fresh().await;
    let teacher = world.teacher();
    let wrong = with(quiz(), "/questions/0/source_quote", json!("This sentence stands nowhere in the lesson."));
    let (ai, mut stages) = world.ai(script([wrong, quiz(), outline()])).watched();
    ai.create_quiz(&teacher, world.lesson, &quiz_brief(), about(OPERATION)).await.unwrap();
    let mut told = Vec::new();
    while told.last() != Some(&Stage::Done) {
        told.push(stages.next().await.unwrap());
    }
    let expected = [
        Stage::Asking { call: 1 },
        Stage::Checking,
        Stage::Repairing { n: 1 },
        Stage::Asking { call: 2 },
        Stage::Checking,
        Stage::Writing,
        Stage::Done,
    ];
    assert_eq!(told, expected);
    drop(stages);
    ai.create_course(&teacher, &brief(), About::default()).await.unwrap();
}
both!(stages_are_told_in_order);

fn answers(chosen: [Value; 2]) -> Value {
    let [first, second] = chosen;
    json!({ "answers": [
        { "number": 1, "chosen": first, "text": "" },
        { "number": 2, "chosen": second, "text": "" },
    ] })
}

/// A blind solver sees no key; what it answers otherwise is left out, and a quiz of which less than half is left
/// is refused.
async fn a_blind_check_leaves_out_what_it_answers_otherwise<S: Stamped>() {
    let world = World::<S>::fresh().await;
    let teacher = world.teacher();
    let brief = QuizBrief { check_blind: true, ..quiz_brief() };
    let agree = script([quiz(), answers([json!([1]), json!([1, 2])])]);
    let made = world.ai(agree.clone()).create_quiz(&teacher, world.lesson, &brief, about(OPERATION)).await.unwrap();
    assert_eq!(teacher.catalog().questions(made.id).await.unwrap().len(), 2);
    let request = &agree.0.requests()[1];
    assert_eq!(request.meta.kind, "quiz_check");
    let shown = serde_json::to_string(&request.parts).unwrap();
    assert!(!shown.contains("is_correct") && !shown.contains("source_quote") && !shown.contains("The text names it"));

    let doubt = script([quiz(), answers([json!([1]), json!([1])])]);
    let ai = world.ai(doubt);
    let proposal = ai.propose_quiz(&teacher, world.lesson, &brief, about(REDO)).await.unwrap();
    assert_eq!(proposal.doubts(), ["/questions/1"]);
    let later = world.ai(idle());
    let made = later.apply_quiz(&teacher, REDO, &Selection::all(), QuizRules::default()).await.unwrap();
    assert_eq!(teacher.catalog().questions(made.id).await.unwrap().len(), 1);
    let logs = world.logs().await;
    assert!(logs.iter().all(|row| row.status == Applied), "the check's row is flipped with the quiz");
    assert_eq!(logs.iter().filter(|row| row.kind == "quiz_check").count(), 2);

    let none = script([quiz(), answers([json!([2]), json!([3])])]);
    let before = world.tables().await;
    let refused = world.ai(none).create_quiz(&teacher, world.lesson, &brief, About::default()).await.unwrap_err();
    assert_eq!(codes(refused), ["too_few_left"]);
    assert_eq!(differences(&before, &world.tables().await), []);
    // A solver's answer that fits no question is repaired like any other.
    let odd = script([quiz(), answers([json!([9]), json!([1])]), answers([json!([1]), json!([1, 2])])]);
    world.ai(odd.clone()).create_quiz(&teacher, world.lesson, &brief, About::default()).await.unwrap();
    assert_eq!(odd.calls(), 3);
}
both!(a_blind_check_leaves_out_what_it_answers_otherwise);

/// The solver fails: the quiz waits, and nobody writes it without the check that was asked for.
async fn a_blind_check_that_failed_is_made_up_for_before_the_quiz_is_written<S: Stamped>() {
    let world = World::<S>::fresh().await;
    let teacher = world.teacher();
    let brief = QuizBrief { check_blind: true, ..quiz_brief() };
    let before = world.tables().await;
    let failed = world.ai(script([quiz()])).create_quiz(&teacher, world.lesson, &brief, about(OPERATION)).await;
    assert_eq!(failed.unwrap_err().code(), "ai.provider");
    assert_eq!(world.statuses(OPERATION).await, [Valid]);
    let apply = async |script: Script| {
        world.clock.advance(60);
        world.ai(script).apply_quiz(&teacher, OPERATION, &Selection::all(), QuizRules::default()).await
    };
    assert_eq!(apply(idle()).await.unwrap_err().code(), "ai.provider");
    assert_eq!(differences(&before, &world.tables().await), []);
    let solver = script([answers([json!([1]), json!([1])])]);
    let made = apply(solver.clone()).await.unwrap();
    assert_eq!((solver.calls(), teacher.catalog().questions(made.id).await.unwrap().len()), (1, 1));
    let check = world.logs().await.into_iter().find(|row| row.kind == "quiz_check" && row.status == Applied).unwrap();
    assert_eq!((check.course_id, check.subject_id), (Some(world.room.course), Some(world.lesson.uuid())));
    // What stands is found again without a call.
    assert_eq!(apply(idle()).await.unwrap().id, made.id);
}
both!(a_blind_check_that_failed_is_made_up_for_before_the_quiz_is_written);

/// Of a lesson that is too long for one call a part is left out: what comes of it waits for a person, and the log
/// says why.
async fn what_comes_of_a_lesson_that_was_cut_waits_for_a_person<S: Stamped>() {
    let world = World::<S>::fresh().await;
    let teacher = world.teacher();
    let version = teacher.catalog().topic(world.topic).await.unwrap().version;
    let long = format!("{LESSON}\n\n{}", "The plant grows a little every day, and so it goes on.\n\n".repeat(2_500));
    let update = lms_core::lms::UpdateTopic { version, body: Some(Some(long)), ..Default::default() };
    teacher.catalog().update_topic(world.topic, update).await.unwrap();
    let operation = Uuid::from_u128(70);
    let script = Script::new(Scripted::new().then(Reply::json(&quiz())));
    let error = world.run(&world.ai(script), What::Quiz, operation).await.unwrap_err();
    let lms_ai::AiError::NeedsReview { reasons, .. } = error else { panic!("{error}") };
    assert_eq!(reasons, ["input_truncated"]);
    let notes: Vec<String> = world.operation(operation).await[0].notes.read().unwrap();
    assert_eq!(notes, ["input_truncated"]);
    let proposal = world.ai(Script::new(Scripted::new()));
    let proposal = proposal.proposal::<lms_ai::task::QuizTask>(&teacher, operation).await.unwrap();
    assert_eq!(proposal.review_reasons().len(), 1, "also when it is loaded again");
}
both!(what_comes_of_a_lesson_that_was_cut_waits_for_a_person);
