//! Authentication and key agreement: MILENAGE, 5G-AKA, the 5G key hierarchy and SUCI concealment.
//!
//! Both ends are here. The network's: [`HomeVector::generate`] (UDM/ARPF), [`XresStar::hxres_star`] and
//! [`Kausf::kseaf`] (AUSF), [`Kseaf::kamf`] and what follows from it (AMF), [`suci::KeyRing::deconceal`]
//! (SIDF), [`Milenage::resynchronise`] (UDM). And the UE's: [`Usim::authenticate`], [`suci::conceal_imsi`].
//!
//! Nothing here waits or keeps state, except [`Usim`], which holds the sequence numbers a card has accepted.
//! Every secret prints as `<secret>` and is zeroed when dropped.

mod error;
mod hierarchy;
mod milenage;
mod secret;
mod sequence;
pub mod suci;
mod usim;
mod vector;

pub use error::{AkaError, AutnError};
pub use hierarchy::{
    AlgorithmKey, HxresStar, Kamf, Kausf, Kgnb, Kseaf, NextHop, ResStar, XresStar, hres_star, serving_network_name,
};
pub use milenage::{K, Milenage, Op, Opc};
pub use sequence::{Sqn, SqnArray};
pub use usim::{Usim, UsimAnswer};
pub use vector::{AmfField, Autn, Auts, HomeVector, Rand};
