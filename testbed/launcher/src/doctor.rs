//! `peregrine doctor`: the latest explained rejects of all network functions, and what the core needs of this machine.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};

use runtime::RejectRecord;
use socket2::{Domain, Protocol, Socket, Type};

use crate::{Core, addresses, admin, names};

/// IP protocol number of SCTP.
const SCTP: i32 = 132;

/// Rejects shown.
const SHOWN: usize = 20;

/// Prints rejects and findings; fails if the machine lacks something.
pub(crate) fn doctor(core: &Core, about: Option<&str>) -> ExitCode {
    rejects(core, about);
    if about.is_some() {
        return ExitCode::SUCCESS;
    }
    let findings = findings(core);
    tell!("\nThis machine:");
    for finding in &findings {
        tell!("  {} {}", if finding.good { "ok  " } else { "FAIL" }, finding.text);
    }
    if findings.iter().all(|finding| finding.good) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn rejects(core: &Core, about: Option<&str>) {
    let path = about.map_or("/rejects".to_owned(), |about| format!("/rejects?about={}", names::encoded(about)));
    let of = |nf: &&str| admin::call(&core.directories, nf, "GET", &path).ok();
    let answers: Vec<_> = names::ALL.iter().filter_map(of).collect();
    if answers.is_empty() {
        tell!("No network function of this core is running ({}).", core.directories.run.display());
        return;
    }
    let mut records: Vec<RejectRecord> = answers
        .iter()
        .flat_map(|answer| serde_json::from_value::<Vec<RejectRecord>>(answer.json()).unwrap_or_default())
        .collect();
    records.sort_by_key(|record| std::cmp::Reverse(record.last_ms));
    match (records.is_empty(), about) {
        (true, None) => tell!("Nobody was turned away."),
        (true, Some(about)) => tell!("'{about}' was not turned away: it may not have reached the core at all."),
        (false, _) => tell!("Turned away, the latest first:"),
    }
    for record in records.iter().take(SHOWN) {
        tell!("  {}{}: {}", ago(record.last_ms), times(record.count), record.reject);
    }
}

fn ago(last_ms: u64) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis());
    let seconds = now.saturating_sub(last_ms.into()) / 1000;
    match seconds {
        0..120 => format!("{seconds} s ago"),
        120..7200 => format!("{} min ago", seconds / 60),
        _ => format!("{} h ago", seconds / 3600),
    }
}

fn times(count: u64) -> String {
    if count > 1 { format!(" (and {} times before)", count - 1) } else { String::new() }
}

/// Something the core needs, and whether it is there.
struct Finding {
    good: bool,
    text: String,
}

fn found(good: bool, text: impl Into<String>) -> Finding {
    Finding { good, text: text.into() }
}

fn findings(core: &Core) -> Vec<Finding> {
    let mut findings = vec![programs(), sctp(), tun(), directories(core)];
    let idle = |nf: &str| admin::call(&core.directories, nf, "GET", "/status").is_err();
    for (nf, address) in core.settings.sbi.listen.all() {
        let name = nf.as_str().to_lowercase();
        if idle(&name) {
            findings.push(usable(TcpListener::bind(address).map(drop), "SBI", address, &format!("sbi.listen.{name}")));
        }
    }
    for interface in addresses::of(core.file.as_deref()).into_iter().filter(|interface| idle(interface.nf)) {
        findings.push(usable(interface.probe(), interface.name, interface.address, &interface.key));
    }
    findings
}

fn programs() -> Finding {
    let missing: Vec<String> =
        names::ALL.iter().filter(|nf| names::program(nf, None).is_err()).map(|nf| format!("peregrine-{nf}")).collect();
    match missing.is_empty() {
        true => found(true, "all network functions' programs are here"),
        false => found(false, format!("not beside this program nor in $PATH: {}", missing.join(", "))),
    }
}

/// N2: the kernel's SCTP, or raw sockets for the one in user space.
fn sctp() -> Finding {
    if Socket::new(Domain::IPV4, Type::STREAM, Some(Protocol::from(SCTP))).is_ok() {
        return found(true, "N2: this kernel has SCTP");
    }
    match Socket::new(Domain::IPV4, Type::RAW, Some(Protocol::from(SCTP))) {
        Ok(_) => found(true, "N2: this kernel has no SCTP, but raw sockets: the AMF brings its own SCTP"),
        Err(why) => {
            let way = "load the module sctp, or give the AMF CAP_NET_RAW, or run in a namespace: unshare --user --map-root-user --net";
            found(false, format!("N2: neither SCTP in this kernel nor raw sockets ({why}): {way}"))
        }
    }
}

fn tun() -> Finding {
    match std::fs::OpenOptions::new().read(true).write(true).open("/dev/net/tun") {
        Ok(_) => found(true, "N6: /dev/net/tun can be opened"),
        Err(why) => {
            found(false, format!("N6: /dev/net/tun: {why}; the UPF needs it for its data networks (modprobe tun)"))
        }
    }
}

fn directories(core: &Core) -> Finding {
    match core.directories.make() {
        Ok(()) => found(
            true,
            format!("sockets in {}, state in {}", core.directories.run.display(), core.directories.state.display()),
        ),
        Err(why) => found(false, why.to_string()),
    }
}

/// What a trial of an address says to the operator.
fn usable(trial: io::Result<()>, interface: &str, address: SocketAddr, key: &str) -> Finding {
    match trial {
        Ok(()) => found(true, format!("{interface}: {address} is free")),
        Err(why) if why.kind() == io::ErrorKind::AddrInUse => {
            found(false, format!("{interface}: {address} is taken by another program; choose another with {key}"))
        }
        Err(why) if why.kind() == io::ErrorKind::AddrNotAvailable => {
            found(false, format!("{interface}: {address} is not an address of this machine; choose another with {key}"))
        }
        Err(why) => found(false, format!("{interface}: {address}: {why}")),
    }
}
