use std::sync::Arc;
use std::time::Duration;

use lms_core::ai::{AiProvider, ProviderError, ProviderErrorKind as Kind, Retry, Stop, Usage};
use tokio::time::Instant;

use super::request;
use crate::provider::{Reply, Scripted, Secret};

#[tokio::test]
async fn it_answers_in_order_and_records_what_it_was_asked() {
    let usage = Usage { input: 7, output: 8, ..Usage::default() };
    let overloaded = ProviderError::new(Kind::Overloaded, Retry::After(Duration::from_secs(3)));
    let provider = Arc::new(
        Scripted::new()
            .then(Reply::text("one").usage(usage))
            .then_error(overloaded.clone())
            .then(Reply::text("three").stop(Stop::Truncated).model("other")),
    );
    let mut second = request();
    second.meta.attempt = 2;

    let one = provider.complete(&request()).await.unwrap();
    assert_eq!((one.text.as_str(), one.usage, one.model.as_str()), ("one", usage, "claude-sonnet-5-5"));
    assert_eq!(provider.complete(&second).await.unwrap_err(), overloaded);
    let three = provider.complete(&request()).await.unwrap();
    assert_eq!((three.stop, three.raw_stop.as_str(), three.model.as_str()), (Stop::Truncated, "truncated", "other"));

    assert_eq!((provider.calls(), provider.remaining()), (3, 0));
    assert_eq!(provider.requests(), [request(), second, request()]);
}

#[tokio::test]
async fn an_empty_script_is_an_error_that_is_not_retried() {
    let provider = Scripted::new();
    let error = provider.complete(&request()).await.unwrap_err();
    assert_eq!((error.kind, error.retry), (Kind::Protocol, Retry::Never));
    assert!(error.excerpt.contains("call 1"), "{}", error.excerpt);
    assert_eq!(provider.calls(), 1);
    provider.push(Reply::json(&serde_json::json!({ "a": 1 })));
    assert_eq!(provider.complete(&request()).await.unwrap().text, r#"{"a":1}"#);
}

#[tokio::test(start_paused = true)]
async fn a_delay_is_kept_and_the_deadline_wins() {
    let provider = Scripted::new()
        .with_delay(Duration::from_secs(4))
        .then(Reply::text("slow"))
        .then(Reply::text("too slow").delay(Duration::from_secs(60)));
    let start = Instant::now();
    assert_eq!(provider.complete(&request()).await.unwrap().latency, Duration::from_secs(4));
    assert_eq!(start.elapsed(), Duration::from_secs(4));
    let error = provider.complete(&request()).await.unwrap_err();
    assert_eq!((error.kind, error.retry), (Kind::Timeout, Retry::Now));
    assert_eq!(start.elapsed(), Duration::from_secs(24));
}

#[test]
fn a_secret_shows_nothing() {
    let secret = Secret::new("sk-ant-very-secret");
    assert_eq!(format!("{secret:?}"), "Secret(..)");
    assert_eq!(secret.expose(), "sk-ant-very-secret");
    assert!(Secret::new(" \n").is_blank() && !secret.is_blank());
}
