//! Random bytes from the server's cryptographic generator.

use pgrx::pg_sys;
use std::cell::RefCell;

/// Bytes that are had from the generator at a time.
const PIECE: usize = 1024;
const IV: usize = 16;

thread_local! {
    static REST: RefCell<Rest> = const { RefCell::new(Rest { process: 0, left: 0, bytes: [0; PIECE] }) };
}

/// What is left of a piece: bytes of this process, the first so many.
struct Rest {
    process: i32,
    left: usize,
    bytes: [u8; PIECE],
}

/// 256 random bits, or `None` when the generator has no entropy to give.
pub fn bytes() -> Option<[u8; 32]> {
    let mut bytes = [0u8; 32];
    is_filled(&mut bytes).then_some(bytes)
}

/// 128 random bits that nobody could guess and that are no secret afterwards, for an encryption to begin with. They are cut off a larger piece, each once; a process takes
/// nothing of what it was forked with.
pub fn iv() -> Option<[u8; IV]> {
    REST.with_borrow_mut(|rest| {
        // SAFETY: a number that the server sets when the process begins.
        let process = unsafe { pg_sys::MyProcPid };
        if rest.process != process || rest.left < IV {
            rest.left = 0;
            if !is_filled(&mut rest.bytes) {
                return None;
            }
            rest.left = PIECE;
            rest.process = process;
        }
        let start = rest.left - IV;
        let used = rest.bytes.get_mut(start..rest.left)?;
        let iv = <[u8; IV]>::try_from(&*used).ok()?;
        used.fill(0);
        rest.left = start;
        Some(iv)
    })
}

fn is_filled(bytes: &mut [u8]) -> bool {
    // SAFETY: the buffer has that length and is writable.
    unsafe { pg_sys::pg_strong_random(bytes.as_mut_ptr().cast(), bytes.len()) }
}
