//! The gNB and its UEs: runs of `peregrine-ran attach` whose outcomes are read.

use std::fs;
use std::net::Ipv4Addr;
use std::path::Path;
use std::process::Stdio;

use topo::{Host, Outcome, Outcomes, program};

use crate::Failure;

/// How a procedure went.
pub(crate) fn outcome<'a>(outcomes: &'a Outcomes, procedure: &str) -> Result<&'a Outcome, Failure> {
    let found = outcomes.procedures.get(procedure);
    found.ok_or_else(|| Failure::Ran(format!("no '{procedure}' was carried out")))
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
        let outcomes = self.run("attach", arguments)?;
        let failed = outcomes.procedures.iter().find(|(_, outcome)| outcome.failed > 0);
        match failed {
            Some((name, outcome)) => Err(Failure::Ran(format!("{name} failed: {:?}", outcome.failures))),
            None => Ok(outcomes),
        }
    }

    /// Runs `load`, in which procedures may fail, with these arguments to its end.
    pub(crate) fn load(&self, arguments: &[&str]) -> Result<Outcomes, Failure> {
        self.run("load", arguments)
    }

    fn run(&self, what: &str, arguments: &[&str]) -> Result<Outcomes, Failure> {
        let result = self.folder.join("outcomes.json");
        let _ = fs::remove_file(&result); // of the run before
        let mut command = self.host.command(program("peregrine-ran")?);
        command.args([what, "--quiet", "--amf", &format!("{}:38412", self.amf)]);
        command.args(["--n2", &self.own.to_string(), "--n3", &self.own.to_string()]);
        command.arg("--subscribers").arg(self.subscribers);
        command.arg("--json").arg(&result).args(arguments).stdin(Stdio::null());
        let output = command.output().map_err(|source| Failure::File { path: "peregrine-ran".into(), source })?;
        let read = fs::read(&result).map_err(|source| Failure::File { path: result.display().to_string(), source });
        // It says so, too, where procedures failed: then there are outcomes.
        if !output.status.success() && read.is_err() {
            return Err(Failure::Ran(String::from_utf8_lossy(&output.stdout).trim().to_owned()));
        }
        serde_json::from_slice(&read?).map_err(|error| Failure::Ran(error.to_string()))
    }
}
