//! What a worker counts. Written by the worker alone, read by anyone.

use std::collections::BTreeMap;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::statistics::Statistics;
use crate::{BUCKETS, Bucket};

/// A direction of packets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Direction {
    /// From the UE.
    Uplink,
    /// To the UE.
    Downlink,
}

macro_rules! reasons {
    ($($(#[$doc:meta])* $name:ident = $label:literal),* $(,)?) => {
        /// Why a packet was not forwarded.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum DropReason {
            $($(#[$doc])* $name,)*
        }

        impl DropReason {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// Its name, as metrics have it.
            pub fn label(self) -> &'static str {
                match self { $(Self::$name => $label,)* }
            }
        }
    };
}

reasons! {
    /// Not a GTP-U message.
    MalformedGtp = "malformed_gtp",
    /// An extension header that must be understood and is not.
    UnknownExtension = "unknown_extension",
    /// A message of another type than those handled.
    OtherMessage = "other_message",
    /// No session has this tunnel.
    UnknownTunnel = "unknown_tunnel",
    /// Not an IP packet, or no frame of an Ethernet session.
    MalformedInner = "malformed_inner",
    /// The source address is not the UE's.
    Spoofed = "spoofed_source",
    /// A MAC address that is another's, or one more than may be behind a session.
    MacAddress = "mac_address",
    /// To or from an address that means something on the UE's link only.
    LinkLocal = "link_local",
    /// Longer than the tunnel takes, and not to be cut.
    TooBig = "too_big",
    /// Towards an address of the core itself.
    Protected = "protected_destination",
    /// No session has this UE address, or MAC address.
    UnknownUe = "unknown_ue",
    /// No detection rule matches.
    NoRule = "no_rule",
    /// The forwarding rule says so.
    Rule = "rule",
    /// A gate is closed.
    Gate = "gate",
    /// Over the bit rate.
    Rate = "rate",
    /// The link is full, and the packet is not within a guaranteed bit rate.
    Congestion = "congestion",
    /// The quota is used up.
    Quota = "quota",
    /// No room to buffer.
    BufferFull = "buffer_full",
    /// Buffered and then given up.
    BufferDropped = "buffer_dropped",
    /// Nothing that can be redirected.
    Redirect = "redirect",
    /// No room for a copy, or a tunnel of another IP version than N3's: the copy is not made.
    Copy = "copy",
    /// No room for the outer header, or a tunnel of another IP version than N3's.
    Encapsulation = "encapsulation",
    /// The worker that owns its bucket takes no more.
    Handover = "handover",
    /// The port could not send it.
    Send = "send",
}

/// A counter with one writer.
#[derive(Default)]
pub(crate) struct Counter(AtomicU64);

impl Counter {
    pub(crate) fn add(&self, count: u64) {
        // One writer: a load and a store lose nothing and cost no bus lock. Readers want no order with anything else.
        self.0.store(self.0.load(Ordering::Relaxed).wrapping_add(count), Ordering::Relaxed);
    }

    pub(crate) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// What a burst counted so far.
#[derive(Default)]
pub(crate) struct Tally {
    packets: [u64; 2],
    octets: [u64; 2],
}

impl Tally {
    pub(crate) fn forwarded(&mut self, direction: Direction, octets: usize) {
        self.packets[direction as usize] += 1;
        self.octets[direction as usize] += octets as u64;
    }
}

/// The counters of one worker.
#[derive(Default)]
pub struct Counters {
    packets: [Counter; 2],
    octets: [Counter; 2],
    drops: [Counter; DropReason::ALL.len()],
    buffered: Counter,
    shaped: Counter,
    echoes: Counter,
    error_indications_sent: Counter,
    error_indications_received: Counter,
    end_markers: Counter,
    redirected: Counter,
    copies: Counter,
    router_advertisements: Counter,
    sessions: AtomicU64,
    /// Nanoseconds in which there was something to do.
    busy: Counter,
    /// Packets of each bucket, once somebody watches.
    buckets: OnceLock<Box<[Counter]>>,
    statistics: OnceLock<Statistics>,
}

/// The counters at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Snapshot {
    /// Packets forwarded: uplink, downlink.
    pub packets: [u64; 2],
    /// Their octets, from the inner IP header on.
    pub octets: [u64; 2],
    /// Packets dropped, in the order of [`DropReason::ALL`].
    pub drops: Vec<u64>,
    /// Packets buffered.
    pub buffered: u64,
    /// Packets that waited for their bit rate.
    pub shaped: u64,
    /// Echo Requests answered.
    pub echoes: u64,
    /// Error Indications sent.
    pub error_indications_sent: u64,
    /// Error Indications received for a tunnel we use.
    pub error_indications_received: u64,
    /// End Markers sent.
    pub end_markers: u64,
    /// Packets redirected.
    pub redirected: u64,
    /// Copies sent elsewhere.
    pub copies: u64,
    /// Router Advertisements sent to UEs.
    pub router_advertisements: u64,
    /// Sessions in force.
    pub sessions: u64,
}

impl std::ops::AddAssign<&Snapshot> for Snapshot {
    fn add_assign(&mut self, other: &Snapshot) {
        let add = |own: &mut [u64], other: &[u64]| own.iter_mut().zip(other).for_each(|(own, other)| *own += other);
        add(&mut self.packets, &other.packets);
        add(&mut self.octets, &other.octets);
        self.drops.resize(DropReason::ALL.len(), 0);
        add(&mut self.drops, &other.drops);
        self.buffered += other.buffered;
        self.shaped += other.shaped;
        self.echoes += other.echoes;
        self.error_indications_sent += other.error_indications_sent;
        self.error_indications_received += other.error_indications_received;
        self.end_markers += other.end_markers;
        self.redirected += other.redirected;
        self.copies += other.copies;
        self.router_advertisements += other.router_advertisements;
        self.sessions += other.sessions;
    }
}

impl Snapshot {
    /// How often packets were dropped for this reason.
    pub fn dropped(&self, reason: DropReason) -> u64 {
        self.drops.get(reason as usize).copied().unwrap_or_default()
    }
}

impl Counters {
    /// Adds what a burst counted.
    pub(crate) fn add(&self, tally: &Tally) {
        let add = |counters: &[Counter; 2], counts: [u64; 2]| {
            counters.iter().zip(counts).for_each(|(counter, count)| counter.add(count));
        };
        add(&self.packets, tally.packets);
        add(&self.octets, tally.octets);
    }

    pub(crate) fn dropped(&self, reason: DropReason, count: u64) {
        if let Some(counter) = self.drops.get(reason as usize) {
            counter.add(count);
        }
    }

    pub(crate) fn buffered(&self) {
        self.buffered.add(1);
    }

    pub(crate) fn shaped(&self) {
        self.shaped.add(1);
    }

    pub(crate) fn echo(&self) {
        self.echoes.add(1);
    }

    pub(crate) fn error_indication_sent(&self) {
        self.error_indications_sent.add(1);
    }

    pub(crate) fn error_indication_received(&self) {
        self.error_indications_received.add(1);
    }

    pub(crate) fn end_marker(&self) {
        self.end_markers.add(1);
    }

    pub(crate) fn redirected(&self) {
        self.redirected.add(1);
    }

    pub(crate) fn copies(&self, count: usize) {
        self.copies.add(count as u64);
    }

    pub(crate) fn router_advertisement(&self) {
        self.router_advertisements.add(1);
    }

    pub(crate) fn busy(&self, time: Duration) {
        self.busy.add(u64::try_from(time.as_nanos()).unwrap_or(u64::MAX));
    }

    /// Nanoseconds that the worker was busy since it started.
    pub fn busy_nanos(&self) -> u64 {
        self.busy.get()
    }

    /// Has packets counted by rule and by the time they take from now on.
    pub fn watch_statistics(&self) {
        self.statistics.get_or_init(Statistics::default);
    }

    pub(crate) fn statistics(&self) -> Option<&Statistics> {
        self.statistics.get()
    }

    /// Packets by the PDR that they matched, of all sessions together.
    pub fn hits(&self) -> BTreeMap<u16, u64> {
        self.statistics().into_iter().flat_map(Statistics::hits).collect()
    }

    /// Packets by the time from being received to being sent: less than so many nanoseconds (a power of two), and no less
    /// than half of it.
    pub fn latency(&self) -> BTreeMap<u64, u64> {
        self.statistics().into_iter().flat_map(Statistics::latency).collect()
    }

    /// Has packets counted by bucket from now on.
    pub(crate) fn watch_buckets(&self) {
        self.buckets.get_or_init(|| (0..BUCKETS).map(|_| Counter::default()).collect());
    }

    /// Counts a burst's packets by bucket, if somebody watches.
    pub(crate) fn of_buckets(&self, buckets: impl Iterator<Item = Bucket>) {
        let Some(counters) = self.buckets.get() else { return };
        for Bucket(bucket) in buckets {
            if let Some(counter) = counters.get(usize::from(bucket)) {
                counter.add(1);
            }
        }
    }

    pub(crate) fn packets_of(&self, Bucket(bucket): Bucket) -> u64 {
        let counter = self.buckets.get().and_then(|counters| counters.get(usize::from(bucket)));
        counter.map_or(0, Counter::get)
    }

    pub(crate) fn sessions(&self, count: usize) {
        self.sessions.store(count as u64, Ordering::Relaxed);
    }

    /// What they are now.
    pub fn snapshot(&self) -> Snapshot {
        Snapshot {
            packets: self.packets.each_ref().map(Counter::get),
            octets: self.octets.each_ref().map(Counter::get),
            drops: self.drops.iter().map(Counter::get).collect(),
            buffered: self.buffered.get(),
            shaped: self.shaped.get(),
            echoes: self.echoes.get(),
            error_indications_sent: self.error_indications_sent.get(),
            error_indications_received: self.error_indications_received.get(),
            end_markers: self.end_markers.get(),
            redirected: self.redirected.get(),
            copies: self.copies.get(),
            router_advertisements: self.router_advertisements.get(),
            sessions: self.sessions.load(Ordering::Relaxed),
        }
    }
}
