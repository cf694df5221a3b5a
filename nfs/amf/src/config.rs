//! Section `amf` of the configuration.

use std::net::SocketAddr;
use std::time::Duration;

use runtime::within;
use serde::{Deserialize, Serialize};

/// The AMF's own settings; the network itself (PLMN, TACs, slices) is in section `network`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// The interface towards gNBs.
    pub n2: N2Config,
    /// Algorithms, the preferred first.
    pub security: SecurityConfig,
    /// What bounds the AMF's memory and work.
    pub limits: LimitConfig,
    /// Timers of TS 24.501 table 10.2.2, and our own guards.
    pub timers: TimerConfig,
    /// Name and weight told to gNBs.
    pub identity: IdentityConfig,
    /// Offset from UTC told to UEs, minutes, in steps of 15.
    pub time_zone_minutes: i32,
}

/// Where gNBs connect.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct N2Config {
    /// Addresses of one SCTP end point: several make it multihomed. They share one port, commonly 38412.
    pub listen: Vec<SocketAddr>,
    /// The SCTP stack.
    pub backend: SctpBackend,
}

impl Default for N2Config {
    fn default() -> Self {
        Self { listen: vec![SocketAddr::from(([127, 0, 0, 5], sctp::PORT_NGAP))], backend: SctpBackend::Auto }
    }
}

/// Which SCTP stack carries N2.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SctpBackend {
    /// The kernel's where there is one, else the user-space one.
    #[default]
    Auto,
    /// The kernel's.
    Kernel,
    /// The user-space one over raw IP.
    User,
}

/// An integrity algorithm that may be configured: the null algorithm may not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the names are TS 33.501's")]
pub enum Integrity {
    NIA1,
    NIA2,
    NIA3,
}

/// A ciphering algorithm that may be configured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the names are TS 33.501's")]
pub enum Ciphering {
    NEA0,
    NEA1,
    NEA2,
    NEA3,
}

impl From<Integrity> for nas::IntegrityAlgorithm {
    fn from(algorithm: Integrity) -> Self {
        match algorithm {
            Integrity::NIA1 => Self::Nia1,
            Integrity::NIA2 => Self::Nia2,
            Integrity::NIA3 => Self::Nia3,
        }
    }
}

impl From<Ciphering> for nas::CipheringAlgorithm {
    fn from(algorithm: Ciphering) -> Self {
        match algorithm {
            Ciphering::NEA0 => Self::Nea0,
            Ciphering::NEA1 => Self::Nea1,
            Ciphering::NEA2 => Self::Nea2,
            Ciphering::NEA3 => Self::Nea3,
        }
    }
}

/// NAS security: orders of preference (TS 33.501 6.7.1.1).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SecurityConfig {
    /// Integrity.
    pub integrity: Vec<Integrity>,
    /// Ciphering.
    pub ciphering: Vec<Ciphering>,
}

impl Default for SecurityConfig {
    fn default() -> Self {
        Self {
            integrity: vec![Integrity::NIA2, Integrity::NIA1, Integrity::NIA3],
            ciphering: vec![Ciphering::NEA2, Ciphering::NEA1, Ciphering::NEA3, Ciphering::NEA0],
        }
    }
}

/// Bounds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LimitConfig {
    /// gNBs connected at once.
    #[serde(deserialize_with = "within::<_, _, 1, 65_536>")]
    pub gnbs: usize,
    /// UEs connected through one gNB at once.
    #[serde(deserialize_with = "within::<_, _, 1, 1_000_000>")]
    pub ues_per_gnb: usize,
    /// UE contexts in all.
    #[serde(deserialize_with = "within::<_, _, 1, 10_000_000>")]
    pub ues: usize,
    /// Deregistered UEs whose security context and 5G-GUTI are kept for their next registration.
    #[serde(deserialize_with = "within::<_, _, 0, 10_000_000>")]
    pub deregistered_ues: usize,
    /// PDU sessions of one UE.
    #[serde(deserialize_with = "within::<_, _, 1, 15>")]
    pub sessions_per_ue: usize,
    /// Events that wait for one UE's running procedure; more are dropped.
    #[serde(deserialize_with = "within::<_, _, 4, 1_024>")]
    pub mailbox: usize,
    /// Messages that wait for one gNB to read; a gNB that lets more pile up is disconnected.
    #[serde(deserialize_with = "within::<_, _, 16, 1_000_000>")]
    pub outbox: usize,
    /// Procedures of a kind that run at once; the others wait their turn.
    pub procedures: ProcedureLimits,
}

