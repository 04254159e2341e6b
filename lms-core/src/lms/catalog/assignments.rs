//! Assignments: adding, editing, publishing.

use serde::{Deserialize, Serialize};

use super::super::{Catalog, Command, Planned};
use super::{
    StructureEdit, changed, check_lesson_keeps_its_rule, edited_before, objectives_by_key, same_version, touched,
};
use crate::error::{Error, Refusal};
use crate::lms::jobs::RecomputeParams;
use crate::model::table::Json;
use crate::model::*;
use crate::rules::authoring::{check_assignment, refuse};
use crate::rules::order::inserted;
use crate::rules::permission::Action;
use crate::store::{Change, ContentRef, Expect, Siblings, Table, WriteBatch};

/// What an assignment asks of the work handed in.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct AssignmentRules {
    /// Whether it counts for completion; not, unless set (P7).
    pub is_required: bool,
    /// When it counts as met.
    pub met_by: MetBy,
    /// What the grade must reach where `met_by` is passed.
    pub pass_threshold_bp: Option<BasisPoints>,
    /// When it is due.
    pub due_date: Option<Timestamp>,
    /// The zone in which the due date is shown.
    pub due_zone: Option<String>,
    /// After this no work is taken.
    pub cutoff_date: Option<Timestamp>,
    /// No work before this.
    pub available_from: Option<Timestamp>,
    /// When a new version may be handed in.
    pub resubmission: Resubmission,
    /// How many versions.
    pub max_versions: Option<i64>,
    /// Seconds after due that still count as on time.
    pub grace_seconds: i64,
    /// Off per started interval.
    pub penalty_bp: Option<BasisPoints>,
    /// The interval.
    pub penalty_interval: Option<PenaltyInterval>,
    /// The penalty takes nothing below this.
    pub penalty_floor_bp: Option<BasisPoints>,
    /// When grades are shown.
    pub posting: Posting,
    /// Whether AI grades; off, except for what AI made (S11).
    pub ai_grading: Option<AiGrading>,
    /// Below this confidence an AI grade becomes a suggestion.
    pub ai_confidence_bp: Option<BasisPoints>,
    /// Days within which a learner may ask for a review of a grade; unlimited when absent.
    pub review_days: Option<i64>,
    /// How much it weighs in the course score.
    pub weight: i64,
}

impl Default for AssignmentRules {
    fn default() -> Self {
        Self {
            is_required: false,
            met_by: MetBy::Submitted,
            pass_threshold_bp: None,
            due_date: None,
            due_zone: None,
            cutoff_date: None,
            available_from: None,
            resubmission: Resubmission::UntilCutoff,
            max_versions: None,
            grace_seconds: 0,
            penalty_bp: None,
            penalty_interval: None,
            penalty_floor_bp: None,
            posting: Posting::Auto,
            ai_grading: None,
            ai_confidence_bp: None,
            review_days: None,
            weight: 1,
        }
    }
}

impl AssignmentRules {
    fn apply(self, to: &mut Assignment) {
        to.is_required = self.is_required;
        to.met_by = self.met_by;
        to.pass_threshold_bp = self.pass_threshold_bp;
        to.due_date = self.due_date;
        to.due_zone = self.due_zone;
        to.cutoff_date = self.cutoff_date;
        to.available_from = self.available_from;
        to.resubmission = self.resubmission;
        to.max_versions = self.max_versions;
        to.grace_seconds = self.grace_seconds;
        to.penalty_bp = self.penalty_bp;
        to.penalty_interval = self.penalty_interval;
        to.penalty_floor_bp = self.penalty_floor_bp;
        to.posting = self.posting;
        to.ai_grading = self.ai_grading.unwrap_or(to.ai_grading);
        to.ai_confidence_bp = self.ai_confidence_bp.unwrap_or(to.ai_confidence_bp);
        to.review_days = self.review_days;
        to.weight = self.weight;
    }
}

