//! Shared memory goes out of service and comes back while UEs register, open sessions and leave: no procedure fails.

use std::time::{Duration, Instant};

use serde_json::Value;
use tests::Core;

const UES: usize = 400;

/// Calls that all NFs made so far over a transport.
fn carried(core: &Core, transport: &str) -> u64 {
    let wanted = format!("side=\"client\",transport=\"{transport}\"");
    let metrics = core.peregrine(&["metrics"]);
    let calls = |line: &&str| line.starts_with("peregrine_sbi_transport_calls_total") && line.contains(&wanted);
    metrics.lines().filter(calls).filter_map(|line| line.rsplit(' ').next()?.parse::<u64>().ok()).sum()
}

/// Waits until so many more calls went over a transport.
fn carries(core: &Core, transport: &str, more: u64) {
    let (before, give_up) = (carried(core, transport), Instant::now() + Duration::from_secs(20));
    while carried(core, transport) < before + more {
        assert!(Instant::now() < give_up, "{transport} does not carry the calls\n{}", core.log());
    }
}

#[test]
fn calls_go_over_http2_while_shared_memory_is_away_and_back_again() {
    let core = Core::start("logging: {level: warn}\n");
    let key = "465b5ce8b199b49faa5f0a2ee238a6bc";
    let line = |n: usize| {
        let supi = 999_700_000_300_000 + n;
        format!("{{\"supi\":\"imsi-{supi}\",\"k\":\"{key}\",\"opc\":\"{key}\",\"slices\":[\"1:internet\"]}}\n")
    };
    let file = core.file("subscribers.jsonl", &(0..UES).map(line).collect::<String>());
    core.peregrine(&["subscriber", "import", &file]);
    let (result, ues) = (core.file("load.json", ""), UES.to_string());
    let arguments =
        ["load", "--rate", "25", "--duration", "9", "--mix", "register=1,session=1,deregister=1", "--timeout", "5"];
    let who = ["--ues", &ues, "--imsi", "999700000300000", "--k", key, "--opc", key, "--quiet", "--json", &result];
    let mut load = core.spawn_ran(&[&arguments[..], &who[..]].concat());
    carries(&core, "shm", 50);
    for _ in 0..2 {
        core.peregrine(&["transport", "off", "shm"]);
        carries(&core, "h2", 50);
        core.peregrine(&["transport", "on", "shm"]);
        carries(&core, "shm", 50);
    }
    load.wait();
    let text = std::fs::read_to_string(&result).expect("written");
    let report: Value = serde_json::from_str(&text).expect("JSON");
    let procedures = report["procedures"].as_object().expect("procedures");
    let sum = |field: &str| procedures.values().filter_map(|outcome| outcome[field].as_u64()).sum::<u64>();
    assert!(sum("count") > 100, "{text}");
    assert_eq!(sum("failed"), 0, "{text}\n{}", core.log());
}
