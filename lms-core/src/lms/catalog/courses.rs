//! Creating, editing and publishing courses; objectives; staff.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::super::{Catalog, Command, Planned, Session};
use super::{StructureEdit, changed, edited_before, made, same_version, touched};
use crate::error::{Error, Refusal};
use crate::lms::templates::check_template;
use crate::model::table::Json;
use crate::model::*;
use crate::rules::authoring::Checks;
use crate::rules::permission::{Action, Rights, may_create_course};
use crate::store::{Change, ContentRef, Expect, Key, PersonKey, Siblings, Table, WriteBatch};

/// A course to be made: a draft, closed, without a limit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct NewCourse {
    /// The title, 1 to 200 characters.
    pub title: String,
    /// What it is about.
    #[serde(default)]
    pub description: String,
    /// Who owns it; the actor unless the system or an admin says otherwise.
    #[serde(default)]
    pub instructor_id: Option<UserId>,
    /// A picture: https or an asset key.
    #[serde(default)]
    pub thumbnail_url: Option<String>,
    /// For whom it is.
    #[serde(default)]
    pub audience: String,
    /// How hard it is.
    #[serde(default)]
    pub difficulty: String,
    /// How long it takes, in minutes.
    #[serde(default)]
    pub estimated_minutes: Option<i64>,
    /// BCP 47.
    #[serde(default = "english")]
    pub language: String,
    /// IANA zone.
    #[serde(default = "utc")]
    pub time_zone: String,
    /// The host's own id.
    #[serde(default)]
    pub external_id: Option<String>,
    /// The order in which lessons open.
    #[serde(default = "free")]
    pub flow: Flow,
    /// Who may join.
    #[serde(default = "closed")]
    pub enrollment: EnrollmentPolicy,
    /// The most active enrollments.
    #[serde(default)]
    pub capacity: Option<i64>,
    /// When certificates are issued.
    #[serde(default = "on_completion")]
    pub certificates: CertificatePolicy,
    /// The host's own data.
    #[serde(default)]
    pub metadata: Option<Json>,
}

fn english() -> String {
    "en".to_owned()
}
fn utc() -> String {
    "UTC".to_owned()
}
const fn free() -> Flow {
    Flow::Free
}
const fn closed() -> EnrollmentPolicy {
    EnrollmentPolicy::Closed
}
const fn on_completion() -> CertificatePolicy {
    CertificatePolicy::OnCompletion
}

impl NewCourse {
    /// A course with a title and every default.
    pub fn titled(title: impl Into<String>) -> Self {
        Self {
            title: title.into(),
            description: String::new(),
            instructor_id: None,
            thumbnail_url: None,
            audience: String::new(),
            difficulty: String::new(),
            estimated_minutes: None,
            language: english(),
            time_zone: utc(),
            external_id: None,
            flow: free(),
            enrollment: closed(),
            capacity: None,
            certificates: on_completion(),
            metadata: None,
        }
    }

    /// The row of it.
    pub(crate) fn into_course(self, id: CourseId, owner: UserId, ai: Option<AiLogId>, now: Timestamp) -> Course {
        Course {
            id,
            instructor_id: self.instructor_id.unwrap_or(owner),
            title: self.title,
            description: self.description,
            thumbnail_url: self.thumbnail_url,
            is_published: false,
            external_id: self.external_id,
            audience: self.audience,
            difficulty: self.difficulty,
            estimated_minutes: self.estimated_minutes,
            language: self.language,
            time_zone: self.time_zone,
            flow: self.flow,
            enrollment: self.enrollment,
            capacity: self.capacity,
            seats_taken: 0,
            certificates: self.certificates,
            certificate_template_id: None,
            certificate_valid_days: None,
            archived_at: None,
            published_at: None,
            is_ai_generated: ai.is_some(),
            ai_log_id: ai,
            ai_edited_at: None,
            copied_from: None,
            metadata: self.metadata.unwrap_or_else(Json::object),
            lessons_total: 0,
            quizzes_total: 0,
            assignments_total: 0,
            structure_version: 1,
            version: 1,
            created_at: now,
            updated_at: now,
        }
    }
}

