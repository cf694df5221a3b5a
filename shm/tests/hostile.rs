//! Peers that lie: in the hello, and in shared memory. They speak to the socket and the memory themselves.
#![allow(unsafe_code)] // maps the memory a second time, to write into it what an honest peer never would

use std::io::{IoSlice, IoSliceMut, Read, Write};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use proptest::prelude::*;
use rustix::mm::{MapFlags, ProtFlags, mmap, munmap};
use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage, SendFlags,
    recvmsg, sendmsg,
};
use shm::{ChannelError, HelloError, Incoming, Listener, Options, Receiver, Sender, connect, node_identity};

const PATIENCE: Duration = Duration::from_secs(20);

/// The part of the memory that holds words, not payload (of a 256 KiB segment).
const WORDS: usize = (24 << 10) / 8;

fn options() -> Options {
    Options { segment: 256 << 10, ..Options::default() }
}

fn hello(version: u32, node: [u8; 16]) -> [u8; 32] {
    let mut octets = [0; 32];
    octets[..8].copy_from_slice(b"PRGRNshm");
    octets[8..12].copy_from_slice(&version.to_ne_bytes());
    octets[16..].copy_from_slice(&node);
    octets
}

struct Door {
    _directory: tempfile::TempDir,
    path: std::path::PathBuf,
    listener: Listener,
}

impl Door {
    fn new() -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("door");
        let listener = Listener::bind(&path, options()).expect("the path is free");
        Self { _directory: directory, path, listener }
    }

    /// Somebody who connected and said these octets, and the server's side of it.
    async fn guest(&self, says: &[u8]) -> (UnixStream, Incoming) {
        let mut socket = UnixStream::connect(&self.path).expect("the server listens");
        socket.write_all(says).expect("the socket takes it");
        (socket, self.listener.accept().await.expect("a guest"))
    }
}

/// A peer that maps the memory and writes to it as it likes.
struct Liar {
    socket: UnixStream,
    bells: Vec<OwnedFd>,
    base: *mut std::ffi::c_void,
    length: usize,
}

impl Liar {
    /// Takes the answer to its hello.
    fn new(socket: UnixStream) -> Self {
        let mut octets = [0; 32];
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(3))];
        let mut control = RecvAncillaryBuffer::new(&mut space);
        let read = recvmsg(&socket, &mut [IoSliceMut::new(&mut octets)], &mut control, RecvFlags::empty());
        assert_eq!(read.expect("an answer").bytes, 32);
        let mut passed = Vec::new();
        for message in control.drain() {
            if let RecvAncillaryMessage::ScmRights(descriptors) = message {
                passed.extend(descriptors);
            }
        }
        let bells = passed.split_off(1);
        let length = rustix::fs::fstat(&passed[0]).expect("a file").st_size as usize;
        // SAFETY: a new mapping of a sealed file, as long as that file.
        let base = unsafe {
            mmap(std::ptr::null_mut(), length, ProtFlags::READ | ProtFlags::WRITE, MapFlags::SHARED, &passed[0], 0)
        };
        Self { socket, bells, base: base.expect("it can be mapped"), length }
    }

    fn word(&self, index: usize) -> &AtomicU64 {
        assert!(index * 8 < self.length);
        // SAFETY: inside the mapping, aligned, and an atomic.
        unsafe { &*self.base.cast::<AtomicU64>().add(index) }
    }

    fn ring(&self) {
        for bell in &self.bells {
            rustix::io::write(bell, &1_u64.to_ne_bytes()).expect("it rings");
        }
    }
}

impl Drop for Liar {
    fn drop(&mut self) {
        // SAFETY: mapped in `new`, and no word of it is borrowed any more.
        unsafe { munmap(self.base, self.length) }.expect("it is mapped");
    }
}

async fn liar_and_victim(door: &Door) -> (Liar, (Sender, Receiver)) {
    let (socket, incoming) = door.guest(&hello(2, node_identity().expect("a node"))).await;
    let victim = incoming.open().await.expect("it looks honest so far");
    (Liar::new(socket), victim)
}

