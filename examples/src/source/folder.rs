//! Finds the Markdown files of a folder and the order in which they are read.

use std::cmp::Ordering;
use std::collections::HashSet;
use std::fs;
use std::path::{Component, Path, PathBuf};

use super::markdown;
use super::outline;
use super::titles;
use super::{Budget, MAX_FILES, Source, SourceError, io_error};

/// Reads a folder: one chapter a file.
pub(super) fn read(root: &Path) -> Result<Source, SourceError> {
    let files = walk(root)?;
    if files.is_empty() {
        return Err(SourceError::NoMarkdown { path: root.to_path_buf() });
    }
    let mut budget = Budget::new(root);
    let book = find_book(&files, &mut budget)?;
    let (mut title, order) = match book {
        Some(book) => (book.title, book.files),
        None => (None, files),
    };
    let mut drafts = Vec::new();
    let (mut any_text, mut any_heading) = (false, false);
    for file in order {
        let text = budget.read(&file)?;
        let (draft, heading) = outline::of_chapter_file(&file, &text);
        any_heading |= heading;
        let Some(draft) = draft else { continue };
        any_text = true;
        let front_page = file.parent() == Some(root) && rank(&stem(&file)) < 2;
        if title.is_none() && front_page && heading {
            title = Some(draft.title.clone());
        }
        drafts.push((draft, file));
    }
    if any_text && !any_heading {
        return Err(SourceError::NoHeadings { path: root.to_path_buf() });
    }
    let title = title.unwrap_or_else(|| folder_name(root));
    outline::source(&title, drafts.into_iter()).ok_or_else(|| SourceError::Empty { path: root.to_path_buf() })
}

/// All Markdown files below the folder in reading order.
fn walk(root: &Path) -> Result<Vec<PathBuf>, SourceError> {
    let mut files = Vec::new();
    // What is still to be visited, the next one last: a stack instead of recursion, so that no
    // depth of folders can exhaust the program's own.
    let mut open = vec![(root.to_path_buf(), true)];
    while let Some((path, is_folder)) = open.pop() {
        if !is_folder {
            if files.len() == MAX_FILES {
                return Err(SourceError::TooManyFiles { path: root.to_path_buf(), limit: MAX_FILES });
            }
            files.push(path);
            continue;
        }
        let mut entries = Vec::new();
        for entry in fs::read_dir(&path).map_err(|error| io_error(&path, error))? {
            let entry = entry.map_err(|error| io_error(&path, error))?;
            let kind = entry.file_type().map_err(|error| io_error(&entry.path(), error))?;
            let hidden = entry.file_name().to_string_lossy().starts_with('.');
            if !hidden && (kind.is_dir() || (kind.is_file() && is_markdown(&entry.path()))) {
                entries.push((entry.path(), kind.is_dir()));
            }
        }
        entries.sort_by(|(a, a_folder), (b, b_folder)| {
            let key = |path: &Path, folder: bool| if folder { name(path) } else { stem(path) };
            let (a_key, b_key) = (key(a, *a_folder), key(b, *b_folder));
            let order = |key: &str, folder: bool| if folder { 3 } else { rank(key) };
            order(&a_key, *a_folder)
                .cmp(&order(&b_key, *b_folder))
                .then_with(|| natural(&a_key, &b_key))
                .then_with(|| a_folder.cmp(b_folder))
                .then_with(|| a.cmp(b))
        });
        open.extend(entries.into_iter().rev());
    }
    Ok(files)
}

fn is_markdown(path: &Path) -> bool {
    path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("md") || ending.eq_ignore_ascii_case("markdown"))
}

fn name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

fn stem(path: &Path) -> String {
    path.file_stem().unwrap_or_default().to_string_lossy().into_owned()
}

/// Front pages come first.
fn rank(stem: &str) -> u8 {
    match stem.to_ascii_lowercase().as_str() {
        "readme" => 0,
        "index" | "_index" => 1,
        "summary" => 2,
        _ => 3,
    }
}

