//! A course live on a web page: what a teacher sees while learners learn, over WebSocket and SSE.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use lms_ai::Ai;
use lms_ai::offline::{OFFLINE_MODEL, Offline};
use lms_certificates::{Fonts, Renderer};
use lms_core::Lms;
use lms_core::assets::Folder;
use lms_examples::dashboard::{router, simulate};
use lms_examples::demo::{Demo, Failure, author};
use lms_examples::output::Screen;
use lms_examples::source::Source;
use lms_examples::store::open;

const HELP: &str = "\
Serves a page on which a teacher watches a course: learners work through it while you look on.

Usage: live_dashboard [--port N] [--students N] [--step MS] [--store STORE] [--out DIR]

  --port N        where to listen on this machine, 0 for any free port (default: 8080)
  --students N    how many learners come, 1 to 200 (default: 8)
  --step MS       how long a learner takes for a step, in milliseconds (default: 700)
  --store STORE   sqlite:PATH or postgres://… (default: the SQLite file DIR/lms.db)
  --out DIR       where the database and the PDFs go (default: out)
  -h, --help      this text

It goes on until you stop it (Ctrl-C).
";

struct Options {
    port: u16,
    students: usize,
    step: Duration,
    store: Option<String>,
    out: std::path::PathBuf,
}

fn options() -> Result<Option<Options>, lexopt::Error> {
    use lexopt::prelude::{Long, Short, ValueExt as _};
    let mut options =
        Options { port: 8080, students: 8, step: Duration::from_millis(700), store: None, out: "out".into() };
    let mut parser = lexopt::Parser::from_env();
    while let Some(arg) = parser.next()? {
        match arg {
            Long("port") => options.port = parser.value()?.parse()?,
            Long("students") => {
                options.students = parser.value()?.parse()?;
                if !(1..=200).contains(&options.students) {
                    return Err("--students takes a number from 1 to 200".into());
                }
            }
            Long("step") => options.step = Duration::from_millis(parser.value()?.parse()?),
            Long("store") => options.store = Some(parser.value()?.string()?),
            Long("out") => options.out = parser.value()?.into(),
            Long("help") | Short('h') => return Ok(None),
            other => return Err(other.unexpected()),
        }
    }
    Ok(Some(options))
}

#[tokio::main]
async fn main() -> ExitCode {
    let screen = Screen::new();
    let options = match options() {
        Ok(Some(options)) => options,
        Ok(None) => {
            screen.line(HELP.trim_end());
            return ExitCode::SUCCESS;
        }
        Err(e) => {
            screen.line(format!("error: {e}; see --help"));
            return ExitCode::from(2);
        }
    };
    match run(options, screen.clone()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            screen.line(format!("error: {e}"));
            ExitCode::FAILURE
        }
    }
}

async fn run(options: Options, screen: Screen) -> Result<(), Failure> {
    // The port first: one that is taken is said before anything is written.
    let listener = tokio::net::TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, options.port)))
        .await
        .map_err(|e| format!("cannot listen on port {}: {e}", options.port))?;
    std::fs::create_dir_all(&options.out)
        .map_err(|e| format!("cannot make the folder `{}`: {e}", options.out.display()))?;
    let opened = open(options.store.as_deref(), &options.out).await?;
    let lms = Lms::over(opened.store()).assets(Folder::new(&options.out)).build();
    lms.migrate().await.map_err(|e| format!("cannot use `{}`: {e}", opened.name()))?;
    let ai = Ai::new(lms.clone(), Offline, OFFLINE_MODEL);
    let demo = Demo::start(lms.clone(), ai.clone(), screen.clone(), options.students).await?;
    let source = Source::read(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/data/source.md")))?;
    let made = author(&demo, &source).await?;

    // What happens by itself: grading, certificates, expiry. It ends with the program.
    let renderer =
        Renderer::new("Quickstart Academy", Fonts::built_in())?.with_verify_url("https://example.org/verify/")?;
    tokio::spawn(lms.background().with(ai.grader()).with(renderer).run(std::future::pending()));

    let address = listener.local_addr()?;
    let page = |person| format!("http://{address}/?course={}&as={person}", made.course);
    screen.heading("Open it in a browser");
    screen.line(format!("   the instructor   {}", page(demo.instructor)));
    if let Some((student, name)) = demo.students.first() {
        screen.line(format!("   {name:15}  {}", page(*student)));
    }
    screen.line("   Ctrl-C ends it");
    let learning = async {
        let done = simulate(&demo, &made, options.step).await;
        if done.is_ok() {
            screen.line("   every learner is through; the page stays until you stop it");
        }
        done?;
        std::future::pending::<Result<(), Failure>>().await
    };
    tokio::select! {
        served = async { axum::serve(listener, router(lms.clone())).await } => Ok(served?),
        failed = learning => failed,
        stopped = tokio::signal::ctrl_c() => Ok(stopped?),
    }
}
