//! Two honest ends of a channel.

mod support;

use std::task::Poll;

use shm::{ChannelError, HelloError, Listener, Options, connect};
use support::{channel as pair, of};

fn small() -> Options {
    of(64 << 10)
}

/// Polls once; whether it is done.
async fn is_done<F: Future + Unpin>(future: &mut F) -> Option<F::Output> {
    std::future::poll_fn(|cx| {
        Poll::Ready(match std::pin::Pin::new(&mut *future).poll(cx) {
            Poll::Ready(output) => Some(output),
            Poll::Pending => None,
        })
    })
    .await
}

#[tokio::test]
async fn messages_arrive_in_order_and_whole() {
    let ((sender, _answers), (_, mut receiver)) = pair(Options::default()).await;
    let messages: Vec<Vec<u8>> = (0..200).map(|number| vec![number as u8; number * 53]).collect();
    for (stream, octets) in (0..).zip(&messages) {
        let (first, second) = octets.split_at(octets.len() / 3);
        sender.send(stream, 9, &[first, second]).await.expect("the channel is open");
        let message = receiver.recv().await.expect("a message");
        assert_eq!((message.stream, message.kind, message.truncated), (stream, 9, false));
        assert_eq!(*message.payload, octets[..]);
        assert_eq!(message.payload.is_in_place(), !octets.is_empty());
        let (skipped, longer) = (octets.len() / 2, octets.len() + 1);
        let rest = message.payload.skip(skipped / 2).skip(skipped - skipped / 2);
        assert_eq!(*rest, octets[skipped..]);
        assert!(rest.skip(longer).into_bytes().is_empty());
    }
}

#[tokio::test]
async fn a_full_channel_makes_senders_wait_their_turn() {
    let ((sender, mut answers), (_server, mut receiver)) = pair(small()).await;
    let keep_bell = tokio::spawn(async move { answers.recv().await });
    let mut sent = 0_u32;
    while sender.try_send(sent, 1, &[&[5; 700]]).expect("open") {
        sent += 1;
    }
    let mut waiting: Vec<_> = (0..50)
        .map(|number| {
            let sender = sender.clone();
            Box::pin(async move { sender.send(sent + number, 1, &[&[5; 700]]).await })
        })
        .collect();
    for send in &mut waiting {
        assert_eq!(is_done(send).await, None);
    }
    assert_eq!(sender.try_send(0, 1, &[]), Ok(false), "nobody overtakes those who wait");
    let sends: Vec<_> = waiting.into_iter().map(tokio::spawn).collect();
    for stream in 0..sent + 50 {
        assert_eq!(receiver.recv().await.expect("a message").stream, stream);
    }
    for send in sends {
        send.await.expect("no panic").expect("sent");
    }
    assert!(sender.counters().waits_for_room > 0);
    keep_bell.abort();
}

#[tokio::test]
async fn long_messages_let_short_ones_pass_and_half_sent_ones_are_forgotten() {
    let ((sender, mut answers), (_server, mut receiver)) = pair(small()).await;
    let keep_bell = tokio::spawn(async move { answers.recv().await });
    let long = vec![7_u8; 1 << 20];
    let given_up = sender.clone();
    let mut half_sent = Box::pin(async { given_up.send(1, 1, &[&long]).await });
    assert_eq!(is_done(&mut half_sent).await, None);
    drop(half_sent);
    let sends = [(2, long.clone()), (3, vec![8; 900_000]), (4, b"short".to_vec())].map(|(stream, octets)| {
        let sender = sender.clone();
        tokio::spawn(async move { sender.send(stream, 1, &[&octets]).await })
    });
    let mut streams = Vec::new();
    for _ in 0..3 {
        let message = receiver.recv().await.expect("a message");
        let expected =
            [(2, 1 << 20, 7), (3, 900_000, 8), (4, 5, b's')].into_iter().find(|(s, ..)| *s == message.stream);
        let (_, length, octet) = expected.expect("one of those sent, and not the one given up");
        assert_eq!((message.payload.len(), message.payload[0]), (length, octet));
        streams.push(message.stream);
    }
    assert!(streams.iter().position(|s| *s == 4) < Some(2), "{streams:?}");
    for send in sends {
        send.await.expect("no panic").expect("sent");
    }
    keep_bell.abort();
}

