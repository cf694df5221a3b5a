//! Whose a record is: most do not name the subscriber, but something that another record ties to it.
//!
//! A key is a thing that belongs to one UE: its SUPI, a SUCI, a resource made for it, its number on N2, a SEID. A record that
//! has a key of the subject is about the subject, and so are all other keys it has.

use std::collections::HashSet;

use runtime::trace::{Datagram, Head, Shown};
use serde_json::Value;

use super::n4;
use super::source::Seen;

/// Resources that belong to one UE and do not name it: service, and the collection they are in.
const RESOURCES: &[(&str, &str)] =
    &[("nausf-auth", "ue-authentications"), ("nsmf-pdusession", "sm-contexts"), ("nsmf-callback", "sm-contexts")];

/// Octets of a body that are looked into.
const LONGEST: usize = 1 << 20;

/// Keys kept of one subject: one who comes and goes for weeks.
const MOST: usize = 1 << 20;

/// A UE that is followed, by all keys it is known to have.
pub(super) struct Subject(HashSet<String>);

impl Subject {
    /// The UE with this SUPI.
    pub(super) fn new(supi: &str) -> Self {
        Self(HashSet::from([identity(supi)]))
    }

    /// A UE of which nothing is known yet.
    pub(super) fn nobody() -> Self {
        Self(HashSet::new())
    }

    /// Whether any of the keys is one of the subject's.
    pub(super) fn knows(&self, keys: &[String]) -> bool {
        keys.iter().any(|key| self.0.contains(key))
    }

    /// Takes all of the keys if one is the subject's. Whether some were new.
    pub(super) fn learn(&mut self, keys: &[String]) -> bool {
        self.knows(keys) && self.tell(keys)
    }

    /// Takes the keys. Whether some were new.
    pub(super) fn tell(&mut self, keys: &[String]) -> bool {
        let before = self.0.len();
        if before < MOST {
            self.0.extend(keys.iter().cloned());
        }
        self.0.len() > before
    }
}

/// The key of a SUPI or SUCI. A SUCI of the null scheme says the SUPI (TS 23.003 2.2B).
pub(super) fn identity(text: &str) -> String {
    let parts: Vec<&str> = text.split('-').collect();
    match parts.as_slice() {
        ["suci", "0", mcc, mnc, _, "0", _, msin] => format!("imsi-{mcc}{mnc}{msin}"),
        _ => text.to_owned(),
    }
}

fn is_identity(text: &str) -> bool {
    ["imsi-", "suci-", "nai-"].iter().any(|kind| text.starts_with(kind))
}

/// All keys of a record.
pub(super) fn keys(seen: &Seen) -> Vec<String> {
    let mut keys = Vec::new();
    let nf = &seen.nf;
    match &seen.record.shown {
        Shown::Request(call) => {
            if call.path.starts_with("/nnrf-") {
                return keys; // about NFs
            }
            keys.push(format!("call:{nf}:{}", call.call));
            of_path(&call.path, &mut keys);
            of_head(&call.head, &mut keys);
        }
        Shown::Response { call, head, .. } => {
            keys.push(format!("call:{nf}:{call}"));
            of_head(head, &mut keys);
        }
        Shown::Failed { call, .. } => keys.push(format!("call:{nf}:{call}")),
        Shown::Message(message) => keys.extend(message.keys.iter().map(|key| identity(key))),
        Shown::Datagram(datagram) => of_datagram(datagram, &mut keys),
        Shown::Same { keys: same } => keys.extend(same.iter().map(|key| identity(key))),
        Shown::Lost { .. } => {}
    }
    keys
}

/// Identities in a path, and the resource it is or belongs to.
fn of_path(path: &str, keys: &mut Vec<String>) {
    let path = path.split('?').next().unwrap_or_default();
    let segments: Vec<&str> = path.split('/').skip(1).collect();
    keys.extend(segments.iter().filter(|segment| is_identity(segment)).map(|segment| identity(segment)));
    if let [service, _, collection, id, ..] = segments.as_slice()
        && RESOURCES.contains(&(service, collection))
    {
        // A callback about an SM context is named after it.
        keys.push(format!("{collection}:{id}"));
    }
}

