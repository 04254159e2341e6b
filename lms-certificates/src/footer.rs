//! The foot of the page: signature, seal, code and QR code.

use crate::clean::{clean, is_visible};
use crate::colour::{BLACK, INK, SOFT, WHITE};
use crate::compose::{Band, Page, fitted, paragraph};
use crate::error::RenderError;
use crate::image;
use crate::ornament;
use crate::qr::Qr;
use crate::scene::{Area, Draw, Element, Role};
use crate::text::{Align, Style, Typesetter};

const SEAL: f32 = 40.0;
const MARGIN: f32 = 78.0;
const SIGNATURE: f32 = 190.0;

/// Who signs.
pub(crate) struct Signs {
    pub(crate) name: String,
    pub(crate) title: String,
    /// The instructor signs, since the template names nobody.
    pub(crate) instructor: bool,
}

/// The signatory of the template, or else the instructor, or else the issuer.
pub(crate) fn signs(page: &Page<'_>) -> Signs {
    let text = |text: &Option<String>| text.as_deref().map(clean).filter(|text| is_visible(text));
    let title = text(&page.template.signatory_title).unwrap_or_default();
    if let Some(name) = text(&page.template.signatory_name) {
        return Signs { name, title, instructor: false };
    }
    match &page.facts.instructor_name {
        Some(name) if title.is_empty() => {
            Signs { name: name.clone(), title: page.locale.labels().instructor.to_owned(), instructor: true }
        }
        _ => Signs { name: clean(&page.template.issuer_name), title, instructor: false },
    }
}

/// Lays the footer out, from the bottom of the frame upwards.
pub(crate) fn compose(page: &Page<'_>, setter: &mut Typesetter<'_>) -> Result<Band, RenderError> {
    let bottom = page.height - ornament::FRAME - 24.0;
    let qr = page.facts.verify_url.as_deref().map(Qr::new).transpose()?;
    let tallest = qr.as_ref().map_or(0.0, Qr::side).max(SEAL * 2.0 + 4.0);
    let mut elements = signature(page, bottom, setter)?;
    let seal = ornament::seal((page.width / 2.0, bottom - SEAL - 12.0), SEAL, page.accent);
    elements.push(Element { role: Role::Artifact, draws: seal });
    elements.extend(code(page, qr.as_ref(), bottom, setter)?);
    Ok(Band { elements, top: bottom - tallest - 20.0, bottom })
}

fn signature(page: &Page<'_>, bottom: f32, setter: &mut Typesetter<'_>) -> Result<Vec<Element>, RenderError> {
    let signs = signs(page);
    let has_image = page.template.signature.is_some();
    if !is_visible(&signs.name) && !is_visible(&signs.title) && !has_image {
        return Ok(Vec::new());
    }
    let mut out = Vec::new();
    let rule_y = bottom - 34.0;
    if let Some(bytes) = &page.template.signature {
        let image = image::decode("signature", bytes)?;
        let (width, height) = image::fit(&image, SIGNATURE - 20.0, 44.0);
        let area = Area { x: MARGIN + (SIGNATURE - width) / 2.0, y: rule_y - height - 1.0, width, height };
        let alt = if is_visible(&signs.name) { signs.name.clone() } else { signs.title.clone() };
        let draws = vec![Draw::Image(image, area)];
        let role = if is_visible(&alt) { Role::Figure { alt, area } } else { Role::Artifact };
        out.push(Element { role, draws });
    }
    let rule = ornament::line(MARGIN, rule_y, MARGIN + SIGNATURE, rule_y);
    let draws = rule.map(|path| Draw::Stroke(path, SOFT, 0.6)).into_iter().collect();
    out.push(Element { role: Role::Artifact, draws });
    let mut y = rule_y + 4.0;
    if is_visible(&signs.name) {
        let style = Style { leading: 1.15, features: "\"lnum\" 1", ..page.style(13.5) };
        let block = fitted("signatory_name", &signs.name, &style, 8.5, 2, SIGNATURE, setter)?;
        y += block.height;
        out.push(paragraph(block.clone(), MARGIN, y - block.height));
    }
    if is_visible(&signs.title) {
        let style = Style { italic: true, colour: SOFT, leading: 1.15, features: "\"lnum\" 1", ..page.style(11.0) };
        let block = fitted("signatory_title", &signs.title, &style, 7.5, 3, SIGNATURE, setter)?;
        out.push(paragraph(block, MARGIN, y + 1.0));
    }
    Ok(out)
}

