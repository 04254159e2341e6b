//! The domain of a learning-management system, to embed.

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

pub use error::{Class, CodeInfo, Error, Problem, Refusal};
pub use lms::Lms;
