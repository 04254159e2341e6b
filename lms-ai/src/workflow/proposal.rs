//! Proposals: answers that wait in the log until a person has looked at them (AI.md: propose, drop items, apply).

use std::collections::{BTreeMap, BTreeSet};

use lms_core::Refusal;
use lms_core::ai::{Part, Usage};
use lms_core::lms::{AiOrigin, AiSources, Session};
use lms_core::model::{AiLog, AiLogId, AiLogStatus, CourseId};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use crate::engine::{parts_of, sha256};
use crate::task::Proposable;
use crate::{About, Accepted, Ai, AiError, ReviewReason, Violation};

/// An answer that passed every check and waits: shown to a person, cut down, applied or dropped.
///
/// It stands in ai_logs as `valid`, so that it outlives the process; [`Ai::proposal`] reads it again.
pub struct Proposal<T: Proposable> {
    input: T::In,
    accepted: Accepted<T::Out>,
    status: AiLogStatus,
    course_id: Option<CourseId>,
    subject: Option<Uuid>,
    pub(super) doubts: Vec<String>,
    pub(super) checked: Option<AiOrigin>,
}

impl<T: Proposable> std::fmt::Debug for Proposal<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Proposal")
            .field("kind", &T::KIND)
            .field("operation_id", &self.operation_id())
            .field("status", &self.status)
            .finish_non_exhaustive()
    }
}

impl<T: Proposable> Proposal<T> {
    /// What is proposed.
    pub const fn value(&self) -> &T::Out {
        self.accepted.value()
    }
    /// What was asked.
    pub const fn input(&self) -> &T::In {
        &self.input
    }
    /// The operation: what the proposal is loaded, applied and dropped by.
    pub const fn operation_id(&self) -> Uuid {
        self.accepted.origin().operation_id
    }
    /// The log row and the operation.
    pub const fn origin(&self) -> AiOrigin {
        self.accepted.origin()
    }
    /// The log row.
    pub const fn log_id(&self) -> AiLogId {
        self.accepted.log_id()
    }
    /// Where it stands: `valid` while it waits, `applied` once its content is written.
    pub const fn status(&self) -> AiLogStatus {
        self.status
    }
    /// The course that it is for, where there is one already.
    pub const fn course_id(&self) -> Option<CourseId> {
        self.course_id
    }
    /// The lesson, topic or template that it is for.
    pub const fn subject(&self) -> Option<Uuid> {
        self.subject
    }
    /// Why a person must look at it.
    pub fn review_reasons(&self) -> &[ReviewReason] {
        self.accepted.review_reasons()
    }
    /// Whether it may be written with no person having looked at it; what was written already, was.
    pub(super) fn may_be_written(&self) -> Result<(), AiError> {
        if self.status != AiLogStatus::Valid || self.review_reasons().is_empty() {
            return Ok(());
        }
        let reasons = self.review_reasons().iter().map(|reason| reason.code()).collect();
        Err(AiError::NeedsReview { operation: self.operation_id(), reasons })
    }
    /// The questions, as pointers, that a blind solver answered otherwise than their keys say; applying
    /// leaves them out.
    pub fn doubts(&self) -> &[String] {
        &self.doubts
    }
    /// The tokens of this process's calls for it.
    pub const fn usage(&self) -> Usage {
        self.accepted.usage()
    }
    /// What these calls cost, in millionths of a US dollar.
    pub const fn cost_micro_usd(&self) -> u64 {
        self.accepted.cost_micro_usd()
    }
    /// Attempts on the wire; 0 where a stored answer was read.
    pub const fn calls(&self) -> u32 {
        self.accepted.calls()
    }
}

/// What is taken of a proposal: all of it, less items that are dropped, with items that were made anew.
///
/// Items are named by JSON pointers into the proposal as it is stored, so that they do not move when others
/// go: `/lessons/2`, `/lessons/0/topics/1`, `/objectives/3`, `/questions/4`, `/criteria/1`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Selection {
    /// What is left out.
    pub dropped: BTreeSet<String>,
    /// What was made anew, with the operation that made it: [`Ai::redo_question`], [`Ai::redo_criterion`].
    pub redone: BTreeMap<String, Uuid>,
}

