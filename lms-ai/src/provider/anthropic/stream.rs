//! Answers that come as events, put together.

use reqwest::Response;
use serde::Deserialize;
use serde_json::Value;

use super::super::http::{Answer, Connection, Failure, over, protocol};
use super::failure::WORDS;
use super::wire::{StopDetails, WireUsage, finish};

/// What came so far.
#[derive(Default)]
struct Draft {
    started: bool,
    text: String,
    message_id: Option<String>,
    model: Option<String>,
    stop_reason: Option<String>,
    details: Option<StopDetails>,
    usage: WireUsage,
}

/// Reads events up to `message_stop`; without it the answer is not whole. What is held of it, an event and
/// the text so far, keeps to the cap of an answer each, however long the stream is.
pub(super) async fn read(
    connection: &Connection,
    mut response: Response,
    model: &str,
    max_tokens: u32,
) -> Result<Answer, Failure> {
    let (most, cap) = (connection.answer_cap(), connection.stream_cap(max_tokens));
    let mut seen = 0_usize;
    let mut events = Events::default();
    let mut draft = Draft::default();
    while let Some(chunk) = connection.chunk(&mut response, &mut seen, cap).await? {
        let whole = events.push(&chunk);
        if events.held() > most || whole.iter().any(|data| data.len() > most) {
            return Err(over(most));
        }
        for data in whole {
            let data = std::str::from_utf8(&data).map_err(|_| protocol("the stream is not UTF-8"))?;
            let value: Value =
                serde_json::from_str(data).map_err(|_| protocol("an event of the stream is not JSON"))?;
            if draft.take(&value, model)? {
                let model = draft.model.unwrap_or_else(|| model.to_owned());
                return Ok(finish(draft.text, draft.message_id, model, draft.stop_reason, draft.details, draft.usage));
            }
            if draft.text.len() > most {
                return Err(over(most));
            }
        }
    }
    Err(protocol("the stream ended without `message_stop`"))
}

/// Cuts a stream into the data of its events, looking at every byte once: a line without an end costs no
/// more than its length. Lines end with LF, CR or CR LF; fields other than `data` say nothing here, since
/// the data holds its own type.
#[derive(Default)]
struct Events {
    line: Vec<u8>,
    data: Option<Vec<u8>>,
    /// The last byte was a CR, whose LF may follow.
    after_cr: bool,
}

impl Events {
    fn push(&mut self, chunk: &[u8]) -> Vec<Vec<u8>> {
        let mut whole = Vec::new();
        for piece in chunk.split_inclusive(|byte| b"\r\n".contains(byte)) {
            if std::mem::take(&mut self.after_cr) && piece == b"\n" {
                continue;
            }
            self.line.extend_from_slice(piece);
            self.after_cr = piece.ends_with(b"\r");
            if self.after_cr || piece.ends_with(b"\n") {
                whole.extend(self.end_line());
            }
        }
        whole
    }

    /// The bytes of the event that is not whole yet.
    fn held(&self) -> usize {
        self.line.len().saturating_add(self.data.as_ref().map_or(0, Vec::len))
    }

    /// Takes the line in; gives the event that an empty line ends.
    fn end_line(&mut self) -> Option<Vec<u8>> {
        let line = std::mem::take(&mut self.line);
        let line = line.strip_suffix(b"\n").or(line.strip_suffix(b"\r")).unwrap_or(&line);
        if line.is_empty() {
            return self.data.take();
        }
        let value = line.strip_prefix(b"data:")?;
        let value = value.strip_prefix(b" ").unwrap_or(value);
        match &mut self.data {
            Some(data) => {
                data.push(b'\n');
                data.extend_from_slice(value);
            }
            None => self.data = Some(value.to_vec()),
        }
        None
    }
}

impl Draft {
    /// Adds an event; true when it was the last.
    fn take(&mut self, event: &Value, model: &str) -> Result<bool, Failure> {
        let text = |pointer: &str| event.pointer(pointer).and_then(Value::as_str);
        match text("/type") {
            Some("message_start") => {
                self.started = true;
                self.message_id = text("/message/id").map(str::to_owned);
                self.model = text("/message/model").map(str::to_owned);
                self.count(event.pointer("/message/usage"))?;
            }
            Some("content_block_start") if text("/content_block/type") == Some("text") => {
                self.text.push_str(text("/content_block/text").unwrap_or_default());
            }
            Some("content_block_delta") if text("/delta/type") == Some("text_delta") => {
                let part = text("/delta/text");
                self.text.push_str(part.ok_or_else(|| protocol("a text event has no text"))?);
            }
            Some("message_delta") => {
                if let Some(reason) = text("/delta/stop_reason") {
                    self.stop_reason = Some(reason.to_owned());
                }
                if let Some(details) = event.pointer("/delta/stop_details").filter(|details| !details.is_null()) {
                    self.details = StopDetails::deserialize(details).ok();
                }
                self.count(event.get("usage"))?;
            }
            Some("error") => return Err(WORDS.of_event(event, model)),
            Some("message_stop") if self.started => return Ok(true),
            Some("message_stop") => return Err(protocol("the stream has no `message_start`")),
            _ => {}
        }
        Ok(false)
    }

    fn count(&mut self, usage: Option<&Value>) -> Result<(), Failure> {
        if let Some(usage) = usage.filter(|usage| !usage.is_null()) {
            let usage = WireUsage::deserialize(usage).map_err(|_| protocol("the tokens cannot be read"))?;
            self.usage.update(usage);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::Events;

    #[test]
    fn events_are_the_same_however_the_bytes_are_cut() {
        let text =
            "event: a\ndata: {\"ä\":1}\n\n: note\ndata:x\r\ndata: y\r\n\r\n\n\nid: 4\n\ndata: unfinished\n".as_bytes();
        let expected = ["{\"ä\":1}".as_bytes().to_vec(), b"x\ny".to_vec()];
        let bare = String::from_utf8(text.to_vec()).unwrap().replace("\r\n", "\n");
        let texts = [text.to_vec(), bare.replace('\n', "\r").into(), bare.replace('\n', "\r\n").into()];
        for text in &texts {
            for size in 1..=text.len() {
                let mut events = Events::default();
                let found: Vec<Vec<u8>> = text.chunks(size).flat_map(|chunk| events.push(chunk)).collect();
                assert_eq!(found, expected, "in pieces of {size}: {text:?}");
            }
        }
    }
}
