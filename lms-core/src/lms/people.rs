//! Users and roles (E1).

use serde::{Deserialize, Serialize};

use super::catalog::same_version;
use super::{People, Planned};
use crate::error::{Error, Refusal};
use crate::model::table::Json;
use crate::model::*;
use crate::rules::authoring::Checks;
use crate::rules::permission::{Action, Rights};
use crate::store::{ById, Expect, PersonKey, Table, WriteBatch};

/// A person to be known to the library.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct NewUser {
    /// The host's own UUID of the person, if it has one.
    #[serde(default)]
    pub id: Option<UserId>,
    /// What they may do beyond courses.
    pub role: Role,
    /// The name shown to others, 1 to 200 characters.
    pub display_name: String,
    /// The e-mail address.
    #[serde(default)]
    pub email: Option<String>,
    /// The host's own id of the person.
    #[serde(default)]
    pub external_id: Option<String>,
    /// The host's own data.
    #[serde(default)]
    pub metadata: Option<Json>,
}

impl NewUser {
    /// A person with a role and a name.
    pub fn new(role: Role, display_name: impl Into<String>) -> Self {
        Self { id: None, role, display_name: display_name.into(), email: None, external_id: None, metadata: None }
    }

    /// With the host's own id.
    #[must_use]
    pub fn with_external_id(mut self, external_id: impl Into<String>) -> Self {
        self.external_id = Some(external_id.into());
        self
    }

    /// With the host's own UUID.
    #[must_use]
    pub const fn with_id(mut self, id: UserId) -> Self {
        self.id = Some(id);
        self
    }

    fn check(&self) -> Result<(), Error> {
        check(&self.display_name, self.email.as_deref(), self.external_id.as_deref(), self.metadata.as_ref())
    }
}

/// What is wrong with a person's own fields.
fn check(name: &str, email: Option<&str>, external: Option<&str>, metadata: Option<&Json>) -> Result<(), Error> {
    let mut checks = Checks::default();
    checks.text("display_name", name, 1, 200);
    if let Some(email) = email {
        checks.text("email", email, 3, 320);
        if !email.contains('@') {
            checks.add("email.invalid", "email", "must hold an @");
        }
    }
    if let Some(external) = external {
        checks.text("external_id", external, 1, 200);
    }
    if let Some(metadata) = metadata {
        checks.metadata(metadata);
    }
    checks.done()
}

/// An edit of a person; what is `None` stays.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Default)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct UpdateUser {
    /// The version that the caller read (L5).
    pub version: i64,
    /// Another name.
    pub display_name: Option<String>,
    /// Another e-mail address; `Some(None)`, in JSON null, takes it away.
    #[serde(deserialize_with = "crate::lms::given", skip_serializing_if = "Option::is_none")]
    pub email: Option<Option<String>>,
    /// Another id of the host's; `Some(None)`, in JSON null, takes it away.
    #[serde(deserialize_with = "crate::lms::given", skip_serializing_if = "Option::is_none")]
    pub external_id: Option<Option<String>>,
    /// Other data of the host's.
    pub metadata: Option<Json>,
}

