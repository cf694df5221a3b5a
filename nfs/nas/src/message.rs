//! How a message struct of ours and its carrier in the codec library turn into each other.

use crate::DecodeError;
use oxirush_nas::nas_5gs::NasError;

/// An element of ours, in the form the library's messages carry it.
pub(crate) trait CarriedBy<Carrier>: Sized {
    fn from_carrier(carrier: &Carrier) -> Option<Self>;
    fn to_carrier(&self) -> Carrier;
}

/// What the library says is wrong, as the specification's fault.
pub(crate) fn decode_error(message_type: u8, error: &NasError) -> DecodeError {
    match error {
        NasError::InvalidMandatoryIe { ie, fault, .. } => DecodeError::InvalidMandatory {
            message_type,
            element: ie.to_string(),
            fault: match fault {
                oxirush_nas::IeFault::Missing => "missing",
                oxirush_nas::IeFault::Truncated => "cut short",
                oxirush_nas::IeFault::TooShort => "too short",
                _ => "syntactically incorrect",
            },
        },
        other => DecodeError::InvalidMandatory { message_type, element: other.to_string(), fault: "unreadable" },
    }
}

/// A message: a struct with its mandatory elements, then its optional ones, and its carrier in the library.
macro_rules! message {
    (
        $(#[$doc:meta])*
        $name:ident = $type:literal in $carrier:ident {
            mandatory { $( $(#[$mdoc:meta])* $m:ident: $mty:ty = $mfield:ident, )* }
            optional { $( $(#[$odoc:meta])* $o:ident: $oty:ty = $ofield:ident, )* }
        }
    ) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub struct $name {
            $( $(#[$mdoc])* pub $m: $mty, )*
            $( $(#[$odoc])* pub $o: Option<$oty>, )*
        }

        impl $name {
            /// The message type octet.
            pub const MESSAGE_TYPE: u8 = $type;

            /// The message with its mandatory elements only.
            #[allow(clippy::new_without_default)]
            pub fn new($($m: $mty),*) -> Self {
                Self { $($m,)* $($o: None,)* }
            }

            /// From the octets after the message type.
            pub(crate) fn read(mut octets: &[u8]) -> Result<Self, $crate::DecodeError> {
                use oxirush_nas::nas_5gs::Decode as _;
                let carrier = oxirush_nas::nas_5gs::$carrier::decode_from(&mut octets)
                    .map_err(|error| $crate::message::decode_error($type, &error))?;
                if let Some(unknown) = carrier.unknown_ies.iter().find(|ie| ie.is_comprehension_required()) {
                    return Err($crate::DecodeError::InvalidMandatory {
                        message_type: $type,
                        element: format!("{:#04x}", unknown.iei),
                        fault: "unknown and comprehension required",
                    });
                }
                Ok(Self {
                    $($m: $crate::message::CarriedBy::from_carrier(&carrier.$mfield).ok_or(
                        $crate::DecodeError::InvalidMandatory {
                            message_type: $type,
                            element: stringify!($m).replace('_', " "),
                            fault: "syntactically incorrect",
                        })?,)*
                    $($o: carrier.$ofield.as_ref().and_then($crate::message::CarriedBy::from_carrier),)*
                })
            }

            /// The octets after the message type.
            pub(crate) fn write(&self, octets: &mut Vec<u8>) -> Result<(), $crate::EncodeError> {
                use oxirush_nas::nas_5gs::Encode as _;
                #[allow(unused_mut)]
                let mut carrier = oxirush_nas::nas_5gs::$carrier::new(
                    $($crate::message::CarriedBy::to_carrier(&self.$m)),*
                );
                $(carrier.$ofield = self.$o.as_ref().map($crate::message::CarriedBy::to_carrier);)*
                carrier.encode_into(octets).map_err(|error| $crate::EncodeError {
                    message_type: $type,
                    reason: error.to_string(),
                })
            }
        }
    };
}

/// The messages of a sublayer: an enum, its dispatch by message type, and `From` for each.
macro_rules! messages {
    ($(#[$doc:meta])* $enum:ident { $( $variant:ident, )* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub enum $enum {
            $(#[doc = concat!("See [`", stringify!($variant), "`].")] $variant(Box<$variant>),)*
        }

        impl $enum {
            /// The message type octet.
            pub fn message_type(&self) -> u8 {
                match self { $(Self::$variant(_) => $variant::MESSAGE_TYPE,)* }
            }

            /// The message's name, for logs and ladders.
            pub fn name(&self) -> &'static str {
                match self { $(Self::$variant(_) => stringify!($variant),)* }
            }

            fn read(message_type: u8, octets: &[u8]) -> Result<Self, $crate::DecodeError> {
                match message_type {
                    $($variant::MESSAGE_TYPE => Ok(Self::$variant(Box::new($variant::read(octets)?))),)*
                    other => Err($crate::DecodeError::UnknownMessageType(other)),
                }
            }

            fn write(&self, octets: &mut Vec<u8>) -> Result<(), $crate::EncodeError> {
                match self { $(Self::$variant(message) => message.write(octets),)* }
            }
        }

        $(
            impl From<$variant> for $enum {
                fn from(message: $variant) -> Self {
                    Self::$variant(Box::new(message))
                }
            }
        )*
    };
}

pub(crate) use {message, messages};
