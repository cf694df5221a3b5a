//! Reading the IEs of a decoded PDU into a message and writing a message as IEs.

use oxirush_ngap::aper::protocol::Ie;
use oxirush_ngap::ngap::{NGAPPDU, ProtocolIEField};
use oxirush_ngap::{Error, Ngap};

use crate::diagnostics::Criticality;
use crate::error::EncodeError;
use crate::wire::{Invalid, Wire};

/// An IE that keeps a message from being read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Faulty {
    /// It is mandatory and not there. (The structure check reports it with its criticality.)
    Missing { ie: &'static str, id: u16 },
    /// Its octets are no value of its type.
    Undecodable { ie: &'static str, id: u16 },
}

/// A message as a list of IEs.
pub(crate) trait Body: Sized {
    /// The message that `pdu`, which is of this kind, holds.
    fn read(pdu: &NGAPPDU<'_>) -> Result<Self, Faulty>;
    /// The PDU of the message, its IEs in the order and with the criticality of the ASN.1.
    fn write(&self) -> Result<NGAPPDU<'static>, EncodeError>;
}

/// The value of the first IE `X`, which may be absent.
fn find<'p, X, T>(pdu: &'p NGAPPDU<'_>) -> Result<Option<T>, Faulty>
where
    X: Ie<Protocol = Ngap>,
    T: Wire<X::Value<'p>>,
{
    let undecodable = Faulty::Undecodable { ie: X::NAME, id: X::ID };
    match pdu.ie::<X>() {
        None => Ok(None),
        Some(Err(_)) => Err(undecodable),
        Some(Ok(value)) => T::from_wire(value).map(Some).map_err(|_| undecodable),
    }
}

/// A mandatory IE.
pub(crate) fn mandatory<'p, X, T>(pdu: &'p NGAPPDU<'_>) -> Result<T, Faulty>
where
    X: Ie<Protocol = Ngap>,
    T: Wire<X::Value<'p>>,
{
    find::<X, T>(pdu)?.ok_or(Faulty::Missing { ie: X::NAME, id: X::ID })
}

/// An optional IE. One that is not understood counts as absent when it was sent with criticality
/// ignore or notify (clause 10.3.4.2).
pub(crate) fn optional<'p, X, T>(pdu: &'p NGAPPDU<'_>) -> Result<Option<T>, Faulty>
where
    X: Ie<Protocol = Ngap>,
    T: Wire<X::Value<'p>>,
{
    match find::<X, T>(pdu) {
        Err(_) if received_criticality(pdu, X::ID) != Some(Criticality::Reject) => Ok(None),
        found => found,
    }
}

/// A mandatory IE of criticality ignore: the procedure goes on without it (clause 10.3.5).
pub(crate) fn lenient<'p, X, T>(pdu: &'p NGAPPDU<'_>) -> Result<T, Faulty>
where
    X: Ie<Protocol = Ngap>,
    T: Wire<X::Value<'p>> + Default,
{
    Ok(find::<X, T>(pdu).ok().flatten().unwrap_or_default())
}

/// The criticality that the first IE `id` of the message has.
pub(crate) fn received_criticality(pdu: &NGAPPDU<'_>, id: u16) -> Option<Criticality> {
    let ies = pdu.protocol_ies().ok()?;
    let ie = ies.0.iter().find(|ie| ie.id.0 == id)?;
    Criticality::from_wire(ie.criticality).ok()
}

/// The IEs of a message being written, or why it cannot be.
pub(crate) type Ies = Vec<ProtocolIEField<'static>>;

/// What a field that does not fit its IE is to the caller.
pub(crate) fn refused(message: &'static str) -> impl Fn(Invalid) -> EncodeError {
    move |Invalid(what)| EncodeError { message, reason: what.to_owned() }
}

/// What an error of the codec is to the caller.
pub(crate) fn unencodable(message: &'static str) -> impl Fn(Error) -> EncodeError {
    move |error| EncodeError { message, reason: error.to_string() }
}

/// The type of a field by its presence: `man` and `len` a value, `opt` an option, `flag` a bool.
macro_rules! field_type {
    (man $ty:ty) => { $ty };
    (len $ty:ty) => { $ty };
    (opt $ty:ty) => { Option<$ty> };
    (flag $ty:ty) => { bool };
}

/// Reads a field by its presence.
macro_rules! read_field {
    (man $pdu:ident $Ie:ident) => {
        $crate::message::ie::mandatory::<ie::$Ie, _>($pdu)?
    };
    (len $pdu:ident $Ie:ident) => {
        $crate::message::ie::lenient::<ie::$Ie, _>($pdu)?
    };
    (opt $pdu:ident $Ie:ident) => {
        $crate::message::ie::optional::<ie::$Ie, _>($pdu)?
    };
    (flag $pdu:ident $Ie:ident) => {
        $pdu.ie::<ie::$Ie>().is_some()
    };
}

/// Writes a field by its presence.
macro_rules! write_field {
    (man $ies:ident $Asn:ident $Ie:ident $ty:ty, $value:expr) => {{
        use $crate::message::ie::{refused, unencodable};
        let value = $crate::wire::Wire::to_wire($value).map_err(refused(stringify!($Asn)))?;
        let value: <ie::$Ie as oxirush_ngap::aper::protocol::Ie>::Value<'static> = value;
        let field = oxirush_ngap::build_ngap_ie!($Asn, $Ie(value));
        $ies.push(field.map_err(unencodable(stringify!($Asn)))?);
    }};
    (len $ies:ident $Asn:ident $Ie:ident $ty:ty, $value:expr) => {
        write_field!(man $ies $Asn $Ie $ty, $value)
    };
    (opt $ies:ident $Asn:ident $Ie:ident $ty:ty, $value:expr) => {
        if let Some(value) = $value {
            write_field!(man $ies $Asn $Ie $ty, value);
        }
    };
    (flag $ies:ident $Asn:ident $Ie:ident $ty:ty, $value:expr) => {
        if *$value {
            write_field!(man $ies $Asn $Ie $ty, $value);
        }
    };
}

/// Declares messages. Each field has a presence, a name, a type and an IE, in the order of the
/// ASN.1: `man` is mandatory, `len` mandatory with criticality ignore (a default stands in for
/// it), `opt` optional, `flag` an ENUMERATED of one value that is either there or not.
macro_rules! messages {
    ($($(#[$meta:meta])* $Name:ident = $Asn:ident {
        $($(#[$doc:meta])* $presence:ident $field:ident: $ty:ty = $Ie:ident,)*
    })*) => {
        $($(#[$meta])*
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub struct $Name {
            $($(#[$doc])* pub $field: field_type!($presence $ty),)*
        }
        impl $crate::message::ie::Body for $Name {
            #[allow(unused_variables)]
            fn read(pdu: &NGAPPDU<'_>) -> Result<Self, $crate::message::ie::Faulty> {
                Ok(Self { $($field: read_field!($presence pdu $Ie),)* })
            }
            #[allow(unused_mut)]
            fn write(&self) -> Result<NGAPPDU<'static>, $crate::error::EncodeError> {
                let mut ies = $crate::message::ie::Ies::new();
                $(write_field!($presence ies $Asn $Ie $ty, &self.$field);)*
                let message = asn::$Asn::new(asn::ProtocolIEContainer(ies));
                let criticality = <asn::$Asn<'_> as oxirush_ngap::Message<'_>>::CRITICALITY;
                NGAPPDU::of_message(&message, criticality)
                    .map_err($crate::message::ie::unencodable(stringify!($Asn)))
            }
        }
        #[cfg(test)]
        impl $crate::sample::Sample for $Name {
            #[allow(unused_variables)] // a message may have no IEs
            fn sample(seed: &mut $crate::sample::Seed) -> Self {
                Self { $($field: $crate::sample::Sample::sample(seed),)* }
            }
        }
        impl From<$Name> for $crate::Message {
            fn from(message: $Name) -> Self {
                Self::$Name(message)
            }
        })*
    };
}

pub(crate) use {field_type, messages, read_field, write_field};
