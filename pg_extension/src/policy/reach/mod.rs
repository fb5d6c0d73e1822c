//! What row security does not reach: commands that show or change stored rows without asking a policy.
//!
//! What it is not: it looks at no statement; hooks do and ask here.
//! Invariant: a role that policies apply to is refused; whoever they do not apply to is warned when the door stays open for others.

mod defence;
mod joined;
mod reader;
mod store;
mod stored_code;
mod stored_type;

pub use defence::{
    close_all_forced, close_forced, has_guard, has_trigger, is_own_trigger, warn_of_missing_defences,
    warn_of_native_policy,
};
pub use joined::follow_joined;
pub use reader::{check_publication, check_reader, check_readers_of};
pub use store::{check_truncate, refuse_reading_store};
pub use stored_code::{check_column, check_partition_key, warn_of_stored_code};
pub use stored_type::{check_names_of_type, check_type};
