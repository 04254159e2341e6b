//! Takes a Markdown text apart into its top-level blocks and takes HTML, images and links out.
//!
//! Blocks are cut out of the written text instead of being printed anew, so that what a teacher
//! wrote (lists, tables, emphasis, code) stays as it was.

use std::ops::Range;

use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};

/// How often a text is looked through again, because taking something out of it may make
/// something new (`<<b>i>`).
const ROUNDS: usize = 16;

/// A Markdown text as a sequence of blocks.
pub(super) struct Document {
    /// The `title` of the front matter.
    pub(super) title: Option<String>,
    /// Paragraphs, lists, code, headings, … in order.
    pub(super) blocks: Vec<Block>,
}

/// One top-level block.
pub(super) struct Block {
    /// Level and plain text, if it is a heading.
    pub(super) heading: Option<Heading>,
    /// The block as written, without HTML, images and links; may be blank.
    pub(super) markdown: String,
}

/// A heading's level (1 is the highest) and its plain text.
pub(super) struct Heading {
    pub(super) level: u8,
    pub(super) text: String,
}

/// A text without HTML, images and links, and whether a person could read any of it.
pub(super) struct Clean {
    pub(super) markdown: String,
    pub(super) prose: bool,
}

/// Takes a file's text apart.
pub(super) fn parse(text: &str) -> Document {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    let text = text.replace('\0', "\u{fffd}");
    let (front, body) = split_front_matter(&text);
    let scan = scan(body);
    let blocks = scan
        .blocks
        .into_iter()
        .map(|(range, heading)| Block { heading, markdown: cut(body, from_line_start(body, range), &scan.edits) })
        .collect();
    Document { title: front.and_then(front_matter_title), blocks }
}

/// The blocks as one text, with nothing left in it that Markdown reads as HTML, image or link.
pub(super) fn clean<'a>(blocks: impl IntoIterator<Item = &'a str>) -> Clean {
    let mut markdown = String::new();
    for block in blocks {
        let block = block.trim_end().trim_start_matches('\n');
        if block.trim().is_empty() {
            continue;
        }
        if !markdown.is_empty() {
            markdown.push_str("\n\n");
        }
        markdown.push_str(block);
    }
    for _ in 0..ROUNDS {
        let scan = scan(&markdown);
        if scan.edits.is_empty() {
            let prose = scan.prose;
            return Clean { markdown, prose };
        }
        markdown = cut(&markdown, 0..markdown.len(), &scan.edits);
        if markdown.trim().is_empty() {
            markdown.clear();
        } else {
            let end = markdown.trim_end().len();
            markdown.truncate(end);
        }
    }
    // Nobody writes such a text by hand: without these two signs there is no HTML and no link.
    let markdown = markdown.replace('<', "&lt;").replace('[', "&#91;");
    let prose = scan(&markdown).prose;
    Clean { markdown, prose }
}

