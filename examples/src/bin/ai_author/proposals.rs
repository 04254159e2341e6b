//! What waits for a person: shown with its items by number, and applied less some of them.

use lms_ai::task::{AssignmentTask, BodyTask, CertificateTask, OutlineTask, Proposable, QuizTask};
use lms_ai::{Ai, AiError, AiTask, Proposal, Selection};
use lms_core::lms::{AssignmentRules, QuizRules, Session};
use lms_core::model::{AiLogStatus, Assignment, GradeEntry, Points, RubricScores, SubmissionId};
use serde_json::Value;
use uuid::Uuid;

use crate::End;
use crate::jobs::{self, Written};

/// A proposal, as far as it is shown and taken.
pub(crate) struct Found {
    operation: Uuid,
    kind: Kind,
    title: String,
    /// Why a person must look.
    reasons: Vec<String>,
    /// What a suggested mark says, in lines.
    said: Vec<String>,
    /// Whether it was written already.
    is_applied: bool,
    items: Vec<Item>,
}

enum Kind {
    Outline,
    Body,
    Quiz,
    Assignment,
    Certificate,
    /// A suggested mark of a submission, with its seq in the history.
    Grade(SubmissionId, i64),
}

/// What can be dropped: its place in the proposal, and in words.
struct Item {
    pointer: String,
    depth: usize,
    label: String,
}

impl Found {
    fn of<T: Proposable>(kind: Kind, proposal: &Proposal<T>) -> Self {
        let value = serde_json::to_value(proposal.value()).unwrap_or_default();
        let title = value.get("title").or_else(|| value.get("headline")).and_then(Value::as_str).unwrap_or(T::KIND);
        Self {
            operation: proposal.operation_id(),
            kind,
            title: title.to_owned(),
            reasons: proposal.review_reasons().iter().map(|reason| reason.code().to_owned()).collect(),
            said: Vec::new(),
            is_applied: proposal.status() != AiLogStatus::Valid,
            items: items(&value, T::DROPPABLE, "", 0),
        }
    }

    /// What it is, why a person must look, and its items by number.
    pub(crate) fn lines(&self, selection: &Selection) -> Vec<String> {
        let mut lines = vec![format!("Proposal   {}", self.title)];
        if !self.reasons.is_empty() {
            lines.push(format!("Look       {}", self.reasons.join(", ")));
        }
        lines.extend(self.said.iter().cloned());
        for (n, item) in self.items.iter().enumerate() {
            let gone = if selection.dropped.contains(&item.pointer) { "  (dropped)" } else { "" };
            lines.push(format!("{:>10} {}{}{gone}", n + 1, "  ".repeat(item.depth), item.label));
        }
        lines
    }

    /// What it waits for.
    pub(crate) fn waits(&self) -> String {
        let why = match self.reasons.as_slice() {
            [] => String::new(),
            reasons => format!(" ({})", reasons.join(", ")),
        };
        format!("nothing was written; it is a proposal until a person applies {}{why}", self.operation)
    }

    fn without(&self, drop: &[usize]) -> Result<Selection, End> {
        let most = self.items.len();
        let item = |n: &usize| {
            let found = n.checked_sub(1).and_then(|place| self.items.get(place));
            found.map(|item| item.pointer.clone()).ok_or_else(|| {
                End::Usage(match most {
                    0 => format!("there is nothing to drop, and no item {n}"),
                    _ => format!("there is no item {n} to drop; there are 1 to {most}"),
                })
            })
        };
        Ok(Selection::without(drop.iter().map(item).collect::<Result<Vec<_>, _>>()?))
    }
}

/// The items of a proposal in its order, each with those within it.
fn items(value: &Value, droppable: &[&str], at: &str, depth: usize) -> Vec<Item> {
    let mut found = Vec::new();
    for pattern in droppable {
        let Some((list, rest)) = pattern.trim_start_matches('/').split_once("/*") else { continue };
        if !rest.is_empty() {
            continue;
        }
        let inner: Vec<&str> = droppable.iter().filter_map(|other| other.strip_prefix(pattern)).collect();
        for (n, one) in value.get(list).and_then(Value::as_array).into_iter().flatten().enumerate() {
            let pointer = format!("{at}/{list}/{n}");
            found.push(Item { pointer: pointer.clone(), depth, label: format!("{}: {}", singular(list), label(one)) });
            found.extend(items(one, &inner, &pointer, depth + 1));
        }
    }
    found
}

fn singular(list: &str) -> String {
    match list {
        "criteria" => "criterion".to_owned(),
        "glossary" => "term".to_owned(),
        list => list.strip_suffix('s').unwrap_or(list).replace('_', " "),
    }
}

/// An item in one line of at most 100 characters.
fn label(item: &Value) -> String {
    let named = ["title", "text", "term", "key"].iter().find_map(|name| item.get(name)?.as_str());
    let said: String = item.as_str().or(named).unwrap_or_default().split_whitespace().collect::<Vec<_>>().join(" ");
    match said.char_indices().nth(100) {
        Some((end, _)) => format!("{}…", said.get(..end).unwrap_or_default()),
        None => said,
    }
}

