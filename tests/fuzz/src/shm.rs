//! A channel of shared memory with somebody in the middle: both ends are real, and what lies in the memory between them changes
//! at any time to anything. Each end carries on or closes the channel; neither panics, hangs or keeps more than it may.

use std::cell::RefCell;
use std::fs::File;
use std::io::{IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::net::Shutdown;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::task::Poll;
use std::time::Duration;

use ::shm::{ChannelError, Listener, Options, Receiver, Sender, connect};
use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage, SendFlags,
    recvmsg, sendmsg,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt, Interest};
use tokio::net::{UnixListener, UnixStream};
use tokio::runtime::Runtime;

use crate::choices::Choices;

/// What no end takes longer than to notice.
const PATIENCE: Duration = Duration::from_secs(8);

/// Octets of a message at most, and messages that are held.
const LONGEST: usize = 40_000;
const HELD: usize = 20;

/// What is sent.
static OCTETS: [u8; LONGEST] = [1; LONGEST];

/// What is done to a channel at most: what comes after has been seen.
const MOST_STEPS: usize = 300;

/// Words in front of the rings, and words of all rings (of a 256 KiB segment).
const CONTROL: u16 = 120;
const WORDS: u16 = 3072;

/// The rings: word of the producer's position, first word, slots and words of each.
const RINGS: [(u64, u64, u64, u64); 4] =
    [(56, 120, 512, 2), (88, 1144, 512, 2), (72, 2168, 128, 1), (104, 2296, 128, 1)];

const WORD: u8 = 0;
const HALF_WORD: u8 = 3;
const SLOT: u8 = 5;
const PAYLOAD: u8 = 10;
const RING: u8 = 11;
const YIELD: u8 = 12;
const CHATTER: u8 = 15;
const KINDS: u8 = 16;

/// Where both ends meet the one in the middle; made once a thread.
struct Place {
    runtime: Runtime,
    _directory: tempfile::TempDir,
    listener: Listener,
    /// Where the server listens, and where the client thinks it does.
    paths: [PathBuf; 2],
    middle: UnixListener,
}

impl Place {
    fn new() -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let directory = tempfile::tempdir().expect("a directory");
        let paths = ["server", "middle"].map(|name| directory.path().join(name));
        let entered = runtime.enter();
        let listener = Listener::bind(&paths[0], options(false)).expect("the path is free");
        let middle = UnixListener::bind(&paths[1]).expect("the path is free");
        drop(entered);
        Self { runtime, _directory: directory, listener, paths, middle }
    }
}

fn options(spins: bool) -> Options {
    let spin = if spins { Options::default().spin } else { Duration::ZERO };
    Options { segment: 256 << 10, max_message: LONGEST, spin, ..Options::default() }
}

/// The one in the middle.
struct Middle {
    memory: File,
    bells: [OwnedFd; 2],
    /// Towards the server, towards the client.
    sockets: [UnixStream; 2],
}

