//! Writing a scene as a PDF.
//!
//! The writer panics, and aborts the process, when a tagged section or a transformation is left
//! open. So there is no early return between the first drawing and the last.

use std::num::NonZeroU16;

use krilla::SerializeSettings;
use krilla::action::LinkAction;
use krilla::annotation::{Annotation, LinkAnnotation, Target};
use krilla::destination::XyzDestination;
use krilla::geom::{Point, Rect, Size, Transform};
use krilla::metadata::{DateTime, Metadata};
use krilla::num::NormalizedF32;
use krilla::outline::{Outline, OutlineNode};
use krilla::page::PageSettings;
use krilla::paint::{Fill, FillRule, Stroke};
use krilla::surface::Surface;
use krilla::tagging::{Artifact, ArtifactType, BBox, ContentTag, Identifier, Node, SpanTag, Tag, TagGroup, TagTree};

use crate::colour::Colour;
use crate::error::RenderError;
use crate::scene::{Area, Draw, Element, Instant, Role, Scene};

/// Writes the scene. The same scene gives the same bytes.
pub(crate) fn write(scene: &Scene) -> Result<Vec<u8>, RenderError> {
    let page = PageSettings::from_wh(scene.width, scene.height)
        .ok_or_else(|| RenderError::Pdf("the page has no size".into()))?;
    let mut document = krilla::Document::new_with(settings());
    let mut page = document.start_page_with(page);

    let mut surface = page.surface();
    let mut contents: Vec<(&Element, Identifier)> = Vec::new();
    for element in &scene.elements {
        let identifier = surface.start_tagged(content_tag(&element.role));
        for draw in &element.draws {
            draw_one(&mut surface, draw);
        }
        surface.end_tagged();
        if !matches!(element.role, Role::Artifact) {
            contents.push((element, identifier));
        }
    }
    surface.finish();

    let mut tree = TagTree::new().with_lang(Some(scene.language.clone()));
    for (element, identifier) in contents {
        let link = match &element.role {
            Role::Link { url, alt, area } => rect(*area).map(|area| {
                let target = Target::Action(LinkAction::new(url.clone()).into());
                let link = LinkAnnotation::new(area, target);
                page.add_tagged_annotation(Annotation::new_link(link, Some(alt.clone())))
            }),
            _ => None,
        };
        tree.push(structure(&element.role, identifier, link));
    }
    page.finish();

    document.set_tag_tree(tree);
    document.set_outline(outline(scene));
    document.set_metadata(metadata(scene));
    document.finish().map_err(|error| RenderError::Pdf(error.to_string()))
}

/// One place for the profile of the file. Conformance levels and attachments go here.
fn settings() -> SerializeSettings {
    SerializeSettings { enable_tagging: true, ..SerializeSettings::default() }
}

/// One entry that opens the page, as a reader of a screen expects.
fn outline(scene: &Scene) -> Outline {
    let top = XyzDestination::new(0, Point::from_xy(0.0, 0.0));
    let mut outline = Outline::new();
    outline.push_child(OutlineNode::new(scene.title.clone(), top));
    outline
}

fn metadata(scene: &Scene) -> Metadata {
    let Instant { year, month, day, hour, minute, second } = scene.created;
    let created = DateTime::new(year)
        .month(month)
        .day(day)
        .hour(hour)
        .minute(minute)
        .second(second)
        .utc_offset_hour(0)
        .utc_offset_minute(0);
    let mut metadata = Metadata::new()
        .title(scene.title.clone())
        .description(scene.subject.clone())
        .language(scene.language.clone())
        .document_id(scene.document_id.clone())
        .creation_date(created)
        .producer(format!("lms-certificates {}", crate::RENDERER_VERSION));
    if !scene.author.is_empty() {
        metadata = metadata.authors(vec![scene.author.clone()]);
    }
    metadata
}

fn content_tag(role: &Role) -> ContentTag<'static> {
    match role {
        Role::Artifact => ContentTag::Artifact(Artifact::with_kind(ArtifactType::Layout)),
        Role::Figure { .. } => ContentTag::Other,
        Role::Heading(_) | Role::Paragraph { .. } | Role::Link { .. } => ContentTag::Span(SpanTag::empty()),
    }
}

/// The exact string stands on the structure element: on the span it would clash with the text
/// that the writer itself notes for ligatures and complex scripts.
fn structure(role: &Role, content: Identifier, link: Option<Identifier>) -> TagGroup {
    let leaf = vec![Node::Leaf(content)];
    match role {
        Role::Heading(title) => TagGroup::with_children(Tag::Hn(NonZeroU16::MIN, Some(title.clone())), leaf),
        Role::Figure { alt, area } => {
            let bbox = rect(*area).map(|rect| BBox::new(0, rect));
            TagGroup::with_children(Tag::Figure(Some(alt.clone())).with_bbox(bbox), leaf)
        }
        Role::Paragraph { exact, language } => {
            let tag = Tag::P.with_lang(language.clone()).with_actual_text(exact.clone());
            TagGroup::with_children(tag, leaf)
        }
        Role::Link { .. } => {
            let mut inner = TagGroup::with_children(Tag::Link, leaf);
            inner.children.extend(link.map(Node::Leaf));
            TagGroup::with_children(Tag::P, vec![Node::Group(inner)])
        }
        Role::Artifact => TagGroup::with_children(Tag::NonStruct, leaf),
    }
}

fn draw_one(surface: &mut Surface<'_>, draw: &Draw) {
    match draw {
        Draw::Fill(path, colour) => {
            surface.set_stroke(None);
            surface.set_fill(Some(solid(*colour)));
            surface.draw_path(path);
        }
        Draw::Stroke(path, colour, width) => {
            surface.set_fill(None);
            surface.set_stroke(Some(Stroke { paint: paint(*colour).into(), width: *width, ..Stroke::default() }));
            surface.draw_path(path);
        }
        Draw::Run(run) => {
            surface.set_stroke(None);
            surface.set_fill(Some(solid(run.colour)));
            surface.draw_glyphs(
                Point::from_xy(run.x, run.baseline),
                &run.glyphs,
                run.font.clone(),
                &run.text,
                run.size,
                false,
            );
        }
        Draw::Image(image, area) => {
            if let Some(size) = Size::from_wh(area.width, area.height) {
                surface.push_transform(&Transform::from_translate(area.x, area.y));
                surface.draw_image(image.clone(), size);
                surface.pop();
            }
        }
    }
}

fn paint(colour: Colour) -> krilla::color::rgb::Color {
    krilla::color::rgb::Color::new(colour.r, colour.g, colour.b)
}

fn solid(colour: Colour) -> Fill {
    Fill { paint: paint(colour).into(), opacity: NormalizedF32::ONE, rule: FillRule::NonZero }
}

fn rect(area: Area) -> Option<Rect> {
    Rect::from_xywh(area.x, area.y, area.width, area.height)
}
