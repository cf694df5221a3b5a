//! Namespaces, and the hosts and links in them.

use std::ffi::OsStr;
use std::fs::File;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};
use std::{env, io};

/// Set in the environment of a process that runs in namespaces of its own.
const INSIDE: &str = "PEREGRINE_INSIDE_NAMESPACES";

/// Why a network could not be made.
#[derive(Debug, thiserror::Error)]
pub enum TopologyError {
    /// A tool is not installed or could not be started.
    #[error("cannot run {tool}: {source}")]
    Tool {
        /// Its name.
        tool: &'static str,
        /// What the system said.
        source: io::Error,
    },
    /// A tool said no.
    #[error("`{command}` failed: {message}")]
    Refused {
        /// The command line.
        command: String,
        /// What it wrote.
        message: String,
    },
    /// TUN devices, by which UEs and data networks are reached, are not for this user.
    #[error(
        "no TUN device can be made: /dev/net/tun: {0} (as root: modprobe tun; chmod 0666 /dev/net/tun, as most systems have it)"
    )]
    Tun(io::Error),
}

/// Goes on in namespaces of this process's own, where it is root and the first process, `lo` is up, and `/run` is empty.
/// Call it first in `main`: it starts the program again and returns only in the new process; programs started by that
/// one may call it too, they are inside already.
///
/// When the new process ends, however it ends, the kernel ends every other one in there and removes the rest. Being the
/// first process, it is ended by a signal only if it handles it, by its parent's end, or by SIGKILL.
///
/// # Errors
/// Where namespaces or TUN devices are not allowed; on Ubuntu an AppArmor setting forbids the former to ordinary users.
pub fn enter() -> Result<(), TopologyError> {
    if env::var_os(INSIDE).is_none() {
        return Err(start_again_inside());
    }
    if std::process::id() != 1 {
        return Ok(());
    }
    File::options().read(true).write(true).open("/dev/net/tun").map_err(TopologyError::Tun)?;
    run("mount", ["-t", "tmpfs", "tmpfs", "/run"])?;
    run("ip", ["link", "set", "lo", "up"])
}

fn start_again_inside() -> TopologyError {
    let ours = ["--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"];
    // As root of a user namespace, unless root makes the others without.
    let as_root: &[&str] = match refused(&ours) {
        Ok(None) => &[],
        Ok(Some(_)) => &["--user", "--map-root-user"],
        Err(error) => return error,
    };
    let arguments = [as_root, &ours].concat();
    match refused(&arguments) {
        Ok(None) => {}
        Ok(Some(message)) => {
            let message = format!(
                "{message}: an ordinary user may not make namespaces here; run as root, or allow it \
                 (Ubuntu: sysctl kernel.apparmor_restrict_unprivileged_userns=0)"
            );
            return TopologyError::Refused { command: format!("unshare {}", arguments.join(" ")), message };
        }
        Err(error) => return error,
    }
    let program = env::current_exe().unwrap_or_else(|_| "/proc/self/exe".into());
    let mut again = Command::new("unshare");
    again.args(arguments).arg("--").arg(program).args(env::args_os().skip(1));
    let source = again.env(INSIDE, "1").exec();
    TopologyError::Tool { tool: "unshare", source }
}

/// What `unshare` says against these namespaces, if anything.
fn refused(arguments: &[&str]) -> Result<Option<String>, TopologyError> {
    let tried = Command::new("unshare").args(arguments).arg("true").output();
    let output = tried.map_err(|source| TopologyError::Tool { tool: "unshare", source })?;
    let message = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    Ok((!output.status.success()).then_some(message))
}

/// A host: a network namespace under a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Host {
    name: Option<&'static str>,
}

impl Host {
    /// The host this process itself is on.
    pub const HERE: Self = Self { name: None };

    /// A new host without a link; `lo` is up and IPv6 off (its solicitations would wake idle UEs).
    ///
    /// # Errors
    /// Where the namespace cannot be made.
    pub fn new(name: &'static str) -> Result<Self, TopologyError> {
        run("ip", ["netns", "add", name])?;
        let host = Self { name: Some(name) };
        host.ip(["link", "set", "lo", "up"])?;
        host.sysctl("net.ipv6.conf.all.disable_ipv6=1")?;
        Ok(host)
    }

