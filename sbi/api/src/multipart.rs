//! Bodies with binary parts: `multipart/related` (RFC 2387, TS 29.501 4.4.5): JSON first, then the N1 and N2 octets.

use std::io::{self, Write};
use std::marker::PhantomData;

use bytes::Bytes;
use http::HeaderValue;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::{Codec, Json, Problem};

/// Media type of a NAS message.
pub const NAS_5GS: &str = "application/vnd.3gpp.5gnas";
/// Media type of an NGAP IE.
pub const NGAP: &str = "application/vnd.3gpp.ngap";

/// More binary parts than any message of TS 29.5xx has.
const MAX_PARTS: usize = 16;
/// Octets of one part's headers.
const MAX_HEADERS: usize = 1024;

/// A binary part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// How the JSON refers to it.
    pub content_id: String,
    /// Its media type.
    pub content_type: String,
    /// Its octets.
    pub data: Bytes,
}

/// A JSON body and the binary parts it refers to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WithParts<T> {
    /// The JSON.
    pub json: T,
    /// The parts.
    pub parts: Vec<Part>,
}

impl<T> From<T> for WithParts<T> {
    fn from(json: T) -> Self {
        Self { json, parts: Vec::new() }
    }
}

impl<T> WithParts<T> {
    /// Adds a part and returns the reference to it, to be put into the JSON.
    pub fn attach(&mut self, content_id: &str, content_type: &str, data: Bytes) -> sbi_models::RefToBinaryData {
        let (content_id, content_type) = (content_id.to_owned(), content_type.to_owned());
        self.parts.push(Part { content_id, content_type, data });
        sbi_models::RefToBinaryData::from(self.parts.last().map_or("", |part| part.content_id.as_str()))
    }

    /// The octets that the JSON refers to.
    ///
    /// # Errors
    /// 400 where there is no such part.
    pub fn part(&self, reference: &sbi_models::RefToBinaryData) -> Result<Bytes, Problem> {
        let wanted = reference.content_id.as_str();
        let part = self.parts.iter().find(|part| part.content_id == wanted);
        part.map(|part| part.data.clone()).ok_or_else(|| Problem::incorrect("contentId", "no part has this Content-Id"))
    }
}

/// A body of JSON with binary parts; `application/json` where there are none.
pub struct Multipart<T>(PhantomData<T>);

impl<T: Serialize + DeserializeOwned + Send + Sync + 'static> Codec for Multipart<T> {
    type Value = WithParts<T>;

    fn content_type(value: &Self::Value) -> HeaderValue {
        if value.parts.is_empty() {
            return Json::<T>::content_type(&value.json);
        }
        let boundary = boundary_outside(&value.parts);
        let content_type = format!("multipart/related; boundary={boundary}; type=\"application/json\"");
        let content_type = HeaderValue::from_str(&content_type);
        content_type.unwrap_or(HeaderValue::from_static("multipart/related"))
    }

    fn write_to<W: Write>(value: &Self::Value, mut out: W) -> io::Result<()> {
        if value.parts.is_empty() {
            return Json::<T>::write_to(&value.json, out);
        }
        let boundary = boundary_outside(&value.parts);
        begin_part(&mut out, &boundary, "application/json", None)?;
        Json::<T>::write_to(&value.json, &mut out)?;
        for part in &value.parts {
            out.write_all(b"\r\n")?;
            begin_part(&mut out, &boundary, &part.content_type, Some(&part.content_id))?;
            out.write_all(&part.data)?;
        }
        put(&mut out, &["\r\n--", &boundary, "--\r\n"])
    }

    fn decode(content_type: &str, body: Bytes) -> Result<Self::Value, Problem> {
        let essence = content_type.split(';').next().unwrap_or_default().trim();
        if !essence.eq_ignore_ascii_case("multipart/related") {
            return Json::<T>::decode(content_type, body).map(WithParts::from);
        }
        let boundary = boundary_of(content_type).ok_or_else(|| broken("no boundary parameter"))?;
        let mut parts = split(&boundary, &body)?;
        if parts.is_empty() {
            return Err(broken("no part"));
        }
        let root = parts.remove(0);
        let json = Json::<T>::decode(&root.content_type, root.data)?;
        Ok(WithParts { json, parts })
    }
}

