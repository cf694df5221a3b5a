//! A core of real processes, with sockets and state in a directory of its own, ended when it is dropped.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};

use rustix::process::Signal;
use serde_json::Value;
use tempfile::TempDir;

/// Cores use the same addresses: one at a time.
static ADDRESSES: Mutex<()> = Mutex::new(());

/// The running core.
pub struct Core {
    place: TempDir,
    up: Child,
    _addresses: MutexGuard<'static, ()>,
}

impl Core {
    /// Starts a core with this configuration (empty: the defaults) and waits until it is ready.
    ///
    /// # Panics
    /// With what the core said, where it does not become ready.
    pub fn start(configuration: &str) -> Self {
        Self::up(configuration, &[])
    }

    /// As [`Core::start`], of these NFs only: `nrf,udr`.
    ///
    /// # Panics
    /// As [`Core::start`].
    pub fn start_only(functions: &str, configuration: &str) -> Self {
        Self::up(configuration, &["--nf", functions])
    }

    fn up(configuration: &str, options: &[&str]) -> Self {
        let uid = rustix::process::geteuid();
        assert!(uid.is_root(), "this test makes raw sockets and TUN devices: scripts/in-namespace cargo test -p tests");
        let addresses = ADDRESSES.lock().unwrap_or_else(PoisonError::into_inner);
        let place = tempfile::tempdir().expect("a directory");
        std::fs::write(place.path().join("core.yaml"), configuration).expect("written");
        let mut command = peregrine(place.path());
        let mut up =
            command.arg("up").args(options).stdout(Stdio::piped()).stderr(log(place.path())).spawn().expect("started");
        let said = BufReader::new(up.stdout.take().expect("piped"))
            .lines()
            .map_while(Result::ok)
            .find(|line| line.contains("ready"));
        let core = Self { place, up, _addresses: addresses };
        assert!(said.is_some(), "the core is not ready:\n{}", core.log());
        core
    }

    /// Runs `peregrine` with these arguments.
    ///
    /// # Panics
    /// With what it said, where it fails.
    pub fn peregrine(&self, arguments: &[&str]) -> String {
        let output = peregrine(self.place.path()).args(arguments).output().expect("started");
        assert!(output.status.success(), "peregrine {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// Starts `peregrine` with these arguments; what it says can be read.
    ///
    /// # Panics
    /// Where it cannot be started.
    pub fn spawn_peregrine(&self, arguments: &[&str]) -> Child {
        let mut command = peregrine(self.place.path());
        command.args(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("started")
    }

    /// Runs the gNB and UE simulator with these arguments until it ends.
    pub fn ran(&self, arguments: &[&str]) -> Output {
        Command::new(program("peregrine-ran")).args(arguments).stdin(Stdio::null()).output().expect("started")
    }

    /// Starts the gNB and UE simulator with these arguments.
    ///
    /// # Panics
    /// Where it cannot be started.
    pub fn spawn_ran(&self, arguments: &[&str]) -> Ran {
        let mut command = Command::new(program("peregrine-ran"));
        command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        Ran(command.spawn().expect("started"))
    }

    /// The status of every NF that answers, by name.
    pub fn status(&self) -> BTreeMap<String, Value> {
        let output = peregrine(self.place.path()).args(["status", "--json"]).output().expect("started");
        let all: Vec<Value> = serde_json::from_slice(&output.stdout).expect("JSON");
        let named = all.into_iter().filter(|nf| nf["pid"].is_u64());
        named.map(|nf| (nf["nf"].as_str().unwrap_or_default().to_owned(), nf)).collect()
    }

    /// The process of every NF that answers, by name.
    pub fn pids(&self) -> BTreeMap<String, i32> {
        let pid = |nf: Value| nf["pid"].as_i64().and_then(|pid| i32::try_from(pid).ok());
        self.status().into_iter().filter_map(|(name, nf)| Some((name, pid(nf)?))).collect()
    }

    /// What the core has logged.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.place.path().join("log")).unwrap_or_default()
    }

    /// A file of this core's, such as one to import.
    pub fn file(&self, name: &str, content: &str) -> String {
        let path = self.place.path().join(name);
        std::fs::write(&path, content).expect("written");
        path.display().to_string()
    }
}

impl Drop for Core {
    fn drop(&mut self) {
        terminate(&mut self.up);
    }
}

/// A running gNB and UE simulator, ended when it is dropped: the core of the next test has the same addresses.
pub struct Ran(Child);

impl Ran {
    /// Whether it has not ended yet.
    pub fn is_running(&mut self) -> bool {
        self.0.try_wait().is_ok_and(|status| status.is_none())
    }

    /// Has it stand still, answering nobody while its connections stay, or go on.
    pub fn pause(&self, pause: bool) {
        signal(&self.0, if pause { Signal::STOP } else { Signal::CONT });
    }

    /// Waits until it ends.
    ///
    /// # Panics
    /// Where it has been waited for elsewhere.
    pub fn wait(&mut self) {
        self.0.wait().expect("it ends");
    }
}

impl Drop for Ran {
    fn drop(&mut self) {
        terminate(&mut self.0);
    }
}

/// Has a process end, and waits for that.
fn terminate(child: &mut Child) {
    if let Ok(Some(_)) = child.try_wait() {
        return;
    }
    signal(child, Signal::TERM);
    signal(child, Signal::CONT);
    let _ = child.wait();
}

fn signal(child: &Child, signal: Signal) {
    let pid = i32::try_from(child.id()).ok().and_then(rustix::process::Pid::from_raw);
    if let Some(pid) = pid {
        let _ = rustix::process::kill_process(pid, signal); // it may have ended
    }
}

fn peregrine(place: &Path) -> Command {
    let mut command = Command::new(program("peregrine"));
    command.arg("--config").arg(place.join("core.yaml")).stdin(Stdio::null());
    command.env("PEREGRINE_RUN_DIR", place.join("run")).env("PEREGRINE_STATE_DIR", place.join("state"));
    command
}

fn log(place: &Path) -> Stdio {
    std::fs::File::create(place.join("log")).expect("created").into()
}

/// A program of the same build as this test.
///
/// # Panics
/// Where it is not built.
pub fn program(name: &str) -> PathBuf {
    let own = std::env::current_exe().expect("this program has a path");
    let found = own.ancestors().skip(1).take(2).map(|folder| folder.join(name)).find(|file| file.is_file());
    found.unwrap_or_else(|| panic!("{name} is not built: cargo build --workspace --bins"))
}
