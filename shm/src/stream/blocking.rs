//! A stream for a thread that may wait.

use std::io::{self, Read, Write};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::runtime::Handle;

use super::Stream;

/// A [`Stream`] whose calls wait. Its channel's runtime must have a thread other than the one that waits.
pub struct BlockingStream {
    stream: Stream,
    runtime: Handle,
}

impl BlockingStream {
    /// Lets a thread outside `runtime`, where the stream's channel is, read and write.
    pub fn new(stream: Stream, runtime: Handle) -> Self {
        Self { stream, runtime }
    }

    /// Sends no more. What the peer sends can still be read.
    ///
    /// # Errors
    /// The channel has ended.
    pub fn shutdown(&mut self) -> io::Result<()> {
        self.runtime.block_on(self.stream.shutdown())
    }
}

impl Read for BlockingStream {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        self.runtime.block_on(self.stream.read(buf))
    }
}

impl Write for BlockingStream {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.runtime.block_on(self.stream.write(buf))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.runtime.block_on(self.stream.flush())
    }
}
