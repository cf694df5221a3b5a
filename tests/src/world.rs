//! A core, subscribers, and UEs of an honest gNB that must notice nothing of what others do.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use aka::{K, Opc};
use nas::ie::Plmn;
use ran::ue::{Command, SessionRequest};
use ran::{PingError, Ran, RanSetup, Subscriber, UeId};

use crate::Core;
use crate::puppet::{Puppet, ScriptError};

/// The keys that UERANSIM's samples have, as 32 hexadecimal digits.
const KEY: &str = "465B5CE8B199B49FAA5F0A2EE238A6BC";
const OPC: &str = "E8ED289DEBA952E4283B54E88E6183CA";

/// How many subscribers a world has.
const SUBSCRIBERS: usize = 200;

/// Memory that all processes together may take in addition, MiB: for caches and buffers that fill once.
const GROWTH: u64 = 64;

/// Where the AMF answers on N2.
pub const AMF: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(127, 0, 0, 5)), 38412);

/// The network of the default configuration.
///
/// # Panics
/// Never: these are digits.
pub fn plmn() -> Plmn {
    Plmn::new("999", "70").expect("digits")
}

/// Somebody registered for good, and somebody who comes and goes.
const RESIDENT: UeId = UeId(0);
const VISITOR: UeId = UeId(1);

/// A core under observation.
pub struct World {
    /// The core.
    pub core: Core,
    witness: Ran,
    subscribers: std::vec::IntoIter<Subscriber>,
    puppets: u8,
    pids: BTreeMap<String, i32>,
    memory: u64,
}

impl World {
    /// Starts the core with the default configuration, provisions subscribers, registers the witness.
    ///
    /// # Panics
    /// Where the core does not work even before anybody does it harm.
    pub async fn start() -> Self {
        Self::start_with("").await
    }

    /// As [`World::start`], with this configuration.
    ///
    /// # Panics
    /// As [`World::start`].
    pub async fn start_with(configuration: &str) -> Self {
        let core = Core::start(configuration);
        let (k, opc) = (K::from_hex(KEY).expect("a key"), Opc::from_hex(OPC).expect("a key"));
        let subscribers = Subscriber::range("999700000100000", SUBSCRIBERS, &k, &opc).expect("15 digits");
        let row = |s: &Subscriber| format!("imsi-{},{KEY},{OPC}\n", s.imsi);
        let rows: String = subscribers.iter().map(row).collect();
        let file = core.file("subscribers.csv", &format!("supi,k,opc\n{rows}"));
        core.peregrine(&["subscriber", "import", &file]);
        let mut subscribers = subscribers.into_iter();
        let observed: Vec<Subscriber> = subscribers.by_ref().take(2).collect();
        let witness = Ran::start(&RanSetup::new(plmn()), &observed).await;
        let witness = witness.unwrap_or_else(|error| panic!("the witness' gNB: {error}\n{}", core.log()));
        let (pids, memory) = (core.pids(), 0);
        let mut world = Self { core, witness, subscribers, puppets: 0, pids, memory };
        for command in [Command::Register, session(1)] {
            world.witness.run(RESIDENT, command).await.unwrap_or_else(|error| panic!("{error}\n{}", world.core.log()));
        }
        world.unharmed("the start").await;
        world.memory = world.resident();
        world
    }

    /// A subscriber whom nobody has used yet.
    ///
    /// # Panics
    /// When none is left.
    pub fn subscriber(&mut self) -> Subscriber {
        self.subscribers.next().expect("there are enough subscribers")
    }

    /// A number for a gNB that nobody has used yet.
    pub fn gnb_id(&mut self) -> u8 {
        self.puppets += 1;
        self.puppets
    }

    /// A scripted gNB of its own identity, set up.
    ///
    /// # Errors
    /// Where the AMF does not take it.
    pub async fn puppet(&mut self) -> Result<Puppet, ScriptError> {
        Puppet::on_air(self.gnb_id(), AMF).await
    }

    /// Asserts that what was done to the core has harmed nobody: all processes are the same, the resident's session
    /// carries packets and a new one can be made, others come and go, and memory has not grown.
    ///
    /// # Panics
    /// Where that is not so, with the core's log.
    pub async fn unharmed(&mut self, after: &str) {
        if let Err(why) = self.check().await {
            panic!("after {after}: {why}\n{}", last_lines(&self.core.log()));
        }
    }

    /// One packet of the resident's session to the gateway and back.
    ///
    /// # Errors
    /// Where it does not come back within 2 s.
    pub async fn carries(&self) -> Result<Duration, PingError> {
        self.witness.ping(RESIDENT, 1, Ipv4Addr::new(10, 45, 0, 1).into(), Duration::from_secs(2)).await
    }

    async fn check(&self) -> Result<(), String> {
        let pids = self.core.pids();
        if pids != self.pids {
            return Err(format!("processes ended: {:?} are now {pids:?}", self.pids));
        }
        self.carries().await.map_err(|error| format!("the resident's session carries nothing: {error}"))?;
        let failed = |what: &'static str| move |error| format!("{what}: {error}");
        self.witness.run(RESIDENT, session(2)).await.map_err(failed("the resident gets no second session"))?;
        let release = self.witness.run(RESIDENT, Command::Release(2)).await;
        release.map_err(failed("the resident's second session is not released"))?;
        self.witness.run(VISITOR, Command::Register).await.map_err(failed("a visitor is not let in"))?;
        self.witness.run(VISITOR, Command::Deregister(false)).await.map_err(failed("a visitor cannot leave"))?;
        let memory = self.resident();
        match self.memory != 0 && memory > self.memory + (GROWTH << 10) {
            true => Err(format!("memory has grown from {} to {memory} KiB", self.memory)),
            false => Ok(()),
        }
    }

    /// Resident memory of all NFs, KiB.
    fn resident(&self) -> u64 {
        let of = |pid: &i32| {
            let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
            let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
            line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok()).unwrap_or(0)
        };
        self.pids.values().map(of).sum()
    }
}

fn session(id: u8) -> Command {
    Command::Establish(SessionRequest::usual(id))
}

fn last_lines(log: &str) -> String {
    let lines: Vec<&str> = log.lines().collect();
    lines[lines.len().saturating_sub(60)..].join("\n")
}
