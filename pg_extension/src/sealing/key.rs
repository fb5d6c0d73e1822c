//! Keys as they lie in memory: unwrapped, each derived for one purpose (NIST SP 800-108 in the form of HMAC-SHA-256 over a label).

use crate::error::{Error, Result};
use crate::sys::cipher;
use crate::sys::random;
use crate::sys::secret::{self, Secret};
use hmac::digest::Key as Block;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use vpd_text::sealed::TAG_BYTES;

const IV_BYTES: usize = 16;
const MAC_BYTES: usize = 32;

/// A key for encryption, and one that authenticates what was encrypted.
pub struct Pair {
    encrypting: Secret,
    authenticating: Secret,
}

/// A key that makes tags.
pub struct Tagging(Secret);

impl Pair {
    /// The pair of 256 bits, for a purpose.
    pub fn of(bits: &[u8; 32], purpose: &str) -> Result<Self> {
        Ok(Self {
            encrypting: derived(bits, purpose, "encryption")?,
            authenticating: derived(bits, purpose, "authentication")?,
        })
    }

    /// Appends IV, ciphertext and MAC to a head, which the MAC covers as well, as it does `beside`, which is not written.
    pub fn close(&self, head: Vec<u8>, beside: &[u8], plain: &[u8]) -> Result<Vec<u8>> {
        close(
            self.encrypting.bits(),
            self.authenticating.bits(),
            head,
            beside,
            plain,
        )
    }

    /// What was closed, if nothing was changed.
    pub fn open(
        &self,
        covered: &[u8],
        beside: &[u8],
        iv: &[u8; 16],
        ciphertext: &[u8],
        mac: &[u8; 32],
    ) -> Result<Vec<u8>> {
        open(
            [self.encrypting.bits(), self.authenticating.bits()],
            [beside, covered],
            iv,
            ciphertext,
            mac,
        )
    }
}

impl Tagging {
    /// The tagging key of 256 bits.
    pub fn of(bits: &[u8; 32]) -> Result<Self> {
        derived(bits, "column", "equality").map(Self)
    }

    /// The tag of a value: 128 bits of its HMAC.
    pub fn tag(&self, normal: &[u8]) -> [u8; TAG_BYTES] {
        tag(self.0.bits(), normal)
    }
}

/// 128 bits of an HMAC.
pub fn tag(key: &[u8; 32], normal: &[u8]) -> [u8; TAG_BYTES] {
    let whole = hmac(key).chain_update(normal).finalize().into_bytes();
    let mut tag = [0; TAG_BYTES];
    tag.copy_from_slice(&whole[..TAG_BYTES]);
    tag
}

/// See `Pair::close`.
pub fn close(
    encrypting: &[u8; 32],
    authenticating: &[u8; 32],
    head: Vec<u8>,
    beside: &[u8],
    plain: &[u8],
) -> Result<Vec<u8>> {
    let random = random::bytes().ok_or_else(no_randomness)?;
    let mut iv = [0; IV_BYTES];
    iv.copy_from_slice(&random[..IV_BYTES]);
    let mut bytes = head;
    let ciphertext = cipher::encrypt(encrypting, &iv, plain)?;
    bytes.reserve_exact(IV_BYTES + ciphertext.len() + MAC_BYTES);
    bytes.extend(iv);
    bytes.extend(ciphertext);
    let mac = hmac(authenticating)
        .chain_update(beside)
        .chain_update(&bytes)
        .finalize()
        .into_bytes();
    bytes.extend(mac);
    Ok(bytes)
}

/// See `Pair::open`: the keys to decrypt and to authenticate with, and the two parts that the MAC covers.
pub fn open(
    [encrypting, authenticating]: [&[u8; 32]; 2],
    [beside, covered]: [&[u8]; 2],
    iv: &[u8; 16],
    ciphertext: &[u8],
    mac: &[u8; 32],
) -> Result<Vec<u8>> {
    hmac(authenticating)
        .chain_update(beside)
        .chain_update(covered)
        .verify_slice(mac)
        .map_err(|_| Error::envelope_broken())?;
    cipher::decrypt(encrypting, iv, ciphertext)
}

/// The same 256 bits for another purpose.
fn derived(bits: &[u8; 32], purpose: &str, use_of: &str) -> Result<Secret> {
    Secret::filled(|place| {
        let mut made = hmac(bits)
            .chain_update(b"pg_vpd 1 ")
            .chain_update(purpose)
            .chain_update(b" ")
            .chain_update(use_of)
            .finalize()
            .into_bytes();
        place.copy_from_slice(&made);
        secret::wipe(&mut made);
    })
}

fn hmac(key: &[u8; 32]) -> Hmac<Sha256> {
    // As long as a block: HMAC itself fills up a shorter one with zeros.
    let mut block = Block::<Hmac<Sha256>>::default();
    block[..key.len()].copy_from_slice(key);
    let made = Hmac::<Sha256>::new(&block);
    secret::wipe(&mut block);
    made
}

pub fn no_randomness() -> Error {
    Error::not_ready("the server has no random numbers", "Try again.")
}
