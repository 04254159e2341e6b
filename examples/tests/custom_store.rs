//! The contract of a store on one that is no database, stamped as a third party would, with a test attribute
//! of its own choice; and the program that shows it.

use std::process::Command;

use lms_examples::memory_store::MemoryStore;

lms_core::conformance!(memory, MemoryStore::new(), #[tokio::test(flavor = "multi_thread", worker_threads = 2)]);

#[test]
fn the_program_tells_its_story() {
    let run = Command::new(env!("CARGO_BIN_EXE_custom_store")).output().expect("the program runs");
    let told = String::from_utf8_lossy(&run.stdout);
    assert!(run.status.success(), "{told}{}", String::from_utf8_lossy(&run.stderr));
    for line in ["100.00 % of the course", "verifies as Valid", "audit: 0 differences", "certificate_issued"] {
        assert!(told.contains(line), "{line:?} in\n{told}");
    }
}