/// Compares names as a reader does: runs of digits by their value, letters without their case.
fn natural(a: &str, b: &str) -> Ordering {
    let (mut left, mut right) = (a, b);
    loop {
        match (left.chars().next(), right.chars().next()) {
            (None, None) => return a.cmp(b),
            (None, Some(_)) => return Ordering::Less,
            (Some(_), None) => return Ordering::Greater,
            (Some(x), Some(y)) if x.is_ascii_digit() && y.is_ascii_digit() => {
                let (x, x_rest) = number(left);
                let (y, y_rest) = number(right);
                let order = x.len().cmp(&y.len()).then_with(|| x.cmp(y));
                if order.is_ne() {
                    return order;
                }
                (left, right) = (x_rest, y_rest);
            }
            (Some(x), Some(y)) => {
                let order = x.to_lowercase().cmp(y.to_lowercase());
                if order.is_ne() {
                    return order;
                }
                left = left.get(x.len_utf8()..).unwrap_or_default();
                right = right.get(y.len_utf8()..).unwrap_or_default();
            }
        }
    }
}

/// The digits at the start without leading zeros, and what follows them.
fn number(text: &str) -> (&str, &str) {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (digits, rest) = text.split_at(end);
    (digits.trim_start_matches('0'), rest)
}

/// A table of contents: what is read, in its order.
struct Book {
    title: Option<String>,
    files: Vec<PathBuf>,
}

/// The book whose SUMMARY.md is nearest to the top, if any summary links to local pages.
fn find_book(files: &[PathBuf], budget: &mut Budget<'_>) -> Result<Option<Book>, SourceError> {
    let mut summaries: Vec<&PathBuf> = files.iter().filter(|file| name(file) == "SUMMARY.md").collect();
    summaries.sort_by_key(|file| file.components().count());
    let known: HashSet<&PathBuf> = files.iter().collect();
    for summary in summaries {
        let text = budget.read(summary)?;
        let listed: Vec<String> = markdown::link_targets(&text).into_iter().filter(|link| is_page(link)).collect();
        if listed.is_empty() {
            continue;
        }
        let base = summary.parent().unwrap_or(Path::new(""));
        let mut seen = HashSet::new();
        let mut order = Vec::new();
        for link in listed {
            let missing = || SourceError::ListedButMissing { summary: summary.clone(), listed: link.clone() };
            let file = resolve(base, &link).ok_or_else(missing)?;
            if !known.contains(&file) {
                return Err(missing());
            }
            if seen.insert(file.clone()) {
                order.push(file);
            }
        }
        return Ok(Some(Book { title: summary_title(&text), files: order }));
    }
    Ok(None)
}

/// Whether a link's target is a Markdown file beside the summary.
fn is_page(link: &str) -> bool {
    let path = link.split(['#', '?']).next().unwrap_or_default();
    !link.contains("://") && is_markdown(Path::new(path))
}

/// The file that a link means, seen from the summary's folder; `None` if it is absolute.
fn resolve(base: &Path, link: &str) -> Option<PathBuf> {
    let path = percent_decoded(link.split(['#', '?']).next().unwrap_or_default());
    let mut file = base.to_path_buf();
    for part in Path::new(&path).components() {
        match part {
            Component::Normal(part) => file.push(part),
            Component::CurDir => {}
            Component::ParentDir => {
                if !matches!(file.components().next_back(), Some(Component::Normal(_))) {
                    return None;
                }
                file.pop();
            }
            Component::RootDir | Component::Prefix(_) => return None,
        }
    }
    Some(file)
}

fn percent_decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('%') {
        bytes.extend_from_slice(before.as_bytes());
        let code = after.get(..2).filter(|hex| hex.bytes().all(|b| b.is_ascii_hexdigit()));
        match code.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            Some(byte) => {
                bytes.push(byte);
                rest = after.get(2..).unwrap_or_default();
            }
            None => {
                bytes.push(b'%');
                rest = after;
            }
        }
    }
    bytes.extend_from_slice(rest.as_bytes());
    String::from_utf8(bytes).unwrap_or_else(|_| text.to_owned())
}

/// The summary's heading, where it names the book and not only itself.
fn summary_title(text: &str) -> Option<String> {
    let document = markdown::parse(text);
    let heading = document.blocks.into_iter().find_map(|block| block.heading)?.text;
    let lower = heading.trim().to_lowercase();
    let own = ["summary", "table of contents", "contents", "toc", ""];
    (!own.contains(&lower.as_str())).then_some(heading)
}

/// The folder's own name; of a book's `src` the name of the folder around it.
fn folder_name(root: &Path) -> String {
    let full = root.canonicalize().unwrap_or_else(|_| root.to_path_buf());
    let named = match full.parent() {
        Some(parent) if full.ends_with("src") || full.ends_with("docs") => parent,
        _ => full.as_path(),
    };
    named.file_name().map_or_else(|| "Text".to_owned(), |name| titles::of_name(&name.to_string_lossy()))
}
