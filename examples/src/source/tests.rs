use std::fs;
use std::path::{Path, PathBuf};

use proptest::prelude::*;
use tempfile::TempDir;

use super::titles::{MAX, MIN};
use super::*;

/// A folder with the given files.
fn folder(files: &[(&str, &str)]) -> TempDir {
    let dir = tempfile::tempdir().expect("a temporary folder");
    for (name, text) in files {
        let path = dir.path().join(name);
        fs::create_dir_all(path.parent().expect("inside the folder")).expect("its folder");
        fs::write(path, text).expect("a file");
    }
    dir
}

/// One file's text, read as a source.
fn read_text(text: &str) -> Result<Source, SourceError> {
    let dir = folder(&[("my-text.md", text)]);
    Source::read(dir.path().join("my-text.md"))
}

/// Titles as "chapter: section, section".
fn shape(source: &Source) -> Vec<String> {
    source
        .chapters
        .iter()
        .map(|chapter| {
            let sections: Vec<&str> = chapter.sections.iter().map(|section| section.title.as_str()).collect();
            format!("{}: {}", chapter.title, sections.join(", "))
        })
        .collect()
}

/// The markdown of the only section.
fn only_markdown(text: &str) -> String {
    let source = read_text(text).expect("a readable text");
    assert_eq!(source.chapters.len(), 1, "{:?}", shape(&source));
    let sections = &source.chapters[0].sections;
    assert_eq!(sections.len(), 1, "{:?}", shape(&source));
    sections[0].markdown.clone()
}

#[test]
fn a_file_is_cut_by_its_headings() {
    let source = read_text(
        "# The Sky\n\nHello.\n\n## Stars\n\nMany.\n\n### Red\n\nCool.\n\n### Blue\n\nHot.\n\n\
         #### How hot\n\nVery.\n\n## Moon\n\n### Phases\n\nEight.\n",
    )
    .expect("a readable text");
    assert_eq!(source.title, "The Sky");
    assert_eq!(shape(&source), ["The Sky: The Sky", "Stars: Stars, Red, Blue", "Moon: Phases"]);
    assert_eq!(source.chapters[1].sections[2].markdown, "Hot.\n\n#### How hot\n\nVery.");
    assert!(source.chapters[0].path.ends_with("my-text.md"));
}

#[test]
fn the_text_that_comes_with_the_examples_is_fit_to_teach_from() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("data/source.md");
    let written = fs::read_to_string(&path).expect("the text");
    let source = Source::read(&path).expect("a readable text");
    assert_eq!(source.title, "The Night Sky with Your Own Eyes");
    assert!(source.chapters.len() >= 8, "{}", source.chapters.len());
    for chapter in &source.chapters {
        assert!((2..=3).contains(&chapter.sections.len()), "{}", chapter.title);
        for section in &chapter.sections {
            let words = section.markdown.split_whitespace().count();
            assert!((120..=220).contains(&words), "{}: {words}", section.title);
            // Clean as it was written: reading it took nothing away.
            assert!(written.contains(&section.markdown), "{}", section.title);
        }
    }
}

#[test]
fn other_heading_levels_are_read_by_their_order() {
    let several_tops = read_text("# One\n\na\n\n## In one\n\nb\n\n# Two\n\nc\n").expect("readable");
    assert_eq!(several_tops.title, "My text");
    assert_eq!(shape(&several_tops), ["One: One, In one", "Two: Two"]);
    let title_above = read_text("# Book\n\n# One\n\na\n\n# Two\n\nc\n").expect("readable");
    assert_eq!(title_above.title, "Book");
    assert_eq!(shape(&title_above), ["One: One", "Two: Two"]);
    let no_top = read_text("Setext\n------\n\na\n\n#### Deep\n\nb\n").expect("readable");
    assert_eq!(no_top.title, "My text");
    assert_eq!(shape(&no_top), ["Setext: Setext, Deep"]);
    let title_only = read_text("# Alone\n\nText.\n").expect("readable");
    assert_eq!(shape(&title_only), ["Alone: Alone"]);
}

