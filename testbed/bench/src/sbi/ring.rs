//! Messages over a bare channel: awaited, or polled by both sides.

use std::collections::VecDeque;
use std::path::Path;
use std::time::{Duration, Instant};

use shm::{BlockingChannel, ChannelError, Message, Options, Receiver, Sender};

use super::series::Pattern;
use super::ways::same;
use crate::Failure;

/// Our end of a channel.
pub(crate) type Ends = (Sender, Receiver);

/// Kind of a message that is to come back.
const ECHO: u8 = 1;

/// Kind of a message after which the other side no longer polls.
const REST: u8 = 2;

pub(crate) async fn connect(path: &Path) -> Result<Ends, Failure> {
    shm::connect(path, &Options::default())
        .await
        .map_err(|error| Failure::Other(format!("{}: {error}", path.display())))
}

fn broken(error: ChannelError) -> Failure {
    Failure::Other(error.to_string())
}

/// Calls of one task that keeps so many under way.
pub(crate) async fn messages(
    (sender, receiver): &mut Ends,
    pattern: Pattern,
    size: usize,
    calls: usize,
) -> Result<Vec<Duration>, Failure> {
    let body = vec![b'x'; size];
    let mut window = Window::new(pattern, calls);
    while let Some(stream) = window.next() {
        if let Some(pause) = pattern.pause() {
            tokio::time::sleep(pause).await;
        }
        window.begin(stream);
        // Without room, answers must go on being taken: they are what makes room.
        let parts: &[&[u8]] = &[&body];
        let sending = sender.send(stream, ECHO, parts);
        let mut sending = std::pin::pin!(sending);
        loop {
            tokio::select! {
                biased;
                sent = &mut sending => break sent.map_err(broken)?,
                message = receiver.recv() => window.end(message.map_err(broken)?.stream),
            }
        }
        while window.is_full() {
            let message = receiver.recv().await.map_err(broken)?;
            same(message.payload.len(), size)?;
            window.end(message.stream);
            // What is there already costs no wake-up.
            while let Some(message) = receiver.try_recv().map_err(broken)? {
                window.end(message.stream);
            }
        }
    }
    Ok(window.latencies)
}

/// Calls of a thread that waits for the channel alone.
pub(crate) fn waiting(
    channel: &mut BlockingChannel,
    pattern: Pattern,
    size: usize,
    calls: usize,
) -> Result<Vec<Duration>, Failure> {
    let (body, sender) = (vec![b'x'; size], channel.sender());
    let mut window = Window::new(pattern, calls);
    while let Some(stream) = window.next() {
        pattern.pause().into_iter().for_each(std::thread::sleep);
        window.begin(stream);
        // Without room, answers must go on being taken: they are what makes room.
        while !sender.try_send(stream, ECHO, &[&body]).map_err(broken)? {
            window.end(channel.recv().map_err(broken)?.stream);
        }
        while window.is_full() {
            let message = channel.recv().map_err(broken)?;
            same(message.payload.len(), size)?;
            window.end(message.stream);
            // What is there already costs no wake-up.
            while let Some(message) = channel.try_recv().map_err(broken)? {
                window.end(message.stream);
            }
        }
    }
    Ok(window.latencies)
}

/// The same without any runtime, both sides looking all the time.
pub(crate) fn polled(
    (sender, receiver): &mut Ends,
    pattern: Pattern,
    size: usize,
    calls: usize,
) -> Result<Vec<Duration>, Failure> {
    let body = vec![b'x'; size];
    let mut window = Window::new(pattern, calls);
    while let Some(stream) = window.next() {
        if let Some(pause) = pattern.pause() {
            std::thread::sleep(pause);
        }
        window.begin(stream);
        while !sender.try_send(stream, ECHO, &[&body]).map_err(broken)? {
            std::hint::spin_loop();
        }
        while window.is_full() {
            match receiver.try_recv().map_err(broken)? {
                Some(message) => window.end(message.stream),
                None => std::hint::spin_loop(),
            }
        }
    }
    while !sender.try_send(0, REST, &[]).map_err(broken)? {}
    Ok(window.latencies)
}

/// The calls under way of one task.
pub(super) struct Window {
    begun: Vec<Option<Instant>>,
    under_way: usize,
    free: Vec<u32>,
    left: usize,
    pub(super) latencies: Vec<Duration>,
}

impl Window {
    pub(super) fn new(pattern: Pattern, calls: usize) -> Self {
        let callers = pattern.callers();
        Self {
            begun: vec![None; callers],
            under_way: 0,
            free: (0..callers as u32).collect(),
            left: calls,
            latencies: Vec::with_capacity(calls),
        }
    }

    /// A stream that is free, unless all calls were made.
    pub(super) fn next(&mut self) -> Option<u32> {
        self.left = self.left.checked_sub(1)?;
        self.free.pop()
    }

    pub(super) fn begin(&mut self, stream: u32) {
        self.begun[stream as usize] = Some(Instant::now());
        self.under_way += 1;
    }

    pub(super) fn end(&mut self, stream: u32) {
        if let Some(begun) = self.begun.get_mut(stream as usize).and_then(Option::take) {
            self.latencies.push(begun.elapsed());
            self.under_way -= 1;
            self.free.push(stream);
        }
    }

    /// Nothing can begin before something ends; at the end nothing is left under way either.
    pub(super) fn is_full(&self) -> bool {
        self.free.is_empty() || (self.left == 0 && self.under_way > 0)
    }
}

/// The other side: sends back what comes, as it comes.
pub(crate) async fn send_back((sender, mut receiver): Ends) -> Result<(), ChannelError> {
    let mut unsent = VecDeque::new();
    loop {
        match unsent.pop_front() {
            None => unsent.push_back(receiver.recv().await?),
            Some(Message { stream, kind, payload, .. }) => {
                let parts: &[&[u8]] = &[&payload];
                let sending = sender.send(stream, kind, parts);
                let mut sending = std::pin::pin!(sending);
                loop {
                    tokio::select! {
                        biased;
                        sent = &mut sending => break sent?,
                        message = receiver.recv() => unsent.push_back(message?),
                    }
                }
            }
        }
    }
}

/// The other side of a thread that waits is one too.
pub(crate) async fn send_back_waiting((_, receiver): Ends) -> Result<(), ChannelError> {
    let system = |error: std::io::Error| ChannelError::System(error.to_string());
    let mut channel = BlockingChannel::new(receiver).map_err(system)?;
    std::thread::spawn(move || {
        loop {
            let answered =
                channel.recv().and_then(|message| channel.send(message.stream, message.kind, &[&message.payload]));
            if answered.is_err() {
                return;
            }
        }
    });
    Ok(())
}

/// The other side of the polled ring: polls from the first message on until it is told to rest.
pub(crate) async fn send_back_polled((sender, mut receiver): Ends) -> Result<(), ChannelError> {
    loop {
        let mut message = receiver.recv().await?;
        while message.kind != REST {
            while !sender.try_send(message.stream, message.kind, &[&message.payload])? {
                std::hint::spin_loop();
            }
            drop(message);
            message = loop {
                match receiver.try_recv()? {
                    Some(message) => break message,
                    None => std::hint::spin_loop(),
                }
            };
        }
    }
}
