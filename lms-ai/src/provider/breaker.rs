//! A provider that is left alone while it fails.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use lms_core::ai::{AiProvider, AiRequest, AiResponse, ModelProfile, ProviderError, ProviderErrorKind as Kind, Retry};
use tokio::time::Instant;

/// A call that was given up this shortly before its deadline ran into it.
const SLACK: Duration = Duration::from_millis(50);

/// Asks a provider no more while it fails, for each model by itself.
///
/// After five failures in a row of a kind that passes, or when half of the last twenty calls failed so,
/// callers get [`CircuitOpen`](Kind::CircuitOpen) at once for thirty seconds; then one call is let through,
/// and its end decides. A refused key and a spending limit pass by nobody's waiting: they keep it open until
/// [`Breaker::reset`].
///
/// A call that is given up says nothing, unless its deadline had come: then it was too slow. When the one
/// that was let through is given up, the next is let through in its place.
#[derive(Debug)]
pub struct Breaker<P> {
    inner: P,
    settings: BreakerSettings,
    lines: Lines,
}

/// When a breaker opens, and for how long.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BreakerSettings {
    /// So many failures in a row open it.
    pub in_a_row: u32,
    /// So many calls are looked back at.
    pub window: usize,
    /// So many of a hundred of them, failed, open it.
    pub percent: usize,
    /// It stays open for this long.
    pub pause: Duration,
}

impl Default for BreakerSettings {
    fn default() -> Self {
        Self { in_a_row: 5, window: 20, percent: 50, pause: Duration::from_secs(30) }
    }
}

/// How it stands with a model, for a host's page on health.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Circuit {
    /// Calls go through.
    Closed,
    /// No call goes through for this long.
    Open(Duration),
    /// One call is under way that decides, or the next one will be.
    Probing,
    /// No call goes through until [`Breaker::reset`]: the key is refused, or a spending limit reached.
    Locked,
}

type Lines = Arc<Mutex<HashMap<String, Line>>>;

/// What is known of a model.
#[derive(Debug, Default)]
struct Line {
    /// Counts the changes of state: what began before one says nothing after it.
    era: u64,
    state: State,
    in_a_row: u32,
    /// Whether each of the last calls failed.
    recent: VecDeque<bool>,
}

#[derive(Debug, Default, Clone, Copy)]
enum State {
    #[default]
    Closed,
    OpenUntil(Instant),
    Probing,
    Locked,
}

/// What a call has shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shown {
    /// The service works.
    Works,
    /// It failed in a way that passes.
    Fails,
    /// It will not work until somebody does something.
    Refuses,
    /// Nothing.
    Nothing,
}

impl Shown {
    fn by(result: &Result<AiResponse, ProviderError>) -> Self {
        match result.as_ref().map_err(|error| &error.kind) {
            Ok(_) => Self::Works,
            Err(Kind::Connect | Kind::Timeout | Kind::RateLimited | Kind::Overloaded) => Self::Fails,
            Err(Kind::Server | Kind::Protocol) => Self::Fails,
            Err(Kind::Auth | Kind::SpendLimit) => Self::Refuses,
            Err(Kind::BadRequest { .. } | Kind::ModelUnavailable) => Self::Works,
            Err(_) => Self::Nothing,
        }
    }
}

impl Line {
    fn turn(&mut self, state: State) {
        self.era += 1;
        self.state = state;
        self.in_a_row = 0;
        self.recent.clear();
    }

    fn take(&mut self, shown: Shown, settings: &BreakerSettings, now: Instant) {
        let open = State::OpenUntil(now + settings.pause);
        match (self.state, shown) {
            (State::Closed | State::Probing, Shown::Refuses) => self.turn(State::Locked),
            (State::Probing, Shown::Works) => self.turn(State::Closed),
            (State::Probing, Shown::Fails) => self.turn(open),
            (State::Probing, Shown::Nothing) => self.turn(State::OpenUntil(now)),
            (State::Closed, Shown::Works | Shown::Fails) => {
                let failed = shown == Shown::Fails;
                self.in_a_row = if failed { self.in_a_row + 1 } else { 0 };
                self.recent.push_back(failed);
                if self.recent.len() > settings.window {
                    self.recent.pop_front();
                }
                let failures = self.recent.iter().filter(|failed| **failed).count();
                let full = settings.window > 0 && self.recent.len() == settings.window;
                if self.in_a_row >= settings.in_a_row || full && failures * 100 >= settings.percent * settings.window {
                    self.turn(open);
                }
            }
            (State::Closed, Shown::Nothing) | (State::OpenUntil(_) | State::Locked, _) => {}
        }
    }
}

