//! What a text must be, and that whatever it is nothing false is made of it.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "these are tests")]

mod support;

use std::fs;
use std::path::{Path, PathBuf};

use lms_ai::text::markdown_to_text;
use lms_examples::source::Source;
use support::{assert_sound, book, database, dump, number, program, run_well, summary, text, texts};

/// Files and folders that are no source, each with a word that its complaint must hold.
fn bad_sources(folder: &Path) -> Vec<(PathBuf, &'static str)> {
    let file = |name: &str, bytes: &[u8]| {
        let path = folder.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, bytes).unwrap();
        path
    };
    let empty_folder = folder.join("empty folder");
    fs::create_dir(&empty_folder).unwrap();
    let binary: Vec<u8> = (0..4_096_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    let only_file = |name: &str, bytes: &[u8]| file(name, bytes).parent().unwrap().to_path_buf();
    file("one bad/b.md", b"# Fine\n\nText.\n");
    let mut found = vec![
        (folder.join("nothing here.md"), "no file or folder"),
        (file("empty.md", b""), "no text"),
        (file("blank.md", b"\n  \n\n"), "no text"),
        (file("headings.md", b"# One\n\n## Two\n\n### Three\n"), "no text"),
        (file("prose.md", b"Only prose stands here. It goes on and on.\n"), "no heading"),
        (file("binary.md", &binary), "not UTF-8"),
        (file("latin.md", b"# Caf\xe9\n\nText.\n"), "not UTF-8"),
        (only_file("prose folder/a.md", b"Only prose.\n"), "no heading"),
        (only_file("one bad/c.md", b"# Bad\n\n\xff\xfe\n"), "c.md` is not UTF-8"),
        (empty_folder, "no markdown"),
        (only_file("no markdown/a.txt", b"# A heading\n\nText.\n"), "no markdown"),
        (PathBuf::from("/dev/null"), "neither a file nor a folder"),
    ];
    #[cfg(unix)]
    {
        use std::os::unix::fs::{PermissionsExt as _, symlink};
        let around = folder.join("around.md");
        symlink(&around, &around).unwrap();
        found.push((around, "cannot read"));
        let locked = file("locked.md", b"# Locked\n\nText.\n");
        fs::set_permissions(&locked, fs::Permissions::from_mode(0o000)).unwrap();
        // Those who may read everything cannot be locked out.
        if fs::read(&locked).is_err() {
            found.push((locked, "cannot read"));
        }
    }
    found
}

#[test]
fn what_is_no_source_is_named_in_one_line_and_leaves_no_rows() {
    let folder = tempfile::tempdir().unwrap();
    let fine = folder.path().join("fine.md");
    fs::write(&fine, book(1)).unwrap();
    let used = folder.path().join("used");
    run_well(&used, Some(&fine), &["--students", "1"]);
    let before = dump(&database(&used));
    let fresh = folder.path().join("fresh");
    for (source, word) in bad_sources(folder.path()) {
        for out in [&fresh, &used] {
            let output = program().arg("--source").arg(&source).arg("--out").arg(out).output().unwrap();
            let complaint = text(&output.stderr);
            assert_eq!(output.status.code(), Some(1), "{source:?}: {complaint}");
            assert!(complaint.starts_with("error: ") && complaint.contains(word), "{source:?}: {complaint}");
            assert_eq!(complaint.lines().count(), 1, "{complaint}");
            assert_eq!(text(&output.stdout), "", "{source:?}");
        }
        assert!(!fresh.exists(), "{source:?} left something behind");
    }
    assert_eq!(dump(&database(&used)), before);
}

