//! `peregrine trace packets`: N3, N6 and N4 of a UE's sessions, as a capture.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io::{self, Write};
use std::net::IpAddr;
use std::process::ExitCode;
use std::time::Duration;

use runtime::trace::{Datagram, Kind, Matched, Shown};
use serde_json::Value;

use super::options::PacketOptions;
use super::packet::{LONGEST, udp};
use super::pcapng::{Capture, Interface};
use super::source::{Seen, Sources, Wish};
use super::subject::Subject;
use super::timeline::Timeline;
use super::{ATTRIBUTION, ORDER, Run, create, end_of_writing, full_supi, unwritable};
use crate::{Core, Failure, admin, names as nfs};

/// How often the SMF is asked whether the subject has new sessions.
const ASK_EVERY: Duration = Duration::from_millis(500);

/// Addresses of one UE that are followed: each takes a reader at the UPF.
const MOST_ADDRESSES: usize = 4;

/// Writes packets by their interface.
struct PacketWriter<W> {
    capture: Capture<W>,
    interfaces: HashMap<String, Interface>,
    written: u64,
    /// Packets by the rule that they matched.
    matched: BTreeMap<Matched, u64>,
}

/// Rules that packets are counted by.
const MOST_RULES: usize = 4096;

impl<W: Write> PacketWriter<W> {
    fn begin(out: W, kinds: &[Kind]) -> io::Result<Self> {
        let mut capture = Capture::begin(out)?;
        let named = kinds.iter().map(|kind| Ok((kind.as_str().to_owned(), capture.interface(kind.as_str())?)));
        let interfaces = named.collect::<io::Result<_>>()?;
        Ok(Self { capture, interfaces, written: 0, matched: BTreeMap::new() })
    }

    fn write(&mut self, seen: &Seen) -> io::Result<()> {
        let Shown::Datagram(datagram) = &seen.record.shown else { return Ok(()) };
        let Some(interface) = self.interfaces.get(&datagram.interface).copied() else { return Ok(()) };
        self.written += 1;
        let comment = datagram.rule.map(|Matched { seid, pdr }| format!("PDR {pdr} of session {seid:#x}"));
        if let Some(rule) =
            datagram.rule.filter(|rule| self.matched.len() < MOST_RULES || self.matched.contains_key(rule))
        {
            *self.matched.entry(rule).or_default() += 1;
        }
        self.capture.packet(interface, seen.record.at, &packet(datagram), &comment.unwrap_or_default())
    }

    /// Tells how often each rule was matched.
    fn tell_matched(&self) {
        for (Matched { seid, pdr }, count) in &self.matched {
            eprintln!("peregrine: session {seid:#x}, PDR {pdr}: {count} hits");
        }
    }
}

/// The packet on the wire: an IP packet is one, a payload of UDP gets its headers back.
fn packet(datagram: &Datagram) -> Vec<u8> {
    let octets = &datagram.octets.0;
    match datagram.interface.as_str() {
        "n6" => octets.get(..octets.len().min(LONGEST)).unwrap_or_default().to_vec(),
        _ => udp(datagram.from, datagram.to, octets),
    }
}

/// Captures packets until it is to end.
pub(super) async fn packets(core: &Core, options: &PacketOptions) -> Result<ExitCode, Failure> {
    let kinds = kinds(options);
    let sources = Sources::new();
    let mut follower = Follower::of(options);
    let timeline = match follower.keys() {
        Some(subject) => Timeline::new(ATTRIBUTION, Some(subject)),
        None => Timeline::new(ORDER, None),
    };
    let on_path: Vec<Kind> = kinds.iter().copied().filter(|kind| *kind != Kind::N4).collect();
    // Sessions of a subject are noticed as they come about.
    if kinds.contains(&Kind::N4) || follower.waits_for_sessions() {
        // Both ends see N4; the SMF's is taken where it is ours.
        let wish = Wish::new(&[Kind::N4], false);
        match sources.add(core, "smf", wish.clone()).await {
            Err(Failure::NoAnswer { .. }) => sources.add(core, "upf", wish).await?,
            other => other?,
        }
    }
    if !on_path.is_empty() && follower.follows_all() {
        sources.add(core, "upf", Wish::new(&on_path, false)).await?;
    }
    let mut writer = PacketWriter::begin(create(&options.write)?, &kinds).map_err(unwritable)?;
    let mut run = Run::new(sources, timeline, options.seconds)?;
    eprintln!("peregrine: capturing packets; Ctrl-C ends it");
    let outcome = follow(core, &mut run, &mut follower, &on_path, &mut writer).await?;
    let flushed = writer.capture.flush();
    end_of_writing(outcome.and(flushed))?;
    writer.tell_matched();
    eprintln!("peregrine: {} packets written, {} records dropped", writer.written, run.losses.sum());
    Ok(ExitCode::SUCCESS)
}

/// Writes what comes; takes the UE's new addresses up as its sessions come.
async fn follow<W: Write>(
    core: &Core,
    run: &mut Run,
    follower: &mut Follower,
    on_path: &[Kind],
    writer: &mut PacketWriter<W>,
) -> Result<io::Result<()>, Failure> {
    loop {
        let (addresses, keys) = follower.look(core);
        run.timeline.tell(&keys);
        for address in addresses {
            if !on_path.is_empty() {
                let wish = Wish { ues: vec![address], ..Wish::new(on_path, false) };
                run.sources.add(core, "upf", wish).await?;
            }
        }
        let pause = (!follower.is_settled()).then_some(ASK_EVERY);
        let mut take = |seen: Seen| writer.write(&seen);
        match run.each_for(pause, &mut take).await {
            Ok(true) => {}
            Ok(false) => return Ok(Ok(())),
            Err(why) => return Ok(Err(why)),
        }
    }
}

