//! Whose the work is that waits, and at what.

use std::collections::HashMap;

use serde::Serialize;
use uuid::Uuid;

use crate::lms::listed::{NamedItem, NamedUser};
use crate::model::SubjectType;
use crate::store::WorkName;

/// Work that waits for staff: whose it is, and at what.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct Waiting<W> {
    /// The learner.
    pub student: NamedUser,
    /// The quiz or the assignment.
    pub item: NamedItem,
    /// The work.
    pub work: W,
}

/// The names of a page of work, by attempt and submission.
pub(super) struct WorkNames(HashMap<Uuid, WorkName>);

impl WorkNames {
    pub(super) fn new(names: Vec<WorkName>) -> Self {
        Self(names.into_iter().map(|name| (name.id, name)).collect())
    }

    /// The work with its names; what was deleted since it was listed is left out.
    pub(super) fn of<W>(&self, kind: SubjectType, id: impl Into<Uuid>, work: W) -> Option<Waiting<W>> {
        let name = self.0.get(&id.into())?;
        Some(Waiting {
            student: NamedUser { id: name.student_id, name: name.display_name.clone() },
            item: NamedItem { kind, id: name.item_id, title: name.title.clone() },
            work,
        })
    }
}
