//! Error answers: problem details (RFC 9457, TS 29.571 5.2.4.1, causes in TS 29.500 5.2.7.2).

use std::fmt;

use bytes::Bytes;
use http::{HeaderValue, StatusCode, header};
use serde::{Deserialize, Serialize};

use crate::body::{content_type, with_status};
use crate::{Codec, Response, SbiError};

/// An error answer. `cause` is what programs decide on, `detail` what people read.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Problem {
    /// HTTP status code.
    pub status: u16,
    /// Application error (TS 29.500 5.2.7.2 or the service's own).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cause: Option<String>,
    /// What exactly was wrong, for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// A body other than plain problem details (as TS 29.502 SmContextCreateError): media type and octets.
    #[serde(skip)]
    pub body: Option<(String, Bytes)>,
}

impl Problem {
    /// An error of this status, application cause and explanation.
    pub fn new(status: StatusCode, cause: &str, detail: impl fmt::Display) -> Self {
        Self { status: status.as_u16(), cause: Some(cause.to_owned()), detail: Some(detail.to_string()), body: None }
    }

    /// The same error answered with a service's own error body.
    #[must_use]
    pub fn with_body<C: Codec>(mut self, value: &C::Value) -> Self {
        let (content_type, bytes) = C::encode(value);
        self.body = Some((content_type.to_str().unwrap_or_default().to_owned(), bytes));
        self
    }

    /// Reads the service's own error body, where the answer had one.
    pub fn read_body<C: Codec>(&self) -> Option<C::Value> {
        let (content_type, bytes) = self.body.as_ref()?;
        C::decode(content_type, bytes.clone()).ok()
    }

    /// 404 `RESOURCE_URI_STRUCTURE_NOT_FOUND`: no operation has this resource.
    pub fn no_such_resource(path: &str) -> Self {
        Self::new(StatusCode::NOT_FOUND, "RESOURCE_URI_STRUCTURE_NOT_FOUND", format_args!("no resource '{path}' here"))
    }

    /// 404 for a context that is not there; the cause is the service's own, such as `CONTEXT_NOT_FOUND`.
    pub fn not_found(cause: &str, detail: impl fmt::Display) -> Self {
        Self::new(StatusCode::NOT_FOUND, cause, detail)
    }

    /// 403 with the service's own cause.
    pub fn forbidden(cause: &str, detail: impl fmt::Display) -> Self {
        Self::new(StatusCode::FORBIDDEN, cause, detail)
    }

    /// 405: the resource has no such method.
    pub fn method_not_allowed(method: &http::Method, path: &str) -> Self {
        Self::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "METHOD_NOT_ALLOWED",
            format_args!("{method} is not offered by '{path}'"),
        )
    }

    /// 415: the body is of another media type.
    pub fn unsupported_media_type(content_type: &str) -> Self {
        Self::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "UNSUPPORTED_MEDIA_TYPE",
            format_args!("a body of type '{content_type}'"),
        )
    }

    /// 400: the body is not what the operation takes. `MANDATORY_IE_MISSING` where `why` is a reader's word for that, else
    /// `INVALID_MSG_FORMAT` (TS 29.500 table 5.2.7.2-1).
    pub fn invalid_body(why: &impl fmt::Display) -> Self {
        let why = why.to_string();
        // Which it is, serde says only in its text.
        let cause = if why.starts_with("missing field") { "MANDATORY_IE_MISSING" } else { "INVALID_MSG_FORMAT" };
        Self::new(StatusCode::BAD_REQUEST, cause, why)
    }

    /// 400 `MANDATORY_IE_INCORRECT`: a path or query parameter or an attribute has a value it cannot have.
    pub fn incorrect(what: &str, why: impl fmt::Display) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "MANDATORY_IE_INCORRECT", format_args!("{what}: {why}"))
    }

    /// 500 `SYSTEM_FAILURE`: the fault is ours.
    pub fn internal(why: impl fmt::Display) -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "SYSTEM_FAILURE", why)
    }

    /// What to answer when an operation that this one needs failed downstream: its status and cause where the next NF
    /// refused (4xx), does not do that (501) or says that it or another is away (503, 504; TS 29.500 6.10.8); else 502, or 504
    /// where it did not answer.
    pub fn downstream(error: SbiError) -> Self {
        match error {
            SbiError::Problem(problem) if matches!(problem.status, 400..=499 | 501 | 503 | 504) => {
                Self { body: None, ..problem }
            }
            SbiError::Problem(problem) => Self::new(StatusCode::BAD_GATEWAY, "SYSTEM_FAILURE", problem),
            other => Self::new(StatusCode::GATEWAY_TIMEOUT, "TARGET_NF_NOT_REACHABLE", other),
        }
    }

    pub(crate) fn read(response: Response) -> Self {
        let status = response.status().as_u16();
        let (parts, bytes) = response.into_parts();
        let content_type = content_type(&parts.headers).to_owned();
        let mut problem: Self = serde_json::from_slice(&bytes).unwrap_or_default();
        problem.status = status;
        if !bytes.is_empty() {
            problem.body = Some((content_type, bytes));
        }
        problem
    }
}

impl<B: From<Bytes>> From<Problem> for Response<B> {
    fn from(problem: Problem) -> Self {
        let status = StatusCode::from_u16(problem.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let (content_type, bytes) = match problem.body {
            Some(body) => body,
            None => ("application/problem+json".to_owned(), serde_json::to_vec(&problem).unwrap_or_default().into()),
        };
        let mut response = with_status(status, bytes);
        if let Ok(value) = HeaderValue::from_str(&content_type) {
            response.headers_mut().insert(header::CONTENT_TYPE, value);
        }
        response
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.status)?;
        for part in [&self.cause, &self.detail].into_iter().flatten() {
            write!(f, " {part}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Problem {}
