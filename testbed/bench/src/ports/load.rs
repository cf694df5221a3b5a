//! The traffic of the measurement, each kind this program once more on a host.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::time::{Duration, Instant};

use clap::Subcommand;
use dataplane::{Frame, Origin, Port as _, TunAddress, TunConfig, UdpTun, Verdict};
use socket2::{Domain, Protocol, Socket, Type};

use super::end::tunnel_to;
use crate::Failure;

/// Octets of payload in the small packets of a flood: inner packets of 100 octets.
pub(crate) const FLOOD_PAYLOAD: usize = 72;

const TCP_PORT: u16 = 5001;
/// Octets written and read at a time.
const CHUNK: usize = 128 * 1024;
/// The longest pause before a transfer counts as failed.
const PATIENCE: Duration = Duration::from_secs(10);

/// What to do.
#[derive(Subcommand, Clone, Debug)]
pub(crate) enum Load {
    /// Answers transfers until it is killed
    TcpServer {
        /// Its address
        address: Ipv4Addr,
    },
    /// Transfers over TCP and prints octets and nanoseconds, as the receiver saw them
    TcpClient {
        /// Own address
        from: Ipv4Addr,
        /// The server's
        to: Ipv4Addr,
        /// Whether the client sends
        #[arg(long)]
        up: bool,
        /// How long
        #[arg(long)]
        seconds: f64,
    },
    /// Sends packets as fast as it can: G-PDUs, or IP packets through a TUN device
    Flood {
        /// Own address: on N3, or of the TUN device
        own: Ipv4Addr,
        /// The UPF's address on N3; without, through the device
        #[arg(long)]
        upf: Option<Ipv4Addr>,
        /// Source and destination of the inner packets
        #[arg(long)]
        source: Ipv4Addr,
        /// Destination
        #[arg(long)]
        destination: Ipv4Addr,
        /// How long
        #[arg(long)]
        seconds: f64,
    },
    /// Sends G-PDUs with echo requests, one after the other, and prints the round trips in nanoseconds
    Ping {
        /// Own address on N3
        own: Ipv4Addr,
        /// The UPF's address on N3
        upf: Ipv4Addr,
        /// The UE
        ue: Ipv4Addr,
        /// Who is asked
        host: Ipv4Addr,
        /// How many
        #[arg(long)]
        count: u16,
    },
}

/// Does it.
pub(crate) fn run(load: &Load) -> Result<(), Failure> {
    let done = match load {
        Load::TcpServer { address } => serve(*address),
        Load::TcpClient { from, to, up, seconds } => transfer(*from, *to, *up, Duration::from_secs_f64(*seconds)),
        Load::Flood { own, upf, source, destination, seconds } => {
            flood(*own, *upf, (*source, *destination), Duration::from_secs_f64(*seconds))
        }
        Load::Ping { own, upf, ue, host, count } => ping((*own, *upf), (*ue, *host), *count),
    };
    done.map_err(Failure::system)
}

fn serve(address: Ipv4Addr) -> io::Result<()> {
    let listener = TcpListener::bind((address, TCP_PORT))?;
    println!(".");
    loop {
        // One client's trouble is not the next one's.
        let _ = listener.accept().and_then(|(client, _)| serve_one(client));
    }
}

fn serve_one(mut client: TcpStream) -> io::Result<()> {
    client.set_read_timeout(Some(PATIENCE))?;
    client.set_write_timeout(Some(PATIENCE))?;
    let mut request = [0; 9];
    client.read_exact(&mut request)?;
    let [up, time @ ..] = request;
    if up == 1 {
        let told = receive(&mut client)?;
        return client.write_all(&told);
    }
    send(&mut client, Duration::from_nanos(u64::from_be_bytes(time)))
}

fn transfer(from: Ipv4Addr, to: Ipv4Addr, up: bool, time: Duration) -> io::Result<()> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, Some(Protocol::TCP))?;
    socket.bind(&SocketAddr::from((from, 0)).into())?;
    socket.connect_timeout(&SocketAddr::from((to, TCP_PORT)).into(), PATIENCE)?;
    let mut stream = TcpStream::from(socket);
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    stream.write_all(&[u8::from(up)])?;
    stream.write_all(&u64::try_from(time.as_nanos()).unwrap_or(u64::MAX).to_be_bytes())?;
    let mut told = [0; 16];
    if up {
        send(&mut stream, time)?;
        stream.read_exact(&mut told)?;
    } else {
        told = receive(&mut stream)?;
    }
    let [octets, nanoseconds] =
        [&told[..8], &told[8..]].map(|half| half.first_chunk().copied().map(u64::from_be_bytes).unwrap_or_default());
    println!("{octets} {nanoseconds}");
    Ok(())
}

fn send(stream: &mut TcpStream, time: Duration) -> io::Result<()> {
    let octets = vec![0x5a; CHUNK];
    let start = Instant::now();
    while start.elapsed() < time {
        stream.write_all(&octets)?;
    }
    stream.shutdown(Shutdown::Write)
}