impl Default for LimitConfig {
    fn default() -> Self {
        Self {
            gnbs: 1_024,
            ues_per_gnb: 100_000,
            ues: 1_000_000,
            deregistered_ues: 16_384,
            sessions_per_ue: 15,
            mailbox: 16,
            outbox: 16_384,
            procedures: ProcedureLimits::default(),
        }
    }
}

/// How many procedures of a kind have the core at work at once, and how many wait to begin.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ProcedureLimits {
    /// Registrations.
    #[serde(deserialize_with = "within::<_, _, 1, 1_000_000>")]
    pub registration: usize,
    /// PDU session establishments.
    #[serde(deserialize_with = "within::<_, _, 1, 1_000_000>")]
    pub session: usize,
    /// Service requests, with those that answer paging.
    #[serde(deserialize_with = "within::<_, _, 1, 1_000_000>")]
    pub service: usize,
    /// Deregistrations and releases.
    #[serde(deserialize_with = "within::<_, _, 1, 1_000_000>")]
    pub release: usize,
    /// Procedures of each kind that wait; more are refused as congestion, and so is who has waited for 10 s. From half of either
    /// on gNBs are asked to hold back what UEs begin (NGAP Overload Start).
    #[serde(deserialize_with = "within::<_, _, 1, 1_000_000>")]
    pub queue: usize,
}

impl Default for ProcedureLimits {
    fn default() -> Self {
        Self { registration: 64, session: 64, service: 64, release: 64, queue: 16_384 }
    }
}

/// Timers in seconds, unless their name says milliseconds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TimerConfig {
    /// T3512: time between periodic registrations. The mobile reachable timer is 4 minutes longer.
    #[serde(deserialize_with = "within::<_, _, 30, 35_712_000>")]
    pub t3512: u32,
    /// How long a deregistered UE's security context and 5G-GUTI are kept before the UDM is told that they are gone
    /// (TS 23.502 4.5.3). 0: not at all.
    #[serde(deserialize_with = "within::<_, _, 0, 2_592_000>")]
    pub purge: u32,
    /// T3346 told to UEs that are refused for congestion: this long at least, and twice as long at most.
    #[serde(deserialize_with = "within::<_, _, 2, 5_400>")]
    pub t3346: u32,
    /// T3502, told to UEs: wait after five failed registrations.
    #[serde(deserialize_with = "within::<_, _, 0, 11_160>")]
    pub t3502: u32,
    /// T3513: answer to paging.
    #[serde(deserialize_with = "within::<_, _, 100, 60_000>")]
    pub t3513_ms: u64,
    /// T3522: answer to a deregistration request.
    #[serde(deserialize_with = "within::<_, _, 100, 60_000>")]
    pub t3522_ms: u64,
    /// T3550: answer to a registration accept.
    #[serde(deserialize_with = "within::<_, _, 100, 60_000>")]
    pub t3550_ms: u64,
    /// T3555: answer to a configuration update command.
    #[serde(deserialize_with = "within::<_, _, 100, 60_000>")]
    pub t3555_ms: u64,
    /// T3560: answer to an authentication request or security mode command.
    #[serde(deserialize_with = "within::<_, _, 100, 60_000>")]
    pub t3560_ms: u64,
    /// T3570: answer to an identity request.
    #[serde(deserialize_with = "within::<_, _, 100, 60_000>")]
    pub t3570_ms: u64,
    /// How long a gNB may take to answer on N2.
    #[serde(deserialize_with = "within::<_, _, 100, 60_000>")]
    pub n2_ms: u64,
    /// How long an SMF may take to send what it owes a session being established or released.
    #[serde(deserialize_with = "within::<_, _, 100, 60_000>")]
    pub session_ms: u64,
}

