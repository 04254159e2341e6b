//! What a user of the library does: use cases by area, bound to an actor.

mod activity;
mod ai_budget;
mod ai_log;
mod analytics;
mod assignments;
mod background;
mod catalog;
mod certificate_lists;
mod certificates;
mod command;
mod consumer;
mod course_page;
mod enrollment;
mod failing;
mod given;
mod grants;
mod health;
mod jobs;
mod learner;
mod learning;
mod listed;
mod many;
mod overview;
mod people;
mod person;
mod portable;
mod quizzes;
mod reading;
mod renderings;
mod retention;
mod reviews;
mod templates;
mod turn;
mod xapi;

use std::sync::Arc;
use std::time::Duration;

use uuid::Uuid;

pub use activity::*;
pub use ai_log::*;
pub use analytics::*;
pub use assignments::*;
pub use background::*;
pub use catalog::*;
pub use certificate_lists::*;
pub use certificates::*;
pub use command::{Command, Planned};
pub use consumer::*;
pub use course_page::*;
pub use enrollment::*;
pub use failing::Failing;
pub(crate) use given::given;
pub use grants::*;
pub use health::*;
pub use learning::*;
pub use listed::{Listed, NamedItem, NamedUser};
pub use many::{MANY_ROWS, ManyMode, ManyReport, RowReport};
pub use overview::*;
pub use people::*;
pub use person::*;
pub use portable::*;
pub use quizzes::*;
pub use reading::*;
pub(crate) use retention::require_kept;
pub use reviews::*;
pub use xapi::*;

use crate::assets::Assets;
use crate::clock::{Clock, Ids, RandomIds, SystemClock};
use crate::error::Error;
use crate::live::Live;
use crate::model::{Actor, AiGrading, Timestamp, UserId};
use crate::store::{InTime, Store};

/// The library: cheap to clone, to be kept in a service's state.
#[derive(Clone)]
pub struct Lms {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) ids: Arc<dyn Ids>,
    pub(crate) assets: Option<Arc<dyn Assets>>,
    pub(crate) deadline: Duration,
    pub(crate) queueing: bool,
    pub(crate) ai_grading: std::sync::atomic::AtomicBool,
    pub(crate) text_extraction: std::sync::atomic::AtomicBool,
    pub(crate) ai_grading_of_ai_content: AiGrading,
    pub(crate) ai_grading_of_own_content: AiGrading,
    pub(crate) keep_events: Option<u16>,
    /// When the last event whose time was over was deleted.
    pub(crate) trimmed: std::sync::Mutex<Option<tokio::time::Instant>>,
    pub(crate) live: Live,
    pub(crate) failing: failing::FailingWork,
    /// Held by the one round of this process that works at the jobs.
    pub(crate) job_turn: tokio::sync::Mutex<turn::Turn<InTime>>,
    /// The same for the attempts whose time is up.
    pub(crate) expiry_turn: tokio::sync::Mutex<turn::Turn<Uuid>>,
    pub(crate) revisions: quizzes::RevisionCache,
    stripes: Vec<tokio::sync::Mutex<()>>,
}

impl Inner {
    fn stripe(&self, key: Uuid) -> &tokio::sync::Mutex<()> {
        let sum =
            key.as_bytes().iter().fold(0_usize, |sum, byte| sum.wrapping_mul(31).wrapping_add(usize::from(*byte)));
        #[expect(clippy::indexing_slicing, reason = "there are STRIPES of them and the index is below it")]
        &self.stripes[sum % STRIPES]
    }
}

const STRIPES: usize = 256;

impl std::fmt::Debug for Lms {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Lms").finish_non_exhaustive()
    }
}

/// Puts an [`Lms`] together.
#[must_use]
pub struct Builder {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    ids: Arc<dyn Ids>,
    assets: Option<Arc<dyn Assets>>,
    deadline: Duration,
    queueing: bool,
    ai_grading_of_ai_content: AiGrading,
    ai_grading_of_own_content: AiGrading,
    keep_events: Option<u16>,
}

impl std::fmt::Debug for Builder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Builder").finish_non_exhaustive()
    }
}

