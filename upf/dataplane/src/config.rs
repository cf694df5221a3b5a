//! What the path is told once.

use std::net::IpAddr;
use std::time::Duration;

use crate::Subnet;

/// What a forwarder is told at its start.
#[derive(Clone, Debug)]
pub struct Config {
    /// Our address on N3.
    pub n3: IpAddr,
    /// Addresses of the core itself, which packets of UEs must not reach.
    pub protected: Vec<IpAddr>,
    /// The networks that UEs are in.
    pub subnets: Vec<Subnet>,
    /// Packets that a session may have buffered, unless its BAR says less.
    pub buffer_per_session: usize,
    /// Packets that all sessions together may have buffered.
    pub buffer_total: usize,
    /// How long a packet beyond its bit rate may wait until it is within it; zero: none does, all such are dropped. Together
    /// they take at most half of `buffer_total`.
    pub shaping: Duration,
    /// The longest packet, in octets.
    pub frame_size: usize,
    /// Answers to wrong messages (Error Indication, Supported Extension Headers) per second.
    pub answers_per_second: u32,
    /// How long after the start nobody is told that a tunnel is unknown: sessions may still be restored (TS 23.527 4.3).
    pub restoration: Duration,
    /// How many workers share the buckets.
    pub workers: usize,
    /// Bits per second that the links take, N6 (uplink) and N3 (downlink); 0: not known, never full.
    pub links: [u64; 2],
}

impl Config {
    /// With limits that suit one machine.
    pub fn new(n3: IpAddr) -> Self {
        Self {
            n3,
            protected: vec![n3],
            subnets: Vec::new(),
            buffer_per_session: 256,
            buffer_total: 16_384,
            shaping: Duration::ZERO,
            frame_size: 2048,
            answers_per_second: 100,
            restoration: Duration::ZERO,
            workers: 1,
            links: [0; 2],
        }
    }
}