fn broken(why: &'static str) -> Problem {
    Problem::invalid_body(&format_args!("multipart/related: {why}"))
}

fn put(out: &mut impl Write, texts: &[&str]) -> io::Result<()> {
    texts.iter().try_for_each(|text| out.write_all(text.as_bytes()))
}

/// Delimiter and headers of a part.
fn begin_part(out: &mut impl Write, boundary: &str, content_type: &str, content_id: Option<&str>) -> io::Result<()> {
    put(out, &["--", boundary, "\r\nContent-Type: ", content_type])?;
    if let Some(content_id) = content_id {
        put(out, &["\r\nContent-Id: ", content_id])?;
    }
    put(out, &["\r\n\r\n"])
}

/// A boundary that no part contains (JSON cannot: it has no CR outside of escapes).
fn boundary_outside(parts: &[Part]) -> String {
    let taken = |boundary: &str| parts.iter().any(|part| find(&part.data, boundary.as_bytes(), 0).is_some());
    let mut boundary = String::from("----peregrine");
    let mut attempt = 0u32;
    while taken(&boundary) {
        attempt += 1;
        boundary = format!("----peregrine-{attempt:x}");
    }
    boundary
}

/// The boundary parameter of a media type (RFC 2046 5.1.1: 1 to 70 characters, perhaps quoted).
fn boundary_of(content_type: &str) -> Option<String> {
    let parameter = content_type.split(';').skip(1).find_map(|parameter| {
        let (name, value) = parameter.split_once('=')?;
        name.trim().eq_ignore_ascii_case("boundary").then(|| value.trim())
    })?;
    let boundary = parameter.trim_matches('"').trim_end();
    ((1..=70).contains(&boundary.len()) && boundary.is_ascii()).then(|| boundary.to_owned())
}

/// The parts between the boundary's delimiters.
fn split(boundary: &str, body: &Bytes) -> Result<Vec<Part>, Problem> {
    let delimiter = format!("\r\n--{boundary}");
    let first = delimiter.trim_start();
    let mut at = match body.starts_with(first.as_bytes()) {
        true => first.len(),
        false => find(body, delimiter.as_bytes(), 0).ok_or_else(|| broken("boundary not found"))? + delimiter.len(),
    };
    let mut parts = Vec::new();
    loop {
        let rest = body.get(at..).unwrap_or_default();
        if rest.starts_with(b"--") {
            return Ok(parts);
        }
        if parts.len() > MAX_PARTS {
            return Err(broken("too many parts"));
        }
        let line = find(body, b"\r\n", at).ok_or_else(|| broken("cut after a boundary"))?;
        if !rest.iter().take(line - at).all(|octet| matches!(octet, b' ' | b'\t')) {
            return Err(broken("text after a boundary"));
        }
        let end = find(body, delimiter.as_bytes(), line).ok_or_else(|| broken("no closing boundary"))?;
        parts.push(part(body.slice(line..end))?);
        at = end + delimiter.len();
    }
}

/// A part from the line end before its headers to the one after its data.
fn part(octets: Bytes) -> Result<Part, Problem> {
    let blank = find(&octets, b"\r\n\r\n", 0).ok_or_else(|| broken("a part without a blank line"))?;
    if blank > MAX_HEADERS {
        return Err(broken("headers too long"));
    }
    let headers = octets.get(..blank).and_then(|headers| std::str::from_utf8(headers).ok());
    let mut part = Part { content_id: String::new(), content_type: String::new(), data: octets.slice(blank + 4..) };
    for header in headers.ok_or_else(|| broken("headers are not text"))?.split("\r\n").filter(|line| !line.is_empty()) {
        let (name, value) = header.split_once(':').ok_or_else(|| broken("a header without a colon"))?;
        match name.trim() {
            name if name.eq_ignore_ascii_case("content-type") => part.content_type = value.trim().to_owned(),
            name if name.eq_ignore_ascii_case("content-id") => {
                part.content_id = value.trim().trim_matches(['<', '>']).to_owned()
            }
            _ => {}
        }
    }
    Ok(part)
}

fn find(octets: &[u8], wanted: &[u8], from: usize) -> Option<usize> {
    let rest = octets.get(from..)?;
    rest.windows(wanted.len()).position(|window| window == wanted).map(|at| from + at)
}
