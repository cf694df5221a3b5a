//! Slices (TS 24.501 9.11.2.8, 9.11.3.37, 9.11.3.46).

use super::Element;
use std::fmt;

/// S-NSSAI: a slice or service type, and maybe a differentiator.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SNssai {
    /// Slice or service type.
    pub sst: u8,
    /// Slice differentiator. Absent is the same slice as FFFFFF: compare with [`SNssai::is_same_slice`].
    pub sd: Option<[u8; 3]>,
    /// SST of the home network this one stands for, when roaming.
    pub mapped_sst: Option<u8>,
    /// SD of the home network.
    pub mapped_sd: Option<[u8; 3]>,
}

impl SNssai {
    /// A slice of this network.
    pub const fn new(sst: u8, sd: Option<[u8; 3]>) -> Self {
        Self { sst, sd, mapped_sst: None, mapped_sd: None }
    }

    /// Whether the two name the same slice of this network.
    pub fn is_same_slice(&self, other: &Self) -> bool {
        const NO_SD: [u8; 3] = [0xff; 3];
        self.sst == other.sst && self.sd.unwrap_or(NO_SD) == other.sd.unwrap_or(NO_SD)
    }
}

impl fmt::Display for SNssai {
    /// `1` or `1-010203`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.sst)?;
        match self.sd {
            Some([a, b, c]) => write!(f, "-{a:02x}{b:02x}{c:02x}"),
            None => Ok(()),
        }
    }
}

impl fmt::Debug for SNssai {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)?;
        match self.mapped_sst {
            Some(sst) => write!(f, "(mapped {})", Self::new(sst, self.mapped_sd)),
            None => Ok(()),
        }
    }
}

impl Element for SNssai {
    fn decode(octets: &[u8]) -> Option<Self> {
        let (sd, mapped_sst, mapped_sd, sst) = match *octets {
            [sst] => (None, None, None, sst),
            [sst, mapped] => (None, Some(mapped), None, sst),
            [sst, a, b, c] => (Some([a, b, c]), None, None, sst),
            [sst, a, b, c, mapped] => (Some([a, b, c]), Some(mapped), None, sst),
            [sst, a, b, c, mapped, d, e, f, ..] => (Some([a, b, c]), Some(mapped), Some([d, e, f]), sst),
            _ => return None,
        };
        Some(Self { sst, sd, mapped_sst, mapped_sd })
    }

    fn encode(&self) -> Vec<u8> {
        let mut octets = vec![self.sst];
        // A mapped SD can only follow an SD; FFFFFF is the absent one.
        let sd = self.sd.or(self.mapped_sd.map(|_| [0xff; 3]));
        octets.extend(sd.iter().flatten());
        octets.extend(self.mapped_sst);
        if self.mapped_sst.is_some() {
            octets.extend(self.mapped_sd.iter().flatten());
        }
        octets
    }
}

/// A list of slices: requested (up to 8), allowed (8) or configured (16).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Nssai(pub Vec<SNssai>);

impl Element for Nssai {
    fn decode(octets: &[u8]) -> Option<Self> {
        let mut slices = Vec::new();
        let mut rest = octets;
        while let Some((length, after)) = rest.split_first() {
            let (value, next) = after.split_at_checked(usize::from(*length))?;
            slices.push(SNssai::decode(value)?);
            rest = next;
        }
        (1..=16).contains(&slices.len()).then_some(Self(slices))
    }

    fn encode(&self) -> Vec<u8> {
        let mut octets = Vec::new();
        for value in self.0.iter().take(16).map(Element::encode) {
            octets.push(u8::try_from(value.len()).unwrap_or(u8::MAX));
            octets.extend(value);
        }
        octets
    }
}

/// Why a slice is rejected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RejectionReason {
    /// 0: not in this PLMN.
    NotInPlmn,
    /// 1: not in this registration area.
    NotInRegistrationArea,
    /// 2: slice authentication failed, and others.
    Other(u8),
}

/// Slices the UE may not use (up to 8).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RejectedNssai(pub Vec<(SNssai, RejectionReason)>);

impl Element for RejectedNssai {
    fn decode(octets: &[u8]) -> Option<Self> {
        let mut slices = Vec::new();
        let mut rest = octets;
        while let Some((first, after)) = rest.split_first() {
            let (value, next) = after.split_at_checked(usize::from(first >> 4))?;
            let reason = match first & 0x0f {
                0 => RejectionReason::NotInPlmn,
                1 => RejectionReason::NotInRegistrationArea,
                other => RejectionReason::Other(other),
            };
            slices.push((SNssai::decode(value)?, reason));
            rest = next;
        }
        (1..=8).contains(&slices.len()).then_some(Self(slices))
    }

    fn encode(&self) -> Vec<u8> {
        let mut octets = Vec::new();
        for (slice, reason) in self.0.iter().take(8) {
            let reason = match reason {
                RejectionReason::NotInPlmn => 0,
                RejectionReason::NotInRegistrationArea => 1,
                RejectionReason::Other(other) => other & 0x0f,
            };
            match slice.sd {
                None => octets.extend([0x10 | reason, slice.sst]),
                Some([a, b, c]) => octets.extend([0x40 | reason, slice.sst, a, b, c]),
            }
        }
        octets
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_length_of_a_slice() {
        for octets in [&[1][..], &[1, 2], &[1, 1, 2, 3], &[1, 1, 2, 3, 4], &[1, 1, 2, 3, 4, 5, 6, 7]] {
            assert_eq!(SNssai::decode(octets).map(|slice| slice.encode()).as_deref(), Some(octets));
        }
        for octets in [&[][..], &[1, 2, 3], &[1, 2, 3, 4, 5, 6], &[1, 2, 3, 4, 5, 6, 7]] {
            assert_eq!(SNssai::decode(octets), None, "{octets:?}");
        }
    }

    #[test]
    fn lists_end_where_their_lengths_say() {
        let octets = [1, 1, 4, 1, 0, 0, 2];
        let list = Nssai(vec![SNssai::new(1, None), SNssai::new(1, Some([0, 0, 2]))]);
        assert_eq!(Nssai::decode(&octets), Some(list.clone()));
        assert_eq!(list.encode(), octets);
        assert_eq!(Nssai::decode(&[5, 1]), None);
        assert_eq!(Nssai::decode(&[]), None);
        let rejected = RejectedNssai(vec![(SNssai::new(1, Some([0, 0, 2])), RejectionReason::NotInRegistrationArea)]);
        assert_eq!(rejected.encode(), [0x41, 1, 0, 0, 2]);
        assert_eq!(RejectedNssai::decode(&rejected.encode()), Some(rejected));
    }

    #[test]
    fn no_differentiator_is_ffffff() {
        assert!(SNssai::new(1, None).is_same_slice(&SNssai::new(1, Some([0xff; 3]))));
        assert!(!SNssai::new(1, None).is_same_slice(&SNssai::new(1, Some([0; 3]))));
    }
}
