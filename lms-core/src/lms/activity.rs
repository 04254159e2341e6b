//! The event log as a host reads it, and the host's own kinds of events (V2, V3).

use serde::{Deserialize, Serialize};

use super::{Activity, Planned};
use crate::error::{Error, Refusal};
use crate::model::table::Json;
use crate::model::*;
use crate::rules::completion::{Counts, totals, works};
use crate::rules::permission::{Action, Rights};
use crate::store::{ById, CourseStructure, EventFilter, Expect, LearnerRecord, Table, WriteBatch};

/// An event of the host's own, "vendor.kind".
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct HostEvent {
    /// "vendor.kind": two or more words of a-z, 0-9 and _ with dots between.
    pub kind: String,
    /// The course.
    pub course_id: CourseId,
    /// The learner, where there is one.
    #[serde(default)]
    pub student_id: Option<UserId>,
    /// Whether the learner did it (M3).
    #[serde(default)]
    pub learner_initiated: bool,
    /// Ids, numbers and flags that every addressee may know.
    #[serde(default)]
    pub metadata: Option<Json>,
}

/// A derived figure that does not equal its recount (P11).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct Drift {
    /// Where: "courses.lessons_total", "enrollments.lessons_done", …
    pub figure: &'static str,
    /// Of which row.
    pub id: uuid::Uuid,
    /// What is stored.
    pub stored: i64,
    /// What the base rows say.
    pub recounted: i64,
}

fn fits(kind: &str) -> bool {
    if kind.len() > 100 {
        return false;
    }
    let parts: Vec<&str> = kind.split('.').collect();
    parts.len() >= 2
        && parts.iter().all(|part| {
            !part.is_empty() && part.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
        })
}

