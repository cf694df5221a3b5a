//! How a channel comes about: who the peer is, which memory, which version.
//!
//! The client says hello; the server answers, and with a welcome come three descriptors: the memory, the client's bell, the
//! server's bell. All numbers are in the machine's byte order: both ends run on one node.

use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage, SendFlags,
    recvmsg, sendmsg,
};
use tokio::io::Interest;
use tokio::net::{UnixListener, UnixStream};

use crate::bell;
use crate::channel::{Options, Parts, assemble};
use crate::error::HelloError;
use crate::layout::{End, Geometry, MAGIC, VERSION};
use crate::segment::Segment;
use crate::step::{Step, took};
use crate::{Receiver, Sender, SocketFile};

/// Octets of either hello.
const LENGTH: usize = 32;

/// Descriptors that come with a welcome.
const DESCRIPTORS: usize = 3;

/// Waits for peers that open channels.
pub struct Listener {
    // Dropped first: a successor may take the path only when it finds nobody there, not while we still remove our file.
    _file: SocketFile,
    socket: UnixListener,
    options: Options,
}

impl Listener {
    /// Listens on a unix socket at `path`, which a dead process may have left there.
    ///
    /// # Errors
    /// The path cannot be taken.
    pub fn bind(path: &Path, options: Options) -> io::Result<Self> {
        let (socket, file) = SocketFile::bind(path)?;
        // Who may knock; who is let in, the check of credentials decides.
        let mode = if options.allowed_uids.is_empty() { 0o600 } else { 0o666 };
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode))?;
        let listener = Self { _file: file, socket: UnixListener::from_std(socket)?, options };
        took(Step::Listening);
        Ok(listener)
    }

    /// The next peer that wants a channel. Nothing has been read from it yet, so this never waits for a slow one.
    ///
    /// # Errors
    /// What the system says, such as too many open files.
    pub async fn accept(&self) -> io::Result<Incoming> {
        let (socket, _) = self.socket.accept().await?;
        took(Step::Accepted);
        Ok(Incoming { socket, options: self.options.clone() })
    }
}

/// A peer at the door.
pub struct Incoming {
    socket: UnixStream,
    options: Options,
}

impl Incoming {
    /// Hears its hello and opens the channel. Put a limit on the time this may take.
    ///
    /// # Errors
    /// The peer is not allowed, is not like us, or went away.
    pub async fn open(self) -> Result<(Sender, Receiver), HelloError> {
        let Self { socket, options } = self;
        let trust = Trust::of(&socket, &options);
        let hello = Hello::read(&socket).await?;
        took(Step::HelloHeard);
        let verdict = match () {
            () if trust.is_err() => Verdict::Refused,
            () if hello.version != VERSION => Verdict::Version,
            () if hello.node != node_identity()? => Verdict::Node,
            () => Verdict::Welcome,
        };
        let geometry = Geometry::of_size(options.segment);
        let answer = Answer { version: VERSION, verdict, geometry };
        if verdict != Verdict::Welcome {
            answer.send(&socket, &[]).await?;
            return Err(trust.err().unwrap_or(verdict.into_error(hello.version)));
        }
        let (memory, segment) = Segment::create(geometry, options.huge_pages)?;
        let (bell, peer_bell) = (bell::cast()?, bell::cast()?);
        took(Step::MemoryMade);
        answer.send(&socket, &[memory.as_fd(), peer_bell.as_fd(), bell.as_fd()]).await?;
        took(Step::Welcomed);
        let in_place = trust.is_ok_and(|trust| trust.in_place);
        Ok(assemble(Parts { segment, end: End::Server, bell, peer_bell, socket, in_place }, &options)?)
    }
}

/// Opens a channel to the process that listens at `path`. Put a limit on the time this may take.
///
/// # Errors
/// Nobody listens, the server refuses us, or is not one we would talk to.
pub async fn connect(path: &Path, options: &Options) -> Result<(Sender, Receiver), HelloError> {
    let socket = UnixStream::connect(path).await?;
    took(Step::Connected);
    let trust = Trust::of(&socket, options)?;
    Hello { version: VERSION, node: node_identity()? }.send(&socket).await?;
    took(Step::HelloSaid);
    let (answer, descriptors) = Answer::read(&socket).await?;
    took(Step::AnswerRead);
    if answer.verdict != Verdict::Welcome {
        return Err(answer.verdict.into_error(answer.version));
    }
    let Ok([memory, bell, peer_bell]) = <[OwnedFd; DESCRIPTORS]>::try_from(descriptors) else {
        return Err(HelloError::Garbled("it came with the wrong number of descriptors"));
    };
    let segment = Segment::open(&memory, answer.geometry)?;
    Ok(assemble(Parts { segment, end: End::Client, bell, peer_bell, socket, in_place: trust.in_place }, options)?)
}

/// Which boot of which machine this is; processes for which it is equal can share memory.
///
/// # Errors
/// `/proc` is not there or not readable.
pub fn node_identity() -> io::Result<[u8; 16]> {
    let text = std::fs::read_to_string("/proc/sys/kernel/random/boot_id")?;
    let digits: String = text.chars().filter(char::is_ascii_hexdigit).collect();
    let number =
        u128::from_str_radix(&digits, 16).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
    Ok(number.to_be_bytes())
}

/// What the peer's user lets us do.
struct Trust {
    /// Read payloads where they lie: a process of our own user, or root's, could change our memory anyway.
    in_place: bool,
}

