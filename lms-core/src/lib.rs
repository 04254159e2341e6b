//! The domain of a learning-management system, to embed: courses, enrollments, progress, quizzes, assignments,
//! grades, certificates, live events and analytics, with their rules kept by one library.
//!
//! [`Lms`] stands over a store (`lms-store-sqlite`, `lms-store-postgres`, or one of your own: [`store`]) and a
//! [`lms::Session`] is what one actor may do: `lms.as_user(id).learning().complete_lesson(lesson)`. A command loads
//! what decides, applies pure rules ([`rules`]), and writes one batch, whole or not at all, with its events.
//! [`live`] pushes them to subscribers; [`model`] has the records; [`error`] says what was refused, where and why.
//! Sign-in, HTTP, e-mail, payment and files are the host's.

pub mod ai;
pub mod assets;
pub mod clock;
#[cfg(feature = "conformance")]
pub mod conformance;
pub mod error;
#[cfg(feature = "schemars")]
pub mod json_schema;
pub mod live;
pub mod lms;
pub mod model;
pub mod rules;
pub mod store;
#[cfg(feature = "testing")]
pub mod testing;

/// The crates whose types and macros stand in this one's public face, in the versions that it takes.
pub use {async_trait, chrono, futures_core, serde_json, uuid};

pub use error::{Class, CodeInfo, Error, Problem, Refusal};
pub use lms::Lms;
