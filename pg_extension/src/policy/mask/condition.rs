//! When a masked value is shown.

use crate::context::{self, Standing};
use crate::error::Result;
use crate::recent::Recent;
use crate::sys::predicate::{Compiled, Verdict};
use crate::sys::spi;
use std::cell::{Cell, RefCell};
use std::rc::Rc;

/// Verdicts kept for as many sessions as a pooled connection is likely to alternate between.
const SESSIONS_KEPT: usize = 64;

thread_local! {
    /// How often masks were forgotten.
    static FORGOTTEN: Cell<u64> = const { Cell::new(0) };
}

/// When the value is shown, with what that came to for the sessions of this backend, by what the answers rested on. A verdict is good until
/// some relation changes.
pub struct Condition {
    pub predicate: Rc<Compiled>,
    /// Whether the value is shown where nobody is attached.
    pub is_lifted_without_session: bool,
    verdicts: RefCell<Recent<((Standing, u64), Verdict)>>,
}

impl Condition {
    pub fn new(predicate: Rc<Compiled>) -> Self {
        Self {
            predicate,
            is_lifted_without_session: false,
            verdicts: RefCell::new(Recent::of(SESSIONS_KEPT)),
        }
    }

    /// A mask that is lifted where nobody is attached: what is shown then is no value.
    pub fn lifted_without_session(predicate: Rc<Compiled>) -> Self {
        Self {
            is_lifted_without_session: true,
            ..Self::new(predicate)
        }
    }

    /// The same, as far as it was found before.
    pub fn known(&self, standing: Standing) -> Option<Verdict> {
        if standing.is_none() {
            return Some(if self.is_lifted_without_session {
                Verdict::Always
            } else {
                Verdict::Never
            });
        }
        let now = (standing, FORGOTTEN.get());
        let mut verdicts = self.verdicts.borrow_mut();
        verdicts
            .find(|(known, _)| *known == now)
            .map(|(_, verdict)| *verdict)
    }

    /// What it comes to for the attached session.
    pub fn verdict(&self) -> Result<Verdict> {
        let standing = context::standing();
        if let Some(known) = self.known(standing) {
            return Ok(known);
        }
        let looks = spi::looks();
        // Values that other sessions share may change before the plan runs: then it reads them itself.
        let verdict = self.predicate.verdict(!context::has_shared_values())?;
        // So it does with everything else that may.
        let verdict = if spi::looks() == looks {
            verdict
        } else {
            Verdict::ByRow
        };
        self.verdicts
            .borrow_mut()
            .keep(((standing, FORGOTTEN.get()), verdict));
        Ok(verdict)
    }
}

/// How often masks were forgotten.
pub fn forgotten() -> u64 {
    FORGOTTEN.get()
}

/// Masks are forgotten: no verdict from before is good.
pub fn forget() {
    FORGOTTEN.set(FORGOTTEN.get().wrapping_add(1));
}
