//! What differs from service to service.

use std::fmt;
use std::str::FromStr;

use serde_json::{Map, Value, json};

use super::super::http::ConfigError;
use super::super::profiles::Profiles;

/// How the shape of the answer is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Structured {
    /// `response_format` with the schema: the service keeps the model to it.
    JsonSchema,
    /// `response_format` asks for an object, and the prompt holds the schema.
    JsonObject,
    /// Ollama's own interface, with the schema as `format`.
    OllamaFormat,
    /// Only the prompt tells: nothing is asked of the service.
    PromptOnly,
}

/// The field of a request that bounds the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TokenField {
    /// `max_tokens`, which most services know.
    MaxTokens,
    /// `max_completion_tokens`, which OpenAI's newer models ask for.
    MaxCompletionTokens,
}

/// A service that is known by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Preset {
    /// OpenAI itself.
    OpenAi,
    /// Ollama on this machine, by its own interface, which lets the size of the context be set: its other
    /// one cuts long prompts without a word.
    Ollama,
    /// A vLLM server.
    Vllm,
    /// The server of llama.cpp.
    LlamaCpp,
    /// OpenRouter, which passes on to models of many vendors.
    OpenRouter,
    /// Any other service that speaks the language: only what most of them know is sent.
    Compatible,
}

/// What a preset sets.
pub(super) struct Set {
    pub(super) name: &'static str,
    pub(super) base_url: &'static str,
    pub(super) max_tokens_field: TokenField,
    pub(super) structured: Structured,
    pub(super) schema_in_prompt: bool,
    pub(super) key_needed: bool,
    pub(super) extra_body: Map<String, Value>,
    pub(super) profiles: Profiles,
}

impl Preset {
    /// Every one.
    pub const ALL: [Self; 6] =
        [Self::OpenAi, Self::Ollama, Self::Vllm, Self::LlamaCpp, Self::OpenRouter, Self::Compatible];

    /// Its name: for settings, and as the provider's name in the log.
    pub const fn name(self) -> &'static str {
        match self {
            Self::OpenAi => "openai",
            Self::Ollama => "ollama",
            Self::Vllm => "vllm",
            Self::LlamaCpp => "llama.cpp",
            Self::OpenRouter => "openrouter",
            Self::Compatible => "compatible",
        }
    }

    /// The preset that an address belongs to, as far as it can be told.
    pub fn of_address(address: &str) -> Self {
        let rest = address.split_once("://").map_or(address, |(_, rest)| rest);
        let host = rest.split('/').next().unwrap_or_default().to_ascii_lowercase();
        let name = host.split(':').next().unwrap_or_default();
        match name {
            "api.openai.com" => Self::OpenAi,
            "openrouter.ai" => Self::OpenRouter,
            _ if host.ends_with(":11434") => Self::Ollama,
            _ => Self::Compatible,
        }
    }

    pub(super) fn set(self) -> Set {
        let own = |base_url| Set {
            name: self.name(),
            base_url,
            max_tokens_field: TokenField::MaxTokens,
            structured: Structured::JsonSchema,
            // A grammar keeps the model to the schema and does not tell it what the fields mean.
            schema_in_prompt: true,
            key_needed: false,
            extra_body: Map::new(),
            profiles: Profiles::own_machine(),
        };
        match self {
            Self::OpenAi => Set {
                max_tokens_field: TokenField::MaxCompletionTokens,
                schema_in_prompt: false,
                key_needed: true,
                profiles: Profiles::openai(),
                ..own("https://api.openai.com/v1")
            },
            Self::Ollama => Set { structured: Structured::OllamaFormat, ..own("http://localhost:11434") },
            Self::Vllm => own("http://localhost:8000/v1"),
            Self::LlamaCpp => own("http://localhost:8080/v1"),
            Self::OpenRouter => Set {
                schema_in_prompt: false,
                key_needed: true,
                // Without this, a request may go to a service that ignores the schema.
                extra_body: json!({ "provider": { "require_parameters": true } })
                    .as_object()
                    .cloned()
                    .unwrap_or_default(),
                profiles: Profiles::openrouter(),
                ..own("https://openrouter.ai/api/v1")
            },
            Self::Compatible => Set { profiles: Profiles::unknown(), ..own("http://localhost:8080/v1") },
        }
    }
}

impl fmt::Display for Preset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Preset {
    type Err = ConfigError;

    fn from_str(name: &str) -> Result<Self, ConfigError> {
        let known = Self::ALL.map(Self::name).join(", ");
        Self::ALL
            .into_iter()
            .find(|preset| preset.name().eq_ignore_ascii_case(name))
            .ok_or_else(|| ConfigError::UnknownPreset(name.to_owned(), known))
    }
}
