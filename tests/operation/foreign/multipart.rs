//! `multipart/related` (RFC 2387) as others than ours write it: quoted boundary, a preamble, other names of fields.

use bytes::Bytes;
use serde_json::Value;

use crate::http2::{Answer, Message};
use crate::nf::Nf;

pub(crate) const NAS: &str = "application/vnd.3gpp.5gnas";
pub(crate) const NGAP: &str = "application/vnd.3gpp.ngap";
pub(crate) const KIND: &str = "Multipart/Related; type=\"application/json\"; boundary=\"=_theirs.1\"";

/// A body of JSON and what it refers to: name, media type, octets.
pub(crate) fn write(json: &Value, parts: &[(&str, &str, &[u8])]) -> Bytes {
    let mut body = format!("to be ignored\r\n--=_theirs.1\r\ncontent-type:application/json\r\n\r\n{json}").into_bytes();
    for (name, kind, octets) in parts {
        let head = format!("\r\n--=_theirs.1  \r\nContent-ID: {name}\r\nX-Later: 1\r\nCONTENT-TYPE: {kind}\r\n\r\n");
        body.extend_from_slice(head.as_bytes());
        body.extend_from_slice(octets);
    }
    body.extend_from_slice(b"\r\n--=_theirs.1--\r\nto be ignored");
    body.into()
}

pub(crate) fn answer(status: u16, json: &Value, parts: &[(&str, &str, &[u8])]) -> Answer {
    Answer { status, kind: KIND.into(), location: None, body: write(json, parts) }
}

/// What a request says: its JSON and, by name, the parts with their media types.
pub(crate) struct Said {
    pub(crate) json: Value,
    parts: Vec<(String, String, Vec<u8>)>,
}

impl Said {
    /// Reads a request, with a binary part or none.
    pub(crate) fn read(nf: &Nf, message: &Message) -> Self {
        let kind = message.field("content-type");
        if kind == "application/json" {
            return Self { json: nf.body(message, kind), parts: Vec::new() };
        }
        let boundary = kind.split("boundary=").nth(1).map(|rest| rest.split(';').next().unwrap_or_default());
        let typed = kind.starts_with("multipart/related") && kind.contains("type=\"application/json\"");
        nf.expect(typed, || format!("{}: content-type {kind}", message.path));
        let delimiter = format!("--{}", boundary.unwrap_or_default().trim().trim_matches('"'));
        let mut parts = read(&message.body, delimiter.as_bytes());
        let whole = !parts.is_empty() && parts[0].1 == "application/json";
        nf.expect(whole, || format!("{}: the first part is not JSON", message.path));
        let root = if whole { parts.remove(0).2 } else { Vec::new() };
        Self { json: serde_json::from_slice(&root).unwrap_or_default(), parts }
    }

    /// The octets that a member of the JSON refers to.
    pub(crate) fn part(&self, nf: &Nf, member: &str, kind: &str) -> Option<&[u8]> {
        self.json.get(member).and_then(|reference| self.named(nf, reference, kind))
    }

    /// The octets of a reference (TS 29.571 `RefToBinaryData`).
    pub(crate) fn named(&self, nf: &Nf, reference: &Value, kind: &str) -> Option<&[u8]> {
        let name = &reference["contentId"];
        let found = self.parts.iter().find(|(id, ..)| name == id.as_str());
        nf.expect(found.is_some_and(|(_, said, _)| said == kind), || format!("no part {name} of {kind}"));
        found.map(|(.., octets)| octets.as_slice())
    }
}

/// Parts with Content-Id and Content-Type.
fn read(body: &[u8], delimiter: &[u8]) -> Vec<(String, String, Vec<u8>)> {
    let mut parts = Vec::new();
    let mut rest = after(body, delimiter).unwrap_or_default();
    while let Some((head, after_head)) = rest.strip_prefix(b"\r\n").and_then(|rest| cut(rest, b"\r\n\r\n")) {
        let end = [b"\r\n", delimiter].concat();
        let Some((octets, next)) = cut(after_head, &end) else { break };
        let head = String::from_utf8_lossy(head).into_owned();
        let field = |name: &str| {
            let mut lines = head.split("\r\n").filter_map(|line| line.split_once(':'));
            lines.find(|(said, _)| said.eq_ignore_ascii_case(name)).map_or("", |(_, value)| value.trim()).to_owned()
        };
        parts.push((field("content-id"), field("content-type"), octets.to_vec()));
        rest = next;
    }
    parts
}

fn cut<'a>(octets: &'a [u8], at: &[u8]) -> Option<(&'a [u8], &'a [u8])> {
    let place = octets.windows(at.len()).position(|window| window == at)?;
    Some((&octets[..place], &octets[place + at.len()..]))
}

fn after<'a>(octets: &'a [u8], what: &[u8]) -> Option<&'a [u8]> {
    cut(octets, what).map(|(_, after)| after)
}
