//! What can be said to `peregrine`.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use crate::names;
use crate::trace::TraceCommand;

/// A 5G standalone core
#[derive(Debug, Parser)]
#[command(
    name = "peregrine",
    version,
    max_term_width = 110,
    after_help = "\
Examples:
  peregrine up                              run the core until Ctrl-C
  peregrine status                          what runs, and how many gNBs, UEs and sessions it has
  peregrine subscriber add --supi imsi-999700000000002 --key ... --opc ...
  peregrine doctor imsi-999700000000002     why was this phone turned away?
  peregrine trace ladder --supi imsi-999700000000002
                                            its procedures, arrow by arrow
One directory of sockets is one core: PEREGRINE_RUN_DIR, process.run_dir in the file, or the system's custom."
)]
pub(crate) struct Cli {
    /// Configuration file of the core [default: /etc/peregrine/core.yaml, or what is built in]
    #[arg(long, short, value_name = "FILE", global = true)]
    pub(crate) config: Option<PathBuf>,

    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Start the core: every network function as a process, supervised, until Ctrl-C
    Up(UpOptions),
    /// End the core in order
    Down,
    /// Show the network functions, gNBs, UEs and sessions
    Status {
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Add, show, list, remove, import and export subscribers (see `peregrine subscriber --help`)
    #[command(disable_help_flag = true)]
    Subscriber {
        /// What to do with them
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// Act on a UE
    Ue {
        #[command(subcommand)]
        command: UeCommand,
    },
    /// Explain why gNBs and phones were turned away, and check what the core needs of this machine
    Doctor {
        /// Only about this SUPI or gNB
        about: Option<String>,
    },
    /// Show what the network functions say to each other, to UEs and to the data network, while it happens
    Trace {
        #[command(subcommand)]
        command: TraceCommand,
    },
    /// Make an authority and a certificate for each network function, and print the configuration that uses them (sbi.tls)
    Certificates {
        /// Where to; nothing that is there is replaced
        directory: PathBuf,
    },
    /// Take a transport of the service-based interface out of service, or back into it, while the core runs
    Transport {
        /// off: calls under way are answered, further ones go over the other transports
        #[arg(value_parser = ["on", "off"])]
        switch: String,
        /// shm, h2, h2+tls or h2+unix
        transport: String,
        /// Only of this network function
        nf: Option<String>,
    },
    /// Print the metrics of all network functions, or of one
    Metrics {
        /// Name of the network function
        nf: Option<String>,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum UeCommand {
    /// Have the network deregister a UE
    Deregister {
        /// Its SUPI: imsi-999700000000001, or only the digits
        supi: String,
    },
}

#[derive(Args, Clone, Debug)]
pub(crate) struct UpOptions {
    /// Come back when the core is ready, and leave it running
    #[arg(long)]
    pub(crate) detach: bool,

    /// Only these network functions, as nrf,udr
    #[arg(long, value_name = "NAMES", value_delimiter = ',', value_parser = clap::builder::PossibleValuesParser::new(names::ALL))]
    pub(crate) nf: Vec<String>,

    /// Directory of the network functions' programs
    #[arg(long, value_name = "DIR")]
    pub(crate) bin_dir: Option<PathBuf>,

    /// Seconds to wait until the core is ready
    #[arg(long, value_name = "SECONDS", default_value_t = 30)]
    pub(crate) wait: u64,
}

impl UpOptions {
    /// The network functions to start.
    pub(crate) fn functions(&self) -> Vec<&'static str> {
        let chosen = |name: &&&str| self.nf.is_empty() || self.nf.iter().any(|nf| nf == **name);
        names::ALL.iter().filter(chosen).copied().collect()
    }
}
