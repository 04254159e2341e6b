//! What learners do at once: one statement loads for many, and one writes for many.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::Arc;

use lms_core::model::UserId;
use lms_core::store::{LearnerContext, LearnerScope, StoreError, StoreErrorKind, WriteBatch};
use tokio::sync::oneshot;
use uuid::Uuid;

use crate::error::of_write;
use crate::literal;
use crate::reads::learner::{self, Place};
use crate::together::{self, Shared};
use crate::write::learners::{self, Outcome};
use crate::{PgStore, write};

/// What comes of work that was left to be done with others'; `None` where the caller has to do it alone.
type Answer<T> = Pin<Box<dyn Future<Output = Option<T>> + Send>>;

/// A batch that waits to be written with others.
pub(crate) struct Write {
    store: PgStore,
    batch: Arc<WriteBatch>,
    /// `None` where the caller has to send it alone.
    answer: oneshot::Sender<Option<Result<(), StoreError>>>,
}

impl Write {
    /// A place to write alone, or the answer of a call of many.
    pub(crate) fn of(
        store: &PgStore,
        batch: &Arc<WriteBatch>,
    ) -> Result<together::Place<Self>, Answer<Result<(), StoreError>>> {
        let (answer, said) = oneshot::channel();
        let work = || Self { store: store.clone(), batch: batch.clone(), answer };
        let lost = || Some(Err(StoreError::with_source(StoreErrorKind::Unconfirmed, "the write went down")));
        if let Some(place) = store.inner.writes.enter(work) {
            return Ok(place);
        }
        let together = store.inner.writes.clone();
        Err(Box::pin(async move { together.answer(said).await.unwrap_or_else(lost) }))
    }

    fn says(self, answer: Option<Result<(), StoreError>>) {
        // A caller who has gone away is owed nothing.
        let _ = self.answer.send(answer);
    }
}

impl Shared for Write {
    async fn all(mut works: Vec<Self>) {
        // For a caller who has gone nothing is begun.
        works.retain(|work| !work.answer.is_closed());
        let (works, again) = learners::split(works, |work| &work.batch);
        again.into_iter().for_each(|work| work.says(None));
        let Some(store) = works.first().map(|work| work.store.clone()) else { return };
        let call = learners::call(works.iter().map(|work| &*work.batch), &store.inner.names);
        let (answer, lost) = match store.send(&call).await {
            Ok(Ok(answer)) => (learners::outcomes(&answer, works.len()), None),
            // Where the transaction is undone, each finds out by itself whose fault it is. Where its outcome is
            // unknown, it is so for each.
            Ok(Err(e)) => (None, Some(of_write(e)).filter(|e| *e.kind() == StoreErrorKind::Unconfirmed)),
            Err(_) => (None, None),
        };
        if let Some(outcomes) = answer {
            let is_new =
                |(work, outcome): (&Self, &Outcome)| *outcome == Outcome::Done && !work.batch.events.is_empty();
            if works.iter().zip(&outcomes).any(is_new) {
                store.inner.hints.committed();
            }
            for (work, outcome) in works.into_iter().zip(outcomes) {
                work.says(match outcome {
                    Outcome::Done => Some(Ok(())),
                    Outcome::Stale(expect) => Some(Err(write::stale(Some(expect)))),
                    Outcome::Alone => None,
                });
            }
            return;
        }
        let why = lost.map(|e| (e.kind().clone(), e.to_string()));
        for work in works {
            work.says(why.clone().map(|(kind, why)| Err(StoreError::with_source(kind, why))));
        }
    }
}

/// A load that waits to be made with others.
pub(crate) struct Load {
    store: PgStore,
    actor: Option<UserId>,
    scope: LearnerScope,
    /// `None` where the caller has to load alone.
    answer: oneshot::Sender<Option<Loaded>>,
}

type Loaded = Result<Option<LearnerContext>, StoreError>;

impl Load {
    /// A place to load alone, or the answer of a load of many.
    pub(crate) fn of(
        store: &PgStore,
        actor: Option<UserId>,
        scope: LearnerScope,
    ) -> Result<together::Place<Self>, Answer<Loaded>> {
        let (answer, said) = oneshot::channel();
        let work = || Self { store: store.clone(), actor, scope, answer };
        if let Some(place) = store.inner.loads.enter(work) {
            return Ok(place);
        }
        let together = store.inner.loads.clone();
        Err(Box::pin(async move { together.answer(said).await.flatten() }))
    }
}

impl Shared for Load {
    async fn all(works: Vec<Self>) {
        let mut places: BTreeMap<Place, Vec<Self>> = BTreeMap::new();
        for work in works.into_iter().filter(|work| !work.answer.is_closed()) {
            places.entry(learner::place(work.scope).0).or_default().push(work);
        }
        for (place, works) in places {
            load(place, works).await;
        }
    }
}

/// Loads for many who work at the same kind of place.
async fn load(place: Place, works: Vec<Load>) {
    let Some(store) = works.first().map(|work| work.store.clone()) else { return };
    let each = |value: &dyn Fn(&Load) -> Option<Uuid>| {
        let word = |id: Option<Uuid>| id.map_or_else(|| "NULL".to_owned(), |id| id.to_string());
        Some(literal::plain(works.iter().map(|work| word(value(work)))))
    };
    let params = vec![
        each(&|work| work.actor.map(Into::into)),
        each(&|work| Some(learner::place(work.scope).1)),
        each(&|work| learner::place(work.scope).2.map(Into::into)),
    ];
    let found = store.records(store.inner.statements.learners(place), params, |f| learner::read(place, f)).await;
    // A failure is for each to meet: a load may be sent again.
    let mut found = found.ok().map(|found| found.into_iter().collect::<BTreeMap<_, _>>());
    for (n, work) in (1..).zip(works) {
        let answer = found.as_mut().map(|found| found.remove(&n).transpose());
        let _ = work.answer.send(answer);
    }
}
