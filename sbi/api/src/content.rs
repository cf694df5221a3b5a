//! What a message to be sent says, before it is octets.

use std::fmt;
use std::io;
use std::sync::Arc;

use bytes::Bytes;

use crate::Codec;

/// The body of a request or answer to be sent: octets, or a value that is written where the transport wants its octets.
#[derive(Clone)]
pub enum Body<'a> {
    /// Octets as they are.
    Octets(Bytes),
    /// A value.
    Value(Arc<dyn Encode + 'a>),
}

impl<'a> Body<'a> {
    /// The body that says this, written by `C`.
    pub fn of<C: Codec>(value: &'a C::Value) -> Self {
        Self::Value(Arc::new(Borrowed::<C>(value)))
    }

    /// The same, keeping the value.
    pub fn owned<C: Codec>(value: C::Value) -> Body<'static> {
        Body::Value(Arc::new(Owned::<C>(value)))
    }

    /// Its octets.
    pub fn to_bytes(&self) -> Bytes {
        match self {
            Self::Octets(octets) => octets.clone(),
            Self::Value(value) => value.to_bytes(),
        }
    }

    /// Its octets.
    pub fn into_bytes(self) -> Bytes {
        match self {
            Self::Octets(octets) => octets,
            Self::Value(value) => value.to_bytes(),
        }
    }
}

impl From<Bytes> for Body<'_> {
    fn from(octets: Bytes) -> Self {
        Self::Octets(octets)
    }
}

/// No octets.
impl Default for Body<'_> {
    fn default() -> Self {
        Self::Octets(Bytes::new())
    }
}

impl fmt::Debug for Body<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Not what it says: that may be keys.
        match self {
            Self::Octets(octets) => write!(f, "Body({} octets)", octets.len()),
            Self::Value(_) => f.write_str("Body(a value)"),
        }
    }
}

/// A value that can be written as a body, as often as needed and the same each time.
pub trait Encode: Send + Sync {
    /// Writes it at the beginning of `room`. Returns how many octets it is, or nothing if there is too little room; what is in
    /// `room` then means nothing.
    fn write_into(&self, room: &mut [u8]) -> Option<usize>;

    /// Its octets.
    fn to_bytes(&self) -> Bytes;
}

/// Writes into octets that are there. JSON comes in hundreds of pieces, most of one octet: those of a known length are stored as such
/// here, where `&mut [u8]`, which writes as much as there is room for, calls the library for each.
struct Place<'a> {
    room: &'a mut [u8],
    written: usize,
}

impl io::Write for Place<'_> {
    #[inline]
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        self.write_all(octets).map(|()| octets.len())
    }

    #[inline]
    fn write_all(&mut self, octets: &[u8]) -> io::Result<()> {
        let rest = self.room.get_mut(self.written..).unwrap_or_default();
        let Some(next) = rest.get_mut(..octets.len()) else { return Err(io::ErrorKind::WriteZero.into()) };
        next.copy_from_slice(octets);
        self.written += octets.len();
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

struct Borrowed<'a, C: Codec>(&'a C::Value);

struct Owned<C: Codec>(C::Value);

impl<C: Codec> Encode for Borrowed<'_, C> {
    fn write_into(&self, room: &mut [u8]) -> Option<usize> {
        let mut place = Place { room, written: 0 };
        C::write_to(self.0, &mut place).ok()?;
        Some(place.written)
    }

    fn to_bytes(&self) -> Bytes {
        C::encode(self.0).1
    }
}

impl<C: Codec> Encode for Owned<C> {
    fn write_into(&self, room: &mut [u8]) -> Option<usize> {
        Borrowed::<C>(&self.0).write_into(room)
    }

    fn to_bytes(&self) -> Bytes {
        C::encode(&self.0).1
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Json;

    #[test]
    fn a_value_is_written_where_there_is_room_for_it() {
        let value = vec!["a".to_owned(), "bc".to_owned()];
        let body = Body::of::<Json<Vec<String>>>(&value);
        let octets = body.to_bytes();
        assert_eq!(octets, r#"["a","bc"]"#);
        let Body::Value(written) = body else { panic!("a value") };
        for room in 0..octets.len() + 2 {
            let mut memory = vec![0; room];
            let length = written.write_into(&mut memory);
            assert_eq!(length, (room >= octets.len()).then_some(octets.len()), "in {room} octets");
            assert!(length.is_none_or(|length| memory[..length] == octets));
        }
    }

    #[test]
    fn what_it_says_is_in_no_log() {
        let secret = "0123456789abcdef".to_owned();
        let bodies = [Body::of::<Json<String>>(&secret), Body::from(Bytes::from(secret.clone()))];
        assert!(bodies.iter().all(|body| !format!("{body:?}").contains("abcdef")));
    }
}
