//! What can go wrong, and whose fault it was.

/// Why a channel ended. Everything under way in it has failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ChannelError {
    /// This end closed it.
    #[error("the channel was closed here")]
    Closed,
    /// The peer closed it or died.
    #[error("the peer hung up")]
    PeerGone,
    /// The peer wrote what cannot be; the channel was closed.
    #[error("the peer broke the rules of the channel: {0}")]
    Peer(#[from] Violation),
    /// The operating system refused something.
    #[error("the system failed the channel: {0}")]
    System(String),
}

/// What a peer wrote into shared memory that cannot be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Violation {
    /// The index of a ring ran backwards or further than the ring is long.
    #[error("index of a {slots}-slot ring went from {was} to {is}")]
    Index {
        /// The other side's last possible position.
        was: u32,
        /// The position it claims.
        is: u32,
        /// Slots of the ring.
        slots: u32,
    },
    /// A descriptor points outside the blocks, or between them.
    #[error("a descriptor names {length} octets at {offset}")]
    Extent {
        /// Claimed offset in octets.
        offset: u32,
        /// Claimed length in octets.
        length: u32,
    },
    /// A block was returned that was not lent.
    #[error("block {0} was returned but not lent")]
    Returned(u64),
    /// A fragment belongs to no message, or a second message began before the first ended.
    #[error("a fragment of stream {stream} came out of turn")]
    Fragment {
        /// The fragment's stream.
        stream: u32,
    },
    /// A message is none that may be sent about a byte stream now.
    #[error("a message of kind {kind} about stream {stream} came out of turn")]
    Stream {
        /// The stream's number.
        stream: u32,
        /// The message's kind.
        kind: u8,
    },
    /// A descriptor has flags nobody defined.
    #[error("a descriptor has unknown flags {0:#x}")]
    Flags(u64),
    /// Octets came on the socket after the hello.
    #[error("octets came on the socket after the hello")]
    Chatter,
}

/// Why no channel came about.
#[derive(Debug, thiserror::Error)]
pub enum HelloError {
    /// The socket failed, or nobody listens there.
    #[error(transparent)]
    Io(#[from] std::io::Error),
    /// The peer runs as a user that is not on the list.
    #[error("user {uid} may not open a channel here")]
    User {
        /// The peer's user.
        uid: u32,
    },
    /// The server refused our user.
    #[error("the server does not admit our user")]
    Refused,
    /// The peer lays its memory out in another version.
    #[error("the peer has memory layout version {theirs}, we have {ours}")]
    Version {
        /// Our version.
        ours: u32,
        /// The peer's.
        theirs: u32,
    },
    /// The peer runs on another machine, or before a reboot.
    #[error("the peer runs on another node")]
    Node,
    /// What came is no hello, or its memory is not as it says.
    #[error("the peer's hello is wrong: {0}")]
    Garbled(&'static str),
    /// The peer hung up before its hello.
    #[error("the peer hung up before its hello")]
    HungUp,
}

impl From<rustix::io::Errno> for HelloError {
    fn from(error: rustix::io::Errno) -> Self {
        Self::Io(error.into())
    }
}
