//! What the log has of an operation.

use std::collections::BTreeMap;

use lms_core::Lms;
use lms_core::model::{AiLog, AiLogStatus, CourseId, SubmissionId};
use lms_core::store::{AiLogFilter, ById};
use lms_examples::output::Screen;
use uuid::Uuid;

/// The attempts of an operation, by number.
pub(crate) struct Receipt {
    operation: Option<Uuid>,
    rows: Vec<AiLog>,
}

impl Receipt {
    /// Of an operation; empty where nothing was sent.
    pub(crate) async fn of(lms: &Lms, operation: Uuid) -> Result<Self, lms_core::Error> {
        let mut rows = lms.store().ai_operation(operation).await?;
        rows.sort_by_key(|row| row.attempt);
        Ok(Self { operation: Some(operation), rows })
    }

    /// Of the last operation about a submission: the library draws its id from the version of the work.
    pub(crate) async fn about(lms: &Lms, submission: SubmissionId) -> Result<Self, lms_core::Error> {
        let filter = AiLogFilter { kind: Some("grade".to_owned()), ..AiLogFilter::default() };
        let (mut after, mut last) = (None, None);
        loop {
            let rows = lms.store().ai_logs(&filter, ById { after, limit: 500 }).await?;
            let about = |row: &&AiLog| row.subject_id == Some(submission.uuid());
            last = rows.iter().rfind(about).map(|row| row.operation_id).or(last);
            match rows.last() {
                Some(row) => after = Some(row.id.uuid()),
                None => break,
            }
        }
        match last {
            Some(operation) => Self::of(lms, operation).await,
            None => Ok(Self { operation: None, rows: Vec::new() }),
        }
    }

    /// Of all texts of a course, each an operation of its own.
    pub(crate) async fn texts(lms: &Lms, course: CourseId) -> Result<Self, lms_core::Error> {
        let kind = Some("lesson_body".to_owned());
        let filter = AiLogFilter { kind, course: Some(course), without_texts: true, ..AiLogFilter::default() };
        let (mut after, mut all) = (None, Vec::new());
        loop {
            let rows = lms.store().ai_logs(&filter, ById { after, limit: 500 }).await?;
            let Some(last) = rows.last() else { break };
            after = Some(last.id.uuid());
            all.extend(rows);
        }
        Ok(Self { operation: None, rows: all })
    }

    /// Whether the last attempt, about this where one is named, brought a whole answer that broke the rules.
    pub(crate) fn ends_invalid(&self, about: Option<Uuid>) -> bool {
        let mut rows = self.rows.iter().filter(|row| about.is_none() || row.subject_id == about);
        rows.next_back().is_some_and(|row| row.status == AiLogStatus::Invalid)
    }

    /// How many attempts there are.
    pub(crate) fn attempts(&self) -> usize {
        self.rows.len()
    }

    /// The operation, its attempts, tokens and cost. `before` attempts were there already.
    pub(crate) fn print(&self, screen: &Screen, before: usize) {
        if let Some(operation) = self.operation {
            screen.line(format!("Operation  {operation}"));
        }
        let mut kinds: BTreeMap<String, usize> = BTreeMap::new();
        for row in &self.rows {
            let why = row.error_kind.as_deref().map_or_else(String::new, |kind| format!(" ({kind})"));
            *kinds.entry(format!("{}{why}", row.status.as_str().replace('_', " "))).or_default() += 1;
        }
        let kinds: Vec<String> = kinds.into_iter().map(|(kind, count)| format!("{count} {kind}")).collect();
        let known = if before > 0 { format!("; {before} of them before this run") } else { String::new() };
        screen.line(match self.rows.len() {
            0 => "Attempts   0".to_owned(),
            n => format!("Attempts   {n}: {}{known}", kinds.join(", ")),
        });
        let sum = |of: fn(&AiLog) -> i64| self.rows.iter().map(of).fold(0_i64, i64::saturating_add);
        screen.line(format!(
            "Tokens     {} in, {} out, {} read from the cache, {} written to it",
            sum(|row| row.tokens_in),
            sum(|row| row.tokens_out),
            sum(|row| row.tokens_cache_read),
            sum(|row| row.tokens_cache_write)
        ));
        let cost = sum(|row| row.cost_micro_usd);
        screen.line(format!("Cost       {}.{:06} US dollars", cost / 1_000_000, cost % 1_000_000));
    }
}