fn of_head(head: &Head, keys: &mut Vec<String>) {
    let location = head.fields.iter().find(|(name, _)| name.eq_ignore_ascii_case("location"));
    if let Some((_, location)) = location {
        of_path(path_of(location), keys);
    }
    let octets = head.body.0.get(..head.body.0.len().min(LONGEST)).unwrap_or_default();
    // In a multipart body the JSON part comes first (TS 29.500 5.4).
    let begin = octets.iter().position(|octet| matches!(octet, b'{' | b'[')).unwrap_or(octets.len());
    let mut values = serde_json::Deserializer::from_slice(octets.get(begin..).unwrap_or_default()).into_iter::<Value>();
    if let Some(Ok(value)) = values.next() {
        of_json(&value, keys);
    }
}

fn of_json(value: &Value, keys: &mut Vec<String>) {
    match value {
        Value::String(text) if is_identity(text) => keys.push(identity(text)),
        Value::String(text) if text.contains("://") => of_path(path_of(text), keys),
        Value::Array(list) => list.iter().for_each(|value| of_json(value, keys)),
        Value::Object(members) => members.values().for_each(|value| of_json(value, keys)),
        _ => {}
    }
}

/// The path of an absolute or relative URI.
fn path_of(uri: &str) -> &str {
    match uri.split_once("://") {
        Some((_, rest)) => rest.find('/').and_then(|at| rest.get(at..)).unwrap_or_default(),
        None => uri,
    }
}

/// A PFCP message is of a session by its SEID, which is the receiver's, and by its F-SEIDs; an answer by its number too.
fn of_datagram(datagram: &Datagram, keys: &mut Vec<String>) {
    let Some(header) = n4::Header::read(&datagram.octets.0) else { return };
    if !header.is_of_session() {
        return;
    }
    let (asker, answerer) =
        if header.is_request() { (datagram.from, datagram.to) } else { (datagram.to, datagram.from) };
    keys.push(format!("n4:{}-{}:{}", asker.ip(), answerer.ip(), header.sequence));
    if let Some(seid) = header.seid.filter(|seid| *seid != 0) {
        keys.push(n4::key(datagram.to.ip(), seid));
    }
    keys.extend(
        n4::f_seids(&datagram.octets.0).map(|(address, seid)| n4::key(address.unwrap_or(datagram.from.ip()), seid)),
    );
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trace::samples::{answer, call};

    #[test]
    fn a_context_made_for_the_ue_is_its_own_from_then_on() {
        let mut subject = Subject::new("imsi-999700000000001");
        let mut create = call("amf", 4, 1, "POST", "/nsmf-pdusession/v1/sm-contexts");
        let Shown::Request(request) = &mut create.record.shown else { panic!("a request") };
        request.head.body.0 =
            b"--b\r\nContent-Type: application/json\r\n\r\n{\"supi\":\"imsi-999700000000001\"}\r\n--b\r\n\x7e".to_vec();
        assert!(subject.learn(&keys(&create)));
        let mut created = answer("amf", 4, 2, 201);
        let Shown::Response { head, .. } = &mut created.record.shown else { panic!("an answer") };
        head.fields = vec![("Location".into(), "http://127.0.0.4:7777/nsmf-pdusession/v1/sm-contexts/9".into())];
        assert!(subject.learn(&keys(&created)));
        assert!(subject.knows(&keys(&call("amf", 5, 3, "POST", "/nsmf-pdusession/v1/sm-contexts/9/modify"))));
        assert!(subject.knows(&keys(&call("amf", 6, 3, "POST", "/nsmf-callback/v1/sm-contexts/9/transfer-failure"))));
        assert!(!subject.knows(&keys(&call("amf", 7, 3, "POST", "/nsmf-pdusession/v1/sm-contexts/10/modify"))));
    }

    #[test]
    fn a_suci_that_hides_nothing_is_the_supi() {
        assert_eq!(identity("suci-0-999-70-0-0-0-0000000001"), "imsi-999700000000001");
        assert_eq!(identity("suci-0-999-70-0-1-1-ab"), "suci-0-999-70-0-1-1-ab");
    }

    #[test]
    fn discovery_is_about_nobody() {
        assert!(keys(&call("amf", 1, 1, "GET", "/nnrf-disc/v1/nf-instances?supi=imsi-1")).is_empty());
    }
}
