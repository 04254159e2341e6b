//! A course on a WebSocket: its events one by one, and its numbers as states that end on the latest.

use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade};
use axum::extract::{Path, Query, State};
use axum::response::Response;
use futures_util::StreamExt as _;
use futures_util::stream::{BoxStream, select_all};
use lms_core::live::{Cursor, LiveEvent, LiveItem, Reached};
use lms_core::lms::{CourseMetrics, Outline};
use lms_core::model::CourseId;
use lms_core::store::EventFilter;
use lms_core::{Error, Lms};
use serde::Serialize;

use super::{Asker, Refused};

/// What a subscriber receives, tagged by `type`.
#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Push {
    /// An event, with the cursor to come back with.
    Event(Box<LiveEvent>),
    /// How far the log was read without an event for this subscriber: another cursor to come back with.
    Reached(Reached),
    /// The course's numbers; to its staff.
    Metrics(Box<CourseMetrics>),
    /// Where the learner stands; to the learner.
    Progress(Box<Outline>),
}

impl From<LiveItem> for Push {
    fn from(item: LiveItem) -> Self {
        match item {
            LiveItem::Event(event) => Self::Event(event),
            LiveItem::Reached(place) => Self::Reached(place),
        }
    }
}

/// Refuses before the socket is open, with a status code: a socket that opens is one that may.
pub(super) async fn subscribe(
    State(lms): State<Lms>,
    Path(course): Path<CourseId>,
    Query(asker): Query<Asker>,
    upgrade: WebSocketUpgrade,
) -> Result<Response, Refused> {
    let session = asker.session(&lms);
    let after = asker.after.as_deref().map(str::parse::<Cursor>).transpose()?;
    let filter = EventFilter { course: Some(course), ..EventFilter::default() };
    let items = lms.live().follow(&session, filter, after).await?;
    let mut streams: Vec<BoxStream<'static, Result<Push, Error>>> = vec![items.map(|i| i.map(Push::from)).boxed()];
    match lms.live().course_metrics(&session, course).await {
        Ok(metrics) => streams.push(metrics.map(|m| m.map(|m| Push::Metrics(Box::new(m)))).boxed()),
        Err(_) => {
            let progress = lms.live().learner_progress(&session, course, asker.user).await?;
            streams.push(progress.map(|p| p.map(|p| Push::Progress(Box::new(p)))).boxed());
        }
    }
    Ok(upgrade.on_upgrade(move |socket| push(socket, streams)))
}

/// Sends until the client goes or the subscription ends. A client that cannot keep up makes its own stream
/// wait, and nobody else's.
async fn push(mut socket: WebSocket, streams: Vec<BoxStream<'static, Result<Push, Error>>>) {
    let mut all = select_all(streams);
    loop {
        tokio::select! {
            next = all.next() => {
                let sent = match next {
                    Some(Ok(push)) => match serde_json::to_string(&push) {
                        Ok(text) => socket.send(Message::text(text)).await,
                        Err(_) => return,
                    },
                    Some(Err(e)) => {
                        // 4000 and above are an application's own; the reason is the stable code.
                        let _ = socket.send(Message::Close(Some(CloseFrame { code: 4000, reason: e.code().into() }))).await;
                        return;
                    }
                    None => return,
                };
                if sent.is_err() {
                    return;
                }
            }
            from_client = socket.recv() => {
                // Nothing is expected from a client but its going away; pings are answered by themselves.
                if matches!(from_client, None | Some(Err(_) | Ok(Message::Close(_)))) {
                    return;
                }
            }
        }
    }
}