#[tokio::test]
async fn too_long_a_message_is_cut_and_memory_bounded() {
    let options = Options { max_message: 100_000, ..small() };
    let ((sender, mut answers), (_server, mut receiver)) = pair(options).await;
    let keep_bell = tokio::spawn(async move { answers.recv().await });
    let send = tokio::spawn(async move { sender.send(1, 1, &[&vec![1; 5 << 20]]).await.map(|()| sender) });
    let message = receiver.recv().await.expect("a message");
    assert!(message.truncated);
    assert_eq!(message.payload.len(), 100_000);
    send.await.expect("no panic").expect("sent");
    keep_bell.abort();
}

#[tokio::test]
async fn a_message_in_one_piece_is_cut_too() {
    let options = Options { max_message: 1000, ..small() };
    let ((sender, _answers), (_server, mut receiver)) = pair(options).await;
    for length in [1000, 1001, 5000] {
        sender.send(1, 1, &[&vec![1; length]]).await.expect("sent");
        let message = receiver.recv().await.expect("a message");
        assert_eq!((message.truncated, message.payload.len()), (length > 1000, 1000));
    }
}

#[tokio::test]
async fn held_payloads_never_take_all_blocks() {
    let ((sender, _answers), (_server, mut receiver)) = pair(small()).await;
    let mut held = Vec::new();
    for number in 0..500_u32 {
        sender.send(number, 1, &[&number.to_ne_bytes(), &[0; 500]]).await.expect("there is always room");
        held.push(receiver.recv().await.expect("a message").payload.into_bytes());
    }
    for (number, octets) in (0_u32..).zip(&held) {
        assert_eq!(octets[..4], number.to_ne_bytes());
    }
    drop((sender, _answers, receiver, _server));
    assert_eq!(held[1][..4], 1_u32.to_ne_bytes(), "what is held outlives the channel");
}

#[tokio::test]
async fn an_awake_peer_is_not_rung() {
    let ((sender, _answers), (_server, mut receiver)) = pair(Options::default()).await;
    for stream in 0..100 {
        assert_eq!(sender.try_send(stream, 1, &[b"x"]), Ok(true));
    }
    assert_eq!(sender.counters().doorbells, 0, "it never said that it sleeps");
    for _ in 0..100 {
        receiver.recv().await.expect("a message");
    }
    let mut next = Box::pin(receiver.recv());
    assert!(is_done(&mut next).await.is_none());
    for stream in 0..100 {
        assert_eq!(sender.try_send(stream, 1, &[b"x"]), Ok(true));
    }
    assert_eq!(sender.counters().doorbells, 1, "once is enough for all of them");
    next.await.expect("a message");
}

#[tokio::test]
async fn the_last_words_of_a_closing_peer_are_heard() {
    let ((sender, answers), (_server, mut receiver)) = pair(Options::default()).await;
    sender.send(1, 1, &[b"farewell"]).await.expect("open");
    drop((sender, answers));
    assert_eq!(*receiver.recv().await.expect("a message").payload, *b"farewell");
    assert_eq!(receiver.recv().await.map(|m| m.stream), Err(ChannelError::PeerGone));
}

#[tokio::test]
async fn closing_wakes_everyone() {
    let ((sender, mut answers), (server, mut receiver)) = pair(small()).await;
    let recv = tokio::spawn(async move { answers.recv().await.map(|m| m.stream) });
    let big = sender.clone();
    let stuck = tokio::spawn(async move { big.send(1, 1, &[&vec![0; 1 << 20]]).await });
    tokio::task::yield_now().await;
    sender.close();
    assert_eq!(recv.await.expect("no panic"), Err(ChannelError::Closed));
    assert_eq!(stuck.await.expect("no panic"), Err(ChannelError::Closed));
    assert_eq!(sender.try_send(1, 1, &[]), Err(ChannelError::Closed));
    while receiver.recv().await.is_ok() {}
    assert_eq!(server.try_send(1, 1, &[]), Err(ChannelError::PeerGone));
}

#[tokio::test]
async fn a_second_server_is_refused_and_a_dead_ones_place_taken() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("door");
    let first = Listener::bind(&path, Options::default()).expect("the path is free");
    let refused = Listener::bind(&path, Options::default()).map(drop).expect_err("somebody is there");
    assert_eq!(refused.kind(), std::io::ErrorKind::AddrInUse);
    drop(first);
    assert!(!path.exists());
    drop(std::os::unix::net::UnixListener::bind(&path).expect("free")); // leaves its file behind, as the dead do
    Listener::bind(&path, Options::default()).expect("nobody is there");
}

