//! The page: what stands where.

use chrono::{DateTime, Datelike as _, Timelike as _, Utc};

use crate::clean::{clean, is_visible};
use crate::colour::{Colour, INK, SOFT};
use crate::copytext::{self, Piece, Values};
use crate::error::RenderError;
use crate::facts::CertificateFacts;
use crate::fonts::Fonts;
use crate::footer;
use crate::image;
use crate::locale::Locale;
use crate::ornament;
use crate::scene::{Area, Draw, Element, Instant, Role, Scene};
use crate::template::{TemplateVersion, is_language_tag};
use crate::text::{Align, Block, Style, Typesetter};

const MAX_NAME: usize = 200;
const MAX_TITLE: usize = 300;
const MAX_SHORT: usize = 120;

/// What the parts of the page need to know of each other.
pub(crate) struct Page<'a> {
    pub(crate) width: f32,
    pub(crate) height: f32,
    pub(crate) accent: Colour,
    /// The accent, dark enough for text.
    pub(crate) accent_text: Colour,
    pub(crate) locale: Locale,
    pub(crate) template: &'a TemplateVersion,
    /// All facts, cleaned.
    pub(crate) facts: CertificateFacts,
}

impl Page<'_> {
    pub(crate) fn style(&self, size: f32) -> Style<'_> {
        Style {
            size,
            italic: false,
            plain_digits: false,
            colour: INK,
            spacing: 0.0,
            leading: 1.25,
            features: "",
            language: &self.template.language,
        }
    }
}

/// Lays the whole page out.
///
/// # Errors
/// Every [`RenderError`] but those of the template and of writing.
pub(crate) fn compose(
    facts: &CertificateFacts,
    template: &TemplateVersion,
    fonts: &Fonts,
) -> Result<Scene, RenderError> {
    let mut setter = Typesetter::new(fonts);
    let scene = compose_with(facts, template, &mut setter);
    // A text of boxes may not fit either; what matters is that it cannot be read.
    let missing = setter.missing();
    if missing.is_empty() { scene } else { Err(RenderError::MissingGlyphs { chars: missing }) }
}

fn compose_with(
    facts: &CertificateFacts,
    template: &TemplateVersion,
    setter: &mut Typesetter<'_>,
) -> Result<Scene, RenderError> {
    let (width, height) = template.page.points();
    let accent = Colour::parse(&template.accent_colour).unwrap_or(INK);
    let page = Page {
        width,
        height,
        accent,
        accent_text: accent.readable(),
        locale: Locale::of(&template.language),
        template,
        facts: cleaned(facts)?,
    };
    let footer = footer::compose(&page, setter)?;
    let values = values(&page);
    let headline = clean(&copytext::line("headline", &template.headline, &values)?);
    let header = header(&page, &headline, setter)?;
    let main = main_text(&page, &values, header.bottom, footer.top, setter)?;

    let mut decoration = ornament::watermark(
        (width / 2.0, (header.bottom + footer.top) / 2.0 - 4.0),
        (height * 0.235).min((footer.top - header.bottom) / 2.0 - 4.0),
        accent,
    );
    decoration.extend(ornament::frame(width, height, accent));
    let mut elements = vec![Element { role: Role::Artifact, draws: decoration }];
    elements.extend(header.elements);
    elements.extend(main);
    elements.extend(footer.elements);
    Ok(Scene {
        width,
        height,
        elements,
        title: format!("{headline}: {} – {}", page.facts.course_title, page.facts.student_name),
        author: clean(&template.issuer_name),
        subject: page.facts.course_title.clone(),
        language: template.language.clone(),
        document_id: facts.certificate_id.to_string(),
        created: instant(facts.issued_at),
    })
}

