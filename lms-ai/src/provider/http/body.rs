//! Bodies, read up to a cap.

use lms_core::ai::{ProviderErrorKind, Retry};
use reqwest::Response;

use super::failure::{self, Failure};

/// The most bytes of a body that tells of an error.
pub(super) const ERROR_CAP: usize = 64 * 1024;

/// A whole body; over the cap it stops reading and fails.
pub(super) async fn read_all(mut response: Response, cap: usize) -> Result<Vec<u8>, Failure> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(failure::transport)? {
        if body.len() + chunk.len() > cap {
            return Err(over(cap));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// The beginning of a body, as far as it came.
pub(super) async fn read_prefix(mut response: Response, cap: usize) -> Vec<u8> {
    let mut body = Vec::new();
    while let Ok(Some(chunk)) = response.chunk().await {
        let room = cap.saturating_sub(body.len());
        body.extend_from_slice(chunk.get(..room).unwrap_or(&chunk));
        if body.len() >= cap {
            break;
        }
    }
    body
}

pub(in crate::provider) fn over(cap: usize) -> Failure {
    Failure::new(ProviderErrorKind::Protocol, Retry::Now, format!("the answer is larger than {cap} bytes"))
}
