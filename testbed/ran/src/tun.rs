//! A TUN device that has the addresses of all sessions, so that ordinary programs use them by binding to one.

use std::io;
use std::net::IpAddr;
use std::process::Stdio;
use tokio::io::AsyncWriteExt;
use tokio::process::Command;
use tokio::sync::{mpsc, oneshot};
use tun_rs::{AsyncDevice, DeviceBuilder};

/// The routing table in which packets from a session's address find the device.
const TABLE: &str = "20594";

enum Work {
    /// A command of iproute2.
    Command(String),
    /// Tell when all commands before are carried out.
    Settle(oneshot::Sender<()>),
}

/// The device. Addresses come and go in the background, so that no procedure waits for them.
pub(crate) struct Tun {
    device: AsyncDevice,
    name: String,
    work: mpsc::UnboundedSender<Work>,
}

impl Tun {
    /// Makes the device and its routing table.
    pub(crate) async fn open(name: &str, mtu: u16) -> io::Result<Self> {
        let device = DeviceBuilder::new().name(name).mtu(mtu).build_async()?;
        let route = |to: &str| format!("route replace {to} dev {name} table {TABLE}");
        batch("-4", &[route("default")]).await?;
        prepare_ipv6(name);
        if let Err(error) = batch("-6", &[route("default")]).await {
            tracing::debug!(%error, "no IPv6 for programs");
        }
        let (work, inbox) = mpsc::unbounded_channel();
        tokio::spawn(configure(inbox));
        Ok(Self { device, name: name.to_owned(), work })
    }

    /// Gives the device a session's address; packets from it are routed into the session.
    pub(crate) fn add(&self, address: IpAddr) {
        self.command(format!("address replace {} dev {}", host(address), self.name));
        self.command(format!("rule add from {address} lookup {TABLE}"));
    }

    /// Takes it away again.
    pub(crate) fn remove(&self, address: IpAddr) {
        self.command(format!("rule del from {address} lookup {TABLE}"));
        self.command(format!("address del {} dev {}", host(address), self.name));
    }

    /// Waits until all addresses are as they should be.
    pub(crate) async fn settle(&self) {
        let (done, settled) = oneshot::channel();
        if self.work.send(Work::Settle(done)).is_ok() {
            let _ = settled.await;
        }
    }

    /// The next packet of a program.
    pub(crate) async fn receive(&self, buffer: &mut [u8]) -> io::Result<usize> {
        self.device.recv(buffer).await
    }

    /// Hands a packet to the programs.
    pub(crate) async fn send(&self, packet: &[u8]) -> io::Result<()> {
        self.device.send(packet).await.map(|_| ())
    }

    fn command(&self, command: String) {
        // The task ends only with this device.
        let _ = self.work.send(Work::Command(command));
    }
}

/// An address as a network of its own.
fn host(address: IpAddr) -> String {
    format!("{address}/{}", if address.is_ipv4() { 32 } else { 128 })
}

/// Has the device speak IPv6 even where new ones do not, and nothing of its own: its routers are those of the sessions, which
/// are asked here.
fn prepare_ipv6(device: &str) {
    for (name, value) in [("addr_gen_mode", "1"), ("accept_ra", "0"), ("disable_ipv6", "0")] {
        let file = format!("/proc/sys/net/ipv6/conf/{device}/{name}");
        if let Err(error) = std::fs::write(&file, value) {
            tracing::debug!(file, %error, "not set");
        }
    }
}

/// Carries out commands, all that have gathered meanwhile at once.
async fn configure(mut inbox: mpsc::UnboundedReceiver<Work>) {
    let mut work = Vec::new();
    while inbox.recv_many(&mut work, 1024).await > 0 {
        let (mut commands, mut waiting) = (Vec::new(), Vec::new());
        for one in work.drain(..) {
            match one {
                Work::Command(command) => commands.push(command),
                Work::Settle(done) => waiting.push(done),
            }
        }
        // A run of `ip` reads rules of one version only; those of IPv6 have its address in them.
        let (ipv6, ipv4): (Vec<_>, Vec<_>) = commands.into_iter().partition(|command: &String| command.contains(':'));
        for (version, commands) in [("-4", ipv4), ("-6", ipv6)] {
            if !commands.is_empty()
                && let Err(error) = batch(version, &commands).await
            {
                tracing::warn!(%error, "TUN addresses");
            }
        }
        for done in waiting {
            let _ = done.send(());
        }
    }
}

/// One run of `ip` over several commands about one version of IP, each carried out whatever became of the others.
async fn batch(version: &str, commands: &[String]) -> io::Result<()> {
    let mut child = Command::new("ip")
        .args([version, "-force", "-batch", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()?;
    if let Some(mut input) = child.stdin.take() {
        input.write_all((commands.join("\n") + "\n").as_bytes()).await?;
    }
    let output = child.wait_with_output().await?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(io::Error::other(format!("ip: {}", said.trim())))
}
