//! What sessions carry that is no IP: taken and given as it is, or through a TAP device of a session's own.

use std::io;
use std::sync::Arc;

use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tun_rs::{AsyncDevice, DeviceBuilder, Layer};

use crate::UeId;
use crate::userplane::UserPlaneHandle;

/// Payloads that wait to be taken; those beyond are dropped.
const WAITING: usize = 1024;

/// Octets of the longest frame.
const LONGEST: usize = 9216;

/// Where a session's payloads go.
pub(crate) type Outlet = mpsc::Sender<Vec<u8>>;

/// The payloads of one session, both ways.
pub struct Payloads {
    user_plane: UserPlaneHandle,
    ue: UeId,
    session: u8,
    received: mpsc::Receiver<Vec<u8>>,
}

impl Payloads {
    /// Those of a session from now on; whoever had them before has no more.
    pub(crate) fn of(user_plane: UserPlaneHandle, ue: UeId, session: u8) -> Self {
        let (outlet, received) = mpsc::channel(WAITING);
        user_plane.tap(ue, session, outlet);
        Self { user_plane, ue, session, received }
    }

    /// Sends one.
    ///
    /// # Errors
    /// Where the session has no tunnel, or N3 does not take it.
    pub async fn send(&self, payload: &[u8]) -> io::Result<()> {
        self.user_plane.send_payload(self.ue, self.session, payload).await
    }

    /// The next one; `None` where somebody else has them now.
    pub async fn receive(&mut self) -> Option<Vec<u8>> {
        self.received.recv().await
    }
}

/// A TAP device that has the frames of one Ethernet session. It goes with this.
pub(crate) struct Tap(JoinHandle<()>);

impl Drop for Tap {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Tap {
    /// Makes the device and joins it to the session.
    ///
    /// # Errors
    /// What the system says of the device.
    pub(crate) fn open(name: &str, mtu: u16, payloads: Payloads) -> io::Result<Self> {
        let device = DeviceBuilder::new().name(name).layer(Layer::L2).mtu(mtu).build_async()?;
        Ok(Self(tokio::spawn(join(Arc::new(device), payloads))))
    }
}

async fn join(device: Arc<AsyncDevice>, mut payloads: Payloads) {
    let mut room = vec![0; LONGEST];
    loop {
        tokio::select! {
            received = payloads.receive() => {
                let Some(frame) = received else { return };
                let _ = device.send(&frame).await; // a device that is down takes nothing
            }
            read = device.recv(&mut room) => {
                let Ok(length) = read else { return };
                if let Err(error) = payloads.send(room.get(..length).unwrap_or_default()).await {
                    tracing::debug!(%error, "N3");
                }
            }
        }
    }
}
