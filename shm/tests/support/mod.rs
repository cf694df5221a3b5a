//! Both ends of a channel in one process.

use shm::{Listener, Options, Receiver, Sender, connect};

/// One end.
pub(crate) type End = (Sender, Receiver);

/// A new channel: the client's end and the server's.
pub(crate) async fn channel(options: Options) -> (End, End) {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("door");
    let listener = Listener::bind(&path, options.clone()).expect("the path is free");
    let server = tokio::spawn(async move { listener.accept().await.expect("a guest").open().await });
    let client = connect(&path, &options).await.expect("the server lets us in");
    (client, server.await.expect("no panic").expect("the client is let in"))
}

/// Channels of so many octets of memory.
pub(crate) fn of(segment: u32) -> Options {
    Options { segment, ..Options::default() }
}
