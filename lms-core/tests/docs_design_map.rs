//! docs/design-map.md and the decision records name what exists.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "these are tests")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The workspace's sources, tests among them.
fn sources() -> String {
    fn read(folder: &Path, text: &mut String) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                read(&path, text);
            } else if path.extension().is_some_and(|ext| ext == "rs") {
                text.push_str(&std::fs::read_to_string(&path).unwrap());
                text.push('\n');
            }
        }
    }
    let mut text = String::new();
    for member in ["lms-core", "lms-ai", "lms-certificates", "lms-store-sqlite", "lms-store-postgres", "examples"] {
        for part in ["src", "tests"] {
            let folder = root().join(member).join(part);
            if folder.is_dir() {
                read(&folder, &mut text);
            }
        }
    }
    text
}

fn words(page: &str) -> impl Iterator<Item = &str> {
    page.split('`').skip(1).step_by(2)
}

/// What the sources declare, read once line by line: the names that can stand after `Type::`, per type
/// (methods of its impls and traits, variants of an enum), and every other name.
#[derive(Default)]
struct Declared {
    of: BTreeMap<String, BTreeSet<String>>,
    types: BTreeSet<String>,
    functions: BTreeSet<String>,
}

fn first_word(text: &str) -> &str {
    text.split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap()
}

fn declared(sources: &str) -> Declared {
    let mut all = Declared::default();
    // The type whose block at the margin is open.
    let mut open: Option<String> = None;
    for line in sources.lines() {
        let code = line.trim_start();
        let item = code.trim_start_matches("pub(crate) ").trim_start_matches("pub ");
        let after = |word: &str| item.strip_prefix(word).map(first_word).filter(|name| !name.is_empty());
        if let Some(name) = ["struct ", "enum ", "trait ", "type "].iter().find_map(|kind| after(kind)) {
            all.types.insert(name.to_owned());
        }
        // The areas are declared by a list: `catalog -> Catalog;`.
        if let Some(name) = code.strip_suffix(';').and_then(|code| code.split_once(" -> ")).map(|(_, name)| name) {
            all.types.insert(name.to_owned());
        }
        if line.starts_with('}') {
            open = None;
        }
        if line == code && line.ends_with('{') {
            let named = item.strip_prefix("impl").map(|rest| {
                // `impl<T> Trait for Type<T> {`: what stands last without its parameters.
                let rest = if rest.starts_with('<') { rest.split_once("> ").unwrap().1 } else { rest };
                first_word(rest.rsplit(" for ").next().unwrap().trim_start())
            });
            open = named.or_else(|| after("trait ")).or_else(|| after("enum ")).map(str::to_owned);
        }
        let function = item.trim_start_matches("const ").trim_start_matches("async ").strip_prefix("fn ");
        let variant = || code.starts_with(char::is_uppercase).then(|| first_word(code));
        if let Some(name) = function.map(first_word) {
            all.functions.insert(name.to_owned());
        }
        if let (Some(of), Some(name)) = (&open, function.map(first_word).or_else(variant)) {
            all.of.entry(of.clone()).or_default().insert(name.to_owned());
        }
    }
    all
}

#[test]
fn every_method_test_and_file_that_the_map_names_exists() {
    let page = std::fs::read_to_string(root().join("docs/design-map.md")).unwrap();
    let code = declared(&sources());
    let method = regex::Regex::new(r"^([A-Z]\w+)::(\w+)$").unwrap();
    let snake = regex::Regex::new(r"^[a-z]+[0-9]*(_[a-z0-9]+){2,}$").unwrap();
    let (mut methods, mut tests, mut files) = (0, 0, 0);
    let mut missing = BTreeSet::new();
    for word in words(&page) {
        if let Some(named) = method.captures(word) {
            methods += 1;
            if !code.of.get(&named[1]).is_some_and(|names| names.contains(&named[2])) {
                missing.insert(word.to_owned());
            }
        } else if word.contains('/') && !word.contains(' ') {
            files += 1;
            if !root().join(word).exists() {
                missing.insert(word.to_owned());
            }
        } else if snake.is_match(word) {
            tests += 1;
            if !code.functions.contains(word) {
                missing.insert(word.to_owned());
            }
        } else if word.chars().all(char::is_alphanumeric)
            && word.starts_with(char::is_uppercase)
            && !code.types.contains(word)
        {
            missing.insert(word.to_owned());
        }
    }
    assert!(missing.is_empty(), "docs/design-map.md names what is not in the code: {missing:?}");
    assert!(methods > 50 && tests > 30 && files > 10, "the page is not read: {methods} {tests} {files}");
}

/// The links of Markdown to files beside the page.
#[test]
fn links_between_documents_lead_somewhere() {
    let link = regex::Regex::new(r"\]\(([^)#:]+)(?:#[^)]*)?\)").unwrap();
    let mut pages = vec![root().join("README.md"), root().join("ARCHITECTURE.md"), root().join("CHANGELOG.md")];
    for folder in ["docs", "docs/decisions"] {
        for entry in std::fs::read_dir(root().join(folder)).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|ext| ext == "md") {
                pages.push(path);
            }
        }
    }
    let mut links = 0;
    for page in pages {
        let text = std::fs::read_to_string(&page).unwrap();
        for found in link.captures_iter(&text) {
            links += 1;
            let target = page.parent().unwrap().join(&found[1]);
            assert!(target.exists(), "{} links to {}, which is not there", page.display(), &found[1]);
        }
    }
    assert!(links > 10, "no links were found");
}

#[test]
fn every_decision_stands_in_the_index_with_its_own_title_and_status() {
    let folder = root().join("docs/decisions");
    let index = std::fs::read_to_string(folder.join("README.md")).unwrap();
    let mut records = 0;
    for entry in std::fs::read_dir(&folder).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        if name == "README.md" {
            continue;
        }
        records += 1;
        let text = std::fs::read_to_string(folder.join(&name)).unwrap();
        let number = &name[..4];
        let title = text.lines().next().unwrap();
        let title = title.strip_prefix(&format!("# {number}. ")).unwrap_or_else(|| panic!("{name}: {title}"));
        let status =
            text.lines().find_map(|l| l.strip_prefix("- Status: ")).unwrap_or_else(|| panic!("{name}: status"));
        let row = format!("| [{number}]({name}) | {title} | {status} |");
        assert!(index.contains(&row), "docs/decisions/README.md lacks the row\n{row}");
    }
    assert!(records >= 6);
    assert_eq!(index.lines().filter(|line| line.starts_with("| [")).count(), records, "the index lists one twice");
}
