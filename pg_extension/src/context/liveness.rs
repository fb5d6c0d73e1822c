//! Whether the attached session still lives.

use super::attached::ATTACHED;
use super::keepers;
use crate::error::{Error, Result};
use crate::sys::{clock, shmem, spi};
use std::rc::Rc;

/// An error when the attached session has expired or was ended, at whatever isolation level the transaction runs.
/// Costs a look at the clock and at a counter unless a session ended somewhere or a time-out came near.
pub fn require_live() -> Result<()> {
    // Most statements of a server are none of our business: they cost this look and no more.
    if !ATTACHED.with_borrow(|attached| {
        attached
            .as_ref()
            .is_some_and(|attached| attached.liveness.is_some())
    }) {
        return Ok(());
    }
    let now = clock::now();
    let revocations = shmem::revocation_generation();
    let suspect = ATTACHED.with_borrow(|attached| {
        let attached = attached.as_ref()?;
        let liveness = attached.liveness?;
        let is_unquestioned = attached.revocations == revocations && now < liveness.idle_expires_at;
        (!is_unquestioned).then(|| Rc::clone(&attached.identity))
    });
    let Some(identity) = suspect else {
        return Ok(());
    };
    let liveness = spi::announced(|| keepers::liveness(&identity)).ok_or_else(Error::session_invalid)?;
    ATTACHED.with_borrow_mut(|attached| {
        if let Some(attached) = attached {
            attached.liveness = Some(liveness);
            attached.revocations = revocations;
        }
    });
    Ok(())
}