/// Plain text as Markdown that shows exactly it.
pub(super) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if matches!(c, '\\' | '`' | '*' | '_' | '[' | ']' | '<' | '>' | '#' | '&' | '!' | '{' | '}') {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

/// The targets of a text's links in order, as written.
pub(super) fn link_targets(text: &str) -> Vec<String> {
    Parser::new_ext(text, Options::empty())
        .filter_map(|event| match event {
            Event::Start(Tag::Link { dest_url, .. }) => Some(dest_url.into_string()),
            _ => None,
        })
        .collect()
}

/// A piece of the text to be replaced.
struct Edit {
    range: Range<usize>,
    with: &'static str,
}

struct Scan {
    /// Sorted by start.
    edits: Vec<Edit>,
    blocks: Vec<(Range<usize>, Option<Heading>)>,
    prose: bool,
}

/// A link that is open while its text is read.
struct OpenLink {
    range: Range<usize>,
    text_end: Option<usize>,
}

fn scan(text: &str) -> Scan {
    let parser = Parser::new_ext(text, Options::ENABLE_HEADING_ATTRIBUTES);
    let mut edits: Vec<Edit> = parser
        .reference_definitions()
        .iter()
        .map(|(_, definition)| Edit { range: definition.span.clone(), with: "" })
        .collect();
    let mut blocks = Vec::new();
    let mut prose = false;
    let mut depth = 0_usize;
    let mut links: Vec<OpenLink> = Vec::new();
    let (mut images, mut code, mut html) = (0_usize, 0_usize, 0_usize);
    let mut heading: Option<Heading> = None;
    for (event, range) in parser.into_offset_iter() {
        if let Some(link) = links.last_mut()
            && !matches!(event, Event::End(TagEnd::Link))
        {
            link.text_end = Some(link.text_end.unwrap_or(0).max(range.end));
        }
        match &event {
            Event::Start(tag) => {
                if depth == 0 && !matches!(tag, Tag::HtmlBlock) {
                    blocks.push((range.clone(), None));
                }
                match tag {
                    Tag::Heading { level, .. } => {
                        heading = Some(Heading { level: *level as u8, text: String::new() });
                    }
                    Tag::Link { .. } => {
                        links.push(OpenLink { range: range.clone(), text_end: None });
                    }
                    Tag::Image { .. } => {
                        images += 1;
                        edits.push(Edit { range, with: "" });
                    }
                    Tag::HtmlBlock => {
                        html += 1;
                        edits.push(Edit { range, with: "" });
                    }
                    Tag::CodeBlock(_) => code += 1,
                    _ => {}
                }
                depth += 1;
            }
            Event::End(tag) => {
                depth = depth.saturating_sub(1);
                match tag {
                    TagEnd::Heading(_) => {
                        let done = heading.take();
                        if depth == 0
                            && let Some(last) = blocks.last_mut()
                        {
                            last.1 = done;
                        }
                    }
                    TagEnd::Link => {
                        if let Some(link) = links.pop() {
                            edits.extend(unlink(link));
                        }
                    }
                    TagEnd::Image => images = images.saturating_sub(1),
                    TagEnd::HtmlBlock => html = html.saturating_sub(1),
                    TagEnd::CodeBlock => code = code.saturating_sub(1),
                    _ => {}
                }
            }
            Event::Html(_) if html == 0 => edits.push(Edit { range, with: "" }),
            Event::InlineHtml(tag) => {
                let with = if tag.to_ascii_lowercase().starts_with("<br") { " " } else { "" };
                edits.push(Edit { range, with });
            }
            Event::Text(words) | Event::Code(words) if images == 0 && code == 0 => {
                if let Some(heading) = &mut heading {
                    heading.text.push_str(words);
                } else {
                    prose |= matches!(event, Event::Text(_)) && words.chars().any(char::is_alphanumeric);
                }
            }
            Event::SoftBreak | Event::HardBreak if images == 0 => {
                if let Some(heading) = &mut heading {
                    heading.text.push(' ');
                }
            }
            _ => {}
        }
    }
    edits.sort_by_key(|edit| (edit.range.start, edit.range.end));
    Scan { edits, blocks, prose }
}

/// What to take out of a link so that its text remains.
fn unlink(link: OpenLink) -> Vec<Edit> {
    let Range { start, end } = link.range;
    match link.text_end {
        Some(text_end) if text_end > start && text_end < end => {
            vec![Edit { range: start..start + 1, with: "" }, Edit { range: text_end..end, with: "" }]
        }
        _ => vec![Edit { range: start..end, with: "" }],
    }
}

/// The range of the text with the edits made. Edits are sorted by start; the outer one of two
/// that overlap wins.
fn cut(text: &str, range: Range<usize>, edits: &[Edit]) -> String {
    let mut out = String::with_capacity(range.len());
    let mut at = range.start;
    let first = edits.partition_point(|edit| edit.range.start < range.start);
    for edit in edits.iter().skip(first) {
        if edit.range.start >= range.end {
            break;
        }
        if edit.range.start >= at {
            out.push_str(text.get(at..edit.range.start).unwrap_or_default());
            out.push_str(edit.with);
        }
        at = at.max(edit.range.end);
    }
    out.push_str(text.get(at..range.end).unwrap_or_default());
    out
}

/// A block's range with the indentation before it, which indented code needs.
fn from_line_start(text: &str, range: Range<usize>) -> Range<usize> {
    let before = text.get(..range.start).unwrap_or_default();
    let indent = before.len() - before.trim_end_matches([' ', '\t']).len();
    let start = range.start - indent;
    let at_line_start = start == 0 || text.get(..start).is_some_and(|head| head.ends_with('\n'));
    if at_line_start { start..range.end } else { range }
}

/// YAML front matter, if the text begins with it, and the rest.
fn split_front_matter(text: &str) -> (Option<&str>, &str) {
    let none = (None, text);
    let Some(rest) = text.strip_prefix("---") else {
        return none;
    };
    let Some((blank, rest)) = rest.split_once('\n') else {
        return none;
    };
    if !blank.trim().is_empty() {
        return none;
    }
    // A line between two rules may as well be a heading; YAML begins with a key or a remark.
    let first = rest.lines().find(|line| !line.starts_with('#'));
    if !first.is_some_and(|line| line.contains(':') || is_fence(line)) {
        return none;
    }
    let mut offset = 0_usize;
    for line in rest.split_inclusive('\n') {
        let end = offset + line.len();
        if is_fence(line) {
            return (rest.get(..offset), rest.get(end..).unwrap_or_default());
        }
        offset = end;
    }
    none
}

fn is_fence(line: &str) -> bool {
    matches!(line.trim_end(), "---" | "...")
}

fn front_matter_title(yaml: &str) -> Option<String> {
    let value = yaml.lines().find_map(|line| line.strip_prefix("title:"))?.trim();
    let value =
        ['"', '\''].into_iter().find_map(|quote| value.strip_prefix(quote)?.strip_suffix(quote)).unwrap_or(value);
    let plain = !value.is_empty() && !value.starts_with(['|', '>', '[', '{', '&', '*', '!']);
    plain.then(|| value.to_owned())
}
