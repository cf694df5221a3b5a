//! Sequence numbers: SEQ in the high 43 bits, IND in the low 5 (TS 33.102 annex C).

use crate::AkaError;

/// Bits of IND, the index into the card's array.
const IND_BITS: u32 = 5;
/// Entries of the card's array.
const ENTRIES: usize = 1 << IND_BITS;
/// How far SEQ may jump ahead before a card refuses it (TS 33.102 C.3.2 proposes 2^28).
const DELTA: u64 = 1 << 28;

/// A sequence number of 48 bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Sqn(u64);

impl Sqn {
    /// The highest: 2^48 - 1.
    pub const MAX: Self = Self((1 << 48) - 1);
    /// What a new subscription starts from: a card that has accepted nothing takes it.
    pub const INITIAL: Self = Self(1 << IND_BITS);

    /// From its number; more than 48 bits is an error.
    pub fn new(value: u64) -> Result<Self, AkaError> {
        if value <= Self::MAX.0 { Ok(Self(value)) } else { Err(AkaError::Sqn(value)) }
    }

    /// From six octets, the high one first.
    pub fn from_octets(octets: [u8; 6]) -> Self {
        Self(octets.iter().fold(0, |value, octet| value << 8 | u64::from(*octet)))
    }

    /// Its number.
    pub const fn get(self) -> u64 {
        self.0
    }

    /// Six octets, the high one first.
    pub fn to_octets(self) -> [u8; 6] {
        let [_, _, octets @ ..] = self.0.to_be_bytes();
        octets
    }

    /// Twelve lower case hexadecimal digits, as the UDR keeps it.
    pub fn to_hex(self) -> String {
        format!("{:012x}", self.0)
    }

    /// From up to twelve hexadecimal digits.
    pub fn from_hex(digits: &str) -> Result<Self, AkaError> {
        let error = AkaError::Hex { what: "SQN", octets: 6 };
        if digits.is_empty() || digits.len() > 12 || !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            return Err(error);
        }
        u64::from_str_radix(digits, 16).map(Self).map_err(|_| error)
    }

    /// The one to use after this one: the next SEQ and the next IND. Wraps after 2^43 authentications.
    pub const fn next(self) -> Self {
        let seq = (self.0 >> IND_BITS) + 1;
        let ind = (self.0 + 1) & (ENTRIES as u64 - 1);
        Self((seq << IND_BITS | ind) & Self::MAX.0)
    }

    const fn seq(self) -> u64 {
        self.0 >> IND_BITS
    }

    fn ind(self) -> usize {
        // Five bits always fit.
        (self.0 & (ENTRIES as u64 - 1)) as usize
    }
}

/// The sequence numbers a USIM has accepted, one per IND (TS 33.102 C.2.2).
#[derive(Debug, Clone)]
pub struct SqnArray {
    accepted: [u64; ENTRIES],
}

impl Default for SqnArray {
    fn default() -> Self {
        Self { accepted: [0; ENTRIES] }
    }
}

impl SqnArray {
    /// An array as if everything up to `sqn` had been accepted.
    pub fn starting_at(sqn: Sqn) -> Self {
        let mut array = Self::default();
        if let Some(entry) = array.accepted.get_mut(sqn.ind()) {
            *entry = sqn.seq();
        }
        array
    }

    /// SQNms: the highest accepted, which goes into an AUTS.
    pub fn highest(&self) -> Sqn {
        let (ind, seq) = (0u64..).zip(self.accepted).max_by_key(|(_, seq)| *seq).unwrap_or((0, 0));
        Sqn(seq << IND_BITS | ind)
    }

    /// Takes `sqn` if it is fresh: above the last of its IND and not too far ahead of the highest.
    pub fn accept(&mut self, sqn: Sqn) -> bool {
        let highest = self.highest().seq();
        let Some(last) = self.accepted.get_mut(sqn.ind()) else { return false };
        let fresh = sqn.seq() > *last && sqn.seq() <= highest.saturating_add(DELTA);
        if fresh {
            *last = sqn.seq();
        }
        fresh
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_number_is_taken_once() {
        let mut card = SqnArray::default();
        let first = Sqn::INITIAL;
        assert!(card.accept(first));
        assert!(!card.accept(first));
        assert!(card.accept(first.next()));
        assert_eq!(card.highest(), first.next());
    }

    #[test]
    fn an_older_number_of_another_index_is_taken() {
        let mut card = SqnArray::default();
        let (first, second) = (Sqn::INITIAL, Sqn::INITIAL.next());
        assert!(card.accept(second));
        assert!(card.accept(first));
    }

    #[test]
    fn a_jump_too_far_is_refused() {
        let mut card = SqnArray::default();
        assert!(!card.accept(Sqn((DELTA + 1) << IND_BITS)));
        assert!(card.accept(Sqn(DELTA << IND_BITS)));
        assert!(card.accept(Sqn((2 * DELTA) << IND_BITS)));
    }

    #[test]
    fn hexadecimal_is_at_most_twelve_digits() {
        assert_eq!(Sqn::from_hex("20"), Sqn::new(0x20));
        assert_eq!(Sqn::INITIAL.to_hex(), "000000000020");
        for wrong in ["", "+20", "1000000000000", "xyz"] {
            assert!(Sqn::from_hex(wrong).is_err(), "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn octets_and_number_agree(value in 0..=Sqn::MAX.0) {
            let sqn = Sqn::new(value).expect("48 bits");
            prop_assert_eq!(Sqn::from_octets(sqn.to_octets()), sqn);
            prop_assert_eq!(Sqn::from_hex(&sqn.to_hex()), Ok(sqn));
        }

        #[test]
        fn the_next_is_always_fresh(value in 0..Sqn::MAX.0 >> 1) {
            let sqn = Sqn(value);
            let mut card = SqnArray::starting_at(sqn);
            prop_assert!(card.accept(sqn.next()));
        }
    }
}
