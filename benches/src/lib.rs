//! The same workloads over each store and over hand-written floors, in one interleaved run.
//!
//! A bar is a ratio against a floor of the same run, a count, or an exponent of growth: never a time,
//! which a busy machine would change. Beside each bar of time stands the same floor measured against
//! itself, which says how much the run can be trusted.

pub mod bars;
pub mod floor;
pub mod measure;
pub mod postgres;
pub mod proxy;
pub mod seed;
pub mod work;

/// What a bench fails with: it says so and stops.
pub type Failure = Box<dyn std::error::Error + Send + Sync>;
