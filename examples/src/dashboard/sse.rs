//! A course's events as server-sent events. A browser that reconnects sends the id of the last one that it
//! has, which is the cursor, and misses nothing.

use std::convert::Infallible;

use axum::extract::{Path, Query, State};
use axum::http::HeaderMap;
use axum::response::sse::{Event, KeepAlive, Sse};
use futures_util::{Stream, StreamExt as _};
use lms_core::Lms;
use lms_core::live::{Cursor, LiveItem};
use lms_core::model::CourseId;
use lms_core::store::EventFilter;

use super::{Asker, Refused};

pub(super) async fn subscribe(
    State(lms): State<Lms>,
    Path(course): Path<CourseId>,
    Query(asker): Query<Asker>,
    headers: HeaderMap,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, Refused> {
    let last = headers.get("last-event-id").and_then(|id| id.to_str().ok()).map(str::to_owned);
    let after = last.or(asker.after.clone()).map(|text| text.parse::<Cursor>()).transpose()?;
    let filter = EventFilter { course: Some(course), ..EventFilter::default() };
    let items = lms.live().follow(&asker.session(&lms), filter, after).await?;
    let lines = items.map(|item| {
        Ok(match item {
            Ok(LiveItem::Event(event)) => {
                let line = Event::default().event("lms").id(event.cursor.to_string());
                line.json_data(&event).unwrap_or_else(|_| Event::default().comment("unreadable"))
            }
            // An id without data: a browser keeps it for the next time, and its page hears nothing.
            Ok(LiveItem::Reached(place)) => Event::default().id(place.cursor.to_string()),
            // The subscription is over, a right was taken away perhaps: said as an event of its own.
            Err(e) => Event::default()
                .event("over")
                .json_data(&e)
                .unwrap_or_else(|_| Event::default().event("over").data(e.code())),
        })
    });
    Ok(Sse::new(lines).keep_alive(KeepAlive::default()))
}
