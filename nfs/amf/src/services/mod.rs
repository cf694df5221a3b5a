//! The service operations the AMF uses, named as in TS 23.502: here HTTP ends and procedures begin.

mod ausf;
mod location;
mod smf;
mod udm;

pub(crate) use ausf::Challenge;
pub(crate) use smf::{NewSession, SmAnswer, SmFailure};
