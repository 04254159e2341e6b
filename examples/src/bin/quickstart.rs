//! The whole of it in one command: a text becomes a course, learners learn, certificates are made.

use std::path::PathBuf;
use std::process::ExitCode;

use lms_core::Lms;
use lms_core::assets::Folder;
use lms_examples::demo::{Demo, Failure, author, learn, report};
use lms_examples::output::Screen;
use lms_examples::provider::{Chosen, ENVIRONMENT};
use lms_examples::source::Source;
use lms_examples::store::open;

const HELP: &str = "\
Makes a course from a Markdown text and lets learners complete it, on an embedded database.

Usage: quickstart [--source PATH] [--out DIR] [--students N] [--store STORE] [--json]

  --source PATH   a Markdown file or a folder of them (default: a text that comes along)
  --out DIR       where the database and the PDFs go (default: out); run again, it adds a course
  --students N    how many learners, 1 to 200 (default: 3)
  --store STORE   sqlite:PATH or postgres://… (default: the SQLite file DIR/lms.db)
  --json          also write DIR/summary.json
  -h, --help      this text

Environment:
";
const LOG: &str = "  LMS_LOG              logs to standard error: info, debug, or per crate: lms_core=debug";
const MAX_STUDENTS: usize = 200;

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
                let said = parser.value()?;
                let number = said.to_str().and_then(|said| said.parse().ok());
                options.students = number.filter(|n| (1..=MAX_STUDENTS).contains(n)).ok_or_else(|| {
                    format!("--students takes a number from 1 to {MAX_STUDENTS}, not `{}`", said.to_string_lossy())
                })?;
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
            Screen::new().line(format!("{HELP}{ENVIRONMENT}\n{LOG}"));
            return ExitCode::SUCCESS;
        }
        Err(e) => {
            complain(&format!("{e}; see --help"));
            return ExitCode::from(2);
        }
    };
    match run(options).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            complain(&e.to_string());
            ExitCode::FAILURE
        }
    }
}

/// One line on standard error; nothing where nobody reads it.
fn complain(what: &str) {
    use std::io::Write as _;
    let _ = writeln!(std::io::stderr(), "error: {what}");
}

/// What the library tells of its work, on standard error, where `LMS_LOG` asks for it.
fn log() -> Result<(), Failure> {
    use tracing_subscriber::filter::Targets;
    use tracing_subscriber::fmt::{self, format::FmtSpan};
    use tracing_subscriber::{Layer as _, layer::SubscriberExt as _, util::SubscriberInitExt as _};
    let Some(wanted) = std::env::var_os("LMS_LOG").filter(|wanted| !wanted.is_empty()) else { return Ok(()) };
    let wanted = wanted.to_string_lossy().parse::<Targets>();
    let wanted = wanted.map_err(|e| format!("LMS_LOG: {e}; try `info` or `lms_core=debug`"))?;
    let lines = fmt::layer().with_writer(std::io::stderr).with_ansi(false).with_span_events(FmtSpan::CLOSE);
    tracing_subscriber::registry().with(lines.with_filter(wanted)).try_init()?;
    Ok(())
}

async fn run(options: Options) -> Result<(), Failure> {
    log()?;
    let chosen = Chosen::from_env()?;
    // The source is read before anything is written: an unreadable one leaves no rows.
    let source = Source::read(&options.source)?;
    std::fs::create_dir_all(&options.out)
        .map_err(|e| format!("cannot make the folder `{}`: {e}", options.out.display()))?;
    let opened = open(options.store.as_deref(), &options.out).await?;
    let lms = Lms::over(opened.store()).assets(Folder::new(&options.out)).build();
    lms.migrate().await.map_err(|e| format!("cannot use `{}`: {e}", opened.name()))?;
    let ai = chosen.ai(lms.clone());
    let screen = Screen::new();
    let sections: usize = source.chapters.iter().map(|chapter| chapter.sections.len()).sum();
    screen.line(format!("Source    {} ({} chapters, {sections} sections)", source.title, source.chapters.len()));
    screen.line(format!("Database  {}", opened.name()));
    screen.line(format!("AI        {}", chosen.said()));

    let demo = Demo::start(lms, ai, screen.clone(), options.students).await?;
    let made = author(&demo, &source).await?;
    let learned = learn(&demo, &made).await?;
    let mut summary = report(&demo, &made, &learned).await?;
    if options.json {
        if let Some(summary) = summary.as_object_mut() {
            summary.insert("counts".to_owned(), serde_json::to_value(opened.count_rows().await?)?);
        }
        let path = options.out.join("summary.json");
        std::fs::write(&path, serde_json::to_string_pretty(&summary)? + "\n")
            .map_err(|e| format!("cannot write `{}`: {e}", path.display()))?;
        screen.line(format!("\nSummary   {}", path.display()));
    }
    Ok(())
}
