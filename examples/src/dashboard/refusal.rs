//! The library's refusals as HTTP answers: one class, one status code.

use axum::http::StatusCode;
use axum::response::{IntoResponse, Json, Response};
use lms_core::{Class, Error, Problem};

/// A refusal of the library's, or a cursor that is none.
#[derive(Debug)]
pub struct Refused(Error);

impl From<Error> for Refused {
    fn from(e: Error) -> Self {
        Self(e)
    }
}

impl From<lms_core::live::NotACursor> for Refused {
    fn from(_: lms_core::live::NotACursor) -> Self {
        let problem = Problem::new("cursor", "after", "is not a cursor of this library");
        Self(Error::Invalid { problems: vec![problem] })
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let status = match self.0.class() {
            Class::Denied => StatusCode::FORBIDDEN,
            Class::NotFound => StatusCode::NOT_FOUND,
            Class::Invalid => StatusCode::UNPROCESSABLE_ENTITY,
            Class::Conflict => StatusCode::CONFLICT,
            Class::Limit => StatusCode::TOO_MANY_REQUESTS,
            Class::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
            _ => StatusCode::INTERNAL_SERVER_ERROR,
        };
        (status, Json(&self.0)).into_response()
    }
}