#[test]
fn a_heading_inside_a_quote_or_code_is_no_chapter() {
    let text = "# T t\n\n> # Quoted\n\n```\n# Code\n```\n\nText.\n";
    let markdown = only_markdown(text);
    assert_eq!(markdown, "> # Quoted\n\n```\n# Code\n```\n\nText.");
}

#[test]
fn sections_without_prose_are_merged() {
    let source = read_text(
        "# Book\n\n## One\n\n### Empty\n\n### Code *first*\n\n```\nfn a() {}\n```\n\n\
         ### Told\n\nText.\n\n### Listing\n\n    indented\n\n## Nothing\n\n## Two\n\n```\nonly\n```\n",
    )
    .expect("a readable text");
    assert_eq!(shape(&source), ["One: Told", "Two: Two"]);
    assert_eq!(
        source.chapters[0].sections[0].markdown,
        "#### Code first\n\n```\nfn a() {}\n```\n\nText.\n\n#### Listing\n\n    indented"
    );
    assert_eq!(source.chapters[1].sections[0].markdown, "```\nonly\n```");
}

#[test]
fn html_images_and_links_leave_clean_markdown() {
    let cases = [
        ("a [b *c*](https://x.example \"t\") d", "a b *c* d"),
        ("a [b][r] and [r]\n\n[r]: https://x.example", "a b and r"),
        ("see <https://x.example/> now", "see https://x.example/ now"),
        ("one ![alt](i.png)two", "one two"),
        ("[![badge](i.png)](https://x.example) text", " text"),
        ("a <b>bold</b><br/>line", "a bold line"),
        ("<div>\n\nKept *text*.\n\n</div>", "Kept *text*."),
        ("A.\n\n<!-- note -->\n\nB.", "A.\n\nB."),
        ("a <<b>i>x", "a x"),
        ("[[a](b)](c) text", "a text"),
        ("- a\n- [x](y)\n\n  [y]: /z\n", "- a\n- x"),
        ("`<b>` and `[a](b)`", "`<b>` and `[a](b)`"),
        ("```html\n<b>[a](b)</b>\n```\n\ntext", "```html\n<b>[a](b)</b>\n```\n\ntext"),
        (r"[\*a\*](b) \[c\](d)", r"\*a\* \[c\](d)"),
    ];
    for (written, expected) in cases {
        let markdown = only_markdown(&format!("# Title\n\n{written}\n"));
        assert_eq!(markdown.trim_start(), expected.trim_start(), "from `{written}`");
    }
}

#[test]
fn front_matter_is_stripped_and_names_a_text_without_title() {
    let named = "---\ntitle: \"The Moon\"\ntags: [a]\n---\n\n## One\n\nText.\n";
    let source = read_text(named).expect("readable");
    assert_eq!(source.title, "The Moon");
    assert_eq!(shape(&source), ["One: One"]);
    let both = read_text("---\ntitle: No\n---\n# Yes\n\nText.\n").expect("readable");
    assert_eq!(both.title, "Yes");
    let rule = only_markdown("---\n\nA rule: not matter.\n\n---\n\n# Heading\n");
    assert!(rule.contains("A rule: not matter."), "{rule}");
    let with_mark = read_text("\u{feff}---\r\nlayout: x\r\n---\r\n# Yes\r\n\r\nText.\r\n");
    assert_eq!(with_mark.expect("readable").chapters[0].sections[0].markdown, "Text.");
}

#[test]
fn titles_are_plain_bounded_and_unique() {
    let text = format!(
        "# [A](b) `c` <i>d</i> ![e](f) {{#id}}\n\n## Go\n\nx\n\n## Sum &amp; *all*\n\nx\n\n\
         ### Note\n\nx\n\n### note\n\nx\n\n## sum & all\n\nx\n\n## {}\n\nx\n\n##\n\nx\n",
        "long ".repeat(80)
    );
    let source = read_text(&text).expect("readable");
    assert_eq!(source.title, "A c d");
    let titles: Vec<&str> = source.chapters.iter().map(|c| c.title.as_str()).collect();
    assert_eq!(titles[..3], ["Go (Chapter 1)", "Sum & all", "sum & all (2)"]);
    assert!(titles[3].chars().count() <= 120 && titles[3].ends_with('…'), "{}", titles[3]);
    assert_eq!(titles[4], "Chapter 5");
    let sections: Vec<&str> = source.chapters[1].sections.iter().map(|s| s.title.as_str()).collect();
    assert_eq!(sections, ["Sum & all", "Note", "note (2)"]);
}

