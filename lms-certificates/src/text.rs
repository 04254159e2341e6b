//! Laying text out: shaping, line breaking, fallback faces, and the check for missing glyphs.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::Arc;

use krilla::text::{GlyphId, KrillaGlyph};
use parley::{
    FontContext, FontFamily, FontFamilyName, FontFeatures, FontStyle, Layout, LayoutContext, LineHeight, OverflowWrap,
    StyleProperty,
};

use crate::clean::is_ignorable;
use crate::colour::Colour;
use crate::error::RenderError;
use crate::fonts::Fonts;
use crate::scene::Run;

/// How a text looks.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Style<'a> {
    /// Font size in points.
    pub(crate) size: f32,
    pub(crate) italic: bool,
    /// For codes: a face whose digits cannot be taken for letters.
    pub(crate) plain_digits: bool,
    pub(crate) colour: Colour,
    /// Extra space between letters, in parts of the size.
    pub(crate) spacing: f32,
    /// Line height in parts of the size.
    pub(crate) leading: f32,
    /// OpenType features in CSS syntax.
    pub(crate) features: &'a str,
    /// The language of the text.
    pub(crate) language: &'a str,
}

/// Where the lines stand in the width given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Align {
    Centre,
    Right,
}

/// Text laid out, its top left at the origin.
#[derive(Debug, Clone)]
pub(crate) struct Block {
    pub(crate) runs: Vec<Run>,
    /// The width of the widest line.
    pub(crate) width: f32,
    pub(crate) height: f32,
    pub(crate) lines: usize,
}

impl Block {
    /// The runs with the block's top left corner at the given point.
    pub(crate) fn at(self, x: f32, y: f32) -> Vec<Run> {
        let mut runs = self.runs;
        for run in &mut runs {
            run.x += x;
            run.baseline += y;
        }
        runs
    }
}

/// Lays text out and remembers every character that no font has.
pub(crate) struct Typesetter<'f> {
    fonts: &'f Fonts,
    font_context: FontContext,
    layout_context: LayoutContext<()>,
    missing: BTreeSet<char>,
}

impl<'f> Typesetter<'f> {
    pub(crate) fn new(fonts: &'f Fonts) -> Self {
        Self { fonts, font_context: fonts.context(), layout_context: LayoutContext::new(), missing: BTreeSet::new() }
    }

    /// The characters met so far that no font has.
    pub(crate) fn missing(&self) -> Vec<char> {
        self.missing.iter().copied().collect()
    }

    fn shape(&mut self, text: &str, style: &Style<'_>) -> Layout<()> {
        let families: Vec<FontFamilyName<'_>> = self
            .fonts
            .families_for(text, style.language, style.italic, style.plain_digits)
            .into_iter()
            .map(|name| FontFamilyName::Named(Cow::Borrowed(name)))
            .collect();
        let mut builder = self.layout_context.ranged_builder(&mut self.font_context, text, 1.0, false);
        builder.push_default(StyleProperty::FontFamily(FontFamily::List(Cow::Owned(families))));
        builder.push_default(StyleProperty::FontSize(style.size));
        let slope = if style.italic { FontStyle::Italic } else { FontStyle::Normal };
        builder.push_default(StyleProperty::FontStyle(slope));
        builder.push_default(StyleProperty::LineHeight(LineHeight::FontSizeRelative(style.leading)));
        builder.push_default(StyleProperty::LetterSpacing(style.spacing * style.size));
        builder.push_default(StyleProperty::FontFeatures(FontFeatures::from(style.features)));
        builder.push_default(StyleProperty::OverflowWrap(OverflowWrap::Anywhere));
        if let Ok(language) = style.language.parse() {
            builder.push_default(StyleProperty::Locale(Some(language)));
        }
        builder.build(text)
    }

    /// The width of the text on one line.
    pub(crate) fn width(&mut self, text: &str, style: &Style<'_>) -> f32 {
        let mut layout = self.shape(text, style);
        layout.break_all_lines(None);
        layout.full_width()
    }

