//! The command `peregrine`: starts and supervises the network functions of a core, shows what they do, and passes on what
//! the operator wants of them.

#[macro_use]
mod output;

mod addresses;
mod admin;
mod backoff;
mod certificates;
mod children;
mod command_line;
mod doctor;
mod down;
mod names;
mod status;
mod trace;
mod up;

use std::collections::HashSet;
use std::io;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use clap::Parser as _;
use runtime::Directories;
use runtime::config::{self, Common, ConfigError, Settings};

pub use backoff::Backoff;
pub use certificates::CertificateError;
use command_line::{Cli, Command, UeCommand};

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The configuration cannot be used.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// A directory or socket cannot be used.
    #[error(transparent)]
    Place(#[from] runtime::StartError),
    /// An NF's program is not there.
    #[error("{0} is neither beside this program nor in $PATH (or name its directory with --bin-dir)")]
    NoProgram(String),
    /// The core runs already.
    #[error("this core is running already (process {0}); `peregrine status` shows it, `peregrine down` ends it")]
    Running(String),
    /// An NF is not there or does not answer.
    #[error("{nf} does not answer: {why}")]
    NoAnswer {
        /// Name of the NF.
        nf: String,
        /// What the system said.
        why: String,
    },
    /// An NF refused what was asked.
    #[error("{nf} refuses: {why}")]
    Refused {
        /// Name of the NF.
        nf: String,
        /// Its answer.
        why: String,
    },
    /// A certificate is not made.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
    /// The core did not come up, or an NF cannot work as configured.
    #[error("{0}")]
    Core(String),
    /// The system failed us.
    #[error("{0}: {1}")]
    System(&'static str, #[source] io::Error),
}

impl Failure {
    /// Exit status: 2 for the operator's mistakes in files, 1 for all else.
    fn status(&self) -> u8 {
        if matches!(self, Self::Config(_)) { 2 } else { 1 }
    }
}

/// The whole of the program.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    match run(&cli) {
        Ok(code) => code,
        Err(failure) => {
            eprintln!("peregrine: {failure}");
            ExitCode::from(failure.status())
        }
    }
}

/// What every command knows: the configuration and where its core lives.
#[derive(Clone)]
struct Core {
    file: Option<PathBuf>,
    settings: Arc<Settings<Common>>,
    directories: Directories,
}

impl Core {
    fn open(file: Option<&Path>) -> Result<Self, Failure> {
        let settings = Arc::new(config::load::<Common>(file)?);
        let directories = Directories::find(&settings.process);
        Ok(Self { file: file.map(Path::to_path_buf), settings, directories })
    }
}

fn run(cli: &Cli) -> Result<ExitCode, Failure> {
    let core = Core::open(cli.config.as_deref())?;
    match &cli.command {
        Command::Up(options) if options.detach => up::detached(&core, options),
        Command::Up(options) => up::up(&core, options),
        Command::Down => down::down(&core),
        Command::Status { json } => Ok(status::show(&core, *json)),
        Command::Subscriber { arguments } => subscriber(&core, arguments),
        Command::Ue { command: UeCommand::Deregister { supi } } => deregister(&core, supi),
        Command::Doctor { about } => Ok(doctor::doctor(&core, about.as_deref())),
        Command::Certificates { directory } => certificates::make(&core, directory),
        Command::Transport { switch, transport, nf } => switch_transport(&core, switch, transport, nf.as_deref()),
        Command::Metrics { nf } => metrics(&core, nf.as_deref()),
        Command::Trace { command } => trace::trace(&core, command),
    }
}

/// The UDR's program knows the store: it becomes this process.
fn subscriber(core: &Core, arguments: &[String]) -> Result<ExitCode, Failure> {
    let program = names::program("udr", None)?;
    let mut command = std::process::Command::new(program);
    command.arg("subscriber").args(arguments);
    if let Some(file) = &core.file {
        command.arg("--config").arg(file);
    }
    Err(Failure::System("peregrine-udr", command.exec()))
}

fn deregister(core: &Core, supi: &str) -> Result<ExitCode, Failure> {
    let supi = if supi.bytes().all(|b| b.is_ascii_digit()) { format!("imsi-{supi}") } else { supi.to_owned() };
    let path = format!("/ue/{}/deregister", names::encoded(&supi));
    admin::call(&core.directories, "amf", "POST", &path)?;
    tell!("{supi} is being deregistered");
    Ok(ExitCode::SUCCESS)
}

fn switch_transport(core: &Core, switch: &str, transport: &str, only: Option<&str>) -> Result<ExitCode, Failure> {
    let method = if switch == "on" { "PUT" } else { "DELETE" };
    let path = format!("/transports/{}", names::encoded(transport));
    // The UPF has no service-based interface.
    let wanted = names::ALL.iter().filter(|nf| only.map_or(**nf != "upf", |only| only == **nf));
    for nf in wanted {
        admin::call(&core.directories, nf, method, &path)?;
        tell!("{nf}: {transport} is {switch}");
    }
    Ok(ExitCode::SUCCESS)
}

fn metrics(core: &Core, only: Option<&str>) -> Result<ExitCode, Failure> {
    let wanted = names::ALL.iter().filter(|nf| only.is_none_or(|only| only == **nf));
    let mut answered = false;
    let mut explained = HashSet::new();
    for nf in wanted {
        if let Ok(answer) = admin::call(&core.directories, nf, "GET", "/metrics") {
            answered = true;
            let text = answer.text();
            // What a family means is said once, not once per NF.
            let fresh = |line: &&str| !line.starts_with('#') || explained.insert((*line).to_owned());
            text.lines().filter(|line| *line != "# EOF").filter(fresh).for_each(|line| tell!("{line}"));
        }
    }
    match answered {
        true => Ok(ExitCode::SUCCESS),
        false => Err(Failure::NoAnswer { nf: only.unwrap_or("the core").to_owned(), why: "it is not running".into() }),
    }
}
