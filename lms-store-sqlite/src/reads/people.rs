//! Users and staff.

use lms_core::model::{CourseId, CourseStaff, User, UserId};
use lms_core::store::{ById, PersonContext, PersonKey, PersonName};
use rusqlite::{Connection, params};

use super::learning::listed;
use super::{above, at_most, user};
use crate::error::Result;
use crate::rows::{by_id, first, id, select, text};

pub(crate) fn person(conn: &Connection, actor: Option<UserId>, subject: &PersonKey) -> Result<PersonContext> {
    Ok(PersonContext {
        actor: user(conn, actor)?,
        subject: match subject {
            PersonKey::Id(user) => by_id(conn, *user)?,
            PersonKey::External(external) => first(conn, "WHERE t.external_id = ?1", [text(external)])?,
            PersonKey::Email(email) => first(conn, "WHERE t.email = ?1", [text(email)])?,
        },
    })
}

pub(crate) fn users(conn: &Connection, page: ById) -> Result<Vec<User>> {
    select(conn, "WHERE t.id > ?1 ORDER BY t.id LIMIT ?2", params![id(above(page)), at_most(page)])
}

pub(crate) fn staff(conn: &Connection, course: CourseId, page: ById) -> Result<Vec<CourseStaff>> {
    select(
        conn,
        "WHERE t.course_id = ?1 AND t.user_id > ?2 ORDER BY t.user_id LIMIT ?3",
        params![id(course), id(above(page)), at_most(page)],
    )
}

pub(crate) fn names(conn: &Connection, people: &[UserId]) -> Result<Vec<PersonName>> {
    select(conn, "WHERE t.id IN (SELECT unhex(value) FROM json_each(?1))", [listed(people)])
}