impl Trust {
    fn of(socket: &UnixStream, options: &Options) -> Result<Self, HelloError> {
        let uid = socket.peer_cred()?.uid();
        let in_place = uid == 0 || uid == rustix::process::geteuid().as_raw();
        match in_place || options.allowed_uids.contains(&uid) {
            true => Ok(Self { in_place }),
            false => Err(HelloError::User { uid }),
        }
    }
}

/// What a client says first.
struct Hello {
    version: u32,
    node: [u8; 16],
}

impl Hello {
    async fn send(&self, socket: &UnixStream) -> Result<(), HelloError> {
        let mut octets = [0; LENGTH];
        put(&mut octets, 0, &MAGIC.to_ne_bytes());
        put(&mut octets, 8, &self.version.to_ne_bytes());
        put(&mut octets, 16, &self.node);
        send_with(socket, &octets, &[]).await
    }

    async fn read(socket: &UnixStream) -> Result<Self, HelloError> {
        let (octets, _) = read_with(socket, 0).await?;
        Ok(Self { version: word(&octets, 8), node: field(&octets, 16) })
    }
}

/// What the server decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    Welcome = 0,
    Version = 1,
    Node = 2,
    Refused = 3,
}

impl Verdict {
    fn into_error(self, theirs: u32) -> HelloError {
        match self {
            Self::Version => HelloError::Version { ours: VERSION, theirs },
            Self::Node => HelloError::Node,
            Self::Refused | Self::Welcome => HelloError::Refused,
        }
    }
}

/// What a server says to a hello.
struct Answer {
    version: u32,
    verdict: Verdict,
    geometry: Geometry,
}

impl Answer {
    async fn send(&self, socket: &UnixStream, descriptors: &[BorrowedFd<'_>]) -> Result<(), HelloError> {
        let mut octets = [0; LENGTH];
        put(&mut octets, 0, &MAGIC.to_ne_bytes());
        let words =
            [self.version, self.verdict as u32, self.geometry.slots, self.geometry.block, self.geometry.blocks.into()];
        for (place, word) in words.into_iter().enumerate() {
            put(&mut octets, 8 + place * 4, &word.to_ne_bytes());
        }
        send_with(socket, &octets, descriptors).await
    }

    async fn read(socket: &UnixStream) -> Result<(Self, Vec<OwnedFd>), HelloError> {
        let (octets, descriptors) = read_with(socket, DESCRIPTORS).await?;
        // All else may be laid out in another way.
        let version = word(&octets, 8);
        if version != VERSION {
            return Err(HelloError::Version { ours: VERSION, theirs: version });
        }
        let verdict = match word(&octets, 12) {
            0 => Verdict::Welcome,
            1 => Verdict::Version,
            2 => Verdict::Node,
            3 => Verdict::Refused,
            _ => return Err(HelloError::Garbled("its verdict")),
        };
        let blocks = u16::try_from(word(&octets, 24)).map_err(|_| HelloError::Garbled("its geometry"))?;
        let geometry = Geometry { slots: word(&octets, 16), block: word(&octets, 20), blocks };
        Ok((Self { version, verdict, geometry }, descriptors))
    }
}

async fn send_with(
    socket: &UnixStream,
    octets: &[u8; LENGTH],
    descriptors: &[BorrowedFd<'_>],
) -> Result<(), HelloError> {
    let sent = socket.async_io(Interest::WRITABLE, || {
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(DESCRIPTORS))];
        let mut control = SendAncillaryBuffer::new(&mut space);
        if !descriptors.is_empty() {
            control.push(SendAncillaryMessage::ScmRights(descriptors));
        }
        Ok(sendmsg(socket, &[IoSlice::new(octets)], &mut control, SendFlags::DONTWAIT | SendFlags::NOSIGNAL)?)
    });
    match sent.await? {
        LENGTH => Ok(()),
        _ => Err(HelloError::Garbled("the socket took half of ours")),
    }
}

/// Reads one hello, with at most so many descriptors; others are closed.
async fn read_with(socket: &UnixStream, most: usize) -> Result<([u8; LENGTH], Vec<OwnedFd>), HelloError> {
    let (mut octets, mut filled, mut descriptors) = ([0; LENGTH], 0, Vec::new());
    while filled < LENGTH {
        let room = &mut octets[filled..];
        let read = socket.async_io(Interest::READABLE, || {
            let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(DESCRIPTORS))];
            let mut control = RecvAncillaryBuffer::new(&mut space);
            let flags = RecvFlags::DONTWAIT | RecvFlags::CMSG_CLOEXEC;
            let read = recvmsg(socket, &mut [IoSliceMut::new(room)], &mut control, flags)?;
            for message in control.drain() {
                if let RecvAncillaryMessage::ScmRights(passed) = message {
                    descriptors.extend(passed);
                }
            }
            Ok(read.bytes)
        });
        match read.await? {
            0 => return Err(HelloError::HungUp),
            octets => filled += octets,
        }
    }
    descriptors.truncate(most);
    match u64::from_ne_bytes(field(&octets, 0)) {
        MAGIC => Ok((octets, descriptors)),
        _ => Err(HelloError::Garbled("its magic")),
    }
}

fn put(octets: &mut [u8; LENGTH], at: usize, value: &[u8]) {
    octets[at..at + value.len()].copy_from_slice(value);
}

/// `N` octets of a hello; every caller's place is a constant within it.
fn field<const N: usize>(octets: &[u8; LENGTH], at: usize) -> [u8; N] {
    let mut value = [0; N];
    value.copy_from_slice(&octets[at..at + N]);
    value
}

fn word(octets: &[u8; LENGTH], at: usize) -> u32 {
    u32::from_ne_bytes(field(octets, at))
}