/// The facts through the text policy, each within its length.
fn cleaned(facts: &CertificateFacts) -> Result<CertificateFacts, RenderError> {
    let student_name = clean(&facts.student_name);
    if !is_visible(&student_name) {
        return Err(RenderError::EmptyName);
    }
    if student_name.chars().count() > MAX_NAME {
        return Err(RenderError::NameTooLong);
    }
    let short = |field: &'static str, text: &Option<String>, max: usize| {
        let text = text.as_deref().map(clean).filter(|text| is_visible(text));
        match text {
            Some(text) if text.chars().count() > max => Err(RenderError::TextTooLong { field }),
            text => Ok(text),
        }
    };
    let needed = |field: &'static str, text: &str, max: usize| {
        short(field, &Some(text.to_owned()), max)?.ok_or(RenderError::EmptyText { field })
    };
    let language = if is_language_tag(&facts.language) { facts.language.as_str() } else { "" };
    Ok(CertificateFacts {
        student_name,
        course_title: needed("course_title", &facts.course_title, MAX_TITLE)?,
        instructor_name: short("instructor_name", &facts.instructor_name, MAX_SHORT)?,
        score_percent: short("score_percent", &facts.score_percent, 40)?,
        hours: short("hours", &facts.hours, 40)?,
        code: needed("code", &facts.code, 64)?,
        verify_url: facts.verify_url.clone(),
        language: language.to_owned(),
        ..facts.clone()
    })
}

fn values(page: &Page<'_>) -> Values {
    let facts = &page.facts;
    let text = |value: Option<String>| value.unwrap_or_default();
    Values {
        student_name: facts.student_name.clone(),
        course_title: facts.course_title.clone(),
        completed_on: text(facts.completed_on.map(|day| page.locale.date(day))),
        score: text(facts.score_percent.as_deref().map(|score| page.locale.percent(score))),
        hours: text(facts.hours.as_deref().map(|hours| page.locale.number(hours))),
    }
}

fn instant(at: DateTime<Utc>) -> Instant {
    let part = |value: u32| u8::try_from(value).unwrap_or(0);
    Instant {
        year: u16::try_from(at.year().clamp(0, 9999)).unwrap_or(0),
        month: part(at.month()),
        day: part(at.day()),
        hour: part(at.hour()),
        minute: part(at.minute()),
        second: part(at.second()),
    }
}

/// A band of the page that is finished.
pub(crate) struct Band {
    pub(crate) elements: Vec<Element>,
    pub(crate) top: f32,
    pub(crate) bottom: f32,
}

/// A block as a paragraph at a place.
pub(crate) fn paragraph(block: Block, x: f32, y: f32) -> Element {
    Element {
        role: Role::Paragraph { exact: None, language: None },
        draws: block.at(x, y).into_iter().map(Draw::Run).collect(),
    }
}

/// Logo, issuer, headline and divider.
fn header(page: &Page<'_>, headline: &str, setter: &mut Typesetter<'_>) -> Result<Band, RenderError> {
    let mut elements = Vec::new();
    let mut y = ornament::FRAME + 22.0;
    let centre = page.width / 2.0;
    let text_width = page.width - 2.0 * 100.0;
    let left = centre - text_width / 2.0;
    let issuer = clean(&page.template.issuer_name);
    if let Some(bytes) = &page.template.logo {
        let logo = image::decode("logo", bytes)?;
        let (width, height) = image::fit(&logo, 170.0, 44.0);
        let area = Area { x: centre - width / 2.0, y: y - 6.0, width, height };
        let alt = if is_visible(&issuer) { issuer.clone() } else { headline.to_owned() };
        elements.push(Element { role: Role::Figure { alt, area }, draws: vec![Draw::Image(logo, area)] });
        y += height + 2.0;
    }
    if is_visible(&issuer) {
        let style = Style { colour: SOFT, spacing: 0.09, features: "\"smcp\" 1, \"lnum\" 1", ..page.style(14.5) };
        let block = fitted("issuer_name", &issuer, &style, 9.0, 2, text_width, setter)?;
        y += block.height;
        let (top, width, height) = (y - block.height, block.width, block.height);
        let mut element = paragraph(block, left, top);
        if let Some(url) = &page.template.issuer_url {
            let area = Area { x: centre - width / 2.0, y: top, width, height };
            element.role = Role::Link { url: url.clone(), alt: format!("{issuer}, {url}"), area };
        }
        elements.push(element);
    }
    y += 7.0;
    let style =
        Style { colour: page.accent_text, spacing: 0.035, leading: 1.12, features: "\"lnum\" 1", ..page.style(39.0) };
    if !is_visible(headline) {
        return Err(RenderError::EmptyText { field: "headline" });
    }
    let block = fitted("headline", headline, &style, 19.0, 2, text_width, setter)?;
    let bottom = y + block.height;
    elements.push(Element {
        role: Role::Heading(headline.to_owned()),
        draws: block.at(left, y).into_iter().map(Draw::Run).collect(),
    });
    let divider = ornament::divider((centre, bottom + 9.0), 92.0, page.accent);
    elements.push(Element { role: Role::Artifact, draws: divider });
    Ok(Band { elements, top: ornament::FRAME, bottom: bottom + 18.0 })
}

