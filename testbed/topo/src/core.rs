//! A core: `peregrine up` on a host, with a configuration and files of its own.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::{Host, Usage, processes_named};

/// Longest time the core takes to be ready, and to end.
const PATIENCE: Duration = Duration::from_secs(30);

/// Why a core did not do what it was asked for.
#[derive(Debug, thiserror::Error)]
pub enum CoreError {
    /// The system refused something.
    #[error("{step}: {source}")]
    Io {
        /// What was under way.
        step: &'static str,
        /// What the system said.
        source: io::Error,
    },
    /// The core, or a command given to it, said what is wrong.
    #[error("{0}")]
    Told(String),
}

impl CoreError {
    fn io(step: &'static str) -> impl Fn(io::Error) -> Self {
        move |source| Self::Io { step, source }
    }
}

/// The running core.
pub struct Core {
    host: Host,
    folder: PathBuf,
    process: Child,
}

impl Core {
    /// Starts the core with this configuration and waits until it is ready; its files are in `folder`.
    ///
    /// # Errors
    /// What it said last, where it does not become ready.
    pub fn start(host: &Host, folder: &Path, configuration: &str) -> Result<Core, CoreError> {
        let step = CoreError::io("preparing the core's folder");
        fs::create_dir_all(folder).map_err(&step)?;
        fs::write(folder.join("core.yaml"), configuration).map_err(&step)?;
        let log = File::create(folder.join("log")).map_err(&step)?;
        let errors = log.try_clone().map_err(&step)?;
        let mut command = peregrine(host, folder)?;
        command.arg("up").stdin(Stdio::null()).stdout(log).stderr(errors);
        let process = command.spawn().map_err(CoreError::io("starting the core"))?;
        let mut core = Core { host: host.clone(), folder: folder.to_owned(), process };
        core.wait_until_ready()?;
        Ok(core)
    }

    /// Ready is when every network function is registered, and the SMF has its UPF.
    fn wait_until_ready(&mut self) -> Result<(), CoreError> {
        let give_up = Instant::now() + PATIENCE;
        while !(self.log().contains("Peregrine is ready") && self.has_upf()) {
            let ended = !matches!(self.process.try_wait(), Ok(None));
            if ended || Instant::now() > give_up {
                return Err(CoreError::Told(format!("the core did not become ready:\n{}", self.last_words())));
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(())
    }

    fn has_upf(&self) -> bool {
        let status = self.peregrine(&["status", "--json"]).unwrap_or_default();
        let all: Vec<serde_json::Value> = serde_json::from_str(&status).unwrap_or_default();
        all.iter().any(|nf| nf.get("upfs").and_then(|upfs| upfs.as_array()).is_some_and(|upfs| !upfs.is_empty()))
    }

    /// Runs `peregrine` with these arguments; what it printed.
    ///
    /// # Errors
    /// What it said, where it fails.
    pub fn peregrine(&self, arguments: &[&str]) -> Result<String, CoreError> {
        let mut command = peregrine(&self.host, &self.folder)?;
        let output = command.args(arguments).output().map_err(CoreError::io("running peregrine"))?;
        if output.status.success() {
            return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
        }
        let said = String::from_utf8_lossy(&output.stderr);
        Err(CoreError::Told(format!("peregrine {}: {}", arguments.join(" "), said.trim())))
    }

    /// What each network function has used so far, by name.
    pub fn usage(&self) -> Vec<(String, Usage)> {
        let mut usage: Vec<_> = network_functions(&self.host)
            .into_iter()
            .filter_map(|(pid, name)| Some((name.strip_prefix("peregrine-")?.to_owned(), Usage::of(pid)?)))
            .collect();
        usage.sort_by(|(a, _), (b, _)| a.cmp(b));
        usage
    }

    /// The last lines of the log, and why somebody was turned away.
    pub fn last_words(&self) -> String {
        let log = self.log();
        let lines: Vec<&str> = log.lines().collect();
        let tail = lines.iter().rev().take(20).rev().copied().collect::<Vec<_>>().join("\n");
        match self.peregrine(&["doctor"]) {
            Ok(said) if !said.trim().is_empty() => format!("{tail}\n{}", said.trim()),
            _ => tail,
        }
    }

    fn log(&self) -> String {
        fs::read(self.folder.join("log")).map(|log| String::from_utf8_lossy(&log).into_owned()).unwrap_or_default()
    }

    /// Ends the core in order and looks for anything it left: processes and sockets.
    ///
    /// # Errors
    /// What is left.
    pub fn stop(mut self) -> Result<(), CoreError> {
        self.peregrine(&["down"])?;
        let give_up = Instant::now() + PATIENCE;
        while matches!(self.process.try_wait(), Ok(None)) {
            if Instant::now() > give_up {
                return Err(CoreError::Told("the core did not end".to_owned()));
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        let mut left: Vec<String> = network_functions(&self.host).into_iter().map(|(_, name)| name).collect();
        left.extend(sockets(&self.folder.join("run")));
        if left.is_empty() { Ok(()) } else { Err(CoreError::Told(format!("left behind: {}", left.join(", ")))) }
    }
}

/// The processes of network functions on a host: not the launcher, the simulator or this program.
fn network_functions(host: &Host) -> Vec<(u32, String)> {
    let mut found = processes_named("peregrine-");
    found.retain(|(pid, name)| !matches!(name.as_str(), "peregrine-ran" | "peregrine-demo") && host.has(*pid));
    found
}

fn sockets(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.map(|entry| entry.path().display().to_string()).filter(|path| path.ends_with(".sock")).collect()
}

/// A program that was built beside this one.
///
/// # Errors
/// It was not built.
pub fn program(name: &str) -> Result<PathBuf, CoreError> {
    let own = std::env::current_exe().map_err(CoreError::io("finding this program"))?;
    let program = own.with_file_name(name);
    if program.exists() {
        return Ok(program);
    }
    Err(CoreError::Told(format!("{} is not built: make build", program.display())))
}

fn peregrine(host: &Host, folder: &Path) -> Result<Command, CoreError> {
    let mut command = host.command(program("peregrine")?);
    command.arg("--config").arg(folder.join("core.yaml"));
    command.env("PEREGRINE_RUN_DIR", folder.join("run")).env("PEREGRINE_STATE_DIR", folder.join("state"));
    Ok(command)
}
