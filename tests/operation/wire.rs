//! The bytes between our NFs over HTTP/2, seen by a stack of another make: each request and answer is what TS 29.5xx has there.
//!
//! A recorder stands before every NF: it tells all that they are where it is (127.0.1.x for 127.0.0.x), so whatever one NF says to
//! another passes through it. An NF that goes on working so would work with a foreign one in the other's place.

#[path = "wire/expected.rs"]
mod expected;
#[path = "wire/recorder.rs"]
mod recorder;

use std::collections::BTreeMap;
use std::process::Command;

use tests::{Core, program};

use recorder::{Exchange, Recorder};

/// What passes when a UE registers, opens a session, lets it go and leaves.
fn recorded() -> Vec<Exchange> {
    let recorder = Recorder::start();
    let core = Core::start("sbi: {transports: [h2], nrf: '127.0.1.10:7777'}\n");
    let output = core.ran(&["attach", "--ues", "1", "--quiet", "--release"]);
    assert!(output.status.success(), "{}\n{}", String::from_utf8_lossy(&output.stderr), core.log());
    drop(core);
    recorder.exchanges()
}

#[test]
fn every_request_and_answer_is_as_specified() {
    let exchanges = recorded();
    let mut seen = BTreeMap::new();
    let mut faults = Vec::new();
    for exchange in &exchanges {
        match expected::operation(exchange) {
            Some(operation) => {
                *seen.entry(operation.name).or_insert(0) += 1;
                faults.extend(expected::faults(exchange, operation));
            }
            None => faults.push(format!("{exchange}: no such operation")),
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    for name in expected::AT_LEAST_ONCE {
        assert!(seen.contains_key(name), "{name} did not happen: {seen:?}");
    }
}

/// Calls that went to this address or socket over a transport.
fn carried(metrics: &str, transport: &str, place: &str) -> u64 {
    let wanted =
        [format!("transport=\"{transport}\""), format!("endpoint=\"{transport}:"), "side=\"client\"".to_owned()];
    let calls = |line: &&str| {
        line.starts_with("peregrine_sbi_transport_calls_total")
            && wanted.iter().all(|part| line.contains(part))
            && line.contains(place)
    };
    metrics.lines().filter(calls).filter_map(|line| line.rsplit(' ').next()?.parse::<u64>().ok()).sum()
}

#[test]
fn each_pair_may_talk_over_another_transport() {
    let core = Core::start("sbi: {transports: [shm, unix, h2]}\n");
    // Who calls the UDR gets there over a unix socket, who calls UDM or SMF over TCP, all others over shared memory.
    for (transport, nf) in [("shm", "udr"), ("shm", "udm"), ("h2+unix", "udm"), ("shm", "smf"), ("h2+unix", "smf")] {
        core.peregrine(&["transport", "off", transport, nf]);
    }
    let output = core.ran(&["attach", "--ues", "1", "--quiet", "--release"]);
    assert!(output.status.success(), "{}\n{}", String::from_utf8_lossy(&output.stderr), core.log());
    let metrics = core.peregrine(&["metrics"]);
    let rows = [
        ("h2+unix", "127.0.0.20_7777"),
        ("h2", "127.0.0.12:7777"),
        ("h2", "127.0.0.4:7777"),
        ("shm", "127.0.0.11_7777"),
        ("shm", "127.0.0.5_7777"),
    ];
    for (transport, place) in rows {
        assert!(carried(&metrics, transport, place) > 0, "nothing over {transport} to {place}:\n{metrics}");
    }
    assert_eq!(carried(&metrics, "h2", "127.0.0.11:7777"), 0, "the AUSF is reached over shared memory");
}

#[test]
fn with_certificates_pairs_mix_shared_memory_unix_sockets_and_tls() {
    let place = tempfile::tempdir().expect("a directory");
    let made = Command::new(program("peregrine")).arg("certificates").arg(place.path().join("tls")).output();
    let made = made.expect("started");
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let core = Core::start(&format!("{}  transports: [shm, unix, h2]\n", String::from_utf8_lossy(&made.stdout)));
    for (transport, nf) in [("shm", "ausf"), ("shm", "udm"), ("h2+unix", "udm")] {
        core.peregrine(&["transport", "off", transport, nf]);
    }
    let output = core.ran(&["attach", "--ues", "1", "--quiet", "--release"]);
    assert!(output.status.success(), "{}\n{}", String::from_utf8_lossy(&output.stderr), core.log());
    let metrics = core.peregrine(&["metrics"]);
    for (transport, place) in [
        ("h2+unix", "127.0.0.11_7777"),
        ("h2+tls", "127.0.0.12:7777"),
        ("shm", "127.0.0.20_7777"),
        ("shm", "127.0.0.4_7777"),
    ] {
        assert!(carried(&metrics, transport, place) > 0, "nothing over {transport} to {place}:\n{metrics}");
    }
    assert_eq!(carried(&metrics, "h2", "127.0.0."), 0, "nothing in clear over TCP");
}
