//! A flood of UDP datagrams: what comes through shows the rate that a session is held to.
//!
//! Sender and receiver are this program once more, started on their hosts.

use std::io::{self, BufRead, BufReader, Read};
use std::net::{Ipv4Addr, UdpSocket};
use std::process::Stdio;
use std::thread::sleep;
use std::time::{Duration, Instant};

use topo::Host;

use crate::failure::Failure;
use crate::transfer::{PATIENCE, PORT, Transferred, own_program};

/// How long the flood lasts.
const TIME: Duration = Duration::from_secs(3);
/// Datagrams leave at this interval, several at a time.
const INTERVAL: Duration = Duration::from_millis(2);
/// A pause that ends it for the receiver.
const PAUSE: Duration = Duration::from_millis(500);
/// Octets of a datagram, and of its IPv4 and UDP headers, which count for a session's rate.
const PAYLOAD: usize = 1200;
const HEADERS: usize = 28;

/// Sends `megabits` per second from one address to another; what of it arrived, headers included.
pub(crate) fn flood(from: (&Host, Ipv4Addr), to: (&Host, Ipv4Addr), megabits: u32) -> Result<Transferred, Failure> {
    let mut receiver = to.0.command(own_program()?);
    receiver.args(["udp-receive", &to.1.to_string()]).stdout(Stdio::piped());
    let mut receiver = receiver.spawn().map_err(|source| Failure::io("starting the UDP receiver", source))?;
    let mut said = BufReader::new(receiver.stdout.take().ok_or_else(|| failed(to.1))?);
    let mut line = String::new();
    said.read_line(&mut line).map_err(|source| Failure::io("starting the UDP receiver", source))?;
    let mut sender = from.0.command(own_program()?);
    sender.args(["udp-send", &from.1.to_string(), &to.1.to_string(), &megabits.to_string()]);
    let sent = sender.status().map_err(|source| Failure::io("starting the UDP sender", source))?;
    line.clear();
    said.read_to_string(&mut line).map_err(|source| Failure::io("reading from the UDP receiver", source))?;
    let received = receiver.wait().map_err(|source| Failure::io("ending the UDP receiver", source))?;
    let (octets, nanoseconds) = line.trim().split_once(' ').ok_or_else(|| failed(to.1))?;
    match (octets.parse(), nanoseconds.parse()) {
        (Ok(octets), Ok(time)) if sent.success() && received.success() => {
            Ok(Transferred { octets, time: Duration::from_nanos(time) })
        }
        _ => Err(failed(to.1)),
    }
}

fn failed(to: Ipv4Addr) -> Failure {
    Failure::Told(format!("no UDP to {to}"))
}

/// The sender's process.
pub(crate) fn send(from: Ipv4Addr, to: Ipv4Addr, megabits: u32) -> io::Result<()> {
    let socket = UdpSocket::bind((from, PORT))?;
    socket.connect((to, PORT))?;
    let payload = [0x5a; PAYLOAD];
    let in_an_octet = Duration::from_secs(8) / (megabits.max(1) * 1_000_000);
    let began = Instant::now();
    let mut due = Duration::ZERO;
    while due < TIME {
        while due <= began.elapsed() && due < TIME {
            // A full queue, or an answer to what came before, is no reason to end.
            let _ = socket.send(&payload);
            due += in_an_octet * (PAYLOAD + HEADERS) as u32;
        }
        sleep(INTERVAL);
    }
    Ok(())
}

/// The receiver's process: prints the octets that came and the nanoseconds from the first to the last.
pub(crate) fn receive(address: Ipv4Addr) -> io::Result<()> {
    let socket = UdpSocket::bind((address, PORT))?;
    socket.set_read_timeout(Some(PATIENCE))?;
    println!("listening");
    let mut buffer = [0; 2 * PAYLOAD];
    socket.recv(&mut buffer)?;
    socket.set_read_timeout(Some(PAUSE))?;
    let began = Instant::now();
    let (mut octets, mut last) = (0, began);
    while let Ok(length) = socket.recv(&mut buffer) {
        octets += length + HEADERS;
        last = Instant::now();
    }
    println!("{octets} {}", (last - began).as_nanos());
    Ok(())
}
