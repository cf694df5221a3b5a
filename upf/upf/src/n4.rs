//! The task of N4: datagrams and timers of the control half, echoes on N3, and what the worker tells.

use std::net::SocketAddr;
use std::time::Instant;

use dataplane::Event;
use runtime::trace::{Datagram, Octets, Trace};
use tokio::net::UdpSocket;
use tokio::sync::{mpsc, oneshot};

use crate::control::Control;
use crate::shown;

/// The longest datagram of PFCP.
const LONGEST: usize = 65_535;

/// The longest answer to an Echo Request that is looked at.
const ANSWER: usize = 512;

/// Events taken at once between two looks at the socket.
const BATCH: usize = 256;

/// The wish to end: answered when the SMFs have been told.
pub(crate) type Release = oneshot::Sender<()>;

/// The task of N4.
pub(crate) struct N4 {
    pub(crate) socket: UdpSocket,
    /// Our Echo Requests on N3 and their answers.
    pub(crate) echo: UdpSocket,
    pub(crate) control: Control,
    pub(crate) events: mpsc::UnboundedReceiver<Event>,
    pub(crate) release: mpsc::Receiver<Release>,
    pub(crate) shutdown: runtime::Shutdown,
    pub(crate) trace: Trace,
    /// Our address.
    pub(crate) own: SocketAddr,
    /// Our address on N3.
    pub(crate) n3: SocketAddr,
}

impl N4 {
    /// Runs until the process ends.
    pub(crate) async fn run(mut self) {
        let mut octets = vec![0; LONGEST];
        let mut answer = [0; ANSWER];
        let mut events = Vec::with_capacity(BATCH);
        let mut releasing: Option<Release> = None;
        let mut wanted = self.trace.packets_wanted();
        loop {
            self.transmit().await;
            if !self.control.is_alive() {
                self.shutdown.fail("a packet worker ended");
                return;
            }
            if self.control.shared().associations().is_empty() {
                // Told, and answered by all. Who asked may have given up waiting.
                releasing.take().map(|release| release.send(()));
            }
            let due = self.control.poll_timeout();
            tokio::select! {
                received = self.socket.recv_from(&mut octets) => self.receive(received, &octets),
                answered = self.echo.recv_from(&mut answer) => {
                    // An ICMP error is no answer.
                    if let Ok((length, from)) = answered {
                        self.control.handle_echo(Instant::now(), from, answer.get(..length).unwrap_or_default());
                    }
                }
                _ = self.events.recv_many(&mut events, BATCH) => {
                    let now = Instant::now();
                    events.drain(..).for_each(|event| self.control.handle_worker(now, event));
                }
                Ok(()) = wanted.changed() => {
                    let tap = wanted.borrow_and_update().then(|| shown::tap(self.trace.clone(), self.n3));
                    self.control.show_packets(tap.as_ref());
                }
                () = sleep_until(due) => self.control.handle_timeout(Instant::now()),
                Some(asked) = self.release.recv() => {
                    self.control.release_all(Instant::now());
                    releasing = Some(asked);
                }
            }
        }
    }

    fn receive(&mut self, received: std::io::Result<(usize, SocketAddr)>, octets: &[u8]) {
        match received {
            Ok((length, from)) => {
                let octets = octets.get(..length).unwrap_or_default();
                self.show(from, self.own, octets);
                self.control.handle_datagram(Instant::now(), from, octets);
            }
            // An ICMP error for what was sent before: the repetition deals with it.
            Err(why) => tracing::debug!(%why, "N4 receive"),
        }
    }

    /// Shows a message to who watches.
    fn show(&self, from: SocketAddr, to: SocketAddr, octets: &[u8]) {
        self.trace.n4(|| Datagram { interface: "n4".into(), from, to, octets: Octets(octets.to_vec()), rule: None });
    }

    async fn transmit(&mut self) {
        while let Some(datagram) = self.control.poll_transmit() {
            self.show(self.own, datagram.to, &datagram.octets);
            if let Err(why) = self.socket.send_to(&datagram.octets, datagram.to).await {
                tracing::debug!(to = %datagram.to, %why, "N4 send");
            }
        }
        while let Some((gnb, octets)) = self.control.poll_echo() {
            if let Err(why) = self.echo.send_to(&octets, gnb).await {
                tracing::debug!(%gnb, %why, "N3 echo"); // sent again by T3-RESPONSE
            }
        }
    }
}

/// Waits until then; for ever without a time.
async fn sleep_until(due: Option<Instant>) {
    match due {
        Some(due) => tokio::time::sleep_until(due.into()).await,
        None => std::future::pending().await,
    }
}
