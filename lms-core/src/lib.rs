//! The domain of a learning-management system, to embed.

pub mod model;
pub mod store;
