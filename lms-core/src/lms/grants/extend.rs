//! Dates, time and attempts of one learner's own, and excuses (S6, S8, A3, A4).

use serde::{Deserialize, Serialize};

use super::{check_reason, columns, subject};
use crate::error::Error;
use crate::lms::assignments::{Recompute, recompute_versions};
use crate::lms::learner::{Work, access};
use crate::lms::many::{ManyMode, ManyReport, many};
use crate::lms::quizzes::later_deadline;
use crate::lms::{Grants, Planned};
use crate::model::*;
use crate::rules::authoring::Checks;
use crate::rules::permission::Action;
use crate::store::{Expect, Item};

/// Where one date of a learner comes from (S6).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum OwnDate {
    /// From the item.
    #[default]
    Inherit,
    /// There is none for this learner.
    None,
    /// The learner's own.
    At(Timestamp),
}

impl OwnDate {
    const fn columns(self) -> (OverrideMode, Option<Timestamp>) {
        match self {
            Self::Inherit => (OverrideMode::Inherit, None),
            Self::None => (OverrideMode::None, None),
            Self::At(at) => (OverrideMode::Value, Some(at)),
        }
    }
}

/// What is granted to one learner for one item, all of it: a field that is left out goes back to the
/// item's own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct Extension {
    /// When the lesson, the quiz or the assignment opens.
    pub available_from: OwnDate,
    /// When the assignment is due.
    pub due: OwnDate,
    /// The assignment's cut-off; the quiz's close.
    pub cutoff: OwnDate,
    /// The quiz's time limit is multiplied by this, in basis points: 10,000 (as it is) to 100,000.
    pub time_multiplier_bp: i64,
    /// Seconds added to the quiz's time limit, at most 30 days.
    pub extra_seconds: i64,
    /// Attempts added to the quiz's limit, or versions to the assignment's; at most 1,000.
    pub extra_attempts: i64,
    /// Why; 1 to 2,000 characters.
    pub reason: String,
}

impl Default for Extension {
    fn default() -> Self {
        Self {
            available_from: OwnDate::Inherit,
            due: OwnDate::Inherit,
            cutoff: OwnDate::Inherit,
            time_multiplier_bp: 10_000,
            extra_seconds: 0,
            extra_attempts: 0,
            reason: String::new(),
        }
    }
}

impl Extension {
    /// Nothing granted yet, for a reason.
    pub fn because(reason: impl Into<String>) -> Self {
        Self { reason: reason.into(), ..Self::default() }
    }

    fn check(&self, item: Item) -> Result<(), Error> {
        let mut checks = Checks::default();
        checks.text("reason", &self.reason, 1, 2_000);
        let mut only = |is: bool, field: &str, of: &str| {
            if !is {
                checks.add("grant.field", field, format!("only {of} has this"));
            }
        };
        let (quiz, assignment) = (matches!(item, Item::Quiz(_)), matches!(item, Item::Assignment(_)));
        only(self.due == OwnDate::Inherit || assignment, "due", "an assignment");
        only(self.cutoff == OwnDate::Inherit || assignment || quiz, "cutoff", "a quiz or an assignment");
        only(self.time_multiplier_bp == 10_000 || quiz, "time_multiplier_bp", "a quiz");
        only(self.extra_seconds == 0 || quiz, "extra_seconds", "a quiz");
        only(self.extra_attempts == 0 || quiz || assignment, "extra_attempts", "a quiz or an assignment");
        let mut within = |value: i64, least: i64, most: i64, field: &str| {
            if !(least..=most).contains(&value) {
                checks.add("grant.range", field, format!("must be between {least} and {most}"));
            }
        };
        within(self.time_multiplier_bp, 10_000, 100_000, "time_multiplier_bp");
        within(self.extra_seconds, 0, 30 * 86_400, "extra_seconds");
        within(self.extra_attempts, 0, 1_000, "extra_attempts");
        checks.done()
    }
}

