//! What the runnable programs of this crate share.

pub mod source;
