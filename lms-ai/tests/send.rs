//! Every public future is Send, so that a host may spawn it on any runtime. The proof is that this file compiles.
#![allow(clippy::unwrap_used, clippy::panic, reason = "these are tests")]

use std::path::Path;

use lms_ai::task::Proposable;
use lms_ai::{Ai, AiTask, Stages};

/// A value of any type, for code that is compiled and never run.
fn any<T>() -> T {
    panic!("this is compiled, not run")
}

fn send<F: Future + Send>(_: F) {}

fn calls(ai: &Ai, mut stages: Stages) {
    fn shared<T: Clone + Send + Sync + 'static>() {}
    shared::<Ai>();
    send(ai.logged_prompt(any(), any()));
    send(ai.grade_answer(any(), any()));
    send(ai.propose_course(any(), any(), any()));
    send(ai.apply_course(any(), any(), any()));
    send(ai.create_course(any(), any(), any()));
    send(ai.propose_body(any(), any(), any(), any()));
    send(ai.apply_body(any(), any(), any()));
    send(ai.write_body(any(), any(), any(), any()));
    send(ai.redo_body(any(), any(), any(), any(), any()));
    send(ai.propose_quiz(any(), any(), any(), any()));
    send(ai.apply_quiz(any(), any(), any(), any()));
    send(ai.create_quiz(any(), any(), any(), any()));
    send(ai.propose_assignment(any(), any(), any(), any()));
    send(ai.apply_assignment(any(), any(), any(), any()));
    send(ai.create_assignment(any(), any(), any(), any()));
    send(ai.write_bodies(any(), any(), any(), |_, _| None));
    send(ai.write_bodies_into(any(), any(), any(), any(), |_, _| None));
    send(ai.bodies_standing(any(), any(), any()));
    send(ai.propose_certificate(any(), any(), any(), any()));
    send(ai.apply_certificate(any(), any(), any()));
    send(ai.estimate(any(), any()));
    send(ai.ai_user());
    send(ai.grade_submission(any()));
    send(ai.drop_proposal(any(), any()));
    send(ai.redo_question(any(), any(), any(), any(), any()));
    send(ai.redo_criterion(any(), any(), any(), any(), any()));
    send(stages.next());
}

fn any_task<T: AiTask>(ai: &Ai, input: &T::In) {
    send(ai.run::<T>(any(), input, any()));
}

fn any_content<T: Proposable>(ai: &Ai) {
    send(ai.proposal::<T>(any(), any()));
}

#[test]
fn no_public_future_is_missing_above() {
    let _: fn(&Ai, Stages) = calls;
    let _ = (any_task::<lms_ai::task::CertificateTask>, any_content::<lms_ai::task::CertificateTask>);
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let unheld = lms_core::testing::unheld_futures(&sources, include_str!("send.rs")).unwrap();
    assert!(unheld.is_empty(), "not held to be Send: {unheld:?}");
}