impl Builder {
    /// Where time comes from; the machine's clock unless set.
    pub fn clock(mut self, clock: impl Clock + 'static) -> Self {
        self.clock = Arc::new(clock);
        self
    }
    /// Where ids and randomness come from; UUID v7 and the system's randomness unless set.
    pub fn ids(mut self, ids: impl Ids + 'static) -> Self {
        self.ids = Arc::new(ids);
        self
    }
    /// Where files go; nowhere unless set.
    pub fn assets(mut self, assets: impl Assets + 'static) -> Self {
        self.assets = Some(Arc::new(assets));
        self
    }
    /// How long a command fights for data that others keep changing; 5 seconds unless set.
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.deadline = deadline;
        self
    }
    /// Whether commands on one learner's work queue up within this process (on unless set). What
    /// they do is right either way; without the queue they meet as conflicts in the store.
    pub fn queueing(mut self, on: bool) -> Self {
        self.queueing = on;
        self
    }
    /// Whether AI grades work on assignments and quizzes that the AI workflow made, where they do not say
    /// otherwise; it applies its grades unless set (S11).
    pub fn ai_grading_of_ai_content(mut self, mode: AiGrading) -> Self {
        self.ai_grading_of_ai_content = mode;
        self
    }
    /// Whether AI grades work on all other assignments and quizzes, where they do not say otherwise; off
    /// unless set (S11).
    pub fn ai_grading_of_own_content(mut self, mode: AiGrading) -> Self {
        self.ai_grading_of_own_content = mode;
        self
    }
    /// For how many days events are kept; for good unless set. At least 2, whatever is set: a course's numbers
    /// look back over 24 hours.
    ///
    /// [`Lms::tick`] and [`Background`] delete what is older, from the oldest event up, and never what a named
    /// consumer has yet to handle ([`Health::slowest`] names it). What rests on an event lives as long as it: a
    /// subscriber who was away for longer is told so (`events.gone`), a command's id is known for that long only
    /// ([`Session::with_command_id`]), and so is a learner's last activity (V4).
    pub fn keep_events(mut self, days: u16) -> Self {
        self.keep_events = Some(days.max(2));
        self
    }
    /// The library.
    pub fn build(self) -> Lms {
        Lms {
            inner: Arc::new(Inner {
                live: Live::new(self.store.clone()),
                store: self.store,
                clock: self.clock,
                ids: self.ids,
                assets: self.assets,
                deadline: self.deadline,
                queueing: self.queueing,
                ai_grading: std::sync::atomic::AtomicBool::new(false),
                text_extraction: std::sync::atomic::AtomicBool::new(false),
                ai_grading_of_ai_content: self.ai_grading_of_ai_content,
                ai_grading_of_own_content: self.ai_grading_of_own_content,
                keep_events: self.keep_events,
                trimmed: std::sync::Mutex::default(),
                failing: failing::FailingWork::default(),
                job_turn: tokio::sync::Mutex::default(),
                expiry_turn: tokio::sync::Mutex::default(),
                revisions: quizzes::RevisionCache::default(),
                stripes: (0..STRIPES).map(|_| tokio::sync::Mutex::new(())).collect(),
            }),
        }
    }
}

impl Lms {
    /// Starts with a store: a concrete one, or an `Arc<dyn Store>` by [`Lms::over`].
    pub fn builder(store: impl Store) -> Builder {
        Self::over(Arc::new(store))
    }

    /// Starts with a shared store.
    pub fn over(store: Arc<dyn Store>) -> Builder {
        Builder {
            store,
            clock: Arc::new(SystemClock),
            ids: Arc::new(RandomIds::default()),
            assets: None,
            deadline: Duration::from_secs(5),
            queueing: true,
            ai_grading_of_ai_content: AiGrading::Apply,
            ai_grading_of_own_content: AiGrading::Off,
            keep_events: None,
        }
    }

    /// Brings the database's schema to this library's version. Nothing else ever does.
    ///
    /// # Errors
    /// When the database cannot be reached, or is newer than this library.
    pub async fn migrate(&self) -> Result<(), Error> {
        self.inner.store.migrate().await?;
        self.ensure_built_in_template().await
    }

    /// Acts as a person: their role is read with each command's own load.
    pub fn as_user(&self, id: UserId) -> Session {
        self.act(Actor::User { id })
    }

    /// Acts as the host itself.
    pub fn system(&self) -> Session {
        self.act(Actor::System { job: "host".to_owned() })
    }

    /// Acts as any actor.
    pub fn act(&self, actor: Actor) -> Session {
        Session { lms: self.clone(), actor, command_id: None, plan: None }
    }

    /// The store underneath.
    pub fn store(&self) -> &Arc<dyn Store> {
        &self.inner.store
    }

    /// Where files go, if anywhere.
    pub fn assets(&self) -> Option<&Arc<dyn Assets>> {
        self.inner.assets.as_ref()
    }

    /// The instant now, by the clock port.
    pub fn now(&self) -> Timestamp {
        self.inner.clock.now()
    }