/// The rules that an assignment has, to change some of them and keep the others.
impl From<&Assignment> for AssignmentRules {
    fn from(assignment: &Assignment) -> Self {
        Self {
            is_required: assignment.is_required,
            met_by: assignment.met_by,
            pass_threshold_bp: assignment.pass_threshold_bp,
            due_date: assignment.due_date,
            due_zone: assignment.due_zone.clone(),
            cutoff_date: assignment.cutoff_date,
            available_from: assignment.available_from,
            resubmission: assignment.resubmission,
            max_versions: assignment.max_versions,
            grace_seconds: assignment.grace_seconds,
            penalty_bp: assignment.penalty_bp,
            penalty_interval: assignment.penalty_interval,
            penalty_floor_bp: assignment.penalty_floor_bp,
            posting: assignment.posting,
            ai_grading: Some(assignment.ai_grading),
            ai_confidence_bp: Some(assignment.ai_confidence_bp),
            review_days: assignment.review_days,
            weight: assignment.weight,
        }
    }
}

/// An assignment to be made, unpublished unless said otherwise.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct NewAssignment {
    /// The title, 1 to 200 characters.
    pub title: String,
    /// What is to be done, CommonMark.
    #[serde(default)]
    pub description: String,
    /// What it is worth, above 0.
    pub max_grade: Points,
    /// What it is marked by; the maxima add up to `max_grade`.
    #[serde(default)]
    pub rubric: Option<Rubric>,
    /// Where it goes among the lesson's assignments; the end unless set.
    #[serde(default)]
    pub index: Option<i64>,
    /// Whether learners see it at once.
    #[serde(default)]
    pub is_published: bool,
    /// What it asks.
    #[serde(default)]
    pub rules: AssignmentRules,
    /// Keys of objectives that it tests (L6).
    #[serde(default)]
    pub objectives: Vec<String>,
    /// The host's own data.
    #[serde(default)]
    pub metadata: Option<Json>,
}

impl NewAssignment {
    /// An assignment with every default.
    pub fn new(title: impl Into<String>, max_grade: Points) -> Self {
        Self {
            title: title.into(),
            description: String::new(),
            max_grade,
            rubric: None,
            index: None,
            is_published: false,
            rules: AssignmentRules::default(),
            objectives: Vec::new(),
            metadata: None,
        }
    }

    /// Its rows.
    pub(crate) fn into_rows(
        self,
        command: &Command,
        lesson: LessonId,
        order_index: i64,
        ai: Option<AiLogId>,
        objectives: &[Objective],
    ) -> Result<(Assignment, Vec<ObjectiveAssignment>), Error> {
        let now = command.now;
        let id: AssignmentId = command.new_id();
        let mut assignment = Assignment {
            id,
            lesson_id: lesson,
            title: self.title,
            description: self.description,
            due_date: None,
            due_zone: None,
            cutoff_date: None,
            available_from: None,
            max_grade: self.max_grade,
            order_index,
            is_published: self.is_published,
            is_required: false,
            met_by: MetBy::Submitted,
            pass_threshold_bp: None,
            resubmission: Resubmission::UntilCutoff,
            max_versions: None,
            grace_seconds: 0,
            penalty_bp: None,
            penalty_interval: None,
            penalty_floor_bp: None,
            posting: Posting::Auto,
            ai_grading: if ai.is_some() { AiGrading::Apply } else { AiGrading::Off },
            ai_confidence_bp: DEFAULT_CONFIDENCE,
            review_days: None,
            rubric: self.rubric.as_ref().map(Json::of),
            weight: 1,
            is_ai_generated: ai.is_some(),
            ai_log_id: ai,
            ai_edited_at: None,
            copied_from: None,
            metadata: self.metadata.unwrap_or_else(Json::object),
            version: 1,
            created_at: now,
            updated_at: now,
        };
        self.rules.apply(&mut assignment);
        refuse(check_assignment(&assignment))?;
        let links = objectives_by_key(objectives, &self.objectives, "objectives")?
            .into_iter()
            .map(|objective| ObjectiveAssignment { objective_id: ObjectiveId::from_uuid(objective), assignment_id: id })
            .collect();
        Ok((assignment, links))
    }
}

