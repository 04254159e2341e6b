//! What the runnable programs of this crate share.

pub mod demo;
pub mod memory_store;
pub mod output;
pub mod source;
pub mod store;
