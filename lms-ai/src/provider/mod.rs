//! Who answers prompts: the providers that come with the crate, and what stands around one.
//!
//! A provider makes one attempt per call and keeps to the request's deadline. Retries, budgets and the log
//! are the engine's. [`Limited`] and [`Breaker`] are providers around a provider; [`guarded`] puts both
//! around one, each with its defaults.

mod breaker;
mod limited;
mod models;
mod profiles;
mod scripted;
mod secret;

#[cfg(feature = "http")]
mod anthropic;
#[cfg(feature = "http")]
mod http;
#[cfg(feature = "http")]
mod openai;

#[cfg(test)]
mod tests;

#[cfg(feature = "http")]
pub use anthropic::{Anthropic, AnthropicBuilder, DEFAULT_BASE_URL, DEFAULT_MODEL};
pub use breaker::{Breaker, BreakerSettings, Circuit};
#[cfg(feature = "http")]
pub use http::ConfigError;
pub use limited::Limited;
#[cfg(feature = "http")]
pub use openai::{OpenAiCompatible, OpenAiCompatibleBuilder, Preset, Structured, TokenField};
pub use profiles::Profiles;
pub use scripted::{Reply, Scripted};
pub use secret::Secret;

use lms_core::ai::AiProvider;

/// How an error begins of a call that found nobody to talk to: nothing was sent.
pub(crate) const NEVER_CONNECTED: &str = "not connected";
/// What is said of a call that waited for a place in vain: nothing was sent.
pub(crate) const NO_PLACE: &str = "no other call ended in time to make room for this one";
/// What is said of a call whose provider panicked.
pub(crate) const PANICKED: &str = "the provider panicked";

/// A provider that at most four callers ask at once, and that is left alone for a while when it fails.
///
/// Who waits for a place waits outside the breaker, so that waiting never counts as the service's fault.
pub fn guarded<P: AiProvider>(provider: P) -> Limited<Breaker<P>> {
    Limited::new(Breaker::new(provider))
}
