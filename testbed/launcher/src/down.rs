//! `peregrine down`: ends what `up` started, and network functions that were started alone.

use std::fs::File;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use rustix::fs::{FlockOperation, flock};
use rustix::process::{Pid, Signal, kill_process};

use crate::{Core, Failure, admin, names, up};

/// What the core is given beyond an NF's own time to drain.
const GRACE: Duration = Duration::from_secs(10);

const LOOK_EVERY: Duration = Duration::from_millis(20);

pub(crate) fn down(core: &Core) -> Result<ExitCode, Failure> {
    if let Some(pid) = supervisor(core) {
        end(core, "peregrine up", pid, || supervisor(core).is_none())?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut ended = 0;
    for nf in names::ALL {
        if let Some(pid) = alone(core, nf) {
            end(core, nf, pid, || alone(core, nf).is_none())?;
            ended += 1;
        }
    }
    if ended == 0 {
        tell!("nothing is running");
    }
    Ok(ExitCode::SUCCESS)
}

/// The process of `up`, while it holds its lock.
fn supervisor(core: &Core) -> Option<Pid> {
    let path = up::lock_file(&core.directories);
    let file = File::open(&path).ok()?;
    if flock(&file, FlockOperation::NonBlockingLockShared).is_ok() {
        return None; // nobody holds it
    }
    let text = std::fs::read_to_string(path).ok()?;
    text.trim().parse().ok().and_then(Pid::from_raw)
}

/// The process of an NF that answers.
fn alone(core: &Core, nf: &str) -> Option<Pid> {
    let status = admin::call(&core.directories, nf, "GET", "/status").ok()?.json();
    let pid = status.get("pid")?.as_i64()?;
    i32::try_from(pid).ok().and_then(Pid::from_raw)
}

fn end(core: &Core, name: &str, pid: Pid, is_gone: impl Fn() -> bool) -> Result<(), Failure> {
    kill_process(pid, Signal::TERM).map_err(|why| Failure::System("cannot end it", why.into()))?;
    let give_up = Instant::now() + Duration::from_millis(core.settings.process.drain_ms) + GRACE;
    while !is_gone() {
        if Instant::now() > give_up {
            return Err(Failure::Core(format!("{name} (process {}) does not end", pid.as_raw_nonzero())));
        }
        std::thread::sleep(LOOK_EVERY);
    }
    tell!("{name} ended");
    Ok(())
}
