//! `peregrine up`: the network functions as children of this process.

use std::fs::{File, OpenOptions};
use std::io::{Read as _, Write as _};
use std::os::unix::fs::MetadataExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{ExitCode, Stdio};
use std::time::{Duration, Instant};

use runtime::Directories;
use rustix::fs::{FlockOperation, flock};
use serde_json::Value;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};

use crate::children::{Ended, Program, Wish, say, supervise};
use crate::command_line::UpOptions;
use crate::{Core, Failure, admin, names};

/// How often the NFs are asked whether they are ready.
const ASK_EVERY: Duration = Duration::from_millis(50);

/// What an NF is given beyond its own time to drain before it is killed.
const GRACE: Duration = Duration::from_secs(3);

/// Runs the core until it is told to end.
pub(crate) fn up(core: &Core, options: &UpOptions) -> Result<ExitCode, Failure> {
    core.directories.make()?;
    let _lock = lock(&core.directories)?;
    let functions = options.functions();
    let programs = functions.iter().map(|nf| program(core, options, nf)).collect::<Result<Vec<_>, _>>()?;
    // The children end when the thread that started them ends: so it is this one, which lives as long as the process.
    let tokio = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let tokio = tokio.map_err(|why| Failure::System("cannot start", why))?;
    let ended = tokio.block_on(run(core, options, functions, programs));
    tokio.shutdown_timeout(Duration::from_millis(100));
    ended
}

/// Starts the core in the background; comes back when it is ready.
pub(crate) fn detached(core: &Core, options: &UpOptions) -> Result<ExitCode, Failure> {
    core.directories.make()?;
    drop(lock(&core.directories)?); // said here rather than in a log
    let log = core.directories.state.join("peregrine.log");
    let file = OpenOptions::new().create(true).append(true).open(&log);
    let file = file.map_err(|why| Failure::System("cannot write peregrine.log", why))?;
    let own = std::env::current_exe().map_err(|why| Failure::System("cannot find this program", why))?;
    let mut command = std::process::Command::new(own);
    command.arg("up").args(core.file.iter().flat_map(|file| ["--config".into(), file.clone().into_os_string()]));
    command.args(options.nf.iter().flat_map(|nf| ["--nf", nf]));
    command.args(options.bin_dir.iter().flat_map(|dir| ["--bin-dir".into(), dir.clone().into_os_string()]));
    let copy = file.try_clone().map_err(|why| Failure::System("cannot write peregrine.log", why))?;
    command.stdin(Stdio::null()).stdout(file).stderr(copy).process_group(0);
    let mut child = command.spawn().map_err(|why| Failure::System("cannot start", why))?;
    let give_up = Instant::now() + Duration::from_secs(options.wait);
    loop {
        let waiting = not_ready(&core.directories, &options.functions());
        if waiting.is_empty() {
            tell!("{}\nIts log is {}", greeting(core, &options.functions()), log.display());
            return Ok(ExitCode::SUCCESS);
        }
        if matches!(child.try_wait(), Ok(Some(_)) | Err(_)) {
            return Err(Failure::Core(format!("the core ended; {} says why", log.display())));
        }
        if Instant::now() > give_up {
            let _ = child.kill();
            return Err(Failure::Core(format!(
                "{} not ready after {} s; {} says why",
                waiting.join(", "),
                options.wait,
                log.display()
            )));
        }
        std::thread::sleep(ASK_EVERY);
    }
}

/// The directory of sockets, held for one core; its file says by whom, and goes with it.
struct Lock {
    _file: File,
    path: PathBuf,
}

impl Drop for Lock {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.path); // while it is still ours
    }
}

fn lock(directories: &Directories) -> Result<Lock, Failure> {
    let path = lock_file(directories);
    loop {
        let file = OpenOptions::new().create(true).truncate(false).read(true).write(true).open(&path);
        let mut file = file.map_err(|why| Failure::System("cannot open peregrine.lock", why))?;
        if flock(&file, FlockOperation::NonBlockingLockExclusive).is_err() {
            let mut holder = String::new();
            let _ = file.read_to_string(&mut holder);
            return Err(Failure::Running(holder.trim().to_owned()));
        }
        if !is_at(&file, &path) {
            continue; // its holder ended and removed it between our two steps
        }
        let written = file.set_len(0).and_then(|()| write!(file, "{}", std::process::id()));
        written.map_err(|why| Failure::System("cannot write peregrine.lock", why))?;
        return Ok(Lock { _file: file, path });
    }
}

/// Whether the path still leads to this file.
fn is_at(file: &File, path: &Path) -> bool {
    let inode =
        |metadata: std::io::Result<std::fs::Metadata>| metadata.map(|metadata| (metadata.dev(), metadata.ino())).ok();
    inode(file.metadata()).is_some_and(|own| inode(std::fs::metadata(path)) == Some(own))
}

/// The file that the running `up` holds.
pub(crate) fn lock_file(directories: &Directories) -> PathBuf {
    directories.run.join("peregrine.lock")
}

