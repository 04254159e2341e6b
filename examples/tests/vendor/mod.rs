//! A server on this machine that speaks as a vendor of models does, and says what a test has it say.
#![allow(dead_code, reason = "every test file takes what it needs")]

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

/// The key of every test; it must turn up nowhere but in its header.
pub(crate) const KEY: &str = "sk-test-0123456789abcdef";

/// Whose language is spoken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Protocol {
    Anthropic,
    OpenAi,
}

pub(crate) const PROTOCOLS: &[Protocol] = &[Protocol::Anthropic, Protocol::OpenAi];

/// What is said to one request.
#[derive(Debug, Clone)]
pub(crate) enum Say {
    /// A whole answer of the model.
    Text(String),
    /// A whole answer, of another model than was asked.
    Other(String),
    /// The answer of a model that ran into its limit.
    Cut(String),
    /// The model refuses.
    Refusal,
    /// An error with this HTTP status.
    Fails(u16),
    /// There is no such model.
    NoModel,
    /// A page for people.
    Html,
    /// The connection ends without a word.
    Nothing,
}

/// What was asked: the header with the key, and the body.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    pub(crate) key: String,
    pub(crate) body: Value,
}

impl Asked {
    /// The code that a grade has to give back: it stands in the frame of the work.
    pub(crate) fn check_code(&self) -> String {
        let text = self.body.to_string();
        let mut codes =
            text.split("UNTRUSTED ").skip(1).map(|rest| rest.chars().take_while(char::is_ascii_hexdigit).collect());
        // The rules name the frame, too, without a code.
        codes.find(|code: &String| code.len() == 24).unwrap_or_else(|| panic!("no work in {text}"))
    }
}

pub(crate) struct Vendor {
    protocol: Protocol,
    url: String,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl Vendor {
    /// Says the same to everybody.
    pub(crate) fn saying(protocol: Protocol, say: Say) -> Self {
        Self::with(protocol, move |_, _| say.clone())
    }

    /// Says what comes of the number of the request, from 0, and the request.
    pub(crate) fn with(protocol: Protocol, answer: impl Fn(usize, &Asked) -> Say + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let asked = Arc::new(Mutex::new(Vec::new()));
        let seen = asked.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let Some(request) = read(&mut stream) else { continue };
                let number = seen.lock().unwrap().len();
                let said = answer(number, &request);
                seen.lock().unwrap().push(request);
                if let Some((status, kind, body)) = protocol.bytes(&said) {
                    let head = format!(
                        "HTTP/1.1 {status} X\r\nconnection: close\r\ncontent-type: {kind}\r\ncontent-length: {}\r\n\r\n",
                        body.len()
                    );
                    let _ = stream.write_all(head.as_bytes());
                    let _ = stream.write_all(body.as_bytes());
                }
            }
        });
        Self { protocol, url, asked }
    }

    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }

    /// The environment of a program that is to ask this vendor.
    pub(crate) fn environment(&self) -> Vec<(&'static str, String)> {
        environment(self.protocol, &self.url)
    }
}

pub(crate) fn environment(protocol: Protocol, url: &str) -> Vec<(&'static str, String)> {
    match protocol {
        Protocol::Anthropic => {
            vec![("ANTHROPIC_API_KEY", KEY.to_owned()), ("ANTHROPIC_BASE_URL", url.to_owned())]
        }
        Protocol::OpenAi => vec![
            ("OPENAI_API_KEY", KEY.to_owned()),
            ("OPENAI_BASE_URL", format!("{url}/v1")),
            ("LMS_AI_PROVIDER", "openai".to_owned()),
            ("LMS_AI_MODEL", "gpt-5.4".to_owned()),
        ],
    }
}

impl Protocol {
    fn bytes(self, said: &Say) -> Option<(u16, &'static str, String)> {
        let (status, body) = match said {
            Say::Nothing => return None,
            Say::Html => return Some((200, "text/html", "<html><body>Welcome</body></html>".to_owned())),
            Say::Text(text) => (200, self.answer(text, Ending::Whole)),
            Say::Other(text) => {
                let mut answer = self.answer(text, Ending::Whole);
                answer["model"] = "another-model".into();
                (200, answer)
            }
            Say::Cut(text) => (200, self.answer(text, Ending::Cut)),
            Say::Refusal => (200, self.answer("I will not.", Ending::Refusal)),
            Say::Fails(status) => (*status, self.error(*status, None)),
            Say::NoModel => (404, self.error(404, Some("model_not_found"))),
        };
        Some((status, "application/json", body.to_string()))
    }

    fn answer(self, text: &str, ending: Ending) -> Value {
        match self {
            Self::Anthropic => json!({
                "id": "msg_01", "type": "message", "role": "assistant", "model": "claude-sonnet-5-5",
                "content": [{ "type": "text", "text": text }],
                "stop_reason": ending.of(["end_turn", "max_tokens", "refusal"]),
                "usage": { "input_tokens": 1000, "output_tokens": 200 },
            }),
            Self::OpenAi => json!({
                "id": "chatcmpl-01", "object": "chat.completion", "model": "gpt-5.4",
                "choices": [{
                    "index": 0,
                    "message": match ending {
                        Ending::Refusal => json!({ "role": "assistant", "content": null, "refusal": text }),
                        _ => json!({ "role": "assistant", "content": text, "refusal": null }),
                    },
                    "finish_reason": ending.of(["stop", "length", "stop"]),
                }],
                "usage": { "prompt_tokens": 1000, "completion_tokens": 200 },
            }),
        }
    }

    fn error(self, status: u16, code: Option<&str>) -> Value {
        // A vendor may well repeat a part of the key.
        let message = format!("something is wrong with {KEY}");
        match self {
            Self::Anthropic => {
                let kind = match status {
                    401 => "authentication_error",
                    404 => "not_found_error",
                    429 => "rate_limit_error",
                    _ => "api_error",
                };
                json!({ "type": "error", "error": { "type": kind, "message": message } })
            }
            Self::OpenAi => json!({ "error": { "message": message, "type": "x_error", "param": null, "code": code } }),
        }
    }
}

#[derive(Clone, Copy)]
enum Ending {
    Whole,
    Cut,
    Refusal,
}

impl Ending {
    const fn of(self, [whole, cut, refusal]: [&'static str; 3]) -> &'static str {
        match self {
            Self::Whole => whole,
            Self::Cut => cut,
            Self::Refusal => refusal,
        }
    }
}

fn read(stream: &mut TcpStream) -> Option<Asked> {
    let mut bytes = Vec::new();
    let mut piece = [0; 16 * 1024];
    loop {
        let n = stream.read(&mut piece).ok().filter(|n| *n > 0)?;
        bytes.extend_from_slice(&piece[..n]);
        let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") else { continue };
        let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
        let header = |name: &str| {
            let lines = head.split("\r\n").filter_map(|line| line.split_once(": "));
            lines.filter(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.to_owned()).next()
        };
        let length: usize = header("content-length").map_or(0, |n| n.parse().unwrap());
        if bytes.len() >= end + 4 + length {
            return Some(Asked {
                key: header("x-api-key").or(header("authorization")).unwrap_or_default(),
                body: serde_json::from_slice(&bytes[end + 4..]).unwrap_or(Value::Null),
            });
        }
    }
}
