//! The named consumer that grades what is handed in (S11, Q12).

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use lms_core::Lms;
use lms_core::lms::Consumer;
use lms_core::model::{AiGradingState, AssignmentId, CourseId};

use super::answers::answer_operation;
use super::grade::submission_operation;
use super::patience::{After, Patience, after};
use crate::{Ai, AiError};

/// Grades submissions and essay answers as they arrive, in the background, in one process at a time.
///
/// What waits stands in the rows of the work itself, so nothing is lost when it dies at any point: an answer
/// of the model that was paid for is applied by the next step without a call.
///
/// A work that fails waits by itself, each time longer, and does not hold up the others; what is wrong with
/// the provider or the budget of all holds up everything, and nobody is asked before a pause is over. Only
/// what is wrong with the work goes to a person.
#[derive(Debug, Clone)]
pub struct Grader {
    ai: Ai,
    patience: Arc<Mutex<Patience>>,
}

/// How many works one step asks about.
const STEP: usize = 10;
/// How far into the queue a step looks, while all that it has seen must wait.
const WINDOWS: [u32; 3] = [50, 500, 5_000];
/// After so many works in a row that the provider failed, the fault is the provider's.
const IN_A_ROW: u32 = 3;

impl Ai {
    /// The named consumer that grades submissions and essay answers as they arrive; for
    /// `lms.background().with(…)`.
    pub fn grader(&self) -> Grader {
        Grader { ai: self.clone(), patience: Arc::default() }
    }
}

/// One step.
struct Round<'a> {
    grader: &'a Grader,
    lms: &'a Lms,
    /// What was graded or handed to a person.
    done: usize,
    /// Works that were asked about.
    asked: usize,
    /// How many of them the provider has failed, in a row.
    failed: u32,
    /// Whether nobody is asked any more.
    closed: bool,
    /// Courses without a budget today.
    courses: HashSet<CourseId>,
    /// The courses of assignments, as far as somebody wanted to know.
    course_of: HashMap<AssignmentId, CourseId>,
}

impl Round<'_> {
    const fn is_over(&self) -> bool {
        self.closed || self.asked >= STEP
    }

    fn patience<T>(&self, with: impl FnOnce(&mut Patience) -> T) -> T {
        // It is whole between any two statements, whoever has panicked.
        with(&mut self.grader.patience.lock().unwrap_or_else(std::sync::PoisonError::into_inner))
    }

    /// Whether a work is to be left alone for now. A call that somebody is at, or died at, is looked at again
    /// in a later step: to wait for it here would keep everybody else's work waiting, too.
    async fn must_wait(&self, operation: uuid::Uuid) -> Result<bool, lms_core::Error> {
        let now = self.lms.now();
        Ok(self.patience(|p| p.holds(operation, now)) || self.grader.ai.is_under_way(operation).await?)
    }

    /// Takes note of what became of a work. The reason why a person must take it, if one must.
    fn settle<T>(
        &mut self,
        operation: uuid::Uuid,
        outcome: Result<T, AiError>,
    ) -> Result<Option<&'static str>, lms_core::Error> {
        self.asked += 1;
        let now = self.lms.now();
        let error = match outcome {
            Ok(_) => {
                self.done += 1;
                self.failed = 0;
                self.patience(|p| p.answered(operation));
                return Ok(None);
            }
            Err(error) => error,
        };
        match after(error) {
            After::Waits => self.patience(|p| p.hold(operation, now)),
            After::Fails => {
                self.failed += 1;
                self.patience(|p| p.hold(operation, now));
                if self.failed >= IN_A_ROW {
                    self.closed = true;
                    self.patience(|p| p.close(None, now));
                }
            }
            After::Course(course) => {
                self.courses.insert(course);
            }
            After::Everybody => self.closed = true,
            After::Pause(wait) => {
                self.closed = true;
                self.patience(|p| p.close(wait, now));
            }
            After::Person(code) => {
                self.done += 1;
                self.failed = 0;
                self.patience(|p| p.answered(operation));
                return Ok(Some(code));
            }
            After::Ends(e) => return Err(e),
        }
        Ok(None)
    }

    async fn submissions(&mut self) -> Result<(), lms_core::Error> {
        let (system, lms) = (self.lms.system(), self.lms);
        let mut seen = HashSet::new();
        for window in WINDOWS {
            let heads = system.assignments().awaiting_ai(window).await?;
            let is_all = heads.len() < usize::try_from(window).unwrap_or(usize::MAX);
            for head in heads {
                if self.is_over() {
                    return Ok(());
                }
                let operation = submission_operation(head.id, head.version_no);
                if !seen.insert(head.id) || self.must_wait(operation).await? {
                    continue;
                }
                if !self.courses.is_empty() {
                    let course = match self.course_of.get(&head.assignment_id) {
                        Some(course) => *course,
                        None => lms.system().assignments().grading(head.id).await?.0.course_id,
                    };
                    self.course_of.insert(head.assignment_id, course);
                    if self.courses.contains(&course) {
                        continue;
                    }
                }
                let outcome = self.grader.ai.grade_submission(head.id).await;
                if let Some(code) = self.settle(operation, outcome)? {
                    system.assignments().ai_grading_failed(head.id, code.to_owned()).await?;
                }
            }
            if is_all {
                break;
            }
        }
        Ok(())
    }

    async fn answers(&mut self) -> Result<(), lms_core::Error> {
        let system = self.lms.system();
        let mut seen = HashSet::new();
        for window in WINDOWS {
            let heads = system.quizzes().awaiting_ai(window).await?;
            let is_all = heads.len() < usize::try_from(window).unwrap_or(usize::MAX);
            for head in heads {
                if self.is_over() {
                    return Ok(());
                }
                if !seen.insert(head.id) {
                    continue;
                }
                let found = system.quizzes().essays(head.id).await?;
                for essay in found.essays.into_iter().filter(|e| e.record.ai_status == AiGradingState::Pending) {
                    let operation = answer_operation(head.id, essay.question_id);
                    if self.is_over() || self.courses.contains(&found.course_id) {
                        break;
                    }
                    if self.must_wait(operation).await? {
                        continue;
                    }
                    let outcome = self.grader.ai.grade_answer(head.id, essay.question_id).await;
                    if let Some(code) = self.settle(operation, outcome)? {
                        let (id, code) = (essay.question_id, code.to_owned());
                        system.quizzes().ai_answer_grading_failed(head.id, id, code).await?;
                    }
                }
            }
            if is_all {
                break;
            }
        }
        Ok(())
    }
}

#[async_trait]
impl Consumer for Grader {
    fn name(&self) -> &str {
        "ai_grader"
    }

    async fn step(&self, lms: &Lms, _: &lms_core::lms::Lease) -> Result<usize, lms_core::Error> {
        let mut round = Round {
            grader: self,
            lms,
            done: 0,
            asked: 0,
            failed: 0,
            closed: false,
            courses: HashSet::new(),
            course_of: HashMap::new(),
        };
        let now = lms.now();
        round.closed = round.patience(|p| p.is_closed(now));
        if !round.closed {
            round.submissions().await?;
            // Whoever hands in much work does not keep the essays of others waiting.
            round.asked = 0;
            round.answers().await?;
        }
        // What its callers left behind is marked, so that nothing stands as pending for ever.
        let old = i64::try_from(self.ai.given_up_after().as_secs()).unwrap_or(i64::MAX);
        lms.system().ai_log().sweep(old).await?;
        Ok(round.done)
    }
}
