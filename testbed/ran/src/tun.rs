//! A TUN device that has the addresses of all sessions, so that ordinary programs use them by binding to one.

use std::io;
use std::net::Ipv4Addr;
use tokio::process::Command;
use tun_rs::{AsyncDevice, DeviceBuilder};

/// The routing table in which packets from a session's address find the device.
const TABLE: &str = "20594";

/// The device.
pub(crate) struct Tun {
    device: AsyncDevice,
    name: String,
}

impl Tun {
    /// Makes the device and its routing table.
    pub(crate) async fn open(name: &str, mtu: u16) -> io::Result<Self> {
        let device = DeviceBuilder::new().name(name).mtu(mtu).build_async()?;
        let tun = Self { device, name: name.to_owned() };
        ip(&["route", "replace", "default", "dev", name, "table", TABLE]).await?;
        Ok(tun)
    }

    /// Gives the device a session's address; packets from it are routed into the session.
    pub(crate) async fn add(&self, address: Ipv4Addr) -> io::Result<()> {
        let address = address.to_string();
        ip(&["address", "replace", &format!("{address}/32"), "dev", &self.name]).await?;
        ip(&["rule", "add", "from", &address, "lookup", TABLE]).await
    }

    /// Takes it away again.
    pub(crate) async fn remove(&self, address: Ipv4Addr) -> io::Result<()> {
        let address = address.to_string();
        ip(&["rule", "del", "from", &address, "lookup", TABLE]).await?;
        ip(&["address", "del", &format!("{address}/32"), "dev", &self.name]).await
    }

    /// The next packet of a program.
    pub(crate) async fn receive(&self, buffer: &mut [u8]) -> io::Result<usize> {
        self.device.recv(buffer).await
    }

    /// Hands a packet to the programs.
    pub(crate) async fn send(&self, packet: &[u8]) -> io::Result<()> {
        self.device.send(packet).await.map(|_| ())
    }
}

async fn ip(arguments: &[&str]) -> io::Result<()> {
    let output = Command::new("ip").args(arguments).output().await?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(io::Error::other(format!("ip {}: {}", arguments.join(" "), said.trim())))
}
