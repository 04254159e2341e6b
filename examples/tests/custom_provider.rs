//! The example of a provider of one's own is short, and does what it says.
#![allow(clippy::unwrap_used, reason = "these are tests")]

use std::process::Command;

#[test]
fn it_runs_without_a_network_and_says_what_it_wrote() {
    let output = Command::new(env!("CARGO_BIN_EXE_custom_provider")).env_clear().output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(said, "notebook wrote `Bread at home` with 2 lessons\n");
}

#[test]
fn it_has_fewer_than_sixty_lines() {
    let lines = include_str!("../src/bin/custom_provider.rs").lines().count();
    assert!(lines < 60, "{lines}");
}