    /// Sets the text in lines of at most `max_width` points. Lines of a centred text are made
    /// about equally long.
    ///
    /// # Errors
    /// [`RenderError::Pdf`] when a font gives measures that are no numbers, or was not prepared.
    pub(crate) fn set(
        &mut self,
        text: &str,
        style: &Style<'_>,
        max_width: f32,
        align: Align,
    ) -> Result<Block, RenderError> {
        let mut layout = self.broken(text, style, max_width, align);
        let (mut above, mut below) = overhang(&layout, style.size);
        if layout.len() > 1 && above + below > 0.0 {
            let leading = style.leading + (above + below) / style.size;
            layout = self.broken(text, &Style { leading, ..*style }, max_width, align);
            (above, below) = (above / 2.0, below / 2.0);
        }
        let mut block = self.block(&layout, text, style, max_width, align)?;
        for run in &mut block.runs {
            run.baseline += above;
        }
        block.height += above + below;
        Ok(block)
    }

    fn broken(&mut self, text: &str, style: &Style<'_>, max_width: f32, align: Align) -> Layout<()> {
        let mut layout = self.shape(text, style);
        layout.break_all_lines(Some(max_width));
        if align == Align::Centre && layout.len() > 1 {
            balance(&mut layout, max_width);
        }
        layout
    }

    fn block(
        &mut self,
        layout: &Layout<()>,
        text: &str,
        style: &Style<'_>,
        max_width: f32,
        align: Align,
    ) -> Result<Block, RenderError> {
        let shared: Arc<str> = Arc::from(text);
        let mut block = Block { runs: Vec::new(), width: 0.0, height: layout.height(), lines: 0 };
        for line in layout.lines() {
            let metrics = line.metrics();
            let width = metrics.advance - metrics.hanging_advance;
            let free = max_width - width;
            let mut x = match align {
                Align::Centre => free / 2.0,
                Align::Right => free,
            };
            if layout.is_rtl() {
                x -= metrics.hanging_advance;
            }
            block.width = block.width.max(width);
            block.lines += 1;
            for run in line.runs() {
                let font = run.font();
                let size = run.font_size();
                let Some(embeddable) = self.fonts.embeddable(&font.data, font.index) else {
                    return Err(RenderError::Pdf("a font was laid out but not prepared".into()));
                };
                let start = x;
                let mut glyphs = Vec::new();
                for cluster in clusters(&run) {
                    for glyph in cluster.glyphs {
                        if glyph.id == 0 {
                            self.note_missing(text.get(cluster.range.clone()).unwrap_or_default());
                        }
                        glyphs.push(KrillaGlyph::new(
                            GlyphId::new(glyph.id),
                            glyph.advance / size,
                            glyph.x / size,
                            -glyph.y / size,
                            0.0,
                            cluster.range.clone(),
                            None,
                        ));
                        x += glyph.advance;
                    }
                }
                let finite = glyphs
                    .iter()
                    .all(|glyph| [glyph.x_advance, glyph.x_offset, glyph.y_offset].iter().all(|n| n.is_finite()));
                if !finite || !metrics.baseline.is_finite() {
                    return Err(RenderError::Pdf("a font has measures that are no numbers".into()));
                }
                if !glyphs.is_empty() {
                    block.runs.push(Run {
                        x: start,
                        baseline: metrics.baseline,
                        size,
                        colour: style.colour,
                        font: embeddable,
                        glyphs,
                        text: shared.clone(),
                    });
                }
            }
        }
        Ok(block)
    }

    fn note_missing(&mut self, cluster: &str) {
        let visible = |c: &char| !is_ignorable(*c) && !c.is_whitespace();
        let nowhere: Vec<char> = cluster.chars().filter(visible).filter(|c| !self.fonts.has(*c)).collect();
        if nowhere.is_empty() {
            // Every part exists, but no face has them together.
            self.missing.extend(cluster.chars().filter(visible));
        } else {
            self.missing.extend(nowhere);
        }
    }
}

/// How far the lines reach above and below what the built-in faces need: Arabic, Devanagari and
/// others are taller, and would touch their neighbours.
fn overhang(layout: &Layout<()>, size: f32) -> (f32, f32) {
    const ASCENT: f32 = 1.07;
    const DESCENT: f32 = 0.31;
    let mut overhang = (0.0_f32, 0.0_f32);
    for line in layout.lines() {
        let metrics = line.metrics();
        let above = metrics.baseline - metrics.content_block_min_coord - ASCENT * size;
        let below = metrics.content_block_max_coord - metrics.baseline - DESCENT * size;
        overhang = (overhang.0.max(above), overhang.1.max(below));
    }
    // Measures that are no numbers are refused later.
    if overhang.0.is_finite() && overhang.1.is_finite() { overhang } else { (0.0, 0.0) }
}