impl Middle {
    /// Carries the hello and the answer, and keeps what comes with it.
    async fn between(server: UnixStream, client: UnixStream) -> Self {
        let mut sockets = [server, client];
        let mut octets = [0; 32];
        sockets[1].read_exact(&mut octets).await.expect("a hello");
        sockets[0].write_all(&octets).await.expect("it takes it");
        let mut passed = Vec::new();
        let answer = sockets[0].async_io(Interest::READABLE, || {
            let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(3))];
            let mut control = RecvAncillaryBuffer::new(&mut space);
            let read = recvmsg(&sockets[0], &mut [IoSliceMut::new(&mut octets)], &mut control, RecvFlags::DONTWAIT)?;
            for message in control.drain() {
                if let RecvAncillaryMessage::ScmRights(descriptors) = message {
                    passed.extend(descriptors);
                }
            }
            Ok(read.bytes)
        });
        assert_eq!(answer.await.expect("an answer"), octets.len());
        let [memory, one, other] = <[OwnedFd; 3]>::try_from(passed).expect("memory and bells");
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(3))];
        let mut control = SendAncillaryBuffer::new(&mut space);
        let descriptors = [memory.as_fd(), one.as_fd(), other.as_fd()];
        assert!(control.push(SendAncillaryMessage::ScmRights(&descriptors)));
        sendmsg(&sockets[1], &[IoSlice::new(&octets)], &mut control, SendFlags::DONTWAIT).expect("it takes it");
        Self { memory: memory.into(), bells: [one, other], sockets }
    }

    /// Does one thing. Returns whether that could have been noticed.
    async fn act(&mut self, choices: &mut Choices<'_>) -> bool {
        match choices.below(KINDS) {
            WORD..HALF_WORD => self.write(place(choices) * 8, &value(choices).to_ne_bytes()),
            HALF_WORD..SLOT => {
                let at = place(choices) * 8 + u64::from(choices.flag()) * 4;
                self.write(at, &choices.number().to_ne_bytes());
            }
            SLOT..PAYLOAD => {
                let (position, first, slots, words) = choices.pick(&RINGS);
                // One of the last written, of which some are not read yet.
                let slot = self.word(position).wrapping_sub(1 + u64::from(choices.below(3))) % slots;
                for word in 0..words {
                    let new = if choices.flag() { value(choices) } else { self.word(first + slot * words + word) };
                    self.write((first + slot * words + word) * 8, &new.to_ne_bytes());
                }
            }
            PAYLOAD => {
                let at = u64::from(WORDS) * 8 + u64::from(choices.number() % (128 << 10));
                self.write(at, choices.octets());
            }
            RING => {
                let bell = &self.bells[usize::from(choices.flag())];
                // A counter that is full has rung.
                let _ = rustix::io::write(bell, &value(choices).max(1).to_ne_bytes());
                return false;
            }
            YIELD..CHATTER => {
                // So many turns of all others, or of whoever was rung for.
                let (all, turns) = (choices.flag(), choices.below(8));
                for _ in 0..=turns {
                    if all { turn().await } else { tokio::task::yield_now().await }
                }
                return false;
            }
            _ => {
                let socket = &self.sockets[usize::from(choices.flag())];
                let _ = socket.try_write(&[choices.octet()]); // it may have hung up
            }
        }
        true
    }

    fn word(&self, place: u64) -> u64 {
        let mut octets = [0; 8];
        self.memory.read_exact_at(&mut octets, place * 8).expect("within the memory");
        u64::from_ne_bytes(octets)
    }

    /// Writes past the end lengthen nothing: the memory is sealed.
    fn write(&self, at: u64, octets: &[u8]) {
        let _ = self.memory.write_all_at(octets, at);
    }

    fn hang_up(self) {
        for socket in self.sockets {
            let socket = socket.into_std().expect("a socket");
            let _ = socket.shutdown(Shutdown::Both); // the other end may have
        }
    }
}

/// A word: mostly among those that say where everything is.
fn place(choices: &mut Choices<'_>) -> u64 {
    let number = u16::from_be_bytes([choices.octet(), choices.octet()]);
    (if number & 0x8000 == 0 { number % CONTROL } else { (number & 0x7fff) % WORDS }).into()
}

/// A value that hurts: small, near the ends, or anything.
fn value(choices: &mut Choices<'_>) -> u64 {
    match choices.below(6) {
        0 => choices.octet().into(),
        1 => u64::MAX - u64::from(choices.octet()),
        2 => 1 << choices.below(64),
        3 => choices.number().into(),
        4 => (u64::from(choices.number()) << 32) | (u64::from(choices.octet()) << 10),
        _ => u64::from(choices.number()) << 32 | u64::from(choices.number()),
    }
}

/// Lets others run that are ready, before anybody looks whether a bell was rung.
async fn turn() {
    let mut waited = false;
    std::future::poll_fn(|cx| match std::mem::replace(&mut waited, true) {
        true => Poll::Ready(()),
        false => {
            cx.waker().wake_by_ref();
            Poll::Pending
        }
    })
    .await;
}

/// Sends and receives as users do, until the channel ends; why it did.
async fn live((sender, mut receiver): (Sender, Receiver)) -> ChannelError {
    let talk = tokio::spawn(async move {
        for stream in 0.. {
            let length = [10, 0, 3000, 10, 700, 0, 1500, LONGEST][stream as usize % 8];
            if let Err(error) = sender.send(stream, 1, &[&OCTETS[..length]]).await {
                return error;
            }
            turn().await;
        }
        ChannelError::Closed
    });
    let mut held = std::collections::VecDeque::new();
    let error = loop {
        match receiver.recv().await {
            Ok(message) => {
                assert!(message.payload.len() <= LONGEST);
                held.push_back(message.payload.into_bytes());
                if held.len() > HELD {
                    let octets = held.pop_front().expect("there is one more");
                    std::hint::black_box((octets.first().copied(), octets.last().copied()));
                }
            }
            Err(error) => break error,
        }
    };
    assert_eq!(talk.await.expect("no panic"), error, "both halves say the same");
    error
}

