//! Who else is calling: a caller alone is served without waking a thread where that is kind to its runtime.
//!
//! A wake-up of a sleeping thread costs more than all of SQLite's work on a small command. With others about
//! there is no sleeping thread, and the wake-ups are shared; alone there are four in a command. See decision 0008.

use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

/// The longest that anybody stays awake for an answer, or for a next command.
pub(crate) const PATIENCE: Duration = Duration::from_micros(400);

/// The calls that a store is serving.
#[derive(Debug)]
pub(crate) struct Company {
    calls: AtomicUsize,
    /// The last answer that somebody alone waited for came within `PATIENCE`.
    quick: AtomicBool,
    /// Staying awake needs a processor that nobody else needs.
    spare: bool,
}

/// One call, until it is dropped.
#[derive(Debug)]
pub(crate) struct Call<'a>(&'a Company);

impl Company {
    pub(crate) fn new() -> Self {
        let spare = std::thread::available_parallelism().is_ok_and(|n| n.get() > 1);
        Self { calls: AtomicUsize::new(0), quick: AtomicBool::new(true), spare }
    }

    pub(crate) fn enter(&self) -> Call<'_> {
        self.calls.fetch_add(1, Ordering::Relaxed);
        Call(self)
    }

    /// Nobody calls but the one who asks, or the one who has just been answered.
    pub(crate) fn alone(&self) -> bool {
        self.calls.load(Ordering::Relaxed) <= 1
    }

    /// Whether a thread may stay awake for a next command.
    pub(crate) fn may_linger(&self) -> bool {
        self.spare && self.alone()
    }

    /// Waits for an answer. Alone, and where the last answer came soon, the task stays awake for it and only
    /// gives way to its runtime's other tasks; otherwise, and after `PATIENCE`, it sleeps as any task does.
    pub(crate) async fn answer<F: Future>(&self, answer: F) -> F::Output {
        let mut answer = pin!(answer);
        if !self.spare || !self.alone() {
            return answer.await;
        }
        let asked = Instant::now();
        if self.quick.load(Ordering::Relaxed) {
            while asked.elapsed() < PATIENCE && self.alone() {
                if let Poll::Ready(done) = poll_once(answer.as_mut()) {
                    return done;
                }
                relax();
                tokio::task::yield_now().await;
            }
        }
        let done = answer.await;
        self.quick.store(asked.elapsed() < PATIENCE, Ordering::Relaxed);
        done
    }
}

/// A microsecond or so of doing nothing, which leaves the processor's resources to its other threads.
pub(crate) fn relax() {
    (0..32).for_each(|_| std::hint::spin_loop());
}

fn poll_once<F: Future>(future: Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

impl Drop for Call<'_> {
    fn drop(&mut self) {
        self.0.calls.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn calls_are_counted_until_they_end() {
        let company = Company::new();
        assert!(company.alone(), "nobody calls");
        let first = company.enter();
        assert!(company.alone(), "the one who asks");
        let second = company.enter();
        assert!(!company.alone(), "two");
        drop(first);
        drop(second);
        assert!(company.alone());
    }

    #[tokio::test]
    async fn a_slow_answer_is_slept_for_and_arrives() {
        let company = Company::new();
        let _call = company.enter();
        let (send, answer) = tokio::sync::oneshot::channel();
        let slow = tokio::spawn(async move {
            tokio::time::sleep(Duration::from_millis(20)).await;
            send.send(7).ok();
        });
        assert_eq!(company.answer(answer).await.ok(), Some(7));
        slow.await.ok();
        assert!(!company.quick.load(Ordering::Relaxed) || !company.spare, "the next one sleeps at once");
        let (send, answer) = tokio::sync::oneshot::channel();
        send.send(8).ok();
        assert_eq!(company.answer(answer).await.ok(), Some(8));
        assert!(company.quick.load(Ordering::Relaxed), "a quick one wakes the habit again");
    }
}