fn kinds(options: &PacketOptions) -> Vec<Kind> {
    let asked = [(options.n3, Kind::N3), (options.n6, Kind::N6), (options.n4, Kind::N4)];
    let all = asked.iter().all(|(asked, _)| !asked);
    asked.into_iter().filter(|(asked, _)| *asked || all).map(|(_, kind)| kind).collect()
}

/// Whose packets are wanted, and the addresses that are known of it.
enum Follower {
    All,
    Address { address: IpAddr, begun: bool },
    Sessions { query: String, supi: Option<String>, known: BTreeSet<IpAddr> },
}

impl Follower {
    fn of(options: &PacketOptions) -> Self {
        let supi = options.supi.as_deref().map(full_supi);
        match (supi, options.seid, options.ue) {
            (Some(supi), ..) => {
                let query = format!("supi={}", nfs::encoded(&supi));
                Self::Sessions { query, supi: Some(supi), known: BTreeSet::new() }
            }
            (_, Some(seid), _) => Self::Sessions { query: format!("seid={seid}"), supi: None, known: BTreeSet::new() },
            (_, _, Some(address)) => Self::Address { address, begun: false },
            _ => Self::All,
        }
    }

    fn waits_for_sessions(&self) -> bool {
        matches!(self, Self::Sessions { .. })
    }

    fn follows_all(&self) -> bool {
        matches!(self, Self::All)
    }

    /// Whose messages on N4 are wanted; everybody's if `None`.
    fn keys(&self) -> Option<Subject> {
        match self {
            Self::All => None,
            Self::Sessions { supi: Some(supi), .. } => Some(Subject::new(supi)),
            Self::Sessions { .. } | Self::Address { .. } => Some(Subject::nobody()),
        }
    }

    /// Whether nothing new can become known of it.
    fn is_settled(&self) -> bool {
        matches!(self, Self::All)
    }

    /// Asks the SMF for the sessions. Addresses not known before, and all keys.
    fn look(&mut self, core: &Core) -> (Vec<IpAddr>, Vec<String>) {
        match self {
            Self::All => (Vec::new(), Vec::new()),
            Self::Address { address, begun } => {
                let new = if std::mem::replace(begun, true) { Vec::new() } else { vec![*address] };
                (new, sessions(core, &format!("ue={address}")).1)
            }
            Self::Sessions { query, known, .. } => {
                let (addresses, keys) = sessions(core, query);
                let room = MOST_ADDRESSES.saturating_sub(known.len());
                let new: Vec<IpAddr> = addresses.into_iter().filter(|a| !known.contains(a)).take(room).collect();
                known.extend(&new);
                (new, keys)
            }
        }
    }
}

/// Addresses and keys of the sessions that the SMF finds. None, where it does not answer: it may come.
fn sessions(core: &Core, query: &str) -> (Vec<IpAddr>, Vec<String>) {
    let Ok(answer) = admin::call(&core.directories, "smf", "GET", &format!("/sessions?{query}")) else {
        return (Vec::new(), Vec::new());
    };
    let sessions = answer.json().as_array().cloned().unwrap_or_default();
    let addresses = sessions.iter().filter_map(|session| session.get("ue")?.as_array());
    let addresses = addresses.flatten().filter_map(|address| address.as_str()?.parse().ok());
    let keys = sessions.iter().filter_map(|session| session.get("keys")?.as_array());
    let keys = keys.flatten().filter_map(Value::as_str).map(str::to_owned);
    (addresses.collect(), keys.collect())
}

#[cfg(test)]
mod tests {
    use runtime::trace::{Octets, Record};

    use super::*;
    use crate::trace::pcapng::read;

    fn seen(interface: &str, octets: &[u8]) -> Seen {
        let (from, to) = (([127, 0, 0, 1], 2152).into(), ([127, 0, 0, 7], 2152).into());
        let octets = Octets(octets.to_vec());
        let shown = Shown::Datagram(Datagram { interface: interface.into(), from, to, octets, rule: None });
        Seen { nf: "upf".into(), record: Record { at: 1_700_000_000_123_456_789, shown } }
    }

    #[test]
    fn payloads_get_their_headers_back_and_packets_stay_as_they_are() {
        let mut octets = Vec::new();
        let mut writer = PacketWriter::begin(&mut octets, &[Kind::N3, Kind::N6]).expect("written");
        let inner = [0x45, 0, 0, 20, 0, 0, 0, 0, 64, 1, 0, 0, 10, 45, 0, 2, 10, 45, 0, 1];
        for seen in [seen("n3", b"\x30\xff\x00\x00\x00\x00\x00\x01"), seen("n6", &inner), seen("n4", b"not wanted")] {
            writer.write(&seen).expect("written");
        }
        assert_eq!(writer.written, 2);
        let packets = read::packets(&octets);
        assert_eq!(packets.iter().map(|p| p.interface.as_str()).collect::<Vec<_>>(), ["n3", "n6"]);
        assert_eq!(packets[0].at, 1_700_000_000_123_456_789);
        assert_eq!(packets[0].octets[28..], *b"\x30\xff\x00\x00\x00\x00\x00\x01");
        assert_eq!(packets[0].octets[20..24], [8, 104, 8, 104]);
        assert_eq!(packets[1].octets, inner);
    }
}
