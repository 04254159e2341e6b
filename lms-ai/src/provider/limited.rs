//! A provider that only so many ask at once.

use std::num::NonZeroUsize;

use async_trait::async_trait;
use lms_core::ai::{AiProvider, AiRequest, AiResponse, ModelProfile, ProviderError, ProviderErrorKind, Retry};
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout};

use super::NO_PLACE;

/// How many ask at once, unless said otherwise.
const PLACES: usize = 4;
/// The share of its deadline that a call must have left when it gets its place: one that begins at the last
/// moment ends in the middle, and is paid for.
const LEFT: u32 = 4;

/// Lets at most so many calls reach a provider at the same time; further ones wait, first come first
/// served, for at most three quarters of their deadline, of which the wait is a part. Who waits in vain
/// learns that nothing was sent.
///
/// A call that is given up, waiting or under way, leaves its place to the next.
#[derive(Debug)]
pub struct Limited<P> {
    inner: P,
    places: Semaphore,
}

impl<P: AiProvider> Limited<P> {
    /// At most four at once.
    pub const fn new(inner: P) -> Self {
        Self { inner, places: Semaphore::const_new(PLACES) }
    }

    /// At most this many at once.
    pub fn with_places(inner: P, places: NonZeroUsize) -> Self {
        Self { inner, places: Semaphore::new(places.get().min(Semaphore::MAX_PERMITS)) }
    }

    /// How many calls could begin now.
    pub fn free(&self) -> usize {
        self.places.available_permits()
    }

    /// The provider itself.
    pub const fn inner(&self) -> &P {
        &self.inner
    }
}

#[deny(clippy::missing_trait_methods)]
#[async_trait]
impl<P: AiProvider> AiProvider for Limited<P> {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn profile(&self, model: &str) -> ModelProfile {
        self.inner.profile(model)
    }

    async fn complete(&self, request: &AiRequest) -> Result<AiResponse, ProviderError> {
        let came = Instant::now();
        let most = request.deadline.saturating_sub(request.deadline / LEFT);
        // The places are never closed, so that a wait ends with one or with its time.
        let Ok(Ok(_place)) = timeout(most, self.places.acquire()).await else {
            return Err(ProviderError {
                excerpt: NO_PLACE.to_owned(),
                ..ProviderError::new(ProviderErrorKind::Timeout, Retry::Now)
            });
        };
        let waited = came.elapsed();
        if waited.as_millis() == 0 {
            return self.inner.complete(request).await;
        }
        let rest = AiRequest { deadline: request.deadline.saturating_sub(waited), ..request.clone() };
        self.inner.complete(&rest).await
    }
}
