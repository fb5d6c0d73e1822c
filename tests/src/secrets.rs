//! The search for secrets where none may be: anything shaped like a token, a ticket or a message nonce.
//! It reports where, never what.

use std::path::PathBuf;

/// Shortest tail of a secret: 256 bits in base64url are 43 letters.
const TAIL: usize = 43;

/// Folder the logs of the test servers stay in after their clusters are gone, beside the test programs.
#[must_use]
pub fn log_folder() -> PathBuf {
    let program = std::env::current_exe().unwrap_or_default();
    program
        .parent()
        .map_or_else(std::env::temp_dir, PathBuf::from)
        .join("vpd-test-logs")
}

/// Offsets at which a text holds something shaped like a secret (`vs_…`, `vt_…`, `vm_…`).
#[must_use]
pub fn find_secrets(text: &[u8]) -> Vec<usize> {
    let is_tail = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    let starts_secret = |window: &[u8]| {
        window[0] == b'v'
            && matches!(window[1], b's' | b't' | b'm')
            && window[2] == b'_'
            && window[3..].iter().all(is_tail)
    };
    text.windows(TAIL + 3)
        .enumerate()
        .filter(|(_, window)| starts_secret(window))
        .map(|(at, _)| at)
        .collect()
}