impl Default for TimerConfig {
    fn default() -> Self {
        Self {
            t3512: 3_240,
            purge: 3_600,
            t3346: 30,
            t3502: 720,
            t3513_ms: 2_000,
            t3522_ms: 6_000,
            t3550_ms: 6_000,
            t3555_ms: 6_000,
            t3560_ms: 6_000,
            t3570_ms: 6_000,
            n2_ms: 5_000,
            session_ms: 10_000,
        }
    }
}

impl TimerConfig {
    /// How long a UE in idle may stay silent (TS 24.501 5.3.7): T3512 and 4 minutes.
    pub fn mobile_reachable(&self) -> Duration {
        Duration::from_secs(u64::from(self.t3512) + 240)
    }

    /// How long it is then still kept: as long again.
    pub fn implicit_deregistration(&self) -> Duration {
        self.mobile_reachable()
    }

    /// How long a deregistered UE is kept.
    pub fn purge(&self) -> Duration {
        Duration::from_secs(self.purge.into())
    }

    /// Time allowed for an answer on N2.
    pub fn n2(&self) -> Duration {
        Duration::from_millis(self.n2_ms)
    }

    /// Time allowed to the SMF.
    pub fn session(&self) -> Duration {
        Duration::from_millis(self.session_ms)
    }
}

/// How the AMF presents itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct IdentityConfig {
    /// AMF name.
    pub name: String,
    /// Relative AMF capacity, 0 to 255.
    pub capacity: u8,
}

impl Default for IdentityConfig {
    fn default() -> Self {
        Self { name: "peregrine-amf".into(), capacity: 255 }
    }
}

impl Config {
    /// Finds what no single value shows to be wrong.
    ///
    /// # Errors
    /// The path of the key, and what is wrong there.
    pub fn check(&self) -> Result<(), (&'static str, String)> {
        let first =
            self.n2.listen.first().ok_or(("amf.n2.listen", "the list is empty: one address is needed".to_owned()))?;
        if self.n2.listen.iter().any(|address| address.port() != first.port()) {
            return Err(("amf.n2.listen", "the addresses of one SCTP end point share one port".into()));
        }
        if self.security.integrity.is_empty() {
            return Err(("amf.security.integrity", "the list is empty: allowed are NIA1, NIA2 and NIA3".into()));
        }
        if self.security.ciphering.is_empty() {
            return Err(("amf.security.ciphering", "the list is empty: allowed are NEA0, NEA1, NEA2 and NEA3".into()));
        }
        if !(1..=150).contains(&self.identity.name.len()) || !self.identity.name.is_ascii() {
            return Err(("amf.identity.name", "must be 1 to 150 ASCII characters".into()));
        }
        if self.time_zone_minutes % 15 != 0 || !(-12 * 60..=14 * 60).contains(&self.time_zone_minutes) {
            return Err(("amf.time_zone_minutes", "must be -720 to 840 in steps of 15".into()));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_allowed_and_odd_values_named() {
        assert_eq!(Config::default().check(), Ok(()));
        let mut config = Config::default();
        config.security.integrity.clear();
        assert_eq!(config.check().map_err(|(key, _)| key), Err("amf.security.integrity"));
        let mut config = Config::default();
        config.n2.listen.push(SocketAddr::from(([127, 0, 0, 6], 1)));
        assert_eq!(config.check().map_err(|(key, _)| key), Err("amf.n2.listen"));
        config.n2.listen.clear();
        assert!(config.check().is_err());
    }
}
