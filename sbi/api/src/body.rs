//! Bodies: how values of an operation become octets and back.

use std::io;
use std::marker::PhantomData;

use bytes::Bytes;
use http::{HeaderValue, StatusCode, header};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::{Answer, Body, Problem, Response, SbiError};

/// How a body of type `Value` is written and read.
pub trait Codec: 'static {
    /// What the body says.
    type Value: Send + Sync + 'static;

    /// Media type of the body.
    fn content_type(value: &Self::Value) -> HeaderValue;

    /// Writes the octets of the body.
    ///
    /// # Errors
    /// Those of `out`.
    fn write_to<W: io::Write>(value: &Self::Value, out: W) -> io::Result<()>;

    /// Media type and octets of the body.
    fn encode(value: &Self::Value) -> (HeaderValue, Bytes) {
        let mut octets = Vec::with_capacity(128);
        // Writing our own models to memory cannot fail: no map has keys other than strings. Should one ever, the empty
        // body is refused by the reader, not by a panic here.
        if Self::write_to(value, &mut octets).is_err() {
            octets.clear();
        }
        (Self::content_type(value), octets.into())
    }

    /// Reads a body that came with this media type.
    ///
    /// # Errors
    /// A [`Problem`] with status 400 or 415 that names what was wrong.
    fn decode(content_type: &str, body: Bytes) -> Result<Self::Value, Problem>;
}

/// A body of `application/json`.
pub struct Json<T>(PhantomData<T>);

impl<T: Serialize + DeserializeOwned + Send + Sync + 'static> Codec for Json<T> {
    type Value = T;

    fn content_type(_: &T) -> HeaderValue {
        HeaderValue::from_static("application/json")
    }

    fn write_to<W: io::Write>(value: &T, out: W) -> io::Result<()> {
        Ok(serde_json::to_writer(out, value)?)
    }

    fn decode(content_type: &str, body: Bytes) -> Result<T, Problem> {
        let essence = content_type.split(';').next().unwrap_or_default().trim();
        let json = essence.eq_ignore_ascii_case("application/json") || essence.ends_with("+json");
        if !json {
            return Err(Problem::unsupported_media_type(content_type));
        }
        serde_json::from_slice(&body).map_err(|error| Problem::invalid_body(&error))
    }
}

/// A successful answer of an operation: status, headers and body.
pub trait Reply {
    /// What the answer says.
    type Value: Send;

    /// Makes the response.
    fn write(value: Self::Value) -> Answer;

    /// Reads the response; a status of 300 and more is an error.
    ///
    /// # Errors
    /// [`SbiError::Problem`] for an error status, [`SbiError::Peer`] for an answer that is not as specified.
    fn read(response: Response) -> Result<Self::Value, SbiError>;
}

/// `200 OK` with a body.
impl<C: Codec> Reply for C {
    type Value = C::Value;

    fn write(value: Self::Value) -> Answer {
        with_body::<C>(StatusCode::OK, value)
    }

    fn read(response: Response) -> Result<Self::Value, SbiError> {
        read_body::<C>(success(response)?)
    }
}

/// `204 No Content`. Any successful status is taken.
pub struct NoContent;

impl Reply for NoContent {
    type Value = ();

    fn write((): ()) -> Answer {
        with_status(StatusCode::NO_CONTENT, Bytes::new())
    }

    fn read(response: Response) -> Result<(), SbiError> {
        success(response).map(drop)
    }
}

/// `201 Created` with the resource's URI in `Location`, and a body.
pub struct Created<C>(PhantomData<C>);

/// A created resource: its URI and its representation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WithLocation<T> {
    /// Absolute URI of the resource.
    pub location: String,
    /// Its representation.
    pub body: T,
}

impl<C: Codec> Reply for Created<C> {
    type Value = WithLocation<C::Value>;

    fn write(value: Self::Value) -> Answer {
        let mut response = with_body::<C>(StatusCode::CREATED, value.body);
        set_location(&mut response, &value.location);
        response
    }

    fn read(response: Response) -> Result<Self::Value, SbiError> {
        let response = success(response)?;
        let location = location(&response).ok_or_else(|| SbiError::Peer("201 without Location".into()))?;
        Ok(WithLocation { location, body: read_body::<C>(response)? })
    }
}

/// A response with a status and an untyped body.
pub(crate) fn with_status<B: From<Bytes>>(status: StatusCode, body: Bytes) -> Response<B> {
    let mut response = Response::new(body.into());
    *response.status_mut() = status;
    response
}

pub(crate) fn with_body<C: Codec>(status: StatusCode, value: C::Value) -> Answer {
    let content_type = C::content_type(&value);
    let mut response = Response::new(Body::owned::<C>(value));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, content_type);
    response
}

pub(crate) fn read_body<C: Codec>(response: Response) -> Result<C::Value, SbiError> {
    let (parts, body) = response.into_parts();
    C::decode(content_type(&parts.headers), body).map_err(|problem| SbiError::Peer(problem.to_string()))
}

pub(crate) fn success(response: Response) -> Result<Response, SbiError> {
    match response.status().is_success() {
        true => Ok(response),
        false => Err(SbiError::Problem(Problem::read(response))),
    }
}

/// Says where the resource is.
pub(crate) fn set_location(response: &mut Answer, location: &str) {
    if let Ok(location) = HeaderValue::from_str(location) {
        response.headers_mut().insert(header::LOCATION, location);
    }
}

/// Where the resource is, if the response says so.
pub(crate) fn location(response: &Response) -> Option<String> {
    response.headers().get(header::LOCATION).and_then(|value| value.to_str().ok()).map(str::to_owned)
}

/// The media type of a body, empty where there is none.
pub(crate) fn content_type(headers: &http::HeaderMap) -> &str {
    headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default()
}
