//! The same core over shared memory and over HTTP/2: the procedures do not notice.

use tests::Core;

/// Registers UEs with a session each; returns how many requests each transport carried in all.
fn carried(transports: &str) -> (u64, u64) {
    let core = Core::start(&format!("sbi: {{transports: {transports}}}\n"));
    let output = core.ran(&["attach", "--ues", "1", "--quiet", "--release"]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}\n{}\n{}", core.peregrine(&["doctor", "imsi"]), core.log());
    let metrics = core.peregrine(&["metrics"]);
    let sum = |transport: &str| {
        let wanted = format!("side=\"client\",transport=\"{transport}\"");
        let lines = metrics
            .lines()
            .filter(|line| line.starts_with("peregrine_sbi_transport_calls_total") && line.contains(&wanted));
        lines.filter_map(|line| line.rsplit(' ').next()?.parse::<u64>().ok()).sum()
    };
    (sum("shm"), sum("h2"))
}

#[test]
fn by_default_every_call_goes_over_shared_memory() {
    let (shm, _) = carried("[shm, h2]");
    assert!(shm > 20, "only {shm} calls");
}

#[test]
fn over_http2_alone_the_same_procedures_succeed() {
    let (shm, h2) = carried("[h2]");
    assert!(shm == 0 && h2 > 20, "{shm} over shared memory, {h2} over HTTP/2");
}
