//! Channels whose ends are threads that wait.

mod support;

use std::future::poll_fn;
use std::sync::mpsc;
use std::task::Poll;
use std::thread;

use shm::{BlockingChannel, ChannelError, Options};
use support::{End, channel, of};
use tokio::runtime::{Builder, Runtime};

/// A runtime that nobody drives once the channel is open: the threads need none.
fn pair(options: Options) -> (Runtime, End, End) {
    let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
    let (client, server) = runtime.block_on(channel(options));
    (runtime, client, server)
}

fn blocking((_, receiver): End) -> BlockingChannel {
    BlockingChannel::new(receiver).expect("descriptors are left")
}

fn small() -> Options {
    of(64 << 10)
}

/// Sends back what comes, until the channel ends.
fn send_back(mut channel: BlockingChannel) -> ChannelError {
    loop {
        let answered = channel.recv().and_then(|message| {
            let (stream, kind, octets) = (message.stream, message.kind, message.payload.into_bytes());
            channel.send(stream, kind, &[&octets])
        });
        if let Err(error) = answered {
            return error;
        }
    }
}

#[test]
fn two_threads_wait_for_each_other() {
    let (_runtime, client, server) = pair(Options::default());
    let mut channel = blocking(client);
    let other = thread::spawn(move || send_back(blocking(server)));
    for number in 0..500_u32 {
        let octets = vec![number as u8; number as usize * 7];
        channel.send(number, 3, &[&octets]).expect("open");
        let answer = channel.recv().expect("an answer");
        assert_eq!((answer.stream, answer.kind, &*answer.payload), (number, 3, &octets[..]));
    }
    assert!(channel.try_recv().expect("open").is_none());
    let counters = channel.sender().counters();
    assert!(counters.wakeups > 0 && counters.doorbells > 0, "{counters:?}");
    drop(channel);
    assert_eq!(other.join().expect("no panic"), ChannelError::PeerGone);
}

#[test]
fn a_thread_waits_for_room_and_sends_what_is_longer_than_all_of_it() {
    let (_runtime, client, server) = pair(small());
    let mut channel = blocking(client);
    let other = thread::spawn(move || {
        let mut server = blocking(server);
        (0..20).map(|_| server.recv().expect("a message").payload.len()).collect::<Vec<_>>()
    });
    let lengths: Vec<usize> = (0..20).map(|number| number * 20_000).collect();
    let octets = vec![7; 400_000];
    for (stream, length) in (0..).zip(&lengths) {
        channel.send(stream, 1, &[&octets[..*length]]).expect("open");
    }
    // What was sent last is rung for when the thread waits next.
    channel.sender().flush();
    assert_eq!(other.join().expect("no panic"), lengths);
}

#[test]
fn a_thread_and_a_task_share_a_channel_and_several_threads_send() {
    let (runtime, client, (sender, mut receiver)) = pair(Options::default());
    let mut channel = blocking(client);
    let senders: Vec<_> = (0..4_u32)
        .map(|number| {
            let sender = channel.sender();
            thread::spawn(move || {
                for _ in 0..200 {
                    while !sender.try_send(number, 1, &[&[1; 100]]).expect("open") {
                        thread::yield_now();
                    }
                }
            })
        })
        .collect();
    let counting = thread::spawn(move || {
        let mut answers = 0;
        while answers < 800 {
            channel.recv().expect("an answer");
            answers += 1;
        }
    });
    runtime.block_on(async {
        // Who waits for room must be polled, too.
        let (taken, mut to_answer) = tokio::sync::mpsc::unbounded_channel();
        let receiving = tokio::spawn(async move {
            while let Ok(message) = receiver.recv().await {
                taken.send(message).expect("it is answered");
            }
        });
        for _ in 0..800 {
            let message = to_answer.recv().await.expect("a message");
            sender.send(message.stream, message.kind, &[&message.payload]).await.expect("open");
        }
        sender.flush();
        receiving.await.expect("no panic"); // until the thread has its answers and drops its end
    });
    senders.into_iter().for_each(|sender| sender.join().expect("no panic"));
    counting.join().expect("no panic");
}

