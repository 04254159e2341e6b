//! Things that are due, gone through in a circle: each of them gets its turn, whatever the others do or fail to do.

use std::collections::BTreeSet;

use async_trait::async_trait;

use super::failing::Round;
use crate::error::Error;

/// One kind of things that are due.
#[async_trait]
pub(super) trait Due: Sync {
    /// What one of them is called in health().
    const WHAT: &'static str;
    /// How many a page holds.
    const PAGE: usize;
    /// One of them.
    type One: Send + Sync;
    /// Where it stands among the others.
    type Place: Ord + Copy + Send + Sync;

    /// The next ones behind a place, in order: a page, or fewer at the end.
    async fn page(&self, after: Option<Self::Place>) -> Result<Vec<Self::One>, Error>;
    /// Its place.
    fn place(one: &Self::One) -> Self::Place;
    /// Its id.
    fn id(one: &Self::One) -> String;
    /// Does it, or a part of it.
    async fn step(&self, one: &Self::One) -> Result<Step, Error>;
}

/// What came of one that had its turn.
pub(super) enum Step {
    /// It was done, or moved on.
    Done,
    /// Others changed something meanwhile, and it is to be looked at again.
    Again,
    /// Others did it.
    Gone,
}

/// Where the turn is.
pub(crate) struct Turn<P> {
    /// The last one that had its turn.
    after: Option<P>,
    /// Those that are due, since the circle began.
    there: BTreeSet<String>,
}

impl<P> Default for Turn<P> {
    fn default() -> Self {
        Self { after: None, there: BTreeSet::new() }
    }
}

/// What came of one round.
#[derive(Default)]
pub(super) struct Moved {
    /// How many were done, or moved on.
    pub(super) done: usize,
    /// Whether others have yet to get their turn.
    pub(super) is_cut: bool,
}

impl<P: Ord + Copy> Turn<P> {
    /// Goes on from where the last round ended, once around at the most. Where what failed rests, `most` are tried;
    /// otherwise, by hand, `most` are done. A store that is away ends the round: the others would fail as well.
    pub(super) async fn go_around<D: Due<Place = P>>(
        &mut self,
        due: &D,
        most: usize,
        round: &mut Round<'_>,
    ) -> Result<Moved, Error> {
        let begun_after = self.after;
        let (mut done, mut tried, mut went_around, mut again) = (0, 0, false, false);
        loop {
            let page = due.page(self.after).await?;
            let is_last = page.len() < D::PAGE;
            for one in page {
                let place = D::place(&one);
                if went_around && begun_after.is_none_or(|begun| place > begun) {
                    return Ok(Moved { done, is_cut: again });
                }
                if done >= most || (tried >= most && round.rests()) {
                    return Ok(Moved { done, is_cut: true });
                }
                let id = D::id(&one);
                self.after = Some(place);
                self.there.insert(id.clone());
                if round.is_resting(D::WHAT, &id) {
                    continue;
                }
                tried += 1;
                match round.attempt(D::WHAT, Some(id), due.step(&one)).await {
                    Some(Step::Done) => done += 1,
                    Some(Step::Again) => again = true,
                    Some(Step::Gone) => {}
                    None if round.is_store_away() => return Ok(Moved { done, is_cut: false }),
                    None => {}
                }
            }
            if is_last {
                round.only(D::WHAT, &std::mem::take(&mut self.there));
                self.after = None;
                if went_around || begun_after.is_none() {
                    return Ok(Moved { done, is_cut: again });
                }
                went_around = true;
            }
        }
    }
}
