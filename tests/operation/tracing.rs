//! What `peregrine trace` shows of a UE that registers, opens a session, pings, and leaves.

use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Child, ChildStderr, Command};

use tests::Core;

const SUPI: &str = "imsi-999700000000001";

/// A `peregrine trace` that runs.
struct Trace {
    child: Child,
    said: BufReader<ChildStderr>,
}

impl Trace {
    /// Starts it and waits until it sees everything.
    fn begin(core: &Core, arguments: &[&str]) -> Self {
        let mut child = core.spawn_peregrine(&[&["trace"], arguments].concat());
        let mut said = BufReader::new(child.stderr.take().expect("piped"));
        let mut line = String::new();
        said.read_line(&mut line).expect("text");
        assert!(line.contains("Ctrl-C ends it"), "{line}");
        Self { child, said }
    }

    /// Ends it as Ctrl-C does; what it printed, and its last line.
    fn end(mut self) -> (String, String) {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, rustix::process::Signal::INT).expect("it runs");
        let (mut printed, mut said) = (String::new(), String::new());
        self.child.stdout.take().expect("piped").read_to_string(&mut printed).expect("text");
        self.said.read_to_string(&mut said).expect("text");
        assert!(self.child.wait().expect("ended").success(), "{said}");
        assert!(said.contains(" 0 records dropped"), "{said}");
        (printed, said)
    }
}

/// The number before `what` in a trace's last line.
fn count(said: &str, what: &str) -> u64 {
    let words: Vec<&str> = said.split(' ').collect();
    let at = words.iter().position(|word| *word == what).expect(what);
    words[at - 1].parse().expect("a number")
}

/// A UE that registers with its SUPI concealed, and does all else.
fn one_ue(core: &Core) {
    let output = core.ran(&["attach", "--ues", "1", "--suci", "a", "--quiet", "--release", "--ping", "10.45.0.1"]);
    assert!(output.status.success(), "{}\n{}", String::from_utf8_lossy(&output.stderr), core.log());
}

/// Where `text` stands in a file's octets.
fn has(octets: &[u8], text: &str) -> bool {
    octets.windows(text.len()).any(|window| window == text.as_bytes())
}

/// The values that a member has in the bodies of a capture.
fn values(octets: &[u8], member: &str) -> BTreeSet<String> {
    let text = String::from_utf8_lossy(octets);
    let marker = format!("\"{member}\":\"");
    text.split(&marker).skip(1).filter_map(|rest| rest.split('"').next().map(str::to_owned)).collect()
}

fn captured(transports: &str) -> (u64, Vec<u8>, String) {
    let core = Core::start(&format!("sbi: {{transports: {transports}}}\n"));
    let [all, one, other] = ["all.pcapng", "one.pcapng", "other.pcapng"].map(|name| core.file(name, ""));
    let every_call = Trace::begin(&core, &["sbi", "--write", &all]);
    let of_one = Trace::begin(&core, &["sbi", "--write", &one, "--supi", SUPI, "--nf", "udm", "--secrets"]);
    let of_other = Trace::begin(&core, &["sbi", "--write", &other, "--supi", "imsi-999700000000099"]);
    let ladder = Trace::begin(&core, &["ladder", "--supi", SUPI]);
    one_ue(&core);
    let (ladder, _) = ladder.end();
    let calls = count(&every_call.end().1, "calls");
    assert!(count(&of_one.end().1, "calls") > 5);
    assert_eq!(count(&of_other.end().1, "calls"), 0, "nobody of this name was there");
    let read = |path: &str| std::fs::read(path).expect("written");
    let (all, one) = (read(&all), read(&one));
    let hidden = values(&all, "kausf");
    assert!(!hidden.is_empty() && hidden.iter().all(|value| value.bytes().all(|octet| octet == b'*')), "{hidden:?}");
    assert!(values(&one, "kausf").iter().any(|value| value.len() == 64 && !value.contains('*')), "asked for");
    for capture in [&all, &one] {
        let permanent = values(capture, "encPermanentKey");
        assert!(!permanent.is_empty() && permanent.iter().all(|key| !key.bytes().any(|octet| octet != b'*')));
    }
    assert!(!has(&one, "/nsmf-pdusession/") && has(&one, "/nudm-sdm/v2/"), "only calls from and to the UDM");
    (calls, all, ladder)
}

/// The arrows of a ladder without their times.
fn arrows(ladder: &str) -> Vec<String> {
    let arrow = |line: &str| line.find(" -> ").and_then(|at| line.get(at.saturating_sub(4)..)).map(str::to_owned);
    ladder.lines().filter_map(arrow).collect()
}

