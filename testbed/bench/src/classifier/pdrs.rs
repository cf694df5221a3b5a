//! PDRs as sessions have them: packet detection information of 20 elements (TS 29.244 clause 7.5.2.2).

use classifier::{Interval, Rule, RuleId};
use fastrand::Rng;

/// Dimensions of the 20 elements, an IPv6 address having four: source interface, TEID, QFI, network instance, application,
/// UE address (4), remote address (4), protocol, local and remote port, type of service, SPI, flow label, EtherType, MAC
/// address (2), C-TAG, S-TAG, session type, direction of the SDF filter, filter id.
mod dimension {
    pub(super) const SOURCE: usize = 0;
    pub(super) const TEID: usize = 1;
    pub(super) const QFI: usize = 2;
    pub(super) const NETWORK_INSTANCE: usize = 3;
    pub(super) const APPLICATION: usize = 4;
    pub(super) const UE: usize = 5;
    pub(super) const REMOTE: usize = 9;
    pub(super) const PROTOCOL: usize = 13;
    pub(super) const LOCAL_PORT: usize = 14;
    pub(super) const REMOTE_PORT: usize = 15;
    pub(super) const TOS: usize = 16;
    pub(super) const SPI: usize = 17;
    pub(super) const FLOW_LABEL: usize = 18;
    pub(super) const ETHER_TYPE: usize = 19;
    pub(super) const COUNT: usize = 27;
}

/// So many sessions of so many PDRs.
pub(super) fn sessions(sessions: usize, pdrs: usize, seed: u64) -> Vec<Vec<Rule>> {
    let mut chance = Rng::with_seed(seed);
    (0..sessions as u32).map(|number| session(number, pdrs, &mut chance)).collect()
}

/// A session: for each direction a PDR for everything, last, and PDRs for flows before it.
fn session(number: u32, pdrs: usize, chance: &mut Rng) -> Vec<Rule> {
    let ipv6 = chance.bool();
    let flows = pdrs.saturating_sub(2) as u32;
    (0..pdrs as u32)
        .map(|place| {
            let mut fields = tunnel(number, place % 2, ipv6);
            if place < flows {
                flow(&mut fields, ipv6, chance);
            }
            Rule {
                id: RuleId(place),
                precedence: if place < flows { 1 + chance.u32(..200) } else { 255 },
                fields: fields.into(),
            }
        })
        .collect()
}

/// What all PDRs of a direction have: uplink 0, downlink 1.
fn tunnel(session: u32, direction: u32, ipv6: bool) -> [Interval; dimension::COUNT] {
    let mut fields = [Interval::ANY; dimension::COUNT];
    fields[dimension::SOURCE] = Interval::exact(direction);
    fields[dimension::NETWORK_INSTANCE] = Interval::exact(direction);
    if direction == 0 {
        fields[dimension::TEID] = Interval::exact(session + 1);
    }
    fields[dimension::UE] = Interval::exact(0x0a2d_0000 + session);
    if ipv6 {
        fields[dimension::UE + 1] = Interval::exact(session);
    }
    fields[dimension::ETHER_TYPE] = Interval::exact(if ipv6 { 0x86dd } else { 0x0800 });
    fields
}

/// A service data flow: a remote network, mostly with protocol and port, sometimes with the rarer elements.
fn flow(fields: &mut [Interval; dimension::COUNT], ipv6: bool, chance: &mut Rng) {
    let network = Interval::prefix(chance.u32(..64) << 24 | chance.u32(..), chance.u32(16..=32));
    match ipv6 {
        true => {
            fields[dimension::REMOTE] = Interval::exact(0x2001_0db8 + chance.u32(..4));
            fields[dimension::REMOTE + 1] = network;
        }
        false => fields[dimension::REMOTE] = network,
    }
    if chance.u8(..10) < 8 {
        fields[dimension::PROTOCOL] = Interval::exact([6, 17][chance.usize(..2)]);
        let port = chance.u32(1..60_000);
        fields[dimension::REMOTE_PORT] = Interval::range(port, port + [0, 0, 0, 10, 1000][chance.usize(..5)]);
    }
    let rare = [
        (dimension::QFI, 64, 50),
        (dimension::LOCAL_PORT, 65_536, 10),
        (dimension::TOS, 256, 20),
        (dimension::SPI, u32::MAX, 3),
        (dimension::FLOW_LABEL, 1 << 20, if ipv6 { 10 } else { 0 }),
        (dimension::APPLICATION, 100, 10),
    ];
    for (dimension, values, percent) in rare {
        if chance.u8(..100) < percent {
            fields[dimension] = Interval::exact(chance.u32(..values));
        }
    }
}
