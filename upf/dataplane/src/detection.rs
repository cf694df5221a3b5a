//! The second step of look-up: which PDR of its session a packet matches.

use std::net::IpAddr;
use std::sync::Arc;

use classifier::{Algorithm, Any, Auto, Classifier, Interval, Rule, RuleId};
use gtpu::Qfi;
use ipnet::IpNet;
use rules::{EthernetFilter, Filter, Flow, MacPair, MacRange, Ports, Source, TagFilter};

use crate::Catalogue;
use crate::counters::Direction;
use crate::hash::prefetch;
use crate::inner::{ABSENT, FrameKey, Inner, Key, describe, dimension, words};
use crate::lan::header::{Header, halves};

/// The PDRs of one direction of a session.
pub(crate) enum Detection {
    /// There is none.
    Nothing,
    /// There is one that takes everything, or takes it first.
    Only(u16),
    /// There are some to choose from.
    Choice(Arc<Choice>),
}

/// Rules to choose from, of one session or of many.
pub(crate) struct Choice {
    classifier: Any,
    dimensions: Box<[u8]>,
    /// Whether any rule asks more of a packet than its tunnel and QoS flow.
    asks_flow: bool,
    /// Whether any asks that of the IP packet in a frame.
    asks_ip: bool,
    pdr_of: Box<[u16]>,
}

/// What makes a [`Choice`].
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct Asked {
    /// Those in which a rule asks anything: the classifier knows no others.
    pub(crate) dimensions: Box<[u8]>,
    pub(crate) rules: Vec<Rule>,
    /// The PDR of each rule.
    pub(crate) pdr_of: Box<[u16]>,
}

/// What is known of a packet beside its octets.
#[derive(Clone, Copy)]
pub(crate) struct Arrival {
    pub(crate) direction: Direction,
    /// Our tunnel that it came in.
    pub(crate) tunnel: u32,
    pub(crate) qfi: Option<Qfi>,
}

impl Detection {
    /// Of these PDRs, each with its place, those of a direction; the session has these addresses and networks behind its UE, and
    /// so many tunnels.
    pub(crate) fn compile<'a>(
        direction: Direction,
        pdrs: impl Iterator<Item = (u16, &'a rules::Pdr)>,
        own: (&[IpAddr], &[IpNet]),
        tunnels: usize,
        catalogue: &mut Catalogue,
    ) -> Self {
        let source = match direction {
            Direction::Uplink => Source::Access,
            Direction::Downlink => Source::Core,
        };
        let mut built = Builder::default();
        pdrs.filter(|(_, pdr)| pdr.pdi.source == source).for_each(|(place, pdr)| built.add(pdr, place, own));
        built.detection(tunnels, catalogue)
    }

    /// The place of the PDR that a packet matches.
    pub(crate) fn find(&self, arrival: Arrival, octets: &[u8], inner: &Inner) -> Option<usize> {
        match self {
            Self::Nothing => None,
            Self::Only(pdr) => Some(usize::from(*pdr)),
            Self::Choice(choice) => choice.find(arrival, octets, inner),
        }
    }

    /// The place of the PDR that an Ethernet frame matches; without a header, what cannot be looked into.
    pub(crate) fn find_frame(&self, arrival: Arrival, octets: &[u8], header: Option<&Header>) -> Option<usize> {
        match self {
            Self::Nothing => None,
            Self::Only(pdr) => Some(usize::from(*pdr)),
            Self::Choice(choice) => choice.find_frame(arrival, octets, header),
        }
    }

    /// Has the rules fetched.
    pub(crate) fn expect(&self) {
        if let Self::Choice(choice) = self {
            prefetch(&**choice);
        }
    }
}

