//! Sealed columns: values that are encrypted wherever they lie, with keys that a master key wraps.
//!
//! It knows no table and no query. Invariants: a value leaves this room open only for a session with the privilege of its key; no key leaves it at all;
//! nothing that it returns to be stored holds a value in the clear.

mod catalogue;
mod change;
mod column;
mod envelope;
mod key;
mod mask;
mod permit;
mod person;
mod provisional;
mod renewal;
mod seal;
mod unsealed;
mod value;
mod visibility;
mod wrapping;

pub use catalogue::{
    Hidden, forget as functions_changed, is_any, is_searchable, key_name, relation_changed, state,
};
pub use change::{Definition, create, destroy, destroy_version, forget_person, rewrap, rotate};
pub use column::{comparable, hold, modifier, modifier_text, new_place, require_open as require_open_place};
pub use key::hmac;
pub use mask::{mask, mask_value};
pub use person::full_name;
pub use provisional::forget as transaction_ended;
pub use renewal::{
    Others, Renewing, about, current_version, differs, has_persons, is_per_person, renewed, require_about,
    version,
};
pub use seal::{open_for_session as opened, opened_in_column, seal_text};
pub use unsealed::{Opening, met as column_met, take as take_unsealed};
pub use value::{coerced, envelope, hashed, order, rewritable, sealed, shown, sorted, sought, tagged, taken};
