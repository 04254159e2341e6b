//! Fields that models do not take, as they have said themselves.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::Failure;

/// Which optional fields each model has refused. They are left out from then on, for as long as the
/// provider lives.
#[derive(Debug, Default)]
pub(in crate::provider) struct Omitted(Mutex<BTreeMap<String, BTreeSet<&'static str>>>);

impl Omitted {
    /// The fields to leave out of a request to a model.
    pub(in crate::provider) fn of(&self, model: &str) -> BTreeSet<&'static str> {
        self.models().get(model).cloned().unwrap_or_default()
    }

    /// Takes note where a refusal names a field of `sent`, which can be left out: then another attempt, without it, is
    /// worth it. It no longer sends the field; another call that was under way has its own.
    pub(in crate::provider) fn learn(&self, model: &str, failure: Failure, sent: &[&'static str]) -> Failure {
        let named = failure.param().and_then(|param| {
            let parts: Vec<&str> = param.split(['.', '[', ']', '/']).collect();
            sent.iter().find(|field| parts.contains(field))
        });
        match named {
            Some(&field) => {
                self.models().entry(model.to_owned()).or_default().insert(field);
                failure.again()
            }
            None => failure,
        }
    }

    fn models(&self) -> MutexGuard<'_, BTreeMap<String, BTreeSet<&'static str>>> {
        // The map is whole between any two statements.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
