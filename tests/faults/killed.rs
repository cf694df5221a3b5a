//! Any NF is killed (SIGKILL) under a running core: nobody else ends, and new registrations soon succeed again. A gNB stands
//! still.

use std::collections::BTreeMap;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tests::{Core, World};

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

/// A UPF that is killed gets its sessions back from the SMF (TS 23.527 4.3): UE and RAN hear nothing of it.
#[test]
fn sessions_outlive_their_upf() {
    // With a second that begins: the UPF is to be back within the one it started in, of which PFCP's time stamps know nothing.
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970");
    std::thread::sleep(Duration::from_nanos(1_000_000_000 - u64::from(now.subsec_nanos())));
    let core = Core::start("");
    let lines: String = (1..=3).map(subscriber).collect();
    let subscribers = core.file("subscribers.jsonl", &lines);
    core.peregrine(&["subscriber", "import", &subscribers]);
    let mut ran =
        core.spawn_ran(&["attach", "--ues", "3", "--subscribers", &subscribers, "--stay", "--quiet", "--release"]);
    let sessions = |core: &Core, name: &str| core.status().get(name).and_then(|status| status["sessions"].as_u64());
    await_that(&core, "three sessions", || sessions(&core, "upf") == Some(3));
    let before = core.pids();
    let pid = before.get("upf").copied().and_then(Pid::from_raw).expect("it runs");
    kill_process(pid, Signal::KILL).expect("it runs");
    await_that(&core, "another UPF", || core.pids().get("upf").is_some_and(|pid| before.get("upf") != Some(pid)));
    await_that(&core, "the three sessions there", || sessions(&core, "upf") == Some(3));
    assert_eq!(sessions(&core, "smf"), Some(3));
    assert!(!core.log().contains("given_up=1") && ran.is_running(), "{}", core.log());
}

/// An SMF that is killed has lost its sessions: the UPF deletes them (TS 29.244 6.2.2.2), the gNB hears it with the next packet,
/// the UE with its next Service Request, and has another session then.
#[test]
fn a_ue_has_another_session_soon_after_its_smf_was_killed() {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(async {
        let world = World::start().await;
        let before = world.core.pids();
        let pid = before.get("smf").copied().and_then(Pid::from_raw).expect("it runs");
        kill_process(pid, Signal::KILL).expect("it runs");
        await_that(&world.core, "another SMF", || {
            world.core.pids().get("smf").is_some_and(|pid| before.get("smf") != Some(pid))
        });
        // Until the UPF has heard from the new SMF, it knows the session.
        let sessions = || world.core.status().get("smf").and_then(|status| status["sessions"].as_u64());
        let began = Instant::now();
        loop {
            let carried = world.carries().await;
            if carried.is_ok() && sessions() == Some(1) {
                break;
            }
            assert!(began.elapsed() < PATIENCE, "{carried:?}, {:?}\n{}", sessions(), world.core.log());
        }
    });
}

/// A gNB that answers nobody while its N2 stays is found by the UPF, told to the SMF, and found again (TS 23.527 5.2); its
/// sessions stay.
#[test]
fn a_gnb_that_is_silent_on_n3_is_told_and_its_return_too() {
    let core = Core::start("upf: {n3: {echo: {seconds: 1, t3_ms: 500, n3: 2}}}\n");
    let lines: String = (1..=3).map(subscriber).collect();
    let subscribers = core.file("subscribers.jsonl", &lines);
    core.peregrine(&["subscriber", "import", &subscribers]);
    let mut ran = core.spawn_ran(&["attach", "--ues", "3", "--subscribers", &subscribers, "--stay", "--quiet"]);
    let upf = |what: &str| core.status().get("upf").and_then(|status| status.pointer(what).and_then(Value::as_u64));
    await_that(&core, "three sessions", || upf("/sessions") == Some(3));
    await_that(&core, "one gNB", || upf("/gnbs/supervised") == Some(1));
    ran.pause(true);
    await_that(&core, "silent gNB", || upf("/gnbs/silent") == Some(1));
    let told = |change: &str| {
        let line =
            |line: &str| line.contains(&format!("between UPF and gNB has {change}")) && line.contains("sessions=3");
        core.log().lines().any(line)
    };
    await_that(&core, "word of it at the SMF", || told("failed"));
    ran.pause(false);
    await_that(&core, "gNB that answers", || upf("/gnbs/silent") == Some(0));
    await_that(&core, "word of it at the SMF", || told("recovered"));
    assert_eq!(upf("/sessions"), Some(3));
    assert!(ran.is_running(), "{}", core.log());
}

fn await_that(core: &Core, what: &str, holds: impl Fn() -> bool) {
    let began = Instant::now();
    while !holds() {
        assert!(began.elapsed() < PATIENCE, "no {what}: {:?}\n{}", core.status(), core.log());
    }
}

#[test]
fn subscriber_data_outlives_the_store_being_killed() {
    let core = Core::start("");
    let lines: String = (1..=100).map(subscriber).collect();
    let file = core.file("subscribers.jsonl", &lines);
    core.peregrine(&["subscriber", "import", &file]);
    let before = exported(&core);
    let pid = core.pids().get("udr").copied().and_then(Pid::from_raw).expect("it runs");
    kill_process(pid, Signal::KILL).expect("it runs");
    while !core.pids().contains_key("udr") {}
    let after = exported(&core);
    assert_eq!(before.len(), 101);
    assert_eq!(before.keys().collect::<Vec<_>>(), after.keys().collect::<Vec<_>>());
    for (who, (sequence, rest)) in &before {
        let (later, same) = &after[who];
        assert_eq!(same, rest, "{who}");
        assert!(later >= sequence, "{who}: the sequence number went back from {sequence} to {later}");
    }
}

/// Subscriber `n`, as a line to import.
fn subscriber(n: u32) -> String {
    let zeros = "0".repeat(32);
    format!(
        "{{\"supi\":\"imsi-9997000001{n:05}\",\"k\":\"{zeros}\",\"opc\":\"{zeros}\",\"slices\":[\"1:internet\"]}}\n"
    )
}

/// The subscribers by SUPI: sequence number, and all else.
fn exported(core: &Core) -> BTreeMap<String, (String, Value)> {
    let text = core.peregrine(&["subscriber", "export"]);
    let mut subscribers: Vec<Value> =
        text.lines().map(|line| serde_json::from_str(line).expect("a line of JSON")).collect();
    let field = |value: &Value| value.as_str().expect("text").to_owned();
    let one = |subscriber: &mut Value| {
        let sequence = subscriber.as_object_mut().and_then(|fields| fields.remove("sqn")).expect("a sequence number");
        (field(&subscriber["supi"]), (field(&sequence), subscriber.take()))
    };
    subscribers.iter_mut().map(one).collect()
}
