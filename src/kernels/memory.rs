//! Memory between steps: what a step frees the next one needs again.

use std::ffi::c_long;

use libmimalloc_sys::{mi_option_set, mi_option_t};

/// `mi_option_purge_delay` of mimalloc's header: milliseconds after which freed memory goes back to the system.
const PURGE_DELAY: mi_option_t = 15;
const NEVER: c_long = -1;

/// Tells the allocator to keep what is freed: pages that come back from the system are cleared first, which costs a
/// training step some 3 % of its time. Call it before threads are started.
pub fn keep_what_is_freed() {
    // SAFETY: sets a number of the allocator's, which it reads whenever it frees; nothing else is touched.
    unsafe { mi_option_set(PURGE_DELAY, NEVER) }
}
