//! Who may do what (R1): default deny.

use crate::error::Error;
use crate::model::table::words;
use crate::model::{Actor, Course, CourseStaff, Role, StaffRole, SubjectType, User};

words! {
    /// What an actor asks to do. The word is a code, to be told by and to be translated.
    pub enum Action {
        /// Create a course.
        CreateCourse = "create_course",
        /// Create and edit content.
        EditContent = "edit_content",
        /// Publish, delete, reorder, manage the course.
        Manage = "manage",
        /// Enroll others, suspend, withdraw them.
        EnrollOthers = "enroll_others",
        /// Enroll oneself.
        EnrollSelf = "enroll_self",
        /// Read keys, rubrics' notes and all submissions.
        ReadWork = "read_work",
        /// Grade.
        Grade = "grade",
        /// Extend, excuse, waive, void, regrade.
        ManageLearners = "manage_learners",
        /// Attempt, submit, mark progress.
        Learn = "learn",
        /// Issue by hand or revoke a certificate, reset progress.
        Certify = "certify",
        /// Manage users.
        ManageUsers = "manage_users",
        /// Read ai_logs.
        ReadAiLogs = "read_ai_logs",
        /// Set what AI may cost, and read what it cost.
        SetAiBudgets = "set_ai_budgets",
        /// Read the course's numbers.
        ReadAnalytics = "read_analytics",
        /// Record the host's own events.
        Record = "record",
    }
}

impl Action {
    /// The action in English, as it goes on from "you may not".
    pub const fn phrase(self) -> &'static str {
        match self {
            Self::CreateCourse => "create a course",
            Self::EditContent => "edit this content",
            Self::Manage => "manage this course",
            Self::EnrollOthers => "enroll others",
            Self::EnrollSelf => "enroll",
            Self::ReadWork => "read this work",
            Self::Grade => "grade",
            Self::ManageLearners => "manage learners",
            Self::Learn => "learn here",
            Self::Certify => "manage certificates and progress",
            Self::ManageUsers => "manage users",
            Self::ReadAiLogs => "read the AI log",
            Self::SetAiBudgets => "manage AI budgets",
            Self::ReadAnalytics => "read these numbers",
            Self::Record => "record events",
        }
    }
}

/// What an actor is to a course.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Rights {
    /// The host or the library itself.
    pub system: bool,
    /// An admin.
    pub admin: bool,
    /// The place in the course's staff; the owner counts as instructor (E5).
    pub staff: Option<StaffRole>,
    /// The learner whose work it is.
    pub own: bool,
    /// Acting by AI for somebody.
    pub ai: bool,
    /// Whether the person may act at all: known, not erased, not an AI user.
    pub present: bool,
}

impl Rights {
    /// What an actor is, from rows loaded with the command's own load.
    pub fn of(actor: &Actor, user: Option<&User>, course: Option<&Course>, staff: Option<&CourseStaff>) -> Self {
        if matches!(actor, Actor::System { .. }) {
            return Self { system: true, present: true, ..Self::default() };
        }
        let Some(user) = user.filter(|user| user.erased_at.is_none() && user.role != Role::Ai) else {
            return Self::default();
        };
        let owner = course.is_some_and(|course| course.instructor_id == user.id);
        Self {
            system: false,
            admin: user.role == Role::Admin,
            staff: if owner { Some(StaffRole::Instructor) } else { staff.map(|staff| staff.role) },
            own: false,
            ai: matches!(actor, Actor::Ai { .. }),
            present: true,
        }
    }

    /// The same, knowing that the work at hand is the actor's own.
    #[must_use]
    pub const fn owning(mut self, own: bool) -> Self {
        self.own = own && !self.ai && self.present;
        self
    }

    /// Whether the actor teaches the course or stands above it.
    pub fn instructs(self) -> bool {
        self.present && (self.admin || self.staff == Some(StaffRole::Instructor))
    }

    /// Whether the actor belongs to the course's staff or stands above it. AI does not, whoever it acts for: it
    /// reads no learners' work but what it grades.
    pub const fn is_staff(self) -> bool {
        self.present && !self.ai && (self.admin || self.staff.is_some())
    }

    /// Allows AI that acts for a grader to read and mark an item on which grading by AI is on (R1): the caller
    /// checks that it is.
    ///
    /// # Errors
    /// NotFound to everybody else.
    pub fn require_ai_grader(self, what: SubjectType, id: impl Into<uuid::Uuid>) -> Result<(), Error> {
        let for_a_grader = self.present && self.ai && (self.admin || self.staff.is_some());
        if for_a_grader { Ok(()) } else { Err(Error::not_found(what, id)) }
    }

    /// The table of R1.
    pub fn may(self, action: Action) -> bool {
        if !self.present {
            return false;
        }
        match action {
            // Content by AI is checked with the rights of the person it acts for.
            Action::EditContent => self.instructs(),
            Action::Manage => self.instructs() && !self.ai,
            Action::EnrollOthers => self.system || (self.instructs() && !self.ai),
            Action::ReadWork => self.system || self.is_staff(),
            // Keys are graded by the library itself and AI marks by `require_ai_grader`: neither is a grader.
            Action::Grade => self.is_staff(),
            Action::ManageLearners => self.instructs() && !self.ai,
            Action::Certify => self.instructs() && !self.ai,
            Action::Learn | Action::EnrollSelf => self.own,
            Action::ReadAnalytics | Action::ReadAiLogs => self.system || (self.instructs() && !self.ai),
            Action::ManageUsers | Action::SetAiBudgets => (self.system || self.admin) && !self.ai,
            Action::Record => self.system || self.own || self.instructs(),
            // Decided by the role; see `may_create_course`.
            Action::CreateCourse => self.system || self.admin,
        }
    }

    /// Allows the action, or says that there is no such thing to those who may not even see it.
    ///
    /// # Errors
    /// Denied to those who see the thing, NotFound to all others.
    pub fn require(
        self,
        action: Action,
        sees: bool,
        what: SubjectType,
        id: impl Into<uuid::Uuid>,
    ) -> Result<(), Error> {
        if self.may(action) {
            Ok(())
        } else if sees || self.is_staff() || self.own {
            Err(Error::Denied { action })
        } else {
            Err(Error::not_found(what, id))
        }
    }
}

/// Who may create courses (E1).
pub fn may_create_course(actor: &Actor, user: Option<&User>) -> bool {
    match actor {
        Actor::System { .. } => true,
        _ => user.is_some_and(|user| user.erased_at.is_none() && matches!(user.role, Role::Instructor | Role::Admin)),
    }
}
