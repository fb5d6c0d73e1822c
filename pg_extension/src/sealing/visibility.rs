//! Who sees what a key seals.

use super::catalogue::Key;
use crate::context;
use crate::error::{Error, Result};

/// What the attached session sees of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sight {
    /// The value.
    Open,
    /// What stands for it.
    Hidden,
    /// Nobody is attached: the envelope.
    Envelope,
}

/// What the attached session sees of what a key seals.
pub fn sight(key: &Key) -> Sight {
    match context::identity() {
        None => Sight::Envelope,
        Some(identity) if identity.authority.privileges.contains(&key.privilege) => Sight::Open,
        Some(_) => Sight::Hidden,
    }
}

/// An error unless the attached session may unseal, and compare with, what a key seals.
pub fn require_open(key: &Key) -> Result<()> {
    match sight(key) {
        Sight::Open if key.is_destroyed => Err(Error::key_destroyed(&key.name)),
        Sight::Open => Ok(()),
        Sight::Hidden | Sight::Envelope => Err(Error::unseal_refused(&key.name)),
    }
}
