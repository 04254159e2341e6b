use std::time::Duration;

use lms_core::ai::{AiProvider, AiRequest, AiResponse, Part, Stop, Trust, Usage};
use serde_json::{Value, json};

use super::server::{Say, Server, http};
use super::{KEY, request};
use crate::provider::{ConfigError, OpenAiCompatible, OpenAiCompatibleBuilder, Preset, Structured, TokenField};

fn completion(message: Value, finish: &str) -> Value {
    json!({
        "id": "chatcmpl-1", "object": "chat.completion", "created": 1_790_000_000, "model": "served-model",
        "choices": [{ "index": 0, "message": message, "logprobs": null, "finish_reason": finish }],
        "usage": {
            "prompt_tokens": 310, "completion_tokens": 42, "total_tokens": 352,
            "prompt_tokens_details": { "cached_tokens": 300, "audio_tokens": 0 },
            "completion_tokens_details": { "reasoning_tokens": 5 },
        },
    })
}

fn text(content: &str) -> Value {
    completion(json!({ "role": "assistant", "content": content, "refusal": null }), "stop")
}

fn ollama(content: &str, reason: &str) -> Value {
    json!({
        "model": "served-model", "created_at": "2026-11-01T10:00:00Z",
        "message": { "role": "assistant", "content": content },
        "done": true, "done_reason": reason, "total_duration": 5, "prompt_eval_count": 31, "eval_count": 7,
    })
}

pub(super) fn at(server: &Server, preset: Preset) -> OpenAiCompatibleBuilder {
    OpenAiCompatible::preset(preset).base_url(format!("{}/v1", server.url)).api_key(KEY).model("test-model")
}

fn asked() -> AiRequest {
    AiRequest { model: String::new(), ..request() }
}

async fn answered(preset: Preset, body: &Value) -> AiResponse {
    let server = Server::start(Say::Bytes(http(200, "", body.to_string()))).await;
    at(&server, preset).build().unwrap().complete(&asked()).await.unwrap()
}

/// What a provider sends to a server that answers well.
async fn sent(
    build: impl FnOnce(OpenAiCompatibleBuilder) -> OpenAiCompatibleBuilder,
    preset: Preset,
) -> super::server::Asked {
    let body = if preset == Preset::Ollama { ollama("{}", "stop") } else { text("{}") };
    let server = Server::start(Say::Bytes(http(200, "", body.to_string()))).await;
    let provider = build(at(&server, preset)).build().unwrap();
    provider.complete(&AiRequest { temperature: None, ..asked() }).await.unwrap();
    server.asked().remove(0)
}

#[tokio::test]
async fn each_preset_sends_its_golden_request() {
    for (preset, line, golden) in [
        (Preset::OpenAi, "/v1/chat/completions", include_str!("../../../tests/golden/openai_request.json")),
        (Preset::Ollama, "/api/chat", include_str!("../../../tests/golden/ollama_request.json")),
        (Preset::Vllm, "/v1/chat/completions", include_str!("../../../tests/golden/vllm_request.json")),
        (Preset::LlamaCpp, "/v1/chat/completions", include_str!("../../../tests/golden/llama_cpp_request.json")),
        (Preset::OpenRouter, "/v1/chat/completions", include_str!("../../../tests/golden/openrouter_request.json")),
        (Preset::Compatible, "/v1/chat/completions", include_str!("../../../tests/golden/compatible_request.json")),
    ] {
        let asked = sent(|builder| builder, preset).await;
        assert_eq!(asked.line, format!("POST {line} HTTP/1.1"), "{preset}");
        assert_eq!(asked.header("authorization"), Some(format!("Bearer {KEY}").as_str()), "{preset}");
        assert_eq!(asked.header("content-type"), Some("application/json"), "{preset}");
        let golden: Value = serde_json::from_str(golden).unwrap();
        assert_eq!(asked.json(), golden, "{preset}: {:#}", asked.json());
        assert!(!String::from_utf8(asked.body).unwrap().contains(KEY));
    }
}

#[tokio::test]
async fn knobs_change_what_is_sent() {
    let plain = sent(|b| b.structured(Structured::PromptOnly), Preset::Compatible).await.json();
    assert_eq!(plain.get("response_format"), None);
    let object = sent(|b| b.structured(Structured::JsonObject), Preset::Compatible).await.json();
    assert_eq!(object["response_format"], json!({ "type": "json_object" }));
    let tokens = sent(|b| b.max_tokens_field(TokenField::MaxCompletionTokens), Preset::Compatible).await.json();
    assert_eq!((tokens.get("max_tokens"), &tokens["max_completion_tokens"]), (None, &json!(8_000)));
    let extra = sent(
        |b| b.extra_body("reasoning_effort", json!("low")).header("x-team", "physics").header("api-key", "k-123456789"),
        Preset::Vllm,
    )
    .await;
    assert_eq!(extra.json()["reasoning_effort"], "low");
    assert_eq!((extra.header("x-team"), extra.header("api-key")), (Some("physics"), Some("k-123456789")));
    let own = sent(|b| b.extra_body("options", json!({ "num_ctx": 9_000, "seed": 1 })), Preset::Ollama).await.json();
    assert_eq!(own["options"], json!({ "num_ctx": 9_000, "num_predict": 8_000, "seed": 1 }));
}

