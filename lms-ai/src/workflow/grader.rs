//! The named consumer that grades what is handed in (S11, Q12).

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use lms_core::lms::Consumer;
use lms_core::model::{AiGradingState, CourseId};
use lms_core::{Class, Error, Lms};
use uuid::Uuid;

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
/// what is wrong with the work goes to a person: that its calls fail is not, until others were answered beside it.
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
const IN_A_ROW: usize = 3;

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
    /// Those that the provider has failed, in a row.
    failed: Vec<Uuid>,
    /// Whether nobody is asked any more.
    closed: bool,
    /// The courses of assignments and quizzes, as far as somebody wanted to know.
    course_of: HashMap<Uuid, CourseId>,
}

/// What a step works with; nothing where only this failed. A store that is not there ends the step.
fn or_next<T>(found: Result<T, Error>) -> Result<Option<T>, Error> {
    match found {
        Ok(found) => Ok(Some(found)),
        Err(error) if error.class() == Class::Unavailable => Err(error),
        Err(error) => {
            tracing::warn!(code = error.code(), "AI grading passes over a work that cannot be read or written");
            Ok(None)
        }
    }
}

impl Round<'_> {
    const fn is_over(&self) -> bool {
        self.closed || self.asked >= STEP
    }

    fn patience<T>(&self, with: impl FnOnce(&mut Patience) -> T) -> T {
        // It is whole between any two statements, whoever has panicked.
        with(&mut self.grader.patience.lock().unwrap_or_else(std::sync::PoisonError::into_inner))
    }

    /// Whether the course has no budget, of an assignment or a quiz that is known.
    fn is_without_budget(&self, of: Uuid) -> bool {
        let now = self.lms.now();
        self.course_of.get(&of).is_some_and(|course| self.patience(|p| p.holds_course(*course, now)))
    }

    /// Who asks about a work: without counting against it what may have been the provider's fault.
    fn ai(&self, operation: Uuid) -> Ai {
        let ai = &self.grader.ai;
        if self.patience(|p| p.excuses(operation)) { ai.lenient() } else { ai.clone() }
    }

    /// Whether a work is to be left alone for now. A call that somebody is at, or died at, is looked at again
    /// in a later step: to wait for it here would keep everybody else's work waiting, too.
    async fn must_wait(&self, operation: Uuid) -> Result<bool, Error> {
        let now = self.lms.now();
        Ok(self.patience(|p| p.holds(operation, now))
            || or_next(self.grader.ai.is_under_way(operation).await)?.unwrap_or(true))
    }

    /// Leaves alone for a while what cannot be read or written.
    fn pass_over<T>(&self, id: Uuid, found: Result<T, Error>) -> Result<Option<T>, Error> {
        let found = or_next(found)?;
        if found.is_none() {
            let now = self.lms.now();
            self.patience(|p| p.hold(id, now));
        }
        Ok(found)
    }

    /// Takes note of what became of a work. The reason why a person must take it, if one must.
    fn settle<T>(&mut self, operation: Uuid, outcome: Result<T, AiError>) -> Result<Option<&'static str>, Error> {
        let now = self.lms.now();
        let after = match outcome {
            Ok(_) => None,
            Err(error) => Some(after(error)),
        };
        // Of a course without a budget nothing was asked.
        if !matches!(after, Some(After::Course(_))) {
            self.asked += 1;
        }
        if matches!(after, None | Some(After::Answered(_))) {
            self.failed.clear();
            self.patience(|p| p.answered(operation));
        }
        match after {
            None => self.done += 1,
            Some(After::Waits) => self.patience(|p| p.hold(operation, now)),
            Some(After::Fails) => {
                self.failed.push(operation);
                self.patience(|p| p.hold(operation, now));
                if self.failed.len() >= IN_A_ROW {
                    self.closed = true;
                    self.patience(|p| p.close_after(&self.failed, now));
                }
            }
            Some(After::Course(course)) => self.patience(|p| p.hold_course(course, now)),
            Some(After::Everybody) => self.closed = true,
            Some(After::Pause(wait)) => {
                self.closed = true;
                self.patience(|p| p.close(wait, now));
            }
            Some(After::Person(code) | After::Answered(code)) => {
                self.done += 1;
                self.patience(|p| p.forget(operation));
                return Ok(Some(code));
            }
            Some(After::Ends(e)) => return Err(e),
        }
        Ok(None)
    }

    async fn submissions(&mut self) -> Result<(), Error> {
        let system = self.lms.system();
        let mut seen = HashSet::new();
        for window in WINDOWS {
            let Some(heads) = or_next(system.assignments().awaiting_ai(window).await)? else { break };
            let is_all = heads.len() < usize::try_from(window).unwrap_or(usize::MAX);
            for head in heads {
                if self.is_over() {
                    return Ok(());
                }
                let (operation, assignment) =
                    (submission_operation(head.id, head.version_no), head.assignment_id.uuid());
                if !seen.insert(head.id) {
                    continue;
                }
                if !self.course_of.contains_key(&assignment) && self.patience(|p| p.holds_courses()) {
                    let found = self.pass_over(operation, system.assignments().grading(head.id).await)?;
                    let Some((submission, _)) = found else { continue };
                    self.course_of.insert(assignment, submission.course_id);
                }
                if self.is_without_budget(assignment) || self.must_wait(operation).await? {
                    continue;
                }
                let outcome = self.ai(operation).grade_submission(head.id).await;
                if let Some(code) = self.settle(operation, outcome)? {
                    let written = system.assignments().ai_grading_failed(head.id, code.to_owned()).await;
                    self.pass_over(operation, written)?;
                }
            }
            if is_all {
                break;
            }
        }
        Ok(())
    }

    async fn answers(&mut self) -> Result<(), Error> {
        let (system, now) = (self.lms.system(), self.lms.now());
        let mut seen = HashSet::new();
        for window in WINDOWS {
            let Some(heads) = or_next(system.quizzes().awaiting_ai(window).await)? else { break };
            let is_all = heads.len() < usize::try_from(window).unwrap_or(usize::MAX);
            for head in heads {
                if self.is_over() {
                    return Ok(());
                }
                let (attempt, quiz) = (head.id.uuid(), head.quiz_id.uuid());
                let waits = self.is_without_budget(quiz) || self.patience(|p| p.holds(attempt, now));
                if !seen.insert(head.id) || waits {
                    continue;
                }
                let Some(found) = self.pass_over(attempt, system.quizzes().essays(head.id).await)? else { continue };
                self.course_of.insert(quiz, found.course_id);
                for essay in found.essays.into_iter().filter(|e| e.record.ai_status == AiGradingState::Pending) {
                    let operation = answer_operation(head.id, essay.question_id);
                    if self.is_over() || self.is_without_budget(quiz) {
                        break;
                    }
                    if self.must_wait(operation).await? {
                        continue;
                    }
                    let outcome = self.ai(operation).grade_answer(head.id, essay.question_id).await;
                    if let Some(code) = self.settle(operation, outcome)? {
                        let (id, code) = (essay.question_id, code.to_owned());
                        let written = system.quizzes().ai_answer_grading_failed(head.id, id, code).await;
                        self.pass_over(operation, written)?;
                    }
                }
            }
            if is_all {
                break;
            }
        }
        Ok(())
    }

    async fn go(&mut self) -> Result<(), Error> {
        let now = self.lms.now();
        self.closed = self.patience(|p| p.is_closed(now));
        if !self.closed {
            self.submissions().await?;
            // Whoever hands in much work does not keep the essays of others waiting.
            self.asked = 0;
            self.answers().await?;
        }
        Ok(())
    }
}

#[async_trait]
impl Consumer for Grader {
    fn name(&self) -> &str {
        "ai_grader"
    }

    async fn step(&self, lms: &Lms, _: &lms_core::lms::Lease) -> Result<usize, Error> {
        let (failed, course_of) = (Vec::new(), HashMap::new());
        let mut round = Round { grader: self, lms, done: 0, asked: 0, failed, closed: false, course_of };
        round.go().await?;
        Ok(round.done)
    }
}
