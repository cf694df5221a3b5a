//! One module per service of TS 29.5xx, and one per kind of NF for the notifications it receives.

pub mod namf_callback;
pub mod namf_comm;
pub mod nausf_auth;
pub mod nnrf_callback;
pub mod nnrf_disc;
pub mod nnrf_nfm;
pub mod nnrf_oauth2;
pub mod nsmf_callback;
pub mod nsmf_pdusession;
pub mod nudm_sdm;
pub mod nudm_ueau;
pub mod nudm_uecm;
pub mod nudr_dr;
