//! Decisions drawn from an input.

/// Reads an input as a row of decisions. An input that is used up gives zeros.
pub(crate) struct Choices<'a>(&'a [u8]);

impl<'a> Choices<'a> {
    pub(crate) fn new(input: &'a [u8]) -> Self {
        Self(input)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn octet(&mut self) -> u8 {
        let Some((first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        *first
    }

    /// Below `bound`, which is at least one.
    pub(crate) fn below(&mut self, bound: u8) -> u8 {
        self.octet() % bound
    }

    pub(crate) fn flag(&mut self) -> bool {
        self.octet() & 1 == 1
    }

    pub(crate) fn number(&mut self) -> u32 {
        u32::from_be_bytes([self.octet(), self.octet(), self.octet(), self.octet()])
    }

    pub(crate) fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[usize::from(self.octet()) % from.len()]
    }

    /// Some octets, with their length (two octets) before them.
    pub(crate) fn octets(&mut self) -> &'a [u8] {
        let length = usize::from(u16::from_be_bytes([self.octet(), self.octet()])).min(self.0.len());
        let (octets, rest) = self.0.split_at(length);
        self.0 = rest;
        octets
    }
}

/// The form in which [`Choices::octets`] finds octets, for seeds.
pub(crate) fn with_length(octets: &[u8]) -> Vec<u8> {
    let length = u16::try_from(octets.len()).expect("seeds are short");
    [&length.to_be_bytes(), octets].concat()
}
