//! Reading Markdown: plain text, sections, and what could be dangerous in it.

use std::ops::Range;

use pulldown_cmark::{CodeBlockKind, Event, Options, Parser, Tag, TagEnd};

/// A heading and the text up to the next heading of any level.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Section {
    /// 1 to 6; 0 for the text before the first heading.
    pub level: u8,
    /// The heading as plain text; empty for level 0.
    pub title: String,
    /// The byte range of the text under the heading.
    pub body: Range<usize>,
}

/// What a check has to look at in a text that may be Markdown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Finding {
    /// Raw HTML outside of code.
    Html { known: bool, script: bool },
    /// The target of a link or an image.
    Destination(String),
    /// Text outside of code.
    Text(String),
}

fn options() -> Options {
    Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH | Options::ENABLE_YAML_STYLE_METADATA_BLOCKS
}

pub(super) fn findings(text: &str) -> Vec<Finding> {
    let mut out = Vec::new();
    let mut in_code = false;
    for event in Parser::new_ext(text, Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH) {
        match event {
            Event::Start(Tag::CodeBlock(CodeBlockKind::Indented | CodeBlockKind::Fenced(_))) => in_code = true,
            Event::End(TagEnd::CodeBlock) => in_code = false,
            Event::Html(html) | Event::InlineHtml(html) => {
                out.push(Finding::Html { known: is_known_element(&html), script: super::check::has_script(&html) })
            }
            Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) => {
                out.push(Finding::Destination(dest_url.into_string()));
            }
            Event::Text(text) if !in_code => match out.last_mut() {
                Some(Finding::Text(t)) => t.push_str(&text),
                _ => out.push(Finding::Text(text.into_string())),
            },
            // Words of two blocks or cells are not one text.
            Event::SoftBreak | Event::HardBreak | Event::End(_) | Event::Code(_) => {
                if let Some(Finding::Text(t)) = out.last_mut() {
                    t.push('\n');
                }
            }
            _ => {}
        }
    }
    out
}

const ELEMENTS: &[&str] = &[
    "a",
    "abbr",
    "address",
    "area",
    "article",
    "aside",
    "audio",
    "b",
    "base",
    "bdo",
    "blockquote",
    "body",
    "br",
    "button",
    "canvas",
    "caption",
    "center",
    "cite",
    "code",
    "col",
    "dd",
    "del",
    "details",
    "dialog",
    "div",
    "dl",
    "dt",
    "em",
    "embed",
    "fieldset",
    "figure",
    "font",
    "footer",
    "form",
    "frame",
    "frameset",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "head",
    "header",
    "hr",
    "html",
    "i",
    "iframe",
    "img",
    "input",
    "ins",
    "kbd",
    "label",
    "legend",
    "li",
    "link",
    "main",
    "map",
    "mark",
    "marquee",
    "math",
    "meta",
    "nav",
    "noscript",
    "object",
    "ol",
    "option",
    "p",
    "param",
    "picture",
    "pre",
    "q",
    "s",
    "samp",
    "script",
    "section",
    "select",
    "small",
    "source",
    "span",
    "strike",
    "strong",
    "style",
    "sub",
    "summary",
    "sup",
    "svg",
    "table",
    "tbody",
    "td",
    "template",
    "textarea",
    "tfoot",
    "th",
    "thead",
    "title",
    "tr",
    "track",
    "tt",
    "u",
    "ul",
    "var",
    "video",
    "wbr",
];

/// Whether the markup is a comment, a declaration or an element that browsers
/// know; `<T>` of a program text is none of them.
fn is_known_element(html: &str) -> bool {
    html.split('<').skip(1).any(|rest| {
        let name: String = rest.trim_start_matches('/').chars().take_while(char::is_ascii_alphanumeric).collect();
        rest.starts_with(['!', '?']) || name == name.to_ascii_lowercase() && ELEMENTS.contains(&name.as_str()) || {
            let lower = name.to_ascii_lowercase();
            name.len() > 1 && ELEMENTS.contains(&lower.as_str())
        }
    })
}

/// The readable text of Markdown: blocks are parted by an empty line, code is
/// kept as it is, raw HTML, link targets and metadata are left out.
#[must_use]
pub fn markdown_to_text(markdown: &str) -> String {
    plain(markdown, false)
}

/// Like [`markdown_to_text`], without code blocks, headings and tables: what has sentences.
pub(crate) fn markdown_prose(markdown: &str) -> String {
    plain(markdown, true)
}