#[tokio::test]
async fn optional_parts_are_sent_only_when_there_is_something_to_send() {
    let server = Server::start(Say::Bytes(http(200, "", text("{}").to_string()))).await;
    let provider = OpenAiCompatible::preset(Preset::Vllm).base_url(&server.url).build().unwrap();
    let mut asked = request();
    asked.system = " ".into();
    asked.temperature = Some(0.2);
    asked.schema.json = Value::Null;
    asked.parts = vec![Part { label: "t".into(), text: "Do.".into(), trust: Trust::Trusted }];
    provider.complete(&asked).await.unwrap();
    let seen = &server.asked()[0];
    assert_eq!((seen.line.as_str(), seen.header("authorization")), ("POST /chat/completions HTTP/1.1", None));
    let expected = json!({
        "model": "claude-sonnet-5-5", "max_tokens": 8_000, "temperature": 0.2,
        "messages": [{ "role": "user", "content": "# t\nDo." }],
    });
    assert_eq!(seen.json(), expected);
}

#[tokio::test]
async fn an_ollama_context_holds_prompt_and_answer() {
    let server = Server::start(Say::Bytes(http(200, "", ollama("{}", "stop").to_string()))).await;
    let provider = at(&server, Preset::Ollama).build().unwrap();
    for (bytes, max_tokens, context) in [(10, 100, 4_096), (120_000, 6_000, 65_536), (9_000, 1_200, 8_192)] {
        let mut asked = AiRequest { max_tokens, ..asked() };
        asked.parts = vec![Part { label: String::new(), text: "x".repeat(bytes), trust: Trust::Trusted }];
        provider.complete(&asked).await.unwrap();
        assert_eq!(server.asked().last().unwrap().json()["options"]["num_ctx"], context);
    }
}

#[tokio::test]
async fn a_schema_is_native_only_where_the_model_sees_it() {
    let native = |builder: OpenAiCompatibleBuilder| builder.build().unwrap().profile("").native_schema;
    let preset = |preset| OpenAiCompatible::preset(preset).api_key(KEY);
    assert!(native(preset(Preset::OpenAi)) && native(preset(Preset::OpenRouter)));
    for grammar in [Preset::Ollama, Preset::Vllm, Preset::LlamaCpp, Preset::Compatible] {
        assert!(!native(preset(grammar)), "{grammar}");
    }
    assert!(native(preset(Preset::Vllm).schema_in_prompt(false)));
    assert!(!native(preset(Preset::OpenAi).structured(Structured::JsonObject)));
    assert!(!native(preset(Preset::OpenAi).structured(Structured::PromptOnly)));
}

#[tokio::test]
async fn an_answer_is_read() {
    let response = answered(Preset::OpenAi, &text("{\"a\":1}")).await;
    assert_eq!(
        (response.text.as_str(), response.stop, response.raw_stop.as_str()),
        ("{\"a\":1}", Stop::Complete, "stop")
    );
    assert_eq!((response.model.as_str(), response.message_id.as_deref()), ("served-model", Some("chatcmpl-1")));
    assert_eq!(response.request_id.as_deref(), Some("req_h"));
    assert_eq!(response.usage, Usage { input: 10, output: 42, cache_read: 300, cache_write: 0, thinking: 5 });
    assert!(response.latency > Duration::ZERO);

    let local = answered(Preset::Ollama, &ollama("{\"a\":1}", "stop")).await;
    assert_eq!((local.text.as_str(), local.stop, local.model.as_str()), ("{\"a\":1}", Stop::Complete, "served-model"));
    assert_eq!(local.usage, Usage { input: 31, output: 7, ..Usage::default() });
}

#[tokio::test]
async fn every_reason_to_stop_has_its_meaning() {
    for (word, stop) in [
        ("stop", Stop::Complete),
        ("length", Stop::Truncated),
        ("content_filter", Stop::Filtered),
        ("tool_calls", Stop::Other),
        ("function_call", Stop::Other),
        ("something_new", Stop::Other),
    ] {
        let response = answered(Preset::OpenAi, &completion(json!({ "content": "part" }), word)).await;
        assert_eq!((response.stop, response.text.as_str(), response.raw_stop.as_str()), (stop, "part", word));
    }
    let mut silent = text("x");
    silent["choices"][0]["finish_reason"] = Value::Null;
    assert_eq!(answered(Preset::OpenAi, &silent).await.stop, Stop::Other);
    for (word, stop) in [("stop", Stop::Complete), ("length", Stop::Truncated), ("load", Stop::Other)] {
        assert_eq!(answered(Preset::Ollama, &ollama("part", word)).await.stop, stop, "{word}");
    }
}

