//! GIFT, the plain-text format of question banks that many learning systems read and write.
//!
//! [`GiftBank::read`] and [`gift_text`] are pure, take time in proportion to the text, and never drop
//! anything in silence: what one side cannot say is a [`GiftNote`] with its line.

mod read;
mod write;

#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

use crate::lms::NewQuestion;

pub use write::{GiftText, gift_text};

/// The longest text that is read, in bytes.
pub const GIFT_BYTES: usize = 4 * 1024 * 1024;
/// The most questions of one text.
pub const GIFT_QUESTIONS: usize = 5_000;

crate::model::table::words! {
    /// What of a question one side cannot say.
    pub enum GiftLoss {
        /// The other side has no such type of question.
        Type = "type",
        /// The key, or a part of it, has no form there.
        Key = "key",
        /// Partial credit is counted in another way.
        Credit = "credit",
        /// Feedback on an answer has no place there.
        Feedback = "feedback",
        /// Points off, links to objectives, a source, a rubric, notes for staff, whether case counts.
        Side = "side",
        /// The text is said to be HTML and is taken over as it is written.
        Format = "format",
        /// A title or a category: questions of a quiz have neither.
        Name = "name",
        /// It is not GIFT.
        Syntax = "syntax",
        /// It breaks a rule of authoring (Q3).
        Invalid = "invalid",
    }
}

/// What of one question did not come over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct GiftNote {
    /// The line of the GIFT text on which the question stands, or on which a comment says that it was
    /// left out; from 1.
    pub line: usize,
    /// Whether the whole question was left out; else it came over without this.
    pub left_out: bool,
    /// What it is.
    pub loss: GiftLoss,
    /// The same for a person.
    pub message: String,
}

/// A question of a GIFT text.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct GiftQuestion {
    /// The line on which it begins, from 1.
    pub line: usize,
    /// The `$CATEGORY` that it stands under.
    pub category: Option<String>,
    /// Its `::title::`; questions here have none.
    pub title: Option<String>,
    /// The question, checked as authoring checks it.
    pub question: NewQuestion,
}

/// What was read of a GIFT text: every question of it is in one of the two lists, or in both.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
pub struct GiftBank {
    /// The questions that can be asked, in order.
    pub questions: Vec<GiftQuestion>,
    /// What did not come over.
    pub notes: Vec<GiftNote>,
}
