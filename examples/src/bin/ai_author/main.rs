//! Courses, texts, quizzes, assignments and grades by AI, one command each.

mod bodies;
mod jobs;
mod options;
mod proposals;
mod receipt;

use std::path::Path;
use std::process::ExitCode;

use lms_ai::{Ai, AiError, Selection};
use lms_core::Lms;
use lms_core::model::TopicId;
use lms_examples::output::Screen;
use lms_examples::provider::{Chosen, ENVIRONMENT};
use lms_examples::store;

use bodies::Partly;
use jobs::Written;
use options::{HELP, Job, Options, options};
use receipt::Receipt;

/// How the program ends, but for success.
enum End {
    /// The command or its environment is wrong.
    Usage(String),
    /// The library refused, or the database failed.
    Other(String),
    /// All is written, and what tells of it cannot be read.
    Unread(String),
    /// There is no answer that counts.
    Ai(AiError),
    /// The answer is a suggestion, or a proposal.
    Review(String),
    /// Not all texts are written.
    Partly(Box<Partly>),
}

#[tokio::main]
async fn main() -> ExitCode {
    let screen = Screen::new();
    let options = match options(lexopt::Parser::from_env()) {
        Ok(Some(options)) => options,
        Ok(None) => {
            screen.line(format!("{HELP}{ENVIRONMENT}"));
            return ExitCode::SUCCESS;
        }
        Err(e) => return complain(64, &format!("usage: {e}; see --help")),
    };
    match run(&options, &screen).await {
        Ok(applied) => {
            screen.line(format!("applied: {applied}"));
            ExitCode::SUCCESS
        }
        Err((End::Review(why), _)) => {
            screen.line(format!("needs review: {why}"));
            ExitCode::from(4)
        }
        Err((End::Partly(partly), ends_invalid)) => {
            show(&screen, &partly.lines);
            let (code, word) = verdict(&partly.first, ends_invalid);
            let line = partly.line(word);
            if code == 4 {
                screen.line(line);
                return ExitCode::from(code);
            }
            complain(code, &line)
        }
        Err((End::Usage(what), _)) => complain(64, &format!("usage: {what}")),
        Err((End::Other(what), _)) => complain(1, &format!("failed: {what}; nothing was written")),
        Err((End::Unread(what), _)) => {
            complain(1, &format!("failed: {what}; what was asked for is written, but cannot be shown"))
        }
        Err((End::Ai(e), ends_invalid)) => {
            let (code, word) = verdict(&e, ends_invalid);
            complain(code, &format!("{word}: {e}; nothing was written"))
        }
    }
}

/// The exit code of a failure: 2 where whole answers came and broke the rules, 3 where the provider gave
/// no whole answer, 4 where a person must look first.
fn verdict(error: &AiError, ends_invalid: bool) -> (u8, &'static str) {
    match error {
        AiError::Invalid { .. } => (2, "refused by validation"),
        AiError::CallsUsedUp { .. } | AiError::Deadline if ends_invalid => (2, "refused by validation"),
        AiError::Provider(_)
        | AiError::Refused { .. }
        | AiError::Truncated
        | AiError::Stopped { .. }
        | AiError::CallsUsedUp { .. }
        | AiError::Deadline => (3, "the provider failed"),
        AiError::NeedsReview { .. } => (4, "needs review"),
        _ => (1, "failed"),
    }
}

/// One line on standard error; nothing where nobody reads it.
fn complain(code: u8, what: &str) -> ExitCode {
    use std::io::Write as _;
    let line: String = what.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let _ = writeln!(std::io::stderr(), "{line}");
    ExitCode::from(code)
}