impl Selection {
    /// All of it.
    #[must_use]
    pub fn all() -> Self {
        Self::default()
    }

    /// All of it but these items.
    #[must_use]
    pub fn without<S: Into<String>>(pointers: impl IntoIterator<Item = S>) -> Self {
        Self { dropped: pointers.into_iter().map(Into::into).collect(), redone: BTreeMap::new() }
    }

    /// With an item that was made anew.
    #[must_use]
    pub fn with_redone(mut self, pointer: impl Into<String>, operation: Uuid) -> Self {
        self.redone.insert(pointer.into(), operation);
        self
    }

    /// Whether nothing is left out or made anew.
    pub fn is_all(&self) -> bool {
        self.dropped.is_empty() && self.redone.is_empty()
    }
}

/// An item that was made anew: its pointer, the item, and its log row.
pub(super) type Redone = (String, Value, AiOrigin);

/// A pointer as its steps; `None` where an item of that kind cannot be dropped.
fn steps(pointer: &str, droppable: &[&str]) -> Option<Vec<String>> {
    let steps: Vec<String> = pointer.strip_prefix('/')?.split('/').map(str::to_owned).collect();
    let is_place = |step: &str| step == "0" || (!step.starts_with('0') && step.parse::<u32>().is_ok());
    let fits = |pattern: &&&str| {
        let wanted: Vec<&str> = pattern.trim_start_matches('/').split('/').collect();
        wanted.len() == steps.len()
            && wanted.iter().zip(&steps).all(|(want, step)| *want == step || (*want == "*" && is_place(step)))
    };
    droppable.iter().find(|pattern| fits(pattern)).map(|_| steps.clone())
}

/// What is left of an answer: its items made anew are in their places, the dropped ones are gone, and all
/// that is left keeps the task's rules, counted by what is left.
pub(super) fn left<T: Proposable>(
    mut input: T::In,
    out: &T::Out,
    selection: &Selection,
    redone: &[Redone],
) -> Result<T::Out, AiError> {
    if selection.is_all() {
        return Ok(out.clone());
    }
    let missing = |pointer: &str| AiError::NoSuchItem { pointer: pointer.to_owned() };
    let mut value = serde_json::to_value(out).unwrap_or_default();
    for (pointer, item, _) in redone {
        *value.pointer_mut(pointer).ok_or_else(|| missing(pointer))? = item.clone();
    }
    let mut places = Vec::with_capacity(selection.dropped.len());
    for pointer in &selection.dropped {
        let steps = steps(pointer, T::DROPPABLE).ok_or_else(|| missing(pointer))?;
        if value.pointer(pointer).is_none() {
            return Err(missing(pointer));
        }
        let (list, place) = pointer.rsplit_once('/').ok_or_else(|| missing(pointer))?;
        let place: usize = place.parse().map_err(|_| missing(pointer))?;
        places.push((steps.len(), list.to_owned(), place));
    }
    // The innermost and the last first, so that no pointer moves before its turn.
    places.sort_by(|a, b| b.cmp(a));
    for (_, list, place) in places {
        if let Some(items) = value.pointer_mut(&list).and_then(Value::as_array_mut)
            && place < items.len()
        {
            items.remove(place);
        }
    }
    let mut out: T::Out = serde_json::from_value(value).map_err(|_| AiError::NoProposal)?;
    if !selection.dropped.is_empty() {
        T::settle(&mut input, &mut out);
    }
    let violations = T::check(&input, &out);
    if violations.is_empty() { Ok(out) } else { Err(AiError::Invalid { violations }) }
}

