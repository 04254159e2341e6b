//! A server on this machine that says what it was told to say, byte by byte.
#![allow(dead_code, reason = "every test file takes what it needs")]

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// What is sent back.
#[derive(Clone)]
pub(crate) enum Say {
    /// These bytes, and then the connection is closed.
    Bytes(Vec<u8>),
    /// These bytes, and then nothing, with the connection open.
    Stall(Vec<u8>),
    /// These bytes, and then these without end.
    Endless(Vec<u8>, &'static [u8]),
    /// These bytes, and then these without end, with a pause after each piece.
    Drip(Vec<u8>, &'static [u8], Duration),
    /// These bytes, and then the connection is torn down.
    Reset(Vec<u8>),
}

/// What was asked.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) line: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Asked {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}

type Answer = dyn Fn(usize, &Asked) -> Say + Send + Sync;

pub(crate) struct Server {
    pub(crate) url: String,
    asked: Arc<Mutex<Vec<Asked>>>,
    sent: Arc<Mutex<usize>>,
}

impl Server {
    /// Says the same to everybody.
    pub(crate) async fn start(say: Say) -> Self {
        Self::with(move |_, _| say.clone()).await
    }

    /// Says what comes of the number of the request, from 0, and the request.
    pub(crate) async fn with(answer: impl Fn(usize, &Asked) -> Say + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (asked, sent) = (Arc::new(Mutex::new(Vec::new())), Arc::new(Mutex::new(0)));
        let (seen, count, answer): (_, _, Arc<Answer>) = (asked.clone(), sent.clone(), Arc::new(answer));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, answer.clone(), seen.clone(), count.clone()));
            }
        });
        Self { url, asked, sent }
    }

    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }

    /// The bytes of endless answers so far.
    pub(crate) fn sent(&self) -> usize {
        *self.sent.lock().unwrap()
    }
}

/// An address at which nobody listens.
pub(crate) async fn nobody() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    format!("http://{}", listener.local_addr().unwrap())
}

async fn serve(mut stream: TcpStream, answer: Arc<Answer>, asked: Arc<Mutex<Vec<Asked>>>, sent: Arc<Mutex<usize>>) {
    let Some(request) = read(&mut stream).await else { return };
    let number = {
        let mut asked = asked.lock().unwrap();
        asked.push(request.clone());
        asked.len() - 1
    };
    match answer(number, &request) {
        Say::Bytes(bytes) => {
            let _ = stream.write_all(&bytes).await;
            let _ = stream.shutdown().await;
        }
        Say::Stall(bytes) => {
            let _ = stream.write_all(&bytes).await;
            tokio::time::sleep(Duration::from_secs(600)).await;
        }
        Say::Endless(bytes, more) => {
            let _ = stream.write_all(&bytes).await;
            let piece = more.repeat((16 * 1024 / more.len()).max(1));
            while stream.write_all(&piece).await.is_ok() {
                *sent.lock().unwrap() += piece.len();
            }
        }
        Say::Drip(bytes, more, pause) => {
            let _ = stream.write_all(&bytes).await;
            while stream.write_all(more).await.is_ok() {
                *sent.lock().unwrap() += more.len();
                tokio::time::sleep(pause).await;
            }
        }
        Say::Reset(bytes) => {
            let _ = stream.write_all(&bytes).await;
            let _ = stream.set_zero_linger();
        }
    }
}

async fn read(stream: &mut TcpStream) -> Option<Asked> {
    let mut bytes = Vec::new();
    let head_end = loop {
        if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            break end;
        }
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    };
    let head = String::from_utf8(bytes[..head_end].to_vec()).unwrap();
    let mut lines = head.split("\r\n");
    let line = lines.next().unwrap().to_owned();
    let headers: Vec<(String, String)> = lines
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_lowercase(), value.to_owned()))
        .collect();
    let length = headers.iter().find(|(name, _)| name == "content-length").map_or(0, |(_, n)| n.parse().unwrap());
    let mut body = bytes.split_off(head_end + 4);
    while body.len() < length {
        if stream.read_buf(&mut body).await.ok()? == 0 {
            return None;
        }
    }
    Some(Asked { line, headers, body })
}

/// An answer with a length; `head` holds further header lines, each ended by CR LF.
pub(crate) fn http(status: u16, head: &str, body: impl AsRef<[u8]>) -> Vec<u8> {
    let body = body.as_ref();
    let ids = "request-id: req_h\r\nx-request-id: req_h\r\nconnection: close\r\n";
    let head = format!("HTTP/1.1 {status} X\r\n{ids}{head}content-length: {}\r\n\r\n", body.len());
    let mut bytes = head.into_bytes();
    bytes.extend_from_slice(body);
    bytes
}

/// An answer without a length: it ends where the connection does.
pub(crate) fn open_ended(head: &str, body: &str) -> Vec<u8> {
    let ids = "request-id: req_h\r\nx-request-id: req_h\r\n";
    format!("HTTP/1.1 200 X\r\n{ids}{head}connection: close\r\n\r\n{body}").into_bytes()
}