#[tokio::test]
async fn a_refusal_is_one_whatever_else_is_said() {
    let body = completion(json!({ "content": "{\"half\":", "refusal": "I cannot help." }), "stop");
    let response = answered(Preset::OpenAi, &body).await;
    assert_eq!((response.stop, response.text.as_str()), (Stop::Refused { category: None }, ""));
    assert_eq!(response.raw_stop, "refusal");
    let none = completion(json!({ "content": "{}", "refusal": "" }), "stop");
    assert_eq!(answered(Preset::OpenAi, &none).await.stop, Stop::Complete);
}

#[tokio::test]
async fn content_comes_as_text_as_parts_or_not_at_all() {
    let parts = json!([{ "type": "text", "text": "{\"a\":" }, { "type": "image", "text": 1 }, { "type": "text", "text": "1}" }]);
    for (content, text) in [(Value::Null, ""), (json!(""), ""), (json!("x"), "x"), (parts, "{\"a\":1}")] {
        let response = answered(Preset::OpenAi, &completion(json!({ "content": content }), "stop")).await;
        assert_eq!((response.text.as_str(), response.stop), (text, Stop::Complete));
    }
    // What the model thought is none of the answer.
    let thought = completion(json!({ "content": "", "reasoning_content": "{\"a\":1}" }), "stop");
    assert_eq!(answered(Preset::OpenAi, &thought).await.text, "");
}

#[test]
fn the_environment_is_read() {
    let from = |vars: &'static [(&'static str, &'static str)]| {
        OpenAiCompatible::from_vars(|name| vars.iter().find(|(known, _)| *known == name).map(|(_, v)| (*v).to_owned()))
    };
    let model = ("LMS_AI_MODEL", "m1");
    let shown = |provider: &OpenAiCompatible| format!("{} {:?}", provider.name(), provider);
    assert_eq!(from(&[("OPENAI_API_KEY", "k1")]).unwrap_err(), ConfigError::MissingModel);
    assert_eq!(from(&[("LMS_AI_MODEL", "m1")]).unwrap_err(), ConfigError::MissingKey("OPENAI_API_KEY"));
    assert_eq!(from(&[("LMS_AI_MODEL", "m1"), ("OPENAI_API_KEY", "a\nb")]).unwrap_err(), ConfigError::UnusableKey);
    let _ = model;
    let plain = from(&[("LMS_AI_MODEL", "m1"), ("OPENAI_API_KEY", "k1")]).unwrap();
    assert!(
        shown(&plain).starts_with("openai ") && shown(&plain).contains("https://api.openai.com/v1/chat/completions")
    );
    assert_eq!(plain.model(), "m1");
    for (vars, name, address) in [
        (&[("LMS_AI_MODEL", "m1"), ("OPENAI_BASE_URL", "http://localhost:11434/v1")][..], "ollama", "11434/api/chat"),
        (&[("LMS_AI_MODEL", "m1"), ("OPENAI_BASE_URL", "http://127.0.0.1:9/x/")], "compatible", "9/x/chat/completions"),
        (
            &[("LMS_AI_MODEL", "m1"), ("OPENAI_BASE_URL", "https://openrouter.ai/api/v1"), ("OPENAI_API_KEY", "k")],
            "openrouter",
            "openrouter.ai/api/v1/chat/completions",
        ),
        (&[("LMS_AI_MODEL", "m1"), ("LMS_AI_PROVIDER", "llama.cpp")], "llama.cpp", "8080/v1/chat/completions"),
    ] {
        let provider = OpenAiCompatible::from_vars(|asked| {
            vars.iter().find(|(known, _)| *known == asked).map(|(_, v)| (*v).into())
        })
        .unwrap();
        assert_eq!(provider.name(), name);
        assert!(shown(&provider).contains(address), "{}", shown(&provider));
    }
    let unknown = from(&[("LMS_AI_MODEL", "m1"), ("LMS_AI_PROVIDER", "skynet")]).unwrap_err();
    assert!(unknown.to_string().contains("`skynet`") && unknown.to_string().contains("ollama"), "{unknown}");
}

#[test]
fn what_cannot_be_sent_is_refused_at_once_and_shows_no_secret() {
    let vllm = || OpenAiCompatible::preset(Preset::Vllm);
    assert_eq!(
        vllm().extra_body("messages", json!([])).build().unwrap_err(),
        ConfigError::ReservedField("messages".into())
    );
    assert_eq!(vllm().header("x y", "1").build().unwrap_err(), ConfigError::BadHeader("x y".into()));
    assert_eq!(vllm().header("x", "secret\nvalue").build().unwrap_err(), ConfigError::BadHeader("x".into()));
    assert_eq!(
        vllm().base_url("http://10.0.0.7:8000/v1").build().unwrap_err(),
        ConfigError::PlainHttp("http://10.0.0.7:8000/v1".into())
    );
    assert!(vllm().base_url("http://10.0.0.7:8000/v1").allow_plain_http(true).build().is_ok());
    let builder = vllm().api_key(KEY).header("api-key", "very-secret-value").extra_body("key", json!("also-secret"));
    let shown = format!("{builder:?} {:?}", builder.clone().build().unwrap());
    assert!(!shown.contains("0123456789") && !shown.contains("secret"), "{shown}");
}