#[test]
fn a_ues_calls_are_captured_and_its_ladder_drawn_over_shared_memory() {
    let (calls, capture, ladder) = captured("[shm, h2]");
    assert!(calls > 20 && has(&capture, "AMF -> AUSF over shm"), "{calls}");
    let found = arrows(&ladder);
    let mut rest = found.iter();
    for expected in [
        "gNB  -> AMF   InitialUeMessage (RegistrationRequest)",
        "AMF  -> AUSF  Nausf_UEAuthentication_Authenticate request",
        "AUSF -> UDM   Nudm_UEAuthentication_Get request",
        "UDM  -> UDR   Nudr_DR_Query (authentication-subscription) request",
        "AMF  -> gNB   DownlinkNasTransport (AuthenticationRequest)",
        "gNB  -> AMF   UplinkNasTransport (AuthenticationResponse)",
        "AMF  -> AUSF  Nausf_UEAuthentication_Authenticate (RES*) request",
        "AMF  -> gNB   DownlinkNasTransport (SecurityModeCommand)",
        "gNB  -> AMF   UplinkNasTransport (SecurityModeComplete)",
        "AMF  -> UDM   Nudm_UECM_Registration request",
        "AMF  -> gNB   InitialContextSetupRequest (RegistrationAccept)",
        "gNB  -> AMF   UplinkNasTransport (RegistrationComplete)",
        "gNB  -> AMF   UplinkNasTransport (UlNasTransport)",
        "AMF  -> SMF   Nsmf_PDUSession_CreateSMContext request",
        "SMF  -> UPF   PFCP Session Establishment Request",
        "UPF  -> SMF   PFCP Session Establishment Response",
        "SMF  -> AMF   Namf_Communication_N1N2MessageTransfer request",
        "AMF  -> gNB   PduSessionResourceSetupRequest (DlNasTransport)",
        "AMF  -> SMF   Nsmf_PDUSession_UpdateSMContext (N2: set up) request",
        "SMF  -> UPF   PFCP Session Deletion Request",
        "AMF  -> gNB   UeContextReleaseCommand",
    ] {
        assert!(rest.any(|arrow| arrow.starts_with(expected)), "no '{expected}' in its place in\n{ladder}");
    }
}

#[test]
fn over_http2_both_ends_see_a_call_and_it_is_written_once() {
    let (calls, capture, ladder) = captured("[h2]");
    assert!(calls > 20 && has(&capture, "AMF -> AUSF over h2") && !has(&capture, "FOREIGN"), "{calls}");
    let asked = arrows(&ladder).iter().filter(|arrow| arrow.contains("Authenticate request")).count();
    assert_eq!(asked, 1, "{ladder}");
}

#[test]
fn packets_of_a_ue_are_captured_on_every_interface() {
    let core = Core::start("");
    let [own, others, n6] = ["own.pcapng", "others.pcapng", "n6.pcapng"].map(|name| core.file(name, ""));
    let own_packets = Trace::begin(&core, &["packets", "--write", &own, "--supi", SUPI]);
    let others_packets = Trace::begin(&core, &["packets", "--write", &others, "--ue", "10.45.200.200", "--n3", "--n6"]);
    let all_of_n6 = Trace::begin(&core, &["packets", "--write", &n6, "--n6"]);
    let attach = ["attach", "--ues", "1", "--quiet", "--stay", "3", "--release", "--ping", "10.45.0.1"];
    let output = core.ran(&attach);
    assert!(output.status.success(), "{}\n{}", String::from_utf8_lossy(&output.stderr), core.log());
    assert!(count(&all_of_n6.end().1, "packets") >= 2, "a ping and its answer");
    assert_eq!(count(&others_packets.end().1, "packets"), 0);
    let (_, said) = own_packets.end();
    assert!(count(&said, "packets") >= 4, "N4 at least: {said}");
}

/// Runs `tshark` over a capture; what it prints of `field` in the frames that `filter` lets through.
fn tshark(file: &str, filter: &str, field: &str) -> Vec<String> {
    let arguments = ["-r", file, "-Y", filter, "-T", "fields", "-e", field];
    let output = Command::new("tshark").args(arguments).output().expect("tshark is installed: make test-tshark");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect()
}

#[test]
#[ignore = "needs tshark: make test-tshark"]
fn wireshark_reads_http2_with_json_and_n4_and_n6() {
    let core = Core::start("");
    let [sbi, packets] = ["sbi.pcapng", "packets.pcapng"].map(|name| core.file(name, ""));
    let calls = Trace::begin(&core, &["sbi", "--write", &sbi]);
    let on_path = Trace::begin(&core, &["packets", "--write", &packets]);
    one_ue(&core);
    let written = count(&calls.end().1, "calls");
    on_path.end();
    let paths = tshark(&sbi, "http2.headers.method", "http2.headers.path");
    assert_eq!(paths.len() as u64, written, "every call is a request of HTTP/2");
    assert!(paths.iter().any(|path| path == "/nausf-auth/v1/ue-authentications"), "{paths:?}");
    let statuses = tshark(&sbi, "http2.headers.status", "http2.headers.status");
    assert!(statuses.len() as u64 >= written - 2, "{} answers to {written} calls", statuses.len());
    let members = tshark(&sbi, "json && http2", "json.key").join(",");
    assert!(members.contains("authType") && members.contains("kausf"), "{members}");
    let comments = tshark(&sbi, "http2.headers.path contains \"ue-authentications\"", "frame.comment");
    assert!(comments.iter().all(|comment| comment.contains("over shm")), "{comments:?}");
    let wrong = tshark(&sbi, "_ws.malformed || tcp.analysis.flags || tcp.checksum.status == 0", "frame.number");
    assert!(wrong.is_empty(), "{wrong:?}");
    let n4 = tshark(&packets, "pfcp.msg_type == 50", "pfcp.seqno");
    assert_eq!(n4.len(), 1, "one session was established");
    assert!(!tshark(&packets, "gtp && icmp", "gtp.teid").is_empty(), "pings in their tunnel");
    assert!(!tshark(&packets, "icmp && !gtp", "ip.src").is_empty(), "pings on N6");
    let wrong = tshark(&packets, "_ws.malformed", "frame.number");
    assert!(wrong.is_empty(), "{wrong:?}");
}
