//! The whole of it in one command: a text becomes a course, learners learn, certificates are made.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::StreamExt as _;
use lms_ai::Ai;
use lms_ai::offline::{OFFLINE_MODEL, Offline};
use lms_ai::provider::Anthropic;
use lms_core::Lms;
use lms_core::assets::Folder;
use lms_core::store::EventFilter;
use lms_examples::demo::{Demo, Failure, author, learn, report};
use lms_examples::output::Screen;
use lms_examples::source::Source;
use lms_examples::store::open;

const HELP: &str = "\
Makes a course from a Markdown text and lets learners complete it, on an embedded database.

Usage: quickstart [--source PATH] [--out DIR] [--students N] [--store STORE] [--json]

  --source PATH   a Markdown file or a folder of them (default: a text that comes along)
  --out DIR       where the database and the PDFs go (default: out)
  --students N    how many learners (default: 3, at most 200)
  --store STORE   sqlite:PATH or postgres://… (default: sqlite, DIR/lms.db)
  --json          also write DIR/summary.json
";

struct Options {
    source: PathBuf,
    out: PathBuf,
    students: usize,
    store: Option<String>,
    json: bool,
}

fn options() -> Result<Option<Options>, lexopt::Error> {
    use lexopt::prelude::{Long, Short, ValueExt as _};
    let mut options = Options {
        source: PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/data/source.md")),
        out: PathBuf::from("out"),
        students: 3,
        store: None,
        json: false,
    };
    let mut parser = lexopt::Parser::from_env();
    while let Some(arg) = parser.next()? {
        match arg {
            Long("source") => options.source = parser.value()?.into(),
            Long("out") => options.out = parser.value()?.into(),
            Long("students") => {
                options.students = parser.value()?.parse()?;
                if !(1..=200).contains(&options.students) {
                    return Err("--students takes a number from 1 to 200".into());
                }
            }
            Long("store") => options.store = Some(parser.value()?.string()?),
            Long("json") => options.json = true,
            Long("help") | Short('h') => return Ok(None),
            other => return Err(other.unexpected()),
        }
    }
    Ok(Some(options))
}

#[tokio::main]
async fn main() -> ExitCode {
    let options = match options() {
        Ok(Some(options)) => options,
        Ok(None) => {
            print!("{HELP}");
            return ExitCode::SUCCESS;
        }
        Err(e) => {
            eprintln!("error: {e}\n\n{HELP}");
            return ExitCode::from(2);
        }
    };
    match run(options).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            eprintln!("error: {e}");
            ExitCode::FAILURE
        }
    }
}

/// Claude where a key is set, else the provider that needs none; and which, in words.
fn provider(lms: &Lms) -> Result<(Ai, String), Failure> {
    if std::env::var_os("ANTHROPIC_API_KEY").is_none_or(|key| key.is_empty()) {
        let said = "AI: offline. No model is asked; the built-in provider extracts from the source.";
        return Ok((Ai::new(lms.clone(), Offline, OFFLINE_MODEL), said.to_owned()));
    }
    let claude = Anthropic::from_env()?;
    let model = claude.model().to_owned();
    let said = format!("AI: Claude ({model}). Set LMS_AI_MODEL for another model; unset ANTHROPIC_API_KEY for none.");
    Ok((Ai::new(lms.clone(), claude, model), said))
}

async fn run(options: Options) -> Result<(), Failure> {
    // The source is read before anything is written: an unreadable one leaves no rows.
    let source = Source::read(&options.source)?;
    let screen = Screen::new();
    std::fs::create_dir_all(&options.out).map_err(|e| format!("{}: {e}", options.out.display()))?;
    let (store, database) = open(options.store.as_deref(), &options.out).await?;
    let lms = Lms::over(store).assets(Folder::new(&options.out)).build();
    lms.migrate().await?;
    let (ai, said) = provider(&lms)?;
    screen.line(format!("Source: {} ({} chapters)", source.title, source.chapters.len()));
    screen.line(format!("Database: {database}"));
    screen.line(said);

    let received = Arc::new(AtomicUsize::new(0));
    let from = lms.settle().await?;
    let mut events = lms.live().events(&lms.system(), EventFilter::default(), None).await?;
    let (count, printer) = (received.clone(), screen.clone());
    let listener = tokio::spawn(async move {
        while let Some(Ok(live)) = events.next().await {
            count.fetch_add(1, Ordering::SeqCst);
            let event = &live.event.event;
            let (kind, subject) = (event.kind.as_str(), event.subject_type);
            printer.line(format!("   event {:>6}  {kind:<22} {subject}", live.event.position));
        }
    });
    let demo = Demo::with_people(lms.clone(), ai, screen.clone(), options.out.clone(), options.students).await?;
    let made = author(&demo, &source).await?;
    let learned = learn(&demo, &made).await?;
    // The subscriber is given the time to receive the last of what was committed.
    let expected = usize::try_from(lms.settle().await? - from).unwrap_or(0);
    for _ in 0..200 {
        if received.load(Ordering::SeqCst) >= expected {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    listener.abort();
    let summary = report(&demo, &made, &learned, received.load(Ordering::SeqCst)).await?;
    if options.json {
        let path = options.out.join("summary.json");
        std::fs::write(&path, serde_json::to_string_pretty(&summary)?)
            .map_err(|e| format!("{}: {e}", path.display()))?;
        screen.line(format!("\nSummary: {}", path.display()));
    }
    Ok(())
}