impl Ai {
    /// Asks, and gives what came of it as a proposal.
    pub(super) async fn propose<T: Proposable>(
        &self,
        session: &Session,
        input: T::In,
        about: About,
    ) -> Result<Proposal<T>, AiError> {
        let accepted = self.run::<T>(session, &input, about).await?;
        let mut status = AiLogStatus::Valid;
        if accepted.calls() == 0 {
            let row = self.lms.store().ai_log(accepted.log_id()).await.map_err(lms_core::Error::from)?;
            status = row.map_or(status, |row| row.status);
        }
        Ok(Proposal {
            input,
            accepted,
            status,
            course_id: about.course_id,
            subject: about.subject.map(|(_, id)| id),
            doubts: Vec::new(),
            checked: None,
        })
    }

    /// Reads a proposal again by its operation, also in another process and after a restart: for who asked
    /// for it, the instructors of its course, admins and the system. No call is made.
    ///
    /// # Errors
    /// NoProposal where there is none of this task, or not for this actor; OperationNotValid where it was
    /// dropped; Invalid where the rules have changed since and it breaks them.
    pub async fn proposal<T: Proposable>(&self, session: &Session, operation: Uuid) -> Result<Proposal<T>, AiError> {
        let rows = match session.ai_log().operation(operation).await {
            Ok(rows) => rows,
            Err(lms_core::Error::NotFound { .. }) => return Err(AiError::NoProposal),
            Err(e) => return Err(e.into()),
        };
        let stands =
            |row: &&AiLog| matches!(row.status, AiLogStatus::Valid | AiLogStatus::Applied | AiLogStatus::Review);
        let Some(row) = rows.iter().find(stands) else {
            return Err(match rows.iter().find(|row| row.status == AiLogStatus::Dropped && row.kind == T::KIND) {
                Some(row) => lms_core::Error::from(Refusal::OperationNotValid { status: row.status }).into(),
                None => AiError::NoProposal,
            });
        };
        if row.kind != T::KIND {
            return Err(AiError::NoProposal);
        }
        let parts: Vec<Part> = parts_of(row).ok_or(AiError::NoProposal)?;
        let input = T::restore(&parts).ok_or(AiError::NoProposal)?;
        let accepted = self.stored_answer::<T>(&input, row)?;
        let (status, course_id, subject) = (row.status, row.course_id, row.subject_id);
        Ok(Proposal { input, accepted, status, course_id, subject, doubts: Vec::new(), checked: None })
    }

    /// Drops a whole proposal: it can no longer be applied, and asking under its operation again asks anew.
    /// Whether this call did.
    ///
    /// # Errors
    /// NoProposal where there is none, or not for this actor.
    pub async fn drop_proposal(&self, session: &Session, operation: Uuid) -> Result<bool, AiError> {
        let rows = match session.ai_log().operation(operation).await {
            Ok(rows) => rows,
            Err(lms_core::Error::NotFound { .. }) => return Err(AiError::NoProposal),
            Err(e) => return Err(e.into()),
        };
        match rows.iter().find(|row| row.status == AiLogStatus::Valid) {
            Some(row) => Ok(session.ai_log().drop_answer(row.id).await?),
            None => Ok(false),
        }
    }

    /// The items of a selection that were made anew, each of the right kind and about this very proposal.
    pub(super) async fn redone<R: Proposable>(
        &self,
        session: &Session,
        selection: &Selection,
        list: &str,
        item: &str,
        about: impl Fn(&R::In) -> Option<usize>,
    ) -> Result<Vec<Redone>, AiError> {
        let mut found = Vec::with_capacity(selection.redone.len());
        for (pointer, operation) in &selection.redone {
            let missing = || AiError::NoSuchItem { pointer: pointer.clone() };
            let redo = self.proposal::<R>(session, *operation).await?;
            let place: usize = pointer.strip_prefix(list).and_then(|n| n.parse().ok()).ok_or_else(missing)?;
            if about(redo.input()) != Some(place) {
                return Err(missing());
            }
            let mut value = serde_json::to_value(redo.value()).unwrap_or_default();
            let value = value.get_mut(item).map(Value::take).ok_or_else(missing)?;
            found.push((pointer.clone(), value, redo.origin()));
        }
        Ok(found)
    }

