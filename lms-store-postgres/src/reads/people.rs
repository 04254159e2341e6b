//! Users and staff.

use lms_core::model::{CourseStaff, User};
use lms_core::store::PersonContext;

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

pub(crate) fn read_person(mut doc: Doc) -> Result<PersonContext, lms_core::store::StoreError> {
    Ok(PersonContext { actor: doc.one("actor")?, subject: doc.one("subject")? })
}

/// $1 above, $2 limit.
pub(super) fn users() -> String {
    listing(&many::<User>("WHERE t.id > $1::uuid ORDER BY t.id LIMIT $2::bigint"))
}

/// $1 course.
pub(super) fn staff() -> String {
    listing(&many::<CourseStaff>("WHERE t.course_id = $1::uuid ORDER BY t.id"))
}
