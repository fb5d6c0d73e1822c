//! Values of application contexts as the current transaction sees them. Immutable once made, so that savepoints share them.

use super::identity::next_serial;
use crate::recent::Recent;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

/// Sets of values remembered by a backend with the serials they were given.
const REMEMBERED: usize = 32;

/// Values by namespace and attribute, both in canonical spelling.
pub type Entries = BTreeMap<(String, String), String>;

/// What trusted functions have set.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Values {
    /// Values of this session.
    pub own: Entries,
    /// Values shared between sessions, as far as this one sees them.
    pub shared: Rc<Entries>,
    /// The client identifier; `None` while it is the session's user.
    pub client_identifier: Option<String>,
}

impl Values {
    /// True when nothing is set.
    pub fn is_empty(&self) -> bool {
        self.own.is_empty() && self.shared.is_empty() && self.client_identifier.is_none()
    }
}

struct Remembered {
    identity: u64,
    values: Rc<Values>,
    serial: u64,
}

thread_local! {
    static KNOWN: RefCell<Recent<Remembered>> = const { RefCell::new(Recent::of(REMEMBERED)) };
}

/// The serial of an identity with these values. The same values give the same serial while they are remembered, so that what was
/// computed for them is found again.
pub fn serial(identity: u64, values: &Rc<Values>) -> u64 {
    if values.is_empty() {
        return identity;
    }
    KNOWN.with_borrow_mut(|known| {
        let is_it = |one: &Remembered| one.identity == identity && one.values == *values;
        if let Some(one) = known.find(is_it) {
            return one.serial;
        }
        let serial = next_serial();
        known.keep(Remembered {
            identity,
            values: Rc::clone(values),
            serial,
        });
        serial
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(value: &str) -> Rc<Values> {
        let key = ("NS".to_owned(), "A".to_owned());
        Rc::new(Values {
            own: Entries::from([(key, value.to_owned())]),
            ..Values::default()
        })
    }

    #[test]
    fn no_values_keep_the_serial_of_the_identity() {
        assert_eq!(serial(7, &Rc::default()), 7);
    }

    #[test]
    fn the_same_values_give_the_same_serial_and_others_another() {
        let first = serial(7, &with("x"));
        assert_ne!(first, 7);
        assert_ne!(serial(7, &with("y")), first);
        assert_ne!(serial(8, &with("x")), first);
        assert_eq!(serial(7, &with("x")), first);
    }

    #[test]
    fn what_was_forgotten_gets_a_serial_nobody_had() {
        let first = serial(7, &with("x"));
        for number in 0..REMEMBERED {
            serial(7, &with(&number.to_string()));
        }
        assert!(serial(7, &with("x")) > first);
    }
}
