//! Many callers at once share statements.
//!
//! A caller or two go at once, each with a statement of its own: nothing is faster for them. More would only get in
//! each other's way on the server; they wait until one of these has ended, and go together: one statement, one
//! transaction, and one flush for all of them. The more there are, the larger the groups, and the less each costs.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;

/// How many statements are under way while others wait to share the next one.
const AT_ONCE: usize = 2;
/// How many share a statement.
const MOST: usize = 64;
/// Who takes longer does not keep others waiting: something else than work holds it up (a lock, the way there).
const SOON: Duration = Duration::from_millis(20);

/// What a caller leaves for the statement that many share.
pub(crate) trait Shared: Sized + Send + 'static {
    /// Does the work of all and answers each.
    fn all(works: Vec<Self>) -> impl Future<Output = ()> + Send;
}

/// The callers of one kind of statement.
pub(crate) struct Together<T: Shared>(Arc<Mutex<State<T>>>);

struct State<T> {
    under_way: usize,
    waiting: VecDeque<T>,
}

/// A statement that is under way. When it is dropped, the next one may begin.
pub(crate) struct Place<T: Shared>(Arc<Mutex<State<T>>>);

// Not derived: a work need not be one that can be cloned.
impl<T: Shared> Clone for Together<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<T: Shared> Default for Together<T> {
    fn default() -> Self {
        Self(Arc::new(Mutex::new(State { under_way: 0, waiting: VecDeque::new() })))
    }
}

fn lock<T>(state: &Mutex<State<T>>) -> MutexGuard<'_, State<T>> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<T: Shared> Together<T> {
    /// A place for a statement of one's own; `None` where the work is left to be done with others'.
    pub(crate) fn enter(&self, work: impl FnOnce() -> T) -> Option<Place<T>> {
        let mut state = lock(&self.0);
        if state.under_way < AT_ONCE {
            state.under_way += 1;
            return Some(Place(self.0.clone()));
        }
        state.waiting.push_back(work());
        None
    }

    /// What came of work that was left; `None` where the runtime ended, or the work went down.
    ///
    /// Nobody waits for long for others to end: who has a place may have stopped asking for its answer, and would
    /// not even notice that time passes.
    pub(crate) async fn answer<O>(&self, mut said: oneshot::Receiver<O>) -> Option<O> {
        match tokio::time::timeout(SOON, &mut said).await {
            Ok(answer) => answer.ok(),
            Err(_) => {
                self.hurry();
                said.await.ok()
            }
        }
    }

    /// Begins with those who wait, however many statements are under way.
    fn hurry(&self) {
        let works = {
            let mut state = lock(&self.0);
            let works = state.next();
            if works.is_empty() {
                return;
            }
            state.under_way += 1;
            works
        };
        go(self.0.clone(), works);
    }
}

impl<T> State<T> {
    /// Those whose turn it is.
    fn next(&mut self) -> Vec<T> {
        let n = self.waiting.len().min(MOST);
        self.waiting.drain(..n).collect()
    }
}

impl<T: Shared> Place<T> {
    /// Waits for an answer, and no longer than a moment in the way of others.
    pub(crate) async fn hold<O>(self, answer: impl Future<Output = O>) -> O {
        let mut answer = std::pin::pin!(answer);
        match tokio::time::timeout(SOON, &mut answer).await {
            Ok(answer) => answer,
            Err(_) => {
                drop(self);
                answer.await
            }
        }
    }
}

impl<T: Shared> Drop for Place<T> {
    fn drop(&mut self) {
        let works = {
            let mut state = lock(&self.0);
            // More than there should be: those who are left begin with who waits.
            let works = if state.under_way > AT_ONCE { Vec::new() } else { state.next() };
            if works.is_empty() {
                state.under_way -= 1;
                return;
            }
            works
        };
        go(self.0.clone(), works);
    }
}

/// Does the work of all in a place that has been counted.
fn go<T: Shared>(state: Arc<Mutex<State<T>>>, works: Vec<T>) {
    let place = Place(state);
    // Without a runtime nobody is there to wait for an answer either.
    if tokio::runtime::Handle::try_current().is_ok() {
        tokio::spawn(place.hold(T::all(works)));
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    static GROUPS: AtomicUsize = AtomicUsize::new(0);

    struct Number(usize, oneshot::Sender<usize>);

    impl Shared for Number {
        async fn all(works: Vec<Self>) {
            GROUPS.fetch_add(1, Ordering::SeqCst);
            assert!(works.len() <= MOST);
            assert!(works.iter().all(|work| work.0 != usize::MAX), "this one goes down");
            for Number(n, answer) in works {
                let _ = answer.send(n);
            }
        }
    }

    /// Two go at once, others wait, and each gets an answer of its own: also those behind a group that panics, who
    /// went away, or who came while all others were slow.
    #[tokio::test]
    async fn many_share_a_statement() {
        let together = Together::<Number>::default();
        let never = || unreachable!("there is a place");
        let few = || (0..AT_ONCE).map(|_| together.enter(never).unwrap()).collect::<Vec<_>>();
        let wait = |n: usize| {
            let (answer, said) = oneshot::channel();
            assert!(together.enter(|| Number(n, answer)).is_none(), "{n} waits");
            said
        };
        let rest = async || {
            while lock(&together.0).under_way > 0 {
                tokio::task::yield_now().await;
            }
            assert!(lock(&together.0).waiting.is_empty());
        };

        let held = few();
        let answers: Vec<_> = (0..2 * MOST).map(wait).collect();
        drop(held);
        for (n, said) in answers.into_iter().enumerate() {
            assert_eq!(said.await, Ok(n));
        }
        assert_eq!(GROUPS.load(Ordering::SeqCst), 2);
        rest().await;

        let held = few();
        let lost = wait(usize::MAX);
        drop(held);
        assert!(lost.await.is_err(), "a group that panics answers nobody");
        rest().await;

        // Statements that take long give their places to who waits, before they end.
        let (go, gone) = tokio::sync::watch::channel(());
        let held = few().into_iter().map(|place| {
            let mut gone = gone.clone();
            tokio::spawn(place.hold(async move { gone.changed().await.is_ok() }))
        });
        let held: Vec<_> = held.collect();
        assert_eq!(wait(7).await, Ok(7));
        go.send(()).unwrap();
        for slow in held {
            assert!(slow.await.unwrap());
        }
        rest().await;

        // And so do those of callers who have stopped asking, and do not see time pass.
        let held = few();
        assert_eq!(together.answer(wait(8)).await, Some(8));
        let (one, other) = (wait(9), wait(10));
        assert_eq!(together.answer(one).await, Some(9));
        assert_eq!(other.await, Ok(10));
        assert_eq!(lock(&together.0).under_way, AT_ONCE);
        drop(held);
        rest().await;
    }
}