#[tokio::test]
async fn nobody_there_is_an_io_error() {
    let outcome = connect(std::path::Path::new("/nonexistent/door"), &Options::default()).await;
    assert!(matches!(outcome.map(drop), Err(HelloError::Io(_))));
}

#[tokio::test]
async fn one_ring_for_all_that_a_turn_sends() {
    let ((sender, mut answers), (_server, mut receiver)) = pair(Options::default()).await;
    let mut next = Box::pin(receiver.recv());
    assert!(is_done(&mut next).await.is_none(), "it sleeps");
    // Nobody has received at this end: rung for at once.
    assert_eq!(sender.try_send(1, 1, &[b"x"]), Ok(true));
    assert_eq!(sender.counters().doorbells, 1);
    next.await.expect("a message");
    let mut answer = Box::pin(answers.recv());
    assert!(is_done(&mut answer).await.is_none());
    let mut next = Box::pin(receiver.recv());
    assert!(is_done(&mut next).await.is_none(), "it sleeps again");
    for stream in 0..10 {
        assert_eq!(sender.try_send(stream, 1, &[b"x"]), Ok(true));
    }
    assert_eq!(sender.counters().doorbells, 1, "not yet");
    assert!(is_done(&mut answer).await.is_none(), "the turn of this end's receiver");
    assert_eq!(sender.counters().doorbells, 2);
    assert_eq!(sender.try_send(10, 1, &[b"x"]), Ok(true));
    sender.flush();
    assert_eq!(sender.counters().doorbells, 2, "the peer has not slept since");
    next.await.expect("a message");
}

#[tokio::test]
async fn what_is_written_in_place_is_one_message_when_it_is_sent_and_none_before() {
    let ((sender, _answers), (_server, mut receiver)) = pair(Options::default()).await;
    for length in [0, 1, 1024, 1025, 60_000] {
        let mut room = sender.reserve(length.max(1)).expect("open").expect("there is room");
        room.octets()[..length].fill(7);
        assert!(receiver.try_recv().expect("open").is_none(), "nobody hears of what is half written");
        room.send(3, 4, length).expect("open");
        let message = receiver.recv().await.expect("a message");
        assert_eq!((message.stream, message.kind, message.truncated), (3, 4, false));
        assert_eq!(*message.payload, vec![7; length]);
    }
    let counters = sender.counters();
    assert_eq!((counters.sent, counters.copied_in, counters.copied_out), (5, 0, 0));
}

#[tokio::test]
async fn room_given_up_and_room_not_used_is_there_for_others() {
    let ((sender, _answers), (_server, mut receiver)) = pair(small()).await;
    let (mut sent, most) = (0, 4096);
    // A thousand times what there is, of which a tenth is sent.
    for number in 0..1000_u32 {
        let mut room = sender.reserve(most).expect("open").expect("what was not used is free");
        room.octets()[..4].copy_from_slice(&number.to_ne_bytes());
        if number % 10 == 0 {
            room.send(number, 1, 400).expect("open");
            sent += 1;
            assert_eq!(receiver.recv().await.expect("a message").payload[..4], number.to_ne_bytes());
        }
    }
    assert_eq!(sender.counters().sent, sent);
}

#[tokio::test]
async fn rooms_hold_their_slot_in_the_ring_and_nobody_waits_for_ever_for_one() {
    let ((sender, mut answers), (_server, mut receiver)) = pair(small()).await;
    let keep_bell = tokio::spawn(async move { answers.recv().await });
    let mut rooms: Vec<_> = std::iter::from_fn(|| sender.reserve(1000).expect("open")).collect();
    assert!(rooms.len() > 10 && sender.reserve(1).expect("open").is_none());
    let mut waits = Box::pin(sender.send(7, 1, &[&[1; 1000]]));
    assert_eq!(is_done(&mut waits).await, None, "all blocks are set aside");
    assert!(sender.reserve(1).expect("open").is_none(), "nobody overtakes those who wait");
    drop(rooms.pop());
    assert_eq!(is_done(&mut waits).await, Some(Ok(())));
    drop(waits);
    // Messages without payload fill the ring, but for the slots of the rooms.
    while sender.try_send(0, 2, &[]).expect("open") {}
    let promised = rooms.len() as u32;
    for (stream, room) in (0..).zip(rooms) {
        room.send(stream, 3, 1000).expect("its slot was kept");
    }
    let mut came = [0_u32; 4];
    while let Some(message) = receiver.try_recv().expect("open") {
        came[usize::from(message.kind)] += 1;
    }
    assert_eq!((came[1], came[3]), (1, promised));
    keep_bell.abort();
}

