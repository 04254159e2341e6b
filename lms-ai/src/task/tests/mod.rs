//! Each code of each task is triggered by one change to a good answer.

mod authoring;
mod codes;
mod grading;
mod others;
mod outline;
mod quiz;
mod schema;

use crate::task_trait::{AiTask, Violation};

fn codes(found: &[Violation]) -> Vec<&str> {
    found.iter().map(|v| v.code).collect()
}

/// A code, and the change that must give it.
type Change<O> = (&'static str, fn(&mut O));

/// Asserts that the good answer has no fault and that each change gives its code.
fn each_change_gives_its_code<T: AiTask>(input: &T::In, good: &T::Out, changes: &[Change<T::Out>])
where
    T::Out: Clone,
{
    let found = T::check(input, good);
    assert!(found.is_empty(), "the good answer has faults: {found:?}");
    for (code, change) in changes {
        let mut bad = good.clone();
        change(&mut bad);
        let found = T::check(input, &bad);
        assert!(codes(&found).contains(code), "no `{code}` in {found:?}");
        assert!(found.iter().all(|v| v.pointer.starts_with('/') && !v.message.is_empty()));
    }
}

fn nonce(text: &str) -> crate::task_trait::Nonce {
    crate::task_trait::Nonce(text.to_owned())
}
