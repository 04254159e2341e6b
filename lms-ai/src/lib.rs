//! AI workflows that write validated records in transactions.

mod engine;
mod reader;
mod schema;
mod task_trait;
mod validate;

pub mod evaluate;
pub mod offline;
pub mod provider;
pub mod task;
pub mod text;
mod workflow;

pub use engine::{About, Accepted, Ai, AiConfig, AiError, Estimate, LoggedPrompt, Redaction, Stage, Stages};
pub use reader::Unreadable;
pub use schema::{Dialect, canonical, in_dialect, lint, portable, printed};
pub use task_trait::*;
pub use validate::validate;
pub use workflow::*;
