//! Sealed columns: what lies on the disk, what each session sees, what is equal.

mod bytes;
mod cipher;
mod core_dump;
mod corpus;
mod definition;
mod equality;
mod keys;
mod moving;
pub mod scene;
mod showing;
mod traces;
