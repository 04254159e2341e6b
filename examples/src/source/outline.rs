//! Makes chapters and sections of a file's blocks.

use std::path::Path;

use super::markdown::{self, Block, Document, Heading};
use super::titles::{self, Titles};
use super::{Chapter, Section, Source, SourceError};

/// A chapter whose titles are not yet cleaned.
pub(super) struct Draft {
    pub(super) title: String,
    sections: Vec<(String, String)>,
}

/// A single file: title, chapters and sections by its heading levels.
pub(super) fn of_file(path: &Path, text: &str) -> Result<Source, SourceError> {
    let document = markdown::parse(text);
    if document.blocks.is_empty() {
        return Err(SourceError::Empty { path: path.to_path_buf() });
    }
    if levels(&document.blocks).next().is_none() {
        return Err(SourceError::NoHeadings { path: path.to_path_buf() });
    }
    let (title, blocks) = take_title(document);
    let title = title.unwrap_or_else(|| titles::of_path(path));
    let chapter_level = levels(&blocks).min().unwrap_or(1);
    let section_level = levels(&blocks).filter(|level| *level > chapter_level).min();
    let drafts = split(blocks, chapter_level).into_iter().filter_map(|(name, blocks)| {
        chapter(name.unwrap_or_else(|| title.clone()), blocks, section_level.unwrap_or(6))
    });
    source(&title, drafts.map(|draft| (draft, path.to_path_buf())))
        .ok_or_else(|| SourceError::Empty { path: path.to_path_buf() })
}

/// One file of a folder as a chapter; `None` if there is nothing to read in it. The flag says
/// whether it has a heading.
pub(super) fn of_chapter_file(path: &Path, text: &str) -> (Option<Draft>, bool) {
    let Document { title, mut blocks } = markdown::parse(text);
    let first = blocks.iter().position(|block| block.heading.is_some());
    let has_heading = first.is_some();
    let named_above = title.is_some() && levels(&blocks).next().is_some_and(|level| level > 1);
    let name = match first {
        Some(at) if !named_above => blocks.remove(at).heading.map(|heading| heading.text),
        _ => title,
    };
    let name = name.unwrap_or_else(|| titles::of_path(path));
    let section_level = levels(&blocks).min().unwrap_or(2).max(2);
    (chapter(name, blocks, section_level), has_heading)
}

/// Cleans the titles. `None` if there is no chapter.
pub(super) fn source(title: &str, drafts: impl Iterator<Item = (Draft, std::path::PathBuf)>) -> Option<Source> {
    let mut names = Titles::default();
    let chapters: Vec<Chapter> = drafts
        .enumerate()
        .map(|(index, (draft, path))| {
            let title = names.take(&draft.title, "Chapter", index + 1);
            let mut names = Titles::default();
            let sections = draft
                .sections
                .into_iter()
                .enumerate()
                .map(|(index, (title, markdown))| Section { title: names.take(&title, "Section", index + 1), markdown })
                .collect();
            Chapter { title, path, sections }
        })
        .collect();
    (!chapters.is_empty()).then(|| Source { title: Titles::default().take(title, "Text", 1), chapters })
}

fn levels(blocks: &[Block]) -> impl Iterator<Item = u8> {
    blocks.iter().filter_map(|block| block.heading.as_ref().map(|heading| heading.level))
}

/// Takes the title's heading out of the blocks: the only one of level 1, or the first of several
/// if nothing stands between it and the next.
fn take_title(document: Document) -> (Option<String>, Vec<Block>) {
    let Document { title, mut blocks } = document;
    let tops = levels(&blocks).filter(|level| *level == 1).count();
    let top = blocks.iter().position(is_top);
    let at = match (tops, top) {
        (1, Some(at)) => Some(at),
        (2.., Some(0)) if blocks.get(1).is_some_and(is_top) => Some(0),
        _ => None,
    };
    let heading = at.and_then(|at| blocks.remove(at).heading);
    (heading.map(|heading| heading.text).or(title), blocks)
}

fn is_top(block: &Block) -> bool {
    block.heading.as_ref().is_some_and(|heading| heading.level == 1)
}

/// Cuts before every heading of the level or a higher one; the first part may have no heading.
fn split(blocks: Vec<Block>, level: u8) -> Vec<(Option<String>, Vec<Block>)> {
    let mut parts = vec![(None, Vec::new())];
    for block in blocks {
        match block.heading {
            Some(Heading { level: found, text }) if found <= level => parts.push((Some(text), Vec::new())),
            _ => {
                if let Some((_, body)) = parts.last_mut() {
                    body.push(block);
                }
            }
        }
    }
    parts
}

/// A chapter of the blocks under its heading; sections without prose are merged into the one
/// before, or into the first that has prose.
fn chapter(title: String, blocks: Vec<Block>, section_level: u8) -> Option<Draft> {
    let mut sections: Vec<(String, String)> = Vec::new();
    let mut waiting = String::new();
    for (name, blocks) in split(blocks, section_level) {
        let clean = markdown::clean(blocks.iter().map(|block| block.markdown.as_str()));
        if clean.markdown.is_empty() {
            continue;
        }
        if clean.prose {
            let mut text = std::mem::take(&mut waiting);
            append(&mut text, &clean.markdown);
            sections.push((name.unwrap_or_else(|| title.clone()), text));
            continue;
        }
        let target = sections.last_mut().map_or(&mut waiting, |(_, text)| text);
        if let Some(name) = name.filter(|name| !name.trim().is_empty()) {
            let name = name.split_whitespace().collect::<Vec<_>>().join(" ");
            append(target, &format!("#### {}", markdown::escape(&name)));
        }
        append(target, &clean.markdown);
    }
    if sections.is_empty() && !waiting.is_empty() {
        sections.push((title.clone(), waiting));
    }
    // What was fine alone may read otherwise behind another part: look at the whole once more.
    for (_, text) in &mut sections {
        *text = markdown::clean([text.as_str()]).markdown;
    }
    sections.retain(|(_, text)| !text.is_empty());
    (!sections.is_empty()).then_some(Draft { title, sections })
}

fn append(text: &mut String, more: &str) {
    if !text.is_empty() {
        text.push_str("\n\n");
    }
    text.push_str(more);
}
