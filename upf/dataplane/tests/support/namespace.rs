//! Tests that have a network of their own.

use std::process::Command;

/// What an ordinary user may have.
pub(crate) const OF_A_USER: &[&str] = &["--user", "--map-root-user", "--net"];

/// Runs an ignored test of this program in namespaces, those that `unshare` makes with these arguments.
pub(crate) fn in_namespaces(of: &[&str], test: &str) {
    let itself = std::env::current_exe().expect("a path");
    let script = "ip link set lo up && exec \"$0\" --exact $1 --ignored --nocapture";
    let status = Command::new("unshare").args(of).args(["sh", "-c", script]).arg(itself).arg(test).status();
    assert!(status.expect("unshare runs").success());
}
