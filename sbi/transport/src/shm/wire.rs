//! The head of a request or response as it stands before the body in a message.
//!
//! ```text
//! u32 length of the head, itself included
//! request:  u8 method (0: text follows)  text8 method?  text16 authority  text16 path and query
//! response: u16 status
//! u16 number of fields, each: u8 name (below 128: that many octets follow; else a well-known name)
//!                             u16 value (below 0xff00: that many octets follow; else a well-known value)
//! ```
//! Numbers are in the machine's byte order, as the rest of the channel.

use bytes::{Buf, Bytes};
use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, header};
use sbi_api::{Request, Response};

/// Methods with a number of their own, counted from 1.
const METHODS: [Method; 7] =
    [Method::GET, Method::POST, Method::PUT, Method::DELETE, Method::PATCH, Method::OPTIONS, Method::HEAD];

/// Field names with a number of their own, counted from 128.
const NAMES: [HeaderName; 8] = [
    header::CONTENT_TYPE,
    header::ACCEPT,
    header::LOCATION,
    header::AUTHORIZATION,
    header::ETAG,
    header::IF_MATCH,
    header::USER_AGENT,
    header::SERVER,
];

/// Field values with a number of their own, counted from [`KNOWN_VALUE`].
const VALUES: [HeaderValue; 6] = [
    HeaderValue::from_static("application/json"),
    HeaderValue::from_static("application/problem+json"),
    HeaderValue::from_static("application/json, application/3gppHal+json, multipart/related, application/problem+json"),
    HeaderValue::from_static("application/json-patch+json"),
    HeaderValue::from_static("application/merge-patch+json"),
    HeaderValue::from_static("application/3gppHal+json"),
];

/// First code of a well-known field value, where the length of another would stand.
const KNOWN_VALUE: u16 = 0xff00;

/// First code of a well-known field name.
const WELL_KNOWN: u8 = 128;

/// Octets that a field counts beyond its name and value, as in HTTP/2 (RFC 9113 6.5.2).
const FIELD_OVERHEAD: usize = 32;

/// Why a head cannot be written or read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WireError {
    /// It ends before it should.
    #[error("the head of the message is cut short")]
    Truncated,
    /// A part is not what HTTP allows there.
    #[error("the {0} is malformed")]
    Malformed(&'static str),
    /// All fields together are longer than the limit.
    #[error("the header fields are too long")]
    TooLong,
}

/// Longest head there can be with fields up to this limit.
pub(crate) fn max_head(max_header_list: u32) -> usize {
    max_header_list as usize + 2 * usize::from(u16::MAX) + 512
}

/// Writes the head of a request over `head`.
///
/// # Errors
/// A part is too long.
pub fn encode_request<B>(
    authority: &str,
    request: &Request<B>,
    max_header_list: u32,
    head: &mut Vec<u8>,
) -> Result<(), WireError> {
    head.clear();
    head.extend_from_slice(&[0; 4]);
    match METHODS.iter().position(|method| method == request.method()) {
        Some(index) => head.push(index as u8 + 1),
        None => {
            let name = request.method().as_str().as_bytes();
            head.push(0);
            head.push(u8::try_from(name.len()).map_err(|_| WireError::TooLong)?);
            head.extend_from_slice(name);
        }
    }
    put_text(head, authority.as_bytes())?;
    put_text(head, request.uri().path_and_query().map_or("/", PathAndQuery::as_str).as_bytes())?;
    finish(head, request.headers(), max_header_list)
}

/// Writes the head of a response over `head`.
///
/// # Errors
/// A part is too long.
pub fn encode_response<B>(response: &Response<B>, max_header_list: u32, head: &mut Vec<u8>) -> Result<(), WireError> {
    head.clear();
    head.extend_from_slice(&[0; 4]);
    head.extend_from_slice(&response.status().as_u16().to_ne_bytes());
    finish(head, response.headers(), max_header_list)
}

/// Length of the head that a message begins with; its body is the rest.
///
/// # Errors
/// The message is shorter than its head claims to be.
pub fn head_length(message: &[u8]) -> Result<usize, WireError> {
    let first = message.first_chunk().ok_or(WireError::Truncated)?;
    let length = u32::from_ne_bytes(*first) as usize;
    if length < 4 || length > message.len() { Err(WireError::Truncated) } else { Ok(length) }
}

/// Reads the head of a request; the body is given along.
///
/// # Errors
/// The head is not one, or longer than the limit.
pub fn decode_request(head: &[u8], body: Bytes, max_header_list: u32) -> Result<Request, WireError> {
    let mut head = Head::new(head)?;
    let method = match head.u8()? {
        0 => {
            let length = head.u8()?;
            Method::from_bytes(head.take(length.into())?).map_err(|_| WireError::Malformed("method"))?
        }
        code => METHODS.get(usize::from(code) - 1).cloned().ok_or(WireError::Malformed("method"))?,
    };
    let _authority = head.text()?;
    let path = PathAndQuery::from_maybe_shared(Bytes::copy_from_slice(head.text()?))
        .map_err(|_| WireError::Malformed("path"))?;
    let mut request = Request::new(body);
    *request.method_mut() = method;
    *request.uri_mut() = Uri::from(path);
    *request.headers_mut() = head.fields(max_header_list)?;
    Ok(request)
}

