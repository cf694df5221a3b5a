//! Octets of a fixed length: secret ones that never print, and public ones that do.

/// The digits of `octets`, lower case.
pub(crate) fn to_hex(octets: &[u8]) -> String {
    use std::fmt::Write;
    octets.iter().fold(String::with_capacity(octets.len() * 2), |mut digits, octet| {
        // Writing to a String cannot fail.
        let _ = write!(digits, "{octet:02x}");
        digits
    })
}

/// The octets of `digits`, if they are exactly `N`.
pub(crate) fn from_hex<const N: usize>(digits: &str) -> Option<[u8; N]> {
    let digits = digits.as_bytes();
    if digits.len() != N * 2 {
        return None;
    }
    let nibble = |digit: u8| char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok());
    let mut octets = [0; N];
    for (octet, pair) in octets.iter_mut().zip(digits.chunks_exact(2)) {
        let [high, low] = pair else { return None };
        *octet = nibble(*high)? << 4 | nibble(*low)?;
    }
    Some(octets)
}

/// What secret and public values share.
macro_rules! fixed_octets {
    ($name:ident, $octets:literal, $what:literal) => {
        impl $name {
            /// From its octets.
            pub const fn new(octets: [u8; $octets]) -> Self {
                Self(octets)
            }

            /// From hexadecimal digits of either case, exactly as many as the value has.
            pub fn from_hex(digits: &str) -> Result<Self, $crate::AkaError> {
                $crate::secret::from_hex(digits).map(Self).ok_or($crate::AkaError::Hex { what: $what, octets: $octets })
            }

            /// Its octets.
            pub const fn as_octets(&self) -> &[u8; $octets] {
                &self.0
            }

            /// Lower case hexadecimal, as the service based interfaces write it.
            #[allow(clippy::wrong_self_convention, reason = "secrets are not Copy, public values share the signature")]
            pub fn to_hex(&self) -> String {
                $crate::secret::to_hex(&self.0)
            }
        }

        impl PartialEq for $name {
            /// In a time that does not depend on where the two differ.
            fn eq(&self, other: &Self) -> bool {
                oxirush_security::constant_time_eq(&self.0, &other.0)
            }
        }

        impl Eq for $name {}
    };
}

/// A secret: zeroed when dropped, printed as `<secret>`, compared in constant time.
macro_rules! secret {
    ($(#[$doc:meta])* $name:ident, $octets:literal, $what:literal) => {
        $(#[$doc])*
        #[derive(Clone, zeroize::Zeroize, zeroize::ZeroizeOnDrop)]
        pub struct $name(pub(crate) [u8; $octets]);

        $crate::secret::fixed_octets!($name, $octets, $what);

        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("<secret>")
            }
        }
    };
}

/// A value that travels in clear: printed in hexadecimal.
macro_rules! public {
    ($(#[$doc:meta])* $name:ident, $octets:literal, $what:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy)]
        pub struct $name(pub(crate) [u8; $octets]);

        $crate::secret::fixed_octets!($name, $octets, $what);

        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&self.to_hex())
            }
        }
    };
}

pub(crate) use {fixed_octets, public, secret};

#[cfg(test)]
mod tests {
    use crate::{K, Rand};

    #[test]
    fn a_secret_never_prints() {
        assert_eq!(format!("{:?}", K::new([1; 16])), "<secret>");
        assert_eq!(format!("{:?}", Rand::new([0xf1; 16])), "f1".repeat(16));
    }

    #[test]
    fn hexadecimal_of_the_exact_length_only() {
        assert_eq!(Rand::from_hex(&"0Af1".repeat(8)).map(|rand| rand.to_hex()), Ok("0af1".repeat(8)));
        for wrong in ["", "0a", &"0".repeat(31), &"0".repeat(33), &"0g".repeat(16), &"+1".repeat(16), &"ä".repeat(16)]
        {
            assert!(Rand::from_hex(wrong).is_err(), "{wrong}");
        }
    }
}
