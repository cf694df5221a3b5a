//! A small mutator, for runs without libFuzzer: the same seed gives the same inputs on every machine.

/// Changes inputs at random.
pub struct Mutator(u64);

/// Octets that are boundaries of something.
const EDGES: [u8; 12] = [0, 1, 2, 4, 0x0f, 0x10, 0x3f, 0x40, 0x7f, 0x80, 0xfe, 0xff];

/// The longest input made.
const LONGEST: usize = 8192;

impl Mutator {
    /// A mutator whose inputs follow from `seed`.
    pub fn new(seed: u64) -> Self {
        Self(seed ^ 0x9e37_79b9_7f4a_7c15)
    }

    /// The next number (SplitMix64).
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, bound: usize) -> usize {
        let bound = u64::try_from(bound.max(1)).unwrap_or(u64::MAX);
        usize::try_from(self.next() % bound).unwrap_or(0)
    }

    /// An input made of the corpus: one of its members, spliced, changed in a few places, or noise.
    pub fn input(&mut self, corpus: &[Vec<u8>]) -> Vec<u8> {
        let mut input = match corpus.is_empty() || self.below(50) == 0 {
            true => Vec::new(),
            false => corpus[self.below(corpus.len())].clone(),
        };
        for _ in 0..=self.below(5) {
            self.change(&mut input, corpus);
        }
        input.truncate(LONGEST);
        input
    }

    fn change(&mut self, input: &mut Vec<u8>, corpus: &[Vec<u8>]) {
        let at = self.below(input.len() + 1);
        match self.below(9) {
            0 => input.truncate(at),
            1 => drop(input.drain(at..(at + 1 + self.below(8)).min(input.len()))),
            2 => {
                let length = 1 + self.below(8);
                let noise: Vec<u8> = (0..length).map(|_| self.octet()).collect();
                drop(input.splice(at..at, noise));
            }
            3 => {
                let end = (at + 1 + self.below(64)).min(input.len());
                let again = input[at..end].to_vec();
                drop(input.splice(at..at, again));
            }
            4 if !corpus.is_empty() => {
                let other = &corpus[self.below(corpus.len())];
                let from = self.below(other.len() + 1);
                input.truncate(at);
                input.extend_from_slice(&other[from..]);
            }
            5 => {
                if let Some(octet) = input.get_mut(at) {
                    *octet ^= 1 << self.below(8);
                }
            }
            6 => {
                let edge = EDGES[self.below(EDGES.len())];
                if let Some(octet) = input.get_mut(at) {
                    *octet = edge;
                }
            }
            7 => {
                let by = [1, 0xff, 4, 0xfc][self.below(4)];
                if let Some(octet) = input.get_mut(at) {
                    *octet = octet.wrapping_add(by);
                }
            }
            _ => {
                let octet = self.octet();
                if let Some(place) = input.get_mut(at) {
                    *place = octet;
                }
            }
        }
    }

    fn octet(&mut self) -> u8 {
        self.next().to_le_bytes()[0]
    }
}
