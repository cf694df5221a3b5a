//! NFs are killed one after the other while UEs register and leave: the core goes on, and nobody else ends.

use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tests::Core;

/// All but the AMF, whose end takes the simulator's gNB along.
const VICTIMS: [&str; 6] = ["nrf", "udr", "udm", "ausf", "smf", "upf"];

const UES: usize = 400;

/// Longest time a killed NF takes to be back and registered.
const PATIENCE: Duration = Duration::from_secs(10);

fn subscribers() -> String {
    let line = |n: usize| {
        let key = "465b5ce8b199b49faa5f0a2ee238a6bc";
        let supi = 999_700_000_200_000 + n;
        format!("{{\"supi\":\"imsi-{supi}\",\"k\":\"{key}\",\"opc\":\"{key}\",\"slices\":[\"1:internet\"]}}\n")
    };
    (0..UES).map(line).collect()
}

/// Waits until the function is a new process, at work.
fn comes_back(core: &Core, victim: &str, old: i32) {
    let give_up = Instant::now() + PATIENCE;
    loop {
        let status = core.status();
        let back = status.get(victim).is_some_and(|nf| {
            nf["pid"].as_i64() != Some(old.into()) && matches!(nf["state"].as_str(), Some("registered" | "ready"))
        });
        if back {
            return;
        }
        assert!(Instant::now() < give_up, "{victim} does not come back:\n{}", core.log());
    }
}

#[test]
fn a_load_goes_on_while_one_after_the_other_is_killed() {
    let core = Core::start("logging: {level: warn}\n");
    let file = core.file("subscribers.jsonl", &subscribers());
    core.peregrine(&["subscriber", "import", &file]);
    let (result, ues) = (core.file("load.json", ""), UES.to_string());
    let key = "465b5ce8b199b49faa5f0a2ee238a6bc";
    let arguments =
        ["load", "--rate", "25", "--duration", "8", "--mix", "register=1,session=1,deregister=1", "--timeout", "3"];
    let who = ["--ues", &ues, "--imsi", "999700000200000", "--k", key, "--opc", key, "--quiet", "--json", &result];
    let mut load = core.spawn_ran(&[&arguments[..], &who[..]].concat());
    let first = core.pids();
    for victim in VICTIMS {
        let old = core.pids()[victim];
        kill_process(Pid::from_raw(old).expect("a process"), Signal::KILL).expect("it runs");
        comes_back(&core, victim, old);
    }
    load.wait();
    assert_eq!(core.pids().get("amf"), first.get("amf"), "the AMF outlives them all\n{}", core.log());
    let text = std::fs::read_to_string(&result).expect("written");
    let report: Value = serde_json::from_str(&text).expect("JSON");
    let procedures = report["procedures"].as_object().expect("procedures");
    let sum = |field: &str| procedures.values().filter_map(|outcome| outcome[field].as_u64()).sum::<u64>();
    let (succeeded, failed) = (sum("count"), sum("failed"));
    assert!(succeeded > 100 && succeeded > failed, "{succeeded} succeeded, {failed} failed: {text}");
    let output = core.ran(&["attach", "--ues", "1", "--quiet", "--release"]);
    assert!(output.status.success(), "it works as before: {}", String::from_utf8_lossy(&output.stderr));
}