impl Choice {
    /// Lays the rules out.
    pub(crate) fn of(asked: &Asked, algorithm: Algorithm) -> Self {
        let Asked { dimensions, rules, pdr_of } = asked;
        // The rules are made here, of the right length, each with its own id and no empty interval.
        let classifier = Any::build(algorithm, dimensions.len(), rules.iter().cloned());
        let classifier = classifier.unwrap_or_else(|_| Any::Auto(Auto::new(dimensions.len())));
        let asks_flow = dimensions.iter().any(|dimension| usize::from(*dimension) >= dimension::VERSION);
        let of_ip = dimension::VERSION..dimension::COUNT;
        let asks_ip = dimensions.iter().any(|dimension| of_ip.contains(&usize::from(*dimension)));
        Self { classifier, dimensions: dimensions.clone(), asks_flow, asks_ip, pdr_of: pdr_of.clone() }
    }

    fn find(&self, arrival: Arrival, octets: &[u8], inner: &Inner) -> Option<usize> {
        let mut key: Key = [ABSENT; dimension::COUNT];
        key[dimension::TEID] = arrival.tunnel;
        key[dimension::QFI] = arrival.qfi.map_or(ABSENT, |qfi| u32::from(qfi.value()));
        if self.asks_flow {
            describe(&mut key, octets, inner, arrival.direction);
        }
        let mut asked: Key = [ABSENT; dimension::COUNT];
        for (value, dimension) in asked.iter_mut().zip(&self.dimensions) {
            *value = key.get(usize::from(*dimension)).copied().unwrap_or(ABSENT);
        }
        self.look_up(asked.get(..self.dimensions.len())?)
    }

    fn find_frame(&self, arrival: Arrival, octets: &[u8], header: Option<&Header>) -> Option<usize> {
        let mut key: FrameKey = [ABSENT; dimension::ALL];
        key[dimension::TEID] = arrival.tunnel;
        key[dimension::QFI] = arrival.qfi.map_or(ABSENT, |qfi| u32::from(qfi.value()));
        if let Some(header) = header.filter(|_| self.asks_flow) {
            header.describe(&mut key, octets, arrival.direction, self.asks_ip);
        }
        let mut asked: FrameKey = [ABSENT; dimension::ALL];
        for (value, dimension) in asked.iter_mut().zip(&self.dimensions) {
            *value = key.get(usize::from(*dimension)).copied().unwrap_or(ABSENT);
        }
        self.look_up(asked.get(..self.dimensions.len())?)
    }

    #[inline(always)]
    fn look_up(&self, asked: &[u32]) -> Option<usize> {
        let RuleId(rule) = self.classifier.lookup(asked)?;
        self.pdr_of.get(rule as usize).copied().map(usize::from)
    }
}

/// What a rule asks, by dimension.
type Fields = [Interval; dimension::ALL];

/// The classifier's rules of one direction, several for a PDR whose elements are lists of alternatives.
#[derive(Default)]
struct Builder {
    rules: Vec<(u32, Fields)>,
    pdr_of: Vec<u16>,
}

impl Builder {
    fn add(&mut self, pdr: &rules::Pdr, place: u16, (addresses, routes): (&[IpAddr], &[IpNet])) {
        let mut fields = [Interval::ANY; dimension::ALL];
        if let Some(teid) = pdr.pdi.tunnel.and_then(|tunnel| tunnel.teid()) {
            fields[dimension::TEID] = Interval::exact(teid.0);
        }
        // The session's addresses are looked at before the rules; only a PDR of some of them need ask again.
        let rules::Pdi { ue, framed, .. } = &pdr.pdi;
        let all = ue.is_empty() && framed.is_empty()
            || addresses.iter().all(|address| ue.contains(address))
                && routes.iter().all(|network| framed.contains(network));
        let own = ue.iter().map(|address| (*address, host_length(*address)));
        let behind = framed.iter().map(|network| (network.network(), network.prefix_len()));
        let local: Vec<(IpAddr, u8)> = if all { Vec::new() } else { own.chain(behind).collect() };
        for qfi in alternatives(&pdr.pdi.qfis) {
            fields[dimension::QFI] = qfi.map_or(Interval::ANY, |qfi| Interval::exact(u32::from(*qfi)));
            for network in alternatives(&local) {
                let mut fields = fields;
                if let Some(network) = network {
                    put_address(&mut fields, dimension::LOCAL, *network);
                }
                self.add_frames(fields, pdr, place);
            }
        }
    }