    /// Writing begins, and ends with what came of it.
    pub(super) async fn writing<O>(
        &self,
        write: impl Future<Output = Result<O, lms_core::Error>> + Send,
    ) -> Result<O, AiError> {
        self.at(crate::Stage::Writing);
        let written = write.await?;
        self.at(crate::Stage::Done);
        Ok(written)
    }
}

/// The log rows of what is written, with the place that each item made anew has among those that are left.
pub(super) fn sources(
    origin: AiOrigin,
    selection: &Selection,
    redone: &[Redone],
    checked: Option<AiOrigin>,
) -> AiSources {
    let place = |pointer: &str| pointer.rsplit_once('/').and_then(|(_, n)| n.parse::<usize>().ok());
    let gone: BTreeSet<usize> = selection.dropped.iter().filter_map(|p| place(p)).collect();
    let mut also: Vec<(Option<usize>, AiOrigin)> = redone
        .iter()
        .filter(|(pointer, ..)| !selection.dropped.contains(pointer))
        .map(|(pointer, _, origin)| {
            let at = place(pointer).map(|n| n - gone.range(..n).count());
            (at, *origin)
        })
        .collect();
    also.extend(checked.map(|origin| (None, origin)));
    AiSources { origin, also }
}

/// An operation that follows from another: the same input gives the same id.
pub(super) fn derived_operation(label: &str, of: &[&[u8]]) -> Uuid {
    let mut text = label.as_bytes().to_vec();
    for part in of {
        text.push(0);
        text.extend_from_slice(part);
    }
    let hex = sha256(text);
    let mut bytes = [0_u8; 16];
    for (n, byte) in bytes.iter_mut().enumerate() {
        *byte = hex.get(n * 2..n * 2 + 2).and_then(|two| u8::from_str_radix(two, 16).ok()).unwrap_or(0);
    }
    Uuid::new_v8(bytes)
}

/// The items that are too few, as a violation.
pub(super) fn too_few(pointer: &str, left: usize, least: usize) -> AiError {
    let message = format!("{left} are left, at least {least} are wanted");
    AiError::Invalid { violations: vec![Violation { code: "too_few_left", pointer: pointer.to_owned(), message }] }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::task::{OutlineTask, QuizTask};

    #[test]
    fn only_items_of_lists_may_be_dropped() {
        let known = |pointer: &str| steps(pointer, OutlineTask::DROPPABLE).is_some();
        assert!(known("/lessons/0") && known("/lessons/12/topics/3") && known("/objectives/1"));
        for wrong in ["", "/", "/lessons", "/lessons/x", "/lessons/01", "/lessons/0/title", "/title", "lessons/0"] {
            assert!(!known(wrong), "{wrong}");
        }
        assert!(steps("/lessons/0", QuizTask::DROPPABLE).is_none());
    }

    #[test]
    fn items_made_anew_keep_their_place_among_those_that_are_left() {
        let origin =
            |n: u128| AiOrigin { log_id: AiLogId::from_uuid(Uuid::from_u128(n)), operation_id: Uuid::from_u128(n) };
        let selection = Selection::without(["/questions/0", "/questions/3"]).with_redone("/questions/2", Uuid::nil());
        let redone =
            [("/questions/2".to_owned(), Value::Null, origin(2)), ("/questions/3".to_owned(), Value::Null, origin(3))];
        let found = sources(origin(1), &selection, &redone, Some(origin(9)));
        assert_eq!(found.also, [(Some(1), origin(2)), (None, origin(9))], "a dropped one leaves no trace");
    }

    #[test]
    fn derived_operations_repeat_and_differ() {
        let one = derived_operation("body", &[b"a", b"b"]);
        assert_eq!(one, derived_operation("body", &[b"a", b"b"]));
        assert_ne!(one, derived_operation("body", &[b"ab"]));
        assert_ne!(one, derived_operation("blind", &[b"a", b"b"]));
        assert_eq!(one.get_version_num(), 8);
    }
}
