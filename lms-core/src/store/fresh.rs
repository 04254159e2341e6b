//! Whether a figure may come from a copy that lags behind.

tokio::task_local! {
    static FRESH: ();
}

/// Runs a future whose reads must see every confirmed write: live states, which end on the latest (V5).
pub(crate) async fn fresh<F: Future>(reads: F) -> F::Output {
    FRESH.scope((), reads).await
}

/// Whether the reads of the running future must see every confirmed write. A store that answers analytics from
/// a replica MUST ask the primary then.
pub fn must_be_fresh() -> bool {
    FRESH.try_with(|()| ()).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_inside() {
        assert!(!must_be_fresh());
        assert!(fresh(async { must_be_fresh() }).await);
        assert!(!must_be_fresh());
    }
}
