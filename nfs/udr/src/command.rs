//! `peregrine-udr subscriber ...`: provisioning from the command line. A running UDR is asked over its operator's socket;
//! where none runs, the store is opened directly.

mod access;

use std::io::{Read as _, Write as _};
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};
use ipnet::{IpNet, Ipv6Net};
use runtime::config::{self, ConfigError, Of};
use sbi_models::{Gpsi, HexOctets, SecretHex, Supi};

use self::access::Access;
use crate::Udr;
use crate::admin::{Answer, Call};
use crate::formats::{FormatError, read_csv, read_json_lines, write_json_lines};
use crate::store::StoreError;
use crate::subscriber::{Keys, Profile, Slice, Subscriber};

/// Subscribers fetched at once by list and export.
const PAGE: usize = 5000;

/// Provisions subscribers
#[derive(Debug, Parser)]
#[command(name = "peregrine subscriber", bin_name = "peregrine subscriber", version, max_term_width = 110)]
struct Cli {
    /// Configuration file of the core
    #[arg(long, short, value_name = "FILE", global = true)]
    config: Option<PathBuf>,

    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Add a subscriber
    Add(NewSubscriber),
    /// Show a subscriber
    Show {
        /// Who: imsi-999700000000001, or the digits alone
        #[arg(value_parser = supi)]
        supi: Supi,
        /// Show the keys too
        #[arg(long)]
        keys: bool,
    },
    /// List the subscribers, one SUPI per line
    List,
    /// Remove subscribers
    Remove {
        /// Who: imsi-999700000000001, or the digits alone
        #[arg(required = true, value_parser = supi)]
        supis: Vec<Supi>,
    },
    /// Add or replace the subscribers of a file: JSON lines as exported, or CSV (by its name's end) with the columns
    /// supi, k, opc or op, and optional amf, sqn, gpsi, slices (1:internet|lan=ethernet;1-00000a:corp). Addresses and networks behind UEs
    /// are in JSON lines only (ipv4, ipv6, framedRoutes of a DNN). All or, after a mistake, none
    Import {
        /// The file; - for JSON lines from standard input
        file: PathBuf,
    },
    /// Write all subscribers as JSON lines, keys included
    Export {
        /// The file, made for its owner only; - for standard output
        #[arg(default_value = "-")]
        file: PathBuf,
    },
}

#[derive(Debug, Args)]
struct NewSubscriber {
    /// Who: imsi-999700000000001, or the digits alone
    #[arg(long, value_parser = supi)]
    supi: Supi,
    /// K, 32 hexadecimal digits
    #[arg(long, visible_alias = "k", value_name = "HEX")]
    key: SecretHex<16>,
    /// OPc, 32 hexadecimal digits
    #[arg(long, value_name = "HEX", required_unless_present = "op")]
    opc: Option<SecretHex<16>>,
    /// OP, in place of OPc
    #[arg(long, value_name = "HEX", conflicts_with = "opc")]
    op: Option<SecretHex<16>>,
    /// Authentication management field
    #[arg(long, value_name = "HEX", default_value = "8000")]
    amf: HexOctets<2>,
    /// Last sequence number used, 12 hexadecimal digits
    #[arg(long, value_name = "HEX")]
    sqn: Option<HexOctets<6>>,
    /// Telephone number, as msisdn-491700000000
    #[arg(long)]
    gpsi: Option<Gpsi>,
    /// A slice and its DNNs, the default ones first; may be repeated. After a DNN may stand which types of sessions it is
    /// for, as lan=ethernet or sensors=ipv4+unstructured; without it, those of IP
    #[arg(long = "slice", value_name = "SST[-SD]:DNN[=TYPE[+TYPE]][,DNN...]", default_value = "1:internet")]
    slices: Vec<Slice>,
    /// The IPv4 address that the default DNN always gives
    #[arg(long, value_name = "ADDRESS")]
    ipv4: Option<Ipv4Addr>,
    /// The IPv6 prefix that the default DNN always gives, of 64 bits
    #[arg(long, value_name = "PREFIX")]
    ipv6: Option<Ipv6Net>,
    /// A network behind the UE in the default DNN (framed route); may be repeated
    #[arg(long = "route", value_name = "NETWORK")]
    routes: Vec<IpNet>,
    /// Replace the subscriber where it is there already; its sequence number does not go back
    #[arg(long)]
    replace: bool,
}

impl NewSubscriber {
    fn subscriber(self) -> Result<Subscriber, Failure> {
        let mut keys = match (self.opc, self.op) {
            (Some(opc), _) => Keys::new(self.key, opc),
            (None, op) => Keys::from_op(self.key, &op.unwrap_or(SecretHex([0; 16]))), // clap requires one of the two
        };
        keys.amf = self.amf;
        keys.sqn = self.sqn.unwrap_or(keys.sqn);
        let mut profile = Profile { gpsi: self.gpsi, ..Profile::new(self.slices) };
        if let Some(default) = profile.slices.first_mut().and_then(|slice| slice.dnns.first_mut()) {
            (default.ipv4, default.ipv6, default.framed_routes) = (self.ipv4, self.ipv6, self.routes);
        }
        profile.check().map_err(|why| Failure::Refused(why.to_string()))?;
        Ok(Subscriber { supi: self.supi, keys: Some(keys), profile })
    }
}

