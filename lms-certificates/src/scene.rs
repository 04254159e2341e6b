//! The finished page: everything laid out, checked and in place, ready to be written.
//!
//! Writing a scene cannot fail half-way: the PDF writer aborts the process when it is left in the
//! middle of a tagged section, so all that may go wrong has gone wrong before a scene exists.

use std::sync::Arc;

use krilla::geom::Path;
use krilla::image::Image;
use krilla::text::{Font, KrillaGlyph};

use crate::colour::Colour;

/// One run of glyphs in one face, size and colour.
#[derive(Debug, Clone)]
pub(crate) struct Run {
    pub(crate) x: f32,
    pub(crate) baseline: f32,
    pub(crate) size: f32,
    pub(crate) colour: Colour,
    pub(crate) font: Font,
    pub(crate) glyphs: Vec<KrillaGlyph>,
    pub(crate) text: Arc<str>,
}

/// A rectangle in points, from the top left of the page.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Area {
    pub(crate) x: f32,
    pub(crate) y: f32,
    pub(crate) width: f32,
    pub(crate) height: f32,
}

/// One thing to draw.
pub(crate) enum Draw {
    Fill(Path, Colour),
    Stroke(Path, Colour, f32),
    Run(Run),
    Image(Image, Area),
}

/// What an element is to a reader who cannot see the page.
#[derive(Debug, Clone)]
pub(crate) enum Role {
    /// Decoration.
    Artifact,
    /// The headline.
    Heading(String),
    /// A paragraph; the exact string and its language where they matter.
    Paragraph { exact: Option<String>, language: Option<String> },
    /// A picture with its description.
    Figure { alt: String, area: Area },
    /// A paragraph that is a link.
    Link { url: String, alt: String, area: Area },
}

/// One element in reading order.
pub(crate) struct Element {
    pub(crate) role: Role,
    pub(crate) draws: Vec<Draw>,
}

/// The date and time of the document, in UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Instant {
    pub(crate) year: u16,
    pub(crate) month: u8,
    pub(crate) day: u8,
    pub(crate) hour: u8,
    pub(crate) minute: u8,
    pub(crate) second: u8,
}

/// The page and what the document says about itself.
pub(crate) struct Scene {
    pub(crate) width: f32,
    pub(crate) height: f32,
    pub(crate) elements: Vec<Element>,
    pub(crate) title: String,
    pub(crate) author: String,
    pub(crate) subject: String,
    pub(crate) language: String,
    pub(crate) document_id: String,
    pub(crate) created: Instant,
}