/// Sets a text on as few lines as its smallest size allows, as large as they let it be.
///
/// # Errors
/// [`RenderError::TextTooLong`] when even the smallest size needs more lines than allowed.
pub(crate) fn fitted(
    field: &'static str,
    text: &str,
    style: &Style<'_>,
    smallest: f32,
    max_lines: usize,
    max_width: f32,
    setter: &mut Typesetter<'_>,
) -> Result<Block, RenderError> {
    // Widths grow with the size in proportion, so one measurement tells the size of a single line.
    let width = setter.width(text, style).max(1.0);
    for lines in 1..=max_lines {
        // A line is never filled to the end, since it breaks between words.
        let usable = max_width * lines as f32 * if lines == 1 { 1.0 } else { 0.94 };
        // More lines are set smaller, so that they do not push the rest of the page together.
        let (largest, least) = match lines {
            1 => (1.0, 0.62),
            2 => (0.84, 0.52),
            _ => (0.68, 0.0),
        };
        let mut size = down((style.size * usable / width).min(style.size * largest));
        let floor = if lines < max_lines { smallest.max(style.size * least) } else { smallest };
        while size >= floor {
            let block = setter.set(text, &Style { size, ..*style }, max_width, Align::Centre)?;
            if block.lines <= lines {
                return Ok(block);
            }
            size -= 1.0;
        }
    }
    let style = Style { size: smallest, ..*style };
    let block = setter.set(text, &style, max_width, Align::Centre)?;
    if block.lines <= max_lines { Ok(block) } else { Err(RenderError::TextTooLong { field }) }
}

/// Down to half a point.
fn down(size: f32) -> f32 {
    (size * 2.0).floor() / 2.0
}

/// The text between header and footer: the body with name and title, and the details below.
fn main_text(
    page: &Page<'_>,
    values: &Values,
    top: f32,
    bottom: f32,
    setter: &mut Typesetter<'_>,
) -> Result<Vec<Element>, RenderError> {
    let body = clean_lines(&page.template.body);
    let pieces: Vec<Piece> = copytext::pieces("body", &body, values)?;
    let details = details(page);
    let room = bottom - top;
    for scale in [1.0, 0.94, 0.88, 0.82, 0.76, 0.7, 0.64, 0.58] {
        let blocks = set_main(page, &pieces, &details, scale, setter)?;
        let height: f32 = blocks.iter().map(|placed| placed.gap + placed.block.height).sum();
        if height > room {
            continue;
        }
        // Half of what is left over goes between the blocks, within reason.
        let extra = ((room - height) * 0.5 / blocks.len().max(1) as f32).min(7.0);
        let mut y = top + (room - height - extra * blocks.len() as f32) * 0.5;
        let mut elements = Vec::new();
        for placed in blocks {
            y += placed.gap + extra;
            let height = placed.block.height;
            let x = (page.width - placed.width) / 2.0;
            if let Some(rule) = placed.rule {
                let width = placed.block.width.max(200.0).min(placed.width);
                let rule = ornament::line(
                    page.width / 2.0 - width / 2.0 - 14.0,
                    y + height + rule,
                    page.width / 2.0 + width / 2.0 + 14.0,
                    y + height + rule,
                );
                let draws = rule.map(|path| Draw::Stroke(path, page.accent.tint(55), 0.5)).into_iter();
                elements.push(Element { role: Role::Artifact, draws: draws.collect() });
            }
            elements
                .push(Element { role: placed.role, draws: placed.block.at(x, y).into_iter().map(Draw::Run).collect() });
            y += height;
        }
        return Ok(elements);
    }
    Err(RenderError::TextTooLong { field: "body" })
}

