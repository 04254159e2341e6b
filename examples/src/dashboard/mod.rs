//! The library's live streams on WebSocket and SSE, behind axum.
//!
//! Who asks is whoever `?as=USER_ID` names: sign-in is the host's, and a real one takes the id from its
//! session. What they may see is the library's business: every read and every subscription takes the actor.

mod refusal;
mod simulate;
mod sse;
mod ws;

use axum::Router;
use axum::extract::{Path, Query, State};
use axum::response::{Html, Json};
use axum::routing::get;
use lms_core::Lms;
use lms_core::lms::{LessonFunnel, Roster, RosterFilter, Session};
use lms_core::model::{Course, CourseId, UserId};
use lms_core::store::ById;
use serde::Deserialize;

pub use refusal::Refused;
pub use simulate::simulate;

/// The page.
const PAGE: &str = include_str!("page.html");

/// The service: the library is its whole state.
pub fn router(lms: Lms) -> Router {
    Router::new()
        .route("/", get(async || Html(PAGE)))
        .route("/api/courses/{course}", get(course))
        .route("/api/courses/{course}/roster", get(roster))
        .route("/api/courses/{course}/funnel", get(funnel))
        .route("/api/courses/{course}/ws", get(ws::subscribe))
        .route("/api/courses/{course}/events", get(sse::subscribe))
        .with_state(lms)
}

/// Who asks, and the cursor of the last event that they have.
#[derive(Debug, Deserialize)]
struct Asker {
    #[serde(rename = "as")]
    user: UserId,
    after: Option<String>,
}

impl Asker {
    fn session(&self, lms: &Lms) -> Session {
        lms.as_user(self.user)
    }
}

async fn course(
    State(lms): State<Lms>,
    Path(course): Path<CourseId>,
    Query(asker): Query<Asker>,
) -> Result<Json<Course>, Refused> {
    Ok(Json(asker.session(&lms).catalog().course(course).await?))
}

async fn roster(
    State(lms): State<Lms>,
    Path(course): Path<CourseId>,
    Query(asker): Query<Asker>,
) -> Result<Json<Roster>, Refused> {
    let page = ById { after: None, limit: 200 };
    Ok(Json(asker.session(&lms).overview().roster(course, RosterFilter::default(), page).await?))
}

async fn funnel(
    State(lms): State<Lms>,
    Path(course): Path<CourseId>,
    Query(asker): Query<Asker>,
) -> Result<Json<Vec<LessonFunnel>>, Refused> {
    Ok(Json(asker.session(&lms).overview().lesson_funnel(course).await?))
}