async fn play(place: &Place, choices: &mut Choices<'_>) {
    let spins = choices.flag();
    let [server_path, middle_path] = place.paths.clone();
    let client = tokio::spawn(async move { connect(&middle_path, &options(spins)).await });
    let server = async { place.listener.accept().await.expect("a guest").open().await };
    let middle = async {
        let (to_client, _) = place.middle.accept().await.expect("a client");
        let to_server = UnixStream::connect(&server_path).await.expect("it listens");
        Middle::between(to_server, to_client).await
    };
    let (server, mut middle) = tokio::join!(server, middle);
    let client = client.await.expect("no panic").expect("an honest hello");
    let ends = [tokio::spawn(live(server.expect("an honest hello"))), tokio::spawn(live(client))];
    let (mut steps, mut touched) = (0, false);
    while !choices.is_empty() && steps < MOST_STEPS {
        touched |= middle.act(choices).await;
        steps += 1;
    }
    middle.hang_up();
    for end in ends {
        let e = end.await.expect("no panic");
        eprintln!("END {e}");
        match e {
            ChannelError::PeerGone => {}
            ChannelError::Peer(_) if touched => {}
            error => panic!("the channel ended for another reason: {error}"),
        }
    }
}

/// Two ends talk while somebody writes into their memory what the input says.
pub fn shm_channel(data: &[u8]) {
    thread_local!(static PLACE: RefCell<Option<Place>> = const { RefCell::new(None) });
    PLACE.with_borrow_mut(|slot| {
        // After a finding it is made anew.
        let place = slot.take().unwrap_or_else(Place::new);
        let mut choices = Choices::new(data);
        let game = async {
            let played = tokio::time::timeout(PATIENCE, play(&place, &mut choices)).await;
            played.expect("neither end hangs");
        };
        place.runtime.block_on(game);
        *slot = Some(place);
    });
}

/// Writes a word, and rings for it.
fn word(place: u16, value: u64) -> Vec<u8> {
    let value = value.to_be_bytes();
    [&[WORD][..], &place.to_be_bytes(), &[5], &value[..], &[RING, 0, 0, 1, RING, 1, 0, 1, YIELD, 0, 3]].concat()
}

/// What may be tried at each word that matters.
pub(crate) fn channels() -> Vec<Vec<u8>> {
    // Positions of the four rings, behind the header and two sides of three lines.
    let positions = (0..8).map(|line| 56 + line * 8);
    let talk = [YIELD, 0, 7, YIELD, 1, 7].repeat(3);
    let mut seeds = vec![talk.clone(), [&[1][..], &talk].concat()];
    for position in positions {
        let ahead = [&[0][..], &talk, &word(position, 1), &word(position, 512), &word(position, 0)].concat();
        seeds.extend([ahead, [&[0][..], &talk, &word(position, u64::MAX)].concat()]);
    }
    // What was published last, in each ring: an extent too long, a block too far, flags that nobody knows.
    for ring in 0..4 {
        for new in [[1, 4, 0x7f, 0, 0, 0, 0], [1, 4, 0, 0, 4, 0, 240], [1, 2, 41, 0, 0, 0, 0], [1, 0, 3, 0, 0, 0, 0]] {
            let slot = [&[SLOT, ring, 0][..], &new, &[0, YIELD, 1, 0]].concat();
            seeds.push([&[0][..], &[YIELD, 1, 7], &slot.repeat(8)].concat());
        }
    }
    seeds.push([&[0][..], &talk, &[CHATTER, 0, 7], &talk, &[CHATTER, 1, 7]].concat());
    let scribble = [PAYLOAD, 0, 0, 0, 0, 0, 16].into_iter().chain([0xff; 16]);
    seeds.push([&[1][..], &talk, &scribble.collect::<Vec<_>>(), &talk].concat());
    seeds
}
