//! Sealed values: what their bytes and texts mean, and the file that master keys come from. It knows no key and encrypts nothing.

mod form;
mod master;
mod name;
mod text;

pub use form::{
    Binding, Closed, Envelope, Form, Kind, Malformed, Passing, TAG_BYTES, mask_form, passing_head, tag_form,
    tag_in,
};
pub use master::{MAX_KEYS, MAX_NAME_BYTES, MasterKey, MasterKeysInvalid, read as read_master_keys};
pub use name::is_key_name;
pub use text::{PREFIX, read as read_text, write as write_text};
