//! Answers that are more than `200 OK` with a body.

use std::io;
use std::marker::PhantomData;

use bytes::Bytes;
use http::{HeaderValue, StatusCode, header};

use crate::body::{location, read_body, set_location, success, with_body, with_status};
use crate::{Answer, Codec, Reply, Response, SbiError};

/// `200 OK` with a body, or `204 No Content`.
pub struct Optional<C>(PhantomData<C>);

impl<C: Codec> Reply for Optional<C> {
    type Value = Option<C::Value>;

    fn write(value: Self::Value) -> Answer {
        match value {
            Some(value) => with_body::<C>(StatusCode::OK, value),
            None => with_status(StatusCode::NO_CONTENT, Bytes::new()),
        }
    }

    fn read(response: Response) -> Result<Self::Value, SbiError> {
        let response = success(response)?;
        match response.body().is_empty() {
            true => Ok(None),
            false => read_body::<C>(response).map(Some),
        }
    }
}

/// What a PUT made of a resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored<T> {
    /// URI of the resource, where it was created.
    pub location: Option<String>,
    /// Its representation, where it is told.
    pub body: Option<T>,
}

impl<T> Stored<T> {
    /// It is new.
    pub fn created(location: String, body: T) -> Self {
        Self { location: Some(location), body: Some(body) }
    }

    /// It replaced what was there.
    pub fn replaced(body: T) -> Self {
        Self { location: None, body: Some(body) }
    }
}

/// Answer of a PUT: `201 Created` with `Location`, `200 OK` with a body, or `204 No Content`.
pub struct Put<C>(PhantomData<C>);

impl<C: Codec> Reply for Put<C> {
    type Value = Stored<C::Value>;

    fn write(value: Self::Value) -> Answer {
        let status = match (&value.location, &value.body) {
            (Some(_), _) => StatusCode::CREATED,
            (None, Some(_)) => StatusCode::OK,
            (None, None) => StatusCode::NO_CONTENT,
        };
        let mut response = match value.body {
            Some(body) => with_body::<C>(status, body),
            None => with_status(status, Bytes::new()),
        };
        if let Some(location) = &value.location {
            set_location(&mut response, location);
        }
        response
    }

    fn read(response: Response) -> Result<Self::Value, SbiError> {
        let response = success(response)?;
        let created = response.status() == StatusCode::CREATED;
        let location = location(&response).filter(|_| created);
        let body = if response.body().is_empty() { None } else { Some(read_body::<C>(response)?) };
        Ok(Stored { location, body })
    }
}

/// Answer of a request that may still be under way: `202 Accepted` with `Location`, or `200 OK`; both with a body.
pub struct MaybeAccepted<C>(PhantomData<C>);

/// An answer, and the URI of what is still under way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Progress<T> {
    /// URI of the request, where its outcome is not known yet.
    pub pending: Option<String>,
    /// What is known so far.
    pub body: T,
}

impl<C: Codec> Reply for MaybeAccepted<C> {
    type Value = Progress<C::Value>;

    fn write(value: Self::Value) -> Answer {
        let status = if value.pending.is_some() { StatusCode::ACCEPTED } else { StatusCode::OK };
        let mut response = with_body::<C>(status, value.body);
        if let Some(pending) = &value.pending {
            set_location(&mut response, pending);
        }
        response
    }

    fn read(response: Response) -> Result<Self::Value, SbiError> {
        let response = success(response)?;
        let pending = match response.status() {
            StatusCode::ACCEPTED => location(&response),
            _ => None,
        };
        Ok(Progress { pending, body: read_body::<C>(response)? })
    }
}

/// A JSON patch (RFC 6902): `application/json-patch+json`.
pub struct JsonPatch;

impl Codec for JsonPatch {
    type Value = Vec<sbi_models::nrf::PatchItem>;

    fn content_type(_: &Self::Value) -> HeaderValue {
        HeaderValue::from_static("application/json-patch+json")
    }

    fn write_to<W: io::Write>(value: &Self::Value, out: W) -> io::Result<()> {
        crate::Json::<Self::Value>::write_to(value, out)
    }

    fn decode(content_type: &str, body: Bytes) -> Result<Self::Value, crate::Problem> {
        crate::Json::<Self::Value>::decode(content_type, body)
    }
}

/// A merge patch (RFC 7396) of the attributes in `T`: `application/merge-patch+json`.
pub struct MergePatch<T>(PhantomData<T>);

impl<T: serde::Serialize + serde::de::DeserializeOwned + Send + Sync + 'static> Codec for MergePatch<T> {
    type Value = T;

    fn content_type(_: &T) -> HeaderValue {
        HeaderValue::from_static("application/merge-patch+json")
    }

    fn write_to<W: io::Write>(value: &T, out: W) -> io::Result<()> {
        crate::Json::<T>::write_to(value, out)
    }

    fn decode(content_type: &str, body: Bytes) -> Result<T, crate::Problem> {
        crate::Json::<T>::decode(content_type, body)
    }
}

/// A form (`application/x-www-form-urlencoded`), as OAuth 2.0 has it (RFC 6749 4.4.2); objects in it are JSON.
pub struct Form<T>(PhantomData<T>);

impl<T: serde::Serialize + serde::de::DeserializeOwned + Send + Sync + 'static> Codec for Form<T> {
    type Value = T;

    fn content_type(_: &T) -> HeaderValue {
        HeaderValue::from_static(FORM)
    }

    fn write_to<W: io::Write>(value: &T, mut out: W) -> io::Result<()> {
        let mut text = String::new();
        crate::write_query(&mut text, value);
        // What a query has in front of it, a form has not.
        out.write_all(text.trim_start_matches('?').as_bytes())
    }

    fn decode(content_type: &str, body: Bytes) -> Result<T, crate::Problem> {
        let essence = content_type.split(';').next().unwrap_or_default().trim();
        if !essence.eq_ignore_ascii_case(FORM) {
            return Err(crate::Problem::unsupported_media_type(content_type));
        }
        let text = std::str::from_utf8(&body).map_err(|why| crate::Problem::invalid_body(&why))?;
        crate::read_query(Some(text))
    }
}

const FORM: &str = "application/x-www-form-urlencoded";

/// JSON with links to resources: `application/3gppHal+json` (TS 29.501 4.7.5).
pub struct Hal<T>(PhantomData<T>);

impl<T: serde::Serialize + serde::de::DeserializeOwned + Send + Sync + 'static> Codec for Hal<T> {
    type Value = T;

    fn content_type(_: &T) -> HeaderValue {
        HeaderValue::from_static("application/3gppHal+json")
    }

    fn write_to<W: io::Write>(value: &T, out: W) -> io::Result<()> {
        crate::Json::<T>::write_to(value, out)
    }

    fn decode(content_type: &str, body: Bytes) -> Result<T, crate::Problem> {
        crate::Json::<T>::decode(content_type, body)
    }
}

/// The media types of the answers we take.
pub(crate) const ACCEPT: (http::HeaderName, &str) =
    (header::ACCEPT, "application/json, application/3gppHal+json, multipart/related, application/problem+json");
