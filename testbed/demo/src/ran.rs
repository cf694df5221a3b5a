//! The gNB and the UEs: `peregrine-ran attach` on their host.

use std::fs;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::process::{Child, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use topo::{Host, Outcome, Outcomes, program};

use crate::configuration::{PROFILE_A, PROFILE_B, SECOND};
use crate::failure::Failure;
use crate::network::{CORE, GNB, SERVER, SERVER_V6};

/// How long arriving and leaving may take: this, and as much again for every thousand UEs.
const PATIENCE: Duration = Duration::from_secs(60);
/// The order in which UEs go through the procedures, which is that of the table.
const ORDER: [&str; 9] = [
    "NG setup",
    "registration",
    "session",
    "attach",
    "IPv6 address",
    "ping",
    "ping over IPv6",
    "session release",
    "deregistration",
];

/// What a procedure came to, over all UEs.
#[derive(Debug, Clone)]
pub(crate) struct Row {
    pub(crate) procedure: String,
    pub(crate) outcome: Outcome,
}

/// What `--ready` writes.
#[derive(Deserialize)]
struct Ready {
    sessions: Vec<Session>,
}

#[derive(Deserialize)]
struct Session {
    /// Sessions of IPv6 alone have none.
    address: Option<Ipv4Addr>,
    dnn: Option<String>,
}

/// Addresses of UEs, one in each data network.
pub(crate) struct Addresses {
    pub(crate) first: Ipv4Addr,
    pub(crate) second: Ipv4Addr,
}

impl Ready {
    fn addresses(&self) -> Option<Addresses> {
        let in_second = |session: &&Session| session.dnn.as_deref() == Some(SECOND);
        let first = self.sessions.iter().filter(|session| !in_second(session)).find_map(|session| session.address)?;
        Some(Addresses { first, second: self.sessions.iter().find(in_second)?.address? })
    }
}

/// The running simulator.
pub(crate) struct Ran {
    process: Child,
    folder: PathBuf,
    patience: Duration,
}

impl Ran {
    /// Starts the gNB and its UEs, which attach, open sessions and ping the data network's host.
    pub(crate) fn start(host: &Host, ues: u16, subscribers: &Path, folder: &Path) -> Result<Ran, Failure> {
        let mut command = host.command(program("peregrine-ran")?);
        command.args(["attach", "--ues", &ues.to_string(), "--subscribers"]).arg(subscribers);
        command.args(["--amf", &format!("{CORE}:38412"), "--n2", &GNB.to_string(), "--n3", &GNB.to_string()]);
        command.args(["--suci", "mix", "--suci-key-a", PROFILE_A, "--suci-key-b", PROFILE_B]);
        command.args(["--pdu-type", "mix", "--ping", &SERVER.to_string(), "--ping", &SERVER_V6.to_string()]);
        command.args(["--second-session", SECOND, "--tun"]);
        command.args(["--stay", "--release", "--ready"]).arg(folder.join("ready.json"));
        command.arg("--json").arg(folder.join("outcomes.json"));
        // Its progress is on standard error, for all to see; its own table would be the demo's twice.
        command.stdin(Stdio::null()).stdout(Stdio::null());
        let process = command.spawn().map_err(|source| Failure::io("starting peregrine-ran", source))?;
        let patience = PATIENCE + PATIENCE * u32::from(ues) / 1000;
        Ok(Ran { process, folder: folder.to_owned(), patience })
    }

    /// Waits until every UE has done what it could; addresses of two sessions.
    pub(crate) fn wait_until_attached(&mut self) -> Result<Addresses, Failure> {
        let path = self.folder.join("ready.json");
        let give_up = Instant::now() + self.patience;
        loop {
            // The file may be there and not yet whole: then it is looked at again.
            if let Some(ready) = read::<Ready>(&path) {
                return ready.addresses().ok_or_else(|| failed("no UE has a session in each data network"));
            }
            if let Some(status) = self.ended()? {
                return Err(Failure::Told(format!("peregrine-ran ended: {status}")));
            }
            if Instant::now() > give_up {
                return Err(failed("the UEs did not arrive in time"));
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Has every UE release its sessions and deregister; what came of all procedures.
    pub(crate) fn leave(mut self) -> Result<Vec<Row>, Failure> {
        let pid = i32::try_from(self.process.id()).ok().and_then(Pid::from_raw);
        if let Some(pid) = pid {
            kill_process(pid, Signal::TERM).map_err(|error| Failure::io("ending peregrine-ran", error.into()))?;
        }
        let give_up = Instant::now() + self.patience;
        while self.ended()?.is_none() {
            if Instant::now() > give_up {
                return Err(failed("the UEs did not leave in time"));
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        let outcomes: Option<Outcomes> = read(&self.folder.join("outcomes.json"));
        outcomes.map(rows).ok_or_else(|| failed("peregrine-ran wrote no outcomes"))
    }

    fn ended(&mut self) -> Result<Option<ExitStatus>, Failure> {
        self.process.try_wait().map_err(|source| Failure::io("waiting for peregrine-ran", source))
    }
}

fn failed(what: &str) -> Failure {
    Failure::Told(what.to_owned())
}

fn read<T: DeserializeOwned>(path: &Path) -> Option<T> {
    serde_json::from_slice(&fs::read(path).ok()?).ok()
}

fn rows(outcomes: Outcomes) -> Vec<Row> {
    let place = |name: &str| ORDER.iter().position(|known| *known == name).unwrap_or(ORDER.len());
    let row = |(procedure, outcome)| Row { procedure, outcome };
    let mut rows: Vec<Row> = outcomes.procedures.into_iter().map(row).collect();
    rows.sort_by_key(|row| place(&row.procedure));
    rows
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_come_in_the_order_of_a_ues_life() {
        let outcome = r#"{"count": 64, "failed": 1, "latency_us": {"p50": 1, "p99": 2, "max": 3, "mean": 1},
            "failures": {"refused": 1}}"#;
        let text = format!(
            r#"{{"procedures": {{"ping": {outcome}, "NG setup": {outcome}, "registration": {outcome}}}, "elapsed_s": 1}}"#
        );
        let rows = rows(serde_json::from_str(&text).expect("outcomes"));
        let names: Vec<&str> = rows.iter().map(|row| row.procedure.as_str()).collect();
        assert_eq!(names, ["NG setup", "registration", "ping"]);
        assert_eq!(rows[0].outcome.failures["refused"], 1);
    }
}