#[test]
fn a_folder_is_read_in_natural_order_with_front_pages_first() {
    let dir = folder(&[
        ("10-ten.md", "# Ten\n\nx\n"),
        ("2-two.markdown", "# Two\n\nx\n\n## Part\n\ny\n"),
        ("2-two/b.md", "# Two b\n\nx\n"),
        ("2-two/index.md", "# Two index\n\nx\n"),
        ("README.md", "# The Whole\n\nx\n"),
        ("index.md", "# Index\n\nx\n"),
        ("plain.md", "No heading here.\n"),
        ("empty.md", "\n"),
        ("notes.txt", "# Not markdown\n\nx\n"),
        (".hidden/x.md", "# Hidden\n\nx\n"),
    ]);
    let source = Source::read(dir.path()).expect("a readable folder");
    assert_eq!(source.title, "The Whole");
    assert_eq!(
        shape(&source),
        [
            "The Whole: The Whole",
            "Index: Index",
            "Two: Two, Part",
            "Two index: Two index",
            "Two b: Two b",
            "Ten: Ten",
            "Plain: Plain",
        ]
    );
    assert_eq!(source.chapters[2].path, dir.path().join("2-two.markdown"));
}

#[test]
fn a_folder_of_deeper_headings_and_front_matter_titles() {
    let dir = folder(&[
        ("a.md", "---\ntitle: Install\n---\n\nFirst.\n\n## Needs\n\nx\n\n### Disk\n\ny\n"),
        ("b.md", "## Use\n\nx\n\n#### Deep\n\ny\n"),
    ]);
    let source = Source::read(dir.path()).expect("a readable folder");
    assert_eq!(shape(&source), ["Install: Install, Needs", "Use: Use, Deep"]);
}

#[test]
fn an_mdbook_is_read_in_the_order_of_its_summary() {
    let dir = folder(&[
        ("README.md", "# Repository\n\nx\n"),
        (
            "src/SUMMARY.md",
            "# Summary\n\n[Start](./start.md)\n\n- [Zed](z.md)\n  - [Sub](deep/my%20page.md#top)\n\
             - [Draft]()\n- [Again](z.md)\n- [Web](https://x.example/a.md)\n",
        ),
        ("src/a.md", "# Not listed\n\nx\n"),
        ("src/start.md", "# Start\n\nx\n"),
        ("src/z.md", "# Zed\n\nx\n"),
        ("src/deep/my page.md", "# Sub\n\nx\n"),
    ]);
    let source = Source::read(dir.path()).expect("a readable book");
    assert_eq!(shape(&source), ["Start: Start", "Zed: Zed", "Sub: Sub"]);
    let named = folder(&[("SUMMARY.md", "# A Book of Bread\n\n- [One](1.md)\n"), ("1.md", "# One\n\nx\n")]);
    assert_eq!(Source::read(named.path()).expect("a book").title, "A Book of Bread");
}

#[test]
fn a_summary_that_lists_a_missing_file_is_refused() {
    for target in ["gone.md", "../outside.md", "/etc/x.md"] {
        let dir = folder(&[
            ("book/SUMMARY.md", &format!("- [Gone]({target})\n")),
            ("book/1.md", "# One\n\nx\n"),
            ("outside.md", "# Out\n\nx\n"),
        ]);
        let error = Source::read(dir.path().join("book")).expect_err("a missing page");
        assert!(matches!(&error, SourceError::ListedButMissing { listed, .. } if listed == target), "{error:?}");
    }
}

