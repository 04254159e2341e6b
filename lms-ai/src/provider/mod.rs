//! Who answers prompts: the providers that come with the crate.
//!
//! Each makes one attempt per call and keeps to the request's deadline. Retries, budgets and the log are
//! the engine's.

mod prices;
mod scripted;
mod secret;

#[cfg(feature = "http")]
mod anthropic;

#[cfg(test)]
mod tests;

#[cfg(feature = "http")]
pub use anthropic::{Anthropic, AnthropicBuilder, ConfigError, DEFAULT_BASE_URL, DEFAULT_MODEL};
pub use prices::Profiles;
pub use scripted::{Reply, Scripted};
pub use secret::Secret;