impl Activity<'_> {
    /// Records an event of the host's own.
    ///
    /// # Errors
    /// Invalid where the kind is not namespaced; PersonErased; Denied; NotFound.
    #[tracing::instrument(name = "lms.record_event", skip_all, fields(course, outcome))]
    pub async fn record(&self, event: HostEvent) -> Result<EventId, Error> {
        if !fits(&event.kind) {
            return Err(Error::invalid(
                "event.kind",
                "kind",
                "must be `vendor.kind`: lower case words with dots between",
            ));
        }
        if let Some(metadata) = &event.metadata {
            let mut checks = crate::rules::authoring::Checks::default();
            checks.metadata(metadata);
            checks.done()?;
        }
        let event = &event;
        self.s
            .run(None, |mut command| async move {
                let id = EventId::from_uuid(command.id);
                if command.done {
                    return Ok(Planned::nothing(id));
                }
                let context = self
                    .s
                    .store()
                    .course(self.s.rights_of(), event.course_id, event.student_id)
                    .await?
                    .ok_or_else(|| Error::not_found(SubjectType::Course, event.course_id))?;
                let own = event.student_id.is_some()
                    && event.student_id == self.s.rights_of()
                    && context.enrollment.as_ref().is_some_and(|e| e.status == EnrollmentStatus::Active);
                Rights::of(&command.actor, context.actor.as_ref(), Some(&context.course), context.staff.as_ref())
                    .owning(own)
                    .require(Action::Record, false, SubjectType::Course, event.course_id)?;
                if event.student_id.is_some() && context.enrollment.is_none() {
                    return Err(Error::not_found(SubjectType::Enrollment, event.course_id));
                }
                let mut batch = WriteBatch::default();
                if let Some(person) = &context.subject {
                    if person.erased_at.is_some() {
                        return Err(Refusal::PersonErased {}.into());
                    }
                    let (id, version) = (person.id.uuid(), person.version);
                    batch.expect.push(Expect::Row { table: Table::User, id, version });
                }
                let mut row = command
                    .event(EventKind::Other(event.kind.clone()), SubjectType::Other, event.course_id)
                    .course(event.course_id)
                    .by_learner(event.learner_initiated && context.enrollment.as_ref().is_none_or(|e| !e.is_staff));
                row.student_id = event.student_id;
                if let Some(metadata) = &event.metadata {
                    row.metadata = metadata.clone();
                }
                batch.events.push(row);
                Ok(Planned { batch, outcome: id })
            })
            .await
    }

    /// A page of the event log above a position: of a course for its staff, of everything for admins
    /// and the system. Live readers use [`Live`](crate::live::Live).
    ///
    /// # Errors
    /// Denied, NotFound; Gone where events above the position are no longer kept: the first page that is there
    /// begins after `oldest - 1`.
    pub async fn events(&self, filter: EventFilter, after: i64, limit: u32) -> Result<Vec<Event>, Error> {
        match (self.s.rights_of(), filter.course) {
            (None, _) => {}
            (Some(id), course) => {
                let rights = match course {
                    Some(course) => {
                        let context = self
                            .s
                            .store()
                            .course(Some(id), course, Some(id))
                            .await?
                            .ok_or_else(|| Error::not_found(SubjectType::Course, course))?;
                        let (actor, staff) = (context.actor.as_ref(), context.staff.as_ref());
                        let rights = Rights::of(&self.s.actor, actor, Some(&context.course), staff);
                        let sees = rights.present && context.enrollment.is_some();
                        rights.require(Action::ReadAnalytics, sees, SubjectType::Course, course)?;
                        rights
                    }
                    None => {
                        let person = self.s.store().person(Some(id), crate::store::PersonKey::Id(id)).await?;
                        Rights::of(&self.s.actor, person.actor.as_ref(), None, None)
                    }
                };
                if !rights.may(Action::ReadAnalytics) {
                    return Err(Error::Denied { action: Action::ReadAnalytics });
                }
            }
        }
        let page = self.s.store().events(after, &filter, limit.clamp(1, 2_000)).await?;
        super::retention::require_kept(self.s.store(), after).await?;
        Ok(page)
    }

    /// Recounts every derived figure of a course from its base rows, and reports what differs (P11):
    /// nothing, unless somebody wrote around the library.
    ///
    /// # Errors
    /// Denied to all but the course's instructors, admins and the system.
    pub async fn audit(&self, course: CourseId) -> Result<Vec<Drift>, Error> {
        let context = self
            .s
            .store()
            .course(self.s.rights_of(), course, None)
            .await?
            .ok_or_else(|| Error::not_found(SubjectType::Course, course))?;
        Rights::of(&self.s.actor, context.actor.as_ref(), Some(&context.course), context.staff.as_ref()).require(
            Action::ReadAnalytics,
            false,
            SubjectType::Course,
            course,
        )?;
        let structure =
            self.s.store().structure(course).await?.ok_or_else(|| Error::not_found(SubjectType::Course, course))?;
        let mut drift = Vec::new();
        let mut compare = |figure: &'static str, id: uuid::Uuid, stored: i64, recounted: i64| {
            if stored != recounted {
                drift.push(Drift { figure, id, stored, recounted });
            }
        };
        let row = &structure.course;
        let real = totals(&structure);
        compare("courses.lessons_total", row.id.uuid(), row.lessons_total, real.lessons);
        compare("courses.quizzes_total", row.id.uuid(), row.quizzes_total, real.quizzes);
        compare("courses.assignments_total", row.id.uuid(), row.assignments_total, real.assignments);
        if row.capacity.is_some() {
            compare("courses.seats_taken", row.id.uuid(), row.seats_taken, context.active_enrollments);
        }
        let mut dense = |figure: &'static str, parent: uuid::Uuid, places: Vec<i64>| {
            for (expected, place) in places.into_iter().enumerate() {
                compare(figure, parent, place, i64::try_from(expected).unwrap_or(i64::MAX));
            }
        };
        dense("lessons.order_index", row.id.uuid(), structure.lessons.iter().map(|l| l.order_index).collect());
        for lesson in &structure.lessons {
            let id = lesson.id;
            let topics = structure.topics.iter().filter(|t| t.lesson_id == id).map(|t| t.order_index).collect();
            dense("topics.order_index", id.uuid(), topics);
            let quizzes = structure.quizzes.iter().filter(|q| q.lesson_id == id).map(|q| q.order_index).collect();
            dense("quizzes.order_index", id.uuid(), quizzes);
            let assignments =
                structure.assignments.iter().filter(|a| a.lesson_id == id).map(|a| a.order_index).collect();
            dense("assignments.order_index", id.uuid(), assignments);
        }
        dense("objectives.order_index", row.id.uuid(), structure.objectives.iter().map(|o| o.order_index).collect());
        for quiz in &structure.quizzes {
            let questions = self.s.store().questions(quiz.id).await?.iter().map(|q| q.order_index).collect();
            dense("quiz_questions.order_index", quiz.id.uuid(), questions);
        }
        let now = self.s.lms.now();
        let mut after = None;
        loop {
            let page = self.s.store().records(course, false, ById { after, limit: 500 }).await?;
            for record in &page {
                let counts =
                    works(&structure, record).iter().map(|w| w.counts()).fold(Counts::default(), |sum, one| sum + one);
                let stored = record.enrollment.counts();
                let id = record.enrollment.id.uuid();
                let mut compare = |figure: &'static str, stored: i64, recounted: i64| {
                    if stored != recounted {
                        drift.push(Drift { figure, id, stored, recounted });
                    }
                };
                compare("enrollments.lessons_done", stored.lessons, counts.lessons);
                compare("enrollments.quizzes_met", stored.quizzes, counts.quizzes);
                compare("enrollments.assignments_met", stored.assignments, counts.assignments);
                results_drift(&structure, record, now, &mut drift);
            }
            match page.last() {
                Some(last) if page.len() == 500 => after = Some(last.enrollment.id.uuid()),
                _ => break,
            }
        }
        Ok(drift)
    }

    /// Mends what [`Activity::audit`] reports, in one transaction, and writes an event (P11).
    ///
    /// # Errors
    /// As `audit`.
    #[tracing::instrument(name = "lms.repair", skip_all, fields(course, outcome))]
    pub async fn repair(&self, course: CourseId) -> Result<Vec<Drift>, Error> {
        let found = self.audit(course).await?;
        if found.is_empty() {
            return Ok(found);
        }
        self.s
            .catalog()
            .edit(|mut command| async move {
                let structure = self
                    .s
                    .store()
                    .structure(course)
                    .await?
                    .ok_or_else(|| Error::not_found(SubjectType::Course, course))?;
                let mut edit = super::catalog::StructureEdit::of(&structure.course);
                use crate::store::{Change, Siblings};
                let ids: Vec<uuid::Uuid> = structure.lessons.iter().map(|l| l.id.uuid()).collect();
                edit.batch.changes.push(Change::Order { siblings: Siblings::Lessons(course), ids });
                for lesson in &structure.lessons {
                    let id = lesson.id;
                    let topics = structure.topics.iter().filter(|t| t.lesson_id == id).map(|t| t.id.uuid()).collect();
                    let quizzes = structure.quizzes.iter().filter(|q| q.lesson_id == id).map(|q| q.id.uuid()).collect();
                    let assignments =
                        structure.assignments.iter().filter(|a| a.lesson_id == id).map(|a| a.id.uuid()).collect();
                    edit.batch.changes.push(Change::Order { siblings: Siblings::Topics(id), ids: topics });
                    edit.batch.changes.push(Change::Order { siblings: Siblings::Quizzes(id), ids: quizzes });
                    edit.batch.changes.push(Change::Order { siblings: Siblings::Assignments(id), ids: assignments });
                }
                let ids = structure.objectives.iter().map(|o| o.id.uuid()).collect();
                edit.batch.changes.push(Change::Order { siblings: Siblings::Objectives(course), ids });
                for quiz in &structure.quizzes {
                    let ids = self.s.store().questions(quiz.id).await?.iter().map(|q| q.id.uuid()).collect();
                    edit.batch.changes.push(Change::Order { siblings: Siblings::Questions(quiz.id), ids });
                }
                if structure.course.capacity.is_some() {
                    edit.batch.changes.push(Change::RecountSeats { course });
                }
                edit.batch.events.push(super::catalog::changed(
                    &mut command,
                    course,
                    SubjectType::Course,
                    course,
                    "repaired",
                    false,
                ));
                let job = Some((JobKind::Repair, crate::model::table::Json::object()));
                let (batch, job) = edit.finish_with(&command, true, job);
                Ok(Planned { batch, outcome: ((), job) })
            })
            .await?;
        Ok(found)
    }
}

