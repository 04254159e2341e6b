//! What AI may cost, and does.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use uuid::Uuid;

use super::{AiLog, CourseId, Timestamp, UserId};

/// What a budget is for. In JSON and in the stores it is a text: `all`, `courses`, `actors`, `course:ID`,
/// `actor:ID`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum BudgetScope {
    /// All calls.
    All,
    /// Each course, where it has no limit of its own.
    EachCourse,
    /// One course.
    Course(CourseId),
    /// Each person who asks, where they have no limit of their own.
    EachActor,
    /// One person.
    Actor(UserId),
}

impl BudgetScope {
    /// The text that stands for it.
    pub fn key(&self) -> String {
        match self {
            Self::All => "all".to_owned(),
            Self::EachCourse => "courses".to_owned(),
            Self::Course(id) => format!("course:{}", id.uuid()),
            Self::EachActor => "actors".to_owned(),
            Self::Actor(id) => format!("actor:{}", id.uuid()),
        }
    }

    /// The scope whose limit counts where it has none of its own.
    pub const fn fallback(&self) -> Option<Self> {
        match self {
            Self::Course(_) => Some(Self::EachCourse),
            Self::Actor(_) => Some(Self::EachActor),
            Self::All | Self::EachCourse | Self::EachActor => None,
        }
    }

    /// The scopes that a call counts in, by their keys.
    pub fn of_call(log: &AiLog) -> Vec<Self> {
        let actor = log.actor_id.map(Self::Actor);
        let course = log.course_id.map(Self::Course);
        actor.into_iter().chain([Self::All]).chain(course).collect()
    }

    /// The day (UTC) in whose budgets an instant falls, as 2026-03-01.
    pub fn day(at: Timestamp) -> String {
        at.datetime().format("%Y-%m-%d").to_string()
    }
}

impl fmt::Display for BudgetScope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.key())
    }
}

/// A text that names no scope of a budget.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this is no scope of a budget")]
pub struct NoScope;

impl FromStr for BudgetScope {
    type Err = NoScope;
    fn from_str(text: &str) -> Result<Self, NoScope> {
        let id = |text: &str| Uuid::try_parse(text).map_err(|_| NoScope);
        match text.split_once(':') {
            None if text == "all" => Ok(Self::All),
            None if text == "courses" => Ok(Self::EachCourse),
            None if text == "actors" => Ok(Self::EachActor),
            Some(("course", of)) => Ok(Self::Course(CourseId::from_uuid(id(of)?))),
            Some(("actor", of)) => Ok(Self::Actor(UserId::from_uuid(id(of)?))),
            _ => Err(NoScope),
        }
    }
}

impl Serialize for BudgetScope {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.key())
    }
}

impl<'de> Deserialize<'de> for BudgetScope {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// What a scope may cost in a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct AiBudget {
    /// The scope.
    pub scope: BudgetScope,
    /// The limit of a day (UTC), in millionths of a US dollar.
    pub limit_micro_usd: i64,
}

/// What a scope cost in a day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AiSpending {
    /// The scope.
    pub scope: BudgetScope,
    /// The day (UTC), as 2026-03-01.
    pub day: String,
    /// What it may cost: its own limit, or that of its kind; `None` = there is none.
    pub limit_micro_usd: Option<i64>,
    /// Set aside for calls that are under way.
    pub reserved: i64,
    /// Spent.
    pub spent: i64,
}

impl AiSpending {
    /// Whether there is room for an amount.
    pub fn has_room(&self, amount: i64) -> bool {
        let used = self.reserved.saturating_add(self.spent);
        self.limit_micro_usd.is_none_or(|limit| used.saturating_add(amount) <= limit)
    }
}
