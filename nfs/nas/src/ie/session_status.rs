//! Sets of PDU sessions (TS 24.501 9.11.3.44, 9.11.3.57 and others) and causes by session (9.11.3.43).

use super::Element;
use crate::GmmCause;

/// A set of PDU session identities, 1 to 15.
#[derive(Clone, Copy, PartialEq, Eq, Default, Hash)]
pub struct PduSessions(u16);

impl PduSessions {
    /// Adds an identity; one that is not 1 to 15 is left out.
    pub fn insert(&mut self, id: u8) {
        if (1..=15).contains(&id) {
            self.0 |= 1 << id;
        }
    }

    /// Takes an identity out.
    pub fn remove(&mut self, id: u8) {
        if id < 16 {
            self.0 &= !(1 << id);
        }
    }

    /// Whether the identity is in the set.
    pub fn contains(self, id: u8) -> bool {
        id < 16 && self.0 & 1 << id != 0
    }

    /// Whether the set has none.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The identities, in order.
    pub fn iter(self) -> impl Iterator<Item = u8> {
        (1..=15).filter(move |id| self.contains(*id))
    }
}

impl FromIterator<u8> for PduSessions {
    fn from_iter<I: IntoIterator<Item = u8>>(ids: I) -> Self {
        let mut set = Self::default();
        ids.into_iter().for_each(|id| set.insert(id));
        set
    }
}

impl std::fmt::Debug for PduSessions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

impl Element for PduSessions {
    fn decode(octets: &[u8]) -> Option<Self> {
        let [low, high] = *octets.first_chunk()?;
        // Identity 0 is spare.
        Some(Self(u16::from_be_bytes([high, low]) & !1))
    }

    fn encode(&self) -> Vec<u8> {
        let [high, low] = self.0.to_be_bytes();
        vec![low, high]
    }
}

/// Why the user plane of each of these sessions did not come back.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PduSessionCauses(pub Vec<(u8, GmmCause)>);

impl Element for PduSessionCauses {
    fn decode(octets: &[u8]) -> Option<Self> {
        let pair = |pair: &[u8]| match pair {
            [id, cause] => Some((*id, GmmCause::from_value(*cause))),
            _ => None,
        };
        octets.chunks(2).map(pair).collect::<Option<_>>().map(Self)
    }

    fn encode(&self) -> Vec<u8> {
        self.0.iter().flat_map(|(id, cause)| [*id, cause.value()]).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identities_are_bits_from_the_first_octet_up() {
        let set: PduSessions = [1, 8, 15, 16, 0].into_iter().collect();
        assert_eq!(set.encode(), [0x02, 0x81]);
        assert_eq!(PduSessions::decode(&[0x03, 0x81]), Some(set));
        assert_eq!(set.iter().collect::<Vec<_>>(), [1, 8, 15]);
        assert_eq!(PduSessions::decode(&[0x02]), None);
    }
}
