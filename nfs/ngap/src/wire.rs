//! How an owned type of this crate and its counterpart of the codec become each other.

use bytes::Bytes;
use oxirush_ngap::Octets;
use oxirush_ngap::ngap::{
    self, BitRate, NASPDU, UERadioCapability, UERadioCapabilityForPagingOfEUTRA, UERadioCapabilityForPagingOfNR,
};

/// Why a value that is well formed as ASN.1 is none that this crate can represent, or the
/// other way round.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Invalid(pub(crate) &'static str);

/// An owned type and `W`, the codec's form of it.
pub(crate) trait Wire<W>: Sized {
    /// The owned value of `wire`, checked.
    fn from_wire(wire: W) -> Result<Self, Invalid>;
    /// The codec's form of the value.
    fn to_wire(&self) -> Result<W, Invalid>;
}

impl<W, T: Wire<W>> Wire<Option<W>> for Option<T> {
    fn from_wire(wire: Option<W>) -> Result<Self, Invalid> {
        wire.map(T::from_wire).transpose()
    }
    fn to_wire(&self) -> Result<Option<W>, Invalid> {
        self.as_ref().map(T::to_wire).transpose()
    }
}

/// Declares a struct whose fields are those of a SEQUENCE of the same names, and its `Wire`.
macro_rules! record {
    ($(#[$meta:meta])* $Name:ident = $Asn:ident $(<$life:lifetime>)? {
        $($(#[$doc:meta])* $field:ident: $ty:ty,)*
    }) => {
        $(#[$meta])*
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub struct $Name {
            $($(#[$doc])* pub $field: $ty,)*
        }
        #[cfg(test)]
        impl $crate::sample::Sample for $Name {
            #[allow(unused_variables)] // a SEQUENCE may have no fields
            fn sample(seed: &mut $crate::sample::Seed) -> Self {
                Self { $($field: $crate::sample::Sample::sample(seed),)* }
            }
        }
        impl<'w> $crate::wire::Wire<oxirush_ngap::ngap::$Asn $(<$life>)?> for $Name {
            #[allow(unused_variables)] // a SEQUENCE may have no fields
            fn from_wire(
                wire: oxirush_ngap::ngap::$Asn $(<$life>)?,
            ) -> Result<Self, $crate::wire::Invalid> {
                Ok(Self { $($field: $crate::wire::Wire::from_wire(wire.$field)?,)* })
            }
            fn to_wire(
                &self,
            ) -> Result<oxirush_ngap::ngap::$Asn $(<$life>)?, $crate::wire::Invalid> {
                Ok(oxirush_ngap::ngap::$Asn {
                    $($field: $crate::wire::Wire::to_wire(&self.$field)?,)*
                    ie_extensions: None,
                })
            }
        }
    };
}

/// Declares an enum whose variants are the values of an ENUMERATED, and its `Wire`.
macro_rules! enumerated {
    ($(#[$meta:meta])* $Name:ident = $Asn:ident {
        $($(#[$doc:meta])* $Variant:ident = $value:ident,)*
    }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum $Name {
            $($(#[$doc])* $Variant,)*
        }
        impl $Name {
            /// Every value, in the order of the ASN.1.
            pub const ALL: &'static [Self] = &[$(Self::$Variant,)*];
        }
        #[cfg(test)]
        impl $crate::sample::Sample for $Name {
            fn sample(seed: &mut $crate::sample::Seed) -> Self {
                *seed.one_of(Self::ALL)
            }
        }
        impl $crate::wire::Wire<oxirush_ngap::ngap::$Asn> for $Name {
            fn from_wire(
                wire: oxirush_ngap::ngap::$Asn,
            ) -> Result<Self, $crate::wire::Invalid> {
                #[allow(unreachable_patterns)] // some of the codec's enums are open, some closed
                Ok(match wire {
                    $(oxirush_ngap::ngap::$Asn::$value => Self::$Variant,)*
                    _ => return Err($crate::wire::Invalid(stringify!($Asn))),
                })
            }
            fn to_wire(&self) -> Result<oxirush_ngap::ngap::$Asn, $crate::wire::Invalid> {
                Ok(match self { $(Self::$Variant => oxirush_ngap::ngap::$Asn::$value,)* })
            }
        }
    };
}

/// Makes `Vec<Item>` the owned form of each SEQUENCE OF named.
macro_rules! lists {
    ($($Asn:ident $(<$life:lifetime>)? = $Item:ty,)*) => {
        $(impl<'w> $crate::wire::Wire<oxirush_ngap::ngap::$Asn $(<$life>)?> for Vec<$Item> {
            fn from_wire(
                wire: oxirush_ngap::ngap::$Asn $(<$life>)?,
            ) -> Result<Self, $crate::wire::Invalid> {
                wire.0.into_iter().map($crate::wire::Wire::from_wire).collect()
            }
            fn to_wire(
                &self,
            ) -> Result<oxirush_ngap::ngap::$Asn $(<$life>)?, $crate::wire::Invalid> {
                let items = self.iter().map($crate::wire::Wire::to_wire);
                Ok(oxirush_ngap::ngap::$Asn(items.collect::<Result<_, _>>()?))
            }
        })*
    };
}

pub(crate) use {enumerated, lists, record};

impl<'w> Wire<Octets<'w>> for Bytes {
    fn from_wire(wire: Octets<'w>) -> Result<Self, Invalid> {
        Ok(Bytes::from(wire.into_vec()))
    }
    fn to_wire(&self) -> Result<Octets<'w>, Invalid> {
        Ok(Octets::from(self.to_vec()))
    }
}

/// Makes `Bytes` the owned form of each OCTET STRING type named.
macro_rules! octet_strings {
    ($($Asn:ident,)*) => {
        $(impl<'w> Wire<$Asn<'w>> for Bytes {
            fn from_wire(wire: $Asn<'w>) -> Result<Self, Invalid> {
                Bytes::from_wire(wire.0)
            }
            fn to_wire(&self) -> Result<$Asn<'w>, Invalid> {
                Ok($Asn(self.to_wire()?))
            }
        })*
    };
}

octet_strings! {
    NASPDU, UERadioCapability, UERadioCapabilityForPagingOfNR, UERadioCapabilityForPagingOfEUTRA,
}

/// Makes `String` the owned form of each PrintableString type named.
macro_rules! printable_strings {
    ($($Asn:ident,)*) => {
        $(impl<'w> Wire<ngap::$Asn<'w>> for String {
            fn from_wire(wire: ngap::$Asn<'w>) -> Result<Self, Invalid> {
                Ok(wire.0.into_owned())
            }
            fn to_wire(&self) -> Result<ngap::$Asn<'w>, Invalid> {
                Ok(ngap::$Asn(self.clone().into()))
            }
        })*
    };
}

printable_strings! { RANNodeName, AMFName, }

/// Makes a plain number the owned form of each INTEGER type named.
macro_rules! integers {
    ($($Asn:ident = $number:ty,)*) => {
        $(impl Wire<ngap::$Asn> for $number {
            fn from_wire(wire: ngap::$Asn) -> Result<Self, Invalid> {
                <$number>::try_from(wire.0).map_err(|_| Invalid(stringify!($Asn)))
            }
            fn to_wire(&self) -> Result<ngap::$Asn, Invalid> {
                Ok(ngap::$Asn((*self).into()))
            }
        })*
    };
}

integers! {
    RelativeAMFCapacity = u8,
    IndexToRFSP = u16,
    TrafficLoadReductionIndication = u8,
    FiveQI = u8,
    PriorityLevelQos = u8,
    PriorityLevelARP = u8,
    AveragingWindow = u16,
    MaximumDataBurstVolume = u32,
    NetworkInstance = u16,
}

impl Wire<BitRate> for u64 {
    fn from_wire(wire: BitRate) -> Result<Self, Invalid> {
        Ok(wire.0)
    }
    fn to_wire(&self) -> Result<BitRate, Invalid> {
        Ok(BitRate(*self))
    }
}

/// Makes presence the owned form of each ENUMERATED of one value.
macro_rules! flags {
    ($($Asn:ident = $value:ident,)*) => {
        $(impl Wire<ngap::$Asn> for bool {
            fn from_wire(_: ngap::$Asn) -> Result<Self, Invalid> {
                Ok(true)
            }
            fn to_wire(&self) -> Result<ngap::$Asn, Invalid> {
                Ok(ngap::$Asn::$value)
            }
        })*
    };
}

flags! {
    UERetentionInformation = ues_retained,
    UEContextRequest = requested,
    NewSecurityContextInd = R_true,
    DataForwardingNotPossible = data_forwarding_not_possible,
}