/// Lives with a channel as a user would, until it ends; why it did.
async fn live(sender: Sender, mut receiver: Receiver) -> ChannelError {
    let talk = tokio::spawn(async move {
        for stream in 0.. {
            let length = [10, 0, 3000, 150_000][stream as usize % 4];
            // Every other one is written in place, and some of those are given up.
            let room = if stream % 8 < 4 { sender.reserve(length) } else { Ok(None) };
            let sent = match room {
                Ok(Some(mut room)) => {
                    room.octets().fill(1);
                    if stream % 16 == 0 { Ok(()) } else { room.send(stream, 1, length) }
                }
                Ok(None) => sender.send(stream, 1, &[&vec![1; length]]).await,
                Err(error) => Err(error),
            };
            if let Err(error) = sent {
                return error;
            }
            tokio::task::yield_now().await;
        }
        unreachable!("there are more streams than anybody has patience")
    });
    let mut held = std::collections::VecDeque::new();
    let error = loop {
        match receiver.recv().await {
            Ok(message) => {
                held.push_back(message.payload.into_bytes());
                if held.len() > 20 {
                    let sum: u64 = held.pop_front().expect("there are 21").iter().map(|octet| u64::from(*octet)).sum();
                    std::hint::black_box(sum);
                }
            }
            Err(error) => break error,
        }
    };
    assert_eq!(talk.await.expect("no panic"), error, "both halves say the same");
    error
}

fn run<F: Future>(future: F) -> F::Output {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async { tokio::time::timeout(PATIENCE, future).await.expect("it does not hang") })
}

/// A value that hurts: small, all ones, near others, or anything.
fn nasty() -> impl Strategy<Value = u64> {
    prop_oneof![
        0..1100_u64,
        Just(u64::MAX),
        Just(1 << 31),
        any::<u32>().prop_map(u64::from),
        any::<u64>(),
        (0..64_u32).prop_map(|n| 1 << n)
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, ..ProptestConfig::default() })]

    #[test]
    fn garbage_in_shared_words_ends_the_channel_at_worst(
        writes in proptest::collection::vec((prop_oneof![0..110_usize, 0..WORDS], nasty(), any::<bool>()), 1..60),
    ) {
        run(async {
            let door = Door::new();
            let (liar, (sender, receiver)) = liar_and_victim(&door).await;
            let victim = tokio::spawn(live(sender, receiver));
            for (place, value, ring) in writes {
                liar.word(place).store(value, Ordering::SeqCst);
                if ring {
                    liar.ring();
                }
                tokio::task::yield_now().await;
            }
            liar.ring();
            tokio::task::yield_now().await;
            liar.socket.shutdown(std::net::Shutdown::Both).expect("it is open");
            victim.await.expect("no panic");
        });
    }

    #[test]
    fn any_descriptors_end_the_channel_at_worst(entries in proptest::collection::vec((nasty(), nasty()), 1..40)) {
        run(async {
            let door = Door::new();
            let (liar, (sender, receiver)) = liar_and_victim(&door).await;
            let victim = tokio::spawn(live(sender, receiver));
            for (number, (extent, rest)) in (1_u64..).zip(entries) {
                // The ring of descriptors to the server begins behind the control words; its tail is their first.
                liar.word(RING + (number as usize - 1) * 2).store(extent, Ordering::SeqCst);
                liar.word(RING + (number as usize - 1) * 2 + 1).store(rest & 0x3ff_ffff_ffff, Ordering::SeqCst);
                liar.word(TAIL).store(number, Ordering::SeqCst);
                liar.ring();
                tokio::task::yield_now().await;
            }
            liar.socket.shutdown(std::net::Shutdown::Both).expect("it is open");
            victim.await.expect("no panic");
        });
    }

    #[test]
    fn an_arbitrary_hello_opens_nothing(octets in any::<[u8; 32]>()) {
        run(async {
            let (_socket, incoming) = Door::new().guest(&octets).await;
            assert!(matches!(incoming.open().await.map(drop), Err(HelloError::Garbled(_))));
        });
    }
}

/// Word of the first position (tail of the descriptors to the server): header, then two sides of three lines each.
const TAIL: usize = (64 + 6 * 64) / 8;

/// First word of the descriptors to the server: behind two directions of two rings of two lines.
const RING: usize = TAIL + 8 * 64 / 8;

#[test]
fn the_layout_is_where_this_test_thinks_it_is() {
    run(async {
        let door = Door::new();
        let (liar, (sender, mut receiver)) = liar_and_victim(&door).await;
        liar.word(RING + 1).store(77 | 5 << 32, Ordering::SeqCst);
        liar.word(TAIL).store(1, Ordering::SeqCst);
        let message = receiver.recv().await.expect("a message");
        assert_eq!((message.stream, message.kind, message.payload.len()), (77, 5, 0));
        liar.word(TAIL).store(0, Ordering::SeqCst);
        let error = receiver.recv().await.map(|m| m.stream).expect_err("an index ran backwards");
        assert_eq!(
            error.to_string(),
            "the peer broke the rules of the channel: index of a 512-slot ring went from 1 to 0"
        );
        assert_eq!(sender.try_send(1, 1, &[]), Err(error));
    });
}