fn code(
    page: &Page<'_>,
    qr: Option<&Qr>,
    bottom: f32,
    setter: &mut Typesetter<'_>,
) -> Result<Vec<Element>, RenderError> {
    let labels = page.locale.labels();
    let mut out = Vec::new();
    let mut right = page.width - MARGIN;
    if let Some(qr) = qr {
        let (side, quiet) = (qr.side(), 4.0 * qr.module());
        let (x, y) = (right - side, bottom - side);
        let mut draws = Vec::new();
        let paper = ornament::rectangle(x - quiet, y - quiet, side + 2.0 * quiet, side + 2.0 * quiet);
        draws.extend(paper.map(|path| Draw::Fill(path, WHITE)));
        draws.extend(qr.path(x, y).map(|path| Draw::Fill(path, BLACK)));
        let area = Area { x, y, width: side, height: side };
        out.push(Element { role: Role::Figure { alt: labels.qr_alt.to_owned(), area }, draws });
        right = x - quiet - 4.0;
    }
    let left = page.width / 2.0 + SEAL + 22.0;
    let width = right - left;
    let small = Style { colour: SOFT, italic: true, ..page.style(10.5) };
    let label = setter.set(labels.code, &small, width, Align::Right)?;
    let digits = Style {
        colour: INK,
        plain_digits: true,
        spacing: 0.03,
        features: "\"lnum\" 1, \"zero\" 1",
        leading: 1.3,
        ..page.style(11.5)
    };
    let natural = setter.width(&page.facts.code, &digits).max(1.0);
    let size = (11.5 * width / natural).clamp(6.5, 11.5);
    let digits = Style { size, ..digits };
    let digits = setter.set(&page.facts.code, &digits, width, Align::Right)?;
    if digits.lines > 2 {
        return Err(RenderError::TextTooLong { field: "code" });
    }
    let Some(url) = &page.facts.verify_url else {
        let top = bottom - 34.0 + 4.0;
        out.push(paragraph(label.clone(), left, top));
        out.push(paragraph(digits, left, top + label.height));
        return Ok(out);
    };
    let verify = setter.set(labels.verify, &small, width, Align::Right)?;
    let shown = shown_url(url);
    let style = Style { colour: page.accent_text, features: "\"lnum\" 1", leading: 1.2, ..page.style(9.0) };
    let mut link = setter.set(shown, &style, width, Align::Right)?;
    if link.lines > 2 {
        // The QR code and the link carry the whole address.
        let host = shown.split('/').next().unwrap_or(shown);
        link = setter.set(host, &Style { size: 8.0, ..style }, width, Align::Right)?;
    }
    if link.lines > 3 {
        return Err(RenderError::TextTooLong { field: "verify_url" });
    }
    let gap = 7.0;
    let height = label.height + digits.height + gap + verify.height + link.height;
    let mut y = bottom - height + 2.0;
    let mut place = |height: f32| {
        let top = y;
        y += height;
        top
    };
    out.push(paragraph(label.clone(), left, place(label.height)));
    out.push(paragraph(digits.clone(), left, place(digits.height + gap)));
    out.push(paragraph(verify.clone(), left, place(verify.height)));
    let area = Area { x: right - link.width, y: place(0.0), width: link.width, height: link.height };
    let draws = link.at(left, area.y).into_iter().map(Draw::Run).collect();
    let alt = format!("{} {url}", labels.verify);
    out.push(Element { role: Role::Link { url: url.clone(), alt, area }, draws });
    Ok(out)
}

/// The address without its scheme and without a slash at the end.
fn shown_url(url: &str) -> &str {
    let bare = url.split_once("://").map_or(url, |(_, rest)| rest);
    bare.strip_suffix('/').unwrap_or(bare)
}
