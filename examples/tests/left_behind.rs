//! AI grading where a process died in the middle of a call.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "these are tests")]

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use lms_ai::Ai;
use lms_ai::offline::{OFFLINE_MODEL, Offline};
use lms_core::Lms;
use lms_core::ai::{AiProvider, AiRequest, AiResponse, ModelProfile, ProviderError};
use lms_core::lms::{AssignmentRules, Consumer as _, NewAssignment, NewSubmission};
use lms_core::model::{AiGrading, AiGradingState, Criterion, Points, Rubric};
use lms_core::testing::Classroom;
use lms_store_sqlite::SqliteStore;
use tokio::sync::Notify;

/// A model that never answers; it says when it was asked.
struct Silent(Arc<Notify>);

#[async_trait]
impl AiProvider for Silent {
    fn name(&self) -> &str {
        Offline.name()
    }
    fn profile(&self, model: &str) -> ModelProfile {
        Offline.profile(model)
    }
    async fn complete(&self, _: &AiRequest) -> Result<AiResponse, ProviderError> {
        self.0.notify_one();
        std::future::pending().await
    }
}

// rules: I3, S11
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_that_nobody_is_at_any_more_keeps_no_other_work_waiting() {
    let lms = Lms::builder(SqliteStore::in_memory().await.unwrap()).build();
    lms.expect_ai_grading();
    lms.migrate().await.unwrap();
    let room = Classroom::build(&lms, 1, 2).await.unwrap();
    let ten = Points::whole(10).unwrap();
    let criterion = |id: &str| Criterion {
        id: id.to_owned(),
        title: "Harbours".to_owned(),
        description: "Names the harbour, the lighthouse and the pilot".to_owned(),
        max: Points::whole(5).unwrap(),
    };
    let assignment = NewAssignment {
        description: "Describe the harbour, its lighthouse and its pilot.".to_owned(),
        rubric: Some(Rubric { criteria: vec![criterion("c1"), criterion("c2")], ..Rubric::default() }),
        is_published: true,
        rules: AssignmentRules { ai_grading: Some(AiGrading::Apply), ..AssignmentRules::default() },
        ..NewAssignment::new("Essay", ten)
    };
    let assignment = room.teacher().catalog().add_assignment(room.lessons[0], assignment).await.unwrap();
    let mut handed_in = Vec::new();
    for n in 0..2 {
        let work = "The harbour has a lighthouse of forty metres. Its pilot meets every ship at the mole.";
        let new = NewSubmission::text(format!("{work} Essay number {n}."));
        handed_in.push(room.student(n).assignments().submit(assignment.id, new).await.unwrap().id);
    }

    let asked = Arc::new(Notify::new());
    let dying = Ai::new(lms.clone(), Silent(asked.clone()), OFFLINE_MODEL).grader();
    let process = tokio::spawn({
        let lms = lms.clone();
        async move {
            let lease = lms.lease("the_dying_one").await.unwrap().unwrap();
            dying.step(&lms, &lease).await
        }
    });
    asked.notified().await;
    process.abort();
    assert!(process.await.unwrap_err().is_cancelled());

    let grader = Ai::new(lms.clone(), Offline, OFFLINE_MODEL).grader();
    // To wait for the dead one would take minutes; the bound only ends a test that fails.
    let lease = lms.lease(grader.name()).await.unwrap().unwrap();
    let graded = tokio::time::timeout(Duration::from_secs(60), grader.step(&lms, &lease)).await;
    assert_eq!(graded.expect("no step waits for a dead process").unwrap(), 1);
    let system = lms.system();
    let mut states = Vec::new();
    for id in handed_in {
        states.push(system.assignments().grading(id).await.unwrap().0.ai_status);
    }
    assert_eq!(states[0], AiGradingState::Pending, "the first one is looked at again later");
    assert!(matches!(states[1], AiGradingState::Applied | AiGradingState::Suggested), "{:?}", states[1]);
}