/// Narrows the lines as far as their number allows, so that none is left with a single word.
fn balance(layout: &mut Layout<()>, max_width: f32) {
    let lines = layout.len();
    let (mut too_narrow, mut wide_enough) = (max_width * 0.4, max_width);
    for _ in 0..7 {
        let middle = (too_narrow + wide_enough) / 2.0;
        layout.break_all_lines(Some(middle));
        if layout.len() > lines {
            too_narrow = middle;
        } else {
            wide_enough = middle;
        }
    }
    layout.break_all_lines(Some(wide_enough));
}

struct Cluster {
    range: Range<usize>,
    glyphs: Vec<parley::Glyph>,
}

/// The clusters of a run from left to right, each ligature with all of its characters.
fn clusters(run: &parley::Run<'_, ()>) -> Vec<Cluster> {
    let mut out: Vec<Cluster> = Vec::new();
    for cluster in run.clusters() {
        let range = cluster.text_range();
        match out.last_mut() {
            Some(last) if cluster.is_ligature_continuation() => last.range.end = range.end,
            _ => out.push(Cluster { range, glyphs: cluster.glyphs().collect() }),
        }
    }
    if run.is_rtl() {
        out.reverse();
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::FontSource;
    use crate::colour::INK;

    fn fonts() -> Fonts {
        let hebrew = FontSource::new(font_test_data::NOTOSERIFHEBREW_AUTOHINT_METRICS.to_vec(), "Noto Serif Hebrew", 0);
        let chinese = FontSource::new(font_test_data::NOTOSERIFTC_AUTOHINT_METRICS.to_vec(), "Noto Serif TC", 0);
        Fonts::built_in().with(hebrew).and_then(|fonts| fonts.with(chinese)).unwrap()
    }

    const STYLE: Style<'_> = Style {
        size: 20.0,
        italic: false,
        plain_digits: false,
        colour: INK,
        spacing: 0.0,
        leading: 1.2,
        features: "",
        language: "",
    };

    /// The glyphs of a text from left to right.
    fn glyphs(fonts: &Fonts, text: &str) -> Vec<u32> {
        let mut setter = Typesetter::new(fonts);
        let mut runs = setter.set(text, &STYLE, 500.0, Align::Centre).unwrap().runs;
        assert!(setter.missing().is_empty(), "{text}: {:?}", setter.missing());
        runs.sort_by(|one, two| one.x.total_cmp(&two.x));
        runs.iter().flat_map(|run| run.glyphs.iter().map(|glyph| glyph.glyph_id.to_u32())).collect()
    }

    #[test]
    fn c6_letters_stand_in_the_order_in_which_their_script_is_read() {
        let fonts = fonts();
        let letters = |text: &str| text.chars().flat_map(|c| glyphs(&fonts, &c.to_string())).collect::<Vec<_>>();
        assert_eq!(glyphs(&fonts, "כהן"), letters("ןהכ"), "from right to left");
        assert_eq!(glyphs(&fonts, "都明"), letters("都明"));
        assert_eq!(glyphs(&fonts, "Ada都明"), letters("Ada都明"));
        // Two scripts on one line: each in its own direction, the line in that of its first letter.
        assert_eq!(glyphs(&fonts, "Adaכהן"), letters("Adaןהכ"));
        assert_eq!(glyphs(&fonts, "כהןAda"), letters("Adaןהכ"));
    }

    #[test]
    fn c6_a_mark_stands_over_its_letter() {
        let fonts = Fonts::built_in();
        let mut setter = Typesetter::new(&fonts);
        let plain = setter.width("x", &STYLE);
        let marked = setter.width("x\u{30C}", &STYLE);
        assert!((plain - marked).abs() < 0.01, "a mark takes no room: {plain}, {marked}");
        assert_eq!(glyphs(&fonts, "x\u{30C}").len(), 2);
        assert_eq!(glyphs(&fonts, "e\u{301}"), glyphs(&fonts, "é"));
    }
}
