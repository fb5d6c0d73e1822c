//! Keys as they lie in memory: unwrapped, each derived for one purpose (NIST SP 800-108 in the form of HMAC-SHA-256 over a label).

use crate::error::{Error, Result};
use crate::sys::cipher;
use crate::sys::random;
use crate::sys::secret::{self, Secret};
use hmac::digest::Key as Block;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use vpd_text::sealed::{Closed, TAG_BYTES};

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
            encrypting: derived(bits, [b"pg_vpd 1 ", purpose.as_bytes(), b" encryption"])?,
            authenticating: derived(bits, [b"pg_vpd 1 ", purpose.as_bytes(), b" authentication"])?,
        })
    }

    /// The pair for what is sealed about a person: it takes the bits of the key and those of the person.
    pub fn of_person(bits: &[u8; 32], person: &[u8; 32]) -> Result<Self> {
        let both = derived(bits, [b"pg_vpd 1 ", b"person ", person])?;
        Self::of(both.bits(), "column")
    }

    /// See `close`.
    pub fn close(&self, head: Vec<u8>, beside: &[u8], plain: &[u8]) -> Result<Vec<u8>> {
        close(self.keys(), head, beside, plain)
    }

    /// See `open`.
    pub fn open(&self, beside: &[u8], closed: &Closed<'_>) -> Result<Vec<u8>> {
        open(self.keys(), beside, closed)
    }

    fn keys(&self) -> [&[u8; 32]; 2] {
        [self.encrypting.bits(), self.authenticating.bits()]
    }
}

impl Tagging {
    /// The tagging key of 256 bits.
    pub fn of(bits: &[u8; 32]) -> Result<Self> {
        derived(bits, [b"pg_vpd 1 ", b"column", b" equality"]).map(Self)
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

/// Appends IV, ciphertext and MAC to a head, which the MAC covers as well, as it does `beside`, which is not written. Two keys: to encrypt and to authenticate with.
pub fn close(
    [encrypting, authenticating]: [&[u8; 32]; 2],
    head: Vec<u8>,
    beside: &[u8],
    plain: &[u8],
) -> Result<Vec<u8>> {
    let iv = random::iv().ok_or_else(no_randomness)?;
    let mut bytes = head;
    let ciphertext = cipher::encrypt(encrypting, &iv, plain)?;
    bytes.reserve(IV_BYTES + ciphertext.len() + MAC_BYTES);
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

/// What was closed, if nothing was changed.
pub fn open(
    [encrypting, authenticating]: [&[u8; 32]; 2],
    beside: &[u8],
    closed: &Closed<'_>,
) -> Result<Vec<u8>> {
    hmac(authenticating)
        .chain_update(beside)
        .chain_update(closed.covered)
        .verify_slice(closed.mac)
        .map_err(|_| Error::envelope_broken())?;
    cipher::decrypt(encrypting, closed.iv, closed.ciphertext)
}

/// 256 bits for another purpose, which the label says.
fn derived(bits: &[u8; 32], label: [&[u8]; 3]) -> Result<Secret> {
    Secret::filled(|place| {
        let mut made = label
            .into_iter()
            .fold(hmac(bits), |hmac, part| hmac.chain_update(part))
            .finalize()
            .into_bytes();
        place.copy_from_slice(&made);
        secret::wipe(&mut made);
    })
}

/// HMAC-SHA-256 (RFC 2104) with a key.
pub fn hmac(key: &[u8; 32]) -> Hmac<Sha256> {
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
