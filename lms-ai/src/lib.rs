//! AI workflows that write validated records in transactions.

mod engine;
mod reader;
mod schema;
mod task_trait;

pub mod offline;
pub mod provider;
pub mod task;
pub mod text;
mod workflow;

pub use engine::{About, Accepted, Ai, AiConfig, AiError, Estimate, Stage, Stages};
pub use reader::Unreadable;
pub use schema::{canonical, lint, portable};
pub use task_trait::*;
pub use workflow::*;
