//! What the sources of the crate hold, for tests that must miss nothing of it.

use std::path::Path;

/// The public async methods of a type, from the sources.
pub(crate) fn methods(of: &str) -> Vec<String> {
    let mut found = Vec::new();
    within(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), of, &mut found);
    assert!(!found.is_empty(), "{of} has no public async method in the sources");
    found
}

fn within(folder: &Path, of: &str, found: &mut Vec<String>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            within(&path, of, found);
            continue;
        }
        let source = std::fs::read_to_string(&path).unwrap();
        let mut inside = false;
        for line in source.lines() {
            if line.starts_with("impl") {
                inside = line == format!("impl {of} {{") || line == format!("impl {of}<'_> {{");
            }
            if let Some(rest) = line.strip_prefix("    pub async fn ").filter(|_| inside) {
                found.push(rest.split(['(', '<']).next().unwrap().to_owned());
            }
        }
    }
}