impl Grants<'_> {
    /// Grants a learner dates, time or attempts of their own (S6). It replaces what was granted before
    /// for the item. An open attempt's deadline moves later, never earlier (A4); lateness and penalty of
    /// every version are computed anew, with the raw marks as they are (S6). All of it, and what it
    /// completes, is one transaction.
    ///
    /// # Errors
    /// Invalid with every problem; Denied to all but instructors; NotFound.
    #[tracing::instrument(name = "lms.extend", skip_all, fields(course, outcome))]
    pub async fn extend(&self, item: Item, student: UserId, extension: Extension) -> Result<Override, Error> {
        extension.check(item)?;
        self.put(item, student, |row| {
            (row.available_from_mode, row.available_from) = extension.available_from.columns();
            (row.due_mode, row.due_date) = extension.due.columns();
            (row.cutoff_mode, row.cutoff_date) = extension.cutoff.columns();
            row.time_multiplier_bp = extension.time_multiplier_bp;
            row.extra_seconds = extension.extra_seconds;
            row.extra_attempts = extension.extra_attempts;
            row.reason.clone_from(&extension.reason);
        })
        .await
    }

    /// Excuses a learner from a quiz or an assignment, or takes the excuse back (S8). Excused, it counts
    /// as met, is left out of every average and score, and takes no late penalty.
    ///
    /// # Errors
    /// Invalid without a reason, and for lessons and courses (waive a lesson instead); Denied to all but
    /// instructors; NotFound.
    #[tracing::instrument(name = "lms.excuse", skip_all, fields(course, outcome))]
    pub async fn excuse(&self, item: Item, student: UserId, excused: bool, reason: &str) -> Result<Override, Error> {
        check_reason(reason)?;
        if matches!(item, Item::Course(_) | Item::Lesson(_)) {
            return Err(Error::invalid("grant.item", "item", "excuse from a quiz or an assignment; waive a lesson"));
        }
        self.put(item, student, |row| {
            row.excused = excused;
            reason.clone_into(&mut row.reason);
        })
        .await
    }

    /// Grants the same to many learners (E7).
    ///
    /// # Errors
    /// As [`Grants::extend`], row by row.
    #[tracing::instrument(name = "lms.extend_many", skip_all, fields(course, outcome))]
    pub async fn extend_many(
        &self,
        item: Item,
        students: Vec<UserId>,
        extension: Extension,
        mode: ManyMode,
    ) -> Result<ManyReport<Override>, Error> {
        let rows = students.into_iter().map(|student| (student.uuid(), (student, extension.clone()))).collect();
        many(
            self.s,
            mode,
            rows,
            |s, (student, extension)| async move { s.grants().extend(item, student, extension).await },
        )
        .await
    }

    /// Excuses many learners from a quiz or an assignment, or takes the excuses back (E7).
    ///
    /// # Errors
    /// As [`Grants::excuse`], row by row.
    #[tracing::instrument(name = "lms.excuse_many", skip_all, fields(course, outcome))]
    pub async fn excuse_many(
        &self,
        item: Item,
        students: Vec<UserId>,
        excused: bool,
        reason: &str,
        mode: ManyMode,
    ) -> Result<ManyReport<Override>, Error> {
        let rows = students.into_iter().map(|student| (student.uuid(), (student, reason.to_owned()))).collect();
        many(self.s, mode, rows, |s, (student, reason)| async move {
            s.grants().excuse(item, student, excused, &reason).await
        })
        .await
    }

    async fn put(
        &self,
        item: Item,
        student: UserId,
        change: impl Fn(&mut Override) + Send + Sync,
    ) -> Result<Override, Error> {
        if matches!(item, Item::Course(_)) {
            return Err(Error::invalid("grant.item", "item", "a lesson, a quiz or an assignment"));
        }
        let change = &change;
        self.s
            .run(Some(student.uuid()), |command| async move {
                let (context, enrollment) = self.load(item, student, Action::ManageLearners).await?;
                let (lesson_id, quiz_id, assignment_id) = columns(item);
                let (what, id) = subject(item);
                let mut lesson_work = context.work.clone().ok_or_else(|| Error::not_found(what, id))?;
                let before = lesson_work
                    .overrides
                    .iter()
                    .find(|o| (o.lesson_id, o.quiz_id, o.assignment_id) == (lesson_id, quiz_id, assignment_id))
                    .cloned();
                if command.done
                    && let Some(stands) = before
                {
                    return Ok(Planned::nothing(stands));
                }
                let granted_by = self.s.rights_of().ok_or_else(|| Error::not_found(what, id))?;
                let mut row = before.clone().unwrap_or_else(|| Override {
                    id: RowId::from_uuid(command.derived("override", 0)),
                    enrollment_id: enrollment.id,
                    course_id: enrollment.course_id,
                    student_id: student,
                    lesson_id,
                    quiz_id,
                    assignment_id,
                    available_from_mode: OverrideMode::Inherit,
                    available_from: None,
                    due_mode: OverrideMode::Inherit,
                    due_date: None,
                    cutoff_mode: OverrideMode::Inherit,
                    cutoff_date: None,
                    time_multiplier_bp: 10_000,
                    extra_seconds: 0,
                    extra_attempts: 0,
                    excused: false,
                    reason: String::new(),
                    granted_by,
                    created_at: command.now,
                    updated_at: command.now,
                });
                change(&mut row);
                if before.as_ref() == Some(&row) {
                    return Ok(Planned::nothing(row));
                }
                row.granted_by = granted_by;
                row.updated_at = command.now;
                let mut work = Work::begin(command, &context, enrollment);
                let now = work.command.now;
                let counts = lesson_work.counts();
                work.batch.upsert(row.clone());
                work.touch();
                let event = work
                    .event(EventKind::OverrideGranted, what, id)
                    .with(&serde_json::json!({ "excused": row.excused }));
                work.batch.events.push(event);
                lesson_work.overrides.retain(|o| o.id != row.id);
                lesson_work.overrides.push(row.clone());
                if row.excused {
                    work.without_score(id);
                }
                if let (Some(quiz), Some(attempt)) = (&context.quiz, &context.attempt)
                    && attempt.state == AttemptState::InProgress
                {
                    let deadline = later_deadline(quiz, attempt, access(&context).item_override, &row);
                    if deadline != attempt.deadline {
                        let mut after = attempt.clone();
                        after.deadline = deadline;
                        after.version += 1;
                        after.updated_at = now;
                        work.batch.expect.push(Expect::Attempt {
                            id: attempt.id,
                            state: attempt.state,
                            version: attempt.version,
                        });
                        work.batch.put(after);
                    }
                }
                if let Some(assignment) = &context.assignment {
                    let of = work.enrollment.id;
                    let versions = self.s.store().versions(assignment.id, of, of).await?;
                    let what = Recompute {
                        assignment,
                        own: Some(&row),
                        rescale: None,
                        key: work.command.id,
                        actor: work.command.actor.user(),
                        reason: Some(row.reason.clone()),
                    };
                    recompute_versions(&mut work, &what, versions, &mut lesson_work);
                }
                work.apply_rule(&mut lesson_work, now);
                work.recount(counts, lesson_work.counts());
                let batch = work.finish(&self.s.lms, now).await?;
                Ok(Planned { batch, outcome: row })
            })
            .await
    }
}