/// Octets, and nanoseconds from the first to the last of them.
fn receive(stream: &mut TcpStream) -> io::Result<[u8; 16]> {
    let mut octets = vec![0; CHUNK];
    let (mut total, mut began) = (0u64, None);
    loop {
        let length = stream.read(&mut octets)?;
        if length == 0 {
            break;
        }
        began.get_or_insert_with(Instant::now);
        total += length as u64;
    }
    let time = began.map_or(Duration::ZERO, |began: Instant| began.elapsed());
    let [octets, time] = [total, u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)].map(u64::to_be_bytes);
    let mut told = [0; 16];
    told[..8].copy_from_slice(&octets);
    told[8..].copy_from_slice(&time);
    Ok(told)
}

/// An IP packet of a flood.
fn datagram((source, destination): (Ipv4Addr, Ipv4Addr)) -> Vec<u8> {
    let builder = etherparse::PacketBuilder::ipv4(source.octets(), destination.octets(), 64).udp(4000, 4001);
    let mut packet = Vec::new();
    // Into a vector everything of this length can be written.
    let _ = builder.write(&mut packet, &[0x5a; FLOOD_PAYLOAD]);
    packet
}

/// The inner packet as a G-PDU of the tunnel to this end.
fn tunnelled(upf: Ipv4Addr, inner: &[u8]) -> Vec<u8> {
    let container = gtpu::PduSession::Uplink { qfi: gtpu::Qfi::new(9) };
    let header = gtpu::Encapsulation { teid: tunnel_to(upf), pdu_session: Some(container) };
    let mut octets = [&[0; gtpu::HEADROOM], inner].concat();
    let (headroom, _) = octets.split_at_mut(gtpu::HEADROOM);
    header.write(headroom, inner.len());
    octets
}

fn flood(own: Ipv4Addr, upf: Option<Ipv4Addr>, inner: (Ipv4Addr, Ipv4Addr), time: Duration) -> io::Result<()> {
    let (n3, tun) = match upf {
        Some(_) => (own, Ipv4Addr::new(192, 0, 2, 1)),
        None => (Ipv4Addr::LOCALHOST, own),
    };
    let addresses = vec![TunAddress { address: tun.into(), prefix: 24 }];
    let tun = TunConfig { name: "flood".into(), mtu: 1400, addresses, routes: Vec::new(), offload: true };
    let ports = UdpTun::open((n3, gtpu::PORT).into(), &tun, &[], 1).map_err(io::Error::other)?;
    let (packet, verdict) = match upf {
        Some(upf) => (tunnelled(upf, &datagram(inner)), Verdict::ToN3((upf, gtpu::PORT).into())),
        None => (datagram(inner), Verdict::ToN6),
    };
    let nobody = SocketAddr::from(([0, 0, 0, 0], 0));
    let mut frames: Vec<Frame> = (0..64).map(|_| Frame::holding(&packet, Origin::N6, nobody)).collect();
    frames.iter_mut().for_each(|frame| frame.verdict = verdict);
    let start = Instant::now();
    for mut port in ports {
        while start.elapsed() < time {
            port.send(&frames);
        }
    }
    Ok(())
}

/// Between two echo requests: light load.
const PAUSE: Duration = Duration::from_micros(500);

/// When an answer no longer comes.
const LOST: Duration = Duration::from_secs(1);

fn ping((own, upf): (Ipv4Addr, Ipv4Addr), (ue, host): (Ipv4Addr, Ipv4Addr), count: u16) -> io::Result<()> {
    let socket = UdpSocket::bind((own, gtpu::PORT))?;
    socket.connect((upf, gtpu::PORT))?;
    socket.set_read_timeout(Some(LOST))?;
    for sequence in 0..count {
        let builder = etherparse::PacketBuilder::ipv4(ue.octets(), host.octets(), 64).icmpv4_echo_request(1, sequence);
        let mut packet = Vec::new();
        builder.write(&mut packet, &[7; 56]).map_err(io::Error::other)?;
        let request = tunnelled(upf, &packet);
        let start = Instant::now();
        socket.send(&request)?;
        // One that is lost has no round trip; on a busy machine there are such.
        if answered(&socket, sequence) {
            println!("{}", start.elapsed().as_nanos());
        }
        std::thread::sleep(PAUSE);
    }
    Ok(())
}

/// Waits for the answer of this number, past late ones.
fn answered(socket: &UdpSocket, sequence: u16) -> bool {
    /// Where it says its number: behind the headers of GTP-U and IPv4, and the first half of ICMP's.
    const NUMBER: usize = gtpu::HEADROOM + 20 + 6;
    let mut answer = [0; 2048];
    while let Ok(length) = socket.recv(&mut answer) {
        if answer.get(..length).and_then(|answer| answer.get(NUMBER..NUMBER + 2)) == Some(&sequence.to_be_bytes()) {
            return true;
        }
    }
    false
}