/// Who will own a new course: the actor, or whom the system or an admin names (R1).
pub(crate) async fn owner_of_new_course(
    s: &Session,
    command: &Command,
    named: Option<UserId>,
) -> Result<UserId, Error> {
    let Some(owner) = named.or_else(|| s.rights_of()) else {
        return Err(Error::invalid("course.no_owner", "instructor_id", "the system names the owner of a course"));
    };
    let person = s.store().person(s.rights_of(), PersonKey::Id(owner)).await?;
    let admin = person.actor.as_ref().is_some_and(|user| user.role == Role::Admin) || s.rights_of().is_none();
    if !may_create_course(&command.actor, person.actor.as_ref()) || (s.rights_of() != Some(owner) && !admin) {
        return Err(Error::Denied { action: Action::CreateCourse });
    }
    if person.subject.is_none_or(|user| user.erased_at.is_some()) {
        return Err(Error::not_found(SubjectType::User, owner));
    }
    Ok(owner)
}

/// What is wrong with a course's own fields.
pub(crate) fn check_course(course: &Course) -> Result<(), Error> {
    let mut checks = Checks::default();
    checks.text("title", &course.title, 1, 200);
    checks.long_text("description", &course.description, 20_000);
    checks.text("audience", &course.audience, 0, 500);
    checks.text("difficulty", &course.difficulty, 0, 200);
    checks.range("estimated_minutes", course.estimated_minutes, 1, 1_000_000);
    checks.range("capacity", course.capacity, 0, 10_000_000);
    checks.range("certificate_valid_days", course.certificate_valid_days, 1, 36_500);
    checks.language("language", &course.language);
    checks.zone("time_zone", &course.time_zone);
    if let Some(url) = &course.thumbnail_url {
        checks.url("thumbnail_url", url);
    }
    if let Some(external) = &course.external_id {
        checks.text("external_id", external, 1, 200);
    }
    checks.metadata(&course.metadata);
    checks.done()
}

/// An edit of a course; what is `None` stays.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Default)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct UpdateCourse {
    /// The version that the caller read (L5).
    pub version: i64,
    /// Another title.
    pub title: Option<String>,
    /// Another description.
    pub description: Option<String>,
    /// Another picture; `Some(None)`, in JSON null, takes it away.
    #[serde(deserialize_with = "crate::lms::given", skip_serializing_if = "Option::is_none")]
    pub thumbnail_url: Option<Option<String>>,
    /// Another id of the host's; `Some(None)`, in JSON null, takes it away.
    #[serde(deserialize_with = "crate::lms::given", skip_serializing_if = "Option::is_none")]
    pub external_id: Option<Option<String>>,
    /// Another audience.
    pub audience: Option<String>,
    /// Another difficulty.
    pub difficulty: Option<String>,
    /// Another length, in minutes; `Some(None)`, in JSON null, takes it away.
    #[serde(deserialize_with = "crate::lms::given", skip_serializing_if = "Option::is_none")]
    pub estimated_minutes: Option<Option<i64>>,
    /// Another language.
    pub language: Option<String>,
    /// Another zone.
    pub time_zone: Option<String>,
    /// Another order in which lessons open.
    pub flow: Option<Flow>,
    /// Another policy of joining.
    pub enrollment: Option<EnrollmentPolicy>,
    /// Another limit; `Some(None)`, in JSON null, takes it away.
    #[serde(deserialize_with = "crate::lms::given", skip_serializing_if = "Option::is_none")]
    pub capacity: Option<Option<i64>>,
    /// Another policy of certificates.
    pub certificates: Option<CertificatePolicy>,
    /// Another template version for new certificates; `Some(None)`, in JSON null, is the built-in one.
    #[serde(deserialize_with = "crate::lms::given", skip_serializing_if = "Option::is_none")]
    pub certificate_template_id: Option<Option<TemplateId>>,
    /// Another number of days for which new certificates are valid; `Some(None)`, in JSON null, is for good.
    #[serde(deserialize_with = "crate::lms::given", skip_serializing_if = "Option::is_none")]
    pub certificate_valid_days: Option<Option<i64>>,
    /// Other data of the host's.
    pub metadata: Option<Json>,
}

