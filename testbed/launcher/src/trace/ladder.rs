//! A UE's procedures as text: an arrow a line, as docs/procedures has them, with times before it.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::net::IpAddr;

use runtime::trace::Shown;

use super::n4;
use super::names::Names;
use super::operation;
use super::source::Seen;

/// Nanoseconds of silence after which what comes is a procedure of its own.
const SILENCE: u64 = 1_000_000_000;

/// Calls under way that are remembered.
const MOST_OPEN: usize = 4096;

/// A ladder being drawn.
pub(super) struct Ladder {
    names: Names,
    /// Draws only the last procedure.
    last_only: bool,
    drawn: String,
    began: u64,
    before: u64,
    open: HashMap<(String, u64), Open>,
    /// Arrows drawn.
    pub(super) arrows: u64,
    /// Procedures seen.
    pub(super) procedures: u64,
}

/// A call under way.
struct Open {
    client: String,
    server: String,
    name: String,
    began: u64,
}

/// An arrow.
struct Arrow {
    from: String,
    to: String,
    what: String,
    /// Whether a procedure may begin with it.
    begins: bool,
}

impl Ladder {
    pub(super) fn new(names: Names, last_only: bool) -> Self {
        let (drawn, open) = (String::new(), HashMap::new());
        Self { names, last_only, drawn, began: 0, before: 0, open, arrows: 0, procedures: 0 }
    }

    /// Adds a record; the lines to print now.
    pub(super) fn add(&mut self, seen: &Seen) -> String {
        if let Some(arrow) = self.arrow(seen) {
            self.draw(seen.record.at, &arrow);
        }
        if self.last_only { String::new() } else { std::mem::take(&mut self.drawn) }
    }

    /// The lines that are left.
    pub(super) fn finish(&mut self) -> String {
        std::mem::take(&mut self.drawn)
    }

    fn draw(&mut self, at: u64, arrow: &Arrow) {
        let silent = at.saturating_sub(self.before) > SILENCE && self.open.len() <= 1;
        if self.procedures == 0 || silent || arrow.begins {
            if self.last_only {
                self.drawn.clear();
            }
            let gap = if self.drawn.is_empty() && self.arrows == 0 { "" } else { "\n" };
            let _ = writeln!(self.drawn, "{gap}{} {}", clock(at), arrow.what); // a String takes everything
            (self.began, self.before) = (at, at);
            self.procedures += 1;
        }
        let (since_begin, since_before) = (millis(at, self.began), millis(at, self.before));
        let _ = writeln!(
            self.drawn,
            "{since_begin:>10.3} {since_before:>+9.3}  {:<4} -> {:<4}  {}",
            arrow.from, arrow.to, arrow.what
        );
        self.before = at;
        self.arrows += 1;
    }

    fn arrow(&mut self, seen: &Seen) -> Option<Arrow> {
        let nf = &seen.nf;
        match &seen.record.shown {
            Shown::Message(message) => Some(Arrow {
                from: message.from.clone(),
                to: message.to.clone(),
                what: message.name.clone(),
                begins: begins(&message.name),
            }),
            Shown::Request(call) => {
                let (client, server) = self.names.ends(nf, call);
                let (client, server) = (client.to_uppercase(), server.to_uppercase());
                let name = operation::name(call);
                let arrow = self.plain(&client, &server, format!("{name} request"));
                if self.open.len() < MOST_OPEN {
                    let open = Open { client, server, name, began: seen.record.at };
                    self.open.insert((nf.clone(), call.call), open);
                }
                Some(arrow)
            }
            Shown::Response { call, status, .. } => {
                let open = self.open.remove(&(nf.clone(), *call))?;
                let took = millis(seen.record.at, open.began);
                let result = if (200..300).contains(status) { "response" } else { "error" };
                Some(self.plain(
                    &open.server,
                    &open.client,
                    format!("{} {result} {status} (after {took:.3} ms)", open.name),
                ))
            }
            Shown::Failed { call, why } => {
                let open = self.open.remove(&(nf.clone(), *call))?;
                Some(self.plain(&open.client, &open.server, format!("{} without answer: {why}", open.name)))
            }
            Shown::Datagram(datagram) if nf == "smf" => {
                let header = n4::Header::read(&datagram.octets.0)?;
                let (from, to) = (self.node(datagram.from.ip()), self.node(datagram.to.ip()));
                Some(self.plain(&from, &to, header.name()))
            }
            _ => None,
        }
    }

