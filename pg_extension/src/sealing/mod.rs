//! Sealed columns: values that are encrypted wherever they lie, with keys that a master key wraps.
//!
//! It knows no table and no query. Invariants: a value leaves this room open only for a session with the privilege of its key; no key leaves it at all;
//! nothing that it returns to be stored holds a value in the clear.

mod catalogue;
mod column;
mod envelope;
mod key;
mod mask;
mod seal;
mod value;
mod visibility;

pub use catalogue::{
    Definition, Hidden, create, destroy, forget as functions_changed, is_any, relation_changed, rotate, state,
};
pub use column::{comparable, modifier, modifier_text, new_place};
pub use mask::{mask, mask_value};
pub use seal::{open_for_session as opened, seal_text};
pub use value::{coerced, envelope, hashed, order, rewritable, sealed, shown, sorted, tagged, taken};