    /// What is asked of an Ethernet frame, if anything is, and of the IP packet in it.
    fn add_frames(&mut self, fields: Fields, pdr: &rules::Pdr, place: u16) {
        let filters = pdr.pdi.frames.as_ref().map(|frames| frames.filters.as_slice()).unwrap_or_default();
        for filter in alternatives(filters) {
            let Some(filter) = filter else { return self.add_packets(fields, pdr, place) };
            for fields in frame_fields(fields, filter) {
                match filter.flows.as_slice() {
                    [] => self.add_packets(fields, pdr, place),
                    flows => flows.iter().for_each(|flow| {
                        let mut fields = fields;
                        // A filter of flows is one of IP packets, whatever it asks of them.
                        fields[dimension::VERSION] = Interval::range(4, 6);
                        self.add_filter(fields, Some(flow), pdr.precedence, place);
                    }),
                }
            }
        }
    }

    fn add_packets(&mut self, fields: Fields, pdr: &rules::Pdr, place: u16) {
        match &pdr.pdi.application {
            // No packet is of an application of which nothing is known.
            Some(application) => {
                application.flows.iter().for_each(|flow| self.add_flow(fields, flow, pdr.precedence, place));
            }
            None => {
                alternatives(&pdr.pdi.filters).for_each(|filter| self.add_filter(fields, filter, pdr.precedence, place))
            }
        }
    }

    fn add_filter(&mut self, mut fields: Fields, filter: Option<&Filter>, precedence: u32, place: u16) {
        let Some(filter) = filter else { return self.push(fields, precedence, place) };
        if let Some((value, 0xff)) = filter.tos {
            fields[dimension::TOS] = Interval::exact(u32::from(value));
        } else if let Some((value, mask)) = filter.tos {
            // The masks in use are of leading bits (DSCP); of others the leading ones count.
            fields[dimension::TOS] = masked(value, mask);
        }
        fields[dimension::SPI] = filter.spi.map_or(Interval::ANY, Interval::exact);
        fields[dimension::FLOW_LABEL] = filter.flow_label.map_or(Interval::ANY, Interval::exact);
        match &filter.flow {
            Some(flow) => self.add_flow(fields, flow, precedence, place),
            None => self.push(fields, precedence, place),
        }
    }

    fn add_flow(&mut self, mut fields: Fields, flow: &Flow, precedence: u32, place: u16) {
        fields[dimension::PROTOCOL] = flow.protocol.map_or(Interval::ANY, |number| Interval::exact(u32::from(number)));
        for (network, first) in [(flow.local, dimension::LOCAL), (flow.remote, dimension::REMOTE)] {
            if let Some(network) = network {
                put_address(&mut fields, first, (network.network(), network.prefix_len()));
            }
        }
        for local in alternatives(&flow.local_ports) {
            fields[dimension::LOCAL_PORT] = port_interval(local);
            for remote in alternatives(&flow.remote_ports) {
                fields[dimension::REMOTE_PORT] = port_interval(remote);
                self.push(fields, precedence, place);
            }
        }
    }

    fn push(&mut self, fields: Fields, precedence: u32, place: u16) {
        self.rules.push((precedence, fields));
        self.pdr_of.push(place);
    }

    /// The dimensions in which a rule asks anything. The tunnel is one of them only where the session has several: by its only
    /// one the session was found.
    fn dimensions(&self, tunnels: usize) -> Box<[u8]> {
        let asked = |dimension: usize| self.rules.iter().any(|(_, fields)| fields[dimension] != Interval::ANY);
        let told = |dimension: usize| dimension == dimension::TEID && tunnels <= 1;
        (0..dimension::ALL as u8).filter(|d| asked(usize::from(*d)) && !told(usize::from(*d))).collect()
    }