impl People<'_> {
    /// Inserts the person, or gets the one with the same id or external id (E1), as they are: their role, name and
    /// address stay (`update_user`, `set_role`). Safe in parallel. The role is taken as given, so a sign-up of
    /// yours sets it and does not read it from the client.
    ///
    /// # Errors
    /// Denied to all but admins and the system; Invalid; EmailTaken.
    #[tracing::instrument(name = "lms.ensure_user", skip_all, fields(course, outcome))]
    pub async fn ensure_user(&self, new: NewUser) -> Result<User, Error> {
        new.check()?;
        self.s
            .run(None, |command| {
                let new = new.clone();
                async move {
                    let key = match (&new.id, &new.external_id) {
                        (Some(id), _) => PersonKey::Id(*id),
                        (None, Some(external)) => PersonKey::External(external.clone()),
                        (None, None) => PersonKey::Id(command.new_id()),
                    };
                    let found = self.s.store().person(self.s.rights_of(), key).await?;
                    let rights = Rights::of(&command.actor, found.actor.as_ref(), None, None);
                    if !rights.may(Action::ManageUsers) {
                        return Err(Error::Denied { action: Action::ManageUsers });
                    }
                    if let Some(user) = found.subject {
                        return Ok(Planned::nothing(user));
                    }
                    let user = User {
                        id: new.id.unwrap_or_else(|| command.new_id()),
                        role: new.role,
                        display_name: new.display_name,
                        email: new.email,
                        external_id: new.external_id,
                        metadata: new.metadata.unwrap_or_else(Json::object),
                        erased_at: None,
                        version: 1,
                        created_at: command.now,
                        updated_at: command.now,
                    };
                    let mut batch = WriteBatch::default();
                    batch.insert(user.clone());
                    Ok(Planned { batch, outcome: user })
                }
            })
            .await
    }

    /// Edits a person: another name, address, id of the host's or data of the host's. Certificates keep the
    /// name that they were issued with (C4).
    ///
    /// # Errors
    /// VersionStale; Invalid; EmailTaken; ExternalIdTaken; PersonErased; Denied to all but admins and the
    /// system; NotFound.
    #[tracing::instrument(name = "lms.update_user", skip_all, fields(course, outcome))]
    pub async fn update_user(&self, id: UserId, update: UpdateUser) -> Result<User, Error> {
        let update = &update;
        self.s
            .run(None, |command| async move {
                let found = self.s.store().person(self.s.rights_of(), PersonKey::Id(id)).await?;
                let rights = Rights::of(&command.actor, found.actor.as_ref(), None, None);
                if !rights.may(Action::ManageUsers) {
                    return Err(Error::Denied { action: Action::ManageUsers });
                }
                let before = found.subject.ok_or_else(|| Error::not_found(SubjectType::User, id))?;
                if before.erased_at.is_some() {
                    return Err(Refusal::PersonErased {}.into());
                }
                same_version(SubjectType::User, update.version, before.version)?;
                let update = update.clone();
                let mut user = User {
                    display_name: update.display_name.unwrap_or_else(|| before.display_name.clone()),
                    email: update.email.unwrap_or_else(|| before.email.clone()),
                    external_id: update.external_id.unwrap_or_else(|| before.external_id.clone()),
                    metadata: update.metadata.unwrap_or_else(|| before.metadata.clone()),
                    ..before.clone()
                };
                check(&user.display_name, user.email.as_deref(), user.external_id.as_deref(), Some(&user.metadata))?;
                if user == before {
                    return Ok(Planned::nothing(user));
                }
                user.version += 1;
                user.updated_at = command.now;
                let mut batch = WriteBatch::default();
                batch.expect.push(Expect::Row { table: Table::User, id: id.uuid(), version: before.version });
                batch.put(user.clone());
                Ok(Planned { batch, outcome: user })
            })
            .await
    }

    /// A person: to admins, the system and themselves.
    ///
    /// # Errors
    /// NotFound to everybody else, and to AI, whoever it acts for.
    pub async fn user(&self, id: UserId) -> Result<User, Error> {
        let found = self.s.store().person(self.s.rights_of(), PersonKey::Id(id)).await?;
        let rights = Rights::of(&self.s.actor, found.actor.as_ref(), None, None);
        let own = self.s.actor.user() == Some(id) && !rights.ai;
        match found.subject {
            Some(user) if rights.may(Action::ManageUsers) || own => Ok(user),
            _ => Err(Error::not_found(SubjectType::User, id)),
        }
    }

    /// The person with this id of the host's: to admins and the system.
    ///
    /// # Errors
    /// NotFound to everybody else, and where there is none.
    pub async fn user_by_external_id(&self, external_id: &str) -> Result<User, Error> {
        self.user_by(PersonKey::External(external_id.to_owned())).await
    }

    /// The person with this e-mail address, to the letter: to admins and the system.
    ///
    /// # Errors
    /// NotFound to everybody else, and where there is none.
    pub async fn user_by_email(&self, email: &str) -> Result<User, Error> {
        self.user_by(PersonKey::Email(email.to_owned())).await
    }

    /// The same answer to who may not ask as where there is nobody: it tells nobody whether there is.
    async fn user_by(&self, key: PersonKey) -> Result<User, Error> {
        let found = self.s.store().person(self.s.rights_of(), key).await?;
        let rights = Rights::of(&self.s.actor, found.actor.as_ref(), None, None);
        let found = found.subject.filter(|_| rights.may(Action::ManageUsers));
        found.ok_or_else(|| Error::not_found(SubjectType::User, UserId::from_uuid(uuid::Uuid::nil())))
    }

    /// Users by id.
    ///
    /// # Errors
    /// Denied to all but admins and the system.
    pub async fn users(&self, page: ById) -> Result<Vec<User>, Error> {
        self.require_manager().await?;
        Ok(self.s.store().users(page).await?)
    }

    /// Gives a user another role; writes role_changed once.
    ///
    /// # Errors
    /// Denied to all but admins and the system; NotFound.
    #[tracing::instrument(name = "lms.set_role", skip_all, fields(course, outcome))]
    pub async fn set_role(&self, id: UserId, role: Role) -> Result<User, Error> {
        self.s
            .run(None, |mut command| async move {
                let found = self.s.store().person(self.s.rights_of(), PersonKey::Id(id)).await?;
                let rights = Rights::of(&command.actor, found.actor.as_ref(), None, None);
                let set = |event: &NewEvent| event.kind == EventKind::RoleChanged && event.subject_id == id.uuid();
                if !rights.may(Action::ManageUsers) && !self.s.did(&command, set).await? {
                    return Err(Error::Denied { action: Action::ManageUsers });
                }
                let mut user = found.subject.ok_or_else(|| Error::not_found(SubjectType::User, id))?;
                if command.done || user.role == role {
                    return Ok(Planned::nothing(user));
                }
                let mut batch = WriteBatch::default();
                batch.expect.push(Expect::Row { table: Table::User, id: id.uuid(), version: user.version });
                user.role = role;
                user.version += 1;
                user.updated_at = command.now;
                batch.put(user.clone());
                let mut event = command.event(EventKind::RoleChanged, SubjectType::User, id);
                event.student_id = Some(id);
                batch.events.push(event);
                Ok(Planned { batch, outcome: user })
            })
            .await
    }

    async fn require_manager(&self) -> Result<(), Error> {
        if let Some(id) = self.s.rights_of() {
            let found = self.s.store().person(Some(id), PersonKey::Id(id)).await?;
            let rights = Rights::of(&self.s.actor, found.actor.as_ref(), None, None);
            if !rights.may(Action::ManageUsers) {
                return Err(Error::Denied { action: Action::ManageUsers });
            }
        }
        Ok(())
    }
}