    /// A seed of chance, to draw an order by (A11).
    pub(crate) fn seed(&self) -> i64 {
        let mut seed = [0_u8; 8];
        self.ids().fill(&mut seed);
        i64::from_be_bytes(seed)
    }

    /// The ids port.
    pub fn ids(&self) -> &Arc<dyn Ids> {
        &self.inner.ids
    }

    /// Says that there is AI to grade: from now on, submissions to assignments that ask for it are queued
    /// (S11). Without it every mode of `ai_grading` reads as off, and work waits for a person. `lms_ai::Ai::new`
    /// says it; a process that only takes submissions, while another one grades them, says it itself.
    pub fn expect_ai_grading(&self) {
        self.inner.ai_grading.store(true, std::sync::atomic::Ordering::Relaxed);
    }

    /// Whether there is AI to grade.
    pub(crate) fn has_ai_grading(&self) -> bool {
        self.inner.ai_grading.load(std::sync::atomic::Ordering::Relaxed)
    }

    /// Says that whoever grades by AI can turn the URL of a submission into text: from now on, work that is only a
    /// URL is queued, too, where AI grades it (S11). `lms_ai::Ai::with_extractor` says it; a process that only takes
    /// submissions says it itself, as with [`Lms::expect_ai_grading`].
    pub fn expect_text_extraction(&self) {
        self.inner.text_extraction.store(true, std::sync::atomic::Ordering::Relaxed);
    }

    /// Whether the URL of a submission can be turned into text.
    pub(crate) fn has_text_extraction(&self) -> bool {
        self.inner.text_extraction.load(std::sync::atomic::Ordering::Relaxed)
    }

    /// A hint, after a host's own transaction, that something was written: live subscriptions look
    /// at once instead of a little later.
    pub fn committed(&self) {
        self.inner.store.committed();
        self.wrote();
    }

    /// The same after a write through the store, which knows of it.
    pub(crate) fn wrote(&self) {
        self.inner.live.wake();
    }

    /// The live subscriptions.
    pub fn live(&self) -> &Live {
        &self.inner.live
    }
}

/// An actor and the library: the use cases by area.
#[derive(Clone, Debug)]
pub struct Session {
    pub(crate) lms: Lms,
    pub(crate) actor: Actor,
    pub(crate) command_id: Option<Uuid>,
    /// Where the batch goes instead of the store, while planning.
    pub(crate) plan: Option<command::Slot>,
}

macro_rules! areas {
    ($($(#[$doc:meta])* $method:ident -> $area:ident;)*) => {
        $(
            $(#[$doc])*
            #[derive(Debug, Clone, Copy)]
            pub struct $area<'a> { pub(crate) s: &'a Session }
        )*
        impl Session {
            $( $(#[$doc])* pub fn $method(&self) -> $area<'_> { $area { s: self } } )*
        }
    };
}
areas! {
    /// Users and roles.
    people -> People;
    /// Courses, lessons, topics, quizzes and assignments as their authors see them.
    catalog -> Catalog;
    /// Who is in which course.
    enrollment -> Enrollments;
    /// Opening, viewing and completing lessons.
    learning -> Learning;
    /// Attempts at quizzes and their grading.
    quizzes -> Quizzes;
    /// Submissions and their grading.
    assignments -> Assignments;
    /// What staff grant to one learner: dates of their own, more time, excuses, waivers, a fresh start.
    grants -> Grants;
    /// Certificates.
    certificates -> Certificates;
    /// A course's numbers.
    analytics -> Analytics;
    /// What screens read.
    overview -> Overview;
    /// Events and the host's own kinds.
    activity -> Activity;
    /// The record of AI calls.
    ai_log -> AiRecord;
    /// What AI may cost, and does.
    ai_budgets -> AiBudgets;
}

impl Session {
    /// Gives the next command this id: repeating it with the same id finds the first outcome
    /// instead of doing it twice. One session then serves one command.
    ///
    /// An id is known for as long as the command's event is kept ([`Builder::keep_events`]). A command that is
    /// repeated later is decided anew: what can be once only (an enrollment, a mark, a row made by the
    /// command) is found or refused, an event of the host's own is recorded again.
    #[must_use]
    pub fn with_command_id(mut self, id: Uuid) -> Self {
        self.command_id = Some(id);
        self
    }

    /// The actor.
    pub const fn actor(&self) -> &Actor {
        &self.actor
    }

    /// The library.
    pub const fn lms(&self) -> &Lms {
        &self.lms
    }

    /// The user whose rights count.
    pub(crate) fn rights_of(&self) -> Option<UserId> {
        self.actor.rights_of()
    }

    pub(crate) fn store(&self) -> &dyn Store {
        self.lms.inner.store.as_ref()
    }
}
