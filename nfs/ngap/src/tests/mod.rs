//! Tests of the crate as a whole.

mod clause_10;
mod octets;
mod round_trips;
