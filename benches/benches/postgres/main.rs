//! The bars of the Postgres store: `cargo bench -p lms-benches --bench postgres` (`-- --quick` for a smoke
//! run, `-- --only B7` for one, `--clients 1` for one number of clients).
//!
//! Printed as lines and written to `target/bars-postgres.json`.
#![allow(clippy::print_stdout, missing_docs, reason = "a program that reports")]

mod content;
mod flush;
mod log;
mod write;

use std::path::{Path, PathBuf};

use lms_benches::Failure;
use lms_benches::bars::{Bar, print, write};
use lms_benches::postgres::Server;

/// How much is done.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Effort {
    pub(crate) rounds: usize,
    pub(crate) scale: usize,
}

/// What follows a word of the command line.
fn after(word: &str) -> Option<String> {
    std::env::args().skip_while(|a| a != word).nth(1)
}

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let quick = std::env::args().any(|a| a == "--quick" || a == "--test");
    let effort = if quick { Effort { rounds: 3, scale: 10 } } else { Effort { rounds: 11, scale: 1 } };
    let memory = Path::new("/dev/shm");
    let folder = if memory.is_dir() { memory.to_owned() } else { std::env::temp_dir() };
    let server = Server::start(&folder, &[]);
    println!("server at {}; {} rounds, medians\n", server.url(), effort.rounds);
    let only = after("--only");
    let clients = after("--clients").and_then(|n| n.parse().ok());
    let asked = |n: &usize| clients.is_none_or(|only: usize| only == *n);
    let wanted = |name: &str| only.as_deref().is_none_or(|only| only == name);
    let mut bars = Vec::new();
    let mut report = |new: Vec<Bar>| {
        new.iter().for_each(print);
        bars.extend(new);
    };
    if wanted("B6") {
        report(write::round_trips(&server).await?);
    }
    if wanted("B7") {
        // Where a flush is one, as where the bar was set; and beside it what of that is work of the processor.
        let disk = Server::start(&std::env::temp_dir(), &[]);
        for clients in [1, 8, 32].into_iter().filter(&asked) {
            report(write::against(&disk, clients, effort).await?);
        }
        for clients in [1, 8, 32].into_iter().filter(&asked) {
            report(write::over_a_wire(&disk, clients, effort).await?);
        }
        for clients in [1, 32].into_iter().filter(&asked) {
            report(write::in_memory(&server, clients, effort).await?);
        }
    }
    if wanted("B8") {
        report(write::wal(&server).await?);
    }
    if wanted("B20") {
        report(write::repeat(&server).await?);
    }
    // Their settings are theirs alone: a server of somebody else's cannot be asked for them.
    if server.is_own() && (wanted("B9") || wanted("B10")) {
        for milliseconds in [1, 10] {
            report(flush::slow(&folder, milliseconds, effort).await?);
        }
    }
    if wanted("B12") {
        report(content::publish(&server, effort).await?);
    }
    if wanted("B13") {
        report(content::outline(&server, effort).await?);
    }
    if wanted("B14") || wanted("B15") {
        report(log::figures(&server, effort).await?);
    }
    if wanted("B16") {
        report(log::resume(&server, effort).await?);
    }
    if wanted("B18") {
        report(log::delivery(&server, effort).await?);
    }
    if wanted("B19") {
        report(log::drain(&server, effort).await?);
    }
    // One bar alone, or a smoke run, does not take the place of a whole run's figures.
    if only.is_none() && !quick {
        let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../target/bars-postgres.json");
        std::fs::create_dir_all(path.parent().unwrap_or(Path::new(".")))?;
        write(&bars, &path)?;
    }
    println!("\n{} of {} bars met", bars.iter().filter(|b| b.met()).count(), bars.len());
    Ok(())
}