    fn detection(self, tunnels: usize, catalogue: &mut Catalogue) -> Detection {
        let dimensions = self.dimensions(tunnels);
        if dimensions.is_empty() {
            let first = self.rules.iter().zip(self.pdr_of).min_by_key(|((precedence, _), _)| *precedence);
            return first.map_or(Detection::Nothing, |(_, pdr)| Detection::Only(pdr));
        }
        let rules = (0..).zip(self.rules).map(|(id, (precedence, fields))| {
            let fields = dimensions.iter().map(|dimension| fields[usize::from(*dimension)]).collect();
            Rule { id: RuleId(id), precedence, fields }
        });
        let rules = rules.collect();
        Detection::Choice(catalogue.choice(Asked { dimensions, rules, pdr_of: self.pdr_of.into() }))
    }
}

/// Each of the alternatives, or once none where there are none.
fn alternatives<T>(list: &[T]) -> impl Iterator<Item = Option<&T>> {
    let none = list.is_empty().then_some(None);
    list.iter().map(Some).chain(none)
}

/// What a filter asks of a frame's header: several alternatives, for a range of addresses is up to three boxes.
fn frame_fields(mut fields: Fields, filter: &EthernetFilter) -> Vec<Fields> {
    fields[dimension::ETHERTYPE] =
        filter.ethertype.map_or(Interval::ANY, |ethertype| Interval::exact(u32::from(ethertype)));
    for (tag, first) in [(&filter.c_tag, dimension::C_TAG), (&filter.s_tag, dimension::S_TAG)] {
        let Some(TagFilter { vid, pcp, dei }) = *tag else { continue };
        let asked = [vid.map(u32::from), pcp.map(u32::from), dei.map(u32::from)];
        for (field, value) in fields.iter_mut().skip(first).zip(asked) {
            *field = value.map_or(Interval::ANY, Interval::exact);
        }
    }
    let mut all = Vec::new();
    for pair in alternatives(&filter.addresses) {
        let MacPair { source, destination } = pair.copied().unwrap_or_default();
        for source in boxes(source) {
            for destination in boxes(destination) {
                let mut fields = fields;
                fields[dimension::SOURCE_MAC..dimension::DESTINATION_MAC].copy_from_slice(&source);
                fields[dimension::DESTINATION_MAC..dimension::ETHERTYPE].copy_from_slice(&destination);
                all.push(fields);
            }
        }
    }
    all
}

/// A range of addresses in the two dimensions of an address.
fn boxes(range: Option<MacRange>) -> Vec<[Interval; 2]> {
    const LAST: u32 = 0x00ff_ffff;
    let Some(MacRange { low, high }) = range else { return vec![[Interval::ANY; 2]] };
    let ([first, from], [last, to]) = (halves(low), halves(high));
    match last.checked_sub(first) {
        None => Vec::new(),
        Some(0) if from > to => Vec::new(),
        Some(0) => vec![[Interval::exact(first), Interval::range(from, to)]],
        Some(makers) => {
            let ends = [(first, from, LAST), (last, 0, to)];
            let ends = ends.map(|(maker, from, to)| [Interval::exact(maker), Interval::range(from, to)]);
            let between = (makers > 1).then(|| [Interval::range(first + 1, last - 1), Interval::ANY]);
            ends.into_iter().chain(between).collect()
        }
    }
}

fn host_length(address: IpAddr) -> u8 {
    if address.is_ipv4() { 32 } else { 64 }
}

/// Puts a network into four dimensions, and its version.
fn put_address(fields: &mut Fields, first: usize, (address, length): (IpAddr, u8)) {
    fields[dimension::VERSION] = Interval::exact(if address.is_ipv4() { 4 } else { 6 });
    let words = words(address);
    let used = if address.is_ipv4() { 1 } else { 4 };
    let mut left = u32::from(length);
    for (field, word) in fields.iter_mut().skip(first).zip(words).take(used) {
        *field = Interval::prefix(word, left.min(32));
        left = left.saturating_sub(32);
    }
}

fn port_interval(ports: Option<&Ports>) -> Interval {
    ports.map_or(Interval::ANY, |ports| Interval::range(u32::from(ports.low), u32::from(ports.high)))
}

fn masked(value: u8, mask: u8) -> Interval {
    let length = mask.leading_ones();
    let host = 0xffu32.checked_shr(length).unwrap_or(0);
    let base = u32::from(value) & !host & 0xff;
    Interval::range(base, base | host)
}