#[test]
fn who_waits_hears_of_the_end() {
    for peer_ends in [true, false] {
        let (_runtime, client, server) = pair(small());
        let mut channel = blocking(client);
        let own = channel.sender();
        let (is_waiting, waits) = mpsc::channel();
        let waiting = thread::spawn(move || {
            is_waiting.send(()).expect("somebody listens");
            channel.recv().map(|message| message.stream)
        });
        waits.recv().expect("it waits");
        if peer_ends {
            // Its last words come first.
            server.0.try_send(5, 1, &[&[1]]).expect("open");
            drop(server);
            assert_eq!(waiting.join().expect("no panic"), Ok(5));
        } else {
            own.close();
            assert_eq!(waiting.join().expect("no panic"), Err(ChannelError::Closed));
        }
    }
}

#[test]
fn who_waits_for_room_hears_of_the_end() {
    let (_runtime, client, server) = pair(small());
    let mut channel = blocking(client);
    let own = channel.sender();
    let sending = thread::spawn(move || {
        loop {
            if let Err(error) = channel.send(1, 1, &[&[9; 3_000]]) {
                return error;
            }
        }
    });
    while own.counters().waits_for_room == 0 {
        thread::yield_now();
    }
    drop(server);
    assert_eq!(sending.join().expect("no panic"), ChannelError::PeerGone);
}

#[test]
fn threads_and_tasks_that_wait_for_room_let_each_other_go_on() {
    let (runtime, client, server) = pair(small());
    let mut channel = blocking(client);
    let own = channel.sender();
    let taking = thread::spawn(move || {
        let mut server = blocking(server);
        (0..400).map(|_| server.recv().expect("a message").payload.len()).sum::<usize>()
    });
    let task = thread::spawn(move || {
        runtime.block_on(async {
            for number in 0..200 {
                // Every other one goes in fragments.
                own.send(1, 1, &[&vec![1; 3_000 + number % 2 * 40_000]]).await.expect("open");
            }
            own.flush();
        });
    });
    for number in 0..200 {
        channel.send(2, 1, &[&vec![2; 3_000 + number % 2 * 40_000]]).expect("open");
    }
    channel.sender().flush();
    assert!(channel.recv().is_err(), "the other end takes all, then leaves");
    task.join().expect("no panic");
    assert_eq!(taking.join().expect("no panic"), 400 * 3_000 + 200 * 40_000);
}

#[test]
fn who_answers_a_peer_that_is_gone_hears_so_and_still_gets_its_last_words() {
    let (_runtime, client, server) = pair(small());
    let mut channel = blocking(client);
    let mut last_words = 0;
    while server.0.try_send(last_words, 1, &[]).expect("open") {
        last_words += 1;
    }
    drop(server);
    let mut heard = 0;
    let end = loop {
        match channel.recv() {
            Ok(message) => assert_eq!(message.stream, heard),
            Err(error) => break error,
        }
        heard += 1;
        // Sooner or later there is no room, and nobody to make any.
        let answered = channel.send(1, 1, &[&[9; 3_000]]);
        assert!(matches!(answered, Ok(()) | Err(ChannelError::PeerGone)), "{answered:?}");
    };
    assert_eq!((heard, end), (last_words, ChannelError::PeerGone));
}

#[tokio::test]
async fn a_thread_takes_over_from_a_task_that_waited() {
    let ((sender, mut receiver), (_answers, mut server)) = channel(small()).await;
    let is_waiting = poll_fn(|cx| Poll::Ready(receiver.poll_recv(cx).is_pending())).await;
    assert!(is_waiting, "nothing was sent");
    let told =
        tokio::spawn(async move { [server.recv().await, server.recv().await].map(|told| told.map(|m| m.stream)) });
    tokio::task::yield_now().await; // it waits
    // For this the task would have rung, which is polled no more; for what comes after nobody is woken in place of the thread.
    assert!(sender.try_send(7, 1, &[&[1]]).expect("open"));
    let channel = BlockingChannel::new(receiver).expect("descriptors are left");
    assert!(channel.sender().try_send(8, 1, &[&[1]]).expect("open"));
    assert_eq!(told.await.expect("no panic"), [Ok(7), Ok(8)]);
}