/// Whom unpublishing a course meets: they keep all that they have, see that it is not published, and nothing
/// of theirs is computed anew (L1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct UnpublishPlan {
    /// Active enrollments.
    pub learners: i64,
    /// Certificates, which go on verifying.
    pub certificates: i64,
}

impl Catalog<'_> {
    /// Makes a draft course. The actor owns it, unless the system or an admin names another owner.
    ///
    /// # Errors
    /// Denied to students; Invalid with every problem; ExternalIdTaken.
    #[tracing::instrument(name = "lms.create_course", skip_all, fields(course, outcome))]
    pub async fn create_course(&self, new: NewCourse) -> Result<Course, Error> {
        self.s.run(None, |command| self.plan_create_course(command, new.clone())).await
    }

    async fn plan_create_course(&self, mut command: Command, new: NewCourse) -> Result<Planned<Course>, Error> {
        let id: CourseId = command.new_id();
        if command.done {
            return Ok(Planned::nothing(self.course(id).await?));
        }
        let owner = owner_of_new_course(self.s, &command, new.instructor_id).await?;
        let course = new.into_course(id, owner, None, command.now);
        check_course(&course)?;
        let mut batch = WriteBatch::default();
        batch.insert(course.clone());
        batch.events.push(made(&mut command, &course, "created"));
        Ok(Planned { batch, outcome: course })
    }

    /// Edits a course.
    ///
    /// # Errors
    /// VersionStale when somebody edited it since; Invalid with every problem; ExternalIdTaken.
    #[tracing::instrument(name = "lms.update_course", skip_all, fields(course, outcome))]
    pub async fn update_course(&self, id: CourseId, update: UpdateCourse) -> Result<Course, Error> {
        self.edit(|mut command| {
            let update = update.clone();
            async move {
                let context =
                    self.content(ContentRef::Course(id), Action::EditContent, SubjectType::Course, id).await?;
                let before = context.course;
                if command.done {
                    return Ok(edited_before(&command, before));
                }
                let mut course = before.clone();
                same_version(SubjectType::Course, update.version, course.version)?;
                let structural = update.flow.is_some()
                    || update.enrollment.is_some()
                    || update.capacity.is_some()
                    || update.certificates.is_some()
                    || update.certificate_template_id.is_some()
                    || update.certificate_valid_days.is_some();
                if let Some(Some(template)) = update.certificate_template_id
                    && before.certificate_template_id != Some(template)
                {
                    check_template(self.s, template).await?;
                }
                macro_rules! set {
                    ($($field:ident),*) => { $( if let Some(value) = update.$field { course.$field = value; } )* };
                }
                set!(title, description, audience, difficulty, language, time_zone, flow, enrollment, capacity);
                set!(certificates, metadata, certificate_template_id, certificate_valid_days);
                set!(thumbnail_url, external_id, estimated_minutes);
                check_course(&course)?;
                if course == before {
                    return Ok(Planned::nothing((course, None)));
                }
                course.version += 1;
                course.updated_at = command.now;
                touched(&mut course.ai_edited_at, course.is_ai_generated, &command);
                let mut batch = if structural { StructureEdit::of(&before).batch } else { WriteBatch::default() };
                batch.expect.push(Expect::Row { table: Table::Course, id: id.uuid(), version: before.version });
                batch.put(course.clone());
                if course.capacity.is_some() && before.capacity.is_none() {
                    batch.changes.push(Change::RecountSeats { course: id });
                }
                if structural {
                    course.structure_version += 1;
                }
                batch.events.push(changed(&mut command, id, SubjectType::Course, id, "updated", course.is_readable()));
                Ok(Planned { batch, outcome: (course, None) })
            }
        })
        .await
    }

    /// Makes a course visible to its learners, or hides it again (L1). Repeating it changes nothing.
    ///
    /// # Errors
    /// CourseWithoutLesson without a published lesson (L3).
    #[tracing::instrument(name = "lms.publish_course", skip_all, fields(course, outcome))]
    pub async fn publish_course(&self, id: CourseId, publish: bool) -> Result<Course, Error> {
        self.set_lifecycle(id, move |course, now| {
            course.is_published = publish;
            if publish && course.published_at.is_none() {
                course.published_at = Some(now);
            }
            if publish { "published" } else { "unpublished" }
        })
        .await
    }

    /// Archives a course, or restores it (L1): learners keep reading, nobody new joins.
    ///
    /// # Errors
    /// When the actor may not, or the store fails.
    #[tracing::instrument(name = "lms.archive_course", skip_all, fields(course, outcome))]
    pub async fn archive_course(&self, id: CourseId, archive: bool) -> Result<Course, Error> {
        self.set_lifecycle(id, move |course, now| {
            course.archived_at = if archive { course.archived_at.or(Some(now)) } else { None };
            if archive { "archived" } else { "restored" }
        })
        .await
    }

    async fn set_lifecycle<F>(&self, id: CourseId, change: F) -> Result<Course, Error>
    where
        F: Fn(&mut Course, Timestamp) -> &'static str + Send + Sync,
    {
        let change = &change;
        self.edit(|mut command| async move {
            let context = self.content(ContentRef::Course(id), Action::Manage, SubjectType::Course, id).await?;
            let mut course = context.course.clone();
            if command.done {
                return Ok(edited_before(&command, course));
            }
            let action = change(&mut course, command.now);
            if course == context.course {
                return Ok(Planned::nothing((course, None)));
            }
            if course.is_published && !context.course.is_published && context.published_lessons == 0 {
                return Err(Refusal::CourseWithoutLesson {}.into());
            }
            let mut edit = StructureEdit::of(&context.course);
            edit.batch.expect.push(Expect::Row {
                table: Table::Course,
                id: id.uuid(),
                version: context.course.version,
            });
            course.version += 1;
            course.updated_at = command.now;
            edit.batch.put(course.clone());
            let visible = course.is_readable() || context.course.is_readable();
            edit.batch.events.push(changed(&mut command, id, SubjectType::Course, id, action, visible));
            course.structure_version += 1;
            Ok(Planned { batch: edit.batch, outcome: (course, None) })
        })
        .await
    }

    /// Adds an objective at the end (L6).
    ///
    /// # Errors
    /// ObjectiveKeyTaken; Invalid.
    #[tracing::instrument(name = "lms.add_objective", skip_all, fields(course, outcome))]
    pub async fn add_objective(
        &self,
        course: CourseId,
        key: impl Into<String>,
        text: impl Into<String>,
    ) -> Result<Objective, Error> {
        let (key, text) = (key.into(), text.into());
        check_objective(&key, &text)?;
        self.edit(|mut command| {
            let (key, text) = (key.clone(), text.clone());
            async move {
                let context = self
                    .content(ContentRef::Objectives(course), Action::EditContent, SubjectType::Course, course)
                    .await?;
                let id: ObjectiveId = command.new_id();
                if let Some(found) = context.objectives.iter().find(|o| o.id == id) {
                    return Ok(Planned::nothing((found.clone(), None)));
                }
                if command.done {
                    return Err(Error::not_found(SubjectType::Objective, id));
                }
                if context.objectives.iter().any(|o| o.key == key) {
                    return Err(Refusal::ObjectiveKeyTaken { key }.into());
                }
                let objective = Objective {
                    id,
                    course_id: course,
                    key,
                    text,
                    order_index: i64::try_from(context.siblings.len()).unwrap_or(i64::MAX),
                    version: 1,
                    created_at: command.now,
                    updated_at: command.now,
                };
                let mut edit = StructureEdit::of(&context.course);
                edit.batch.insert(objective.clone());
                edit.batch.events.push(changed(&mut command, course, SubjectType::Objective, id, "created", false));
                Ok(Planned { batch: edit.batch, outcome: (objective, None) })
            }
        })
        .await
    }

    /// Edits an objective (L6). What is linked to it stays linked.
    ///
    /// # Errors
    /// VersionStale; ObjectiveKeyTaken; Invalid; NotFound.
    #[tracing::instrument(name = "lms.update_objective", skip_all, fields(course, outcome))]
    pub async fn update_objective(
        &self,
        course: CourseId,
        id: ObjectiveId,
        version: i64,
        key: &str,
        text: &str,
    ) -> Result<Objective, Error> {
        check_objective(key, text)?;
        self.edit(|mut command| async move {
            let context =
                self.content(ContentRef::Objectives(course), Action::EditContent, SubjectType::Course, course).await?;
            let before = objective_of(&context.objectives, id)?;
            if command.done {
                return Ok(edited_before(&command, before));
            }
            same_version(SubjectType::Objective, version, before.version)?;
            if context.objectives.iter().any(|o| o.key == key && o.id != id) {
                return Err(Refusal::ObjectiveKeyTaken { key: key.to_owned() }.into());
            }
            let mut after = Objective { key: key.to_owned(), text: text.to_owned(), ..before.clone() };
            if after == before {
                return Ok(Planned::nothing((after, None)));
            }
            after.version += 1;
            after.updated_at = command.now;
            let mut edit = StructureEdit::of(&context.course);
            edit.batch.expect.push(Expect::Row { table: Table::Objective, id: id.uuid(), version: before.version });
            edit.batch.put(after.clone());
            edit.batch.events.push(changed(&mut command, course, SubjectType::Objective, id, "updated", false));
            Ok(Planned { batch: edit.batch, outcome: (after, None) })
        })
        .await
    }

    /// Deletes an objective: what it was linked to is no longer linked to it, and stays as it is (L6).
    ///
    /// # Errors
    /// NotFound, also to those who may not.
    #[tracing::instrument(name = "lms.delete_objective", skip_all, fields(course, outcome))]
    pub async fn delete_objective(&self, course: CourseId, id: ObjectiveId) -> Result<(), Error> {
        self.edit(|mut command| async move {
            let context =
                self.content(ContentRef::Objectives(course), Action::Manage, SubjectType::Course, course).await?;
            if command.done {
                return Ok(edited_before(&command, ()));
            }
            objective_of(&context.objectives, id)?;
            let mut edit = StructureEdit::of(&context.course);
            edit.batch.changes.push(Change::Delete(Key::Id(Table::Objective, id.uuid())));
            let rest: Vec<Uuid> = context.siblings.iter().copied().filter(|s| *s != id.uuid()).collect();
            if context.siblings.last() != Some(&id.uuid()) {
                edit.batch.changes.push(Change::Order { siblings: Siblings::Objectives(course), ids: rest });
            }
            edit.batch.events.push(changed(&mut command, course, SubjectType::Objective, id, "deleted", false));
            Ok(Planned { batch: edit.batch, outcome: ((), None) })
        })
        .await
    }

    /// Whom hiding a course would meet: asked before it is unpublished or archived (L1).
    ///
    /// # Errors
    /// NotFound, also to those who may not unpublish it.
    pub async fn plan_unpublish(&self, course: CourseId) -> Result<UnpublishPlan, Error> {
        let context = self
            .s
            .store()
            .course(self.s.rights_of(), course, None)
            .await?
            .ok_or_else(|| Error::not_found(SubjectType::Course, course))?;
        let (actor, staff) = (context.actor.as_ref(), context.staff.as_ref());
        Rights::of(&self.s.actor, actor, Some(&context.course), staff).require(
            Action::Manage,
            false,
            SubjectType::Course,
            course,
        )?;
        Ok(UnpublishPlan { learners: context.active_enrollments, certificates: context.certificates })
    }

    /// Adds a member to a course's staff, or changes what they may do (E5). Repeating it changes nothing.
    ///
    /// # Errors
    /// NotFound for an unknown user and for an AI user; PersonErased.
    #[tracing::instrument(name = "lms.set_staff", skip_all, fields(course, outcome))]
    pub async fn set_staff(&self, course: CourseId, user: UserId, role: Option<StaffRole>) -> Result<(), Error> {
        self.s
            .run(None, |mut command| async move {
                let context = self
                    .s
                    .store()
                    .course(self.s.rights_of(), course, Some(user))
                    .await?
                    .ok_or_else(|| Error::not_found(SubjectType::Course, course))?;
                let set = |event: &NewEvent| {
                    let is_kind = matches!(event.kind, EventKind::StaffAdded | EventKind::StaffRemoved);
                    is_kind && event.course_id == Some(course) && event.subject_id == user.uuid()
                };
                if self.s.did(&command, set).await? {
                    return Ok(Planned::nothing(()));
                }
                let rights =
                    Rights::of(&command.actor, context.actor.as_ref(), Some(&context.course), context.staff.as_ref());
                rights.require(Action::Manage, false, SubjectType::Course, course)?;
                let present = context.subject_staff;
                if command.done || present.as_ref().map(|staff| staff.role) == role {
                    return Ok(Planned::nothing(()));
                }
                let subject = context
                    .subject
                    .filter(|person| person.role != Role::Ai)
                    .ok_or_else(|| Error::not_found(SubjectType::User, user))?;
                if subject.erased_at.is_some() && role.is_some() {
                    return Err(Refusal::PersonErased {}.into());
                }
                let mut batch = staffing(&context.course);
                batch.expect.push(Expect::Row { table: Table::User, id: user.uuid(), version: subject.version });
                if let Some(staff) = &present {
                    batch.changes.push(Change::Delete(Key::Id(Table::CourseStaff, staff.id.uuid())));
                }
                if let Some(role) = role {
                    batch.insert(CourseStaff {
                        id: RowId::from_uuid(command.derived("staff", 0)),
                        course_id: course,
                        user_id: user,
                        role,
                        created_at: command.now,
                    });
                }
                let is_staff = role.is_some() || context.course.instructor_id == user;
                mark_staff(&mut batch, course, user, context.enrollment, is_staff, command.now);
                let kind = if role.is_some() { EventKind::StaffAdded } else { EventKind::StaffRemoved };
                // Whether they may receive what instructors receive (V7).
                let instructor = role == Some(StaffRole::Instructor) || context.course.instructor_id == user;
                let meta = serde_json::json!({ "instructor": instructor });
                let mut event = command.event(kind, SubjectType::User, user).course(course).with(&meta);
                event.student_id = Some(user);
                batch.events.push(event);
                Ok(Planned { batch, outcome: () })
            })
            .await
    }
}

