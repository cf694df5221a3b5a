//! What is shown, as one line of JSON each.

use std::net::SocketAddr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

use super::blank;

/// Something that was seen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// When, in nanoseconds since 1970.
    pub at: u64,
    /// What.
    #[serde(flatten)]
    pub shown: Shown,
}

/// A line that is no record.
#[derive(Debug, thiserror::Error)]
#[error("not a record: {0}")]
pub struct RecordError(#[from] serde_json::Error);

/// What was seen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "seen", rename_all = "snake_case")]
pub enum Shown {
    /// A call of the service-based interface began.
    Request(Call),
    /// It was answered.
    Response {
        /// The call.
        call: u64,
        /// Status of the answer.
        status: u16,
        /// The answer.
        #[serde(flatten)]
        head: Head,
    },
    /// It ended without an answer.
    Failed {
        /// The call.
        call: u64,
        /// Why.
        why: String,
    },
    /// A message about a UE.
    Message(Message),
    /// What belongs to one UE: its SUPI, and what it is called elsewhere. Written as in [`Message::keys`].
    Same {
        /// All names of it.
        keys: Vec<String>,
    },
    /// A datagram or packet.
    Datagram(Datagram),
    /// The reader was too slow.
    Lost {
        /// Records it has missed so far.
        records: u64,
    },
}

/// A request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Call {
    /// Names it among those of its process.
    pub call: u64,
    /// Whether it is seen where it came in; else where it is made.
    pub incoming: bool,
    /// `shm`, `h2`, `h2+unix`.
    pub transport: String,
    /// Where the server listens.
    pub endpoint: String,
    /// Host and port of the server; empty where it did not say.
    pub authority: String,
    /// Method.
    pub method: String,
    /// Path and query.
    pub path: String,
    /// The rest.
    #[serde(flatten)]
    pub head: Head,
}

/// Header fields and body of a request or response.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// Header fields in their order.
    pub fields: Vec<(String, String)>,
    /// The body.
    pub body: Octets,
    /// What of them was blanked.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub blanked: Vec<String>,
}

/// A message between a UE or its node and the core.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// Who sends it: `gNB`, `AMF`.
    pub from: String,
    /// Who gets it.
    pub to: String,
    /// Its name, as `DownlinkNasTransport (AuthenticationRequest)`.
    pub name: String,
    /// What it says about whose it is, each as `supi:imsi-1`, `ngap:7`.
    pub keys: Vec<String>,
}

/// A datagram with its addresses. On N6 it is an IP packet and the addresses say nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Datagram {
    /// `n3`, `n4`, `n6`.
    pub interface: String,
    /// Who sends it.
    pub from: SocketAddr,
    /// Who gets it.
    pub to: SocketAddr,
    /// The payload of UDP; the IP packet on N6.
    pub octets: Octets,
    /// The rule that a packet on its way in matched.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rule: Option<Matched>,
}

/// A detection rule of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Matched {
    /// The session, as the UPF calls it.
    pub seid: u64,
    /// The PDR, by its number there.
    pub pdr: u16,
}

/// Octets, in JSON as base64.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Octets(pub Vec<u8>);

impl Serialize for Octets {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&STANDARD.encode(&self.0))
    }
}

impl<'de> Deserialize<'de> for Octets {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        STANDARD.decode(text.as_bytes()).map(Self).map_err(serde::de::Error::custom)
    }
}

impl Shown {
    /// About how many octets it holds.
    pub fn octets(&self) -> usize {
        let head = |head: &Head| head.body.0.len() + head.fields.iter().map(|(n, v)| n.len() + v.len()).sum::<usize>();
        match self {
            Self::Request(call) => head(&call.head) + call.path.len(),
            Self::Response { head: answer, .. } => head(answer),
            Self::Datagram(datagram) => datagram.octets.0.len(),
            Self::Failed { .. } | Self::Message(_) | Self::Same { .. } | Self::Lost { .. } => 0,
        }
    }
}

impl Record {
    /// The record of a line.
    ///
    /// # Errors
    /// It is none.
    pub fn read(line: &str) -> Result<Self, RecordError> {
        Ok(serde_json::from_str(line)?)
    }

    /// The line, with its end; blanked, unless the reader may see secrets.
    pub(super) fn line(&self, secrets: bool) -> Vec<u8> {
        let mut record = self.clone();
        match &mut record.shown {
            Shown::Request(call) => blank::head(&mut call.head, secrets),
            Shown::Response { head, .. } => blank::head(head, secrets),
            _ => {}
        }
        // Numbers, texts and octets always have a JSON form.
        let mut line = serde_json::to_vec(&record).unwrap_or_default();
        line.push(b'\n');
        line
    }
}
