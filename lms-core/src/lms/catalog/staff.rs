//! Who teaches and grades in a course (E5).

use serde::Serialize;
use uuid::Uuid;

use super::Catalog;
use crate::error::Error;
use crate::lms::listed::{Listed, NamedUser};
use crate::model::*;
use crate::store::ById;

/// A page of a course's staff.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct CourseTeam {
    /// The owner, always an instructor of it; on every page.
    pub owner: NamedUser,
    /// The others, by the id of the person.
    pub members: Vec<StaffMember>,
    /// Where the next page begins; absent after the last one.
    pub next: Option<Uuid>,
}

/// A member of a [`CourseTeam`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct StaffMember {
    /// The person.
    pub user: NamedUser,
    /// What they may do in the course.
    pub role: StaffRole,
    /// When they were added, or got this role.
    pub since: Timestamp,
}

impl Catalog<'_> {
    /// The staff of a course, to its staff: the owner, and a page of the others by the id of the person (E5).
    ///
    /// # Errors
    /// NotFound to everybody else.
    #[tracing::instrument(name = "lms.staff", skip_all, fields(course, outcome))]
    pub async fn staff(&self, course: CourseId, page: ById) -> Result<CourseTeam, Error> {
        let owner = self.s.course_for_graders(course).await?.instructor_id;
        let found = self.s.store().staff(course, page).await?;
        let names = self.s.names(found.iter().map(|member| member.user_id).chain([owner])).await?;
        let member = |member: &CourseStaff| StaffMember {
            user: names.named(member.user_id),
            role: member.role,
            since: member.created_at,
        };
        let members = found.iter().filter(|member| member.user_id != owner).map(member).collect();
        let Listed { rows: members, next } = Listed::of(&found, page, |last| last.user_id.uuid(), members);
        Ok(CourseTeam { owner: names.named(owner), members, next })
    }
}
