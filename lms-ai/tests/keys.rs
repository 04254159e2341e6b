//! A provider's key goes into its header, and nowhere else.
#![cfg(feature = "http")]
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "these are tests")]

mod support;

use std::sync::Arc;

use lms_ai::About;
use lms_ai::provider::{Anthropic, OpenAiCompatible, Preset, Secret};
use lms_core::ai::AiProvider;
use lms_core::model::AiLogStatus;
use serde_json::json;
use support::traces::traced;
use support::{World, brief};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

const KEY: &str = "sk-ant-api03-Very_Secret-0123456789";

/// A server that answers with the key in its body, as a gateway might that shows what it was sent.
async fn echoing_server(status: u16) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut asked = Vec::new();
                let head = loop {
                    if let Some(at) = asked.windows(4).position(|bytes| bytes == b"\r\n\r\n") {
                        break at + 4;
                    }
                    if stream.read_buf(&mut asked).await.unwrap_or(0) == 0 {
                        return;
                    }
                };
                let text = String::from_utf8_lossy(&asked).to_lowercase();
                let length = text.lines().find_map(|line| line.strip_prefix("content-length: ")?.trim().parse().ok());
                while asked.len() < head + length.unwrap_or(0) {
                    if stream.read_buf(&mut asked).await.unwrap_or(0) == 0 {
                        return;
                    }
                }
                assert!(String::from_utf8_lossy(&asked).contains(KEY), "the key is in its header");
                let message = format!("invalid x-api-key: {KEY}");
                let body =
                    json!({ "type": "error", "error": { "type": "some_error", "message": message } }).to_string();
                let head =
                    format!("HTTP/1.1 {status} X\r\nrequest-id: req_1\r\ncontent-length: {}\r\n\r\n", body.len());
                let _ = stream.write_all(format!("{head}{body}").as_bytes()).await;
                let _ = stream.shutdown().await;
            });
        }
    });
    url
}

#[tokio::test]
async fn a_key_is_in_no_log_no_error_no_debug_and_no_trace() {
    let traces = traced();
    let world = World::memory().await;
    let secret = Secret::new(KEY);
    assert_eq!(format!("{secret:?} {secret:#?}"), "Secret(..) Secret(..)");
    let mut said = String::new();
    let address = format!("https://user:{KEY}@gateway.example");
    said.push_str(&format!("{:?}", Anthropic::builder("sk-another-key").base_url(&address)));
    said.push_str(&format!("{:?}", OpenAiCompatible::preset(Preset::OpenAi).base_url(&address)));
    for status in [200, 400, 401, 403, 404, 429, 500] {
        let url = echoing_server(status).await;
        let builder = Anthropic::builder(KEY).base_url(&url);
        said.push_str(&format!("{builder:?}"));
        let claude = builder.build().unwrap();
        let builder = OpenAiCompatible::preset(Preset::OpenRouter).base_url(&url).api_key(KEY);
        said.push_str(&format!("{claude:?} {builder:?}"));
        let other = builder.build().unwrap();
        said.push_str(&format!("{other:?}"));
        let providers: [Arc<dyn AiProvider>; 2] = [Arc::new(claude), Arc::new(other)];
        for provider in providers {
            let ai = world.ai_with(provider, |config| config.max_retries = 0);
            said.push_str(&format!("{ai:?} {:?}", ai.grader()));
            let error = ai.create_course(&world.teacher(), &brief(), About::default()).await.unwrap_err();
            said.push_str(&format!("{error} {error:?} {error:#?}"));
            let mut cause: Option<&dyn std::error::Error> = Some(&error);
            while let Some(one) = cause {
                said.push_str(&format!("{one} {one:?}"));
                cause = one.source();
            }
        }
    }
    let rows = world.logs().await;
    assert_eq!(rows.len(), 14);
    assert!(rows.iter().all(|row| row.status == AiLogStatus::ProviderError && row.response_text.is_none()));
    said.push_str(&serde_json::to_string(&rows).unwrap());
    said.push_str(&format!("{rows:?} {:?}", world.tables().await));
    let traces = traces.text();
    assert!(traces.contains("ai.run") && said.contains("auth"));
    for part in [KEY, "Very_Secret", "0123456789"] {
        assert!(!said.contains(part), "{part}: {said}");
        assert!(!traces.contains(part), "{part} was traced");
    }
}
