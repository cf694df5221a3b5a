//! What of a call is blanked before it leaves the process.
//!
//! Everything that whoever holds it could use to pass for a subscriber, a network or an NF, or to read what is ciphered.
//! RAND, AUTN and AUTS are not: they go over the air in the clear (TS 33.501 6.1.3.2, TS 24.501 8.2.1). A body that cannot be
//! looked into is blanked as a whole.

use serde_json::Value;

use super::record::Head;

/// Whether something may be shown at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Secrecy {
    /// To a reader that asks for secrets.
    OnRequest,
    /// Never: the subscriber's permanent keys.
    Always,
}

use Secrecy::{Always, OnRequest};

/// Members of JSON bodies and of forms.
const FIELDS: &[(&str, Secrecy)] = &[
    // Permanent keys of a subscriber, TS 29.505 5.4.2.2 (encrypted or not: how is the operator's affair).
    ("encPermanentKey", Always),
    ("encOpcKey", Always),
    ("encTopcKey", Always),
    ("permanentKey", Always),
    ("opc", Always),
    ("opcKey", Always),
    // Authentication vectors, TS 29.503 6.3.6.2: whoever has XRES* can pretend that the UE has answered (TS 33.501
    // 6.1.3.2.0, home control). RES* is the same value. HXRES* follows from it by a one-way function, but counts as part of the
    // vector: RES* of a UE that has just been heard on the air is tested against it.
    ("xresStar", OnRequest),
    ("hxresStar", OnRequest),
    ("resStar", OnRequest),
    ("xres", OnRequest),
    ("ck", OnRequest),
    ("ik", OnRequest),
    ("ckPrime", OnRequest),
    ("ikPrime", OnRequest),
    ("kasme", OnRequest),
    // Keys of the hierarchy, TS 33.501 6.2 and annex A.
    ("kausf", OnRequest),
    ("kseaf", OnRequest),
    ("kamf", OnRequest),
    ("kgnb", OnRequest),
    ("nh", OnRequest),
    ("kakma", OnRequest),
    ("kAkma", OnRequest),
    ("kaf", OnRequest),
    // SeafData of a UE context that moves, TS 29.518 6.1.6.2.28: KeyAmf.keyVal.
    ("keyVal", OnRequest),
    // EAP payloads carry MSK-deriving material, TS 29.509 6.1.6.2.
    ("eapPayload", OnRequest),
    // OAuth 2.0, TS 29.510 6.3 and RFC 6749.
    ("access_token", OnRequest),
    ("refresh_token", OnRequest),
    ("id_token", OnRequest),
    ("client_secret", OnRequest),
    ("client_assertion", OnRequest),
    ("assertion", OnRequest),
    ("password", OnRequest),
];

/// Header fields, TS 29.500 5.2.2 and 5.2.3.2.
const HEADERS: &[&str] = &[
    "authorization",
    "proxy-authorization",
    "cookie",
    "set-cookie",
    "3gpp-sbi-client-credentials",
    "3gpp-sbi-source-nf-client-credentials",
];

/// Members whose `path`, beside them, says what they are: JSON Patch (RFC 6902) and ChangeItem (TS 29.571 5.2.4.3).
const BY_PATH: &[&str] = &["value", "newValue", "origValue"];

/// Overwrites what must not be seen, each octet by another, so that lengths stay; notes what it was.
pub(super) fn head(head: &mut Head, secrets: bool) {
    let from = if secrets { Always } else { OnRequest };
    for (name, value) in &mut head.fields {
        if !secrets && HEADERS.contains(&name.to_ascii_lowercase().as_str()) {
            *value = "*".repeat(value.len());
            head.blanked.push(name.clone());
        }
    }
    let of =
        |name: &str| head.fields.iter().find(|(field, _)| field.eq_ignore_ascii_case(name)).map(|(_, v)| v.as_str());
    let content_type = of("content-type").unwrap_or_default().to_owned();
    let mut blanked = Vec::new();
    body(&content_type, &mut head.body.0, from, &mut blanked);
    blanked.sort_unstable();
    blanked.dedup();
    head.blanked.extend(blanked);
}