/// A call under way; whatever becomes of it, it says what it has shown.
struct Call {
    lines: Lines,
    settings: BreakerSettings,
    model: String,
    era: u64,
    deadline: Instant,
    shown: Option<Shown>,
}

impl Drop for Call {
    fn drop(&mut self) {
        let now = Instant::now();
        let late = now + SLACK >= self.deadline;
        let shown = self.shown.unwrap_or(if late { Shown::Fails } else { Shown::Nothing });
        let mut lines = locked(&self.lines);
        if let Some(line) = lines.get_mut(&self.model).filter(|line| line.era == self.era) {
            line.take(shown, &self.settings, now);
        }
    }
}

impl<P: AiProvider> Breaker<P> {
    /// Around a provider, with the defaults.
    pub fn new(inner: P) -> Self {
        Self::with_settings(inner, BreakerSettings::default())
    }

    /// Around a provider.
    pub fn with_settings(inner: P, settings: BreakerSettings) -> Self {
        Self { inner, settings, lines: Lines::default() }
    }

    /// How it stands with a model.
    pub fn circuit(&self, model: &str) -> Circuit {
        let now = Instant::now();
        match locked(&self.lines).get(model).map(|line| line.state) {
            None | Some(State::Closed) => Circuit::Closed,
            Some(State::OpenUntil(until)) if now < until => Circuit::Open(until - now),
            Some(State::OpenUntil(_) | State::Probing) => Circuit::Probing,
            Some(State::Locked) => Circuit::Locked,
        }
    }

    /// Forgets everything: after a new key, a raised limit, or a provider that was set up anew.
    pub fn reset(&self) {
        for line in locked(&self.lines).values_mut() {
            line.turn(State::Closed);
        }
    }

    /// The provider itself.
    pub const fn inner(&self) -> &P {
        &self.inner
    }

    /// A call that may go through, or why it may not.
    fn admit(&self, request: &AiRequest) -> Result<Call, ProviderError> {
        let now = Instant::now();
        let mut lines = locked(&self.lines);
        let line = lines.entry(request.model.clone()).or_default();
        match line.state {
            State::Closed => {}
            State::OpenUntil(until) if now < until => {
                return Err(open(Retry::After(until - now), "the provider has failed too often lately"));
            }
            State::OpenUntil(_) => line.turn(State::Probing),
            State::Probing => return Err(open(Retry::Now, "one call finds out whether the provider works again")),
            State::Locked => {
                return Err(open(Retry::Never, "the provider refuses its key, or its spending limit is reached"));
            }
        }
        Ok(Call {
            lines: Arc::clone(&self.lines),
            settings: self.settings.clone(),
            model: request.model.clone(),
            era: line.era,
            deadline: now + request.deadline,
            shown: None,
        })
    }
}

fn open(retry: Retry, why: &str) -> ProviderError {
    ProviderError { excerpt: why.to_owned(), ..ProviderError::new(Kind::CircuitOpen, retry) }
}

fn locked(lines: &Lines) -> MutexGuard<'_, HashMap<String, Line>> {
    // No code panics while it holds the lock, and every line is whole between any two statements.
    lines.lock().unwrap_or_else(PoisonError::into_inner)
}

#[deny(clippy::missing_trait_methods)]
#[async_trait]
impl<P: AiProvider> AiProvider for Breaker<P> {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn profile(&self, model: &str) -> ModelProfile {
        self.inner.profile(model)
    }

    async fn complete(&self, request: &AiRequest) -> Result<AiResponse, ProviderError> {
        let mut call = self.admit(request)?;
        let result = self.inner.complete(request).await;
        call.shown = Some(Shown::by(&result));
        result
    }
}