fn supi(text: &str) -> Result<Supi, sbi_models::Malformed> {
    text.parse().or_else(|_| format!("imsi-{text}").parse())
}

/// Why the command failed.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error(transparent)]
    Place(#[from] runtime::StartError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("{file}: {why}", file = file.display())]
    Format { file: PathBuf, why: FormatError },
    #[error("{file}: {why}", file = file.display())]
    File { file: PathBuf, why: std::io::Error },
    #[error("the UDR does not answer on {socket}: {why}", socket = socket.display())]
    NoAnswer { socket: PathBuf, why: String },
    #[error("{0}")]
    Refused(String),
}

/// The command's `main`.
pub fn main() -> ExitCode {
    let arguments = std::env::args().enumerate().filter(|(n, _)| *n != 1).map(|(_, argument)| argument);
    let cli = Cli::parse_from(arguments);
    match run(cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure::Config(why)) => {
            eprintln!("{why}");
            ExitCode::from(2)
        }
        Err(why) => {
            eprintln!("{why}");
            ExitCode::FAILURE
        }
    }
}

fn run(cli: Cli) -> Result<(), Failure> {
    let settings = config::load::<Of<Udr>>(cli.config.as_deref())?;
    // A file is read before the store is touched: it may be wrong.
    match cli.action {
        Action::Add(new) => {
            let call = if new.replace { Call::Import } else { Call::Add };
            let subscriber = new.subscriber()?;
            let supi = subscriber.supi.clone();
            if let Answer::Provisioned(done) = Access::find(&settings)?.call(call(vec![subscriber]))? {
                say(&format!("{supi} {}\n", if done.replaced > 0 { "replaced" } else { "added" }));
            }
        }
        Action::Show { supi, keys } => {
            if let Answer::Subscribers(found) = Access::find(&settings)?.call(Call::Show(supi))? {
                show(found, keys);
            }
        }
        Action::List => each_page(&mut Access::find(&settings)?, |page| {
            page.iter().for_each(|subscriber| say(&format!("{}\n", subscriber.supi)));
            Ok(())
        })?,
        Action::Remove { supis } => {
            let asked = supis.len();
            if let Answer::Removed(removed) = Access::find(&settings)?.call(Call::Remove(supis))? {
                say(&format!("{removed} of {asked} removed\n"));
                if removed < asked {
                    return Err(Failure::Refused("the others were not there".into()));
                }
            }
        }
        Action::Import { file } => {
            let subscribers = read(&file)?;
            if let Answer::Provisioned(done) = Access::find(&settings)?.call(Call::Import(subscribers))? {
                say(&format!("{} added, {} replaced\n", done.added, done.replaced));
            }
        }
        Action::Export { file } => export(&mut Access::find(&settings)?, &file)?,
    }
    Ok(())
}

fn say(text: &str) {
    let _ = std::io::stdout().write_all(text.as_bytes()); // a reader that has had enough, as head
}

fn show(found: Vec<Subscriber>, keys: bool) {
    for mut subscriber in found {
        if !keys {
            subscriber.keys = None;
        }
        let text = serde_json::to_string_pretty(&subscriber).unwrap_or_default();
        say(&format!("{text}\n"));
    }
}

fn each_page(access: &mut Access, mut act: impl FnMut(&[Subscriber]) -> Result<(), Failure>) -> Result<(), Failure> {
    let mut after = None;
    loop {
        let Answer::Subscribers(page) = access.call(Call::List { after, limit: PAGE })? else { return Ok(()) };
        act(&page)?;
        after = match page.into_iter().next_back() {
            Some(last) => Some(last.supi),
            None => return Ok(()),
        };
    }
}

fn read(file: &Path) -> Result<Vec<Subscriber>, Failure> {
    let unreadable = |why| Failure::File { file: file.to_owned(), why };
    let text = match file == Path::new("-") {
        true => {
            let mut text = String::new();
            std::io::stdin().read_to_string(&mut text).map_err(unreadable)?;
            text
        }
        false => std::fs::read_to_string(file).map_err(unreadable)?,
    };
    let csv = file.extension().is_some_and(|end| end.eq_ignore_ascii_case("csv"));
    let subscribers = if csv { read_csv(&text) } else { read_json_lines(&text) };
    subscribers.map_err(|why| Failure::Format { file: file.to_owned(), why })
}

fn export(access: &mut Access, file: &Path) -> Result<(), Failure> {
    use std::os::unix::fs::OpenOptionsExt as _;
    let failed = |why| Failure::File { file: file.to_owned(), why };
    let mut out: Box<dyn std::io::Write> = match file == Path::new("-") {
        true => Box::new(std::io::stdout()),
        false => {
            let options = std::fs::File::options().write(true).create(true).truncate(true).mode(0o600).open(file);
            Box::new(options.map_err(failed)?)
        }
    };
    each_page(access, |page| out.write_all(write_json_lines(page).as_bytes()).map_err(failed))?;
    out.flush().map_err(failed)
}
