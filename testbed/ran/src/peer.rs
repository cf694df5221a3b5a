//! A scripted NGAP peer: sends what it is told, well-formed or not, and waits for what is expected.

use bytes::Bytes;
use ngap::Message;
use std::collections::VecDeque;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

/// What a script did not get.
#[derive(Debug, thiserror::Error)]
pub enum PeerError {
    /// No association, or it is over.
    #[error(transparent)]
    Sctp(#[from] sctp::Error),
    /// A message of ours that NGAP cannot carry.
    #[error(transparent)]
    Encode(#[from] ngap::EncodeError),
    /// The other side ended the association.
    #[error("the association ended while {expected} was expected")]
    Ended {
        /// What was waited for.
        expected: String,
    },
    /// Nothing came, or only other messages.
    #[error("{expected} was expected within {} ms; received: {received:?}", patience.as_millis())]
    Timeout {
        /// What was waited for.
        expected: String,
        /// How long.
        patience: Duration,
        /// What came instead.
        received: Vec<String>,
    },
}

/// An association with an AMF, used by a script.
pub struct Peer {
    sender: sctp::Sender,
    receiver: sctp::Receiver,
    /// Messages that came while another was expected.
    skipped: VecDeque<Message>,
    patience: Duration,
}

impl Peer {
    /// Connects, and sends nothing yet.
    pub async fn connect(local: IpAddr, amf: SocketAddr) -> Result<Self, PeerError> {
        let local = [SocketAddr::new(local, 0)];
        let association = sctp::Association::connect(Some(&local), &[amf], sctp::Options::default()).await?;
        let (sender, receiver) = association.split();
        Ok(Self { sender, receiver, skipped: VecDeque::new(), patience: Duration::from_secs(5) })
    }

    /// How long [`Peer::expect`] waits; 5 s unless set.
    pub fn set_patience(&mut self, patience: Duration) {
        self.patience = patience;
    }

    /// Sends a message, on stream 0 or a UE's.
    pub async fn send(&self, stream: u16, message: &Message) -> Result<(), PeerError> {
        Ok(self.sender.send(stream, ngap::PPID, message.encode()?).await?)
    }

    /// Sends any octets under any payload protocol identifier.
    pub async fn send_octets(&self, stream: u16, ppid: u32, octets: impl Into<Bytes>) -> Result<(), PeerError> {
        Ok(self.sender.send(stream, ppid, octets.into()).await?)
    }

    /// Waits for the first message that `wanted` takes. Others are kept for later expectations.
    pub async fn expect<T>(
        &mut self,
        expected: &str,
        mut wanted: impl FnMut(&Message) -> Option<T>,
    ) -> Result<T, PeerError> {
        if let Some(at) = self.skipped.iter().position(|message| wanted(message).is_some())
            && let Some(found) = self.skipped.remove(at).as_ref().and_then(&mut wanted)
        {
            return Ok(found);
        }
        let patience = self.patience;
        match tokio::time::timeout(patience, self.next_wanted(expected, wanted)).await {
            Ok(result) => result,
            Err(_) => {
                let received = self.skipped.iter().map(|message| message.name().to_owned()).collect();
                Err(PeerError::Timeout { expected: expected.into(), patience, received })
            }
        }
    }

    async fn next_wanted<T>(
        &mut self,
        expected: &str,
        mut wanted: impl FnMut(&Message) -> Option<T>,
    ) -> Result<T, PeerError> {
        loop {
            match self.receiver.recv().await {
                sctp::Event::Message { data, .. } => {
                    let Ok(message) = ngap::decode(&data) else { continue };
                    match wanted(&message) {
                        Some(found) => return Ok(found),
                        None => self.skipped.push_back(message),
                    }
                }
                sctp::Event::Shutdown | sctp::Event::PeerAborted => {
                    return Err(PeerError::Ended { expected: expected.into() });
                }
                sctp::Event::Restarted | sctp::Event::Oversized { .. } => {}
            }
        }
    }

    /// Whether nothing but silence comes for this long: `Ok` if so, else the messages' names. What came is kept.
    pub async fn expect_silence(&mut self, duration: Duration) -> Result<(), PeerError> {
        let before = self.skipped.len();
        let any = tokio::time::timeout(duration, self.next_wanted("silence", |_| None::<()>)).await;
        match any {
            Ok(Err(error)) => Err(error),
            _ if self.skipped.len() == before => Ok(()),
            _ => {
                let received = self.skipped.iter().skip(before).map(|message| message.name().to_owned()).collect();
                Err(PeerError::Timeout { expected: "silence".into(), patience: duration, received })
            }
        }
    }

    /// Waits until the other side ends the association.
    pub async fn expect_end(&mut self) -> Result<(), PeerError> {
        match self.expect("the end of the association", |_| None::<()>).await {
            Err(PeerError::Ended { .. }) => Ok(()),
            Err(other) => Err(other),
            Ok(()) => Ok(()),
        }
    }

    /// Aborts the association.
    pub fn abort(&self) {
        self.sender.abort();
    }

    /// Ends the association in good order.
    pub async fn close(self) {
        self.receiver.close(&self.sender).await;
    }
}
