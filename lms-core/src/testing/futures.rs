//! That a crate's public futures are Send.

use std::io;
use std::path::Path;

/// The public async functions and methods of a crate's sources whose future its test does not hold to be Send: those
/// that the test's text calls nowhere inside of `send(…)`. For a test that is compiled and calls each of them, so that
/// a new one is not forgotten.
///
/// # Errors
/// When the sources cannot be read, or have no such function at all.
pub fn unheld_futures(sources: &Path, test: &str) -> io::Result<Vec<String>> {
    let mut found = Vec::new();
    methods(sources, &mut found)?;
    if found.is_empty() {
        return Err(io::Error::new(io::ErrorKind::NotFound, format!("no async function in {}", sources.display())));
    }
    let test: String = test.split_whitespace().collect();
    let called = |call: &str| call.split('(').next().unwrap_or_default().to_owned();
    let held: Vec<String> = test.split("send(").skip(1).map(called).collect();
    let is_held = |method: &str| held.iter().any(|path| path.split(['.', ':']).any(|part| part == method));
    found.retain(|method| !is_held(method));
    Ok(found)
}

fn methods(folder: &Path, found: &mut Vec<String>) -> io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            methods(&path, found)?;
            continue;
        }
        let source = std::fs::read_to_string(&path)?;
        let public = source.lines().filter_map(|line| line.trim_start().strip_prefix("pub async fn "));
        found.extend(public.filter_map(|rest| rest.split(['(', '<']).next()).map(str::to_owned));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_not_called_inside_of_send_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let nested = folder.path().join("deep");
        std::fs::create_dir(&nested).unwrap();
        assert!(unheld_futures(folder.path(), "").is_err(), "nothing is there to be held");
        std::fs::write(folder.path().join("a.rs"), "pub async fn one() {}\nasync fn own() {}\n").unwrap();
        std::fs::write(nested.join("b.rs"), "    pub async fn two<T>(&self) {}\n").unwrap();
        let left = |test| {
            let mut left = unheld_futures(folder.path(), test).unwrap();
            left.sort();
            left
        };
        assert_eq!(left("one(); x.two();"), ["one", "two"]);
        assert_eq!(left("send(one()); send(x.twofold());"), ["two"]);
        assert_eq!(left("send(Some::one()); send(x\n.two(1));"), Vec::<String>::new());
    }
}
