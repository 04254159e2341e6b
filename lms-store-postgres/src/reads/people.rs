//! Users and staff.

use lms_core::model::{CourseStaff, User};
use lms_core::store::{PersonContext, PersonName};

use super::{listing, user};
use crate::rows::Doc;
use crate::sql::{many, one};

/// $1 actor, $2 id, $3 external id.
pub(super) fn person() -> String {
    format!(
        "SELECT json_build_object('actor', {}, 'subject', {})::text",
        user("$1::uuid"),
        one::<User>("WHERE t.id = $2::uuid OR ($2 IS NULL AND t.external_id = $3)"),
    )
}

/// $1 actor, $2 e-mail address.
pub(super) fn person_by_email() -> String {
    let subject = one::<User>("WHERE t.email = $2");
    format!("SELECT json_build_object('actor', {}, 'subject', {subject})::text", user("$1::uuid"))
}

pub(crate) fn read_person(mut doc: Doc) -> Result<PersonContext, lms_core::store::StoreError> {
    Ok(PersonContext { actor: doc.one("actor")?, subject: doc.one("subject")? })
}

/// $1 above, $2 limit.
pub(super) fn users() -> String {
    listing(&many::<User>("WHERE t.id > $1::uuid ORDER BY t.id LIMIT $2::bigint"))
}

/// $1 course, $2 above, $3 limit.
pub(super) fn staff() -> String {
    listing(&many::<CourseStaff>(
        "WHERE t.course_id = $1::uuid AND t.user_id > $2::uuid ORDER BY t.user_id LIMIT $3::bigint",
    ))
}

/// $1 people.
pub(super) fn names() -> String {
    listing(&many::<PersonName>("WHERE t.id = ANY (string_to_array($1, ',')::uuid[])"))
}