/// The body with each of its lines cleaned.
fn clean_lines(body: &str) -> String {
    body.lines().map(clean).collect::<Vec<_>>().join("\n")
}

struct Placed {
    role: Role,
    block: Block,
    /// The width it was set in.
    width: f32,
    /// Space above.
    gap: f32,
    /// A rule this far below the block.
    rule: Option<f32>,
}

fn set_main(
    page: &Page<'_>,
    pieces: &[Piece],
    details: &str,
    scale: f32,
    setter: &mut Typesetter<'_>,
) -> Result<Vec<Placed>, RenderError> {
    let wide = page.width - 2.0 * 88.0;
    let narrow = page.width - 2.0 * 150.0;
    let mut out: Vec<Placed> = Vec::new();
    let plain = || Role::Paragraph { exact: None, language: None };
    let exact = |text: &str| Role::Paragraph {
        exact: Some(text.to_owned()),
        language: Some(page.facts.language.clone()).filter(|tag| !tag.is_empty()),
    };
    for piece in pieces {
        let placed = match piece {
            Piece::Text(text) => {
                let style = Style {
                    italic: true,
                    colour: SOFT,
                    leading: 1.32,
                    features: "\"lnum\" 1",
                    ..page.style((16.0 * scale).max(9.5))
                };
                let block = setter.set(text, &style, narrow, Align::Centre)?;
                Placed { role: plain(), block, width: narrow, gap: 11.0 * scale, rule: None }
            }
            Piece::Name => {
                let style =
                    Style { leading: 1.16, language: &page.facts.language, ..page.style((42.0 * scale).max(18.0)) };
                let name = &page.facts.student_name;
                let block = fitted("student_name", name, &style, 18.0, 3, wide, setter).map_err(name_error)?;
                let rule = Some(3.0 * scale);
                Placed { role: exact(name), block, width: wide, gap: 7.0 * scale, rule }
            }
            Piece::Title => {
                let style = Style {
                    leading: 1.2,
                    colour: page.accent_text,
                    features: "\"lnum\" 1",
                    language: &page.facts.language,
                    ..page.style((27.0 * scale).max(13.0))
                };
                let title = &page.facts.course_title;
                let block = fitted("course_title", title, &style, 13.0, 3, wide, setter)?;
                Placed { role: exact(title), block, width: wide, gap: 8.0 * scale, rule: None }
            }
        };
        // A rule needs air below it.
        let extra = if out.last().is_some_and(|last| last.rule.is_some()) { 7.0 * scale } else { 0.0 };
        out.push(Placed { gap: placed.gap + extra, ..placed });
    }
    if !details.is_empty() {
        let style = Style { colour: SOFT, leading: 1.4, features: "\"lnum\" 1", ..page.style((12.0 * scale).max(9.5)) };
        let block = setter.set(details, &style, narrow + 80.0, Align::Centre)?;
        out.push(Placed { role: plain(), block, width: narrow + 80.0, gap: 11.0 * scale, rule: None });
    }
    Ok(out)
}

fn name_error(error: RenderError) -> RenderError {
    match error {
        RenderError::TextTooLong { .. } => RenderError::NameTooLong,
        other => other,
    }
}

/// Instructor, dates and revision on one line.
fn details(page: &Page<'_>) -> String {
    let labels = page.locale.labels();
    let facts = &page.facts;
    let mut parts = Vec::new();
    let signs = footer::signs(page);
    if let Some(instructor) = facts.instructor_name.as_ref().filter(|_| !signs.instructor) {
        parts.push(page.locale.labelled(labels.instructor, instructor));
    }
    parts.push(format!("{} {}", labels.issued, page.locale.date(facts.issued_on)));
    if let Some(expires) = facts.expires_on {
        parts.push(format!("{} {}", labels.expires, page.locale.date(expires)));
    }
    if facts.revision > 1 {
        parts.push(format!("{} {}", labels.revision, facts.revision));
    }
    parts.join("  ·  ")
}

#[cfg(test)]
mod tests;
