//! Forgetting somebody: his keys are destroyed, unless rows that name him hold values that are about others, and would stay.

use super::differing::Differing;
use super::person::tables_of_kind;
use crate::error::{Error, Result};
use crate::sealing;
use crate::sys::{relation, xact};

/// Destroys the keys of a person, by a name and its kind; returns how many there were. By force nothing that owners of tables wrote is run, and nothing they hold is waited for: no row is looked at.
pub fn forget_person(name: &str, kind: &str, is_forced: bool) -> Result<u64> {
    let full_name = sealing::full_name(kind, name);
    sealing::forget_person(&full_name, || {
        let tables = if is_forced {
            Vec::new()
        } else {
            tables_of_kind(kind)
        };
        for (table, person) in tables {
            // An owner whose code fails keeps nobody from being forgotten.
            let differs = xact::attempt_among_others(|| {
                Differing::of(table, &person)?
                    .map_or(Ok(false), |differing| differing.names(name, &full_name))
            });
            match differs {
                Ok(true) => return Err(Error::person_rows_differ(&relation::full_name(table))),
                Ok(false) => (),
                Err(failure) => {
                    Error::person_not_searched(&relation::full_name(table), &failure.message).warn();
                }
            }
        }
        Ok(())
    })
}
