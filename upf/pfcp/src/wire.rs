//! Information elements as octets: the walk over them, and the grouped ones written as tables (TS 29.244 8.1).

use crate::{Cause, IeProblem};

/// Why the value of an information element cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Malformed {
    /// Its length does not fit its content (TS 29.244 7.6.5).
    Length,
    /// Its content is not allowed (TS 29.244 7.6.7).
    Content,
    /// Something inside a grouped element is wrong.
    Inside(IeProblem),
}

impl Malformed {
    /// The problem as the sender of element `ie` is to be told.
    pub(crate) fn of(self, ie: u16) -> IeProblem {
        match self {
            Self::Length => IeProblem { cause: Cause::InvalidLength, offending: ie },
            Self::Content => IeProblem { cause: Cause::MandatoryIeIncorrect, offending: ie },
            Self::Inside(problem) => problem,
        }
    }
}

/// The value of an information element.
pub(crate) trait Value: Sized {
    fn write(&self, out: &mut Vec<u8>);
    fn read(octets: &[u8]) -> Result<Self, Malformed>;
}

/// Walks the elements of a message or group: type and value of each.
pub(crate) struct Elements<'a>(&'a [u8]);

impl<'a> Elements<'a> {
    pub(crate) fn new(octets: &'a [u8]) -> Self {
        Self(octets)
    }

    fn split(&mut self) -> Option<(u16, &'a [u8])> {
        let (kind, rest) = self.0.split_first_chunk()?;
        let (length, rest) = rest.split_first_chunk()?;
        let (value, rest) = rest.split_at_checked(usize::from(u16::from_be_bytes(*length)))?;
        self.0 = rest;
        Some((u16::from_be_bytes(*kind), value))
    }
}

impl<'a> Iterator for Elements<'a> {
    type Item = Result<(u16, &'a [u8]), Malformed>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.0.is_empty() {
            return None;
        }
        let element = self.split().ok_or(Malformed::Length);
        if element.is_err() {
            // Nothing tells where the next element would begin.
            self.0 = &[];
        }
        Some(element)
    }
}

/// Writes one element: type, length, value. A value over 65 535 octets cannot be said and is left out; the types here
/// stay below it by construction, except lists of rules that a whole datagram could not carry either.
pub(crate) fn write_element<V: Value>(ie: u16, value: &V, out: &mut Vec<u8>) {
    let start = out.len();
    out.extend_from_slice(&ie.to_be_bytes());
    out.extend_from_slice(&[0, 0]);
    value.write(out);
    match u16::try_from(out.len() - start - 4) {
        Ok(length) => out[start + 2..start + 4].copy_from_slice(&length.to_be_bytes()),
        Err(_) => out.truncate(start),
    }
}

/// Reads the value of an element that may stand once; of repetitions the first counts (TS 29.244 7.6.9).
pub(crate) fn read_once<V: Value>(ie: u16, octets: &[u8], slot: &mut Option<V>) -> Result<(), Malformed> {
    if slot.is_none() {
        *slot = Some(V::read(octets).map_err(|why| Malformed::Inside(why.of(ie)))?);
    }
    Ok(())
}

/// Reads the value of an element that may stand many times.
pub(crate) fn read_many<V: Value>(ie: u16, octets: &[u8], slot: &mut Vec<V>) -> Result<(), Malformed> {
    slot.push(V::read(octets).map_err(|why| Malformed::Inside(why.of(ie)))?);
    Ok(())
}

/// The value of a mandatory element, or the problem to report.
pub(crate) fn required<V>(ie: u16, slot: Option<V>) -> Result<V, Malformed> {
    slot.ok_or(Malformed::Inside(IeProblem { cause: Cause::MandatoryIeMissing, offending: ie }))
}

/// Takes fixed-size integers and addresses off the front of a value.
pub(crate) fn take<const N: usize>(octets: &mut &[u8]) -> Result<[u8; N], Malformed> {
    let (head, rest) = octets.split_first_chunk().ok_or(Malformed::Length)?;
    *octets = rest;
    Ok(*head)
}

/// Implements [`Value`] for newtypes over big-endian integers.
macro_rules! integer_values {
    ($($name:ident($int:ty)),* $(,)?) => { $(
        impl $crate::wire::Value for $name {
            fn write(&self, out: &mut Vec<u8>) {
                out.extend_from_slice(&self.0.to_be_bytes());
            }

            fn read(mut octets: &[u8]) -> Result<Self, $crate::wire::Malformed> {
                $crate::wire::take(&mut octets).map(|octets| Self(<$int>::from_be_bytes(octets)))
            }
        }
    )* };
}

/// Declares a group of information elements, a message's or a grouped element's: first the mandatory ones in
/// parentheses, then the others, `once` or `many` times. Each field names its type and its IE type.
macro_rules! group {
    (
        $(#[$meta:meta])*
        $name:ident ( $($(#[$rdoc:meta])* $rfield:ident: $rty:ty = $rie:ident),* $(,)? ) {
            $($(#[$odoc:meta])* $kind:ident $ofield:ident: $oty:ty = $oie:ident),* $(,)?
        }
    ) => {
        $(#[$meta])*
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub struct $name {
            $($(#[$rdoc])* pub $rfield: $rty,)*
            $($(#[$odoc])* pub $ofield: $crate::wire::group!(@type $kind $oty),)*
        }

        impl $name {
            /// With its mandatory elements only.
            #[allow(clippy::new_without_default)]
            pub fn new($($rfield: $rty),*) -> Self {
                Self { $($rfield,)* $($ofield: Default::default(),)* }
            }
        }

        impl $crate::wire::Value for $name {
            #[allow(unused_variables)]
            fn write(&self, out: &mut Vec<u8>) {
                $($crate::wire::write_element($crate::ie::$rie, &self.$rfield, out);)*
                $(for value in self.$ofield.iter() {
                    $crate::wire::write_element($crate::ie::$oie, value, out);
                })*
            }

            #[allow(unused_variables)]
            fn read(octets: &[u8]) -> Result<Self, $crate::wire::Malformed> {
                $(let mut $rfield: Option<$rty> = None;)*
                $(let mut $ofield: $crate::wire::group!(@type $kind $oty) = Default::default();)*
                for element in $crate::wire::Elements::new(octets) {
                    let (ie, value) = element?;
                    match ie {
                        $($crate::ie::$rie => $crate::wire::read_once(ie, value, &mut $rfield)?,)*
                        $($crate::ie::$oie => $crate::wire::group!(@read $kind ie, value, $ofield)?,)*
                        // TS 29.244 7.6.4: an element not known or not expected here is ignored.
                        _ => {}
                    }
                }
                Ok(Self {
                    $($rfield: $crate::wire::required($crate::ie::$rie, $rfield)?,)*
                    $($ofield,)*
                })
            }
        }
    };
    (@type once $ty:ty) => { Option<$ty> };
    (@type many $ty:ty) => { Vec<$ty> };
    (@read once $ie:ident, $value:ident, $slot:ident) => { $crate::wire::read_once($ie, $value, &mut $slot) };
    (@read many $ie:ident, $value:ident, $slot:ident) => { $crate::wire::read_many($ie, $value, &mut $slot) };
}

pub(crate) use {group, integer_values};
