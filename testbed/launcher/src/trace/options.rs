//! What can be said to `peregrine trace`.

use std::net::IpAddr;
use std::path::PathBuf;

use clap::{Args, Subcommand};
use runtime::trace::Shown;

use super::names::Names;
use super::source::Seen;

#[derive(Debug, Subcommand)]
pub(crate) enum TraceCommand {
    /// Capture the calls between NFs, on any transport, as a pcapng file of HTTP/2
    #[command(after_help = "\
Examples:
  peregrine trace sbi --write sbi.pcapng                         everything, until Ctrl-C
  peregrine trace sbi --write sbi.pcapng --nf amf,smf            only calls from or to the AMF or the SMF
  peregrine trace sbi --write - --supi imsi-999700000000001 | wireshark -k -i -
Calls over shared memory have no TCP and no HTTP/2: both are made up here, an own connection for each pair of NFs. Path,
header fields, bodies and times are what was sent. Authentication vectors, keys and tokens are blanked with asterisks unless
--secrets is given; a subscriber's permanent keys always are. Each packet has a comment with the NFs and the transport.")]
    Sbi(SbiOptions),
    /// Print a UE's procedures as a ladder: N1 and N2, service operations and N4, with times
    #[command(after_help = "\
Examples:
  peregrine trace ladder --supi imsi-999700000000001             every procedure as it happens, until Ctrl-C
  peregrine trace ladder --supi 999700000000001 --last           only the last one, at Ctrl-C
The first column is the time since the procedure began, the second since the arrow before, both in milliseconds. Arrows appear
about two seconds late: a call may turn out only then to be this UE's.")]
    Ladder(LadderOptions),
    /// Capture the packets of a UE on N3, N6 and N4 as a pcapng file
    #[command(after_help = "\
Examples:
  peregrine trace packets --write ue.pcapng --supi imsi-999700000000001
  peregrine trace packets --write n3.pcapng --ue 10.45.0.2 --n3
  peregrine trace packets --write n4.pcapng --n4                 all of N4
Packets of N3 and N6 are as the UPF's workers took and sent them. Those that the UPF drops are seen coming, not going.
One that comes has a comment with the PDR that it matches; how often each PDR was matched is told at the end.")]
    Packets(PacketOptions),
}

#[derive(Args, Clone, Debug)]
pub(crate) struct SbiOptions {
    /// File to write; - is standard output
    #[arg(long, short, value_name = "FILE")]
    pub(super) write: PathBuf,

    /// Only calls from or to these NFs, as amf,smf
    #[arg(long, value_name = "NAMES", value_delimiter = ',', value_parser = clap::builder::PossibleValuesParser::new(crate::names::ALL))]
    pub(super) nf: Vec<String>,

    /// Only calls about this subscriber
    #[arg(long, value_name = "SUPI")]
    pub(super) supi: Option<String>,

    /// Show authentication vectors, keys and tokens
    #[arg(long)]
    pub(super) secrets: bool,

    /// End after so many seconds
    #[arg(long, value_name = "SECONDS")]
    pub(super) seconds: Option<u64>,
}

impl SbiOptions {
    /// Whether a request is between the wanted NFs.
    pub(super) fn concerns(&self, names: &Names, seen: &Seen) -> bool {
        let Shown::Request(call) = &seen.record.shown else { return false };
        let (client, server) = names.ends(&seen.nf, call);
        self.nf.is_empty() || self.nf.iter().any(|nf| *nf == client || *nf == server)
    }
}

#[derive(Args, Clone, Debug)]
pub(crate) struct LadderOptions {
    /// The subscriber: imsi-999700000000001, or only the digits
    #[arg(long, value_name = "SUPI")]
    pub(super) supi: String,

    /// Print each arrow as it comes (this is so without --last, too)
    #[arg(long, conflicts_with = "last")]
    pub(super) follow: bool,

    /// Print only the last procedure, at the end
    #[arg(long)]
    pub(super) last: bool,

    /// End after so many seconds
    #[arg(long, value_name = "SECONDS")]
    pub(super) seconds: Option<u64>,
}

#[derive(Args, Clone, Debug)]
pub(crate) struct PacketOptions {
    /// File to write; - is standard output
    #[arg(long, short, value_name = "FILE")]
    pub(super) write: PathBuf,

    /// Only the sessions of this subscriber
    #[arg(long, value_name = "SUPI", conflicts_with_all = ["seid", "ue"])]
    pub(super) supi: Option<String>,

    /// Only the session that the SMF or the UPF calls by this SEID
    #[arg(long, value_name = "SEID", conflicts_with = "ue")]
    pub(super) seid: Option<u64>,

    /// Only the session with this address of the UE
    #[arg(long, value_name = "ADDRESS")]
    pub(super) ue: Option<IpAddr>,

    /// N3; without any of the three, all of them
    #[arg(long)]
    pub(super) n3: bool,

    /// N6
    #[arg(long)]
    pub(super) n6: bool,

    /// N4
    #[arg(long)]
    pub(super) n4: bool,

    /// End after so many seconds
    #[arg(long, value_name = "SECONDS")]
    pub(super) seconds: Option<u64>,
}
