//! Any NF is stopped (SIGSTOP) for a while under a running core: whoever asks it is refused in time, nobody ends, and when it goes
//! on all is as before.

use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use tests::Core;

const FUNCTIONS: [&str; 7] = ["nrf", "udr", "udm", "ausf", "amf", "smf", "upf"];

/// Longest time until new registrations succeed again.
const PATIENCE: Duration = Duration::from_secs(20);

/// A UE registers, opens a session and leaves again; what was said where it fails.
fn registers(core: &Core) -> Result<(), String> {
    let output = core.ran(&["attach", "--ues", "1", "--timeout", "1", "--quiet", "--release"]);
    match output.status.success() {
        true => Ok(()),
        false => Err(String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned()),
    }
}

/// A process that goes on when this is dropped.
struct Stopped(Pid);

impl Stopped {
    fn new(pid: i32) -> Self {
        let pid = Pid::from_raw(pid).expect("a process");
        kill_process(pid, Signal::STOP).expect("it runs");
        Self(pid)
    }
}

impl Drop for Stopped {
    fn drop(&mut self) {
        let _ = kill_process(self.0, Signal::CONT); // it may have ended
    }
}

#[test]
fn whoever_is_stopped_all_is_as_before_when_it_goes_on() {
    let core = Core::start("");
    registers(&core).unwrap_or_else(|said| panic!("the core works before anything is stopped: {said}\n{}", core.log()));
    let before = core.pids();
    for victim in FUNCTIONS {
        let stopped = Stopped::new(before[victim]);
        // It succeeds where what it needs is known already, such as tokens and addresses; else it ends by itself.
        let outcome = registers(&core);
        let needed = !matches!(victim, "nrf" | "upf");
        assert!(outcome.is_err() || !needed, "a UE registers without the {victim}");
        drop(stopped);
        let continued = Instant::now();
        while let Err(said) = registers(&core) {
            assert!(continued.elapsed() < PATIENCE, "after the {victim} went on: {said}\n{}", core.log());
        }
        // One that is slow to answer does so soon; one that ended never has its old number again.
        while core.pids() != before {
            assert!(continued.elapsed() < PATIENCE, "not {before:?} after the {victim} went on\n{}", core.log());
        }
    }
}
