//! The command line of every NF.

use std::path::PathBuf;

use clap::{CommandFactory as _, FromArgMatches as _, Parser};

use crate::sections::NfName;

/// What can be said on the command line.
#[derive(Debug, Parser)]
#[command(
    version,
    max_term_width = 110,
    after_help = "\
Without --config the file is /etc/peregrine/core.yaml where it exists, else the built-in configuration, which
--print-config shows. The environment goes before the file: PEREGRINE_RUN_DIR (sockets), PEREGRINE_STATE_DIR
(what must survive), PEREGRINE_LOG (as logging.level). SIGTERM and SIGINT end the process in order, a second
one at once. Exit status: 0 ended in order, 1 a failure, 2 a mistake in the configuration or on the command line."
)]
pub(crate) struct Args {
    /// Configuration file of the core
    #[arg(long, short, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,

    /// Check the configuration and end
    #[arg(long)]
    pub(crate) check_config: bool,

    /// Print the configuration as it is understood, defaults included, and end
    #[arg(long)]
    pub(crate) print_config: bool,

    /// End when this process, our parent, ends, however it ends
    #[arg(long, value_name = "PID", hide = true)]
    pub(crate) die_with_parent: Option<u32>,
}

impl Args {
    /// Reads the command line of the NF; ends the process on `--help`, `--version` and mistakes.
    pub(crate) fn read(name: NfName) -> Self {
        let (binary, about) = describe(name);
        let command = Self::command().name(binary).bin_name(binary).about(about);
        let matches = command.get_matches();
        Self::from_arg_matches(&matches).unwrap_or_else(|error| error.exit())
    }
}

fn describe(name: NfName) -> (&'static str, &'static str) {
    match name {
        NfName::Nrf => ("peregrine-nrf", "Network repository function: NFs register here and find each other"),
        NfName::Udr => ("peregrine-udr", "Unified data repository: keeps the subscribers' data"),
        NfName::Udm => {
            ("peregrine-udm", "Unified data management: subscriptions, authentication vectors, registrations")
        }
        NfName::Ausf => ("peregrine-ausf", "Authentication server function: 5G-AKA"),
        NfName::Amf => ("peregrine-amf", "Access and mobility management function: N2 to the gNBs, N1 to the UEs"),
        NfName::Smf => ("peregrine-smf", "Session management function: PDU sessions, N4 to the UPF"),
        NfName::Upf => ("peregrine-upf", "User plane function: N3 to the gNBs, N6 to the data networks"),
    }
}
