//! The same core over shared memory and over HTTP/2: the procedures do not notice.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::process::Command;

use tests::{Core, program};

/// Registers UEs with a session each; returns how many requests each transport carried in all.
fn carried(transports: &str) -> (u64, u64) {
    over(&Core::start(&format!("sbi: {{transports: {transports}}}\n")), "h2")
}

/// The same with a core that runs, of shared memory and one other.
fn over(core: &Core, other: &str) -> (u64, u64) {
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
    (sum("shm"), sum(other))
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

#[test]
fn with_certificates_everything_goes_over_tls_and_nobody_else_is_heard() {
    let place = tempfile::tempdir().expect("a directory");
    let directory = place.path().join("tls");
    let made = Command::new(program("peregrine")).arg("certificates").arg(&directory).output().expect("started");
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let key = std::fs::metadata(directory.join("udm.key")).expect("made").permissions();
    assert_eq!(std::os::unix::fs::PermissionsExt::mode(&key) & 0o777, 0o600);
    let core = Core::start(&format!("{}  transports: [h2]\n", String::from_utf8_lossy(&made.stdout)));
    let (clear, encrypted) = (over(&core, "h2").1, over(&core, "h2+tls").1);
    assert!(clear == 0 && encrypted > 20, "{clear} in clear, {encrypted} over TLS");
    let mut stranger = TcpStream::connect("127.0.0.12:7777").expect("it listens");
    stranger.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0").expect("written");
    let mut said = Vec::new();
    let _ = stranger.read_to_end(&mut said); // it may be cut off
    assert!(said.len() < 32, "no HTTP/2 in clear: {said:?}");
}
