//! What ring, doorbell and ending share between threads. `tests/models.rs` compiles them with loom's in place of these.

pub(crate) use std::sync::atomic::{AtomicU32, AtomicU64, Ordering, fence};
pub(crate) use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