#[test]
fn what_is_not_there_or_not_readable_is_named() {
    let dir = folder(&[("a.md", "# A\n\nx\n"), ("bad/b.md", "")]);
    let gone = dir.path().join("gone.md");
    let error = Source::read(&gone).expect_err("no such file");
    assert!(matches!(&error, SourceError::NotFound { path } if *path == gone));
    assert_eq!(error.to_string(), format!("no file or folder at `{}`", gone.display()));

    let through_a_file = dir.path().join("a.md/b.md");
    let error = Source::read(&through_a_file).expect_err("a file is no folder");
    assert!(matches!(&error, SourceError::Unreadable { path, .. } if *path == through_a_file));

    let bad = dir.path().join("bad/b.md");
    fs::write(&bad, b"# Good\n\n\xff").expect("a file");
    for asked in [dir.path(), bad.as_path()] {
        let error = Source::read(asked).expect_err("not UTF-8");
        assert!(matches!(&error, SourceError::NotUtf8 { path, offset: 8 } if *path == bad), "{error:?}");
    }
}

#[cfg(unix)]
#[test]
fn links_out_of_the_folder_are_not_followed_and_a_socket_is_refused() {
    let outside = folder(&[("secret.md", "# Secret\n\nx\n")]);
    let dir = folder(&[("a.md", "# A a\n\nx\n")]);
    let link = |target: &Path, name: &str| {
        std::os::unix::fs::symlink(target, dir.path().join(name)).expect("a link");
    };
    link(outside.path(), "folder");
    link(&outside.path().join("secret.md"), "file.md");
    link(dir.path(), "loop");
    let source = Source::read(dir.path()).expect("a readable folder");
    assert_eq!(shape(&source), ["A a: A a"]);

    let socket = outside.path().join("socket.md");
    let _listener = std::os::unix::net::UnixListener::bind(&socket).expect("a socket");
    let error = Source::read(&socket).expect_err("a socket is no file");
    assert!(matches!(&error, SourceError::Unreadable { path, .. } if *path == socket));
}

#[test]
fn nothing_to_read_and_no_heading_are_told_apart() {
    let is_empty = |text: &str| matches!(read_text(text), Err(SourceError::Empty { .. }));
    assert!(is_empty(""));
    assert!(is_empty("\n \n"));
    assert!(is_empty("---\ntitle: x\n---\n"));
    assert!(is_empty("# Only\n\n## Headings\n"));
    assert!(is_empty("# Only\n\n![picture](x.png)\n\n<hr>\n"));
    assert!(matches!(read_text("Text.\n"), Err(SourceError::NoHeadings { .. })));

    let read = |files: &[(&str, &str)]| Source::read(folder(files).path());
    assert!(matches!(read(&[("a.txt", "# A\n")]), Err(SourceError::NoMarkdown { .. })));
    assert!(matches!(read(&[("a.md", "# A\n"), ("b.md", "")]), Err(SourceError::Empty { .. })));
    assert!(matches!(read(&[("a.md", "Text.\n"), ("b.md", "More.\n")]), Err(SourceError::NoHeadings { .. })));
}

#[test]
fn too_many_files_are_refused_and_as_many_as_allowed_are_read() {
    let dir = folder(&[]);
    for number in 1..=MAX_FILES {
        fs::write(dir.path().join(format!("{number}.md")), "# Same\n\nx\n").expect("a file");
    }
    let source = Source::read(dir.path()).expect("as many as are allowed");
    assert_eq!(source.chapters.len(), MAX_FILES);
    assert_eq!(source.chapters[9].title, "Same (10)");
    assert!(source.chapters[9].path.ends_with("10.md"));
    fs::write(dir.path().join("x.md"), "# One more\n\nx\n").expect("a file");
    let error = Source::read(dir.path()).expect_err("one too many");
    assert!(matches!(error, SourceError::TooManyFiles { limit: MAX_FILES, .. }), "{error:?}");
}