async fn run(options: &Options, screen: &Screen) -> Result<String, (End, bool)> {
    let (chosen, lms) = open(options, screen).await.map_err(|end| (end, false))?;
    let ai = chosen.ai(lms);
    screen.line(format!("AI         {}", chosen.said()));
    let (session, name) = jobs::session(&ai, &options.who, &options.job).await.map_err(|end| (end, false))?;
    let ai = match options.max_cost {
        None => ai,
        Some(most) => {
            let operations = jobs::operations(&ai, &session, options).await.map_err(|end| (end, false))?;
            chosen.ai_with(ai.lms().clone(), |config| config.operation_limit_micro_usd = Some(most / operations))
        }
    };
    screen.line(format!("As         {name}"));
    let lms = ai.lms();
    let operation = options.operation.unwrap_or_else(|| lms.ids().uuid(lms.now()));
    let other = |e: lms_core::Error| (End::from(e), false);
    let before = receipt(&ai, options, operation).await.map_err(other)?.attempts();
    let written = jobs::work(&ai, &session, options, operation).await;
    let receipt = match receipt(&ai, options, operation).await {
        Ok(receipt) => receipt,
        // How the work ended is worth more than what the log has of it.
        Err(e) => {
            let ended = match written {
                Ok(Written { review: None, .. }) => End::Unread(e.to_string()),
                Ok(Written { review: Some(why), .. }) => End::Review(why),
                Err(end) => end,
            };
            return Err((ended, false));
        }
    };
    receipt.print(screen, before);
    let written = match written {
        Err(End::Partly(partly)) => {
            let ends_invalid = receipt.ends_invalid(partly.topic.map(TopicId::uuid));
            return Err((End::Partly(partly), ends_invalid));
        }
        Err(End::Ai(AiError::NeedsReview { operation, .. })) => {
            let found = proposals::read(&ai, &session, operation).await.map_err(|end| (end, false))?;
            found.lines(&Selection::all()).iter().for_each(|line| screen.line(line));
            return Err((End::Review(found.waits()), false));
        }
        written => written.map_err(|end| (end, receipt.ends_invalid(None)))?,
    };
    written.before.iter().for_each(|line| screen.line(line));
    show(screen, &written.lines);
    match written.review {
        Some(why) => Err((End::Review(why), false)),
        None => Ok(written.applied),
    }
}

fn show(screen: &Screen, lines: &[String]) {
    for (n, line) in lines.iter().enumerate() {
        screen.line(format!("{:<11}{line}", if n == 0 { "Written" } else { "" }));
    }
}

async fn receipt(ai: &Ai, options: &Options, operation: uuid::Uuid) -> Result<Receipt, lms_core::Error> {
    match options.job {
        Job::Grade { submission } => Receipt::about(ai.lms(), submission).await,
        Job::Bodies { course, .. } => Receipt::texts(ai.lms(), course).await,
        Job::Apply { operation, .. } | Job::Show { operation } => Receipt::of(ai.lms(), operation).await,
        _ => Receipt::of(ai.lms(), operation).await,
    }
}

/// The database and the provider.
async fn open(options: &Options, screen: &Screen) -> Result<(Chosen, Lms), End> {
    let chosen = Chosen::from_env().map_err(|e| End::Usage(e.to_string()))?;
    // What is written here stays: who has named another provider halfway is asked first.
    if let Some(name) = chosen.unused() {
        return Err(End::Usage(format!("{name} is set, and does not say enough; set LMS_AI_PROVIDER, too")));
    }
    let argument = options.store.as_deref().unwrap_or("sqlite:out/lms.db");
    if let Some(path) = argument.strip_prefix("sqlite:").map(|path| Path::new(path.strip_prefix("//").unwrap_or(path)))
    {
        match (&options.job, path.parent()) {
            (Job::Course(_), Some(folder)) if !folder.as_os_str().is_empty() => {
                let failed = |e| End::Other(format!("cannot make the folder `{}`: {e}", folder.display()));
                std::fs::create_dir_all(folder).map_err(failed)?;
            }
            (Job::Course(_), _) => {}
            // What is to be worked on is in a database that is there.
            _ if !path.exists() => return Err(End::Other(format!("there is no database at `{}`", path.display()))),
            _ => {}
        }
    } else if !argument.starts_with("postgres://") && !argument.starts_with("postgresql://") {
        return Err(End::Usage(format!("--store takes sqlite:PATH or postgres://…, not `{argument}`")));
    }
    let opened = store::open(Some(argument), Path::new("out")).await.map_err(|e| End::Other(e.to_string()))?;
    let lms = Lms::over(opened.store()).build();
    lms.migrate().await.map_err(|e| End::Other(format!("cannot use `{}`: {e}", opened.name())))?;
    screen.line(format!("Database   {}", opened.name()));
    Ok((chosen, lms))
}
