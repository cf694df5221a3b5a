//! What can be wrong with keys and authentication values.

/// A value given by the operator or a peer that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AkaError {
    /// A value is not hexadecimal digits of the expected number.
    #[error("{what} must be {octets} octets in hexadecimal")]
    Hex {
        /// The value, by the specification's name.
        what: &'static str,
        /// How many octets it has.
        octets: usize,
    },
    /// A sequence number of more than 48 bits.
    #[error("SQN {0:#x} has more than 48 bits")]
    Sqn(u64),
    /// MAC-S of an AUTS is not the one K gives: the UE does not have this K or OPc (TS 33.102 6.3.5).
    #[error("MAC-S of the AUTS does not verify")]
    AutsMac,
    /// A serving network name or SUPI the key derivation cannot take.
    #[error("key derivation input: {0}")]
    Derivation(&'static str),
    /// The operating system gave no random octets.
    #[error("no random octets from the operating system")]
    Random,
}

/// Why a USIM did not accept a network's AUTN (TS 33.501 6.1.3.3.1).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AutnError {
    /// MAC-A does not verify: 5GMM cause 20.
    #[error("MAC failure")]
    MacFailure,
    /// The AMF separation bit is 0: 5GMM cause 26.
    #[error("non-5G authentication unacceptable")]
    SeparationBit,
    /// The SQN was used before or is out of range: 5GMM cause 21 with this AUTS.
    #[error("synch failure")]
    SynchFailure {
        /// What the home network needs to catch up.
        auts: crate::Auts,
    },
    /// The serving network name cannot be used in a key derivation.
    #[error("serving network name unusable")]
    ServingNetwork,
}
