//! The named consumer: it goes round over what is due, each step on from where the last one ended, so that what
//! fails keeps nothing else waiting (C6, V6).

use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use lms_core::lms::{Consumer, Lease};
use lms_core::model::{Certificate, Rendering};
use lms_core::store::{ById, StoreErrorKind};
use lms_core::{Error, Lms};
use uuid::Uuid;

use crate::Renderer;

/// What a step does at most.
const ENOUGH: usize = 20;
/// What a step tries at most.
const TRIES: u32 = 200;

/// What there is to do.
#[derive(Debug, Clone, Copy)]
enum Due {
    /// A PDF is to be made.
    Drawing,
    /// The files of an erased person are to be deleted.
    Deleting,
}

/// Where the rounds of this process are. Nothing is lost with them: what is due stands in rows.
#[derive(Debug, Default)]
pub(crate) struct Rounds {
    drawing: Mutex<Place>,
    deleting: Mutex<Place>,
}

#[derive(Debug, Default)]
struct Place {
    /// The last certificate that was tried.
    after: Option<Uuid>,
    /// The first failure of the round that was not told yet.
    failed: Option<Error>,
}

impl Rounds {
    fn place(&self, due: Due) -> MutexGuard<'_, Place> {
        let place = match due {
            Due::Drawing => &self.drawing,
            Due::Deleting => &self.deleting,
        };
        place.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Consumer for Renderer {
    fn name(&self) -> &str {
        "certificate_renderer"
    }

    async fn step(&self, lms: &Lms, _: &Lease) -> Result<usize, Error> {
        let drawn = self.go_on(lms, Due::Drawing).await;
        let deleted = self.go_on(lms, Due::Deleting).await;
        Ok(drawn? + deleted?)
    }
}

impl Renderer {
    /// A piece of a round. A failure is told at the end of the round, or by a step that did nothing else.
    async fn go_on(&self, lms: &Lms, due: Due) -> Result<usize, Error> {
        let mut after = self.rounds.place(due).after;
        let (mut done, mut tried, mut limit, mut failed) = (0, 0, TRIES, None);
        let is_over = 'step: loop {
            if tried >= TRIES {
                break false;
            }
            let page = ById { after, limit: limit.min(TRIES - tried) };
            let found = match find(lms, due, page).await {
                Ok(found) => found,
                Err(e) => match unreadable(&e) {
                    // One row spoils the page: the others come one by one.
                    Some(_) if limit > 1 => {
                        limit = 1;
                        continue;
                    }
                    Some(id) => {
                        (after, tried) = (Some(id), tried + 1);
                        failed = failed.or(Some(e));
                        continue;
                    }
                    None => return Err(e),
                },
            };
            for certificate in &found {
                (after, tried) = (Some(certificate.id.uuid()), tried + 1);
                match self.finish(lms, due, certificate).await {
                    Ok(()) => done += 1,
                    Err(e) => failed = failed.or(Some(e)),
                }
                if done == ENOUGH {
                    break 'step false;
                }
            }
            if found.len() < page.limit as usize {
                break true;
            }
        };
        let mut place = self.rounds.place(due);
        place.after = if is_over { None } else { after };
        let failed = place.failed.take().or(failed);
        match failed {
            Some(e) if is_over || done == 0 => Err(e),
            failed => {
                place.failed = failed;
                Ok(done)
            }
        }
    }

    async fn finish(&self, lms: &Lms, due: Due, certificate: &Certificate) -> Result<(), Error> {
        match due {
            Due::Drawing => self.render_one(lms, certificate).await.map(|_| ()),
            Due::Deleting => self.clear(lms, certificate).await,
        }
    }
}

async fn find(lms: &Lms, due: Due, page: ById) -> Result<Vec<Certificate>, Error> {
    let system = lms.system();
    match due {
        Due::Drawing => system.certificates().renderings(None, Rendering::Pending, page).await,
        Due::Deleting => system.certificates().erased(page).await,
    }
}

/// The row that cannot be read, where that is what is wrong.
fn unreadable(error: &Error) -> Option<Uuid> {
    match error {
        Error::Store(e) => match e.kind() {
            StoreErrorKind::Corrupt { id, .. } => *id,
            _ => None,
        },
        _ => None,
    }
}