/// Below 70 % an AI grade becomes a suggestion, unless the assignment says otherwise.
pub(super) const DEFAULT_CONFIDENCE: BasisPoints = match BasisPoints::new(7_000) {
    Some(bp) => bp,
    None => BasisPoints::ZERO,
};

/// An edit of an assignment; what is `None` stays.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Default)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct UpdateAssignment {
    /// The version that the caller read (L5).
    pub version: i64,
    /// Another title.
    pub title: Option<String>,
    /// Another text.
    pub description: Option<String>,
    /// Other rules, all of them: in JSON too, what is left out becomes its default and does not stay. To change some,
    /// begin with those that the assignment has: `AssignmentRules { due_date, ..AssignmentRules::from(&assignment) }`.
    pub rules: Option<AssignmentRules>,
    /// Other data of the host's.
    pub metadata: Option<Json>,
}

/// What becomes of the marks when an assignment's maximum changes (S12).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum MarksChange {
    /// They keep their points; refused where one is above the new maximum.
    KeepPoints,
    /// Each is multiplied by new ÷ old, rounded half up.
    Rescale,
}

/// Another maximum for an assignment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ChangeMaxGrade {
    /// The version that the caller read (L5).
    pub version: i64,
    /// The new maximum, above 0.
    pub max_grade: Points,
    /// What becomes of the marks.
    pub marks: MarksChange,
    /// The rubric that adds up to it, where the assignment has one.
    #[serde(default)]
    pub rubric: Option<Rubric>,
}