#[test]
fn another_version_is_refused_by_name_at_both_ends() {
    run(async {
        let door = Door::new();
        let (mut socket, incoming) = door.guest(&hello(3, node_identity().expect("a node"))).await;
        let error = incoming.open().await.map(drop).expect_err("refused");
        assert!(matches!(error, HelloError::Version { ours: 2, theirs: 3 }), "{error}");
        let mut answer = [0; 32];
        socket.read_exact(&mut answer).expect("an answer");
        assert_eq!((answer[8], answer[12]), (2, 1), "its version, and the verdict");
        // The other way round: a server of version 3.
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("door");
        let server = std::os::unix::net::UnixListener::bind(&path).expect("free");
        let answering = std::thread::spawn(move || {
            let (mut socket, _) = server.accept().expect("a client");
            socket.read_exact(&mut [0; 32]).expect("a hello");
            answer[8] = 3;
            socket.write_all(&answer).expect("it takes it");
        });
        let error = connect(&path, &options()).await.map(drop).expect_err("refused");
        assert!(matches!(error, HelloError::Version { ours: 2, theirs: 3 }), "{error}");
        answering.join().expect("no panic");
    });
}

#[test]
fn another_node_and_early_hang_ups_are_refused() {
    run(async {
        let door = Door::new();
        let (_socket, incoming) = door.guest(&hello(2, [9; 16])).await;
        assert!(matches!(incoming.open().await.map(drop), Err(HelloError::Node)));
        let (socket, incoming) = door.guest(b"PRGRN").await;
        drop(socket);
        assert!(matches!(incoming.open().await.map(drop), Err(HelloError::HungUp)));
    });
}

#[test]
fn memory_that_is_not_sealed_is_not_mapped() {
    use rustix::fs::{MemfdFlags, SealFlags, fcntl_add_seals, ftruncate, memfd_create};
    let all = SealFlags::SHRINK | SealFlags::GROW | SealFlags::SEAL;
    for (seals, length) in [(SealFlags::SHRINK | SealFlags::GROW, None), (SealFlags::empty(), None), (all, Some(4096))]
    {
        run(async {
            // What an honest server answers, with other memory.
            let door = Door::new();
            let (mut honest, incoming) = door.guest(&hello(2, node_identity().expect("a node"))).await;
            let _end = incoming.open().await.expect("let in");
            let mut answer = [0; 32];
            honest.read_exact(&mut answer).expect("an answer");
            let memory = memfd_create("liar", MemfdFlags::ALLOW_SEALING).expect("memory");
            ftruncate(&memory, length.unwrap_or(268 << 10)).expect("its size");
            fcntl_add_seals(&memory, seals).expect("seals");
            let directory = tempfile::tempdir().expect("a directory");
            let path = directory.path().join("door");
            let server = std::os::unix::net::UnixListener::bind(&path).expect("free");
            let answering = std::thread::spawn(move || {
                let (socket, _) = server.accept().expect("a client");
                (&socket).read_exact(&mut [0; 32]).expect("a hello");
                let descriptors = [memory.as_fd(); 3];
                let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(3))];
                let mut control = SendAncillaryBuffer::new(&mut space);
                assert!(control.push(SendAncillaryMessage::ScmRights(&descriptors)));
                sendmsg(&socket, &[IoSlice::new(&answer)], &mut control, SendFlags::empty()).expect("sent");
            });
            let outcome = connect(&path, &options()).await.map(drop);
            assert!(matches!(outcome, Err(HelloError::Garbled(_))), "{outcome:?}");
            answering.join().expect("no panic");
        });
    }
}

#[test]
fn chatter_on_the_socket_ends_the_channel() {
    run(async {
        let door = Door::new();
        let (liar, (_sender, mut receiver)) = liar_and_victim(&door).await;
        (&liar.socket).write_all(b"hey").expect("it takes it");
        let error = receiver.recv().await.map(|m| m.stream).expect_err("a violation");
        assert!(matches!(error, ChannelError::Peer(_)), "{error}");
    });
}
