//! The atomics of ring and doorbell. `tests/models.rs` compiles both with loom's in place of these.

pub(crate) use std::sync::atomic::{AtomicU32, AtomicU64, Ordering, fence};
