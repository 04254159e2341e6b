//! Which provider answers, by the environment: the same for every program of this crate.

use std::sync::Arc;

use lms_ai::offline::{OFFLINE_MODEL, Offline};
use lms_ai::provider::{Anthropic, OpenAiCompatible, Preset};
use lms_ai::{Ai, AiConfig};
use lms_core::Lms;
use lms_core::ai::AiProvider;

/// What the environment may say, for the help texts.
pub const ENVIRONMENT: &str = "\
  LMS_AI_PROVIDER      anthropic, openai, ollama, vllm, llamacpp, openrouter, compatible or offline
                       (default: anthropic where its key is set; else, where LMS_AI_MODEL is, by
                       OPENAI_BASE_URL and OPENAI_API_KEY; else offline)
  LMS_AI_MODEL         the model; Claude alone has a default
  ANTHROPIC_API_KEY    the key for Claude; ANTHROPIC_BASE_URL is another address
  OPENAI_API_KEY       the key for the others, where they need one
  OPENAI_BASE_URL      another address for them";

/// The provider that the environment asks for.
pub struct Chosen {
    provider: Arc<dyn AiProvider>,
    model: String,
    said: String,
    unused: Option<&'static str>,
}

impl std::fmt::Debug for Chosen {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Chosen").field("provider", &self.provider.name()).field("model", &self.model).finish()
    }
}

/// Why there is no provider; in words, never with a key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct NoProvider(String);

impl Chosen {
    /// By the variables of the process.
    ///
    /// # Errors
    /// What of the environment is missing or wrong.
    pub fn from_env() -> Result<Self, NoProvider> {
        Self::from_vars(|name| std::env::var(name).ok())
    }

    /// The same from any source of variables; blank ones count as not set.
    ///
    /// # Errors
    /// What is missing or wrong.
    pub fn from_vars(get: impl Fn(&str) -> Option<String>) -> Result<Self, NoProvider> {
        let var = |name: &str| {
            let value = get(name).map(|value| value.trim().to_owned()).filter(|value| !value.is_empty())?;
            // A name without its dot is as good.
            let dotless = name == "LMS_AI_PROVIDER" && value.eq_ignore_ascii_case("llamacpp");
            Some(if dotless { Preset::LlamaCpp.name().to_owned() } else { value })
        };
        let model = || var("LMS_AI_MODEL").map(|_| "LMS_AI_MODEL");
        let named = var("LMS_AI_PROVIDER").map(|name| name.to_ascii_lowercase());
        match named.as_deref() {
            Some("anthropic") => claude(&var),
            Some("offline") => Ok(Chosen { unused: None, ..offline(model(), "") }),
            Some(other) if other.parse::<Preset>().is_ok() => compatible(&var),
            Some(other) => {
                let presets = Preset::ALL.map(Preset::name).join(", ");
                Err(NoProvider(format!("LMS_AI_PROVIDER is `{other}`; it takes anthropic, offline, {presets}")))
            }
            None if var("ANTHROPIC_API_KEY").is_some() => claude(&var),
            None => {
                let others = ["OPENAI_API_KEY", "OPENAI_BASE_URL"].into_iter().find(|name| var(name).is_some());
                match (others, model()) {
                    (Some(_), Some(_)) => compatible(&var),
                    // A key that is there for other programs is no wish to have this one pay with it.
                    (Some(name), None) => Ok(offline(Some(name), " without LMS_AI_MODEL")),
                    _ if var("ANTHROPIC_BASE_URL").is_some() => {
                        Ok(offline(Some("ANTHROPIC_BASE_URL"), " without its key"))
                    }
                    (None, model) => Ok(offline(model, "")),
                }
            }
        }
    }

    /// AI over the library.
    pub fn ai(&self, lms: Lms) -> Ai {
        Ai::new(lms, self.provider.clone(), self.model.clone())
    }

    /// The same, with a setting of its own.
    pub fn ai_with(&self, lms: Lms, set: impl FnOnce(&mut AiConfig)) -> Ai {
        let mut config = AiConfig::new(self.model.clone());
        set(&mut config);
        Ai::with_config(lms, self.provider.clone(), config)
    }

    /// The variable that looks like a wish for another provider than the built-in one, and is not enough for it.
    pub const fn unused(&self) -> Option<&'static str> {
        self.unused
    }

    /// Who is asked, in words.
    pub fn said(&self) -> &str {
        &self.said
    }

    /// The model.
    pub fn model(&self) -> &str {
        &self.model
    }
}

/// The provider that asks nobody, and what of the environment it leaves unused.
fn offline(unused: Option<&'static str>, why: &str) -> Chosen {
    let not_used = unused.map_or_else(String::new, |name| format!("; {name}{why} is not used"));
    Chosen {
        provider: Arc::new(Offline),
        model: OFFLINE_MODEL.to_owned(),
        said: format!(
            "none asked: the built-in offline provider extracts from the source (set ANTHROPIC_API_KEY for \
             Claude){not_used}"
        ),
        unused,
    }
}

