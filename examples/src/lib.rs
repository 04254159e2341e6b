//! What the runnable programs of this crate share.

#[cfg(feature = "dashboard")]
pub mod dashboard;
pub mod demo;
pub mod output;
pub mod source;
pub mod store;
