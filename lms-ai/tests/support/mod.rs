//! What the tests share: a course on a real store, scripted answers that pass every check, and a look
//! at every table.
#![allow(dead_code, reason = "every test file takes what it needs")]

pub(crate) mod answers;
pub(crate) mod traces;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;

use async_trait::async_trait;
use lms_ai::provider::Scripted;
use lms_ai::task::OutlineBrief;
use lms_ai::{About, Ai, AiConfig, AiError, AssignmentBrief, CourseBrief, QuizBrief};
use lms_core::Lms;
use lms_core::ai::{AiProvider, AiRequest, AiResponse, ModelProfile, ProviderError};
use lms_core::lms::{AssignmentRules, NewAssignment, NewSubmission, Session, UpdateTopic};
use lms_core::model::{
    AiGrading, AiLog, AiLogStatus, AssignmentId, Criterion, LessonId, Points, Rubric, Submission, SubmissionId, TopicId,
};
use lms_core::store::{AiLogFilter, ById, Store};
use lms_core::testing::{Classroom, FixedClock};
use lms_store_sqlite::SqliteStore;
use lms_store_sqlite::driver::types::Value as Cell;
use tempfile::TempDir;
use uuid::Uuid;

pub(crate) use answers::*;

/// The model that the tests ask.
pub(crate) const MODEL: &str = "model-1";

/// The background of four processes and four callers grade one work at the same time.
pub(crate) async fn eight_at_once(lms: &Lms, id: SubmissionId, ai: impl Fn() -> Ai) {
    let mut all = Vec::new();
    for n in 0..8 {
        let (lms, ai) = (lms.clone(), ai());
        all.push(tokio::spawn(async move {
            if n % 2 == 0 {
                lms.background().with(ai.grader()).tick().await.unwrap();
            } else {
                ai.grade_submission(id).await.unwrap();
            }
        }));
    }
    for one in all {
        one.await.unwrap();
    }
}

/// A course with objectives, a lesson with text, an assignment that AI grades, and learners.
pub(crate) struct World<S = SqliteStore> {
    pub(crate) lms: Lms,
    pub(crate) store: S,
    pub(crate) clock: Arc<FixedClock>,
    pub(crate) room: Classroom,
    pub(crate) lesson: LessonId,
    pub(crate) topic: TopicId,
    pub(crate) assignment: AssignmentId,
    /// The database, where it is on a file.
    pub(crate) path: Option<PathBuf>,
    _folder: Option<TempDir>,
}

impl World<SqliteStore> {
    /// In memory.
    pub(crate) async fn memory() -> Self {
        Self::on(SqliteStore::in_memory().await.unwrap(), None).await
    }

    /// On a file, with readers of its own.
    pub(crate) async fn file() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = SqliteStore::open(folder.path().join("lms.db")).await.unwrap();
        Self::on(store, Some(folder)).await
    }
}

/// A store that the tests are stamped on.
#[async_trait]
pub(crate) trait Stamped: Store + Snapshot + Clone + 'static {
    /// A world of one test's own; with readers of its own where `many` ask at once.
    async fn world(many: bool) -> World<Self>;
    /// Runs SQL around the library.
    async fn run_sql(&self, sql: String);
    /// From now on the database refuses such writes, as `INSERT` or `UPDATE OF body`, to a table.
    async fn refuse(&self, writes: &str, table: &str);
    /// It takes them again.
    async fn take_again(&self);
}

#[async_trait]
impl Stamped for SqliteStore {
    async fn world(many: bool) -> World {
        if many { World::file().await } else { World::memory().await }
    }
    async fn run_sql(&self, sql: String) {
        self.transaction(move |tx| tx.execute_batch(&sql)).await.unwrap().unwrap();
    }
    async fn refuse(&self, writes: &str, table: &str) {
        let fault = "BEGIN SELECT RAISE(ABORT, 'a fault of the test'); END";
        self.run_sql(format!("CREATE TRIGGER refused BEFORE {writes} ON {table} {fault}")).await;
    }
    async fn take_again(&self) {
        self.run_sql("DROP TRIGGER refused".to_owned()).await;
    }
}