    /// A command that will run on this host and is killed when the thread that starts it ends.
    pub fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new("setpriv");
        if let Some(name) = self.name {
            command = Command::new("nsenter");
            command.arg(format!("--net=/run/netns/{name}")).args(["--", "setpriv"]);
        }
        command.args(["--pdeathsig", "KILL", "--"]).arg(program);
        command
    }

    /// Whether a process is on this host.
    pub(crate) fn has(&self, pid: u32) -> bool {
        let own = self.name.map_or_else(|| "/proc/self/ns/net".to_owned(), |name| format!("/run/netns/{name}"));
        let namespace = |path: &str| std::fs::metadata(path).ok().map(|file| (file.dev(), file.ino()));
        namespace(&own).is_some_and(|own| namespace(&format!("/proc/{pid}/ns/net")) == Some(own))
    }

    /// Runs `ip` on this host.
    ///
    /// # Errors
    /// What `ip` said.
    pub fn ip<const N: usize>(&self, arguments: [&str; N]) -> Result<(), TopologyError> {
        check("ip", self.command("ip").args(arguments))
    }

    /// Sets a kernel parameter on this host, written as `name=value`.
    ///
    /// # Errors
    /// What `sysctl` said.
    pub fn sysctl(&self, setting: &str) -> Result<(), TopologyError> {
        check("sysctl", self.command("sysctl").args(["-q", "-w", setting]))
    }
}

/// Joins two hosts by a veth pair with these addresses, both in a /24. The interfaces are named after the other end.
///
/// # Errors
/// What `ip` said.
pub fn link(one: (&Host, Ipv4Addr), other: (&Host, Ipv4Addr)) -> Result<(), TopologyError> {
    let interface = |end: &Host| format!("to-{}", end.name.unwrap_or("core"));
    let (at_one, at_other) = (interface(other.0), interface(one.0));
    let place = |host: &Host| host.name.map(|name| format!("/run/netns/{name}"));
    let mut add = vec!["link", "add", &at_one, "type", "veth", "peer", "name", &at_other];
    let far = place(other.0);
    if let Some(path) = &far {
        add.extend(["netns", path]);
    }
    check("ip", one.0.command("ip").args(add))?;
    for ((host, address), interface) in [(one, &at_one), (other, &at_other)] {
        host.ip(["addr", "add", &format!("{address}/24"), "dev", interface])?;
        host.ip(["link", "set", interface, "up"])?;
    }
    Ok(())
}

/// Gives two hosts that are joined IPv6 addresses too, both in a /64. Other links of theirs stay without.
///
/// # Errors
/// What `ip` or `sysctl` said.
pub fn link_ipv6(one: (&Host, Ipv6Addr), other: (&Host, Ipv6Addr)) -> Result<(), TopologyError> {
    for ((host, address), far) in [(one, other.0), (other, one.0)] {
        let interface = format!("to-{}", far.name.unwrap_or("core"));
        // Nobody else is there to have the same address, and a host that forwards asks for its neighbour from its link-local
        // one: not before that has been found to be no duplicate, which takes a second or two.
        host.sysctl(&format!("net.ipv6.conf.{interface}.accept_dad=0"))?;
        host.sysctl(&format!("net.ipv6.conf.{interface}.disable_ipv6=0"))?;
        host.ip(["addr", "add", &format!("{address}/64"), "dev", &interface])?;
    }
    Ok(())
}

fn run<const N: usize>(tool: &'static str, arguments: [&str; N]) -> Result<(), TopologyError> {
    check(tool, Command::new(tool).args(arguments))
}

fn check(tool: &'static str, command: &mut Command) -> Result<(), TopologyError> {
    let output = command.stdin(Stdio::null()).output().map_err(|source| TopologyError::Tool { tool, source })?;
    match output.status.success() {
        true => Ok(()),
        false => Err(TopologyError::Refused {
            command: format!("{command:?}").replace('"', ""),
            message: String::from_utf8_lossy(&output.stderr).trim().to_owned(),
        }),
    }
}
