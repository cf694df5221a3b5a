//! Steps of a channel's life after which this process may be no more: tests stop it at each, and kill it there. Elsewhere
//! they are nothing.

macro_rules! steps {
    ($($(#[$doc:meta])* $step:ident,)*) => {
        /// A step just taken.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum Step {
            $($(#[$doc])* $step,)*
        }

        impl Step {
            /// All of them, in the order in which a channel takes most of them.
            #[cfg(test)]
            pub(crate) const ALL: &[Self] = &[$(Self::$step),*];
        }
    };
}

steps! {
    /// Server: peers may connect.
    Listening,
    /// Client: connected, nothing said.
    Connected,
    /// Server: a peer is at the door, nothing heard.
    Accepted,
    /// Client: said hello.
    HelloSaid,
    /// Server: heard it.
    HelloHeard,
    /// Server: there is a memory, and only it knows.
    MemoryMade,
    /// Server: the client has the memory.
    Welcomed,
    /// Client: has the memory, and has not looked at it.
    AnswerRead,
    /// The channel is ready.
    Open,
    /// Blocks are set aside for a message, nothing is in them.
    Reserved,
    /// Its maker has written it there.
    Encoded,
    /// A payload lies in its blocks, its descriptor nowhere.
    Written,
    /// A descriptor is published, the bell not rung.
    Published,
    /// A message is sent by half.
    HalfSent,
    /// It is said that we wait for room.
    Starved,
    /// The peer is no longer said to sleep, the bell not rung.
    Ringing,
    /// The bell is rung.
    Rung,
    /// It is said that we sleep, and we do not yet.
    Announced,
    /// A descriptor is taken, its blocks ours.
    Taken,
    /// Blocks are given back, the bell not rung.
    Returned,
    /// No more is sent, and the peer does not know.
    Ending,
    /// The socket is shut down.
    HungUp,
    /// The memory is about to go, as all else has.
    Unmapping,
}

/// A step was taken.
#[inline(always)]
pub(crate) fn took(step: Step) {
    #[cfg(test)]
    crate::death_tests::took(step);
    #[cfg(not(test))]
    let _ = step;
}