/// Stamps a test, which is generic over its store, on both. Where it says `paused`, time stands still on SQLite
/// while nobody works; it does not for a server.
#[allow(unused_macros, reason = "every test file takes what it needs")]
macro_rules! both {
    ($name:ident) => { both!($name, #[tokio::test]); };
    ($name:ident, paused) => { both!($name, #[tokio::test(start_paused = true)]); };
    ($name:ident, threads) => { both!($name, #[tokio::test(flavor = "multi_thread", worker_threads = 4)]); };
    ($name:ident, #[$attribute:meta]) => {
        mod $name {
            #[$attribute]
            async fn on_sqlite() {
                super::$name::<lms_store_sqlite::SqliteStore>().await;
            }
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn on_postgres() {
                super::$name::<lms_store_postgres::PgStore>().await;
            }
        }
    };
}
#[allow(unused_imports, reason = "every test file takes what it needs")]
pub(crate) use both;

impl<S: Stamped> World<S> {
    /// For a test that is stamped on both stores.
    pub(crate) async fn fresh() -> Self {
        S::world(false).await
    }

    /// The same, for many who ask at once.
    pub(crate) async fn shared() -> Self {
        S::world(true).await
    }

    /// Runs SQL around the library.
    pub(crate) async fn sql(&self, sql: impl Into<String>) {
        self.store.run_sql(sql.into()).await;
    }
}

impl<S: Store + Snapshot + Clone> World<S> {
    pub(crate) async fn on(store: S, folder: Option<TempDir>) -> Self {
        let clock = Arc::new(FixedClock::noon());
        let lms = Lms::builder(store.clone()).clock(clock.clone()).build();
        lms.expect_ai_grading();
        lms.migrate().await.unwrap();
        let room = Classroom::build(&lms, 1, 1).await.unwrap();
        let (lesson, topic) = (room.lessons[0], room.topics[0]);
        let teacher = room.teacher();
        for (key, text) in [("light", "Explain what light does"), ("water", "Explain what water does")] {
            teacher.catalog().add_objective(room.course, key, text).await.unwrap();
        }
        teacher.catalog().link_objectives(lesson, vec!["light".into(), "water".into()]).await.unwrap();
        let version = teacher.catalog().topic(topic).await.unwrap().version;
        let update = UpdateTopic { version, body: Some(Some(LESSON.into())), ..UpdateTopic::default() };
        teacher.catalog().update_topic(topic, update).await.unwrap();
        let path = folder.as_ref().map(|folder| folder.path().join("lms.db"));
        let mut world = Self {
            lms,
            store,
            clock,
            lesson,
            topic,
            assignment: AssignmentId::from_uuid(Uuid::nil()),
            room,
            path,
            _folder: folder,
        };
        world.assignment = world.graded_assignment(AiGrading::Apply).await;
        world
    }

    /// A published assignment of two criteria of 10 points each.
    pub(crate) async fn graded_assignment(&self, mode: AiGrading) -> AssignmentId {
        self.assignment_with(AssignmentRules { ai_grading: Some(mode), ..AssignmentRules::default() }).await
    }

    pub(crate) async fn assignment_with(&self, rules: AssignmentRules) -> AssignmentId {
        let criterion = |id: &str| Criterion {
            id: id.to_owned(),
            title: format!("The part on {id}"),
            description: "What the work says of it.".to_owned(),
            max: Points::whole(10).unwrap(),
        };
        let new = NewAssignment {
            description: "Explain how plants live.".to_owned(),
            rubric: Some(Rubric {
                criteria: vec![criterion("light"), criterion("sugar")],
                staff_notes: "STAFF-NOTES-OF-THE-RUBRIC".to_owned(),
            }),
            is_published: true,
            rules,
            ..NewAssignment::new("Essay", Points::whole(20).unwrap())
        };
        self.room.teacher().catalog().add_assignment(self.lesson, new).await.unwrap().id
    }

    /// Work of a learner of its own on the assignment.
    pub(crate) async fn work(&self, text: &str) -> SubmissionId {
        self.work_on(self.assignment, text).await
    }

    pub(crate) async fn work_on(&self, assignment: AssignmentId, text: &str) -> SubmissionId {
        let student = self.room.new_student("Somebody Else").await.unwrap();
        let session = self.lms.as_user(student);
        session.assignments().submit(assignment, NewSubmission::text(text)).await.unwrap().id
    }

    pub(crate) async fn submission(&self, id: SubmissionId) -> Submission {
        self.lms.system().assignments().submission(id).await.unwrap()
    }

    /// AI over this world.
    pub(crate) fn ai(&self, provider: impl AiProvider + 'static) -> Ai {
        self.ai_with(provider, |_| {})
    }

    pub(crate) fn ai_with(&self, provider: impl AiProvider + 'static, set: impl FnOnce(&mut AiConfig)) -> Ai {
        let mut config = AiConfig::new(MODEL);
        set(&mut config);
        Ai::with_config(self.lms.clone(), provider, config)
    }

    pub(crate) fn teacher(&self) -> Session {
        self.room.teacher()
    }

    /// The rows of an operation, by attempt.
    pub(crate) async fn operation(&self, operation: Uuid) -> Vec<AiLog> {
        self.lms.store().ai_operation(operation).await.unwrap()
    }

    pub(crate) async fn statuses(&self, operation: Uuid) -> Vec<AiLogStatus> {
        self.operation(operation).await.iter().map(|row| row.status).collect()
    }

    /// Every row of ai_logs.
    pub(crate) async fn logs(&self) -> Vec<AiLog> {
        let page = ById { after: None, limit: 500 };
        self.lms.store().ai_logs(&AiLogFilter::default(), page).await.unwrap()
    }

    /// Every row of every table but those that keep the books of AI calls: ai_logs and ai_spending. Events have
    /// their places in the log.
    pub(crate) async fn tables(&self) -> Tables {
        self.store.settle().await.unwrap();
        let mut tables = self.store.snapshot().await;
        tables.remove("ai_spending").unwrap();
        assert!(tables.len() > 25 && !tables["courses"].is_empty() && !tables["activity_events"].is_empty());
        tables
    }

    /// Does one of the five workflows.
    pub(crate) async fn run(&self, ai: &Ai, what: What, operation: Uuid) -> Result<String, AiError> {
        let teacher = self.teacher();
        let about = About { operation_id: Some(operation), ..About::default() };
        match what {
            What::Outline => {
                ai.create_course(&teacher, &brief(), about).await.map(|w| serde_json::to_string(&w).unwrap())
            }
            What::Body => ai.write_body(&teacher, self.topic, None, about).await.map(|t| format!("{t:?}")),
            What::Quiz => ai.create_quiz(&teacher, self.lesson, &quiz_brief(), about).await.map(|q| format!("{q:?}")),
            What::Assignment => ai
                .create_assignment(&teacher, self.lesson, &AssignmentBrief::default(), about)
                .await
                .map(|a| format!("{a:?}")),
            What::Grade(id) => ai.grade_submission(id).await.map(|outcome| format!("{:?}", outcome.graded.submission)),
        }
    }

    /// The operation of a workflow: what the caller says, or what the work handed in comes to.
    pub(crate) async fn operation_of(&self, what: What, said: Uuid) -> Uuid {
        let What::Grade(id) = what else { return said };
        let rows = self.logs().await;
        let row = rows.iter().find(|row| row.subject_id == Some(id.uuid()));
        row.map_or(said, |row| row.operation_id)
    }
}

/// What stands in each table.
pub(crate) type Tables = BTreeMap<String, Vec<String>>;

/// A look at every table of a store, past the library.
#[async_trait]
pub(crate) trait Snapshot {
    /// Every row of every table but ai_logs.
    async fn snapshot(&self) -> Tables;
}

#[async_trait]
impl Snapshot for SqliteStore {
    async fn snapshot(&self) -> Tables {
        let read = self.transaction(|tx| -> Result<Tables, lms_store_sqlite::driver::Error> {
            let mut names = tx.prepare(
                "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'
                 AND name NOT IN ('ai_logs', 'fault')",
            )?;
            let names = names.query_map([], |row| row.get::<_, String>(0))?.collect::<Result<Vec<_>, _>>()?;
            let mut tables = BTreeMap::new();
            for name in names {
                let mut statement = tx.prepare(&format!("SELECT * FROM {name}"))?;
                let width = statement.column_count();
                let mut rows = statement
                    .query_map([], |row| {
                        let cells = (0..width).map(|n| row.get::<_, Cell>(n)).collect::<Result<Vec<_>, _>>()?;
                        Ok(format!("{cells:?}"))
                    })?
                    .collect::<Result<Vec<_>, _>>()?;
                rows.sort();
                tables.insert(name, rows);
            }
            Ok(tables)
        });
        read.await.unwrap().unwrap()
    }
}

/// The tables that differ, each with how many rows it has and had.
pub(crate) fn differences(before: &Tables, after: &Tables) -> Vec<(String, usize, usize)> {
    assert!(before.keys().eq(after.keys()));
    before
        .iter()
        .filter(|(name, rows)| after[*name] != **rows)
        .map(|(name, rows)| (name.clone(), rows.len(), after[name].len()))
        .collect()
}

/// One of the workflows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum What {
    Outline,
    Body,
    Quiz,
    Assignment,
    Grade(SubmissionId),
}

impl What {
    /// An answer that passes every check.
    pub(crate) fn good(self) -> serde_json::Value {
        match self {
            Self::Outline => outline(),
            Self::Body => body(),
            Self::Quiz => quiz(),
            Self::Assignment => assignment(),
            Self::Grade(_) => grade(),
        }
    }
}

pub(crate) fn brief() -> CourseBrief {
    CourseBrief {
        outline: OutlineBrief { topic: "Plants".into(), minutes: 90, ..OutlineBrief::default() },
        ..CourseBrief::default()
    }
}

pub(crate) fn quiz_brief() -> QuizBrief {
    QuizBrief { count: 2, ..QuizBrief::default() }
}

/// A script whose `$CHECK` becomes the check code of the request, which no script can know.
#[derive(Clone)]
pub(crate) struct Script(pub(crate) Arc<Scripted>);

impl Script {
    pub(crate) fn new(scripted: Scripted) -> Self {
        Self(Arc::new(scripted))
    }

    pub(crate) fn calls(&self) -> usize {
        self.0.calls()
    }
}

#[async_trait]
impl AiProvider for Script {
    fn name(&self) -> &str {
        self.0.name()
    }
    fn profile(&self, model: &str) -> ModelProfile {
        self.0.profile(model)
    }
    async fn complete(&self, request: &AiRequest) -> Result<AiResponse, ProviderError> {
        let mut response = self.0.complete(request).await?;
        if let Some(code) = check_code(request) {
            response.text = response.text.replace("$CHECK", &code);
        }
        Ok(response)
    }
}

/// The check code that a grading request carries.
pub(crate) fn check_code(request: &AiRequest) -> Option<String> {
    let part = request.parts.iter().find(|part| part.label == "check")?;
    serde_json::from_str(&part.text).ok()
}

type Act = dyn Fn(AiRequest) -> Pin<Box<dyn Future<Output = ()> + Send>> + Send + Sync;

/// A script that does something while the model thinks.
#[derive(Clone)]
pub(crate) struct Acting {
    script: Script,
    act: Arc<Act>,
}

impl Acting {
    pub(crate) fn new<F, Fut>(scripted: Scripted, act: F) -> Self
    where
        F: Fn(AiRequest) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        Self { script: Script::new(scripted), act: Arc::new(move |request| Box::pin(act(request))) }
    }

    pub(crate) fn calls(&self) -> usize {
        self.script.calls()
    }
}

#[async_trait]
impl AiProvider for Acting {
    fn name(&self) -> &str {
        self.script.name()
    }
    fn profile(&self, model: &str) -> ModelProfile {
        self.script.profile(model)
    }
    async fn complete(&self, request: &AiRequest) -> Result<AiResponse, ProviderError> {
        (self.act)(request.clone()).await;
        self.script.complete(request).await
    }
}
