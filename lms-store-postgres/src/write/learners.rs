//! What many learners do at once, as one call of one function: a transaction and a flush for all of them.

use std::collections::{BTreeMap, BTreeSet};

use lms_core::model::table::Record as _;
use lms_core::store::{Table, WriteBatch};

use super::learner::{Parts, parts};
use super::{Call, lock_key};
use crate::literal::{Rows, plain};
use crate::sql::Names;

/// What became of one batch of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It is applied.
    Done,
    /// An expectation did not hold; nothing of it is written.
    Stale(usize),
    /// Its rows were held by others; nothing of it is written, and nothing waited.
    Alone,
}

/// Whether a batch may be one of many: what a learner does outside of an attempt, whose state is compared on its own.
pub(crate) fn joins(batch: &WriteBatch) -> bool {
    parts(batch).is_some_and(|parts| parts.attempt.is_none())
}

/// Those of a course's learners that go together: no enrollment twice.
pub(crate) fn split<T>(works: Vec<T>, batch: impl Fn(&T) -> &WriteBatch) -> (Vec<T>, Vec<T>) {
    let mut seen = BTreeSet::new();
    works.into_iter().partition(|work| parts(batch(work)).is_some_and(|parts| seen.insert(parts.enrollment.id)))
}

/// The batches as one call. Each must be one that [`joins`]; others are left out.
pub(crate) fn call<'a>(batches: impl Iterator<Item = &'a WriteBatch>, names: &Names) -> Call {
    let batches: Vec<(Parts<'_>, &WriteBatch)> = batches.filter_map(|b| Some((parts(b)?, b))).collect();
    let locks: BTreeSet<i32> = batches.iter().map(|(parts, _)| lock_key(parts.course)).collect();
    let mut enrollments = Rows::default();
    let mut rows: BTreeMap<Table, (Vec<usize>, Rows)> = BTreeMap::new();
    let (mut events_of, mut events) = (Vec::new(), Rows::default());
    for (n, (parts, batch)) in (1..).zip(&batches) {
        enrollments.push(&parts.enrollment.values());
        for row in &parts.rows {
            let (of, list) = rows.entry(row.table()).or_default();
            of.push(n);
            list.push(&row.values());
        }
        for event in &batch.events {
            events_of.push(n);
            events.push(&event.values());
        }
    }
    let each = |value: &dyn Fn(&Parts<'_>) -> String| plain(batches.iter().map(|(parts, _)| value(parts)));
    let mut sql = String::from(
        "SELECT {priv}.learners_v1($1::integer[], $2::integer[], $3::uuid[], $4::bigint[], $5::bigint[], \
         $6::uuid[], $7::{priv}.enrollments_v1[]",
    );
    let mut params = vec![
        plain(&locks),
        each(&|parts| lock_key(parts.course).to_string()),
        each(&|parts| parts.course.to_string()),
        each(&|parts| parts.structure.to_string()),
        each(&|parts| parts.version.to_string()),
        each(&|parts| parts.enrollment.id.to_string()),
        enrollments.finish_or_empty(),
    ];
    let lists = rows.into_iter().map(|(table, (of, list))| (table.name(), of, list));
    for (name, of, list) in lists.chain((!events_of.is_empty()).then_some(("events", events_of, events))) {
        params.push(plain(of));
        params.push(list.finish_or_empty());
        let n = params.len();
        sql.push_str(&format!(", p_{name}_of => ${}::integer[], p_{name} => ${n}::{{priv}}.{name}_v1[]", n - 1));
    }
    sql.push(')');
    Call { sql: names.expand(&sql), params, host: false }
}

/// The function's answer: nothing where all are applied, else a word for each.
pub(crate) fn outcomes(answer: &str, n: usize) -> Option<Vec<Outcome>> {
    if answer.is_empty() {
        return Some(vec![Outcome::Done; n]);
    }
    let word = |word: &str| match word {
        "done" => Some(Outcome::Done),
        "busy" => Some(Outcome::Alone),
        _ => word.strip_prefix("conflict:")?.parse().ok().map(Outcome::Stale),
    };
    answer.split(',').map(word).collect::<Option<Vec<_>>>().filter(|all| all.len() == n)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_has_a_word_for_each() {
        assert_eq!(outcomes("", 2), Some(vec![Outcome::Done; 2]));
        let mixed = vec![Outcome::Done, Outcome::Stale(1), Outcome::Alone];
        assert_eq!(outcomes("done,conflict:1,busy", 3), Some(mixed));
        assert_eq!(outcomes("done,done", 3), None);
        assert_eq!(outcomes("odd", 1), None);
    }
}
