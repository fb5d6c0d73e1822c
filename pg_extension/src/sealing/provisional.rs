//! Values with a key per person that are not about anybody yet: on their way to the trigger that knows the row. They take the key of nobody, which lives in this process and as long as the transaction: what
//! somebody keeps of them is good for nothing.

use super::key::{Pair, no_randomness};
use crate::error::Result;
use crate::sys::random;
use crate::sys::secret::{self, Secret};
use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

/// The number of nobody.
pub const NOBODY: u64 = 0;

thread_local! {
    static BITS: RefCell<Option<Secret>> = const { RefCell::new(None) };
    /// By key and version.
    static PAIRS: RefCell<HashMap<(u32, u32), Rc<Pair>>> = RefCell::default();
}

/// The pair of a version of a key, of which these are the bits, for nobody.
pub fn pair(key: u32, version: u32, bits: &Secret) -> Result<Rc<Pair>> {
    let known = PAIRS.with_borrow(|pairs| pairs.get(&(key, version)).map(Rc::clone));
    if let Some(known) = known {
        return Ok(known);
    }
    let pair = BITS.with_borrow_mut(|nobody| {
        let nobody = match nobody {
            Some(nobody) => nobody,
            None => nobody.insert(made()?),
        };
        Pair::of_person(bits.bits(), nobody.bits()).map(Rc::new)
    })?;
    PAIRS.with_borrow_mut(|pairs| pairs.insert((key, version), Rc::clone(&pair)));
    Ok(pair)
}

fn made() -> Result<Secret> {
    let mut random = random::bytes().ok_or_else(no_randomness)?;
    let secret = Secret::filled(|place| place.copy_from_slice(&random));
    secret::wipe(&mut random);
    secret
}

/// The transaction is over.
pub fn forget() {
    let forgotten = (PAIRS.take(), BITS.take());
    drop(forgotten);
}
