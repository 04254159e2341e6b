//! What a service may do, over a real connection, with both adapters and on both stores: nothing of it
//! changes a row by halves, and every attempt is in the log.
#![cfg(feature = "http")]
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "these are tests")]

mod hostile;
mod http;
#[path = "support/postgres.rs"]
mod postgres;
mod support;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use hostile::On;
use http::cases::{Case, cases};
use http::server::{Server, nobody};
use http::speech::{KEY, Speech};
use lms_ai::AiError;
use lms_core::ai::Stop;
use lms_core::model::{AiLog, AiLogStatus};
use lms_core::store::Store;
use support::{ESSAY, Snapshot, Tables, What, World, differences};
use uuid::Uuid;

/// No answer makes this process larger than that, all suites at once.
const MEMORY_KIB: u64 = 700 * 1024;
/// What a service can send at most before it is cut off: our cap, and what the system's buffers hold.
const ENDLESS: usize = 24 * 1024 * 1024;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_sqlite_with_anthropic() {
    let world = World::memory().await;
    wire(&world, Speech::Anthropic).await;
    content(&world, Speech::Anthropic).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_sqlite_with_openai() {
    wire(&World::memory().await, Speech::OpenAi).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_postgres_with_anthropic() {
    wire(&World::postgres().await, Speech::Anthropic).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_postgres_with_openai() {
    let world = World::postgres().await;
    wire(&world, Speech::OpenAi).await;
    content(&world, Speech::OpenAi).await;
}

// rules: I1, I2
async fn wire<S: Store + Snapshot + Clone>(world: &World<S>, speech: Speech) {
    let mut failures = Vec::new();
    let mut before = world.tables().await;
    for (n, case) in cases().into_iter().enumerate().filter(|(_, case)| case.by.contains(&speech)) {
        let started = Instant::now();
        match try_wire(world, speech, &case, Uuid::from_u128(n as u128 + 1), &before).await {
            Ok(after) => before = after,
            Err(what) => {
                failures.push(format!("{}: {what}", case.name));
                world.store.settle().await.unwrap();
                before = world.tables().await;
            }
        }
        if started.elapsed() > Duration::from_secs(20) {
            failures.push(format!("{}: took {:?}", case.name, started.elapsed()));
        }
    }
    assert!(failures.is_empty(), "{}:\n{}", speech.name(), failures.join("\n"));
    if let Some(peak) = peak_kib() {
        assert!(peak < MEMORY_KIB, "the process grew to {peak} KiB");
    }
}

async fn try_wire<S: Store + Snapshot + Clone>(
    world: &World<S>,
    speech: Speech,
    case: &Case,
    operation: Uuid,
    before: &Tables,
) -> Result<Tables, String> {
    let server = match case.act.clone() {
        Some(act) => Some(Server::with(move |number, asked| act(speech, number, asked)).await),
        None => None,
    };
    let url = match &server {
        Some(server) => server.url.clone(),
        None => nobody().await,
    };
    let ai = world.ai_with(speech.provider(&url), |config| {
        speech.model(case.streamed).clone_into(&mut config.model);
        config.max_retries = case.retries;
        config.attempt_deadline = if case.hurried { Duration::from_millis(1_200) } else { Duration::from_secs(15) };
    });
    let outcome = world.run(&ai, What::Outline, operation).await;
    let rows = world.operation(operation).await;
    let log: Vec<String> = rows.iter().map(told).collect();
    let code = outcome.as_ref().err().map(AiError::code);
    if code != case.error || log != case.log {
        return Err(format!("{code:?} {log:?}, not {:?} {:?}: {outcome:?}", case.error, case.log));
    }
    if outcome.is_ok() {
        world.store.settle().await.unwrap();
    }
    let after = world.tables().await;
    let changed: BTreeMap<String, usize> =
        differences(before, &after).into_iter().map(|(name, before, after)| (name, after - before)).collect();
    let written = [("courses", 1), ("lessons", 3), ("objectives", 3), ("topics", 6)];
    match case.error {
        Some(_) if !changed.is_empty() => return Err(format!("it changed {changed:?}")),
        None if written.iter().any(|(table, rows)| changed.get(*table) != Some(rows)) => {
            return Err(format!("it is not written whole: {changed:?}"));
        }
        _ => {}
    }
    if let Some(server) = &server {
        let asked = server.asked();
        if asked.len() != rows.len() {
            return Err(format!("{} attempts on the wire and {} rows", asked.len(), rows.len()));
        }
        let streamed = asked.first().is_some_and(|asked| asked.json()["stream"] == true);
        if streamed != case.streamed || server.sent() > ENDLESS {
            return Err(format!("streamed: {streamed}; {} bytes went out", server.sent()));
        }
    }
    let error = outcome.err().map(|error| format!("{error} {error:?} {error:#?}")).unwrap_or_default();
    clean(&rows, &error)?;
    Ok(after)
}

/// A row in a few words: its status, and the kind of its error.
fn told(row: &AiLog) -> String {
    let status = serde_json::to_value(row.status).unwrap();
    [status.as_str(), row.error_kind.as_deref()].into_iter().flatten().collect::<Vec<_>>().join(" ")
}

/// No key anywhere, and no row that a service could blow up.
fn clean(rows: &[AiLog], error: &str) -> Result<(), String> {
    let kept = serde_json::to_string(rows).unwrap();
    for part in [KEY, "Very_Secret", "9753124680"] {
        if kept.contains(part) || error.contains(part) {
            return Err(format!("`{part}` is told: {error}"));
        }
    }
    for row in rows {
        let words = [&row.model_served, &row.request_id, &row.message_id, &row.stop_reason];
        if words.into_iter().flatten().any(|word| word.chars().count() > 200 || word.contains(char::is_control)) {
            return Err(format!("a word of the service is in attempt {} as it came", row.attempt));
        }
        let kept = row.response_text.as_deref().map_or(0, str::len);
        if row.completed_at.is_none() || kept > 512 * 1024 {
            return Err(format!("attempt {} is not closed as it should be", row.attempt));
        }
        let answered = !matches!(row.status, AiLogStatus::ProviderError | AiLogStatus::Timeout);
        if answered != row.response_text.is_some() || answered && row.http_status.is_some() {
            return Err(format!("attempt {} has an answer and an error, or neither", row.attempt));
        }
        if row.http_status.is_some_and(|status| (200..300).contains(&status)) && row.charged_micro_usd == 0 {
            return Err(format!("attempt {} broke off after a success, and costs nothing", row.attempt));
        }
        if row.status == AiLogStatus::Refused && kept > 0 {
            return Err("the text of a refusal was kept".to_owned());
        }
    }
    Ok(())
}

// rules: I1, I2, L6, S11, S15
async fn content<S: Store + Snapshot + Clone>(world: &World<S>, speech: Speech) {
    let mut failures = Vec::new();
    for (n, case) in hostile::cases().into_iter().enumerate() {
        if case.replies.iter().all(|(_, stop)| speech.word(stop).is_some()) {
            let name = case.name;
            if let Err(what) = try_content(world, speech, case, Uuid::from_u128(n as u128 + 10_001)).await {
                failures.push(format!("{name}: {what}"));
            }
        }
    }
    assert!(failures.is_empty(), "{}:\n{}", speech.name(), failures.join("\n"));
}

async fn try_content<S: Store + Snapshot + Clone>(
    world: &World<S>,
    speech: Speech,
    case: hostile::Case,
    operation: Uuid,
) -> Result<(), String> {
    let what = match case.on {
        On::Outline => What::Outline,
        On::Body => What::Body,
        On::Quiz => What::Quiz,
        On::Assignment => What::Assignment,
        On::Grade => What::Grade(world.work(ESSAY).await),
    };
    if case.on == On::Grade {
        world.store.settle().await.unwrap();
    }
    let before = world.tables().await;
    let replies = case.replies.clone();
    let server = Server::with(move |number, asked| {
        let (text, stop): &(String, Stop) = &replies[number.min(replies.len() - 1)];
        let text = speech.check_code(asked).map_or_else(|| text.clone(), |code| text.replace("$CHECK", &code));
        let mut message = speech.message(&text, speech.word(stop).unwrap());
        message["model"] = asked.json()["model"].clone();
        speech.ok(&message)
    })
    .await;
    let ai = world.ai_with(speech.provider(&server.url), |config| {
        speech.model(false).clone_into(&mut config.model);
    });
    let Err(error) = world.run(&ai, what, operation).await else { return Err("it was accepted".into()) };
    let code = match &error {
        AiError::Invalid { violations } => violations[0].code,
        _ => "",
    };
    if (error.code(), code) != (case.error, case.code) {
        return Err(format!("{} {code}, not {} {}: {error}", error.code(), case.error, case.code));
    }
    let changed = differences(&before, &world.tables().await);
    if !changed.is_empty() {
        return Err(format!("it changed {changed:?}"));
    }
    let rows = world.operation(world.operation_of(what, operation).await).await;
    let statuses: Vec<_> = rows.iter().map(|row| row.status).collect();
    if statuses != case.log || server.asked().len() != rows.len() {
        return Err(format!("the log has {statuses:?} for {} attempts on the wire", server.asked().len()));
    }
    clean(&rows, &format!("{error} {error:?}"))
}

/// The most memory that this process has had, where the system tells.
fn peak_kib() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB")?.trim().parse().ok())
}

/// The tables of docs/ai-safety.md: every case of both suites and what comes of it.
fn listed() -> String {
    let mut page = "| case | from | the caller gets | in `ai_logs` |\n|---|---|---|---|\n".to_owned();
    for case in cases() {
        let from: Vec<_> = case.by.iter().map(|speech| speech.name()).collect();
        let gets = case.error.map_or_else(|| "what was asked for".to_owned(), |code| format!("`{code}`"));
        page.push_str(&format!("| {} | {} | {gets} | {} |\n", case.name, from.join(", "), case.log.join(" · ")));
    }
    page.push_str(
        "\n### What the answer says\n\n| case | in answer to | the caller gets | in `ai_logs` |\n|---|---|---|---|\n",
    );
    for case in hostile::cases() {
        let asked = format!("{:?}", case.on).to_lowercase();
        let gets = match case.code {
            "" => format!("`{}`", case.error),
            code => format!("`{}` with `{code}`", case.error),
        };
        let log: Vec<_> = case.log.iter().map(|status| serde_json::to_value(status).unwrap()).collect();
        let log: Vec<_> = log.iter().filter_map(|status| status.as_str()).collect();
        page.push_str(&format!("| {} | {asked} | {gets} | {} |\n", case.name, log.join(" · ")));
    }
    page
}

/// With `UPDATE_DOCS=1` in the environment the page is written.
#[test]
fn the_page_lists_every_case() {
    let (wire, content) = (cases(), hostile::cases());
    assert!(wire.len() >= 60 && content.len() >= 60, "{} and {}", wire.len(), content.len());
    let names: std::collections::BTreeSet<_> = wire.iter().map(|case| case.name).collect();
    assert_eq!(names.len(), wire.len(), "a name stands for one case");
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/ai-safety.md");
    let page = std::fs::read_to_string(path).unwrap();
    let (head, _) = page.split_once("### What happens on the wire\n").unwrap();
    let (before, after) = head.split_once("lists the ").unwrap();
    let (_, after) = after.split_once(' ').unwrap();
    let number = wire.len() + content.len();
    let expected = format!("{before}lists the {number} {after}### What happens on the wire\n\n{}", listed());
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(path, &expected).unwrap();
    }
    assert!(page == expected, "docs/ai-safety.md is not what the suite does: UPDATE_DOCS=1 writes it");
}
