//! Measurements of Peregrine, each comparing things in one run: `cargo run --release -p bench -- control-plane`.

mod admission;
mod classifier;
mod control_plane;
mod ports;
mod ran;
mod result;
mod samples;
mod sbi;
mod upf_path;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Measures Peregrine: what is compared alternates within one run, and ratios are reported with their spread.
#[derive(Debug, Parser)]
#[command(name = "bench", version)]
struct Arguments {
    #[command(subcommand)]
    measurement: Measurement,
}

#[derive(Debug, Subcommand)]
enum Measurement {
    /// Registration and session over shared memory against HTTP/2: latency, rate, CPU and memory of the whole core
    ControlPlane(control_plane::Options),
    /// Limits of admission in the AMF against none, when many UEs register at once
    Admission(admission::Options),
    /// Rule look-up and update: every classifier on the same rules and packets
    Classifier(classifier::Options),
    /// The user plane: its packet path, or its ports
    #[command(subcommand)]
    Upf(UserPlane),
    /// An end of the tunnel that `upf ports` measures
    #[command(hide = true)]
    UpfEnd(ports::EndOptions),
    /// Traffic for `upf ports`
    #[command(hide = true, subcommand)]
    UpfLoad(ports::Load),
    /// Calls between two processes over every transport: latency, rate, CPU, and what each costs in wake-ups and copies
    Sbi(sbi::Options),
    /// The other process of `sbi`
    #[command(hide = true)]
    SbiOther(sbi::OtherOptions),
}

#[derive(Debug, Subcommand)]
enum UserPlane {
    /// The packet path on one core, from memory to memory: packets per second by sessions and rules, the cost of each stage and
    /// of hostile packets, memory per session
    Path(upf_path::Options),
    /// The ports on links between namespaces, against a bare forwarder on the same port: TCP, packet rate, round trip
    Ports(ports::Options),
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let done = match &arguments.measurement {
        Measurement::ControlPlane(options) => control_plane::run(options),
        Measurement::Admission(options) => admission::run(options),
        Measurement::Classifier(options) => classifier::run(options),
        Measurement::Upf(UserPlane::Path(options)) => upf_path::run(options),
        Measurement::Upf(UserPlane::Ports(options)) => ports::run(options),
        Measurement::UpfEnd(options) => ports::run_end(options),
        Measurement::UpfLoad(load) => ports::run_load(load),
        Measurement::Sbi(options) => sbi::run(options),
        Measurement::SbiOther(options) => sbi::run_other(options),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Why there is no figure.
#[derive(Debug, thiserror::Error)]
enum Failure {
    /// No network could be made.
    #[error("{0}")]
    Network(#[from] topo::TopologyError),
    /// The core did not do its part.
    #[error("{0}")]
    Core(#[from] topo::CoreError),
    /// A file could not be written or read.
    #[error("{path}: {source}")]
    File {
        /// Which one.
        path: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// A line of a filter file is none.
    #[error("{path}, line {line}: not a ClassBench filter")]
    Filter {
        /// Which file.
        path: String,
        /// Counted from one.
        line: usize,
    },
    /// The system said no.
    #[error("{0}")]
    System(std::io::Error),
    /// An end of the tunnel, or traffic through it, failed.
    #[error("through the UPF: {0}")]
    Tunnel(String),
    /// The path did not forward what it was to.
    #[error("packet path: {0}")]
    Path(String),
    /// The simulator failed, or procedures did: a figure of a run with failures would mean nothing.
    #[error("peregrine-ran: {0}")]
    Ran(String),
    /// A transport failed, or the system did.
    #[error("{0}")]
    Other(String),
}

impl Failure {
    fn system(source: std::io::Error) -> Self {
        Self::System(source)
    }
}
