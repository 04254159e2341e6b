//! Every public future is Send, so that a host may spawn it on any runtime. The proof is that this file compiles.
#![allow(clippy::unwrap_used, clippy::panic, reason = "these are tests")]

use std::path::Path;

use lms_certificates::Renderer;
use lms_core::lms::Consumer;

/// A value of any type, for code that is compiled and never run.
fn any<T>() -> T {
    panic!("this is compiled, not run")
}

fn send<F: Future + Send>(_: F) {}

fn shared<T: Clone + Send + Sync + 'static>() {}

fn renderer(renderer: &Renderer) {
    shared::<Renderer>();
    send(renderer.render_one(any(), any()));
    send(renderer.step(any(), any()));
}

#[test]
fn no_public_future_is_missing_above() {
    let _: fn(&Renderer) = renderer;
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let unheld = lms_core::testing::unheld_futures(&sources, include_str!("send.rs")).unwrap();
    assert!(unheld.is_empty(), "not held to be Send: {unheld:?}");
}