impl Catalog<'_> {
    /// Adds an assignment to a lesson.
    ///
    /// # Errors
    /// Invalid with every problem; NotFound.
    #[tracing::instrument(name = "lms.add_assignment", skip_all, fields(course, outcome))]
    pub async fn add_assignment(&self, lesson: LessonId, new: NewAssignment) -> Result<Assignment, Error> {
        self.edit(|mut command| {
            let mut new = new.clone();
            new.rules.ai_grading.get_or_insert(self.s.lms.inner.ai_grading_of_own_content);
            async move {
                let context = self
                    .content(ContentRef::LessonAssignments(lesson), Action::EditContent, SubjectType::Lesson, lesson)
                    .await?;
                let id: AssignmentId = command.new_id();
                if command.done || context.siblings.contains(&id.uuid()) {
                    return Ok(Planned::nothing((self.assignment(id).await?, None)));
                }
                let order = inserted(&context.siblings, id.uuid(), new.index);
                let last = i64::try_from(context.siblings.len()).unwrap_or(i64::MAX);
                let at = i64::try_from(order.iter().position(|s| *s == id.uuid()).unwrap_or(0)).unwrap_or(last);
                let (mut assignment, links) = new.into_rows(&command, lesson, last, None, &context.objectives)?;
                let mut edit = StructureEdit::of(&context.course);
                edit.batch.insert(assignment.clone());
                for link in links {
                    edit.batch.insert(link);
                }
                if at != last {
                    edit.batch.changes.push(Change::Order { siblings: Siblings::Assignments(lesson), ids: order });
                    assignment.order_index = at;
                }
                let visible = assignment.is_published
                    && context.course.is_readable()
                    && context.lesson.as_ref().is_some_and(|l| l.is_published);
                let event = changed(&mut command, context.course.id, SubjectType::Assignment, id, "created", visible);
                edit.batch.events.push(event);
                let (batch, job) = edit.finish(&command, false, false);
                Ok(Planned { batch, outcome: (assignment, job) })
            }
        })
        .await
    }

    /// An assignment, for staff.
    ///
    /// # Errors
    /// NotFound, also to those who are not the course's staff.
    pub async fn assignment(&self, id: AssignmentId) -> Result<Assignment, Error> {
        self.content(ContentRef::Assignment(id), Action::EditContent, SubjectType::Assignment, id)
            .await?
            .assignment
            .ok_or_else(|| Error::not_found(SubjectType::Assignment, id))
    }

    /// Edits an assignment. Easing it completes whoever now qualifies (P9).
    ///
    /// # Errors
    /// VersionStale; Invalid with every problem.
    #[tracing::instrument(name = "lms.update_assignment", skip_all, fields(course, outcome))]
    pub async fn update_assignment(&self, id: AssignmentId, update: UpdateAssignment) -> Result<Assignment, Error> {
        self.change_assignment(id, Action::EditContent, "updated", move |assignment| {
            same_version(SubjectType::Assignment, update.version, assignment.version)?;
            let update = update.clone();
            assignment.title = update.title.unwrap_or_else(|| assignment.title.clone());
            assignment.description = update.description.unwrap_or_else(|| assignment.description.clone());
            assignment.metadata = update.metadata.unwrap_or_else(|| assignment.metadata.clone());
            if let Some(rules) = update.rules {
                rules.apply(assignment);
            }
            Ok(())
        })
        .await
    }

    /// Changes what an assignment is worth, also after grades exist (S12): the marks keep their points, or
    /// change their scale with it. Either way the history tells of every mark that changes. An assignment
    /// with a rubric is given the rubric that adds up to the new maximum.
    ///
    /// # Errors
    /// GradesAboveMax with the count, where points are kept and some are above; VersionStale; Invalid with
    /// every problem; Denied to all but instructors; NotFound.
    #[tracing::instrument(name = "lms.set_max_grade", skip_all, fields(course, outcome))]
    pub async fn set_max_grade(&self, id: AssignmentId, change: ChangeMaxGrade) -> Result<Assignment, Error> {
        let change = &change;
        self.edit(|mut command| async move {
            let context = self.content(ContentRef::Assignment(id), Action::Manage, SubjectType::Assignment, id).await?;
            let before = context.assignment.clone().ok_or_else(|| Error::not_found(SubjectType::Assignment, id))?;
            if command.done {
                return Ok(edited_before(&command, before));
            }
            same_version(SubjectType::Assignment, change.version, before.version)?;
            let mut assignment = before.clone();
            assignment.max_grade = change.max_grade;
            if let Some(rubric) = &change.rubric {
                assignment.rubric = Some(Json::of(rubric));
            }
            if assignment == before {
                return Ok(Planned::nothing((assignment, None)));
            }
            refuse(check_assignment(&assignment))?;
            assignment.version += 1;
            assignment.updated_at = command.now;
            touched(&mut assignment.ai_edited_at, assignment.is_ai_generated, &command);
            let mut edit = StructureEdit::of(&context.course);
            edit.batch.expect.push(Expect::Row { table: Table::Assignment, id: id.uuid(), version: before.version });
            let rescale = match change.marks {
                MarksChange::Rescale => Some((before.max_grade, assignment.max_grade)),
                MarksChange::KeepPoints => {
                    let count = self.s.store().grades_above(id, assignment.max_grade).await?;
                    if count > 0 {
                        return Err(Refusal::GradesAboveMax { count }.into());
                    }
                    edit.batch.expect.push(Expect::GradesWithin { assignment: id, max: assignment.max_grade });
                    None
                }
            };
            edit.batch.put(assignment.clone());
            let visible = context.course.is_readable()
                && context.lesson.as_ref().is_some_and(|l| l.is_published)
                && assignment.is_published;
            let event = changed(&mut command, context.course.id, SubjectType::Assignment, id, "updated", visible);
            edit.batch.events.push(event);
            let params = RecomputeParams { assignment: id, rescale, actor: command.actor.user() };
            let job = context.has_learner_rows.then(|| (JobKind::Recompute, Json::of(&params)));
            let (batch, job) = edit.finish_with(&command, context.has_learner_rows, job);
            Ok(Planned { batch, outcome: (assignment, job) })
        })
        .await
    }

    /// Makes an assignment visible, or hides it again. Repeating it changes nothing.
    ///
    /// # Errors
    /// When the actor may not, or the store fails.
    #[tracing::instrument(name = "lms.publish_assignment", skip_all, fields(course, outcome))]
    pub async fn publish_assignment(&self, id: AssignmentId, publish: bool) -> Result<Assignment, Error> {
        let word = if publish { "published" } else { "unpublished" };
        self.change_assignment(id, Action::Manage, word, move |assignment| {
            assignment.is_published = publish;
            Ok(())
        })
        .await
    }

    async fn change_assignment<F>(
        &self,
        id: AssignmentId,
        action: Action,
        word: &'static str,
        change: F,
    ) -> Result<Assignment, Error>
    where
        F: Fn(&mut Assignment) -> Result<(), Error> + Send + Sync,
    {
        let change = &change;
        self.edit(|mut command| async move {
            let context = self.content(ContentRef::Assignment(id), action, SubjectType::Assignment, id).await?;
            let before = context.assignment.clone().ok_or_else(|| Error::not_found(SubjectType::Assignment, id))?;
            if command.done {
                return Ok(edited_before(&command, before));
            }
            let mut assignment = before.clone();
            change(&mut assignment)?;
            if assignment == before {
                return Ok(Planned::nothing((assignment, None)));
            }
            refuse(check_assignment(&assignment))?;
            let counted = |a: &Assignment| a.is_published && a.is_required;
            if counted(&before) && !counted(&assignment) {
                // The lesson must not be left with a rule that nobody can meet (P2, L3).
                let others: Vec<Assignment> = context.assignments.iter().filter(|a| a.id != id).cloned().collect();
                check_lesson_keeps_its_rule(&context, &context.quizzes, &others)?;
            }
            assignment.version += 1;
            assignment.updated_at = command.now;
            touched(&mut assignment.ai_edited_at, assignment.is_ai_generated, &command);
            let lesson_published = context.lesson.as_ref().is_some_and(|l| l.is_published);
            let visible =
                context.course.is_readable() && lesson_published && (assignment.is_published || before.is_published);
            let event = changed(&mut command, context.course.id, SubjectType::Assignment, id, word, visible);
            let remet = assignment.met_by != before.met_by || assignment.pass_threshold_bp != before.pass_threshold_bp;
            // The terms of lateness: every version is computed anew under them (S6).
            let terms =
                |a: &Assignment| (a.due_date, a.grace_seconds, a.penalty_bp, a.penalty_interval, a.penalty_floor_bp);
            let recompute = terms(&assignment) != terms(&before);
            let structural = remet
                || recompute
                || assignment.is_published != before.is_published
                || assignment.is_required != before.is_required
                || assignment.weight != before.weight
                || assignment.cutoff_date != before.cutoff_date
                || assignment.available_from != before.available_from;
            let expect = Expect::Row { table: Table::Assignment, id: id.uuid(), version: before.version };
            let (batch, job) = if structural {
                let mut edit = StructureEdit::of(&context.course);
                edit.batch.expect.push(expect);
                edit.batch.put(assignment.clone());
                edit.batch.events.push(event);
                let eases = (counted(&before) && !counted(&assignment))
                    || remet
                    || (counted(&assignment) && !counted(&before) && context.has_learner_rows);
                let job = if recompute && context.has_learner_rows {
                    let params = RecomputeParams { assignment: id, rescale: None, actor: command.actor.user() };
                    Some((JobKind::Recompute, Json::of(&params)))
                } else {
                    (eases && lesson_published).then(|| (JobKind::Reevaluate, Json::object()))
                };
                edit.finish_with(&command, context.has_learner_rows, job)
            } else {
                let mut batch = WriteBatch::default();
                batch.expect.push(expect);
                batch.put(assignment.clone());
                batch.events.push(event);
                (batch, None)
            };
            Ok(Planned { batch, outcome: (assignment, job) })
        })
        .await
    }
}
