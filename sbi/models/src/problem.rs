//! Problem details inside a service's own error bodies (TS 29.571 5.2.4.1).

use serde::{Deserialize, Serialize};
use serde_with_macros::skip_serializing_none;

/// What went wrong (RFC 9457), as an attribute of a service's error body.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ProblemDetails {
    /// HTTP status code.
    pub status: Option<u16>,
    /// Application error.
    pub cause: Option<String>,
    /// What exactly was wrong, for people.
    pub detail: Option<String>,
}

impl ProblemDetails {
    /// With a status and an application error.
    pub fn new(status: u16, cause: &str) -> Self {
        Self { status: Some(status), cause: Some(cause.to_owned()), detail: None }
    }
}