fn body(content_type: &str, octets: &mut [u8], from: Secrecy, blanked: &mut Vec<String>) {
    if octets.is_empty() {
        return;
    }
    let media_type = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let known = match media_type.as_str() {
        json if json == "application/json" || json.ends_with("+json") => self::json(octets, from, blanked),
        "multipart/related" => multipart(content_type, octets, from, blanked),
        "application/x-www-form-urlencoded" => {
            form(octets, from, blanked);
            true
        }
        "application/vnd.3gpp.5gnas" | "application/vnd.3gpp.ngap" => true,
        _ => false,
    };
    // With `--secrets` too: nobody knows whether there are permanent keys in it.
    if !known {
        octets.fill(b'*');
        blanked.push("body".to_owned());
    }
}

/// The parts of a multipart body, each by its own content type. `false` if it has none.
fn multipart(content_type: &str, octets: &mut [u8], from: Secrecy, blanked: &mut Vec<String>) -> bool {
    let boundary = content_type.split(';').find_map(|part| part.trim().strip_prefix("boundary="));
    let Some(boundary) = boundary.map(|text| text.trim_matches('"')).filter(|text| !text.is_empty()) else {
        return false;
    };
    // As the body is read (`sbi_api::multipart`): a delimiter stands at the beginning of a line.
    let delimiter = format!("\r\n--{boundary}");
    let opening = delimiter.as_bytes().get(2..).unwrap_or_default();
    let Some(first) = (if octets.starts_with(opening) {
        Some(0)
    } else {
        find_all(octets, delimiter.as_bytes()).first().map(|at| at + 2)
    }) else {
        return false;
    };
    // What stands before the first delimiter belongs to no part.
    octets.get_mut(..first).unwrap_or_default().fill(b'*');
    let mut from_here = first + opening.len();
    loop {
        let rest = octets.get_mut(from_here..).unwrap_or_default();
        let next = find_all(rest, delimiter.as_bytes()).first().copied();
        part(rest.get_mut(..next.unwrap_or(rest.len())).unwrap_or_default(), from, blanked);
        let Some(next) = next else { return true };
        from_here += next + delimiter.len();
    }
}

/// One part, from behind its delimiter; what is not one is blanked, but for the end of the last delimiter.
fn part(octets: &mut [u8], from: Secrecy, blanked: &mut Vec<String>) {
    let Some(head_end) = find_all(octets, b"\r\n\r\n").first().copied() else {
        let end = if octets.starts_with(b"--") { 2 } else { 0 };
        let rest = octets.get_mut(end..).unwrap_or_default();
        rest.iter_mut().filter(|octet| !octet.is_ascii_whitespace()).for_each(|octet| *octet = b'*');
        return;
    };
    let (head, rest) = octets.split_at_mut(head_end + 4);
    let own = String::from_utf8_lossy(head).lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.trim().eq_ignore_ascii_case("content-type").then(|| value.trim().to_owned())
    });
    body(&own.unwrap_or_default(), rest, from, blanked);
}

fn find_all(octets: &[u8], sought: &[u8]) -> Vec<usize> {
    octets.windows(sought.len()).enumerate().filter(|(_, window)| *window == sought).map(|(at, _)| at).collect()
}

fn form(octets: &mut [u8], from: Secrecy, blanked: &mut Vec<String>) {
    for pair in octets.split_mut(|octet| *octet == b'&') {
        let name_end = pair.iter().position(|octet| *octet == b'=').unwrap_or(pair.len());
        let (name, value) = pair.split_at_mut(name_end);
        let name = String::from_utf8_lossy(name).into_owned();
        // A name in another spelling than ours may be any.
        if name.contains('%') || is_secret(&name, from) {
            value.iter_mut().skip(1).for_each(|octet| *octet = b'*');
            blanked.push(name);
        }
    }
}

