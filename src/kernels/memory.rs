//! Memory between steps: the next step needs again what the last one freed.

use std::ffi::c_long;

use libmimalloc_sys::{_mi_option_last, mi_option_set, mi_option_t};

/// `mi_option_purge_delay` of mimalloc's header, which the crate does not name: milliseconds after which freed memory goes
/// back to the system.
const PURGE_DELAY: mi_option_t = 15;
const NEVER: c_long = -1;

/// The header that the number above was read in has so many options: with another, look again.
const _: () = assert!(_mi_option_last == 47);

/// Tells the allocator to keep what is freed: pages that come back from the system are cleared first, which costs a
/// training step some 3 % of its time. Call it before threads are started.
pub fn keep_what_is_freed() {
    // SAFETY: the number is that of an option. Setting it is a plain write, which the allocator reads when it frees: `main`
    // calls this first, while no other thread is there; a later call would at worst be read late.
    unsafe { mi_option_set(PURGE_DELAY, NEVER) }
}
