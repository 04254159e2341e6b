//! How a provider is set up.

use std::time::Duration;

use reqwest::Url;

use super::super::Profiles;

/// Why a provider cannot be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// There is no key.
    #[error("no API key: set `{0}` or pass one")]
    MissingKey(&'static str),
    /// There is no model to ask.
    #[error("no model: set `LMS_AI_MODEL` to one that the service has, or pass one")]
    MissingModel,
    /// The key has characters that no header can carry.
    #[error("the API key has characters that a header cannot carry")]
    UnusableKey,
    /// A header of the host's has a name or a value that none can have.
    #[error("`{0}` is not a header that can be sent")]
    BadHeader(String),
    /// A field of the host's is one that the provider writes itself.
    #[error("the field `{0}` of a request is the provider's own")]
    ReservedField(String),
    /// No provider is called that.
    #[error("there is no provider `{0}`; there are {1}")]
    UnknownPreset(String, String),
    /// The address is none.
    #[error("the base address `{0}` is not an http or https address without query and credentials")]
    BadBaseUrl(String),
    /// Everything that is sent would travel in the clear.
    #[error("the base address `{0}` is not https: texts and key would travel in the clear; allow it explicitly")]
    PlainHttp(String),
    /// The HTTP client cannot be made.
    #[error("cannot make the HTTP client: {0}")]
    Client(String),
}

/// What every provider behind HTTP is made of. It has no `Debug`: the address may hold credentials.
#[derive(Clone)]
pub(in crate::provider) struct Settings {
    pub(in crate::provider) base_url: String,
    pub(in crate::provider) model: String,
    pub(in crate::provider) profiles: Profiles,
    pub(in crate::provider) plain_http: bool,
    pub(in crate::provider) answer_cap: usize,
    pub(in crate::provider) idle: Duration,
}

impl Settings {
    pub(in crate::provider) fn new(base_url: &str, model: &str, profiles: Profiles) -> Self {
        Self {
            base_url: base_url.to_owned(),
            model: model.to_owned(),
            profiles,
            plain_http: false,
            answer_cap: 2 * 1024 * 1024,
            idle: Duration::from_secs(60),
        }
    }

    /// The model of a request, or the one for requests that name none.
    pub(in crate::provider) fn model_of<'a>(&'a self, asked: &'a str) -> &'a str {
        if asked.is_empty() { &self.model } else { asked }
    }
}

/// The settings that every builder has, for one whose field `settings` holds them.
macro_rules! common_settings {
    ($path:literal) => {
        #[doc = concat!("Another address, such as a gateway's; `", $path, "` is appended to its path.")]
        #[must_use]
        pub fn base_url(mut self, base_url: impl Into<String>) -> Self {
            self.settings.base_url = base_url.into();
            self
        }

        /// Another model for requests that name none.
        #[must_use]
        pub fn model(mut self, model: impl Into<String>) -> Self {
            self.settings.model = model.into();
            self
        }

        /// Another table of models and prices.
        #[must_use]
        pub fn profiles(mut self, profiles: Profiles) -> Self {
            self.settings.profiles = profiles;
            self
        }

        /// Whether an `http` address of another machine is taken, such as a gateway in a private network.
        /// This machine's own addresses always are.
        #[must_use]
        pub const fn allow_plain_http(mut self, allow: bool) -> Self {
            self.settings.plain_http = allow;
            self
        }

        /// The most bytes of an answer; 2 MiB unless set. Of a stream it bounds the text and each event, and
        /// what stands around the text may be 256 bytes more for each token that was asked for.
        #[must_use]
        pub const fn answer_cap(mut self, bytes: usize) -> Self {
            self.settings.answer_cap = bytes;
            self
        }

        /// How long a stream may be silent; 60 seconds unless set.
        #[must_use]
        pub const fn idle_timeout(mut self, idle: Duration) -> Self {
            self.settings.idle = idle;
            self
        }
    };
}
pub(in crate::provider) use common_settings;

/// The address of a path under a base, and whether it is on this machine.
pub(super) fn endpoint(base: &str, path: &str, plain_http: bool) -> Result<(Url, bool), ConfigError> {
    let mut url = Url::parse(base.trim()).map_err(|_| ConfigError::BadBaseUrl(shown(base)))?;
    let clean = url.username().is_empty()
        && url.password().is_none()
        && url.query().is_none()
        && url.fragment().is_none()
        && matches!(url.scheme(), "http" | "https");
    let Some(host) = url.host_str().filter(|_| clean) else {
        return Err(ConfigError::BadBaseUrl(shown(base)));
    };
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    let local = bare == "localhost" || bare.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback());
    if url.scheme() == "http" && !local && !plain_http {
        return Err(ConfigError::PlainHttp(shown(base)));
    }
    let whole = format!("{}{path}", url.path().trim_end_matches('/'));
    url.set_path(&whole);
    Ok((url, local))
}

/// An address without what could be a credential: nothing before an `@` and nothing after a `?`.
fn shown(base: &str) -> String {
    let end = base.find(['?', '#']).unwrap_or(base.len());
    let head = base.get(..end).unwrap_or_default();
    head.rsplit('@').next().unwrap_or_default().chars().take(200).collect()
}