    fn plain(&self, from: &str, to: &str, what: String) -> Arrow {
        Arrow { from: from.to_owned(), to: to.to_owned(), what, begins: false }
    }

    /// The end of N4 at this address: the SMF's own, else a UPF.
    fn node(&self, address: IpAddr) -> String {
        if address == self.names.address_of("smf") { "SMF".into() } else { "UPF".into() }
    }
}

/// Whether a procedure begins with this message, as the UE or its node sends it.
fn begins(name: &str) -> bool {
    name.starts_with("InitialUeMessage")
        || ["RegistrationRequest", "DeregistrationRequest", "UlNasTransport"]
            .iter()
            .any(|nas| name.strip_prefix("UplinkNasTransport (").is_some_and(|rest| rest.starts_with(nas)))
}

/// Milliseconds from `before` to `at`.
fn millis(at: u64, before: u64) -> f64 {
    at.saturating_sub(before) as f64 / 1e6
}

/// The time of day, UTC.
fn clock(at: u64) -> String {
    let (seconds, micros) = (at / 1_000_000_000, at / 1_000 % 1_000_000);
    let day = seconds % 86_400;
    format!("{:02}:{:02}:{:02}.{micros:06}Z", day / 3600, day / 60 % 60, day % 60)
}

#[cfg(test)]
mod tests {
    use runtime::trace::{Datagram, Message, Octets, Record};

    use super::*;
    use crate::trace::samples::{answer, call};

    fn message(at: u64, from: &str, to: &str, name: &str) -> Seen {
        let shown = Shown::Message(Message { from: from.into(), to: to.into(), name: name.into(), keys: Vec::new() });
        Seen { nf: "amf".into(), record: Record { at, shown } }
    }

    fn n4(at: u64, kind: u8, from: [u8; 4], to: [u8; 4]) -> Seen {
        let octets = Octets(vec![0x21, kind, 0, 12, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0]);
        let (from, to) = ((from, 8805).into(), (to, 8805).into());
        let shown = Shown::Datagram(Datagram { interface: "n4".into(), from, to, octets, rule: None });
        Seen { nf: "smf".into(), record: Record { at, shown } }
    }

    #[test]
    fn arrows_have_times_and_a_new_request_begins_a_new_procedure() {
        let names = Names::from([("amf", "127.0.0.5:7777"), ("smf", "127.0.0.4:7777")]);
        let (smf, upf) = ([127, 0, 0, 4], [127, 0, 0, 7]);
        let day = 86_400_000_000_000;
        let seen = [
            message(day, "gNB", "AMF", "UplinkNasTransport (UlNasTransport)"),
            call("amf", 1, day + 1_500_000, "POST", "/nsmf-pdusession/v1/sm-contexts"),
            n4(day + 2_000_000, 50, smf, upf),
            n4(day + 2_500_000, 51, upf, smf),
            answer("amf", 1, day + 3_000_000, 201),
            message(day + 5_000_000_000, "gNB", "AMF", "UplinkNasTransport (DeregistrationRequestUeOriginating)"),
        ];
        let expected = "\
00:00:00.000000Z UplinkNasTransport (UlNasTransport)
     0.000    +0.000  gNB  -> AMF   UplinkNasTransport (UlNasTransport)
     1.500    +1.500  AMF  -> SMF   Nsmf_PDUSession_CreateSMContext request
     2.000    +0.500  SMF  -> UPF   PFCP Session Establishment Request
     2.500    +0.500  UPF  -> SMF   PFCP Session Establishment Response
     3.000    +0.500  SMF  -> AMF   Nsmf_PDUSession_CreateSMContext response 201 (after 1.500 ms)

00:00:05.000000Z UplinkNasTransport (DeregistrationRequestUeOriginating)
     0.000    +0.000  gNB  -> AMF   UplinkNasTransport (DeregistrationRequestUeOriginating)
";
        let mut ladder = Ladder::new(names.clone(), false);
        let text: String = seen.iter().map(|seen| ladder.add(seen)).collect();
        assert_eq!(text, expected);
        let mut last = Ladder::new(names, true);
        assert!(seen.iter().all(|seen| last.add(seen).is_empty()));
        assert_eq!(last.finish().trim_start(), expected.split("\n\n").nth(1).expect("two procedures"));
    }
}
