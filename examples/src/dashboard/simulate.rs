//! Learners who learn while somebody looks on.

use std::time::Duration;

use crate::demo::{Authored, Demo, Failure, Keys, Pace, study};

/// Lets the learners come one after another and work through the course at a person's pace, several at once.
///
/// # Errors
/// When the library refuses or the store fails.
pub async fn simulate(demo: &Demo, made: &Authored, step: Duration) -> Result<(), Failure> {
    let keys = Keys::load(demo, made).await?;
    let learners = demo.students.iter().enumerate().map(|(n, (student, _))| {
        let keys = &keys;
        async move {
            // Somebody new comes every few steps, and nobody is as fast as the other.
            tokio::time::sleep(step * u32::try_from(n * 5).unwrap_or(u32::MAX)).await;
            let pace = Pace::every(step + step * u32::try_from(n % 4).unwrap_or_default() / 3);
            study(demo, made, keys, (n, *student), pace).await
        }
    });
    futures_util::future::try_join_all(learners).await.map(drop)
}
