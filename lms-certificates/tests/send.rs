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

/// The public async methods of the sources.
fn methods(folder: &Path, found: &mut Vec<String>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            methods(&path, found);
            continue;
        }
        let source = std::fs::read_to_string(&path).unwrap();
        let public = source.lines().filter_map(|line| line.trim_start().strip_prefix("pub async fn "));
        found.extend(public.map(|rest| rest.split(['(', '<']).next().unwrap().to_owned()));
    }
}

#[test]
fn no_public_future_is_missing_above() {
    let _: fn(&Renderer) = renderer;
    let named: String = include_str!("send.rs").split_whitespace().collect();
    let mut found = Vec::new();
    methods(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut found);
    assert!(!found.is_empty());
    for method in &found {
        assert!(named.contains(&format!("send(renderer.{method}(")), "{method} is not held to be Send");
    }
}
