//! States: numbers that are read anew after the events that can change them (V5).

use tokio::sync::mpsc;
use tokio::time::Instant;

use super::{LOOK, Live, LiveStream, PAGE, POLL, Receiver};
use crate::error::Error;
use crate::lms::Session;
use crate::model::{CourseId, Event, UserId};
use crate::store::{EventFilter, LogEnds, Store, StoreError, fresh};

/// Which events of a course a state follows, and how far they were read.
struct Changes {
    filter: EventFilter,
    /// Only of this learner, and of nobody in particular.
    student: Option<UserId>,
    seen: LogEnds,
    looked_at: Option<Instant>,
}

impl Changes {
    fn concern(&self, event: &Event) -> bool {
        self.student.is_none() || event.event.student_id.is_none() || event.event.student_id == self.student
    }

    /// Reads the next page: whether it asks for another look, and whether more may be there at once.
    async fn next(&mut self, store: &dyn Store) -> Result<(bool, bool), StoreError> {
        if self.looked_at.is_none_or(|at| at.elapsed() >= LOOK) {
            let ends = store.ends().await?;
            self.looked_at = Some(Instant::now());
            if ends.epoch != self.seen.epoch || ends.head < self.seen.head {
                // Another log, after a restore or a failover: what holds now is read from its rows.
                self.seen = ends;
                return Ok((true, false));
            }
        }
        let page = store.events(self.seen.head, &self.filter, PAGE).await?;
        if let Some(last) = page.last() {
            self.seen.head = last.position;
        }
        Ok((page.iter().any(|event| self.concern(event)), page.len() >= PAGE as usize))
    }
}

impl Live {
    /// The state now, and again after every event of the course that concerns it.
    pub(super) async fn states<T, F, Fut>(
        &self,
        session: Session,
        course: CourseId,
        student: Option<UserId>,
        read: F,
    ) -> Result<LiveStream<T>, Error>
    where
        T: Send + 'static,
        F: Fn(Session) -> Fut + Send + 'static,
        Fut: Future<Output = Result<T, Error>> + Send,
    {
        let filter = EventFilter { course: Some(course), ..EventFilter::default() };
        let seen = self.store.ends().await?;
        let mut changes = Changes { filter, student, seen, looked_at: Some(Instant::now()) };
        let (store, wake) = (self.store.clone(), self.wake.clone());
        let (to, from) = mpsc::channel(1);
        tokio::spawn(async move {
            loop {
                let state = fresh(read(session.clone())).await;
                let ends = state.is_err();
                if to.send(state).await.is_err() || ends {
                    return;
                }
                // Many events at once become one read.
                loop {
                    let woken = wake.notified();
                    tokio::pin!(woken);
                    woken.as_mut().enable();
                    match changes.next(&*store).await {
                        Ok((true, _)) => break,
                        Ok((false, true)) => continue,
                        Ok((false, false)) => {}
                        Err(e) if e.is_retryable() => changes.looked_at = None,
                        Err(e) => {
                            let _ = to.send(Err(e.into())).await;
                            return;
                        }
                    }
                    tokio::select! {
                        () = to.closed() => return,
                        () = &mut woken => {}
                        () = store.wait() => {}
                        () = tokio::time::sleep(POLL) => {}
                    }
                }
            }
        });
        Ok(Box::pin(Receiver(from)))
    }
}
