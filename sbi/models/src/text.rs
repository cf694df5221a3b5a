//! Identities that are text on the wire and checked when they are read.

use std::fmt;

/// A text that is not what its type allows: the fault of whoever wrote it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what}: {rule}")]
pub struct Malformed {
    /// The type, by the specification's name.
    pub what: &'static str,
    /// What it must look like.
    pub rule: &'static str,
}

/// Writes and reads a type as the string of its `Display` and `FromStr`.
macro_rules! serde_as_text {
    ($name:ident $(<const $n:ident: usize>)?) => {
        impl $(<const $n: usize>)? serde::Serialize for $name $(<$n>)? {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                $crate::text::write_text(self, serializer)
            }
        }

        impl<'de $(, const $n: usize)?> serde::Deserialize<'de> for $name $(<$n>)? {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                $crate::text::read_text(deserializer)
            }
        }
    };
}

/// Writes a type as the string that it has, and reads it by its `FromStr`.
macro_rules! serde_as_str {
    ($name:ident) => {
        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                $crate::text::read_text(deserializer)
            }
        }
    };
}

/// Defines an identity kept as checked, cheaply cloned text.
macro_rules! text_identity {
    ($(#[$meta:meta])* $name:ident: $rule:literal, $check:expr) => {
        $(#[$meta])*
        #[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(std::sync::Arc<str>);

        impl $name {
            /// The text on the wire.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl std::str::FromStr for $name {
            type Err = $crate::Malformed;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                let check: fn(&str) -> bool = $check;
                match check(text) {
                    true => Ok(Self(text.into())),
                    false => Err($crate::Malformed { what: stringify!($name), rule: $rule }),
                }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&self.0)
            }
        }

        serde_as_str!($name);
    };
}

/// Writes a type by its `Display`: in one piece, as nearly all are short.
pub(crate) fn write_text<S: serde::Serializer>(value: &impl fmt::Display, serializer: S) -> Result<S::Ok, S::Error> {
    let mut short = Short { octets: [0; 64], length: 0 };
    let written = fmt::Write::write_fmt(&mut short, format_args!("{value}"));
    match written.ok().and_then(|()| std::str::from_utf8(short.octets.get(..short.length)?).ok()) {
        Some(text) => serializer.serialize_str(text),
        None => serializer.collect_str(value),
    }
}

/// Text of up to 64 octets.
struct Short {
    octets: [u8; 64],
    length: usize,
}

impl fmt::Write for Short {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let end = self.length + text.len();
        self.octets.get_mut(self.length..end).ok_or(fmt::Error)?.copy_from_slice(text.as_bytes());
        self.length = end;
        Ok(())
    }
}

/// Reads a type by its `FromStr`, straight from the input's text.
pub(crate) fn read_text<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: serde::Deserializer<'de>,
    T: std::str::FromStr<Err: std::fmt::Display>,
{
    struct Text<T>(std::marker::PhantomData<T>);

    impl<T: std::str::FromStr<Err: std::fmt::Display>> serde::de::Visitor<'_> for Text<T> {
        type Value = T;

        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("a string")
        }

        fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<T, E> {
            text.parse().map_err(E::custom)
        }
    }

    deserializer.deserialize_str(Text(std::marker::PhantomData))
}

/// Whether `text` is `min` to `max` decimal digits.
pub(crate) fn is_digits(text: &str, min: usize, max: usize) -> bool {
    (min..=max).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// The number of exactly `digits` hexadecimal digits.
pub(crate) fn hex_number(text: &str, digits: usize) -> Option<u64> {
    let well_formed = text.len() == digits && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    well_formed.then(|| u64::from_str_radix(text, 16).ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Text(String);

    impl fmt::Display for Text {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str(&self.0)?;
            f.write_str("\"")
        }
    }

    #[test]
    fn texts_of_any_length_are_written_alike() {
        for length in [0, 1, 62, 63, 64, 65, 1000] {
            let text = Text("x".repeat(length));
            let mut written = Vec::new();
            write_text(&text, &mut serde_json::Serializer::new(&mut written)).expect("written");
            assert_eq!(serde_json::from_slice::<String>(&written).ok(), Some(text.to_string()), "{length}");
        }
    }
}