fn plain(markdown: &str, prose_only: bool) -> String {
    let mut out = String::new();
    let mut skip = 0usize;
    for event in Parser::new_ext(markdown, options()) {
        match event {
            Event::Start(Tag::MetadataBlock(_)) => skip += 1,
            Event::End(TagEnd::MetadataBlock(_)) => skip = skip.saturating_sub(1),
            Event::Start(Tag::CodeBlock(_) | Tag::Heading { .. } | Tag::Table(_)) => {
                skip += usize::from(prose_only);
                block(&mut out);
            }
            Event::End(TagEnd::CodeBlock | TagEnd::Heading(_) | TagEnd::Table) => {
                skip = skip.saturating_sub(usize::from(prose_only));
                block(&mut out);
            }
            Event::Start(Tag::Paragraph | Tag::Item | Tag::BlockQuote(_) | Tag::TableRow | Tag::TableHead)
            | Event::End(
                TagEnd::Paragraph | TagEnd::Item | TagEnd::BlockQuote(_) | TagEnd::TableRow | TagEnd::TableHead,
            )
            | Event::Rule => block(&mut out),
            Event::End(TagEnd::TableCell) if skip == 0 => out.push(' '),
            Event::Text(t) | Event::Code(t) if skip == 0 => out.push_str(&t),
            Event::SoftBreak | Event::HardBreak if skip == 0 => out.push('\n'),
            _ => {}
        }
    }
    out.trim().to_owned()
}

fn block(out: &mut String) {
    let kept = out.trim_end().len();
    out.truncate(kept);
    if !out.is_empty() {
        out.push_str("\n\n");
    }
}

/// The sections of a Markdown text in reading order. Headings inside of lists
/// and quotes open no section; metadata at the top belongs to none.
#[must_use]
pub fn sections(markdown: &str) -> Vec<Section> {
    let mut out: Vec<Section> = Vec::new();
    let mut depth = 0usize;
    let mut open: Option<(u8, String, Range<usize>)> = None;
    let mut body_from = 0usize;
    let mut current: (u8, String) = (0, String::new());
    for (event, range) in Parser::new_ext(markdown, options()).into_offset_iter() {
        match event {
            Event::End(TagEnd::MetadataBlock(_)) => body_from = range.end,
            Event::Start(Tag::Heading { level, .. }) if depth == 0 => open = Some((level as u8, String::new(), range)),
            Event::End(TagEnd::Heading(_)) if depth == 0 => {
                if let Some((level, title, at)) = open.take() {
                    out.push(Section {
                        level: current.0,
                        title: std::mem::take(&mut current.1),
                        body: body_from..at.start.max(body_from),
                    });
                    body_from = at.end;
                    current = (level, title.split_whitespace().collect::<Vec<_>>().join(" "));
                }
            }
            Event::Start(Tag::List(_) | Tag::BlockQuote(_)) => depth += 1,
            Event::End(TagEnd::List(_) | TagEnd::BlockQuote(_)) => depth = depth.saturating_sub(1),
            Event::Text(t) | Event::Code(t) => {
                if let Some((_, title, _)) = &mut open {
                    title.push_str(&t);
                }
            }
            Event::SoftBreak | Event::HardBreak => {
                if let Some((_, title, _)) = &mut open {
                    title.push(' ');
                }
            }
            _ => {}
        }
    }
    out.push(Section { level: current.0, title: current.1, body: body_from.min(markdown.len())..markdown.len() });
    out.retain(|s| s.level > 0 || markdown.get(s.body.clone()).is_some_and(|b| !b.trim().is_empty()));
    out
}

/// Markdown without raw HTML outside of code, without links that run code, and
/// without characters that may stand in no generated text.
#[must_use]
pub fn strip_raw_html(markdown: &str) -> String {
    let mut text: String = markdown
        .replace("\r\n", "\n")
        .chars()
        .map(|c| if c == '\r' { '\n' } else { c })
        .filter(|c| !super::check::is_forbidden(*c))
        .collect();
    // Taking one piece out can join two others into markup, so it is done until nothing is left.
    for _ in 0..4 {
        let cuts = cuts(&text);
        if cuts.is_empty() {
            break;
        }
        text = apply(&text, cuts);
    }
    if findings(&text).iter().any(dangerous) {
        text = text.replace('<', "< ").replace("](", "] (").replace("]:", "] :").replace(':', " : ");
    }
    text
}

