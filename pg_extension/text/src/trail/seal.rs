//! Checkpoints: a signature over the place up to which a trail goes. Whoever has one notices when records before it were all written anew.

use super::Digest;

/// What is signed: the checkpoint of a record with its hash, made at a time in microseconds since 2000. Never the text of a token, which has no line ends.
#[must_use]
pub fn checkpoint_text(sequence: i64, hash: &Digest, made_at: i64) -> Vec<u8> {
    format!(
        "pg_vpd audit checkpoint 1\n{sequence}\n{}\n{made_at}\n",
        hex(hash)
    )
    .into_bytes()
}

/// Bytes in hexadecimal, in small letters.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