/// More than sixty pages in nested folders, with everything that Markdown can do.
fn big_book(root: &Path) -> usize {
    let mut pages = 0;
    let mut page = |path: String, text: String| {
        let path = root.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
        pages += 1;
    };
    page(
        "README.md".into(),
        "---\ntitle: not this\nlayout: page\n---\n\nThe Great Handbook\n==================\n\nThis handbook \
         gathers what every keeper of a lighthouse has to know about lamps, fog and visitors.\n"
            .into(),
    );
    for part in 1..=8 {
        for n in 1..=8 {
            let lamp = ["Fresnel", "Argand", "Dalén", "Θάλασσα", "маяк", "灯台", "phare", "Leuchtturm"][n - 1];
            let year = 1700 + part * 20 + n;
            page(
                format!("part-{part}/deep/{n}-page.md"),
                format!(
                    "---\ntitle: \"Page {n}\"\ntags: [a, b]\n---\n\n# Lamp {lamp} {part}.{n}\n\n\
                     In {year} the keeper of station {part} lit the lamp called {lamp} with **whale oil** for the \
                     [harbour office](https://example.org/{year} \"title\") of the coast.\n\n\
                     Setting *up* number {n}\n-----------------\n\n\
                     ![a drawing](lamp-{n}.png) The mirror of lamp {lamp} weighs {year} grams and turns once in \
                     {part} minutes.  \nIt must be cleaned with soft linen before every sunset of the season.\n\n\
                     ```rust\n// # No heading\nfn lamp_{n}() -> u32 {{ {year} }}\n```\n\n\
                     | name | year |\n|---|---:|\n| {lamp} | {year} |\n| other & co | <b>12</b> |\n\n\
                     ### Fog, ice and «visitors»\n\n\
                     > Whoever visits station {part} in fog waits for {n} strokes of the bell.\n\n\
                     1. The keeper writes each visitor into the green book of page {n}.\n\
                     2. A visitor of lamp {lamp} pays {part} shillings &amp; a smile.\n\n\
                     <div align=\"center\">Raw <i>markup</i> stands here too.</div>\n\n\
                     Ships pass at “safe” distance – naïve captains don’t; they meet the rocks of {lamp} instead.\n"
                ),
            );
        }
    }
    page("part-9/naked.md".into(), "No heading stands on this page, but its sentences are read as well.\n".into());
    page(".hidden/secret.md".into(), "# Secret\n\nNobody reads this.\n".into());
    pages
}

/// Letters and signs without the spaces between them, so that line breaks make no difference.
fn squeezed(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn a_big_book_becomes_a_course_and_questions_quote_it_word_for_word() {
    let folder = tempfile::tempdir().unwrap();
    let book = folder.path().join("handbook");
    let pages = big_book(&book);
    assert!(pages > 60);
    let out = folder.path().join("out");
    run_well(&out, Some(&book), &["--json", "--students", "1"]);
    let conn = database(&out);
    assert_sound(&conn);
    let source = Source::read(&book).unwrap();
    assert_eq!(source.title, "The Great Handbook");
    // The hidden page is none; every other one is a lesson, in reading order.
    let chapters: Vec<&str> = source.chapters.iter().map(|chapter| chapter.title.as_str()).collect();
    assert_eq!(chapters.len(), pages - 1);
    assert_eq!(texts(&conn, "SELECT title FROM lessons ORDER BY order_index"), chapters);
    let topics: Vec<&str> =
        source.chapters.iter().flat_map(|c| c.sections.iter().map(|section| section.title.as_str())).collect();
    let in_order = "SELECT t.title FROM topics t JOIN lessons l ON l.id = t.lesson_id
                    ORDER BY l.order_index, t.order_index";
    assert_eq!(texts(&conn, in_order), topics);

    let plain: Vec<String> = source
        .chapters
        .iter()
        .flat_map(|chapter| &chapter.sections)
        .map(|section| squeezed(&markdown_to_text(&section.markdown)))
        .collect();
    let quotes = texts(&conn, "SELECT source_quote FROM quiz_questions");
    assert!(quotes.len() > 100, "{}", quotes.len());
    for quote in &quotes {
        let quote = squeezed(quote);
        assert!(plain.iter().any(|text| text.contains(&quote)), "not in the source: {quote}");
    }
    assert_eq!(number(&conn, "SELECT count(*) FROM quiz_questions WHERE source_quote IS NULL"), 0);
    assert_eq!(number(&conn, "SELECT count(*) FROM topics WHERE body LIKE '%<div%' OR body LIKE '%](http%'"), 0);
    assert_eq!(summary(&out)["events"], number(&conn, "SELECT count(*) FROM activity_events"));
}

/// A lesson longer than a prompt is asked about in part; a person looks at what came of that, and the run goes on.
/// rules: L4
#[test]
fn a_lesson_longer_than_a_prompt_stops_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let (out, source) = (folder.path().join("out"), folder.path().join("long.md"));
    let mut text = String::from("# A Register of Lamps\n\n## All of them\n");
    for section in 0..14 {
        text.push_str(&format!("\n### Street {section}\n\n"));
        for lamp in 0..90 {
            let (year, watts) = (1_800 + section * 7 + lamp % 60, 20 + section * 90 + lamp);
            text.push_str(&format!(
                "Lamp {lamp} of street {section} was lit first in {year} and burns {watts} units of gas in a night of winter.\n\n"
            ));
        }
    }
    fs::write(&source, text).unwrap();
    let said = run_well(&out, Some(&source), &["--json", "--students", "1"]);
    assert!(said.contains("1 quizzes; 1 of lessons longer than a prompt, looked at by"), "{said}");
    let conn = database(&out);
    assert_sound(&conn);
    assert_eq!(number(&conn, "SELECT count(*) FROM certificates"), 1);
    assert_eq!(
        number(&conn, "SELECT count(*) FROM ai_logs WHERE status = 'review' AND kind <> 'grade'"),
        0,
        "nothing waits"
    );
}