fn claude(var: &impl Fn(&str) -> Option<String>) -> Result<Chosen, NoProvider> {
    let claude = Anthropic::from_vars(var).map_err(|e| NoProvider(e.to_string()))?;
    let model = claude.model().to_owned();
    let said = format!("Claude, model {model} (LMS_AI_MODEL names another; without ANTHROPIC_API_KEY none is asked)");
    Ok(Chosen { provider: Arc::new(claude), model, said, unused: None })
}

/// OpenAI, or a service that speaks its language.
fn compatible(var: &impl Fn(&str) -> Option<String>) -> Result<Chosen, NoProvider> {
    let provider = OpenAiCompatible::from_vars(var).map_err(|e| NoProvider(e.to_string()))?;
    let model = provider.model().to_owned();
    let said = format!("{}, model {model} (LMS_AI_MODEL names another)", provider.name());
    Ok(Chosen { provider: Arc::new(provider), model, said, unused: None })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(vars: &[(&str, &str)]) -> Result<Chosen, NoProvider> {
        Chosen::from_vars(|name| vars.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned()))
    }

    fn provider(vars: &[(&str, &str)]) -> (String, String) {
        let chosen = chosen(vars).unwrap();
        (chosen.provider.name().to_owned(), chosen.model.clone())
    }

    #[test]
    fn a_key_chooses_and_a_name_chooses_over_it() {
        let key = ("ANTHROPIC_API_KEY", "sk-secret");
        assert_eq!(provider(&[]), ("offline".into(), "offline-1".into()));
        assert_eq!(provider(&[("ANTHROPIC_API_KEY", "  ")]).0, "offline");
        assert_eq!(provider(&[key]).0, "anthropic");
        assert_eq!(provider(&[key, ("LMS_AI_MODEL", "claude-opus-5")]), ("anthropic".into(), "claude-opus-5".into()));
        assert_eq!(provider(&[key, ("LMS_AI_PROVIDER", "Offline")]).0, "offline");
        let model = ("LMS_AI_MODEL", "m-1");
        let other = ("OPENAI_API_KEY", "sk-secret");
        assert_eq!(provider(&[other, model]), ("openai".into(), "m-1".into()));
        assert_eq!(provider(&[other, key]).0, "anthropic");
        assert_eq!(provider(&[key, model, ("LMS_AI_PROVIDER", "Ollama")]), ("ollama".into(), "m-1".into()));
        for (name, known) in [("llamacpp", "llama.cpp"), ("llama.cpp", "llama.cpp"), ("VLLM", "vllm")] {
            assert_eq!(provider(&[model, ("LMS_AI_PROVIDER", name)]), (known.into(), "m-1".into()));
        }
        assert_eq!(provider(&[model, ("OPENAI_BASE_URL", "http://127.0.0.1:1/v1")]).0, "compatible");
    }

    #[test]
    fn keys_and_addresses_of_other_programs_ask_nobody() {
        for (vars, word) in [
            (&[("OPENAI_API_KEY", "sk-secret")][..], "OPENAI_API_KEY"),
            (&[("OPENAI_BASE_URL", "http://127.0.0.1:1/v1")], "OPENAI_BASE_URL"),
            (&[("ANTHROPIC_BASE_URL", "http://127.0.0.1:1")], "ANTHROPIC_BASE_URL"),
            (&[("LMS_AI_MODEL", "m-1")], "LMS_AI_MODEL"),
        ] {
            let chosen = chosen(vars).unwrap();
            assert_eq!(chosen.provider.name(), "offline");
            assert!(chosen.said().contains(word) && !chosen.said().contains("sk-secret"), "{}", chosen.said());
        }
    }

    #[test]
    fn what_is_missing_or_wrong_is_said_without_the_key() {
        for (vars, word) in [
            (&[("LMS_AI_PROVIDER", "anthropic")][..], "ANTHROPIC_API_KEY"),
            (&[("LMS_AI_PROVIDER", "bard")], "`bard`"),
            (&[("LMS_AI_PROVIDER", "openai"), ("LMS_AI_MODEL", "m-1")], "OPENAI_API_KEY"),
            (&[("ANTHROPIC_API_KEY", "sk-secret"), ("ANTHROPIC_BASE_URL", "http://example.org")], "https"),
            (&[("ANTHROPIC_API_KEY", "sk-secret\u{1}")], "header"),
        ] {
            let said = chosen(vars).unwrap_err().to_string();
            assert!(said.contains(word) && !said.contains("sk-secret"), "{said}");
        }
        assert!(!format!("{:?}", chosen(&[("ANTHROPIC_API_KEY", "sk-secret")]).unwrap()).contains("sk-secret"));
    }
}
