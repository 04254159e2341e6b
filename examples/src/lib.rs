//! What the runnable programs of this crate share.

#[cfg(feature = "dashboard")]
pub mod dashboard;
pub mod demo;
pub mod evaluation;
pub mod memory_store;
pub mod output;
pub mod provider;
pub mod source;
pub mod store;