/// A batch that changes who belongs to a course's staff. It excludes every enrollment in the course that was planned
/// before it, because an enrollment says whether its learner is staff (E5).
pub(super) fn staffing(course: &Course) -> WriteBatch {
    StructureEdit::of(course).batch
}

/// Whether a person's enrollment is that of staff, whose learning is left out of the course's figures (E5). Who has
/// none must not have got one meanwhile.
pub(super) fn mark_staff(
    batch: &mut WriteBatch,
    course: CourseId,
    student: UserId,
    enrollment: Option<Enrollment>,
    is_staff: bool,
    now: Timestamp,
) {
    let Some(enrollment) = enrollment else {
        batch.expect.push(Expect::NotEnrolled { course, student });
        return;
    };
    batch.expect.push(Expect::Enrollment { id: enrollment.id, version: enrollment.version });
    if enrollment.is_staff != is_staff {
        let version = enrollment.version + 1;
        batch.put(Enrollment { is_staff, version, updated_at: now, ..enrollment });
    }
}

fn objective_of(objectives: &[Objective], id: ObjectiveId) -> Result<Objective, Error> {
    let found = objectives.iter().find(|o| o.id == id).cloned();
    found.ok_or_else(|| Error::not_found(SubjectType::Objective, id))
}

/// What is wrong with an objective.
pub(crate) fn check_objective(key: &str, text: &str) -> Result<(), Error> {
    let mut checks = Checks::default();
    checks.text("key", key, 1, 60);
    checks.text("text", text, 1, 1_000);
    checks.done()
}

/// The ids of the objectives with these keys.
pub(crate) fn objectives_by_key(objectives: &[Objective], keys: &[String], field: &str) -> Result<Vec<Uuid>, Error> {
    let mut ids = Vec::with_capacity(keys.len());
    for key in keys {
        match objectives.iter().find(|objective| objective.key == *key) {
            Some(objective) if !ids.contains(&objective.id.uuid()) => ids.push(objective.id.uuid()),
            Some(_) => {}
            None => {
                let message = format!("the course has no objective `{}`", crate::rules::authoring::clipped(key));
                return Err(Error::invalid("objective.unknown", field, message));
            }
        }
    }
    Ok(ids)
}
