//! States: numbers that are read anew after the events that can change them (V5).

use tokio::sync::mpsc;
use tokio::time::Instant;

use super::{Cursor, LOOK, Live, LiveStream, PAGE, POLL, Receiver, end_of, same_log};
use crate::error::{Error, Refusal};
use crate::lms::Session;
use crate::model::{CourseId, Event, UserId};
use crate::store::{EventFilter, Store, fresh};

/// Which events of a course a state follows, and how far they were read.
struct Changes {
    filter: EventFilter,
    /// Only of this learner, and of nobody in particular.
    student: Option<UserId>,
    /// The last event that was read.
    place: Cursor,
    looked_at: Option<Instant>,
}

impl Changes {
    fn concern(&self, event: &Event) -> bool {
        self.student.is_none() || event.event.student_id.is_none() || event.event.student_id == self.student
    }

    /// Reads the next page: whether it asks for another look, and whether more may be there at once.
    async fn next(&mut self, store: &dyn Store) -> Result<(bool, bool), Error> {
        let page = store.events(self.place.position(), &self.filter, PAGE).await?;
        // Looked at after the page was read, whenever there is one: its place is then of the log that it came from.
        if !page.is_empty() || self.looked_at.is_none_or(|at| at.elapsed() >= LOOK) {
            match same_log(store, &self.place).await {
                Ok(_) => self.looked_at = Some(Instant::now()),
                // Another log, after a restore or a failover, also one that has grown past the place meanwhile; or
                // what came after it is no longer kept. What holds now is read from the rows.
                Err(Error::Refused(Refusal::Resync {} | Refusal::Gone { .. })) => {
                    self.place = end_of(store, store.ends().await?).await?;
                    self.looked_at = Some(Instant::now());
                    return Ok((true, false));
                }
                Err(e) => return Err(e),
            }
        }
        if let Some(last) = page.last() {
            self.place = Cursor::new(self.place.epoch(), last.position, Some(last.event.id.uuid()));
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
        let place = end_of(&*self.store, self.store.ends().await?).await?;
        let mut changes = Changes { filter, student, place, looked_at: Some(Instant::now()) };
        let (store, wake) = (self.store.clone(), self.wake.clone());
        let (to, from) = mpsc::channel(1);
        tokio::spawn(async move {
            loop {
                let state = match fresh(read(session.clone())).await {
                    // The store is away for a while: the state is the latest once it is back (V5).
                    Err(Error::Store(e)) if e.is_retryable() => {
                        changes.looked_at = None;
                        tokio::select! {
                            () = to.closed() => return,
                            () = tokio::time::sleep(POLL) => continue,
                        }
                    }
                    state => state,
                };
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
                        Err(Error::Store(e)) if e.is_retryable() => changes.looked_at = None,
                        Err(e) => {
                            let _ = to.send(Err(e)).await;
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
