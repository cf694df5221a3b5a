//! Any NF is killed (SIGKILL) under a running core: nobody else ends, and new registrations soon succeed again.

use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use tests::Core;

/// New registrations and sessions succeed again within this time.
const RECOVERED_WITHIN: Duration = Duration::from_secs(3);

/// Longest time a test waits for it.
const PATIENCE: Duration = Duration::from_secs(20);

const FUNCTIONS: [&str; 7] = ["nrf", "udr", "udm", "ausf", "amf", "smf", "upf"];

/// A UE registers, opens a session and leaves again.
fn registers(core: &Core) -> Result<(), String> {
    let output = core.ran(&["attach", "--ues", "1", "--timeout", "1", "--quiet", "--release"]);
    match output.status.success() {
        true => Ok(()),
        false => Err(String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned()),
    }
}

#[test]
fn whoever_is_killed_new_registrations_soon_succeed_and_nobody_else_ends() {
    let core = Core::start("");
    registers(&core).unwrap_or_else(|said| panic!("the core works before anything is killed: {said}\n{}", core.log()));
    let mut slow = Vec::new();
    for victim in FUNCTIONS {
        let before = core.pids();
        let pid = before.get(victim).copied().and_then(Pid::from_raw).expect("it runs");
        let killed = Instant::now();
        kill_process(pid, Signal::KILL).expect("it runs");
        let said = loop {
            match registers(&core) {
                Ok(()) => break String::new(),
                Err(said) if killed.elapsed() > PATIENCE => break said,
                Err(_) => (),
            }
        };
        let took = killed.elapsed();
        if took > RECOVERED_WITHIN {
            slow.push(format!("{victim}: {took:?} {said}"));
        }
        let after = core.pids();
        for other in FUNCTIONS.iter().filter(|other| **other != victim) {
            assert_eq!(after.get(*other), before.get(*other), "{other} must outlive the {victim}\n{}", core.log());
        }
        assert_ne!(after.get(victim), before.get(victim), "{victim} is a new process");
    }
    assert!(slow.is_empty(), "not within {RECOVERED_WITHIN:?}: {slow:?}\n{}", core.log());
}

#[test]
fn subscriber_data_outlives_the_store_being_killed() {
    let core = Core::start("");
    let lines: String = (1..=100)
        .map(|n| {
            format!(
                "{{\"supi\":\"imsi-9997000001{n:05}\",\"k\":\"{0}\",\"opc\":\"{0}\",\"slices\":[\"1:internet\"]}}\n",
                "0".repeat(32)
            )
        })
        .collect();
    let file = core.file("subscribers.jsonl", &lines);
    core.peregrine(&["subscriber", "import", &file]);
    let before = core.peregrine(&["subscriber", "export"]);
    let pid = core.pids().get("udr").copied().and_then(Pid::from_raw).expect("it runs");
    kill_process(pid, Signal::KILL).expect("it runs");
    while !core.pids().contains_key("udr") {}
    assert_eq!(core.peregrine(&["subscriber", "export"]), before);
    assert_eq!(before.lines().count(), 101);
}
