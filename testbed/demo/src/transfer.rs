//! A TCP transfer, both ways: the server in the data network, the client behind a UE's tunnel.
//!
//! Both are this program once more, started on their hosts.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, SocketAddrV4, TcpListener, TcpStream};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use topo::Host;

use crate::failure::Failure;

/// The server's port.
pub(crate) const PORT: u16 = 5001;
/// What the client asks for with its first octet.
const UP: u8 = b'u';
const DOWN: u8 = b'd';
/// Octets read and written at a time.
const CHUNK: usize = 64 * 1024;
/// Longest pause of either end before the transfer counts as failed.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

/// What one transfer came to.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Transferred {
    /// Octets the receiver got.
    pub(crate) octets: u64,
    /// From the first to the last of them.
    pub(crate) time: Duration,
}

impl Transferred {
    /// Megabits per second.
    pub(crate) fn rate(&self) -> f64 {
        self.octets as f64 * 8.0 / 1e6 / self.time.as_secs_f64().max(1e-9)
    }
}

/// Starts the server on a host; it is killed with this program.
pub(crate) fn start_server(host: &Host, address: Ipv4Addr) -> Result<Child, Failure> {
    let mut command = host.command(own_program()?);
    command.args(["tcp-server", &address.to_string()]).stdout(Stdio::piped());
    let mut child = command.spawn().map_err(|source| Failure::io("starting the TCP server", source))?;
    // Its first line says that it listens.
    let mut byte = [0];
    let listens = child.stdout.as_mut().map(|output| output.read_exact(&mut byte));
    match listens {
        Some(Ok(())) => Ok(child),
        _ => Err(Failure::Told("the TCP server did not start".to_owned())),
    }
}

/// Sends or fetches `octets` through the UE that has this address.
pub(crate) fn transfer(
    ran: &Host,
    ue: Ipv4Addr,
    server: Ipv4Addr,
    octets: u64,
    up: bool,
) -> Result<Transferred, Failure> {
    let mut command = ran.command(own_program()?);
    let direction = if up { "up" } else { "down" };
    command.args(["tcp-client", direction, &ue.to_string(), &server.to_string(), &octets.to_string()]);
    let output = command.output().map_err(|source| Failure::io("starting the TCP client", source))?;
    let text = String::from_utf8_lossy(&output.stdout);
    let nanoseconds = text.trim().parse().ok().filter(|_| output.status.success());
    let nanoseconds = nanoseconds.ok_or_else(|| {
        let said = String::from_utf8_lossy(&output.stderr);
        Failure::Told(format!("TCP {direction} through {ue}: {}", said.trim()))
    })?;
    Ok(Transferred { octets, time: Duration::from_nanos(nanoseconds) })
}

/// This program.
pub(crate) fn own_program() -> Result<std::path::PathBuf, Failure> {
    std::env::current_exe().map_err(|source| Failure::io("finding this program", source))
}

/// The server's process: one client after the other, until it is killed.
pub(crate) fn serve(address: Ipv4Addr) -> io::Result<()> {
    let listener = TcpListener::bind((address, PORT))?;
    println!("listening");
    loop {
        let (client, _) = listener.accept()?;
        // One client's trouble is not the next one's.
        if let Err(error) = serve_one(client) {
            eprintln!("tcp-server: {error}");
        }
    }
}

fn serve_one(mut client: TcpStream) -> io::Result<()> {
    client.set_read_timeout(Some(PATIENCE))?;
    client.set_write_timeout(Some(PATIENCE))?;
    let mut request = [0; 9];
    client.read_exact(&mut request)?;
    let [direction, octets @ ..] = request;
    let octets = u64::from_be_bytes(octets);
    match direction {
        UP => {
            let time = receive(&mut client, octets)?;
            client.write_all(&u64::try_from(time.as_nanos()).unwrap_or(u64::MAX).to_be_bytes())
        }
        DOWN => send(&mut client, octets),
        _ => Err(io::ErrorKind::InvalidData.into()),
    }
}

/// The client's process: prints the nanoseconds that the receiver took.
pub(crate) fn call(up: bool, ue: Ipv4Addr, server: Ipv4Addr, octets: u64) -> io::Result<()> {
    let mut stream = connect_from(ue, server)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    stream.write_all(&[if up { UP } else { DOWN }])?;
    stream.write_all(&octets.to_be_bytes())?;
    let nanoseconds = if up {
        send(&mut stream, octets)?;
        stream.shutdown(Shutdown::Write)?;
        let mut time = [0; 8];
        stream.read_exact(&mut time)?;
        u64::from_be_bytes(time)
    } else {
        u64::try_from(receive(&mut stream, octets)?.as_nanos()).unwrap_or(u64::MAX)
    };
    println!("{nanoseconds}");
    Ok(())
}

/// A connection whose near end is the UE's address, so that it goes through the UE's tunnel.
fn connect_from(ue: Ipv4Addr, server: Ipv4Addr) -> io::Result<TcpStream> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let stream = runtime.block_on(async {
        let socket = tokio::net::TcpSocket::new_v4()?;
        socket.bind(SocketAddr::V4(SocketAddrV4::new(ue, 0)))?;
        let connecting = socket.connect(SocketAddr::V4(SocketAddrV4::new(server, PORT)));
        tokio::time::timeout(PATIENCE, connecting).await.map_err(|_| io::ErrorKind::TimedOut)?
    })?;
    let stream = stream.into_std()?;
    stream.set_nonblocking(false)?;
    Ok(stream)
}

fn send(stream: &mut TcpStream, octets: u64) -> io::Result<()> {
    io::copy(&mut io::repeat(0x5a).take(octets), stream).map(drop)
}

/// Receives so many octets; the time from the first to the last.
fn receive(stream: &mut TcpStream, octets: u64) -> io::Result<Duration> {
    let mut buffer = vec![0; CHUNK];
    let (mut received, mut began) = (0, None);
    while received < octets {
        let length = stream.read(&mut buffer)?;
        if length == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        received += length as u64;
        began.get_or_insert_with(Instant::now);
    }
    Ok(began.map_or(Duration::ZERO, |began| began.elapsed()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_transfer_moves_what_was_asked_for_and_is_timed() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("bound");
        let address = listener.local_addr().expect("an address");
        let server = std::thread::spawn(move || serve_one(listener.accept().expect("accepted").0));
        let mut client = TcpStream::connect(address).expect("connected");
        client.write_all(&[DOWN]).expect("sent");
        client.write_all(&1_000_000u64.to_be_bytes()).expect("sent");
        assert!(receive(&mut client, 1_000_000).expect("received") > Duration::ZERO);
        assert!(receive(&mut client, 1).is_err(), "not an octet more");
        server.join().expect("no panic").expect("served");
    }

    #[test]
    fn rates_are_in_megabits() {
        let second = Transferred { octets: 125_000_000, time: Duration::from_secs(1) };
        assert!((second.rate() - 1000.0).abs() < 0.01);
    }
}