#[test]
fn too_many_bytes_are_refused_over_all_files_together() {
    let dir = folder(&[("a.md", "# A\n\nx\n")]);
    // A sparse file: it has the length, but takes no room on the disk.
    let large = dir.path().join("b.md");
    let file = File::create(&large).expect("a file");
    file.set_len(MAX_BYTES - 3).expect("its length");
    for asked in [PathBuf::from(dir.path()), large.clone()] {
        if asked == large {
            file.set_len(MAX_BYTES + 1).expect("its length");
        }
        let error = Source::read(&asked).expect_err("too large");
        assert!(matches!(&error, SourceError::TooLarge { path, limit: MAX_BYTES } if *path == asked), "{error:?}");
    }
}

/// Pieces that Markdown texts are made of, and those that could break a reader.
fn markdown_text() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        4 => prop::sample::select(vec![
            "# ", "## ", "### ", "#### ", "\n", "\n\n", "text ", "a", "[", "]", "](", ")", "](u)",
            "![", "<", ">", "<b>", "</b>", "<div>\n", "<!--", "-->", "<https://x.example>", "`",
            "```\n", "    ", "\t", "> ", "- ", "1. ", "---\n", "***\n", "===\n", "[r]: /u\n",
            "[r]", "[a][r]", "\\", "&amp;", "&#0;", "*", "_", "\r\n", "\0", "\u{feff}", "é", "𝄞",
            "title: x\n", "{#id}", "<script>", "<?", "<![CDATA[", "|", "~~~\n", "\u{a0}",
        ]).prop_map(String::from),
        1 => any::<char>().prop_map(String::from),
    ];
    prop::collection::vec(piece, 0..60).prop_map(|pieces| pieces.concat())
}

/// Everything that is promised of a source, whatever it was made of.
fn check_promises(source: &Source) -> Result<(), TestCaseError> {
    use pulldown_cmark::{Event, Options, Parser, Tag};
    use std::collections::HashSet;
    let fits = |title: &str| {
        let length = title.chars().count();
        (MIN..=MAX).contains(&length) && !title.chars().any(char::is_control) && title.trim() == title
    };
    prop_assert!(fits(&source.title), "title {:?}", source.title);
    prop_assert!(!source.chapters.is_empty());
    let mut chapters = HashSet::new();
    for chapter in &source.chapters {
        prop_assert!(fits(&chapter.title), "chapter {:?}", chapter.title);
        prop_assert!(chapters.insert(chapter.title.to_lowercase()), "twice {:?}", chapter.title);
        prop_assert!(!chapter.sections.is_empty());
        let mut sections = HashSet::new();
        for section in &chapter.sections {
            prop_assert!(fits(&section.title), "section {:?}", section.title);
            prop_assert!(sections.insert(section.title.to_lowercase()), "twice {:?}", section.title);
            prop_assert!(!section.markdown.trim().is_empty());
            prop_assert!(!section.markdown.contains('\0'));
            for event in Parser::new_ext(&section.markdown, Options::empty()) {
                let foreign = matches!(
                    event,
                    Event::Html(_)
                        | Event::InlineHtml(_)
                        | Event::Start(Tag::HtmlBlock | Tag::Link { .. } | Tag::Image { .. })
                );
                prop_assert!(!foreign, "{event:?} in {:?}", section.markdown);
            }
        }
    }
    Ok(())
}

#[test]
fn a_merged_section_is_clean_as_a_whole() {
    // Without its tag the first line opens a code block, which the last one would close.
    let source = read_text("<b>~~~\n# \ntext ---\n---\n~~~\n# <b>").expect("readable");
    check_promises(&source).expect("every promise kept");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn any_text_is_read_within_the_promises_or_refused(text in markdown_text()) {
        let path = Path::new("some/text.md");
        if let Ok(source) = outline::of_file(path, &text) {
            check_promises(&source)?;
        }
        let (draft, _) = outline::of_chapter_file(path, &text);
        if let Some(draft) = draft {
            let drafts = vec![(draft, path.to_path_buf())];
            let source = outline::source(&text, drafts.into_iter());
            check_promises(&source.expect("one chapter"))?;
        }
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let dir = folder(&[]);
        let file = dir.path().join("a.md");
        fs::write(&file, &bytes).expect("a file");
        for asked in [file.as_path(), dir.path()] {
            if let Ok(source) = Source::read(asked) {
                check_promises(&source)?;
            }
        }
    }
}
