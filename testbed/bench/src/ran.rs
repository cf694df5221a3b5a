//! The gNB and its UEs: runs of `peregrine-ran attach` whose outcomes are read.

use std::collections::BTreeMap;
use std::fs;
use std::net::Ipv4Addr;
use std::path::Path;
use std::process::Stdio;

use serde::Deserialize;
use topo::{Host, program};

use crate::Failure;

/// What `--json` writes, as far as it is read here.
#[derive(Debug, Deserialize)]
pub(crate) struct Outcomes {
    procedures: BTreeMap<String, Outcome>,
    /// Seconds from the start to the end of the run.
    pub(crate) elapsed_s: f64,
}

/// How one procedure went.
#[derive(Debug, Deserialize)]
pub(crate) struct Outcome {
    pub(crate) count: u64,
    failed: u64,
    pub(crate) latency_us: Latency,
    failures: BTreeMap<String, u64>,
}

/// Microseconds.
#[derive(Debug, Deserialize)]
pub(crate) struct Latency {
    pub(crate) p50: f64,
    pub(crate) p99: f64,
    pub(crate) max: f64,
}

impl Outcomes {
    /// How a procedure went.
    pub(crate) fn of(&self, procedure: &str) -> Result<&Outcome, Failure> {
        let found = self.procedures.get(procedure);
        found.ok_or_else(|| Failure::Ran(format!("no '{procedure}' was carried out")))
    }
}

/// The simulator on its host.
pub(crate) struct Ran<'a> {
    pub(crate) host: &'a Host,
    pub(crate) own: Ipv4Addr,
    pub(crate) amf: Ipv4Addr,
    pub(crate) folder: &'a Path,
    /// The file with the UEs' identities and keys.
    pub(crate) subscribers: &'a Path,
}

impl Ran<'_> {
    /// Runs `attach` with these arguments to its end.
    pub(crate) fn attach(&self, arguments: &[&str]) -> Result<Outcomes, Failure> {
        let result = self.folder.join("outcomes.json");
        let mut command = self.host.command(program("peregrine-ran")?);
        command.args(["attach", "--quiet", "--amf", &format!("{}:38412", self.amf)]);
        command.args(["--n2", &self.own.to_string(), "--n3", &self.own.to_string()]);
        command.arg("--subscribers").arg(self.subscribers);
        command.arg("--json").arg(&result).args(arguments).stdin(Stdio::null());
        let output = command.output().map_err(|source| Failure::File { path: "peregrine-ran".into(), source })?;
        let read = fs::read(&result).map_err(|source| Failure::File { path: result.display().to_string(), source });
        if !output.status.success() {
            return Err(Failure::Ran(String::from_utf8_lossy(&output.stdout).trim().to_owned()));
        }
        let outcomes: Outcomes = serde_json::from_slice(&read?).map_err(|error| Failure::Ran(error.to_string()))?;
        let failed = outcomes.procedures.iter().find(|(_, outcome)| outcome.failed > 0);
        match failed {
            Some((name, outcome)) => Err(Failure::Ran(format!("{name} failed: {:?}", outcome.failures))),
            None => Ok(outcomes),
        }
    }
}
