//! Room on huge pages where the system has them: who looks at random places of much memory then waits for fewer translations of
//! addresses.

use rustix::mm::{Advice, madvise};

/// Room for so many things, which stay where they are as long as there are no more of them.
pub(crate) fn room<T>(count: usize) -> Vec<T> {
    let mut room = Vec::<T>::with_capacity(count);
    let (start, length) = (room.as_mut_ptr().cast::<u8>(), room.capacity() * size_of::<T>());
    let page = rustix::param::page_size();
    let before = start.align_offset(page);
    if let Some(pages) = length.checked_sub(before).map(|length| length - length % page).filter(|length| *length > 0) {
        // SAFETY: whole pages inside of what was just allocated. What is advised says how the system backs them, not what
        // they hold.
        let advised = unsafe { madvise(start.wrapping_add(before).cast(), pages, Advice::LinuxHugepage) };
        if let Err(why) = advised {
            tracing::debug!(%why, "no huge pages");
        }
    }
    room
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn things_stay_where_they_are() {
        for count in [0, 1, 511, 100_000] {
            let mut things = room::<u64>(count);
            let start = things.as_ptr();
            things.extend(0..count as u64);
            assert!(things.as_ptr() == start && things.iter().copied().eq(0..count as u64));
        }
    }
}