fn dangerous(finding: &Finding) -> bool {
    match finding {
        Finding::Html { .. } => true,
        Finding::Destination(dest) => super::check::is_unsafe_link(dest),
        Finding::Text(t) => super::check::has_script(t) || super::check::has_unsafe_scheme(t),
    }
}

fn cuts(text: &str) -> Vec<(Range<usize>, String)> {
    let mut out: Vec<(Range<usize>, String)> = Vec::new();
    let mut link: Option<(Range<usize>, String)> = None;
    let mut code = false;
    for (event, range) in
        Parser::new_ext(text, Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH).into_offset_iter()
    {
        match event {
            Event::Html(_) | Event::InlineHtml(_) if link.is_none() => out.push((range, String::new())),
            Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. })
                if link.is_none() && super::check::is_unsafe_link(&dest_url) =>
            {
                link = Some((range, String::new()));
            }
            Event::End(TagEnd::Link | TagEnd::Image) if link.as_ref().is_some_and(|(at, _)| at.end == range.end) => {
                out.extend(link.take())
            }
            Event::Start(Tag::CodeBlock(_)) => code = true,
            Event::End(TagEnd::CodeBlock) => code = false,
            Event::Text(t) => {
                let unsafe_text = !code && (super::check::has_script(&t) || super::check::has_unsafe_scheme(&t));
                match &mut link {
                    Some((_, kept)) => kept.push_str(&t),
                    None if unsafe_text => out.push((range, t.replace(['<', ':'], " "))),
                    None => {}
                }
            }
            _ => {}
        }
    }
    out
}

fn apply(text: &str, cuts: Vec<(Range<usize>, String)>) -> String {
    let mut out = String::with_capacity(text.len());
    let mut past = 0;
    for (range, with) in cuts {
        if range.start < past {
            continue;
        }
        out.push_str(text.get(past..range.start).unwrap_or(""));
        out.push_str(&with);
        past = range.end;
    }
    out.push_str(text.get(past..).unwrap_or(""));
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SAMPLE: &str = "---\ntitle: x\n---\nIntro *text*.\n\n# One `code`\n\nA [link](https://a.dev) here.\n\n```rust\nlet x = 1;\n```\n\nTwo\n---\n\n- # not a section\n\n| a | b |\n|---|---|\n| c | d |\n";

    #[test]
    fn text_and_prose_of_markdown() {
        assert_eq!(
            markdown_to_text(SAMPLE),
            "Intro text.\n\nOne code\n\nA link here.\n\nlet x = 1;\n\nTwo\n\nnot a section\n\na b\n\nc d"
        );
        assert_eq!(markdown_prose(SAMPLE), "Intro text.\n\nA link here.");
    }

    #[test]
    fn sections_follow_the_headings() {
        let found = sections(SAMPLE);
        let shape: Vec<_> = found.iter().map(|s| (s.level, s.title.as_str())).collect();
        assert_eq!(shape, vec![(0, ""), (1, "One code"), (2, "Two")]);
        assert!(SAMPLE[found[1].body.clone()].contains("let x = 1;"));
        assert!(!SAMPLE[found[0].body.clone()].contains("title:"));
    }

    #[test]
    fn raw_html_is_taken_out_and_code_is_kept() {
        let out = strip_raw_html(
            "a <b>bold</b> `<b>` [x](javascript:alert(1)) <<b>script>alert(1)</script>\n\n```\n<p>\n```\n",
        );
        assert!(out.contains("a bold `<b>` x"), "{out}");
        assert!(out.contains("```\n<p>\n```"));
        assert!(!findings(&out).iter().any(dangerous), "{out}");
    }

    proptest! {
        #[test]
        fn stripped_markdown_is_never_dangerous(text in "[a<>b/!`\\[\\]():# \n-]{0,60}|(<|>|script|javascript:|x|\\]\\(|\\[|&#58;|`|data:image/|\n|<b|<!--|-->|/){0,14}") {
            let out = strip_raw_html(&text);
            prop_assert!(!findings(&out).iter().any(dangerous), "{:?}", out);
        }

        #[test]
        fn sections_cover_borders(text in "[#a \n=-]{0,60}") {
            for s in sections(&text) {
                prop_assert!(text.get(s.body).is_some());
            }
        }
    }
}