/// Overwrites secret members. `false` if it is no JSON.
fn json(octets: &mut [u8], from: Secrecy, blanked: &mut Vec<String>) -> bool {
    let Ok(whole) = serde_json::from_slice::<Value>(octets) else { return false };
    let by_path = names_secret_path(&whole, from);
    let mut text = Text { octets, at: 0, from, by_path, blanked };
    text.value(false);
    true
}

fn is_secret(name: &str, from: Secrecy) -> bool {
    FIELDS.iter().any(|(field, secrecy)| *field == name && *secrecy >= from)
}

/// Whether some `path` in it leads to a secret.
fn names_secret_path(value: &Value, from: Secrecy) -> bool {
    let secret = |path: &str| path.split('/').any(|segment| is_secret(segment, from));
    match value {
        Value::Array(list) => list.iter().any(|value| names_secret_path(value, from)),
        Value::Object(members) => {
            members.get("path").and_then(Value::as_str).is_some_and(secret)
                || members.values().any(|value| names_secret_path(value, from))
        }
        _ => false,
    }
}

/// A JSON text, known to be one, being gone through.
struct Text<'t> {
    octets: &'t mut [u8],
    at: usize,
    from: Secrecy,
    by_path: bool,
    blanked: &'t mut Vec<String>,
}

impl Text<'_> {
    fn peek(&mut self) -> u8 {
        while self.octets.get(self.at).is_some_and(u8::is_ascii_whitespace) {
            self.at += 1;
        }
        self.octets.get(self.at).copied().unwrap_or(0)
    }

    /// Goes over a value; overwrites what is in it if `secret`.
    fn value(&mut self, secret: bool) {
        match self.peek() {
            b'{' => self.list(b'}', |text| text.member(secret)),
            b'[' => self.list(b']', |text| text.value(secret)),
            b'"' => {
                let string = self.string();
                if secret {
                    self.overwrite(string.start + 1..string.end.saturating_sub(1), |_| b'*');
                }
            }
            _ => self.literal(secret),
        }
    }

    /// Goes over what stands between commas, up to `end`.
    fn list(&mut self, end: u8, mut each: impl FnMut(&mut Self)) {
        self.at += 1;
        while self.at < self.octets.len() && self.peek() != end {
            each(self);
            if self.peek() == b',' {
                self.at += 1;
            }
        }
        self.at += 1;
    }

    fn member(&mut self, secret: bool) {
        self.peek();
        let token = self.string();
        let name: String =
            self.octets.get(token).and_then(|token| serde_json::from_slice(token).ok()).unwrap_or_default();
        let own = is_secret(&name, self.from) || (self.by_path && BY_PATH.contains(&name.as_str()));
        self.peek();
        self.at += 1; // the colon
        if own {
            self.blanked.push(name);
        }
        self.value(secret || own);
    }

    /// Goes over a string; where it stands, quotes included.
    fn string(&mut self) -> std::ops::Range<usize> {
        let start = self.at;
        self.at += 1;
        while let Some(octet) = self.octets.get(self.at) {
            self.at += if *octet == b'\\' { 2 } else { 1 };
            if *octet == b'"' {
                break;
            }
        }
        start..self.at.min(self.octets.len())
    }

    /// Goes over a number or word.
    fn literal(&mut self, secret: bool) {
        let start = self.at;
        while self
            .octets
            .get(self.at)
            .is_some_and(|octet| !matches!(octet, b',' | b']' | b'}') && !octet.is_ascii_whitespace())
        {
            self.at += 1;
        }
        if secret {
            self.overwrite(start..self.at, |octet| if octet.is_ascii_digit() { b'1' } else { octet });
        }
    }

    fn overwrite(&mut self, range: std::ops::Range<usize>, with: impl Fn(u8) -> u8) {
        self.octets.get_mut(range).unwrap_or_default().iter_mut().for_each(|octet| *octet = with(*octet));
    }
}

#[cfg(test)]
#[path = "blank_tests.rs"]
mod tests;
