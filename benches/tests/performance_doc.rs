//! docs/performance.md names tests that there are.
#![allow(clippy::unwrap_used, clippy::panic, reason = "these are tests")]

use std::path::Path;

#[test]
fn every_mistake_has_a_test_that_there_is() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let text = std::fs::read_to_string(root.join("docs/performance.md")).unwrap();
    let rows: Vec<&str> = text.lines().filter(|line| line.starts_with("| ")).skip(1).collect();
    assert!(rows.len() > 15, "the table is there");
    let mut named = 0;
    for row in rows {
        let found = row.trim_end_matches('|').rsplit_once('|').unwrap().1;
        let mut in_row = 0;
        // `path` name, name; `path` name
        for part in found.split(';') {
            let Some((path, names)) = part.trim().trim_start_matches('`').split_once('`') else { continue };
            let source = std::fs::read_to_string(root.join(path)).unwrap_or_else(|e| panic!("{path}: {e}"));
            let names = names.split('(').next().unwrap_or_default();
            for name in names.split(',').map(str::trim).filter(|name| name.contains('_') && !name.contains(' ')) {
                assert!(source.contains(&format!("fn {name}(")), "{path} has no {name}");
                in_row += 1;
            }
            in_row += usize::from(path.starts_with("scripts/"));
        }
        assert!(in_row > 0, "nothing is named in: {row}");
        named += in_row;
    }
    assert!(named > 25, "{named} names");
}