fn program(core: &Core, options: &UpOptions, nf: &'static str) -> Result<Program, Failure> {
    let mut arguments = vec!["--die-with-parent".to_owned(), std::process::id().to_string()];
    let file = core.file.as_deref().map(Path::display).map(|file| file.to_string());
    arguments.extend(file.into_iter().flat_map(|file| ["--config".to_owned(), file]));
    let grace = Duration::from_millis(core.settings.process.drain_ms) + GRACE;
    Ok(Program { name: nf, file: names::program(nf, options.bin_dir.as_deref())?, arguments, grace })
}

async fn run(
    core: &Core,
    options: &UpOptions,
    functions: Vec<&'static str>,
    programs: Vec<Program>,
) -> Result<ExitCode, Failure> {
    let open = |kind| signal(kind).map_err(|why| Failure::System("cannot listen for signals", why));
    let (mut int, mut term) = (open(SignalKind::interrupt())?, open(SignalKind::terminate())?);
    let wishes: Vec<watch::Sender<Wish>> = programs.iter().map(|_| watch::Sender::new(Wish::Run)).collect();
    let mut children: JoinSet<Ended> = JoinSet::new();
    let mut ends = Vec::new();
    for (program, wish) in programs.into_iter().zip(&wishes) {
        let (tell, told) = watch::channel(false);
        let seen = wish.subscribe();
        children.spawn(async move {
            let ended = supervise(program, seen).await;
            tell.send_replace(true);
            ended
        });
        ends.push(told);
    }
    let ready = announce(core, options, functions);
    let hopeless = tokio::select! {
        _ = int.recv() => None,
        _ = term.recv() => None,
        Some(Ok(ended)) = children.join_next() => Some(ended),
    };
    ready.abort();
    tokio::select! {
        () = end_in_order(&wishes, &mut ends) => (),
        _ = int.recv() => wishes.iter().for_each(|wish| { wish.send_replace(Wish::Kill); }),
        _ = term.recv() => wishes.iter().for_each(|wish| { wish.send_replace(Wish::Kill); }),
    }
    while children.join_next().await.is_some() {}
    match hopeless {
        Some(Ended::Hopeless(why)) => Err(Failure::Core(why)),
        _ => Ok(ExitCode::SUCCESS),
    }
}

/// One after the other, those first that face the radio: while they tell their peers, the rest still answers.
async fn end_in_order(wishes: &[watch::Sender<Wish>], ends: &mut [watch::Receiver<bool>]) {
    for (wish, end) in wishes.iter().zip(ends) {
        wish.send_replace(Wish::End);
        let _ = end.wait_for(|ended| *ended).await; // the task is gone: as good
    }
}

/// Says once when every NF is ready; and what is not, if that takes long.
fn announce(core: &Core, options: &UpOptions, functions: Vec<&'static str>) -> JoinHandle<()> {
    let core = core.clone();
    let patience = Duration::from_secs(options.wait);
    tokio::spawn(async move {
        let began = Instant::now();
        let mut complained = false;
        loop {
            let (asked, of) = (core.clone(), functions.clone());
            let answer = tokio::task::spawn_blocking(move || match not_ready(&asked.directories, &of) {
                waiting if waiting.is_empty() => Ok(greeting(&asked, &of)),
                waiting => Err(waiting.join(", ")),
            });
            match answer.await {
                Ok(Ok(greeting)) => return tell!("{greeting}"),
                Ok(Err(waiting)) if !complained && began.elapsed() > patience => {
                    complained = true;
                    say("up", &format!("still not ready: {waiting}"));
                }
                _ => tokio::time::sleep(ASK_EVERY).await,
            }
        }
    })
}

/// What is ready, and where gNBs and UPFs find it.
fn greeting(core: &Core, functions: &[&str]) -> String {
    let status = |nf: &&str| admin::call(&core.directories, nf, "GET", "/status").ok().map(|answer| answer.json());
    let mut interfaces = Vec::new();
    for status in functions.iter().filter_map(status) {
        let all = status.get("interfaces").and_then(Value::as_array).cloned().unwrap_or_default();
        let own = all.iter().filter_map(Value::as_str).filter(|interface| !interface.starts_with("SBI"));
        interfaces.extend(own.map(str::to_owned));
    }
    let network = &core.settings.network.plmn;
    format!("Peregrine is ready: {} network functions, PLMN {network}. {}", functions.len(), interfaces.join(", "))
}

/// The NFs that do not answer yet or are not registered.
fn not_ready(directories: &Directories, functions: &[&'static str]) -> Vec<&'static str> {
    let ready = |nf: &str| {
        let status = admin::call(directories, nf, "GET", "/status").map(|answer| answer.json());
        let alone = !functions.contains(&"nrf");
        status.is_ok_and(|status| match status.get("state").and_then(|state| state.as_str()) {
            Some("ready" | "registered") => true,
            Some("waiting for NRF") => alone,
            _ => false,
        })
    };
    functions.iter().copied().filter(|nf| !ready(nf)).collect()
}
