//! The document of definitions: its fields, its sections, and its file.
//!
//! Not here: which sections there are, and what the database has of them. Invariant: two definitions that mean the same have one normal form.

pub mod document;
pub mod field;
pub mod form;
pub mod item;
pub mod moment;
pub mod section;
pub mod times;
