//! Where a workflow is, for progress bars.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures_core::Stream;
use serde::Serialize;
use tokio::sync::mpsc;

use super::Ai;

/// A stage of a workflow. Stages come in the order in which they begin; a stored answer skips those of the call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(tag = "stage", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Stage {
    /// The n-th of several items begins, 1 for the first: the texts of a course.
    Item {
        /// Which.
        n: usize,
        /// Of how many.
        of: usize,
    },
    /// The model is asked.
    Asking {
        /// The call, 1 for the first.
        call: u32,
    },
    /// Its answer is checked.
    Checking,
    /// The answer broke rules, and the model is asked to mend it.
    Repairing {
        /// The repair, 1 for the first.
        n: u32,
    },
    /// The records are written.
    Writing,
    /// It is done.
    Done,
}

/// Who hears of the stages.
#[derive(Clone)]
pub(crate) struct Progress(Arc<dyn Fn(Stage) + Send + Sync>);

/// The stages of one [`Ai`], as a stream; it ends when that `Ai` and its clones are gone.
#[derive(Debug)]
pub struct Stages {
    receiver: mpsc::UnboundedReceiver<Stage>,
}

impl Stages {
    /// The next stage; `None` at the end.
    pub async fn next(&mut self) -> Option<Stage> {
        self.receiver.recv().await
    }
}

impl Stream for Stages {
    type Item = Stage;
    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Stage>> {
        self.receiver.poll_recv(context)
    }
}

impl Ai {
    /// The same AI, which tells the stages of everything that it does to a function. The function must not block.
    #[must_use]
    pub fn with_progress(&self, hear: impl Fn(Stage) + Send + Sync + 'static) -> Self {
        let mut ai = self.clone();
        ai.progress = Some(Progress(Arc::new(hear)));
        ai
    }

    /// The same AI, and the stages of everything that it does as a stream. A listener that has gone holds
    /// nothing up.
    #[must_use]
    pub fn watched(&self) -> (Self, Stages) {
        let (sender, receiver) = mpsc::unbounded_channel();
        let ai = self.with_progress(move |stage| {
            let _ = sender.send(stage);
        });
        (ai, Stages { receiver })
    }

    /// Tells a stage.
    pub(crate) fn at(&self, stage: Stage) {
        if let Some(progress) = &self.progress {
            (progress.0)(stage);
        }
    }
}