/// What waits under an operation, for whom it concerns.
pub(crate) async fn read(ai: &Ai, session: &Session, operation: Uuid) -> Result<Found, End> {
    let rows = match session.ai_log().operation(operation).await {
        Ok(rows) => rows,
        Err(lms_core::Error::NotFound { .. }) => return Err(End::Ai(AiError::NoProposal)),
        Err(e) => return Err(e.into()),
    };
    let stands = |status| matches!(status, AiLogStatus::Valid | AiLogStatus::Review | AiLogStatus::Applied);
    let row = rows.iter().find(|row| stands(row.status)).or(rows.last()).ok_or(AiError::NoProposal)?;
    let submission = row.subject_id.filter(|_| row.subject_type.as_deref() == Some("submission"));
    match (row.kind.as_str(), submission) {
        (OutlineTask::KIND, _) => Ok(Found::of(Kind::Outline, &ai.proposal::<OutlineTask>(session, operation).await?)),
        (BodyTask::KIND, _) => Ok(Found::of(Kind::Body, &ai.proposal::<BodyTask>(session, operation).await?)),
        (QuizTask::KIND, _) => Ok(Found::of(Kind::Quiz, &ai.proposal::<QuizTask>(session, operation).await?)),
        (AssignmentTask::KIND, _) => {
            Ok(Found::of(Kind::Assignment, &ai.proposal::<AssignmentTask>(session, operation).await?))
        }
        (CertificateTask::KIND, _) => {
            Ok(Found::of(Kind::Certificate, &ai.proposal::<CertificateTask>(session, operation).await?))
        }
        ("grade", Some(id)) => grade(session, operation, SubmissionId::from_uuid(id)).await,
        _ => Err(End::Ai(AiError::NoProposal)),
    }
}

/// A suggested mark.
async fn grade(session: &Session, operation: Uuid, id: SubmissionId) -> Result<Found, End> {
    let (submission, assignment) = session.assignments().grading(id).await?;
    let history = session.assignments().history(id).await?;
    let log_ids: Vec<_> = session.ai_log().operation(operation).await?.into_iter().map(|row| row.id).collect();
    let own = |entry: &&GradeEntry| entry.ai_log_id.is_some_and(|log| log_ids.contains(&log));
    let open = history.iter().filter(own).find(|entry| submission.suggested_seq == Some(entry.seq));
    let entry = open.or_else(|| history.iter().find(own)).ok_or(AiError::NoProposal)?;
    let raw = entry.raw.unwrap_or(Points::ZERO);
    Ok(Found {
        operation,
        kind: Kind::Grade(id, entry.seq),
        title: format!("submission {id}: {raw} of {} points", assignment.max_grade),
        reasons: entry.reason.iter().flat_map(|all| all.split(", ")).map(str::to_owned).collect(),
        said: said(&assignment, entry),
        is_applied: open.is_none(),
        items: Vec::new(),
    })
}

/// What a mark says to the learner: its feedback, and each criterion with its points, the comment and the evidence.
fn said(assignment: &Assignment, entry: &GradeEntry) -> Vec<String> {
    let one_line = |text: &str| {
        let plain: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        plain.split_whitespace().collect::<Vec<_>>().join(" ")
    };
    let mut lines: Vec<String> = entry.feedback.iter().map(|text| format!("Feedback   {}", one_line(text))).collect();
    let rubric = assignment.rubric().ok().flatten().unwrap_or_default();
    let scores: Option<RubricScores> = entry.rubric_scores.as_ref().and_then(|scores| scores.read().ok());
    for score in scores.unwrap_or_default() {
        let criterion = rubric.criteria.iter().find(|criterion| criterion.id == score.id);
        let (title, of) = criterion.map_or((score.id.as_str(), String::new()), |criterion| {
            (criterion.title.as_str(), format!(" of {}", criterion.max))
        });
        let comment = one_line(&score.comment);
        lines.push(format!("Criterion  {}: {}{of} points. {comment}", one_line(title), score.points));
        lines.extend(score.evidence.iter().map(|quote| format!("           \"{}\"", one_line(quote))));
    }
    lines
}

/// Shows what waits, and writes nothing.
pub(crate) async fn show(ai: &Ai, session: &Session, operation: Uuid) -> Result<Written, End> {
    let found = read(ai, session, operation).await?;
    let lines = found.lines(&Selection::all());
    if found.is_applied {
        return Ok(Written {
            before: lines,
            ..Written::applied(Vec::new(), "it waits for nobody any more".to_owned())
        });
    }
    Ok(Written { lines: Vec::new(), applied: String::new(), review: Some(found.waits()), before: lines })
}

/// Writes what waits, less the items of these numbers.
pub(crate) async fn apply(ai: &Ai, session: &Session, operation: Uuid, drop: &[usize]) -> Result<Written, End> {
    let found = read(ai, session, operation).await?;
    let less = found.without(drop)?;
    if found.is_applied && !drop.is_empty() {
        return Err(End::Usage(format!("{operation} was applied already: nothing of it can be dropped any more")));
    }
    let mut written = match found.kind {
        Kind::Outline => jobs::outline(session, ai.apply_course(session, operation, &less).await?.course_id).await?,
        Kind::Body => jobs::text(&ai.apply_body(session, operation, &less).await?),
        Kind::Quiz => {
            let quiz = ai.apply_quiz(session, operation, &less, QuizRules::default()).await?;
            jobs::quiz(session, &quiz).await?
        }
        Kind::Assignment => {
            jobs::assignment(&ai.apply_assignment(session, operation, &less, AssignmentRules::default()).await?)
        }
        Kind::Certificate => {
            let made = ai.apply_certificate(session, operation, &less).await?;
            let line = format!("template {} \"{}\", version {}", made.id, made.name, made.version);
            Written::applied(vec![line], "the copy is a draft until a person accepts it".to_owned())
        }
        Kind::Grade(id, seq) => {
            if found.is_applied {
                return Err(AiError::NoProposal.into());
            }
            let graded = session.assignments().adopt_suggestion(id, seq, None).await?.submission;
            let grade = graded.grade.unwrap_or(Points::ZERO);
            Written::applied(vec![format!("submission {id}: {grade} points")], "the grade is written".to_owned())
        }
    };
    written.before = found.lines(&less);
    Ok(written)
}
