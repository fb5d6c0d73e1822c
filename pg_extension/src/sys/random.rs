//! Random bytes from the server's cryptographic generator.

use pgrx::pg_sys;

/// 256 random bits, or `None` when the generator has no entropy to give.
pub fn bytes() -> Option<[u8; 32]> {
    let mut bytes = [0u8; 32];
    // SAFETY: the buffer is 32 bytes long and writable.
    let is_filled = unsafe { pg_sys::pg_strong_random(bytes.as_mut_ptr().cast(), bytes.len()) };
    is_filled.then_some(bytes)
}