/// The kept scores of a learner against their attempts.
fn results_drift(structure: &CourseStructure, record: &LearnerRecord, now: Timestamp, drift: &mut Vec<Drift>) {
    for quiz in &structure.quizzes {
        let attempts: Vec<_> = record.attempts.iter().filter(|a| a.quiz_id == quiz.id).cloned().collect();
        let stored = record.results.iter().find(|r| r.quiz_id == quiz.id);
        if attempts.is_empty() && stored.is_none() {
            continue;
        }
        let id = RowId::from_uuid(record.enrollment.id.uuid());
        let real = super::learner::result_of(quiz, &attempts, stored, &record.enrollment, id, now);
        let units = |points: Option<Points>| points.map_or(-1, Points::units);
        let passed = |passed: Option<bool>| passed.map_or(-1, i64::from);
        let mut compare = |figure: &'static str, stored: i64, recounted: i64| {
            if stored != recounted {
                drift.push(Drift { figure, id: real.id.uuid(), stored, recounted });
            }
        };
        compare("quiz_results.earned", units(stored.and_then(|r| r.earned)), units(real.earned));
        compare("quiz_results.possible", units(stored.and_then(|r| r.possible)), units(real.possible));
        compare("quiz_results.passed", passed(stored.and_then(|r| r.passed)), passed(real.passed));
        compare("quiz_results.submitted", i64::from(stored.is_some_and(|r| r.submitted)), i64::from(real.submitted));
    }
}
