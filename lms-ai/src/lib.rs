//! AI workflows that write validated records in transactions.

mod task_trait;

pub use task_trait::*;