/// Reads the head of a response; the body is given along.
///
/// # Errors
/// The head is not one, or longer than the limit.
pub fn decode_response(head: &[u8], body: Bytes, max_header_list: u32) -> Result<Response, WireError> {
    let mut head = Head::new(head)?;
    let status = StatusCode::from_u16(head.u16()?).map_err(|_| WireError::Malformed("status"))?;
    let mut response = Response::new(body);
    *response.status_mut() = status;
    *response.headers_mut() = head.fields(max_header_list)?;
    Ok(response)
}

/// Adds the fields, and the length in front.
fn finish(head: &mut Vec<u8>, fields: &HeaderMap, max_header_list: u32) -> Result<(), WireError> {
    let mut budget = max_header_list as usize;
    head.extend_from_slice(&u16::try_from(fields.len()).map_err(|_| WireError::TooLong)?.to_ne_bytes());
    for (name, value) in fields {
        spend(&mut budget, name.as_str().len() + value.len())?;
        match NAMES.iter().position(|known| known == name) {
            Some(index) => head.push(index as u8 + WELL_KNOWN),
            None => {
                let length = u8::try_from(name.as_str().len()).ok().filter(|length| *length < WELL_KNOWN);
                head.push(length.ok_or(WireError::TooLong)?);
                head.extend_from_slice(name.as_str().as_bytes());
            }
        }
        match VALUES.iter().position(|known| known == value) {
            Some(index) => head.extend_from_slice(&(index as u16 + KNOWN_VALUE).to_ne_bytes()),
            None => put_text(head, value.as_bytes())?,
        }
    }
    let length = u32::try_from(head.len()).map_err(|_| WireError::TooLong)?;
    head[..4].copy_from_slice(&length.to_ne_bytes());
    Ok(())
}

fn put_text(head: &mut Vec<u8>, text: &[u8]) -> Result<(), WireError> {
    let length = u16::try_from(text.len()).ok().filter(|length| *length < KNOWN_VALUE);
    head.extend_from_slice(&length.ok_or(WireError::TooLong)?.to_ne_bytes());
    head.extend_from_slice(text);
    Ok(())
}

fn spend(budget: &mut usize, length: usize) -> Result<(), WireError> {
    *budget = budget.checked_sub(length + FIELD_OVERHEAD).ok_or(WireError::TooLong)?;
    Ok(())
}

/// A head being read.
struct Head<'a>(&'a [u8]);

impl<'a> Head<'a> {
    fn new(octets: &'a [u8]) -> Result<Self, WireError> {
        octets.get(4..).map(Self).ok_or(WireError::Truncated)
    }

    fn u8(&mut self) -> Result<u8, WireError> {
        self.0.try_get_u8().map_err(|_| WireError::Truncated)
    }

    fn u16(&mut self) -> Result<u16, WireError> {
        self.0.try_get_u16_ne().map_err(|_| WireError::Truncated)
    }

    fn take(&mut self, length: usize) -> Result<&'a [u8], WireError> {
        let (taken, rest) = self.0.split_at_checked(length).ok_or(WireError::Truncated)?;
        self.0 = rest;
        Ok(taken)
    }

    fn text(&mut self) -> Result<&'a [u8], WireError> {
        let length = self.u16()?;
        self.take(length.into())
    }

    fn value(&mut self) -> Result<HeaderValue, WireError> {
        let malformed = WireError::Malformed("field value");
        match self.u16()? {
            length @ ..KNOWN_VALUE => HeaderValue::from_bytes(self.take(length.into())?).map_err(|_| malformed),
            code => VALUES.get(usize::from(code - KNOWN_VALUE)).cloned().ok_or(malformed),
        }
    }

    fn fields(&mut self, max_header_list: u32) -> Result<HeaderMap, WireError> {
        let mut budget = max_header_list as usize;
        let count = usize::from(self.u16()?);
        if count > max_header_list as usize / FIELD_OVERHEAD {
            return Err(WireError::TooLong);
        }
        let mut fields = HeaderMap::try_with_capacity(count).map_err(|_| WireError::TooLong)?;
        for _ in 0..count {
            let name = match self.u8()? {
                length @ ..WELL_KNOWN => HeaderName::from_bytes(self.take(length.into())?).ok(),
                code => NAMES.get(usize::from(code - WELL_KNOWN)).cloned(),
            };
            let name = name.ok_or(WireError::Malformed("field name"))?;
            let value = self.value()?;
            spend(&mut budget, name.as_str().len() + value.len())?;
            fields.try_append(name, value).map_err(|_| WireError::TooLong)?;
        }
        Ok(fields)
    }
}

#[cfg(test)]
mod tests;
