//! `peregrine up` over programs that only pretend to be network functions.

use std::io::{BufRead as _, BufReader, Lines};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Child, ChildStderr, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process, test_kill_process};
use tempfile::TempDir;

/// A running `peregrine up` in a directory of its own.
struct Up {
    place: TempDir,
    child: Child,
    lines: Lines<BufReader<ChildStderr>>,
}

impl Up {
    /// Starts the functions, each a shell script.
    fn start(scripts: &[(&str, &str)]) -> Self {
        let place = tempfile::tempdir().expect("a directory");
        for (nf, script) in scripts {
            let file = place.path().join(format!("peregrine-{nf}"));
            std::fs::write(&file, format!("#!/bin/sh\n{script}\n")).expect("written");
            std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o755)).expect("made executable");
        }
        let names: Vec<&str> = scripts.iter().map(|(nf, _)| *nf).collect();
        let mut command = peregrine(place.path(), &["up", "--nf", &names.join(",")]);
        let mut child = command.arg("--bin-dir").arg(place.path()).spawn().expect("started");
        let lines = BufReader::new(child.stderr.take().expect("piped")).lines();
        Self { place, child, lines }
    }

    /// The next line that contains the text.
    fn line(&mut self, with: &str) -> String {
        let mut seen = Vec::new();
        for line in self.lines.by_ref() {
            let line = line.expect("text");
            if line.contains(with) {
                return line;
            }
            seen.push(line);
        }
        panic!("no line with '{with}' in {seen:?}")
    }

    /// The process of a script that says `pid $$`.
    fn pid(&mut self, nf: &str) -> Pid {
        let line = self.line(&format!("{nf} pid "));
        let number = line.rsplit(' ').next().and_then(|pid| pid.parse().ok());
        number.and_then(Pid::from_raw).expect("a process id")
    }

    fn end(&mut self) -> Option<i32> {
        let pid = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw).expect("a process id");
        kill_process(pid, Signal::TERM).expect("it runs");
        self.child.wait().expect("it ends").code()
    }
}

fn peregrine(place: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_peregrine"));
    command.args(arguments).env("PEREGRINE_RUN_DIR", place.join("run")).env("PEREGRINE_STATE_DIR", place.join("state"));
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    command
}

#[test]
fn a_function_that_ends_is_started_again_after_growing_pauses() {
    let mut up = Up::start(&[("nrf", "echo started; exit 1")]);
    for pause in [50, 100, 200] {
        up.line("nrf started");
        let line = up.line("starts again");
        assert!(line.ends_with(&format!("nrf ended with status 1: starts again in {pause} ms")), "{line}");
    }
    assert_eq!(up.end(), Some(0));
}

#[test]
fn a_function_that_never_starts_ends_the_core() {
    let mut up = Up::start(&[("upf", "echo no TUN; exit 1")]);
    up.line("upf cannot start; its last lines say why");
    assert_eq!(up.child.wait().expect("it ends").code(), Some(1));
}

#[test]
fn a_killed_function_comes_back() {
    let mut up = Up::start(&[("udm", "echo pid $$; exec sleep 1000")]);
    let first = up.pid("udm");
    kill_process(first, Signal::KILL).expect("it runs");
    assert!(up.line("starts again").contains("was killed by signal 9"));
    assert_ne!(up.pid("udm"), first);
    assert_eq!(up.end(), Some(0));
}

#[test]
fn a_function_that_cannot_work_as_configured_ends_the_core() {
    let amf = "while ! test -e $0.go; do sleep 0.01; done; echo 'core.yaml:3:3: unknown key'; exit 2";
    let mut up = Up::start(&[("amf", amf), ("nrf", "echo pid $$; exec sleep 1000")]);
    let nrf = up.pid("nrf");
    std::fs::write(up.place.path().join("peregrine-amf.go"), "").expect("written");
    up.line("amf cannot work as configured");
    assert_eq!(up.child.wait().expect("it ends").code(), Some(1));
    assert!(test_kill_process(nrf).is_err(), "the others end too");
}

#[test]
fn the_end_is_in_order_and_leaves_nothing_behind() {
    let polite =
        |name: &str| format!("trap 'echo {name} goes; exit 0' TERM; echo pid $$; while :; do sleep 0.01; done");
    let scripts = ["amf", "udm", "nrf"].map(|nf| (nf, polite(nf)));
    let scripts: Vec<(&str, &str)> = scripts.iter().map(|(nf, script)| (*nf, script.as_str())).collect();
    let mut up = Up::start(&scripts);
    let mut started = [up.line("pid "), up.line("pid "), up.line("pid ")];
    started.sort();
    let pids: Vec<Pid> =
        started.iter().filter_map(|l| l.rsplit(' ').next()?.parse().ok().and_then(Pid::from_raw)).collect();
    assert_eq!(up.end(), Some(0));
    for name in ["amf", "udm", "nrf"] {
        up.line(&format!("{name} goes"));
    }
    assert_eq!(pids.len(), 3);
    assert!(pids.iter().all(|pid| test_kill_process(*pid).is_err()), "all are gone");
}

#[test]
fn one_directory_of_sockets_is_one_core() {
    let mut up = Up::start(&[("nrf", "echo pid $$; exec sleep 1000")]);
    up.pid("nrf");
    let second = peregrine(up.place.path(), &["up", "--nf", "nrf"]).arg("--bin-dir").arg(up.place.path()).output();
    let said = String::from_utf8_lossy(&second.expect("ran").stderr).into_owned();
    assert!(said.contains(&format!("running already (process {})", up.child.id())), "{said}");
    let down = peregrine(up.place.path(), &["down"]).status().expect("ran");
    assert!(down.success());
    assert_eq!(up.child.wait().expect("ended by `down`").code(), Some(0));
    let left = std::fs::read_dir(up.place.path().join("run")).expect("the directory").count();
    assert_eq!(left, 0, "no file is left");
}

#[test]
fn a_program_that_is_missing_is_named() {
    let place = tempfile::tempdir().expect("a directory");
    let output = peregrine(place.path(), &["up", "--nf", "smf"]).arg("--bin-dir").arg(place.path()).output();
    let said = String::from_utf8_lossy(&output.expect("ran").stderr).into_owned();
    assert!(said.contains("peregrine-smf is neither beside"), "{said}");
}