#[tokio::test]
async fn no_room_for_more_than_a_run_and_none_in_a_dead_channel() {
    let ((sender, answers), _server) = pair(small()).await;
    assert!(sender.reserve(0).expect("open").is_none());
    let longest = sender.longest_room();
    assert!(sender.reserve(longest).expect("open").is_some());
    assert!(sender.reserve(longest + 1).expect("open").is_none());
    let room = sender.reserve(100).expect("open").expect("there is room");
    drop(answers);
    assert_eq!(room.send(1, 1, 100), Err(ChannelError::Closed));
    assert_eq!(sender.reserve(100).map(drop), Err(ChannelError::Closed));
}

#[tokio::test]
async fn what_goes_ahead_finds_room_in_a_full_channel_and_waits_behind_nobody() {
    let ((sender, mut answers), (_server, mut receiver)) = pair(small()).await;
    let keep_bell = tokio::spawn(async move { answers.recv().await });
    let bulk = vec![7_u8; 1 << 20];
    // A message in fragments takes all blocks it can get; thousands wait behind it, each for its turn.
    let mut waiting: Vec<_> = (0..2000)
        .map(|stream| {
            let (sender, octets) = (sender.clone(), if stream == 0 { &bulk[..] } else { &bulk[..700] });
            Box::pin(async move { sender.send(stream, 1, &[octets]).await })
        })
        .collect();
    for send in &mut waiting {
        assert_eq!(is_done(send).await, None);
    }
    assert_eq!(sender.try_send(5000, 1, &[b"usual"]), Ok(false));
    let ahead = sender.ahead();
    assert_eq!(ahead.try_send(5001, 2, &[b"urgent"]), Ok(true));
    let mut room = ahead.reserve(1000).expect("open").expect("kept for those ahead");
    room.octets()[..4].copy_from_slice(b"too!");
    room.send(5002, 2, 4).expect("open");
    // The peer has them before anything that waits, and behind what it could have taken before.
    let mut before = 0;
    let first = loop {
        match receiver.try_recv().expect("open") {
            Some(message) => break message,
            None => before += 1,
        }
        assert!(before < 10, "a batch of fragments is no message yet");
    };
    assert_eq!((first.stream, &*first.payload), (5001, &b"urgent"[..]));
    assert_eq!(receiver.recv().await.expect("a message").stream, 5002);
    drop(waiting);
    keep_bell.abort();
}

#[tokio::test]
async fn those_ahead_wait_for_room_too_and_all_get_theirs() {
    let ((sender, mut answers), (_server, mut receiver)) = pair(small()).await;
    let keep_bell = tokio::spawn(async move { answers.recv().await });
    let sends: Vec<_> = (0..3000_u32)
        .map(|stream| {
            let sender = if stream % 3 == 0 { sender.ahead() } else { sender.clone() };
            let length = [10, 700, 2000, 9000, 70_000][stream as usize % 5];
            tokio::spawn(async move { sender.send(stream, 1, &[&vec![1; length]]).await })
        })
        .collect();
    let mut came = [false; 3000];
    for _ in 0..3000 {
        let message = receiver.recv().await.expect("a message");
        assert!(!std::mem::replace(&mut came[message.stream as usize], true), "{} came twice", message.stream);
    }
    for send in sends {
        send.await.expect("no panic").expect("sent");
    }
    assert!(sender.counters().waits_for_room > 0);
    keep_bell.abort();
}

#[tokio::test]
async fn huge_pages_are_used_if_there_are_any_and_missed_by_nobody() {
    let options = Options { huge_pages: true, ..small() };
    let ((sender, _answers), (_server, mut receiver)) = pair(options).await;
    for length in [0, 10, 5000, 10_000] {
        sender.send(1, 2, &[&vec![9; length]]).await.expect("open");
        assert_eq!(*receiver.recv().await.expect("a message").payload, vec![9; length]);
    }
    // Nothing but the kind of page shows in what is mapped; where the system has none, it is as without.
    let maps = std::fs::read_to_string("/proc/self/smaps").expect("proc");
    let ours = maps.split("memfd:peregrine-channel").skip(1).map(|rest| rest.lines().nth(2).expect("page size"));
    for size in ours {
        assert!(["4", "2048"].contains(&size.split_whitespace().nth(1).expect("a number")), "{size}");
    }
}
