//! PDU Session Container (TS 38.415 5.5.2): the QoS flow of a packet between a gNB and a UPF.

/// QoS flow identifier, 0 to 63.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Qfi(u8);

impl Qfi {
    /// The low six bits.
    pub const fn new(value: u8) -> Self {
        Self(value & 0x3f)
    }

    /// The number.
    pub const fn value(self) -> u8 {
        self.0
    }
}

/// What a PDU Session Container says, as far as it is used here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PduSession {
    /// From a UPF towards the gNB (PDU type 0).
    Downlink {
        /// The QoS flow.
        qfi: Qfi,
        /// Reflective QoS indicator.
        rqi: bool,
    },
    /// From a gNB towards the UPF (PDU type 1).
    Uplink {
        /// The QoS flow.
        qfi: Qfi,
    },
}

impl PduSession {
    /// The QoS flow.
    pub fn qfi(&self) -> Qfi {
        match *self {
            Self::Downlink { qfi, .. } | Self::Uplink { qfi } => qfi,
        }
    }

    /// Reads the content of the extension header; `None` where it is cut short or of another PDU type.
    pub(crate) fn read(content: &[u8]) -> Option<Self> {
        let (&[kind, flow], _) = content.split_first_chunk()?;
        match kind >> 4 {
            0 => Some(Self::Downlink { qfi: Qfi::new(flow), rqi: flow & 0x40 != 0 }),
            1 => Some(Self::Uplink { qfi: Qfi::new(flow) }),
            _ => None,
        }
    }

    /// The two octets of the content.
    pub(crate) fn write(self) -> [u8; 2] {
        match self {
            Self::Downlink { qfi, rqi } => [0x00, u8::from(rqi) << 6 | qfi.value()],
            Self::Uplink { qfi } => [0x10, qfi.value()],
        }
    }
}
