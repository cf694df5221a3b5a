//! Fuzz targets: each takes octets, does with them what a peer could make us do, and asserts what must hold.
//!
//! [`TARGETS`] has all of them by name with seeds made by our own encoders. `cargo test -p fuzz` runs each over mutated
//! seeds; `tests/fuzz/run` runs them under libFuzzer, guided by coverage.

mod amf;
mod choices;
mod classifier;
mod config;
mod gtpu;
mod mutation;
mod nas;
mod ngap;
mod pfcp;
mod rules;
mod sbi;
mod shm;

pub use amf::amf;
pub use classifier::classifier;
pub use config::config;
pub use gtpu::gtpu;
pub use mutation::Mutator;
pub use nas::{nas_elements, nas_gmm, nas_gsm, nas_security};
pub use ngap::{ngap, ngap_transfers};
pub use pfcp::{pfcp, pfcp_node, pfcp_pair};
pub use rules::{flow_descriptions, rules};
pub use sbi::{sbi_multipart, sbi_nrf, sbi_token};
pub use shm::shm_channel;

/// A fuzz target.
pub struct Target {
    /// Its name: that of its function.
    pub name: &'static str,
    /// What it does with one input; panics when something does not hold.
    pub run: fn(&[u8]),
    /// Inputs to begin with.
    pub seeds: fn() -> Vec<Vec<u8>>,
}

macro_rules! targets {
    ($($name:ident: $seeds:path,)*) => {
        /// All targets.
        pub const TARGETS: &[Target] = &[$(Target { name: stringify!($name), run: $name, seeds: $seeds },)*];
    };
}

targets! {
    ngap: ngap::messages,
    ngap_transfers: ngap::transfers,
    nas_gmm: nas::gmm_messages,
    nas_gsm: nas::gsm_messages,
    nas_elements: nas::elements,
    nas_security: nas::security_sequences,
    amf: amf::sequences,
    pfcp: pfcp::packets,
    pfcp_node: pfcp::node_sequences,
    pfcp_pair: pfcp::pair_sequences,
    gtpu: gtpu::datagrams,
    rules: rules::sequences,
    flow_descriptions: rules::descriptions,
    classifier: classifier::sequences,
    sbi_multipart: sbi::multipart_bodies,
    sbi_nrf: sbi::nrf_requests,
    sbi_token: sbi::tokens,
    shm_channel: shm::channels,
    config: config::files,
}

/// The target of this name.
pub fn target(name: &str) -> Option<&'static Target> {
    TARGETS.iter().find(|target| target.name == name)
}
