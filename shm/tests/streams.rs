//! Byte streams over a channel: they behave as sockets do, and a peer that breaks their rules ends the channel.

mod support;

use std::io::{ErrorKind, Read, Write};

use proptest::prelude::*;
use shm::{BlockingStream, ChannelError, Connections, StreamState};
use support::{channel, of};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

async fn pair() -> (Connections, Connections) {
    let (client, server) = channel(of(256 << 10)).await;
    (Connections::over(client.0, client.1), Connections::over(server.0, server.1))
}

#[tokio::test]
async fn more_than_any_buffer_arrives_in_order() {
    let (client, server) = pair().await;
    let mut out = client.connect().await.expect("open");
    let sent: Vec<u8> = (0..3_000_000_u32).map(|number| (number / 7) as u8).collect();
    let copy = sent.clone();
    let sending = tokio::spawn(async move {
        out.write_all(&copy).await.expect("it is taken");
        out.shutdown().await.expect("it ends");
        let mut back = Vec::new();
        out.read_to_end(&mut back).await.expect("the other way is open still");
        back
    });
    let mut into = server.accept().await.expect("a stream");
    let mut came = Vec::new();
    into.read_to_end(&mut came).await.expect("to the end");
    assert!(came == sent);
    assert_eq!(server.list(), [(into.number(), StreamState::PeerShut)]);
    into.write_all(b"thanks").await.expect("it is taken");
    into.shutdown().await.expect("it ends");
    assert_eq!(sending.await.expect("no panic"), b"thanks");
}

#[tokio::test]
async fn a_stream_nobody_reads_holds_up_no_other() {
    let (client, server) = pair().await;
    let mut full = client.connect().await.expect("open");
    let filling = tokio::spawn(async move { full.write_all(&vec![1; 1 << 20]).await });
    let unread = server.accept().await.expect("a stream");
    for round in 0..50_u8 {
        let mut short = client.connect().await.expect("open");
        short.write_all(&[round; 5000]).await.expect("it is taken");
        short.shutdown().await.expect("it ends");
        let mut came = Vec::new();
        server.accept().await.expect("a stream").read_to_end(&mut came).await.expect("to the end");
        assert_eq!(came, [round; 5000]);
    }
    assert!(!filling.is_finished(), "a window is full");
    drop(unread);
    let error = filling.await.expect("no panic").expect_err("it was reset");
    assert_eq!(error.kind(), ErrorKind::ConnectionReset);
}

#[tokio::test]
async fn the_end_of_the_channel_ends_its_streams() {
    let (client, server) = pair().await;
    let mut stream = client.connect().await.expect("open");
    let other = server.accept().await.expect("a stream");
    drop(server);
    stream.write_all(b"still there").await.expect("a stream outlives its table");
    drop(other);
    let error = stream.read(&mut [0; 8]).await.expect_err("reset");
    assert_eq!(error.kind(), ErrorKind::ConnectionReset);
    assert!(client.accept().await.is_none(), "no stream, no table: no channel");
    assert!(client.connect().await.is_err());
}

#[tokio::test]
async fn too_many_are_refused() {
    let (client, server) = pair().await;
    let mut streams = Vec::new();
    while let Ok(stream) = client.connect().await {
        streams.push(stream);
        tokio::task::yield_now().await;
    }
    assert_eq!(streams.len(), 1024);
    assert_eq!(client.list().len(), 1024);
    streams.clear();
    let mut again = client.connect().await.expect("there is room again");
    again.write_all(b"x").await.expect("it is taken");
    drop(server);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn threads_that_wait_use_them_too() {
    let (client, server) = pair().await;
    let runtime = tokio::runtime::Handle::current();
    let stream = client.connect().await.expect("open");
    let thread = std::thread::spawn(move || {
        let mut stream = BlockingStream::new(stream, runtime);
        stream.write_all(&[7; 400_000]).expect("it is taken");
        stream.shutdown().expect("it ends");
        let mut back = String::new();
        stream.read_to_string(&mut back).expect("to the end");
        back
    });
    let mut stream = server.accept().await.expect("a stream");
    let mut came = Vec::new();
    stream.read_to_end(&mut came).await.expect("to the end");
    assert_eq!(came.len(), 400_000);
    stream.write_all(b"done").await.expect("it is taken");
    stream.shutdown().await.expect("it ends");
    let back = tokio::task::spawn_blocking(|| thread.join()).await.expect("no panic").expect("no panic");
    assert_eq!(back, "done");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    /// The peer says anything about any stream: the channel ends at worst, and says why.
    #[test]
    fn any_messages_end_the_channel_at_worst(
        messages in proptest::collection::vec((0..8_u32, 0..7_u8, proptest::collection::vec(any::<u8>(), 0..6)), 1..60),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async {
            let ((liar, mut answers), server) = channel(of(256 << 10)).await;
            let server = Connections::over(server.0, server.1);
            let mut own = server.connect().await.expect("open");
            own.write_all(b"hello").await.expect("it is taken");
            for (stream, kind, octets) in &messages {
                if liar.send(*stream, *kind, &[octets]).await.is_err() {
                    break;
                }
                liar.flush();
                tokio::task::yield_now().await;
                while let Ok(Some(_)) = answers.try_recv() {}
            }
            liar.close();
            while let Some(mut stream) = server.accept().await {
                let mut octets = Vec::new();
                let _ = stream.read_to_end(&mut octets).await;
                assert!(octets.len() <= messages.len() * 6);
            }
            let error = own.read_to_end(&mut Vec::new()).await;
            assert!(error.is_ok() || error.is_err_and(|error| error.kind() == ErrorKind::ConnectionReset));
        });
    }
}

#[tokio::test]
async fn octets_beyond_the_window_end_the_channel_by_name() {
    let ((liar, mut answers), server) = channel(of(256 << 10)).await;
    let server = Connections::over(server.0, server.1);
    liar.send(1, 1, &[]).await.expect("open");
    let error = loop {
        tokio::select! {
            biased;
            answer = answers.recv() => match answer {
                Ok(_) => {}
                Err(error) => break error,
            },
            sent = liar.send(1, 2, &[&[0; 4096]]) => sent.expect("until the end is heard of"),
        }
    };
    assert_eq!(error, ChannelError::PeerGone);
    drop(server);
}
