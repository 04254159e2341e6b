use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use lms_core::ai::{AiProvider, AiRequest, AiResponse, ModelProfile, ProviderError, ProviderErrorKind as Kind};
use tokio::time::Instant;

use super::request;
use crate::provider::{Limited, NO_PLACE, Reply, Scripted, guarded};

/// Counts how many ask at the same time.
struct Counting {
    inner: Scripted,
    now: AtomicUsize,
    most: AtomicUsize,
}

struct Leaves<'a>(&'a AtomicUsize);
impl Drop for Leaves<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

#[async_trait]
impl AiProvider for Counting {
    fn name(&self) -> &str {
        self.inner.name()
    }
    fn profile(&self, model: &str) -> ModelProfile {
        self.inner.profile(model)
    }
    async fn complete(&self, request: &AiRequest) -> Result<AiResponse, ProviderError> {
        let now = self.now.fetch_add(1, Ordering::SeqCst) + 1;
        let _leaves = Leaves(&self.now);
        self.most.fetch_max(now, Ordering::SeqCst);
        self.inner.complete(request).await
    }
}

fn counting(answers: usize, seconds: u64) -> Counting {
    let script = Scripted::new().with_delay(Duration::from_secs(seconds));
    (0..answers).for_each(|_| script.push(Reply::text("{}")));
    Counting { inner: script, now: AtomicUsize::new(0), most: AtomicUsize::new(0) }
}

#[tokio::test(start_paused = true)]
async fn four_at_once_and_the_others_wait() {
    let limited = Arc::new(Limited::new(counting(12, 3)));
    let start = Instant::now();
    let calls: Vec<_> = (0..12)
        .map(|_| {
            let limited = Arc::clone(&limited);
            tokio::spawn(async move { limited.complete(&request()).await })
        })
        .collect();
    for call in calls {
        call.await.unwrap().unwrap();
    }
    assert_eq!(limited.inner().most.load(Ordering::SeqCst), 4);
    assert_eq!(start.elapsed(), Duration::from_secs(9), "three rounds of three seconds");
    assert_eq!(limited.free(), 4);
    // Who has waited has less time left.
    let deadlines: Vec<u64> = limited.inner().inner.requests().iter().map(|asked| asked.deadline.as_secs()).collect();
    assert_eq!(deadlines, [20, 20, 20, 20, 17, 17, 17, 17, 14, 14, 14, 14]);
}

#[tokio::test(start_paused = true)]
async fn a_wait_ends_while_there_is_time_for_a_call_and_reaches_nobody() {
    let limited = Arc::new(Limited::with_places(counting(2, 15), NonZeroUsize::MIN));
    let first = tokio::spawn({
        let limited = Arc::clone(&limited);
        async move { limited.complete(&request()).await }
    });
    tokio::task::yield_now().await;
    let start = Instant::now();
    let hasty = AiRequest { deadline: Duration::from_secs(5), ..request() };
    let error = limited.complete(&hasty).await.unwrap_err();
    assert_eq!((error.kind, start.elapsed()), (Kind::Timeout, Duration::from_millis(3_750)));
    assert_eq!(error.excerpt, NO_PLACE, "which is free");
    assert_eq!(limited.inner().inner.calls(), 1);
    first.await.unwrap().unwrap();
}

/// The place comes free a moment before the deadline: a call would be cut off, and paid for.
#[tokio::test(start_paused = true)]
async fn a_place_that_comes_too_late_for_an_answer_is_not_taken() {
    let limited = Arc::new(Limited::with_places(counting(3, 6), NonZeroUsize::MIN));
    let first = tokio::spawn({
        let limited = Arc::clone(&limited);
        async move { limited.complete(&request()).await }
    });
    tokio::task::yield_now().await;
    let late = AiRequest { deadline: Duration::from_millis(6_500), ..request() };
    let error = limited.complete(&late).await.unwrap_err();
    assert_eq!((error.excerpt.as_str(), limited.inner().inner.calls()), (NO_PLACE, 1));
    first.await.unwrap().unwrap();
    let early = AiRequest { deadline: Duration::from_secs(8), ..request() };
    limited.complete(&early).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn calls_that_are_given_up_leave_their_places() {
    let limited = Limited::with_places(counting(9, 10), NonZeroUsize::MIN);
    for _ in 0..3 {
        let given_up = tokio::time::timeout(Duration::from_secs(1), limited.complete(&request())).await;
        assert!(given_up.is_err());
        assert_eq!(limited.free(), 1);
    }
    let asked = request();
    let (under_way, waiting) = (limited.complete(&asked), limited.complete(&asked));
    tokio::pin!(under_way);
    assert!(tokio::time::timeout(Duration::from_secs(1), &mut under_way).await.is_err());
    assert!(tokio::time::timeout(Duration::from_secs(1), waiting).await.is_err(), "given up while it waits");
    under_way.await.unwrap();
    assert_eq!(limited.free(), 1);
}

#[tokio::test]
async fn both_decorators_are_the_provider_to_everybody_else() {
    let provider = guarded(Scripted::new().named("mine").then(Reply::text("{}")));
    assert_eq!(provider.name(), "mine");
    assert_eq!(provider.profile("x"), Scripted::new().profile("x"));
    assert_eq!(provider.complete(&request()).await.unwrap().text, "{}");
}
